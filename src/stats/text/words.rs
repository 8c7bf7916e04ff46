//! Word error rate as jiwer computes it, and SQuAD's exact match and token F1 (Rajpurkar et al. 2016; of texts
//! without a word as in version 2.0, 2018).

use super::align::edits;
use super::ngrams::{Ngrams, Words};
use super::rouge::f_measure;
use super::{is_space, split};
use regex::Regex;
use std::sync::LazyLock;

/// What one row adds to the word error rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Errors {
    /// Fewest insertions, deletions and substitutions from reference to prediction.
    pub edits: u32,
    /// Words of the reference.
    pub words: u32,
}

impl Errors {
    pub fn of(reference: &str, prediction: &str) -> Errors {
        let (reference, prediction) = (spaced(reference), spaced(prediction));
        let mut words = Words::default();
        let mut number = |text| words.number(str::split(text, ' ').filter(|word| !word.is_empty()));
        let (reference, prediction) = (number(&reference), number(&prediction));
        Errors { edits: edits(&reference, &prediction, words.len()), words: reference.len() as u32 }
    }

    /// The same row without an error, or with each word wrong.
    pub fn imagined(self, right: bool) -> Errors {
        Errors { edits: if right { 0 } else { self.words }, ..self }
    }
}

/// The text with one space for every two or more white spaces in a row, and none at its ends. A single white space
/// that is no space parts no words.
fn spaced(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut characters = text.trim_matches(is_space).chars().peekable();
    while let Some(c) = characters.next() {
        let mut several = false;
        while is_space(c) && characters.next_if(|next| is_space(*next)).is_some() {
            several = true;
        }
        made.push(if several { ' ' } else { c });
    }
    made
}

/// SQuAD's exact match and token F1 of a row, each by the reference that it is best by.
pub(super) fn squad(references: &[&str], prediction: &str, ngrams: &mut Ngrams) -> (bool, f64) {
    let texts: Vec<String> = references.iter().chain([&prediction]).map(|text| normalized(text)).collect();
    let mut words = Words::default();
    let mut numbers: Vec<Vec<u32>> = texts.iter().map(|text| words.number(split(text))).collect();
    let prediction = numbers.pop().unwrap_or_default();
    let f1 = |reference: &Vec<u32>| {
        if reference.is_empty() || prediction.is_empty() {
            return f64::from(u8::from(*reference == prediction));
        }
        let [common] = ngrams.matches(&[reference], &prediction);
        f_measure(common, (prediction.len() as u32, reference.len() as u32))
    };
    let is_exact = numbers.contains(&prediction);
    (is_exact, numbers.iter().map(f1).fold(0.0, f64::max))
}

/// In lower case, without the punctuation of ASCII and without articles.
fn normalized(text: &str) -> String {
    let mut text = text.to_lowercase();
    text.retain(|c| !c.is_ascii_punctuation());
    let mut made = String::with_capacity(text.len());
    let mut rest = text.as_str();
    let mut before = None;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let next = after.chars().next();
        let is_article = matches!(run, "a" | "an" | "the") && !is_word(before) && !is_word(next);
        made.push_str(if is_article { " " } else { run });
        made.extend(next);
        before = next;
        rest = next.map_or("", |next| &after[next.len_utf8()..]);
    }
    made
}

/// Whether a character that is no letter or digit of ASCII continues a word, as Python's `\w` has it: letters and
/// numbers, but no marks. (Punctuation, and so the underscore, is gone by then.)
fn is_word(character: Option<char>) -> bool {
    static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\p{L}\p{N}]").ok());
    character
        .is_some_and(|c| !c.is_ascii() && WORD.as_ref().is_some_and(|word| word.is_match(c.encode_utf8(&mut [0; 4]))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_as_jiwer_parts_them() {
        assert_eq!(spaced("  a\tb \t c\n\nd  "), "a\tb c d");
        assert_eq!(Errors::of("the cat sat", "the hat sat down"), Errors { edits: 2, words: 3 });
        assert_eq!(Errors::of("", "a b"), Errors { edits: 2, words: 0 });
        assert_eq!(Errors::of("a b", ""), Errors { edits: 2, words: 2 });
    }

    #[test]
    fn articles_and_punctuation_do_not_count() {
        let mut ngrams = Ngrams::default();
        let mut of = |reference, prediction| squad(&[reference], prediction, &mut ngrams);
        assert_eq!(of("The  Eiffel Tower!", "eiffel tower"), (true, 1.0));
        assert_eq!(of("the", ""), (true, 1.0));
        assert_eq!(of("the", "x"), (false, 0.0));
        assert_eq!(of("x y", "y z"), (false, 0.5));
        assert_eq!(normalized("a\u{301} \u{e9}a an\u{3042} the-end a"), " \u{301} \u{e9}a an\u{3042} theend  ");
    }
}
