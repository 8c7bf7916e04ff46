//! Numbers with units as people write them: `10_000`, `3%`, `0.5pp`, `200ms`, `2d`, `1.5GB`, `100/s`.

use crate::model::{Quantity, Unit};
use std::time::Duration;

/// Splits `200ms` into its number and the rest, or None when it does not begin with a number.
pub fn split_number(text: &str) -> Option<(f64, &str)> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let sign = text.len() - unsigned.len();
    let mut end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '_' && c != '.').unwrap_or(unsigned.len());
    // `1e-3`: an exponent, but the `e` of a word such as `10 each` is not.
    let rest = &unsigned.as_bytes()[end..];
    if end > 0 && matches!(rest.first(), Some(b'e' | b'E')) {
        let signed = usize::from(matches!(rest.get(1), Some(b'+' | b'-')));
        let digits = rest[1 + signed..].iter().take_while(|b| b.is_ascii_digit()).count();
        end += if digits > 0 { 1 + signed + digits } else { 0 };
    }
    let (number, rest) = text.split_at(sign + end);
    let starts_well = number.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let value: f64 = number.replace('_', "").parse().ok().filter(|_| starts_well)?;
    value.is_finite().then_some((value, rest))
}

/// Every unit that may be written behind a number, with its factor to the base unit. The one list: durations,
/// gates, data checks and the JSON Schema read it.
pub const UNITS: [(&str, f64, Unit); 19] = [
    ("%", 0.01, Unit::Share),
    ("pp", 0.01, Unit::Share),
    ("us", 1e-6, Unit::Seconds),
    ("µs", 1e-6, Unit::Seconds),
    ("ms", 1e-3, Unit::Seconds),
    ("s", 1.0, Unit::Seconds),
    ("m", 60.0, Unit::Seconds),
    ("min", 60.0, Unit::Seconds),
    ("h", 3600.0, Unit::Seconds),
    ("d", 86_400.0, Unit::Seconds),
    ("w", 604_800.0, Unit::Seconds),
    ("B", 1.0, Unit::Bytes),
    ("kB", 1e3, Unit::Bytes),
    ("MB", 1e6, Unit::Bytes),
    ("GB", 1e9, Unit::Bytes),
    ("KiB", 1024.0, Unit::Bytes),
    ("MiB", 1024.0 * 1024.0, Unit::Bytes),
    ("GiB", 1024.0 * 1024.0 * 1024.0, Unit::Bytes),
    ("/s", 1.0, Unit::PerSecond),
];

/// The units that measure `unit`, as they are written.
pub fn names(unit: Unit) -> Vec<&'static str> {
    UNITS.iter().filter(|(_, _, u)| *u == unit).map(|(name, _, _)| *name).collect()
}

/// Factor and unit of a suffix; the empty suffix is a plain number.
pub fn suffix(text: &str) -> Option<(f64, Option<Unit>)> {
    if text.is_empty() {
        return Some((1.0, None));
    }
    UNITS.iter().find(|(name, _, _)| *name == text).map(|(_, factor, unit)| (*factor, Some(*unit)))
}

/// A number with its unit, in base units.
pub fn quantity(text: &str) -> Option<Quantity> {
    let (number, rest) = split_number(text.trim())?;
    let (factor, unit) = suffix(rest.trim_start())?;
    Some(Quantity { value: scale(number, factor), unit })
}

/// `number × factor`, by division where the factor is a decimal fraction: `3%` is 0.03 and not 0.03 + an ulp.
pub fn scale(number: f64, factor: f64) -> f64 {
    if factor < 1.0 { number / (1.0 / factor).round() } else { number * factor }
}

/// A positive duration: `500ms`, `90s`, `10m`, `2d`.
pub fn duration(text: &str) -> Option<Duration> {
    let quantity = quantity(text).filter(|q| q.unit == Some(Unit::Seconds) && q.value > 0.0)?;
    Duration::try_from_secs_f64(quantity.value).ok()
}

/// `3%` → 0.03.
pub fn percent(text: &str) -> Option<f64> {
    text.trim().strip_suffix('%')?;
    quantity(text).map(|q| q.value)
}

/// `100/s` → 100.
pub fn rate(text: &str) -> Option<f64> {
    quantity(text).filter(|q| q.unit == Some(Unit::PerSecond) && q.value > 0.0).map(|q| q.value)
}

/// `512MiB` → bytes, rounded down to whole ones.
pub fn size(text: &str) -> Option<u64> {
    quantity(text).filter(|q| q.unit == Some(Unit::Bytes) && q.value >= 1.0 && q.value < 1e18).map(|q| q.value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!(quantity("10_000"), Some(Quantity { value: 10_000.0, unit: None }));
        assert_eq!(quantity("3%"), Some(Quantity { value: 0.03, unit: Some(Unit::Share) }));
        assert_eq!(quantity("0.5pp"), Some(Quantity { value: 0.005, unit: Some(Unit::Share) }));
        assert_eq!(quantity("200 ms"), Some(Quantity { value: 0.2, unit: Some(Unit::Seconds) }));
        assert_eq!(quantity("-1e-3"), Some(Quantity { value: -0.001, unit: None }));
        assert_eq!(rate("100/s"), Some(100.0));
        assert_eq!(duration("2d"), Some(Duration::from_secs(172_800)));
        assert_eq!(duration("1w"), duration("7d"));
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "abc", "1..2", "_1_.", "3 apples", "1e999", "--1", "%", "-", "nan", "inf"] {
            assert_eq!(quantity(text), None, "{text}");
        }
        assert_eq!(duration("-5s"), None);
        assert_eq!(duration("0s"), None);
        assert_eq!(duration("5"), None);
        assert_eq!(rate("0/s"), None);
        assert_eq!(percent("3"), None);
    }

    #[test]
    fn the_documented_grammar_has_every_unit() {
        let grammar = include_str!("../../docs/gates.md").lines().find(|l| l.starts_with("quantity"));
        let documented: Vec<&str> = grammar.unwrap_or_default().split('"').skip(1).step_by(2).collect();
        assert_eq!(documented, UNITS.map(|(name, _, _)| name));
    }
}
