//! The list of a tracked folder's files.

use super::super::Watch;
use super::super::hash::{Md5s, md5};
use super::super::{DataFile, known};
use super::config::Storage;
use super::ignore::Ignore;
use super::outs::Out;
use crate::files;
use crate::model::Fault;
use serde::Deserialize;
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// More than any list that a folder of millions of files has.
const LIST_BYTES: u64 = 2 << 30;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Listing {
    /// Path in the folder, and MD5.
    Files(Vec<(String, String)>),
    /// The list is nowhere, and the folder's content is not what it was.
    Differs(String),
}

#[derive(Deserialize)]
struct Entry {
    md5: String,
    relpath: String,
}

impl Listing {
    /// From the cache; else proven from the workspace, whose files give the same hash or do not; else from the remote.
    pub fn of(out: &Out, ignore: &Ignore, storage: &Storage, watch: &Arc<Watch>) -> Result<Listing, Fault> {
        let hash = out.md5.trim_end_matches(".dir");
        let what = format!("read the list of {}", out.path.display());
        if let Some(path) = storage.cached(out, &out.md5) {
            let bytes = std::fs::read(&path).map_err(|e| Fault::new(&what, e, ""))?;
            if md5(&bytes) == hash {
                return parse(&bytes, &what);
            }
        }
        let mut here = None;
        if out.path.is_dir() {
            let files = hashed(out, ignore, watch)?;
            let found = md5(rendered(&files).as_bytes());
            if found == hash {
                return Ok(Listing::Files(files));
            }
            here = Some(found);
        }
        let fetched = storage.file("", out, out.expected_list(), watch).and_then(|file| contents(&file, &what));
        match (fetched, here) {
            (Ok(bytes), _) => parse(&bytes, &what),
            (Err(_), Some(found)) => {
                let folder = out.path.file_name().unwrap_or_default().to_string_lossy();
                let why = format!(
                    "the folder {folder} has md5 {found}.dir, and {} says {} (which file differs is known with the \
                     list in DVC's cache or remote)",
                    out.by, out.md5
                );
                Ok(Listing::Differs(why))
            }
            (Err(fault), None) => Err(fault),
        }
    }
}

fn contents(file: &DataFile, what: &str) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let read = file.open().and_then(|opened| opened.take(LIST_BYTES).read_to_end(&mut bytes));
    read.map_err(|e| Fault::new(what, e, ""))?;
    Ok(bytes)
}

fn parse(bytes: &[u8], what: &str) -> Result<Listing, Fault> {
    let entries: Vec<Entry> =
        serde_json::from_slice(bytes).map_err(|e| Fault::new(what, e, "run `dvc fetch` again"))?;
    Ok(Listing::Files(entries.into_iter().map(|entry| (entry.relpath, entry.md5)).collect()))
}

/// The files of the folder that DVC looks at, with their hashes, in its order.
fn hashed(out: &Out, ignore: &Ignore, watch: &Arc<Watch>) -> Result<Vec<(String, String)>, Fault> {
    let mut found = Vec::new();
    let names = files::below("read", &out.path, Path::new(""))?;
    for name in names.into_iter().filter(|name| !ignore.leaves_out(&out.path.join(name))) {
        let relative = name.to_string_lossy().into_owned();
        let file = DataFile::local(out.path.join(&name), &relative, watch);
        let Md5s { plain, unix } = match known(&file, true, watch)?.md5 {
            Some(both) => both,
            None => continue,
        };
        found.push((relative, if out.is_legacy { unix } else { plain }));
    }
    found.sort();
    Ok(found)
}

/// As Python's `json.dumps` writes it, to the byte.
pub(super) fn rendered(files: &[(String, String)]) -> String {
    let mut text = String::from("[");
    for (at, (path, md5)) in files.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        let _ = write!(text, "{comma}{{\"md5\": \"{md5}\", \"relpath\": \"");
        for c in path.chars() {
            match c {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\u{8}' => text.push_str("\\b"),
                '\u{c}' => text.push_str("\\f"),
                ' '..='~' => text.push(c),
                other => {
                    for unit in other.encode_utf16(&mut [0; 2]) {
                        let _ = write!(text, "\\u{unit:04x}");
                    }
                }
            }
        }
        text.push_str("\"}");
    }
    text + "]"
}
