//! The checked tree → [`Config`]: values parsed, references resolved. Structure is reported already, so a value
//! that does not fit takes a default here and the search for problems goes on.

mod custom;
mod data;
mod detail;
mod drift;
mod environments;
mod find_slices;
mod image;
mod latency;
mod overlay;
mod quality;
mod signing;
mod slices;

use super::gates::{self, Known};
use super::node::{Node, Value};
use super::problem::{Code, Problems};
use super::{Config, InconclusivePolicy, KnownMetrics, Model, Suite, units};
use crate::model::{Gate, LEVELS, Quarantine, Severity, SliceCorrection, StageKind};
use chrono::NaiveDate;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

/// Everything after the structure. The result counts only when no problem was added.
pub fn read(root: &Node, text: &str, metrics: KnownMetrics, problems: &mut Problems) -> Config {
    let reader = &mut Reader { text, problems };
    match root.get("version").map(|n| (&n.value, &n.at)) {
        Some((Value::Int(1), _)) | None => {}
        Some((_, at)) => {
            reader.problems.add(Code::BadValue, at, "this version of mlgate reads version 1", "version: 1")
        }
    }
    if let Some(model) = root.get("model") {
        reader.paths(model, "files");
    }
    let confidence = reader.confidence(root);
    let data = reader.datasets(root);
    let tests = reader.suites(root);
    let before = Known::of_data(&data, &tests);
    let quality = root.get("quality").map(|n| reader.quality(n, before.clone(), metrics));
    let model = text_or(root.get("model"), "name", "");
    let image = root.get("image").filter(|n| n.is_map()).map(|n| reader.image(n, &model));
    let before = before.and_quality(quality.as_ref(), metrics).and_image(image.is_some());
    let latency = root.get("latency").map(|n| reader.latency(n, before, image.as_ref()));
    let mut config = Config {
        model: Model { name: model, files: texts(root.get("model"), "files") },
        data,
        tests,
        quality,
        image,
        signing: reader.signing(root),
        latency,
        overlay: reader.overlay(root),
        environments: Vec::new(),
        inconclusive: InconclusivePolicy {
            run: severity(root.get("inconclusive"), "run", Severity::Warn),
            promote: severity(root.get("inconclusive"), "promote", Severity::Block),
        },
        confidence,
        slice_correction: match root.get("slice_correction").and_then(Node::text) {
            Some("none") => SliceCorrection::None,
            _ => SliceCorrection::Bonferroni,
        },
    };
    config.environments = reader.environments(root, &config, metrics);
    config
}

struct Reader<'a> {
    text: &'a str,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn confidence(&mut self, root: &Node) -> f64 {
        let Some(node) = root.get("confidence") else { return 0.95 };
        let level = node.text().and_then(units::percent).unwrap_or(0.95);
        if !LEVELS.contains(&level) {
            self.problems.add(
                Code::BadValue,
                &node.at,
                "a confidence level lies from 50% to 99.9999%",
                "confidence: 95%",
            );
        }
        level
    }

    fn suites(&mut self, root: &Node) -> Vec<Suite> {
        let entries = root.get("tests").into_iter().flat_map(Node::entries);
        entries
            .map(|(key, node)| Suite {
                name: key.text().unwrap_or_default().to_string(),
                run: text_or(Some(node), "run", ""),
                junit: self.path(node, "junit"),
                timeout: duration(node, "timeout", 600),
                severity: severity(Some(node), "severity", Severity::Block),
            })
            .collect()
    }

    fn gates(&mut self, owner: &Node, stage: Option<StageKind>, known: &Known, has_baseline: bool) -> Vec<Gate> {
        let Some(list) = owner.get("gates") else { return Vec::new() };
        if list.items().is_empty() && matches!(list.value, Value::List(_)) {
            self.problems.add(
                Code::NoGates,
                &list.at,
                "an empty list of gates never passes",
                "write a gate, or remove `gates` to measure only",
            );
        }
        let mut gates = Vec::new();
        for item in list.items() {
            // `- warn: f1 >= 0.8` is a mapping to YAML and a gate to people.
            let (text, node, skipped) = match (&item.value, item.get("warn"), item.get("gate")) {
                (Value::Map(_), _, Some(inner)) => (inner.text().map(str::to_string), inner, 0),
                (Value::Map(_), Some(inner), None) => (inner.text().map(|t| format!("warn:{t}")), inner, 5),
                _ => (item.text().map(str::to_string), item, 0),
            };
            let quarantine = item.get("quarantine").filter(|n| n.is_map()).and_then(|n| self.quarantine(n));
            let Some(text) = text else { continue };
            match super::gate_text::parse(&text, stage) {
                Ok(gate) => {
                    let at = node.at.clone();
                    gates::validate(&gate, &at, known, has_baseline, self.problems);
                    let subject = gate.subject.with_ids(&|name| known.id(name).to_string());
                    gates.push(Gate { subject, quarantine, ..gate });
                }
                Err(error) => {
                    let at = self.inside(node, error.at.saturating_sub(skipped), error.len);
                    self.problems.add(Code::GateSyntax, &at, error.message, error.help);
                }
            }
        }
        gates
    }

    /// How often a stage may measure in all.
    fn looks(&mut self, owner: &Node) -> u32 {
        let Some(node) = owner.get("remeasure").filter(|n| n.is_map()) else { return 1 };
        let at_most = integer(node, "at_most", 2);
        if let Some(at) = node.get("at_most").map(|n| &n.at)
            && !(2..=20).contains(&at_most)
        {
            let help = "from 2 to 20: each look costs certainty";
            self.problems.add(Code::BadValue, at, format!("`at_most: {at_most}` is no number of looks"), help);
        }
        if matches!(node.get("until_sure").map(|n| &n.value), Some(Value::Bool(true))) { at_most as u32 } else { 1 }
    }

    /// A day that has passed is no problem of the file: it is the gate's, on the day it is judged.
    fn quarantine(&mut self, node: &Node) -> Option<Quarantine> {
        let (until, reason) = (node.get("until")?, node.get("reason").and_then(Node::text)?);
        match NaiveDate::parse_from_str(until.text()?, "%Y-%m-%d") {
            Ok(day) => Some(Quarantine { until: day, reason: reason.trim().to_string() }),
            Err(_) => {
                let message = format!("{} is no day", until.found());
                self.problems.add(Code::BadValue, &until.at, message, "a day of the calendar, such as 2027-01-31");
                None
            }
        }
    }

    fn port(&mut self, node: &Node) -> u16 {
        match node.value {
            Value::Int(port @ 1..=65_535) => port as u16,
            Value::Int(port) => {
                self.problems.add(Code::BadValue, &node.at, format!("{port} is no port"), "1 to 65535");
                1
            }
            _ => 1,
        }
    }

    fn path(&mut self, owner: &Node, key: &str) -> Option<PathBuf> {
        owner.get(key).and_then(|n| self.inside_path(n))
    }

    fn paths(&mut self, owner: &Node, key: &str) -> Vec<PathBuf> {
        owner.get(key).map(Node::items).unwrap_or_default().iter().filter_map(|n| self.inside_path(n)).collect()
    }

    /// A path below the folder of `mlops.yaml`: what lies elsewhere is in no commit of this repo.
    fn inside_path(&mut self, node: &Node) -> Option<PathBuf> {
        let path = PathBuf::from(node.text()?);
        let leaves = path.is_absolute() || path.components().any(|c| c == std::path::Component::ParentDir);
        if leaves {
            let message = format!("`{}` leads out of the folder of mlops.yaml", path.display());
            self.problems.add(
                Code::BadValue,
                &node.at,
                message,
                "a path relative to that folder, such as data/train.csv",
            );
        }
        (!leaves).then_some(path)
    }

    /// Bytes of a place inside a text value, where the text stands in the file as it is; else the whole value.
    fn inside(&self, node: &Node, at: usize, len: usize) -> Range<usize> {
        let source = self.text.get(node.at.clone()).unwrap_or_default();
        let value = node.text().unwrap_or_default();
        let quotes = usize::from(source.starts_with(['"', '\'']));
        if source.get(quotes..quotes + value.len()) != Some(value) {
            return node.at.clone();
        }
        let start = node.at.start + quotes + at.min(value.len());
        start..(start + len.max(1)).min(node.at.end.max(start + 1))
    }
}

fn severity(owner: Option<&Node>, key: &str, default: Severity) -> Severity {
    match owner.and_then(|o| o.get(key)).and_then(Node::text) {
        Some("warn") => Severity::Warn,
        Some("block") => Severity::Block,
        _ => default,
    }
}

fn text_or(owner: Option<&Node>, key: &str, default: &str) -> String {
    owner.and_then(|o| o.get(key)).and_then(Node::text).unwrap_or(default).to_string()
}

fn texts(owner: Option<&Node>, key: &str) -> Vec<String> {
    let items = owner.and_then(|o| o.get(key)).map(Node::items).unwrap_or_default();
    items.iter().filter_map(Node::text).map(str::to_string).collect()
}

fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Int(i) => Some(i.to_string()),
        Value::Float(x) => Some(x.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// As [`pairs`], with keys that may be numbers.
fn pairs_of_scalars(owner: &Node, key: &str) -> Vec<(String, String)> {
    let entries = owner.get(key).into_iter().flat_map(Node::entries);
    entries.filter_map(|(k, v)| Some((scalar(k)?, scalar(v)?))).collect()
}

fn pairs(owner: &Node, key: &str) -> Vec<(String, String)> {
    let entries = owner.get(key).into_iter().flat_map(Node::entries);
    entries.filter_map(|(k, v)| Some((k.text()?.to_string(), scalar(v)?))).collect()
}

fn duration(owner: &Node, key: &str, default_seconds: u64) -> Duration {
    owner.get(key).and_then(Node::text).and_then(units::duration).unwrap_or(Duration::from_secs(default_seconds))
}

fn integer(owner: &Node, key: &str, default: u64) -> u64 {
    match owner.get(key).map(|n| &n.value) {
        Some(Value::Int(i)) => u64::try_from(*i).unwrap_or(default),
        _ => default,
    }
}

fn number(owner: &Node, key: &str, default: f64) -> f64 {
    match owner.get(key).map(|n| &n.value) {
        Some(Value::Int(i)) => *i as f64,
        Some(Value::Float(x)) => *x,
        _ => default,
    }
}
