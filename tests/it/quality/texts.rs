//! Text metrics against sacreBLEU's, rouge_score's and jiwer's, on the tables that tests/text/make.py wrote, and what
//! the stage says of texts that are not there.

use super::tables::apart;
use super::world::{World, find, predictions};
use crate::repo::Repo;
use mlgate::config::{Predictions, SliceBy, Task};
use mlgate::data::table::Table;
use mlgate::model::{Asked, Interval};
use mlgate::quality::measure::{How, measure, metrics};
use mlgate::quality::{known_metrics, predictions as read};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(serde::Deserialize)]
struct Case {
    file: String,
    metrics: BTreeMap<String, Option<f64>>,
    signatures: BTreeMap<String, String>,
}

fn texts(file: &str) -> Predictions {
    let columns =
        Predictions { label: "reference".into(), prediction: Some("output".into()), ..predictions(file, Task::Text) };
    Predictions { score: None, ..columns }
}

#[test]
fn every_metric_equals_its_reference() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/text");
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(root.join("expected.json")).unwrap()).unwrap();
    assert!(cases.len() >= 15);
    let (mut wrong, mut worst) = (Vec::new(), 0.0_f64);
    for case in cases {
        let table = Table::open(&root, &case.file, None).unwrap();
        let predicted = read::read(&table, &texts(&case.file), &case.file, false).unwrap();
        let found = metrics(&predicted.outcomes, &predicted.sampling, Task::Text, 0.95);
        assert_eq!(found.len(), known_metrics(Task::Text).len());
        assert_eq!(found.len(), case.metrics.len(), "{}: as many metrics as the references gave", case.file);
        for (metric, found) in found {
            let expected = case.metrics[metric.info.id];
            let value = found.map(|(value, _)| value);
            let equal = match (value, expected) {
                (Some(a), Some(b)) => {
                    worst = worst.max(apart(a, b));
                    apart(a, b) <= 1e-12
                }
                (None, None) => true,
                _ => false,
            };
            if !equal {
                wrong.push(format!("{} {}: {value:?}, its reference {expected:?}", case.file, metric.name));
            }
            if let Some((value, Some(Interval { low, high, .. }))) = found {
                assert!(low <= value && value <= high, "{} {}: {value} in {low} to {high}", case.file, metric.name);
                assert!(low < high, "{} {}: an interval of no width pretends certainty", case.file, metric.name);
            }
        }
        let measured =
            measure(&predicted, &How { task: Task::Text, min_slice_rows: 1, level: 0.95, asked: Asked::All });
        for (id, signature) in &case.signatures {
            let source = &find(&measured.measurements, &format!("quality.{id}")).source;
            assert_eq!(*source, format!("{} ({signature})", case.file));
        }
    }
    println!("the worst difference is {worst:.1e}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[track_caller]
fn says(name: &str, text: &str, parts: &[&str]) {
    let mut world = World::new().with(name, text);
    world.quality.predictions = Some(texts(name));
    let faults = world.faults();
    for part in parts {
        assert!(faults.contains(part), "{part:?} is not in: {faults}");
    }
    assert!(world.run().0.measurements.is_empty());
}

#[test]
fn texts_that_are_not_there_are_faults() {
    says("p.csv", "reference,output\n", &["no rows"]);
    says("p.csv", "reference,outputs\na,b\n", &["no column \"output\"", "`prediction`", "did you mean \"outputs\"?"]);
    says(
        "p.csv",
        "reference,output\na,\n,b\nc,d\n",
        &[
            "column \"output\" is empty, which in CSV is null, in 1 of 3 rows: row 1",
            "column \"reference\" is empty, which in CSV is null, in 1 of 3 rows: row 2",
        ],
    );
    says(
        "p.ndjson",
        "{\"reference\":\"a\",\"output\":null}\n{\"reference\":\"b\"}\n",
        &["column \"output\" is null in 2 of 2 rows: rows 1, 2"],
    );
    says(
        "p.ndjson",
        "{\"reference\":[\"a\",\"b\"],\"output\":\"a\"}\n",
        &["every value of column \"reference\" is a JSON array", "list of texts in Parquet"],
    );
}

#[test]
fn texts_are_read_as_they_are_written() {
    // Whatever else these could be: a number, a date, a truth value. An empty text of NDJSON is a text.
    for (name, text) in [
        ("p.csv", "reference,output\n1.50,1.5\n007,7\n2024-01-01,2024-01-01\ntrue,True\n"),
        (
            "p.ndjson",
            "{\"reference\":\"1.50\",\"output\":\"1.5\"}\n{\"reference\":\"007\",\"output\":\"\"}\n\
             {\"reference\":\"2024-01-01\",\"output\":\"2024-01-01\"}\n{\"reference\":\"true\",\"output\":\"True\"}\n",
        ),
    ] {
        let mut world = World::new().with(name, text);
        world.quality.predictions = Some(texts(name));
        let (evidence, _) = world.run();
        assert_eq!(find(&evidence.measurements, "quality.exact_match").value, 0.25, "{name}: {evidence:?}");
        assert_eq!(find(&evidence.measurements, "quality.wer").value, 0.75, "{name}");
    }
}

/// Rows of two sentences each; every `wrong`-th says something else.
fn rows(count: usize, wrong: usize) -> String {
    let mut text = "id,reference,output,lang\n".to_string();
    for i in 0..count {
        let reference = format!("in row {i} the model answers question {} of the survey", i % 13);
        let output = if i % wrong == 0 { reference.replace("model answers", "cat eats") } else { reference.clone() };
        text.push_str(&format!("r{i},{reference},{output},{}\n", if i % 3 == 0 { "de" } else { "en" }));
    }
    text
}

#[test]
fn rows_are_compared_in_pairs() {
    let mut world = World::new().with("p.csv", &rows(90, 4)).with("old.csv", &rows(90, 3)).baseline_file("old.csv");
    let mut config = texts("p.csv");
    (config.id, config.slices) = (Some("id".into()), vec![SliceBy::Column("lang".into())]);
    world.quality.predictions = Some(config);
    let (evidence, _) = world.run();
    assert!(evidence.faults.is_empty(), "{evidence:?}");
    let compared = |id: &str| evidence.comparisons.iter().find(|c| c.id == id && c.slice.is_none()).unwrap();
    for metric in known_metrics(Task::Text) {
        let found = compared(&format!("quality.{}", metric.id));
        assert!(found.method.contains("90 rows joined on id"), "{found:?}");
        let interval = found.difference.interval.unwrap();
        let better = (found.difference.value > 0.0) == (metric.id != "wer");
        assert!(better && interval.low < found.difference.value && found.difference.value < interval.high, "{found:?}");
    }
    let sliced = evidence.comparisons.iter().filter(|c| c.slice.is_some()).count();
    assert_eq!(sliced, 2 * known_metrics(Task::Text).len());
    // Other references under the same ids: no pairs.
    world.write("old.csv", &rows(90, 3).replace("survey", "poll"));
    let (evidence, _) = world.run();
    let told = evidence.notes.iter().any(|note| note.contains("90 of 90 rows with the same id have another label"));
    assert!(told && evidence.comparisons.iter().all(|c| c.method.contains("two samples")), "{evidence:?}");
}

const TEXTS: &str = "\
version: 1
model: {name: answers, files: [model/]}
quality:
  predictions: {file: out.csv, task: text, label: reference, prediction: output, id: id, slices: [lang]}
  baseline: old.csv
  gates:
";

#[test]
fn gates_decide_on_texts() {
    let repo = Repo::new("example.com/answers");
    repo.write("old.csv", &rows(400, 50));
    repo.write("out.csv", &rows(400, 40));
    let decide = |gates: &str| {
        repo.write("mlops.yaml", &format!("{TEXTS}    - {}\n", gates.replace('\n', "\n    - ")));
        repo.commit();
        repo.mlgate(&["run", "quality"])
    };
    decide("bleu >= 30\nrougeL within 3% of baseline\nchrf >= baseline - 2\nwer <= 10%\nrouge_l[lang] >= 0.5").exits(0);
    let record = repo.record();
    let bleu = record["measurements"].as_array().unwrap().iter().find(|m| m["id"] == "quality.bleu").unwrap();
    assert!(bleu["source"].as_str().unwrap().contains("tok:13a|smooth:exp|version:"), "{bleu}");
    let said = decide("bleu >= 99.5").exits(1);
    assert!(said.contains("bleu"), "{said}");
    // Every third answer is wrong: worse than the baseline beyond doubt.
    repo.write("out.csv", &rows(400, 3));
    decide("rougeL within 3% of baseline").exits(1);
    // BLEU goes to 100, ROUGE to 1; a slip is told before anything runs.
    let said = decide("bleu >= 101\nrougeL >= 45\nrougel2 >= 0.5").exits(2);
    assert!(said.contains("100") && said.contains("rougeL") && said.contains("nothing measures `rougel2`"), "{said}");
    repo.write("out.csv", "id,reference,ouput,lang\nr1,a,b,en\n");
    let said = decide("bleu >= 30").exits(4);
    assert!(said.contains("no column \"output\"") && said.contains("\"ouput\"?"), "{said}");
    repo.write("out.csv", "");
    let said = decide("bleu >= 30").exits(4);
    assert!(said.contains("out.csv"), "{said}");
}
