//! Texts as numbers: their length, and how much of them the reference's vocabulary knows.

use std::collections::HashSet;

/// The words of a text in lower case: what stands between characters that are neither letters nor digits.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// The number of Unicode scalar values, as Python's `len` counts them.
pub fn characters(text: &str) -> u64 {
    text.chars().count() as u64
}

/// The words that occur in the reference.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    words: HashSet<String>,
}

impl Vocabulary {
    pub fn add(&mut self, text: &str) {
        for word in words(text) {
            if !self.words.contains(&word) {
                self.words.insert(word);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.words.len()
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The share of the text's words that the vocabulary lacks, each occurrence counted, 0 to 1; None for a text without
    /// words. Evidently's `OOVWordsPercentage` asks an English dictionary instead, and gives 100 times the share.
    pub fn unknown_share(&self, text: &str) -> Option<f64> {
        let (mut all, mut unknown) = (0_u64, 0_u64);
        for word in words(text) {
            all += 1;
            unknown += u64::from(!self.words.contains(&word));
        }
        (all > 0).then(|| unknown as f64 / all as f64)
    }
}
