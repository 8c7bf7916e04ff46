//! A table: one or more files of one format and schema, read as a stream of Arrow batches.

use super::csv::{self, CsvBatches};
use super::files::{self, DataFile, Watch};
use super::parquet::{self, ParquetBatches};
use crate::config::Format;
use crate::model::{Fault, Input};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An opened data set. Nothing of its rows is held in memory.
///
/// CSV files have a header line; a column's type is the narrowest that fits every value (int, float, bool, date,
/// timestamp, else text), and an empty field is a null. A column without any value is of Arrow's type Null.
#[derive(Clone, Debug)]
pub struct Table {
    files: Vec<DataFile>,
    paths: Vec<PathBuf>,
    format: Format,
    schema: SchemaRef,
    remarks: Vec<Option<String>>,
    watch: Arc<Watch>,
}

impl Table {
    /// Opens a file or a glob of files, relative to `root`.
    ///
    /// # Errors
    /// When there is no such file, a file cannot be read or is of no known format, or the files differ in their
    /// columns. CSV is read once from start to end, so every malformed row is found here, with file and line.
    pub fn open(root: &Path, source: &str, format: Option<Format>) -> Result<Table, Fault> {
        Table::open_watched(root, source, format, Arc::default())
    }

    /// As [`Table::open`], with a [`Watch`] that can stop every read of this table.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub fn open_watched(root: &Path, source: &str, format: Option<Format>, watch: Arc<Watch>) -> Result<Table, Fault> {
        let files = files::find(root, source)?;
        let format = match format {
            Some(format) => format,
            None => files::format_of(source, &files)?,
        };
        let (schema, remarks) = match format {
            Format::Csv => csv::schema(&files, &watch)?,
            Format::Parquet => {
                let schema = parquet::schema(&files)?;
                let none = vec![None; schema.fields().len()];
                (schema, none)
            }
            Format::Ndjson | Format::Arrow => {
                return Err(Fault::new(format!("read {source}"), "this format is not done yet", ""));
            }
        };
        let paths = files.iter().map(|file| file.path.clone()).collect();
        Ok(Table { files, paths, format, schema, remarks, watch })
    }

    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// In the order they are read: by name.
    pub fn files(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Why a CSV column is text: the first value that fits no other type, with file and line.
    pub fn remark(&self, column: &str) -> Option<&str> {
        let index = self.schema.index_of(column).ok()?;
        self.remarks.get(index)?.as_deref()
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// A scan over the rows, with the named columns in the order named; None for all.
    ///
    /// # Errors
    /// When a column is not in the table. A read error ends the iterator with a [`Fault`].
    pub fn batches(&self, columns: Option<&[String]>) -> Result<Batches, Fault> {
        let fields = match columns {
            None => self.schema.fields().to_vec(),
            Some(names) => names.iter().map(|name| self.field(name)).collect::<Result<_, _>>()?,
        };
        Ok(self.scan(fields))
    }

    /// As [`Table::batches`], with each column of a CSV file either as its type or, where asked, as the text that
    /// it was written as. One column may be asked for in both ways.
    ///
    /// # Errors
    /// As [`Table::batches`].
    pub fn batches_as(&self, columns: &[(String, Reading)]) -> Result<Batches, Fault> {
        let field = |(name, reading): &(String, Reading)| {
            let field = self.field(name)?;
            Ok(match (self.format, reading) {
                (Format::Csv, Reading::Text) => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
                _ => field,
            })
        };
        Ok(self.scan(columns.iter().map(field).collect::<Result<_, _>>()?))
    }

    fn scan(&self, fields: Vec<FieldRef>) -> Batches {
        Batches {
            waiting: self.files.clone().into_iter(),
            format: self.format,
            schema: Arc::new(Schema::new(fields)),
            watch: self.watch.clone(),
            current: None,
            file: String::new(),
            rows: 0,
            before: 0,
            done: false,
        }
    }

    /// What the table is made of, with the digest of every file's bytes.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn inputs(&self, kind: &str) -> Result<Vec<Input>, Fault> {
        self.files.iter().map(|file| files::digest(file, kind, &self.watch)).collect()
    }

    fn field(&self, name: &str) -> Result<FieldRef, Fault> {
        let index = self.schema.index_of(name).map_err(|_| {
            let first = self.files.first().map_or("", |file| &file.name);
            Fault::new(format!("read {first}"), format!("no column {name:?}"), missing_column(&self.schema, name))
        })?;
        Ok(self.schema.fields()[index].clone())
    }
}

/// How a column of a CSV file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Typed,
    Text,
}

/// What to say about a column that is not there: the nearest name, or those that are.
pub fn missing_column(schema: &Schema, name: &str) -> String {
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    if let [only] = names[..]
        && only.contains([';', '\t', '|'])
    {
        return format!("the only column is {only:?}: fields must be separated by commas");
    }
    let near = names.iter().map(|n| (strsim::jaro_winkler(&n.to_lowercase(), &name.to_lowercase()), n));
    match near.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((score, nearest)) if score > 0.8 => format!("did you mean {nearest:?}?"),
        _ if names.len() > 12 => format!("columns: {}, … ({} in all)", names[..12].join(", "), names.len()),
        _ => format!("columns: {}", names.join(", ")),
    }
}

type FileBatches = Box<dyn Iterator<Item = Result<RecordBatch, Fault>> + Send>;

/// A running scan, file after file.
pub struct Batches {
    waiting: std::vec::IntoIter<DataFile>,
    format: Format,
    schema: SchemaRef,
    watch: Arc<Watch>,
    current: Option<FileBatches>,
    file: String,
    rows: u64,
    before: u64,
    done: bool,
}

impl Batches {
    /// The columns of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Where the last batch came from: the file's name, and how many of its rows came before the batch.
    pub fn place(&self) -> (&str, u64) {
        (&self.file, self.before)
    }

    fn start(&self, file: &DataFile) -> Result<FileBatches, Fault> {
        Ok(match self.format {
            Format::Csv => Box::new(CsvBatches::open(file, &self.schema, &self.watch)?),
            Format::Parquet => Box::new(ParquetBatches::open(file, &self.schema)?),
            Format::Ndjson | Format::Arrow => {
                return Err(Fault::new(format!("read {}", file.name), "this format is not done yet", ""));
            }
        })
    }
}

impl Batches {
    fn advance(&mut self) -> Result<Option<RecordBatch>, Fault> {
        loop {
            if self.watch.stopped() {
                return Err(files::stopped(&self.file));
            }
            if let Some(batch) = self.current.as_mut().and_then(Iterator::next) {
                let batch = batch?;
                self.before = self.rows;
                self.rows += batch.num_rows() as u64;
                self.watch.add_rows(batch.num_rows() as u64);
                return Ok(Some(batch));
            }
            let Some(file) = self.waiting.next() else { return Ok(None) };
            (self.rows, self.before) = (0, 0);
            self.file.clone_from(&file.name);
            self.current = Some(self.start(&file)?);
        }
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let batch = self.advance().transpose();
        self.done = !matches!(batch, Some(Ok(_)));
        batch
    }
}

#[cfg(test)]
mod tests;
