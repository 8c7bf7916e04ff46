//! What shapes share whose metrics are estimates of their own: a value, an interval, rows' contributions.

use super::{Estimate, Pair};
use crate::model::Difference;
use crate::quality::metrics::MetricInfo;
use crate::stats::estimate;

/// Each metric by `of`.
pub fn measure(
    metrics: &[&MetricInfo],
    of: impl Fn(&MetricInfo) -> Option<estimate::Estimate>,
) -> Vec<Option<Estimate>> {
    metrics.iter().map(|metric| of(metric).map(|found| (found.value, found.interval))).collect()
}

/// Each metric of the candidate against the baseline's on the same rows in the same order.
pub fn compare(
    metrics: &[&MetricInfo],
    candidate: impl Fn(&MetricInfo) -> Option<estimate::Estimate>,
    baseline: impl Fn(&MetricInfo) -> Option<estimate::Estimate>,
    method: &'static str,
    level: f64,
) -> Vec<Option<Pair>> {
    let of = |metric: &&MetricInfo| pair(&candidate(metric)?, &baseline(metric)?, method, level);
    metrics.iter().map(of).collect()
}

/// `method` names how, where rows' contributions are subtracted one by one.
pub fn pair(a: &estimate::Estimate, b: &estimate::Estimate, method: &'static str, level: f64) -> Option<Pair> {
    let (difference, paired) = a.difference(b, level)?;
    let relative = a.relative(b, level);
    Some(Pair {
        baseline: b.value,
        difference: Difference { value: a.value - b.value, interval: Some(difference) },
        relative: relative.map(|found| Difference { value: a.value / b.value - 1.0, interval: Some(found) }),
        method: if paired { method } else { "intervals of each model, combined (MOVER)" },
        remark: None,
    })
}
