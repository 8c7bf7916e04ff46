//! What stands on the left of a gate: names, slices, and arithmetic between them.

use super::{Input, Parsed, at, eat, error, error_since, expect, found, is_name, number, rest, spaces};
use crate::config::units;
use crate::model::{Arithmetic, Expr, StageKind, Subject};
use winnow::Parser;
use winnow::combinator::{Infix, expression, fail};
use winnow::error::ErrMode;
use winnow::stream::Stream;

/// Deeper parentheses are nobody's arithmetic.
const MOST_DEPTH: usize = 32;

pub(super) fn subject(input: &mut Input<'_>) -> Parsed<Subject> {
    let start = at(input);
    let expr = match arithmetic(input)? {
        Expr::Measured(subject) => return Ok(subject),
        Expr::Number(_) => {
            let word = input.state.text[start..at(input)].trim();
            let message = format!("expected the name of a measurement, found `{word}`");
            return Err(error_since(start, input, &message, "the measurement comes first: f1 >= 0.85"));
        }
        expr @ Expr::Two { .. } => expr,
    };
    let subject = Subject::Combined(Box::new(expr));
    if subject.ids().is_empty() {
        return Err(error_since(start, input, "nothing is measured in this", "such as quality.f1 / latency.p95"));
    }
    let columns = subject.parts().into_iter().filter_map(Subject::each_slice_of);
    if columns.clone().zip(columns.skip(1)).any(|(a, b)| a != b) {
        let help = "one column a gate: f1[segment] - recall[segment] <= 5pp";
        return Err(error_since(start, input, "the slices of two columns do not go together", help));
    }
    Ok(subject)
}

fn arithmetic(input: &mut Input<'_>) -> Parsed<Expr> {
    expression(operand).infix(operator).parse_next(input)
}

/// `+`, `-`, `*` or `/`. What is read is put back where none follows.
fn operator<'a>(input: &mut Input<'a>) -> Parsed<Infix<Input<'a>, Expr, ErrMode<super::GateError>>> {
    let start = at(input);
    spaces(input)?;
    let after = rest(input);
    let Some(op) = Arithmetic::ALL.into_iter().find(|op| after.starts_with(op.symbol())) else {
        return fail.parse_next(input);
    };
    let before = &input.state.text[..start];
    // `f1-macro` is a slip far oftener than a difference.
    if op == Arithmetic::Minus && start == at(input) && before.ends_with(is_name) {
        let first = before.rsplit(|c| !is_name(c)).next().unwrap_or_default();
        let second = after[1..].split(|c| !is_name(c)).next().unwrap_or_default();
        if second.is_empty() || second.starts_with(char::is_alphabetic) {
            let message = format!("expected a comparison, {}", found(input));
            let help = format!(
                "names have _ and no -: did you mean `{first}_{second}`? A difference has spaces: `{first} - {second}`"
            );
            return Err(error(input, message, help));
        }
    }
    input.next_slice(1);
    let binds = i64::from(op.binds());
    Ok(Infix::Left(
        binds,
        match op {
            Arithmetic::Plus => |_, a, b| Ok(two(Arithmetic::Plus, a, b)),
            Arithmetic::Minus => |_, a, b| Ok(two(Arithmetic::Minus, a, b)),
            Arithmetic::Times => |_, a, b| Ok(two(Arithmetic::Times, a, b)),
            Arithmetic::Over => |_, a, b| Ok(two(Arithmetic::Over, a, b)),
        },
    ))
}

fn two(op: Arithmetic, left: Expr, right: Expr) -> Expr {
    Expr::Two { op, left: Box::new(left), right: Box::new(right) }
}

fn operand(input: &mut Input<'_>) -> Parsed<Expr> {
    spaces(input)?;
    if rest(input).starts_with('(') {
        if input.state.depth == MOST_DEPTH {
            let message = format!("more than {MOST_DEPTH} parentheses in each other");
            return Err(error(input, message, "take out those that change nothing"));
        }
        input.next_slice(1);
        input.state.depth += 1;
        let inside = arithmetic(input)?;
        input.state.depth -= 1;
        expect(input, ")", "each `(` needs its `)`")?;
        return Ok(inside);
    }
    if units::split_number(rest(input)).is_some() {
        return number(input, &unit_width).map(Expr::Number);
    }
    measurement(input).map(Expr::Measured)
}

/// In arithmetic `/` divides, but for `/s`.
fn unit_width(after: &str) -> usize {
    let word = after.find(|c: char| !(c.is_alphabetic() || c == '%')).unwrap_or(after.len());
    let is_rate = after.strip_prefix("/s").is_some_and(|rest| !rest.starts_with(|c| is_name(c) || c == '.'));
    if is_rate { 2 } else { word }
}

fn measurement(input: &mut Input<'_>) -> Parsed<Subject> {
    let over_slices = ["gap", "ratio"]
        .into_iter()
        .find(|word| rest(input).strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with('(')));
    if let Some(word) = over_slices {
        input.next_slice(word.len());
        expect(input, "(", "")?;
        spaces(input)?;
    }
    let start = at(input);
    let name = name(input)?;
    let id = qualify(&name, input.state.stage).ok_or_else(|| {
        let message = format!("`{name}` does not say which stage it is of");
        error_since(start, input, &message, "write its stage before it: quality.f1, latency.p95, image.size")
    })?;
    let slice = slice(input)?;
    if let Some(word) = over_slices {
        expect(input, ")", &format!("{word}(recall[region])"))?;
        let Some((column, None)) = slice else {
            let message = format!("a {word} is between the slices of a column");
            return Err(error(input, message, format!("{word}(recall[region])")));
        };
        return Ok(if word == "gap" { Subject::Gap { id, column } } else { Subject::Ratio { id, column } });
    }
    Ok(match slice {
        None => Subject::Overall { id },
        Some((column, None)) => Subject::EachSlice { id, column },
        Some((column, Some(value))) => Subject::OneSlice { id, column, value },
    })
}

/// `f1`, `ndcg@10`, `data.live.drift(age)`, `f1("New York")`, `"eval/loss"`; without the quotes.
fn name(input: &mut Input<'_>) -> Parsed<String> {
    let text = rest(input);
    let mut name = if text.starts_with(QUOTES) {
        quoted(input)?
    } else {
        let end = text.find(|c: char| !(is_name(c) || ".@".contains(c))).unwrap_or(text.len());
        if end == 0 || text.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            let help = "such as f1, roc_auc or p95";
            return Err(error(input, format!("expected the name of a measurement, {}", found(input)), help));
        }
        input.next_slice(end).to_string()
    };
    if rest(input).starts_with('(') {
        let inside = enclosed(input, ')', "data.live.drift(age) or f1(cat)")?;
        name = format!("{name}({inside})");
    }
    Ok(name)
}

const QUOTES: [char; 2] = ['"', '\''];

/// A text in quotes; the quote itself and `\` stand after a `\`.
fn quoted(input: &mut Input<'_>) -> Parsed<String> {
    let text = rest(input);
    let Some(quote) = text.chars().next() else { return fail.parse_next(input) };
    let (mut out, mut escaped) = (String::new(), false);
    for (place, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => {
                out.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            _ if c == quote => {
                if out.is_empty() {
                    return Err(error(input, "an empty text in quotes", "write what is meant between the quotes"));
                }
                input.next_slice(place + 1);
                return Ok(out);
            }
            _ => out.push(c),
        }
    }
    Err(error(input, format!("{quote} is not closed"), "a quote inside a text is written \\\" or \\'"))
}

/// What stands between an open bracket and the one that closes it: in quotes, or as it is.
fn enclosed(input: &mut Input<'_>, close: char, help: &str) -> Parsed<String> {
    let open = rest(input).chars().next().unwrap_or_default();
    let opened = input.checkpoint();
    input.next_slice(1);
    if rest(input).starts_with(QUOTES) {
        let inside = quoted(input)?;
        expect(input, &close.to_string(), help)?;
        return Ok(inside);
    }
    let Some(end) = rest(input).find(close) else {
        input.reset(&opened);
        return Err(error(input, format!("`{open}` is not closed"), help));
    };
    let inside = input.next_slice(end).to_string();
    input.next_slice(close.len_utf8());
    Ok(inside)
}

/// `[segment]`, `[segment=b2b]`, `["sign up"='a ] b']`.
fn slice(input: &mut Input<'_>) -> Parsed<Option<(String, Option<String>)>> {
    if !rest(input).starts_with('[') {
        return Ok(None);
    }
    let help = "f1[segment] or f1[segment=b2b]";
    let opened = input.checkpoint();
    input.next_slice(1);
    let column = part(input, &['=', ']'])?;
    let value = if column.is_some() && eat(input, "=")? { Some(part(input, &[']'])?) } else { None };
    let (Some(column), Some(value)) = (column, value.map_or(Some(None), |value| value.map(Some))) else {
        input.reset(&opened);
        return Err(error(input, "`[` is not closed", help));
    };
    if column.is_empty() || value.as_ref().is_some_and(String::is_empty) {
        input.reset(&opened);
        return Err(error(input, "a slice needs a column", help));
    }
    if !eat(input, "]")? {
        let message = format!("expected `]`, {}", found(input));
        return Err(error(input, message, "a value with quotes or ] in it stands in quotes: f1[segment=\"a ] b\"]"));
    }
    Ok(Some((column, value)))
}

/// A text in quotes, or what stands before the first of `ends`; none where none of them follows.
fn part(input: &mut Input<'_>, ends: &[char]) -> Parsed<Option<String>> {
    spaces(input)?;
    if rest(input).starts_with(QUOTES) {
        return quoted(input).map(Some);
    }
    Ok(rest(input).find(ends).map(|end| input.next_slice(end).trim().to_string()))
}

/// `f1` → `quality.f1`; a name that begins with a stage stays as it is, and `lead_time` is promotion's own.
fn qualify(name: &str, stage: Option<StageKind>) -> Option<String> {
    let first = name.split('.').next().unwrap_or(name);
    let is_stage = StageKind::RUN.iter().any(|s| s.name() == first) && name.contains('.');
    if is_stage || first == "promote" {
        return Some(name.to_string());
    }
    match stage {
        Some(stage) => Some(format!("{stage}.{name}")),
        None if name == "lead_time" => Some("promote.lead_time".into()),
        None => None,
    }
}
