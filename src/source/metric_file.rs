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
use crate::model::{Fault, Interval, Measurement, Slice, Unit};
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
    /// The level of confidence that the gates want.
    pub level: f64,
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
    serde_saphyr::from_str_with_options(text, options).map_err(|error| format!("it is no valid YAML: {error}"))
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
        Some(_) if !(level > 0.0 && level < 1.0) => {
            return Err(format!("{key} has an interval of level {level}, which lies not between 0 and 1"));
        }
        // A narrower interval would make gates surer than they are asked to be.
        Some(_) if level < known.level - 1e-9 => {
            let (own, asked) = (Unit::Share.show(level), Unit::Share.show(known.level));
            notes.push(format!("{key} in {source} has an interval of {own}, and gates want {asked}: it is left aside"));
            None
        }
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
mod tests {
    use super::*;

    fn usual(declared: &BTreeMap<String, MetricUnit>) -> Known<'_> {
        let greatest = &|name: &str| match name {
            "f1" => Some(1.0),
            "bleu" => Some(100.0),
            _ => None,
        };
        Known { declared, usual: &|_| Unit::Score, greatest, level: 0.95 }
    }

    fn parse(name: &str, text: &str) -> Result<Vec<(String, f64)>, Fault> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let file = read(&path, name, &usual(&BTreeMap::new()))?;
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
    fn what_is_above_the_greatest_there_is_becomes_nan() {
        let read = |text: &str, declared: &[(&str, &str)]| {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("m.json");
            std::fs::write(&path, text).unwrap();
            let declared = declared.iter().map(|(name, unit)| (name.to_string(), metric_unit(unit).unwrap())).collect();
            let file = super::read(&path, "m.json", &usual(&declared)).unwrap();
            (file.measurements[0].value, file.notes.join(""))
        };
        let (value, note) = read(r#"{"f1": 45.0}"#, &[]);
        assert!(value.is_nan());
        assert!(note.contains("f1 in m.json is 45, never above 1: written in percent? write 0.45 or a unit"), "{note}");
        let (value, note) = read(r#"{"bleu": 345}"#, &[]);
        assert!(value.is_nan() && note.contains("never above 100: check"), "{note}");
        assert!(read(r#"{"f1": {"value": 45, "low": 40, "high": 50}}"#, &[]).0.is_nan());
        for (text, declared, expected) in [
            (r#"{"f1": 1.0}"#, &[][..], 1.0),
            (r#"{"f1": 1.0000000000000002}"#, &[], 1.0000000000000002),
            (r#"{"f1": 45}"#, &[("f1", "%")], 0.45),
            (r#"{"f1": {"value": 45, "unit": "%"}}"#, &[], 0.45),
            (r#"{"bleu": 34.5}"#, &[], 34.5),
            (r#"{"loss": 45}"#, &[], 45.0),
        ] {
            assert_eq!(read(text, declared), (expected, String::new()), "{text}");
        }
    }

    #[test]
    fn csv_has_names_and_values() {
        assert_eq!(pairs("m.csv", "name,value\nf1,0.9\nauc,1\n"), [one("quality.f1", 0.9), one("quality.auc", 1.0)]);
        assert!(pairs("m.csv", "name,value\nf1,0.9\nauc,high\n")[1].1.is_nan());
        // Or a single line, a column a metric.
        assert_eq!(pairs("m.csv", "f1,auc\n0.9,1\n"), [one("quality.f1", 0.9), one("quality.auc", 1.0)]);
        assert!(parse("m.csv", "a,b\n1,2\n3,4\n").unwrap_err().to_string().contains("a, b, and it has 2 lines"));
    }

    /// Value, unit, rows and interval of the one metric.
    type Told = (f64, Unit, Option<u64>, Option<(f64, f64)>);

    fn told(name: &str, text: &str, declared: &[(&str, &str)]) -> Result<Vec<(String, Told)>, Fault> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let declared = declared.iter().map(|(name, unit)| (name.to_string(), metric_unit(unit).unwrap())).collect();
        let file = read(&path, name, &usual(&declared))?;
        let of = |m: Measurement| (m.key(), (m.value, m.unit, m.n, m.interval.map(|i| (i.low, i.high))));
        Ok(file.measurements.into_iter().map(of).collect())
    }

    #[test]
    fn what_a_file_says_of_unit_rows_and_interval_is_taken_over() {
        let json =
            r#"{"f1": {"value": 0.9, "n": 1000, "low": 0.88, "high": 0.92}, "p95": {"value": 250, "unit": "ms"}}"#;
        let expected = vec![
            ("quality.f1".to_string(), (0.9, Unit::Score, Some(1000), Some((0.88, 0.92)))),
            ("quality.p95".to_string(), (0.25, Unit::Seconds, None, None)),
        ];
        assert_eq!(told("m.json", json, &[]).unwrap(), expected);
        let csv = "name,value,unit,n,low,high\nf1,0.9,,1000,0.88,0.92\np95,250,ms,,,\n";
        assert_eq!(told("m.csv", csv, &[]).unwrap(), expected);
        let sliced = told("m.csv", "metric,value,slice\nf1,0.9,\nf1,0.8,region=eu\n", &[]).unwrap();
        assert_eq!(sliced[1].0, "quality.f1[region=eu]");
        // Nested names as before: only what looks like a measurement is one.
        assert_eq!(told("m.json", r#"{"f1": {"value": 0.9}}"#, &[]).unwrap()[0].0, "quality.f1.value");
        assert_eq!(told("m.json", r#"{"a": {"value": 0.9, "other": 1}}"#, &[]).unwrap().len(), 2);
    }

    #[test]
    fn units_that_are_declared_scale_value_and_interval() {
        let text = r#"{"p95": {"value": 250, "low": 200, "high": 300}, "error_rate": 2}"#;
        let found = told("m.json", text, &[("p95", "ms"), ("error_rate", "%")]).unwrap();
        assert_eq!(found[0].1, (0.25, Unit::Seconds, None, Some((0.2, 0.3))));
        assert_eq!(found[1].1, (0.02, Unit::Share, None, None));
    }

    #[test]
    fn an_interval_of_a_lower_level_than_gates_want_is_left_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.json");
        std::fs::write(&path, r#"{"f1": {"value": 0.9, "low": 0.88, "high": 0.92, "level": 0.8}}"#).unwrap();
        let file = read(&path, "m.json", &usual(&BTreeMap::new())).unwrap();
        assert_eq!(file.measurements[0].interval, None);
        assert!(file.notes[0].contains("interval of 80%, and gates want 95%"), "{:?}", file.notes);
    }

    #[test]
    fn junit_properties_of_suites_and_cases_are_metrics() {
        let text = "<testsuites><testsuite name='s'><properties><property name='auc' value='0.91'/>\
                    <property name='python' value='3.11.2'/></properties><testcase classname='t' name='quality'>\
                    <properties><property name='f1' value='0.9'/></properties></testcase></testsuite></testsuites>";
        let found = told("m.xml", text, &[]).unwrap();
        assert_eq!(
            found.iter().map(|(key, t)| (key.as_str(), t.0)).collect::<Vec<_>>(),
            [("quality.auc", 0.91), ("quality.t.quality.f1", 0.9)]
        );
        let words = "<testsuite name='s'><properties><property name='os' value='linux'/></properties></testsuite>";
        assert!(told("m.xml", words, &[]).unwrap_err().why.contains("none of its properties"));
    }

    #[test]
    fn a_summary_of_wandb_is_read_without_what_is_its_own() {
        let text = r#"{"_step": 10, "_timestamp": 1.7e9, "_wandb": {"runtime": 9}, "f1": 0.9, "loss": {"min": 0.1}}"#;
        assert_eq!(pairs("wandb-summary.json", text), [one("quality.f1", 0.9), one("quality.loss.min", 0.1)]);
        assert_eq!(pairs("summary.json", text).len(), 5);
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
            ("m.txt", "f1: 0.9"),
            ("m.md", "f1 0.9"),
            ("m.csv", "name,value,colour\nf1,0.9,red\n"),
            ("m.csv", "name,value,low\nf1,0.9,0.8\n"),
            ("m.csv", "name,value,low,high\nf1,0.9,,0.95\n"),
            ("m.csv", "name,value,low,high\nf1,0.9,0.91,0.95\n"),
            ("m.csv", "name,value,n\nf1,0.9,many\n"),
            ("m.csv", "name,value,unit\np95,0.9,furlong\n"),
            ("m.json", r#"{"f1": {"value": 0.9, "low": 0.95, "high": 0.99}}"#),
            ("m.json", r#"{"f1": {"value": 0.9, "low": 0.85, "high": 0.95, "level": 95}}"#),
            ("m.json", r#"{"f1": {"value": 0.9, "n": 1.5}}"#),
            ("m.xml", "<html/>"),
            ("m.xml", "<testsuite name='s'/>"),
            ("m.csv", "name,value\n"),
            ("m.csv", "name,value\nf1,0.9\nf1,0.8\n"),
        ] {
            assert!(parse(name, text).is_err(), "{name}: {text:?}");
        }
        assert!(
            read(Path::new("/nowhere/m.json"), "m.json", &usual(&BTreeMap::new()))
                .unwrap_err()
                .why
                .contains("no such file")
        );
    }
}
