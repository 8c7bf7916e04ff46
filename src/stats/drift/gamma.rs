//! The regularised incomplete gamma function, as far as p-values need it.

use crate::stats::normal::ln_gamma;

/// Q(a, x) = Γ(a, x) / Γ(a): by its series below a + 1, else by its continued fraction (Lentz), as in Press et al.,
/// *Numerical Recipes*, 6.2.
pub(super) fn gamma_above(a: f64, x: f64) -> f64 {
    match x {
        x if x.is_nan() || a.is_nan() || a <= 0.0 => return f64::NAN,
        x if x <= 0.0 => return 1.0,
        x if x.is_infinite() => return 0.0,
        _ => {}
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-17 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut h = d;
    for i in 1..100_000 {
        let an = -f64::from(i) * (f64::from(i) - a);
        b += 2.0;
        d = an * d + b;
        d = 1.0 / if d.abs() < TINY { TINY } else { d };
        c = b + an / c;
        c = if c.abs() < TINY { TINY } else { c };
        let step = d * c;
        h *= step;
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (front * h).clamp(0.0, 1.0)
}

/// The probability that a chi-squared variable exceeds `x`. With no degree of freedom it is 1 at 0, as nothing can
/// differ.
pub(super) fn chi_squared_above(x: f64, degrees: f64) -> f64 {
    if degrees <= 0.0 {
        return if x.is_nan() {
            f64::NAN
        } else if x > 0.0 {
            0.0
        } else {
            1.0
        };
    }
    gamma_above(degrees / 2.0, x / 2.0)
}

/// The probability that a standard normal variable exceeds `z`, which is not negative.
pub(super) fn normal_above(z: f64) -> f64 {
    gamma_above(0.5, z * z / 2.0) / 2.0
}
