//! The report for people at a terminal or reading a log: the headline, a line and a table for each stage, then what
//! did not pass with everything needed to argue with it.

use super::distribution::{self, Drawn};
use super::figures::{Figures, NONE};
use super::matrix::Matrix;
use super::text::{count, harmless, one_line, width, wrap};
use super::{advice, headline, is_check, label, outcome};
use crate::model::Unit;
use crate::record::wire::{Image, Record, Stage, Verdict};
use anstyle::{AnsiColor, Style};
use std::collections::{BTreeMap, HashSet};

/// Columns right of the gate.
const HEADS: [&str; 5] = ["value", "baseline", "difference", "interval", "outcome"];
/// Which columns go first when the terminal is too narrow: the mark tells the outcome, the reason the rest.
const DROPPED: [usize; 4] = [4, 1, 3, 2];
/// Columns that a gate keeps before another column goes.
const GATE: usize = 26;
const GAP: &str = "  ";
/// Below this a table makes no sense; a narrower terminal breaks the lines itself.
const NARROWEST: usize = 40;
/// Verdicts explained at length.
const REASONS: usize = 50;
/// Wider lines tire the eye.
const WIDEST: usize = 140;

pub struct Paint {
    pub color: bool,
}

impl Paint {
    fn with(&self, style: Style, text: &str) -> String {
        match self.color {
            true => format!("{style}{text}{style:#}"),
            false => text.to_string(),
        }
    }

    pub fn dim(&self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    pub fn bold(&self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    pub fn outcome(&self, word: &str, text: &str) -> String {
        let color = match outcome(word) {
            "passed" => AnsiColor::Green,
            "warned" | "inconclusive" => AnsiColor::Yellow,
            "skipped" => return self.dim(text),
            _ => AnsiColor::Red,
        };
        self.with(Style::new().fg_color(Some(color.into())), text)
    }
}

/// One line of a stage's table.
struct Row {
    outcome: &'static str,
    gate: String,
    cells: [String; 5],
}

pub fn render(record: &Record, color: bool, columns: usize) -> String {
    let paint = Paint { color };
    let columns = columns.clamp(NARROWEST, WIDEST);
    let mut out = decision(record, &paint, columns);
    let checks = super::check_ids(record);
    let stages = super::stages(record);
    let table = |(stage, verdicts): &(Stage, Vec<&Verdict>)| match super::left_out_because(stage, verdicts) {
        Some(_) => vec![],
        None => rows(verdicts, &checks),
    };
    let tables: Vec<Vec<Row>> = stages.iter().map(table).collect();
    let layout = Layout::of(&tables, columns);
    let mut was_left_out = false;
    for ((stage, verdicts), rows) in stages.iter().zip(&tables) {
        let left_out = super::left_out_because(stage, verdicts);
        if !(was_left_out && left_out.is_some()) {
            out.push('\n');
        }
        was_left_out = left_out.is_some();
        match left_out {
            Some(why) => {
                out.push_str(&format!("{}\n", paint.dim(&format!("– {} skipped: {why}", one_line(&stage.name, 40)))))
            }
            None => stage_lines(&mut out, stage, rows, &layout, &paint),
        }
        if let Some(matrix) = Matrix::small(record).filter(|_| stage.name == "quality") {
            let lines = matrix.lines(columns.saturating_sub(4), &paint);
            out.extend(lines.into_iter().enumerate().map(|(at, line)| {
                let lead = if at == 0 { "\n" } else { "" };
                format!("{lead}    {line}\n")
            }));
        }
    }
    let not_passed = super::not_passed(record);
    if !not_passed.is_empty() {
        out.push_str(&format!("\n{}\n", paint.bold("Not passed")));
        for verdict in not_passed.iter().take(REASONS) {
            reasons(&mut out, verdict, is_check(&checks, verdict), columns, &paint);
            if let Some(drawn) = distribution::of(record, verdict) {
                bars(&mut out, &drawn, columns, &paint);
            }
        }
        if not_passed.len() > REASONS {
            out.push_str(&format!("\n  and {} in the record\n", count(not_passed.len() - REASONS, "more verdict")));
        }
    }
    foot(&mut out, record, columns, &paint);
    out.lines().map(|line| harmless(line) + "\n").collect()
}

fn decision(record: &Record, paint: &Paint, columns: usize) -> String {
    let (mark, word) = if super::cleared(record) { ("✓", "passed") } else { ("✗", "failed") };
    let headline = format!("{mark} {}", headline(record));
    let mut out = match paint.color {
        true => format!("{}\n", paint.bold(&paint.outcome(word, &headline))),
        false => format!("{headline}\n"),
    };
    for line in wrap(&one_line(&record.decision.summary, 1000), columns - 2) {
        out.push_str(&format!("  {line}\n"));
    }
    out
}

pub fn mark(word: &str) -> &'static str {
    match outcome(word) {
        "passed" => "✓",
        "warned" => "!",
        "inconclusive" => "?",
        "skipped" => "–",
        _ => "✗",
    }
}

/// The rows of a stage: numbers held against gates, and checks that did not pass. Passed checks and the passed
/// slices of one gate are counted in one row each.
fn rows(verdicts: &[&Verdict], checks: &HashSet<&str>) -> Vec<Row> {
    let mut rows: Vec<Row> = vec![];
    let mut passed_checks = 0;
    // For each gate, its row and how many slices passed it.
    let mut slices: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for verdict in verdicts {
        let check = is_check(checks, verdict);
        let passed = outcome(&verdict.outcome) == "passed";
        if check && passed {
            passed_checks += 1;
            continue;
        }
        if passed && verdict.slice.is_some() {
            let (_, n) = slices.entry(&verdict.gate).or_insert((rows.len(), 0));
            *n += 1;
            if *n > 1 {
                continue;
            }
        }
        let Figures { value, baseline, difference, interval } = Figures::of(verdict);
        let outcome = outcome(&verdict.outcome);
        let mut cells = [value, baseline, difference, interval, outcome.to_string()];
        // Where a number could have been, its place is marked; elsewhere the table stays quiet.
        let from = if check || outcome == "skipped" { 0 } else { 1 };
        cells[from..].iter_mut().filter(|cell| *cell == NONE).for_each(String::clear);
        rows.push(Row { outcome, gate: label(verdict, check), cells });
    }
    for (gate, (row, n)) in slices.into_iter().filter(|(_, (_, n))| *n > 1) {
        let cells = [count(n, "slice"), String::new(), String::new(), String::new(), "passed".into()];
        rows[row] = Row { outcome: "passed", gate: one_line(gate, 300), cells };
    }
    if passed_checks > 0 {
        let cells = [String::new(), String::new(), String::new(), String::new(), "passed".into()];
        rows.insert(0, Row { outcome: "passed", gate: count(passed_checks, "check"), cells });
    }
    rows
}

/// Which columns all tables have and how wide they are, so that the tables stand in line.
struct Layout {
    gate: usize,
    /// Zero for a column that is left out.
    widths: [usize; 5],
    /// Of the whole report.
    columns: usize,
}

impl Layout {
    fn of(tables: &[Vec<Row>], columns: usize) -> Layout {
        let mut widths = [0; 5];
        let mut gate = 0;
        for row in tables.iter().flatten() {
            gate = gate.max(width(&row.gate));
            for (at, cell) in row.cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                widths[at] = widths[at].max(width(cell)).max(width(HEADS[at]));
            }
        }
        let used = |widths: &[usize; 5]| 4 + widths.iter().filter(|w| **w > 0).map(|w| w + GAP.len()).sum::<usize>();
        for column in DROPPED {
            if used(&widths) + gate.min(GATE) > columns {
                widths[column] = 0;
            }
        }
        Layout { gate: gate.min(columns.saturating_sub(used(&widths)).max(GATE.min(columns - 4))), widths, columns }
    }

    /// The cells of one line, padded to their columns, the numbers to the right.
    fn cells(&self, cells: &[String]) -> String {
        let mut line = String::new();
        for (at, cell) in cells.iter().enumerate().filter(|(at, _)| self.widths[*at] > 0) {
            let pad = " ".repeat(self.widths[at].saturating_sub(width(cell)));
            match at {
                4 => line.push_str(&format!("{GAP}{cell}")),
                _ => line.push_str(&format!("{GAP}{pad}{cell}")),
            }
        }
        line.trim_end().to_string()
    }
}

fn stage_lines(out: &mut String, stage: &Stage, rows: &[Row], layout: &Layout, paint: &Paint) {
    let columns = layout.columns;
    let name = one_line(&stage.name, 40);
    let took = match stage.seconds {
        seconds if seconds > 0.0 => Unit::Seconds.show(seconds),
        _ if outcome(&stage.outcome) == "skipped" => "skipped".into(),
        _ => String::new(),
    };
    let mark = paint.outcome(&stage.outcome, mark(&stage.outcome));
    out.push_str(&format!("{mark} {} {}", paint.bold(&name), paint.dim(&took)));
    let heads = rows.iter().any(|row| row.cells[..4].iter().any(|cell| !cell.is_empty()));
    let left = 3 + width(&name) + width(&took);
    if heads && left <= layout.gate + 4 {
        let heads = HEADS.map(String::from);
        out.push_str(&" ".repeat(layout.gate + 4 - left));
        out.push_str(&paint.dim(&layout.cells(&heads[..4])));
    }
    let trimmed = out.trim_end_matches(' ').len();
    out.truncate(trimmed);
    out.push('\n');
    for row in rows {
        let mut gate = wrap(&row.gate, layout.gate).into_iter();
        let first = gate.next().unwrap_or_default();
        let pad = " ".repeat(layout.gate.saturating_sub(width(&first)));
        let mark = paint.outcome(row.outcome, self::mark(row.outcome));
        let cells = layout.cells(&row.cells);
        let line = match cells.strip_suffix(row.outcome) {
            Some(figures) => format!("{first}{pad}{figures}{}", paint.outcome(row.outcome, row.outcome)),
            None => format!("{first}{pad}{cells}"),
        };
        out.push_str(&format!("  {mark} {}\n", line.trim_end()));
        for rest in gate {
            out.push_str(&format!("    {rest}\n"));
        }
    }
    for note in stage.notes.iter().map(|note| one_line(note, 500)) {
        for (at, line) in wrap(&note, columns - 4).iter().enumerate() {
            let lead = if at == 0 { "· " } else { "  " };
            out.push_str(&format!("  {}\n", paint.dim(&format!("{lead}{line}"))));
        }
    }
}

/// One verdict that did not pass: reason, examples, figures, where from, and what to do.
fn reasons(out: &mut String, verdict: &Verdict, check: bool, columns: usize, paint: &Paint) {
    let word = outcome(&verdict.outcome);
    let blocks = if verdict.blocking { "blocks" } else { "does not block" };
    let title = format!("{} {}", one_line(&verdict.stage, 40), label(verdict, check));
    let mut title = wrap(&title, columns - 4).into_iter();
    let first = title.next().unwrap_or_default();
    out.push_str(&format!("\n{} {first}\n", paint.outcome(word, mark(word))));
    let mut lines: Vec<String> = title.collect();
    lines.push(format!("{word}, {blocks}: {}", one_line(&verdict.reason, 1500)));
    lines.extend(verdict.examples.iter().take(5).map(|example| format!("· {}", one_line(example, 300))));
    if verdict.examples.len() > 5 {
        lines.push(format!("· and {}", count(verdict.examples.len() - 5, "more example")));
    }
    lines.extend(advice(verdict).map(|advice| format!("→ {advice}")));
    for line in lines.iter().flat_map(|line| wrap(line, columns - 2)) {
        out.push_str(&format!("  {line}\n"));
    }
    for line in wrap(&super::particulars(verdict), columns - 2).iter().filter(|line| !line.is_empty()) {
        out.push_str(&format!("  {}\n", paint.dim(line)));
    }
}

/// Both sides on one line, where the terminal is wide enough.
fn bars(out: &mut String, drawn: &Drawn, columns: usize, paint: &Paint) {
    let sides = [format!("reference {}", drawn.reference), format!("current {}", drawn.current)];
    let line = sides.join(GAP);
    let lines = if width(&line) <= columns - 2 { vec![line] } else { sides.to_vec() };
    let last = lines.len() - 1;
    for (at, line) in lines.into_iter().enumerate() {
        let labels = if at == last { paint.dim(&drawn.labels) } else { String::new() };
        match width(&line) + GAP.len() + width(&drawn.labels) <= columns - 2 {
            true => out.push_str(format!("  {line}{GAP}{labels}").trim_end()),
            false => out.push_str(&format!("  {line}")),
        }
        out.push('\n');
    }
}

fn foot(out: &mut String, record: &Record, columns: usize, paint: &Paint) {
    let mut lines = vec![];
    if let Some(Image { repository, digest, bytes, pushed, tags, .. }) = &record.image {
        let pushed = if *pushed { "pushed" } else { "not pushed" };
        let size = Unit::Bytes.show(*bytes as f64);
        let tags = tags.iter().fold(String::new(), |all, tag| format!("{all} {}", one_line(tag, 128)));
        lines.push(format!("image {} ({size}, {pushed}){tags}", one_line(repository, 200)));
        lines.push(one_line(digest, 200));
    }
    let commit = record.run.commit.as_ref().map_or(String::new(), |commit| {
        format!("commit {}{} · ", super::short(&commit.sha), if commit.dirty { " with changes" } else { "" })
    });
    let version = one_line(&record.tool.version, 40);
    lines.push(format!("{commit}run {} · mlgate {version}", super::short(&record.run.hash)));
    out.push('\n');
    for line in lines.iter().flat_map(|line| wrap(line, columns)) {
        out.push_str(&format!("{}\n", paint.dim(&line)));
    }
}
