//! What `mlgate init serving` writes: a base and overlays that serve the model on a platform, whose roll-out is analysed by
//! the gates of `mlops.yaml`. The words lie in `templates/serving/`.

mod kpi;

use super::{File, model_name};
use crate::config::{Config, Target};
use crate::error::Error;
use crate::kube::versions;
use crate::model::Fault;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    Plain,
    Kserve,
    Seldon,
    Bentoml,
    ArgoRollouts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    Rolling,
    Canary,
    BlueGreen,
}

impl Platform {
    pub fn name(self) -> &'static str {
        match self {
            Platform::Plain => "plain",
            Platform::Kserve => "kserve",
            Platform::Seldon => "seldon",
            Platform::Bentoml => "bentoml",
            Platform::ArgoRollouts => "argo-rollouts",
        }
    }

    /// What it does when nobody says.
    pub fn usual(self) -> Strategy {
        if self == Platform::ArgoRollouts { Strategy::Canary } else { Strategy::Rolling }
    }
}

impl Strategy {
    pub fn name(self) -> &'static str {
        match self {
            Strategy::Rolling => "rolling",
            Strategy::Canary => "canary",
            Strategy::BlueGreen => "blue-green",
        }
    }
}

/// Why a platform cannot do a strategy, with what can; None when it can.
pub fn refused(platform: Platform, strategy: Strategy) -> Option<&'static str> {
    match (platform, strategy) {
        (Platform::Plain, Strategy::Canary | Strategy::BlueGreen) => Some(
            "a Deployment replaces its pods one by one and knows nothing else; --platform argo-rollouts takes the same \
             image",
        ),
        (Platform::Seldon, Strategy::Canary | Strategy::BlueGreen) => Some(
            "a SeldonDeployment splits requests between predictors with an image each, and an environment of mlgate \
             runs one image by one digest; --platform argo-rollouts or kserve split them between versions of one",
        ),
        (Platform::ArgoRollouts, Strategy::Rolling) => {
            Some("a Rollout without steps does what a Deployment does; --platform plain needs no controller")
        }
        _ => None,
    }
}

/// What is written, and what belongs into `mlops.yaml`.
pub struct Serving {
    pub files: Vec<File>,
    /// Sections that `mlops.yaml` lacks; empty when it has them all.
    pub section: String,
    /// Gates that no query can ask Prometheus for.
    pub left_out: Vec<String>,
}

/// Where everything lies, relative to `mlops.yaml`.
const FOLDER: &str = "k8s";
const ENVIRONMENTS: [&str; 2] = ["staging", "prod"];

const CONTAINER: &str = include_str!("../../templates/serving/container.yaml");
const WORKLOAD: &str = include_str!("../../templates/serving/workload.yaml");
const SERVICE: &str = include_str!("../../templates/serving/service.yaml");
const DISRUPTION: &str = include_str!("../../templates/serving/disruption.yaml");
const INFERENCE_SERVICE: &str = include_str!("../../templates/serving/inference-service.yaml");
const SELDON_DEPLOYMENT: &str = include_str!("../../templates/serving/seldon-deployment.yaml");
const ANALYSIS: &str = include_str!("../../templates/serving/analysis.yaml");
const BASE: &str = include_str!("../../templates/serving/base-kustomization.yaml");
const OVERLAY: &str = include_str!("../../templates/serving/overlay-kustomization.yaml");
const ANNOTATIONS: &str = include_str!("../../templates/serving/annotations.yaml");
const SECTION: &str = include_str!("../../templates/serving/mlops.yaml");

/// The files of a platform and a strategy for the model of `config`, or of the folder where there is no `mlops.yaml` yet.
///
/// # Errors
/// A combination that makes no sense, with the reason; a template that cannot be filled in, which is a fault of ours.
pub fn files(config: Option<&Config>, folder: &str, platform: Platform, strategy: Strategy) -> Result<Serving, Error> {
    if let Some(why) = refused(platform, strategy) {
        let (platform, strategy) = (platform.name(), strategy.name());
        return Err(Error::usage(format!("--platform {platform} --strategy {strategy} makes no sense: {why}")));
    }
    let kind = kind(platform, strategy);
    let (kpis, left_out) = kpi::of(config, platform);
    let model = model_name(config.map_or(folder, |config| &config.model.name));
    let image = config.and_then(|config| config.image.as_ref());
    let probe = config.and_then(|config| config.latency.as_ref());
    let is_bento = platform == Platform::Bentoml;
    let port = match probe.map(|latency| &latency.target) {
        Some(Target::Image { port }) => *port,
        _ if is_bento => 3000,
        _ => 8080,
    };
    // `/` of `latency.ready` is what stands there when nobody says.
    let ready = probe.map(|latency| latency.ready.clone()).filter(|path| path != "/");
    let common = context! {
        model => &model,
        platform => platform.name(),
        strategy => strategy.name(),
        kind => kind,
        repository => image.map_or(format!("ghcr.io/acme/{model}"), |image| image.repository.clone()),
        port => port,
        port_name => if platform == Platform::Kserve { "http1" } else { "http" },
        container => if platform == Platform::Kserve { "kserve-container" } else { "model" },
        ready => ready.clone().unwrap_or_else(|| if is_bento { "/readyz".into() } else { "/healthz".into() }),
        live => ready.unwrap_or_else(|| if is_bento { "/livez".into() } else { "/healthz".into() }),
        analysis => analysis(&model),
        args => context! { prometheus => "{{args.prometheus}}" },
        kpis => Serde(&kpis),
        configuration => annotations_path(kind),
        replicas => replicas_path(kind),
    };
    let engine = engine()?;
    let fill = |path: &str, source: &str, more: Value| {
        let filled = engine.render_str(source, context! { ..more, ..common.clone() });
        filled.map_err(|error| Fault::new(format!("fill in the template of {path}"), error, ""))
    };
    let containers = fill("container.yaml", CONTAINER, context! {})?;
    let mut files = Vec::new();
    let mut resources = Vec::new();
    for (name, source) in base(platform, strategy) {
        let path = format!("{FOLDER}/base/{name}");
        let text = fill(&path, source, context! { containers => containers.trim_end() })?;
        resources.push(name);
        files.push(File { path, text: tidy(&text) });
    }
    let path = format!("{FOLDER}/base/kustomization.yaml");
    let text = fill(&path, BASE, context! { resources => resources })?;
    files.insert(0, File { path, text: tidy(&text) });
    for environment in ENVIRONMENTS {
        let sources = [("kustomization.yaml", OVERLAY), ("annotations.yaml", ANNOTATIONS)];
        for (name, source) in sources.into_iter().take(if annotations_path(kind).is_some() { 2 } else { 1 }) {
            let path = format!("{FOLDER}/overlays/{environment}/{name}");
            let text = fill(&path, source, context! { environment => environment })?;
            files.push(File { path, text: tidy(&text) });
        }
    }
    let known = |name: &str| config.is_some_and(|config| config.environments.iter().any(|e| e.name == name));
    let latest = versions().last().map(ToString::to_string).unwrap_or_default();
    let lacking = context! {
        has_image => image.is_some(),
        has_overlay => config.is_some_and(|config| config.overlay.kubernetes.is_some()),
        environments => ENVIRONMENTS.into_iter().filter(|name| !known(name)).collect::<Vec<_>>(),
        folder => FOLDER,
        kubernetes => latest,
        gates => kpi::promotion_gates(config),
    };
    let section = tidy(&fill("mlops.yaml", SECTION, lacking)?);
    Ok(Serving { files, section: section.trim_start().to_string(), left_out })
}

fn engine() -> Result<Environment<'static>, Fault> {
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    let syntax = syntax.map_err(|error| Fault::new("read the templates of init", error, ""))?;
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    engine.set_syntax(syntax);
    Ok(engine)
}

/// One line break at the end, none at the beginning.
fn tidy(text: &str) -> String {
    text.trim().to_string() + "\n"
}

fn kind(platform: Platform, strategy: Strategy) -> &'static str {
    match (platform, strategy) {
        (Platform::Kserve, _) => "InferenceService",
        (Platform::Seldon, _) => "SeldonDeployment",
        (_, Strategy::Rolling) => "Deployment",
        _ => "Rollout",
    }
}

/// The files of the base, beside its kustomization.
fn base(platform: Platform, strategy: Strategy) -> Vec<(&'static str, &'static str)> {
    let mut files = match platform {
        Platform::Kserve => vec![("inference-service.yaml", INFERENCE_SERVICE)],
        Platform::Seldon => vec![("seldon-deployment.yaml", SELDON_DEPLOYMENT)],
        _ => {
            let name = if strategy == Strategy::Rolling { "deployment.yaml" } else { "rollout.yaml" };
            vec![(name, WORKLOAD), ("service.yaml", SERVICE), ("disruption.yaml", DISRUPTION)]
        }
    };
    if strategy != Strategy::Rolling {
        files.push(("analysis.yaml", ANALYSIS));
    }
    files
}

/// A Rollout's reference to the analysis, in flow style.
fn analysis(model: &str) -> String {
    format!(
        "{{templates: [{{templateName: {model}-kpis}}], args: [{{name: namespace, valueFrom: {{fieldRef: {{fieldPath: \
         metadata.namespace}}}}}}, {{name: hash, valueFrom: {{podTemplateHashValue: Latest}}}}]}}"
    )
}

/// Where Kustomize must put the annotations of an overlay so that pods get them; None where it does so by itself, or the
/// platform's controller hands those of the object down.
fn annotations_path(kind: &str) -> Option<&'static str> {
    match kind {
        "Rollout" => Some("spec/template/metadata/annotations"),
        "SeldonDeployment" => Some("spec/predictors[]/componentSpecs[]/metadata/annotations"),
        _ => None,
    }
}

fn replicas_path(kind: &str) -> &'static str {
    if kind == "InferenceService" { "/spec/predictor/minReplicas" } else { "/spec/replicas" }
}
