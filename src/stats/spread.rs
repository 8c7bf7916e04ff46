//! How predicted numbers lie around the true ones: quantiles of the truth by what was predicted, and the residuals.

use super::quantile;

/// Rows that are looked at for quantiles: a picture needs no more.
const MOST: usize = 50_000;
/// Rows that a band should have.
const BAND: usize = 25;

/// Neighbouring predictions: what was predicted of them, and the quantiles of what was true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    pub rows: u64,
    /// Mean prediction.
    pub predicted: f64,
    /// The 5 %, 25 %, 50 %, 75 % and 95 % quantiles of the truth.
    pub truth: [f64; 5],
}

const LEVELS: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// At most `most` bands of as many rows each, in the order of the predictions. Of more than 50,000 rows every k-th is
/// looked at, and `rows` counts those.
pub fn bands(truth: &[f64], predicted: &[f64], most: usize) -> Vec<Band> {
    let step = truth.len().div_ceil(MOST).max(1);
    let mut rows: Vec<(f64, f64)> = predicted.iter().copied().zip(truth.iter().copied()).step_by(step).collect();
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let count = (rows.len() / BAND).clamp(1, most.max(1));
    let band = |at: usize| {
        let rows = rows.get(at * rows.len() / count..(at + 1) * rows.len() / count).filter(|rows| !rows.is_empty())?;
        let mut truths: Vec<f64> = rows.iter().map(|row| row.1).collect();
        truths.sort_unstable_by(f64::total_cmp);
        let n = rows.len() as f64;
        let predicted = rows.iter().map(|row| row.0 / n).sum();
        Some(Band {
            rows: rows.len() as u64,
            predicted,
            truth: LEVELS.map(|level| quantile(&truths, level).unwrap_or(f64::NAN)),
        })
    };
    (0..count).filter_map(band).collect()
}

/// The range in which all but the outermost hundredth of each side's values lie, of no zero width. None of no values.
pub fn common_range<'a>(sides: impl Iterator<Item = &'a [f64]>) -> Option<(f64, f64)> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for side in sides {
        let mut values: Vec<f64> = side.iter().copied().step_by(side.len().div_ceil(MOST).max(1)).collect();
        values.sort_unstable_by(f64::total_cmp);
        if let (Some(least), Some(most)) = (quantile(&values, 0.01), quantile(&values, 0.99)) {
            (low, high) = (low.min(least), high.max(most));
        }
    }
    match high - low {
        width if !width.is_finite() => None,
        width if width > 0.0 => Some((low, high)),
        _ => Some((low - low.abs().max(1.0) * 0.5, high + high.abs().max(1.0) * 0.5)),
    }
}

/// Shares of the values in `bins` ranges of equal width; values outside of the range are in the outer ones.
pub fn histogram(values: &[f64], (low, high): (f64, f64), bins: usize) -> Vec<f64> {
    let mut shares = vec![0.0; bins.max(1)];
    let one = 1.0 / values.len().max(1) as f64;
    for value in values {
        let place = ((value - low) / (high - low) * bins as f64).floor();
        // A float that is below zero becomes zero, and NaN too.
        shares[(place as usize).min(bins.saturating_sub(1))] += one;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::super::random::Random;
    use super::*;

    #[test]
    fn bands_follow_the_rows() {
        let mut random = Random::seeded(3);
        let predicted: Vec<f64> = (0..100_000).map(|i| f64::from(i) / 1000.0).collect();
        let truth: Vec<f64> = predicted.iter().map(|p| p + random.uniform() * 10.0 - 5.0).collect();
        let bands = bands(&truth, &predicted, 20);
        assert_eq!(bands.len(), 20);
        assert_eq!(bands.iter().map(|b| b.rows).sum::<u64>(), 50_000);
        for band in bands {
            assert!(band.truth.is_sorted() && (band.truth[2] - band.predicted).abs() < 0.5, "{band:?}");
        }
    }

    #[test]
    fn few_rows_make_few_bands() {
        assert_eq!(bands(&[], &[], 20), []);
        let one = bands(&[2.0], &[1.0], 20);
        assert_eq!((one.len(), one[0].truth), (1, [2.0; 5]));
        assert_eq!(bands(&[1.0; 60], &[1.0; 60], 20).len(), 2);
    }

    #[test]
    fn a_histogram_counts_every_value() {
        let values = [-9.0, 0.0, 0.5, 1.0, 99.0];
        assert_eq!(histogram(&values, (0.0, 1.0), 2), [0.4, 0.6000000000000001]);
        let (low, high) = common_range([[3.0, 3.0].as_slice()].into_iter()).unwrap();
        assert!(low < 3.0 && high > 3.0);
        assert_eq!(common_range(std::iter::empty()), None);
        assert_eq!(histogram(&[], (0.0, 1.0), 3), [0.0; 3]);
    }
}
