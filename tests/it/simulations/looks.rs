//! Measuring again until the gate is sure: the error of all looks together stays that of one.

use super::{Dice, RUNS, at_most, count, judge, likely, policy};
use mlgate::gate::Looks;
use mlgate::model::*;
use mlgate::stats::{quantile, quantile_interval};

const LOOKS: u32 = 5;
const REQUESTS: usize = 400;

/// Exponential latencies whose 95th percentile is 200 ms, in batches; the gate's bound is that very value.
fn outcome(dice: &mut Dice, looks: Looks) -> Outcome {
    let scale = 0.2 / 20_f64.ln();
    let mut sample: Vec<f64> = Vec::new();
    let policy = policy(looks);
    let level = 1.0 - 0.05 / f64::from(policy.looks.latency);
    for look in 1..=LOOKS {
        sample.extend((0..REQUESTS).map(|_| -dice.uniform().ln() * scale));
        sample.sort_by(f64::total_cmp);
        let interval = quantile_interval(&sample, 0.95, level);
        let value = quantile(&sample, 0.95).unwrap();
        let measured = Measurement::new("latency.p95", value, Unit::Seconds, "simulated");
        let measured = Measurement { interval, n: Some(sample.len() as u64), ..measured };
        let evidence = Evidence { measurements: vec![measured], ..Evidence::default() };
        let verdict = judge("p95 <= 200ms", StageKind::Latency, &evidence, &policy);
        if verdict.outcome != Outcome::Inconclusive || look == LOOKS {
            return verdict.outcome;
        }
    }
    unreachable!("the last look returns")
}

/// How often the gate is sure of something that is not so: at the bound itself, sure of either side.
fn decided(runs: u64, looks: Looks) -> u64 {
    count(runs, 20_260_712, |dice| outcome(dice, looks) != Outcome::Inconclusive)
}

#[test]
fn five_looks_err_no_oftener_than_one() {
    let runs = RUNS;
    let corrected = decided(runs, Looks { quality: 1, latency: LOOKS });
    let naive = decided(runs, Looks::ONE);
    println!("p95, at most {LOOKS} looks at the bound: of {runs} runs decided {corrected}, uncorrected {naive}");
    at_most(corrected, runs, 0.05);
    assert!(naive > likely(runs, 0.05).1, "without the correction {naive} of {runs}: the test would prove nothing");
}
