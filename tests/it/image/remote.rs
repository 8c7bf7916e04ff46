//! Engines elsewhere: a real dockerd behind TLS with a test authority, contexts that the Docker CLI made, and its
//! `system dial-stdio` at the other end of ssh.

use super::{build, docker, image};
use crate::parts::{self, Daemon};
use crate::repo::{Done, Repo};
use crate::support::{free_port, has, mlgate, skipped};
use mlgate::image::Access;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

/// Certificates by OpenSSL: `ca.pem`, and `NAME/cert.pem` and `NAME/key.pem` beside a copy of it.
fn certificates(folder: &Path, names: &[(&str, &str)]) {
    let openssl = |arguments: &str| {
        let done = Command::new("openssl").current_dir(folder).args(arguments.split(' ')).output().unwrap();
        assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
    };
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!("req -x509 {KEY} -days 2 -subj /CN=authority -keyout ca.key -out ca.pem"));
    for (name, extensions) in names {
        fs::create_dir(folder.join(name)).unwrap();
        fs::write(folder.join("extensions"), extensions).unwrap();
        openssl(&format!("req {KEY} -subj /CN={name} -keyout {name}/key.pem -out {name}/request"));
        let signed = format!("x509 -req -in {name}/request -CA ca.pem -CAkey ca.key -CAcreateserial -days 2");
        openssl(&format!("{signed} -extfile extensions -out {name}/cert.pem"));
        fs::copy(folder.join("ca.pem"), folder.join(name).join("ca.pem")).unwrap();
    }
}

pub(super) struct Engine {
    port: u16,
    pub(super) socket: String,
    certificates: tempfile::TempDir,
    _daemon: Daemon,
}

/// It leaves the rules of the machine's network alone and runs no container, so it stands beside any other engine. (With
/// `--bridge none` it would remove the bridge of them all.)
pub(super) fn engine() -> Result<Engine, String> {
    for program in ["dockerd", "docker", "openssl"] {
        if !has(program) {
            return Err(format!("{program} is not installed"));
        }
    }
    if !rustix::process::geteuid().is_root() {
        return Err("dockerd needs root".into());
    }
    let certificates = tempfile::tempdir().map_err(|e| e.to_string())?;
    let server = "subjectAltName = IP:127.0.0.1\nextendedKeyUsage = serverAuth";
    self::certificates(certificates.path(), &[("server", server), ("client", "extendedKeyUsage = clientAuth")]);
    let folder = tempfile::Builder::new().prefix("mgr").tempdir_in("/tmp").map_err(|e| e.to_string())?.keep();
    let (port, at) = (free_port(), |name: &str| folder.join(name));
    let socket = at("docker.sock").display().to_string();
    let mut command = Command::new("dockerd");
    command.args([
        "--host",
        &format!("unix://{socket}"),
        "--host",
        &format!("tcp://127.0.0.1:{port}"),
        "--group",
        "root",
    ]);
    command.args(["--iptables=false", "--ip-forward=false", "--tlsverify"]);
    for (option, file) in [("--tlscacert", "ca.pem"), ("--tlscert", "cert.pem"), ("--tlskey", "key.pem")] {
        command.arg(option).arg(certificates.path().join("server").join(file));
    }
    command.arg("--data-root").arg(at("data")).arg("--exec-root").arg(at("exec")).arg("--pidfile").arg(at("pid"));
    let log = File::create(at("log")).map_err(|e| e.to_string())?;
    // The watcher removes the folder when the engine is gone.
    let daemon = Daemon::start(&command, &folder, &log, Stdio::null())?;
    parts::wait(|| Path::new(&socket).exists() && std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
        .map_err(|()| format!("dockerd did not start:\n{}", parts::tail(&at("log"))))?;
    Ok(Engine { port, socket, certificates, _daemon: daemon })
}

fn access(pairs: &[(&str, &str)]) -> Access {
    let pairs: Vec<(String, String)> = pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
    Access::from_lookup(move |name| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_behind_tls_in_a_context_or_at_the_end_of_ssh_builds_the_same_image() {
    let engine = match engine() {
        Ok(engine) => engine,
        Err(why) => return skipped(&why),
    };
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("Dockerfile"), "FROM scratch\nCOPY weights.bin /\n").unwrap();
    // More than a pipe or a frame of TLS holds.
    fs::write(dir.path().join("weights.bin"), vec![7; 3_000_000]).unwrap();
    let image = image("localhost:1/churn", docker());
    let client = engine.certificates.path().join("client").display().to_string();
    let host = format!("tcp://127.0.0.1:{}", engine.port);
    let secure = [("DOCKER_HOST", host.as_str()), ("DOCKER_TLS_VERIFY", "1")];
    let with = |certificates: &str| access(&[secure[0], secure[1], ("DOCKER_CERT_PATH", certificates)]);
    let (evidence, built) = build(dir.path(), &image, &with(&client)).await;
    let built = built.unwrap_or_else(|| panic!("{:?}", evidence.faults));

    // The CLI's contexts, read as it wrote them.
    let home = tempfile::tempdir().unwrap();
    let cli = |arguments: &[&str]| {
        let done = Command::new("docker").arg("--config").arg(home.path()).args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let endpoint = format!("host={host},ca={client}/ca.pem,cert={client}/cert.pem,key={client}/key.pem");
    cli(&["context", "create", "faraway", "--docker", &endpoint]);
    cli(&["context", "create", "here", "--docker", &format!("host=unix://{}", engine.socket)]);
    let folder = home.path().display().to_string();
    for context in ["faraway", "here"] {
        let named = access(&[("DOCKER_CONFIG", &folder), ("DOCKER_CONTEXT", context)]);
        let (evidence, found) = build(dir.path(), &image, &named).await;
        assert_eq!(found.map(|found| found.digest), Some(built.digest.clone()), "{context}: {:?}", evidence.faults);
    }
    cli(&["context", "use", "faraway"]);
    let (_, found) = build(dir.path(), &image, &access(&[("DOCKER_CONFIG", &folder)])).await;
    assert_eq!(found.map(|found| found.digest), Some(built.digest.clone()), "the context in use");

    // Whoever is not who they should be is not spoken with, on either side.
    let stranger = tempfile::tempdir().unwrap();
    certificates(stranger.path(), &[("client", "extendedKeyUsage = clientAuth")]);
    let stranger = stranger.path().join("client");
    let unknown = tempfile::tempdir().unwrap();
    fs::copy(engine.certificates.path().join("ca.pem"), unknown.path().join("ca.pem")).unwrap();
    let impostor = tempfile::tempdir().unwrap();
    for (from, name) in [
        (engine.certificates.path().join("ca.pem"), "ca.pem"),
        (stranger.join("cert.pem"), "cert.pem"),
        (stranger.join("key.pem"), "key.pem"),
    ] {
        fs::copy(from, impostor.path().join(name)).unwrap();
    }
    for (what, folder, why) in [
        ("an authority that did not sign the engine's certificate", stranger.as_path(), "invalid peer certificate"),
        ("no certificate of a client", unknown.path(), "ertificate"),
        ("a client of another authority", impostor.path(), "ertificate"),
        ("no folder", Path::new("/nowhere"), "/nowhere/ca.pem"),
    ] {
        let (evidence, none) = build(dir.path(), &image, &with(&folder.display().to_string())).await;
        let fault = evidence.faults.first().unwrap_or_else(|| panic!("{what} is a fault"));
        assert!(none.is_none() && fault.why.contains(why) && fault.hint.contains("ca.pem"), "{what}: {fault}");
    }
    let (evidence, _) = build(dir.path(), &image, &access(&[secure[0]])).await;
    let fault = evidence.faults.first().expect("plain text is refused").to_string();
    assert!(fault.contains("HTTPS server"), "{fault}");

    through_ssh(&engine, &built.digest, dir.path());
}

/// In the place of ssh a script that has a host and runs there what it was given.
fn through_ssh(engine: &Engine, digest: &str, files: &Path) {
    let repo = Repo::new("localhost:1/churn");
    for name in ["Dockerfile", "weights.bin"] {
        fs::copy(files.join(name), repo.path(name)).unwrap();
    }
    let image = "image: {repository: localhost:1/churn, dockerfile: Dockerfile, args: {GREETING: hello},
  labels: {org.opencontainers.image.title: churn}, platform: linux/amd64, tags: [v1],
  gates: [size < 10MB]}";
    repo.write("mlops.yaml", &format!("version: 1\nmodel: {{name: churn}}\n{image}\n"));
    let bin = tempfile::tempdir().unwrap();
    let script = "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\n\
        [ \"$2\" = build ] || { echo \"ssh: Could not resolve hostname $2\" >&2; exit 255; }\nshift 2\nexec \"$@\"\n";
    fs::write(bin.path().join("ssh"), script).unwrap();
    fs::set_permissions(bin.path().join("ssh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap());
    let run = |host: &str| {
        let mut command = mlgate(repo.root());
        Done(command.env("PATH", &path).env("DOCKER_HOST", host).args(["run", "--dry-run"]).output().unwrap())
    };
    run(&format!("ssh://ann@build{}", engine.socket)).exits(0);
    assert_eq!(repo.digest(), digest);
    let said = run("ssh://elsewhere").exits(4).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("Could not resolve hostname elsewhere") && said.contains("known_hosts"), "{said}");
    let said = run("ssh://build/nowhere.sock").exits(4);
    assert!(said.contains("nowhere.sock"), "{said}");
}
