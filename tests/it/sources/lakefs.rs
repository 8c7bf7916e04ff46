//! lakeFS by a stand-in after its published API, in front of an S3 server that plays its gateway.

use super::parts::S3;
use super::{csv, fault, passed, run, sha256, sources, tracked};
use crate::support::skipped;
use mlgate::config::Tracker;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

const COMMIT: &str = "c7a632d74f46c42f4ad4fc5dc8cd6ae9b1bb5b2b1d9f3a9a6d4d9b3a4a7e1c55";

/// Branch `main` and tag `v1`, for one account.
fn api(basic: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let basic = basic.to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            let allowed = lines
                .take_while(|line| !line.is_empty())
                .any(|line| line.eq_ignore_ascii_case(&format!("authorization: Basic {basic}")));
            let (status, body) = match first.split(' ').nth(1).unwrap_or_default() {
                _ if !allowed => ("401 Unauthorized", r#"{"message":"error authenticating request"}"#.to_string()),
                "/api/v1/repositories/box/branches/main" => {
                    ("200 OK", format!(r#"{{"id":"main","commit_id":"{COMMIT}"}}"#))
                }
                "/api/v1/repositories/box/refs/v1/commits?amount=1" => {
                    ("200 OK", format!(r#"{{"pagination":{{"has_more":false}},"results":[{{"id":"{COMMIT}"}}]}}"#))
                }
                _ => ("404 Not Found", r#"{"message":"not found"}"#.to_string()),
            };
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    base
}

fn base64(text: &str) -> String {
    let done =
        std::process::Command::new("sh").args(["-c", "printf %s \"$1\" | base64 -w0", "sh", text]).output().unwrap();
    String::from_utf8(done.stdout).unwrap()
}

#[tokio::test]
async fn a_branch_is_read_at_the_commit_that_it_stood_for() {
    let (fixed, moved) = (csv(7), csv(9));
    let (at, head) = (format!("{COMMIT}/data/train.csv"), "main/data/train.csv");
    let s3 = match S3::start(&[(&at, fixed.as_bytes()), (head, moved.as_bytes())]).await {
        Ok(s3) => s3,
        Err(why) => return skipped(&why),
    };
    let dir = tempfile::tempdir().unwrap();
    let api = api(&base64(&format!("{}:{}", s3.key, s3.secret)));
    // The stand-in is not the gateway, so each has its own address here.
    let mut variables = s3.variables();
    variables.push(("LAKEFS_ENDPOINT", &api));
    variables.push(("LAKEFS_S3_ENDPOINT", &s3.part.base));
    let reach = sources(dir.path(), &variables);
    for (reference, glob) in [("main", "train.csv"), ("v1", "*.csv")] {
        let set = tracked(&format!("s3://box/{reference}/data/{glob}"), Tracker::LakeFs);
        let evidence = run(dir.path(), &reach, &[set]).await;
        let (rows, inputs) = passed(&evidence);
        assert_eq!(rows, 7.0, "what the commit holds, not the branch's head");
        let file = (format!("s3://box/{reference}/data/train.csv"), sha256(fixed.as_bytes()));
        assert_eq!(inputs, [file, (format!("box/{reference} at {COMMIT}"), format!("sha256:{COMMIT}"))]);
        assert_eq!(evidence.inputs[1].kind, "data.train.lakefs");
    }
    let said = fault(&run(dir.path(), &reach, &[tracked("s3://box/none/data/train.csv", Tracker::LakeFs)]).await);
    assert!(said.contains("no reference none"), "{said}");
    variables.retain(|(name, _)| *name != "AWS_SECRET_ACCESS_KEY");
    variables.push(("LAKEFS_SECRET_ACCESS_KEY", "wrongsecret"));
    let said = fault(
        &run(dir.path(), &sources(dir.path(), &variables), &[tracked("s3://box/main/a.csv", Tracker::LakeFs)]).await,
    );
    assert!(
        said.contains("401") && said.contains("LAKEFS_SECRET_ACCESS_KEY") && !said.contains("wrongsecret"),
        "{said}"
    );
    let said = fault(&run(dir.path(), &reach, &[tracked("data/train.csv", Tracker::LakeFs)]).await);
    assert!(said.contains("s3://REPOSITORY/REF/PATH"), "{said}");
}
