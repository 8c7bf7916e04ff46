//! The words of mlgate as types. This module imports nothing of ours; everything else may import it.

mod address;
mod asked;
mod chart;
mod commit;
mod decision;
mod evidence;
mod fault;
mod gate;
mod measurement;
pub mod method;
mod profile;
mod ran;
mod subject;
mod tracked;
mod verdict;

pub use address::shown_address;
pub use asked::Asked;
pub use chart::{Chart, Series};
pub use commit::Commit;
pub use decision::{Blocked, Cleared, Decision, Reason};
pub use evidence::{Check, Comparison, Difference, Evidence, Input, KeptPredictions, MetricNote, StageKind};
pub use fault::{Fault, causes};
pub use gate::{Bound, Gate, Offset, Op, Quantity, Quarantine, Rule, Severity, SliceCorrection};
pub use measurement::{Baseline, FOUND, Interval, LEVELS, Measurement, Slice, Unit, same_level};
pub use profile::{ColumnKind, ColumnProfile, Distribution, Numbers, Profile};
pub use ran::Ran;
pub use subject::{Arithmetic, Expr, Measure, Subject};
pub use tracked::{Submodule, Tracked};
pub use verdict::{Allowed, Outcome, Verdict};
