//! Outcomes → every metric of the task, with intervals; overall and for each slice.

use super::custom::Custom;
use super::fairness;
use super::metrics::{Metric, MetricInfo, known_metrics};
use super::outcomes::{Estimate, Outcomes, Predicted, Sampling, SliceColumn};
use crate::config::{Quality, Task};
use crate::model::{Asked, FOUND, Measurement, Slice};

/// Measurements and remarks.
#[derive(Debug, Default)]
pub struct Measured {
    pub measurements: Vec<Measurement>,
    pub notes: Vec<String>,
}

/// What is measured, and how surely.
#[derive(Clone, Debug)]
pub struct How {
    pub task: Task,
    /// Slices of fewer rows are left out.
    pub min_slice_rows: u64,
    /// The confidence of intervals, 0 to 1.
    pub level: f64,
    pub asked: Asked,
}

impl How {
    /// Everything.
    pub fn of(quality: &Quality, task: Task, level: f64) -> How {
        How { task, min_slice_rows: quality.min_slice_rows, level, asked: Asked::All }
    }

    pub fn at(&self, level: f64, asked: &Asked) -> How {
        How { level, asked: asked.clone(), ..*self }
    }

    /// The metrics of the task that are asked for, without those that need columns that are not there.
    pub(super) fn metrics(&self, outcomes: &Outcomes, column: Option<&str>) -> Vec<Metric> {
        let mut metrics = computable(outcomes, self.task);
        metrics.retain(|metric| self.asked.wants(&id(metric), column));
        metrics
    }

    /// The metrics of the user's own that are asked for.
    pub(super) fn own<'a>(&self, of: &'a [Custom], column: Option<&str>) -> Vec<&'a Custom> {
        of.iter().filter(|own| self.asked.wants(&own.id(), column)).collect()
    }
}

/// Measures what is asked for on all rows and on every slice of enough of them. A metric that is undefined has the value
/// NaN and a note that says why.
pub fn measure(data: &Predicted, how: &How) -> Measured {
    let mut measured = Measured::default();
    let mut undefined = Vec::new();
    let mut add = |metrics: Vec<Metric>, outcomes: &Outcomes, sampling: &Sampling, slice: Option<&Slice>| {
        for (metric, found) in each(metrics, outcomes, sampling, how.level) {
            let measurement = Measurement {
                slice: slice.cloned(),
                n: Some(outcomes.len() as u64),
                interval: found.and_then(|(_, interval)| interval),
                ..Measurement::new(
                    id(&metric),
                    found.map_or(f64::NAN, |f| f.0),
                    metric.info.unit,
                    source(&metric.info, outcomes, data),
                )
            };
            if found.is_none() {
                undefined.push((metric, measurement.key()));
            }
            measured.measurements.push(measurement);
        }
    };
    let metrics = how.metrics(&data.outcomes, None);
    if !metrics.is_empty() {
        add(metrics, &data.outcomes, &data.sampling, None);
    }
    let whole = how.own(&data.custom, None);
    let mut own: Vec<_> = whole.into_iter().map(|of| custom(of, (&data.sampling, None), data, how.level)).collect();
    for column in &data.slices {
        let metrics = how.metrics(&data.outcomes, Some(&column.column));
        let of_column = how.own(&data.custom, Some(&column.column));
        if metrics.is_empty() && of_column.is_empty() {
            continue;
        }
        for (slice, places) in slices(column, how.min_slice_rows) {
            let sampling = data.sampling.select(&places);
            let measured =
                of_column.iter().map(|of| custom(&of.select(&places), (&sampling, Some(&slice)), data, how.level));
            own.extend(measured);
            add(metrics.clone(), &data.outcomes.select(&places), &sampling, Some(&slice));
        }
    }
    if let Some(found) = data.found.as_ref().filter(|found| how.asked.wants(&found.id(), Some(FOUND))) {
        measured.measurements.extend(found.measure(data, how.level));
        measured.notes.extend(found.notes(&data.source, how.level));
    }
    for (info, measurement) in fairness::measure(data, how) {
        if measurement.value.is_nan() {
            undefined.push((Metric { name: info.id.to_string(), info: *info }, measurement.key()));
        }
        measured.measurements.push(measurement);
    }
    let least = how.min_slice_rows;
    measured.notes.extend(data.outcomes.shape().note().map(|note| format!("{}: {note}", data.source)));
    measured.notes.extend(data.slices.iter().filter_map(|column| left_out(column, least, &data.source)));
    measured.notes.extend(undefined_notes(&undefined, &data.source));
    for own in own.iter().filter(|own| own.value.is_nan()) {
        measured.notes.push(format!("{} is undefined on {}: it divides by zero", own.key(), data.source));
    }
    measured.measurements.extend(own);
    measured
}

/// A metric of the user's own, on all rows or on those of a slice.
fn custom(of: &Custom, (sampling, slice): (&Sampling, Option<&Slice>), data: &Predicted, level: f64) -> Measurement {
    let found = of.estimate(sampling, level);
    let value = found.as_ref().map_or(f64::NAN, |found| found.value);
    Measurement {
        slice: slice.cloned(),
        n: of.values.first().map(|values| values.len() as u64),
        interval: found.and_then(|found| found.interval),
        ..Measurement::new(of.id(), value, of.metric.unit, &data.source)
    }
}

/// The file, and for scores that come in many kinds the signature that tells which it is.
pub(super) fn source(metric: &MetricInfo, outcomes: &Outcomes, data: &Predicted) -> String {
    let signature = outcomes.shape().signature(metric);
    signature.map_or_else(|| data.source.clone(), |signature| format!("{} ({signature})", data.source))
}

pub(super) fn id(metric: &Metric) -> String {
    format!("quality.{}", metric.name)
}

/// One line a metric, however many slices it is undefined on.
fn undefined_notes(undefined: &[(Metric, String)], source: &str) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (metric, key) in undefined {
        if seen.contains(&metric.name.as_str()) {
            continue;
        }
        seen.push(&metric.name);
        let others = undefined.iter().filter(|(other, _)| other.name == metric.name).count() - 1;
        let more = match others {
            0 => String::new(),
            1 => " and on one more slice".to_string(),
            others => format!(" and on {others} more slices"),
        };
        notes.push(format!("{key} is undefined on {source}{more}: {}", metric.info.undefined));
    }
    notes
}

/// The slices of a column with at least `least` rows, by value, each with its rows.
pub(super) fn slices(column: &SliceColumn, least: u64) -> Vec<(Slice, Vec<u32>)> {
    let mut rows: Vec<Vec<u32>> = sizes(column).into_iter().map(Vec::with_capacity).collect();
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

/// How many rows each value has.
fn sizes(column: &SliceColumn) -> Vec<usize> {
    let mut sizes = vec![0; column.values.len()];
    for code in &column.codes {
        if let Some(size) = sizes.get_mut(*code as usize) {
            *size += 1;
        }
    }
    sizes
}

fn left_out(column: &SliceColumn, least: u64, source: &str) -> Option<String> {
    let sizes = sizes(column);
    let nulls = column.codes.len() - sizes.iter().sum::<usize>();
    let mut small: Vec<_> = column.values.iter().zip(&sizes).filter(|(_, size)| (**size as u64) < least).collect();
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
pub fn metrics(outcomes: &Outcomes, sampling: &Sampling, task: Task, level: f64) -> Vec<(Metric, Option<Estimate>)> {
    each(computable(outcomes, task), outcomes, sampling, level)
}

fn each(metrics: Vec<Metric>, outcomes: &Outcomes, sampling: &Sampling, level: f64) -> Vec<(Metric, Option<Estimate>)> {
    let infos: Vec<&MetricInfo> = metrics.iter().map(|metric| &metric.info).collect();
    let measured = outcomes.shape().measure(&infos, sampling, level);
    metrics.into_iter().zip(measured).collect()
}

/// The metrics of the task, without those that need columns that are not there.
pub(super) fn computable(outcomes: &Outcomes, task: Task) -> Vec<Metric> {
    let parts = outcomes.shape().parts();
    known_metrics(task)
        .iter()
        .filter(|metric| outcomes.shape().computes(metric))
        .flat_map(|metric| metric.each(&parts))
        .collect()
}
