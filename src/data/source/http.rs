//! Speaking HTTP with patience: time limits, repeated requests, Retry-After.

use super::spool::{Body, Next, Trouble};
use crate::data::workers::lock;
use crate::model::{Fault, causes};
use crate::patience::Pauses;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, IF_MATCH, RANGE, TRANSFER_ENCODING};
use reqwest::{Response, StatusCode, Url, Version};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const USER_AGENT: &str = concat!("mlgate/", env!("CARGO_PKG_VERSION"));
/// The address at which clouds tell their own machines credentials. Elsewhere nobody answers, so nothing is waited for.
const METADATA: [&str; 2] = ["169.254.169.254", "metadata.google.internal"];

#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub read: Duration,
    pub attempts: u32,
    pub first_pause: Duration,
    /// A server that asks for more than this is given up on.
    pub longest_pause: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(60),
            attempts: 5,
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(60),
        }
    }
}

impl Patience {
    pub fn pauses(self) -> Pauses {
        Pauses::new(self.attempts, self.first_pause, self.longest_pause)
    }
}

/// A client for reading. It asks again after 408, 429, 5xx and lost connections.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
    /// Follows no redirection: a signed request is good for one address alone.
    strict: reqwest::Client,
    pub(super) patience: Patience,
    /// The region that S3 said a bucket lies in, when asked in another one.
    region: Arc<Mutex<Option<String>>>,
}

impl Http {
    pub(super) fn new(patience: Patience) -> Result<Http, Fault> {
        // Several crates of the tree speak TLS; whoever comes first installs the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            let builder = reqwest::Client::builder().user_agent(USER_AGENT);
            builder.connect_timeout(patience.connect).read_timeout(patience.read)
        };
        let failed = |e: reqwest::Error| Fault::new("prepare to fetch data", causes(&e), "");
        let strict = builder().redirect(reqwest::redirect::Policy::none()).build().map_err(failed)?;
        Ok(Http { client: builder().build().map_err(failed)?, strict, patience, region: Arc::default() })
    }

    pub(super) fn region(&self) -> Option<String> {
        lock(&self.region).clone()
    }

    /// A GET of `url`, repeated while it may get better.
    pub(super) async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<Response, reqwest::Error> {
        self.send(|client| client.get(url.clone()).headers(headers.clone())).await
    }

    /// A request that changes nothing, repeated while it may get better.
    pub(crate) async fn send(
        &self,
        request: impl Fn(&reqwest::Client) -> reqwest::RequestBuilder,
    ) -> Result<Response, reqwest::Error> {
        let mut pauses = self.patience.pauses();
        loop {
            let sent = request(&self.client).send().await;
            let next = match &sent {
                Ok(response) => pauses.after(response.status().as_u16(), response.headers()),
                Err(error) if error.is_builder() || error.is_redirect() => None,
                Err(_) => pauses.next(None),
            };
            match next {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return sent,
            }
        }
    }

    /// The bytes behind `url` from `from` on, of the version `tag` when some of it have been read before.
    pub(super) async fn body(
        &self,
        url: &Url,
        mut headers: HeaderMap,
        from: u64,
        tag: Option<&str>,
    ) -> Result<Body, Trouble> {
        let host = url.host_str().unwrap_or_default().to_string();
        headers.insert(ACCEPT_ENCODING, "identity".parse().map_err(|_| Trouble::lasting("", ""))?);
        if let (1.., Some(tag)) = (from, tag) {
            let text = |text: &str| text.parse().map_err(|_| Trouble::changed("its ETag is no text"));
            headers.insert(RANGE, text(&format!("bytes={from}-"))?);
            headers.insert(IF_MATCH, text(tag)?);
        }
        let response = self.get(url, &headers).await.map_err(|e| unreachable(&host, e))?;
        let status = response.status();
        let total = match status {
            StatusCode::OK => response.content_length(),
            StatusCode::PARTIAL_CONTENT => Some(self.part(&response, from)?),
            StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => {
                return Err(Trouble::changed("it was replaced while it was read"));
            }
            _ => return Err(refused(&host, response).await),
        };
        let chunked = response.headers().get(TRANSFER_ENCODING).is_some_and(|value| value == "chunked");
        if total.is_none() && !chunked && response.version() <= Version::HTTP_11 {
            let why = format!("{host} does not say how long it is, so that a file cut off would look whole");
            return Err(Trouble::lasting(why, "serve it with Content-Length"));
        }
        let start = if status == StatusCode::OK { 0 } else { from };
        let own = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(String::from);
        if start > 0 && own.as_deref() != tag {
            return Err(Trouble::changed("it was replaced while it was read"));
        }
        // A weak tag does not speak of bytes, so nothing can be resumed by it.
        let tag = own.filter(|tag| !tag.starts_with("W/"));
        let stream =
            response.bytes_stream().map(|piece| piece.map_err(|e| Trouble::passing(causes(&e.without_url())))).boxed();
        Ok(Body { start, total, tag, stream })
    }

    /// The whole length that a partial answer tells; an answer with another part than asked for is none.
    fn part(&self, response: &Response, from: u64) -> Result<u64, Trouble> {
        let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok()).unwrap_or_default();
        let parsed = range.strip_prefix("bytes ").and_then(|range| {
            let (part, total) = range.split_once('/')?;
            let (start, _) = part.split_once('-')?;
            Some((start.parse::<u64>().ok()?, total.parse::<u64>().ok()?))
        });
        match parsed {
            Some((start, total)) if start == from => Ok(total),
            _ => Err(Trouble::changed(format!("asked for the bytes from {from} on and got {range:?}"))),
        }
    }
}

/// Lets `object_store` speak through the same client.
impl HttpConnector for Http {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[derive(Debug)]
struct NoMetadata;

impl std::fmt::Display for NoMetadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(NO_CREDENTIALS)
    }
}

impl std::error::Error for NoMetadata {}

/// What an error says when nothing but the machine's own metadata service was left to ask.
pub(super) const NO_CREDENTIALS: &str = "no credentials were found";

impl HttpService for Http {
    fn call<'a, 'b>(&'a self, request: HttpRequest) -> BoxFuture<'b, Result<HttpResponse, HttpError>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.ask(request))
    }
}

impl Http {
    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut pauses = self.patience.pauses();
        if request.uri().host().is_some_and(|host| METADATA.contains(&host)) {
            let asked = tokio::time::timeout(Duration::from_secs(2), self.strict.call(request)).await;
            return match asked {
                Ok(Ok(answer)) if answer.status().is_success() => Ok(answer),
                _ => Err(HttpError::new(HttpErrorKind::Unknown, NoMetadata)),
            };
        }
        loop {
            let sent = self.strict.call(request.clone()).await;
            let next = match &sent {
                Ok(answer) => {
                    if let Some(region) = answer.headers().get("x-amz-bucket-region").and_then(|r| r.to_str().ok()) {
                        *lock(&self.region) = Some(region.to_string());
                    }
                    pauses.after(answer.status().as_u16(), answer.headers())
                }
                Err(_) => pauses.next(None),
            };
            match next {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return sent,
            }
        }
    }
}

pub(super) fn unreachable(host: &str, error: reqwest::Error) -> Trouble {
    // The address may hold a signature.
    let why = format!("cannot talk to {host}: {}", causes(&error.without_url()));
    Trouble::lasting(why, "is it up, and is this its address?")
}

/// What a server said that did not give the file.
pub(super) async fn refused(host: &str, response: Response) -> Trouble {
    let status = response.status();
    let hint = match status.as_u16() {
        401 | 403 => "check the rights: credentials may stand in the address, or the address be signed",
        404 | 410 => "check the address",
        429 => "it is asked too often: try again later",
        500.. => "try again later",
        _ => "",
    };
    let tried = if status.is_server_error() || status.as_u16() == 429 { " each time it was asked" } else { "" };
    let trouble = Trouble::lasting(format!("{host} answered {status}{tried}"), hint);
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Trouble { next: Next::Absent, ..trouble },
        _ => trouble,
    }
}
