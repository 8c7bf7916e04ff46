//! What a person sees while mlgate works: a bar on a terminal, plain lines in CI, nothing when piped.

use crate::secret::strike_out;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Terminal,
    Ci,
    Quiet,
}

/// Where progress goes: standard error, so that standard output stays the report's.
pub struct Ui {
    mode: Mode,
}

impl Ui {
    pub fn new(mode: Mode) -> Ui {
        Ui { mode }
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
