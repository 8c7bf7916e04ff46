//! XML text cut to a bounded length on its way to the parser. A test's captured output may be larger than the
//! memory, and the parser holds a whole text at once; nobody reads more of it here than the first line.

use std::io::{self, BufRead, Read};

/// Bytes let through of one text, CDATA section or comment.
const TEXT_BYTES: usize = 16 * 1024;
/// Bytes of one tag, declaration or processing instruction; a message is an attribute and may be long.
const TAG_BYTES: usize = 16 * 1024 * 1024;

/// Hands out one line at most at a time, so that the line it stands on is known when the parser stops.
pub(super) struct Bounded<R> {
    source: R,
    ready: Vec<u8>,
    given: usize,
    cutter: Cutter,
    /// The line, from one, that `ready` lies on, and whether it reached the line's end.
    line: u64,
    line_ended: bool,
}

impl<R: BufRead> Bounded<R> {
    pub(super) fn new(source: R) -> Bounded<R> {
        let cutter = Cutter { state: State::Text, length: 0 };
        Bounded { source, ready: Vec::new(), given: 0, cutter, line: 1, line_ended: false }
    }

    /// The line, from one, that the last bytes handed out lie on.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Moves one line, or what the source has of it, to `ready`. False at the end.
    fn refill(&mut self) -> io::Result<bool> {
        let read = self.source.fill_buf()?;
        if read.is_empty() {
            return Ok(false);
        }
        self.line += u64::from(self.line_ended);
        let line_end = read.iter().position(|&byte| byte == b'\n');
        let length = line_end.map_or(read.len(), |at| at + 1);
        self.line_ended = line_end.is_some();
        self.ready.clear();
        self.given = 0;
        for &byte in &read[..length] {
            self.cutter.take(byte, &mut self.ready);
        }
        self.source.consume(length);
        match self.cutter.length > TAG_BYTES && !self.cutter.in_text() {
            true => Err(io::Error::new(io::ErrorKind::InvalidData, "a tag is longer than 16 MiB")),
            false => Ok(true),
        }
    }
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let length = ready.len().min(into.len());
        into[..length].copy_from_slice(&ready[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.given >= self.ready.len() && self.refill()? {}
        Ok(&self.ready[self.given..])
    }

    fn consume(&mut self, length: usize) {
        self.given = (self.given + length).min(self.ready.len());
    }
}

/// Knows just enough of XML to tell text from tags.
struct Cutter {
    state: State,
    /// Bytes of the current text or tag so far.
    length: usize,
}

#[derive(Clone, Copy)]
enum State {
    Text,
    /// After `<`: what may yet become `<!--` or `<![CDATA[`.
    Opening([u8; 8], usize),
    /// In a tag; the quote that is open.
    Tag(Option<u8>),
    /// `<?`; whether the last byte was `?`.
    Instruction(bool),
    /// `<!DOCTYPE`; the depth of angle brackets.
    Declaration(u32),
    /// In a CDATA section or a comment, which these bytes end. So many of them have come, and are held back.
    Until(&'static [u8; 3], usize),
}

impl Cutter {
    fn in_text(&self) -> bool {
        matches!(self.state, State::Text | State::Until(..))
    }

    /// Takes one byte: to `out`, unless the text that it is in has been long enough.
    fn take(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.length += 1;
        match self.state {
            State::Text if byte == b'<' => {
                out.push(byte);
                self.enter(State::Opening([0; 8], 0));
            }
            State::Text => self.give(&[byte], out),
            State::Until(end, 2) if byte == end[2] => {
                out.extend_from_slice(end);
                self.enter(State::Text);
            }
            State::Until(end, seen) if seen < 2 && byte == end[seen] => self.state = State::Until(end, seen + 1),
            // Both ends begin with the same byte twice: in `]]]>` the end begins one later.
            State::Until(end, 2) if byte == end[0] => self.give(&[byte], out),
            State::Until(end, seen) => {
                self.give(&end[..seen], out);
                self.give(&[byte], out);
                self.state = State::Until(end, 0);
            }
            _ => {
                out.push(byte);
                self.mark_up(byte);
            }
        }
    }

    fn mark_up(&mut self, byte: u8) {
        match (self.state, byte) {
            (State::Opening(mut head, at), _) => {
                head[at] = byte;
                match opened(head, at + 1) {
                    state @ (State::Opening(..) | State::Tag(_) | State::Declaration(_) | State::Instruction(_)) => {
                        self.state = state;
                    }
                    text => self.enter(text),
                }
            }
            (State::Tag(None) | State::Instruction(true) | State::Declaration(1), b'>') => self.enter(State::Text),
            (State::Tag(None), quote @ (b'"' | b'\'')) => self.state = State::Tag(Some(quote)),
            (State::Tag(Some(quote)), _) if quote == byte => self.state = State::Tag(None),
            (State::Instruction(_), _) => self.state = State::Instruction(byte == b'?'),
            (State::Declaration(depth), b'>') => self.state = State::Declaration(depth - 1),
            (State::Declaration(depth), b'<') => self.state = State::Declaration(depth.saturating_add(1)),
            _ => {}
        }
    }

    fn enter(&mut self, state: State) {
        *self = Cutter { state, length: 0 };
    }

    fn give(&self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.length <= TEXT_BYTES {
            out.extend_from_slice(bytes);
        }
    }
}

/// What the `length` bytes of `head` after `<` begin.
fn opened(head: [u8; 8], length: usize) -> State {
    let head_bytes = &head[..length];
    match head_bytes {
        b"![CDATA[" => State::Until(b"]]>", 0),
        b"!--" => State::Until(b"-->", 0),
        b"?" => State::Instruction(false),
        _ if b"![CDATA[".starts_with(head_bytes) || b"!--".starts_with(head_bytes) => State::Opening(head, length),
        [.., b'>'] => State::Text,
        [b'!', ..] => State::Declaration(1),
        _ => State::Tag(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Bounded::new(text).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn what_is_short_passes_unchanged() {
        let text = b"<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY b \"<c>\">]><!-- - -- > --><a b='>'>\n\
            x &amp; y<![CDATA[ ]] ]]]>]]></a>\n<!---->";
        assert_eq!(String::from_utf8(through(text)).unwrap(), String::from_utf8(text.to_vec()).unwrap());
    }

    #[test]
    fn long_texts_are_cut_and_stay_well_formed() {
        let long = "y".repeat(3 * TEXT_BYTES);
        for (open, close) in
            [("<a>", "</a>"), ("<a><![CDATA[", "]]></a>"), ("<a><!--", "--></a>"), ("<a>\n<![CDATA[]]", "]]></a>")]
        {
            let out = String::from_utf8(through(format!("{open}{long}{close}<b/>").as_bytes())).unwrap();
            assert!(out.len() < 2 * TEXT_BYTES, "{}", out.len());
            assert!(out.starts_with(open) && out.ends_with(&format!("y{close}<b/>")), "{}", &out[out.len() - 40..]);
        }
    }

    #[test]
    fn the_end_of_a_section_may_lie_on_the_cut() {
        for around in 0..6 {
            let text = format!("<a><![CDATA[{}]]></a>", "y".repeat(TEXT_BYTES - 3 + around));
            let out = String::from_utf8(through(text.as_bytes())).unwrap();
            assert!(out.ends_with("y]]></a>"), "{around}: {}", &out[out.len() - 20..]);
            assert!(out.len() <= text.len());
        }
    }

    #[test]
    fn a_tag_without_end_is_an_error() {
        let text = [b"<a b='".to_vec(), vec![b'x'; TAG_BYTES + 10_000]].concat();
        let error = Bounded::new(io::BufReader::new(&text[..])).read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
