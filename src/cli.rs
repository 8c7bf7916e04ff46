//! The command line: clap types only.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Decides whether a machine-learning model may ship.
#[derive(Debug, Parser)]
#[command(name = "mlgate", version, max_term_width = 100)]
pub struct Cli {
    /// Work in this folder
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,
    /// The file to read instead of mlops.yaml
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// When to use colours; NO_COLOR is respected
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true)]
    pub color: Color,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a first mlops.yaml and a CI job for it
    Init(InitArgs),
    /// Check mlops.yaml and print what would run
    Check,
    /// Run the stages and decide
    Run(RunArgs),
    /// Let the built image into an environment, or not
    Promote(PromoteArgs),
    /// Render a Kustomize overlay
    Render(RenderArgs),
    /// Show what a change does to an environment: its rendered objects against those of the base branch
    Diff(DiffArgs),
    /// Show a record as a report
    Report {
        /// The record file
        record: PathBuf,
        #[arg(long, value_enum, default_value_t = Format::Terminal)]
        format: Format,
    },
    /// Tell in words why a gate or check came out as it did
    Explain(ExplainArgs),
    /// Read a record
    #[command(subcommand)]
    Record(RecordCommand),
    /// Show which image each environment ran from when to when, on what evidence, and who signed it
    Audit(AuditArgs),
    /// Profile a data set: what its columns hold, without its rows
    Profile(ProfileArgs),
    /// Print a JSON Schema
    Schema {
        #[arg(value_enum, default_value_t = SchemaOf::Config)]
        of: SchemaOf,
    },
    /// Print shell completions
    Completions { shell: clap_complete::Shell },
}

#[derive(Debug, Args)]
pub struct RenderArgs {
    /// Folder with a kustomization.yaml
    pub overlay: PathBuf,
    /// Clone bases in other repositories with git
    #[arg(long)]
    pub allow_remote: bool,
    /// Which files a kustomization may read
    #[arg(long, value_enum, default_value_t = LoadRestrictor::RootOnly, value_name = "RULE")]
    pub load_restrictor: LoadRestrictor,
    /// Who renders: mlgate itself, or the installed kustomize or kubectl
    #[arg(long, value_enum, default_value_t = Renderer::Native)]
    pub renderer: Renderer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LoadRestrictor {
    /// Only those at or below its own folder
    #[value(name = "LoadRestrictionsRootOnly", alias = "rootOnly")]
    RootOnly,
    /// Any
    #[value(name = "LoadRestrictionsNone", alias = "none")]
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Renderer {
    Native,
    Kustomize,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct InitArgs {
    #[command(subcommand)]
    pub what: Option<InitWhat>,
    /// Write a GitHub Actions workflow
    #[arg(long)]
    pub github: bool,
    /// Write a GitLab CI job
    #[arg(long)]
    pub gitlab: bool,
    /// Print what would be written
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub enum InitWhat {
    /// Write a base and overlays that serve the model in staging and prod
    Serving(ServingArgs),
}

#[derive(Debug, Args)]
pub struct ServingArgs {
    /// What runs the model in the cluster
    #[arg(long, value_enum)]
    pub platform: Platform,
    /// How a new image takes over; rolling unless said, canary with argo-rollouts
    #[arg(long, value_enum)]
    pub strategy: Option<Strategy>,
    /// Print what would be written
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Platform {
    /// A Deployment
    Plain,
    /// An InferenceService of KServe
    Kserve,
    /// A SeldonDeployment of Seldon Core 1
    Seldon,
    /// An image of BentoML in a Deployment, or a Rollout
    Bentoml,
    /// A Rollout of Argo Rollouts
    ArgoRollouts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Strategy {
    /// Pod by pod
    Rolling,
    /// A share of the requests first, analysed by the gates
    Canary,
    /// Beside the old version, analysed by the gates, then all at once
    BlueGreen,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Only these stages; all of mlops.yaml unless said. A run that leaves stages out cannot be promoted
    #[arg(value_enum, value_name = "STAGE")]
    pub stages: Vec<Stage>,
    /// Do all that has no effect outside the working tree, and print the rest
    #[arg(long)]
    pub dry_run: bool,
    /// Where the record is written
    #[arg(long, value_name = "FILE", default_value = ".mlgate/record.json")]
    pub record: PathBuf,
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub format: Format,
    /// Write the report as one HTML file, too; in CI .mlgate/report.html unless said
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Post no pull-request comment
    #[arg(long)]
    pub no_comment: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    Data,
    Tests,
    Quality,
    Image,
    Latency,
    Overlay,
}

#[derive(Debug, Args)]
pub struct PromoteArgs {
    /// An environment of mlops.yaml
    #[arg(value_name = "ENV")]
    pub environment: String,
    /// The image by digest; the one of the record file unless said
    #[arg(long, value_name = "sha256:…")]
    pub digest: Option<String>,
    /// The record file that names the image
    #[arg(long, value_name = "FILE", default_value = ".mlgate/record.json")]
    pub record: PathBuf,
    /// Evaluate everything, change nothing, and print what would change
    #[arg(long)]
    pub dry_run: bool,
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub format: Format,
    /// Write the report as one HTML file, too; in CI .mlgate/report.html unless said
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// An environment of mlops.yaml
    #[arg(value_name = "ENV")]
    pub environment: String,
    /// A branch, tag or commit; the branch that the change goes to unless said
    #[arg(long, value_name = "REF")]
    pub base: Option<String>,
    #[arg(long, value_enum, default_value_t = DiffFormat::Text)]
    pub format: DiffFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    Text,
    Json,
    /// For a pull request
    Markdown,
}

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A gate or check by its text, id, metric or a part of these; all that did not pass unless said
    #[arg(value_name = "GATE")]
    pub gate: Option<String>,
    /// The record file
    #[arg(long, value_name = "FILE", default_value = ".mlgate/record.json")]
    pub record: PathBuf,
}

#[derive(Debug, Args)]
pub struct ProfileArgs {
    /// A data set of mlops.yaml, or a file or glob
    #[arg(value_name = "DATA")]
    pub data: String,
    /// A table on a terminal and JSON elsewhere, unless said
    #[arg(long, value_enum)]
    pub format: Option<ProfileFormat>,
    /// Write it there, as JSON unless said
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// A column whose values must not be in the profile; those of mlops.yaml never are
    #[arg(long = "private", value_name = "COLUMN")]
    pub private: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileFormat {
    Table,
    /// What `drift: {against: FILE}` reads
    Json,
}

#[derive(Debug, Subcommand)]
pub enum RecordCommand {
    /// Print a record: of a file, or of an image by digest (repository@sha256:…)
    Show {
        /// .mlgate/record.json unless said
        source: Option<String>,
    },
    /// List all records of an image (repository:tag or repository@sha256:…): when, of which commit, decided how, signed by whom
    List {
        image: String,
        /// A public key whose signatures count, such as cosign.pub; those of mlops.yaml unless said
        #[arg(long = "key", value_name = "FILE")]
        keys: Vec<PathBuf>,
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
}

#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Such as ghcr.io/acme/churn; the one of mlops.yaml unless said
    pub repository: Option<String>,
    /// A public key whose signatures count, such as cosign.pub; those of mlops.yaml unless said
    #[arg(long = "key", value_name = "FILE")]
    pub keys: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    Text,
    Json,
    Markdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Of mlops.yaml
    Config,
    /// Of the record
    Record,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Terminal,
    Markdown,
    /// One file that loads nothing
    Html,
    Annotations,
    Junit,
    Json,
}
