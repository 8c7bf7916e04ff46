//! The Wasserstein distance of two samples of numbers, almost without sorting.
//!
//! Both samples are counted in the same narrow buckets. Where one distribution function lies above the other throughout a
//! bucket, as it mostly does, the area between them there is the difference of two integrals, and these need only the
//! sums of the values. A bucket in which the functions may cross is cut into buckets of its own, and sorted only when
//! it holds few values.

use super::Compared;

/// Most buckets: counts and sums of one sample fit a processor's second cache.
const BUCKETS: usize = 1 << 13;
/// Values a bucket has on average, at least.
const A_BUCKET: usize = 8;
/// Values that are sorted rather than cut into buckets.
const FEW: usize = 64;
/// Buckets in buckets; values that lie closer together than these can tell apart are sorted.
const DEPTH: usize = 6;

/// ∫ |F − G| (Vallender 1974), divided by the reference's standard deviation (of a population, at least 0.001). The
/// samples are in any order, not empty, and without NaN and infinities.
pub fn wasserstein(reference: &[f64], current: &[f64]) -> Compared {
    let spread = spread(reference);
    // Beside a deviation beyond all numbers every distance would be none.
    let spread = if spread.is_finite() { spread.max(0.001) } else { f64::NAN };
    Compared::distance(area(reference, current) / spread)
}

/// The standard deviation of a population.
pub fn spread(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    // From one of the values on, so that a sum far from zero loses nothing of what is between them.
    let from = values.first().copied().unwrap_or_default();
    let mean = from + sum(values, |value| value - from) / n;
    (sum(values, |value| (value - mean).powi(2)) / n).sqrt()
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
    let (low, high) = ends(a, b);
    let sizes = (a.len() as i128, b.len() as i128);
    Part { below: (0, 0), sizes, from: low, to: high }.area(a, b, DEPTH)
}

fn ends(a: &[f64], b: &[f64]) -> (f64, f64) {
    a.iter().chain(b).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
}

/// The axis from one place to another.
struct Part {
    /// Values of both samples below it.
    below: (i128, i128),
    /// Values of both samples in all.
    sizes: (i128, i128),
    from: f64,
    to: f64,
}

impl Part {
    /// F − G where it begins, in units of 1 / (n m), so that it is exact.
    fn ahead(&self) -> i128 {
        self.below.0 * self.sizes.1 - self.below.1 * self.sizes.0
    }

    fn height(&self, ahead: i128) -> f64 {
        ahead as f64 / (self.sizes.0 * self.sizes.1) as f64
    }

    /// ∫ |F − G| over this part, in which these values of the two samples lie.
    fn area(&self, a: &[f64], b: &[f64], depth: usize) -> f64 {
        if depth == 0 || a.len() + b.len() <= FEW {
            return self.area_sorted(a, b);
        }
        let (low, high) = ends(a, b);
        let (n, m) = self.sizes;
        let after = self.ahead() + a.len() as i128 * m - b.len() as i128 * n;
        let outside = self.height(self.ahead()).abs() * (low - self.from) + self.height(after).abs() * (self.to - high);
        let Some(grid) = Grid::new(low, high, a.len() + b.len()) else { return outside };
        let (in_a, in_b) = (grid.fill(a), grid.fill(b));
        // In widths of a bucket.
        let mut inside = 0.0;
        let mut crossed: Vec<(usize, Part)> = Vec::new();
        let mut below = self.below;
        for (bucket, (here_a, here_b)) in in_a.iter().zip(&in_b).enumerate() {
            let (p, q) = (here_a.count as i128, here_b.count as i128);
            let part = Part { below, sizes: self.sizes, from: 0.0, to: 1.0 };
            let ahead = part.ahead();
            // In the bucket F rises by p / n, and G by q / m.
            if ahead >= q * n || -ahead >= p * m {
                let risen = here_a.integral() / n as f64 - here_b.integral() / m as f64;
                inside += (self.height(ahead) + risen).abs();
            } else {
                crossed.push((bucket, part));
            }
            below = (below.0 + p, below.1 + q);
        }
        let (places_a, places_b) = (grid.places(a, &in_a, &crossed), grid.places(b, &in_b, &crossed));
        let (mut rest_a, mut rest_b) = (&places_a[..], &places_b[..]);
        for (bucket, part) in &crossed {
            let (here_a, here_b) = (rest_a.split_at(in_a[*bucket].count), rest_b.split_at(in_b[*bucket].count));
            inside += part.area(here_a.0, here_b.0, depth - 1);
            (rest_a, rest_b) = (here_a.1, here_b.1);
        }
        outside + inside * grid.half_width * 2.0
    }

    fn area_sorted(&self, a: &[f64], b: &[f64]) -> f64 {
        let (n, m) = self.sizes;
        let mut steps: Vec<(f64, i128)> = a.iter().map(|x| (*x, m)).chain(b.iter().map(|x| (*x, -n))).collect();
        steps.sort_unstable_by(|x, y| x.0.total_cmp(&y.0));
        let (mut ahead, mut before, mut area) = (self.ahead(), self.from, 0.0);
        for (place, step) in steps {
            area += self.height(ahead).abs() * (place - before);
            (ahead, before) = (ahead + step, place);
        }
        area + self.height(ahead).abs() * (self.to - before)
    }
}

/// Buckets of one width.
struct Grid {
    low: f64,
    buckets: usize,
    /// Of a bucket: the whole range may be beyond the largest number, its half is not.
    half_width: f64,
    scale: f64,
}

/// The values of one sample in a bucket.
#[derive(Clone, Copy, Default)]
struct Bucket {
    count: usize,
    /// The sum of their places, which are 0 at the bucket's start and 1 at its end.
    sum: f64,
}

impl Bucket {
    /// ∫ (count of values ≤ x) dx over the bucket, in its width.
    fn integral(self) -> f64 {
        self.count as f64 - self.sum
    }
}

impl Grid {
    /// None where the range is nothing, or so little that no area comes of it.
    fn new(low: f64, high: f64, values: usize) -> Option<Grid> {
        let buckets = (values / A_BUCKET).clamp(2, BUCKETS);
        let half_width = (high / 2.0 - low / 2.0) / buckets as f64;
        let scale = 1.0 / half_width;
        (scale.is_finite() && scale > 0.0).then_some(Grid { low, buckets, half_width, scale })
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
            filled[bucket].count += 1;
            filled[bucket].sum += place;
        }
        filled
    }

    /// The places of those values that lie in these buckets, one bucket after another.
    fn places(&self, values: &[f64], filled: &[Bucket], buckets: &[(usize, Part)]) -> Vec<f64> {
        const NOT_WANTED: usize = usize::MAX;
        let mut next = vec![NOT_WANTED; self.buckets];
        let mut all = 0;
        for (bucket, _) in buckets {
            next[*bucket] = all;
            all += filled[*bucket].count;
        }
        let mut places = vec![0.0; all];
        for value in values {
            let (bucket, place) = self.place(*value);
            if next[bucket] != NOT_WANTED {
                places[next[bucket]] = place;
                next[bucket] += 1;
            }
        }
        places
    }
}
