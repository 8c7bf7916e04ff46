//! Adding an operation to `patches`, after those that are there.

use super::editor::Editor;
use super::locate::{self, Kind, Node};
use super::style::plain;
use super::{confirm, is_nothing};
use crate::kustomize::error::{Error, Result};
use crate::kustomize::read::{self, Dialect};
use crate::kustomize::value::{Map, Value};

const FIELD: &str = "patches";

/// Sets the value at `pointer` in the objects of `kind`, or in that of this name alone.
pub(super) struct Replace<'p> {
    pub kind: &'p str,
    pub name: Option<&'p str>,
    pub pointer: &'p str,
    pub value: &'p str,
}

pub(super) fn add(text: &str, patch: &Replace) -> Result<String> {
    patch.check()?;
    let before = read::document(text, Dialect::Object)?.value;
    let root = locate::root(text)?;
    let mut editor = Editor::new(text, FIELD, false);
    let is_flow = match &root {
        Some(root) if !is_nothing(root) => editor.add_patch(root, text, patch)?,
        _ => {
            editor.append_lines(&format!("{FIELD}:\n{}\n", patch.lines(0)));
            false
        }
    };
    let after = editor.finish();
    confirm(&after, &expected(before, patch, is_flow)?).map_err(|e| e.in_field(FIELD))?;
    Ok(after)
}

impl Replace<'_> {
    /// That each part is one word of YAML, whatever the style.
    fn check(&self) -> Result<()> {
        for part in [self.kind, self.name.unwrap_or("x"), self.pointer, self.value] {
            let fits = |c: char| c.is_ascii_alphanumeric() || "./~:@+_-".contains(c);
            if part.is_empty() || !part.chars().all(fits) || part.starts_with(['-', '@', ':']) || part.ends_with(':') {
                return Err(Error::new(format!("{part:?} is no part of a patch that could be added")).in_field(FIELD));
            }
        }
        Ok(())
    }

    fn target(&self) -> Vec<(&'static str, &str)> {
        [Some(("kind", self.kind)), self.name.map(|name| ("name", name))].into_iter().flatten().collect()
    }

    /// The operation as the block has it, without a line end at its end.
    fn operation(&self) -> String {
        format!("- op: replace\n  path: {}\n  value: {}", self.pointer, plain(self.value))
    }

    fn flow_operation(&self) -> String {
        format!("[{{op: replace, path: {}, value: \"{}\"}}]", self.pointer, self.value)
    }

    /// The entry as lines, its dash in a column, without the last line end.
    fn lines(&self, dash: usize) -> String {
        let mut lines = vec!["- target:".to_owned()];
        lines.extend(self.target().iter().map(|(key, value)| format!("    {key}: {}", plain(value))));
        lines.push("  patch: |-".to_owned());
        lines.extend(self.operation().lines().map(|line| format!("    {line}")));
        lines.iter().map(|line| format!("{:dash$}{line}", "")).collect::<Vec<_>>().join("\n")
    }

    fn flow(&self) -> String {
        let target: Vec<String> = self.target().iter().map(|(key, value)| format!("{key}: {}", plain(value))).collect();
        format!("{{target: {{{}}}, patch: '{}'}}", target.join(", "), self.flow_operation())
    }
}

impl Editor<'_> {
    /// Whether the entry was written in flow style.
    fn add_patch(&mut self, root: &Node, text: &str, patch: &Replace) -> Result<bool> {
        let refuse = |node: &Node, why: &str| {
            Err(Error::new(format!("cannot be edited in place: {why}")).in_field(FIELD).at_line(node.line))
        };
        let Kind::Map { flow, .. } = &root.kind else { return refuse(root, "a kustomization is a mapping") };
        let Some((_, list)) = root.entry(FIELD) else {
            if *flow {
                return refuse(root, "the kustomization is written in braces");
            }
            let column = root.column;
            self.append_lines(&format!("{:column$}{FIELD}:\n{}\n", "", patch.lines(column)));
            return Ok(false);
        };
        let Kind::List { flow, items } = &list.kind else { return refuse(list, "it is no list written here") };
        match items.last() {
            None => self.insert(list.range.start + 1, patch.flow()),
            Some(last) if *flow => self.insert(last.range.end, format!(", {}", patch.flow())),
            Some(last) => {
                let start = self.line_start(last.range.start);
                let before = &text[start..last.range.start];
                let Some(dash) = before.find('-').filter(|at| before[..*at].bytes().all(|b| b == b' ')) else {
                    return refuse(last, "its entries do not begin with a dash on their line");
                };
                let lines = patch.lines(dash).replace('\n', self.eol());
                let eol = self.eol();
                // A block of text ends with its last line break, all else before it.
                match text[..last.range.end].ends_with('\n') {
                    true => self.insert(last.range.end, format!("{lines}{eol}")),
                    false => self.insert(self.line_end(last.range.end), format!("{eol}{lines}")),
                }
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn expected(before: Value, patch: &Replace, is_flow: bool) -> Result<Value> {
    let mut root = match before {
        Value::Map(map) => map,
        Value::Null | Value::Blank => Map::default(),
        _ => return Err(Error::new("a kustomization is a mapping")),
    };
    let field = root.0.iter().find(|(k, _)| k.eq_ignore_ascii_case(FIELD)).map_or(FIELD, |(k, _)| k).to_owned();
    let target = patch.target().into_iter().map(|(key, value)| (key.to_owned(), Value::string(value))).collect();
    let text = if is_flow { patch.flow_operation() } else { patch.operation() };
    let entry = vec![("target".to_owned(), Value::Map(Map(target))), ("patch".to_owned(), Value::string(text))];
    match root.or_insert(&field, Value::List(Vec::new())) {
        Value::List(list) => list.push(Value::Map(Map(entry))),
        _ => return Err(Error::new("expected a list").in_field(FIELD)),
    }
    Ok(Value::Map(root))
}
