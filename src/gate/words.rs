//! A verdict in words: the bound, and one sentence that a reviewer can read aloud.

use super::position::{Position, Region};
use super::value::Subjected;
use crate::model::*;

/// `>= 0.85`, `0.9412 ± 3%`, `>= 0.9362 (baseline - 0.5pp)`.
pub fn bound(rule: &Rule, unit: Unit, baseline: Option<f64>) -> String {
    match rule {
        Rule::Compare { op, bound: Bound::Absolute(q) } => format!("{op} {}", show(q, unit)),
        Rule::Between { low, high } => format!("{} to {}", show(low, unit), show(high, unit)),
        Rule::Within { tolerance } => match baseline {
            Some(b) => format!("{} ± {}", unit.show(b), offset(tolerance, unit)),
            None => format!("baseline ± {}", offset(tolerance, unit)),
        },
        Rule::Compare { op, bound: Bound::Baseline(shift) } => {
            let (sign, by) = match shift {
                Offset::None => ("", 0.0),
                Offset::Relative(share) => {
                    (if *share < 0.0 { " - " } else { " + " }, share * baseline.unwrap_or(f64::NAN).abs())
                }
                Offset::Absolute(q) => (if q.value < 0.0 { " - " } else { " + " }, q.value),
            };
            let distance = if sign.is_empty() { String::new() } else { offset(shift, unit) };
            match baseline {
                Some(b) => format!("{op} {} (baseline{sign}{distance})", unit.show(b + by)),
                None => format!("{op} baseline{sign}{distance}"),
            }
        }
    }
}

/// Without its sign: `3%`, `0.5pp`, `20 ms`.
fn offset(offset: &Offset, unit: Unit) -> String {
    match offset {
        Offset::None => unit.show(0.0),
        Offset::Relative(share) => Unit::Share.show(share.abs()),
        Offset::Absolute(q) if q.unit == Some(Unit::Share) => {
            Unit::Share.show_difference(q.value.abs())[1..].to_string()
        }
        Offset::Absolute(q) => show(&Quantity { value: q.value.abs(), ..*q }, unit),
    }
}

fn show(quantity: &Quantity, unit: Unit) -> String {
    quantity.unit.filter(|u| *u != Unit::Share || unit == Unit::Share).unwrap_or(unit).show(quantity.value)
}

/// The sentence behind a verdict that could be judged.
pub fn reason(held: &Subjected, unit: Unit, position: Position, n_advised: Option<u64>) -> String {
    let number = |value: f64| match (held.of, held.is_relative) {
        ("value", _) => unit.show(value),
        (_, true) => signed_percent(value),
        (_, false) => unit.show_difference(value),
    };
    let what = match held.of {
        "value" => number(held.estimate),
        _ => format!("{} against the baseline", number(held.estimate)),
    };
    let interval = held.interval.map(|i| format!("{} to {}", number(i.low), number(i.high)));
    let region = region(&held.region, &number);
    match (position, interval) {
        (Position::Inside, None) => format!("{what} is {region}"),
        (Position::Outside, None) => format!("{what} is not {region}"),
        (Position::Inside, Some(interval)) => format!("{what}; the whole interval {interval} is {region}"),
        (Position::Outside, Some(interval)) => format!("{what}; no part of the interval {interval} is {region}"),
        (Position::Astride, interval) => {
            let interval = interval.unwrap_or_default();
            let count = |rows: u64| Unit::Count.show(rows as f64);
            let rows = match (held.n, n_advised) {
                (Some(n), Some(advised)) if advised > n => {
                    format!("{} rows cannot see such a change, about {} would", count(n), count(advised))
                }
                (Some(n), _) => format!("{} rows cannot tell", count(n)),
                (None, _) => "the data cannot tell".into(),
            };
            format!("{what}, but the interval {interval} is only partly {region}: {rows}")
        }
    }
}

fn region(region: &Region, number: &dyn Fn(f64) -> String) -> String {
    match (region.low, region.high) {
        (Some(low), Some(high)) if low.at == high.at => format!("exactly {}", number(low.at)),
        (Some(low), Some(high)) => format!("within {} to {}", number(low.at), number(high.at)),
        (Some(low), None) => format!("{} {}", if low.included { "at or above" } else { "above" }, number(low.at)),
        (None, Some(high)) => format!("{} {}", if high.included { "at or below" } else { "below" }, number(high.at)),
        (None, None) => "allowed".into(),
    }
}

fn signed_percent(share: f64) -> String {
    format!("{}{}", if share < 0.0 { "-" } else { "+" }, Unit::Share.show(share.abs()))
}
