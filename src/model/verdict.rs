//! A verdict: a gate, its outcome, and everything needed to argue with it.

use super::{Interval, Slice, StageKind, Unit};
use std::fmt;

/// How a gate or a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Passed,
    /// Did not hold, but was only asked to warn.
    Warned,
    /// Not evaluated, because something before it blocked or the user left it out.
    Skipped,
    /// The interval lies astride the bound: the data cannot tell.
    Inconclusive,
    /// Could not be evaluated: a missing metric, NaN, a service down.
    Errored,
    Failed,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Warned => "warned",
            Outcome::Skipped => "skipped",
            Outcome::Inconclusive => "inconclusive",
            Outcome::Errored => "errored",
            Outcome::Failed => "failed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The estimate that a gate judged and the ends between which it had to lie, on one scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allowed {
    /// `value`, `difference` (candidate − baseline) or `relative difference` (candidate / baseline − 1).
    pub of: &'static str,
    pub estimate: f64,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub stage: StageKind,
    /// The measurement or check it is about: `quality.f1`, `quality.f1[segment=b2b]`, `data.train.rows`.
    pub id: String,
    pub slice: Option<Slice>,
    /// The rule as the user wrote it.
    pub gate: String,
    pub outcome: Outcome,
    /// True if this verdict stops the run. Inconclusive blocks or not by policy; skipped never blocks.
    pub blocking: bool,
    pub value: Option<f64>,
    pub unit: Unit,
    /// The number that the value was held against, in words: `>= 0.85`, `0.9412 ± 3%`.
    pub bound: Option<String>,
    pub baseline: Option<f64>,
    pub difference: Option<f64>,
    /// Of the value, or of the difference when the gate is relative to the baseline (`interval_of` says).
    pub interval: Option<Interval>,
    pub interval_of: Option<&'static str>,
    /// What the gate allows, and what was held against it.
    pub allowed: Option<Allowed>,
    pub n: Option<u64>,
    /// Rows that would settle an inconclusive verdict.
    pub n_needed: Option<u64>,
    /// Rows with which a gate against the baseline tells no change from twice its tolerance, each in 95 of 100 runs.
    pub n_advised: Option<u64>,
    /// Where the number came from, with the resolved query.
    pub source: String,
    /// How the interval was made: `paired bootstrap over 171 rows joined on id`.
    pub method: Option<String>,
    /// One sentence that a reviewer can read aloud.
    pub reason: String,
    pub examples: Vec<String>,
}

impl Verdict {
    /// A verdict that says nothing yet: skipped, blocking nothing, without a number.
    pub fn new(stage: StageKind, id: impl Into<String>, gate: impl Into<String>) -> Verdict {
        Verdict {
            stage,
            id: id.into(),
            slice: None,
            gate: gate.into(),
            outcome: Outcome::Skipped,
            blocking: false,
            value: None,
            unit: Unit::Score,
            bound: None,
            baseline: None,
            difference: None,
            interval: None,
            interval_of: None,
            allowed: None,
            n: None,
            n_needed: None,
            n_advised: None,
            source: String::new(),
            method: None,
            reason: String::new(),
            examples: Vec::new(),
        }
    }
}
