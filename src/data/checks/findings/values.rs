//! Checks that each value, or each row, must pass.

use super::{Finding, Scope};
use crate::config::{DataRule, NumberRange};
use crate::data::checks::figures;

/// What became of the values, or rows, that were checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::data) struct Counted {
    pub checked: u64,
    pub failed: u64,
    pub examples: Vec<String>,
}

/// `between`, `in`, `matches`, `length`, `references`: nulls are not checked.
pub(in crate::data) fn each(rule: &DataRule, mostly: Option<f64>, scope: Scope, counted: Counted) -> Finding {
    let Counted { checked, failed, examples } = counted;
    if let Some(empty) = scope.empty() {
        return empty;
    }
    if checked == 0 {
        return Finding::errored(format!("every value is null, so there is nothing to check{}", scope.words()));
    }
    let [good, bad] = words(rule);
    let left_out = scope.left_out(checked);
    let message = match failed {
        0 => format!("all {} values {good}{left_out}", figures::count(checked)),
        some => format!("{} {bad}{}{left_out}", figures::part(some, checked, "values"), at_most(mostly)),
    };
    Finding::judged(enough(checked, failed, mostly), message, failed as f64, checked, examples)
}

/// `expr`: a row must not be false; where it is null, it was not checked.
pub(in crate::data) fn condition(mostly: Option<f64>, scope: Scope, counted: Counted) -> Finding {
    let Counted { checked, failed, examples } = counted;
    if let Some(empty) = scope.empty() {
        return empty;
    }
    if checked == 0 {
        return Finding::errored(format!("it is null in every row, so there is nothing to check{}", scope.words()));
    }
    let left_out = match scope.rows.saturating_sub(checked) {
        0 => scope.words(),
        nulls => format!("; {} where it is null left out{}", figures::part(nulls, scope.rows, "rows"), scope.words()),
    };
    let message = match failed {
        0 => format!("it holds in all {} rows{left_out}", figures::count(checked)),
        some => format!("it does not hold in {}{}{left_out}", figures::part(some, checked, "rows"), at_most(mostly)),
    };
    Finding::judged(enough(checked, failed, mostly), message, failed as f64, checked, examples)
}

/// `sql`: a row returned is a failure. `of` is the number of rows that the query went over, if that is known.
pub(in crate::data) fn returned(failed: u64, of: Option<u64>, examples: Vec<String>) -> Finding {
    if of == Some(0) {
        return Finding::errored("the data set has no rows, so there is nothing to check");
    }
    let message = match (failed, of) {
        (0, Some(of)) => format!("none of {} rows is returned", figures::count(of)),
        (0, None) => "no row is returned".to_string(),
        (some, Some(of)) => format!("{} are returned", figures::part(some, of, "rows")),
        (1, None) => "1 row is returned".to_string(),
        (some, None) => format!("{} rows are returned", figures::count(some)),
    };
    Finding { n: of, ..Finding::judged(failed == 0, message, failed as f64, 0, examples) }
}

/// What good and bad values do: `are in the list`, `are not in the list`.
fn words(rule: &DataRule) -> [String; 2] {
    match rule {
        DataRule::Between { .. } => ["are inside".to_string(), "are outside".to_string()],
        DataRule::In { .. } => ["are in the list".to_string(), "are not in the list".to_string()],
        DataRule::Matches { .. } => ["match".to_string(), "do not match".to_string()],
        DataRule::Length { range, .. } => {
            let bound = match range {
                NumberRange::Compare { op, bound } => format!("a length {op} {}", figures::number(*bound)),
                NumberRange::Between { low, high } => {
                    format!("a length between {} and {}", figures::number(*low), figures::number(*high))
                }
            };
            [format!("have {bound}"), format!("do not have {bound}")]
        }
        DataRule::References { dataset, other, .. } => {
            [format!("are in {dataset}.{other}"), format!("are not in {dataset}.{other}")]
        }
        _ => ["pass".to_string(), "do not pass".to_string()],
    }
}

/// `, at most 1% may`
fn at_most(mostly: Option<f64>) -> String {
    // To 12 digits: 1 − 0.9 is not 0.1 in binary.
    let most = mostly.map(|mostly| ((1.0 - mostly) * 1e12).round() / 1e12);
    most.map_or(String::new(), |most| format!(", at most {} may", figures::percent(most)))
}

/// Whether the share that passes keeps the bound. `mostly` is decimal and its product with a count is not: what
/// is a whole number but for rounding counts as that.
fn enough(checked: u64, failed: u64, mostly: Option<f64>) -> bool {
    let Some(mostly) = mostly else { return failed == 0 };
    let needed = mostly * checked as f64;
    let whole = needed.round();
    let needed = if (needed - whole).abs() <= 1e-9 * needed { whole } else { needed };
    checked.saturating_sub(failed) as f64 >= needed
}
