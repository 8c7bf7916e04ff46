//! Numbers of a record as people read them.

use crate::model::Unit;
use crate::record::wire::{Interval, Verdict};

/// What stands where there is no number.
pub const NONE: &str = "–";

/// The numbers of a verdict, each as text; [`NONE`] where there is none.
pub struct Figures {
    pub value: String,
    pub baseline: String,
    pub difference: String,
    /// `0.9412 to 0.9904`; of a difference from the baseline `Δ -0.01 to +0.02`.
    pub interval: String,
}

impl Figures {
    pub fn of(verdict: &Verdict) -> Figures {
        let unit = &verdict.unit;
        Figures {
            value: value(unit, verdict.value),
            baseline: value(unit, verdict.baseline),
            difference: verdict.difference.map_or(NONE.into(), |d| difference(unit, d)),
            interval: interval(unit, verdict.interval.as_ref(), verdict.interval_of.as_deref()),
        }
    }
}

/// A value in the unit of that name; a unit this version does not know is shown as a plain number.
pub fn value(unit: &str, value: Option<f64>) -> String {
    match value {
        Some(value) if beyond(value) => format!("{value:.3e}"),
        Some(value) => Unit::parse(unit).unwrap_or(Unit::Score).show(value),
        None => NONE.into(),
    }
}

/// `0.9412 to 0.9904` or [`NONE`]. `of` is the record's `interval_of`.
pub fn interval(unit: &str, interval: Option<&Interval>, of: Option<&str>) -> String {
    let Some(&Interval { low, high, .. }) = interval else { return NONE.into() };
    let of = of.unwrap_or_default();
    let mark = if matches!(of, "difference" | "relative difference") { "Δ " } else { "" };
    format!("{mark}{} to {}", of_kind(unit, low, of), of_kind(unit, high, of))
}

/// A number of the kind that the record calls `interval_of`: `0.9412`, `+0.01`, `-1.2%`.
pub fn of_kind(unit: &str, number: f64, of: &str) -> String {
    match of {
        "difference" => difference(unit, number),
        "relative difference" => relative(number),
        _ => value(unit, Some(number)),
    }
}

fn difference(unit: &str, by: f64) -> String {
    match beyond(by) {
        true => format!("{by:+.3e}"),
        false => Unit::parse(unit).unwrap_or(Unit::Score).show_difference(by),
    }
}

fn relative(by: f64) -> String {
    format!("{}{}", if by < 0.0 { "-" } else { "+" }, value(Unit::Share.name(), Some(by.abs())))
}

/// Numbers too large for a table; they come from a broken metric, so their size is all there is to say.
fn beyond(value: f64) -> bool {
    value.abs() >= 1e15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(value("score", Some(0.971_830_99)), "0.9718");
        assert_eq!(value("s", Some(0.142)), "142 ms");
        assert_eq!(value("share", None), NONE);
        assert_eq!(value("furlongs", Some(2.0)), "2");
        assert_eq!(value("score", Some(f64::NAN)), "NaN");
        assert_eq!(value("B", Some(1e300)), "1.000e300");
    }

    #[test]
    fn an_interval_says_what_it_is_about() {
        let both = Interval { low: -0.012, high: 0.031, level: 0.95 };
        assert_eq!(interval("score", Some(&both), Some("value")), "-0.012 to 0.031");
        assert_eq!(interval("score", Some(&both), Some("difference")), "Δ -0.012 to +0.031");
        assert_eq!(interval("score", Some(&both), Some("relative difference")), "Δ -1.2% to +3.1%");
        assert_eq!(interval("score", None, None), NONE);
    }
}
