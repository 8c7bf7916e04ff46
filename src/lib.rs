//! mlgate decides whether a machine-learning model may ship. [`run_command`] is the whole flow.

mod audit;
pub mod cli;
mod commands;
pub mod config;
pub mod data;
mod diff;
mod digest;
mod error;
pub mod exit;
mod files;
pub mod gate;
pub mod host;
pub mod image;
mod init;
pub mod kube;
pub mod kustomize;
pub mod load;
pub mod model;
mod patience;
mod plan;
pub mod process;
mod profile;
mod promote;
mod protobuf;
mod prove;
pub mod quality;
pub mod record;
pub mod report;
mod secret;
mod settings;
pub mod sign;
mod source;
pub mod stage;
mod stamp;
pub mod stats;
pub mod ui;

use cli::{Cli, Command, RunArgs};
use commands::Publication;
use error::Error;
use exit::Exit;
use image::Proof;
use model::{Decision, StageKind};
use settings::Settings;
use stage::{Context, Found};

/// Runs one command to its exit code. Dropping the future ends every process and container that it started.
///
/// # Errors
/// What kept the command from a decision, already in the user's words.
pub async fn dispatch(cli: Cli) -> Result<Exit, Error> {
    let settings = Settings::resolve(&cli)?;
    let done = match cli.command {
        Command::Run(args) => run(&settings, &args).await,
        Command::Promote(args) => promote::run(&settings, &args).await,
        Command::Check => commands::check(&settings),
        Command::Init(args) => commands::init(&settings, &args),
        Command::Render(args) => commands::render(&settings, &args),
        Command::Diff(args) => diff::run(&settings, &args).await,
        Command::Report { record, format } => commands::report(&settings, &record, format),
        Command::Explain(args) => commands::explain(&settings, &args),
        Command::Record(command) => commands::record(&settings, command).await,
        Command::Audit(args) => audit::run(&settings, &args).await,
        Command::Profile(args) => profile::run(&settings, &args).await,
        Command::Schema { of } => commands::schema(of),
        Command::Completions { shell } => commands::completions(shell),
    };
    done.map_err(|error| Error { text: secret::strike_out(&error.text), ..error })
}

/// `mlgate run`: config → plan → evidence → verdicts → decision → record → report → exit code, and no way back.
async fn run(settings: &Settings, args: &RunArgs) -> Result<Exit, Error> {
    let (text, mut config) = commands::load(settings)?;
    let plan = commands::plan(settings, &config, &commands::stages(&args.stages))?;
    settings.begin(&args.record)?;
    let may_push = plan.is_complete() && !args.dry_run;
    let signer = if may_push { prove::signer(settings, &config)? } else { None };
    let started = record::now();
    let commit = source::git::commit(&settings.root).await?;
    if plan.runs(StageKind::Image) {
        plan::fill_tags(&mut config, commit.as_ref(), may_push)?;
    }
    plan::settle_caches(&mut config, may_push)?;
    let tracked = source::git::tracked(&settings.root).await?;
    let (inputs, hashed) =
        record::inputs::of_folder(&settings.root, &settings.work(), &config.model.files, tracked).await?;
    let ui = settings.ui();
    let ctx = Context {
        config: &config,
        root: &settings.root,
        work: settings.work(),
        ui: &ui,
        access: &settings.access,
        sources: &settings.sources,
        today: record::today(),
    };

    let production = promote::in_production(&ctx, &plan).await;
    let mut found = stage::run(&plan, &ctx, production.as_ref()).await;
    if let Some(fault) = record::inputs::changed(&inputs, hashed, &settings.root, &config.model.files).await? {
        found.add_fault(plan.last(), fault);
    }
    let mut decision = Decision::over(&found.verdicts());

    let config_digest = digest::of(text.as_bytes());
    let all_inputs =
        inputs.iter().chain(found.ran.iter().flat_map(|r| &r.evidence.inputs)).cloned().collect::<Vec<_>>();
    let header = record::Header {
        run_id: settings.host.run_id().to_string(),
        host: settings.host.name().to_string(),
        command: "run",
        environment: None,
        model: config.model.name.clone(),
        commit,
        started,
        dry_run: args.dry_run,
        config_name: settings.config_name.clone(),
        hash: record::inputs::run_hash(
            &all_inputs,
            &config_digest,
            found.built.as_ref().map(|b| b.digest.as_str()),
            &plan.chosen(),
        ),
        config_digest,
    };
    let assemble = |found: &Found, decision: &Decision, pushed: bool| {
        let image = found.built.as_ref().map(|b| commands::image_of(b, pushed));
        let baseline = found.baseline.as_ref();
        record::assemble(header.clone(), inputs.clone(), &found.ran, baseline, decision, image)
    };

    let mut record = assemble(&found, &decision, false);
    if let (Decision::Cleared(cleared), Some(built), true) = (&decision, &found.built, may_push) {
        let insecure = config.image.as_ref().is_some_and(|i| i.insecure);
        let pushed = assemble(&found, &decision, true);
        let predictions = found.ran.iter().find_map(|ran| ran.evidence.predictions.as_ref());
        let proof = Proof {
            predictions,
            ..prove::of_run(&pushed, &config, settings, (built, &found.contents), signer.as_ref())
        };
        match image::publish(built, &proof, insecure, cleared).await {
            Ok(_) => record = pushed,
            Err(fault) => {
                // Cleared, but not pushed: there is nothing that could be promoted, and the exit code says so.
                found.add_fault(StageKind::Image, fault);
                decision = Decision::over(&found.verdicts());
                record = assemble(&found, &decision, false);
            }
        }
    }
    let effects = commands::pushes(&record);
    let to = Publication {
        path: &args.record,
        html: args.html.as_deref(),
        format: args.format,
        dry_run: args.dry_run,
        comment: !args.no_comment,
        effects: &effects,
    };
    commands::publish(settings, text, &record, to).await?;
    Ok(Exit::of(&decision))
}
