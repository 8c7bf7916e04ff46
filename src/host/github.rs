//! GitHub Actions: what its environment and the event's payload say about this run.

use super::{PublishOptions, comment};
use crate::record::wire::Record;
use crate::report::text::one_line;
use crate::secret::Secret;
use serde_json::Value;
use std::io::Read;
use std::path::PathBuf;

/// GitHub caps payloads at 25 MB.
const PAYLOAD_BYTES: u64 = 32 << 20;

#[derive(Clone, Debug)]
pub struct GitHub {
    /// `https://api.github.com`, or an Enterprise server's.
    pub api: String,
    /// `https://api.github.com/graphql`, or an Enterprise server's.
    pub graphql: String,
    /// `owner/name` of the repository that the workflow runs in.
    pub repository: String,
    pub run_id: String,
    /// The name of the event: `pull_request`, `push`.
    pub event: String,
    pub pull_request: Option<PullRequest>,
    /// `GITHUB_TOKEN`, or `GH_TOKEN`.
    pub token: Option<Secret>,
    pub step_summary: Option<PathBuf>,
    pub output: Option<PathBuf>,
    /// Why the event's payload could not be read.
    pub trouble: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullRequest {
    pub number: u64,
    /// The branch lies in another repository, or in one that is gone. Such runs get a read-only token.
    pub fork: bool,
}

impl GitHub {
    pub fn detect(env: &dyn Fn(&str) -> Option<String>) -> GitHub {
        let text = |name: &str| env(name).unwrap_or_default();
        let url = |name: &str, public: &str| env(name).filter(|url| !url.is_empty()).unwrap_or(public.into());
        let path = |name: &str| env(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let (payload, trouble) = match path("GITHUB_EVENT_PATH").map(|path| read(&path)) {
            Some(Ok(payload)) => (payload, None),
            Some(Err(why)) => (Value::Null, Some(why)),
            None => (Value::Null, None),
        };
        GitHub {
            api: url("GITHUB_API_URL", "https://api.github.com"),
            graphql: url("GITHUB_GRAPHQL_URL", "https://api.github.com/graphql"),
            repository: text("GITHUB_REPOSITORY"),
            run_id: text("GITHUB_RUN_ID"),
            event: text("GITHUB_EVENT_NAME"),
            pull_request: pull_request(&payload).or_else(|| from_ref(&text("GITHUB_REF"))),
            token: ["GITHUB_TOKEN", "GH_TOKEN"].into_iter().find_map(|name| env(name).and_then(Secret::new)),
            step_summary: path("GITHUB_STEP_SUMMARY"),
            output: path("GITHUB_OUTPUT"),
            trouble,
        }
    }

    /// Creates or updates the pull request's comment; returns what came of it.
    pub(super) async fn comment(
        &self,
        record: &Record,
        markdown: &str,
        options: &PublishOptions,
        say: &dyn Fn(&str),
    ) -> String {
        let Some(pull_request) = self.pull_request else {
            let event = if self.event.is_empty() {
                "this run".into()
            } else {
                format!("the {} event", one_line(&self.event, 40))
            };
            let trouble = self.trouble.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            return format!("No comment: {event} belongs to no pull request{trouble}.");
        };
        let number = pull_request.number;
        if !options.comment {
            return format!("No comment on pull request #{number}: it was turned off.");
        }
        let Some(token) = &self.token else {
            return format!(
                "No comment on pull request #{number}: there is no token. Hand `GITHUB_TOKEN` to the step, with \
                 `permissions: {{pull-requests: write}}` for the job."
            );
        };
        if !is_repository(&self.repository) {
            return format!(
                "No comment on pull request #{number}: GITHUB_REPOSITORY is {:?}, not owner/name.",
                one_line(&self.repository, 100)
            );
        }
        if options.dry_run {
            return format!(
                "Dry run: would create or update the comment of {} on pull request #{number} of {}.",
                one_line(&record.run.model, 100),
                self.repository
            );
        }
        let target = comment::Target {
            api: &self.api,
            graphql: &self.graphql,
            repository: &self.repository,
            pull_request,
            token,
        };
        let marker = crate::report::markdown::marker(&record.run.model);
        match comment::publish(&target, &marker, markdown, &options.patience, say).await {
            Ok(done) => done,
            Err(why) => format!("No comment on pull request #{number}: {}", token.strike_out(&why)),
        }
    }
}

fn read(path: &std::path::Path) -> Result<Value, String> {
    let file =
        std::fs::File::open(path).map_err(|why| format!("its payload {} cannot be read: {why}", path.display()))?;
    let mut text = Vec::new();
    file.take(PAYLOAD_BYTES).read_to_end(&mut text).map_err(|why| format!("its payload cannot be read: {why}"))?;
    serde_json::from_slice(&text).map_err(|why| format!("its payload is no JSON: {why}"))
}

/// The pull request of `pull_request`, `pull_request_target`, `pull_request_review` and, for comments on one,
/// `issue_comment` events.
fn pull_request(payload: &Value) -> Option<PullRequest> {
    if let Some(number) = payload["pull_request"]["number"].as_u64() {
        let id = |side: &str| payload["pull_request"][side]["repo"]["id"].as_u64();
        let fork = id("head").is_none() || id("head") != id("base");
        return Some(PullRequest { number, fork });
    }
    let issue = &payload["issue"];
    // The payload of a comment does not say where the branch lies; such runs are the base repository's.
    issue["pull_request"]
        .is_object()
        .then(|| issue["number"].as_u64())
        .flatten()
        .map(|number| PullRequest { number, fork: false })
}

/// `refs/pull/12/merge`, for runs whose payload cannot be read.
fn from_ref(reference: &str) -> Option<PullRequest> {
    let number = reference.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok()?;
    Some(PullRequest { number, fork: false })
}

/// `owner/name` of the characters that GitHub allows, so that it can stand in a path.
fn is_repository(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !matches!(part, "." | "..")
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    };
    name.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pull_request_is_found_in_its_event() {
        let event =
            |head: Value| json!({"pull_request": {"number": 7, "head": {"repo": head}, "base": {"repo": {"id": 1}}}});
        assert_eq!(pull_request(&event(json!({"id": 1}))), Some(PullRequest { number: 7, fork: false }));
        assert_eq!(pull_request(&event(json!({"id": 2}))), Some(PullRequest { number: 7, fork: true }));
        assert_eq!(pull_request(&event(Value::Null)), Some(PullRequest { number: 7, fork: true }), "deleted fork");
        let comment = json!({"issue": {"number": 9, "pull_request": {"url": "…"}}});
        assert_eq!(pull_request(&comment).map(|p| p.number), Some(9));
        assert_eq!(pull_request(&json!({"issue": {"number": 9}})), None, "an issue is no pull request");
        assert_eq!(pull_request(&json!({"ref": "refs/heads/main"})), None);
        assert_eq!(from_ref("refs/pull/12/merge").map(|p| p.number), Some(12));
        assert_eq!(from_ref("refs/heads/main"), None);
    }

    #[test]
    fn a_repository_is_no_path() {
        assert!(is_repository("acme/churn.model_v-2"));
        for bad in ["", "acme", "acme/", "acme/..", "a/b/c", "acme/x?y", "acme/é"] {
            assert!(!is_repository(bad), "{bad}");
        }
    }
}
