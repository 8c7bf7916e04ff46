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

use crate::model::{Baseline, Evidence, Measurement, Severity, SliceCorrection};
use chrono::NaiveDate;

/// What decides beside the gates themselves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// What an inconclusive verdict does here.
    pub inconclusive: Severity,
    /// Level of the intervals of gates that name none.
    pub confidence: f64,
    pub correction: SliceCorrection,
    /// How often the stage may look at the same question: the error of all looks together stays that of one.
    pub looks: u32,
    /// The day of the run.
    pub today: NaiveDate,
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
