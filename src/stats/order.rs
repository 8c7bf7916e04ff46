//! Rows in the order of their scores: sorted once, used by every metric of ranks.

/// Bits of a digit in the sort: three of them hold what is kept of a score.
const DIGIT: u32 = 11;
/// Fewer rows are sorted by comparing.
const FEW: usize = 512;

/// Rows by ascending score, rows of equal scores in their own order, each with whether it is positive.
#[derive(Clone, Debug)]
pub struct Ranks {
    rows: Vec<u32>,
    scores: Vec<f64>,
    positive: Vec<bool>,
}

impl Ranks {
    /// Of at most 2³² − 1 rows, none of whose scores is NaN.
    pub fn of(scores: &[f64], positive: &[bool]) -> Ranks {
        let rows = sorted(scores);
        let (scores, positive) = rows.iter().map(|row| (scores[*row as usize], positive[*row as usize])).unzip();
        Ranks { rows, scores, positive }
    }

    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The scores, ascending.
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// In the order of the scores.
    pub fn positive(&self) -> &[bool] {
        &self.positive
    }

    /// How many rows each distinct score has, ascending.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.scores.chunk_by(|a, b| a == b).map(<[f64]>::len)
    }

    /// Of each row one value, in the order of the scores.
    pub fn pick<T: Copy>(&self, values: &[T]) -> Vec<T> {
        self.rows.iter().map(|row| values[*row as usize]).collect()
    }

    /// What [`Ranks::pick`] picked, in the order of the rows again.
    pub fn by_row(&self, values: &[f64]) -> Vec<f64> {
        let mut placed = vec![0.0; values.len()];
        for (value, row) in values.iter().zip(&self.rows) {
            placed[*row as usize] = *value;
        }
        placed
    }
}

/// Numbers that order as the scores do, −0 just below 0.
fn key(score: f64) -> u64 {
    let bits = score.to_bits();
    bits ^ if bits >> 63 == 1 { u64::MAX } else { 1 << 63 }
}

/// By the 32 highest bits in which the scores differ at all, radix by radix from the lowest (Knuth, *The Art of
/// Computer Programming* 3, 5.2.5), each with its row; runs that agree in these bits are then sorted by the rest.
fn sorted(scores: &[f64]) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..scores.len() as u32).collect();
    let of = |row: u32| key(scores[row as usize]);
    if scores.len() < FEW {
        rows.sort_by_key(|row| of(*row));
        return rows;
    }
    let ends = scores.iter().fold((u64::MAX, 0), |(low, high), score| (low.min(key(*score)), high.max(key(*score))));
    let shift = (64 - (ends.1 - ends.0).leading_zeros()).saturating_sub(32);
    let mut from: Vec<u64> =
        scores.iter().zip(0..).map(|(score, row)| (key(*score) - ends.0) >> shift << 32 | row).collect();
    let mut counts = [[0_u32; 1 << DIGIT]; 3];
    let digit = |entry: u64, pass: usize| (entry >> (32 + DIGIT * pass as u32)) as usize & ((1 << DIGIT) - 1);
    for entry in &from {
        for (pass, counts) in counts.iter_mut().enumerate() {
            counts[digit(*entry, pass)] += 1;
        }
    }
    let mut to = vec![0; from.len()];
    for (pass, counts) in counts.iter_mut().enumerate() {
        if counts.iter().any(|count| *count as usize == from.len()) {
            continue;
        }
        let mut next = 0;
        for count in counts.iter_mut() {
            (*count, next) = (next, next + *count);
        }
        for entry in &from {
            let place = &mut counts[digit(*entry, pass)];
            to[*place as usize] = *entry;
            *place += 1;
        }
        std::mem::swap(&mut from, &mut to);
    }
    for (row, entry) in rows.iter_mut().zip(&from) {
        *row = *entry as u32;
    }
    if shift > 0 {
        let mut start = 0;
        for end in 1..=from.len() {
            if from.get(end).is_none_or(|next| next >> 32 != from[start] >> 32) {
                if end - start > 1 {
                    rows[start..end].sort_by_key(|row| of(*row));
                }
                start = end;
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::random::Random;

    fn plain(scores: &[f64]) -> Vec<Vec<u32>> {
        let mut rows: Vec<u32> = (0..scores.len() as u32).collect();
        rows.sort_by(|a, b| scores[*a as usize].total_cmp(&scores[*b as usize]));
        rows.chunk_by(|a, b| scores[*a as usize] == scores[*b as usize]).map(<[u32]>::to_vec).collect()
    }

    #[test]
    fn the_order_is_that_of_a_plain_sort() {
        let mut random = Random::seeded(7);
        let mut uniform = || random.below(1 << 53) as f64 / (1_u64 << 53) as f64;
        let smooth: Vec<f64> = (0..5000).map(|_| uniform()).collect();
        let tied: Vec<f64> = smooth.iter().map(|v| (v * 40.0).floor() / 40.0).collect();
        // One far score takes the upper bits: all others agree in them.
        let crowded: Vec<f64> = smooth.iter().map(|v| if *v > 0.9 { 1e300 } else { 0.5 + v * 1e-12 }).collect();
        let signed: Vec<f64> = smooth.iter().map(|v| v - 0.5).chain([0.0, -0.0, f64::INFINITY]).collect();
        for scores in [smooth, tied, crowded, signed, vec![0.25; 1000], vec![0.5, 0.1], Vec::new()] {
            let positive: Vec<bool> = scores.iter().map(|score| *score > 0.5).collect();
            let ranks = Ranks::of(&scores, &positive);
            let mut rows = ranks.rows().iter().copied();
            let found: Vec<Vec<u32>> = ranks.runs().map(|run| rows.by_ref().take(run).collect()).collect();
            assert_eq!(found, plain(&scores));
            assert_eq!(ranks.by_row(ranks.scores()), scores);
            assert_eq!(ranks.positive(), ranks.pick(&positive));
        }
    }
}
