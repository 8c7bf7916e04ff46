//! Evidently's JSON: of a report with tests (0.7: `tests` and `metrics` side by side) and of a test suite (up to 0.6:
//! `tests` with a `summary`).

use super::ImportedCheck;
use super::json::{count, list, number, text};
use crate::model::{Outcome, Severity};
use serde_json::Value;

/// The tests of a report. Metrics alone have no verdict, and are no checks.
///
/// # Errors
/// When there are no tests, fewer than the summary counts, or none failed of a suite that says that it failed.
pub fn checks(file: &Value) -> Result<Vec<ImportedCheck>, String> {
    let has_metrics = file.get("metrics").is_some();
    let tests = match list(file, "tests") {
        Ok([]) | Err(_) if has_metrics => {
            return Err(
                "it holds metrics but no tests: give the report `include_tests=True`, or its metrics tests".into()
            );
        }
        other => other?,
    };
    let metrics = file.get("metrics").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let found: Vec<ImportedCheck> = tests.iter().enumerate().map(|(i, test)| check(i, test, metrics)).collect();
    if let Some(summary) = file.get("summary") {
        let total = count(summary, "total_tests");
        if let Some(total) = total.filter(|total| *total != tests.len() as u64) {
            return Err(format!("{total} tests were run, but the file holds {}", tests.len()));
        }
        let all_hold = found.iter().all(|check| check.outcome == Outcome::Passed);
        if summary.get("all_passed") == Some(&Value::Bool(false)) && all_hold {
            return Err("its summary says that not all tests passed, but all of them did".into());
        }
    }
    Ok(found)
}

fn check(index: usize, test: &Value, metrics: &[Value]) -> ImportedCheck {
    let column = [test.get("metric_config").and_then(|config| config.get("params")), test.get("parameters")]
        .into_iter()
        .flatten()
        .find_map(|of| text(of, "column").or_else(|| text(of, "column_name")));
    let name = match (text(test, "name"), column) {
        // Test suites name all columns alike; what is said of one names it between asterisks.
        (Some(name), None) => match text(test, "description").and_then(starred) {
            Some(column) if !name.contains(column) => format!("{name} ({column})"),
            _ => name.to_string(),
        },
        (Some(name), Some(column)) if !name.contains(column) => format!("{name} ({column})"),
        (Some(name), Some(_)) => name.to_string(),
        (None, _) => format!("test {}", index + 1),
    };
    let mut check = ImportedCheck::new(name, Outcome::Errored, String::new());
    check.columns.extend(column.or_else(|| text(test, "description").and_then(starred)).map(str::to_string));
    let said = text(test, "description").unwrap_or("Evidently says no more of it").replace("**", "");
    check.outcome = match test.get("status").and_then(Value::as_str) {
        Some("SUCCESS") => Outcome::Passed,
        Some("FAIL") => Outcome::Failed,
        Some("WARNING") => {
            check.severity = Severity::Warn;
            Outcome::Failed
        }
        Some("ERROR") => return check.errored(format!("Evidently could not run it: {said}")),
        Some("SKIPPED") => return check.errored(format!("Evidently skipped it: {said}")),
        Some(other) => return check.errored(format!("its status {other:?} is none that is known")),
        None => return check.errored("it has no status"),
    };
    match value(test, metrics) {
        Some(value) if !value.is_finite() => return check.errored("its value is no finite number"),
        value => check.value = value,
    }
    check.message = said;
    check
}

/// The number that was tested. Of a metric that is a count and a share, the test says which of them it is about.
fn value(test: &Value, metrics: &[Value]) -> Option<f64> {
    if let Some(parameters) = test.get("parameters") {
        return number(parameters.get("value").or_else(|| parameters.get("score"))?);
    }
    let id = text(test.get("metric_config")?, "metric_id")?;
    let value = metrics.iter().find(|metric| text(metric, "id") == Some(id))?.get("value")?;
    let is_count = test.get("bound_test").and_then(|bound| bound.get("is_count")).and_then(Value::as_bool);
    match is_count {
        Some(is_count) => number(value.get(if is_count { "count" } else { "share" })?),
        None => number(value),
    }
}

/// `age` of `the column **age** has 3`.
fn starred(description: &str) -> Option<&str> {
    let after = description.split_once("column **")?.1;
    Some(after.split_once("**")?.0).filter(|name| !name.is_empty())
}
