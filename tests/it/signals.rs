//! SIGTERM in the middle of each stage: children gone, no record half written, exit code 143. What a stage works on is
//! large enough to keep any machine busy for minutes, and takes little space: sparse files, hard links of one archive.

use crate::repo::Repo;
use crate::support::{has, mlgate, skipped};
use flate2::{Compression, write::GzEncoder};
use rustix::process::{Pid, Signal, kill_process};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long anything may take that is waited for: a machine that needs longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `mlgate run`. Dropped before its end, as when a test panics, it is asked to end and then killed.
struct Running {
    child: Child,
    /// The lines of standard error as they come.
    said: Receiver<String>,
}

impl Running {
    fn start(repo: &Repo, envs: &[(&str, String)]) -> Running {
        let mut command = mlgate(repo.root());
        command.arg("run").env("CI", "true").envs(envs.iter().map(|(k, v)| (*k, v)));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (send, said) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| send.send(line)));
        Running { child, said }
    }

    /// Waits until `busy`, which must come before the end.
    fn wait(&mut self, busy: impl Fn() -> bool) {
        let start = Instant::now();
        while !busy() {
            assert!(start.elapsed() < PATIENCE, "the stage never began");
            if let Some(status) = self.child.try_wait().unwrap() {
                let said: Vec<String> = self.said.iter().collect();
                panic!("mlgate ended by itself with {status}:\n{}", said.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until this line is on standard error.
    fn wait_for_line(&mut self, line: &str) {
        loop {
            match self.said.recv_timeout(PATIENCE) {
                Ok(said) if said == line => return,
                Ok(_) => {}
                Err(error) => panic!("mlgate never said `{line}`: {error}"),
            }
        }
    }

    /// Sends SIGTERM and returns the exit code.
    fn terminate(mut self) -> Option<i32> {
        assert_eq!(self.child.try_wait().unwrap(), None, "mlgate ended by itself");
        self.signal(Signal::TERM);
        self.ended().expect("mlgate does not end").code()
    }

    fn signal(&self, signal: Signal) {
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // Asked first, as only then mlgate ends what it started.
            self.signal(Signal::TERM);
            if self.ended().is_none() {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
    }
}

/// A command line that no other process has. Dropped, it ends what still runs of it.
struct Marker(String);

impl Marker {
    fn new(stage: usize) -> Marker {
        Marker(format!("sleep {}.{stage}", 70_000 + std::process::id()))
    }

    fn processes(&self) -> Vec<Pid> {
        let found = Command::new("pgrep").args(["-f", "-x", &self.0.replace('.', "[.]")]).output().unwrap();
        let ids = String::from_utf8_lossy(&found.stdout).into_owned();
        ids.lines().filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect()
    }
}

impl Drop for Marker {
    fn drop(&mut self) {
        for id in self.processes() {
            let _ = kill_process(id, Signal::KILL);
        }
    }
}

/// A repository with these lines in `mlops.yaml`, and the record of a run before.
fn repo(stages: &str) -> Repo {
    let repo = Repo::new("localhost:1/churn");
    repo.write("mlops.yaml", &format!("version: 1\nmodel: {{name: churn}}\n{stages}\n"));
    repo.write(".mlgate/record.json", "the record before");
    repo
}

/// There is no record: neither half of this run's, nor that of the run before, which speaks for another. Nothing else
/// lies there but what stages make.
fn assert_no_record(repo: &Repo) {
    let names = std::fs::read_dir(repo.path(".mlgate")).unwrap().map(|entry| entry.unwrap().file_name());
    let beside: Vec<_> = names.filter(|name| name != ".gitignore" && name != "image").collect();
    assert!(beside.is_empty(), "left in .mlgate/: {beside:?}");
}

#[test]
fn every_stage_ends_with_its_children() {
    if !has("pgrep") {
        return skipped("pgrep (Debian: procps) is not installed");
    }
    let stages = [
        "tests: {unit: {run: 'COMMAND & COMMAND'}}",
        "quality: {run: 'COMMAND & COMMAND', metrics: [metrics.json], gates: [f1 > 0]}",
        "latency: {run: 'COMMAND & COMMAND', request: {path: /}, gates: [p95 < 1s]}",
    ];
    for (i, stage) in stages.iter().enumerate() {
        let marker = Marker::new(i);
        let repo = repo(&stage.replace("COMMAND", &marker.0));
        let mut running = Running::start(&repo, &[]);
        running.wait(|| marker.processes().len() == 2);
        assert_eq!(running.terminate(), Some(143), "{stage}");
        assert!(marker.processes().is_empty(), "{stage}: left running");
        assert_no_record(&repo);
    }
}

/// A hundred kilobytes on disk that are ten gigabytes of rows: their digests take a moment, their scan does not end.
fn endless_scan() -> Repo {
    let repo = repo("data: {big: {source: 'big/*.csv.gz', checks: [\"text matches '^[a-z ]+$'\", mean(id) > 0]}}");
    let row = "123456,some text that is matched against a pattern,2024-01-01T00:00:00\n";
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(format!("id,text,at\n{}", row.repeat(500_000)).as_bytes()).unwrap();
    let first = repo.path("big/0000.csv.gz");
    std::fs::create_dir(repo.path("big")).unwrap();
    std::fs::write(&first, gzip.finish().unwrap()).unwrap();
    for i in 1..300 {
        std::fs::hard_link(&first, repo.path(&format!("big/{i:04}.csv.gz"))).unwrap();
    }
    repo
}

#[test]
fn a_scan_ends_in_the_middle() {
    let repo = endless_scan();
    let mut running = Running::start(&repo, &[]);
    running.wait_for_line("── data ──");
    // Likely past the digests by then; what is asserted holds before as well.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(running.terminate(), Some(143));
    assert_no_record(&repo);
}

/// Whoever saw the first line may end the run; several times, as a race is not lost each time.
#[test]
fn signals_are_caught_before_the_first_stage() {
    let repo = endless_scan();
    for _ in 0..10 {
        let mut running = Running::start(&repo, &[]);
        running.wait_for_line("── data ──");
        assert_eq!(running.terminate(), Some(143), "without a code it was killed by the signal");
    }
    assert_no_record(&repo);
}

/// A file of 64 GB that takes no space.
#[test]
fn a_layer_ends_in_the_middle() {
    let layers = "layers: [{name: model, files: [big/], to: /model}]";
    let repo = repo(&format!("image: {{repository: 'localhost:1/churn', {layers}, tags: [v1]}}"));
    // What git tracks is hashed before the first stage; this file is not.
    repo.commit();
    std::fs::create_dir(repo.path("big")).unwrap();
    std::fs::File::create(repo.path("big/weights")).unwrap().set_len(64 << 30).unwrap();
    let mut running = Running::start(&repo, &[]);
    running.wait_for_line("── image ──");
    // Minutes of reading lie before it.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(running.terminate(), Some(143));
    assert_no_record(&repo);
    let index = repo.path(".mlgate/image/index.json");
    assert!(!index.exists(), "an image that is not whole is not listed");
}

/// A thousand overlays of a base with thousands of objects, all of them patched.
#[test]
fn overlays_end_in_the_middle() {
    let mut environments = String::from("environments:\n");
    for i in 0..1000 {
        writeln!(environments, "  e{i}: {{overlay: overlays/e{i}}}").unwrap();
    }
    let repo = repo(&environments);
    let mut base = String::new();
    for i in 0..5000 {
        write!(base, "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{i}}}\ndata: {{k: v}}\n---\n").unwrap();
    }
    repo.write("base/all.yaml", &base);
    repo.write("base/kustomization.yaml", "resources: [all.yaml]\n");
    let patch = "'[{\"op\": \"replace\", \"path\": \"/data/k\", \"value\": \"w\"}]'";
    let overlay = format!("resources: [../../base]\npatches: [{{target: {{kind: ConfigMap}}, patch: {patch}}}]\n");
    for i in 0..1000 {
        repo.write(&format!("overlays/e{i}/kustomization.yaml"), &overlay);
    }
    let mut running = Running::start(&repo, &[]);
    running.wait_for_line("render overlays/e1");
    assert_eq!(running.terminate(), Some(143));
    assert_no_record(&repo);
}

#[test]
fn an_engine_that_never_answers_is_left() {
    let repo = repo("image: {repository: 'localhost:1/churn', dockerfile: Dockerfile, tags: [v1]}");
    repo.write("Dockerfile", "FROM scratch\n");
    let socket = repo.path("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    listener.set_nonblocking(true).unwrap();
    let connections = std::cell::RefCell::new(Vec::new());
    let mut running = Running::start(&repo, &[("DOCKER_HOST", format!("unix://{}", socket.display()))]);
    running.wait(|| {
        connections.borrow_mut().extend(listener.accept());
        !connections.borrow().is_empty()
    });
    assert_eq!(running.terminate(), Some(143));
    assert_no_record(&repo);
}
