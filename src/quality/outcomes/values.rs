//! Numbers predicted for numbers.

use super::{Estimate, Outcomes, Pair, Sampling, Shape, differing, linear, pick};
use crate::quality::metrics::MetricInfo;
use crate::stats::rows::Rows;

#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    pub truth: Vec<f64>,
    pub predicted: Vec<f64>,
}

impl Values {
    fn rows(&self) -> Rows<'_> {
        Rows::Values { truth: &self.truth, predicted: &self.predicted }
    }
}

impl Shape for Values {
    fn len(&self) -> usize {
        self.truth.len()
    }

    fn select(&self, places: &[u32]) -> Outcomes {
        Outcomes::Values(Values { truth: pick(&self.truth, places), predicted: pick(&self.predicted, places) })
    }

    fn differing_truths(&self, other: &Outcomes) -> Option<usize> {
        let Outcomes::Values(other) = other else { return None };
        Some(differing(&self.truth, &other.truth))
    }

    fn same_predictions(&self, other: &Outcomes) -> bool {
        matches!(other, Outcomes::Values(other) if other.predicted == self.predicted)
    }

    fn measure(&self, metrics: &[&MetricInfo], sampling: &Sampling, level: f64) -> Vec<Option<Estimate>> {
        metrics.iter().map(|metric| linear::measure(metric, self.rows(), sampling, level)).collect()
    }

    fn compare(
        &self,
        baseline: &Outcomes,
        metrics: &[&MetricInfo],
        sampling: &Sampling,
        level: f64,
    ) -> Vec<Option<Pair>> {
        let Outcomes::Values(baseline) = baseline else { return Vec::new() };
        metrics.iter().map(|metric| linear::compare(metric, self.rows(), baseline.rows(), sampling, level)).collect()
    }
}
