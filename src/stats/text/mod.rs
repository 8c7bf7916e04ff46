//! Texts against reference texts: each row once into what it adds to the metrics, so that no text need be kept.

mod align;
mod bleu;
mod chrf;
pub mod corpus;
mod ngrams;
mod rouge;
mod words;

use ngrams::Ngrams;

/// The version of sacreBLEU that BLEU and chrF are held to.
pub const SACREBLEU: &str = "2.6.0";

/// A row's prediction against its references; about 170 bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextRow {
    pub references: u32,
    /// The prediction is one of the references to the byte.
    pub is_equal: bool,
    /// As SQuAD sees it.
    pub is_exact: bool,
    pub token_f1: f64,
    /// ROUGE-1, ROUGE-2, ROUGE-L.
    pub rouge: [f64; 3],
    bleu: bleu::Bleu,
    /// For chrF and for chrF++.
    chrf: [chrf::Chrf; 2],
    /// Only against a single reference.
    errors: Option<words::Errors>,
}

/// Makes rows; kept from one to the next for its memory.
#[derive(Default)]
pub struct Comparer {
    ngrams: Ngrams,
}

impl Comparer {
    /// A row of one prediction. There should be a reference: without one nothing matches.
    pub fn row(&mut self, references: &[&str], prediction: &str) -> TextRow {
        let ngrams = &mut self.ngrams;
        let (is_exact, token_f1) = words::squad(references, prediction, ngrams);
        TextRow {
            references: references.len() as u32,
            is_equal: references.contains(&prediction),
            is_exact,
            token_f1,
            rouge: rouge::scores(references, prediction, ngrams),
            bleu: bleu::Bleu::of(references, prediction, ngrams),
            chrf: chrf::Chrf::of(references, prediction, ngrams),
            errors: match references {
                [reference] => Some(words::Errors::of(reference, prediction)),
                _ => None,
            },
        }
    }
}

/// White space as Python's `str.split` sees it: Unicode's, and the four separators of ASCII.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}
