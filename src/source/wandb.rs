//! Weights & Biases by the GraphQL API that its public client speaks: the summary of a run.
//!
//! Facts: `POST /graphql` with `{query, variables}`, the user `api` and the key as password; `summaryMetrics` is JSON in a
//! text; an unknown project or run is null, as is one that the key may not see.

use super::api::{Account, Answer, Api};
use super::services::{Got, Numbers, write};
use crate::config::Service;
use crate::data::Sources;
use crate::model::Fault;
use crate::secret::{self, Secret};
use serde_json::{Map, Value, json};
use std::path::Path;

const HINT: &str = "set WANDB_API_KEY (https://wandb.ai/authorize)";
const QUERY: &str = "query Run($entity: String!, $project: String!, $run: String!) { \
                     project(name: $project, entityName: $entity) { run(name: $run) { name state summaryMetrics } } }";

pub(super) async fn bring(
    service: &Service,
    (entity, project, run): (&str, &str, &str),
    sources: &Sources,
    into: &Path,
) -> Result<Got, Fault> {
    let what = format!("read {service}");
    let address = sources.variable("WANDB_BASE_URL").unwrap_or_else(|| "https://api.wandb.ai".into());
    // Without a key everything private is null, and would pass for a first run.
    let Some(key) = sources.variable("WANDB_API_KEY").and_then(Secret::new) else {
        return Err(Fault::new(what, "no key for W&B was found", HINT));
    };
    secret::hide([key.expose().to_string()]);
    let api = Api::new(sources.http()?, &what, &address, Account::Basic("api".into(), key), HINT)?;
    let body = json!({"query": QUERY, "variables": {"entity": entity, "project": project, "run": run}});
    let value = match api.post(&what, "graphql", &body).await? {
        Answer::Good(value) => value,
        Answer::Refused(status, value) => return Err(api.refused(&what, status, Some(&value), &[])),
    };
    if let Some(errors) = value.get("errors").filter(|errors| !errors.is_null()) {
        let said = super::api::message(&value).unwrap_or_else(|| errors.to_string().chars().take(200).collect());
        return Err(Fault::new(what, format!("{} answered: {said}", api.name()), HINT));
    }
    let strange = |lacks: &str| {
        Fault::new(&what, format!("the answer of {} is not W&B's: {lacks}", api.name()), "is WANDB_BASE_URL right?")
    };
    let data = value.get("data").and_then(Value::as_object).ok_or_else(|| strange("it has no `data`"))?;
    let told = match data.get("project") {
        None => return Err(strange("it has no `project`")),
        Some(Value::Null) => None,
        Some(project) => match project.get("run") {
            None => return Err(strange("it has no `run`")),
            Some(Value::Null) => None,
            Some(run) => Some(run),
        },
    };
    let Some(told) = told else {
        return Ok(Got::Absent(format!("{} has no run {entity}/{project}/{run} that this key may see", api.name())));
    };
    let summary = told.get("summaryMetrics").and_then(Value::as_str).unwrap_or("{}");
    let summary = super::metric_file::quote_bare_numbers(summary);
    let summary: Map<String, Value> =
        serde_json::from_str(&summary).map_err(|e| strange(&format!("its summaryMetrics are no JSON: {e}")))?;
    let (mut numbers, mut left_out) = (Map::new(), Vec::new());
    for (key, value) in summary {
        // `_step` and the like are of W&B itself; a table, an image or a histogram has a type.
        if key.starts_with('_') {
            continue;
        }
        if value.get("_type").is_some()
            || value.is_string() && value.as_str().is_some_and(|v| v.parse::<f64>().is_err())
        {
            left_out.push(key);
            continue;
        }
        numbers.insert(key, value);
    }
    let mut notes = Vec::new();
    match told.get("state").and_then(Value::as_str) {
        None | Some("finished") => {}
        Some(state) => notes.push(format!("{service}: the run is {state}, not finished")),
    }
    if !left_out.is_empty() {
        notes.push(format!("{service}: left out, as they are no numbers: {}", left_out.join(", ")));
    }
    if numbers.is_empty() {
        return Err(Fault::new(what, "the summary of the run holds no number", "log some, or name another run"));
    }
    let path = write(&what, numbers, into)?;
    Ok(Got::Here(Numbers { path, source: format!("{service} at {}", api.name()), notes }))
}
