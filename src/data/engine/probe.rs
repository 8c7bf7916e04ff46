//! From a check to what is asked of the engine; what is made of the answers is in `answer.rs`.

mod keys;
mod query;
mod values;

use super::dialect::Dialect;
use super::expr::{Kind, Trap};
use super::known::Known;
use super::pattern;
use super::sheet::Sheet;
use crate::config::data_check::sql;
use crate::config::{Aggregate, DataCheck, DataRule, Dataset, Measured};
use crate::data::checks::plan::Plan;
use crate::data::key::has_key;
use crate::data::table::Reading;
use crate::data::values::{Family, describe};
use std::rc::Rc;

/// Most failing rows shown of one check.
pub const EXAMPLES: usize = 5;
/// A label has few values; what has more is none.
pub const MOST_VALUES: u64 = 10_000;

/// What is asked for one check.
pub struct Probe {
    /// Counts the rows that `where:` lets through.
    pub scope: Option<usize>,
    /// Counts that must be zero, each with what it means if not.
    pub traps: Vec<(usize, String)>,
    /// Those of `where:`.
    pub only_traps: Vec<(usize, String)>,
    pub asked: Asked,
    /// Rows to show of a check that failed.
    pub examples: Option<Examples>,
}

impl Probe {
    /// The aggregates of the fused query that this check needs.
    pub fn aggregates(&self) -> Vec<usize> {
        let own = match &self.asked {
            Asked::Nothing | Asked::Columns(..) | Asked::Raw(_) => vec![],
            Asked::Nulls { nulls, nan } => std::iter::once(*nulls).chain(*nan).collect(),
            Asked::Number { n, nan, parts, .. } => [&[*n, *nan], &parts[..]].concat(),
            Asked::Newest { n, newest } => vec![*n, *newest],
            Asked::Each { checked, failed } => vec![*checked, *failed],
            Asked::Returned { failed } => vec![*failed],
            Asked::Own(_) => vec![],
            Asked::Distinct { n, .. } | Asked::Rarest { n, .. } => vec![*n],
        };
        let traps = self.traps.iter().chain(&self.only_traps).map(|(index, _)| *index);
        own.into_iter().chain(self.scope).chain(traps).collect()
    }
}

pub enum Asked {
    Nothing,
    Columns(Vec<String>, usize),
    Nulls {
        nulls: usize,
        nan: Option<usize>,
    },
    Number {
        function: Aggregate,
        n: usize,
        nan: usize,
        parts: Vec<usize>,
        value: String,
    },
    Newest {
        n: usize,
        newest: usize,
    },
    Each {
        checked: usize,
        failed: usize,
    },
    Returned {
        failed: usize,
    },
    /// A query of its own that answers with figures.
    Own(String),
    Distinct {
        n: usize,
        query: String,
    },
    /// A query of its own for value, count and number of different values.
    Rarest {
        n: usize,
        query: String,
    },
    /// A query of the user's.
    Raw(String),
}

/// A query for a few rows.
pub struct Examples {
    pub query: String,
    /// The columns shown, and whether each is fetched or private. None: all that come, by the names they have.
    pub columns: Option<Vec<(String, bool)>>,
}

pub struct Planner<'a, 'k> {
    pub set: &'a Dataset,
    /// Knows what types a check can be made for.
    pub plan: &'a Plan<'a>,
    pub sheet: Sheet<'k>,
    pub open: &'a mut dyn FnMut(&str) -> Result<Rc<Known>, String>,
}

type Planned = (Asked, Option<Examples>);

impl Planner<'_, '_> {
    /// # Errors
    /// Why the check cannot be judged.
    pub fn probe(&mut self, check: &DataCheck) -> Result<Probe, String> {
        let (mut traps, mut only_traps) = (Vec::new(), Vec::new());
        let only = match &check.only {
            None => None,
            Some(expr) => {
                let (sql, found) = self.sheet.condition(expr, None).map_err(|reason| format!("where: {reason}"))?;
                only_traps.extend(found);
                Some(sql)
            }
        };
        let scope = only.as_ref().map(|only| self.sheet.count(only));
        let within = Within(only);
        let (asked, examples) = self.asked(check, &within, &mut traps)?;
        let mut counted = |traps: Vec<Trap>| -> Vec<(usize, String)> {
            traps.into_iter().map(|trap| (self.sheet.count(&trap.sql), trap.reason)).collect()
        };
        let (traps, only_traps) = (counted(traps), counted(only_traps));
        Ok(Probe { scope, traps, only_traps, asked, examples })
    }

    fn d(&self) -> Dialect {
        self.sheet.dialect
    }

    fn asked(&mut self, check: &DataCheck, within: &Within, traps: &mut Vec<Trap>) -> Result<Planned, String> {
        let plan = self.plan;
        match &check.rule {
            DataRule::Rows { .. } | DataRule::Baseline { of: Measured::Rows, .. } => Ok((Asked::Nothing, None)),
            DataRule::Columns { wanted, exact, ordered } => {
                let (wrong, of) = plan.wrong_columns(wanted, *exact, *ordered);
                Ok((Asked::Columns(wrong, of), None))
            }
            DataRule::Nulls { column, .. } => {
                let (value, kind) = self.sheet.value(column, Reading::Typed)?;
                let nulls = self.sheet.count(&within.and(&format!("{value} IS NULL")));
                let is_nan = format!("isnan({value})");
                let nan = (kind == Kind::Float).then(|| self.sheet.count(&within.and(&is_nan)));
                let bad = match nan {
                    Some(_) => format!("({value} IS NULL OR {is_nan})"),
                    None => format!("{value} IS NULL"),
                };
                let examples = self.failing(std::slice::from_ref(column), &within.and(&bad))?;
                Ok((Asked::Nulls { nulls, nan }, examples))
            }
            DataRule::Aggregate { function: Aggregate::Distinct, column, .. }
            | DataRule::Baseline { of: Measured::Aggregate { function: Aggregate::Distinct, column }, .. } => {
                self.must_have_key(column)?;
                let key = self.sheet.key(column)?;
                let there = within.and(&format!("{key} IS NOT NULL"));
                let n = self.sheet.count(&there);
                let groups = format!("SELECT 1 AS one FROM {} WHERE {there} GROUP BY {key}", self.sheet.rows());
                let query = format!("SELECT CAST(count(*) AS BIGINT) AS g FROM ({groups}) AS u");
                Ok((Asked::Distinct { n, query }, None))
            }
            DataRule::Aggregate { function, column, .. }
            | DataRule::Baseline { of: Measured::Aggregate { function, column }, .. } => {
                plan.must(column, "a number", |f| f.is_number() || f == Family::Bool)?;
                Ok((self.number(*function, column, within)?, None))
            }
            DataRule::Freshness { column, .. } => {
                plan.must(column, "a date or timestamp", Family::is_time)?;
                let (value, kind) = self.sheet.value(column, Reading::Typed)?;
                let value = if kind == Kind::Null { "CAST(NULL AS BIGINT)".to_string() } else { value };
                let there = within.and(&format!("{value} IS NOT NULL"));
                let n = self.sheet.count(&there);
                let newest = self.sheet.aggregate(format!("max(CASE WHEN {there} THEN {value} END)"));
                Ok((Asked::Newest { n, newest }, None))
            }
            DataRule::Unique { columns } => self.repeats(columns, false, within),
            DataRule::Duplicates { columns, .. } => self.repeats(columns, true, within),
            DataRule::Between { column, low, high } => {
                let (rule, reading) = plan.between(column, low, high)?;
                self.each(&rule, column, reading, within)
            }
            DataRule::In { column, values } => {
                let (rule, reading) = plan.within(column, values)?;
                self.each(&rule, column, reading, within)
            }
            DataRule::Matches { column, pattern } => {
                self.must_be_text(plan, column)?;
                let (value, _) = self.sheet.value(column, Reading::Text)?;
                let good = self.d().matches(&value, &pattern::translate(pattern, self.d())?);
                self.judged(column, &value, &good, within)
            }
            DataRule::Length { column, range } => {
                self.must_be_text(plan, column)?;
                let (value, _) = self.sheet.value(column, Reading::Text)?;
                let length = format!("CAST({} AS DOUBLE)", self.d().length(&value));
                let good = self.in_range(&length, *range);
                self.judged(column, &value, &good, within)
            }
            DataRule::Balance { column, .. } => {
                self.must_have_key(column)?;
                let key = self.sheet.key(column)?;
                let there = within.and(&format!("{key} IS NOT NULL"));
                let n = self.sheet.count(&there);
                let shown = match self.set.private.contains(column) {
                    true => "CAST(NULL AS BIGINT)",
                    false => "k",
                };
                let groups = format!(
                    "SELECT {key} AS k, CAST(count(*) AS BIGINT) AS n FROM {} WHERE {there} GROUP BY {key}",
                    self.sheet.rows()
                );
                let counted = format!(
                    "SELECT {shown} AS v, n, CAST(count(*) OVER () AS BIGINT) AS u, min(n) OVER () AS m \
                     FROM ({groups}) AS g"
                );
                let query = format!("SELECT v, n, u FROM ({counted}) AS w WHERE n = m LIMIT {MOST_VALUES}");
                Ok((Asked::Rarest { n, query }, None))
            }
            DataRule::Ordered { column, order } => self.ordered(plan, column, *order, within),
            DataRule::References { column, dataset, other } => self.references(column, dataset, other, within),
            DataRule::Shared { columns, dataset, .. } => self.shared(columns, dataset, within),
            DataRule::Expr { condition } => {
                let (sql, found) = self.sheet.condition(condition, within.0.as_deref())?;
                traps.extend(found);
                let bad = within.and(&format!("NOT ({sql})"));
                let checked = self.sheet.count(&within.and(&format!("(({sql}) IS NOT NULL)")));
                let failed = self.sheet.count(&bad);
                let shown: Vec<String> = condition.columns().into_iter().map(str::to_string).collect();
                Ok((Asked::Each { checked, failed }, self.failing(&shown, &bad)?))
            }
            DataRule::Sql { query } => match sql::compile(query, &self.set.name) {
                Ok(filter) => self.filter(&filter.condition, filter.columns, traps),
                Err(_) => self.raw(query),
            },
        }
    }

    /// A query for rows that fail; None if nothing of them may be seen.
    fn failing(&self, columns: &[String], bad: &str) -> Result<Option<Examples>, String> {
        self.rows(columns, "", |_| format!("WHERE {bad}"))
    }

    /// `joins` stands behind the rows, `filter` is made from the names that the shown columns have.
    fn rows(
        &self,
        columns: &[String],
        joins: &str,
        filter: impl Fn(&[String]) -> String,
    ) -> Result<Option<Examples>, String> {
        let known = self.sheet.known;
        let (mut fetched, mut names, mut order) = (Vec::new(), Vec::new(), Vec::new());
        for column in columns.iter().filter(|column| !self.set.private.contains(column)) {
            let name = format!("e{}", names.len());
            if has_key(&known.type_of(column)?) {
                order.push(name.clone());
            }
            fetched.push(format!("{} AS {name}", known.shown(self.d(), column)?));
            names.push(name);
        }
        if fetched.is_empty() {
            return Ok(None);
        }
        let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
        let from = self.sheet.with(&fetched.join(", "));
        let query =
            format!("SELECT {} FROM {from}{joins} {}{order} LIMIT {EXAMPLES}", names.join(", "), filter(&names));
        let shown = |column: &String| (column.clone(), !self.set.private.contains(column));
        Ok(Some(Examples { query, columns: Some(columns.iter().map(shown).collect()) }))
    }

    fn must_have_key(&self, column: &str) -> Result<(), String> {
        let data_type = self.sheet.known.type_of(column)?;
        match has_key(&data_type) {
            true => Ok(()),
            false => Err(format!("{column} is {}, whose values cannot be told apart", describe(&data_type))),
        }
    }

    fn must_be_text(&self, plan: &Plan, column: &str) -> Result<(), String> {
        match plan.guessed() {
            true => self.sheet.known.type_of(column).map(drop),
            false => plan.must(column, "text", |f| f == Family::Text),
        }
    }
}

/// `where:`, as SQL over slots.
struct Within(Option<String>);

impl Within {
    fn and(&self, condition: &str) -> String {
        match &self.0 {
            Some(only) => format!("(({only}) AND {condition})"),
            None => condition.to_string(),
        }
    }
}
