//! From what the engine answered to a finding, in the words that every engine's findings have.

use super::figure::Figure;
use super::probe::{Asked, MOST_VALUES, Probe};
use super::sheet::Sheet;
use crate::config::{Aggregate, DataCheck, DataRule, Measured};
use crate::data::checks::findings::{self, Alike, Counted, Finding, Rarest, Scope, Summary};
use crate::data::checks::plan::shortened;
use crate::model::Baseline;

impl Probe {
    /// What the answers say. `own` is the row of the check's own query.
    pub fn finding(&self, check: &DataCheck, answer: &Answer) -> Finding {
        let trapped = |traps: &[(usize, String)]| {
            traps.iter().find(|(index, _)| answer.figure(*index).count() > 0).map(|(_, reason)| reason.clone())
        };
        if let Some(reason) = trapped(&self.only_traps) {
            return Finding::errored(format!("where: {reason}"));
        }
        let rows = answer.figure(0).count();
        let scope = match self.scope {
            Some(index) => Scope { rows: answer.figure(index).count(), of: Some(rows) },
            None => Scope::all(rows),
        };
        let judged_empty = matches!(
            check.rule,
            DataRule::Rows { .. } | DataRule::Columns { .. } | DataRule::Baseline { of: Measured::Rows, .. }
        );
        if let Some(empty) = scope.empty().filter(|_| !judged_empty) {
            return empty;
        }
        if let Some(reason) = trapped(&self.traps) {
            return Finding::errored(reason);
        }
        let count = |index: usize| answer.figure(index).count();
        let own = |index: usize| answer.own.get(index).map_or(0, |figure| figure.count());
        let examples = answer.examples.to_vec();
        let alike = || Alike { seen: own(0), alike: own(1), examples: examples.clone() };
        match (&check.rule, &self.asked) {
            (DataRule::Rows { op, bound }, _) => findings::row_count(scope, *op, *bound),
            (DataRule::Columns { .. }, Asked::Columns(wrong, wanted)) => {
                findings::columns(shortened(wrong.clone()), wrong.len(), *wanted)
            }
            (DataRule::Nulls { column, op, bound }, Asked::Nulls { nulls, nan }) => {
                findings::nulls((column, *op, *bound), scope, (count(*nulls), nan.map_or(0, count)), examples)
            }
            (DataRule::Aggregate { function, column, range }, _) => {
                let summary = self.summary(column, answer);
                findings::aggregate((*function, column, *range), scope, summary)
            }
            (DataRule::Baseline { of, tolerance }, _) => {
                let summary = match of {
                    Measured::Rows => Summary { n: rows, nan: 0, value: rows as f64, private: false },
                    Measured::Aggregate { column, .. } => self.summary(column, answer),
                };
                findings::baseline((answer.dataset, of, *tolerance), scope, summary, answer.baseline)
            }
            (DataRule::Freshness { column, op, bound }, Asked::Newest { n, newest }) => {
                let newest = answer.figure(*newest).whole();
                let private = answer.private.contains(column);
                findings::freshness((column, *op, *bound), scope, (count(*n), newest), answer.now, private)
            }
            (DataRule::Unique { .. }, _) => findings::unique(scope, alike()),
            (DataRule::Duplicates { columns, op, bound }, _) => {
                findings::duplicates((columns, *op, *bound), scope, alike())
            }
            (DataRule::Shared { columns, dataset, .. }, _) if own(2) == 0 => {
                let names = match &columns[..] {
                    [column] => format!("{dataset}.{column} has no values"),
                    columns => format!("{dataset} has no row without a null in {}", columns.join(", ")),
                };
                Finding::errored(format!("{names} to compare with"))
            }
            (DataRule::Shared { columns, dataset, op, bound }, _) => {
                findings::shared((columns, dataset, *op, *bound), scope, alike())
            }
            (DataRule::Balance { column, .. }, _) if answer.rarest.as_ref().is_some_and(|r| r.values > MOST_VALUES) => {
                Finding::errored(format!(
                    "{column} has more than 10,000 different values, so it is no label; `distinct({column})` counts them"
                ))
            }
            (DataRule::Balance { column, op, bound }, Asked::Rarest { n, .. }) => {
                findings::balance((column, *op, *bound), scope, count(*n), answer.rarest.clone())
            }
            (DataRule::Ordered { order, .. }, _) => findings::ordered(*order, scope, own(0), own(1), examples),
            (DataRule::References { dataset, other, .. }, _) if own(2) == 0 => {
                Finding::errored(format!("{dataset}.{other} has no values to compare with"))
            }
            (DataRule::References { .. }, _) => {
                let counted = Counted { checked: own(0), failed: own(1), examples };
                findings::each(&check.rule, check.mostly, scope, counted)
            }
            (rule, Asked::Each { checked, failed }) => {
                let counted = Counted { checked: count(*checked), failed: count(*failed), examples };
                match rule {
                    DataRule::Expr { .. } => findings::condition(check.mostly, scope, counted),
                    rule => findings::each(rule, check.mostly, scope, counted),
                }
            }
            (DataRule::Sql { .. }, Asked::Returned { failed }) => {
                findings::returned(count(*failed), Some(rows), examples)
            }
            (DataRule::Sql { .. }, _) => findings::returned(own(0), Some(rows).filter(|rows| *rows == 0), examples),
            _ => Finding::errored("this check is of no kind that mlgate knows"),
        }
    }

    fn summary(&self, column: &String, answer: &Answer) -> Summary {
        let private = answer.private.contains(column);
        let count = |index: usize| answer.figure(index).count();
        match &self.asked {
            Asked::Distinct { n, .. } => {
                let value = answer.own.first().map_or(f64::NAN, |figure| figure.number());
                Summary { n: count(*n), nan: 0, value, private }
            }
            Asked::Number { function, n, nan, parts, .. } => {
                let n = count(*n);
                let part = |index: usize| parts.get(index).map_or(Figure::Null, |index| answer.figure(*index));
                let infinite = part(1).count() + part(2).count() > 0;
                let value = match function {
                    Aggregate::Mean if !infinite => part(0).number() / n as f64,
                    Aggregate::Sum | Aggregate::Stddev if !infinite => part(0).number(),
                    Aggregate::Min | Aggregate::Max => part(0).number(),
                    Aggregate::Quantile(p) => match (answer.own, *p) {
                        ([low, high], p) => between(low.number(), high.number(), p, n),
                        _ => f64::NAN,
                    },
                    _ => f64::NAN,
                };
                Summary { n, nan: count(*nan), value, private }
            }
            _ => Summary { n: 0, nan: 0, value: f64::NAN, private },
        }
    }

    /// The query of a second pass, once the first one has told how many values there are.
    pub fn second(&self, sheet: &Sheet, figures: &[Figure]) -> Option<String> {
        match &self.asked {
            Asked::Own(query) | Asked::Distinct { query, .. } | Asked::Rarest { query, .. } | Asked::Raw(query) => {
                Some(query.clone())
            }
            Asked::Number { function: Aggregate::Quantile(p), n, nan, value, .. } => {
                let count = |index: usize| figures.get(index).map_or(0, |figure| figure.count());
                let (n, nan) = (count(*n), count(*nan));
                if n == 0 || nan > 0 {
                    return None;
                }
                let (low, high) = ranks(*p, n);
                let nth = |index| sheet.dialect.nth(value, index, n);
                Some(format!("SELECT {} AS low, {} AS high FROM {}", nth(low), nth(high), sheet.rows()))
            }
            _ => None,
        }
    }
}

/// The order statistics, from 0, between which the quantile lies.
fn ranks(p: f64, n: u64) -> (u64, u64) {
    let at = p * (n - 1) as f64;
    (at.floor() as u64, at.ceil() as u64)
}

/// Linear between order statistics, as NumPy does.
fn between(low: f64, high: f64, p: f64, n: u64) -> f64 {
    let at = p * n.saturating_sub(1) as f64;
    match low == high {
        true => low,
        false => low + (high - low) * (at - at.floor()),
    }
}

/// Everything that a finding is made of.
pub struct Answer<'a> {
    pub dataset: &'a str,
    pub now: i64,
    pub private: &'a [String],
    pub baseline: &'a Baseline,
    /// Of the fused query.
    pub figures: &'a [Figure],
    /// Of the check's own query.
    pub own: &'a [Figure],
    pub rarest: Option<Rarest>,
    pub examples: &'a [String],
}

impl Answer<'_> {
    fn figure(&self, index: usize) -> Figure {
        self.figures.get(index).copied().unwrap_or(Figure::Null)
    }
}
