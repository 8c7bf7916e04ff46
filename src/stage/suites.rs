//! The tests stage: commands run, their JUnit read back. Exit code and JUnit must both say that all is well; where
//! they disagree the sterner wins. A run in which no test was executed has not passed.

use super::Context;
use crate::config::Suite;
use crate::model::{Check, Evidence, Fault, Measurement, Outcome, Unit};
use crate::process::{self, Ended, Finished, plain};
use crate::source::junit::{self, Summary};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Of a command's output, how many last lines stand in for test names where there are none.
const LINES_SHOWN: usize = 5;

/// Runs the suites one after another. A suite that fails does not keep the next from running: the reader gets to
/// know all that is wrong at once.
pub async fn run(ctx: &Context<'_>, suites: &[Suite]) -> Evidence {
    let mut evidence = Evidence::default();
    for suite in suites {
        match prepare(ctx.root, suite) {
            Ok(junit) => run_one(ctx, suite, junit, &mut evidence).await,
            Err(fault) => evidence.checks.push(errored(suite, fault)),
        }
    }
    evidence
}

async fn run_one(ctx: &Context<'_>, suite: &Suite, junit: Option<PathBuf>, evidence: &mut Evidence) {
    let what = format!("run the tests `{}`", suite.name);
    let progress = ctx.ui.progress(&format!("tests {}", suite.name), None);
    let show = |line: &str| {
        let line = plain(line);
        progress.message(&format!("tests {}: {line}", suite.name));
        // The bar keeps the line from being taken for a command to the CI system.
        ctx.ui.say(&format!("  | {line}"));
    };
    let finished = match process::shell(&suite.run, ctx.root, &[]) {
        Ok(group) => group.finish(suite.timeout, show).await,
        Err(error) => Err(error),
    };
    let finished = match finished {
        Ok(finished) => finished,
        Err(error) => return evidence.checks.push(errored(suite, Fault::new(what, error, ""))),
    };
    let summary = junit.map(|path| junit::read(&path));
    let source = format!("tests.{}", suite.name);
    let mut add = |name: &str, value: f64, unit: Unit, n: Option<u64>| {
        let measurement = Measurement::new(format!("{source}.{name}"), value, unit, source_of(suite));
        evidence.measurements.push(Measurement { n, ..measurement });
    };
    add("duration", finished.seconds, Unit::Seconds, None);
    if let Some(Ok(summary)) = &summary {
        let n = Some(summary.executed() + summary.skipped);
        add("passed", summary.passed as f64, Unit::Count, n);
        add("failed", summary.failed as f64, Unit::Count, n);
        add("skipped", summary.skipped as f64, Unit::Count, n);
    }
    evidence.checks.push(judge(suite, &finished, summary));
}

/// Where the JUnit file will be; an old one is removed, so that it cannot speak for this run.
fn prepare(root: &Path, suite: &Suite) -> Result<Option<PathBuf>, Fault> {
    let Some(junit) = &suite.junit else { return Ok(None) };
    let what = format!("make way for the JUnit file {}", junit.display());
    let hint = "`junit` names a file inside the folder of mlops.yaml, which the command writes";
    let fault = |why: String| Fault::new(&what, why, hint);
    let path = root.join(junit);
    if junit.as_os_str().is_empty() || path.file_name().is_none() {
        return Err(fault("it is no file name".into()));
    }
    let outside = || fault("it lies outside of that folder".into());
    // The folder may not be there yet, so look at the nearest one that is: links in it must not lead outside.
    let root = root.canonicalize().map_err(|e| fault(e.to_string()))?;
    let there = path.ancestors().skip(1).find(|folder| folder.exists()).ok_or_else(outside)?;
    let there = there.canonicalize().map_err(|e| fault(e.to_string()))?;
    let climbs = junit.components().any(|part| part == std::path::Component::ParentDir);
    if climbs || !there.starts_with(&root) {
        return Err(outside());
    }
    match std::fs::symlink_metadata(&path) {
        Ok(meta) if meta.is_dir() => Err(fault("it is a folder".into())),
        Ok(_) => std::fs::remove_file(&path).map_err(|e| fault(format!("the old file cannot be removed: {e}"))),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound) => Ok(()),
        Err(error) => Err(fault(error.to_string())),
    }?;
    Ok(Some(path))
}

/// Exit code and JUnit → the check.
fn judge(suite: &Suite, finished: &Finished, summary: Option<Result<Summary, Fault>>) -> Check {
    let failed = summary.as_ref().and_then(|s| s.as_ref().ok()).map_or(0, |s| s.failed);
    let (outcome, message) = match finished.ended {
        Ended::Exited(0) => judge_junit(suite, summary.as_ref()),
        Ended::TimedOut => {
            let limit = Unit::Seconds.show(suite.timeout.as_secs_f64());
            (Outcome::Errored, format!("timed out: not finished within {limit}, so it was ended; raise `timeout`"))
        }
        Ended::Exited(127) => {
            (Outcome::Errored, "exit code 127: command not found; is it installed and on the PATH?".into())
        }
        Ended::Exited(126) => (Outcome::Errored, "exit code 126: the command cannot be executed".into()),
        Ended::Signalled(_) => (Outcome::Errored, finished.ended.in_words()),
        ended if ended.signal().is_some() => (Outcome::Errored, ended.in_words()),
        ended => (Outcome::Failed, ended.in_words()),
    };
    // Whatever kept the command from ending well, a test that is known to have failed has failed.
    let outcome = if failed > 0 { Outcome::Failed } else { outcome };
    let message = match &summary {
        _ if finished.ended == Ended::Exited(0) => message,
        Some(Ok(summary)) => format!("{message}; {}", counts(summary)),
        Some(Err(fault)) => format!("{message}; JUnit: {}", fault.why),
        None => message,
    };
    let mut examples: Vec<String> = match &summary {
        Some(Ok(summary)) => summary.failures.iter().map(example).collect(),
        _ => Vec::new(),
    };
    if examples.is_empty() && outcome != Outcome::Passed {
        let lines: Vec<String> = finished.tail.iter().map(|line| plain(line)).filter(|l| !l.is_empty()).collect();
        examples = lines[lines.len().saturating_sub(LINES_SHOWN)..].to_vec();
    }
    let summary = summary.and_then(Result::ok);
    Check {
        value: summary.as_ref().map(|summary| summary.failed as f64),
        n: summary.as_ref().map(Summary::executed),
        examples,
        ..check(suite, outcome, message)
    }
}

/// What JUnit adds when the command itself says that all is well.
fn judge_junit(suite: &Suite, summary: Option<&Result<Summary, Fault>>) -> (Outcome, String) {
    let file = suite.junit.as_deref().unwrap_or(Path::new("")).display();
    match summary {
        None => (Outcome::Passed, "exit code 0".into()),
        Some(Err(fault)) => (Outcome::Errored, format!("exit code 0, but {file} is not to be had: {}", fault.why)),
        Some(Ok(s)) if s.failed > 0 => (Outcome::Failed, format!("exit code 0, but in {file} {}", counts(s))),
        Some(Ok(s)) if s.executed() == 0 && s.skipped > 0 => {
            (Outcome::Failed, format!("no test was executed: all {} were skipped", s.skipped))
        }
        Some(Ok(s)) if s.executed() == 0 => (Outcome::Errored, format!("{file} has no test in it")),
        Some(Ok(s)) => (Outcome::Passed, counts(s)),
    }
}

/// `2 of 40 tests failed, 3 skipped`
fn counts(summary: &Summary) -> String {
    let executed = Unit::Count.show(summary.executed() as f64);
    let mut words = match summary.failed {
        0 => format!("{executed} {} passed", if summary.executed() == 1 { "test" } else { "tests" }),
        failed => format!("{} of {executed} tests failed", Unit::Count.show(failed as f64)),
    };
    if summary.skipped > 0 {
        words.push_str(&format!(", {} skipped", Unit::Count.show(summary.skipped as f64)));
    }
    words
}

fn example(failure: &junit::Failure) -> String {
    match failure.message.is_empty() {
        true => failure.name.clone(),
        false => format!("{}: {}", failure.name, failure.message),
    }
}

fn errored(suite: &Suite, fault: Fault) -> Check {
    check(suite, Outcome::Errored, fault.to_string())
}

fn check(suite: &Suite, outcome: Outcome, message: String) -> Check {
    let id = format!("tests.{}", suite.name);
    Check { severity: suite.severity, outcome, message, ..Check::new(id, &suite.run, source_of(suite)) }
}

fn source_of(suite: &Suite) -> String {
    match &suite.junit {
        Some(junit) => format!("exit code and {}", junit.display()),
        None => "exit code".into(),
    }
}

#[cfg(test)]
mod unit {
    use super::*;
    use crate::model::Severity;
    use std::time::Duration;

    fn suite(junit: Option<&str>) -> Suite {
        let (name, run, timeout) = ("unit".into(), "pytest".into(), Duration::from_secs(600));
        Suite { name, run, junit: junit.map(PathBuf::from), timeout, severity: Severity::Block }
    }

    fn judged(ended: Ended, summary: Option<Result<Summary, Fault>>) -> (Outcome, String) {
        let finished = Finished { ended, tail: vec!["\u{1b}[31mBoom\u{1b}[0m\u{7}".into()], seconds: 1.0 };
        let check = judge(&suite(summary.as_ref().map(|_| "out/unit.xml")), &finished, summary);
        if check.outcome != Outcome::Passed {
            assert!(!check.examples.is_empty());
        }
        (check.outcome, check.message)
    }

    fn counted(passed: u64, failed: u64, skipped: u64) -> Option<Result<Summary, Fault>> {
        let failures = vec![junit::Failure { name: "t".into(), message: String::new() }; failed.min(5) as usize];
        Some(Ok(Summary { passed, failed, skipped, failures }))
    }

    #[test]
    fn exit_code_and_junit_must_agree_or_the_sterner_wins() {
        let absent = || Some(Err(Fault::new("read", "there is no such file", "")));
        let rows = [
            (Ended::Exited(0), None, Outcome::Passed, "exit code 0"),
            (Ended::Exited(0), counted(3, 0, 1), Outcome::Passed, "3 tests passed, 1 skipped"),
            (Ended::Exited(0), counted(3, 1, 0), Outcome::Failed, "1 of 4 tests failed"),
            (Ended::Exited(0), counted(0, 0, 4), Outcome::Failed, "all 4 were skipped"),
            (Ended::Exited(0), counted(0, 0, 0), Outcome::Errored, "no test in it"),
            (Ended::Exited(0), absent(), Outcome::Errored, "no such file"),
            (Ended::Exited(1), None, Outcome::Failed, "exit code 1"),
            (Ended::Exited(1), counted(3, 0, 0), Outcome::Failed, "exit code 1; 3 tests passed"),
            (Ended::Exited(1), absent(), Outcome::Failed, "exit code 1; JUnit: there is no such file"),
            (Ended::Exited(127), absent(), Outcome::Errored, "command not found"),
            (Ended::Exited(137), None, Outcome::Errored, "killed by SIGKILL"),
            (Ended::Exited(255), None, Outcome::Failed, "exit code 255"),
            (Ended::Signalled(11), counted(3, 0, 0), Outcome::Errored, "killed by SIGSEGV; 3 tests passed"),
            (Ended::Signalled(11), counted(3, 2, 0), Outcome::Failed, "killed by SIGSEGV; 2 of 5 tests failed"),
            (Ended::Signalled(40), None, Outcome::Errored, "killed by signal 40"),
            (Ended::TimedOut, absent(), Outcome::Errored, "not finished within 10 min"),
        ];
        for (ended, summary, outcome, message) in rows {
            let found = judged(ended, summary);
            assert_eq!(found.0, outcome, "{ended:?}: {}", found.1);
            assert!(found.1.contains(message), "{} has no {message}", found.1);
        }
    }

    #[test]
    fn only_an_old_file_inside_the_folder_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("repo");
        std::fs::create_dir_all(root.join("out/folder.xml")).unwrap();
        std::fs::write(dir.path().join("beside.xml"), "mine").unwrap();
        std::fs::write(root.join("out/old.xml"), "old").unwrap();
        std::os::unix::fs::symlink(dir.path(), root.join("link")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("beside.xml"), root.join("linked.xml")).unwrap();
        let outside = dir.path().join("beside.xml");
        for refused in [
            "../beside.xml",
            "out/../../beside.xml",
            "link/beside.xml",
            "out/folder.xml",
            "",
            "..",
            outside.to_str().unwrap(),
        ] {
            assert!(prepare(&root, &suite(Some(refused))).is_err(), "{refused}");
        }
        for accepted in ["out/old.xml", "new/folder/new.xml", "linked.xml"] {
            let path = prepare(&root, &suite(Some(accepted))).unwrap().unwrap();
            assert!(std::fs::symlink_metadata(path).is_err(), "{accepted} is still there");
        }
        assert_eq!(std::fs::read_to_string(outside).unwrap(), "mine");
    }
}
