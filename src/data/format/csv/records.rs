//! Where the fields of CSV records lie in a text: RFC 4180, with the delimiter, quote and comment of a dialect.

use super::marks::{Before, Signs};
use crate::config::CsvDialect;
use memchr::{memchr, memchr_iter, memrchr};

/// What a field is enclosed by, and what ends it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Splitter {
    delimiter: u8,
    quote: Option<u8>,
    comment: Option<u8>,
}

/// A field: its bytes in the text, or among the unescaped ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

/// Texts are shorter than this.
const UNESCAPED: u32 = 1 << 31;

/// Consecutive records, each with the same number of fields.
#[derive(Default)]
pub(super) struct Grid {
    spans: Vec<Span>,
    /// Fields in which quotes were doubled, without the doubling.
    unescaped: Vec<u8>,
    pub rows: usize,
    columns: usize,
    /// Where in the text it begins.
    begin: usize,
}

impl Grid {
    #[inline]
    pub fn field<'a>(&'a self, text: &'a [u8], row: usize, column: usize) -> &'a [u8] {
        self.spans.get(row * self.columns + column).map_or(&[], |span| span.of(text, &self.unescaped))
    }
}

impl Span {
    #[inline]
    fn of<'a>(self, text: &'a [u8], unescaped: &'a [u8]) -> &'a [u8] {
        let (from, start) = match self.start & UNESCAPED {
            0 => (text, self.start),
            _ => (unescaped, self.start & !UNESCAPED),
        };
        from.get(start as usize..self.end as usize).unwrap_or_default()
    }
}

/// The names of columns, as bytes.
type Header = Vec<Vec<u8>>;

/// What a text may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Survey {
    /// Every line feed outside of quotes ends a record, with or without a carriage return before it.
    Regular {
        returns: bool,
    },
    Any,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It has this many fields.
    Fields(usize),
    /// A quote is opened and never closed.
    Open,
    /// Something follows on a closing quote that is no delimiter.
    AfterQuote,
}

/// A record that is none, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub at: usize,
    pub wrong: Wrong,
}

impl Splitter {
    pub fn new(dialect: &CsvDialect) -> Splitter {
        Splitter { delimiter: dialect.delimiter, quote: dialect.quote, comment: dialect.comment }
    }

    fn signs(&self) -> Signs {
        Signs { delimiter: self.delimiter, quote: self.quote }
    }

    /// How the records of a text may be found.
    pub fn survey(&self, text: &[u8]) -> Survey {
        let mut returns = memchr_iter(b'\r', text).peekable();
        let any = returns.peek().is_some();
        match self.comment.is_none() && returns.all(|at| text.get(at + 1) == Some(&b'\n')) {
            true => Survey::Regular { returns: any },
            false => Survey::Any,
        }
    }

    /// Reads up to `most` records of so many columns from `at` on; the text ends with a line break. Gives where the
    /// next record begins.
    pub fn read(
        &self,
        text: &[u8],
        at: usize,
        columns: usize,
        most: usize,
        survey: Survey,
        grid: &mut Grid,
    ) -> Result<usize, Broken> {
        (grid.rows, grid.columns, grid.begin) = (0, columns, at);
        grid.unescaped.clear();
        grid.spans.resize(most * columns, Span::default());
        if let Survey::Regular { returns } = survey
            && let Some(next) = self.read_regular(text, at, most, returns, grid)
        {
            return Ok(next);
        }
        grid.spans.clear();
        grid.rows = 0;
        let mut next = at;
        while grid.rows < most {
            let before = grid.spans.len();
            let Some((start, end)) = self.record(text, next, &mut grid.spans, &mut grid.unescaped)? else {
                return Ok(text.len());
            };
            let found = grid.spans.len() - before;
            if found != columns {
                return Err(Broken { at: start, wrong: Wrong::Fields(found) });
            }
            grid.rows += 1;
            next = end;
        }
        Ok(next)
    }

    /// As [`Splitter::read`], for records that are all of `grid.columns` fields and have quotes only around whole
    /// fields. None for any others, of which blank lines are a case.
    fn read_regular(&self, text: &[u8], at: usize, most: usize, returns: bool, grid: &mut Grid) -> Option<usize> {
        let (signs, goal) = (self.signs(), most * grid.columns);
        let mut before = Before::RECORD;
        let (mut found, mut column, mut start) = (0, 1, at);
        let mut doubled = false;
        let (chunks, rest) = text.get(at..)?.as_chunks::<64>();
        let mut last = [0; 64];
        last.get_mut(..rest.len())?.copy_from_slice(rest);
        let last = if rest.is_empty() { None } else { Some(&last) };
        for (place, chunk) in (at..).step_by(64).zip(chunks.iter().chain(last)) {
            let marks = signs.read(chunk, returns, &mut before);
            if marks.stray != 0 {
                return None;
            }
            let mut ends = marks.ends;
            doubled |= marks.doubled != 0;
            while ends != 0 {
                let bit = ends.trailing_zeros();
                let end = place + bit as usize;
                let is_line = marks.lines >> bit & 1 == 1;
                if is_line != (column == grid.columns) {
                    return None;
                }
                column = if is_line { 1 } else { column + 1 };
                let trimmed = is_line && returns && end > start && text.get(end - 1) == Some(&b'\r');
                let mut field = (start, if trimmed { end - 1 } else { end });
                if grid.columns == 1 && field.0 == field.1 {
                    return None;
                }
                if self.quote.is_some() && text.get(start) == self.quote.as_ref() {
                    field = (field.0 + 1, field.1.checked_sub(1)?);
                }
                let mut span = Span { start: field.0 as u32, end: field.1 as u32 };
                if doubled && field.0 > start {
                    span = self.unescape(text, span, &mut grid.unescaped);
                }
                *grid.spans.get_mut(found)? = span;
                (found, start) = (found + 1, end + 1);
                if found == goal {
                    grid.rows = most;
                    return Some(start);
                }
                ends &= ends - 1;
            }
            if marks.ends != 0 {
                doubled = marks.doubled >> (63 - marks.ends.leading_zeros()) != 0;
            }
        }
        if before.is_inside() || column != 1 || start != text.len() {
            return None;
        }
        grid.rows = found / grid.columns;
        Some(start)
    }

    /// A field without the doubling of quotes that it may have.
    fn unescape(&self, text: &[u8], span: Span, unescaped: &mut Vec<u8>) -> Span {
        let Some(quote) = self.quote else { return span };
        let mut rest = text.get(span.start as usize..span.end as usize).unwrap_or_default();
        if memchr(quote, rest).is_none() {
            return span;
        }
        let start = unescaped.len() as u32 | UNESCAPED;
        while let Some(at) = memchr(quote, rest) {
            unescaped.extend_from_slice(rest.get(..=at).unwrap_or_default());
            rest = rest.get(at + 2..).unwrap_or_default();
        }
        unescaped.extend_from_slice(rest);
        Span { start, end: unescaped.len() as u32 }
    }

    /// Appends the fields of the record that begins at or after `at`, blank lines and comments left out, and gives
    /// where it begins and where the next one may. None at the end of the text.
    pub fn record(
        &self,
        text: &[u8],
        mut at: usize,
        spans: &mut Vec<Span>,
        unescaped: &mut Vec<u8>,
    ) -> Result<Option<(usize, usize)>, Broken> {
        loop {
            match text.get(at) {
                None => return Ok(None),
                Some(b'\n' | b'\r') => at += 1,
                Some(first) if self.comment == Some(*first) => {
                    at = memchr(b'\n', text.get(at..).unwrap_or_default()).map_or(text.len(), |end| at + end);
                }
                Some(_) => break,
            }
        }
        let begin = at;
        let broken = |wrong| Broken { at: begin, wrong };
        loop {
            let (span, end) = match text.get(at) {
                Some(first) if self.quote == Some(*first) => {
                    self.quoted(text, at + 1, *first, unescaped).map_err(broken)?
                }
                _ => {
                    let rest = text.get(at..).unwrap_or_default();
                    let ends = |byte: &u8| *byte == self.delimiter || matches!(*byte, b'\n' | b'\r');
                    let end = at + rest.iter().position(ends).unwrap_or(rest.len());
                    (Span { start: at as u32, end: end as u32 }, end)
                }
            };
            spans.push(span);
            match text.get(end) {
                Some(byte) if *byte == self.delimiter => at = end + 1,
                Some(b'\r') if text.get(end + 1) == Some(&b'\n') => return Ok(Some((begin, end + 2))),
                _ => return Ok(Some((begin, end + 1))),
            }
        }
    }

    /// A field whose text begins at `at`, after its opening quote, and where it ends.
    fn quoted(&self, text: &[u8], at: usize, quote: u8, unescaped: &mut Vec<u8>) -> Result<(Span, usize), Wrong> {
        let (mut from, mut kept) = (at, None);
        loop {
            let rest = text.get(from..).unwrap_or_default();
            let Some(length) = memchr(quote, rest) else { return Err(Wrong::Open) };
            let close = from + length;
            match text.get(close + 1) {
                Some(next) if *next == quote => {
                    kept.get_or_insert(unescaped.len());
                    unescaped.extend_from_slice(text.get(from..=close).unwrap_or_default());
                    from = close + 2;
                }
                Some(next) if *next != self.delimiter && !matches!(next, b'\n' | b'\r') => {
                    return Err(Wrong::AfterQuote);
                }
                _ => {
                    let Some(start) = kept else {
                        return Ok((Span { start: at as u32, end: close as u32 }, close + 1));
                    };
                    unescaped.extend_from_slice(text.get(from..close).unwrap_or_default());
                    let span = Span { start: start as u32 | UNESCAPED, end: unescaped.len() as u32 };
                    return Ok((span, close + 1));
                }
            }
        }
    }

    /// The fields of the first record, and where it ends.
    pub fn header(&self, text: &[u8]) -> Result<Option<(Header, usize)>, Broken> {
        let (mut spans, mut unescaped) = (Vec::new(), Vec::new());
        let found = self.record(text, 0, &mut spans, &mut unescaped)?;
        let fields = spans.iter().map(|span| span.of(text, &unescaped).to_vec()).collect();
        Ok(found.map(|(_, end)| (fields, end)))
    }

    /// Where a record of the grid begins in the text.
    pub fn start(&self, text: &[u8], grid: &Grid, row: usize) -> usize {
        let (mut start, mut next) = (grid.begin, grid.begin);
        for _ in 0..=row {
            let Ok(Some(record)) = self.record(text, next, &mut Vec::new(), &mut Vec::new()) else { break };
            (start, next) = record;
        }
        start
    }

    /// Where the last complete record of a text ends, when the text begins with one.
    pub fn last_end(&self, text: &[u8]) -> Option<usize> {
        if self.comment.is_none()
            && self.quote.is_some()
            && let Some(end) = self.last_regular_end(text)
        {
            return Some(end);
        }
        self.last_end_of_any(text)
    }

    /// None also where quotes do not only stand around whole fields.
    fn last_regular_end(&self, text: &[u8]) -> Option<usize> {
        let (signs, mut before, mut last) = (self.signs(), Before::RECORD, None);
        let returns = memchr(b'\r', text).is_some();
        // What is left over is shorter than a chunk, and whether a last line ends in it does not matter.
        for (place, chunk) in (0..).step_by(64).zip(text.as_chunks::<64>().0) {
            let marks = signs.read(chunk, returns, &mut before);
            if marks.stray != 0 {
                return None;
            }
            if marks.lines != 0 {
                last = Some(place + 64 - marks.lines.leading_zeros() as usize);
            }
        }
        last
    }

    fn last_end_of_any(&self, text: &[u8]) -> Option<usize> {
        let line_end = |part: &[u8]| memrchr(b'\n', part).or_else(|| memrchr(b'\r', part));
        let Some(quote) = self.quote.filter(|quote| memchr(*quote, text).is_some()) else {
            return line_end(text).map(|end| end + 1);
        };
        // Text outside of quotes goes from `from` to the next quote that opens a field.
        let (mut from, mut search, mut last) = (0, 0, None);
        loop {
            let rest = text.get(search..).unwrap_or_default();
            let Some(length) = memchr(quote, rest) else {
                let end = line_end(text.get(from..).unwrap_or_default());
                return end.map(|end| from + end + 1).or(last);
            };
            let at = search + length;
            if let Some(end) = line_end(text.get(from..at).unwrap_or_default()) {
                last = Some(from + end + 1);
                from += end + 1;
            }
            let mut record = last.unwrap_or(0);
            while text.get(record) == Some(&b'\r') {
                record += 1;
            }
            if self.comment.is_some() && text.get(record) == self.comment.as_ref() {
                let rest = text.get(at..).unwrap_or_default();
                match memchr(b'\n', rest) {
                    Some(end) => (from, search) = (at + end, at + end),
                    None => return last,
                }
                continue;
            }
            let opens = at == 0 || text.get(at - 1).is_some_and(|b| *b == self.delimiter || matches!(b, b'\n' | b'\r'));
            if !opens {
                search = at + 1;
                continue;
            }
            let mut inside = at + 1;
            loop {
                let rest = text.get(inside..).unwrap_or_default();
                let Some(length) = memchr(quote, rest) else { return last };
                inside += length + 1;
                match text.get(inside) {
                    Some(next) if *next == quote => inside += 1,
                    // Whether the quote closes the field shows only with the byte behind it.
                    None => return last,
                    Some(_) => break,
                }
            }
            (from, search) = (inside, inside);
        }
    }
}

#[cfg(test)]
mod tests;
