//! The record on the wire: `application/vnd.mlgate.record.v1+json`, schema 1. Frozen: fields are added, never
//! renamed or removed, and nothing else of mlgate is serialised. Renderers read this type, so that
//! `mlgate report` shows an old record as `mlgate run` showed it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const MEDIA_TYPE: &str = "application/vnd.mlgate.record.v1+json";
/// A record of `mlgate promote`, attached to the image that was promoted.
pub const PROMOTION_MEDIA_TYPE: &str = "application/vnd.mlgate.promotion.v1+json";
pub const SCHEMA: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub schema: u32,
    pub tool: Tool,
    pub run: Run,
    pub config: ConfigRef,
    pub inputs: Vec<Input>,
    pub stages: Vec<Stage>,
    pub measurements: Vec<Measurement>,
    pub checks: Vec<Check>,
    pub verdicts: Vec<Verdict>,
    pub decision: Decision,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// What the data sets looked like: the reference of later drift.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<Profile>,
    /// Of drifted columns, both sides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distributions: Vec<Distribution>,
    /// The predictions that were judged, where they ride along as a layer of the artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predictions: Option<Predictions>,
    /// What the rows behind the measurements look like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<Chart>,
    /// How the metrics of predictions are defined.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
}

/// A Parquet file with the columns that were judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predictions {
    /// `sha256:…` of the file, which the repository of the image holds as a blob.
    pub digest: String,
    pub bytes: u64,
    pub rows: u64,
    /// Task, names of the columns, threshold and the like, as `quality.predictions` of `mlops.yaml` had them.
    pub reading: serde_json::Value,
}

/// `application/vnd.mlgate.profile.v1+json`, and part of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub schema: u32,
    pub dataset: String,
    pub rows: u64,
    pub columns: Vec<ColumnProfile>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    pub name: String,
    /// `number`, `category`, `time` (microseconds since 1970-01-01 UTC), `other` or `private`.
    pub kind: String,
    pub count: u64,
    pub nulls: u64,
    /// NaN and infinities.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_finite: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// The most frequent values, each with its count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<(String, u64)>,
    /// Values that are none of those.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub others: u64,
    /// HyperLogLog registers, six bits each, in the alphabet of base64.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub registers: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// Σ (x − mean)².
    pub squares: f64,
    /// Equally spaced in rank, from the smallest to the largest value.
    pub quantiles: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// The measurement that it belongs to.
    pub id: String,
    pub labels: Vec<String>,
    /// Shares of each side's values.
    pub reference: Vec<f64>,
    pub current: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    /// Of its measurements: `quality.f1`.
    pub id: String,
    /// In one line, with the source of the formula where it has one.
    pub formula: String,
    /// `higher` or `lower`.
    pub better: String,
    /// How its interval is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
}

/// Columns to draw, by name and each of one length: of the candidate and, on the same axes, of the baseline where its
/// rows are known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// `quality.` and `confusion_matrix` (`rows` by true and predicted class, as many as `labels` squared),
    /// `roc_curve`, `precision_recall_curve`, `calibration`, `truth_by_prediction` or `residuals`.
    pub id: String,
    pub source: String,
    /// Of the candidate.
    pub rows: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    pub candidate: BTreeMap<String, Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BTreeMap<String, Vec<f64>>>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    pub name: String,
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// CI run id, or `local`.
    pub id: String,
    /// SHA-256 over what determines the result.
    pub hash: String,
    pub model: String,
    /// `run` or `promote`.
    pub command: String,
    /// The environment promoted to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// `github`, `gitlab` or `local`.
    pub host: String,
    /// RFC 3339, UTC.
    pub started: String,
    pub finished: String,
    pub dry_run: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    pub sha: String,
    /// Commit time, RFC 3339.
    pub time: String,
    /// Tracked files differ from the commit.
    pub dirty: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigRef {
    pub path: String,
    pub digest: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    pub kind: String,
    pub name: String,
    pub digest: String,
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub name: String,
    /// The gravest outcome among its verdicts.
    pub outcome: String,
    pub seconds: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    pub column: String,
    pub value: String,
}

/// A side on which nothing bounds the value is null in JSON and infinite here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    #[serde(deserialize_with = "low")]
    pub low: f64,
    #[serde(deserialize_with = "high")]
    pub high: f64,
    pub level: f64,
}

fn low<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NEG_INFINITY))
}

fn high<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<Slice>,
    /// In the base unit of `unit`; null when it is not a number.
    pub value: Option<f64>,
    pub unit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// At the other levels that gates ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_intervals: Vec<Interval>,
    pub source: String,
    /// The baseline's value of the same measurement, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub id: String,
    pub text: String,
    pub outcome: String,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub stage: String,
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<Slice>,
    pub gate: String,
    /// `passed`, `warned`, `skipped`, `inconclusive`, `errored` or `failed`.
    pub outcome: String,
    pub blocking: bool,
    pub value: Option<f64>,
    pub unit: String,
    pub bound: Option<String>,
    pub baseline: Option<f64>,
    pub difference: Option<f64>,
    pub interval: Option<Interval>,
    /// `value`, `difference` or `relative difference`: what `interval` is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_of: Option<String>,
    /// What the gate allows, and what was held against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Allowed>,
    pub n: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_needed: Option<u64>,
    /// Rows with which a gate against the baseline can tell no change from twice its tolerance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_advised: Option<u64>,
    pub source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
}

/// The estimate that the gate judged and the ends between which it had to lie, on the scale of the interval. An end
/// that is not there is no limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Allowed {
    /// `value`, `difference` or `relative difference`.
    pub of: String,
    pub estimate: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// `cleared` or `blocked`.
    pub outcome: String,
    /// For a block: `failed`, `inconclusive` or `errored`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// One sentence.
    pub summary: String,
    pub exit_code: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    pub repository: String,
    pub tags: Vec<String>,
    /// `sha256:…` of the manifest.
    pub digest: String,
    pub bytes: u64,
    /// False in a dry run and in a blocked run.
    pub pushed: bool,
    /// Of a promotion: the digest that the environment ran before, where it ran one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_interval_survives_the_wire() {
        let open = Interval { low: f64::NEG_INFINITY, high: f64::INFINITY, level: 0.95 };
        let text = serde_json::to_string(&open).unwrap();
        assert_eq!(text, r#"{"low":null,"high":null,"level":0.95}"#);
        assert_eq!(serde_json::from_str::<Interval>(&text).unwrap(), open);
    }
}
