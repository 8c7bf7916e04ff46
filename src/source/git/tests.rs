use super::*;
use std::fs;

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = std::process::Command::new("git");
    // Submodules from a folder are refused unless they are allowed.
    command.args(["-c", "protocol.file.allow=always", "-c", "user.name=ann", "-c", "user.email=ann@example.com"]);
    let done = command.current_dir(folder).args(arguments).output().unwrap();
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A repository `name` in `parent` with a file of that name, and others as its submodules in folders `sub/NAME`.
fn repository(parent: &Path, name: &str, submodules: &[&str]) -> PathBuf {
    let folder = parent.join(name);
    fs::create_dir(&folder).unwrap();
    git(&folder, &["init", "--quiet"]);
    fs::write(folder.join(name), name).unwrap();
    git(&folder, &["add", "."]);
    for other in submodules {
        let from = parent.join(other).display().to_string();
        git(&folder, &["submodule", "--quiet", "add", &from, &format!("sub/{other}")]);
    }
    git(&folder, &["commit", "--quiet", "-m", "all"]);
    folder
}

fn listed(root: &Path) -> Result<Option<Tracked>, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(tracked(root))
}

fn files(root: &Path) -> Vec<String> {
    let mut files: Vec<_> =
        listed(root).unwrap().unwrap().files.iter().map(|file| file.display().to_string()).collect();
    files.sort();
    files
}

#[test]
fn files_of_submodules_are_listed_and_of_absent_ones_the_commit() {
    let dir = tempfile::tempdir().unwrap();
    let inner = repository(dir.path(), "inner", &[]);
    repository(dir.path(), "outer", &["inner"]);
    let top = repository(dir.path(), "top", &["outer"]);
    fs::write(top.join("sub/outer/loose"), "tracked by nobody").unwrap();

    let head = std::process::Command::new("git").arg("-C").arg(&inner).args(["rev-parse", "HEAD"]).output().unwrap();
    let commit = String::from_utf8(head.stdout).unwrap().trim().to_string();
    let absent = listed(&top).unwrap().unwrap().absent;
    assert_eq!(absent, [Submodule { path: "sub/outer/sub/inner".into(), commit }]);
    assert_eq!(files(&top), [".gitmodules", "sub/outer/.gitmodules", "sub/outer/outer", "top"]);

    git(&top, &["submodule", "--quiet", "update", "--init", "--recursive"]);
    let all = [".gitmodules", "sub/outer/.gitmodules", "sub/outer/outer", "sub/outer/sub/inner/inner", "top"];
    assert_eq!(files(&top), all);
    assert!(listed(&top).unwrap().unwrap().absent.is_empty());
    // From a folder inside, names begin there.
    assert_eq!(files(&top.join("sub")), ["outer/.gitmodules", "outer/outer", "outer/sub/inner/inner"]);

    // A link in the place of the submodule leads to another's files.
    fs::remove_dir_all(top.join("sub/outer")).unwrap();
    std::os::unix::fs::symlink(&inner, top.join("sub/outer")).unwrap();
    assert_eq!(files(&top), [".gitmodules", "top"]);
    assert_eq!(listed(&top).unwrap().unwrap().absent[0].path, Path::new("sub/outer"));
}

#[test]
fn both_sides_of_a_merge_are_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let top = repository(dir.path(), "top", &[]);
    let change = |text: &str| {
        fs::write(top.join("top"), text).unwrap();
        git(&top, &["commit", "--quiet", "-a", "-m", text]);
    };
    git(&top, &["branch", "other"]);
    change("ours");
    git(&top, &["checkout", "--quiet", "other"]);
    change("theirs");
    let merge = std::process::Command::new("git").current_dir(&top).args(["merge", "--quiet", "-"]).output().unwrap();
    assert!(!merge.status.success());
    assert_eq!(files(&top), ["top"]);
}

#[test]
fn no_repository_is_none_and_a_broken_one_a_fault_with_the_words_of_git() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(listed(dir.path()).unwrap(), None);

    repository(dir.path(), "inner", &[]);
    let top = repository(dir.path(), "top", &["inner"]);
    let broken = |git: &str| {
        fs::write(top.join("sub/inner/.git"), git).unwrap();
        listed(&top).unwrap_err()
    };
    let fault = broken("gitdir: ../nowhere\n");
    assert!(
        fault.what.ends_with("in the submodule sub/inner") && fault.why.contains("not a git repository"),
        "{fault}"
    );
    assert!(broken("nonsense").why.contains("invalid gitfile format"));
    // An empty `.git` folder: git would answer for the repository around it.
    fs::remove_file(top.join("sub/inner/.git")).unwrap();
    fs::create_dir(top.join("sub/inner/.git")).unwrap();
    assert_eq!(listed(&top).unwrap_err().why, "its .git is not a git repository");

    fs::write(top.join(".git/index"), "no index").unwrap();
    assert!(listed(&top).unwrap_err().why.contains("index"));
    fs::remove_dir_all(top.join(".git")).unwrap();
    fs::write(top.join(".git"), "gitdir: ../nowhere\n").unwrap();
    assert!(listed(&top).unwrap_err().why.contains("not a git repository"));
}
