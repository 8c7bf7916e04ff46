//! Distances between two sets of shares.

/// The counts as shares of their sum.
fn shares(counts: &[u64]) -> Vec<f64> {
    let total = counts.iter().sum::<u64>() as f64;
    counts.iter().map(|count| *count as f64 / total).collect()
}

/// Shares without zeros, which logarithms do not bear: 0.0001 takes their place, or a millionth of the smallest other
/// share where that is no larger than 0.0001 (Evidently's `feel_zeroes`). The sum is then a little above 1.
fn filled(counts: &[u64]) -> Vec<f64> {
    let mut shares = shares(counts);
    let smallest = shares.iter().copied().filter(|share| *share > 0.0).fold(f64::INFINITY, f64::min);
    let filling = if smallest <= 0.0001 { smallest / 1e6 } else { 0.0001 };
    shares.iter_mut().filter(|share| **share == 0.0).for_each(|share| *share = filling);
    shares
}

/// √((KL(p‖m) + KL(q‖m)) / 2) with m the middle of both, natural logarithm (Endres & Schindelin 2003); 0 to √ln 2.
pub(super) fn jensen_shannon(reference: &[u64], current: &[u64]) -> f64 {
    let part = |p: f64, m: f64| if p > 0.0 { p * (p / m).ln() } else { 0.0 };
    let pairs = shares(reference).into_iter().zip(shares(current));
    let sum: f64 = pairs.map(|(p, q)| part(p, (p + q) / 2.0) + part(q, (p + q) / 2.0)).sum();
    (sum.max(0.0) / 2.0).sqrt()
}

/// Σ (p − q) ln(p / q): the population stability index (Siddiqi, *Credit Risk Scorecards*, 2006).
pub(super) fn psi(reference: &[u64], current: &[u64]) -> f64 {
    let pairs = filled(reference).into_iter().zip(filled(current));
    pairs.map(|(p, q)| (p - q) * (p / q).ln()).sum()
}

/// Σ p ln(p / q) with both normed again after zeros were filled (Kullback & Leibler 1951).
pub(super) fn kullback_leibler(reference: &[u64], current: &[u64]) -> f64 {
    let (p, q) = (filled(reference), filled(current));
    let (sum_p, sum_q) = (p.iter().sum::<f64>(), q.iter().sum::<f64>());
    p.iter().zip(&q).map(|(p, q)| (p / sum_p) * ((p / sum_p) / (q / sum_q)).ln()).sum()
}

/// √(1 − Σ √(p q)); 0 to 1 (Hellinger 1909).
pub(super) fn hellinger(reference: &[u64], current: &[u64]) -> f64 {
    let common: f64 = shares(reference).into_iter().zip(shares(current)).map(|(p, q)| (p * q).sqrt()).sum();
    (1.0 - common.clamp(0.0, 1.0)).sqrt()
}

/// Σ |p − q| / 2; 0 to 1.
pub(super) fn total_variation(reference: &[u64], current: &[u64]) -> f64 {
    shares(reference).into_iter().zip(shares(current)).map(|(p, q)| (p - q).abs()).sum::<f64>() / 2.0
}
