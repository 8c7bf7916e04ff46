//! What git knows of the folder: the commit, its time, the files it tracks. Asked of the `git` command, and never
//! through a shell: a reference is an argument.

use crate::model::{Commit, Fault, Submodule, Tracked};
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
    Ok(answer(root, arguments, timeout, what).await?.map(|done| done.text()))
}

/// A git command that ended well; None and errors as of [`told`].
async fn answer(root: &Path, arguments: &[&str], timeout: Duration, what: &str) -> Result<Option<Done>, Fault> {
    let Some(done) = run(root, arguments, Stdio::null(), Stdio::piped(), timeout, what).await? else { return Ok(None) };
    if done.code == Some(0) {
        return Ok(Some(done));
    }
    let why = done.complaint();
    // `not a git repository: PATH` is one that leads nowhere.
    let is_absent = ["not a git repository (or any", "does not have any commits yet", "bad default revision"];
    let hint = "if the repository is of another user: git config --global --add safe.directory \"$PWD\"";
    if is_absent.iter().any(|words| why.contains(words)) { Ok(None) } else { Err(Fault::new(what, why, hint)) }
}

/// The mode of a submodule in git's index.
const SUBMODULE: &str = "160000";

/// What git tracks below `root`; None outside a repository, or without git.
///
/// # Errors
/// A repository, or a submodule that was fetched, that git will not tell of.
pub async fn tracked(root: &Path) -> Result<Option<Tracked>, Fault> {
    let what = "list the files that git tracks";
    let failed = |error| Fault::new(what, format!("{}: {error}", root.display()), "");
    let top = root.canonicalize().map_err(failed)?;
    let mut tracked = Tracked::default();
    // Each submodule is asked by itself: git lists the files of all with their modes only since 2.36.
    let mut folders = vec![PathBuf::new()];
    while let Some(inside) = folders.pop() {
        let (folder, is_top) = (top.join(&inside), inside.as_os_str().is_empty());
        let in_submodule =
            |fault: Fault| Fault { what: format!("{what} in the submodule {}", inside.display()), ..fault };
        let asked = match is_top {
            true => answer(&folder, &LIST, LOOK, what).await?,
            false => Some(list_of_submodule(&folder, what).await.map_err(in_submodule)?),
        };
        let Some(listed) = asked else { return Ok(None) };
        let entries = entries(&listed.output);
        for (name, commit) in entries.ok_or_else(|| Fault::new(what, "git's list cannot be read", ""))? {
            let path = inside.join(name);
            let Some(commit) = commit else {
                tracked.files.push(path);
                continue;
            };
            let place = top.join(&path);
            // One that was not fetched is an empty folder. Behind a link lies something else.
            let is_here =
                place.join(".git").symlink_metadata().is_ok() && place.canonicalize().is_ok_and(|p| p == place);
            if is_here { folders.push(path) } else { tracked.absent.push(Submodule { path, commit }) }
        }
    }
    Ok(Some(tracked))
}

const LIST: [&str; 3] = ["ls-files", "--stage", "-z"];

async fn list_of_submodule(folder: &Path, what: &str) -> Result<Done, Fault> {
    let hint =
        "run `git submodule update --init --recursive`, or `git submodule deinit --force` for what you do not need";
    let broken = |why: String| Fault::new(what, why, hint);
    // Where its `.git` is none, git answers for the repository around it.
    let about = git(folder, &["rev-parse", "--show-prefix"], Stdio::piped(), LOOK, what).await?;
    if about.code != Some(0) {
        return Err(broken(about.complaint()));
    }
    if !about.text().trim_end().is_empty() {
        return Err(broken("its .git is not a git repository".into()));
    }
    let listed = git(folder, &LIST, Stdio::piped(), LOOK, what).await?;
    if listed.code == Some(0) { Ok(listed) } else { Err(broken(listed.complaint())) }
}

/// Names and, of submodules, commits in a list of `MODE HASH STAGE\tNAME\0`; None where it is no such list.
fn entries(listed: &[u8]) -> Option<Vec<(&Path, Option<String>)>> {
    let mut found: Vec<(&Path, Option<String>)> = Vec::new();
    for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let tab = entry.iter().position(|byte| *byte == b'\t')?;
        let (about, name) = (std::str::from_utf8(&entry[..tab]).ok()?, Path::new(OsStr::from_bytes(&entry[tab + 1..])));
        let mut about = about.split(' ');
        let (mode, hash) = (about.next()?, about.next()?);
        // While a merge is under way a file stands there once a side.
        if found.last().is_none_or(|(last, _)| *last != name) {
            found.push((name, (mode == SUBMODULE).then(|| hash.to_string())));
        }
    }
    Some(found)
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

#[cfg(test)]
#[path = "git/tests.rs"]
mod tests;
