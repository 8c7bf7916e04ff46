//! A regular expression that is asked many times: once it has been, it becomes a table of states, which answers in a
//! third of the time but takes milliseconds to make. Several texts then walk through the table side by side, as each
//! step of one has to wait for its last.

use arrow::array::{Array, StringArray};
use arrow::buffer::BooleanBuffer;
use regex::Regex;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::{Anchored, Input};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Texts after which the table is worth its making.
const MANY: u64 = 100_000;
/// Texts that walk side by side.
const LANES: usize = 4;
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
    table: OnceLock<Option<Table>>,
}

type Table = dense::DFA<Vec<u32>>;

impl Pattern {
    /// # Errors
    /// When it is no regular expression.
    pub fn new(pattern: &str) -> Result<Pattern, String> {
        Ok(Pattern { regex: Regex::new(pattern).map_err(|e| e.to_string())?, shared: Arc::default() })
    }

    /// Which of the texts match; what it says of nulls does not matter.
    pub fn matching(&self, texts: &StringArray) -> BooleanBuffer {
        self.expect(texts.len());
        let start = |table: &Table| table.start_state_forward(&input("")).ok();
        let walk = self.shared.table.get().and_then(Option::as_ref).and_then(|table| Some((table, start(table)?)));
        let Some((table, start)) = walk else {
            return BooleanBuffer::collect_bool(texts.len(), |row| {
                texts.is_valid(row) && self.is_match(texts.value(row))
            });
        };
        let mut found = [false; LANES];
        // Where texts mostly match or fail before their end, there is no use in walking all to their ends.
        let (mut groups, mut left) = (0, 0);
        BooleanBuffer::collect_bool(texts.len(), |row| {
            let lane = row % LANES;
            if lane == 0 && row + LANES <= texts.len() {
                let group: [&str; LANES] = std::array::from_fn(|lane| texts.value(row + lane));
                let to_the_end = if left * 2 > groups + 64 { None } else { self.side_by_side(table, start, group) };
                (groups, left) = (groups + 1, left + u64::from(to_the_end.is_none()));
                found = to_the_end.unwrap_or_else(|| group.map(|text| self.is_match(text)));
            }
            if row - lane + LANES <= texts.len() { found[lane] } else { self.is_match(texts.value(row)) }
        })
    }

    /// None when one of the texts is decided before its end, or the table cannot tell.
    fn side_by_side(&self, table: &Table, start: StateID, texts: [&str; LANES]) -> Option<[bool; LANES]> {
        let bytes = texts.map(str::as_bytes);
        let together = bytes.iter().map(|text| text.len()).min()?;
        let [first, second, third, fourth] = bytes.map(|text| &text[..together]);
        let mut states = [start; LANES];
        let mut is_special = false;
        for (((first, second), third), fourth) in first.iter().zip(second).zip(third).zip(fourth) {
            for (state, byte) in states.iter_mut().zip([first, second, third, fourth]) {
                *state = table.next_state(*state, *byte);
                is_special |= table.is_special_state(*state);
            }
        }
        for (state, text) in states.iter_mut().zip(bytes) {
            for byte in &text[together..] {
                *state = table.next_state(*state, *byte);
                is_special |= table.is_special_state(*state);
            }
            *state = table.next_eoi_state(*state);
            is_special |= table.is_quit_state(*state);
        }
        (!is_special).then(|| states.map(|state| table.is_match_state(state)))
    }

    /// Tells that so many texts are about to be asked for.
    fn expect(&self, texts: usize) {
        let before = self.shared.asked.fetch_add(texts as u64, Ordering::Relaxed);
        if before + texts as u64 > MANY {
            self.shared.table.get_or_init(|| table(self.regex.as_str()));
        }
    }

    pub fn is_match(&self, text: &str) -> bool {
        match self.shared.table.get() {
            Some(Some(table)) => match table.try_search_fwd(&input(text)) {
                Ok(found) => found.is_some(),
                // What the table cannot tell, such as a word's border beside a character beyond ASCII.
                Err(_) => self.regex.is_match(text),
            },
            _ => self.regex.is_match(text),
        }
    }
}

fn input(text: &str) -> Input<'_> {
    Input::new(text).earliest(true).anchored(Anchored::No)
}

fn table(pattern: &str) -> Option<Table> {
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
            // In every lane, beside every other, and in a group that is not full.
            for shift in 0..23 {
                let many: Vec<&str> =
                    (0..1 + shift * 9).map(|i| texts[(i * (1 + shift) + shift) % texts.len()]).collect();
                let wanted: Vec<bool> = many.iter().map(|text| lazy.is_match(text)).collect();
                let found = dense.matching(&StringArray::from(many));
                assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{pattern}");
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
