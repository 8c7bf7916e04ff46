//! Predictions in memory: what was true, what was said, and which rows belong together.
//!
//! A shape of outcomes is one file here (what is measured on it and how two of it are compared), one in
//! `predictions/` (how it is read), and a variant of [`Outcomes`].

mod classes;
mod estimates;
mod forecasts;
mod linear;
mod multilabel;
mod ranked;
mod repeated;
mod texts;
mod values;

pub(super) use estimates::pair as pair_of;

pub use classes::{Classes, Scores, Shared};
pub use forecasts::Forecasts;
pub use multilabel::Multilabel;
pub use ranked::Ranked;
pub use repeated::Repeated;
pub use texts::Texts;
pub use values::Values;

use super::custom::Custom;
use super::found::Found;
use super::metrics::{MetricInfo, Parts};
use crate::model::{Difference, Interval};
use crate::stats::bootstrap::Resamples;
use crate::stats::estimate;
pub use crate::stats::sampling::Sampling;
use std::borrow::Cow;

/// What a predictions file says, row by row; 20 to 40 bytes a row, of texts about 200.
#[derive(Clone, Debug)]
pub struct Predicted {
    pub source: String,
    pub outcomes: Outcomes,
    pub sampling: Sampling,
    /// What names each row, in 128 bits.
    pub ids: Option<Vec<u128>>,
    pub slices: Vec<SliceColumn>,
    /// Slice columns that the file lacks, where it may.
    pub without: Vec<String>,
    /// The worst slices, where they are searched for.
    pub found: Option<Found>,
    /// Metrics of the user's own.
    pub custom: Vec<Custom>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcomes {
    Classes(Classes),
    Values(Values),
    Texts(Texts),
    Multilabel(Multilabel),
    Ranked(Ranked),
    Forecasts(Forecasts),
    Repeated(Repeated),
}

#[derive(Clone, Debug)]
pub struct SliceColumn {
    pub column: String,
    pub values: Vec<String>,
    /// Each row's place in `values`; [`NO_SLICE`] where the column is null.
    pub codes: Vec<u32>,
}

pub const NO_SLICE: u32 = u32::MAX;

/// A metric's value, and its interval where there is a sound one.
pub type Estimate = (f64, Option<Interval>);

/// Candidate against baseline on the same rows.
pub(super) struct Pair {
    pub baseline: f64,
    pub difference: Difference,
    /// None where the baseline is zero.
    pub relative: Option<Difference>,
    /// How the intervals came about: `paired DeLong test`.
    pub method: &'static str,
    /// What else there is to say: a test.
    pub remark: Option<String>,
}

/// What every shape of outcomes can do. Metrics of another shape are undefined on it.
pub(super) trait Shape {
    fn len(&self) -> usize;

    /// The rows at `places`, in that order. Places must lie inside.
    fn select(&self, places: &[u32]) -> Outcomes;

    /// Whether the columns that the metric needs are there.
    fn computes(&self, metric: &MetricInfo) -> bool {
        let _ = metric;
        true
    }

    /// What the names of metrics such as `f1(class)` and `ndcg@k` stand for here.
    fn parts(&self) -> Parts<'_> {
        Parts::default()
    }

    /// What to name with the metric's value, so that it can be told from others of its name.
    fn signature(&self, metric: &MetricInfo) -> Option<String> {
        let _ = metric;
        None
    }

    /// What the rows are and are joined by: `rows joined on id`.
    fn joined(&self) -> &'static str {
        "rows joined on id"
    }

    /// What is worth knowing of these rows beside their metrics.
    fn note(&self) -> Option<String> {
        None
    }

    /// How many rows have another truth in `other`, row by row; None where it is of another shape.
    fn differing_truths(&self, other: &Outcomes) -> Option<usize>;

    fn same_predictions(&self, other: &Outcomes) -> bool;

    /// `other` with its classes numbered as they are here.
    fn renumber<'a>(&self, other: Cow<'a, Outcomes>) -> Cow<'a, Outcomes> {
        other
    }

    /// A metric as an estimate of its own: all that a shape needs whose metrics have nothing in common. None where it is
    /// undefined.
    fn estimate(&self, metric: &MetricInfo, sampling: &Sampling, level: f64) -> Option<estimate::Estimate> {
        let _ = (metric, sampling, level);
        None
    }

    /// How such estimates are compared, where rows' contributions are subtracted one by one.
    fn paired_by(&self) -> &'static str {
        "paired t interval"
    }

    /// Each metric; None where it is undefined.
    fn measure(&self, metrics: &[&MetricInfo], sampling: &Sampling, level: f64) -> Vec<Option<Estimate>> {
        estimates::measure(metrics, |metric| self.estimate(metric, sampling, level))
    }

    /// A metric without its interval, for where very many are compared.
    fn value(&self, metric: &MetricInfo, sampling: &Sampling) -> Option<f64> {
        self.measure(&[metric], sampling, 0.95).into_iter().flatten().next().map(|(value, _)| value)
    }

    /// Each metric against `baseline` on the same rows; None where it is undefined on either.
    fn compare(
        &self,
        baseline: &Outcomes,
        metrics: &[&MetricInfo],
        sampling: &Sampling,
        level: f64,
    ) -> Vec<Option<Pair>> {
        let a = |metric: &MetricInfo| self.estimate(metric, sampling, level);
        let b = |metric: &MetricInfo| baseline.shape().estimate(metric, sampling, level);
        estimates::compare(metrics, a, b, self.paired_by(), level)
    }
}

impl Outcomes {
    pub(super) fn shape(&self) -> &dyn Shape {
        match self {
            Outcomes::Classes(classes) => classes,
            Outcomes::Values(values) => values,
            Outcomes::Texts(texts) => texts,
            Outcomes::Multilabel(rows) => rows,
            Outcomes::Ranked(queries) => queries,
            Outcomes::Forecasts(rows) => rows,
            Outcomes::Repeated(items) => items,
        }
    }

    pub fn len(&self) -> usize {
        self.shape().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows at `places`, in that order. Places must lie inside.
    pub fn select(&self, places: &[u32]) -> Outcomes {
        self.shape().select(places)
    }
}

fn pick<T: Copy>(values: &[T], places: &[u32]) -> Vec<T> {
    places.iter().map(|&i| values[i as usize]).collect()
}

/// As [`pick`], of rows of `width` cells, row-major.
fn pick_rows<T: Copy>(values: &[T], width: usize, places: &[u32]) -> Vec<T> {
    if width == 1 {
        return pick(values, places);
    }
    places.iter().flat_map(|&row| &values[row as usize * width..][..width]).copied().collect()
}

fn differing<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a != b).count()
}

/// Both models on the same resamples of the rows: the metric at `place`, which is `value` for the candidate and
/// `other` for the baseline, and lies in the range from `least` to `greatest`.
fn resampled_pair(
    resamples: &Resamples,
    place: usize,
    (value, other): (f64, f64),
    (least, greatest): (f64, f64),
    level: f64,
) -> Pair {
    let difference = resamples.interval(place, value - other, level, |a, b| Some(a? - b?));
    let limit = greatest - least;
    // Rows that show no spread bound nothing.
    let difference = match difference.low < difference.high {
        true => Interval { low: difference.low.max(-limit), high: difference.high.min(limit), level },
        false => Interval { low: -limit, high: limit, level },
    };
    let relative = (other != 0.0).then(|| {
        let ratio = |a: f64, b: f64| if b == 0.0 { None } else { Some(a / b - 1.0) };
        let interval = resamples.interval(place, value / other - 1.0, level, |a, b| ratio(a?, b?));
        let low = if least == 0.0 { interval.low.max(-1.0) } else { interval.low };
        Difference { value: value / other - 1.0, interval: Some(Interval { low, ..interval }) }
    });
    Pair {
        baseline: other,
        difference: Difference { value: value - other, interval: Some(difference) },
        relative,
        method: "paired bootstrap",
        remark: None,
    }
}
