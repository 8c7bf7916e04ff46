//! Metrics of counts as sums over rows: what a little more weight on a row does to the metric, from which follow
//! intervals of rows with weights and in groups (the delta method; for surveys: Binder 1983).

use super::counts::{CountMetric, Tally, Undefined};
use super::linear::{Linear, Scale};
use super::sampling::Size;

/// The derivatives of a metric with respect to the counts it is made of.
struct Slopes {
    truths: Vec<f64>,
    predicted: Vec<f64>,
    hits: Vec<f64>,
    n: f64,
}

impl Slopes {
    fn new(classes: usize) -> Slopes {
        let none = vec![0.0; classes];
        Slopes { truths: none.clone(), predicted: none.clone(), hits: none, n: 0.0 }
    }

    /// Adds those of `hits / truths`, `hits / predicted` or `2·hits / (truths + predicted)` of a class, by `factor`.
    fn add(&mut self, ratio: Ratio, tally: &Tally, class: usize, factor: f64) {
        let (truths, predicted, hits) = (tally.truths[class], tally.predicted[class], tally.hits[class]);
        let (gain, whole) = match ratio {
            Ratio::Recall => (1.0, truths),
            Ratio::Precision => (1.0, predicted),
            Ratio::F1 => (2.0, truths + predicted),
        };
        if whole <= 0.0 {
            return;
        }
        let loss = factor * gain * hits / whole / whole;
        self.hits[class] += factor * gain / whole;
        if ratio != Ratio::Precision {
            self.truths[class] -= loss;
        }
        if ratio != Ratio::Recall {
            self.predicted[class] -= loss;
        }
    }

    fn of_row(&self, truth: u32, predicted: u32) -> f64 {
        let at = |slopes: &[f64], class: u32| slopes.get(class as usize).copied().unwrap_or(0.0);
        let hit = if truth == predicted { at(&self.hits, truth) } else { 0.0 };
        at(&self.truths, truth) + at(&self.predicted, predicted) + hit + self.n
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ratio {
    Recall,
    Precision,
    F1,
}

impl Ratio {
    fn of(self, tally: &Tally, class: usize) -> Option<f64> {
        let (truths, predicted, hits) = (tally.truths[class], tally.predicted[class], tally.hits[class]);
        let (part, whole) = match self {
            Ratio::Recall => (hits, truths),
            Ratio::Precision => (hits, predicted),
            Ratio::F1 => (2.0 * hits, truths + predicted),
        };
        (whole > 0.0).then(|| part / whole)
    }
}

impl CountMetric {
    /// The metric of rows with weights, with each row's contribution to its error. None where it is undefined.
    pub fn linear(self, tally: &Tally, truth: &[u32], predicted: &[u32], weights: Option<&[f64]>) -> Option<Linear> {
        let value = self.of(tally, Undefined::Spoils)?;
        let slopes = self.slopes(tally, value);
        let all = Size::of(truth.len(), weights);
        let factor = (all.rows / (all.rows - 1.0)).sqrt();
        let contribution = |(row, (truth, predicted)): (usize, (&u32, &u32))| {
            weights.map_or(1.0, |weights| weights[row]) * slopes.of_row(*truth, *predicted) * factor
        };
        let contributions = truth.iter().zip(predicted).enumerate().map(contribution).collect();
        let counts = |row: usize| match self {
            CountMetric::Precision => predicted[row] == 1,
            CountMetric::Recall => truth[row] == 1,
            CountMetric::Specificity => truth[row] == 0,
            CountMetric::F1 => truth[row] == 1 || predicted[row] == 1,
            _ => true,
        };
        let rows = Size::of_those(truth.len(), weights, counts).effective;
        let scale = if self.least() < 0.0 { Scale::Correlation } else { Scale::Logit };
        let reach = 1.0 - self.least();
        Some(Linear { value, contributions, scale, reach, rows, freedom: Some(all.effective - 1.0) })
    }

    fn slopes(self, tally: &Tally, value: f64) -> Slopes {
        let classes = tally.truths.len();
        let mut slopes = Slopes::new(classes);
        match self {
            CountMetric::Accuracy => {
                slopes.hits.fill(1.0 / tally.n);
                slopes.n = -value / tally.n;
            }
            CountMetric::BalancedAccuracy => {
                let given = tally.truths.iter().filter(|truths| **truths > 0.0).count() as f64;
                (0..classes).for_each(|class| slopes.add(Ratio::Recall, tally, class, 1.0 / given));
            }
            CountMetric::Precision if classes > 1 => slopes.add(Ratio::Precision, tally, 1, 1.0),
            CountMetric::Recall if classes > 1 => slopes.add(Ratio::Recall, tally, 1, 1.0),
            CountMetric::F1 if classes > 1 => slopes.add(Ratio::F1, tally, 1, 1.0),
            CountMetric::Specificity if classes > 0 => slopes.add(Ratio::Recall, tally, 0, 1.0),
            CountMetric::PrecisionMacro => of_mean(&mut slopes, tally, Ratio::Precision),
            CountMetric::RecallMacro => of_mean(&mut slopes, tally, Ratio::Recall),
            CountMetric::F1Macro => of_mean(&mut slopes, tally, Ratio::F1),
            CountMetric::PrecisionWeighted => of_weighted_mean(&mut slopes, tally, Ratio::Precision, value),
            CountMetric::F1Weighted => of_weighted_mean(&mut slopes, tally, Ratio::F1, value),
            CountMetric::MatthewsCorrcoef => of_correlation(&mut slopes, tally, value),
            CountMetric::Precision | CountMetric::Recall | CountMetric::F1 | CountMetric::Specificity => {}
        }
        slopes
    }
}

fn of_mean(slopes: &mut Slopes, tally: &Tally, ratio: Ratio) {
    let occurs = |class: &usize| tally.truths[*class] + tally.predicted[*class] > 0.0;
    let classes: Vec<usize> = (0..tally.truths.len()).filter(occurs).collect();
    let share = 1.0 / classes.len() as f64;
    classes.into_iter().for_each(|class| slopes.add(ratio, tally, class, share));
}

fn of_weighted_mean(slopes: &mut Slopes, tally: &Tally, ratio: Ratio, value: f64) {
    for class in 0..tally.truths.len() {
        let Some(found) = ratio.of(tally, class).filter(|_| tally.truths[class] > 0.0) else { continue };
        slopes.add(ratio, tally, class, tally.truths[class] / tally.n);
        slopes.truths[class] += (found - value) / tally.n;
    }
}

/// Of c / √(a·b), where c = n·Σhits − Σ truths·predicted, a = n² − Σ truths² and b = n² − Σ predicted².
fn of_correlation(slopes: &mut Slopes, tally: &Tally, value: f64) {
    let n = tally.n;
    let squares = |counts: &[f64]| counts.iter().map(|count| count * count).sum::<f64>();
    let (a, b) = (n * n - squares(&tally.truths), n * n - squares(&tally.predicted));
    let scale = a.sqrt() * b.sqrt();
    for class in 0..tally.truths.len() {
        slopes.hits[class] = n / scale;
        slopes.truths[class] = value * tally.truths[class] / a - tally.predicted[class] / scale;
        slopes.predicted[class] = value * tally.predicted[class] / b - tally.truths[class] / scale;
    }
    slopes.n = tally.hits.iter().sum::<f64>() / scale - value * n * (1.0 / a + 1.0 / b);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contributions_are_the_derivatives() {
        let truth = [0, 1, 2, 1, 0, 2, 2, 1, 0, 1];
        let predicted = [0, 1, 1, 0, 0, 2, 2, 1, 2, 1];
        let weights: Vec<f64> = (0..10).map(|i| 0.5 + f64::from(i) * 0.3).collect();
        for metric in [
            CountMetric::Accuracy,
            CountMetric::BalancedAccuracy,
            CountMetric::Precision,
            CountMetric::Recall,
            CountMetric::Specificity,
            CountMetric::F1,
            CountMetric::MatthewsCorrcoef,
            CountMetric::PrecisionMacro,
            CountMetric::PrecisionWeighted,
            CountMetric::RecallMacro,
            CountMetric::F1Macro,
            CountMetric::F1Weighted,
        ] {
            let of = |weights: &[f64]| Tally::of(3, &truth, &predicted, Some(weights));
            let tally = of(&weights);
            let linear = metric.linear(&tally, &truth, &predicted, Some(&weights)).unwrap();
            assert!(linear.contributions.iter().sum::<f64>().abs() < 1e-12, "{metric:?} is of no scale");
            for row in 0..truth.len() {
                let step = |by: f64| {
                    let mut weights = weights.clone();
                    weights[row] += by;
                    metric.of(&of(&weights), Undefined::Spoils).unwrap()
                };
                let slope = (step(1e-6) - step(-1e-6)) / 2e-6 * weights[row] * (10.0_f64 / 9.0).sqrt();
                assert!((slope - linear.contributions[row]).abs() < 1e-7, "{metric:?} {row}");
            }
        }
    }
}
