//! Metrics of forecasts: of points, of quantiles and of the intervals between quantiles.
//!
//! Errors of neighbouring times go together, so rows are no draws of their own. Rows are dealt into clusters, a
//! whole series or a block of consecutive rows of one, and every error is that of the clusters' totals.

use super::estimate::{Estimate, ratio};
use super::linear::{Linear, Scale};
use super::rows::{RowMetric, Rows};

/// Blocks that few series are cut into. With 10 to 30 of them, the t interval of batch means is right for a series
/// that remembers up to a block's length (Schmeiser 1982).
const BLOCKS: usize = 20;
/// A block of fewer rows than this is no better than its neighbours.
const LEAST_BLOCK: usize = 8;

/// The rows of one or several series, in any order.
#[derive(Clone, Copy, Debug)]
pub struct Forecast<'a> {
    pub truth: &'a [f64],
    pub predicted: &'a [f64],
    /// By quantile level, each a value a row.
    pub quantiles: &'a [(f64, Vec<f64>)],
    /// The mean absolute error of the naive forecast on the history of the row's series.
    pub naive: Option<&'a [f64]>,
    pub clusters: &'a Clusters,
}

/// Which rows go together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clusters {
    pub of_rows: Vec<u32>,
    pub count: usize,
    /// Whether they are whole series.
    pub are_series: bool,
}

impl Clusters {
    /// Of rows with a series each, in the order of time within each series. Twenty series and more are clusters as
    /// they are; fewer are cut into blocks of consecutive rows, about twenty in all.
    pub fn of(series: &[u32]) -> Clusters {
        let mut sizes: Vec<usize> = Vec::new();
        for &series in series {
            let place = series as usize;
            if place >= sizes.len() {
                sizes.resize(place + 1, 0);
            }
            sizes[place] += 1;
        }
        let present = sizes.iter().filter(|size| **size > 0).count().max(1);
        let wanted = BLOCKS.div_ceil(present);
        let blocks: Vec<usize> =
            sizes.iter().map(|size| wanted.min(size / LEAST_BLOCK).max(usize::from(*size > 0))).collect();
        let first: Vec<usize> = blocks
            .iter()
            .scan(0, |next, blocks| {
                let first = *next;
                *next += blocks;
                Some(first)
            })
            .collect();
        let mut seen = vec![0; sizes.len()];
        let of_row = |series: &u32| {
            let place = *series as usize;
            let block = seen[place] * blocks[place] / sizes[place];
            seen[place] += 1;
            (first[place] + block) as u32
        };
        let of_rows = series.iter().map(of_row).collect();
        Clusters { of_rows, count: blocks.iter().sum(), are_series: blocks.iter().all(|blocks| *blocks <= 1) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ForecastMetric {
    /// Of the points, as of any regression.
    Point(RowMetric),
    /// Σ|y − ŷ| / Σ|y|
    WeightedAbsolutePercentageError,
    /// Mean of |y − ŷ| / naive error of its series (Hyndman & Koehler 2006).
    MeanAbsoluteScaledError,
    /// Of one level, or the mean of all (Koenker & Bassett 1978; scikit-learn's `mean_pinball_loss`).
    Pinball(Option<usize>),
    /// The share of rows between two quantiles, by their places.
    Coverage(usize, usize),
    /// The mean distance of two quantiles.
    Width(usize, usize),
}

impl ForecastMetric {
    /// The metric with its interval. None where it is undefined: no rows, no history, a naive error of zero.
    pub fn of(self, data: Forecast<'_>, level: f64) -> Option<Estimate> {
        let rows = || data.truth.iter().zip(data.predicted).map(|(t, p)| (*t, *p));
        let mean = |losses: Vec<f64>| Linear::mean(losses, None, Scale::Positive);
        let absolute = || rows().map(|(t, p)| (t - p).abs());
        let quantile = |place: usize| data.quantiles.get(place);
        let linear = match self {
            ForecastMetric::Point(metric) => {
                metric.linear(Rows::Values { truth: data.truth, predicted: data.predicted }, None)?
            }
            ForecastMetric::WeightedAbsolutePercentageError => {
                let sizes: Vec<f64> = data.truth.iter().map(|t| t.abs()).collect();
                ratio(&absolute().collect::<Vec<_>>(), &sizes, None, Scale::Positive)?
            }
            ForecastMetric::MeanAbsoluteScaledError => {
                let naive = data.naive?;
                if naive.iter().any(|scale| scale.is_nan() || *scale <= 0.0) {
                    return None;
                }
                mean(absolute().zip(naive).map(|(error, scale)| error / scale).collect())?
            }
            ForecastMetric::Pinball(place) => {
                let wanted = match place {
                    Some(place) => data.quantiles.get(place..place + 1)?,
                    None => data.quantiles,
                };
                let loss = |row: usize| -> f64 {
                    let of = |(level, values): &(f64, Vec<f64>)| pinball(*level, data.truth[row], values[row]);
                    wanted.iter().map(of).sum::<f64>() / wanted.len() as f64
                };
                if wanted.is_empty() || wanted.iter().any(|(_, values)| values.len() != data.truth.len()) {
                    return None;
                }
                mean((0..data.truth.len()).map(loss).collect())?
            }
            ForecastMetric::Coverage(low, high) => {
                let (low, high) = (&quantile(low)?.1, &quantile(high)?.1);
                let inside = |((t, low), high): ((&f64, &f64), &f64)| f64::from(u8::from(low <= t && t <= high));
                let hits: Vec<f64> = data.truth.iter().zip(low).zip(high).map(inside).collect();
                Linear::mean(hits, None, Scale::Share)?
            }
            ForecastMetric::Width(low, high) => {
                let (low, high) = (&quantile(low)?.1, &quantile(high)?.1);
                // Quantiles that cross have no width.
                mean(low.iter().zip(high).map(|(low, high)| (high - low).max(0.0)).collect())?
            }
        };
        Some(Estimate::of(linear.clustered(Some(&data.clusters.of_rows)), level))
    }
}

/// max(q·(y − ŷ), (q − 1)·(y − ŷ))
fn pinball(level: f64, truth: f64, predicted: f64) -> f64 {
    let error = truth - predicted;
    (level * error).max((level - 1.0) * error)
}

/// The mean absolute error of the naive forecast of a history in the order of time: each value by the one `season`
/// before. None where the history is no longer than a season.
pub fn naive_error(history: &[f64], season: usize) -> Option<f64> {
    let later = history.get(season.max(1)..).filter(|later| !later.is_empty())?;
    let errors: Vec<f64> = later.iter().zip(history).map(|(now, then)| (now - then).abs()).collect();
    Some(super::linear::mean(&errors))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::random::Random;

    #[test]
    fn rows_of_many_series_go_by_series_and_of_few_by_blocks() {
        let many: Vec<u32> = (0..50).flat_map(|i| [i, i, i]).collect();
        let found = Clusters::of(&many);
        assert!(found.are_series && found.count == 50 && found.of_rows == many);
        let one = Clusters::of(&vec![0; 400]);
        assert!(!one.are_series && one.count == 20);
        assert!(one.of_rows.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!((0..20).all(|block| one.of_rows.iter().filter(|b| **b == block).count() == 20));
        let short = Clusters::of(&[0, 0, 0, 1, 1]);
        assert_eq!((short.count, short.of_rows), (2, vec![0, 0, 0, 1, 1]));
        assert_eq!(Clusters::of(&[]).count, 0);
    }

    /// Errors that remember the one before by 0.8: the mean absolute error of the process is √(2/π)·σ.
    #[test]
    fn intervals_hold_the_truth_though_errors_go_together() {
        let (runs, n) = (300, 400);
        let truth = (2.0 / std::f64::consts::PI).sqrt() / (1.0_f64 - 0.64).sqrt();
        let clusters = Clusters::of(&vec![0; n]);
        let (mut by_blocks, mut by_rows) = (0, 0);
        let mut random = Random::seeded(7);
        for _ in 0..runs {
            let mut error = 0.0;
            let mut next = || {
                error = 0.8 * error + crate::stats::normal_quantile(random.uniform().max(1e-16));
                error
            };
            for _ in 0..50 {
                next();
            }
            let errors: Vec<f64> = (0..n).map(|_| next()).collect();
            let zeros = vec![0.0; n];
            let data = Forecast { truth: &errors, predicted: &zeros, quantiles: &[], naive: None, clusters: &clusters };
            let holds = |low: f64, high: f64| usize::from(low <= truth && truth <= high);
            let found = ForecastMetric::Point(RowMetric::MeanAbsoluteError).of(data, 0.95).unwrap().interval.unwrap();
            by_blocks += holds(found.low, found.high);
            let losses: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
            let naive = Linear::mean(losses, None, Scale::Positive).unwrap().interval(0.95);
            by_rows += holds(naive.low, naive.high);
        }
        // 95 % less three standard errors is 91 %; rows taken for draws of their own fall far short of it.
        assert!(by_blocks as f64 >= 0.91 * runs as f64, "{by_blocks} of {runs}");
        assert!((by_rows as f64) < 0.80 * runs as f64, "{by_rows} of {runs}");
    }

    #[test]
    fn what_is_undefined_is_none() {
        let clusters = Clusters::of(&[0, 0]);
        let data = Forecast {
            truth: &[0.0, 0.0],
            predicted: &[0.0, 1.0],
            quantiles: &[],
            naive: Some(&[1.0, 0.0]),
            clusters: &clusters,
        };
        let of = |metric: ForecastMetric| metric.of(data, 0.95).map(|found| found.value);
        assert_eq!(of(ForecastMetric::MeanAbsoluteScaledError), None);
        assert_eq!(of(ForecastMetric::WeightedAbsolutePercentageError), None);
        assert_eq!(of(ForecastMetric::Point(RowMetric::SymmetricMeanAbsolutePercentageError)), Some(1.0));
        for metric in [ForecastMetric::Pinball(None), ForecastMetric::Pinball(Some(0)), ForecastMetric::Coverage(0, 1)]
        {
            assert_eq!(of(metric), None);
        }
        // A single cluster bounds nothing.
        let found = ForecastMetric::Point(RowMetric::MeanAbsoluteError).of(data, 0.95).unwrap().interval.unwrap();
        assert_eq!((found.low, found.high), (0.0, f64::INFINITY));
        assert_eq!(naive_error(&[1.0, 2.0], 2), None);
        assert_eq!(naive_error(&[1.0, 2.0, 4.0], 1), Some(1.5));
    }
}
