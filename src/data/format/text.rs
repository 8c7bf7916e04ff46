//! Files of lines, plain or compressed, in blocks of complete records.

use super::super::source::{DataFile, Watch, stopped};
use crate::data::workers::lock;
use crate::model::Fault;
use std::io::{self, BufReader, ErrorKind, Read};
use std::sync::{Arc, Mutex};

/// Text that is read at once. A block is longer where a record is.
pub(super) const BLOCK_BYTES: usize = 4 << 20;
/// Longest record that is still read; a quote that is never closed would else fill the memory.
const RECORD_BYTES: usize = 64 << 20;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// How the bytes of a file are packed, by its ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Zstd,
}

impl Packing {
    fn of(file: &DataFile) -> Packing {
        let lower = file.name.to_ascii_lowercase();
        match lower.rsplit_once('.') {
            Some((_, "gz")) => Packing::Gzip,
            Some((_, "zst" | "zstd")) => Packing::Zstd,
            _ => Packing::None,
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Packing::None => "",
            Packing::Gzip => "check that the gzip file is whole",
            Packing::Zstd => "check that the zstd file is whole",
        }
    }
}

/// The file's text.
fn open(file: &DataFile) -> io::Result<Box<dyn Read + Send>> {
    let raw = file.open()?;
    let large = |raw| BufReader::with_capacity(1 << 18, raw);
    Ok(match Packing::of(file) {
        Packing::None => Box::new(raw),
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(large(raw))),
        Packing::Zstd => Box::new(zstd::Decoder::with_buffer(large(raw))?),
    })
}

/// The number of the line on which the first text at or after byte `start` lies, counted anew from the start of
/// the file: exact across CRLF, blank lines and line breaks within quotes, and only paid for when it is told.
pub(super) fn line_at(file: &DataFile, start: u64) -> u64 {
    let count = |text: Box<dyn Read + Send>| -> io::Result<u64> {
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
    };
    open(file).and_then(count).unwrap_or(1)
}

/// Memory that blocks hand on to each other.
#[derive(Clone, Default)]
struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

/// Complete records of one file.
pub(super) struct Block {
    text: Vec<u8>,
    /// Where it begins in the file's text, in bytes.
    pub offset: u64,
    /// Whether nothing follows.
    pub last: bool,
    pool: Pool,
}

impl Block {
    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let text = std::mem::take(&mut self.text);
        let mut pool = lock(&self.pool.0);
        // A worker holds one block or two; what is more than a few of them need is given back.
        if pool.len() < 4 && text.capacity() <= 4 * BLOCK_BYTES {
            pool.push(text);
        }
    }
}

/// Where the last complete record of a text ends, when the text begins with a record.
pub(super) type LastEnd = Box<dyn Fn(&[u8]) -> Option<usize> + Send>;

/// Cuts a file into blocks. Nothing is read ahead: a block is read when it is asked for.
pub(super) struct Blocks {
    reader: Box<dyn Read + Send>,
    file: DataFile,
    last_end: LastEnd,
    watch: Arc<Watch>,
    size: usize,
    carry: Vec<u8>,
    offset: u64,
    done: bool,
    pool: Pool,
}

impl Blocks {
    pub fn open(file: &DataFile, size: usize, watch: &Arc<Watch>, last_end: LastEnd) -> Result<Blocks, Fault> {
        let reader = open(file).map_err(|e| Fault::new(format!("read {}", file.name), e, ""))?;
        let (file, watch) = (file.clone(), watch.clone());
        let (carry, pool) = (Vec::new(), Pool::default());
        Ok(Blocks { reader, file, last_end, watch, size, carry, offset: 0, done: false, pool })
    }

    /// The next block; None at the end of the file. A byte order mark is left out, and the last line ends with a
    /// line break, whether or not it did in the file.
    pub fn next(&mut self) -> Result<Option<Block>, Fault> {
        if self.done {
            return Ok(None);
        }
        let pooled = lock(&self.pool.0).pop();
        let mut text = pooled.unwrap_or_default();
        text.clear();
        text.append(&mut self.carry);
        loop {
            let more = self.fill(&mut text)?;
            if self.offset == 0 && text.starts_with(BOM) {
                text.drain(..BOM.len());
                self.offset = BOM.len() as u64;
            }
            let end = if more { (self.last_end)(&text) } else { Some(text.len()) };
            if let Some(end) = end {
                self.done = !more;
                self.carry.extend_from_slice(&text[end..]);
                text.truncate(end);
                let offset = self.offset;
                self.offset += end as u64;
                if !more && text.is_empty() && offset > 0 {
                    return Ok(None);
                }
                if !more && text.last().is_some_and(|last| *last != b'\n') {
                    text.push(b'\n');
                }
                return Ok(Some(Block { text, offset, last: !more, pool: self.pool.clone() }));
            }
            if text.len() >= RECORD_BYTES {
                let line = line_at(&self.file, self.offset);
                let why = format!("line {line}: a record is longer than {} MiB", RECORD_BYTES >> 20);
                return Err(Fault::new(format!("read {}", self.file.name), why, "look for a quote that is not closed"));
            }
        }
    }

    /// Reads on; false at the end of the file.
    fn fill(&mut self, text: &mut Vec<u8>) -> Result<bool, Fault> {
        // As much again where a record is longer than a block, so that it is not looked through too often.
        let size = self.size.max(text.len().min(RECORD_BYTES.saturating_sub(text.len())));
        // Exactly, as blocks are the most that a reader holds; with room for what is carried over to the next one.
        if text.capacity() - text.len() <= size {
            text.reserve_exact(size + (1 << 16));
        }
        let goal = text.len() + size;
        while text.len() < goal {
            if self.watch.stopped() {
                return Err(stopped(&self.file.name));
            }
            let room = (goal - text.len()).min(1 << 20) as u64;
            match self.reader.by_ref().take(room).read_to_end(text) {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    let lines = memchr::memchr_iter(b'\n', text).count() as u64;
                    let line = line_at(&self.file, self.offset) + lines;
                    let why = format!("after line {line}: {e}");
                    return Err(Fault::new(format!("read {}", self.file.name), why, Packing::of(&self.file).hint()));
                }
            }
        }
        Ok(true)
    }
}
