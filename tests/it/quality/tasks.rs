//! Metrics of several labels, class probabilities, ranked documents, forecasts and repeated attempts against
//! scikit-learn's and their definitions, on the tables that tests/tasks/make.py wrote.

use super::tables::apart;
use mlgate::config::{self, Predictions, Task};
use mlgate::data::table::Table;
use mlgate::model::Asked;
use mlgate::quality::measure::{How, measure};
use mlgate::quality::{Better, TASKS, known_metrics, metrics_of, predictions as read};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(serde::Deserialize)]
struct Case {
    file: String,
    predictions: String,
    metrics: BTreeMap<String, Option<f64>>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tasks")
}

/// `keys` as `quality.predictions` holds them.
pub fn configured(file: &str, keys: &str) -> Predictions {
    let text = format!("version: 1\nmodel: {{name: m}}\nquality:\n  predictions: {{file: {file}, {keys}}}\n");
    let config = config::parse(&text, metrics_of).unwrap_or_else(|problems| panic!("{file} {keys}: {problems:?}"));
    let mut predictions = config.quality.unwrap().predictions.unwrap();
    // The stage makes it a path of its own.
    predictions.detail.history = predictions.detail.history.map(|file| root().join(file));
    predictions
}

#[test]
fn every_metric_equals_its_reference() {
    let cases: Vec<Case> =
        serde_json::from_str(&std::fs::read_to_string(root().join("expected.json")).unwrap()).unwrap();
    assert!(cases.len() >= 20);
    let (mut wrong, mut worst) = (Vec::new(), 0.0_f64);
    for case in cases {
        let config = configured(&case.file, &case.predictions);
        let table = Table::open(&root(), &case.file, None).unwrap();
        let read = read::read(&table, &config, &case.file, false);
        let predicted = read.unwrap_or_else(|faults| panic!("{}: {faults:?}", case.file));
        let measured =
            measure(&predicted, &How { task: config.task, min_slice_rows: 1, level: 0.95, asked: Asked::All })
                .measurements;
        let known: Vec<String> = metrics_of(&config).into_iter().map(|metric| metric.id).collect();
        for found in &measured {
            let id = found.id.strip_prefix("quality.").unwrap();
            let of_class =
                |known: &String| known.strip_suffix("(*)").is_some_and(|of| id.starts_with(&format!("{of}(")));
            assert!(known.iter().any(|known| known == id || of_class(known)), "no gate could name {id}: {known:?}");
            if !found.value.is_nan() {
                let interval = found.interval.unwrap_or_else(|| panic!("{} {id} has no interval", case.file));
                assert!(interval.low <= found.value && found.value <= interval.high, "{} {found:?}", case.file);
                assert!(interval.low < interval.high, "{} {found:?}: no width pretends certainty", case.file);
            }
        }
        for (id, expected) in &case.metrics {
            let found = measured.iter().find(|found| found.id == format!("quality.{id}"));
            let value = found.unwrap_or_else(|| panic!("{}: no {id}", case.file)).value;
            match expected {
                Some(expected) if apart(value, *expected) <= 1e-9 => worst = worst.max(apart(value, *expected)),
                None if value.is_nan() => {}
                _ => wrong.push(format!("{} {id}: {value:?}, its reference {expected:?}", case.file)),
            }
        }
    }
    println!("the worst difference is {worst:.1e}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The table of a task's metrics, as docs/metrics.md has it.
fn table(task: Task) -> String {
    let mut text = format!("## {}\n\n| metric | other names | better | what it is | no value when |\n", task.name());
    text.push_str("| --- | --- | --- | --- | --- |\n");
    let plain = |words: &str| words.replace('|', "\\|");
    for metric in known_metrics(task) {
        let names = metric.aliases.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let better = if metric.better == Better::Higher { "higher" } else { "lower" };
        let (formula, undefined) = (plain(metric.formula), plain(metric.undefined));
        text.push_str(&format!("| `{}` | {names} | {better} | {formula} | {undefined} |\n", metric.id));
    }
    text
}

#[test]
fn metrics_md_lists_every_metric() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let page = std::fs::read_to_string(page).unwrap();
    let tables: Vec<String> = TASKS.into_iter().map(table).collect();
    let lacking: Vec<&String> = tables.iter().filter(|table| !page.contains(table.as_str())).collect();
    let lacking = lacking.into_iter().cloned().collect::<Vec<_>>().join("\n");
    assert!(lacking.is_empty(), "docs/metrics.md lacks\n{lacking}\n(end)");
}
