//! Metric files: numbers the user computed.
//!
//! JSON and YAML are nested maps, flattened to dotted names (what DVC calls a metrics file), or lists of
//! `{key, value}` (what MLflow returns); a map with `value` beside `n`, `low` and `high` is one measurement. CSV has a
//! line a metric, or one line with a column a metric. `.prom` and `.txt` are Prometheus' and OpenMetrics' text, `.xml`
//! JUnit's properties. What is no number becomes NaN, on which every gate errs, and a note says so.

mod csv;
mod exposition;
mod tree;

use super::junit;
use crate::config::{MetricUnit, metric_unit};
use crate::model::{Fault, Interval, LEVELS, Measurement, Slice, Unit};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
pub(super) use tree::quote_bare_numbers;
use tree::{Tree, flatten, number_in_text};

/// A metric file is written by hand or by a script; more than this is something else.
pub const MOST_BYTES: u64 = 16 << 20;

/// What a metric file holds, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricFile {
    /// Ids are `quality.` and the dotted name.
    pub measurements: Vec<Measurement>,
    pub notes: Vec<String>,
}

/// What the file itself does not tell.
pub struct Known<'a> {
    /// The units that `mlops.yaml` declares, by the name of the metric.
    pub declared: &'a BTreeMap<String, MetricUnit>,
    /// The unit of a metric by its name, where nobody declares one.
    pub usual: &'a dyn Fn(&str) -> Unit,
    /// The greatest value that a metric of that name can have, where it has one.
    pub greatest: &'a dyn Fn(&str) -> Option<f64>,
}

/// One entry of a metric file: a number, or a description of what else it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    Number(f64),
    Other(String),
}

/// A named value with what the file says of it.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    name: String,
    slice: Option<Slice>,
    found: Found,
    unit: Option<String>,
    n: Option<u64>,
    ends: Option<(f64, f64)>,
    level: Option<f64>,
}

impl Entry {
    fn new(name: impl Into<String>, found: Found) -> Entry {
        Entry { name: name.into(), slice: None, found, unit: None, n: None, ends: None, level: None }
    }

    fn key(&self) -> String {
        self.slice.as_ref().map_or_else(|| self.name.clone(), |slice| format!("{}[{slice}]", self.name))
    }
}

/// Reads `path`, which messages and measurements call `source`.
///
/// # Errors
/// When the file cannot be read, is of no known format or malformed, holds no metric, names one twice, gives a unit that
/// nobody knows or an interval that the value does not lie in.
pub fn read(path: &Path, source: &str, known: &Known<'_>) -> Result<MetricFile, Fault> {
    let fault = |why: String, hint: &str| Fault::new(format!("read {source}"), why, hint);
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let mut notes = Vec::new();
    let entries = match ending.as_str() {
        "csv" => csv::read(path, source)?,
        "json" | "yaml" | "yml" => {
            let text = text(path, source)?;
            let tree = if ending == "json" { json(&text) } else { yaml(&text) };
            let tree = tree.map_err(|why| fault(why, ""))?;
            let tree = if is_wandb_summary(path) { tree.without_private() } else { tree };
            flatten(tree).map_err(|why| fault(why, "a metric file is a map of names to numbers"))?
        }
        "prom" | "txt" | "openmetrics" => {
            let (entries, told) = exposition::read(&text(path, source)?).map_err(|why| {
                fault(why, "a line is `NAME{LABEL=\"VALUE\"} NUMBER`, as Prometheus and OpenMetrics write it")
            })?;
            notes.extend(told.into_iter().map(|note| format!("{source}: {note}")));
            entries
        }
        "xml" => {
            let (entries, left_out) = properties(junit::properties(path)?).map_err(|why| fault(why, ""))?;
            notes.extend(left_out.map(|names| format!("{source}: properties that are no numbers: {names}")));
            entries
        }
        _ => {
            let endings = ".json, .yaml, .csv, .prom, .txt and .xml";
            return Err(fault(format!("its ending is none of {endings}"), "rename it after its format"));
        }
    };
    if entries.is_empty() {
        return Err(fault("it holds no metric".into(), "nothing is measured by an empty file"));
    }
    let mut seen = BTreeSet::new();
    for entry in &entries {
        if !seen.insert(entry.key()) {
            return Err(fault(format!("it names {:?} twice", entry.key()), "keep one of the two"));
        }
    }
    let mut measurements = Vec::new();
    for entry in entries {
        measurements.push(measured(entry, source, known, &mut notes).map_err(|why| fault(why, ""))?);
    }
    Ok(MetricFile { measurements, notes })
}

fn json(text: &str) -> Result<Tree, String> {
    serde_json::from_str(&quote_bare_numbers(text)).map_err(|error| format!("it is no valid JSON: {error}"))
}

fn yaml(text: &str) -> Result<Tree, String> {
    // `.nan` and `.inf` are read, to become a measurement that says so.
    let options = serde_saphyr::options! {
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let said = error.to_string();
        let (what, place) = said.rsplit_once(" at line ").unwrap_or((&said, ""));
        // The parser also tells programmers which of its options or functions to use.
        let what = [", set ", "; use "].iter().fold(what, |what, advice| what.split(advice).next().unwrap_or_default());
        let place = if place.is_empty() { String::new() } else { format!(" at line {place}") };
        format!("it is no valid YAML: {what}{place}")
    })
}

/// The rows behind a metric.
fn count(name: &str, n: f64) -> Result<u64, String> {
    match n {
        0.0 => Err(format!("`n` of {name} is 0: on no rows nothing was measured")),
        n if n < 0.0 || n.fract() != 0.0 || n > 1e15 => Err(format!("`n` of {name} is {n}, no count")),
        n => Ok(n as u64),
    }
}

/// W&B leaves it in the folder of a run; what begins with `_` there is of W&B itself.
fn is_wandb_summary(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "wandb-summary.json")
}

/// The text of a file that is not absurdly large.
///
/// # Errors
/// When it cannot be read, is larger than 16 MiB or not UTF-8.
pub fn text(path: &Path, source: &str) -> Result<String, Fault> {
    let what = || format!("read {source}");
    let size = std::fs::metadata(path).map_err(|error| absent(&what(), &error))?.len();
    if size > MOST_BYTES {
        return Err(Fault::new(what(), format!("{size} bytes are too many for a metric file"), "the limit is 16 MiB"));
    }
    let bytes = std::fs::read(path).map_err(|error| absent(&what(), &error))?;
    let text = String::from_utf8(bytes).map_err(|_| Fault::new(what(), "it is not UTF-8 text", ""))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_string).unwrap_or(text))
}

fn absent(what: &str, error: &std::io::Error) -> Fault {
    let hint = match error.kind() {
        std::io::ErrorKind::NotFound => "is it written by quality.run, or checked in?",
        _ => "",
    };
    let why = if error.kind() == std::io::ErrorKind::NotFound { "no such file".into() } else { error.to_string() };
    Fault::new(what, why, hint)
}

/// Properties of suites by their name, of test cases by `CASE.NAME`; with them the names of those that are words.
fn properties(found: Vec<junit::Property>) -> Result<(Vec<Entry>, Option<String>), String> {
    let (mut entries, mut words): (Vec<Entry>, BTreeSet<String>) = Default::default();
    for junit::Property { case, name, value } in found {
        let name = case.map_or_else(|| name.clone(), |case| format!("{case}.{name}"));
        let entry = match number_in_text(&value) {
            Found::Other(_) => {
                words.insert(name);
                continue;
            }
            number => Entry::new(name, number),
        };
        // Every suite of a file may repeat what is true of them all.
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    if entries.is_empty() && !words.is_empty() {
        return Err("none of its properties is a number".into());
    }
    let more = if words.len() > 5 { format!(", … ({} in all)", words.len()) } else { String::new() };
    let first = words.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    Ok((entries, (!words.is_empty()).then(|| first + &more)))
}

/// What is wrong with a value above the greatest there can be, and what to write.
fn beyond(value: f64, greatest: f64) -> String {
    let hint = match greatest == 1.0 && value <= 100.0 {
        true => format!("written in percent? write {} or a unit", Unit::Score.show(value / 100.0)),
        false => "check the name and the number".to_string(),
    };
    format!("never above {greatest}: {hint}")
}

/// The entry in its base unit.
fn measured(entry: Entry, source: &str, known: &Known<'_>, notes: &mut Vec<String>) -> Result<Measurement, String> {
    let key = entry.key();
    let unit = match (known.declared.get(&entry.name), &entry.unit) {
        (Some(declared), _) => *declared,
        (None, Some(text)) => {
            let hint = "write ms, s, %, MB and the like, or ratio, count or score";
            metric_unit(text).ok_or_else(|| format!("{key} has the unit {text:?}, which nobody knows: {hint}"))?
        }
        (None, None) => MetricUnit { unit: (known.usual)(&entry.name), factor: 1.0 },
    };
    let value = match entry.found {
        Found::Number(value) if value.is_finite() => {
            let value = unit.scale(value);
            // Of 45 for 45 % any bound would hold.
            match (known.greatest)(&entry.name).filter(|greatest| value > greatest * (1.0 + 1e-9)) {
                Some(greatest) => {
                    notes.push(format!("{key} in {source} is {value}, {}: gates on it err", beyond(value, greatest)));
                    f64::NAN
                }
                None => value,
            }
        }
        Found::Number(value) => {
            notes.push(format!("{key} in {source} is {value}, no finite number: gates on it err"));
            f64::NAN
        }
        Found::Other(what) => {
            notes.push(format!("{key} in {source} is {what}, no number: gates on it err"));
            f64::NAN
        }
    };
    let level = entry.level.unwrap_or(0.95);
    let interval = match entry.ends.map(|(low, high)| (unit.scale(low), unit.scale(high))) {
        None => None,
        Some((low, high)) if !(low <= high && (value.is_nan() || (low <= value && value <= high))) => {
            return Err(format!("{key} is {value}, and its interval goes from {low} to {high}"));
        }
        Some(_) if !LEVELS.contains(&level) => {
            let (least, most) = (LEVELS.start(), LEVELS.end());
            return Err(format!("{key} has an interval of level {level}, which lies not in {least} to {most}"));
        }
        // At the level of the file: a gate that asks for another carries it over, and says so.
        Some((low, high)) => Some(Interval { low, high, level }),
    };
    let (slice, n) = (entry.slice, entry.n);
    Ok(Measurement {
        slice,
        n,
        interval,
        ..Measurement::new(format!("quality.{}", entry.name), value, unit.unit, source)
    })
}

#[cfg(test)]
mod tests;
