//! Metrics that need the rows themselves: losses of scores and of values, each with its rows' contributions.

use super::linear::{Linear, Scale, mean};
use super::text::TextRow;
use super::{interval, quantile, quantile_interval, ranking};
use crate::model::Interval;

/// The columns a metric is computed from, row by row.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Binary: whether the row is positive, and the probability it was given. `epsilon` is the machine epsilon of
    /// the type the scores were stored in, by which log loss keeps them off 0 and 1.
    Scores { positive: &'a [bool], scores: &'a [f64], epsilon: f64 },
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
    Rouge1,
    Rouge2,
    RougeL,
    ExactMatch,
    SquadExactMatch,
    TokenF1,
}

impl RowMetric {
    /// The metric as scikit-learn, rouge_score and SQuAD define it. None where it is undefined, and for metrics of the other kind of rows.
    pub fn of(self, rows: Rows<'_>) -> Option<f64> {
        match (self, rows) {
            (RowMetric::MedianAbsoluteError, Rows::Values { truth, predicted }) => {
                quantile(&sorted_errors(truth, predicted), 0.5)
            }
            _ => self.linear(rows).map(|linear| linear.value),
        }
    }

    pub fn interval(self, rows: Rows<'_>, level: f64) -> Option<Interval> {
        let linear = match (self, rows) {
            (RowMetric::MedianAbsoluteError, Rows::Values { truth, predicted }) => {
                let found = quantile_interval(&sorted_errors(truth, predicted), 0.5, level)?;
                // Where most errors are one and the same number, both ends are: the rows show no spread.
                let high = if found.low < found.high { found.high } else { f64::INFINITY };
                let low = if found.low < found.high { found.low.max(0.0) } else { 0.0 };
                return Some(Interval { low, high, level });
            }
            _ => self.linear(rows)?,
        };
        match (self, rows) {
            (RowMetric::RocAuc, Rows::Scores { positive, .. }) => Some(ranking::auc_interval(&linear, positive, level)),
            (RowMetric::AveragePrecision, Rows::Scores { positive, .. }) if linear.value >= 1.0 => {
                // Boyd, Eng & Page 2013: average precision as a proportion of the positives.
                let positives = positive.iter().filter(|&&p| p).count() as f64;
                interval::wilson(positives, positives, level)
            }
            (RowMetric::ExactMatch | RowMetric::SquadExactMatch, Rows::Texts(rows)) => {
                let n = rows.len() as f64;
                interval::wilson((linear.value * n).round(), n, level)
            }
            _ => Some(linear.interval(level)),
        }
    }

    /// The metric with its rows' contributions to its error; None for the median, which has none of use.
    pub fn linear(self, rows: Rows<'_>) -> Option<Linear> {
        match (self, rows) {
            (RowMetric::RocAuc, Rows::Scores { positive, scores, .. }) => ranking::roc_auc(positive, scores),
            (RowMetric::AveragePrecision, Rows::Scores { positive, scores, .. }) => {
                ranking::average_precision(positive, scores)
            }
            (RowMetric::LogLoss, Rows::Scores { positive, scores, epsilon }) => {
                let loss = |(&positive, &score): (&bool, &f64)| {
                    let given = if positive { score } else { 1.0 - score };
                    -given.clamp(epsilon, 1.0 - epsilon).ln()
                };
                Linear::mean(&positive.iter().zip(scores).map(loss).collect::<Vec<_>>(), Scale::Positive)
            }
            (RowMetric::BrierScore, Rows::Scores { positive, scores, .. }) => {
                let loss = |(&positive, &score): (&bool, &f64)| (score - f64::from(u8::from(positive))).powi(2);
                Linear::mean(&positive.iter().zip(scores).map(loss).collect::<Vec<_>>(), Scale::Share)
            }
            (_, Rows::Values { truth, predicted }) => self.of_values(truth, predicted),
            (_, Rows::Texts(rows)) => self.of_texts(rows),
            _ => None,
        }
    }

    fn of_texts(self, rows: &[TextRow]) -> Option<Linear> {
        let of_row: fn(&TextRow) -> f64 = match self {
            RowMetric::Rouge1 => |row| row.rouge[0],
            RowMetric::Rouge2 => |row| row.rouge[1],
            RowMetric::RougeL => |row| row.rouge[2],
            RowMetric::ExactMatch => |row| f64::from(u8::from(row.is_equal)),
            RowMetric::SquadExactMatch => |row| f64::from(u8::from(row.is_exact)),
            RowMetric::TokenF1 => |row| row.token_f1,
            _ => return None,
        };
        Linear::mean(&rows.iter().map(of_row).collect::<Vec<_>>(), Scale::Share)
    }

    fn of_values(self, truth: &[f64], predicted: &[f64]) -> Option<Linear> {
        let mean_of = |loss: &dyn Fn(f64, f64) -> f64| {
            let losses: Vec<f64> = truth.iter().zip(predicted).map(|(&t, &p)| loss(t, p)).collect();
            Linear::mean(&losses, Scale::Positive)
        };
        match self {
            RowMetric::MeanAbsoluteError => mean_of(&|t, p| (t - p).abs()),
            RowMetric::MeanSquaredError => mean_of(&|t, p| (t - p).powi(2)),
            RowMetric::MeanAbsolutePercentageError => mean_of(&|t, p| (t - p).abs() / t.abs().max(f64::EPSILON)),
            RowMetric::RootMeanSquaredError => {
                let squares = mean_of(&|t, p| (t - p).powi(2))?;
                let value = squares.value.sqrt();
                // No error at all has no slope: it stays without spread.
                let slope = if value > 0.0 { 0.5 / value } else { 0.0 };
                let contributions = squares.contributions.iter().map(|c| c * slope).collect();
                Some(Linear { value, contributions, reach: squares.reach.sqrt(), ..squares })
            }
            RowMetric::R2 => r2(truth, predicted),
            _ => None,
        }
    }
}

/// 1 − Σ(t − p)² / Σ(t − t̄)². None when the truth does not vary, where scikit-learn gives 0 or 1.
fn r2(truth: &[f64], predicted: &[f64]) -> Option<Linear> {
    let centre = mean(truth);
    let errors: Vec<f64> = truth.iter().zip(predicted).map(|(t, p)| (t - p).powi(2)).collect();
    let spreads: Vec<f64> = truth.iter().map(|t| (t - centre).powi(2)).collect();
    let n = truth.len() as f64;
    let (error, spread) = (mean(&errors), mean(&spreads));
    if truth.len() < 2 || spread.is_nan() || spread <= 0.0 {
        return None;
    }
    let value = 1.0 - error / spread;
    let slope = 1.0 / (spread * (n * (n - 1.0)).sqrt());
    let contributions = errors.iter().zip(&spreads).map(|(e, s)| -(e - (1.0 - value) * s) * slope).collect();
    let reach = errors.iter().copied().fold(0.0, f64::max) / spread;
    Some(Linear { value, contributions, scale: Scale::Unexplained, reach, rows: truth.len() as u64 })
}

fn sorted_errors(truth: &[f64], predicted: &[f64]) -> Vec<f64> {
    let mut errors: Vec<f64> = truth.iter().zip(predicted).map(|(t, p)| (t - p).abs()).collect();
    errors.sort_by(f64::total_cmp);
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_zero_and_one_have_a_finite_loss() {
        let rows = Rows::Scores { positive: &[true, false], scores: &[0.0, 0.5], epsilon: f64::EPSILON };
        let loss = RowMetric::LogLoss.of(rows).unwrap();
        assert!((loss - (f64::EPSILON.ln().abs() + 2_f64.ln()) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_undefined_is_none() {
        let constant = Rows::Values { truth: &[2.0, 2.0], predicted: &[1.0, 2.0] };
        assert_eq!(RowMetric::R2.of(constant), None);
        let none = Rows::Values { truth: &[], predicted: &[] };
        assert_eq!(RowMetric::MeanAbsoluteError.of(none), None);
        assert_eq!(RowMetric::MedianAbsoluteError.of(none), None);
        assert_eq!(RowMetric::RocAuc.of(constant), None);
    }

    #[test]
    fn a_perfect_regression_is_not_certain() {
        let truth = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let rows = Rows::Values { truth: &truth, predicted: &truth };
        for metric in [RowMetric::MeanAbsoluteError, RowMetric::RootMeanSquaredError, RowMetric::MedianAbsoluteError] {
            let found = metric.interval(rows, 0.95).unwrap();
            assert_eq!((found.low, found.high), (0.0, f64::INFINITY), "{metric:?}");
        }
        let found = RowMetric::R2.interval(rows, 0.95).unwrap();
        assert_eq!((found.low, found.high), (f64::NEG_INFINITY, 1.0));
    }

    #[test]
    fn a_ratio_to_what_may_be_zero_is_open() {
        let truth = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let of = |predicted: &[f64]| RowMetric::R2.linear(Rows::Values { truth: &truth, predicted }).unwrap();
        let (good, useless) = (of(&[1.1, 2.2, 2.9, 4.1, 4.8, 6.1]), of(&[3.0, 4.1, 2.0, 5.5, 3.0, 4.0]));
        assert_eq!(good.relative(&useless, 0.95), Some(interval::unbounded(0.95)));
        let sound = useless.relative(&good, 0.95).unwrap();
        assert!(sound.low < -0.5 && sound.high > -1.0 && sound.high.is_finite(), "{sound:?}");
    }
}
