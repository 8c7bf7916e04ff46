//! `balance`: how often each value occurs.

use super::batch::Rows;
use super::findings::Rarest;
use crate::data::values::Values;
use arrow::array::Array;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// A label has few values; what has more is none.
const MOST_VALUES: usize = 10_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Balance {
    /// By number, truth, time, or the bits of a float.
    numbers: HashMap<i64, Entry, FixedState>,
    texts: HashMap<String, Entry, FixedState>,
    pub n: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    count: u64,
    shown: String,
}

impl Balance {
    pub fn feed(&mut self, rows: &Rows, column: usize, name: &str) -> Result<(), String> {
        let values = rows.values(column)?;
        self.n += (rows.len() - values.nulls()) as u64;
        let shown = |row| rows.shown(column, row);
        match values {
            Values::Null(_) => {}
            Values::Int(v) | Values::Time(v) if !is_wide(rows, column)? => {
                self.numbers(v.iter().enumerate(), shown, name)?;
            }
            Values::Bool(v) => self.numbers(v.iter().map(|value| value.map(i64::from)).enumerate(), shown, name)?,
            Values::Float(v) if !is_wide(rows, column)? => {
                // There is one zero and one NaN.
                let bits = |value: f64| if value.is_nan() { f64::NAN } else { value + 0.0 }.to_bits() as i64;
                self.numbers(v.iter().map(|value| value.map(bits)).enumerate(), shown, name)?;
            }
            Values::Text(v) => {
                for (row, text) in v.iter().enumerate() {
                    if let Some(text) = text {
                        self.text(text, 1, || shown(row), name)?;
                    }
                }
            }
            Values::Coded(coded) => {
                for (text, count, row) in coded.counted() {
                    self.text(text, count, || shown(row), name)?;
                }
            }
            _ => {
                let array = rows.array(column)?;
                for row in (0..rows.len()).filter(|row| !values.is_null(*row)) {
                    let text = crate::data::values::show(array, row);
                    self.text(&text, 1, || shown(row), name)?;
                }
            }
        }
        Ok(())
    }

    fn numbers(
        &mut self,
        values: impl Iterator<Item = (usize, Option<i64>)>,
        shown: impl Fn(usize) -> String,
        name: &str,
    ) -> Result<(), String> {
        for (row, value) in values {
            let Some(value) = value else { continue };
            self.numbers.entry(value).or_insert_with(|| Entry { count: 0, shown: shown(row) }).count += 1;
            if self.numbers.len() > MOST_VALUES {
                return Err(too_many(name));
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str, count: u64, shown: impl FnOnce() -> String, name: &str) -> Result<(), String> {
        self.texts.entry_ref(text).or_insert_with(|| Entry { count: 0, shown: shown() }).count += count;
        match self.texts.len() > MOST_VALUES {
            true => Err(too_many(name)),
            false => Ok(()),
        }
    }

    pub fn append(&mut self, later: Balance, name: &str) -> Result<(), String> {
        self.n += later.n;
        for (value, Entry { count, shown }) in later.numbers {
            self.numbers.entry(value).or_insert(Entry { count: 0, shown }).count += count;
        }
        for (text, Entry { count, shown }) in later.texts {
            self.texts.entry(text).or_insert(Entry { count: 0, shown }).count += count;
        }
        match self.numbers.len().max(self.texts.len()) > MOST_VALUES {
            true => Err(too_many(name)),
            false => Ok(()),
        }
    }

    /// Of values equally rare, the one that is shown first in the order of the alphabet.
    pub fn rarest(&self, private: bool) -> Option<Rarest> {
        let entries = self.numbers.values().chain(self.texts.values());
        let rarest = entries.min_by(|a, b| a.count.cmp(&b.count).then_with(|| a.shown.cmp(&b.shown)))?;
        let value = (!private).then(|| rarest.shown.clone());
        Some(Rarest { value, count: rarest.count, values: (self.numbers.len() + self.texts.len()) as u64 })
    }
}

/// Whether the family's type is narrower than the column's, so that values would fall together.
fn is_wide(rows: &Rows, column: usize) -> Result<bool, String> {
    use arrow::datatypes::{DataType, TimeUnit};
    Ok(matches!(
        rows.array(column)?.data_type(),
        DataType::UInt64
            | DataType::Timestamp(TimeUnit::Nanosecond, _)
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
    ))
}

fn too_many(name: &str) -> String {
    format!("{name} has more than 10,000 different values, so it is no label; `distinct({name})` counts them")
}
