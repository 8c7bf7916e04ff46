//! Metrics of one's own: their values by hand, their pairs, and everything that an expression can get wrong.

use super::world::{World, find};
use mlgate::config::{self, Predictions};
use mlgate::quality::metrics_of;

const BINARY: &str = "predictions: {file: p.csv, task: binary, label: y, score: p, id: id, slices: [s]}";

fn text(keys: &str) -> String {
    format!("version: 1\nmodel: {{name: m}}\nquality:\n  {}\n", keys.replace('\n', "\n  "))
}

fn configured(keys: &str) -> Predictions {
    let text = text(keys);
    let config = config::parse(&text, metrics_of);
    let config = config.unwrap_or_else(|problems| panic!("{}", problems.render("mlops.yaml", &text, false)));
    config.quality.unwrap().predictions.unwrap()
}

fn world(custom: &str, rows: &str) -> World {
    let mut world = World::new().with("p.csv", rows);
    world.quality.predictions = Some(configured(&format!("{BINARY}\ncustom: {custom}")));
    world
}

const ROWS: &str =
    "id,y,p,amount,s\n1,1,0.9,10,a\n2,1,0.2,20,a\n3,0,0.7,30,a\n4,0,0.1,40,a\n5,1,0.8,50,b\n6,0,0.3,60,b\n";

#[test]
fn expressions_are_means_and_sums_over_rows() {
    let custom = "{cost: {expr: \"mean(5 * fn + fp)\", better: lower}, \
                  lost: {expr: \"sum(amount * (y = 1 and p < 0.5)) / sum(amount)\", better: lower, unit: share}, \
                  net: {expr: \"2 * mean(tp) - mean(p > 0.25)\", better: higher}}";
    let mut world = world(custom, ROWS);
    world.quality.min_slice_rows = 4;
    let (evidence, _) = world.run();
    assert!(evidence.faults.is_empty(), "{evidence:?}");
    let value = |key: &str| find(&evidence.measurements, key).value;
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    near(value("quality.cost"), 1.0);
    near(value("quality.lost"), 20.0 / 210.0);
    near(value("quality.net"), 2.0 * 2.0 / 6.0 - 4.0 / 6.0);
    near(value("quality.cost[s=a]"), 6.0 / 4.0);
    // By hand: mean and standard error of 0, 5, 1, 0, 0, 0, with t of 5 degrees of freedom.
    let cost = find(&evidence.measurements, "quality.cost").interval.unwrap();
    near((cost.low + cost.high) / 2.0, 1.0);
    assert!((cost.high - 1.0 - 2.570_582 * (20.0_f64 / 30.0).sqrt()).abs() < 1e-5, "{cost:?}");
}

#[test]
fn two_models_are_compared_in_pairs() {
    let row = |i: u32, wrong: u32| {
        let right = !i.is_multiple_of(wrong);
        format!("r{i},{},{},{},{}\n", i % 2, if right == (i % 2 == 1) { 0.9 } else { 0.1 }, i % 7, i % 3)
    };
    let rows = |wrong: u32| format!("id,y,p,amount,s\n{}", (0..90).map(|i| row(i, wrong)).collect::<String>());
    let world = world("{cost: {expr: \"mean(amount * (fn + fp))\", better: lower}}", &rows(5));
    let (evidence, _) = world.with("old.csv", &rows(3)).baseline_file("old.csv").run();
    let compared: Vec<_> = evidence.comparisons.iter().filter(|c| c.id == "quality.cost").collect();
    assert_eq!(compared.len(), 4, "{evidence:?}");
    for found in compared {
        assert!(found.method.contains("paired") && found.difference.interval.is_some(), "{found:?}");
    }
    let cost = evidence.comparisons.iter().find(|c| c.id == "quality.cost").unwrap();
    assert!(cost.difference.value < 0.0 && cost.difference.interval.unwrap().low < cost.difference.value, "{cost:?}");
}

#[test]
fn what_cannot_be_computed_is_a_fault() {
    let says = |expr: &str, rows: &str, told: &str| {
        let faults = world(&format!("{{cost: {{expr: \"{expr}\", better: lower}}}}"), rows).faults();
        assert!(faults.contains(told), "{expr}: {told:?} is not in {faults}");
    };
    says("mean(price)", ROWS, "no column \"price\", which quality.predictions names as `custom`");
    says("mean(1 / (amount - 10))", ROWS, "the metric \"cost\" cannot be computed: a divisor is zero");
    says("mean(s)", ROWS, "it is text, and a number is needed");
    says("mean(amount + s)", ROWS, "cannot be compared with text");
    says(
        "mean(amount)",
        "id,y,p,amount,s\n1,1,0.9,,a\n2,0,0.1,3,a\n",
        "null or no finite number in 1 of 2 rows: row 1",
    );
    // A sum that is zero is known only when all rows are read: no value, and a note says why.
    let world = world("{r: {expr: \"sum(fp) / sum(fn)\", better: lower}}", "id,y,p,s\n1,1,0.9,a\n2,0,0.6,a\n");
    let (evidence, _) = world.run();
    assert!(find(&evidence.measurements, "quality.r").value.is_nan(), "{evidence:?}");
    assert!(evidence.notes.iter().any(|note| note.contains("quality.r is undefined")), "{evidence:?}");
}

#[test]
fn names_and_forms_are_checked_before_anything_runs() {
    let problems = |keys: &str| {
        let text = text(keys);
        config::parse(&text, metrics_of).expect_err(keys).render("mlops.yaml", &text, false)
    };
    for (custom, told) in [
        ("{f1: {expr: mean(fp), better: lower}}", "`f1` is the name of a metric"),
        ("{auc: {expr: mean(fp), better: lower}}", "`auc` is the name of a metric"),
        ("{my-cost: {expr: mean(fp), better: lower}}", "a gate cannot name `my-cost`"),
        ("{cost: {expr: fp, better: lower}}", "mean(fp) or sum(fp)"),
        ("{cost: {expr: 1 + 1, better: lower}}", "expected a mean or a sum over rows"),
        ("{cost: {expr: max(fp), better: lower}}", "the function `max`"),
        ("{cost: {expr: mean(fp)}}", "better"),
        ("{cost: {expr: mean(fp), better: less}}", "higher"),
    ] {
        let found = problems(&format!("{BINARY}\ncustom: {custom}"));
        assert!(found.contains(told), "{custom}: {told:?} is not in {found}");
    }
    let ranking = "predictions: {file: p.csv, task: ranking, query: q, label: y, score: p}";
    assert!(
        problems(&format!("{ranking}\ncustom: {{cost: {{expr: mean(y), better: lower}}}}"))
            .contains("rows of predictions")
    );
    // Gates name them as any other.
    configured(&format!("{BINARY}\ncustom: {{cost: {{expr: mean(fp), better: lower}}}}\ngates: [cost <= 0.1]"));
}
