//! The pieces of a table, worked on side by side and taken in their order.

use super::pieces::{Piece, Pieces};
use crate::model::Fault;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Workers on this machine.
pub(super) fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8))
}

/// What a panic elsewhere left in a lock is still good: every change under the locks of this module's data is made at once.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands every piece to one of the workers, each of which opens a hand of its own before its first piece and closes it
/// after its last. What they make of the pieces is taken in the pieces' order, until the taker breaks off.
pub(super) fn in_order<H, T: Send>(
    pieces: Pieces,
    workers: usize,
    open: impl Fn() -> H + Sync,
    work: impl Fn(&mut H, Result<Piece, Fault>) -> T + Sync,
    close: impl Fn(H) + Sync,
    take: impl FnMut(T) -> ControlFlow<()> + Send,
) {
    let source = Mutex::new(pieces.enumerate());
    let stop = AtomicBool::new(false);
    let next = || if stop.load(Ordering::Relaxed) { None } else { lock(&source).next() };
    let order = Mutex::new(Order { next: 0, waiting: BTreeMap::new(), take });
    let run = |first: Option<(usize, Result<Piece, Fault>)>| {
        let (mut hand, mut taken) = (open(), first);
        while let Some((index, piece)) = taken {
            let made = work(&mut hand, piece);
            if lock(&order).add(index, made, &stop).is_break() {
                break;
            }
            taken = next();
        }
        close(hand);
    };
    let (first, second) = (next(), if workers > 1 { next() } else { None });
    match second {
        // A thread costs more than a small piece.
        None => run(first),
        second => std::thread::scope(|scope| {
            scope.spawn(|| run(second));
            for _ in 2..workers {
                scope.spawn(|| run(next()));
            }
            run(first);
        }),
    }
}

/// As [`in_order`], for work that needs no hand.
///
/// # Errors
/// The first fault in the order of the pieces; what comes after it is not taken.
pub(super) fn each_in_order<T: Send>(
    pieces: Pieces,
    work: impl Fn(Piece) -> Result<T, Fault> + Sync,
    mut take: impl FnMut(T) + Send,
) -> Result<(), Fault> {
    let mut found = Ok(());
    let made = |(): &mut (), piece: Result<Piece, Fault>| piece.and_then(&work);
    in_order(
        pieces,
        workers(),
        || (),
        made,
        drop,
        |made| match made {
            Ok(made) => {
                take(made);
                ControlFlow::Continue(())
            }
            Err(fault) => {
                found = Err(fault);
                ControlFlow::Break(())
            }
        },
    );
    found
}

/// What was made too early for its turn.
struct Order<T, F> {
    next: usize,
    waiting: BTreeMap<usize, T>,
    take: F,
}

impl<T, F: FnMut(T) -> ControlFlow<()>> Order<T, F> {
    fn add(&mut self, index: usize, made: T, stop: &AtomicBool) -> ControlFlow<()> {
        self.waiting.insert(index, made);
        while !stop.load(Ordering::Relaxed) {
            let Some(made) = self.waiting.remove(&self.next) else { return ControlFlow::Continue(()) };
            self.next += 1;
            if (self.take)(made).is_break() {
                stop.store(true, Ordering::Relaxed);
            }
        }
        ControlFlow::Break(())
    }
}
