//! Identity tokens against a registry with a token server on loopback, which checks what it is sent.

use super::tests::{Requests, answer, ok, parts, serve};
use super::*;
use crate::digest;
use crate::image::layout::{LAYER, descriptor};
use oci_client::RegistryOperation;
use std::sync::{Arc, Mutex as Lock};

/// Each of these characters means something else in a form, or in a quoted answer.
const TOKEN: &str = "ey.refresh+token/with=all&marks%20-7f3a";

fn access(home: &tempfile::TempDir, host: &str) -> Access {
    logged_in(home, host, &identity())
}

fn identity() -> serde_json::Value {
    serde_json::json!({"auth": "MDAwMDo=", "identitytoken": TOKEN})
}

fn logged_in(home: &tempfile::TempDir, host: &str, login: &serde_json::Value) -> Access {
    let config = serde_json::json!({"auths": {host: login}});
    std::fs::write(home.path().join("config.json"), config.to_string()).unwrap();
    let folder = home.path().display().to_string();
    Access::from_lookup(move |name| (name == "DOCKER_CONFIG").then(|| folder.clone()))
}

/// Status and body.
type Answer = (&'static str, &'static str);

/// A registry whose token server answers with `tokens`, one after another and the last for ever, and which answers by
/// `rest` to whoever has a token.
async fn selling(
    tokens: &'static [Answer],
    rest: impl Fn(&str) -> String + Send + Sync + 'static,
) -> (Repository, Requests) {
    selling_to(&identity(), tokens, rest).await
}

async fn selling_to(
    login: &serde_json::Value,
    tokens: &'static [Answer],
    rest: impl Fn(&str) -> String + Send + Sync + 'static,
) -> (Repository, Requests) {
    let (own, asked) = (Arc::new(Lock::new(String::new())), Lock::new(0));
    let host = own.clone();
    let (address, requests) = serve(move |request| {
        let (line, authorization) = parts(request);
        if line.starts_with("POST /oauth2/token ") || line.starts_with("GET /oauth2/token?") {
            let mut asked = asked.lock().unwrap();
            let (status, body) = tokens[tokens.len().min(*asked + 1) - 1];
            *asked += 1;
            return answer(status, &[("Content-Type", "application/json")], body);
        }
        match authorization {
            Some(_) => rest(request),
            None => {
                let challenge =
                    format!("Bearer realm=\"http://{}/oauth2/token\",service=\"stand-in\"", host.lock().unwrap());
                answer("401 Unauthorized", &[("WWW-Authenticate", &challenge)], "{}")
            }
        }
    })
    .await;
    *own.lock().unwrap() = address.clone();
    let home = tempfile::tempdir().unwrap();
    let access = logged_in(&home, &address, login);
    let repository = Repository::named(&format!("{address}/acme/churn"), false, &access).await;
    (repository.unwrap(), requests)
}

fn sold(requests: &Requests) -> Vec<String> {
    requests.lock().unwrap().iter().filter(|request| request.starts_with("POST /oauth2/token")).cloned().collect()
}

#[tokio::test]
async fn an_identity_token_buys_a_token_by_the_form_of_oauth() {
    let (repository, requests) = selling(&[("200 OK", r#"{"access_token": "bought", "expires_in": 60}"#)], |request| {
        assert_eq!(parts(request).1, Some("Bearer bought"));
        ok("{}")
    })
    .await;
    assert_eq!(repository.manifest("v1").await.unwrap().unwrap().digest, digest::of(b"{}"));
    let sold = sold(&requests);
    let [request] = &sold[..] else { panic!("{sold:?}") };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\ncontent-type: application/x-www-form-urlencoded\r\n"), "{head}");
    assert_eq!(parts(head).1, None, "the account's number is no password");
    let form = "scope=repository%3Aacme%2Fchurn%3Apull&service=stand-in&grant_type=refresh_token&client_id=mlgate\
        &refresh_token=ey.refresh%2Btoken%2Fwith%3Dall%26marks%2520-7f3a";
    assert_eq!(body, form);
    let leaked = requests.lock().unwrap().iter().filter(|r| !r.starts_with("POST")).any(|r| r.contains("refresh"));
    assert!(!leaked, "it goes to the token server alone");
}

#[tokio::test]
async fn a_token_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    const GOOD: Answer = ("200 OK", r#"{"access_token": "bought"}"#);
    const WAIT: Answer = ("429 Too Many Requests\r\nRetry-After: 0", "");
    let (repository, requests) = selling(&[WAIT, ("503 Service Unavailable", "restarting"), GOOD], |_| ok("{}")).await;
    assert!(repository.manifest("v1").await.unwrap().is_some());
    assert_eq!(sold(&requests).len(), 3);

    // Each with what is said, and how often it was asked.
    let quoting =
        r#"{"error": "invalid_grant", "error_description": "ey.refresh+token/with=all&marks%20-7f3a is old"}"#;
    let faults: [(&[Answer], &[&str], usize); 8] = [
        (&[("400 Bad Request", quoting)], &["refused the identity token", "400 Bad Request", "invalid_grant"], 1),
        (&[("401 Unauthorized", "")], &["refused the identity token", "answered 401 Unauthorized"], 1),
        (&[("404 Not Found", "")], &["does not take identity tokens", "404"], 1),
        (&[("429 Wait\r\nRetry-After: 3600", "tomorrow")], &["answered 429", "tomorrow", "tried 1 times"], 1),
        (&[WAIT], &["answered 429", "tried 5 times"], 5),
        (&[("200 OK", r#"{"expires_in": 60}"#)], &["answered without a token"], 1),
        (&[("200 OK", r#"{"access_token": ""}"#)], &["answered without a token"], 1),
        (&[("200 OK", "<h1>Welcome</h1>")], &["answered without a token"], 1),
    ];
    for (answers, told, times) in faults {
        // What is served must last as long as the server, which is as long as this process.
        let (repository, requests) = selling(answers.to_vec().leak(), |_| ok("{}")).await;
        let fault = repository.manifest("v1").await.err().unwrap();
        let text = format!("{fault} {fault:?}");
        assert!(told.iter().all(|part| text.contains(part)), "{told:?}: {text}");
        assert!(!text.contains("ey.refresh"), "{text}");
        assert_eq!(sold(&requests).len(), times, "{told:?}");
    }
}

#[tokio::test]
async fn a_token_server_that_leads_elsewhere_is_not_followed() {
    let (elsewhere, followed) = serve(|_| ok(r#"{"token": "stolen", "access_token": "stolen"}"#)).await;
    let password = serde_json::json!({"username": "ann", "password": "w0rd-of-ann"});
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        for login in [identity(), password.clone()] {
            let led = format!("{status}\r\nLocation: http://{elsewhere}/token?sent=secret");
            let answers: &[Answer] = vec![(&*led.leak(), "")].leak();
            let (repository, requests) = selling_to(&login, answers, |_| ok("{}")).await;
            let fault = repository.manifest("v1").await.err().unwrap();
            let place = format!("which leads to http://{elsewhere}/token");
            assert!(fault.why.contains(&status[..3]) && fault.why.ends_with(&place), "{fault}");
            assert!(fault.hint.contains("not sent on"), "{fault}");
            let asked = requests.lock().unwrap().iter().filter(|request| request.contains("/oauth2/token")).count();
            assert_eq!(asked, 1, "it will not lead anywhere else the next time");
        }
        assert!(followed.lock().unwrap().is_empty(), "{status}");
    }
}

#[tokio::test]
async fn a_token_is_read_whole_or_asked_for_again() {
    let long = "x".repeat(200_000);
    let whole: &str = format!(r#"{{"access_token": "{long}"}}"#).leak();
    // The connection is lost within a chunk.
    let cut: Answer = ("200 OK\r\nTransfer-Encoding: chunked", "ff\r\n{\"access_token\": \"xx");
    let expected = format!("Bearer {long}");
    let (repository, requests) = selling(vec![cut, ("200 OK", whole)].leak(), move |request| {
        assert_eq!(parts(request).1, Some(&*expected));
        ok("{}")
    })
    .await;
    assert!(repository.manifest("v1").await.unwrap().is_some());
    assert_eq!(sold(&requests).len(), 2);

    let endless: &str = format!(r#"{{"access_token": "{}"}}"#, "x".repeat(2 << 20)).leak();
    let (repository, requests) = selling(vec![("200 OK", endless)].leak(), |_| ok("{}")).await;
    let fault = repository.manifest("v1").await.err().unwrap();
    assert!(fault.why.contains("more than 1048576 bytes"), "{fault}");
    assert_eq!(sold(&requests).len(), 1);
}

#[tokio::test]
async fn a_token_server_that_is_down_is_not_taken_for_the_registry() {
    // A port that nobody listens at any more.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let challenge = format!("Bearer realm=\"http://localhost:{closed}/token\"");
    let (host, _) = serve(move |_| answer("401 Unauthorized", &[("WWW-Authenticate", &challenge)], "")).await;
    let home = tempfile::tempdir().unwrap();
    let repository = Repository::named(&format!("{host}/a/b"), false, &access(&home, &host)).await.unwrap();
    let trouble = repository.grant("read it", RegistryOperation::Pull, None).await.err().unwrap();
    let fault = &trouble.fault;
    assert!(fault.why.starts_with(&format!("cannot talk to the token server localhost of {host}: ")), "{fault}");
    assert!(!fault.hint.contains("insecure") && trouble.again == super::http::Again::Soon, "{fault}");
}

#[tokio::test]
async fn a_token_that_runs_out_amid_a_push_is_renewed_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "layer").unwrap();
    let blob = descriptor(LAYER, digest::of(b"layer"), 5);
    let tokens: &[Answer] = &[("200 OK", r#"{"access_token": "first"}"#), ("200 OK", r#"{"access_token": "second"}"#)];
    // The first one holds until the upload has begun.
    let by_request = |request: &str| {
        let (line, token) = parts(request);
        match (line.split(' ').next(), token) {
            (Some("HEAD"), _) => answer("404 Not Found", &[], ""),
            (Some("POST"), _) => answer("202 Accepted", &[("Location", "/v2/acme/churn/blobs/uploads/1")], ""),
            (_, Some("Bearer first")) => answer("401 Unauthorized", &[], ""),
            (Some("GET"), _) => answer("204 No Content", &[("Location", "/v2/acme/churn/blobs/uploads/1")], ""),
            (Some("PATCH"), _) => answer("202 Accepted", &[("Location", "/v2/acme/churn/blobs/uploads/1")], ""),
            _ => answer("201 Created", &[], ""),
        }
    };
    let (repository, requests) = selling(tokens, by_request).await;
    // Three at a time, as layers are: all are refused, one renews it for all.
    let pushed = (0..3).map(|_| repository.push_blob(&blob, Source::File(file.path())));
    for sent in futures_util::future::join_all(pushed).await {
        assert_eq!(sent.unwrap(), Sent::Uploaded(5));
    }
    let sold = sold(&requests);
    assert_eq!(sold.len(), 2);
    assert!(sold.iter().all(|request| request.contains("scope=repository%3Aacme%2Fchurn%3Apull%2Cpush&")), "{sold:?}");

    // One that is refused however new it is: told, and not asked for without end.
    let (repository, requests) = selling(tokens, |_| answer("401 Unauthorized", &[], "")).await;
    let fault = repository.push_blob(&blob, Source::File(file.path())).await.unwrap_err();
    assert!(fault.why.contains("401") && fault.hint.contains("docker login"), "{fault}");
    // One to begin with, and one for each of the two requests that it takes to know.
    assert_eq!(self::sold(&requests).len(), 3);
}

#[tokio::test]
async fn an_identity_token_is_no_password_and_is_never_sent_in_the_clear() {
    let (host, requests) =
        serve(|_| answer("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=\"stand-in\"")], "")).await;
    let home = tempfile::tempdir().unwrap();
    let repository = Repository::named(&format!("{host}/a/b"), false, &access(&home, &host)).await.unwrap();
    let fault = repository.manifest("v1").await.err().unwrap();
    assert!(fault.why.contains("passwords alone"), "{fault}");
    assert!(requests.lock().unwrap().iter().all(|request| parts(request).1.is_none()));

    let registry = "registry.example";
    let repository = Repository::named(&format!("{registry}/a/b"), false, &access(&home, registry)).await.unwrap();
    let fault = repository.realm("push", "http://registry.example/token").unwrap_err();
    assert!(fault.why.contains("unencrypted"), "{fault}");
    for no_address in ["", "/token", "file:///etc/passwd"] {
        assert!(repository.realm("push", no_address).unwrap_err().why.contains("no address"), "{no_address}");
    }
    assert!(repository.realm("push", "https://tokens.example/a?b=c").is_ok());
    let anybody = Repository::named("registry.example/a/b", false, &Access::default()).await.unwrap();
    assert!(anybody.realm("pull", "http://registry.example/token").is_ok(), "there is nothing to hide");
}
