//! Rows that cannot be used, gathered by column and fault, so that one message tells of all of them.

use super::column;
use super::ids::Units;
use crate::model::Fault;
use arrow::array::{Array, ArrayRef};

/// Rows named in a message.
const EXAMPLES: usize = 5;

/// Rows with one and the same fault: how many, and the first few.
#[derive(Default)]
struct Spoilt {
    count: u64,
    first: Vec<String>,
}

/// The rows read so far, and what is wrong with them.
pub struct Rows<'a> {
    source: &'a str,
    before: u64,
    /// By column and fault, in the order in which they were found.
    spoilt: Vec<(String, &'static str, Spoilt)>,
    /// The queries or items that the rows belong to; empty while rows are read, and for tasks without.
    pub units: Units,
}

impl<'a> Rows<'a> {
    pub fn new(source: &'a str) -> Rows<'a> {
        Rows { source, before: 0, spoilt: Vec::new(), units: Units::default() }
    }

    pub fn fault(&self, why: impl std::fmt::Display, hint: impl Into<String>) -> Fault {
        Fault::new(format!("read {}", self.source), why, hint)
    }

    /// Notes a fault of a row of the batch: `what` follows the column's name, `found` is the value.
    pub fn spoil(&mut self, column: &str, what: &'static str, row: usize, found: Option<&str>) {
        let row = self.before + row as u64 + 1;
        let place = self.spoilt.iter().position(|(c, w, _)| c == column && *w == what);
        let place = place.unwrap_or_else(|| {
            self.spoilt.push((column.to_string(), what, Spoilt::default()));
            self.spoilt.len() - 1
        });
        let spoilt = &mut self.spoilt[place].2;
        spoilt.count += 1;
        if spoilt.first.len() < EXAMPLES {
            spoilt.first.push(match found {
                Some(found) => format!("{row} ({})", found.chars().take(40).collect::<String>()),
                None => row.to_string(),
            });
        }
    }

    /// The batch is done.
    pub fn pass(&mut self, rows: usize) -> Result<(), Fault> {
        self.before += rows as u64;
        // Rows are numbered in 32 bits.
        match self.before > u64::from(u32::MAX) {
            true => Err(self.fault("it has more than 4,294,967,295 rows", "measure a sample of them")),
            false => Ok(()),
        }
    }

    /// A column of finite numbers; the rows where it is none are noted and hold NaN.
    pub fn numbers(&mut self, name: &str, column: &ArrayRef) -> Result<Vec<f64>, Fault> {
        let values = self.numbers_or_null(name, column)?;
        if !values.iter().all(|value| value.is_finite()) {
            let lost = column::no_numbers(column);
            for (row, value) in values.iter().enumerate().filter(|(_, value)| !value.is_finite()) {
                if value.is_infinite() {
                    self.spoil(name, "is infinite", row, None);
                } else if lost.binary_search(&row).is_err() {
                    self.spoil(name, "is null or NaN", row, None);
                }
            }
        }
        Ok(values)
    }

    /// A column of numbers, null as NaN; the rows where it is text that is no number are noted.
    pub fn numbers_or_null(&mut self, name: &str, column: &ArrayRef) -> Result<Vec<f64>, Fault> {
        let read = column::numbers(column).map_err(|why| self.fault(format!("column {name:?}: {why}"), ""))?;
        let lost = if read.null_count() > 0 { column::no_numbers(column) } else { Vec::new() };
        let shown = if lost.is_empty() { None } else { column::texts(column).ok() };
        for row in lost {
            let found = shown.as_ref().filter(|shown| shown.is_valid(row)).map(|shown| shown.value(row));
            self.spoil(name, "is no number", row, found);
        }
        Ok(match read.null_count() {
            0 => read.values().to_vec(),
            _ => read.iter().map(|value| value.unwrap_or(f64::NAN)).collect(),
        })
    }

    /// Every fault of the rows.
    pub fn finish(&self) -> Result<(), Vec<Fault>> {
        if self.before == 0 {
            return Err(vec![self.fault("it has no rows", "nothing can be measured on no predictions")]);
        }
        let faults: Vec<Fault> =
            self.spoilt.iter().map(|(column, what, spoilt)| self.of(column, what, spoilt)).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn of(&self, column: &str, what: &str, spoilt: &Spoilt) -> Fault {
        let rows = if spoilt.count == 1 { "row" } else { "rows" };
        let more = if spoilt.count > spoilt.first.len() as u64 { ", …" } else { "" };
        let (count, first) = (spoilt.count, spoilt.first.join(", "));
        let why = format!("column {column:?} {what} in {count} of {} rows: {rows} {first}{more}", self.before);
        self.fault(why, "fix or leave out these rows where the predictions are written")
    }
}
