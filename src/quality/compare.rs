//! Candidate against baseline: in pairs where both predicted the same rows, else as two samples.

use super::custom::{self, Custom};
use super::join::Index;
use super::measure::{computable, id, slices};
use super::metrics::Metric;
use super::outcomes::{Estimate, Outcomes, Pair, Predicted, Sampling};
use crate::config::Task;
use crate::model::{Comparison, Difference, Interval, Measurement, Slice, Unit};
use crate::stats::{mover, mover_ratio};
use std::collections::HashMap;

/// The comparisons and remarks on how they were made.
#[derive(Debug, Default)]
pub struct Compared {
    pub comparisons: Vec<Comparison>,
    pub notes: Vec<String>,
}

/// Compares every metric of the task, overall and by slice.
///
/// Paired when both have ids, every row of each has its counterpart, and the counterparts carry the same label;
/// otherwise `candidate_found` and `baseline_found` are compared as two samples, and a note says why.
pub fn compare(
    candidate: &Predicted,
    baseline: &Predicted,
    found: (&[Measurement], &[Measurement]),
    task: Task,
    min_slice_rows: u64,
    level: f64,
) -> Compared {
    match align(candidate, baseline) {
        Ok(aligned) => {
            let mut compared = paired(candidate, &aligned, task, min_slice_rows, level);
            // A baseline of which the rows are kept, but not what a metric of one's own reads of them.
            let unpaired = |own: &&Custom| aligned.custom.iter().all(|other| other.metric.name != own.metric.name);
            for own in candidate.custom.iter().filter(unpaired) {
                let id = format!("quality.{}", own.metric.name);
                compared.comparisons.extend(two_samples(found.0, found.1).into_iter().filter(|c| c.id == id));
            }
            compared
        }
        Err(why) => {
            let why = format!("compared with {} as two samples: {why}", baseline.source);
            Compared { comparisons: two_samples(found.0, found.1), notes: vec![why] }
        }
    }
}

/// The baseline's rows in the order of the candidate's and with its class codes.
struct Aligned {
    outcomes: Outcomes,
    custom: Vec<Custom>,
}

/// The baseline's rows as the candidate's are, or why they cannot be.
fn align(candidate: &Predicted, baseline: &Predicted) -> Result<Aligned, String> {
    let (Some(ids), Some(other_ids)) = (&candidate.ids, &baseline.ids) else {
        return Err("quality.predictions names no `id` to join rows on".into());
    };
    let places: Vec<u32> = if ids == other_ids {
        (0..ids.len() as u32).collect()
    } else {
        let index = Index::of(other_ids).0;
        ids.iter().filter_map(|id| index.find(*id)).collect()
    };
    if places.len() < ids.len() || places.len() < other_ids.len() {
        return Err(format!(
            "{} of the candidate's {} rows and of the baseline's {} have the same id",
            count(places.len() as u64),
            count(ids.len() as u64),
            count(other_ids.len() as u64)
        ));
    }
    let ours = candidate.outcomes.shape();
    let aligned = ours.renumber(baseline.outcomes.select(&places));
    let Some(differing) = ours.differing_truths(&aligned) else { return Err("they are of different kinds".into()) };
    match differing {
        0 => {
            let custom = baseline.custom.iter().map(|own| own.select(&places)).collect();
            Ok(Aligned { outcomes: aligned, custom })
        }
        rows => Err(format!("{rows} of {} rows with the same id have another label in the baseline", ids.len())),
    }
}

/// `10,000`
fn count(rows: u64) -> String {
    Unit::Count.show(rows as f64)
}

fn paired(candidate: &Predicted, baseline: &Aligned, task: Task, min_slice_rows: u64, level: f64) -> Compared {
    let mut compared = Compared::default();
    let rows = candidate.outcomes.len();
    if candidate.outcomes.shape().same_predictions(&baseline.outcomes) {
        compared.notes.push(format!("candidate and baseline predict the same on all {} rows", count(rows as u64)));
    }
    let whole = (&candidate.outcomes, &baseline.outcomes);
    compared.comparisons.extend(pairs(whole, &candidate.sampling, None, task, level));
    compared.comparisons.extend(own_pairs(&candidate.custom, &baseline.custom, &candidate.sampling, None, level));
    for column in &candidate.slices {
        for (slice, places) in slices(column, min_slice_rows) {
            let (a, b) = (candidate.outcomes.select(&places), baseline.outcomes.select(&places));
            let sampling = candidate.sampling.select(&places);
            compared.comparisons.extend(pairs((&a, &b), &sampling, Some(slice.clone()), task, level));
            let of = |own: &[Custom]| own.iter().map(|own| own.select(&places)).collect::<Vec<_>>();
            let own = (of(&candidate.custom), of(&baseline.custom));
            compared.comparisons.extend(own_pairs(&own.0, &own.1, &sampling, Some(slice), level));
        }
    }
    compared
}

fn pairs(
    (a, b): (&Outcomes, &Outcomes),
    sampling: &Sampling,
    slice: Option<Slice>,
    task: Task,
    level: f64,
) -> Vec<Comparison> {
    let metrics: Vec<_> = computable(a, task).into_iter().filter(|metric| b.shape().computes(&metric.info)).collect();
    let rows = a.len() as u64;
    let compared =
        a.shape().compare(b, &metrics.iter().map(|metric| &metric.info).collect::<Vec<_>>(), sampling, level);
    let of = |(metric, pair): (&Metric, Option<Pair>)| {
        let pair = pair?;
        let remark = a.shape().remark(b, &metric.info).filter(|_| sampling.is_plain());
        let remark = remark.map_or_else(String::new, |remark| format!("; {remark}"));
        let method = format!("{} over {} {}{remark}", pair.method, count(rows), a.shape().joined());
        Some(comparison(id(metric), slice.clone(), pair, rows, method))
    };
    metrics.iter().zip(compared).filter_map(of).collect()
}

/// Metrics of the user's own on the same rows.
fn own_pairs(a: &[Custom], b: &[Custom], sampling: &Sampling, slice: Option<Slice>, level: f64) -> Vec<Comparison> {
    let of = |own: &Custom| {
        let pair = custom::pair(own, b.iter().find(|other| other.metric.name == own.metric.name)?, sampling, level)?;
        let rows = own.values.first()?.len() as u64;
        let method = format!("{} over {} rows joined on id", pair.method, count(rows));
        Some(comparison(format!("quality.{}", own.metric.name), slice.clone(), pair, rows, method))
    };
    a.iter().filter_map(of).collect()
}

fn comparison(id: String, slice: Option<Slice>, pair: Pair, n: u64, method: String) -> Comparison {
    let Pair { baseline, difference, relative, .. } = pair;
    Comparison { id, slice, baseline, difference, relative, n, method }
}

/// From two intervals alone, as of independent samples.
///
/// None where either has none.
pub(super) fn of_two_intervals(a: Estimate, b: Estimate, method: &'static str) -> Option<Pair> {
    let (a, b) = ((a.0, a.1?), (b.0, b.1?));
    let relative = (b.0 != 0.0).then(|| {
        let ratio = mover_ratio(a, b);
        let interval = Interval { low: ratio.low - 1.0, high: ratio.high - 1.0, level: ratio.level };
        Difference { value: a.0 / b.0 - 1.0, interval: Some(interval) }
    });
    let difference = Difference { value: a.0 - b.0, interval: Some(mover(a, b)) };
    Some(Pair { baseline: b.0, difference, relative, method })
}

fn two_samples(candidate: &[Measurement], baseline: &[Measurement]) -> Vec<Comparison> {
    let known: HashMap<String, &Measurement> = baseline.iter().map(|m| (m.key(), m)).collect();
    let compared = candidate.iter().filter_map(|a| {
        let b = known.get(&a.key())?;
        let rows = (a.n?, b.n?);
        let method = format!("two samples of {} and {} rows, intervals combined (MOVER)", count(rows.0), count(rows.1));
        let pair = of_two_intervals((a.value, a.interval), (b.value, b.interval), "")?;
        Some(comparison(a.id.clone(), a.slice.clone(), pair, rows.0, method))
    });
    compared.collect()
}
