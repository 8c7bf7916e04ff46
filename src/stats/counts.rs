//! Metrics that depend on nothing but how often each class was given, predicted and hit.

use super::interval::wilson;
use crate::model::Interval;

/// How often each class is the truth, is predicted, and is both. Binary: class 0 negative, class 1 positive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    pub truths: Vec<u64>,
    pub predicted: Vec<u64>,
    pub hits: Vec<u64>,
    pub n: u64,
}

impl Tally {
    pub fn new(classes: usize) -> Tally {
        Tally { truths: vec![0; classes], predicted: vec![0; classes], hits: vec![0; classes], n: 0 }
    }

    /// Adds `count` rows. Classes out of range are ignored, which callers rule out by construction.
    pub fn add(&mut self, truth: u32, predicted: u32, count: u64) {
        let (truth, predicted) = (truth as usize, predicted as usize);
        if truth >= self.truths.len() || predicted >= self.predicted.len() {
            return;
        }
        self.truths[truth] += count;
        self.predicted[predicted] += count;
        if truth == predicted {
            self.hits[truth] += count;
        }
        self.n += count;
    }

    pub fn clear(&mut self) {
        for counts in [&mut self.truths, &mut self.predicted, &mut self.hits] {
            counts.fill(0);
        }
        self.n = 0;
    }

    fn classes(&self) -> impl Iterator<Item = Class> + '_ {
        let counts = self.truths.iter().zip(&self.predicted).zip(&self.hits);
        counts.map(|((&truths, &predicted), &hits)| Class { truths, predicted, hits })
    }

    fn class(&self, index: usize) -> Class {
        let at = |counts: &[u64]| counts.get(index).copied().unwrap_or(0);
        Class { truths: at(&self.truths), predicted: at(&self.predicted), hits: at(&self.hits) }
    }
}

/// One class against the rest.
#[derive(Clone, Copy)]
struct Class {
    truths: u64,
    predicted: u64,
    hits: u64,
}

impl Class {
    fn precision(self) -> Option<f64> {
        share(self.hits, self.predicted)
    }

    fn recall(self) -> Option<f64> {
        share(self.hits, self.truths)
    }

    /// 2·TP / (2·TP + FP + FN)
    fn f1(self) -> Option<f64> {
        share(2 * self.hits, self.truths + self.predicted)
    }

    fn occurs(self) -> bool {
        self.truths + self.predicted > 0
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountMetric {
    Accuracy,
    BalancedAccuracy,
    Precision,
    Recall,
    Specificity,
    F1,
    MatthewsCorrcoef,
    PrecisionMacro,
    PrecisionWeighted,
    RecallMacro,
    F1Macro,
    F1Weighted,
}

/// What a mean over classes does with a class for which the metric is undefined.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Undefined {
    /// The mean is undefined too: nobody takes a class that was never predicted for one predicted at random.
    Spoils,
    /// It is left out: a resample may lose a rare class, which says nothing against the estimate.
    IsLeftOut,
}

impl CountMetric {
    /// The metric as scikit-learn defines it, but None where scikit-learn would warn and give 0 or 1: no row of a
    /// class, nothing predicted as it, a single class in the truth.
    pub fn of(self, tally: &Tally, undefined: Undefined) -> Option<f64> {
        let positive = tally.class(1);
        let mean = |of: &dyn Fn(Class) -> Option<f64>, weight: &dyn Fn(Class) -> f64| {
            mean_over_classes(tally, undefined, of, weight)
        };
        match self {
            CountMetric::Accuracy => share(tally.hits.iter().sum(), tally.n),
            CountMetric::BalancedAccuracy => {
                let given = tally.truths.iter().filter(|&&truths| truths > 0).count();
                let recalls = tally.classes().filter_map(Class::recall).sum::<f64>();
                (given > 1).then(|| recalls / given as f64)
            }
            CountMetric::Precision => positive.precision(),
            CountMetric::Recall => positive.recall(),
            CountMetric::Specificity => tally.class(0).recall(),
            CountMetric::F1 => positive.f1(),
            CountMetric::MatthewsCorrcoef => matthews_corrcoef(tally),
            CountMetric::PrecisionMacro => mean(&Class::precision, &|_| 1.0),
            CountMetric::PrecisionWeighted => mean(&Class::precision, &|class| class.truths as f64),
            CountMetric::RecallMacro => mean(&Class::recall, &|_| 1.0),
            CountMetric::F1Macro => mean(&Class::f1, &|_| 1.0),
            CountMetric::F1Weighted => mean(&Class::f1, &|class| class.truths as f64),
        }
    }

    /// The metric's least value; its greatest is 1.
    pub fn least(self) -> f64 {
        if self == CountMetric::MatthewsCorrcoef { -1.0 } else { 0.0 }
    }

    /// The interval in closed form, for metrics that have one; the others are resampled.
    pub fn closed_interval(self, tally: &Tally, level: f64) -> Option<Interval> {
        let of = |hits: u64, whole: u64| wilson(hits as f64, whole as f64, level);
        let positive = tally.class(1);
        match self {
            CountMetric::Accuracy => of(tally.hits.iter().sum(), tally.n),
            CountMetric::Precision => of(positive.hits, positive.predicted),
            CountMetric::Recall => of(positive.hits, positive.truths),
            CountMetric::Specificity => of(tally.class(0).hits, tally.class(0).truths),
            CountMetric::F1 => {
                // Of the rows where truth or prediction is positive, the share that is both is a plain proportion
                // j (Jaccard's), and F1 = 2j / (1 + j) rises with it.
                let jaccard = of(positive.hits, positive.truths + positive.predicted - positive.hits)?;
                let f1 = |j: f64| 2.0 * j / (1.0 + j);
                Some(Interval { low: f1(jaccard.low), high: f1(jaccard.high), level })
            }
            CountMetric::BalancedAccuracy => balanced_accuracy_interval(tally, level),
            _ => None,
        }
    }
}

/// The mean of `of` over the classes that occur and have weight.
fn mean_over_classes(
    tally: &Tally,
    undefined: Undefined,
    of: &dyn Fn(Class) -> Option<f64>,
    weight: &dyn Fn(Class) -> f64,
) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for class in tally.classes().filter(|class| class.occurs() && weight(*class) > 0.0) {
        match of(class) {
            Some(value) => {
                sum += value * weight(class);
                weights += weight(class);
            }
            None if undefined == Undefined::Spoils => return None,
            None => {}
        }
    }
    (weights > 0.0).then(|| sum / weights)
}

/// Gorodkin's R_K, of which the binary coefficient is the case of two classes.
fn matthews_corrcoef(tally: &Tally) -> Option<f64> {
    let n = tally.n as f64;
    let dot = |a: &[u64], b: &[u64]| a.iter().zip(b).map(|(x, y)| *x as f64 * *y as f64).sum::<f64>();
    let covariance = tally.hits.iter().sum::<u64>() as f64 * n - dot(&tally.truths, &tally.predicted);
    let of_truth = n * n - dot(&tally.truths, &tally.truths);
    let of_prediction = n * n - dot(&tally.predicted, &tally.predicted);
    let scale = of_truth.sqrt() * of_prediction.sqrt();
    (scale > 0.0).then(|| covariance / scale)
}

/// A mean of independent proportions: MOVER over Wilson's intervals of the recalls.
fn balanced_accuracy_interval(tally: &Tally, level: f64) -> Option<Interval> {
    let given: Vec<Class> = tally.classes().filter(|class| class.truths > 0).collect();
    if given.len() < 2 {
        return None;
    }
    let (mut below, mut above, mut sum) = (0.0, 0.0, 0.0);
    for class in &given {
        let recall = class.recall()?;
        let interval = wilson(class.hits as f64, class.truths as f64, level)?;
        sum += recall;
        below += (recall - interval.low).powi(2);
        above += (interval.high - recall).powi(2);
    }
    let k = given.len() as f64;
    Some(Interval { low: (sum - below.sqrt()) / k, high: (sum + above.sqrt()) / k, level })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(tn: u64, fp: u64, fn_: u64, tp: u64) -> Tally {
        let mut tally = Tally::new(2);
        for (truth, predicted, count) in [(0, 0, tn), (0, 1, fp), (1, 0, fn_), (1, 1, tp)] {
            tally.add(truth, predicted, count);
        }
        tally
    }

    fn value(metric: CountMetric, tally: &Tally) -> Option<f64> {
        metric.of(tally, Undefined::Spoils)
    }

    #[test]
    fn what_is_undefined_is_never_zero() {
        let nothing_predicted = binary(90, 0, 10, 0);
        assert_eq!(value(CountMetric::Precision, &nothing_predicted), None);
        assert_eq!(value(CountMetric::Recall, &nothing_predicted), Some(0.0));
        assert_eq!(value(CountMetric::F1, &nothing_predicted), Some(0.0));
        assert_eq!(value(CountMetric::MatthewsCorrcoef, &nothing_predicted), None);
        let one_class = binary(10, 0, 0, 0);
        for metric in [CountMetric::Recall, CountMetric::F1, CountMetric::BalancedAccuracy] {
            assert_eq!(value(metric, &one_class), None, "{metric:?}");
        }
        assert_eq!(value(CountMetric::Accuracy, &Tally::new(2)), None);
        assert_eq!(CountMetric::PrecisionMacro.of(&nothing_predicted, Undefined::Spoils), None);
        assert_eq!(CountMetric::PrecisionMacro.of(&nothing_predicted, Undefined::IsLeftOut), Some(0.9));
    }

    #[test]
    fn a_perfect_model_is_still_uncertain() {
        let perfect = binary(10, 0, 0, 10);
        for metric in [CountMetric::Accuracy, CountMetric::F1, CountMetric::BalancedAccuracy, CountMetric::Precision] {
            let interval = metric.closed_interval(&perfect, 0.95).unwrap();
            assert_eq!(interval.high, 1.0, "{metric:?}");
            assert!(interval.low < 0.9, "{metric:?} {interval:?}");
        }
    }
}
