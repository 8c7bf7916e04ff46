//! Metrics whose error is, to first order, a sum over rows. Each comes with every row's share in that sum, so that
//! the variance of an estimate, of a difference on the same rows and of their ratio are all sums of squares.
//!
//! For means this is the ordinary standard error, for the area under the ROC curve it is DeLong's, for the others
//! the delta method (the infinitesimal jackknife of Jaeckel 1972; Efron 1982, chapter 6).

use super::interval::{critical, unbounded, wilson};
use super::normal::student_quantile;
use super::sampling::{Sampling, Size};
use crate::model::Interval;

/// The scale on which an estimate's error is taken to be symmetric, and the range it cannot leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// 0 to ∞, symmetric in ln(v): means of losses are skewed to the right.
    Positive,
    /// 0 to 1.
    Share,
    /// 0 to 1, symmetric in ln(v / (1 − v)).
    Logit,
    /// −∞ to 1, symmetric in ln(1 − v).
    Unexplained,
    /// −1 to 1, symmetric in ln((1 + v) / (1 − v)) (Fisher 1921).
    Correlation,
    /// −∞ to ∞.
    Any,
}

impl Scale {
    pub fn range(self) -> (f64, f64) {
        match self {
            Scale::Positive => (0.0, f64::INFINITY),
            Scale::Share | Scale::Logit => (0.0, 1.0),
            Scale::Unexplained => (f64::NEG_INFINITY, 1.0),
            Scale::Correlation => (-1.0, 1.0),
            Scale::Any => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }
}

/// An estimate with its rows' contributions to the error: its variance is the sum of their squares.
#[derive(Clone, Debug)]
pub struct Linear {
    pub value: f64,
    pub contributions: Vec<f64>,
    pub scale: Scale,
    /// How far the value could move if every row changed: what an unseen kind of row is assumed to do at most.
    pub reach: f64,
    /// The rows that count: for ranking metrics those of the rarer class, with weights as many as they are worth.
    pub rows: f64,
    /// Student's degrees of freedom; None where the normal distribution does.
    pub freedom: Option<f64>,
}

impl Linear {
    /// The mean of `losses`, which lie in the range of `scale`, each with its weight. None without rows.
    pub fn mean(mut losses: Vec<f64>, weights: Option<&[f64]>, scale: Scale) -> Option<Linear> {
        let size = Size::of(losses.len(), weights);
        if losses.is_empty() || size.weight <= 0.0 {
            return None;
        }
        let reach = if scale.range().1.is_finite() {
            1.0
        } else {
            losses.iter().fold(0.0, |most: f64, loss| most.max(loss.abs()))
        };
        let (value, spread) = (weighted_mean(&losses, weights), size.spread());
        match weights {
            None => losses.iter_mut().for_each(|loss| *loss = (*loss - value) / spread),
            Some(weights) => losses.iter_mut().zip(weights).for_each(|(loss, w)| *loss = w * (*loss - value) / spread),
        }
        let rows = size.effective;
        Some(Linear { value, contributions: losses, scale, reach, rows, freedom: Some(rows - 1.0) })
    }

    /// The same estimate where the rows of a group are one draw: their contributions are added up, so that what goes
    /// together in a group shows in the variance (the sandwich of Liang & Zeger 1986, with the factor G / (G − 1)).
    /// Without groups it stays as it is.
    pub fn clustered(self, groups: Option<&[u32]>) -> Linear {
        let Some(groups) = groups else { return self };
        let mut sums = vec![0.0; groups.iter().max().map_or(0, |last| *last as usize + 1)];
        for (group, contribution) in groups.iter().zip(&self.contributions) {
            sums[*group as usize] += contribution;
        }
        let (rows, draws) = (self.contributions.len() as f64, sums.len() as f64);
        let factor = ((rows - 1.0) / rows * draws / (draws - 1.0)).sqrt();
        sums.iter_mut().for_each(|sum| *sum *= factor);
        Linear { contributions: sums, rows: self.rows.min(draws), freedom: Some(draws - 1.0), ..self }
    }

    /// The same estimate where as many draws were made in each stratum as were wanted: only how they differ within it is
    /// error (for means Cochran 1977, chapter 5; for contributions Särndal, Swensson & Wretman 1992, 5.5). The one draw of a
    /// stratum shows no spread, and keeps its distance from all (as `lonely.psu = "adjust"` of R's survey).
    fn stratified(mut self, strata: &[u32]) -> Linear {
        let mut known = vec![(0.0, 0.0); strata.iter().max().map_or(0, |last| *last as usize + 1)];
        for (stratum, contribution) in strata.iter().zip(&self.contributions) {
            let (draws, sum) = &mut known[*stratum as usize];
            (*draws, *sum) = (*draws + 1.0, *sum + contribution);
        }
        // Contributions carry √(n / (n − 1)) of all draws; of strata it is that of each.
        let all = self.contributions.len() as f64;
        for (stratum, contribution) in strata.iter().zip(&mut self.contributions) {
            let (draws, sum) = known[*stratum as usize];
            if draws > 1.0 {
                *contribution = (*contribution - sum / draws) * (draws / (draws - 1.0) * (all - 1.0) / all).sqrt();
            }
        }
        let strata = known.iter().filter(|(draws, _)| *draws > 0.0).count() as f64;
        Linear { freedom: self.freedom.map(|freedom| (freedom - (strata - 1.0)).max(1.0)), ..self }
    }

    /// The same estimate of rows that were drawn as `sampling` says.
    pub fn drawn(self, sampling: &Sampling) -> Linear {
        let groups = sampling.groups.as_deref();
        let linear = self.clustered(groups);
        match (&sampling.strata, groups) {
            (None, _) => linear,
            (Some(strata), None) => linear.stratified(strata),
            (Some(strata), Some(groups)) => {
                let mut of_groups = vec![0; linear.contributions.len()];
                for (group, stratum) in groups.iter().zip(strata) {
                    of_groups[*group as usize] = *stratum;
                }
                linear.stratified(&of_groups)
            }
        }
    }

    /// The variance of the estimate.
    pub fn variance(&self) -> f64 {
        self.contributions.iter().map(|c| c * c).sum()
    }

    /// Of a share: how many independent rows would leave the same variance (Dean & Pagano 2015); with no spread, the
    /// rows that count.
    pub fn share_rows(&self) -> f64 {
        let (v, variance) = (self.value, self.variance());
        if has_spread(variance.sqrt(), v) { v * (1.0 - v) / variance } else { self.rows }
    }

    /// The interval of a share by Wilson's method, for [`Linear::share_rows`].
    pub fn share_interval(&self, level: f64) -> Option<Interval> {
        let rows = self.share_rows();
        wilson(self.value * rows, rows, level)
    }

    /// The interval of the estimate. Where the rows show no spread, or there is only one of them, it is everything
    /// that the metric can be.
    pub fn interval(&self, level: f64) -> Interval {
        let error = standard_error(self.contributions.iter().copied());
        let (least, greatest) = self.scale.range();
        if !has_spread(error, self.value) {
            return Interval { low: least, high: greatest, level };
        }
        let v = self.value;
        let reach = self.critical(level) * error;
        let (low, high) = match self.scale {
            Scale::Share | Scale::Any => (v - reach, v + reach),
            Scale::Positive => {
                let wide = (reach / v).exp();
                (v / wide, v * wide)
            }
            Scale::Logit => {
                let odds = (v / (1.0 - v)).ln();
                let wide = reach / (v * (1.0 - v));
                let back = |l: f64| 1.0 / (1.0 + (-l).exp());
                (back(odds - wide), back(odds + wide))
            }
            Scale::Correlation => {
                let (middle, wide) = (v.atanh(), reach / (1.0 - v * v));
                ((middle - wide).tanh(), (middle + wide).tanh())
            }
            Scale::Unexplained => {
                let wide = (reach / (1.0 - v)).exp();
                (1.0 - (1.0 - v) * wide, 1.0 - (1.0 - v) / wide)
            }
        };
        Interval { low: low.max(least).min(v), high: high.min(greatest).max(v), level }
    }

    /// self − other, both of the same rows in the same order.
    pub fn difference(&self, other: &Linear, level: f64) -> Interval {
        let difference = self.value - other.value;
        let pairs = self.contributions.iter().zip(&other.contributions);
        let error = standard_error(pairs.map(|(a, b)| a - b));
        let reach = if has_spread(error, self.value) {
            self.critical(level) * error
        } else {
            self.unseen(level) * self.reach.max(other.reach)
        };
        let (least, greatest) = self.scale.range();
        let limit = greatest - least;
        around(difference, reach, -limit, limit, level)
    }

    /// self / other − 1, both of the same rows in the same order. None when the other is zero; unbounded when its
    /// interval holds zero, as the ratio can then be anything.
    pub fn relative(&self, other: &Linear, level: f64) -> Option<Interval> {
        let (a, b) = (self.value, other.value);
        if b == 0.0 {
            return None;
        }
        let of_b = other.interval(level);
        if of_b.low < 0.0 && of_b.high > 0.0 {
            return Some(unbounded(level));
        }
        let pairs = self.contributions.iter().zip(&other.contributions);
        let ratio = a / b;
        let error = standard_error(pairs.map(|(of_a, of_b)| (of_a - ratio * of_b) / b));
        let least = if a >= 0.0 && b > 0.0 { -1.0 } else { f64::NEG_INFINITY };
        if !has_spread(error, ratio) {
            let reach = self.unseen(level) * self.reach.max(other.reach) / b.abs();
            return Some(around(ratio - 1.0, reach, least, f64::INFINITY, level));
        }
        let reach = self.critical(level) * error;
        if ratio > 0.0 {
            let wide = (reach / ratio).exp();
            return Some(Interval { low: ratio / wide - 1.0, high: ratio * wide - 1.0, level });
        }
        Some(around(ratio - 1.0, reach, least, f64::INFINITY, level))
    }

    fn critical(&self, level: f64) -> f64 {
        match self.freedom {
            None => critical(level),
            Some(freedom) => student_quantile(0.5 + level / 2.0, freedom),
        }
    }

    /// The greatest share of rows of a kind never seen that so many rows leave likely: (1 − share)ⁿ = tail.
    fn unseen(&self, level: f64) -> f64 {
        let tail = (1.0 - level) / 2.0;
        1.0 - tail.powf(1.0 / self.rows.max(1.0))
    }
}

/// `value` ± `reach`, unbounded where nothing has a scale, and never of zero width.
fn around(value: f64, reach: f64, least: f64, greatest: f64, level: f64) -> Interval {
    let reach = if reach > 0.0 { reach } else { f64::INFINITY };
    Interval { low: (value - reach).max(least), high: (value + reach).min(greatest), level }
}

/// Whether an error is more than what rounding leaves of none. NaN, as of a single row, is no spread.
fn has_spread(error: f64, value: f64) -> bool {
    error > 1e-14 * value.abs().max(1e-300)
}

fn standard_error(contributions: impl Iterator<Item = f64>) -> f64 {
    contributions.map(|c| c * c).sum::<f64>().sqrt()
}

/// The arithmetic mean by Neumaier's compensated sum, so that it does not depend on how rows are chunked by more
/// than the last digit; four sums side by side, as each waits for its last. NaN without values.
pub fn mean(values: &[f64]) -> f64 {
    let (mut sums, mut lost) = ([0.0_f64; 4], [0.0_f64; 4]);
    let mut add = |lane: usize, value: f64| {
        let (sum, next) = (sums[lane], sums[lane] + value);
        lost[lane] += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sums[lane] = next;
    };
    let (fours, rest) = values.as_chunks::<4>();
    for four in fours {
        (0..4).for_each(|lane| add(lane, four[lane]));
    }
    rest.iter().for_each(|value| add(0, *value));
    for lane in 1..4 {
        let sum = sums[lane];
        let next = sums[0] + sum;
        lost[0] += if sums[0].abs() >= sum.abs() { (sums[0] - next) + sum } else { (sum - next) + sums[0] };
        lost[0] += lost[lane];
        sums[0] = next;
    }
    let total = if lost[0].is_finite() { sums[0] + lost[0] } else { sums[0] };
    total / values.len() as f64
}

/// Σ wᵢ vᵢ / Σ wᵢ, of values that each count one without weights.
pub fn weighted_mean(values: &[f64], weights: Option<&[f64]>) -> f64 {
    let Some(weights) = weights else { return mean(values) };
    let products: Vec<f64> = values.iter().zip(weights).map(|(value, weight)| value * weight).collect();
    mean(&products) / mean(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_is_students() {
        let linear = Linear::mean(vec![0.1, 0.2, 0.3, 0.4, 0.5], None, Scale::Share).unwrap();
        let found = linear.interval(0.95);
        // 0.3 ± 2.776445 · √(0.025 / 5)
        assert!((found.low - 0.103_675_7).abs() < 1e-6 && (found.high - 0.496_324_3).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn no_spread_is_no_certainty() {
        for losses in [vec![0.2; 9], vec![0.3]] {
            let linear = Linear::mean(losses, None, Scale::Share).unwrap();
            let found = linear.interval(0.95);
            assert_eq!((found.low, found.high), (0.0, 1.0));
            let same = linear.difference(&linear, 0.95);
            assert!(same.low < -0.05 && same.high > 0.05, "{same:?}");
        }
        let zero = Linear::mean(vec![0.0; 9], None, Scale::Positive).unwrap();
        assert_eq!(zero.difference(&zero, 0.95), unbounded(0.95));
        assert!(zero.relative(&zero, 0.95).is_none());
        assert!(Linear::mean(Vec::new(), None, Scale::Share).is_none());
    }

    #[test]
    fn pairs_are_narrower_than_strangers() {
        let a: Vec<f64> = (0..50).map(|i| f64::from(i % 7)).collect();
        let b: Vec<f64> = a.iter().enumerate().map(|(i, v)| v + 0.1 + (i % 2) as f64 * 0.1).collect();
        let (a, b) = (Linear::mean(a, None, Scale::Positive).unwrap(), Linear::mean(b, None, Scale::Positive).unwrap());
        let paired = b.difference(&a, 0.95);
        assert!(paired.low > 0.1 && paired.high < 0.2, "{paired:?}");
        let relative = b.relative(&a, 0.95).unwrap();
        assert!(relative.low > 0.0 && relative.high < 0.1 && relative.low < relative.high, "{relative:?}");
    }
}
