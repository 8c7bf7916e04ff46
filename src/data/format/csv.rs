//! CSV in blocks of records: a block is cut off by one thread, and split, typed and judged by whichever takes it.

mod marks;
mod records;

use self::records::{Broken, Grid, Splitter, Survey, Wrong};
use super::column::{self, Unfit};
use super::text::{BLOCK_BYTES, Block, Blocks, line_at};
use super::{Known, Parts, Wanted, batch_rows, distinct_names, until_fault};
use crate::config::CsvDialect;
use crate::data::infer::{Guess, Misfit};
use crate::data::source::{DataFile, stopped};
use crate::data::table::Options;
use crate::model::Fault;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// By how much of each file but the first its types are guessed.
const GUESS_BYTES: usize = 256 << 10;

/// One file as its header tells it.
struct Shape {
    file: DataFile,
    header: Vec<String>,
    splitter: Splitter,
    nulls: Vec<String>,
    /// Whether the header is a line of the file.
    has_header: bool,
}

/// The ending of tab-separated files says so, unless the dialect names another delimiter.
fn dialect(file: &DataFile, options: &Options) -> CsvDialect {
    let mut dialect = options.csv.clone();
    let lower = file.name.to_ascii_lowercase();
    if dialect.delimiter == b',' && [".tsv", ".tsv.gz", ".tsv.zst"].iter().any(|end| lower.ends_with(end)) {
        dialect.delimiter = b'\t';
    }
    dialect
}

impl Shape {
    /// Opens a file and reads its header: with it come the blocks, the first of which begins after the header.
    fn open(file: &DataFile, options: &Options, size: usize) -> Result<(Shape, Scan), Fault> {
        let dialect = dialect(file, options);
        let splitter = Splitter::new(&dialect);
        let blocks = Blocks::open(file, size, &options.watch, Box::new(move |text| splitter.last_end(text)))?;
        let nulls = dialect.nulls.into_iter().filter(|null| !null.is_empty()).collect();
        let has_header = dialect.header.is_none();
        let header = dialect.header.unwrap_or_default();
        let mut shape = Shape { file: file.clone(), header, splitter, nulls, has_header };
        let mut scan = Scan { blocks, first: None };
        let block = scan.blocks.next()?.filter(|block| !block.text().is_empty());
        let mut begin = 0;
        if has_header {
            let empty = || shape.fault("the file is empty", "the first line must name the columns");
            let block = block.as_ref().ok_or_else(empty)?;
            let found = splitter.header(block.text()).map_err(|broken| shape.broken(block, broken))?;
            let (names, end) = found.ok_or_else(empty)?;
            let line = line_at(file, block.offset);
            let name = |(column, name): (usize, Vec<u8>)| {
                String::from_utf8(name).map_err(|_| {
                    let why = format!("line {line}, column {column}: not UTF-8");
                    shape.fault(why, not_utf8(block.text()))
                })
            };
            let header = (1..).zip(names).map(name).collect::<Result<Vec<_>, _>>()?;
            distinct_names(header.iter(), &file.name, &format!("line {line}: "))?;
            (shape.header, begin) = (header, end);
        }
        scan.first = block.map(|block| (block, begin));
        Ok((shape, scan))
    }

    fn fault(&self, why: impl Into<String>, hint: &str) -> Fault {
        Fault::new(format!("read {}", self.file.name), why.into(), hint)
    }

    fn line(&self, block: &Block, at: usize) -> u64 {
        line_at(&self.file, block.offset + at as u64)
    }

    fn broken(&self, block: &Block, broken: Broken) -> Fault {
        let line = self.line(block, broken.at);
        match broken.wrong {
            Wrong::Fields(found) => {
                let whose = if self.has_header { "the header has" } else { "the columns named are" };
                let why = format!("line {line}: {found} fields, but {whose} {}", self.header.len());
                self.fault(why, "put fields that contain commas or line breaks in double quotes")
            }
            Wrong::Open => {
                let why = format!("line {line}: a quote is opened and never closed");
                self.fault(why, "double a quote that belongs to the text: \"\"")
            }
            Wrong::AfterQuote => {
                let why = format!("line {line}: text follows on a closing quote");
                self.fault(why, "double a quote that belongs to the text: \"\"")
            }
        }
    }

    /// That the block is UTF-8; else a fault that names the field.
    fn check_text(&self, block: &Block) -> Result<(), Fault> {
        let Err(e) = std::str::from_utf8(block.text()) else { return Ok(()) };
        let (text, mut at, mut grid) = (block.text(), 0, Grid::default());
        let mut column = None;
        while at < text.len() && column.is_none() {
            at = match self.splitter.read(text, at, self.header.len().max(1), 1, Survey::Any, &mut grid) {
                Ok(next) => next,
                Err(broken) if broken.at <= e.valid_up_to() => return Err(self.broken(block, broken)),
                Err(_) => break,
            };
            if at > e.valid_up_to() {
                let wrong = |column: &usize| std::str::from_utf8(grid.field(text, 0, *column)).is_err();
                column = (0..self.header.len()).find(wrong).and_then(|column| self.header.get(column));
                break;
            }
        }
        let line = self.line(block, e.valid_up_to());
        let column = column.map_or(String::new(), |name| format!(", column {name}"));
        Err(self.fault(format!("line {line}{column}: not UTF-8"), not_utf8(text)))
    }

    /// A field as a value: None for null.
    fn value<'a>(&self, field: &'a [u8]) -> Option<&'a [u8]> {
        match field.is_empty() || self.nulls.iter().any(|null| null.as_bytes() == field) {
            true => None,
            false => Some(field),
        }
    }

    /// Where each of the named columns lies in this file.
    fn places(&self, names: &[String], first: &str) -> Result<Vec<usize>, Fault> {
        let shared = "files of one data set share columns";
        let header: HashMap<&String, usize> = self.header.iter().zip(0..).collect();
        let place = |name: &String| {
            let missing = || self.fault(format!("column {name:?} of {first} is missing"), shared);
            header.get(name).copied().ok_or_else(missing)
        };
        let places = names.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        if header.len() > names.len() {
            let known: HashSet<&String> = names.iter().collect();
            let extra = self.header.iter().find(|name| !known.contains(name)).map_or("", String::as_str);
            return Err(self.fault(format!("column {extra:?} is not in {first}"), shared));
        }
        Ok(places)
    }

    /// The next records of a block.
    fn grid(&self, block: &Block, at: usize, survey: Survey, grid: &mut Grid) -> Result<usize, Fault> {
        let read =
            self.splitter.read(block.text(), at, self.header.len().max(1), batch_rows(self.header.len()), survey, grid);
        read.map_err(|broken| self.broken(block, broken))
    }
}

fn not_utf8(text: &[u8]) -> &'static str {
    match text {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it looks like UTF-16; save the file as UTF-8",
        _ => "save the file as UTF-8",
    }
}

/// The blocks of a file after its header.
struct Scan {
    blocks: Blocks,
    /// The block that the header lies in, and where the header ends.
    first: Option<(Block, usize)>,
}

impl Scan {
    fn next(&mut self) -> Result<Option<(Block, usize)>, Fault> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => Ok(self.blocks.next()?.map(|block| (block, 0))),
        }
    }
}

/// The columns of all `files` together, with a remark for each that is text: the value that made it so. By every
/// value if `exact`, else by the first block of each file.
pub(super) fn known(files: &[DataFile], options: &Options, exact: bool) -> Result<Known, Fault> {
    let mut names: Vec<String> = Vec::new();
    let mut guesses: Vec<Guess> = Vec::new();
    let mut certain = true;
    for (index, file) in files.iter().enumerate() {
        let size = if exact || index == 0 { BLOCK_BYTES } else { GUESS_BYTES };
        let (shape, mut scan) = Shape::open(file, options, size)?;
        if index == 0 {
            names.clone_from(&shape.header);
            guesses = vec![Guess::new(); names.len()];
        }
        let places = shape.places(&names, files.first().map_or("", |first| &first.name))?;
        while let Some((block, begin)) = scan.next()? {
            see(&shape, index, &block, begin, &places, &mut guesses, options)?;
            if !exact {
                certain &= block.last;
                break;
            }
        }
    }
    let fields: Vec<Field> =
        names.iter().zip(&guesses).map(|(name, guess)| Field::new(name, guess.data_type(), true)).collect();
    let name = |m: &Misfit| files.get(m.file).map_or("", |file| &file.name);
    let remark = |m: &Misfit| format!("{:?} at {} line {}", m.value, name(m), m.line);
    let remarks = guesses.iter().map(|guess| guess.misfit().map(remark)).collect();
    Ok(Known { schema: Arc::new(Schema::new(fields)), remarks, certain })
}

/// Narrows the guesses by all values of a block.
fn see(
    shape: &Shape,
    index: usize,
    block: &Block,
    begin: usize,
    places: &[usize],
    guesses: &mut [Guess],
    options: &Options,
) -> Result<(), Fault> {
    shape.check_text(block)?;
    let text = block.text();
    let (survey, mut at, mut grid) = (shape.splitter.survey(text), begin, Grid::default());
    while at < text.len() {
        if options.watch.stopped() {
            return Err(stopped(&shape.file.name));
        }
        at = shape.grid(block, at, survey, &mut grid)?;
        options.watch.add_rows(grid.rows as u64);
        for (guess, place) in guesses.iter_mut().zip(places) {
            if guess.is_text() {
                continue;
            }
            for row in 0..grid.rows {
                let field = grid.field(text, row, *place);
                if let Some(value) = shape.value(field)
                    && guess.see(value)
                {
                    let line = shape.line(block, shape.splitter.start(text, &grid, row));
                    let value = String::from_utf8_lossy(value).chars().take(40).collect();
                    guess.blame(Misfit { value, file: index, line });
                    break;
                }
            }
        }
    }
    Ok(())
}

/// The parts of one file, a block each.
pub(super) fn parts(file: &DataFile, wanted: &Arc<Wanted>, options: &Options) -> Result<Parts, Fault> {
    let (shape, mut scan) = Shape::open(file, options, BLOCK_BYTES)?;
    let place = |field: &Arc<Field>| {
        let place = shape.header.iter().position(|name| name == field.name());
        place.ok_or_else(|| shape.fault("the file was changed while it was read", "run again"))
    };
    let places: Vec<usize> = wanted.schema.fields().iter().map(place).collect::<Result<_, _>>()?;
    let reading = Arc::new(Reading { shape, places, wanted: wanted.clone() });
    Ok(until_fault(move || {
        let part = scan.next()?;
        Ok(part.map(|(block, at)| {
            let mut rows = CsvRows { reading: reading.clone(), block, at, survey: None, grid: Grid::default() };
            until_fault(move || rows.read())
        }))
    }))
}

/// What all parts of a file share.
struct Reading {
    shape: Shape,
    /// Of each wanted column.
    places: Vec<usize>,
    wanted: Arc<Wanted>,
}

struct CsvRows {
    reading: Arc<Reading>,
    block: Block,
    at: usize,
    /// Known once the block was looked at.
    survey: Option<Survey>,
    grid: Grid,
}

impl CsvRows {
    fn read(&mut self) -> Result<Option<RecordBatch>, Fault> {
        let Reading { shape, places, wanted } = &*self.reading;
        let survey = match self.survey {
            Some(survey) => survey,
            None => {
                shape.check_text(&self.block)?;
                *self.survey.insert(shape.splitter.survey(self.block.text()))
            }
        };
        if self.at < self.block.text().len() {
            self.at = shape.grid(&self.block, self.at, survey, &mut self.grid)?;
        } else {
            self.grid.rows = 0;
        }
        let rows = self.grid.rows;
        if rows == 0 {
            return Ok(None);
        }
        let text = self.block.text();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(places.len());
        for (field, place) in wanted.schema.fields().iter().zip(places) {
            let cell = |row| Some(self.grid.field(text, row, *place)).filter(|field| !field.is_empty());
            let built = match shape.nulls.is_empty() {
                true => column::build(field.data_type(), rows, cell),
                false => column::build(field.data_type(), rows, |row| cell(row).and_then(|field| shape.value(field))),
            };
            columns.push(built.map_err(|unfit| self.unfit(unfit, field))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(wanted.schema.clone(), columns, &options);
        batch.map(Some).map_err(|e| shape.fault(e.to_string(), ""))
    }

    fn unfit(&self, unfit: Unfit, field: &Field) -> Fault {
        let Reading { shape, wanted, .. } = &*self.reading;
        let row = match unfit {
            Unfit::Row(row) => row,
            Unfit::Text(why) => return shape.fault(why, ""),
        };
        let line = shape.line(&self.block, shape.splitter.start(self.block.text(), &self.grid, row));
        let Some(belied) = &wanted.belied else {
            return shape.fault(format!("line {line}: the file was changed while it was read"), "run again");
        };
        belied.store(true, Ordering::Relaxed);
        // The value is not shown: it may be private.
        let (name, guess) = (field.name(), described(field.data_type()));
        shape.fault(format!("line {line}, column {name}: a value is {guess}, as those before it are"), "")
    }
}

fn described(guess: &DataType) -> String {
    match guess {
        DataType::Null => "not empty".to_string(),
        other => format!("no {}", crate::data::values::describe(other)),
    }
}
