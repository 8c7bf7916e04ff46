//! Rows that count differently and rows that were drawn together.

use super::tables::apart;
use super::tasks::configured;
use super::world::{World, find, predictions, rows};
use mlgate::config::Task;
use mlgate::data::table::Table;
use mlgate::model::Measurement;
use mlgate::quality::measure::metrics;
use mlgate::quality::{known_metrics, predictions as read};
use mlgate::stats::counts::{CountMetric, Tally};
use mlgate::stats::linear::{Linear, Scale};
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
    let mut worst = 0.0_f64;
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
            worst = worst.max(apart(value, *expected));
            assert!(apart(value, *expected) <= 1e-9, "{} {id}: {value}", case.file);
            let interval = interval.unwrap_or_else(|| panic!("{id} has no interval"));
            assert!(interval.low < value && value < interval.high, "{} {id}: {value} {interval:?}", case.file);
            seen += 1;
        }
        assert!(seen >= 6, "{}", case.file);
    }
    println!("the worst difference is {worst:.1e}");
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

/// Measurements of a task's own predictions.
fn measured_as(keys: &str, text: &str) -> Vec<Measurement> {
    let mut world = World::new().with("p.csv", text);
    world.quality.predictions = Some(configured("p.csv", keys));
    measured(&world)
}

#[test]
fn weighted_rows_of_labels_count_as_so_many_rows() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tasks/labels.csv");
    let text = std::fs::read_to_string(table).unwrap();
    let keys = "task: multilabel, labels: [ant, bee, cat, dog], label: y_*, score: s_*";
    let weighted = measured_as(&format!("{keys}, weight: w"), &with("w", &text, |row| (1 + row % 3).to_string()));
    let mut lines = text.lines();
    let head = lines.next().unwrap();
    let repeated = lines.enumerate().flat_map(|(row, line)| vec![line; 1 + row % 3]);
    let repeated = measured_as(keys, &std::iter::once(head).chain(repeated).collect::<Vec<_>>().join("\n"));
    assert!(weighted.len() == repeated.len() && weighted.len() > 30);
    for (a, b) in weighted.iter().zip(&repeated) {
        assert!(a.id == b.id && apart(a.value, b.value) < 1e-12, "{} {} {}", a.id, a.value, b.value);
        // As many rows were not drawn.
        let width = |m: &Measurement| m.interval.unwrap().high - m.interval.unwrap().low;
        assert!(width(a) > width(b), "{}: {:?} {:?}", a.id, a.interval, b.interval);
    }
    assert!(measured_as(keys, &text).iter().zip(&weighted).any(|(plain, weighted)| plain.value != weighted.value));
}

/// Rows of 120 units, of which `copies` are alike but for their name, and say so by `g`.
fn units(head: &str, copies: usize, rows: impl Fn(&mut dyn FnMut() -> f64, &str) -> Vec<String>) -> String {
    let mut state = 20_250_601_u64;
    let mut text = format!("{head},g\n");
    for unit in 0..120 {
        let start = state;
        for copy in 0..copies {
            state = start;
            let mut uniform = || {
                state = state * 48_271 % 2_147_483_647;
                state as f64 / 2_147_483_647.0
            };
            for row in rows(&mut uniform, &format!("u{unit}-{copy}")) {
                text.push_str(&format!("{row},g{unit}\n"));
            }
        }
    }
    text
}

#[test]
fn copies_of_rows_queries_and_items_in_groups_say_no_more_than_one() {
    let labels = |uniform: &mut dyn FnMut() -> f64, _: &str| {
        let (a, b) = (uniform(), uniform());
        let truth = |p: f64, by: f64| u8::from(p + by > 0.75);
        vec![format!("{},{},{a},{b}", truth(a, uniform() * 0.5), truth(b, uniform() * 0.5))]
    };
    let documents = |uniform: &mut dyn FnMut() -> f64, name: &str| {
        (0..6).map(|_| format!("{name},{},{}", (uniform() * 3.0) as u8, uniform())).collect()
    };
    let attempts = |uniform: &mut dyn FnMut() -> f64, name: &str| {
        let ease = uniform();
        (0..4).map(|_| format!("{name},{}", 0.5 * ease + 0.5 * uniform())).collect()
    };
    type Draw<'a> = &'a dyn Fn(&mut dyn FnMut() -> f64, &str) -> Vec<String>;
    let cases: [(&str, &str, Draw<'_>); 3] = [
        ("task: multilabel, labels: [a, b], label: y_*, score: s_*", "y_a,y_b,s_a,s_b", &labels),
        ("task: ranking, query: q, label: rel, score: s, k: [3]", "q,rel,s", &documents),
        ("task: repeats, id: item, score: s, repeat: 4, pass: 3, k: [2]", "item,s", &attempts),
    ];
    for (keys, head, draw) in cases {
        let alone = measured_as(keys, &units(head, 1, draw));
        let copied = units(head, 4, draw);
        let (grouped, naive) = (measured_as(&format!("{keys}, group: g"), &copied), measured_as(keys, &copied));
        assert!(alone.len() == grouped.len() && alone.len() >= 6, "{keys}");
        let width = |m: &Measurement| m.interval.unwrap().high - m.interval.unwrap().low;
        for ((alone, grouped), naive) in alone.iter().zip(&grouped).zip(&naive) {
            assert!((alone.value - grouped.value).abs() < 1e-9, "{keys} {}", alone.id);
            let ratio = width(grouped) / width(alone);
            assert!((0.9..1.1).contains(&ratio), "{keys} {}: {ratio}", alone.id);
            assert!(width(naive) < 0.6 * width(grouped), "{keys} {}", alone.id);
        }
    }
}

#[test]
fn a_query_is_in_one_group() {
    let mut world = World::new().with("p.csv", "q,rel,s,g\na,1,0.5,x\na,0,0.4,y\nb,1,0.3,x\n");
    let keys = "task: ranking, query: q, label: rel, score: s, group: g";
    world.quality.predictions = Some(configured("p.csv", keys));
    let said = world.faults();
    assert!(said.contains("column \"g\" of `group` has another value than an earlier row of the same query"), "{said}");
    for (keys, why) in [
        ("task: ranking, query: q, label: rel, score: s, weight: w", "each query counts one"),
        ("task: repeats, id: i, score: s, repeat: 2, weight: w", "each item counts one"),
        ("task: forecast, label: y, prediction: f, time: t, group: g", "are what is drawn already"),
        ("task: text, label: y, prediction: f, weight: w", "of a whole corpus"),
    ] {
        let text = format!("version: 1\nmodel: {{name: m}}\nquality:\n  predictions: {{file: p.csv, {keys}}}\n");
        let problems = mlgate::config::parse(&text, mlgate::quality::metrics_of).unwrap_err();
        assert!(format!("{problems:?}").contains(why), "{keys}: {problems:?}");
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

/// The mean of a stratified sample is as sure as the formula of the books says: √ Σ (n_h / n)² s_h² / n_h.
#[test]
fn strata_leave_the_error_within_them() {
    let values: Vec<f64> = (0..60).map(|i| f64::from(i % 3) * 0.3 + f64::from(i % 7) * 0.01).collect();
    let strata: Vec<u32> = (0..60).map(|i| u32::from(i % 3 == 0 || i % 15 == 1)).collect();
    let sampling = |strata: &[u32]| Sampling { strata: Some(strata.to_vec()), ..Sampling::default() };
    let mean = || Linear::mean(values.clone(), None, Scale::Share).unwrap();
    let variance: f64 = (0..2)
        .map(|stratum| {
            let of = values.iter().zip(&strata).filter(|(_, s)| **s == stratum);
            let of: Vec<f64> = of.map(|(value, _)| *value).collect();
            let (n, centre) = (of.len() as f64, of.iter().sum::<f64>() / of.len() as f64);
            let square = of.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / (n - 1.0);
            (n / 60.0).powi(2) * square / n
        })
        .sum();
    let found = mean().drawn(&sampling(&strata));
    assert!((found.variance() / variance - 1.0).abs() < 1e-12, "{} {variance}", found.variance());
    assert!(found.variance() < 0.8 * mean().variance() && found.freedom == Some(58.0));
    // One stratum is no stratum, and rows that are groups of themselves are rows.
    assert!((mean().drawn(&sampling(&[0; 60])).variance() / mean().variance() - 1.0).abs() < 1e-12);
    let grouped = Sampling { groups: Some((0..60).collect()), ..sampling(&strata) };
    assert!((mean().drawn(&grouped).variance() / variance - 1.0).abs() < 1e-12);
    // A stratum of one row claims no certainty.
    let lonely: Vec<u32> = (0..60).collect();
    assert!((mean().drawn(&sampling(&lonely)).variance() / mean().variance() - 1.0).abs() < 1e-12);
}

/// Seeded: 400 experiments of 40 rows of an easy stratum and 40 of a hard one.
#[test]
fn intervals_of_strata_hold_the_truth() {
    let (mut held, mut held_without, mut state) = (0, 0, 77_u64);
    let mut uniform = || {
        state = state.wrapping_mul(48_271) % 2_147_483_647;
        state as f64 / 2_147_483_647.0
    };
    for _ in 0..400 {
        let strata: Vec<u32> = (0..80).map(|row| row / 40).collect();
        let truth: Vec<u32> = (0..80).map(|row| row % 2).collect();
        let right = |stratum: u32| if stratum == 0 { 0.95 } else { 0.35 };
        let says = |(truth, stratum): (&u32, &u32)| if uniform() < right(*stratum) { *truth } else { 1 - truth };
        let predicted: Vec<u32> = truth.iter().zip(&strata).map(says).collect();
        let tally = Tally::of(2, &truth, &predicted, None);
        let linear = CountMetric::Accuracy.linear(&tally, &truth, &predicted, None).unwrap();
        let holds = |linear: Linear| {
            let interval = linear.interval(0.95);
            u32::from(interval.low <= 0.65 && 0.65 <= interval.high)
        };
        held_without += holds(linear.clone());
        held += holds(linear.drawn(&Sampling { strata: Some(strata), ..Sampling::default() }));
    }
    // A true 95 % holds in 364 to 393 of 400 with a probability of more than 99.9 %.
    assert!((364..=393).contains(&held), "{held} of 400");
    assert!(held_without > 395, "{held_without} of 400: without strata too wide");
}

#[test]
fn strata_are_read_for_both_models_and_groups_lie_in_one() {
    let text = |flip| with("s", &rows(300, flip), |row| ["north", "south"][usize::from(row % 3 == 0)].to_string());
    let mut world = World::binary(&text(7)).with("base.csv", &text(5)).baseline_file("base.csv");
    let plain = find(&world.run().0.measurements, "quality.f1").clone();
    world.quality.predictions.as_mut().unwrap().strata = Some("s".into());
    let (evidence, _) = world.run();
    assert_eq!(evidence.faults, []);
    let f1 = find(&evidence.measurements, "quality.f1");
    assert!(f1.value == plain.value && f1.interval != plain.interval, "{f1:?} {plain:?}");
    let note = evidence.metrics.iter().find(|note| note.id == "quality.f1").unwrap();
    assert!(note.interval.as_ref().unwrap().contains("within each stratum"), "{note:?}");
    assert!(evidence.comparisons.iter().any(|c| c.id == "quality.f1" && c.method.contains("paired delta method")));
    // Rows 1 and 2 of one group, in different strata.
    let across = with("g", &text(7), |row| (row / 2).to_string());
    let mut world = World::binary(&across);
    let config = world.quality.predictions.as_mut().unwrap();
    (config.strata, config.group) = (Some("s".into()), Some("g".into()));
    let faults = world.run().0.faults;
    assert!(faults[0].why.contains("of one group, but of different strata"), "{faults:?}");
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
    let weights = Sampling::default();
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
