//! MLflow by its REST API (<https://mlflow.org/docs/latest/api_reference/rest-api.html>): the metrics of a run, which an
//! alias or a version of a registered model may lead to, and its artifacts.

use super::api::{Account, Answer, Api, message};
use super::services::{Got, Numbers, download, write};
use crate::config::{Mlflow, Service};
use crate::data::{Sources, Watch};
use crate::model::Fault;
use crate::secret::{self, Secret};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Map, Value};
use std::path::Path;
use std::sync::Arc;

const HINT: &str = "set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD";
const API: &str = "api/2.0/mlflow";

pub(super) async fn bring(
    service: &Service,
    of: &Mlflow,
    artifact: Option<&str>,
    sources: &Arc<Sources>,
    into: &Path,
    watch: &Arc<Watch>,
) -> Result<Got, Fault> {
    let what = format!("read {service}");
    let api = connect(&what, sources)?;
    let (run_id, by) = match of {
        Mlflow::Run(id) => (id.clone(), None),
        Mlflow::Version { name, version } => {
            let query = [("name", name.as_str()), ("version", version)];
            match found(&api, &what, "model-versions/get", &query).await? {
                Ok(answer) => run_of(&what, &answer)?,
                Err(absent) => return Ok(Got::Absent(absent)),
            }
        }
        Mlflow::Alias { name, alias } => {
            let query = [("name", name.as_str()), ("alias", alias)];
            match found(&api, &what, "registered-models/alias", &query).await? {
                Ok(answer) => run_of(&what, &answer)?,
                Err(absent) => return Ok(Got::Absent(absent)),
            }
        }
    };
    let answer = match found(&api, &what, "runs/get", &[("run_id", run_id.as_str())]).await? {
        Ok(answer) => answer,
        // The model is there, and the run that made it is not: no first run.
        Err(absent) if by.is_some() => {
            return Err(Fault::new(what, format!("the run {run_id} behind it: {absent}"), "was the run deleted?"));
        }
        Err(absent) => return Ok(Got::Absent(absent)),
    };
    let run = answer.get("run").ok_or_else(|| strange(&what, "no `run`"))?;
    let text = |path: &str| run.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let mut notes = Vec::new();
    if text("/info/lifecycle_stage") == "deleted" {
        return Err(Fault::new(what, format!("the run {run_id} is deleted"), "restore it, or name another"));
    }
    if !["FINISHED", ""].contains(&text("/info/status")) {
        notes.push(format!("{service}: the run is {}, not FINISHED", text("/info/status")));
    }
    let run_told = by.map_or_else(String::new, |by| format!(" ({by}, run {run_id})"));
    let source = format!("{service}{run_told} at {}", api.name());
    let path = match artifact {
        None => {
            let metrics = run.pointer("/data/metrics").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let numbers = metrics.iter().map(metric).collect::<Option<Map<String, Value>>>();
            let numbers = numbers.ok_or_else(|| strange(&what, "a metric without `key` and `value`"))?;
            if numbers.is_empty() {
                return Err(Fault::new(
                    what,
                    format!("the run {run_id} has no metrics"),
                    "log some, or name another run",
                ));
            }
            write(&what, numbers, into)?
        }
        Some(artifact) => {
            let url = artifact_url(&api, &what, text("/info/artifact_uri"), artifact)?;
            let headers = if url.origin() == api.url("", &[]).origin() {
                headers(&what, api.account())?
            } else {
                HeaderMap::new()
            };
            match download(&url, headers, &format!("{service}"), into, watch).await? {
                Some(path) => path,
                // Whoever names a file of a run that is there means that it is there.
                None => {
                    return Err(Fault::new(
                        what,
                        format!("the run {run_id} has no artifact {artifact}"),
                        "check its name",
                    ));
                }
            }
        }
    };
    Ok(Got::Here(Numbers { path, source, notes }))
}

fn connect(what: &str, sources: &Sources) -> Result<Api, Fault> {
    let Some(address) = sources.variable("MLFLOW_TRACKING_URI") else {
        let hint = "set MLFLOW_TRACKING_URI=https://HOST";
        return Err(Fault::new(what, "it is not known where the MLflow server is", hint));
    };
    let token = sources.variable("MLFLOW_TRACKING_TOKEN").and_then(Secret::new);
    let password = sources.variable("MLFLOW_TRACKING_PASSWORD").and_then(Secret::new);
    let account = match (token, sources.variable("MLFLOW_TRACKING_USERNAME").zip(password)) {
        // As MLflow's own client: name and password come before a token.
        (_, Some((user, password))) => Account::Basic(user, password),
        (Some(token), None) => Account::Bearer(token),
        (None, None) => Account::Anonymous,
    };
    if let Account::Bearer(secret) | Account::Basic(_, secret) = &account {
        secret::hide([secret.expose().to_string()]);
    }
    Api::new(sources.http()?, what, &address, account, HINT)
}

/// The answer, or what the server said of something that is not there.
async fn found(api: &Api, what: &str, path: &str, query: &[(&str, &str)]) -> Result<Result<Value, String>, Fault> {
    match api.get(what, &format!("{API}/{path}"), query).await? {
        Answer::Good(value) => Ok(Ok(value)),
        Answer::Refused(status, value) => {
            let said = message(&value).unwrap_or_default();
            let code = value.get("error_code").and_then(Value::as_str).unwrap_or_default();
            // A missing alias is told as a wrong parameter.
            let no_alias = status == StatusCode::BAD_REQUEST
                && code == "INVALID_PARAMETER_VALUE"
                && path.ends_with("/alias")
                && said.to_lowercase().contains("not found");
            match code {
                "RESOURCE_DOES_NOT_EXIST" => Ok(Err(said)),
                _ if no_alias => Ok(Err(said)),
                _ => Err(api.refused(what, status, Some(&value), &[])),
            }
        }
    }
}

/// The run that made a version of a model, and the version in words.
fn run_of(what: &str, answer: &Value) -> Result<(String, Option<String>), Fault> {
    let text = |path: &str| answer.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let version = text("/model_version/version");
    if version.is_empty() {
        return Err(strange(what, "no `model_version`"));
    }
    match text("/model_version/run_id") {
        "" => {
            let why = format!("version {version} of the model was registered without a run, so it has no metrics");
            Err(Fault::new(what, why, "name the run: mlflow:runs:/RUN_ID"))
        }
        id => Ok((id.to_string(), Some(format!("version {version}")))),
    }
}

fn strange(what: &str, lacks: &str) -> Fault {
    Fault::new(what, format!("the server's answer is not MLflow's: {lacks} in it"), "is this the address of its API?")
}

/// MLflow writes NaN as text, and an infinity as the largest number.
fn metric(metric: &Value) -> Option<(String, Value)> {
    let key = metric.get("key")?.as_str()?.to_string();
    let value = match metric.get("value") {
        Some(Value::Number(number)) if number.as_f64().is_some_and(|n| n.abs() >= f64::MAX) => Value::from("Infinity"),
        Some(value @ (Value::Number(_) | Value::String(_))) => value.clone(),
        _ => return None,
    };
    Some((key, value))
}

/// Where an artifact of a run lies: behind the server, or in a bucket that is read directly.
fn artifact_url(api: &Api, what: &str, uri: &str, artifact: &str) -> Result<reqwest::Url, Fault> {
    let proxied = uri.strip_prefix("mlflow-artifacts:");
    if let Some(rest) = proxied {
        let path = match rest.strip_prefix("//") {
            // A server of artifacts alone is another address than the one that is known.
            Some(with_host) if !with_host.starts_with('/') => {
                let why = format!("its artifacts are behind another server ({uri})");
                return Err(Fault::new(what, why, "name a file that lies behind MLFLOW_TRACKING_URI"));
            }
            _ => rest.trim_start_matches('/'),
        };
        return Ok(api.url(&format!("api/2.0/mlflow-artifacts/artifacts/{path}/{artifact}"), &[]));
    }
    let whole = format!("{}/{artifact}", uri.trim_end_matches('/'));
    let known = ["s3", "gs", "http", "https", "abfss", "abfs"];
    match reqwest::Url::parse(&whole) {
        Ok(url) if known.contains(&url.scheme()) => Ok(url),
        _ => {
            let why = format!("its artifacts lie at `{uri}`, which cannot be read from here");
            Err(Fault::new(what, why, "start the server with --serve-artifacts and --artifacts-destination"))
        }
    }
}

fn headers(what: &str, account: &Account) -> Result<HeaderMap, Fault> {
    account.headers().ok_or_else(|| Fault::new(what, "the credentials cannot be sent", HINT))
}
