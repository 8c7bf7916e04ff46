//! Coverage of the intervals of one metric, of its difference between two models on the same rows, and of their ratio.

use super::{Dice, RUNS, TwoModels, likely, repeat, repetitions};
use mlgate::model::Interval;
use mlgate::stats::counts::{CountMetric, Tally, Undefined};
use mlgate::stats::order::Ranks;
use mlgate::stats::rows::{RowMetric, Rows};
use mlgate::stats::sampling::Sampling;
use std::sync::OnceLock;

const LEVEL: f64 = 0.95;

/// Repeats an experiment that gives the intervals of an estimate, of its difference from another and of their ratio − 1,
/// and holds how often each held the truth to 93 to 97 %; on fewer than 60 rows, in a quarter of the
/// runs, to 91 to 98.
fn cover(name: &str, rows: usize, truth: [f64; 2], once: impl Fn(&mut Dice) -> [Interval; 3] + Sync) {
    let truth = [truth[0], truth[0] - truth[1], truth[0] / truth[1] - 1.0];
    let is_small = rows < 60;
    let runs = if is_small { repetitions(RUNS / 4) } else { RUNS };
    let found = repeat(runs, 20_250_601, once);
    let held = [0, 1, 2].map(|kind: usize| {
        let holds = |found: &&[Interval; 3]| found[kind].low <= truth[kind] && truth[kind] <= found[kind].high;
        found.iter().filter(holds).count() as u64
    });
    let [estimate, difference, ratio] = held.map(|held| 100.0 * held as f64 / runs as f64);
    println!(
        "{name}, {rows} rows, {runs} runs: estimate {estimate:.1} %, difference {difference:.1} %, ratio {ratio:.1} %"
    );
    let (least, most) = if is_small { (0.91, 0.98) } else { (0.93, 0.97) };
    let (low, high) = (likely(runs, least).0, likely(runs, most).1);
    assert!(held.iter().all(|held| (low..=high).contains(held)), "{name}: {held:?} of {runs}");
}

/// Abramowitz & Stegun 7.1.26, good to 1e-7.
fn normal_below(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs() / std::f64::consts::SQRT_2);
    let series = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let tail = series.iter().fold(0.0, |sum, c| (sum + c) * t) * (-x * x / 2.0).exp();
    if x >= 0.0 { 1.0 - tail / 2.0 } else { tail / 2.0 }
}

#[test]
fn f1_and_its_difference() {
    for rows in [120, 30] {
        let models = TwoModels::new(0.8, 0.7);
        cover("f1", rows, [TwoModels::f1(0.8), TwoModels::f1(0.7)], |dice| {
            let joint = models.draw(dice, rows);
            let (a, b) = joint.tallies();
            let value = |tally: &Tally| CountMetric::F1.of(tally, Undefined::Spoils).unwrap();
            let resamples = joint.resample(&[CountMetric::F1]);
            let (own, other) = (value(&a), value(&b));
            [
                CountMetric::F1.closed_interval(&a, LEVEL).unwrap(),
                resamples.interval(0, own - other, LEVEL, |a, b| Some(a? - b?)),
                resamples.interval(0, own / other - 1.0, LEVEL, |a, b| Some(a? / b? - 1.0)),
            ]
        });
    }
}

fn scored<'a>(positive: &'a [bool], scores: &'a [f64], ranks: &'a OnceLock<Ranks>) -> Rows<'a> {
    Rows::Scores { positive, scores, epsilon: f64::EPSILON, ranks }
}

fn of_rows(metric: RowMetric, a: Rows<'_>, b: Rows<'_>) -> [Interval; 3] {
    let (of_a, of_b) = (metric.linear(a, None).unwrap(), metric.linear(b, None).unwrap());
    let own = metric.estimate(a, &Sampling::default(), LEVEL).unwrap().1;
    [own.unwrap(), of_a.difference(&of_b, LEVEL), of_a.relative(&of_b, LEVEL).unwrap()]
}

#[test]
fn roc_auc_and_its_difference() {
    // Scores of positives lie 1.5 and 1.2 standard deviations above those of negatives.
    let auc = |shift: f64| normal_below(shift / std::f64::consts::SQRT_2);
    for rows in [100, 30] {
        let positive: Vec<bool> = (0..rows).map(|i| i % 4 == 0).collect();
        cover("roc_auc", rows, [auc(1.5), auc(1.2)], |dice| {
            let noise: Vec<_> = positive.iter().map(|_| dice.normals()).collect();
            let score = |of: &dyn Fn(&(f64, f64)) -> f64, shift: f64| -> Vec<f64> {
                positive.iter().zip(&noise).map(|(y, n)| of(n) + if *y { shift } else { 0.0 }).collect()
            };
            let (a, b) = (score(&|n| n.0, 1.5), score(&|n| 0.8 * n.0 + 0.6 * n.1, 1.2));
            let (of_a, of_b) = (OnceLock::new(), OnceLock::new());
            of_rows(RowMetric::RocAuc, scored(&positive, &a, &of_a), scored(&positive, &b, &of_b))
        });
    }
}

#[test]
fn rmse_and_its_difference() {
    for rows in [80, 20] {
        let truth: Vec<f64> = (0..rows).map(|row| row as f64).collect();
        cover("rmse", rows, [2.0, 2.5], |dice| {
            let noise: Vec<_> = truth.iter().map(|_| dice.normals()).collect();
            let a: Vec<f64> = truth.iter().zip(&noise).map(|(y, n)| y + 2.0 * n.0).collect();
            let b: Vec<f64> = truth.iter().zip(&noise).map(|(y, n)| y + 2.5 * (0.6 * n.0 + 0.8 * n.1)).collect();
            let rows = |predicted| Rows::Values { truth: &truth, predicted };
            of_rows(RowMetric::RootMeanSquaredError, rows(&a), rows(&b))
        });
    }
}

#[test]
fn average_precision_and_its_difference() {
    // One score is the other with noise added; the true areas come from 400,000 rows of the same kind.
    let draw = |dice: &mut Dice, rows: usize| {
        let mut columns = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..rows {
            let (y, (u, v)) = (i % 3 == 0, dice.normals());
            let signal = u + if y { 1.5 } else { 0.0 };
            columns.0.push(y);
            columns.1.push(signal);
            columns.2.push(signal + 0.7 * v);
        }
        columns
    };
    let metric = RowMetric::AveragePrecision;
    let (y, a, b) = draw(&mut Dice::new(7, 0), 400_000);
    let value = |scores: &[f64]| metric.linear(scored(&y, scores, &OnceLock::new()), None).unwrap().value;
    let truth = [value(&a), value(&b)];
    for rows in [150, 40] {
        cover("average_precision", rows, truth, |dice| {
            let (y, a, b) = draw(dice, rows);
            let (of_a, of_b) = (OnceLock::new(), OnceLock::new());
            of_rows(metric, scored(&y, &a, &of_a), scored(&y, &b, &of_b))
        });
    }
}
