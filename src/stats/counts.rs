//! Metrics that depend on nothing but how often each class was given, predicted and hit.

use super::interval::wilson;
use crate::model::Interval;

/// How often each class is the truth, is predicted, and is both: rows, or the weight of rows. Binary: class 0
/// negative, class 1 positive.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    pub truths: Vec<f64>,
    pub predicted: Vec<f64>,
    pub hits: Vec<f64>,
    pub n: f64,
}

impl Tally {
    pub fn new(classes: usize) -> Tally {
        let none = vec![0.0; classes];
        Tally { truths: none.clone(), predicted: none.clone(), hits: none, n: 0.0 }
    }

    /// Of rows with their weights.
    pub fn of(classes: usize, truth: &[u32], predicted: &[u32], weights: Option<&[f64]>) -> Tally {
        let mut tally = Tally::new(classes);
        for (row, (truth, predicted)) in truth.iter().zip(predicted).enumerate() {
            tally.add(*truth, *predicted, weights.map_or(1.0, |weights| weights[row]));
        }
        tally
    }

    /// Adds `count` rows. Classes out of range are ignored, which callers rule out by construction.
    pub fn add(&mut self, truth: u32, predicted: u32, count: f64) {
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
            counts.fill(0.0);
        }
        self.n = 0.0;
    }

    fn classes(&self) -> impl Iterator<Item = Class> + '_ {
        let counts = self.truths.iter().zip(&self.predicted).zip(&self.hits);
        counts.map(|((&truths, &predicted), &hits)| Class { truths, predicted, hits })
    }

    fn class(&self, index: usize) -> Class {
        let at = |counts: &[f64]| counts.get(index).copied().unwrap_or(0.0);
        Class { truths: at(&self.truths), predicted: at(&self.predicted), hits: at(&self.hits) }
    }
}

/// One class against the rest.
#[derive(Clone, Copy)]
struct Class {
    truths: f64,
    predicted: f64,
    hits: f64,
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
        share(2.0 * self.hits, self.truths + self.predicted)
    }

    /// (1 + β²)·TP / ((1 + β²)·TP + FP + β²·FN)
    fn f_beta(self, beta: f64) -> Option<f64> {
        let square = beta * beta;
        let whole = self.predicted + square * self.truths;
        self.occurs().then(|| (1.0 + square) * self.hits / whole)
    }

    /// TP / (TP + FP + FN)
    fn jaccard(self) -> Option<f64> {
        share(self.hits, self.either())
    }

    /// Rows that are of the class, are predicted to be, or both.
    fn either(self) -> f64 {
        self.truths + self.predicted - self.hits
    }

    fn occurs(self) -> bool {
        self.truths + self.predicted > 0.0
    }
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
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
    /// F-beta of 0.5, which weighs precision higher.
    FHalf,
    /// F-beta of 2, which weighs recall higher.
    F2,
    Jaccard,
    JaccardMacro,
    JaccardWeighted,
    CohenKappa,
    PrecisionOf(u32),
    RecallOf(u32),
    F1Of(u32),
    JaccardOf(u32),
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
                let given = tally.truths.iter().filter(|&&truths| truths > 0.0).count();
                let recalls = tally.classes().filter_map(Class::recall).sum::<f64>();
                (given > 1).then(|| recalls / given as f64)
            }
            CountMetric::Precision => positive.precision(),
            CountMetric::Recall => positive.recall(),
            CountMetric::Specificity => tally.class(0).recall(),
            CountMetric::F1 => positive.f1(),
            CountMetric::MatthewsCorrcoef => matthews_corrcoef(tally),
            CountMetric::PrecisionMacro => mean(&Class::precision, &|_| 1.0),
            CountMetric::PrecisionWeighted => mean(&Class::precision, &|class| class.truths),
            CountMetric::RecallMacro => mean(&Class::recall, &|_| 1.0),
            CountMetric::F1Macro => mean(&Class::f1, &|_| 1.0),
            CountMetric::F1Weighted => mean(&Class::f1, &|class| class.truths),
            CountMetric::FHalf => positive.f_beta(0.5),
            CountMetric::F2 => positive.f_beta(2.0),
            CountMetric::Jaccard => positive.jaccard(),
            CountMetric::JaccardMacro => mean(&Class::jaccard, &|_| 1.0),
            CountMetric::JaccardWeighted => mean(&Class::jaccard, &|class| class.truths),
            CountMetric::CohenKappa => cohen_kappa(tally),
            CountMetric::PrecisionOf(class) => tally.class(class as usize).precision(),
            CountMetric::RecallOf(class) => tally.class(class as usize).recall(),
            CountMetric::F1Of(class) => tally.class(class as usize).f1(),
            CountMetric::JaccardOf(class) => tally.class(class as usize).jaccard(),
        }
    }

    /// The metric's least value; its greatest is 1.
    pub fn least(self) -> f64 {
        if matches!(self, CountMetric::MatthewsCorrcoef | CountMetric::CohenKappa) { -1.0 } else { 0.0 }
    }

    /// The class that it is of, where it is of one.
    pub fn class(self) -> Option<u32> {
        match self {
            CountMetric::PrecisionOf(class)
            | CountMetric::RecallOf(class)
            | CountMetric::F1Of(class)
            | CountMetric::JaccardOf(class) => Some(class),
            _ => None,
        }
    }

    /// The same of another class; metrics of no class stay as they are.
    pub fn of_class(self, class: u32) -> CountMetric {
        match self {
            CountMetric::PrecisionOf(_) => CountMetric::PrecisionOf(class),
            CountMetric::RecallOf(_) => CountMetric::RecallOf(class),
            CountMetric::F1Of(_) => CountMetric::F1Of(class),
            CountMetric::JaccardOf(_) => CountMetric::JaccardOf(class),
            other => other,
        }
    }

    /// The interval in closed form, for metrics that have one; the others are resampled.
    pub fn closed_interval(self, tally: &Tally, level: f64) -> Option<Interval> {
        let of = |hits: f64, whole: f64| wilson(hits, whole, level);
        // Of one class, or of the positive one.
        let positive = tally.class(self.class().unwrap_or(1) as usize);
        match self {
            CountMetric::Accuracy => of(tally.hits.iter().sum(), tally.n),
            CountMetric::Precision | CountMetric::PrecisionOf(_) => of(positive.hits, positive.predicted),
            CountMetric::Recall | CountMetric::RecallOf(_) => of(positive.hits, positive.truths),
            CountMetric::Jaccard | CountMetric::JaccardOf(_) => of(positive.hits, positive.either()),
            CountMetric::Specificity => of(tally.class(0).hits, tally.class(0).truths),
            CountMetric::F1 | CountMetric::F1Of(_) => {
                // Of the rows where truth or prediction is positive, the share that is both is a plain proportion
                // j (Jaccard's), and F1 = 2j / (1 + j) rises with it.
                let jaccard = of(positive.hits, positive.either())?;
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
    let n = tally.n;
    let covariance = tally.hits.iter().sum::<f64>() * n - dot(&tally.truths, &tally.predicted);
    let of_truth = n * n - dot(&tally.truths, &tally.truths);
    let of_prediction = n * n - dot(&tally.predicted, &tally.predicted);
    let scale = of_truth.sqrt() * of_prediction.sqrt();
    (scale > 0.0).then(|| covariance / scale)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// (observed − expected agreement) / (1 − expected), the expected from the margins (Cohen 1960).
fn cohen_kappa(tally: &Tally) -> Option<f64> {
    let n = tally.n;
    let margins = dot(&tally.truths, &tally.predicted);
    let room = n * n - margins;
    (room > 0.0).then(|| 1.0 - (n * n - n * tally.hits.iter().sum::<f64>()) / room)
}

/// A mean of independent proportions: MOVER over Wilson's intervals of the recalls.
fn balanced_accuracy_interval(tally: &Tally, level: f64) -> Option<Interval> {
    let given: Vec<Class> = tally.classes().filter(|class| class.truths > 0.0).collect();
    if given.len() < 2 {
        return None;
    }
    let (mut below, mut above, mut sum) = (0.0, 0.0, 0.0);
    for class in &given {
        let recall = class.recall()?;
        let interval = wilson(class.hits, class.truths, level)?;
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

    fn binary(tn: f64, fp: f64, fn_: f64, tp: f64) -> Tally {
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
        let nothing_predicted = binary(90.0, 0.0, 10.0, 0.0);
        assert_eq!(value(CountMetric::Precision, &nothing_predicted), None);
        assert_eq!(value(CountMetric::Recall, &nothing_predicted), Some(0.0));
        assert_eq!(value(CountMetric::F1, &nothing_predicted), Some(0.0));
        assert_eq!(value(CountMetric::MatthewsCorrcoef, &nothing_predicted), None);
        let one_class = binary(10.0, 0.0, 0.0, 0.0);
        for metric in [CountMetric::Recall, CountMetric::F1, CountMetric::BalancedAccuracy] {
            assert_eq!(value(metric, &one_class), None, "{metric:?}");
        }
        assert_eq!(value(CountMetric::Accuracy, &Tally::new(2)), None);
        assert_eq!(CountMetric::PrecisionMacro.of(&nothing_predicted, Undefined::Spoils), None);
        assert_eq!(CountMetric::PrecisionMacro.of(&nothing_predicted, Undefined::IsLeftOut), Some(0.9));
    }

    #[test]
    fn a_perfect_model_is_still_uncertain() {
        let perfect = binary(10.0, 0.0, 0.0, 10.0);
        for metric in [CountMetric::Accuracy, CountMetric::F1, CountMetric::BalancedAccuracy, CountMetric::Precision] {
            let interval = metric.closed_interval(&perfect, 0.95).unwrap();
            assert_eq!(interval.high, 1.0, "{metric:?}");
            assert!(interval.low < 0.9, "{metric:?} {interval:?}");
        }
    }
}
