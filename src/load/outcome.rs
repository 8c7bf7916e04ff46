//! What a probe found: every request's latency, the failures by kind, and whether the probe itself kept its pace.

use super::Plan;
use super::pace::Schedule;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// Below this share of requests sent in time, the numbers tell of our machine rather than of the server.
const KEPT_PACE: f64 = 0.95;

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    /// An answer other than 2xx. Redirects count: what answered is not the model.
    Status(u16),
    TimedOut,
    Refused,
    Reset,
    /// The connection was closed before the whole answer had come.
    Cut,
    /// What answered does not speak HTTP/1.1.
    NotHttp,
    /// No connection for another reason: no such host, no route, a certificate that does not hold.
    Unreachable,
    /// All slots were taken until the request's time was over.
    NeverSent,
    Other,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Status(code @ 300..400) => write!(f, "status {code} (a redirect, which is not followed)"),
            ErrorKind::Status(code) => write!(f, "status {code}"),
            ErrorKind::TimedOut => f.write_str("timed out"),
            ErrorKind::Refused => f.write_str("connection refused"),
            ErrorKind::Reset => f.write_str("connection reset"),
            ErrorKind::Cut => f.write_str("connection closed before the whole answer"),
            ErrorKind::NotHttp => f.write_str("no HTTP answer"),
            ErrorKind::Unreachable => f.write_str("cannot connect"),
            ErrorKind::NeverSent => f.write_str("never sent, as all slots were taken"),
            ErrorKind::Other => f.write_str("failed otherwise"),
        }
    }
}

/// One request that is over.
pub(super) struct Shot {
    /// None: the task was lost, which counts as a failure.
    pub(super) index: Option<u64>,
    pub(super) begun: Instant,
    pub(super) done: Instant,
    pub(super) held: bool,
    pub(super) result: Result<(), ErrorKind>,
}

impl Shot {
    pub(super) fn lost() -> Shot {
        let now = Instant::now();
        Shot { index: None, begun: now, done: now, held: false, result: Err(ErrorKind::Other) }
    }
}

/// What a probe found. Times are in seconds.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Sorted latencies of all measured requests, from when each was due until its whole answer was read. A failed
    /// request stands here with the timeout, which no answered one exceeds: failing can never look fast.
    pub latencies: Vec<f64>,
    /// Measured requests that were answered with 2xx in time.
    pub answered: u64,
    pub errors: BTreeMap<ErrorKind, u64>,
    /// Requests that the plan asked to measure; fewer were made if `given_up`.
    pub planned: u64,
    /// Length of the measurement: the planned duration, or longer when the last answer came later.
    pub seconds: f64,
    /// Share of the planned requests that the probe sent within the planned duration.
    pub in_time: f64,
    /// The latest 1% of the requests left at least this long after they were due, by the probe's own fault.
    pub lag_p99: f64,
    /// Measured requests that were due while all slots were taken.
    pub held: u64,
    /// Most requests that were in flight or waiting to be at one time.
    pub peak: usize,
    /// The server answered nothing at all, so the probe ended before its time.
    pub given_up: bool,
}

impl Outcome {
    /// Both probes as one. The pace is that of the worse of them.
    pub fn and(mut self, other: Outcome) -> Outcome {
        self.latencies.extend(other.latencies);
        self.latencies.sort_by(f64::total_cmp);
        for (kind, count) in other.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        Outcome {
            answered: self.answered + other.answered,
            planned: self.planned + other.planned,
            seconds: self.seconds + other.seconds,
            in_time: self.in_time.min(other.in_time),
            lag_p99: self.lag_p99.max(other.lag_p99),
            held: self.held + other.held,
            peak: self.peak.max(other.peak),
            given_up: self.given_up || other.given_up,
            ..self
        }
    }

    /// Requests measured.
    pub fn requests(&self) -> u64 {
        self.latencies.len() as u64
    }

    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Whether the probe itself sent the requests when they were due. If not, the latencies are not the server's.
    pub fn kept_pace(&self) -> bool {
        self.given_up || self.in_time >= KEPT_PACE
    }

    /// The failures in words, most frequent first: `12 × timed out, 3 × status 500`.
    pub fn errors_in_words(&self) -> String {
        let mut kinds: Vec<_> = self.errors.iter().collect();
        kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(**count), **kind));
        kinds.iter().map(|(kind, count)| format!("{count} × {kind}")).collect::<Vec<_>>().join(", ")
    }
}

/// Counts while the probe runs.
pub(super) struct Tally {
    schedule: Schedule,
    timeout: Duration,
    latencies: Vec<f64>,
    lags: Vec<f64>,
    errors: BTreeMap<ErrorKind, u64>,
    in_time: u64,
    held: u64,
    peak: usize,
    last: Option<Instant>,
    heard: bool,
    given_up: bool,
}

impl Tally {
    pub(super) fn new(plan: &Plan, schedule: Schedule) -> Tally {
        Tally {
            schedule,
            timeout: plan.timeout,
            latencies: Vec::new(),
            lags: Vec::new(),
            errors: BTreeMap::new(),
            in_time: 0,
            held: 0,
            peak: 0,
            last: None,
            heard: false,
            given_up: false,
        }
    }

    pub(super) fn add(&mut self, shot: Shot) {
        self.heard |= matches!(shot.result, Ok(()) | Err(ErrorKind::Status(_)));
        if shot.index.is_some_and(|index| index < self.schedule.warmup) {
            return;
        }
        let latency = match (shot.index, &shot.result) {
            (Some(index), Ok(())) => shot.done.saturating_duration_since(self.schedule.due(index)),
            _ => self.timeout,
        };
        self.latencies.push(latency.as_secs_f64());
        if let Err(kind) = shot.result {
            *self.errors.entry(kind).or_default() += 1;
        }
        if let Some(index) = shot.index {
            self.lags.push(shot.begun.saturating_duration_since(self.schedule.due(index)).as_secs_f64());
            self.in_time += u64::from(shot.begun <= self.schedule.window().1);
        }
        self.held += u64::from(shot.held);
        self.last = self.last.max(Some(shot.done));
    }

    pub(super) fn in_flight(&mut self, flying: usize, waiting: usize) {
        self.peak = self.peak.max(flying + waiting);
    }

    /// Whether the server has answered anything so far.
    pub(super) fn heard(&self) -> bool {
        self.heard
    }

    pub(super) fn give_up(&mut self) {
        self.given_up = true;
    }

    pub(super) fn finish(mut self) -> Outcome {
        self.latencies.sort_by(f64::total_cmp);
        self.lags.sort_by(f64::total_cmp);
        let (begin, end) = self.schedule.window();
        let end = self.last.map_or(end, |last| last.max(end));
        let lag_at = (self.lags.len() as f64 * 0.99) as usize;
        Outcome {
            answered: self.latencies.len() as u64 - self.errors.values().sum::<u64>(),
            latencies: self.latencies,
            errors: self.errors,
            planned: self.schedule.measured(),
            seconds: end.saturating_duration_since(begin).as_secs_f64(),
            in_time: self.in_time as f64 / self.schedule.measured() as f64,
            lag_p99: self.lags.get(lag_at).copied().unwrap_or_default(),
            held: self.held,
            peak: self.peak,
            given_up: self.given_up,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Request;
    use super::*;

    fn tally(rate: f64, timeout: u64) -> (Tally, Schedule) {
        let request = Request::new("GET", "http://127.0.0.1:9/", &[], None).unwrap();
        let (warmup, duration) = (Duration::from_secs(1), Duration::from_secs(10));
        let plan = Plan { request, rate, warmup, duration, timeout: Duration::from_secs(timeout), in_flight: 8 };
        let schedule = Schedule::new(&plan);
        (Tally::new(&plan, schedule), schedule)
    }

    fn shot(schedule: &Schedule, index: u64, lag: f64, took: f64, result: Result<(), ErrorKind>) -> Shot {
        let due = schedule.due(index);
        let after = |seconds: f64| due + Duration::from_secs_f64(seconds);
        Shot { index: Some(index), begun: after(lag), done: after(took), held: false, result }
    }

    #[test]
    fn a_fast_failure_counts_as_slower_than_every_answer() {
        let (mut tally, schedule) = tally(1.0, 4);
        tally.add(shot(&schedule, 0, 0.0, 9.0, Err(ErrorKind::Refused)));
        for index in 1..11 {
            let result = if index > 8 { Err(ErrorKind::Status(500)) } else { Ok(()) };
            tally.add(shot(&schedule, index, 0.0, 0.25 * index as f64, result));
        }
        let outcome = tally.finish();
        assert_eq!(outcome.latencies[7..], [2.0, 4.0, 4.0]);
        assert_eq!((outcome.requests(), outcome.answered, outcome.failed()), (10, 8, 2));
        assert_eq!(outcome.errors_in_words(), "2 × status 500");
        assert!(outcome.kept_pace());
    }

    #[test]
    fn a_probe_that_sends_late_has_not_kept_its_pace() {
        let (mut tally, schedule) = tally(10.0, 4);
        // The machine hangs for the last second of ten: a tenth of the requests leave after the end.
        for index in 10..110 {
            let lag = if index >= 100 { 1.5 } else { 0.0 };
            tally.add(shot(&schedule, index, lag, lag + 0.01, Ok(())));
        }
        let outcome = tally.finish();
        assert_eq!(outcome.in_time, 0.9);
        assert!(!outcome.kept_pace());
        assert_eq!(outcome.lag_p99, 1.5);
    }

    #[test]
    fn a_lost_task_is_a_failure() {
        let (mut tally, _) = tally(1.0, 4);
        tally.add(Shot::lost());
        let outcome = tally.finish();
        assert_eq!((outcome.requests(), outcome.answered, outcome.failed()), (1, 0, 1));
    }
}
