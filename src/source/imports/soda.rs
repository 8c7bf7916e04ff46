//! Scan results of Soda 3: `soda scan -srf FILE`. Soda 4 writes no such file.

use super::ImportedCheck;
use super::json::{list, number, show, text};
use crate::model::{Outcome, Severity};
use serde_json::Value;
use std::collections::BTreeSet;

/// The checks of a scan. What the scan says of itself as a whole is a check of its own where no single one accounts
/// for it: an error leaves Soda with fewer results, or none.
///
/// # Errors
/// When the file is no scan result.
pub fn checks(file: &Value) -> Result<Vec<ImportedCheck>, String> {
    let flag = |key: &str| {
        let flag = file.get(key).and_then(Value::as_bool);
        flag.ok_or_else(|| format!("it is no scan result of Soda 3: it has no `{key}`"))
    };
    let (errors, failures, warnings) = (flag("hasErrors")?, flag("hasFailures")?, flag("hasWarnings")?);
    let results = list(file, "checks")?;
    let tables: BTreeSet<&str> = results.iter().filter_map(|result| text(result, "table")).collect();
    let mut found: Vec<ImportedCheck> =
        results.iter().enumerate().map(|(i, result)| check(i, result, tables.len() > 1)).collect();
    let has = |outcome, severity| found.iter().any(|check| (check.outcome, check.severity) == (outcome, severity));
    let missing = match () {
        () if errors => Some(first_error(file)),
        () if not_evaluated(file).is_some() => not_evaluated(file),
        () if failures && !has(Outcome::Failed, Severity::Block) => {
            Some("the scan has failures, but none of its checks has".to_string())
        }
        () if warnings && !has(Outcome::Failed, Severity::Warn) => {
            Some("the scan has warnings, but none of its checks has".to_string())
        }
        () => None,
    };
    found.extend(missing.map(|why| ImportedCheck::new("scan".into(), Outcome::Errored, why)));
    Ok(found)
}

/// Checks that could not be evaluated, such as the mean of no rows, are not among the results: only the log counts
/// them.
fn not_evaluated(file: &Value) -> Option<String> {
    let mut said = logs(file).iter().filter_map(|log| text(log, "message"));
    said.find(|words| words.contains(" not evaluated.")).map(|words| format!("Soda says: {words}"))
}

fn first_error(file: &Value) -> String {
    let error = logs(file).iter().find(|log| text(log, "level") == Some("error")).and_then(|log| text(log, "message"));
    format!("the scan had errors: {}", error.unwrap_or("its log does not say which"))
}

fn logs(file: &Value) -> &[Value] {
    file.get("logs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn check(index: usize, result: &Value, with_table: bool) -> ImportedCheck {
    let name = match (text(result, "name").or_else(|| text(result, "definition")), text(result, "table")) {
        (Some(name), Some(table)) if with_table => format!("{table}: {name}"),
        (Some(name), _) => name.to_string(),
        (None, _) => format!("check {}", index + 1),
    };
    let mut check = ImportedCheck::new(name, Outcome::Errored, String::new());
    check.columns.extend(text(result, "column").map(str::to_string));
    let diagnostics = result.get("diagnostics").unwrap_or(&Value::Null);
    let value = diagnostics.get("value").and_then(number);
    match result.get("outcome") {
        Some(Value::String(word)) => match word.as_str() {
            "pass" => check.outcome = Outcome::Passed,
            "warn" => (check.outcome, check.severity) = (Outcome::Failed, Severity::Warn),
            "fail" => check.outcome = Outcome::Failed,
            other => return check.errored(format!("its outcome {other:?} is none of pass, warn and fail")),
        },
        Some(Value::Null) => return check.errored("Soda did not evaluate it"),
        _ => return check.errored("it has no outcome"),
    }
    if value.is_some_and(|value| !value.is_finite()) {
        return check.errored("its value is no finite number");
    }
    check.value = value;
    check.message = message(diagnostics);
    check
}

/// `found 25; fails when > 50; warns when > 1`
fn message(diagnostics: &Value) -> String {
    let mut parts = Vec::new();
    match (diagnostics.get("value"), text(diagnostics, "valueLabel")) {
        (Some(value), _) => parts.push(format!("found {}", show(value))),
        (None, Some(label)) => parts.push(label.to_string()),
        (None, None) => {}
    }
    for (key, verb) in [("fail", "fails"), ("warn", "warns")] {
        let bounds: Vec<String> = diagnostics.get(key).and_then(Value::as_object).map(bounds).unwrap_or_default();
        if !bounds.is_empty() {
            parts.push(format!("{verb} when {}", bounds.join(" or ")));
        }
    }
    if parts.is_empty() { "Soda says no more of it".into() } else { parts.join("; ") }
}

fn bounds(of: &serde_json::Map<String, Value>) -> Vec<String> {
    let sign = |key: &str| match key {
        "greaterThan" => ">".to_string(),
        "greaterThanOrEqual" => ">=".to_string(),
        "lessThan" => "<".to_string(),
        "lessThanOrEqual" => "<=".to_string(),
        other => other.to_string(),
    };
    of.iter().filter(|(_, bound)| bound.is_number()).map(|(k, bound)| format!("{} {bound}", sign(k))).collect()
}
