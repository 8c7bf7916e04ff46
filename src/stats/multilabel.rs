//! Metrics of rows with several labels each, as scikit-learn defines them for indicator matrices.

use super::estimate::{Estimate, mean_of, prevalence_mean, ratio};
use super::linear::{Linear, Scale};
use super::order::Ranks;
use super::ranking::{self, Area};
use super::sampling::Sampling;
use crate::model::Interval;

/// Which labels each row has, is said to have, and how probable each is. Row-major: `rows × labels`.
#[derive(Clone, Copy, Debug)]
pub struct Multilabel<'a> {
    pub labels: usize,
    pub truth: &'a [bool],
    pub predicted: &'a [bool],
    pub scores: Option<&'a [f64]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MultilabelMetric {
    Precision(Average),
    Recall(Average),
    F1(Average),
    Jaccard(Average),
    HammingLoss,
    SubsetAccuracy,
    RocAuc(Average),
    AveragePrecision(Average),
    LabelRankingAveragePrecision,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    /// The plain mean over labels. Undefined where it is for a label.
    Macro,
    /// All labels of all rows as one.
    Micro,
    /// The mean over labels by how many rows have them.
    Weighted,
    /// The mean over rows. A row for which it is undefined counts 0, as in scikit-learn.
    Samples,
    /// One label's.
    Label(usize),
}

impl Multilabel<'_> {
    pub fn rows(&self) -> usize {
        self.truth.len() / self.labels.max(1)
    }

    fn pairs(&self) -> impl Iterator<Item = (bool, bool)> + '_ {
        self.truth.iter().copied().zip(self.predicted.iter().copied())
    }

    /// Truth and prediction of one label, row by row.
    fn of_label(&self, label: usize) -> impl Iterator<Item = (bool, bool)> + '_ {
        self.pairs().skip(label).step_by(self.labels.max(1))
    }

    fn has(&self, row: usize, label: usize) -> bool {
        self.truth.get(row * self.labels + label).copied().unwrap_or(false)
    }

    fn scored(&self, label: usize) -> Option<(Vec<bool>, Vec<f64>)> {
        let step = self.labels.max(1);
        let scores = self.scores?.iter().copied().skip(label).step_by(step).collect();
        Some((self.truth.iter().copied().skip(label).step_by(step).collect(), scores))
    }
}

/// What a pair of truth and prediction adds to the upper and the lower sum.
type Parts = fn(bool, bool) -> (f64, f64);

impl MultilabelMetric {
    /// The same metric, averaged otherwise.
    pub fn with(self, average: Average) -> MultilabelMetric {
        match self {
            MultilabelMetric::Precision(_) => MultilabelMetric::Precision(average),
            MultilabelMetric::Recall(_) => MultilabelMetric::Recall(average),
            MultilabelMetric::F1(_) => MultilabelMetric::F1(average),
            MultilabelMetric::Jaccard(_) => MultilabelMetric::Jaccard(average),
            MultilabelMetric::RocAuc(_) => MultilabelMetric::RocAuc(average),
            MultilabelMetric::AveragePrecision(_) => MultilabelMetric::AveragePrecision(average),
            other => other,
        }
    }

    /// How it is averaged; None for metrics of whole rows.
    pub fn average(self) -> Option<Average> {
        match self {
            MultilabelMetric::Precision(average)
            | MultilabelMetric::Recall(average)
            | MultilabelMetric::F1(average)
            | MultilabelMetric::Jaccard(average)
            | MultilabelMetric::RocAuc(average)
            | MultilabelMetric::AveragePrecision(average) => Some(average),
            _ => None,
        }
    }

    /// The metric with its interval. None where it is undefined, and for metrics of scores without scores.
    pub fn of(self, data: Multilabel<'_>, sampling: &Sampling, level: f64) -> Option<Estimate> {
        let one = |holds: bool| f64::from(u8::from(holds));
        let mean = |values: Vec<f64>| {
            let linear = Linear::mean(values, sampling.weights.as_deref(), Scale::Share)?;
            Some(linear.drawn(sampling))
        };
        let rows = || data.truth.chunks(data.labels.max(1)).zip(data.predicted.chunks(data.labels.max(1)));
        match self {
            MultilabelMetric::SubsetAccuracy => {
                let equal: Vec<f64> = rows().map(|(truth, predicted)| one(truth == predicted)).collect();
                Some(Estimate::of_proportion(mean(equal)?, level))
            }
            MultilabelMetric::HammingLoss => {
                let differing = |(truth, predicted): (&[bool], &[bool])| {
                    let wrong = truth.iter().zip(predicted).filter(|(t, p)| t != p).count();
                    wrong as f64 / data.labels as f64
                };
                Some(Estimate::of(mean(rows().map(differing).collect())?, level))
            }
            MultilabelMetric::LabelRankingAveragePrecision => {
                let scores = data.scores?.chunks(data.labels.max(1));
                let of_rows = data.truth.chunks(data.labels.max(1)).zip(scores);
                let precisions: Vec<f64> = of_rows.map(|(truth, scores)| ranking_precision(truth, scores)).collect();
                Some(Estimate::of(mean(precisions)?, level))
            }
            MultilabelMetric::RocAuc(average) => of_scores(data, average, ranking::roc_auc, sampling, level),
            MultilabelMetric::AveragePrecision(average) => {
                of_scores(data, average, ranking::average_precision, sampling, level)
            }
            MultilabelMetric::Precision(average) => {
                of_counts(data, average, |t, p| (both(t, p), of(p)), sampling, level)
            }
            MultilabelMetric::Recall(average) => of_counts(data, average, |t, p| (both(t, p), of(t)), sampling, level),
            MultilabelMetric::Jaccard(average) => {
                of_counts(data, average, |t, p| (both(t, p), of(t || p)), sampling, level)
            }
            MultilabelMetric::F1(average) => {
                let mut found = of_counts(data, average, |t, p| (2.0 * both(t, p), of(t) + of(p)), sampling, level)?;
                // At 0 or 1 the interval is of a proportion, which is Jaccard's j: F1 = 2j / (1 + j).
                if found.value <= 0.0 {
                    let f1 = |j: f64| 2.0 * j / (1.0 + j);
                    found.interval = found.interval.map(|i| Interval { low: f1(i.low), high: f1(i.high), ..i });
                }
                Some(found)
            }
        }
    }
}

fn of(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

fn both(truth: bool, predicted: bool) -> f64 {
    of(truth && predicted)
}

fn of_counts(
    data: Multilabel<'_>,
    average: Average,
    parts: Parts,
    sampling: &Sampling,
    level: f64,
) -> Option<Estimate> {
    let weights = sampling.weights.as_deref();
    let row_sums = |(truth, predicted): (&[bool], &[bool])| {
        let pairs = truth.iter().zip(predicted);
        pairs.fold((0.0, 0.0), |(part, whole), (&t, &p)| {
            let (a, b) = parts(t, p);
            (part + a, whole + b)
        })
    };
    let by_row = || data.truth.chunks(data.labels.max(1)).zip(data.predicted.chunks(data.labels.max(1))).map(row_sums);
    let of_label = |label: usize| {
        let (upper, lower): (Vec<f64>, Vec<f64>) = data.of_label(label).map(|(t, p)| parts(t, p)).unzip();
        ratio(&upper, &lower, weights, Scale::Logit)
    };
    let linear = match average {
        Average::Label(label) => of_label(label)?,
        Average::Micro => {
            let (upper, lower): (Vec<f64>, Vec<f64>) = by_row().unzip();
            ratio(&upper, &lower, weights, Scale::Logit)?
        }
        Average::Samples => {
            let values: Vec<f64> = by_row().map(|(a, b)| if b > 0.0 { a / b } else { 0.0 }).collect();
            Linear::mean(values, weights, Scale::Share)?
        }
        Average::Macro => {
            let estimates = (0..data.labels).map(of_label).collect::<Option<Vec<_>>>()?;
            mean_of(&estimates, &vec![1.0; data.labels])?
        }
        Average::Weighted => {
            // A label that no row has weighs nothing, defined or not.
            let present: Vec<usize> = (0..data.labels).filter(|&l| data.of_label(l).any(|(t, _)| t)).collect();
            let estimates = present.iter().map(|&label| of_label(label)).collect::<Option<Vec<_>>>()?;
            prevalence_mean(&estimates, weights, |row, k| present.get(k).is_some_and(|&label| data.has(row, label)))?
        }
    };
    Some(Estimate::of(linear.drawn(sampling), level))
}

fn of_scores(data: Multilabel<'_>, average: Average, area: Area, sampling: &Sampling, level: f64) -> Option<Estimate> {
    let of_label = |label: usize| {
        let (positive, scores) = data.scored(label)?;
        area(&Ranks::of(&scores, &positive), sampling.weights.as_deref())
    };
    let linear = match average {
        Average::Label(label) => of_label(label)?,
        Average::Macro => {
            let estimates = (0..data.labels).map(of_label).collect::<Option<Vec<_>>>()?;
            mean_of(&estimates, &vec![1.0; data.labels])?
        }
        Average::Micro | Average::Weighted | Average::Samples => return None,
    };
    Some(Estimate::of(linear.drawn(sampling), level))
}

/// Of one row: the mean over its labels of the share of its labels among those scored as high or higher. A row with
/// no label or with all of them counts 1 (Tsoumakas, Katakis & Vlahavas 2010; scikit-learn's
/// `label_ranking_average_precision_score`).
fn ranking_precision(truth: &[bool], scores: &[f64]) -> f64 {
    let labels = truth.iter().filter(|&&has| has).count();
    if labels == 0 || labels == truth.len() {
        return 1.0;
    }
    let mut sum = 0.0;
    for (_, score) in truth.iter().zip(scores).filter(|(has, _)| **has) {
        let above = scores.iter().filter(|other| *other >= score).count();
        let hits = truth.iter().zip(scores).filter(|(has, other)| **has && *other >= score).count();
        sum += hits as f64 / above as f64;
    }
    sum / labels as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: bool = true;
    const F: bool = false;

    fn data<'a>(truth: &'a [bool], predicted: &'a [bool], scores: Option<&'a [f64]>) -> Multilabel<'a> {
        Multilabel { labels: 2, truth, predicted, scores }
    }

    #[test]
    fn what_is_undefined_is_none() {
        // No row has the second label and none is said to have it.
        let lost = data(&[T, F, F, F, T, F], &[T, F, T, F, F, F], Some(&[0.9, 0.1, 0.8, 0.2, 0.3, 0.4]));
        let of = |metric: MultilabelMetric| metric.of(lost, &Sampling::default(), 0.95).map(|found| found.value);
        assert_eq!(of(MultilabelMetric::F1(Average::Macro)), None);
        assert_eq!(of(MultilabelMetric::F1(Average::Label(1))), None);
        assert_eq!(of(MultilabelMetric::F1(Average::Weighted)), Some(0.5));
        assert_eq!(of(MultilabelMetric::F1(Average::Micro)), Some(0.5));
        assert_eq!(of(MultilabelMetric::RocAuc(Average::Macro)), None);
        assert_eq!(of(MultilabelMetric::F1(Average::Label(7))), None);
        let none = data(&[], &[], None);
        for metric in [MultilabelMetric::SubsetAccuracy, MultilabelMetric::F1(Average::Micro)] {
            assert!(metric.of(none, &Sampling::default(), 0.95).is_none());
        }
        assert!(MultilabelMetric::LabelRankingAveragePrecision.of(none, &Sampling::default(), 0.95).is_none());
    }

    #[test]
    fn perfect_rows_are_uncertain() {
        let truth: Vec<bool> = (0..80).map(|i| i % 3 == 0).collect();
        let perfect = data(&truth, &truth, None);
        for average in [Average::Macro, Average::Micro, Average::Weighted, Average::Label(0)] {
            let found = MultilabelMetric::F1(average).of(perfect, &Sampling::default(), 0.95).unwrap();
            let interval = found.interval.unwrap();
            assert!(found.value == 1.0 && interval.high == 1.0 && interval.low < 0.95, "{average:?} {interval:?}");
        }
    }

    #[test]
    fn contributions_to_a_weighted_mean_are_its_derivatives() {
        let truth = [T, F, T, T, F, T, F, F, T, F, T, T];
        let predicted = [T, T, T, F, F, T, T, F, F, F, T, T];
        let metric = MultilabelMetric::F1(Average::Weighted);
        let linear = metric.of(data(&truth, &predicted, None), &Sampling::default(), 0.95).unwrap().linear.unwrap();
        let (k, n) = (5_000, 6.0_f64);
        for row in 0..6 {
            let (mut t, mut p) = (truth.repeat(k), predicted.repeat(k));
            t.extend_from_slice(&truth[2 * row..2 * row + 2]);
            p.extend_from_slice(&predicted[2 * row..2 * row + 2]);
            let heavy = metric.of(data(&t, &p, None), &Sampling::default(), 0.95).unwrap().value;
            let slope = (heavy - linear.value) * k as f64 * (n / (n - 1.0)).sqrt();
            assert!((slope - linear.contributions[row]).abs() < 1e-3, "{row}: {slope} {linear:?}");
        }
    }
}
