//! The baseline: the same numbers of another model, from a file, a commit, or the record of what is in production.

use super::git::Commit;
use super::kept::{self, Pulled};
use super::measure::{How, Measured, measure};
use super::outcomes::Predicted;
use super::predictions;
use crate::config::{BaselineSource, Metrics, Predictions, Quality, Service, Tracker};
use crate::data::{Fetch, Sources, StopOnDrop, Table, Watch, fetch};
use crate::model::{Baseline, Fault, Input, Measurement};
use crate::record::{measurements, parse};
use crate::source::metric_file::{self, Known, MetricFile};
use crate::source::services::{self, Got, Numbers};
use reqwest::header::HeaderMap;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A baseline, with its rows where they are known.
#[derive(Debug)]
pub struct Found {
    pub baseline: Baseline,
    pub predicted: Option<Predicted>,
    pub inputs: Vec<Input>,
    pub notes: Vec<String>,
    pub faults: Vec<Fault>,
}

impl Found {
    pub fn of(baseline: Baseline) -> Found {
        Found { baseline, predicted: None, inputs: Vec::new(), notes: Vec::new(), faults: Vec::new() }
    }

    /// Something went wrong, which is never a first run.
    pub fn faulty(source: String, faults: Vec<Fault>) -> Found {
        let reason = faults.first().map_or_else(String::new, ToString::to_string);
        let baseline = Baseline::Faulty { source, reason };
        Found { faults, ..Found::of(baseline) }
    }
}

/// Where the files of a baseline lie; made before anything blocking is done.
#[derive(Debug)]
pub enum Files {
    /// Not named, or told by others.
    Told(Box<Found>),
    /// Production: numbers of its record, and the predictions that rode with it.
    Recorded { found: Box<Found>, source: String, pulled: Pulled },
    /// On disk now.
    Here {
        source: String,
        predictions: Option<(PathBuf, String)>,
        metrics: Vec<(PathBuf, String)>,
        notes: Vec<String>,
        /// Holds the files of a commit, and goes with this value.
        scratch: Option<TempDir>,
    },
}

impl Files {
    pub fn told(found: Found) -> Files {
        Files::Told(Box::new(found))
    }
}

/// Where a baseline may come from.
pub struct Around<'a> {
    /// The folder of `mlops.yaml`.
    pub root: &'a Path,
    /// For files that are fetched.
    pub work: &'a Path,
    pub sources: &'a Arc<Sources>,
}

/// Finds the files of a baseline; what lies elsewhere is fetched into a folder under `work`.
pub async fn locate(around: &Around<'_>, quality: &Quality, source: &BaselineSource) -> Files {
    let found = match source {
        BaselineSource::Production => {
            let why = "the record of the image in production was not looked up";
            Err(Fault::new("read the baseline production", why, ""))
        }
        BaselineSource::File(file) => from_file(around.root, quality, file),
        BaselineSource::Git { reference } => from_commit(around, quality, source, reference, false).await,
        BaselineSource::Dvc { reference } => from_commit(around, quality, source, reference, true).await,
        BaselineSource::Address(address) => from_address(around, quality, source, address).await,
        BaselineSource::Service(service) => from_service(around, quality, service).await,
    };
    found.unwrap_or_else(|fault| Files::told(Found::faulty(source.name(), vec![fault])))
}

fn missing(quality: &Quality, source: String, reason: String) -> Files {
    let first_run_accepted = quality.first_run_accepted;
    Files::told(Found::of(Baseline::Missing { source, reason, first_run_accepted }))
}

/// A file of predictions or of numbers, by the name that it had.
fn here(
    quality: &Quality,
    source: String,
    file: PathBuf,
    name: &Path,
    notes: Vec<String>,
    scratch: Option<TempDir>,
) -> Files {
    let entry = (file, source.clone());
    let (predictions, metrics) = match quality.predictions.is_some() && is_table(name) {
        true => (Some(entry), Vec::new()),
        false => (None, vec![entry]),
    };
    Files::Here { source, predictions, metrics, notes, scratch }
}

async fn from_address(
    around: &Around<'_>,
    quality: &Quality,
    source: &BaselineSource,
    address: &str,
) -> Result<Files, Fault> {
    let name = source.name();
    let scratch = scratch(around.work)?;
    let file = PathBuf::from(name.rsplit('/').next().unwrap_or_default());
    let to = scratch.path().join(&file);
    let watch = Arc::new(Watch::reaching(around.sources));
    let _stop = StopOnDrop(watch.clone());
    let (tracker, root) = (None, PathBuf::new());
    let wanted = Fetch { source: address.to_string(), headers: HeaderMap::new(), tracker, root, shown: None };
    match fetched(wanted, &to, &watch).await? {
        true => Ok(here(quality, name, to, &file, Vec::new(), Some(scratch))),
        false => Ok(missing(quality, name.clone(), format!("there is no {name}"))),
    }
}

/// Whether the file was there; then it is at `to`.
async fn fetched(wanted: Fetch, to: &Path, watch: &Arc<Watch>) -> Result<bool, Fault> {
    let (to, watch) = (to.to_path_buf(), watch.clone());
    let done = tokio::task::spawn_blocking(move || fetch(&wanted, &to, &watch)).await;
    Ok(done.map_err(|error| Fault::defect("read the baseline", error))??.is_some())
}

async fn from_service(around: &Around<'_>, quality: &Quality, service: &Service) -> Result<Files, Fault> {
    let scratch = scratch(around.work)?;
    let watch = Arc::new(Watch::reaching(around.sources));
    let _stop = StopOnDrop(watch.clone());
    match services::bring(service, around.sources, scratch.path(), &watch).await? {
        Got::Absent(why) => Ok(missing(quality, service.to_string(), why)),
        Got::Here(Numbers { path, source, notes }) => {
            let name = path.clone();
            Ok(here(quality, source, path, &name, notes, Some(scratch)))
        }
    }
}

fn from_file(root: &Path, quality: &Quality, file: &Path) -> Result<Files, Fault> {
    let source = file.display().to_string();
    let fault = |why: String, hint: &str| Fault::new(format!("read the baseline {source}"), why, hint);
    let path = root.join(file);
    match std::fs::metadata(&path) {
        Ok(meta) if meta.is_file() => {}
        // Taken by its letters a glob would never be there, and pass for a first run.
        Err(_) if crate::files::is_glob(&file.to_string_lossy()) => {
            return Err(fault("it is a glob".into(), "name a single file"));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let reason = format!("there is no file {source}");
            return Ok(missing(quality, source, reason));
        }
        Ok(_) => {
            return Err(fault("it is no file".into(), "name a predictions file, a metric file or a record"));
        }
        Err(error) => return Err(fault(error.to_string(), "")),
    }
    let metrics = quality.metrics.iter().filter_map(Metrics::file);
    let mut ours = quality.predictions.iter().map(|p| &p.file).chain(metrics);
    if ours.any(|ours| same_file(&root.join(ours), &path)) {
        let why = "it is the file that the candidate is measured by".to_string();
        return Err(fault(why, "a model cannot be its own baseline: name a copy from before, or git:REF"));
    }
    Ok(here(quality, source, path, file, Vec::new(), None))
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn is_table(file: &Path) -> bool {
    let ending = file.extension().and_then(|e| e.to_str()).unwrap_or_default();
    !["json", "yaml", "yml", "prom", "txt", "xml"].iter().any(|other| ending.eq_ignore_ascii_case(other))
}

/// The files of a commit; with `dvc` those that it does not hold itself by what it tells DVC of them.
async fn from_commit(
    around: &Around<'_>,
    quality: &Quality,
    named: &BaselineSource,
    reference: &str,
    dvc: bool,
) -> Result<Files, Fault> {
    let commit = Commit::find(around.root, reference).await?;
    let scratch = scratch(around.work)?;
    let source = if dvc { commit.name().replacen("git:", "dvc:", 1) } else { commit.name() };
    let watch = Arc::new(Watch::reaching(around.sources));
    let _stop = StopOnDrop(watch.clone());
    let (mut predictions, mut metrics, mut absent) = (None, Vec::new(), Vec::new());
    let metric_files = quality.metrics.iter().filter_map(Metrics::file).map(|file| (file, false));
    let wanted = quality.predictions.iter().map(|p| (&p.file, true)).chain(metric_files);
    for (place, (file, is_predictions)) in wanted.enumerate() {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let folder = scratch.path().join(place.to_string());
        std::fs::create_dir_all(&folder).map_err(|e| Fault::new(format!("write {}", folder.display()), e, ""))?;
        let to = folder.join(&*name);
        let mut is_there = commit.write(file, &to).await?;
        if !is_there && dvc {
            let root = commit.write_dvc(file, &folder.join("tree")).await?;
            let (source, shown) = (file.display().to_string(), None);
            let wanted = Fetch { source, headers: HeaderMap::new(), tracker: Some(Tracker::Dvc), root, shown };
            is_there = fetched(wanted, &to, &watch).await?;
        }
        if !is_there {
            absent.push(file.display().to_string());
            continue;
        }
        let entry = (to, format!("{}:{}", named.name(), file.display()));
        if is_predictions { predictions = Some(entry) } else { metrics.push(entry) }
    }
    if predictions.is_none() && metrics.is_empty() {
        return match absent.is_empty() {
            true => {
                let why = "quality names neither predictions nor metric files to look for";
                Err(Fault::new(format!("read the baseline {source}"), why, "name the run itself as the baseline"))
            }
            false => Ok(missing(quality, source, format!("the commit has no {}", absent.join(" and no ")))),
        };
    }
    let notes = absent.iter().map(|file| format!("the baseline {source} has no {file}")).collect();
    Ok(Files::Here { source, predictions, metrics, notes, scratch: Some(scratch) })
}

/// A folder of our own under `work`, gone when it is dropped.
fn scratch(work: &Path) -> Result<TempDir, Fault> {
    let hint = "is the disk full or read-only?";
    let unmade = |error| Fault::new(format!("make a folder in {}", work.display()), error, hint);
    std::fs::create_dir_all(work).map_err(unmade)?;
    tempfile::Builder::new().prefix("baseline-").tempdir_in(work).map_err(unmade)
}

/// Reads and measures the files of a baseline; `watch` can stop the reading.
pub fn read(files: Files, quality: &Quality, level: f64, watch: &Arc<Watch>) -> Found {
    let (source, predictions, metrics, notes, _scratch) = match files {
        Files::Told(found) => return *found,
        Files::Recorded { found, source, pulled } => return recorded(*found, source, &pulled, quality, watch),
        Files::Here { source, predictions, metrics, notes, scratch } => (source, predictions, metrics, notes, scratch),
    };
    let mut found = Found { notes, ..Found::of(Baseline::NotConfigured) };
    let mut measured = Measured::default();
    if let (Some((path, name)), Some(config)) = (predictions, &quality.predictions) {
        match read_predictions(&path, &name, config, watch) {
            Ok((predicted, inputs)) => {
                measured = measure(&predicted, &How::of(quality, config.task, level));
                if !predicted.without.is_empty() {
                    let columns = predicted.without.join(", ");
                    found.notes.push(format!("the baseline {name} has no slice column {columns}"));
                }
                found.inputs.extend(inputs);
                found.predicted = Some(predicted);
            }
            Err(faults) => found.faults.extend(faults),
        }
    }
    let mut from_files = Vec::new();
    // What is declared of the candidate's numbers holds for the baseline's, too.
    let declared = quality.metrics.iter().flat_map(|metrics| metrics.units.clone()).collect();
    let known = Known { declared: &declared, usual: &super::unit_of, greatest: &super::greatest_of };
    for (path, name) in metrics {
        match read_metrics(&path, &name, &known) {
            Ok((MetricFile { measurements, notes }, input)) => {
                from_files.push((name, measurements));
                found.notes.extend(notes);
                found.inputs.push(input);
            }
            Err(fault) => found.faults.push(fault),
        }
    }
    let (measurements, merged) = merge(measured.measurements, from_files);
    found.faults.extend(merged.faults);
    if !found.faults.is_empty() {
        let faults = std::mem::take(&mut found.faults);
        return Found { notes: found.notes, inputs: found.inputs, ..Found::faulty(source, faults) };
    }
    found.baseline = Baseline::Known { source, measurements };
    found
}

fn recorded(mut found: Found, source: String, pulled: &Pulled, quality: &Quality, watch: &Arc<Watch>) -> Found {
    let Some(config) = &quality.predictions else { return found };
    match kept::read(pulled, config.task, &source, watch) {
        Ok(kept::Read::Rows(predicted)) => {
            let (kind, name) = ("baseline".into(), format!("predictions of {source}"));
            found.inputs.push(Input { kind, name, digest: pulled.about.digest.clone(), bytes: pulled.about.bytes });
            found.predicted = Some(*predicted);
            found
        }
        Ok(kept::Read::Foreign(why)) => {
            found.notes.push(format!("compared with {source} as two samples: {why}"));
            found
        }
        Err(faults) => Found::faulty(source, faults),
    }
}

fn read_predictions(
    path: &Path,
    name: &str,
    config: &Predictions,
    watch: &Arc<Watch>,
) -> Result<(Predicted, Vec<Input>), Vec<Fault>> {
    let renamed = |fault: Fault| vec![Fault { what: format!("read the baseline {name}"), ..fault }];
    let root = path.parent().unwrap_or(Path::new(""));
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let table = Table::open_watched(root, &file, None, watch.clone()).map_err(renamed)?;
    let predicted = predictions::read(&table, config, name, true)?;
    let mut inputs = table.inputs("baseline").map_err(renamed)?;
    for input in &mut inputs {
        input.name = name.to_string();
    }
    Ok((predicted, inputs))
}

/// A metric file, or a record of mlgate told by its `schema` and `verdicts`.
fn read_metrics(path: &Path, name: &str, known: &Known<'_>) -> Result<(MetricFile, Input), Fault> {
    let input = super::file_input(path, name, "baseline")?;
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
        let text = metric_file::text(path, name)?;
        let is_record = serde_json::from_str::<serde_json::Value>(&text)
            .is_ok_and(|value| value.get("schema").is_some() && value.get("verdicts").is_some());
        if is_record {
            let measurements = measurements(&parse(text.as_bytes(), name)?)?;
            return Ok((MetricFile { measurements, notes: Vec::new() }, input));
        }
    }
    Ok((metric_file::read(path, name, known)?, input))
}

/// What merging measurements found to say.
#[derive(Debug, Default)]
pub struct Merged {
    pub notes: Vec<String>,
    pub faults: Vec<Fault>,
}

/// How far a number in a metric file may lie from the one computed from predictions: rounding.
const ROUNDING: f64 = 1e-3;

/// Joins what was computed from predictions with metric files. A metric in two files is a fault; one that the
/// predictions give too must agree with them, and theirs is kept, as it has an interval.
pub fn merge(computed: Vec<Measurement>, files: Vec<(String, Vec<Measurement>)>) -> (Vec<Measurement>, Merged) {
    let mut all = computed;
    let mut merged = Merged::default();
    let places: HashMap<String, usize> = all.iter().enumerate().map(|(place, own)| (own.key(), place)).collect();
    let mut sources: HashMap<String, String> = HashMap::new();
    for (file, measurements) in files {
        for measurement in measurements {
            let key = measurement.key();
            if let Some(first) = sources.get(&key) {
                let why = format!("{key} is in {first} and in {file}");
                merged.faults.push(Fault::new("read metric files", why, "keep it in one of them, or rename one"));
                continue;
            }
            sources.insert(key.clone(), file.clone());
            let Some(own) = places.get(&key).and_then(|place| all.get(*place)) else {
                all.push(measurement);
                continue;
            };
            let (ours, theirs) = (own.value, measurement.value);
            if (ours - theirs).abs() <= ROUNDING * ours.abs() || (ours.is_nan() && theirs.is_nan()) {
                merged.notes.push(format!("{key} is in {file} too; the value from {} is used", own.source));
            } else {
                let why = format!("{key} is {theirs} in {file}, but {ours} by the predictions in {}", own.source);
                let hint = "they are of different rows, thresholds or averages: rename the one in the metric file";
                merged.faults.push(Fault::new("read metric files", why, hint));
            }
        }
    }
    (all, merged)
}
