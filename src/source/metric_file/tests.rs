//! Metric files as people write them.

use super::*;

fn usual(declared: &BTreeMap<String, MetricUnit>) -> Known<'_> {
    let greatest = &|name: &str| match name {
        "f1" => Some(1.0),
        "bleu" => Some(100.0),
        _ => None,
    };
    Known { declared, usual: &|_| Unit::Score, greatest }
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
    let json = r#"{"f1": {"value": 0.9, "n": 1000, "low": 0.88, "high": 0.92}, "p95": {"value": 250, "unit": "ms"}}"#;
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
fn an_interval_is_kept_at_the_level_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.json");
    for (told, level) in [("", 0.95), (", \"level\": 0.8", 0.8), (", \"level\": 0.99", 0.99)] {
        std::fs::write(&path, format!(r#"{{"f1": {{"value": 0.9, "low": 0.88, "high": 0.92{told}}}}}"#)).unwrap();
        let file = read(&path, "m.json", &usual(&BTreeMap::new())).unwrap();
        assert_eq!(file.measurements[0].interval, Some(Interval { low: 0.88, high: 0.92, level }));
        assert_eq!(file.notes, Vec::<String>::new());
    }
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
        ("m.json", r#"{"f1": {"value": 0.9, "low": 0.85, "high": 0.95, "level": 0.2}}"#),
        ("m.json", r#"{"f1": {"value": 0.9, "low": 0.85, "high": 0.95, "level": 0.9999999}}"#),
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
