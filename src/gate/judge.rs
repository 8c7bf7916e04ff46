//! One verdict for each gate (for each slice of a slice gate), each check and each fault.

use super::Policy;
use super::position::{Position, position};
use super::value::{self, Pair};
use super::words;
use crate::model::*;
use crate::stats;

/// Judges the gates of a stage on what it found.
pub fn gates(
    stage: StageKind,
    gates: &[Gate],
    evidence: &Evidence,
    baseline: &Baseline,
    policy: &Policy,
) -> Vec<Verdict> {
    gates.iter().flat_map(|gate| judge(stage, gate, evidence, baseline, policy)).collect()
}

/// Checks and faults as verdicts: a check brings its outcome along, a fault is always errored and always blocks.
pub fn checks(stage: StageKind, evidence: &Evidence) -> Vec<Verdict> {
    let of_check = |check: &Check| {
        let outcome = match (check.outcome, check.severity) {
            (Outcome::Failed, Severity::Warn) => Outcome::Warned,
            (outcome, _) => outcome,
        };
        // Only a passed, warned or skipped check lets the run go on, and one that was to warn blocks nothing.
        let blocking = check.severity == Severity::Block
            && !matches!(outcome, Outcome::Passed | Outcome::Warned | Outcome::Skipped);
        Verdict {
            outcome,
            blocking,
            value: check.value,
            unit: Unit::Count,
            n: check.n,
            source: check.source.clone(),
            reason: check.message.clone(),
            examples: check.examples.clone(),
            ..Verdict::new(stage, check.id.clone(), check.text.clone())
        }
    };
    let of_fault = |(i, fault): (usize, &Fault)| {
        let reason = if fault.hint.is_empty() { fault.why.clone() } else { format!("{}; {}", fault.why, fault.hint) };
        let id = if i == 0 { format!("{stage}.fault") } else { format!("{stage}.fault.{}", i + 1) };
        Verdict { outcome: Outcome::Errored, blocking: true, reason, ..Verdict::new(stage, id, fault.what.clone()) }
    };
    evidence.checks.iter().map(of_check).chain(evidence.faults.iter().enumerate().map(of_fault)).collect()
}

/// The verdict of a stage that was not run.
pub fn skipped(stage: StageKind, why: &str) -> Verdict {
    Verdict {
        outcome: Outcome::Skipped,
        reason: why.to_string(),
        ..Verdict::new(stage, stage.to_string(), "the whole stage")
    }
}

fn judge(stage: StageKind, gate: &Gate, evidence: &Evidence, baseline: &Baseline, policy: &Policy) -> Vec<Verdict> {
    let id = gate.subject.id();
    let of_id: Vec<&Measurement> = evidence.measurements.iter().filter(|m| m.id == id).collect();
    let sliced_by = |column: &str| -> Vec<&Measurement> {
        of_id.iter().copied().filter(|m| m.slice.as_ref().is_some_and(|s| s.column == column)).collect()
    };
    if gate.rule.needs_baseline()
        && let Some(verdict) = without_baseline(stage, gate, baseline)
    {
        return vec![verdict];
    }
    let measured = match &gate.subject {
        Subject::Overall { .. } => of_id.into_iter().filter(|m| m.slice.is_none()).collect(),
        Subject::EachSlice { column, .. } => sliced_by(column),
        Subject::OneSlice { column, value, .. } => {
            sliced_by(column).into_iter().filter(|m| m.slice.as_ref().is_some_and(|s| s.value == *value)).collect()
        }
        Subject::Gap { column, .. } => {
            return vec![gap(stage, gate, column, &sliced_by(column), baseline, policy)];
        }
    };
    if measured.is_empty() {
        let reason = match &gate.subject {
            Subject::OneSlice { column, value, .. } => {
                format!("no slice {column}={value} has enough rows to be measured")
            }
            Subject::EachSlice { column, .. } => format!("no slice of `{column}` has enough rows to be measured"),
            _ => missing(id, &evidence.measurements),
        };
        return vec![errored(stage, gate, reason)];
    }
    measured
        .into_iter()
        .map(|m| one(stage, gate, m, of_baseline(baseline, m), of_comparison(evidence, m), policy))
        .collect()
}

fn missing(id: &str, measurements: &[Measurement]) -> String {
    let mut others: Vec<&str> = measurements.iter().filter(|m| m.slice.is_none()).map(|m| m.id.as_str()).collect();
    others.sort_unstable();
    others.dedup();
    match others.is_empty() {
        true => format!("`{id}` was not measured; nothing was"),
        false => format!("`{id}` was not measured; there are {}", others.join(", ")),
    }
}

fn of_baseline<'a>(baseline: &'a Baseline, of: &Measurement) -> Option<&'a Measurement> {
    match baseline {
        Baseline::Known { measurements, .. } => measurements.iter().find(|m| m.id == of.id && m.slice == of.slice),
        Baseline::NotConfigured | Baseline::Missing { .. } | Baseline::Faulty { .. } => None,
    }
}

fn of_comparison<'a>(evidence: &'a Evidence, of: &Measurement) -> Option<&'a Comparison> {
    evidence.comparisons.iter().find(|c| c.id == of.id && c.slice == of.slice)
}

/// The verdict of a gate whose baseline is not there at all.
fn without_baseline(stage: StageKind, gate: &Gate, baseline: &Baseline) -> Option<Verdict> {
    match baseline {
        Baseline::Known { .. } => None,
        Baseline::NotConfigured => Some(errored(stage, gate, "the gate needs a baseline and none is named".into())),
        Baseline::Missing { source, reason, first_run_accepted: true } => Some(Verdict {
            outcome: Outcome::Warned,
            reason: format!("first run: {source} is not there yet ({reason}); accepted by `first_run: accept`"),
            ..Verdict::new(stage, gate.subject.id().to_string(), gate.text.clone())
        }),
        Baseline::Faulty { source, reason } => Some(errored(stage, gate, format!("no baseline: {source}: {reason}"))),
        Baseline::Missing { source, reason, first_run_accepted: false } => {
            let reason = format!("no baseline: {source}: {reason}; if this is the first run, set `first_run: accept`");
            Some(errored(stage, gate, reason))
        }
    }
}

fn gap(
    stage: StageKind,
    gate: &Gate,
    column: &str,
    slices: &[&Measurement],
    baseline: &Baseline,
    policy: &Policy,
) -> Verdict {
    let id = gate.subject.id();
    let candidate = match value::gap(id, column, slices) {
        Ok(gap) => gap,
        Err(reason) => return errored(stage, gate, reason),
    };
    let of_baseline: Vec<&Measurement> = slices.iter().filter_map(|m| of_baseline(baseline, m)).collect();
    let baseline = value::gap(id, column, &of_baseline).ok();
    let mut verdict = one(stage, gate, &candidate, baseline.as_ref(), None, policy);
    verdict.id = format!("gap({id}[{column}])");
    // Rows of two slices do not add up to one number that would settle it.
    verdict.n_needed = None;
    verdict
}

fn one(
    stage: StageKind,
    gate: &Gate,
    candidate: &Measurement,
    baseline: Option<&Measurement>,
    comparison: Option<&Comparison>,
    policy: &Policy,
) -> Verdict {
    let described = Verdict {
        slice: candidate.slice.clone(),
        value: Some(candidate.value).filter(|v| v.is_finite()),
        unit: candidate.unit,
        n: candidate.n,
        source: candidate.source.clone(),
        id: candidate.key(),
        ..errored(stage, gate, String::new())
    };
    if !candidate.value.is_finite() {
        let reason =
            format!("`{}` is {}: not a number that a gate can be held against", candidate.key(), candidate.value);
        return Verdict { reason, ..described };
    }
    let held = match value::subject(&Pair { candidate, baseline, comparison }, &gate.rule) {
        Ok(held) => held,
        Err(reason) => return Verdict { reason, ..described },
    };
    let position = position(held.estimate, held.interval, held.region);
    let n_needed = (position == Position::Astride).then(|| needed(&held)).flatten();
    let (outcome, blocking) = match (position, gate.severity) {
        (Position::Inside, _) => (Outcome::Passed, false),
        (Position::Outside, Severity::Block) => (Outcome::Failed, true),
        (Position::Outside, Severity::Warn) => (Outcome::Warned, false),
        (Position::Astride, severity) => {
            (Outcome::Inconclusive, severity == Severity::Block && policy.inconclusive == Severity::Block)
        }
    };
    Verdict {
        outcome,
        blocking,
        bound: Some(words::bound(&gate.rule, candidate.unit, held.baseline)),
        baseline: held.baseline,
        difference: held.difference,
        interval: held.interval,
        interval_of: held.interval.map(|_| held.of),
        n: held.n,
        n_needed,
        reason: words::reason(&held, candidate.unit, position),
        method: held.method,
        ..described
    }
}

/// Rows after which the interval would no longer reach over the nearest end of the region.
fn needed(held: &value::Subjected) -> Option<u64> {
    let (interval, end) = (held.interval?, held.region.nearest_end(held.estimate)?);
    let reach = if end < held.estimate { held.estimate - interval.low } else { interval.high - held.estimate };
    stats::rows_needed(held.n?, held.estimate, end, reach)
}

fn errored(stage: StageKind, gate: &Gate, reason: String) -> Verdict {
    Verdict {
        outcome: Outcome::Errored,
        blocking: gate.severity == Severity::Block,
        reason,
        ..Verdict::new(stage, gate.subject.id().to_string(), gate.text.clone())
    }
}
