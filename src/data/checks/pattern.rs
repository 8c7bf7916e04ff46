//! A regular expression that is asked many times: once it has been, it becomes a table of states, which answers in a
//! third of the time but takes milliseconds to make.

use regex::Regex;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::{Anchored, Input};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Texts after which the table is worth its making.
const MANY: u64 = 100_000;
/// Bytes that the table, and its making, may take; a pattern that needs more does without.
const TABLE_BYTES: usize = 2 << 20;

#[derive(Clone, Debug)]
pub(in crate::data) struct Pattern {
    regex: Regex,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    asked: AtomicU64,
    table: OnceLock<Option<dense::DFA<Vec<u32>>>>,
}

impl Pattern {
    /// # Errors
    /// When it is no regular expression.
    pub fn new(pattern: &str) -> Result<Pattern, String> {
        Ok(Pattern { regex: Regex::new(pattern).map_err(|e| e.to_string())?, shared: Arc::default() })
    }

    /// Tells that so many texts are about to be asked for.
    pub fn expect(&self, texts: usize) {
        let before = self.shared.asked.fetch_add(texts as u64, Ordering::Relaxed);
        if before + texts as u64 > MANY {
            self.shared.table.get_or_init(|| table(self.regex.as_str()));
        }
    }

    pub fn is_match(&self, text: &str) -> bool {
        match self.shared.table.get() {
            Some(Some(table)) => match table.try_search_fwd(&Input::new(text).earliest(true).anchored(Anchored::No)) {
                Ok(found) => found.is_some(),
                // What the table cannot tell, such as a word's border beside a character beyond ASCII.
                Err(_) => self.regex.is_match(text),
            },
            _ => self.regex.is_match(text),
        }
    }
}

fn table(pattern: &str) -> Option<dense::DFA<Vec<u32>>> {
    let config = dense::Config::new()
        .start_kind(StartKind::Unanchored)
        .unicode_word_boundary(true)
        .dfa_size_limit(Some(TABLE_BYTES))
        .determinize_size_limit(Some(2 * TABLE_BYTES));
    dense::Builder::new().configure(config).build(pattern).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_expression_says() {
        let patterns = [
            r"^[^@\s]+@[^@\s]+$",
            r"^[0-9]{5}$",
            r"\bword\b",
            r"(?i)straße",
            r"^$",
            "",
            r"a.*b",
            r"^\p{Lu}\w+",
            r"x{2,}|y$",
        ];
        let texts = [
            "",
            "a@b",
            "a@b@c",
            "@",
            "12345",
            "123456",
            "a word here",
            "wordy",
            "ein wórd",
            "STRASSE",
            "Straße",
            "straSSe",
            "a\nb",
            "ab",
            "Émile",
            "émile",
            "xx",
            "x",
            "zy",
            "yz",
            "\u{2028}",
            "a@b\n",
        ];
        for pattern in patterns {
            let (lazy, dense) = (Pattern::new(pattern).unwrap(), Pattern::new(pattern).unwrap());
            dense.expect(1_000_000);
            for text in texts {
                assert_eq!(lazy.is_match(text), dense.is_match(text), "{pattern} on {text:?}");
            }
        }
        let (small, large) = (Pattern::new(r"^[^@\s]+@[^@\s]+$").unwrap(), Pattern::new(r"\w{40,200}\d{9}").unwrap());
        for (pattern, has_table) in [(small, true), (large, false)] {
            pattern.expect(99_999);
            assert!(pattern.shared.table.get().is_none());
            pattern.expect(2);
            assert_eq!(pattern.shared.table.get().unwrap().is_some(), has_table);
        }
    }
}
