//! How much each row counts.

use super::faults::Rows;
use crate::model::Fault;
use arrow::array::RecordBatch;

pub struct Weights<'a> {
    column: &'a str,
    weights: Vec<f64>,
}

impl<'a> Weights<'a> {
    pub fn new(column: &'a str) -> Weights<'a> {
        Weights { column, weights: Vec::new() }
    }

    pub fn take(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        let name = self.column;
        let weights = rows.numbers(name, &super::column(batch, name, rows)?)?;
        for (row, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight < 0.0) {
            rows.spoil(name, "is below zero, which no weight is,", row, Some(&weight.to_string()));
        }
        self.weights.extend(weights);
        Ok(())
    }

    /// # Errors
    /// When no row counts.
    pub fn finish(self, rows: &Rows<'_>) -> Result<Vec<f64>, Fault> {
        match self.weights.iter().all(|weight| *weight == 0.0) {
            true => Err(rows.fault(format!("every weight in column {:?} is zero", self.column), "no row would count")),
            false => Ok(self.weights),
        }
    }
}
