//! What `.dvc` files and `dvc.lock` say.

use super::super::hash::Expected;
use super::tidy;
use crate::model::Fault;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file or folder that DVC tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Out {
    /// Absolute.
    pub path: PathBuf,
    /// Of a folder it ends in `.dir`. Empty when DVC has none.
    pub md5: String,
    /// Hashed by DVC 2.
    pub is_legacy: bool,
    /// What else it was hashed by than MD5.
    pub foreign: Option<String>,
    /// The remote that this out alone is kept in.
    pub remote: Option<String>,
    /// The file that says so, from the repository's folder.
    pub by: String,
}

impl Out {
    pub fn is_folder(&self) -> bool {
        self.md5.ends_with(".dir")
    }

    pub fn expected(&self) -> Expected {
        Expected { md5: self.md5.clone(), as_unix_text: self.is_legacy, by: self.by.clone() }
    }

    /// Of a folder's list, which is hashed as it is.
    pub fn expected_list(&self) -> Expected {
        Expected { md5: self.md5.trim_end_matches(".dir").to_string(), as_unix_text: false, by: self.by.clone() }
    }
}

#[derive(Deserialize)]
struct DvcFile {
    wdir: Option<String>,
    #[serde(default)]
    outs: Vec<RawOut>,
}

#[derive(Deserialize)]
struct RawOut {
    path: String,
    md5: Option<String>,
    hash: Option<String>,
    remote: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    stages: BTreeMap<String, LockedStage>,
}

#[derive(Deserialize)]
struct LockedStage {
    #[serde(default)]
    outs: Vec<RawOut>,
}

/// Of `dvc.yaml` only what paths in `dvc.lock` are relative to.
#[derive(Deserialize)]
struct Pipeline {
    #[serde(default)]
    stages: BTreeMap<String, Stage>,
}

#[derive(Deserialize)]
struct Stage {
    wdir: Option<String>,
    /// Of `foreach` and `matrix`.
    r#do: Option<Box<Stage>>,
}

/// All outs that the files of this folder tell of.
///
/// # Errors
/// A file is there and cannot be read: what it tracks would go unnoticed.
pub(super) fn of_folder(folder: &Path, repo: &Path) -> Result<Vec<Out>, Fault> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(found) };
    let mut names: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    names.sort();
    for path in names {
        let is_dvc = path.extension().is_some_and(|extension| extension == "dvc") && path.is_file();
        let is_lock = path.file_name().is_some_and(|name| name == "dvc.lock");
        let by = path.strip_prefix(repo).unwrap_or(&path).display().to_string();
        if is_dvc {
            let file: DvcFile = read(&path, &by)?;
            let place = folder.join(file.wdir.unwrap_or_default());
            found.extend(file.outs.into_iter().map(|out| resolve(out, &place, &by)));
        } else if is_lock {
            let lock: Lock = read(&path, &by)?;
            let yaml = folder.join("dvc.yaml");
            let pipeline = if yaml.is_file() { Some(read::<Pipeline>(&yaml, "dvc.yaml")?) } else { None };
            for (name, stage) in lock.stages {
                let base = name.split('@').next().unwrap_or_default();
                let known = pipeline.as_ref().and_then(|p| p.stages.get(&name).or_else(|| p.stages.get(base)));
                let wdir = known.and_then(|stage| stage.wdir.as_ref().or_else(|| stage.r#do.as_ref()?.wdir.as_ref()));
                let place = wdir.map_or_else(|| folder.to_path_buf(), |wdir| folder.join(wdir));
                found.extend(stage.outs.into_iter().map(|out| resolve(out, &place, &by)));
            }
        }
    }
    Ok(found)
}

fn resolve(out: RawOut, place: &Path, by: &str) -> Out {
    Out {
        path: tidy(&place.join(&out.path)),
        md5: out.md5.unwrap_or_default().to_ascii_lowercase(),
        is_legacy: out.hash.is_none(),
        foreign: out.hash.filter(|hash| hash != "md5"),
        remote: out.remote,
        by: by.to_string(),
    }
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path, name: &str) -> Result<T, Fault> {
    let what = format!("read {name}");
    let text = std::fs::read_to_string(path).map_err(|e| Fault::new(&what, e, ""))?;
    serde_saphyr::from_str(&text)
        .map_err(|e| Fault::new(what, e, "is it written by DVC, and without conflict markers?"))
}
