//! What git says of the overlays: which commit put which digest into an environment.

use super::Audit;
use crate::config::Environment;
use crate::kustomize;
use crate::source::git::git;
use serde::Serialize;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(60);

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

/// The commits of an overlay that changed its digest of `repository`, the first one first. Without git there are none.
pub async fn in_git(root: &Path, environment: &Environment, repository: &str) -> Vec<InGit> {
    let Ok(name) = kustomize::file_in(&root.join(&environment.overlay)) else { return Vec::new() };
    let file = environment.overlay.join(name).display().to_string();
    let look = async |arguments: &[&str]| {
        let done = git(root, arguments, Stdio::piped(), TIMEOUT, "read the history").await.ok()?;
        (done.code == Some(0)).then(|| done.text())
    };
    let format = "--format=%H%x09%cI%x09%an";
    let Some(log) = look(&["log", "--reverse", "--first-parent", format, "--", &file]).await else { return Vec::new() };
    let mut changes: Vec<InGit> = Vec::new();
    for line in log.lines() {
        let mut parts = line.splitn(3, '\t').map(str::to_string);
        let (Some(commit), Some(time), Some(author)) = (parts.next(), parts.next(), parts.next()) else { continue };
        // `./` is from this folder, not from the repository's first.
        let text = look(&["show", &format!("{commit}:./{file}")]).await;
        let digest = text.and_then(|text| digest_in(&text, repository));
        if changes.last().and_then(|last| last.digest.as_ref()) != digest.as_ref() {
            changes.push(InGit { commit, time, author, digest });
        }
    }
    changes
}

/// The digest that a kustomization gives to the images of `repository`.
fn digest_in(text: &str, repository: &str) -> Option<String> {
    let value: serde_json::Value = serde_saphyr::from_str(text).ok()?;
    let entries = value["images"].as_array()?;
    let of_model = |entry: &&serde_json::Value| {
        entry["newName"].as_str().or_else(|| entry["name"].as_str()).is_some_and(|name| name == repository)
    };
    entries.iter().find(of_model)?["digest"].as_str().map(str::to_string)
}

impl Audit {
    /// Lays the history of an environment's overlay beside its promotions.
    pub fn compare(&mut self, environment: &str, changes: Vec<InGit>) {
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

    #[test]
    fn the_digest_is_that_of_the_repositorys_entry() {
        let text = "images:\n- {name: other, digest: 'sha256:1'}\n- {name: model, newName: r/a, digest: 'sha256:2'}\n";
        assert_eq!(digest_in(text, "r/a").as_deref(), Some("sha256:2"));
        assert_eq!(digest_in("images: [{name: r/a, newTag: v1}]", "r/a"), None);
        assert_eq!(digest_in("resources: []", "r/a"), None);
        assert_eq!(digest_in(": [", "r/a"), None);
    }
}
