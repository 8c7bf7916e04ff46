//! A sketch of quantiles in bounded memory: Manku, Rajagopalan & Lindsay 1998, with buffers of one size whose halves are
//! kept in turn, odd places one time and even ones the next, so that no randomness is needed and errors cancel.

use crate::stats::drift::sort;

/// Values a buffer holds. With n values the rank of a quantile is off by at most log₂(n / K) / K of n: 0.7 % for a billion
/// values; a column of up to K values is exact.
const K: usize = 4096;

/// By how much the rank of a quantile of `n` values may be off, as a share of them; where parts were merged, twice what one
/// sketch allows.
pub fn rank_error(n: u64) -> f64 {
    let levels = (n as f64 / K as f64).log2().max(0.0);
    2.0 * levels / K as f64
}

/// Takes numbers without NaN.
#[derive(Clone, Debug)]
pub struct Sketch {
    /// Each value of level i stands for 2^i values.
    levels: Vec<Level>,
}

#[derive(Clone, Debug, Default)]
struct Level {
    values: Vec<f64>,
    odd: bool,
}

impl Sketch {
    pub fn new() -> Sketch {
        Sketch { levels: vec![Level::default()] }
    }

    pub fn add(&mut self, values: impl Iterator<Item = f64>) {
        for value in values {
            self.levels[0].values.push(value);
            if self.levels[0].values.len() >= K {
                self.compact();
            }
        }
    }

    pub fn merge(&mut self, other: Sketch) {
        for (i, level) in other.levels.into_iter().enumerate() {
            if self.levels.len() <= i {
                self.levels.push(Level::default());
            }
            self.levels[i].values.extend(level.values);
        }
        self.compact();
    }

    fn compact(&mut self) {
        let mut i = 0;
        while i < self.levels.len() {
            if self.levels[i].values.len() >= K {
                let level = &mut self.levels[i];
                sort(&mut level.values);
                // A value without a partner stays.
                let alone = if level.values.len() % 2 == 1 { level.values.pop() } else { None };
                let kept: Vec<f64> = level.values.iter().skip(usize::from(level.odd)).step_by(2).copied().collect();
                level.odd = !level.odd;
                level.values.clear();
                level.values.extend(alone);
                if self.levels.len() == i + 1 {
                    self.levels.push(Level::default());
                }
                self.levels[i + 1].values.extend(kept);
            }
            i += 1;
        }
    }

    /// `count` quantiles, equally spaced in rank from the smallest to the largest value held; empty if there is none.
    pub fn quantiles(&self, count: usize) -> Vec<f64> {
        let mut weighted: Vec<(f64, u64)> = Vec::new();
        for (i, level) in self.levels.iter().enumerate() {
            weighted.extend(level.values.iter().map(|value| (*value, 1_u64 << i)));
        }
        at_ranks(weighted, count)
    }
}

/// Quantiles of values that stand for several each, linear between the middles of their ranks.
pub fn at_ranks(mut weighted: Vec<(f64, u64)>, count: usize) -> Vec<f64> {
    weighted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: u64 = weighted.iter().map(|(_, weight)| weight).sum();
    let (Some(first), Some(last)) = (weighted.first(), weighted.last()) else { return Vec::new() };
    let (first, last) = (first.0, last.0);
    let mut middles = Vec::with_capacity(weighted.len());
    let mut before = 0;
    for (value, weight) in &weighted {
        middles.push((before as f64 + (*weight as f64 - 1.0) / 2.0, *value));
        before += weight;
    }
    let most = count.max(2) - 1;
    (0..=most)
        .map(|i| {
            let rank = i as f64 / most as f64 * (total - 1) as f64;
            match middles.partition_point(|(middle, _)| *middle <= rank) {
                0 => first,
                above if above == middles.len() => last,
                above => {
                    let ((r0, v0), (r1, v1)) = (middles[above - 1], middles[above]);
                    v0 + (v1 - v0) * ((rank - r0) / (r1 - r0))
                }
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rank of `value` among 0, 1, …, n − 1, each once.
    fn worst(sketch: &Sketch, n: usize) -> f64 {
        let quantiles = sketch.quantiles(101);
        quantiles.iter().enumerate().map(|(i, q)| (q / (n - 1) as f64 - i as f64 / 100.0).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn quantiles_stay_within_the_bound_in_any_order() {
        for n in [1000_usize, 100_000, 3_000_000] {
            let mixed = (0..n).map(|i| (i * 1_000_003 % n) as f64);
            let bound = if n <= K { 1e-12 } else { (n as f64 / K as f64).log2() / K as f64 };
            for values in [mixed.collect::<Vec<_>>(), (0..n).map(|i| i as f64).collect()] {
                let mut whole = Sketch::new();
                whole.add(values.iter().copied());
                assert!(worst(&whole, n) <= bound, "{n}: {} > {bound}", worst(&whole, n));
                let mut parts = Sketch::new();
                for part in values.chunks(n / 7 + 1) {
                    let mut one = Sketch::new();
                    one.add(part.iter().copied());
                    parts.merge(one);
                }
                assert!(worst(&parts, n) <= 2.0 * bound, "{n} in parts: {}", worst(&parts, n));
            }
        }
    }

    #[test]
    fn nothing_has_no_quantiles_and_one_value_has_itself() {
        assert!(Sketch::new().quantiles(5).is_empty());
        let mut one = Sketch::new();
        one.add([3.0].into_iter());
        assert_eq!(one.quantiles(3), [3.0, 3.0, 3.0]);
    }
}
