//! Bases in other repositories: reading their URLs, and cloning them with the installed `git` when that is allowed.

use super::error::{Error, Result};
use super::program;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a clone may take, unless the URL says otherwise.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A directory in a repository, as `https://host/org/repo//path?ref=v1` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    /// What `git` clones.
    pub repository: String,
    /// The directory in it; empty for its root.
    pub path: String,
    /// A branch, a tag or a commit; empty for the default branch.
    pub reference: String,
    pub submodules: bool,
    timeout: Duration,
}

impl Url {
    /// Nothing when the text names no repository.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("git::").unwrap_or(text);
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (host, rest) = split_host(address)?;
        let whole = || host.contains("://").then_some((rest, ""));
        let (repository, path) = split_path(rest, host == "file://").or_else(whole)?;
        let mut found = Self {
            repository: format!("{}{repository}", if host == "github.com/" { "https://github.com/" } else { host }),
            path: path.trim_matches('/').to_owned(),
            reference: String::new(),
            submodules: true,
            timeout: TIMEOUT,
        };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "ref" => found.reference = value.to_owned(),
                "version" if found.reference.is_empty() => found.reference = value.to_owned(),
                "submodules" => found.submodules = value != "false",
                "timeout" => {
                    let seconds = value.trim_end_matches('s').parse();
                    found.timeout = seconds.map_or(TIMEOUT, Duration::from_secs);
                }
                _ => {}
            }
        }
        Some(found)
    }

    /// Clones what the URL names, one commit deep, into a directory that is removed when it is dropped. `git` does not
    /// get to see the variables `withheld`.
    ///
    /// # Errors
    /// When `git` is missing, fails or takes too long.
    pub(crate) fn fetch(&self, withheld: &[&str]) -> Result<TempDir> {
        for (what, text) in [("reference", &self.reference), ("repository", &self.repository)] {
            if text.starts_with('-') {
                return Err(Error::new(format!("{text:?} is no {what}")));
            }
        }
        if self.path.split('/').any(|part| part == "..") {
            return Err(Error::new(format!("{} leads out of the repository", self.path)));
        }
        let clone = TempDir::new().map_err(|e| Error::new(format!("cannot make a directory for a clone: {e}")))?;
        let end = Instant::now() + self.timeout;
        let git = |arguments: &[&str]| {
            let mut command = program::command("git", withheld);
            command.arg("-C").arg(clone.path()).args(arguments).env("GIT_TERMINAL_PROMPT", "0");
            program::run(&mut command, &format!("git {}", arguments.join(" ")), end)
        };
        let reference = if self.reference.is_empty() { "HEAD" } else { &self.reference };
        git(&["init", "--quiet"])?;
        git(&["fetch", "--quiet", "--depth=1", "--", &self.repository, reference])?;
        git(&["checkout", "--quiet", "FETCH_HEAD"])?;
        if self.submodules && clone.path().join(".gitmodules").exists() {
            git(&["submodule", "--quiet", "update", "--init", "--recursive"])?;
        }
        Ok(clone)
    }
}

/// The scheme and host with what ends them, and the rest.
fn split_host(address: &str) -> Option<(&str, &str)> {
    if let Some(rest) = address.strip_prefix("file://") {
        return Some(("file://", rest));
    }
    for scheme in ["https://", "http://", "ssh://"] {
        if let Some(rest) = address.strip_prefix(scheme) {
            let end = rest.find('/')?;
            return Some(address.split_at(scheme.len() + end + 1));
        }
    }
    if address.starts_with("github.com/") {
        return Some(address.split_at("github.com/".len()));
    }
    // `user@host:path`
    let (user, rest) = address.split_once('@')?;
    let end = rest.find(':')?;
    let fits = !user.is_empty() && !user.contains(['/', ' ', ':', '\n']) && !rest[..end].contains(['/', ' ', '\n']);
    fits.then(|| address.split_at(user.len() + 1 + end + 1))
}

/// The repository and the directory in it: parted by `//`, after `.git`, after `_git/NAME`, or after two parts.
fn split_path(rest: &str, is_file: bool) -> Option<(&str, &str)> {
    let at_end = |at: usize| rest[at..].is_empty() || rest[at..].starts_with('/');
    if let Some(at) = rest.find("_git/").map(|at| at + "_git/".len()) {
        let end = rest[at..].find('/').map_or(rest.len(), |end| at + end);
        return Some((&rest[..end], &rest[end..]));
    }
    if let Some(at) = rest.match_indices(".git").map(|(at, m)| at + m.len()).find(|at| at_end(*at)) {
        return Some((&rest[..at], &rest[at..]));
    }
    if let Some(parts) = rest.split_once("//") {
        return Some(parts);
    }
    if is_file {
        return Some((rest, ""));
    }
    let mut parts = rest.match_indices('/').map(|(at, _)| at);
    let first = parts.next()?;
    let end = parts.next().unwrap_or(rest.len());
    (first > 0 && end > first + 1).then(|| rest.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_repositories() {
        let table = [
            ("https://github.com/acme/k8s//base?ref=v1", "https://github.com/acme/k8s", "base", "v1"),
            ("github.com/acme/k8s/base/prod?ref=main", "https://github.com/acme/k8s", "base/prod", "main"),
            ("git@github.com:acme/k8s.git//base", "git@github.com:acme/k8s.git", "base", ""),
            ("git::https://git.example.com/a/b/c.git/d", "https://git.example.com/a/b/c.git", "d", ""),
            ("ssh://git@example.com/acme/k8s//x?version=2", "ssh://git@example.com/acme/k8s", "x", "2"),
            ("https://dev.azure.com/o/p/_git/repo/dir", "https://dev.azure.com/o/p/_git/repo", "dir", ""),
            ("file:///srv/repo//base", "file:///srv/repo", "base", ""),
            ("https://github.com/acme/k8s", "https://github.com/acme/k8s", "", ""),
        ];
        for (text, repository, path, reference) in table {
            let found = Url::parse(text).expect(text);
            assert_eq!(
                (found.repository, found.path, found.reference),
                (repository.into(), path.into(), reference.into())
            );
        }
        for text in ["base", "../base", "a//b", "name@host", "kind: X\nname: a@b:c", "https://x", "/abs/dir"] {
            assert_eq!(Url::parse(text), None, "{text}");
        }
    }
}
