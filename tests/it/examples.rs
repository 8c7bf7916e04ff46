//! The examples do what their READMEs say, and mlgate's metrics are scikit-learn's.

use super::support::mlgate;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How far mlgate's numbers may be from scikit-learn's.
const TOLERANCE: f64 = 1e-9;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// Runs `stages` of an example with nothing but the binary: no Python, Docker or network on an empty `PATH`.
/// Returns the exit code, the record and all that was printed.
fn run(name: &str, stages: &[&str]) -> (Option<i32>, Value, String) {
    let out = tempfile::tempdir().expect("a folder for the record");
    let file = out.path().join("record.json");
    let output = mlgate(Path::new(env!("CARGO_MANIFEST_DIR")))
        .env("PATH", out.path())
        .arg("-C")
        .arg(example(name))
        .arg("run")
        .args(stages)
        .arg("--record")
        .arg(&file)
        .output()
        .expect("mlgate starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("no record ({e}); mlgate said:\n{said}"));
    (output.status.code(), serde_json::from_str(&text).expect("the record is JSON"), said)
}

fn list<'a>(record: &'a Value, key: &str) -> &'a [Value] {
    record[key].as_array().unwrap_or_else(|| panic!("the record has no list `{key}`"))
}

/// Gate and outcome of every verdict that did not pass, in the record's order; stages that were left out aside.
fn not_passed(record: &Value) -> Vec<(&str, &str)> {
    list(record, "verdicts")
        .iter()
        .filter(|v| {
            v["outcome"] != "passed" && (v["outcome"] != "skipped" || v["stage"] == "data" || v["stage"] == "quality")
        })
        .map(|v| (v["gate"].as_str().unwrap_or_default(), v["outcome"].as_str().unwrap_or_default()))
        .collect()
}

/// The measurement of `quality.<metric>` for a slice, or overall.
fn measurement<'a>(record: &'a Value, metric: &str, slice: Option<(&str, &str)>) -> &'a Value {
    let id = format!("quality.{metric}");
    let of_slice = |m: &Value| match slice {
        None => m.get("slice").is_none(),
        Some((column, value)) => m["slice"]["column"] == column && m["slice"]["value"] == value,
    };
    let mut found = list(record, "measurements").iter().filter(|m| m["id"] == id.as_str() && of_slice(m));
    let first = found.next().unwrap_or_else(|| panic!("no measurement {id} for {slice:?}"));
    assert!(found.next().is_none(), "{id} for {slice:?} is measured twice");
    first
}

fn expected() -> Value {
    let path = example("breast-cancer").join("metrics.expected.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the table is there")).expect("the table is JSON")
}

/// Every (metric, slice, rows, value) that the table has for one version of the model.
/// Metric, slice (column and value), rows, value.
type Row = (String, Option<(String, String)>, u64, Option<f64>);

fn rows(table: &Value) -> Vec<Row> {
    let metrics = |part: &Value| -> Vec<(String, Option<f64>)> {
        part.as_object().expect("metrics by name").iter().map(|(k, v)| (k.clone(), v.as_f64())).collect()
    };
    let mut rows = Vec::new();
    for (metric, value) in metrics(&table["overall"]) {
        rows.push((metric, None, table["n"].as_u64().expect("a count"), value));
    }
    for (column, values) in table["slices"].as_object().expect("slices by column") {
        for (name, part) in values.as_object().expect("slices by value") {
            let n = table["slice_n"][column][name].as_u64().expect("a count");
            for (metric, value) in metrics(part) {
                rows.push((metric, Some((column.clone(), name.clone())), n, value));
            }
        }
    }
    rows
}

#[test]
fn metrics_equal_scikit_learns() {
    let (_, record, _) = run("breast-cancer", &["quality"]);
    let expected = expected();
    let mut wrong = Vec::new();
    let mut compared = 0;
    let versions = [("candidate", "value"), ("production", "baseline")];
    for (version, key) in versions {
        for (metric, slice, n, theirs) in rows(&expected[version]) {
            let at = slice.as_ref().map(|(column, value)| (column.as_str(), value.as_str()));
            let found = measurement(&record, &metric, at);
            let ours = found[key].as_f64();
            let close = match (ours, theirs) {
                (Some(ours), Some(theirs)) => (ours - theirs).abs() <= TOLERANCE,
                (ours, theirs) => ours == theirs,
            };
            if !close {
                wrong.push(format!("{version} {metric} {at:?}: ours {ours:?}, scikit-learn's {theirs:?}"));
            }
            if found["n"].as_u64() != Some(n) {
                wrong.push(format!("{version} {metric} {at:?}: n is {}, not {n}", found["n"]));
            }
            compared += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(compared, 2 * 10 * 5, "two versions, ten metrics, overall and four slices");
}

#[test]
fn breast_cancer_clears_with_one_inconclusive_verdict() {
    let (code, record, said) = run("breast-cancer", &["data", "quality"]);
    assert_eq!(not_passed(&record), [("recall >= 0.90", "inconclusive")], "mlgate said:\n{said}");
    assert_eq!(record["decision"]["outcome"], "cleared");
    assert_eq!(code, Some(0));

    let verdict = list(&record, "verdicts").iter().find(|v| v["gate"] == "recall >= 0.90").expect("just seen");
    let recall = measurement(&record, "recall", None)["value"].as_f64().expect("a number");
    let interval = |end: &str| verdict["interval"][end].as_f64().expect("a number");
    assert!(interval("low") < 0.90 && 0.90 < interval("high"), "the bound lies inside the interval");
    assert!(interval("low") < recall && recall < interval("high"));
    assert!(verdict["n_needed"].as_u64().expect("rows that would settle it") > 228);
    assert!(!verdict["blocking"].as_bool().expect("a flag"));
}

#[test]
fn breast_cancer_judges_every_line_of_its_file() {
    let (_, record, _) = run("breast-cancer", &["data", "quality"]);
    let judged: BTreeSet<&str> = list(&record, "verdicts").iter().filter_map(|v| v["gate"].as_str()).collect();
    let quality = ["f1 >= 0.90", "f1 within 3% of baseline", "gap(accuracy[size]) <= 15pp", "expected_cost <= 0.5"];
    let data = ["unique(row_id)", "row_id references test.row_id", "texture matches '^(smooth|coarse)$'", "rows = 341"];
    for gate in quality.iter().chain(&data) {
        assert!(judged.contains(gate), "no verdict on `{gate}` among {judged:#?}");
    }
    let slices: Vec<&str> = list(&record, "verdicts")
        .iter()
        .filter(|v| v["gate"] == "accuracy[size] >= 0.85")
        .filter_map(|v| v["slice"]["value"].as_str())
        .collect();
    assert_eq!(slices.iter().collect::<BTreeSet<_>>(), BTreeSet::from([&"large", &"small"]), "one verdict a slice");
}

#[test]
fn a_second_run_finds_the_same() {
    let (_, first, _) = run("breast-cancer", &["data", "quality"]);
    let (_, second, _) = run("breast-cancer", &["data", "quality"]);
    for part in ["inputs", "measurements", "checks", "verdicts", "decision"] {
        assert_eq!(first[part], second[part], "`{part}` differs between two runs");
    }
    assert_eq!(first["run"]["hash"], second["run"]["hash"]);
}

#[test]
fn blocked_is_blocked_against_production_on_the_same_rows() {
    let (code, record, said) = run("blocked", &[]);
    let gates = not_passed(&record);
    let theirs = [
        ("f1 >= 0.90", "inconclusive"),
        ("f1 within 3% of baseline", "failed"),
        ("log_loss <= baseline + 5%", "failed"),
    ];
    assert_eq!(gates, theirs, "mlgate said:\n{said}");
    assert_eq!(record["decision"]["outcome"], "blocked");
    assert_eq!(record["decision"]["because"], "failed");
    assert_eq!(code, Some(1));

    let verdicts = list(&record, "verdicts");
    let within = verdicts.iter().find(|v| v["gate"] == "f1 within 3% of baseline").expect("just seen");
    assert!(within["method"].as_str().unwrap_or_default().contains("paired"), "the same rows are tested in pairs");
    assert!(said.contains("f1 within 3% of baseline"), "the terminal names the gate that failed:\n{said}");
}
