//! The gate language: text → [`Gate`], by winnow's combinators; the grammar stands in `docs/gates.md`. Errors are our
//! own: each names the character, what was found and what may stand there.

mod subject;

use super::units;
use crate::model::{Bound, Gate, LEVELS, Offset, Op, Quantity, Rule, Severity, StageKind};
use winnow::combinator::{not, opt, preceded, terminated};
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{LocatingSlice, Location, Stateful, Stream};
use winnow::token::{literal, one_of, take_while};
use winnow::{ModalResult, Parser};

/// Longer texts are no gates. The bound also bounds how deep an expression can be.
const MOST_BYTES: usize = 2000;

/// What is wrong with a gate, and where in its text (byte offset and length).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateError {
    pub at: usize,
    pub len: usize,
    pub message: String,
    pub help: String,
}

/// What the parsers know beside the text that is left.
#[derive(Clone, Copy, Debug)]
struct Setting<'a> {
    text: &'a str,
    stage: Option<StageKind>,
    /// Open parentheses.
    depth: usize,
}

type Input<'a> = Stateful<LocatingSlice<&'a str>, Setting<'a>>;
type Parsed<T> = ModalResult<T, GateError>;

impl ParserError<Input<'_>> for GateError {
    type Inner = GateError;

    /// Of an alternative that is not taken; what the user sees is made by [`error`].
    fn from_input(input: &Input<'_>) -> GateError {
        GateError { at: at(input), len: 1, message: "this cannot be read".into(), help: String::new() }
    }

    fn into_inner(self) -> Result<GateError, GateError> {
        Ok(self)
    }
}

/// Reads one gate. Names without a stage belong to `stage`; with none they must be qualified.
///
/// # Errors
/// The first thing that does not fit.
pub fn parse(text: &str, stage: Option<StageKind>) -> Result<Gate, GateError> {
    if text.len() > MOST_BYTES {
        let message = format!("a gate of {} bytes", text.len());
        let help = format!("at most {MOST_BYTES}; one rule a line");
        return Err(GateError { at: 0, len: 1, message, help });
    }
    let mut input = Stateful { input: LocatingSlice::new(text), state: Setting { text, stage, depth: 0 } };
    gate(&mut input).map_err(|error| match error {
        ErrMode::Cut(error) | ErrMode::Backtrack(error) => error,
        ErrMode::Incomplete(_) => GateError::from_input(&input),
    })
}

fn gate(input: &mut Input<'_>) -> Parsed<Gate> {
    let severity = match opt(preceded(spaces, literal("warn:"))).parse_next(input)? {
        Some(_) => Severity::Warn,
        None => Severity::Block,
    };
    spaces(input)?;
    let start = at(input);
    let subject = subject::subject(input)?;
    let rule = rule(input)?;
    let confidence = if keyword(input, "at")? { Some(level(input)?) } else { None };
    spaces(input)?;
    if !rest(input).is_empty() {
        let help = match rest(input).strip_prefix(',') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => "decimals are written with a point: 0.85",
            _ => "one rule a line; write a second gate for a second rule",
        };
        return Err(error(input, "the gate should end here", help));
    }
    let text = input.state.text[start..].trim();
    Ok(Gate { confidence, ..Gate::new(text, severity, subject, rule) })
}

fn rest<'a>(input: &Input<'a>) -> &'a str {
    let rest: &&'a str = input.input.as_ref();
    rest
}

fn at(input: &Input<'_>) -> usize {
    input.current_token_start()
}

fn spaces(input: &mut Input<'_>) -> Parsed<()> {
    take_while(0.., char::is_whitespace).void().parse_next(input)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// An error that ends the reading.
fn error(input: &Input<'_>, message: impl Into<String>, help: impl Into<String>) -> ErrMode<GateError> {
    let len = rest(input).split_whitespace().next().map_or(1, str::len);
    ErrMode::Cut(GateError { at: at(input), len, message: message.into(), help: help.into() })
}

/// The same about what was read since `start`.
fn error_since(start: usize, input: &Input<'_>, message: &str, help: &str) -> ErrMode<GateError> {
    ErrMode::Cut(GateError { at: start, len: at(input) - start, message: message.into(), help: help.into() })
}

fn found(input: &Input<'_>) -> String {
    match rest(input).split_whitespace().next() {
        Some(word) => format!("found `{word}`"),
        None => "the gate ends".into(),
    }
}

fn eat(input: &mut Input<'_>, token: &str) -> Parsed<bool> {
    spaces(input)?;
    Ok(opt(literal(token)).parse_next(input)?.is_some())
}

/// A whole word, so that `between` is not found in `betweenness`.
fn keyword(input: &mut Input<'_>, word: &str) -> Parsed<bool> {
    spaces(input)?;
    Ok(opt(terminated(literal(word), not(one_of(is_name)))).parse_next(input)?.is_some())
}

fn expect(input: &mut Input<'_>, token: &str, help: &str) -> Parsed<()> {
    if eat(input, token)? {
        return Ok(());
    }
    Err(error(input, format!("expected `{token}`, {}", found(input)), help))
}

fn rule(input: &mut Input<'_>) -> Parsed<Rule> {
    if keyword(input, "within")? {
        let tolerance = offset(input, 1.0)?;
        expect(input, "of", "within 3% of baseline")?;
        expect(input, "baseline", "within 3% of baseline")?;
        return Ok(Rule::Within { tolerance });
    }
    if keyword(input, "between")? {
        let low = quantity(input)?;
        if !keyword(input, "and")? {
            return Err(error(input, format!("expected `and`, {}", found(input)), "between 0.2 and 0.4"));
        }
        let start = at(input);
        let high = quantity(input)?;
        if high.value < low.value {
            return Err(error_since(start, input, "an empty range", "write the smaller bound first"));
        }
        return Ok(Rule::Between { low, high });
    }
    let op = op(input)?;
    if keyword(input, "baseline")? {
        let offset = if eat(input, "+")? {
            offset(input, 1.0)?
        } else if eat(input, "-")? {
            offset(input, -1.0)?
        } else if rest(input).starts_with(['*', '/']) {
            return Err(error(input, "a bound is the baseline plus or minus something", "baseline - 3%"));
        } else {
            Offset::None
        };
        return Ok(Rule::Compare { op, bound: Bound::Baseline(offset) });
    }
    Ok(Rule::Compare { op, bound: Bound::Absolute(quantity(input)?) })
}

fn op(input: &mut Input<'_>) -> Parsed<Op> {
    spaces(input)?;
    let left = rest(input);
    if let Some((slip, meant)) = Op::slip(left) {
        return Err(error(input, format!("`{slip}` is no comparison"), format!("did you mean `{meant}`?")));
    }
    if let Some((op, after)) = Op::from_symbol(left) {
        input.next_slice(left.len() - after.len());
        return Ok(op);
    }
    let help = match left {
        _ if left.starts_with(':') => "before a gate only `warn:` may stand",
        _ if left.starts_with('(') => "no space before `(`: f1(cat)",
        _ => "one of <, <=, >, >=, =, within … of baseline, between … and …",
    };
    Err(error(input, format!("expected a comparison, {}", found(input)), help))
}

/// A number with its unit, where a bound stands.
fn quantity(input: &mut Input<'_>) -> Parsed<Quantity> {
    spaces(input)?;
    if units::split_number(rest(input)).is_none() {
        let help = match rest(input).starts_with(|c: char| c.is_alphabetic()) {
            true => "measurements stand on the left: `precision - recall >= 0` for `precision >= recall`",
            false => "such as 0.85, 3%, 0.5pp, 200ms or 2GB",
        };
        return Err(error(input, format!("expected a number or `baseline`, {}", found(input)), help));
    }
    number(input, &|after| after.find(|c: char| !(c.is_alphabetic() || c == '%' || c == '/')).unwrap_or(after.len()))
}

/// A number, and behind it the unit in as many bytes as `width` says of the text that follows.
fn number(input: &mut Input<'_>, width: &dyn Fn(&str) -> usize) -> Parsed<Quantity> {
    let before = rest(input);
    let Some((number, after)) = units::split_number(before) else {
        return Err(ErrMode::Backtrack(GateError::from_input(input)));
    };
    input.next_slice(before.len() - after.len());
    let spaced = after.trim_start();
    let end = width(spaced);
    // `between 1 and 2`: a word after a space is a unit only if it is one.
    let (word, is_apart) = (&spaced[..end], spaced.len() < after.len());
    let word = if is_apart && units::suffix(word).is_none() { "" } else { word };
    let Some((factor, unit)) = units::suffix(word) else {
        let names = units::UNITS.map(|(name, _, _)| name).join(", ");
        return Err(error(input, format!("`{word}` is no unit"), format!("units: {names}")));
    };
    if !word.is_empty() {
        input.next_slice(after.len() - spaced.len() + end);
    }
    Ok(Quantity { value: units::scale(number, factor), unit })
}

/// A distance from the baseline: `%` is relative to it, everything else is in the measurement's unit.
fn offset(input: &mut Input<'_>, sign: f64) -> Parsed<Offset> {
    let start = at(input);
    let quantity = quantity(input)?;
    if quantity.value < 0.0 {
        let help = "write the sign before the number: baseline - 0.5pp";
        return Err(error_since(start, input, "a negative distance", help));
    }
    let is_relative = input.state.text[start..at(input)].trim_end().ends_with('%');
    Ok(if is_relative {
        Offset::Relative(sign * quantity.value)
    } else {
        Offset::Absolute(Quantity { value: sign * quantity.value, ..quantity })
    })
}

/// `99%`, after `at`.
fn level(input: &mut Input<'_>) -> Parsed<f64> {
    spaces(input)?;
    let start = at(input);
    let help = "f1 within 3% of baseline at 99%";
    let Ok(quantity) = quantity(input) else {
        return Err(error(input, format!("expected a level of confidence, {}", found(input)), help));
    };
    let is_percent = input.state.text[start..at(input)].trim_end().ends_with('%');
    // 99.9/100 is a digit off.
    let level = (quantity.value * 1e12).round() / 1e12;
    if !is_percent || !LEVELS.contains(&level) {
        return Err(error_since(start, input, "a level of confidence lies from 50% to 99.9999%", help));
    }
    Ok(level)
}

#[cfg(test)]
mod tests;
