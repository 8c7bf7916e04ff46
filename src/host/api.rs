//! GitHub's API as far as the comment needs it: one request, one answer, and whether a failure is worth another try.
//! octocrab's own retries are off, since it would also repeat what is not safe to repeat. Facts: GitHub's REST
//! documentation, "Pagination", "Rate limits" and "Best practices".

use crate::report::text::one_line;
use crate::secret::Secret;
use http_body_util::{BodyExt, Limited};
use hyper::Response;
use hyper::header::ACCEPT;
use octocrab::Octocrab;
use octocrab::service::middleware::retry::RetryConfig;
use serde_json::Value;
use std::time::Duration;

/// A page of comments of the greatest length.
const ANSWER_BYTES: usize = 64 << 20;

/// Why an attempt did not work.
pub enum Failure {
    /// It may work later: after `wait` if GitHub said so.
    Passing { why: String, wait: Option<Duration> },
    /// It will not work. The status is that of GitHub's answer, 0 without one.
    Lasting { why: String, status: u16 },
}

/// What GitHub answered, and the address of the next page.
pub struct Answer {
    pub body: Value,
    pub next: Option<String>,
}

pub struct Client {
    octocrab: Octocrab,
    base: String,
    /// For one request, its answer read.
    timeout: Duration,
}

impl Client {
    /// A client of the API at `base`, which gets the token and no other server does.
    pub fn new(base: &str, token: &Secret, timeout: Duration) -> Result<Client, String> {
        let octocrab = Octocrab::builder()
            .base_uri(base)
            .map(|builder| builder.personal_token(token.expose().to_string()))
            .and_then(|builder| {
                builder
                    .add_header(ACCEPT, "application/vnd.github+json".into())
                    .add_retry_config(RetryConfig::None)
                    .set_connect_timeout(Some(timeout))
                    .set_read_timeout(Some(timeout))
                    .set_write_timeout(Some(timeout))
                    .build()
            })
            .map_err(|why| format!("{:?} is no address of an API: {}", one_line(base, 200), causes(&why)))?;
        Ok(Client { octocrab, base: base.trim_end_matches('/').to_string(), timeout })
    }

    pub async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.ask(self.octocrab._get(path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        self.ask(self.octocrab._post(path, Some(body))).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        self.ask(self.octocrab._patch(path, Some(body))).await
    }

    /// The path of a page's address, which must lie on the API's own server: the token goes nowhere else.
    pub fn within(&self, next: &str) -> Result<String, Failure> {
        let api = &self.base;
        match next.strip_prefix(api.as_str()).filter(|path| path.starts_with('/')) {
            Some(path) => Ok(path.to_string()),
            None => {
                let why = format!("the next page of comments is not at {api} but at {}", one_line(next, 200));
                Err(Failure::Lasting { why, status: 0 })
            }
        }
    }

    async fn ask<B>(&self, request: impl Future<Output = octocrab::Result<Response<B>>>) -> Result<Answer, Failure>
    where
        B: hyper::body::Body<Data = bytes::Bytes, Error = octocrab::Error>,
    {
        let read = async {
            let response = request.await.map_err(|why| unreached(&why))?;
            let status = response.status().as_u16();
            let header =
                |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(String::from);
            let next = header("link").and_then(|link| next_page(&link));
            let named = named_wait(header("retry-after"), header("x-ratelimit-remaining"), header("x-ratelimit-reset"));
            let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
            let body =
                body.map_err(|why| Failure::Passing { why: format!("GitHub's answer broke off: {why}"), wait: None })?;
            judge(status, named, next, &body.to_bytes())
        };
        match tokio::time::timeout(self.timeout, read).await {
            Ok(answer) => answer,
            Err(_) => {
                let why = format!("GitHub did not answer within {:.0} s", self.timeout.as_secs_f64());
                Err(Failure::Passing { why, wait: None })
            }
        }
    }
}

fn judge(status: u16, named: Option<Duration>, next: Option<String>, body: &[u8]) -> Result<Answer, Failure> {
    let parsed = serde_json::from_slice(body);
    if (200..300).contains(&status) {
        return match parsed {
            Ok(body) => Ok(Answer { body, next }),
            Err(why) => Err(Failure::Passing { why: format!("GitHub's answer is no JSON: {why}"), wait: None }),
        };
    }
    let message = parsed.ok().and_then(|body: Value| body["message"].as_str().map(|text| one_line(text, 200)));
    let message = message.map(|text| format!(": {text}")).unwrap_or_default();
    let why = format!("GitHub answered {status}{message}");
    let limited = status == 429 || status == 403 && (named.is_some() || message.contains("rate limit"));
    match status {
        // Where a limit comes without a time, GitHub asks for a minute at least.
        _ if limited => Err(Failure::Passing { why, wait: Some(named.unwrap_or(Duration::from_secs(60))) }),
        409 | 500..=599 => Err(Failure::Passing { why, wait: named }),
        _ => Err(Failure::Lasting { why, status }),
    }
}

/// A request that got no answer: no such host, refused, cut off, a certificate that is not trusted.
fn unreached(why: &octocrab::Error) -> Failure {
    Failure::Passing { why: format!("GitHub could not be reached: {}", causes(why)), wait: None }
}

/// An error with what caused it, on one line.
fn causes(why: &octocrab::Error) -> String {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(why);
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text = if text.is_empty() { part } else { format!("{text}: {part}") };
        }
        cause = error.source();
    }
    one_line(&text, 300)
}

/// How long GitHub asks to wait: `Retry-After`, or until the limit is lifted.
fn named_wait(after: Option<String>, remaining: Option<String>, reset: Option<String>) -> Option<Duration> {
    if let Some(seconds) = after.and_then(|text| text.trim().parse().ok()) {
        return Some(Duration::from_secs(seconds));
    }
    let reset: i64 = reset.filter(|_| remaining.as_deref() == Some("0"))?.parse().ok()?;
    let seconds = reset.saturating_sub(chrono::Utc::now().timestamp()).max(1);
    Some(Duration::from_secs(seconds.unsigned_abs()))
}

/// The address with `rel="next"` in a `Link` header.
fn next_page(link: &str) -> Option<String> {
    link.split(',').find_map(|part| {
        let (address, parameters) = part.trim().strip_prefix('<')?.split_once('>')?;
        parameters.split(';').any(|p| p.trim() == "rel=\"next\"").then(|| address.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_read_from_the_link() {
        let link =
            r#"<https://x/a?page=1>; rel="prev", <https://x/a?page=3>; rel="next", <https://x/a?page=9>; rel="last""#;
        assert_eq!(next_page(link).as_deref(), Some("https://x/a?page=3"));
        assert_eq!(next_page(r#"<https://x/a?page=1>; rel="first""#), None);
    }

    #[test]
    fn a_wait_is_taken_from_the_answer() {
        assert_eq!(named_wait(Some("7".into()), None, None), Some(Duration::from_secs(7)));
        assert_eq!(named_wait(None, Some("12".into()), Some("9999999999".into())), None);
        assert_eq!(named_wait(None, Some("0".into()), Some("0".into())), Some(Duration::from_secs(1)));
        assert_eq!(named_wait(Some("-1".into()), Some("0".into()), Some("x".into())), None);
    }
}
