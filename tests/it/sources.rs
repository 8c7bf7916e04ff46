//! Data on other machines and tracked data, with the real systems where they can be started here.

mod cloud;
mod dvc;
mod lakefs;
pub mod parts;
mod web;

use crate::support::{config, context};
use mlgate::config::{Config, Dataset, Tracker, data_check};
use mlgate::data::Sources;
use mlgate::model::{Check, Evidence, Outcome};
use mlgate::stage::{Context, data};
use std::path::Path;
use std::sync::Arc;

/// The environment that data are reached with.
fn sources(root: &Path, variables: &[(&str, &str)]) -> Arc<Sources> {
    let variables: Vec<(String, String)> = variables.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
    let lookup = move |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    Arc::new(Sources::from_lookup(&root.join(".mlgate"), lookup))
}

fn dataset(name: &str, source: &str, checks: &[&str]) -> Dataset {
    let checks = checks.iter().map(|text| mlgate::config::DataCheck::new(*text, data_check::parse(text).unwrap()));
    Dataset { checks: checks.collect(), ..Dataset::new(name, source) }
}

fn tracked(source: &str, by: Tracker) -> Dataset {
    Dataset { tracked_by: Some(by), ..dataset("train", source, &["rows >= 1"]) }
}

async fn run(root: &Path, sources: &Arc<Sources>, sets: &[Dataset]) -> Evidence {
    let config = Config { data: sets.to_vec(), ..config() };
    let ctx = Context { sources, ..context(&config, root) };
    data::run(&ctx, sets, None).await
}

/// Rows, and each input by name and digest, of a run that must go well.
#[track_caller]
fn passed(evidence: &Evidence) -> (f64, Vec<(String, String)>) {
    assert_eq!(evidence.faults, [], "{evidence:#?}");
    let bad: Vec<&Check> = evidence.checks.iter().filter(|check| check.outcome != Outcome::Passed).collect();
    assert!(bad.is_empty() && !evidence.checks.is_empty(), "{bad:#?}");
    let inputs = evidence.inputs.iter().map(|input| (input.name.clone(), input.digest.clone())).collect();
    (evidence.measurements.iter().find(|m| m.id.ends_with(".rows")).unwrap().value, inputs)
}

/// The fault of a run that must not go well; no check has passed then.
#[track_caller]
fn fault(evidence: &Evidence) -> String {
    assert_eq!(evidence.faults.len(), 1, "{evidence:#?}");
    assert!(evidence.checks.iter().all(|check| check.outcome == Outcome::Errored), "{:#?}", evidence.checks);
    evidence.faults[0].to_string()
}

/// `sha256:…` as any other program computes it.
fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    let hash = sha2::Sha256::digest(bytes);
    hash.iter().fold("sha256:".to_string(), |text, byte| text + &format!("{byte:02x}"))
}

/// `id` from 0 on.
fn csv(rows: usize) -> String {
    let numbers = (0..rows).map(|n| format!("{n}\n"));
    "id\n".to_string() + &numbers.collect::<String>()
}
