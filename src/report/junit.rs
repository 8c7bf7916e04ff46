//! JUnit XML: a test suite for each stage, a test case for each verdict, for the test tabs of CI systems.

use super::figures::{Figures, NONE};
use super::text::one_line;
use super::{advice, is_check, label, outcome};
use crate::record::wire::{Record, Stage, Verdict};
use junit_report::{Duration, OffsetDateTime, ReportBuilder, TestCase, TestCaseBuilder, TestSuite, TestSuiteBuilder};
use std::collections::HashSet;

/// A blocking verdict is a failure, an errored one an error, a skipped one skipped; all else succeeds, and what
/// only warns says so on its standard output.
pub fn render(record: &Record) -> String {
    let mut report = ReportBuilder::new();
    let checks = super::check_ids(record);
    for (stage, verdicts) in super::stages(record) {
        report.add_testsuite(suite(record, &stage, &verdicts, &checks));
    }
    let mut xml = Vec::new();
    match report.build().write_xml(&mut xml) {
        Ok(()) => String::from_utf8_lossy(&xml).into_owned() + "\n",
        // Writing to memory does not fail; were it to, an XML reader must not take this for a passed run.
        Err(why) => format!("mlgate could not write JUnit XML: {why}\n"),
    }
}

fn suite(record: &Record, stage: &Stage, verdicts: &[&Verdict], checks: &HashSet<&str>) -> TestSuite {
    // A stage is timed as a whole; its verdicts share the time, so that the suite's sum is the stage's.
    let seconds = std::time::Duration::try_from_secs_f64(stage.seconds).unwrap_or_default();
    let share = seconds / u32::try_from(verdicts.len().max(1)).unwrap_or(u32::MAX);
    let share = Duration::try_from(share).unwrap_or_default();
    let name = format!("{}.{}", xml(&record.run.model, 100), xml(&stage.name, 100));
    let mut suite = TestSuiteBuilder::new(&name);
    suite.set_timestamp(started(record));
    for verdict in verdicts {
        let label = xml(&label(verdict, is_check(checks, verdict)), 300);
        suite.add_testcase(case(verdict, &label, &name, share));
    }
    if !stage.notes.is_empty() {
        let notes: Vec<String> = stage.notes.iter().map(|note| xml(note, 1000)).collect();
        suite.set_system_out(&notes.join("\n"));
    }
    suite.build()
}

fn case(verdict: &Verdict, name: &str, class: &str, time: Duration) -> TestCase {
    let reason = xml(&verdict.reason, 2000);
    let mut case = match outcome(&verdict.outcome) {
        "errored" => TestCaseBuilder::error(name, time, "errored", &reason),
        "skipped" => TestCaseBuilder::skipped_with_cause(name, "skipped", &reason),
        outcome if verdict.blocking => TestCaseBuilder::failure(name, time, outcome, &reason),
        outcome => {
            let mut case = TestCaseBuilder::success(name, time);
            if outcome != "passed" {
                case.set_system_out(&format!("{outcome}: {reason}"));
            }
            case
        }
    };
    case.set_trace(&details(verdict)).set_classname(class).build()
}

fn details(verdict: &Verdict) -> String {
    let Figures { value, baseline, difference, interval } = Figures::of(verdict);
    let mut lines = vec![];
    for (name, figure) in [("value", value), ("baseline", baseline), ("difference", difference), ("interval", interval)]
    {
        if figure != NONE {
            lines.push(format!("{name}: {figure}"));
        }
    }
    lines.extend(verdict.n.map(|n| format!("n: {n}")));
    lines.push(format!("source: {}", xml(&verdict.source, 500)));
    lines.extend(verdict.method.iter().map(|m| format!("method: {}", xml(m, 500))));
    lines.extend(verdict.examples.iter().take(20).map(|e| format!("example: {}", xml(e, 500))));
    lines.extend(advice(verdict));
    lines.join("\n")
}

/// Text that XML 1.0 can hold, also inside CDATA. Attribute values are escaped by the writer.
fn xml(text: &str, most: usize) -> String {
    one_line(text, most).replace("]]>", "]] >").replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// When the run started; the epoch when the record does not say so in RFC 3339.
fn started(record: &Record) -> OffsetDateTime {
    let seconds = chrono::DateTime::parse_from_rfc3339(&record.run.started).map_or(0, |time| time.timestamp());
    // JUnit's writer formats in RFC 3339, which has four digits for the year.
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .filter(|time| (0..=9999).contains(&time.year()))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
