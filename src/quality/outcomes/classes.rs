//! Classes predicted for classes, of two with scores where the file has them.

use super::{Estimate, Outcomes, Pair, Sampling, Shape, differing, linear, pick, resampled_pair};
use crate::model::Interval;
use crate::quality::metrics::{Kind, MetricInfo};
use crate::stats::bootstrap::Joint;
use crate::stats::counts::{CountMetric, Undefined};
use crate::stats::rows::Rows;
use std::collections::HashMap;

/// Classes by their place in `classes`; for a binary task 0 is negative and 1 positive.
#[derive(Clone, Debug, PartialEq)]
pub struct Classes {
    pub classes: Vec<String>,
    /// Whether the classes are negative and positive, whatever they are called.
    pub binary: bool,
    pub truth: Vec<u32>,
    pub predicted: Vec<u32>,
    pub scores: Option<Scores>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    pub values: Vec<f64>,
    /// Machine epsilon of the column's type.
    pub epsilon: f64,
}

fn count(metric: &MetricInfo) -> Option<CountMetric> {
    match metric.kind {
        Kind::Count(count) => Some(count),
        _ => None,
    }
}

impl Classes {
    fn positive(&self) -> Vec<bool> {
        self.truth.iter().map(|class| *class == 1).collect()
    }
}

impl Scores {
    fn rows<'a>(&'a self, positive: &'a [bool]) -> Rows<'a> {
        Rows::Scores { positive, scores: &self.values, epsilon: self.epsilon }
    }
}

impl Shape for Classes {
    fn len(&self) -> usize {
        self.truth.len()
    }

    fn select(&self, places: &[u32]) -> Outcomes {
        Outcomes::Classes(Classes {
            classes: self.classes.clone(),
            binary: self.binary,
            truth: pick(&self.truth, places),
            predicted: pick(&self.predicted, places),
            scores: self.scores.as_ref().map(|s| Scores { values: pick(&s.values, places), epsilon: s.epsilon }),
        })
    }

    fn computes(&self, metric: &MetricInfo) -> bool {
        self.scores.is_some() || !metric.needs_scores
    }

    fn differing_truths(&self, other: &Outcomes) -> Option<usize> {
        let Outcomes::Classes(other) = other else { return None };
        Some(differing(&self.truth, &other.truth))
    }

    fn same_predictions(&self, other: &Outcomes) -> bool {
        let Outcomes::Classes(other) = other else { return false };
        let scores = |classes: &Classes| classes.scores.as_ref().map(|scores| scores.values.clone());
        other.predicted == self.predicted && scores(other) == scores(self)
    }

    /// Classes that only the other has come after those that are here.
    fn renumber(&self, other: Outcomes) -> Outcomes {
        let Outcomes::Classes(other) = other else { return other };
        if self.binary {
            return Outcomes::Classes(other);
        }
        let mut all = self.classes.clone();
        let mut places: HashMap<String, u32> = all.iter().cloned().zip(0..).collect();
        let place = |name: &String| {
            *places.entry(name.clone()).or_insert_with(|| {
                all.push(name.clone());
                all.len() as u32 - 1
            })
        };
        let renumbered: Vec<u32> = other.classes.iter().map(place).collect();
        let code = |codes: &[u32]| codes.iter().map(|c| renumbered.get(*c as usize).copied().unwrap_or(*c)).collect();
        let (truth, predicted) = (code(&other.truth), code(&other.predicted));
        Outcomes::Classes(Classes { truth, predicted, classes: all, ..other })
    }

    /// Counts of truth and prediction serve every metric of counts; those without a closed form share a bootstrap.
    fn measure(&self, metrics: &[&MetricInfo], _: &Sampling, level: f64) -> Vec<Option<Estimate>> {
        let pairs = self.truth.iter().copied().zip(self.predicted.iter().copied());
        let joint = Joint::of_one(self.classes.len(), pairs);
        let tally = joint.tallies().0;
        let open = |count: &CountMetric| count.closed_interval(&tally, level).is_none();
        let resampled: Vec<_> = metrics.iter().filter_map(|metric| count(metric)).filter(open).collect();
        let resamples = (!resampled.is_empty()).then(|| joint.resample(&resampled));
        let positive = self.positive();
        let value = |metric: &&MetricInfo| {
            let Some(count) = count(metric) else {
                return linear::measure(metric, self.scores.as_ref()?.rows(&positive), level);
            };
            let value = count.of(&tally, Undefined::Spoils)?;
            let interval = count.closed_interval(&tally, level).or_else(|| {
                let place = resampled.iter().position(|other| *other == count)?;
                let found = resamples.as_ref()?.interval(place, value, level, |a, _| a);
                Some(Interval { low: found.low.max(count.least()), high: found.high.min(1.0), level })
            })?;
            Some((value, interval))
        };
        metrics.iter().map(value).collect()
    }

    /// One bootstrap of the table of truth and both predictions serves all metrics of counts.
    fn compare(&self, baseline: &Outcomes, metrics: &[&MetricInfo], _: &Sampling, level: f64) -> Vec<Option<Pair>> {
        let Outcomes::Classes(baseline) = baseline else { return Vec::new() };
        let rows = self.truth.iter().zip(&self.predicted).zip(&baseline.predicted).map(|((t, a), b)| (*t, *a, *b));
        let joint = Joint::of_two(self.classes.len().max(baseline.classes.len()), rows);
        let tallies = joint.tallies();
        let counts: Vec<_> = metrics.iter().filter_map(|metric| count(metric)).collect();
        let resamples = joint.resample(&counts);
        let positive = (self.positive(), baseline.positive());
        let pair = |metric: &&MetricInfo| {
            let Some(count) = count(metric) else {
                let (a, b) = (self.scores.as_ref()?, baseline.scores.as_ref()?);
                return linear::compare(metric, a.rows(&positive.0), b.rows(&positive.1), level);
            };
            let place = counts.iter().position(|other| *other == count)?;
            let values = (count.of(&tallies.0, Undefined::Spoils)?, count.of(&tallies.1, Undefined::Spoils)?);
            Some(resampled_pair(&resamples, place, values, (count.least(), 1.0), level))
        };
        metrics.iter().map(pair).collect()
    }
}
