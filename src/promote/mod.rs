//! Promotion: the candidate's record against production's, then the tag and the overlay's image entry.
//!
//! Both records come from the registry by digest, so that what is compared is what was proven of the images. The
//! change is made to the working tree: committing it is the promotion that others see.

mod annotate;
mod overlay;
mod pairs;
mod records;

pub use records::in_production;

use crate::cli::PromoteArgs;
use crate::commands::{self, Publication};
use crate::config::{Config, Environment, Image, Promote};
use crate::digest;
use crate::error::Error;
use crate::exit::Exit;
use crate::files;
use crate::gate::{self, Grounds, Policy};
use crate::image::{self, Proof, Statement};
use crate::model::*;
use crate::prove;
use crate::record::{self, wire};
use crate::settings::Settings;
use crate::sign::{Signer, Trust};
use crate::stage;
use chrono::NaiveDate;
use records::Candidate;
use std::time::Instant;

/// `mlgate promote ENV`: gather → judge → record → apply.
///
/// # Errors
/// Wrong usage: an environment that is not promoted to, no candidate named.
pub async fn run(settings: &Settings, args: &PromoteArgs) -> Result<Exit, Error> {
    let (text, config) = commands::load(settings)?;
    let (environment, promote) = target(&config, &args.environment)?;
    let image = config.image.as_ref().ok_or_else(|| Error::usage("mlops.yaml has no `image`: nothing to promote"))?;
    let stages = commands::plan(settings, &config, &[])?.stages();
    let candidate = records::candidate(settings, args, &image.repository)?;
    let trust = if promote.require_signed { Some(prove::trust(&settings.root, &config)?) } else { None };
    let signer = if args.dry_run { None } else { prove::signer(settings, &config)? };
    let config_digest = digest::of(text.as_bytes());
    let (started, begin) = (record::now(), Instant::now());
    let asked = Asked {
        settings,
        config: &config,
        config_digest: &config_digest,
        stages: &stages,
        environment,
        promote,
        image,
        trust: trust.as_ref(),
        signer: signer.as_ref(),
        today: record::today(),
    };

    let Gathered { evidence, baseline, record: evidence_record, edit, replaces } = gather(&asked, &candidate).await;
    let policy = Policy { inconclusive: config.inconclusive.promote, ..stage::policy(&config, asked.today) };
    let mut verdicts = gate::checks(StageKind::Promote, &evidence);
    if evidence_record.is_some() {
        let grounds = Grounds { evidence: &evidence, earlier: Vec::new(), baseline: &baseline };
        verdicts.extend(gate::gates(StageKind::Promote, &promote.gates, &grounds, &policy));
    }
    let mut ran = Ran { stage: StageKind::Promote, evidence, verdicts, seconds: begin.elapsed().as_secs_f64() };
    let mut decision = Decision::over(&ran.verdicts);

    let of_run = evidence_record.as_ref();
    let header = record::Header {
        run_id: settings.host.run_id().to_string(),
        host: settings.host.name().to_string(),
        command: "promote",
        environment: Some(environment.name.clone()),
        model: config.model.name.clone(),
        commit: of_run.and_then(|r| r.run.commit.as_ref()).map(commit),
        started,
        dry_run: args.dry_run,
        config_name: settings.config_name.clone(),
        config_digest: config_digest.clone(),
        // The run that made the candidate is what can be reproduced.
        hash: of_run.map(|r| r.run.hash.clone()).unwrap_or_default(),
    };
    let bytes = of_run.and_then(|r| r.image.as_ref()).map_or(0, |i| i.bytes);
    let assemble = |ran: Ran, decision: &Decision, pushed: bool| {
        let (repository, digest, tags) = (image.repository.clone(), candidate.digest.clone(), promote.tags.clone());
        let promoted = wire::Image { repository, tags, digest, bytes, pushed, replaces: replaces.clone() };
        record::assemble(header.clone(), Vec::new(), &[ran], Some(&baseline), decision, Some(promoted))
    };
    let path = settings.work().join(format!("promote-{}.json", environment.name));
    let mut effects = Vec::new();
    let mut promoted = None;
    if let (Decision::Cleared(cleared), Some(edit)) = (&decision, &edit) {
        effects = edit.describe(&promote.tags, &image.repository, args.dry_run);
        if !args.dry_run {
            // Before anything changes it is written that it was about to: a promotion never goes unrecorded.
            files::write(&path, &record::to_json(&assemble(ran.clone(), &decision, false)))?;
            let promotion = assemble(ran.clone(), &decision, true);
            match apply(&asked, &candidate, edit, &promotion, cleared).await {
                Ok(()) => promoted = Some(promotion),
                Err(fault) => {
                    effects.clear();
                    ran.verdicts.extend(gate::checks(StageKind::Promote, &Evidence::of_fault(fault)));
                    decision = Decision::over(&ran.verdicts);
                }
            }
        }
    }
    let promotion = promoted.unwrap_or_else(|| assemble(ran, &decision, false));
    let (format, dry_run) = (args.format, args.dry_run);
    let html = args.html.as_deref();
    let publication = Publication { path: &path, html, format, dry_run, comment: false, effects: &effects };
    commands::publish(settings, text, &promotion, publication).await?;
    Ok(Exit::of(&decision))
}

/// What the user asked for, resolved.
struct Asked<'a> {
    settings: &'a Settings,
    config: &'a Config,
    config_digest: &'a str,
    /// The stages that a complete run has.
    stages: &'a [StageKind],
    environment: &'a Environment,
    promote: &'a Promote,
    image: &'a Image,
    /// Whose signatures count, where a signature is required.
    trust: Option<&'a Trust>,
    /// Signs the record of the promotion.
    signer: Option<&'a Signer>,
    /// In UTC.
    today: NaiveDate,
}

/// All that is read before anything is judged.
struct Gathered {
    evidence: Evidence,
    baseline: Baseline,
    /// The candidate's.
    record: Option<wire::Record>,
    edit: Option<overlay::Edit>,
    /// What the environment runs now.
    replaces: Option<String>,
}

async fn gather(asked: &Asked<'_>, candidate: &Candidate) -> Gathered {
    let Asked { settings, config, environment, promote, image, .. } = asked;
    let mut evidence = Evidence::default();
    let mut baseline = Baseline::NotConfigured;
    let mut replaces = None;
    let (record, artifact) = match records::pull(settings, image, candidate, asked.trust).await {
        Ok((record, artifact, signed)) => {
            evidence.checks.extend(signed);
            (Some(record), artifact)
        }
        Err(fault) => {
            evidence.faults.push(fault);
            (None, String::new())
        }
    };
    if let Some(record) = &record {
        evidence.checks.push(records::is_cleared(
            record,
            candidate,
            config,
            asked.config_digest,
            asked.stages,
            asked.today,
        ));
        evidence.checks.push(records::is_committed(record));
        match record::measurements(record) {
            Ok(measurements) => evidence.measurements = measurements,
            Err(fault) => evidence.faults.push(fault),
        }
        match lead_time(record) {
            Ok(measurement) => evidence.measurements.push(measurement),
            Err(why) => evidence.notes.push(why),
        }
        if let Some(from) = &promote.from {
            evidence.checks.push(overlay::runs_in(settings, config, from, image, candidate).await);
        }
        let model = &config.model.name;
        let work = settings.work();
        let rows_into = pairs::asked(config, promote).then_some(&*work);
        // What no gate rests on needs no signature.
        let trust = asked.trust.filter(|_| promote.gates.iter().any(|gate| gate.rule.needs_baseline()));
        match records::production(&settings.root, environment, image, model, &settings.access, (trust, rows_into)).await
        {
            Ok(found) => {
                evidence.checks.extend(found.signed);
                replaces = found.digest.clone();
                if found.digest.as_ref() == Some(&candidate.digest) {
                    evidence.notes.push(format!("{} runs the candidate already", environment.name));
                    evidence.comparisons = evidence.measurements.iter().filter_map(with_itself).collect();
                } else if let (Some(released), true) = (&found.released, rows_into.is_some()) {
                    let compared =
                        pairs::compare(asked, record, (&found.source, released), &evidence.measurements).await;
                    match compared {
                        Ok((comparisons, notes)) => {
                            evidence.comparisons = comparisons;
                            evidence.notes.extend(notes);
                        }
                        Err(faults) => evidence.faults.extend(faults),
                    }
                }
                baseline = match found.released {
                    Some(released) => Baseline::Known { source: found.source, measurements: released.measurements },
                    None => Baseline::Missing {
                        source: found.source,
                        reason: "nothing was released there".into(),
                        first_run_accepted: promote.first_run_accepted,
                    },
                };
            }
            Err(fault) => {
                let source = format!("{} in {}", image.repository, environment.name);
                baseline = Baseline::Faulty { source, reason: fault.to_string() };
                evidence.faults.push(fault);
            }
        }
        evidence.notes.extend(baseline.note());
    }
    let leads = record.as_ref().map(|record| annotate::of(record, &artifact)).unwrap_or_default();
    let edit = match overlay::plan(&settings.root, environment, &image.repository, &candidate.digest, &leads) {
        Ok(edit) => {
            evidence.notes.extend(edit.notes.iter().cloned());
            Some(edit)
        }
        Err(fault) => {
            evidence.faults.push(fault);
            None
        }
    };
    Gathered { evidence, baseline, record, edit, replaces }
}

/// One image compared with itself does not differ, whatever its intervals: a promotion can be repeated.
fn with_itself(measurement: &Measurement) -> Option<Comparison> {
    let none = Difference { value: 0.0, interval: Some(Interval { low: 0.0, high: 0.0, level: 1.0 }) };
    measurement.value.is_finite().then(|| Comparison {
        id: measurement.id.clone(),
        slice: measurement.slice.clone(),
        baseline: measurement.value,
        difference: none,
        relative: (measurement.value != 0.0).then_some(none),
        n: measurement.n.unwrap_or(0),
        method: "the same image".into(),
    })
}

fn target<'a>(config: &'a Config, name: &str) -> Result<(&'a Environment, &'a Promote), Error> {
    let names: Vec<&str> =
        config.environments.iter().filter(|e| e.promote.is_some()).map(|e| e.name.as_str()).collect();
    let known = if names.is_empty() { "none".to_string() } else { names.join(", ") };
    let environment = config.environments.iter().find(|e| e.name == name);
    let environment = environment
        .ok_or_else(|| Error::usage(format!("mlops.yaml has no environment `{name}`; with `promote`: {known}")))?;
    let promote = environment.promote.as_ref();
    let promote = promote
        .ok_or_else(|| Error::usage(format!("environment `{name}` has no `promote`; those with it: {known}")))?;
    Ok((environment, promote))
}

/// Tags first, then the record of the promotion, the overlay last: the overlay is what a cluster follows, so a registry that
/// fails in between leaves production as it was, and nothing gets there unrecorded.
async fn apply(
    asked: &Asked<'_>,
    candidate: &Candidate,
    edit: &overlay::Edit,
    promotion: &wire::Record,
    cleared: &Cleared,
) -> Result<(), Fault> {
    let Image { repository, insecure, .. } = asked.image;
    let access = &asked.settings.access;
    for tag in &asked.promote.tags {
        image::retag(repository, &candidate.digest, tag, *insecure, access, cleared).await?;
    }
    let statements = vec![Statement::promotion(&record::to_json(promotion))];
    let proof = Proof { statements, signer: asked.signer, predictions: None };
    image::attach_to(repository, &candidate.digest, *insecure, access, &proof, cleared).await?;
    edit.apply(cleared)
}

/// From the commit to now: the time that the change took to production, if it goes there now.
fn lead_time(record: &wire::Record) -> Result<Measurement, String> {
    let commit = record.run.commit.as_ref().ok_or("the record names no commit: no lead time")?;
    let committed = chrono::DateTime::parse_from_rfc3339(&commit.time)
        .map_err(|error| format!("the commit's time `{}` cannot be read: {error}", commit.time))?;
    let seconds = (chrono::Utc::now() - committed.with_timezone(&chrono::Utc)).as_seconds_f64();
    // A commit from the future is a clock that is wrong, and no lead time.
    let seconds = if seconds < 0.0 { f64::NAN } else { seconds };
    Ok(Measurement::new(
        "promote.lead_time",
        seconds,
        Unit::Seconds,
        format!("commit {} of {}", commit.sha, commit.time),
    ))
}

fn commit(of: &wire::Commit) -> Commit {
    Commit { sha: of.sha.clone(), time: of.time.clone(), dirty: of.dirty }
}
