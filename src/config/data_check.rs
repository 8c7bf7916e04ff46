//! The language of `checks:`: text → [`DataRule`].
//!
//! A check is a function of columns with a bound (`nulls(age) <= 1%`) or a column with a rule for each of its
//! values (`age between 0 and 120`). Errors point at the byte where the text stops making sense.

mod cursor;
pub mod filter;
pub mod sql;
#[cfg(test)]
mod tests;
pub mod time;

use super::{Aggregate, Amount, DataRule, Measured, NumberRange, Order, Scalar, units};
use crate::model::{Op, Unit};
use cursor::Cursor;
pub use sql::{parse_condition, parse_sql};
use std::fmt;
use std::time::Duration;

/// Why a check cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Byte offset into the text, and how many bytes the error is about; zero at the end of the text.
    pub at: usize,
    pub length: usize,
    /// What would have been right there: `a number`.
    pub expected: String,
    /// What is there instead: `"twelve"`, `the end`.
    pub found: String,
    /// The nearest valid word, if one is near.
    pub suggestion: Option<String>,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)?;
        match &self.suggestion {
            Some(word) => write!(f, "; did you mean {word:?}?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ParseError {}

const FUNCTIONS: [&str; 19] = [
    "nulls",
    "unique",
    "duplicates",
    "shared",
    "mean",
    "median",
    "stddev",
    "min",
    "max",
    "sum",
    "quantile",
    "distinct",
    "balance",
    "length",
    "increasing",
    "strictly_increasing",
    "decreasing",
    "strictly_decreasing",
    "freshness",
];
const PREDICATES: [&str; 4] = ["between", "in", "matches", "references"];

/// Reads one check, without `warn:` before it.
///
/// # Errors
/// When the text is no check, or one that no data can fulfil (`age between 120 and 0`).
pub fn parse(text: &str) -> Result<DataRule, ParseError> {
    let mut cursor = Cursor::new(text);
    let rule = check(&mut cursor)?;
    cursor.end()?;
    Ok(rule)
}

fn check(c: &mut Cursor) -> Result<DataRule, ParseError> {
    let start = c.mark();
    if c.sees("`") {
        let column = c.column()?;
        return predicate(c, column);
    }
    let word = c.word("a check: `rows`, a column, or a function such as `nulls(…)`")?;
    if c.take("(") {
        return match FUNCTIONS.contains(&word.as_str()) {
            true => function(c, &word),
            false => Err(c.unknown(start, &word, "one of the functions", &FUNCTIONS)),
        };
    }
    if word == "rows" {
        if c.sees("within") {
            return Ok(DataRule::Baseline { of: Measured::Rows, tolerance: tolerance(c)? });
        }
        let op = c.op()?;
        return Ok(DataRule::Rows { op, bound: c.count()? });
    }
    if FUNCTIONS.contains(&word.as_str()) && !c.sees_word() {
        let here = c.mark();
        return Err(c.error(here, "`(` and a column".to_string()));
    }
    predicate(c, word)
}

/// What must hold for each value of `column`.
fn predicate(c: &mut Cursor, column: String) -> Result<DataRule, ParseError> {
    let start = c.mark();
    let expected = "`between`, `in`, `matches` or `references`";
    if ["<", ">", "=", "!"].iter().any(|sign| c.sees(sign)) {
        let instead = format!("{expected}; a bound on every value is `min({column}) >= …` or `max({column}) <= …`");
        return Err(c.error(start, instead));
    }
    match c.word(expected)?.as_str() {
        "is" | "not" => {
            let suggestion = Some(format!("nulls({column}) = 0"));
            Err(ParseError { suggestion, ..c.error(start, expected.to_string()) })
        }
        "between" => between(c, column),
        "in" => Ok(DataRule::In { column, values: c.list()? }),
        "matches" => Ok(DataRule::Matches { column, pattern: c.pattern()? }),
        "references" => {
            let dataset = c.dataset()?;
            c.expect(".")?;
            Ok(DataRule::References { column, dataset, other: c.column()? })
        }
        other => Err(c.unknown(start, other, expected, &PREDICATES)),
    }
}

fn between(c: &mut Cursor, column: String) -> Result<DataRule, ParseError> {
    let start = c.mark();
    let low = c.scalar()?;
    c.keyword("and")?;
    let second = c.mark();
    let high = c.scalar()?;
    let ordered = match (&low, &high) {
        (Scalar::Number(low), Scalar::Number(high)) => low <= high,
        (Scalar::Text(low), Scalar::Text(high)) => match time::moment(low).zip(time::moment(high)) {
            Some((low, high)) => low.micros <= high.micros,
            None => low <= high,
        },
        (Scalar::Number(_), Scalar::Text(_)) => return Err(c.error(second, "a number, as the lower end is one".into())),
        (Scalar::Text(_), Scalar::Number(_)) => return Err(c.error(second, "text, as the lower end is text".into())),
    };
    match ordered {
        true => Ok(DataRule::Between { column, low, high }),
        false => Err(c.error(start, "the lower end first".to_string())),
    }
}

fn function(c: &mut Cursor, name: &str) -> Result<DataRule, ParseError> {
    match name {
        "unique" | "duplicates" | "shared" => return rows_alike(c, name),
        "increasing" => return ordered(c, Order::Increasing),
        "strictly_increasing" => return ordered(c, Order::StrictlyIncreasing),
        "decreasing" => return ordered(c, Order::Decreasing),
        "strictly_decreasing" => return ordered(c, Order::StrictlyDecreasing),
        _ => {}
    }
    let column = c.column()?;
    let function = match name {
        "mean" => Some(Aggregate::Mean),
        "median" => Some(Aggregate::Quantile(0.5)),
        "stddev" => Some(Aggregate::Stddev),
        "min" => Some(Aggregate::Min),
        "max" => Some(Aggregate::Max),
        "sum" => Some(Aggregate::Sum),
        "distinct" => Some(Aggregate::Distinct),
        "quantile" => {
            c.expect(",")?;
            let start = c.mark();
            let p = c.number()?;
            if !(0.0..=1.0).contains(&p) {
                return Err(c.error(start, "a quantile from 0 to 1, such as 0.95".to_string()));
            }
            Some(Aggregate::Quantile(p))
        }
        _ => None,
    };
    c.expect(")")?;
    if let Some(function) = function {
        return match c.sees("within") {
            true => Ok(DataRule::Baseline { of: Measured::Aggregate { function, column }, tolerance: tolerance(c)? }),
            false => Ok(DataRule::Aggregate { function, column, range: range(c)? }),
        };
    }
    let start = c.mark();
    match name {
        "nulls" => Ok(DataRule::Nulls { column, op: c.op()?, bound: amount(c)? }),
        "length" => match range(c)? {
            NumberRange::Compare { op: Op::Less, bound } if bound <= 0.0 => {
                Err(c.error(start, "a length that a text can have".to_string()))
            }
            range => Ok(DataRule::Length { column, range }),
        },
        "balance" => {
            let op = c.op()?;
            let start = c.mark();
            match (op, amount(c)?) {
                (Op::Greater | Op::GreaterOrEqual, Amount::Share(bound)) => Ok(DataRule::Balance { column, op, bound }),
                (Op::Greater | Op::GreaterOrEqual, Amount::Count(_)) => {
                    Err(c.error(start, "the share of the rarest value, such as 10%".to_string()))
                }
                _ => Err(c.error(start, "`>` or `>=`: the rarest value needs a share from below".to_string())),
            }
        }
        _ => match c.op()? {
            op @ (Op::Less | Op::LessOrEqual) => Ok(DataRule::Freshness { column, op, bound: duration(c)? }),
            _ => Err(c.error(start, "`<` or `<=`: an age has an upper bound".to_string())),
        },
    }
}

fn rows_alike(c: &mut Cursor, name: &str) -> Result<DataRule, ParseError> {
    let columns = c.columns()?;
    c.expect(")")?;
    Ok(match name {
        "unique" => DataRule::Unique { columns },
        "duplicates" => DataRule::Duplicates { columns, op: c.op()?, bound: amount(c)? },
        _ => {
            c.keyword("with")?;
            let dataset = c.dataset()?;
            DataRule::Shared { columns, dataset, op: c.op()?, bound: amount(c)? }
        }
    })
}

fn ordered(c: &mut Cursor, order: Order) -> Result<DataRule, ParseError> {
    let column = c.column()?;
    c.expect(")")?;
    Ok(DataRule::Ordered { column, order })
}

/// `within 20% of baseline`
fn tolerance(c: &mut Cursor) -> Result<f64, ParseError> {
    c.keyword("within")?;
    let start = c.mark();
    let tolerance = match amount(c)? {
        Amount::Share(tolerance) if tolerance > 0.0 => tolerance,
        _ => return Err(c.error(start, "a percentage above 0%, such as 20%".to_string())),
    };
    c.keyword("of")?;
    c.keyword("baseline")?;
    Ok(tolerance)
}

fn range(c: &mut Cursor) -> Result<NumberRange, ParseError> {
    if !c.sees_word() {
        let op = c.op()?;
        return Ok(NumberRange::Compare { op, bound: c.number()? });
    }
    c.keyword("between")?;
    let start = c.mark();
    let low = c.number()?;
    c.keyword("and")?;
    let high = c.number()?;
    match low <= high {
        true => Ok(NumberRange::Between { low, high }),
        false => Err(c.error(start, "the lower end first".to_string())),
    }
}

/// `0`, `10_000`, `1%`
fn amount(c: &mut Cursor) -> Result<Amount, ParseError> {
    let start = c.mark();
    let number = c.number()?;
    if !c.take("%") {
        return match number >= 0.0 && number.fract() == 0.0 {
            true => Ok(Amount::Count(number)),
            false => Err(c.error(start, "a whole number of rows, or a percentage such as 1%".to_string())),
        };
    }
    match (0.0..=100.0).contains(&number) {
        true => Ok(Amount::Share(number / 100.0)),
        false => Err(c.error(start, "a percentage from 0% to 100%".to_string())),
    }
}

/// `90s`, `15min`, `12h`, `2d`, `1w`
fn duration(c: &mut Cursor) -> Result<Duration, ParseError> {
    let start = c.mark();
    let number = c.number()?;
    let unit_at = c.mark();
    let expected = "a unit: s, min, h, d or w";
    let unit = c.word(expected)?;
    let Some((factor, Some(Unit::Seconds))) = units::suffix(&unit) else {
        return Err(c.unknown(unit_at, &unit, expected, &units::names(Unit::Seconds)));
    };
    Duration::try_from_secs_f64(units::scale(number, factor))
        .ok()
        .filter(|bound| !bound.is_zero())
        .ok_or_else(|| c.error(start, "a duration above zero, such as 2d".to_string()))
}
