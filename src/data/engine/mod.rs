//! Checks pushed down to another engine: compiled to SQL, of which only aggregates and a few offending rows come
//! back. What is said of them, and so every verdict, is the same as that of the embedded engine.
//!
//! An engine is a [`Session`], which runs queries, and a [`Dialect`], which says how its SQL differs. All that can be
//! counted in one pass is one query; checks that need groups, joins or an order have one of their own.

mod answer;
mod dialect;
mod duckdb;
mod expr;
mod figure;
mod judge;
mod known;
mod pattern;
mod probe;
mod sheet;
mod spark;
mod wait;

use self::dialect::Dialect;
use self::judge::judge;
use self::known::Known;
use self::wait::{runtime, wait};
use super::checks::{self, Findings, Request};
use super::source::Watch;
use super::table::Table;
use crate::config::{Dataset, Engine};
use crate::model::{Baseline, Fault};
use arrow::array::RecordBatch;
use std::rc::Rc;
use std::sync::Arc;

/// What an engine may ask of the world around it.
pub struct Around<'a> {
    /// The present, in microseconds since 1970-01-01 UTC.
    pub now: i64,
    pub sets: &'a [Dataset],
    /// Opens a data set of files by its name.
    pub open: &'a dyn Fn(&str) -> Result<Table, Fault>,
    pub baseline: &'a Baseline,
    pub watch: Arc<Watch>,
}

impl Around<'_> {
    fn set(&self, name: &str) -> Result<&Dataset, Fault> {
        let known = || self.sets.iter().map(|set| set.name.as_str()).collect::<Vec<_>>().join(", ");
        self.sets.iter().find(|set| set.name == name).ok_or_else(|| {
            Fault::new(format!("read {name}"), "no data set of this name", format!("data sets: {}", known()))
        })
    }
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Failure {
    /// The engine has an objection to it, or met one in the data.
    Query(String),
    /// The engine is down, or does not answer as it should: no other query will fare better.
    Gone(String),
}

impl Failure {
    fn gone(why: impl Into<String>) -> Failure {
        Failure::Gone(why.into())
    }
}

/// A running engine.
trait Session {
    fn dialect(&self) -> Dialect;

    /// Makes a data set known to the engine.
    fn open(&mut self, name: &str) -> Result<Rc<Known>, Fault>;

    /// Makes a data set visible to queries of the user's, under its name and with all its columns.
    fn show(&mut self, known: &Known) -> Result<(), Fault>;

    /// Runs queries, and gives the answer to each in its place.
    fn query(&mut self, sql: &[String]) -> Vec<Result<Vec<RecordBatch>, Failure>>;

    /// That the engine is of no use.
    fn fault(&self, why: &str) -> Fault;
}

/// Judges the checks of a data set on its engine. As [`super::checks::run`], of which the answers are the same.
pub fn run(set: &Dataset, around: &Around) -> Findings {
    let found = match &set.engine {
        Engine::DuckDb => duckdb::start(set, around).and_then(|mut session| judge(&mut session, set, around)),
        Engine::Spark { address } => {
            spark::start(address, set, around).and_then(|mut session| judge(&mut session, set, around))
        }
        Engine::Embedded => Err(Fault::new("check", "the embedded engine is not reached this way", "")),
    };
    found.unwrap_or_else(|fault| checks::broken(&Request::of(set), 0, fault, Vec::new()))
}
