//! What is published where, against a stand-in of GitHub's API that keeps comments, hands them out in pages and
//! refuses requests that GitHub's published API would refuse. Faults are queued in front of it.

mod action;

use mlgate::host::{Host, Patience, PublishOptions, detect, publish};
use mlgate::record::wire::Record;
use mlgate::report::markdown::marker;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const TOKEN: &str = "ghs_0123456789abcdefghijklmnopqrstuvwxyz";
const US: &str = "github-actions[bot]";

#[derive(Clone, Debug)]
enum Fault {
    Status(u16, &'static [(&'static str, &'static str)], &'static str),
    /// Never answers.
    Slow,
    /// A list without comments whose next page is somewhere else.
    Elsewhere(String),
    /// Sends the asker to the same path on another server.
    Redirect(String),
    /// Breaks off in the middle of the answer, having done what was asked.
    CutOff,
}

struct Comment {
    id: u64,
    login: String,
    body: String,
}

#[derive(Default)]
struct State {
    comments: Vec<Comment>,
    /// Faults for requests whose `METHOD /path` begins so, used up one by one.
    faults: HashMap<&'static str, VecDeque<Fault>>,
    /// `METHOD /path?query` of every request.
    seen: Vec<String>,
    /// What was wrong with requests; must stay empty.
    wrong: Vec<String>,
    /// The owner of the token, if it is a person's.
    user: Option<&'static str>,
    viewer: Option<&'static str>,
    /// Requests that came with the token.
    trusted: usize,
}

#[derive(Clone)]
struct GitHub {
    url: String,
    state: Arc<Mutex<State>>,
}

impl GitHub {
    async fn start() -> GitHub {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let github = GitHub { url, state: Arc::default() };
        let server = github.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    let _ = server.serve(stream).await;
                });
            }
        });
        github
    }

    fn comment(&self, login: &str, body: String) -> u64 {
        let mut state = self.state.lock().unwrap();
        let id = 1000 + state.comments.len() as u64;
        state.comments.push(Comment { id, login: login.into(), body });
        id
    }

    fn fault(&self, on: &'static str, fault: Fault) {
        self.state.lock().unwrap().faults.entry(on).or_default().push_back(fault);
    }

    fn bodies(&self, login: &str) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.comments.iter().filter(|c| c.login == login).map(|c| c.body.clone()).collect()
    }

    fn seen(&self, prefix: &str) -> usize {
        self.state.lock().unwrap().seen.iter().filter(|line| line.starts_with(prefix)).count()
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let (method, path) = line.trim_end().split_once(' ').unwrap_or_default();
        let path = path.trim_end_matches(" HTTP/1.1").to_string();
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_string());
        }
        let length = headers.get("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let (status, extra, answer, cut) = {
            let mut state = self.state.lock().unwrap();
            state.seen.push(format!("{method} {path}"));
            state.trusted += usize::from(headers.values().any(|value| value.contains(TOKEN)));
            check(&mut state.wrong, method, &path, &headers);
            let fault = state.faults.iter_mut().find(|(on, _)| format!("{method} {path}").starts_with(**on));
            match fault.and_then(|(_, faults)| faults.pop_front()) {
                Some(Fault::Elsewhere(url)) => (
                    200,
                    format!("link: <{url}/repositories/1/issues/7/comments?page=2>; rel=\"next\"\r\n"),
                    "[]".into(),
                    false,
                ),
                Some(Fault::Redirect(url)) => (307, format!("location: {url}{path}\r\n"), "{}".into(), false),
                Some(Fault::Slow) => (0, String::new(), String::new(), false),
                Some(Fault::Status(status, headers, message)) => {
                    let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                    (status, headers, json!({"message": message, "documentation_url": "…"}).to_string(), false)
                }
                fault => {
                    let (status, link, answer) = route(&mut state, &self.url, method, &path, &body);
                    (status, link, answer.to_string(), matches!(fault, Some(Fault::CutOff)))
                }
            }
        };
        if status == 0 {
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: {}\r\n\
             connection: close\r\n{extra}\r\n",
            answer.len()
        );
        let answer = if cut { &answer[..answer.len() / 2] } else { &answer[..] };
        let stream = stream.get_mut();
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    }
}

/// What GitHub's documentation asks of every request.
fn check(wrong: &mut Vec<String>, method: &str, path: &str, headers: &HashMap<String, String>) {
    let mut must = |name: &str, holds: &dyn Fn(&str) -> bool| {
        let value = headers.get(name).map(String::as_str).unwrap_or_default();
        if !holds(value) {
            wrong.push(format!("{method} {path}: {name}: {value:?}"));
        }
    };
    must("authorization", &|value| value == format!("Bearer {TOKEN}"));
    must("user-agent", &|value| !value.is_empty());
    must("accept", &|value| value.contains("application/vnd.github+json"));
    must("x-github-api-version", &|value| value == "2022-11-28");
    if method != "GET" {
        must("content-type", &|value| value.starts_with("application/json"));
    }
}

fn route(state: &mut State, url: &str, method: &str, path: &str, body: &[u8]) -> (u16, String, Value) {
    // An Enterprise server has the same API in a folder, and GraphQL beside it.
    let (url, path) = match path.strip_prefix("/api/v3") {
        Some(path) => (&format!("{url}/api/v3")[..], path),
        None => (url, path.strip_prefix("/api").unwrap_or(path)),
    };
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query: HashMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let none = || String::new();
    let text = |state: &mut State| {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = value["body"].as_str().map(String::from);
        if value.as_object().is_none_or(|object| object.len() != 1) || text.is_none() {
            state.wrong.push(format!("{method} {path}: the body is {value}, not {{\"body\": text}}"));
        }
        text.filter(|text| text.encode_utf16().count() <= 65_536)
    };
    match (method, parts.as_slice()) {
        ("GET", ["user"]) => match state.user {
            Some(login) => (200, none(), json!({"login": login, "id": 1, "type": "User"})),
            None => (403, none(), json!({"message": "Resource not accessible by integration"})),
        },
        ("POST", ["graphql"]) => match state.viewer {
            Some(login) => (200, none(), json!({"data": {"viewer": {"login": login}}})),
            None => (200, none(), json!({"data": null, "errors": [{"message": "Something went wrong"}]})),
        },
        // Page addresses name the repository by its number.
        ("GET", ["repos", "acme", "churn", "issues", "7", "comments"])
        | ("GET", ["repositories", "1", "issues", "7", "comments"]) => {
            let number = |name, default| query.get(name).and_then(|n| n.parse().ok()).unwrap_or(default);
            let (size, page) = (number("per_page", 30).min(100), number("page", 1));
            let last = state.comments.len().div_ceil(size).max(1);
            let at = |page| format!("<{url}/repositories/1/issues/7/comments?per_page={size}&page={page}>");
            let mut link = vec![];
            if page < last {
                link.push(format!("{}; rel=\"next\", {}; rel=\"last\"", at(page + 1), at(last)));
            }
            if page > 1 {
                link.push(format!("{}; rel=\"prev\", {}; rel=\"first\"", at(page - 1), at(1)));
            }
            let link = if link.is_empty() { none() } else { format!("link: {}\r\n", link.join(", ")) };
            let comments = state.comments.iter().skip((page - 1) * size).take(size);
            (200, link, comments.map(show).collect())
        }
        ("POST", ["repos", "acme", "churn", "issues", "7", "comments"]) => match text(state) {
            Some(body) => {
                let id = 5000 + state.comments.len() as u64;
                let login = state.user.or(state.viewer).unwrap_or(US).to_string();
                state.comments.push(Comment { id, login, body });
                (201, none(), show(&state.comments[state.comments.len() - 1]))
            }
            None => (422, none(), json!({"message": "Validation Failed"})),
        },
        ("PATCH", ["repos", "acme", "churn", "issues", "comments", id]) => {
            let login = state.user.or(state.viewer).unwrap_or(US);
            let (id, text) = (id.parse().unwrap_or(0), text(state));
            match (state.comments.iter_mut().find(|comment| comment.id == id), text) {
                (None, _) => (404, none(), json!({"message": "Not Found"})),
                (Some(comment), _) if comment.login != login => (403, none(), json!({"message": "Forbidden"})),
                (Some(comment), Some(text)) => {
                    comment.body = text;
                    (200, none(), show(comment))
                }
                (Some(_), None) => (422, none(), json!({"message": "Validation Failed"})),
            }
        }
        _ => (404, none(), json!({"message": "Not Found"})),
    }
}

fn show(comment: &Comment) -> Value {
    let Comment { id, login, body } = comment;
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    json!({"id": id, "body": body, "user": {"login": login, "type": kind},
        "html_url": format!("https://github.com/acme/churn/pull/7#issuecomment-{id}")})
}

fn record() -> Record {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports/blocked.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A job for pull request 7 of acme/churn, in a folder of its own.
struct Job {
    dir: tempfile::TempDir,
    env: HashMap<&'static str, String>,
    options: PublishOptions,
}

impl Job {
    fn new(github: &GitHub, head: u64) -> Job {
        let dir = tempfile::tempdir().unwrap();
        let event = json!({"pull_request": {"number": 7, "head": {"repo": {"id": head}}, "base": {"repo": {"id": 1}}}});
        fs::write(dir.path().join("event.json"), event.to_string()).unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let env = HashMap::from([
            ("GITHUB_ACTIONS", "true".to_string()),
            ("GITHUB_API_URL", github.url.clone()),
            ("GITHUB_GRAPHQL_URL", format!("{}/graphql", github.url)),
            ("GITHUB_REPOSITORY", "acme/churn".into()),
            ("GITHUB_RUN_ID", "42".into()),
            ("GITHUB_EVENT_NAME", "pull_request".into()),
            ("GITHUB_EVENT_PATH", path("event.json")),
            ("GITHUB_STEP_SUMMARY", path("summary.md")),
            ("GITHUB_OUTPUT", path("output")),
            ("GITHUB_TOKEN", TOKEN.into()),
        ]);
        let mut options = PublishOptions::new(dir.path(), &dir.path().join(".mlgate/record.json"));
        options.patience = Patience {
            request: Duration::from_secs(10),
            total: Duration::from_secs(30),
            backoff: Duration::from_millis(20),
            attempts: 4,
        };
        Job { dir, env, options }
    }

    fn host(&self) -> Host {
        detect(&|name| self.env.get(name).cloned())
    }

    /// Publishes and returns everything said, joined; no secret may be in it.
    async fn publish(&self) -> String {
        let mut out = vec![];
        let told = Mutex::new(vec![]);
        let say = |line: &str| told.lock().unwrap().push(line.to_string());
        let lines = publish(&self.host(), &record(), &self.options, &mut out, &say).await;
        let all = [told.into_inner().unwrap(), lines].concat().join("\n");
        let out = String::from_utf8(out).unwrap();
        for text in [&all, &out, &self.read("summary.md"), &self.read("output")] {
            assert!(!text.contains(TOKEN), "a secret is out: {text}");
        }
        if matches!(self.host(), Host::GitHub(_)) {
            assert!(out.starts_with("::error file=mlops.yaml"), "{out}");
            assert!(self.read("summary.md").contains("### ⛔ churn is blocked"), "always in the summary");
            assert!(self.read("output").starts_with("decision<<mlgate_"));
        }
        all
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }
}

#[track_caller]
fn assert_one_comment(github: &GitHub, login: &str) {
    let bodies = github.bodies(login);
    let ours: Vec<_> = bodies.iter().filter(|body| body.starts_with(&marker("churn"))).collect();
    assert_eq!(ours.len(), 1, "comments of ours: {ours:?}");
    assert!(ours[0].contains("### ⛔ churn is blocked"));
    assert_eq!(github.state.lock().unwrap().wrong, Vec::<String>::new());
}

#[tokio::test]
async fn a_comment_is_created_then_updated_then_left_alone() {
    let github = GitHub::start().await;
    let job = Job::new(&github, 1);
    let said = job.publish().await;
    assert!(said.contains("pull request #7 was created: https://github.com/acme/churn/pull/7#issuecomment-"), "{said}");
    assert_one_comment(&github, US);
    assert!(job.publish().await.contains("says so already"));
    github.state.lock().unwrap().comments[0].body = format!("{}\nold", marker("churn"));
    assert!(job.publish().await.contains("pull request #7 was updated"));
    assert_one_comment(&github, US);
    assert_eq!((github.seen("POST /repos"), github.seen("PATCH")), (1, 1));
}

#[tokio::test]
async fn ours_is_found_on_the_third_page() {
    let github = GitHub::start().await;
    for at in 0..249 {
        github.comment("someone", format!("comment {at}"));
    }
    let ours = github.comment(US, format!("{}\r\nold", marker("churn")));
    assert!(Job::new(&github, 1).publish().await.contains("was updated"));
    assert_one_comment(&github, US);
    assert_eq!(github.seen("GET /repos/acme/churn/issues/7/comments?per_page=100"), 1);
    assert_eq!(github.seen("GET /repositories/1/issues/7/comments?per_page=100&page="), 2);
    assert_eq!(github.seen(&format!("PATCH /repos/acme/churn/issues/comments/{ours}")), 1);
}

#[tokio::test]
async fn nobody_elses_comment_is_edited() {
    let github = GitHub::start().await;
    let planted = format!("{}\nplanted", marker("churn"));
    github.comment("mallory", planted.clone());
    github.comment("other-app[bot]", planted.clone());
    github.comment(US, format!("quoting {}", marker("churn")));
    github.comment(US, format!("{}\nof another model", marker("churn-eu")));
    assert!(Job::new(&github, 1).publish().await.contains("was created"));
    assert_one_comment(&github, US);
    assert_eq!(github.bodies("mallory"), [planted.as_str()]);
    assert_eq!(github.bodies("other-app[bot]"), [planted]);
    assert_eq!(github.seen("PATCH"), 0);
}

#[tokio::test]
async fn the_author_is_whom_the_token_belongs_to() {
    let github = GitHub::start().await;
    github.state.lock().unwrap().user = Some("alice");
    let job = Job::new(&github, 1);
    github.comment("alice", format!("{}\nold", marker("churn")));
    assert!(job.publish().await.contains("was updated"));
    assert_one_comment(&github, "alice");

    let github = GitHub::start().await;
    github.state.lock().unwrap().viewer = Some("acme-ml[bot]");
    github.comment(US, format!("{}\nnot ours", marker("churn")));
    github.comment("acme-ml[bot]", format!("{}\nold", marker("churn")));
    assert!(Job::new(&github, 1).publish().await.contains("was updated"));
    assert_one_comment(&github, "acme-ml[bot]");
    assert!(github.bodies(US)[0].ends_with("not ours"));
}

#[tokio::test]
async fn an_enterprise_server_has_its_api_in_a_folder() {
    let github = GitHub::start().await;
    github.state.lock().unwrap().viewer = Some("acme-ml[bot]");
    for at in 0..120 {
        github.comment("someone", format!("comment {at}"));
    }
    github.comment("acme-ml[bot]", format!("{}\nold", marker("churn")));
    let mut job = Job::new(&github, 1);
    job.env.insert("GITHUB_API_URL", format!("{}/api/v3", github.url));
    job.env.insert("GITHUB_GRAPHQL_URL", format!("{}/api/graphql", github.url));
    let said = job.publish().await;
    assert!(said.contains("was updated"), "{said}");
    assert_one_comment(&github, "acme-ml[bot]");
    assert_eq!((github.seen("POST /api/graphql"), github.seen("PATCH /api/v3/repos")), (1, 1));
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    const LIMIT: &str = "You have exceeded a secondary rate limit.";
    let faults = [
        Fault::Status(500, &[], "Server Error"),
        Fault::Status(502, &[], "Bad Gateway"),
        Fault::Status(409, &[], "Conflict"),
        Fault::Status(429, &[("retry-after", "1")], "Too Many Requests"),
        Fault::Status(403, &[("retry-after", "1")], LIMIT),
        Fault::Status(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], "API rate limit exceeded"),
        Fault::Slow,
        Fault::CutOff,
    ];
    let cases = ["GET /user", "GET /repos", "POST /repos", "PATCH"];
    let cases = cases.iter().flat_map(|on| faults.iter().map(move |fault| (*on, fault)));
    futures_util::future::join_all(cases.map(async |(on, fault)| {
        let github = GitHub::start().await;
        if on == "PATCH" {
            github.comment(US, format!("{}\nold", marker("churn")));
        }
        github.fault(on, fault.clone());
        let mut job = Job::new(&github, 1);
        if matches!(fault, Fault::Slow) {
            job.options.patience.request = Duration::from_secs(3);
        }
        let said = job.publish().await;
        assert!(said.contains("trying again in "), "{on} {fault:?}: {said}");
        assert!(said.contains("The comment on pull request #7 "), "{on} {fault:?}: {said}");
        assert_one_comment(&github, US);
    }))
    .await;
}

#[tokio::test]
async fn a_comment_whose_creation_was_cut_off_is_not_made_twice() {
    let github = GitHub::start().await;
    github.fault("POST /repos", Fault::CutOff);
    assert!(Job::new(&github, 1).publish().await.contains("says so already"));
    assert_one_comment(&github, US);
    assert_eq!(github.seen("POST /repos"), 1);
}

#[tokio::test]
async fn a_comment_that_went_away_is_made_anew() {
    let github = GitHub::start().await;
    github.comment(US, format!("{}\nold", marker("churn")));
    github.fault("PATCH", Fault::Status(404, &[], "Not Found"));
    github.fault("PATCH", Fault::Status(404, &[], "Not Found"));
    let said = Job::new(&github, 1).publish().await;
    assert!(said.contains("the comment went away") && said.contains("was updated"), "{said}");
}

#[tokio::test]
async fn what_lasts_is_said_once_with_what_to_do() {
    let rows: [(Fault, u64, &str); 6] = [
        (Fault::Status(401, &[], "Bad credentials"), 1, "Bad credentials; the token is wrong or has expired."),
        (Fault::Status(403, &[], "Resource not accessible by integration"), 1, "give the job `permissions: "),
        (
            Fault::Status(403, &[], "Resource not accessible by integration"),
            2,
            "runs for forks get a token that may only",
        ),
        (Fault::Status(404, &[], "Not Found"), 1, "there is no such pull request"),
        (Fault::Status(422, &[], "Validation Failed"), 1, "422: Validation Failed; GitHub does not take this comment."),
        (Fault::Status(403, &[], TOKEN), 1, "403: ***;"),
    ];
    for (fault, head, expected) in rows {
        let github = GitHub::start().await;
        github.fault("POST /repos", fault.clone());
        let said = Job::new(&github, head).publish().await;
        assert!(said.contains("No comment on pull request #7: ") && said.contains(expected), "{fault:?}: {said}");
        assert_eq!(github.seen("POST /repos"), 1, "not tried again");
        assert_eq!(github.bodies(US), Vec::<String>::new());
    }
}

#[tokio::test]
async fn patience_ends() {
    let github = GitHub::start().await;
    for _ in 0..9 {
        github.fault("POST /repos", Fault::Status(503, &[], "Unavailable"));
    }
    let said = Job::new(&github, 1).publish().await;
    assert!(said.contains("503: Unavailable; given up after 4 attempts."), "{said}");

    let github = GitHub::start().await;
    github.fault("GET /repos", Fault::Status(429, &[("retry-after", "3600")], "Too Many Requests"));
    let said = Job::new(&github, 1).publish().await;
    assert!(said.contains("trying again in 3600 s would take longer than the 30 s there are"), "{said}");
}

#[tokio::test]
async fn the_token_goes_to_no_other_server() {
    let (github, other) = (GitHub::start().await, GitHub::start().await);
    github.fault("GET /repos", Fault::Elsewhere(other.url.clone()));
    let said = Job::new(&github, 1).publish().await;
    assert!(said.contains("the next page of comments is not at "), "{said}");
    assert_eq!(other.seen(""), 0);
    github.fault("GET /repos", Fault::Redirect(other.url.clone()));
    let said = Job::new(&github, 1).publish().await;
    assert!(other.seen("GET /repos") > 0, "redirects are followed: {said}");
    assert_eq!(other.state.lock().unwrap().trusted, 0, "but without the token");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said() {
    let github = GitHub::start().await;
    let mut job = Job::new(&github, 1);
    job.env.insert("GITHUB_API_URL", format!("http://127.0.0.1:{}", super::support::free_port()));
    let said = job.publish().await;
    assert!(said.contains("GitHub could not be reached") && said.contains("given up after 4 attempts"), "{said}");
    job.env.insert("GITHUB_API_URL", "not a url".into());
    assert!(job.publish().await.contains("No comment on pull request #7: "));
}

#[tokio::test]
async fn without_a_right_to_comment_the_log_says_why() {
    let github = GitHub::start().await;
    let mut job = Job::new(&github, 1);
    job.options.dry_run = true;
    assert!(job.publish().await.contains("Dry run: would create or update the comment of churn on pull request #7"));
    job.options.dry_run = false;
    job.options.comment = false;
    assert!(job.publish().await.contains("No comment on pull request #7: it was turned off."));
    job.options.comment = true;
    job.env.insert("GITHUB_REPOSITORY", "acme/churn/../../user".into());
    assert!(job.publish().await.contains("not owner/name"));
    job.env.insert("GITHUB_TOKEN", String::new());
    assert!(job.publish().await.contains("No comment on pull request #7: there is no token."));
    fs::write(job.dir.path().join("event.json"), "{\"ref\": \"refs/heads/main\"}").unwrap();
    job.env.insert("GITHUB_EVENT_NAME", "push".into());
    assert!(job.publish().await.contains("No comment: the push event belongs to no pull request."));
    fs::write(job.dir.path().join("event.json"), "{").unwrap();
    assert!(job.publish().await.contains("its payload is no JSON"));
    assert_eq!(github.seen(""), 0, "nothing was asked");
}

#[tokio::test]
async fn summaries_and_outputs_are_appended() {
    let github = GitHub::start().await;
    let mut job = Job::new(&github, 1);
    job.options.comment = false;
    fs::write(job.dir.path().join("summary.md"), "before\n").unwrap();
    fs::write(job.dir.path().join("output"), "before=1\n").unwrap();
    job.env.insert("GITHUB_OUTPUT", job.dir.path().join("missing/output").display().to_string());
    let mut out = vec![];
    let said = publish(&job.host(), &record(), &job.options, &mut out, &|_| ()).await.join("\n");
    assert!(said.contains("The step's outputs could not be written"), "{said}");
    job.env.insert("GITHUB_OUTPUT", job.dir.path().join("output").display().to_string());
    publish(&job.host(), &record(), &job.options, &mut out, &|_| ()).await;
    let summary = job.read("summary.md");
    assert!(summary.starts_with("before\n<!-- mlgate:report churn -->\n### "), "{summary}");
    assert_eq!(summary.matches("### ⛔").count(), 2);
    let outputs = parse_outputs(&job.read("output"));
    assert_eq!(outputs["before"], "1");
    assert_eq!(outputs["decision"], "blocked");
    assert!(outputs["record"].ends_with(".mlgate/record.json"));
    assert_eq!((&outputs["image"][..], &outputs["digest"][..]), ("", ""));
}

#[tokio::test]
async fn a_token_that_a_command_echoed_is_not_published() {
    let github = GitHub::start().await;
    let job = Job::new(&github, 1);
    let mut record = record();
    for verdict in &mut record.verdicts {
        verdict.reason = format!("the command said: token {TOKEN}.");
        verdict.examples = vec![TOKEN.into()];
    }
    let mut out = vec![];
    publish(&job.host(), &record, &job.options, &mut out, &|_| ()).await;
    for text in [String::from_utf8(out).unwrap(), job.read("summary.md"), github.bodies(US).concat()] {
        assert!(text.contains("the command said: token ***.") && !text.contains(TOKEN), "{text}");
    }
}

#[tokio::test]
async fn outputs_cannot_be_injected() {
    let github = GitHub::start().await;
    let mut job = Job::new(&github, 1);
    job.options.comment = false;
    let mut record = record();
    record.decision.outcome = "blocked\nghadelimiter\ndecision=cleared".into();
    record.image = Some(mlgate::record::wire::Image {
        repository: "r\ndecision<<X\ncleared\nX".into(),
        tags: vec![],
        digest: "sha256:00".into(),
        bytes: 1,
        pushed: true,
        replaces: None,
    });
    publish(&job.host(), &record, &job.options, &mut vec![], &|_| ()).await;
    let outputs = parse_outputs(&job.read("output"));
    assert_eq!(outputs.len(), 4);
    assert_eq!(outputs["decision"], record.decision.outcome);
    assert_eq!(outputs["digest"], "sha256:00");
}

/// Reads a step's output file as the runner does.
fn parse_outputs(text: &str) -> HashMap<String, String> {
    let mut outputs = HashMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let heredoc = line.find("<<").filter(|at| line.find('=').is_none_or(|equals| *at < equals));
        match (heredoc, line.split_once('=')) {
            (Some(at), _) => {
                let value: Vec<&str> = lines.by_ref().take_while(|l| *l != &line[at + 2..]).collect();
                outputs.insert(line[..at].to_string(), value.join("\n"));
            }
            (None, Some((name, value))) => drop(outputs.insert(name.into(), value.into())),
            (None, None) => panic!("the runner would refuse {line:?}"),
        }
    }
    outputs
}

#[tokio::test]
async fn gitlab_gets_files() {
    let dir = tempfile::tempdir().unwrap();
    let env = HashMap::from([("GITLAB_CI", "true"), ("CI_PIPELINE_ID", "99"), ("CI_MERGE_REQUEST_IID", "3")]);
    let host = detect(&|name| env.get(name).map(|value| value.to_string()));
    assert_eq!((host.name(), host.run_id()), ("gitlab", "99"));
    let options = PublishOptions::new(dir.path(), Path::new("record.json"));
    let mut out = vec![];
    let said = publish(&host, &record(), &options, &mut out, &|_| ()).await.join("\n");
    assert!(said.contains(".mlgate/report.md") && said.contains(".mlgate/junit.xml") && said.contains("!3"), "{said}");
    assert!(out.is_empty());
    assert!(fs::read_to_string(dir.path().join(".mlgate/report.md")).unwrap().contains("churn is blocked"));
    let junit = fs::read_to_string(dir.path().join(".mlgate/junit.xml")).unwrap();
    assert!(junit.starts_with("<?xml") && junit.contains("<failure type=\"failed\""));
    assert_eq!(fs::read_dir(dir.path().join(".mlgate")).unwrap().count(), 2, "no temporary file is left");
    fs::remove_dir_all(dir.path().join(".mlgate")).unwrap();
    fs::write(dir.path().join(".mlgate"), "a file in the way").unwrap();
    let said = publish(&host, &record(), &options, &mut vec![], &|_| ()).await.join("\n");
    assert!(said.contains("could not be written"), "{said}");
}

#[tokio::test]
async fn elsewhere_nothing_is_published() {
    let host = detect(&|_| None);
    assert_eq!((host.name(), host.run_id()), ("local", "local"));
    let mut out = vec![];
    let options = PublishOptions::new(Path::new("/nowhere"), Path::new("record.json"));
    assert!(publish(&host, &record(), &options, &mut out, &|_| ()).await.is_empty());
    assert!(out.is_empty());
}
