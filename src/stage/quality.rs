//! The quality stage: predictions and metric files → measurements, and the baseline they are held against.

mod command;

use super::numbers::Numbers;
use super::{Context, Production};
use crate::config::{BaselineSource, Quality};
use crate::data::{StopOnDrop, Table, Watch};
use crate::gate::{self, Policy};
use crate::model::{Baseline, Comparison, Evidence, Fault, Gate, Input, Measurement};
use crate::quality::baseline::{self, Around, Files, Found, merge};
use crate::quality::charts;
use crate::quality::compare::{align, compare};
use crate::quality::file_input;
use crate::quality::kept;
use crate::quality::measure::{How, measure};
use crate::quality::methods;
use crate::quality::outcomes::Predicted;
use crate::quality::predictions;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs the command, measures the model and compares it with the baseline.
///
/// `production` must be given when the baseline is `production`, and is not looked at otherwise. `unsure` tells whether
/// what was found leaves a gate inconclusive; then the command is run again, as often as `remeasure` allows, and all rows
/// count together.
pub async fn run(
    ctx: &Context<'_>,
    quality: &Quality,
    production: Option<&Production>,
    unsure: &(dyn Fn(&Evidence, &Baseline) -> bool + Sync),
) -> (Evidence, Baseline) {
    let mut look = 1;
    loop {
        let (mut evidence, baseline) = self::look(ctx, quality, production, look).await;
        if look < quality.looks && evidence.faults.is_empty() && unsure(&evidence, &baseline) {
            look += 1;
            continue;
        }
        if quality.looks > 1 {
            evidence.notes.push(format!("measured {look} of at most {} times, all rows together", quality.looks));
            // What was judged is in the evidence; these are whole copies, private columns too.
            let _ = std::fs::remove_dir_all(ctx.work.join("looks"));
        }
        return (evidence, baseline);
    }
}

async fn look(
    ctx: &Context<'_>,
    quality: &Quality,
    production: Option<&Production>,
    look: u32,
) -> (Evidence, Baseline) {
    let mut evidence = Evidence::default();
    let ran = match command::run(ctx, quality, look).await {
        Ok(()) => pooled(ctx, quality, look).map_err(|fault| vec![fault]),
        Err(faults) => Err(faults),
    };
    let mut pool = None;
    let fresh = match ran {
        Ok(folder) => {
            pool = folder;
            true
        }
        Err(faults) => {
            evidence.faults.extend(faults);
            false
        }
    };
    let files = match (&quality.baseline, production) {
        (None, _) => Files::told(Found::of(Baseline::NotConfigured)),
        (Some(BaselineSource::Production), Some(production)) => of_production(production, quality),
        (Some(source), _) => {
            let around = Around { root: ctx.root, work: &ctx.work, sources: ctx.sources };
            baseline::locate(&around, quality, source).await
        }
    };
    let numbers = if fresh { Numbers::gather(ctx, quality, &mut evidence).await } else { Numbers::default() };
    let _progress = ctx.ui.progress("measuring the model", None);
    let (root, work, mut quality) = (ctx.root.to_path_buf(), ctx.work.clone(), quality.clone());
    let level = ctx.config.confidence;
    if let Some(history) = quality.predictions.as_mut().and_then(|predictions| predictions.detail.history.as_mut()) {
        *history = root.join(&history);
    }
    let watch = Arc::new(Watch::default());
    let _stop = StopOnDrop(watch.clone());
    // Reading and resampling may take seconds: off the thread that listens for signals.
    let asked = Asked { gates: ctx.config.gates().cloned().collect(), policy: super::policy(ctx.config, ctx.today) };
    let measured = tokio::task::spawn_blocking(move || {
        let mut found = baseline::read(files, &quality, level, &watch);
        let evidence = match fresh {
            true => of_candidate((&root, &work, pool.as_deref()), &quality, &numbers, &mut found, &asked, &watch),
            false => Evidence::default(),
        };
        (evidence, found)
    });
    let (measured, found) = match measured.await {
        Ok(done) => done,
        Err(error) => {
            let fault = Fault::defect("measure the model", error);
            (Evidence::default(), Found::faulty("baseline".into(), vec![fault]))
        }
    };
    evidence.faults.extend(measured.faults);
    evidence.faults.extend(found.faults);
    evidence.notes.extend(measured.notes);
    evidence.notes.extend(found.baseline.note());
    evidence.notes.extend(found.notes);
    evidence.inputs.extend(measured.inputs);
    evidence.inputs.extend(found.inputs);
    evidence.notes.extend(same_predictions(&evidence.inputs));
    evidence.measurements = measured.measurements;
    evidence.comparisons = measured.comparisons;
    evidence.predictions = measured.predictions;
    evidence.charts = measured.charts;
    evidence.metrics = measured.metrics;
    (evidence, found.baseline)
}

/// A remark where the baseline holds the very predictions that are judged, such as `git:main` on main itself: the
/// differences are then zero whatever the model is worth.
fn same_predictions(inputs: &[Input]) -> Option<String> {
    let of = |kind: &str| inputs.iter().find(|input| input.kind == kind);
    let (ours, theirs) = (of("predictions")?, of("baseline")?);
    (ours.digest == theirs.digest)
        .then(|| format!("the baseline {} holds the same predictions as {}", theirs.name, ours.name))
}

/// What production was measured at, and its predictions where its record carries them.
fn of_production(production: &Production, quality: &Quality) -> Files {
    let baseline = match production.baseline(quality.first_run_accepted) {
        Ok(baseline) => baseline,
        Err(fault) => return Files::told(Found::faulty(production.source.clone(), vec![fault])),
    };
    let mut found = Found::of(baseline);
    let Ok(Some(released)) = &production.found else { return Files::told(found) };
    let source = production.source.clone();
    match &released.predictions {
        Some(pulled) => Files::Recorded { found: Box::new(found), source, pulled: pulled.clone() },
        None if quality.predictions.is_some() => {
            found.notes.push(kept::without(&source));
            Files::told(found)
        }
        None => Files::told(found),
    }
}

/// Lays the predictions of this look beside those of the looks before, and gives their folder; none where is only
/// looked once. The reader refuses ids that repeat: the same rows again are no new evidence.
fn pooled(ctx: &Context<'_>, quality: &Quality, look: u32) -> Result<Option<PathBuf>, Fault> {
    let Some(config) = quality.predictions.as_ref().filter(|_| quality.looks > 1) else { return Ok(None) };
    let folder = ctx.work.join("looks");
    let unkept = |error: std::io::Error| {
        Fault::new(format!("keep the predictions of look {look}"), error, "is the disk full or read-only?")
    };
    if look == 1 && folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(unkept)?;
    }
    std::fs::create_dir_all(&folder).map_err(unkept)?;
    let files = command::files_of(ctx.root, &config.file);
    if files.is_empty() {
        let why = format!("the command ended well but there is no {}", config.file.display());
        return Err(Fault::new(format!("keep the predictions of look {look}"), why, "each look writes the file anew"));
    }
    for (place, file) in files.iter().enumerate() {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        std::fs::copy(file, folder.join(format!("{look:02}-{place:04}-{name}"))).map_err(unkept)?;
    }
    Ok(Some(folder))
}

/// Who will judge what is measured, and so at which levels of confidence.
struct Asked {
    gates: Vec<Gate>,
    policy: Policy,
}

impl Asked {
    /// Measures again at every further level that the gates ask for: an interval at 99 % is none of 95 % made wider.
    fn at_other_levels(
        &self,
        measured: &mut [Measurement],
        comparisons: &mut Vec<Comparison>,
        of_candidate: &dyn Fn(&How) -> Vec<Measurement>,
        of_baseline: &mut dyn FnMut(&How, &[Measurement]) -> Vec<Comparison>,
        how: &How,
    ) {
        for (level, of) in gate::levels(self.gates.iter(), measured, &self.policy) {
            let how = how.at(level, &of);
            let again = of_candidate(&how);
            comparisons.extend(of_baseline(&how, &again));
            join(measured, again);
        }
    }
}

/// Adds the intervals that the same measurements have at another level; none where the values differ.
fn join(measured: &mut [Measurement], again: Vec<Measurement>) {
    let found: HashMap<_, _> = again.iter().map(|m| ((m.id.as_str(), m.slice.as_ref()), m)).collect();
    for known in measured {
        let again = found.get(&(known.id.as_str(), known.slice.as_ref()));
        let same = again.filter(|again| kept::same(again.value, known.value));
        known.others.extend(same.and_then(|again| again.interval));
    }
}

fn of_candidate(
    (root, work, pool): (&Path, &Path, Option<&Path>),
    quality: &Quality,
    numbers: &Numbers,
    baseline: &mut Found,
    asked: &Asked,
    watch: &Arc<Watch>,
) -> Evidence {
    let level = asked.policy.confidence;
    let mut evidence = Evidence::default();
    let predicted = candidate_predictions((root, work, pool), quality, &mut evidence, watch);
    let mut computed = Vec::new();
    if let (Some(config), Some(predicted)) = (&quality.predictions, &predicted) {
        let how = How::of(quality, config.task, level);
        let mut measured = measure(predicted, &how);
        evidence.notes.extend(measured.notes);
        let mut other = match (&baseline.predicted, &mut baseline.baseline) {
            (Some(other), Baseline::Known { measurements, .. }) => Some((other, align(predicted, other), measurements)),
            _ => None,
        };
        if let Some((_, aligned, measurements)) = &other {
            let found = (measured.measurements.as_slice(), measurements.as_slice());
            let compared = compare(predicted, aligned, found, &how);
            let (comparisons, notes) = kept::agreeing(compared.comparisons, found.0, found.1);
            evidence.comparisons = comparisons;
            evidence.notes.extend(compared.notes.into_iter().chain(notes));
        }
        evidence.metrics = methods::notes(predicted, config.task);
        evidence.charts = charts::of(predicted, baseline.predicted.as_ref(), level);
        let again = |how: &How| measure(predicted, how).measurements;
        let mut against = |how: &How, again: &[Measurement]| {
            let Some((other, aligned, measurements)) = &mut other else { return Vec::new() };
            let of_other = measure(other, how).measurements;
            let compared = compare(predicted, aligned, (again, &of_other), how);
            let (comparisons, _) = kept::agreeing(compared.comparisons, again, measurements);
            join(measurements, of_other);
            comparisons
        };
        asked.at_other_levels(&mut measured.measurements, &mut evidence.comparisons, &again, &mut against, &how);
        computed = measured.measurements;
    }
    let mut files = Vec::new();
    for from in &numbers.files {
        match from.read() {
            Ok((found, input)) => {
                evidence.notes.extend(found.notes);
                evidence.inputs.push(input);
                files.push((from.name.clone(), found.measurements));
            }
            Err(fault) => evidence.faults.push(fault),
        }
    }
    let (measurements, merged) = merge(computed, files);
    evidence.measurements = measurements;
    evidence.notes.extend(merged.notes);
    evidence.faults.extend(merged.faults);
    if quality.predictions.is_none() && quality.metrics.is_empty() {
        let hint = "name a predictions file or a metric file";
        evidence.faults.push(Fault::new("measure the model", "quality names nothing to measure by", hint));
    }
    evidence
}

/// A path below `root` as `mlops.yaml` writes it.
fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

fn candidate_predictions(
    (root, work, pool): (&Path, &Path, Option<&Path>),
    quality: &Quality,
    evidence: &mut Evidence,
    watch: &Arc<Watch>,
) -> Option<Predicted> {
    let config = quality.predictions.as_ref()?;
    let source = config.file.display().to_string();
    let name = config.file.file_name().unwrap_or_default().to_string_lossy();
    let (folder, files) = match pool {
        Some(pool) => (pool, format!("*{}", name.find('.').map_or("", |dot| &name[dot..]))),
        None => (root, source.clone()),
    };
    let named = |input: Input| match pool {
        Some(_) => Input { name: format!("{source}: {}", input.name), ..input },
        None => input,
    };
    let read = Table::open_watched(folder, &files, None, watch.clone())
        .and_then(|table| {
            let mut inputs: Vec<Input> = table.inputs("predictions")?.into_iter().map(named).collect();
            if let Some(history) = &config.detail.history {
                inputs.push(file_input(history, &shown(root, history), "history")?);
            }
            Ok((inputs, table))
        })
        .map_err(|fault| vec![fault])
        .and_then(|(inputs, table)| Ok((inputs, predictions::read(&table, config, &source, false)?, table)));
    match read {
        Ok((inputs, predicted, table)) => {
            evidence.inputs.extend(inputs);
            if config.in_record {
                match kept::keep(&table, config, &source, &work.join("predictions.parquet")) {
                    Ok(kept) => evidence.predictions = Some(kept),
                    Err(faults) => evidence.faults.extend(faults),
                }
            }
            Some(predicted)
        }
        Err(faults) => {
            evidence.faults.extend(faults);
            None
        }
    }
}
