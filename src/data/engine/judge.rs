//! From a data set's checks to queries, and from their answers to findings: what counts in one pass first, then the
//! queries that checks have of their own, then rows to show of those that failed.

use super::answer::Answer;
use super::figure::{Figure, figures};
use super::probe::{self, Asked, Examples, Planner, Probe};
use super::sheet::Sheet;
use super::{Around, Failure, Session};
use crate::config::{DataCheck, DataRule, Dataset};
use crate::data::checks::findings::{Finding, PRIVATE, Rarest};
use crate::data::checks::plan::Plan;
use crate::data::checks::{self, Findings, Request, Surroundings};
use crate::data::key::Budget;
use crate::data::values::show;
use crate::model::{Fault, Outcome};
use arrow::array::RecordBatch;
use std::sync::Arc;

pub fn judge(session: &mut dyn Session, set: &Dataset, around: &Around) -> Result<Findings, Fault> {
    let dialect = session.dialect();
    let known = session.open(&set.name)?;
    let sheet = Sheet::new(&known, dialect, around.now);
    let mut others = Vec::new();
    let mut open = |name: &str| {
        let known = session.open(name).map_err(|fault| format!("{name}: {fault}"))?;
        others.push(known.clone());
        Ok(known)
    };
    let request = Request::of(set);
    if let Some(fault) = checks::unknown_private(&request, &known.table) {
        return Err(fault);
    }
    let surroundings = Surroundings { now: around.now, open: around.open, baseline: around.baseline };
    let budget = Arc::new(Budget::new(set.memory));
    let plan = Plan::new(&request, &known.table, &surroundings, &budget, 1);
    let mut planner = Planner { set, plan: &plan, sheet, open: &mut open };
    let probes: Vec<Result<Probe, String>> = set.checks.iter().map(|check| planner.probe(check)).collect();
    let sheet = planner.sheet;
    let mut judge = Judge { session, set, around, sheet: &sheet, private: false };
    judge.private = judge.has_private(others.iter().map(|other| other.name.as_str()));
    judge.run(probes)
}

struct Judge<'a, 'k> {
    session: &'a mut dyn Session,
    set: &'a Dataset,
    around: &'a Around<'a>,
    sheet: &'a Sheet<'k>,
    /// Whether an engine's error messages may hold what nobody shall see.
    private: bool,
}

impl Judge<'_, '_> {
    fn has_private<'n>(&self, mut others: impl Iterator<Item = &'n str>) -> bool {
        let hides = |name: &str| self.around.sets.iter().any(|set| set.name == name && !set.private.is_empty());
        !self.set.private.is_empty() || others.any(hides)
    }

    fn run(&mut self, mut probes: Vec<Result<Probe, String>>) -> Result<Findings, Fault> {
        for probe in &mut probes {
            if let Ok(asked) = probe
                && matches!(asked.asked, Asked::Raw(_))
                && let Err(reason) = self.prepare(asked)
            {
                *probe = Err(reason);
            }
        }
        let counted = self.first_pass(&mut probes)?;
        let own = self.second_pass(&probes, &counted)?;
        let rows = counted.first().map_or(0, |figure| figure.count());
        let set = self.set;
        let mut found = Vec::new();
        for ((check, probe), own) in set.checks.iter().zip(probes).zip(own) {
            found.push(match (probe, own) {
                (Err(reason), _) | (_, Err(reason)) => Finding::errored(reason),
                (Ok(probe), Ok(own)) => self.finding(check, &probe, &counted, &own)?,
            });
        }
        Ok(checks::findings(&Request::of(set), rows, found, Vec::new()))
    }

    /// Makes the data sets that a query of the user's names visible to it.
    fn prepare(&mut self, probe: &mut Probe) -> Result<(), String> {
        let Asked::Raw(query) = &probe.asked else { return Ok(()) };
        let mentioned: Vec<String> =
            self.around.sets.iter().map(|set| &set.name).filter(|name| mentions(query, name)).cloned().collect();
        for name in &mentioned {
            let show = self.session.open(name).and_then(|known| self.session.show(&known));
            show.map_err(|fault| format!("{name}: {fault}"))?;
        }
        if self.has_private(mentioned.iter().map(String::as_str)) {
            self.private = true;
            probe.examples = None;
        }
        Ok(())
    }

    /// The fused query. Should it fail, each check is asked for alone, to tell which of them made it fail.
    fn first_pass(&mut self, probes: &mut [Result<Probe, String>]) -> Result<Vec<Figure>, Fault> {
        let all: Vec<usize> = (0..self.sheet.len()).collect();
        match self.ask(&self.sheet.query(&all), all.len())? {
            Ok(counted) => Ok(counted),
            Err(reason) => match self.ask(&self.sheet.query(&[0]), 1)? {
                Ok(rows) if all.len() > 1 => {
                    let mut counted = vec![Figure::Null; all.len()];
                    counted[..1].copy_from_slice(&rows);
                    for probe in probes.iter_mut() {
                        let Ok(asked) = probe else { continue };
                        let wanted = asked.aggregates();
                        if wanted.is_empty() {
                            continue;
                        }
                        match self.ask(&self.sheet.query(&wanted), wanted.len())? {
                            Ok(found) => {
                                wanted.iter().zip(found).for_each(|(index, figure)| {
                                    if let Some(place) = counted.get_mut(*index) {
                                        *place = figure;
                                    }
                                });
                            }
                            Err(reason) => *probe = Err(reason),
                        }
                    }
                    Ok(counted)
                }
                // Not even the rows can be counted, so the data cannot be read.
                _ => Err(Fault::new(format!("read {}", self.set.source), reason, "")),
            },
        }
    }

    /// The queries that checks have of their own; what each answered, or why it is an error.
    fn second_pass(
        &mut self,
        probes: &[Result<Probe, String>],
        counted: &[Figure],
    ) -> Result<Vec<Result<Own, String>>, Fault> {
        let asks = |probe: &Result<Probe, String>| probe.as_ref().ok().and_then(|p| p.second(self.sheet, counted));
        let queries: Vec<Option<String>> = probes.iter().map(asks).collect();
        let sql: Vec<String> = queries.iter().flatten().cloned().collect();
        let answers = if sql.is_empty() { Vec::new() } else { self.session.query(&sql) };
        let mut answers = answers.into_iter();
        let mut all = Vec::new();
        for (probe, query) in probes.iter().zip(&queries) {
            if query.is_none() {
                all.push(Ok(Own::default()));
                continue;
            }
            let rarest = matches!(probe, Ok(Probe { asked: Asked::Rarest { .. }, .. }));
            let answer = answers.next().unwrap_or_else(|| Err(Failure::gone("an answer is missing")));
            let own = answer.and_then(|batches| match rarest {
                true => Ok(Own { figures: Vec::new(), rarest: rarest_of(&batches)? }),
                false => {
                    let columns = batches.first().map_or(0, RecordBatch::num_columns);
                    Ok(Own { figures: figures(&batches, columns)?, rarest: None })
                }
            });
            all.push(self.settle(own)?);
        }
        Ok(all)
    }

    fn finding(&mut self, check: &DataCheck, probe: &Probe, counted: &[Figure], own: &Own) -> Result<Finding, Fault> {
        let mut rarest = own.rarest.clone();
        if let (DataRule::Balance { column, .. }, Some(rarest)) = (&check.rule, &mut rarest)
            && self.set.private.contains(column)
        {
            rarest.value = None;
        }
        let answer = |examples: &[String]| {
            let answer = Answer {
                dataset: &self.set.name,
                now: self.around.now,
                private: &self.set.private,
                baseline: self.around.baseline,
                figures: counted,
                own: &own.figures,
                rarest: rarest.clone(),
                examples,
            };
            probe.finding(check, &answer)
        };
        let finding = answer(&[]);
        match &probe.examples {
            Some(examples) if finding.outcome == Outcome::Failed => {
                let query = std::slice::from_ref(&examples.query);
                // Examples are a help; the verdict stands without them.
                let shown = match self.session.query(query).pop() {
                    Some(Ok(batches)) => lines(&batches, examples),
                    Some(Err(Failure::Gone(why))) => return Err(self.session.fault(&self.hidden(why))),
                    Some(Err(Failure::Query(_))) | None => Vec::new(),
                };
                Ok(answer(&shown))
            }
            _ => Ok(finding),
        }
    }

    /// One row of figures, or why the query is an error.
    fn ask(&mut self, sql: &str, wanted: usize) -> Result<Result<Vec<Figure>, String>, Fault> {
        let answer = self.session.query(&[sql.to_string()]).pop();
        let answer = answer.unwrap_or_else(|| Err(Failure::gone("an answer is missing")));
        self.settle(answer.and_then(|batches| figures(&batches, wanted)))
    }

    fn settle<T>(&self, answer: Result<T, Failure>) -> Result<Result<T, String>, Fault> {
        match answer {
            Ok(answer) => Ok(Ok(answer)),
            Err(Failure::Query(why)) => Ok(Err(format!("{}: {}", self.sheet.dialect.name(), self.hidden(why)))),
            Err(Failure::Gone(why)) => Err(self.session.fault(&self.hidden(why))),
        }
    }

    fn hidden(&self, why: String) -> String {
        match self.private {
            true => "an error that is not shown, as it may hold values of private columns".to_string(),
            false => why,
        }
    }
}

/// The answer to a check's own query.
#[derive(Default)]
struct Own {
    figures: Vec<Figure>,
    rarest: Option<Rarest>,
}

/// Of values equally rare, the one that is shown first in the order of the alphabet.
fn rarest_of(batches: &[RecordBatch]) -> Result<Option<Rarest>, Failure> {
    let mut rarest: Option<(String, Figure, Figure)> = None;
    for batch in batches.iter().filter(|batch| batch.num_columns() == 3) {
        for row in 0..batch.num_rows() {
            let numbers = batch.project(&[1, 2]).map_err(|e| Failure::gone(e.to_string()))?.slice(row, 1);
            let shown = show(batch.column(0), row);
            if let [count, values] = figures(&[numbers], 2)?[..]
                && rarest.as_ref().is_none_or(|(known, ..)| shown < *known)
            {
                rarest = Some((shown, count, values));
            }
        }
    }
    Ok(rarest.map(|(shown, n, values)| Rarest { value: Some(shown), count: n.count(), values: values.count() }))
}

/// `age = 130, country = ‹private›` for each row.
fn lines(batches: &[RecordBatch], examples: &Examples) -> Vec<String> {
    let mut lines = Vec::new();
    for batch in batches {
        let schema = batch.schema();
        for row in 0..batch.num_rows() {
            let value = |column: usize| batch.columns().get(column).map_or(String::new(), |array| show(array, row));
            let mut fetched = 0;
            let parts: Vec<String> = match &examples.columns {
                None => {
                    schema.fields().iter().enumerate().map(|(i, f)| format!("{} = {}", f.name(), value(i))).collect()
                }
                Some(columns) => columns
                    .iter()
                    .map(|(name, open)| {
                        let shown = if *open { value(fetched) } else { PRIVATE.to_string() };
                        fetched += usize::from(*open);
                        format!("{name} = {shown}")
                    })
                    .collect(),
            };
            lines.push(parts.join(", "));
        }
    }
    lines.truncate(probe::EXAMPLES);
    lines
}

/// Whether a query names a data set, as a word of its own.
fn mentions(query: &str, name: &str) -> bool {
    let (query, name) = (query.to_lowercase(), name.to_lowercase());
    let word = |c: char| c.is_alphanumeric() || c == '_';
    query.match_indices(&name).any(|(at, _)| {
        let before = query[..at].chars().next_back();
        let after = query[at + name.len()..].chars().next();
        !before.is_some_and(word) && !after.is_some_and(word)
    })
}
