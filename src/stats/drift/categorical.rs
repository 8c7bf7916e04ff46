//! Tests on counts by category.

use super::Compared;
use super::gamma::{chi_squared_above, normal_above};

/// Pearson's chi-squared of the current counts, expected in the reference's shares; one degree of freedom fewer than
/// there are categories. A category that the reference has not is expected never, so its statistic is infinite.
pub(super) fn chi_squared(reference: &[u64], current: &[u64]) -> Compared {
    let of = |counts: &[u64]| counts.iter().sum::<u64>() as f64;
    let scale = of(current) / of(reference);
    let parts = reference.iter().zip(current).map(|(r, c)| {
        let (expected, seen) = (*r as f64 * scale, *c as f64);
        if expected == 0.0 && seen == 0.0 { 0.0 } else { (seen - expected).powi(2) / expected }
    });
    let statistic: f64 = parts.sum();
    Compared::test(statistic, chi_squared_above(statistic, reference.len() as f64 - 1.0))
}

/// 2 Σ seen ln(seen / expected), with the reference's own counts as expectation, as Evidently has it.
///
/// # Errors
/// When the two sides have not the same number of rows, for which the statistic means nothing (SciPy refuses it too).
pub(super) fn g_test(reference: &[u64], current: &[u64]) -> Result<Compared, String> {
    let of = |counts: &[u64]| counts.iter().sum::<u64>();
    let (expected, seen) = (of(reference) as f64, of(current) as f64);
    if (expected - seen).abs() > 1.5e-8 * expected.min(seen) {
        return Err("g_test needs as many values on both sides; chisquare does not".to_string());
    }
    let parts = reference.iter().zip(current).map(|(r, c)| match (*r, *c) {
        (_, 0) => 0.0,
        (r, c) => c as f64 * (c as f64 / r as f64).ln(),
    });
    let statistic = 2.0 * parts.sum::<f64>();
    Ok(Compared::test(statistic, chi_squared_above(statistic, reference.len() as f64 - 1.0)))
}

/// The share of the first category on both sides, two-sided, with the pooled variance.
///
/// # Errors
/// With more than two categories.
pub(super) fn proportions(reference: &[u64], current: &[u64]) -> Result<Compared, String> {
    if reference.len() > 2 {
        return Err(format!("z compares two categories, and there are {}", reference.len()));
    }
    let of = |counts: &[u64]| counts.iter().sum::<u64>() as f64;
    let (n1, n2) = (of(reference), of(current));
    let other = |counts: &[u64], n: f64| (n - counts.first().copied().unwrap_or(0) as f64) / n;
    let (p1, p2) = (other(reference, n1), other(current, n2));
    let pooled = (p1 * n1 + p2 * n2) / (n1 + n2);
    let spread = (pooled * (1.0 - pooled) * (1.0 / n1 + 1.0 / n2)).sqrt();
    // All values on both sides are one and the same.
    let statistic = if spread == 0.0 { 0.0 } else { (p1 - p2) / spread };
    Ok(Compared::test(statistic, (2.0 * normal_above(statistic.abs())).min(1.0)))
}
