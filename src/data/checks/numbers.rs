//! Checks on one number of the data set: rows, nulls, moments of a column, the age of its newest value.

use super::findings::{self, Summary};
use super::{EXAMPLES, Finding, Rows, Scope, Values};
use crate::config::{Aggregate, Amount, NumberRange};
use crate::model::Op;
use arrow::array::Array;

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

    pub fn finish(self, column: &str, scope: Scope, op: Op, bound: Amount) -> Finding {
        findings::nulls((column, op, bound), scope, (self.nulls, self.nan), self.examples)
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

    pub fn finish(self, function: Aggregate, column: &str, range: NumberRange, scope: Scope) -> Finding {
        let value = match function {
            Aggregate::Mean => (self.sum + self.lost) / self.n as f64,
            // Of a sample, divided by n - 1, as pandas does.
            Aggregate::Stddev => (self.squares / (self.n as f64 - 1.0)).sqrt(),
            Aggregate::Min => self.min,
            Aggregate::Max => self.max,
            Aggregate::Sum => self.sum + self.lost,
            Aggregate::Quantile(_) | Aggregate::Distinct => {
                return Finding::errored("this check is not done yet".to_string());
            }
        };
        let summary = Summary { n: self.n, nan: self.nan, value, private: false };
        findings::aggregate((function, column, range), scope, summary)
    }
}

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

    pub fn found(&self) -> (u64, Option<i64>) {
        (self.n, self.newest)
    }
}
