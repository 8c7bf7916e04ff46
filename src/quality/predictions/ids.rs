//! What joins the rows of candidate and baseline.

use super::column::{canonical, texts};
use super::faults::Rows;
use crate::model::Fault;
use arrow::array::{Array, RecordBatch};
use sha2::{Digest, Sha256};

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
        let values = texts(&found).map_err(|why| rows.fault(format!("column {name:?}: {why}"), ""))?;
        for row in 0..values.len() {
            if values.is_null(row) {
                rows.spoil(name, "is null or NaN", row, None);
            }
            let text = if values.is_null(row) { "" } else { values.value(row) };
            let digest = Sha256::digest(canonical(text).as_bytes());
            let short = digest.iter().take(16).fold(0, |id: u128, byte| (id << 8) | u128::from(*byte));
            self.ids.push(short);
        }
        Ok(())
    }

    pub fn finish(self) -> Vec<u128> {
        self.ids
    }

    pub fn repeated(&self, rows: &Rows<'_>) -> Option<Fault> {
        let mut order: Vec<(u128, usize)> = self.ids.iter().copied().zip(1..).collect();
        order.sort_unstable();
        let mut again: Vec<(usize, usize)> =
            order.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| (pair[0].1, pair[1].1)).collect();
        again.sort_unstable();
        let (first, second) = *again.first()?;
        let (count, column) = (again.len(), self.column);
        let why = format!("{count} ids in column {column:?} repeat an earlier row's: row {second} that of row {first}");
        Some(rows.fault(why, "an id must name one row, or candidate and baseline cannot be joined"))
    }
}
