//! Attempts at items, an attempt a row: a judge's score, or whether it passed.

use super::column::{canonical, texts};
use super::faults::Rows;
use super::{ReadShape, Role, column};
use crate::config::Predictions;
use crate::model::Fault;
use crate::quality::outcomes::{Outcomes, Repeated};
use crate::stats::repeats::Item;
use arrow::array::{Array, RecordBatch};
use std::collections::HashSet;

/// Items named in a message.
const EXAMPLES: usize = 5;

pub fn roles(config: &Predictions) -> Vec<Role<'_>> {
    let score = config.score.iter().map(|column| Role::typed("score", column));
    let passed = config.detail.passed.iter().map(|column| Role::typed("passed", column));
    score.chain(passed).chain(config.detail.attempt.iter().map(|column| Role::typed("attempt", column))).collect()
}

pub struct Reader<'a> {
    config: &'a Predictions,
    scores: Vec<f64>,
    passed: Vec<bool>,
    attempts: Vec<String>,
}

impl<'a> Reader<'a> {
    pub fn new(config: &'a Predictions) -> Reader<'a> {
        Reader { config, scores: Vec::new(), passed: Vec::new(), attempts: Vec::new() }
    }

    /// Rows that repeat an attempt of their item, and items with a wrong number of attempts.
    fn complete(&self, rows: &Rows<'_>) -> Result<(), Fault> {
        let wanted = self.config.detail.repeat;
        let mut seen = HashSet::new();
        let attempts = rows.units.of_rows.iter().zip(&self.attempts).enumerate();
        let again: Vec<usize> = attempts.filter(|(_, at)| !seen.insert(*at)).map(|(row, _)| row + 1).collect();
        if let (Some(first), Some(column)) = (again.first(), &self.config.detail.attempt) {
            let why = format!(
                "{} rows repeat an attempt of column {column:?} that their item has already: row {first} is the first",
                again.len()
            );
            return Err(rows.fault(why, "an item has each attempt once"));
        }
        let mut found: Vec<(usize, usize)> = vec![(0, 0); rows.units.ids.len()];
        for (row, unit) in rows.units.of_rows.iter().enumerate() {
            if let Some((first, count)) = found.get_mut(*unit as usize) {
                *first = if *count == 0 { row + 1 } else { *first };
                *count += 1;
            }
        }
        let wrong: Vec<_> = found.iter().filter(|(_, count)| *count != wanted).collect();
        if wrong.is_empty() {
            return Ok(());
        }
        let shown = wrong.iter().take(EXAMPLES).map(|(first, count)| format!("that of row {first} has {count}"));
        let more = if wrong.len() > EXAMPLES { ", …" } else { "" };
        let why = format!(
            "{} of {} items have another number of attempts than `repeat: {wanted}`: {}{more}",
            wrong.len(),
            found.len(),
            shown.collect::<Vec<_>>().join(", ")
        );
        Err(rows.fault(why, "an attempt that broke off is a failed attempt: write it, too"))
    }
}

impl ReadShape for Reader<'_> {
    fn take(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        if let Some(name) = &self.config.score {
            self.scores.extend(rows.numbers(name, &column(batch, name, rows)?)?);
        }
        if let Some(name) = &self.config.detail.passed {
            let values = texts(&column(batch, name, rows)?);
            let values = values.map_err(|why| rows.fault(format!("column {name:?}: {why}"), ""))?;
            for (row, value) in values.iter().enumerate() {
                match value.map(canonical).as_deref() {
                    None => rows.spoil(name, "is null or NaN", row, None),
                    Some("0" | "1") => {}
                    Some(other) => rows.spoil(name, "is neither true nor false", row, Some(other)),
                }
                self.passed.push(value.map(canonical).as_deref() == Some("1"));
            }
        }
        if let Some(name) = &self.config.detail.attempt {
            let values = texts(&column(batch, name, rows)?);
            let values = values.map_err(|why| rows.fault(format!("column {name:?}: {why}"), ""))?;
            for row in (0..values.len()).filter(|row| values.is_null(*row)) {
                rows.spoil(name, "is null or NaN", row, None);
            }
            self.attempts.extend(values.iter().map(|value| canonical(value.unwrap_or_default()).into_owned()));
        }
        Ok(())
    }

    fn finish(self: Box<Self>, rows: &Rows<'_>) -> Result<Outcomes, Fault> {
        self.complete(rows)?;
        let detail = &self.config.detail;
        let mut items = vec![Item { scores: Vec::new(), passed: 0 }; rows.units.ids.len()];
        for (row, unit) in rows.units.of_rows.iter().enumerate() {
            let score = self.scores.get(row).copied();
            let passed = self.passed.get(row).copied();
            let passed = passed.or(score.map(|score| score >= self.config.threshold)).unwrap_or(false);
            if let Some(item) = items.get_mut(*unit as usize) {
                item.passed += usize::from(passed);
                // Without a judge's score the score of an attempt is whether it passed.
                item.scores.push(score.unwrap_or(f64::from(u8::from(passed))));
            }
        }
        Ok(Outcomes::Repeated(Repeated { items, ks: detail.k.clone(), pass: detail.pass }))
    }
}
