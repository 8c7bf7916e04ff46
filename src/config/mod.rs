//! `mlops.yaml`: text → [`yaml::Node`] with positions → checked [`Config`], or every problem at once.

mod data;
pub mod data_check;
mod detail;
mod gate_text;
mod gates;
mod node;
mod problem;
mod read;
mod schema;
mod services;
mod shape;
mod structure;
mod units;

pub use data::*;
pub use detail::{Detail, TASKS};
pub use gate_text::parse as parse_gate;
pub use problem::{Code, Problem, Problems};
pub use schema::json_schema;
pub use services::{MetricUnit, Metrics, MetricsFrom, Mlflow, Service, metric_unit};

use crate::kube::policy::Policy;
use crate::model::{Gate, Severity, SliceCorrection, Unit};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A metric that predictions give.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownMetric {
    /// `f1(*)` stands for one of each class that the predictions will name.
    pub id: String,
    /// Other names of the same, which gates may use.
    pub aliases: &'static [&'static str],
    pub unit: Unit,
    /// The largest value it can have, if there is one: a bound above it is a slip such as 85 for 85%.
    pub highest: Option<f64>,
}

/// The metrics that some predictions give: handed in, so that the config knows nothing of how they are computed.
pub type KnownMetrics = fn(&Predictions) -> Vec<KnownMetric>;

/// Reads the text of a `mlops.yaml`.
///
/// # Errors
/// Every problem at once, in the order of the file.
pub fn parse(text: &str, metrics: KnownMetrics) -> Result<Config, Problems> {
    let root = node::parse(text)?;
    let mut problems = Problems::default();
    structure::check(&root, &shape::Shape::Object(&shape::ROOT), "", &mut problems);
    let config = read::read(&root, text, metrics, &mut problems);
    if problems.is_empty() { Ok(config) } else { Err(problems.sorted()) }
}

/// Reads a file as text.
///
/// # Errors
/// One problem: not there, too large, or not UTF-8 (with the place of the first byte that is not).
pub fn read_text(path: &Path) -> Result<String, Problems> {
    let mut problems = Problems::default();
    // A pipe would be waited for, and neither a signal nor a limit reaches a read that waits.
    let about = std::fs::metadata(path).and_then(|about| match about.is_file() {
        true => Ok(about.len()),
        false => Err(std::io::Error::other("it is no regular file")),
    });
    match about.and_then(|size| if size > node::MAX_BYTES as u64 { Ok(None) } else { std::fs::read(path).map(Some) }) {
        Ok(Some(bytes)) => match String::from_utf8(bytes) {
            Ok(text) => return Ok(text),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let line = error.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
                let byte = error.as_bytes()[at];
                let message = format!("line {line} holds the byte 0x{byte:02x}, which is not UTF-8");
                problems.add(Code::NotUtf8, &(0..0), message, "save the file as UTF-8");
            }
        },
        Ok(None) => problems.add(Code::TooLarge, &(0..0), "the file is larger than 1 MiB", "at most 1 MiB"),
        Err(error) => {
            let help = "`mlgate init` writes a first one; --config names another file";
            problems.add(Code::Unreadable, &(0..0), format!("cannot read the file: {error}"), help);
        }
    }
    Err(problems)
}

/// A checked `mlops.yaml`. Paths are relative to the folder it lies in.
#[derive(Clone, Debug)]
pub struct Config {
    pub model: Model,
    pub data: Vec<Dataset>,
    pub tests: Vec<Suite>,
    pub quality: Option<Quality>,
    pub image: Option<Image>,
    pub signing: Signing,
    pub latency: Option<Latency>,
    pub overlay: Overlay,
    pub environments: Vec<Environment>,
    pub inconclusive: InconclusivePolicy,
    /// Level of every interval, 0.95 unless said.
    pub confidence: f64,
    /// Of that level, for gates on several slices.
    pub slice_correction: SliceCorrection,
}

impl Config {
    /// Every gate of the file.
    pub fn gates(&self) -> impl Iterator<Item = &Gate> {
        let of_quality = self.quality.iter().flat_map(|quality| &quality.gates);
        let of_image = self.image.iter().flat_map(|image| &image.gates);
        let of_latency = self.latency.iter().flat_map(|latency| &latency.gates);
        let of_promotions = self.environments.iter().filter_map(|e| e.promote.as_ref()).flat_map(|p| &p.gates);
        of_quality.chain(of_image).chain(of_latency).chain(of_promotions)
    }
}

#[derive(Clone, Debug)]
pub struct Model {
    pub name: String,
    /// Files, folders or globs; their digest is part of the run hash.
    pub files: Vec<String>,
}

/// What an inconclusive verdict does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InconclusivePolicy {
    pub run: Severity,
    pub promote: Severity,
}

/// One entry of `tests:`.
#[derive(Clone, Debug)]
pub struct Suite {
    pub name: String,
    /// Run by `sh -c` in the folder of `mlops.yaml`.
    pub run: String,
    /// JUnit XML that the command writes; a stale one is removed before.
    pub junit: Option<PathBuf>,
    pub timeout: Duration,
    pub severity: Severity,
}

#[derive(Clone, Debug)]
pub struct Quality {
    /// A command that writes the files below. None: they are there already.
    pub run: Option<String>,
    pub timeout: Duration,
    pub predictions: Option<Predictions>,
    /// Numbers that the user computed.
    pub metrics: Vec<Metrics>,
    pub baseline: Option<BaselineSource>,
    /// `first_run: accept`: a baseline that is not there yet lets relative gates pass, visibly.
    pub first_run_accepted: bool,
    /// Slices with fewer rows are left out of slice gates, with a note.
    pub min_slice_rows: u64,
    /// How often is measured at most, until no gate is inconclusive; 1 unless said.
    pub looks: u32,
    pub gates: Vec<Gate>,
}

#[derive(Clone, Debug)]
pub struct Predictions {
    /// CSV or Parquet.
    pub file: PathBuf,
    pub task: Task,
    /// Column with the truth.
    pub label: String,
    /// Binary: probability of the positive class.
    pub score: Option<String>,
    /// Predicted class or value; for a binary task derived from `score` and `threshold` when absent.
    pub prediction: Option<String>,
    pub threshold: f64,
    /// Binary: which label value is the positive class; `1` and `true` unless said.
    pub positive: Option<String>,
    /// Column that joins candidate and baseline rows; without it they are two samples.
    pub id: Option<String>,
    /// Column with how much each row counts.
    pub weight: Option<String>,
    /// Column whose equal values mark rows that were drawn together, such as the visits of one patient.
    pub group: Option<String>,
    pub slices: Vec<SliceBy>,
    pub find_slices: Option<FindSlices>,
    /// They ride with the record, so that a later run compares with them in pairs.
    pub in_record: bool,
    pub detail: Detail,
    /// Metrics of the user's own: `quality.custom`.
    pub custom: Vec<CustomMetric>,
}

/// A metric of the user's own.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomMetric {
    pub name: String,
    /// The expression as it is written.
    pub text: String,
    pub expr: data_check::sql::aggregate::Aggregate,
    pub unit: Unit,
    pub higher_is_better: bool,
}

/// Slices to be found rather than named: the worst conjunctions of values of a few columns.
#[derive(Clone, Debug, PartialEq)]
pub struct FindSlices {
    /// Its id in full, without `quality.`.
    pub metric: String,
    /// What is searched: names of slices, or of columns that are none.
    pub columns: Vec<String>,
    /// How many columns a conjunction may have; 1 to 3.
    pub max_columns: usize,
    /// Conjunctions with fewer rows are not looked at.
    pub min_rows: u64,
    /// How many of the worst are kept; at least 1.
    pub keep: usize,
}

/// What rows are measured apart by: an entry of `slices:`.
#[derive(Clone, Debug, PartialEq)]
pub enum SliceBy {
    /// A slice for each value of the column.
    Column(String),
    /// A slice below the first edge, from each edge to the next, and from the last on. Edges rise.
    Bins { column: String, edges: Vec<f64> },
    /// Bins of as many rows each.
    Quantiles { column: String, bins: usize },
    /// The rows for which the condition holds, as one slice.
    Where { name: String, condition: data_check::filter::Expr },
}

impl SliceBy {
    /// What gates name it by.
    pub fn name(&self) -> &str {
        match self {
            SliceBy::Column(name)
            | SliceBy::Bins { column: name, .. }
            | SliceBy::Quantiles { column: name, .. }
            | SliceBy::Where { name, .. } => name,
        }
    }

    /// The columns that it needs.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            SliceBy::Column(_) | SliceBy::Bins { .. } | SliceBy::Quantiles { .. } => vec![self.name()],
            SliceBy::Where { condition, .. } => condition.columns(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Binary,
    Multiclass,
    Regression,
    Text,
    Multilabel,
    Ranking,
    Forecast,
    Repeats,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaselineSource {
    /// `production`: the record of the image that the last environment's overlay pins.
    Production,
    /// `git:REF`: predictions or metric files as they are in that commit.
    Git { reference: String },
    /// `dvc:REF`: as `git:`, and what the commit does not hold itself is looked up at DVC.
    Dvc { reference: String },
    /// A predictions file (CSV, Parquet), a metric file (JSON, YAML) or a record (`schema` and `verdicts`).
    File(PathBuf),
    /// Such a file on another machine: `https://…`, `s3://…`.
    Address(String),
    /// What a tracking server has of a model or a run.
    Service(Service),
}

#[derive(Clone, Debug)]
pub struct Image {
    /// `ghcr.io/acme/churn`
    pub repository: String,
    pub build: Build,
    /// After templates were filled in.
    pub tags: Vec<String>,
    /// Speak plain HTTP with the registry; loopback addresses always do.
    pub insecure: bool,
    pub attest: Vec<Attest>,
    pub checks: ImageChecks,
    pub gates: Vec<Gate>,
    /// `first_run: accept`: gates against production let the first image pass, visibly.
    pub first_run_accepted: bool,
}

/// What must hold of a built image; None: it is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageChecks {
    pub non_root: Option<Severity>,
    pub healthcheck: Option<Severity>,
    pub secrets: Option<Severity>,
    /// Globs of paths in the image.
    pub secrets_except: Vec<String>,
}

/// What is attached to an image beside its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attest {
    TestResult,
    Provenance,
    Sbom,
}

/// Who signs, and whose signatures count.
#[derive(Clone, Debug, Default)]
pub struct Signing {
    pub by: Option<SignBy>,
    pub trust: Vec<TrustedSigner>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignBy {
    /// None: the environment holds it.
    Key {
        file: Option<PathBuf>,
    },
    Keyless {
        fulcio: String,
        rekor: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedSigner {
    Key(PathBuf),
    Identity { subject: String, issuer: String, roots: PathBuf, log_key: PathBuf },
}

impl Image {
    /// The folder that `repository: oci:dist/image` names, relative to that of `mlops.yaml`.
    pub fn folder(&self) -> Option<&Path> {
        self.repository.strip_prefix("oci:").map(Path::new)
    }
}

#[derive(Clone, Debug)]
pub enum Build {
    /// By the Docker engine.
    Docker(DockerBuild),
    /// With no daemon.
    Layers(LayeredImage),
}

#[derive(Clone, Debug, Default)]
pub struct DockerBuild {
    pub dockerfile: PathBuf,
    pub context: PathBuf,
    pub args: Vec<(String, String)>,
    pub target: Option<String>,
    pub labels: Vec<(String, String)>,
    /// None: the engine's own.
    pub platform: Option<String>,
    /// Every step runs anew.
    pub no_cache: bool,
    /// Images in the engine whose steps may be taken over.
    pub cache_from: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct LayeredImage {
    /// None: `scratch`.
    pub base: Option<String>,
    pub layers: Vec<Layer>,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    pub env: Vec<(String, String)>,
    pub workdir: Option<String>,
    pub user: Option<String>,
    pub ports: Vec<u16>,
    pub labels: Vec<(String, String)>,
    /// One or more: `linux/amd64`. Several make one image with an index.
    pub platforms: Vec<String>,
}

/// How a layer is stored in the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Gzip where samples of the files get smaller by it, else none: model weights do not.
    #[default]
    Auto,
    None,
    Gzip,
    Zstd,
}

#[derive(Clone, Debug)]
pub struct Layer {
    pub name: String,
    /// Files, folders or globs, relative to the folder of `mlops.yaml`; laid under `to` by that relative path,
    /// a folder's content without the folder's own name.
    pub files: Vec<String>,
    /// Absolute folder in the image.
    pub to: String,
    pub compression: Compression,
}

#[derive(Clone, Debug)]
pub struct Latency {
    pub target: Target,
    pub request: Request,
    /// Requests a second, open loop.
    pub rate: f64,
    pub duration: Duration,
    pub warmup: Duration,
    /// Of one request; a slower one counts as an error.
    pub timeout: Duration,
    /// How long the server may take until `ready` answers 2xx.
    pub start_timeout: Duration,
    /// Path polled until 2xx before the probe starts; `/` accepts any answer below 500.
    pub ready: String,
    /// How often is probed at most, until no gate is inconclusive; 1 unless said.
    pub looks: u32,
    pub gates: Vec<Gate>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The image that the image stage built, its `port` published on loopback.
    Image {
        port: u16,
    },
    /// A command run by `sh -c` with `PORT` set to a free port.
    Command {
        run: String,
    },
    Url(String),
}

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<PathBuf>,
}

/// What every rendered overlay is held against.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    /// `1.31`; without it objects are not validated.
    pub kubernetes: Option<String>,
    /// Files of CustomResourceDefinitions.
    pub schemas: Vec<PathBuf>,
    /// What `mlgate diff` compares with; None: the branch that the change goes to.
    pub base: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Environment {
    pub name: String,
    pub overlay: PathBuf,
    /// The installed kustomize renders it.
    pub installed_kustomize: bool,
    /// Those that are not off here, in the order in which they are told.
    pub policies: Vec<(Policy, Severity)>,
    pub promote: Option<Promote>,
}

#[derive(Clone, Debug)]
pub struct Promote {
    /// The environment the image must have been promoted to before.
    pub from: Option<String>,
    pub gates: Vec<Gate>,
    pub first_run_accepted: bool,
    /// Tags that point to the promoted digest afterwards; the environment's name unless said.
    pub tags: Vec<String>,
    /// Only an image whose record is signed by one of `signing.trust`.
    pub require_signed: bool,
}
