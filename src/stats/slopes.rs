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

    /// Adds those of a ratio of one class's counts, by `factor`.
    fn add(&mut self, ratio: Ratio, tally: &Tally, class: usize, factor: f64) {
        let whole = ratio.whole(tally, class);
        if whole.is_nan() || whole <= 0.0 {
            return;
        }
        let loss = factor * ratio.gain * tally.hits[class] / whole / whole;
        self.hits[class] += factor * ratio.gain / whole - loss * ratio.of_hits;
        self.truths[class] -= loss * ratio.of_truths;
        self.predicted[class] -= loss * ratio.of_predicted;
    }

    fn of_row(&self, truth: u32, predicted: u32) -> f64 {
        let at = |slopes: &[f64], class: u32| slopes.get(class as usize).copied().unwrap_or(0.0);
        let hit = if truth == predicted { at(&self.hits, truth) } else { 0.0 };
        at(&self.truths, truth) + at(&self.predicted, predicted) + hit + self.n
    }
}

/// gain·hits / (of_truths·truths + of_predicted·predicted + of_hits·hits)
#[derive(Clone, Copy)]
struct Ratio {
    gain: f64,
    of_truths: f64,
    of_predicted: f64,
    of_hits: f64,
}

impl Ratio {
    const RECALL: Ratio = Ratio { gain: 1.0, of_truths: 1.0, of_predicted: 0.0, of_hits: 0.0 };
    const PRECISION: Ratio = Ratio { gain: 1.0, of_truths: 0.0, of_predicted: 1.0, of_hits: 0.0 };
    const JACCARD: Ratio = Ratio { gain: 1.0, of_truths: 1.0, of_predicted: 1.0, of_hits: -1.0 };
    const F1: Ratio = Ratio::f_beta(1.0);

    const fn f_beta(beta: f64) -> Ratio {
        Ratio { gain: 1.0 + beta * beta, of_truths: beta * beta, of_predicted: 1.0, of_hits: 0.0 }
    }

    fn whole(self, tally: &Tally, class: usize) -> f64 {
        self.of_truths * tally.truths[class]
            + self.of_predicted * tally.predicted[class]
            + self.of_hits * tally.hits[class]
    }

    fn of(self, tally: &Tally, class: usize) -> Option<f64> {
        let whole = self.whole(tally, class);
        (whole > 0.0).then(|| self.gain * tally.hits[class] / whole)
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
        let class = self.class().unwrap_or(1);
        let either = |row: usize| truth[row] == class || predicted[row] == class;
        let counts = |row: usize| match self {
            CountMetric::Precision | CountMetric::PrecisionOf(_) => predicted[row] == class,
            CountMetric::Recall | CountMetric::RecallOf(_) => truth[row] == class,
            CountMetric::Specificity => truth[row] == 0,
            CountMetric::F1 | CountMetric::F1Of(_) | CountMetric::FHalf | CountMetric::F2 => either(row),
            CountMetric::Jaccard | CountMetric::JaccardOf(_) => either(row),
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
        let class = self.class().unwrap_or(1) as usize;
        let add = |slopes: &mut Slopes, ratio: Ratio, class: usize| {
            if class < classes {
                slopes.add(ratio, tally, class, 1.0);
            }
        };
        match self {
            CountMetric::Accuracy => {
                slopes.hits.fill(1.0 / tally.n);
                slopes.n = -value / tally.n;
            }
            CountMetric::BalancedAccuracy => {
                let given = tally.truths.iter().filter(|truths| **truths > 0.0).count() as f64;
                (0..classes).for_each(|class| slopes.add(Ratio::RECALL, tally, class, 1.0 / given));
            }
            CountMetric::Specificity => add(&mut slopes, Ratio::RECALL, 0),
            CountMetric::Precision | CountMetric::PrecisionOf(_) => add(&mut slopes, Ratio::PRECISION, class),
            CountMetric::Recall | CountMetric::RecallOf(_) => add(&mut slopes, Ratio::RECALL, class),
            CountMetric::F1 | CountMetric::F1Of(_) => add(&mut slopes, Ratio::F1, class),
            CountMetric::Jaccard | CountMetric::JaccardOf(_) => add(&mut slopes, Ratio::JACCARD, class),
            CountMetric::FHalf => add(&mut slopes, Ratio::f_beta(0.5), class),
            CountMetric::F2 => add(&mut slopes, Ratio::f_beta(2.0), class),
            CountMetric::JaccardMacro => of_mean(&mut slopes, tally, Ratio::JACCARD),
            CountMetric::JaccardWeighted => of_weighted_mean(&mut slopes, tally, Ratio::JACCARD, value),
            CountMetric::CohenKappa => of_kappa(&mut slopes, tally),
            CountMetric::PrecisionMacro => of_mean(&mut slopes, tally, Ratio::PRECISION),
            CountMetric::RecallMacro => of_mean(&mut slopes, tally, Ratio::RECALL),
            CountMetric::F1Macro => of_mean(&mut slopes, tally, Ratio::F1),
            CountMetric::PrecisionWeighted => of_weighted_mean(&mut slopes, tally, Ratio::PRECISION, value),
            CountMetric::F1Weighted => of_weighted_mean(&mut slopes, tally, Ratio::F1, value),
            CountMetric::MatthewsCorrcoef => of_correlation(&mut slopes, tally, value),
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

/// Of 1 − (n² − n·Σhits) / (n² − Σ truths·predicted).
fn of_kappa(slopes: &mut Slopes, tally: &Tally) {
    let n = tally.n;
    let hits = tally.hits.iter().sum::<f64>();
    let margins: f64 = tally.truths.iter().zip(&tally.predicted).map(|(t, p)| t * p).sum();
    let (missed, room) = (n * n - n * hits, n * n - margins);
    for class in 0..tally.truths.len() {
        slopes.hits[class] = n / room;
        slopes.truths[class] = -missed * tally.predicted[class] / room / room;
        slopes.predicted[class] = -missed * tally.truths[class] / room / room;
    }
    slopes.n = missed * 2.0 * n / room / room - (2.0 * n - hits) / room;
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
            CountMetric::FHalf,
            CountMetric::F2,
            CountMetric::Jaccard,
            CountMetric::JaccardMacro,
            CountMetric::JaccardWeighted,
            CountMetric::CohenKappa,
            CountMetric::PrecisionOf(2),
            CountMetric::RecallOf(0),
            CountMetric::F1Of(2),
            CountMetric::JaccardOf(0),
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
