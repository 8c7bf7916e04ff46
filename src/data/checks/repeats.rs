//! `unique` and `duplicates`: rows whose values were there before.

use super::{EXAMPLES, Finding, KeySet, Rows, figures};
use crate::config::DataRule;
use crate::model::Unit;

pub(super) struct Repeats {
    columns: Vec<usize>,
    /// `unique` follows SQL, where a null equals nothing; `duplicates` counts nulls as equal, as pandas does.
    nulls_equal: bool,
    keys: KeySet,
    seen: u64,
    repeated: u64,
    examples: Vec<String>,
}

impl Repeats {
    pub fn new(columns: Vec<usize>, nulls_equal: bool) -> Repeats {
        Repeats { columns, nulls_equal, keys: KeySet::default(), seen: 0, repeated: 0, examples: Vec::new() }
    }

    pub fn feed(&mut self, rows: &Rows) -> Result<(), String> {
        let mut keys = rows.keys(&self.columns)?;
        for row in 0..rows.len() {
            let (key, null) = keys.at(row)?;
            if null && !self.nulls_equal {
                continue;
            }
            self.seen += 1;
            if !self.keys.insert(key)? {
                self.repeated += 1;
                if self.examples.len() < EXAMPLES {
                    self.examples.push(rows.example(row, &self.columns));
                }
            }
        }
        Ok(())
    }

    pub fn finish(self, rule: &DataRule, rows: u64) -> Finding {
        if self.seen == 0 {
            return Finding::errored("every row has a null there, so there is nothing to check".to_string());
        }
        let (value, n) = (Some(self.repeated as f64), Some(self.seen));
        let left_out = match rows - self.seen {
            0 => String::new(),
            nulls => format!("; {} with a null left out", figures::part(nulls, rows, "rows")),
        };
        let repeated = match self.repeated {
            0 => format!("all {} rows are different{left_out}", figures::count(self.seen)),
            some => format!("{} repeat an earlier row{left_out}", figures::part(some, self.seen, "rows")),
        };
        let finding = match rule {
            DataRule::Duplicates { columns, op, bound } => {
                let holds = figures::holds(self.repeated, self.seen, *op, *bound);
                let message = format!("{repeated}, expected {}", figures::bound(*op, *bound));
                let id = format!("duplicates({})", columns.join(", "));
                Finding::judged(holds, message).measured(id, self.repeated as f64, Unit::Count, self.seen)
            }
            _ => Finding::judged(self.repeated == 0, repeated),
        };
        Finding { value, n, examples: self.examples, ..finding }
    }
}
