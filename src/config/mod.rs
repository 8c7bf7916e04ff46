//! `mlops.yaml`: text → [`yaml::Node`] with positions → checked [`Config`], or every problem at once.

mod data;
pub mod data_check;
mod detail;
mod gate_text;
mod gates;
mod image;
mod node;
mod problem;
mod quality;
mod read;
mod schema;
mod services;
mod shape;
mod structure;
mod units;

pub use data::*;
pub use detail::{Detail, TASKS};
pub use gate_text::parse as parse_gate;
pub use image::*;
pub use problem::{Code, Problem, Problems};
pub use quality::*;
pub use schema::json_schema;
pub use services::{MetricUnit, Metrics, MetricsFrom, Mlflow, Service, metric_unit};

use crate::kube::policy::Policy;
use crate::model::{Gate, Severity, SliceCorrection, StageKind, Unit};
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
        let of_run = StageKind::RUN.into_iter().flat_map(|stage| self.gates_of(stage));
        let of_promotions = self.environments.iter().filter_map(|e| e.promote.as_ref()).flat_map(|p| &p.gates);
        of_run.chain(of_promotions)
    }

    /// The gates that a stage of the run is held to.
    pub fn gates_of(&self, stage: StageKind) -> &[Gate] {
        let gates = match stage {
            StageKind::Quality => self.quality.as_ref().map(|quality| &quality.gates),
            StageKind::Image => self.image.as_ref().map(|image| &image.gates),
            StageKind::Latency => self.latency.as_ref().map(|latency| &latency.gates),
            StageKind::Data | StageKind::Tests | StageKind::Overlay | StageKind::Promote => None,
        };
        gates.map(Vec::as_slice).unwrap_or_default()
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
