//! What git knows of the folder: the commit, its time, the files it tracks. Asked of the `git` command, and never
//! through a shell: a reference is an argument.

use crate::model::{Commit, Fault};
use crate::secret::withheld;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// A look at the repository; what it holds lies on this disk.
const LOOK: Duration = Duration::from_secs(30);

/// The commit that is checked out; None outside a repository, before the first commit, or without git.
///
/// # Errors
/// A repository that git will not tell of, such as one of another user.
pub async fn commit(root: &Path) -> Result<Option<Commit>, Fault> {
    let line = told(root, &["log", "-1", "--format=%H %cI"], LOOK, "ask git for the commit").await?;
    let Some((sha, time)) = line.as_ref().and_then(|line| line.trim().split_once(' ')) else { return Ok(None) };
    let status = look(root, &["status", "--porcelain", "--untracked-files=no", "--", "."]).await;
    // What git cannot tell counts as changed.
    Ok(Some(Commit { sha: sha.to_string(), time: time.to_string(), dirty: status.is_none_or(|s| !s.is_empty()) }))
}

/// What a git command wrote; None outside a repository, before the first commit, or without git.
///
/// # Errors
/// A repository that git will not tell of, such as one of another user, or not within `timeout`.
pub async fn told(root: &Path, arguments: &[&str], timeout: Duration, what: &str) -> Result<Option<String>, Fault> {
    let Some(done) = run(root, arguments, Stdio::null(), Stdio::piped(), timeout, what).await? else { return Ok(None) };
    if done.code == Some(0) {
        return Ok(Some(done.text()));
    }
    let why = done.complaint();
    let is_absent = ["not a git repository", "does not have any commits yet", "bad default revision"];
    let hint = "if the repository is of another user: git config --global --add safe.directory \"$PWD\"";
    if is_absent.iter().any(|words| why.contains(words)) { Ok(None) } else { Err(Fault::new(what, why, hint)) }
}

/// What git tracks below a folder, relative to it.
#[derive(Debug, Default)]
pub struct Tracked {
    /// Those of submodules among them. One may be deleted.
    pub files: Vec<PathBuf>,
    /// Submodules of which git knows the commit and, as they were not fetched, no files.
    pub absent: Vec<PathBuf>,
}

/// The mode of a submodule in git's index.
const SUBMODULE: &[u8] = b"160000 ";

/// What git tracks below `root`; None where there is no repository.
pub async fn tracked(root: &Path) -> Option<Tracked> {
    // A submodule that is here is listed file by file, one that is not as itself: `MODE HASH STAGE\tNAME`.
    let listed = look(root, &["ls-files", "--stage", "--recurse-submodules", "-z"]).await?;
    let mut tracked = Tracked::default();
    for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let tab = entry.iter().position(|byte| *byte == b'\t')?;
        let name = PathBuf::from(OsStr::from_bytes(&entry[tab + 1..]));
        let list = if entry.starts_with(SUBMODULE) { &mut tracked.absent } else { &mut tracked.files };
        // While a merge is under way a file stands there once a side.
        if list.last() != Some(&name) {
            list.push(name);
        }
    }
    Some(tracked)
}

/// What a git command wrote, if it ended well.
async fn look(root: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let what = format!("git {}", arguments.join(" "));
    let done = git(root, arguments, Stdio::piped(), LOOK, &what).await.ok()?;
    (done.code == Some(0)).then_some(done.output)
}

/// A git command that came to its end, well or not.
pub struct Done {
    /// None when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output, unless that went elsewhere.
    pub output: Vec<u8>,
    errors: Vec<u8>,
}

impl Done {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    /// git's own words, on one line.
    pub fn complaint(&self) -> String {
        let errors = String::from_utf8_lossy(&self.errors);
        let line = errors.lines().find(|line| !line.trim().is_empty()).unwrap_or("git failed without a word");
        line.strip_prefix("fatal: ").unwrap_or(line).chars().take(300).collect()
    }
}

/// Runs a git command in `root`, its standard output to `output`; faults say that they happened to `what`.
///
/// # Errors
/// git is not installed, cannot be started, or takes longer than `timeout`.
pub async fn git(root: &Path, arguments: &[&str], output: Stdio, timeout: Duration, what: &str) -> Result<Done, Fault> {
    git_fed(root, arguments, Stdio::null(), output, timeout, what).await
}

/// As [`git`], with a standard input.
///
/// # Errors
/// As [`git`].
pub async fn git_fed(
    root: &Path,
    arguments: &[&str],
    input: Stdio,
    output: Stdio,
    timeout: Duration,
    what: &str,
) -> Result<Done, Fault> {
    let done = run(root, arguments, input, output, timeout, what).await?;
    done.ok_or_else(|| Fault::new(what, "the git command is not installed", "install git"))
}

/// As [`git_fed`]; None where git is not installed.
async fn run(
    root: &Path,
    arguments: &[&str],
    input: Stdio,
    output: Stdio,
    timeout: Duration,
    what: &str,
) -> Result<Option<Done>, Fault> {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(arguments).stdin(input).stdout(output).stderr(Stdio::piped());
    // Of the folder's own repository, also when a hook of another one runs us.
    let of_hooks = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"];
    // Its hooks, filters and file monitor are commands of others.
    for variable in of_hooks.iter().chain(withheld()) {
        command.env_remove(variable);
    }
    // No questions, no locks, and words that do not change with the user's language.
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C").kill_on_drop(true);
    let running = match command.spawn() {
        Ok(running) => running,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Fault::new(what, error, "")),
    };
    match tokio::time::timeout(timeout, running.wait_with_output()).await {
        Ok(Ok(done)) => Ok(Some(Done { code: done.status.code(), output: done.stdout, errors: done.stderr })),
        Ok(Err(error)) => Err(Fault::new(what, error, "")),
        Err(_) => Err(Fault::new(what, format!("git did not end within {} s", timeout.as_secs()), "")),
    }
}
