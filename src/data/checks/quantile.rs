//! Exact quantiles: all numbers of a column are kept, in memory or on disk, and the ones at the wanted ranks selected.
//!
//! A number is kept as 64 bits in its order. A million numbers are sorted. Of more, the upper 16 bits are counted as
//! they come; at the end only the numbers that share these bits with the wanted rank are looked at again, and of them, if
//! they are still many, the next 16 bits are counted.

use super::batch::Rows;
use super::numbers::with_numbers;
use crate::data::key::{Blocks, Budget};
use crate::data::workers::lock;
use std::sync::{Arc, Mutex, MutexGuard};

/// Numbers of one column.
#[derive(Debug)]
pub(super) struct Numbers {
    budget: Arc<Budget>,
    block: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    numbers: Blocks<u64>,
    /// How many there are by their upper 16 bits, of the `counted` first; none where nobody has a full block.
    counts: Vec<u64>,
    counted: u64,
}

/// One worker's hand on them.
pub(super) struct Writer {
    open: Vec<u64>,
    /// Of the numbers that are no longer open.
    counts: Vec<u64>,
    counted: u64,
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

fn count(counts: &mut Vec<u64>, numbers: &[u64]) {
    if counts.is_empty() {
        counts.resize(1 << DIGIT, 0);
    }
    numbers.iter().for_each(|bits| counts[(bits >> (64 - DIGIT)) as usize] += 1);
}

impl Numbers {
    pub fn new(budget: &Arc<Budget>, writers: usize) -> Numbers {
        let block = (budget.limit() / 64 / 8 / writers.max(1) as u64).clamp(64, 1 << 16) as usize;
        Numbers { budget: budget.clone(), block, kept: Mutex::default() }
    }

    pub fn writer(&self) -> Writer {
        Writer { open: Vec::new(), counts: Vec::new(), counted: 0 }
    }

    pub fn feed(&self, writer: &mut Writer, seen: &mut Seen, rows: &Rows, column: usize) -> Result<(), String> {
        with_numbers(rows.values(column)?, |numbers| {
            for value in numbers {
                if value.is_nan() {
                    seen.nan += 1;
                    continue;
                }
                seen.n += 1;
                writer.open.push(to_bits(*value));
            }
            if writer.open.len() >= self.block {
                let block = std::mem::replace(&mut writer.open, Vec::with_capacity(self.block));
                writer.counted += block.len() as u64;
                count(&mut writer.counts, &block);
                self.kept().numbers.push(block, &self.budget);
            }
        });
        Ok(())
    }

    pub fn close(&self, mut writer: Writer) {
        // Counts take more room, and time, than a few numbers do.
        if writer.counted > 0 {
            writer.counted += writer.open.len() as u64;
            count(&mut writer.counts, &writer.open);
        }
        let mut kept = self.kept();
        kept.numbers.push(writer.open, &self.budget);
        kept.counted += writer.counted;
        match kept.counts.is_empty() {
            true => kept.counts = writer.counts,
            false => kept.counts.iter_mut().zip(writer.counts).for_each(|(all, some)| *all += some),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }

    /// The `p` quantile of `n` numbers, linear between the two nearest (Hyndman & Fan 1996, type 7: NumPy's default).
    pub fn quantile(&self, p: f64, n: u64) -> Option<f64> {
        let place = p * n.checked_sub(1)? as f64;
        let below = (place.floor() as u64).min(n - 1);
        let part = place - below as f64;
        let above = if part > 0.0 { (below + 1).min(n - 1) } else { below };
        let mut kept = self.kept();
        let Kept { numbers, counts, counted } = &mut *kept;
        let (low, high) = match n {
            ..=FEW => {
                let mut all = Vec::new();
                numbers.each(&self.budget, |bits| all.push(bits));
                all.sort_unstable();
                let at = |rank: u64| all.get(rank as usize).map(|bits| from_bits(*bits));
                (at(below)?, at(above)?)
            }
            _ => {
                if *counted < n {
                    counts.clear();
                    numbers.each(&self.budget, |bits| count(counts, &[bits]));
                    *counted = n;
                }
                self.at(numbers, counts, below, above)?
            }
        };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::random::Random;
    use arrow::array::{ArrayRef, Float64Array, RecordBatch};

    /// Few numbers are sorted; of many, those of a hand that never had a full block are counted late.
    #[test]
    fn the_numbers_at_the_ranks_are_found_however_they_were_kept() {
        for (sizes, memory) in [([1000, 40], 1 << 30), ([1_200_000, 10], 1 << 30), ([900_000, 300_000], 1 << 20)] {
            let numbers = Numbers::new(&Arc::new(Budget::new(memory)), 2);
            let mut random = Random::seeded(sizes[1]);
            let mut all = Vec::new();
            for size in sizes {
                // Half of them share their upper bits.
                let draw = |i: u64| {
                    if i.is_multiple_of(2) { 1.0 + random.uniform() / 64.0 } else { random.uniform() * 1e6 - 5e5 }
                };
                let values: Vec<f64> = (0..size).map(draw).collect();
                let (mut writer, mut seen) = (numbers.writer(), Seen::default());
                for part in values.chunks(8192) {
                    let array: ArrayRef = Arc::new(Float64Array::from(part.to_vec()));
                    let batch = RecordBatch::try_from_iter([("x", array)]).unwrap();
                    numbers.feed(&mut writer, &mut seen, &Rows::new(&batch, 0, &[false]), 0).unwrap();
                }
                numbers.close(writer);
                all.extend(values);
            }
            all.sort_unstable_by(f64::total_cmp);
            for p in [0.0, 0.1, 0.25, 0.5, 0.77, 0.999, 1.0] {
                let place = p * (all.len() - 1) as f64;
                let (below, part) = (all[place as usize], place.fract());
                let wanted = if part == 0.0 { below } else { below + (all[place as usize + 1] - below) * part };
                assert_eq!(numbers.quantile(p, all.len() as u64), Some(wanted), "{p} of {sizes:?}");
            }
        }
    }
}
