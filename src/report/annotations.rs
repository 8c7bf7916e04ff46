//! GitHub workflow commands: verdicts that did not pass, shown at their line of `mlops.yaml`.
//! Syntax and escaping: GitHub's documentation, "Workflow commands for GitHub Actions", and the runner's `ActionCommand`.

use super::text::{count, one_line};
use super::{advice, is_check, label, outcome};
use crate::record::wire::{Record, Verdict};

/// GitHub shows ten errors and ten warnings a step and drops the rest without a word.
const SHOWN: usize = 10;

/// `config` is the text of `mlops.yaml`, in which the line of a gate is looked up.
pub fn render(record: &Record, config: Option<&str>) -> String {
    let checks = super::check_ids(record);
    let (mut errors, mut warnings) = (vec![], vec![]);
    for verdict in &record.verdicts {
        match outcome(&verdict.outcome) {
            "passed" | "skipped" => {}
            "warned" | "inconclusive" if !verdict.blocking => warnings.push(verdict),
            _ => errors.push(verdict),
        }
    }
    let mut out = String::new();
    for (command, verdicts) in [("error", errors), ("warning", warnings)] {
        let shown = if verdicts.len() > SHOWN { SHOWN - 1 } else { verdicts.len() };
        for verdict in &verdicts[..shown] {
            let title = format!("{}: {}", outcome(&verdict.outcome), label(verdict, is_check(&checks, verdict)));
            let line = config.and_then(|text| line_of(text, &verdict.gate));
            out.push_str(&annotation(command, record, line, &title, &message(verdict)));
        }
        if shown < verdicts.len() {
            let rest = count(verdicts.len() - shown, "more verdict");
            let text = format!("{rest} did not pass; the report lists them all");
            out.push_str(&annotation(command, record, None, &super::headline(record), &text));
        }
    }
    out
}

fn annotation(command: &str, record: &Record, line: Option<usize>, title: &str, message: &str) -> String {
    let mut properties = format!("file={}", property(&one_line(&record.config.path, 300)));
    if let Some(line) = line {
        properties.push_str(&format!(",line={line}"));
    }
    let title = property(&one_line(&format!("mlgate {title}"), 200));
    format!("::{command} {properties},title={title}::{}\n", data(message))
}

fn message(verdict: &Verdict) -> String {
    let mut text = one_line(&verdict.reason, 1000);
    for example in verdict.examples.iter().take(3) {
        text.push_str(&format!("\n· {}", one_line(example, 200)));
    }
    if let Some(advice) = advice(verdict) {
        text.push_str(&format!("\n→ {advice}"));
    }
    text
}

/// The line, counted from 1, on which the gate stands; none when it stands on no line or on several.
fn line_of(config: &str, gate: &str) -> Option<usize> {
    if gate.trim().is_empty() {
        return None;
    }
    let mut found = config.lines().enumerate().filter(|(_, line)| line.contains(gate.trim()));
    let (index, _) = found.next()?;
    found.next().is_none().then_some(index + 1)
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_early() {
        assert_eq!(data("50% \r\n::error::x"), "50%25 %0D%0A::error::x");
        assert_eq!(property("a,b: %0A"), "a%2Cb%3A %250A");
    }

    #[test]
    fn a_gate_is_found_on_its_line_or_not_at_all() {
        let config = "quality:\n  gates:\n    - f1 >= 0.85\n    - warn: f1 >= 0.9\n    - f1 >= 0.9\n";
        assert_eq!(line_of(config, "f1 >= 0.85"), Some(3));
        assert_eq!(line_of(config, "f1 >= 0.9"), None);
        assert_eq!(line_of(config, " "), None);
    }
}
