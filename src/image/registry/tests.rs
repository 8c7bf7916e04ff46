//! What a well-behaved registry on loopback cannot show: tokens, throttling, broken connections, lies, and the
//! referrers API. The stand-in speaks just enough HTTP; each answer is written from the distribution specification.

use super::*;
use crate::digest;
use crate::image::layout::{LAYER, descriptor};
use crate::image::proof::{self, Proof};
use crate::image::pull_record;
use crate::model::{Decision, Outcome};
use std::sync::{Arc, Mutex as Lock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(super) type Requests = Arc<Lock<Vec<String>>>;

/// Answers each request by its head; an empty answer breaks the connection off.
pub(super) async fn serve(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let requests = Requests::default();
    let (seen, answer) = (requests.clone(), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (seen, answer) = (seen.clone(), answer.clone());
            tokio::spawn(async move {
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                loop {
                    let text = String::from_utf8_lossy(&request).into_owned();
                    if let Some((head, body)) = text.split_once("\r\n\r\n") {
                        let head = head.to_ascii_lowercase();
                        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
                        if body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0) {
                            break;
                        }
                    }
                    match stream.read(&mut buffer).await {
                        Ok(read @ 1..) => request.extend_from_slice(&buffer[..read]),
                        _ => return,
                    }
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let text = answer(&request);
                seen.lock().unwrap().push(request);
                let _ = stream.write_all(text.as_bytes()).await;
            });
        }
    });
    (host, requests)
}

pub(super) fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

pub(super) fn ok(body: &str) -> String {
    answer("200 OK", &[], body)
}

/// The first line of a request, and its Authorization header.
pub(super) fn parts(request: &str) -> (&str, Option<&str>) {
    let authorization = request.lines().find_map(|line| line.strip_prefix("authorization: "));
    (request.lines().next().unwrap_or_default(), authorization)
}

fn login(home: &tempfile::TempDir, host: &str) -> Access {
    let config = format!(r#"{{"auths": {{"{host}": {{"username": "ann", "password": "word"}}}}}}"#);
    std::fs::write(home.path().join("config.json"), config).unwrap();
    let folder = home.path().display().to_string();
    Access::from_lookup(move |name| (name == "DOCKER_CONFIG").then(|| folder.clone()))
}

fn cleared() -> Cleared {
    let verdict = crate::model::Verdict {
        outcome: Outcome::Passed,
        ..crate::model::Verdict::new(crate::model::StageKind::Image, "image.size", "size < 1")
    };
    match Decision::over(&[verdict]) {
        Decision::Cleared(cleared) => cleared,
        Decision::Blocked(_) => panic!("one passed verdict clears"),
    }
}

#[tokio::test]
async fn a_token_is_fetched_with_the_password_and_renewed_when_it_ran_out() {
    let issued = Arc::new(Lock::new(0));
    let host = Arc::new(Lock::new(String::new()));
    let (own, count) = (host.clone(), issued.clone());
    let (address, requests) = serve(move |request| {
        let (line, authorization) = parts(request);
        if line.starts_with("GET /token") {
            assert_eq!(authorization, Some("Basic YW5uOndvcmQ="));
            assert!(line.contains("scope=repository%3Aacme%2Fchurn%3Apull") && line.contains("service=stand-in"));
            *count.lock().unwrap() += 1;
            return ok(&format!(r#"{{"token": "number-{}"}}"#, count.lock().unwrap()));
        }
        let challenge = format!("Bearer realm=\"http://{}/token\",service=\"stand-in\"", own.lock().unwrap());
        let refused = answer("401 Unauthorized", &[("WWW-Authenticate", &challenge)], "{}");
        // The first token has run out by the time it is used.
        if authorization == Some("Bearer number-2") { ok(r#"{"layers": []}"#) } else { refused }
    })
    .await;
    *host.lock().unwrap() = address.clone();
    let home = tempfile::tempdir().unwrap();
    let found = resolve(&format!("{address}/acme/churn"), "v1", false, &login(&home, &address)).await.unwrap();
    assert_eq!(found, Some(digest::of(br#"{"layers": []}"#)));
    assert_eq!(*issued.lock().unwrap(), 2);
    assert!(requests.lock().unwrap().iter().any(|request| request.starts_with("GET /v2/acme/churn/manifests/v1 ")));
}

#[tokio::test]
async fn throttling_and_broken_connections_are_waited_out() {
    let tried = Lock::new(0);
    let (host, _) = serve(move |request| {
        if request.starts_with("GET /v2/ ") {
            return ok("{}");
        }
        *tried.lock().unwrap() += 1;
        match *tried.lock().unwrap() {
            1 => answer("429 Too Many Requests", &[("Retry-After", "0")], ""),
            2 => answer("503 Service Unavailable", &[], "restarting"),
            3 => String::new(),
            _ => ok("{}"),
        }
    })
    .await;
    let access = Access::default();
    assert_eq!(resolve(&format!("{host}/a/b"), "v1", false, &access).await.unwrap(), Some(digest::of(b"{}")));

    let (host, requests) = serve(|_| {
        answer(
            "429 Too Many Requests",
            &[("Retry-After", "3600")],
            r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"tomorrow"}]}"#,
        )
    })
    .await;
    let fault = resolve(&format!("{host}/a/b"), "v1", false, &access).await.unwrap_err();
    assert!(fault.why.contains("429") && fault.why.contains("tomorrow"), "{fault}");
    assert_eq!(requests.lock().unwrap().len(), 1, "an hour is not waited");
}

#[tokio::test]
async fn an_upload_that_breaks_goes_on_and_credentials_stay_with_their_registry() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "layer").unwrap();
    let blob = descriptor(LAYER, digest::of(b"layer"), 5);
    // Three bytes arrive, then the connection is lost.
    let cut = Lock::new(false);
    let (storage, uploads) = serve(move |request| match parts(request).0.split(' ').next() {
        Some("GET") => answer("204 No Content", &[("Location", "/go-on?session=2"), ("Range", "0-2")], ""),
        Some("PATCH") if !std::mem::replace(&mut *cut.lock().unwrap(), true) => String::new(),
        Some("PATCH") => answer("202 Accepted", &[("Location", "/close?session=3"), ("Range", "0-4")], ""),
        _ => answer("201 Created", &[], ""),
    })
    .await;
    let elsewhere = storage.clone();
    let (host, _) = serve(move |request| {
        let (line, authorization) = parts(request);
        if line.starts_with("GET /v2/ ") {
            return answer("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=\"stand-in\"")], "");
        }
        if authorization != Some("Basic YW5uOndvcmQ=") {
            return answer("401 Unauthorized", &[], "");
        }
        match line.split(' ').next() {
            Some("HEAD") => answer("404 Not Found", &[], ""),
            _ => answer("202 Accepted", &[("Location", &format!("http://{elsewhere}/put?session=1"))], ""),
        }
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let repository = Repository::named(&format!("{host}/a/b"), false, &login(&home, &host)).await.unwrap();
    assert_eq!(repository.push_blob(&blob, Source::File(file.path())).await.unwrap(), Sent::Uploaded(5));
    let uploads = uploads.lock().unwrap();
    assert!(uploads.iter().all(|request| parts(request).1.is_none()), "the other host sees no password");
    let lines: Vec<&str> = uploads.iter().map(|request| parts(request).0).collect();
    let digest = format!("sha256%3A{}", &digest::of(b"layer")[7..]);
    let close = format!("PUT /close?session=3&digest={digest} HTTP/1.1");
    let expected =
        ["PATCH /put?session=1 HTTP/1.1", "GET /put?session=1 HTTP/1.1", "PATCH /go-on?session=2 HTTP/1.1", &close];
    assert_eq!(lines, expected);
    assert!(uploads[0].ends_with("\r\n\r\nlayer") && uploads[2].ends_with("\r\n\r\ner"), "{uploads:?}");
    assert!(uploads[2].contains("content-range: 3-4\r\n"), "{}", uploads[2]);
}

#[tokio::test]
async fn an_upload_that_gets_further_is_never_given_up() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "0123456789").unwrap();
    let blob = descriptor(LAYER, digest::of(b"0123456789"), 10);
    // Eight cuts, more than the attempts that get nowhere; before each one a byte more arrives.
    let cuts = Lock::new(0);
    let (host, requests) = serve(move |request| {
        let mut cuts = cuts.lock().unwrap();
        match parts(request).0.split(' ').next() {
            Some("HEAD") => answer("404 Not Found", &[], ""),
            Some("GET") if request.starts_with("GET /v2/ ") => ok(""),
            Some("GET") => answer("204 No Content", &[("Location", "/u"), ("Range", &format!("0-{cuts}"))], ""),
            Some("PATCH") if *cuts < 8 => {
                *cuts += 1;
                String::new()
            }
            Some("PATCH") => answer("202 Accepted", &[("Location", "/u")], ""),
            Some("PUT") => answer("201 Created", &[], ""),
            _ => answer("202 Accepted", &[("Location", "/u")], ""),
        }
    })
    .await;
    let repository = Repository::named(&format!("{host}/a/b"), false, &Access::default()).await.unwrap();
    assert_eq!(repository.push_blob(&blob, Source::File(file.path())).await.unwrap(), Sent::Uploaded(10));
    let requests = requests.lock().unwrap();
    let sent: Vec<&str> =
        requests.iter().filter(|r| r.starts_with("PATCH")).map(|r| r.rsplit('\n').next().unwrap_or("")).collect();
    assert_eq!(sent, ["0123456789", "23456789", "3456789", "456789", "56789", "6789", "789", "89", "9"]);
}

#[tokio::test]
async fn what_is_not_what_its_digest_says_is_refused() {
    let (host, _) = serve(|_| ok("{\"layers\": []}")).await;
    let access = Access::default();
    let repository = Repository::named(&format!("{host}/a/b"), false, &access).await.unwrap();
    let wanted = digest::of(b"something else");
    let fault = repository.manifest(&wanted).await.err().unwrap();
    assert!(fault.why.contains("expected sha256:"), "{fault}");
    let fault = repository.small_blob(&descriptor(LAYER, wanted.clone(), 14), 100).await.unwrap_err();
    assert!(fault.why.contains("received sha256:"), "{fault}");
    let fault = retag(&format!("{host}/a/b"), &wanted, "prod", false, &access, &cleared()).await.unwrap_err();
    assert!(fault.why.contains("expected"), "{fault}");
    for image in ["a/b:v1", "ghcr.io/a/b@sha256:00", "Upper/Case"] {
        assert!(Repository::named(image, false, &access).await.is_err(), "{image}");
    }
    for tag in ["a/b", "", "-x", "../v2"] {
        let fault = retag(&format!("{host}/a/b"), &wanted, tag, false, &access, &cleared()).await.unwrap_err();
        assert!(fault.why.contains("no valid tag"), "{fault}");
    }
}

/// A registry that keeps what it is given, with the referrers API when `native`.
async fn keeping(native: bool) -> (String, Requests) {
    let kept: Lock<std::collections::BTreeMap<String, String>> = Lock::default();
    serve(move |request| {
        let line = parts(request).0.to_string();
        let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_string();
        let (method, target) = line.trim_end_matches(" HTTP/1.1").split_once(' ').unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut kept = kept.lock().unwrap();
        match method {
            _ if path == "/v2/" => ok(""),
            "POST" => {
                let place = format!("/v2/a/b/uploads/{}", kept.len());
                kept.insert(place.clone(), String::new());
                answer("202 Accepted", &[("Location", &place)], "")
            }
            "PATCH" => {
                kept.insert(path.to_string(), body);
                answer("202 Accepted", &[("Location", path)], "")
            }
            "PUT" if path.contains("/manifests/") => {
                kept.insert(path.to_string(), body.clone());
                kept.insert(format!("/v2/a/b/manifests/{}", digest::of(body.as_bytes())), body.clone());
                let subject = native && body.contains("\"subject\"");
                answer("201 Created", if subject { &[("OCI-Subject", "sha256:x")] } else { &[] }, "")
            }
            "PUT" => {
                let name = query.trim_start_matches("digest=").replace("%3A", ":");
                let body = kept.get(path).cloned().unwrap_or_default();
                kept.insert(format!("/v2/a/b/blobs/{name}"), body);
                answer("201 Created", &[], "")
            }
            _ if path.contains("/referrers/") && native => {
                let subject = path.rsplit('/').next().unwrap_or_default();
                let entries = kept.iter().filter(|(path, body)| {
                    path.contains("/manifests/sha256:") && body.contains("\"subject\"") && body.contains(subject)
                });
                let entries = entries.map(|(path, body)| {
                    let name = path.rsplit('/').next().unwrap_or_default();
                    serde_json::json!({"mediaType": MANIFEST, "digest": name, "size": body.len(),
                        "artifactType": crate::record::wire::MEDIA_TYPE})
                });
                ok(&serde_json::json!({"manifests": entries.collect::<Vec<_>>()}).to_string())
            }
            _ => kept.get(path).map_or(answer("404 Not Found", &[], ""), |body| ok(body)),
        }
    })
    .await
}

#[tokio::test]
async fn the_record_goes_by_the_referrers_api_or_the_fallback_tag() {
    let image = descriptor(MANIFEST, digest::of(b"image"), 5);
    let record = br#"{"run": {"finished": "2026-01-01T00:00:00Z"}}"#;
    for native in [true, false] {
        let (host, requests) = keeping(native).await;
        let name = format!("{host}/a/b");
        let repository = Repository::named(&name, false, &Access::default()).await.unwrap();
        proof::attach(&repository, image.clone(), &Proof::of_record(record)).await.unwrap();
        let pulled = pull_record(&name, &image.digest, false, &Access::default()).await.unwrap();
        assert_eq!(pulled.as_deref(), Some(record.as_slice()), "native: {native}");
        let tagged = requests.lock().unwrap().iter().any(|r| r.starts_with("PUT /v2/a/b/manifests/sha256-"));
        assert_eq!(tagged, !native);
    }
}

#[tokio::test]
async fn two_writers_of_the_fallback_tag_both_stay() {
    let (host, _) = keeping(false).await;
    let name = format!("{host}/a/b");
    let image = descriptor(MANIFEST, digest::of(b"image"), 5);
    let repository = Repository::named(&name, false, &Access::default()).await.unwrap();
    let records: Vec<String> = (0..4).map(|n| format!(r#"{{"run": {{"finished": "{n}"}}}}"#)).collect();
    let proofs: Vec<Proof> = records.iter().map(|record| Proof::of_record(record.as_bytes())).collect();
    let attached = proofs.iter().map(|proof| proof::attach(&repository, image.clone(), proof));
    for done in futures_util::future::join_all(attached).await {
        done.unwrap();
    }
    let found = repository.referrers(&image.digest, crate::record::wire::MEDIA_TYPE).await.unwrap();
    assert_eq!(found.len(), 4);
    let latest = pull_record(&name, &image.digest, false, &Access::default()).await.unwrap();
    assert_eq!(latest.as_deref(), Some(records[3].as_bytes()));
}

/// A registry whose lists have a second page: the first holds `first`, every later one is `later`, with the address of
/// one more.
async fn of_pages(first: &'static str, later: &'static str) -> Repository {
    let (host, _) = serve(move |request| {
        let line = parts(request).0;
        let is_list = line.contains("/referrers/") || line.contains("/tags/list");
        let path = line.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
        let link = format!("<{path}?last=1>; rel=\"next\"");
        match line {
            _ if line.starts_with("GET /v2/ ") => ok(""),
            _ if is_list && !line.contains("last=1") => answer("200 OK", &[("Link", &link)], first),
            _ if is_list => answer(later, &[("Link", &link)], first),
            _ => answer("404 Not Found", &[], ""),
        }
    })
    .await;
    Repository::named(&format!("{host}/a/b"), false, &Access::default()).await.unwrap()
}

#[tokio::test]
async fn a_list_is_whole_or_a_fault() {
    let (subject, kind) = (digest::of(b"image"), crate::record::wire::MEDIA_TYPE);
    for refusal in ["400 Bad Request", "404 Not Found", "405 Method Not Allowed"] {
        let repository = of_pages(r#"{"manifests": []}"#, refusal).await;
        let fault = repository.referrers(&subject, kind).await.unwrap_err();
        assert!(fault.why.contains(&refusal[..3]), "{fault}");
    }
    let fault = of_pages(r#"{"manifests": []}"#, "200 OK").await.referrers(&subject, kind).await.unwrap_err();
    assert!(fault.why.contains("more than 20 pages"), "{fault}");
    let fault = of_pages(r#"{"tags": ["v1"]}"#, "404 Not Found").await.tags().await.unwrap_err();
    assert!(fault.why.contains("404"), "{fault}");
    let fault = of_pages(r#"{"tags": ["v1"]}"#, "200 OK").await.tags().await.unwrap_err();
    assert!(fault.why.contains("more than 100 pages, 100 entries"), "{fault}");
}

#[tokio::test]
async fn a_registry_without_the_lists_has_none() {
    for refusal in ["400 Bad Request", "404 Not Found", "405 Method Not Allowed"] {
        let (host, _) = serve(move |request| match parts(request).0 {
            line if line.contains("/referrers/") => answer(refusal, &[], ""),
            _ => answer("404 Not Found", &[], ""),
        })
        .await;
        let repository = Repository::named(&format!("{host}/a/b"), false, &Access::default()).await.unwrap();
        assert!(repository.referrers(&digest::of(b"image"), "x/y").await.unwrap().is_empty(), "{refusal}");
        assert!(repository.tags().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn more_records_than_are_read_are_a_fault() {
    let entry = |n: usize| {
        serde_json::json!({"mediaType": MANIFEST, "digest": digest::of(n.to_string().as_bytes()), "size": 2,
            "artifactType": crate::record::wire::MEDIA_TYPE})
    };
    let index = serde_json::json!({"manifests": (0..1001).map(entry).collect::<Vec<_>>()}).to_string();
    let (host, _) = serve(move |request| match parts(request).0 {
        line if line.contains("/referrers/") => ok(&index),
        _ => answer("404 Not Found", &[], ""),
    })
    .await;
    let pulled = pull_record(&format!("{host}/a/b"), &digest::of(b"image"), false, &Access::default()).await;
    let fault = pulled.unwrap_err();
    assert!(fault.why.contains("1001 artifacts") && fault.why.contains("at most 1000"), "{fault}");
}
