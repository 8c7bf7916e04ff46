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
pub use quarantine::{State, state};

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

    /// At the measurements of a gate. Of two stages each look at the one may be judged beside each at the other.
    fn at(self, subject: &Subject) -> u32 {
        let ids = subject.ids();
        let of = |stage: &str, looks: u32| match ids.iter().any(|id| id.split('.').next() == Some(stage)) {
            true => looks.max(1),
            false => 1,
        };
        of("quality", self.quality) * of("latency", self.latency)
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
