//! Rendering with the `kustomize` or `kubectl` that is installed, for what is not rendered here: charts and programs.

use super::error::{Error, Result};
use super::files::MAX_BYTES;
use super::kustomization::Image;
use super::read::{self, Dialect};
use super::transformer_config::Config;
use super::{Options, Output, program, resource, transform};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(300);

/// Renders `dir` with the installed program, and pins the images of the options.
pub(super) fn build(dir: &Path, options: &Options) -> Result<Output> {
    // With other texts for its files, a copy of the directory beside it is built: bases are found from there as well.
    let copy = if options.texts.is_empty() { None } else { Some(copy_with(dir, &options.texts)?) };
    let dir = copy.as_ref().map_or(dir, |copy| copy.path());
    let printed = run(dir, options)?;
    let text = String::from_utf8(printed).map_err(|_| Error::new("the program printed no UTF-8 text"))?;
    let mut resources = read::documents(&text, Dialect::Object).and_then(resource::from_documents)?;
    let specs = Config::defaults().images;
    for edit in &options.images {
        transform::image(&mut resources, &Image { edit: edit.clone(), tag_suffix: None }, &specs)?;
        transform::addresses(&mut resources, edit)?;
    }
    Ok(Output { resources: resources.into_iter().map(|r| r.value).collect() })
}

fn run(dir: &Path, options: &Options) -> Result<Vec<u8>> {
    let restrictor = options.load_anywhere.then_some("--load-restrictor=LoadRestrictionsNone");
    let attempt = |name: &str, verb: &str, more: &[&str]| {
        let mut command = program::command(name, options.withheld);
        command.args([verb, "--enable-helm", "--enable-alpha-plugins"]).args(more).args(restrictor).arg("--").arg(dir);
        program::run(&mut command, &format!("{name} {verb}"), Instant::now() + TIMEOUT)
    };
    let is_here = |name: &str| program::command(name, options.withheld).args(["version", "--help"]).output().is_ok();
    if is_here("kustomize") {
        attempt("kustomize", "build", &["--enable-exec"])
    } else if is_here("kubectl") {
        attempt("kubectl", "kustomize", &[])
    } else {
        Err(Error::new("renderer: kustomize needs kustomize or kubectl on the path, and neither is there"))
    }
}

/// A copy of `dir` with other texts for its files, without the repository's own files and those too large to be rendered.
fn copy_with(dir: &Path, texts: &BTreeMap<PathBuf, String>) -> Result<tempfile::TempDir> {
    let failed = |e: std::io::Error| Error::new(format!("cannot copy {} to render it: {e}", dir.display()));
    let dir = &dir.canonicalize().map_err(failed)?;
    let parent = dir.parent().map(Path::to_path_buf);
    let parent = parent.ok_or_else(|| Error::new("the root of the file system is no overlay"))?;
    let copy = tempfile::Builder::new().prefix(".mlgate-render-").tempdir_in(parent).map_err(failed)?;
    let is_taken = |entry: &walkdir::DirEntry| entry.file_name() != ".git";
    for entry in walkdir::WalkDir::new(dir).min_depth(1).into_iter().filter_entry(is_taken) {
        let entry = entry.map_err(|e| failed(e.into()))?;
        let to = copy.path().join(entry.path().strip_prefix(dir).unwrap_or(entry.path()));
        match entry.file_type() {
            kind if kind.is_dir() => std::fs::create_dir(&to).map_err(failed)?,
            kind if kind.is_file() && entry.metadata().is_ok_and(|about| about.len() > MAX_BYTES) => {}
            kind if kind.is_file() => drop(std::fs::copy(entry.path(), &to).map_err(failed)?),
            _ => {}
        }
    }
    for (file, text) in texts {
        let inside = file.strip_prefix(dir).map_err(|_| Error::new(format!("{} lies elsewhere", file.display())))?;
        std::fs::write(copy.path().join(inside), text).map_err(failed)?;
    }
    Ok(copy)
}
