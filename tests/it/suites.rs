//! The tests stage with real commands.

use crate::support::{self, config, context};
use mlgate::config::{Config, Suite};
use mlgate::model::{Check, Evidence, Outcome, Severity, Unit};
use mlgate::stage::suites;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn suite(run: &str, junit: Option<&str>) -> Suite {
    let (name, timeout) = ("unit".into(), Duration::from_secs(60));
    Suite { name, run: run.into(), junit: junit.map(PathBuf::from), timeout, severity: Severity::Block }
}

async fn run(root: &Path, suites: &[Suite]) -> Evidence {
    let config = Config { tests: suites.to_vec(), ..config() };
    let ctx = context(&config, root);
    suites::run(&ctx, suites).await
}

async fn check(root: &Path, suite: Suite) -> Check {
    let evidence = run(root, &[suite]).await;
    assert!(evidence.faults.is_empty() && evidence.checks.len() == 1, "{evidence:?}");
    evidence.checks.into_iter().next().unwrap()
}

/// A shell command that writes such a file.
fn writes(cases: &str) -> String {
    format!(
        "mkdir -p out; cat > out/unit.xml <<'END'\n<testsuites><testsuite name='s'>{cases}</testsuite></testsuites>\nEND"
    )
}

const PASSED: &str = "<testcase classname='tests.test_model' name='test_shape'/>";
const FAILED: &str = "<testcase classname='tests.test_model' name='test_score'><failure message='assert 0.71 &gt; 0.8&#10;at line 9'/></testcase>";
const SKIPPED: &str = "<testcase name='test_gpu'><skipped/></testcase>";

#[tokio::test]
async fn a_suite_that_passes_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let evidence = run(dir.path(), &[suite(&writes(&[PASSED, PASSED, SKIPPED].concat()), Some("out/unit.xml"))]).await;
    let check = &evidence.checks[0];
    assert_eq!((check.outcome, check.id.as_str()), (Outcome::Passed, "tests.unit"));
    assert_eq!((check.message.as_str(), check.n), ("2 tests passed, 1 skipped", Some(2)));
    let found: Vec<_> = evidence.measurements.iter().map(|m| (m.id.as_str(), m.unit)).collect();
    let counts = ["passed", "failed", "skipped"].map(|name| (format!("tests.unit.{name}"), Unit::Count));
    assert_eq!(found[0], ("tests.unit.duration", Unit::Seconds));
    assert_eq!(found[1..], counts.each_ref().map(|(id, unit)| (id.as_str(), *unit)));
    let values: Vec<_> = evidence.measurements[1..].iter().map(|m| (m.value, m.n)).collect();
    assert_eq!(values, [(2.0, Some(3)), (0.0, Some(3)), (1.0, Some(3))]);
}

#[tokio::test]
async fn a_failing_suite_names_its_tests_and_the_next_one_runs() {
    let dir = tempfile::tempdir().unwrap();
    let failing = suite(&format!("{}\nexit 1", writes(&[PASSED, FAILED].concat())), Some("out/unit.xml"));
    let next = Suite { name: "lint".into(), ..suite("true", None) };
    let evidence = run(dir.path(), &[failing, next]).await;
    let [first, second] = &evidence.checks[..] else { panic!("{evidence:?}") };
    assert_eq!((first.outcome, first.value), (Outcome::Failed, Some(1.0)));
    assert_eq!(first.message, "exit code 1; 1 of 2 tests failed");
    assert_eq!(first.examples, ["tests.test_model.test_score: assert 0.71 > 0.8"]);
    assert_eq!((second.outcome, second.id.as_str()), (Outcome::Passed, "tests.lint"));
}

#[tokio::test]
async fn exit_0_alone_does_not_pass_with_junit() {
    let dir = tempfile::tempdir().unwrap();
    let rows = [
        (writes(&[PASSED, FAILED].concat()), Outcome::Failed, "1 of 2 tests failed"),
        (writes(SKIPPED), Outcome::Failed, "all 1 were skipped"),
        (writes(""), Outcome::Errored, "no test in it"),
        ("true".into(), Outcome::Errored, "there is no such file"),
        (
            "mkdir -p out; echo '<testsuites><testsuite>' > out/unit.xml".into(),
            Outcome::Errored,
            "line 1: the file ends",
        ),
        ("mkdir -p out; : > out/unit.xml".into(), Outcome::Errored, "the file is empty"),
        ("rm -f out/unit.xml; mkdir -p out/unit.xml".into(), Outcome::Errored, "no regular file"),
    ];
    for (command, outcome, message) in rows {
        let found = check(dir.path(), suite(&command, Some("out/unit.xml"))).await;
        assert_eq!(found.outcome, outcome, "{command}: {}", found.message);
        assert!(found.message.contains(message), "{command}: {}", found.message);
    }
}

#[tokio::test]
async fn the_junit_of_an_earlier_run_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    check(dir.path(), suite(&writes(PASSED), Some("out/unit.xml"))).await;
    assert!(dir.path().join("out/unit.xml").exists());
    let found = check(dir.path(), suite("true", Some("out/unit.xml"))).await;
    assert_eq!(found.outcome, Outcome::Errored);
}

#[tokio::test]
async fn a_junit_path_that_is_no_output_keeps_the_command_from_running() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("repo");
    std::fs::create_dir_all(root.join("out")).unwrap();
    std::fs::write(dir.path().join("mine.xml"), "mine").unwrap();
    for (junit, why) in [("../mine.xml", "outside"), ("out", "it is a folder"), ("/etc/mine.xml", "outside")] {
        let found = check(&root, suite("touch ran", Some(junit))).await;
        assert_eq!(found.outcome, Outcome::Errored);
        assert!(found.message.contains(why), "{}", found.message);
    }
    assert!(!root.join("ran").exists() && dir.path().join("mine.xml").exists());
}

#[tokio::test]
async fn every_end_of_a_command_has_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let rows = [
        ("echo one; echo two >&2; exit 3", Outcome::Failed, "exit code 3"),
        ("no-such-command-here", Outcome::Errored, "exit code 127: command not found"),
        ("kill -SEGV $$", Outcome::Errored, "killed by SIGSEGV"),
        ("sh -c 'kill -9 $$'; exit $?", Outcome::Errored, "exit code 137: killed by SIGKILL"),
        ("./folder", Outcome::Errored, "exit code 126"),
    ];
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    for (command, outcome, message) in rows {
        let found = check(dir.path(), suite(command, None)).await;
        assert_eq!(found.outcome, outcome, "{command}: {}", found.message);
        assert!(found.message.contains(message), "{command}: {}", found.message);
    }
    let mut examples = check(dir.path(), suite("echo one; echo two >&2; exit 3", None)).await.examples;
    examples.sort();
    assert_eq!(examples, ["one", "two"], "without JUnit the last lines of the output tell");
}

#[tokio::test]
async fn a_suite_that_hangs_is_ended_with_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let hanging = suite("sleep 600 & echo $! > pid; echo waiting; wait", Some("out/unit.xml"));
    let found = check(dir.path(), Suite { timeout: Duration::from_millis(500), ..hanging }).await;
    assert_eq!(found.outcome, Outcome::Errored);
    assert!(found.message.contains("timed out: not finished within 500 ms"), "{}", found.message);
    assert_eq!(found.examples, ["waiting"]);
    assert!(!is_running(dir.path()));
}

#[tokio::test]
async fn a_cancelled_suite_ends_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let suites = [suite("sleep 600 & echo $! > pid.new; mv pid.new pid; wait", None)];
    {
        let running = run(dir.path(), &suites);
        tokio::pin!(running);
        while !dir.path().join("pid").exists() {
            assert!(tokio::time::timeout(Duration::from_millis(20), &mut running).await.is_err());
        }
        assert!(is_running(dir.path()));
    }
    assert!(!is_running(dir.path()));
}

fn is_running(dir: &Path) -> bool {
    let pid = std::fs::read_to_string(dir.join("pid")).expect("the command has started");
    // A zombie has no command line.
    std::fs::read(format!("/proc/{}/cmdline", pid.trim())).is_ok_and(|line| !line.is_empty())
}

/// What Python's own test runner prints is no JUnit: the exit code alone must do, and does.
#[tokio::test]
async fn a_real_test_runner_without_junit() {
    if !support::has("python3") {
        return support::skipped("python3 is not there");
    }
    let dir = tempfile::tempdir().unwrap();
    let case =
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(1, ONE)\n";
    std::fs::write(dir.path().join("test_a.py"), format!("ONE = 1\n{case}")).unwrap();
    let found = check(dir.path(), suite("python3 -m unittest", None)).await;
    assert_eq!((found.outcome, found.message.as_str()), (Outcome::Passed, "exit code 0"));
    std::fs::write(dir.path().join("test_a.py"), format!("ONE = 2\n{case}")).unwrap();
    let found = check(dir.path(), suite("PYTHONDONTWRITEBYTECODE=1 python3 -B -m unittest", None)).await;
    assert_eq!(found.outcome, Outcome::Failed, "{found:?}");
    assert!(found.examples.iter().any(|line| line.contains("FAILED (failures=1)")), "{:?}", found.examples);
}
