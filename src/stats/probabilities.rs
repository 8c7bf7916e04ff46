//! Metrics of the probabilities of several classes, as scikit-learn defines them.

use super::estimate::{Estimate, mean_of, prevalence_mean};
use super::linear::{Linear, Scale};
use super::order::Ranks;
use super::ranking;
use super::sampling::Sampling;

/// The class of each row and the probability of every class there. Row-major: `rows × classes`, classes in the
/// order of their names.
#[derive(Clone, Copy, Debug)]
pub struct Probabilities<'a> {
    pub classes: usize,
    pub truth: &'a [u32],
    pub scores: &'a [f64],
    /// Machine epsilon of the type the scores were stored in.
    pub epsilon: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbabilityMetric {
    LogLoss,
    /// Σ over classes of the squared error, 0 to 2 (Brier 1950).
    BrierScore,
    /// The mean over classes of the area of each against the rest.
    RocAucOvr,
    /// The same by how frequent they are.
    RocAucOvrWeighted,
    /// Whether the class is among the `k` most probable; of equal ones the later class first, as scikit-learn.
    TopK(usize),
}

impl ProbabilityMetric {
    /// The metric with its interval; None where it is undefined: no rows, or a class that no row has.
    pub fn of(self, data: Probabilities<'_>, sampling: &Sampling, level: f64) -> Option<Estimate> {
        let weights = sampling.weights.as_deref();
        let mean = |values: Vec<f64>, scale: Scale| Some(Linear::mean(values, weights, scale)?.drawn(sampling));
        let rows = || data.truth.iter().map(|t| *t as usize).zip(data.scores.chunks(data.classes.max(1)));
        match self {
            ProbabilityMetric::LogLoss => {
                let loss = |(truth, scores): (usize, &[f64])| {
                    let given = scores.get(truth).copied().unwrap_or(0.0);
                    -given.clamp(data.epsilon, 1.0 - data.epsilon).ln()
                };
                Some(Estimate::of(mean(rows().map(loss).collect(), Scale::Positive)?, level))
            }
            ProbabilityMetric::BrierScore => {
                let loss = |(truth, scores): (usize, &[f64])| -> f64 {
                    let of_class = |(class, p): (usize, &f64)| (p - f64::from(u8::from(class == truth))).powi(2);
                    scores.iter().enumerate().map(of_class).sum()
                };
                Some(Estimate::of(mean(rows().map(loss).collect(), Scale::Positive)?, level))
            }
            ProbabilityMetric::TopK(k) => {
                let hit = |(truth, scores): (usize, &[f64])| f64::from(u8::from(is_among(scores, truth, k)));
                Some(Estimate::of_proportion(mean(rows().map(hit).collect(), Scale::Share)?, level))
            }
            ProbabilityMetric::RocAucOvr => {
                let found = mean_of(&areas(data, weights)?, &vec![1.0; data.classes])?;
                Some(Estimate::of(found.drawn(sampling), level))
            }
            ProbabilityMetric::RocAucOvrWeighted => {
                let member = |row: usize, class: usize| data.truth.get(row).is_some_and(|t| *t as usize == class);
                let found = prevalence_mean(&areas(data, weights)?, weights, member)?;
                Some(Estimate::of(found.drawn(sampling), level))
            }
        }
    }
}

/// Whether fewer than `k` classes come before `truth` in the order of scores.
fn is_among(scores: &[f64], truth: usize, k: usize) -> bool {
    let Some(own) = scores.get(truth) else { return false };
    let before = |(class, score): (usize, &f64)| score > own || (score == own && class > truth);
    scores.iter().enumerate().filter(|at| before(*at)).count() < k
}

fn areas(data: Probabilities<'_>, weights: Option<&[f64]>) -> Option<Vec<Linear>> {
    let area = |class: usize| {
        let positive: Vec<bool> = data.truth.iter().map(|t| *t as usize == class).collect();
        let scores: Vec<f64> = data.scores.iter().copied().skip(class).step_by(data.classes.max(1)).collect();
        ranking::roc_auc(&Ranks::of(&scores, &positive), weights)
    };
    (0..data.classes).map(area).collect()
}

/// The most probable class of a row, the first of equals, as `argmax`.
pub fn most_probable(scores: &[f64]) -> u32 {
    let mut best = 0;
    for (class, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = class;
        }
    }
    best as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_and_gaps_go_as_in_scikit_learn() {
        assert!(!is_among(&[0.4, 0.4, 0.2], 0, 1) && is_among(&[0.4, 0.4, 0.2], 1, 1));
        assert!(is_among(&[0.4, 0.4, 0.2], 0, 2) && !is_among(&[0.4], 3, 2));
        assert_eq!((most_probable(&[0.4, 0.4, 0.2]), most_probable(&[])), (0, 0));
        // No row is of the third class.
        let scores = [0.5, 0.3, 0.2, 0.2, 0.6, 0.2];
        let data = Probabilities { classes: 3, truth: &[0, 1], scores: &scores, epsilon: f64::EPSILON };
        assert!(ProbabilityMetric::RocAucOvr.of(data, &Sampling::default(), 0.95).is_none());
        assert!(ProbabilityMetric::LogLoss.of(data, &Sampling::default(), 0.95).is_some());
        let none = Probabilities { truth: &[], scores: &[], ..data };
        for metric in [ProbabilityMetric::LogLoss, ProbabilityMetric::TopK(2), ProbabilityMetric::RocAucOvr] {
            assert!(metric.of(none, &Sampling::default(), 0.95).is_none());
        }
    }
}
