//! From counts to findings, check by check.

use super::again::Again;
use super::findings::{self, Alike, Finding, Scope, Summary};
use super::job::{Kind, Tally};
use super::plan::{Judge, Plan, Planned, shortened};
use super::scan::{Counts, Work};
use super::{Request, Surroundings, Table};
use crate::config::{Aggregate, DataCheck, DataRule, Measured};
use crate::data::key::Repeated;
use crate::model::Outcome;
use std::cell::{OnceCell, RefCell};

pub(super) struct Judges<'a> {
    request: &'a Request<'a>,
    around: &'a Surroundings<'a>,
    plan: &'a Plan<'a>,
    counts: &'a Counts,
    again: Again<'a>,
    /// By job: its keys are counted once, whatever the number of checks that ask.
    repeated: Vec<OnceCell<Repeated>>,
    pub notes: RefCell<Vec<String>>,
}

impl<'a> Judges<'a> {
    pub fn new(
        request: &'a Request,
        table: &'a Table,
        around: &'a Surroundings,
        plan: &'a Plan,
        work: &'a Work,
        counts: &'a Counts,
    ) -> Judges<'a> {
        let again = Again { table, columns: &plan.columns, work };
        let repeated = plan.jobs.iter().map(|_| OnceCell::new()).collect();
        Judges { request, around, plan, counts, again, repeated, notes: RefCell::default() }
    }

    pub fn finding(&self, check: &DataCheck, planned: Result<Planned, String>) -> Finding {
        planned.and_then(|planned| self.judge(check, planned)).unwrap_or_else(Finding::errored)
    }

    fn judge(&self, check: &DataCheck, planned: Planned) -> Result<Finding, String> {
        let scope = self.scope(planned.only)?;
        let job = match planned.judge {
            Judge::Rows => return Ok(self.rows(&check.rule, scope)),
            Judge::Columns(wrong, of) => {
                let count = wrong.len();
                return Ok(findings::columns(shortened(wrong), count, of));
            }
            Judge::Job(job) => job,
        };
        // Before the first row, types may still be wrong for the check; without a row, that is all there is to say.
        if let Some(empty) = scope.empty() {
            return Ok(empty);
        }
        let tally = self.counts.tallies.get(job).ok_or("it was not counted")?.as_ref().map_err(Clone::clone)?;
        match (&check.rule, tally) {
            (DataRule::Nulls { column, op, bound }, Tally::Nulls(t)) => {
                Ok(findings::nulls((column, *op, *bound), scope, (t.nulls, t.nan), t.examples.words()))
            }
            (DataRule::Aggregate { function, column, range }, tally) => {
                let summary = self.summary(*function, column, job, tally)?;
                Ok(findings::aggregate((*function, column, *range), scope, summary))
            }
            (DataRule::Baseline { of: of @ Measured::Aggregate { function, column }, tolerance }, tally) => {
                let summary = self.summary(*function, column, job, tally)?;
                let name = self.request.name;
                Ok(findings::baseline((name, of, *tolerance), scope, summary, self.around.baseline))
            }
            (DataRule::Freshness { column, op, bound }, Tally::Newest(t)) => {
                let private = self.plan.is_private(column);
                Ok(findings::freshness((column, *op, *bound), scope, (t.n, t.newest), self.around.now, private))
            }
            (DataRule::Ordered { order, .. }, Tally::Order(t)) => {
                Ok(findings::ordered(*order, scope, t.n, t.failed, t.examples.words()))
            }
            (DataRule::Balance { column, op, bound }, Tally::Balance(t)) => {
                let rarest = t.rarest(self.plan.is_private(column));
                Ok(findings::balance((column, *op, *bound), scope, t.n, rarest))
            }
            (DataRule::Sql { .. }, Tally::Each(t)) => {
                let counted = t.counted();
                Ok(findings::returned(counted.failed, Some(counted.checked), counted.examples))
            }
            (DataRule::Expr { .. }, Tally::Each(t)) => Ok(findings::condition(check.mostly, scope, t.counted())),
            (rule, Tally::Each(t)) => Ok(findings::each(rule, check.mostly, scope, t.counted())),
            (rule, Tally::Keys(_)) => self.repeats(rule, scope, job, tally),
            (rule, Tally::Member(_)) => self.member(check, rule, scope, job, tally),
            _ => Err("this check is of no kind that mlgate knows".to_string()),
        }
    }

    fn scope(&self, only: Option<usize>) -> Result<Scope, String> {
        match only {
            None => Ok(Scope::all(self.counts.rows)),
            Some(filter) => {
                let fits = self.counts.fits.get(filter).ok_or("its filter was not counted")?;
                let rows = *fits.as_ref().map_err(|reason| format!("where: {reason}"))?;
                Ok(Scope { rows, of: Some(self.counts.rows) })
            }
        }
    }

    fn rows(&self, rule: &DataRule, scope: Scope) -> Finding {
        match rule {
            DataRule::Rows { op, bound } => findings::row_count(scope, *op, *bound),
            DataRule::Baseline { of, tolerance } => {
                let summary = Summary { n: scope.rows, nan: 0, value: scope.rows as f64, private: false };
                findings::baseline((self.request.name, of, *tolerance), scope, summary, self.around.baseline)
            }
            _ => Finding::errored("this check is of no kind that mlgate knows"),
        }
    }

    fn summary(&self, function: Aggregate, column: &str, job: usize, tally: &Tally) -> Result<Summary, String> {
        let private = self.plan.is_private(column);
        match (tally, self.plan.jobs.get(job).map(|job| &job.kind)) {
            (Tally::Moments(moments), _) => Ok(moments.summary(function, private)),
            (Tally::Keys(keys), Some(_)) => {
                let value = self.repeated(job)?.distinct as f64;
                Ok(Summary { n: keys.keys, nan: 0, value, private })
            }
            (Tally::Numbers(seen), Some(Kind::Numbers(_, numbers))) => {
                let Aggregate::Quantile(p) = function else { return Err("it was not counted".to_string()) };
                let value = match seen.nan {
                    0 => numbers.quantile(p, seen.n).unwrap_or(f64::NAN),
                    _ => f64::NAN,
                };
                Ok(Summary { n: seen.n, nan: seen.nan, value, private })
            }
            _ => Err("it was not counted".to_string()),
        }
    }

    fn repeated(&self, job: usize) -> Result<&Repeated, String> {
        let (Some(cell), Some(Kind::Keys(keys))) = (self.repeated.get(job), self.plan.jobs.get(job).map(|j| &j.kind))
        else {
            return Err("its keys were not counted".to_string());
        };
        Ok(cell.get_or_init(|| {
            let wanted = self.request.checks.iter();
            let wanted = wanted.map(|check| &check.rule);
            let examples =
                wanted.into_iter().any(|rule| matches!(rule, DataRule::Unique { .. } | DataRule::Duplicates { .. }));
            let found = keys.store.count(self.plan.workers, examples);
            keys.store.free();
            found
        }))
    }

    fn repeats(&self, rule: &DataRule, scope: Scope, job: usize, tally: &Tally) -> Result<Finding, String> {
        let Tally::Keys(keys) = tally else { return Err("its keys were not counted".to_string()) };
        let repeated = self.repeated(job)?;
        // With one column, all its nulls are one value that `duplicates` counts as such.
        let all = matches!(rule, DataRule::Duplicates { .. });
        let nulls = if all { keys.nulls } else { 0 };
        let found = Alike {
            seen: keys.keys + nulls,
            alike: keys.keys - repeated.distinct.min(keys.keys) + nulls.saturating_sub(1),
            examples: Vec::new(),
        };
        let judge = |found| match rule {
            DataRule::Duplicates { columns, op, bound } => findings::duplicates((columns, *op, *bound), scope, found),
            _ => findings::unique(scope, found),
        };
        let finding = judge(found.clone());
        if finding.outcome != Outcome::Failed || found.alike == 0 {
            return Ok(finding);
        }
        Ok(Finding { examples: self.examples(self.again.repeats(self.job(job)?, repeated, all)), ..finding })
    }

    fn member(
        &self,
        check: &DataCheck,
        rule: &DataRule,
        scope: Scope,
        job: usize,
        tally: &Tally,
    ) -> Result<Finding, String> {
        let found = self.job(job)?;
        let (Tally::Member(tally), Kind::Member(member)) = (tally, &found.kind) else {
            return Err("its keys were not counted".to_string());
        };
        let (mut failed, mut examples) = (tally.failed, tally.examples.words());
        let mut later = Vec::new();
        if let Some(waiting) = &member.waiting {
            let (count, keys) = member.known.join(waiting, member.fails_if_there, self.plan.workers);
            failed += count;
            later = keys;
        }
        let judge = |examples| match rule {
            DataRule::Shared { columns, dataset, op, bound } => {
                let found = Alike { seen: tally.checked, alike: failed, examples };
                findings::shared((columns, dataset, *op, *bound), scope, found)
            }
            rule => {
                let counted = findings::Counted { checked: tally.checked, failed, examples };
                findings::each(rule, check.mostly, scope, counted)
            }
        };
        if !later.is_empty() && judge(Vec::new()).outcome == Outcome::Failed {
            examples = self.examples(self.again.members(found, member, later));
        }
        Ok(judge(examples))
    }

    fn job(&self, job: usize) -> Result<&'a super::job::Job, String> {
        self.plan.jobs.get(job).ok_or_else(|| "it was not counted".to_string())
    }

    /// What was counted holds, whether or not rows can be shown for it.
    fn examples(&self, found: Result<Vec<String>, String>) -> Vec<String> {
        found.unwrap_or_else(|reason| {
            let note = format!("data set {}: no failing rows to show, as {reason}", self.request.name);
            self.notes.borrow_mut().push(note);
            Vec::new()
        })
    }
}
