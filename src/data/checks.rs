//! The checks of a data set, fused into one scan over the columns that they need.
//!
//! A plan says what is counted; workers count it piece by piece; each check is then judged by its counts. A check that
//! cannot be judged (no such column, a type it is not made for, no rows, NaN where a number is needed) is errored,
//! with the reason; it never passes.

mod again;
mod balance;
mod batch;
pub(in crate::data) mod each;
mod figures;
pub(in crate::data) mod findings;
mod job;
mod judge;
mod numbers;
mod order;
mod pattern;
pub(in crate::data) mod plan;
mod quantile;
mod scan;
#[cfg(test)]
mod tests;

use super::key::Budget;
use super::pieces::Pieces;
use super::table::{Table, missing_column, scan_exact};
use super::workers::workers;
use crate::config::{DataCheck, Dataset};
use crate::model::{Baseline, Check, Fault, Measurement, Unit};
use findings::Finding;
use plan::Plan;
use scan::Work;
use std::sync::Arc;

/// What is to be checked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Of the data set; ids begin with `data.NAME.`.
    pub name: &'a str,
    /// What messages and the record call it.
    pub source: &'a str,
    /// Columns whose values are never shown.
    pub private: &'a [String],
    /// Bytes that the checks may hold; what exactness needs beyond them goes to disk.
    pub memory: u64,
    pub checks: &'a [DataCheck],
}

impl<'a> Request<'a> {
    pub fn of(set: &'a Dataset) -> Request<'a> {
        let Dataset { name, source, private, memory, checks, .. } = set;
        Request { name, source, private, memory: *memory, checks }
    }
}

/// What the checks of a data set may ask of the world around it.
pub struct Surroundings<'a> {
    /// The present, in microseconds since 1970-01-01 UTC.
    pub now: i64,
    /// Opens another data set by its name.
    pub open: &'a dyn Fn(&str) -> Result<Table, Fault>,
    /// What the data set was like in production's record.
    pub baseline: &'a Baseline,
}

/// What a scan found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Rows read, up to the fault if there was one.
    pub rows: u64,
    pub checks: Vec<Check>,
    pub measurements: Vec<Measurement>,
    /// Remarks that decide nothing: keys went to disk.
    pub notes: Vec<String>,
    pub fault: Option<Fault>,
}

/// Reads the table once, by as many workers as the machine has cores, and judges all checks.
pub fn run(request: &Request, table: &Table, around: &Surroundings) -> Findings {
    run_by(request, table, around, workers())
}

fn run_by(request: &Request, table: &Table, around: &Surroundings, workers: usize) -> Findings {
    scan_exact(table, |table| once(request, table, around, workers))
        .unwrap_or_else(|fault| broken(request, 0, fault, Vec::new()))
}

fn once(request: &Request, table: &Table, around: &Surroundings, workers: usize) -> Findings {
    if let Some(fault) = unknown_private(request, table) {
        return broken(request, 0, fault, Vec::new());
    }
    let budget = Arc::new(Budget::new(request.memory));
    let mut plan = Plan::new(request, table, around, &budget, workers);
    let planned: Vec<_> = request.checks.iter().map(|check| plan.check(check)).collect();
    let pieces = match Pieces::of(table, &plan.columns) {
        Ok(pieces) => pieces,
        Err(fault) => return broken(request, 0, fault, Vec::new()),
    };
    let private: Vec<bool> = plan.columns.iter().map(|(name, _)| plan.is_private(name)).collect();
    let many_files = table.files().len() > 1;
    let work = Work { jobs: &plan.jobs, filters: &plan.filters, private: &private, many_files };
    let counts = scan::scan(pieces, &work, workers);
    let judges = judge::Judges::new(request, table, around, &plan, &work, &counts);
    let found: Vec<Finding> = match &counts.fault {
        Some(_) => Vec::new(),
        None => request.checks.iter().zip(planned).map(|(check, planned)| judges.finding(check, planned)).collect(),
    };
    let mut notes = judges.notes.into_inner();
    if budget.spilled() > 0 {
        let (disk, memory) = (Unit::Bytes.show(budget.spilled() as f64), Unit::Bytes.show(request.memory as f64));
        notes.push(format!(
            "data set {}: {disk} of keys and numbers went to disk, as the checks may hold {memory} (`memory:`)",
            request.name
        ));
    }
    match counts.fault.or_else(|| budget.fault().cloned()) {
        Some(fault) => broken(request, counts.rows, fault, notes),
        None => findings(request, counts.rows, found, notes),
    }
}

/// A name in `private:` that is no column would leave the one that was meant unprotected.
pub(in crate::data) fn unknown_private(request: &Request, table: &Table) -> Option<Fault> {
    let schema = table.schema();
    let unknown = request.private.iter().find(|name| schema.index_of(name).is_err())?;
    let why = format!("`private` names {unknown:?}, and there is no such column");
    Some(Fault::new(format!("check {}", request.name), why, missing_column(&schema, unknown)))
}

/// Every check errored by what happened to the data set as a whole.
pub(in crate::data) fn broken(request: &Request, rows: u64, fault: Fault, notes: Vec<String>) -> Findings {
    let errored = Finding::errored(format!("{}: {}", fault.what, fault.why));
    let found = vec![errored; request.checks.len()];
    Findings { fault: Some(fault), ..findings(request, rows, found, notes) }
}

pub(in crate::data) fn findings(request: &Request, rows: u64, found: Vec<Finding>, notes: Vec<String>) -> Findings {
    let mut findings = Findings { rows, notes, ..Findings::default() };
    for (check, finding) in request.checks.iter().zip(found) {
        let id = unique_id(&findings.checks, format!("data.{}.{}", request.name, check.text));
        if let Some(mut measurement) = finding.measurement {
            measurement.id = format!("data.{}.{}", request.name, measurement.id);
            measurement.source = request.source.to_string();
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
            source: request.source.to_string(),
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
