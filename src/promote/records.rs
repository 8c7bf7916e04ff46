//! The records that a promotion rests on: the candidate's and production's, both from the registry by digest.

use super::overlay;
use crate::cli::PromoteArgs;
use crate::commands;
use crate::config::{Config, Environment, Image};
use crate::digest::is_digest;
use crate::error::Error;
use crate::gate;
use crate::image::{self, Access, Attached, Attachments, Signed};
use crate::model::*;
use crate::plan::Plan;
use crate::prove;
use crate::quality::kept::Pulled;
use crate::record::{self, wire};
use crate::settings::Settings;
use crate::sign::Trust;
use crate::stage::{self, Context, Released, production};
use chrono::NaiveDate;
use std::path::Path;
use std::sync::Arc;

/// The image that is to be promoted.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// `sha256:…`
    pub digest: String,
    /// Where the digest was taken from, in words.
    pub source: String,
    /// The run hash that its record must have, where a record file named it.
    pub hash: Option<String>,
}

/// The digest that `--digest` names, else the image of the record file.
pub fn candidate(settings: &Settings, args: &PromoteArgs, repository: &str) -> Result<Candidate, Error> {
    if let Some(reference) = &args.digest {
        let (of, digest) = reference.rsplit_once('@').unwrap_or((repository, reference));
        if of != repository {
            return Err(Error::usage(format!("--digest {reference}: mlops.yaml names {repository}")));
        }
        if !is_digest(digest) {
            return Err(Error::usage(format!("--digest {digest}: a digest is sha256: and 64 hexadecimal digits")));
        }
        return Ok(Candidate { digest: digest.to_string(), source: "--digest".into(), hash: None });
    }
    let shown = args.record.display().to_string();
    let unread = |error| Error::usage(format!("no candidate: {error}; --digest sha256:… names one without a file"));
    let record = commands::read_record(settings, &args.record).map_err(unread)?;
    let none = |why: String| Error::usage(format!("no candidate: {shown} {why}"));
    let image = record.image.ok_or_else(|| none("has no image; run all stages with an `image:`".into()))?;
    if image.repository != repository {
        return Err(none(format!("is of {}, mlops.yaml names {repository}", image.repository)));
    }
    // The same digest may have been cleared before: it is this run that the user means.
    if !image.pushed {
        let how =
            if record.run.dry_run { "is of a dry run".into() } else { format!("is `{}`", record.decision.outcome) };
        return Err(none(format!("{how} and its image was not pushed")));
    }
    Ok(Candidate { digest: image.digest, source: shown, hash: Some(record.run.hash) })
}

/// The candidate's record, by digest, and the artifact that carries it (`repository@sha256:…`); where a signature is
/// required, the record that is signed, and a check that says by whom.
///
/// # Errors
/// The registry cannot be asked, or has no record for the digest, or none whose signature counts.
pub async fn pull(
    settings: &Settings,
    image: &Image,
    candidate: &Candidate,
    trust: Option<&Trust>,
) -> Result<(wire::Record, String, Option<Check>), Fault> {
    let reference = format!("{}@{}", image.repository, candidate.digest);
    let repository = Attachments::open(&image.repository, image.insecure, &settings.access).await?;
    if !repository.has(&candidate.digest).await? {
        let hint = "was it deleted? `mlgate run` pushes it again; without an engine, a commit always gives one digest";
        return Err(Fault::new(format!("find the candidate {reference}"), "the registry does not have it", hint));
    }
    let found = attached(image, &candidate.digest, &settings.access, trust).await?.map_err(|why| {
        let hint = "only an image whose record was pushed by a cleared `mlgate run` can be promoted";
        Fault::new(format!("read the record of {reference}"), why, hint)
    })?;
    let artifact = format!("{}@{}", image.repository, found.artifact);
    let signed = signed(&found, Check::new("promote.signed", "the candidate's record is signed", &artifact));
    Ok((record::parse(&found.record, &reference)?, artifact, signed))
}

/// The record of an image, or why there is none that counts; where a signature is required, only what is signed does.
///
/// # Errors
/// The registry cannot be asked, or refuses.
async fn attached(
    image: &Image,
    digest: &str,
    access: &Access,
    trust: Option<&Trust>,
) -> Result<Result<Attached, String>, Fault> {
    let Image { repository, insecure, .. } = image;
    match trust {
        Some(trust) => image::pull_signed(repository, digest, *insecure, access, trust).await,
        None => {
            let found = image::pull_attached(repository, digest, *insecure, access).await?;
            Ok(found.ok_or_else(|| "the registry has none".to_string()))
        }
    }
}

/// By whom a record is signed, where that was asked for.
fn signed(found: &Attached, check: Check) -> Option<Check> {
    let Signed::By(who) = &found.signed else { return None };
    Some(Check { outcome: Outcome::Passed, message: format!("by {who}"), ..check })
}

/// What keeps a record from speaking for its image: of another model, image or command, not cleared, a dry run.
fn faults_of(record: &wire::Record, digest: &str, model: &str) -> Vec<String> {
    let of = record.image.as_ref().map(|i| i.digest.as_str());
    let wrong = [
        (record.run.command != "run").then(|| format!("it is the record of `mlgate {}`", record.run.command)),
        (record.run.model != model)
            .then(|| format!("it is of the model `{}`, mlops.yaml is of `{model}`", record.run.model)),
        (of != Some(digest)).then(|| format!("it is of the image {}", of.unwrap_or("none"))),
        (record.decision.outcome != "cleared").then(|| format!("its decision is `{}`", record.decision.outcome)),
        record.run.dry_run.then(|| "it is of a dry run".to_string()),
    ];
    let blocking = record.verdicts.iter().filter(|verdict| verdict.blocking);
    let blocking = blocking.map(|verdict| format!("its verdict on `{}` blocks: {}", verdict.gate, verdict.reason));
    wrong.into_iter().flatten().chain(blocking).collect()
}

/// Whether the record lets its image be promoted: it speaks for the image, judged it by the mlops.yaml of today, and
/// left nothing of that out.
pub fn is_cleared(
    record: &wire::Record,
    candidate: &Candidate,
    config: &Config,
    config_digest: &str,
    stages: &[StageKind],
    today: NaiveDate,
) -> Check {
    let mut wrong = faults_of(record, &candidate.digest, &config.model.name);
    if candidate.hash.as_ref().is_some_and(|hash| *hash != record.run.hash) {
        wrong.push(format!("it is of run {}, {} is of another", record.run.hash, candidate.source));
    }
    let ran = |stage: &StageKind| record.stages.iter().any(|s| s.name == stage.name() && s.outcome != "skipped");
    let left_out: Vec<&str> = stages.iter().filter(|stage| !ran(stage)).map(|s| s.name()).collect();
    if !left_out.is_empty() {
        wrong.push(format!("it left out {}", left_out.join(", ")));
    }
    // Rules that were changed since were not applied to it.
    if record.config.digest != config_digest {
        wrong.push("mlops.yaml was another one then; run again".into());
    }
    for stage in stages.iter().filter(|stage| ran(stage)) {
        let gates = config.gates_of(*stage).iter();
        wrong.extend(gates.filter_map(|gate| unsettled(*stage, gate, record, config.inconclusive.promote, today)));
    }
    let outcome = if wrong.is_empty() { Outcome::Passed } else { Outcome::Failed };
    let message = match wrong.is_empty() {
        true => format!("run {}, {}", record.run.hash, record.decision.summary),
        false => wrong.join("; "),
    };
    let source = format!("{} ({})", candidate.digest, candidate.source);
    Check { outcome, message, ..Check::new("promote.record", "the candidate has a cleared record", source) }
}

/// What of a gate of the run is no leave to promote: no verdict on it, a quarantine that ended since, or that the data
/// could not tell.
fn unsettled(
    stage: StageKind,
    gate: &Gate,
    record: &wire::Record,
    inconclusive: Severity,
    today: NaiveDate,
) -> Option<String> {
    let is_of = |verdict: &&wire::Verdict| verdict.stage == stage.name() && verdict.gate == gate.text;
    let verdicts: Vec<_> = record.verdicts.iter().filter(is_of).collect();
    if verdicts.is_empty() {
        return Some(format!("it has no verdict on `{}` of {stage}: run `mlgate run` again", gate.text));
    }
    match gate.quarantine.as_ref().map(|quarantine| gate::state(quarantine, today)) {
        Some(gate::State::Void(why)) => return Some(format!("`{}`: {why}", gate.text)),
        Some(gate::State::Active(_)) => return None,
        None => {}
    }
    let untold = verdicts.into_iter().find(|verdict| verdict.outcome == Outcome::Inconclusive.name())?;
    (gate.severity == Severity::Block && inconclusive == Severity::Block).then(|| {
        let (gate, reason) = (&gate.text, &untold.reason);
        format!("`{gate}` was inconclusive: {reason} (`inconclusive: {{promote: warn}}` lets it through)")
    })
}

/// Whether what was built can be found again in git. Without git it only warns: the run hash still tells the content.
pub fn is_committed(record: &wire::Record) -> Check {
    let (severity, outcome, message) = match &record.run.commit {
        Some(commit) if !commit.dirty => {
            (Severity::Block, Outcome::Passed, format!("commit {} of {}", commit.sha, commit.time))
        }
        Some(commit) => {
            let message = format!("files differed from commit {}; commit and run again", commit.sha);
            (Severity::Block, Outcome::Failed, message)
        }
        None => (Severity::Warn, Outcome::Failed, "the run knew no commit; run it in a git repository".into()),
    };
    let source = format!("run {}", record.run.hash);
    Check {
        severity,
        outcome,
        message,
        ..Check::new("promote.commit", "the candidate was built from a commit", source)
    }
}

/// What runs in an environment now.
pub struct Production {
    /// `repository@digest`, or the environment where nothing runs yet.
    pub source: String,
    pub digest: Option<String>,
    /// None: nothing of the model was released there yet.
    pub released: Option<Released>,
    /// Where a signature is required: by whom its record is signed.
    pub signed: Option<Check>,
}

/// Finds what an environment runs, and its record; the predictions that rode with that go into the folder `rows_into`,
/// where they are asked for. An image that runs without a record is a fault and no first run:
/// something is in production that nobody can compare with.
///
/// # Errors
/// The overlay or the registry cannot be read; the record is not there, is not signed by one of `trust`, or does not
/// speak for the image; predictions that it tells of cannot be fetched.
pub async fn production(
    root: &Path,
    environment: &Environment,
    image: &Image,
    model: &str,
    access: &Access,
    (trust, rows_into): (Option<&Trust>, Option<&Path>),
) -> Result<Production, Fault> {
    let Some(digest) = overlay::running(root, environment, image, access).await? else {
        let source = format!("{} in {}", image.repository, environment.name);
        return Ok(Production { source, digest: None, released: None, signed: None });
    };
    let source = format!("{}@{digest}", image.repository);
    let what = || format!("read the record of {source}, which {} runs", environment.name);
    let found = attached(image, &digest, access, trust).await?.map_err(|why| {
        let hint = match trust {
            None => "let the overlay run a tag that is not in the registry until the first promotion",
            Some(_) => {
                "promote a signed image there before `require_signed` is asked for: what nobody has signed, \
                        anybody who may push can have written"
            }
        };
        Fault::new(what(), why, hint)
    })?;
    let signed = signed(&found, Check::new("promote.baseline.signed", "the record of what runs is signed", &source));
    let record = record::parse(&found.record, &source)?;
    let wrong = faults_of(&record, &digest, model);
    if !wrong.is_empty() {
        return Err(Fault::new(what(), wrong.join("; "), "promote an image of this model by mlgate"));
    }
    let measurements = record::measurements(&record)?;
    let profiles = record::profile::of_record(&record)?;
    let predictions = match rows_into {
        Some(folder) => predictions(&record, image, access, folder).await?,
        None => None,
    };
    let released = Some(Released { measurements, profiles, predictions });
    Ok(Production { source, digest: Some(digest), released, signed })
}

/// The predictions that a record tells of, as a file in `folder`.
///
/// # Errors
/// The registry does not have them as the record says.
pub async fn predictions(
    record: &wire::Record,
    image: &Image,
    access: &Access,
    folder: &Path,
) -> Result<Option<Pulled>, Fault> {
    let Some(about) = record.predictions.clone() else { return Ok(None) };
    let made = std::fs::create_dir_all(folder);
    let file = made.and_then(|()| tempfile::Builder::new().prefix("recorded-").suffix(".parquet").tempfile_in(folder));
    let what = || format!("make a file in {}", folder.display());
    let path = file.map_err(|e| Fault::new(what(), e, "is the disk full or read-only?"))?.into_temp_path();
    image::pull_predictions(&image.repository, &about, image.insecure, access, &path).await?;
    Ok(Some(Pulled { path: Arc::new(path), about }))
}

/// What `mlgate run` compares with production: the record of the image that the last environment runs. None when no
/// stage of the plan asks for it.
pub async fn in_production(ctx: &Context<'_>, plan: &Plan) -> Option<stage::Production> {
    let asked = (plan.runs(StageKind::Quality) && production::of_quality(ctx.config))
        || (plan.runs(StageKind::Data) && production::of_data(ctx.config))
        || (plan.runs(StageKind::Image) && production::of_image(ctx.config));
    if !asked {
        return None;
    }
    let (Some(image), Some(environment)) = (&ctx.config.image, ctx.config.environments.last()) else {
        let why = "mlops.yaml has no `image` or no `environments`";
        let fault = Fault::new("find the production image", why, "name both, or another baseline");
        return Some(stage::Production { source: "production".into(), found: Err(fault) });
    };
    let has_rows = ctx.config.quality.as_ref().is_some_and(|quality| quality.predictions.is_some());
    let rows_into =
        (has_rows && plan.runs(StageKind::Quality) && production::of_quality(ctx.config)).then_some(&*ctx.work);
    let is_signed = environment.promote.as_ref().is_some_and(|promote| promote.require_signed);
    // The numbers of a record that the promotion would not take are no baseline for the run either.
    let trust = if is_signed { prove::trust(ctx.root, ctx.config).map(Some) } else { Ok(None) };
    let found = match &trust {
        Ok(trust) => {
            let from = (trust.as_ref(), rows_into);
            production(ctx.root, environment, image, &ctx.config.model.name, ctx.access, from).await
        }
        Err(fault) => Err(fault.clone()),
    };
    Some(match found {
        Ok(found) => stage::Production { source: found.source, found: Ok(found.released) },
        Err(fault) => {
            stage::Production { source: format!("{} in {}", image.repository, environment.name), found: Err(fault) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config, quality};
    use serde_json::{Value, json};

    const CONFIG: &str = "\
version: 1
model: {name: churn}
quality:
  metrics: [m.json]
  gates: [f1 >= 0.5, \"warn: auc >= 0.5\"]
image: {repository: r.io/churn, layers: [{name: m, files: [m], to: /m}], gates: [size < 1MB]}
";

    fn verdict(stage: &str, gate: &str) -> Value {
        let none = Value::Null;
        json!({"stage": stage, "id": gate, "gate": gate, "outcome": "passed", "blocking": false, "value": 1.0,
               "unit": "score", "bound": none, "baseline": none, "difference": none, "interval": none, "n": none,
               "source": "m.json", "reason": ""})
    }

    /// The record of a run that judged all gates, as `change` leaves it.
    fn cleared(change: impl FnOnce(&mut Value)) -> Check {
        let digest = format!("sha256:{}", "0".repeat(64));
        let stage = |name: &str| json!({"name": name, "outcome": "passed", "seconds": 1.0});
        let mut record = json!({
            "schema": 1,
            "tool": {"name": "mlgate", "version": "1"},
            "run": {"id": "1", "hash": "sha256:1", "model": "churn", "command": "run", "host": "local",
                    "started": "", "finished": "", "dry_run": false},
            "config": {"path": "mlops.yaml", "digest": "sha256:2"},
            "inputs": [],
            "stages": [stage("quality"), stage("image")],
            "measurements": [],
            "checks": [],
            "verdicts": [verdict("quality", "f1 >= 0.5"), verdict("quality", "auc >= 0.5"), verdict("image", "size < 1MB")],
            "decision": {"outcome": "cleared", "summary": "3 passed", "exit_code": 0},
            "image": {"repository": "r.io/churn", "tags": [], "digest": digest, "bytes": 1, "pushed": true},
        });
        change(&mut record);
        let record = record::parse(record.to_string().as_bytes(), "it").unwrap();
        let config = config::parse(CONFIG, quality::metrics_of).unwrap();
        let candidate = Candidate { digest, source: "--digest".into(), hash: None };
        let stages = [StageKind::Quality, StageKind::Image];
        is_cleared(&record, &candidate, &config, "sha256:2", &stages, "2026-01-01".parse().unwrap())
    }

    #[test]
    fn every_gate_of_the_run_has_a_verdict() {
        let sound = cleared(|_| ());
        assert_eq!((sound.outcome, sound.message.as_str()), (Outcome::Passed, "run sha256:1, 3 passed"));
        for (at, gate) in [(0, "`f1 >= 0.5` of quality"), (1, "`auc >= 0.5` of quality"), (2, "`size < 1MB` of image")]
        {
            let lacking = cleared(|record| drop(record["verdicts"].as_array_mut().unwrap().remove(at)));
            assert_eq!(lacking.outcome, Outcome::Failed);
            assert_eq!(lacking.message, format!("it has no verdict on {gate}: run `mlgate run` again"));
            // The same words of another stage are another gate.
            let other = cleared(|record| record["verdicts"][at]["stage"] = "latency".into());
            assert_eq!(other.message, lacking.message);
        }
        let none = cleared(|record| record["verdicts"] = json!([]));
        assert_eq!(none.message.matches("it has no verdict on").count(), 3);
    }

    #[test]
    fn a_record_does_not_contradict_itself() {
        let blocked = cleared(|record| {
            record["verdicts"][0]["blocking"] = true.into();
            record["verdicts"][0]["reason"] = "0.4 is not at or above 0.5".into();
        });
        assert_eq!(blocked.outcome, Outcome::Failed);
        assert_eq!(blocked.message, "its verdict on `f1 >= 0.5` blocks: 0.4 is not at or above 0.5");
        let left_out = cleared(|record| record["stages"][1]["outcome"] = "skipped".into());
        assert_eq!(left_out.message, "it left out image");
    }
}
