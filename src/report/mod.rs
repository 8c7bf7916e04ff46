//! Record → text, one file a format. Pure: the same record gives the same bytes. Whatever a record holds, also one
//! that a stranger's pull request wrote, it comes out as text and never as markup, a link, a mention or a command.

mod annotations;
mod distribution;
mod explain;
pub mod figures;
mod html;
mod json;
mod junit;
pub mod markdown;
mod matrix;
mod picture;
pub mod profile;
mod reproduce;
mod sections;
mod terminal;
pub mod text;

pub use explain::explain;

use crate::model::Unit;
use crate::record::wire::{Record, Stage, Verdict};
use std::collections::{HashMap, HashSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people at a terminal or reading a log.
    Terminal,
    /// The pull-request comment, also used for the step summary; at most 65,536 characters.
    Markdown,
    /// One file that loads nothing, for artifacts of CI.
    Html,
    /// GitHub workflow commands.
    Annotations,
    Junit,
    /// The record, indented.
    Json,
}

impl Format {
    pub const ALL: [Format; 6] =
        [Format::Terminal, Format::Markdown, Format::Html, Format::Annotations, Format::Junit, Format::Json];

    /// The name on the command line: `terminal`, `markdown`, `html`, `annotations`, `junit`, `json`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Terminal => "terminal",
            Format::Markdown => "markdown",
            Format::Html => "html",
            Format::Annotations => "annotations",
            Format::Junit => "junit",
            Format::Json => "json",
        }
    }
}

/// What a renderer may know besides the record.
#[derive(Clone, Debug)]
pub struct Options {
    /// ANSI colours, terminal only.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Draw with ASCII alone, for terminals of another encoding than UTF-8.
    pub ascii: bool,
    /// The text of `mlops.yaml`, so that annotations point to the line of their gate.
    pub config: Option<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options { color: false, width: 80, ascii: false, config: None }
    }
}

pub fn render(record: &Record, format: Format, options: &Options) -> String {
    match format {
        Format::Terminal => terminal::render(record, options.color, options.width),
        Format::Markdown => markdown::render(record),
        Format::Html => html::render(record),
        Format::Annotations => annotations::render(record, options.config.as_deref()),
        Format::Junit => junit::render(record),
        Format::Json => json::render(record),
    }
}

/// Whether the record lets the model ship. Any word but `cleared` does not.
fn cleared(record: &Record) -> bool {
    record.decision.outcome == "cleared"
}

/// How many stages were skipped: a cleared run with such is not the whole story, and cannot be promoted.
fn left_out(record: &Record) -> usize {
    record.stages.iter().filter(|stage| stage.outcome == "skipped").count()
}

/// `churn may ship`, `churn is blocked`, `churn may not go to prod (dry run)`.
fn headline(record: &Record) -> String {
    let model = text::one_line(&record.run.model, 100);
    let text = match (record.run.environment.as_deref(), cleared(record)) {
        (Some(environment), true) => format!("{model} may go to {}", text::one_line(environment, 60)),
        (Some(environment), false) => format!("{model} may not go to {}", text::one_line(environment, 60)),
        (None, true) if left_out(record) > 0 => {
            format!("{model} holds so far ({} left out)", text::count(left_out(record), "stage"))
        }
        (None, true) => format!("{model} may ship"),
        (None, false) => format!("{model} is blocked"),
    };
    if record.run.dry_run { text + " (dry run)" } else { text }
}

/// The stages of the record with their verdicts, and for verdicts of a stage that it does not list, that stage by name.
fn stages(record: &Record) -> Vec<(Stage, Vec<&Verdict>)> {
    let mut stages: Vec<(Stage, Vec<&Verdict>)> = vec![];
    let mut at: HashMap<&str, usize> = HashMap::new();
    for stage in &record.stages {
        at.entry(&stage.name).or_insert(stages.len());
        stages.push((stage.clone(), vec![]));
    }
    for verdict in &record.verdicts {
        let index = *at.entry(&verdict.stage).or_insert(stages.len());
        if index == stages.len() {
            let (name, outcome) = (verdict.stage.clone(), verdict.outcome.clone());
            stages.push((Stage { name, outcome, seconds: 0.0, notes: vec![] }, vec![]));
        }
        stages[index].1.push(verdict);
    }
    stages
}

/// Why a whole stage was not run, if it was not.
fn left_out_because(stage: &Stage, verdicts: &[&Verdict]) -> Option<String> {
    match verdicts {
        [only] if only.id == stage.name && outcome(&only.outcome) == "skipped" => {
            Some(text::one_line(&only.reason, 200))
        }
        _ => None,
    }
}

/// `95%`, or `90%, 95%` where they differ; empty when no verdict has an interval.
fn levels(record: &Record) -> String {
    let mut levels: Vec<String> = vec![];
    for interval in record.verdicts.iter().filter_map(|verdict| verdict.interval.as_ref()) {
        let level = figures::value(Unit::Share.name(), Some(interval.level));
        if !levels.contains(&level) && levels.len() < 4 {
            levels.push(level);
        }
    }
    levels.join(", ")
}

/// The ids of the record's checks: their verdicts are findings rather than numbers held against a bound.
fn check_ids(record: &Record) -> HashSet<&str> {
    record.checks.iter().map(|check| check.id.as_str()).collect()
}

fn is_check(checks: &HashSet<&str>, verdict: &Verdict) -> bool {
    checks.contains(verdict.id.as_str())
}

/// The measurement without its stage, with its slice: `f1`, `f1[segment=b2b]`; the gap between slices as the gate
/// names it, `gap(f1[segment])`.
fn metric(verdict: &Verdict) -> String {
    if let Some((gap, _)) = verdict.gate.split_once(')').filter(|(gap, _)| gap.starts_with("gap(")) {
        return format!("{gap})");
    }
    let id = verdict.id.strip_prefix(&format!("{}.", verdict.stage)).unwrap_or(&verdict.id);
    match &verdict.slice {
        Some(slice) if !id.ends_with(']') => format!("{id}[{}={}]", slice.column, slice.value),
        _ => id.to_string(),
    }
}

/// What a verdict is called where it stands alone: `f1[segment] >= 0.7 (segment=b2b)`, `train: unique(id)`.
fn label(verdict: &Verdict, check: bool) -> String {
    let gate = text::one_line(&verdict.gate, 300);
    if let Some(slice) = &verdict.slice {
        return format!("{gate} ({}={})", text::one_line(&slice.column, 60), text::one_line(&slice.value, 60));
    }
    let metric = metric(verdict);
    let subject = metric.split('.').next().unwrap_or_default();
    match check && !subject.is_empty() && !gate.starts_with(subject) {
        true => format!("{}: {gate}", text::one_line(subject, 60)),
        false => gate,
    }
}

/// The outcomes, the gravest first.
const OUTCOMES: [&str; 6] = ["failed", "errored", "inconclusive", "warned", "passed", "skipped"];

/// The outcome as this version knows it; any other word is taken for errored, since it is no pass.
fn outcome(word: &str) -> &'static str {
    OUTCOMES.into_iter().find(|known| *known == word).unwrap_or("errored")
}

/// Place among the outcomes, 0 the gravest.
fn gravity(word: &str) -> usize {
    OUTCOMES.iter().position(|known| *known == outcome(word)).unwrap_or(0)
}

/// Verdicts that a reader must look at, the gravest first, otherwise in the record's order.
fn not_passed(record: &Record) -> Vec<&Verdict> {
    let quiet = |verdict: &&Verdict| !matches!(outcome(&verdict.outcome), "passed" | "skipped");
    let mut verdicts: Vec<&Verdict> = record.verdicts.iter().filter(quiet).collect();
    verdicts.sort_by_key(|verdict| (!verdict.blocking, gravity(&verdict.outcome)));
    verdicts
}

/// What a reader can do about a verdict; none where the reason already says it all.
fn advice(verdict: &Verdict) -> Option<String> {
    match (outcome(&verdict.outcome), verdict.n_needed, verdict.n) {
        ("inconclusive", Some(needed), Some(n)) => {
            Some(format!("About {} rows would settle it; there are {}.", about(needed), Unit::Count.show(n as f64)))
        }
        ("inconclusive", Some(needed), None) => Some(format!("About {} rows would settle it.", about(needed))),
        _ => None,
    }
}

/// Three significant figures, upwards: more would pretend to know.
fn about(rows: u64) -> String {
    let step = 10u64.pow(rows.max(1).ilog10().saturating_sub(2));
    Unit::Count.show(rows.div_ceil(step).saturating_mul(step) as f64)
}

/// `f1 0.62 · baseline 0.7 · n 212 · paired bootstrap over 171 rows · out/predictions.parquet`
fn particulars(verdict: &Verdict) -> String {
    let figures = figures::Figures::of(verdict);
    let mut parts = vec![];
    if figures.value != figures::NONE {
        parts.push(format!("{} {}", text::one_line(&metric(verdict), 120), figures.value));
    }
    for (name, figure) in
        [("baseline", figures.baseline), ("difference", figures.difference), ("interval", figures.interval)]
    {
        if figure != figures::NONE {
            parts.push(format!("{name} {figure}"));
        }
    }
    if let Some(bound) = &verdict.bound {
        parts.push(format!("bound {}", text::one_line(bound, 100)));
    }
    parts.extend(verdict.n.map(|n| format!("n {}", Unit::Count.show(n as f64))));
    parts.extend(verdict.method.iter().map(|method| text::one_line(method, 200)));
    if !verdict.source.is_empty() {
        parts.push(format!("from {}", text::one_line(&verdict.source, 300)));
    }
    parts.join(" · ")
}

/// A commit or a digest, short: its first twelve characters without the algorithm.
fn short(hash: &str) -> String {
    text::one_line(hash.strip_prefix("sha256:").unwrap_or(hash), 200).chars().take(12).collect()
}
