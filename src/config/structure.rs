//! Structure: the tree against [`super::shape`]. Reports every unknown key, wrong type and missing key; what is
//! read afterwards may then take defaults for what is broken and go on looking for more.

use super::node::{Node, Value};
use super::problem::{Code, Problems, nearest, suggest};
use super::shape::{GATE_LINES, Key, LINES, NOT_YET, Object, Shape};
use super::units;

pub fn check(node: &Node, shape: &Shape, path: &str, problems: &mut Problems) {
    match shape {
        Shape::Object(object) => check_object(node, object, path, problems),
        Shape::Check => check_line(node, path, &LINES, problems),
        Shape::Gate => check_line(node, path, &GATE_LINES, problems),
        Shape::Bins => match &node.value {
            Value::List(items) => items.iter().for_each(|item| check(item, &Shape::Number, path, problems)),
            _ => check(node, &Shape::Integer, path, problems),
        },
        Shape::Map(inner) => match &node.value {
            Value::Map(pairs) => pairs.iter().for_each(|(key, value)| {
                check_name(key, path, problems);
                match (inner, &value.value) {
                    (Shape::Object(_), Value::Map(_)) => check(value, inner, &format!("{path}.*"), problems),
                    (Shape::Object(object), _) => {
                        wrong(value, key.text().unwrap_or_default(), "a mapping", keys(object), problems);
                    }
                    _ => check(value, inner, &format!("{path}.*"), problems),
                }
            }),
            _ => wrong(node, path, "a mapping of names", "each entry begins with its name: `NAME: …`", problems),
        },
        Shape::TextOr(object) => match &node.value {
            Value::Text(text) if !text.trim().is_empty() => {}
            Value::Map(_) => check_object(node, object, path, problems),
            _ => wrong(node, path, "text or a mapping in each line", keys(object), problems),
        },
        Shape::List(inner) => match &node.value {
            Value::List(items) => items.iter().for_each(|item| check(item, inner, path, problems)),
            _ => wrong(node, path, "a list", list_help(node, path), problems),
        },
        scalar => {
            if let Some(expected) = misfit(node, scalar) {
                let code = if is_type_error(node, scalar) { Code::WrongType } else { Code::BadValue };
                let help = scalar_help(node, scalar, last(path));
                problems.add(
                    code,
                    &node.at,
                    format!("`{}` should be {expected}, found {}", last(path), node.found()),
                    help,
                );
            }
        }
    }
}

fn check_object(node: &Node, object: &Object, path: &str, problems: &mut Problems) {
    let Value::Map(pairs) = &node.value else {
        return wrong(node, path, "a mapping", keys(object), problems);
    };
    for (key, value) in pairs {
        let name = key.text().unwrap_or_default();
        match object.keys.iter().find(|k| k.name == name) {
            Some(known) => check(value, &known.shape, &join(path, name), problems),
            None => unknown_key(key, name, object, path, problems),
        }
    }
    for key in object.keys.iter().filter(|k| k.required && node.get(k.name).is_none()) {
        let place = if path.is_empty() { "mlops.yaml".to_string() } else { format!("`{}`", last(path)) };
        problems.add(
            Code::MissingKey,
            &node.at,
            format!("{place} lacks `{}`", key.name),
            format!("`{}:` {}", key.name, key.doc),
        );
    }
}

fn unknown_key(key: &Node, name: &str, object: &Object, path: &str, problems: &mut Problems) {
    if let Some((_, _, instead)) = NOT_YET.iter().find(|(owner, k, _)| *owner == path && *k == name) {
        return problems.add(Code::NotYet, &key.at, format!("`{name}` is not done in this version"), *instead);
    }
    let place = if path.is_empty() { "at the top level".to_string() } else { format!("in `{}`", last(path)) };
    let names: Vec<&str> = object.keys.iter().map(|k: &Key| k.name).collect();
    let shown = if name.is_empty() { key.found() } else { format!("`{name}`") };
    problems.add(Code::UnknownKey, &key.at, format!("unknown key {shown} {place}"), suggest(name, &names));
}

/// Names of data sets, suites and environments become ids, file names and labels.
fn check_name(key: &Node, path: &str, problems: &mut Problems) {
    let is_free = [
        "image.annotations",
        "image.args",
        "image.env",
        "image.labels",
        "latency.request.headers",
        "quality.metrics.units",
    ]
    .contains(&path)
        || path.ends_with("columns");
    // Classes and levels of quantiles are often numbers.
    let is_scalar = ["quality.predictions.scores", "quality.predictions.quantiles"].contains(&path)
        && !matches!(key.value, Value::Null | Value::List(_) | Value::Map(_));
    let fits = |name: &str| {
        !name.is_empty() && name.len() <= 63 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    match key.text() {
        Some(name) if is_free && !name.is_empty() => {}
        Some(name) if fits(name) => {}
        _ if is_scalar => {}
        _ => {
            let help = "letters, digits, _ and -, at most 63";
            problems.add(
                Code::BadValue,
                &key.at,
                format!("{} is no name for an entry of `{}`", key.found(), last(path)),
                help,
            );
        }
    }
}

/// A line of `checks:` or `gates:`: text, or a mapping known by its first key.
fn check_line(node: &Node, path: &str, forms: &[(&str, &Object)], problems: &mut Problems) {
    match &node.value {
        Value::Text(_) => {}
        Value::Map(pairs) => match forms.iter().find(|(form, _)| node.get(form).is_some()) {
            Some((_, object)) => check_object(node, object, path, problems),
            None => {
                let at = pairs.first().map_or(&node.at, |(key, _)| &key.at);
                let help = "a rule is one text, such as `f1 >= 0.85` or `rows >= 10`; one with `: ` in it needs quotes";
                problems.add(
                    Code::WrongType,
                    at,
                    format!(
                        "a line of `{}` should be text, or have the key {}",
                        last(path),
                        forms.iter().map(|(form, _)| *form).collect::<Vec<_>>().join(", ")
                    ),
                    help,
                );
            }
        },
        _ => {
            let help = "a rule is text, such as `f1 >= 0.85` or `rows >= 10`; decimals have a point";
            wrong(node, path, "text in each line", help, problems);
        }
    }
}

/// What the scalar should have been, if it is not that.
fn misfit(node: &Node, shape: &Shape) -> Option<String> {
    let text = node.text();
    let (fits, expected) = match shape {
        Shape::Text => (text.is_some_and(|t| !t.trim().is_empty()), "text".to_string()),
        Shape::Character => (text.is_some_and(|t| !t.is_empty()), "one character".into()),
        Shape::Number => (matches!(node.value, Value::Int(_) | Value::Float(_)), "a number".into()),
        Shape::Integer => (matches!(node.value, Value::Int(i) if i >= 0), "a whole number from 0".into()),
        Shape::Bool => (matches!(node.value, Value::Bool(_)), "true or false".into()),
        Shape::Scalar => {
            (!matches!(node.value, Value::Null | Value::Map(_) | Value::List(_)), "text or a number".into())
        }
        Shape::Duration => {
            (text.is_some_and(|t| units::duration(t).is_some()), "a duration above zero, such as 90s, 10m or 2d".into())
        }
        Shape::Percent => (text.is_some_and(|t| units::percent(t).is_some()), "a percentage such as 95%".into()),
        Shape::Rate => (text.is_some_and(|t| units::rate(t).is_some()), "a rate above zero, such as 100/s".into()),
        Shape::Size => (text.is_some_and(|t| units::size(t).is_some()), "a size such as 512MiB".into()),
        Shape::OneOf(choices) => (text.is_some_and(|t| choices.contains(&t)), format!("one of {}", choices.join(", "))),
        Shape::List(_)
        | Shape::Map(_)
        | Shape::Object(_)
        | Shape::TextOr(_)
        | Shape::Check
        | Shape::Gate
        | Shape::Bins => {
            return None;
        }
    };
    (!fits).then_some(expected)
}

fn is_type_error(node: &Node, shape: &Shape) -> bool {
    let wants_text = !matches!(shape, Shape::Number | Shape::Integer | Shape::Bool | Shape::Scalar);
    match node.value {
        Value::Text(_) => !wants_text,
        Value::Int(_) => !matches!(shape, Shape::Integer | Shape::Number),
        _ => true,
    }
}

/// What may help where a scalar does not fit: the value as it was probably meant.
fn scalar_help(node: &Node, shape: &Shape, name: &str) -> String {
    match (shape, &node.value) {
        (Shape::OneOf(choices), Value::Text(text)) => {
            nearest(text, choices.iter().copied()).map(|near| format!("did you mean `{near}`?")).unwrap_or_default()
        }
        // YAML reads `{{ git.sha }}` as a mapping whose key is a mapping.
        (Shape::Text, Value::Map(pairs))
            if pairs.first().is_some_and(|(key, _)| matches!(key.value, Value::Map(_))) =>
        {
            "put what has {{ }} in quotes: \"{{ git.sha }}\"".into()
        }
        (Shape::Text, Value::List(_)) => format!("one text, not a list: `{name}: …`"),
        (Shape::Text | Shape::Character, Value::Int(_) | Value::Float(_) | Value::Bool(_)) => "put it in quotes".into(),
        (Shape::Duration, Value::Int(n)) if *n > 0 => format!("with its unit: `{name}: {n}s`"),
        (Shape::Rate, Value::Int(n)) if *n > 0 => format!("with its unit: `{name}: {n}/s`"),
        (Shape::Percent, Value::Float(x)) if *x < 1.0 => format!("`{name}: {}%`", (x * 1e8).round() / 1e6),
        (Shape::Percent, Value::Int(n)) => format!("`{name}: {n}%`"),
        (Shape::Number, Value::Text(text)) if units::percent(text).is_some() => {
            format!("`{name}: {}`", units::percent(text).unwrap_or_default())
        }
        (Shape::Integer | Shape::Number, Value::Text(text)) if text.parse::<f64>().is_ok() => {
            format!("without quotes: `{name}: {text}`")
        }
        _ => String::new(),
    }
}

fn list_help(node: &Node, path: &str) -> String {
    match &node.value {
        Value::Text(text) if text.contains([',', '[', '{', '"', '\'', '#']) || text.contains(": ") => {
            format!("a list of one: `{}: ['…']`", last(path))
        }
        Value::Text(text) => format!("a list of one: `{}: [{text}]`", last(path)),
        _ => "each line of a list begins with `- `".into(),
    }
}

fn keys(object: &Object) -> String {
    let of = |required: bool| object.keys.iter().filter(move |k| k.required == required).map(|k| k.name);
    let names: Vec<&str> = of(true).chain(of(false)).collect();
    format!("its keys: {}", names.join(", "))
}

fn wrong(node: &Node, path: &str, expected: &str, help: impl Into<String>, problems: &mut Problems) {
    let name = if path.is_empty() { "mlops.yaml".to_string() } else { format!("`{}`", last(path)) };
    problems.add(Code::WrongType, &node.at, format!("{name} should be {expected}, found {}", node.found()), help);
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

fn last(path: &str) -> &str {
    path.trim_end_matches(".*").rsplit('.').next().unwrap_or(path)
}
