//! Gates against what the stages will measure: names, units, slices, baseline.

use super::problem::{Code, Problems, suggest};
use super::{Config, Dataset, KnownMetrics, Predictions, Quality, Suite};
use crate::model::{Bound, FOUND, Gate, Measure, Op, Rule, Subject, Unit};
use std::ops::Range;
use std::time::Duration;

const LATENCIES: [&str; 6] = ["p50", "p90", "p95", "p99", "max", "mean"];

/// Which measurements a gate may name: those of its stage and of the stages before it.
#[derive(Clone, Default)]
pub struct Known {
    ids: Vec<(String, Unit)>,
    /// Id → the largest value it can have, where there is one.
    highest: Vec<(String, f64)>,
    /// Other name → id.
    aliases: Vec<(String, String)>,
    /// A metric file may hold any name: what it lacks shows when the gate is judged.
    any_quality: bool,
    slices: Vec<String>,
    /// The id of the metric that slices are found by, if they are.
    found: Option<String>,
    /// Of one request of the latency probe, if there is one.
    timeout: Option<Duration>,
}

impl Known {
    pub fn of_data(data: &[Dataset], tests: &[Suite]) -> Known {
        let mut known = Known::default();
        known.ids.extend(data.iter().map(|d| (format!("data.{}.rows", d.name), Unit::Count)));
        for (set, drift) in data.iter().filter_map(|set| Some((set, set.drift.as_ref()?))) {
            let id = format!("data.{}.drift_share", set.name);
            known.highest.push((id.clone(), 1.0));
            known.ids.push((id, Unit::Share));
            let named = drift.columns.iter().chain(&drift.label).chain(&drift.prediction).chain(&drift.text);
            let named = named.chain(drift.methods.iter().map(|(name, _)| name));
            let named = named.chain(drift.embeddings.iter().map(|(name, _)| name));
            known.ids.extend(named.map(|name| (format!("data.{}.drift({name})", set.name), Unit::Score)));
        }
        for suite in tests {
            let counts = ["passed", "failed", "skipped"];
            known.ids.extend(counts.map(|what| (format!("tests.{}.{what}", suite.name), Unit::Count)));
            known.ids.push((format!("tests.{}.duration", suite.name), Unit::Seconds));
        }
        known
    }

    pub fn and_metrics(mut self, predictions: Option<&Predictions>, has_files: bool, metrics: KnownMetrics) -> Known {
        let metrics = predictions.map(metrics).unwrap_or_default();
        let of = |name: &str| format!("quality.{name}");
        self.ids.extend(metrics.iter().map(|m| (of(&m.id), m.unit)));
        self.aliases.extend(metrics.iter().flat_map(|m| m.aliases.iter().map(|a| (of(a), of(&m.id)))));
        self.highest.extend(metrics.iter().filter_map(|m| Some((of(&m.id), m.highest?))));
        self.any_quality = has_files;
        self.slices = predictions.iter().flat_map(|p| &p.slices).map(|slice| slice.name().to_string()).collect();
        if let Some(find) = predictions.and_then(|p| p.find_slices.as_ref()) {
            self.slices.push(FOUND.to_string());
            self.found = Some(of(&find.metric));
        }
        self
    }

    pub fn and_quality(self, quality: Option<&Quality>, metrics: KnownMetrics) -> Known {
        let has_files = quality.is_some_and(|q| !q.metrics.is_empty());
        self.and_metrics(quality.and_then(|q| q.predictions.as_ref()), has_files, metrics)
    }

    pub fn and_image(mut self, is_there: bool) -> Known {
        if is_there {
            self.ids.push(("image.size".into(), Unit::Bytes));
            self.ids.push(("image.layers".into(), Unit::Count));
            self.ids.push(("image.base_age".into(), Unit::Seconds));
        }
        self
    }

    pub fn and_latency(mut self, timeout: Duration) -> Known {
        self.ids.extend(LATENCIES.map(|name| (format!("latency.{name}"), Unit::Seconds)));
        self.ids.push(("latency.error_rate".into(), Unit::Share));
        self.ids.push(("latency.throughput".into(), Unit::PerSecond));
        self.highest.push(("latency.error_rate".into(), 1.0));
        self.timeout = Some(timeout);
        self
    }

    /// Everything a record may hold, and what promotion measures itself.
    pub fn promotion(config: &Config, metrics: KnownMetrics) -> Known {
        let known = Known::of_data(&config.data, &config.tests).and_quality(config.quality.as_ref(), metrics);
        let known = known.and_image(config.image.is_some());
        let mut known = match &config.latency {
            Some(latency) => known.and_latency(latency.timeout),
            None => known,
        };
        known.ids.push(("promote.lead_time".into(), Unit::Seconds));
        known
    }
}

impl Known {
    /// The id behind a name: `quality.f1_score` is `quality.f1`.
    pub fn id<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.iter().find(|(alias, _)| alias == name).map_or(name, |(_, id)| id)
    }

    /// Of `quality.f1(cat)` that of `quality.f1(*)`, where the classes are known only to the predictions.
    fn unit(&self, id: &str) -> Option<Unit> {
        let of = |id: &str| self.ids.iter().find(|(name, _)| name == id).map(|(_, unit)| *unit);
        of(id).or_else(|| of(&format!("{}(*)", id.strip_suffix(')')?.split_once('(')?.0)))
    }
}

/// A gate that could be read, and where it stands.
struct Placed<'a> {
    gate: &'a Gate,
    at: &'a Range<usize>,
    known: &'a Known,
}

/// Adds what is wrong with a gate that could be read.
pub fn validate(gate: &Gate, at: &Range<usize>, known: &Known, has_baseline: bool, problems: &mut Problems) {
    let placed = Placed { gate, at, known };
    for part in gate.subject.parts() {
        placed.name(part, problems);
        placed.slice(part, problems);
    }
    placed.unit(problems);
    if !matches!(gate.subject, Subject::Combined(_)) {
        placed.reach(problems);
    }
    if gate.rule.needs_baseline() && !has_baseline {
        let help = match gate.subject.id().split('.').next() {
            Some("latency") => "a promotion compares latency with production: put the gate there",
            _ => "baseline: production, git:REF, or a file",
        };
        problems.add(Code::NoBaseline, at, "the gate needs a baseline and none is named", help);
    }
}

impl Placed<'_> {
    fn name(&self, part: &Subject, problems: &mut Problems) {
        let id = self.known.id(part.id());
        if self.known.unit(id).is_some() || (self.known.any_quality && id.starts_with("quality.")) {
            return;
        }
        let prefix = id.split('.').next().unwrap_or_default();
        let names: Vec<&str> = self.known.ids.iter().map(|(name, _)| name.as_str()).collect();
        let short: Vec<&str> = names.iter().filter_map(|n| n.strip_prefix(prefix)?.strip_prefix('.')).collect();
        let name = id.strip_prefix(prefix).and_then(|n| n.strip_prefix('.')).unwrap_or(id);
        let message = format!("nothing measures `{name}` in `{prefix}`");
        let is_latency = LATENCIES.contains(&name) && ["quality", "latency"].contains(&prefix);
        let help = match short.is_empty() {
            _ if is_latency && (prefix == "quality" || short.is_empty()) => {
                format!("`{name}` is measured by `latency`: put the gate there")
            }
            true => format!("`{prefix}` makes no measurements here"),
            false => suggest(name, &short),
        };
        problems.add(Code::UnknownMeasurement, self.at, message, help);
    }

    fn slice(&self, part: &Subject, problems: &mut Problems) {
        let Some(column) = part.column() else { return };
        if column == FOUND {
            return self.found(part, problems);
        }
        if self.known.slices.iter().any(|known| known == column) {
            return;
        }
        let names: Vec<&str> = self.known.slices.iter().map(String::as_str).collect();
        let help =
            if names.is_empty() { format!("slices: [{column}] in `predictions`") } else { suggest(column, &names) };
        problems.add(Code::UnknownSlice, self.at, format!("`{column}` is not among the slices"), help);
    }

    /// Of the worst slices only the metric that they are the worst by is measured, and only on the candidate.
    fn found(&self, part: &Subject, problems: &mut Problems) {
        let Some(metric) = &self.known.found else {
            let message = format!("`{FOUND}` is what `find_slices` finds, and nothing is searched");
            let help = "find_slices: {metric: f1, columns: [country, plan]} in `predictions`";
            return problems.add(Code::UnknownSlice, self.at, message, help);
        };
        let name = metric.strip_prefix("quality.").unwrap_or(metric);
        let mut wrong = |message: &str, help: String| problems.add(Code::BadValue, self.at, message, help);
        if self.known.id(part.id()) != metric {
            let message = format!("the slices are found by `{name}`, and nothing else is measured on them");
            wrong(&message, format!("{name}[{FOUND}], or `metric:` of `find_slices`"));
        } else if !matches!(part, Subject::EachSlice { .. }) {
            wrong("slices that are searched for are other ones each time", format!("{name}[{FOUND}] >= 0.6"));
        }
        if self.gate.rule.needs_baseline() {
            let message = "the baseline has no found slices: they are the worst of this model";
            wrong(message, format!("a bound, such as {name}[{FOUND}] >= 0.6"));
        }
    }

    /// The bound's unit against the measurement's, where that is known.
    fn unit(&self, problems: &mut Problems) {
        let of = |part: &Subject| match part {
            Subject::Ratio { .. } => Some(Unit::Score),
            _ => self.known.unit(self.known.id(part.id())),
        };
        let measured = match &self.gate.subject {
            Subject::Combined(expr) => expr.measure(&of),
            one => Ok(of(one).map(Measure::of)),
        };
        let measured = match measured {
            Ok(Some(measured)) => measured,
            Ok(None) => return,
            Err(why) => {
                let help = "what is added has one unit: latency.p95 - 5ms, 1 - error_rate";
                return problems.add(Code::GateUnit, self.at, why, help);
            }
        };
        let unit = measured.unit();
        for quantity in self.gate.rule.quantities().into_iter().filter(|q| !q.fits(unit)) {
            let written = quantity.written();
            let help = match unit {
                Unit::Seconds => "such as 200ms or 1d",
                Unit::Bytes => "such as 2GB",
                Unit::PerSecond => "such as 100/s",
                Unit::Compound => "a plain number, of seconds and bytes",
                Unit::Share | Unit::Score | Unit::Count => "a plain number, or % or pp of a score",
            };
            let message = format!("`{}` is measured in {measured}, the gate has {written}", self.gate.subject);
            problems.add(Code::GateUnit, self.at, message, help);
        }
    }

    /// Bounds that say nothing: beyond what the measurement can be, or met by a probe of nothing but errors.
    fn reach(&self, problems: &mut Problems) {
        let (gate, known) = (self.gate, self.known);
        let id = known.id(gate.subject.id());
        if let Some((_, highest)) = known.highest.iter().find(|(name, _)| name == id)
            && let Some(beyond) = gate.rule.quantities().into_iter().find(|q| q.value.abs() > *highest)
        {
            let help = match beyond.unit {
                None => format!("did you mean {}%?", beyond.value.abs()),
                Some(_) => "a bound that it can reach".to_string(),
            };
            let message = format!("`{id}` is never above {highest}, so this bound says nothing");
            problems.add(Code::BadValue, self.at, message, help);
        }
        // A request that fails enters the percentiles at the timeout: a bound above it would not see errors.
        let unit = known.unit(id);
        if let Some(timeout) = known.timeout
            && unit == Some(Unit::Seconds)
            && id.starts_with("latency.")
            && gate.rule.quantities().iter().all(|q| q.unit == unit)
            && admits(&gate.rule, timeout.as_secs_f64())
        {
            let timeout = Unit::Seconds.show(timeout.as_secs_f64());
            let message =
                format!("a failed request counts as {timeout} (`timeout`): the gate would hold though all failed");
            let help = "set `timeout` of `latency` above the bound, or lower the bound";
            problems.add(Code::BadValue, self.at, message, help);
        }
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
