//! (Config, stages asked for) → Plan: what would run, on what, against which baseline. Pure and printable.

use crate::config::{BaselineSource, Build, Config, Engine, Environment, Image, SliceBy, Target};
use crate::model::{Commit, Fault, StageKind};
use std::fmt::Write;

/// The stages of a run in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub stage: StageKind,
    /// Left out by the user; then it is skipped, visibly, and the run cannot be promoted.
    pub left_out: bool,
    /// What it does, a line each.
    pub lines: Vec<String>,
}

/// Stages that are not in `mlops.yaml` do not exist. With `only` empty all others run.
///
/// # Errors
/// The stages asked for that `mlops.yaml` does not have.
pub fn make(config: &Config, only: &[StageKind]) -> Result<Plan, Vec<StageKind>> {
    let steps: Vec<Step> = StageKind::RUN
        .into_iter()
        .filter_map(|stage| {
            let lines = lines(config, stage)?;
            Some(Step { stage, left_out: !only.is_empty() && !only.contains(&stage), lines })
        })
        .collect();
    let absent: Vec<StageKind> = only.iter().copied().filter(|s| !steps.iter().any(|step| step.stage == *s)).collect();
    if absent.is_empty() { Ok(Plan { steps }) } else { Err(absent) }
}

/// Settles where the steps of a build go, after the tags are filled in: of a run that pushes nothing to no registry.
///
/// # Errors
/// A cache that would take the place of an image: it is pushed before anything is decided.
pub fn settle_caches(config: &mut Config, is_pushed: bool) -> Result<(), Fault> {
    let Some(Image { build: Build::Docker(asked), repository, tags, .. }) = &mut config.image else { return Ok(()) };
    let promoted = config.environments.iter().filter_map(|environment| environment.promote.as_ref());
    let taken: Vec<&str> = promoted.flat_map(|promote| &promote.tags).chain(&*tags).map(String::as_str).collect();
    for image in asked.cache_to.iter().filter_map(|cache| cache.image()) {
        let Some(rest) = image.strip_prefix(repository.as_str()) else { continue };
        let tag = if rest.is_empty() { Some("latest") } else { rest.strip_prefix(':') };
        // Attached records and signatures have tags too.
        let is_ours = |tag: &&str| taken.contains(tag) || tag.starts_with("sha256-") || *tag == "latest";
        if let Some(tag) = tag.filter(is_ours) {
            let why = format!("it would take the place of the image {repository}:{tag}, before anything is decided");
            return Err(Fault::new(
                format!("keep the steps of the build in {image}"),
                why,
                "give the cache a tag of its own, such as :cache",
            ));
        }
    }
    if !is_pushed {
        asked.cache_to.retain(|cache| cache.image().is_none());
    }
    Ok(())
}

/// Fills the templates of the image's tags: `{{ git.sha }}`, `{{ git.short_sha }}`, `{{ model.name }}`.
///
/// # Errors
/// A template that cannot be read, names something unknown, or needs a commit where there is none; and where the
/// image is to be pushed, a commit that is not what is built.
pub fn fill_tags(config: &mut Config, commit: Option<&Commit>, is_pushed: bool) -> Result<(), Fault> {
    let Some(image) = &mut config.image else { return Ok(()) };
    let mut templates = minijinja::Environment::new();
    templates.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    let git = commit.map(|c| minijinja::context! { sha => &c.sha, short_sha => c.sha.get(..12).unwrap_or(&c.sha) });
    let values = minijinja::context! { git => git, model => minijinja::context! { name => &config.model.name } };
    for tag in &mut image.tags {
        if is_pushed && tag.contains("git.") && commit.is_some_and(|c| c.dirty) {
            let why = "tracked files differ from the commit, and the tag would say that they do not";
            return Err(Fault::new(format!("fill in the tag `{tag}`"), why, "commit first, or use --dry-run"));
        }
        let filled = templates.render_str(tag, &values);
        let fault = |why: &dyn std::fmt::Display, hint: &str| Fault::new(format!("fill in the tag `{tag}`"), why, hint);
        let filled = match filled {
            Ok(filled) => filled,
            Err(_) if commit.is_none() && tag.contains("git.") => {
                return Err(fault(&"there is no git commit here", "commit first, or name a fixed tag"));
            }
            Err(error) => return Err(fault(&error, "known: git.sha, git.short_sha, model.name")),
        };
        // OCI distribution spec, "Pulling manifests".
        let is_tag = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if filled.is_empty() || filled.len() > 128 || filled.starts_with(['.', '-']) || !filled.chars().all(is_tag) {
            return Err(fault(&format!("`{filled}` is no tag"), "letters, digits, _, . and -, at most 128"));
        }
        *tag = filled;
    }
    Ok(())
}

fn lines(config: &Config, stage: StageKind) -> Option<Vec<String>> {
    let lines = match stage {
        StageKind::Data => config
            .data
            .iter()
            .map(|d| format!("{}: {} · {}{}", d.name, d.source, count(d.checks.len(), "check"), engine(&d.engine)))
            .collect(),
        StageKind::Tests => config.tests.iter().map(|s| format!("{}: {}", s.name, s.run)).collect(),
        StageKind::Quality => quality(config)?,
        StageKind::Image => vec![image(config)?],
        StageKind::Latency => latency(config)?,
        StageKind::Overlay => config
            .environments
            .iter()
            .map(|e| format!("{}: {}{}", e.name, e.overlay.display(), held(config, e)))
            .collect(),
        StageKind::Promote => Vec::new(),
    };
    (!lines.is_empty()).then_some(lines)
}

/// What an environment's objects are held against: ` · Kubernetes 1.31 · resources, probes`.
fn held(config: &Config, environment: &Environment) -> String {
    let version = config.overlay.kubernetes.as_ref().map(|version| format!(" · Kubernetes {version}"));
    let names: Vec<&str> = environment.policies.iter().map(|(policy, _)| policy.name()).collect();
    let policies = if names.is_empty() { String::new() } else { format!(" · {}", names.join(", ")) };
    version.unwrap_or_default() + &policies
}

/// ` on Spark at spark.acme:15002`, without the parameters, which may be secret.
fn engine(engine: &Engine) -> String {
    match engine {
        Engine::Embedded => String::new(),
        Engine::DuckDb => " on DuckDB".to_string(),
        Engine::Spark { address } => {
            let place = address.trim_start_matches("sc://").split(['/', ';']).next().unwrap_or_default();
            format!(" on Spark at {place}")
        }
    }
}

fn quality(config: &Config) -> Option<Vec<String>> {
    let quality = config.quality.as_ref()?;
    let mut lines: Vec<String> = quality.run.iter().map(|run| format!("run: {run}")).collect();
    if let Some(p) = &quality.predictions {
        let names: Vec<&str> = p.slices.iter().map(SliceBy::name).collect();
        let slices = if names.is_empty() { String::new() } else { format!(" · slices: {}", names.join(", ")) };
        lines.push(format!("predictions: {}{slices}", p.file.display()));
    }
    lines.extend(quality.metrics.iter().map(|file| format!("metrics: {file}")));
    lines.push(format!("baseline: {}", quality.baseline.as_ref().map_or("none".into(), BaselineSource::name)));
    lines.extend(quality.gates.iter().map(gate));
    Some(lines)
}

fn image(config: &Config) -> Option<String> {
    let image = config.image.as_ref()?;
    let how = match &image.build {
        Build::Docker(asked) => format!("{} by the Docker engine", asked.dockerfile.display()),
        Build::Layers(l) if l.pack.is_some() => format!("ModelPack of {}", count(l.layers.len(), "layer")),
        Build::Layers(l) => format!(
            "{} on {}, without a daemon",
            count(l.layers.len(), "layer"),
            l.base.as_deref().unwrap_or("scratch")
        ),
    };
    Some(format!("{} → {}:{}", how, image.repository, image.tags.join(", ")))
}

fn latency(config: &Config) -> Option<Vec<String>> {
    let latency = config.latency.as_ref()?;
    let server = match &latency.target {
        Target::Image { port } => format!("the built image, port {port}"),
        Target::Command { run } => run.clone(),
        Target::Url(url) => url.clone(),
    };
    let request = format!("{} {}", latency.request.method, latency.request.path);
    let mut lines = vec![format!("{request} at {}/s for {:?} · {server}", latency.rate, latency.duration)];
    lines.extend(latency.gates.iter().map(gate));
    Some(lines)
}

fn gate(gate: &crate::model::Gate) -> String {
    let word = if gate.severity == crate::model::Severity::Warn { "warn" } else { "gate" };
    let quarantine = gate.quarantine.as_ref().map(|q| format!(" (in quarantine until {}: {})", q.until, q.reason));
    format!("{word}: {}{}", gate.text, quarantine.unwrap_or_default())
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

impl Plan {
    pub fn stages(&self) -> Vec<StageKind> {
        self.steps.iter().map(|step| step.stage).collect()
    }

    /// The stages that are not left out.
    pub fn chosen(&self) -> Vec<StageKind> {
        self.steps.iter().filter(|step| !step.left_out).map(|step| step.stage).collect()
    }

    /// The stage that ran last.
    pub fn last(&self) -> StageKind {
        self.steps.iter().rev().find(|step| !step.left_out).map_or(StageKind::Data, |step| step.stage)
    }

    /// Whether no stage was left out: only then may the image be pushed.
    pub fn is_complete(&self) -> bool {
        self.steps.iter().all(|step| !step.left_out)
    }

    pub fn runs(&self, stage: StageKind) -> bool {
        self.steps.iter().any(|step| step.stage == stage && !step.left_out)
    }

    /// What `mlgate check` prints.
    pub fn show(&self, config: &Config) -> String {
        let mut out = format!("{} · {}\n", config.model.name, count(self.steps.len(), "stage"));
        for step in &self.steps {
            for (i, line) in step.lines.iter().enumerate() {
                let name = if i == 0 { step.stage.name() } else { "" };
                let _ = writeln!(out, "  {name:<8} {line}");
            }
        }
        for (environment, promote) in config.environments.iter().filter_map(|e| Some((e, e.promote.as_ref()?))) {
            let from = promote.from.as_ref().map(|f| format!(" from {f}")).unwrap_or_default();
            let _ = writeln!(out, "  promote  {}{from}", environment.name);
            promote.gates.iter().for_each(|g| {
                let _ = writeln!(out, "           {}", gate(g));
            });
        }
        out
    }
}
