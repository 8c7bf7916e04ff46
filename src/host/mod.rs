//! Where mlgate runs, and what it tells that place. Publishing comes after the decision and never changes it: what
//! could not be published is said and nothing more. Only this module and `settings` read environment variables,
//! through a function handed in.

mod api;
mod comment;
mod files;
mod github;
mod gitlab;
mod origin;

pub use comment::Patience;
pub use github::{GitHub, PullRequest};
pub use gitlab::GitLab;

use crate::record::statements::Builder;
use crate::record::wire::Record;
use crate::report::{self, Format};
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug)]
pub enum Host {
    GitHub(Box<GitHub>),
    GitLab(GitLab),
    /// A laptop, or a CI system that mlgate knows nothing of.
    Local,
}

impl Host {
    /// The name in the record.
    pub fn name(&self) -> &'static str {
        match self {
            Host::GitHub(_) => "github",
            Host::GitLab(_) => "gitlab",
            Host::Local => "local",
        }
    }

    /// The CI system's id of this run, or `local`.
    pub fn run_id(&self) -> &str {
        match self {
            Host::GitHub(github) => &github.run_id,
            Host::GitLab(gitlab) => &gitlab.pipeline,
            Host::Local => "local",
        }
    }
}

/// What is published, and from where.
#[derive(Clone, Debug)]
pub struct PublishOptions {
    /// Nothing leaves the machine; what would have is said.
    pub dry_run: bool,
    /// Whether the pull request gets a comment.
    pub comment: bool,
    /// The folder of `mlops.yaml`; files for the CI system go to `.mlgate/` in it.
    pub root: PathBuf,
    /// Where the record lies, for the step's output.
    pub record: PathBuf,
    /// The text of `mlops.yaml`, so that annotations point to lines.
    pub config: Option<String>,
    pub patience: Patience,
}

impl PublishOptions {
    pub fn new(root: &Path, record: &Path) -> PublishOptions {
        PublishOptions {
            dry_run: false,
            comment: true,
            root: root.into(),
            record: record.into(),
            config: None,
            patience: Patience::default(),
        }
    }
}

/// Which host this is, from its environment variables; on GitHub also from the event's payload.
pub fn detect(env: &dyn Fn(&str) -> Option<String>) -> Host {
    let is = |name: &str| env(name).as_deref() == Some("true");
    match (is("GITHUB_ACTIONS"), is("GITLAB_CI")) {
        (true, _) => Host::GitHub(Box::new(GitHub::detect(env))),
        (_, true) => Host::GitLab(GitLab::detect(env)),
        _ => Host::Local,
    }
}

/// Who runs this, from its environment variables.
pub fn builder(env: &dyn Fn(&str) -> Option<String>) -> Builder {
    origin::builder(env)
}

/// Publishes the record: on GitHub as annotations on `out`, step summary, step outputs and pull-request comment; on
/// GitLab as files that the job keeps. Returns what was published, what was not and why, a sentence each; `say`
/// hears of waits while they last.
pub async fn publish(
    host: &Host,
    record: &Record,
    options: &PublishOptions,
    out: &mut dyn Write,
    say: &dyn Fn(&str),
) -> Vec<String> {
    let render = report::Options { config: options.config.clone(), ..report::Options::default() };
    match host {
        Host::Local => vec![],
        Host::GitLab(gitlab) => gitlab.publish(record, options, &render),
        Host::GitHub(github) => {
            // GitHub strikes secrets out of logs, but not out of comments and summaries.
            let hidden = |text: String| github.token.as_ref().map(|token| token.strike_out(&text)).unwrap_or(text);
            let markdown = hidden(report::render(record, Format::Markdown, &render));
            let annotations = hidden(report::render(record, Format::Annotations, &render));
            let mut told = vec![];
            if let Err(why) = out.write_all(annotations.as_bytes()).and_then(|()| out.flush()) {
                told.push(format!("The annotations could not be printed: {why}."));
            }
            told.extend(files::step_summary(github.step_summary.as_deref(), &markdown));
            told.extend(files::outputs(github.output.as_deref(), record, &options.record));
            let say = |line: &str| say(&report::text::harmless(line));
            told.push(github.comment(record, &markdown, options, &say).await);
            told.iter().map(|line| report::text::harmless(line)).collect()
        }
    }
}
