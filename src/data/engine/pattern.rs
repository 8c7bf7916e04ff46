//! A regular expression of the `regex` crate, written anew so that RE2 (DuckDB) and Java (Spark) find the same.
//!
//! The parsed expression says what classes, flags and dots mean; it is printed with nothing in it but code points,
//! ranges of them, groups, alternatives, counted repetitions and anchors, of which all three mean the same. What
//! cannot be said so is refused.

use super::dialect::Dialect;
use regex_syntax::hir::{Class, ClassUnicodeRange, Hir, HirKind, Look};
use std::fmt::Write;

/// # Errors
/// When the pattern is none, or asks for something that the engine's regular expressions cannot say.
pub fn translate(pattern: &str, dialect: Dialect) -> Result<String, String> {
    let hir = regex_syntax::parse(pattern).map_err(|e| e.to_string())?;
    let mut out = String::new();
    write(&hir, dialect, &mut out)?;
    Ok(out)
}

fn write(hir: &Hir, dialect: Dialect, out: &mut String) -> Result<(), String> {
    match hir.kind() {
        HirKind::Empty => out.push_str("(?:)"),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).map_err(|_| refused("a part of a character", dialect))?;
            text.chars().for_each(|c| write_char(c, out));
        }
        HirKind::Class(Class::Unicode(class)) => write_class(class.ranges(), out),
        HirKind::Class(Class::Bytes(class)) => {
            let ascii = class.to_unicode_class().ok_or_else(|| refused("a class of bytes", dialect))?;
            write_class(ascii.ranges(), out);
        }
        HirKind::Look(look) => out.push_str(anchor(*look, dialect)?),
        HirKind::Repetition(repetition) => {
            out.push_str("(?:");
            write(&repetition.sub, dialect, out)?;
            let _ = match repetition.max {
                Some(max) => write!(out, "){{{},{max}}}", repetition.min),
                None if repetition.min == 0 => write!(out, ")*"),
                None if repetition.min == 1 => write!(out, ")+"),
                None => write!(out, "){{{},}}", repetition.min),
            };
        }
        HirKind::Capture(capture) => {
            out.push_str("(?:");
            write(&capture.sub, dialect, out)?;
            out.push(')');
        }
        HirKind::Concat(parts) => {
            for part in parts {
                write(part, dialect, out)?;
            }
        }
        HirKind::Alternation(parts) => {
            out.push_str("(?:");
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    out.push('|');
                }
                write(part, dialect, out)?;
            }
            out.push(')');
        }
    }
    Ok(())
}

fn write_char(c: char, out: &mut String) {
    match c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '@') {
        true => out.push(c),
        false => drop(write!(out, "\\x{{{:X}}}", u32::from(c))),
    }
}

fn write_class(ranges: &[ClassUnicodeRange], out: &mut String) {
    if ranges.is_empty() {
        // Never matches.
        return out.push_str("[^\\x{0}-\\x{10FFFF}]");
    }
    out.push('[');
    for range in ranges {
        write_char(range.start(), out);
        if range.end() != range.start() {
            out.push('-');
            write_char(range.end(), out);
        }
    }
    out.push(']');
}

fn anchor(look: Look, dialect: Dialect) -> Result<&'static str, String> {
    Ok(match (look, dialect) {
        (Look::Start, _) => "\\A",
        (Look::End, _) => "\\z",
        (Look::StartLF, Dialect::DuckDb) => "(?m:^)",
        (Look::EndLF, Dialect::DuckDb) => "(?m:$)",
        // Java's `^` and `$` know more line ends, and no `^` behind the last of them.
        (Look::StartLF, Dialect::Spark) => "(?<![^\\n])",
        (Look::EndLF, Dialect::Spark) => "(?![^\\n])",
        (Look::WordAscii, Dialect::DuckDb) => "\\b",
        (Look::WordAsciiNegate, Dialect::DuckDb) => "\\B",
        // Java's `\b` is one among Unicode's letters before Java 19, and among ASCII's since.
        (Look::WordAscii, Dialect::Spark) => "(?:(?<=[0-9A-Z_a-z])(?![0-9A-Z_a-z])|(?<![0-9A-Z_a-z])(?=[0-9A-Z_a-z]))",
        (Look::WordAsciiNegate, Dialect::Spark) => {
            "(?:(?<=[0-9A-Z_a-z])(?=[0-9A-Z_a-z])|(?<![0-9A-Z_a-z])(?![0-9A-Z_a-z]))"
        }
        (Look::WordUnicode | Look::WordUnicodeNegate, _) => {
            return Err(refused(
                "`\\b` or `\\B` among the letters of Unicode: write (?-u:\\b) for those of ASCII",
                dialect,
            ));
        }
        _ => return Err(refused("an anchor for CRLF or for the half of a word", dialect)),
    })
}

fn refused(what: &str, dialect: Dialect) -> String {
    format!("the pattern holds {what}; {} has nothing that means the same", dialect.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_say_what_they_mean() {
        let duckdb = |pattern: &str| translate(pattern, Dialect::DuckDb);
        assert_eq!(duckdb("^[^@]+@x$").unwrap(), "\\A(?:[\\x{0}-\\x{3F}A-\\x{10FFFF}])+@x\\z");
        assert_eq!(duckdb("(?i)k").unwrap(), "[Kk\\x{212A}]", "the Kelvin sign folds to k");
        assert_eq!(duckdb("(?-u:\\d){2,3}").unwrap(), "(?:[0-9]){2,3}");
        assert!(duckdb("\\d").unwrap().contains("\\x{660}-\\x{669}"), "Arabic digits are digits");
        assert_eq!(duckdb("a.b").unwrap(), "a[\\x{0}-\\x{9}\\x{B}-\\x{10FFFF}]b");
        assert_eq!(duckdb("[a-z&&[^b-y]]").unwrap(), "[az]");
        assert_eq!(translate("(?m)^x$", Dialect::Spark).unwrap(), "(?<![^\\n])x(?![^\\n])");
        assert!(duckdb("\\bx").unwrap_err().contains("(?-u:\\b)"));
        assert!(duckdb("(?-u:\\b)x").is_ok());
        assert!(duckdb("(").is_err());
    }
}
