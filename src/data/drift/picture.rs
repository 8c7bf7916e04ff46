//! Both distributions as bars, to be drawn in reports.

use crate::model::Distribution;

const BARS: usize = 12;

/// Values of a side of which the range of the bars is taken.
const LOOKED_AT: usize = 10_000;

/// Bins over what both samples hold between their 1 % and 99 % quantiles, of some values of each that is long; what lies
/// outside is in the bars at the ends. The samples are in any order and not empty.
pub fn numbers(reference: &[f64], current: &[f64]) -> Distribution {
    let ((low_a, high_a), (low_b, high_b)) = (middle(reference), middle(current));
    let (low, high) = (low_a.min(low_b), high_a.max(high_b));
    let (low, high) = if low < high { (low, high) } else { (low - 0.5, low + 0.5) };
    let step = (high - low) / BARS as f64;
    let edges: [f64; BARS] = std::array::from_fn(|i| low + step * i as f64);
    let shares = |side: &[f64]| -> Vec<f64> {
        let mut counts = [0_u64; BARS];
        for value in side {
            counts[edges[1..].iter().filter(|edge| *value >= **edge).count()] += 1;
        }
        counts.iter().map(|count| round(*count as f64 / side.len() as f64)).collect()
    };
    let labels = edges.iter().map(|edge| short(*edge).to_string()).collect();
    Distribution { id: String::new(), labels, reference: shares(reference), current: shares(current) }
}

/// The 1 % and the 99 % quantile.
fn middle(side: &[f64]) -> (f64, f64) {
    let mut some: Vec<f64> = side.iter().step_by(side.len().div_ceil(LOOKED_AT).max(1)).copied().collect();
    some.sort_unstable_by(f64::total_cmp);
    let at = |p: f64| crate::stats::quantile(&some, p).unwrap_or(f64::NAN);
    (at(0.01), at(0.99))
}

/// The categories that are most frequent on the two sides together, and the rest as one bar.
pub fn categories(values: &[&String], reference: &[u64], current: &[u64]) -> Distribution {
    let total = |side: &[u64]| side.iter().sum::<u64>() as f64;
    let (n, m) = (total(reference), total(current));
    let mut order: Vec<usize> = (0..values.len()).collect();
    let weight = |i: usize| reference[i] as f64 / n + current[i] as f64 / m;
    order.sort_by(|x, y| weight(*y).total_cmp(&weight(*x)).then_with(|| values[*x].cmp(values[*y])));
    let shown = if order.len() > BARS { BARS - 1 } else { order.len() };
    let (first, rest) = order.split_at(shown);
    let mut labels: Vec<String> =
        first.iter().map(|i| super::load::shown(values[*i]).chars().take(40).collect()).collect();
    let shares = |side: &[u64], total: f64| -> Vec<f64> {
        let mut shares: Vec<f64> = first.iter().map(|i| round(side[*i] as f64 / total)).collect();
        if !rest.is_empty() {
            shares.push(round(rest.iter().map(|i| side[*i]).sum::<u64>() as f64 / total));
        }
        shares
    };
    let (reference, current) = (shares(reference, n), shares(current, m));
    if !rest.is_empty() {
        labels.push(format!("{} others", rest.len()));
    }
    Distribution { id: String::new(), labels, reference, current }
}

/// Four digits: a bar is not drawn finer.
fn round(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}

fn short(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}
