//! Coverage of the intervals that `quality/coverage.rs` does not look at, and of those that are combined in gates.

use super::{Dice, judge, likely, policy, repetitions};
use mlgate::gate::Looks;
use mlgate::model::*;
use mlgate::stats::paired::Agreement;
use mlgate::stats::text::corpus::{self, CorpusMetric, Sums};
use mlgate::stats::text::{Comparer, TextRow};
use mlgate::stats::{quantile, quantile_interval, wilson};

/// How often `once` gives an interval that holds the truth, held to 93 to 97 % with the room that so few runs need.
fn covers(name: &str, few: u64, truth: f64, mut once: impl FnMut(&mut Dice) -> Interval) {
    let runs = repetitions(few);
    let mut dice = Dice(20_260_713);
    let holds = |interval: Interval| interval.low <= truth && truth <= interval.high;
    let held = (0..runs).filter(|_| holds(once(&mut dice))).count() as u64;
    println!("{name}: {held} of {runs} intervals at 95 % hold the truth");
    let (low, high) = (likely(runs, 0.93).0, likely(runs, 0.97).1);
    assert!((low..=high).contains(&held), "{name}: {held} of {runs}");
}

#[test]
fn p95_of_latencies() {
    // Log-normal, as latencies are.
    let truth = (1.644_853_6_f64 * 0.5).exp();
    covers("latency p95 of 1,000", 400, truth, |dice| {
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
    covers("accuracy, paired, 120 rows", 600, 0.05, |dice| draw(dice, 0.85, 0.8).difference(0.95).unwrap());
    covers("accuracy, paired, 120 rows, near 1", 600, 0.02, |dice| draw(dice, 0.98, 0.96).difference(0.95).unwrap());
    let runs = repetitions(600);
    let mut dice = Dice(20_260_716);
    let wrong = (0..runs).filter(|_| draw(&mut dice, 0.8, 0.8).mcnemar() < 0.05).count() as u64;
    println!("McNemar's exact test of equal models: of {runs} runs {wrong} below 0.05");
    super::at_most(wrong, runs, 0.05);
}

/// The bootstrap of BLEU, and of two systems' difference: the population is a corpus of 3,000 sentences, the truth its
/// BLEU, an experiment 60 sentences of it drawn with replacement.
#[test]
fn bleu_and_its_difference() {
    let mut dice = Dice(20_260_717);
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
    covers("bleu of 60 sentences", 60, truth.0, |dice| {
        let (rows, _) = sample(dice);
        let resamples = corpus::resample(&[CorpusMetric::Bleu], &rows, None, None);
        corpus::interval(CorpusMetric::Bleu, &resamples, 0, bleu(&rows), 0.95)
    });
    covers("bleu of 60 sentences, difference", 60, truth.0 - truth.1, |dice| {
        let (a, b) = sample(dice);
        let resamples = corpus::resample(&[CorpusMetric::Bleu], &a, Some(&b), None);
        resamples.interval(0, bleu(&a) - bleu(&b), 0.95, |a, b| Some(a? - b?))
    });
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
    covers("quality.recall / latency.p95", 400, truth, |dice| {
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

/// The gap's interval holds the true gap at least as often as it says, also where all slices are alike, so that the
/// largest and the smallest are extremes by luck.
#[test]
fn the_gap_between_slices_that_are_alike() {
    let runs = repetitions(400);
    let mut dice = Dice(20_260_714);
    let mut fails = 0;
    for _ in 0..runs {
        let slices = (0..12).map(|i| {
            let slice = Some(Slice { column: "region".into(), value: i.to_string() });
            // At the level that the gate will ask for: 66 pairs.
            let level = 1.0 - 0.05 / 66.0;
            let hits = (0..200).filter(|_| dice.uniform() < 0.8).count() as f64;
            let interval = wilson(hits, 200.0, level);
            Measurement { slice, ..measured("quality.recall", Unit::Score, (hits / 200.0, interval)) }
        });
        let evidence = Evidence { measurements: slices.collect(), ..Evidence::default() };
        let verdict = judge("gap(recall[region]) <= 0", StageKind::Quality, &evidence, &policy(Looks::ONE));
        fails += u64::from(verdict.outcome == Outcome::Failed);
    }
    println!("gap of 12 slices that are alike: of {runs} runs {fails} fail");
    super::at_most(fails, runs, 0.05);
}

/// Twelve slices exactly at the bound: some slice fails in at most one run of twenty, where without the correction it
/// would be in one of four.
#[test]
fn a_gate_on_twelve_slices() {
    let runs = repetitions(400);
    let run = |correction: SliceCorrection| {
        let mut dice = Dice(20_260_715);
        let level = correction.level(0.95, 12);
        let fails = |dice: &mut Dice| {
            let slices = (0..12).map(|i| {
                let slice = Some(Slice { column: "region".into(), value: i.to_string() });
                let hits = (0..300).filter(|_| dice.uniform() < 0.8).count() as f64;
                let interval = wilson(hits, 300.0, level);
                Measurement { slice, ..measured("quality.recall", Unit::Score, (hits / 300.0, interval)) }
            });
            let evidence = Evidence { measurements: slices.collect(), ..Evidence::default() };
            let gate = mlgate::config::parse_gate("recall[region] >= 0.8", Some(StageKind::Quality)).unwrap();
            let grounds =
                mlgate::gate::Grounds { evidence: &evidence, earlier: Vec::new(), baseline: &Baseline::NotConfigured };
            let policy = mlgate::gate::Policy { correction, ..policy(Looks::ONE) };
            let verdicts = mlgate::gate::gates(StageKind::Quality, &[gate], &grounds, &policy);
            assert_eq!(verdicts.len(), 12);
            verdicts.iter().any(|verdict| verdict.outcome == Outcome::Failed)
        };
        (0..runs).filter(|_| fails(&mut dice)).count() as u64
    };
    let (corrected, bare) = (run(SliceCorrection::Bonferroni), run(SliceCorrection::None));
    println!("12 slices at the bound: of {runs} runs a slice fails in {corrected}, uncorrected in {bare}");
    super::at_most(corrected, runs, 0.05);
    assert!(bare > likely(runs, 0.1).1, "{bare} of {runs}");
}
