//! Parquet: the footer tells the columns; batches are decoded page by page, only of the columns asked for.

use super::{Parts, Rows, Wanted, distinct_names, same_columns};
use crate::data::files::DataFile;
use crate::model::Fault;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

const BATCH_ROWS: usize = 8192;

/// The file's types as Parquet itself names them. The Arrow schema that some writers embed is left aside, so
/// that dictionary, large and view strings all read as strings, whoever wrote the file.
fn open(file: &DataFile) -> Result<ParquetRecordBatchReaderBuilder<File>, Fault> {
    let raw = file.open().map_err(|e| fault(file, e))?;
    let length = raw.metadata().map_err(|e| fault(file, e))?.len();
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = guarded(file, || ParquetRecordBatchReaderBuilder::try_new_with_options(raw, options))?;
    for chunk in builder.metadata().row_groups().iter().flat_map(RowGroupMetaData::columns) {
        let (start, size) =
            (chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset()), chunk.compressed_size());
        let foreign = match chunk.compression() {
            Compression::BROTLI(_) => Some("brotli"),
            Compression::LZO => Some("lzo"),
            _ => None,
        };
        if let Some(codec) = foreign {
            let why = format!("column {} is compressed by {codec}, which mlgate does not read", chunk.column_path());
            return Err(Fault {
                hint: "write it with zstd, snappy, gzip, lz4 or none".to_string(),
                ..fault(file, why)
            });
        }
        let end = start.checked_add(size).and_then(|end| u64::try_from(end).ok());
        if start < 0 || size < 0 || end.is_none_or(|end| end > length) {
            let column = chunk.column_path();
            return Err(fault(file, format!("its footer is damaged: column {column} lies outside of the file")));
        }
    }
    Ok(builder)
}

/// The decoder panics on some damaged pages. That is caught and becomes what it is: a file that cannot be read.
fn guarded<T>(file: &DataFile, read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, Fault> {
    match std::panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|e| fault(file, e)),
        Err(_) => Err(fault(file, "its pages are damaged")),
    }
}

fn fault(file: &DataFile, why: impl std::fmt::Display) -> Fault {
    // The layers of readers each put their name before the reason.
    let why = why.to_string();
    let layers = ["External: ", "Parquet argument error: ", "Parquet error: "];
    let why = layers.iter().fold(why.as_str(), |why, layer| why.strip_prefix(layer).unwrap_or(why));
    Fault::new(format!("read {}", file.name), why, "check that the file is Parquet and was written to its end")
}

/// The columns that all `files` have, in the order of the first.
pub(super) fn schema(files: &[DataFile]) -> Result<SchemaRef, Fault> {
    let mut known: Option<(SchemaRef, &str)> = None;
    for file in files {
        let found = open(file)?.schema().clone();
        distinct_names(found.fields().iter().map(|field| field.name()), &file.name, "")?;
        match &known {
            None => known = Some((Arc::new(Schema::new(found.fields().clone())), &file.name)),
            Some((first, name)) => same_columns(first, name, &found, &file.name)?,
        }
    }
    known.map(|(schema, _)| schema).ok_or_else(|| Fault::new("read the data set", "no file", ""))
}

/// The parts of one file.
pub(super) fn parts(file: &DataFile, wanted: &Arc<Wanted>) -> Result<Parts, Fault> {
    let rows: Rows = Box::new(ParquetBatches::open(file, &wanted.schema)?);
    Ok(Box::new(std::iter::once(Ok(rows))))
}

/// One scan over one file, in batches of the wanted columns.
pub(super) struct ParquetBatches {
    reader: ParquetRecordBatchReader,
    file: DataFile,
    schema: SchemaRef,
    /// Rows that the footer promises and that have not come yet.
    missing: i64,
    done: bool,
}

impl ParquetBatches {
    /// `schema` holds the wanted columns, which must be in the file.
    pub fn open(file: &DataFile, schema: &SchemaRef) -> Result<ParquetBatches, Fault> {
        let builder = open(file)?;
        let roots = schema.fields().iter().filter_map(|field| builder.schema().index_of(field.name()).ok());
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let missing = builder.metadata().file_metadata().num_rows();
        let reader = guarded(file, || builder.with_projection(mask).with_batch_size(BATCH_ROWS).build())?;
        Ok(ParquetBatches { reader, file: file.clone(), schema: schema.clone(), missing, done: false })
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, Fault> {
        match guarded(&self.file, || self.reader.next().transpose().map_err(ParquetError::from))? {
            Some(batch) => {
                self.missing -= batch.num_rows() as i64;
                self.arrange(&batch).map(Some)
            }
            None if self.missing == 0 => Ok(None),
            None => Err(fault(&self.file, "its footer promises another number of rows than there are")),
        }
    }

    /// The batch with its columns in the order asked for.
    fn arrange(&self, batch: &RecordBatch) -> Result<RecordBatch, Fault> {
        let indices: Vec<usize> = self
            .schema
            .fields()
            .iter()
            .map(|field| batch.schema().index_of(field.name()))
            .collect::<Result<_, _>>()
            .map_err(|e| fault(&self.file, e))?;
        batch.project(&indices).map_err(|e| fault(&self.file, e))
    }
}

impl Iterator for ParquetBatches {
    type Item = Result<RecordBatch, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let batch = self.read();
        self.done = !matches!(batch, Ok(Some(_)));
        batch.transpose()
    }
}
