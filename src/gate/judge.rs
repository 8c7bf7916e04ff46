//! One verdict for each gate (for each slice of a slice gate), each check and each fault.

use super::levels;
use super::position::{Position, position};
use super::side::{Certainty, Side, Told, percent};
use super::value::{self, Pair};
use super::{Grounds, Policy, power, quarantine, words};
use crate::model::*;
use crate::stats;
use std::collections::HashMap;

/// Judges the gates of a stage on what it and those before it found.
pub fn gates(stage: StageKind, gates: &[Gate], grounds: &Grounds<'_>, policy: &Policy) -> Vec<Verdict> {
    let evidence = grounds.evidence;
    let candidate = Side::of(evidence.measurements.iter().chain(grounds.earlier.iter().copied()));
    let known: &[Measurement] = match grounds.baseline {
        Baseline::Known { measurements, .. } => measurements,
        Baseline::NotConfigured | Baseline::Missing { .. } | Baseline::Faulty { .. } => &[],
    };
    let mut comparisons: HashMap<_, Vec<&Comparison>> = HashMap::new();
    for comparison in &evidence.comparisons {
        comparisons.entry((comparison.id.as_str(), comparison.slice.as_ref())).or_default().push(comparison);
    }
    let (baseline, whole) = (candidate.beside(known), Side::of(known.iter()));
    let judge = Judge { stage, candidate, baseline, whole, comparisons, policy };
    let verdicts = gates.iter().flat_map(|gate| {
        let verdicts = match without_baseline(stage, gate, grounds.baseline) {
            Some(verdict) => vec![judge.unmeasured(gate).unwrap_or(verdict)],
            None => judge.gate(gate),
        };
        quarantine::apply(gate, verdicts, policy.today)
    });
    verdicts.collect()
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

/// Both sides of what is judged, found by name.
struct Judge<'a> {
    stage: StageKind,
    candidate: Side<'a>,
    baseline: Side<'a>,
    /// The baseline with the slices that the candidate lacks.
    whole: Side<'a>,
    comparisons: HashMap<(&'a str, Option<&'a Slice>), Vec<&'a Comparison>>,
    policy: &'a Policy,
}

impl<'a> Judge<'a> {
    /// What is wrong with the candidate's side alone, if anything: a first run is no leave to measure nothing.
    fn unmeasured(&self, gate: &Gate) -> Option<Verdict> {
        let certainty = Certainty { level: levels::base(gate, self.policy), correction: self.policy.correction };
        let slices = match self.each_slice(gate) {
            Ok(slices) => slices,
            Err(verdict) => return Some(*verdict),
        };
        slices.into_iter().find_map(|slice| self.measured(gate, slice, certainty).err().map(|verdict| *verdict))
    }

    /// The slices that the gate is held on; the whole, where it is on none.
    fn each_slice(&self, gate: &Gate) -> Result<Vec<Option<&'a Slice>>, Box<Verdict>> {
        let subject = &gate.subject;
        let Some(column) = subject.each_slice_of() else { return Ok(vec![None]) };
        let slices: Vec<_> = self.candidate.slices(sliced(subject), column).into_iter().map(Some).collect();
        match slices.is_empty() {
            false => Ok(slices),
            true => {
                let reason = format!("no slice of `{column}` has enough rows to be measured");
                Err(Box::new(errored(self.stage, gate, reason)))
            }
        }
    }

    /// The baseline's slices that the candidate has not: what nobody measured must not count as no worse.
    fn lost(&self, gate: &Gate) -> Vec<Verdict> {
        if !gate.rule.needs_baseline() {
            return Vec::new();
        }
        let mut lost: Vec<(&str, &Slice)> = Vec::new();
        // What slices were found is of each run's own rows.
        for (id, column) in gate.subject.over_slices().into_iter().filter(|(_, column)| *column != FOUND) {
            let ours = self.candidate.slices(id, column);
            let theirs = self.whole.slices(id, column).into_iter().filter(|slice| !ours.contains(slice));
            for slice in theirs {
                if !lost.iter().any(|(_, known)| *known == slice) {
                    lost.push((id, slice));
                }
            }
        }
        let verdict = |(id, slice): (&str, &Slice)| {
            let reason = format!(
                "the baseline has {slice}, and this run has no such slice with enough rows to be measured; if it is \
                 gone for good, leave it out of the baseline"
            );
            let id = match gate.subject {
                Subject::Combined(_) => format!("{} for {slice}", gate.subject),
                _ => format!("{id}[{slice}]"),
            };
            Verdict { id, slice: Some(slice.clone()), ..errored(self.stage, gate, reason) }
        };
        lost.into_iter().map(verdict).collect()
    }

    fn gate(&self, gate: &Gate) -> Vec<Verdict> {
        let subject = &gate.subject;
        let (level, correction) = (levels::base(gate, self.policy), self.policy.correction);
        let mut said = Vec::new();
        let looks = self.policy.looks.at(subject);
        if looks > 1 {
            said.push(format!("each of {looks} looks at {} (Bonferroni)", percent(level)));
        }
        let slices = match self.each_slice(gate) {
            Ok(slices) => slices,
            Err(verdict) => return vec![*verdict],
        };
        let comparisons = levels::of_slices(subject.each_slice_of().unwrap_or_default(), slices.len());
        let level = levels::of_gate(gate, self.policy, comparisons);
        if comparisons > 1 && correction == SliceCorrection::Bonferroni {
            said.push(format!("each of {comparisons} slices at {} (Bonferroni)", percent(level)));
        }
        let certainty = Certainty { level, correction };
        let judged = slices.into_iter().map(|slice| self.one(gate, slice, certainty, said.clone()));
        judged.chain(self.lost(gate)).collect()
    }

    /// The candidate's side of a gate, and its verdict as far as that side tells it; or what is wrong with it.
    fn measured(
        &self,
        gate: &Gate,
        slice: Option<&Slice>,
        certainty: Certainty,
    ) -> Result<(Told, Verdict), Box<Verdict>> {
        let subject = &gate.subject;
        let candidate = self.candidate.tell(subject, slice, certainty).map_err(|reason| {
            let id = subject.to_string();
            Box::new(Verdict { id, slice: slice.cloned(), ..errored(self.stage, gate, reason) })
        })?;
        let measured = &candidate.measurement;
        let described = Verdict {
            slice: measured.slice.clone(),
            value: Some(measured.value).filter(|v| v.is_finite()),
            unit: measured.unit,
            n: measured.n,
            source: measured.source.clone(),
            id: match subject {
                Subject::Gap { .. } | Subject::Ratio { .. } => subject.to_string(),
                // Not by the key: the slice would seem to be of the last measurement alone.
                Subject::Combined(_) => slice.map_or(subject.to_string(), |slice| format!("{subject} for {slice}")),
                _ => measured.key(),
            },
            ..errored(self.stage, gate, String::new())
        };
        if !measured.value.is_finite() {
            let (key, value) = (measured.key(), measured.value);
            let reason = format!("`{key}` is {value}: not a number that a gate can be held against");
            return Err(Box::new(Verdict { reason, ..described }));
        }
        // Of a metric file the unit is known only now.
        if let Some(quantity) = gate.rule.quantities().into_iter().find(|quantity| !quantity.fits(measured.unit)) {
            let reason =
                format!("`{}` is measured in {}, the gate has {}", measured.key(), measured.unit, quantity.written());
            return Err(Box::new(Verdict { reason, ..described }));
        }
        Ok((candidate, described))
    }

    fn one(&self, gate: &Gate, slice: Option<&Slice>, certainty: Certainty, mut said: Vec<String>) -> Verdict {
        let subject = &gate.subject;
        let (candidate, described) = match self.measured(gate, slice, certainty) {
            Ok(measured) => measured,
            Err(verdict) => return *verdict,
        };
        let measured = &candidate.measurement;
        let baseline = self.baseline.tell(subject, slice, certainty);
        let comparison = match subject {
            // Its id is that of the slices, and what it compares is not.
            Subject::Gap { .. } | Subject::Ratio { .. } => None,
            _ => self.comparison(measured, certainty.level),
        };
        let pair = Pair {
            candidate: measured,
            baseline: baseline.as_ref().map(|told| &told.measurement).map_err(String::as_str),
            comparison: comparison.as_ref().map(|(comparison, _)| comparison),
        };
        let mut held = match value::subject(&pair, &gate.rule) {
            Ok(held) => held,
            Err(reason) => return Verdict { reason, ..described },
        };
        said.extend(match (gate.rule.needs_baseline(), comparison, baseline) {
            (true, Some((_, carried)), _) => carried.into_iter().collect(),
            (true, None, Ok(baseline)) => candidate.said.into_iter().chain(baseline.said).collect::<Vec<_>>(),
            _ => candidate.said,
        });
        let mut seen: Vec<String> = held.method.take().into_iter().collect();
        for text in said {
            if !seen.contains(&text) {
                seen.push(text);
            }
        }
        held.method = Some(seen.join("; ")).filter(|method| !method.is_empty());
        self.judged(gate, described, held)
    }

    /// Candidate against baseline as the stage compared them, at a level; where it did so at another, carried over.
    fn comparison(&self, of: &Measurement, level: f64) -> Option<(Comparison, Option<String>)> {
        let made = self.comparisons.get(&(of.id.as_str(), of.slice.as_ref()))?;
        let at = |comparison: &Comparison| comparison.difference.interval.map(|interval| interval.level);
        // What is certain holds at every level.
        let fits = |found: f64| same_level(found, level) || found >= 1.0;
        if let Some(found) = made.iter().find(|c| at(c).is_none_or(fits)) {
            return Some(((*found).clone(), None));
        }
        let found = (*made.first()?).clone();
        let carry = |difference: Difference| Difference {
            interval: difference.interval.map(|interval| stats::carried(difference.value, interval, level)),
            ..difference
        };
        let said = at(&found).map(|from| format!("interval carried from {} to {}", percent(from), percent(level)));
        let difference = carry(found.difference);
        Some((Comparison { difference, relative: found.relative.map(carry), ..found }, said))
    }

    fn judged(&self, gate: &Gate, described: Verdict, held: value::Subjected) -> Verdict {
        let unit = described.unit;
        let position = position(held.estimate, held.interval, held.region);
        let n_needed = (position == Position::Astride).then(|| needed(&held)).flatten();
        let n_advised = gate.rule.needs_baseline().then(|| power::advised(&held)).flatten();
        let (outcome, blocking) = match (position, gate.severity) {
            (Position::Inside, _) => (Outcome::Passed, false),
            (Position::Outside, Severity::Block) => (Outcome::Failed, true),
            (Position::Outside, Severity::Warn) => (Outcome::Warned, false),
            (Position::Astride, severity) => {
                let blocks = severity == Severity::Block && self.policy.inconclusive == Severity::Block;
                (Outcome::Inconclusive, blocks)
            }
        };
        Verdict {
            outcome,
            blocking,
            bound: Some(words::bound(&gate.rule, unit, held.baseline)),
            baseline: held.baseline,
            difference: held.difference,
            interval: held.interval,
            interval_of: held.interval.map(|_| held.of),
            allowed: Some(held.allowed()),
            n: held.n,
            n_needed,
            n_advised,
            reason: words::reason(&held, unit, position, n_advised),
            method: held.method,
            ..described
        }
    }
}

/// The id of the measurement whose slices a gate on each slice is held on.
fn sliced(subject: &Subject) -> &str {
    subject.parts().into_iter().find(|part| part.each_slice_of().is_some()).map_or("", Subject::id)
}

/// The verdict of a gate whose baseline is not there at all.
fn without_baseline(stage: StageKind, gate: &Gate, baseline: &Baseline) -> Option<Verdict> {
    match baseline {
        _ if !gate.rule.needs_baseline() => None,
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
