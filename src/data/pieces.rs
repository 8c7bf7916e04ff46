//! A table in pieces that workers take one by one and read side by side.
//!
//! How a table is cut depends on its files alone, never on the number of workers: what is summed up piece by piece
//! and put together in their order comes out the same on every machine. Nothing is read ahead of the workers.
//!
//! Unlike [`Table::batches`], a column of text may come as a dictionary of 32-bit codes (`Dictionary(Int32, Utf8)`)
//! in some batches and as plain text in others, though the schema says Utf8: as it lies in the file.
//! [`Values`](super::values) tells the two apart.

use super::files::{DataFile, Watch, stopped};
use super::format::{self, Parts, Rows, Wanted};
use super::table::{Options, Reading, Table};
use crate::config::Format;
use crate::model::Fault;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use std::sync::Arc;

/// The pieces of a scan, in the order of the table's rows. Taking the next one is cheap; reading it is not.
pub struct Pieces {
    format: Format,
    options: Options,
    wanted: Arc<Wanted>,
    waiting: std::vec::IntoIter<DataFile>,
    current: Option<(Arc<str>, Parts)>,
    next: usize,
    done: bool,
}

/// Consecutive rows of one file.
pub struct Piece {
    /// Counted from 0 over the whole table.
    pub index: usize,
    /// As messages name it.
    pub file: Arc<str>,
    rows: Rows,
    watch: Arc<Watch>,
}

impl Pieces {
    /// As [`Table::batches_as`].
    ///
    /// # Errors
    /// When a column is not in the table. A file that cannot be opened ends the iterator with a [`Fault`].
    pub fn of(table: &Table, columns: &[(String, Reading)]) -> Result<Pieces, Fault> {
        table.pieces(columns)
    }

    pub(super) fn new(format: Format, files: Vec<DataFile>, options: Options, wanted: Wanted) -> Pieces {
        let wanted = Arc::new(wanted);
        Pieces { format, options, wanted, waiting: files.into_iter(), current: None, next: 0, done: false }
    }

    /// The columns of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.wanted.schema.clone()
    }

    fn advance(&mut self) -> Result<Option<Piece>, Fault> {
        loop {
            if let Some((file, parts)) = &mut self.current {
                if self.options.watch.stopped() {
                    return Err(stopped(file));
                }
                if let Some(rows) = parts.next() {
                    let (index, file, watch) = (self.next, file.clone(), self.options.watch.clone());
                    self.next += 1;
                    return Ok(Some(Piece { index, file, rows: rows?, watch }));
                }
            }
            let Some(file) = self.waiting.next() else { return Ok(None) };
            if self.options.watch.stopped() {
                return Err(stopped(&file.name));
            }
            let parts = format::parts(self.format, &file, &self.wanted, &self.options)?;
            self.current = Some((file.name.into(), parts));
        }
    }
}

impl Iterator for Pieces {
    type Item = Result<Piece, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let piece = self.advance().transpose();
        self.done = !matches!(piece, Some(Ok(_)));
        piece
    }
}

impl Iterator for Piece {
    type Item = Result<RecordBatch, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.watch.stopped() {
            return Some(Err(stopped(&self.file)));
        }
        let batch = self.rows.next()?;
        if let Ok(batch) = &batch {
            self.watch.add_rows(batch.num_rows() as u64);
        }
        Some(batch)
    }
}
