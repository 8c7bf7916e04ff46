//! Measures of fairness against Fairlearn's, on the tables that tests/fairness/make.py wrote, and gates on them.

use super::tables::apart;
use super::world::{World, find, predictions};
use mlgate::config::{SliceBy, Task};
use mlgate::data::table::Table;
use mlgate::model::Asked;
use mlgate::quality::measure::{How, measure};
use mlgate::quality::{fairness_metrics, predictions as read};
use std::path::Path;

#[derive(serde::Deserialize)]
struct Case {
    file: String,
    weighted: bool,
    measures: std::collections::BTreeMap<String, f64>,
}

#[test]
fn every_measure_equals_fairlearns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fairness");
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(root.join("expected.json")).unwrap()).unwrap();
    assert_eq!(cases.len(), 4);
    let mut worst = 0.0_f64;
    for case in cases {
        let mut config = predictions(&case.file, Task::Binary);
        (config.score, config.prediction) = (None, Some("predicted".into()));
        config.weight = case.weighted.then(|| "w".into());
        config.slices = vec![SliceBy::Column("group".into())];
        let table = Table::open(&root, &case.file, None).unwrap();
        let predicted = read::read(&table, &config, &case.file, false).unwrap();
        let found = measure(&predicted, &How { task: Task::Binary, min_slice_rows: 1, level: 0.95, asked: Asked::All })
            .measurements;
        assert_eq!(case.measures.len(), fairness_metrics(Task::Binary).count());
        for (id, expected) in &case.measures {
            let found = find(&found, &format!("quality.{id}[group=*]"));
            worst = worst.max(apart(found.value, *expected));
            assert!(apart(found.value, *expected) <= 1e-9, "{} {id}: {} {expected}", case.file, found.value);
            let interval = found.interval.unwrap();
            assert!(interval.low <= found.value && found.value <= interval.high, "{} {id} {interval:?}", case.file);
            assert!(interval.low < interval.high, "{} {id} {interval:?}", case.file);
        }
    }
    println!("the worst difference is {worst:.1e}");
}

/// Seeded: 300 experiments of three groups whose true selection rates are 0.3, 0.4 and 0.45.
#[test]
fn the_interval_holds_the_true_difference() {
    let (mut state, mut held) = (20_250_601_u64, 0);
    let mut uniform = || {
        state = state * 48_271 % 2_147_483_647;
        state as f64 / 2_147_483_647.0
    };
    let config = {
        let mut config = predictions("p.csv", Task::Binary);
        (config.score, config.prediction) = (None, Some("said".into()));
        config.slices = vec![SliceBy::Column("g".into())];
        config
    };
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..300 {
        let mut text = "y,said,g\n".to_string();
        for row in 0..300 {
            let said = u8::from(uniform() < [0.3, 0.4, 0.45][row % 3]);
            text.push_str(&format!("{},{said},{}\n", row % 2, row % 3));
        }
        std::fs::write(dir.path().join("p.csv"), text).unwrap();
        let predicted = read::read(&Table::open(dir.path(), "p.csv", None).unwrap(), &config, "p.csv", false).unwrap();
        let found = measure(&predicted, &How { task: Task::Binary, min_slice_rows: 1, level: 0.95, asked: Asked::All })
            .measurements;
        let interval = find(&found, "quality.demographic_parity_difference[g=*]").interval.unwrap();
        held += u32::from(interval.low <= 0.15 && 0.15 <= interval.high);
    }
    // At least 95 %: fewer than 271 would be luck of less than one in a thousand.
    assert!(held >= 271, "{held} of 300");
}

#[test]
fn a_group_without_positives_has_no_opportunity() {
    let mut text = "id,y,p,segment\n".to_string();
    for i in 0..40 {
        text.push_str(&format!(
            "{i},{},0.{},{}\n",
            if i < 20 { i % 2 } else { 0 },
            3 + i % 5,
            if i < 20 { "a" } else { "b" }
        ));
    }
    let (evidence, _) = World::binary(&text).run();
    assert!(find(&evidence.measurements, "quality.equal_opportunity_difference[segment=*]").value.is_nan());
    assert!(find(&evidence.measurements, "quality.demographic_parity_difference[segment=*]").value.is_finite());
    assert!(evidence.notes.iter().any(|note| note.contains("a group has no positive row")), "{:?}", evidence.notes);
}
