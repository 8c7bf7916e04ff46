//! A folder with files, a config around it, and the stage run on it.

use crate::support::{config, context};
use mlgate::config::{BaselineSource, Config, Detail, Predictions, Quality, Service, SliceBy, Task};
use mlgate::data::Sources;
use mlgate::model::{Baseline, Evidence, Measurement};
use mlgate::stage::{Context, quality};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Columns y, p (binary) or y, predicted.
pub fn predictions(file: &str, task: Task) -> Predictions {
    Predictions {
        file: PathBuf::from(file),
        task,
        label: "y".into(),
        score: (task == Task::Binary).then(|| "p".into()),
        prediction: (task != Task::Binary).then(|| "predicted".into()),
        threshold: 0.5,
        positive: None,
        id: None,
        weight: None,
        group: None,
        strata: None,
        slices: Vec::new(),
        find_slices: None,
        in_record: false,
        detail: Detail::default(),
        custom: Vec::new(),
    }
}

pub struct World {
    pub dir: tempfile::TempDir,
    pub quality: Quality,
    pub production: Option<mlgate::stage::Production>,
    /// Whether the gates are inconclusive, whatever is found.
    pub unsure: bool,
    /// The environment that servers are reached with.
    pub variables: Vec<(String, String)>,
}

impl World {
    pub fn new() -> World {
        let quality = Quality {
            run: None,
            timeout: Duration::from_secs(20),
            predictions: None,
            metrics: Vec::new(),
            baseline: None,
            first_run_accepted: false,
            min_slice_rows: 5,
            looks: 1,
            gates: Vec::new(),
        };
        let variables = Vec::new();
        World { dir: tempfile::tempdir().unwrap(), quality, production: None, unsure: false, variables }
    }

    /// Binary predictions in `p.csv` with the columns id, y, p, segment.
    pub fn binary(text: &str) -> World {
        let mut world = World::new().with("p.csv", text);
        let mut config = predictions("p.csv", Task::Binary);
        config.id = Some("id".into());
        config.slices = vec![SliceBy::Column("segment".into())];
        world.quality.predictions = Some(config);
        world
    }

    pub fn with(self, name: &str, text: &str) -> World {
        self.write(name, text);
        self
    }

    pub fn baseline_file(mut self, file: &str) -> World {
        self.quality.baseline = Some(BaselineSource::File(file.into()));
        self
    }

    pub fn baseline_git(mut self, reference: &str) -> World {
        self.quality.baseline = Some(BaselineSource::Git { reference: reference.into() });
        self
    }

    pub fn baseline(mut self, source: BaselineSource) -> World {
        self.quality.baseline = Some(source);
        self
    }

    /// What `baseline:` or `metrics:` names by `text`.
    pub fn service(text: &str) -> Service {
        Service::parse(text).unwrap().unwrap()
    }

    pub fn variable(mut self, name: &str, value: &str) -> World {
        self.variables.push((name.into(), value.into()));
        self
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs git in the folder, with an author and none of the user's settings.
    pub fn git(&self, arguments: &[&str]) {
        let mut command = std::process::Command::new("git");
        command.arg("-C").arg(self.root()).args(["-c", "user.name=t", "-c", "user.email=t@example.org"]);
        command.args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let done = command.output().unwrap();
        assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    pub fn commit_all(&self) {
        self.git(&["init", "-q", "-b", "main"]);
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "state"]);
    }

    pub fn run(&self) -> (Evidence, Baseline) {
        let config = Config { quality: Some(self.quality.clone()), ..config() };
        let variables = self.variables.clone();
        let lookup =
            move |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let sources = Arc::new(Sources::from_lookup(&self.root().join(".mlgate"), lookup));
        let ctx = Context { sources: &sources, ..context(&config, self.root()) };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(quality::run(&ctx, &self.quality, self.production.as_ref(), &|_, _| self.unsure))
    }

    /// Runs the stage, which must find faults; they come as one text.
    pub fn faults(&self) -> String {
        let (evidence, _) = self.run();
        assert!(!evidence.faults.is_empty(), "no fault: {evidence:?}");
        evidence.faults.iter().map(|fault| format!("{fault}\n")).collect()
    }
}

pub fn find<'a>(measurements: &'a [Measurement], key: &str) -> &'a Measurement {
    measurements.iter().find(|m| m.key() == key).unwrap_or_else(|| panic!("no {key}"))
}

/// `rows` binary rows whose positives score higher; every `flip`-th is scored on the wrong side.
pub fn rows(rows: u32, flip: u32) -> String {
    let mut text = "id,y,p,segment\n".to_string();
    for i in 0..rows {
        let y = i % 2;
        let right = i % flip != 0;
        let p = if (y == 1) == right { 0.6 + f64::from(i % 37) / 100.0 } else { 0.4 - f64::from(i % 37) / 100.0 };
        text.push_str(&format!("r{i},{y},{p:.4},{}\n", if i % 3 == 0 { "a" } else { "b" }));
    }
    text
}
