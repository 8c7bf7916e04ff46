//! Parquet: the footer tells the columns; batches are decoded page by page, only of the columns asked for.

use super::nested::{self, Path};
use super::{Parts, Rows, Wanted, batch_rows, distinct_names, same_columns, until_fault};
use crate::data::source::DataFile;
use crate::model::Fault;
use arrow::array::RecordBatch;
use arrow::array::RecordBatchOptions;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
    RowSelector,
};
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// A part has at least so many rows, if the file does, and row groups are put together for that.
const LEAST_ROWS: usize = 1 << 17;
/// A row group of more rows is cut into parts of so many.
const MOST_ROWS: usize = 1 << 19;

/// The file's types as Parquet itself names them. The Arrow schema that some writers embed is left aside, so
/// that dictionary, large and view strings all read as strings, whoever wrote the file.
fn open(file: &DataFile) -> Result<ArrowReaderMetadata, Fault> {
    let raw = file.open().map_err(|e| fault(file, e))?;
    let length = raw.metadata().map_err(|e| fault(file, e))?.len();
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let footer = guarded(file, || ArrowReaderMetadata::load(&raw, options))?;
    for chunk in footer.metadata().row_groups().iter().flat_map(RowGroupMetaData::columns) {
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
    Ok(footer)
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
        let (found, _) = nested::flatten(open(file)?.schema());
        distinct_names(found.fields().iter().map(|field| field.name()), &file.name, "")?;
        match &known {
            None => known = Some((found, &file.name)),
            Some((first, name)) => same_columns(first, name, &found, &file.name)?,
        }
    }
    known.map(|(schema, _)| schema).ok_or_else(|| Fault::new("read the data set", "no file", ""))
}

/// The parts of one file: row groups of many rows are cut, and those of few put together.
pub(super) fn parts(file: &DataFile, wanted: &Arc<Wanted>) -> Result<Parts, Fault> {
    let footer = open(file)?;
    let (all, paths) = nested::flatten(footer.schema());
    let known: HashMap<&String, Path> = all.fields().iter().map(|field| field.name()).zip(paths).collect();
    let path = |field: &Arc<Field>| known.get(field.name()).cloned();
    let paths: Option<Vec<Path>> = wanted.schema.fields().iter().map(path).collect();
    let paths = paths.ok_or_else(|| fault(file, "the file was changed while it was read"))?;
    let parts = cut(footer.metadata().row_groups());
    let reading = Arc::new(Reading { file: file.clone(), footer, paths, wanted: wanted.clone() });
    Ok(Box::new(parts.into_iter().map(move |slices| -> Result<Rows, Fault> {
        let mut rows = ParquetRows { reading: reading.clone(), slices, current: None };
        Ok(until_fault(move || rows.read()))
    })))
}

/// Consecutive rows of a row group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slice {
    group: usize,
    skipped: usize,
    rows: usize,
    /// All rows of the group.
    whole: bool,
}

fn cut(groups: &[RowGroupMetaData]) -> Vec<VecDeque<Slice>> {
    let mut parts: Vec<VecDeque<Slice>> = Vec::new();
    let mut collected = LEAST_ROWS;
    for (group, meta) in groups.iter().enumerate() {
        let rows = usize::try_from(meta.num_rows()).unwrap_or_default();
        if rows > 2 * MOST_ROWS {
            let slices = (0..rows).step_by(MOST_ROWS).map(|skipped| {
                let slice = Slice { group, skipped, rows: MOST_ROWS.min(rows - skipped), whole: false };
                VecDeque::from([slice])
            });
            parts.extend(slices);
            collected = LEAST_ROWS;
            continue;
        }
        let slice = Slice { group, skipped: 0, rows, whole: true };
        match parts.last_mut() {
            Some(part) if collected < LEAST_ROWS => part.push_back(slice),
            _ => {
                parts.push(VecDeque::from([slice]));
                collected = 0;
            }
        }
        collected += rows;
    }
    parts
}

/// What all parts of a file share.
struct Reading {
    file: DataFile,
    footer: ArrowReaderMetadata,
    /// Of each wanted column.
    paths: Vec<Path>,
    wanted: Arc<Wanted>,
}

impl Reading {
    /// The leaves of the wanted columns.
    fn mask(&self) -> ProjectionMask {
        let mut below: HashMap<&str, Vec<&[String]>> = HashMap::new();
        for path in &self.paths {
            if let [first, rest @ ..] = &path[..] {
                below.entry(first).or_default().push(rest);
            }
        }
        let descriptor = self.footer.parquet_schema();
        let leaves = descriptor.columns().iter().enumerate().filter(|(_, leaf)| {
            let Some((first, parts)) = leaf.path().parts().split_first() else { return false };
            below.get(first.as_str()).is_some_and(|paths| paths.iter().any(|path| parts.starts_with(path)))
        });
        ProjectionMask::leaves(descriptor, leaves.map(|(index, _)| index))
    }

    /// The footer, with those columns of text as dictionaries that are nothing else in the row group.
    fn footer(&self, group: usize) -> Result<ArrowReaderMetadata, Fault> {
        let group = self.footer.metadata().row_group(group);
        let wanted = self.wanted.schema.fields().iter().zip(&self.paths);
        let texts: Vec<&String> = wanted
            .filter(|(field, path)| self.wanted.codes && field.data_type() == &DataType::Utf8 && path.len() == 1)
            .filter_map(|(_, path)| path.first())
            .collect();
        let coded: HashMap<&str, bool> = match texts.is_empty() {
            true => HashMap::new(),
            false => group.columns().iter().map(|chunk| (chunk.column_descr().name(), is_coded(chunk))).collect(),
        };
        let texts: Vec<&String> = texts.into_iter().filter(|name| coded.get(name.as_str()) == Some(&true)).collect();
        if texts.is_empty() {
            return Ok(self.footer.clone());
        }
        let fields = self.footer.schema().fields().iter().map(|field| match texts.contains(&field.name()) {
            true => {
                let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                Arc::new(field.as_ref().clone().with_data_type(coded))
            }
            false => field.clone(),
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let options = ArrowReaderOptions::new().with_schema(schema);
        guarded(&self.file, || ArrowReaderMetadata::try_new(self.footer.metadata().clone(), options))
    }

    fn open(&self, slice: Slice) -> Result<Open, Fault> {
        let raw = self.file.open().map_err(|e| fault(&self.file, e))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(raw, self.footer(slice.group)?)
            .with_projection(self.mask())
            .with_row_groups(vec![slice.group])
            .with_batch_size(batch_rows(self.paths.len()));
        let builder = match slice.whole {
            true => builder,
            false => {
                let select = vec![RowSelector::skip(slice.skipped), RowSelector::select(slice.rows)];
                builder.with_row_selection(RowSelection::from(select))
            }
        };
        let reader = guarded(&self.file, || builder.build())?;
        let schema = arrow::array::RecordBatchReader::schema(&reader);
        let places =
            nested::places(&schema, &self.paths).ok_or_else(|| fault(&self.file, "its columns are damaged"))?;
        Ok(Open { reader, places, missing: slice.rows })
    }
}

/// Whether all of a chunk's values are codes of its dictionary.
fn is_coded(chunk: &ColumnChunkMetaData) -> bool {
    let by_dictionary = |encoding| matches!(encoding, Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY);
    if chunk.dictionary_page_offset().is_none() {
        return false;
    }
    if let Some(mask) = chunk.page_encoding_stats_mask() {
        return mask.encodings().all(by_dictionary);
    }
    if !chunk.encodings().any(by_dictionary) {
        return false;
    }
    // Not every writer says how its pages are encoded. Plain texts take four bytes and more each, codes of few
    // different values less than two.
    chunk.uncompressed_size() < chunk.num_values().saturating_mul(2)
}

struct Open {
    reader: ParquetRecordBatchReader,
    places: Vec<Vec<usize>>,
    /// Rows that the footer promises and that have not come yet.
    missing: usize,
}

struct ParquetRows {
    reading: Arc<Reading>,
    slices: VecDeque<Slice>,
    current: Option<Open>,
}

impl ParquetRows {
    fn read(&mut self) -> Result<Option<RecordBatch>, Fault> {
        let file = &self.reading.file;
        loop {
            let Some(open) = &mut self.current else {
                let Some(slice) = self.slices.pop_front() else { return Ok(None) };
                self.current = Some(self.reading.open(slice)?);
                continue;
            };
            let batch = guarded(file, || open.reader.next().transpose().map_err(ParquetError::from))?;
            let wrong = || fault(file, "its footer promises another number of rows than there are");
            match batch {
                Some(batch) => {
                    open.missing = open.missing.checked_sub(batch.num_rows()).ok_or_else(wrong)?;
                    return arrange(&batch, &open.places, &self.reading.wanted.schema)
                        .map(Some)
                        .map_err(|e| fault(file, e));
                }
                None if open.missing == 0 => self.current = None,
                None => return Err(wrong()),
            }
        }
    }
}

/// The columns asked for in their order; texts may be dictionaries.
pub(super) fn arrange(
    batch: &RecordBatch,
    places: &[Vec<usize>],
    wanted: &Schema,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let columns = places.iter().map(|place| nested::pick(batch, place)).collect::<Result<Vec<_>, _>>()?;
    let fields =
        wanted.fields().iter().zip(&columns).map(|(field, column)| match field.data_type() == column.data_type() {
            true => field.clone(),
            false => Arc::new(field.as_ref().clone().with_data_type(column.data_type().clone())),
        });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema, columns, &options)
}

#[cfg(test)]
mod tests {
    use crate::data::Table;
    use crate::model::Fault;
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;

    /// What pyarrow 26 makes of `x: [7001, 7002, 7003]` by `write_page_checksum=True`, plain and uncompressed: 189 bytes,
    /// of which the values are 48 to 71.
    const CHECKED: &str = "\
        504152311500153c153c1582e4c7cc0a1c15061500150615061c000000020000000601591b0000000000005a1b0000000000\
        005b1b0000000000001504192c35001806736368656d6115020015042502180178001606191c191c26001c15041925060019\
        18017815001606166e166e2608491c150015001502003c290619260006000000166e16062608166e00282070617271756574\
        2d6370702d6172726f772076657273696f6e2032362e302e31191c1c0000007a00000050415231";

    fn values(bytes: &[u8]) -> Result<Vec<i64>, Fault> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("t.parquet"), bytes).unwrap();
        let mut values = Vec::new();
        for batch in Table::open(dir.path(), "t.parquet", None)?.batches(None)? {
            values.extend(batch?.column(0).as_primitive::<Int64Type>().values());
        }
        Ok(values)
    }

    #[test]
    fn a_page_that_is_not_that_of_its_checksum_is_a_fault() {
        let byte = |at: usize| u8::from_str_radix(&CHECKED[at..at + 2], 16).unwrap();
        let mut bytes: Vec<u8> = (0..CHECKED.len()).step_by(2).map(byte).collect();
        assert_eq!(values(&bytes), Ok(vec![7001, 7002, 7003]));
        let at = bytes.windows(2).position(|pair| pair == 7002_u16.to_le_bytes()).unwrap();
        bytes[at] ^= 1;
        assert_eq!(values(&bytes).unwrap_err().why, "Page CRC checksum mismatch");
    }
}
