//! `mlgate profile`: a data set's profile, for people or as a file that `drift:` compares with.

use crate::cli::{ProfileArgs, ProfileFormat};
use crate::commands;
use crate::config::Dataset;
use crate::data::{Options, StopOnDrop, Table, Watch, profile};
use crate::error::Error;
use crate::exit::Exit;
use crate::files;
use crate::model::{Fault, Profile};
use crate::record;
use crate::report;
use crate::settings::Settings;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

/// Reads the data set once and writes its profile to standard output or a file.
///
/// # Errors
/// mlops.yaml has problems; the data cannot be read or has no rows; the file cannot be written.
pub async fn run(settings: &Settings, args: &ProfileArgs) -> Result<Exit, Error> {
    let set = dataset(settings, args)?;
    let ui = settings.ui();
    let progress = ui.progress(&format!("profile {}", set.name), None);
    let watch = Arc::new(Watch::default());
    let _stop = StopOnDrop(watch.clone());
    let root = settings.root.clone();
    // Off the thread that listens for signals.
    let made = tokio::task::spawn_blocking(move || make(&root, &set, watch)).await;
    let made = made.map_err(|error| Fault::defect("profile the data", error))??;
    drop(progress);
    let is_terminal = args.output.is_none() && std::io::stdout().is_terminal();
    let format = args.format.unwrap_or(if is_terminal { ProfileFormat::Table } else { ProfileFormat::Json });
    let text = match format {
        ProfileFormat::Json => String::from_utf8_lossy(&record::profile::to_json(&made)).into_owned(),
        ProfileFormat::Table => {
            let distinct: Vec<f64> = made.columns.iter().map(profile::distinct).collect();
            report::profile::render(&made, &distinct, settings.color && args.output.is_none(), settings.width)
        }
    };
    match &args.output {
        None => commands::print(&text),
        Some(file) => files::write(&settings.root.join(file), text.as_bytes())?,
    }
    Ok(Exit::Ok)
}

fn make(root: &std::path::Path, set: &Dataset, watch: Arc<Watch>) -> Result<Profile, Fault> {
    let table = Table::guess(root, &set.source, Options::of(set, watch.clone()))?;
    let made = profile::of_table(&set.name, &table, &set.private)?;
    watch.unchanged().map(|()| made)
}

/// The data set that is meant. A file that mlops.yaml names is read as it says there, so that what is private stays so.
fn dataset(settings: &Settings, args: &ProfileArgs) -> Result<Dataset, Error> {
    let known = match settings.config_path.exists() {
        true => commands::load(settings)?.1.data,
        false => Vec::new(),
    };
    let plain = |path: &str| PathBuf::from(path.trim_start_matches("./"));
    let meant = known
        .iter()
        .find(|set| set.name == args.data)
        .or_else(|| known.iter().find(|set| plain(&set.source) == plain(&args.data)));
    let mut set = meant.cloned().unwrap_or_else(|| Dataset::new(&args.data, &args.data));
    set.private.extend(args.private.iter().cloned());
    Ok(set)
}
