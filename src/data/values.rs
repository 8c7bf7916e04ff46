//! A column of a batch as one of the few families that checks tell apart, whatever its exact Arrow type.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray};
use arrow::compute::{CastOptions, cast_with_options, take};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// Longest value shown, in characters.
const SHOWN: usize = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// No value at all, so no type either.
    Null,
    Int,
    Float,
    Decimal,
    Text,
    Bool,
    Date,
    Timestamp,
    Other,
}

impl Family {
    pub fn of(data_type: &DataType) -> Family {
        match data_type {
            DataType::Null => Family::Null,
            DataType::Dictionary(_, value) => Family::of(value),
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Family::Float,
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
                Family::Decimal
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Family::Text,
            DataType::Boolean => Family::Bool,
            DataType::Date32 | DataType::Date64 => Family::Date,
            DataType::Timestamp(..) => Family::Timestamp,
            other if other.is_integer() => Family::Int,
            _ => Family::Other,
        }
    }

    pub fn is_number(self) -> bool {
        matches!(self, Family::Int | Family::Float | Family::Decimal)
    }

    pub fn is_time(self) -> bool {
        matches!(self, Family::Date | Family::Timestamp)
    }
}

/// A type in the words of `columns:`, as far as they reach.
pub(super) fn describe(data_type: &DataType) -> String {
    match Family::of(data_type) {
        Family::Null => "without any value".to_string(),
        Family::Int => "int".to_string(),
        Family::Float => "float".to_string(),
        Family::Decimal => "decimal".to_string(),
        Family::Text => "text".to_string(),
        Family::Bool => "bool".to_string(),
        Family::Date => "date".to_string(),
        Family::Timestamp => "timestamp".to_string(),
        Family::Other => data_type.to_string(),
    }
}

/// The values of one column in one batch. Dates and timestamps are microseconds since 1970-01-01 UTC; whole
/// numbers beyond 64 bits with sign, and decimals, are rounded to floats. Where the array is of the right type
/// already, nothing is copied.
pub(super) enum Values {
    Null(usize),
    Int(Int64Array),
    Float(Float64Array),
    Text(StringArray),
    Coded(Coded),
    Bool(BooleanArray),
    Time(Int64Array),
    Other(ArrayRef),
}

/// Text by its dictionary, as Parquet and Arrow files hold columns of few different values: what is asked of a
/// text need be asked once for each entry of the dictionary, not for each row.
///
/// Entries may be equal to each other, null, or used by no row; batches of one row group share their `texts`.
#[derive(Clone)]
pub(super) struct Coded {
    /// For each row the place of its value in `texts`, or null.
    pub codes: Int32Array,
    pub texts: StringArray,
}

impl Coded {
    /// None for null.
    pub fn get(&self, row: usize) -> Option<&str> {
        if self.codes.is_null(row) {
            return None;
        }
        let code = self.codes.value(row) as usize;
        self.texts.is_valid(code).then(|| self.texts.value(code))
    }

    pub fn is_null(&self, row: usize) -> bool {
        self.codes.is_null(row) || self.texts.is_null(self.codes.value(row) as usize)
    }

    pub fn nulls(&self) -> usize {
        match self.texts.null_count() {
            0 => self.codes.null_count(),
            _ => (0..self.codes.len()).filter(|row| self.is_null(*row)).count(),
        }
    }

    /// Whether the dictionary is the very one of `other`, so that what was found of its entries holds here too.
    pub fn same_texts(&self, other: &Coded) -> bool {
        self.texts.values().ptr_eq(other.texts.values()) && self.texts.offsets().ptr_eq(other.texts.offsets())
    }

    /// Each entry that occurs: its text, how often, and the first row that has it.
    pub fn counted(&self) -> impl Iterator<Item = (&str, u64, usize)> {
        let mut counts: Vec<(u64, usize)> = Vec::new();
        let mut few: HashMap<usize, (u64, usize), FixedState> = HashMap::default();
        // A dictionary larger than the batch was made for other rows.
        let is_large = self.texts.len() > self.codes.len().saturating_mul(4);
        if !is_large {
            counts = vec![(0, 0); self.texts.len()];
        }
        for (row, code) in self.codes.iter().enumerate() {
            let Some(code) = code.map(|code| code as usize).filter(|code| self.texts.is_valid(*code)) else { continue };
            let here = if is_large { few.entry(code).or_insert((0, row)) } else { &mut counts[code] };
            here.1 = if here.0 == 0 { row } else { here.1 };
            here.0 += 1;
        }
        let found = counts.into_iter().enumerate().filter(|(_, (count, _))| *count > 0).chain(few);
        found.map(|(code, (count, row))| (self.texts.value(code), count, row))
    }

    /// One text a row.
    ///
    /// # Errors
    /// When the texts of one batch do not fit into 2 GiB.
    pub fn plain(&self) -> Result<StringArray, String> {
        let texts = take(&self.texts, &self.codes, None).map_err(|e| e.to_string())?;
        Ok(texts.as_string::<i32>().clone())
    }
}

impl Values {
    /// # Errors
    /// When a value does not fit, such as a timestamp beyond the year 294,000.
    pub fn of(array: &ArrayRef) -> Result<Values, String> {
        let data_type = array.data_type();
        Ok(match Family::of(data_type) {
            Family::Null => Values::Null(array.len()),
            Family::Int if plain(data_type) != &DataType::UInt64 => {
                Values::Int(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
            }
            Family::Int | Family::Float | Family::Decimal => {
                Values::Float(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
            }
            Family::Text if is_coded(data_type) => {
                let dictionary = array.as_dictionary::<Int32Type>();
                let texts = cast(dictionary.values(), &DataType::Utf8)?.as_string::<i32>().clone();
                Values::Coded(Coded { codes: dictionary.keys().clone(), texts })
            }
            Family::Text => Values::Text(cast(array, &DataType::Utf8)?.as_string::<i32>().clone()),
            Family::Bool => Values::Bool(cast(array, &DataType::Boolean)?.as_boolean().clone()),
            Family::Date | Family::Timestamp => {
                let zone = match plain(data_type) {
                    DataType::Timestamp(_, zone) => zone.clone(),
                    _ => None,
                };
                let micros = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
                Values::Time(cast(&micros, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
            }
            Family::Other => Values::Other(array.clone()),
        })
    }

    pub fn is_null(&self, row: usize) -> bool {
        match self {
            Values::Null(_) => true,
            Values::Int(values) | Values::Time(values) => values.is_null(row),
            Values::Float(values) => values.is_null(row),
            Values::Text(values) => values.is_null(row),
            Values::Coded(values) => values.is_null(row),
            Values::Bool(values) => values.is_null(row),
            Values::Other(values) => values.is_null(row),
        }
    }

    pub fn nulls(&self) -> usize {
        match self {
            Values::Null(rows) => *rows,
            Values::Int(values) | Values::Time(values) => values.null_count(),
            Values::Float(values) => values.null_count(),
            Values::Text(values) => values.null_count(),
            Values::Coded(values) => values.nulls(),
            Values::Bool(values) => values.null_count(),
            Values::Other(values) => values.logical_null_count(),
        }
    }
}

fn is_coded(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Dictionary(codes, _) if **codes == DataType::Int32)
}

/// The type behind a dictionary.
fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, value) => plain(value),
        other => other,
    }
}

/// A cast that fails rather than put nulls where values were.
pub(super) fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &options).map_err(|e| e.to_string())
}

/// A value as an example shows it: text in quotes, control characters escaped, cut to [`SHOWN`] characters.
pub(super) fn show(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) || Family::of(array.data_type()) == Family::Null {
        return "null".to_string();
    }
    let options = FormatOptions::default();
    // An instant is shown in UTC, as the names of zones say nothing to Arrow without their rules.
    let (array, place) = match array.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            (&cast(&array.slice(row, 1), &utc).unwrap_or_else(|_| array.slice(row, 1)), 0)
        }
        _ => (array, row),
    };
    let text = match ArrayFormatter::try_new(array, &options) {
        Ok(formatter) => formatter.value(place).try_to_string().unwrap_or_else(|e| e.to_string()),
        Err(e) => e.to_string(),
    };
    let short: String = match text.chars().count() > SHOWN {
        true => text.chars().take(SHOWN).chain(['…']).collect(),
        false => text,
    };
    match Family::of(array.data_type()) {
        Family::Text => format!("{short:?}"),
        _ => short,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        Date32Array, Decimal128Array, DictionaryArray, LargeStringArray, StringViewArray, TimestampSecondArray,
        UInt64Array,
    };
    use arrow::datatypes::Int32Type;
    use std::sync::Arc;

    #[test]
    fn every_kind_of_string_is_text() {
        let dictionary: DictionaryArray<Int32Type> = vec![Some("a"), None, Some("a")].into_iter().collect();
        let arrays: [ArrayRef; 2] = [
            Arc::new(LargeStringArray::from(vec![Some("a"), None, Some("a")])),
            Arc::new(StringViewArray::from(vec![Some("a"), None, Some("a")])),
        ];
        for array in arrays {
            let Ok(Values::Text(values)) = Values::of(&array) else { panic!("{}", array.data_type()) };
            assert_eq!((values.value(2), values.is_null(1)), ("a", true));
            assert_eq!((show(&array, 0).as_str(), show(&array, 1).as_str()), ("\"a\"", "null"));
        }
        let array: ArrayRef = Arc::new(dictionary);
        let Ok(Values::Coded(coded)) = Values::of(&array) else { panic!("{}", array.data_type()) };
        assert_eq!((coded.get(2), coded.get(1), coded.nulls()), (Some("a"), None, 1));
        assert_eq!(coded.plain().unwrap(), StringArray::from(vec![Some("a"), None, Some("a")]));
        assert_eq!((show(&array, 0).as_str(), show(&array, 1).as_str()), ("\"a\"", "null"));
        let sliced = Values::of(&array.slice(1, 2)).unwrap();
        let Values::Coded(sliced) = sliced else { panic!() };
        assert!(sliced.same_texts(&coded) && sliced.is_null(0) && !sliced.is_null(1));
        let holes =
            DictionaryArray::new(Int32Array::from(vec![1, 0, 0]), Arc::new(StringArray::from(vec![Some("b"), None])));
        let Ok(Values::Coded(holes)) = Values::of(&(Arc::new(holes) as ArrayRef)) else { panic!() };
        assert_eq!((holes.nulls(), holes.get(0), holes.get(1)), (1, None, Some("b")));
        assert!(!holes.same_texts(&coded));
    }

    #[test]
    fn times_are_instants_in_microseconds() {
        let tokyo: ArrayRef = Arc::new(TimestampSecondArray::from(vec![1]).with_timezone("+09:00"));
        let date: ArrayRef = Arc::new(Date32Array::from(vec![1]));
        let Ok(Values::Time(instant)) = Values::of(&tokyo) else { panic!() };
        assert_eq!(instant.value(0), 1_000_000);
        for zone in ["+09:00", "UTC", "Asia/Tokyo"] {
            let tokyo: ArrayRef = Arc::new(TimestampSecondArray::from(vec![0, 1]).with_timezone(zone));
            assert_eq!(show(&tokyo, 1), "1970-01-01T00:00:01Z", "{zone}");
        }
        let Ok(Values::Time(midnight)) = Values::of(&date) else { panic!() };
        assert_eq!(midnight.value(0), 86_400_000_000);
        let far: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX]));
        assert!(Values::of(&far).is_err());
    }

    #[test]
    fn decimals_and_large_integers_are_numbers() {
        let decimal: ArrayRef = Arc::new(Decimal128Array::from(vec![150]).with_precision_and_scale(5, 2).unwrap());
        let Ok(Values::Float(values)) = Values::of(&decimal) else { panic!() };
        assert_eq!(values.value(0), 1.5);
        let large: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
        let Ok(Values::Float(values)) = Values::of(&large) else { panic!() };
        assert_eq!(values.value(0), u64::MAX as f64);
    }

    #[test]
    fn shown_values_are_short_and_harmless() {
        let array: ArrayRef = Arc::new(StringArray::from(vec!["\u{1b}[31m\n".to_string(), "é".repeat(500)]));
        assert_eq!(show(&array, 0), "\"\\u{1b}[31m\\n\"");
        assert_eq!(show(&array, 1).chars().count(), SHOWN + 3);
    }
}
