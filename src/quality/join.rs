//! Ids: what names a row in the files of candidate and baseline, and which row an id names.

use foldhash::quality::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// A whole number is itself; so is a text of up to 15 bytes, with its length above. Of a longer text it is 120 bits
/// of two hashes, under a mark that the others do not have.
pub fn id_of_text(text: &str) -> u128 {
    if let Ok(number) = text.parse::<i64>()
        && number.to_string() == text
    {
        return id_of_number(number);
    }
    let bytes = text.as_bytes();
    if bytes.len() < 16 {
        let mark = (bytes.len() as u128 + 1) << 120;
        return bytes.iter().rev().fold(0, |id, byte| id << 8 | u128::from(*byte)) | mark;
    }
    let hash = |seed| u128::from(FixedState::with_seed(seed).hash_one(bytes));
    (hash(1) << 64 | hash(2)) | 0xff << 120
}

/// Of several texts, with the length of each before it: what follows one must not be taken for its end.
pub fn id_of_texts<T: AsRef<str>>(texts: impl Iterator<Item = T>) -> u128 {
    let mut all = String::new();
    for text in texts {
        let text = text.as_ref();
        all.push_str(&format!("{}:{text}", text.len()));
    }
    id_of_text(&all)
}

pub fn id_of_number(number: i64) -> u128 {
    u128::from(number as u64)
}

/// Which row each id names.
pub enum Index<'a> {
    /// By id − `low`: numbers that lie together, such as counted rows, are their own place.
    Dense {
        low: u128,
        rows: Vec<u32>,
    },
    Hashed {
        ids: &'a [u128],
        rows: HashTable<u32>,
    },
}

/// How many places, for each id, a table of dense numbers may have.
const SPARSEST: u128 = 4;
const NONE: u32 = u32::MAX;

fn hash(id: u128) -> u64 {
    FixedState::with_seed(3).hash_one(id)
}

impl<'a> Index<'a> {
    /// The pairs of a row and the earlier one of the same id come with it.
    pub fn of(ids: &'a [u128]) -> (Index<'a>, Vec<(u32, u32)>) {
        let ends = ids.iter().fold((u128::MAX, 0), |(low, high), id| (low.min(*id), high.max(*id)));
        let mut again = Vec::new();
        if ends.0 <= ends.1 && ends.1 - ends.0 < ids.len() as u128 * SPARSEST {
            let (low, mut rows) = (ends.0, vec![NONE; (ends.1 - ends.0 + 1) as usize]);
            for (row, id) in (0..).zip(ids) {
                match &mut rows[(id - low) as usize] {
                    place if *place == NONE => *place = row,
                    first => again.push((row, *first)),
                }
            }
            return (Index::Dense { low, rows }, again);
        }
        let mut rows = HashTable::with_capacity(ids.len());
        for (row, id) in (0..).zip(ids) {
            let entry =
                rows.entry(hash(*id), |other: &u32| ids[*other as usize] == *id, |row| hash(ids[*row as usize]));
            match entry {
                hashbrown::hash_table::Entry::Occupied(first) => again.push((row, *first.get())),
                hashbrown::hash_table::Entry::Vacant(place) => drop(place.insert(row)),
            }
        }
        (Index::Hashed { ids, rows }, again)
    }

    pub fn find(&self, id: u128) -> Option<u32> {
        match self {
            Index::Dense { low, rows } => {
                let place = id.checked_sub(*low).and_then(|place| usize::try_from(place).ok())?;
                rows.get(place).copied().filter(|row| *row != NONE)
            }
            Index::Hashed { ids, rows } => rows.find(hash(id), |row| ids[*row as usize] == id).copied(),
        }
    }
}

/// Of each id that is among `others`, too, its place there.
pub fn places(ids: &[u128], others: &[u128]) -> Vec<u32> {
    let index = Index::of(others).0;
    ids.iter().filter_map(|id| index.find(*id)).collect()
}

/// The rows numbered by their ids, from 0 in the order of the file: rows of one id have one number.
pub fn numbered(ids: &[u128]) -> Vec<u32> {
    let (_, again) = Index::of(ids);
    let (mut numbers, mut again, mut next) = (Vec::with_capacity(ids.len()), again.into_iter().peekable(), 0);
    for row in 0..ids.len() as u32 {
        let number = match again.next_if(|(later, _)| *later == row) {
            Some((_, first)) => numbers[first as usize],
            None => {
                next += 1;
                next - 1
            }
        };
        numbers.push(number);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_apart_and_numbers_are_one_however_they_are_written() {
        assert_eq!(id_of_text("-17"), id_of_number(-17));
        let texts =
            ["7", "07", "", "\0", "+7", "9223372036854775808", "a".repeat(15).as_str(), "a".repeat(16).as_str()]
                .map(str::to_string);
        let mut ids: Vec<u128> = texts.iter().map(|text| id_of_text(text)).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), texts.len());
    }

    #[test]
    fn numbers_that_lie_together_are_found_like_others() {
        let dense: Vec<u128> = (0..1000).map(|i| id_of_number(10_000 + (i * 7) % 999)).collect();
        let (index, again) = Index::of(&dense);
        assert!(matches!(index, Index::Dense { .. }));
        assert_eq!(again, [(999, 0)]);
        assert_eq!(index.find(dense[5]), Some(5));
        for id in [-1, 0, 9_999, 10_999].map(id_of_number) {
            assert_eq!(index.find(id), None, "{id}");
        }
        assert_eq!(Index::of(&[]).0.find(0), None);
        assert_eq!(places(&[3, 1, 9], &[1, 2, 3]), [2, 0]);
    }

    #[test]
    fn an_index_finds_rows_and_repeats() {
        let ids: Vec<u128> = (0..1000).map(|i| id_of_text(&format!("a longer id of row {}", i % 999))).collect();
        let (index, again) = Index::of(&ids);
        assert_eq!(again, [(999, 0)]);
        assert_eq!(index.find(ids[7]), Some(7));
        assert_eq!(index.find(5), None);
        assert_eq!(numbered(&ids)[999], 0);
        assert_eq!(numbered(&[7, 9, 7, 8, 9]), [0, 1, 0, 2, 1]);
    }
}
