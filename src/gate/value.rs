//! What a gate is held against: the value itself, or its difference from the baseline, with the uncertainty that
//! is known of it.

use super::position::{End, Region};
use crate::model::*;
use crate::stats;

/// The quantity a rule decides on.
#[derive(Clone, Debug, PartialEq)]
pub struct Subjected {
    pub of: &'static str,
    pub estimate: f64,
    pub interval: Option<Interval>,
    pub region: Region,
    pub baseline: Option<f64>,
    pub difference: Option<f64>,
    pub n: Option<u64>,
    pub method: Option<String>,
    /// Values in percent of the baseline rather than in the measurement's unit.
    pub is_relative: bool,
}

impl Subjected {
    /// For the verdict; an end that is no number is none.
    pub fn allowed(&self) -> Allowed {
        let at = |end: Option<End>| end.map(|end| end.at).filter(|at| at.is_finite());
        Allowed { of: self.of, estimate: self.estimate, low: at(self.region.low), high: at(self.region.high) }
    }
}

/// Candidate, baseline, and where the rows of both were there, their comparison.
pub struct Pair<'a> {
    pub candidate: &'a Measurement,
    /// Or why there is none.
    pub baseline: Result<&'a Measurement, &'a str>,
    pub comparison: Option<&'a Comparison>,
}

/// Turns a rule into one region for one quantity.
///
/// # Errors
/// Why the rule cannot be judged, as a sentence.
pub fn subject(pair: &Pair<'_>, rule: &Rule) -> Result<Subjected, String> {
    let region = match rule {
        Rule::Compare { op, bound: Bound::Absolute(quantity) } => {
            return Ok(plain(pair, Region::of(*op, quantity.value)));
        }
        Rule::Between { low, high } => return Ok(plain(pair, Region::between(low.value, high.value))),
        Rule::Within { tolerance } => match tolerance {
            Offset::None => Region::between(0.0, 0.0),
            Offset::Relative(share) => Region::between(-share, *share),
            Offset::Absolute(quantity) => Region::between(-quantity.value, quantity.value),
        },
        Rule::Compare { op, bound: Bound::Baseline(offset) } => match offset {
            Offset::None => Region::of(*op, 0.0),
            Offset::Relative(share) => Region::of(*op, *share),
            Offset::Absolute(quantity) => Region::of(*op, quantity.value),
        },
    };
    let is_relative = matches!(
        rule,
        Rule::Within { tolerance: Offset::Relative(_) }
            | Rule::Compare { bound: Bound::Baseline(Offset::Relative(_)), .. }
    );
    against_baseline(pair, region, is_relative)
}

fn plain(pair: &Pair<'_>, region: Region) -> Subjected {
    let candidate = pair.candidate;
    let baseline =
        pair.comparison.map(|c| c.baseline).or(pair.baseline.ok().map(|b| b.value)).filter(|b| b.is_finite());
    Subjected {
        of: "value",
        estimate: candidate.value,
        interval: candidate.interval,
        region,
        baseline,
        difference: baseline.map(|b| candidate.value - b),
        n: candidate.n,
        method: None,
        is_relative: false,
    }
}

fn against_baseline(pair: &Pair<'_>, region: Region, is_relative: bool) -> Result<Subjected, String> {
    let candidate = pair.candidate;
    let (baseline, difference, relative, n, method) = match (pair.comparison, pair.baseline) {
        (Some(c), _) => (c.baseline, c.difference, c.relative, Some(c.n), Some(c.method.clone())),
        (None, Ok(baseline)) => {
            if baseline.unit != candidate.unit {
                return Err(format!("the baseline is measured in {}, this run in {}", baseline.unit, candidate.unit));
            }
            let (difference, relative, method) = combine(candidate, baseline);
            (baseline.value, difference, relative, smaller(candidate.n, baseline.n), method)
        }
        (None, Err(why)) => return Err(format!("the baseline does not have this measurement: {why}")),
    };
    if !baseline.is_finite() {
        return Err("the baseline's value is not a number".into());
    }
    let chosen = match (is_relative, relative) {
        (false, _) => difference,
        (true, _) if baseline == 0.0 => {
            return Err(
                "the baseline is zero, and no percentage of zero is a distance: write the bound in pp or in its unit"
                    .into(),
            );
        }
        (true, Some(relative)) => toward(relative, baseline),
        (true, None) => Difference { value: difference.value / baseline.abs(), interval: None },
    };
    Ok(Subjected {
        of: if is_relative { "relative difference" } else { "difference" },
        estimate: chosen.value,
        interval: chosen.interval,
        region,
        baseline: Some(baseline),
        difference: Some(difference.value),
        n,
        method,
        is_relative,
    })
}

/// candidate / baseline − 1 as a share of the baseline's size: with a negative baseline the ratio runs the other way.
fn toward(relative: Difference, baseline: f64) -> Difference {
    if baseline > 0.0 {
        return relative;
    }
    let interval = relative.interval.map(|i| Interval { low: -i.high, high: -i.low, ..i });
    Difference { value: -relative.value, interval }
}

/// Difference and ratio of two measurements of which only the intervals are known.
fn combine(candidate: &Measurement, baseline: &Measurement) -> (Difference, Option<Difference>, Option<String>) {
    let (c, b) = (candidate.value, baseline.value);
    let (of_c, of_b, method) = match (candidate.interval, baseline.interval) {
        (Some(of_c), Some(of_b)) => (of_c, of_b, "two samples, intervals combined (MOVER)"),
        // A baseline without an interval is taken as exact: it is a number that the user wrote down.
        (Some(of_c), None) => (of_c, Interval { low: b, high: b, ..of_c }, "baseline taken as exact"),
        (None, _) => {
            let of = |value: f64| Difference { value, interval: None };
            return (of(c - b), (b != 0.0).then(|| of(c / b - 1.0)), None);
        }
    };
    let (difference, relative) = stats::mover_differences((c, of_c), (b, of_b));
    (difference, relative, Some(method.to_string()))
}

fn smaller(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
