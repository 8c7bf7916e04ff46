//! Metrics of items that were tried several times: how many pass, and how far the attempts agree.

use super::estimate::Estimate;
use super::linear::{Linear, Scale, mean};
use super::retrieval::none_drawn;

/// One item's attempts: what each scored, and how many passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub scores: Vec<f64>,
    pub passed: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatMetric {
    /// The share of items of which at least so many attempts pass.
    PassRate(usize),
    /// The mean over items of the share of attempts that pass.
    AttemptPassRate,
    /// The probability that one of k attempts passes: 1 − C(n − c, k) / C(n, k), without bias (Chen et al. 2021).
    PassAtK(usize),
    /// The probability that all of k attempts pass: C(c, k) / C(n, k) (Yao et al. 2024, pass^k).
    PassAllK(usize),
    /// The mean over items of their mean score.
    MeanScore,
    /// The mean over items of the variance of their scores, with n − 1.
    ScoreVariance,
    /// The share of an item's pairs of attempts that both pass or both fail, in the mean (Fleiss 1971).
    Agreement,
}

impl RepeatMetric {
    /// The metric with its interval: items are what was drawn, or groups of them, by their numbers. None without
    /// items, or where an item has fewer attempts than the metric needs.
    pub fn of(self, items: &[Item], groups: Option<&[u32]>, level: f64) -> Option<Estimate> {
        let of_items = items.iter().map(|item| self.of_item(item)).collect::<Option<Vec<f64>>>()?;
        let scale = match self {
            RepeatMetric::ScoreVariance => Scale::Positive,
            // Scores of a judge may go from 1 to 5 or lie below zero.
            RepeatMetric::MeanScore if of_items.iter().any(|score| !(0.0..=1.0).contains(score)) => Scale::Any,
            _ => Scale::Share,
        };
        let linear = Linear::mean(of_items, None, scale)?.clustered(groups);
        Some(match self {
            RepeatMetric::PassRate(_) => Estimate::of_proportion(linear, level),
            _ => Estimate::of(linear, level),
        })
    }

    fn of_item(self, item: &Item) -> Option<f64> {
        let (n, passed) = (item.scores.len(), item.passed);
        let pairs = |k: usize| (k * k.saturating_sub(1)) as f64;
        match self {
            RepeatMetric::PassRate(least) => Some(f64::from(u8::from(passed >= least))),
            RepeatMetric::AttemptPassRate => (n > 0).then(|| passed as f64 / n as f64),
            RepeatMetric::PassAtK(k) => (k <= n).then(|| 1.0 - none_drawn(n, passed, k)),
            RepeatMetric::PassAllK(k) => (k <= n).then(|| none_drawn(n, n.saturating_sub(passed), k)),
            RepeatMetric::MeanScore => (n > 0).then(|| mean(&item.scores)),
            RepeatMetric::ScoreVariance => (n > 1).then(|| {
                let centre = mean(&item.scores);
                item.scores.iter().map(|score| (score - centre).powi(2)).sum::<f64>() / (n as f64 - 1.0)
            }),
            RepeatMetric::Agreement => (n > 1).then(|| (pairs(passed) + pairs(n.saturating_sub(passed))) / pairs(n)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(passed: usize, of: usize) -> Item {
        Item { scores: (0..of).map(|i| f64::from(u8::from(i < passed))).collect(), passed }
    }

    #[test]
    fn attempts_are_drawn_without_replacement() {
        // 2 of 5 pass. Both of two fail: 3/5 · 2/4; both pass: 2/5 · 1/4; a pair agrees: (1 + 3) / 10.
        let items = [item(2, 5)];
        let of = |metric: RepeatMetric| metric.of(&items, None, 0.95).map(|found| found.value);
        let near = |found: Option<f64>, expected: f64| assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?}");
        near(of(RepeatMetric::PassAtK(2)), 0.7);
        near(of(RepeatMetric::PassAllK(2)), 0.1);
        near(of(RepeatMetric::Agreement), 0.4);
        near(of(RepeatMetric::ScoreVariance), 0.3);
        near(of(RepeatMetric::PassAtK(5)), 1.0);
        near(of(RepeatMetric::PassAllK(3)), 0.0);
        assert_eq!(of(RepeatMetric::PassAtK(6)), None);
        assert_eq!(RepeatMetric::Agreement.of(&[item(1, 1)], None, 0.95).map(|found| found.value), None);
        assert!(RepeatMetric::PassRate(1).of(&[], None, 0.95).is_none());
    }

    #[test]
    fn items_are_what_counts_not_attempts() {
        let items: Vec<Item> = (0..40).map(|i| item(5 * (i % 2), 5)).collect();
        let found = RepeatMetric::AttemptPassRate.of(&items, None, 0.95).unwrap().interval.unwrap();
        // ± 2.02 · 0.5 / √40, as of 40 items and not of 200 attempts.
        assert!((found.high - found.low - 0.324).abs() < 0.01, "{found:?}");
        let judged = [1.0, 4.0, 5.0, 3.0].map(|score| Item { scores: vec![score; 2], passed: 0 });
        let found = RepeatMetric::MeanScore.of(&judged, None, 0.95).unwrap();
        assert!(found.value == 3.25 && found.interval.unwrap().high > 5.0, "{found:?}");
    }
}
