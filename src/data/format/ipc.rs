//! Arrow IPC: the file format (Feather 2), whose batches are read side by side, and the stream format.

use super::nested::{self, Path};
use super::parquet::arrange;
use super::{Parts, Rows, Wanted, batch_rows, distinct_names, same_columns};
use crate::data::source::DataFile;
use crate::model::Fault;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// The first bytes of the file format.
const MAGIC: &[u8] = b"ARROW1";

fn fault(file: &DataFile, why: impl std::fmt::Display) -> Fault {
    let why = why.to_string();
    let layers = ["Ipc error: ", "Parser error: ", "Invalid argument error: ", "External error: "];
    let why = layers.iter().fold(why.as_str(), |why, layer| why.strip_prefix(layer).unwrap_or(why));
    let hint = "check that the file is Arrow IPC (Feather 2) and was written to its end";
    Fault::new(format!("read {}", file.name), why, hint)
}

/// As for Parquet: what makes the decoder panic is a damaged file.
fn guarded<T>(file: &DataFile, read: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, Fault> {
    match std::panic::catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|e| fault(file, e)),
        Err(_) => Err(fault(file, "its messages are damaged")),
    }
}

enum Opened {
    File(FileReader<BufReader<File>>),
    Stream(StreamReader<Whole>),
}

/// A stream, and whether the file ended before the stream said that it does. The format lets a writer leave its mark of
/// the end away, but then a file that was cut between two messages looks the same as one that is whole.
struct Whole {
    raw: BufReader<File>,
    is_over: bool,
}

impl Read for Whole {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.raw.read(into)?;
        self.is_over |= read == 0 && !into.is_empty();
        Ok(read)
    }
}

/// That nothing is missing after the last message of a stream, and that nothing follows.
fn ended(file: &DataFile, whole: &mut Whole) -> Result<(), Fault> {
    if whole.is_over {
        let hint = "write it again, and close its writer: that marks the end of the stream";
        let why = "it ends without the mark of a stream's end, so rows may be missing";
        return Err(Fault { hint: hint.to_string(), ..fault(file, why) });
    }
    match whole.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => {
            let hint = "give each stream a file of its own";
            Err(Fault { hint: hint.to_string(), ..fault(file, "more bytes follow on the end of its stream") })
        }
        Err(e) => Err(fault(file, e)),
    }
}

fn open(file: &DataFile, projection: Option<Vec<usize>>) -> Result<Opened, Fault> {
    let mut raw = file.open().map_err(|e| fault(file, e))?;
    let mut start = Vec::new();
    raw.by_ref().take(MAGIC.len() as u64).read_to_end(&mut start).map_err(|e| fault(file, e))?;
    raw.rewind().map_err(|e| fault(file, e))?;
    if start.is_empty() {
        return Err(fault(file, "the file is empty"));
    }
    if start.starts_with(b"FEA1") {
        return Err(Fault { hint: "write it as Feather 2".to_string(), ..fault(file, "it is Feather 1") });
    }
    let raw = BufReader::with_capacity(1 << 18, raw);
    guarded(file, || match start == MAGIC {
        true => FileReader::try_new(raw, projection).map(Opened::File),
        false => StreamReader::try_new(Whole { raw, is_over: false }, projection).map(Opened::Stream),
    })
}

/// Dictionaries are what their values are, as for Parquet.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, value) => plain(value),
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        other => other.clone(),
    }
}

fn columns(schema: &Schema) -> (SchemaRef, Vec<Path>) {
    let (flat, paths) = nested::flatten(schema);
    let fields = flat.fields().iter().map(|field| field.as_ref().clone().with_data_type(plain(field.data_type())));
    (Arc::new(Schema::new(fields.collect::<Vec<_>>())), paths)
}

/// The columns that all `files` have, in the order of the first.
pub(super) fn schema(files: &[DataFile]) -> Result<SchemaRef, Fault> {
    let mut known: Option<(SchemaRef, &str)> = None;
    for file in files {
        let (found, _) = match open(file, None)? {
            Opened::File(reader) => columns(&reader.schema()),
            Opened::Stream(reader) => columns(&reader.schema()),
        };
        distinct_names(found.fields().iter().map(|field| field.name()), &file.name, "")?;
        match &known {
            None => known = Some((found, &file.name)),
            Some((first, name)) => same_columns(first, name, &found, &file.name)?,
        }
    }
    known.map(|(schema, _)| schema).ok_or_else(|| Fault::new("read the data set", "no file", ""))
}

struct Reading {
    file: DataFile,
    /// Columns of the first level that are read.
    projection: Vec<usize>,
    paths: Vec<Path>,
    wanted: Arc<Wanted>,
}

impl Reading {
    fn arrange(&self, batch: &RecordBatch) -> Result<RecordBatch, Fault> {
        let places = nested::places(&batch.schema(), &self.paths);
        let places = places.ok_or_else(|| fault(&self.file, "the file was changed while it was read"))?;
        let batch = arrange(batch, &places, &self.wanted.schema).map_err(|e| fault(&self.file, e))?;
        // Texts become what the schema says, but for those that are asked for as dictionaries.
        let columns = batch.columns().iter().zip(self.wanted.schema.fields()).map(|(column, field)| {
            let coded = matches!(column.data_type(), DataType::Dictionary(codes, value)
                if **codes == DataType::Int32 && **value == DataType::Utf8);
            match coded && self.wanted.codes && field.data_type() == &DataType::Utf8 {
                true => Ok(column.clone()),
                false => crate::data::values::cast(column, field.data_type()).map_err(|e| fault(&self.file, e)),
            }
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let fields = self.wanted.schema.fields().iter().zip(&columns);
        let fields: Vec<_> =
            fields.map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone())).collect();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
            .map_err(|e| fault(&self.file, e))
    }
}

/// The parts of one file, a batch each. Those of a stream are decoded as they are taken, one after the other.
pub(super) fn parts(file: &DataFile, wanted: &Arc<Wanted>) -> Result<Parts, Fault> {
    let schema = match open(file, None)? {
        Opened::File(reader) => reader.schema(),
        Opened::Stream(reader) => reader.schema(),
    };
    let (all, paths) = columns(&schema);
    let known: HashMap<&String, Path> = all.fields().iter().map(|field| field.name()).zip(paths).collect();
    let paths: Option<Vec<Path>> =
        wanted.schema.fields().iter().map(|field| known.get(field.name()).cloned()).collect();
    let paths = paths.ok_or_else(|| fault(file, "the file was changed while it was read"))?;
    let mut projection: Vec<usize> = paths.iter().filter_map(|path| schema.index_of(path.first()?).ok()).collect();
    projection.sort_unstable();
    projection.dedup();
    let opened = open(file, Some(projection.clone()))?;
    let reading = Arc::new(Reading { file: file.clone(), projection, paths, wanted: wanted.clone() });
    Ok(match opened {
        Opened::File(reader) => Box::new((0..reader.num_batches()).map(move |index| -> Result<Rows, Fault> {
            let reading = reading.clone();
            let read = move || {
                let Opened::File(mut reader) = open(&reading.file, Some(reading.projection.clone()))? else {
                    return Err(fault(&reading.file, "the file was changed while it was read"));
                };
                let batch = guarded(&reading.file, || {
                    reader.set_index(index)?;
                    reader.next().transpose()
                })?;
                let batch = batch.ok_or_else(|| fault(&reading.file, "its footer promises more than there is"))?;
                reading.arrange(&batch)
            };
            Ok(Box::new(std::iter::once_with(read).flat_map(slices)))
        })),
        Opened::Stream(mut reader) => {
            let mut done = false;
            Box::new(std::iter::from_fn(move || {
                if done {
                    return None;
                }
                let batch = match guarded(&reading.file, || reader.next().transpose()).transpose() {
                    Some(batch) => batch.and_then(|batch| reading.arrange(&batch)),
                    None => {
                        done = true;
                        return ended(&reading.file, reader.get_mut()).err().map(Err);
                    }
                };
                done = batch.is_err();
                Some(batch.map(|batch| -> Rows { Box::new(slices(Ok(batch))) }))
            }))
        }
    })
}

/// A large batch as several, which share its memory.
fn slices(batch: Result<RecordBatch, Fault>) -> impl Iterator<Item = Result<RecordBatch, Fault>> + Send {
    let rows = batch.as_ref().map_or(1, RecordBatch::num_rows);
    let most = batch.as_ref().map_or(1, |batch| batch_rows(batch.num_columns()));
    (0..rows).step_by(most).map(move |start| match &batch {
        Ok(batch) => Ok(batch.slice(start, most.min(rows - start))),
        Err(fault) => Err(fault.clone()),
    })
}

#[cfg(test)]
mod tests {
    use crate::data::Table;
    use crate::model::Fault;
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use arrow::ipc::writer::StreamWriter;
    use std::sync::Arc;

    fn rows(bytes: &[u8]) -> Result<usize, Fault> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("t.arrows"), bytes).unwrap();
        let batches = Table::open(dir.path(), "t.arrows", None)?.batches(None)?;
        batches.map(|batch| batch.map(|batch| batch.num_rows())).sum()
    }

    #[test]
    fn a_stream_that_was_cut_between_messages_is_a_fault_and_so_is_what_follows_on_its_end() {
        let batch = |n: i64| {
            let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..n));
            RecordBatch::try_from_iter([("x", values)]).unwrap()
        };
        let mut writer = StreamWriter::try_new(Vec::new(), &batch(0).schema()).unwrap();
        let mut ends = vec![writer.get_ref().len()];
        for n in [3, 4] {
            writer.write(&batch(n)).unwrap();
            ends.push(writer.get_ref().len());
        }
        let bytes = writer.into_inner().unwrap();
        assert_eq!(rows(&bytes), Ok(7));
        for end in ends {
            let fault = rows(&bytes[..end]).unwrap_err();
            assert_eq!(fault.why, "it ends without the mark of a stream's end, so rows may be missing", "{end}");
        }
        // Before version 0.15 of Arrow the mark was four zero bytes.
        let old = [&bytes[..bytes.len() - 8], &[0; 4]].concat();
        assert_eq!(rows(&old), Ok(7));
        let twice = [bytes.clone(), bytes].concat();
        assert_eq!(rows(&twice).unwrap_err().why, "more bytes follow on the end of its stream");
    }
}
