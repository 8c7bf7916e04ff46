//! Metrics that there are several of: one of each class, label, k or quantile.

use super::{Kind, MetricInfo, fairness_metrics, known_metrics};
use crate::config::{KnownMetric, Predictions, Task};
use crate::stats::forecast::ForecastMetric;
use crate::stats::multilabel::Average;
use crate::stats::probabilities::ProbabilityMetric;
use crate::stats::repeats::RepeatMetric;
use crate::stats::retrieval::RetrievalMetric;
use std::borrow::Cow;

/// A metric under the name that it has for some predictions: `f1(cat)` of `f1(class)`.
#[derive(Clone, Debug)]
pub struct Metric {
    pub name: String,
    pub info: MetricInfo,
}

/// What there are several of.
#[derive(Clone, Debug, Default)]
pub struct Parts<'a> {
    /// Classes or labels, in the order in which they are numbered.
    pub classes: Cow<'a, [String]>,
    pub ks: &'a [usize],
    /// Levels of quantiles, ascending.
    pub levels: Vec<f64>,
    /// Attempts of which an item passes.
    pub pass: usize,
}

/// How far the levels of a pair of quantiles may be from symmetric.
const NEAR: f64 = 1e-9;

impl Parts<'_> {
    /// The pairs of quantiles that lie symmetric about the median: the share between them, and their places.
    fn bands(&self) -> Vec<(f64, usize, usize)> {
        let places = |low: usize| (0..self.levels.len()).rev().map(move |high| (low, high));
        let pairs = (0..self.levels.len()).flat_map(places).filter(|(low, high)| low < high);
        let pairs = pairs.filter(|(low, high)| (self.levels[*low] + self.levels[*high] - 1.0).abs() < NEAR);
        pairs.map(|(low, high)| (self.levels[high] - self.levels[low], low, high)).collect()
    }
}

impl MetricInfo {
    /// The metric itself, or one for each of the parts that its name stands for.
    pub fn each(&self, parts: &Parts<'_>) -> Vec<Metric> {
        let metric = |name: String, kind: Kind| Metric { name, info: MetricInfo { kind, ..*self } };
        let by_class = |kind: &dyn Fn(usize) -> Kind| {
            let names = parts.classes.iter().enumerate();
            names.map(|(place, class)| metric(self.of("class", class), kind(place))).collect()
        };
        let by_k = |kind: &dyn Fn(usize) -> Kind| {
            parts.ks.iter().map(|k| metric(self.id.replace("@k", &format!("@{k}")), kind(*k))).collect()
        };
        let by_band = |kind: &dyn Fn(usize, usize) -> Kind| {
            let percent = |share: f64| format!("{}%", round(100.0 * share));
            let bands = parts.bands().into_iter();
            bands.map(|(share, low, high)| metric(self.of("share", &percent(share)), kind(low, high))).collect()
        };
        match self.kind {
            Kind::Count(count) if count.class().is_some() => {
                by_class(&|class| Kind::Count(count.of_class(class as u32)))
            }
            Kind::Multilabel(of) if matches!(of.average(), Some(Average::Label(_))) => {
                by_class(&|label| Kind::Multilabel(of.with(Average::Label(label))))
            }
            Kind::Probability(ProbabilityMetric::TopK(_)) => by_k(&|k| Kind::Probability(ProbabilityMetric::TopK(k))),
            Kind::Retrieval(RetrievalMetric::Ndcg(Some(_))) => {
                by_k(&|k| Kind::Retrieval(RetrievalMetric::Ndcg(Some(k))))
            }
            Kind::Retrieval(RetrievalMetric::Precision(_)) => by_k(&|k| Kind::Retrieval(RetrievalMetric::Precision(k))),
            Kind::Retrieval(RetrievalMetric::Recall(_)) => by_k(&|k| Kind::Retrieval(RetrievalMetric::Recall(k))),
            Kind::Retrieval(RetrievalMetric::Hit(_)) => by_k(&|k| Kind::Retrieval(RetrievalMetric::Hit(k))),
            Kind::Repeat(RepeatMetric::PassAtK(_)) => by_k(&|k| Kind::Repeat(RepeatMetric::PassAtK(k))),
            Kind::Repeat(RepeatMetric::PassAllK(_)) => by_k(&|k| Kind::Repeat(RepeatMetric::PassAllK(k))),
            Kind::Repeat(RepeatMetric::PassRate(_)) => {
                vec![metric(self.id.to_string(), Kind::Repeat(RepeatMetric::PassRate(parts.pass)))]
            }
            Kind::Forecast(ForecastMetric::Pinball(Some(_))) => {
                let levels = parts.levels.iter().enumerate();
                let of = |(place, level): (usize, &f64)| {
                    metric(self.of("level", &level.to_string()), Kind::Forecast(ForecastMetric::Pinball(Some(place))))
                };
                levels.map(of).collect()
            }
            Kind::Forecast(ForecastMetric::Coverage(..)) => {
                by_band(&|low, high| Kind::Forecast(ForecastMetric::Coverage(low, high)))
            }
            Kind::Forecast(ForecastMetric::Width(..)) => {
                by_band(&|low, high| Kind::Forecast(ForecastMetric::Width(low, high)))
            }
            _ => vec![metric(self.id.to_string(), self.kind)],
        }
    }

    /// `f1(class)` with a class of that name.
    fn of(&self, part: &str, name: &str) -> String {
        self.id.replace(&format!("({part})"), &format!("({name})"))
    }
}

/// Nine digits: 1 − 2·0.05 is 0.9.
fn round(percent: f64) -> f64 {
    (percent * 1e7).round() / 1e7
}

/// The metrics that predictions give as they are configured. Classes that only the file knows are told as `f1(*)`.
pub fn metrics_of(predictions: &Predictions) -> Vec<KnownMetric> {
    let detail = &predictions.detail;
    let classes = match predictions.task {
        Task::Multilabel => detail.labels.clone(),
        Task::Multiclass => vec!["*".to_string()],
        _ => Vec::new(),
    };
    let parts = Parts {
        classes: classes.into(),
        ks: &detail.k,
        levels: detail.quantiles.iter().map(|(level, _)| *level).collect(),
        pass: detail.pass,
    };
    let has_scores = predictions.score.is_some() || !detail.scores.is_empty();
    let is_there = |metric: &&MetricInfo| match metric.kind {
        Kind::Forecast(ForecastMetric::MeanAbsoluteScaledError) => detail.naive.is_some() || detail.history.is_some(),
        Kind::Forecast(ForecastMetric::Pinball(None)) => !detail.quantiles.is_empty(),
        Kind::Repeat(RepeatMetric::Agreement | RepeatMetric::ScoreVariance) => detail.repeat > 1,
        _ => has_scores || !metric.needs_scores,
    };
    let fairness = fairness_metrics(predictions.task).filter(|_| !predictions.slices.is_empty());
    let known = known_metrics(predictions.task).iter().filter(is_there).chain(fairness);
    let known = known.flat_map(|metric| metric.each(&parts));
    let known = known.map(|Metric { name, info }| KnownMetric {
        id: name,
        aliases: info.aliases,
        unit: info.unit,
        highest: info.highest,
    });
    let custom = predictions.custom.iter().map(|metric| KnownMetric {
        id: metric.name.clone(),
        aliases: &[],
        unit: metric.unit,
        highest: None,
    });
    known.chain(custom).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_what_there_is() {
        let parts = Parts {
            classes: Cow::Owned(vec!["class".into(), "New York".into()]),
            ks: &[5, 10],
            levels: vec![0.05, 0.1, 0.5, 0.9, 0.95],
            pass: 4,
        };
        let names = |task: Task, id: &str| -> Vec<String> {
            let known = known_metrics(task).iter().find(|metric| metric.id == id);
            known.unwrap_or_else(|| panic!("{id}")).each(&parts).into_iter().map(|metric| metric.name).collect()
        };
        assert_eq!(names(Task::Multilabel, "f1(class)"), ["f1(class)", "f1(New York)"]);
        assert_eq!(names(Task::Multiclass, "recall(class)"), ["recall(class)", "recall(New York)"]);
        assert_eq!(names(Task::Ranking, "ndcg@k"), ["ndcg@5", "ndcg@10"]);
        assert_eq!(names(Task::Ranking, "ndcg"), ["ndcg"]);
        assert_eq!(names(Task::Forecast, "coverage(share)"), ["coverage(90%)", "coverage(80%)"]);
        assert_eq!(names(Task::Forecast, "pinball(level)")[1], "pinball(0.1)");
        assert_eq!(names(Task::Repeats, "pass@k"), ["pass@5", "pass@10"]);
    }
}
