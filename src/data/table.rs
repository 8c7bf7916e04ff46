//! A table: one or more files of one format and schema, read as a stream of Arrow batches.
//!
//! The types of CSV and NDJSON lie in their values alone. [`Table::open`] reads every value for them, so that its
//! schema holds. [`Table::guess`] reads the first blocks and goes by these; a scan that meets a value of a wider
//! type then ends with a fault, and [`Table::belied`] is true from there on. [`scan_exact`] does what must follow:
//! it opens the table anew by all values and runs the scan again. A guess that was not belied is the type that
//! [`Table::open`] would have found, for every column that the scan has read as [`Reading::Typed`]; nothing is
//! known of columns that no scan has read.

use super::format::{self, Wanted};
use super::partition::Partitions;
use super::pieces::{Piece, Pieces};
use super::source::{self, Found, Verified, Watch};
use crate::config::{CsvDialect, Dataset, Format, Tracker};
use crate::files::is_glob;
use crate::model::{Fault, Input};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An opened data set. Nothing of its rows is held in memory.
///
/// CSV files have a header line; a column's type is the narrowest that fits every value (int, float, bool, date,
/// timestamp, else text), and an empty field is a null. A column without any value is of Arrow's type Null.
#[derive(Clone, Debug)]
pub struct Table {
    found: Arc<Found>,
    paths: Vec<PathBuf>,
    format: Format,
    /// Columns of the files, and after them those that their folders make.
    schema: SchemaRef,
    in_files: SchemaRef,
    places: Arc<HashMap<String, usize>>,
    partitions: Arc<Partitions>,
    remarks: Vec<Option<String>>,
    options: Options,
    /// Set by a scan that met a value which the guessed type does not fit; None when nothing was guessed.
    belied: Option<Arc<AtomicBool>>,
}

/// How a table is opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// None: by the ending.
    pub format: Option<Format>,
    pub csv: CsvDialect,
    pub tracked_by: Option<Tracker>,
    /// Columns of which no value may be shown.
    pub private: Vec<String>,
    /// Can stop every read of the table.
    pub watch: Arc<Watch>,
}

impl Options {
    /// As `data:` says of this data set.
    pub fn of(set: &Dataset, watch: Arc<Watch>) -> Options {
        let (csv, tracked_by, private) = (set.csv.clone(), set.tracked_by.clone(), set.private.clone());
        Options { format: set.format, csv, tracked_by, private, watch }
    }
}

/// Runs `scan` over `table`, and once more over the table opened by all of its values if a guess was belied.
///
/// # Errors
/// When the table cannot be read for its exact types.
pub fn scan_exact<T>(table: &Table, mut scan: impl FnMut(&Table) -> T) -> Result<T, Fault> {
    let found = scan(table);
    match table.belied() {
        true => Ok(scan(&table.exact()?)),
        false => Ok(found),
    }
}

impl Table {
    /// Opens a file or a glob of files, relative to `root`.
    ///
    /// # Errors
    /// When there is no such file, a file cannot be read or is of no known format, or the files differ in their
    /// columns. CSV and NDJSON are read once from start to end, so every malformed row is found here, with file and line.
    pub fn open(root: &Path, source: &str, format: Option<Format>) -> Result<Table, Fault> {
        Table::open_watched(root, source, format, Arc::default())
    }

    /// As [`Table::open`], with a [`Watch`] that can stop every read of this table.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub fn open_watched(root: &Path, source: &str, format: Option<Format>, watch: Arc<Watch>) -> Result<Table, Fault> {
        Table::open_with(root, source, Options { format, watch, ..Options::default() })
    }

    /// As [`Table::open`].
    ///
    /// # Errors
    /// As [`Table::open`].
    pub fn open_with(root: &Path, source: &str, options: Options) -> Result<Table, Fault> {
        Table::find(root, source, options)?.exact()
    }

    /// Opens the table with types guessed from its first blocks; see the head of this module.
    ///
    /// # Errors
    /// As [`Table::open`], but that malformed rows of CSV and NDJSON are found by the scans.
    pub fn guess(root: &Path, source: &str, options: Options) -> Result<Table, Fault> {
        Table::find(root, source, options)?.known(false)
    }

    fn find(root: &Path, source: &str, options: Options) -> Result<Table, Fault> {
        let found = source::find(root, source, options.tracked_by.as_ref(), &options.watch)?;
        if is_glob(source) {
            Partitions::refuse_private(source, &found.files, &options.private)?;
        }
        let format = match options.format {
            Some(format) => format,
            None => source::format_of(source, &found.files)?,
        };
        let paths = found.files.iter().map(|file| file.path()).collect();
        let partitions = match is_glob(source) {
            true => Arc::new(Partitions::of(&found.files)?),
            false => Arc::default(),
        };
        let (schema, in_files) = (Arc::new(Schema::empty()), Arc::new(Schema::empty()));
        let (places, remarks, found) = (Arc::default(), Vec::new(), Arc::new(found));
        Ok(Table { found, paths, format, schema, in_files, places, partitions, remarks, options, belied: None })
    }

    /// A table that only its columns are known of, as an engine elsewhere tells them: it has no files.
    pub(super) fn of_schema(schema: SchemaRef, format: Format) -> Table {
        let remarks = vec![None; schema.fields().len()];
        let options = Options { format: Some(format), ..Options::default() };
        let places = Arc::new(schema.fields().iter().map(|field| field.name().clone()).zip(0..).collect());
        Table {
            found: Arc::default(),
            paths: Vec::new(),
            format,
            in_files: schema.clone(),
            schema,
            places,
            partitions: Arc::default(),
            remarks,
            options,
            belied: None,
        }
    }

    /// The same files with types taken from every value.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub fn exact(&self) -> Result<Table, Fault> {
        self.known(true)
    }

    fn known(&self, exact: bool) -> Result<Table, Fault> {
        let known = format::known(self.format, &self.found.files, &self.options, exact)?;
        let belied = (!known.certain).then(Arc::default);
        let in_files = known.schema;
        self.partitions.check(in_files.fields(), self.found.files.first().map_or("", |file| &file.name))?;
        let folders = self.partitions.fields.iter().cloned().map(Arc::new);
        let schema = Arc::new(Schema::new(in_files.fields().iter().cloned().chain(folders).collect::<Vec<_>>()));
        let places = Arc::new(schema.fields().iter().map(|field| field.name().clone()).zip(0..).collect());
        Ok(Table { schema, in_files, places, remarks: known.remarks, belied, ..self.clone() })
    }

    /// Whether a scan has met a value that a guessed type does not fit. Such a scan has ended with a fault, and
    /// what it found until then is void: open the table by [`Table::exact`] and scan again.
    pub fn belied(&self) -> bool {
        self.belied.as_ref().is_some_and(|belied| belied.load(Ordering::Relaxed))
    }

    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// In the order they are read: by name. A file on another machine has its address here; see [`Table::fetched`].
    pub fn files(&self) -> &[PathBuf] {
        &self.paths
    }

    /// As [`Table::files`], each of them on this machine's disk, for programs that read by themselves. Fetched files
    /// stay as long as they fit in what is kept of them.
    ///
    /// # Errors
    /// When a file cannot be fetched.
    pub fn fetched(&self) -> Result<Vec<PathBuf>, Fault> {
        let path = |file: &source::DataFile| {
            file.open().map_err(|e| Fault::new(format!("read {}", file.name), e, "")).map(|_| file.path())
        };
        self.found.files.iter().map(path).collect()
    }

    /// Why a CSV column is text: the first value that fits no other type, with file and line.
    pub fn remark(&self, column: &str) -> Option<&str> {
        let index = self.places.get(column)?;
        self.remarks.get(*index)?.as_deref()
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
        Ok(Batches::new(self.scan(fields, false)))
    }

    /// As [`Table::batches`], with each column of a CSV file either as its type or, where asked, as the text that
    /// it was written as. One column may be asked for in both ways.
    ///
    /// # Errors
    /// As [`Table::batches`].
    pub fn batches_as(&self, columns: &[(String, Reading)]) -> Result<Batches, Fault> {
        Ok(Batches::new(self.scan(self.fields(columns)?, false)))
    }

    /// As [`Table::batches_as`], where a column of text may come as a dictionary of 32-bit codes.
    ///
    /// # Errors
    /// As [`Table::batches`].
    pub fn batches_coded(&self, columns: &[(String, Reading)]) -> Result<Batches, Fault> {
        Ok(Batches::new(self.pieces(columns)?))
    }

    pub(super) fn pieces(&self, columns: &[(String, Reading)]) -> Result<Pieces, Fault> {
        Ok(self.scan(self.fields(columns)?, true))
    }

    fn fields(&self, columns: &[(String, Reading)]) -> Result<Vec<FieldRef>, Fault> {
        let field = |(name, reading): &(String, Reading)| {
            let field = self.field(name)?;
            Ok(match (self.format, reading) {
                (Format::Csv | Format::Ndjson, Reading::Text) => {
                    Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8))
                }
                _ => field,
            })
        };
        columns.iter().map(field).collect()
    }

    fn scan(&self, fields: Vec<FieldRef>, codes: bool) -> Pieces {
        let schema = Arc::new(Schema::new(fields));
        let (all, belied) = (self.in_files.clone(), self.belied.clone());
        let known = |field: &&FieldRef| self.places.get(field.name()).is_some_and(|at| *at < all.fields().len());
        let in_files = Schema::new(schema.fields().iter().filter(known).cloned().collect::<Vec<_>>());
        let wanted = Wanted { schema: Arc::new(in_files), all: all.clone(), codes, belied };
        Pieces::new(self.format, self.found.files.clone(), &self.options, wanted, schema, &self.partitions)
    }

    /// What the table is made of, with the digest of every file's bytes.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn inputs(&self, kind: &str) -> Result<Vec<Input>, Fault> {
        Ok(self.verify(kind)?.0)
    }

    /// As [`Table::inputs`], and whether the data set's tracker knows the files so; None without one.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn verify(&self, kind: &str) -> Result<(Vec<Input>, Option<Verified>), Fault> {
        self.found.verify(kind, &self.options.watch)
    }

    fn field(&self, name: &str) -> Result<FieldRef, Fault> {
        let index = self.places.get(name).ok_or_else(|| {
            let first = self.found.files.first().map_or("", |file| &file.name);
            Fault::new(format!("read {first}"), format!("no column {name:?}"), missing_column(&self.schema, name))
        })?;
        Ok(self.schema.field(*index).clone().into())
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

/// A running scan, file after file.
pub struct Batches {
    pieces: Pieces,
    piece: Option<Piece>,
    file: Arc<str>,
    rows: u64,
    before: u64,
    done: bool,
}

impl Batches {
    fn new(pieces: Pieces) -> Batches {
        Batches { pieces, piece: None, file: "".into(), rows: 0, before: 0, done: false }
    }

    /// The columns of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.pieces.schema()
    }

    /// Where the last batch came from: the file's name, and how many of its rows came before the batch.
    pub fn place(&self) -> (&str, u64) {
        (&self.file, self.before)
    }

    fn advance(&mut self) -> Result<Option<RecordBatch>, Fault> {
        loop {
            if let Some(batch) = self.piece.as_mut().and_then(Iterator::next) {
                let batch = batch?;
                self.before = self.rows;
                self.rows += batch.num_rows() as u64;
                return Ok(Some(batch));
            }
            let Some(piece) = self.pieces.next() else { return self.pieces.unchanged().map(|()| None) };
            let piece = piece?;
            // Two files may be of one name in messages, but pieces of one file share the very name.
            if !Arc::ptr_eq(&piece.file, &self.file) {
                (self.rows, self.before, self.file) = (0, 0, piece.file.clone());
            }
            self.piece = Some(piece);
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
