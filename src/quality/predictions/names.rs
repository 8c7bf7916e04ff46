//! Distinct values as texts, numbered as they come.

use super::column::{canonical, texts};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// More distinct values than this are no classes and no slices.
pub const MOST_VALUES: usize = 10_000;
/// Stands for null.
pub const NO_CODE: u32 = u32::MAX;

/// Why a column has no codes.
pub enum Unfit {
    Type(String),
    TooMany,
}

#[derive(Default)]
pub struct Names {
    codes: HashMap<String, u32, FixedState>,
    pub names: Vec<String>,
    /// Texts by [`canonical`], so that 1, 1.0 and true are one class.
    canonical: bool,
}

impl Names {
    pub fn of_classes() -> Names {
        Names { canonical: true, ..Names::default() }
    }

    /// The number of each value of a column; [`NO_CODE`] for null and NaN.
    pub fn codes(&mut self, column: &ArrayRef) -> Result<Vec<u32>, Unfit> {
        let cast = |to: &DataType| cast(column, to).map_err(|e| Unfit::Type(e.to_string()));
        match column.data_type() {
            DataType::Dictionary(keys, of) if **keys == DataType::Int32 && **of == DataType::Utf8 => {
                let (keys, texts) = (column.as_dictionary::<Int32Type>().keys(), column.as_dictionary::<Int32Type>());
                let texts = texts.values().as_string::<i32>();
                let mut known = vec![None; texts.len()];
                let code = |key: Option<i32>| {
                    let Some(place) = key.map(|key| key as usize).filter(|place| texts.is_valid(*place)) else {
                        return Ok(NO_CODE);
                    };
                    let Some(code) = known[place] else {
                        let code = self.code(texts.value(place))?;
                        known[place] = Some(code);
                        return Ok(code);
                    };
                    Ok(code)
                };
                keys.iter().map(code).collect()
            }
            of if of.is_integer() && *of != DataType::UInt64 => {
                let numbers = cast(&DataType::Int64)?;
                self.of_whole(numbers.as_primitive::<Int64Type>().iter())
            }
            DataType::Boolean if self.canonical => {
                self.of_whole(column.as_boolean().iter().map(|value| value.map(i64::from)))
            }
            DataType::Float32 | DataType::Float64 => {
                let numbers = cast(&DataType::Float64)?;
                let numbers = numbers.as_primitive::<Float64Type>();
                let is_whole = |value: f64| value.fract() == 0.0 && value.abs() < 1e9;
                match numbers.iter().flatten().all(is_whole) {
                    true => self.of_whole(numbers.iter().map(|value| value.map(|value| value as i64))),
                    false => self.of_texts(column),
                }
            }
            _ => self.of_texts(column),
        }
    }

    fn of_whole(&mut self, values: impl Iterator<Item = Option<i64>>) -> Result<Vec<u32>, Unfit> {
        let (mut small, mut large) = ([NO_CODE; 256], HashMap::<i64, u32, FixedState>::default());
        let code = |value: Option<i64>| {
            let Some(value) = value else { return Ok(NO_CODE) };
            let known = match small.get_mut(usize::try_from(value).unwrap_or(usize::MAX)) {
                Some(known) => known,
                None => large.entry(value).or_insert(NO_CODE),
            };
            if *known == NO_CODE {
                *known = self.code(&value.to_string())?;
            }
            Ok(*known)
        };
        values.map(code).collect()
    }

    fn of_texts(&mut self, column: &ArrayRef) -> Result<Vec<u32>, Unfit> {
        let texts = texts(column).map_err(Unfit::Type)?;
        texts.iter().map(|text| text.map_or(Ok(NO_CODE), |text| self.code(text))).collect()
    }

    /// The number of a name.
    pub fn code(&mut self, text: &str) -> Result<u32, Unfit> {
        let name = if self.canonical { canonical(text) } else { text.into() };
        if let Some(&code) = self.codes.get(name.as_ref()) {
            return Ok(code);
        }
        if self.names.len() >= MOST_VALUES {
            return Err(Unfit::TooMany);
        }
        let code = self.names.len() as u32;
        self.codes.insert(name.to_string(), code);
        self.names.push(name.into_owned());
        Ok(code)
    }

    /// The number of a name that is known.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.codes.get(name).copied()
    }
}
