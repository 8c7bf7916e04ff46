//! Intervals at 95 % hold the truth in about 95 of 100 experiments. Seeded, so a failure is never luck; the bounds
//! are those that a true 95 % stays inside with a probability of more than 99.9 % (binomial, 300 experiments: 271 to 297).

use mlgate::model::Interval;
use mlgate::stats::bootstrap::Joint;
use mlgate::stats::counts::{CountMetric, Tally, Undefined};
use mlgate::stats::order::Ranks;
use mlgate::stats::rows::{RowMetric, Rows};
use mlgate::stats::sampling::Sampling;
use std::sync::OnceLock;

const EXPERIMENTS: u64 = 300;
const LEVEL: f64 = 0.95;

/// A small generator of our own (Park & Miller 1988): tests must not lean on the one under test.
struct Dice(u64);

impl Dice {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0 * 48_271 % 2_147_483_647;
        self.0 as f64 / 2_147_483_647.0
    }

    /// Box & Muller 1958.
    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// Repeats an experiment that gives the intervals of an estimate, of its difference from another and of their
/// ratio − 1, and checks how often each held the truth.
fn about_95_percent(truth: [f64; 2], mut once: impl FnMut(&mut Dice) -> [Interval; 3]) {
    let truth = [truth[0], truth[0] - truth[1], truth[0] / truth[1] - 1.0];
    let mut dice = Dice(20_250_601);
    let mut held = [0; 3];
    for _ in 0..EXPERIMENTS {
        for ((held, truth), interval) in held.iter_mut().zip(truth).zip(once(&mut dice)) {
            *held += u64::from(interval.low <= truth && truth <= interval.high);
        }
    }
    assert!(held.iter().all(|held| (271..=297).contains(held)), "estimate, difference, ratio held in {held:?}");
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
    // Positives 30 %, recall 80 % and 70 %, false alarms 10 %; the models share half of their luck.
    let f1 = |recall: f64| 2.0 * 0.3 * recall / (0.3 * recall + 0.07 + 0.3);
    let says = |y: bool, u: f64, recall: f64| u32::from(u < if y { recall } else { 0.1 });
    about_95_percent([f1(0.8), f1(0.7)], |dice| {
        let rows: Vec<_> = (0..120)
            .map(|_| {
                let (y, u, v) = (dice.uniform() < 0.3, dice.uniform(), dice.uniform());
                (u32::from(y), says(y, u, 0.8), says(y, if v < 0.5 { u } else { 2.0 * v - 1.0 }, 0.7))
            })
            .collect();
        let joint = Joint::of_two(2, rows.into_iter());
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
    let positive: Vec<bool> = (0..100).map(|i| i % 4 == 0).collect();
    about_95_percent([auc(1.5), auc(1.2)], |dice| {
        let noise: Vec<_> = positive.iter().map(|_| (dice.normal(), dice.normal())).collect();
        let score = |of: &dyn Fn(&(f64, f64)) -> f64, shift: f64| -> Vec<f64> {
            positive.iter().zip(&noise).map(|(y, n)| of(n) + if *y { shift } else { 0.0 }).collect()
        };
        let (a, b) = (score(&|n| n.0, 1.5), score(&|n| 0.8 * n.0 + 0.6 * n.1, 1.2));
        let (of_a, of_b) = (OnceLock::new(), OnceLock::new());
        of_rows(RowMetric::RocAuc, scored(&positive, &a, &of_a), scored(&positive, &b, &of_b))
    });
}

#[test]
fn rmse_and_its_difference() {
    let truth: Vec<f64> = (0..80).map(f64::from).collect();
    about_95_percent([2.0, 2.5], |dice| {
        let noise: Vec<_> = truth.iter().map(|_| (dice.normal(), dice.normal())).collect();
        let a: Vec<f64> = truth.iter().zip(&noise).map(|(y, n)| y + 2.0 * n.0).collect();
        let b: Vec<f64> = truth.iter().zip(&noise).map(|(y, n)| y + 2.5 * (0.6 * n.0 + 0.8 * n.1)).collect();
        let rows = |predicted| Rows::Values { truth: &truth, predicted };
        of_rows(RowMetric::RootMeanSquaredError, rows(&a), rows(&b))
    });
}

#[test]
fn average_precision_and_its_difference() {
    // One score is the other with noise added; the true areas come from 400,000 rows of the same kind.
    let draw = |dice: &mut Dice, rows: usize| {
        let mut columns = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..rows {
            let (y, u, v) = (i % 3 == 0, dice.normal(), dice.normal());
            let signal = u + if y { 1.5 } else { 0.0 };
            columns.0.push(y);
            columns.1.push(signal);
            columns.2.push(signal + 0.7 * v);
        }
        columns
    };
    let metric = RowMetric::AveragePrecision;
    let (y, a, b) = draw(&mut Dice(7), 400_000);
    let value = |scores: &[f64]| metric.linear(scored(&y, scores, &OnceLock::new()), None).unwrap().value;
    about_95_percent([value(&a), value(&b)], |dice| {
        let (y, a, b) = draw(dice, 150);
        let (of_a, of_b) = (OnceLock::new(), OnceLock::new());
        of_rows(metric, scored(&y, &a, &of_a), scored(&y, &b, &of_b))
    });
}
