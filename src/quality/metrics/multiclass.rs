//! More than two classes. The score of a row's calibration is that of its most probable class (Guo et al. 2017).

use super::{ECE, Kind, MCE, MetricInfo, NO_ROWS, ONE_CLASS, calibration, count, higher, lower, scored};
use crate::stats::calibration::{Bins, CalibrationMetric};
use crate::stats::counts::CountMetric;
use crate::stats::probabilities::ProbabilityMetric;

const ABSENT: &str = "a class that has probabilities is on no row";

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
    count(
        "cohen_kappa",
        &["cohen_kappa_score", "kappa"],
        CountMetric::CohenKappa,
        "(accuracy − expected) / (1 − expected), the accuracy expected of the margins; Cohen 1960",
        "labels and predictions are of one and the same class",
    ),
    count("jaccard_macro", &[], CountMetric::JaccardMacro, "mean TP / (TP + FP + FN) of the classes", NO_ROWS),
    count("jaccard_weighted", &[], CountMetric::JaccardWeighted, "the same, weighted by their labels", NO_ROWS),
    count("f1(class)", &[], CountMetric::F1Of(0), "2·TP / (2·TP + FP + FN) of the class", "the class is nowhere"),
    count("precision(class)", &[], CountMetric::PrecisionOf(0), "TP / (TP + FP) of the class", "it is never predicted"),
    count("recall(class)", &[], CountMetric::RecallOf(0), "TP / (TP + FN) of the class", "no row is of the class"),
    count("jaccard(class)", &[], CountMetric::JaccardOf(0), "TP / (TP + FP + FN) of the class", "the class is nowhere"),
    scored(higher(lower(
        "roc_auc_ovr",
        &["roc_auc"],
        Kind::Probability(ProbabilityMetric::RocAucOvr),
        "mean ROC AUC of each class against the rest",
        ABSENT,
    ))),
    scored(higher(lower(
        "roc_auc_ovr_weighted",
        &[],
        Kind::Probability(ProbabilityMetric::RocAucOvrWeighted),
        "the same, weighted by how frequent they are",
        ABSENT,
    ))),
    scored(higher(lower(
        "top_k_accuracy@k",
        &[],
        Kind::Probability(ProbabilityMetric::TopK(1)),
        "share of rows whose class is among the k most probable, of equals the later class first",
        NO_ROWS,
    ))),
    scored(lower(
        "log_loss",
        &["cross_entropy"],
        Kind::Probability(ProbabilityMetric::LogLoss),
        "−mean ln p(label), p kept off 0 and 1 by the machine epsilon of the scores' type",
        NO_ROWS,
    )),
    scored(lower(
        "brier_score",
        &["brier_score_loss", "brier"],
        Kind::Probability(ProbabilityMetric::BrierScore),
        "mean over rows of Σ over classes (p − hit)², 0 to 2; Brier 1950",
        NO_ROWS,
    )),
    scored(calibration("ece", &["expected_calibration_error"], CalibrationMetric::Expected(Bins::Width), ECE)),
    scored(calibration(
        "ece_equal_mass",
        &[],
        CalibrationMetric::Expected(Bins::Mass),
        "ece with bins of as many rows",
    )),
    scored(calibration("mce", &["maximum_calibration_error"], CalibrationMetric::Maximum, MCE)),
];
