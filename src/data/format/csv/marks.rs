//! Sixty-four bytes of CSV at a time: which of them end a field, which lie within quotes.
//!
//! Vectors compare the bytes; after that it is arithmetic on bits, one for each byte.

use wide::u8x16;

/// The bytes that mean something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signs {
    pub delimiter: u8,
    /// A byte that is no sign where there are no quotes.
    pub quote: Option<u8>,
}

/// What is known of the bytes before a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    /// All bits, if the chunk begins within quotes.
    inside: u64,
    /// 1, if a field may begin with the first byte, or if that byte may double a quote.
    edge: u64,
    /// 1, if the byte before closed a quote.
    closed: u64,
}

impl Before {
    /// A record begins.
    pub const RECORD: Before = Before { inside: 0, edge: 1, closed: 0 };

    pub fn is_inside(&self) -> bool {
        self.inside != 0
    }
}

/// A bit for each byte of a chunk, the first the lowest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    /// Line feeds outside of quotes.
    pub lines: u64,
    /// Delimiters outside of quotes, and line feeds.
    pub ends: u64,
    /// Quotes that double the one before them.
    pub doubled: u64,
    /// Quotes that stand where RFC 4180 has none.
    pub stray: u64,
}

/// A bit for each byte of a chunk that is `sign`.
#[inline(always)]
fn bits(chunk: &[u8; 64], sign: u8) -> u64 {
    let sign = u8x16::splat(sign);
    let mut bits = 0;
    for (at, lane) in chunk.as_chunks::<16>().0.iter().enumerate() {
        bits |= u64::from(u8x16::new(*lane).simd_eq(sign).to_bitmask()) << (16 * at);
    }
    bits
}

impl Signs {
    /// What the bytes of a chunk are. `returns`: whether the text holds carriage returns.
    #[inline]
    pub fn read(&self, chunk: &[u8; 64], returns: bool, before: &mut Before) -> Marks {
        let (delimiters, feeds) = (bits(chunk, self.delimiter), bits(chunk, b'\n'));
        let Some(quote) = self.quote else {
            return Marks { lines: feeds, ends: delimiters | feeds, doubled: 0, stray: 0 };
        };
        let quotes = bits(chunk, quote);
        let returns = if returns { bits(chunk, b'\r') } else { 0 };
        // Whether the number of quotes up to here is odd: from a quote that opens to before the one that closes.
        let mut inside = quotes;
        for shift in [1, 2, 4, 8, 16, 32] {
            inside ^= inside << shift;
        }
        inside ^= before.inside;
        let (opening, closing) = (quotes & inside, quotes & !inside);
        let ends = (delimiters | feeds) & !inside;
        let around = ends | (returns & !inside);
        let edge = ((around | closing) << 1) | before.edge;
        let closed = (closing << 1) | before.closed;
        *before = Before {
            inside: if inside >> 63 == 1 { u64::MAX } else { 0 },
            edge: (around | closing) >> 63,
            closed: closing >> 63,
        };
        let stray = (opening & !edge) | (closed & !(around | opening));
        Marks { lines: feeds & !inside, ends, doubled: closed & opening, stray }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hide_what_they_enclose() {
        let signs = Signs { delimiter: b',', quote: Some(b'"') };
        let marks = |text: &str| {
            let mut chunk = [b'x'; 64];
            chunk[..text.len()].copy_from_slice(text.as_bytes());
            let mut before = Before::RECORD;
            (signs.read(&chunk, true, &mut before), before.is_inside())
        };
        let (found, inside) = marks("a,\"b,\n\",c\n");
        assert_eq!((found.ends, found.lines, found.stray, inside), (0b10_1000_0010 | 1 << 7, 1 << 9, 0, false));
        assert_eq!(marks("\"a\"\"b\",").0.doubled, 1 << 3);
        assert_eq!(marks("\"a\"\"b\",").0.stray, 0);
        assert_ne!(marks("5\" pipe,").0.stray, 0);
        assert_ne!(marks("\"a\"b,").0.stray, 0);
        assert_eq!(marks("\"a\"\r\n").0.stray, 0);
        assert!(marks("\"a\",\"b").1);
    }
}
