//! The base of a comparison: a commit, whose files are taken from git's objects into a temporary folder. Nothing is
//! checked out, so neither the working tree nor its filters and hooks are touched.

use crate::kustomize::Value;
use crate::model::Fault;
use crate::source::git::{git, git_fed};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// For one git command. A partial clone may have to fetch what it lacks.
const TIMEOUT: Duration = Duration::from_secs(120);
/// The renderer reads no larger file.
const LARGEST: u64 = 64 << 20;
/// Where the change goes, when nobody says.
const USUAL: [&str; 3] = ["origin/HEAD", "origin/main", "origin/master"];

/// A commit of the repository that `root` lies in.
pub struct Base {
    root: PathBuf,
    /// As it was asked for: `origin/main`.
    pub reference: String,
    pub sha: String,
    /// The folder of `mlops.yaml` in the repository, as `models/churn/`; empty at its top.
    prefix: PathBuf,
}

/// A file or link of a commit.
struct Entry {
    is_link: bool,
    blob: String,
    path: PathBuf,
}

impl Base {
    /// Finds the commit: the one asked for, else the usual names of the branch that a change goes to.
    ///
    /// # Errors
    /// No git, no repository, or no such commit in this clone.
    pub async fn find(root: &Path, asked: Option<&str>) -> Result<Base, Fault> {
        let candidates: Vec<&str> = asked.map_or(USUAL.to_vec(), |reference| vec![reference]);
        let what = format!("find the base {}", candidates.join(" or "));
        let inside = git(root, &["rev-parse", "--show-prefix"], Stdio::piped(), TIMEOUT, &what).await?;
        if inside.code != Some(0) {
            let hint = "the folder of mlops.yaml must lie in the clone of a repository";
            return Err(Fault::new(what, inside.complaint(), hint));
        }
        let prefix = PathBuf::from(inside.text().trim_end_matches('\n'));
        for reference in &candidates {
            if reference.is_empty() || reference.starts_with('-') || reference.contains(char::is_control) {
                let why = format!("{reference:?} is no reference");
                return Err(Fault::new(what, why, "name a branch, a tag or a commit"));
            }
            let wanted = format!("{reference}^{{commit}}");
            let arguments = ["rev-parse", "--verify", "--quiet", &wanted];
            let found = git(root, &arguments, Stdio::piped(), TIMEOUT, &what).await?;
            let sha = found.text().trim().to_string();
            if found.code == Some(0) && sha.len() >= 40 && sha.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Ok(Base { root: root.into(), reference: reference.to_string(), sha, prefix });
            }
        }
        let hint = "name it with --base, or fetch it first: a CI checkout often has one commit only \
                    (actions/checkout: fetch-depth: 0; GitLab: GIT_DEPTH: 0)";
        Err(Fault::new(what, "this clone has no such commit", hint))
    }

    /// `origin/main (1a2b3c4)`
    pub fn name(&self) -> String {
        match self.sha.starts_with(&self.reference) {
            true => self.sha[..7].to_string(),
            false => format!("{} ({})", self.reference, &self.sha[..7]),
        }
    }

    /// The objects that the overlay renders to in the commit; None when the commit does not have it.
    ///
    /// # Errors
    /// git fails, or the overlay cannot be rendered as it is there.
    pub async fn render(&self, overlay: &Path, installed: bool) -> Result<Option<Vec<Value>>, Fault> {
        let overlay = clean(&self.prefix.join(overlay));
        let entries = self.list().await?;
        if !entries.iter().any(|entry| entry.path.starts_with(&overlay)) {
            return Ok(None);
        }
        // Bases lie beside their overlays as a rule: a repository may be large. When that was not enough, all of it.
        let beside: Option<PathBuf> = overlay.iter().next().map(PathBuf::from).filter(|top| *top != overlay);
        let mut said = String::new();
        for below in [beside, Some(PathBuf::new())].into_iter().flatten() {
            let folder = tempfile::tempdir().map_err(|error| self.fault(&overlay, error))?;
            let wanted: Vec<&Entry> = entries.iter().filter(|entry| entry.path.starts_with(&below)).collect();
            self.write(&wanted, folder.path(), &overlay).await?;
            match super::render(&folder.path().join(&overlay), installed).await {
                Ok(objects) => return Ok(Some(objects)),
                Err(error) => said = super::below(&error, folder.path()),
            }
        }
        Err(Fault::new(
            format!("render {} as it is in {}", overlay.display(), self.name()),
            said,
            "this side is the base: it is mended there, not in this change",
        ))
    }

    fn fault(&self, overlay: &Path, why: impl std::fmt::Display) -> Fault {
        Fault::new(format!("read {} from {}", overlay.display(), self.name()), why, "")
    }

    /// Every file and link of the commit that the renderer could read.
    async fn list(&self) -> Result<Vec<Entry>, Fault> {
        let what = format!("list the files of {}", self.name());
        let arguments = ["ls-tree", "-r", "-z", "-l", "--full-tree", &self.sha];
        let listed = git(&self.root, &arguments, Stdio::piped(), TIMEOUT, &what).await?;
        if listed.code != Some(0) {
            return Err(Fault::new(what, listed.complaint(), ""));
        }
        Ok(listed.output.split(|byte| *byte == 0).filter_map(entry).collect())
    }

    /// Writes the entries below `folder`, byte for byte as git has them.
    async fn write(&self, entries: &[&Entry], folder: &Path, overlay: &Path) -> Result<(), Fault> {
        let fault = |error: std::io::Error| self.fault(overlay, error);
        let mut names = tempfile::tempfile().map_err(fault)?;
        for entry in entries {
            writeln!(names, "{}", entry.blob).map_err(fault)?;
        }
        names.seek(SeekFrom::Start(0)).map_err(fault)?;
        let mut blobs = tempfile::tempfile().map_err(fault)?;
        let output = Stdio::from(blobs.try_clone().map_err(fault)?);
        let what = format!("read {} from {}", overlay.display(), self.name());
        let done = git_fed(&self.root, &["cat-file", "--batch"], Stdio::from(names), output, TIMEOUT, &what).await?;
        if done.code != Some(0) {
            return Err(Fault::new(what, done.complaint(), ""));
        }
        blobs.seek(SeekFrom::Start(0)).map_err(fault)?;
        let mut blobs = BufReader::new(blobs);
        for entry in entries {
            let bytes = blob(&mut blobs, &entry.blob).map_err(fault)?;
            let path = folder.join(&entry.path);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent).map_err(fault)?;
            }
            match entry.is_link {
                true => std::os::unix::fs::symlink(String::from_utf8_lossy(&bytes).as_ref(), &path),
                false => std::fs::write(&path, &bytes),
            }
            .map_err(fault)?;
        }
        Ok(())
    }
}

/// A line of `ls-tree -l`: `100644 blob SHA    1234<TAB>PATH`.
fn entry(line: &[u8]) -> Option<Entry> {
    let line = std::str::from_utf8(line).ok()?;
    let (head, path) = line.split_once('\t')?;
    let mut words = head.split_whitespace();
    let (mode, _, blob, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let is_link = mode == "120000";
    let is_file = is_link || mode.starts_with("100");
    let path = PathBuf::from(path);
    // What a person could not have committed leads out of the folder.
    let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    let is_small = size.parse::<u64>().is_ok_and(|size| size <= LARGEST);
    (is_file && is_inside && is_small).then(|| Entry { is_link, blob: blob.to_string(), path })
}

/// The next object of `cat-file --batch`: `SHA blob SIZE`, a line break, the bytes, a line break.
fn blob(from: &mut impl BufRead, wanted: &str) -> std::io::Result<Vec<u8>> {
    let mut head = String::new();
    from.read_line(&mut head)?;
    let mut words = head.split_whitespace();
    let (sha, kind, size) = (words.next(), words.next(), words.next().and_then(|size| size.parse::<u64>().ok()));
    let (true, Some("blob"), Some(size)) = (sha == Some(wanted), kind, size) else {
        return Err(std::io::Error::other(format!("git does not have the object {wanted}")));
    };
    let mut bytes = Vec::new();
    from.take(size).read_to_end(&mut bytes)?;
    let mut end = [0];
    from.read_exact(&mut end)?;
    if bytes.len() as u64 != size || end != *b"\n" {
        return Err(std::io::Error::other(format!("git broke off in the object {wanted}")));
    }
    Ok(bytes)
}

/// Without `.` parts.
fn clean(path: &Path) -> PathBuf {
    path.components().filter(|part| matches!(part, Component::Normal(_))).collect()
}
