//! `unique` and `duplicates`: rows whose values were there before.

use super::findings::{self, Alike};
use super::{EXAMPLES, Finding, KeySet, Rows, Scope};
use crate::config::DataRule;

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

    pub fn finish(self, rule: &DataRule, scope: Scope) -> Finding {
        let found = Alike { seen: self.seen, alike: self.repeated, examples: self.examples };
        match rule {
            DataRule::Duplicates { columns, op, bound } => findings::duplicates((columns, *op, *bound), scope, found),
            _ => findings::unique(scope, found),
        }
    }
}
