//! Columns of any Arrow type as the text or the numbers that metrics are made from.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use std::borrow::Cow;

/// Every value as text; null and NaN as null. `1`, `1.0` and `1` in text come out alike, by [`canonical`].
pub fn texts(column: &ArrayRef) -> Result<StringArray, String> {
    let type_name = column.data_type().clone();
    let refused = |_| format!("values of type {type_name} are no labels");
    match column.data_type() {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            // Through the shortest text of the value's own width, so that 0.1 of 32 bits reads 0.1.
            let text = cast(column, &DataType::Utf8).map_err(refused)?;
            let numbers = cast(column, &DataType::Float64).map_err(refused)?;
            let numbers = numbers.as_primitive::<Float64Type>();
            let known = |(text, number): (Option<&str>, Option<f64>)| match number {
                Some(number) if !number.is_nan() => text.map(|text| canonical(text).into_owned()),
                _ => None,
            };
            Ok(text.as_string::<i32>().iter().zip(numbers).map(known).collect())
        }
        _ => Ok(cast(column, &DataType::Utf8).map_err(refused)?.as_string::<i32>().clone()),
    }
}

/// Every value as a number; null and text that is no number as null, NaN as NaN.
pub fn numbers(column: &ArrayRef) -> Result<Float64Array, String> {
    let refused = |_| format!("values of type {} are no numbers", column.data_type());
    Ok(cast(column, &DataType::Float64).map_err(refused)?.as_primitive::<Float64Type>().clone())
}

/// The rows whose text is no number, NaN among them.
pub fn no_numbers(column: &ArrayRef) -> Vec<usize> {
    let is_text = matches!(
        column.data_type(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..)
    );
    let Ok(numbers) = numbers(column) else { return Vec::new() };
    let is_none = |row: &usize| column.is_valid(*row) && (numbers.is_null(*row) || numbers.value(*row).is_nan());
    if is_text { (0..column.len()).filter(is_none).collect() } else { Vec::new() }
}

/// One spelling for a class however a file holds it: whole numbers without fraction, `true` as 1, `false` as 0.
/// Other text stays as it is, `007` too.
pub fn canonical(text: &str) -> Cow<'_, str> {
    if text.eq_ignore_ascii_case("true") {
        return Cow::Borrowed("1");
    }
    if text.eq_ignore_ascii_case("false") {
        return Cow::Borrowed("0");
    }
    let Some((whole, fraction)) = text.split_once('.') else {
        return Cow::Borrowed(if text == "-0" { "0" } else { text });
    };
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let plain = !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
        && fraction.bytes().all(|b| b == b'0');
    match plain {
        true if whole == "-0" => Cow::Borrowed("0"),
        true => Cow::Borrowed(whole),
        false => Cow::Borrowed(text),
    }
}

/// The machine epsilon of a score column's type; text and whole numbers are read as 64-bit floats.
pub fn epsilon(data_type: &DataType) -> f64 {
    match data_type {
        DataType::Float16 => 2_f64.powi(-10),
        DataType::Float32 => f64::from(f32::EPSILON),
        _ => f64::EPSILON,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BooleanArray, Float32Array, Int64Array};
    use std::sync::Arc;

    fn classes(column: ArrayRef) -> Vec<String> {
        texts(&column).unwrap().iter().map(|v| v.map_or("null".into(), |v| canonical(v).into_owned())).collect()
    }

    #[test]
    fn a_class_is_one_however_it_is_written() {
        assert_eq!(classes(Arc::new(Int64Array::from(vec![1, 0]))), ["1", "0"]);
        assert_eq!(classes(Arc::new(Float32Array::from(vec![1.0, -0.0, 0.1, f32::NAN]))), ["1", "0", "0.1", "null"]);
        assert_eq!(classes(Arc::new(BooleanArray::from(vec![Some(true), None]))), ["1", "null"]);
        assert_eq!(
            classes(Arc::new(StringArray::from(vec!["1", "1.0", "True", "007", "b.0"]))),
            ["1", "1", "1", "007", "b.0"]
        );
    }

    #[test]
    fn text_that_is_no_number_is_told_from_null() {
        let column: ArrayRef = Arc::new(StringArray::from(vec![Some("0.5"), Some("high"), None, Some("NaN")]));
        let found = numbers(&column).unwrap();
        assert!(found.is_valid(0) && found.is_null(1) && found.is_null(2) && found.value(3).is_nan());
        // NaN is counted with the nulls by whoever asks, but is text here.
        assert_eq!(no_numbers(&column), [1, 3]);
    }
}
