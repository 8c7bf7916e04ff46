//! The columns of a key in one batch.

use super::packing::Window;
use super::{Key, Packing, mix};
use crate::data::values::{Coded, Family, Values, describe};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray};
use arrow::array::{TimestampNanosecondArray, UInt64Array};
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampNanosecondType, UInt64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use foldhash::quality::FixedState;
use std::hash::{BuildHasher, Hasher};

/// The keys of a batch.
pub(in crate::data) struct Keys<'a> {
    parts: Vec<Part<'a>>,
    rows: usize,
}

/// One value: small and exact, or 128 bits of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Small(i64),
    Wide(u128),
}

enum Part<'a> {
    Null,
    Ints(&'a Int64Array),
    Days(&'a Date32Array),
    Bools(&'a BooleanArray),
    Floats(&'a Float64Array),
    Text(&'a StringArray),
    /// With the hash of each entry of the dictionary.
    Coded(&'a Coded, Vec<u128>),
    Unsigned(&'a UInt64Array),
    Nanos(&'a TimestampNanosecondArray),
    Shown(Box<ArrayFormatter<'a>>, &'a ArrayRef),
}

/// Whether values of this type can be told apart by a key.
pub(in crate::data) fn has_key(data_type: &DataType) -> bool {
    !data_type.is_nested()
}

/// Where a row lies in a packing, as far as its columns have been looked at.
#[derive(Clone, Copy)]
enum Place {
    At(u64),
    Outside,
    Null,
}

impl Place {
    fn then(self, code: Option<Code>, window: Window, nulls_equal: bool) -> Place {
        let place = match code {
            None if nulls_equal => Some(0),
            None => return Place::Null,
            Some(Code::Small(value)) => window.place(value),
            Some(Code::Wide(_)) => None,
        };
        match (self, place) {
            (Place::At(before), Some(place)) => Place::At(before << window.bits | place),
            (Place::Null, _) => Place::Null,
            _ => Place::Outside,
        }
    }
}

impl<'a> Keys<'a> {
    /// Each column as it came and as its family. With `days`, a date is the number of its day; without, the
    /// moment that it begins, which equals the timestamp of that moment.
    ///
    /// # Errors
    /// For lists, structs and maps, which have no key.
    pub fn new(
        rows: usize,
        columns: impl Iterator<Item = (&'a ArrayRef, &'a Values)>,
        days: bool,
    ) -> Result<Keys<'a>, String> {
        let parts = columns.map(|(array, values)| Part::new(array, values, days)).collect::<Result<_, _>>()?;
        Ok(Keys { parts, rows })
    }

    /// The key of each row, None for a row with a null unless `nulls_equal` makes null a value like others.
    pub fn each(&self, packing: Option<&Packing>, nulls_equal: bool, mut see: impl FnMut(usize, Option<Key>)) {
        if let [part] = &self.parts[..] {
            return part.each(self.rows, see);
        }
        match packing {
            Some(packing) => {
                // Column by column, so that what kind of column it is is asked once.
                let mut places = vec![Place::At(0); self.rows];
                for (part, window) in self.parts.iter().zip(&packing.windows) {
                    part.codes(self.rows, |row, code| places[row] = places[row].then(code, *window, nulls_equal));
                }
                for (row, place) in places.into_iter().enumerate() {
                    match place {
                        Place::At(key) => see(row, Some(Key::Narrow(key))),
                        Place::Null => see(row, None),
                        Place::Outside => see(row, self.hashed(row, nulls_equal).map(Key::Wide)),
                    }
                }
            }
            None => (0..self.rows).for_each(|row| see(row, self.hashed(row, nulls_equal).map(Key::Wide))),
        }
    }

    fn hashed(&self, row: usize, nulls_equal: bool) -> Option<u128> {
        let (mut high, mut low) = (0_u64, 0_u64);
        for part in &self.parts {
            let (tag, code) = match part.code(row) {
                None if nulls_equal => (1, 0),
                None => return None,
                Some(Code::Small(value)) => (2, value as u64 as u128),
                Some(Code::Wide(code)) => (3, code),
            };
            let (one, two) = ((code >> 64) as u64, code as u64);
            high = mix(high.rotate_left(29) ^ mix(two ^ tag) ^ one);
            low = mix(low.rotate_left(31) ^ mix(two.wrapping_add(0x2545_f491_4f6c_dd1d) ^ one.rotate_left(17)) ^ tag);
        }
        Some(u128::from(high) << 64 | u128::from(low))
    }

    /// The smallest and largest small value of each column; None where a column has wide ones, or none at all.
    pub fn ranges(&self) -> Option<Vec<(i64, i64)>> {
        self.parts.iter().map(|part| part.range(self.rows)).collect()
    }
}

impl<'a> Part<'a> {
    fn new(array: &'a ArrayRef, values: &'a Values, days: bool) -> Result<Part<'a>, String> {
        Ok(match (array.data_type(), values) {
            (DataType::UInt64, _) => Part::Unsigned(array.as_primitive::<UInt64Type>()),
            (DataType::Date32, _) if days => Part::Days(array.as_primitive::<Date32Type>()),
            (DataType::Timestamp(TimeUnit::Nanosecond, _), _) => {
                Part::Nanos(array.as_primitive::<TimestampNanosecondType>())
            }
            (data_type, _) if !has_key(data_type) => {
                return Err(format!("a column of type {} has no key", describe(data_type)));
            }
            (data_type, _) if matches!(Family::of(data_type), Family::Decimal | Family::Other) => {
                const PLAIN: FormatOptions = FormatOptions::new();
                Part::Shown(Box::new(ArrayFormatter::try_new(array, &PLAIN).map_err(|e| e.to_string())?), array)
            }
            (_, Values::Int(values) | Values::Time(values)) => Part::Ints(values),
            (_, Values::Bool(values)) => Part::Bools(values),
            (_, Values::Float(values)) => Part::Floats(values),
            (_, Values::Text(values)) => Part::Text(values),
            (_, Values::Coded(coded)) => {
                let entries = coded.texts.iter().map(|text| hash(text.unwrap_or_default().as_bytes()));
                Part::Coded(coded, entries.collect())
            }
            (_, Values::Null(_) | Values::Other(_)) => Part::Null,
        })
    }

    /// None for null.
    fn code(&self, row: usize) -> Option<Code> {
        if self.is_null(row) {
            return None;
        }
        Some(match self {
            Part::Null => return None,
            Part::Ints(values) => Code::Small(values.value(row)),
            Part::Days(values) => Code::Small(i64::from(values.value(row))),
            Part::Bools(values) => Code::Small(i64::from(values.value(row))),
            Part::Floats(values) => float(values.value(row)),
            Part::Text(values) => Code::Wide(hash(values.value(row).as_bytes())),
            Part::Coded(coded, entries) => Code::Wide(entries[coded.codes.value(row) as usize]),
            Part::Unsigned(values) => match i64::try_from(values.value(row)) {
                Ok(small) => Code::Small(small),
                Err(_) => large(i128::from(values.value(row))),
            },
            Part::Nanos(values) => match values.value(row) {
                nanos if nanos % 1000 == 0 => Code::Small(nanos / 1000),
                nanos => exact(4, nanos as u64),
            },
            Part::Shown(formatter, array) => {
                // Values of these types are always shown; an error would be equal to itself alone.
                let shown = formatter.value(row).try_to_string().unwrap_or_else(|e| format!("{row}: {e}"));
                let decimal = Family::of(array.data_type()) == Family::Decimal && shown.contains('.');
                let shown = if decimal { shown.trim_end_matches('0').trim_end_matches('.') } else { &shown };
                Code::Wide(hash(shown.as_bytes()))
            }
        })
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Part::Null => true,
            Part::Ints(values) => values.is_null(row),
            Part::Days(values) => values.is_null(row),
            Part::Bools(values) => values.is_null(row),
            Part::Floats(values) => values.is_null(row),
            Part::Text(values) => values.is_null(row),
            Part::Coded(coded, _) => coded.is_null(row),
            Part::Unsigned(values) => values.is_null(row),
            Part::Nanos(values) => values.is_null(row),
            Part::Shown(_, array) => array.is_null(row),
        }
    }

    fn each(&self, rows: usize, mut see: impl FnMut(usize, Option<Key>)) {
        let key = |code| match code {
            Code::Small(value) => Key::Narrow(value as u64),
            Code::Wide(wide) => Key::Wide(wide),
        };
        self.codes(rows, |row, code| see(row, code.map(key)));
    }

    fn codes(&self, rows: usize, mut see: impl FnMut(usize, Option<Code>)) {
        match self {
            Part::Ints(values) if values.null_count() == 0 => {
                values.values().iter().enumerate().for_each(|(row, value)| see(row, Some(Code::Small(*value))));
            }
            Part::Days(values) if values.null_count() == 0 => {
                let days = values.values().iter().enumerate();
                days.for_each(|(row, value)| see(row, Some(Code::Small(i64::from(*value)))));
            }
            _ => (0..rows).for_each(|row| see(row, self.code(row))),
        }
    }

    fn range(&self, rows: usize) -> Option<(i64, i64)> {
        match self {
            Part::Null | Part::Text(_) | Part::Coded(..) | Part::Shown(..) => None,
            _ => {
                let mut range: Option<(i64, i64)> = None;
                for code in (0..rows).filter_map(|row| self.code(row)) {
                    let Code::Small(value) = code else { return None };
                    range = Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
                }
                range
            }
        }
    }
}

/// 1.0 equals 1, as a column of ids becomes one of floats where ids are missing; there is one zero and one NaN.
fn float(value: f64) -> Code {
    match value {
        nan if nan.is_nan() => exact(5, 0),
        whole if whole.fract() == 0.0 && (-9.2e18..=9.2e18).contains(&whole) => Code::Small(whole as i64),
        whole if whole.fract() == 0.0 && whole.abs() < 1e30 => large(whole as i128),
        value => exact(6, value.to_bits()),
    }
}

/// A whole number beyond 64 bits with sign, or close to their end.
fn large(value: i128) -> Code {
    match i64::try_from(value) {
        Ok(small) => Code::Small(small),
        Err(_) => Code::Wide(hash(&value.to_le_bytes())),
    }
}

fn exact(tag: u8, bits: u64) -> Code {
    Code::Wide(u128::from(tag) << 64 | u128::from(bits))
}

fn hash(bytes: &[u8]) -> u128 {
    let half = |seed| {
        let mut hasher = FixedState::with_seed(seed).build_hasher();
        hasher.write(bytes);
        hasher.finish()
    };
    u128::from(half(0x243f_6a88_85a3_08d3)) << 64 | u128::from(half(0x1319_8a2e_0370_7344))
}
