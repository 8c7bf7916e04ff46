//! The numbers that the user computed, as files on this disk: those that lie there, and those that a tracking server has.

use super::Context;
use crate::config::{Metrics, MetricsFrom, Quality, Service};
use crate::data::{StopOnDrop, Watch};
use crate::model::{Evidence, Fault, Input};
use crate::quality::{file_input, greatest_of, unit_of};
use crate::source::metric_file::{self, Known, MetricFile};
use crate::source::services::{self, Got};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Metric files to read, in the order of `mlops.yaml`.
#[derive(Default)]
pub struct Numbers {
    pub files: Vec<From>,
    /// Holds what was brought from servers, and goes with this value.
    _scratch: Option<TempDir>,
}

/// One of them.
pub struct From {
    path: PathBuf,
    /// As messages and the record call it.
    pub name: String,
    metrics: Metrics,
}

impl Numbers {
    /// Asks the servers. What they do not have is a fault: it is what is judged.
    pub async fn gather(ctx: &Context<'_>, quality: &Quality, evidence: &mut Evidence) -> Numbers {
        let mut numbers = Numbers::default();
        for (place, metrics) in quality.metrics.iter().enumerate() {
            let service = match &metrics.from {
                MetricsFrom::File(file) => {
                    let (path, name) = (ctx.root.join(file), file.display().to_string());
                    numbers.files.push(From { path, name, metrics: metrics.clone() });
                    continue;
                }
                MetricsFrom::Service(service) => Ok(service.clone()),
                MetricsFrom::Later { template, id_file } => named_by(ctx.root, template, id_file),
            };
            let brought = async {
                let into = numbers.folder(&ctx.work, place)?;
                bring(ctx, &service?, metrics, &into, evidence).await
            };
            match brought.await {
                Ok(from) => numbers.files.push(from),
                Err(fault) => evidence.faults.push(fault),
            }
        }
        numbers
    }

    /// A folder for what comes from the server at this place.
    fn folder(&mut self, work: &Path, place: usize) -> Result<PathBuf, Fault> {
        let unmade =
            |e| Fault::new(format!("make a folder in {}", work.display()), e, "is the disk full or read-only?");
        if self._scratch.is_none() {
            std::fs::create_dir_all(work).map_err(unmade)?;
            let made = tempfile::Builder::new().prefix("numbers-").tempdir_in(work);
            self._scratch = Some(made.map_err(unmade)?);
        }
        let folder = self._scratch.as_ref().map(|scratch| scratch.path().join(place.to_string())).unwrap_or_default();
        std::fs::create_dir_all(&folder).map_err(unmade)?;
        Ok(folder)
    }
}

async fn bring(
    ctx: &Context<'_>,
    service: &Service,
    metrics: &Metrics,
    into: &Path,
    evidence: &mut Evidence,
) -> Result<From, Fault> {
    let watch = Arc::new(Watch::reaching(ctx.sources));
    let _stop = StopOnDrop(watch.clone());
    match services::bring(service, ctx.sources, into, &watch).await? {
        Got::Here(found) => {
            evidence.notes.extend(found.notes);
            Ok(From { path: found.path, name: found.source, metrics: metrics.clone() })
        }
        Got::Absent(why) => Err(Fault::new(format!("read {service}"), why, "check its name")),
    }
}

/// The service that a template names with the id in a file.
fn named_by(root: &Path, template: &str, id_file: &Path) -> Result<Service, Fault> {
    let what = format!("read {template}");
    let hint = "the file holds the id of the run and nothing else";
    let text = metric_file::text(&root.join(id_file), &id_file.display().to_string())?;
    let named = template.replace("{id}", text.trim());
    match Service::parse(&named) {
        _ if text.trim().is_empty() || text.trim().contains(char::is_whitespace) => {
            Err(Fault::new(what, format!("{} holds no id", id_file.display()), hint))
        }
        Some(Ok(service)) => Ok(service),
        Some(Err((why, _))) => Err(Fault::new(what, why, hint)),
        None => Err(Fault::new(what, "it names no run", hint)),
    }
}

impl From {
    /// The numbers, and the file as an input of the run.
    ///
    /// # Errors
    /// As [`metric_file::read`]; a metric whose unit is declared is not there.
    pub fn read(&self) -> Result<(MetricFile, Input), Fault> {
        let known = Known { declared: &self.metrics.units, usual: &unit_of, greatest: &greatest_of };
        let found = metric_file::read(&self.path, &self.name, &known)?;
        let has = |name: &str| found.measurements.iter().any(|m| m.id.strip_prefix("quality.") == Some(name));
        if let Some(name) = self.metrics.units.keys().find(|name| !has(name)) {
            let why = format!("it has no {name:?}, whose unit mlops.yaml declares");
            return Err(Fault::new(format!("read {}", self.name), why, "check the name"));
        }
        Ok((found, file_input(&self.path, &self.name, "metrics")?))
    }
}
