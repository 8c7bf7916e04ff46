//! Text of strangers made fit to print: one line, no control or direction-changing characters, no longer than asked.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `text` as one line of at most `most` characters. Line breaks and other control characters become spaces, runs
/// of spaces one space; characters that are invisible or turn the reading direction become `\u{fffd}`.
pub fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    let mut space = false;
    for char in text.chars() {
        if char.is_whitespace() || char.is_control() {
            space = length > 0;
            continue;
        }
        if length + usize::from(space) >= most {
            line.pop();
            line.push('…');
            return line;
        }
        if std::mem::take(&mut space) {
            line.push(' ');
            length += 1;
        }
        line.push(if deceives(char) { char::REPLACEMENT_CHARACTER } else { char });
        length += 1;
    }
    line
}

/// Whether a character makes text read otherwise than it is: bidirectional controls, zero-width characters, tags.
/// The two joiners stay, since emoji and several scripts need them.
fn deceives(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Columns that `text` takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` broken at spaces into lines of at most `columns`; a longer word is broken where it must be. Never empty.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = vec![];
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.width() + 1 + word.width() <= columns {
            line.push(' ');
        } else if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for char in word.chars() {
            if line.width() + char.width().unwrap_or(0) > columns {
                lines.push(std::mem::take(&mut line));
            }
            line.push(char);
        }
    }
    lines.push(line);
    lines
}

/// `3 gates`, `1 gate`.
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// CI runners obey lines that begin with `::` or hold `##[`; a line of ours that would is made not to.
pub fn harmless(line: &str) -> String {
    let line = line.replace("##[", "# #[");
    match line.trim_start().starts_with("::") {
        true => line.replacen("::", ": :", 1),
        false => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_becomes_one_plain_line() {
        assert_eq!(one_line("a\r\n::error::b\t\u{1b}[31mc", 99), "a ::error::b [31mc");
        assert_eq!(one_line("user\u{202e}gpj.exe\u{200b}", 99), "user\u{fffd}gpj.exe\u{fffd}");
        assert_eq!(one_line("  spaced   out  ", 99), "spaced out");
    }

    #[test]
    fn a_long_text_is_cut_in_plain_sight() {
        let cut = one_line(&"x".repeat(70_000), 10);
        assert_eq!(cut, "xxxxxxxxx…");
        assert_eq!(one_line("exactly ten", 11), "exactly ten");
        assert_eq!(one_line("exactly ten", 10), "exactly t…");
    }

    #[test]
    fn lines_are_no_wider_than_asked() {
        assert_eq!(wrap("the interval lies astride", 12), ["the interval", "lies astride"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
