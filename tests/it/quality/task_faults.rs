//! What can be wrong with the predictions of single tasks is said, and nothing is measured instead; and what their
//! rows are compared by.

use super::tasks::configured;
use super::world::{World, find};
use mlgate::config;
use mlgate::quality::metrics_of;

const LABELS: &str = "task: multilabel, labels: [a, b], label: y_*, score: s_*";
const LISTS: &str = "task: multilabel, labels: [a, b], label: tags, prediction: said";
const CLASSES: &str = "task: multiclass, label: y, score: p_*";
const RANKING: &str = "task: ranking, query: q, label: rel, score: s, k: [2]";
const FORECAST: &str = "task: forecast, label: y, prediction: f, series: s, time: t";
const REPEATS: &str = "task: repeats, id: item, score: s, attempt: n, repeat: 2";

fn world(file: &str, keys: &str, text: &str) -> World {
    let mut world = World::new().with(file, text);
    world.quality.predictions = Some(configured(file, keys));
    world
}

#[track_caller]
fn says(file: &str, keys: &str, text: &str, parts: &[&str]) {
    let world = world(file, keys, text);
    let faults = world.faults();
    for part in parts {
        assert!(faults.contains(part), "{part:?} is not in: {faults}");
    }
    assert!(world.run().0.measurements.is_empty());
}

#[test]
fn nothing_is_measured_on_no_rows() {
    says("p.csv", LABELS, "y_a,y_b,s_a,s_b\n", &["no rows"]);
    says("p.csv", CLASSES, "y,p_x,p_z\n", &["no rows"]);
    says("p.csv", RANKING, "q,rel,s\n", &["no rows"]);
    says("p.csv", FORECAST, "s,t,y,f\n", &["no rows"]);
    says("p.csv", REPEATS, "item,n,s\n", &["no rows"]);
}

#[test]
fn labels_are_those_that_were_named() {
    says("p.csv", LABELS, "y_a,s_a,s_b\n1,0.5,0.5\n", &["no column \"y_b\"", "`label`"]);
    says(
        "p.csv",
        LABELS,
        "y_a,y_b,s_a,s_b\n1,0,0.5,NaN\n2,,1.5,0.1\n",
        &[
            "column \"y_a\" is neither 0 nor 1 in 1 of 2 rows: row 2 (2)",
            "column \"y_b\" is null or NaN in 1 of 2 rows: row 2",
            "column \"s_b\" is null or NaN in 1 of 2 rows: row 1",
            "column \"s_a\" is outside 0 to 1, which no probability is in 1 of 2 rows: row 2 (1.5)",
        ],
    );
    says(
        "p.ndjson",
        LISTS,
        "{\"tags\":[\"a\",\"c\"],\"said\":[]}\n{\"tags\":[],\"said\":null}\n{\"tags\":[\"b\"],\"said\":[1]}\n",
        &[
            "column \"tags\" has a label that is not in `labels` in 1 of 3 rows: row 1 (c)",
            "column \"said\" is null in 1 of 3 rows: row 2",
            "column \"said\" is no JSON array of texts in 1 of 3 rows: row 3",
        ],
    );
    says(
        "p.ndjson",
        "task: multilabel, labels: [a, b], label: tags, score: s",
        "{\"tags\":[\"a\"],\"s\":[0.5]}\n{\"tags\":[\"a\"],\"s\":[0.5,0.5]}\n",
        &["column \"s\" is a list of another length than `labels` in 1 of 2 rows: row 1 (1)"],
    );
    // A row with no label at all is one, and nothing predicted is a prediction.
    let world = world("p.ndjson", LISTS, "{\"tags\":[],\"said\":[]}\n{\"tags\":[\"a\"],\"said\":[\"b\"]}\n");
    assert_eq!(find(&world.run().0.measurements, "quality.subset_accuracy").value, 0.5);
}

#[test]
fn probabilities_are_of_the_classes() {
    says("p.csv", CLASSES, "y,prob\nx,1\n", &["no column \"p_*\"", "`score`"]);
    says("p.csv", CLASSES, "y,p_x,p_z\nx,0.5,0.5\nw,0.5,0.5\n", &["row 2 is of the class \"w\""]);
    says("p.csv", CLASSES, "y,p_x,p_z\nx,0.5,0.4\n", &["do not sum to 1 in 1 of 1 rows: row 1 (0.9)"]);
    says("p.csv", CLASSES, "y,p_x,p_z\nx,1.5,-0.5\n", &["\"p_x\" is outside 0 to 1", "\"p_z\" is outside 0 to 1"]);
}

#[test]
fn rankings_are_of_queries() {
    says(
        "p.csv",
        RANKING,
        "q,rel,s\nq1,-1,0.5\n,1,0.5\nq1,1,inf\n",
        &[
            "column \"rel\" is below 0, which no relevance is in 1 of 3 rows: row 1 (-1)",
            "column \"q\" is null or NaN in 1 of 3 rows: row 2",
            "column \"s\" is infinite in 1 of 3 rows: row 3",
        ],
    );
    let sliced = format!("{RANKING}, slices: [country]");
    says(
        "p.csv",
        &sliced,
        "q,rel,s,country\nq1,1,0.5,de\nq1,0,0.4,fr\n",
        &["\"country\"", "the same query in 1 rows, the first of them row 2", "a whole query"],
    );
    // What a query without a relevant document does is said.
    let (evidence, _) = world("p.csv", RANKING, "q,rel,s\nq1,0,0.5\nq2,1,0.5\nq2,0,0.4\n").run();
    assert_eq!(find(&evidence.measurements, "quality.ndcg").value, 0.5);
    assert!(
        evidence.notes.iter().any(|note| note.contains("1 of 2 queries have no relevant document")),
        "{evidence:?}"
    );
}

#[test]
fn forecasts_are_of_times_of_series() {
    says("p.csv", FORECAST, "s,t,y,f\na,1,1,1\na,1,2,2\n", &["columns \"s\" and \"t\" repeat", "row 2 that of row 1"]);
    says("p.csv", FORECAST, "s,t,y,f\na,,1,1\n", &["column \"t\" is null"]);
    let scaled = |text: &str, history: &str| {
        let mut world = world("p.csv", &format!("{FORECAST}, history: h.csv, season: 2"), text);
        world.write("h.csv", history);
        world.quality.predictions.as_mut().unwrap().detail.history = Some("h.csv".into());
        world
    };
    let faults = scaled("s,t,y,f\na,9,1,1\nb,9,1,1\n", "s,t,y\na,1,1\na,2,2\na,3,4\nb,1,1\nb,2,5\n").faults();
    assert!(faults.contains("the history of 1 series is no longer than a season: \"b\""), "{faults}");
    let faults = scaled("s,t,y,f\na,9,1,1\n", "s,t,x\na,1,1\n").faults();
    assert!(faults.contains("no column \"y\"") && faults.contains("h.csv"), "{faults}");
    let (evidence, _) = scaled("s,t,y,f\na,9,1,4\n", "s,t,y\na,3,4\na,1,1\na,2,2\n").run();
    assert_eq!(find(&evidence.measurements, "quality.mase").value, 1.0);
    assert!(evidence.inputs.iter().any(|input| input.kind == "history" && input.name == "h.csv"), "{evidence:?}");
    let banded = "task: forecast, label: y, quantiles: {0.1: lo, 0.5: f, 0.9: hi}";
    let (evidence, _) = world("p.csv", banded, "y,lo,f,hi\n1,0,1,2\n1,2,1,0\n").run();
    assert_eq!(find(&evidence.measurements, "quality.coverage(80%)").value, 0.5);
    assert!(evidence.notes.iter().any(|note| note.contains("quantiles cross in 1 of 2 rows")), "{evidence:?}");
}

#[test]
fn items_have_as_many_attempts_as_was_said() {
    says(
        "p.csv",
        REPEATS,
        "item,n,s\na,1,0.5\na,2,0.6\nb,1,1\nc,1,1\nc,2,1\nc,3,1\n",
        &["2 of 3 items have another number of attempts than `repeat: 2`: that of row 3 has 1, that of row 4 has 3"],
    );
    says(
        "p.csv",
        REPEATS,
        "item,n,s\na,1,0.5\na,1,0.6\n",
        &["repeat an attempt of column \"n\"", "row 2 is the first"],
    );
    says(
        "p.csv",
        "task: repeats, id: item, passed: ok, repeat: 1",
        "item,ok\na,true\nb,maybe\nc,\n",
        &["is neither true nor false in 1 of 3 rows: row 2 (maybe)", "is null or NaN in 1 of 3 rows: row 3"],
    );
}

/// Every metric that has an interval is compared in pairs, rows, queries or items, whatever their order.
#[test]
fn all_tasks_are_compared_in_pairs() {
    let labels = |shift: f64| {
        let row = |i: u32| {
            let score = |seed: u32| (f64::from(i * seed % 97) / 97.0 + shift).min(1.0);
            format!(
                "{i},{},{},{},{}\n",
                u32::from(i * 31 % 97 > 40),
                u32::from((i * 7).is_multiple_of(5)),
                score(31),
                score(13)
            )
        };
        format!("id,y_a,y_b,s_a,s_b\n{}", (0..80).map(row).collect::<String>())
    };
    let ranking = |shift: u32| {
        let row = |i: u32| format!("q{},{},{}\n", i / 4, u32::from(i % 4 == 1), (i * 7 + i / 4 * shift) % 11);
        format!("q,rel,s\n{}", (0..160).map(row).collect::<String>())
    };
    let forecast = |shift: f64| {
        let row = |i: u32| format!("{i},{},{}\n", i * 13 % 29, f64::from(i * 13 % 29) + shift + f64::from(i % 5));
        format!("t,y,f\n{}", (0..200).map(row).collect::<String>())
    };
    let repeats = |shift: u32| {
        let row = |i: u32| format!("i{},{},{}\n", i / 2, i % 2, u32::from(i * 7 % 5 > 1 + shift));
        format!("item,n,s\n{}", (0..80).map(row).collect::<String>())
    };
    for (keys, ours, theirs, told) in [
        (format!("{LABELS}, id: id"), labels(0.0), labels(0.1), "over 80 rows joined on id"),
        (RANKING.to_string(), ranking(0), ranking(3), "over 40 queries"),
        ("task: forecast, label: y, prediction: f, time: t".to_string(), forecast(0.0), forecast(0.5), "blocks of"),
        (REPEATS.to_string(), repeats(0), repeats(1), "over 40 items"),
    ] {
        let mut lines: Vec<&str> = theirs.lines().collect();
        lines[1..].reverse();
        let world = world("p.csv", &keys, &ours).with("old.csv", &(lines.join("\n") + "\n")).baseline_file("old.csv");
        let (evidence, _) = world.run();
        assert!(evidence.faults.is_empty(), "{keys}: {evidence:?}");
        let defined = evidence.measurements.iter().filter(|m| !m.value.is_nan()).count();
        assert_eq!(evidence.comparisons.len(), defined, "{keys}: {evidence:?}");
        assert!(evidence.comparisons.iter().all(|c| c.method.contains(told)), "{keys}: {:?}", evidence.comparisons);
        assert!(evidence.comparisons.iter().any(|c| c.difference.value != 0.0), "{keys}");
        for compared in &evidence.comparisons {
            let interval = compared.difference.interval.unwrap();
            assert!(interval.low < interval.high, "{keys}: {compared:?}");
        }
    }
}

#[test]
fn keys_are_those_of_the_task() {
    let problems = |keys: &str| {
        let text = format!("version: 1\nmodel: {{name: m}}\nquality:\n  predictions: {{file: p.csv, {keys}}}\n");
        config::parse(&text, metrics_of).expect_err(keys).render("mlops.yaml", &text, false)
    };
    for (keys, told) in [
        ("task: multilabel, label: y_*, score: s_*", "needs `labels`"),
        ("task: multilabel, labels: [a, a], label: y_*, score: s_*", "stands here twice"),
        ("task: multilabel, labels: [], label: y_*, score: s_*", "no label, and so nothing to measure"),
        ("task: multiclass, label: y, score: p", "one column cannot hold the probability of each class"),
        ("task: multiclass, label: y", "needs `prediction` or `score` or `scores`"),
        ("task: ranking, label: y, score: p", "needs `query`"),
        ("task: ranking, query: q, label: y, score: p, k: [0]", "no metric is @0"),
        ("task: ranking, query: q, label: y, score: p, relevant: 0", "every document would be relevant"),
        (
            "task: ranking, query: q, label: y, score: p, quantiles: {0.1: x}",
            "`quantiles` means nothing to task: ranking",
        ),
        ("task: forecast, label: y, quantiles: {1.5: x}", "is no level of a quantile"),
        ("task: forecast, label: y, quantiles: {}", "no quantile"),
        ("task: forecast, label: y, prediction: f, season: 7", "`season` is of the naive forecast on a `history`"),
        ("task: forecast, label: y, prediction: f, naive: n, history: h.csv", "say the same"),
        ("task: forecast, label: y, prediction: f, season: 0, history: h.csv", "no season"),
        ("task: repeats, id: i, score: s", "needs `repeat`"),
        ("task: repeats, id: i, score: s, repeat: 5, pass: 6", "of so many attempts no item can pass"),
        ("task: repeats, id: i, score: s, repeat: 5, k: [6]", "no metric is @6"),
        ("task: repeats, id: i, score: s, repeat: 0", "no number of attempts"),
        ("task: binary, label: y, score: p, bins: 0", "no number of bins"),
        ("task: binary, label: y, score: p, labels: [a]", "`labels` means nothing to task: binary"),
    ] {
        let found = problems(keys);
        assert!(found.contains(told), "{keys}: {told:?} is not in {found}");
    }
}
