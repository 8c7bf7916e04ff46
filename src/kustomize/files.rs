//! The only place that touches the file system: reads files at or below one kustomization's directory, and no others.

use super::error::{Error, Result};
use std::path::{Component, Path, PathBuf};

/// The names a kustomization file may have.
pub(crate) const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// Files beyond this are refused.
const MAX_BYTES: u64 = 64 << 20;
/// How deep bases may nest.
const MAX_DEPTH: usize = 64;

/// A kustomization's directory and the directories that led to it.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    /// The directory as the user would write it, for messages.
    shown: PathBuf,
    /// The directory as seen from the one that is built.
    relative: PathBuf,
    /// The directory without links.
    real: PathBuf,
    /// The real directories from the one that is built down to this one.
    trail: Vec<PathBuf>,
}

impl Root {
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let real = real_directory(dir)?;
        Ok(Self { shown: tidy(dir), relative: PathBuf::new(), trail: vec![real.clone()], real })
    }

    /// The directory `path` below or beside this one, to be built on its own.
    ///
    /// # Errors
    /// When it is no directory, when it holds a directory that is being built (a cycle), when bases nest too deep.
    pub(crate) fn enter(&self, path: &str) -> Result<Self> {
        if path.is_empty() {
            return Err(Error::new("the path is empty"));
        }
        let shown = tidy(&self.shown.join(path));
        let real = real_directory(&self.shown.join(path))?;
        if let Some(visited) = self.trail.iter().find(|visited| visited.starts_with(&real)) {
            let what =
                if *visited == real { "is already being built" } else { "holds a directory that is being built" };
            return Err(Error::new(format!("{path} makes a cycle: {} {what}", shown.display())));
        }
        if self.trail.len() >= MAX_DEPTH {
            return Err(Error::new(format!("bases nest deeper than {MAX_DEPTH} directories")));
        }
        let mut trail = self.trail.clone();
        trail.push(real.clone());
        Ok(Self { shown, relative: self.relative.join(path), real, trail })
    }

    pub(crate) fn is_directory(&self, path: &str) -> bool {
        self.shown.join(path).is_dir()
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        // A long inline patch is no file name.
        path.len() < 4096 && !path.contains('\n') && self.shown.join(path).exists()
    }

    /// The path of a file for messages.
    pub(crate) fn shown(&self, path: &str) -> PathBuf {
        tidy(&self.shown.join(path))
    }

    /// The path of a file as seen from the directory that is built, as a YAML scalar with its line end.
    pub(crate) fn relative(&self, path: &str) -> String {
        let path = tidy(&self.relative.join(path));
        let mut out = String::new();
        super::emit::document(&super::value::Value::String(path.display().to_string()), &mut out);
        out
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
        if !real.starts_with(&self.real) {
            return Err(Error::new(format!(
                "{} lies outside {}; a kustomization may only read files at or below its own directory",
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
        std::fs::read(&real).map_err(failed)
    }

    pub(crate) fn read_text(&self, path: &str) -> Result<String> {
        String::from_utf8(self.read(path)?)
            .map_err(|_| Error::new("the file is not UTF-8 text").in_file(&self.shown(path)))
    }
}

/// Whether a path names something on the network rather than a file.
pub(crate) fn is_remote(path: &str) -> bool {
    path.contains("://")
        || path.starts_with("git@")
        || path.starts_with("git::")
        || path.contains("?ref=")
        || path.starts_with("github.com/")
        || path.contains(".git//")
}

fn real_directory(dir: &Path) -> Result<PathBuf> {
    let real = dir.canonicalize().map_err(|e| Error::new(format!("cannot open {}: {e}", tidy(dir).display())))?;
    if real.is_dir() { Ok(real) } else { Err(Error::new(format!("{} is no directory", tidy(dir).display()))) }
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
