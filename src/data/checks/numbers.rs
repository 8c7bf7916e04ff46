//! Checks on one number of the data set: rows, nulls, moments of a column, the age of its newest value.

use super::{EXAMPLES, Finding, Rows, Values, figures};
use crate::config::{Aggregate, Amount, NumberRange};
use crate::model::{Op, Unit};
use arrow::array::Array;
use std::time::Duration;

pub(super) fn rows(rows: u64, op: Op, bound: f64) -> Finding {
    if rows == 0 && op != Op::Equal && op.holds(0.0, bound) {
        let message = "the data set has no rows; nothing but `rows = 0` accepts that".to_string();
        return Finding { value: Some(0.0), n: Some(0), ..Finding::errored(message) };
    }
    let message = format!("{} rows, expected {op} {}", figures::count(rows), figures::number(bound));
    let value = Some(rows as f64);
    Finding { value, n: Some(rows), ..Finding::judged(op.holds(rows as f64, bound), message) }
}

/// Counts nulls, and NaN with them: a float column has no other way to say that a value is missing.
pub(super) struct Nulls {
    column: usize,
    nulls: u64,
    nan: u64,
    examples: Vec<String>,
}

impl Nulls {
    pub fn new(column: usize) -> Nulls {
        Nulls { column, nulls: 0, nan: 0, examples: Vec::new() }
    }

    pub fn feed(&mut self, rows: &Rows) -> Result<(), String> {
        let values = rows.values(self.column)?;
        let is_nan = |row| matches!(values, Values::Float(v) if !v.is_null(row) && v.value(row).is_nan());
        let nan = (0..rows.len()).filter(|row| is_nan(*row)).count();
        self.nulls += values.nulls() as u64;
        self.nan += nan as u64;
        if self.examples.len() < EXAMPLES && (nan > 0 || values.nulls() > 0) {
            let missing = (0..rows.len()).filter(|row| values.is_null(*row) || is_nan(*row));
            let room = EXAMPLES - self.examples.len();
            self.examples.extend(missing.take(room).map(|row| rows.example(row, &[self.column])));
        }
        Ok(())
    }

    pub fn finish(self, column: &str, rows: u64, op: Op, bound: Amount) -> Finding {
        let missing = self.nulls + self.nan;
        let nan = match self.nan {
            0 => String::new(),
            nan => format!(", {} of them NaN", figures::count(nan)),
        };
        let found = match missing {
            0 => format!("none of {} rows is without {column}", figures::count(rows)),
            some => format!("{} are without {column}{nan}", figures::part(some, rows, "rows")),
        };
        let message = format!("{found}, expected {}", figures::bound(op, bound));
        let holds = figures::holds(missing, rows, op, bound);
        let share = missing as f64 / rows as f64;
        Finding {
            value: Some(missing as f64),
            n: Some(rows),
            examples: if holds { Vec::new() } else { self.examples },
            ..Finding::judged(holds, message).measured(format!("nulls({column})"), share, Unit::Share, rows)
        }
    }
}

/// Count, sum (Neumaier 1974), mean and squared deviations (Welford 1962), smallest and largest, in one pass.
pub(super) struct Moments {
    column: usize,
    n: u64,
    nan: u64,
    sum: f64,
    lost: f64,
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Moments {
    pub fn new(column: usize) -> Moments {
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        Moments { column, n: 0, nan: 0, sum: 0.0, lost: 0.0, mean: 0.0, squares: 0.0, min, max }
    }

    pub fn feed(&mut self, rows: &Rows) -> Result<(), String> {
        match rows.values(self.column)? {
            Values::Int(values) => values.iter().flatten().for_each(|value| self.add(value as f64)),
            Values::Float(values) => values.iter().flatten().for_each(|value| self.add(value)),
            Values::Bool(values) => values.iter().flatten().for_each(|value| self.add(f64::from(u8::from(value)))),
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, value: f64) {
        if value.is_nan() {
            self.nan += 1;
            return;
        }
        self.n += 1;
        let sum = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { (self.sum - sum) + value } else { (value - sum) + self.sum };
        self.sum = sum;
        let from_mean = value - self.mean;
        self.mean += from_mean / self.n as f64;
        self.squares += from_mean * (value - self.mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    pub fn finish(self, function: Aggregate, column: &str, range: NumberRange) -> Finding {
        let (name, value) = match function {
            Aggregate::Mean => ("mean", (self.sum + self.lost) / self.n as f64),
            // Of a sample, divided by n - 1, as pandas does.
            Aggregate::Stddev => ("stddev", (self.squares / (self.n as f64 - 1.0)).sqrt()),
            Aggregate::Min => ("min", self.min),
            Aggregate::Max => ("max", self.max),
            Aggregate::Sum => ("sum", self.sum + self.lost),
            Aggregate::Quantile(_) | Aggregate::Distinct => {
                return Finding::errored("this check is not done yet".to_string());
            }
        };
        let id = format!("{name}({column})");
        let of = self.n + self.nan;
        if self.nan > 0 {
            let nan = figures::part(self.nan, of, "values");
            return Finding { n: Some(of), ..Finding::errored(format!("{id} is not a number: {nan} are NaN")) };
        }
        if self.n == 0 {
            return Finding::errored(format!("every {column} is null, so there is no {name}"));
        }
        if self.n == 1 && function == Aggregate::Stddev {
            return Finding { n: Some(1), ..Finding::errored("one value has no standard deviation".to_string()) };
        }
        if !value.is_finite() {
            let message = format!("{id} is not finite over {} values", figures::count(of));
            return Finding { n: Some(of), ..Finding::errored(message) };
        }
        let holds = range.holds(value);
        let expected = match range {
            NumberRange::Compare { op, bound } => format!("{op} {}", figures::number(bound)),
            NumberRange::Between { low, high } => {
                format!("between {} and {}", figures::number(low), figures::number(high))
            }
        };
        let (found, values) = (figures::number(value), figures::count(of));
        let message = format!("{id} is {found} over {values} values, expected {expected}");
        let finding = Finding::judged(holds, message).measured(id, value, Unit::Score, of);
        Finding { value: Some(value), n: Some(of), ..finding }
    }
}

/// How far ahead of the clock the newest value may lie: times without a zone are taken for UTC, and the world's
/// clocks are up to 14 hours ahead of that; a date stands for its first moment.
const AHEAD: i64 = 24 * 3_600_000_000;

pub(super) struct Newest {
    column: usize,
    newest: Option<i64>,
    n: u64,
}

impl Newest {
    pub fn new(column: usize) -> Newest {
        Newest { column, newest: None, n: 0 }
    }

    pub fn feed(&mut self, rows: &Rows) -> Result<(), String> {
        if let Values::Time(values) = rows.values(self.column)? {
            self.n += (values.len() - values.null_count()) as u64;
            self.newest = self.newest.max(arrow::compute::max(values));
        }
        Ok(())
    }

    pub fn finish(self, column: &str, op: Op, bound: Duration, now: i64) -> Finding {
        let Some(newest) = self.newest else {
            return Finding::errored(format!("every {column} is null, so there is no newest one"));
        };
        let when = chrono::DateTime::from_timestamp_micros(newest).map_or_else(
            || format!("{newest} µs after 1970"),
            |time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        );
        let age = now.saturating_sub(newest);
        if age < -AHEAD {
            let ahead = Unit::Seconds.show(-(age as f64) / 1e6);
            let message = format!("the newest {column} is {when}, {ahead} in the future, so freshness means nothing");
            return Finding { n: Some(self.n), ..Finding::errored(message) };
        }
        let seconds = age.max(0) as f64 / 1e6;
        let (old, limit) = (Unit::Seconds.show(seconds), Unit::Seconds.show(bound.as_secs_f64()));
        let message = format!("the newest {column} is {when}, {old} old, expected {op} {limit}");
        let finding = Finding::judged(op.holds(seconds, bound.as_secs_f64()), message);
        let finding = finding.measured(format!("freshness({column})"), seconds, Unit::Seconds, self.n);
        Finding { value: Some(seconds), n: Some(self.n), ..finding }
    }
}
