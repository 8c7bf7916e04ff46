//! `quality:` as checked types.

use super::data_check::filter::Expr;
use super::data_check::sql::aggregate::Aggregate;
use super::{Detail, Metrics, Service};
use crate::model::{Gate, Unit};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Quality {
    /// A command that writes the files below. None: they are there already.
    pub run: Option<String>,
    pub timeout: Duration,
    pub predictions: Option<Predictions>,
    /// Numbers that the user computed.
    pub metrics: Vec<Metrics>,
    pub baseline: Option<BaselineSource>,
    /// `first_run: accept`: a baseline that is not there yet lets relative gates pass, visibly.
    pub first_run_accepted: bool,
    /// Slices with fewer rows are left out of slice gates, with a note.
    pub min_slice_rows: u64,
    /// How often is measured at most, until no gate is inconclusive; 1 unless said.
    pub looks: u32,
    pub gates: Vec<Gate>,
}

#[derive(Clone, Debug)]
pub struct Predictions {
    /// CSV or Parquet.
    pub file: PathBuf,
    pub task: Task,
    /// Column with the truth.
    pub label: String,
    /// Binary: probability of the positive class.
    pub score: Option<String>,
    /// Predicted class or value; for a binary task derived from `score` and `threshold` when absent.
    pub prediction: Option<String>,
    pub threshold: f64,
    /// Binary: which label value is the positive class; `1` and `true` unless said.
    pub positive: Option<String>,
    /// Column that joins candidate and baseline rows; without it they are two samples.
    pub id: Option<String>,
    /// Column with how much each row counts.
    pub weight: Option<String>,
    /// Column whose equal values mark rows that were drawn together, such as the visits of one patient.
    pub group: Option<String>,
    /// Column whose values name the strata that fixed numbers of rows were drawn from.
    pub strata: Option<String>,
    pub slices: Vec<SliceBy>,
    pub find_slices: Option<FindSlices>,
    /// They ride with the record, so that a later run compares with them in pairs.
    pub in_record: bool,
    pub detail: Detail,
    /// Metrics of the user's own: `quality.custom`.
    pub custom: Vec<CustomMetric>,
}

/// A metric of the user's own.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomMetric {
    pub name: String,
    /// The expression as it is written.
    pub text: String,
    pub expr: Aggregate,
    pub unit: Unit,
    pub higher_is_better: bool,
}

/// Slices to be found rather than named: the worst conjunctions of values of a few columns.
#[derive(Clone, Debug, PartialEq)]
pub struct FindSlices {
    /// Its id in full, without `quality.`.
    pub metric: String,
    /// What is searched: names of slices, or of columns that are none.
    pub columns: Vec<String>,
    /// How many columns a conjunction may have; 1 to 3.
    pub max_columns: usize,
    /// Conjunctions with fewer rows are not looked at.
    pub min_rows: u64,
    /// How many of the worst are kept; at least 1.
    pub keep: usize,
}

/// What rows are measured apart by: an entry of `slices:`.
#[derive(Clone, Debug, PartialEq)]
pub enum SliceBy {
    /// A slice for each value of the column.
    Column(String),
    /// A slice below the first edge, from each edge to the next, and from the last on. Edges rise.
    Bins { column: String, edges: Vec<f64> },
    /// Bins of as many rows each.
    Quantiles { column: String, bins: usize },
    /// The rows for which the condition holds, as one slice.
    Where { name: String, condition: Expr },
}

impl SliceBy {
    /// What gates name it by.
    pub fn name(&self) -> &str {
        match self {
            SliceBy::Column(name)
            | SliceBy::Bins { column: name, .. }
            | SliceBy::Quantiles { column: name, .. }
            | SliceBy::Where { name, .. } => name,
        }
    }

    /// The columns that it needs.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            SliceBy::Column(_) | SliceBy::Bins { .. } | SliceBy::Quantiles { .. } => vec![self.name()],
            SliceBy::Where { condition, .. } => condition.columns(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Binary,
    Multiclass,
    Regression,
    Text,
    Multilabel,
    Ranking,
    Forecast,
    Repeats,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaselineSource {
    /// `production`: the record of the image that the last environment's overlay pins.
    Production,
    /// `git:REF`: predictions or metric files as they are in that commit.
    Git { reference: String },
    /// `dvc:REF`: as `git:`, and what the commit does not hold itself is looked up at DVC.
    Dvc { reference: String },
    /// A predictions file (CSV, Parquet), a metric file (JSON, YAML) or a record (`schema` and `verdicts`).
    File(PathBuf),
    /// Such a file on another machine: `https://…`, `s3://…`.
    Address(String),
    /// What a tracking server has of a model or a run.
    Service(Service),
}
