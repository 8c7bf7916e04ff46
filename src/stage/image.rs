//! The image stage: builds the model's image, pushes nothing.

use super::Context;
use crate::config::{Build, DockerBuild, Image};
use crate::image::{self, Access, Built, Said};
use crate::model::{Evidence, Fault, Input, Measurement, Unit};
use crate::source::git;
use crate::ui::Progress;
use std::path::{Path, PathBuf};

/// Builds the image into `.mlgate/image/`. What it is, is known afterwards; whether it is pushed, the decision says.
pub async fn run(ctx: &Context<'_>, image: &Image, access: &Access) -> (Evidence, Option<Built>) {
    let layout = ctx.work.join("image");
    let progress = ctx.ui.progress(&format!("building {}", image.repository), None);
    let tags = image.tags.iter().map(String::as_str);
    if let Err(fault) = image::check_tags(&format!("build {}", image.repository), tags) {
        return (Evidence::of_fault(fault), None);
    }
    let built = match &image.build {
        Build::Docker(asked) => {
            by_engine(ctx, &layout, image, asked, access, &progress).await.map_err(|fault| vec![fault])
        }
        Build::Layers(layered) => image::build_without_engine(ctx.root, &layout, image, layered, access).await,
    };
    match built {
        Ok(built) => (evidence(&built), Some(built)),
        Err(faults) => (Evidence { faults, ..Evidence::default() }, None),
    }
}

/// In a job's log the engine's output is folded away; on a terminal its step is shown while it runs.
async fn by_engine(
    ctx: &Context<'_>,
    layout: &Path,
    image: &Image,
    asked: &DockerBuild,
    access: &Access,
    progress: &Progress,
) -> Result<Built, Fault> {
    let tracked = match asked.tracked_only {
        true => Some(tracked(&ctx.root.join(&asked.context)).await?),
        false => None,
    };
    let fold = ctx.ui.fold(&format!("build {} by the Docker engine", asked.dockerfile.display()));
    let say = |said: Said| match said {
        Said::Step(line) => {
            progress.message(line);
            fold.line(line);
        }
        Said::Output(line) => fold.line(line),
    };
    image::build_with_engine(ctx.root, layout, image, access, tracked.as_deref(), say).await
}

/// The files of a context that git tracks. A submodule that was not fetched would be an empty folder in the image.
async fn tracked(context: &Path) -> Result<Vec<PathBuf>, Fault> {
    let what = "list the files that git tracks";
    let Some(tracked) = git::tracked(context).await? else {
        let hint = "leave `context_from` out, or build in a clone";
        return Err(Fault::new(what, "git knows of no repository here, or is not installed", hint));
    };
    if tracked.absent.is_empty() {
        return Ok(tracked.files);
    }
    let names: Vec<String> = tracked.absent.iter().map(|absent| absent.path.display().to_string()).collect();
    let why = format!("the files of {} are not here: submodules that were not fetched", names.join(", "));
    let hint = "run `git submodule update --init --recursive` first (actions/checkout: `submodules: recursive`; GitLab: \
                `GIT_SUBMODULE_STRATEGY: recursive`)";
    Err(Fault::new(what, why, hint))
}

fn evidence(built: &Built) -> Evidence {
    let source = format!("{}@{}", built.repository, built.digest);
    let mut evidence = Evidence {
        measurements: vec![
            Measurement::new("image.size", built.bytes as f64, Unit::Bytes, &source),
            Measurement::new("image.layers", built.layers as f64, Unit::Count, &source),
        ],
        ..Evidence::default()
    };
    let several = built.bases.len() > 1;
    for base in &built.bases {
        let name = if several { format!("{} for {}", base.name, base.platform) } else { base.name.clone() };
        let (kind, digest) = ("image.base".to_string(), base.digest.clone());
        evidence.inputs.push(Input { kind, name, digest, bytes: base.bytes() });
        if !base.name.contains('@') && !several {
            let (name, digest) = (&base.name, &base.digest);
            evidence.notes.push(format!("the base {name} is {digest} now; write {name}@{digest} to keep it"));
        }
    }
    evidence
}
