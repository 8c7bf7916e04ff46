//! Quantiles of a sample, and what the sample says about those of the population.

use super::linear::{Linear, Scale};
use super::normal::binomial_below_or_at;
use super::sampling::Sampling;
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

/// The weighted median, as scikit-learn's: where half of the weight ends between two values, the middle of them
/// (Hyndman & Fan 1996, type 2). Its interval is that of the share of weight below it, read off the values (Woodruff
/// 1952), which holds with weights and with groups. None without weight.
pub fn weighted_median(values: &[f64], sampling: &Sampling, level: f64) -> Option<(f64, Interval)> {
    let weight = |row: &u32| sampling.weights.as_ref().map_or(1.0, |weights| weights[*row as usize]);
    let mut rows: Vec<u32> = (0..values.len() as u32).filter(|row| weight(row) > 0.0).collect();
    rows.sort_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]));
    let mut below = 0.0;
    let sums: Vec<f64> = rows
        .iter()
        .map(|row| {
            below += weight(row);
            below
        })
        .collect();
    let (total, at) = (*sums.last()?, |place: usize| rows.get(place).map(|row| values[*row as usize]));
    let half = sums.partition_point(|sum| *sum < total / 2.0);
    let here = at(half)?;
    // As scikit-learn, which compares weights as they are.
    let value =
        if sums[half] - total / 2.0 > f64::EPSILON { here } else { (here + at(half + 1).unwrap_or(here)) / 2.0 };
    let is_below = values.iter().map(|v| if *v <= value { 1.0 } else { 0.0 }).collect();
    let share = Linear::mean(is_below, sampling.weights.as_deref(), Scale::Share)?;
    let centred = Linear { value: 0.5, ..share.drawn(sampling) };
    let ends = centred.share_interval(level)?;
    let low = sums.partition_point(|sum| *sum < ends.low * total);
    let high = sums.partition_point(|sum| *sum <= ends.high * total);
    let (low, high) = (at(low).unwrap_or(f64::NEG_INFINITY), at(high).unwrap_or(f64::INFINITY));
    Some((value, Interval { low: low.min(value), high: high.max(value), level }))
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
