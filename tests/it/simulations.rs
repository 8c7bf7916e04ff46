//! Gates judged thousands of times on experiments whose truth is known: how often is a verdict wrong?
//!
//! Seeded, so a failure is never luck. Counts are held to what a true rate leaves likely with a probability of 99.9 %.
//! `MLGATE_SIMULATIONS=2000 cargo test --release --test it simulations -- --nocapture` prints the tables of
//! `docs/statistics.md`; the ordinary suite repeats less.

mod coverage;
mod looks;
mod power;

use mlgate::config::parse_gate;
use mlgate::gate::{self, Grounds, Looks, Policy};
use mlgate::model::*;

/// How often each experiment is repeated: `few` unless the environment asks for more.
pub fn repetitions(few: u64) -> u64 {
    let asked = std::env::var("MLGATE_SIMULATIONS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(few)
}

/// A small generator of our own (Park & Miller 1988): tests must not lean on the one under test.
pub struct Dice(pub u64);

impl Dice {
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0 * 48_271 % 2_147_483_647;
        self.0 as f64 / 2_147_483_647.0
    }

    /// Box & Muller 1958.
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// The counts that a binomial of `n` draws with probability `p` stays within but for one in a thousand on each side.
pub fn likely(n: u64, p: f64) -> (u64, u64) {
    if p > 0.5 {
        let (low, high) = likely(n, 1.0 - p);
        return (n - high, n - low);
    }
    let mut term = (n as f64 * (1.0 - p).ln()).exp();
    let (mut below, mut low, mut high) = (0.0, 0, n);
    for k in 0..=n {
        below += term;
        if below < 0.001 {
            low = k + 1;
        }
        if below >= 0.999 {
            high = k;
            break;
        }
        term *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
    }
    (low, high)
}

pub fn at_most(found: u64, n: u64, rate: f64) {
    assert!(found <= likely(n, rate).1, "{found} of {n} is more than {rate}");
}

pub fn at_least(found: u64, n: u64, rate: f64) {
    assert!(found >= likely(n, rate).0, "{found} of {n} is less than {rate}");
}

pub fn policy(looks: Looks) -> Policy {
    Policy {
        inconclusive: Severity::Warn,
        confidence: 0.95,
        correction: SliceCorrection::Bonferroni,
        looks,
        today: mlgate::record::today(),
    }
}

/// The verdict of one gate on measurements and comparisons.
pub fn judge(gate: &str, stage: StageKind, evidence: &Evidence, policy: &Policy) -> Verdict {
    let gate = parse_gate(gate, Some(stage)).unwrap();
    // What is compared in pairs brings the baseline's value along.
    let baseline = Baseline::Known { source: "simulated".into(), measurements: evidence.measurements.clone() };
    let grounds = Grounds { evidence, earlier: Vec::new(), baseline: &baseline };
    gate::gates(stage, &[gate], &grounds, policy).remove(0)
}

#[test]
fn likely_counts_are_the_binomials() {
    // Tables of the binomial: P(X ≤ 2) = 0.0002 and P(X ≤ 3) = 0.0013 of 20 draws at one half.
    assert_eq!(likely(20, 0.5), (3, 17));
    assert_eq!(likely(2000, 0.05), (71, 131));
    assert_eq!(likely(2000, 0.95), (1869, 1929));
}
