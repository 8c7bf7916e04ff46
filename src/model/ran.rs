//! A stage that ran, as the record takes it.

use super::{Evidence, Outcome, StageKind, Verdict};

/// A stage with what it found and how that was judged.
#[derive(Clone, Debug)]
pub struct Ran {
    pub stage: StageKind,
    pub evidence: Evidence,
    pub verdicts: Vec<Verdict>,
    pub seconds: f64,
}

impl Ran {
    /// The gravest outcome of the verdicts; a stage that only measured has passed.
    pub fn gravest(&self) -> Outcome {
        const ORDER: [Outcome; 5] =
            [Outcome::Failed, Outcome::Errored, Outcome::Inconclusive, Outcome::Warned, Outcome::Passed];
        let found = ORDER.into_iter().find(|outcome| self.verdicts.iter().any(|v| v.outcome == *outcome));
        found.unwrap_or(if self.verdicts.is_empty() { Outcome::Passed } else { Outcome::Skipped })
    }
}
