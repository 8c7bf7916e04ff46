//! The pull-request comment. Ours is found by its hidden marker and by its author, so that nobody can plant one for
//! us to edit; all pages are read. Every attempt starts with looking again, so that a comment whose creation was cut
//! off is updated rather than made twice. Facts: GitHub's REST documentation, "Issue comments".

use super::PullRequest;
use super::api::{Answer, Client, Failure};
use crate::report::text::one_line;
use crate::secret::Secret;
use serde_json::json;
use std::time::{Duration, Instant};

/// The author of what is written with a workflow's own token.
const ACTIONS: &str = "github-actions[bot]";
/// Pages of a hundred comments; nobody's pull request has more.
const PAGES: usize = 100;

/// How long publishing may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For one request, its answer read.
    pub request: Duration,
    /// For everything, waits included.
    pub total: Duration,
    /// The first wait where GitHub names none; each further one is twice as long.
    pub backoff: Duration,
    pub attempts: u32,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            request: Duration::from_secs(20),
            total: Duration::from_secs(120),
            backoff: Duration::from_secs(1),
            attempts: 5,
        }
    }
}

pub struct Target<'a> {
    pub api: &'a str,
    /// Address of the GraphQL API, which knows the token's owner where REST does not say.
    pub graphql: &'a str,
    pub repository: &'a str,
    pub pull_request: PullRequest,
    pub token: &'a Secret,
}

/// Creates the comment or updates it. Returns what was done; the error says why nothing was.
pub async fn publish(
    target: &Target<'_>,
    marker: &str,
    text: &str,
    patience: &Patience,
    say: &dyn Fn(&str),
) -> Result<String, String> {
    let client = Client::new(target.api, target.token, patience.request)?;
    let publisher = Publisher { client, target, patience, author: None };
    match tokio::time::timeout(patience.total, persist(publisher, marker, text, say)).await {
        Ok(done) => done,
        Err(_) => Err(format!("GitHub took longer than the {} s there are.", patience.total.as_secs())),
    }
}

/// Attempts until one works, one fails for good, or patience is at its end.
async fn persist(mut publisher: Publisher<'_>, marker: &str, text: &str, say: &dyn Fn(&str)) -> Result<String, String> {
    let Publisher { target, patience, .. } = publisher;
    let start = Instant::now();
    let mut attempt = 1;
    loop {
        let (why, wait) = match publisher.attempt(marker, text).await {
            Ok(done) => return Ok(done),
            Err(Failure::Lasting { why, status }) => return Err(explain(target, &why, status)),
            Err(Failure::Passing { why, wait }) => (why, wait),
        };
        if attempt == patience.attempts {
            return Err(format!("{why}; given up after {attempt} attempts."));
        }
        let wait = wait.unwrap_or(patience.backoff.saturating_mul(1 << (attempt - 1).min(10)));
        if start.elapsed().saturating_add(wait) > patience.total {
            let (wait, total) = (wait.as_secs(), patience.total.as_secs());
            return Err(format!("{why}; trying again in {wait} s would take longer than the {total} s there are."));
        }
        say(&target.token.strike_out(&format!("{why}; trying again in {} s", wait.as_secs())));
        tokio::time::sleep(wait).await;
        attempt += 1;
    }
}

fn explain(target: &Target<'_>, why: &str, status: u16) -> String {
    let advice = match status {
        401 => "the token is wrong or has expired",
        403 if target.pull_request.fork => "runs for forks get a token that may only read",
        403 => "give the job `permissions: {pull-requests: write}`",
        404 => "there is no such pull request, or the token may not see it",
        422 => "GitHub does not take this comment",
        _ => return format!("{why}."),
    };
    format!("{why}; {advice}.")
}

struct Publisher<'a> {
    client: Client,
    target: &'a Target<'a>,
    patience: &'a Patience,
    author: Option<String>,
}

impl Publisher<'_> {
    async fn attempt(&mut self, marker: &str, text: &str) -> Result<String, Failure> {
        let Target { repository, pull_request, .. } = self.target;
        let number = pull_request.number;
        let author = self.author().await?;
        let body = json!({"body": text});
        match self.find(marker, &author).await? {
            Some((_, there)) if there == text.trim_end() => {
                Ok(format!("The comment on pull request #{number} says so already."))
            }
            Some((id, _)) => {
                let path = format!("/repos/{repository}/issues/comments/{id}");
                match self.client.patch(&path, &body).await {
                    Ok(answer) => Ok(done("updated", number, &answer)),
                    Err(Failure::Lasting { status: 404, why }) => {
                        Err(Failure::Passing { why: format!("the comment went away: {why}"), wait: None })
                    }
                    Err(failure) => Err(failure),
                }
            }
            None => {
                let path = format!("/repos/{repository}/issues/{number}/comments");
                let answer = self.client.post(&path, &body).await?;
                Ok(done("created", number, &answer))
            }
        }
    }

    /// The login that our comments have. An installation's token may not ask `/user`, which is normal; GraphQL tells
    /// it, and where that does not answer either it is taken for the workflow's own.
    async fn author(&mut self) -> Result<String, Failure> {
        if let Some(author) = &self.author {
            return Ok(author.clone());
        }
        let author = match self.client.get("/user").await {
            Ok(answer) => answer.body["login"].as_str().map(String::from),
            Err(Failure::Lasting { status: 403 | 404, .. }) => self.viewer().await?,
            Err(failure) => return Err(failure),
        };
        let author = author.unwrap_or(ACTIONS.into());
        self.author = Some(author.clone());
        Ok(author)
    }

    async fn viewer(&self) -> Result<Option<String>, Failure> {
        let Target { graphql, token, .. } = self.target;
        // Beside the REST API on github.com, elsewhere on an Enterprise server.
        let client = match Client::new(graphql.trim_end_matches("/graphql"), token, self.patience.request) {
            Ok(client) => client,
            Err(why) => return Err(Failure::Lasting { why, status: 0 }),
        };
        let query = json!({"query": "query { viewer { login } }"});
        match client.post("/graphql", &query).await {
            Ok(answer) => Ok(answer.body["data"]["viewer"]["login"].as_str().map(String::from)),
            Err(Failure::Lasting { .. }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Id and text of our comment, if there is one.
    async fn find(&self, marker: &str, author: &str) -> Result<Option<(u64, String)>, Failure> {
        let Target { repository, pull_request, .. } = self.target;
        let mut path = format!("/repos/{repository}/issues/{}/comments?per_page=100", pull_request.number);
        for _ in 0..PAGES {
            let answer = self.client.get(&path).await?;
            let Some(comments) = answer.body.as_array() else {
                return Err(Failure::Lasting { why: "GitHub's list of comments is no list".into(), status: 0 });
            };
            for comment in comments {
                let body = comment["body"].as_str().unwrap_or_default();
                let ours = comment["user"]["login"].as_str() == Some(author) && body.lines().next() == Some(marker);
                if let (true, Some(id)) = (ours, comment["id"].as_u64()) {
                    return Ok(Some((id, body.replace("\r\n", "\n").trim_end().to_string())));
                }
            }
            match answer.next {
                Some(next) => path = self.client.within(&next)?,
                None => return Ok(None),
            }
        }
        Ok(None)
    }
}

fn done(what: &str, number: u64, answer: &Answer) -> String {
    let url = answer.body["html_url"].as_str().map(|url| format!(": {}", one_line(url, 300))).unwrap_or_default();
    format!("The comment on pull request #{number} was {what}{url}")
}
