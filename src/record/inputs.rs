//! What determines a run's result beside its data: the model's files, the code tree, the lock files.

use crate::digest;
use crate::files;
use crate::model::{Fault, Input, StageKind};
use sha2::{Digest, Sha256};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Files that pin an environment, looked for beside `mlops.yaml`.
const LOCK_FILES: [&str; 12] = [
    "requirements.txt",
    "requirements.lock",
    "uv.lock",
    "poetry.lock",
    "Pipfile.lock",
    "pdm.lock",
    "pixi.lock",
    "conda-lock.yml",
    "environment.yml",
    "package-lock.json",
    "Cargo.lock",
    "renv.lock",
];

/// Model, lock files and code tree of the folder; `tracked` are the files that git knows in it, if it is asked.
///
/// # Errors
/// A file of the model that is not there or cannot be read; the code tree skips nothing silently either.
pub async fn of_folder(
    root: &Path,
    model_files: &[String],
    tracked: Option<Vec<PathBuf>>,
) -> Result<Vec<Input>, Fault> {
    let (root, model_files) = (root.to_path_buf(), model_files.to_vec());
    let hashed = tokio::task::spawn_blocking(move || hash_folder(&root, &model_files, tracked)).await;
    hashed.unwrap_or_else(|error| Err(Fault::new("read the model's files", error, "")))
}

fn hash_folder(root: &Path, model_files: &[String], tracked: Option<Vec<PathBuf>>) -> Result<Vec<Input>, Fault> {
    let mut inputs = Vec::new();
    for pattern in model_files {
        inputs.push(tree(root, "model", pattern, &of_model(root, pattern)?, digest::of_file)?);
    }
    for name in LOCK_FILES.iter().filter(|name| root.join(name).is_file()) {
        inputs.push(tree(root, "lock", name, &[PathBuf::from(name)], digest::of_file)?);
    }
    let mut code = match tracked {
        Some(tracked) => tracked,
        None => untracked(root)?,
    };
    // A tracked file that was deleted is part of the change.
    code.retain(|file| root.join(file).symlink_metadata().is_ok_and(|meta| meta.is_file() || meta.is_symlink()));
    code.sort();
    inputs.push(tree(root, "code", ".", &code, as_git_has_it)?);
    Ok(inputs)
}

/// What is wrong when the model's files are not those that the run began with: then nobody knows which were measured
/// and which are in the image.
///
/// # Errors
/// A file of the model cannot be read any more.
pub async fn changed(before: &[Input], root: &Path, model_files: &[String]) -> Result<Option<Fault>, Fault> {
    // Without the code tree, which tests and builds may write to.
    let after = of_folder(root, model_files, Some(Vec::new())).await?;
    let of_model = |inputs: &[Input]| inputs.iter().filter(|i| i.kind == "model").cloned().collect::<Vec<_>>();
    let hint = "let the training write them before the run";
    let fault = || Fault::new("hold the model still", "its files changed while the run was under way", hint);
    Ok((of_model(before) != of_model(&after)).then(fault))
}

/// One input for a list of files: the digest over their paths and contents.
fn tree(
    root: &Path,
    kind: &str,
    name: &str,
    files: &[PathBuf],
    digest: impl Fn(&Path) -> io::Result<(String, u64)>,
) -> Result<Input, Fault> {
    let mut hasher = Sha256::new();
    let mut bytes = 0;
    for file in files {
        let read = digest(&root.join(file));
        let (digest, size) = read.map_err(|error| Fault::new(format!("read {}", file.display()), error, ""))?;
        hasher.update(file.as_os_str().as_bytes());
        hasher.update(format!("\0{digest}\n"));
        bytes += size;
    }
    let digest = digest::name(hasher.finalize().as_slice());
    Ok(Input { kind: kind.into(), name: name.into(), digest, bytes })
}

/// A link is its target's path, whatever lies there; it cannot be taken for a file that holds that path.
fn as_git_has_it(path: &Path) -> io::Result<(String, u64)> {
    if !path.is_symlink() {
        return digest::of_file(path);
    }
    let target = path.read_link()?;
    let target = target.as_os_str().as_bytes();
    Ok((format!("link {}", digest::of(target)), target.len() as u64))
}

/// A file itself, the files below a folder, or those that a glob names, links followed; sorted, relative to `root`.
fn of_model(root: &Path, pattern: &str) -> Result<Vec<PathBuf>, Fault> {
    let what = format!("read the model's files `{pattern}`");
    // `./model/` is `model`, and has its digest.
    let name: PathBuf = Path::new(pattern).components().filter(|part| *part != Component::CurDir).collect();
    let place = root.join(&name);
    let found = match place.metadata() {
        Ok(meta) if meta.is_file() => vec![name],
        Ok(meta) if meta.is_dir() => files::below(&what, root, &name)?,
        Ok(_) => return Err(Fault::new(what, "it is neither a file nor a folder", "correct `model.files`")),
        Err(_) if place.is_symlink() => return Err(files::leads_nowhere(&what, &name)),
        Err(_) if files::is_glob(pattern) => files::glob(&what, root, pattern)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Fault::new(what, error, "")),
    };
    if found.is_empty() {
        return Err(Fault::new(what, "nothing matches", "correct `model.files` or add the file"));
    }
    Ok(found)
}

/// The code where git cannot tell: all but what is hidden, as such folders hold caches and our own scratch files.
fn untracked(root: &Path) -> Result<Vec<PathBuf>, Fault> {
    let shown = |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().as_bytes().starts_with(b".");
    let entries = WalkDir::new(root).into_iter().filter_entry(shown);
    let relative = |entry: DirEntry| entry.path().strip_prefix(root).unwrap_or(entry.path()).to_path_buf();
    let listed: Result<Vec<PathBuf>, walkdir::Error> = entries.map(|entry| entry.map(relative)).collect();
    listed.map_err(|error| Fault::new("list the files of the folder", error, ""))
}

/// SHA-256 over everything that determines the result: each input by kind, name and digest, in sorted order, then
/// the config's digest, the image's digest, the stages that ran and the version of mlgate.
pub fn run_hash(inputs: &[Input], config_digest: &str, image_digest: Option<&str>, stages: &[StageKind]) -> String {
    let mut lines: Vec<String> = inputs.iter().map(|i| format!("{}\0{}\0{}\n", i.kind, i.name, i.digest)).collect();
    lines.sort();
    let mut hasher = Sha256::new();
    lines.iter().for_each(|line| hasher.update(line));
    hasher.update(format!("config\0{config_digest}\nimage\0{}\n", image_digest.unwrap_or("none")));
    stages.iter().for_each(|stage| hasher.update(format!("stage\0{stage}\n")));
    hasher.update(format!("mlgate\0{}\n", env!("CARGO_PKG_VERSION")));
    digest::name(hasher.finalize().as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    fn hashed(root: &Path, model: &str, tracked: Option<&[&str]>) -> Result<Vec<Input>, Fault> {
        let tracked = tracked.map(|names| names.iter().map(PathBuf::from).collect());
        hash_folder(root, &[model.to_string()], tracked)
    }

    fn digest_of(kind: &str, root: &Path, model: &str, tracked: Option<&[&str]>) -> String {
        hashed(root, model, tracked).unwrap().into_iter().find(|input| input.kind == kind).unwrap().digest
    }

    fn model(root: &Path, pattern: &str) -> String {
        digest_of("model", root, pattern, None)
    }

    #[test]
    fn linked_and_hidden_files_are_the_models_as_any_other() {
        let cache = folder(&[("ab/cdef", "weights")]);
        let plain = folder(&[("model/w.bin", "weights"), ("model/.config", "c")]);
        let linked = folder(&[("model/.config", "c"), ("model/.mlgate/x", "ours"), ("model/.git/x", "git's")]);
        symlink(cache.path().join("ab/cdef"), linked.path().join("model/w.bin")).unwrap();
        for pattern in ["model", "./model/", "model/*", "./model/*", "model/w.bin", "./model/w.bin", "m*/**"] {
            assert_eq!(model(plain.path(), pattern), model(linked.path(), pattern), "{pattern}");
        }
        assert_eq!(model(linked.path(), "model"), model(linked.path(), "./model/"));
        let before = ["model", "./model/*.bin", "model/w.bin"].map(|pattern| model(linked.path(), pattern));
        std::fs::write(cache.path().join("ab/cdef"), "changed").unwrap();
        let after = ["model", "./model/*.bin", "model/w.bin"].map(|pattern| model(linked.path(), pattern));
        assert!(before.iter().zip(&after).all(|(before, after)| before != after));
        let before = model(linked.path(), "model");
        std::fs::write(linked.path().join("model/.config"), "changed").unwrap();
        assert_ne!(before, model(linked.path(), "model"));
    }

    #[test]
    fn what_is_not_there_is_a_fault() {
        let dir = folder(&[("model/a", "a")]);
        symlink("nowhere", dir.path().join("model/w.bin")).unwrap();
        symlink("model", dir.path().join("current")).unwrap();
        for pattern in ["model", "current", "model/w.bin", "model/*"] {
            let why = hashed(dir.path(), pattern, None).unwrap_err().why;
            assert!(why.contains("w.bin is a link that leads nowhere"), "{pattern}: {why}");
        }
        for pattern in ["absent", "model/*.json"] {
            assert_eq!(hashed(dir.path(), pattern, None).unwrap_err().why, "nothing matches", "{pattern}");
        }
        std::fs::remove_file(dir.path().join("model/w.bin")).unwrap();
        symlink("..", dir.path().join("model/up")).unwrap();
        assert!(hashed(dir.path(), "model", None).unwrap_err().why.contains("loop"));
    }

    #[test]
    fn a_link_in_the_code_is_its_target_and_a_deleted_file_is_gone() {
        let dir = folder(&[("a.py", "a"), ("data.csv", "1"), ("model", "m")]);
        symlink("data.csv", dir.path().join("link")).unwrap();
        let code = |tracked: &[&str]| digest_of("code", dir.path(), "model", Some(tracked));
        let before = code(&["a.py", "link", "deleted.py"]);
        assert_eq!(before, code(&["a.py", "link"]));
        std::fs::write(dir.path().join("data.csv"), "2").unwrap();
        assert_eq!(before, code(&["a.py", "link"]), "the content is no part of the code");
        std::fs::remove_file(dir.path().join("link")).unwrap();
        symlink("nowhere.csv", dir.path().join("link")).unwrap();
        let moved = code(&["a.py", "link"]);
        std::fs::remove_file(dir.path().join("link")).unwrap();
        std::fs::write(dir.path().join("link"), "nowhere.csv").unwrap();
        let as_file = code(&["a.py", "link"]);
        let gone = code(&["a.py"]);
        assert!([&moved, &as_file, &gone].iter().all(|other| **other != before) && moved != as_file);
        // Without git the same files count, hidden ones aside.
        let all = digest_of("code", dir.path(), "model", None);
        std::fs::write(dir.path().join(".cache"), "c").unwrap();
        assert_eq!(all, digest_of("code", dir.path(), "model", None));
        assert_eq!(all, code(&["a.py", "data.csv", "link", "model"]));
    }
}
