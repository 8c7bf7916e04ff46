//! Metrics that need the rows themselves: losses of scores and of values, each with its rows' contributions.

use super::linear::{Linear, Scale, weighted_mean};
use super::order::Ranks;
use super::quantile::weighted_median;
use super::ranking::{self, Area};
use super::sampling::{Sampling, Size};
use super::text::TextRow;
use super::{interval, quantile, quantile_interval};
use crate::model::Interval;
use std::sync::OnceLock;

/// The columns a metric is computed from, row by row.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Binary: whether the row is positive, and the probability it was given. `epsilon` is the machine epsilon of
    /// the type the scores were stored in, by which log loss keeps them off 0 and 1; `ranks` are those of the scores, made here if need be.
    Scores { positive: &'a [bool], scores: &'a [f64], epsilon: f64, ranks: &'a OnceLock<Ranks> },
    /// Regression.
    Values { truth: &'a [f64], predicted: &'a [f64] },
    /// Texts against their references.
    Texts(&'a [TextRow]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowMetric {
    RocAuc,
    AveragePrecision,
    LogLoss,
    BrierScore,
    MeanAbsoluteError,
    MeanSquaredError,
    RootMeanSquaredError,
    R2,
    MeanAbsolutePercentageError,
    MedianAbsoluteError,
    MaxError,
    ExplainedVariance,
    D2AbsoluteError,
    MeanSquaredLogError,
    RootMeanSquaredLogError,
    /// Mean of 2·|y − ŷ| / (|y| + |ŷ|), 0 to 2; 0 where both are 0 (Makridakis 1993).
    SymmetricMeanAbsolutePercentageError,
    Rouge1,
    Rouge2,
    RougeL,
    ExactMatch,
    SquadExactMatch,
    TokenF1,
}

impl RowMetric {
    /// The metric as scikit-learn, rouge_score and SQuAD define it, with its interval; the largest error has
    /// none, as of rows never seen these say nothing. None where it is undefined, and for another kind of rows.
    pub fn estimate(self, rows: Rows<'_>, sampling: &Sampling, level: f64) -> Option<(f64, Option<Interval>)> {
        let weights = sampling.weights.as_deref();
        if let (RowMetric::MedianAbsoluteError, Rows::Values { truth, predicted }) = (self, rows) {
            return median(errors(truth, predicted), sampling, level).map(|(value, found)| (value, Some(found)));
        }
        if let (RowMetric::MaxError, Rows::Values { truth, predicted }) = (self, rows) {
            let counts = |row: &usize| weights.is_none_or(|weights| weights[*row] > 0.0);
            let errors = errors(truth, predicted).into_iter().enumerate().filter(|(row, _)| counts(row));
            return Some((errors.map(|(_, error)| error).reduce(f64::max)?, None));
        }
        let linear = match sampling.draws_are_rows() {
            true => self.in_any_order(rows, weights)?,
            false => self.linear(rows, weights)?.drawn(sampling),
        };
        let interval = match (self, rows) {
            (RowMetric::RocAuc, Rows::Scores { positive, .. }) => {
                let (positives, negatives) = ranking::sizes(positive, weights);
                // Where rows come in groups, there are as many draws as groups.
                let draws = linear.contributions.len() as f64 / positive.len() as f64;
                ranking::auc_interval(&linear, (positives.effective * draws, negatives.effective * draws), level)
            }
            // Boyd, Eng & Page 2013: average precision as a proportion of the positives.
            (RowMetric::AveragePrecision, _) if linear.value >= 1.0 => {
                interval::wilson(linear.rows, linear.rows, level)?
            }
            (RowMetric::ExactMatch | RowMetric::SquadExactMatch, Rows::Texts(_)) if !sampling.is_plain() => {
                linear.share_interval(level)?
            }
            (RowMetric::ExactMatch | RowMetric::SquadExactMatch, Rows::Texts(rows)) => {
                let n = rows.len() as f64;
                interval::wilson((linear.value * n).round(), n, level)?
            }
            _ => linear.interval(level),
        };
        Some((linear.value, Some(interval)))
    }

    /// The metric with its rows' contributions to its error; None for the median and the largest error, which have
    /// none of use.
    pub fn linear(self, rows: Rows<'_>, weights: Option<&[f64]>) -> Option<Linear> {
        self.by([ranking::roc_auc, ranking::average_precision], rows, weights)
    }

    /// As [`RowMetric::linear`], but that contributions may lie in any order, as a variance does not mind.
    fn in_any_order(self, rows: Rows<'_>, weights: Option<&[f64]>) -> Option<Linear> {
        self.by([ranking::roc_auc_in_order, ranking::average_precision_in_order], rows, weights)
    }

    fn by(self, [roc_auc, average_precision]: [Area; 2], rows: Rows<'_>, weights: Option<&[f64]>) -> Option<Linear> {
        match (self, rows) {
            (RowMetric::RocAuc, Rows::Scores { positive, scores, ranks, .. }) => {
                roc_auc(ranks.get_or_init(|| Ranks::of(scores, positive)), weights)
            }
            (RowMetric::AveragePrecision, Rows::Scores { positive, scores, ranks, .. }) => {
                average_precision(ranks.get_or_init(|| Ranks::of(scores, positive)), weights)
            }
            (RowMetric::LogLoss, Rows::Scores { positive, scores, epsilon, .. }) => {
                let loss = |(&positive, &score): (&bool, &f64)| {
                    let given = if positive { score } else { 1.0 - score };
                    -given.clamp(epsilon, 1.0 - epsilon).ln()
                };
                Linear::mean(positive.iter().zip(scores).map(loss).collect(), weights, Scale::Positive)
            }
            (RowMetric::BrierScore, Rows::Scores { positive, scores, .. }) => {
                let loss = |(&positive, &score): (&bool, &f64)| (score - f64::from(u8::from(positive))).powi(2);
                Linear::mean(positive.iter().zip(scores).map(loss).collect(), weights, Scale::Share)
            }
            (_, Rows::Values { truth, predicted }) => self.of_values(truth, predicted, weights),
            (_, Rows::Texts(rows)) => self.of_texts(rows, weights),
            _ => None,
        }
    }

    fn of_texts(self, rows: &[TextRow], weights: Option<&[f64]>) -> Option<Linear> {
        let of_row: fn(&TextRow) -> f64 = match self {
            RowMetric::Rouge1 => |row| row.rouge[0],
            RowMetric::Rouge2 => |row| row.rouge[1],
            RowMetric::RougeL => |row| row.rouge[2],
            RowMetric::ExactMatch => |row| f64::from(u8::from(row.is_equal)),
            RowMetric::SquadExactMatch => |row| f64::from(u8::from(row.is_exact)),
            RowMetric::TokenF1 => |row| row.token_f1,
            _ => return None,
        };
        Linear::mean(rows.iter().map(of_row).collect(), weights, Scale::Share)
    }

    fn of_values(self, truth: &[f64], predicted: &[f64], weights: Option<&[f64]>) -> Option<Linear> {
        let mean_of = |loss: &dyn Fn(f64, f64) -> f64| {
            let losses = truth.iter().zip(predicted).map(|(&t, &p)| loss(t, p)).collect();
            Linear::mean(losses, weights, Scale::Positive)
        };
        match self {
            RowMetric::MeanAbsoluteError => mean_of(&|t, p| (t - p).abs()),
            RowMetric::MeanSquaredError => mean_of(&|t, p| (t - p).powi(2)),
            RowMetric::MeanAbsolutePercentageError => mean_of(&|t, p| (t - p).abs() / t.abs().max(f64::EPSILON)),
            RowMetric::RootMeanSquaredError => Some(root(mean_of(&|t, p| (t - p).powi(2))?)),
            RowMetric::MeanSquaredLogError | RowMetric::RootMeanSquaredLogError => {
                if truth.iter().chain(predicted).any(|value| *value <= -1.0) {
                    return None;
                }
                let squares = mean_of(&|t, p| (t.ln_1p() - p.ln_1p()).powi(2))?;
                Some(if self == RowMetric::MeanSquaredLogError { squares } else { root(squares) })
            }
            RowMetric::SymmetricMeanAbsolutePercentageError => mean_of(&|t, p| match t.abs() + p.abs() {
                size if size > 0.0 => 2.0 * (t - p).abs() / size,
                _ => 0.0,
            }),
            RowMetric::R2 => {
                let centre = weighted_mean(truth, weights);
                let errors = truth.iter().zip(predicted).map(|(t, p)| (t - p).powi(2)).collect::<Vec<_>>();
                explained(&errors, &truth.iter().map(|t| (t - centre).powi(2)).collect::<Vec<_>>(), weights)
            }
            RowMetric::ExplainedVariance => {
                let errors: Vec<f64> = truth.iter().zip(predicted).map(|(t, p)| t - p).collect();
                let (centre, bias) = (weighted_mean(truth, weights), weighted_mean(&errors, weights));
                let errors: Vec<f64> = errors.iter().map(|error| (error - bias).powi(2)).collect();
                explained(&errors, &truth.iter().map(|t| (t - centre).powi(2)).collect::<Vec<_>>(), weights)
            }
            RowMetric::D2AbsoluteError => {
                let centre = centre(truth, weights)?;
                let errors = truth.iter().zip(predicted).map(|(t, p)| (t - p).abs()).collect::<Vec<_>>();
                explained(&errors, &truth.iter().map(|t| (t - centre).abs()).collect::<Vec<_>>(), weights)
            }
            _ => None,
        }
    }
}

/// The root of a mean of squares, by the delta method.
fn root(squares: Linear) -> Linear {
    let value = squares.value.sqrt();
    // No error at all has no slope: it stays without spread.
    let slope = if value > 0.0 { 0.5 / value } else { 0.0 };
    let contributions = squares.contributions.iter().map(|c| c * slope).collect();
    Linear { value, contributions, reach: squares.reach.sqrt(), ..squares }
}

/// 1 − Σ errors / Σ spreads, the errors of the best constant. That this constant is estimated, too, changes nothing
/// to first order, as it makes the spreads least. None when the truth does not vary, where scikit-learn gives 0 or 1.
fn explained(errors: &[f64], spreads: &[f64], weights: Option<&[f64]>) -> Option<Linear> {
    let size = Size::of(errors.len(), weights);
    let (error, spread) = (weighted_mean(errors, weights), weighted_mean(spreads, weights));
    if size.rows < 2.0 || spread.is_nan() || spread <= 0.0 {
        return None;
    }
    let value = 1.0 - error / spread;
    let slope = 1.0 / (spread * size.spread());
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let rows = errors.iter().zip(spreads).enumerate();
    let contributions = rows.map(|(row, (e, s))| -weight(row) * (e - (1.0 - value) * s) * slope).collect();
    let reach = errors.iter().copied().fold(0.0, f64::max) / spread;
    let freedom = Some(size.effective - 1.0);
    Some(Linear { value, contributions, scale: Scale::Unexplained, reach, rows: size.effective, freedom })
}

/// The median, of weighted rows the least value that half of the weight reaches: both make Σ|t − centre| least.
fn centre(truth: &[f64], weights: Option<&[f64]>) -> Option<f64> {
    let mut sorted: Vec<(f64, f64)> =
        truth.iter().enumerate().map(|(row, value)| (*value, weights.map_or(1.0, |weights| weights[row]))).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = sorted.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut sum = 0.0;
    sorted
        .iter()
        .find(|(_, weight)| {
            sum += weight;
            sum >= half
        })
        .map(|(value, _)| *value)
}

fn errors(truth: &[f64], predicted: &[f64]) -> Vec<f64> {
    truth.iter().zip(predicted).map(|(t, p)| (t - p).abs()).collect()
}

/// The median of errors, which are not below zero.
fn median(mut errors: Vec<f64>, sampling: &Sampling, level: f64) -> Option<(f64, Interval)> {
    let (value, found) = if sampling.is_plain() {
        errors.sort_by(f64::total_cmp);
        (quantile(&errors, 0.5)?, quantile_interval(&errors, 0.5, level)?)
    } else {
        weighted_median(&errors, sampling, level)?
    };
    // Where most errors are one and the same number, both ends are: the rows show no spread.
    let is_wide = found.low < found.high;
    let (low, high) = if is_wide { (found.low.max(0.0), found.high) } else { (0.0, f64::INFINITY) };
    Some((value, Interval { low, high, level }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_zero_and_one_have_a_finite_loss() {
        let scores = [0.0, 0.5];
        let ranks = OnceLock::new();
        let rows = Rows::Scores { positive: &[true, false], scores: &scores, epsilon: f64::EPSILON, ranks: &ranks };
        let loss = RowMetric::LogLoss.linear(rows, None).unwrap().value;
        assert!((loss - (f64::EPSILON.ln().abs() + 2_f64.ln()) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_undefined_is_none() {
        let constant = Rows::Values { truth: &[2.0, 2.0], predicted: &[1.0, 2.0] };
        let of = |metric: RowMetric, rows| metric.estimate(rows, &Sampling::default(), 0.95);
        assert_eq!(of(RowMetric::R2, constant), None);
        let none = Rows::Values { truth: &[], predicted: &[] };
        assert_eq!(of(RowMetric::MeanAbsoluteError, none), None);
        assert_eq!(of(RowMetric::MedianAbsoluteError, none), None);
        assert_eq!(of(RowMetric::RocAuc, constant), None);
    }

    #[test]
    fn a_perfect_regression_is_not_certain() {
        let truth = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let rows = Rows::Values { truth: &truth, predicted: &truth };
        for metric in [RowMetric::MeanAbsoluteError, RowMetric::RootMeanSquaredError, RowMetric::MedianAbsoluteError] {
            let found = metric.estimate(rows, &Sampling::default(), 0.95).unwrap().1.unwrap();
            assert_eq!((found.low, found.high), (0.0, f64::INFINITY), "{metric:?}");
        }
        let found = RowMetric::R2.estimate(rows, &Sampling::default(), 0.95).unwrap().1.unwrap();
        assert_eq!((found.low, found.high), (f64::NEG_INFINITY, 1.0));
    }

    #[test]
    fn a_ratio_to_what_may_be_zero_is_open() {
        let truth = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let of = |predicted: &[f64]| RowMetric::R2.linear(Rows::Values { truth: &truth, predicted }, None).unwrap();
        let (good, useless) = (of(&[1.1, 2.2, 2.9, 4.1, 4.8, 6.1]), of(&[3.0, 4.1, 2.0, 5.5, 3.0, 4.0]));
        assert_eq!(good.relative(&useless, 0.95), Some(interval::unbounded(0.95)));
        let sound = useless.relative(&good, 0.95).unwrap();
        assert!(sound.low < -0.5 && sound.high > -1.0 && sound.high.is_finite(), "{sound:?}");
    }
}
