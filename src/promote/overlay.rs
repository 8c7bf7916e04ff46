//! The overlay's `images:` entry: which digest an environment runs, and the edit that changes it, with the annotations that
//! lead from what runs to its evidence.

use super::annotate;
use super::records::Candidate;
use crate::config::{Config, Environment, Image};
use crate::files;
use crate::image::{self, Access};
use crate::kustomize::{self, ImageEdit, Options, Output, edit};
use crate::model::*;
use crate::secret;
use crate::settings::Settings;
use std::path::{Path, PathBuf};

/// A change of one file, worked out before anything is done.
#[derive(Debug)]
pub struct Edit {
    path: PathBuf,
    shown: String,
    before: String,
    after: String,
    digest: String,
    /// Remarks for the reader that decide nothing.
    pub notes: Vec<String>,
}

impl Edit {
    /// Writes the file, whole or not at all. The right to do so comes from the decision.
    pub fn apply(&self, _: &Cleared) -> Result<(), Fault> {
        if self.before == self.after {
            return Ok(());
        }
        files::write(&self.path, self.after.as_bytes())
    }

    /// What is done, or in a dry run would be: tags, then the changed lines as a diff.
    pub fn describe(&self, tags: &[String], repository: &str, dry_run: bool) -> Vec<String> {
        let verb = if dry_run { "would point" } else { "pointed" };
        let mut lines: Vec<String> =
            tags.iter().map(|tag| format!("{verb} {repository}:{tag} to {}", self.digest)).collect();
        if self.before == self.after {
            lines.push(format!("{} pins it already", self.shown));
            return lines;
        }
        lines.push(format!("{} {}:", if dry_run { "would change" } else { "changed" }, self.shown));
        lines.extend(changed_lines(&self.before, &self.after));
        lines
    }
}

/// The lines that went and came, with their numbers. The longest common subsequence: the image's entry and the
/// annotations may lie far apart.
fn changed_lines(before: &str, after: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let width = new.len() + 1;
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i * width + j] = match old[i] == new[j] {
                true => longest[(i + 1) * width + j + 1] + 1,
                false => longest[(i + 1) * width + j].max(longest[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || longest[(i + 1) * width + j] >= longest[i * width + j + 1]) {
            lines.push(format!("  {:>4} - {}", i + 1, old[i]));
            i += 1;
        } else {
            lines.push(format!("  {:>4} + {}", j + 1, new[j]));
            j += 1;
        }
    }
    lines
}

/// Works out the change of the overlay's image entry and of the annotations that lead to the evidence, and renders the
/// overlay with it: what counts is what runs.
///
/// # Errors
/// The file cannot be read, not be edited without touching more than the entry, or does not lead to the digest.
pub fn plan(
    root: &Path,
    environment: &Environment,
    repository: &str,
    digest: &str,
    leads: &[(&'static str, String)],
) -> Result<Edit, Fault> {
    let (path, shown, before) = read(root, environment)?;
    let what = || format!("change the image in {shown}");
    let by_hand = "edit the entry by hand, then promote again";
    let entries = edit::images(&before).map_err(|error| Fault::new(what(), error, "correct the file"))?;
    // An entry that renames the base's image to the repository is the one to change.
    let of_model: Vec<&ImageEdit> = entries.iter().filter(|entry| entry.leads_to(repository)).collect();
    let name = match of_model[..] {
        [] => repository.to_string(),
        [one] => one.name.clone(),
        [..] => return Err(Fault::new(what(), format!("{} entries lead to {repository}", of_model.len()), "keep one")),
    };
    let change = ImageEdit { name, digest: Some(digest.to_string()), ..ImageEdit::default() };
    let after = edit::set_image(&before, &change).map_err(|error| Fault::new(what(), error, by_hand))?;
    let after = annotate::set(&after, leads).map_err(|error| {
        let hint = "write `commonAnnotations:` as a block of `key: value` lines, then promote again";
        Fault::new(format!("change the annotations in {shown}"), error, hint)
    })?;
    let wanted = format!("{repository}@{digest}");
    let output = render(root, environment, Some(after.clone()))?;
    let notes = annotate::without(&output, &wanted, leads);
    let found = references(&output, environment, repository)?;
    match found.iter().find(|image| **image != wanted) {
        Some(other) => Err(Fault::new(what(), format!("the overlay would still run {other}"), by_hand)),
        None => Ok(Edit { path, shown, before, after, digest: digest.to_string(), notes }),
    }
}

/// The digest that the environment runs, found by rendering it; a tag is looked up in the registry. None when it runs
/// a tag that the registry does not have: nothing was released there yet.
///
/// # Errors
/// The overlay cannot be rendered, runs no or several images of the model, or the registry cannot be asked.
pub async fn running(
    root: &Path,
    environment: &Environment,
    image: &Image,
    access: &Access,
) -> Result<Option<String>, Fault> {
    let found = references(&render(root, environment, None)?, environment, &image.repository)?;
    let what = || format!("find what {} runs", environment.name);
    if let Some(other) = found.iter().find(|reference| **reference != found[0]) {
        let why = format!("its containers run {} and {other}", found[0]);
        return Err(Fault::new(what(), why, "let them run one image of the model"));
    }
    let rest = found[0].strip_prefix(&image.repository).unwrap_or_default();
    match rest.split_once('@') {
        Some((_, digest)) => Ok(Some(digest.to_string())),
        None => {
            let tag = rest.strip_prefix(':').unwrap_or("latest");
            image::resolve(&image.repository, tag, image.insecure, access).await
        }
    }
}

/// Renders the overlay, with `text` in the place of its kustomization file's.
fn render(root: &Path, environment: &Environment, text: Option<String>) -> Result<Output, Fault> {
    let (installed, withheld) = (environment.installed_kustomize, secret::withheld());
    let options = Options { text, installed, withheld, ..Options::default() };
    kustomize::build(&root.join(&environment.overlay), &options)
        .map_err(|error| Fault::new(format!("render {}", environment.overlay.display()), error, ""))
}

/// The images of `repository` that the rendered overlay runs, at least one.
fn references(output: &Output, environment: &Environment, repository: &str) -> Result<Vec<String>, Fault> {
    let of_model = |image: &str| {
        image.strip_prefix(repository).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '@']))
    };
    let found: Vec<String> = output.images().into_iter().map(|r| r.image).filter(|image| of_model(image)).collect();
    if found.is_empty() {
        let hint = "name it in the base, or by `newName` in the overlay's `images:`";
        let what = format!("render {}", environment.overlay.display());
        return Err(Fault::new(what, format!("no container runs {repository}"), hint));
    }
    Ok(found)
}

/// Whether the environment before this one runs the candidate.
pub async fn runs_in(settings: &Settings, config: &Config, from: &str, image: &Image, candidate: &Candidate) -> Check {
    let environment = config.environments.iter().find(|e| e.name == from);
    let found = match environment {
        Some(environment) => running(&settings.root, environment, image, &settings.access).await,
        None => Err(Fault::new(format!("find what {from} runs"), "there is no such environment", "")),
    };
    let (outcome, message) = match found {
        Ok(Some(digest)) if digest == candidate.digest => (Outcome::Passed, format!("{from} runs {digest}")),
        Ok(Some(digest)) => (Outcome::Failed, format!("{from} runs {digest}; promote to {from} first")),
        Ok(None) => (Outcome::Failed, format!("nothing of the model runs in {from}; promote to {from} first")),
        Err(fault) => (Outcome::Errored, fault.to_string()),
    };
    let source = environment.map(|e| e.overlay.display().to_string()).unwrap_or_default();
    Check { outcome, message, ..Check::new("promote.from", format!("{from} runs the candidate"), source) }
}

/// The kustomization file: its real path, the path that a person knows, its text.
fn read(root: &Path, environment: &Environment) -> Result<(PathBuf, String, String), Fault> {
    let what = || format!("read the overlay of {}", environment.name);
    let folder = root.join(&environment.overlay);
    let name =
        kustomize::file_in(&folder).map_err(|error| Fault::new(what(), error, "correct `overlay` or the folder"))?;
    let shown = environment.overlay.join(name).display().to_string();
    let real = |path: &Path| path.canonicalize().map_err(|error| Fault::new(what(), error, ""));
    let (path, inside) = (real(&folder.join(name))?, real(root)?);
    if !path.starts_with(inside) {
        return Err(Fault::new(
            what(),
            format!("{shown} lies outside of the folder of mlops.yaml"),
            "put the overlay below it",
        ));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| Fault::new(format!("read {shown}"), error, ""))?;
    Ok((path, shown, text))
}
