//! Metrics whose rows contribute to their error one by one: what most shapes of outcomes measure and compare by.

use super::{Estimate, Pair, Sampling};
use crate::model::Difference;
use crate::quality::compare::of_two_intervals;
use crate::quality::metrics::{Kind, MetricInfo};
use crate::stats::linear::Linear;
use crate::stats::rows::{RowMetric, Rows};

/// The metric on these rows.
pub fn measure(metric: &MetricInfo, rows: Rows<'_>, sampling: &Sampling, level: f64) -> Option<Estimate> {
    kind(metric)?.estimate(rows, sampling, level)
}

/// The metric of two models on the same rows in the same order: contributions subtracted row by row.
pub fn compare(metric: &MetricInfo, a: Rows<'_>, b: Rows<'_>, sampling: &Sampling, level: f64) -> Option<Pair> {
    let kind = kind(metric)?;
    let weights = sampling.weights.as_deref();
    match (kind.linear(a, weights), kind.linear(b, weights)) {
        (Some(of_a), Some(of_b)) => Some(pair(of_a, of_b, paired_method(kind), sampling, level)),
        _ => {
            let (a, b) = (kind.estimate(a, sampling, level)?, kind.estimate(b, sampling, level)?);
            of_two_intervals(a, b, "intervals of each model, combined (MOVER)")
        }
    }
}

/// Candidate and baseline by their rows' contributions.
pub fn pair(a: Linear, b: Linear, method: &'static str, sampling: &Sampling, level: f64) -> Pair {
    let (a, b) = (a.drawn(sampling), b.drawn(sampling));
    let difference = Difference { value: a.value - b.value, interval: Some(a.difference(&b, level)) };
    let relative = a.relative(&b, level);
    let relative = relative.map(|interval| Difference { value: a.value / b.value - 1.0, interval: Some(interval) });
    Pair { baseline: b.value, difference, relative, method, remark: None }
}

fn kind(metric: &MetricInfo) -> Option<RowMetric> {
    match metric.kind {
        Kind::Row(kind) => Some(kind),
        _ => None,
    }
}

fn paired_method(kind: RowMetric) -> &'static str {
    match kind {
        RowMetric::RocAuc => "paired DeLong test",
        RowMetric::AveragePrecision | RowMetric::RootMeanSquaredError | RowMetric::R2 => "paired delta method",
        _ => "paired t interval",
    }
}
