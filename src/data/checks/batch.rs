//! One batch with what the checks share of it: each column is converted, and each filter applied, once.

use super::findings::PRIVATE;
use crate::data::filter::{self, Condition};
use crate::data::key::Keys;
use crate::data::values::{Values, show};
use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use std::cell::OnceCell;
use std::sync::Arc;

/// Most failing rows shown of one check.
pub(super) const EXAMPLES: usize = 5;

/// The rows of a batch, all or those that a filter leaves.
pub(super) struct Rows<'a> {
    batch: &'a RecordBatch,
    /// Which rows of the batch these are; None: all.
    picked: Option<(BooleanArray, Vec<u32>)>,
    arrays: Vec<OnceCell<ArrayRef>>,
    values: Vec<OnceCell<Values>>,
    /// Rows of the piece before this batch.
    before: u64,
    /// By column, whether its values must not be shown.
    private: &'a [bool],
}

impl<'a> Rows<'a> {
    pub fn new(batch: &'a RecordBatch, before: u64, private: &'a [bool]) -> Rows<'a> {
        let columns = batch.num_columns();
        let (arrays, values) = (vec![OnceCell::new(); columns], (0..columns).map(|_| OnceCell::new()).collect());
        Rows { batch, picked: None, arrays, values, before, private }
    }

    /// Those for which the condition is true.
    pub fn only(&self, condition: &Condition) -> Result<Rows<'a>, String> {
        let truth = self.evaluate(condition)?;
        let picked = match truth.nulls() {
            Some(valid) => BooleanArray::new(truth.values() & valid.inner(), None),
            None => truth,
        };
        let places = picked.values().set_indices_u32().collect();
        Ok(Rows { picked: Some((picked, places)), ..Rows::new(self.batch, self.before, self.private) })
    }

    pub fn evaluate(&self, condition: &Condition) -> Result<BooleanArray, String> {
        let private = condition.columns().any(|column| self.private.get(column) == Some(&true));
        filter::evaluate(condition, self.len(), |column| self.array(column))
            .map_err(|reason| if private { filter::without_values(reason) } else { reason })
    }

    pub fn len(&self) -> usize {
        self.picked.as_ref().map_or(self.batch.num_rows(), |(_, places)| places.len())
    }

    pub fn array(&self, column: usize) -> Result<&ArrayRef, String> {
        let Some((picked, _)) = &self.picked else { return Ok(self.batch.column(column)) };
        if let Some(array) = self.arrays[column].get() {
            return Ok(array);
        }
        let array = arrow::compute::filter(self.batch.column(column), picked).map_err(|e| e.to_string())?;
        Ok(self.arrays[column].get_or_init(|| array))
    }

    pub fn values(&self, column: usize) -> Result<&Values, String> {
        if let Some(values) = self.values[column].get() {
            return Ok(values);
        }
        let values = Values::of(self.array(column)?).map_err(|reason| match self.private.get(column) {
            Some(true) => "a value is out of the range that checks can hold".to_string(),
            _ => reason,
        })?;
        Ok(self.values[column].get_or_init(|| values))
    }

    pub fn keys(&self, columns: &[usize], days: bool) -> Result<Keys<'_>, String> {
        let pairs =
            columns.iter().map(|c| Ok((self.array(*c)?, self.values(*c)?))).collect::<Result<Vec<_>, String>>()?;
        Keys::new(self.len(), pairs.into_iter(), days)
    }

    /// A value as examples show it.
    pub fn shown(&self, column: usize, row: usize) -> String {
        match (self.private.get(column), self.array(column)) {
            (Some(false), Ok(array)) => show(array, row),
            (Some(false), Err(reason)) => reason,
            _ => PRIVATE.to_string(),
        }
    }

    pub fn example(&self, row: usize, columns: &[usize]) -> Example {
        let schema = self.batch.schema();
        let value = |c: &usize| format!("{} = {}", schema.field(*c).name(), self.shown(*c, row));
        let values = columns.iter().map(value).collect::<Vec<_>>().join(", ");
        let inside = self.picked.as_ref().and_then(|(_, places)| places.get(row)).map_or(row as u64, |p| u64::from(*p));
        Example { file: None, row: self.before + inside + 1, values }
    }
}

/// A row that fails.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Example {
    /// Where there are several files, which it is of.
    pub file: Option<Arc<str>>,
    /// Counted from 1, in its piece at first and in its file at last.
    pub row: u64,
    pub values: String,
}

impl Example {
    /// `row 17: age = 130`, counted from 1 without the header; with the file's name where there are several.
    pub fn words(&self) -> String {
        match &self.file {
            Some(file) => format!("{file} row {}: {}", self.row, self.values),
            None => format!("row {}: {}", self.row, self.values),
        }
    }
}

/// The first rows that fail.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Examples(Vec<Example>);

impl Examples {
    pub fn note(&mut self, rows: &Rows, failing: impl Iterator<Item = usize>, columns: &[usize]) {
        let room = EXAMPLES.saturating_sub(self.0.len());
        self.0.extend(failing.take(room).map(|row| rows.example(row, columns)));
    }

    pub fn push(&mut self, example: Example) {
        if !self.full() {
            self.0.push(example);
        }
    }

    pub fn full(&self) -> bool {
        self.0.len() >= EXAMPLES
    }

    /// Adds those of a later piece, which begins after so many rows of its file.
    pub fn append(&mut self, later: Examples, place: &Place) {
        later.0.into_iter().for_each(|example| self.push(place.settle(example)));
    }

    pub fn words(&self) -> Vec<String> {
        self.0.iter().map(Example::words).collect()
    }
}

/// Where a piece lies.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// None when there is but one file.
    pub file: Option<Arc<str>>,
    /// Rows of the file before the piece.
    pub before: u64,
}

impl Place {
    pub fn settle(&self, example: Example) -> Example {
        Example { file: self.file.clone(), row: self.before + example.row, ..example }
    }
}
