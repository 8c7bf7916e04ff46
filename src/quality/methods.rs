//! How the interval of each metric is made: what docs/statistics.md tells, for the record.

use super::measure::computable;
use super::metrics::{Better, Kind, Metric, fairness_metrics};
use super::outcomes::{Predicted, Sampling};
use crate::config::Task;
use crate::model::MetricNote;
use crate::model::method::*;
use crate::stats::counts::CountMetric;
use crate::stats::multilabel::{Average, MultilabelMetric};
use crate::stats::probabilities::ProbabilityMetric;
use crate::stats::repeats::RepeatMetric;
use crate::stats::rows::RowMetric;

/// The definition of every metric that the predictions have columns for, of the measures of fairness where there are
/// slices, and of the user's own.
pub fn notes(predicted: &Predicted, task: Task) -> Vec<MetricNote> {
    let sampling = &predicted.sampling;
    let note = |metric: &Metric| MetricNote {
        id: super::measure::id(metric),
        formula: metric.info.formula.into(),
        higher_is_better: metric.info.better == Better::Higher,
        interval: interval_of(metric.info.kind, task, sampling).map(|method| drawn(method, sampling)),
    };
    let fairness = fairness_metrics(task).filter(|_| !predicted.slices.is_empty());
    let fairness = fairness.map(|info| Metric { name: info.id.to_string(), info: *info });
    let known = computable(&predicted.outcomes, task);
    let own = predicted.custom.iter().map(|own| MetricNote {
        id: format!("quality.{}", own.metric.name),
        formula: own.metric.text.clone(),
        higher_is_better: own.metric.higher_is_better,
        interval: Some(drawn(DELTA, sampling)),
    });
    known.into_iter().chain(fairness).map(|metric| note(&metric)).chain(own).collect()
}

/// The method, and what weights and groups add to it.
fn drawn(method: &str, sampling: &Sampling) -> String {
    let mut said = vec![method];
    said.extend(sampling.groups.as_ref().filter(|_| method != GROUPS_BOOTSTRAP).map(|_| IN_GROUPS));
    said.extend(sampling.strata.as_ref().map(|_| IN_STRATA));
    said.extend(sampling.weights.as_ref().map(|_| WEIGHTED));
    said.join("; ")
}

/// The method by which a metric's interval is made; None for one that has none.
fn interval_of(metric: Kind, task: Task, sampling: &Sampling) -> Option<&'static str> {
    let plain = sampling.is_plain();
    let proportion = if plain { WILSON } else { WILSON_EFFECTIVE };
    Some(match metric {
        Kind::Count(_) if !plain => LOGIT_DELTA,
        Kind::Count(count) => match count {
            CountMetric::F1 | CountMetric::F1Of(_) => WILSON_JACCARD,
            CountMetric::BalancedAccuracy if task == Task::Binary => WILSON_MOVER,
            CountMetric::Accuracy | CountMetric::Precision | CountMetric::Recall | CountMetric::Specificity => WILSON,
            CountMetric::Jaccard | CountMetric::JaccardOf(_) => WILSON,
            CountMetric::PrecisionOf(_) | CountMetric::RecallOf(_) => WILSON,
            _ => COUNTS_BOOTSTRAP,
        },
        Kind::Row(row) => match row {
            RowMetric::RocAuc => DELONG,
            RowMetric::AveragePrecision => JACKKNIFE,
            RowMetric::R2 | RowMetric::ExplainedVariance | RowMetric::D2AbsoluteError => R2,
            RowMetric::MedianAbsoluteError if plain => ORDER_STATISTICS,
            RowMetric::MedianAbsoluteError => WOODRUFF,
            RowMetric::MaxError => return None,
            RowMetric::ExactMatch | RowMetric::SquadExactMatch => proportion,
            RowMetric::BrierScore | RowMetric::Rouge1 | RowMetric::Rouge2 | RowMetric::RougeL => MEAN,
            RowMetric::TokenF1 => MEAN,
            RowMetric::LogLoss | RowMetric::MeanAbsoluteError | RowMetric::MeanSquaredError => LOG_MEAN,
            RowMetric::RootMeanSquaredError | RowMetric::MeanAbsolutePercentageError => LOG_MEAN,
            RowMetric::SymmetricMeanAbsolutePercentageError => LOG_MEAN,
            RowMetric::MeanSquaredLogError | RowMetric::RootMeanSquaredLogError => LOG_MEAN,
        },
        Kind::Corpus(_) if sampling.groups.is_some() => GROUPS_BOOTSTRAP,
        Kind::Corpus(_) => ROWS_BOOTSTRAP,
        Kind::Fairness => WILSON_GROUPS,
        Kind::Multilabel(of) => match of {
            MultilabelMetric::SubsetAccuracy => proportion,
            MultilabelMetric::HammingLoss | MultilabelMetric::LabelRankingAveragePrecision => MEAN,
            MultilabelMetric::RocAuc(Average::Label(_)) => DELONG,
            MultilabelMetric::RocAuc(_) => DELONG_MEAN,
            MultilabelMetric::AveragePrecision(_) => JACKKNIFE,
            _ if of.average() == Some(Average::Samples) => MEAN,
            _ => LOGIT_DELTA,
        },
        Kind::Probability(of) => match of {
            ProbabilityMetric::LogLoss | ProbabilityMetric::BrierScore => LOG_MEAN,
            ProbabilityMetric::RocAucOvr | ProbabilityMetric::RocAucOvrWeighted => DELONG_MEAN,
            ProbabilityMetric::TopK(_) => proportion,
        },
        Kind::Calibration(_) => BIN_NOISE,
        Kind::Retrieval(_) => MEAN_OF_QUERIES,
        Kind::Forecast(_) => MEAN_OF_CLUSTERS,
        Kind::Repeat(RepeatMetric::PassRate(_)) => proportion,
        Kind::Repeat(_) => MEAN_OF_ITEMS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::metrics::{TASKS, known_metrics};

    #[test]
    fn every_metric_of_every_task_says_how_its_interval_is_made() {
        let (weights, groups, strata) = (Some(vec![1.0]), Some(vec![0]), Some(vec![0]));
        let ways = [Sampling::default(), Sampling { weights, groups, strata }];
        for (task, sampling) in TASKS.into_iter().flat_map(|task| ways.iter().map(move |way| (task, way))) {
            for metric in known_metrics(task).iter().chain(fairness_metrics(task)) {
                let Some(method) = interval_of(metric.kind, task, sampling) else {
                    assert_eq!(metric.id, "max_error");
                    continue;
                };
                let said = drawn(method, sampling);
                assert_eq!(
                    said.split("; ").count(),
                    if sampling.is_plain() { 1 } else { 4 } - usize::from(method == GROUPS_BOOTSTRAP)
                );
                assert!(said.split("; ").all(|method| source_of(method).is_some()), "{task:?} {}: {said}", metric.id);
            }
        }
    }
}
