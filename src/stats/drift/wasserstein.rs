//! The Wasserstein distance of two samples of numbers, almost without sorting.
//!
//! Both samples are counted in the same narrow buckets. Where one distribution function lies above the other throughout a
//! bucket, as it nearly always does, the area between them there is the difference of two integrals, and these need
//! only the sums of the values. Only the buckets in which the functions may cross are sorted.

use super::{Compared, sort};

/// Most buckets: counts and sums of one sample fit a processor's second cache.
const BUCKETS: usize = 1 << 13;
/// Values a bucket has on average, at least.
const A_BUCKET: usize = 16;

/// ∫ |F − G| (Vallender 1974), divided by the reference's standard deviation (of a population, at least 0.001). The
/// samples are in any order, not empty, and without NaN and infinities.
pub fn wasserstein(reference: &[f64], current: &[f64]) -> Compared {
    let n = reference.len() as f64;
    let mean = sum(reference, |value| value) / n;
    let spread = (sum(reference, |value| (value - mean).powi(2)) / n).sqrt();
    // Beside a deviation beyond all numbers every distance would be none.
    let spread = if spread.is_finite() { spread.max(0.001) } else { f64::NAN };
    Compared::distance(area(reference, current) / spread)
}

/// In lanes, so that no addition waits for the one before.
fn sum(values: &[f64], of: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; 8];
    let chunks = values.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().map(|value| of(*value)).sum();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, value)| *lane += of(*value));
    }
    lanes.iter().sum::<f64>() + rest
}

fn area(a: &[f64], b: &[f64]) -> f64 {
    let Some(grid) = Grid::over(a, b) else { return 0.0 };
    let (in_a, in_b) = (grid.fill(a), grid.fill(b));
    let (n, m) = (a.len() as i128, b.len() as i128);
    // In widths of a bucket.
    let mut area = 0.0;
    let mut crossings = Vec::new();
    let (mut i, mut j) = (0_i128, 0_i128);
    for (bucket, (here_a, here_b)) in in_a.iter().zip(&in_b).enumerate() {
        let (p, q) = (i128::from(here_a.count), i128::from(here_b.count));
        // (F − G) n m where the bucket begins; in it, F rises by p / n and G by q / m.
        let ahead = i * m - j * n;
        if ahead >= q * n || -ahead >= p * m {
            let start = ahead as f64 / (n * m) as f64;
            area += (start + here_a.until_end() / n as f64 - here_b.until_end() / m as f64).abs();
        } else {
            crossings.push((bucket, (i as f64, j as f64)));
        }
        (i, j) = (i + p, j + q);
    }
    let (mut steps_a, mut steps_b) = (grid.steps(a, &in_a, &crossings), grid.steps(b, &in_b, &crossings));
    for (bucket, below) in crossings {
        let (here_a, here_b) = (steps_a.take(&in_a[bucket]), steps_b.take(&in_b[bucket]));
        area += between(&here_a, &here_b, below, (n as f64, m as f64));
    }
    area * grid.half_width() * 2.0
}

/// A place in a bucket, and how many values lie there.
type Step = (f64, f64);

/// ∫ |F − G| over a bucket with such steps, of samples of `n` and `m` values of which `i` and `j` lie below.
fn between(a: &[Step], b: &[Step], (mut i, mut j): (f64, f64), (n, m): (f64, f64)) -> f64 {
    let (mut a, mut b, mut before, mut area) = (a, b, 0.0, 0.0);
    loop {
        let from_a = match (a, b) {
            ([(x, _), ..], [(y, _), ..]) => x <= y,
            ([], []) => break,
            (_, rest) => rest.is_empty(),
        };
        let (rest, below) = if from_a { (&mut a, &mut i) } else { (&mut b, &mut j) };
        let [(place, count), after @ ..] = *rest else { break };
        let (risen, step) = (*below + count, place - before);
        (*rest, before) = (after, *place);
        area += (i / n - j / m).abs() * step;
        if from_a { i = risen } else { j = risen }
    }
    area + (i / n - j / m).abs() * (1.0 - before)
}

/// Buckets of one width from the smallest to the largest value of both samples.
struct Grid {
    low: f64,
    high: f64,
    buckets: usize,
    scale: f64,
}

/// The values of one sample in a bucket, as places between its start, 0, and its end, 1.
#[derive(Clone, Copy, Default)]
struct Bucket {
    count: u32,
    is_mixed: bool,
    first: f64,
    sum: f64,
}

impl Bucket {
    /// ∫ (count of values ≤ x) dx over the bucket, in its width.
    fn until_end(self) -> f64 {
        f64::from(self.count) - self.sum
    }
}

/// The values of the buckets that were asked for, one bucket after another; of those with but one value nothing.
struct Steps(std::vec::IntoIter<Step>);

impl Steps {
    fn take(&mut self, bucket: &Bucket) -> Vec<Step> {
        match bucket.is_mixed {
            true => self.0.by_ref().take(bucket.count as usize).collect(),
            false if bucket.count == 0 => Vec::new(),
            false => vec![(bucket.first, f64::from(bucket.count))],
        }
    }
}

impl Grid {
    /// None where the range is nothing, or so little that no distance comes of it.
    fn over(a: &[f64], b: &[f64]) -> Option<Grid> {
        let ends = a.iter().chain(b).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        let buckets = ((a.len() + b.len()) / A_BUCKET).clamp(1, BUCKETS);
        let grid = Grid { low: ends.0, high: ends.1, buckets, scale: 0.0 };
        let scale = 1.0 / grid.half_width();
        (scale.is_finite() && scale > 0.0).then_some(Grid { scale, ..grid })
    }

    /// Of a bucket. The whole range may be beyond the largest number, its half is not.
    fn half_width(&self) -> f64 {
        (self.high / 2.0 - self.low / 2.0) / self.buckets as f64
    }

    /// The bucket and the place in it. What is larger is at no smaller place, as rounding keeps the order.
    fn place(&self, value: f64) -> (usize, f64) {
        let place = (value / 2.0 - self.low / 2.0) * self.scale;
        let bucket = (place as usize).min(self.buckets - 1);
        (bucket, place - bucket as f64)
    }

    fn fill(&self, values: &[f64]) -> Vec<Bucket> {
        let mut filled = vec![Bucket::default(); self.buckets];
        for value in values {
            let (bucket, place) = self.place(*value);
            let here = &mut filled[bucket];
            if here.count == 0 {
                here.first = place;
            }
            here.count += 1;
            here.is_mixed |= here.first != place;
            here.sum += place;
        }
        filled
    }

    fn steps(&self, values: &[f64], filled: &[Bucket], wanted: &[(usize, (f64, f64))]) -> Steps {
        let mut is_wanted = vec![false; self.buckets];
        wanted.iter().for_each(|(bucket, _)| is_wanted[*bucket] = filled[*bucket].is_mixed);
        let mut inside: Vec<f64> = values.iter().copied().filter(|value| is_wanted[self.place(*value).0]).collect();
        sort(&mut inside);
        Steps(inside.into_iter().map(|value| (self.place(value).1, 1.0)).collect::<Vec<_>>().into_iter())
    }
}
