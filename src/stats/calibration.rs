//! Whether probabilities mean what they say: the error between stated and observed frequency in bins of scores.

use super::interval::wilson;
use super::order::Ranks;
use super::quantile;
use super::random::Random;
use super::sampling::Sampling;
use crate::model::Interval;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

/// Draws of the noise; the 97.5th percentile of 4,000 is known to about 2 % of itself.
const DRAWS: usize = 4000;
const SEED: u64 = 0x6361_6c69_6272;
const USUAL_BINS: usize = 20;

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
#[derive(Clone, Debug, Default)]
struct Bin {
    rows: u64,
    weight: f64,
    scores: f64,
    hits: f64,
    /// Σ w², Σ w²·d and Σ w²·d², with d = score − hit.
    squares: [f64; 3],
    /// Where rows were drawn together: Σ w and Σ w·d of each draw.
    groups: HashMap<u32, (f64, f64)>,
}

impl Bins {
    /// The inner edges of `count` bins of scores, ascending.
    pub fn edges(self, count: usize, sorted: &[f64]) -> Vec<f64> {
        // As np.linspace(0, 1, count + 1) computes them.
        let even = |i: usize| i as f64 * (1.0 / count as f64);
        match self {
            Bins::Width => (1..count).map(even).collect(),
            Bins::Mass => (1..count).filter_map(|i| quantile(sorted, even(i) * 100.0 / 100.0)).collect(),
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
        let drawn = draws(errors.len());
        let of_bins = drawn.chunks(errors.len()).take(DRAWS);
        let mut noise: Vec<f64> = of_bins
            .map(|drawn| self.combine(&mut errors.iter().zip(drawn).map(|((share, error), z)| (*share, error * z))))
            .collect();
        noise.sort_unstable_by(f64::total_cmp);
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
    #[inline]
    fn add(&mut self, score: f64, hit: bool, weight: f64) {
        let hit = f64::from(u8::from(hit));
        let gap = score - hit;
        let square = weight * weight;
        self.rows += 1;
        self.weight += weight;
        self.scores += weight * score;
        self.hits += weight * hit;
        for (sum, power) in self.squares.iter_mut().zip([1.0, gap, gap * gap]) {
            *sum += square * power;
        }
    }

    /// Notes which draw a row belongs to.
    fn gather(&mut self, score: f64, hit: bool, weight: f64, group: u32) {
        let sums = self.groups.entry(group).or_default();
        sums.0 += weight;
        sums.1 += weight * (score - f64::from(u8::from(hit)));
    }

    /// How many draws its rows are.
    fn draws(&self) -> f64 {
        if self.groups.is_empty() { self.rows as f64 } else { self.groups.len() as f64 }
    }

    fn gap(&self) -> f64 {
        (self.scores - self.hits) / self.weight
    }

    /// The standard error of mean score − share of hits. Few rows, all hits or all misses, show no spread; the
    /// share is then at least as uncertain as half of Wilson's 95 % interval says.
    fn error(&self) -> f64 {
        let (gap, draws) = (self.gap(), self.draws());
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
#[derive(Clone, Debug)]
pub struct Binned(Vec<Bin>);

impl Binned {
    /// Of rows by the order of their scores, each the probability of a hit, in 0 to 1. None without rows.
    pub fn of(ranks: &Ranks, edges: &[f64], sampling: &Sampling) -> Option<Binned> {
        let ends = edges.iter().map(|edge| ranks.scores().partition_point(|score| score <= edge));
        let mut start = 0;
        let bin = |end: usize| {
            let (mut bin, plain) = (Bin::default(), sampling.is_plain());
            let part = start..end;
            let rows = ranks.scores()[part.clone()].iter().zip(&ranks.positive()[part.clone()]);
            if plain {
                rows.for_each(|(score, hit)| bin.add(*score, *hit, 1.0));
            } else {
                for ((score, hit), row) in rows.zip(&ranks.rows()[part]) {
                    let row = *row as usize;
                    let weight = sampling.weights.as_ref().map_or(1.0, |weights| weights[row]);
                    if weight > 0.0 {
                        bin.add(*score, *hit, weight);
                        if let Some(groups) = &sampling.groups {
                            bin.gather(*score, *hit, weight, groups[row]);
                        }
                    }
                }
            }
            start = end;
            bin
        };
        let mut bins: Vec<Bin> = ends.chain([ranks.rows().len()]).map(bin).collect();
        bins.retain(|bin| bin.weight > 0.0);
        (!bins.is_empty()).then_some(Binned(bins))
    }
}

/// A bin as it is drawn: what was said of its rows, and what came true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stated {
    pub rows: u64,
    /// Mean score.
    pub score: f64,
    /// Share of hits.
    pub hits: f64,
    /// Wilson's of `hits`; of weighted rows with as many rows as their weights are worth (Kish 1965, 11.7).
    pub interval: Interval,
}

impl Binned {
    /// The reliability diagram (DeGroot & Fienberg 1983), bins in the order of their scores.
    pub fn stated(&self, level: f64) -> Vec<Stated> {
        let stated = |bin: &Bin| {
            let (hits, worth) = (bin.hits / bin.weight, bin.weight * bin.weight / bin.squares[0]);
            let interval = wilson(hits * worth, worth, level)?;
            Some(Stated { rows: bin.rows, score: bin.scores / bin.weight, hits, interval })
        };
        self.0.iter().filter_map(stated).collect()
    }
}

/// Absolute values of normal draws, at least [`DRAWS`] for each of so many bins: the same in every run, so that those
/// for a usual number of bins are kept.
fn draws(bins: usize) -> Cow<'static, [f64]> {
    static KEPT: OnceLock<Vec<f64>> = OnceLock::new();
    let draw = |bins: usize| {
        let mut random = Random::seeded(SEED);
        // Uniform in (0, 1): both ends would be infinite.
        let normal = |_| super::normal_quantile(random.uniform().max(f64::EPSILON)).abs();
        (0..DRAWS * bins).map(normal).collect::<Vec<_>>()
    };
    match bins <= USUAL_BINS {
        true => Cow::Borrowed(KEPT.get_or_init(|| draw(USUAL_BINS))),
        false => Cow::Owned(draw(bins)),
    }
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
        let ranks = Ranks::of(scores, hits);
        let edges = metric.bins().edges(10, ranks.scores());
        Some(metric.of(&Binned::of(&ranks, &edges, &Sampling::default())?, 0.95))
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

    #[test]
    fn bins_hold_every_row_once() {
        let scores = [0.0, 0.05, 0.1, 0.95, 1.0];
        let ranks = Ranks::of(&scores, &[false, true, false, true, true]);
        let edges = Bins::Width.edges(10, ranks.scores());
        let of = |weights: Option<Vec<f64>>| {
            Binned::of(&ranks, &edges, &Sampling { weights, ..Sampling::default() }).unwrap().stated(0.95)
        };
        let bins = of(None);
        assert_eq!(bins.iter().map(|bin| bin.rows).collect::<Vec<_>>(), [3, 2], "an edge belongs to the bin below");
        assert_eq!((bins[1].score, bins[1].hits, bins[1].interval.high), (0.975, 1.0, 1.0));
        let weighted = of(Some(vec![1.0, 2.0, 1.0, 1.0, 1.0]));
        assert_eq!((weighted[0].hits, weighted[0].rows), (0.5, 3));
        assert!(weighted[0].interval.low > bins[0].interval.low && weighted[1] == bins[1]);
    }
}
