//! Outcomes → every metric of the task, with intervals; overall and for each slice.

use super::fairness;
use super::metrics::{MetricInfo, known_metrics};
use super::outcomes::{Estimate, NO_SLICE, Outcomes, Predicted, Sampling, SliceColumn};
use crate::config::Task;
use crate::model::{Measurement, Slice};

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
    let mut add = |outcomes: &Outcomes, sampling: &Sampling, slice: Option<Slice>| {
        for (metric, found) in metrics(outcomes, sampling, task, level) {
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
    add(&data.outcomes, &data.sampling, None);
    for column in &data.slices {
        for (slice, places) in slices(column, min_slice_rows) {
            add(&data.outcomes.select(&places), &data.sampling.select(&places), Some(slice));
        }
    }
    for (metric, measurement) in fairness::measure(data, min_slice_rows, level) {
        if measurement.value.is_nan() {
            undefined.push((metric, measurement.key()));
        }
        measured.measurements.push(measurement);
    }
    measured.notes.extend(data.slices.iter().filter_map(|column| left_out(column, min_slice_rows, &data.source)));
    measured.notes.extend(undefined_notes(&undefined, &data.source));
    measured
}

/// The file, and for scores that come in many kinds the signature that tells which it is.
fn source(metric: &MetricInfo, outcomes: &Outcomes, data: &Predicted) -> String {
    let signature = outcomes.shape().signature(metric);
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
pub fn metrics(
    outcomes: &Outcomes,
    sampling: &Sampling,
    task: Task,
    level: f64,
) -> Vec<(&'static MetricInfo, Option<Estimate>)> {
    let metrics: Vec<_> = computable(outcomes, task).collect();
    let measured = outcomes.shape().measure(&metrics, sampling, level);
    metrics.into_iter().zip(measured).collect()
}

/// The metrics of the task, without those that need columns that are not there.
pub(super) fn computable(outcomes: &Outcomes, task: Task) -> impl Iterator<Item = &'static MetricInfo> {
    known_metrics(task).iter().filter(|metric| outcomes.shape().computes(metric))
}
