//! A metric by slice: a bar for each slice on one scale, and the whole for comparison.

use super::bar::Bar;
use crate::model::Unit;
use crate::record::wire::{Measurement, Record, Verdict};
use crate::report::figures::{self, NONE};
use crate::report::picture::{self, Picture, Scale};
use crate::report::text::one_line;
use crate::report::{gravity, outcome};
use serde::Serialize;
use std::collections::HashMap;

/// Slices of a metric that are drawn, and metrics.
const MOST_SLICES: usize = 40;
const MOST_PLOTS: usize = 60;

#[derive(Serialize)]
pub struct Plot {
    metric: String,
    column: String,
    /// The gate on its slices; empty where there is none.
    gate: String,
    rows: Vec<Row>,
    left_out: usize,
    #[serde(skip)]
    pub is_judged: bool,
}

#[derive(Serialize)]
struct Row {
    name: String,
    value: String,
    baseline: String,
    n: String,
    bar: Option<Bar>,
    /// Of the gate; without one as if skipped, whose colour is quiet.
    outcome: &'static str,
    judged: bool,
}

/// The plots of a stage, in the order of its measurements.
pub fn of(record: &Record, stage: &str) -> Vec<Plot> {
    let prefix = format!("{stage}.");
    let of_stage: Vec<&Measurement> = record.measurements.iter().filter(|m| m.id.starts_with(&prefix)).collect();
    let wholes: HashMap<&str, &Measurement> =
        of_stage.iter().filter(|m| m.slice.is_none()).map(|m| (m.id.as_str(), *m)).collect();
    let mut verdicts: HashMap<(&str, &str, &str), &Verdict> = HashMap::new();
    for verdict in &record.verdicts {
        let Some(slice) = &verdict.slice else { continue };
        let id = verdict.id.split('[').next().unwrap_or_default();
        let graver = verdicts.entry((id, &slice.column, &slice.value)).or_insert(verdict);
        if gravity(&verdict.outcome) < gravity(&graver.outcome) {
            *graver = verdict;
        }
    }
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    let mut groups: Vec<Vec<&Measurement>> = Vec::new();
    for m in of_stage {
        let Some(slice) = &m.slice else { continue };
        let place = *places.entry((&m.id, &slice.column)).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(m);
    }
    let plots = groups.iter().take(MOST_PLOTS);
    plots.filter_map(|group| plot(group, wholes.get(group.first()?.id.as_str()).copied(), &verdicts, &prefix)).collect()
}

fn plot(
    slices: &[&Measurement],
    whole: Option<&Measurement>,
    verdicts: &HashMap<(&str, &str, &str), &Verdict>,
    prefix: &str,
) -> Option<Plot> {
    let first = slices.first()?;
    let judged = |m: &Measurement| {
        let slice = m.slice.as_ref()?;
        verdicts.get(&(m.id.as_str(), slice.column.as_str(), slice.value.as_str())).copied()
    };
    let picture = |m: &Measurement| {
        let allowed = judged(m).and_then(|verdict| verdict.allowed.as_ref()).filter(|allowed| allowed.of == "value");
        Picture {
            estimate: m.value.filter(|value| value.is_finite()),
            interval: m.interval.as_ref().and_then(picture::ends),
            low: allowed.and_then(|allowed| allowed.low),
            high: allowed.and_then(|allowed| allowed.high),
            of: "value".into(),
        }
    };
    let mut shown: Vec<&Measurement> = slices.to_vec();
    // What does not pass comes first where not all fit; otherwise as measured.
    if shown.len() > MOST_SLICES {
        shown.sort_by_key(|m| judged(m).map_or(usize::MAX, |verdict| gravity(&verdict.outcome)));
        shown.truncate(MOST_SLICES);
    }
    let left_out = slices.len() - shown.len();
    let all: Vec<&Measurement> = whole.into_iter().chain(shown).collect();
    let scale = Scale::over(all.iter().flat_map(|m| {
        let before = m.baseline.into_iter();
        picture(m).numbers().chain(before).collect::<Vec<_>>()
    }));
    let row = |m: &&Measurement| {
        let verdict = judged(m);
        Row {
            name: m.slice.as_ref().map_or("all rows".into(), |slice| one_line(&slice.value, 60)),
            value: figures::value(&m.unit, m.value),
            baseline: figures::value(&m.unit, m.baseline),
            n: m.n.map_or(NONE.into(), |n| Unit::Count.show(n as f64)),
            bar: scale.map(|scale| Bar::draw(&picture(m), &scale, m.baseline, &m.unit)),
            outcome: verdict.map_or("skipped", |verdict| outcome(&verdict.outcome)),
            judged: verdict.is_some(),
        }
    };
    let gate = slices.iter().find_map(|m| judged(m)).map(|verdict| one_line(&verdict.gate, 120));
    Some(Plot {
        metric: one_line(first.id.strip_prefix(prefix).unwrap_or(&first.id), 80),
        column: one_line(&first.slice.as_ref()?.column, 80),
        is_judged: gate.is_some(),
        gate: gate.unwrap_or_default(),
        rows: all.iter().map(row).collect(),
        left_out,
    })
}
