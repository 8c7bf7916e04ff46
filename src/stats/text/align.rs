//! The longest common subsequence and the edit distance of two texts, 64 symbols of the first at a time: for each
//! such block only what crosses its lower edge is kept, so memory grows with the second text alone.

/// The symbols of one block: for every number the places where it stands.
struct Places(Vec<u64>);

impl Places {
    fn new(symbols: usize) -> Places {
        Places(vec![0; symbols])
    }

    fn set(&mut self, block: &[u32]) {
        for (place, symbol) in block.iter().enumerate() {
            self.0[*symbol as usize] |= 1 << place;
        }
    }

    fn clear(&mut self, block: &[u32]) {
        for symbol in block {
            self.0[*symbol as usize] = 0;
        }
    }

    fn of(&self, symbol: u32) -> u64 {
        self.0[symbol as usize]
    }
}

/// Length of the longest common subsequence; all numbers lie below `symbols`. Bit-parallel: Crochemore, Iliopoulos,
/// Pinzon & Reid 2001, in the form of Hyyrö 2004.
pub(super) fn longest_common(a: &[u32], b: &[u32], symbols: usize) -> u32 {
    let mut places = Places::new(symbols);
    let mut carries = vec![false; b.len()];
    let mut length = 0;
    for block in a.chunks(64) {
        places.set(block);
        let mut open = u64::MAX;
        for (symbol, carry) in b.iter().zip(&mut carries) {
            let here = open & places.of(*symbol);
            let (sum, first) = open.overflowing_add(here);
            let (sum, second) = sum.overflowing_add(u64::from(*carry));
            *carry = first || second;
            open = sum | (open - here);
        }
        length += open.count_zeros();
        places.clear(block);
    }
    length
}

/// The fewest insertions, deletions and substitutions that turn `a` into `b`; all numbers lie below `symbols`.
/// Bit-parallel: Myers 1999, in the form of Hyyrö 2003.
pub(super) fn edits(a: &[u32], b: &[u32], symbols: usize) -> u32 {
    let mut places = Places::new(symbols);
    // The steps along the row above: without any of `a`, each symbol of `b` is one more insertion.
    let mut steps = vec![1_i8; b.len()];
    for block in a.chunks(64) {
        places.set(block);
        let last = 1_u64 << (block.len() - 1);
        let (mut up, mut down) = (u64::MAX, 0_u64);
        for (symbol, step) in b.iter().zip(&mut steps) {
            let (falls, rises) = (u64::from(*step < 0), u64::from(*step > 0));
            let equal = places.of(*symbol);
            let vertical = equal | down;
            let equal = equal | falls;
            let across = ((equal & up).wrapping_add(up) ^ up) | equal;
            let (right_up, right_down) = (down | !(across | up), up & across);
            *step = i8::from(right_up & last != 0) - i8::from(right_down & last != 0);
            let (right_up, right_down) = (right_up << 1 | rises, right_down << 1 | falls);
            up = right_down | !(vertical | right_up);
            down = right_up & vertical;
        }
        places.clear(block);
    }
    let along: i64 = steps.iter().map(|step| i64::from(*step)).sum();
    (a.len() as i64 + along) as u32
}

#[cfg(test)]
mod tests {
    use super::super::super::random::Random;
    use super::*;

    /// The tables of the textbook.
    fn by_table(a: &[u32], b: &[u32]) -> (u32, u32) {
        let mut common = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
        let mut edits = common.clone();
        edits[0] = (0..=b.len() as u32).collect();
        for i in 1..=a.len() {
            edits[i][0] = i as u32;
            for j in 1..=b.len() {
                let same = a[i - 1] == b[j - 1];
                common[i][j] = if same { common[i - 1][j - 1] + 1 } else { common[i - 1][j].max(common[i][j - 1]) };
                let step = edits[i - 1][j].min(edits[i][j - 1]) + 1;
                edits[i][j] = step.min(edits[i - 1][j - 1] + u32::from(!same));
            }
        }
        (common[a.len()][b.len()], edits[a.len()][b.len()])
    }

    #[test]
    fn both_are_those_of_the_tables() {
        let mut random = Random::seeded(3);
        for lengths in [(0, 0), (0, 5), (5, 0), (1, 1), (7, 30), (63, 64), (64, 63), (65, 64), (128, 200), (200, 129)] {
            for symbols in [1, 2, 5, 40] {
                let mut text = |length| (0..length).map(|_| random.below(symbols) as u32).collect::<Vec<u32>>();
                let (a, b) = (text(lengths.0), text(lengths.1));
                let found = (longest_common(&a, &b, symbols as usize), edits(&a, &b, symbols as usize));
                assert_eq!(found, by_table(&a, &b), "{lengths:?} of {symbols} symbols");
            }
        }
    }
}
