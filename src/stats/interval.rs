//! Intervals of proportions, the combination of two intervals into that of a difference or a ratio, and how many
//! rows would settle a question.

use super::normal_quantile;
use crate::model::{Difference, Interval};

/// The whole line: nothing is known.
pub const fn unbounded(level: f64) -> Interval {
    Interval { low: f64::NEG_INFINITY, high: f64::INFINITY, level }
}

/// The standard normal's two-sided critical value: 1.96 for 0.95.
pub fn critical(level: f64) -> f64 {
    normal_quantile(0.5 + level / 2.0)
}

/// Wilson's score interval for `successes` of `n` (Wilson 1927; recommended by Brown, Cai & DasGupta 2001): inside
/// 0..=1 and never of zero width. None when `n` is not positive.
pub fn wilson(successes: f64, n: f64, level: f64) -> Option<Interval> {
    if n.is_nan() || n <= 0.0 {
        return None;
    }
    let z = critical(level);
    let p = successes / n;
    let centre = p + z * z / (2.0 * n);
    let reach = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    // At the ends the formula is exact but for rounding; the estimate itself must lie inside.
    let low = ((centre - reach) / scale).clamp(0.0, p);
    let high = ((centre + reach) / scale).clamp(p, 1.0);
    Some(Interval { low, high, level })
}

/// An interval of candidate − baseline from the intervals of two independent estimates: MOVER, the method of
/// variance estimates recovery (Zou & Donner 2008; for proportions Newcombe 1998, method 10). With paired rows it
/// is too wide rather than too narrow, as errors on the same rows go together.
pub fn mover((a, of_a): (f64, Interval), (b, of_b): (f64, Interval)) -> Interval {
    let difference = a - b;
    let low = difference - (a - of_a.low).hypot(of_b.high - b);
    let high = difference + (of_a.high - a).hypot(b - of_b.low);
    Interval { low, high, level: of_a.level.min(of_b.level) }
}

/// An interval of candidate / baseline, by the same method (Donner & Zou 2012): the ratios r for which the MOVER
/// interval of candidate − r·baseline holds zero. Unbounded when the baseline's interval holds zero.
pub fn mover_ratio(candidate: (f64, Interval), baseline: (f64, Interval)) -> Interval {
    let (b, of_b) = baseline;
    let level = candidate.1.level.min(of_b.level);
    if of_b.low > 0.0 && b > 0.0 {
        let (low, high) = ratio_to_positive(candidate, baseline);
        Interval { low, high, level }
    } else if of_b.high < 0.0 && b < 0.0 {
        let mirrored = (-b, Interval { low: -of_b.high, high: -of_b.low, level });
        let (low, high) = ratio_to_positive(candidate, mirrored);
        Interval { low: -high, high: -low, level }
    } else {
        unbounded(level)
    }
}

/// Candidate − baseline by [`mover`], and candidate / baseline − 1 by [`mover_ratio`]; no ratio to zero.
pub fn mover_differences(a: (f64, Interval), b: (f64, Interval)) -> (Difference, Option<Difference>) {
    let relative = (b.0 != 0.0).then(|| {
        let ratio = mover_ratio(a, b);
        let interval = Interval { low: ratio.low - 1.0, high: ratio.high - 1.0, ..ratio };
        Difference { value: a.0 / b.0 - 1.0, interval: Some(interval) }
    });
    (Difference { value: a.0 - b.0, interval: Some(mover(a, b)) }, relative)
}

/// The roots of (a − r·b)² = margin², where the margin takes the side of each interval that matters there. The
/// side of the baseline's interval that limits the ratio depends on the sign of the ratio.
fn ratio_to_positive((a, of_a): (f64, Interval), (b, of_b): (f64, Interval)) -> (f64, f64) {
    let root = |end: f64, other: f64| {
        let (square, constant) = (other * (2.0 * b - other), end * (2.0 * a - end));
        let discriminant = ((a * b).powi(2) - square * constant).max(0.0).sqrt();
        (square, constant, discriminant)
    };
    // Of the two forms of a quadratic's root, the one that does not divide by a vanishing square.
    let (_, constant, discriminant) = root(of_a.low, if of_a.low >= 0.0 { of_b.high } else { of_b.low });
    let low = if of_a.low == 0.0 { 0.0 } else { constant / (a * b + discriminant) };
    let (square, _, discriminant) = root(of_a.high, if of_a.high >= 0.0 { of_b.low } else { of_b.high });
    let high = (a * b + discriminant) / square;
    let sound = |v: f64, otherwise: f64| if v.is_nan() { otherwise } else { v };
    let (low, high) = (sound(low, f64::NEG_INFINITY), sound(high, f64::INFINITY));
    (low.min(a / b), if square > 0.0 { high.max(a / b) } else { f64::INFINITY })
}

/// The interval of `value` at another level, as its two standard errors say: each side in proportion to the normal's
/// critical values. It is what MOVER takes an interval for (Zou & Donner 2008), and for intervals whose rows are gone.
pub fn carried(value: f64, interval: Interval, level: f64) -> Interval {
    let scale = critical(level) / critical(interval.level);
    Interval { low: value - (value - interval.low) * scale, high: value + (interval.high - value) * scale, level }
}

/// Rows with which an estimate that stays where it is would lie clear of `bound`, given that `n` rows leave a
/// half width of `half_width` towards it: widths shrink with the root of the rows. None when the estimate lies on
/// the bound, where no number of rows would do, or when a figure is not finite.
pub fn rows_needed(n: u64, estimate: f64, bound: f64, half_width: f64) -> Option<u64> {
    let distance = (estimate - bound).abs();
    let rows = (n as f64 * (half_width / distance).powi(2)).ceil();
    // Beyond that the answer is "never", and no longer exact as a float.
    (distance > 0.0 && half_width > 0.0 && rows.is_finite() && rows < 1e15).then(|| (rows as u64).max(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 5e-5, "found {found}, expected {expected}");
    }

    #[test]
    fn wilson_is_that_of_newcombes_table() {
        // Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
        for (r, n, low, high) in [
            (81.0, 263.0, 0.2553, 0.3662),
            (15.0, 148.0, 0.0624, 0.1605),
            (0.0, 20.0, 0.0, 0.1611),
            (1.0, 29.0, 0.0061, 0.1718),
        ] {
            let found = wilson(r, n, 0.95).unwrap();
            near(found.low, low);
            near(found.high, high);
        }
        assert!(wilson(0.0, 0.0, 0.95).is_none());
    }

    #[test]
    fn mover_of_two_proportions_is_newcombes_hybrid() {
        // Newcombe 1998, Statistics in Medicine 17:873, table II, method 10.
        for (a, m, b, n, low, high) in [
            (56.0, 70.0, 48.0, 80.0, 0.0524, 0.3339),
            (9.0, 10.0, 3.0, 10.0, 0.1705, 0.8090),
            (10.0, 10.0, 0.0, 10.0, 0.6075, 1.0),
        ] {
            let found = mover((a / m, wilson(a, m, 0.95).unwrap()), (b / n, wilson(b, n, 0.95).unwrap()));
            near(found.low, low);
            near(found.high, high);
        }
    }

    #[test]
    fn a_ratio_agrees_with_the_difference_it_is_made_of() {
        let at = |value: f64, low: f64, high: f64| (value, Interval { low, high, level: 0.95 });
        for a in [at(0.8, 0.7, 0.9), at(-1.0, -1.5, -0.5), at(0.2, -0.3, 0.5)] {
            let b = at(0.5, 0.4, 0.65);
            let found = mover_ratio(a, b);
            for (ratio, is_low) in [(found.low, true), (found.high, false)] {
                let ends = if ratio >= 0.0 { (ratio * 0.4, ratio * 0.65) } else { (ratio * 0.65, ratio * 0.4) };
                let scaled = (ratio * 0.5, Interval { low: ends.0, high: ends.1, level: 0.95 });
                let difference = mover(a, scaled);
                near(if is_low { difference.low } else { difference.high }, 0.0);
            }
        }
        let flipped = mover_ratio(at(0.8, 0.7, 0.9), at(-0.5, -0.65, -0.4));
        let plain = mover_ratio(at(0.8, 0.7, 0.9), at(0.5, 0.4, 0.65));
        assert_eq!((flipped.low, flipped.high), (-plain.high, -plain.low));
        assert_eq!(mover_ratio(at(1.0, 0.9, 1.1), at(0.1, -0.1, 0.3)), unbounded(0.95));
        assert_eq!(mover_ratio(at(1.0, 0.9, 1.1), at(0.0, 0.0, 0.3)), unbounded(0.95));
    }

    #[test]
    fn half_the_distance_takes_four_times_the_rows() {
        assert_eq!(rows_needed(100, 0.90, 0.85, 0.10), Some(400));
        assert_eq!(rows_needed(100, 0.85, 0.85, 0.10), None);
        assert_eq!(rows_needed(100, 0.9, 0.85, f64::INFINITY), None);
        assert_eq!(rows_needed(100, f64::NAN, 0.85, 0.1), None);
    }
}
