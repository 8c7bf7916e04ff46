//! Gates × evidence × baseline → verdicts. Pure: no clock, no I/O, the same input gives the same answer.

mod arithmetic;
mod judge;
mod levels;
mod position;
mod power;
mod quarantine;
mod side;
mod value;
mod words;

pub use judge::{checks, gates, skipped};
pub use levels::levels;

use crate::model::{Baseline, Evidence, Measurement, Severity, SliceCorrection, Subject};
use chrono::NaiveDate;

/// What decides beside the gates themselves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// What an inconclusive verdict does here.
    pub inconclusive: Severity,
    /// Level of the intervals of gates that name none.
    pub confidence: f64,
    pub correction: SliceCorrection,
    pub looks: Looks,
    /// The day of the run.
    pub today: NaiveDate,
}

/// How often a stage may measure again while a gate on it is inconclusive: the error of all looks together stays that
/// of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks {
    pub quality: u32,
    pub latency: u32,
}

impl Looks {
    pub const ONE: Looks = Looks { quality: 1, latency: 1 };

    /// At the measurements of a gate: the most of any.
    fn at(self, subject: &Subject) -> u32 {
        let of = |id: &str| match id.split('.').next() {
            Some("quality") => self.quality,
            Some("latency") => self.latency,
            _ => 1,
        };
        subject.ids().into_iter().map(of).max().unwrap_or(1).max(1)
    }
}

/// What gates are judged on.
pub struct Grounds<'a> {
    pub evidence: &'a Evidence,
    /// Measurements of the stages before.
    pub earlier: Vec<&'a Measurement>,
    pub baseline: &'a Baseline,
}

#[cfg(test)]
mod tests;
