//! Forecasts of numbers over time.

use super::{Kind, MetricInfo, NO_ROWS, higher, lower, share};
use crate::stats::forecast::ForecastMetric as Of;
use crate::stats::rows::RowMetric;

const fn metric(id: &'static str, aliases: &'static [&'static str], of: Of, formula: &'static str) -> MetricInfo {
    lower(id, aliases, Kind::Forecast(of), formula, NO_ROWS)
}

pub const METRICS: &[MetricInfo] = &[
    metric("mae", &["mean_absolute_error"], Of::Point(RowMetric::MeanAbsoluteError), "mean |y − ŷ|"),
    metric("rmse", &["root_mean_squared_error"], Of::Point(RowMetric::RootMeanSquaredError), "√ mean (y − ŷ)²"),
    share(metric(
        "mape",
        &["mean_absolute_percentage_error"],
        Of::Point(RowMetric::MeanAbsolutePercentageError),
        "mean |y − ŷ| / max(|y|, 2⁻⁵²), a fraction",
    )),
    share(metric(
        "smape",
        &[],
        Of::Point(RowMetric::SymmetricMeanAbsolutePercentageError),
        "mean 2·|y − ŷ| / (|y| + |ŷ|), 0 to 200%, as in the M4 competition",
    )),
    MetricInfo {
        undefined: "the labels are all 0",
        ..share(metric("wape", &[], Of::WeightedAbsolutePercentageError, "Σ|y − ŷ| / Σ|y|"))
    },
    MetricInfo {
        undefined: "the naive error of a series is 0",
        ..metric(
            "mase",
            &["mean_absolute_scaled_error"],
            Of::MeanAbsoluteScaledError,
            "mean |y − ŷ| / the naive forecast's error in the history of the series; Hyndman & Koehler 2006",
        )
    },
    metric("pinball", &["mean_pinball_loss"], Of::Pinball(None), "mean pinball loss of all quantiles"),
    metric("pinball(level)", &[], Of::Pinball(Some(0)), "mean max(q·(y − ŷ), (q − 1)·(y − ŷ)); Koenker & Bassett 1978"),
    higher(share(metric("coverage(share)", &[], Of::Coverage(0, 0), "share of rows between two quantiles"))),
    metric("width(share)", &[], Of::Width(0, 0), "mean distance of two quantiles; 0 where they cross"),
];
