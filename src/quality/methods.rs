//! How the interval of each metric is made: what docs/statistics.md tells, for the record.

use super::measure::computable;
use super::metrics::{Better, Metric};
use super::outcomes::Predicted;
use crate::config::Task;
use crate::model::MetricNote;
use crate::model::method::*;

/// The definition of every metric that the predictions have columns for.
pub fn notes(predicted: &Predicted, task: Task) -> Vec<MetricNote> {
    let sampling = &predicted.sampling;
    // Weights and groups change how intervals are made.
    let plain = sampling.weights.is_none() && sampling.groups.is_none();
    let note = |metric: &Metric| MetricNote {
        id: super::measure::id(metric),
        formula: metric.info.formula.into(),
        higher_is_better: metric.info.better == Better::Higher,
        interval: interval_of(metric.info.id, task).filter(|_| plain).map(str::to_string),
    };
    computable(&predicted.outcomes, task).iter().map(note).collect()
}

/// The method by which a metric's interval is made from rows that are neither weighted nor grouped.
fn interval_of(metric: &str, task: Task) -> Option<&'static str> {
    Some(match metric {
        "accuracy" | "precision" | "recall" | "specificity" | "exact_match" | "squad_exact_match" => WILSON,
        "f1_micro" | "precision_micro" | "recall_micro" | "recall_weighted" => WILSON,
        "jaccard" | "precision(class)" | "recall(class)" | "jaccard(class)" | "top_k_accuracy@k" => WILSON,
        "f1" => WILSON_JACCARD,
        "balanced_accuracy" if task == Task::Binary => WILSON_MOVER,
        "balanced_accuracy" | "matthews_corrcoef" => COUNTS_BOOTSTRAP,
        "f1_macro" | "f1_weighted" | "precision_macro" | "precision_weighted" | "recall_macro" => COUNTS_BOOTSTRAP,
        "roc_auc" => DELONG,
        "average_precision" => JACKKNIFE,
        "log_loss" | "mae" | "mse" | "rmse" | "mape" => LOG_MEAN,
        "brier_score" | "rouge1" | "rouge2" | "rougeL" | "token_f1" => MEAN,
        "f0.5" | "f2" | "cohen_kappa" | "jaccard_macro" | "jaccard_weighted" => COUNTS_BOOTSTRAP,
        "smape" | "msle" | "rmsle" => LOG_MEAN,
        "r2" | "explained_variance" | "d2_absolute_error" => R2,
        "median_absolute_error" => ORDER_STATISTICS,
        "bleu" | "chrf" | "chrf_plus_plus" | "wer" => ROWS_BOOTSTRAP,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::known_metrics;

    /// Told in docs/tasks.md.
    const ELSEWHERE: [&str; 7] =
        ["ece", "ece_equal_mass", "mce", "max_error", "roc_auc_ovr", "roc_auc_ovr_weighted", "f1(class)"];

    #[test]
    fn every_metric_of_these_tasks_says_how_its_interval_is_made() {
        for task in [Task::Binary, Task::Multiclass, Task::Regression, Task::Text] {
            for metric in known_metrics(task).iter().filter(|metric| !ELSEWHERE.contains(&metric.id)) {
                let method = interval_of(metric.id, task);
                assert!(method.is_some_and(|method| source_of(method).is_some()), "{task:?} {}", metric.id);
            }
        }
        assert_eq!(interval_of("vibes", Task::Binary), None);
    }
}
