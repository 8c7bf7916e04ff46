//! What serves the model while it is probed: the image, a command or an address. It ends when it is dropped.

use super::super::Context;
use super::{Fault, Latency, Target};
use crate::image::Built;
use crate::image::container::{self, Container};
use crate::load;
use crate::process::{self, Group, plain};
use reqwest::Url;
use std::collections::VecDeque;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// Lines of a server's output shown when it fails.
const LINES_SHOWN: usize = 8;
/// Of one attempt to find the server ready.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How often a server's output is fetched, and the engine asked whether its container still runs.
const OUTPUT_LOOK: Duration = Duration::from_millis(5);
const CONTAINER_LOOK: Duration = Duration::from_millis(500);

pub(super) struct Server {
    base: String,
    name: String,
    kind: Kind,
}

enum Kind {
    Container(Container),
    Command { group: Option<Group>, tail: VecDeque<String> },
    Address,
}

impl Server {
    pub(super) async fn start(ctx: &Context<'_>, latency: &Latency, built: Option<&Built>) -> Result<Server, Fault> {
        match &latency.target {
            Target::Image { port } => image(built, *port).await,
            Target::Command { run } => command(ctx, run),
            Target::Url(url) => Ok(Server { base: url.clone(), name: shown(url)?, kind: Kind::Address }),
        }
    }

    /// The address that paths are appended to.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// What it is, in words and without secrets.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Asks for `path` until it answers 2xx; for `/`, which a model server need not have, anything below 500.
    ///
    /// # Errors
    /// When that takes longer than `patience`, or the server ends before.
    pub(super) async fn ready(&mut self, path: &str, patience: Duration) -> Result<(), Fault> {
        let url = join(&self.base, path)?;
        let mut last = "there was no time for any attempt".to_string();
        let answered = tokio::select! {
            answered = poll(&url, path == "/", patience, &mut last) => answered?,
            fault = self.ended() => return Err(fault),
        };
        if answered {
            return Ok(());
        }
        let expected = if path == "/" { "an answer below 500" } else { "2xx" };
        let patience = patience.as_secs_f64();
        let why =
            format!("GET {path} did not get {expected} within {patience} s; at last: {last}{}", self.last_said().await);
        Err(Fault::new(format!("wait until {} is ready", self.name), why, "see `ready` and `start_timeout`"))
    }

    /// Returns when the server ends by itself, which it must not; keeps reading its output meanwhile, as a server
    /// whose output nobody reads blocks.
    pub(super) async fn ended(&mut self) -> Fault {
        let (ended, hint) = match &mut self.kind {
            Kind::Container(container) => (container_ended(container).await, "the container must keep running"),
            Kind::Command { group, tail } => {
                let hint = "the command must stay in the foreground and listen on $PORT";
                (command_ended(group, tail).await, hint)
            }
            Kind::Address => return std::future::pending().await,
        };
        let why = format!("it ended while it was needed: {ended}{}", self.last_said().await);
        Fault::new(format!("run {}", self.name), why, hint)
    }

    /// The end of its output, as the end of a sentence.
    async fn last_said(&self) -> String {
        let mut tail = VecDeque::new();
        match &self.kind {
            Kind::Container(container) => keep(&mut tail, container.log_tail().await),
            Kind::Command { tail: kept, .. } => tail.clone_from(kept),
            Kind::Address => return String::new(),
        }
        let lines: Vec<&str> = tail.iter().map(String::as_str).collect();
        match lines.is_empty() {
            true => "; it printed nothing".into(),
            false => format!("; its last output: {}", lines.join(" | ")),
        }
    }
}

async fn container_ended(container: &Container) -> String {
    loop {
        match container.exit_code().await {
            Ok(None) => tokio::time::sleep(CONTAINER_LOOK).await,
            Ok(Some(code)) => return format!("exit code {code}"),
            Err(fault) => return fault.to_string(),
        }
    }
}

async fn command_ended(group: &mut Option<Group>, tail: &mut VecDeque<String>) -> String {
    let ended = loop {
        // Taken only when it has ended, and then this has been told already.
        let Some(running) = group else { return std::future::pending().await };
        let lines = running.take_output();
        let quiet = lines.is_empty();
        keep(tail, lines);
        match running.try_ended() {
            Ok(None) if quiet => tokio::time::sleep(OUTPUT_LOOK).await,
            Ok(None) => tokio::task::yield_now().await,
            Ok(Some(ended)) => break ended.in_words(),
            Err(error) => break error.to_string(),
        }
    };
    if let Some(rest) = group.take() {
        let rest = rest.finish(Duration::from_secs(1), |_| ()).await;
        keep(tail, rest.map(|rest| rest.tail).unwrap_or_default());
    }
    ended
}

fn keep(tail: &mut VecDeque<String>, lines: Vec<String>) {
    tail.extend(lines.iter().map(|line| plain(line)).filter(|line| !line.is_empty()));
    tail.drain(..tail.len().saturating_sub(LINES_SHOWN));
}

fn command(ctx: &Context<'_>, run: &str) -> Result<Server, Fault> {
    let name = format!("`{}`", plain(run.lines().next().unwrap_or_default()));
    let fault = |why: std::io::Error| Fault::new(format!("start {name}"), why, "");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(fault)?.port();
    let group = process::shell(run, ctx.root, &[("PORT", port.to_string())]).map_err(fault)?;
    let kind = Kind::Command { group: Some(group), tail: VecDeque::new() };
    Ok(Server { base: format!("http://127.0.0.1:{port}"), name, kind })
}

/// Nothing is added to its environment: what is probed is what will be promoted.
async fn image(built: Option<&Built>, port: u16) -> Result<Server, Fault> {
    let Some(built) = built else {
        let hint = "run the image stage too, or give `latency` a `run` or a `url`";
        return Err(Fault::new("start the image that was built", "there is none in this run", hint));
    };
    let container = container::start(built, port, &[]).await?;
    let (base, name) = (format!("http://{}", container.address()), format!("the image's port {port}"));
    Ok(Server { base, name, kind: Kind::Container(container) })
}

/// Whether the address answered as it should before `patience` was over; `last` tells of the last attempt.
async fn poll(url: &Url, root: bool, patience: Duration, last: &mut String) -> Result<bool, Fault> {
    let client = load::client(url)?;
    let deadline = Instant::now() + patience.min(load::LONGEST);
    let mut pause = Duration::from_millis(10);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        match client.get(url.clone()).timeout(left.min(ATTEMPT)).send().await {
            Ok(answer) if answer.status().is_success() || (root && answer.status().as_u16() < 500) => return Ok(true),
            Ok(answer) => *last = format!("status {}", answer.status().as_u16()),
            Err(error) if error.is_timeout() => *last = "no answer".into(),
            Err(error) => *last = load::root_cause(&error),
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(Duration::from_millis(250));
    }
}

/// `http://host/base` and `/predict?x=1` → `http://host/base/predict?x=1`. A bare `/` keeps the base as it is.
pub(super) fn join(base: &str, path: &str) -> Result<Url, Fault> {
    let what = format!("put together the address of `{path}`");
    let parsed = parse(base)?;
    let base = parsed.as_str().trim_end_matches('/');
    let text = match path {
        "" | "/" if parsed.path() != "/" => parsed.to_string(),
        path if path.starts_with('/') => format!("{base}{path}"),
        path => format!("{base}/{path}"),
    };
    Url::parse(&text).map_err(|e| Fault::new(what, e, "a path begins with `/`"))
}

fn parse(url: &str) -> Result<Url, Fault> {
    let fault = |why: String| Fault::new("read the address in `latency.url`", why, "such as http://127.0.0.1:8080");
    let parsed = Url::parse(url).map_err(|e| fault(e.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none_or(str::is_empty) {
        return Err(fault(format!("it must begin with http:// or https://, not {}:", parsed.scheme())));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(fault("it has a query or a fragment, which belongs into `request.path`".into()));
    }
    Ok(parsed)
}

/// The address without user and password.
fn shown(url: &str) -> Result<String, Fault> {
    let mut url = parse(url)?;
    // Both fail only for addresses without a host, which `parse` refused.
    let _ = (url.set_username(""), url.set_password(None));
    Ok(url.as_str().trim_end_matches('/').to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_appended_to_the_address() {
        let joined = |base: &str, path: &str| join(base, path).unwrap().to_string();
        assert_eq!(joined("http://h:1", "/v2/infer?x=1"), "http://h:1/v2/infer?x=1");
        assert_eq!(joined("http://h:1/", "infer"), "http://h:1/infer");
        assert_eq!(joined("https://h/api/", "/infer"), "https://h/api/infer");
        assert_eq!(joined("https://h/api/infer", "/"), "https://h/api/infer");
        assert_eq!(joined("https://h", "/"), "https://h/");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for url in ["", "h:80", "127.0.0.1:80", "file:///etc/passwd", "http://", "http://h/?token=x", "http://h/#a"] {
            assert!(join(url, "/").is_err(), "{url}");
        }
    }

    #[test]
    fn a_password_in_the_address_is_not_shown() {
        assert_eq!(shown("https://me:hunter2@h:8443/api/").unwrap(), "https://h:8443/api");
        assert!(!join("https://me:hunter2@h:1/?x", "/").unwrap_err().to_string().contains("hunter2"));
    }
}
