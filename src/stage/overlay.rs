//! The overlay stage: renders each environment with the image pinned by digest, and holds the objects against the
//! schemas of a Kubernetes version and against policies.

use super::Context;
use crate::config::{Environment, Overlay};
use crate::files;
use crate::kube::policy::{Policy, unpinned_images};
use crate::kube::{Finding, Schemas};
use crate::kustomize::{self, ImageEdit, Options, Output, Value};
use crate::model::{Check, Evidence, Fault, Outcome, Severity, StageKind};
use crate::process;
use std::path::Path;

/// Findings that a check shows.
const SHOWN: usize = 10;
/// A file of definitions beyond this is something else; those of large operators have a few MiB.
const LARGEST: u64 = 64 << 20;

/// Renders the overlays; `pin` is repository and digest of the image that this run built, if it built one.
pub async fn run(ctx: &Context<'_>, environments: &[Environment], pin: Option<(&str, &str)>) -> Evidence {
    let mut evidence = Evidence::default();
    let schemas = match schemas(ctx.root, &ctx.config.overlay) {
        Ok(schemas) => schemas,
        Err(fault) => {
            evidence.faults.push(fault);
            None
        }
    };
    for environment in environments {
        ctx.ui.say(&format!("render {}", environment.overlay.display()));
        let (folder, edit) = (ctx.root.join(&environment.overlay), pin.map(edit));
        let installed = environment.installed_kustomize;
        let images = edit.into_iter().collect();
        let options = Options { images, installed, withheld: process::withheld(), ..Options::default() };
        // Off this thread, so that a large overlay does not keep a signal waiting.
        let rendered = tokio::task::spawn_blocking(move || kustomize::build(&folder, &options)).await;
        let what = || format!("render {}", environment.overlay.display());
        match rendered {
            Ok(Ok(output)) => {
                evidence.checks.push(judge(ctx, environment, pin, &output));
                if let Some(schemas) = &schemas {
                    evidence.checks.extend(fits(environment, schemas, &output));
                }
                evidence.checks.extend(policies(ctx, environment, pin.is_some(), &output));
            }
            Ok(Err(error)) => evidence.faults.push(Fault::new(what(), error, "")),
            Err(error) => evidence.faults.push(Fault::new(what(), error, "")),
        }
    }
    if pin.is_none() {
        evidence.notes.push("no image was built in this run: the overlays are rendered as they are committed".into());
    }
    if ctx.config.overlay.kubernetes.is_none() {
        let note = "the objects were held against no schema: `overlay: {kubernetes: …}` names the cluster's version";
        evidence.notes.push(note.into());
    }
    evidence
}

fn edit((repository, digest): (&str, &str)) -> ImageEdit {
    ImageEdit { name: repository.to_string(), digest: Some(digest.to_string()), ..ImageEdit::default() }
}

/// The schemas of the version that was asked for, with those of the custom resources; None where none was.
///
/// # Errors
/// A file of definitions that cannot be read, or holds none.
pub fn schemas(root: &Path, overlay: &Overlay) -> Result<Option<Schemas>, Fault> {
    let Some(version) = &overlay.kubernetes else { return Ok(None) };
    let unknown = || Fault::new("read the schemas", format!("Kubernetes {version} is not known"), "");
    let mut schemas = Schemas::of_version(version).ok_or_else(unknown)?;
    for pattern in &overlay.schemas {
        let shown = pattern.display().to_string();
        let what = format!("read the schemas of {shown}");
        let paths = match files::is_glob(&shown) {
            true => files::glob(&what, root, &shown)?,
            false => vec![pattern.clone()],
        };
        let mut added = 0;
        for path in &paths {
            added += add(&mut schemas, root, path)?;
        }
        if added == 0 {
            let hint = "name files of CustomResourceDefinitions, as `kubectl get crd NAME -o yaml` prints them";
            return Err(Fault::new(what, format!("no definition in {} files", paths.len()), hint));
        }
    }
    Ok(Some(schemas))
}

/// Adds the definitions of one file; returns how many. It is read as the renderer reads objects, whose YAML is a little
/// wider than YAML.
fn add(schemas: &mut Schemas, root: &Path, path: &Path) -> Result<usize, Fault> {
    const NAME: &str = "definitions.yaml";
    let fault = |why: &dyn std::fmt::Display, hint: &str| {
        Fault::new(format!("read the schemas of {}", path.display()), why, hint)
    };
    let size = std::fs::metadata(root.join(path)).map_err(|error| fault(&error, ""))?.len();
    if size > LARGEST {
        return Err(fault(&format!("it has {size} bytes"), "at most 64 MiB"));
    }
    let folder = tempfile::tempdir().map_err(|error| fault(&error, ""))?;
    std::fs::copy(root.join(path), folder.path().join(NAME)).map_err(|error| fault(&error, ""))?;
    let text = format!("resources: [{NAME}]\n");
    std::fs::write(folder.path().join("kustomization.yaml"), text).map_err(|error| fault(&error, ""))?;
    let output = kustomize::build(folder.path(), &Options::default()).map_err(|error| {
        let own = folder.path().join(NAME).display().to_string();
        fault(&error.to_string().replace(&own, &path.display().to_string()), "correct the file")
    })?;
    let mut added = 0;
    for object in &output.resources {
        added += add_definition(schemas, object).map_err(|why| fault(&why, "correct the file"))?;
    }
    Ok(added)
}

/// Adds an object if it is a definition; returns how many versions it serves.
fn add_definition(schemas: &mut Schemas, object: &Value) -> Result<usize, String> {
    if object.str_at(&["kind"]) != "CustomResourceDefinition" {
        return Ok(0);
    }
    schemas.add_crd(&serde_json::from_str(&object.to_json()).map_err(|error| error.to_string())?)
}

fn check(environment: &Environment, of: &str, text: String, severity: Severity) -> Check {
    let dot = if of.is_empty() { "" } else { "." };
    let id = format!("{}.{}{dot}{of}", StageKind::Overlay, environment.name);
    Check { severity, ..Check::new(id, text, environment.overlay.display().to_string()) }
}

fn plural(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// How many findings, and the first of them.
fn tell(check: &mut Check, findings: &[Finding], looked_at: usize, unit: &str) {
    let objects: std::collections::BTreeSet<&str> = findings.iter().map(|f| f.object.as_str()).collect();
    check.outcome = Outcome::Failed;
    check.message = format!(
        "{} in {}, of {} looked at",
        plural(findings.len(), "finding"),
        plural(objects.len(), "object"),
        plural(looked_at, unit)
    );
    check.value = Some(findings.len() as f64);
    check.n = Some(looked_at as u64);
    check.examples = findings.iter().take(SHOWN).map(ToString::to_string).collect();
    if findings.len() > SHOWN {
        check.examples.push(format!("and {} more", findings.len() - SHOWN));
    }
}

/// Whether the objects fit the schemas; those without one are told by a check of their own, which warns.
fn fits(environment: &Environment, schemas: &Schemas, output: &Output) -> Vec<Check> {
    // Definitions that are rendered too count at once; one that is broken is a finding of its own.
    let mut schemas = schemas.clone();
    output.resources.iter().for_each(|object| drop(add_definition(&mut schemas, object)));
    let checked = schemas.check(&output.resources);
    let text = format!("objects fit Kubernetes {}", schemas.version);
    let mut all = check(environment, "schema", text, Severity::Block);
    (all.value, all.n) = (Some(0.0), Some(checked.checked as u64));
    match (checked.findings.as_slice(), checked.checked) {
        ([], 0) => {
            // A check of its own tells which they are.
            all.outcome = if checked.unknown.is_empty() { Outcome::Errored } else { Outcome::Skipped };
            all.message = format!("none of {} has a schema", plural(output.resources.len(), "object"));
        }
        ([], n) => {
            all.outcome = Outcome::Passed;
            all.message = format!("{} fit", plural(n, "object"));
        }
        (findings, n) => tell(&mut all, findings, n, "object"),
    }
    let mut checks = vec![all];
    if !checked.unknown.is_empty() {
        let mut unknown = check(environment, "schema.unknown", "every object has a schema".into(), Severity::Warn);
        unknown.outcome = Outcome::Failed;
        let n = plural(checked.unknown.len(), "object");
        unknown.message = format!("no schema, so not validated: {n}; `overlay.schemas` may name their definitions");
        unknown.value = Some(checked.unknown.len() as f64);
        unknown.n = Some(output.resources.len() as u64);
        unknown.examples = checked.unknown.into_iter().take(SHOWN).collect();
        checks.push(unknown);
    }
    checks
}

fn policies(ctx: &Context<'_>, environment: &Environment, is_pinned: bool, output: &Output) -> Vec<Check> {
    let judge = |(policy, severity): &(Policy, Severity)| {
        let judged = policy.judge(&output.resources);
        let mut check = check(environment, policy.name(), policy.rule().to_string(), *severity);
        (check.value, check.n) = (Some(0.0), Some(judged.looked_at as u64));
        // Which digest the model's image gets is decided by a run that builds it.
        let is_open = *policy == Policy::Digest && !is_pinned && !judged.findings.is_empty();
        if is_open && unpinned_images(&output.resources).iter().all(|image| is_of_model(ctx, image)) {
            check.outcome = Outcome::Skipped;
            check.message = "this run built no image, so its digest is not known yet".into();
            return check;
        }
        match (judged.findings.as_slice(), judged.looked_at) {
            ([], 0) => {
                check.outcome = Outcome::Errored;
                check.message = format!("found no {} to look at", policy.unit());
            }
            ([], n) => {
                check.outcome = Outcome::Passed;
                check.message = format!("{} looked at", plural(n, policy.unit()));
            }
            (findings, n) => tell(&mut check, findings, n, policy.unit()),
        }
        check
    };
    environment.policies.iter().map(judge).collect()
}

/// Whether an image is the model's, by whatever tag or digest.
fn is_of_model(ctx: &Context<'_>, image: &str) -> bool {
    let rest = ctx.config.image.as_ref().and_then(|model| image.strip_prefix(model.repository.as_str()));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '@']))
}

/// The overlay renders to something, runs the model's image, and where this run built one, that very one.
fn judge(ctx: &Context<'_>, environment: &Environment, pin: Option<(&str, &str)>, output: &Output) -> Check {
    let references = output.images();
    let objects = output.resources.len();
    let repository = ctx.config.image.as_ref().map(|image| image.repository.as_str());
    let pinned = references
        .iter()
        .filter(|r| pin.is_some_and(|(repository, digest)| r.image == format!("{repository}@{digest}")))
        .count();
    let mut check = check(environment, "", format!("{} renders", environment.overlay.display()), Severity::Block);
    (check.outcome, check.message) = match (pin, repository) {
        (_, Some(repository)) if !references.iter().any(|r| is_of_model(ctx, &r.image)) => (
            Outcome::Failed,
            format!(
                "no container runs {repository}; name it in the base, in the overlay's `images:`, or for KServe by \
                 `storageUri: oci://{repository}`"
            ),
        ),
        (Some((_, digest)), _) if pinned == 0 => (Outcome::Failed, format!("no container is pinned to {digest}")),
        (Some(_), _) => {
            (Outcome::Passed, format!("{objects} objects; the image is pinned by digest in {pinned} of them"))
        }
        (None, _) if objects == 0 => (Outcome::Failed, "the overlay renders to nothing".into()),
        (None, _) => (Outcome::Passed, format!("{objects} objects")),
    };
    if check.outcome == Outcome::Failed {
        let others = references.iter().map(|r| format!("{} {}: {}", r.kind, r.name, r.image));
        check.examples = others.take(5).collect();
    }
    check
}
