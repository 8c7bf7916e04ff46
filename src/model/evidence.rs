//! Evidence: what a stage found. Failure of an effect is evidence too.

use super::{Chart, Distribution, Fault, Interval, Measurement, Outcome, Profile, Severity, Slice};
use serde_json::Value;
use std::fmt;
use std::path::PathBuf;

/// The stages of `mlgate run`, in the order they run; `promote` is a command of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StageKind {
    Data,
    Tests,
    Quality,
    Image,
    Latency,
    Overlay,
    Promote,
}

impl StageKind {
    pub const RUN: [StageKind; 6] = [
        StageKind::Data,
        StageKind::Tests,
        StageKind::Quality,
        StageKind::Image,
        StageKind::Latency,
        StageKind::Overlay,
    ];

    pub fn name(self) -> &'static str {
        match self {
            StageKind::Data => "data",
            StageKind::Tests => "tests",
            StageKind::Quality => "quality",
            StageKind::Image => "image",
            StageKind::Latency => "latency",
            StageKind::Overlay => "overlay",
            StageKind::Promote => "promote",
        }
    }
}

impl fmt::Display for StageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something a stage read whose content determines the result, with its digest (`sha256:…`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// `data.train`, `model`, `lock`.
    pub kind: String,
    /// The path or address, relative to the folder of `mlops.yaml` where it lies inside.
    pub name: String,
    pub digest: String,
    pub bytes: u64,
}

/// A yes-or-no finding that is no gate on a number: a data check, a test suite, a rendered overlay.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Stage-qualified and unique within a run: `data.train.nulls(age)`, `tests.unit`.
    pub id: String,
    /// The rule as the user wrote it: `age between 0 and 120`.
    pub text: String,
    pub severity: Severity,
    /// Passed, failed, errored or skipped. Severity is applied when verdicts are made.
    pub outcome: Outcome,
    /// What was found, in one sentence with figures: `37 of 10,000 rows (0.37%) are outside`.
    pub message: String,
    /// The number behind it, if it has one (failing rows, found mean), and of how many.
    pub value: Option<f64>,
    pub n: Option<u64>,
    /// A few offending rows or test names, already shortened and free of secrets.
    pub examples: Vec<String>,
    pub source: String,
}

impl Check {
    /// A check of which nothing was found yet: it blocks and is errored until its finding is filled in.
    pub fn new(id: impl Into<String>, text: impl Into<String>, source: impl Into<String>) -> Check {
        Check {
            id: id.into(),
            text: text.into(),
            severity: Severity::Block,
            outcome: Outcome::Errored,
            message: String::new(),
            value: None,
            n: None,
            examples: Vec::new(),
            source: source.into(),
        }
    }
}

/// A difference with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    pub value: f64,
    pub interval: Option<Interval>,
}

/// Candidate against baseline on one measurement, where the stage had the rows of both. Where it had not, the
/// gate combines the two intervals itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub id: String,
    pub slice: Option<Slice>,
    pub baseline: f64,
    /// candidate − baseline, in the measurement's unit.
    pub difference: Difference,
    /// candidate / baseline − 1; none when the baseline is zero.
    pub relative: Option<Difference>,
    /// Rows joined (paired), or rows of the candidate.
    pub n: u64,
    /// `paired bootstrap over 171 rows joined on id`.
    pub method: String,
}

/// The predictions that were judged, written to a file that rides with the record.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptPredictions {
    /// A Parquet file on this disk.
    pub path: PathBuf,
    pub digest: String,
    pub bytes: u64,
    pub rows: u64,
    /// How its columns are read.
    pub reading: Value,
}

impl KeptPredictions {
    /// What a file may be long: registries and those who pull it are to be spared.
    pub const MOST_BYTES: u64 = 256 << 20;
    /// Rows are held in memory when they are compared, 20 to 40 bytes each.
    pub const MOST_ROWS: u64 = 20_000_000;
}

/// How a metric is defined and how its interval is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricNote {
    /// Of its measurements: `quality.f1`.
    pub id: String,
    /// The formula or where it is defined, in one line.
    pub formula: String,
    pub higher_is_better: bool,
    /// The name of the method, one of [`super::method`].
    pub interval: Option<String>,
}

/// What a stage found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    pub measurements: Vec<Measurement>,
    pub comparisons: Vec<Comparison>,
    pub checks: Vec<Check>,
    pub faults: Vec<Fault>,
    pub inputs: Vec<Input>,
    /// Remarks for the reader that decide nothing: `3 slices with fewer than 30 rows were left out`.
    pub notes: Vec<String>,
    /// Of the data sets, where an image can carry them.
    pub profiles: Vec<Profile>,
    /// Of columns that have drifted.
    pub distributions: Vec<Distribution>,
    /// Where they are to ride with the record.
    pub predictions: Option<KeptPredictions>,
    /// Of the rows that the model was measured on.
    pub charts: Vec<Chart>,
    /// How the metrics are defined.
    pub metrics: Vec<MetricNote>,
}

impl Evidence {
    pub fn of_fault(fault: Fault) -> Evidence {
        Evidence { faults: vec![fault], ..Evidence::default() }
    }
}
