//! Probabilities of the Kolmogorov–Smirnov statistic.

use crate::stats::normal::ln_gamma;
use std::f64::consts::PI;

/// Up to so many values a side the two-sample probability is exact, as in SciPy's `method='auto'`.
const EXACT: u64 = 10_000;

/// P(D ≥ most / (n m)) for two samples of `n` and `m` values from one continuous distribution.
pub(super) fn two_samples(n: u64, m: u64, most: u128) -> f64 {
    if most == 0 {
        return 1.0;
    }
    if n.max(m) <= EXACT {
        return if n == m { outside_square(n, (most / u128::from(n)) as u64) } else { outside(n, m, most) };
    }
    let (n, m) = (n as f64, m as f64);
    let distance = most as f64 / (n * m);
    one_sample(round_half_even(n * m / (n + m)), distance)
}

/// For two samples of one size, h = n D: Gnedenko & Korolyuk 1951, as an alternating sum with the common factors taken
/// out, so that nothing cancels.
fn outside_square(n: u64, h: u64) -> f64 {
    let (n, h) = (n as f64, h as f64);
    let mut p = 0.0;
    let mut k = (n / h).floor();
    while k >= 0.0 {
        let mut term = 1.0;
        let mut j = 0.0;
        while j < h {
            term *= (n - k * h - j) / (n + k * h + j + 1.0);
            j += 1.0;
        }
        p = term * (1.0 - p);
        k -= 1.0;
    }
    (2.0 * p).clamp(0.0, 1.0)
}

/// For sizes that differ: the share of the lattice paths from (0, 0) to (n, m) that touch |i m − j n| ≥ most (Hodges
/// 1958). The last step of a random path to (i, j) came along i with the probability i / (i + j); only sums of
/// positive terms, so that small probabilities keep their digits. Only the band between the bounds is walked: the share
/// is 1 on and beyond them.
fn outside(n: u64, m: u64, most: u128) -> f64 {
    let (n, m) = (n.max(m), n.min(m));
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    let mut row = vec![1.0_f64; m as usize + 1];
    for i in 0..=n {
        // |i m − j n| < most.
        let first = (i * m).checked_sub(most).map_or(0, |over| over / n + 1);
        let last = ((i * m).saturating_add(most - 1) / n).min(m);
        let mut left = 1.0;
        for j in first..=last {
            let at = j as usize;
            let here = match (i, j) {
                (0, 0) => 0.0,
                (0, _) => left,
                (_, 0) => row[at],
                _ => (i as f64 * row[at] + j as f64 * left) / (i + j) as f64,
            };
            row[at] = here;
            left = here;
        }
        if let Some(beyond) = first.checked_sub(1) {
            row[beyond as usize] = 1.0;
        }
    }
    row.last().copied().unwrap_or(f64::NAN)
}

fn round_half_even(x: f64) -> u64 {
    x.round_ties_even() as u64
}

/// P(D ≥ x) for one sample of `n` values, by the methods of Simard & L'Ecuyer 2011 in the ranges that SciPy's `kstwo`
/// gives them.
fn one_sample(n: u64, x: f64) -> f64 {
    let size = n as f64;
    let t = size * x;
    match (t, t * x) {
        _ if n == 0 || x.is_nan() => f64::NAN,
        _ if x >= 1.0 => 0.0,
        (t, _) if t <= 0.5 => 1.0,
        (t, _) if t <= 1.0 => {
            let ln = ln_gamma(size + 1.0) - size * size.ln() + size * (2.0 * t - 1.0).ln();
            1.0 - ln.exp()
        }
        (t, _) if t >= size - 1.0 => 2.0 * (1.0 - x).powf(size),
        _ if x >= 0.5 => 2.0 * smirnov(n, x),
        (_, square) if n <= 140 => {
            if square <= 4.0 {
                1.0 - durbin(n, x)
            } else {
                2.0 * smirnov(n, x)
            }
        }
        (_, square) if square >= 370.0 => 0.0,
        (_, square) if square >= 2.2 => 2.0 * smirnov(n, x),
        _ if n <= 100_000 && size * x.powf(1.5) <= 1.4 => 1.0 - durbin(n, x),
        _ => 1.0 - pelz_good(n, x),
    }
    .clamp(0.0, 1.0)
}

/// P(D⁺ ≥ x), exact (Birnbaum & Tingey 1951): x Σ C(n, j) (x + j/n)^(j−1) (1 − x − j/n)^(n−j).
///
/// Each term is x / (x + j/n) times the probability of j successes in n draws of probability x + j/n, in the form of
/// Loader, *Fast and Accurate Computation of Binomial Probabilities* (2000): what would cancel is never computed, so
/// that a sum of half a million terms is good to 12 digits.
fn smirnov(n: u64, x: f64) -> f64 {
    let size = n as f64;
    let t = size * x;
    let last = (size * (1.0 - x)).floor() as u64;
    let mut sum = (size * (-x).ln_1p()).exp();
    let all = stirling_error(size);
    for j in 1..=last.min(n.saturating_sub(1)) {
        let j = j as f64;
        let rest = size - j;
        if rest <= t {
            continue;
        }
        let ln = all - stirling_error(j) - stirling_error(rest) + j * (t / j).ln_1p() + rest * (-t / rest).ln_1p();
        sum += (size / (2.0 * PI * j * rest)).sqrt() * ln.exp() * t / (t + j);
    }
    sum
}

/// ln n! − ln(√(2πn) (n/e)ⁿ).
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        return ln_gamma(n + 1.0) - (n + 0.5) * n.ln() + n - 0.5 * (2.0 * PI).ln();
    }
    let square = n * n;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / square) / square) / square) / square)
        / n
}

/// P(D < x), exact: Durbin's matrix (Marsaglia, Tsang & Wang, *Evaluating Kolmogorov's Distribution*, 2003).
fn durbin(n: u64, x: f64) -> f64 {
    const SCALE: i32 = 400;
    let t = n as f64 * x;
    let k = t.ceil() as usize;
    let h = k as f64 - t;
    let size = 2 * k - 1;
    let factorial = |i: usize| ln_gamma(i as f64 + 1.0).exp();
    let mut matrix = vec![0.0; size * size];
    for row in 0..size {
        for column in 0..size {
            matrix[row * size + column] = if row + 1 >= column { 1.0 / factorial(row + 1 - column) } else { 0.0 };
        }
    }
    for i in 0..size {
        matrix[i * size] = (1.0 - h.powi(i as i32 + 1)) / factorial(i + 1);
        matrix[(size - 1) * size + i] = (1.0 - h.powi((size - i) as i32)) / factorial(size - i);
    }
    let twice = if 2.0 * h > 1.0 { (2.0 * h - 1.0).powi(size as i32) } else { 0.0 };
    matrix[(size - 1) * size] = (1.0 - 2.0 * h.powi(size as i32) + twice) / factorial(size);

    let multiply = |a: &[f64], b: &[f64]| -> Vec<f64> {
        let mut product = vec![0.0; size * size];
        for row in 0..size {
            for inner in 0..size {
                let left = a[row * size + inner];
                if left != 0.0 {
                    for column in 0..size {
                        product[row * size + column] += left * b[inner * size + column];
                    }
                }
            }
        }
        product
    };
    let centre = (k - 1) * size + k - 1;
    let rescale = |matrix: &mut Vec<f64>, exponent: &mut i32| {
        if matrix[centre].abs() > 2.0_f64.powi(SCALE) {
            matrix.iter_mut().for_each(|value| *value *= 2.0_f64.powi(-SCALE));
            *exponent += SCALE;
        }
    };
    let mut power: Vec<f64> = (0..size * size).map(|i| f64::from(u8::from(i % (size + 1) == 0))).collect();
    let (mut power_exponent, mut exponent, mut left) = (0, 0, n);
    while left > 0 {
        if left % 2 == 1 {
            power = multiply(&power, &matrix);
            power_exponent += exponent;
            rescale(&mut power, &mut power_exponent);
        }
        matrix = multiply(&matrix, &matrix);
        exponent *= 2;
        rescale(&mut matrix, &mut exponent);
        left /= 2;
    }
    let ln_scale = ln_gamma(n as f64 + 1.0) - n as f64 * (n as f64).ln() + f64::from(power_exponent) * 2.0_f64.ln();
    (power[centre].ln() + ln_scale).exp().clamp(0.0, 1.0)
}

/// P(D < x) by four terms of its expansion in 1/√n (Pelz & Good 1976, in the form of Simard & L'Ecuyer 2011, eq. 12–15).
fn pelz_good(n: u64, x: f64) -> f64 {
    let root = (n as f64).sqrt();
    let z = root * x;
    let (z2, z3, z4, z6) = (z.powi(2), z.powi(3), z.powi(4), z.powi(6));
    let (pi2, pi4, pi6) = (PI.powi(2), PI.powi(4), PI.powi(6));
    let most = (16.0 * z / PI).ceil() as i32;
    let mut sums = [0.0; 4];
    for k in (1..=most).rev() {
        let odd = f64::from(2 * k - 1);
        let (m2, m4, m6) = (odd.powi(2), odd.powi(4), odd.powi(6));
        let q = (-pi2 * m2 / (8.0 * z2)).exp();
        sums[0] += q;
        sums[1] += (-z2 + pi2 / 4.0 * m2) * q;
        sums[2] +=
            (6.0 * z6 + 2.0 * z4 + (2.0 * z4 - 5.0 * z2) * pi2 / 4.0 * m2 + pi4 * (1.0 - 2.0 * z2) / 16.0 * m4) * q;
        sums[3] += (-30.0 * z6 - 90.0 * z.powi(8)
            + pi2 * (135.0 * z4 - 96.0 * z6) / 4.0 * m2
            + pi4 * (-60.0 * z2 + 212.0 * z4) / 16.0 * m4
            + pi6 * (5.0 - 30.0 * z2) / 64.0 * m6)
            * q;
    }
    let front = (2.0 * PI).sqrt();
    let mut terms = [
        front * sums[0] / z,
        front * sums[1] / (6.0 * z4),
        front * sums[2] / (72.0 * z.powi(7)),
        front * sums[3] / (6480.0 * z.powi(10)),
    ];
    for k in 1..=most {
        let k2 = f64::from(k).powi(2);
        let q = (-pi2 * k2 / (2.0 * z2)).exp();
        terms[2] -= pi2 * front / (36.0 * z3) * k2 * q;
        terms[3] += pi2 * front / (216.0 * z6) * (3.0 * z2 - pi2 * k2) * k2 * q;
    }
    terms[0] + terms[1] / root + terms[2] / root.powi(2) + terms[3] / root.powi(3)
}
