//! The literals of a check in the type of its column.

use super::Plan;
use crate::config::Scalar;
use crate::config::data_check::time::moment;
use crate::data::checks::each::{Rule, TextRule};
use crate::data::table::Reading;
use crate::data::values::{Family, describe};
use arrow::datatypes::DataType;
use hashbrown::HashSet;

impl Plan<'_> {
    pub(in crate::data) fn between(
        &self,
        column: &str,
        low: &Scalar,
        high: &Scalar,
    ) -> Result<(Rule, Reading), String> {
        let data_type = self.type_of(column)?;
        let rule = match (low, high, Family::of(&data_type)) {
            (Scalar::Number(low), Scalar::Number(high), Family::Int) if data_type != DataType::UInt64 => {
                Rule::Ints { low: low.ceil() as i64, high: high.floor() as i64 }
            }
            (Scalar::Number(low), Scalar::Number(high), family) if family.is_number() || family == Family::Null => {
                Rule::Floats { low: as_read(*low, &data_type), high: as_read(*high, &data_type) }
            }
            (Scalar::Text(low), Scalar::Text(high), family) if family.is_time() => {
                Rule::Times { low: time(low)?, high: time(high)? }
            }
            // As texts, 2024-05-01x lies between 2024-05-01 and 2024-05-02.
            (Scalar::Text(low), Scalar::Text(high), Family::Text)
                if moment(low).is_some() && moment(high).is_some() =>
            {
                return Err(self.mismatch(column, "a date or timestamp"));
            }
            (Scalar::Text(low), Scalar::Text(high), Family::Text | Family::Null) => {
                Rule::Text(TextRule::Between { low: low.clone(), high: high.clone() })
            }
            (Scalar::Text(_), Scalar::Text(_), _) => return Err(self.mismatch(column, "a date, timestamp or text")),
            _ => return Err(self.mismatch(column, "a number")),
        };
        Ok((rule, Reading::Typed))
    }

    pub(in crate::data) fn within(&self, column: &str, values: &[Scalar]) -> Result<(Rule, Reading), String> {
        let data_type = self.type_of(column)?;
        let numbers: Option<Vec<f64>> = values.iter().map(as_number).collect();
        let texts: Option<Vec<&String>> = values.iter().map(as_text).collect();
        let csv = self.guessed();
        let rule = match (Family::of(&data_type), numbers, texts) {
            (Family::Int, Some(numbers), _) if data_type != DataType::UInt64 => {
                Rule::InInts(numbers.into_iter().filter(|n| n.fract() == 0.0).map(|n| n as i64).collect())
            }
            (family, Some(numbers), _) if family.is_number() => {
                Rule::InFloats(numbers.into_iter().map(|number| as_read(number, &data_type)).collect())
            }
            (Family::Bool, _, Some(texts)) => {
                let parse = |text: &String| text.parse().map_err(|_| format!("{text:?} is neither true nor false"));
                Rule::InBools(texts.into_iter().map(parse).collect::<Result<_, _>>()?)
            }
            (family, _, Some(texts)) if family.is_time() => {
                Rule::InTimes(texts.into_iter().map(|text| time(text)).collect::<Result<_, _>>()?)
            }
            (family, _, Some(texts)) if csv || matches!(family, Family::Text | Family::Null) => {
                return Ok((Rule::Text(TextRule::In(texts.into_iter().cloned().collect())), Reading::Text));
            }
            (Family::Null, ..) => Rule::Text(TextRule::In(HashSet::default())),
            (Family::Text, ..) => {
                return Err(format!("{column} is text, but not all values in the list are: quote each of them"));
            }
            _ => return Err(format!("{column} is {}, but the values in the list are not", describe(&data_type))),
        };
        Ok((rule, Reading::Typed))
    }
}

fn as_number(value: &Scalar) -> Option<f64> {
    match value {
        Scalar::Number(number) => Some(*number),
        Scalar::Text(_) => None,
    }
}

/// The number as a column of that type holds it: 0.1 of 32 bits is not the 0.1 of 64.
fn as_read(number: f64, data_type: &DataType) -> f64 {
    match data_type {
        DataType::Float32 => f64::from(number as f32),
        _ => number,
    }
}

fn as_text(value: &Scalar) -> Option<&String> {
    match value {
        Scalar::Text(text) => Some(text),
        Scalar::Number(_) => None,
    }
}

fn time(text: &str) -> Result<i64, String> {
    moment(text)
        .map(|moment| moment.micros)
        .ok_or_else(|| format!("{text:?} is no date or time such as 2024-12-31 or 2024-12-31T23:59:59Z"))
}
