//! What other tools found, as checks: result files of Evidently, Great Expectations and Soda.
//!
//! A tool's verdict is believed only where the file gives it whole. A result without a status, one that ended in an
//! exception, one that passed on no rows, on nulls alone or on NaN is errored; a file of another shape, without any
//! result, with fewer results than it counts, or older than the data it speaks of is a fault. None of these passes.

mod evidently;
mod great_expectations;
mod json;
mod soda;
#[cfg(test)]
mod tests;

use super::metric_file::quote_bare_numbers;
use crate::config::{Dataset, Import, ImportKind};
use crate::digest;
use crate::model::{Check, Evidence, Fault, Input, Outcome, Severity};
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A result file holds verdicts and a few examples; more than this is something else.
const MOST_BYTES: u64 = 32 << 20;
/// How much older than the data a result file may be: files of one checkout or one unpacked archive are written
/// in any order.
const SLACK: Duration = Duration::from_secs(60);
/// Examples kept of one result.
const EXAMPLES: usize = 5;

/// One result of another tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedCheck {
    /// The rule in the tool's words, with what tells it from others: `expect_column_values_to_be_unique(id)`.
    pub name: String,
    /// The columns that it is known to be about.
    pub columns: Vec<String>,
    /// Warn where the tool itself would only have warned.
    pub severity: Severity,
    /// Passed, failed or errored.
    pub outcome: Outcome,
    pub message: String,
    /// Offending rows or the number that was observed, and of how many rows.
    pub value: Option<f64>,
    pub n: Option<u64>,
    pub examples: Vec<String>,
}

impl ImportedCheck {
    fn new(name: String, outcome: Outcome, message: String) -> ImportedCheck {
        let (columns, examples) = (Vec::new(), Vec::new());
        ImportedCheck { name, columns, severity: Severity::Block, outcome, message, value: None, n: None, examples }
    }

    fn errored(mut self, message: impl Into<String>) -> ImportedCheck {
        self.outcome = Outcome::Errored;
        self.message = message.into();
        self
    }
}

/// The results in a file of `kind`.
///
/// # Errors
/// Why the file says nothing that can be believed: no JSON, another shape, no results.
pub fn parse(kind: ImportKind, bytes: &[u8]) -> Result<Vec<ImportedCheck>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_string())?;
    let text = quote_bare_numbers(text.strip_prefix('\u{feff}').unwrap_or(text));
    let file = serde_json::from_str(&text).map_err(|error| format!("it is no valid JSON: {error}"))?;
    let mut found = match kind {
        ImportKind::Evidently => evidently::checks(&file),
        ImportKind::GreatExpectations => great_expectations::checks(&file),
        ImportKind::Soda => soda::checks(&file),
    }?;
    if found.is_empty() {
        return Err("it holds no results".into());
    }
    for check in &mut found {
        check.name = json::clean(&check.name);
        check.message = json::clean(&check.message);
        check.examples.iter_mut().for_each(|example| *example = json::clean(example));
    }
    Ok(found)
}

/// Every result file of a data set: checks, the files as inputs, and faults for those that cannot be believed.
/// `data` holds the data set's own files, against whose age the results are held.
pub fn run(root: &Path, set: &Dataset, data: &[Input]) -> Evidence {
    let mut evidence = Evidence::default();
    let mut seen: HashMap<String, u32> = HashMap::new();
    for import in &set.imports {
        let source = import.file.to_string_lossy();
        let bytes = match read(root, import, &source, data) {
            Ok(bytes) => bytes,
            Err(fault) => {
                evidence.faults.push(fault);
                continue;
            }
        };
        evidence.inputs.push(Input {
            kind: format!("data.{}.import", set.name),
            name: source.to_string(),
            digest: digest::of(&bytes),
            bytes: bytes.len() as u64,
        });
        match parse(import.kind, &bytes) {
            Ok(found) => evidence.checks.extend(found.into_iter().map(|one| {
                let id = format!("data.{}.{}.{}", set.name, name(import.kind), one.name);
                let times = seen.entry(id.clone()).or_default();
                *times += 1;
                let id = if *times == 1 { id } else { format!("{id} #{times}") };
                check(one, id, set, &source)
            })),
            Err(why) => {
                evidence.faults.push(Fault::new(format!("import {source}"), why, hint(import.kind)));
            }
        }
    }
    evidence
}

fn read(root: &Path, import: &Import, source: &str, data: &[Input]) -> Result<Vec<u8>, Fault> {
    let what = format!("import {source}");
    let path = root.join(&import.file);
    let meta = std::fs::metadata(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Fault::new(&what, "no such file", hint(import.kind)),
        _ => Fault::new(&what, error, ""),
    })?;
    if !meta.is_file() {
        return Err(Fault::new(what, "it is no regular file", hint(import.kind)));
    }
    if meta.len() > MOST_BYTES {
        return Err(Fault::new(what, format!("{} bytes are too many for a result file", meta.len()), "at most 32 MiB"));
    }
    let written = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let newest = data.iter().filter_map(|input| Some((written(&root.join(&input.name))?, &input.name))).max();
    if let (Some((newest, name)), Ok(of_results)) = (newest, meta.modified())
        && is_older(of_results, newest)
    {
        let hint = "run the tool again on this data; where another job ran it, fetch its result after the data";
        return Err(Fault::new(what, format!("it was written before {name}, so it speaks of other data"), hint));
    }
    std::fs::read(&path).map_err(|error| Fault::new(what, error, ""))
}

fn is_older(results: SystemTime, data: SystemTime) -> bool {
    data.duration_since(results).is_ok_and(|by| by > SLACK)
}

/// A tool's words may quote values: of private columns, and where it is not known which column they are from while
/// some are private, only the verdict is shown.
fn check(mut one: ImportedCheck, id: String, set: &Dataset, source: &str) -> Check {
    let is_private = |column: &String| set.private.contains(column);
    if !set.private.is_empty() && (one.columns.is_empty() || one.columns.iter().any(is_private)) {
        one.examples.clear();
        one.value = None;
        one.message = format!("{} by the tool; its words may quote private columns", one.outcome.name());
    }
    Check {
        id,
        text: one.name,
        severity: one.severity,
        outcome: one.outcome,
        message: one.message,
        value: one.value,
        n: one.n,
        examples: one.examples,
        source: source.to_string(),
    }
}

fn name(kind: ImportKind) -> &'static str {
    match kind {
        ImportKind::Evidently => "evidently",
        ImportKind::GreatExpectations => "great_expectations",
        ImportKind::Soda => "soda",
    }
}

/// How the file is made.
fn hint(kind: ImportKind) -> &'static str {
    match kind {
        ImportKind::Evidently => "write it with `save_json` of a report with tests",
        ImportKind::GreatExpectations => "write the JSON of a validation result or of a checkpoint's result",
        ImportKind::Soda => "write it with `soda scan -srf FILE` of Soda 3",
    }
}
