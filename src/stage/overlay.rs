//! The overlay stage: renders each environment with the image pinned by digest.

use super::Context;
use crate::config::Environment;
use crate::kustomize::{self, ImageEdit, Options, Output};
use crate::model::{Check, Evidence, Fault, Outcome, StageKind};

/// Renders the overlays; `pin` is repository and digest of the image that this run built, if it built one.
pub async fn run(ctx: &Context<'_>, environments: &[Environment], pin: Option<(&str, &str)>) -> Evidence {
    let mut evidence = Evidence::default();
    for environment in environments {
        ctx.ui.say(&format!("render {}", environment.overlay.display()));
        let (folder, edit) = (ctx.root.join(&environment.overlay), pin.map(edit));
        let installed = environment.installed_kustomize;
        let options = Options { images: edit.into_iter().collect(), installed, ..Options::default() };
        // Off this thread, so that a large overlay does not keep a signal waiting.
        let rendered = tokio::task::spawn_blocking(move || kustomize::build(&folder, &options)).await;
        let what = || format!("render {}", environment.overlay.display());
        match rendered {
            Ok(Ok(output)) => evidence.checks.push(judge(ctx, environment, pin, &output)),
            Ok(Err(error)) => evidence.faults.push(Fault::new(what(), error, "")),
            Err(error) => evidence.faults.push(Fault::new(what(), error, "")),
        }
    }
    if pin.is_none() {
        evidence.notes.push("no image was built in this run: the overlays are rendered as they are committed".into());
    }
    evidence
}

fn edit((repository, digest): (&str, &str)) -> ImageEdit {
    ImageEdit { name: repository.to_string(), digest: Some(digest.to_string()), ..ImageEdit::default() }
}

/// The overlay renders to something, runs the model's image, and where this run built one, that very one.
fn judge(ctx: &Context<'_>, environment: &Environment, pin: Option<(&str, &str)>, output: &Output) -> Check {
    let references = output.images();
    let objects = output.resources.len();
    let repository = ctx.config.image.as_ref().map(|image| image.repository.as_str());
    let of_model = |image: &str| {
        repository
            .is_some_and(|r| image.strip_prefix(r).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '@'])))
    };
    let pinned = references
        .iter()
        .filter(|r| pin.is_some_and(|(repository, digest)| r.image == format!("{repository}@{digest}")))
        .count();
    let others: Vec<String> = references.iter().map(|r| format!("{} {}: {}", r.kind, r.name, r.image)).collect();
    let (outcome, message) = match (pin, repository) {
        (_, Some(repository)) if !references.iter().any(|r| of_model(&r.image)) => (
            Outcome::Failed,
            format!("no container runs {repository}; name it in the base or in the overlay's `images:`"),
        ),
        (Some((_, digest)), _) if pinned == 0 => (Outcome::Failed, format!("no container is pinned to {digest}")),
        (Some(_), _) => {
            (Outcome::Passed, format!("{objects} objects; the image is pinned by digest in {pinned} of them"))
        }
        (None, _) if objects == 0 => (Outcome::Failed, "the overlay renders to nothing".into()),
        (None, _) => (Outcome::Passed, format!("{objects} objects")),
    };
    let examples = if outcome == Outcome::Failed { others.into_iter().take(5).collect() } else { Vec::new() };
    let (id, overlay) =
        (format!("{}.{}", StageKind::Overlay, environment.name), environment.overlay.display().to_string());
    Check { outcome, message, examples, ..Check::new(id, format!("{overlay} renders"), overlay) }
}
