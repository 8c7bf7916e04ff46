//! A profile as a table for the terminal: a line a column.

use super::distribution;
use super::text::{harmless, one_line, width};
use crate::model::{ColumnKind, ColumnProfile, Numbers, Profile, Unit};
use anstyle::Style;

const HEADS: [&str; 7] = ["column", "kind", "nulls", "distinct", "min", "mean", "max"];
const BARS: usize = 12;

/// `distinct` holds the number of different values of each column, as far as it is known.
pub fn render(profile: &Profile, distinct: &[f64], color: bool, columns: usize) -> String {
    let rows: Vec<[String; 7]> =
        profile.columns.iter().zip(distinct).map(|(column, distinct)| cells(profile.rows, column, *distinct)).collect();
    let widths: Vec<usize> = (0..HEADS.len())
        .map(|at| rows.iter().map(|row| width(&row[at])).chain([width(HEADS[at])]).max().unwrap_or(0))
        .collect();
    let line = |cells: &[String], last: &str| -> String {
        let mut line = String::new();
        for (at, (cell, columns)) in cells.iter().zip(&widths).enumerate() {
            let pad = " ".repeat(columns.saturating_sub(width(cell)));
            // Words to the left, numbers to the right.
            line += &if at < 2 { format!("{cell}{pad}  ") } else { format!("{pad}{cell}  ") };
        }
        let left = columns.saturating_sub(width(&line));
        (line + &one_line(last, left.max(BARS))).trim_end().to_string()
    };
    let style = if color { Style::new().dimmed() } else { Style::new() };
    let rows_of = Unit::Count.show(profile.rows as f64);
    let mut out = format!("{}: {rows_of} rows, {} columns\n", one_line(&profile.dataset, 100), profile.columns.len());
    out += &format!("{style}{}{style:#}\n", line(&HEADS.map(String::from), "values"));
    for (column, cells) in profile.columns.iter().zip(&rows) {
        out += &format!("{}\n", line(cells, &values(column)));
    }
    out.lines().map(|line| harmless(line) + "\n").collect()
}

fn cells(rows: u64, column: &ColumnProfile, distinct: f64) -> [String; 7] {
    let seen = !matches!(column.kind, ColumnKind::Private | ColumnKind::Other) && column.count > 0;
    let about = if column.others > 0 { "~" } else { "" };
    let distinct = if seen { format!("{about}{}", Unit::Count.show(distinct.round())) } else { String::new() };
    let number = |of: fn(&Numbers) -> f64| match (&column.numbers, column.kind) {
        (Some(numbers), ColumnKind::Time) => moment(of(numbers)),
        (Some(numbers), _) => short(of(numbers)),
        (None, _) => String::new(),
    };
    [
        one_line(&column.name, 40),
        column.kind.name().to_string(),
        Unit::Share.show(column.nulls as f64 / rows.max(1) as f64),
        distinct,
        number(|n| n.min),
        number(|n| n.mean),
        number(|n| n.max),
    ]
}

/// The distribution of numbers as bars, the most frequent values of categories with their shares.
fn values(column: &ColumnProfile) -> String {
    let mut text = match (&column.numbers, column.kind) {
        (Some(numbers), _) => distribution::bars(&shares(&numbers.quantiles)),
        (None, ColumnKind::Category) => {
            let share =
                |count: u64| Unit::Share.show((count as f64 / column.count.max(1) as f64 * 1000.0).round() / 1e3);
            let named: Vec<String> = column
                .values
                .iter()
                .take(4)
                .map(|(value, n)| format!("{} {}", one_line(value, 24), share(*n)))
                .collect();
            let more = if column.values.len() > named.len() || column.others > 0 { ", …" } else { "" };
            named.join(", ") + more
        }
        _ => String::new(),
    };
    if column.not_finite > 0 {
        text += &format!(" {} not finite", Unit::Count.show(column.not_finite as f64));
    }
    text
}

/// Shares of equally wide bins from the smallest to the largest value, by quantiles equally spaced in rank.
fn shares(quantiles: &[f64]) -> Vec<f64> {
    let (Some(low), Some(high)) = (quantiles.first(), quantiles.last()) else { return Vec::new() };
    let steps = (quantiles.len() - 1).max(1) as f64;
    // The share of values up to x, linear between two quantiles.
    let below = |x: f64| {
        let at = quantiles.partition_point(|quantile| *quantile <= x);
        match (at.checked_sub(1).and_then(|before| quantiles.get(before)), quantiles.get(at)) {
            (Some(before), Some(after)) => (at as f64 - 1.0 + (x - before) / (after - before)) / steps,
            (None, _) => 0.0,
            (_, None) => 1.0,
        }
    };
    let edge = |i: usize| low + (high - low) * i as f64 / BARS as f64;
    (0..BARS)
        .map(|i| {
            let from = if i == 0 { 0.0 } else { below(edge(i)) };
            if i + 1 == BARS { 1.0 - from } else { below(edge(i + 1)) - from }
        })
        .collect()
}

/// Four significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        size if size != 0.0 && !(1e-4..1e9).contains(&size) => format!("{value:.3e}"),
        size => {
            let digits = 3 - (size.max(1e-4).log10().floor() as i32).min(3);
            let text = format!("{value:.*}", digits.max(0) as usize);
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
                false => text,
            }
        }
    }
}

/// Microseconds since 1970 as a date; a number where that is beyond the calendar.
fn moment(micros: f64) -> String {
    chrono::DateTime::from_timestamp_micros(micros as i64)
        .map_or_else(|| short(micros), |time| time.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(name: &str, quantiles: Vec<f64>) -> ColumnProfile {
        let numbers =
            Numbers { min: quantiles[0], max: quantiles[quantiles.len() - 1], mean: 36.25, squares: 1.0, quantiles };
        ColumnProfile {
            name: name.into(),
            kind: ColumnKind::Number,
            count: 90,
            nulls: 10,
            not_finite: 2,
            numbers: Some(numbers),
            values: Vec::new(),
            others: 90,
            registers: Vec::new(),
        }
    }

    #[test]
    fn a_profile_is_a_line_a_column() {
        let country = ColumnProfile {
            kind: ColumnKind::Category,
            nulls: 0,
            not_finite: 0,
            numbers: None,
            values: vec![("JP".into(), 60), ("U\nS".into(), 30)],
            others: 0,
            ..number("country", vec![0.0])
        };
        let private = ColumnProfile { kind: ColumnKind::Private, numbers: None, values: vec![], ..country.clone() };
        let private = ColumnProfile { name: "email".into(), ..private };
        let age = number("age", vec![18.0, 30.0, 42.0]);
        let profile = Profile { dataset: "train".into(), rows: 100, columns: vec![age, country, private] };
        let shown = render(&profile, &[52.0, 2.0, 0.0], false, 100);
        assert_eq!(
            shown,
            "train: 100 rows, 3 columns\n\
             column   kind      nulls  distinct  min   mean  max  values\n\
             age      number      10%       ~52   18  36.25   42  ████████████ 2 not finite\n\
             country  category     0%         2                   JP 66.7%, U S 33.3%\n\
             email    private      0%\n"
        );
        assert!(render(&profile, &[52.0, 2.0, 0.0], true, 100).contains("\u{1b}["));
    }

    #[test]
    fn shares_come_back_from_quantiles() {
        let quantiles: Vec<f64> = (0..=200).map(|i| f64::from(i) / 2.0).collect();
        assert!(shares(&quantiles).iter().all(|share| (share - 1.0 / 12.0).abs() < 1e-9));
        assert!((shares(&[0.0, 0.0, 0.0, 1.0]).iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!((shares(&[3.0]).iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in
            [(0.0, "0"), (36.25, "36.25"), (-1234.5, "-1234"), (1e12, "1.000e12"), (0.012_345, "0.01235")]
        {
            assert_eq!(short(value), text);
        }
        assert_eq!(moment(1_767_225_600_000_000.0), "2026-01-01");
    }
}
