//! Items that were tried several times.

use super::{Kind, MetricInfo, NO_ROWS, higher, lower, share};
use crate::stats::repeats::RepeatMetric as Of;

const fn metric(id: &'static str, aliases: &'static [&'static str], of: Of, formula: &'static str) -> MetricInfo {
    higher(lower(id, aliases, Kind::Repeat(of), formula, NO_ROWS))
}

pub const METRICS: &[MetricInfo] = &[
    share(metric("pass_rate", &[], Of::PassRate(0), "share of items of which at least `pass` attempts pass")),
    share(metric("attempt_pass_rate", &[], Of::AttemptPassRate, "mean over items of the share of attempts that pass")),
    share(metric(
        "pass@k",
        &[],
        Of::PassAtK(1),
        "1 − C(n − c, k) / C(n, k): one of k attempts passes; Chen et al. 2021",
    )),
    share(metric(
        "pass_all@k",
        &[],
        Of::PassAllK(1),
        "C(c, k) / C(n, k): all of k attempts pass (pass^k); Yao et al. 2024",
    )),
    MetricInfo { highest: None, ..metric("mean_score", &[], Of::MeanScore, "mean over items of their mean score") },
    share(metric("agreement", &[], Of::Agreement, "share of an item's pairs of attempts that end alike; Fleiss 1971")),
    lower(
        "score_variance",
        &[],
        Kind::Repeat(Of::ScoreVariance),
        "mean over items of the variance of their scores, with n − 1",
        NO_ROWS,
    ),
];
