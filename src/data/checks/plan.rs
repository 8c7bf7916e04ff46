//! From checks to jobs: which columns are read and how, what is counted, and what cannot be judged at all.

mod columns;
mod keys;
mod literals;

pub(in crate::data) use columns::shortened;
pub(in crate::data) use keys::comparable;

use super::each::{Each, Rule, TextRule};
use super::job::{Job, Kind};
use super::pattern::Pattern;
use super::quantile::Numbers;
use super::{Request, Surroundings, Table};
use crate::config::data_check::{filter::Expr, sql};
use crate::config::{Aggregate, DataCheck, DataRule, Format, Measured, Order};
use crate::data::filter::Condition;
use crate::data::key::{Budget, Known};
use crate::data::table::{Reading, missing_column};
use crate::data::values::{Family, describe};
use arrow::datatypes::DataType;
use std::sync::Arc;

/// Collects the columns that the scan must read, and what it must count.
pub(in crate::data) struct Plan<'a> {
    request: &'a Request<'a>,
    table: &'a Table,
    around: &'a Surroundings<'a>,
    pub(super) columns: Vec<(String, Reading)>,
    pub(super) filters: Vec<Condition>,
    pub(super) jobs: Vec<Job>,
    /// What each job is about, to find those that can be shared.
    subjects: Vec<(Option<usize>, Subject)>,
    known: Vec<(keys::Other, Arc<Known>)>,
    pub budget: Arc<Budget>,
    pub workers: usize,
    /// Hands that may write keys or numbers at once.
    writers: usize,
}

/// How a check is judged after the scan.
pub(super) enum Judge {
    Rows,
    /// By the schema alone: what is wrong, of so many columns.
    Columns(Vec<String>, usize),
    Job(usize),
}

/// A check as it is executed: the filter of its rows, and how it is judged.
pub(super) struct Planned {
    pub only: Option<usize>,
    pub judge: Judge,
}

#[derive(Clone, Debug, PartialEq)]
enum Subject {
    Nulls(usize),
    Moments(usize),
    Newest(usize),
    Order(usize, Order),
    Balance(usize),
    Numbers(usize),
    Keys(Vec<usize>, bool),
    /// Not shared.
    Own,
}

impl<'a> Plan<'a> {
    pub fn new(
        request: &'a Request,
        table: &'a Table,
        around: &'a Surroundings,
        budget: &Arc<Budget>,
        workers: usize,
    ) -> Plan<'a> {
        let writing = |check: &&DataCheck| match &check.rule {
            DataRule::Unique { .. } | DataRule::Duplicates { .. } => true,
            DataRule::References { .. } | DataRule::Shared { .. } => true,
            DataRule::Aggregate { function, .. }
            | DataRule::Baseline { of: Measured::Aggregate { function, .. }, .. } => {
                matches!(function, Aggregate::Quantile(_) | Aggregate::Distinct)
            }
            _ => false,
        };
        let writers = request.checks.iter().filter(writing).count().max(1) * workers;
        Plan {
            request,
            table,
            around,
            columns: Vec::new(),
            filters: Vec::new(),
            jobs: Vec::new(),
            subjects: Vec::new(),
            known: Vec::new(),
            budget: budget.clone(),
            workers,
            writers,
        }
    }

    /// How the check is executed, or why it cannot be judged.
    pub(super) fn check(&mut self, check: &DataCheck) -> Result<Planned, String> {
        let only = match &check.only {
            None => None,
            Some(expr) => Some(self.filter(expr).map_err(|reason| format!("where: {reason}"))?),
        };
        let judge = self.judge(&check.rule, only)?;
        Ok(Planned { only, judge })
    }

    fn judge(&mut self, rule: &DataRule, only: Option<usize>) -> Result<Judge, String> {
        let job = match rule {
            DataRule::Rows { .. } | DataRule::Baseline { of: Measured::Rows, .. } => return Ok(Judge::Rows),
            DataRule::Columns { wanted, exact, ordered } => {
                let (wrong, of) = self.wrong_columns(wanted, *exact, *ordered);
                return Ok(Judge::Columns(wrong, of));
            }
            DataRule::Nulls { column, .. } => {
                let column = self.read(column, Reading::Typed)?;
                self.shared(only, Subject::Nulls(column), |_| Kind::Nulls(column))
            }
            DataRule::Aggregate { function, column, .. }
            | DataRule::Baseline { of: Measured::Aggregate { function, column }, .. } => {
                self.aggregate(*function, column, only)?
            }
            DataRule::Freshness { column, .. } => {
                self.must(column, "a date or timestamp", Family::is_time)?;
                let column = self.read(column, Reading::Typed)?;
                self.shared(only, Subject::Newest(column), |_| Kind::Newest(column))
            }
            DataRule::Ordered { column, order } => {
                self.must(column, "values that have an order", |f| f != Family::Other)?;
                let (column, order) = (self.read(column, Reading::Typed)?, *order);
                self.shared(only, Subject::Order(column, order), |_| Kind::Order(column, order))
            }
            DataRule::Balance { column, .. } => {
                let place = self.read_key(column)?;
                self.shared(only, Subject::Balance(place), |_| Kind::Balance(place, column.clone()))
            }
            DataRule::Unique { columns } => self.repeats(columns, false, only)?,
            DataRule::Duplicates { columns, .. } => self.repeats(columns, true, only)?,
            DataRule::References { column, dataset, other } => self.member(&[(column, other)], dataset, false, only)?,
            DataRule::Shared { columns, dataset, .. } => {
                let pairs: Vec<(&String, &String)> = columns.iter().map(|column| (column, column)).collect();
                self.member(&pairs, dataset, true, only)?
            }
            DataRule::Between { column, low, high } => {
                let (rule, reading) = self.between(column, low, high)?;
                self.each(rule, column, reading, only)?
            }
            DataRule::In { column, values } => {
                let (rule, reading) = self.within(column, values)?;
                self.each(rule, column, reading, only)?
            }
            DataRule::Matches { column, pattern } => {
                let pattern = Pattern::new(pattern)?;
                self.text(TextRule::Matches(pattern), column, only)?
            }
            DataRule::Length { column, range } => self.text(TextRule::Length(*range), column, only)?,
            DataRule::Expr { condition } => {
                let condition = self.condition(condition)?;
                let shown = condition.columns().collect();
                self.add(only, Subject::Own, Kind::Each(Each { rule: Rule::Holds(condition), shown }))
            }
            DataRule::Sql { query } => self.query(query, only)?,
        };
        Ok(Judge::Job(job))
    }

    fn aggregate(&mut self, function: Aggregate, column: &str, only: Option<usize>) -> Result<usize, String> {
        if function == Aggregate::Distinct {
            let place = self.read_key(column)?;
            return Ok(self.keys(vec![place], false, only));
        }
        self.must(column, "a number", |f| f.is_number() || f == Family::Bool)?;
        let column = self.read(column, Reading::Typed)?;
        Ok(match function {
            Aggregate::Quantile(_) => self.shared(only, Subject::Numbers(column), |plan| {
                Kind::Numbers(column, Numbers::new(&plan.budget, plan.writers))
            }),
            _ => self.shared(only, Subject::Moments(column), |_| Kind::Moments(column)),
        })
    }

    fn text(&mut self, rule: TextRule, column: &str, only: Option<usize>) -> Result<usize, String> {
        if !self.guessed() {
            self.must(column, "text", |f| f == Family::Text)?;
        }
        self.each(Rule::Text(rule), column, Reading::Text, only)
    }

    fn each(&mut self, rule: Rule, column: &str, reading: Reading, only: Option<usize>) -> Result<usize, String> {
        let shown = vec![self.read(column, reading)?];
        Ok(self.add(only, Subject::Own, Kind::Each(Each { rule, shown })))
    }

    fn query(&mut self, query: &str, only: Option<usize>) -> Result<usize, String> {
        let filter = sql::compile(query, self.request.name).map_err(|e| e.to_string())?;
        let condition = self.condition(&filter.condition)?;
        let shown = match &filter.columns[..] {
            [] => condition.columns().collect(),
            chosen => chosen.iter().map(|name| self.read(name, Reading::Typed)).collect::<Result<_, _>>()?,
        };
        Ok(self.add(only, Subject::Own, Kind::Each(Each { rule: Rule::Returned(condition), shown })))
    }

    fn condition(&mut self, expr: &Expr) -> Result<Condition, String> {
        let names: Vec<String> = expr.columns().into_iter().map(str::to_string).collect();
        let place = |name: String| self.read(&name, Reading::Typed).map(|index| (name, index));
        let columns = names.into_iter().map(place).collect::<Result<_, _>>()?;
        Ok(Condition { expr: expr.clone(), columns, now: self.around.now })
    }

    fn filter(&mut self, expr: &Expr) -> Result<usize, String> {
        let condition = self.condition(expr)?;
        let known = self.filters.iter().position(|filter| *filter == condition);
        Ok(known.unwrap_or_else(|| {
            self.filters.push(condition);
            self.filters.len() - 1
        }))
    }

    fn shared(&mut self, only: Option<usize>, subject: Subject, make: impl FnOnce(&Plan) -> Kind) -> usize {
        let known = self.subjects.iter().position(|(other, known)| *other == only && *known == subject);
        known.unwrap_or_else(|| {
            let kind = make(self);
            self.add(only, subject, kind)
        })
    }

    fn add(&mut self, only: Option<usize>, subject: Subject, kind: Kind) -> usize {
        self.subjects.push((only, subject));
        self.jobs.push(Job { only, kind });
        self.jobs.len() - 1
    }

    /// The index of a column in the batches of the scan.
    fn read(&mut self, column: &str, reading: Reading) -> Result<usize, String> {
        self.type_of(column)?;
        let reading = if self.guessed() { reading } else { Reading::Typed };
        let known = self.columns.iter().position(|(name, other)| name == column && *other == reading);
        Ok(known.unwrap_or_else(|| {
            self.columns.push((column.to_string(), reading));
            self.columns.len() - 1
        }))
    }

    /// Whether types are those of the values alone, so that a column can be read as the text that it is, too.
    pub(in crate::data) fn guessed(&self) -> bool {
        matches!(self.table.format(), Format::Csv | Format::Ndjson)
    }

    pub fn is_private(&self, column: &str) -> bool {
        self.request.private.iter().any(|private| private == column)
    }

    fn type_of(&self, column: &str) -> Result<DataType, String> {
        let schema = self.table.schema();
        match schema.field_with_name(column) {
            Ok(field) => Ok(field.data_type().clone()),
            Err(_) => Err(format!("no column {column:?}; {}", missing_column(&schema, column))),
        }
    }

    pub(in crate::data) fn must(
        &self,
        column: &str,
        wanted: &str,
        fits: impl Fn(Family) -> bool,
    ) -> Result<(), String> {
        let data_type = self.type_of(column)?;
        match Family::of(&data_type) {
            Family::Null => Ok(()),
            family if fits(family) => Ok(()),
            _ => Err(self.mismatch(column, wanted)),
        }
    }

    /// `age is text, but the check needs a number; "NA" at data/train.csv line 17 made it so`
    fn mismatch(&self, column: &str, wanted: &str) -> String {
        let found = self.type_of(column).map_or_else(|e| e, |t| describe(&t));
        let because = match self.remark(column) {
            Some(remark) => format!("; {remark} made it so"),
            None => String::new(),
        };
        format!("{column} is {found}, but the check needs {wanted}{because}")
    }

    /// Why a column is text, unless that is not to be told.
    fn remark(&self, column: &str) -> Option<&str> {
        self.table.remark(column).filter(|_| !self.is_private(column))
    }
}
