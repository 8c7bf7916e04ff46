//! Podman's socket, which speaks Docker's interface and has no BuildKit.

use super::sources;
use crate::parts::{self, Daemon};
use crate::repo::Done;
use crate::support::{has, mlgate, skipped};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

struct Podman {
    host: String,
    _daemon: Daemon,
}

fn podman() -> Result<Podman, String> {
    if !has("podman") {
        return Err("podman is not installed".into());
    }
    if !rustix::process::geteuid().is_root() {
        return Err("podman needs root".into());
    }
    let folder = tempfile::Builder::new().prefix("mgp").tempdir_in("/tmp").map_err(|e| e.to_string())?.keep();
    let at = |name: &str| folder.join(name);
    // Podman raises limits, which it may not where it runs in a container itself.
    fs::write(at("containers.conf"), "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n")
        .map_err(|e| e.to_string())?;
    let host = format!("unix://{}", at("podman.sock").display());
    let mut command = Command::new("env");
    command.arg(format!("CONTAINERS_CONF={}", at("containers.conf").display())).arg("podman");
    for (option, name) in [("--root", "root"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
        command.arg(option).arg(at(name));
    }
    command.args(["--storage-driver", "vfs", "system", "service", "--time=0", &host]);
    let log = File::create(at("log")).map_err(|e| e.to_string())?;
    let daemon = Daemon::start(&command, &folder, &log, Stdio::null())?;
    parts::wait(|| std::os::unix::net::UnixStream::connect(host.trim_start_matches("unix://")).is_ok())
        .map_err(|()| format!("podman did not start:\n{}", parts::tail(&at("log"))))?;
    Ok(Podman { host, _daemon: daemon })
}

#[test]
fn podman_builds_and_runs_the_image() {
    let podman = match podman() {
        Ok(podman) if Path::new("/bin/busybox").exists() => podman,
        Ok(_) => return skipped("busybox is not installed"),
        Err(why) => return skipped(&why),
    };
    let dir = sources();
    let dockerfile = "FROM scratch\nCOPY bin/busybox /bin/busybox\nCOPY model /www\n\
        RUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo built by podman\"]\nUSER 1000\n\
        ENTRYPOINT [\"/bin/busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]\n";
    fs::write(dir.path().join("Dockerfile"), dockerfile).unwrap();
    let config = "version: 1\nmodel: {name: churn, files: [model/]}\n\
        image: {repository: localhost:1/churn, dockerfile: Dockerfile, tags: [v1], checks: {non_root: block}}\n\
        latency: {port: 8080, request: {path: /weights.bin}, duration: 1s, warmup: 100ms, rate: 20/s, gates: [error_rate < 1%]}\n";
    fs::write(dir.path().join("mlops.yaml"), config).unwrap();
    let run = || {
        let mut command = mlgate(dir.path());
        command.envs([("DOCKER_HOST", podman.host.as_str()), ("CI", "true"), ("GITHUB_ACTIONS", "true")]);
        Done(command.args(["run", "--dry-run"]).output().unwrap())
    };
    let said = run().exits(0);
    assert!(said.contains("STEP 4/6") && said.contains("built by podman"), "{said}");
    fs::write(dir.path().join("mlops.yaml"), config.replace("tags:", "secrets: [{id: a, file: mlops.yaml}], tags:"))
        .unwrap();
    let said = run().exits(4);
    assert!(said.contains("can be done by BuildKit alone"), "{said}");
}
