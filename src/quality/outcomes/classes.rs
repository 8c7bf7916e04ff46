//! Classes predicted for classes, of two with scores where the file has them.

use super::{Estimate, Outcomes, Pair, Sampling, Shape, differing, estimates, linear, pick, pick_rows, resampled_pair};
use crate::model::{Difference, Interval};
use crate::quality::metrics::{Kind, MetricInfo, Parts};
use crate::stats::bootstrap::{Joint, Resamples};
use crate::stats::calibration::{Binned, Bins};
use crate::stats::counts::{CountMetric, Tally, Undefined};
use crate::stats::estimate;
use crate::stats::linear::{Linear, Scale};
use crate::stats::order::Ranks;
use crate::stats::probabilities::{Probabilities, most_probable};
use crate::stats::rows::Rows;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;

/// Classes by their place in `classes`; for a binary task 0 is negative and 1 positive.
#[derive(Clone, Debug, PartialEq)]
pub struct Classes {
    pub classes: Vec<String>,
    /// Whether the classes are negative and positive, whatever they are called.
    pub binary: bool,
    pub truth: Vec<u32>,
    pub predicted: Vec<u32>,
    pub scores: Option<Scores>,
    /// Lengths of the top k that are looked at.
    pub ks: Vec<usize>,
    /// Bins of the calibration errors.
    pub bins: usize,
    pub shared: Shared,
}

/// What metrics of scores have in common, each made when the first asks for it.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    ranks: OnceLock<Ranks>,
    /// By equal width and by equal mass, of rows without weights, groups and strata.
    bins: [OnceLock<Option<Binned>>; 2],
}

/// It follows from the rest.
impl PartialEq for Shared {
    fn eq(&self, _: &Shared) -> bool {
        true
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// Binary: of the positive class. Else of each of the first `width` classes, row-major.
    pub values: Vec<f64>,
    pub width: usize,
    /// Machine epsilon of the column's type.
    pub epsilon: f64,
}

/// With more classes than this none is measured alone.
const MOST_CLASSES: usize = 100;

fn is_of_probabilities(metric: &MetricInfo) -> bool {
    matches!(metric.kind, Kind::Probability(_) | Kind::Calibration(_))
}

fn count(metric: &MetricInfo) -> Option<CountMetric> {
    match metric.kind {
        Kind::Count(count) => Some(count),
        _ => None,
    }
}

/// The class whose rows the metric is a share of, none where it is a share of all; None for other metrics.
fn share_of(metric: CountMetric) -> Option<Option<u32>> {
    match metric {
        CountMetric::Accuracy => Some(None),
        CountMetric::Recall => Some(Some(1)),
        CountMetric::Specificity => Some(Some(0)),
        _ => None,
    }
}

impl Classes {
    fn positive(&self) -> Vec<bool> {
        self.truth.iter().map(|class| *class == 1).collect()
    }

    fn linear(&self, count: CountMetric, tally: &Tally, weights: Option<&[f64]>) -> Option<Linear> {
        count.linear(tally, &self.truth, &self.predicted, weights)
    }

    fn tally(&self, classes: usize, weights: Option<&[f64]>) -> Tally {
        Tally::of(classes.max(2), &self.truth, &self.predicted, weights)
    }

    /// A metric of counts where rows have weights or come in groups.
    fn weighed(&self, count: CountMetric, tally: &Tally, sampling: &Sampling, level: f64) -> Option<Estimate> {
        let linear = self.linear(count, tally, sampling.weights.as_deref())?.drawn(sampling);
        let is_at_end = linear.scale == Scale::Logit && (linear.value <= 0.0 || linear.value >= 1.0);
        let interval = if is_at_end { linear.share_interval(level)? } else { linear.interval(level) };
        Some((linear.value, Some(interval)))
    }
}

impl Scores {
    fn select(&self, places: &[u32]) -> Scores {
        Scores { values: pick_rows(&self.values, self.width, places), ..*self }
    }
}

impl Classes {
    /// The rows by their scores, with what came true: of a binary task the score of the positive class, of others that
    /// of the most probable one. None without scores.
    pub(in crate::quality) fn ranks(&self) -> Option<&Ranks> {
        let scores = self.scores.as_ref()?;
        Some(self.shared.ranks.get_or_init(|| {
            if self.binary {
                return Ranks::of(&scores.values, &self.positive());
            }
            let of_row = |(row, truth): (&[f64], &u32)| {
                let top = most_probable(row);
                (row.get(top as usize).copied().unwrap_or(0.0), top == *truth)
            };
            let rows = scores.values.chunks(scores.width.max(1)).zip(&self.truth);
            let (stated, hits): (Vec<f64>, Vec<bool>) = rows.map(of_row).unzip();
            Ranks::of(&stated, &hits)
        }))
    }

    /// The rows in bins of calibration. None without scores and without rows.
    pub(in crate::quality) fn binned(&self, kind: Bins, sampling: &Sampling) -> Option<Cow<'_, Binned>> {
        let ranks = self.ranks()?;
        let make = || Binned::of(ranks, &kind.edges(self.bins, ranks.scores()), sampling);
        match sampling.is_plain() {
            true => {
                let kept = &self.shared.bins[usize::from(kind == Bins::Mass)];
                kept.get_or_init(make).as_ref().map(Cow::Borrowed)
            }
            false => make().map(Cow::Owned),
        }
    }

    /// Metrics of probabilities that are neither counts nor losses of the positive class.
    fn of_probabilities(&self, metric: &MetricInfo, sampling: &Sampling, level: f64) -> Option<estimate::Estimate> {
        let scores = self.scores.as_ref()?;
        match metric.kind {
            Kind::Probability(kind) => {
                let (classes, epsilon) = (scores.width, scores.epsilon);
                kind.of(Probabilities { classes, truth: &self.truth, scores: &scores.values, epsilon }, sampling, level)
            }
            Kind::Calibration(kind) => {
                let (value, interval) = kind.of(self.binned(kind.bins(), sampling)?.as_ref(), level);
                Some(estimate::Estimate::apart(value, Some(interval)))
            }
            _ => None,
        }
    }

    /// Whether rows are positive, where a metric of ranks or losses asks.
    fn positives(&self, metrics: &[&MetricInfo]) -> Option<Vec<bool>> {
        metrics.iter().any(|metric| matches!(metric.kind, Kind::Row(_))).then(|| self.positive())
    }

    /// None without scores of a positive class.
    fn rows<'a>(&'a self, positive: &'a Option<Vec<bool>>) -> Option<Rows<'a>> {
        let Scores { values, epsilon, .. } = self.scores.as_ref().filter(|_| self.binary)?;
        Some(Rows::Scores {
            positive: positive.as_ref()?,
            scores: values,
            epsilon: *epsilon,
            ranks: &self.shared.ranks,
        })
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
            scores: self.scores.as_ref().map(|s| s.select(places)),
            ks: self.ks.clone(),
            bins: self.bins,
            shared: Shared::default(),
        })
    }

    fn computes(&self, metric: &MetricInfo) -> bool {
        self.scores.is_some() || !metric.needs_scores
    }

    fn parts(&self) -> Parts<'_> {
        let classes = if self.classes.len() > MOST_CLASSES { &[] } else { self.classes.as_slice() };
        Parts { classes: classes.into(), ks: &self.ks, ..Parts::default() }
    }

    fn differing_truths(&self, other: &Outcomes) -> Option<usize> {
        let Outcomes::Classes(other) = other else { return None };
        Some(differing(&self.truth, &other.truth))
    }

    fn same_predictions(&self, other: &Outcomes) -> bool {
        let Outcomes::Classes(other) = other else { return false };
        other.predicted == self.predicted
            && other.scores.as_ref().map(|s| &s.values) == self.scores.as_ref().map(|s| &s.values)
    }

    /// Classes that only the other has come after those that are here.
    fn renumber<'a>(&self, other: Cow<'a, Outcomes>) -> Cow<'a, Outcomes> {
        let Outcomes::Classes(of) = other.as_ref() else { return other };
        if self.binary || of.classes == self.classes {
            return other;
        }
        let mut all = self.classes.clone();
        let mut places: HashMap<String, u32> = all.iter().cloned().zip(0..).collect();
        let place = |name: &String| {
            *places.entry(name.clone()).or_insert_with(|| {
                all.push(name.clone());
                all.len() as u32 - 1
            })
        };
        let renumbered: Vec<u32> = of.classes.iter().map(place).collect();
        let code = |codes: &[u32]| codes.iter().map(|c| renumbered.get(*c as usize).copied().unwrap_or(*c)).collect();
        let (truth, predicted) = (code(&of.truth), code(&of.predicted));
        // Probabilities of other classes than ours cannot be compared with ours.
        let width = self.scores.as_ref().map_or(0, |scores| scores.width);
        let same =
            |scores: &&Scores| scores.width == width && renumbered.iter().take(width).copied().eq(0..width as u32);
        let scores = of.scores.as_ref().filter(same).cloned();
        let (binary, ks, bins) = (of.binary, of.ks.clone(), of.bins);
        Cow::Owned(Outcomes::Classes(Classes {
            classes: all,
            binary,
            truth,
            predicted,
            scores,
            ks,
            bins,
            shared: Shared::default(),
        }))
    }

    /// Counts of truth and prediction serve every metric of counts; those without a closed form share a bootstrap.
    fn measure(&self, metrics: &[&MetricInfo], sampling: &Sampling, level: f64) -> Vec<Option<Estimate>> {
        let positive = self.positives(metrics);
        let counted = Counted::new(self, metrics, sampling, level);
        let value = |metric: &&MetricInfo| match count(metric) {
            Some(count) => counted.estimate(self, count, sampling, level),
            None if is_of_probabilities(metric) => {
                self.of_probabilities(metric, sampling, level).map(|found| (found.value, found.interval))
            }
            None => linear::measure(metric, self.rows(&positive)?, sampling, level),
        };
        metrics.iter().map(value).collect()
    }

    /// Of counts, without a bootstrap.
    fn value(&self, metric: &MetricInfo, sampling: &Sampling) -> Option<f64> {
        match count(metric) {
            Some(count) => {
                let tally = self.tally(self.classes.len(), sampling.weights.as_deref());
                count.of(&tally, Undefined::Spoils)
            }
            None => self.measure(&[metric], sampling, 0.95).into_iter().flatten().next().map(|(value, _)| value),
        }
    }

    /// One bootstrap of the table of truth and both predictions serves all metrics of counts; with weights or groups,
    /// rows' contributions do.
    fn compare(
        &self,
        baseline: &Outcomes,
        metrics: &[&MetricInfo],
        sampling: &Sampling,
        level: f64,
    ) -> Vec<Option<Pair>> {
        let Outcomes::Classes(baseline) = baseline else { return Vec::new() };
        let classes = self.classes.len().max(baseline.classes.len());
        let counts: Vec<_> = metrics.iter().filter_map(|metric| count(metric)).collect();
        let positive = (self.positives(metrics), baseline.positives(metrics));
        let weights = sampling.weights.as_deref();
        let joint = sampling.is_plain().then(|| {
            let rows = self.truth.iter().zip(&self.predicted).zip(&baseline.predicted);
            Joint::of_two(classes, rows.map(|((t, a), b)| (*t, *a, *b)))
        });
        let tallies = match &joint {
            Some(joint) => joint.tallies(),
            None => (self.tally(classes, weights), baseline.tally(classes, weights)),
        };
        let resamples = joint.as_ref().map(|joint| joint.resample(&counts));
        let pair = |metric: &&MetricInfo| {
            let Some(count) = count(metric) else {
                if is_of_probabilities(metric) {
                    let of = |classes: &Classes| classes.of_probabilities(metric, sampling, level);
                    return estimates::pair(&of(self)?, &of(baseline)?, "paired delta method", level);
                }
                let (a, b) = (self.rows(&positive.0)?, baseline.rows(&positive.1)?);
                return linear::compare(metric, a, b, sampling, level);
            };
            let (Some(joint), Some(resamples)) = (&joint, &resamples) else {
                let of = |classes: &Classes, tally| classes.linear(count, tally, weights);
                let (a, b) = (of(self, &tallies.0)?, of(baseline, &tallies.1)?);
                return Some(linear::pair(a, b, "paired delta method", sampling, level));
            };
            let place = counts.iter().position(|other| *other == count)?;
            let values = (count.of(&tallies.0, Undefined::Spoils)?, count.of(&tallies.1, Undefined::Spoils)?);
            let pair = resampled_pair(resamples, place, values, (count.least(), 1.0), level);
            // Of shares of the same rows the difference has a closed form.
            let agreement = share_of(count).map(|class| joint.agreement(class));
            let closed = agreement.and_then(|agreement| Some((agreement.mcnemar(), agreement.difference(level)?)));
            Some(match closed {
                Some((p, interval)) => {
                    let difference = Difference { interval: Some(interval), ..pair.difference };
                    let p = if p < 0.001 { "< 0.001".to_string() } else { format!("= {p:.3}") };
                    let remark = Some(format!("McNemar's exact p {p}"));
                    Pair {
                        difference,
                        method: "Newcombe's paired interval, ratio by paired bootstrap,",
                        remark,
                        ..pair
                    }
                }
                None => pair,
            })
        };
        metrics.iter().map(pair).collect()
    }
}

/// What the metrics of counts have in common.
struct Counted {
    tally: Tally,
    resampled: Vec<CountMetric>,
    resamples: Option<Resamples>,
}

impl Counted {
    fn new(classes: &Classes, metrics: &[&MetricInfo], sampling: &Sampling, level: f64) -> Counted {
        if !sampling.is_plain() {
            let tally = classes.tally(classes.classes.len(), sampling.weights.as_deref());
            return Counted { tally, resampled: Vec::new(), resamples: None };
        }
        let pairs = classes.truth.iter().copied().zip(classes.predicted.iter().copied());
        let joint = Joint::of_one(classes.classes.len(), pairs);
        let tally = joint.tallies().0;
        let open = |count: &CountMetric| count.closed_interval(&tally, level).is_none();
        let resampled: Vec<_> = metrics.iter().filter_map(|metric| count(metric)).filter(open).collect();
        let resamples = (!resampled.is_empty()).then(|| joint.resample(&resampled));
        Counted { tally, resampled, resamples }
    }

    fn estimate(&self, classes: &Classes, count: CountMetric, sampling: &Sampling, level: f64) -> Option<Estimate> {
        if !sampling.is_plain() {
            return classes.weighed(count, &self.tally, sampling, level);
        }
        let value = count.of(&self.tally, Undefined::Spoils)?;
        let interval = count.closed_interval(&self.tally, level).or_else(|| {
            let place = self.resampled.iter().position(|other| *other == count)?;
            let found = self.resamples.as_ref()?.interval(place, value, level, |a, _| a);
            Some(Interval { low: found.low.max(count.least()), high: found.high.min(1.0), level })
        })?;
        Some((value, Some(interval)))
    }
}
