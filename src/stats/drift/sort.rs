//! Sorting numbers by where they lie between the smallest and the largest: most columns are spread widely enough that
//! each value lands near its place at once. docs/performance.md has the figures.

/// Values a bucket has on average: few enough to be sorted within a cache line or two.
const A_BUCKET: usize = 32;

/// Sorts ascending, −0.0 beside 0.0 and taken for it. NaN must not be in it.
///
/// Buckets of one width, then a comparison sort in each: n steps for spread values, n log n at worst, where all but a few
/// fall into one bucket.
pub fn sort(values: &mut [f64]) {
    values.iter_mut().for_each(|value| *value += 0.0);
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let buckets = values.len() / A_BUCKET;
    let scale = (buckets as f64 - 1.0) / (high - low);
    if values.len() < 4096 || !(scale.is_finite() && scale > 0.0) {
        values.sort_unstable_by(f64::total_cmp);
        return;
    }
    // Rounding keeps the order: what is larger is in no earlier bucket.
    let bucket = |value: f64| (((value - low) * scale) as usize).min(buckets - 1);
    let mut ends = vec![0_u32; buckets + 1];
    for value in values.iter() {
        ends[bucket(*value) + 1] += 1;
    }
    for i in 1..=buckets {
        ends[i] += ends[i - 1];
    }
    let mut spread = vec![0.0; values.len()];
    for value in values.iter() {
        let place = &mut ends[bucket(*value)];
        spread[*place as usize] = *value;
        *place += 1;
    }
    // Each bucket's start has moved to its end.
    let mut start = 0;
    for end in &ends[..buckets] {
        let end = *end as usize;
        spread[start..end].sort_unstable_by(f64::total_cmp);
        start = end;
    }
    values.copy_from_slice(&spread);
}
