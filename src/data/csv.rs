//! CSV: RFC 4180 with a header, plain or gzipped, in one pass for the types and one for each scan.

use super::files::{DataFile, Watch, stopped};
use super::infer::{self, Guess, Misfit};
use crate::model::Fault;
use ::csv::{ByteRecord, Reader, ReaderBuilder};
use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, NullArray, RecordBatch, RecordBatchOptions,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::collections::{HashMap, HashSet};
use std::io::{self, BufReader, Read};
use std::sync::Arc;

const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;
/// Longest record that is still read; a quote that is never closed would else fill the memory.
const RECORD_BYTES: u64 = 64 << 20;
/// Read after the end of the file. It comes out as a record of its own, unless a quote is still open.
const END: &str = "\u{1}end of data\u{1}";

/// Yields an error once more was read than a record may take.
struct Bounded {
    inner: Box<dyn Read + Send>,
    left: u64,
    watch: Arc<Watch>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.watch.stopped() {
            return Err(io::Error::other("stopped"));
        }
        if self.left == 0 {
            return Err(io::Error::other(format!("a record is longer than {} MiB", RECORD_BYTES >> 20)));
        }
        let read = self.inner.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

/// The file's text, unzipped where its name says so.
fn open(file: &DataFile) -> io::Result<Box<dyn Read + Send>> {
    let raw = file.open()?;
    Ok(match file.name.to_ascii_lowercase().ends_with(".gz") {
        true => Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(raw))),
        false => Box::new(raw),
    })
}

/// The number of the line on which the first text at or after byte `start` lies.
fn line_at(text: impl Read, start: u64) -> io::Result<u64> {
    let mut line = 1;
    for (at, byte) in (0..).zip(BufReader::with_capacity(1 << 16, text).bytes()) {
        match byte? {
            b'\n' => line += 1,
            b'\r' => {}
            _ if at >= start => break,
            _ => {}
        }
    }
    Ok(line)
}

/// The records of one file after its header, each with as many fields as the header has.
struct Records {
    reader: Reader<Bounded>,
    record: ByteRecord,
    file: DataFile,
    header: Vec<String>,
}

impl Records {
    fn open(file: &DataFile, watch: &Arc<Watch>) -> Result<Records, Fault> {
        let text = open(file).map_err(|e| Fault::new(format!("read {}", file.name), e, ""))?;
        let inner = Box::new(text.chain(io::Cursor::new(format!("\n{END}"))));
        let bounded = Bounded { inner, left: RECORD_BYTES, watch: watch.clone() };
        let reader =
            ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(1 << 16).from_reader(bounded);
        let mut records = Records { reader, record: ByteRecord::new(), file: file.clone(), header: Vec::new() };
        if !records.advance()? {
            return Err(records.fault("the file is empty", "the first line must name the columns"));
        }
        records.header =
            (0..records.record.len()).map(|field| records.text(field).map(str::to_string)).collect::<Result<_, _>>()?;
        let mut names = HashSet::new();
        if let Some(twice) = records.header.iter().find(|name| !names.insert(*name)) {
            let why = format!("line 1: two columns are named {twice:?}");
            return Err(records.fault(why, "give every column a name of its own"));
        }
        Ok(records)
    }

    /// Reads the next record; false at the end of the file.
    fn advance(&mut self) -> Result<bool, Fault> {
        self.reader.get_mut().left = RECORD_BYTES;
        let more = match self.reader.read_byte_record(&mut self.record) {
            Ok(more) => more,
            Err(e) if self.reader.get_ref().watch.stopped() => {
                return Err(Fault { why: e.to_string(), ..stopped(&self.file.name) });
            }
            Err(e) => {
                let why = match e.into_kind() {
                    ::csv::ErrorKind::Io(e) => e.to_string(),
                    other => format!("{other:?}"),
                };
                let line = self.reader.position().line();
                let zipped = self.file.name.to_ascii_lowercase().ends_with(".gz");
                let hint = if zipped { "check that the gzip file is whole" } else { "" };
                return Err(self.fault(format!("after line {line}: {why}"), hint));
            }
        };
        if self.record.len() == 1 && &self.record[0] == END.as_bytes() {
            return Ok(false);
        }
        if !more || self.record.as_slice().ends_with(END.as_bytes()) {
            let why = format!("line {}: a quote is opened and never closed", self.line());
            return Err(self.fault(why, "double a quote that belongs to the text: \"\""));
        }
        if !self.header.is_empty() && self.record.len() != self.header.len() {
            let (found, expected) = (self.record.len(), self.header.len());
            let why = format!("line {}: {found} fields, but the header has {expected}", self.line());
            return Err(self.fault(why, "put fields that contain commas or line breaks in double quotes"));
        }
        Ok(true)
    }

    /// The line that the record starts on, counted anew from the start of the file: exact across CRLF, blank
    /// lines and line breaks within quotes, and only paid for when it is told to someone.
    fn line(&self) -> u64 {
        let start = self.record.position().map_or(0, ::csv::Position::byte);
        open(&self.file).and_then(|text| line_at(text, start)).unwrap_or_else(|_| self.reader.position().line())
    }

    fn text(&self, field: usize) -> Result<&str, Fault> {
        let bytes = self.record.get(field).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|_| {
            let column = match self.header.get(field) {
                Some(name) => format!("column {name}"),
                None => format!("column {}", field + 1),
            };
            self.fault(format!("line {}, {column}: not UTF-8", self.line()), "save the file as UTF-8")
        })
    }

    fn fault(&self, why: impl Into<String>, hint: &str) -> Fault {
        Fault::new(format!("read {}", self.file.name), why.into(), hint)
    }
}

/// The columns of all `files` together, with a remark for each that is text: the value that made it so.
pub(super) fn schema(files: &[DataFile], watch: &Arc<Watch>) -> Result<(SchemaRef, Vec<Option<String>>), Fault> {
    let mut names: Vec<String> = Vec::new();
    let mut guesses: Vec<Guess> = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let mut records = Records::open(file, watch)?;
        if index == 0 {
            names.clone_from(&records.header);
            guesses = vec![Guess::new(); names.len()];
        }
        let places = places(&names, &records, &files[0].name)?;
        while records.advance()? {
            watch.add_rows(1);
            for (guess, place) in guesses.iter_mut().zip(&places) {
                let value = records.text(*place)?;
                if !value.is_empty() && guess.see(value) {
                    guess.blame(Misfit { value: value.chars().take(40).collect(), file: index, line: records.line() });
                }
            }
        }
    }
    let fields: Vec<Field> =
        names.iter().zip(&guesses).map(|(name, guess)| Field::new(name, guess.data_type(), true)).collect();
    let remark = |m: &Misfit| format!("{:?} at {} line {}", m.value, files[m.file].name, m.line);
    let remarks = guesses.iter().map(|guess| guess.misfit().map(remark)).collect();
    Ok((Arc::new(Schema::new(fields)), remarks))
}

/// Where each of the table's columns lies in this file.
fn places(names: &[String], records: &Records, first: &str) -> Result<Vec<usize>, Fault> {
    let shared = "files of one data set share columns";
    let header: HashMap<&String, usize> = records.header.iter().zip(0..).collect();
    let place = |name: &String| {
        let missing = || records.fault(format!("column {name:?} of {first} is missing"), shared);
        header.get(name).copied().ok_or_else(missing)
    };
    let places = names.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    if header.len() > names.len() {
        let known: HashSet<&String> = names.iter().collect();
        let extra = records.header.iter().find(|name| !known.contains(name)).map_or("", String::as_str);
        return Err(records.fault(format!("column {extra:?} is not in {first}"), shared));
    }
    Ok(places)
}

/// One scan over one file, in batches of the wanted columns.
pub(super) struct CsvBatches {
    records: Records,
    schema: SchemaRef,
    places: Vec<usize>,
    done: bool,
}

impl CsvBatches {
    /// `schema` holds the wanted columns, which must be in the file.
    pub fn open(file: &DataFile, schema: &SchemaRef, watch: &Arc<Watch>) -> Result<CsvBatches, Fault> {
        let records = Records::open(file, watch)?;
        let place = |field: &Arc<Field>| {
            records.header.iter().position(|name| name == field.name()).ok_or_else(|| changed(&records))
        };
        let places = schema.fields().iter().map(place).collect::<Result<_, _>>()?;
        Ok(CsvBatches { records, schema: schema.clone(), places, done: false })
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, Fault> {
        let mut builders: Vec<Builder> = self.schema.fields().iter().map(|f| Builder::new(f.data_type())).collect();
        let (mut rows, mut bytes) = (0, 0);
        while rows < BATCH_ROWS && bytes < BATCH_BYTES {
            if !self.records.advance()? {
                self.done = true;
                break;
            }
            for (builder, place) in builders.iter_mut().zip(&self.places) {
                let value = self.records.text(*place)?;
                if !builder.push(value) {
                    return Err(changed(&self.records));
                }
            }
            rows += 1;
            bytes += self.records.record.as_slice().len();
        }
        if rows == 0 {
            return Ok(None);
        }
        let columns: Vec<ArrayRef> = builders.into_iter().map(Builder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map(Some)
            .map_err(|e| self.records.fault(e.to_string(), ""))
    }
}

impl Iterator for CsvBatches {
    type Item = Result<RecordBatch, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let batch = self.read();
        self.done |= batch.is_err();
        batch.transpose()
    }
}

/// The types were taken from every value, so a value that does not fit was not there then.
fn changed(records: &Records) -> Fault {
    records.fault(format!("line {}: the file was changed while it was read", records.line()), "run again")
}

enum Builder {
    Null(usize),
    Int(Int64Builder),
    Float(Float64Builder),
    Bool(BooleanBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder, fn(&str) -> Option<i64>),
    Text(StringBuilder),
}

impl Builder {
    fn new(data_type: &DataType) -> Builder {
        match data_type {
            DataType::Null => Builder::Null(0),
            DataType::Int64 => Builder::Int(Int64Builder::new()),
            DataType::Float64 => Builder::Float(Float64Builder::new()),
            DataType::Boolean => Builder::Bool(BooleanBuilder::new()),
            DataType::Date32 => Builder::Date(Date32Builder::new()),
            DataType::Timestamp(_, zone) => {
                let builder = TimestampMicrosecondBuilder::new().with_timezone_opt(zone.clone());
                Builder::Timestamp(builder, if zone.is_some() { infer::zoned } else { infer::timestamp })
            }
            _ => Builder::Text(StringBuilder::new()),
        }
    }

    /// Appends a value, empty for null; false if it does not fit the type.
    fn push(&mut self, value: &str) -> bool {
        let fits = |parsed: bool| parsed || value.is_empty();
        macro_rules! append {
            ($builder:ident, $value:expr) => {{
                let parsed = if value.is_empty() { None } else { $value };
                $builder.append_option(parsed);
                fits(parsed.is_some())
            }};
        }
        match self {
            Builder::Null(rows) => {
                *rows += 1;
                value.is_empty()
            }
            Builder::Int(builder) => append!(builder, infer::int(value)),
            Builder::Float(builder) => append!(builder, infer::float(value)),
            Builder::Bool(builder) => append!(builder, infer::boolean(value)),
            Builder::Date(builder) => append!(builder, infer::date(value)),
            Builder::Timestamp(builder, parse) => append!(builder, parse(value)),
            Builder::Text(builder) => append!(builder, Some(value)),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Builder::Null(rows) => Arc::new(NullArray::new(rows)),
            Builder::Int(mut builder) => Arc::new(builder.finish()),
            Builder::Float(mut builder) => Arc::new(builder.finish()),
            Builder::Bool(mut builder) => Arc::new(builder.finish()),
            Builder::Date(mut builder) => Arc::new(builder.finish()),
            Builder::Timestamp(mut builder, _) => Arc::new(builder.finish()),
            Builder::Text(mut builder) => Arc::new(builder.finish()),
        }
    }
}
