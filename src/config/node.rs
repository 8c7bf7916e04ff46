//! YAML text → a tree in which every value knows its bytes. The serde mirror of `mlops.yaml`: it takes whatever
//! is written, so that validation can name every problem instead of stopping at the first.

use super::problem::{Code, Problems};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};
use std::fmt;
use std::ops::Range;

/// Larger files are no configuration; the bound also bounds the time to refuse a hostile one.
pub const MAX_BYTES: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub value: Value,
    /// Bytes in the source. For a mapping or list only its beginning.
    pub at: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// In source order.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// `a number (3.5)`: what was found, for messages.
    pub fn found(&self) -> String {
        match &self.value {
            Value::Null => "nothing".into(),
            Value::Bool(b) => format!("{b}"),
            Value::Int(i) => format!("the number {i}"),
            Value::Float(x) => format!("the number {x}"),
            Value::Text(t) if t.chars().count() > 40 => {
                format!("the text '{}…'", t.chars().take(40).collect::<String>())
            }
            Value::Text(t) => format!("the text '{t}'"),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a mapping".into(),
        }
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().find(|(k, _)| k.text() == Some(key)).map(|(_, v)| v)
    }

    pub fn entries(&self) -> impl Iterator<Item = (&Node, &Node)> {
        let pairs: &[(Node, Node)] = match &self.value {
            Value::Map(pairs) => pairs,
            _ => &[],
        };
        pairs.iter().map(|(k, v)| (k, v))
    }

    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    pub fn is_list(&self) -> bool {
        matches!(self.value, Value::List(_))
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads one YAML document.
///
/// # Errors
/// One problem: syntax ends the reading where it breaks.
pub fn parse(text: &str) -> Result<Node, Problems> {
    let mut problems = Problems::default();
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > MAX_BYTES {
        problems.add(Code::TooLarge, &(0..0), format!("the file has {} bytes", text.len()), "at most 1 MiB");
    } else if body.trim().is_empty() {
        let help = "the shortest is: version: 1 and model: {name: …}; `mlgate init` writes a first one";
        problems.add(Code::Empty, &(0..0), "the file is empty", help);
    } else {
        match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options()) {
            Ok(raw) => return Ok(node(raw)),
            Err(error) => syntax(&error, text, &mut problems),
        }
    }
    Err(problems)
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        // `y` is a fine name for a label column, and `no` for a country.
        strict_booleans: true,
        budget: serde_saphyr::budget! { max_depth: 24, max_nodes: 20_000, max_events: 100_000, max_aliases: 1_000 },
    }
}

fn syntax(error: &serde_saphyr::Error, text: &str, problems: &mut Problems) {
    let plain = error.without_snippet();
    let message = plain.to_string();
    // Its own messages name the place in words; ours underline it.
    let message = match message.split_once(": ") {
        Some((place, rest)) if place.starts_with("line ") => rest.to_string(),
        _ => message.strip_prefix("error: ").unwrap_or(&message).to_string(),
    };
    let message = message.split(" at line ").next().unwrap_or_default().lines().next().unwrap_or_default().to_string();
    let start = plain.location().map_or(0, |l| offset(text, l.line() as usize, l.column() as usize));
    let at = start..text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
    let complex = ["budget", "limit", "depth"].iter().any(|w| message.contains(w));
    if complex {
        let help = "at most 24 levels and 20,000 values, aliases expanded";
        problems.add(Code::TooComplex, &at, format!("too complex to be a configuration: {message}"), help);
    } else if text[start..].starts_with('\t') || message.contains("tabs") {
        problems.add(Code::Syntax, &at, "a tab in the indentation", "YAML indents with spaces");
    } else {
        let message = message.split(", set ").next().unwrap_or_default().to_string();
        let help = match message.as_str() {
            m if m.starts_with("duplicate") => "a name may stand once: keep one of the two, or rename one",
            m if m.starts_with("mapping values") => "put a text that holds `: ` or ends in `:` in quotes",
            m if m.contains("flow sequence") || m.starts_with("unexpected character") => {
                "in a list in [ ], put a text that has [ ] of its own in quotes: ['recall[region] >= 0.7']"
            }
            m if m.contains("expected key") || m.contains("block") => {
                "check the indentation: the keys of one mapping begin in the same column"
            }
            _ => "",
        };
        problems.add(Code::Syntax, &at, message, help);
    }
}

fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or("");
    start + rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>()
}

enum Raw {
    Scalar(Value),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

fn node(raw: Spanned<Raw>) -> Node {
    let at = bytes(&raw.referenced);
    let value = match raw.value {
        Raw::Scalar(value) => value,
        Raw::List(items) => Value::List(items.into_iter().map(node).collect()),
        Raw::Map(pairs) => Value::Map(pairs.into_iter().map(|(k, v)| (node(k), node(v))).collect()),
    };
    Node { value, at }
}

fn bytes(location: &Location) -> Range<usize> {
    let start = location.span().byte_offset().unwrap_or(0) as usize;
    start..start + location.span().byte_len().unwrap_or(0) as usize
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Int(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Text(value.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = access.next_entry()? {
            pairs.push(pair);
        }
        Ok(Raw::Map(pairs))
    }
}
