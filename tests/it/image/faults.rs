//! What goes wrong between us and a registry: a proxy before a real one that cuts, delays, refuses and lies. Whatever it
//! does, a push ends right or with a clear fault, and no tag points to an image that is not whole.

use super::{access, built, cleared, image, inspected, record, start_registry};
use crate::parts::Registry;
use mlgate::config::{Build, Compression, Image, Layer, LayeredImage};
use mlgate::image::{Built, Proof, Pushed, publish, pull_record, resolve};
use mlgate::model::Fault;
use std::fs;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the proxy does with one request.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Pass,
    /// The connection is closed before the registry sees anything.
    CutBefore,
    /// The registry gets the head and so many bytes of the body.
    CutBody(usize),
    /// The registry does what it was asked, and nobody hears of it.
    CutAnswer,
    /// Answered in the registry's place; headers with `\r\n`.
    Answer(&'static str, &'static str),
    /// The body goes on at so many bytes a second.
    Slow(usize),
    /// The registry's `Docker-Content-Digest` is replaced.
    Lie,
}

/// By method, target and how often that method and kind of target was asked for before.
type Rule = Arc<dyn Fn(&str, &str, usize) -> Deed + Send + Sync>;

/// Numbers of bearer tokens; those up to `expired` are of no use any more.
#[derive(Default)]
struct Tokens {
    issued: u32,
    expired: u32,
}

struct Proxy {
    host: String,
    /// First lines of the requests.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// With `token`, requests must carry a bearer token that has not expired.
    async fn start(upstream: &str, rule: Rule, token: Option<Arc<Mutex<Tokens>>>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (upstream, own, log) = (upstream.to_string(), host.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (upstream, own, log, rule) = (upstream.clone(), own.clone(), Arc::clone(&log), Arc::clone(&rule));
                let token = token.clone();
                tokio::spawn(async move {
                    let _ = relay(client, &upstream, &own, &log, &rule, token.as_deref()).await;
                });
            }
        });
        Proxy { host, seen }
    }

    fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }

    fn count(&self, start: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|line| line.starts_with(start)).count()
    }
}

/// `PUT` of a blob and `PUT` of a manifest are two kinds.
fn kind(method: &str, target: &str) -> String {
    format!("{method} {}", if target.contains("/manifests/") { "manifest" } else { "blob" })
}

/// One request and its answer; every connection carries one.
async fn relay(
    client: TcpStream,
    upstream: &str,
    own: &str,
    log: &Mutex<Vec<String>>,
    rule: &Rule,
    token: Option<&Mutex<Tokens>>,
) -> io::Result<()> {
    let mut client = BufReader::new(client);
    let (mut head, mut length, mut line) = (String::new(), 0, String::new());
    let mut authorization = String::new();
    loop {
        line.clear();
        if client.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "authorization" => authorization = value.trim().to_string(),
                _ => {}
            }
        }
        head.push_str(&line);
    }
    let first = head.lines().next().unwrap_or_default().to_string();
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let before = {
        let mut log = log.lock().unwrap();
        let kind_of = |line: &&String| {
            let mut words = line.split(' ');
            kind(words.next().unwrap_or_default(), words.next().unwrap_or_default()) == kind(method, target)
        };
        let before = log.iter().filter(kind_of).count();
        log.push(first.clone());
        before
    };
    let deed = rule(method, target, before);
    if let Some(token) = token {
        let text = {
            let mut tokens = token.lock().unwrap();
            let given =
                authorization.strip_prefix("Bearer number-").and_then(|number| number.parse().ok()).unwrap_or(0);
            if target.starts_with("/token") {
                tokens.issued += 1;
                let body = format!("{{\"token\": \"number-{}\"}}", tokens.issued);
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
            } else if given <= tokens.expired || matches!(deed, Deed::Answer("401", _)) {
                tokens.expired = tokens.expired.max(given);
                format!(
                    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"http://{own}/token\",service=\"r\"\r\n\
                    Content-Length: 0\r\nConnection: close\r\n\r\n"
                )
            } else {
                String::new()
            }
        };
        if !text.is_empty() {
            return answer(client, length, &text).await;
        }
    }
    match deed {
        Deed::CutBefore => return Ok(()),
        Deed::Answer(status, headers) => {
            let text = format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n");
            return answer(client, length, &text).await;
        }
        _ => {}
    }
    let mut server = TcpStream::connect(upstream).await?;
    let kept = head.lines().filter(|line| {
        let name = line.to_ascii_lowercase();
        !name.starts_with("connection:") && !name.starts_with("authorization:")
    });
    let head: String = kept.map(|line| format!("{line}\r\n")).collect();
    server.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await?;
    let most = if let Deed::CutBody(most) = deed { most.min(length) } else { length };
    let mut sent = 0;
    while sent < most {
        let piece = if let Deed::Slow(rate) = deed { rate } else { 64 * 1024 };
        let mut buffer = vec![0; piece.min(most - sent)];
        client.read_exact(&mut buffer).await?;
        server.write_all(&buffer).await?;
        sent += buffer.len();
        if matches!(deed, Deed::Slow(_)) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    if let Deed::CutBody(_) = deed {
        // The registry must have read it before the connection goes.
        tokio::time::sleep(Duration::from_millis(200)).await;
        return Ok(());
    }
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    if let Deed::Lie = deed {
        let text = String::from_utf8_lossy(&answer).into_owned();
        let start = text.find("Docker-Content-Digest: sha256:").map(|at| at + "Docker-Content-Digest: sha256:".len());
        answer = match start {
            Some(start) => format!("{}{}{}", &text[..start], "0".repeat(64), &text[start + 64..]).into_bytes(),
            None => answer,
        };
    }
    if !matches!(deed, Deed::CutAnswer) {
        client.get_mut().write_all(&answer).await?;
    }
    Ok(())
}

/// Takes the body first: a connection that is closed with unread bytes is reset, and the answer with it.
async fn answer(mut client: BufReader<TcpStream>, length: usize, text: &str) -> io::Result<()> {
    tokio::io::copy(&mut (&mut client).take(length as u64), &mut tokio::io::sink()).await?;
    client.get_mut().write_all(text.as_bytes()).await
}

/// One stored layer of noise, so that its bytes can be counted.
async fn noise(repository: &str, bytes: usize) -> (tempfile::TempDir, Built) {
    let dir = tempfile::tempdir().unwrap();
    let mut state = 1u32;
    let weights: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(bytes)
    .collect();
    fs::write(dir.path().join("weights.bin"), weights).unwrap();
    let layer = Layer {
        name: "model".into(),
        files: vec!["weights.bin".into()],
        to: "/".into(),
        compression: Compression::None,
        kind: None,
    };
    let layers = LayeredImage {
        base: None,
        layers: vec![layer],
        entrypoint: vec!["/serve".into()],
        command: Vec::new(),
        env: Vec::new(),
        workdir: None,
        user: None,
        ports: Vec::new(),
        labels: Vec::new(),
        platforms: vec!["linux/amd64".into()],
        pack: None,
    };
    let image = Image { tags: vec!["v1".into()], ..image(repository, Build::Layers(layers)) };
    let built = built(dir.path(), &image, &access(None, None)).await;
    (dir, built)
}

struct Outcome {
    done: Result<Pushed, Fault>,
    proxy: Proxy,
    built: Built,
    /// What the tag points to in the registry itself.
    tag: Option<String>,
    name: String,
}

async fn push(
    registry: &Registry,
    bytes: usize,
    token: bool,
    rule: impl Fn(&str, &str, usize) -> Deed + Send + Sync + 'static,
) -> Outcome {
    // Each push has a repository of its own, and noise of its own length: nothing is there already.
    static NUMBER: Mutex<usize> = Mutex::new(0);
    let number = {
        let mut number = NUMBER.lock().unwrap();
        *number += 1;
        *number
    };
    let token = token.then(|| Arc::new(Mutex::new(Tokens::default())));
    let proxy = Proxy::start(&registry.host, Arc::new(rule), token).await;
    let path = format!("acme/churn-{number}");
    let (_dir, built) = noise(&proxy.repository(&path), bytes + number * 512).await;
    let done = publish(&built, &Proof::of_record(&record("2026-01-01T00:00:00Z")), false, &cleared()).await;
    let name = registry.repository(&path);
    let tag = resolve(&name, "v1", false, &access(None, None)).await.unwrap();
    Outcome { done, proxy, built, tag, name }
}

impl Outcome {
    /// The push ended right, whatever happened on the way.
    async fn is_right(&self, what: &str) {
        self.done.as_ref().unwrap_or_else(|fault| panic!("{what}: {fault}"));
        assert_eq!(self.tag.as_ref(), Some(&self.built.digest), "{what}");
        assert_eq!(inspected(&format!("{}:v1", self.name)).unwrap(), self.built.digest, "{what}");
        let copy = tempfile::tempdir().unwrap();
        let to = format!("dir:{}", copy.path().display());
        let from = format!("docker://{}:v1", self.name);
        crate::parts::skopeo(&["copy", "--src-tls-verify=false", &from, &to]).unwrap_or_else(|e| panic!("{what}: {e}"));
        let kept = pull_record(&self.name, &self.built.digest, false, &access(None, None)).await.unwrap();
        assert!(kept.is_some(), "{what}: the record");
    }

    /// It ended with a fault that says `why`, and there is no tag.
    fn is_refused(&self, what: &str, why: &str) {
        let fault = self.done.as_ref().expect_err(what);
        assert!(fault.to_string().contains(why), "{what}: {fault}");
        assert_eq!(self.tag, None, "{what}: a tag was left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_at_any_phase_is_made_good() {
    let Some(registry) = start_registry() else { return };
    for (method, in_manifests) in [("HEAD", false), ("POST", false), ("PATCH", false), ("PUT", false), ("PUT", true)] {
        for deed in [Deed::CutBefore, Deed::CutAnswer] {
            let outcome = push(&registry, 200_000, false, move |asked, target, before| {
                let hit = asked == method && target.contains("/manifests/") == in_manifests && before == 0;
                if hit { deed } else { Deed::Pass }
            })
            .await;
            outcome.is_right(&format!("{method} {deed:?}")).await;
        }
    }
}

/// This registry forgets an upload of which a part was cut, so it is begun again.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_in_the_middle_is_made_good() {
    let Some(registry) = start_registry() else { return };
    let outcome = push(&registry, 800_000, false, |method, _, before| match method {
        "PATCH" if before < 3 => Deed::CutBody(100_000),
        _ => Deed::Pass,
    })
    .await;
    outcome.is_right("three cuts").await;
    assert!(outcome.proxy.count("PATCH") >= 7, "three that were cut, and of layer, config, and two of the record");

    let outcome = push(&registry, 100_000, false, |method, _, _| match method {
        "PATCH" => Deed::CutBody(0),
        _ => Deed::Pass,
    })
    .await;
    outcome.is_refused("nothing ever arrives", "tried 5 times");
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_errors_and_expired_tokens_are_waited_out() {
    let Some(registry) = start_registry() else { return };
    for (status, headers) in [("429", "Retry-After: 1\r\n"), ("500", ""), ("503", "")] {
        for method in ["HEAD", "POST", "PATCH", "PUT"] {
            let outcome = push(&registry, 50_000, false, move |asked, _, before| match asked {
                asked if asked == method && before == 0 => Deed::Answer(status, headers),
                _ => Deed::Pass,
            })
            .await;
            outcome.is_right(&format!("{status} once at {method}")).await;
        }
    }
    let expires = |method: &'static str| {
        move |asked: &str, _: &str, before: usize| match asked {
            asked if asked == method && before == 0 => Deed::Answer("401", ""),
            _ => Deed::Pass,
        }
    };
    for method in ["POST", "PATCH", "PUT"] {
        push(&registry, 50_000, true, expires(method)).await.is_right(&format!("expired at {method}")).await;
    }
    let outcome = push(&registry, 50_000, false, |method, _, _| match method {
        "PATCH" => Deed::Answer("507", ""),
        _ => Deed::Pass,
    })
    .await;
    outcome.is_refused("its disk is full", "507");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_line_is_no_fault_and_a_lie_is_one() {
    let Some(registry) = start_registry() else { return };
    let outcome = push(&registry, 2_000, false, |method, _, before| match method {
        "PATCH" if before == 0 => Deed::Slow(1_000),
        _ => Deed::Pass,
    })
    .await;
    outcome.is_right("1 kB a second").await;

    for in_manifests in [false, true] {
        let outcome = push(&registry, 50_000, false, move |method, target, _| {
            if method == "PUT" && target.contains("/manifests/") == in_manifests { Deed::Lie } else { Deed::Pass }
        })
        .await;
        outcome.is_refused("another digest", &format!("kept sha256:{}", "0".repeat(64)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_before_it_is_sent_stops_the_push() {
    let Some(registry) = start_registry() else { return };
    let name = registry.repository("acme/changing");
    let (dir, built) = noise(&name, 50_000).await;
    let file = fs::File::options().write(true).open(dir.path().join("weights.bin")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    let fault = publish(&built, &Proof::of_record(b"{}"), false, &cleared()).await.unwrap_err();
    assert!(fault.why.contains("weights.bin: the file changed"), "{fault}");
    assert_eq!(resolve(&name, "v1", false, &access(None, None)).await.unwrap(), None);
}
