//! The stages of a record as the template names their parts.

use super::bar::Bar;
use super::chart::{self, Drawing};
use super::slices::{self, Plot};
use crate::model::Unit;
use crate::record::wire::{Record, Stage, Verdict};
use crate::report::figures::{Figures, NONE};
use crate::report::sections::Section;
use crate::report::text::one_line;
use crate::report::{advice, is_check, label, outcome, particulars};
use serde::Serialize;
use std::collections::HashSet;

/// Examples of one verdict.
const EXAMPLES: usize = 10;
const NOTES: usize = 50;
const CHARTS: usize = 40;

#[derive(Serialize)]
pub struct StageView {
    name: String,
    outcome: &'static str,
    time: String,
    notes: Vec<String>,
    /// Why the whole stage was not run; empty if it was.
    left_out: String,
    image: Option<ImageView>,
    gates: Section<VerdictView>,
    charts: Vec<Drawing>,
    /// Metrics by slice that a gate is about, and the others.
    slices: Vec<Plot>,
    other_slices: Vec<Plot>,
    /// Those that did not pass, and those that did.
    checks: Section<VerdictView>,
    passed: Section<VerdictView>,
    distributions: Section<Drawing>,
}

#[derive(Serialize)]
struct ImageView {
    name: String,
    size: String,
    pushed: bool,
    tags: String,
}

/// A verdict, or what a check found.
#[derive(Serialize)]
pub struct VerdictView {
    stage: String,
    gate: String,
    outcome: &'static str,
    blocking: bool,
    reason: String,
    advice: Option<String>,
    examples: Vec<String>,
    value: String,
    baseline: String,
    difference: String,
    n: String,
    source: String,
    bar: Option<Bar>,
    particulars: String,
}

impl VerdictView {
    pub fn of(verdict: &Verdict, check: bool) -> VerdictView {
        let Figures { value, baseline, difference, .. } = Figures::of(verdict);
        VerdictView {
            stage: one_line(&verdict.stage, 60),
            gate: label(verdict, check),
            outcome: outcome(&verdict.outcome),
            blocking: verdict.blocking,
            reason: one_line(&verdict.reason, 1500),
            advice: advice(verdict),
            examples: verdict.examples.iter().take(EXAMPLES).map(|example| one_line(example, 300)).collect(),
            value,
            baseline,
            difference,
            n: verdict.n.map_or(NONE.into(), |n| Unit::Count.show(n as f64)),
            source: one_line(&verdict.source, 200),
            bar: Bar::of(verdict).filter(|_| !check),
            particulars: particulars(verdict),
        }
    }
}

pub fn stages(record: &Record) -> Vec<StageView> {
    let checks = crate::report::check_ids(record);
    let stages = crate::report::stages(record);
    stages.iter().map(|(stage, verdicts)| view(record, stage, verdicts, &checks)).collect()
}

fn view(record: &Record, stage: &Stage, verdicts: &[&Verdict], ids: &HashSet<&str>) -> StageView {
    let left_out = crate::report::left_out_because(stage, verdicts);
    let shown = if left_out.is_some() { &[][..] } else { verdicts };
    let (checks, gates): (Vec<&Verdict>, Vec<&Verdict>) = shown.iter().partition(|v| is_check(ids, v));
    let (passed, checks): (Vec<&Verdict>, Vec<&Verdict>) =
        checks.into_iter().partition(|v| outcome(&v.outcome) == "passed");
    let of_stage = |id: &str| id.strip_prefix(&stage.name).is_some_and(|rest| rest.starts_with('.'));
    let confusion = record.charts.iter().find(|chart| of_stage(&chart.id) && chart.id.ends_with(".confusion_matrix"));
    let charts =
        record.charts.iter().filter(|chart| of_stage(&chart.id)).take(CHARTS).filter_map(|c| chart::draw(c, confusion));
    let distributions: Vec<Drawing> = record
        .distributions
        .iter()
        .filter(|distribution| of_stage(&distribution.id))
        .take(CHARTS)
        .filter_map(chart::distribution)
        .collect();
    let (slices, other_slices) = slices::of(record, &stage.name).into_iter().partition(|plot| plot.is_judged);
    StageView {
        name: one_line(&stage.name, 60),
        outcome: outcome(&stage.outcome),
        time: if stage.seconds > 0.0 { Unit::Seconds.show(stage.seconds) } else { String::new() },
        notes: stage.notes.iter().take(NOTES).map(|note| one_line(note, 600)).collect(),
        left_out: left_out.unwrap_or_default(),
        image: record.image.as_ref().filter(|_| stage.name == "image").map(|image| ImageView {
            name: format!("{}@{}", one_line(&image.repository, 200), one_line(&image.digest, 80)),
            size: Unit::Bytes.show(image.bytes as f64),
            pushed: image.pushed,
            tags: one_line(&image.tags.join(", "), 200),
        }),
        gates: Section::of(gates.into_iter().map(|v| VerdictView::of(v, false))),
        charts: charts.collect(),
        slices,
        other_slices,
        checks: Section::of(checks.into_iter().map(|v| VerdictView::of(v, true))),
        passed: Section::of(passed.into_iter().map(|v| VerdictView::of(v, true))),
        distributions: Section::of(distributions.into_iter()),
    }
}
