//! Whether probabilities mean what they say: the error between stated and observed frequency in bins of scores.

use super::interval::wilson;
use super::quantile;
use super::random::Random;
use super::sampling::Sampling;
use crate::model::Interval;
use std::collections::HashMap;

/// Draws of the noise; the 97.5th percentile of 4,000 is known to about 2 % of itself.
const DRAWS: usize = 4000;
const SEED: u64 = 0x6361_6c69_6272;

/// How scores are put into bins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bins {
    /// Of equal width from 0 to 1; a score on an edge belongs to the bin below it.
    Width,
    /// Of about as many rows each, by the quantiles of the scores.
    Mass,
}

/// What of the bins' gaps is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalibrationMetric {
    /// Σ (rows in bin / rows) · |mean score − share of hits|: ECE (Naeini, Cooper & Hauskrecht 2015).
    Expected(Bins),
    /// The largest |mean score − share of hits| of any bin: MCE (ibid.), bins of equal width.
    Maximum,
}

/// Sums over the rows of a bin.
#[derive(Clone, Default)]
struct Bin {
    weight: f64,
    scores: f64,
    hits: f64,
    draws: f64,
    /// Σ w², Σ w²·d and Σ w²·d², with d = score − hit.
    squares: [f64; 3],
    /// Where rows were drawn together: Σ w and Σ w·d of each draw.
    groups: HashMap<u32, (f64, f64)>,
}

impl Bins {
    /// The inner edges of `count` bins. `sorted` gives the scores, ascending, where they are needed.
    pub fn edges(self, count: usize, sorted: impl FnOnce() -> Vec<f64>) -> Vec<f64> {
        // As np.linspace(0, 1, count + 1) computes them.
        let even = |i: usize| i as f64 * (1.0 / count as f64);
        match self {
            Bins::Width => (1..count).map(even).collect(),
            Bins::Mass => {
                let sorted = sorted();
                (1..count).filter_map(|i| quantile(&sorted, even(i) * 100.0 / 100.0)).collect()
            }
        }
    }
}

impl CalibrationMetric {
    pub fn bins(self) -> Bins {
        if let CalibrationMetric::Expected(kind) = self { kind } else { Bins::Width }
    }

    /// The metric and its interval.
    ///
    /// Estimated gaps are noisy, and their absolute values too large on average. By the triangle inequality the
    /// metric differs from that of the true gaps (in these bins) by at most the same metric of the noise alone. Its
    /// quantile, with each bin's noise normal and independent, is added on both sides: the interval holds the
    /// truth at least as often as it says.
    pub fn of(self, Binned(bins): &Binned, level: f64) -> (f64, Interval) {
        let n: f64 = bins.iter().map(|bin| bin.weight).sum();
        let value = self.combine(&mut bins.iter().map(|bin| (bin.weight / n, bin.gap().abs())));
        let errors: Vec<(f64, f64)> = bins.iter().map(|bin| (bin.weight / n, bin.error())).collect();
        let mut random = Random::seeded(SEED);
        let mut noise: Vec<f64> = (0..DRAWS)
            .map(|_| self.combine(&mut errors.iter().map(|(share, error)| (*share, error * normal(&mut random).abs()))))
            .collect();
        noise.sort_by(f64::total_cmp);
        let reach = quantile(&noise, level).unwrap_or(1.0);
        (value, Interval { low: (value - reach).max(0.0), high: (value + reach).min(1.0), level })
    }

    /// Of (share of the rows, absolute gap) by bin.
    fn combine(self, gaps: &mut dyn Iterator<Item = (f64, f64)>) -> f64 {
        match self {
            CalibrationMetric::Expected(_) => gaps.map(|(share, gap)| share * gap).sum(),
            CalibrationMetric::Maximum => gaps.map(|(_, gap)| gap).fold(0.0, f64::max),
        }
    }
}

impl Bin {
    fn add(&mut self, score: f64, hit: bool, weight: f64, group: Option<u32>) {
        let hit = f64::from(u8::from(hit));
        let gap = score - hit;
        self.weight += weight;
        self.scores += weight * score;
        self.hits += weight * hit;
        let square = weight * weight;
        for (sum, power) in self.squares.iter_mut().zip([1.0, gap, gap * gap]) {
            *sum += square * power;
        }
        match group {
            None => self.draws += 1.0,
            Some(group) => {
                let sums = self.groups.entry(group).or_default();
                sums.0 += weight;
                sums.1 += weight * gap;
                self.draws = self.groups.len() as f64;
            }
        }
    }

    fn gap(&self) -> f64 {
        (self.scores - self.hits) / self.weight
    }

    /// The standard error of mean score − share of hits. Few rows, all hits or all misses, show no spread; the
    /// share is then at least as uncertain as half of Wilson's 95 % interval says.
    fn error(&self) -> f64 {
        let (gap, draws) = (self.gap(), self.draws);
        let [plain, first, second] = self.squares;
        let squares = match self.groups.is_empty() {
            true => second - 2.0 * gap * first + gap * gap * plain,
            false => self.groups.values().map(|(weight, sum)| (sum - weight * gap).powi(2)).sum(),
        };
        let spread = squares.max(0.0).sqrt() / self.weight * (draws / (draws - 1.0).max(1.0)).sqrt();
        let rows = (self.weight * self.weight / plain).min(draws);
        let floor = wilson(self.hits / self.weight * rows, rows, 0.95);
        spread.max(floor.map_or(1.0, |w| (w.high - w.low) / (2.0 * 1.96)))
    }
}

/// The bins that have rows, at least one.
pub struct Binned(Vec<Bin>);

impl Binned {
    /// Of rows by their scores, each the probability of a hit, in 0 to 1. None without rows.
    pub fn of(scores: &[f64], hits: &[bool], edges: &[f64], sampling: &Sampling) -> Option<Binned> {
        let mut bins = vec![Bin::default(); edges.len() + 1];
        for (row, (&score, &hit)) in scores.iter().zip(hits).enumerate() {
            let weight = sampling.weights.as_ref().map_or(1.0, |weights| weights[row]);
            let place = edges.iter().map(|edge| usize::from(*edge < score)).sum::<usize>();
            if let Some(bin) = bins.get_mut(place).filter(|_| weight > 0.0) {
                bin.add(score, hit, weight, sampling.groups.as_ref().map(|groups| groups[row]));
            }
        }
        bins.retain(|bin| bin.weight > 0.0);
        (!bins.is_empty()).then_some(Binned(bins))
    }
}

fn normal(random: &mut Random) -> f64 {
    // Uniform in (0, 1): both ends would be infinite.
    super::normal_quantile(random.uniform().max(f64::EPSILON))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores in five steps, right in the long run: the true calibration error is 0.
    fn calibrated(seed: u64, n: usize) -> (Vec<f64>, Vec<bool>) {
        let mut random = Random::seeded(seed);
        let scores: Vec<f64> = (0..n).map(|_| 0.1 + 0.2 * random.below(5) as f64).collect();
        let hits = scores.iter().map(|score| random.uniform() < *score).collect();
        (scores, hits)
    }

    fn of(metric: CalibrationMetric, scores: &[f64], hits: &[bool]) -> Option<(f64, Interval)> {
        let edges = metric.bins().edges(10, Vec::new);
        Some(metric.of(&Binned::of(scores, hits, &edges, &Sampling::default())?, 0.95))
    }

    #[test]
    fn the_interval_of_a_calibrated_model_holds_zero() {
        let covered = (0..200).filter(|&seed| {
            let (scores, hits) = calibrated(seed, 300);
            let (value, interval) = of(CalibrationMetric::Expected(Bins::Width), &scores, &hits).unwrap();
            assert!(value > 0.0 && interval.low <= value && value <= interval.high);
            interval.low == 0.0
        });
        // At least 95 %, less three standard errors.
        let covered = covered.count();
        assert!(covered >= 180, "{covered} of 200");
    }

    #[test]
    fn a_miscalibrated_model_is_told() {
        let (scores, _) = calibrated(1, 2000);
        let never = vec![false; 2000];
        let (value, interval) = of(CalibrationMetric::Expected(Bins::Width), &scores, &never).unwrap();
        assert!((value - 0.5).abs() < 0.02 && interval.low > 0.4, "{value} {interval:?}");
        let (value, interval) = of(CalibrationMetric::Maximum, &scores, &never).unwrap();
        assert!((value - 0.9).abs() < 1e-9 && interval.low > 0.8, "{value} {interval:?}");
        assert!(of(CalibrationMetric::Maximum, &[], &[]).is_none());
        // One row says next to nothing.
        let (_, interval) = of(CalibrationMetric::Maximum, &[0.9], &[true]).unwrap();
        assert!(interval.low == 0.0 && interval.high > 0.4, "{interval:?}");
    }
}
