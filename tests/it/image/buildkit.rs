//! BuildKit in a real engine: secrets, an agent of ssh, caches in a registry, and what is told when a build fails.

use super::{remote, start_registry};
use crate::parts::{self, Daemon};
use crate::repo::{Done, Repo};
use crate::support::{has, mlgate, skipped};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// A repository whose image runs busybox, with `steps` of a Dockerfile after that.
fn repo(repository: &str, keys: &str, steps: &str) -> Repo {
    let repo = Repo::new(repository);
    let image = format!(
        "image: {{repository: {repository}, dockerfile: Dockerfile, tags: [v1], gates: [size < 50MB], {keys}}}"
    );
    repo.write("mlops.yaml", &format!("version: 1\nmodel: {{name: churn}}\n{image}\n"));
    repo.write("Dockerfile", &format!("FROM scratch AS base\nCOPY bin /bin\n{steps}\n"));
    fs::create_dir(repo.path("bin")).unwrap();
    fs::copy("/bin/busybox", repo.path("bin/busybox")).unwrap();
    // An engine that has seen these tests before takes nothing over from then.
    repo.write("bin/once", &format!("{:?} {}", std::time::SystemTime::now(), std::process::id()));
    repo
}

/// A step that runs by busybox.
fn run(mounts: &str, script: &str) -> String {
    format!("RUN {mounts} [\"/bin/busybox\", \"sh\", \"-c\", \"{script}\"]")
}

/// As a job of CI, so that the output of the build is in the log; `--dry-run` unless it pushes.
fn ship(repo: &Repo, engine: &str, variables: &[(&str, &str)], dry: bool) -> Done {
    let mut command = mlgate(repo.root());
    command.envs([("DOCKER_HOST", engine), ("CI", "true"), ("GITHUB_ACTIONS", "true")]);
    command.envs(variables.iter().copied()).args(["run"]).args(dry.then_some("--dry-run"));
    Done(command.output().unwrap())
}

/// Whether any file below the folder, layers unpacked, holds the text.
fn holds(folder: &Path, text: &str) -> bool {
    let script = "for f in $(find \"$1\" -type f); do { gzip -cd \"$f\" 2>/dev/null || cat \"$f\"; } | grep -aqF \"$2\" && exit 0; done; exit 1";
    Command::new("sh").args(["-c", script, "sh"]).arg(folder).arg(text).status().unwrap().success()
}

#[test]
fn secrets_reach_the_step_that_asks_and_nothing_else() {
    let engine = match parts::engine_and_busybox() {
        Ok(engine) => engine,
        Err(why) => return skipped(&why),
    };
    let (token, password) = ("hf_0123456789abcdef", "correct horse battery");
    let steps = [
        run(
            "--mount=type=secret,id=token --mount=type=secret,id=netrc",
            "set -e; cd /run/secrets; echo of $(wc -c < token) and $(wc -c < netrc) bytes; cat token; echo; cat netrc",
        ),
        run("--mount=type=secret,id=other", "if [ -e /run/secrets/other ]; then echo lea${X}ked; fi"),
    ];
    let secrets = "secrets: [{id: token, env: HUB}, {id: netrc, file: private/netrc}]";
    let repo = repo("localhost:1/churn", secrets, &steps.join("\n"));
    repo.write("private/netrc", &format!("{password}\n"));
    repo.write(".dockerignore", "private\n");

    let said = ship(&repo, &engine.host, &[("HUB", token)], true).exits(0);
    assert!(said.contains("of 19 and 22 bytes") && said.contains("] RUN --mount=type=secret"), "{said}");
    assert!(!said.contains(token) && !said.contains(password) && said.contains("***"), "{said}");
    assert!(!said.contains("leaked"), "{said}");
    for text in [token, password] {
        assert!(!holds(&repo.path(".mlgate"), text), "a secret is in the image, the record or a report");
    }
    assert!(holds(&repo.path(".mlgate/image"), "/run/secrets"), "what was searched is what was built");

    // All that is missing at once, and before anything is built.
    fs::remove_file(repo.path("private/netrc")).unwrap();
    let said = ship(&repo, &engine.host, &[], true).exits(4).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("token comes from HUB, which is not set") && said.contains("private/netrc"), "{said}");
    let said = ship(&repo, &engine.host, &[("HUB", token), ("DOCKER_BUILDKIT", "0")], true).exits(4);
    assert!(said.contains("`secrets` of `image` can be done by BuildKit alone"), "{said}");

    // What signs is given to no build, also not by the way of the kernel.
    let mine = repo
        .read("mlops.yaml")
        .replace("env: HUB", "env: MLGATE_SIGNING_KEY")
        .replace("private/netrc", "/proc/self/environ");
    repo.write("mlops.yaml", &mine);
    let said = ship(&repo, &engine.host, &[("MLGATE_SIGNING_KEY", "-----BEGIN x")], true).exits(4);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("kept from everything that a run starts") && said.contains("no file on a disk"), "{said}");
}

#[test]
fn an_agent_of_ssh_is_forwarded_to_the_steps_that_mount_it() {
    let engine = match parts::engine() {
        Ok(engine) if ["ssh-agent", "ssh-add", "ssh-keygen"].into_iter().all(has) => engine,
        Ok(_) => return skipped("OpenSSH's client is not installed"),
        Err(why) => return skipped(&why),
    };
    let folder = tempfile::tempdir().unwrap();
    let (socket, key) = (folder.path().join("agent"), folder.path().join("key"));
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut agent = Command::new("ssh-agent");
    agent.arg("-D").arg("-a").arg(&socket);
    let kept = tempfile::tempdir().unwrap().keep();
    let _agent = Daemon::start(&agent, &kept, &log, Stdio::null()).unwrap();
    parts::wait(|| socket.exists()).expect("ssh-agent starts");
    let socket = socket.display().to_string();
    let keygen = ["-q", "-t", "ed25519", "-N", "", "-C", "of the test", "-f"];
    assert!(Command::new("ssh-keygen").args(keygen).arg(&key).status().unwrap().success());
    let added = Command::new("ssh-add").arg("-q").arg(&key).env("SSH_AUTH_SOCK", &socket).status().unwrap();
    assert!(added.success());
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();

    let steps = [
        "RUN --mount=type=ssh [\"/usr/bin/ssh-add\", \"-L\"]",
        "RUN --mount=type=ssh,id=deploy [\"/usr/bin/ssh-add\", \"-l\"]",
    ];
    let repo = repo("localhost:1/churn", "ssh: [default, deploy]", &format!("COPY root /\n{}", steps.join("\n")));
    for file in with_libraries("/usr/bin/ssh-add") {
        let copy = repo.path("root").join(file.strip_prefix("/").unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(&file, copy).unwrap();
    }
    let said = ship(&repo, &engine.host, &[("SSH_AUTH_SOCK", &socket)], true).exits(0);
    assert!(said.contains(public.trim()) && said.contains("(ED25519)"), "{said}");
    let said = ship(&repo, &engine.host, &[], true).exits(4);
    assert!(said.contains("SSH_AUTH_SOCK names none"), "{said}");
    let only = repo.read("mlops.yaml").replace("[default, deploy]", "[default]");
    repo.write("mlops.yaml", &only.replace("tags:", "no_cache: true, tags:"));
    let said = ship(&repo, &engine.host, &[("SSH_AUTH_SOCK", &socket)], true).exits(4);
    assert!(said.contains("Error connecting to agent"), "what `ssh` does not list is forwarded to none: {said}");
}

/// A program and what it is linked with, as `ldd` tells.
fn with_libraries(program: &str) -> Vec<PathBuf> {
    let told = Command::new("ldd").arg(program).output().unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let libraries = told.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from);
    [PathBuf::from(program)].into_iter().chain(libraries).collect()
}

#[test]
fn steps_of_one_engine_are_taken_over_by_another_through_the_registry() {
    let Some(registry) = start_registry() else { return };
    let (engine, other) = match (parts::engine(), remote::engine()) {
        (Ok(engine), Ok(other)) => (engine, other),
        (Err(why), _) | (_, Err(why)) => return skipped(&why),
    };
    let repository = registry.repository("acme/churn");
    let slow = run("", "echo this takes ${X}long; dd if=/dev/urandom of=/made bs=1k count=64 2>/dev/null");
    let repo = repo(&repository, "cache_to: [type=inline]", &format!("{slow}\nCOPY model /model"));
    repo.commit();
    let said = ship(&repo, &engine.host, &[], false).exits(0);
    assert!(said.contains("this takes long"), "{said}");

    let from = format!("cache_from: [\"{repository}:v1\", \"type=registry,ref={repository}:gone\"]");
    repo.write("mlops.yaml", &repo.read("mlops.yaml").replace("cache_to: [type=inline]", &from));
    let host = format!("unix://{}", other.socket);
    let said = ship(&repo, &host, &[], true).exits(0);
    assert!(!said.contains("this takes long") && said.contains("CACHED"), "taken over, not run again: {said}");
    let anew = repo.read("mlops.yaml").replace("tags:", "no_cache: true, tags:");
    repo.write("mlops.yaml", &anew);
    let said = ship(&repo, &host, &[], true).exits(0);
    assert!(said.contains("this takes long"), "{said}");

    // A cache that takes the place of an image would do so before anything is decided.
    for cache in [format!("{repository}:v1"), repository.clone(), format!("{repository}:sha256-00")] {
        repo.write("mlops.yaml", &anew.replace(&from, &format!("cache_to: [\"{cache}\"]")));
        let said = ship(&repo, &host, &[], false).exits(4).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("would take the place of the image") && said.contains(":cache"), "{cache}: {said}");
    }

    // What this engine cannot do is told in its words, with what to do; a dry run does not ask for it.
    repo.write("mlops.yaml", &anew.replace(&from, &format!("cache_to: [\"type=registry,ref={repository}:cache\"]")));
    ship(&repo, &host, &[], true).exits(0);
    let said = ship(&repo, &host, &[], false).exits(4).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("cache exporter") && said.contains("cache_to: [type=inline]"), "{said}");
}

#[test]
fn a_failed_build_tells_its_step_and_both_builders_make_the_stage_that_is_asked_for() {
    let engine = match parts::engine_and_busybox() {
        Ok(engine) => engine,
        Err(why) => return skipped(&why),
    };
    let failing = run("", "echo all is well; echo the data is gone >&2; exit 3");
    let keys = "target: good, args: {WHO: ann}, labels: {team: churn}, platform: linux/amd64";
    let steps = format!(
        "FROM base AS good\nARG WHO\nRUN [\"/bin/busybox\", \"sh\", \"-c\", \"echo for $WHO\"]\nFROM base\n{failing}"
    );
    let repo = repo("localhost:1/churn", keys, &steps);
    for (builder, step) in [("1", "] RUN [\"/bin/busybox\""), ("0", "Step 5/6 : RUN")] {
        let said = ship(&repo, &engine.host, &[("DOCKER_BUILDKIT", builder)], true).exits(0);
        assert!(said.contains(step) && said.contains("for ann"), "{said}");
        let config = fs::read_dir(repo.path(".mlgate/image/blobs/sha256")).unwrap().find_map(|blob| {
            let text = String::from_utf8(fs::read(blob.unwrap().path()).unwrap()).ok()?;
            text.contains("\"rootfs\"").then_some(text)
        });
        assert!(config.unwrap().contains("\"team\":\"churn\""));
    }
    let whole = repo.read("mlops.yaml").replace("target: good, ", "");
    repo.write("mlops.yaml", &whole);
    for (builder, step) in [("1", "RUN [\"/bin/busybox\""), ("0", "Step 7/8 : RUN")] {
        let said = ship(&repo, &engine.host, &[("DOCKER_BUILDKIT", builder)], true).exits(4);
        let report = repo.read(".mlgate/record.json");
        let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(step) && flat.contains("the data is gone"), "{builder}: {said}");
        assert!(report.contains("the data is gone") && flat.contains("code: 3"), "{said}");
    }
    // Names that are longer than a header of tar holds, also before all others, and a Dockerfile outside of the context.
    let long = format!("a{}/{}.txt", "0".repeat(90), "name ".repeat(40));
    repo.write(&long, "1");
    repo.write("docker/Dockerfile", "FROM scratch\nCOPY . /\n");
    repo.write("mlops.yaml", &whole.replace("dockerfile: Dockerfile", "dockerfile: docker/Dockerfile, context: ."));
    for builder in ["1", "0"] {
        ship(&repo, &engine.host, &[("DOCKER_BUILDKIT", builder)], true).exits(0);
        assert!(holds(&repo.path(".mlgate/image"), &"name ".repeat(40)), "{builder}");
    }
    fs::create_dir(repo.path("model2")).unwrap();
    let text = repo
        .read("mlops.yaml")
        .replace("dockerfile: docker/Dockerfile, context: .", "dockerfile: docker/Dockerfile, context: model");
    repo.write("mlops.yaml", &text);
    ship(&repo, &engine.host, &[], true).exits(0);
    assert!(holds(&repo.path(".mlgate/image"), "weights.txt") && !holds(&repo.path(".mlgate/image"), "train.csv"));
}

#[test]
fn builds_beside_each_other_get_each_its_own_context() {
    let engine = match parts::engine_and_busybox() {
        Ok(engine) => engine,
        Err(why) => return skipped(&why),
    };
    let wait = run("", "sleep 1; cat /bin/name");
    let repos: Vec<Repo> = (0..4).map(|_| repo("localhost:1/churn", "context: .", &wait)).collect();
    std::thread::scope(|scope| {
        for (n, repo) in repos.iter().enumerate() {
            let (name, host) = (format!("the model number {n}"), &engine.host);
            repo.write("bin/name", &name);
            scope.spawn(move || {
                let said = ship(repo, host, &[], true).exits(0);
                assert!(said.contains(&name), "{said}");
                assert!(holds(&repo.path(".mlgate/image"), &name), "{name} is in its own image");
            });
        }
    });
}

/// Carries connections to the engine's socket until it is told to hang up.
struct Cut {
    port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cut {
    fn before(socket: &str) -> Cut {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, socket) = (listener.local_addr().unwrap().port(), socket.trim_start_matches("unix://").to_string());
        let open = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&open);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(engine) = UnixStream::connect(&socket) else { return };
                kept.lock().unwrap().push(client.try_clone().unwrap());
                let (mut from, mut to) = (client.try_clone().unwrap(), engine.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut from, &mut to).and(to.shutdown(Shutdown::Write)));
                let (mut from, mut to) = (engine, client);
                std::thread::spawn(move || std::io::copy(&mut from, &mut to).and(to.shutdown(Shutdown::Write)));
            }
        });
        Cut { port, open }
    }

    fn hang_up(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn an_engine_that_hangs_up_is_told_with_the_step_it_was_at() {
    let engine = match parts::engine_and_busybox() {
        Ok(engine) => engine,
        Err(why) => return skipped(&why),
    };
    if !engine.host.starts_with("unix://") {
        return skipped("the engine has no socket here");
    }
    let repo = repo("localhost:1/churn", "context: .", &run("", "echo be${X}gin; exec /bin/busybox sleep 60"));
    let cut = Cut::before(&engine.host);
    let mut command = mlgate(repo.root());
    command.envs([
        ("DOCKER_HOST", format!("tcp://127.0.0.1:{}", cut.port).as_str()),
        ("CI", "1"),
        ("GITHUB_ACTIONS", "true"),
    ]);
    let mut child = command.args(["run", "--dry-run"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut seen = Vec::new();
    for line in lines {
        if line.contains(" begin") {
            cut.hang_up();
        }
        seen.push(line);
    }
    let said = Done(child.wait_with_output().unwrap()).exits(4).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(seen.iter().any(|line| line.contains(" begin")), "{seen:?}");
    assert!(said.contains("[2/2] RUN") && said.contains("the engine hung up") && said.contains("begin"), "{said}");
}
