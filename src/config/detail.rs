//! What single tasks need to know of their predictions beside label, score and prediction.

use super::Task;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The names of tasks, as `task:` writes them.
pub const TASKS: &[&str] =
    &["binary", "multiclass", "multilabel", "regression", "text", "ranking", "forecast", "repeats"];

impl Task {
    /// The task of that name.
    pub fn named(name: &str) -> Option<Task> {
        Some(match name {
            "binary" => Task::Binary,
            "multiclass" => Task::Multiclass,
            "multilabel" => Task::Multilabel,
            "regression" => Task::Regression,
            "text" => Task::Text,
            "ranking" => Task::Ranking,
            "forecast" => Task::Forecast,
            "repeats" => Task::Repeats,
            _ => return None,
        })
    }

    /// As `task:` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Task::Binary => "binary",
            Task::Multiclass => "multiclass",
            Task::Multilabel => "multilabel",
            Task::Regression => "regression",
            Task::Text => "text",
            Task::Ranking => "ranking",
            Task::Forecast => "forecast",
            Task::Repeats => "repeats",
        }
    }
}

/// On the wire it rides with predictions that are kept in a record; a key that is not known there is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Detail {
    /// Multilabel: every label there is, in the order of lists of scores.
    pub labels: Vec<String>,
    /// Multiclass: the column with the probability of each class.
    pub scores: Vec<(String, String)>,
    /// Ascending, each once.
    pub k: Vec<usize>,
    /// Of the calibration errors.
    pub bins: usize,
    /// Ranking: the column whose equal values are one query.
    pub query: Option<String>,
    /// Ranking: the least relevance that counts as relevant.
    pub relevant: f64,
    /// Forecast: the column whose equal values are one series.
    pub series: Option<String>,
    /// Forecast: the column that rows of a series are ordered by.
    pub time: Option<String>,
    /// Forecast: levels between 0 and 1, ascending, and their columns.
    pub quantiles: Vec<(f64, String)>,
    /// Forecast: the column with the naive forecast's mean absolute error on the history of the row's series.
    pub naive: Option<String>,
    /// Forecast: the file of the history, relative to the folder of `mlops.yaml`.
    pub history: Option<PathBuf>,
    /// Forecast: rows from one value to the one that the naive forecast repeats.
    pub season: usize,
    /// Repeats: the column with the number of the attempt.
    pub attempt: Option<String>,
    /// Repeats: the column with whether it passed.
    pub passed: Option<String>,
    /// Repeats: attempts of each item.
    pub repeat: usize,
    /// Repeats: attempts that must pass for the item to pass.
    pub pass: usize,
}

impl Default for Detail {
    fn default() -> Detail {
        Detail {
            labels: Vec::new(),
            scores: Vec::new(),
            k: Vec::new(),
            bins: 10,
            query: None,
            relevant: f64::MIN_POSITIVE,
            series: None,
            time: None,
            quantiles: Vec::new(),
            naive: None,
            history: None,
            season: 1,
            attempt: None,
            passed: None,
            repeat: 0,
            pass: 0,
        }
    }
}
