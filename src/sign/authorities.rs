//! Where keyless signing goes: the token of the CI system, the certificate authority, the transparency log.

use super::envelope::decode;
use crate::model::{Fault, causes};
use crate::patience::Pauses;
use crate::secret::Secret;
use reqwest::header::LOCATION;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(300);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const MOST_BYTES: usize = 4 << 20;

/// Who is asked for a keyless signature.
#[derive(Clone, Debug)]
pub struct Authorities {
    /// `https://fulcio.sigstore.dev`
    pub fulcio: String,
    /// `https://rekor.sigstore.dev`
    pub rekor: String,
    pub token: Token,
}

/// Where the identity token comes from.
#[derive(Clone, Debug)]
pub enum Token {
    /// It is there: `SIGSTORE_ID_TOKEN`, as GitLab gives it.
    Given(Secret),
    /// GitHub Actions gives it on demand.
    GitHub { url: String, token: Secret },
}

/// The audience that Fulcio expects.
const AUDIENCE: &str = "sigstore";

impl Token {
    /// # Errors
    /// GitHub cannot be asked, or refuses.
    pub(super) async fn get(&self) -> Result<Secret, Fault> {
        let (url, token) = match self {
            Token::Given(token) => return Ok(token.clone()),
            Token::GitHub { url, token } => (url, token),
        };
        let what = "get an identity token from GitHub";
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}audience={AUDIENCE}");
        let answer = ask(what, Method::GET, &url, |request| request.bearer_auth(token.expose())).await?;
        let given = answer["value"].as_str().and_then(Secret::new);
        given.ok_or_else(|| Fault::new(what, "its answer holds no `value`", ""))
    }
}

/// The subject that the authority wants signed: the verified mail address, or else the token's subject.
pub(super) fn subject(token: &Secret) -> Option<String> {
    let claims = decode_claims(token.expose().split('.').nth(1)?)?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let text = |name: &str| claims[name].as_str().filter(|text| !text.is_empty()).map(str::to_string);
    text("email").or_else(|| text("sub"))
}

/// Base64 of a JSON Web Token has no padding (RFC 7515, section 2).
fn decode_claims(text: &str) -> Option<Vec<u8>> {
    decode(&format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4)))
}

/// What a server said at last.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Where what is meant lies, as the server has it.
    pub(super) location: Option<String>,
    body: Vec<u8>,
    host: String,
    tried: u32,
}

impl Answer {
    /// # Errors
    /// It is a refusal, or no JSON; with the status and the beginning of the answer.
    pub(super) fn json(&self, what: &str) -> Result<Value, Fault> {
        if self.status.is_success() {
            return serde_json::from_slice(&self.body).map_err(|e| Fault::new(what, format!("its answer: {e}"), ""));
        }
        let why = format!("{} answered {}: {}", self.host, self.status, self.said());
        Err(Fault::new(what, tried(why, self.tried), ""))
    }

    /// The beginning of its text.
    pub(super) fn said(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().filter(|c| !c.is_control()).take(300).collect()
    }
}

fn tried(why: String, times: u32) -> String {
    if times == 1 { why } else { format!("{why} (tried {times} times)") }
}

/// As [`request`], for JSON.
///
/// # Errors
/// As [`request`] and [`Answer::json`].
pub(super) async fn ask(
    what: &str,
    method: Method,
    url: &str,
    finish: impl Fn(RequestBuilder) -> RequestBuilder,
) -> Result<Value, Fault> {
    request(what, method, url, finish).await?.json(what)
}

/// Sends a request. What may be better next time (no connection, an answer that breaks off, 429, 5xx) is tried again, when
/// the server wants.
///
/// # Errors
/// The server cannot be reached.
pub(super) async fn request(
    what: &str,
    method: Method,
    url: &str,
    finish: impl Fn(RequestBuilder) -> RequestBuilder,
) -> Result<Answer, Fault> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(TIMEOUT).user_agent(concat!("mlgate/", env!("CARGO_PKG_VERSION")));
    let client = client.build().map_err(|e| Fault::new(what, causes(&e), ""))?;
    let mut pauses = Pauses::new(ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let request = finish(client.request(method.clone(), url)).header("Accept", "application/json");
        // The address may hold what should not be seen.
        let lost = |e: reqwest::Error| format!("cannot talk to {}: {}", host(url), causes(&e.without_url()));
        let answered = match request.send().await {
            Ok(response) => {
                let (status, headers) = (response.status(), response.headers().clone());
                body(response).await.map(|body| (status, headers, body))
            }
            Err(e) => Err(Broken::Off(e)),
        };
        let (ended, pause) = match answered {
            Ok((status, headers, body)) => {
                let pause = pauses.after(status.as_u16(), &headers);
                let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_string);
                (Ok(Answer { status, location, body, host: host(url), tried: pauses.attempts() }), pause)
            }
            Err(Broken::Off(e)) => {
                let pause = pauses.next(None);
                (Err(Fault::new(what, tried(lost(e), pauses.attempts()), "")), pause)
            }
            Err(Broken::TooLong) => (Err(Fault::new(what, "the answer is longer than 4 MiB", "")), None),
        };
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return ended,
        }
    }
}

fn host(url: &str) -> String {
    reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_string)).unwrap_or_else(|| url.to_string())
}

/// Why there is no whole answer.
enum Broken {
    Off(reqwest::Error),
    TooLong,
}

async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, Broken> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Broken::Off)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_BYTES {
            return Err(Broken::TooLong);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// An authority that answers like this, one after another.
    async fn answering(answers: &'static [&'static str]) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 8192];
                let _ = stream.read(&mut request).await;
                let text = format!("HTTP/1.1 {answer}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}");
                let _ = stream.write_all(text.as_bytes()).await;
            }
        });
        format!("http://{address}/")
    }

    #[tokio::test]
    async fn an_authority_is_asked_again_when_it_wants() {
        let asked = async |answers| ask("ask", Method::GET, &answering(answers).await, |request| request).await;
        assert!(asked(&["429 Wait\r\nRetry-After: 0", "503 Down\r\nRetry-After: 0", "200 OK"]).await.is_ok());
        let busy = asked(&["429 Wait\r\nRetry-After: 0"; 4]).await.unwrap_err();
        assert!(busy.why.contains("answered 429") && busy.why.ends_with("(tried 4 times)"), "{busy}");
        // Longer than a job would wait, and what another time would not mend.
        for (answers, status) in [(&["429 Wait\r\nRetry-After: 61"], "429"), (&["403 No"], "403")] {
            let refused = asked(answers).await.unwrap_err();
            assert!(refused.why.contains(status) && !refused.why.contains("tried"), "{refused}");
        }
    }

    #[test]
    fn the_subject_is_read_from_the_token() {
        // {"sub":"repo:acme/churn"} and {"sub":"1","email":"ann@example.com"}
        let of = |claims: &str| subject(&Secret::new(format!("e30.{claims}.x")).unwrap());
        assert_eq!(of("eyJzdWIiOiJyZXBvOmFjbWUvY2h1cm4ifQ").as_deref(), Some("repo:acme/churn"));
        assert_eq!(of("eyJzdWIiOiIxIiwiZW1haWwiOiJhbm5AZXhhbXBsZS5jb20ifQ").as_deref(), Some("ann@example.com"));
        assert_eq!(of("e30"), None);
        assert_eq!(subject(&Secret::new("opaque").unwrap()), None);
    }
}
