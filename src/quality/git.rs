//! Files as they are in a commit, fetched by the `git` command.

use crate::model::Fault;
use crate::source::git::{self, Done};
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// For one git command. A partial clone may have to fetch the file first.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A commit of the repository that `root` lies in.
#[derive(Clone, Debug)]
pub struct Commit {
    root: PathBuf,
    pub reference: String,
    sha: String,
}

impl Commit {
    /// Finds the commit that `reference` names.
    ///
    /// # Errors
    /// When git is not installed, `root` is in no repository, or the reference names no commit here. None of these
    /// says that there was no baseline.
    pub async fn find(root: &Path, reference: &str) -> Result<Commit, Fault> {
        let what = format!("find the baseline git:{reference}");
        if reference.is_empty() || reference.starts_with('-') || reference.contains(char::is_control) {
            return Err(Fault::new(what, format!("{reference:?} is no reference"), "name a branch, a tag or a commit"));
        }
        let inside = git(root, &["rev-parse", "--is-inside-work-tree"], Stdio::piped(), &what).await?;
        if inside.code != Some(0) {
            let hint = "the folder of mlops.yaml must lie in the clone of a repository";
            return Err(Fault::new(what, inside.complaint(), hint));
        }
        let wanted = format!("{reference}^{{commit}}");
        let found = git(root, &["rev-parse", "--verify", "--quiet", &wanted], Stdio::piped(), &what).await?;
        let sha = found.text().trim().to_string();
        if found.code != Some(0) || sha.len() < 40 || !sha.bytes().all(|b| b.is_ascii_hexdigit()) {
            let why = format!("this clone has no commit {reference:?}");
            let hint = "fetch it first: a CI checkout often has one commit only (actions/checkout: fetch-depth: 0; \
                        GitLab: GIT_DEPTH: 0)";
            return Err(Fault::new(what, why, hint));
        }
        Ok(Commit { root: root.to_path_buf(), reference: reference.to_string(), sha })
    }

    /// `git:origin/main (1a2b3c4)`
    pub fn name(&self) -> String {
        format!("git:{} ({})", self.reference, &self.sha[..7])
    }

    /// Writes the file as it is in the commit to `to`. False when the commit has no such file.
    ///
    /// # Errors
    /// When git fails, or what the commit has there is no file of its own.
    pub async fn write(&self, file: &Path, to: &Path) -> Result<bool, Fault> {
        let what = format!("read {} from {}", file.display(), self.name());
        let relative = file.components().all(|c| !matches!(c, Component::RootDir | Component::Prefix(_)));
        if !relative {
            let hint = "name it relative to the folder of mlops.yaml";
            return Err(Fault::new(what, "an absolute path is in no commit", hint));
        }
        // Taken by its letters a glob would be in no commit, and pass for a first run.
        if crate::files::is_glob(&file.to_string_lossy()) {
            return Err(Fault::new(what, "a glob cannot be read from a commit", "name a single file"));
        }
        let place = format!("./{}", file.display());
        // ls-tree and not `git show`: only here is "no such file" told from every other failure.
        let listed = git(&self.root, &["ls-tree", "-z", &self.sha, "--", &place], Stdio::piped(), &what).await?;
        if listed.code != Some(0) {
            return Err(Fault::new(what, listed.complaint(), ""));
        }
        let listed = listed.text();
        let Some(entry) = listed.split('\0').find(|entry| !entry.is_empty()) else { return Ok(false) };
        let mut words = entry.split([' ', '\t']);
        let (mode, kind, blob) = (words.next(), words.next(), words.next());
        let (Some("100644" | "100755"), Some("blob"), Some(blob)) = (mode, kind, blob) else {
            return Err(Fault::new(what, "it is a folder, a link or a submodule there", "name a file"));
        };
        let unwritten = |error: std::io::Error| Fault::new(format!("write {}", to.display()), error, "");
        let target = std::fs::File::create(to).map_err(unwritten)?;
        let done = git(&self.root, &["cat-file", "blob", blob], Stdio::from(target), &what).await?;
        if done.code != Some(0) {
            return Err(Fault::new(what, done.complaint(), ""));
        }
        if is_lfs_pointer(to).map_err(unwritten)? {
            let hint = "name a file outside LFS, or the record of the image in production, as the baseline";
            return Err(Fault::new(what, "the commit holds a Git LFS pointer, not the file", hint));
        }
        Ok(true)
    }

    /// Writes what the commit tells DVC of the folders that `file` lies in (`.dvc` files, `dvc.lock`, `dvc.yaml`) below
    /// `to`, beside a link to the DVC folder of today, which knows cache and remotes. Gives the folder there that stands
    /// for the root.
    ///
    /// # Errors
    /// When git fails, or the root is in no DVC repository.
    pub async fn write_dvc(&self, file: &Path, to: &Path) -> Result<PathBuf, Fault> {
        let what = format!("look for {} at DVC in {}", file.display(), self.name());
        let unwritten = |error: std::io::Error| Fault::new(&what, format!("{}: {error}", to.display()), "");
        let inside = git(&self.root, &["rev-parse", "--show-prefix"], Stdio::piped(), &what).await?;
        if inside.code != Some(0) {
            return Err(Fault::new(what, inside.complaint(), ""));
        }
        let inside = PathBuf::from(inside.text().trim_end_matches('\n'));
        let dvc = self.root.ancestors().find(|folder| folder.join(".dvc").is_dir());
        let above = dvc.and_then(|dvc| Some((dvc, self.root.strip_prefix(dvc).ok()?.components().count())));
        let depth = inside.components().count();
        let Some((dvc, above)) = above.filter(|(_, above)| *above <= depth) else {
            let why = "neither this folder nor one above it in the repository is a DVC repository (.dvc/ is absent)";
            return Err(Fault::new(what, why, "run `dvc init`, or use git:REF"));
        };
        let top: PathBuf = inside.components().take(depth - above).collect();
        let whole = inside.join(file);
        let folders = whole.ancestors().skip(1).take_while(|folder| folder.starts_with(&top));
        for folder in folders {
            let place = to.join(folder);
            std::fs::create_dir_all(&place).map_err(unwritten)?;
            for (name, blob) in self.files_of(folder, &what).await? {
                let is_told = name == "dvc.lock"
                    || name == "dvc.yaml"
                    || Path::new(&name).extension().is_some_and(|e| e == "dvc");
                if is_told {
                    let target = std::fs::File::create(place.join(&name)).map_err(unwritten)?;
                    let done = git(&self.root, &["cat-file", "blob", &blob], Stdio::from(target), &what).await?;
                    if done.code != Some(0) {
                        return Err(Fault::new(what, done.complaint(), ""));
                    }
                }
            }
        }
        let root = to.join(&inside);
        std::fs::create_dir_all(&root).map_err(unwritten)?;
        std::os::unix::fs::symlink(dvc.join(".dvc"), to.join(&top).join(".dvc")).map_err(unwritten)?;
        Ok(root)
    }

    /// Names and blobs of the files that lie in a folder of the repository, named from its top.
    async fn files_of(&self, folder: &Path, what: &str) -> Result<Vec<(String, String)>, Fault> {
        let tree = format!("{}:{}", self.sha, folder.display());
        let listed = git(&self.root, &["ls-tree", "-z", "--full-tree", &tree], Stdio::piped(), what).await?;
        if listed.code != Some(0) {
            // The commit has no such folder.
            return Ok(Vec::new());
        }
        let listed = listed.text();
        let entry = |entry: &str| {
            let (about, name) = entry.split_once('\t')?;
            let mut words = about.split(' ').skip(1);
            let (kind, blob) = (words.next()?, words.next()?);
            (kind == "blob" && !name.contains('/')).then(|| (name.to_string(), blob.to_string()))
        };
        Ok(listed.split('\0').filter_map(entry).collect())
    }
}

fn is_lfs_pointer(path: &Path) -> std::io::Result<bool> {
    use std::io::Read;
    let mut start = Vec::new();
    std::fs::File::open(path)?.take(64).read_to_end(&mut start)?;
    Ok(start.starts_with(b"version https://git-lfs.github.com/spec/"))
}

async fn git(root: &Path, arguments: &[&str], output: Stdio, what: &str) -> Result<Done, Fault> {
    git::git(root, arguments, output, TIMEOUT, what).await
}
