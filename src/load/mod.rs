//! The open-loop HTTP load probe: requests leave at a constant rate whether or not earlier ones have answered, and
//! latency counts from the moment a request was *due*. A closed loop, which waits for each answer before it asks
//! again, stops asking exactly while the server stalls and so leaves the worst out of its sample: "coordinated
//! omission" (Gil Tene, "How NOT to Measure Latency", 2013; the correction is that of his wrk2).
//!
//! The client is reqwest for http and https alike: against the bare hyper-util client it was the same to within
//! the noise (both a median of 48 µs a request over loopback, 53 µs of CPU), so there is one client, not two.

mod client;
mod outcome;
mod pace;

pub(crate) use client::root_cause;
pub use client::{Request, client};
pub use outcome::{ErrorKind, Outcome};

use crate::model::Fault;
use outcome::{Shot, Tally};
use pace::Schedule;
use rustix::process::{Resource, getrlimit};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Most requests of one probe; each costs 16 bytes of memory until the end.
const MOST_REQUESTS: u64 = 5_000_000;
/// Most requests in flight, file descriptors allowing.
const MOST_IN_FLIGHT: u64 = 4096;
/// Longest warm-up, measurement and timeout.
pub const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// A server that has answered nothing at all for so long (or for one timeout, if that is longer) is given up.
const SILENCE: Duration = Duration::from_secs(5);

/// What to send, how fast and for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    pub request: Request,
    /// Requests a second.
    pub rate: f64,
    /// Sent at the same rate before the measurement begins, and not counted.
    pub warmup: Duration,
    pub duration: Duration,
    /// From the moment a request was due until its whole answer has been read.
    pub timeout: Duration,
    /// Most requests in flight at once. Those due while all slots are taken wait, and their waiting counts.
    pub in_flight: usize,
}

impl Plan {
    /// Requests sent in the warm-up, and requests that are measured.
    pub fn requests(&self) -> (u64, u64) {
        let over = |time: Duration| (self.rate * time.as_secs_f64()).round() as u64;
        (over(self.warmup), over(self.duration))
    }

    /// How long a server may answer nothing at all before the probe gives up.
    pub fn patience(&self) -> Duration {
        SILENCE.max(self.timeout)
    }

    fn check(&self) -> Result<(), Fault> {
        let what = "probe the latency";
        let (warmup, measured) = self.requests();
        if !(self.rate.is_finite() && self.rate > 0.0) || measured == 0 {
            let why = format!("{}/s for {:?} is not even one request", self.rate, self.duration);
            return Err(Fault::new(what, why, "raise `rate` or `duration`"));
        }
        if warmup.saturating_add(measured) > MOST_REQUESTS {
            let why = format!("{}/s for {:?} is more than {MOST_REQUESTS} requests", self.rate, self.duration);
            return Err(Fault::new(what, why, "lower `rate` or `duration`"));
        }
        if [self.warmup, self.duration, self.timeout].into_iter().any(|time| time > LONGEST) {
            return Err(Fault::new(what, "`warmup`, `duration` and `timeout` may be a day at most", ""));
        }
        if self.in_flight == 0 || self.timeout.is_zero() {
            return Err(Fault::new(what, "no request may be in flight, or for no time", "raise `timeout`"));
        }
        Ok(())
    }
}

/// How many requests may be in flight on this machine: 4096, or what the limit of open files leaves, at least 64.
pub fn in_flight_limit() -> usize {
    let open_files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    open_files.saturating_sub(256).clamp(64, MOST_IN_FLIGHT) as usize
}

/// Runs the probe. It ends by itself: after warm-up, duration and one timeout at the latest, and earlier when the
/// server has answered nothing at all in the first seconds. `progress` is called once for each request that is
/// over. Dropping the future ends it at once, with all its connections.
///
/// # Errors
/// When the plan is impossible or the machine lets us start no thread. A server that fails is no error of the
/// probe: it is what the [`Outcome`] tells.
pub async fn run(plan: &Plan, mut progress: impl FnMut()) -> Result<Outcome, Fault> {
    plan.check()?;
    let client = client(plan.request.url())?;
    let schedule = Schedule::new(plan);
    let mut pacer = pace::start(schedule)
        .map_err(|e| Fault::new("probe the latency", format!("cannot start the pacing thread: {e}"), ""))?;
    let mut tally = Tally::new(plan, schedule);
    let mut flying: JoinSet<Shot> = JoinSet::new();
    let mut waiting: VecDeque<Due> = VecDeque::new();
    let patience = tokio::time::sleep(plan.patience());
    tokio::pin!(patience);
    let (mut pacing, mut patient) = (true, true);
    while pacing || !flying.is_empty() || !waiting.is_empty() {
        tokio::select! {
            // What is due goes first: sending must not wait for the book-keeping of answers.
            biased;
            due = pacer.due.recv(), if pacing => match due {
                Some(index) => waiting.push_back(Due { index, seen: Instant::now(), held: flying.len() >= plan.in_flight }),
                None => pacing = false,
            },
            Some(shot) = flying.join_next() => {
                tally.add(shot.unwrap_or_else(|_| Shot::lost()));
                progress();
            },
            () = &mut patience, if patient => {
                patient = false;
                if !tally.heard() {
                    tally.give_up();
                    break;
                }
            },
        }
        while flying.len() < plan.in_flight {
            let Some(due) = waiting.pop_front() else { break };
            let at = schedule.due(due.index);
            if at.elapsed() >= plan.timeout {
                tally.add(due.never_sent());
                progress();
                continue;
            }
            let (client, request, timeout) = (client.clone(), plan.request.clone(), plan.timeout);
            flying.spawn(async move { due.shoot(&client, &request, at, timeout).await });
        }
        tally.in_flight(flying.len(), waiting.len());
    }
    Ok(tally.finish())
}

/// A request whose time has come.
#[derive(Clone, Copy)]
struct Due {
    index: u64,
    /// When the probe saw that its time had come.
    seen: Instant,
    /// All slots were taken then.
    held: bool,
}

impl Due {
    async fn shoot(self, client: &reqwest::Client, request: &Request, at: Instant, timeout: Duration) -> Shot {
        // Waiting for a slot is the server's delay, anything else before the request leaves is ours.
        let begun = if self.held { self.seen } else { Instant::now() };
        let result = client::send(client, request, at + timeout).await;
        let done = Instant::now();
        let result = match done.saturating_duration_since(at) {
            took if took > timeout => result.and(Err(ErrorKind::TimedOut)),
            _ => result,
        };
        Shot { index: Some(self.index), begun, done, held: self.held, result }
    }

    fn never_sent(self) -> Shot {
        let result = Err(ErrorKind::NeverSent);
        Shot { index: Some(self.index), begun: self.seen, done: Instant::now(), held: true, result }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(rate: f64, duration: u64) -> Plan {
        let request = Request::new("GET", "http://127.0.0.1:9/", &[], None).unwrap();
        let duration = Duration::from_secs(duration);
        Plan { request, rate, warmup: Duration::ZERO, duration, timeout: Duration::from_secs(1), in_flight: 8 }
    }

    #[test]
    fn impossible_plans_are_refused() {
        for (rate, duration) in [(0.01, 10), (f64::NAN, 10), (-1.0, 10), (0.0, 10), (1e6, 10), (f64::INFINITY, 1)] {
            assert!(plan(rate, duration).check().is_err(), "{rate}/s for {duration} s");
        }
        assert!(plan(0.1, 10).check().is_ok());
        assert!(plan(1e-18, u64::MAX).check().is_err());
        assert!(Plan { timeout: Duration::MAX, ..plan(1.0, 1) }.check().is_err());
    }

    #[test]
    fn the_limit_of_requests_in_flight_is_sane() {
        assert!((64..=4096).contains(&in_flight_limit()));
    }
}
