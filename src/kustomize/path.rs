//! Paths of replacements: `spec.containers.[name=web].ports.0.*`, with `\.` or brackets around a name that has dots.

use super::value::{Map, Value};
use regex::Regex;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
    /// Past the end of a list.
    Append,
    /// Every element or every field.
    All,
    /// Elements whose field, or which themselves, equal a value.
    Where {
        field: String,
        value: String,
        pattern: Regex,
    },
}

pub(crate) fn parse(text: &str) -> Result<Vec<Step>, String> {
    let mut parts: Vec<String> = Vec::new();
    let mut part = String::new();
    let mut depth = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'.') => part.extend(chars.next()),
            '[' if depth == 0 && part.is_empty() => {
                depth = 1;
                part.push(c);
            }
            ']' if depth == 1 && chars.peek().is_none_or(|n| *n == '.') => {
                depth = 0;
                part.push(c);
            }
            '.' if depth == 0 => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    parts.into_iter().filter(|p| !p.is_empty()).map(step).collect()
}

fn step(part: String) -> Result<Step, String> {
    if let Some(inner) = part.strip_prefix('[').and_then(|p| p.strip_suffix(']')) {
        let Some((field, value)) = inner.split_once('=') else { return Ok(Step::Name(inner.to_owned())) };
        let pattern = Regex::new(value).map_err(|e| format!("{part}: not a regular expression: {e}"))?;
        return Ok(Step::Where { field: field.to_owned(), value: value.to_owned(), pattern });
    }
    Ok(match part.as_str() {
        "*" => Step::All,
        "-" => Step::Append,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().map_or_else(|_| Step::Name(part.clone()), Step::Index)
        }
        _ => Step::Name(part),
    })
}

/// The one value at a path.
pub(crate) fn get<'v>(node: &'v Value, path: &[Step]) -> Result<Option<&'v Value>, String> {
    let mut node = node;
    for step in path {
        let next = match (node, step) {
            (Value::Map(map), Step::Name(name)) => map.get(name),
            (Value::Map(map), Step::Index(at)) => map.get(&at.to_string()),
            (Value::List(list), Step::Index(at)) => list.get(*at),
            (Value::List(list), Step::Append) => list.last(),
            (Value::List(list), Step::Where { field, value, .. }) => {
                list.iter().find(|item| text_of(item, field).as_deref() == Some(value))
            }
            (_, Step::All) => return Err("a source must be one value; * is not allowed here".to_owned()),
            _ => None,
        };
        let Some(next) = next else { return Ok(None) };
        node = next;
    }
    Ok(Some(node))
}

fn text_of(item: &Value, field: &str) -> Option<String> {
    if field.is_empty() { item.scalar_text() } else { item.as_map()?.get(field)?.scalar_text() }
}

/// Calls `set` on every value the path leads to. With `create`, what is missing on the way is made, and the last value
/// is one of the shape of `create`.
pub(crate) fn visit(
    node: &mut Value,
    path: &[Step],
    create: Option<&Value>,
    set: &mut dyn FnMut(&mut Value) -> Result<(), String>,
) -> Result<(), String> {
    let Some((step, rest)) = path.split_first() else { return set(node) };
    // What a missing value begins as: a list when the next step goes into one.
    let seed = || match rest.first() {
        None => match create {
            Some(Value::Map(_)) => Value::map(),
            Some(Value::List(_)) => Value::List(Vec::new()),
            _ => Value::Null,
        },
        Some(Step::Where { .. } | Step::Append | Step::Index(_)) => Value::List(Vec::new()),
        Some(_) => Value::map(),
    };
    match node {
        Value::Map(map) => {
            let name = match step {
                Step::Name(name) => name.clone(),
                Step::Index(at) => at.to_string(),
                Step::Append => "-".to_owned(),
                Step::All => {
                    return map.0.iter_mut().try_for_each(|(_, v)| visit(v, rest, create, set));
                }
                Step::Where { .. } => return Err("expected a list, found a mapping".to_owned()),
            };
            if create.is_some() && map.get(&name).is_none_or(|v| v.is_null() && !rest.is_empty()) {
                map.set(&name, seed());
            }
            map.get_mut(&name).map_or(Ok(()), |next| visit(next, rest, create, set))
        }
        Value::List(list) => match step {
            Step::All => list.iter_mut().try_for_each(|v| visit(v, rest, create, set)),
            Step::Index(at) => {
                if *at == list.len() && create.is_some() {
                    list.push(seed());
                }
                list.get_mut(*at).map_or(Ok(()), |next| visit(next, rest, create, set))
            }
            Step::Append => Err("- is no position that can be replaced".to_owned()),
            Step::Where { field, value, pattern } => {
                let hits = |item: &Value| text_of(item, field).is_some_and(|t| pattern.is_match(&t));
                if create.is_some() && !list.iter().any(hits) {
                    list.push(if field.is_empty() {
                        Value::string(value)
                    } else {
                        Value::Map(Map(vec![(field.clone(), Value::string(value))]))
                    });
                }
                list.iter_mut().filter(|i| hits(i)).try_for_each(|v| visit(v, rest, create, set))
            }
            Step::Name(name) => Err(format!("expected a mapping with {name}, found a list")),
        },
        Value::Null | Value::Blank => Ok(()),
        other => Err(format!("nothing can be below {}", other.type_name())),
    }
}
