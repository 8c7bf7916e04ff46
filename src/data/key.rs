//! Values as keys: equal values, and only those, have equal keys, so that "was it there before?" and "is it there?"
//! are questions about numbers.
//!
//! Whole numbers, times and truths are exact keys of 64 bits, and so are combinations of them whose ranges fit
//! together into 64 bits. Everything else is of 128 bits: exact for other numbers, a hash for text and for wider
//! combinations. Two of n different texts share a hash with a probability of n²/2^129: below 1e-20 for a billion.

mod blocks;
mod known;
mod packing;
mod part;
mod store;
mod table;
#[cfg(test)]
mod tests;

pub(super) use blocks::{Blocks, Budget};
pub(super) use known::Known;
pub(super) use packing::Packing;
pub(super) use part::{Keys, has_key};
pub(super) use store::{Repeated, Store, Writer};
#[cfg(test)]
use table::KeyTable;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Narrow(u64),
    Wide(u128),
}

/// Spreads what differs anywhere over all bits.
pub(super) fn mix(key: u64) -> u64 {
    let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}
