//! The type of a column written as text: the narrowest that its values fit.

use super::format::column::Kind;
use super::format::parse::{boolean, date, float, int, timestamp, zoned};
use arrow::datatypes::{DataType, TimeUnit};

const INT: u8 = 1;
const FLOAT: u8 = 2;
const BOOL: u8 = 4;
const DATE: u8 = 8;
const TIMESTAMP: u8 = 16;
const ZONED: u8 = 32;

/// The types that all values seen so far fit.
#[derive(Clone, Debug)]
pub(super) struct Guess {
    fits: u8,
    seen: bool,
    /// The value that left only text.
    misfit: Option<Misfit>,
}

#[derive(Clone, Debug)]
pub(super) struct Misfit {
    pub value: String,
    pub file: usize,
    pub line: u64,
}

impl Guess {
    pub fn new() -> Guess {
        Guess { fits: INT | FLOAT | BOOL | DATE | TIMESTAMP | ZONED, seen: false, misfit: None }
    }

    /// Narrows by one value, which must not be empty. True if it was the one that left only text.
    pub fn see(&mut self, value: &[u8]) -> bool {
        self.narrow(value, u8::MAX)
    }

    /// Narrows by a JSON value: a string is a time or text, whatever else it may look like, and an array is text.
    pub fn see_json(&mut self, kind: Kind, value: &[u8]) -> bool {
        let among = match kind {
            Kind::Number => INT | FLOAT,
            Kind::Bool => BOOL,
            Kind::String => DATE | TIMESTAMP | ZONED,
            Kind::Array => 0,
        };
        self.narrow(value, among)
    }

    fn narrow(&mut self, value: &[u8], among: u8) -> bool {
        if self.fits == 0 {
            return false;
        }
        self.seen = true;
        self.fits &= among;
        let holds = |kind: u8| match kind {
            INT => int(value).is_some(),
            FLOAT => float(value).is_some(),
            BOOL => boolean(value).is_some(),
            DATE => date(value).is_some(),
            TIMESTAMP => timestamp(value).is_some(),
            _ => zoned(value).is_some(),
        };
        // What is an int is a float too, which saves the slower parse.
        let left = match self.fits & INT != 0 && holds(INT) {
            true => INT | FLOAT,
            false => [FLOAT, BOOL, DATE, TIMESTAMP, ZONED]
                .into_iter()
                .filter(|kind| self.fits & kind != 0 && holds(*kind))
                .fold(0, |all, kind| all | kind),
        };
        self.fits &= left;
        self.fits == 0
    }

    /// Whether only text is left, so that no further value says more.
    pub fn is_text(&self) -> bool {
        self.fits == 0
    }

    /// Whether there was a value.
    pub fn is_seen(&self) -> bool {
        self.seen
    }

    pub fn blame(&mut self, misfit: Misfit) {
        self.misfit = Some(misfit);
    }

    pub fn misfit(&self) -> Option<&Misfit> {
        self.misfit.as_ref()
    }

    /// Null when there was no value at all.
    pub fn data_type(&self) -> DataType {
        match self.fits {
            _ if !self.seen => DataType::Null,
            fits if fits & INT != 0 => DataType::Int64,
            fits if fits & FLOAT != 0 => DataType::Float64,
            fits if fits & BOOL != 0 => DataType::Boolean,
            fits if fits & DATE != 0 => DataType::Date32,
            fits if fits & TIMESTAMP != 0 => DataType::Timestamp(TimeUnit::Microsecond, None),
            fits if fits & ZONED != 0 => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            _ => DataType::Utf8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(values: &[&str]) -> DataType {
        let mut guess = Guess::new();
        for value in values {
            guess.see(value.as_bytes());
        }
        guess.data_type()
    }

    #[test]
    fn a_column_takes_the_narrowest_type_that_fits_all() {
        let naive = DataType::Timestamp(TimeUnit::Microsecond, None);
        let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        for (values, expected) in [
            (&[][..], DataType::Null),
            (&["1", "-2", " 3"], DataType::Int64),
            (&["1", "2.5"], DataType::Float64),
            (&["2.5", "1"], DataType::Float64),
            (&["1e3", "NaN", "inf"], DataType::Float64),
            (&["true", "FALSE"], DataType::Boolean),
            (&["true", "1"], DataType::Utf8),
            (&["99999999999999999999"], DataType::Utf8),
            (&["1.5", "99999999999999999999"], DataType::Utf8),
            (&["2024-02-29"], DataType::Date32),
            (&["2023-02-29"], DataType::Utf8),
            (&["2024-02-29", "2024-03-01 10:00"], naive.clone()),
            (&["2024-03-01T10:00:00.5"], naive),
            (&["2024-03-01T10:00:00Z", "2024-03-01 10:00:00+09:00"], zoned),
            (&["2024-03-01T10:00:00Z", "2024-03-01T10:00:00"], DataType::Utf8),
            (&["1", "NA"], DataType::Utf8),
        ] {
            assert_eq!(guess(values), expected, "{values:?}");
        }
    }
}
