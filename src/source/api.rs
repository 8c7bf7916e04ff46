//! A JSON API asked with patience: time limits, repeated requests, an answer of bounded size, and faults that say what
//! the server said.

use crate::data::Http;
use crate::model::{Fault, causes};
use crate::secret::{self, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;
use std::time::Duration;

/// An answer holds the metrics of one run; more than this is something else.
const MOST_BYTES: usize = 16 << 20;
/// Of an error's text.
const MESSAGE_BYTES: usize = 16 << 10;
/// For one request with all its attempts: a server that sends a byte now and then never breaks the limit between bytes.
const LONGEST: Duration = Duration::from_secs(300);

/// Who asks.
#[derive(Clone, Debug)]
pub(super) enum Account {
    Anonymous,
    Bearer(Secret),
    Basic(String, Secret),
}

impl Account {
    pub fn on(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Account::Anonymous => request,
            Account::Bearer(token) => request.bearer_auth(token.expose()),
            Account::Basic(user, password) => request.basic_auth(user, Some(password.expose())),
        }
    }

    /// The same as headers, for requests that others send; None where the credentials are no text of a header.
    pub fn headers(&self) -> Option<HeaderMap> {
        let text = match self {
            Account::Anonymous => return Some(HeaderMap::new()),
            Account::Bearer(token) => format!("Bearer {}", token.expose()),
            Account::Basic(user, password) => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose())))
            }
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(HeaderMap::from_iter([(AUTHORIZATION, value)]))
    }
}

pub(super) struct Api {
    http: Http,
    /// Ends in a slash, without credentials.
    base: Url,
    account: Account,
    /// What to do where it refuses.
    hint: &'static str,
}

/// What came of a request that reached the API.
pub(super) enum Answer {
    Good(Value),
    /// 400 or 404, with what the API said of it in JSON.
    Refused(StatusCode, Value),
}

impl Api {
    /// `address` may hold a user and a password, which are used where `account` is anonymous.
    ///
    /// # Errors
    /// It is no address of http or https.
    pub fn new(http: Http, what: &str, address: &str, account: Account, hint: &'static str) -> Result<Api, Fault> {
        let wrong = |why: &dyn std::fmt::Display| {
            let shown = secret::strike_out(address.rsplit('@').next().unwrap_or_default());
            Fault::new(what, format!("`{shown}` is no address of a server: {why}"), "it is like https://HOST:PORT")
        };
        let mut base = Url::parse(address).map_err(|e| wrong(&e))?;
        if !["http", "https"].contains(&base.scheme()) || base.host_str().is_none() {
            return Err(wrong(&"it is neither http nor https"));
        }
        let decoded = |text: &str| percent(text);
        let user = decoded(base.username());
        let account = match (account, Secret::new(decoded(base.password().unwrap_or_default()))) {
            (Account::Anonymous, Some(password)) => {
                secret::hide([password.expose().to_string()]);
                Account::Basic(user, password)
            }
            (account, _) => account,
        };
        let cleaned = base.set_username("").and_then(|()| base.set_password(None));
        cleaned.map_err(|()| wrong(&"its user cannot be taken off"))?;
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Api { http, base, account, hint })
    }

    /// The server, as messages and the record name it.
    pub fn name(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    pub fn account(&self) -> &Account {
        &self.account
    }

    /// An address below the server's.
    pub fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(path.split('/'));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// # Errors
    /// No answer, one that is no JSON, a refusal that is neither 400 nor 404.
    pub async fn get(&self, what: &str, path: &str, query: &[(&str, &str)]) -> Result<Answer, Fault> {
        let url = self.url(path, query);
        self.ask(what, |client| client.get(url.clone())).await
    }

    /// A POST that changes nothing, and so may be repeated.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub async fn post(&self, what: &str, path: &str, body: &Value) -> Result<Answer, Fault> {
        let (url, body) = (self.url(path, &[]), body.to_string());
        let request =
            |client: &Client| client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(body.clone());
        self.ask(what, request).await
    }

    async fn ask(&self, what: &str, make: impl Fn(&Client) -> RequestBuilder) -> Result<Answer, Fault> {
        let asked = async {
            let request = |client: &Client| self.account.on(make(client)).header(ACCEPT, "application/json");
            let unreachable = |error: reqwest::Error| {
                let why = format!("cannot talk to {}: {}", self.name(), causes(&error.without_url()));
                Fault::new(what, why, "is it up, and is this its address?")
            };
            let response = self.http.send(request).await.map_err(unreachable)?;
            let status = response.status();
            let most = if status.is_success() { MOST_BYTES } else { MESSAGE_BYTES };
            let body = self.body(what, response, most).await?;
            match (status, serde_json::from_slice::<Value>(&body)) {
                (status, Ok(value)) if status.is_success() => Ok(Answer::Good(value)),
                (StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST, Ok(value)) if value.is_object() => {
                    Ok(Answer::Refused(status, value))
                }
                (status, Err(error)) if status.is_success() => {
                    let why = format!("{} answered something else than JSON ({error}): {}", self.name(), begin(&body));
                    Err(Fault::new(what, why, "is this the address of its API, and is no login page before it?"))
                }
                (status, value) => Err(self.refused(what, status, value.ok().as_ref(), &body)),
            }
        };
        let late = |_| {
            let why = format!("{} did not come to an end within {} s", self.name(), LONGEST.as_secs());
            Err(Fault::new(what, why, "try again later"))
        };
        tokio::time::timeout(LONGEST, asked).await.unwrap_or_else(late)
    }

    async fn body(&self, what: &str, mut response: Response, most: usize) -> Result<Vec<u8>, Fault> {
        let is_good = response.status().is_success();
        let mut body = Vec::new();
        loop {
            let piece = response.chunk().await.map_err(|error| {
                let why = format!("the answer of {} broke off: {}", self.name(), causes(&error.without_url()));
                Fault::new(what, why, "try again later")
            })?;
            let Some(piece) = piece else { return Ok(body) };
            body.extend_from_slice(&piece);
            if body.len() > most {
                if is_good {
                    let why = format!("the answer of {} is longer than {} MiB", self.name(), most >> 20);
                    return Err(Fault::new(what, why, "is this the address of its API?"));
                }
                body.truncate(most);
                return Ok(body);
            }
        }
    }

    /// A fault for an answer that is not what was hoped for.
    pub fn refused(&self, what: &str, status: StatusCode, value: Option<&Value>, body: &[u8]) -> Fault {
        let said = value.and_then(message).unwrap_or_else(|| begin(body));
        let tried = if status.is_server_error() || status.as_u16() == 429 { " each time it was asked" } else { "" };
        let said = if said.is_empty() { said } else { format!(": {said}") };
        let hint = match status.as_u16() {
            401 | 403 => self.hint,
            404 | 400 | 405 => "is this the address of its API?",
            429 => "it is asked too often: try again later",
            500.. => "try again later",
            _ => "",
        };
        Fault::new(what, format!("{} answered {status}{tried}{said}", self.name()), hint)
    }
}

/// What an API said in words of its own.
pub(super) fn message(value: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map(String::from);
    let of_errors = || value.get("errors")?.get(0)?.get("message").and_then(text);
    let said = value.get("message").and_then(text).or_else(of_errors).or_else(|| value.get("error").and_then(text))?;
    Some(line(&said))
}

fn begin(body: &[u8]) -> String {
    line(&String::from_utf8_lossy(&body[..body.len().min(1000)]))
}

fn line(text: &str) -> String {
    let text = secret::strike_out(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// `%40` → `@`
fn percent(text: &str) -> String {
    let pair = format!("v={}", text.replace('+', "%2B"));
    let mut url = match Url::parse("http://x/") {
        Ok(url) => url,
        Err(_) => return text.to_string(),
    };
    url.set_query(Some(&pair));
    url.query_pairs().next().map_or_else(|| text.to_string(), |(_, value)| value.into_owned())
}
