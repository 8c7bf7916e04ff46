//! The one pass over a table: workers take its pieces, and what they counted is put together in the pieces' order.

use super::batch::{Place, Rows};
use super::job::{Hand, Job, Tally};
use crate::data::filter::Condition;
use crate::data::pieces::{Piece, Pieces};
use crate::model::Fault;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// Workers on this machine.
pub(super) fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads all pieces.
pub(super) fn scan(pieces: Pieces, work: &Work, workers: usize) -> Counts {
    let source = Source { pieces: Mutex::new((pieces, 0)), stop: AtomicBool::new(false) };
    let merger = Mutex::new(Merger::new(work));
    let (first, second) = (source.next(), if workers > 1 { source.next() } else { None });
    let run = |taken: Option<(usize, Result<Piece, Fault>)>| {
        let mut hands: Vec<Hand> = work.jobs.iter().map(Job::hand).collect();
        let mut next = taken;
        while let Some((index, piece)) = next {
            let counted = match piece {
                Ok(piece) => read(piece, work, &mut hands),
                Err(fault) => Counted { counts: Counts { fault: Some(fault), ..Counts::of(work) }, file: "".into() },
            };
            if counted.counts.fault.is_some() {
                source.stop.store(true, Ordering::Relaxed);
            }
            lock(&merger).add(index, counted, work);
            next = source.next();
        }
        for (job, hand) in work.jobs.iter().zip(hands) {
            job.close(hand);
        }
    };
    match second {
        // A thread costs more than a small piece.
        None => run(first),
        second => std::thread::scope(|scope| {
            scope.spawn(|| run(second));
            for _ in 2..workers {
                scope.spawn(|| run(source.next()));
            }
            run(first);
        }),
    }
    merger.into_inner().unwrap_or_else(PoisonError::into_inner).all
}

struct Source {
    pieces: Mutex<(Pieces, usize)>,
    stop: AtomicBool,
}

impl Source {
    fn next(&self) -> Option<(usize, Result<Piece, Fault>)> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let mut pieces = lock(&self.pieces);
        let piece = pieces.0.next()?;
        pieces.1 += 1;
        Some((pieces.1 - 1, piece))
    }
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

/// Puts pieces together in their order, whatever the order in which they come.
struct Merger {
    all: Counts,
    next: usize,
    waiting: BTreeMap<usize, Counted>,
    file: Option<Arc<str>>,
    rows_of_file: u64,
}

impl Merger {
    fn new(work: &Work) -> Merger {
        Merger { all: Counts::of(work), next: 0, waiting: BTreeMap::new(), file: None, rows_of_file: 0 }
    }

    fn add(&mut self, index: usize, counted: Counted, work: &Work) {
        self.waiting.insert(index, counted);
        while let Some(counted) = self.waiting.remove(&self.next) {
            self.next += 1;
            // What lies behind a fault was not reached.
            if self.all.fault.is_none() {
                self.merge(counted, work);
            }
        }
    }

    fn merge(&mut self, counted: Counted, work: &Work) {
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
    }
}
