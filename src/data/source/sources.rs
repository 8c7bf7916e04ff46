//! What it takes to reach data on other machines: credentials by a lookup, a client, and a place for what was fetched.

use super::http::{Http, Patience};
use super::spool::{Object, Spool};
use super::stamp::Stamp;
use super::store::Bucket;
use super::watch::Watch;
use crate::model::Fault;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::runtime::Runtime;

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Shared by all data sets of a run. Environment variables are not read here: they come in through a lookup. The
/// default knows none and keeps what it fetches in the system's folder for temporary files.
pub struct Sources {
    lookup: Box<Lookup>,
    spool: Arc<Spool>,
    http: OnceLock<Result<Http, Fault>>,
    pub(super) objects: Mutex<HashMap<String, Arc<Object>>>,
    pub(super) buckets: Mutex<HashMap<String, Arc<Bucket>>>,
    /// Each file on disk as the run first found it.
    pub(super) stamps: Mutex<HashMap<PathBuf, Stamp>>,
    /// Downloads run on a runtime of their own, so that threads that read may wait for them from anywhere.
    runtime: OnceLock<Option<Runtime>>,
}

impl Sources {
    /// `scratch` is a folder for what is fetched, made on demand.
    pub fn from_lookup(scratch: &Path, lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Sources {
        let given = move |name: &str| lookup(name).filter(|value| !value.is_empty());
        let budget = given("MLGATE_SPOOL_BYTES").and_then(|bytes| bytes.parse().ok());
        Sources {
            spool: Arc::new(Spool::new(scratch.to_path_buf(), budget)),
            lookup: Box::new(given),
            http: OnceLock::new(),
            objects: Mutex::default(),
            buckets: Mutex::default(),
            stamps: Mutex::default(),
            runtime: OnceLock::new(),
        }
    }

    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
    }

    /// The first of these variables that is set.
    pub(super) fn first_of(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.variable(name))
    }

    pub(super) fn home(&self, below: &str) -> Option<PathBuf> {
        Some(PathBuf::from(self.variable("HOME")?).join(below))
    }

    pub(super) fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }

    pub(super) fn fetched(&self) -> u64 {
        self.spool.fetched()
    }

    pub(crate) fn http(&self) -> Result<Http, Fault> {
        let patience = || {
            let seconds = self.variable("MLGATE_READ_TIMEOUT").and_then(|text| text.parse().ok());
            seconds.map_or_else(Patience::default, |s| Patience { read: Duration::from_secs(s), ..Patience::default() })
        };
        self.http.get_or_init(|| Http::new(patience())).clone()
    }

    fn runtime(&self) -> Result<&Runtime, Fault> {
        let make = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().ok();
        let none = || Fault::new("fetch data", "cannot start the threads for it", "");
        self.runtime.get_or_init(make).as_ref().ok_or_else(none)
    }

    /// Starts work whose outcome nobody waits for.
    pub(super) fn begin(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = self.runtime() {
            runtime.spawn(work);
        }
    }

    /// Runs `work` and waits for it, until the watch says stop.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        watch: &Watch,
        what: &str,
        work: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Result<T, Fault> {
        let (sender, receiver) = mpsc::channel();
        let running = self.runtime()?.spawn(async move {
            let _ = sender.send(work.await);
        });
        loop {
            match receiver.recv_timeout(Duration::from_millis(50)) {
                Ok(done) => return done,
                Err(RecvTimeoutError::Timeout) if watch.stopped() => {
                    running.abort();
                    return Err(Fault::new(what, "stopped", ""));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Fault::new(what, "the download broke off", "")),
            }
        }
    }
}

impl Default for Sources {
    fn default() -> Sources {
        Sources::from_lookup(&std::env::temp_dir(), |_| None)
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

impl Drop for Sources {
    fn drop(&mut self) {
        // Waiting for its threads is not allowed where the last owner is asynchronous.
        if let Some(runtime) = self.runtime.take().flatten() {
            runtime.shutdown_background();
        }
    }
}
