//! The stages: effects → Evidence. One file a stage.

pub mod data;
pub mod image;
mod image_checks;
pub mod latency;
mod numbers;
pub mod overlay;
pub mod production;
pub mod quality;
pub mod suites;

use crate::config::Config;
use crate::data::Sources;
use crate::gate::{self, Grounds, Looks, Policy};
use crate::image::contents::Contents;
use crate::image::{Access, Built};
use crate::model::{Baseline, Evidence, Fault, Outcome, Ran, StageKind, Verdict};
use crate::plan::Plan;
use crate::ui::Ui;
use chrono::NaiveDate;
pub use production::{Production, Released};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What every stage may use. Paths of the config are joined to `root`.
pub struct Context<'a> {
    pub config: &'a Config,
    /// The folder of `mlops.yaml`.
    pub root: &'a Path,
    /// Scratch folder for this run, `.mlgate/` under the root; made on demand.
    pub work: PathBuf,
    pub ui: &'a Ui,
    /// How the Docker engine and the registries are reached.
    pub access: &'a Access,
    /// How data on other machines are reached.
    pub sources: &'a Arc<Sources>,
    /// The day of the run, in UTC.
    pub today: NaiveDate,
}

/// What decides in a run beside its gates.
pub fn policy(config: &Config, today: NaiveDate) -> Policy {
    Policy {
        inconclusive: config.inconclusive.run,
        confidence: config.confidence,
        correction: config.slice_correction,
        looks: Looks {
            quality: config.quality.as_ref().map_or(1, |quality| quality.looks),
            latency: config.latency.as_ref().map_or(1, |latency| latency.looks),
        },
        today,
    }
}

/// All that the stages of a run found.
#[derive(Default)]
pub struct Found {
    pub ran: Vec<Ran>,
    /// What quality was compared with.
    pub baseline: Option<Baseline>,
    pub built: Option<Built>,
    /// What is in it for each of its platforms, where something asks for that.
    pub contents: Vec<Contents>,
    /// What the image was compared with.
    pub image_baseline: Option<Baseline>,
}

impl Found {
    /// A fault that came after the stage had run, such as a push that failed.
    pub fn add_fault(&mut self, stage: StageKind, fault: Fault) {
        if let Some(ran) = self.ran.iter_mut().find(|ran| ran.stage == stage) {
            ran.evidence.faults.push(fault.clone());
            ran.verdicts.extend(gate::checks(stage, &Evidence::of_fault(fault)));
        }
    }

    pub fn verdicts(&self) -> Vec<Verdict> {
        self.ran.iter().flat_map(|ran| ran.verdicts.clone()).collect()
    }
}

/// Runs the plan. A stage that blocks leaves the later ones skipped.
pub async fn run(plan: &Plan, ctx: &Context<'_>, production: Option<&Production>) -> Found {
    let mut found = Found::default();
    let mut blocked_by = None;
    for step in &plan.steps {
        let skipped = match (step.left_out, blocked_by) {
            (true, _) => Some("left out by the command line".to_string()),
            (false, Some(stage)) => Some(format!("the {stage} stage blocked")),
            (false, None) => None,
        };
        if let Some(why) = skipped {
            let verdicts = vec![gate::skipped(step.stage, &why)];
            found.ran.push(Ran { stage: step.stage, evidence: Evidence::default(), verdicts, seconds: 0.0 });
            continue;
        }
        ctx.ui.say(&format!("── {} ──", step.stage));
        let start = Instant::now();
        let evidence = execute(step.stage, ctx, &mut found, production).await;
        let baseline = if step.stage == StageKind::Image { &found.image_baseline } else { &found.baseline };
        let baseline = baseline.as_ref().unwrap_or(&Baseline::NotConfigured);
        let verdicts = judge(step.stage, ctx, &found.ran, baseline, &evidence);
        if verdicts.iter().any(|v| v.blocking) {
            blocked_by = Some(step.stage);
        }
        found.ran.push(Ran { stage: step.stage, evidence, verdicts, seconds: start.elapsed().as_secs_f64() });
    }
    found
}

async fn execute(stage: StageKind, ctx: &Context<'_>, found: &mut Found, production: Option<&Production>) -> Evidence {
    let config = ctx.config;
    match stage {
        StageKind::Data => data::run(ctx, &config.data, production).await,
        StageKind::Tests => suites::run(ctx, &config.tests).await,
        StageKind::Quality => match &config.quality {
            Some(quality) => {
                let unsure = |evidence: &Evidence, baseline: &Baseline| {
                    is_unsure(&judge(stage, ctx, &found.ran, baseline, evidence))
                };
                let (evidence, baseline) = quality::run(ctx, quality, production, &unsure).await;
                found.baseline = Some(baseline);
                evidence
            }
            None => Evidence::default(),
        },
        StageKind::Image => match &config.image {
            Some(image) => {
                let (mut evidence, built) = image::run(ctx, image, ctx.access).await;
                if let Some(built) = &built {
                    found.contents = image_checks::run(ctx, image, built, &mut evidence).await;
                    found.image_baseline = image_checks::baseline(image, production, &mut evidence);
                }
                found.built = built;
                evidence
            }
            None => Evidence::default(),
        },
        StageKind::Latency => match &config.latency {
            Some(latency) => {
                let baseline = found.baseline.as_ref().unwrap_or(&Baseline::NotConfigured);
                let unsure = |evidence: &Evidence| is_unsure(&judge(stage, ctx, &found.ran, baseline, evidence));
                latency::run(ctx, latency, found.built.as_ref(), &unsure).await
            }
            None => Evidence::default(),
        },
        StageKind::Overlay => {
            let pin = found.built.as_ref().map(|b| (b.repository.as_str(), b.digest.as_str()));
            overlay::run(ctx, &config.environments, pin).await
        }
        StageKind::Promote => Evidence::default(),
    }
}

fn is_unsure(verdicts: &[Verdict]) -> bool {
    verdicts.iter().any(|verdict| verdict.outcome == Outcome::Inconclusive)
}

fn judge(
    stage: StageKind,
    ctx: &Context<'_>,
    before: &[Ran],
    baseline: &Baseline,
    evidence: &Evidence,
) -> Vec<Verdict> {
    let earlier = before.iter().flat_map(|ran| &ran.evidence.measurements).collect();
    let grounds = Grounds { evidence, earlier, baseline };
    let mut verdicts = gate::checks(stage, evidence);
    verdicts.extend(gate::gates(stage, ctx.config.gates_of(stage), &grounds, &policy(ctx.config, ctx.today)));
    // A stage that says nothing has not passed: something in it must have been looked at.
    if verdicts.is_empty() && evidence.measurements.is_empty() {
        let fault = Fault::new(format!("run the {stage} stage"), "it found nothing at all", "");
        verdicts = gate::checks(stage, &Evidence::of_fault(fault));
    }
    verdicts
}
