//! Gates on latency and errors as queries for Prometheus: what was measured of the candidate before it was let in is
//! asked again of the pods that run it.

use super::Platform;
use crate::config::Config;
use crate::model::{Bound, Gate, Op, Quantity, Rule, Severity, Subject, Unit};
use serde::Serialize;

/// A metric of an AnalysisTemplate.
#[derive(Clone, Debug, Serialize)]
pub struct Kpi {
    /// `p95`
    name: String,
    /// As it stands in `mlops.yaml`.
    gate: String,
    op: &'static str,
    /// In the unit of the query's answer.
    bound: String,
    query: String,
}

/// What a platform calls its metrics.
struct Metrics {
    /// Histogram of durations.
    durations: &'static str,
    /// Counter of requests.
    requests: &'static str,
    /// Selects those that failed.
    failed: &'static str,
    /// Selects the new version.
    version: &'static str,
    /// Units of the histogram in a second.
    per_second: f64,
}

fn metrics(platform: Platform) -> Metrics {
    match platform {
        // Of Knative's queue-proxy, which stands before every container.
        Platform::Kserve => Metrics {
            durations: "revision_app_request_latencies",
            requests: "revision_app_request_count",
            failed: r#"response_code_class="5xx""#,
            version: r#"namespace_name="{{args.namespace}}", revision_name="{{args.revision}}""#,
            per_second: 1000.0,
        },
        // https://docs.bentoml.com/en/latest/build-with-bentoml/observability/metrics.html
        Platform::Bentoml => Metrics {
            durations: "bentoml_service_request_duration_seconds",
            requests: "bentoml_service_request_total",
            failed: r#"http_response_code=~"5..""#,
            version: r#"namespace="{{args.namespace}}", rollouts_pod_template_hash="{{args.hash}}""#,
            per_second: 1.0,
        },
        // What the client libraries' middlewares for HTTP call them as a rule.
        _ => Metrics {
            durations: "http_request_duration_seconds",
            requests: "http_request_duration_seconds_count",
            failed: r#"status=~"5..""#,
            version: r#"namespace="{{args.namespace}}", rollouts_pod_template_hash="{{args.hash}}""#,
            per_second: 1.0,
        },
    }
}

/// In a `mlops.yaml` that has none yet, as in what `mlgate init` writes.
fn usual() -> Vec<Gate> {
    let gate = |text: &str, id: &str, value: f64, unit: Unit| {
        let bound = Bound::Absolute(Quantity { value, unit: Some(unit) });
        let subject = Subject::Overall { id: id.into() };
        Gate::new(text, Severity::Block, subject, Rule::Compare { op: Op::Less, bound })
    };
    vec![
        gate("p95 < 200ms", "latency.p95", 0.2, Unit::Seconds),
        gate("error_rate < 1%", "latency.error_rate", 0.01, Unit::Share),
    ]
}

/// The blocking gates on latency of the probe and of the promotions, in the order of the file, each once.
fn gates(config: Option<&Config>) -> Vec<Gate> {
    let of_probe = config.and_then(|config| config.latency.as_ref()).map(|latency| latency.gates.as_slice());
    let of_promotions = config.into_iter().flat_map(|config| &config.environments).filter_map(|e| e.promote.as_ref());
    let all = of_probe.into_iter().flatten().chain(of_promotions.flat_map(|promote| &promote.gates));
    let mut found: Vec<Gate> = Vec::new();
    for gate in all.filter(|gate| gate.severity == Severity::Block && gate.subject.id().starts_with("latency.")) {
        if !found.iter().any(|known| known.subject == gate.subject && known.rule == gate.rule) {
            found.push(gate.clone());
        }
    }
    if found.is_empty() { usual() } else { found }
}

/// The metrics of the analysis, and the gates that no query can ask for.
pub fn of(config: Option<&Config>, platform: Platform) -> (Vec<Kpi>, Vec<String>) {
    let metrics = metrics(platform);
    let (mut kpis, mut left_out): (Vec<Kpi>, Vec<String>) = (Vec::new(), Vec::new());
    for gate in gates(config) {
        match kpi(&gate, &metrics) {
            Some(mut kpi) => {
                // Names are unique: `p95 < 200ms` of the probe beside `p95 < 150ms` of a promotion.
                let of_name = kpis.iter().filter(|k| k.name.split('-').next() == Some(kpi.name.as_str())).count();
                if of_name > 0 {
                    kpi.name = format!("{}-{}", kpi.name, of_name + 1);
                }
                kpis.push(kpi);
            }
            None => left_out.push(gate.text),
        }
    }
    (kpis, left_out)
}

fn kpi(gate: &Gate, metrics: &Metrics) -> Option<Kpi> {
    let Rule::Compare { op, bound: Bound::Absolute(bound) } = &gate.rule else { return None };
    let Subject::Overall { id } = &gate.subject else { return None };
    let name = id.strip_prefix("latency.")?;
    let Metrics { durations, requests, failed, version, per_second } = metrics;
    let rate = |metric: &str| format!("rate({metric}{{{version}}}[2m])");
    let percent = name.strip_prefix('p').and_then(|percent| percent.parse::<f64>().ok());
    let (query, scale) = match (name, percent) {
        ("error_rate", _) => {
            let failed = format!("sum(rate({requests}{{{version}, {failed}}}[2m])) or vector(0)");
            (format!("({failed})\n/ sum({})", rate(requests)), 1.0)
        }
        ("mean", _) => {
            let part = |of: &str| format!("sum({})", rate(&format!("{durations}_{of}")));
            (format!("{}\n/ {}", part("sum"), part("count")), *per_second)
        }
        (_, Some(percent)) if percent > 0.0 && percent < 100.0 => {
            let buckets = rate(&format!("{durations}_bucket"));
            (format!("histogram_quantile({}, sum by (le) (\n  {buckets}))", percent / 100.0), *per_second)
        }
        _ => return None,
    };
    let op = if *op == Op::Equal { "==" } else { op.symbol() };
    // Metrics of Kubernetes have names of letters, digits and dashes.
    let name = name.replace('_', "-");
    Some(Kpi { name, gate: gate.text.clone(), op, bound: (bound.value * scale).to_string(), query })
}

/// What a promotion asks for, in one line of flow style: gates on what the config measures.
pub fn promotion_gates(config: Option<&Config>) -> String {
    match config.and_then(|config| config.latency.as_ref()) {
        Some(_) => {
            let texts = gates(config).into_iter().map(|gate| match gate.text.starts_with("latency.") {
                true => gate.text,
                false => format!("latency.{}", gate.text),
            });
            texts.collect::<Vec<_>>().join(", ")
        }
        None => "image.size < 2GB".into(),
    }
}
