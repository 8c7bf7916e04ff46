//! Where an interval lies to the ends that its gate allows: one geometry for the HTML report and for terminals.

use crate::record::wire::{Interval, Verdict};

/// An estimate, its interval and what is allowed, on one scale.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    pub estimate: Option<f64>,
    /// The ends may be infinite.
    pub interval: Option<(f64, f64)>,
    /// Of what the gate allows; none is no limit.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// What the numbers are: the record's `interval_of`.
    pub of: String,
}

impl Picture {
    /// None where a verdict has no number to draw.
    pub fn of(verdict: &Verdict) -> Option<Picture> {
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        let interval = verdict.interval.as_ref().and_then(ends);
        if let Some(allowed) = &verdict.allowed {
            return Some(Picture {
                estimate: finite(Some(allowed.estimate)),
                interval: interval.filter(|_| verdict.interval_of.as_ref().is_none_or(|of| *of == allowed.of)),
                low: finite(allowed.low),
                high: finite(allowed.high),
                of: allowed.of.clone(),
            });
        }
        // Records of an earlier mlgate do not tell the ends.
        let of = verdict.interval_of.clone().unwrap_or_else(|| "value".into());
        let estimate = match of.as_str() {
            "value" => verdict.value,
            "difference" => verdict.difference,
            _ => verdict.difference.zip(verdict.baseline).map(|(by, of)| by / of),
        };
        interval.map(|interval| Picture {
            estimate: finite(estimate),
            interval: Some(interval),
            low: None,
            high: None,
            of,
        })
    }

    /// The numbers that must be in the picture.
    pub fn numbers(&self) -> impl Iterator<Item = f64> {
        let (low, high) = self.interval.unzip();
        [self.estimate, low, high, self.low, self.high].into_iter().flatten().filter(|number| number.is_finite())
    }
}

/// The ends of an interval; none where one is not a number.
pub fn ends(interval: &Interval) -> Option<(f64, f64)> {
    let ends = (interval.low, interval.high);
    (!ends.0.is_nan() && !ends.1.is_nan() && ends.0 <= ends.1).then_some(ends)
}

/// A range of numbers along a line from 0 to 1, with some room on both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// None where no number is finite, or they are too far apart for floats.
    pub fn over(numbers: impl IntoIterator<Item = f64>) -> Option<Scale> {
        let mut ends = (f64::INFINITY, f64::NEG_INFINITY);
        for number in numbers.into_iter().filter(|number| number.is_finite()) {
            ends = (ends.0.min(number), ends.1.max(number));
        }
        let room = match ends.1 - ends.0 {
            width if !width.is_finite() => return None,
            width if width > 0.0 => width * 0.12,
            _ => ends.0.abs().max(1e-9) * 0.1,
        };
        Some(Scale { low: ends.0 - room, high: ends.1 + room })
    }

    /// From 0 to 1; what lies beyond is at the end.
    pub fn place(&self, number: f64) -> f64 {
        let place = (number - self.low) / (self.high - self.low);
        if place.is_nan() { 0.5 } else { place.clamp(0.0, 1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_has_room_for_all_numbers() {
        let scale = Scale::over([0.8, 0.9, f64::INFINITY]).unwrap();
        assert!(scale.place(0.8) > 0.05 && scale.place(0.9) < 0.95);
        assert_eq!((scale.place(f64::INFINITY), scale.place(f64::NEG_INFINITY)), (1.0, 0.0));
        assert!((Scale::over([0.5]).unwrap().place(0.5) - 0.5).abs() < 1e-9);
        assert_eq!(Scale::over([f64::NAN]), None);
        assert_eq!(Scale::over([-f64::MAX, f64::MAX]), None);
    }
}
