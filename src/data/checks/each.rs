//! Checks that each value, or each row, must pass: between, in, matches, references, sql.

use super::findings::{self, Counted};
use super::{EXAMPLES, Finding, KeySet, Rows, Scope, Values};
use crate::config::DataRule;
use crate::config::data_check::filter::Expr;
use crate::data::filter;
use arrow::array::{Array, BooleanArray};
use regex::Regex;
use std::collections::HashSet;

/// The rule, with its literals in the type of the column.
pub(super) enum Rule {
    Ints {
        low: i64,
        high: i64,
    },
    Floats {
        low: f64,
        high: f64,
    },
    Times {
        low: i64,
        high: i64,
    },
    Texts {
        low: String,
        high: String,
    },
    InInts(HashSet<i64>),
    InFloats(Vec<f64>),
    InTimes(HashSet<i64>),
    InTexts(HashSet<String>),
    InBools(HashSet<bool>),
    Matches(Regex),
    References(KeySet),
    /// True for rows that fail; nulls and false pass, as in SQL. Column indices by name, and the present.
    Filter(Expr, Vec<(String, usize)>, i64),
}

pub(super) struct Each {
    rule: Rule,
    /// The column judged; none for a filter, which judges rows.
    column: Option<usize>,
    shown: Vec<usize>,
    checked: u64,
    failed: u64,
    examples: Vec<String>,
}

impl Each {
    pub fn new(rule: Rule, column: Option<usize>, shown: Vec<usize>) -> Each {
        Each { rule, column, shown, checked: 0, failed: 0, examples: Vec::new() }
    }

    pub fn feed(&mut self, rows: &Rows) -> Result<(), String> {
        if let Rule::Filter(condition, columns, now) = &self.rule {
            let returned = filter::evaluate(condition, rows.batch, columns, *now)?;
            self.checked += rows.len() as u64;
            let failing = |row: usize| !returned.is_null(row) && returned.value(row);
            self.note(rows, (0..rows.len()).filter(|row| failing(*row)));
            return Ok(());
        }
        let Some(column) = self.column else { return Ok(()) };
        let values = rows.values(column)?;
        self.checked += (rows.len() - values.nulls()) as u64;
        let good = self.judge(rows, column, values)?;
        self.note(rows, (0..rows.len()).filter(|row| !values.is_null(*row) && !good.value(*row)));
        Ok(())
    }

    fn note(&mut self, rows: &Rows, failing: impl Iterator<Item = usize>) {
        for row in failing {
            self.failed += 1;
            if self.examples.len() < EXAMPLES {
                self.examples.push(rows.example(row, &self.shown));
            }
        }
    }

    /// For each row whether its value is good; what it says of nulls does not matter.
    fn judge(&self, rows: &Rows, column: usize, values: &Values) -> Result<BooleanArray, String> {
        if let (Values::Coded(coded), true) = (values, !matches!(self.rule, Rule::References(_))) {
            return self.judge(rows, column, &Values::Text(coded.plain()?));
        }
        let each = |good: &dyn Fn(usize) -> bool| -> BooleanArray {
            (0..rows.len()).map(|row| Some(!values.is_null(row) && good(row))).collect()
        };
        Ok(match (&self.rule, values) {
            (Rule::Ints { low, high }, Values::Int(v)) => each(&|i| (*low..=*high).contains(&v.value(i))),
            (Rule::Floats { low, high }, Values::Float(v)) => each(&|i| (*low..=*high).contains(&v.value(i))),
            (Rule::Times { low, high }, Values::Time(v)) => each(&|i| (*low..=*high).contains(&v.value(i))),
            (Rule::Texts { low, high }, Values::Text(v)) => {
                each(&|i| low.as_str() <= v.value(i) && v.value(i) <= high.as_str())
            }
            (Rule::InInts(set), Values::Int(v)) => each(&|i| set.contains(&v.value(i))),
            (Rule::InFloats(list), Values::Float(v)) => each(&|i| list.contains(&v.value(i))),
            (Rule::InTimes(set), Values::Time(v)) => each(&|i| set.contains(&v.value(i))),
            (Rule::InTexts(set), Values::Text(v)) => each(&|i| set.contains(v.value(i))),
            (Rule::InBools(set), Values::Bool(v)) => each(&|i| set.contains(&v.value(i))),
            (Rule::Matches(pattern), Values::Text(v)) => each(&|i| pattern.is_match(v.value(i))),
            (Rule::References(set), _) => {
                let mut keys = rows.keys(&[column])?;
                (0..rows.len()).map(|row| Ok(Some(set.contains(keys.at(row)?.0)))).collect::<Result<_, String>>()?
            }
            (_, Values::Null(_)) => each(&|_| false),
            _ => return Err("the column's type is not the one that the check was made for".to_string()),
        })
    }

    pub fn finish(self, rule: &DataRule, scope: Scope) -> Finding {
        let counted = Counted { checked: self.checked, failed: self.failed, examples: self.examples };
        match rule {
            DataRule::Sql { .. } => findings::returned(counted.failed, Some(scope.rows), counted.examples),
            rule => findings::each(rule, None, scope, counted),
        }
    }
}
