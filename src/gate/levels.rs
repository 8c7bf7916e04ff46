//! The levels of confidence that gates ask for beside everybody's, told before they are judged so that the stage that
//! has the rows can make intervals at them.

use super::Policy;
use crate::model::*;
use std::collections::BTreeMap;

/// The level at which a gate is judged that makes `comparisons` of one kind.
pub fn of_gate(gate: &Gate, policy: &Policy, comparisons: usize) -> f64 {
    policy.correction.level(base(gate, policy), comparisons)
}

/// Before any correction for slices. Looks are corrected for in any case: each has its share of the error (Bonferroni).
pub fn base(gate: &Gate, policy: &Policy) -> f64 {
    let level = gate.confidence.unwrap_or(policy.confidence);
    SliceCorrection::Bonferroni.level(level, policy.looks.at(&gate.subject) as usize)
}

/// How many comparisons a gate on so many slices of a column makes. Found slices come with intervals that hold for all
/// that were searched, so that no further correction is due.
pub fn of_slices(column: &str, slices: usize) -> usize {
    if column == FOUND { slices.min(1) } else { slices }
}

/// Every other level that these gates will ask for, given what was measured, and of what; each once, in order.
pub fn levels<'a>(
    gates: impl Iterator<Item = &'a Gate>,
    measurements: &[Measurement],
    policy: &Policy,
) -> Vec<(f64, Asked)> {
    let mut slices: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (id, slice) in measurements.iter().filter_map(|m| Some((&m.id, m.slice.as_ref()?))) {
        *slices.entry((id, &slice.column)).or_default() += 1;
    }
    let count = |id: &str, column: &str| of_slices(column, slices.get(&(id, column)).copied().unwrap_or_default());
    let mut asked: Vec<(f64, Asked)> = Vec::new();
    for gate in gates {
        let parts = gate.subject.parts();
        let each = parts.iter().find_map(|part| Some((part.id(), part.each_slice_of()?)));
        let level = of_gate(gate, policy, each.map_or(1, |(id, column)| count(id, column)));
        for part in parts {
            let of = Asked::Only([(part.id().to_string(), part.column().map(str::to_string))].into());
            if let Subject::Gap { id, column } | Subject::Ratio { id, column } = part {
                let slices = count(id, column);
                let pairs = slices * slices.saturating_sub(1) / 2;
                asked.push((policy.correction.level(level, pairs), of.clone()));
            }
            asked.push((level, of));
        }
    }
    asked.retain(|(level, _)| !same_level(*level, policy.confidence));
    asked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut levels: Vec<(f64, Asked)> = Vec::new();
    for (level, of) in asked {
        match levels.last_mut() {
            Some((known, all)) if same_level(*known, level) => *all = std::mem::take(all).and(of),
            _ => levels.push((level, of)),
        }
    }
    levels
}
