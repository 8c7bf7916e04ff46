//! The data stage: every data set scanned once, every check a finding.

mod tracked;

use self::tracked::Trackers;
use super::{Context, Production};
use crate::config::{Against, Dataset, Engine};
use crate::data::checks::{self, Request, Surroundings};
use crate::data::drift::{self, Reference};
use crate::data::engine::{self, Around};
use crate::data::profile;
use crate::data::{Options, StopOnDrop, Table, Verified, Watch};
use crate::model::{Baseline, Check, Evidence, Fault, Input, Measurement, Profile, Unit};
use crate::source;
use crate::ui::Progress;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Reads and checks the data sets, one after another. A data set that cannot be read is a fault, and all its
/// checks are errored.
///
/// `production` must be given when a data set is compared with it, and is not looked at otherwise.
pub async fn run(ctx: &Context<'_>, sets: &[Dataset], production: Option<&Production>) -> Evidence {
    run_at(ctx, sets, production, chrono::Utc::now().timestamp_micros()).await
}

/// As [`run`], with the present given as microseconds since 1970-01-01 UTC. Dropping the future stops the scan
/// that is running.
pub async fn run_at(ctx: &Context<'_>, sets: &[Dataset], production: Option<&Production>, now: i64) -> Evidence {
    let mut evidence = Evidence::default();
    let all: Arc<[Dataset]> = sets.into();
    let trackers = Trackers::default();
    for (index, set) in sets.iter().enumerate() {
        let progress = ctx.ui.progress(&format!("data {}", set.name), None);
        let watch = Arc::new(Watch::reaching(ctx.sources));
        let _stop = StopOnDrop(watch.clone());
        let job = Job {
            root: ctx.root.to_path_buf(),
            sets: all.clone(),
            index,
            now,
            watch: watch.clone(),
            trackers: trackers.clone(),
            production: production.cloned(),
            first_run_accepted: ctx.config.quality.as_ref().is_some_and(|quality| quality.first_run_accepted),
            is_profiled: ctx.config.image.is_some(),
        };
        let mut running = tokio::task::spawn_blocking(move || job.run_all());
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

fn show(progress: &Progress, set: &Dataset, watch: &Watch) {
    let fetched = match watch.fetched() {
        0 => String::new(),
        bytes => format!(", {} fetched", Unit::Bytes.show(bytes as f64)),
    };
    progress.message(&format!("data {}: {} rows read{fetched}", set.name, Unit::Count.show(watch.rows() as f64)));
}

fn merge(all: &mut Evidence, one: Evidence) {
    all.measurements.extend(one.measurements);
    all.checks.extend(one.checks);
    all.faults.extend(one.faults);
    all.inputs.extend(one.inputs);
    all.notes.extend(one.notes);
    all.profiles.extend(one.profiles);
    all.distributions.extend(one.distributions);
}

/// The files with their digests, what their tracker says of them, and the table; none of what lies on Spark.
type Opened = (Vec<Input>, Option<Verified>, Option<Table>);

/// One data set's work, which runs on a thread of its own as it never waits for anything but the disk.
struct Job {
    root: PathBuf,
    sets: Arc<[Dataset]>,
    index: usize,
    now: i64,
    watch: Arc<Watch>,
    trackers: Trackers,
    production: Option<Production>,
    first_run_accepted: bool,
    /// There is an image, whose record can carry the profile.
    is_profiled: bool,
}

impl Job {
    /// What mlgate finds, and what other tools found.
    fn run_all(self) -> Evidence {
        let mut evidence = self.run();
        if let Some(set) = self.sets.get(self.index) {
            let imported = source::imports::run(&self.root, set, &evidence.inputs, self.now);
            merge(&mut evidence, imported);
        }
        evidence
    }

    fn run(&self) -> Evidence {
        let Some(set) = self.sets.get(self.index) else { return Evidence::default() };
        let evidence = self.check(set);
        // What was found in rows that are not those of the digest says nothing.
        match self.watch.unchanged() {
            Ok(()) => evidence,
            Err(fault) => broken(set, &fault),
        }
    }

    fn check(&self, set: &Dataset) -> Evidence {
        let (inputs, verified, table) = match self.read(set) {
            Ok(read) => read,
            Err(fault) => return broken(set, &fault),
        };
        let open = |name: &str| match &table {
            Some(table) if name == set.name => Ok(table.clone()),
            _ => self.other(self.known(name)?),
        };
        let baseline = &self.baseline();
        let found = match (&set.engine, &table) {
            (Engine::Embedded, Some(table)) => {
                checks::run(&Request::of(set), table, &Surroundings { now: self.now, open: &open, baseline })
            }
            _ => {
                let (sets, watch) = (&*self.sets, self.watch.clone());
                engine::run(set, &Around { now: self.now, sets, open: &open, baseline, watch })
            }
        };
        let tracked = verified.map(|verified| self.trackers.judge(set, verified));
        let checks = tracked.into_iter().chain(found.checks).collect();
        let mut evidence = Evidence { inputs, checks, notes: found.notes, ..Evidence::default() };
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
        if evidence.faults.is_empty() && found.rows > 0 {
            let more = match &table {
                Some(table) => {
                    self.compare(set, table, &mut evidence).and_then(|()| self.profile(set, table, &mut evidence))
                }
                None => elsewhere(set, &mut evidence),
            };
            evidence.faults.extend(more.err());
        }
        evidence
    }

    /// What the data set is made of. What lies on Spark is not read here, so that it has neither digest nor table.
    fn read(&self, set: &Dataset) -> Result<Opened, Fault> {
        if matches!(set.engine, Engine::Spark { .. }) {
            return Ok((Vec::new(), None, None));
        }
        let table = self.open(set)?;
        let (inputs, verified) = table.verify(&format!("data.{}", set.name))?;
        Ok((inputs, verified, Some(table)))
    }

    fn profile(&self, set: &Dataset, table: &Table, evidence: &mut Evidence) -> Result<(), Fault> {
        if self.is_profiled {
            evidence.profiles.push(profile::of_table(&set.name, table, &set.private)?);
        }
        Ok(())
    }

    fn compare(&self, set: &Dataset, table: &Table, evidence: &mut Evidence) -> Result<(), Fault> {
        let Some(asked) = &set.drift else { return Ok(()) };
        let mut private = set.private.clone();
        let (other, known);
        let reference = match &asked.against {
            Against::Dataset(name) => {
                let against = self.known(name)?;
                private.extend(against.private.iter().cloned());
                other = self.other(against)?;
                Reference::Table { name, table: &other }
            }
            Against::Profile(file) => {
                let source = file.to_string_lossy();
                let (profile, input) =
                    source::profile::read(&self.root, &source, &format!("data.{}.reference", set.name))?;
                evidence.inputs.push(input);
                known = (source.into_owned(), profile);
                Reference::Profile { source: &known.0, profile: &known.1 }
            }
            Against::Production { dataset } => match self.of_production(dataset.as_ref().unwrap_or(&set.name))? {
                Some(found) => {
                    known = found;
                    Reference::Profile { source: &known.0, profile: &known.1 }
                }
                None => {
                    let note = "nothing is in production yet, so its drift was not looked at (first_run: accept)";
                    evidence.notes.push(format!("data set {}: {note}", set.name));
                    return Ok(());
                }
            },
        };
        let (name, source, memory) = (&set.name, &set.source, set.memory);
        let found =
            drift::run(&drift::Asked { name, source, table, drift: asked, private: &private, memory, reference })?;
        evidence.checks.extend(found.checks);
        evidence.measurements.extend(found.measurements);
        evidence.distributions.extend(found.distributions);
        evidence.notes.extend(found.notes);
        Ok(())
    }

    /// The profile of the data that the model in production was made from; None where a first run is accepted.
    fn of_production(&self, dataset: &str) -> Result<Option<(String, Profile)>, Fault> {
        let what = || format!("read the profile of {dataset} in production");
        let Some(production) = &self.production else {
            return Err(Fault::defect(what(), "production was not looked up"));
        };
        match production.found.clone()? {
            Some(released) => {
                let names: Vec<String> = released.profiles.iter().map(|profile| profile.dataset.clone()).collect();
                let found = released.profiles.into_iter().find(|profile| profile.dataset == dataset);
                let hint = match names.is_empty() {
                    true => "its record holds no profile: promote an image of this version of mlgate first".to_string(),
                    false => format!("its record has those of {}: `against: production.NAME`", names.join(", ")),
                };
                let absent = || Fault::new(what(), format!("{} has none of that name", production.source), hint);
                Ok(Some((format!("{dataset} in production"), found.ok_or_else(absent)?)))
            }
            None if self.first_run_accepted => Ok(None),
            None => {
                let hint = "`quality.first_run: accept` lets the first run pass without it";
                Err(Fault::new(what(), "nothing is in production yet", hint))
            }
        }
    }

    fn known(&self, name: &str) -> Result<&Dataset, Fault> {
        let names = || self.sets.iter().map(|other| other.name.as_str()).collect::<Vec<_>>().join(", ");
        let unknown =
            || Fault::new(format!("read {name}"), "no data set of this name", format!("data sets: {}", names()));
        self.sets.iter().find(|other| other.name == name).ok_or_else(unknown)
    }

    /// What checks against the baseline are held to.
    fn baseline(&self) -> Baseline {
        match &self.production {
            None => Baseline::NotConfigured,
            Some(production) => production.baseline(self.first_run_accepted).unwrap_or_else(|fault| Baseline::Faulty {
                source: production.source.clone(),
                reason: fault.to_string(),
            }),
        }
    }

    /// A data set that this one is compared with.
    fn other(&self, set: &Dataset) -> Result<Table, Fault> {
        let table = self.open(set)?;
        self.trackers.require(set, &table).map(|()| table)
    }

    fn open(&self, set: &Dataset) -> Result<Table, Fault> {
        let options = Options::of(set, self.watch.clone());
        match set.engine {
            // A guess that does not hold is found out and mended by its scan.
            Engine::Embedded => Table::guess(&self.root, &set.source, options),
            Engine::DuckDb => Table::open_with(&self.root, &set.source, options),
            Engine::Spark { .. } => {
                let hint = "give the data set that refers to it the same `engine`";
                Err(Fault::new(format!("read {}", set.source), "it is on Spark", hint))
            }
        }
    }
}

/// Of a data set whose rows never come here, what cannot be had.
fn elsewhere(set: &Dataset, evidence: &mut Evidence) -> Result<(), Fault> {
    let note = "it lies on Spark, so the record holds neither a digest of its content nor its profile";
    evidence.notes.push(format!("data set {}: {note}", set.name));
    match set.drift {
        None => Ok(()),
        Some(_) => {
            let hint = "compare a sample that Spark wrote to a file, with the embedded engine";
            Err(Fault::new(format!("compare {}", set.name), "drift is not looked at on Spark", hint))
        }
    }
}

/// A data set that could not be read: the fault, and every check errored by it.
fn broken(set: &Dataset, fault: &Fault) -> Evidence {
    let checks = set.checks.iter().enumerate().map(|(i, check)| {
        let before = set.checks[..i].iter().filter(|other| other.text == check.text).count();
        let again = if before == 0 { String::new() } else { format!(" #{}", before + 1) };
        Check {
            severity: check.severity,
            message: format!("{}: {}", fault.what, fault.why),
            ..Check::new(format!("data.{}.{}{again}", set.name, check.text), &check.text, &set.source)
        }
    });
    Evidence { checks: checks.collect(), faults: vec![fault.clone()], ..Evidence::default() }
}
