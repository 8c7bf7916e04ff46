//! The only place that touches the file system: reads files at or below one kustomization's directory, and no others.

use super::Options;
use super::error::{Error, Result};
use super::origin::Origin;
use super::remote::Url;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use tempfile::TempDir;

/// The names a kustomization file may have.
pub(crate) const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// Files beyond this are refused.
pub(super) const MAX_BYTES: u64 = 64 << 20;
/// How deep bases may nest.
const MAX_DEPTH: usize = 64;

/// What the loading of a whole build may do.
#[derive(Debug, Default)]
struct Rules {
    /// Files outside the directory may be read.
    anywhere: bool,
    remote: bool,
    /// What `git` does not get to see.
    withheld: &'static [&'static str],
    /// What takes the place of files, by their real paths.
    texts: BTreeMap<PathBuf, String>,
    /// Repositories that were cloned, by URL and reference; they go when the build is over.
    clones: RefCell<HashMap<(String, String), Rc<TempDir>>>,
}

/// The repository that a remote base lies in.
#[derive(Clone, Debug)]
struct Repository {
    url: String,
    reference: String,
    /// Its clone, without links.
    clone: PathBuf,
}

/// A kustomization's directory and the directories that led to it.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    /// The directory as the user would write it, for messages.
    shown: PathBuf,
    /// The directory as seen from the one that is built, or from the root of its repository.
    relative: PathBuf,
    /// The directory without links.
    real: PathBuf,
    /// The real directories from the one that is built down to this one.
    trail: Vec<PathBuf>,
    repository: Option<Repository>,
    rules: Rc<Rules>,
}

impl Root {
    pub(crate) fn open(dir: &Path, options: &Options) -> Result<Self> {
        let real = real_directory(dir, dir)?;
        let rules = Rules {
            anywhere: options.load_anywhere,
            remote: options.allow_remote,
            withheld: options.withheld,
            texts: options.texts.clone(),
            ..Rules::default()
        };
        Ok(Self {
            shown: tidy(dir),
            relative: PathBuf::new(),
            trail: vec![real.clone()],
            real,
            repository: None,
            rules: Rc::new(rules),
        })
    }

    /// The directory `path` below or beside this one, or in another repository, to be built on its own.
    ///
    /// # Errors
    /// When it is no directory, when it holds a directory that is being built (a cycle), when bases nest too deep, when
    /// it is remote and that is not allowed.
    pub(crate) fn enter(&self, path: &str) -> Result<Self> {
        if path.is_empty() {
            return Err(Error::new("the path is empty"));
        }
        if let (false, Some(url)) = (self.exists(path), Url::parse(path)) {
            return self.clone_of(path, &url);
        }
        if Path::new(path).is_absolute() {
            return Err(Error::new(format!("{path} is absolute; a base is named by its way from here")));
        }
        let shown = tidy(&self.shown.join(path));
        let real = real_directory(&self.real.join(path), &shown)?;
        if let Some(repository) = self.repository.as_ref().filter(|r| !real.starts_with(&r.clone)) {
            return Err(Error::new(format!("{path} lies outside the repository {}", repository.url)));
        }
        if let Some(visited) = self.trail.iter().find(|visited| visited.starts_with(&real)) {
            let what =
                if *visited == real { "is already being built" } else { "holds a directory that is being built" };
            return Err(Error::new(format!("{path} makes a cycle: {} {what}", shown.display())));
        }
        Ok(Self { shown, relative: self.relative.join(path), ..self.below(real)? })
    }

    fn below(&self, real: PathBuf) -> Result<Self> {
        if self.trail.len() >= MAX_DEPTH {
            return Err(Error::new(format!("bases nest deeper than {MAX_DEPTH} directories")));
        }
        let mut below = self.clone();
        below.trail.push(real.clone());
        Ok(Self { real, ..below })
    }

    fn clone_of(&self, path: &str, url: &Url) -> Result<Self> {
        if !self.rules.remote {
            return Err(Error::new(format!("{path}: {REMOTE}")));
        }
        let key = (url.repository.clone(), url.reference.clone());
        let known = self.rules.clones.borrow().get(&key).cloned();
        let clone = match known {
            Some(clone) => clone,
            None => {
                let clone = Rc::new(url.fetch(self.rules.withheld).map_err(|e| Error::new(format!("{path}: {e}")))?);
                self.rules.clones.borrow_mut().insert(key, clone.clone());
                clone
            }
        };
        let top = real_directory(clone.path(), Path::new(path))?;
        let real = real_directory(&top.join(&url.path), Path::new(path))?;
        if !real.starts_with(&top) {
            return Err(Error::new(format!("{path} leads out of the repository")));
        }
        if self.trail.contains(&real) {
            return Err(Error::new(format!("{path} makes a cycle: it is already being built")));
        }
        let repository = Repository { url: url.repository.clone(), reference: url.reference.clone(), clone: top };
        Ok(Self {
            shown: PathBuf::from(path),
            relative: PathBuf::from(&url.path),
            repository: Some(repository),
            ..self.below(real)?
        })
    }

    pub(crate) fn is_directory(&self, path: &str) -> bool {
        self.exists(path) && self.real.join(path).is_dir()
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        // A long inline patch is no file name.
        path.len() < 4096 && !path.contains(['\n', '\0']) && self.real.join(path).exists()
    }

    /// The path of a file for messages.
    pub(crate) fn shown(&self, path: &str) -> PathBuf {
        tidy(&self.shown.join(path))
    }

    /// The directory's own name.
    pub(crate) fn name(&self) -> String {
        self.real.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Where the objects of a file come from.
    pub(crate) fn origin(&self, path: &str) -> Origin {
        let repository = self.repository.as_ref();
        Origin {
            path: if path.is_empty() { String::new() } else { tidy(&self.relative.join(path)).display().to_string() },
            repo: repository.map(|r| r.url.clone()).unwrap_or_default(),
            reference: repository.map(|r| r.reference.clone()).unwrap_or_default(),
            ..Origin::default()
        }
    }

    /// The kustomization file as seen from the directory that is built.
    pub(crate) fn kustomization_path(&self) -> String {
        self.origin(self.kustomization_file().unwrap_or_default()).path
    }

    /// The kustomization file's name in this directory.
    pub(crate) fn kustomization_file(&self) -> Result<&'static str> {
        let found: Vec<_> = FILE_NAMES.into_iter().filter(|name| self.real.join(name).is_file()).collect();
        match found[..] {
            [one] => Ok(one),
            [] => Err(Error::new(format!(
                "{} holds no kustomization.yaml, kustomization.yml or Kustomization",
                self.shown.display()
            ))),
            [first, ..] => {
                let message =
                    format!("{} stands beside {}; keep one", self.shown(first).display(), found[1..].join(", "));
                Err(Error::new(message))
            }
        }
    }

    /// The bytes of a file at or below this directory, links followed.
    pub(crate) fn read(&self, path: &str) -> Result<Vec<u8>> {
        let shown = self.shown(path);
        let failed = |e: std::io::Error| Error::new(format!("cannot read {}: {e}", shown.display()));
        let real = self.real.join(path).canonicalize().map_err(failed)?;
        if !self.rules.anywhere && !real.starts_with(&self.real) {
            return Err(Error::new(format!(
                "{} lies outside {}; a kustomization may only read files at or below its own \
                 directory",
                shown.display(),
                self.shown.display()
            )));
        }
        let about = std::fs::metadata(&real).map_err(failed)?;
        if !about.is_file() {
            return Err(Error::new(format!("{} is no regular file", shown.display())));
        }
        if about.len() > MAX_BYTES {
            return Err(Error::new(format!("{} is larger than {} MiB", shown.display(), MAX_BYTES >> 20)));
        }
        match self.rules.texts.get(&real) {
            Some(text) => Ok(text.clone().into_bytes()),
            None => std::fs::read(&real).map_err(failed),
        }
    }

    pub(crate) fn read_text(&self, path: &str) -> Result<String> {
        String::from_utf8(self.read(path)?)
            .map_err(|_| Error::new("the file is not UTF-8 text").in_file(&self.shown(path)))
    }
}

const REMOTE: &str = "remote bases are refused; keep a copy in the repository, or allow them with --allow-remote";

/// Whether a path names something on the network rather than a file.
pub(crate) fn is_remote(path: &str) -> bool {
    path.contains("://") || Url::parse(path).is_some()
}

fn real_directory(dir: &Path, shown: &Path) -> Result<PathBuf> {
    let shown = tidy(shown);
    let real = dir.canonicalize().map_err(|e| Error::new(format!("cannot open {}: {e}", shown.display())))?;
    if real.is_dir() { Ok(real) } else { Err(Error::new(format!("{} is no directory", shown.display()))) }
}

/// The path without `.` and, where the text allows it, without `..`.
fn tidy(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    if out.as_os_str().is_empty() { PathBuf::from(".") } else { out }
}
