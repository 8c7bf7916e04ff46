//! Numbers.

use super::{MetricInfo, NO_ROWS, higher, loss};
use crate::model::Unit;
use crate::stats::rows::RowMetric;

pub const METRICS: &[MetricInfo] = &[
    loss("mae", &["mean_absolute_error"], RowMetric::MeanAbsoluteError, "mean |y − ŷ|", NO_ROWS),
    loss("mse", &["mean_squared_error"], RowMetric::MeanSquaredError, "mean (y − ŷ)²", NO_ROWS),
    loss("rmse", &["root_mean_squared_error"], RowMetric::RootMeanSquaredError, "√ mean (y − ŷ)²", NO_ROWS),
    higher(loss(
        "r2",
        &["r2_score"],
        RowMetric::R2,
        "1 − Σ(y − ŷ)² / Σ(y − ȳ)²",
        "the labels are all the same, or there is one row",
    )),
    MetricInfo {
        unit: Unit::Share,
        ..loss(
            "mape",
            &["mean_absolute_percentage_error"],
            RowMetric::MeanAbsolutePercentageError,
            "mean |y − ŷ| / max(|y|, 2⁻⁵²), a fraction",
            NO_ROWS,
        )
    },
    loss("median_absolute_error", &["medae"], RowMetric::MedianAbsoluteError, "median |y − ŷ|", NO_ROWS),
];
