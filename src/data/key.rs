//! Values as 128-bit keys, for exact answers to "seen before?" in bounded memory.

use super::values::{Family, Values, describe};
use arrow::array::{Array, ArrayRef, AsArray, TimestampNanosecondArray, UInt64Array};
use arrow::datatypes::{DataType, TimeUnit, TimestampNanosecondType, UInt64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};

/// Most keys that one check may hold: about 1.2 GB, and 1.8 GB for the moment in which the set last grows.
const MAX_KEYS: usize = 50_000_000;

/// The columns of a key in one batch.
pub(super) struct Keys<'a> {
    parts: Vec<Part<'a>>,
    bytes: Vec<u8>,
}

enum Part<'a> {
    Values(&'a Values),
    Unsigned(&'a UInt64Array),
    Nanos(&'a TimestampNanosecondArray),
    Shown(Box<ArrayFormatter<'a>>, &'a ArrayRef),
}

impl<'a> Keys<'a> {
    /// Each column as it came and as its family.
    ///
    /// # Errors
    /// For lists, structs and maps, which have no key.
    pub fn new(columns: impl Iterator<Item = (&'a ArrayRef, &'a Values)>) -> Result<Keys<'a>, String> {
        let part = |(array, values): (&'a ArrayRef, &'a Values)| {
            Ok(match (array.data_type(), Family::of(array.data_type())) {
                (DataType::UInt64, _) => Part::Unsigned(array.as_primitive::<UInt64Type>()),
                (DataType::Timestamp(TimeUnit::Nanosecond, _), _) => {
                    Part::Nanos(array.as_primitive::<TimestampNanosecondType>())
                }
                (_, Family::Decimal | Family::Other) => {
                    if !has_key(array.data_type()) {
                        return Err(format!("a column of type {} has no key", describe(array.data_type())));
                    }
                    const PLAIN: FormatOptions = FormatOptions::new();
                    Part::Shown(Box::new(ArrayFormatter::try_new(array, &PLAIN).map_err(|e| e.to_string())?), array)
                }
                _ => Part::Values(values),
            })
        };
        Ok(Keys { parts: columns.map(part).collect::<Result<_, String>>()?, bytes: Vec::new() })
    }

    /// The key of a row, and whether any part of it is null.
    pub fn at(&mut self, row: usize) -> Result<(u128, bool), String> {
        self.bytes.clear();
        let mut null = false;
        for part in &self.parts {
            null |= !part.write(row, &mut self.bytes)?;
        }
        Ok((hash(&self.bytes), null))
    }
}

/// Whether values of this type can be told apart by a key.
pub(super) fn has_key(data_type: &DataType) -> bool {
    !data_type.is_nested()
}

impl Part<'_> {
    /// Writes a tag and the value so that equal values, and only those, are equal bytes: 1 and 1.0 are, as a
    /// column of ids becomes one of floats where ids are missing. False for null.
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<bool, String> {
        let null = match self {
            Part::Values(values) => values.is_null(row),
            Part::Unsigned(array) => array.is_null(row),
            Part::Nanos(array) => array.is_null(row),
            Part::Shown(_, array) => array.is_null(row),
        };
        if null {
            put(out, b'0', &[]);
            return Ok(false);
        }
        match self {
            Part::Values(Values::Text(values)) => put_text(out, b's', values.value(row)),
            Part::Values(Values::Coded(values)) => put_text(out, b's', values.get(row).unwrap_or_default()),
            Part::Shown(formatter, array) => {
                let shown = formatter.value(row).try_to_string().map_err(|e| e.to_string())?;
                let decimal = Family::of(array.data_type()) == Family::Decimal && shown.contains('.');
                let shown = if decimal { shown.trim_end_matches('0').trim_end_matches('.') } else { &shown };
                put_text(out, b'o', shown);
            }
            Part::Unsigned(array) => put(out, b'i', &i128::from(array.value(row)).to_le_bytes()),
            Part::Values(Values::Int(values)) => put(out, b'i', &i128::from(values.value(row)).to_le_bytes()),
            Part::Values(Values::Time(values)) => put(out, b't', &(i128::from(values.value(row)) * 1000).to_le_bytes()),
            Part::Nanos(array) => put(out, b't', &i128::from(array.value(row)).to_le_bytes()),
            Part::Values(Values::Bool(values)) => put(out, b'b', &[u8::from(values.value(row))]),
            Part::Values(Values::Float(values)) => match values.value(row) {
                nan if nan.is_nan() => put(out, b'n', &[]),
                whole if whole.fract() == 0.0 && whole.abs() < 1e30 => put(out, b'i', &(whole as i128).to_le_bytes()),
                value => put(out, b'f', &value.to_le_bytes()),
            },
            Part::Values(Values::Null(_) | Values::Other(_)) => {}
        }
        Ok(true)
    }
}

fn put(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

fn put_text(out: &mut Vec<u8>, tag: u8, text: &str) {
    put(out, tag, &(text.len() as u64).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Two 64-bit hashes over the bytes, of which the second starts from another state.
fn hash(bytes: &[u8]) -> u128 {
    let mut first = DefaultHasher::new();
    let mut second = DefaultHasher::new();
    second.write_u64(0x9e37_79b9_7f4a_7c15);
    first.write(bytes);
    second.write(bytes);
    u128::from(first.finish()) << 64 | u128::from(second.finish())
}

/// A set of keys. Two different values share a key with a probability below 1e-20 for the largest set there may be.
#[derive(Debug, Default)]
pub(super) struct KeySet(HashSet<u128, BuildHasherDefault<AsIs>>);

impl KeySet {
    /// True if the key is new.
    ///
    /// # Errors
    /// When the set is full.
    pub fn insert(&mut self, key: u128) -> Result<bool, String> {
        if self.0.len() >= MAX_KEYS && !self.0.contains(&key) {
            return Err("more than 50,000,000 different values, the most that one check can hold".to_string());
        }
        Ok(self.0.insert(key))
    }

    pub fn contains(&self, key: u128) -> bool {
        self.0.contains(&key)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Keys are hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray};
    use std::sync::Arc;

    fn keys(columns: Vec<ArrayRef>) -> Vec<(u128, bool)> {
        let values: Vec<Values> = columns.iter().map(|c| Values::of(c).unwrap()).collect();
        let mut keys = Keys::new(columns.iter().zip(&values)).unwrap();
        (0..columns[0].len()).map(|row| keys.at(row).unwrap()).collect()
    }

    #[test]
    fn equal_values_have_equal_keys_across_types() {
        let ints = keys(vec![Arc::new(Int32Array::from(vec![Some(1), None, Some(-3)]))]);
        let longs = keys(vec![Arc::new(Int64Array::from(vec![1, 2, -3]))]);
        let floats = keys(vec![Arc::new(Float64Array::from(vec![1.0, 1.5, -3.0]))]);
        let unsigned = keys(vec![Arc::new(UInt64Array::from(vec![1, u64::MAX]))]);
        assert_eq!((ints[0], ints[2]), (longs[0], longs[2]));
        assert_eq!((floats[0], floats[2], unsigned[0]), (longs[0], longs[2], longs[0]));
        assert!(ints[1].1 && !ints[0].1);
        let decimal = |scale, value| -> ArrayRef {
            Arc::new(Decimal128Array::from(vec![value]).with_precision_and_scale(10, scale).unwrap())
        };
        assert_eq!(keys(vec![decimal(2, 150)]), keys(vec![decimal(1, 15)]));
    }

    #[test]
    fn nanoseconds_count() {
        let nanos = keys(vec![Arc::new(TimestampNanosecondArray::from(vec![5000, 5001]))]);
        let micros = keys(vec![Arc::new(arrow::array::TimestampMicrosecondArray::from(vec![5]))]);
        assert_eq!(nanos[0], micros[0]);
        assert_ne!(nanos[0], nanos[1]);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
        assert_ne!(keys(vec![text("ab"), text("c")]), keys(vec![text("a"), text("bc")]));
        assert_ne!(keys(vec![text("1")]), keys(vec![Arc::new(Int64Array::from(vec![1]))]));
        let zero = keys(vec![Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, -f64::NAN]))]);
        assert_eq!((zero[0], zero[2]), (zero[1], zero[3]));
    }
}
