//! How many rows a gate against the baseline needs before it can tell anything.

use super::position::Region;
use super::value::Subjected;
use crate::stats::{critical, normal_quantile};

/// Rows with which the gate passes a model that has not changed, and fails one that has moved by twice the tolerance,
/// each in more than 95 of 100 runs. None where the gate allows no change, or nothing is known of the spread.
///
/// A difference has the standard error s at n rows, so s·√(n/m) at m rows. Its interval reaches zₐ standard errors to
/// each side. It lies within the tolerance t around no change when t ≥ (zₐ + z)·s·√(n/m), and beyond t by the same
/// distance when the change is 2t. z = 2.33 misses each side in 1 of 100 runs; 2.5 would do, but s is itself an estimate,
/// and the model that has moved may agree with the baseline on fewer rows. So m = n·(s·(zₐ + z)/t)²:
/// the rows of an equivalence test (Chow, Shao & Wang, *Sample Size Calculations in Clinical Research*, 2008, 3.1.3).
pub fn advised(held: &Subjected) -> Option<u64> {
    let (interval, n, tolerance) = (held.interval?, held.n?, tolerance(&held.region)?);
    let of_level = critical(interval.level);
    let error = (interval.high - interval.low) / (2.0 * of_level);
    let rows = n as f64 * (error * (of_level + normal_quantile(0.99)) / tolerance).powi(2);
    (error > 0.0 && rows.is_finite() && rows < 1e15).then(|| rounded_up(rows))
}

/// The distance from no change to the nearest bound.
fn tolerance(region: &Region) -> Option<f64> {
    let low = region.low.map_or(f64::INFINITY, |end| -end.at);
    let high = region.high.map_or(f64::INFINITY, |end| end.at);
    Some(low.min(high)).filter(|distance| distance.is_finite() && *distance > 0.0)
}

/// To two digits, as more would be a claim: `5,043` → `5,100`.
fn rounded_up(rows: f64) -> u64 {
    let unit = 10_f64.powf((rows.max(1.0).log10().floor() - 1.0).max(0.0));
    ((rows / unit).ceil() * unit) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Interval, Op};

    fn held(region: Region, low: f64, high: f64, level: f64) -> Subjected {
        Subjected {
            of: "relative difference",
            estimate: 0.0,
            interval: Some(Interval { low, high, level }),
            region,
            baseline: Some(0.9),
            difference: Some(0.0),
            n: Some(400),
            method: None,
            is_relative: true,
        }
    }

    #[test]
    fn an_interval_as_wide_as_the_tolerance_needs_almost_five_times_the_rows() {
        // (1.9600 + 2.3263)² / 1.9600² · 400 = 1913.1
        assert_eq!(advised(&held(Region::between(-0.03, 0.03), -0.03, 0.03, 0.95)), Some(2000));
        assert_eq!(advised(&held(Region::between(-0.03, 0.03), -0.06, 0.06, 0.95)), Some(7700));
        // (2.5758 + 2.3263)² / 2.5758² · 400 = 1448.8
        assert_eq!(advised(&held(Region::between(-0.03, 0.03), -0.03, 0.03, 0.99)), Some(1500));
        assert_eq!(advised(&held(Region::of(Op::GreaterOrEqual, -0.03), -0.03, 0.03, 0.95)), Some(2000));
    }

    #[test]
    fn no_tolerance_and_no_spread_give_no_advice() {
        assert_eq!(advised(&held(Region::of(Op::GreaterOrEqual, 0.0), -0.03, 0.03, 0.95)), None);
        assert_eq!(advised(&held(Region::of(Op::GreaterOrEqual, 0.01), -0.03, 0.03, 0.95)), None);
        assert_eq!(advised(&held(Region::between(-0.03, 0.03), 0.0, 0.0, 1.0)), None);
        assert_eq!(advised(&held(Region::between(-0.03, 0.03), f64::NEG_INFINITY, 0.1, 0.95)), None);
        assert_eq!(rounded_up(5043.0), 5100);
        assert_eq!((rounded_up(0.2), rounded_up(7.2), rounded_up(99.5)), (1, 8, 100));
    }
}
