//! Columns that name rows, or groups of rows.

use super::column::{canonical, texts};
use super::faults::Rows;
use crate::model::Fault;
use crate::quality::join::{Index, id_of_number, id_of_text, numbered};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

pub struct Ids<'a> {
    column: &'a str,
    ids: Vec<u128>,
}

impl<'a> Ids<'a> {
    pub fn new(column: &'a str) -> Ids<'a> {
        Ids { column, ids: Vec::new() }
    }

    pub fn take(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        let name = self.column;
        let found = super::column(batch, name, rows)?;
        let is_whole = found.data_type().is_integer() && *found.data_type() != DataType::UInt64;
        if let Ok(numbers) = cast(&found, &DataType::Int64)
            && is_whole
            && numbers.null_count() == 0
        {
            self.ids.extend(numbers.as_primitive::<Int64Type>().values().iter().map(|number| id_of_number(*number)));
            return Ok(());
        }
        let values = texts(&found).map_err(|why| rows.fault(format!("column {name:?}: {why}"), ""))?;
        for (row, text) in values.iter().enumerate() {
            if text.is_none() {
                rows.spoil(name, "is null or NaN", row, None);
            }
            self.ids.push(id_of_text(&canonical(text.unwrap_or_default())));
        }
        Ok(())
    }

    pub fn finish(self) -> Vec<u128> {
        self.ids
    }

    /// Each row's group, by number.
    pub fn groups(self) -> Vec<u32> {
        numbered(&self.ids)
    }

    pub fn repeated(&self, rows: &Rows<'_>) -> Option<Fault> {
        if self.ids.is_sorted_by(|a, b| a < b) {
            return None;
        }
        let again = Index::of(&self.ids).1;
        let (second, first) = *again.first()?;
        let (count, column) = (again.len(), self.column);
        let why = format!(
            "{count} ids in column {column:?} repeat an earlier row's: row {} that of row {}",
            second + 1,
            first + 1
        );
        Some(rows.fault(why, "an id must name one row, or candidate and baseline cannot be joined"))
    }
}
