//! chrF2 and chrF2++ of a corpus (Popović 2015, 2017) as sacreBLEU computes them unless told otherwise: up to six
//! characters without white space, β = 2, orders that one side lacks left out; chrF++ with up to two words.

use super::ngrams::{Ngrams, Words, runs};
use super::{is_space, split};

/// Longest run of characters.
pub(super) const CHARACTERS: usize = 6;
/// Longest run of words, of chrF++.
pub(super) const WORDS: usize = 2;

/// What one row adds to chrF; with words to chrF++.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Chrf {
    characters: Runs<CHARACTERS>,
    words: Option<Runs<WORDS>>,
}

/// What prediction and reference share, and how long they are.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Runs<const N: usize> {
    matches: [u32; N],
    predicted: u32,
    reference: u32,
}

impl<const N: usize> Runs<N> {
    fn of(reference: &[u32], prediction: &[u32], ngrams: &mut Ngrams) -> Runs<N> {
        let (predicted, of_reference) = (prediction.len() as u32, reference.len() as u32);
        Runs { matches: ngrams.matches(&[reference], prediction), predicted, reference: of_reference }
    }

    fn imagined(self, right: bool) -> Runs<N> {
        match right {
            true => Runs {
                matches: std::array::from_fn(|i| runs(self.reference, i + 1)),
                predicted: self.reference,
                ..self
            },
            false => Runs { matches: [0; N], ..self },
        }
    }

    /// Of each order the runs of the prediction, of the reference and of both. Where the reference has none, the
    /// prediction's do not count.
    fn counts(self) -> [[u64; 3]; N] {
        std::array::from_fn(|i| {
            let reference = runs(self.reference, i + 1);
            let predicted = if reference == 0 { 0 } else { runs(self.predicted, i + 1) };
            [predicted.into(), reference.into(), self.matches[i].into()]
        })
    }
}

impl Chrf {
    /// Of chrF and of chrF++, each by the reference that it is best by.
    pub fn of(references: &[&str], prediction: &str, ngrams: &mut Ngrams) -> [Chrf; 2] {
        let mut numbers = Words::default();
        let characters = |text: &str| text.chars().filter(|c| !is_space(*c)).map(u32::from).collect::<Vec<u32>>();
        let predicted = (characters(prediction), numbers.number(words(prediction)));
        let mut best: Option<[(f64, Chrf); 2]> = None;
        for reference in references {
            let of_characters = Runs::of(&characters(reference), &predicted.0, ngrams);
            let of_words = Runs::of(&numbers.number(words(reference)), &predicted.1, ngrams);
            let rows = [None, Some(of_words)].map(|words| Chrf { characters: of_characters, words });
            let scored = rows.map(|row| (score(row.counts().as_flattened()), row));
            best = Some(match best {
                None => scored,
                Some([a, b]) => {
                    let [c, d] = scored;
                    [if c.0 > a.0 { c } else { a }, if d.0 > b.0 { d } else { b }]
                }
            });
        }
        let empty = Runs { matches: [0; CHARACTERS], predicted: 0, reference: 0 };
        best.map_or([Chrf { characters: empty, words: None }; 2], |best| best.map(|(_, row)| row))
    }

    /// The same row, had the prediction been the reference, or had it shared nothing with it.
    pub fn imagined(self, right: bool) -> Chrf {
        Chrf { characters: self.characters.imagined(right), words: self.words.map(|words| words.imagined(right)) }
    }

    /// Of each order the prediction's runs, the reference's and those in both: of characters, then of words, which
    /// are zero for chrF and so an order that both sides lack.
    pub fn counts(self) -> [[u64; 3]; CHARACTERS + WORDS] {
        let mut counts = [[0; 3]; CHARACTERS + WORDS];
        let words = self.words.map(Runs::counts).unwrap_or_default();
        for (to, from) in counts.iter_mut().zip(self.characters.counts().into_iter().chain(words)) {
            *to = from;
        }
        counts
    }
}

/// chrF, 0 to 100, of the sum of [`Chrf::counts`].
pub(super) fn score(counts: &[u64]) -> f64 {
    const BETA_SQUARED: f64 = 4.0;
    let (mut precision, mut recall, mut orders) = (0.0, 0.0, 0.0);
    for order in counts.chunks_exact(3) {
        let (predicted, reference, both) = (order[0], order[1], order[2] as f64);
        if predicted > 0 && reference > 0 {
            precision += both / predicted as f64;
            recall += both / reference as f64;
            orders += 1.0;
        }
    }
    if precision + recall == 0.0 {
        return 0.0;
    }
    let (precision, recall) = (precision / orders, recall / orders);
    100.0 * ((1.0 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall))
}

/// Words with one punctuation mark at their end, or else at their start, parted from them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    split(text).flat_map(|word| {
        let is_mark = |text: &str| text.bytes().all(|byte| byte.is_ascii_punctuation());
        let at = |place: usize| word.split_at_checked(place).unwrap_or((word, ""));
        let (body, end) = at(word.len() - 1);
        let (start, rest) = at(1);
        let parts = match () {
            () if !body.is_empty() && !end.is_empty() && is_mark(end) => [body, end],
            () if !start.is_empty() && !rest.is_empty() && is_mark(start) => [start, rest],
            () => [word, ""],
        };
        parts.into_iter().filter(|part| !part.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mark_is_parted_from_a_word() {
        let found: Vec<&str> = words("(hi) \"no ok! !! ? 日、 é").collect();
        assert_eq!(found, ["(hi", ")", "\"", "no", "ok", "!", "!", "!", "?", "日、", "é"]);
    }

    #[test]
    fn the_same_is_100_and_nothing_in_common_is_zero() {
        let mut ngrams = Ngrams::default();
        for (reference, prediction, expected) in [("abc de", "abc de", 100.0), ("abc", "xyz", 0.0), ("", "", 0.0)] {
            for row in Chrf::of(&[reference], prediction, &mut ngrams) {
                assert!((score(row.counts().as_flattened()) - expected).abs() < 1e-12, "{reference} {prediction}");
            }
        }
    }
}
