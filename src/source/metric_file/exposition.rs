//! The text that Prometheus and OpenMetrics expose: <https://prometheus.io/docs/instrumenting/exposition_formats/> and
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>. A series with labels is a slice.

use super::{Entry, Found};
use crate::model::Slice;
use std::collections::{BTreeMap, BTreeSet};

/// Units that are the end of a metric's name by convention.
const BY_NAME: [(&str, &str); 3] = [("_seconds", "s"), ("_bytes", "B"), ("_ratio", "ratio")];

/// The series of `text`, and what there is to say of those that are left out.
///
/// # Errors
/// The line that is neither a sample nor a comment, and why.
pub(super) fn read(text: &str) -> Result<(Vec<Entry>, Vec<String>), String> {
    let (mut entries, mut notes) = (Vec::new(), Vec::new());
    let (mut units, mut kinds): (BTreeMap<String, String>, BTreeMap<String, String>) = Default::default();
    let (mut buckets, mut ended) = (BTreeSet::new(), false);
    for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
        if line.is_empty() {
            continue;
        }
        if ended {
            return Err(format!("line {number}: there is text after # EOF"));
        }
        if let Some(comment) = line.strip_prefix('#') {
            let words: Vec<&str> = comment.split_whitespace().collect();
            match words[..] {
                ["EOF"] => ended = true,
                ["UNIT", name, unit] => drop(units.insert(name.into(), unit.into())),
                ["TYPE", name, kind] => drop(kinds.insert(name.into(), kind.into())),
                _ => {}
            }
            continue;
        }
        let sample = sample(line).map_err(|why| format!("line {number}: {why}"))?;
        // A bucket of a histogram counts what others count too: no measurement of its own.
        let family =
            sample.name.strip_suffix("_bucket").filter(|_| sample.labels.iter().any(|(label, _)| label == "le"));
        if let Some(family) = family {
            buckets.insert(family.to_string());
            continue;
        }
        entries.push(sample.entry(&units, &kinds));
    }
    // OpenMetrics ends every exposition by it; Prometheus' own text has none.
    if !ended && !units.is_empty() {
        return Err("it has # UNIT, as OpenMetrics does, and no # EOF: it was cut off".into());
    }
    notes.extend(
        buckets.iter().map(|family| format!("the buckets of {family} are left out, its sum and count are not")),
    );
    Ok((entries, notes))
}

struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: Found,
}

impl Sample {
    fn entry(self, units: &BTreeMap<String, String>, kinds: &BTreeMap<String, String>) -> Entry {
        let Sample { name, mut labels, value } = self;
        labels.sort();
        let join =
            |part: fn(&(String, String)) -> &String| labels.iter().map(part).cloned().collect::<Vec<_>>().join(",");
        let slice = Slice { column: join(|(label, _)| label), value: join(|(_, value)| value) };
        // `NAME_count` counts whatever the unit of NAME is.
        let counts = ["_count", "_total"].iter().find_map(|end| name.strip_suffix(end));
        let family = counts.or(name.strip_suffix("_sum")).unwrap_or(&name);
        let is_count = counts.is_some_and(|family| {
            name.ends_with("_count")
                || !BY_NAME.iter().any(|(end, _)| family.ends_with(end)) && !units.contains_key(family)
        });
        let unit = match units.get(family).or(units.get(&name)) {
            _ if is_count => Some("count".to_string()),
            Some(unit) => Some(unit.clone()),
            None => BY_NAME.iter().find(|(end, _)| family.ends_with(end)).map(|(_, unit)| unit.to_string()),
        };
        let is_state = kinds.get(&name).is_some_and(|kind| kind == "stateset" || kind == "info");
        let found = if is_state { Found::Other("a state".into()) } else { value };
        Entry { slice: (!labels.is_empty()).then_some(slice), unit, ..Entry::new(name, found) }
    }
}

/// `name{label="value",…} number [timestamp] [# exemplar]`
fn sample(line: &str) -> Result<Sample, String> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace()).unwrap_or(line.len());
    let (name, mut rest) = line.split_at(end);
    if !is_name(name) {
        return Err(format!("{:?} is no name of a metric", shown(name)));
    }
    let mut labels = Vec::new();
    if let Some(inside) = rest.trim_start().strip_prefix('{') {
        (labels, rest) = self::labels(inside)?;
    }
    let value = rest.split_whitespace().next().ok_or("there is no value")?;
    let found = match value {
        "+Inf" | "Inf" => Found::Number(f64::INFINITY),
        "-Inf" => Found::Number(f64::NEG_INFINITY),
        "NaN" => Found::Number(f64::NAN),
        text => match text.parse::<f64>() {
            Ok(number) if text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => Found::Number(number),
            _ => return Err(format!("{:?} is no number", shown(text))),
        },
    };
    let mut after = rest.trim_start().get(value.len()..).unwrap_or_default().split_whitespace();
    match after.next() {
        None | Some("#") => {}
        Some(time) if time.parse::<f64>().is_ok() && matches!(after.next(), None | Some("#")) => {}
        Some(other) => return Err(format!("after the value comes {:?}, which is no time", shown(other))),
    }
    Ok(Sample { name: name.to_string(), labels, value: found })
}

type Labels<'a> = (Vec<(String, String)>, &'a str);

/// What stands between the braces, and what comes behind them.
fn labels(text: &str) -> Result<Labels<'_>, String> {
    let mut labels: Vec<(String, String)> = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(behind) = rest.strip_prefix('}') {
            return Ok((labels, behind));
        }
        let (name, behind) = rest.split_once('=').ok_or("a label has no `=`, or `}` is missing")?;
        let name = name.trim();
        if !is_name(name) || labels.iter().any(|(other, _)| other == name) {
            return Err(format!("{:?} is no label, or is there twice", shown(name)));
        }
        let quoted =
            behind.trim_start().strip_prefix('"').ok_or_else(|| format!("the value of {name} has no quotes"))?;
        let (value, behind) = quoted_text(quoted).ok_or_else(|| format!("the value of {name} has no end"))?;
        labels.push((name.to_string(), value));
        rest = behind.trim_start();
        match rest.strip_prefix(',') {
            Some(behind) => rest = behind.trim_start(),
            None if rest.starts_with('}') => {}
            None => return Err(format!("after the label {name} comes neither `,` nor `}}`")),
        }
    }
}

/// The text up to the closing quote, its escapes resolved, and what comes behind.
fn quoted_text(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other @ ('"' | '\\') => value.push(other),
                other => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
    None
}

/// A colon at the end is no name's that anybody chose, but a line of YAML.
fn is_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    name.starts_with(|c: char| word(c) && !c.is_ascii_digit()) && name.chars().all(word) && !name.ends_with(':')
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, f64, Option<String>)> {
        let number = |entry: &Entry| match entry.found {
            Found::Number(number) => number,
            Found::Other(_) => f64::NAN,
        };
        read(text).unwrap().0.iter().map(|entry| (entry.key(), number(entry), entry.unit.clone())).collect()
    }

    fn one(key: &str, value: f64, unit: &str) -> (String, f64, Option<String>) {
        (key.into(), value, (!unit.is_empty()).then(|| unit.into()))
    }

    #[test]
    fn labels_are_slices_and_names_end_in_units() {
        let text = "# HELP f1 of the test set\n# TYPE f1 gauge\nf1 0.9\nf1{region=\"eu\"} 0.8 1700000000000\n\
                    f1{b=\"2\",a=\"x, \\\"y\\\" \\\\ \\n}\",} 7e-1\nload_seconds 1.5\nsize_bytes 2048\nhit_ratio 0.5\n\
                    rows_total 10\nwait_seconds_total 3\n";
        let expected = [
            one("f1", 0.9, ""),
            one("f1[region=eu]", 0.8, ""),
            one("f1[a,b=x, \"y\" \\ \n},2]", 0.7, ""),
            one("load_seconds", 1.5, "s"),
            one("size_bytes", 2048.0, "B"),
            one("hit_ratio", 0.5, "ratio"),
            one("rows_total", 10.0, "count"),
            one("wait_seconds_total", 3.0, "s"),
        ];
        assert_eq!(found(text), expected);
    }

    #[test]
    fn open_metrics_has_units_exemplars_and_an_end() {
        let text = "# TYPE wait_milliseconds histogram\n# UNIT wait_milliseconds milliseconds\n\
                    wait_milliseconds_bucket{le=\"+Inf\"} 4 # {trace=\"a\"} 3.5 1.5\nwait_milliseconds_sum 80\n\
                    wait_milliseconds_count 4\nquantile{quantile=\"0.5\"} 2 # {} 1\n# EOF\n";
        let expected = [
            one("wait_milliseconds_sum", 80.0, "milliseconds"),
            one("wait_milliseconds_count", 4.0, "count"),
            one("quantile[quantile=0.5]", 2.0, ""),
        ];
        assert_eq!(found(text), expected);
        assert!(read(text).unwrap().1[0].contains("buckets of wait_milliseconds"));
        assert!(read(text.trim_end_matches("# EOF\n")).unwrap_err().contains("cut off"));
        assert!(read(&format!("{text}more 1\n")).unwrap_err().contains("after # EOF"));
    }

    #[test]
    fn what_is_no_number_is_kept_and_what_is_no_sample_is_refused() {
        let found = found("a NaN\nb +Inf\nc -Inf\n");
        assert!(found[0].1.is_nan() && found[1].1 == f64::INFINITY && found[2].1 == f64::NEG_INFINITY);
        for (line, why) in [
            ("f1", "no value"),
            ("f1 high", "no number"),
            ("f1 infinity", "no number"),
            ("1f 3", "no name"),
            ("f1{a=b} 1", "no quotes"),
            ("f1{a=\"b} 1", "no end"),
            ("f1{a=\"b\" 1", "neither"),
            ("f1{a=\"b\",a=\"c\"} 1", "twice"),
            ("f1{a} 1", "no `=`"),
            ("f1 0.9 yesterday", "no time"),
            ("<html>", "no name"),
        ] {
            let said = read(&format!("ok 1\n{line}\n")).unwrap_err();
            assert!(said.starts_with("line 2: ") && said.contains(why), "{line}: {said}");
        }
    }
}
