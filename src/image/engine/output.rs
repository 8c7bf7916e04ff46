//! What a build prints: told while it runs, and its last lines told again with a failure.

use crate::model::Fault;
use crate::secret::strike_out;
use std::collections::VecDeque;
use std::time::Duration;

/// A build that prints nothing for so long hangs.
pub(super) const SILENT: Duration = Duration::from_secs(30 * 60);
/// Lines of output told with a failure.
const LINES: usize = 12;
const LINE_CHARS: usize = 200;

/// What the engine says.
pub(crate) enum Said<'a> {
    /// `Step 2/5 : COPY . .` or `#4 [2/5] COPY . .`
    Step(&'a str),
    Output(&'a str),
}

/// The last lines of what came.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail(VecDeque<String>);

impl Tail {
    pub(super) fn push(&mut self, line: String) {
        if self.0.len() == LINES {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// `STEP: WHY`, and the lines below it.
    pub(super) fn told(&self, step: Option<&str>, why: &str) -> String {
        let mut text = step.map_or_else(|| why.to_string(), |step| format!("{step}: {why}"));
        for line in &self.0 {
            text.push_str("\n  ");
            text.push_str(line);
        }
        text
    }
}

/// A line as it may be shown: without secrets, which must be whole to be found, without what steers a terminal, and not
/// endless.
pub(super) fn plain(line: &str) -> String {
    let line = strike_out(line.trim_end());
    let line = anstream::adapter::strip_str(&line).to_string();
    line.chars().filter(|c| !c.is_control()).take(LINE_CHARS).collect()
}

/// The fault of a build that hangs.
pub(super) fn silent(what: &str, told: impl FnOnce(&str) -> String) -> Fault {
    Fault::new(what, told(&format!("nothing was heard for {} minutes", SILENT.as_secs() / 60)), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_its_step_and_the_last_lines() {
        let mut tail = Tail::default();
        (0..20).for_each(|n| tail.push(plain(&format!("\x1b[32mline {n}\x1b[0m\x07  "))));
        let told = tail.told(Some("Step 2/2 : RUN x"), "it ended with 1");
        assert!(told.starts_with("Step 2/2 : RUN x: it ended with 1\n  line 8\n"), "{told}");
        assert!(told.ends_with("\n  line 19"), "{told}");
        tail.clear();
        assert_eq!(tail.told(None, "gone"), "gone");
    }

    #[test]
    fn a_secret_is_struck_out_before_its_line_is_cut() {
        let (long, tab) = (format!("long-{}", "0123456789".repeat(90)), "machine hub\tpassword horse-battery");
        crate::secret::hide([long.clone(), tab.to_string()]);
        assert_eq!(plain(&format!("token {long}!")), "token ***!");
        assert_eq!(plain(tab), "***");
    }
}
