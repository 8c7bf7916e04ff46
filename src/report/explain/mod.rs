//! A verdict in words: what was measured and how, what the gate asks, how sure the number is and from what paper, where
//! the interval lies, what would change the outcome, and the command to see it again. From the record alone;
//! `templates/report/explain.txt` has the words.

mod find;
mod line;

use super::figures::{self, Figures, NONE};
use super::picture::Picture;
use super::terminal::{Paint, mark};
use super::text::{count, harmless, one_line, wrap};
use super::{Options, check_ids, distribution, is_check, label, metric, not_passed, outcome, reproduce};
use crate::model::Unit;
use crate::model::method;
use crate::record::wire::{Record, Verdict};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value, context};
use serde::Serialize;

const TEMPLATE: &str = include_str!("../../../templates/report/explain.txt");

/// Verdicts explained at once.
const MOST: usize = 20;
const EXAMPLES: usize = 10;

/// Every verdict that `wanted` names; without a name all that did not pass.
///
/// # Errors
/// The record has none of that name: what it has, the nearest first.
pub fn explain(record: &Record, wanted: Option<&str>, options: &Options) -> Result<String, String> {
    let found = match wanted {
        Some(wanted) => find::find(record, wanted)?,
        None => not_passed(record),
    };
    if found.is_empty() {
        let n = record.verdicts.len();
        return Ok(match n {
            0 => "nothing was judged in this run\n".into(),
            _ => format!("all {} passed or were left out: name one to have it explained\n", count(n, "verdict")),
        });
    }
    let checks = check_ids(record);
    let mut text = String::new();
    for verdict in found.iter().take(MOST) {
        if !text.is_empty() {
            text.push('\n');
        }
        match fill(record, verdict, is_check(&checks, verdict), options) {
            Ok(filled) => text.push_str(&laid_out(&filled, verdict, options)),
            // Only a fault in our own template ends here, which the tests would show.
            Err(why) => text.push_str(&format!("{} ({})\n", one_line(&verdict.reason, 1500), why.kind())),
        }
    }
    if found.len() > MOST {
        text.push_str(&format!("\nand {}: name it more exactly\n", count(found.len() - MOST, "more verdict")));
    }
    Ok(text.lines().map(|line| harmless(line) + "\n").collect())
}

/// Where the estimate lies to the nearest bound, and what would move it across; every number as text.
#[derive(Serialize)]
struct Change {
    is_inconclusive: bool,
    is_inside: bool,
    /// `inside` or `outside`.
    side: &'static str,
    end: String,
    /// From the estimate to the bound.
    distance: String,
    /// From the estimate to the end of the interval on that side.
    reach: String,
    /// From the interval to the bound, of a gate that passed.
    margin: String,
    /// What the estimate must move for the interval to be inside; empty without an interval.
    clear: String,
}

fn change(verdict: &Verdict, picture: &Picture) -> Option<Change> {
    let estimate = picture.estimate?;
    let distance = |end: &f64| (end - estimate).abs();
    let ends = [(picture.low, true), (picture.high, false)];
    let ends = ends.into_iter().filter_map(|(end, is_low)| Some((end?, is_low)));
    let (end, is_low) = ends.min_by(|a, b| distance(&a.0).total_cmp(&distance(&b.0)))?;
    let is_inside = if is_low { estimate >= end } else { estimate <= end };
    // What lies between the estimate and the end of the interval that must be inside.
    let reach = picture.interval.map_or(0.0, |(low, high)| if is_low { estimate - low } else { high - estimate });
    let show = |by: f64| match picture.of.as_str() {
        "relative difference" => figures::value(Unit::Share.name(), Some(by.abs())),
        _ => figures::value(&verdict.unit, Some(by.abs())),
    };
    let clear = if is_inside { reach - distance(&end) } else { reach + distance(&end) };
    Some(Change {
        is_inconclusive: outcome(&verdict.outcome) == "inconclusive",
        is_inside,
        side: if is_inside { "inside" } else { "outside" },
        end: figures::of_kind(&verdict.unit, end, &picture.of),
        distance: show(distance(&end)),
        reach: show(reach),
        margin: show((distance(&end) - reach).max(0.0)),
        clear: if picture.interval.is_some() && clear.is_finite() { show(clear) } else { String::new() },
    })
}

fn fill(record: &Record, verdict: &Verdict, is_check: bool, options: &Options) -> Result<String, Error> {
    let mut engine = Environment::empty();
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    engine.add_template("explain", TEMPLATE)?;
    let figures = Figures::of(verdict);
    let there = |figure: String| if figure == NONE { String::new() } else { figure };
    let picture = Picture::of(verdict).filter(|_| !is_check);
    let kind = picture.as_ref().map_or("value", |picture| picture.of.as_str());
    let blocks = match outcome(&verdict.outcome) {
        "passed" | "skipped" => "",
        _ if verdict.blocking => ", and blocks",
        _ => ", and does not block",
    };
    let name = one_line(&metric(verdict), 120);
    let quantity = if kind == "value" { name.clone() } else { format!("the {kind} of {name}") };
    let show = |number: f64| figures::of_kind(&verdict.unit, number, kind);
    let allowed = picture.as_ref().and_then(|picture| match (picture.low, picture.high) {
        (Some(low), Some(high)) => Some(format!("must lie from {} to {}", show(low), show(high))),
        (Some(low), None) => Some(format!("must not lie below {}", show(low))),
        (None, Some(high)) => Some(format!("must not lie above {}", show(high))),
        (None, None) => None,
    });
    let note = record.metrics.iter().find(|note| is_of(verdict, &note.id));
    let of_metric = note.and_then(|note| note.interval.clone()).filter(|_| kind == "value");
    let is_found = verdict.slice.as_ref().is_some_and(|slice| slice.column == "found");
    let searched = of_metric.as_ref().filter(|_| is_found).map(|_| method::SEARCHED.to_string());
    let methods = of_metric.into_iter().chain(searched).chain(verdict.method.clone());
    let methods: Vec<String> = methods.map(|method| one_line(&method, 300)).collect();
    let method = methods.join("; ");
    let sources: Vec<&str> = method.split("; ").filter_map(method::source_of).collect();
    let relative = verdict.difference.zip(verdict.baseline).filter(|(_, of)| *of != 0.0).map(|(by, of)| by / of);
    let value = match verdict.value {
        Some(_) => format!("it is {}", figures.value),
        None => "no number was measured".into(),
    };
    let columns = options.width.saturating_sub(2);
    let drawn = distribution::of(record, verdict).map(|drawn| {
        vec![format!("reference {}", drawn.reference), format!("current   {}", drawn.current), drawn.labels]
    });
    let examples: Vec<String> = verdict.examples.iter().take(EXAMPLES).map(|example| one_line(example, 300)).collect();
    let rule = record.checks.iter().find(|check| check.id == verdict.id).map(|check| one_line(&check.text, 300));
    engine.get_template("explain")?.render(context! {
        mark => if options.ascii { ascii(verdict) } else { mark(&verdict.outcome) },
        stage => one_line(&verdict.stage, 40),
        gate => label(verdict, is_check),
        outcome => outcome(&verdict.outcome),
        blocks,
        kind,
        reason => one_line(&verdict.reason, 1500),
        more_examples => verdict.examples.len() - examples.len(),
        examples,
        is_check,
        check => rule.unwrap_or_default(),
        distribution => drawn.unwrap_or_default(),
        source => one_line(&verdict.source, 300),
        slice => verdict.slice.as_ref().map_or(String::new(), |s| format!("{} = {}", one_line(&s.column, 60), one_line(&s.value, 60))),
        n => verdict.n.map_or(String::new(), |n| Unit::Count.show(n as f64)),
        metric => &name,
        formula => note.map_or(String::new(), |note| one_line(&note.formula, 300)),
        value,
        baseline => there(figures.baseline),
        difference => there(figures.difference),
        relative => relative.map_or(String::new(), |by| figures::of_kind(&verdict.unit, by, "relative difference")),
        quantity,
        allowed => allowed.unwrap_or_default(),
        bound => verdict.bound.as_ref().map_or(String::new(), |bound| one_line(bound, 120)),
        interval => verdict.interval.as_ref().map_or(String::new(), |i| format!("{} to {}", show(i.low), show(i.high))),
        level => verdict.interval.as_ref().map_or(String::new(), |i| figures::value(Unit::Share.name(), Some(i.level))),
        judged => picture.is_some(),
        method,
        method_source => sources.join("; "),
        picture => picture.as_ref().map_or(vec![], |p| line::draw(p, &verdict.unit, columns, options.ascii)),
        change => Value::from(Serde(&picture.as_ref().and_then(|picture| change(verdict, picture)))),
        needed => verdict.n_needed.map_or(String::new(), super::about),
        commands => commands(record, verdict, is_check),
    })
}

/// Whether a verdict is about that metric, overall, of a slice or of a gap.
fn is_of(verdict: &Verdict, metric: &str) -> bool {
    let id = verdict.id.strip_prefix("gap(").unwrap_or(&verdict.id);
    id.split(['[', ')']).next() == Some(metric)
}

fn ascii(verdict: &Verdict) -> &'static str {
    match outcome(&verdict.outcome) {
        "passed" => "+",
        "warned" => "!",
        "inconclusive" => "?",
        "skipped" => "-",
        _ => "x",
    }
}

/// The stage again, and this explanation. The gate is quoted for a shell; one that no quotes can hold is left out.
fn commands(record: &Record, verdict: &Verdict, is_check: bool) -> Vec<String> {
    let mut commands: Vec<String> = match record.run.command.as_str() {
        "run" if reproduce::is_stage(&verdict.stage) => vec![format!("mlgate run {}", verdict.stage)],
        _ => reproduce::again(record).into_iter().collect(),
    };
    let gate = label(verdict, is_check);
    let plain = |c: char| c == ' ' || (c.is_ascii_graphic() && c != '\'') || (c.is_alphanumeric() && !c.is_ascii());
    if gate.chars().all(plain) && !gate.starts_with('-') && !gate.is_empty() {
        commands.push(format!("mlgate explain '{gate}'"));
    }
    commands
}

/// Lines wrapped with their indent, at most one empty line in a row, and the marks in colour.
fn laid_out(text: &str, verdict: &Verdict, options: &Options) -> String {
    let paint = Paint { color: options.color };
    let mut out = String::new();
    let mut first = true;
    for line in text.trim_end().lines() {
        if let Some(drawing) = line.strip_prefix('\t') {
            out.push_str(&format!("  {}\n", drawing.trim_end()));
            continue;
        }
        let body = line.trim_start();
        let indent = &line[..line.len() - body.len()];
        if body.trim_end().is_empty() {
            if !out.ends_with("\n\n") {
                out.push('\n');
            }
            continue;
        }
        let lines = wrap(body.trim_end(), options.width.saturating_sub(indent.len() + 2).max(20));
        for (at, line) in lines.into_iter().enumerate() {
            let hang = if at > 0 && !indent.is_empty() { "  " } else { "" };
            let line = match (first, indent.is_empty()) {
                (true, _) => paint.bold(&paint.outcome(&verdict.outcome, &line)),
                (_, true) => paint.bold(&line),
                _ => line,
            };
            out.push_str(&format!("{indent}{hang}{line}\n"));
        }
        first = false;
    }
    out
}
