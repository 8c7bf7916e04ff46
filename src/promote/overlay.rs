//! Which digest an environment runs, and the edit that changes it: the overlay's `images:` entry, the addresses by which
//! KServe's objects name an image, and the annotations that lead from what runs to its evidence.

use super::annotate;
use super::records::Candidate;
use crate::config::{Config, Environment, Image};
use crate::files;
use crate::image::{self, Access};
use crate::kustomize::address::{self, Address};
use crate::kustomize::{self, ImageEdit, ImageRef, Options, Output, edit};
use crate::model::*;
use crate::secret;
use crate::settings::Settings;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The change of one file.
#[derive(Debug)]
struct Change {
    path: PathBuf,
    shown: String,
    before: String,
    after: String,
}

/// A change of the overlay's files, worked out before anything is done.
#[derive(Debug)]
pub struct Edit {
    /// The kustomization file's comes last: without it the others lead nowhere new.
    changes: Vec<Change>,
    digest: String,
    /// Remarks for the reader that decide nothing.
    pub notes: Vec<String>,
}

impl Edit {
    /// Writes the files, each whole; where one cannot be written, those before it get their old text back. The right to
    /// do so comes from the decision.
    pub fn apply(&self, _: &Cleared) -> Result<(), Fault> {
        let changes: Vec<&Change> = self.changes.iter().filter(|change| change.before != change.after).collect();
        for (at, change) in changes.iter().enumerate() {
            if let Err(fault) = files::write(&change.path, change.after.as_bytes()) {
                let undone = changes[..at].iter().map(|change| files::write(&change.path, change.before.as_bytes()));
                return match undone.filter_map(Result::err).next() {
                    None => Err(fault),
                    Some(other) => {
                        let hint = "restore the overlay's files by git, then promote again";
                        Err(Fault::new(fault.what, format!("{}; nor could this be undone: {other}", fault.why), hint))
                    }
                };
            }
        }
        Ok(())
    }

    /// What is done, or in a dry run would be: tags, then the changed lines as a diff.
    pub fn describe(&self, tags: &[String], repository: &str, dry_run: bool) -> Vec<String> {
        let verb = if dry_run { "would point" } else { "pointed" };
        let mut lines: Vec<String> =
            tags.iter().map(|tag| format!("{verb} {repository}:{tag} to {}", self.digest)).collect();
        for Change { shown, before, after, .. } in &self.changes {
            if before == after {
                lines.push(format!("{shown} pins it already"));
                continue;
            }
            lines.push(format!("{} {shown}:", if dry_run { "would change" } else { "changed" }));
            lines.extend(changed_lines(before, after));
        }
        lines
    }
}

/// How far ahead an edit is looked for the end of: entries and annotations are shorter.
const AHEAD: usize = 32;

/// The lines that went and came, with their numbers. Each edit ends at the nearest two lines that are equal; where there
/// are none, the line became the other one. Takes no more memory than the texts, which may be rendered manifests.
fn changed_lines(before: &str, after: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && old.get(i) == new.get(j) {
            (i, j) = (i + 1, j + 1);
            continue;
        }
        let splits = (1..=2 * AHEAD).flat_map(|both| (0..=both).map(move |went| (went, both - went)));
        let is_end = |&(went, came): &(usize, usize)| match (old.get(i + went), new.get(j + came)) {
            (Some(old), Some(new)) => old == new,
            (None, None) => i + went == old.len() && j + came == new.len(),
            _ => false,
        };
        let (went, came) = splits.into_iter().find(is_end).unwrap_or((1, 1));
        let (to_old, to_new) = ((i + went).min(old.len()), (j + came).min(new.len()));
        lines.extend((i..to_old).map(|at| format!("  {:>4} - {}", at + 1, old[at])));
        lines.extend((j..to_new).map(|at| format!("  {:>4} + {}", at + 1, new[at])));
        (i, j) = (to_old, to_new);
    }
    lines
}

/// Works out the change of the overlay's image entry, of the addresses of the image, and of the annotations that lead to
/// the evidence, and renders the overlay with it: what counts is what runs.
///
/// # Errors
/// A file cannot be read, not be edited without touching more than that, or the overlay does not lead to the digest.
pub fn plan(
    root: &Path,
    environment: &Environment,
    repository: &str,
    digest: &str,
    leads: &[(&'static str, String)],
) -> Result<Edit, Fault> {
    let Overlay { folder, path, shown, text: before } = read(root, environment)?;
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
    let found = references(&render(root, environment, BTreeMap::new())?, environment, repository)?;
    // An entry of `images:` reaches no address; where there is nothing else it would be idle.
    let after = match of_model.is_empty() && found.iter().all(is_address) {
        true => before.clone(),
        false => {
            let change = ImageEdit { name, digest: Some(digest.to_string()), ..ImageEdit::default() };
            edit::set_image(&before, &change).map_err(|error| Fault::new(what(), error, by_hand))?
        }
    };
    let wanted = format!("{repository}@{digest}");
    let mut changes = Vec::new();
    let after = match found.iter().any(is_address) {
        false => after,
        true => {
            changes = addresses(root, environment, &folder, (repository, digest))?;
            changes.retain(|change| change.path != path);
            // The kustomization holds patches of its own.
            let after = edit::set_addresses(&after, repository, digest);
            let after = after.map_err(|error| Fault::new(what(), error, by_hand))?;
            let output = render(root, environment, texts(&changes, (&path, &after)))?;
            patched(&output, after, repository, &wanted).map_err(|(error, hint)| Fault::new(what(), error, hint))?
        }
    };
    let after = annotate::set(&after, leads).map_err(|error| {
        let hint = "write `commonAnnotations:` as a block of `key: value` lines, then promote again";
        Fault::new(format!("change the annotations in {shown}"), error, hint)
    })?;
    let output = render(root, environment, texts(&changes, (&path, &after)))?;
    let notes = annotate::without(&output, &wanted, leads);
    let found = references(&output, environment, repository)?;
    if let Some(other) = found.iter().find(|reference| reference.image != wanted) {
        return Err(Fault::new(what(), format!("the overlay would still run {}", other.image), by_hand));
    }
    changes.push(Change { path, shown, before, after });
    Ok(Edit { changes, digest: digest.to_string(), notes })
}

/// What the files hold after the changes, the kustomization among them.
fn texts(changes: &[Change], (path, after): (&Path, &str)) -> BTreeMap<PathBuf, String> {
    let others = changes.iter().map(|change| (change.path.clone(), change.after.clone()));
    others.chain([(path.to_path_buf(), after.to_string())]).collect()
}

/// Whether KServe names the image by an address, which no entry of `images:` reaches.
fn is_address(reference: &ImageRef) -> bool {
    reference.container.starts_with('/')
}

/// The kustomization's text with a patch added for each address in `output` that names another image of the repository:
/// it comes from a base, which is others' too and never edited.
fn patched(
    output: &Output,
    mut text: String,
    repository: &str,
    wanted: &str,
) -> Result<String, (kustomize::Error, String)> {
    for object in &output.resources {
        let (kind, name) = (object.str_at(&["kind"]), object.str_at(&["metadata", "name"]));
        // The overlay may give objects other names than those that patches find them by.
        let is_only = output.resources.iter().filter(|other| other.str_at(&["kind"]) == kind).count() == 1;
        let name = (!is_only).then_some(name);
        for Address { pointer, scheme, image } in address::of(object) {
            if !is_of(repository, image) || image == wanted {
                continue;
            }
            let value = format!("{scheme}{wanted}");
            text = edit::add_patch(&text, (kind, name), &pointer, &value).map_err(|error| {
                let hint = format!("add to its `patches:` one of {kind} that sets {pointer} to {value}");
                (error, format!("{hint}, then promote again"))
            })?;
        }
    }
    Ok(text)
}

/// The changes of the overlay's own files that name the image by its address. What lies elsewhere is also other
/// environments'.
fn addresses(
    root: &Path,
    environment: &Environment,
    folder: &Path,
    (repository, digest): (&str, &str),
) -> Result<Vec<Change>, Fault> {
    let fault = |error| Fault::new(format!("render {}", environment.overlay.display()), error, "");
    let read = kustomize::files_of(&root.join(&environment.overlay)).map_err(fault)?;
    let mut changes = Vec::new();
    for path in read {
        let shown = environment.overlay.join(path.strip_prefix(folder).unwrap_or(&path)).display().to_string();
        let bytes = std::fs::read(&path).map_err(|error| Fault::new(format!("read {shown}"), error, ""))?;
        // Kustomize takes files of any kind; these hold no address.
        let Ok(before) = String::from_utf8(bytes) else { continue };
        let after = edit::set_addresses(&before, repository, digest).map_err(|error| {
            let hint = "edit the address by hand, then promote again";
            Fault::new(format!("change the image in {shown}"), error, hint)
        })?;
        if after != before {
            changes.push(Change { path, shown, before, after });
        }
    }
    Ok(changes)
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
    let found = references(&render(root, environment, BTreeMap::new())?, environment, &image.repository)?;
    let found: Vec<String> = found.into_iter().map(|reference| reference.image).collect();
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

fn options(environment: &Environment) -> Options {
    let (installed, withheld) = (environment.installed_kustomize, secret::withheld());
    Options { installed, withheld, ..Options::default() }
}

/// Renders the overlay, with `texts` in the places of its files'.
fn render(root: &Path, environment: &Environment, texts: BTreeMap<PathBuf, String>) -> Result<Output, Fault> {
    let options = Options { texts, ..options(environment) };
    kustomize::build(&root.join(&environment.overlay), &options)
        .map_err(|error| Fault::new(format!("render {}", environment.overlay.display()), error, ""))
}

/// Whether an image is of the repository, by whatever tag or digest.
fn is_of(repository: &str, image: &str) -> bool {
    image.strip_prefix(repository).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '@']))
}

/// The images of `repository` that the rendered overlay runs, at least one.
fn references(output: &Output, environment: &Environment, repository: &str) -> Result<Vec<ImageRef>, Fault> {
    let found: Vec<ImageRef> = output.images().into_iter().filter(|found| is_of(repository, &found.image)).collect();
    if found.is_empty() {
        let hint = format!(
            "name it in the base, by `newName` in the overlay's `images:`, or for KServe by `storageUri: oci://{repository}`"
        );
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

/// An overlay and its kustomization file.
struct Overlay {
    /// Without links, as the file's.
    folder: PathBuf,
    path: PathBuf,
    /// The file's path that a person knows.
    shown: String,
    text: String,
}

fn read(root: &Path, environment: &Environment) -> Result<Overlay, Fault> {
    let what = || format!("read the overlay of {}", environment.name);
    let folder = root.join(&environment.overlay);
    let name =
        kustomize::file_in(&folder).map_err(|error| Fault::new(what(), error, "correct `overlay` or the folder"))?;
    let shown = environment.overlay.join(name).display().to_string();
    let real = |path: &Path| path.canonicalize().map_err(|error| Fault::new(what(), error, ""));
    let (path, folder, inside) = (real(&folder.join(name))?, real(&folder)?, real(root)?);
    if !path.starts_with(inside) {
        return Err(Fault::new(
            what(),
            format!("{shown} lies outside of the folder of mlops.yaml"),
            "put the overlay below it",
        ));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| Fault::new(format!("read {shown}"), error, ""))?;
    Ok(Overlay { folder, path, shown, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_changed_all_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let change = |name: &str| {
            let (path, shown) = (dir.path().join(name), name.to_string());
            Change { path, shown, before: "old".into(), after: "new".into() }
        };
        std::fs::write(dir.path().join("a.yaml"), "old").unwrap();
        let edit = |second: &str| Edit {
            changes: vec![change("a.yaml"), change(second)],
            digest: "sha256:0".into(),
            notes: Vec::new(),
        };
        let verdict = Verdict { outcome: Outcome::Passed, ..Verdict::new(StageKind::Promote, "f1", "f1 > 0") };
        let Decision::Cleared(cleared) = Decision::over(&[verdict]) else { panic!("one passed verdict clears") };
        // A file is in the place of the folder.
        assert!(edit("a.yaml/b.yaml").apply(&cleared).is_err());
        assert_eq!(std::fs::read_to_string(dir.path().join("a.yaml")).unwrap(), "old");
        edit("b.yaml").apply(&cleared).unwrap();
        assert_eq!(
            ["a", "b"].map(|n| std::fs::read_to_string(dir.path().join(format!("{n}.yaml"))).unwrap()),
            ["new"; 2]
        );
        let said = edit("b.yaml").describe(&["prod".into()], "r.io/churn", true);
        assert_eq!(said[..2], ["would point r.io/churn:prod to sha256:0", "would change a.yaml:"]);
    }

    #[test]
    fn the_lines_that_went_and_came_are_told_with_their_numbers() {
        let changed = |before: &[&str], after: &[&str]| {
            let lines = changed_lines(&before.join("\n"), &after.join("\n"));
            lines.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(changed(&["a", "b"], &["a", "b"]), none);
        assert_eq!(changed(&["a", "old", "b"], &["a", "new", "b"]), ["2 - old", "2 + new"]);
        assert_eq!(changed(&["a", "tag", "digest", "b", "c"], &["a", "digest", "b", "c", "d"]), ["2 - tag", "5 + d"]);
        assert_eq!(changed(&["a", "b"], &["a", "x", "y", "b"]), ["2 + x", "3 + y"]);
        assert_eq!(changed(&[], &["a", "b"]), ["1 + a", "2 + b"]);
        assert_eq!(changed(&["a", "b", "c"], &["c"]), ["1 - a", "2 - b"]);
        assert_eq!(changed(&["a"], &["x", "y"]), ["1 - a", "1 + x", "2 + y"]);
    }

    #[test]
    fn long_files_are_compared_in_little_memory() {
        // A table of all pairs of lines would take 3.6 GB.
        let text = |line: &dyn Fn(usize) -> String| (0..30_000).map(|at| line(at) + "\n").collect::<String>();
        let before = text(&|at| format!("line {at}"));
        let after = before.replace("line 14999\n", "new\n") + "annotations:\n  a: b\n";
        let told = changed_lines(&before, &after);
        let wanted = ["15000 - line 14999", "15000 + new", "30001 + annotations:", "30002 +   a: b"];
        assert_eq!(told, wanted.map(|line| format!("  {line}")));
        // Each line another one, as where all are addresses.
        let few = |at: usize, word: &str| format!("{word} {}", at % 3000);
        let told = changed_lines(&text(&|at| few(at, "old"))[..24_000], &text(&|at| few(at, "new"))[..24_000]);
        assert_eq!(told[..3], ["     1 - old 0", "     1 + new 0", "     2 - old 1"]);
    }
}
