//! The metrics mlgate computes from predictions: their names, units and directions; one file a task.

mod binary;
mod each;
pub(super) mod fairness;
mod forecast;
mod multiclass;
mod multilabel;
mod ranking;
mod regression;
mod repeats;
mod text;

pub use each::{Metric, Parts, metrics_of};

use crate::config::Task;
use crate::model::Unit;
use crate::stats::calibration::CalibrationMetric;
use crate::stats::counts::CountMetric;
use crate::stats::forecast::ForecastMetric;
use crate::stats::multilabel::MultilabelMetric;
use crate::stats::probabilities::ProbabilityMetric;
use crate::stats::repeats::RepeatMetric;
use crate::stats::retrieval::RetrievalMetric;
use crate::stats::rows::RowMetric;
use crate::stats::text::corpus::CorpusMetric;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Higher,
    Lower,
}

/// One metric of a task. Its measurement's id is `quality.` and [`MetricInfo::id`], or stands for several: `f1(class)`
/// for one of each class, `ndcg@k` for one of each k.
#[derive(Clone, Copy, Debug)]
pub struct MetricInfo {
    /// scikit-learn's function without `_score`, sacreBLEU's or rouge_score's name, or the usual short one.
    pub id: &'static str,
    /// Other names of the same, scikit-learn's own among them.
    pub aliases: &'static [&'static str],
    pub unit: Unit,
    pub better: Better,
    /// The formula or where it is defined, in one line.
    pub formula: &'static str,
    /// When there is no value.
    pub undefined: &'static str,
    /// Needs the `score` column.
    pub needs_scores: bool,
    /// The largest value it can have, where more is better.
    pub highest: Option<f64>,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Of how often each class was given, predicted and hit.
    Count(CountMetric),
    /// Of rows that contribute to its error one by one.
    Row(RowMetric),
    /// Of sums over a corpus of texts.
    Corpus(CorpusMetric),
    /// Of rates of groups of rows.
    Fairness,
    /// Of rows with several labels.
    Multilabel(MultilabelMetric),
    /// Of the probabilities of several classes.
    Probability(ProbabilityMetric),
    /// Of bins of probabilities.
    Calibration(CalibrationMetric),
    /// Of queries with ranked documents.
    Retrieval(RetrievalMetric),
    Forecast(ForecastMetric),
    /// Of items that were tried several times.
    Repeat(RepeatMetric),
}

/// Every metric of a task, in the order they are reported.
pub fn known_metrics(task: Task) -> &'static [MetricInfo] {
    match task {
        Task::Binary => binary::METRICS,
        Task::Multiclass => multiclass::METRICS,
        Task::Regression => regression::METRICS,
        Task::Text => text::METRICS,
        Task::Multilabel => multilabel::METRICS,
        Task::Ranking => ranking::METRICS,
        Task::Forecast => forecast::METRICS,
        Task::Repeats => repeats::METRICS,
    }
}

/// The metric of that id or alias.
pub fn find_metric(task: Task, name: &str) -> Option<&'static MetricInfo> {
    let mut known = known_metrics(task).iter().chain(fairness_metrics(task));
    known.find(|metric| metric.id == name || metric.aliases.contains(&name))
}

/// The measures of fairness between the slices of a column that the task has.
pub fn fairness_metrics(task: Task) -> impl Iterator<Item = &'static MetricInfo> {
    fairness::METRICS.iter().filter(move |_| task == Task::Binary).map(|(metric, _)| metric)
}

/// Every task, in the order of the docs.
pub const TASKS: [Task; 8] = [
    Task::Binary,
    Task::Multiclass,
    Task::Multilabel,
    Task::Regression,
    Task::Text,
    Task::Ranking,
    Task::Forecast,
    Task::Repeats,
];

/// The unit of a metric that somebody else computed, by its name; what no task knows is a score.
pub fn unit_of(name: &str) -> Unit {
    let known = TASKS.into_iter().find_map(|task| find_metric(task, name));
    known.map_or(Unit::Score, |metric| metric.unit)
}

/// The greatest value that a metric of that name can have, in whatever task; None where nothing bounds it.
pub fn greatest_of(name: &str) -> Option<f64> {
    let known = TASKS.into_iter().filter_map(|task| find_metric(task, name));
    known.map(|metric| metric.highest.unwrap_or(f64::INFINITY)).reduce(f64::max).filter(|greatest| greatest.is_finite())
}

const fn lower(
    id: &'static str,
    aliases: &'static [&'static str],
    kind: Kind,
    formula: &'static str,
    undefined: &'static str,
) -> MetricInfo {
    MetricInfo {
        id,
        aliases,
        unit: Unit::Score,
        better: Better::Lower,
        formula,
        undefined,
        needs_scores: false,
        highest: None,
        kind,
    }
}

const fn count(
    id: &'static str,
    aliases: &'static [&'static str],
    metric: CountMetric,
    formula: &'static str,
    undefined: &'static str,
) -> MetricInfo {
    higher(lower(id, aliases, Kind::Count(metric), formula, undefined))
}

const fn loss(
    id: &'static str,
    aliases: &'static [&'static str],
    metric: RowMetric,
    formula: &'static str,
    undefined: &'static str,
) -> MetricInfo {
    lower(id, aliases, Kind::Row(metric), formula, undefined)
}

const fn corpus(
    id: &'static str,
    aliases: &'static [&'static str],
    metric: CorpusMetric,
    formula: &'static str,
) -> MetricInfo {
    let metric = higher(lower(id, aliases, Kind::Corpus(metric), formula, NO_ROWS));
    MetricInfo { highest: Some(100.0), ..metric }
}

const fn of_texts(
    id: &'static str,
    aliases: &'static [&'static str],
    metric: RowMetric,
    formula: &'static str,
) -> MetricInfo {
    higher(loss(id, aliases, metric, formula, NO_ROWS))
}

const fn calibration(
    id: &'static str,
    aliases: &'static [&'static str],
    metric: CalibrationMetric,
    formula: &'static str,
) -> MetricInfo {
    lower(id, aliases, Kind::Calibration(metric), formula, NO_ROWS)
}

const ECE: &str =
    "Σ over bins of equal width (rows in it / rows) · |mean score − share of hits|; Naeini, Cooper & Hauskrecht 2015";
const MCE: &str = "the largest |mean score − share of hits| of a bin of equal width; Naeini, Cooper & Hauskrecht 2015";

const fn higher(metric: MetricInfo) -> MetricInfo {
    MetricInfo { better: Better::Higher, highest: Some(1.0), ..metric }
}

const fn scored(metric: MetricInfo) -> MetricInfo {
    MetricInfo { needs_scores: true, ..metric }
}

const fn share(metric: MetricInfo) -> MetricInfo {
    MetricInfo { unit: Unit::Share, ..metric }
}

const NO_ROWS: &str = "there are no rows";
const ONE_CLASS: &str = "the labels are of a single class";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_within_a_task() {
        for task in TASKS {
            let mut names: Vec<_> = known_metrics(task).iter().flat_map(|m| m.aliases.iter().chain([&m.id])).collect();
            let all = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), all, "{task:?}");
            assert!(known_metrics(task).iter().all(|m| !m.formula.is_empty() && !m.undefined.is_empty()));
        }
        assert_eq!(find_metric(Task::Regression, "mean_absolute_error").unwrap().id, "mae");
        assert!(find_metric(Task::Regression, "f1").is_none());
    }
}
