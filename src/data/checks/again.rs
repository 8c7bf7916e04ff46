//! A second pass for examples: once the keys that fail are known, the first rows that have them.

use super::batch::{EXAMPLES, Examples, Place, Rows};
use super::job::{Job, Kind, Member};
use super::scan::Work;
use crate::data::filter::Condition;
use crate::data::key::{Key, Keys, Repeated};
use crate::data::pieces::Pieces;
use crate::data::table::{Reading, Table};
use crate::model::Fault;
use foldhash::fast::FixedState;
use hashbrown::HashSet;
use std::sync::Arc;

/// Most keys remembered as seen once; of more, those met first.
const SEEN: usize = 1 << 16;

pub(super) struct Again<'a> {
    pub table: &'a Table,
    pub columns: &'a [(String, Reading)],
    pub work: &'a Work<'a>,
}

impl Again<'_> {
    /// Rows that repeat an earlier one. With `nulls`, a null in the only column is a value like others.
    pub fn repeats(&self, job: &Job, repeated: &Repeated, nulls: bool) -> Result<Vec<String>, String> {
        let Kind::Keys(keys) = &job.kind else { return Ok(Vec::new()) };
        let mut seen: HashSet<Option<Key>, FixedState> = HashSet::default();
        self.pass(job, &keys.columns, keys.days, |batch, failing| {
            let packing = if keys.columns.len() > 1 { keys.store.shape().packing(batch) } else { None };
            batch.each(packing, keys.nulls_equal, |row, key| {
                let counts = key.map_or(nulls && !keys.nulls_equal, |key| repeated.contains(key));
                if !counts || failing.len() >= EXAMPLES {
                    return;
                }
                if seen.contains(&key) {
                    failing.push(row);
                } else if seen.len() < SEEN {
                    seen.insert(key);
                }
            });
        })
    }

    /// Rows that are among the keys of the other data set, or are not; `later` are keys that were looked up at the end.
    pub fn members(&self, job: &Job, member: &Member, later: Vec<Key>) -> Result<Vec<String>, String> {
        let later: HashSet<Key, FixedState> = later.into_iter().collect();
        self.pass(job, &member.columns, member.days, |batch, failing| {
            let packing = if member.columns.len() > 1 { member.known.shape().packing(batch) } else { None };
            batch.each(packing, false, |row, key| {
                let Some(key) = key else { return };
                let there = member.known.contains(key);
                if there == Some(member.fails_if_there) || (there.is_none() && later.contains(&key)) {
                    failing.push(row);
                }
            });
        })
    }

    /// Reads the job's columns from the start, until there are examples enough.
    fn pass(
        &self,
        job: &Job,
        columns: &[usize],
        days: bool,
        mut find: impl FnMut(&Keys, &mut Vec<usize>),
    ) -> Result<Vec<String>, String> {
        let failed = |fault: Fault| fault.to_string();
        let filter = job.only.and_then(|only| self.work.filters.get(only));
        let mut used = columns.to_vec();
        for column in filter.into_iter().flat_map(Condition::columns) {
            if !used.contains(&column) {
                used.push(column);
            }
        }
        // Places are now those in `used`, where the job's columns come first.
        let filter = filter.map(|filter| {
            let place = |(name, old): &(String, usize)| {
                (name.clone(), used.iter().position(|column| column == old).unwrap_or_default())
            };
            Condition { columns: filter.columns.iter().map(place).collect(), ..filter.clone() }
        });
        let places: Vec<usize> =
            columns.iter().map(|old| used.iter().position(|column| column == old).unwrap_or_default()).collect();
        let read: Vec<(String, Reading)> =
            used.iter().filter_map(|column| self.columns.get(*column).cloned()).collect();
        let private: Vec<bool> = used.iter().map(|column| self.work.private.get(*column) != Some(&false)).collect();
        let mut examples = Examples::default();
        let mut file: Option<Arc<str>> = None;
        let mut before = 0;
        for piece in Pieces::of(self.table, &read).map_err(failed)? {
            let piece = piece.map_err(failed)?;
            if !file.as_ref().is_some_and(|file| Arc::ptr_eq(file, &piece.file)) {
                (file, before) = (Some(piece.file.clone()), 0);
            }
            let place = Place { file: self.work.many_files.then(|| piece.file.clone()), before: 0 };
            for batch in piece {
                let batch = batch.map_err(failed)?;
                let all = Rows::new(&batch, before, &private);
                before += batch.num_rows() as u64;
                let rows = match &filter {
                    Some(filter) => all.only(filter)?,
                    None => all,
                };
                let mut failing = Vec::new();
                find(&rows.keys(&places, days)?, &mut failing);
                let mut found = Examples::default();
                found.note(&rows, failing.into_iter(), &places);
                examples.append(found, &place);
                if examples.full() {
                    return Ok(examples.words());
                }
            }
        }
        Ok(examples.words())
    }
}
