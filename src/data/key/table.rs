//! A set of keys in one flat array: open addressing by linear probing, as dense as it can be and stay fast.

use super::mix;

/// What a [`KeyTable`] can hold.
pub(in crate::data) trait Bits: Copy + Ord + Default + Send + Sync {
    const BYTES: usize;
    fn mixed(self) -> u64;
    fn put(self, out: &mut Vec<u8>);
    fn take(bytes: &[u8]) -> Self;
}

impl Bits for u64 {
    const BYTES: usize = 8;

    fn mixed(self) -> u64 {
        mix(self)
    }

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn take(bytes: &[u8]) -> u64 {
        bytes.try_into().map_or(0, u64::from_le_bytes)
    }
}

impl Bits for u128 {
    const BYTES: usize = 16;

    fn mixed(self) -> u64 {
        mix(self as u64 ^ mix((self >> 64) as u64))
    }

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn take(bytes: &[u8]) -> u128 {
        bytes.try_into().map_or(0, u128::from_le_bytes)
    }
}

/// Zero marks a free place; the key zero is held apart.
#[derive(Clone, Debug, Default)]
pub(in crate::data) struct KeyTable<K> {
    places: Vec<K>,
    len: usize,
    zero: bool,
}

impl<K: Bits> KeyTable<K> {
    pub fn for_keys(keys: usize) -> KeyTable<K> {
        let places = (keys.saturating_mul(8) / 5).next_power_of_two().max(16);
        KeyTable { places: vec![K::default(); places], len: 0, zero: false }
    }

    /// True if the key is new.
    pub fn insert(&mut self, key: K) -> bool {
        if key == K::default() {
            self.len += usize::from(!self.zero);
            return !std::mem::replace(&mut self.zero, true);
        }
        if self.len * 8 >= self.places.len() * 5 {
            self.grow();
        }
        match self.find(key) {
            Some(free) => {
                self.places[free] = key;
                self.len += 1;
                true
            }
            None => false,
        }
    }

    pub fn contains(&self, key: K) -> bool {
        match key == K::default() {
            true => self.zero,
            false => !self.places.is_empty() && self.find(key).is_none(),
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// The free place for the key, None if it is there. There is always a free place.
    fn find(&self, key: K) -> Option<usize> {
        let mask = self.places.len() - 1;
        let mut place = key.mixed() as usize & mask;
        loop {
            match self.places[place] {
                there if there == key => return None,
                there if there == K::default() => return Some(place),
                _ => place = (place + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        let larger = KeyTable::for_keys((self.len + 8) * 2);
        let KeyTable { places, zero, .. } = std::mem::replace(self, larger);
        places.into_iter().filter(|key| *key != K::default()).for_each(|key| {
            self.insert(key);
        });
        self.zero = zero;
        self.len += usize::from(zero);
    }
}
