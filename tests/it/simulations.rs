//! Gates judged thousands of times on experiments whose truth is known: how often is a verdict wrong?
//!
//! Seeded, run by run, so a failure is never luck and the threads that share the runs change nothing. Counts are held
//! to what a true rate leaves likely with a probability of 99.9 %. Each experiment is repeated 2,000 times, unless it
//! would take long in a build that is not optimised; what these then count, and all at once, is printed by
//! `MLGATE_SIMULATIONS=2000 cargo test --release --test it simulations -- --nocapture`, as in `docs/statistics.md`.

mod coverage;
mod looks;
mod metrics;
mod power;
mod slices;

use mlgate::config::parse_gate;
use mlgate::gate::{self, Grounds, Looks, Policy};
use mlgate::model::*;
use mlgate::stats::bootstrap::Joint;

/// How often most experiments are repeated.
pub const RUNS: u64 = 2000;

/// How often an experiment is repeated that takes long: `few` times, unless the environment asks for more.
pub fn repetitions(few: u64) -> u64 {
    let asked = std::env::var("MLGATE_SIMULATIONS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(few)
}

/// What `once` finds in each of so many runs, each with dice of its own; on all cores.
pub fn repeat<T: Send>(runs: u64, seed: u64, once: impl Fn(&mut Dice) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let share = |first: u64| -> Vec<T> {
        (first..runs).step_by(threads as usize).map(|run| once(&mut Dice::new(seed, run))).collect()
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|first| scope.spawn(move || share(first))).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a run panicked")).collect()
    })
}

/// In how many of so many runs `once` says yes.
pub fn count(runs: u64, seed: u64, once: impl Fn(&mut Dice) -> bool + Sync) -> u64 {
    repeat(runs, seed, once).into_iter().filter(|yes| *yes).count() as u64
}

/// A small generator of our own (SplitMix64: Steele, Lea & Flood 2014): tests must not lean on the one under test.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64, run: u64) -> Dice {
        let mut dice = Dice(seed << 32 | run);
        Dice(dice.bits())
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Above 0, and below 1.
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    pub fn normal(&mut self) -> f64 {
        self.normals().0
    }

    /// Two that are independent; Box & Muller 1958.
    pub fn normals(&mut self) -> (f64, f64) {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        (radius * cosine, radius * sine)
    }
}

/// Two models' answers: positives 30 %, false alarms 10 %, recalls as given; the models share half of their luck.
pub struct TwoModels {
    /// Rows by (truth, first model, second model), each as often as it is likely: drawn by twelve bits.
    cells: Vec<(u32, u32, u32)>,
}

impl TwoModels {
    pub fn new(recall: f64, other: f64) -> TwoModels {
        let (mut total, mut cells) = (0.0, Vec::new());
        for (truth, share, a, b) in [(0, 0.7, 0.1, 0.1), (1, 0.3, recall, other)] {
            // With a probability of one half the luck is the same: both say yes as often as the rarer does.
            let both = 0.5 * f64::min(a, b) + 0.5 * a * b;
            for (says, part) in [((0, 0), 1.0 - a - b + both), ((1, 1), both), ((1, 0), a - both), ((0, 1), b - both)] {
                total += share * part;
                cells.resize((total * 4096.0).round() as usize, (truth, says.0, says.1));
            }
        }
        TwoModels { cells }
    }

    pub fn f1(recall: f64) -> f64 {
        2.0 * 0.3 * recall / (0.3 * recall + 0.07 + 0.3)
    }

    /// The recall that makes the F1.
    pub fn recall(f1: f64) -> f64 {
        f1 * 0.37 / (0.6 - 0.3 * f1)
    }

    pub fn draw(&self, dice: &mut Dice, rows: usize) -> Joint {
        let mut bits = 0;
        let once = |row: usize| {
            bits = if row.is_multiple_of(5) { dice.bits() } else { bits >> 12 };
            self.cells[bits as usize & 4095]
        };
        Joint::of_two(2, (0..rows).map(once))
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

/// The verdicts of a gate on measurements and comparisons.
pub fn verdicts(gate: &str, stage: StageKind, evidence: &Evidence, policy: &Policy) -> Vec<Verdict> {
    let gate = parse_gate(gate, Some(stage)).unwrap();
    // What is compared in pairs brings the baseline's value along.
    let baseline = Baseline::Known { source: "simulated".into(), measurements: evidence.measurements.clone() };
    let grounds = Grounds { evidence, earlier: Vec::new(), baseline: &baseline };
    gate::gates(stage, &[gate], &grounds, policy)
}

/// The one verdict of a gate that is on no slices.
pub fn judge(gate: &str, stage: StageKind, evidence: &Evidence, policy: &Policy) -> Verdict {
    verdicts(gate, stage, evidence, policy).remove(0)
}

#[test]
fn likely_counts_are_the_binomials() {
    // Tables of the binomial: P(X ≤ 2) = 0.0002 and P(X ≤ 3) = 0.0013 of 20 draws at one half.
    assert_eq!(likely(20, 0.5), (3, 17));
    assert_eq!(likely(2000, 0.05), (71, 131));
    assert_eq!(likely(2000, 0.95), (1869, 1929));
}
