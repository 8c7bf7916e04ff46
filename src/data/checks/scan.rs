//! The one pass over a table: workers take its pieces, and what they counted is put together in the pieces' order.

use super::batch::{Place, Rows};
use super::job::{Hand, Job, Tally};
use crate::data::filter::Condition;
use crate::data::pieces::{Piece, Pieces};
use crate::data::workers::in_order;
use crate::model::Fault;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What is counted over which columns.
pub(super) struct Work<'a> {
    pub jobs: &'a [Job],
    pub filters: &'a [Condition],
    /// By column of the scan, whether its values must not be shown.
    pub private: &'a [bool],
    pub many_files: bool,
}

/// What a pass over a table counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Rows read, up to the fault if there was one.
    pub rows: u64,
    /// By filter, the rows that fit; or why it could not be evaluated.
    pub fits: Vec<Result<u64, String>>,
    /// By job.
    pub tallies: Vec<Result<Tally, String>>,
    /// The first in the order of the rows.
    pub fault: Option<Fault>,
}

/// Reads all pieces.
pub(super) fn scan(pieces: Pieces, work: &Work, workers: usize) -> Counts {
    let mut merger = Merger::new(work);
    let open = || work.jobs.iter().map(Job::hand).collect::<Vec<Hand>>();
    let count = |hands: &mut Vec<Hand>, piece: Result<Piece, Fault>| match piece {
        Ok(piece) => read(piece, work, hands),
        Err(fault) => Counted { counts: Counts { fault: Some(fault), ..Counts::of(work) }, file: "".into() },
    };
    let close = |hands: Vec<Hand>| work.jobs.iter().zip(hands).for_each(|(job, hand)| job.close(hand));
    in_order(pieces, workers, open, count, close, |counted| merger.merge(counted, work));
    merger.all
}

/// What was counted in one piece.
struct Counted {
    counts: Counts,
    file: Arc<str>,
}

impl Counts {
    fn of(work: &Work) -> Counts {
        Counts {
            rows: 0,
            fits: vec![Ok(0); work.filters.len()],
            tallies: work.jobs.iter().map(|job| Ok(job.tally())).collect(),
            fault: None,
        }
    }
}

fn read(piece: Piece, work: &Work, hands: &mut [Hand]) -> Counted {
    let file = piece.file.clone();
    let mut counts = Counts::of(work);
    for batch in piece {
        let batch = match batch {
            Ok(batch) => batch,
            Err(fault) => {
                counts.fault = Some(fault);
                break;
            }
        };
        let all = Rows::new(&batch, counts.rows, work.private);
        counts.rows += batch.num_rows() as u64;
        let filtered: Vec<Result<Rows, String>> = work.filters.iter().map(|filter| all.only(filter)).collect();
        for (fits, rows) in counts.fits.iter_mut().zip(&filtered) {
            match (fits, rows) {
                (Ok(count), Ok(rows)) => *count += rows.len() as u64,
                (fits @ Ok(_), Err(reason)) => *fits = Err(reason.clone()),
                (Err(_), _) => {}
            }
        }
        for ((job, hand), tally) in work.jobs.iter().zip(hands.iter_mut()).zip(&mut counts.tallies) {
            let rows = match job.only.map(|filter| filtered.get(filter)) {
                None => Ok(&all),
                Some(Some(Ok(rows))) => Ok(rows),
                Some(Some(Err(reason))) => Err(reason.clone()),
                Some(None) => Err("its filter is not known".to_string()),
            };
            let Ok(running) = tally else { continue };
            if let Err(reason) = rows.and_then(|rows| job.feed(hand, running, rows)) {
                *tally = Err(reason);
            }
        }
    }
    Counted { counts, file }
}

/// Puts what was counted in the pieces together, in their order.
struct Merger {
    all: Counts,
    file: Option<Arc<str>>,
    rows_of_file: u64,
}

impl Merger {
    fn new(work: &Work) -> Merger {
        Merger { all: Counts::of(work), file: None, rows_of_file: 0 }
    }

    /// Breaks off at a fault: what lies behind it was not reached.
    fn merge(&mut self, counted: Counted, work: &Work) -> ControlFlow<()> {
        // Two files may be of one name in messages, but pieces of one file share the very name.
        if !self.file.as_ref().is_some_and(|file| Arc::ptr_eq(file, &counted.file)) {
            self.file = Some(counted.file.clone());
            self.rows_of_file = 0;
        }
        let place = Place { file: work.many_files.then(|| counted.file.clone()), before: self.rows_of_file };
        let counts = counted.counts;
        self.rows_of_file += counts.rows;
        self.all.rows += counts.rows;
        self.all.fault = counts.fault;
        for (all, one) in self.all.fits.iter_mut().zip(counts.fits) {
            match (&mut *all, one) {
                (Ok(count), Ok(one)) => *count += one,
                (Ok(_), Err(reason)) => *all = Err(reason),
                (Err(_), _) => {}
            }
        }
        for ((job, all), one) in work.jobs.iter().zip(&mut self.all.tallies).zip(counts.tallies) {
            let merged = match (&mut *all, one) {
                (Ok(all), Ok(one)) => job.append(all, one, &place),
                (Ok(_), Err(reason)) => Err(reason),
                (Err(_), _) => continue,
            };
            if let Err(reason) = merged {
                *all = Err(reason);
            }
        }
        match self.all.fault {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }
}
