//! Numbers.

use super::{MetricInfo, NO_ROWS, higher, loss, share};
use crate::stats::rows::RowMetric;

const CONSTANT: &str = "the labels are all the same, or there is one row";
const AT_MOST_MINUS_ONE: &str = "a label or prediction is −1 or less";

pub const METRICS: &[MetricInfo] = &[
    loss("mae", &["mean_absolute_error"], RowMetric::MeanAbsoluteError, "mean |y − ŷ|", NO_ROWS),
    loss("mse", &["mean_squared_error"], RowMetric::MeanSquaredError, "mean (y − ŷ)²", NO_ROWS),
    loss("rmse", &["root_mean_squared_error"], RowMetric::RootMeanSquaredError, "√ mean (y − ŷ)²", NO_ROWS),
    higher(loss("r2", &["r2_score"], RowMetric::R2, "1 − Σ(y − ŷ)² / Σ(y − ȳ)²", CONSTANT)),
    higher(loss(
        "explained_variance",
        &["explained_variance_score"],
        RowMetric::ExplainedVariance,
        "1 − variance of y − ŷ / variance of y: r2 without the bias",
        CONSTANT,
    )),
    higher(loss(
        "d2_absolute_error",
        &["d2_absolute_error_score"],
        RowMetric::D2AbsoluteError,
        "1 − Σ|y − ŷ| / Σ|y − median y|; Koenker & Machado 1999",
        CONSTANT,
    )),
    share(loss(
        "mape",
        &["mean_absolute_percentage_error"],
        RowMetric::MeanAbsolutePercentageError,
        "mean |y − ŷ| / max(|y|, 2⁻⁵²), a fraction",
        NO_ROWS,
    )),
    share(loss(
        "smape",
        &[],
        RowMetric::SymmetricMeanAbsolutePercentageError,
        "mean 2·|y − ŷ| / (|y| + |ŷ|), 0 to 200%, as in the M4 competition",
        NO_ROWS,
    )),
    loss(
        "msle",
        &["mean_squared_log_error"],
        RowMetric::MeanSquaredLogError,
        "mean (ln(1 + y) − ln(1 + ŷ))²",
        AT_MOST_MINUS_ONE,
    ),
    loss(
        "rmsle",
        &["root_mean_squared_log_error"],
        RowMetric::RootMeanSquaredLogError,
        "√ mean (ln(1 + y) − ln(1 + ŷ))²",
        AT_MOST_MINUS_ONE,
    ),
    loss("median_absolute_error", &["medae"], RowMetric::MedianAbsoluteError, "median |y − ŷ|", NO_ROWS),
    loss("max_error", &[], RowMetric::MaxError, "the largest |y − ŷ|; no interval", NO_ROWS),
];
