//! Results of Great Expectations: of a validation (`results`), of a checkpoint as its result object is written in
//! 0.18 and 1.x (`run_results`), and as `describe()` writes it (`validation_results`).

use super::json::{count, list, number, show, text};
use super::{EXAMPLES, ImportedCheck};
use crate::model::{Outcome, Severity};
use serde_json::{Map, Value};

/// Arguments that name columns.
const COLUMNS: [&str; 5] = ["column", "column_A", "column_B", "column_list", "column_set"];

/// The results of all validations in the file.
///
/// # Errors
/// When the file has another shape, a validation has no results or fewer than it counts, or says that it failed
/// while all of its results hold.
pub fn checks(file: &Value) -> Result<Vec<ImportedCheck>, String> {
    let validations: Vec<&Value> = if file.get("results").is_some() {
        vec![file]
    } else if let Some(Value::Object(runs)) = file.get("run_results") {
        runs.values().map(|run| run.get("validation_result").unwrap_or(run)).collect()
    } else if file.get("validation_results").is_some() {
        list(file, "validation_results")?.iter().collect()
    } else {
        return Err("it has neither `results` nor `run_results` nor `validation_results`".into());
    };
    let mut found = Vec::new();
    for validation in &validations {
        let suite = text(validation, "suite_name")
            .or_else(|| text(validation.get("meta")?, "expectation_suite_name"))
            .unwrap_or("a validation");
        let own = of_validation(validation).map_err(|why| format!("{suite}: {why}"))?;
        found.extend(own.into_iter().map(|check| match validations.len() {
            1 => check,
            _ => ImportedCheck { name: format!("{suite}: {}", check.name), ..check },
        }));
    }
    let all_hold = found.iter().all(|check| check.outcome == Outcome::Passed);
    match file.get("success") {
        Some(Value::Bool(false)) if all_hold => Err("it says that it failed, but all of its results hold".into()),
        Some(Value::Bool(_)) => Ok(found),
        _ => Err("it does not say whether it succeeded: it has no `success`".into()),
    }
}

fn of_validation(validation: &Value) -> Result<Vec<ImportedCheck>, String> {
    let results = list(validation, if validation.get("results").is_some() { "results" } else { "expectations" })?;
    if results.is_empty() {
        return Err("it has no results".into());
    }
    let evaluated = validation.get("statistics").and_then(|of| count(of, "evaluated_expectations"));
    if let Some(evaluated) = evaluated.filter(|evaluated| *evaluated != results.len() as u64) {
        let held = results.len();
        return Err(format!("{evaluated} expectations were evaluated, but the file holds the results of {held}"));
    }
    Ok(results.iter().enumerate().map(|(i, result)| check(i, result)).collect())
}

fn check(index: usize, result: &Value) -> ImportedCheck {
    let config = result.get("expectation_config").unwrap_or(result);
    let kind = text(config, "type").or_else(|| text(config, "expectation_type"));
    let empty = Map::new();
    let arguments = config.get("kwargs").and_then(Value::as_object).unwrap_or(&empty);
    let name = kind.map_or_else(|| format!("result {}", index + 1), |kind| call(kind, arguments));
    let mut check = ImportedCheck::new(name, Outcome::Errored, String::new());
    check.columns = columns(arguments);
    // `info` is below a warning.
    if matches!(text(config, "severity"), Some("warning" | "info")) {
        check.severity = Severity::Warn;
    }
    if kind.is_none() {
        return check.errored("it does not name its expectation");
    }
    if let Some(message) = result.get("exception_info").and_then(raised) {
        return check.errored(format!("it ended in an exception: {message}"));
    }
    let Some(holds) = result.get("success").and_then(Value::as_bool) else {
        return check.errored("it does not say whether it holds: it has no `success`");
    };
    let details = result.get("result").unwrap_or(&Value::Null);
    if let Some(why) = nothing_behind(details) {
        return check.errored(why);
    }
    check.outcome = if holds { Outcome::Passed } else { Outcome::Failed };
    check.n = count(details, "element_count");
    check.value = details.get("unexpected_count").or_else(|| details.get("observed_value")).and_then(number);
    check.message = message(holds, details, arguments);
    if !holds {
        check.examples = examples(details, &check.columns);
    }
    check
}

/// Why a result cannot be believed, whatever its `success` is: it looked at nothing, or found no number.
fn nothing_behind(details: &Value) -> Option<&'static str> {
    let rows = count(details, "element_count");
    if rows == Some(0) {
        return Some("no rows: nothing was checked");
    }
    if rows.is_some() && rows == count(details, "missing_count") {
        return Some("nothing but nulls: nothing was checked");
    }
    let is_no_value = |value: &Value| value.is_null() || number(value).is_some_and(|number| !number.is_finite());
    let observed = details.get("observed_value")?;
    let inner = observed.get("values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    (is_no_value(observed) || inner.iter().any(is_no_value)).then_some("the observed value is no finite number")
}

/// The message of an exception. Where several metrics failed, each is under its own name.
fn raised(info: &Value) -> Option<String> {
    match info.get("raised_exception") {
        Some(Value::Bool(false) | Value::Null) => None,
        Some(_) => Some(text(info, "exception_message").unwrap_or("of which no more is said").to_string()),
        None => info.as_object()?.values().find_map(|inner| inner.is_object().then(|| raised(inner)).flatten()),
    }
}

/// `expect_column_values_to_be_between(age, max_value=120, min_value=0)`
fn call(kind: &str, arguments: &Map<String, Value>) -> String {
    let mut words: Vec<String> = arguments
        .iter()
        .filter(|(key, value)| *key != "batch_id" && *key != "column" && !value.is_null())
        .map(|(key, value)| format!("{key}={}", show(value)))
        .collect();
    words.sort();
    if let Some(column) = arguments.get("column") {
        words.insert(0, show(column));
    }
    format!("{kind}({})", words.join(", "))
}

fn columns(arguments: &Map<String, Value>) -> Vec<String> {
    let named = COLUMNS.iter().filter_map(|key| arguments.get(*key));
    let names = named.flat_map(|value| match value {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    });
    names.filter_map(Value::as_str).map(str::to_string).collect()
}

fn message(holds: bool, details: &Value, arguments: &Map<String, Value>) -> String {
    let (unexpected, rows) = (count(details, "unexpected_count"), count(details, "element_count"));
    match (unexpected, rows, details.get("observed_value")) {
        (Some(unexpected), Some(rows), _) => {
            let missing = count(details, "missing_count").unwrap_or(0);
            let left_out = if missing > 0 { format!("; {missing} nulls left out") } else { String::new() };
            let mostly = match arguments.get("mostly").and_then(number) {
                Some(mostly) if mostly < 1.0 => format!("; at least a share of {mostly} must be as expected"),
                _ => String::new(),
            };
            format!("{unexpected} of {} values are unexpected{left_out}{mostly}", rows.saturating_sub(missing))
        }
        (_, _, Some(observed)) => format!("observed {}", show(observed)),
        _ if holds => "it holds; the file says no more".into(),
        _ => "it does not hold; the file says no more".into(),
    }
}

fn examples(details: &Value, columns: &[String]) -> Vec<String> {
    let values = details.get("partial_unexpected_list").and_then(Value::as_array);
    let mut shown: Vec<String> = Vec::new();
    for value in values.map(Vec::as_slice).unwrap_or_default() {
        let example = match (value, columns) {
            (Value::Object(row), _) => {
                row.iter().map(|(key, value)| format!("{key} = {}", show(value))).collect::<Vec<_>>().join(", ")
            }
            (value, [column]) => format!("{column} = {}", show(value)),
            (value, _) => show(value),
        };
        if !shown.contains(&example) && shown.len() < EXAMPLES {
            shown.push(example);
        }
    }
    shown
}
