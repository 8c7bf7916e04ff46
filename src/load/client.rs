//! One request: how it is made, sent and read to its end, and what kind of failure it was if it failed.

use super::ErrorKind;
use crate::model::Fault;
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use std::error::Error;
use std::io;
use std::time::Instant;

/// A request that can be sent any number of times.
#[derive(Clone)]
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Request {
    /// A body without a content type is sent as `application/json`, what model servers expect.
    ///
    /// # Errors
    /// When the method, the address or a header is none. Header values never appear in the message.
    pub fn new(method: &str, url: &str, headers: &[(String, String)], body: Option<Bytes>) -> Result<Request, Fault> {
        let fault = |why: String, hint: &str| Fault::new("prepare the request of the latency probe", why, hint);
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| fault(format!("`{method}` is no HTTP method"), "write GET or POST"))?;
        let url = Url::parse(url).map_err(|e| fault(format!("the address cannot be read: {e}"), ""))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            let why = format!("the address must begin with http:// or https://, not {}:", url.scheme());
            return Err(fault(why, ""));
        }
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let header = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| fault(format!("`{name}` is no name of an HTTP header"), ""))?;
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| fault(format!("the value of the header `{name}` has a control character"), ""))?;
            value.set_sensitive(true);
            map.append(header, value);
        }
        if body.is_some() && !map.contains_key(CONTENT_TYPE) {
            map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(Request { method, url, headers: map, body })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }
}

/// Without headers, body and whatever else in the address may be secret.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.url.path())
    }
}

/// An HTTP/1.1 client with keep-alive that follows no redirect, asks no proxy and repeats nothing.
///
/// # Errors
/// For an https address when the machine's certificates cannot be read.
pub fn client(url: &Url) -> Result<reqwest::Client, Fault> {
    // The first provider installed in a process stays; a second attempt is refused, which is as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .user_agent(concat!("mlgate/", env!("CARGO_PKG_VERSION")));
    let builder = match url.scheme() {
        "https" => builder,
        // Plain http must not depend on certificates: a container image may have none.
        _ => builder.tls_certs_only([]),
    };
    builder.build().map_err(|e| {
        let hint = "install the system's certificates (package ca-certificates), or probe an http address";
        Fault::new("set up the HTTP client", root_cause(&e), hint)
    })
}

/// Sends the request and reads the answer to its end.
pub(super) async fn send(client: &reqwest::Client, request: &Request, deadline: Instant) -> Result<(), ErrorKind> {
    let mut builder = client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
    if let Some(body) = &request.body {
        builder = builder.body(body.clone());
    }
    let answer = async {
        let mut response = builder.send().await.map_err(|e| kind(&e))?;
        while response.chunk().await.map_err(|e| kind(&e))?.is_some() {}
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(ErrorKind::Status(status.as_u16())),
        }
    };
    tokio::time::timeout_at(deadline.into(), answer).await.unwrap_or(Err(ErrorKind::TimedOut))
}

/// What went wrong, by the first cause in the chain that tells.
fn kind(error: &reqwest::Error) -> ErrorKind {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return ErrorKind::Refused,
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
                    return ErrorKind::Reset;
                }
                io::ErrorKind::UnexpectedEof => return ErrorKind::Cut,
                _ => {}
            }
        }
        if let Some(http) = cause.downcast_ref::<hyper::Error>() {
            if http.is_incomplete_message() {
                return ErrorKind::Cut;
            }
            if http.is_parse() {
                return ErrorKind::NotHttp;
            }
        }
        next = cause.source();
    }
    match error.is_connect() {
        true => ErrorKind::Unreachable,
        false => ErrorKind::Other,
    }
}

/// The innermost cause: the outer ones repeat the address, which may hold a secret.
pub(crate) fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_request_is_refused_without_telling_secrets() {
        let secret = [("authorization".to_string(), "Bearer hunter2\n".to_string())];
        let fault = Request::new("GET", "http://h/", &secret, None).unwrap_err();
        assert!(fault.why.contains("authorization") && !fault.to_string().contains("hunter2"));
        assert!(Request::new("GE T", "http://h/", &[], None).is_err());
        assert!(Request::new("GET", "ftp://h/", &[], None).is_err());
        assert!(Request::new("GET", "127.0.0.1:80", &[], None).is_err());
        assert!(Request::new("GET", "http://h/", &[("a b".into(), String::new())], None).is_err());
    }

    #[test]
    fn a_body_is_json_unless_said() {
        let body = Some(Bytes::from_static(b"{}"));
        let plain = Request::new("POST", "http://h/", &[], body.clone()).unwrap();
        assert_eq!(plain.headers[CONTENT_TYPE], "application/json");
        let said = [("Content-Type".to_string(), "text/csv".to_string())];
        let said = Request::new("POST", "http://h/", &said, body).unwrap();
        assert_eq!(said.headers.get_all(CONTENT_TYPE).iter().collect::<Vec<_>>(), ["text/csv"]);
    }
}
