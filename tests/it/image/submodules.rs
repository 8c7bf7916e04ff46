//! `context_from: git` with submodules, one in another: their files are in the image, or the build says that they are not
//! here.

use crate::parts;
use crate::repo::{Done, Repo};
use crate::support::{mlgate, skipped};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    // Submodules from a folder are refused unless they are allowed.
    command.args(["-c", "protocol.file.allow=always", "-c", "user.name=ann", "-c", "user.email=ann@example.com"]);
    let done = command.current_dir(folder).args(arguments).output().unwrap();
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A repository with a file, and another one as its submodule.
fn library(folder: &Path, file: &str, submodule: Option<&Path>) {
    fs::create_dir(folder).unwrap();
    git(folder, &["init", "--quiet"]);
    fs::write(folder.join(file), format!("of {file}\n")).unwrap();
    git(folder, &["add", "."]);
    if let Some(other) = submodule {
        git(folder, &["submodule", "--quiet", "add", &other.display().to_string(), "deep"]);
    }
    git(folder, &["commit", "--quiet", "-m", "all"]);
}

#[test]
fn files_of_submodules_are_in_the_context_and_absent_ones_are_no_empty_folders() {
    let engine = match parts::engine_and_busybox() {
        Ok(engine) => engine,
        Err(why) => return skipped(&why),
    };
    let libraries = tempfile::tempdir().unwrap();
    let [inner, outer] = ["inner", "outer"].map(|name| libraries.path().join(name));
    library(&inner, "inner.txt", None);
    library(&outer, "outer.txt", Some(&inner));

    let repo = Repo::new("localhost:1/churn");
    let image = "image: {repository: localhost:1/churn, dockerfile: app/Dockerfile, context: app, context_from: git, tags: [v1], \
                 gates: [size < 10MB]}";
    repo.write("mlops.yaml", &format!("version: 1\nmodel: {{name: churn}}\n{image}\n"));
    let script = "cat /lib/outer.txt /lib/deep/inner.txt && ! test -e /lib/loose.txt";
    let dockerfile = format!("FROM scratch\nCOPY . /\nRUN [\"/bin/busybox\", \"sh\", \"-c\", \"{script}\"]\n")
        .replace("cat ", "/bin/busybox cat ")
        .replace("test ", "/bin/busybox test ");
    repo.write("app/Dockerfile", &dockerfile);
    repo.write("app/bin/.keep", "");
    fs::copy("/bin/busybox", repo.path("app/bin/busybox")).unwrap();
    repo.commit();
    git(repo.root(), &["submodule", "--quiet", "add", &outer.display().to_string(), "app/lib"]);
    repo.commit();
    let run = || {
        let mut command = mlgate(repo.root());
        let done = command.env("DOCKER_HOST", &engine.host).args(["run", "--dry-run"]).output().unwrap();
        Done(done)
    };
    let code = || {
        let inputs = repo.record()["inputs"].as_array().unwrap().clone();
        inputs.into_iter().find(|input| input["kind"] == "code").unwrap()["digest"].to_string()
    };

    // The submodule of the submodule was not fetched, then neither is.
    let words = |said: String| said.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = words(run().exits(4));
    assert!(said.contains("the files of lib/deep are not here") && said.contains("submodule update --init"), "{said}");
    git(repo.root(), &["submodule", "--quiet", "deinit", "--force", "app/lib"]);
    let said = words(run().exits(4));
    assert!(said.contains("the files of lib are not here"), "{said}");

    git(repo.root(), &["submodule", "--quiet", "update", "--init", "--recursive"]);
    repo.write("app/lib/loose.txt", "tracked by nobody");
    run().exits(0);
    let before = code();
    // As they are in the folder now, and part of the code that determines the result.
    repo.write("app/lib/deep/inner.txt", "changed\n");
    run().exits(0);
    assert_ne!(code(), before);
}

#[test]
fn a_git_that_lists_no_submodules_with_their_modes_does() {
    let dir = tempfile::tempdir().unwrap();
    let library_folder = dir.path().join("library");
    library(&library_folder, "code.py", None);
    // As git before 2.36 does.
    let real = String::from_utf8(Command::new("sh").args(["-c", "command -v git"]).output().unwrap().stdout).unwrap();
    let refuse = "case \"$*\" in *--stage*--recurse-submodules*) echo 'fatal: ls-files --recurse-submodules unsupported mode' >&2; exit 128;; esac";
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("git"), format!("#!/bin/sh\n{refuse}\nexec {} \"$@\"\n", real.trim())).unwrap();
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());

    let repo = Repo::with_config("localhost:1/churn");
    git(repo.root(), &["submodule", "--quiet", "add", &library_folder.display().to_string(), "lib"]);
    repo.commit();
    let code = || {
        let mut command = mlgate(repo.root());
        Done(command.env("PATH", &path).args(["run", "quality"]).output().unwrap()).exits(0);
        let inputs = repo.record()["inputs"].as_array().unwrap().clone();
        inputs.into_iter().find(|input| input["kind"] == "code").unwrap()["digest"].to_string()
    };
    let before = code();
    repo.write("loose.csv", "no code");
    assert_eq!(code(), before);
    repo.write("lib/code.py", "changed\n");
    assert_ne!(code(), before);

    // Not fetched, it is its commit.
    fs::remove_file(repo.path("loose.csv")).unwrap();
    let lib = repo.path("lib");
    let absent = || {
        fs::remove_dir_all(&lib).unwrap();
        fs::create_dir(&lib).unwrap();
        code()
    };
    let first = absent();
    git(repo.root(), &["submodule", "--quiet", "update", "--force"]);
    git(&lib, &["commit", "--quiet", "--allow-empty", "-m", "next"]);
    repo.commit();
    assert_ne!(absent(), first);
}
