//! Candidate against baseline: in pairs where both predicted the same rows, else as two samples.

use super::join::Index;
use super::measure::{computable, id, slices};
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
        Ok(aligned) => paired(candidate, &aligned, task, min_slice_rows, level),
        Err(why) => {
            let why = format!("compared with {} as two samples: {why}", baseline.source);
            Compared { comparisons: two_samples(found.0, found.1), notes: vec![why] }
        }
    }
}

/// The baseline's outcomes in the order of the candidate's rows and with its class codes, or why they are not.
fn align(candidate: &Predicted, baseline: &Predicted) -> Result<Outcomes, String> {
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
        0 => Ok(aligned),
        rows => Err(format!("{rows} of {} rows with the same id have another label in the baseline", ids.len())),
    }
}

/// `10,000`
fn count(rows: u64) -> String {
    Unit::Count.show(rows as f64)
}

fn paired(candidate: &Predicted, baseline: &Outcomes, task: Task, min_slice_rows: u64, level: f64) -> Compared {
    let mut compared = Compared::default();
    let rows = candidate.outcomes.len();
    if candidate.outcomes.shape().same_predictions(baseline) {
        compared.notes.push(format!("candidate and baseline predict the same on all {} rows", count(rows as u64)));
    }
    compared.comparisons.extend(pairs((&candidate.outcomes, baseline), &candidate.sampling, None, task, level));
    for column in &candidate.slices {
        for (slice, places) in slices(column, min_slice_rows) {
            let (a, b) = (candidate.outcomes.select(&places), baseline.select(&places));
            let sampling = candidate.sampling.select(&places);
            compared.comparisons.extend(pairs((&a, &b), &sampling, Some(slice), task, level));
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
    let metrics: Vec<_> = computable(a, task).filter(|metric| b.shape().computes(metric)).collect();
    let rows = a.len() as u64;
    let compared = a.shape().compare(b, &metrics, sampling, level);
    let of = |(metric, pair): (_, Option<Pair>)| {
        let pair = pair?;
        let remark = a.shape().remark(b, metric).filter(|_| sampling.is_plain());
        let remark = remark.map_or_else(String::new, |remark| format!("; {remark}"));
        let method = format!("{} over {} rows joined on id{remark}", pair.method, count(rows));
        Some(comparison(id(metric), slice.clone(), pair, rows, method))
    };
    metrics.into_iter().zip(compared).filter_map(of).collect()
}

fn comparison(id: String, slice: Option<Slice>, pair: Pair, n: u64, method: String) -> Comparison {
    let Pair { baseline, difference, relative, .. } = pair;
    Comparison { id, slice, baseline, difference, relative, n, method }
}

/// From two intervals alone, as of independent samples.
pub(super) fn of_two_intervals(a: Estimate, b: Estimate, method: &'static str) -> Pair {
    let relative = (b.0 != 0.0).then(|| {
        let ratio = mover_ratio(a, b);
        let interval = Interval { low: ratio.low - 1.0, high: ratio.high - 1.0, level: ratio.level };
        Difference { value: a.0 / b.0 - 1.0, interval: Some(interval) }
    });
    let difference = Difference { value: a.0 - b.0, interval: Some(mover(a, b)) };
    Pair { baseline: b.0, difference, relative, method }
}

fn two_samples(candidate: &[Measurement], baseline: &[Measurement]) -> Vec<Comparison> {
    let known: HashMap<String, &Measurement> = baseline.iter().map(|m| (m.key(), m)).collect();
    let compared = candidate.iter().filter_map(|a| {
        let b = known.get(&a.key())?;
        let (of_a, of_b) = (a.interval?, b.interval?);
        let rows = (a.n?, b.n?);
        let method = format!("two samples of {} and {} rows, intervals combined (MOVER)", count(rows.0), count(rows.1));
        let pair = of_two_intervals((a.value, of_a), (b.value, of_b), "");
        Some(comparison(a.id.clone(), a.slice.clone(), pair, rows.0, method))
    });
    compared.collect()
}
