//! Where each node of a document stands in its text, in bytes.

use crate::kustomize::error::{Error, Result};
use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};
use std::ops::Range;

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub kind: Kind,
    /// From the first byte to past the last, quotes and brackets included; empty for a value written as nothing.
    pub range: Range<usize>,
    /// The column of the first byte, counted from 0.
    pub column: usize,
    pub line: usize,
    /// An anchor or a tag stands before it.
    pub decorated: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Scalar { text: String, style: ScalarStyle },
    List { flow: bool, items: Vec<Node> },
    Map { flow: bool, entries: Vec<(Node, Node)> },
    Alias,
}

impl Node {
    pub(super) fn text(&self) -> Option<&str> {
        if let Kind::Scalar { text, .. } = &self.kind { Some(text) } else { None }
    }

    /// The entry of a mapping whose key is `name` in any letter case.
    pub(super) fn entry(&self, name: &str) -> Option<&(Node, Node)> {
        let Kind::Map { entries, .. } = &self.kind else { return None };
        entries.iter().find(|(key, _)| key.text().is_some_and(|k| k.eq_ignore_ascii_case(name)))
    }
}

/// The root of the only document of `text`, or nothing when the text holds no document.
pub(super) fn root(text: &str) -> Result<Option<Node>> {
    let mut found = documents(text)?.into_iter();
    match (found.next(), found.next()) {
        (_, Some((line, _))) => Err(Error::new("the file holds several documents").at_line(line)),
        (first, None) => Ok(first.map(|(_, root)| root)),
    }
}

/// The root of each document of `text`, with the line on which the document starts.
pub(super) fn documents(text: &str) -> Result<Vec<(usize, Node)>> {
    let bom = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut options = granit_parser::options! { flow_nesting_limit: 120, block_nesting_limit: 120 };
    options.set_emit_comments(false);
    let mut events = Events { parser: Parser::new_from_str_with_options(&text[bom..], options), bom };
    let mut roots = Vec::new();
    loop {
        match events.next()? {
            (Event::StreamEnd, _) => return Ok(roots),
            (Event::DocumentStart(..), start) => {
                let (event, span) = events.next()?;
                roots.push((start.start.line(), events.node(event, span)?));
            }
            _ => {}
        }
    }
}

struct Events<'i> {
    parser: Parser<'i, granit_parser::StrInput<'i>>,
    bom: usize,
}

impl<'i> Events<'i> {
    fn next(&mut self) -> Result<(Event<'i>, Span)> {
        match self.parser.next_event() {
            None => Ok((Event::StreamEnd, Span::default())),
            Some(Ok(event)) => Ok(event),
            Some(Err(problem)) => {
                Err(Error::new(format!("not valid YAML: {}", problem.info())).at_line(problem.marker().line()))
            }
        }
    }

    fn node(&mut self, event: Event<'i>, span: Span) -> Result<Node> {
        let bytes = |marker: &granit_parser::Marker| marker.byte_offset().map(|b| b + self.bom);
        let (Some(start), Some(end)) = (bytes(&span.start), bytes(&span.end)) else {
            return Err(Error::new("the parser does not say where it stands"));
        };
        let (line, column) = (span.start.line(), span.start.col());
        let (kind, end, decorated) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (Kind::Scalar { text: text.into_owned(), style }, end, anchor != 0 || tag.is_some())
            }
            Event::SequenceStart(style, anchor, tag) => {
                let mut items = Vec::new();
                let end = loop {
                    match self.next()? {
                        (Event::SequenceEnd, span) => break span.end.byte_offset().map_or(end, |b| b + self.bom),
                        (event, span) => items.push(self.node(event, span)?),
                    }
                };
                let flow = style == StructureStyle::Flow;
                let end = if flow { end } else { items.last().map_or(end, |n: &Node| n.range.end) };
                (Kind::List { flow, items }, end, anchor != 0 || tag.is_some())
            }
            Event::MappingStart(style, anchor, tag) => {
                let mut entries = Vec::new();
                let end = loop {
                    let (event, span) = self.next()?;
                    if event == Event::MappingEnd {
                        break span.end.byte_offset().map_or(end, |b| b + self.bom);
                    }
                    let key = self.node(event, span)?;
                    let (event, span) = self.next()?;
                    entries.push((key, self.node(event, span)?));
                };
                let flow = style == StructureStyle::Flow;
                let end = if flow { end } else { entries.last().map_or(end, |(_, v): &(Node, Node)| v.range.end) };
                (Kind::Map { flow, entries }, end, anchor != 0 || tag.is_some())
            }
            Event::Alias(_) => (Kind::Alias, end, false),
            _ => return Err(Error::new("not valid YAML: a node is missing").at_line(line)),
        };
        // Block collections begin where their first child does.
        let (start, column) = match &kind {
            Kind::Map { flow: false, entries } => {
                entries.first().map_or((start, column), |(k, _)| (k.range.start, k.column))
            }
            _ => (start, column),
        };
        Ok(Node { kind, range: start..end.max(start), column, line, decorated })
    }
}
