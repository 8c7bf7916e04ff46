//! Numbers as counts by bin, as Evidently's distances take them.

use super::numeric::Sorted;

/// How many values lie in each bin; the last one holds its upper edge too. Values outside of the edges are not counted,
/// as with NumPy.
fn histogram(sorted: &[f64], edges: &[f64]) -> Vec<u64> {
    let below = |edge: f64| sorted.partition_point(|value| *value < edge);
    let places: Vec<usize> = edges.iter().map(|edge| below(*edge)).collect();
    let mut counts: Vec<u64> = places.windows(2).map(|pair| pair[1].saturating_sub(pair[0]) as u64).collect();
    if let (Some(last), Some(edge), Some(place)) = (counts.last_mut(), edges.last(), places.last()) {
        *last += (sorted.partition_point(|value| value <= edge) - place) as u64;
    }
    counts
}

/// The edges of `log2(n) + 1` bins over both samples together (Sturges 1926; NumPy's `histogram_bin_edges`).
pub fn sturges(low: f64, high: f64, n: usize) -> Vec<f64> {
    let width = (high - low) / ((n as f64).log2() + 1.0);
    let bins = if width > 0.0 { ((high - low) / width).ceil().max(1.0) } else { 1.0 };
    let (low, high) = if low == high { (low - 0.5, high + 0.5) } else { (low, high) };
    let step = (high - low) / bins;
    let mut edges: Vec<f64> = (0..=bins as usize).map(|i| i as f64 * step + low).collect();
    if let Some(last) = edges.last_mut() {
        *last = high;
    }
    edges
}

fn ends(sample: &[f64]) -> (f64, f64) {
    (sample.first().copied().unwrap_or(f64::NAN), sample.last().copied().unwrap_or(f64::NAN))
}

/// Both samples counted in the same bins.
#[derive(Clone, Debug, PartialEq)]
pub struct Binned {
    /// Of bins: one more than there are counts, ascending. By value: the values, as many as there are counts.
    pub edges: Vec<f64>,
    pub by_value: bool,
    pub reference: Vec<u64>,
    pub current: Vec<u64>,
}

/// By value where the reference has at most 20 different ones, else in Sturges' bins over both samples: what Evidently
/// counts for psi, kl_div and jensenshannon. Neither sample may be empty.
pub fn binned(reference: Sorted, current: Sorted) -> Binned {
    let (a, b) = (reference.values, current.values);
    if distinct(a).take(21).count() <= 20 {
        let (reference, current) = by_value(reference, current);
        let mut edges: Vec<f64> = distinct(a).chain(distinct(b)).collect();
        edges.sort_unstable_by(f64::total_cmp);
        edges.dedup();
        return Binned { edges, by_value: true, reference, current };
    }
    let ((low_a, high_a), (low_b, high_b)) = (ends(a), ends(b));
    let edges = sturges(low_a.min(low_b), high_a.max(high_b), a.len() + b.len());
    let (reference, current) = (histogram(a, &edges), histogram(b, &edges));
    Binned { edges, by_value: false, reference, current }
}

/// In Sturges' bins over the different values of both samples, as Evidently has it for the Hellinger distance.
pub(super) fn over_distinct(reference: Sorted, current: Sorted) -> (Vec<u64>, Vec<u64>) {
    let (a, b) = (reference.values, current.values);
    let ((low_a, high_a), (low_b, high_b)) = (ends(a), ends(b));
    let edges = sturges(low_a.min(low_b), high_a.max(high_b), merged(a, b).count());
    (histogram(a, &edges), histogram(b, &edges))
}

/// Each value once.
pub(super) fn distinct(sorted: &[f64]) -> impl Iterator<Item = f64> {
    sorted.chunk_by(|a, b| a == b).filter_map(|run| run.first().copied())
}

/// Each value of the two samples once, with how often it occurs in both.
pub(super) fn merged<'a>(a: &'a [f64], b: &'a [f64]) -> impl Iterator<Item = (u64, u64)> + use<'a> {
    let mut a = a.chunk_by(|x, y| x == y).peekable();
    let mut b = b.chunk_by(|x, y| x == y).peekable();
    std::iter::from_fn(move || {
        let first = |run: Option<&&[f64]>| run.and_then(|run| run.first().copied());
        match (first(a.peek()), first(b.peek())) {
            (None, None) => None,
            (Some(x), Some(y)) if x == y => {
                Some((a.next().map_or(0, |run| run.len() as u64), b.next().map_or(0, |run| run.len() as u64)))
            }
            (Some(x), y) if y.is_none_or(|y| x < y) => Some((a.next().map_or(0, |run| run.len() as u64), 0)),
            _ => Some((0, b.next().map_or(0, |run| run.len() as u64))),
        }
    })
}

/// How many different numbers the two samples, in any order, have together; counted up to `most`.
pub fn different(reference: &[f64], current: &[f64], most: usize) -> u64 {
    let mut met: Vec<f64> = Vec::new();
    for value in reference.iter().chain(current) {
        if !met.contains(value) {
            met.push(*value);
        }
        if met.len() >= most {
            break;
        }
    }
    met.len() as u64
}

/// How often each value of the two samples occurs in both.
pub fn by_value(reference: Sorted, current: Sorted) -> (Vec<u64>, Vec<u64>) {
    merged(reference.values, current.values).unzip()
}
