//! One JSON object (RFC 8259) out of a line: its scalars one by one, objects in it by the names of both levels.

use super::column::Kind;
use std::collections::HashMap;

/// What takes the values of an object.
pub(super) trait Sink {
    /// The place of a column; None for a value that nobody wants.
    ///
    /// # Errors
    /// When there must not be such a column.
    fn column(&mut self, name: &str) -> Result<Option<usize>, String>;

    /// A value that is not null.
    fn put(&mut self, column: usize, kind: Kind, text: Text<'_>) -> Result<(), String>;
}

/// A value's text: a part of the line, or a string whose escapes are undone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Text<'a> {
    Line { start: usize, end: usize },
    Unescaped(&'a str),
}

/// The keys met at one level, in the order of an object, so that the next is found at once.
#[derive(Default)]
struct Level {
    prefix: String,
    keys: Vec<Key>,
    places: HashMap<String, usize>,
    /// Where the next key is looked for first.
    next: usize,
}

struct Key {
    name: String,
    column: Option<Option<usize>>,
    level: Option<usize>,
    /// The object that it was last seen in.
    seen: u64,
}

/// Reads objects, and remembers their keys.
pub(super) struct Reader {
    levels: Vec<Level>,
    objects: u64,
    columns: Vec<u64>,
    unescaped: String,
}

/// Deepest object in an object.
const DEPTH: usize = 64;

type Found<T> = Result<T, String>;

impl Reader {
    pub fn new() -> Reader {
        Reader { levels: vec![Level::default()], objects: 0, columns: Vec::new(), unescaped: String::new() }
    }

    /// Hands every value of the object in a line to the sink.
    ///
    /// # Errors
    /// When the line is no JSON object, or a key is there twice.
    pub fn read(&mut self, line: &[u8], sink: &mut impl Sink) -> Found<()> {
        self.objects += 1;
        let mut cursor = Cursor { line, at: 0 };
        cursor.space();
        if cursor.peek() != Some(b'{') {
            return Err(match cursor.peek() {
                Some(b'[') => "an array, where an object is expected".to_string(),
                _ => "no JSON object".to_string(),
            });
        }
        self.object(&mut cursor, 0, DEPTH, sink)?;
        cursor.space();
        match cursor.peek() {
            None => Ok(()),
            Some(_) => Err(cursor.wrong("the end of the line")),
        }
    }

    fn object(&mut self, cursor: &mut Cursor, level: usize, depth: usize, sink: &mut impl Sink) -> Found<()> {
        if depth == 0 {
            return Err(format!("objects lie more than {DEPTH} deep in each other"));
        }
        cursor.expect(b'{')?;
        if let Some(level) = self.levels.get_mut(level) {
            level.next = 0;
        }
        cursor.space();
        if cursor.take(b'}') {
            return Ok(());
        }
        loop {
            cursor.space();
            let name = cursor.string()?;
            let key = match name {
                (start, end, false) => self.key(level, text(cursor.line, start, end)),
                (start, end, true) => {
                    let name = unescape(cursor.line, start, end)?;
                    self.key(level, &name)
                }
            };
            let objects = self.objects;
            let Some(known) = self.levels.get_mut(level).and_then(|level| level.keys.get_mut(key)) else {
                return Err("a key is lost".to_string());
            };
            if std::mem::replace(&mut known.seen, objects) == objects {
                return Err(format!("key {:?} is there twice", self.name(level, key)));
            }
            cursor.space();
            cursor.expect(b':')?;
            cursor.space();
            match cursor.peek() {
                Some(b'{') => {
                    let inner = self.inner(level, key);
                    self.object(cursor, inner, depth - 1, sink)?;
                }
                _ => self.scalar(cursor, level, key, sink)?,
            }
            cursor.space();
            if cursor.take(b'}') {
                return Ok(());
            }
            cursor.expect(b',')?;
        }
    }

    fn scalar(&mut self, cursor: &mut Cursor, level: usize, key: usize, sink: &mut impl Sink) -> Found<()> {
        let (kind, start, end, escaped) = cursor.value()?;
        let known = self.levels.get(level).and_then(|level| level.keys.get(key)).and_then(|key| key.column);
        let column = match known {
            Some(column) => column,
            None => {
                let column = sink.column(&self.name(level, key))?;
                if let Some(key) = self.levels.get_mut(level).and_then(|level| level.keys.get_mut(key)) {
                    key.column = Some(column);
                }
                column
            }
        };
        let Some(column) = column else { return Ok(()) };
        if self.columns.len() <= column {
            self.columns.resize(column + 1, 0);
        }
        if let Some(seen) = self.columns.get_mut(column)
            && std::mem::replace(seen, self.objects) == self.objects
        {
            return Err(format!("there are two values for {:?}", self.name(level, key)));
        }
        let Some(kind) = kind else { return Ok(()) };
        match escaped {
            false => sink.put(column, kind, Text::Line { start, end }),
            true => {
                self.unescaped = unescape(cursor.line, start, end)?;
                sink.put(column, kind, Text::Unescaped(&self.unescaped))
            }
        }
    }

    /// The place of a key among those of its level.
    fn key(&mut self, level: usize, name: &str) -> usize {
        let Some(level) = self.levels.get_mut(level) else { return 0 };
        let guess = level.next;
        let place = match level.keys.get(guess) {
            Some(key) if key.name == name => guess,
            _ => match level.places.get(name) {
                Some(place) => *place,
                None => {
                    level.places.insert(name.to_string(), level.keys.len());
                    level.keys.push(Key { name: name.to_string(), column: None, level: None, seen: 0 });
                    level.keys.len() - 1
                }
            },
        };
        level.next = place + 1;
        place
    }

    /// The level of the objects that stand at a key.
    fn inner(&mut self, level: usize, key: usize) -> usize {
        let known = self.levels.get(level).and_then(|level| level.keys.get(key)).and_then(|key| key.level);
        known.unwrap_or_else(|| {
            let inner = self.levels.len();
            let prefix = format!("{}.", self.name(level, key));
            self.levels.push(Level { prefix, ..Level::default() });
            if let Some(key) = self.levels.get_mut(level).and_then(|level| level.keys.get_mut(key)) {
                key.level = Some(inner);
            }
            inner
        })
    }

    fn name(&self, level: usize, key: usize) -> String {
        let Some(level) = self.levels.get(level) else { return String::new() };
        format!("{}{}", level.prefix, level.keys.get(key).map_or("", |key| &key.name))
    }
}

/// The line is UTF-8, and tokens begin and end at ASCII characters.
fn text(line: &[u8], start: usize, end: usize) -> &str {
    line.get(start..end).and_then(|part| std::str::from_utf8(part).ok()).unwrap_or_default()
}

/// A string with escapes, which lies so in the line without its quotes.
fn unescape(line: &[u8], start: usize, end: usize) -> Found<String> {
    serde_json::from_str(&format!("\"{}\"", text(line, start, end))).map_err(|_| {
        format!("the string that begins at character {} holds an escape that is none", character(line, start))
    })
}

/// Counted from 1.
fn character(line: &[u8], at: usize) -> usize {
    String::from_utf8_lossy(line.get(..at).unwrap_or_default()).chars().count() + 1
}

struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Found<()> {
        match self.take(byte) {
            true => Ok(()),
            false => Err(self.wrong(&format!("{:?}", char::from(byte)))),
        }
    }

    /// Characters are counted from 1. What stands there is not shown: it may be of a private value.
    fn wrong(&self, expected: &str) -> String {
        let rest = self.line.get(self.at..).unwrap_or_default();
        match rest.trim_ascii_end().is_empty() {
            false => format!("{expected} is expected at character {}", character(self.line, self.at)),
            true => format!("it ends where {expected} is expected"),
        }
    }

    /// A string: where its text begins and ends, and whether it holds escapes.
    fn string(&mut self) -> Found<(usize, usize, bool)> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok((start, self.at - 1, escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(0..0x20) | None => return Err(self.wrong("the end of a string")),
                Some(_) => self.at += 1,
            }
        }
    }

    /// A value that is no object: its kind, None for null, and where its text lies.
    fn value(&mut self) -> Found<(Option<Kind>, usize, usize, bool)> {
        let start = self.at;
        let kind = match self.peek() {
            Some(b'"') => {
                let (start, end, escaped) = self.string()?;
                return Ok((Some(Kind::String), start, end, escaped));
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Some(Kind::Number)
            }
            Some(b't') => self.word(b"true", Some(Kind::Bool))?,
            Some(b'f') => self.word(b"false", Some(Kind::Bool))?,
            Some(b'n') => self.word(b"null", None)?,
            Some(b'[') => {
                let rest = self.line.get(self.at..).unwrap_or_default();
                let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<serde::de::IgnoredAny>();
                match values.next() {
                    Some(Ok(_)) => self.at += values.byte_offset(),
                    _ => return Err(format!("no JSON array begins at character {}", character(self.line, self.at))),
                }
                Some(Kind::Array)
            }
            _ => return Err(self.wrong("a value")),
        };
        Ok((kind, start, self.at, false))
    }

    fn word(&mut self, word: &[u8], kind: Option<Kind>) -> Found<Option<Kind>> {
        match self.line.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            true => {
                self.at += word.len();
                Ok(kind)
            }
            false => Err(self.wrong("a value")),
        }
    }

    fn digits(&mut self) -> Found<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.wrong("a digit")) } else { Ok(()) }
    }

    fn number(&mut self) -> Found<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
