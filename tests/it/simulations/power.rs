//! `within 3% of baseline` on paired rows: false alarms where nothing changed, and detection of twice the tolerance with
//! the rows that the gate itself advised.

use super::{Dice, RUNS, TwoModels, at_least, at_most, judge, likely, policy, repeat, repetitions};
use mlgate::gate::Looks;
use mlgate::model::*;
use mlgate::stats::counts::{CountMetric, Undefined};
use mlgate::stats::rows::{RowMetric, Rows};
use std::sync::OnceLock;

const TOLERANCE: f64 = 0.03;
const GATE: &str = "score within 3% of baseline";
const PILOT: usize = 412;

/// Candidate and baseline on the same rows.
fn compared(value: f64, baseline: f64, relative: Interval, n: usize) -> Evidence {
    let relative = Difference { value: value / baseline - 1.0, interval: Some(relative) };
    let comparison = Comparison {
        id: "quality.score".into(),
        slice: None,
        baseline,
        difference: Difference { value: value - baseline, interval: None },
        relative: Some(relative),
        n: n as u64,
        method: "paired".into(),
    };
    let measured = Measurement::new("quality.score", value, Unit::Score, "simulated");
    Evidence { measurements: vec![measured], comparisons: vec![comparison], ..Evidence::default() }
}

fn f1(dice: &mut Dice, rows: usize, change: f64) -> Evidence {
    let wanted = TwoModels::f1(0.8) * (1.0 + change);
    let joint = TwoModels::new(TwoModels::recall(wanted), 0.8).draw(dice, rows);
    let (a, b) = joint.tallies();
    let value = |tally| CountMetric::F1.of(tally, Undefined::Spoils).unwrap();
    let (own, other) = (value(&a), value(&b));
    let resamples = joint.resample(&[CountMetric::F1]);
    let relative = resamples.interval(0, own / other - 1.0, 0.95, |a, b| Some(a? / b? - 1.0));
    compared(own, other, relative, rows)
}

/// Positives 25 %, their scores 1.5 standard deviations above those of negatives; the scores correlate by 0.8.
fn auc(dice: &mut Dice, rows: usize, change: f64) -> Evidence {
    // The area is Φ(shift/√2); shifts for areas of 0.8556 (baseline) and 6 % less.
    let shift = if change == 0.0 { 1.5 } else { 1.5 + change * (1.5 - 1.2097) / 0.06 };
    let positive: Vec<bool> = (0..rows).map(|i| i % 4 == 0).collect();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for y in &positive {
        let (u, v) = dice.normals();
        b.push(u + if *y { 1.5 } else { 0.0 });
        a.push(0.8 * u + 0.6 * v + if *y { shift } else { 0.0 });
    }
    let (of_a, of_b) = (OnceLock::new(), OnceLock::new());
    let rows_of = |scores, ranks| Rows::Scores { positive: &positive, scores, epsilon: f64::EPSILON, ranks };
    of_rows(RowMetric::RocAuc, rows_of(&a, &of_a), rows_of(&b, &of_b), rows)
}

/// Errors of a normal with the standard deviation 2, correlated by 0.8.
fn rmse(dice: &mut Dice, rows: usize, change: f64) -> Evidence {
    let truth: Vec<f64> = (0..rows).map(|i| i as f64).collect();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for y in &truth {
        let (u, v) = dice.normals();
        b.push(y + 2.0 * u);
        a.push(y + 2.0 * (1.0 + change) * (0.8 * u + 0.6 * v));
    }
    let rows_of = |predicted| Rows::Values { truth: &truth, predicted };
    of_rows(RowMetric::RootMeanSquaredError, rows_of(&a), rows_of(&b), rows)
}

fn of_rows(metric: RowMetric, a: Rows<'_>, b: Rows<'_>, rows: usize) -> Evidence {
    let (of_a, of_b) = (metric.linear(a, None).unwrap(), metric.linear(b, None).unwrap());
    compared(of_a.value, of_b.value, of_a.relative(&of_b, 0.95).unwrap(), rows)
}

type Draw = fn(&mut Dice, usize, f64) -> Evidence;

/// What the gate says, and whether two numbers compared as they are lie too far apart.
fn verdict(evidence: &Evidence) -> (Verdict, bool) {
    let apart = evidence.comparisons[0].relative.unwrap().value.abs() > TOLERANCE;
    (judge(GATE, StageKind::Quality, evidence, &policy(Looks::ONE)), apart)
}

/// A pilot in which nothing changed; then, with as many rows as its verdict advises, `change`.
struct Run {
    pilot: (Outcome, bool),
    advised: usize,
    then: (Outcome, bool),
}

fn run(dice: &mut Dice, draw: Draw, change: f64) -> Run {
    let (pilot, apart) = verdict(&draw(dice, PILOT, 0.0));
    let advised = pilot.n_advised.expect("rows that are advised") as usize;
    let (then, point) = verdict(&draw(dice, advised, change));
    Run { pilot: (pilot.outcome, apart), advised, then: (then.outcome, point) }
}

fn holds(name: &str, draw: Draw, change: f64) {
    let runs = repeat(RUNS, 20_260_711, |dice| run(dice, draw, change));
    let count = |of: &dyn Fn(&Run) -> bool| runs.iter().filter(|run| of(run)).count() as u64;
    let false_alarms = count(&|run| run.pilot.0 == Outcome::Failed);
    let point_alarms = count(&|run| run.pilot.1);
    let seen = count(&|run| run.then.0 == Outcome::Failed);
    let point_seen = count(&|run| run.then.1);
    let mut advised: Vec<usize> = runs.iter().map(|run| run.advised).collect();
    advised.sort_unstable();
    // The promise to a model that has not changed, with the rows advised.
    let again = repetitions(RUNS / 8);
    let unchanged = repeat(again, 20_260_719, |dice| run(dice, draw, 0.0).then.0);
    let outcomes = |wanted: Outcome| unchanged.iter().filter(|outcome| **outcome == wanted).count() as u64;
    let (kept, late_alarms) = (outcomes(Outcome::Passed), outcomes(Outcome::Failed));
    println!(
        "{name}: of {RUNS} runs, no change, {PILOT} rows: gate fails {false_alarms}, point comparison {point_alarms}; \
         about {} rows advised, then twice the tolerance: gate fails {seen}, point comparison {point_seen}; of {again} \
         with no change then: gate passes {kept}, fails {late_alarms}",
        advised[advised.len() / 2]
    );
    at_most(false_alarms, RUNS, 0.05);
    at_least(seen, RUNS, 0.95);
    at_most(late_alarms, again, 0.05);
    at_least(kept, again, 0.95);
    // What the peers do raises false alarms: without that this test of the gate would prove nothing.
    assert!(point_alarms > likely(RUNS, 0.05).1, "{point_alarms} of {RUNS}");
}

#[test]
fn f1_within_3_percent() {
    holds("f1", f1, -2.0 * TOLERANCE);
}

#[test]
fn roc_auc_within_3_percent() {
    holds("roc_auc", auc, -2.0 * TOLERANCE);
}

#[test]
fn rmse_within_3_percent() {
    holds("rmse", rmse, 2.0 * TOLERANCE);
}
