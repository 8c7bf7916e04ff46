//! The small commands, and what the large ones share with them.

use crate::audit;
use crate::cli::{self, InitArgs, RecordCommand, SchemaOf};
use crate::config::{self, Config};
use crate::error::Error;
use crate::exit::Exit;
use crate::files;
use crate::host::{self, PublishOptions};
use crate::image::{self, Attachments, Built};
use crate::init;
use crate::init::serving::{Platform, Strategy};
use crate::kustomize;
use crate::model::{Fault, StageKind, Unit};
use crate::plan::{self, Plan};
use crate::quality;
use crate::record::{self, wire};
use crate::report::{self, Format};
use crate::secret;
use crate::settings::Settings;
use std::io::Write;
use std::path::Path;

/// Reads and checks `mlops.yaml`.
///
/// # Errors
/// Every problem of the file at once, rendered.
pub fn load(settings: &Settings) -> Result<(String, Config), Error> {
    let name = &settings.config_shown;
    let render =
        |text: &str, problems: &config::Problems| Error::usage(problems.render(name, text, settings.color_errors));
    let text = config::read_text(&settings.config_path).map_err(|problems| render("", &problems))?;
    match config::parse(&text, quality::metrics_of) {
        Ok(config) => Ok((text, config)),
        Err(problems) => Err(render(&text, &problems)),
    }
}

pub fn stages(asked: &[cli::Stage]) -> Vec<StageKind> {
    asked
        .iter()
        .map(|stage| match stage {
            cli::Stage::Data => StageKind::Data,
            cli::Stage::Tests => StageKind::Tests,
            cli::Stage::Quality => StageKind::Quality,
            cli::Stage::Image => StageKind::Image,
            cli::Stage::Latency => StageKind::Latency,
            cli::Stage::Overlay => StageKind::Overlay,
        })
        .collect()
}

/// The plan of the stages asked for, or of all.
///
/// # Errors
/// `mlops.yaml` does not have a stage that was asked for, or none at all: an empty run would pass everything.
pub fn plan(settings: &Settings, config: &Config, asked: &[StageKind]) -> Result<Plan, Error> {
    let plan = plan::make(config, asked).map_err(|absent| {
        let names: Vec<&str> = absent.iter().map(|s| s.name()).collect();
        Error::usage(format!("{} has no stage {}", settings.config_shown, names.join(", ")))
    })?;
    if plan.steps.is_empty() {
        let text = format!(
            "{} names no stage: add data, tests, quality, image, latency or environments",
            settings.config_shown
        );
        return Err(Error::usage(text));
    }
    Ok(plan)
}

/// `mlgate check`: the config is sound if we come here; prints the plan.
pub fn check(settings: &Settings) -> Result<Exit, Error> {
    let (_, config) = load(settings)?;
    let plan = plan(settings, &config, &[])?;
    print(&plan.show(&config));
    print(&power(settings, &config));
    Ok(Exit::Ok)
}

/// Which gates the rows of the last run are too few for, by its record; nothing where there is none that can be read.
fn power(settings: &Settings, config: &Config) -> String {
    let path = settings.work().join("record.json");
    let Some(record) = std::fs::read(&path).ok().and_then(|bytes| record::parse(&bytes, "").ok()) else {
        return String::new();
    };
    let gates: Vec<&str> = config.gates().map(|gate| gate.text.as_str()).collect();
    let too_few =
        record.verdicts.iter().filter(|verdict| gates.contains(&verdict.gate.as_str())).filter_map(|verdict| {
            let (n, advised) = (verdict.n?, verdict.n_advised.filter(|advised| Some(*advised) > verdict.n)?);
            let slice = verdict.slice.as_ref().map(|s| format!(" for {}={}", s.column, s.value)).unwrap_or_default();
            let rows = |n: u64| Unit::Count.show(n as f64);
            let gate = format!("`{}`{slice}", verdict.gate);
            Some(format!(
                "{gate}: the {} rows of the last run cannot see such a change, about {} would\n",
                rows(n),
                rows(advised)
            ))
        });
    too_few.collect()
}

/// `mlgate init`: writes what is not there yet; what is there is never touched.
pub fn init(settings: &Settings, args: &InitArgs) -> Result<Exit, Error> {
    let folder = settings.root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(cli::InitWhat::Serving(args)) = &args.what {
        return init_serving(settings, &folder, args);
    }
    write_new(settings, &init::files(&folder, args.github, args.gitlab)?, args.dry_run)?;
    Ok(Exit::Ok)
}

/// `mlgate init serving`: manifests for the model of `mlops.yaml`, and what that file lacks to render them.
fn init_serving(settings: &Settings, folder: &str, args: &cli::ServingArgs) -> Result<Exit, Error> {
    // Before the first `mlops.yaml` there is nothing to read; one that is there and wrong is told.
    let config = if settings.config_path.exists() { Some(load(settings)?.1) } else { None };
    let platform = match args.platform {
        cli::Platform::Plain => Platform::Plain,
        cli::Platform::Kserve => Platform::Kserve,
        cli::Platform::Seldon => Platform::Seldon,
        cli::Platform::Bentoml => Platform::Bentoml,
        cli::Platform::ArgoRollouts => Platform::ArgoRollouts,
    };
    let strategy = args.strategy.map_or(platform.usual(), |strategy| match strategy {
        cli::Strategy::Rolling => Strategy::Rolling,
        cli::Strategy::Canary => Strategy::Canary,
        cli::Strategy::BlueGreen => Strategy::BlueGreen,
    });
    let serving = init::serving::files(config.as_ref(), folder, platform, strategy)?;
    write_new(settings, &serving.files, args.dry_run)?;
    for gate in &serving.left_out {
        print(&format!("left out of the analysis: `{gate}`, which Prometheus cannot be asked for\n"));
    }
    if !serving.section.is_empty() {
        print(&format!("\n{} lacks:\n\n{}", settings.config_shown, serving.section));
    }
    Ok(Exit::Ok)
}

/// Writes the files that are not there yet, or in a dry run says which these are.
fn write_new(settings: &Settings, files: &[init::File], dry_run: bool) -> Result<(), Error> {
    for file in files {
        let path = settings.root.join(&file.path);
        // Also a link that leads nowhere is there.
        if path.symlink_metadata().is_ok() {
            print(&format!("kept {}, which is there already\n", file.path));
        } else if dry_run {
            print(&format!("would write {}:\n{}\n", file.path, file.text));
        } else {
            files::write(&path, file.text.as_bytes())?;
            print(&format!("wrote {}\n", file.path));
        }
    }
    Ok(())
}

/// `mlgate render OVERLAY`: the same output as `kustomize build`.
pub fn render(settings: &Settings, args: &cli::RenderArgs) -> Result<Exit, Error> {
    let options = kustomize::Options {
        allow_remote: args.allow_remote,
        load_anywhere: args.load_restrictor == cli::LoadRestrictor::None,
        installed: args.renderer == cli::Renderer::Kustomize,
        withheld: secret::withheld(),
        ..kustomize::Options::default()
    };
    let shown = args.overlay.display();
    let output = kustomize::build(&settings.root.join(&args.overlay), &options)
        .map_err(|error| Error { exit: Exit::Usage, text: format!("cannot render {shown}: {error}") })?;
    print(&output.to_yaml());
    Ok(Exit::Ok)
}

/// `mlgate report RECORD`: shows what the run showed.
pub fn report(settings: &Settings, path: &Path, format: cli::Format) -> Result<Exit, Error> {
    let record = read_record(settings, path)?;
    let config = std::fs::read_to_string(&settings.config_path).ok();
    print(&report::render(&record, report_format(format), &settings.report_options(config)));
    Ok(Exit::Ok)
}

/// `mlgate explain`: why gates and checks came out as they did.
pub fn explain(settings: &Settings, args: &cli::ExplainArgs) -> Result<Exit, Error> {
    let record = read_record(settings, &args.record)?;
    let text = report::explain(&record, args.gate.as_deref(), &settings.report_options(None)).map_err(Error::usage)?;
    print(&text);
    Ok(Exit::Ok)
}

/// `mlgate record`: the JSON of a file, or of an image by digest; or the list of all that an image has.
pub async fn record(settings: &Settings, command: RecordCommand) -> Result<Exit, Error> {
    let source = match command {
        RecordCommand::List { image, keys, format } => return audit::list(settings, &image, &keys, format).await,
        RecordCommand::Show { source } => source,
    };
    let record = match source.as_deref().map(|s| (s, s.split_once("@sha256:"))) {
        Some((reference, Some((repository, digest)))) => {
            let digest = format!("sha256:{digest}");
            let found = image::pull_record(repository, &digest, false, &settings.access).await?;
            let fault = || Fault::new(format!("read the record of {reference}"), "none is attached to the image", "");
            let record = record::parse(&found.ok_or_else(fault)?, reference)?;
            // The evidence outlives the image; who reads it should not take the image for granted.
            if !Attachments::open(repository, false, &settings.access).await?.has(&digest).await? {
                settings.ui().note(&format!("the image {reference} itself is no longer in the registry"));
            }
            record
        }
        Some((file, None)) => read_record(settings, Path::new(file))?,
        None => read_record(settings, Path::new(".mlgate/record.json"))?,
    };
    print(&String::from_utf8_lossy(&record::to_json(&record)));
    Ok(Exit::Ok)
}

/// The record in a file that the user named.
///
/// # Errors
/// Wrong usage: no such file, or one that holds no record.
pub fn read_record(settings: &Settings, path: &Path) -> Result<wire::Record, Error> {
    let bytes = std::fs::read(settings.root.join(path))
        .map_err(|error| Error::usage(format!("cannot read {}: {error}; `mlgate run` writes it", path.display())))?;
    record::parse(&bytes, &path.display().to_string()).map_err(|fault| Error::usage(fault.to_string()))
}

pub fn schema(of: SchemaOf) -> Result<Exit, Error> {
    match of {
        SchemaOf::Config => print(&config::json_schema()),
        SchemaOf::Record => print(record::JSON_SCHEMA),
    }
    Ok(Exit::Ok)
}

pub fn completions(shell: clap_complete::Shell) -> Result<Exit, Error> {
    let mut command = <cli::Cli as clap::CommandFactory>::command();
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut command, "mlgate", &mut out);
    print(&String::from_utf8_lossy(&out));
    Ok(Exit::Ok)
}

pub fn report_format(format: cli::Format) -> Format {
    match format {
        cli::Format::Terminal => Format::Terminal,
        cli::Format::Markdown => Format::Markdown,
        cli::Format::Html => Format::Html,
        cli::Format::Annotations => Format::Annotations,
        cli::Format::Junit => Format::Junit,
        cli::Format::Json => Format::Json,
    }
}

/// How a record becomes public.
pub struct Publication<'a> {
    /// Where it is written, below the root.
    pub path: &'a Path,
    /// Where the report is written as HTML, below the root; in CI `.mlgate/report.html` unless said.
    pub html: Option<&'a Path>,
    pub format: cli::Format,
    pub dry_run: bool,
    /// Whether the pull request gets a comment.
    pub comment: bool,
    /// What was done outside, or in a dry run would be: lines after the report on the terminal.
    pub effects: &'a [String],
}

/// Writes the record, prints the report, and tells the host. A failure to publish never changes the decision.
///
/// # Errors
/// The record cannot be written: a run without a record is no run.
pub async fn publish(
    settings: &Settings,
    config: String,
    record: &wire::Record,
    to: Publication<'_>,
) -> Result<(), Error> {
    let ui = settings.ui();
    let path = settings.root.join(to.path);
    files::write(&path, &record::to_json(record))?;
    // In CI the page is there to be kept as an artifact.
    let of_ci = (settings.host.name() != "local").then_some(Path::new(".mlgate/report.html"));
    if let Some(html) = to.html.or(of_ci) {
        let page = report::render(record, Format::Html, &settings.report_options(None));
        if let Err(fault) = files::write(&settings.root.join(html), page.as_bytes()) {
            ui.note(&format!("the HTML report is missing: {fault}"));
        }
    }
    let is_terminal = to.format == cli::Format::Terminal;
    print(&report::render(record, report_format(to.format), &settings.report_options(Some(config.clone()))));
    for line in to.effects {
        if is_terminal { print(&format!("{line}\n")) } else { ui.note(line) }
    }
    let options = PublishOptions {
        dry_run: to.dry_run,
        comment: to.comment,
        config: Some(config),
        ..PublishOptions::new(&settings.root, &path)
    };
    // GitHub reads annotations from both streams; a report that another program reads keeps standard output to itself.
    let mut out: Box<dyn Write> = if is_terminal { Box::new(std::io::stdout()) } else { Box::new(std::io::stderr()) };
    for line in host::publish(&settings.host, record, &options, &mut out, &|line| ui.note(line)).await {
        ui.note(&line);
    }
    Ok(())
}

/// What `mlgate run` does to the registry, or would do without `--dry-run`.
pub fn pushes(record: &wire::Record) -> Vec<String> {
    let is_whole = record.stages.iter().all(|stage| stage.outcome != "skipped");
    let would_push = record.run.dry_run && record.decision.exit_code == 0 && is_whole;
    let Some(image) = record.image.as_ref().filter(|image| image.pushed || would_push) else { return Vec::new() };
    let (did, would, also) = match image.repository.starts_with("oci:") {
        true => ("wrote", "would write", ""),
        false => ("pushed", "would push", ", with its record"),
    };
    let verb = if image.pushed { did } else { would };
    let of_tag = |tag: &String| format!("{verb} {}:{tag} at {}{also}", image.repository, image.digest);
    image.tags.iter().map(of_tag).collect()
}

pub fn image_of(built: &Built, pushed: bool) -> wire::Image {
    wire::Image {
        repository: built.repository.clone(),
        tags: built.tags.clone(),
        digest: built.digest.clone(),
        bytes: built.bytes,
        pushed,
        replaces: None,
    }
}

/// Prints to standard output; a reader that went away (`mlgate report … | head`) is no error.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
