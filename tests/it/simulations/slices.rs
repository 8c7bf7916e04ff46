//! Several comparisons at once: gates on slices and on the gap between them are wrong no oftener than one gate may be.

use super::{Dice, RUNS, TwoModels, at_most, count, likely, policy, repeat, repetitions, verdicts};
use mlgate::gate::{Looks, Policy};
use mlgate::model::*;
use mlgate::stats::counts::{CountMetric, Undefined};
use mlgate::stats::wilson;

const REGIONS: usize = 12;
const SEGMENTS: usize = 48;

fn slice(column: &str, i: usize) -> Option<Slice> {
    Some(Slice { column: column.into(), value: i.to_string() })
}

/// Twelve slices whose recall is 0.8 in truth, each with its interval at a level.
fn regions(dice: &mut Dice, rows: u64, level: f64) -> Evidence {
    let measured = |i: usize| {
        let hits = (0..rows).filter(|_| dice.uniform() < 0.8).count() as f64;
        let interval = wilson(hits, rows as f64, level);
        let value = Measurement::new("quality.recall", hits / rows as f64, Unit::Score, "simulated");
        Measurement { slice: slice("region", i), interval, ..value }
    };
    Evidence { measurements: (0..REGIONS).map(measured).collect(), ..Evidence::default() }
}

fn fails(gate: &str, evidence: &Evidence, correction: SliceCorrection) -> bool {
    let found = verdicts(gate, StageKind::Quality, evidence, &Policy { correction, ..policy(Looks::ONE) });
    found.iter().any(|verdict| verdict.outcome == Outcome::Failed)
}

/// All slices are alike, so that the largest and the smallest are extremes by luck: no gap is seen.
#[test]
fn the_gap_between_slices_that_are_alike() {
    // At the level that the gate will ask for: 66 pairs.
    let level = SliceCorrection::Bonferroni.level(0.95, REGIONS * (REGIONS - 1) / 2);
    let fails = count(RUNS, 20_260_714, |dice| {
        fails("gap(recall[region]) <= 0", &regions(dice, 200, level), SliceCorrection::Bonferroni)
    });
    println!("gap of {REGIONS} slices that are alike: of {RUNS} runs {fails} fail");
    at_most(fails, RUNS, 0.05);
}

/// Twelve slices exactly at the bound: some slice fails in at most one run of twenty, where without the correction it
/// would be in one of four.
#[test]
fn a_gate_on_twelve_slices() {
    let run = |correction: SliceCorrection| {
        let level = correction.level(0.95, REGIONS);
        count(RUNS, 20_260_715, |dice| fails("recall[region] >= 0.8", &regions(dice, 300, level), correction))
    };
    let (corrected, bare) = (run(SliceCorrection::Bonferroni), run(SliceCorrection::None));
    println!("{REGIONS} slices at the bound: of {RUNS} runs a slice fails in {corrected}, uncorrected in {bare}");
    at_most(corrected, RUNS, 0.05);
    assert!(bare > likely(RUNS, 0.1).1, "{bare} of {RUNS}");
}

/// Two models that are equally good on each of 48 slices, compared in pairs by the bootstrap.
struct Segments {
    /// Some slice fails `f1[segment] >= baseline`: corrected, and with each slice at 95 %.
    fails: [bool; 2],
    /// The interval of some slice leaves the truth out, on either side.
    misses: [bool; 2],
    /// The F1 of some slice is lower than the baseline's by more than 3 %.
    apart: bool,
}

fn segments(dice: &mut Dice) -> Segments {
    let models = TwoModels::new(0.8, 0.8);
    let corrections = [SliceCorrection::Bonferroni, SliceCorrection::None];
    let mut evidence = [Evidence::default(), Evidence::default()];
    let (mut misses, mut apart) = ([false; 2], false);
    for i in 0..SEGMENTS {
        let joint = models.draw(dice, 200);
        let (a, b) = joint.tallies();
        let [own, other] = [a, b].map(|tally| CountMetric::F1.of(&tally, Undefined::Spoils).unwrap());
        let resamples = joint.resample(&[CountMetric::F1]);
        apart |= own / other < 0.97;
        for ((evidence, misses), correction) in evidence.iter_mut().zip(&mut misses).zip(corrections) {
            let level = correction.level(0.95, SEGMENTS);
            let interval = resamples.interval(0, own - other, level, |a, b| Some(a? - b?));
            *misses |= interval.low > 0.0 || interval.high < 0.0;
            let measured = Measurement::new("quality.f1", own, Unit::Score, "simulated");
            evidence.measurements.push(Measurement { slice: slice("segment", i), ..measured });
            evidence.comparisons.push(Comparison {
                id: "quality.f1".into(),
                slice: slice("segment", i),
                baseline: other,
                difference: Difference { value: own - other, interval: Some(interval) },
                relative: None,
                n: 200,
                method: "paired".into(),
            });
        }
    }
    let gate = |i: usize| fails("f1[segment] >= baseline", &evidence[i], corrections[i]);
    Segments { fails: [gate(0), gate(1)], misses, apart }
}

#[test]
fn f1_in_pairs_on_48_slices() {
    let asked = repetitions(60);
    let runs = repeat(asked, 20_260_718, segments);
    let count = |of: &dyn Fn(&Segments) -> bool| runs.iter().filter(|run| of(run)).count() as u64;
    let [fails, bare] = [0, 1].map(|i: usize| count(&|run| run.fails[i]));
    let [misses, bare_misses] = [0, 1].map(|i: usize| count(&|run| run.misses[i]));
    println!(
        "paired F1 of {SEGMENTS} slices that did not change: of {asked} runs some slice fails in {fails}, uncorrected \
         in {bare}; by 3 % compared as numbers in {}; some interval misses the truth in {misses}, uncorrected in \
         {bare_misses}",
        count(&|run| run.apart)
    );
    at_most(fails, asked, 0.05);
    at_most(misses, asked, 0.05);
    assert!(bare > likely(asked, 0.2).1, "{bare} of {asked}");
}
