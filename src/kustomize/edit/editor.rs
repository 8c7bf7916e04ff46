//! Working out which bytes of the text an edit has to change.

use super::Entry;
use super::locate::{Kind, Node};
use super::style::{flow_entry, plain, quoted, styles};
use crate::kustomize::error::{Error, Result};
use granit_parser::ScalarStyle;
use std::ops::Range;

/// The line end of the text's first line.
fn eol(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

pub(super) struct Editor<'t> {
    text: &'t str,
    /// Replacements of ranges of the text, in no order.
    changes: Vec<(Range<usize>, String)>,
    eol: &'static str,
    /// The list or mapping that is edited.
    list: &'static str,
    /// Values are numbers, which stand without quotes.
    numbers: bool,
}

impl<'t> Editor<'t> {
    pub(super) fn new(text: &'t str, list: &'static str, numbers: bool) -> Self {
        Self { text, changes: Vec::new(), eol: eol(text), list, numbers }
    }

    /// Adds `images:` to a text that holds no document.
    pub(super) fn append_block(&mut self, edit: &Entry) {
        self.insert(self.text.len(), self.block(edit, 0, 0));
    }

    /// Changes or adds the entry for `edit.name` below the root of the document.
    pub(super) fn edit(&mut self, root: &Node, edit: &Entry) -> Result<()> {
        let Kind::Map { flow, entries } = &root.kind else {
            return Err(Error::new("a kustomization is a mapping").at_line(root.line));
        };
        let Some((key, images)) = root.entry(self.list) else {
            return self.add_list(root, *flow, entries, edit);
        };
        let refuse = |node: &Node, why: &str| {
            Err(Error::new(format!("cannot be edited in place: {why}")).in_field(self.list).at_line(node.line))
        };
        if images.decorated && !matches!(images.kind, Kind::List { .. }) {
            return refuse(images, "it has an anchor or a tag");
        }
        match &images.kind {
            Kind::Alias => refuse(images, "it is an alias"),
            Kind::Map { .. } => refuse(images, "it is a mapping, not a list"),
            Kind::Scalar { .. } if images.range.is_empty() => {
                let colon = self.colon(key)?;
                let at = self.line_end(colon);
                let dash = root.column + self.dash_offset(entries);
                let entry = self.entry_lines(edit, dash, 2);
                self.insert(at, format!("{}{entry}", self.eol));
                Ok(())
            }
            Kind::Scalar { text, .. } if matches!(text.as_str(), "~" | "null" | "Null" | "NULL") => {
                self.changes.push((images.range.clone(), format!("[{}]", flow_entry(edit, ScalarStyle::Plain, false))));
                Ok(())
            }
            Kind::Scalar { .. } => refuse(images, "it is a scalar, not a list"),
            Kind::List { flow, items } => {
                let named = |node: &&Node| node.entry("name").is_some_and(|(_, v)| v.text() == Some(edit.name));
                let mut found = items.iter().filter(named);
                match (found.next(), found.next()) {
                    (Some(_), Some(second)) => {
                        refuse(second, &format!("{} stands there twice; keep one entry", edit.name))
                    }
                    (Some(entry), None) => self.change(entry, edit),
                    (None, _) if items.iter().any(|i| matches!(i.kind, Kind::Alias)) => {
                        refuse(images, "entries are aliases, so that it is not known which images they name")
                    }
                    (None, _) => self.add_entry(images, *flow, items, edit),
                }
            }
        }
    }

    fn add_list(&mut self, root: &Node, flow: bool, entries: &[(Node, Node)], edit: &Entry) -> Result<()> {
        let Some((_, last)) = entries.last() else {
            // `{}`
            let images = format!("{}: [{}]", self.list, flow_entry(edit, ScalarStyle::Plain, false));
            self.insert(root.range.start + 1, images);
            return Ok(());
        };
        if flow {
            let (key_style, style) = styles(&entries[0].0, last);
            let key = quoted(self.list, key_style);
            let json = key_style == ScalarStyle::DoubleQuoted;
            self.insert(last.range.end, format!(", {key}: [{}]", flow_entry(edit, style, json)));
            return Ok(());
        }
        let block = self.block(edit, root.column, self.dash_offset(entries));
        self.insert(self.text.len(), block);
        Ok(())
    }

    /// `images:` with one entry, to stand at the end of the text on lines of its own.
    fn block(&self, edit: &Entry, column: usize, dash: usize) -> String {
        let starts = self.text.is_empty() || self.text.ends_with(['\n', '\u{feff}']);
        let lead = if starts { "" } else { self.eol };
        let entry = self.entry_lines(edit, column + dash, 2);
        let close = if starts { self.eol } else { "" };
        format!("{lead}{:column$}{}:{}{entry}{close}", "", self.list, self.eol)
    }

    /// `- name: …` and the fields below it, without the last line end.
    fn entry_lines(&self, edit: &Entry, dash: usize, width: usize) -> String {
        let mut out = format!("{:dash$}-{:pad$}name: {}", "", "", plain(edit.name), pad = width - 1);
        for (field, value) in edit.wanted.iter().copied() {
            if let Some(value) = value {
                out.push_str(&format!(
                    "{}{:indent$}{field}: {}",
                    self.eol,
                    "",
                    self.written(value, ScalarStyle::Plain),
                    indent = dash + width
                ));
            }
        }
        out
    }

    /// How far lists stand to the right of their keys in this file.
    fn dash_offset(&self, entries: &[(Node, Node)]) -> usize {
        let dash = |key: &Node, list: &Node| match &list.kind {
            Kind::List { flow: false, items } => {
                let first = items.first()?;
                let start = self.line_start(first.range.start);
                let line = &self.text[start..];
                let column = line.len() - line.trim_start_matches(' ').len();
                line.trim_start_matches(' ').starts_with('-').then(|| column.saturating_sub(key.column))
            }
            _ => None,
        };
        entries.iter().find_map(|(key, value)| dash(key, value)).unwrap_or(0)
    }

    fn add_entry(&mut self, images: &Node, flow: bool, items: &[Node], edit: &Entry) -> Result<()> {
        let Some(last) = items.last() else {
            self.insert(images.range.start + 1, flow_entry(edit, ScalarStyle::Plain, false));
            return Ok(());
        };
        let Kind::Map { flow: last_flow, entries } = &last.kind else {
            return Err(Error::new("cannot be edited in place: its last entry is no mapping")
                .in_field(self.list)
                .at_line(last.line));
        };
        let Some((key, value)) = entries.first() else {
            return Err(Error::new("cannot be edited in place: its last entry is empty")
                .in_field(self.list)
                .at_line(last.line));
        };
        let (key_style, style) = styles(key, value);
        let json = key_style == ScalarStyle::DoubleQuoted;
        if flow {
            self.insert(last.range.end, format!(", {}", flow_entry(edit, style, json)));
            return Ok(());
        }
        let end = self.end_of(last)?;
        let start = self.line_start(last.range.start);
        let before = &self.text[start..last.range.start];
        let Some(dash) = before.find('-').filter(|at| before[..*at].bytes().all(|b| b == b' ')) else {
            return Err(Error::new("cannot be edited in place: its entries do not begin with a dash on their line")
                .in_field(self.list)
                .at_line(last.line));
        };
        let lines = if *last_flow {
            format!("{}{:dash$}- {}", self.eol, "", flow_entry(edit, style, json))
        } else {
            format!("{}{}", self.eol, self.entry_lines(edit, dash, (last.column - dash).max(2)))
        };
        self.insert(end, lines);
        Ok(())
    }

    /// The end of the line on which a node ends, when that is plain to see.
    fn end_of(&self, node: &Node) -> Result<usize> {
        let last = match &node.kind {
            Kind::Map { flow: false, entries } => entries.last().map(|(_, v)| v),
            _ => Some(node),
        };
        match last.map(|n| &n.kind) {
            Some(Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. }) => {
                Err(Error::new("cannot be edited in place: an entry ends with a block scalar")
                    .in_field(self.list)
                    .at_line(node.line))
            }
            _ => Ok(self.line_end(last.map_or(node.range.end, |n| n.range.end))),
        }
    }

    /// Changes the fields of an entry that is there.
    fn change(&mut self, entry: &Node, edit: &Entry) -> Result<()> {
        let Kind::Map { flow, entries } = &entry.kind else { return Ok(()) };
        let refuse = |node: &Node, why: &str| {
            let message = format!("the entry of {} cannot be edited in place: {why}", edit.name);
            Err(Error::new(message).in_field(self.list).at_line(node.line))
        };
        if entry.decorated {
            return refuse(entry, "it has an anchor or a tag");
        }
        for (key, value) in entries {
            for node in [key, value] {
                if node.decorated || matches!(node.kind, Kind::Alias) {
                    return refuse(node, "it has anchors, aliases or tags");
                }
                match &node.kind {
                    Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. } => {
                        return refuse(node, "it has a block scalar");
                    }
                    Kind::Scalar { .. } if !self.text[node.range.clone()].contains('\n') => {}
                    _ => return refuse(node, "its fields are not all scalars on one line"),
                }
            }
            if key.text() == Some("<<") {
                return refuse(key, "it merges another mapping");
            }
            self.colon(key)?;
            let twice = entries
                .iter()
                .filter(|(k, _)| k.text().zip(key.text()).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b)));
            if twice.count() > 1 {
                return refuse(key, &format!("{} stands there twice", key.text().unwrap_or_default()));
            }
        }
        let mut spare = edit.unwanted.and_then(|name| entry.entry(name));
        let mut added = Vec::new();
        for (field, value) in edit.wanted.iter().copied() {
            let Some(value) = value else { continue };
            let is_swap = matches!(field, "newTag" | "digest");
            match (entry.entry(field), spare) {
                (Some((key, old)), Some(other)) if is_swap && self.shares_dash_line(entry, &other.0) => {
                    // The field that goes stands right behind the dash: it takes the new value, the other line goes.
                    self.become_field(other, field, value);
                    self.remove(entry, &(key.clone(), old.clone()), *flow, entries)?;
                    spare = None;
                }
                (Some((key, old)), _) => self.set(key, old, value)?,
                (None, Some(other)) if is_swap => {
                    self.become_field(other, field, value);
                    spare = None;
                }
                (None, _) => added.push((field, value)),
            }
        }
        if let Some(other) = spare {
            self.remove(entry, other, *flow, entries)?;
        }
        self.add_fields(entry, *flow, entries, &added)
    }

    fn add_fields(&mut self, entry: &Node, flow: bool, entries: &[(Node, Node)], added: &[(&str, &str)]) -> Result<()> {
        let Some((name_key, name)) = entry.entry("name") else { return Ok(()) };
        let (key_style, style) = styles(name_key, name);
        for (field, value) in added {
            if flow {
                let end = entries.last().map_or(name.range.end, |(_, v)| v.range.end);
                self.insert(end, format!(", {}: {}", quoted(field, key_style), self.written(value, style)));
            } else {
                let after = self.line_end(name.range.end);
                let key = quoted(field, key_style);
                let line =
                    format!("{}{:column$}{key}: {}", self.eol, "", self.written(value, style), column = entry.column);
                self.insert(after, line);
            }
        }
        Ok(())
    }

    /// Gives a field a new value in the old one's quotes.
    fn set(&mut self, key: &Node, old: &Node, value: &str) -> Result<()> {
        if old.text() == Some(value) && !old.range.is_empty() {
            let plain_ok = !matches!(old.kind, Kind::Scalar { style: ScalarStyle::Plain, .. })
                || self.written(value, ScalarStyle::Plain) == value;
            if plain_ok {
                return Ok(());
            }
        }
        if old.range.is_empty() {
            let colon = self.colon(key)?;
            self.insert(colon, format!(" {}", self.written(value, ScalarStyle::Plain)));
        } else {
            self.changes.push((old.range.clone(), self.written(value, styles(key, old).1)));
        }
        Ok(())
    }

    /// Turns one field into another, key and value.
    fn become_field(&mut self, (key, old): &(Node, Node), field: &str, value: &str) {
        let (key_style, style) = styles(key, old);
        self.changes.push((key.range.clone(), quoted(field, key_style)));
        if old.range.is_empty() {
            if let Ok(colon) = self.colon(key) {
                self.insert(colon, format!(" {}", self.written(value, ScalarStyle::Plain)));
            }
        } else {
            self.changes.push((old.range.clone(), self.written(value, style)));
        }
    }

    fn written(&self, value: &str, style: ScalarStyle) -> String {
        if self.numbers { value.to_owned() } else { quoted(value, style) }
    }

    fn shares_dash_line(&self, entry: &Node, key: &Node) -> bool {
        key.range.start == entry.range.start
    }

    /// Takes a field out: its whole line, or all but the comment on it; in flow style with the comma.
    fn remove(&mut self, entry: &Node, field: &(Node, Node), flow: bool, entries: &[(Node, Node)]) -> Result<()> {
        let (key, value) = field;
        let end = value.range.end.max(self.colon(key)?);
        if flow {
            let at = entries.iter().position(|(k, _)| k.range == key.range).unwrap_or_default();
            let range = match (at.checked_sub(1).and_then(|i| entries.get(i)), entries.get(at + 1)) {
                (Some((_, previous)), _) => previous.range.end..end,
                (None, Some((next, _))) => key.range.start..next.range.start,
                (None, None) => key.range.start..end,
            };
            self.changes.push((range, String::new()));
            return Ok(());
        }
        if self.shares_dash_line(entry, key) {
            return Err(Error::new(
                "cannot be edited in place: the field to remove stands behind the dash of its entry",
            )
            .in_field(self.list)
            .at_line(key.line));
        }
        let (start, stop) = (self.line_start(key.range.start), self.line_end(end));
        if self.text[end..stop].trim().is_empty() {
            // The line end before it goes with it, so that the last line of a file may also go.
            let from = start - if self.text[..start].ends_with("\r\n") { 2 } else { 1 };
            self.changes.push((from..stop, String::new()));
        } else {
            let gap = self.text[end..stop].len() - self.text[end..stop].trim_start().len();
            self.changes.push((key.range.start..end + gap, String::new()));
        }
        Ok(())
    }

    /// Past the colon of a key, when it follows on the same line.
    pub(super) fn colon(&self, key: &Node) -> Result<usize> {
        let rest = &self.text[key.range.end..];
        let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if rest[blank..].starts_with(':') {
            Ok(key.range.end + blank + 1)
        } else {
            Err(Error::new("cannot be edited in place: a key and its colon stand apart")
                .in_field(self.list)
                .at_line(key.line))
        }
    }

    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |n| n + 1)
    }

    /// The end of the line around `at`, before its line break.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let end = self.text[at..].find('\n').map_or(self.text.len(), |n| at + n);
        if self.text[at..end].ends_with('\r') { end - 1 } else { end }
    }

    pub(super) fn insert(&mut self, at: usize, text: String) {
        self.changes.push((at..at, text));
    }

    pub(super) fn replace(&mut self, range: Range<usize>, text: String) {
        self.changes.push((range, text));
    }

    /// Adds whole lines at the end, in the text's own line ends.
    pub(super) fn append_lines(&mut self, lines: &str) {
        let starts = self.text.is_empty() || self.text.ends_with(['\n', '\u{feff}']);
        let lines = if starts { lines.to_owned() } else { format!("\n{}", lines.trim_end()) };
        self.insert(self.text.len(), lines.replace('\n', self.eol));
    }

    pub(super) fn eol(&self) -> &'static str {
        self.eol
    }

    pub(super) fn text_of(&self, node: &Node) -> &str {
        &self.text[node.range.clone()]
    }

    /// The text with all changes made.
    pub(super) fn finish(mut self) -> String {
        // Insertions at the same place keep the order in which they were asked for.
        self.changes.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::with_capacity(self.text.len() + 128);
        let mut done = 0;
        for (range, text) in &self.changes {
            out.push_str(&self.text[done.min(range.start)..range.start]);
            out.push_str(text);
            done = range.end.max(done);
        }
        out.push_str(&self.text[done..]);
        out
    }
}
