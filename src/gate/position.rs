//! Where an estimate with its interval lies to the region that a gate allows.

use crate::model::{Interval, Op};

/// The values that a rule allows, between two ends; an end that is not there is no limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    pub low: Option<End>,
    pub high: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    pub at: f64,
    pub included: bool,
}

impl Region {
    pub fn between(low: f64, high: f64) -> Region {
        Region { low: Some(End { at: low, included: true }), high: Some(End { at: high, included: true }) }
    }

    pub fn of(op: Op, bound: f64) -> Region {
        let end = |included| Some(End { at: bound, included });
        match op {
            Op::Less => Region { low: None, high: end(false) },
            Op::LessOrEqual => Region { low: None, high: end(true) },
            Op::Greater => Region { low: end(false), high: None },
            Op::GreaterOrEqual => Region { low: end(true), high: None },
            Op::Equal => Region { low: end(true), high: end(true) },
        }
    }

    /// NaN is in no region.
    pub fn holds(&self, value: f64) -> bool {
        let above = self.low.is_none_or(|end| value > end.at || (end.included && value == end.at));
        let below = self.high.is_none_or(|end| value < end.at || (end.included && value == end.at));
        !value.is_nan() && above && below
    }

    /// The end nearest to a value: the one that it is about to cross or has crossed.
    pub fn nearest_end(&self, value: f64) -> Option<f64> {
        let ends = [self.low, self.high];
        let distance = |end: &End| (end.at - value).abs();
        ends.into_iter().flatten().min_by(|a, b| distance(a).total_cmp(&distance(b))).map(|end| end.at)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    Inside,
    Outside,
    /// The interval has values on both sides.
    Astride,
}

/// Uncertainty decides when it is known: wholly inside passes, wholly outside fails, astride is undecided. With no
/// interval the estimate alone decides.
pub fn position(estimate: f64, interval: Option<Interval>, region: Region) -> Position {
    let Some(interval) = interval else {
        return if region.holds(estimate) { Position::Inside } else { Position::Outside };
    };
    if interval.low.is_nan() || interval.high.is_nan() {
        return Position::Astride;
    }
    let beyond_high = region.high.is_some_and(|end| interval.low > end.at || (!end.included && interval.low == end.at));
    let beyond_low = region.low.is_some_and(|end| interval.high < end.at || (!end.included && interval.high == end.at));
    match region.holds(interval.low) && region.holds(interval.high) {
        true => Position::Inside,
        false if beyond_high || beyond_low => Position::Outside,
        false => Position::Astride,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(low: f64, high: f64) -> Option<Interval> {
        Some(Interval { low, high, level: 0.95 })
    }

    #[test]
    fn intervals_decide() {
        let region = Region::of(Op::GreaterOrEqual, 0.85);
        assert_eq!(position(0.9, of(0.86, 0.94), region), Position::Inside);
        assert_eq!(position(0.9, of(0.85, 0.94), region), Position::Inside);
        assert_eq!(position(0.86, of(0.84, 0.88), region), Position::Astride);
        assert_eq!(position(0.8, of(0.76, 0.84), region), Position::Outside);
        assert_eq!(position(0.8, of(0.76, 0.85), Region::of(Op::Greater, 0.85)), Position::Outside);
        assert_eq!(position(0.0, of(-0.05, 0.05), Region::between(-0.03, 0.03)), Position::Astride);
        assert_eq!(position(0.0, of(f64::NEG_INFINITY, f64::INFINITY), Region::between(-1.0, 1.0)), Position::Astride);
        assert_eq!(position(0.5, of(0.5, 0.5), Region::of(Op::Equal, 0.5)), Position::Inside);
    }

    #[test]
    fn without_an_interval_the_estimate_decides_and_nan_never_passes() {
        assert_eq!(position(0.85, None, Region::of(Op::GreaterOrEqual, 0.85)), Position::Inside);
        assert_eq!(position(0.85, None, Region::of(Op::Greater, 0.85)), Position::Outside);
        for op in [Op::Less, Op::LessOrEqual, Op::Greater, Op::GreaterOrEqual, Op::Equal] {
            assert_eq!(position(f64::NAN, None, Region::of(op, 0.5)), Position::Outside);
            assert!(!Region::of(op, f64::NAN).holds(0.5));
        }
    }
}
