//! What is said of counted results, whoever counted them: the scan of this program, or another engine by SQL. Plain
//! numbers go in and a [`Finding`] comes out, so that one data set gets the same sentence and the same outcome
//! from each.

mod numbers;
mod rows;
#[cfg(test)]
mod tests;
mod values;

pub(in crate::data) use numbers::{Summary, aggregate, baseline, freshness, nulls, row_count};
pub(in crate::data) use rows::{Alike, Rarest, balance, columns, duplicates, ordered, shared, unique};
pub(in crate::data) use values::{Counted, condition, each, returned};

use super::figures;
use crate::model::{Measurement, Outcome, Unit};

/// What stands for a value that must not be shown.
pub(in crate::data) const PRIVATE: &str = "‹private›";

/// How a check came out; its id and text are the caller's.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) struct Finding {
    pub outcome: Outcome,
    pub message: String,
    pub value: Option<f64>,
    pub n: Option<u64>,
    pub examples: Vec<String>,
    /// With an id that lacks `data.NAME.`, and no source yet.
    pub measurement: Option<Measurement>,
}

impl Finding {
    pub fn of(outcome: Outcome, message: String) -> Finding {
        Finding { outcome, message, value: None, n: None, examples: Vec::new(), measurement: None }
    }

    pub fn errored(message: impl Into<String>) -> Finding {
        Finding::of(Outcome::Errored, message.into())
    }

    /// Examples are of what is wrong, so that a check which holds has none.
    fn judged(holds: bool, message: String, value: f64, n: u64, examples: Vec<String>) -> Finding {
        let outcome = if holds { Outcome::Passed } else { Outcome::Failed };
        let examples = if holds { Vec::new() } else { examples };
        Finding { value: Some(value), n: Some(n), examples, ..Finding::of(outcome, message) }
    }

    /// Of all rows only: with `where:` the number would be taken for that of the whole data set.
    fn measured(mut self, scope: Scope, id: String, value: f64, unit: Unit, n: u64) -> Finding {
        if scope.of.is_none() {
            self.measurement = Some(Measurement { n: Some(n), ..Measurement::new(id, value, unit, "") });
        }
        self
    }
}

/// The rows that a check looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct Scope {
    pub rows: u64,
    /// With `where:`, all rows of the data set.
    pub of: Option<u64>,
}

impl Scope {
    pub fn all(rows: u64) -> Scope {
        Scope { rows, of: None }
    }

    /// What every check but one of `rows` says when it had nothing to look at.
    pub fn empty(self) -> Option<Finding> {
        let reason = match (self.rows, self.of) {
            (0, None | Some(0)) => "the data set has no rows, so there is nothing to check".to_string(),
            (0, Some(of)) => format!("no row of {} fits `where`, so there is nothing to check", figures::count(of)),
            _ => return None,
        };
        Some(Finding::errored(reason))
    }

    /// `; 40 of 100 rows (40%) fit where`
    fn words(self) -> String {
        self.of.map_or(String::new(), |of| format!("; {} fit `where`", figures::part(self.rows, of, "rows")))
    }

    /// `; 12 nulls left out`
    fn left_out(self, checked: u64) -> String {
        let left_out = match self.rows.saturating_sub(checked) {
            0 => String::new(),
            1 => "; 1 null left out".to_string(),
            nulls => format!("; {} nulls left out", figures::count(nulls)),
        };
        left_out + &self.words()
    }

    /// `; 2 of 9 rows (22.22%) with a null left out`
    fn with_a_null(self, checked: u64) -> String {
        let left_out = match self.rows.saturating_sub(checked) {
            0 => String::new(),
            nulls => format!("; {} with a null left out", figures::part(nulls, self.rows, "rows")),
        };
        left_out + &self.words()
    }
}
