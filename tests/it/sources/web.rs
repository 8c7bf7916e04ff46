//! A web server with every fault that one can have, and what becomes of it.

use super::{csv, dataset, fault, passed, run, sha256, sources};
use crate::stand_in::{Asked, send, serve};
use mlgate::data::{Options, Table, Watch};
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROWS: usize = 40_000;

fn faulty(asked: &Asked, stream: &mut TcpStream) {
    let body = csv(ROWS);
    let whole = Some(body.len());
    let half = &body[..body.len() / 2];
    let first = asked.before == 0;
    match asked.path.split('?').next().unwrap_or_default() {
        "/plain.csv" | "/a.csv" => send(stream, "200 OK", "", whole, &body),
        "/b.csv" | "/c.csv" => send(stream, "200 OK", "", Some(7), "id\n1\n2\n"),
        "/resumed.csv" if first => send(stream, "200 OK", "ETag: \"v1\"\r\n", whole, half),
        "/resumed.csv" => {
            let from = asked.from().unwrap();
            let range = format!("ETag: \"v1\"\r\nContent-Range: bytes {from}-{}/{}\r\n", body.len() - 1, body.len());
            send(stream, "206 Partial Content", &range, Some(body.len() - from), &body[from..]);
        }
        "/again.csv" if first => send(stream, "200 OK", "ETag: \"v1\"\r\n", whole, half),
        "/again.csv" => send(stream, "200 OK", "ETag: \"v1\"\r\n", whole, &body),
        // Half of one version, then another one: nothing of the first may stay.
        "/replaced.csv" if first => send(stream, "200 OK", "ETag: \"v0\"\r\n", whole, &"9\n".repeat(half.len() / 2)),
        "/replaced.csv" if asked.from().is_some() => send(stream, "412 Precondition Failed", "", Some(0), ""),
        "/replaced.csv" => send(stream, "200 OK", "ETag: \"v1\"\r\n", whole, &body),
        "/wrongpart.csv" if first => send(stream, "200 OK", "ETag: \"v1\"\r\n", whole, half),
        "/wrongpart.csv" if asked.from().is_some() => {
            let range = format!("ETag: \"v1\"\r\nContent-Range: bytes 7-{}/{}\r\n", body.len() - 1, body.len());
            send(stream, "206 Partial Content", &range, Some(body.len() - 7), &body[7..]);
        }
        "/wrongpart.csv" => send(stream, "200 OK", "", whole, &body),
        "/busy.csv" if first => send(stream, "429 Too Many Requests", "Retry-After: 1\r\n", Some(0), ""),
        "/once.csv" if first => send(stream, "500 Internal Server Error", "", Some(4), "oops"),
        "/busy.csv" | "/once.csv" => send(stream, "200 OK", "", whole, &body),
        "/chunked.csv" => {
            let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
            send(stream, "200 OK", "Transfer-Encoding: chunked\r\n", None, &chunk);
        }
        "/short.csv" => send(stream, "200 OK", "", whole, half),
        "/endless.csv" => send(stream, "200 OK", "", None, &body),
        "/chunkcut.csv" => {
            send(stream, "200 OK", "Transfer-Encoding: chunked\r\n", None, &format!("{:x}\r\n{half}", body.len()))
        }
        "/down.csv" => send(stream, "503 Service Unavailable", "", Some(0), ""),
        "/secret.csv" => send(stream, "403 Forbidden", "", Some(0), ""),
        "/patience.csv" => send(stream, "429 Too Many Requests", "Retry-After: 3600\r\n", Some(0), ""),
        "/slow.csv" => {
            send(stream, "200 OK", "", whole, half);
            let _ = stream.flush();
            std::thread::sleep(Duration::from_secs(20));
        }
        "/changing.csv" if first => send(stream, "200 OK", "", whole, &body),
        "/changing.csv" => send(stream, "200 OK", "", Some(9), "id\n1\n2\n3\n"),
        _ => send(stream, "404 Not Found", "", Some(0), ""),
    }
}

#[tokio::test]
async fn a_server_that_falters_still_gives_the_very_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (base, log) = serve(faulty);
    let start = Instant::now();
    for file in ["plain", "resumed", "again", "replaced", "wrongpart", "busy", "once", "chunked"] {
        let sources = sources(dir.path(), &[]);
        let source = format!("{base}/{file}.csv");
        let evidence = run(dir.path(), &sources, &[dataset("live", &source, &["unique(id)"])]).await;
        let (rows, inputs) = passed(&evidence);
        assert_eq!(rows as usize, ROWS, "{file}");
        assert_eq!(inputs, [(source.clone(), sha256(csv(ROWS).as_bytes()))], "{file}");
    }
    assert!(start.elapsed() >= Duration::from_secs(1), "Retry-After is honoured");
    let log = log.lock().unwrap();
    let of = |path: &str| {
        let asked = log.iter().filter(|asked| asked.path == path);
        asked.map(|asked| (asked.from(), asked.headers.get("if-match").cloned())).collect::<Vec<_>>()
    };
    let resumed = of("/resumed.csv");
    assert_eq!(resumed.len(), 2, "{resumed:?}");
    assert_eq!(resumed[1].1.as_deref(), Some("\"v1\""));
    assert!(resumed[1].0.is_some_and(|at| at > 0));
    assert_eq!(of("/plain.csv").len(), 1, "a file is fetched once, however often it is read");
    assert_eq!(std::fs::read_dir(dir.path().join(".mlgate")).unwrap().count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn what_is_not_whole_is_never_taken_for_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (base, _) = serve(faulty);
    let cases = [
        ("short.csv", "cut off|end of file|incomplete|unexpected|before message"),
        ("endless.csv", "does not say how long"),
        ("chunkcut.csv", "cut off|end of file|incomplete|unexpected|EOF"),
        ("down.csv", "answered 503 Service Unavailable each time"),
        ("patience.csv", "429"),
        ("none.csv", "answered 404 Not Found"),
        ("secret.csv", "403 Forbidden"),
        ("*.csv", "does not list its files"),
        ("slow.csv", "timed out|timeout|operation"),
    ];
    let runs = cases.map(|(file, expected)| {
        let (root, source) = (dir.path(), format!("{base}/{file}"));
        async move {
            let sources = sources(root, &[("MLGATE_READ_TIMEOUT", "1")]);
            let said = fault(&run(root, &sources, &[dataset("live", &source, &["rows >= 1"])]).await);
            let expected = regex::Regex::new(&format!("(?i){expected}")).unwrap();
            assert!(expected.is_match(&said), "{file}: {said}");
        }
    });
    futures_util::future::join_all(runs).await;
}

#[tokio::test]
async fn an_address_that_leads_nowhere_says_so_and_keeps_its_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let (base, _) = serve(faulty);
    let nothing = sources(dir.path(), &[]);
    let refused = "http://127.0.0.1:1/a.csv";
    let signed = format!("{}/secret.csv?sig=verysecretsignature", base.replace("http://", "http://ann:hunter2word@"));
    for (source, expected) in [
        ("http://nowhere.invalid/a.csv", "cannot talk to nowhere.invalid"),
        (refused, "refused"),
        (signed.as_str(), "403"),
        ("ftp://a/b.csv", "s3://"),
    ] {
        let evidence = run(dir.path(), &nothing, &[dataset("live", source, &["rows >= 1"])]).await;
        let said = fault(&evidence);
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("hunter2word") && !said.contains("verysecret"), "{said}");
    }
}

/// Google's API, of which each page of a listing has two names; of `circle` the last page is followed by the first.
fn google(asked: &Asked, stream: &mut TcpStream) {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    if !path.ends_with("/o") {
        return send(stream, "200 OK", "", Some(7), "id\n1\n2\n");
    }
    let at = query.split("pageToken=").nth(1).map_or(0, |token| token.parse().unwrap());
    let names = (at..at + 2).map(|n| format!(r#"{{"name": "a/{n}.csv", "size": "7"}}"#)).collect::<Vec<_>>().join(", ");
    let next = match at {
        0 | 2 => format!(r#", "nextPageToken": "{}""#, at + 2),
        _ if path.contains("circle") => r#", "nextPageToken": "2""#.to_string(),
        _ => String::new(),
    };
    let body = format!(r#"{{"items": [{names}]{next}}}"#);
    send(stream, "200 OK", "", Some(body.len()), &body);
}

#[tokio::test]
async fn googles_pages_are_read_to_the_last_and_not_in_circles() {
    let dir = tempfile::tempdir().unwrap();
    let (base, log) = serve(google);
    let all = sources(dir.path(), &[("STORAGE_EMULATOR_HOST", base.as_str())]);
    let (rows, inputs) = passed(&run(dir.path(), &all, &[dataset("t", "gs://box/a/*.csv", &["rows = 12"])]).await);
    assert_eq!((rows, inputs.len()), (12.0, 6));
    assert_eq!(log.lock().unwrap().iter().filter(|asked| asked.path.contains("/o?")).count(), 3);
    let said = fault(&run(dir.path(), &all, &[dataset("t", "gs://circle/a/*.csv", &["rows >= 1"])]).await);
    assert!(said.contains("begins again"), "{said}");
}

/// Fetched files need room on disk. Where it ends, that is said, nothing passes, and nothing is left behind.
#[test]
fn a_full_disk_is_told_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let (base, _) = serve(faulty);
    let yaml =
        format!("version: 1\nmodel: {{name: m}}\ndata: {{t: {{source: '{base}/plain.csv', checks: [rows >= 1]}}}}\n");
    std::fs::write(dir.path().join("mlops.yaml"), yaml).unwrap();
    std::fs::create_dir(dir.path().join(".mlgate")).unwrap();
    let mount = "mount -t tmpfs -o size=128k tmpfs .mlgate";
    let can_mount = || {
        let tried = Command::new("unshare").args(["-rm", "sh", "-c", mount]).current_dir(dir.path()).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    // A limit on the size of files ends a process unless it ignores the signal, as a shell can arrange.
    let mut scripts = vec![("sh", vec!["-c".to_string(), "trap '' XFSZ; ulimit -f 64; exec \"$0\" run data".into()])];
    match can_mount() {
        true => {
            let script = format!("{mount} && \"$0\" run data; code=$?; ls -A .mlgate; exit $code");
            scripts.push(("unshare", ["-rm", "sh", "-c"].map(String::from).into_iter().chain([script]).collect()));
        }
        false => crate::support::skipped("no file system can be mounted here"),
    }
    for (program, arguments) in scripts {
        let mut command = Command::new(program);
        command.args(&arguments).arg(env!("CARGO_BIN_EXE_mlgate")).current_dir(dir.path());
        let done = command.output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(done.status.code(), Some(4), "{program}: {said}");
        for part in ["no room in ", "MLGATE_SPOOL_BYTES", "/plain.csv"] {
            assert!(said.contains(part), "{program}: {part} is not in {said}");
        }
        assert!(!said.contains("fetched-"), "{program}: {said}");
        let left = std::fs::read_dir(dir.path().join(".mlgate")).unwrap().flatten();
        assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with("fetched-")));
    }
}

#[tokio::test]
async fn a_dropped_file_is_fetched_again_and_must_be_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (base, log) = serve(faulty);
    let small = sources(dir.path(), &[("MLGATE_SPOOL_BYTES", "1000")]);
    let set = |name: &str, file: &str| dataset(name, &format!("{base}/{file}"), &["rows >= 1"]);
    let all = [set("a", "a.csv"), set("b", "b.csv"), set("c", "c.csv"), set("again", "a.csv")];
    let (_, inputs) = passed(&run(dir.path(), &small, &all).await);
    assert_eq!(inputs[0], inputs[3]);
    assert_ne!(inputs[0].1, inputs[1].1, "files of one server are not mixed up");
    let times = log.lock().unwrap().iter().filter(|asked| asked.path == "/a.csv").count();
    assert_eq!(times, 2, "its room was needed, so it was fetched again");

    let all = [set("first", "changing.csv"), set("b", "b.csv"), set("c", "c.csv"), set("again", "changing.csv")];
    let small = sources(dir.path(), &[("MLGATE_SPOOL_BYTES", "1000")]);
    let evidence = run(dir.path(), &small, &all).await;
    assert_eq!(evidence.faults.len(), 1, "{:#?}", evidence.faults);
    assert!(evidence.faults[0].why.contains("changed while it was read"), "{}", evidence.faults[0]);
}

#[test]
fn a_download_ends_when_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let (base, _) = serve(faulty);
    let watch = Arc::new(Watch::reaching(&sources(dir.path(), &[])));
    let (root, told) = (dir.path().to_path_buf(), watch.clone());
    let reading = std::thread::spawn(move || {
        let options = Options { watch: told, ..Options::default() };
        Table::open_with(&root, &format!("{base}/slow.csv"), options).map(drop).unwrap_err()
    });
    std::thread::sleep(Duration::from_millis(300));
    let start = Instant::now();
    watch.stop();
    let fault = reading.join().unwrap();
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(fault.to_string().contains("stopped"), "{fault}");
}
