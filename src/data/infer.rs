//! The type of a CSV column, from every one of its values: no sample, so that no later row can belie it.

use crate::config::data_check::time::moment;
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
    pub fn see(&mut self, value: &str) -> bool {
        self.seen = true;
        if self.fits == 0 {
            return false;
        }
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

pub(super) fn int(value: &str) -> Option<i64> {
    value.trim().parse().ok()
}

/// Whole numbers beyond 64 bits are no floats: rounding would make different ids equal.
pub(super) fn float(value: &str) -> Option<f64> {
    let value = value.trim();
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    if digits.bytes().all(|b| b.is_ascii_digit()) && int(value).is_none() {
        return None;
    }
    value.parse().ok()
}

pub(super) fn boolean(value: &str) -> Option<bool> {
    let value = value.trim();
    let is = |word: &str| value.eq_ignore_ascii_case(word);
    (is("true") || is("false")).then(|| is("true"))
}

/// As days since 1970-01-01.
pub(super) fn date(value: &str) -> Option<i32> {
    let moment = moment(value).filter(|moment| moment.date_only)?;
    i32::try_from(moment.micros / 86_400_000_000).ok()
}

/// Without a zone, a date too; as microseconds since 1970-01-01T00:00.
pub(super) fn timestamp(value: &str) -> Option<i64> {
    moment(value).filter(|moment| !moment.zoned).map(|moment| moment.micros)
}

/// With a zone; as microseconds since 1970-01-01T00:00Z.
pub(super) fn zoned(value: &str) -> Option<i64> {
    moment(value).filter(|moment| moment.zoned).map(|moment| moment.micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(values: &[&str]) -> DataType {
        let mut guess = Guess::new();
        for value in values {
            guess.see(value);
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
