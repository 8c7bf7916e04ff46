//! The formats of data sets. Each gives two things: the columns that its files have, and the parts of a file, in
//! the order of its rows, which workers read side by side.

pub(super) mod column;
mod csv;
mod ipc;
mod json;
mod ndjson;
mod nested;
mod parquet;
pub(super) mod parse;
mod text;

use super::source::DataFile;
use super::table::Options;
use crate::config::Format;
use crate::model::Fault;
use ::arrow::array::RecordBatch;
use ::arrow::datatypes::{DataType, Schema, SchemaRef};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The batches of one part.
pub(super) type Rows = Box<dyn Iterator<Item = Result<RecordBatch, Fault>> + Send>;
/// The parts of one file. Taking the next one is cheap where the format allows it; reading its rows is not.
pub(super) type Parts = Box<dyn Iterator<Item = Result<Rows, Fault>> + Send>;

/// The columns of a data set's files.
pub(super) struct Known {
    pub schema: SchemaRef,
    /// Why a column is text, where that is not plain.
    pub remarks: Vec<Option<String>>,
    /// Whether the types hold for every value, or are guessed from the first blocks.
    pub certain: bool,
}

/// What a scan shall read.
pub(super) struct Wanted {
    /// The columns asked for, in their order, with the types that they shall have.
    pub schema: SchemaRef,
    /// All columns of the files.
    pub all: SchemaRef,
    /// Whether text may come as a dictionary.
    pub codes: bool,
    /// To be set when a value does not fit a guessed type. None: the types hold.
    pub belied: Option<Arc<AtomicBool>>,
}

/// The columns that all `files` have, in the order of the first. `exact`: by every value, not the first blocks.
pub(super) fn known(format: Format, files: &[DataFile], options: &Options, exact: bool) -> Result<Known, Fault> {
    let footers = |schema: SchemaRef| {
        let remarks = vec![None; schema.fields().len()];
        Known { schema, remarks, certain: true }
    };
    match format {
        Format::Csv => csv::known(files, options, exact),
        Format::Parquet => parquet::schema(files).map(footers),
        Format::Ndjson => ndjson::known(files, options, exact),
        Format::Arrow => ipc::schema(files).map(footers),
    }
}

/// The parts of one file.
pub(super) fn parts(format: Format, file: &DataFile, wanted: &Arc<Wanted>, options: &Options) -> Result<Parts, Fault> {
    match format {
        Format::Csv => csv::parts(file, wanted, options),
        Format::Parquet => parquet::parts(file, wanted),
        Format::Ndjson => ndjson::parts(file, wanted, options),
        Format::Arrow => ipc::parts(file, wanted),
    }
}

/// What `next` gives until there is no more or it fails: nothing comes after a fault.
fn until_fault<T>(
    mut next: impl FnMut() -> Result<Option<T>, Fault> + Send + 'static,
) -> Box<dyn Iterator<Item = Result<T, Fault>> + Send> {
    let mut done = false;
    Box::new(std::iter::from_fn(move || {
        let given = if done { None } else { next().transpose() };
        done = !matches!(given, Some(Ok(_)));
        given
    }))
}

/// That the columns of a file are those of the first, in any order.
fn same_columns(first: &Schema, first_name: &str, found: &Schema, name: &str) -> Result<(), Fault> {
    let differ = |why: String| Fault::new(format!("read {name}"), why, "files of one data set share columns");
    let known: HashSet<&str> = first.fields().iter().map(|f| f.name().as_str()).collect();
    if let Some(extra) = found.fields().iter().find(|f| !known.contains(f.name().as_str())) {
        return Err(differ(format!("column {:?} is not in {first_name}", extra.name())));
    }
    let there: HashMap<&str, &DataType> = found.fields().iter().map(|f| (f.name().as_str(), f.data_type())).collect();
    for field in first.fields() {
        let Some(other) = there.get(field.name().as_str()) else {
            return Err(differ(format!("column {:?} of {first_name} is missing", field.name())));
        };
        if *other != field.data_type() {
            let (name, known) = (field.name(), field.data_type());
            return Err(differ(format!("column {name:?} is {other}, but {known} in {first_name}")));
        }
    }
    Ok(())
}

/// That no two columns of a file have one name.
fn distinct_names<'a>(names: impl Iterator<Item = &'a String>, name: &str, place: &str) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    for column in names {
        if !seen.insert(column) {
            let why = format!("{place}two columns are named {column:?}");
            return Err(Fault::new(format!("read {name}"), why, "give every column a name of its own"));
        }
    }
    Ok(())
}

const BATCH_ROWS: usize = 16_384;
/// Most values of a batch, by which files of many columns come in batches of few rows.
const BATCH_VALUES: usize = 1 << 18;

fn batch_rows(columns: usize) -> usize {
    (BATCH_VALUES / columns.max(1)).clamp(1, BATCH_ROWS)
}
