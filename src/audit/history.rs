//! What git says of the overlays: which commit put which digest into an environment.

use super::Audit;
use crate::kustomize::{self, ImageEdit, edit};
use crate::model::Fault;
use crate::source::git::{git, told};
use serde::Serialize;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);
const WHAT: &str = "read the history of git";

/// A commit that changed what an environment runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InGit {
    pub commit: String,
    /// RFC 3339.
    pub time: String,
    pub author: String,
    /// None: it removed the digest.
    #[serde(skip)]
    pub digest: Option<String>,
}

/// The commits of an overlay that changed its digest of `repository`, the first one first; and what could not be read in
/// some of them.
///
/// # Errors
/// There is no one kustomization in the overlay, or git does not tell its history.
async fn in_git(root: &Path, overlay: &Path, repository: &str) -> Result<(Vec<InGit>, Vec<String>), Fault> {
    let name = kustomize::file_in(&root.join(overlay)).map_err(|error| Fault::new(WHAT, error, ""))?;
    let file = overlay.join(name).display().to_string();
    let arguments = ["log", "--reverse", "--first-parent", "--format=%H%x09%cI%x09%an", "--", &file];
    let log = told(root, &arguments, TIMEOUT, WHAT).await?.unwrap_or_default();
    let (mut changes, mut unread): (Vec<InGit>, Vec<String>) = (Vec::new(), Vec::new());
    for line in log.lines() {
        let mut parts = line.splitn(3, '\t').map(str::to_string);
        let (Some(commit), Some(time), Some(author)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let text = at(root, &commit, &file).await?;
        match text.map_or(Ok(None), |text| digest_in(&text, repository)) {
            Ok(digest) if changes.last().and_then(|last| last.digest.as_ref()) == digest.as_ref() => {}
            Ok(digest) => changes.push(InGit { commit, time, author, digest }),
            Err(why) => unread.push(format!("{file} in commit {commit} of {time} ({author}): {why}")),
        }
    }
    Ok((changes, unread))
}

/// A file as a commit has it; None: the commit removed it.
async fn at(root: &Path, commit: &str, file: &str) -> Result<Option<String>, Fault> {
    let look = async |arguments: &[&str]| git(root, arguments, Stdio::piped(), TIMEOUT, WHAT).await;
    // `./` is from this folder, not from the repository's first.
    let shown = look(&["show", &format!("{commit}:./{file}")]).await?;
    if shown.code == Some(0) {
        return Ok(Some(shown.text()));
    }
    let listed = look(&["ls-tree", commit, "--", file]).await?;
    match listed.code == Some(0) && listed.output.is_empty() {
        true => Ok(None),
        false => Err(Fault::new(WHAT, format!("{file} in commit {commit}: {}", shown.complaint()), "")),
    }
}

/// The digest that a kustomization gives to the images of `repository`.
fn digest_in(text: &str, repository: &str) -> Result<Option<String>, String> {
    let entries = edit::images(text).map_err(|error| error.to_string())?;
    let of_model: Vec<&ImageEdit> = entries.iter().filter(|entry| entry.leads_to(repository)).collect();
    match of_model[..] {
        [] => Ok(None),
        [one] => Ok(one.digest.clone()),
        [..] => Err(format!("{} entries lead to {repository}, expected one", of_model.len())),
    }
}

impl Audit {
    /// Lays the histories of the overlays, each with its environment, beside the promotions. What cannot be read of them
    /// is a finding. Outside a repository of git, or without git, there are none.
    pub async fn lay_beside<'a>(
        &mut self,
        root: &Path,
        overlays: impl Iterator<Item = (&'a str, &'a Path)>,
        repository: &str,
    ) {
        match told(root, &["rev-parse", "--is-shallow-repository"], TIMEOUT, WHAT).await {
            Ok(None) => return,
            Ok(Some(answer)) if answer.trim() == "false" => {}
            Ok(Some(_)) => self.findings.push(format!(
                "{WHAT}: the clone is shallow, and what was committed before it begins is not seen (git fetch --unshallow)"
            )),
            Err(fault) => return self.findings.push(fault.to_string()),
        }
        for (environment, overlay) in overlays {
            match in_git(root, overlay, repository).await {
                Ok((changes, unread)) => {
                    self.findings.extend(unread.into_iter().map(|why| format!("{environment}: not read: {why}")));
                    self.compare(environment, changes);
                }
                Err(fault) => self.findings.push(format!("{environment}: {fault}")),
            }
        }
    }

    /// Lays the history of an environment's overlay beside its promotions.
    fn compare(&mut self, environment: &str, changes: Vec<InGit>) {
        let stays = self.environments.entry(environment.to_string()).or_default();
        let mut unproven = Vec::new();
        let mut at = 0;
        for change in changes {
            let Some(digest) = &change.digest else { continue };
            // A promotion is committed after it was made, and the same digest may come again.
            match stays.iter().skip(at).position(|stay| stay.digest == *digest && stay.git.is_none()) {
                Some(after) => {
                    stays[at + after].git = Some(change);
                    at += after + 1;
                }
                None => unproven.push(format!(
                    "{environment}: commit {} of {} ({}) put {digest} there, of which no promotion is recorded",
                    change.commit, change.time, change.author
                )),
            }
        }
        if stays.is_empty() {
            self.environments.remove(environment);
        }
        self.findings.extend(unproven);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::process::Command;

    #[test]
    fn the_digest_is_that_of_the_repositorys_entry() {
        let digest_of = |text: &str| digest_in(text, "r/a");
        let text = "images:\n- {name: other, digest: 'sha256:1'}\n- {name: model, newName: r/a, digest: 'sha256:2'}\n";
        assert_eq!(digest_of(text).unwrap().as_deref(), Some("sha256:2"));
        assert_eq!(digest_of("images: [{name: r/a, newTag: v1}]"), Ok(None));
        assert_eq!(digest_of("resources: []"), Ok(None));
        for unknown in [": [", "images: {r/a: v1}", "images: [{name: r/a}, {name: b, newName: r/a}]"] {
            assert!(digest_of(unknown).is_err(), "{unknown}");
        }
    }

    fn git_in(folder: &Path, arguments: &[&str]) {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=Test", "-c", "user.email=test@example.com", "-C"]).arg(folder).args(arguments);
        let done = git.env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE").output().unwrap();
        assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// What is found of the overlay `prod` in `root`.
    async fn findings(root: &Path) -> Vec<String> {
        let mut audit = Audit { repository: "r/a".into(), environments: BTreeMap::new(), findings: Vec::new() };
        audit.lay_beside(root, [("prod", Path::new("prod"))].into_iter(), "r/a").await;
        audit.findings
    }

    #[tokio::test]
    async fn what_git_does_not_tell_is_a_finding() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("whole");
        let file = root.join("prod/kustomization.yaml");
        std::fs::create_dir_all(root.join("prod")).unwrap();
        assert_eq!(findings(&root).await, [""; 0], "outside of a repository nothing is laid beside it");
        git_in(&root, &["init", "-q"]);
        let commit = |text: Option<&str>| {
            match text {
                Some(text) => std::fs::write(&file, text).unwrap(),
                None => std::fs::remove_file(&file).unwrap(),
            }
            git_in(&root, &["add", "-A"]);
            git_in(&root, &["commit", "-q", "-m", "change"]);
        };
        let one = |digest: &str| format!("images: [{{name: r/a, digest: 'sha256:{digest}'}}]\n");
        commit(Some(&one("1")));
        let found = findings(&root).await;
        assert!(found.len() == 1 && found[0].contains("put sha256:1 there"), "{found:?}");
        // Removed and put back: three changes, two of them with a digest.
        commit(None);
        let found = findings(&root).await;
        assert!(found.len() == 1 && found[0].starts_with("prod: read the history of git: "), "{found:?}");
        commit(Some(&one("1")));
        assert_eq!(findings(&root).await.len(), 2);
        commit(Some("images: ["));
        commit(Some(&one("1")));
        let found = findings(&root).await;
        assert!(found.len() == 3 && found[0].starts_with("prod: not read: prod/kustomization.yaml in "), "{found:?}");

        let (from, shallow) = (format!("file://{}", root.display()), folder.path().join("shallow"));
        git_in(folder.path(), &["clone", "-q", "--depth", "1", &from, "shallow"]);
        let found = findings(&shallow).await;
        assert!(found.len() == 2 && found[0].contains("the clone is shallow"), "{found:?}");

        std::fs::write(root.join(".git/config"), "[").unwrap();
        let found = findings(&root).await;
        assert!(found.len() == 1 && found[0].contains("bad config"), "{found:?}");
    }
}
