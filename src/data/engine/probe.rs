//! From a check to what is asked of the engine. One place for every rule, so that it is a long one; what is made of
//! the answers is in `answer.rs`.

use super::dialect::Dialect;
use super::expr::{Kind, Trap};
use super::known::Known;
use super::pattern;
use super::sheet::Sheet;
use crate::config::data_check::{filter::Expr, sql};
use crate::config::{Aggregate, DataCheck, DataRule, Dataset, Measured, NumberRange, Order};
use crate::data::checks::each::{Rule, TextRule};
use crate::data::checks::plan::{Plan, comparable};
use crate::data::key::has_key;
use crate::data::table::{Reading, missing_column};
use crate::data::values::{Family, describe};
use crate::model::Op;
use arrow::datatypes::DataType;
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

    fn in_range(&self, value: &str, range: NumberRange) -> String {
        match range {
            NumberRange::Between { low, high } => {
                format!("({value} BETWEEN {} AND {})", self.d().float(low), self.d().float(high))
            }
            NumberRange::Compare { op, bound } => format!("({value} {} {})", sign(op), self.d().float(bound)),
        }
    }

    fn judged(&mut self, column: &str, value: &str, good: &str, within: &Within) -> Result<Planned, String> {
        let there = format!("{value} IS NOT NULL");
        let bad = within.and(&format!("({there} AND NOT ({good}))"));
        let checked = self.sheet.count(&within.and(&there));
        let failed = self.sheet.count(&bad);
        Ok((Asked::Each { checked, failed }, self.failing(&[column.to_string()], &bad)?))
    }

    fn each(&mut self, rule: &Rule, column: &str, reading: Reading, within: &Within) -> Result<Planned, String> {
        let d = self.d();
        let (value, kind) = self.sheet.value(column, reading)?;
        let one_of = |mut list: Vec<String>| {
            list.sort_unstable();
            if list.is_empty() { "FALSE".to_string() } else { format!("({value} IN ({}))", list.join(", ")) }
        };
        let between = |low: String, high: String| format!("({value} BETWEEN {low} AND {high})");
        let good = match rule {
            _ if kind == Kind::Null => "FALSE".to_string(),
            Rule::Ints { low, high } => between(d.int(*low), d.int(*high)),
            Rule::Times { low, high } => between(d.int(*low), d.int(*high)),
            Rule::Floats { low, high } => {
                format!("(NOT isnan({value}) AND {})", between(d.float(*low), d.float(*high)))
            }
            Rule::Text(TextRule::Between { low, high }) => between(d.text(low), d.text(high)),
            Rule::InInts(set) => one_of(set.iter().map(|v| d.int(*v)).collect()),
            Rule::InTimes(set) => one_of(set.iter().map(|v| d.int(*v)).collect()),
            Rule::InFloats(list) => one_of(list.iter().map(|v| d.float(*v)).collect()),
            Rule::Text(TextRule::In(set)) => one_of(set.iter().map(|v| d.text(v)).collect()),
            Rule::InBools(set) => one_of(set.iter().map(|v| d.boolean(*v).to_string()).collect()),
            _ => return Err("this check is of no kind that mlgate knows".to_string()),
        };
        self.judged(column, &value, &good, within)
    }

    fn number(&mut self, function: Aggregate, column: &str, within: &Within) -> Result<Asked, String> {
        let d = self.d();
        let (value, kind) = self.sheet.value(column, Reading::Typed)?;
        let x = match kind {
            Kind::Bool => {
                format!("(CASE WHEN {value} THEN {} WHEN NOT {value} THEN {} END)", d.float(1.0), d.float(0.0))
            }
            _ => format!("CAST({value} AS DOUBLE)"),
        };
        let number = within.and(&format!("({x} IS NOT NULL AND NOT isnan({x}))"));
        let n = self.sheet.count(&number);
        let nan = self.sheet.count(&within.and(&format!("isnan({x})")));
        let infinite = |sheet: &mut Sheet, value: f64| sheet.count(&within.and(&format!("{x} = {}", d.float(value))));
        let bound = d.float(f64::MAX);
        let finite = format!("CASE WHEN {} THEN {x} END", within.and(&format!("abs({x}) <= {bound}")));
        let parts = match function {
            Aggregate::Mean | Aggregate::Sum | Aggregate::Stddev => {
                let sum = match kind {
                    // Exact, and rounded once.
                    Kind::Int => {
                        let wide = d.wide(&value);
                        format!("CAST(sum(CASE WHEN {number} THEN {wide} END) AS DOUBLE)")
                    }
                    _ => d.sum(&finite),
                };
                let sum = match function {
                    Aggregate::Stddev => format!("stddev_samp({finite})"),
                    _ => sum,
                };
                let parts = [f64::INFINITY, f64::NEG_INFINITY].map(|v| infinite(&mut self.sheet, v));
                vec![self.sheet.aggregate(sum), parts[0], parts[1]]
            }
            Aggregate::Min => vec![self.sheet.aggregate(format!("min(CASE WHEN {number} THEN {x} END)"))],
            Aggregate::Max => vec![self.sheet.aggregate(format!("max(CASE WHEN {number} THEN {x} END)"))],
            Aggregate::Quantile(_) | Aggregate::Distinct => vec![],
        };
        let value = format!("CASE WHEN {number} THEN {x} END");
        Ok(Asked::Number { function, n, nan, parts, value })
    }

    fn repeats(&mut self, columns: &[String], nulls_equal: bool, within: &Within) -> Result<Planned, String> {
        columns.iter().try_for_each(|column| self.must_have_key(column))?;
        let keys = columns.iter().map(|column| self.sheet.key(column)).collect::<Result<Vec<_>, _>>()?;
        let there: Vec<String> = keys.iter().map(|key| format!("{key} IS NOT NULL")).collect();
        let filter = match nulls_equal {
            true => within.and("TRUE"),
            false => within.and(&there.join(" AND ")),
        };
        let keys = keys.join(", ");
        let groups = format!("SELECT count(*) AS n FROM {} WHERE {filter} GROUP BY {keys}", self.sheet.rows());
        let query = format!(
            "SELECT CAST(coalesce(sum(n), 0) AS BIGINT) AS seen, CAST(coalesce(sum(n - 1), 0) AS BIGINT) AS alike \
             FROM ({groups}) AS g"
        );
        // What is shown is made of the keys, so that the groups stay the same.
        let examples = self.rows(columns, "", |shown| {
            format!("WHERE {filter} GROUP BY {keys}, {} HAVING count(*) > 1", shown.join(", "))
        })?;
        Ok((Asked::Own(query), examples))
    }

    fn ordered(&mut self, plan: &Plan, column: &str, order: Order, within: &Within) -> Result<Planned, String> {
        plan.must(column, "values that have an order", |f| f != Family::Other)?;
        let Some(rank) = self.sheet.known.order.clone() else {
            return Err(format!("{} keeps no order of the rows of this data set", self.d().name()));
        };
        let value = self.sheet.key(column)?;
        let bad = match order {
            Order::Increasing => "v < p",
            Order::StrictlyIncreasing => "v <= p",
            Order::Decreasing => "v > p",
            Order::StrictlyDecreasing => "v >= p",
        };
        let floats = Family::of(&self.sheet.known.type_of(column)?) == Family::Float;
        // NaN is in no order to anything.
        let bad = if floats { format!("{bad} OR isnan(v) OR isnan(p)") } else { bad.to_string() };
        let bad = format!("p IS NOT NULL AND ({bad})");
        let there = within.and(&format!("{value} IS NOT NULL"));
        let from = self.sheet.with(&format!("{rank} AS o"));
        let pairs = format!("SELECT {value} AS v, lag({value}) OVER (ORDER BY o) AS p FROM {from} WHERE {there}");
        let query = format!(
            "SELECT CAST(count(*) AS BIGINT) AS n, CAST(count(CASE WHEN {bad} THEN 1 END) AS BIGINT) AS failed \
             FROM ({pairs}) AS l"
        );
        Ok((Asked::Own(query), None))
    }

    fn other(&mut self, dataset: &str) -> Result<Rc<Known>, String> {
        (self.open)(dataset)
    }

    /// The types of two columns that shall be compared.
    fn comparable(&self, column: &str, known: &Known, other: &str) -> Result<(DataType, DataType), String> {
        let dataset = &known.name;
        let here = self.sheet.known.type_of(column)?;
        let schema = known.table.schema();
        let Ok(field) = schema.field_with_name(other) else {
            return Err(format!("{dataset} has no column {other:?}; {}", missing_column(&schema, other)));
        };
        let there = field.data_type().clone();
        if !comparable(&here, &there) {
            let (here, there) = (describe(&here), describe(&there));
            return Err(format!("{column} is {here}, but {dataset}.{other} is {there}: they cannot be compared"));
        }
        Ok((here, there))
    }

    fn references(&mut self, column: &str, dataset: &str, other: &str, within: &Within) -> Result<Planned, String> {
        let d = self.d();
        let known = self.other(dataset)?;
        let (here, there) = self.comparable(column, &known, other)?;
        let (mine, theirs) = match Family::of(&here) {
            Family::Null => (self.sheet.known.native(d, column)?, format!("CAST(NULL AS {})", d.string_type())),
            _ => (self.sheet.known.key_beside(d, column, &there)?, known.key_beside(d, other, &here)?),
        };
        let original = self.sheet.known.native(d, column)?;
        let (key, original) = (self.sheet.slot(mine), self.sheet.slot(original));
        let values = format!("SELECT {theirs} AS k, {} AS v FROM {}", known.native(d, other)?, known.relation);
        let distinct =
            format!(" LEFT JOIN (SELECT DISTINCT k FROM ({values}) AS o WHERE k IS NOT NULL) AS r ON t.{key} = r.k");
        let filter = within.and(&format!("t.{original} IS NOT NULL"));
        let query = format!(
            "SELECT CAST(count(*) AS BIGINT) AS checked, \
             CAST(count(CASE WHEN r.k IS NULL THEN 1 END) AS BIGINT) AS failed, \
             (SELECT CAST(count(*) AS BIGINT) FROM ({values}) AS o WHERE v IS NOT NULL) AS others \
             FROM {}{distinct} WHERE {filter}",
            self.sheet.rows()
        );
        let examples = self.rows(&[column.to_string()], &distinct, |_| format!("WHERE {filter} AND r.k IS NULL"))?;
        Ok((Asked::Own(query), examples))
    }

    fn shared(&mut self, columns: &[String], dataset: &str, within: &Within) -> Result<Planned, String> {
        let d = self.d();
        let known = self.other(dataset)?;
        let (mut there, mut theirs, mut pairs, mut others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (index, column) in columns.iter().enumerate() {
            let (here, other) = self.comparable(column, &known, column)?;
            let (mine, their) = match Family::of(&here) {
                Family::Null => (self.sheet.known.native(d, column)?, format!("CAST(NULL AS {})", d.string_type())),
                _ => (self.sheet.known.key_beside(d, column, &other)?, known.key_beside(d, column, &here)?),
            };
            let original = self.sheet.known.native(d, column)?;
            let (key, original) = (self.sheet.slot(mine), self.sheet.slot(original));
            others.push(format!("{} IS NOT NULL", known.native(d, column)?));
            there.push(format!("t.{original} IS NOT NULL"));
            theirs.push(format!("{their} AS k{index}"));
            pairs.push(format!("t.{key} = r.k{index}"));
        }
        let joined = format!(
            " LEFT JOIN (SELECT DISTINCT 1 AS hit, {} FROM {}) AS r ON {}",
            theirs.join(", "),
            known.relation,
            pairs.join(" AND ")
        );
        let filter = within.and(&there.join(" AND "));
        let query = format!(
            "SELECT CAST(count(*) AS BIGINT) AS seen, CAST(count(r.hit) AS BIGINT) AS alike, \
             (SELECT CAST(count(*) AS BIGINT) FROM {} WHERE {}) AS others FROM {}{joined} WHERE {filter}",
            known.relation,
            others.join(" AND "),
            self.sheet.rows()
        );
        let examples = self.rows(columns, &joined, |_| format!("WHERE {filter} AND r.hit IS NOT NULL"))?;
        Ok((Asked::Own(query), examples))
    }

    /// A filter means the same on every engine.
    fn filter(&mut self, condition: &Expr, chosen: Vec<String>, traps: &mut Vec<Trap>) -> Result<Planned, String> {
        let (sql, found) = self.sheet.condition(condition, None)?;
        traps.extend(found);
        let failed = self.sheet.count(&sql);
        let shown = match chosen.is_empty() {
            true => condition.columns().into_iter().map(str::to_string).collect(),
            false => chosen,
        };
        let shown: Vec<String> = shown;
        shown.iter().try_for_each(|column| self.sheet.known.type_of(column).map(drop))?;
        Ok((Asked::Returned { failed }, self.failing(&shown, &sql)?))
    }

    /// Any other query is the engine's own SQL. Of a data set with private columns none of its rows is fetched, as
    /// nobody can tell from the outside which of its columns shows what.
    fn raw(&mut self, query: &str) -> Result<Planned, String> {
        let query = query.trim().trim_end_matches(';').to_string();
        if query.contains(';') && statements(&query) != Some(1) {
            return Err("the query must be one statement".to_string());
        }
        let examples = Examples { query: format!("SELECT * FROM ({query}\n) AS q LIMIT {EXAMPLES}"), columns: None };
        let counted = format!("SELECT CAST(count(*) AS BIGINT) AS n FROM ({query}\n) AS q");
        Ok((Asked::Raw(counted), Some(examples)))
    }
}

/// How many statements a text holds, as far as it can be read.
fn statements(query: &str) -> Option<usize> {
    let parsed = sqlparser::parser::Parser::parse_sql(&sqlparser::dialect::GenericDialect {}, query);
    parsed.ok().map(|statements| statements.len())
}

fn sign(op: Op) -> &'static str {
    match op {
        Op::Less => "<",
        Op::LessOrEqual => "<=",
        Op::Greater => ">",
        Op::GreaterOrEqual => ">=",
        Op::Equal => "=",
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
