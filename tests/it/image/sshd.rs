//! An engine at the end of a real ssh: OpenSSH's server on loopback as the user who runs the test, its own keys, and the
//! Docker CLI's `system dial-stdio` behind it.

use crate::parts::{self, Daemon};
use crate::repo::{Done, Repo};
use crate::support::{free_port, has, mlgate, skipped};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// It starts itself again for each connection, and so must be called by its whole path.
const SSHD: &str = "/usr/sbin/sshd";
/// Where it puts itself away without rights, when root runs it.
const EMPTY: &str = "/run/sshd";

struct Server {
    folder: PathBuf,
    user: String,
    _daemon: Daemon,
}

fn told(program: &str, arguments: &[&str]) -> Result<String, String> {
    let done = Command::new(program).args(arguments).output().map_err(|e| format!("{program}: {e}"))?;
    let said = String::from_utf8_lossy(&done.stdout).trim().to_string();
    if done.status.success() { Ok(said) } else { Err(format!("{program}: {}", String::from_utf8_lossy(&done.stderr))) }
}

/// With the hosts `build`, `unknown` (whose key nobody knows) and `stranger` (to whom a key is offered that is not let in),
/// for a client that reads `client` in its folder.
fn server(engine: &str) -> Result<Server, String> {
    for program in ["ssh", "ssh-keygen", "docker"] {
        if !has(program) {
            return Err(format!("{program} is not installed"));
        }
    }
    if !Path::new(SSHD).exists() {
        return Err("openssh-server is not installed".into());
    }
    let failed = |e: std::io::Error| e.to_string();
    if rustix::process::geteuid().is_root() {
        fs::create_dir_all(EMPTY).map_err(failed)?;
        fs::set_permissions(EMPTY, fs::Permissions::from_mode(0o755)).map_err(failed)?;
    }
    // The watcher removes it when the server is gone.
    let folder = tempfile::Builder::new().prefix("mgs").tempdir_in("/tmp").map_err(failed)?.keep();
    let at = |name: &str| folder.join(name).display().to_string();
    for key in ["host", "user", "other"] {
        told("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", key, "-f", &at(key)])?;
    }
    let public = |key: &str| fs::read_to_string(at(&format!("{key}.pub"))).map_err(failed);
    let (user, port) = (told("id", &["-un"])?, free_port());
    let path = std::env::var("PATH").unwrap_or_default();
    let server = [
        format!("ListenAddress 127.0.0.1\nPort {port}\nPidFile none\nHostKey {}", at("host")),
        format!("AuthorizedKeysFile {}\nStrictModes no\nUsePAM no", at("authorized")),
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password".into(),
        // What the engine's machine would have by itself.
        format!("SetEnv \"DOCKER_HOST={engine}\" \"PATH={path}\"\n"),
    ];
    let host = |name: &str, known: &str, key: &str| {
        format!("Host {name}\n  UserKnownHostsFile {known}\n  IdentityFile {}\n", at(key))
    };
    let client = [
        host("build", &at("known"), "user"),
        host("unknown", "/dev/null", "user"),
        host("stranger", &at("known"), "other"),
        format!("Host *\n  HostName 127.0.0.1\n  Port {port}\n  IdentitiesOnly yes\n  IdentityAgent none\n"),
        "  GlobalKnownHostsFile /dev/null\n".into(),
    ];
    // A client's configuration is found by the user's home in the system's list of users, whatever HOME says.
    let ssh = format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", told("sh", &["-c", "command -v ssh"])?, at("client"));
    fs::create_dir(at("bin")).map_err(failed)?;
    for (name, text) in [
        ("server", server.join("\n")),
        ("client", client.concat()),
        ("authorized", public("user")?),
        ("known", format!("[127.0.0.1]:{port} {}", public("host")?)),
        ("bin/ssh", ssh),
    ] {
        fs::write(at(name), text).map_err(failed)?;
    }
    fs::set_permissions(at("bin/ssh"), fs::Permissions::from_mode(0o755)).map_err(failed)?;
    let mut command = Command::new(SSHD);
    command.args(["-D", "-e", "-f", &at("server")]);
    let log = File::create(at("log")).map_err(failed)?;
    let daemon = Daemon::start(&command, &folder, &log, Stdio::null())?;
    parts::wait(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
        .map_err(|()| format!("sshd did not start:\n{}", parts::tail(Path::new(&at("log")))))?;
    Ok(Server { folder, user, _daemon: daemon })
}

#[test]
fn an_engine_behind_a_real_ssh_builds_the_same_image() {
    let engine = match parts::engine() {
        Ok(engine) => engine,
        Err(why) => return skipped(&why),
    };
    let server = match server(&engine.host) {
        Ok(server) => server,
        Err(why) => return skipped(&why),
    };
    let repo = Repo::new("localhost:1/churn");
    let image = "image: {repository: localhost:1/churn, dockerfile: Dockerfile, tags: [v1], gates: [size < 10MB]}";
    repo.write("mlops.yaml", &format!("version: 1\nmodel: {{name: churn}}\n{image}\n"));
    repo.write("Dockerfile", "FROM scratch\nCOPY weights.bin /\n");
    // More than a pipe or a window of ssh holds.
    fs::write(repo.path("weights.bin"), vec![7; 3_000_000]).unwrap();
    let path = format!("{}:{}", server.folder.join("bin").display(), std::env::var("PATH").unwrap());
    let run = |host: &str| {
        let mut command = mlgate(repo.root());
        Done(command.env("PATH", &path).env("DOCKER_HOST", host).args(["run", "--dry-run"]).output().unwrap())
    };
    run(&engine.host).exits(0);
    let digest = repo.digest();
    let user = &server.user;
    let mut hosts = vec!["ssh://build".to_string(), format!("ssh://{user}@build")];
    // A socket that is named goes before what the other machine would take.
    hosts.extend(engine.host.strip_prefix("unix://").map(|socket| format!("ssh://build{socket}")));
    for host in hosts {
        run(&host).exits(0);
        assert_eq!(repo.digest(), digest, "{host}: {}", parts::tail(&server.folder.join("log")));
    }

    // Whom ssh does not trust, and who is not let in: nobody is asked, and ssh's own words are told.
    for (host, why) in [
        ("ssh://unknown", "Host key verification failed"),
        ("ssh://stranger", "Permission denied (publickey)"),
        ("ssh://build/nowhere.sock", "nowhere.sock"),
    ] {
        let said = run(host).exits(4).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(why) && said.contains("known_hosts"), "{host}: {said}");
    }
}
