//! Trees to YAML, byte for byte as libyaml's descendants print it: keys sorted, lists not indented below their key,
//! two spaces a level, long scalars folded after column 80, multi-line strings as literal blocks.

use super::key_order::sorted;
use super::scalar::needs_quotes;
use super::value::{Map, Value};

const WIDTH: usize = 80;
/// Longer keys are written with `? `.
const MAX_SIMPLE_KEY: usize = 128;

/// One document, ended by a line break.
pub(crate) fn document(value: &Value, out: &mut String) {
    let mut emitter = Emitter { out, column: 0, fresh: true };
    emitter.block(value, 0, true);
    if !emitter.fresh {
        emitter.line_break();
    }
}

struct Emitter<'o> {
    out: &'o mut String,
    column: usize,
    /// Nothing but indentation stands on the line.
    fresh: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

impl Emitter<'_> {
    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
        self.fresh = false;
    }

    fn puts(&mut self, text: &str) {
        text.chars().for_each(|c| self.put(c));
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.fresh = true;
    }

    /// Goes to the column `indent`, on a new line unless this one is still free.
    fn indent(&mut self, indent: usize) {
        if !self.fresh || self.column > indent {
            self.line_break();
        }
        while self.column < indent {
            self.out.push(' ');
            self.column += 1;
        }
    }

    /// A node at `indent`. `inline` says that the line already stands where the first entry belongs.
    fn block(&mut self, value: &Value, indent: usize, inline: bool) {
        match value {
            Value::Map(map) if !map.is_empty() => self.mapping(map, indent, inline),
            Value::List(list) if !list.is_empty() => {
                for (i, item) in list.iter().enumerate() {
                    if i > 0 || !inline {
                        self.indent(indent);
                    }
                    self.put('-');
                    match item {
                        Value::Map(m) if !m.is_empty() => {
                            self.pad();
                            self.block(item, indent + 2, true);
                        }
                        Value::List(l) if !l.is_empty() => {
                            self.pad();
                            self.block(item, indent + 2, true);
                        }
                        _ => {
                            self.pad();
                            self.leaf(item, indent, false);
                        }
                    }
                }
            }
            leaf => self.leaf(leaf, indent, false),
        }
    }

    /// A space that leaves the line free for the first entry of a nested block.
    fn pad(&mut self) {
        self.out.push(' ');
        self.column += 1;
    }

    fn mapping(&mut self, map: &Map, indent: usize, inline: bool) {
        let entries = sorted(map.0.iter().collect());
        for (i, (key, value)) in entries.into_iter().enumerate() {
            if i > 0 || !inline {
                self.indent(indent);
            }
            if key.len() <= MAX_SIMPLE_KEY && !key.contains(is_break) {
                self.string(key, indent, true);
            } else {
                self.puts("? ");
                self.string(key, indent, false);
                self.indent(indent);
            }
            self.put(':');
            match value {
                Value::Map(m) if !m.is_empty() => self.block(value, indent + 2, false),
                // A list stands at its key's own column.
                Value::List(l) if !l.is_empty() => self.block(value, indent, false),
                leaf => {
                    self.put(' ');
                    self.leaf(leaf, indent, false);
                }
            }
        }
    }

    fn leaf(&mut self, value: &Value, indent: usize, key: bool) {
        match value {
            Value::String(text) => self.string(text, indent, key),
            Value::Map(_) => self.puts("{}"),
            Value::List(_) => self.puts("[]"),
            other => self.puts(&other.scalar_text().unwrap_or_default()),
        }
    }

    fn string(&mut self, text: &str, indent: usize, key: bool) {
        let traits = Traits::of(text);
        let wanted = if text.contains('\n') {
            Style::Literal
        } else if needs_quotes(text) {
            Style::Double
        } else {
            Style::Plain
        };
        match traits.choose(wanted, key) {
            Style::Plain => self.plain(text, indent + 2, !key),
            Style::Single => self.single_quoted(text, indent + 2, !key),
            Style::Double => self.double_quoted(text, indent + 2, !key),
            Style::Literal => self.literal(text, indent + 2),
        }
    }

    fn plain(&mut self, text: &str, indent: usize, fold: bool) {
        let chars: Vec<char> = text.chars().collect();
        let mut spaces = false;
        for (i, &c) in chars.iter().enumerate() {
            if c == ' ' {
                if fold && !spaces && self.column > WIDTH && chars.get(i + 1) != Some(&' ') {
                    self.indent(indent);
                } else {
                    self.put(c);
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
    }

    fn single_quoted(&mut self, text: &str, indent: usize, fold: bool) {
        self.put('\'');
        let chars: Vec<char> = text.chars().collect();
        let (mut spaces, mut breaks) = (false, false);
        for (i, &c) in chars.iter().enumerate() {
            if c == ' ' {
                let inside = i > 0 && i + 1 < chars.len();
                if fold && !spaces && self.column > WIDTH && inside && chars.get(i + 1) != Some(&' ') {
                    self.indent(indent);
                } else {
                    self.put(c);
                }
                spaces = true;
            } else if is_break(c) {
                self.out.push(c);
                self.column = 0;
                self.fresh = true;
                breaks = true;
            } else {
                if breaks {
                    self.indent(indent);
                }
                if c == '\'' {
                    self.put('\'');
                }
                self.put(c);
                (spaces, breaks) = (false, false);
            }
        }
        self.put('\'');
    }

    fn double_quoted(&mut self, text: &str, indent: usize, fold: bool) {
        self.put('"');
        let chars: Vec<char> = text.chars().collect();
        let mut spaces = false;
        for (i, &c) in chars.iter().enumerate() {
            if c == ' ' {
                if fold && !spaces && self.column > WIDTH && i > 0 && i + 1 < chars.len() {
                    self.indent(indent);
                    if chars.get(i + 1) == Some(&' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                spaces = true;
                continue;
            }
            spaces = false;
            if is_printable(c) && !is_break(c) && !matches!(c, '"' | '\\') {
                self.put(c);
                continue;
            }
            let escape = match c {
                '\0' => "\\0",
                '\x07' => "\\a",
                '\x08' => "\\b",
                '\t' => "\\t",
                '\n' => "\\n",
                '\x0b' => "\\v",
                '\x0c' => "\\f",
                '\r' => "\\r",
                '\x1b' => "\\e",
                '"' => "\\\"",
                '\\' => "\\\\",
                '\u{85}' => "\\N",
                '\u{a0}' => "\\_",
                '\u{2028}' => "\\L",
                '\u{2029}' => "\\P",
                c => {
                    let code = u32::from(c);
                    let text = match code {
                        0..=0xff => format!("\\x{code:02X}"),
                        0x100..=0xffff => format!("\\u{code:04X}"),
                        _ => format!("\\U{code:08X}"),
                    };
                    self.puts(&text);
                    continue;
                }
            };
            self.puts(escape);
        }
        self.put('"');
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.put('|');
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.put('2');
        }
        let mut ends = text.chars().rev();
        if !ends.next().is_some_and(is_break) {
            self.put('-');
        } else if ends.next().is_none_or(is_break) {
            self.put('+');
        }
        self.line_break();
        for c in text.chars() {
            if is_break(c) {
                self.out.push(c);
                (self.column, self.fresh) = (0, true);
                continue;
            }
            if self.fresh {
                self.indent(indent);
            }
            self.put(c);
        }
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What go-yaml prints without an escape; characters beyond the basic plane are escaped.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// What libyaml finds out about a scalar before it picks a style.
struct Traits {
    plain: bool,
    single: bool,
    literal: bool,
    multiline: bool,
    empty: bool,
}

impl Traits {
    fn of(text: &str) -> Self {
        let Some(first) = text.chars().next() else {
            return Self { plain: true, single: true, literal: false, multiline: false, empty: true };
        };
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut breaks, mut space_break, mut break_space) = (false, false, false, false);
        let (mut previous_space, mut previous_break, mut after_blank) = (false, false, true);
        let mut chars = text.chars().peekable();
        let mut at_start = true;
        while let Some(c) = chars.next() {
            let before_blank = chars.peek().is_none_or(|n| matches!(n, ' ' | '\t'));
            indicators |= match c {
                '?' | '-' if at_start => before_blank,
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                    at_start || (c == '#' && after_blank)
                }
                ':' => before_blank,
                _ => false,
            };
            special |= !is_printable(c);
            if c == ' ' {
                break_space |= previous_break;
                (previous_space, previous_break) = (true, false);
            } else if is_break(c) {
                breaks = true;
                space_break |= previous_space;
                (previous_space, previous_break) = (false, true);
            } else {
                (previous_space, previous_break) = (false, false);
            }
            after_blank = matches!(c, ' ' | '\t') || is_break(c);
            at_start = false;
        }
        let last = text.chars().next_back().unwrap_or(first);
        let edges = [first, last].iter().any(|c| *c == ' ' || is_break(*c));
        let hopeless = space_break || special;
        Self {
            plain: !(edges || breaks || indicators || break_space || hopeless),
            single: !(break_space || hopeless),
            literal: !(last == ' ' || hopeless),
            multiline: breaks,
            empty: false,
        }
    }

    fn choose(&self, wanted: Style, key: bool) -> Style {
        let mut style = if key && self.multiline { Style::Double } else { wanted };
        if style == Style::Plain && (!self.plain || (self.empty && key)) {
            style = Style::Single;
        }
        if style == Style::Single && !self.single {
            style = Style::Double;
        }
        if style == Style::Literal && (!self.literal || key) {
            style = Style::Double;
        }
        style
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(value: &Value) -> String {
        let mut out = String::new();
        document(value, &mut out);
        out
    }

    #[test]
    fn strings_are_written_in_the_style_that_holds_them() {
        let table = [
            ("a b", "a b\n"),
            ("", "\"\"\n"),
            ("yes", "\"yes\"\n"),
            ("a: b", "'a: b'\n"),
            ("it's: x", "'it''s: x'\n"),
            ("a\tb", "\"a\\tb\"\n"),
            ("a\nb", "|-\n  a\n  b\n"),
            ("a\n", "|\n  a\n"),
            ("a\n\n", "|+\n  a\n\n"),
            (" a\nb", "|2-\n   a\n  b\n"),
            ("a \nb", "\"a \\nb\"\n"),
            ("\u{1f600}", "\"\\U0001F600\"\n"),
        ];
        for (text, expected) in table {
            assert_eq!(printed(&Value::string(text)), expected, "{text:?}");
        }
    }
}
