//! How the parts of an entry are written: in the quotes that are there, or in none.

use super::Entry;
use super::locate::{Kind, Node};
use crate::kustomize::scalar;
use granit_parser::ScalarStyle;

/// The styles of a key and a value, as far as they can be taken over.
pub(super) fn styles(key: &Node, value: &Node) -> (ScalarStyle, ScalarStyle) {
    let style = |node: &Node| match node.kind {
        Kind::Scalar { style: style @ (ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted), .. } => style,
        _ => ScalarStyle::Plain,
    };
    (style(key), style(value))
}

/// A checked part of an image reference in a style; it never holds quotes or backslashes.
pub(super) fn quoted(text: &str, style: ScalarStyle) -> String {
    match style {
        ScalarStyle::SingleQuoted => format!("'{text}'"),
        ScalarStyle::DoubleQuoted => format!("\"{text}\""),
        _ => plain(text),
    }
}

/// Unquoted, unless it would read as something else than a string.
pub(super) fn plain(text: &str) -> String {
    if scalar::needs_quotes(text) || text.ends_with(':') { format!("\"{text}\"") } else { text.to_owned() }
}

pub(super) fn flow_entry(edit: &Entry, style: ScalarStyle, json: bool) -> String {
    let key_style = if json { ScalarStyle::DoubleQuoted } else { ScalarStyle::Plain };
    let mut parts = vec![format!("{}: {}", quoted("name", key_style), quoted(edit.name, style))];
    for (field, value) in edit.wanted.iter().copied() {
        parts.extend(value.map(|v| {
            format!("{}: {}", quoted(field, key_style), if edit.numbers { v.to_owned() } else { quoted(v, style) })
        }));
    }
    format!("{{{}}}", parts.join(", "))
}
