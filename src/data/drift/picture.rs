//! Both distributions as bars, to be drawn in reports.

use crate::model::Distribution;
use crate::stats::drift::{Histogram, Sorted};

const BARS: usize = 12;

/// Bins over what both samples hold between their 1 % and 99 % quantiles; what lies outside is in the bars at the ends.
pub fn numbers(reference: Sorted, current: Sorted) -> Distribution {
    let (a, b) = (reference.values, current.values);
    let at = |side: &[f64], p: f64| crate::stats::quantile(side, p).unwrap_or(f64::NAN);
    let (low, high) = (at(a, 0.01).min(at(b, 0.01)), at(a, 0.99).max(at(b, 0.99)));
    let (low, high) = if low < high { (low, high) } else { (low - 0.5, low + 0.5) };
    let step = (high - low) / BARS as f64;
    let inner: Vec<f64> = (0..=BARS).map(|i| low + step * i as f64).collect();
    let mut edges = inner.clone();
    edges[0] = a.first().copied().unwrap_or(low).min(b.first().copied().unwrap_or(low)).min(low);
    edges[BARS] = a.last().copied().unwrap_or(high).max(b.last().copied().unwrap_or(high)).max(high);
    let shares = |side: &[f64]| -> Vec<f64> {
        Histogram::of(side, &edges).counts.iter().map(|count| round(*count as f64 / side.len() as f64)).collect()
    };
    let labels = inner[..BARS].iter().map(|edge| format!("{}", short(*edge))).collect();
    Distribution { id: String::new(), labels, reference: shares(a), current: shares(b) }
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
