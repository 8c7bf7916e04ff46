//! More than two classes.

use super::{MetricInfo, NO_ROWS, ONE_CLASS, count};
use crate::stats::counts::CountMetric;

pub const METRICS: &[MetricInfo] = &[
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
