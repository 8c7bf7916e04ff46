//! Documents ranked for queries: a row here is a query.

use super::{Outcomes, Sampling, Shape};
use crate::quality::metrics::{Kind, MetricInfo, Parts};
use crate::stats::estimate;
use crate::stats::linear::{Linear, Scale};
use crate::stats::retrieval::Query;

#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    pub queries: Vec<Query>,
    pub ks: Vec<usize>,
}

impl Shape for Ranked {
    fn len(&self) -> usize {
        self.queries.len()
    }

    fn select(&self, places: &[u32]) -> Outcomes {
        let queries = places.iter().filter_map(|place| self.queries.get(*place as usize).cloned());
        Outcomes::Ranked(Ranked { queries: queries.collect(), ks: self.ks.clone() })
    }

    fn parts(&self) -> Parts<'_> {
        Parts { ks: &self.ks, ..Parts::default() }
    }

    fn joined(&self) -> &'static str {
        "queries"
    }

    fn note(&self) -> Option<String> {
        let irrelevant = self.queries.iter().filter(|query| query.relevant() == 0).count();
        let all = self.queries.len();
        (irrelevant > 0)
            .then(|| format!("{irrelevant} of {all} queries have no relevant document: each counts 0 in every metric"))
    }

    /// Two models may bring other documents for a query; the queries are what must be the same.
    fn differing_truths(&self, other: &Outcomes) -> Option<usize> {
        matches!(other, Outcomes::Ranked(_)).then_some(0)
    }

    fn same_predictions(&self, other: &Outcomes) -> bool {
        matches!(other, Outcomes::Ranked(other) if other.queries == self.queries)
    }

    /// The mean over queries.
    fn estimate(&self, metric: &MetricInfo, sampling: &Sampling, level: f64) -> Option<estimate::Estimate> {
        let Kind::Retrieval(kind) = metric.kind else { return None };
        let of_queries: Vec<f64> = self.queries.iter().map(|query| kind.of(query)).collect();
        let mean = Linear::mean(of_queries, None, Scale::Share)?;
        Some(estimate::Estimate::of(mean.drawn(sampling), level))
    }
}
