//! Where a data set lies: a file, a glob or an address → its files in order, their format, their digests. Readers get
//! local files, wherever the bytes came from.

mod accounts;
mod address;
mod dvc;
mod fetch;
mod hash;
mod http;
mod ini;
mod lakefs;
mod local;
mod remote;
mod sources;
mod spool;
mod stamp;
mod store;
mod watch;

pub(crate) use fetch::{Fetch, fetch};
pub(crate) use http::Http;
pub use sources::Sources;
pub use watch::{StopOnDrop, Watch};

use crate::config::{Format, Tracker};
use crate::model::{Fault, Input};
use hash::{Expected, Hashes, Known};
use spool::Object;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One file of a data set.
#[derive(Clone, Debug)]
pub(super) struct DataFile {
    /// As messages and the record name it: relative to the root where it lies inside, an address without credentials.
    pub name: String,
    place: Where,
}

#[derive(Clone, Debug)]
enum Where {
    Disk(PathBuf, Arc<Watch>),
    Away(Arc<Object>, Arc<Watch>),
}

impl DataFile {
    /// A file on disk.
    pub fn local(path: impl Into<PathBuf>, name: impl Into<String>, watch: &Arc<Watch>) -> DataFile {
        DataFile { name: name.into(), place: Where::Disk(path.into(), watch.clone()) }
    }

    fn away(object: &Arc<Object>, watch: &Arc<Watch>) -> DataFile {
        DataFile { name: object.name.clone(), place: Where::Away(object.clone(), watch.clone()) }
    }

    /// The file's bytes on local disk. Every reader gets them here, so that it need not know where a data set lies,
    /// and cannot read another version than the first that was opened.
    pub fn open(&self) -> std::io::Result<File> {
        let reason = |fault: Fault| std::io::Error::other(Reason(fault));
        match &self.place {
            Where::Disk(path, watch) => {
                let file = File::open(path)?;
                watch.opened(path, &self.name, &file)?.map_err(reason)?;
                Ok(file)
            }
            Where::Away(object, watch) => remote::open(object, watch).map_err(reason),
        }
    }

    /// That it is still the file that was opened; what was fetched is ours alone.
    pub fn unchanged(&self) -> Result<(), Fault> {
        match &self.place {
            Where::Disk(path, watch) => watch.is_unchanged(path),
            Where::Away(..) => Ok(()),
        }
    }

    /// Where it lies on disk. A fetched file is there until others have taken its room; one that is not there has
    /// the name that it is known by.
    pub fn path(&self) -> PathBuf {
        match &self.place {
            Where::Disk(path, _) => path.clone(),
            Where::Away(object, _) => object.on_disk().map_or_else(|| PathBuf::from(&self.name), |(_, path)| path),
        }
    }
}

/// A fault without what was attempted, as the reader says that itself.
#[derive(Debug)]
struct Reason(Fault);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.hint.as_str() {
            "" => f.write_str(&self.0.why),
            hint => write!(f, "{} ({hint})", self.0.why),
        }
    }
}

impl std::error::Error for Reason {}

/// The files of a data set, and what else is known of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub files: Vec<DataFile>,
    tracked: Option<Tracked>,
    /// The version that was read, where the files have one by name.
    version: Option<(String, String)>,
}

/// What DVC says of a data set's files.
#[derive(Clone, Debug, Default)]
struct Tracked {
    /// By the name of the file.
    expected: BTreeMap<String, Expected>,
    /// What is wrong already without a look into the files.
    wrong: Vec<String>,
    /// The files that say so.
    by: Vec<String>,
}

/// Whether a data set is what its tracker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub files: u64,
    /// What does not match; empty when all is well.
    pub wrong: Vec<String>,
    /// The files that say what the content must be.
    pub by: Vec<String>,
}

/// The files of `source`, in the order of their names.
pub(super) fn find(root: &Path, source: &str, tracker: Option<&Tracker>, watch: &Arc<Watch>) -> Result<Found, Fault> {
    match tracker {
        Some(Tracker::Dvc) => dvc::find(root, source, watch),
        Some(Tracker::LakeFs) => lakefs::find(source, watch),
        None if address::is_address(source) => {
            remote::find(source, watch).map(|files| Found { files, ..Found::default() })
        }
        None => local::find(root, source, watch).map(|files| Found { files, ..Found::default() }),
    }
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

impl Found {
    /// What the data set is made of, each file with the SHA-256 of its bytes, and whether its tracker knows them so.
    pub fn verify(&self, kind: &str, watch: &Watch) -> Result<(Vec<Input>, Option<Verified>), Fault> {
        let mut inputs = Vec::new();
        let mut wrong = self.tracked.as_ref().map_or_else(Vec::new, |tracked| tracked.wrong.clone());
        for file in &self.files {
            let expected = self.tracked.as_ref().map(|tracked| tracked.expected.get(&file.name));
            let known = known(file, expected.is_some(), watch)?;
            if let Some(Some(differs)) = expected.flatten().map(|expected| expected.differs(&known)) {
                wrong.push(format!("{}: {differs}", file.name));
            }
            inputs.push(Input { kind: kind.into(), name: file.name.clone(), digest: known.sha256, bytes: known.bytes });
        }
        self.files.iter().try_for_each(DataFile::unchanged)?;
        if let Some((name, digest)) = &self.version {
            inputs.push(Input { kind: format!("{kind}.lakefs"), name: name.clone(), digest: digest.clone(), bytes: 0 });
        }
        let verified = self.tracked.as_ref().map(|tracked| {
            let files = self.files.len() as u64;
            Verified { files, wrong, by: tracked.by.clone() }
        });
        Ok((inputs, verified))
    }
}

/// The hashes of a file's bytes, read in blocks; of a fetched file, those computed when it came.
fn known(file: &DataFile, with_md5: bool, watch: &Watch) -> Result<Known, Fault> {
    let fault = |e: std::io::Error| match e.downcast::<Reason>() {
        Ok(Reason(fault)) => fault,
        Err(e) => Fault::new(format!("read {}", file.name), e, ""),
    };
    let mut reader = file.open().map_err(fault)?;
    if let Where::Away(object, _) = &file.place
        && let Some(known) = object.known()
    {
        return Ok(known);
    }
    let mut block = vec![0; 256 * 1024];
    let mut hashes = Hashes::new(with_md5);
    let mut bytes = 0;
    loop {
        if watch.stopped() {
            return Err(stopped(&file.name));
        }
        match reader.read(&mut block) {
            Ok(0) => return Ok(hashes.finish(bytes)),
            Ok(read) => {
                hashes.update(&block[..read]);
                bytes += read as u64;
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(fault(e)),
        }
    }
}

pub(super) fn stopped(name: &str) -> Fault {
    Fault::new(format!("read {name}"), "stopped", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Path, source: &str) -> Result<Vec<String>, Fault> {
        let found = find(root, source, None, &Arc::default())?;
        Ok(found.files.into_iter().map(|f| f.name).collect())
    }

    #[test]
    fn files_and_globs_are_found_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a/2.csv", "a/10.csv", "a/deep/1.csv", "b.csv", "odd[1].csv", "a/.3.csv", "a/.h/4.csv"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x\n1\n").unwrap();
        }
        let root = dir.path();
        assert_eq!(names(root, "b.csv").unwrap(), ["b.csv"]);
        assert_eq!(names(root, "odd[1].csv").unwrap(), ["odd[1].csv"]);
        assert_eq!(names(root, "a/*.csv").unwrap(), ["a/10.csv", "a/2.csv"]);
        assert_eq!(names(root, "./a/**/*.csv").unwrap(), ["a/10.csv", "a/2.csv", "a/deep/1.csv"]);
        assert_eq!(names(root, "a/.*.csv").unwrap(), ["a/.3.csv"]);
        assert_eq!(names(root, "a/.3.csv").unwrap(), ["a/.3.csv"]);
        assert_eq!(names(root, "missing.csv").unwrap_err().why, "no such file");
        assert_eq!(names(root, "a/*.parquet").unwrap_err().why, "no file matches");
        assert_eq!(names(root, "c/*.parquet").unwrap_err().why, "no folder c");
        assert_eq!(names(root, "a").unwrap_err().why, "it is a folder");
        assert!(names(root, "a/[.csv").unwrap_err().hint.contains("glob"));
    }

    #[test]
    fn the_ending_tells_the_format() {
        let files = |names: &[&str]| -> Vec<DataFile> {
            names.iter().map(|n| DataFile::local(n, n.to_string(), &Arc::default())).collect()
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
        std::fs::write(dir.path().join("a.csv"), "abc").unwrap();
        let watch = Arc::default();
        let found = find(dir.path(), "a.csv", None, &watch).unwrap();
        let (inputs, verified) = found.verify("data.a", &watch).unwrap();
        let input = &inputs[0];
        assert_eq!((inputs.len(), verified), (1, None));
        // FIPS 180-2, appendix B.1.
        assert_eq!(input.digest, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(input.bytes, 3);
    }
}
