//! Candidate against baseline: in pairs where both predicted the same rows, else as two samples.

use super::custom::{self, Custom};
use super::join;
use super::measure::{How, id, slices};
use super::metrics::Metric;
use super::outcomes::{Estimate, Outcomes, Pair, Predicted, Sampling};
use crate::model::{Comparison, Measurement, Slice, Unit};
use crate::stats::mover_differences;
use std::borrow::Cow;
use std::collections::HashMap;

/// The comparisons and remarks on how they were made.
#[derive(Debug, Default)]
pub struct Compared {
    pub comparisons: Vec<Comparison>,
    pub notes: Vec<String>,
}

/// Compares every metric that is asked for, overall and by slice: in pairs where the baseline's rows are `aligned`;
/// otherwise the measurements of both, `found`, are compared as two samples, and a note says why.
pub fn compare(
    candidate: &Predicted,
    aligned: &Result<Aligned<'_>, String>,
    found: (&[Measurement], &[Measurement]),
    how: &How,
) -> Compared {
    match aligned {
        Ok(aligned) => {
            let mut compared = paired(candidate, aligned, how);
            // A baseline of which the rows are kept, but not what a metric of one's own reads of them.
            let unpaired = |own: &&Custom| aligned.custom.iter().all(|other| other.metric.name != own.metric.name);
            let unpaired: Vec<String> = candidate.custom.iter().filter(unpaired).map(Custom::id).collect();
            if !unpaired.is_empty() {
                let others = two_samples(found.0, found.1).into_iter().filter(|c| unpaired.contains(&c.id));
                compared.comparisons.extend(others);
            }
            compared
        }
        Err(why) => Compared { comparisons: two_samples(found.0, found.1), notes: vec![why.clone()] },
    }
}

/// The baseline's rows in the order of the candidate's and with its class codes.
pub struct Aligned<'a> {
    outcomes: Cow<'a, Outcomes>,
    custom: Cow<'a, [Custom]>,
}

/// The baseline's rows as the candidate's are. They can be compared in pairs when both have ids, every row of each has
/// its counterpart, and the counterparts carry the same label.
///
/// # Errors
/// Why they cannot.
pub fn align<'a>(candidate: &Predicted, baseline: &'a Predicted) -> Result<Aligned<'a>, String> {
    aligned(candidate, baseline).map_err(|why| format!("compared with {} as two samples: {why}", baseline.source))
}

fn aligned<'a>(candidate: &Predicted, baseline: &'a Predicted) -> Result<Aligned<'a>, String> {
    let (Some(ids), Some(other_ids)) = (&candidate.ids, &baseline.ids) else {
        return Err("quality.predictions names no `id` to join rows on".into());
    };
    let places = (ids != other_ids).then(|| join::places(ids, other_ids));
    let joined = places.as_ref().map_or(ids.len(), Vec::len);
    if joined < ids.len() || joined < other_ids.len() {
        return Err(format!(
            "{} of the candidate's {} rows and of the baseline's {} have the same id",
            count(joined as u64),
            count(ids.len() as u64),
            count(other_ids.len() as u64)
        ));
    }
    let ours = candidate.outcomes.shape();
    let (outcomes, custom) = match &places {
        None => (Cow::Borrowed(&baseline.outcomes), Cow::Borrowed(baseline.custom.as_slice())),
        Some(places) => (
            Cow::Owned(baseline.outcomes.select(places)),
            baseline.custom.iter().map(|own| own.select(places)).collect(),
        ),
    };
    let outcomes = ours.renumber(outcomes);
    match ours.differing_truths(&outcomes) {
        None => Err("they are of different kinds".into()),
        Some(0) => Ok(Aligned { outcomes, custom }),
        Some(rows) => Err(format!("{rows} of {} rows with the same id have another label in the baseline", ids.len())),
    }
}

/// `10,000`
fn count(rows: u64) -> String {
    Unit::Count.show(rows as f64)
}

fn paired(candidate: &Predicted, baseline: &Aligned<'_>, how: &How) -> Compared {
    let mut compared = Compared::default();
    let rows = candidate.outcomes.len();
    if candidate.outcomes.shape().same_predictions(&baseline.outcomes) {
        compared.notes.push(format!("candidate and baseline predict the same on all {} rows", count(rows as u64)));
    }
    let whole = (&candidate.outcomes, baseline.outcomes.as_ref());
    let metrics = both(how.metrics(whole.0, None), whole.1);
    compared.comparisons.extend(pairs(&metrics, whole, &candidate.sampling, None, how.level));
    let own = how.own(&candidate.custom, None);
    let own = own.into_iter().filter_map(|own| own_pair((own, &baseline.custom), &candidate.sampling, None, how.level));
    compared.comparisons.extend(own);
    for column in &candidate.slices {
        let metrics = both(how.metrics(whole.0, Some(&column.column)), whole.1);
        let own = how.own(&candidate.custom, Some(&column.column));
        if metrics.is_empty() && own.is_empty() {
            continue;
        }
        for (slice, places) in slices(column, how.min_slice_rows) {
            let (a, b) = (whole.0.select(&places), whole.1.select(&places));
            let sampling = candidate.sampling.select(&places);
            compared.comparisons.extend(pairs(&metrics, (&a, &b), &sampling, Some(&slice), how.level));
            let theirs: Vec<Custom> = baseline.custom.iter().map(|own| own.select(&places)).collect();
            let of_own = |own: &&Custom| own_pair((&own.select(&places), &theirs), &sampling, Some(&slice), how.level);
            compared.comparisons.extend(own.iter().filter_map(of_own));
        }
    }
    compared
}

/// The metrics that the other side can be measured by, too.
fn both(mut metrics: Vec<Metric>, other: &Outcomes) -> Vec<Metric> {
    metrics.retain(|metric| other.shape().computes(&metric.info));
    metrics
}

fn pairs(
    metrics: &[Metric],
    (a, b): (&Outcomes, &Outcomes),
    sampling: &Sampling,
    slice: Option<&Slice>,
    level: f64,
) -> Vec<Comparison> {
    if metrics.is_empty() {
        return Vec::new();
    }
    let rows = a.len() as u64;
    let compared =
        a.shape().compare(b, &metrics.iter().map(|metric| &metric.info).collect::<Vec<_>>(), sampling, level);
    let of = |(metric, pair): (&Metric, Option<Pair>)| {
        let pair = pair?;
        let remark = pair.remark.as_ref().map_or_else(String::new, |remark| format!("; {remark}"));
        let method = format!("{} over {} {}{remark}", pair.method, count(rows), a.shape().joined());
        Some(comparison(id(metric), slice.cloned(), pair, rows, method))
    };
    metrics.iter().zip(compared).filter_map(of).collect()
}

/// A metric of the user's own on the same rows; none where the baseline has none of its name.
fn own_pair(
    (own, others): (&Custom, &[Custom]),
    sampling: &Sampling,
    slice: Option<&Slice>,
    level: f64,
) -> Option<Comparison> {
    let pair = custom::pair(own, others.iter().find(|other| other.metric.name == own.metric.name)?, sampling, level)?;
    let rows = own.values.first()?.len() as u64;
    let method = format!("{} over {} rows joined on id", pair.method, count(rows));
    Some(comparison(own.id(), slice.cloned(), pair, rows, method))
}

fn comparison(id: String, slice: Option<Slice>, pair: Pair, n: u64, method: String) -> Comparison {
    let Pair { baseline, difference, relative, .. } = pair;
    Comparison { id, slice, baseline, difference, relative, n, method }
}

/// From two intervals alone, as of independent samples.
///
/// None where either has none.
pub(super) fn of_two_intervals(a: Estimate, b: Estimate, method: &'static str) -> Option<Pair> {
    let (difference, relative) = mover_differences((a.0, a.1?), (b.0, b.1?));
    Some(Pair { baseline: b.0, difference, relative, method, remark: None })
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
