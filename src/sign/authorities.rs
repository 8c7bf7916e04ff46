//! Where keyless signing goes: the token of the CI system, the certificate authority, the transparency log.

use super::envelope::decode;
use crate::model::{Fault, causes};
use crate::patience::Pauses;
use crate::secret::Secret;
use reqwest::{Method, RequestBuilder};
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

/// Asks for JSON and reads it. What may be better next time (no connection, 429, 5xx) is tried again, when the server wants.
///
/// # Errors
/// With the status and the beginning of the answer.
pub(super) async fn ask(
    what: &str,
    method: Method,
    url: &str,
    finish: impl Fn(RequestBuilder) -> RequestBuilder,
) -> Result<Value, Fault> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(TIMEOUT).user_agent(concat!("mlgate/", env!("CARGO_PKG_VERSION")));
    let client = client.build().map_err(|e| Fault::new(what, causes(&e), ""))?;
    let mut pauses = Pauses::new(ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let request = finish(client.request(method.clone(), url)).header("Accept", "application/json");
        let (fault, pause) = match request.send().await {
            Ok(response) => {
                let status = response.status();
                let pause = pauses.after(status.as_u16(), response.headers());
                let body = body(response).await.map_err(|why| Fault::new(what, why, ""))?;
                if status.is_success() {
                    return serde_json::from_slice(&body).map_err(|e| Fault::new(what, format!("its answer: {e}"), ""));
                }
                let said: String =
                    String::from_utf8_lossy(&body).chars().filter(|c| !c.is_control()).take(300).collect();
                (Fault::new(what, format!("{} answered {status}: {said}", host(url)), ""), pause)
            }
            // The address may hold what should not be seen.
            Err(e) => {
                let why = format!("cannot talk to {}: {}", host(url), causes(&e.without_url()));
                (Fault::new(what, why, ""), pauses.next(None))
            }
        };
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None if pauses.attempts() == 1 => return Err(fault),
            None => return Err(Fault { why: format!("{} (tried {} times)", fault.why, pauses.attempts()), ..fault }),
        }
    }
}

fn host(url: &str) -> String {
    reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_string)).unwrap_or_else(|| url.to_string())
}

async fn body(mut response: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| causes(&e.without_url()))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_BYTES {
            return Err("the answer is longer than 4 MiB".into());
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
