//! Plan + evidence + verdicts + decision → the record.

use super::{profile, wire};
use crate::exit::Exit;
use crate::model::*;
use crate::secret::strike_out;

/// What the record says of the run itself.
#[derive(Clone, Debug)]
pub struct Header {
    pub run_id: String,
    pub host: String,
    pub command: &'static str,
    pub environment: Option<String>,
    pub model: String,
    pub commit: Option<Commit>,
    /// RFC 3339, UTC.
    pub started: String,
    pub dry_run: bool,
    pub config_name: String,
    pub config_digest: String,
    pub hash: String,
}

/// The time now, RFC 3339 in UTC, to the second.
pub fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// The day now, in UTC.
pub fn today() -> chrono::NaiveDate {
    chrono::Utc::now().date_naive()
}

pub fn assemble(
    header: Header,
    inputs: Vec<Input>,
    ran: &[Ran],
    baseline: Option<&Baseline>,
    decision: &Decision,
    image: Option<wire::Image>,
) -> wire::Record {
    let of_stages = || ran.iter().flat_map(|r| &r.evidence.inputs);
    let verdicts: Vec<&Verdict> = ran.iter().flat_map(|r| &r.verdicts).collect();
    wire::Record {
        schema: wire::SCHEMA,
        tool: wire::Tool { name: "mlgate".into(), version: env!("CARGO_PKG_VERSION").into() },
        run: wire::Run {
            id: header.run_id,
            hash: header.hash,
            model: header.model,
            command: header.command.into(),
            environment: header.environment,
            commit: header.commit.map(|c| wire::Commit { sha: c.sha, time: c.time, dirty: c.dirty }),
            host: header.host,
            started: header.started,
            finished: now(),
            dry_run: header.dry_run,
        },
        config: wire::ConfigRef { path: header.config_name, digest: header.config_digest },
        inputs: inputs.iter().chain(of_stages()).map(input).collect(),
        stages: ran.iter().map(stage).collect(),
        measurements: ran.iter().flat_map(|r| &r.evidence.measurements).map(|m| measurement(m, baseline)).collect(),
        checks: ran.iter().flat_map(|r| &r.evidence.checks).map(check).collect(),
        verdicts: verdicts.iter().map(|v| verdict(v)).collect(),
        decision: self::decision(decision, &verdicts),
        image,
        profiles: ran.iter().flat_map(|r| &r.evidence.profiles).map(profile::to_wire).collect(),
        distributions: ran.iter().flat_map(|r| &r.evidence.distributions).map(profile::distribution).collect(),
        predictions: ran.iter().find_map(|r| r.evidence.predictions.as_ref()).map(predictions),
        charts: ran.iter().flat_map(|r| &r.evidence.charts).map(chart).collect(),
        metrics: ran.iter().flat_map(|r| &r.evidence.metrics).map(metric).collect(),
    }
}

fn predictions(kept: &KeptPredictions) -> wire::Predictions {
    let KeptPredictions { path: _, digest, bytes, rows, reading } = kept.clone();
    wire::Predictions { digest, bytes, rows, reading }
}

fn decision(decision: &Decision, verdicts: &[&Verdict]) -> wire::Decision {
    let because = match decision {
        Decision::Cleared(_) => None,
        Decision::Blocked(blocked) => Some(match blocked.reason {
            Reason::Failed => Outcome::Failed,
            Reason::Inconclusive => Outcome::Inconclusive,
            Reason::Errored => Outcome::Errored,
        }),
    };
    wire::Decision {
        outcome: decision.name().into(),
        because: because.map(|outcome| outcome.name().into()),
        summary: strike_out(&summary(verdicts)),
        exit_code: Exit::of(decision).code(),
    }
}

/// `12 passed, 1 warned` and what blocks.
fn summary(verdicts: &[&Verdict]) -> String {
    const ORDER: [Outcome; 6] =
        [Outcome::Passed, Outcome::Warned, Outcome::Inconclusive, Outcome::Failed, Outcome::Errored, Outcome::Skipped];
    let count = |outcome: &Outcome| verdicts.iter().filter(|v| v.outcome == *outcome).count();
    let counts: Vec<String> =
        ORDER.iter().map(|o| (count(o), o)).filter(|(n, _)| *n > 0).map(|(n, o)| format!("{n} {o}")).collect();
    let blocking: Vec<&&Verdict> = verdicts.iter().filter(|v| v.blocking).collect();
    match blocking.as_slice() {
        [] if counts.is_empty() => "nothing was judged".into(),
        [] => counts.join(", "),
        [one] => format!("{}; does not hold: {}", counts.join(", "), one.gate),
        [first, rest @ ..] => format!("{}; do not hold: {} and {} more", counts.join(", "), first.gate, rest.len()),
    }
}

fn input(input: &Input) -> wire::Input {
    let Input { kind, name, digest, bytes } = input.clone();
    wire::Input { kind, name, digest, bytes }
}

fn stage(ran: &Ran) -> wire::Stage {
    wire::Stage {
        name: ran.stage.name().into(),
        outcome: ran.gravest().name().into(),
        seconds: (ran.seconds * 1000.0).round() / 1000.0,
        notes: struck_out(&ran.evidence.notes),
    }
}

fn slice(slice: &Option<Slice>) -> Option<wire::Slice> {
    slice.as_ref().map(|s| wire::Slice { column: s.column.clone(), value: s.value.clone() })
}

fn interval(interval: &Option<Interval>) -> Option<wire::Interval> {
    interval.map(|i| wire::Interval { low: i.low, high: i.high, level: i.level })
}

fn measurement(m: &Measurement, baseline: Option<&Baseline>) -> wire::Measurement {
    let baseline = match baseline {
        Some(Baseline::Known { measurements, .. }) => {
            measurements.iter().find(|b| b.id == m.id && b.slice == m.slice).map(|b| b.value)
        }
        _ => None,
    };
    wire::Measurement {
        id: m.id.clone(),
        slice: slice(&m.slice),
        value: Some(m.value).filter(|v| v.is_finite()),
        unit: m.unit.name().into(),
        n: m.n,
        interval: interval(&m.interval),
        other_intervals: m.others.iter().filter_map(|i| interval(&Some(*i))).collect(),
        source: strike_out(&m.source),
        baseline: baseline.filter(|v| v.is_finite()),
    }
}

fn check(c: &Check) -> wire::Check {
    wire::Check {
        id: c.id.clone(),
        text: strike_out(&c.text),
        outcome: c.outcome.name().into(),
        message: strike_out(&c.message),
        value: c.value.filter(|v| v.is_finite()),
        n: c.n,
        examples: struck_out(&c.examples),
        source: strike_out(&c.source),
    }
}

fn verdict(v: &Verdict) -> wire::Verdict {
    let finite = |value: Option<f64>| value.filter(|v| v.is_finite());
    wire::Verdict {
        stage: v.stage.name().into(),
        id: v.id.clone(),
        slice: slice(&v.slice),
        gate: strike_out(&v.gate),
        outcome: v.outcome.name().into(),
        blocking: v.blocking,
        value: finite(v.value),
        unit: v.unit.name().into(),
        bound: v.bound.clone(),
        baseline: finite(v.baseline),
        difference: finite(v.difference),
        interval: interval(&v.interval),
        interval_of: v.interval_of.map(str::to_string),
        allowed: v.allowed.filter(|a| a.estimate.is_finite()).map(|a| wire::Allowed {
            of: a.of.into(),
            estimate: a.estimate,
            low: finite(a.low),
            high: finite(a.high),
        }),
        n: v.n,
        n_needed: v.n_needed,
        n_advised: v.n_advised,
        source: strike_out(&v.source),
        method: v.method.clone(),
        reason: strike_out(&v.reason),
        examples: struck_out(&v.examples),
    }
}

fn metric(note: &MetricNote) -> wire::Metric {
    wire::Metric {
        id: note.id.clone(),
        formula: note.formula.clone(),
        better: if note.higher_is_better { "higher" } else { "lower" }.into(),
        interval: note.interval.clone(),
    }
}

fn chart(chart: &Chart) -> wire::Chart {
    // JSON has no NaN: a series that holds one would make the record unreadable, and is no picture.
    let named = |series: &Series| {
        let finite = series.iter().all(|(_, values)| values.iter().all(|value| value.is_finite()));
        finite.then(|| series.iter().map(|(name, values)| (name.to_string(), values.clone())).collect())
    };
    wire::Chart {
        id: chart.id.clone(),
        source: strike_out(&chart.source),
        rows: chart.rows,
        labels: struck_out(&chart.labels),
        candidate: named(&chart.candidate).unwrap_or_default(),
        baseline: chart.baseline.as_ref().and_then(named),
    }
}

/// Words alone are struck out: an outcome or a digest that happens to be somebody's password stays what it is.
fn struck_out(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| strike_out(line)).collect()
}
