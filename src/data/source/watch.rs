//! The wire between a scan and whoever waits for it.

use super::Sources;
use super::stamp::{self, Stamp};
use crate::data::workers::lock;
use crate::model::Fault;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// How far a scan is, that it shall stop, and where it may fetch data from. The default reaches local files only.
#[derive(Debug, Default)]
pub struct Watch {
    stop: AtomicBool,
    rows: AtomicU64,
    sources: Arc<Sources>,
    /// The files on disk that were opened, by name and as the run first found them.
    opened: Mutex<BTreeMap<PathBuf, (String, Stamp)>>,
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

    /// That every file on disk which was opened is still as it was then. To be asked after the last byte was read.
    ///
    /// # Errors
    /// One was written to, or another one has its name: its digest is not that of the rows that were read.
    pub fn unchanged(&self) -> Result<(), Fault> {
        lock(&self.opened).iter().try_for_each(|(path, (name, first))| still(path, name, first))
    }

    /// As [`Watch::unchanged`], of one file.
    pub(super) fn is_unchanged(&self, path: &Path) -> Result<(), Fault> {
        lock(&self.opened).get(path).map_or(Ok(()), |(name, first)| still(path, name, first))
    }

    /// That a file which was just opened is the one that the run first found by this path.
    pub(super) fn opened(&self, path: &Path, name: &str, file: &File) -> std::io::Result<Result<(), Fault>> {
        let now = Stamp::of(&file.metadata()?);
        let first = *lock(&self.sources.stamps).entry(path.to_path_buf()).or_insert(now);
        lock(&self.opened).entry(path.to_path_buf()).or_insert_with(|| (name.to_string(), first));
        Ok(if first == now { Ok(()) } else { Err(first.differs(name, &now)) })
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

/// Stops the scans of a watch when whoever waits for them is gone.
pub struct StopOnDrop(pub Arc<Watch>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn still(path: &Path, name: &str, first: &Stamp) -> Result<(), Fault> {
    match std::fs::metadata(path) {
        Ok(meta) if Stamp::of(&meta) == *first => Ok(()),
        Ok(meta) => Err(first.differs(name, &Stamp::of(&meta))),
        Err(e) => Err(stamp::changed(name, &e.to_string())),
    }
}
