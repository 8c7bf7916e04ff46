//! The checks of a data set, fused into one scan over the columns that they need.
//!
//! Each check is a state fed batch by batch. A check that cannot be judged (no such column, a type it is not made
//! for, no rows, NaN where a number is needed) is errored, with the reason; it never passes.

mod each;
mod figures;
// Those of checks that are not done yet have no caller.
#[allow(dead_code, unused_imports)]
pub(in crate::data) mod findings;
mod numbers;
mod plan;
mod repeats;
#[cfg(test)]
mod tests;

use super::key::{KeySet, Keys};
use super::table::{Batches, Reading, Table};
use super::values::{Family, Values, show};
use crate::config::{DataCheck, DataRule};
use crate::model::{Check, Fault, Measurement};
use arrow::array::{ArrayRef, RecordBatch};
use findings::{Finding, Scope};
use std::cell::OnceCell;

/// Most failing rows shown of one check.
const EXAMPLES: usize = 5;

/// What the checks of a data set may ask of the world around it.
pub struct Surroundings<'a> {
    /// The present, in microseconds since 1970-01-01 UTC.
    pub now: i64,
    /// Opens another data set by its name.
    pub open: &'a dyn Fn(&str) -> Result<Table, Fault>,
}

/// What a scan found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Rows read, up to the fault if there was one.
    pub rows: u64,
    pub checks: Vec<Check>,
    pub measurements: Vec<Measurement>,
    pub fault: Option<Fault>,
}

/// Reads the table once and judges all `checks`. Ids begin with `data.NAME.`; `source` is what messages and
/// the record call the data set.
pub fn run(name: &str, source: &str, table: &Table, checks: &[DataCheck], around: &Surroundings) -> Findings {
    let mut plan = plan::Plan::new(name, table);
    let mut states: Vec<Result<State, String>> = checks.iter().map(|check| plan.state(&check.rule, around)).collect();
    let (rows, fault) = match table.batches_as(plan.columns()) {
        Ok(batches) => scan(batches, table.files().len() > 1, &mut states),
        Err(fault) => (0, Some(fault)),
    };
    let mut findings = Findings { rows, fault, ..Findings::default() };
    for (check, state) in checks.iter().zip(states) {
        let finding = match (&findings.fault, state) {
            (Some(fault), _) => Finding::errored(format!("{}: {}", fault.what, fault.why)),
            (None, Err(reason)) => Finding::errored(reason),
            (None, Ok(state)) => state.finish(Scope::all(rows), &check.rule, around),
        };
        let id = unique_id(&findings.checks, format!("data.{name}.{}", check.text));
        if let Some(mut measurement) = finding.measurement {
            measurement.id = format!("data.{name}.{}", measurement.id);
            measurement.source = source.to_string();
            if findings.measurements.iter().all(|other| other.id != measurement.id) {
                findings.measurements.push(measurement);
            }
        }
        findings.checks.push(Check {
            id,
            text: check.text.clone(),
            severity: check.severity,
            outcome: finding.outcome,
            message: finding.message,
            value: finding.value,
            n: finding.n,
            examples: finding.examples,
            source: source.to_string(),
        });
    }
    findings
}

/// The same check written twice gets ` #2`.
fn unique_id(checks: &[Check], id: String) -> String {
    let taken = |id: &str| checks.iter().any(|check| check.id == id);
    let numbered = (2..).map(|n| format!("{id} #{n}"));
    std::iter::once(id.clone()).chain(numbered).find(|id| !taken(id)).unwrap_or(id)
}

fn scan(mut batches: Batches, many_files: bool, states: &mut [Result<State, String>]) -> (u64, Option<Fault>) {
    let mut rows = 0;
    while let Some(batch) = batches.next() {
        let batch = match batch {
            Ok(batch) => batch,
            Err(fault) => return (rows, Some(fault)),
        };
        rows += batch.num_rows() as u64;
        let (file, before) = batches.place();
        let rows = Rows::new(&batch, if many_files { Some(file) } else { None }, before);
        for state in states.iter_mut() {
            if let Ok(running) = state
                && let Err(reason) = running.feed(&rows)
            {
                *state = Err(reason);
            }
        }
    }
    (rows, None)
}

/// One batch with what the checks share of it.
struct Rows<'a> {
    batch: &'a RecordBatch,
    values: Vec<OnceCell<Values>>,
    file: Option<&'a str>,
    before: u64,
}

impl<'a> Rows<'a> {
    fn new(batch: &'a RecordBatch, file: Option<&'a str>, before: u64) -> Rows<'a> {
        let values = (0..batch.num_columns()).map(|_| OnceCell::new()).collect();
        Rows { batch, values, file, before }
    }

    fn len(&self) -> usize {
        self.batch.num_rows()
    }

    fn array(&self, column: usize) -> &ArrayRef {
        self.batch.column(column)
    }

    fn values(&self, column: usize) -> Result<&Values, String> {
        if let Some(values) = self.values[column].get() {
            return Ok(values);
        }
        let values = Values::of(self.array(column))?;
        Ok(self.values[column].get_or_init(|| values))
    }

    fn keys(&self, columns: &[usize]) -> Result<Keys<'_>, String> {
        let pairs =
            columns.iter().map(|c| Ok((self.array(*c), self.values(*c)?))).collect::<Result<Vec<_>, String>>()?;
        Keys::new(pairs.into_iter())
    }

    /// `row 17: age = 130`, counted from 1 without the header; with the file's name where there are several.
    fn example(&self, row: usize, columns: &[usize]) -> String {
        let number = self.before + row as u64 + 1;
        let schema = self.batch.schema();
        let values = columns.iter().map(|c| format!("{} = {}", schema.field(*c).name(), show(self.array(*c), row)));
        let values = values.collect::<Vec<_>>().join(", ");
        match self.file {
            Some(file) => format!("{file} row {number}: {values}"),
            None => format!("row {number}: {values}"),
        }
    }
}

/// A check while the rows go by.
enum State {
    Rows,
    /// Decided by the schema alone.
    Columns(Vec<String>, usize),
    Nulls(numbers::Nulls),
    Moments(numbers::Moments),
    Newest(numbers::Newest),
    Each(each::Each),
    Repeats(repeats::Repeats),
}

impl State {
    fn feed(&mut self, rows: &Rows) -> Result<(), String> {
        match self {
            State::Rows | State::Columns(..) => Ok(()),
            State::Nulls(state) => state.feed(rows),
            State::Moments(state) => state.feed(rows),
            State::Newest(state) => state.feed(rows),
            State::Each(state) => state.feed(rows),
            State::Repeats(state) => state.feed(rows),
        }
    }

    fn finish(self, scope: Scope, rule: &DataRule, around: &Surroundings) -> Finding {
        match (self, rule) {
            (State::Rows, DataRule::Rows { op, bound }) => findings::row_count(scope, *op, *bound),
            (State::Columns(wrong, of), _) => findings::columns(wrong, of),
            (State::Nulls(state), DataRule::Nulls { column, op, bound }) => state.finish(column, scope, *op, *bound),
            (State::Moments(state), DataRule::Aggregate { function, column, range }) => {
                state.finish(*function, column, *range, scope)
            }
            (State::Newest(state), DataRule::Freshness { column, op, bound }) => {
                findings::freshness((column, *op, *bound), scope, state.found(), around.now, false)
            }
            (State::Each(state), _) => state.finish(rule, scope),
            (State::Repeats(state), rule) => state.finish(rule, scope),
            _ => Finding::errored("this check is of no kind that mlgate knows".to_string()),
        }
    }
}
