//! What a person sees while mlgate works: a bar on a terminal, plain lines in CI, nothing when piped.

use crate::secret::strike_out;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, SystemTime};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Terminal,
    Ci,
    Quiet,
}

/// How a CI system's log folds lines away under a title.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Folds {
    /// Not at all: only the title is shown.
    #[default]
    None,
    /// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#grouping-log-lines>
    GitHub,
    /// <https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections>
    GitLab,
}

/// Where progress goes: standard error, so that standard output stays the report's.
pub struct Ui {
    mode: Mode,
    folds: Folds,
}

impl Ui {
    pub fn new(mode: Mode) -> Ui {
        Ui { mode, folds: Folds::None }
    }

    pub fn with_folds(self, folds: Folds) -> Ui {
        Ui { folds, ..self }
    }

    /// Begins a part of a job's log that is folded away, until it is dropped. Nothing outside of CI.
    pub fn fold(&self, title: &str) -> Fold {
        let folds = if self.mode == Mode::Ci { self.folds } else { Folds::None };
        let title = inert(&strike_out(title));
        let name: String = title.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        match folds {
            Folds::None => self.say(&title),
            Folds::GitHub => eprintln!("::group::{title}"),
            Folds::GitLab => {
                eprintln!("\x1b[0Ksection_start:{}:{name}[collapsed=true]\r\x1b[0K{title}", seconds());
            }
        }
        Fold { folds, name }
    }

    /// A line that says what is being done now.
    pub fn say(&self, text: &str) {
        if self.mode == Mode::Ci {
            eprintln!("{}", strike_out(text));
        }
    }

    /// A line that a person should see in any case, such as why no comment was posted.
    pub fn note(&self, text: &str) {
        eprintln!("mlgate: {}", strike_out(text));
    }

    /// Progress of one long step of `total` units (bytes, rows, requests); none when unknown.
    pub fn progress(&self, what: &str, total: Option<u64>) -> Progress {
        self.say(what);
        let target = match self.mode {
            Mode::Terminal => ProgressDrawTarget::stderr(),
            Mode::Ci | Mode::Quiet => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(total, target);
        let style = match total {
            Some(_) => "{spinner} {msg} {wide_bar} {percent}% {eta}",
            None => "{spinner} {msg} {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_message(strike_out(what));
        if self.mode == Mode::Terminal {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Progress { bar }
    }
}

/// Lines that are folded away.
pub struct Fold {
    folds: Folds,
    name: String,
}

impl Fold {
    pub fn line(&self, text: &str) {
        if self.folds != Folds::None {
            eprintln!("{}", inert(&strike_out(text)));
        }
    }
}

impl Drop for Fold {
    fn drop(&mut self) {
        match self.folds {
            Folds::None => {}
            Folds::GitHub => eprintln!("::endgroup::"),
            Folds::GitLab => eprintln!("\x1b[0Ksection_end:{}:{}\r\x1b[0K", seconds(), self.name),
        }
    }
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Other people's text on one line, without what a runner would take for a command.
fn inert(text: &str) -> String {
    let line: String = text.chars().filter(|c| !c.is_control()).collect();
    let line = line.replace("##[", "# #[");
    if line.trim_start().starts_with("::") { line.replacen("::", ": :", 1) } else { line }
}

/// A running step; the bar goes when it is dropped.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub fn add(&self, units: u64) {
        self.bar.inc(units);
    }

    pub fn message(&self, text: &str) {
        self.bar.set_message(strike_out(text));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
