//! `mlgate init serving`: every platform and strategy renders, fits the schemas, keeps to the policies, and is analysed by
//! the gates of `mlops.yaml`.

use crate::repo::Repo;
use std::process::Command;

const CONFIG: &str = "\
version: 1
model: {name: churn, files: [model/]}
image:
  repository: ghcr.io/acme/churn
  layers: [{name: model, files: [model/], to: /model}]
  tags: [v1]
latency:
  url: http://127.0.0.1:1
  ready: /ready
  request: {path: /predict}
  gates: [p95 < 150ms, error_rate < 0.5%, mean < 50ms, 'throughput > 10/s', 'warn: p99 < 1s']
";

/// Platform, strategy, the kind that runs the model.
const MADE: [(&str, &str, &str); 9] = [
    ("plain", "rolling", "Deployment"),
    ("kserve", "rolling", "InferenceService"),
    ("kserve", "canary", "InferenceService"),
    ("kserve", "blue-green", "InferenceService"),
    ("seldon", "rolling", "SeldonDeployment"),
    ("bentoml", "rolling", "Deployment"),
    ("bentoml", "canary", "Rollout"),
    ("argo-rollouts", "canary", "Rollout"),
    ("argo-rollouts", "blue-green", "Rollout"),
];
const REFUSED: [(&str, &str); 5] = [
    ("plain", "canary"),
    ("plain", "blue-green"),
    ("seldon", "canary"),
    ("seldon", "blue-green"),
    ("argo-rollouts", "rolling"),
];

/// A model without manifests.
fn repo(config: Option<&str>) -> Repo {
    let repo = Repo::new("ghcr.io/acme/churn");
    std::fs::remove_dir_all(repo.path("k8s")).unwrap();
    if let Some(config) = config {
        repo.write("mlops.yaml", config);
    }
    repo
}

fn init(repo: &Repo, platform: &str, strategy: &str) -> String {
    repo.mlgate(&["init", "serving", "--platform", platform, "--strategy", strategy]).exits(0)
}

/// Adds to `mlops.yaml` what `init serving` says that it lacks.
fn complete(repo: &Repo, said: &str) {
    let (_, section) = said.split_once("mlops.yaml lacks:\n\n").unwrap_or_else(|| panic!("{said}"));
    let config = if repo.path("mlops.yaml").exists() {
        repo.read("mlops.yaml")
    } else {
        "version: 1\nmodel: {name: churn}\n".into()
    };
    repo.write("mlops.yaml", &(config + section));
}

#[test]
fn every_combination_renders_validates_and_keeps_to_the_policies() {
    for (platform, strategy, kind) in MADE {
        let repo = repo(Some(CONFIG));
        let said = init(&repo, platform, strategy);
        complete(&repo, &said);
        repo.commit();
        // All but the probe of a server that is not there.
        let report = repo.mlgate(&["run", "image", "overlay", "--dry-run"]).exits(0);
        let record = repo.record();
        let verdicts = record["verdicts"].as_array().unwrap();
        for environment in ["staging", "prod"] {
            for name in ["", ".resources", ".probes", ".non_root", ".digest", ".replicas"] {
                let id = format!("overlay.{environment}{name}");
                let verdict = verdicts.iter().find(|v| v["id"] == id).unwrap();
                assert_eq!(verdict["outcome"], "passed", "{platform} {strategy} {id}: {verdict:#}\n{report}");
            }
            // What belongs to Kubernetes fits it; what belongs to a platform is told.
            let of = |id: &str| verdicts.iter().find(|v| v["id"] == format!("overlay.{environment}.{id}"));
            let is_builtin = kind == "Deployment";
            let schema = of("schema").unwrap();
            let expected = if ["kserve", "seldon"].contains(&platform) { "skipped" } else { "passed" };
            assert_eq!(schema["outcome"], expected, "{platform} {strategy}: {schema:#}");
            assert_eq!(of("schema.unknown").is_none(), is_builtin, "{platform} {strategy}");

            let overlay = format!("k8s/overlays/{environment}");
            // As `mlgate promote` does: the pods get what leads to their evidence.
            let file = format!("{overlay}/kustomization.yaml");
            repo.write(&file, &(repo.read(&file) + "commonAnnotations: {mlgate.dev/record: here}\n"));
            let rendered = repo.mlgate(&["render", &overlay]).exits(0);
            if kind != "InferenceService" {
                let objects = rendered.split("---\n").find(|o| o.contains(&format!("kind: {kind}\n"))).unwrap();
                assert_eq!(objects.matches("mlgate.dev/record: here").count(), 2, "{platform} {strategy}: {objects}");
            }
            assert!(rendered.contains(&format!("kind: {kind}\n")), "{rendered}");
            assert!(!rendered.contains("{{ ") && !rendered.contains("{%"), "{rendered}");
            let judge = Command::new("kubectl").args(["kustomize", &overlay]).current_dir(repo.root()).output();
            if let Ok(judge) = judge.filter_success() {
                assert_eq!(rendered, judge, "{platform} {strategy} {environment}");
            }
        }
        // A second time writes nothing.
        let again = init(&repo, platform, strategy);
        assert!(!again.contains("wrote ") && !again.contains("lacks"), "{again}");
    }
}

trait FilterSuccess {
    fn filter_success(self) -> Result<String, ()>;
}

impl FilterSuccess for std::io::Result<std::process::Output> {
    /// What the command printed, if it is there and succeeded.
    fn filter_success(self) -> Result<String, ()> {
        let output = self.map_err(drop)?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()).ok_or(())
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    for (platform, strategy) in REFUSED {
        let repo = repo(Some(CONFIG));
        let said = repo.mlgate(&["init", "serving", "--platform", platform, "--strategy", strategy]).exits(2);
        assert!(said.contains(&format!("--platform {platform} --strategy {strategy} makes no sense: ")), "{said}");
        assert!(said.contains("--platform argo-rollouts") || said.contains("--platform plain"), "{said}");
        assert!(!repo.path("k8s").exists());
    }
    let repo = repo(Some(CONFIG));
    // Its own strategy where none is named.
    let said = repo.mlgate(&["init", "serving", "--platform", "argo-rollouts", "--dry-run"]).exits(0);
    assert!(said.contains("would write k8s/base/rollout.yaml") && said.contains("setWeight: 20"), "{said}");
    assert!(!repo.path("k8s").exists());
    repo.mlgate(&["init", "serving"]).exits(2);
    repo.write("mlops.yaml", "version: 1\n");
    let said = repo.mlgate(&["init", "serving", "--platform", "plain"]).exits(2);
    assert!(said.contains("MG012"), "{said}");
}

#[test]
fn nothing_is_overwritten() {
    let repo = repo(Some(CONFIG));
    repo.write("k8s/base/deployment.yaml", "# mine\n");
    std::os::unix::fs::symlink("nowhere", repo.path("k8s/base/service.yaml")).unwrap();
    let said = init(&repo, "plain", "rolling");
    for name in ["deployment.yaml", "service.yaml"] {
        assert!(said.contains(&format!("kept k8s/base/{name}, which is there already")), "{said}");
    }
    assert!(said.contains("wrote k8s/base/disruption.yaml"), "{said}");
    assert_eq!(repo.read("k8s/base/deployment.yaml"), "# mine\n");
    assert!(repo.path("k8s/base/service.yaml").is_symlink() && !repo.path("k8s/base/nowhere").exists());
}

#[test]
fn the_analysis_asks_for_the_gates_of_the_config() {
    let repo = repo(Some(CONFIG));
    let said = init(&repo, "argo-rollouts", "canary");
    assert!(said.contains("left out of the analysis: `throughput > 10/s`"), "{said}");
    let analysis = repo.read("k8s/base/analysis.yaml");
    let selected = r#"namespace="{{args.namespace}}", rollouts_pod_template_hash="{{args.hash}}""#;
    for expected in [
        "    - name: p95 # p95 < 150ms\n",
        "successCondition: len(result) > 0 && !isNaN(result[0]) && result[0] < 0.15\n",
        "    - name: error-rate # error_rate < 0.5%\n",
        "result[0] < 0.005\n",
        "    - name: mean # mean < 50ms\n",
        &format!(
            "histogram_quantile(0.95, sum by (le) (\n              rate(http_request_duration_seconds_bucket{{{selected}}}[2m])))"
        ),
        "or vector(0))\n            / sum(rate(",
        "address: \"{{args.prometheus}}\"",
    ] {
        assert!(analysis.contains(expected), "{expected} is missing in\n{analysis}");
    }
    assert!(!analysis.contains("p99") && !analysis.contains("throughput"), "{analysis}");
    let rollout = repo.read("k8s/base/rollout.yaml");
    assert_eq!(rollout.matches("templateName: churn-kpis").count(), 2, "{rollout}");
    assert!(rollout.contains("path: /ready"), "{rollout}");

    // Knative measures in milliseconds.
    let repo = self::repo(Some(CONFIG));
    init(&repo, "kserve", "canary");
    let analysis = repo.read("k8s/base/analysis.yaml");
    assert!(
        analysis.contains("result[0] < 150\n") && analysis.contains("revision_app_request_latencies_bucket{"),
        "{analysis}"
    );
    assert!(analysis.contains("result[0] < 0.005\n"), "a share has no unit: {analysis}");
    assert!(repo.read("k8s/base/inference-service.yaml").contains("canaryTrafficPercent: 10\n"));
}

#[test]
fn before_the_first_config_the_usual_is_written_and_the_config_is_told() {
    let repo = repo(None);
    let said = init(&repo, "bentoml", "canary");
    let analysis = repo.read("k8s/base/analysis.yaml");
    for expected in
        ["# p95 < 200ms", "result[0] < 0.2\n", "result[0] < 0.01\n", "bentoml_service_request_duration_seconds_bucket"]
    {
        assert!(analysis.contains(expected), "{expected} is missing in\n{analysis}");
    }
    assert!(repo.read("k8s/base/rollout.yaml").contains("path: /readyz"));
    complete(&repo, &said);
    let plan = repo.mlgate(&["check"]).exits(0);
    for line in [
        "staging: k8s/overlays/staging · Kubernetes 1.",
        "promote  prod from staging",
        "resources, probes, non_root, digest, replicas",
    ] {
        assert!(plan.contains(line), "{line} is missing in\n{plan}");
    }
}
