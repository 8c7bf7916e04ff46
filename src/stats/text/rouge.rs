//! ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004) as Google's rouge_score computes them without a stemmer: the F measure,
//! 0 to 1, of runs of ASCII letters and digits in lower case.

use super::align::longest_common;
use super::ngrams::{Ngrams, Words, runs};

/// ROUGE-1, ROUGE-2 and ROUGE-L of a row, each by the reference that it is best by.
pub(super) fn scores(references: &[&str], prediction: &str, ngrams: &mut Ngrams) -> [f64; 3] {
    let texts: Vec<String> = references.iter().chain([&prediction]).map(|text| lower(text)).collect();
    let mut words = Words::default();
    let mut numbers: Vec<Vec<u32>> = texts.iter().map(|text| words.number(tokens(text))).collect();
    let prediction = numbers.pop().unwrap_or_default();
    let mut best = [0.0_f64; 3];
    for reference in &numbers {
        let [one, two] = ngrams.matches(&[reference], &prediction);
        let common = longest_common(reference, &prediction, words.len());
        let lengths = |n: usize| (runs(prediction.len() as u32, n), runs(reference.len() as u32, n));
        for (best, (common, n)) in best.iter_mut().zip([(one, 1), (two, 2), (common, 1)]) {
            *best = best.max(f_measure(common, lengths(n)));
        }
    }
    best
}

/// The harmonic mean of the shares of `common` in both lengths; 0 where nothing is common.
pub(super) fn f_measure(common: u32, (predicted, reference): (u32, u32)) -> f64 {
    if common == 0 {
        return 0.0;
    }
    let (precision, recall) = (f64::from(common) / f64::from(predicted), f64::from(common) / f64::from(reference));
    2.0 * precision * recall / (precision + recall)
}

fn tokens(lower: &str) -> impl Iterator<Item = &str> {
    lower.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit())).filter(|token| !token.is_empty())
}

/// In lower case, where more than ASCII may become ASCII: the Kelvin sign is a k.
fn lower(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_letters_and_digits_of_ascii() {
        let text = lower("Don't\u{2014}stop: caf\u{e9} 3.5\u{212a} \u{130}x 東京 A_b");
        assert_eq!(tokens(&text).collect::<Vec<_>>(), ["don", "t", "stop", "caf", "3", "5k", "i", "x", "a", "b"]);
    }

    #[test]
    fn the_best_reference_counts_for_each() {
        let mut ngrams = Ngrams::default();
        // Lin 2004, section 3: ROUGE-L tells S2 from S3, ROUGE-2 does not.
        let reference = "police killed the gunman";
        let mut of = |prediction| scores(&[reference], prediction, &mut ngrams);
        assert_eq!(of("police kill the gunman")[2], 0.75);
        assert_eq!(of("the gunman kill police")[2], 0.5);
        assert_eq!(of("the gunman kill police")[1], of("police kill the gunman")[1]);
        assert_eq!(of(""), [0.0; 3]);
        assert_eq!(scores(&["x", "a b"], "a b", &mut Ngrams::default()), [1.0; 3]);
    }
}
