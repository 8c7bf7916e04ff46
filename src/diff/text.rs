//! The difference for people at a terminal: an object a paragraph, a field a line, old → new.

use super::Report;
use crate::kube::diff::{Change, Difference, Field, on_a_line};
use crate::kustomize::{Output, Value};
use crate::report::text::{harmless, one_line, width};
use anstyle::{AnsiColor, Style};

/// Characters of a value that are shown.
const LONGEST: usize = 400;
/// Lines of a text that differ and are shown.
const MOST_LINES: usize = 40;

pub fn render(report: &Report, color: bool, columns: usize) -> String {
    let lines = lines(report, columns);
    let style = |mark: Mark| match mark {
        Mark::Title => Style::new().bold(),
        Mark::Added => Style::new().fg_color(Some(AnsiColor::Green.into())),
        Mark::Removed => Style::new().fg_color(Some(AnsiColor::Red.into())),
        Mark::Changed => Style::new().fg_color(Some(AnsiColor::Yellow.into())).bold(),
        Mark::Dim => Style::new().dimmed(),
        Mark::Plain => Style::new(),
    };
    let mut out = String::new();
    for (mark, line) in lines {
        let line = harmless(&line);
        let style = style(mark);
        match color && !line.is_empty() && mark != Mark::Plain {
            true => out.push_str(&format!("{style}{line}{style:#}\n")),
            false => out.push_str(&format!("{line}\n")),
        }
    }
    out
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Title,
    Added,
    Removed,
    Changed,
    Dim,
    Plain,
}

fn lines(report: &Report, columns: usize) -> Vec<(Mark, String)> {
    let title = format!("{}: {}", report.environment.name, one_line(&report.title(), LONGEST));
    let mut lines = vec![(Mark::Title, title)];
    lines.extend(report.remark().map(|remark| (Mark::Dim, one_line(&remark, LONGEST))));
    for difference in &report.differences {
        lines.push((Mark::Plain, String::new()));
        lines.extend(object(difference, columns));
    }
    lines.push((Mark::Plain, String::new()));
    let summary = match report.differences.is_empty() {
        true => format!("no difference, {} unchanged", report.unchanged),
        false => report.summary(),
    };
    lines.push((Mark::Dim, summary));
    lines
}

/// `Deployment churn in churn-prod`, with the name before where its hash changed
pub(super) fn heading(difference: &Difference) -> String {
    let Difference { kind, name, namespace, .. } = difference;
    let place = if namespace.is_empty() { String::new() } else { format!(" in {namespace}") };
    let was = difference.name_before.as_ref().map(|was| format!(" (was {was})")).unwrap_or_default();
    one_line(&format!("{kind} {name}{place}{was}"), LONGEST)
}

fn object(difference: &Difference, columns: usize) -> Vec<(Mark, String)> {
    let heading = heading(difference);
    match &difference.change {
        Change::Added => {
            let mut lines = vec![(Mark::Added, format!("+ {heading}"))];
            lines.extend(body(difference).into_iter().map(|line| (Mark::Added, format!("    {line}"))));
            lines
        }
        Change::Removed => vec![(Mark::Removed, format!("- {heading}"))],
        Change::Changed(fields) => {
            let mut lines = vec![(Mark::Changed, format!("~ {heading}"))];
            lines.extend(fields.iter().flat_map(|field| of_field(field, columns)));
            lines
        }
    }
}

/// The YAML of an object, secret values taken out, safe to print.
pub(super) fn body(difference: &Difference) -> Vec<String> {
    let yaml = Output { resources: vec![difference.object.clone()] }.to_yaml();
    yaml.lines().map(printable).collect()
}

fn of_field(field: &Field, columns: usize) -> Vec<(Mark, String)> {
    let path = one_line(&field.path, LONGEST);
    let show = |value: &Value| on_a_line(value, LONGEST);
    match (&field.old, &field.new) {
        (Some(old), Some(new)) => {
            if let Some(changed) = texts(old, new) {
                let mut lines = vec![(Mark::Plain, format!("    {path}:"))];
                lines.extend(changed);
                return lines;
            }
            let (old, new) = (show(old), show(new));
            let line = format!("    {path}: {old} → {new}");
            if width(&line) <= columns {
                return vec![(Mark::Plain, line)];
            }
            vec![
                (Mark::Plain, format!("    {path}:")),
                (Mark::Removed, format!("      - {old}")),
                (Mark::Added, format!("      + {new}")),
            ]
        }
        (None, Some(new)) => vec![(Mark::Added, format!("  + {path}: {}", show(new)))],
        (Some(old), None) => vec![(Mark::Removed, format!("  - {path}: {}", show(old)))],
        (None, None) => Vec::new(),
    }
}

/// Of two texts of several lines, the lines between those that are the same at both ends.
fn texts(old: &Value, new: &Value) -> Option<Vec<(Mark, String)>> {
    let (old, new) = (old.as_str()?, new.as_str()?);
    if !old.trim_end().contains('\n') && !new.trim_end().contains('\n') {
        return None;
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - same;
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count().min(most);
    let side = |mark: Mark, sign: &str, lines: &[&str]| {
        let mut shown: Vec<(Mark, String)> = lines
            .iter()
            .take(MOST_LINES)
            .enumerate()
            .map(|(at, line)| (mark, format!("      {:>4} {sign} {}", same + at + 1, printable(line))))
            .collect();
        if lines.len() > MOST_LINES {
            shown.push((mark, format!("           and {} lines more", lines.len() - MOST_LINES)));
        }
        shown
    };
    let mut all = side(Mark::Removed, "-", &old[same..old.len() - tail]);
    all.extend(side(Mark::Added, "+", &new[same..new.len() - tail]));
    if all.is_empty() {
        all.push((Mark::Dim, "      only the line break at its end".into()));
    }
    Some(all)
}

/// A line as it is, its indentation kept, without what could steer a terminal.
fn printable(line: &str) -> String {
    let start = line.len() - line.trim_start_matches(' ').len();
    format!("{}{}", &line[..start], one_line(&line[start..], LONGEST))
}

/// The lines of an object as a block of the language `diff`.
pub(super) fn as_diff(difference: &Difference) -> Vec<String> {
    let sign = |(mark, line): (Mark, String)| match mark {
        Mark::Added => format!("+ {}", line.trim_start().trim_start_matches("+ ")),
        Mark::Removed => format!("- {}", line.trim_start().trim_start_matches("- ")),
        _ => format!("  {}", line.trim_start()),
    };
    match &difference.change {
        Change::Added => body(difference).into_iter().map(|line| format!("+ {line}")).collect(),
        Change::Removed => Vec::new(),
        Change::Changed(fields) => fields.iter().flat_map(|field| of_field(field, 160)).map(sign).collect(),
    }
}
