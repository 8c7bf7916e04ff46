//! Several labels a row.

use super::{Kind, MetricInfo, NO_ROWS, higher, lower, scored};
use crate::stats::multilabel::{Average, MultilabelMetric as Of};

const fn metric(
    id: &'static str,
    aliases: &'static [&'static str],
    of: Of,
    formula: &'static str,
    undefined: &'static str,
) -> MetricInfo {
    higher(lower(id, aliases, Kind::Multilabel(of), formula, undefined))
}

const SAID: &str = "a label is on no row's prediction";
const TRUE: &str = "a label is on no row";
const EITHER: &str = "a label is on no row and on no row's prediction";
const ONE_CLASS: &str = "a label is on no row, or on all of them";
const EACH: Average = Average::Label(0);

pub const METRICS: &[MetricInfo] = &[
    metric(
        "subset_accuracy",
        &["accuracy", "accuracy_score"],
        Of::SubsetAccuracy,
        "share of rows whose predicted labels are exactly theirs",
        NO_ROWS,
    ),
    lower(
        "hamming_loss",
        &[],
        Kind::Multilabel(Of::HammingLoss),
        "share of all pairs of row and label that are predicted wrong",
        NO_ROWS,
    ),
    metric("f1_macro", &[], Of::F1(Average::Macro), "mean F1 of the labels", EITHER),
    metric("f1_micro", &[], Of::F1(Average::Micro), "F1 of all labels of all rows as one", EITHER),
    metric("f1_weighted", &[], Of::F1(Average::Weighted), "mean F1 of the labels by how many rows have them", TRUE),
    metric(
        "f1_samples",
        &[],
        Of::F1(Average::Samples),
        "mean F1 of the rows; one with no label at all counts 0",
        NO_ROWS,
    ),
    metric("f1(class)", &[], Of::F1(EACH), "2·TP / (2·TP + FP + FN) of the label", EITHER),
    metric("precision_macro", &[], Of::Precision(Average::Macro), "mean precision of the labels", SAID),
    metric("precision_micro", &[], Of::Precision(Average::Micro), "precision of all labels of all rows as one", SAID),
    metric(
        "precision_weighted",
        &[],
        Of::Precision(Average::Weighted),
        "mean precision of the labels by how many rows have them",
        SAID,
    ),
    metric(
        "precision_samples",
        &[],
        Of::Precision(Average::Samples),
        "mean precision of the rows; one with nothing predicted counts 0",
        NO_ROWS,
    ),
    metric("precision(class)", &[], Of::Precision(EACH), "TP / (TP + FP) of the label", SAID),
    metric("recall_macro", &[], Of::Recall(Average::Macro), "mean recall of the labels", TRUE),
    metric("recall_micro", &[], Of::Recall(Average::Micro), "recall of all labels of all rows as one", TRUE),
    metric(
        "recall_weighted",
        &[],
        Of::Recall(Average::Weighted),
        "mean recall of the labels by how many rows have them",
        TRUE,
    ),
    metric(
        "recall_samples",
        &[],
        Of::Recall(Average::Samples),
        "mean recall of the rows; one without a label counts 0",
        NO_ROWS,
    ),
    metric("recall(class)", &[], Of::Recall(EACH), "TP / (TP + FN) of the label", TRUE),
    metric("jaccard_macro", &[], Of::Jaccard(Average::Macro), "mean TP / (TP + FP + FN) of the labels", EITHER),
    metric("jaccard_micro", &[], Of::Jaccard(Average::Micro), "Jaccard of all labels of all rows as one", EITHER),
    metric(
        "jaccard_weighted",
        &[],
        Of::Jaccard(Average::Weighted),
        "mean Jaccard of the labels by how many rows have them",
        TRUE,
    ),
    metric(
        "jaccard_samples",
        &[],
        Of::Jaccard(Average::Samples),
        "mean Jaccard of the rows; one with no label at all counts 0",
        NO_ROWS,
    ),
    metric("jaccard(class)", &[], Of::Jaccard(EACH), "TP / (TP + FP + FN) of the label", EITHER),
    scored(metric("roc_auc_macro", &["roc_auc"], Of::RocAuc(Average::Macro), "mean ROC AUC of the labels", ONE_CLASS)),
    scored(metric("roc_auc(class)", &[], Of::RocAuc(EACH), "ROC AUC of the label", ONE_CLASS)),
    scored(metric(
        "average_precision_macro",
        &["average_precision"],
        Of::AveragePrecision(Average::Macro),
        "mean average precision of the labels",
        ONE_CLASS,
    )),
    scored(metric(
        "average_precision(class)",
        &[],
        Of::AveragePrecision(EACH),
        "average precision of the label",
        ONE_CLASS,
    )),
    scored(metric(
        "label_ranking_average_precision",
        &["lrap", "label_ranking_average_precision_score"],
        Of::LabelRankingAveragePrecision,
        "mean over a row's labels of the share of its labels among those scored as high; Tsoumakas et al. 2010",
        NO_ROWS,
    )),
];
