//! One file from wherever it lies, brought to this disk: for what is read whole, such as a baseline.

use super::address::{Address, is_address};
use super::spool::Object;
use super::store::{Bucket, Place};
use super::{DataFile, Watch, dvc};
use crate::config::Tracker;
use crate::model::{Fault, Unit, shown_address};
use reqwest::header::HeaderMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a baseline or an artifact may be long.
const MOST_BYTES: u64 = 4 << 30;

/// Which file.
pub(crate) struct Fetch {
    /// An address, or what DVC tracks below `root`.
    pub source: String,
    /// Sent with a request by http.
    pub headers: HeaderMap,
    pub tracker: Option<Tracker>,
    pub root: PathBuf,
    /// How messages call it; by its address unless said.
    pub shown: Option<String>,
}

/// Brings the file to `to`; None when it is plainly not there: 404 and the like, or no word of it at DVC.
///
/// # Errors
/// It cannot be read whole, or is longer than 4 GiB.
pub(crate) fn fetch(wanted: &Fetch, to: &Path, watch: &Arc<Watch>) -> Result<Option<()>, Fault> {
    let name = wanted.shown.clone().unwrap_or_else(|| shown_address(&wanted.source));
    let what = format!("read {name}");
    if is_address(&wanted.source) {
        let address = Address::parse(&wanted.source)?;
        if address.is_glob() {
            return Err(Fault::new(what, "it is a glob", "name a single file"));
        }
        let sources = watch.sources();
        let bucket = Bucket::of(&address, sources)?;
        let place = Place::of(&bucket, &address, &address.key).with_headers(wanted.headers.clone());
        let patience = sources.http()?.patience;
        let object = Arc::new(Object::new(name, place, sources.spool(), patience, None).at_most(MOST_BYTES));
        return match sources.wait(watch, &what, object.clone().open()) {
            Ok((file, ..)) => copy(file, to).map(Some).map_err(|e| unwritten(&what, to, &e)),
            Err(_) if object.is_absent() => Ok(None),
            Err(fault) => Err(fault),
        };
    }
    if !dvc::tracks(&wanted.root, &wanted.source)? {
        return Ok(None);
    }
    let found = super::find(&wanted.root, &wanted.source, wanted.tracker.as_ref(), watch)?;
    let [file] = &found.files[..] else {
        return Err(Fault::new(what, format!("it is a folder of {} files", found.files.len()), "name a single file"));
    };
    let (_, verified) = found.verify("baseline", watch)?;
    if let Some(wrong) = verified.as_ref().and_then(|verified| verified.wrong.first()) {
        return Err(Fault::new(what, wrong, "DVC's cache holds damaged data: fetch it again"));
    }
    let opened = open(file).map_err(|fault| Fault { what: what.clone(), ..fault })?;
    let bytes = opened.metadata().map_or(0, |meta| meta.len());
    if bytes > MOST_BYTES {
        let most = Unit::Bytes.show(MOST_BYTES as f64);
        return Err(Fault::new(what, format!("it has {bytes} bytes"), format!("at most {most}")));
    }
    copy(opened, to).map(Some).map_err(|e| unwritten(&what, to, &e))
}

fn open(file: &DataFile) -> Result<File, Fault> {
    file.open().map_err(|e| match e.downcast::<super::Reason>() {
        Ok(super::Reason(fault)) => fault,
        Err(e) => Fault::new("", e, ""),
    })
}

fn unwritten(what: &str, to: &Path, error: &std::io::Error) -> Fault {
    Fault::new(what, format!("cannot write {}: {error}", to.display()), "is the disk full or read-only?")
}

fn copy(mut file: File, to: &Path) -> std::io::Result<()> {
    let mut target = File::create(to)?;
    std::io::copy(&mut file, &mut target).map(drop)
}
