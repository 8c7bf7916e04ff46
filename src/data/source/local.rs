//! Files on this machine: one, or those that a glob names.

use super::{DataFile, Watch};
use crate::files;
use crate::model::Fault;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files of `source`, in the order of their names.
pub(super) fn find(root: &Path, source: &str, watch: &Arc<Watch>) -> Result<Vec<DataFile>, Fault> {
    let what = format!("read {source}");
    let path = root.join(source);
    match std::fs::metadata(&path) {
        Ok(meta) if meta.is_file() => return Ok(vec![DataFile::local(path, source, watch)]),
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
    let found = glob(root, source, watch)?;
    if found.is_empty() {
        return Err(Fault::new(what, "no file matches", "paths are relative to the folder of mlops.yaml"));
    }
    Ok(found)
}

/// The files of a glob, hidden ones only where it says so.
pub(super) fn glob(root: &Path, source: &str, watch: &Arc<Watch>) -> Result<Vec<DataFile>, Fault> {
    let names = files::glob(&format!("read {source}"), root, source)?;
    let file = |name: PathBuf| DataFile::local(root.join(&name), name.to_string_lossy(), watch);
    let mut found: Vec<DataFile> =
        names.into_iter().map(file).filter(|file| !files::leaves_out(source, &file.name)).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
