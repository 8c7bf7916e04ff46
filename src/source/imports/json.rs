//! Small steps through JSON of which nothing is certain.

use serde_json::Value;

/// Characters kept of one text.
const LONGEST: usize = 200;
/// Characters kept of one argument or value within a text.
pub const SHORT: usize = 60;

/// The text under `key`, if there is one that is not empty.
pub fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str().filter(|text| !text.trim().is_empty())
}

/// The list under `key`.
///
/// # Errors
/// When there is none.
pub fn list<'a>(value: &'a Value, key: &str) -> Result<&'a [Value], String> {
    match value.get(key) {
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(format!("`{key}` is no list")),
        None => Err(format!("it has no `{key}`")),
    }
}

/// A number; NaN and infinities too, which Python writes bare and the reader has quoted.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(word) => match word.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// A count of rows.
pub fn count(value: &Value, key: &str) -> Option<u64> {
    let number = number(value.get(key)?)?;
    (number >= 0.0 && number.fract() == 0.0 && number < 9e15).then_some(number as u64)
}

/// As a reader would write it: text without quotes, the rest as JSON.
pub fn show(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text, SHORT),
        other => cut(&other.to_string(), SHORT),
    }
}

/// One line of at most 200 characters, none of them a control character.
pub fn clean(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let plain: String = words.join(" ").chars().filter(|c| !c.is_control()).collect();
    cut(&plain, LONGEST)
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_string(),
    }
}
