//! One query for all that can be asked in one pass: the expressions that checks need, each computed once, and the
//! aggregates over them.

use super::dialect::Dialect;
use super::expr::{Kind, Translator, Trap};
use super::known::Known;
use crate::config::data_check::filter::Expr;
use crate::data::table::Reading;

pub struct Sheet<'a> {
    pub known: &'a Known,
    pub dialect: Dialect,
    pub now: i64,
    slots: Vec<String>,
    aggregates: Vec<String>,
}

impl<'a> Sheet<'a> {
    pub fn new(known: &'a Known, dialect: Dialect, now: i64) -> Sheet<'a> {
        let rows = "CAST(count(*) AS BIGINT)".to_string();
        Sheet { known, dialect, now, slots: Vec::new(), aggregates: vec![rows] }
    }

    /// The short name of an expression over the relation's columns.
    pub fn slot(&mut self, sql: String) -> String {
        let index = self.slots.iter().position(|slot| *slot == sql).unwrap_or_else(|| {
            self.slots.push(sql);
            self.slots.len() - 1
        });
        format!("c{index}")
    }

    pub fn value(&mut self, column: &str, reading: Reading) -> Result<(String, Kind), String> {
        let (sql, kind) = self.known.value(self.dialect, column, reading)?;
        Ok((self.slot(sql), kind))
    }

    pub fn key(&mut self, column: &str) -> Result<String, String> {
        let sql = self.known.key(self.dialect, column)?;
        Ok(self.slot(sql))
    }

    /// A condition over slots. Its traps hold for rows that `guard` lets through.
    pub fn condition(&mut self, expr: &Expr, guard: Option<&str>) -> Result<(String, Vec<Trap>), String> {
        expr.columns().into_iter().try_for_each(|column| self.known.type_of(column).map(drop))?;
        let (dialect, now) = (self.dialect, self.now);
        let mut column = |name: &str| self.value(name, Reading::Typed);
        let guards = guard.iter().map(|guard| format!("({guard})")).collect();
        let mut translator = Translator { dialect, now, column: &mut column, traps: Vec::new(), guards };
        let found = translator.condition(expr);
        let traps = translator.traps;
        Ok(match found {
            Ok(sql) => (sql, traps),
            // What types do not allow comes to light with the first row.
            Err(reason) => ("CAST(NULL AS BOOLEAN)".to_string(), vec![Trap { sql: "TRUE".to_string(), reason }]),
        })
    }

    /// The index of an aggregate over slots in the answer.
    pub fn aggregate(&mut self, sql: String) -> usize {
        self.aggregates.iter().position(|known| *known == sql).unwrap_or_else(|| {
            self.aggregates.push(sql);
            self.aggregates.len() - 1
        })
    }

    /// Rows for which the condition is true.
    pub fn count(&mut self, condition: &str) -> usize {
        self.aggregate(format!("CAST(count(CASE WHEN {condition} THEN 1 END) AS BIGINT)"))
    }

    /// What stands behind `from`: the slots of every row.
    pub fn rows(&self) -> String {
        self.with("")
    }

    /// With more expressions after the slots, each followed by its name.
    pub fn with(&self, more: &str) -> String {
        let slots = self.slots.iter().enumerate().map(|(index, sql)| format!("{sql} AS c{index}"));
        let mut slots: Vec<String> = slots.collect();
        if !more.is_empty() || slots.is_empty() {
            slots.push(if more.is_empty() { "1 AS one".to_string() } else { more.to_string() });
        }
        format!("(SELECT {} FROM {}) AS t", slots.join(", "), self.known.relation)
    }

    /// The query for some of the aggregates, in the order named; all of them: `0..self.len()`.
    pub fn query(&self, aggregates: &[usize]) -> String {
        let wanted = aggregates.iter().filter_map(|index| Some((index, self.aggregates.get(*index)?)));
        let wanted: Vec<String> = wanted.map(|(index, sql)| format!("{sql} AS a{index}")).collect();
        format!("SELECT {} FROM {}", wanted.join(", "), self.rows())
    }

    pub fn len(&self) -> usize {
        self.aggregates.len()
    }
}
