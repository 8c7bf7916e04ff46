//! Checks on one number of the data set: rows, nulls, an aggregate of a column, the age of its newest value.

use super::{Finding, PRIVATE, Scope};
use crate::config::{Aggregate, Amount, Measured, NumberRange};
use crate::data::checks::figures;
use crate::model::{Baseline, Op, Unit};
use std::time::Duration;

/// `rows >= 10_000`
pub(in crate::data) fn row_count(scope: Scope, op: Op, bound: f64) -> Finding {
    let rows = scope.rows as f64;
    if scope.rows == 0 && op.holds(0.0, bound) {
        // `rows = 0` is the one check that wants none, and with `where:` it wants rows that do not fit.
        let why = match scope.of {
            None if op != Op::Equal => Some("the data set has no rows; nothing but `rows = 0` accepts that"),
            Some(0) => Some("the data set has no rows, so there is nothing to check"),
            Some(_) if op != Op::Equal => Some("no row fits `where`; nothing but `rows = 0` accepts that"),
            _ => None,
        };
        if let Some(why) = why {
            return Finding { value: Some(0.0), n: Some(0), ..Finding::errored(why) };
        }
    }
    let message = format!("{} rows, expected {op} {}", figures::count(scope.rows), figures::number(bound));
    Finding::judged(op.holds(rows, bound), message + &scope.words(), rows, scope.rows, Vec::new())
}

/// `nulls(age) <= 1%`: NaN counts as null, and says so.
pub(in crate::data) fn nulls(
    (column, op, bound): (&str, Op, Amount),
    scope: Scope,
    (nulls, nan): (u64, u64),
    examples: Vec<String>,
) -> Finding {
    if let Some(empty) = scope.empty() {
        return empty;
    }
    let missing = nulls + nan;
    let nan = match nan {
        0 => String::new(),
        nan => format!(", {} of them NaN", figures::count(nan)),
    };
    let found = match missing {
        0 => format!("none of {} rows is without {column}", figures::count(scope.rows)),
        some => format!("{} are without {column}{nan}", figures::part(some, scope.rows, "rows")),
    };
    let message = format!("{found}, expected {}{}", figures::bound(op, bound), scope.words());
    let holds = figures::holds(missing, scope.rows, op, bound);
    let share = missing as f64 / scope.rows as f64;
    Finding::judged(holds, message, missing as f64, scope.rows, examples).measured(
        scope,
        format!("nulls({column})"),
        share,
        Unit::Share,
        scope.rows,
    )
}

/// The values of a column in one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data) struct Summary {
    /// Values that are neither null nor NaN; for `distinct`, that are not null.
    pub n: u64,
    pub nan: u64,
    /// Of those; whatever it is when there are too few.
    pub value: f64,
    /// No value of the column may be shown.
    pub private: bool,
}

/// `mean(age)`, `quantile(age, 0.95)`, `median(age)`, as ids and messages say it.
fn aggregate_id(function: Aggregate, column: &str) -> String {
    match function {
        Aggregate::Quantile(p) if p != 0.5 => format!("quantile({column}, {p})"),
        other => format!("{}({column})", name(other)),
    }
}

fn name(function: Aggregate) -> &'static str {
    match function {
        Aggregate::Mean => "mean",
        Aggregate::Stddev => "stddev",
        Aggregate::Min => "min",
        Aggregate::Max => "max",
        Aggregate::Sum => "sum",
        Aggregate::Quantile(0.5) => "median",
        Aggregate::Quantile(_) => "quantile",
        Aggregate::Distinct => "distinct",
    }
}

/// `mean(age) between 30 and 50` and its kin.
pub(in crate::data) fn aggregate(
    (function, column, range): (Aggregate, &str, NumberRange),
    scope: Scope,
    summary: Summary,
) -> Finding {
    if let Some(reason) = unusable(function, column, scope, summary) {
        return reason;
    }
    let expected = match range {
        NumberRange::Compare { op, bound } => format!("{op} {}", figures::number(bound)),
        NumberRange::Between { low, high } => {
            format!("between {} and {}", figures::number(low), figures::number(high))
        }
    };
    let message = format!("{}, expected {expected}{}", found(function, column, summary), scope.words());
    measured(
        function,
        column,
        scope,
        summary,
        Finding::judged(range.holds(summary.value), message, summary.value, summary.n, Vec::new()),
    )
}

/// Why there is no number to judge.
fn unusable(function: Aggregate, column: &str, scope: Scope, summary: Summary) -> Option<Finding> {
    if let Some(empty) = scope.empty() {
        return Some(empty);
    }
    let id = aggregate_id(function, column);
    let of = summary.n + summary.nan;
    let (message, n) = match () {
        () if summary.nan > 0 => {
            (format!("{id} is not a number: {} are NaN", figures::part(summary.nan, of, "values")), Some(of))
        }
        () if summary.n == 0 && function == Aggregate::Distinct => {
            (format!("every {column} is null, so there are no values to count"), None)
        }
        () if summary.n == 0 => (format!("every {column} is null, so there is no {}", name(function)), None),
        () if summary.n == 1 && function == Aggregate::Stddev => {
            ("one value has no standard deviation".to_string(), Some(1))
        }
        () if !summary.value.is_finite() => {
            (format!("{id} is not finite over {} values", figures::count(of)), Some(of))
        }
        () => return None,
    };
    Some(Finding { n, ..Finding::errored(message + &scope.words()) })
}

/// Whether the number is a value of the column, or next to one, and may not be shown.
fn hidden(function: Aggregate, summary: Summary) -> bool {
    summary.private
        && match function {
            Aggregate::Min | Aggregate::Max | Aggregate::Quantile(_) => true,
            Aggregate::Mean | Aggregate::Sum => summary.n == 1,
            Aggregate::Stddev | Aggregate::Distinct => false,
        }
}

fn found(function: Aggregate, column: &str, summary: Summary) -> String {
    let shown = match hidden(function, summary) {
        true => PRIVATE.to_string(),
        false => figures::number(summary.value),
    };
    format!("{} is {shown} over {} values", aggregate_id(function, column), figures::count(summary.n))
}

fn measured(function: Aggregate, column: &str, scope: Scope, summary: Summary, finding: Finding) -> Finding {
    if hidden(function, summary) {
        return Finding { value: None, ..finding };
    }
    let unit = if function == Aggregate::Distinct { Unit::Count } else { Unit::Score };
    finding.measured(scope, aggregate_id(function, column), summary.value, unit, summary.n)
}

/// `rows within 20% of baseline`. `summary` is that of the column; for rows, n and value are their number.
pub(in crate::data) fn baseline(
    (dataset, of, tolerance): (&str, &Measured, f64),
    scope: Scope,
    summary: Summary,
    baseline: &Baseline,
) -> Finding {
    let (id, unusable, hidden) = match of {
        Measured::Rows => ("rows".to_string(), scope.empty(), false),
        Measured::Aggregate { function, column } => {
            (aggregate_id(*function, column), unusable(*function, column, scope, summary), hidden(*function, summary))
        }
    };
    if let Some(reason) = unusable {
        return reason;
    }
    let found = match of {
        Measured::Rows => format!("{} rows", figures::count(scope.rows)),
        Measured::Aggregate { function, column } => found(*function, column, summary),
    };
    let with_measurement = |finding| match of {
        Measured::Rows => finding,
        Measured::Aggregate { function, column } => measured(*function, column, scope, summary, finding),
    };
    let full = format!("data.{dataset}.{id}");
    let before = match baseline {
        _ if hidden => Err(format!("{id} is of a private column, so no record holds it to compare with")),
        Baseline::NotConfigured => {
            Err("there is nothing to compare with: the baseline is the record of the image in production".to_string())
        }
        Baseline::Missing { source, reason, .. } => {
            Err(format!("there is no baseline yet ({source}: {reason}): promote an image whose record holds {full}"))
        }
        Baseline::Faulty { source, reason } => Err(format!("the baseline cannot be read ({source}: {reason})")),
        Baseline::Known { source, measurements } => {
            match measurements.iter().find(|m| m.id == full && m.slice.is_none()) {
                Some(known) if known.value.is_finite() && known.value != 0.0 => Ok((known.value, source)),
                Some(known) => Err(format!("{full} is {} in {source}, of which there is no percentage", known.value)),
                None => Err(format!(
                    "{source} does not hold {full}: it is there from the next accepted run with this check on"
                )),
            }
        }
    };
    let (before, source) = match before {
        Ok(before) => before,
        Err(reason) => {
            let finding = Finding { n: Some(summary.n), ..Finding::errored(format!("{found}, but {reason}")) };
            return with_measurement(finding);
        }
    };
    let change = summary.value / before - 1.0;
    // The bound is decimal and the quotient is not: 120 of 100 are 20%.
    let holds = change.abs() <= tolerance * (1.0 + 1e-12);
    let direction = match change {
        0.0 => "as in the baseline".to_string(),
        up if up > 0.0 => format!("{} above the baseline's {}", figures::percent(up), figures::number(before)),
        down => format!("{} below the baseline's {}", figures::percent(-down), figures::number(before)),
    };
    let message = format!("{found}, {direction} ({source}), expected within {}", figures::percent(tolerance));
    with_measurement(Finding::judged(holds, message, summary.value, summary.n, Vec::new()))
}

/// How far ahead of the clock the newest value may lie: times without a zone are taken for UTC, and the world's
/// clocks are up to 14 hours ahead of that; a date stands for its first moment.
const AHEAD: i64 = 24 * 3_600_000_000;

/// `freshness(signup) < 2d`. `newest` and `now` are microseconds since 1970-01-01 UTC, `n` counts values.
pub(in crate::data) fn freshness(
    (column, op, bound): (&str, Op, Duration),
    scope: Scope,
    (n, newest): (u64, Option<i64>),
    now: i64,
    private: bool,
) -> Finding {
    if let Some(empty) = scope.empty() {
        return empty;
    }
    let Some(newest) = newest else {
        let message = format!("every {column} is null, so there is no newest one{}", scope.words());
        return Finding::errored(message);
    };
    let shown = || {
        chrono::DateTime::from_timestamp_micros(newest).map_or_else(
            || format!("{newest} µs after 1970"),
            |time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        )
    };
    let age = now.saturating_sub(newest);
    if age < -AHEAD {
        let ahead = Unit::Seconds.show(-(age as f64) / 1e6);
        let found = match private {
            true => format!("the newest {column} is {PRIVATE}, more than a day in the future"),
            false => format!("the newest {column} is {}, {ahead} in the future", shown()),
        };
        return Finding { n: Some(n), ..Finding::errored(format!("{found}, so freshness means nothing")) };
    }
    let seconds = age.max(0) as f64 / 1e6;
    let limit = Unit::Seconds.show(bound.as_secs_f64());
    let found = match private {
        true => format!("the newest {column} is {PRIVATE}"),
        false => format!("the newest {column} is {}, {} old", shown(), Unit::Seconds.show(seconds)),
    };
    let message = format!("{found}, expected {op} {limit}{}", scope.words());
    let finding = Finding::judged(op.holds(seconds, bound.as_secs_f64()), message, seconds, n, Vec::new());
    match private {
        true => Finding { value: None, ..finding },
        false => finding.measured(scope, format!("freshness({column})"), seconds, Unit::Seconds, n),
    }
}
