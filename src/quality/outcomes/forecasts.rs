//! Numbers and quantiles forecast for the times of one or several series.

use super::{Estimate, Outcomes, Pair, Sampling, Shape, differing, estimates, pick};
use crate::quality::metrics::{Kind, MetricInfo, Parts};
use crate::stats::estimate;
use crate::stats::forecast::{Clusters, Forecast, ForecastMetric};

#[derive(Clone, Debug, PartialEq)]
pub struct Forecasts {
    pub truth: Vec<f64>,
    pub predicted: Vec<f64>,
    /// By level, ascending.
    pub quantiles: Vec<(f64, Vec<f64>)>,
    /// The naive forecast's mean absolute error on the history of the row's series.
    pub naive: Option<Vec<f64>>,
    /// Which series each row is of, by number.
    pub series: Vec<u32>,
    /// Each row's place in the order of time.
    pub order: Vec<u32>,
}

impl Forecasts {
    /// Rows that go together: by series, or by blocks of consecutive times.
    fn clusters(&self) -> Clusters {
        let mut rows: Vec<u32> = (0..self.order.len() as u32).collect();
        rows.sort_by_key(|row| self.order.get(*row as usize));
        let in_time = Clusters::of(&pick(&self.series, &rows));
        let mut of_rows = vec![0; rows.len()];
        for (row, cluster) in rows.iter().zip(&in_time.of_rows) {
            if let Some(place) = of_rows.get_mut(*row as usize) {
                *place = *cluster;
            }
        }
        Clusters { of_rows, ..in_time }
    }

    fn of(&self, metric: &MetricInfo, clusters: &Clusters, level: f64) -> Option<estimate::Estimate> {
        let Kind::Forecast(kind) = metric.kind else { return None };
        let data = Forecast {
            truth: &self.truth,
            predicted: &self.predicted,
            quantiles: &self.quantiles,
            naive: self.naive.as_deref(),
            clusters,
        };
        kind.of(data, level)
    }

    /// Rows in which a higher quantile lies below a lower one.
    fn crossing(&self) -> usize {
        let crosses = |row: &usize| {
            let pairs = self.quantiles.windows(2);
            pairs
                .into_iter()
                .any(|pair| matches!((pair[0].1.get(*row), pair[1].1.get(*row)), (Some(a), Some(b)) if a > b))
        };
        (0..self.truth.len()).filter(crosses).count()
    }
}

impl Shape for Forecasts {
    fn len(&self) -> usize {
        self.truth.len()
    }

    fn select(&self, places: &[u32]) -> Outcomes {
        Outcomes::Forecasts(Forecasts {
            truth: pick(&self.truth, places),
            predicted: pick(&self.predicted, places),
            quantiles: self.quantiles.iter().map(|(level, values)| (*level, pick(values, places))).collect(),
            naive: self.naive.as_ref().map(|naive| pick(naive, places)),
            series: pick(&self.series, places),
            order: pick(&self.order, places),
        })
    }

    fn computes(&self, metric: &MetricInfo) -> bool {
        match metric.kind {
            Kind::Forecast(ForecastMetric::MeanAbsoluteScaledError) => self.naive.is_some(),
            Kind::Forecast(ForecastMetric::Pinball(None)) => !self.quantiles.is_empty(),
            _ => true,
        }
    }

    fn parts(&self) -> Parts<'_> {
        Parts { levels: self.quantiles.iter().map(|(level, _)| *level).collect(), ..Parts::default() }
    }

    fn joined(&self) -> &'static str {
        "rows joined on their time or id"
    }

    fn note(&self) -> Option<String> {
        let crossing = self.crossing();
        let all = self.truth.len();
        (crossing > 0)
            .then(|| format!("quantiles cross in {crossing} of {all} rows: a higher one lies below a lower one"))
    }

    fn differing_truths(&self, other: &Outcomes) -> Option<usize> {
        let Outcomes::Forecasts(other) = other else { return None };
        Some(differing(&self.truth, &other.truth))
    }

    fn same_predictions(&self, other: &Outcomes) -> bool {
        matches!(other, Outcomes::Forecasts(other)
            if other.predicted == self.predicted && other.quantiles == self.quantiles)
    }

    fn measure(&self, metrics: &[&MetricInfo], _: &Sampling, level: f64) -> Vec<Option<Estimate>> {
        let clusters = self.clusters();
        estimates::measure(metrics, |metric| self.of(metric, &clusters, level))
    }

    /// The candidate's clusters are the baseline's, too: the rows are the same.
    fn compare(&self, baseline: &Outcomes, metrics: &[&MetricInfo], _: &Sampling, level: f64) -> Vec<Option<Pair>> {
        let Outcomes::Forecasts(baseline) = baseline else { return Vec::new() };
        let clusters = self.clusters();
        let a = |metric: &MetricInfo| self.of(metric, &clusters, level);
        let b = |metric: &MetricInfo| baseline.of(metric, &clusters, level);
        let method = match clusters.are_series {
            true => "paired t interval of whole series",
            false => "paired t interval of blocks of consecutive rows",
        };
        estimates::compare(metrics, a, b, method, level)
    }
}
