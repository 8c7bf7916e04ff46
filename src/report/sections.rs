//! The rows of the pull-request comment, as its template names them, and which of them go when not all fit.

use super::distribution;
use super::figures::{self, Figures, NONE};
use super::text::one_line;
use super::{advice, is_check, label, metric, outcome};
use crate::model::Unit;
use crate::record::wire::{Distribution, Record, Verdict};
use serde::Serialize;

/// Rows a section has at most, far more than fit.
const MOST_ROWS: usize = 500;

/// Rows of one section; `left_out` counts those that are only in the record.
#[derive(Serialize)]
pub struct Section<T> {
    rows: Vec<T>,
    total: usize,
    left_out: usize,
}

impl<T> Section<T> {
    pub fn of(all: impl ExactSizeIterator<Item = T>) -> Section<T> {
        let total = all.len();
        let rows: Vec<T> = all.take(MOST_ROWS).collect();
        let left_out = total - rows.len();
        Section { rows, total, left_out }
    }

    /// Leaves out half of the rows, from the end, if there are more than `least`. False when there are not.
    fn shrink(&mut self, least: usize) -> bool {
        if self.rows.len() <= least {
            return false;
        }
        self.rows.truncate(self.rows.len() / 2);
        self.left_out = self.total - self.rows.len();
        true
    }

    fn is_gone(&self) -> bool {
        self.rows.is_empty() && self.left_out > 0
    }
}

pub struct Sections {
    pub metrics: Section<VerdictRow>,
    pub problems: Section<VerdictRow>,
    pub stages: Section<StageRow>,
    pub checks: Section<CheckRow>,
    pub distributions: Section<DistributionRow>,
    pub measurements: Section<MeasurementRow>,
    pub inputs: Section<InputRow>,
}

impl Sections {
    pub fn of(record: &Record) -> Sections {
        let ids = super::check_ids(record);
        // What did not pass comes first where not all fit; where all do, the order of `mlops.yaml` is kept.
        let mut metrics: Vec<&Verdict> = record.verdicts.iter().filter(|v| !is_check(&ids, v)).collect();
        if metrics.len() > 60 {
            metrics.sort_by_key(|v| (!v.blocking, super::gravity(&v.outcome)));
        }
        let mut checks: Vec<_> = record.checks.iter().collect();
        checks.sort_by_key(|check| super::gravity(&check.outcome));
        Sections {
            metrics: Section::of(metrics.into_iter().map(|v| VerdictRow::of(v, v.gate.clone()))),
            problems: Section::of(
                super::not_passed(record).into_iter().map(|v| VerdictRow::of(v, label(v, is_check(&ids, v)))),
            ),
            stages: Section::of(super::stages(record).into_iter().map(|(stage, _)| StageRow {
                mark: mark(&stage.outcome),
                name: one_line(&stage.name, 60),
                outcome: outcome(&stage.outcome),
                time: if stage.seconds > 0.0 { Unit::Seconds.show(stage.seconds) } else { NONE.into() },
                notes: one_line(&stage.notes.join("; "), 600),
            })),
            checks: Section::of(checks.into_iter().map(|check| CheckRow {
                mark: mark(&check.outcome),
                label: one_line(&check.id, 200),
                message: one_line(&check.message, 300),
                outcome: outcome(&check.outcome),
            })),
            distributions: Section::of(distributions(record).into_iter()),
            measurements: Section::of(record.measurements.iter().map(|m| MeasurementRow {
                id: one_line(
                    &m.slice.as_ref().map_or(m.id.clone(), |s| format!("{}[{}={}]", m.id, s.column, s.value)),
                    160,
                ),
                value: figures::value(&m.unit, m.value),
                baseline: figures::value(&m.unit, m.baseline),
                interval: figures::interval(&m.unit, m.interval.as_ref(), None),
                n: m.n.map_or(NONE.into(), |n| Unit::Count.show(n as f64)),
                source: one_line(&m.source, 160),
            })),
            inputs: Section::of(record.inputs.iter().map(|input| InputRow {
                kind: one_line(&input.kind, 60),
                name: one_line(&input.name, 200),
                bytes: Unit::Bytes.show(input.bytes as f64),
                digest: one_line(&input.digest, 24),
                full_digest: one_line(&input.digest, 100),
            })),
        }
    }

    /// Makes the text shorter by some rows: long sections first, then all of them, and each time those first that a
    /// reviewer misses least. False when nothing is left.
    pub fn shrink(&mut self) -> bool {
        [20, 0].into_iter().any(|least| {
            self.measurements.shrink(least)
                || self.inputs.shrink(least)
                || self.checks.shrink(least)
                || self.distributions.shrink(least)
                || self.problems.shrink(least)
                || self.stages.shrink(least)
                || self.metrics.shrink(least)
        })
    }

    /// The sections of which no row was kept: `measurements, stages`.
    pub fn gone(&self) -> String {
        let gone = [
            ("metrics", self.metrics.is_gone()),
            ("reasons", self.problems.is_gone()),
            ("stages", self.stages.is_gone()),
            ("checks", self.checks.is_gone()),
            ("distributions", self.distributions.is_gone()),
            ("measurements", self.measurements.is_gone()),
            ("inputs", self.inputs.is_gone()),
        ];
        let names: Vec<&str> = gone.into_iter().filter(|(_, gone)| *gone).map(|(name, _)| name).collect();
        names.join(", ")
    }
}

#[derive(Serialize)]
pub struct VerdictRow {
    mark: &'static str,
    metric: String,
    value: String,
    baseline: String,
    difference: String,
    interval: String,
    gate: String,
    outcome: &'static str,
    blocking: bool,
    reason: String,
    advice: Option<String>,
    examples: Vec<String>,
    particulars: String,
}

impl VerdictRow {
    fn of(verdict: &Verdict, gate: String) -> VerdictRow {
        let Figures { value, baseline, difference, interval } = Figures::of(verdict);
        VerdictRow {
            mark: mark(&verdict.outcome),
            metric: one_line(&metric(verdict), 120),
            value,
            baseline,
            difference,
            interval,
            gate: one_line(&gate, 200),
            outcome: outcome(&verdict.outcome),
            blocking: verdict.blocking,
            reason: one_line(&verdict.reason, 600),
            advice: advice(verdict),
            examples: verdict.examples.iter().take(5).map(|example| one_line(example, 200)).collect(),
            particulars: super::particulars(verdict),
        }
    }
}

#[derive(Serialize)]
pub struct StageRow {
    mark: &'static str,
    name: String,
    outcome: &'static str,
    time: String,
    notes: String,
}

#[derive(Serialize)]
pub struct CheckRow {
    mark: &'static str,
    label: String,
    message: String,
    outcome: &'static str,
}

#[derive(Serialize)]
pub struct DistributionRow {
    mark: &'static str,
    label: String,
    reference: String,
    current: String,
    values: String,
}

fn distributions(record: &Record) -> Vec<DistributionRow> {
    let row = |distribution: &Distribution| {
        let drawn = distribution::draw(distribution)?;
        let check = record.checks.iter().find(|check| check.id == distribution.id);
        let verdict = record.verdicts.iter().find(|verdict| verdict.id == distribution.id);
        let outcome = verdict.map(|verdict| &verdict.outcome).or(check.map(|check| &check.outcome));
        Some(DistributionRow {
            mark: outcome.map_or("", |outcome| mark(outcome)),
            label: one_line(&distribution.id, 160),
            reference: drawn.reference,
            current: drawn.current,
            values: drawn.labels,
        })
    };
    record.distributions.iter().filter_map(row).collect()
}

#[derive(Serialize)]
pub struct MeasurementRow {
    id: String,
    value: String,
    baseline: String,
    interval: String,
    n: String,
    source: String,
}

#[derive(Serialize)]
pub struct InputRow {
    kind: String,
    name: String,
    bytes: String,
    digest: String,
    full_digest: String,
}

fn mark(word: &str) -> &'static str {
    match outcome(word) {
        "passed" => "✅",
        "warned" => "⚠️",
        "inconclusive" => "❔",
        "skipped" => "⏭️",
        "errored" => "🚫",
        _ => "❌",
    }
}
