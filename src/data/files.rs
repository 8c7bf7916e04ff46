//! Where a data set lies: a file or a glob → its files in order, their format, their digests.

use crate::config::Format;
use crate::digest;
use crate::files;
use crate::model::{Fault, Input};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The wire between a scan and whoever waits for it: how far it is, and that it shall stop.
#[derive(Debug, Default)]
pub struct Watch {
    stop: AtomicBool,
    rows: AtomicU64,
}

impl Watch {
    /// Makes every reader of the table end with an error at its next block.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Rows read so far, by all passes together.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    pub(super) fn add_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// One file of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DataFile {
    pub path: PathBuf,
    /// As messages and the record name it: relative to the root where it lies inside.
    pub name: String,
}

impl DataFile {
    /// The file's bytes on local disk. Every reader gets them here, so that it need not know where a data set lies.
    pub fn open(&self) -> std::io::Result<File> {
        File::open(&self.path)
    }
}

/// The files of `source`, in the order of their names.
pub(super) fn find(root: &Path, source: &str) -> Result<Vec<DataFile>, Fault> {
    let what = format!("read {source}");
    let path = root.join(source);
    match std::fs::metadata(&path) {
        Ok(meta) if meta.is_file() => return Ok(vec![DataFile { path, name: source.to_string() }]),
        Ok(meta) if meta.is_dir() => {
            let hint = format!("name the files in it, such as {}/*.parquet", source.trim_end_matches('/'));
            return Err(Fault::new(what, "it is a folder", hint));
        }
        Ok(_) => return Err(Fault::new(what, "it is no regular file", "name a file on disk")),
        Err(_) if files::is_glob(source) => {}
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return Err(Fault::new(what, "no such file", "paths are relative to the folder of mlops.yaml"));
        }
        Err(e) => return Err(Fault::new(what, e, "")),
    }
    let found = glob(root, source)?;
    if found.is_empty() {
        return Err(Fault::new(what, "no file matches", "paths are relative to the folder of mlops.yaml"));
    }
    Ok(found)
}

fn glob(root: &Path, source: &str) -> Result<Vec<DataFile>, Fault> {
    let names = files::glob(&format!("read {source}"), root, source)?;
    let file = |name: PathBuf| DataFile { path: root.join(&name), name: name.to_string_lossy().into_owned() };
    let mut found: Vec<DataFile> = names.into_iter().map(file).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The format of all `files`, by their endings.
pub(super) fn format_of(source: &str, files: &[DataFile]) -> Result<Format, Fault> {
    let mut known: Option<(Format, &str)> = None;
    for file in files {
        let lower = file.name.to_ascii_lowercase();
        let packed = [".gz", ".zst", ".zstd"].iter().find_map(|ending| lower.strip_suffix(ending));
        let ends = |name: &str, endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        let text = packed.unwrap_or(&lower);
        let format = if ends(text, &[".csv", ".tsv"]) {
            Format::Csv
        } else if ends(text, &[".ndjson", ".jsonl", ".json"]) {
            Format::Ndjson
        } else if ends(&lower, &[".parquet", ".pq"]) {
            Format::Parquet
        } else if ends(&lower, &[".arrow", ".arrows", ".feather", ".ipc"]) {
            Format::Arrow
        } else {
            let why = format!("the ending of {} tells no format", file.name);
            return Err(Fault::new(format!("read {source}"), why, "add format: csv, ndjson, parquet or arrow"));
        };
        match known {
            Some((first, name)) if first != format => {
                let why = format!("{name} and {} are of different formats", file.name);
                return Err(Fault::new(format!("read {source}"), why, "a data set is of one format"));
            }
            _ => known = Some((format, &file.name)),
        }
    }
    known.map(|(format, _)| format).ok_or_else(|| Fault::new(format!("read {source}"), "no file", ""))
}

/// SHA-256 over the file's bytes as they lie on disk, read in blocks.
pub(super) fn digest(file: &DataFile, kind: &str, watch: &Watch) -> Result<Input, Fault> {
    let fault = |e: std::io::Error| Fault::new(format!("read {}", file.name), e, "");
    let mut reader = file.open().map_err(fault)?;
    let mut block = vec![0; 256 * 1024];
    let mut hash = Sha256::new();
    let mut bytes = 0;
    loop {
        if watch.stopped() {
            return Err(stopped(&file.name));
        }
        match reader.read(&mut block) {
            Ok(0) => break,
            Ok(read) => {
                hash.update(&block[..read]);
                bytes += read as u64;
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(fault(e)),
        }
    }
    let digest = digest::name(hash.finalize().as_slice());
    Ok(Input { kind: kind.to_string(), name: file.name.clone(), digest, bytes })
}

pub(super) fn stopped(name: &str) -> Fault {
    Fault::new(format!("read {name}"), "stopped", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path, source: &str) -> Result<Vec<String>, Fault> {
        find(root, source).map(|files| files.into_iter().map(|f| f.name).collect())
    }

    #[test]
    fn files_and_globs_are_found_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a/2.csv", "a/10.csv", "a/deep/1.csv", "b.csv", "odd[1].csv"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x\n1\n").unwrap();
        }
        let root = dir.path();
        assert_eq!(names(root, "b.csv").unwrap(), ["b.csv"]);
        assert_eq!(names(root, "odd[1].csv").unwrap(), ["odd[1].csv"]);
        assert_eq!(names(root, "a/*.csv").unwrap(), ["a/10.csv", "a/2.csv"]);
        assert_eq!(names(root, "./a/**/*.csv").unwrap(), ["a/10.csv", "a/2.csv", "a/deep/1.csv"]);
        assert_eq!(names(root, "missing.csv").unwrap_err().why, "no such file");
        assert_eq!(names(root, "a/*.parquet").unwrap_err().why, "no file matches");
        assert_eq!(names(root, "c/*.parquet").unwrap_err().why, "no folder c");
        assert_eq!(names(root, "a").unwrap_err().why, "it is a folder");
        assert!(names(root, "a/[.csv").unwrap_err().hint.contains("glob"));
    }

    #[test]
    fn the_ending_tells_the_format() {
        let files = |names: &[&str]| -> Vec<DataFile> {
            names.iter().map(|n| DataFile { path: n.into(), name: n.to_string() }).collect()
        };
        assert_eq!(format_of("s", &files(&["a.CSV", "b.csv.gz"])), Ok(Format::Csv));
        assert_eq!(format_of("s", &files(&["a.tsv.zst", "b.csv"])), Ok(Format::Csv));
        assert_eq!(format_of("s", &files(&["a.pq", "b.parquet"])), Ok(Format::Parquet));
        assert_eq!(format_of("s", &files(&["a.jsonl.gz", "b.ndjson", "c.json"])), Ok(Format::Ndjson));
        assert_eq!(format_of("s", &files(&["a.arrow", "b.feather"])), Ok(Format::Arrow));
        assert!(format_of("s", &files(&["a.parquet.gz"])).is_err());
        assert!(format_of("s", &files(&["a.txt"])).unwrap_err().hint.contains("format: csv, ndjson"));
        assert!(format_of("s", &files(&["a.csv", "b.parquet"])).unwrap_err().why.contains("different formats"));
    }

    #[test]
    fn the_digest_is_that_of_the_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        std::fs::write(&path, "abc").unwrap();
        let input = digest(&DataFile { path, name: "a.csv".into() }, "data.a", &Watch::default()).unwrap();
        // FIPS 180-2, appendix B.1.
        assert_eq!(input.digest, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(input.bytes, 3);
    }
}
