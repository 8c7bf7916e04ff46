//! Two classes.

use super::{MetricInfo, NO_ROWS, ONE_CLASS, count, higher, loss, scored};
use crate::stats::counts::CountMetric;
use crate::stats::rows::RowMetric;

pub const METRICS: &[MetricInfo] = &[
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
