//! A table in pieces that workers take one by one and read side by side.
//!
//! How a table is cut depends on its files alone, never on the number of workers: what is summed up piece by piece
//! and put together in their order comes out the same on every machine.
//!
//! Unlike [`Table::batches`], a column of text may come as a dictionary of 32-bit codes (`Dictionary(Int32, Utf8)`)
//! in some batches and as plain text in others, though the schema says Utf8: as it lies in the file.
//! [`Values`](super::values) tells the two apart.

use super::table::{Reading, Table};
use crate::model::Fault;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use std::sync::Arc;

/// The pieces of a scan, in the order of the table's rows. Taking the next one is cheap; reading it is not.
pub struct Pieces {
    schema: SchemaRef,
    waiting: std::vec::IntoIter<Piece>,
}

/// Consecutive rows of one file.
pub struct Piece {
    /// Counted from 0 over the whole table.
    pub index: usize,
    /// As messages name it.
    pub file: Arc<str>,
    batches: Box<dyn Iterator<Item = Result<RecordBatch, Fault>> + Send>,
}

impl Pieces {
    /// As [`Table::batches_as`].
    ///
    /// # Errors
    /// When a column is not in the table, or a file cannot be opened.
    pub fn of(table: &Table, columns: &[(String, Reading)]) -> Result<Pieces, Fault> {
        let batches = table.batches_as(columns)?;
        let schema = batches.schema();
        let file: Arc<str> = table.files().first().map_or("", |path| path.to_str().unwrap_or_default()).into();
        let whole = Piece { index: 0, file, batches: Box::new(batches) };
        Ok(Pieces { schema, waiting: vec![whole].into_iter() })
    }

    /// The columns of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl Iterator for Pieces {
    type Item = Result<Piece, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.waiting.next().map(Ok)
    }
}

impl Iterator for Piece {
    type Item = Result<RecordBatch, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.next()
    }
}
