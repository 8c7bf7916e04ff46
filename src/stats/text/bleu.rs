//! BLEU of a corpus (Papineni et al. 2002) as sacreBLEU computes it unless told otherwise: 13a tokens, up to four
//! words, exponential smoothing (Chen & Cherry 2014, method 3), case kept.

use super::ngrams::{Ngrams, Words, runs};
use super::split;

/// Longest run of tokens.
pub(super) const ORDER: usize = 4;

/// What one row adds to BLEU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bleu {
    pub matches: [u32; ORDER],
    /// Tokens of the prediction.
    pub predicted: u32,
    /// Tokens of the reference that is nearest to it in length, the shorter of two.
    pub reference: u32,
}

impl Bleu {
    pub fn of(references: &[&str], prediction: &str, ngrams: &mut Ngrams) -> Bleu {
        let texts: Vec<Vec<u8>> = references.iter().chain([&prediction]).map(|text| spaced(text)).collect();
        let mut words = Words::default();
        let mut numbers = texts.iter().map(|text| words.number(split(std::str::from_utf8(text).unwrap_or_default())));
        let references: Vec<Vec<u32>> = numbers.by_ref().take(references.len()).collect();
        let prediction = numbers.next().unwrap_or_default();
        let lengths = references.iter().map(|reference| reference.len() as u32);
        let nearest = lengths.min_by_key(|length| (length.abs_diff(prediction.len() as u32), *length));
        let references: Vec<&[u32]> = references.iter().map(Vec::as_slice).collect();
        Bleu {
            matches: ngrams.matches(&references, &prediction),
            predicted: prediction.len() as u32,
            reference: nearest.unwrap_or(0),
        }
    }

    /// The same row, had the prediction been the reference, or had it shared nothing with it.
    pub fn imagined(self, right: bool) -> Bleu {
        match right {
            true => Bleu {
                matches: std::array::from_fn(|i| runs(self.reference, i + 1)),
                predicted: self.reference,
                ..self
            },
            false => Bleu { matches: [0; ORDER], ..self },
        }
    }

    /// Matches and runs of 1 to 4 tokens, and the reference's tokens.
    pub fn counts(self) -> [u64; 2 * ORDER + 1] {
        std::array::from_fn(|i| match i {
            0..ORDER => self.matches[i].into(),
            ORDER..8 => runs(self.predicted, i - ORDER + 1).into(),
            _ => self.reference.into(),
        })
    }
}

/// BLEU, 0 to 100, of the sum of [`Bleu::counts`].
pub(super) fn score(counts: &[u64]) -> f64 {
    let (matches, totals) = (&counts[..ORDER], &counts[ORDER..2 * ORDER]);
    let (predicted, reference) = (totals[0] as f64, counts[2 * ORDER] as f64);
    // A prediction without four tokens in a row has no BLEU: zero, as every reader of the score expects.
    if matches.iter().all(|count| *count == 0) || totals.contains(&0) {
        return 0.0;
    }
    let mut smoothing = 1.0;
    let mut logarithms = 0.0;
    for (matches, total) in matches.iter().zip(totals) {
        let precision = match matches {
            0 => {
                smoothing *= 2.0;
                100.0 / (smoothing * *total as f64)
            }
            matches => 100.0 * *matches as f64 / *total as f64,
        };
        logarithms += precision.ln();
    }
    let brevity = if predicted < reference { (1.0 - reference / predicted).exp() } else { 1.0 };
    brevity * (logarithms / ORDER as f64).exp()
}

/// The text with white space around every token, by the rules of NIST's mteval-v13a: entities are undone; symbols and
/// punctuation stand alone, but for the apostrophe, a full stop or comma between digits and a dash not after one.
fn spaced(text: &str) -> Vec<u8> {
    let text = text.trim_end_matches(super::is_space);
    let mut text = text.replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    if text.contains('&') {
        for (entity, character) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
            text = text.replace(entity, character);
        }
    }
    let mut bytes = Vec::with_capacity(text.len() * 2);
    bytes.push(b' ');
    for byte in text.bytes() {
        match byte {
            b'{'..=b'~' | b'['..=b'`' | b'!'..=b'&' | b'('..=b'+' | b':'..=b'@' | b'/' => {
                bytes.extend([b' ', byte, b' ']);
            }
            _ => bytes.push(byte),
        }
    }
    bytes.push(b' ');
    let stop = |byte: u8| byte == b'.' || byte == b',';
    let digit = |byte: u8| byte.is_ascii_digit();
    let bytes = at_pairs(&bytes, |a, b| !digit(a) && stop(b), |a, b| [a, b' ', b, b' ']);
    let bytes = at_pairs(&bytes, |a, b| stop(a) && !digit(b), |a, b| [b' ', a, b' ', b]);
    at_pairs(&bytes, |a, b| digit(a) && b == b'-', |a, b| [a, b' ', b, b' '])
}

/// Replaces pairs of bytes from left to right; a byte belongs to one pair at most. Only ASCII is ever parted from
/// its neighbours, so what is UTF-8 stays so.
fn at_pairs(bytes: &[u8], wanted: impl Fn(u8, u8) -> bool, instead: impl Fn(u8, u8) -> [u8; 4]) -> Vec<u8> {
    let mut made = Vec::with_capacity(bytes.len() + 32);
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = match after {
            [second, behind @ ..] if wanted(*first, *second) => {
                made.extend(instead(*first, *second));
                behind
            }
            _ => {
                made.push(*first);
                after
            }
        };
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> String {
        split(&String::from_utf8(spaced(text)).unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn tokens_are_those_of_13a() {
        assert_eq!(tokens("It's $3,000.50 (net), e.g. 5-10%."), "It's $ 3,000.50 ( net ) , e . g . 5 - 10 % .");
        assert_eq!(tokens("well-\nknown\nR&amp;D <skipped>"), "wellknown R & D");
        assert_eq!(tokens("日本語、です。 naïve… -5"), "日本語、です。 naïve… -5");
        assert_eq!(tokens("..., ,.\u{1c}x"), ". . . , , . x");
        assert_eq!(tokens(""), "");
    }

    #[test]
    fn what_shares_nothing_is_zero_and_what_is_the_same_is_100() {
        let mut ngrams = Ngrams::default();
        let mut of =
            |reference: &str, prediction: &str| score(&Bleu::of(&[reference], prediction, &mut ngrams).counts());
        assert_eq!(of("a b c d e", "v w x y z"), 0.0);
        assert_eq!(of("a b c", "a b c"), 0.0);
        assert_eq!(of("", ""), 0.0);
        assert!((of("a b c d e", "a b c d e") - 100.0).abs() < 1e-12);
    }
}
