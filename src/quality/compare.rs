//! Candidate against baseline: in pairs where both predicted the same rows, else as two samples.

use super::measure::{computable, id, slices, with_rows};
use super::metrics::{Kind, MetricInfo, known_metrics};
use super::outcomes::{Outcomes, Predicted};
use crate::config::Task;
use crate::model::{Comparison, Difference, Interval, Measurement, Slice, Unit};
use crate::stats::bootstrap::{Joint, Resamples};
use crate::stats::counts::Undefined;
use crate::stats::text::corpus::{self, Sums};
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
    match align(candidate, baseline, task) {
        Ok(aligned) => paired(candidate, &aligned, task, min_slice_rows, level),
        Err(why) => {
            let why = format!("compared with {} as two samples: {why}", baseline.source);
            Compared { comparisons: two_samples(found.0, found.1), notes: vec![why] }
        }
    }
}

/// The baseline's outcomes in the order of the candidate's rows and with its class codes, or why they are not.
fn align(candidate: &Predicted, baseline: &Predicted, task: Task) -> Result<Outcomes, String> {
    let (Some(ids), Some(other_ids)) = (&candidate.ids, &baseline.ids) else {
        return Err("quality.predictions names no `id` to join rows on".into());
    };
    let mut order: Vec<(u128, u32)> = other_ids.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let find = |id: &u128| order.binary_search_by_key(id, |entry| entry.0).ok().map(|i| order[i].1);
    let places: Vec<u32> = ids.iter().filter_map(find).collect();
    if places.len() < ids.len() || places.len() < other_ids.len() {
        return Err(format!(
            "{} of the candidate's {} rows and of the baseline's {} have the same id",
            count(places.len() as u64),
            count(ids.len() as u64),
            count(other_ids.len() as u64)
        ));
    }
    let selected = baseline.outcomes.select(&places);
    // The two classes of a binary task are negative and positive already, whatever they are called.
    let aligned = if task == Task::Binary { selected } else { with_codes_of(&candidate.outcomes, selected) };
    let differing = match (&candidate.outcomes, &aligned) {
        (Outcomes::Classes { truth: a, .. }, Outcomes::Classes { truth: b, .. }) => differing(a, b),
        (Outcomes::Values { truth: a, .. }, Outcomes::Values { truth: b, .. }) => differing(a, b),
        (Outcomes::Texts { truth: a, .. }, Outcomes::Texts { truth: b, .. }) => differing(a, b),
        _ => return Err("they are of different kinds".into()),
    };
    match differing {
        0 => Ok(aligned),
        rows => Err(format!("{rows} of {} rows with the same id have another label in the baseline", ids.len())),
    }
}

/// `10,000`
fn count(rows: u64) -> String {
    Unit::Count.show(rows as f64)
}

fn differing<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a != b).count()
}

/// Renumbers the classes of `other` as `outcomes` numbers them; classes that only `other` has come after those.
fn with_codes_of(outcomes: &Outcomes, other: Outcomes) -> Outcomes {
    let (Outcomes::Classes { classes: wanted, .. }, Outcomes::Classes { classes, truth, predicted, scores }) =
        (outcomes, &other)
    else {
        return other;
    };
    let mut all = wanted.clone();
    let mut places: HashMap<String, u32> = all.iter().cloned().zip(0..).collect();
    let place = |name: &String| {
        *places.entry(name.clone()).or_insert_with(|| {
            all.push(name.clone());
            all.len() as u32 - 1
        })
    };
    let renumbered: Vec<u32> = classes.iter().map(place).collect();
    let code = |codes: &[u32]| codes.iter().map(|c| renumbered.get(*c as usize).copied().unwrap_or(*c)).collect();
    Outcomes::Classes { truth: code(truth), predicted: code(predicted), scores: scores.clone(), classes: all }
}

fn paired(candidate: &Predicted, baseline: &Outcomes, task: Task, min_slice_rows: u64, level: f64) -> Compared {
    let mut compared = Compared::default();
    let rows = candidate.outcomes.len();
    if same_predictions(&candidate.outcomes, baseline) {
        compared.notes.push(format!("candidate and baseline predict the same on all {} rows", count(rows as u64)));
    }
    compared.comparisons.extend(pairs(&candidate.outcomes, baseline, None, task, level));
    for column in &candidate.slices {
        for (slice, places) in slices(column, min_slice_rows) {
            let (a, b) = (candidate.outcomes.select(&places), baseline.select(&places));
            compared.comparisons.extend(pairs(&a, &b, Some(slice), task, level));
        }
    }
    compared
}

fn same_predictions(a: &Outcomes, b: &Outcomes) -> bool {
    match (a, b) {
        (Outcomes::Values { predicted: a, .. }, Outcomes::Values { predicted: b, .. }) => a == b,
        (Outcomes::Texts { predicted: a, .. }, Outcomes::Texts { predicted: b, .. }) => a == b,
        (
            Outcomes::Classes { predicted: a, scores: of_a, .. },
            Outcomes::Classes { predicted: b, scores: of_b, .. },
        ) => a == b && of_a.as_ref().map(|s| &s.values) == of_b.as_ref().map(|s| &s.values),
        _ => false,
    }
}

fn pairs(a: &Outcomes, b: &Outcomes, slice: Option<Slice>, task: Task, level: f64) -> Vec<Comparison> {
    let mut comparisons = counts_in_pairs(a, b, task, level);
    comparisons.extend(texts_in_pairs(a, b, task, level));
    let rows = a.len();
    for metric in computable(b, task) {
        comparisons.extend(rows_in_pairs(metric, a, b, rows, level));
    }
    let order = |id: &str| computable(a, task).position(|metric| self::id(metric) == id);
    comparisons.sort_by_key(|comparison| order(&comparison.id));
    for comparison in &mut comparisons {
        comparison.slice = slice.clone();
    }
    comparisons
}

/// Metrics of counts: one bootstrap of the table of truth and both predictions serves them all.
fn counts_in_pairs(a: &Outcomes, b: &Outcomes, task: Task, level: f64) -> Vec<Comparison> {
    let (
        Outcomes::Classes { classes: of_a, truth, predicted: a_says, .. },
        Outcomes::Classes { classes, predicted, .. },
    ) = (a, b)
    else {
        return Vec::new();
    };
    let rows = truth.iter().zip(a_says).zip(predicted).map(|((t, a), b)| (*t, *a, *b));
    let joint = Joint::of_two(classes.len().max(of_a.len()), rows);
    let tallies = joint.tallies();
    let metrics = computable(a, task).filter_map(|metric| match metric.kind {
        Kind::Count(count) => Some((metric, count)),
        Kind::Row(_) | Kind::Corpus(_) => None,
    });
    let (metrics, counts): (Vec<_>, Vec<_>) = metrics.unzip();
    let resamples = joint.resample(&counts);
    let resampled = Resampled { resamples, rows: truth.len() as u64, level };
    let compared = metrics.iter().zip(&counts).enumerate().filter_map(|(place, (metric, count))| {
        let value = count.of(&tallies.0, Undefined::Spoils)?;
        let other = count.of(&tallies.1, Undefined::Spoils)?;
        Some(resampled.comparison(metric, place, (value, other), (count.least(), 1.0)))
    });
    compared.collect()
}

/// Metrics of a corpus of texts: one bootstrap of the rows serves them all.
fn texts_in_pairs(a: &Outcomes, b: &Outcomes, task: Task, level: f64) -> Vec<Comparison> {
    let (Outcomes::Texts { rows: a, .. }, Outcomes::Texts { rows: b, .. }) = (a, b) else { return Vec::new() };
    let known = known_metrics(task).iter().filter_map(|metric| Some((metric, metric.of_corpus()?)));
    let (metrics, of_corpus): (Vec<_>, Vec<_>) = known.unzip();
    let (of_a, of_b) = (Sums::of(a), Sums::of(b));
    let resamples = corpus::resample(&of_corpus, a, Some(b));
    let resampled = Resampled { resamples, rows: a.len() as u64, level };
    let compared = metrics.iter().zip(&of_corpus).enumerate().filter_map(|(place, (metric, corpus))| {
        let values = (corpus.of(&of_a)?, corpus.of(&of_b)?);
        Some(resampled.comparison(metric, place, values, corpus.range()))
    });
    compared.collect()
}

/// Both models on the same resamples of the rows.
struct Resampled {
    resamples: Resamples,
    rows: u64,
    level: f64,
}

impl Resampled {
    /// Of the metric at `place`, which is `value` for the candidate and `other` for the baseline.
    fn comparison(
        &self,
        metric: &MetricInfo,
        place: usize,
        (value, other): (f64, f64),
        (least, greatest): (f64, f64),
    ) -> Comparison {
        let (resamples, level) = (&self.resamples, self.level);
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
        Comparison {
            id: id(metric),
            slice: None,
            baseline: other,
            difference: Difference { value: value - other, interval: Some(difference) },
            relative,
            n: self.rows,
            method: format!("paired bootstrap over {} rows joined on id", count(self.rows)),
        }
    }
}

/// Metrics of rows: their rows' contributions, subtracted row by row.
fn rows_in_pairs(metric: &MetricInfo, a: &Outcomes, b: &Outcomes, rows: usize, level: f64) -> Option<Comparison> {
    let Kind::Row(kind) = metric.kind else { return None };
    let linear = |outcomes: &Outcomes| with_rows(outcomes, |rows| kind.linear(rows));
    if let (Some(of_a), Some(of_b)) = (linear(a), linear(b)) {
        let relative = of_a
            .relative(&of_b, level)
            .map(|interval| Difference { value: of_a.value / of_b.value - 1.0, interval: Some(interval) });
        return Some(Comparison {
            id: id(metric),
            slice: None,
            baseline: of_b.value,
            difference: Difference { value: of_a.value - of_b.value, interval: Some(of_a.difference(&of_b, level)) },
            relative,
            n: rows as u64,
            method: format!("{} over {} rows joined on id", paired_method(metric), count(rows as u64)),
        });
    }
    let of = |outcomes: &Outcomes| with_rows(outcomes, |rows| Some((kind.of(rows)?, kind.interval(rows, level)?)));
    let method = format!("intervals of {} rows each, combined (MOVER)", count(rows as u64));
    Some(combined(id(metric), None, of(a)?, of(b)?, rows as u64, method))
}

fn paired_method(metric: &MetricInfo) -> &'static str {
    match metric.id {
        "roc_auc" => "paired DeLong test",
        "mae" | "mse" | "mape" | "log_loss" | "brier_score" | "rouge1" | "rouge2" | "rougeL" | "exact_match"
        | "squad_exact_match" | "token_f1" => "paired t interval",
        _ => "paired delta method",
    }
}

/// From two intervals alone, as of independent samples.
fn combined(
    id: String,
    slice: Option<Slice>,
    a: (f64, Interval),
    b: (f64, Interval),
    n: u64,
    method: String,
) -> Comparison {
    let relative = (b.0 != 0.0).then(|| {
        let ratio = mover_ratio(a, b);
        let interval = Interval { low: ratio.low - 1.0, high: ratio.high - 1.0, level: ratio.level };
        Difference { value: a.0 / b.0 - 1.0, interval: Some(interval) }
    });
    let difference = Difference { value: a.0 - b.0, interval: Some(mover(a, b)) };
    Comparison { id, slice, baseline: b.0, difference, relative, n, method }
}

fn two_samples(candidate: &[Measurement], baseline: &[Measurement]) -> Vec<Comparison> {
    let known: HashMap<String, &Measurement> = baseline.iter().map(|m| (m.key(), m)).collect();
    let compared = candidate.iter().filter_map(|a| {
        let b = known.get(&a.key())?;
        let (of_a, of_b) = (a.interval?, b.interval?);
        let rows = (a.n?, b.n?);
        let method = format!("two samples of {} and {} rows, intervals combined (MOVER)", count(rows.0), count(rows.1));
        Some(combined(a.id.clone(), a.slice.clone(), (a.value, of_a), (b.value, of_b), rows.0, method))
    });
    compared.collect()
}
