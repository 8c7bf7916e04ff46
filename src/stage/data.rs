//! The data stage: every data set scanned once, every check a finding.

use super::Context;
use crate::config::Dataset;
use crate::data::checks::{self, Surroundings};
use crate::data::{Options, Table, Watch};
use crate::model::{Check, Evidence, Fault, Measurement, Outcome, Unit};
use crate::ui::Progress;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Reads and checks the data sets, one after another. A data set that cannot be read is a fault, and all its
/// checks are errored.
pub async fn run(ctx: &Context<'_>, sets: &[Dataset]) -> Evidence {
    run_at(ctx, sets, chrono::Utc::now().timestamp_micros()).await
}

/// As [`run`], with the present given as microseconds since 1970-01-01 UTC. Dropping the future stops the scan
/// that is running.
pub async fn run_at(ctx: &Context<'_>, sets: &[Dataset], now: i64) -> Evidence {
    let mut evidence = Evidence::default();
    let all: Arc<[Dataset]> = sets.into();
    for (index, set) in sets.iter().enumerate() {
        let progress = ctx.ui.progress(&format!("data {}", set.name), None);
        let watch = Arc::new(Watch::default());
        let _stop = StopOnDrop(watch.clone());
        let job = Job { root: ctx.root.to_path_buf(), sets: all.clone(), index, now, watch: watch.clone() };
        let mut running = tokio::task::spawn_blocking(move || job.run());
        let found = loop {
            tokio::select! {
                found = &mut running => break found,
                () = tokio::time::sleep(Duration::from_millis(200)) => show(&progress, set, &watch),
            }
        };
        merge(&mut evidence, found.unwrap_or_else(|e| broken(set, &Fault::new(format!("check {}", set.name), e, ""))));
    }
    evidence
}

struct StopOnDrop(Arc<Watch>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn show(progress: &Progress, set: &Dataset, watch: &Watch) {
    progress.message(&format!("data {}: {} rows read", set.name, Unit::Count.show(watch.rows() as f64)));
}

fn merge(all: &mut Evidence, one: Evidence) {
    all.measurements.extend(one.measurements);
    all.checks.extend(one.checks);
    all.faults.extend(one.faults);
    all.inputs.extend(one.inputs);
    all.notes.extend(one.notes);
}

/// One data set's work, which runs on a thread of its own as it never waits for anything but the disk.
struct Job {
    root: PathBuf,
    sets: Arc<[Dataset]>,
    index: usize,
    now: i64,
    watch: Arc<Watch>,
}

impl Job {
    fn run(self) -> Evidence {
        let Some(set) = self.sets.get(self.index) else { return Evidence::default() };
        let read = self.open(set).and_then(|table| Ok((table.inputs(&format!("data.{}", set.name))?, table)));
        let (inputs, table) = match read {
            Ok(read) => read,
            Err(fault) => return broken(set, &fault),
        };
        let open = |name: &str| match self.sets.iter().find(|other| other.name == name) {
            Some(other) => self.open(other),
            None => {
                let names: Vec<&str> = self.sets.iter().map(|other| other.name.as_str()).collect();
                let hint = format!("data sets: {}", names.join(", "));
                Err(Fault::new(format!("read {name}"), "no data set of this name", hint))
            }
        };
        let around = Surroundings { now: self.now, open: &open };
        let found = checks::run(&set.name, &set.source, &table, &set.checks, &around);
        let mut evidence = Evidence { inputs, checks: found.checks, ..Evidence::default() };
        match found.fault {
            Some(fault) => evidence.faults.push(fault),
            None => {
                let id = format!("data.{}.rows", set.name);
                let rows = Measurement::new(id, found.rows as f64, Unit::Count, &set.source);
                evidence.measurements.push(Measurement { n: Some(found.rows), ..rows });
                evidence.measurements.extend(found.measurements);
            }
        }
        if set.checks.is_empty() {
            evidence.notes.push(format!("data set {} has no checks: it was read, and nothing more", set.name));
            if found.rows == 0 && evidence.faults.is_empty() {
                let hint = "fill it, or take it out of mlops.yaml";
                evidence.faults.push(Fault::new(format!("read {}", set.source), "it has no rows", hint));
            }
        }
        evidence
    }

    fn open(&self, set: &Dataset) -> Result<Table, Fault> {
        Table::open_with(&self.root, &set.source, Options::of(set, self.watch.clone()))
    }
}

/// A data set that could not be read: the fault, and every check errored by it.
fn broken(set: &Dataset, fault: &Fault) -> Evidence {
    let checks = set.checks.iter().enumerate().map(|(i, check)| {
        let before = set.checks[..i].iter().filter(|other| other.text == check.text).count();
        let again = if before == 0 { String::new() } else { format!(" #{}", before + 1) };
        Check {
            id: format!("data.{}.{}{again}", set.name, check.text),
            text: check.text.clone(),
            severity: check.severity,
            outcome: Outcome::Errored,
            message: format!("{}: {}", fault.what, fault.why),
            value: None,
            n: None,
            examples: Vec::new(),
            source: set.source.clone(),
        }
    });
    Evidence { checks: checks.collect(), faults: vec![fault.clone()], ..Evidence::default() }
}
