//! YAML text to trees: anchors expanded within a budget, merge keys applied, values as JSON would hold them.

use super::error::{Error, Result};
use super::scalar::{self, resolve};
use super::value::{Map, Value};
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, Span, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

/// Nodes that one stream may grow to through aliases.
const MAX_ALIASED_NODES: usize = 1_000_000;
/// Bytes that may be read again because lines of quoted scalars had to be indented.
const MAX_MENDED_BYTES: usize = 64 << 20;

/// One document of a stream.
#[derive(Debug)]
pub(crate) struct Document {
    pub value: Value,
    /// The line of its first node, counted from 1.
    pub line: usize,
    /// Lines of the keys of the document's top-level mapping, in order.
    pub key_lines: Vec<(String, usize)>,
}

/// How a file is read: Kustomize has two parsers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Kubernetes objects and patches. A key that stands twice is refused.
    Object,
    /// Patches: as objects, but what is no string keeps the text that it was written as.
    Patch,
    /// Kustomization files and configurations. The last of equal keys wins; `yes`, `on` and `y` are booleans.
    Kustomization,
}

/// Reads every document of `text`; empty ones come out as null.
pub(crate) fn documents(text: &str, dialect: Dialect) -> Result<Vec<Document>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut mended: Option<String> = None;
    let mut spent = text.len();
    loop {
        let current = mended.as_deref().unwrap_or(text);
        match attempt(current, dialect) {
            Err(Failed::QuotedIndent(line)) if spent < MAX_MENDED_BYTES => {
                spent += current.len();
                mended = Some(indent_line(current, line));
            }
            Err(Failed::QuotedIndent(line)) => {
                let message = "not valid YAML: the lines of a quoted scalar are indented less than its key";
                return Err(Error::new(message).at_line(line));
            }
            Err(Failed::Other(error)) => return Err(error),
            Ok(found) => return Ok(found),
        }
    }
}

/// Indents a line of a quoted scalar, where leading space means nothing. Kustomize's parser does not ask that such
/// lines be indented, and generated CRDs rely on it.
fn indent_line(text: &str, line: usize) -> String {
    let start = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    let (before, after) = text.split_at(start);
    format!("{before}{:256}{after}", "")
}

enum Failed {
    /// A line of a quoted scalar is not indented enough.
    QuotedIndent(usize),
    Other(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

fn attempt(text: &str, dialect: Dialect) -> Result<Vec<Document>, Failed> {
    let mut options = granit_parser::options! { flow_nesting_limit: 120, block_nesting_limit: 120 };
    options.set_emit_comments(false);
    let mut reader = Reader {
        parser: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        aliased: 0,
        dialect,
        key_lines: Vec::new(),
        end: (!text.ends_with('\n')).then_some(text.len()),
    };
    let mut found = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(found),
            (Event::DocumentStart(..), _) => {
                let (event, span) = reader.next()?;
                let line = span.start.line();
                reader.key_lines.clear();
                let value = reader.node(event, span, 0, Place::Object)?;
                reader.anchors.clear();
                found.push(Document { value, line, key_lines: std::mem::take(&mut reader.key_lines) });
            }
            _ => {}
        }
    }
}

/// Reads one document; more than one is an error, none is null.
pub(crate) fn document(text: &str, dialect: Dialect) -> Result<Document> {
    let mut all = documents(text, dialect)?;
    if let Some(second) = all.get(1) {
        return Err(Error::new("one YAML document is expected here, but another one begins").at_line(second.line));
    }
    Ok(all.pop().unwrap_or(Document { value: Value::Null, line: 1, key_lines: Vec::new() }))
}

/// Where in an object a node stands, as far as reading depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Object,
    /// The elements are objects, as in a `List`.
    Objects,
    Metadata,
    /// Values are strings, whatever they look like.
    Annotations,
    Elsewhere,
}

impl Place {
    fn field(self, name: &str) -> Self {
        match (self, name) {
            (Self::Object, "metadata") => Self::Metadata,
            (Self::Object, "items") => Self::Objects,
            (Self::Metadata, "annotations") => Self::Annotations,
            _ => Self::Elsewhere,
        }
    }
}

struct Reader<'i> {
    parser: Parser<'i, granit_parser::StrInput<'i>>,
    anchors: HashMap<usize, (Value, usize)>,
    aliased: usize,
    dialect: Dialect,
    key_lines: Vec<(String, usize)>,
    /// Where the text ends, if it ends without a line break.
    end: Option<usize>,
}

impl<'i> Reader<'i> {
    fn next(&mut self) -> Result<(Event<'i>, Span), Failed> {
        match self.parser.next_event() {
            None => Ok((Event::StreamEnd, Span::default())),
            Some(Ok(event)) => Ok(event),
            Some(Err(problem)) => {
                let line = problem.marker().line();
                if *problem.kind() == ErrorKind::InvalidQuotedScalarIndent {
                    return Err(Failed::QuotedIndent(line));
                }
                Err(Error::new(format!("not valid YAML: {}", problem.info())).at_line(line).into())
            }
        }
    }

    fn node(&mut self, event: Event<'i>, span: Span, depth: usize, place: Place) -> Result<Value, Failed> {
        let (value, anchor) = match event {
            Event::Scalar(mut text, style, anchor, tag) => {
                // A block scalar at the very end of a text without a last line break has none either.
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                if block && self.end.is_some() && span.end.byte_offset() == self.end && text.ends_with('\n') {
                    text.to_mut().pop();
                }
                // The parser calls a value that is not there `~`.
                let plain_word = style == ScalarStyle::Plain && tag.is_none();
                let blank = style == ScalarStyle::Plain && tag.is_none() && span.start.index() == span.end.index();
                let text = if blank { Cow::Borrowed("") } else { text };
                let written = (plain_word && self.dialect == Dialect::Patch).then(|| text.clone().into_owned());
                let value = match scalar::old_boolean(&text) {
                    Some(old) if plain_word && self.dialect == Dialect::Kustomization => Ok(Value::Bool(old)),
                    _ => scalar(text, style, tag.as_deref()),
                }
                .map_err(|e| e.at_line(span.start.line()))?;
                let value = match written {
                    Some(text) if !value.is_null() && value.as_str() != Some(&text) => {
                        Value::Written(Box::new((value, text)))
                    }
                    _ => value,
                };
                (value, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.list(depth, place)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.mapping(depth, place)?, anchor),
            Event::Alias(id) => {
                let Some((value, size)) = self.anchors.get(&id) else {
                    return Err(Error::new("an alias refers to the node that holds it")
                        .at_line(span.start.line())
                        .into());
                };
                self.aliased += size;
                if self.aliased > MAX_ALIASED_NODES {
                    let message = format!("aliases expand to more than {MAX_ALIASED_NODES} nodes");
                    return Err(Error::new(message).at_line(span.start.line()).into());
                }
                return Ok(value.clone());
            }
            _ => (Value::Null, 0),
        };
        if anchor != 0 {
            let size = size_of(&value);
            self.anchors.insert(anchor, (value.clone(), size));
        }
        Ok(value)
    }

    fn list(&mut self, depth: usize, place: Place) -> Result<Value, Failed> {
        let mut list = Vec::new();
        let inner = if place == Place::Objects { Place::Object } else { Place::Elsewhere };
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(list)),
                (event, span) => list.push(self.node(event, span, depth + 1, inner)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize, place: Place) -> Result<Value, Failed> {
        let mut map = Map::default();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let line = span.start.line();
            let is_merge = matches!(&event, Event::Scalar(t, ScalarStyle::Plain, _, None) if t == "<<");
            let key = match self.node(event, span, depth + 1, Place::Elsewhere)? {
                key if key.is_scalar() => key.scalar_text().unwrap_or_default(),
                key => {
                    let message = format!("the key of a mapping must be a scalar, not {}", key.type_name());
                    return Err(Error::new(message).at_line(line).into());
                }
            };
            let (event, span) = self.next()?;
            // A number among the annotations is kept as it was written; null still deletes in a patch.
            let written = match &event {
                Event::Scalar(text, ScalarStyle::Plain, 0, None) if place == Place::Annotations => {
                    Some(text.clone().into_owned())
                }
                _ => None,
            };
            let value = match (self.node(event, span, depth + 1, place.field(&key))?, written) {
                (value, Some(text)) if !value.is_null() => Value::String(text),
                (value, _) => value,
            };
            if is_merge {
                merged.push((value, line));
                continue;
            }
            if depth == 0 {
                self.key_lines.push((key.clone(), line));
            }
            match places.get(&key) {
                Some(_) if self.dialect != Dialect::Kustomization => {
                    return Err(Error::new(format!("the key {key:?} stands twice in one mapping"))
                        .at_line(line)
                        .into());
                }
                Some(&at) => map.0[at].1 = value,
                None => {
                    places.insert(key.clone(), map.0.len());
                    map.0.push((key, value));
                }
            }
        }
        for (value, line) in merged {
            merge(&mut map, value).map_err(|e| e.at_line(line))?;
        }
        Ok(Value::Map(map))
    }
}

/// YAML's `<<`: keys that the mapping lacks come from the merged mapping, or from the first of a list that has them.
fn merge(map: &mut Map, from: Value) -> Result<()> {
    match from {
        Value::Map(from) => {
            for (key, value) in from.0 {
                if map.get(&key).is_none() {
                    map.0.push((key, value));
                }
            }
            Ok(())
        }
        Value::List(list) => list.into_iter().try_for_each(|item| merge(map, item)),
        other => Err(Error::new(format!("`<<` merges mappings, not {}", other.type_name()))),
    }
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value> {
    let Some(tag) = tag else {
        let value = if style == ScalarStyle::Plain { resolve(&text) } else { Value::String(text.into_owned()) };
        return match value {
            Value::Float(f) if !f.is_finite() => {
                Err(Error::new("infinity and not-a-number have no place in an object"))
            }
            value => Ok(value),
        };
    };
    match tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() {
        Some("int" | "float" | "bool" | "null") => Ok(resolve(&text)),
        Some("binary") => {
            let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            let bytes = super::base64::decode(&packed).ok_or_else(|| Error::new("!!binary is not valid base64"))?;
            String::from_utf8(bytes).map(Value::String).map_err(|_| Error::new("!!binary does not hold UTF-8 text"))
        }
        _ => Ok(Value::String(text.into_owned())),
    }
}

fn size_of(value: &Value) -> usize {
    1 + match value {
        Value::List(list) => list.iter().map(size_of).sum(),
        Value::Map(map) => map.0.iter().map(|(_, v)| 1 + size_of(v)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_bounded() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..9 {
            let more = format!("*a{}, ", i - 1).repeat(10);
            text.push_str(&format!("a{i}: &a{i} [{more}]\n"));
        }
        let error = document(&text, Dialect::Object).expect_err("too many").to_string();
        assert!(error.contains("aliases expand"), "{error}");
    }

    #[test]
    fn nesting_is_bounded() {
        for text in ["[".repeat(10_000), "- ".repeat(10_000), "{a: ".repeat(10_000)] {
            assert!(document(&text, Dialect::Object).is_err());
        }
    }

    #[test]
    fn the_two_dialects() {
        let text = "a: yes\na: 'no'\n";
        assert!(document(text, Dialect::Object).is_err());
        let read = document(text, Dialect::Kustomization).expect("read").value;
        assert_eq!(read.at(&["a"]), Some(&Value::string("no")));
        let read = document("a: On\n", Dialect::Kustomization).expect("read").value;
        assert_eq!(read.at(&["a"]), Some(&Value::Bool(true)));
    }

    #[test]
    fn merge_keys_give_way_to_own_keys() {
        let text = "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [{c: 4}, *x], a: 0}\n";
        let value = document(text, Dialect::Object).expect("read").value;
        let json = value.to_json();
        assert_eq!(json, r#"{"x":{"a":1,"b":2},"y":{"a":1,"b":3},"z":{"a":0,"b":2,"c":4}}"#);
    }
}
