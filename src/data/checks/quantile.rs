//! Exact quantiles: all numbers of a column are kept, in memory or on disk, and the ones at the wanted ranks selected.
//!
//! A number is kept as 64 bits in its order. Their upper 16 bits are counted as they come; at the end only the
//! numbers that share these bits with the wanted rank are looked at again, and of them, if they are still many, the
//! next 16 bits are counted.

use super::batch::Rows;
use super::numbers::with_numbers;
use crate::data::key::{Blocks, Budget};
use std::sync::{Arc, Mutex, PoisonError};

/// Numbers of one column.
#[derive(Debug)]
pub(super) struct Numbers {
    budget: Arc<Budget>,
    block: usize,
    kept: Mutex<(Blocks<u64>, Vec<u64>)>,
}

/// One worker's hand on them.
pub(super) struct Writer {
    open: Vec<u64>,
    /// How many there are by their upper 16 bits.
    counts: Vec<u64>,
}

/// How many numbers came by, and how many of them were NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub n: u64,
    pub nan: u64,
}

/// Numbers that are sorted rather than counted once more.
const FEW: u64 = 1 << 20;
const DIGIT: u32 = 16;

/// In the order of numbers, with one zero.
fn to_bits(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn from_bits(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

impl Numbers {
    pub fn new(budget: &Arc<Budget>, writers: usize) -> Numbers {
        let block = (budget.limit() / 64 / 8 / writers.max(1) as u64).clamp(64, 1 << 16) as usize;
        Numbers { budget: budget.clone(), block, kept: Mutex::default() }
    }

    pub fn writer(&self) -> Writer {
        Writer { open: Vec::new(), counts: Vec::new() }
    }

    pub fn feed(&self, writer: &mut Writer, seen: &mut Seen, rows: &Rows, column: usize) -> Result<(), String> {
        with_numbers(rows.values(column)?, |numbers| {
            if writer.counts.is_empty() {
                writer.counts = vec![0; 1 << DIGIT];
            }
            for value in numbers {
                if value.is_nan() {
                    seen.nan += 1;
                    continue;
                }
                seen.n += 1;
                let bits = to_bits(*value);
                writer.counts[(bits >> (64 - DIGIT)) as usize] += 1;
                writer.open.push(bits);
            }
            if writer.open.len() >= self.block {
                self.keep(std::mem::replace(&mut writer.open, Vec::with_capacity(self.block)), &[]);
            }
        });
        Ok(())
    }

    pub fn close(&self, writer: Writer) {
        self.keep(writer.open, &writer.counts);
    }

    fn keep(&self, block: Vec<u64>, counts: &[u64]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0.push(block, &self.budget);
        if kept.1.is_empty() {
            kept.1 = counts.to_vec();
        } else {
            kept.1.iter_mut().zip(counts).for_each(|(all, some)| *all += some);
        }
    }

    /// The `p` quantile of `n` numbers, linear between the two nearest (Hyndman & Fan 1996, type 7: NumPy's default).
    pub fn quantile(&self, p: f64, n: u64) -> Option<f64> {
        let place = p * n.checked_sub(1)? as f64;
        let below = (place.floor() as u64).min(n - 1);
        let part = place - below as f64;
        let above = if part > 0.0 { (below + 1).min(n - 1) } else { below };
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (low, high) = self.at(&kept.0, &kept.1, below, above)?;
        Some(if part == 0.0 { low } else { low + (high - low) * part })
    }

    /// The numbers at two ranks, equal or next to each other.
    fn at(&self, numbers: &Blocks<u64>, counts: &[u64], low: u64, high: u64) -> Option<(f64, f64)> {
        let select = |rank: u64| {
            let (mut prefix, mut rank, mut inside) = (0, rank, 0);
            let mut counts = counts.to_vec();
            for level in 1..=64 / DIGIT {
                let digit = counts.iter().position(|count| {
                    inside = *count;
                    let here = rank < *count;
                    rank -= if here { 0 } else { *count };
                    here
                })?;
                prefix = prefix << DIGIT | digit as u64;
                let shift = 64 - DIGIT * level;
                if inside <= FEW || shift == 0 {
                    return Some((prefix, shift, rank));
                }
                counts = vec![0; 1 << DIGIT];
                numbers.each(&self.budget, |bits| {
                    if bits >> shift == prefix {
                        counts[(bits >> (shift - DIGIT)) as usize % (1 << DIGIT)] += 1;
                    }
                });
            }
            None
        };
        let few = |prefix: u64, shift: u32| {
            let mut few = Vec::new();
            numbers.each(&self.budget, |bits| {
                if bits >> shift == prefix {
                    few.push(bits);
                }
            });
            few.sort_unstable();
            few
        };
        let ((one, shift, rank), (two, shift_two, rank_two)) = (select(low)?, select(high)?);
        let value = |numbers: &[u64], rank: u64| numbers.get(rank as usize).map(|bits| from_bits(*bits));
        if shift == 0 && shift_two == 0 {
            return Some((from_bits(one), from_bits(two)));
        }
        let first = few(one, shift);
        let second = if (one, shift) == (two, shift_two) { None } else { Some(few(two, shift_two)) };
        Some((value(&first, rank)?, value(second.as_deref().unwrap_or(&first), rank_two)?))
    }
}
