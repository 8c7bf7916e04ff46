//! Metric files: numbers the user computed, as JSON, YAML or CSV.
//!
//! JSON and YAML are nested maps, flattened to dotted names (what DVC calls a metrics file), or lists of
//! `{key, value}` (what MLflow returns). CSV has the columns `name` and `value`. What is no number becomes NaN, on
//! which every gate errs, and a note says so: nothing in the file is dropped.

mod tree;

use crate::config::Format;
use crate::data::table::Table;
use crate::model::{Fault, Measurement, Unit};
use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use std::collections::BTreeSet;
use std::path::Path;
pub(super) use tree::quote_bare_numbers;
use tree::{Found, Tree, flatten, number_in_text};

/// A metric file is written by hand or by a script; more than this is something else.
const MOST_BYTES: u64 = 16 << 20;

/// What a metric file holds, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricFile {
    /// Ids are `quality.` and the dotted name.
    pub measurements: Vec<Measurement>,
    pub notes: Vec<String>,
}

/// Reads `path`, which messages and measurements call `source`; `unit` knows the unit of a metric by its name.
///
/// # Errors
/// When the file cannot be read, is of no known format or malformed, holds no metric, or names one twice.
pub fn read(path: &Path, source: &str, unit: impl Fn(&str) -> Unit) -> Result<MetricFile, Fault> {
    let fault = |why: String, hint: &str| Fault::new(format!("read {source}"), why, hint);
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let entries = match ending.as_str() {
        "csv" => csv(path, source)?,
        "json" | "yaml" | "yml" => {
            let text = text(path, source)?;
            let tree = if ending == "json" {
                let why = |error: serde_json::Error| fault(format!("it is no valid JSON: {error}"), "");
                serde_json::from_str::<Tree>(&quote_bare_numbers(&text)).map_err(why)?
            } else {
                let why = |error: serde_saphyr::Error| fault(format!("it is no valid YAML: {error}"), "");
                // `.nan` and `.inf` are read, to become a measurement that says so.
                let options = serde_saphyr::options! {
                    non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
                    with_snippet: false,
                };
                serde_saphyr::from_str_with_options::<Tree>(&text, options).map_err(why)?
            };
            flatten(tree).map_err(|why| fault(why, "a metric file is a map of names to numbers"))?
        }
        _ => {
            return Err(fault(
                "its ending is none of .json, .yaml, .yml and .csv".into(),
                "rename it after its format",
            ));
        }
    };
    if entries.is_empty() {
        return Err(fault("it holds no metric".into(), "nothing is measured by an empty file"));
    }
    let mut seen = BTreeSet::new();
    for (name, _) in &entries {
        if !seen.insert(name.as_str()) {
            return Err(fault(format!("it names {name:?} twice"), "keep one of the two"));
        }
    }
    Ok(measured(entries, source, unit))
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

fn measured(entries: Vec<(String, Found)>, source: &str, unit: impl Fn(&str) -> Unit) -> MetricFile {
    let mut notes = Vec::new();
    let measurement = |(name, found): (String, Found)| {
        let value = match found {
            Found::Number(value) if value.is_finite() => value,
            Found::Number(value) => {
                notes.push(format!("{name} in {source} is {value}, no finite number: gates on it err"));
                f64::NAN
            }
            Found::Other(what) => {
                notes.push(format!("{name} in {source} is {what}, no number: gates on it err"));
                f64::NAN
            }
        };
        Measurement::new(format!("quality.{name}"), value, unit(&name), source)
    };
    MetricFile { measurements: entries.into_iter().map(measurement).collect(), notes }
}

fn csv(path: &Path, source: &str) -> Result<Vec<(String, Found)>, Fault> {
    let fault =
        |why: String| Fault::new(format!("read {source}"), why, "a metric file in CSV has the columns name and value");
    let root = path.parent().unwrap_or(Path::new(""));
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let renamed = |found: Fault| Fault { what: format!("read {source}"), ..found };
    let table = Table::open(root, &file, Some(Format::Csv)).map_err(renamed)?;
    let schema = table.schema();
    let has = |name: &&&str| schema.index_of(name).is_ok();
    let (Some(name), Some(value)) = (["name", "metric", "key"].iter().find(has), ["value"].iter().find(has)) else {
        let found: Vec<_> = schema.fields().iter().take(8).map(|f| f.name().as_str()).collect();
        return Err(fault(format!("its columns are {}", found.join(", "))));
    };
    let mut entries = Vec::new();
    for batch in table.batches(Some(&[(*name).to_string(), (*value).to_string()])).map_err(renamed)? {
        let batch = batch.map_err(renamed)?;
        let text = |place: usize| cast(batch.column(place), &DataType::Utf8).map_err(|error| fault(error.to_string()));
        let (names, values) = (text(0)?, text(1)?);
        let (names, values) = (names.as_string::<i32>(), values.as_string::<i32>());
        for row in 0..batch.num_rows() {
            if names.is_null(row) {
                return Err(fault(format!("row {} has no name", entries.len() + 1)));
            }
            let found =
                if values.is_null(row) { Found::Other("empty".into()) } else { number_in_text(values.value(row)) };
            entries.push((names.value(row).to_string(), found));
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, text: &str) -> Result<Vec<(String, f64)>, Fault> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let file = read(&path, name, |_| Unit::Score)?;
        let nan = file.measurements.iter().filter(|m| m.value.is_nan()).count();
        assert_eq!(file.notes.len(), nan, "every NaN has its note");
        Ok(file.measurements.into_iter().map(|m| (m.id, m.value)).collect())
    }

    fn pairs(name: &str, text: &str) -> Vec<(String, f64)> {
        parse(name, text).unwrap()
    }

    fn one(id: &str, value: f64) -> (String, f64) {
        (id.to_string(), value)
    }

    #[test]
    fn nested_maps_become_dotted_names() {
        let expected = vec![one("quality.f1", 0.9), one("quality.val.loss", 2.0), one("quality.per_class.0", 0.5)];
        assert_eq!(pairs("m.json", r#"{"f1": 0.9, "val": {"loss": 2}, "per_class": [0.5]}"#), expected);
        assert_eq!(pairs("m.yaml", "f1: 0.9\nval:\n  loss: 2\nper_class: [0.5]\n"), expected);
    }

    #[test]
    fn mlflows_list_gives_the_last_step() {
        let text = r#"{"metrics": [{"key": "f1", "value": 0.8, "step": 1}, {"key": "f1", "value": 0.9, "step": 2}]}"#;
        assert_eq!(pairs("m.json", text), [one("quality.metrics.f1", 0.9)]);
        let twice = parse("m.json", r#"[{"key": "f1", "value": 0.8}, {"key": "f1", "value": 0.9}]"#);
        assert!(twice.unwrap_err().why.contains("twice"));
    }

    #[test]
    fn what_is_no_number_is_kept_as_nan() {
        let text = r#"{"a": NaN, "b": -Infinity, "c": "NaN", "d": "xg \"NaN\" b", "e": null, "f": true, "g": "0.5"}"#;
        let found = pairs("m.json", text);
        assert_eq!(found.len(), 7);
        assert!(found[..6].iter().all(|(_, value)| value.is_nan()));
        assert_eq!(found[6].1, 0.5);
        assert!(pairs("m.yaml", "a: .nan\nb: .inf\nc: text\n").iter().all(|(_, value)| value.is_nan()));
    }

    #[test]
    fn csv_has_names_and_values() {
        assert_eq!(pairs("m.csv", "name,value\nf1,0.9\nauc,1\n"), [one("quality.f1", 0.9), one("quality.auc", 1.0)]);
        assert!(pairs("m.csv", "name,value\nf1,0.9\nauc,high\n")[1].1.is_nan());
        assert!(parse("m.csv", "a,b\n1,2\n").unwrap_err().to_string().contains("a, b"));
    }

    #[test]
    fn what_cannot_be_a_metric_file_is_refused() {
        for (name, text) in [
            ("m.json", "{}"),
            ("m.json", "0.5"),
            ("m.json", "{\"f1\": 0.5, \"f1\": 0.6}"),
            ("m.json", "{\"f1\": "),
            ("m.json", ""),
            ("m.yaml", ""),
            ("m.yaml", "a: 1\na: 2\n"),
            ("m.yaml", "a: [1"),
            ("m.txt", "f1 0.9"),
            ("m.csv", "name,value\n"),
            ("m.csv", "name,value\nf1,0.9\nf1,0.8\n"),
        ] {
            assert!(parse(name, text).is_err(), "{name}: {text:?}");
        }
        assert!(
            read(Path::new("/nowhere/m.json"), "m.json", |_| Unit::Score).unwrap_err().why.contains("no such file")
        );
    }
}
