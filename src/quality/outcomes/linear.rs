//! Metrics whose rows contribute to their error one by one: what most shapes of outcomes measure and compare by.

use super::{Estimate, Pair};
use crate::model::Difference;
use crate::quality::compare::of_two_intervals;
use crate::quality::metrics::{Kind, MetricInfo};
use crate::stats::rows::{RowMetric, Rows};

/// The metric on these rows.
pub fn measure(metric: &MetricInfo, rows: Rows<'_>, level: f64) -> Option<Estimate> {
    let kind = kind(metric)?;
    Some((kind.of(rows)?, kind.interval(rows, level)?))
}

/// The metric of two models on the same rows in the same order: contributions subtracted row by row.
pub fn compare(metric: &MetricInfo, a: Rows<'_>, b: Rows<'_>, level: f64) -> Option<Pair> {
    let kind = kind(metric)?;
    if let (Some(of_a), Some(of_b)) = (kind.linear(a), kind.linear(b)) {
        let relative = of_a.relative(&of_b, level);
        return Some(Pair {
            baseline: of_b.value,
            difference: Difference { value: of_a.value - of_b.value, interval: Some(of_a.difference(&of_b, level)) },
            relative: relative
                .map(|interval| Difference { value: of_a.value / of_b.value - 1.0, interval: Some(interval) }),
            method: paired_method(kind),
        });
    }
    Some(of_two_intervals(
        measure(metric, a, level)?,
        measure(metric, b, level)?,
        "intervals of each model, combined (MOVER)",
    ))
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
