//! What other tools found, as checks: result files of Evidently, Great Expectations and Soda.
//!
//! A tool's verdict is believed only where the file gives it whole. A result without a status, one that ended in an
//! exception, one that passed on no rows, on nulls alone or on NaN is errored; a file of another shape, without any
//! result, with fewer results than it counts, or older than the data it speaks of is a fault. None of these passes.

mod age;
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
use age::Made;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

/// A result file holds verdicts and a few examples; more than this is something else.
const MOST_BYTES: u64 = 32 << 20;
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

fn read_json(bytes: &[u8]) -> Result<Value, String> {
    if bytes.trim_ascii().is_empty() {
        return Err("it is empty: did the tool come to its end?".into());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_string())?;
    let text = quote_bare_numbers(text.strip_prefix('\u{feff}').unwrap_or(text));
    json::read(&text).map_err(|error| format!("it is no valid JSON: {error}"))
}

/// The results in a file of `kind`.
///
/// # Errors
/// Why the file says nothing that can be believed: another shape, no results.
fn checks(kind: ImportKind, file: &Value) -> Result<Vec<ImportedCheck>, String> {
    let mut found = match kind {
        ImportKind::Evidently => evidently::checks(file),
        ImportKind::GreatExpectations => great_expectations::checks(file),
        ImportKind::Soda => soda::checks(file),
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
/// `data` holds the data set's own files, against whose times those of the results are held; `now` is the present, in
/// microseconds since 1970-01-01 UTC.
pub fn run(root: &Path, set: &Dataset, data: &[Input], now: i64) -> Evidence {
    let newest = data.iter().filter_map(|input| Some((written(&root.join(&input.name))?, input.name.as_str()))).max();
    let now = DateTime::from_timestamp_micros(now).unwrap_or_default();
    let mut evidence = Evidence::default();
    let mut seen: HashMap<String, u32> = HashMap::new();
    for import in &set.imports {
        let source = import.file.to_string_lossy();
        let (bytes, on_disk) = match read(root, import, &source) {
            Ok(read) => read,
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
        match believed(import, &bytes, on_disk, newest, now) {
            Ok(found) => evidence.checks.extend(found.into_iter().map(|one| {
                let id = format!("data.{}.{}.{}", set.name, name(import.kind), one.name);
                let times = seen.entry(id.clone()).or_default();
                *times += 1;
                let id = if *times == 1 { id } else { format!("{id} #{times}") };
                check(one, id, set, &source)
            })),
            Err((why, hint)) => evidence.faults.push(Fault::new(format!("import {source}"), why, hint)),
        }
    }
    evidence
}

/// The results of a file that holds such, and is about the data at hand; else why it is not believed, and what to do.
fn believed(
    import: &Import,
    bytes: &[u8],
    on_disk: DateTime<Utc>,
    newest: Option<(DateTime<Utc>, &str)>,
    now: DateTime<Utc>,
) -> Result<Vec<ImportedCheck>, (String, String)> {
    let no_result = |why| (why, hint(import.kind).to_string());
    let file = read_json(bytes).map_err(no_result)?;
    let found = checks(import.kind, &file).map_err(no_result)?;
    let told = age::told(import.kind, &file);
    let made = Made { at: told.unwrap_or(on_disk), by_itself: told.is_some() };
    age::judge(import, made, newest, now).map(|()| found)
}

/// The bytes of a result file, and when it was written by its time on disk.
fn read(root: &Path, import: &Import, source: &str) -> Result<(Vec<u8>, DateTime<Utc>), Fault> {
    let what = format!("import {source}");
    let path = root.join(&import.file);
    let meta = std::fs::metadata(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Fault::new(&what, "no such file", absent(&path, import.kind)),
        _ => Fault::new(&what, error, ""),
    })?;
    if !meta.is_file() {
        return Err(Fault::new(what, "it is no regular file", hint(import.kind)));
    }
    if meta.len() > MOST_BYTES {
        return Err(Fault::new(what, format!("{} bytes are too many for a result file", meta.len()), "at most 32 MiB"));
    }
    let bytes = std::fs::read(&path).map_err(|error| Fault::new(&what, error, ""))?;
    let modified = meta.modified().map_err(|error| Fault::new(what, error, ""))?;
    Ok((bytes, modified.into()))
}

fn written(path: &Path) -> Option<DateTime<Utc>> {
    Some(std::fs::metadata(path).ok()?.modified().ok()?.into())
}

/// What to say of a file that is not there: a name near it in its folder, or how it is made.
fn absent(path: &Path, kind: ImportKind) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.parent().and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let names = beside.map(|entry| entry.file_name().to_string_lossy().into_owned());
    match names.map(|other| (strsim::jaro_winkler(&other, &name), other)).max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((score, near)) if score > 0.85 => format!("did you mean {near}?"),
        _ => hint(kind).to_string(),
    }
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
