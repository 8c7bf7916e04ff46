//! The latency stage against servers that behave and servers that do not. No assertion says how fast anything
//! must be: what is asserted of times holds on a machine of any speed.

mod server;

use crate::support::{config, context};
use crate::{parts, support};
use mlgate::config::{Build, Compression, Image, Latency, Layer, LayeredImage, Request, Target};
use mlgate::image::Access;
use mlgate::load::{self, ErrorKind, Plan};
use mlgate::model::{Evidence, Fault, Measurement};
use mlgate::stage::{image, latency};
use server::{Reply, Server};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// 50 requests a second for two seconds, a fifth of a second of warm-up.
fn probe(target: Target) -> Latency {
    Latency {
        target,
        request: Request { method: "POST".into(), path: "/predict".into(), headers: Vec::new(), body: None },
        rate: 50.0,
        duration: Duration::from_secs(2),
        warmup: Duration::from_millis(200),
        timeout: Duration::from_secs(2),
        start_timeout: Duration::from_secs(20),
        ready: "/ready".into(),
        looks: 1,
        gates: Vec::new(),
    }
}

fn at(server: &Server) -> Latency {
    probe(Target::Url(server.url()))
}

async fn run_in(root: &Path, probe: &Latency) -> Evidence {
    let config = config();
    let ctx = context(&config, root);
    latency::run(&ctx, probe, None, &|_| true).await
}

async fn run(probe: &Latency) -> Evidence {
    run_in(&std::env::temp_dir(), probe).await
}

fn measured(evidence: &Evidence, id: &str) -> Measurement {
    let found = evidence.measurements.iter().find(|m| m.id == format!("latency.{id}"));
    found.unwrap_or_else(|| panic!("no {id} in {evidence:?}")).clone()
}

/// The one fault; no measurement beside it may be a number.
fn fault(evidence: &Evidence) -> &Fault {
    assert!(evidence.measurements.iter().all(|m| m.value.is_nan()), "{:?}", evidence.measurements);
    assert_eq!(evidence.faults.len(), 1, "{evidence:?}");
    &evidence.faults[0]
}

/// What a probe found that kept its pace. A machine too busy for that says so and nothing else; then the attempt is
/// repeated, with a server of its own, and after the third the test says that it was skipped.
async fn soundly<T>(attempt: impl AsyncFn() -> (Evidence, T)) -> Option<(Evidence, T)> {
    let mut why = String::new();
    for _ in 0..3 {
        let (evidence, rest) = attempt().await;
        match evidence.faults.first() {
            None => return Some((evidence, rest)),
            Some(fault) if fault.why.contains("could not keep the pace") => why = fault.to_string(),
            Some(fault) => panic!("{fault}"),
        }
    }
    support::skipped(&format!("a machine that is not too busy: {why}"));
    None
}

/// As [`soundly`], of the usual probe against a server that behaves like this.
async fn soundly_at(behaviour: impl Fn(usize) -> Reply + Copy + Send + Sync + 'static) -> Option<Evidence> {
    let (evidence, ()) = soundly(async || (run(&at(&Server::start(behaviour))).await, ())).await?;
    Some(evidence)
}

#[tokio::test(flavor = "multi_thread")]
async fn while_gates_are_unsure_the_server_is_probed_again_and_all_requests_count() {
    let attempt = async || {
        let server = Server::start(|_| Reply::Ok);
        let probe = Latency { duration: Duration::from_secs(1), looks: 3, ..at(&server) };
        (run(&probe).await, server)
    };
    let Some((evidence, _server)) = soundly(attempt).await else { return };
    let p95 = measured(&evidence, "p95");
    assert_eq!((p95.n, evidence.measurements.len()), (Some(150), 8), "{evidence:?}");
    assert!(p95.source.ends_with(", 3 times"), "{p95:?}");
    assert_eq!(evidence.notes.last().map(String::as_str), Some("probed 3 of at most 3 times: 150 requests"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_server_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("payload.json"), "{\"x\": [1, 2]}").unwrap();
    let attempt = async || {
        let server = Server::start(|_| Reply::Ok);
        let mut probe = at(&server);
        probe.request.body = Some(PathBuf::from("payload.json"));
        probe.request.headers = vec![("x-model".into(), "churn".into())];
        (run_in(dir.path(), &probe).await, server)
    };
    let Some((evidence, server)) = soundly(attempt).await else { return };
    let last = server.last_request();
    assert!(last.starts_with("POST /predict HTTP/1.1\r\n") && last.ends_with("{\"x\": [1, 2]}"), "{last}");
    assert!(last.contains("x-model: churn\r\n") && last.contains("content-type: application/json\r\n"), "{last}");
    assert_eq!(server.requests(), 110, "ten of the warm-up, a hundred measured");
    assert_eq!(evidence.inputs.len(), 1);
    assert_eq!(evidence.inputs[0].digest, "sha256:3bb3eda9ae6433fd94e9e35945500b88f252602d7c62034bc782cfdabd944053");
    let order: Vec<f64> = ["p50", "p90", "p95", "p99", "max"].map(|id| measured(&evidence, id).value).to_vec();
    assert!(order[0] > 0.0 && order.is_sorted() && order[4] <= 2.0, "{order:?}");
    let p95 = measured(&evidence, "p95");
    let interval = p95.interval.unwrap();
    assert!(interval.low <= p95.value && p95.value <= interval.high && p95.n == Some(100), "{p95:?}");
    assert!(p95.source.starts_with("POST /predict on http://127.0.0.1:"), "{}", p95.source);
    assert_eq!(measured(&evidence, "error_rate").value, 0.0);
    assert!(measured(&evidence, "throughput").value <= 50.0);
}

/// Serves one request at a time and stalls once for a second. Whoever waits for each answer before he asks again
/// sees one slow request of a hundred; the users, who come when they come, see half of them slow.
#[tokio::test(flavor = "multi_thread")]
async fn a_stall_is_felt_by_everyone_who_comes_during_it() {
    let stall = |n| if n == 30 { Reply::StallAll(Duration::from_secs(1)) } else { Reply::Ok };
    let Some(evidence) = soundly_at(stall).await else { return };
    let (p50, p90) = (measured(&evidence, "p50").value, measured(&evidence, "p90").value);
    assert!(p90 >= 0.5, "p50 {p50}, p90 {p90}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_counted_and_make_percentiles_worse() {
    let behaviour = |n| match n % 10 {
        0 => Reply::Status(503),
        1 => Reply::Cut,
        2 => Reply::Reset,
        3 => Reply::NotHttp,
        _ => Reply::Ok,
    };
    let Some(evidence) = soundly_at(behaviour).await else { return };
    let rate = measured(&evidence, "error_rate");
    assert_eq!((rate.value, rate.n), (0.4, Some(100)));
    assert!(rate.interval.unwrap().low > 0.30);
    assert_eq!(measured(&evidence, "p90").value, 2.0, "a failed request is as slow as the timeout");
    assert!(measured(&evidence, "throughput").value <= 30.0);
    let note = &evidence.notes[0];
    let kinds = [
        "10 × status 503",
        "10 × connection closed before the whole answer",
        "10 × connection reset",
        "10 × no HTTP answer",
    ];
    assert!(kinds.iter().all(|kind| note.contains(kind)), "{note}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_nothing_well_is_no_fast_server() {
    for (status, why) in [(500, "status 500"), (404, "status 404"), (307, "status 307 (a redirect")] {
        let server = Server::start(move |_| Reply::Status(status));
        let probe = Latency { duration: Duration::from_millis(400), ..at(&server) };
        let evidence = run(&probe).await;
        assert!(fault(&evidence).why.contains("none of 20 requests succeeded: 20 × "), "{evidence:?}");
        assert!(fault(&evidence).why.contains(why));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_given_up_long_before_the_end() {
    let server = Server::start(|_| Reply::Hang);
    let probe =
        Latency { duration: Duration::from_secs(86_400), timeout: Duration::from_secs(1), rate: 20.0, ..at(&server) };
    let evidence = run(&probe).await;
    let why = &fault(&evidence).why;
    assert!(why.starts_with("nothing at all was answered in the first 5 s: ") && why.contains("timed out"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_trickles_is_waited_for_to_its_end() {
    let server = Server::start(|_| Reply::Trickle);
    let probe = Latency { duration: Duration::from_millis(400), timeout: Duration::from_millis(500), ..at(&server) };
    let evidence = run(&probe).await;
    assert!(fault(&evidence).why.contains("20 × timed out"), "{evidence:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_leaves_refused_connections() {
    let gone = |n| if n == 20 { Reply::CloseForGood } else { Reply::Ok };
    let Some(evidence) = soundly_at(gone).await else { return };
    assert!(measured(&evidence, "error_rate").value > 0.5, "{evidence:?}");
    assert!(evidence.notes[0].contains("connection refused"), "{:?}", evidence.notes);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_told_by_name() {
    let port = support::free_port();
    let target = Target::Url(format!("http://user:hunter2@127.0.0.1:{port}"));
    let probe = Latency { start_timeout: Duration::from_secs(1), ..probe(target) };
    let text = fault(&run(&probe).await).to_string();
    assert!(
        text.contains(&format!("wait until http://127.0.0.1:{port} is ready")) && text.contains("refused"),
        "{text}"
    );
    assert!(!text.contains("hunter2"));
}

/// Nobody vouches for this certificate, so nobody is asked for predictions.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_does_not_hold_is_told_by_name() {
    if !support::has("python3") || !support::has("openssl") {
        return support::skipped("python3 or openssl is not there");
    }
    let dir = tempfile::tempdir().unwrap();
    let mut openssl = std::process::Command::new("openssl");
    openssl
        .args("req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost".split(' '));
    openssl.args(["-addext", "subjectAltName=IP:127.0.0.1"]).current_dir(dir.path());
    assert!(openssl.output().unwrap().status.success());
    let serve = "import http.server, ssl, sys\n\
        server = http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), http.server.SimpleHTTPRequestHandler)\n\
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
        context.load_cert_chain('cert.pem', 'key.pem')\n\
        server.socket = context.wrap_socket(server.socket, server_side=True)\n\
        server.serve_forever()\n";
    std::fs::write(dir.path().join("serve.py"), serve).unwrap();
    let port = support::free_port();
    let run = format!("exec python3 serve.py {port}");
    let mut group = mlgate::process::shell(&run, dir.path(), &[]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        let up = group.try_ended().unwrap().is_none() && Instant::now() < deadline;
        assert!(up, "the server did not start: {:?}", group.take_output());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let target = Target::Url(format!("https://127.0.0.1:{port}"));
    let evidence = run_in(dir.path(), &Latency { start_timeout: Duration::from_secs(3), ..probe(target) }).await;
    drop(group);
    assert!(fault(&evidence).why.contains("invalid peer certificate"), "{evidence:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_is_2xx_but_for_the_root_anything_below_500() {
    let server = Server::start_with_ready(404, |_| Reply::Ok);
    let impatient = |server: &Server| Latency { start_timeout: Duration::from_secs(1), ..at(server) };
    let evidence = run(&impatient(&server)).await;
    assert!(fault(&evidence).why.contains("did not get 2xx") && fault(&evidence).why.contains("status 404"));
    assert_eq!(server.requests(), 0, "nothing is probed before the server is ready");
    let root = Latency { ready: "/".into(), ..at(&server) };
    if let Some((evidence, ())) = soundly(async || (run(&root).await, ())).await {
        assert_eq!(measured(&evidence, "error_rate").value, 0.0, "{evidence:?}");
    }
    let failing = Server::start_with_ready(503, |_| Reply::Ok);
    let root = Latency { ready: "/".into(), ..impatient(&failing) };
    assert!(fault(&run(&root).await).why.contains("did not get an answer below 500"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_body_that_is_not_there_or_empty_is_a_fault() {
    let server = Server::start(|_| Reply::Ok);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("empty.json"), "").unwrap();
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    for (body, why) in [("missing.json", "No such file"), ("empty.json", "empty"), ("folder", "no regular file")] {
        let mut probe = at(&server);
        probe.request.body = Some(PathBuf::from(body));
        let evidence = run_in(dir.path(), &probe).await;
        assert!(fault(&evidence).to_string().contains(why), "{body}: {}", fault(&evidence));
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_image_there_is_nothing_to_start() {
    let evidence = run(&probe(Target::Image { port: 8080 })).await;
    assert!(fault(&evidence).why.contains("there is none in this run"));
}

/// Two slots for a server that takes 100 ms: twenty a second get through of the fifty that come.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_find_no_slot_wait_and_their_waiting_counts() {
    let server = Server::start(|_| Reply::After(Duration::from_millis(100)));
    let plan = Plan { in_flight: 2, timeout: Duration::from_secs(60), ..plan(&server) };
    let mut over = 0;
    let outcome = load::run(&plan, || over += 1).await.unwrap();
    assert_eq!((over, outcome.answered, outcome.planned), (100, 100, 100));
    assert!(server.most_at_once() <= 2, "{} at once", server.most_at_once());
    assert!(outcome.held > 50 && outcome.peak > 10, "{outcome:?}");
    assert!(outcome.latencies[90] > 1.0, "the queue grows to seconds: {}", outcome.latencies[90]);
    assert!(outcome.seconds > 4.0, "the last answers come long after the last request was due");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_never_find_a_slot_are_errors() {
    let server = Server::start(|_| Reply::Hang);
    // One slot, which each of the waiting takes for a moment at least, while ten become due in that moment.
    let (rate, duration, timeout) = (10_000.0, Duration::from_millis(100), Duration::from_millis(500));
    let plan = Plan { in_flight: 1, rate, duration, timeout, ..plan(&server) };
    let outcome = load::run(&plan, || ()).await.unwrap();
    assert_eq!((outcome.answered, outcome.failed()), (0, 1000));
    assert!(outcome.errors[&ErrorKind::TimedOut] >= 1 && outcome.errors[&ErrorKind::NeverSent] >= 1, "{outcome:?}");
    assert!(outcome.latencies.iter().all(|latency| *latency == 0.5));
}

/// Everything runs on one thread here, and the first answer makes us hold that thread until all is over.
#[tokio::test(flavor = "current_thread")]
async fn a_probe_that_is_held_up_itself_says_so() {
    let server = Server::start(|_| Reply::Ok);
    let plan = Plan { duration: Duration::from_secs(1), timeout: Duration::from_secs(60), ..plan(&server) };
    let mut over = 0;
    let hold_up = || {
        over += 1;
        if over == 1 {
            std::thread::sleep(Duration::from_secs(2));
        }
    };
    let outcome = load::run(&plan, hold_up).await.unwrap();
    assert_eq!(outcome.answered, 50);
    assert!(!outcome.kept_pace() && outcome.lag_p99 > 1.0, "{outcome:?}");
}

fn plan(server: &Server) -> Plan {
    let request = load::Request::new("GET", &format!("{}/predict", server.url()), &[], None).unwrap();
    let (warmup, duration) = (Duration::ZERO, Duration::from_secs(2));
    Plan { request, rate: 50.0, warmup, duration, timeout: Duration::from_secs(2), in_flight: 100 }
}

const PYTHON_SERVER: &str = r#"
import http.server, os, sys
seen = 0
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.reply()
    def do_POST(self):
        global seen
        seen += 1
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if seen == int(os.environ.get("DIE_AFTER", -1)):
            print("model lost", flush=True)
            os._exit(7)
        print("x" * 10_000, flush=True)
        self.reply()
    def reply(self):
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
with open("pid.part", "w") as file:
    file.write(f"{os.getpid()} {os.environ['PORT']}")
os.rename("pid.part", "pid")
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"#;

/// A folder with the server in it, or none without Python.
fn python() -> Option<tempfile::TempDir> {
    if !support::has("python3") {
        support::skipped("python3 is not there");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("serve.py"), PYTHON_SERVER).unwrap();
    Some(dir)
}

fn command(run: &str) -> Latency {
    probe(Target::Command { run: run.into() })
}

fn is_running(dir: &Path) -> bool {
    let text = std::fs::read_to_string(dir.join("pid")).expect("the server has started");
    let (pid, _) = text.split_once(' ').unwrap();
    // A zombie has no command line.
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_started_probed_and_ended() {
    let Some(dir) = python() else { return };
    // A megabyte of output, which would fill the pipe of a server that nobody reads; and a child of the shell.
    let attempt = async || {
        let evidence = run_in(dir.path(), &command("python3 serve.py & wait")).await;
        (evidence, assert!(!is_running(dir.path()), "it is left running"))
    };
    let Some((evidence, ())) = soundly(attempt).await else { return };
    assert_eq!(measured(&evidence, "error_rate").value, 0.0, "{evidence:?}");
    assert!(measured(&evidence, "p50").source.contains("on `python3 serve.py & wait`, 50/s for 2 s"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_ends_early_is_quoted() {
    let text = fault(&run(&command("echo loading; echo no model >&2; exit 3")).await).to_string();
    assert!(text.contains("exit code 3") && text.contains("no model"), "{text}");
    let text = fault(&run(&command("no-such-server --port $PORT")).await).to_string();
    assert!(text.contains("exit code 127") && text.contains("not found"), "{text}");
    let text = fault(&run(&command("kill -9 $$")).await).to_string();
    assert!(text.contains("killed by SIGKILL; it printed nothing"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_ends_during_the_probe_is_quoted() {
    let Some(dir) = python() else { return };
    let evidence = run_in(dir.path(), &command("DIE_AFTER=40 python3 serve.py")).await;
    let text = fault(&evidence).to_string();
    assert!(text.contains("exit code 7") && text.contains("model lost"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_never_gets_ready_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let run = "echo \"$$ $PORT\" > pid; echo still loading; sleep 600";
    let probe = Latency { start_timeout: Duration::from_secs(2), ..command(run) };
    let evidence = run_in(dir.path(), &probe).await;
    let text = fault(&evidence).to_string();
    assert!(text.contains("within 2 s") && text.contains("refused") && text.contains("still loading"), "{text}");
    assert!(!is_running(dir.path()), "it is left running");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_probe_ends_the_server() {
    let Some(dir) = python() else { return };
    let probe = Latency { duration: Duration::from_secs(600), ..command("python3 serve.py & wait") };
    {
        let running = run_in(dir.path(), &probe);
        tokio::pin!(running);
        while !dir.path().join("pid").exists() || !is_running(dir.path()) {
            assert!(tokio::time::timeout(Duration::from_millis(20), &mut running).await.is_err());
        }
        let _ = tokio::time::timeout(Duration::from_millis(500), &mut running).await;
    }
    assert!(!is_running(dir.path()), "it is left running");
}

/// The image is built without an engine and started by one: busybox's httpd, once sound and once with an entry point
/// that ends at once.
#[tokio::test(flavor = "multi_thread")]
async fn the_built_image_is_probed_and_its_container_removed() {
    let engine = match parts::engine_and_busybox() {
        Ok(engine) => engine,
        Err(why) => return support::skipped(&why),
    };
    let access = Access::from_lookup(|name| (name == "DOCKER_HOST").then(|| engine.host.clone()));
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("bin")).unwrap();
    std::fs::create_dir_all(dir.path().join("www")).unwrap();
    std::fs::copy("/bin/busybox", dir.path().join("bin/busybox")).unwrap();
    std::fs::write(dir.path().join("www/predict"), "0.87").unwrap();
    let config = config();
    let ctx = context(&config, dir.path());
    let mut probe = probe(Target::Image { port: 8080 });
    probe.request.method = "GET".into();
    probe.ready = "/predict".into();

    let serve = ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"];
    let (_, built) = image::run(&ctx, &busybox(&serve), &access).await;
    if let Some((evidence, ())) =
        soundly(async || (latency::run(&ctx, &probe, built.as_ref(), &|_| false).await, ())).await
    {
        assert_eq!(measured(&evidence, "error_rate").value, 0.0, "{evidence:?}");
        assert_eq!(measured(&evidence, "p95").source, "GET /predict on the image's port 8080, 50/s for 2 s");
    }
    let end = ["/bin/busybox", "sh", "-c", "echo no model; sleep 1; exit 3"];
    let (_, built) = image::run(&ctx, &busybox(&end), &access).await;
    let evidence = latency::run(&ctx, &probe, built.as_ref(), &|_| false).await;
    let text = fault(&evidence).to_string();
    assert!(text.contains("exit code 3") && text.contains("no model"), "{text}");
    assert_eq!(containers(&engine.host), "", "containers are left");
}

fn busybox(entrypoint: &[&str]) -> Image {
    let layer = |name: &str, to: &str| {
        let compression = Compression::default();
        Layer { name: name.into(), files: vec![format!("{name}/")], to: to.into(), compression, kind: None }
    };
    let layers = LayeredImage {
        base: None,
        layers: vec![layer("bin", "/bin"), layer("www", "/www")],
        entrypoint: entrypoint.iter().map(ToString::to_string).collect(),
        command: Vec::new(),
        env: Vec::new(),
        workdir: None,
        user: None,
        ports: vec![8080],
        labels: vec![("test".into(), "latency".into())],
        platforms: vec!["linux/amd64".into()],
        pack: None,
    };
    Image {
        repository: "127.0.0.1:1/churn".into(),
        build: Build::Layers(layers),
        tags: Vec::new(),
        insecure: true,
        annotations: Vec::new(),
        attest: Vec::new(),
        checks: Default::default(),
        gates: Vec::new(),
        first_run_accepted: false,
    }
}

/// Ids of the containers of these images that the engine has, running or not.
fn containers(host: &str) -> String {
    let mut docker = std::process::Command::new("docker");
    docker.args(["--host", host, "ps", "--all", "--quiet", "--filter", "label=test=latency"]);
    let listed = docker.output().unwrap();
    assert!(listed.status.success());
    String::from_utf8_lossy(&listed.stdout).into_owned()
}
