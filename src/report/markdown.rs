//! The pull-request comment: `templates/report/comment.md` filled from a record. Everything is escaped by the
//! template engine's formatter, so that no value can be forgotten; what does not fit is left out row by row, the
//! least wanted first, and said so. The decision and why it was taken stay.

use super::matrix::Matrix;
use super::sections::Sections;
use super::text::one_line;
use crate::model::Unit;
use crate::record::wire::Record;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, Output, UndefinedBehavior, Value, context};

/// GitHub refuses a longer comment; counted here in UTF-16 units, of which a character has one or two.
pub const LONGEST: usize = 65_536;
const TEMPLATE: &str = include_str!("../../templates/report/comment.md");

/// The hidden first line by which the comment of a model is found again. Letters, digits, `. _ /` and single hyphens
/// of the model's name stand as they are, all else as `%XX`, so that no name can end the comment or resemble
/// another's.
pub fn marker(model: &str) -> String {
    let mut name = String::new();
    for byte in model.bytes().take(200) {
        match byte {
            b'-' if !name.is_empty() && !name.ends_with('-') => name.push('-'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'/' => name.push(byte as char),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("<!-- mlgate:report {name} -->")
}

pub fn render(record: &Record) -> String {
    let mut sections = Sections::of(record);
    loop {
        let text = match fill(record, &sections) {
            Ok(text) => text,
            // Only a fault in our own template ends here, which the tests would show; the decision stays readable.
            Err(why) => {
                return format!("{}\n{} ({})\n", marker(&record.run.model), escape(&decision(record)), why.kind());
            }
        };
        if text.encode_utf16().count() <= LONGEST || !sections.shrink() {
            return text;
        }
    }
}

fn decision(record: &Record) -> String {
    format!("{}. {}", super::headline(record), one_line(&record.decision.summary, 1000))
}

fn fill(record: &Record, sections: &Sections) -> Result<String, Error> {
    let mut engine = Environment::empty();
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_auto_escape_callback(|_| AutoEscape::Custom("markdown".into()));
    engine.set_formatter(write_escaped);
    engine.add_template("comment", TEMPLATE)?;
    let run = &record.run;
    let text = engine.get_template("comment")?.render(context! {
        marker => Value::from_safe_string(marker(&run.model)),
        mark => if super::cleared(record) { "✅" } else { "⛔" },
        headline => super::headline(record),
        summary => one_line(&record.decision.summary, 1000),
        metrics => Value::from(Serde(&sections.metrics)),
        problems => Value::from(Serde(&sections.problems)),
        matrix => Value::from(Serde(&Matrix::small(record))),
        stages => Value::from(Serde(&sections.stages)),
        checks => Value::from(Serde(&sections.checks)),
        distributions => Value::from(Serde(&sections.distributions)),
        measurements => Value::from(Serde(&sections.measurements)),
        inputs => Value::from(Serde(&sections.inputs)),
        gone => sections.gone(),
        image => record.image.as_ref().map(|image| context! {
            name => format!("{}@{}", one_line(&image.repository, 200), one_line(&image.digest, 80)),
            size => Unit::Bytes.show(image.bytes as f64),
            pushed => image.pushed,
        }),
        levels => super::levels(record),
        commit => run.commit.as_ref().map(|c| super::short(&c.sha) + if c.dirty { " with changes" } else { "" }),
        hash => super::short(&run.hash),
        version => one_line(&record.tool.version, 40),
    })?;
    Ok(without_blank_runs(&text))
}

/// At most one blank line in a row, none at the end. Values hold no line breaks, so this touches the layout alone.
fn without_blank_runs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.trim_end().lines() {
        if !line.is_empty() || !out.ends_with("\n\n") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

fn write_escaped(out: &mut Output, _: &mut minijinja::State, value: &Value) -> Result<(), Error> {
    let written = match value.as_str() {
        Some(text) if !value.is_safe() => out.write_str(&escape(text)),
        _ => out.write_str(&value.to_string()),
    };
    written.map_err(Error::from)
}

/// Text that GitHub shows as it is, in Markdown, in table cells and inside HTML alike: entities for whatever means
/// something to Markdown or HTML, and a zero-width space where GitHub would see a mention, a reference or a link.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut before = ' ';
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        rest = &rest[char.len_utf8()..];
        let next = rest.chars().next().unwrap_or(' ');
        match char {
            '_' if before.is_alphanumeric() && next.is_alphanumeric() => out.push('_'),
            '&' | '<' | '>' | '"' | '\'' | '`' | '*' | '_' | '[' | ']' | '\\' | '|' | '~' => entity(&mut out, char),
            '@' => out.push_str("@&#8203;"),
            '#' => out.push_str("&#35;&#8203;"),
            // Dollar signs begin mathematics; GitHub's own advice is an element around them.
            '$' => out.push_str("<span>$</span>"),
            ':' if rest.starts_with("//") => out.push_str(":&#8203;"),
            '.' if ends_with_ignoring_case(&out, "www") => out.push_str("&#8203;."),
            '-' if ends_with_ignoring_case(&out, "gh") && next.is_ascii_digit() => out.push_str("-&#8203;"),
            // At the beginning these would make a list, a rule or a heading.
            '-' | '+' | '=' if out.is_empty() && (next == ' ' || next == char) => entity(&mut out, char),
            '.' | ')' if next == ' ' && out.bytes().all(|byte| byte.is_ascii_digit()) => entity(&mut out, char),
            // What `one_line` has not seen yet: no value of ours has a second line.
            _ if char.is_control() => out.push(' '),
            _ => out.push(char),
        }
        before = char;
    }
    out
}

fn entity(out: &mut String, char: char) {
    out.push_str(&format!("&#{};", u32::from(char)));
}

fn ends_with_ignoring_case(text: &str, end: &str) -> bool {
    text.len().checked_sub(end.len()).and_then(|at| text.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_text_stays_text() {
        assert_eq!(escape("</details><script>"), "&#60;/details&#62;&#60;script&#62;");
        assert_eq!(escape("@everyone"), "@&#8203;everyone");
        assert_eq!(escape("| a | `b` *c*"), "&#124; a &#124; &#96;b&#96; &#42;c&#42;");
        assert_eq!(
            escape("[x](https://evil.example) www.evil.example"),
            "&#91;x&#93;(https:&#8203;//evil.example) www&#8203;.evil.example"
        );
        assert_eq!(escape("fixes #1, GH-2"), "fixes &#35;&#8203;1, GH-&#8203;2");
        assert_eq!(escape("log_loss _x_ $1$"), "log_loss &#95;x&#95; <span>$</span>1<span>$</span>");
        assert_eq!(escape("- a"), "&#45; a");
        assert_eq!(escape("1. a"), "1&#46; a");
        assert_eq!(escape("0.97 -0.1"), "0.97 -0.1");
    }

    #[test]
    fn a_marker_cannot_be_ended_by_a_name() {
        assert_eq!(marker("breast-cancer"), "<!-- mlgate:report breast-cancer -->");
        assert_eq!(marker("a --> <b>"), "<!-- mlgate:report a%20-%2D%3E%20%3Cb%3E -->");
    }
}
