//! The metrics mlgate computes from predictions: their names, units and directions.

use crate::config::Task;
use crate::model::Unit;
use crate::stats::counts::CountMetric;
use crate::stats::rows::RowMetric;
use crate::stats::text::corpus::CorpusMetric;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Higher,
    Lower,
}

/// One metric of a task. Its measurement's id is `quality.` and [`MetricInfo::id`].
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
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Count(CountMetric),
    Row(RowMetric),
    Corpus(CorpusMetric),
}

impl MetricInfo {
    /// The largest value it can have, where more is better.
    pub fn highest(&self) -> Option<f64> {
        match (self.better, self.kind) {
            (Better::Lower, _) => None,
            (Better::Higher, Kind::Corpus(metric)) => Some(metric.range().1),
            (Better::Higher, _) => Some(1.0),
        }
    }

    pub(super) fn of_corpus(&self) -> Option<CorpusMetric> {
        match self.kind {
            Kind::Corpus(metric) => Some(metric),
            Kind::Count(_) | Kind::Row(_) => None,
        }
    }
}

/// Every metric of a task, in the order they are reported.
pub fn known_metrics(task: Task) -> &'static [MetricInfo] {
    match task {
        Task::Binary => BINARY,
        Task::Multiclass => MULTICLASS,
        Task::Regression => REGRESSION,
        Task::Text => TEXT,
    }
}

/// The metric of that id or alias.
pub fn find_metric(task: Task, name: &str) -> Option<&'static MetricInfo> {
    known_metrics(task).iter().find(|metric| metric.id == name || metric.aliases.contains(&name))
}

const TASKS: [Task; 4] = [Task::Binary, Task::Multiclass, Task::Regression, Task::Text];

/// The unit of a metric that somebody else computed, by its name; what no task knows is a score.
pub fn unit_of(name: &str) -> Unit {
    let known = TASKS.into_iter().find_map(|task| find_metric(task, name));
    known.map_or(Unit::Score, |metric| metric.unit)
}

const fn lower(
    id: &'static str,
    aliases: &'static [&'static str],
    kind: Kind,
    formula: &'static str,
    undefined: &'static str,
) -> MetricInfo {
    MetricInfo { id, aliases, unit: Unit::Score, better: Better::Lower, formula, undefined, needs_scores: false, kind }
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
    higher(lower(id, aliases, Kind::Corpus(metric), formula, NO_ROWS))
}

const fn of_texts(
    id: &'static str,
    aliases: &'static [&'static str],
    metric: RowMetric,
    formula: &'static str,
) -> MetricInfo {
    higher(loss(id, aliases, metric, formula, NO_ROWS))
}

const fn higher(metric: MetricInfo) -> MetricInfo {
    MetricInfo { better: Better::Higher, ..metric }
}

const fn scored(metric: MetricInfo) -> MetricInfo {
    MetricInfo { needs_scores: true, ..metric }
}

const NO_ROWS: &str = "there are no rows";
const ONE_CLASS: &str = "the labels are of a single class";

const BINARY: &[MetricInfo] = &[
    count("accuracy", &["accuracy_score"], CountMetric::Accuracy, "(TP + TN) / n", NO_ROWS),
    count(
        "balanced_accuracy",
        &["balanced_accuracy_score"],
        CountMetric::BalancedAccuracy,
        "(recall + specificity) / 2",
        ONE_CLASS,
    ),
    count("precision", &["precision_score"], CountMetric::Precision, "TP / (TP + FP)", "no row is predicted positive"),
    count(
        "recall",
        &["recall_score", "sensitivity", "true_positive_rate"],
        CountMetric::Recall,
        "TP / (TP + FN)",
        "no row is positive",
    ),
    count(
        "specificity",
        &["true_negative_rate"],
        CountMetric::Specificity,
        "TN / (TN + FP); scikit-learn's recall of the negative class",
        "no row is negative",
    ),
    count("f1", &["f1_score"], CountMetric::F1, "2·TP / (2·TP + FP + FN)", "no row is positive or predicted positive"),
    count(
        "matthews_corrcoef",
        &["mcc"],
        CountMetric::MatthewsCorrcoef,
        "(TP·TN − FP·FN) / √((TP+FP)(TP+FN)(TN+FP)(TN+FN)); Matthews 1975",
        "labels or predictions are of a single class",
    ),
    scored(higher(loss(
        "roc_auc",
        &["roc_auc_score", "auc"],
        RowMetric::RocAuc,
        "the probability that a positive scores above a negative, ties counting half; Hanley & McNeil 1982",
        ONE_CLASS,
    ))),
    scored(higher(loss(
        "average_precision",
        &["average_precision_score", "pr_auc"],
        RowMetric::AveragePrecision,
        "Σ (Rᵢ − Rᵢ₋₁)·Pᵢ over distinct scores, not interpolated",
        ONE_CLASS,
    ))),
    scored(loss(
        "log_loss",
        &["cross_entropy"],
        RowMetric::LogLoss,
        "−mean ln p(label), p kept off 0 and 1 by the machine epsilon of the scores' type",
        NO_ROWS,
    )),
    scored(loss(
        "brier_score",
        &["brier_score_loss", "brier"],
        RowMetric::BrierScore,
        "mean (p − y)²; Brier 1950",
        NO_ROWS,
    )),
];

const MULTICLASS: &[MetricInfo] = &[
    count("accuracy", &["accuracy_score"], CountMetric::Accuracy, "share of rows predicted right", NO_ROWS),
    count(
        "balanced_accuracy",
        &["balanced_accuracy_score"],
        CountMetric::BalancedAccuracy,
        "mean recall of the classes among the labels",
        ONE_CLASS,
    ),
    count("f1_macro", &[], CountMetric::F1Macro, "mean F1 of the classes", NO_ROWS),
    count("f1_micro", &[], CountMetric::Accuracy, "F1 of the counts summed over classes: equals accuracy", NO_ROWS),
    count("f1_weighted", &[], CountMetric::F1Weighted, "mean F1 of the classes, weighted by their labels", NO_ROWS),
    count(
        "precision_macro",
        &[],
        CountMetric::PrecisionMacro,
        "mean precision of the classes",
        "a class among the labels is never predicted",
    ),
    count("precision_micro", &[], CountMetric::Accuracy, "precision of the summed counts: equals accuracy", NO_ROWS),
    count(
        "precision_weighted",
        &[],
        CountMetric::PrecisionWeighted,
        "mean precision of the classes, weighted by their labels",
        "a class among the labels is never predicted",
    ),
    count(
        "recall_macro",
        &[],
        CountMetric::RecallMacro,
        "mean recall of the classes",
        "a class is predicted that is not among the labels",
    ),
    count("recall_micro", &[], CountMetric::Accuracy, "recall of the summed counts: equals accuracy", NO_ROWS),
    count("recall_weighted", &[], CountMetric::Accuracy, "mean recall weighted by labels: equals accuracy", NO_ROWS),
    count(
        "matthews_corrcoef",
        &["mcc"],
        CountMetric::MatthewsCorrcoef,
        "R_K of Gorodkin 2004",
        "labels or predictions are of a single class",
    ),
];

const REGRESSION: &[MetricInfo] = &[
    loss("mae", &["mean_absolute_error"], RowMetric::MeanAbsoluteError, "mean |y − ŷ|", NO_ROWS),
    loss("mse", &["mean_squared_error"], RowMetric::MeanSquaredError, "mean (y − ŷ)²", NO_ROWS),
    loss("rmse", &["root_mean_squared_error"], RowMetric::RootMeanSquaredError, "√ mean (y − ŷ)²", NO_ROWS),
    higher(loss(
        "r2",
        &["r2_score"],
        RowMetric::R2,
        "1 − Σ(y − ŷ)² / Σ(y − ȳ)²",
        "the labels are all the same, or there is one row",
    )),
    MetricInfo {
        unit: Unit::Share,
        ..loss(
            "mape",
            &["mean_absolute_percentage_error"],
            RowMetric::MeanAbsolutePercentageError,
            "mean |y − ŷ| / max(|y|, 2⁻⁵²), a fraction",
            NO_ROWS,
        )
    },
    loss("median_absolute_error", &["medae"], RowMetric::MedianAbsoluteError, "median |y − ŷ|", NO_ROWS),
];

const TEXT: &[MetricInfo] = &[
    corpus(
        "bleu",
        &["sacrebleu"],
        CorpusMetric::Bleu,
        "brevity · exp(mean ln pₙ) of runs of 1 to 4 tokens (13a), 0 to 100; Papineni et al. 2002, as sacreBLEU",
    ),
    corpus(
        "chrf",
        &["chrf2"],
        CorpusMetric::Chrf,
        "F₂ of runs of 1 to 6 characters, 0 to 100; Popović 2015, as sacreBLEU",
    ),
    corpus(
        "chrf_plus_plus",
        &["chrf2_plus_plus"],
        CorpusMetric::ChrfPlusPlus,
        "chrF++: chrF with runs of 1 and 2 words; Popović 2017, as sacreBLEU",
    ),
    of_texts("rouge1", &["rouge_1"], RowMetric::Rouge1, "mean F1 of words; Lin 2004, as rouge_score without a stemmer"),
    of_texts("rouge2", &["rouge_2"], RowMetric::Rouge2, "mean F1 of pairs of words; Lin 2004, as rouge_score"),
    of_texts(
        "rougeL",
        &["rouge_l", "rougel"],
        RowMetric::RougeL,
        "mean F1 of the longest common subsequence of words; Lin 2004, as rouge_score",
    ),
    of_texts("exact_match", &[], RowMetric::ExactMatch, "share of rows whose text is a reference to the byte"),
    of_texts(
        "squad_exact_match",
        &[],
        RowMetric::SquadExactMatch,
        "share of rows equal but for case, punctuation, articles and white space; Rajpurkar et al. 2016",
    ),
    of_texts("token_f1", &["squad_f1"], RowMetric::TokenF1, "mean F1 of words, as SQuAD; Rajpurkar et al. 2016"),
    MetricInfo {
        unit: Unit::Share,
        better: Better::Lower,
        undefined: "no reference has a word, or a row has several references",
        ..corpus(
            "wer",
            &["word_error_rate"],
            CorpusMetric::WordErrorRate,
            "edits of words / words of the references, over all rows, as jiwer",
        )
    },
];

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
