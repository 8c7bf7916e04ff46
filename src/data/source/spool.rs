//! Files fetched from other machines. Each is streamed once to disk while it is hashed, so that what was hashed is
//! what is read. Files are kept while they fit in the budget; one that was dropped is fetched again when it is
//! needed, and must then have the same digest.

use super::hash::{Expected, Hashes, Known};
use super::http::Patience;
use super::stamp;
use super::store::Place;
use crate::data::workers::lock;
use crate::model::{Fault, Unit};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Seek, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use tempfile::{NamedTempFile, TempDir, TempPath};

/// All fetched files together, unless `MLGATE_SPOOL_BYTES` says otherwise.
const BUDGET: u64 = 4 << 30;
/// So many are kept whatever their size: the one that is read, and the next.
const LEAST_KEPT: usize = 2;
/// Progress that makes the attempts at a file count from one again.
const ENOUGH: u64 = 8 << 20;

/// Bytes on their way.
pub(super) struct Body {
    /// Position in the file of the first byte.
    pub start: u64,
    pub total: Option<u64>,
    /// Names this version of the content, so that reading can go on later.
    pub tag: Option<String>,
    pub stream: BoxStream<'static, Result<Bytes, Trouble>>,
}

/// Why an attempt failed, and what may be tried next.
#[derive(Debug)]
pub(super) struct Trouble {
    pub why: String,
    pub hint: String,
    pub next: Next,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    GiveUp,
    /// There is no such file.
    Absent,
    /// Go on where it broke off.
    Resume,
    /// What was read so far is of no use.
    Restart,
}

impl Trouble {
    pub fn lasting(why: impl Into<String>, hint: impl Into<String>) -> Trouble {
        Trouble { why: why.into(), hint: hint.into(), next: Next::GiveUp }
    }

    pub fn passing(why: impl Into<String>) -> Trouble {
        Trouble { why: why.into(), hint: "try again later".into(), next: Next::Resume }
    }

    pub fn changed(why: impl Into<String>) -> Trouble {
        Trouble { why: why.into(), hint: stamp::HINT.into(), next: Next::Restart }
    }
}

/// The folder of fetched files.
pub(super) struct Spool {
    scratch: PathBuf,
    budget: u64,
    folder: OnceLock<Result<TempDir, Fault>>,
    /// The one used last is at the end.
    kept: Mutex<VecDeque<Kept>>,
    fetched: AtomicU64,
}

struct Kept {
    object: u64,
    path: TempPath,
    bytes: u64,
}

impl Spool {
    pub fn new(scratch: PathBuf, budget: Option<u64>) -> Spool {
        let budget = budget.unwrap_or(BUDGET);
        Spool { scratch, budget, folder: OnceLock::new(), kept: Mutex::default(), fetched: AtomicU64::new(0) }
    }

    pub fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    fn file(&self) -> Result<NamedTempFile, Fault> {
        let what = || format!("keep fetched data in {}", self.scratch.display());
        let make = || {
            let made = std::fs::create_dir_all(&self.scratch);
            self.sweep();
            let prefix = format!("fetched-{}-", std::process::id());
            let made = made.and_then(|()| tempfile::Builder::new().prefix(&prefix).tempdir_in(&self.scratch));
            made.map_err(|e| Fault::new(what(), e, "is the folder writable?"))
        };
        let folder = self.folder.get_or_init(make).as_ref().map_err(Clone::clone)?;
        tempfile::Builder::new().tempfile_in(folder.path()).map_err(|e| Fault::new(what(), e, ""))
    }

    /// Removes what runs left that were killed.
    fn sweep(&self) {
        for entry in std::fs::read_dir(&self.scratch).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| name.strip_prefix("fetched-")?.split('-').next()?.parse().ok());
            let owner = owner.and_then(rustix::process::Pid::from_raw);
            if owner.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH)) {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    fn find(&self, object: u64) -> Option<(File, PathBuf)> {
        let mut kept = lock(&self.kept);
        let at = kept.iter().position(|kept| kept.object == object)?;
        let found = kept.remove(at)?;
        let opened = File::open(&found.path).ok().map(|file| (file, found.path.to_path_buf()));
        if opened.is_some() {
            kept.push_back(found);
        }
        opened
    }

    fn keep(&self, object: u64, file: NamedTempFile, bytes: u64) {
        let mut kept = lock(&self.kept);
        kept.push_back(Kept { object, path: file.into_temp_path(), bytes });
        let mut all: u64 = kept.iter().map(|kept| kept.bytes).sum();
        while all > self.budget && kept.len() > LEAST_KEPT {
            let Some(oldest) = kept.pop_front() else { break };
            all -= oldest.bytes;
        }
    }
}

/// One file on another machine.
pub(super) struct Object {
    /// No other object of the process ever has it: an address in memory would be used again, and another file's bytes
    /// taken for these.
    id: u64,
    /// As messages and the record name it: without credentials.
    pub name: String,
    place: Place,
    spool: Arc<Spool>,
    patience: Patience,
    known: Mutex<Option<Known>>,
    /// What DVC says of it.
    expected: Option<Expected>,
    /// It may not be longer.
    most: u64,
    /// It was looked for and is not there.
    absent: AtomicBool,
    /// One download at a time.
    flight: tokio::sync::Mutex<()>,
    /// The file that will be read after this one.
    next: OnceLock<Weak<Object>>,
}

impl Object {
    pub fn new(
        name: String,
        place: Place,
        spool: &Arc<Spool>,
        patience: Patience,
        expected: Option<Expected>,
    ) -> Object {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Object {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            name,
            place,
            spool: spool.clone(),
            patience,
            known: Mutex::default(),
            expected,
            most: u64::MAX,
            absent: AtomicBool::new(false),
            flight: tokio::sync::Mutex::default(),
            next: OnceLock::new(),
        }
    }

    /// The same of which more bytes are a fault.
    pub fn at_most(self, most: u64) -> Object {
        Object { most, ..self }
    }

    pub fn is_absent(&self) -> bool {
        self.absent.load(Ordering::Relaxed)
    }

    pub fn followed_by(&self, next: &Arc<Object>) {
        let _ = self.next.set(Arc::downgrade(next));
    }

    /// The next one, if it has never been fetched.
    pub fn next_unread(&self) -> Option<Arc<Object>> {
        self.next.get()?.upgrade().filter(|next| next.known().is_none())
    }

    pub fn known(&self) -> Option<Known> {
        lock(&self.known).clone()
    }

    /// The file if it is on disk already, and where.
    pub fn on_disk(&self) -> Option<(File, PathBuf)> {
        self.spool.find(self.id)
    }

    /// The file, fetched if need be.
    pub async fn open(self: Arc<Self>) -> Result<(File, PathBuf, Known), Fault> {
        let _flight = self.flight.lock().await;
        let what = || format!("read {}", self.name);
        if let (Some((file, path)), Some(known)) = (self.on_disk(), self.known()) {
            return Ok((file, path, known));
        }
        let (spooled, known) = self.fetch().await?;
        if let Some(before) = self.known()
            && before != known
        {
            let why = format!("it changed while it was read: first {}, now {}", before.sha256, known.sha256);
            return Err(Fault::new(what(), why, stamp::HINT));
        }
        if let Some(why) = self.expected.as_ref().and_then(|expected| expected.differs(&known)) {
            return Err(Fault::new(what(), why, "the DVC remote holds damaged data: push it again"));
        }
        *lock(&self.known) = Some(known.clone());
        let path = spooled.path().to_path_buf();
        let file = File::open(&path).map_err(|e| Fault::new(what(), e, ""))?;
        self.spool.keep(self.id, spooled, known.bytes);
        Ok((file, path, known))
    }

    /// Streams the file to disk, going on where a connection broke off if the server can.
    async fn fetch(&self) -> Result<(NamedTempFile, Known), Fault> {
        let what = format!("read {}", self.name);
        let mut file = self.spool.file()?;
        let (mut hashes, mut at, mut tag) = (Hashes::new(self.expected.is_some()), 0_u64, None::<String>);
        let (mut pauses, mut mark) = (self.patience.pauses(), 0);
        loop {
            let trouble = match self.place.body(at, tag.as_deref()).await {
                Err(trouble) => trouble,
                Ok(body) => {
                    if body.start != at {
                        (hashes, at) = (self.rewind(&mut file, &what)?, 0);
                    }
                    tag = body.tag.clone();
                    match self.pour(body, &mut file, &mut hashes, &mut at, &what).await? {
                        None => return Ok((file, hashes.finish(at))),
                        Some(trouble) => trouble,
                    }
                }
            };
            if at > mark + ENOUGH {
                (pauses, mark) = (self.patience.pauses(), at);
            }
            if trouble.next == Next::Restart || tag.is_none() {
                (hashes, at, mark, tag) = (self.rewind(&mut file, &what)?, 0, 0, None);
            }
            if trouble.next == Next::Absent {
                self.absent.store(true, Ordering::Relaxed);
            }
            let is_lasting = matches!(trouble.next, Next::GiveUp | Next::Absent);
            let pause = if is_lasting { None } else { pauses.next(None) };
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(Fault::new(what, trouble.why, trouble.hint)),
            }
        }
    }

    fn rewind(&self, file: &mut NamedTempFile, what: &str) -> Result<Hashes, Fault> {
        let done = file.as_file().set_len(0).and_then(|()| file.as_file_mut().rewind());
        done.map_err(|e| Fault::new(what, e, "")).map(|()| Hashes::new(self.expected.is_some()))
    }

    /// Writes all of a body; tells what kept it from being whole.
    async fn pour(
        &self,
        mut body: Body,
        file: &mut NamedTempFile,
        hashes: &mut Hashes,
        at: &mut u64,
        what: &str,
    ) -> Result<Option<Trouble>, Fault> {
        while let Some(piece) = body.stream.next().await {
            let piece = match piece {
                Ok(piece) => piece,
                Err(trouble) => return Ok(Some(trouble)),
            };
            if let Err(error) = file.write_all(&piece) {
                return Err(self.unwritten(what, &error, *at, body.total));
            }
            hashes.update(&piece);
            *at += piece.len() as u64;
            if *at > self.most {
                let most = Unit::Bytes.show(self.most as f64);
                return Err(Fault::new(what, format!("it is longer than {most}"), "is it the right file?"));
            }
            self.spool.fetched.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        match body.total {
            Some(total) if total > *at => {
                Ok(Some(Trouble::passing(format!("it was cut off: {} of {total} bytes came", *at))))
            }
            Some(total) if total < *at => {
                Ok(Some(Trouble::changed(format!("{} bytes came, and {total} were announced", *at))))
            }
            _ => Ok(None),
        }
    }

    fn unwritten(&self, what: &str, error: &std::io::Error, at: u64, total: Option<u64>) -> Fault {
        let place = self.spool.scratch.display();
        if !matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge) {
            return Fault::new(what, format!("cannot write to {place}: {error}"), "");
        }
        let size = |bytes: u64| Unit::Bytes.show(bytes as f64);
        let whole = total.map_or_else(String::new, |total| format!(" of {}", size(total)));
        let kept: u64 = lock(&self.spool.kept).iter().map(|kept| kept.bytes).sum();
        let why = format!("no room in {place}: {}{whole} was written ({})", size(at), error.kind());
        let hint = format!("free some, or keep fewer fetched files ({} now) by MLGATE_SPOOL_BYTES", size(kept));
        Fault::new(what, why, hint)
    }
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object").field("name", &self.name).finish_non_exhaustive()
    }
}
