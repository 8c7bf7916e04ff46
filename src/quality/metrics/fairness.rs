//! Fairness between the slices of a column, of two classes; Fairlearn's names and definitions.

use super::{Better, Kind, MetricInfo};
use crate::model::Unit;

/// What a measure compares, and how.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The most unequal of them counts.
    pub rates: &'static [Rate],
    pub between: Between,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// How often rows are predicted positive.
    Selection,
    /// How often positive rows are.
    TruePositive,
    /// How often negative rows are.
    FalsePositive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// Largest minus smallest.
    Difference,
    /// Smallest over largest.
    Ratio,
}

const ODDS: &[Rate] = &[Rate::TruePositive, Rate::FalsePositive];
const NO_POSITIVE: &str = "a group has no positive row, or of a ratio: none is predicted positive";
const NO_CLASS: &str = "a group has no positive or no negative row, or of a ratio: none is predicted positive";

const fn measure(
    id: &'static str,
    rates: &'static [Rate],
    between: Between,
    formula: &'static str,
    undefined: &'static str,
) -> (MetricInfo, Measure) {
    let is_ratio = matches!(between, Between::Ratio);
    let info = MetricInfo {
        id,
        aliases: &[],
        unit: Unit::Score,
        better: if is_ratio { Better::Higher } else { Better::Lower },
        formula,
        undefined,
        needs_scores: false,
        highest: if is_ratio { Some(1.0) } else { None },
        kind: Kind::Fairness,
    };
    (info, Measure { rates, between })
}

pub const METRICS: &[(MetricInfo, Measure)] = &[
    measure(
        "demographic_parity_difference",
        &[Rate::Selection],
        Between::Difference,
        "largest minus smallest share predicted positive",
        "no group has a row",
    ),
    measure(
        "demographic_parity_ratio",
        &[Rate::Selection],
        Between::Ratio,
        "smallest over largest share predicted positive",
        "no row is predicted positive",
    ),
    measure(
        "equal_opportunity_difference",
        &[Rate::TruePositive],
        Between::Difference,
        "largest minus smallest recall; Hardt, Price & Srebro 2016",
        NO_POSITIVE,
    ),
    measure(
        "equal_opportunity_ratio",
        &[Rate::TruePositive],
        Between::Ratio,
        "smallest over largest recall",
        NO_POSITIVE,
    ),
    measure(
        "equalized_odds_difference",
        ODDS,
        Between::Difference,
        "the larger of the differences of recall and of the false positive rate; Hardt, Price & Srebro 2016",
        NO_CLASS,
    ),
    measure(
        "equalized_odds_ratio",
        ODDS,
        Between::Ratio,
        "the smaller of the ratios of recall and of the false positive rate",
        NO_CLASS,
    ),
];
