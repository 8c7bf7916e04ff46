//! Flags and environment → Settings. With `host/`, the only reader of environment variables.

use crate::cli::{Cli, Color};
use crate::data::Sources;
use crate::error::Error;
use crate::files;
use crate::host::{self, Host};
use crate::image::Access;
use crate::model::Fault;
use crate::record::statements::Builder;
use crate::report;
use crate::secret::{self, Secret};
use crate::sign::Token;
use crate::ui::{Folds, Mode, Ui};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Settings {
    /// The folder of `mlops.yaml`, absolute.
    pub root: PathBuf,
    /// The config's path for the record.
    pub config_name: String,
    /// The config's path as the user gave it, for messages.
    pub config_shown: String,
    pub config_path: PathBuf,
    /// Colours on standard output.
    pub color: bool,
    /// Colours on standard error.
    pub color_errors: bool,
    pub width: usize,
    /// Standard output is a terminal of another encoding than UTF-8.
    pub ascii: bool,
    pub progress: Mode,
    pub host: Host,
    /// Who runs this, for provenance.
    pub builder: Builder,
    /// The branch that the change goes to, where CI tells: `origin/main`.
    pub base: Option<String>,
    pub access: Access,
    /// How data on other machines are reached.
    pub sources: Arc<Sources>,
    pub signing: SigningSecrets,
}

/// What signatures are made with.
#[derive(Default)]
pub struct SigningSecrets {
    /// The private key, in PEM.
    pub key: Option<Secret>,
    pub password: Option<Secret>,
    /// What vouches for the identity of the CI job.
    pub token: Option<Token>,
}

/// Not handed to the commands of a run: whoever changes the tests must not sign what they test.
const SIGNING: [&str; 5] = [
    "MLGATE_SIGNING_KEY",
    "MLGATE_SIGNING_PASSWORD",
    "SIGSTORE_ID_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
];

impl SigningSecrets {
    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> SigningSecrets {
        let [key, password, given, url, token] = SIGNING.map(lookup);
        let secret = |value: Option<String>| value.and_then(Secret::new);
        let of_github = url.zip(secret(token)).map(|(url, token)| Token::GitHub { url, token });
        SigningSecrets {
            key: secret(key),
            password: secret(password),
            token: secret(given).map(Token::Given).or(of_github),
        }
    }
}

/// The scratch folder's name.
const WORK: &str = ".mlgate";

impl Settings {
    /// # Errors
    /// The folder is not there.
    pub fn resolve(cli: &Cli) -> Result<Settings, Error> {
        hide_secrets();
        secret::withhold(&SIGNING);
        let directory = cli.directory.clone().unwrap_or_else(|| PathBuf::from("."));
        let absolute = directory.canonicalize();
        let directory = absolute.map_err(|e| Error::usage(format!("cannot work in {}: {e}", directory.display())))?;
        let config_path = directory.join(cli.config.as_deref().unwrap_or("mlops.yaml".as_ref()));
        let root = config_path.parent().map_or_else(|| directory.clone(), PathBuf::from);
        let config_name = recorded(&config_path, &root);
        let given = cli.config.as_deref().unwrap_or("mlops.yaml".as_ref());
        let config_shown = cli.directory.clone().unwrap_or_default().join(given).display().to_string();
        let is_ci = variable("CI").is_some_and(|value| value != "false");
        let on_error = std::io::stderr().is_terminal();
        let color = |is_terminal: bool| match cli.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                is_terminal && variable("NO_COLOR").is_none() && variable("TERM").is_none_or(|t| t != "dumb")
            }
        };
        let sources = Arc::new(Sources::from_lookup(&root.join(WORK), variable));
        Ok(Settings {
            root,
            config_name,
            config_shown,
            config_path,
            color: color(std::io::stdout().is_terminal()),
            color_errors: color(on_error),
            width: width(),
            ascii: std::io::stdout().is_terminal() && !is_utf8(variable),
            progress: match (on_error, is_ci) {
                (_, true) => Mode::Ci,
                (true, false) => Mode::Terminal,
                (false, false) => Mode::Quiet,
            },
            host: host::detect(&variable),
            builder: host::builder(&variable),
            base: ["GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"]
                .into_iter()
                .find_map(variable)
                .map(|branch| format!("origin/{branch}")),
            access: Access::from_lookup(variable).with_variables(variable),
            sources,
            signing: SigningSecrets::from_lookup(variable),
        })
    }

    /// Scratch folder of mlgate under the root: the record, reports, built images.
    pub fn work(&self) -> PathBuf {
        self.root.join(WORK)
    }

    /// Makes the scratch folder, which no commit should hold, and takes away the record of the run before: a run that
    /// ends early must not leave one that speaks for another.
    ///
    /// # Errors
    /// The folder cannot be made, or the record not be removed.
    pub fn begin(&self, record: &Path) -> Result<(), Fault> {
        let work = self.work();
        let ignore = work.join(".gitignore");
        if !ignore.is_file() {
            files::write(&ignore, b"*\n")?;
        }
        let record = self.root.join(record);
        match std::fs::remove_file(&record) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Fault::new(format!("remove the old record {}", record.display()), error, ""))
            }
            _ => Ok(()),
        }
    }

    pub fn ui(&self) -> Ui {
        let folds = match self.host {
            Host::GitHub(_) => Folds::GitHub,
            Host::GitLab(_) => Folds::GitLab,
            Host::Local => Folds::None,
        };
        Ui::new(self.progress).with_folds(folds)
    }

    pub fn report_options(&self, config: Option<String>) -> report::Options {
        report::Options { color: self.color, width: self.width, ascii: self.ascii, config }
    }
}

/// The config's path for the record: from the workspace in CI, where annotations lead to it, else from its own folder.
/// Where the folder lies on this machine is nobody's business, and would make two records of the same inputs differ.
fn recorded(config: &Path, root: &Path) -> String {
    let workspace = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"].into_iter().find_map(variable);
    let workspace = workspace.and_then(|w| Path::new(&w).canonicalize().ok());
    let inside = workspace.and_then(|w| config.strip_prefix(w).ok());
    inside.or(config.strip_prefix(root).ok()).unwrap_or(config).display().to_string()
}

/// An environment variable; the empty one counts as absent, as CI systems set inputs that were not given.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether the locale is of UTF-8, as far as it is said: of these the first that is set decides (POSIX, 8.2).
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
    locale.is_none_or(|locale| locale.to_lowercase().replace('-', "").contains("utf8"))
}

fn width() -> usize {
    let of_terminal = rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col));
    let width = variable("COLUMNS").and_then(|c| c.parse().ok()).or(of_terminal).filter(|w| *w > 0);
    width.unwrap_or(100).clamp(40, 160)
}

/// Hides the values of variables that look like secrets by their name, and passwords in addresses.
fn hide_secrets() {
    let values = std::env::vars_os().filter_map(|(name, value)| {
        let value = value.to_string_lossy().into_owned();
        if secret::is_secret_name(&name.to_string_lossy()) { Some(value) } else { secret::password_of_address(&value) }
    });
    secret::hide(values);
}
