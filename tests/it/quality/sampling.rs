//! Rows that count differently and rows that were drawn together.

use super::world::{World, find, predictions, rows};
use mlgate::config::Task;
use mlgate::data::table::Table;
use mlgate::model::Measurement;
use mlgate::quality::measure::metrics;
use mlgate::quality::{known_metrics, predictions as read};
use mlgate::stats::counts::{CountMetric, Tally};
use mlgate::stats::sampling::Sampling;
use std::path::Path;

#[derive(serde::Deserialize)]
struct Case {
    file: String,
    task: String,
    metrics: std::collections::BTreeMap<String, f64>,
}

#[test]
fn weighted_metrics_equal_scikit_learns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weights");
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(root.join("expected.json")).unwrap()).unwrap();
    assert_eq!(cases.len(), 9);
    for case in cases {
        let task = match case.task.as_str() {
            "binary" => Task::Binary,
            "multiclass" => Task::Multiclass,
            _ => Task::Regression,
        };
        let mut config = predictions(&case.file, task);
        config.weight = Some("w".into());
        let table = Table::open(&root, &case.file, None).unwrap();
        let predicted = read::read(&table, &config, &case.file, false).unwrap();
        let found = metrics(&predicted.outcomes, &predicted.sampling, task, 0.95);
        let mut seen = 0;
        for (id, expected) in &case.metrics {
            let (_, found) = found.iter().find(|(metric, _)| metric.name == *id).unwrap_or_else(|| panic!("no {id}"));
            let (value, interval) = found.unwrap_or_else(|| panic!("{} {id} is undefined", case.file));
            assert!((value - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{} {id}: {value}", case.file);
            let interval = interval.unwrap_or_else(|| panic!("{id} has no interval"));
            assert!(interval.low < value && value < interval.high, "{} {id}: {value} {interval:?}", case.file);
            seen += 1;
        }
        assert!(seen >= 6, "{}", case.file);
    }
}

/// The rows of [`rows`] with a column more, by the number of the row.
fn with(column: &str, text: &str, of: impl Fn(usize) -> String) -> String {
    let mut lines = text.lines();
    let mut out = format!("{},{column}\n", lines.next().unwrap());
    for (row, line) in lines.enumerate() {
        out.push_str(&format!("{line},{}\n", of(row)));
    }
    out
}

fn measured(world: &World) -> Vec<Measurement> {
    let (evidence, _) = world.run();
    assert!(evidence.faults.is_empty(), "{:?}", evidence.faults);
    evidence.measurements
}

#[test]
fn equal_weights_change_no_value_and_hardly_an_interval() {
    let plain = measured(&World::binary(&rows(400, 5)));
    let mut world = World::binary(&with("w", &rows(400, 5), |_| "2.5".into()));
    world.quality.predictions.as_mut().unwrap().weight = Some("w".into());
    let weighted = measured(&world);
    assert_eq!(plain.len(), weighted.len());
    for (a, b) in plain.iter().zip(&weighted) {
        assert!(a.key() == b.key() && (a.value - b.value).abs() < 1e-12, "{} {} {}", a.key(), a.value, b.value);
        let width = |m: &Measurement| m.interval.unwrap().high - m.interval.unwrap().low;
        assert!((width(a) / width(b) - 1.0).abs() < 0.12, "{}: {:?} {:?}", a.key(), a.interval, b.interval);
    }
}

#[test]
fn copies_of_rows_in_groups_say_no_more_than_the_rows() {
    let single = rows(300, 5);
    let copied: String = single.lines().skip(1).flat_map(|line| (0..4).map(move |_| format!("{line}\n"))).collect();
    let copied = with("g", &format!("id,y,p,segment\n{copied}"), |row| format!("patient {}", row / 4));
    let run = |text: &str, group: Option<&str>| {
        let mut world = World::binary(text);
        let config = world.quality.predictions.as_mut().unwrap();
        (config.id, config.group) = (None, group.map(str::to_string));
        config.slices.clear();
        measured(&world)
    };
    let (alone, grouped, naive) = (run(&single, None), run(&copied, Some("g")), run(&copied, None));
    let width = |m: &Measurement| m.interval.unwrap().high - m.interval.unwrap().low;
    for metric in known_metrics(Task::Binary) {
        let key = format!("quality.{}", metric.id);
        let (alone, grouped, naive) = (find(&alone, &key), find(&grouped, &key), find(&naive, &key));
        assert!((alone.value - grouped.value).abs() < 1e-9, "{key}");
        let ratio = width(grouped) / width(alone);
        assert!((0.88..1.12).contains(&ratio), "{key}: {ratio}");
        assert!(width(naive) < 0.6 * width(grouped), "{key}: copies taken for rows look twice as sure");
    }
}

/// Seeded: 400 experiments of 80 groups of five rows that mostly go right or wrong together.
#[test]
fn intervals_of_groups_hold_the_truth() {
    let (mut state, mut held) = (20_250_601_u64, 0);
    let mut uniform = || {
        state = state * 48_271 % 2_147_483_647;
        state as f64 / 2_147_483_647.0
    };
    for _ in 0..400 {
        let (mut truth, mut predicted, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for group in 0..80 {
            // Half of the groups are hard: right in 60 % of rows, the others in 90 %.
            let right = if uniform() < 0.5 { 0.6 } else { 0.9 };
            for row in 0..5_u32 {
                let says = if uniform() < right { row % 2 } else { 1 - row % 2 };
                truth.push(row % 2);
                predicted.push(says);
                groups.push(group);
            }
        }
        let tally = Tally::of(2, &truth, &predicted, None);
        let linear = CountMetric::Accuracy.linear(&tally, &truth, &predicted, None).unwrap();
        let interval = linear.clustered(Some(&groups)).interval(0.95);
        held += u32::from(interval.low <= 0.75 && 0.75 <= interval.high);
    }
    // A true 95 % holds in 364 to 393 of 400 with a probability of more than 99.9 %.
    assert!((364..=393).contains(&held), "{held} of 400");
}

#[test]
fn pairs_keep_weights_and_groups() {
    let text =
        |flip| with("w", &with("g", &rows(300, flip), |row| (row / 3).to_string()), |row| (1 + row % 3).to_string());
    let mut world = World::binary(&text(7)).with("base.csv", &text(5)).baseline_file("base.csv");
    let plain = world.run().0.comparisons;
    let config = world.quality.predictions.as_mut().unwrap();
    (config.weight, config.group) = (Some("w".into()), Some("g".into()));
    let weighted = world.run().0.comparisons;
    assert_eq!(plain.len(), weighted.len());
    let weights = Sampling { weights: None, groups: None };
    assert!(weights.is_plain());
    for (a, b) in plain.iter().zip(&weighted) {
        assert_eq!((&a.id, &a.slice), (&b.id, &b.slice));
        // Bins of a calibration differ between the models, so that rows have no partner in them.
        assert!(
            b.method.contains("paired")
                || ["quality.ece", "quality.ece_equal_mass", "quality.mce"].contains(&b.id.as_str()),
            "{}: {}",
            b.id,
            b.method
        );
        let interval = b.difference.interval.unwrap();
        assert!(interval.low <= b.difference.value && b.difference.value <= interval.high, "{b:?}");
    }
    assert!(plain.iter().zip(&weighted).any(|(a, b)| a.difference.value != b.difference.value));
}

#[test]
fn weights_that_make_no_sense_are_faults() {
    let faults = |of: &dyn Fn(usize) -> String| {
        let mut world = World::binary(&with("w", &rows(6, 5), of));
        world.quality.predictions.as_mut().unwrap().weight = Some("w".into());
        world.faults()
    };
    assert!(faults(&|row| (row as i64 - 2).to_string()).contains("is below zero, which no weight is, in 2 of 6 rows"));
    assert!(faults(&|row| if row == 1 { "NaN".into() } else { "1".into() }).contains("\"w\" is null or NaN in 1 of 6"));
    assert!(faults(&|row| if row == 1 { "inf".into() } else { "1".into() }).contains("is infinite in 1 of 6"));
    assert!(faults(&|_| "0".into()).contains("every weight in column \"w\" is zero"));
    let mut world = World::binary(&with("g", &rows(6, 5), |row| if row == 2 { String::new() } else { "a".into() }));
    world.quality.predictions.as_mut().unwrap().group = Some("g".into());
    assert!(world.faults().contains("\"g\" is null or NaN in 1 of 6 rows: row 3"));
    world.quality.predictions.as_mut().unwrap().group = Some("patient".into());
    assert!(world.faults().contains("no column \"patient\", which quality.predictions names as `group`"));
}

#[test]
fn one_group_says_nothing_about_others() {
    let mut world = World::binary(&with("g", &rows(60, 5), |_| "only".into()));
    world.quality.predictions.as_mut().unwrap().group = Some("g".into());
    let found = measured(&world);
    let accuracy = find(&found, "quality.accuracy").interval.unwrap();
    assert_eq!((accuracy.low, accuracy.high), (0.0, 1.0));
}
