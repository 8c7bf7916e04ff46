//! `action/run.sh` as a runner would start it, its releases served from a folder: what is downloaded is verified
//! before it runs, and inputs are words, never code.

use crate::support;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Stands for mlgate: tells its arguments and folder, and sets outputs.
const BINARY: &str = "#!/bin/sh\nfor word in \"$@\"; do echo \"word=$word\"; done\npwd\n\
    echo decision=cleared >>\"$GITHUB_OUTPUT\"\nexit \"${EXIT:-0}\"\n";

struct Runner {
    dir: tempfile::TempDir,
    env: Vec<(&'static str, String)>,
}

struct Step {
    code: i32,
    text: String,
    outputs: String,
}

impl Runner {
    /// None, said aloud, where a tool is missing.
    fn new() -> Option<Runner> {
        if let Some(tool) = ["bash", "curl", "sha256sum", "awk"].into_iter().find(|tool| !support::has(tool)) {
            support::skipped(&format!("no {tool}"));
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("work/model dir")).unwrap();
        fs::create_dir_all(dir.path().join("temp")).unwrap();
        let runner = Runner { env: vec![], dir };
        for asset in ["mlgate-linux-x86_64", "mlgate-linux-aarch64"] {
            runner.release("9.9.9", asset, BINARY);
        }
        let url = format!("file://{}", runner.path("releases").display());
        Some(runner.set("INPUT_DOWNLOAD_URL", &url).set("INPUT_VERSION", "9.9.9"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn release(&self, version: &str, asset: &str, text: &str) {
        let dir = self.path(&format!("releases/v{version}"));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(asset), text).unwrap();
        let sum = Command::new("sha256sum").arg(asset).current_dir(&dir).output().unwrap().stdout;
        let mut sums = fs::read_to_string(dir.join("SHA256SUMS")).unwrap_or_default();
        sums.push_str(&String::from_utf8(sum).unwrap());
        fs::write(dir.join("SHA256SUMS"), sums).unwrap();
    }

    fn set(mut self, name: &'static str, value: &str) -> Runner {
        self.env.retain(|(there, _)| *there != name);
        self.env.push((name, value.into()));
        self
    }

    fn step(&self) -> Step {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let output = Command::new("bash")
            .arg(root.join("action/run.sh"))
            .current_dir(self.path("work"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("GITHUB_ACTION_PATH", root)
            .env("GITHUB_OUTPUT", self.path("output"))
            .env("RUNNER_TEMP", self.path("temp"))
            .envs([("RUNNER_OS", "Linux"), ("RUNNER_ARCH", "X64")])
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        Step {
            code: output.status.code().unwrap_or(-1),
            text: String::from_utf8_lossy(&text).into_owned(),
            outputs: fs::read_to_string(self.path("output")).unwrap_or_default(),
        }
    }
}

#[track_caller]
fn assert_refused(step: &Step, why: &str) {
    assert_eq!(step.code, 2, "{}", step.text);
    assert!(step.text.contains("::error title=mlgate::") && step.text.contains(why), "{}", step.text);
    assert_eq!(step.outputs, "", "mlgate was not run");
}

#[test]
fn a_verified_binary_is_run_with_the_inputs_as_words() {
    let Some(runner) = Runner::new() else { return };
    let runner = runner
        .set("INPUT_STAGES", "data  quality\nimage,latency")
        .set("INPUT_CONFIG", "$(touch pwned) x.yaml")
        .set("INPUT_WORKING_DIRECTORY", "model dir")
        .set("INPUT_DRY_RUN", "true");
    let step = runner.step();
    assert_eq!(step.code, 0, "{}", step.text);
    let words: Vec<&str> = step.text.lines().filter_map(|line| line.strip_prefix("word=")).collect();
    let stages = ["run", "data", "quality", "image", "latency", "--dry-run", "--config", "$(touch pwned) x.yaml"];
    assert_eq!(words, stages);
    assert!(step.text.trim_end().ends_with("work/model dir"), "{}", step.text);
    assert_eq!(step.outputs, "decision=cleared\n");
    assert!(!runner.path("work/pwned").exists() && !runner.path("work/model dir/pwned").exists());
}

#[test]
fn the_exit_code_is_mlgates() {
    let Some(runner) = Runner::new() else { return };
    let runner = runner.set("INPUT_COMMAND", "promote").set("INPUT_ENVIRONMENT", "prod").set("EXIT", "3");
    let step = runner.set("RUNNER_ARCH", "ARM64").step();
    assert_eq!(step.code, 3, "{}", step.text);
    assert!(step.text.starts_with("word=promote\nword=prod\n"), "{}", step.text);
}

#[test]
fn a_binary_that_is_there_is_used() {
    let Some(runner) = Runner::new() else { return };
    let path = runner.path("work/own");
    fs::write(&path, BINARY).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let runner = runner.set("INPUT_DOWNLOAD_URL", "file:///nowhere").set("INPUT_WORKING_DIRECTORY", "model dir");
    for given in ["own", path.to_str().unwrap()] {
        let runner = Runner { dir: tempfile::tempdir().unwrap(), env: runner.env.clone() };
        fs::create_dir_all(runner.path("work/model dir")).unwrap();
        fs::copy(&path, runner.path("work/own")).unwrap();
        let step = runner.set("INPUT_BINARY", given).step();
        assert_eq!(step.code, 0, "{}", step.text);
        assert_eq!(step.outputs, "decision=cleared\n");
    }
    assert_refused(&runner.set("INPUT_BINARY", "missing").step(), "there is no program at ");
}

#[test]
fn what_is_not_as_its_release_states_is_not_run() {
    let Some(runner) = Runner::new() else { return };
    let runner = runner.set("INPUT_SHA256", &"0".repeat(64));
    assert_refused(&runner.step(), "but the input 'sha256' is 0000");
    let runner = runner.set("INPUT_SHA256", "");
    fs::write(runner.path("releases/v9.9.9/mlgate-linux-x86_64"), "#!/bin/sh\necho tampered").unwrap();
    assert_refused(&runner.step(), "but its release states ");
    fs::write(runner.path("releases/v9.9.9/SHA256SUMS"), format!("{}  other\n", "0".repeat(64))).unwrap();
    assert_refused(&runner.step(), "states no SHA-256 for mlgate-linux-x86_64");
    fs::remove_file(runner.path("releases/v9.9.9/SHA256SUMS")).unwrap();
    assert_refused(&runner.step(), "cannot download ");
}

#[test]
fn a_release_without_the_asset_is_said() {
    let Some(runner) = Runner::new() else { return };
    fs::remove_file(runner.path("releases/v9.9.9/mlgate-linux-x86_64")).unwrap();
    assert_refused(&runner.step(), "releases/v9.9.9/mlgate-linux-x86_64");
}

#[test]
fn the_version_is_the_actions_own_unless_said() {
    let Some(runner) = Runner::new() else { return };
    runner.release(env!("CARGO_PKG_VERSION"), "mlgate-linux-x86_64", BINARY);
    let step = runner.set("INPUT_VERSION", "").step();
    assert_eq!(step.code, 0, "{}", step.text);
}

#[test]
fn unclear_inputs_end_the_step() {
    let rows = [
        ("INPUT_VERSION", "latest", "'latest' is no version"),
        ("INPUT_VERSION", "9.9.9/../x", "is no version"),
        ("INPUT_COMMAND", "render; id", "it can be run, check or promote"),
        ("INPUT_COMMAND", "promote", "needs the input 'environment'"),
        ("INPUT_DRY_RUN", "yes", "it can be true or false"),
        ("INPUT_STAGES", "data --record=/etc/x", "'--record=/etc/x' is no name of a stage"),
        ("INPUT_WORKING_DIRECTORY", "missing", "there is no folder missing"),
        ("INPUT_DOWNLOAD_URL", "http://127.0.0.1:1", "cannot download "),
        ("RUNNER_ARCH", "X86", "no mlgate binary for X86 runners"),
        ("RUNNER_OS", "Windows", "mlgate runs on Linux runners"),
    ];
    for (name, value, why) in rows {
        let Some(runner) = Runner::new() else { return };
        assert_refused(&runner.set(name, value).step(), why);
    }
    let Some(runner) = Runner::new() else { return };
    assert_refused(&runner.set("INPUT_DOWNLOAD_URL", "").step(), "which repository's releases");
}
