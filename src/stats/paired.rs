//! Two proportions of the same rows: of how many is each model right?

use super::interval::wilson;
use super::normal::binomial_below_or_at;
use crate::model::Interval;

/// Rows by which of two models are right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    pub both: u64,
    pub only_first: u64,
    pub only_second: u64,
    pub neither: u64,
}

impl Agreement {
    /// Adds so many rows on which the models are right or not.
    pub fn add(&mut self, first: bool, second: bool, rows: u64) {
        let cell = match (first, second) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.only_first,
            (false, true) => &mut self.only_second,
            (false, false) => &mut self.neither,
        };
        *cell += rows;
    }

    pub fn rows(&self) -> u64 {
        self.both + self.only_first + self.only_second + self.neither
    }

    /// The interval of the first share minus the second: the two Wilson intervals, combined with the correlation that
    /// the rows show (Newcombe 1998, Statistics in Medicine 17:2635, method 10). Never of zero width. None without rows.
    pub fn difference(&self, level: f64) -> Option<Interval> {
        let n = self.rows() as f64;
        let (e, f, g, h) = (self.both as f64, self.only_first as f64, self.only_second as f64, self.neither as f64);
        let (first, second) = (wilson(e + f, n, level)?, wilson(e + g, n, level)?);
        let (p, q) = ((e + f) / n, (e + g) / n);
        let product = (e + f) * (g + h) * (e + g) * (f + h);
        let covariance = e * h - f * g;
        // The correction for continuity is that of the paper: towards none, where the rows agree.
        let covariance = if covariance > 0.0 { (covariance - n / 2.0).max(0.0) } else { covariance };
        let correlation = if product > 0.0 { covariance / product.sqrt() } else { 0.0 };
        let reach = |a: f64, b: f64| (a * a - 2.0 * correlation * a * b + b * b).max(0.0).sqrt();
        let low = p - q - reach(p - first.low, second.high - q);
        let high = p - q + reach(first.high - p, q - second.low);
        Some(Interval { low: low.max(-1.0), high: high.min(1.0), level })
    }

    /// McNemar's exact test of no difference (McNemar 1947; two-sided binomial of the rows on which only one of the
    /// models is right). 1 where there are none.
    pub fn mcnemar(&self) -> f64 {
        let apart = self.only_first + self.only_second;
        let fewer = self.only_first.min(self.only_second);
        (2.0 * binomial_below_or_at(fewer, apart, 0.5)).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(both: u64, only_first: u64, only_second: u64, neither: u64) -> Agreement {
        Agreement { both, only_first, only_second, neither }
    }

    #[test]
    fn mcnemar_is_the_binomial_of_statsmodels() {
        // statsmodels 0.15, mcnemar(table, exact=True).pvalue
        for (table, p) in [
            (of(101, 121, 59, 33), 4.434_449_263_755_176e-6),
            (of(10, 9, 1, 5), 0.021_484_375),
            (of(10, 3, 3, 5), 1.0),
            (of(10, 0, 0, 5), 1.0),
        ] {
            assert!((table.mcnemar() - p).abs() <= 1e-9 * p.max(1e-3), "{table:?}: {}", table.mcnemar());
        }
    }

    #[test]
    fn models_that_never_disagreed_may_still_differ() {
        for table in [of(25, 0, 0, 25), of(50, 0, 0, 0), of(0, 0, 0, 50)] {
            let found = table.difference(0.95).unwrap();
            assert!(found.low < -0.005 && found.high > 0.005, "{table:?}: {found:?}");
            assert!((found.low + found.high).abs() < 1e-12, "{found:?}");
        }
        assert!(of(0, 0, 0, 0).difference(0.95).is_none());
    }

    #[test]
    fn what_goes_together_is_known_better() {
        let apart = of(30, 20, 20, 30).difference(0.95).unwrap();
        let together = of(45, 5, 5, 45).difference(0.95).unwrap();
        assert!(together.high - together.low < 0.6 * (apart.high - apart.low), "{together:?} {apart:?}");
        let swapped = of(45, 9, 5, 41).difference(0.95).unwrap();
        let mirrored = of(45, 5, 9, 41).difference(0.95).unwrap();
        assert!((swapped.low + mirrored.high).abs() < 1e-12 && (swapped.high + mirrored.low).abs() < 1e-12);
    }
}
