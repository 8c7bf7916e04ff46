//! Two samples of numbers.

use super::Compared;
use super::kolmogorov;

/// A sample in ascending order, without NaN and infinities.
#[derive(Clone, Copy, Debug)]
pub struct Sorted<'a> {
    pub values: &'a [f64],
}

impl<'a> Sorted<'a> {
    pub fn new(values: &'a [f64]) -> Sorted<'a> {
        debug_assert!(values.is_sorted(), "the sample is not sorted");
        Sorted { values }
    }
}

/// The largest distance of the two empirical distribution functions, and the p-value that SciPy's
/// `ks_2samp(method='auto')` gives: exact up to 10,000 values a side, else by the distribution of one sample of
/// nm / (n + m) values.
pub fn ks(reference: Sorted, current: Sorted) -> Compared {
    let (a, b) = (reference.values, current.values);
    let (n, m) = (a.len() as i128, b.len() as i128);
    // In units of 1 / (n m), so that the statistic and its lattice point are exact.
    let (mut i, mut j, mut most) = (0_usize, 0_usize, 0_i128);
    while i < a.len() && j < b.len() {
        let x = if a[i] <= b[j] { a[i] } else { b[j] };
        while a.get(i).is_some_and(|value| *value == x) {
            i += 1;
        }
        while b.get(j).is_some_and(|value| *value == x) {
            j += 1;
        }
        most = most.max((i as i128 * m - j as i128 * n).abs());
    }
    let statistic = most as f64 / (n * m) as f64;
    Compared::test(statistic, kolmogorov::two_samples(n as u64, m as u64, most as u128))
}

/// The Anderson–Darling statistic of two samples by midranks, normed (Scholz & Stephens 1987, eq. 7 and table 2), with
/// its p-value interpolated between 0.001 and 0.25 and held there, as SciPy's `anderson_ksamp` does.
///
/// # Errors
/// When all values are the same, or there are fewer than four.
pub fn anderson(reference: Sorted, current: Sorted) -> Result<Compared, String> {
    let (a, b) = (reference.values, current.values);
    let sizes = [a.len() as f64, b.len() as f64];
    let total = sizes[0] + sizes[1];
    if a.first() == a.last() && b.first() == b.last() && a.first() == b.first() {
        return Err("all values on both sides are the same".to_string());
    }
    if total < 4.0 {
        return Err("anderson needs at least four values".to_string());
    }
    let mut statistic = [0.0; 2];
    let (mut seen, mut below) = ([0.0; 2], 0.0);
    for (from_a, from_b) in super::bins::merged(a, b) {
        let here = [from_a as f64, from_b as f64];
        let ties = here[0] + here[1];
        let rank = below + ties / 2.0;
        let weight = rank * (total - rank) - total * ties / 4.0;
        for side in 0..2 {
            let own = seen[side] + here[side] / 2.0;
            statistic[side] += ties / total * (total * own - rank * sizes[side]).powi(2) / weight;
            seen[side] += here[side];
        }
        below += ties;
    }
    let raw = (statistic[0] / sizes[0] + statistic[1] / sizes[1]) * (total - 1.0) / total;

    let count = total as u64;
    let inverse: f64 = sizes.iter().map(|size| 1.0 / size).sum();
    let (mut harmonic, mut g) = (0.0, 0.0);
    for i in 2..count {
        harmonic += 1.0 / (total - i as f64 + 1.0);
        g += harmonic / i as f64;
    }
    let h = harmonic + 1.0;
    let k = 2.0;
    let c4 = (4.0 * g - 6.0) * (k - 1.0) + (10.0 - 6.0 * g) * inverse;
    let c3 = (2.0 * g - 4.0) * k * k + 8.0 * h * k + (2.0 * g - 14.0 * h - 4.0) * inverse - 8.0 * h + 4.0 * g - 6.0;
    let c2 = (6.0 * h + 2.0 * g - 2.0) * k * k + (4.0 * h - 4.0 * g + 6.0) * k + (2.0 * h - 6.0) * inverse + 4.0 * h;
    let c1 = (2.0 * h + 6.0) * k * k - 4.0 * h * k;
    let variance =
        (c4 * total.powi(3) + c3 * total.powi(2) + c2 * total + c1) / ((total - 1.0) * (total - 2.0) * (total - 3.0));
    let normed = (raw - (k - 1.0)) / variance.sqrt();
    Ok(Compared::test(normed, anderson_p(normed)))
}

fn anderson_p(statistic: f64) -> f64 {
    // Table 2: for two samples the three coefficients of each level add up to its critical value.
    const TABLE: [[f64; 3]; 7] = [
        [0.675, -0.245, -0.105],
        [1.281, 0.25, -0.305],
        [1.645, 0.678, -0.362],
        [1.96, 1.149, -0.391],
        [2.326, 1.822, -0.396],
        [2.573, 2.364, -0.345],
        [3.085, 3.615, -0.154],
    ];
    let critical = TABLE.map(|[b0, b1, b2]| b0 + b1 + b2);
    const LEVELS: [f64; 7] = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001];
    if statistic < critical[0] {
        return LEVELS[0];
    }
    if statistic > critical[6] {
        return LEVELS[6];
    }
    // Least squares of ln p on a parabola in the critical values.
    let mut normal = [[0.0_f64; 4]; 3];
    for (x, level) in critical.iter().zip(LEVELS) {
        let powers = [x * x, *x, 1.0];
        for row in 0..3 {
            for column in 0..3 {
                normal[row][column] += powers[row] * powers[column];
            }
            normal[row][3] += powers[row] * level.ln();
        }
    }
    for pivot in 0..3 {
        let by = normal[pivot];
        for (_, row) in normal.iter_mut().enumerate().filter(|(row, _)| *row != pivot) {
            let factor = row[pivot] / by[pivot];
            row.iter_mut().zip(by).for_each(|(value, by)| *value -= factor * by);
        }
    }
    let [a, b, c] = [0, 1, 2].map(|i| normal[i][3] / normal[i][i]);
    (a * statistic * statistic + b * statistic + c).exp()
}
