//! When each request is due. A thread of its own keeps the time: the runtime's timers tick in milliseconds, which
//! is longer than many a model takes to answer.

use super::Plan;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Requests 0 to `total`, `1/rate` seconds apart; the first `warmup` of them are not measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    start: Instant,
    rate: f64,
    pub(super) warmup: u64,
    total: u64,
}

impl Schedule {
    pub(super) fn new(plan: &Plan) -> Schedule {
        let (warmup, measured) = plan.requests();
        Schedule { start: Instant::now(), rate: plan.rate, warmup, total: warmup + measured }
    }

    /// When the request must leave.
    pub(super) fn due(&self, index: u64) -> Instant {
        self.start + Duration::from_secs_f64(index as f64 / self.rate)
    }

    /// When the measurement begins, and when the slot of its last request is over.
    pub(super) fn window(&self) -> (Instant, Instant) {
        (self.due(self.warmup), self.due(self.total))
    }

    pub(super) fn measured(&self) -> u64 {
        self.total - self.warmup
    }
}

/// Yields the index of each request when it is due. The thread behind it ends when this is dropped.
pub(super) struct Pacer {
    pub(super) due: mpsc::Receiver<u64>,
    _stop: Sender<()>,
}

pub(super) fn start(schedule: Schedule) -> std::io::Result<Pacer> {
    let (send, due) = mpsc::channel(1024);
    let (stop, stopped) = channel::<()>();
    std::thread::Builder::new().name("pace".into()).spawn(move || {
        for index in 0..schedule.total {
            loop {
                let wait = schedule.due(index).saturating_duration_since(Instant::now());
                if wait.is_zero() {
                    break;
                }
                if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
            if send.blocking_send(index).is_err() {
                return;
            }
        }
    })?;
    Ok(Pacer { due, _stop: stop })
}
