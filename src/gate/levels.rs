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

/// Every other level that these gates will ask for, given what was measured; each once, in order.
pub fn levels<'a>(gates: impl Iterator<Item = &'a Gate>, measurements: &[Measurement], policy: &Policy) -> Vec<f64> {
    let mut slices: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (id, slice) in measurements.iter().filter_map(|m| Some((&m.id, m.slice.as_ref()?))) {
        *slices.entry((id, &slice.column)).or_default() += 1;
    }
    let count = |id: &str, column: &str| of_slices(column, slices.get(&(id, column)).copied().unwrap_or_default());
    let mut levels: Vec<f64> = Vec::new();
    for gate in gates {
        let parts = gate.subject.parts();
        let each = parts.iter().find_map(|part| Some((part.id(), part.each_slice_of()?)));
        let slices = each.map_or(1, |(id, column)| count(id, column));
        let level = of_gate(gate, policy, slices);
        levels.push(level);
        for part in parts {
            if let Subject::Gap { id, column } | Subject::Ratio { id, column } = part {
                let slices = count(id, column);
                let pairs = slices * slices.saturating_sub(1) / 2;
                levels.push(policy.correction.level(level, pairs));
            }
        }
    }
    levels.sort_by(f64::total_cmp);
    levels.dedup_by(|a, b| same_level(*a, *b));
    levels.retain(|level| !same_level(*level, policy.confidence));
    levels
}
