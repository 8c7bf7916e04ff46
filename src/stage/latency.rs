//! The latency stage: starts what serves the model and probes it.
//!
//! A request that fails is as slow as the timeout, which no answered request exceeds. So errors push every
//! percentile up and never down; a bound that the timeout itself would satisfy could not tell, and is refused.

mod server;

use super::Context;
use crate::config::{Latency, Target};
use crate::digest;
use crate::gate;
use crate::image::Built;
use crate::load::{self, Outcome, Plan, Request};
use crate::model::{Evidence, Fault, Input, Interval, Measurement, Unit};
use crate::stats;
use bytes::Bytes;
use server::Server;

const PERCENTILES: [(&str, f64); 4] =
    [("latency.p50", 0.5), ("latency.p90", 0.9), ("latency.p95", 0.95), ("latency.p99", 0.99)];
/// Larger payloads are no requests to a model but a mistake.
const MOST_BODY_BYTES: u64 = 64 * 1024 * 1024;
/// From here on the probe's own delays are worth a remark.
const LAG_WORTH_A_WORD: f64 = 0.010;

/// Starts the target, waits until it is ready, probes it and ends it. Dropping the future ends it too.
///
/// `unsure` tells whether what was found leaves a gate inconclusive; then the probe is repeated, as often as
/// `remeasure` allows, and all requests count together.
pub async fn run(
    ctx: &Context<'_>,
    latency: &Latency,
    built: Option<&Built>,
    unsure: &(dyn Fn(&Evidence) -> bool + Sync),
) -> Evidence {
    let mut evidence = Evidence::default();
    if let Err(fault) = measure(ctx, latency, built, unsure, &mut evidence).await {
        evidence.faults.push(fault);
    }
    evidence
}

async fn measure(
    ctx: &Context<'_>,
    latency: &Latency,
    built: Option<&Built>,
    unsure: &(dyn Fn(&Evidence) -> bool + Sync),
    evidence: &mut Evidence,
) -> Result<(), Fault> {
    let body = payload(ctx, latency, evidence)?;
    let mut server = Server::start(ctx, latency, built).await?;
    let url = server::join(server.base(), &latency.request.path)?;
    let request = Request::new(&latency.request.method, url.as_str(), &latency.request.headers, body)?;
    let plan = Plan {
        request,
        rate: latency.rate,
        warmup: latency.warmup,
        duration: latency.duration,
        timeout: latency.timeout,
        in_flight: load::in_flight_limit(),
    };
    let source = describe(latency, server.name());
    let waiting = ctx.ui.progress(&format!("wait until {} is ready", server.name()), None);
    server.ready(&latency.ready, latency.start_timeout).await?;
    drop(waiting);
    let (warmup, measured) = plan.requests();
    let bar = ctx.ui.progress(&format!("probe {source}"), Some(warmup + measured));
    let levels = levels(ctx);
    let mut pooled: Option<Outcome> = None;
    for look in 1..=latency.looks.max(1) {
        let outcome = tokio::select! {
            outcome = load::run(&plan, || bar.add(1)) => outcome?,
            fault = server.ended() => return Err(fault),
        };
        let outcome = match pooled.take() {
            Some(before) => before.and(outcome),
            None => outcome,
        };
        let mut found = Evidence::default();
        let source = if look == 1 { source.clone() } else { format!("{source}, {look} times") };
        let sound = judge(&outcome, &plan, &levels, &source, &mut found);
        if look < latency.looks && sound.is_ok() && unsure(&found) {
            pooled = Some(outcome);
            continue;
        }
        if latency.looks > 1 {
            let requests = Unit::Count.show(outcome.requests() as f64);
            found.notes.push(format!("probed {look} of at most {} times: {requests} requests", latency.looks));
        }
        evidence.measurements.extend(found.measurements);
        evidence.notes.extend(found.notes);
        return sound;
    }
    Ok(())
}

/// Everybody's level, then those that gates ask for beside it.
fn levels(ctx: &Context<'_>) -> Vec<f64> {
    let policy = super::policy(ctx.config, ctx.today);
    let gates = ctx.config.gates().filter(|gate| gate.subject.ids().iter().any(|id| id.starts_with("latency.")));
    let others = gate::levels(gates, &[], &policy).into_iter().map(|(level, _)| level);
    std::iter::once(ctx.config.confidence).chain(others).collect()
}

/// `POST /predict on the command, 100/s for 30 s`: without ports, so that a second run names the same source.
fn describe(latency: &Latency, target: &str) -> String {
    let (rate, time) = (Unit::PerSecond.show(latency.rate), Unit::Seconds.show(latency.duration.as_secs_f64()));
    let path = latency.request.path.split(['?', '#']).next().unwrap_or_default();
    format!("{} {path} on {target}, {rate} for {time}", latency.request.method)
}

/// Outcome → measurements, or the reason why there are none to judge by.
fn judge(outcome: &Outcome, plan: &Plan, levels: &[f64], source: &str, evidence: &mut Evidence) -> Result<(), Fault> {
    let n = outcome.requests();
    let sound = outcome.answered > 0 && outcome.kept_pace() && n == outcome.planned;
    let mut add = |id: &str, value: Option<f64>, unit: Unit, n: u64, interval: &dyn Fn(f64) -> Option<Interval>| {
        let value = value.filter(|_| sound).unwrap_or(f64::NAN);
        let mut intervals = levels.iter().filter(|_| sound).map(|level| interval(*level));
        let interval = intervals.next().flatten();
        let others = intervals.flatten().collect();
        let measurement = Measurement::new(id, value, unit, source);
        evidence.measurements.push(Measurement { n: Some(n), interval, others, ..measurement });
    };
    // Latencies lie between zero and the timeout by construction, which bounds a side that the sample leaves open. But a
    // request that failed stands at the timeout for want of an answer: where it may be the one, nothing bounds it.
    let longest = plan.timeout.as_secs_f64();
    let greatest = |high: f64| if high >= longest && outcome.failed() > 0 { f64::INFINITY } else { high.min(longest) };
    let inside = |i: Interval| Interval { low: i.low.max(0.0), high: greatest(i.high), ..i };
    let sample = &outcome.latencies;
    for (id, p) in PERCENTILES {
        let interval = |level| stats::quantile_interval(sample, p, level).map(inside);
        add(id, stats::quantile(sample, p), Unit::Seconds, n, &interval);
    }
    add("latency.max", sample.last().copied(), Unit::Seconds, n, &|_| None);
    let of_mean = |level| mean(sample, level).map(inside);
    add("latency.mean", Some(sample.iter().sum::<f64>() / n as f64), Unit::Seconds, n, &of_mean);
    let errors = outcome.failed() as f64;
    add("latency.error_rate", Some(errors / n as f64), Unit::Share, n, &|level| stats::wilson(errors, n as f64, level));
    let throughput = outcome.answered as f64 / outcome.seconds;
    add("latency.throughput", Some(throughput), Unit::PerSecond, outcome.answered, &|_| None);

    if outcome.failed() > 0 {
        evidence.notes.push(format!("of {n} requests {} failed: {}", outcome.failed(), outcome.errors_in_words()));
    }
    if outcome.held > 0 {
        evidence.notes.push(format!(
            "{} requests had to wait because {} were in flight already, the most that the probe keeps; their \
             waiting counts in the latencies",
            outcome.held, plan.in_flight
        ));
    }
    if outcome.lag_p99 >= LAG_WORTH_A_WORD {
        let lag = Unit::Seconds.show(outcome.lag_p99);
        evidence.notes.push(format!("the probe itself sent 1% of the requests {lag} or more late; that counts too"));
    }
    what_spoils(outcome, plan, source)
}

fn what_spoils(outcome: &Outcome, plan: &Plan, source: &str) -> Result<(), Fault> {
    let n = outcome.requests();
    if outcome.given_up {
        let patience = Unit::Seconds.show(plan.patience().as_secs_f64());
        let errors = if n > 0 { format!(": {}", outcome.errors_in_words()) } else { String::new() };
        let why = format!("nothing at all was answered in the first {patience}{errors}");
        let hint = "raise `timeout`, or let `ready` answer only when the model is loaded";
        return Err(Fault::new(format!("probe {source}"), why, hint));
    }
    if n == 0 {
        return Err(Fault::new(format!("probe {source}"), "no request was answered or failed: no traffic", ""));
    }
    if outcome.answered == 0 {
        let why = format!("none of {n} requests succeeded: {}", outcome.errors_in_words());
        let hint = "check `request` (method, path, headers, body) against what the server expects";
        return Err(Fault::new(format!("probe {source}"), why, hint));
    }
    if !outcome.kept_pace() {
        let why = format!(
            "the probe itself could not keep the pace: it sent {} of the requests in time, so {} instead of {}",
            Unit::Share.show(outcome.in_time),
            Unit::PerSecond.show(plan.rate * outcome.in_time),
            Unit::PerSecond.show(plan.rate)
        );
        return Err(Fault::new(format!("probe {source}"), why, "lower `rate`, or run on a machine with free cores"));
    }
    if n != outcome.planned {
        let why = format!("{n} of {} requests were made", outcome.planned);
        return Err(Fault::new(format!("probe {source}"), why, ""));
    }
    Ok(())
}

/// Student's t interval of the mean; of a single value it is open.
fn mean(sample: &[f64], level: f64) -> Option<Interval> {
    let n = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / n;
    if n < 2.0 {
        return Some(stats::unbounded(level)).filter(|_| n > 0.0);
    }
    let variance = sample.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let reach = stats::student_quantile(0.5 + level / 2.0, n - 1.0) * (variance / n).sqrt();
    Some(Interval { low: mean - reach, high: mean + reach, level })
}

/// The request's body, with its digest among the inputs.
fn payload(ctx: &Context<'_>, latency: &Latency, evidence: &mut Evidence) -> Result<Option<Bytes>, Fault> {
    let Some(path) = &latency.request.body else { return Ok(None) };
    let what = format!("read the request body {}", path.display());
    let hint = "`request.body` names a file, relative to the folder of mlops.yaml";
    let full = ctx.root.join(path);
    let meta = std::fs::metadata(&full).map_err(|e| Fault::new(&what, e, hint))?;
    if !meta.is_file() {
        return Err(Fault::new(&what, "it is no regular file", hint));
    }
    if meta.len() > MOST_BODY_BYTES {
        let why = format!("it has {}, more than {}", bytes_of(meta.len()), bytes_of(MOST_BODY_BYTES));
        return Err(Fault::new(&what, why, hint));
    }
    let body = std::fs::read(&full).map_err(|e| Fault::new(&what, e, hint))?;
    if body.is_empty() {
        return Err(Fault::new(&what, "the file is empty", "write one request into it, or leave `body` out"));
    }
    evidence.inputs.push(Input {
        kind: "latency.body".into(),
        name: path.display().to_string(),
        digest: digest::of(&body),
        bytes: body.len() as u64,
    });
    Ok(Some(body.into()))
}

fn bytes_of(bytes: u64) -> String {
    Unit::Bytes.show(bytes as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::ErrorKind;
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn plan() -> Plan {
        let request = Request::new("GET", "http://127.0.0.1:9/", &[], None).unwrap();
        let (warmup, duration) = (Duration::ZERO, Duration::from_secs(10));
        Plan { request, rate: 10.0, warmup, duration, timeout: Duration::from_secs(2), in_flight: 8 }
    }

    /// `answered` requests of 1 to `answered` ms, and failures beside them.
    fn outcome(answered: u32, failed: u32) -> Outcome {
        let mut latencies: Vec<f64> = (1..=answered).map(|i| f64::from(i) / 1000.0).collect();
        latencies.extend((0..failed).map(|_| 2.0));
        let errors =
            if failed > 0 { BTreeMap::from([(ErrorKind::Status(500), failed.into())]) } else { BTreeMap::new() };
        Outcome {
            latencies,
            answered: answered.into(),
            errors,
            planned: (answered + failed).into(),
            seconds: 10.0,
            in_time: 1.0,
            lag_p99: 0.0,
            held: 0,
            peak: 1,
            given_up: false,
        }
    }

    fn judged(outcome: &Outcome) -> (Evidence, Result<(), Fault>) {
        let mut evidence = Evidence::default();
        let result = judge(outcome, &plan(), &[0.95, 0.99], "GET / on a stand-in", &mut evidence);
        (evidence, result)
    }

    fn measured(evidence: &Evidence, id: &str) -> Measurement {
        evidence.measurements.iter().find(|m| m.id == id).expect(id).clone()
    }

    #[test]
    fn percentiles_come_with_intervals() {
        let (evidence, result) = judged(&outcome(1000, 0));
        result.unwrap();
        let p95 = measured(&evidence, "latency.p95");
        assert!((p95.value - 0.95005).abs() < 1e-9 && p95.n == Some(1000));
        let interval = p95.interval.unwrap();
        assert!(0.93 < interval.low && interval.low < 0.95 && 0.95 < interval.high && interval.high < 0.97);
        let wider = p95.interval_at(0.99).unwrap();
        assert!(wider.low < interval.low && wider.high > interval.high);
        let mean = measured(&evidence, "latency.mean");
        assert!((mean.value - 0.5005).abs() < 1e-9 && (mean.interval.unwrap().low - 0.4826).abs() < 1e-3);
        assert_eq!(measured(&evidence, "latency.error_rate").value, 0.0);
        assert!(measured(&evidence, "latency.error_rate").interval.unwrap().high > 0.003);
        assert_eq!(measured(&evidence, "latency.throughput").value, 100.0);
        assert_eq!(measured(&evidence, "latency.max").value, 1.0);
    }

    #[test]
    fn errors_make_every_figure_worse() {
        let (clean, _) = judged(&outcome(100, 0));
        let (broken, result) = judged(&outcome(90, 10));
        result.unwrap();
        for id in ["latency.p90", "latency.p95", "latency.p99", "latency.max", "latency.mean", "latency.error_rate"] {
            assert!(measured(&broken, id).value > measured(&clean, id).value, "{id}");
        }
        assert_eq!(measured(&broken, "latency.p95").value, 2.0);
        assert_eq!(broken.notes, ["of 100 requests 10 failed: 10 × status 500"]);
    }

    #[test]
    fn a_side_that_few_requests_leave_open_ends_at_the_timeout() {
        let (evidence, _) = judged(&outcome(20, 0));
        assert_eq!(measured(&evidence, "latency.p99").interval.unwrap().high, 2.0);
        let (one, _) = judged(&outcome(1, 0));
        let interval = measured(&one, "latency.mean").interval.unwrap();
        assert_eq!((interval.low, interval.high), (0.0, 2.0));
    }

    #[test]
    fn what_cannot_be_judged_is_not_a_number() {
        let late = Outcome { in_time: 0.94, ..outcome(100, 0) };
        let short = Outcome { planned: 200, ..outcome(100, 0) };
        let silent = Outcome { given_up: true, planned: 500, ..outcome(0, 100) };
        let silent_so_far = Outcome { given_up: true, planned: 500, ..outcome(0, 0) };
        for (spoilt, why) in [
            (silent, "in the first 5 s: 100 × status 500"),
            (silent_so_far, "in the first 5 s"),
            (outcome(0, 100), "none of 100"),
            (outcome(0, 0), "no traffic"),
            (late, "keep the pace"),
            (short, "100 of 200"),
        ] {
            let (evidence, result) = judged(&spoilt);
            let fault = result.unwrap_err();
            assert!(fault.why.contains(why), "{fault}");
            assert_eq!(evidence.measurements.len(), 8);
            assert!(evidence.measurements.iter().all(|m| m.value.is_nan() && m.interval.is_none()));
        }
    }
}
