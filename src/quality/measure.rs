//! Outcomes → every metric of the task, with intervals; overall and for each slice.

use super::metrics::{Kind, MetricInfo, known_metrics};
use super::outcomes::{NO_SLICE, Outcomes, Predicted, SliceColumn};
use crate::config::Task;
use crate::model::{Interval, Measurement, Slice};
use crate::stats::bootstrap::Joint;
use crate::stats::counts::{Tally, Undefined};
use crate::stats::rows::Rows;
use crate::stats::text::corpus::{self, Sums};

/// Measurements and remarks.
#[derive(Debug, Default)]
pub struct Measured {
    pub measurements: Vec<Measurement>,
    pub notes: Vec<String>,
}

/// Measures every metric of `task` on all rows and on every slice of at least `min_slice_rows`. A metric that is
/// undefined has the value NaN and a note that says why.
pub fn measure(data: &Predicted, task: Task, min_slice_rows: u64, level: f64) -> Measured {
    let mut measured = Measured::default();
    let mut undefined = Vec::new();
    let mut add = |outcomes: &Outcomes, slice: Option<Slice>| {
        for (metric, found) in metrics(outcomes, task, level) {
            let measurement = Measurement {
                slice: slice.clone(),
                n: Some(outcomes.len() as u64),
                interval: found.map(|(_, interval)| interval),
                ..Measurement::new(
                    id(metric),
                    found.map_or(f64::NAN, |f| f.0),
                    metric.unit,
                    source(metric, outcomes, data),
                )
            };
            if found.is_none() {
                undefined.push((metric, measurement.key()));
            }
            measured.measurements.push(measurement);
        }
    };
    add(&data.outcomes, None);
    for column in &data.slices {
        for (slice, places) in slices(column, min_slice_rows) {
            add(&data.outcomes.select(&places), Some(slice));
        }
    }
    measured.notes.extend(data.slices.iter().filter_map(|column| left_out(column, min_slice_rows, &data.source)));
    measured.notes.extend(undefined_notes(&undefined, &data.source));
    measured
}

/// The file, and for scores that come in many kinds the signature that tells which it is.
fn source(metric: &MetricInfo, outcomes: &Outcomes, data: &Predicted) -> String {
    let signature = match (metric.kind, outcomes) {
        (Kind::Corpus(metric), Outcomes::Texts { rows, .. }) => metric.signature(rows),
        _ => None,
    };
    signature.map_or_else(|| data.source.clone(), |signature| format!("{} ({signature})", data.source))
}

pub(super) fn id(metric: &MetricInfo) -> String {
    format!("quality.{}", metric.id)
}

/// One line a metric, however many slices it is undefined on.
fn undefined_notes(undefined: &[(&MetricInfo, String)], source: &str) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (metric, key) in undefined {
        if seen.contains(&metric.id) {
            continue;
        }
        seen.push(metric.id);
        let others = undefined.iter().filter(|(other, _)| other.id == metric.id).count() - 1;
        let more = match others {
            0 => String::new(),
            1 => " and on one more slice".to_string(),
            others => format!(" and on {others} more slices"),
        };
        notes.push(format!("{key} is undefined on {source}{more}: {}", metric.undefined));
    }
    notes
}

/// The slices of a column with at least `least` rows, by value, each with its rows.
pub(super) fn slices(column: &SliceColumn, least: u64) -> Vec<(Slice, Vec<u32>)> {
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); column.values.len()];
    for (row, code) in (0..).zip(&column.codes) {
        if let Some(rows) = rows.get_mut(*code as usize) {
            rows.push(row);
        }
    }
    let named = column.values.iter().zip(rows).filter(|(_, rows)| rows.len() as u64 >= least.max(1));
    let mut slices: Vec<_> =
        named.map(|(value, rows)| (Slice { column: column.column.clone(), value: value.clone() }, rows)).collect();
    slices.sort_by(|a, b| a.0.cmp(&b.0));
    slices
}

fn left_out(column: &SliceColumn, least: u64, source: &str) -> Option<String> {
    let mut sizes = vec![0_u64; column.values.len()];
    let mut nulls = 0_u64;
    for code in &column.codes {
        match sizes.get_mut(*code as usize) {
            Some(size) => *size += 1,
            None if *code == NO_SLICE => nulls += 1,
            None => {}
        }
    }
    let mut small: Vec<_> = column.values.iter().zip(&sizes).filter(|(_, size)| **size < least).collect();
    small.sort();
    let name = &column.column;
    let mut parts = Vec::new();
    if !small.is_empty() {
        let shown = small.iter().take(5).map(|(value, size)| format!("{value}: {size}")).collect::<Vec<_>>().join(", ");
        let more = if small.len() > 5 { ", …" } else { "" };
        let noun = if small.len() == 1 { "slice" } else { "slices" };
        parts.push(format!("{} {noun} of {name} with fewer than {least} rows left out ({shown}{more})", small.len()));
    }
    if nulls > 0 {
        parts.push(format!("{nulls} rows without a value of {name} are in no slice"));
    }
    (!parts.is_empty()).then(|| format!("{source}: {}", parts.join("; ")))
}

/// Every metric of the task that these outcomes have columns for, with its interval; None where it is undefined.
pub fn metrics(outcomes: &Outcomes, task: Task, level: f64) -> Vec<(&'static MetricInfo, Option<(f64, Interval)>)> {
    let metrics = computable(outcomes, task);
    match outcomes {
        Outcomes::Values { .. } => {
            let value = |metric: &'static MetricInfo| (metric, of_rows(metric, outcomes, level));
            metrics.map(value).collect()
        }
        Outcomes::Classes { classes, truth, predicted, .. } => {
            let pairs = truth.iter().copied().zip(predicted.iter().copied());
            let joint = Joint::of_one(classes.len(), pairs);
            let tally = joint.tallies().0;
            let metrics: Vec<_> = metrics.collect();
            let resampled: Vec<_> =
                metrics.iter().filter_map(|metric| needs_resampling(metric, &tally, level)).collect();
            let resamples = (!resampled.is_empty()).then(|| joint.resample(&resampled));
            let value = |metric: &'static MetricInfo| {
                let Kind::Count(count) = metric.kind else { return of_rows(metric, outcomes, level) };
                let value = count.of(&tally, Undefined::Spoils)?;
                let interval = count.closed_interval(&tally, level).or_else(|| {
                    let place = resampled.iter().position(|other| *other == count)?;
                    let found = resamples.as_ref()?.interval(place, value, level, |a, _| a);
                    Some(Interval { low: found.low.max(count.least()), high: found.high.min(1.0), level })
                })?;
                Some((value, interval))
            };
            metrics.into_iter().map(|metric| (metric, value(metric))).collect()
        }
        Outcomes::Texts { rows, .. } => {
            let metrics: Vec<_> = metrics.collect();
            let of_corpus: Vec<_> = metrics.iter().filter_map(|metric| metric.of_corpus()).collect();
            let (sums, resamples) = (Sums::of(rows), corpus::resample(&of_corpus, rows, None));
            let value = |metric: &'static MetricInfo| {
                let Some(corpus) = metric.of_corpus() else { return of_rows(metric, outcomes, level) };
                let place = of_corpus.iter().position(|other| *other == corpus)?;
                let value = corpus.of(&sums)?;
                Some((value, corpus::interval(corpus, &resamples, place, value, level)))
            };
            metrics.into_iter().map(|metric| (metric, value(metric))).collect()
        }
    }
}

/// The metrics of the task, without those that need scores where there are none.
pub(super) fn computable(outcomes: &Outcomes, task: Task) -> impl Iterator<Item = &'static MetricInfo> + use<> {
    let scored = matches!(outcomes, Outcomes::Classes { scores: Some(_), .. });
    known_metrics(task).iter().filter(move |metric| scored || !metric.needs_scores)
}

fn needs_resampling(metric: &MetricInfo, tally: &Tally, level: f64) -> Option<crate::stats::counts::CountMetric> {
    match metric.kind {
        Kind::Count(count) if count.closed_interval(tally, level).is_none() => Some(count),
        _ => None,
    }
}

fn of_rows(metric: &MetricInfo, outcomes: &Outcomes, level: f64) -> Option<(f64, Interval)> {
    let Kind::Row(kind) = metric.kind else { return None };
    with_rows(outcomes, |rows| Some((kind.of(rows)?, kind.interval(rows, level)?)))
}

/// Hands the columns to `then` in the shape metrics of rows take.
pub(super) fn with_rows<T>(outcomes: &Outcomes, then: impl FnOnce(Rows<'_>) -> Option<T>) -> Option<T> {
    match outcomes {
        Outcomes::Values { truth, predicted } => then(Rows::Values { truth, predicted }),
        Outcomes::Texts { rows, .. } => then(Rows::Texts(rows)),
        Outcomes::Classes { truth, scores: Some(scores), .. } => {
            let positive: Vec<bool> = truth.iter().map(|class| *class == 1).collect();
            then(Rows::Scores { positive: &positive, scores: &scores.values, epsilon: scores.epsilon })
        }
        Outcomes::Classes { .. } => None,
    }
}
