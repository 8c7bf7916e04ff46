//! A chart: what the rows behind the measurements look like, in a few kilobytes of numbers.

/// Numbers to draw, of the candidate and, on the same axes, of the baseline where its rows are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Stage-qualified: `quality.roc_curve`.
    pub id: String,
    pub source: String,
    /// Of the candidate.
    pub rows: u64,
    /// Of the classes, where it has any.
    pub labels: Vec<String>,
    pub candidate: Series,
    pub baseline: Option<Series>,
}

/// Columns of one length, each with its name. Every number is finite.
pub type Series = Vec<(&'static str, Vec<f64>)>;
