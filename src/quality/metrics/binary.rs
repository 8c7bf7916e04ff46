//! Two classes.

use super::{ECE, MCE, MetricInfo, NO_ROWS, ONE_CLASS, calibration, count, higher, loss, scored};
use crate::stats::calibration::{Bins, CalibrationMetric};
use crate::stats::counts::CountMetric;
use crate::stats::rows::RowMetric;

const NOTHING_POSITIVE: &str = "no row is positive or predicted positive";

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
    count("f1", &["f1_score"], CountMetric::F1, "2·TP / (2·TP + FP + FN)", NOTHING_POSITIVE),
    count("f0.5", &["f0_5"], CountMetric::FHalf, "1.25·TP / (1.25·TP + FP + 0.25·FN); fbeta_score", NOTHING_POSITIVE),
    count("f2", &[], CountMetric::F2, "5·TP / (5·TP + FP + 4·FN); fbeta_score", NOTHING_POSITIVE),
    count("jaccard", &["jaccard_score", "iou"], CountMetric::Jaccard, "TP / (TP + FP + FN)", NOTHING_POSITIVE),
    count(
        "cohen_kappa",
        &["cohen_kappa_score", "kappa"],
        CountMetric::CohenKappa,
        "(accuracy − expected) / (1 − expected), the accuracy expected of the margins; Cohen 1960",
        "labels and predictions are of one and the same class",
    ),
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
    scored(calibration("ece", &["expected_calibration_error"], CalibrationMetric::Expected(Bins::Width), ECE)),
    scored(calibration(
        "ece_equal_mass",
        &[],
        CalibrationMetric::Expected(Bins::Mass),
        "ece with bins of as many rows",
    )),
    scored(calibration("mce", &["maximum_calibration_error"], CalibrationMetric::Maximum, MCE)),
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
