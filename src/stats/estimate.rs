//! A metric's value with what is known of its error, and the ways in which such values are made of rows: means,
//! ratios of sums, means of ratios.

use super::interval::{self, mover, mover_differences};
use super::linear::{Linear, Scale, weighted_mean};
use super::sampling::Size;
use crate::model::Interval;

/// A value, its interval where a sound one exists, and the rows' contributions where the error is a sum over them.
#[derive(Clone, Debug)]
pub struct Estimate {
    pub value: f64,
    pub interval: Option<Interval>,
    pub linear: Option<Linear>,
}

impl Estimate {
    /// Of a value whose error is a sum over rows. A share of exactly 0 or 1 shows no spread: it is then bounded as
    /// one proportion of `linear.rows` (Wilson 1927), which holds for any mean of values between 0 and 1.
    pub fn of(linear: Linear, level: f64) -> Estimate {
        let is_share = matches!(linear.scale, Scale::Share | Scale::Logit);
        let at_an_end = is_share && (linear.value <= 0.0 || linear.value >= 1.0);
        let rows = linear.rows;
        let proportion = at_an_end.then(|| interval::wilson(linear.value * rows, rows, level)).flatten();
        let found = proportion.unwrap_or_else(|| linear.interval(level));
        Estimate { value: linear.value, interval: Some(found), linear: Some(linear) }
    }

    /// Of a mean of zeros and ones: Wilson's interval, of weighted or clustered rows as [`Linear::share_interval`].
    pub fn of_proportion(linear: Linear, level: f64) -> Estimate {
        Estimate { value: linear.value, interval: linear.share_interval(level), linear: Some(linear) }
    }

    /// Of a value with an interval of its own, or with none.
    pub fn apart(value: f64, interval: Option<Interval>) -> Estimate {
        Estimate { value, interval, linear: None }
    }

    /// self − other of the same rows in the same order, and whether it was made in pairs: else of the two intervals
    /// (MOVER), which is too wide for models that err together, never too narrow. None where either has no interval.
    pub fn difference(&self, other: &Estimate, level: f64) -> Option<(Interval, bool)> {
        match (&self.linear, &other.linear) {
            (Some(a), Some(b)) if a.contributions.len() == b.contributions.len() => {
                Some((a.difference(b, level), true))
            }
            _ => Some((mover((self.value, self.interval?), (other.value, other.interval?)), false)),
        }
    }

    /// self / other − 1, as [`Estimate::difference`]. None where the other is zero, too.
    pub fn relative(&self, other: &Estimate, level: f64) -> Option<Interval> {
        match (&self.linear, &other.linear) {
            (Some(a), Some(b)) if a.contributions.len() == b.contributions.len() => a.relative(b, level),
            _ => mover_differences((self.value, self.interval?), (other.value, other.interval?)).1?.interval,
        }
    }
}

/// Σ `parts` / Σ `wholes` over rows with their weights, by linearisation: a row contributes (part − ratio · whole) /
/// mean whole. None when the wholes sum to nothing. The rows that count are those with a whole.
pub fn ratio(parts: &[f64], wholes: &[f64], weights: Option<&[f64]>, scale: Scale) -> Option<Linear> {
    let size = Size::of(parts.len(), weights);
    let (part, whole) = (weighted_mean(parts, weights), weighted_mean(wholes, weights));
    if whole.is_nan() || whole == 0.0 {
        return None;
    }
    let value = part / whole;
    let spread = whole * size.spread();
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let rows = parts.iter().zip(wholes).enumerate();
    let contributions = rows.map(|(row, (p, w))| weight(row) * (p - value * w) / spread).collect();
    let counting = Size::of_those(parts.len(), weights, |row| wholes[row] != 0.0).effective;
    let reach = match scale.range().1.is_finite() {
        true => 1.0,
        false => parts.iter().fold(0.0, |most: f64, part| most.max(part.abs())) / whole.abs(),
    };
    // A share is taken on the logit scale, where the normal distribution does.
    let freedom = (scale != Scale::Logit).then_some(size.effective - 1.0);
    Some(Linear { value, contributions, scale, reach, rows: counting, freedom })
}

/// Σ `shares` · `values` / Σ `shares`, for estimates of the same rows and shares that are known. None without
/// estimates or shares. The rows that count are those of the estimate with the fewest.
pub fn mean_of(estimates: &[Linear], shares: &[f64]) -> Option<Linear> {
    let total: f64 = shares.iter().sum();
    let first = estimates.first().filter(|_| total > 0.0)?;
    let mut contributions = vec![0.0; first.contributions.len()];
    let (mut value, mut reach, mut rows) = (0.0, 0.0_f64, f64::INFINITY);
    for (estimate, share) in estimates.iter().zip(shares).filter(|(_, share)| **share > 0.0) {
        let share = share / total;
        value += share * estimate.value;
        reach = reach.max(estimate.reach);
        rows = rows.min(estimate.rows);
        for (sum, of_row) in contributions.iter_mut().zip(&estimate.contributions) {
            *sum += share * of_row;
        }
    }
    Some(Linear { value, contributions, reach, rows, ..*first })
}

/// As [`mean_of`] with each estimate's own share of the rows: `member(row, estimate)` tells whether the row is of the
/// estimate's kind, and the error of these shares is part of the error.
pub fn prevalence_mean(
    estimates: &[Linear],
    weights: Option<&[f64]>,
    member: impl Fn(usize, usize) -> bool,
) -> Option<Linear> {
    let n = estimates.first()?.contributions.len();
    let size = Size::of(n, weights);
    let shares: Vec<f64> =
        (0..estimates.len()).map(|k| Size::of_those(n, weights, |row| member(row, k)).weight).collect();
    let mut found = mean_of(estimates, &shares)?;
    let spread = shares.iter().sum::<f64>() / size.weight * size.spread();
    for (row, contribution) in found.contributions.iter_mut().enumerate() {
        let moved: f64 =
            (0..estimates.len()).filter(|&k| member(row, k)).map(|k| estimates[k].value - found.value).sum();
        *contribution += weights.map_or(1.0, |weights| weights[row]) * moved / spread;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_of_equal_wholes_is_a_mean() {
        let losses = [0.1, 0.4, 0.2, 0.9];
        let (ratio, mean) = (
            ratio(&losses, &[1.0; 4], None, Scale::Share).unwrap(),
            Linear::mean(losses.to_vec(), None, Scale::Share).unwrap(),
        );
        assert!((ratio.value - mean.value).abs() < 1e-15);
        assert!(ratio.contributions.iter().zip(&mean.contributions).all(|(a, b)| (a - b).abs() < 1e-15));
        assert!(
            super::ratio(&[0.0], &[0.0], None, Scale::Share).is_none()
                && super::ratio(&[], &[], None, Scale::Share).is_none()
        );
    }

    #[test]
    fn shares_of_the_rows_are_uncertain_too() {
        // The prevalence mean of two constants is a proportion: 1·p + 0·(1 − p).
        let n = 40;
        let constant = |value: f64| Linear {
            value,
            contributions: vec![0.0; n],
            scale: Scale::Share,
            reach: 1.0,
            rows: n as f64,
            freedom: None,
        };
        let found =
            prevalence_mean(&[constant(1.0), constant(0.0)], None, |row, k| (row % 4 == 0) == (k == 0)).unwrap();
        let zeros_and_ones: Vec<f64> = (0..n).map(|row| f64::from(u8::from(row % 4 == 0))).collect();
        let expected = Linear::mean(zeros_and_ones, None, Scale::Share).unwrap();
        assert_eq!(found.value, expected.value);
        assert!(found.contributions.iter().zip(&expected.contributions).all(|(a, b)| (a - b).abs() < 1e-15));
    }

    #[test]
    fn certainty_is_never_claimed() {
        let perfect = Estimate::of(Linear::mean(vec![1.0; 50], None, Scale::Share).unwrap(), 0.95);
        let found = perfect.interval.unwrap();
        assert!(found.high == 1.0 && found.low > 0.9 && found.low < 0.95, "{found:?}");
        let (difference, paired) = perfect.difference(&perfect, 0.95).unwrap();
        assert!(paired && difference.low < 0.0 && difference.high > 0.0);
        let point = Estimate::apart(3.0, None);
        assert!(point.difference(&perfect, 0.95).is_none() && point.relative(&perfect, 0.95).is_none());
        let zero = Estimate::apart(0.0, Some(Interval { low: -1.0, high: 1.0, level: 0.95 }));
        assert!(
            zero.relative(&zero, 0.95).is_none() && zero.difference(&zero, 0.95).is_some_and(|(_, paired)| !paired)
        );
    }
}
