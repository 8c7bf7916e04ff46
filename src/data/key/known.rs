//! The keys of another data set, to look up row by row.

use super::blocks::Budget;
use super::store::{Shape, Store};
use super::table::{Bits, KeyTable};
use super::{Blocks, Key};
use crate::data::workers::lock;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Keys in memory, or, where they are too many, those with a bit in memory and the rest in a store that is joined
/// with another at the end.
#[derive(Debug)]
pub(in crate::data) struct Known {
    keys: Store,
    bits: Vec<u64>,
    narrow: KeyTable<u64>,
    wide: KeyTable<u128>,
    in_memory: bool,
    empty: bool,
}

impl Known {
    /// Of a store that is written.
    pub fn new(keys: Store) -> Known {
        let sum = |lens: &mut dyn Iterator<Item = usize>| lens.sum::<usize>();
        let narrow = sum(&mut keys.narrow.iter().map(|part| lock(part).len()));
        let wide = sum(&mut keys.wide.iter().map(|part| lock(part).len()));
        let bits = std::mem::take(&mut *lock(&keys.bits));
        let empty = narrow + wide == 0 && bits.touched().is_empty();
        // At most 3.2 places a key, as the number of places is a power of two; half of the room is for others.
        let bytes = 16 * narrow as u64 / 5 * 8 + 16 * wide as u64 / 5 * 16;
        let in_memory = bytes <= keys.budget.room() / 2;
        let (mut narrow_table, mut wide_table) = (KeyTable::default(), KeyTable::default());
        if in_memory && !empty {
            keys.budget.hold(bytes);
            load(&keys.narrow, narrow, &keys.budget, &mut narrow_table);
            load(&keys.wide, wide, &keys.budget, &mut wide_table);
            keys.free();
        }
        Known { keys, bits: bits.once, narrow: narrow_table, wide: wide_table, in_memory, empty }
    }

    pub fn is_empty(&self) -> bool {
        self.empty
    }

    /// Whether every key can be looked up at once.
    pub fn in_memory(&self) -> bool {
        self.in_memory
    }

    pub fn shape(&self) -> &Arc<Shape> {
        &self.keys.shape
    }

    /// None for a key that has to wait for [`Known::join`].
    pub fn contains(&self, key: Key) -> Option<bool> {
        if let Key::Narrow(key) = key
            && self.keys.span > 0
            && let Some(place) = self.keys.shape.bit(key, self.keys.span)
        {
            return Some(self.bits.get((place / 64) as usize).is_some_and(|word| word >> (place % 64) & 1 == 1));
        }
        match key {
            _ if !self.in_memory => None,
            Key::Narrow(key) => Some(self.narrow.contains(key)),
            Key::Wide(key) => Some(self.wide.contains(key)),
        }
    }

    /// How many of the keys in `waiting`, one for each row, are here (or are not, if `here` is false), and some of them.
    pub fn join(&self, waiting: &Store, here: bool, workers: usize) -> (u64, Vec<Key>) {
        let next = AtomicUsize::new(0);
        let found = Mutex::new((0, Vec::new()));
        let work = || loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            let Some((narrow, wide)) = self.keys.narrow.get(part).zip(self.keys.wide.get(part)) else { break };
            let budget = &self.keys.budget;
            let (count, keys) = matching(&lock(narrow), &lock(&waiting.narrow[part]), budget, here);
            let (count_wide, wide) = matching(&lock(wide), &lock(&waiting.wide[part]), budget, here);
            let mut found = lock(&found);
            found.0 += count + count_wide;
            found.1.extend(keys.into_iter().map(Key::Narrow).chain(wide.into_iter().map(Key::Wide)));
        };
        match workers {
            0 | 1 => work(),
            _ => std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work)))),
        }
        found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Most keys kept of one part: the smallest, whatever the order in which they came.
const KEPT: usize = 256;

fn matching<K: Bits>(here: &Blocks<K>, rows: &Blocks<K>, budget: &Budget, wanted: bool) -> (u64, Vec<K>) {
    if rows.len() == 0 {
        return (0, Vec::new());
    }
    let mut known = KeyTable::for_keys(here.len());
    here.each(budget, |key| {
        known.insert(key);
    });
    let (mut count, mut some) = (0, BTreeSet::new());
    rows.each(budget, |key| {
        if known.contains(key) == wanted {
            count += 1;
            some.insert(key);
            if some.len() > KEPT {
                some.pop_last();
            }
        }
    });
    (count, some.into_iter().collect())
}

fn load<K: Bits>(parts: &[Mutex<Blocks<K>>], keys: usize, budget: &Budget, table: &mut KeyTable<K>) {
    if keys > 0 {
        *table = KeyTable::for_keys(keys);
    }
    for part in parts {
        lock(part).each(budget, |key| {
            table.insert(key);
        });
    }
}
