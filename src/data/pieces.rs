//! A table in pieces that workers take one by one and read side by side.
//!
//! How a table is cut depends on its files alone, never on the number of workers: what is summed up piece by piece
//! and put together in their order comes out the same on every machine. Nothing is read ahead of the workers.
//!
//! Unlike [`Table::batches`], a column of text may come as a dictionary of 32-bit codes (`Dictionary(Int32, Utf8)`)
//! in some batches and as plain text in others, though the schema says Utf8: as it lies in the file.
//! [`Values`](super::values) tells the two apart.

use super::format::{self, Parts, Rows, Wanted};
use super::partition::{Partitions, repeat};
use super::source::{DataFile, Watch, stopped};
use super::table::{Options, Reading, Table};
use crate::config::Format;
use crate::model::Fault;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use std::sync::Arc;

/// The pieces of a scan, in the order of the table's rows. Taking the next one is cheap; reading it is not.
pub struct Pieces {
    format: Format,
    options: Options,
    wanted: Arc<Wanted>,
    schema: SchemaRef,
    partitions: Arc<Partitions>,
    files: Vec<DataFile>,
    waiting: std::iter::Enumerate<std::vec::IntoIter<DataFile>>,
    current: Option<(Arc<str>, Option<Arc<Layout>>, Parts)>,
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
    layout: Option<Arc<Layout>>,
    watch: Arc<Watch>,
}

/// How batches of a file become those asked for, where some columns come from the folders that it lies in.
struct Layout {
    schema: SchemaRef,
    /// For each column its only value, or None where it is the next one in the file.
    columns: Vec<Option<ArrayRef>>,
}

impl Pieces {
    /// As [`Table::batches_as`].
    ///
    /// # Errors
    /// When a column is not in the table. A file that cannot be opened ends the iterator with a [`Fault`].
    pub fn of(table: &Table, columns: &[(String, Reading)]) -> Result<Pieces, Fault> {
        table.pieces(columns)
    }

    pub(super) fn new(
        format: Format,
        files: Vec<DataFile>,
        options: &Options,
        wanted: Wanted,
        schema: SchemaRef,
        partitions: &Arc<Partitions>,
    ) -> Pieces {
        let waiting = files.clone().into_iter().enumerate();
        let (options, wanted, partitions) = (options.clone(), Arc::new(wanted), partitions.clone());
        Pieces { format, options, wanted, schema, partitions, files, waiting, current: None, next: 0, done: false }
    }

    /// The columns of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// That the files are still those that were opened.
    pub(super) fn unchanged(&self) -> Result<(), Fault> {
        self.files.iter().try_for_each(DataFile::unchanged)
    }

    fn layout(&self, file: usize) -> Option<Arc<Layout>> {
        if self.schema.fields().len() == self.wanted.schema.fields().len() {
            return None;
        }
        let value = |field: &FieldRef| self.partitions.value(file, field.name(), field.data_type());
        let columns = self.schema.fields().iter().map(value).collect();
        Some(Arc::new(Layout { schema: self.schema.clone(), columns }))
    }

    fn advance(&mut self) -> Result<Option<Piece>, Fault> {
        loop {
            if let Some((file, layout, parts)) = &mut self.current {
                if self.options.watch.stopped() {
                    return Err(stopped(file));
                }
                if let Some(rows) = parts.next() {
                    let (index, file, watch) = (self.next, file.clone(), self.options.watch.clone());
                    self.next += 1;
                    return Ok(Some(Piece { index, file, rows: rows?, layout: layout.clone(), watch }));
                }
            }
            let Some((index, file)) = self.waiting.next() else { return Ok(None) };
            if self.options.watch.stopped() {
                return Err(stopped(&file.name));
            }
            let parts = format::parts(self.format, &file, &self.wanted, &self.options)?;
            self.current = Some((file.name.into(), self.layout(index), parts));
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
        Some(batch.and_then(|batch| {
            self.watch.add_rows(batch.num_rows() as u64);
            match &self.layout {
                None => Ok(batch),
                Some(layout) => {
                    layout.arrange(&batch).map_err(|why| Fault::new(format!("read {}", self.file), why, ""))
                }
            }
        }))
    }
}

impl Layout {
    fn arrange(&self, batch: &RecordBatch) -> Result<RecordBatch, String> {
        let mut in_file = batch.columns().iter();
        let (mut columns, mut fields) = (Vec::new(), Vec::new());
        for (field, value) in self.schema.fields().iter().zip(&self.columns) {
            let column = match value {
                Some(value) => repeat(value, batch.num_rows())?,
                None => in_file.next().ok_or("a column is gone")?.clone(),
            };
            fields.push(field.as_ref().clone().with_data_type(column.data_type().clone()));
            columns.push(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let schema = Arc::new(Schema::new(fields));
        RecordBatch::try_new_with_options(schema, columns, &options).map_err(|e| e.to_string())
    }
}
