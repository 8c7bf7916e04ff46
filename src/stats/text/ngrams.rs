//! Words as numbers, and how many runs of them two texts share.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// The words of a row's texts by numbers, the same word by the same number.
pub(super) struct Words<'a> {
    numbers: HashMap<&'a str, u32, FixedState>,
}

impl Default for Words<'_> {
    /// With room for a sentence or two, so that it seldom has to grow.
    fn default() -> Self {
        Words { numbers: HashMap::with_capacity_and_hasher(100, FixedState::default()) }
    }
}

impl<'a> Words<'a> {
    pub fn number(&mut self, words: impl Iterator<Item = &'a str>) -> Vec<u32> {
        words
            .map(|word| {
                let next = self.numbers.len() as u32;
                *self.numbers.entry(word).or_insert(next)
            })
            .collect()
    }

    /// How many different words there are: every number lies below.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }
}

/// Runs of symbols as a tree: a run's node hangs on that of the run without its last symbol. Kept from row to row
/// for its memory alone.
#[derive(Default)]
pub(super) struct Ngrams {
    below: Table,
    nodes: Vec<Node>,
}

/// The node above and the symbol, in one number → the node. Open addressing with linear steps; it is emptied by
/// counting up `round`, as most rows are short and there are many.
#[derive(Default)]
struct Table {
    slots: Vec<Slot>,
    round: u32,
    /// Of a 64-bit product, to a place among the slots in use.
    shift: u32,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    key: u64,
    node: u32,
    /// In another round than the table's it is free.
    round: u32,
}

impl Table {
    /// Empties it and makes room for `most` keys, of which it may fill a half.
    fn clear(&mut self, most: usize) {
        let used = (2 * most + 2).next_power_of_two();
        self.shift = u64::BITS - used.trailing_zeros();
        if self.slots.len() < used || self.round == u32::MAX {
            self.slots = vec![Slot::default(); used.max(self.slots.len())];
            self.round = 0;
        }
        self.round += 1;
    }

    /// The slot with the key, or the free one where it belongs.
    fn slot(&mut self, key: u64) -> &mut Slot {
        let last = (1_usize << (u64::BITS - self.shift)) - 1;
        // Fibonacci hashing (Knuth, volume 3, section 6.4).
        let mut place = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize;
        while self.slots[place].round == self.round && self.slots[place].key != key {
            place = (place + 1) & last;
        }
        &mut self.slots[place]
    }

    fn get(&mut self, key: u64) -> Option<u32> {
        let round = self.round;
        let slot = self.slot(key);
        (slot.round == round).then_some(slot.node)
    }

    /// The node of the key; `next`, if it had none.
    fn get_or_insert(&mut self, key: u64, next: u32) -> u32 {
        let round = self.round;
        let slot = self.slot(key);
        if slot.round != round {
            *slot = Slot { key, node: next, round };
        }
        slot.node
    }
}

#[derive(Clone, Copy, Default)]
struct Node {
    /// The reference that counted here last, from 1.
    reference: u32,
    in_reference: u32,
    /// In the reference that has it most often.
    most: u32,
    matched: u32,
}

impl Ngrams {
    /// For runs of 1 to `N` symbols, how many of the prediction's are in the references, each at most as often as in
    /// the reference that has it most often.
    pub fn matches<const N: usize>(&mut self, references: &[&[u32]], prediction: &[u32]) -> [u32; N] {
        self.below.clear(N * references.iter().map(|symbols| symbols.len()).sum::<usize>());
        self.nodes.clear();
        self.nodes.push(Node::default());
        for (number, symbols) in (1..).zip(references) {
            for start in 0..symbols.len() {
                self.add(number, symbols[start..].iter().take(N));
            }
        }
        let mut matches = [0; N];
        for start in 0..prediction.len() {
            let mut node = 0;
            for (matches, symbol) in matches.iter_mut().zip(&prediction[start..]) {
                // A longer run is in no reference either.
                let Some(next) = self.below.get(key(node, *symbol)) else { break };
                node = next;
                let found = &mut self.nodes[node as usize];
                if found.matched < found.most {
                    found.matched += 1;
                    *matches += 1;
                }
            }
        }
        matches
    }

    fn add<'a>(&mut self, reference: u32, symbols: impl Iterator<Item = &'a u32>) {
        let mut node = 0;
        for symbol in symbols {
            let next = self.nodes.len() as u32;
            node = self.below.get_or_insert(key(node, *symbol), next);
            if node == next {
                self.nodes.push(Node::default());
            }
            let found = &mut self.nodes[node as usize];
            if found.reference != reference {
                (found.reference, found.in_reference) = (reference, 0);
            }
            found.in_reference += 1;
            found.most = found.most.max(found.in_reference);
        }
    }
}

fn key(node: u32, symbol: u32) -> u64 {
    u64::from(node) << 32 | u64::from(symbol)
}

/// How many runs of `n` symbols a text of `length` symbols has.
pub(super) fn runs(length: u32, n: usize) -> u32 {
    (length + 1).saturating_sub(n as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_counts_as_often_as_in_the_reference_that_has_it_most() {
        let mut ngrams = Ngrams::default();
        // Papineni et al. 2002: seven times "the" against references with two and one of them.
        assert_eq!(ngrams.matches::<1>(&[&[0, 1, 2, 3, 0, 4], &[5, 6, 7, 1, 3, 0, 4]], &[0; 7]), [2]);
        assert_eq!(ngrams.matches::<3>(&[&[1, 2, 3, 1, 2]], &[1, 2, 1, 2, 3]), [5, 3, 1]);
        assert_eq!(ngrams.matches::<2>(&[&[]], &[1, 2]), [0, 0]);
        assert_eq!((runs(5, 4), runs(3, 4), runs(0, 1)), (2, 0, 0));
    }
}
