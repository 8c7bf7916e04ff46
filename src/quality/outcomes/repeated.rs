//! Items that were tried several times: a row here is an item.

use super::{Outcomes, Sampling, Shape};
use crate::quality::metrics::{Kind, MetricInfo, Parts};
use crate::stats::estimate;
use crate::stats::repeats::{Item, RepeatMetric};

#[derive(Clone, Debug, PartialEq)]
pub struct Repeated {
    pub items: Vec<Item>,
    pub ks: Vec<usize>,
    /// Attempts of which an item passes.
    pub pass: usize,
}

impl Shape for Repeated {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn select(&self, places: &[u32]) -> Outcomes {
        let items = places.iter().filter_map(|place| self.items.get(*place as usize).cloned());
        Outcomes::Repeated(Repeated { items: items.collect(), ks: self.ks.clone(), pass: self.pass })
    }

    /// Of single attempts nothing is told of how they agree.
    fn computes(&self, metric: &MetricInfo) -> bool {
        let of_several = matches!(metric.kind, Kind::Repeat(RepeatMetric::Agreement | RepeatMetric::ScoreVariance));
        !of_several || self.items.iter().any(|item| item.scores.len() > 1)
    }

    fn parts(&self) -> Parts<'_> {
        Parts { ks: &self.ks, pass: self.pass, ..Parts::default() }
    }

    fn joined(&self) -> &'static str {
        "items"
    }

    /// What an item should have come out as is not in the file; the items are what must be the same.
    fn differing_truths(&self, other: &Outcomes) -> Option<usize> {
        matches!(other, Outcomes::Repeated(_)).then_some(0)
    }

    fn same_predictions(&self, other: &Outcomes) -> bool {
        matches!(other, Outcomes::Repeated(other) if other.items == self.items)
    }

    fn estimate(&self, metric: &MetricInfo, sampling: &Sampling, level: f64) -> Option<estimate::Estimate> {
        match metric.kind {
            Kind::Repeat(kind) => kind.of(&self.items, sampling.groups.as_deref(), level),
            _ => None,
        }
    }
}
