//! Quantiles of a sample, and what the sample says about those of the population.

use super::normal::binomial_below_or_at;
use crate::model::Interval;

/// The `p` quantile of a sorted sample, linear between the two nearest order statistics (Hyndman & Fan 1996,
/// type 7: NumPy's and R's default). None when the sample is empty or `p` is outside 0..=1.
pub fn quantile(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    if !(0.0..=1.0).contains(&p) {
        return None;
    }
    let place = p * last as f64;
    let below = place.floor() as usize;
    let (low, high) = (*sorted.get(below)?, *sorted.get((below + 1).min(last))?);
    let part = place - below as f64;
    Some(if part == 0.0 { low } else { low + (high - low) * part })
}

/// The interval between two order statistics that holds the population's `p` quantile with at least the
/// probability `level`, whatever the distribution (David & Nagaraja, *Order Statistics*, 2003, 7.1).
///
/// A side that the sample is too small to bound is infinite: 100 values have no upper bound for the 99.9th
/// percentile. None when the sample is empty or `p` or `level` is not inside 0..1.
pub fn quantile_interval(sorted: &[f64], p: f64, level: f64) -> Option<Interval> {
    let inside = |v: f64| v > 0.0 && v < 1.0;
    if sorted.is_empty() || !inside(p) || !inside(level) {
        return None;
    }
    let n = sorted.len() as u64;
    let tail = (1.0 - level) / 2.0;
    // The quantile lies below the r-th smallest value (r from 1) when at most r − 1 values lie below it.
    let mut ranks = (0, n);
    while ranks.0 < ranks.1 {
        let middle = ranks.0 + (ranks.1 - ranks.0).div_ceil(2);
        if binomial_below_or_at(middle - 1, n, p) <= tail { ranks.0 = middle } else { ranks.1 = middle - 1 }
    }
    let low = ranks.0.checked_sub(1).map_or(f64::NEG_INFINITY, |i| sorted[i as usize]);
    let mut ranks = (1, n + 1);
    while ranks.0 < ranks.1 {
        let middle = ranks.0 + (ranks.1 - ranks.0) / 2;
        if binomial_below_or_at(middle - 1, n, p) >= 1.0 - tail { ranks.1 = middle } else { ranks.0 = middle + 1 }
    }
    let high = sorted.get(ranks.0 as usize - 1).copied().unwrap_or(f64::INFINITY);
    Some(Interval { low, high, level })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_to(n: u32) -> Vec<f64> {
        (1..=n).map(f64::from).collect()
    }

    #[test]
    fn quantiles_are_numpys() {
        let sample = one_to(4);
        assert_eq!(quantile(&sample, 0.5), Some(2.5));
        assert_eq!(quantile(&sample, 0.75), Some(3.25));
        assert_eq!(quantile(&sample, 1.0), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&sample, f64::NAN), None);
    }

    #[test]
    fn the_median_of_ten_lies_between_the_second_and_the_ninth() {
        // Tabulated: 1 − 2·P(X ≤ 1) = 97.9 %; the third to the eighth would hold only 89.1 %.
        let interval = quantile_interval(&one_to(10), 0.5, 0.95).unwrap();
        assert_eq!((interval.low, interval.high), (2.0, 9.0));
    }

    #[test]
    fn too_few_values_leave_a_side_open() {
        let interval = quantile_interval(&one_to(100), 0.99, 0.95).unwrap();
        assert_eq!((interval.low, interval.high), (97.0, f64::INFINITY));
        let one = quantile_interval(&[3.0], 0.5, 0.95).unwrap();
        assert_eq!((one.low, one.high), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(quantile_interval(&[], 0.5, 0.95).is_none());
    }

    #[test]
    fn many_values_bound_a_far_percentile() {
        let interval = quantile_interval(&one_to(100_000), 0.99, 0.95).unwrap();
        assert!(interval.low < 99_000.0 && interval.low > 98_930.0, "{interval:?}");
        assert!(interval.high > 99_000.0 && interval.high < 99_070.0, "{interval:?}");
    }
}
