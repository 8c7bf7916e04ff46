//! A confusion matrix as a table: rows are true classes, columns what was predicted.

use super::terminal::Paint;
use super::text::{one_line, width};
use crate::model::Unit;
use crate::record::wire::{Chart, Record};
use serde::Serialize;

/// Classes at most; a record of ours has fewer.
const MOST: usize = 40;
/// Above so many classes the numbers are small, and comments and terminals have no room.
const DENSE: usize = 8;
/// What stands in the corner.
const CORNER: &str = "true ↓  predicted →";
const GAP: &str = "  ";
/// Characters of a label in a terminal.
const LABEL: usize = 20;
/// Per cent of the colour that a cell has whose class is always predicted so: text on it stays readable.
const TINT: f64 = 38.0;

#[derive(Serialize)]
pub struct Matrix {
    pub labels: Vec<String>,
    pub rows: Vec<Row>,
    /// Whether there is a baseline's beside it.
    compared: bool,
    dense: bool,
}

#[derive(Serialize)]
pub struct Row {
    pub label: String,
    pub cells: Vec<Cell>,
}

#[derive(Serialize)]
pub struct Cell {
    /// Empty where no row is.
    pub n: String,
    /// Against the baseline: `(+2)`.
    pub change: String,
    pub hit: bool,
    tint: f64,
    title: String,
}

impl Matrix {
    /// That of the record, where it has one of few classes.
    pub fn small(record: &Record) -> Option<Matrix> {
        let chart = record.charts.iter().find(|chart| chart.id == "quality.confusion_matrix")?;
        Matrix::of(chart).filter(|matrix| !matrix.dense)
    }

    /// The table in characters, changes in a column of their own beside the counts; hits are bold. Empty where `columns`
    /// are too few.
    ///
    /// ```text
    /// true ↓  predicted →   no       yes
    /// no                   131 (-1)    4 (+1)
    /// yes                    6        87
    /// ```
    pub fn lines(&self, columns: usize, paint: &Paint) -> Vec<String> {
        let labels: Vec<String> = self.labels.iter().map(|label| one_line(label, LABEL)).collect();
        let first = labels.iter().map(|label| width(label)).max().unwrap_or(0).max(width(CORNER));
        let cells = |at: usize| self.rows.iter().map(move |row| &row.cells[at]);
        let widths: Vec<(usize, usize)> = (0..labels.len())
            .map(|at| {
                let n = cells(at).map(|cell| width(&cell.n)).max().unwrap_or(0).max(width(&labels[at]));
                let change = cells(at).map(|cell| width(&cell.change)).max().unwrap_or(0);
                (n, if change > 0 { change + 1 } else { 0 })
            })
            .collect();
        let all = first + widths.iter().map(|(n, change)| GAP.len() + n + change).sum::<usize>();
        if all > columns {
            return Vec::new();
        }
        let right = |text: &str, to: usize| format!("{}{text}", " ".repeat(to.saturating_sub(width(text))));
        let left = |text: &str, to: usize| format!("{text}{}", " ".repeat(to.saturating_sub(width(text))));
        let heads = labels.iter().zip(&widths).map(|(label, (n, change))| right(label, *n) + &" ".repeat(*change));
        let heads = heads.fold(left(CORNER, first), |line, head| line + GAP + &head);
        let mut lines = vec![paint.dim(heads.trim_end())];
        for (label, row) in labels.iter().zip(&self.rows) {
            let mut line = left(label, first);
            for (cell, (n, change)) in row.cells.iter().zip(&widths) {
                let count = if cell.n.is_empty() { "·" } else { &cell.n };
                let pad = " ".repeat(n.saturating_sub(width(count)));
                let count = if cell.hit { paint.bold(count) } else { count.to_string() };
                let change = if *change > 0 { left(&format!(" {}", cell.change), *change) } else { String::new() };
                line.push_str(&format!("{GAP}{pad}{count}{change}"));
            }
            lines.push(line.trim_end().to_string());
        }
        lines
    }

    /// None where the record does not hold as many numbers as its classes need.
    pub fn of(chart: &Chart) -> Option<Matrix> {
        let size = chart.labels.len();
        let of = |columns: &std::collections::BTreeMap<String, Vec<f64>>| {
            let rows = columns.get("rows").filter(|rows| rows.len() == size * size)?;
            rows.iter().all(|n| n.is_finite() && *n >= 0.0).then(|| rows.clone())
        };
        if !(2..=MOST).contains(&size) {
            return None;
        }
        let (ours, theirs) = (of(&chart.candidate)?, chart.baseline.as_ref().and_then(of));
        let labels: Vec<String> = chart.labels.iter().map(|label| one_line(label, 40)).collect();
        let row = |truth: usize| {
            let total: f64 = ours[truth * size..(truth + 1) * size].iter().sum();
            let cell = |said: usize| {
                let n = ours[truth * size + said];
                let share = if total > 0.0 { n / total } else { 0.0 };
                let change = theirs.as_ref().map_or(0.0, |theirs| n - theirs[truth * size + said]);
                Cell {
                    n: if n > 0.0 { Unit::Count.show(n) } else { String::new() },
                    change: if change == 0.0 {
                        String::new()
                    } else {
                        format!("({})", Unit::Count.show_difference(change))
                    },
                    hit: truth == said,
                    tint: (share * TINT * 10.0).round() / 10.0,
                    title: format!(
                        "true {}, predicted {}: {}, {} of the true",
                        labels[truth],
                        labels[said],
                        Unit::Count.show(n),
                        Unit::Share.show(share)
                    ),
                }
            };
            Row { label: labels[truth].clone(), cells: (0..size).map(cell).collect() }
        };
        let rows = (0..size).map(row).collect();
        Some(Matrix { rows, compared: theirs.is_some(), dense: size > DENSE, labels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_tell_the_change() {
        let side = |rows: &[f64]| [("rows".to_string(), rows.to_vec())].into();
        let mut chart = Chart {
            id: "quality.confusion_matrix".into(),
            source: String::new(),
            rows: 10,
            labels: vec!["no".into(), "yes".into()],
            candidate: side(&[5.0, 0.0, 1.0, 4.0]),
            baseline: Some(side(&[5.0, 0.0, 2.0, 3.0])),
        };
        let matrix = Matrix::of(&chart).unwrap();
        let cells: Vec<(&str, &str)> =
            matrix.rows.iter().flat_map(|r| &r.cells).map(|c| (c.n.as_str(), c.change.as_str())).collect();
        assert_eq!(cells, [("5", ""), ("", ""), ("1", "(-1)"), ("4", "(+1)")]);
        let lines = matrix.lines(80, &Paint { color: false });
        assert_eq!(
            lines,
            [
                "true ↓  predicted →  no       yes",
                "no                    5         ·",
                "yes                   1 (-1)    4 (+1)"
            ]
        );
        assert!(matrix.lines(30, &Paint { color: false }).is_empty());
        chart.labels.push("maybe".into());
        assert!(Matrix::of(&chart).is_none());
    }
}
