//! Every metric against scikit-learn's, on the tables that tests/metrics/make.py wrote.

use super::world::predictions;
use mlgate::config::Task;
use mlgate::data::table::Table;
use mlgate::quality::measure::metrics;
use mlgate::quality::predictions as read;
use std::path::Path;

#[derive(serde::Deserialize)]
struct Case {
    file: String,
    task: String,
    metrics: std::collections::BTreeMap<String, Option<f64>>,
}

/// How far a value is from its reference: in units of the reference, where that is above one.
pub fn apart(value: f64, reference: f64) -> f64 {
    (value - reference).abs() / reference.abs().max(1.0)
}

#[test]
fn every_metric_equals_scikit_learns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/metrics");
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(root.join("expected.json")).unwrap()).unwrap();
    assert!(cases.len() > 15);
    let (mut wrong, mut worst, mut worst_of_32_bits) = (Vec::new(), 0.0_f64, 0.0_f64);
    for case in cases {
        let task = match case.task.as_str() {
            "binary" => Task::Binary,
            "multiclass" => Task::Multiclass,
            _ => Task::Regression,
        };
        let mut config = predictions(&case.file, task);
        config.score = (task == Task::Binary).then(|| "p".to_string());
        config.prediction = (task != Task::Binary).then(|| "predicted".to_string());
        let table = Table::open(&root, &case.file, None).unwrap();
        let predicted = read::read(&table, &config, &case.file, false).unwrap();
        let found = metrics(&predicted.outcomes, &predicted.sampling, task, 0.95);
        assert_eq!(found.len(), case.metrics.len(), "{}: as many metrics as scikit-learn gave", case.file);
        for (metric, found) in found {
            let id = metric.name.as_str();
            let expected = case.metrics.get(id).copied().unwrap_or_else(|| panic!("{id} is not in expected.json"));
            let value = found.map(|(value, _)| value);
            // On scores of 32 bits scikit-learn computes in 32 bits, mlgate in 64.
            let is_of_32_bits = case.file.starts_with("float32");
            let (within, worst) = if is_of_32_bits { (1e-6, &mut worst_of_32_bits) } else { (1e-9, &mut worst) };
            let equal = match (value, expected) {
                (Some(a), Some(b)) => {
                    let apart = apart(a, b);
                    *worst = worst.max(apart);
                    apart <= within
                }
                (None, None) => true,
                _ => false,
            };
            if !equal {
                wrong.push(format!("{} {id}: {value:?}, scikit-learn {expected:?}", case.file));
            }
            if let Some((value, None)) = found {
                assert!(id == "max_error", "{} {id}: {value} has no interval", case.file);
            }
            if let Some((value, Some(interval))) = found {
                assert!(interval.low <= value && value <= interval.high, "{} {id}: {value} {interval:?}", case.file);
                assert!(interval.low < interval.high, "{} {id}: an interval of no width pretends certainty", case.file);
            }
        }
    }
    println!("the worst difference is {worst:.1e}, of scores of 32 bits {worst_of_32_bits:.1e}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
