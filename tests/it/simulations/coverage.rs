//! Coverage of the intervals that `metrics.rs` does not look at, and of those that are combined in gates.

use super::{Dice, RUNS, at_most, count, judge, likely, policy, repeat, repetitions};
use mlgate::gate::Looks;
use mlgate::model::*;
use mlgate::stats::paired::Agreement;
use mlgate::stats::text::corpus::{self, CorpusMetric, Sums};
use mlgate::stats::text::{Comparer, TextRow};
use mlgate::stats::{quantile, quantile_interval, wilson};

/// How often `once` gives an interval that holds the truth.
fn covers(name: &str, truth: f64, once: impl Fn(&mut Dice) -> Interval + Sync) {
    hold(name, 0.97, truth, &repeat(RUNS, 20_260_713, once));
}

/// Holds the share of intervals that hold the truth to 93 % and to `most`, with the room that so many runs need.
fn hold(name: &str, most: f64, truth: f64, found: &[Interval]) {
    let runs = found.len() as u64;
    let held = found.iter().filter(|interval| interval.low <= truth && truth <= interval.high).count() as u64;
    println!("{name}: {held} of {runs} intervals at 95 % hold the truth");
    let (low, high) = (likely(runs, 0.93).0, likely(runs, most).1);
    assert!((low..=high).contains(&held), "{name}: {held} of {runs}");
}

#[test]
fn p95_of_latencies() {
    // Log-normal, as latencies are.
    let truth = (1.644_853_6_f64 * 0.5).exp();
    covers("latency p95 of 1,000", truth, |dice| {
        let mut sample: Vec<f64> = (0..1000).map(|_| (0.5 * dice.normal()).exp()).collect();
        sample.sort_by(f64::total_cmp);
        quantile_interval(&sample, 0.95, 0.95).unwrap()
    });
}

/// Newcombe's interval of two accuracies on the same rows, of which half share their luck; and McNemar's test is wrong
/// no oftener than it says where the models are equally good.
#[test]
fn two_accuracies_on_the_same_rows() {
    let draw = |dice: &mut Dice, first: f64, second: f64| {
        let mut agreement = Agreement::default();
        for _ in 0..120 {
            let (u, v) = (dice.uniform(), dice.uniform());
            agreement.add(u < first, (if v < 0.5 { u } else { 2.0 * v - 1.0 }) < second, 1);
        }
        agreement
    };
    covers("accuracy, paired, 120 rows", 0.05, |dice| draw(dice, 0.85, 0.8).difference(0.95).unwrap());
    // Two or three rows of 120 tell the models apart: by the correction for continuity the interval is on the safe side.
    let near_one = repeat(RUNS, 20_260_713, |dice| draw(dice, 0.98, 0.96).difference(0.95).unwrap());
    hold("accuracy, paired, 120 rows, near 1", 1.0, 0.02, &near_one);
    let wrong = count(RUNS, 20_260_716, |dice| draw(dice, 0.8, 0.8).mcnemar() < 0.05);
    println!("McNemar's exact test of equal models: of {RUNS} runs {wrong} below 0.05");
    at_most(wrong, RUNS, 0.05);
}

/// The bootstrap of BLEU, and of two systems' difference: the population is a corpus of 3,000 sentences, the truth its
/// BLEU, an experiment 60 sentences of it drawn with replacement.
#[test]
fn bleu_and_its_difference() {
    let mut dice = Dice::new(20_260_717, 0);
    let mut comparer = Comparer::default();
    let mut population = Vec::new();
    for _ in 0..3000 {
        let words: Vec<u32> =
            (0..8 + (dice.uniform() * 12.0) as u32).map(|_| (dice.uniform() * 500.0) as u32).collect();
        let text = |words: &[u32]| words.iter().map(|word| format!("w{word}")).collect::<Vec<_>>().join(" ");
        let reference = text(&words);
        // Sentences are hard or easy for both systems together.
        let hard = 0.05 + 0.3 * dice.uniform();
        let mut said = |rate: f64| {
            let words: Vec<u32> = words.iter().map(|w| if dice.uniform() < rate { w + 500 } else { *w }).collect();
            comparer.row(&[&reference], &text(&words))
        };
        population.push((said(hard), said(hard + 0.05)));
    }
    let bleu = |rows: &[TextRow]| CorpusMetric::Bleu.of(&Sums::of(rows)).unwrap();
    let all: (Vec<TextRow>, Vec<TextRow>) = population.iter().copied().unzip();
    let truth = (bleu(&all.0), bleu(&all.1));
    let sample = |dice: &mut Dice| -> (Vec<TextRow>, Vec<TextRow>) {
        (0..60).map(|_| population[(dice.uniform() * 3000.0) as usize]).unzip()
    };
    let found = repeat(repetitions(60), 20_260_713, |dice| {
        let (a, b) = sample(dice);
        let resamples = corpus::resample(&[CorpusMetric::Bleu], &a, Some(&b), None);
        let own = corpus::interval(CorpusMetric::Bleu, &resamples, 0, bleu(&a), 0.95);
        (own, resamples.interval(0, bleu(&a) - bleu(&b), 0.95, |a, b| Some(a? - b?)))
    });
    let (own, difference): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    hold("bleu of 60 sentences", 0.97, truth.0, &own);
    hold("bleu of 60 sentences, difference", 0.97, truth.0 - truth.1, &difference);
}

fn proportion(dice: &mut Dice, n: u64, p: f64) -> (f64, Option<Interval>) {
    let hits = (0..n).filter(|_| dice.uniform() < p).count() as f64;
    (hits / n as f64, wilson(hits, n as f64, 0.95))
}

fn measured(id: &str, unit: Unit, (value, interval): (f64, Option<Interval>)) -> Measurement {
    Measurement { interval, ..Measurement::new(id, value, unit, "simulated") }
}

#[test]
fn a_quotient_of_independent_measurements() {
    let truth = 0.8 / (0.2_f64);
    let scale = 0.2 / 20_f64.ln();
    covers("quality.recall / latency.p95", truth, |dice| {
        let mut sample: Vec<f64> = (0..1000).map(|_| -dice.uniform().ln() * scale).collect();
        sample.sort_by(f64::total_cmp);
        let p95 = (quantile(&sample, 0.95).unwrap(), quantile_interval(&sample, 0.95, 0.95));
        let recall = measured("quality.recall", Unit::Score, proportion(dice, 300, 0.8));
        let measurements = vec![recall, measured("latency.p95", Unit::Seconds, p95)];
        let evidence = Evidence { measurements, ..Evidence::default() };
        let gate = "quality.recall / latency.p95 >= 4";
        judge(gate, StageKind::Latency, &evidence, &policy(Looks::ONE)).interval.unwrap()
    });
}
