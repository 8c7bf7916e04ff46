//! Arithmetic between estimates of the same rows, by the delta method: the contributions of a sum, a product or a
//! quotient follow from those of its parts.

use super::linear::{Linear, Scale};

/// a + b
pub fn add(a: &Linear, b: &Linear) -> Linear {
    combine(a, b, a.value + b.value, 1.0, 1.0)
}

/// a − b
pub fn subtract(a: &Linear, b: &Linear) -> Linear {
    combine(a, b, a.value - b.value, 1.0, -1.0)
}

/// a · b
pub fn multiply(a: &Linear, b: &Linear) -> Linear {
    combine(a, b, a.value * b.value, b.value, a.value)
}

/// a / b. None when b is zero.
pub fn divide(a: &Linear, b: &Linear) -> Option<Linear> {
    let value = a.value / b.value;
    (b.value != 0.0).then(|| combine(a, b, value, 1.0 / b.value, -value / b.value))
}

/// `factor` · a
pub fn scale(a: Linear, factor: f64) -> Linear {
    let contributions = a.contributions.iter().map(|c| c * factor).collect();
    Linear { value: a.value * factor, contributions, reach: a.reach * factor.abs(), ..a }
}

/// A number that is known, beside estimates of `rows` rows.
pub fn known(value: f64, rows: usize) -> Linear {
    let rows_that_count = rows as f64;
    Linear {
        value,
        contributions: vec![0.0; rows],
        scale: Scale::Any,
        reach: 0.0,
        rows: rows_that_count,
        freedom: Some(rows_that_count - 1.0),
    }
}

/// `value`, whose slopes in a and b are given.
fn combine(a: &Linear, b: &Linear, value: f64, of_a: f64, of_b: f64) -> Linear {
    let pairs = a.contributions.iter().zip(&b.contributions);
    Linear {
        value,
        contributions: pairs.map(|(x, y)| of_a * x + of_b * y).collect(),
        scale: Scale::Any,
        reach: of_a.abs() * a.reach + of_b.abs() * b.reach,
        rows: a.rows.min(b.rows),
        freedom: a.freedom,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::estimate::ratio;

    #[test]
    fn a_quotient_of_means_is_the_ratio_of_sums() {
        let (parts, wholes) = ([1.0, 4.0, 2.0, 7.0], [2.0, 5.0, 3.0, 8.0]);
        let mean = |values: &[f64]| Linear::mean(values.to_vec(), None, Scale::Any).unwrap();
        let (found, expected) =
            (divide(&mean(&parts), &mean(&wholes)).unwrap(), ratio(&parts, &wholes, None, Scale::Any).unwrap());
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-14, "{a} {b}");
        near(found.value, expected.value);
        found.contributions.iter().zip(&expected.contributions).for_each(|(a, b)| near(*a, *b));
        let back = multiply(&found, &mean(&wholes));
        back.contributions.iter().zip(&mean(&parts).contributions).for_each(|(a, b)| near(*a, *b));
        let none = subtract(&add(&found, &known(2.0, 4)), &found);
        near(none.value, 2.0);
        none.contributions.iter().for_each(|c| near(*c, 0.0));
        assert!(divide(&found, &known(0.0, 4)).is_none());
    }
}
