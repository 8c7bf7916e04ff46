//! The decision: all verdicts together. `Cleared` carries the right to push and to promote, and cannot be made
//! in any other way than by deciding.

use super::{Outcome, Verdict};

/// The right to push and promote. Functions with effects on the outside ask for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared(());

/// Why a run is blocked. The firmest reason wins, in this order: a gate that failed stays failed however often
/// the service that errored beside it is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    Inconclusive,
    Errored,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    pub reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Cleared(Cleared),
    Blocked(Blocked),
}

impl Decision {
    /// Decides over all verdicts of a run. No verdict at all is a block: an empty list never passes.
    pub fn over(verdicts: &[Verdict]) -> Decision {
        if verdicts.iter().all(|v| v.outcome == Outcome::Skipped) {
            return Decision::Blocked(Blocked { reason: Reason::Errored });
        }
        let reason = verdicts.iter().filter(|v| v.blocking).map(|v| match v.outcome {
            Outcome::Inconclusive => Reason::Inconclusive,
            Outcome::Failed => Reason::Failed,
            _ => Reason::Errored,
        });
        match reason.max() {
            Some(reason) => Decision::Blocked(Blocked { reason }),
            None => Decision::Cleared(Cleared(())),
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Decision::Cleared(_) => "cleared",
            Decision::Blocked(_) => "blocked",
        }
    }
}
