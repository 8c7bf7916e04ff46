//! Gates × evidence × baseline → verdicts. Pure: no clock, no I/O, the same input gives the same answer.

mod judge;
mod position;
mod value;
mod words;

pub use judge::{checks, gates, skipped};

use crate::model::Severity;

/// What decides beside the gates themselves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    /// What an inconclusive verdict does here.
    pub inconclusive: Severity,
}

#[cfg(test)]
mod tests;
