//! Several labels predicted for several.

use super::{Outcomes, Sampling, Shape, pick_rows};
use crate::quality::metrics::{Kind, MetricInfo, Parts};
use crate::stats::{estimate, multilabel};

/// Row-major, `rows × labels`.
#[derive(Clone, Debug, PartialEq)]
pub struct Multilabel {
    pub labels: Vec<String>,
    pub truth: Vec<bool>,
    pub predicted: Vec<bool>,
    pub scores: Option<Vec<f64>>,
}

impl Multilabel {
    fn rows(&self) -> multilabel::Multilabel<'_> {
        multilabel::Multilabel {
            labels: self.labels.len(),
            truth: &self.truth,
            predicted: &self.predicted,
            scores: self.scores.as_deref(),
        }
    }
}

impl Shape for Multilabel {
    fn len(&self) -> usize {
        self.rows().rows()
    }

    fn select(&self, places: &[u32]) -> Outcomes {
        let labels = self.labels.len();
        Outcomes::Multilabel(Multilabel {
            labels: self.labels.clone(),
            truth: pick_rows(&self.truth, labels, places),
            predicted: pick_rows(&self.predicted, labels, places),
            scores: self.scores.as_ref().map(|scores| pick_rows(scores, labels, places)),
        })
    }

    fn computes(&self, metric: &MetricInfo) -> bool {
        self.scores.is_some() || !metric.needs_scores
    }

    fn parts(&self) -> Parts<'_> {
        Parts { classes: self.labels.as_slice().into(), ..Parts::default() }
    }

    fn differing_truths(&self, other: &Outcomes) -> Option<usize> {
        let Outcomes::Multilabel(other) = other else { return None };
        let labels = self.labels.len().max(1);
        Some(self.truth.chunks(labels).zip(other.truth.chunks(labels)).filter(|(a, b)| a != b).count())
    }

    fn same_predictions(&self, other: &Outcomes) -> bool {
        matches!(other, Outcomes::Multilabel(other) if other.predicted == self.predicted && other.scores == self.scores)
    }

    fn estimate(&self, metric: &MetricInfo, sampling: &Sampling, level: f64) -> Option<estimate::Estimate> {
        match metric.kind {
            Kind::Multilabel(kind) => kind.of(self.rows(), sampling, level),
            _ => None,
        }
    }

    fn paired_by(&self) -> &'static str {
        "paired delta method"
    }
}
