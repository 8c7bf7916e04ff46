//! Data that DVC tracks, without DVC: which hash each file must have, and where its content lies when the workspace
//! lacks it. Facts of the formats: `NAME.dvc` and `dvc.lock` are YAML with a list of outs; the hash of a folder ends
//! in `.dir` and is the MD5 of a JSON list of its files; an out without `hash: md5` was hashed by DVC 2, which took
//! CRLF for LF in text and named its objects `xx/yyy…`, where DVC 3 names them `files/md5/xx/yyy…`.

mod config;
mod ignore;
mod listing;
mod outs;

use super::address::is_address;
use super::hash::Expected;
use super::{DataFile, Found, Tracked, Watch, local};
use crate::files;
use crate::model::Fault;
use config::Storage;
use globset::{GlobBuilder, GlobMatcher};
use ignore::Ignore;
use listing::Listing;
use outs::Out;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// What is read, as DVC sees it.
struct Wanted {
    /// Absolute, without `.` and `..`.
    root: PathBuf,
    source: String,
    glob: Option<GlobMatcher>,
    /// The file, or the folder in which all files of the glob lie.
    base: PathBuf,
}

impl Wanted {
    fn new(root: &Path, source: &str, what: &str) -> Result<Wanted, Fault> {
        let root = root.canonicalize().map_err(|e| Fault::new(what, e, ""))?;
        let source = source.strip_prefix("./").unwrap_or(source);
        let is_glob = files::is_glob(source) && !root.join(source).exists();
        let fixed: PathBuf = match is_glob {
            true => Path::new(source).iter().take_while(|part| !files::is_glob(&part.to_string_lossy())).collect(),
            false => source.into(),
        };
        let glob = match is_glob {
            true => Some(
                GlobBuilder::new(source)
                    .literal_separator(true)
                    .build()
                    .map_err(|e| Fault::new(what, e.kind(), "a glob knows * ? ** [ab] {a,b}"))?,
            ),
            false => None,
        };
        let base = tidy(&root.join(fixed));
        Ok(Wanted { base, root, source: source.to_string(), glob: glob.map(|glob| glob.compile_matcher()) })
    }

    /// The folder of the DVC repository.
    fn repo(&self, what: &str) -> Result<&Path, Fault> {
        self.root.ancestors().find(|folder| folder.join(".dvc").is_dir()).ok_or_else(|| {
            let why = "neither this folder nor one above it is a DVC repository (.dvc/ is absent)";
            Fault::new(what, why, "check the whole repository out, or take `tracked_by: dvc` away")
        })
    }

    /// The name of a file as messages know it, if it is one that is read.
    fn name_of(&self, path: &Path) -> Option<String> {
        match &self.glob {
            None => (path == self.base).then(|| self.source.clone()),
            Some(glob) => {
                let name = path.strip_prefix(&self.root).ok().filter(|name| glob.is_match(name))?.to_string_lossy();
                (!files::leaves_out(&self.source, &name)).then(|| name.into_owned())
            }
        }
    }

    /// Whether a folder holds, or may hold, files that are read.
    fn touches(&self, folder: &Path) -> bool {
        self.base.starts_with(folder) || (self.glob.is_some() && folder.starts_with(&self.base))
    }
}

/// The path without `.` and `..`; links are left as they are.
fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(tidied.pop()),
            Component::CurDir => {}
            other => tidied.push(other),
        }
    }
    tidied
}

/// The files of `source` with the hashes that DVC has of them: those of the workspace, or, when it has none of them,
/// those of DVC's cache or remote.
pub(super) fn find(root: &Path, source: &str, watch: &Arc<Watch>) -> Result<Found, Fault> {
    let what = format!("read {source}");
    if is_address(source) {
        let hint = "name the file or folder in the workspace that DVC tracks";
        return Err(Fault::new(what, "tracked_by: dvc wants a path, not an address", hint));
    }
    let wanted = Wanted::new(root, source, &what)?;
    let repo = wanted.repo(&what)?;
    let outs = matching(&wanted, repo, &what)?;
    if outs.is_empty() {
        let why = "no .dvc file and no dvc.lock tracks it";
        return Err(Fault::new(what, why, format!("run `dvc add {}`, or take `tracked_by: dvc` away", wanted.source)));
    }
    let storage = Storage::new(repo, watch)?;
    let mut tracked = Tracked::default();
    let mut origins = Origins::new();
    let mut ignored: Vec<Ignore> = Vec::new();
    for out in outs {
        tracked.by.push(out.by.clone());
        if !out.is_folder() {
            if let Some(name) = wanted.name_of(&out.path) {
                learn(&mut origins, name, (out.clone(), out.expected()), &what)?;
            }
            continue;
        }
        let ignore = Ignore::of(repo, &out.path)?;
        let listing = Listing::of(&out, &ignore, &storage, watch)?;
        ignored.push(ignore);
        match listing {
            Listing::Files(files) => {
                for (path, md5) in files {
                    if let Some(name) = wanted.name_of(&out.path.join(&path)) {
                        let by = format!("the folder's list in {}", out.by);
                        let expected = Expected { md5, as_unix_text: out.is_legacy, by };
                        learn(&mut origins, name, (out.clone(), expected), &what)?;
                    }
                }
            }
            Listing::Differs(why) => tracked.wrong.push(why),
        }
    }
    tracked.expected = origins.iter().map(|(name, (_, expected))| (name.clone(), expected.clone())).collect();
    tracked.by.sort();
    tracked.by.dedup();
    let present = present(&wanted, root, source, watch)?;
    if present.is_empty() {
        if tracked.expected.is_empty() {
            let why = match tracked.wrong.first() {
                Some(wrong) => wrong.clone(),
                None => format!("{} lists no such file", tracked.by.join(", ")),
            };
            return Err(Fault::new(what, why, "check the name"));
        }
        let files = origins.into_iter().map(|(name, (out, expected))| storage.file(&name, &out, expected, watch));
        return Ok(Found { files: files.collect::<Result<_, _>>()?, tracked: Some(tracked), ..Found::default() });
    }
    let here: BTreeSet<&String> = present.iter().map(|file| &file.name).collect();
    if tracked.wrong.is_empty() {
        let missing = tracked.expected.keys().filter(|name| !here.contains(name));
        let extra = here.iter().filter(|name| !tracked.expected.contains_key(**name));
        let wrong = missing.map(|name| format!("{name} is missing: run `dvc pull`"));
        let untracked = |name: &String| {
            let path = tidy(&wanted.root.join(name));
            match ignored.iter().any(|ignore| ignore.leaves_out(&path)) {
                true => format!("{name} is not tracked, as .dvcignore leaves it out: name the others in `source`"),
                false => format!("{name} is not tracked"),
            }
        };
        tracked.wrong = wrong.chain(extra.map(|name| untracked(name))).collect();
    }
    Ok(Found { files: present, tracked: Some(tracked), ..Found::default() })
}

/// Whether DVC tracks anything that holds `source`.
///
/// # Errors
/// There is no DVC repository, or a file of it cannot be read.
pub(super) fn tracks(root: &Path, source: &str) -> Result<bool, Fault> {
    let what = format!("read {source}");
    let wanted = Wanted::new(root, source, &what)?;
    let repo = wanted.repo(&what)?;
    Ok(!matching(&wanted, repo, &what)?.is_empty())
}

/// The files of the workspace.
fn present(wanted: &Wanted, root: &Path, source: &str, watch: &Arc<Watch>) -> Result<Vec<DataFile>, Fault> {
    let absent = match &wanted.glob {
        None => !wanted.base.exists() && !wanted.base.is_symlink(),
        // A glob whose folder is not there, or that nothing matches, names files that were not pulled.
        Some(_) => !wanted.base.exists() || local::glob(root, source, watch)?.is_empty(),
    };
    if absent { Ok(Vec::new()) } else { local::find(root, &wanted.source, watch) }
}

/// Where the content of each file lies, by the name of the file.
type Origins = BTreeMap<String, (Out, Expected)>;

/// That a file is the out, or lies in the out of a folder, unless another one says something else of it.
fn learn(origins: &mut Origins, name: String, new: (Out, Expected), what: &str) -> Result<(), Fault> {
    if let Some((_, old)) = origins.get(&name)
        && (&old.md5, old.as_unix_text) != (&new.1.md5, new.1.as_unix_text)
    {
        return Err(contradiction(what, Path::new(&name), (&old.by, &old.md5), (&new.1.by, &new.1.md5)));
    }
    origins.insert(name, new);
    Ok(())
}

/// One file of which two things are said.
fn contradiction(what: &str, path: &Path, one: (&str, &str), other: (&str, &str)) -> Fault {
    let say = |(by, md5): (&str, &str)| format!("{by} says {}", if md5.is_empty() { "none" } else { md5 });
    let why = format!("there are two md5 of {}: {}, and {}", path.display(), say(one), say(other));
    Fault::new(what, why, "keep one of them: a file belongs to one .dvc file or one stage")
}

/// The outs that hold files of the source.
fn matching(wanted: &Wanted, repo: &Path, what: &str) -> Result<Vec<Out>, Fault> {
    let mut folders: BTreeSet<PathBuf> =
        wanted.base.ancestors().take_while(|folder| folder.starts_with(repo)).map(Path::to_path_buf).collect();
    if wanted.glob.is_some() && wanted.base.is_dir() {
        for name in files::below(what, &wanted.base, Path::new(""))? {
            let is_dvc = name.extension().is_some_and(|extension| extension == "dvc");
            if is_dvc || name.file_name().is_some_and(|name| name == "dvc.lock") {
                folders.extend(wanted.base.join(name).parent().map(Path::to_path_buf));
            }
        }
    }
    let mut found: Vec<Out> = Vec::new();
    for folder in folders {
        for out in outs::of_folder(&folder, repo)? {
            let fits = if out.is_folder() { wanted.touches(&out.path) } else { wanted.name_of(&out.path).is_some() };
            match found.iter().find(|other| other.path == out.path) {
                _ if !fits => {}
                None => found.push(out),
                Some(other) if (&other.md5, other.is_legacy) == (&out.md5, out.is_legacy) => {}
                Some(other) => {
                    return Err(contradiction(what, &out.path, (&other.by, &other.md5), (&out.by, &out.md5)));
                }
            }
        }
    }
    if let Some((out, hash)) = found.iter().find_map(|out| Some((out, out.foreign.as_ref()?))) {
        let why = format!("{} says hash: {hash} of {}, and only md5 can be verified", out.by, out.path.display());
        return Err(Fault::new(what, why, "hash it by md5: `dvc commit` of DVC 3"));
    }
    match found.iter().find(|out| out.md5.is_empty()) {
        Some(out) => {
            let why = format!("{} has no md5 of {}", out.by, out.path.display());
            Err(Fault::new(what, why, "run `dvc commit`; outs without a hash and versioned remotes cannot be verified"))
        }
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests;
