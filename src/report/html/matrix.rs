//! A confusion matrix as a table.

use crate::model::Unit;
use crate::record::wire::Chart;
use crate::report::text::one_line;
use serde::Serialize;

/// Classes at most; a record of ours has fewer.
const MOST: usize = 40;
/// Above so many classes the numbers are small.
const DENSE: usize = 8;
/// Per cent of the colour that a cell has whose class is always predicted so: text on it stays readable.
const TINT: f64 = 38.0;

#[derive(Serialize)]
pub struct Matrix {
    pub labels: Vec<String>,
    pub rows: Vec<Row>,
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
    change: String,
    hit: bool,
    tint: f64,
    title: String,
}

impl Matrix {
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
        Some(Matrix { rows, dense: size > DENSE, labels })
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
        chart.labels.push("maybe".into());
        assert!(Matrix::of(&chart).is_none());
    }
}
