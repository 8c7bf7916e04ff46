//! NDJSON: a JSON object a line. Keys are columns, those of objects in it with the names of both levels (`a.b`);
//! what is missing is null, and an array is the text that it is written as.

use super::column::{self, Kind, Unfit};
use super::json::{Reader, Sink, Text};
use super::text::{BLOCK_BYTES, Block, Blocks, line_at};
use super::{Known, Parts, Wanted, batch_rows, until_fault};
use crate::data::infer::{Guess, Misfit};
use crate::data::source::{DataFile, stopped};
use crate::data::table::Options;
use crate::model::Fault;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};
use memchr::{memchr, memrchr};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The next block. A file without any byte is what a writer leaves that was ended before its first.
fn next(blocks: &mut Blocks, file: &DataFile) -> Result<Option<Block>, Fault> {
    match blocks.next()? {
        Some(block) if block.offset == 0 && block.last && block.text().is_empty() => {
            let hint = "write it again, or leave it out of the data set";
            Err(Fault::new(format!("read {}", file.name), "the file is empty", hint))
        }
        block => Ok(block),
    }
}

fn blocks(file: &DataFile, options: &Options) -> Result<Blocks, Fault> {
    let last_end = |text: &[u8]| memrchr(b'\n', text).map(|end| end + 1);
    Blocks::open(file, BLOCK_BYTES, &options.watch, Box::new(last_end))
}

/// The line at or after `at` that is not blank: where it begins, and where the next one may.
fn next_line(text: &[u8], mut at: usize) -> Option<(usize, usize)> {
    loop {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let end = memchr(b'\n', rest).map_or(text.len(), |end| at + end + 1);
        if !text.get(at..end)?.trim_ascii().is_empty() {
            return Some((at, end));
        }
        at = end;
    }
}

fn fault(file: &DataFile, block: &Block, at: usize, why: &str) -> Fault {
    let line = line_at(file, block.offset + at as u64);
    let hint = match why.starts_with("an array") {
        true => "write one object a line, such as with jq -c '.[]'",
        false => "write one JSON object a line",
    };
    Fault::new(format!("read {}", file.name), format!("line {line}: {why}"), hint)
}

fn check_text(file: &DataFile, block: &Block) -> Result<(), Fault> {
    match std::str::from_utf8(block.text()) {
        Ok(_) => Ok(()),
        Err(e) => {
            let line = line_at(file, block.offset + e.valid_up_to() as u64);
            let why = format!("line {line}: not UTF-8");
            Err(Fault::new(format!("read {}", file.name), why, "save the file as UTF-8"))
        }
    }
}

/// Columns and types as they are met.
#[derive(Default)]
struct Columns {
    places: HashMap<String, usize>,
    names: Vec<String>,
    guesses: Vec<Guess>,
    file: usize,
    line: Vec<u8>,
    /// The column that the line made text, and by what.
    spoilt: Vec<(usize, String)>,
}

impl Sink for Columns {
    fn column(&mut self, name: &str) -> Result<Option<usize>, String> {
        if let Some(place) = self.places.get(name) {
            return Ok(Some(*place));
        }
        self.places.insert(name.to_string(), self.names.len());
        self.names.push(name.to_string());
        self.guesses.push(Guess::new());
        Ok(Some(self.names.len() - 1))
    }

    fn put(&mut self, column: usize, kind: Kind, text: Text<'_>) -> Result<(), String> {
        let Some(guess) = self.guesses.get_mut(column) else { return Ok(()) };
        let value = match text {
            Text::Line { start, end } => self.line.get(start..end).unwrap_or_default(),
            Text::Unescaped(text) => text.as_bytes(),
        };
        // That a column of strings is text needs no excuse.
        let was_open = !guess.is_text() && guess.is_seen();
        if guess.see_json(kind, value) && was_open {
            self.spoilt.push((column, String::from_utf8_lossy(value).chars().take(40).collect()));
        }
        Ok(())
    }
}

/// The columns of all `files` together, in the order in which they are met: by every line if `exact`, else by the
/// first block of the first file.
pub(super) fn known(files: &[DataFile], options: &Options, exact: bool) -> Result<Known, Fault> {
    let (mut columns, mut reader) = (Columns::default(), Reader::new());
    let mut certain = true;
    'files: for (index, file) in files.iter().enumerate() {
        columns.file = index;
        let mut blocks = blocks(file, options)?;
        while let Some(block) = next(&mut blocks, file)? {
            check_text(file, &block)?;
            let (text, mut at) = (block.text(), 0);
            while let Some((start, end)) = next_line(text, at) {
                let line = text.get(start..end).unwrap_or_default();
                columns.line.clear();
                columns.line.extend_from_slice(line);
                reader.read(line, &mut columns).map_err(|why| fault(file, &block, start, &why))?;
                for (column, value) in std::mem::take(&mut columns.spoilt) {
                    let line = line_at(file, block.offset + start as u64);
                    if let Some(guess) = columns.guesses.get_mut(column) {
                        guess.blame(Misfit { value, file: index, line });
                    }
                }
                options.watch.add_rows(1);
                at = end;
            }
            if options.watch.stopped() {
                return Err(stopped(&file.name));
            }
            if !exact {
                certain = block.last && files.len() == 1;
                break 'files;
            }
        }
    }
    if columns.names.is_empty() {
        let first = files.first().map_or("the data set", |file| &file.name);
        return Err(Fault::new(format!("read {first}"), "it has no objects with keys", "write one JSON object a line"));
    }
    let fields: Vec<Field> = columns
        .names
        .iter()
        .zip(&columns.guesses)
        .map(|(name, guess)| Field::new(name, guess.data_type(), true))
        .collect();
    let name = |m: &Misfit| files.get(m.file).map_or("", |file| &file.name);
    let remark = |m: &Misfit| format!("{:?} at {} line {}", m.value, name(m), m.line);
    let remarks = columns.guesses.iter().map(|guess| guess.misfit().map(remark)).collect();
    Ok(Known { schema: Arc::new(Schema::new(fields)), remarks, certain })
}

/// The parts of one file, a block each.
pub(super) fn parts(file: &DataFile, wanted: &Arc<Wanted>, options: &Options) -> Result<Parts, Fault> {
    let mut blocks = blocks(file, options)?;
    // None: known, but not asked for.
    let mut places: HashMap<String, Vec<usize>> =
        wanted.all.fields().iter().map(|field| (field.name().clone(), Vec::new())).collect();
    for (place, field) in wanted.schema.fields().iter().enumerate() {
        places.entry(field.name().clone()).or_default().push(place);
    }
    let reading = Arc::new(Reading { file: file.clone(), places, wanted: wanted.clone() });
    Ok(until_fault(move || {
        let block = next(&mut blocks, &reading.file)?;
        Ok(block.map(|block| {
            let mut rows = JsonRows { reading: reading.clone(), block, at: 0, checked: false, reader: Reader::new() };
            until_fault(move || rows.read())
        }))
    }))
}

struct Reading {
    file: DataFile,
    /// Where each column of the files is among those asked for, where it may be more than once or not at all.
    places: HashMap<String, Vec<usize>>,
    wanted: Arc<Wanted>,
}

/// The values of one column in one batch.
#[derive(Default)]
struct Cells(Vec<Option<Cell>>);

#[derive(Clone, Copy)]
struct Cell {
    kind: Kind,
    unescaped: bool,
    start: u32,
    end: u32,
}

struct Batch<'a> {
    reading: &'a Reading,
    columns: Vec<Cells>,
    /// For each column that the reader knows, its places.
    known: Vec<&'a [usize]>,
    unescaped: Vec<u8>,
    line: usize,
    row: usize,
    rows: usize,
    /// A column that must not be there.
    foreign: bool,
}

impl Sink for Batch<'_> {
    fn column(&mut self, name: &str) -> Result<Option<usize>, String> {
        match self.reading.places.get(name) {
            None => {
                self.foreign = true;
                Err(format!("column {name:?} is not in the lines before"))
            }
            Some(places) if places.is_empty() => Ok(None),
            Some(places) => {
                self.known.push(places);
                Ok(Some(self.known.len() - 1))
            }
        }
    }

    fn put(&mut self, column: usize, kind: Kind, text: Text<'_>) -> Result<(), String> {
        let cell = match text {
            Text::Line { start, end } => {
                let (start, end) = ((self.line + start) as u32, (self.line + end) as u32);
                Cell { kind, unescaped: false, start, end }
            }
            Text::Unescaped(text) => {
                let start = self.unescaped.len() as u32;
                self.unescaped.extend_from_slice(text.as_bytes());
                Cell { kind, unescaped: true, start, end: self.unescaped.len() as u32 }
            }
        };
        for place in self.known.get(column).copied().unwrap_or_default() {
            if let Some(Cells(cells)) = self.columns.get_mut(*place) {
                cells.resize(self.rows.max(self.row + 1), None);
                if let Some(slot) = cells.get_mut(self.row) {
                    *slot = Some(cell);
                }
            }
        }
        Ok(())
    }
}

struct JsonRows {
    reading: Arc<Reading>,
    block: Block,
    at: usize,
    checked: bool,
    reader: Reader,
}

impl JsonRows {
    fn read(&mut self) -> Result<Option<RecordBatch>, Fault> {
        let Reading { file, wanted, .. } = &*self.reading;
        if !self.checked {
            check_text(file, &self.block)?;
            self.checked = true;
        }
        let text = self.block.text();
        let most = batch_rows(wanted.all.fields().len());
        let width = wanted.schema.fields().len();
        let mut columns = Vec::new();
        columns.resize_with(width, Cells::default);
        let (known, unescaped) = (Vec::new(), Vec::new());
        let (line, row, foreign) = (0, 0, false);
        let mut batch = Batch { reading: &self.reading, columns, known, unescaped, line, row, rows: most, foreign };
        // What the reader remembers of columns are places in this batch.
        self.reader = Reader::new();
        let mut starts = Vec::new();
        while batch.row < most {
            let Some((start, end)) = next_line(text, self.at) else { break };
            batch.line = start;
            let line = text.get(start..end).unwrap_or_default();
            if let Err(why) = self.reader.read(line, &mut batch) {
                let found = fault(file, &self.block, start, &why);
                return Err(match (batch.foreign, &wanted.belied) {
                    (false, _) => found,
                    (true, Some(belied)) => {
                        belied.store(true, Ordering::Relaxed);
                        found
                    }
                    (true, None) => changed(file),
                });
            }
            starts.push(start);
            batch.row += 1;
            self.at = end;
        }
        let rows = batch.row;
        if rows == 0 {
            return Ok(None);
        }
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(width);
        for (field, Cells(cells)) in wanted.schema.fields().iter().zip(&batch.columns) {
            let cell = |row: usize| {
                let cell = (*cells.get(row)?)?;
                let from = if cell.unescaped { &batch.unescaped } else { text };
                from.get(cell.start as usize..cell.end as usize)
            };
            let of_kind = |cell: &Option<Cell>| cell.is_none_or(|cell| cell.kind.may_be(field.data_type()));
            let built = match cells.iter().take(rows).position(|cell| !of_kind(cell)) {
                Some(row) => Err(Unfit::Row(row)),
                None => column::build(field.data_type(), rows, cell),
            };
            arrays.push(built.map_err(|unfit| {
                let row = match unfit {
                    Unfit::Row(row) => row,
                    Unfit::Text(why) => return Fault::new(format!("read {}", file.name), why, ""),
                };
                let Some(belied) = &wanted.belied else { return changed(file) };
                belied.store(true, Ordering::Relaxed);
                let why = format!("column {}: a value is of another type than those before it", field.name());
                fault(file, &self.block, starts.get(row).copied().unwrap_or_default(), &why)
            })?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(wanted.schema.clone(), arrays, &options);
        batch.map(Some).map_err(|e| Fault::new(format!("read {}", file.name), e, ""))
    }
}

fn changed(file: &DataFile) -> Fault {
    Fault::new(format!("read {}", file.name), "the file was changed while it was read", "run again")
}

#[cfg(test)]
mod tests {
    use crate::data::Table;

    #[test]
    fn a_file_without_any_byte_is_a_fault_wherever_it_stands() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("1.ndjson", "{\"a\":1}\n"), ("2.ndjson", ""), ("3.ndjson", "\n")] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let rows = |source: &str| {
            let batches = Table::guess(dir.path(), source, crate::data::Options::default())?.batches(None)?;
            batches.map(|batch| batch.map(|batch| batch.num_rows())).sum::<Result<usize, _>>()
        };
        let fault = rows("[12].ndjson").unwrap_err();
        assert_eq!((fault.what.as_str(), fault.why.as_str()), ("read 2.ndjson", "the file is empty"));
        assert_eq!(rows("2.ndjson").unwrap_err().why, "the file is empty");
        assert_eq!(rows("[13].ndjson"), Ok(1));
    }
}
