//! Real parts for scenarios: a Docker engine and OCI registries, started here and ended with the test.
//!
//! The engine is Docker 20.10 with its own data folder, socket and containerd; it needs root. Its bridge and iptables
//! rules belong to the whole machine, so a lock file lets one engine of these tests run at a time: under nextest,
//! where every test is a process, the tests that need it take turns, and within one process they share it. With
//! `MLGATE_TEST_DOCKER_HOST` set nothing is started and that engine is used.
//!
//! The registry is docker-registry 2.8: it has no referrers API and so exercises the fallback tag.
//!
//! Each daemon runs under a small shell script that ends it as soon as a pipe held by the test closes. The kernel
//! closes that pipe however the test ends, so a test that is killed leaves nothing behind either.

use crate::support::{free_port, has};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// A Docker engine. It is ended when the last test of the process lets go of it.
pub struct Engine {
    /// As in `DOCKER_HOST`.
    pub host: String,
    _daemon: Option<Daemon>,
    _folder: Option<tempfile::TempDir>,
}

/// The engine, or why there is none here.
pub fn engine() -> Result<Arc<Engine>, String> {
    static SHARED: Mutex<Weak<Engine>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(running) = shared.upgrade() {
        return Ok(running);
    }
    let engine = Arc::new(match std::env::var("MLGATE_TEST_DOCKER_HOST") {
        Ok(host) => Engine { host, _daemon: None, _folder: None },
        Err(_) => start_engine()?,
    });
    *shared = Arc::downgrade(&engine);
    Ok(engine)
}

/// The engine where there is a static busybox, of which the images of many tests are made.
pub fn engine_and_busybox() -> Result<Arc<Engine>, String> {
    if !Path::new("/bin/busybox").exists() {
        return Err("busybox is not installed".into());
    }
    engine()
}

fn start_engine() -> Result<Engine, String> {
    if !has("dockerd") {
        return Err("dockerd is not installed".into());
    }
    if !rustix::process::geteuid().is_root() {
        return Err("dockerd needs root".into());
    }
    let lock = File::create(std::env::temp_dir().join("mlgate-test-engine.lock")).map_err(|e| e.to_string())?;
    lock.lock().map_err(|e| e.to_string())?;
    // Short: a socket's path has at most 108 bytes.
    let folder = tempfile::Builder::new().prefix("mgd").tempdir_in("/tmp").map_err(|e| e.to_string())?;
    let at = |name: &str| folder.path().join(name);
    let log = File::create(at("log")).map_err(|e| e.to_string())?;
    let host = format!("unix://{}", at("docker.sock").display());
    let mut command = Command::new("dockerd");
    command.args(["--host", &host, "--group", "root"]);
    command.arg("--data-root").arg(at("data")).arg("--exec-root").arg(at("exec")).arg("--pidfile").arg(at("pid"));
    // The watcher keeps the lock, so that the next engine starts when this one is gone, however the test ends.
    let daemon = Daemon::start(&command, folder.path(), &log, lock)?;
    let engine = Engine { host, _daemon: Some(daemon), _folder: Some(folder) };
    let socket = engine.host.trim_start_matches("unix://");
    let answers = || {
        use std::io::{Read, Write};
        let Ok(mut stream) = std::os::unix::net::UnixStream::connect(socket) else { return false };
        let asked = stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n");
        let mut answer = String::new();
        asked.and_then(|()| stream.read_to_string(&mut answer)).is_ok() && answer.contains(" 200 ")
    };
    wait(answers)
        .map_err(|()| format!("dockerd did not start:\n{}", tail(&Path::new(socket).with_file_name("log"))))?;
    Ok(engine)
}

/// A registry on loopback.
pub struct Registry {
    /// `127.0.0.1:PORT`
    pub host: String,
    log: PathBuf,
    daemon: Option<Daemon>,
    _folder: tempfile::TempDir,
}

/// User and password that a registry started [`with_password`] wants.
pub const ACCOUNT: (&str, &str) = ("ann", "word");
const HTPASSWD: &str = "$2y$05$abcdefghijklmnopqrstuuQDoL5Sa/TtfS/XN4AY/jgq.HBbO1BTu";

pub fn registry() -> Result<Registry, String> {
    start_registry(false)
}

pub fn registry_with_password() -> Result<Registry, String> {
    start_registry(true)
}

fn start_registry(password: bool) -> Result<Registry, String> {
    for program in ["docker-registry", "skopeo"] {
        if !has(program) {
            return Err(format!("{program} is not installed"));
        }
    }
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let at = |name: &str| folder.path().join(name);
    let host = format!("127.0.0.1:{}", free_port());
    let mut config = format!(
        "version: 0.1\nlog: {{level: info}}\nstorage: {{delete: {{enabled: true}}, filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{host}\"}}\n",
        at("data").display()
    );
    if password {
        std::fs::write(at("htpasswd"), format!("{}:{HTPASSWD}\n", ACCOUNT.0)).map_err(|e| e.to_string())?;
        config += &format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", at("htpasswd").display());
    }
    std::fs::write(at("config.yml"), config).map_err(|e| e.to_string())?;
    let log = File::create(at("log")).map_err(|e| e.to_string())?;
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(at("config.yml"));
    let daemon = Daemon::start(&command, folder.path(), &log, Stdio::null())?;
    let registry = Registry { host, log: at("log"), daemon: Some(daemon), _folder: folder };
    wait(|| std::net::TcpStream::connect(&registry.host).is_ok())
        .map_err(|()| format!("docker-registry did not start:\n{}", tail(&registry.log)))?;
    Ok(registry)
}

impl Registry {
    /// `127.0.0.1:PORT/name`
    pub fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.host)
    }

    /// Ends the registry and removes what it stored; its address then refuses connections.
    pub fn stop(&mut self) {
        self.daemon = None;
    }

    /// The file in which the registry keeps a blob.
    pub fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        self.log.with_file_name("data").join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data")
    }

    /// Deletes a manifest, and with it the tags that point to it; tells whether the registry had it.
    pub fn delete(&self, name: &str, digest: &str) -> bool {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&self.host).unwrap();
        let host = &self.host;
        write!(stream, "DELETE /v2/{name}/manifests/{digest} HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.starts_with("HTTP/1.0 202") || answer.starts_with("HTTP/1.1 202")
    }

    /// How many uploads were finished since it started, by its own access log.
    pub fn uploads(&self) -> usize {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().filter(|line| line.contains("\"PUT /v2/") && line.contains("/blobs/uploads/")).count()
    }
}

/// A server of a test on loopback, ended with it.
pub struct Part {
    /// `http://127.0.0.1:PORT`
    pub base: String,
    _daemon: Daemon,
    folder: tempfile::TempDir,
}

impl Part {
    /// What it said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// Starts `program`, which listens on the port that it is told, with the arguments that `arguments` makes of its port and folder.
pub fn start(program: &str, arguments: impl Fn(&str, &Path) -> Vec<String>) -> Result<Part, String> {
    if !has(program) {
        return Err(format!("{program} is not installed"));
    }
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let port = free_port();
    let mut command = Command::new(program);
    command.args(arguments(&port.to_string(), folder.path()));
    let log = File::create(folder.path().join("log")).map_err(|e| e.to_string())?;
    let daemon = Daemon::start(&command, folder.path(), &log, Stdio::null())?;
    wait(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
        .map_err(|()| format!("{program} did not start:\n{}", tail(&folder.path().join("log"))))?;
    Ok(Part { base: format!("http://127.0.0.1:{port}"), _daemon: daemon, folder })
}

/// Runs skopeo and returns what it printed.
pub fn skopeo(args: &[&str]) -> Result<String, String> {
    let done = Command::new("skopeo").args(args).output().map_err(|e| e.to_string())?;
    match done.status.success() {
        true => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
    }
}

/// `sh -c WATCHER sh FOLDER PROGRAM ARGUMENTS…`: runs the program until standard input ends, then asks it to end, waits
/// twenty seconds at most, removes the folder, and kills what is left of its group, also children that it forgot. dockerd ends its containerd and unmounts by itself.
const WATCHER: &str = r#"
folder=$1
shift
"$@" </dev/null >&2 &
daemon=$!
read -r _
kill -TERM "$daemon"
for _ in $(seq 400); do
    kill -0 "$daemon" 2>/dev/null || break
    sleep 0.05
done
rm -rf --one-file-system -- "$folder"
kill -KILL 0
"#;

/// A daemon under its watcher. Dropping it ends it and waits until it is gone.
pub struct Daemon(Child);

impl Daemon {
    /// Starts program and arguments of `command`. The watcher keeps `held` open as long as it lives.
    pub fn start(command: &Command, folder: &Path, log: &File, held: impl Into<Stdio>) -> Result<Daemon, String> {
        let log = log.try_clone().map_err(|e| e.to_string())?;
        let mut watcher = Command::new("sh");
        watcher.args(["-c", WATCHER, "sh"]).arg(folder).arg(command.get_program()).args(command.get_args());
        // In a group of its own, so that what ends the test's group does not reach the watcher.
        watcher.stdin(Stdio::piped()).stdout(held).stderr(log).process_group(0);
        watcher.spawn().map(Daemon).map_err(|e| e.to_string())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Closes the watcher's standard input first.
        let _ = self.0.wait();
    }
}

pub fn wait(ready: impl Fn() -> bool) -> Result<(), ()> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if ready() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(())
}

pub fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
