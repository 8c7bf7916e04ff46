//! Ranked documents of queries.

use super::{Kind, MetricInfo, NO_ROWS, higher, lower};
use crate::stats::retrieval::RetrievalMetric as Of;

const fn metric(id: &'static str, aliases: &'static [&'static str], of: Of, formula: &'static str) -> MetricInfo {
    higher(lower(id, aliases, Kind::Retrieval(of), formula, NO_ROWS))
}

pub const METRICS: &[MetricInfo] = &[
    metric(
        "ndcg",
        &["ndcg_score"],
        Of::Ndcg(None),
        "Σ relevance / log₂(1 + rank) against the ideal order, ties averaged; Järvelin & Kekäläinen 2002",
    ),
    metric("ndcg@k", &[], Of::Ndcg(Some(1)), "ndcg of the first k documents"),
    metric(
        "map",
        &["mean_average_precision"],
        Of::AveragePrecision,
        "mean over queries of scikit-learn's average_precision_score",
    ),
    metric(
        "mrr",
        &["mean_reciprocal_rank"],
        Of::ReciprocalRank,
        "mean of 1 / rank of the first relevant document; ties averaged, McSherry & Najork 2008",
    ),
    metric("precision@k", &[], Of::Precision(1), "relevant among the first k / k; ties averaged"),
    metric("recall@k", &[], Of::Recall(1), "relevant among the first k / relevant; ties averaged"),
    metric("hit_rate@k", &[], Of::Hit(1), "share of queries with a relevant document among the first k; ties averaged"),
];
