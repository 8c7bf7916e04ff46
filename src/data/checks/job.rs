//! What is counted while the rows go by. Checks that need the same count share a job.
//!
//! A job has a tally for each piece, put together in the order of the pieces, so that sums and examples are the same
//! however many workers there are. What is exact in any order, such as keys, is written by each worker as it comes.

use super::balance::Balance;
use super::batch::{Examples, Place, Rows};
use super::each::{self, Each, EachTally};
use super::numbers::{Moments, Newest, Nulls};
use super::order::Ordered;
use super::quantile::{self, Numbers, Seen};
use crate::config::Order;
use crate::data::key::{self, Known, Store};
use std::sync::Arc;

pub(super) struct Job {
    /// Which of the filters its rows must fit.
    pub only: Option<usize>,
    pub kind: Kind,
}

pub(super) enum Kind {
    Nulls(usize),
    Moments(usize),
    Newest(usize),
    Each(Each),
    Order(usize, Order),
    Balance(usize, String),
    Numbers(usize, Numbers),
    Keys(KeyJob),
    Member(Member),
}

/// The keys of all rows, counted at the end.
pub(super) struct KeyJob {
    pub columns: Vec<usize>,
    /// Whether a row with a null is one like others; with one column, nulls are counted apart.
    pub nulls_equal: bool,
    /// A date as the number of its day, or as the moment that it begins.
    pub days: bool,
    pub store: Store,
}

/// Which rows are among the keys of another data set.
pub(super) struct Member {
    pub columns: Vec<usize>,
    pub known: Arc<Known>,
    /// A date as the number of its day, as `known` has it.
    pub days: bool,
    /// Whether a row fails that is there, or one that is not.
    pub fails_if_there: bool,
    /// Keys that cannot be looked up before the end.
    pub waiting: Option<Store>,
}

/// What a worker holds for a job from its first piece to its last.
pub(super) enum Hand {
    None,
    Each(each::Hand),
    Numbers(quantile::Writer),
    Keys(key::Writer),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tally {
    Nulls(Nulls),
    Moments(Moments),
    Newest(Newest),
    Each(EachTally),
    Order(Ordered),
    Balance(Balance),
    Numbers(Seen),
    Keys(KeyTally),
    Member(MemberTally),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct KeyTally {
    /// Rows with a key.
    pub keys: u64,
    pub nulls: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct MemberTally {
    pub checked: u64,
    pub failed: u64,
    pub examples: Examples,
}

impl Job {
    pub fn hand(&self) -> Hand {
        match &self.kind {
            Kind::Each(_) => Hand::Each(each::Hand::default()),
            Kind::Numbers(_, numbers) => Hand::Numbers(numbers.writer()),
            Kind::Keys(job) => Hand::Keys(job.store.writer()),
            Kind::Member(Member { waiting: Some(store), .. }) => Hand::Keys(store.writer()),
            _ => Hand::None,
        }
    }

    /// Takes over what a worker held.
    pub fn close(&self, hand: Hand) {
        match (&self.kind, hand) {
            (Kind::Numbers(_, numbers), Hand::Numbers(writer)) => numbers.close(writer),
            (Kind::Keys(job), Hand::Keys(writer)) => job.store.close(writer),
            (Kind::Member(Member { waiting: Some(store), .. }), Hand::Keys(writer)) => store.close(writer),
            _ => {}
        }
    }

    pub fn tally(&self) -> Tally {
        match &self.kind {
            Kind::Nulls(_) => Tally::Nulls(Nulls::default()),
            Kind::Moments(_) => Tally::Moments(Moments::default()),
            Kind::Newest(_) => Tally::Newest(Newest::default()),
            Kind::Each(_) => Tally::Each(EachTally::default()),
            Kind::Order(..) => Tally::Order(Ordered::default()),
            Kind::Balance(..) => Tally::Balance(Balance::default()),
            Kind::Numbers(..) => Tally::Numbers(Seen::default()),
            Kind::Keys(_) => Tally::Keys(KeyTally::default()),
            Kind::Member(_) => Tally::Member(MemberTally::default()),
        }
    }

    pub fn feed(&self, hand: &mut Hand, tally: &mut Tally, rows: &Rows) -> Result<(), String> {
        match (&self.kind, tally, hand) {
            (Kind::Nulls(column), Tally::Nulls(tally), _) => tally.feed(rows, *column),
            (Kind::Moments(column), Tally::Moments(tally), _) => tally.feed(rows, *column),
            (Kind::Newest(column), Tally::Newest(tally), _) => tally.feed(rows, *column),
            (Kind::Each(each), Tally::Each(tally), Hand::Each(hand)) => each.feed(tally, hand, rows),
            (Kind::Order(column, order), Tally::Order(tally), _) => tally.feed(rows, *column, *order),
            (Kind::Balance(column, name), Tally::Balance(tally), _) => tally.feed(rows, *column, name),
            (Kind::Numbers(column, numbers), Tally::Numbers(tally), Hand::Numbers(writer)) => {
                numbers.feed(writer, tally, rows, *column)
            }
            (Kind::Keys(job), Tally::Keys(tally), Hand::Keys(writer)) => job.feed(tally, writer, rows),
            (Kind::Member(member), Tally::Member(tally), Hand::Keys(writer)) => member.feed(tally, Some(writer), rows),
            (Kind::Member(member), Tally::Member(tally), _) => member.feed(tally, None, rows),
            _ => Err("a count was given to another check".to_string()),
        }
    }

    pub fn append(&self, tally: &mut Tally, later: Tally, place: &Place) -> Result<(), String> {
        match (&self.kind, tally, later) {
            (_, Tally::Nulls(all), Tally::Nulls(later)) => all.append(later, place),
            (_, Tally::Moments(all), Tally::Moments(later)) => all.append(later),
            (_, Tally::Newest(all), Tally::Newest(later)) => all.append(later),
            (_, Tally::Each(all), Tally::Each(later)) => all.append(later, place),
            (Kind::Order(_, order), Tally::Order(all), Tally::Order(later)) => all.append(later, *order, place),
            (Kind::Balance(_, name), Tally::Balance(all), Tally::Balance(later)) => return all.append(later, name),
            (_, Tally::Numbers(all), Tally::Numbers(later)) => {
                all.n += later.n;
                all.nan += later.nan;
            }
            (_, Tally::Keys(all), Tally::Keys(later)) => {
                all.keys += later.keys;
                all.nulls += later.nulls;
            }
            (_, Tally::Member(all), Tally::Member(later)) => {
                all.checked += later.checked;
                all.failed += later.failed;
                all.examples.append(later.examples, place);
            }
            _ => return Err("a count was given to another check".to_string()),
        }
        Ok(())
    }
}

impl KeyJob {
    fn feed(&self, tally: &mut KeyTally, writer: &mut key::Writer, rows: &Rows) -> Result<(), String> {
        let keys = rows.keys(&self.columns, self.days)?;
        let packing = if self.columns.len() > 1 && rows.len() > 0 { self.store.shape().packing(&keys) } else { None };
        let mut found = 0;
        keys.each(packing, self.nulls_equal, |_, key| {
            if let Some(key) = key {
                found += 1;
                self.store.add(writer, key);
            }
        });
        tally.keys += found;
        tally.nulls += rows.len() as u64 - found;
        Ok(())
    }
}

impl Member {
    fn feed(&self, tally: &mut MemberTally, mut writer: Option<&mut key::Writer>, rows: &Rows) -> Result<(), String> {
        let keys = rows.keys(&self.columns, self.days)?;
        // Learned from the other data set, which has rows.
        let packing = if self.columns.len() > 1 { self.known.shape().packing(&keys) } else { None };
        let mut checked = 0;
        let mut failing = Vec::new();
        keys.each(packing, false, |row, key| {
            let Some(key) = key else { return };
            checked += 1;
            match (self.known.contains(key), &mut writer, &self.waiting) {
                (Some(there), ..) if there == self.fails_if_there => failing.push(row),
                (None, Some(writer), Some(store)) => store.add(writer, key),
                _ => {}
            }
        });
        tally.checked += checked;
        tally.failed += failing.len() as u64;
        tally.examples.note(rows, failing.into_iter(), &self.columns);
        Ok(())
    }
}
