//! The tags of the environments, against a registry that says only what it is told to.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Of nobody.
const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
                   MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEacHQRKgoPh90P7qiZKeGK/w9g4YZ\n\
                   l0wUIFcjqXxK3PlL59AFtH1k5c4Uvk8O+akoV6JPZlpnDqf7BK2D8Mjh3g==\n\
                   -----END PUBLIC KEY-----\n";

/// A repository of a registry that answers every request for a manifest like this.
async fn answering(status: &'static str, body: &'static str) -> Attachments {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 8192];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let asks = String::from_utf8_lossy(&request[..read]).contains("/manifests/");
            let (status, body) = if asks { (status, body) } else { ("200 OK", "{}") };
            let length = body.len();
            let text = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
            let _ = stream.write_all(text.as_bytes()).await;
        }
    });
    Attachments::open(&format!("{host}/a/b"), false, &Access::default()).await.unwrap()
}

/// An audit that found one promotion, to `environment`.
fn promoted(environment: &str, digest: &str) -> Audit {
    let stay = Stay {
        digest: digest.to_string(),
        from: "2026-01-01T00:00:00Z".into(),
        until: None,
        replaced: None,
        tags: Some(environment).filter(|name| is_tag(name)).map(str::to_string).into_iter().collect(),
        in_registry: true,
        promotion: "sha256:1".into(),
        promotion_signed: Signed::No,
        run: "sha256:2".into(),
        commit: None,
        gates: Vec::new(),
        evidence: None,
        git: None,
    };
    let environments = BTreeMap::from([(environment.to_string(), vec![stay])]);
    Audit { repository: "r/a".into(), environments, findings: Vec::new() }
}

#[tokio::test]
async fn a_registry_that_does_not_tell_where_a_tag_points_to_is_an_error() {
    let refusing = answering("403 Forbidden", "{}").await;
    let fault = promoted("prod", "sha256:3").now(&refusing).await.unwrap_err();
    assert!(fault.why.contains("403"), "{fault}");
    // A name that no tag can have is not asked for.
    let mut audit = promoted("prod eu", "sha256:3");
    audit.now(&refusing).await.unwrap();
    assert!(audit.findings.is_empty(), "{:?}", audit.findings);
}

#[tokio::test]
async fn a_tag_that_points_elsewhere_or_nowhere_is_found_and_so_is_an_image_that_was_deleted() {
    let mut audit = promoted("prod", &crate::digest::of(b"{}"));
    audit.now(&answering("200 OK", "{}").await).await.unwrap();
    assert!(audit.findings.is_empty(), "{:?}", audit.findings);
    audit.now(&answering("404 Not Found", "{}").await).await.unwrap();
    assert!(audit.findings[0].contains("prod: the tag `prod` was deleted"), "{:?}", audit.findings);
    let mut audit = promoted("prod", "sha256:3");
    audit.environments.values_mut().flatten().for_each(|stay| stay.in_registry = false);
    audit.now(&answering("404 Not Found", "{}").await).await.unwrap();
    assert!(
        audit.findings.len() == 1 && audit.findings[0].contains("no longer in the registry"),
        "{:?}",
        audit.findings
    );
    // A tag that two environments set belongs to the later promotion.
    let mut audit = promoted("prod", "sha256:3");
    let shared = audit.environments["prod"].clone();
    audit.environments.insert("staging".into(), shared);
    audit.now(&answering("200 OK", "{}").await).await.unwrap();
    assert!(audit.findings.is_empty(), "{:?}", audit.findings);
    let mut audit = promoted("prod", "sha256:3");
    audit.now(&answering("200 OK", "{}").await).await.unwrap();
    assert!(audit.findings[0].contains("prod: the tag `prod` points to sha256:"), "{:?}", audit.findings);
}

#[test]
fn where_signatures_count_what_nobody_trusted_has_signed_is_found() {
    let findings = |promotion: Signed, record: Signed, trust: &Trust| {
        let mut audit = promoted("prod", "sha256:3");
        let stay = &mut audit.environments.get_mut("prod").unwrap()[0];
        stay.promotion_signed = promotion;
        stay.evidence = Some(Evidence {
            artifact: "sha256:4".into(),
            signed: record,
            decision: "cleared".into(),
            summary: String::new(),
            finished: String::new(),
        });
        audit.settle(trust);
        audit.findings
    };
    let by = || Signed::By("cosign.pub".into());
    let key = crate::sign::PublicKey::from_pem(KEY).unwrap();
    let trust = Trust { keys: vec![("cosign.pub".into(), key)], ..Trust::default() };
    assert!(findings(Signed::No, Signed::No, &Trust::default()).is_empty());
    assert!(findings(by(), by(), &trust).is_empty());
    assert_eq!(
        findings(Signed::No, Signed::Untrusted("by no trusted key".into()), &trust),
        [
            "prod: the promotion of sha256:3 at 2026-01-01T00:00:00Z rests on a record that is not trusted: by no trusted \
             key; expected a signature of cosign.pub",
            "prod: the promotion of sha256:3 at 2026-01-01T00:00:00Z is unsigned; expected a signature of cosign.pub",
        ]
    );
    assert_eq!(findings(by(), Signed::No, &trust).len(), 1);
}
