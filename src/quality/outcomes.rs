//! Predictions in memory: what was true, what was said, and which rows belong together.

use crate::stats::text::TextRow;

/// What a predictions file says, row by row; 20 to 40 bytes a row, of texts about 200.
#[derive(Clone, Debug)]
pub struct Predicted {
    pub source: String,
    pub outcomes: Outcomes,
    /// The first 128 bits of the SHA-256 of each row's id.
    pub ids: Option<Vec<u128>>,
    pub slices: Vec<SliceColumn>,
    /// Slice columns that the file lacks, where it may.
    pub without: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcomes {
    /// Classes by their place in `classes`; for a binary task 0 is negative and 1 positive.
    Classes {
        classes: Vec<String>,
        truth: Vec<u32>,
        predicted: Vec<u32>,
        scores: Option<Scores>,
    },
    Values {
        truth: Vec<f64>,
        predicted: Vec<f64>,
    },
    /// What came of comparing texts, and 64 bits of a digest of each row's references and of its prediction.
    Texts {
        rows: Vec<TextRow>,
        truth: Vec<u64>,
        predicted: Vec<u64>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    pub values: Vec<f64>,
    /// Machine epsilon of the column's type.
    pub epsilon: f64,
}

#[derive(Clone, Debug)]
pub struct SliceColumn {
    pub column: String,
    pub values: Vec<String>,
    /// Each row's place in `values`; [`NO_SLICE`] where the column is null.
    pub codes: Vec<u32>,
}

pub const NO_SLICE: u32 = u32::MAX;

impl Outcomes {
    pub fn len(&self) -> usize {
        match self {
            Outcomes::Classes { truth, .. } => truth.len(),
            Outcomes::Values { truth, .. } => truth.len(),
            Outcomes::Texts { rows, .. } => rows.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows at `places`, in that order. Places must lie inside.
    pub fn select(&self, places: &[u32]) -> Outcomes {
        fn pick<T: Copy>(values: &[T], places: &[u32]) -> Vec<T> {
            places.iter().map(|&i| values[i as usize]).collect()
        }
        match self {
            Outcomes::Classes { classes, truth, predicted, scores } => Outcomes::Classes {
                classes: classes.clone(),
                truth: pick(truth, places),
                predicted: pick(predicted, places),
                scores: scores.as_ref().map(|s| Scores { values: pick(&s.values, places), epsilon: s.epsilon }),
            },
            Outcomes::Values { truth, predicted } => {
                Outcomes::Values { truth: pick(truth, places), predicted: pick(predicted, places) }
            }
            Outcomes::Texts { rows, truth, predicted } => Outcomes::Texts {
                rows: pick(rows, places),
                truth: pick(truth, places),
                predicted: pick(predicted, places),
            },
        }
    }
}
