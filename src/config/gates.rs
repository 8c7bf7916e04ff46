//! Gates against what the stages will measure: names, units, slices, baseline.

use super::gate_text::fits;
use super::problem::{Code, Problems, suggest};
use super::{Config, KnownMetrics, Predictions};
use crate::model::{Bound, Gate, Offset, Op, Quantity, Rule, Subject, Unit};
use std::ops::Range;
use std::time::Duration;

const LATENCIES: [&str; 6] = ["p50", "p90", "p95", "p99", "max", "mean"];

/// Which measurements a gate may name.
pub struct Known {
    ids: Vec<(String, Unit)>,
    /// Id → the largest value it can have, where there is one.
    highest: Vec<(String, f64)>,
    /// Other name → id.
    aliases: Vec<(String, String)>,
    /// A metric file may hold any name: what it lacks shows when the gate is judged.
    any_quality: bool,
    slices: Vec<String>,
    /// Of one request of the latency probe, if there is one.
    timeout: Option<Duration>,
}

impl Known {
    pub fn quality(predictions: Option<&Predictions>, has_files: bool, metrics: KnownMetrics) -> Known {
        let metrics = predictions.map(metrics).unwrap_or_default();
        let of = |name: &str| format!("quality.{name}");
        Known {
            ids: metrics.iter().map(|m| (of(m.id), m.unit)).collect(),
            aliases: metrics.iter().flat_map(|m| m.aliases.iter().map(|a| (of(a), of(m.id)))).collect(),
            highest: metrics.iter().filter_map(|m| Some((of(m.id), m.highest?))).collect(),
            any_quality: has_files,
            slices: predictions.iter().flat_map(|p| &p.slices).map(|slice| slice.name().to_string()).collect(),
            timeout: None,
        }
    }

    pub fn latency(timeout: Duration) -> Known {
        let seconds = LATENCIES.map(|name| (format!("latency.{name}"), Unit::Seconds));
        let mut ids = seconds.to_vec();
        ids.push(("latency.error_rate".into(), Unit::Share));
        ids.push(("latency.throughput".into(), Unit::PerSecond));
        Known {
            ids,
            aliases: Vec::new(),
            highest: vec![("latency.error_rate".into(), 1.0)],
            any_quality: false,
            slices: Vec::new(),
            timeout: Some(timeout),
        }
    }

    /// Everything a record may hold, and what promotion measures itself.
    pub fn promotion(config: &Config, metrics: KnownMetrics) -> Known {
        let quality = config.quality.as_ref();
        let has_files = quality.is_some_and(|q| !q.metrics.is_empty());
        let mut known = Known::quality(quality.and_then(|q| q.predictions.as_ref()), has_files, metrics);
        if let Some(latency) = &config.latency {
            let measured = Known::latency(latency.timeout);
            known.ids.extend(measured.ids);
            known.highest.extend(measured.highest);
            known.timeout = measured.timeout;
        }
        known.ids.extend(config.data.iter().map(|d| (format!("data.{}.rows", d.name), Unit::Count)));
        for (set, drift) in config.data.iter().filter_map(|set| Some((set, set.drift.as_ref()?))) {
            let id = format!("data.{}.drift_share", set.name);
            known.highest.push((id.clone(), 1.0));
            known.ids.push((id, Unit::Share));
            let named = drift.columns.iter().chain(&drift.label).chain(&drift.prediction).chain(&drift.text);
            let named = named.chain(drift.methods.iter().map(|(name, _)| name));
            let named = named.chain(drift.embeddings.iter().map(|(name, _)| name));
            known.ids.extend(named.map(|name| (format!("data.{}.drift({name})", set.name), Unit::Score)));
        }
        for suite in &config.tests {
            let counts = ["passed", "failed", "skipped"];
            known.ids.extend(counts.map(|what| (format!("tests.{}.{what}", suite.name), Unit::Count)));
            known.ids.push((format!("tests.{}.duration", suite.name), Unit::Seconds));
        }
        if config.image.is_some() {
            known.ids.push(("image.size".into(), Unit::Bytes));
            known.ids.push(("image.layers".into(), Unit::Count));
        }
        known.ids.push(("promote.lead_time".into(), Unit::Seconds));
        known
    }
}

impl Known {
    /// The id behind a name: `quality.f1_score` is `quality.f1`.
    pub fn id<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.iter().find(|(alias, _)| alias == name).map_or(name, |(_, id)| id)
    }
}

/// Adds what is wrong with a gate that could be read.
pub fn validate(gate: &Gate, at: &Range<usize>, known: &Known, has_baseline: bool, problems: &mut Problems) {
    let id = known.id(gate.subject.id());
    let unit = known.ids.iter().find(|(name, _)| name == id).map(|(_, unit)| *unit);
    if unit.is_none() && !(known.any_quality && id.starts_with("quality.")) {
        let prefix = id.split('.').next().unwrap_or_default();
        let names: Vec<&str> = known.ids.iter().map(|(name, _)| name.as_str()).collect();
        let short: Vec<&str> = names.iter().filter_map(|n| n.strip_prefix(prefix)?.strip_prefix('.')).collect();
        let name = id.strip_prefix(prefix).and_then(|n| n.strip_prefix('.')).unwrap_or(id);
        let message = format!("nothing measures `{name}` in `{prefix}`");
        let elsewhere = LATENCIES.contains(&name) && prefix == "quality";
        let help = match short.is_empty() {
            _ if elsewhere => format!("`{name}` is measured by `latency`: put the gate there"),
            true => format!("`{prefix}` makes no measurements here"),
            false => suggest(name, &short),
        };
        problems.add(Code::UnknownMeasurement, at, message, help);
    }
    if let Some(unit) = unit {
        for quantity in quantities(&gate.rule).into_iter().filter(|q| !fits(q.unit, unit)) {
            let written = quantity.unit.map_or("a plain number".to_string(), |u| format!("a bound in {u}"));
            let help = match unit {
                Unit::Seconds => "such as 200ms or 1d",
                Unit::Bytes => "such as 2GB",
                Unit::PerSecond => "such as 100/s",
                Unit::Share | Unit::Score | Unit::Count => "a plain number, or % or pp of a score",
            };
            problems.add(Code::GateUnit, at, format!("`{id}` is measured in {unit}, the gate has {written}"), help);
        }
    }
    if let Some((_, highest)) = known.highest.iter().find(|(name, _)| name == id)
        && let Some(beyond) = quantities(&gate.rule).into_iter().find(|q| q.value.abs() > *highest)
    {
        let help = match beyond.unit {
            None => format!("did you mean {}%?", beyond.value.abs()),
            Some(_) => "a bound that it can reach".to_string(),
        };
        problems.add(Code::BadValue, at, format!("`{id}` is never above {highest}, so this bound says nothing"), help);
    }
    // A request that fails enters the percentiles at the timeout: a bound above it would not see errors.
    if let Some(timeout) = known.timeout
        && unit == Some(Unit::Seconds)
        && id.starts_with("latency.")
        && quantities(&gate.rule).iter().all(|q| q.unit == unit)
        && admits(&gate.rule, timeout.as_secs_f64())
    {
        let timeout = Unit::Seconds.show(timeout.as_secs_f64());
        let message =
            format!("a failed request counts as {timeout} (`timeout`): the gate would hold though all failed");
        problems.add(Code::BadValue, at, message, "set `timeout` of `latency` above the bound, or lower the bound");
    }
    if let Subject::EachSlice { column, .. } | Subject::OneSlice { column, .. } | Subject::Gap { column, .. } =
        &gate.subject
        && !known.slices.contains(column)
    {
        let names: Vec<&str> = known.slices.iter().map(String::as_str).collect();
        let help =
            if names.is_empty() { format!("slices: [{column}] in `predictions`") } else { suggest(column, &names) };
        problems.add(Code::UnknownSlice, at, format!("`{column}` is not among the slices"), help);
    }
    if gate.rule.needs_baseline() && !has_baseline {
        let help = match id.split('.').next() {
            Some("latency") => "a promotion compares latency with production: put the gate there",
            _ => "baseline: production, git:REF, or a file",
        };
        problems.add(Code::NoBaseline, at, "the gate needs a baseline and none is named", help);
    }
}

/// Whether the rule lets a value as high as this pass.
fn admits(rule: &Rule, value: f64) -> bool {
    match rule {
        Rule::Compare { op: op @ (Op::Less | Op::LessOrEqual), bound: Bound::Absolute(bound) } => {
            op.holds(value, bound.value)
        }
        Rule::Between { low, high } => low.value <= value && value <= high.value,
        Rule::Compare { .. } | Rule::Within { .. } => false,
    }
}

fn quantities(rule: &Rule) -> Vec<Quantity> {
    match rule {
        Rule::Compare { bound: Bound::Absolute(q) | Bound::Baseline(Offset::Absolute(q)), .. } => vec![*q],
        Rule::Within { tolerance: Offset::Absolute(q) } => vec![*q],
        Rule::Between { low, high } => vec![*low, *high],
        Rule::Compare { .. } | Rule::Within { .. } => Vec::new(),
    }
}
