//! What determines a run's result beside its data: the model's files, the code tree, the lock files.

use super::once::Once;
use crate::digest;
use crate::files;
use crate::model::{Fault, Input, StageKind, Submodule, Tracked};
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

/// Model, lock files and code tree of the folder, and what was hashed for them; `tracked` is what git knows in it, if there
/// is a repository. Files of ours may lie in `scratch`.
///
/// # Errors
/// A file of the model that is not there or cannot be read; the code tree skips nothing silently either.
pub async fn of_folder(
    root: &Path,
    scratch: &Path,
    model_files: &[String],
    tracked: Option<Tracked>,
) -> Result<(Vec<Input>, Once), Fault> {
    let (root, scratch, model_files) = (root.to_path_buf(), scratch.to_path_buf(), model_files.to_vec());
    let hash = move || {
        let mut once = Once::begin(&scratch);
        hash_folder(&root, &model_files, tracked, &mut once).map(|inputs| (inputs, once))
    };
    let hashed = tokio::task::spawn_blocking(hash).await;
    hashed.unwrap_or_else(|error| Err(Fault::defect("read the model's files", error)))
}

fn hash_folder(
    root: &Path,
    model_files: &[String],
    tracked: Option<Tracked>,
    once: &mut Once,
) -> Result<Vec<Input>, Fault> {
    let mut inputs = hash_model(root, model_files, once)?;
    for name in LOCK_FILES.iter().filter(|name| root.join(name).is_file()) {
        inputs.push(tree(root, "lock", name, &[PathBuf::from(name)], &[], |path| once.digest(path))?);
    }
    let Tracked { files: mut code, mut absent } = match tracked {
        Some(tracked) => tracked,
        None => Tracked { files: untracked(root)?, ..Tracked::default() },
    };
    absent.sort();
    // A tracked file that was deleted is part of the change.
    code.retain(|file| root.join(file).symlink_metadata().is_ok_and(|meta| meta.is_file() || meta.is_symlink()));
    code.sort();
    inputs.push(tree(root, "code", ".", &code, &absent, |path| as_git_has_it(path, once))?);
    Ok(inputs)
}

/// One input for each entry of `model.files`.
fn hash_model(root: &Path, model_files: &[String], once: &mut Once) -> Result<Vec<Input>, Fault> {
    let hash =
        |pattern: &String| tree(root, "model", pattern, &of_model(root, pattern)?, &[], |path| once.digest(path));
    model_files.iter().map(hash).collect()
}

/// What is wrong when the model's files are not those that the run began with: then nobody knows which were measured
/// and which are in the image. Files that were certainly not written to since are not read again. The code tree, which
/// tests and builds may write to, is not asked for.
///
/// # Errors
/// A file of the model cannot be read any more.
pub async fn changed(
    before: &[Input],
    mut once: Once,
    root: &Path,
    model_files: &[String],
) -> Result<Option<Fault>, Fault> {
    let (root, model_files) = (root.to_path_buf(), model_files.to_vec());
    let after = tokio::task::spawn_blocking(move || hash_model(&root, &model_files, &mut once)).await;
    let after = after.map_err(|error| Fault::defect("read the model's files", error))??;
    let hint = "let the training write them before the run";
    let fault = || Fault::new("hold the model still", "its files changed while the run was under way", hint);
    let is_same = before.iter().filter(|input| input.kind == "model").eq(&after);
    Ok((!is_same).then(fault))
}

/// One input for a list of files: the digest over their paths and contents, and over the commits of submodules whose files
/// are not here.
fn tree(
    root: &Path,
    kind: &str,
    name: &str,
    files: &[PathBuf],
    absent: &[Submodule],
    mut digest: impl FnMut(&Path) -> io::Result<(String, u64)>,
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
    for Submodule { path, commit } in absent {
        hasher.update(path.as_os_str().as_bytes());
        hasher.update(format!("\0submodule {commit}\n"));
    }
    let digest = digest::name(hasher.finalize().as_slice());
    Ok(Input { kind: kind.into(), name: name.into(), digest, bytes })
}

/// A link is its target's path, whatever lies there; it cannot be taken for a file that holds that path.
fn as_git_has_it(path: &Path, once: &mut Once) -> io::Result<(String, u64)> {
    if !path.is_symlink() {
        return once.digest(path);
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
    use crate::record::once;
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
        let files = |names: &[&str]| names.iter().map(PathBuf::from).collect();
        let tracked = tracked.map(|names| Tracked { files: files(names), ..Tracked::default() });
        hash_folder(root, &[model.to_string()], tracked, &mut Once::begin(root))
    }

    /// Whether the model's files changed by `change`, made after they were hashed.
    fn is_changed(root: &Path, patterns: &[&str], change: impl FnOnce(&Path)) -> Result<bool, Fault> {
        let patterns: Vec<String> = patterns.iter().map(|pattern| pattern.to_string()).collect();
        let mut once = Once::late(root);
        let before = hash_folder(root, &patterns, Some(Tracked::default()), &mut once).unwrap();
        once::tests::tick(root);
        change(root);
        let asked = changed(&before, once, root, &patterns);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Ok(runtime.block_on(asked)?.is_some_and(|fault| fault.what == "hold the model still"))
    }

    #[test]
    fn a_change_of_the_model_while_it_is_measured_is_noticed() {
        let model = || folder(&[("model/a.bin", "one"), ("model/b.bin", "two"), ("beside", "x"), ("uv.lock", "y")]);
        let write =
            |name: &'static str, text: &'static str| move |root: &Path| std::fs::write(root.join(name), text).unwrap();
        let of = |pattern: &str, change: &dyn Fn(&Path)| is_changed(model().path(), &[pattern, "beside"], change);
        for pattern in ["model", "model/*.bin", "model/{a,b,c}.bin"] {
            assert!(!of(pattern, &|_| ()).unwrap());
            assert!(!of(pattern, &write("model/a.bin", "one")).unwrap(), "the same content again");
            assert!(!of(pattern, &write("uv.lock", "another")).unwrap(), "no file of the model");
            assert!(of(pattern, &write("model/a.bin", "new")).unwrap());
            assert!(of(pattern, &write("model/c.bin", "new")).unwrap(), "one more file");
            assert!(of(pattern, &write("beside", "new")).unwrap());
            let swap = |root: &Path| {
                let [a, b, c] = ["a", "b", "c"].map(|name| root.join(format!("model/{name}.bin")));
                std::fs::rename(&a, &c).and_then(|()| std::fs::rename(&b, &a)).unwrap();
                std::fs::rename(c, b).unwrap();
            };
            assert!(of(pattern, &swap).unwrap(), "two files changed places");
            assert!(of(pattern, &|root| std::fs::remove_file(root.join("model/b.bin")).unwrap()).unwrap());
        }
        assert!(of("model/a.bin", &|root| std::fs::remove_file(root.join("model/a.bin")).unwrap()).is_err());
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

    #[test]
    fn the_commit_of_a_submodule_that_is_not_here_is_part_of_the_code() {
        let dir = folder(&[("a.py", "a"), ("model", "m")]);
        let code = |absent: &[(&str, &str)]| {
            let submodule = |(path, commit): &(&str, &str)| Submodule { path: path.into(), commit: commit.to_string() };
            let tracked = Tracked { files: vec!["a.py".into()], absent: absent.iter().map(submodule).collect() };
            let inputs = hash_folder(dir.path(), &["model".into()], Some(tracked), &mut Once::begin(dir.path()));
            inputs.unwrap().into_iter().find(|input| input.kind == "code").unwrap().digest
        };
        // Without one, the files alone count.
        assert_eq!(code(&[]), digest::of(format!("a.py\0{}\n", digest::of(b"a")).as_bytes()));
        let before = code(&[("lib", "c1"), ("more", "c2")]);
        assert_eq!(before, code(&[("more", "c2"), ("lib", "c1")]));
        let others = [code(&[]), code(&[("lib", "c2"), ("more", "c2")]), code(&[("lib2", "c1"), ("more", "c2")])];
        assert!(others.iter().all(|other| *other != before));
    }
}
