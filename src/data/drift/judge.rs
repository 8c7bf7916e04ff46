//! From what was found to checks and measurements.

use super::compare::{Answer, Outcome as Comparison};
use super::{Asked, Found};
use crate::config::Correction;
use crate::model::{Check, Distribution, Measurement, Outcome, Severity, Unit};
use crate::stats::drift;

/// Most columns named in one check.
const NAMED: usize = 10;

pub fn judge(asked: &Asked, mut results: Vec<Answer>, found: &mut Found) {
    correct(asked.drift.correction, &mut results);
    let (mut compared, mut errored, mut unsure, mut drifted) = (0_u64, 0_u64, Unsure::default(), Vec::new());
    for result in results {
        let id = format!("data.{}.drift({})", asked.name, result.name);
        let must_not =
            asked.drift.label.as_ref() == Some(&result.name) || asked.drift.prediction.as_ref() == Some(&result.name);
        let severity = if must_not { asked.drift.severity } else { Severity::Warn };
        let check = |severity, outcome, message| Check {
            severity,
            outcome,
            message,
            ..Check::new(&id, format!("drift({})", result.name), asked.source)
        };
        let comparison = match result.outcome {
            Ok(comparison) => comparison,
            Err(why) => {
                errored += 1;
                found.checks.push(check(asked.drift.severity, Outcome::Errored, why));
                continue;
            }
        };
        let score = comparison.compared.score();
        let Some(has_drifted) = has_drifted(&comparison) else {
            errored += 1;
            let message = format!("{} is not a number", comparison.method_name);
            found.checks.push(check(asked.drift.severity, Outcome::Errored, message));
            continue;
        };
        compared += 1;
        let message = words(asked, &comparison, has_drifted);
        let outcome = match (is_sure(&comparison), has_drifted) {
            (false, has_drifted) => {
                unsure.drifted += u64::from(has_drifted);
                unsure.not += u64::from(!has_drifted);
                Outcome::Inconclusive
            }
            (true, true) => Outcome::Failed,
            (true, false) => Outcome::Passed,
        };
        let n = Some(comparison.sizes.1);
        found.checks.push(Check { value: Some(score), n, ..check(severity, outcome, message.clone()) });
        let source = format!("{} of {} against {}", comparison.method_name, asked.source, asked.reference.name());
        found.measurements.push(Measurement { n, ..Measurement::new(&id, score, Unit::Score, source) });
        if has_drifted {
            drifted.push(format!("{}: {message}", result.name));
        }
        if let Some(picture) = result.picture.filter(|_| has_drifted) {
            found.distributions.push(Distribution { id, ..picture });
        }
    }
    share(asked, (compared, errored), unsure, drifted, found);
}

fn has_drifted(comparison: &Comparison) -> Option<bool> {
    match comparison.method {
        Some(method) => comparison.compared.drifted(method, comparison.threshold),
        None => Some(comparison.compared.score()).filter(|s| !s.is_nan()).map(|score| score > comparison.threshold),
    }
}

/// Columns of which a sketch cannot tell whether they drifted, by what it seems.
#[derive(Clone, Copy, Debug, Default)]
struct Unsure {
    drifted: u64,
    not: u64,
}

/// Whether the number is farther from the threshold than it may be off.
fn is_sure(comparison: &Comparison) -> bool {
    comparison.off == 0.0 || (comparison.compared.score() - comparison.threshold).abs() > comparison.off
}

/// Adjusts the p-values of all columns that were tested together.
fn correct(correction: Correction, results: &mut [Answer]) {
    let adjust = match correction {
        Correction::None => return,
        Correction::BenjaminiHochberg => drift::benjamini_hochberg,
        Correction::Bonferroni => drift::bonferroni,
    };
    let mut tested: Vec<&mut f64> = results
        .iter_mut()
        .filter_map(|result| result.outcome.as_mut().ok())
        .filter_map(|comparison| comparison.compared.p.as_mut())
        .collect();
    let adjusted = adjust(&tested.iter().map(|p| **p).collect::<Vec<_>>());
    tested.iter_mut().zip(adjusted).for_each(|(p, adjusted)| **p = adjusted);
}

/// `wasserstein 0.213, drifted from 0.1 on; 12,000 values against 1,000 of train`
fn words(asked: &Asked, comparison: &Comparison, has_drifted: bool) -> String {
    let number = |value: f64| match value {
        v if v == 0.0 || v.abs() >= 1e-4 => Unit::Score.show(v),
        v => format!("{v:.1e}"),
    };
    let (name, threshold) = (&comparison.method_name, number(comparison.threshold));
    let found = match comparison.compared.p {
        Some(p) => {
            let adjusted = if asked.drift.correction == Correction::None { "" } else { "adjusted " };
            format!("{name}: statistic {}, {adjusted}p {}", number(comparison.compared.statistic), number(p))
        }
        None => format!("{name} {}", number(comparison.compared.statistic)),
    };
    let rule = match (comparison.compared.p.is_some(), has_drifted) {
        _ if !is_sure(comparison) => format!("which is too near to {threshold} to tell"),
        (true, true) => format!("drifted: p below {threshold}"),
        (true, false) => format!("not drifted: that takes p below {threshold}"),
        (false, true) => format!("drifted: {threshold} or more"),
        (false, false) => format!("not drifted: that takes {threshold}"),
    };
    let (reference, current) = comparison.sizes;
    let count = |n: u64| Unit::Count.show(n as f64);
    let remark = if comparison.remark.is_empty() { String::new() } else { format!("; {}", comparison.remark) };
    format!(
        "{found}, {rule}; {} values against {} of {}{remark}",
        count(current),
        count(reference),
        asked.reference.name()
    )
}

/// The verdict that counts. A column that could not be compared may have drifted or not: where that decides, the share is
/// errored, and it is no measurement then.
fn share(asked: &Asked, (compared, errored): (u64, u64), unsure: Unsure, drifted: Vec<String>, found: &mut Found) {
    let most = Unit::Share.show(asked.drift.max_share);
    let check = |outcome, message| Check {
        severity: asked.drift.severity,
        outcome,
        message,
        n: Some(compared),
        ..Check::new(format!("data.{}.drift", asked.name), format!("drifted columns <= {most}"), asked.source)
    };
    let reference = asked.reference.name();
    if compared == 0 {
        let message = format!("not one column could be compared with {reference}");
        found.checks.insert(0, check(Outcome::Errored, message));
        return;
    }
    let of_all = drifted.len() as f64 / (compared + errored) as f64;
    if errored > 0 && of_all <= asked.drift.max_share {
        let message = format!(
            "{} of {compared} columns have drifted from {reference}, and {errored} more could not be compared, so the share is \
             not known; `except` leaves a column out",
            drifted.len(),
        );
        found.checks.insert(0, check(Outcome::Errored, message));
        return;
    }
    let share = drifted.len() as f64 / compared as f64;
    let holds = |drifted: u64| drifted as f64 / compared as f64 <= asked.drift.max_share;
    let number = drifted.len() as u64;
    let outcome = match (holds(number + unsure.not), holds(number - unsure.drifted)) {
        (true, _) => Outcome::Passed,
        (false, true) if unsure.drifted + unsure.not > 0 => Outcome::Inconclusive,
        _ => Outcome::Failed,
    };
    let told = match (unsure.drifted + unsure.not, outcome) {
        (0, _) | (_, Outcome::Passed | Outcome::Failed) => String::new(),
        (unsure, _) => format!(
            "; of {unsure} the profile is too coarse to tell, which decides: `against` a data set compares exactly, and \
             `methods` may give such a column jensenshannon or psi"
        ),
    };
    let message = format!(
        "{number} of {compared} columns ({}) have drifted from {reference}, expected <= {most}{told}",
        Unit::Share.show(share),
    );
    let mut examples = drifted;
    if examples.len() > NAMED {
        let more = examples.len() - NAMED;
        examples.truncate(NAMED);
        examples.push(format!("and {more} more"));
    }
    let examples = if outcome == Outcome::Passed { Vec::new() } else { examples };
    found.checks.insert(0, Check { value: Some(share), examples, ..check(outcome, message) });
    if errored == 0 {
        let source = format!("{} against {reference}", asked.source);
        let id = format!("data.{}.drift_share", asked.name);
        let share = Measurement { n: Some(compared), ..Measurement::new(id, share, Unit::Share, source) };
        found.measurements.insert(0, share);
    }
}
