//! Tracking servers: the metrics that others keep of a run, brought to this disk as a metric file.

use super::mlflow;
use super::wandb;
use crate::config::Service;
use crate::data::{Fetch, Sources, Watch, fetch};
use crate::model::Fault;
use reqwest::Url;
use reqwest::header::HeaderMap;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a server has of a run.
#[derive(Debug)]
pub enum Got {
    Here(Numbers),
    /// There is no such alias, model, version or run; what the server said.
    Absent(String),
}

#[derive(Debug)]
pub struct Numbers {
    /// A metric file, or the artifact.
    pub path: PathBuf,
    /// What was asked for and what it stands for: `mlflow:models:/churn@champion (version 3, run 0a1b2c) at https://…`.
    pub source: String,
    pub notes: Vec<String>,
}

/// Asks `service` and writes what it has into the folder `into`. `watch` can stop a download.
///
/// # Errors
/// It is not known where the server is; it cannot be asked, refuses, or answers something else.
pub async fn bring(service: &Service, sources: &Arc<Sources>, into: &Path, watch: &Arc<Watch>) -> Result<Got, Fault> {
    match service {
        Service::Mlflow { of, artifact } => mlflow::bring(service, of, artifact.as_deref(), sources, into, watch).await,
        Service::Wandb { entity, project, run } => wandb::bring(service, (entity, project, run), sources, into).await,
    }
}

/// Writes numbers as a metric file. `/`, by which servers group them, becomes the dot of names.
pub(super) fn write(what: &str, numbers: Map<String, Value>, into: &Path) -> Result<PathBuf, Fault> {
    let path = into.join("metrics.json");
    let renamed: Map<String, Value> = numbers.into_iter().map(|(key, value)| (key.replace('/', "."), value)).collect();
    let bytes = Value::Object(renamed).to_string();
    std::fs::write(&path, bytes)
        .map_err(|e| Fault::new(what, format!("{}: {e}", path.display()), "is the disk full?"))?;
    Ok(path)
}

/// Downloads `url` into the folder `into`, under the name of the file that it is; None when it is not there.
pub(super) async fn download(
    url: &Url,
    headers: HeaderMap,
    name: &str,
    into: &Path,
    watch: &Arc<Watch>,
) -> Result<Option<PathBuf>, Fault> {
    let file = name.rsplit('/').next().unwrap_or_default();
    let to = into.join(format!("artifact-{file}"));
    let wanted =
        Fetch { source: url.to_string(), headers, tracker: None, root: PathBuf::new(), shown: Some(name.into()) };
    let (target, watch) = (to.clone(), watch.clone());
    let done = tokio::task::spawn_blocking(move || fetch(&wanted, &target, &watch)).await;
    let done = done.map_err(|e| Fault::defect(format!("read {name}"), e))?;
    Ok(done?.map(|()| to))
}
