//! Several small values in one key of 64 bits.

use super::Keys;

/// Where the values of each column lie. Learned from the first rows, with all the room that 64 bits leave on both
/// sides; a row with a value outside gets a key of 128 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::data) struct Packing {
    pub(super) windows: Vec<Window>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    low: i64,
    pub bits: u32,
}

impl Window {
    /// From 1: zero stands for null.
    pub fn place(self, value: i64) -> Option<u64> {
        let place = (value as u64).wrapping_sub(self.low as u64).wrapping_add(1);
        (value >= self.low && place != 0 && place >> self.bits == 0).then_some(place)
    }
}

impl Packing {
    /// None when the columns do not fit into 64 bits together.
    pub fn learn(keys: &Keys) -> Option<Packing> {
        let ranges = keys.ranges()?;
        let needed = |(low, high): &(i64, i64)| 64 - (high.abs_diff(*low)).saturating_add(2).leading_zeros();
        let total: u32 = ranges.iter().map(needed).sum();
        let spare = 64_u32.checked_sub(total)? / u32::try_from(ranges.len()).ok()?;
        let window = |range: &(i64, i64)| {
            let bits = (needed(range) + spare).min(63);
            let room = (1_u64 << bits).saturating_sub(range.1.abs_diff(range.0).saturating_add(2));
            Window { low: range.0.saturating_sub_unsigned(room / 2), bits }
        };
        Some(Packing { windows: ranges.iter().map(window).collect() })
    }
}
