//! Setting one of `commonAnnotations`.

use super::editor::Editor;
use super::locate::{self, Kind, Node};
use super::style::{quoted, styles};
use super::{confirm, is_nothing};
use crate::kustomize::error::{Error, Result};
use crate::kustomize::read::{self, Dialect};
use crate::kustomize::value::{Map, Value};
use granit_parser::ScalarStyle;

const FIELD: &str = "commonAnnotations";

pub(super) fn set(text: &str, key: &str, value: &str) -> Result<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
    if !key.starts_with(|c: char| c.is_ascii_alphanumeric()) || !key.chars().all(plain) || key.len() > 317 {
        return Err(Error::new(format!("{key:?} is no key of an annotation")).in_field(FIELD));
    }
    if value.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(Error::new(format!("{value:?} cannot be written on one line without escapes")).in_field(FIELD));
    }
    let before = read::document(text, Dialect::Object)?.value;
    let root = locate::root(text)?;
    let mut editor = Editor::new(text, FIELD, false);
    match &root {
        Some(root) if !is_nothing(root) => editor.set_in_mapping(root, key, value)?,
        _ => editor.append_lines(&format!("{FIELD}:\n  {key}: {}\n", written(value, ScalarStyle::Plain, false))),
    }
    let after = editor.finish();
    confirm(&after, &expected(before, key, value)?).map_err(|e| e.in_field(FIELD))?;
    Ok(after)
}

/// A value in a style, or in quotes where it would read as something else.
pub(super) fn written(value: &str, style: ScalarStyle, flow: bool) -> String {
    // What every style holds as it is, and what no line folding can change. For all else JSON's quotes are YAML's.
    let fits = |c: char| (' '..='~').contains(&c) && !matches!(c, '"' | '\'' | '\\');
    if !value.chars().all(fits) || value.trim() != value {
        return Value::string(value).to_json();
    }
    let plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '+' | '=') || (!flow && matches!(c, ' ' | ':'))
    };
    let unsafe_plain = value.is_empty()
        || !value.chars().all(plain)
        || value.contains(": ")
        || value.starts_with(['-', '='])
        || value.contains(" #");
    match style {
        ScalarStyle::Plain if unsafe_plain => format!("\"{value}\""),
        style => quoted(value, style),
    }
}

impl Editor<'_> {
    fn set_in_mapping(&mut self, root: &Node, key: &str, value: &str) -> Result<()> {
        let Kind::Map { flow, entries } = &root.kind else {
            return Err(Error::new("a kustomization is a mapping").at_line(root.line));
        };
        let refuse = |node: &Node, why: &str| {
            Err(Error::new(format!("cannot be edited in place: {why}")).in_field(FIELD).at_line(node.line))
        };
        let Some((field, mapping)) = root.entry(FIELD) else {
            let Some((last_key, last)) = entries.last().filter(|_| *flow) else {
                let column = root.column;
                let line = written(value, ScalarStyle::Plain, false);
                self.append_lines(&format!("{:column$}{FIELD}:\n{:column$}  {key}: {line}\n", "", ""));
                return Ok(());
            };
            let (key_style, style) = styles(last_key, last);
            let pair = format!("{}: {}", quoted(key, key_style), written(value, style, true));
            self.insert(last.range.end, format!(", {}: {{{pair}}}", quoted(FIELD, key_style)));
            return Ok(());
        };
        match &mapping.kind {
            Kind::Scalar { .. } if mapping.range.is_empty() && !*flow && !mapping.decorated => {
                let at = self.line_end(self.colon(field)?);
                let line = written(value, ScalarStyle::Plain, false);
                let column = root.column + 2;
                let eol = self.eol();
                self.insert(at, format!("{eol}{:column$}{key}: {line}", ""));
                Ok(())
            }
            Kind::Map { flow, entries } => {
                if entries.iter().any(|(k, _)| k.text() == Some("<<") || k.text().is_none()) {
                    return refuse(mapping, "it merges another mapping");
                }
                let own: Vec<_> = entries.iter().filter(|(k, _)| k.text() == Some(key)).collect();
                match (own.first(), entries.last()) {
                    _ if own.len() > 1 => refuse(mapping, "the key stands there twice"),
                    (Some((k, old)), _) => self.set_value(k, old, value, *flow),
                    (None, None) => {
                        let pair = format!("{key}: {}", written(value, ScalarStyle::Plain, true));
                        self.insert(mapping.range.start + 1, pair);
                        Ok(())
                    }
                    (None, Some((k, last))) if *flow => {
                        let (key_style, style) = styles(k, last);
                        let pair = format!(", {}: {}", quoted(key, key_style), written(value, style, true));
                        self.insert(last.range.end, pair);
                        Ok(())
                    }
                    (None, Some((k, last))) => {
                        let fits = matches!(&last.kind, Kind::Scalar { style, .. }
                            if !matches!(style, ScalarStyle::Literal | ScalarStyle::Folded));
                        if !fits {
                            return refuse(last, "its last value is no scalar on one line");
                        }
                        let (key_style, style) = styles(k, last);
                        let end = self.line_end(last.range.end.max(self.colon(k)?));
                        let (column, eol) = (k.column, self.eol());
                        let pair = format!("{}: {}", quoted(key, key_style), written(value, style, false));
                        self.insert(end, format!("{eol}{:column$}{pair}", ""));
                        Ok(())
                    }
                }
            }
            _ => refuse(mapping, "it is no mapping written here"),
        }
    }

    fn set_value(&mut self, key: &Node, old: &Node, value: &str, flow: bool) -> Result<()> {
        let one_line = !self.text_of(old).contains('\n');
        match &old.kind {
            Kind::Scalar { text, style } if one_line && !old.decorated && !key.decorated => {
                if old.range.is_empty() {
                    let at = self.colon(key)?;
                    self.insert(at, format!(" {}", written(value, ScalarStyle::Plain, flow)));
                } else if text != value || *style == ScalarStyle::Plain {
                    let text = written(value, styles(key, old).1, flow);
                    if text != self.text_of(old) {
                        self.replace(old.range.clone(), text);
                    }
                }
                Ok(())
            }
            _ => {
                Err(Error::new("cannot be edited in place: the value has an anchor, an alias, a tag or several lines")
                    .in_field(FIELD)
                    .at_line(old.line))
            }
        }
    }
}

fn expected(before: Value, key: &str, value: &str) -> Result<Value> {
    let mut root = match before {
        Value::Map(map) => map,
        Value::Null | Value::Blank => Map::default(),
        _ => return Err(Error::new("a kustomization is a mapping")),
    };
    let field = root.0.iter().find(|(k, _)| k.eq_ignore_ascii_case(FIELD)).map_or(FIELD, |(k, _)| k).to_owned();
    match root.or_insert(&field, Value::map()) {
        Value::Map(map) => map.set(key, Value::string(value)),
        _ => return Err(Error::new("expected a mapping").in_field(FIELD)),
    }
    Ok(Value::Map(root))
}
