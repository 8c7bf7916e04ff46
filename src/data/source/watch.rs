//! The wire between a scan and whoever waits for it.

use super::Sources;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far a scan is, that it shall stop, and where it may fetch data from. The default reaches local files only.
#[derive(Debug, Default)]
pub struct Watch {
    stop: AtomicBool,
    rows: AtomicU64,
    sources: Arc<Sources>,
}

impl Watch {
    /// A watch whose readers may fetch from other machines.
    pub fn reaching(sources: &Arc<Sources>) -> Watch {
        Watch { sources: sources.clone(), ..Watch::default() }
    }

    /// Makes every reader of the table end with an error at its next block.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Rows read so far, by all passes together.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Bytes fetched so far from other machines, by everything that shares the sources.
    pub fn fetched(&self) -> u64 {
        self.sources.fetched()
    }

    pub(in crate::data) fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }

    pub(in crate::data) fn add_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(in crate::data) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
