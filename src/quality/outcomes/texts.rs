//! Texts predicted for one or more reference texts.

use super::{Estimate, Outcomes, Pair, Sampling, Shape, differing, linear, pick, resampled_pair};
use crate::quality::metrics::{Kind, MetricInfo};
use crate::stats::rows::Rows;
use crate::stats::text::TextRow;
use crate::stats::text::corpus::{self, CorpusMetric, Sums};

/// What came of comparing texts, and 64 bits of a digest of each row's references and of its prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Texts {
    pub rows: Vec<TextRow>,
    pub truth: Vec<u64>,
    pub predicted: Vec<u64>,
}

fn of_corpus(metric: &MetricInfo) -> Option<CorpusMetric> {
    match metric.kind {
        Kind::Corpus(metric) => Some(metric),
        _ => None,
    }
}

impl Shape for Texts {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn select(&self, places: &[u32]) -> Outcomes {
        Outcomes::Texts(Texts {
            rows: pick(&self.rows, places),
            truth: pick(&self.truth, places),
            predicted: pick(&self.predicted, places),
        })
    }

    fn signature(&self, metric: &MetricInfo) -> Option<String> {
        of_corpus(metric)?.signature(&self.rows)
    }

    fn differing_truths(&self, other: &Outcomes) -> Option<usize> {
        let Outcomes::Texts(other) = other else { return None };
        Some(differing(&self.truth, &other.truth))
    }

    fn same_predictions(&self, other: &Outcomes) -> bool {
        matches!(other, Outcomes::Texts(other) if other.predicted == self.predicted)
    }

    /// Metrics of the corpus share one bootstrap of the rows.
    fn measure(&self, metrics: &[&MetricInfo], sampling: &Sampling, level: f64) -> Vec<Option<Estimate>> {
        let wanted: Vec<_> = metrics.iter().filter_map(|metric| of_corpus(metric)).collect();
        let groups = sampling.groups.as_deref();
        let resamples = (!wanted.is_empty()).then(|| corpus::resample(&wanted, &self.rows, None, groups));
        let sums = Sums::of(&self.rows);
        let value = |metric: &&MetricInfo| {
            let Some(corpus) = of_corpus(metric) else {
                return linear::measure(metric, Rows::Texts(&self.rows), sampling, level);
            };
            let place = wanted.iter().position(|other| *other == corpus)?;
            let value = corpus.of(&sums)?;
            Some((value, Some(corpus::interval(corpus, resamples.as_ref()?, place, value, level))))
        };
        metrics.iter().map(value).collect()
    }

    /// Of the corpus, without a bootstrap.
    fn value(&self, metric: &MetricInfo, sampling: &Sampling) -> Option<f64> {
        match of_corpus(metric) {
            Some(corpus) => corpus.of(&Sums::of(&self.rows)),
            None => linear::measure(metric, Rows::Texts(&self.rows), sampling, 0.95).map(|(value, _)| value),
        }
    }

    fn compare(
        &self,
        baseline: &Outcomes,
        metrics: &[&MetricInfo],
        sampling: &Sampling,
        level: f64,
    ) -> Vec<Option<Pair>> {
        let Outcomes::Texts(baseline) = baseline else { return Vec::new() };
        let wanted: Vec<_> = metrics.iter().filter_map(|metric| of_corpus(metric)).collect();
        let groups = sampling.groups.as_deref();
        let (of_a, of_b) = (Sums::of(&self.rows), Sums::of(&baseline.rows));
        let resamples = || corpus::resample(&wanted, &self.rows, Some(&baseline.rows), groups);
        let resamples = (!wanted.is_empty()).then(resamples);
        let pair = |metric: &&MetricInfo| {
            let Some(corpus) = of_corpus(metric) else {
                return linear::compare(metric, Rows::Texts(&self.rows), Rows::Texts(&baseline.rows), sampling, level);
            };
            let place = wanted.iter().position(|other| *other == corpus)?;
            let values = (corpus.of(&of_a)?, corpus.of(&of_b)?);
            Some(resampled_pair(resamples.as_ref()?, place, values, corpus.range(), level))
        };
        metrics.iter().map(pair).collect()
    }
}
