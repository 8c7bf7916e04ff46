//! Keys by the million: written side by side, counted at the end.
//!
//! Nothing is looked up while the rows go by, as a set of all keys would miss the processor's caches at every one.
//! Small whole numbers set a bit each; other keys are only appended to one of 256 parts by their hash. At the end
//! each part is counted by a table of its own that fits the caches. Parts go to disk where memory ends.

use super::blocks::{Blocks, Budget};
use super::table::{Bits, KeyTable};
use super::{Key, Keys, Known, Packing};
use crate::data::workers::lock;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

const PARTS: usize = 256;

/// Most keys kept of those that occur more than once, per part.
const REPEATED: usize = 256;

/// What two stores must share for their keys to be comparable: how rows become keys.
#[derive(Debug, Default)]
pub(in crate::data) struct Shape {
    packing: OnceLock<Option<Packing>>,
    /// The first number that has a bit.
    base: OnceLock<u64>,
}

/// The keys of one set of columns.
#[derive(Debug)]
pub(in crate::data) struct Store {
    pub(super) shape: Arc<Shape>,
    pub(super) budget: Arc<Budget>,
    /// Whole numbers that have a bit; zero: none.
    pub(super) span: u64,
    block: usize,
    /// Whether a key's third and later times may go unwritten.
    twice_is_enough: bool,
    pub(super) narrow: Vec<Mutex<Blocks<u64>>>,
    pub(super) wide: Vec<Mutex<Blocks<u128>>>,
    pub(super) bits: Mutex<BitPair>,
}

/// Which numbers occurred, and which more than once.
#[derive(Debug, Default)]
pub(super) struct BitPair {
    pub once: Vec<u64>,
    pub twice: Vec<u64>,
    /// The words of `once` in which bits may be set: only they were ever touched, and zeroed memory costs nothing
    /// until it is.
    words: Range<usize>,
}

/// One worker's hand on a store.
pub(in crate::data) struct Writer {
    narrow: Open<u64>,
    wide: Open<u128>,
    bits: BitPair,
}

/// Blocks that are not full yet, one a part, and the keys met last: where a column has few different values, most
/// rows need not be written at all.
struct Open<K> {
    blocks: Vec<Vec<K>>,
    recent: Vec<(K, u8)>,
    /// Keys that were not met lately; where nearly all are not, remembering them is in vain.
    missed: u32,
    met: u32,
}

/// Keys remembered, a power of two.
const RECENT: usize = 1 << 10;

impl<K: Bits> Open<K> {
    fn new() -> Open<K> {
        Open { blocks: vec![Vec::new(); PARTS], recent: Vec::new(), missed: 0, met: 0 }
    }

    /// Whether the key was already written twice, which is all that is to be told of it.
    fn met_twice(&mut self, key: K, mixed: u64) -> bool {
        if self.missed > 1 << 14 && self.met < self.missed / 16 {
            return false;
        }
        if self.recent.is_empty() {
            self.recent = vec![(K::default(), 0); RECENT];
        }
        let entry = &mut self.recent[(mixed >> 40) as usize % RECENT];
        if entry.0 == key && entry.1 > 0 {
            self.met = self.met.saturating_add(1);
            entry.1 = entry.1.saturating_add(1);
        } else {
            self.missed = self.missed.saturating_add(1);
            *entry = (key, 1);
        }
        entry.1 > 2
    }
}

impl Shape {
    /// Learned from the first keys that are seen.
    pub fn packing(&self, keys: &Keys) -> Option<&Packing> {
        self.packing.get_or_init(|| Packing::learn(keys)).as_ref()
    }

    /// The place of a number among the bits.
    pub(super) fn bit(&self, key: u64, span: u64) -> Option<u64> {
        let base = self.base.get_or_init(|| if key < span { 0 } else { key.wrapping_sub(span / 2) });
        let place = key.wrapping_sub(*base);
        (place < span).then_some(place)
    }
}

impl Store {
    /// For so many `writers` at once, of this and all other stores under the budget.
    pub fn new(budget: &Arc<Budget>, writers: usize) -> Store {
        // An eighth of the memory for bits and for blocks not yet full.
        let share = budget.limit() / 8 / writers.max(1) as u64;
        let span = if share < 4096 { 0 } else { (1 << share.ilog2()).min(1 << 25) * 8 };
        let block = (share as usize / (PARTS * u128::BYTES)).clamp(16, 1024);
        Store {
            shape: Arc::default(),
            budget: budget.clone(),
            span,
            block,
            twice_is_enough: true,
            narrow: (0..PARTS).map(|_| Mutex::default()).collect(),
            wide: (0..PARTS).map(|_| Mutex::default()).collect(),
            bits: Mutex::default(),
        }
    }

    /// A store whose keys are looked for in `known`: it holds only those that have no bit there.
    pub fn beside(known: &Known, budget: &Arc<Budget>, writers: usize) -> Store {
        Store { shape: known.shape().clone(), span: 0, twice_is_enough: false, ..Store::new(budget, writers) }
    }

    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    pub fn writer(&self) -> Writer {
        Writer { narrow: Open::new(), wide: Open::new(), bits: BitPair::default() }
    }

    pub fn add(&self, writer: &mut Writer, key: Key) {
        match key {
            Key::Narrow(key) => match if self.span == 0 { None } else { self.shape.bit(key, self.span) } {
                Some(place) => writer.bits.set(place, self.span),
                None => self.append(&mut writer.narrow, &self.narrow, key),
            },
            Key::Wide(key) => self.append(&mut writer.wide, &self.wide, key),
        }
    }

    fn append<K: Bits>(&self, open: &mut Open<K>, parts: &[Mutex<Blocks<K>>], key: K) {
        let mixed = key.mixed();
        if self.twice_is_enough && open.met_twice(key, mixed) {
            return;
        }
        let part = (mixed >> 56) as usize;
        let keys = &mut open.blocks[part];
        keys.push(key);
        if keys.len() >= self.block {
            let full = std::mem::replace(keys, Vec::with_capacity(self.block));
            lock(&parts[part]).push(full, &self.budget);
        }
    }

    /// Takes over what the writer still holds.
    pub fn close(&self, writer: Writer) {
        for (part, block) in self.narrow.iter().zip(writer.narrow.blocks) {
            lock(part).push(block, &self.budget);
        }
        for (part, block) in self.wide.iter().zip(writer.wide.blocks) {
            lock(part).push(block, &self.budget);
        }
        if !writer.bits.once.is_empty() {
            lock(&self.bits).join(writer.bits);
        }
    }

    /// How many keys are different, and some of those that occur more than once.
    pub fn count(&self, workers: usize, with_repeated: bool) -> Repeated {
        let kept = if with_repeated { REPEATED } else { 0 };
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Repeated::default());
        let work = || {
            let mut mine = Repeated::default();
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                let (Some(narrow), Some(wide)) = (self.narrow.get(part), self.wide.get(part)) else { break };
                mine.distinct += distinct(&lock(narrow), &self.budget, &mut mine.narrow, kept);
                mine.distinct += distinct(&lock(wide), &self.budget, &mut mine.wide, kept);
            }
            lock(&found).join(mine);
        };
        let empty = |part: usize| lock(&self.narrow[part]).len() + lock(&self.wide[part]).len() == 0;
        match workers < 2 || (0..PARTS).all(empty) {
            true => work(),
            false => std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work)))),
        }
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut bits = lock(&self.bits);
        found.distinct += bits.touched().iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
        found.twice = std::mem::take(&mut bits.twice);
        found.narrow.sort_unstable();
        found.wide.sort_unstable();
        (found.shape, found.span) = (self.shape.clone(), self.span);
        found
    }

    /// Gives the memory back.
    pub fn free(&self) {
        self.narrow.iter().for_each(|part| lock(part).free(&self.budget));
        self.wide.iter().for_each(|part| lock(part).free(&self.budget));
    }
}

/// Adds at most `kept` of the keys that repeat: the smallest, so that they are the same in whatever order keys came.
fn distinct<K: Bits>(keys: &Blocks<K>, budget: &Budget, repeated: &mut Vec<K>, kept: usize) -> u64 {
    if keys.len() == 0 {
        return 0;
    }
    let mut seen = KeyTable::for_keys(keys.len());
    let mut twice = BTreeSet::new();
    keys.each(budget, |key| {
        if !seen.insert(key) && kept > 0 {
            if twice.len() >= kept && twice.last().is_some_and(|largest| *largest <= key) {
                return;
            }
            twice.insert(key);
            if twice.len() > kept {
                twice.pop_last();
            }
        }
    });
    repeated.extend(twice);
    seen.len() as u64
}

impl BitPair {
    fn set(&mut self, place: u64, span: u64) {
        if self.once.is_empty() {
            self.once = vec![0; span.div_ceil(64) as usize];
            self.words = self.once.len()..0;
        }
        let (word, bit) = ((place / 64) as usize, 1_u64 << (place % 64));
        self.words = self.words.start.min(word)..self.words.end.max(word + 1);
        if self.once[word] & bit != 0 {
            if self.twice.is_empty() {
                self.twice = vec![0; self.once.len()];
            }
            self.twice[word] |= bit;
        }
        self.once[word] |= bit;
    }

    pub fn touched(&self) -> &[u64] {
        self.once.get(self.words.clone()).unwrap_or_default()
    }

    fn join(&mut self, other: BitPair) {
        if self.once.is_empty() {
            *self = other;
            return;
        }
        if !other.twice.is_empty() && self.twice.is_empty() {
            self.twice = vec![0; self.once.len()];
        }
        for word in other.words.clone() {
            let both = self.once[word] & other.once[word];
            if both != 0 && self.twice.is_empty() {
                self.twice = vec![0; self.once.len()];
            }
            if let Some(twice) = self.twice.get_mut(word) {
                *twice |= both | other.twice.get(word).copied().unwrap_or_default();
            }
            self.once[word] |= other.once[word];
        }
        self.words = self.words.start.min(other.words.start)..self.words.end.max(other.words.end);
    }
}

/// What a store counted, and the keys that occur more than once: all of those with a bit, some of the others.
#[derive(Debug, Default)]
pub(in crate::data) struct Repeated {
    pub distinct: u64,
    shape: Arc<Shape>,
    span: u64,
    twice: Vec<u64>,
    narrow: Vec<u64>,
    wide: Vec<u128>,
}

impl Repeated {
    fn join(&mut self, other: Repeated) {
        self.distinct += other.distinct;
        self.narrow.extend(other.narrow);
        self.wide.extend(other.wide);
    }

    pub fn contains(&self, key: Key) -> bool {
        match key {
            Key::Wide(key) => self.wide.binary_search(&key).is_ok(),
            Key::Narrow(key) => match if self.span == 0 { None } else { self.shape.bit(key, self.span) } {
                Some(place) => self.twice.get((place / 64) as usize).is_some_and(|word| word >> (place % 64) & 1 == 1),
                None => self.narrow.binary_search(&key).is_ok(),
            },
        }
    }
}
