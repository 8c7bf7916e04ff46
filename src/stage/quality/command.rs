//! The command that measures: `quality.run`, and whether the files that it should write are new.

use crate::config::{Metrics, Quality};
use crate::data::Table;
use crate::model::Fault;
use crate::process::{self, Ended, Finished};
use crate::quality::file_input;
use crate::stage::Context;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Runs `quality.run`, if there is one, with the number of the look in `MLGATE_LOOK`, and makes sure that it wrote the
/// files that are about to be read.
///
/// # Errors
/// It ended badly or not in time, or left files as they were.
pub async fn run(ctx: &Context<'_>, quality: &Quality, look: u32) -> Result<(), Vec<Fault>> {
    let Some(script) = &quality.run else { return Ok(()) };
    let what = format!("run {script:?}");
    let (root, ours) = (ctx.root.to_path_buf(), quality.clone());
    let before = tokio::task::spawn_blocking(move || Stamp::of_all(&root, &ours)).await;
    let before = before.map_err(|error| vec![Fault::new(&what, error, "")])?;
    let progress = ctx.ui.progress(&format!("quality: {script}"), None);
    let look = [("MLGATE_LOOK", look.to_string())];
    let group = process::shell(script, ctx.root, &look).map_err(|error| vec![Fault::new(&what, error, "")])?;
    let done = group.finish(quality.timeout, |line| progress.message(line)).await;
    drop(progress);
    let done = done.map_err(|error| vec![Fault::new(&what, error, "")])?;
    if let Some(why) = complaint(&done, quality) {
        let tail: Vec<&str> = done.tail.iter().rev().take(5).rev().map(String::as_str).collect();
        let hint = match tail.is_empty() {
            true => "it wrote nothing to its output".to_string(),
            false => format!("its last lines: {}", tail.join(" | ")),
        };
        return Err(vec![Fault::new(what, why, hint)]);
    }
    let stale: Vec<Fault> = before
        .iter()
        .filter(|stamp| stamp.is_unchanged())
        .map(|stamp| {
            let why = format!("the command ended well but did not write {}", stamp.name);
            Fault::new(&what, why, "the file there is from before: make the command write it, or leave out `run`")
        })
        .collect();
    if stale.is_empty() { Ok(()) } else { Err(stale) }
}

fn complaint(done: &Finished, quality: &Quality) -> Option<String> {
    match done.ended {
        Ended::Exited(0) => None,
        Ended::Exited(code) => Some(format!("it exited with code {code}")),
        Ended::Signalled(signal) => Some(format!("it was ended by signal {signal}")),
        Ended::TimedOut => Some(format!("it did not end within {} s", quality.timeout.as_secs_f64())),
    }
}

/// A file as it was before the command ran.
struct Stamp {
    path: PathBuf,
    name: String,
    modified: Option<SystemTime>,
    digest: Option<String>,
}

impl Stamp {
    /// Of every file that is there already. A command that writes a file for the first time is not stale.
    fn of_all(root: &Path, quality: &Quality) -> Vec<Stamp> {
        let tables = quality.predictions.iter().flat_map(|p| {
            let table = files_of(root, &p.file);
            table.into_iter().map(|path| (path, p.file.display().to_string()))
        });
        let files = quality.metrics.iter().filter_map(Metrics::file);
        let metrics = files.map(|file| (root.join(file), file.display().to_string()));
        tables.chain(metrics).filter_map(|(path, name)| Stamp::of(path, name)).collect()
    }

    fn of(path: PathBuf, name: String) -> Option<Stamp> {
        let modified = std::fs::metadata(&path).ok()?.modified().ok();
        let digest = file_input(&path, &name, "").ok().map(|input| input.digest);
        Some(Stamp { path, name, modified, digest })
    }

    /// Neither touched nor changed. A file that went away is for the reader to complain about.
    fn is_unchanged(&self) -> bool {
        let Some(now) = Stamp::of(self.path.clone(), String::new()) else { return false };
        now.modified == self.modified && now.digest == self.digest
    }
}

/// The files of a predictions source, which may be a glob.
pub fn files_of(root: &Path, file: &Path) -> Vec<PathBuf> {
    let path = root.join(file);
    if path.is_file() {
        return vec![path];
    }
    Table::open(root, &file.to_string_lossy(), None).map(|table| table.files().to_vec()).unwrap_or_default()
}
