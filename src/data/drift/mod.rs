//! Drift: each column of a data set against the same column of a reference, which is another data set or a profile.
//!
//! The verdict that counts is the share of the columns that have drifted; label and prediction must not have drifted at
//! all. A column that cannot be compared is errored, and never counted as one that has not drifted.

mod compare;
mod judge;
mod load;
mod picture;
#[cfg(test)]
mod tests;

use super::profile::kind_of;
use super::table::Table;
use crate::config::Drift;
use crate::model::{Check, ColumnKind, Distribution, Fault, Measurement, Profile};
use crate::stats::drift::Kind;
use load::Sample;
use std::collections::BTreeSet;

/// What is compared with what.
pub struct Asked<'a> {
    /// The data set's name: ids begin with `data.NAME.`.
    pub name: &'a str,
    /// What messages and the record call it.
    pub source: &'a str,
    pub table: &'a Table,
    pub drift: &'a Drift,
    /// Columns of either side whose values nobody may see; they are not compared.
    pub private: &'a [String],
    /// Bytes that the values of both sides may take; beyond them a part of the rows is drawn.
    pub memory: u64,
    pub reference: Reference<'a>,
}

pub enum Reference<'a> {
    Table { name: &'a str, table: &'a Table },
    Profile { source: &'a str, profile: &'a Profile },
}

impl Reference<'_> {
    fn name(&self) -> &str {
        match self {
            Reference::Table { name, .. } => name,
            Reference::Profile { source, .. } => source,
        }
    }
}

#[derive(Debug, Default)]
pub struct Found {
    pub checks: Vec<Check>,
    pub measurements: Vec<Measurement>,
    pub distributions: Vec<Distribution>,
    pub notes: Vec<String>,
}

/// Reads both sides and compares them.
///
/// # Errors
/// When a side cannot be read.
pub fn run(asked: &Asked) -> Result<Found, Fault> {
    let mut found = Found::default();
    let subjects = subjects(asked, &mut found.notes);
    let results = compare::all(asked, subjects)?;
    judge::judge(asked, results, &mut found);
    Ok(found)
}

/// One thing to compare.
#[derive(Clone, Debug, PartialEq)]
struct Subject {
    /// The column, or the embedding's name.
    name: String,
    /// How it is compared, or why it cannot be.
    what: Result<What, String>,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Column(Kind),
    Text,
    /// The columns it is made of.
    Embedding(Vec<String>),
}

/// Columns of a side in their order, with their kinds.
fn columns(reference: &Reference) -> Vec<(String, ColumnKind)> {
    match reference {
        Reference::Table { table, .. } => of_table(table),
        Reference::Profile { profile, .. } => profile.columns.iter().map(|c| (c.name.clone(), c.kind)).collect(),
    }
}

fn of_table(table: &Table) -> Vec<(String, ColumnKind)> {
    table.schema().fields().iter().map(|field| (field.name().clone(), kind_of(field.data_type()))).collect()
}

fn subjects(asked: &Asked, notes: &mut Vec<String>) -> Vec<Subject> {
    let drift = asked.drift;
    let (here, there) = (of_table(asked.table), columns(&asked.reference));
    let side = |columns: &[(String, ColumnKind)], name: &str| columns.iter().find(|(n, _)| n == name).map(|(_, k)| *k);
    let mut subjects: Vec<Subject> = Vec::new();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for (name, patterns) in &drift.embeddings {
        let what = embedding(patterns, &here, &there, asked);
        if let Ok(What::Embedding(columns)) = &what {
            taken.extend(columns.iter().cloned());
        }
        subjects.push(Subject { name: name.clone(), what });
    }
    let both = |name: &str| -> Result<ColumnKind, String> {
        if asked.private.iter().any(|private| private == name) {
            return Err("it is private, so it is not compared".to_string());
        }
        let missing = |columns: &[(String, ColumnKind)], place: &str| {
            let near =
                columns.iter().map(|(n, _)| (strsim::jaro_winkler(n, name), n)).max_by(|a, b| a.0.total_cmp(&b.0));
            let near = near.filter(|(score, _)| *score > 0.8).map(|(_, n)| format!("; did you mean {n:?}?"));
            format!("{place} has no column {name:?}{}", near.unwrap_or_default())
        };
        let a = side(&here, name).ok_or_else(|| missing(&here, asked.name))?;
        let b = side(&there, name).ok_or_else(|| missing(&there, asked.reference.name()))?;
        match (a, b) {
            (_, ColumnKind::Private) => Err(format!("it is private in {}", asked.reference.name())),
            (a, b) if a == b => Ok(a),
            (a, b) => Err(format!("it is a {} here, and a {} in {}", a.name(), b.name(), asked.reference.name())),
        }
    };
    for name in &drift.text {
        let what = both(name).and_then(|kind| match (kind, &asked.reference) {
            (_, Reference::Profile { .. }) => Err("texts are compared row by row: name a data set in `against`".into()),
            (ColumnKind::Category, _) => Ok(What::Text),
            (other, _) => Err(format!("it is a {}, not text", other.name())),
        });
        taken.insert(name.clone());
        subjects.push(Subject { name: name.clone(), what });
    }
    let asked_for = !drift.columns.is_empty();
    let is_named = |name: &String| {
        asked_for
            || drift.label.as_ref() == Some(name)
            || drift.prediction.as_ref() == Some(name)
            || drift.methods.iter().any(|(known, _)| known == name)
    };
    let left = |name: &String| {
        drift.except.contains(name) || taken.contains(name) || (asked.private.contains(name) && !is_named(name))
    };
    let mut names: Vec<String> = match asked_for {
        true => drift.columns.clone(),
        false => here.iter().chain(&there).map(|(name, _)| name.clone()).collect(),
    };
    names
        .extend(drift.label.iter().chain(&drift.prediction).chain(drift.methods.iter().map(|(name, _)| name)).cloned());
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()) && !left(name));
    let mut times = Vec::new();
    for name in names {
        let named = is_named(&name);
        let what = match both(&name) {
            Ok(ColumnKind::Number) => Ok(What::Column(Kind::Numeric)),
            Ok(ColumnKind::Category) => Ok(What::Column(Kind::Categorical)),
            Ok(ColumnKind::Time) if named => Ok(What::Column(Kind::Numeric)),
            Ok(ColumnKind::Time | ColumnKind::Other) if !named => {
                times.push(name);
                continue;
            }
            Ok(other) => Err(format!("it holds neither numbers nor categories (a {})", other.name())),
            Err(why) => Err(why),
        };
        subjects.push(Subject { name, what });
    }
    contradictions(drift, &taken, &mut subjects);
    for name in &drift.except {
        if side(&here, name).is_none() && side(&there, name).is_none() {
            let what = Err("`except` names it, and no side has it".to_string());
            subjects.push(Subject { name: name.clone(), what });
        }
    }
    if !times.is_empty() {
        notes.push(format!(
            "drift of {}: times and lists are compared only where named: {}",
            asked.name,
            times.join(", ")
        ));
    }
    subjects
}

/// Rules that cannot all be kept. Whatever one of them asks for would otherwise go unlooked at.
fn contradictions(drift: &Drift, taken: &BTreeSet<String>, subjects: &mut Vec<Subject>) {
    let mut errored = |name: &String, why: &str| {
        subjects.retain(|subject| subject.name != *name);
        subjects.push(Subject { name: name.clone(), what: Err(why.to_string()) });
    };
    for name in drift.label.iter().chain(&drift.prediction) {
        if drift.except.contains(name) {
            errored(name, "`except` leaves it out, and `label` or `prediction` asks for it");
        }
        let is_part = taken.contains(name) && !drift.text.contains(name);
        if is_part {
            errored(name, "it is a part of an embedding, and `label` or `prediction` asks for it");
        }
    }
    for (name, method) in &drift.methods {
        let by_classifier = method.name.as_deref().is_none_or(|method| method == "domain_classifier");
        if drift.except.contains(name) {
            errored(name, "`except` leaves it out, and `methods` asks for it");
        } else if drift.text.contains(name) && !by_classifier {
            errored(name, "texts take the method domain_classifier");
        } else if taken.contains(name) && !drift.text.contains(name) {
            errored(name, "it is a part of an embedding, and `methods` asks for it");
        }
    }
    for name in &drift.text {
        if drift.except.contains(name) {
            errored(name, "`except` leaves it out, and `text` asks for it");
        }
    }
    for (name, _) in &drift.embeddings {
        if subjects.iter().filter(|subject| subject.name == *name).count() > 1 {
            subjects.retain(|subject| subject.name != *name);
            let why = "a column and an embedding have this name: give the embedding another".to_string();
            subjects.push(Subject { name: name.clone(), what: Err(why) });
        }
    }
}

fn embedding(
    patterns: &[String],
    here: &[(String, ColumnKind)],
    there: &[(String, ColumnKind)],
    asked: &Asked,
) -> Result<What, String> {
    if matches!(asked.reference, Reference::Profile { .. }) {
        return Err("embeddings are compared row by row: name a data set in `against`".to_string());
    }
    let mut columns: Vec<String> = Vec::new();
    for pattern in patterns {
        let glob = globset::Glob::new(pattern).map_err(|e| e.to_string())?.compile_matcher();
        let before = columns.len();
        for (name, kind) in here.iter().filter(|(name, _)| glob.is_match(name)) {
            if *kind != ColumnKind::Number {
                return Err(format!("column {name:?} is a {}, not numbers", kind.name()));
            }
            if asked.private.contains(name) {
                return Err(format!("column {name:?} is private"));
            }
            if !there.iter().any(|(other, kind)| other == name && *kind == ColumnKind::Number) {
                return Err(format!("{} has no column {name:?} of numbers", asked.reference.name()));
            }
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        if columns.len() == before {
            return Err(format!("{pattern:?} fits no column"));
        }
    }
    match columns.is_empty() {
        true => Err("it names no columns".to_string()),
        false => Ok(What::Embedding(columns)),
    }
}
