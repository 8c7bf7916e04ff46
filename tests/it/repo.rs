//! A small real model repository for scenarios: data, metrics, a daemonless image, two environments, in git.

use crate::support::mlgate;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub struct Repo {
    folder: tempfile::TempDir,
}

pub const KUSTOMIZATION: &str = "\
# Which image runs here is decided by `mlgate promote`.
resources:
  - ../../base

images:
  - name: REPOSITORY   # the model
    newTag: none       # replaced by the first promotion
";

impl Repo {
    /// Everything but `mlops.yaml`; `repository` is where the image goes.
    pub fn new(repository: &str) -> Repo {
        let repo = Repo { folder: tempfile::tempdir().unwrap() };
        repo.write("train.csv", "id,age\n1,30\n2,41\n3,52\n");
        repo.write("metrics.json", "{\"f1\": 0.9, \"rows\": 1000}\n");
        repo.write("model/weights.txt", "0.1 0.2 0.3\n");
        repo.write("k8s/base/kustomization.yaml", "resources: [deployment.yaml]\n");
        repo.write(
            "k8s/base/deployment.yaml",
            &format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: churn}}\nspec:\n  template:\n    spec:\n      \
                 containers: [{{name: model, image: {repository}}}]\n"
            ),
        );
        for environment in ["staging", "prod"] {
            let text = KUSTOMIZATION.replace("REPOSITORY", repository);
            repo.write(&format!("k8s/overlays/{environment}/kustomization.yaml"), &text);
        }
        repo
    }

    /// The whole of `mlops.yaml` that the scenarios of promotion use.
    pub fn with_config(repository: &str) -> Repo {
        let repo = Repo::new(repository);
        repo.write(
            "mlops.yaml",
            &format!(
                "\
version: 1
model: {{name: churn, files: [model/]}}
data:
  train: {{source: train.csv, checks: [rows >= 3, unique(id)]}}
quality:
  metrics: [metrics.json]
  gates: [f1 >= 0.5]
image:
  repository: {repository}
  layers: [{{name: model, files: [model/], to: /model}}]
  tags: [\"{{{{ git.sha }}}}\"]
environments:
  staging:
    overlay: k8s/overlays/staging
    promote: {{gates: [quality.f1 within 3% of baseline], first_run: accept}}
  prod:
    overlay: k8s/overlays/prod
    promote:
      from: staging
      first_run: accept
      gates: [quality.f1 within 3% of baseline, lead_time < 1d, image.size < 1MB]
"
            ),
        );
        repo.commit();
        repo
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Commits all that is there; returns the commit.
    pub fn commit(&self) -> String {
        self.write(".gitignore", ".mlgate/\n");
        let git = |args: &[&str]| {
            let mut command = Command::new("git");
            command.args(["-c", "user.name=Test", "-c", "user.email=test@example.com", "-C"]).arg(self.root());
            let output = command.args(args).output().unwrap();
            assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).trim().to_string()
        };
        git(&["init", "-q"]);
        git(&["add", "-A"]);
        git(&["commit", "-q", "--allow-empty", "-m", "change"]);
        git(&["rev-parse", "HEAD"])
    }

    pub fn mlgate(&self, args: &[&str]) -> Done {
        Done(mlgate(self.root()).args(args).output().unwrap())
    }

    pub fn record(&self) -> Value {
        serde_json::from_str(&self.read(".mlgate/record.json")).unwrap()
    }

    pub fn digest(&self) -> String {
        self.record()["image"]["digest"].as_str().unwrap().to_string()
    }
}

pub struct Done(pub Output);

impl Done {
    pub fn said(&self) -> String {
        format!("{}{}", String::from_utf8_lossy(&self.0.stdout), String::from_utf8_lossy(&self.0.stderr))
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> String {
        assert_eq!(self.0.status.code(), Some(code), "{}", self.said());
        self.said()
    }
}
