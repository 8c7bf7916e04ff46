//! Predictions → measurements; slices; comparison with the baseline's rows.

pub mod baseline;
pub mod charts;
pub mod compare;
pub mod custom;
mod fairness;
mod found;
mod git;
mod join;
pub mod kept;
pub mod measure;
pub mod methods;
mod metrics;
pub mod outcomes;
pub mod predictions;

pub use metrics::{
    Better, MetricInfo, TASKS, fairness_metrics, find_metric, greatest_of, known_metrics, metrics_of, unit_of,
};

use crate::digest;
use crate::model::{Fault, Input};
use std::path::Path;

/// A file as an input of the run, with the digest of its bytes.
///
/// # Errors
/// When it cannot be read.
pub fn file_input(path: &Path, name: &str, kind: &str) -> Result<Input, Fault> {
    let read = digest::of_file(path);
    let (digest, bytes) = read.map_err(|error| Fault::new(format!("read {name}"), error, ""))?;
    Ok(Input { kind: kind.to_string(), name: name.to_string(), digest, bytes })
}
