//! Files through which CI systems are told things. GitHub's formats: its documentation, "Workflow commands for
//! GitHub Actions", sections "Setting an output parameter" and "Adding a job summary".

use crate::digest;
use crate::record::wire::Record;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// GitHub drops a step's whole summary beyond this.
const SUMMARY_BYTES: u64 = 1 << 20;

/// Appends the report to the step's summary. Returns what came of it.
pub fn step_summary(path: Option<&Path>, markdown: &str) -> Option<String> {
    let path = path?;
    let there = fs::metadata(path).map_or(0, |file| file.len());
    if there + markdown.len() as u64 + 1 > SUMMARY_BYTES {
        return Some(format!("The step summary has no room for the report: it holds {there} bytes of 1 MiB already."));
    }
    Some(match append(path, &format!("{markdown}\n")) {
        Ok(()) => "The report is in the step summary.".into(),
        Err(why) => format!("The report could not be written to the step summary: {why}."),
    })
}

/// Sets the step's outputs `decision`, `record`, `image` and `digest`; the latter two are empty without an image.
/// Returns what went wrong.
pub fn outputs(path: Option<&Path>, record: &Record, record_path: &Path) -> Option<String> {
    let path = path?;
    let image = record.image.as_ref();
    let outputs = [
        ("decision", record.decision.outcome.clone()),
        ("record", record_path.display().to_string()),
        ("image", image.map(|image| image.repository.clone()).unwrap_or_default()),
        ("digest", image.map(|image| image.digest.clone()).unwrap_or_default()),
    ];
    let text: String = outputs.iter().map(|(name, value)| output(name, value)).collect();
    append(path, &text).err().map(|why| format!("The step's outputs could not be written: {why}."))
}

/// One output in the form for values of several lines, which no value can leave: the line that ends it holds the
/// value's own hash.
fn output(name: &str, value: &str) -> String {
    let end = digest::of(value.as_bytes()).replace("sha256:", "mlgate_");
    format!("{name}<<{end}\n{value}\n{end}\n")
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_sets_another_output() {
        let text = output("record", "x\nEOF\ndecision=cleared\nmlgate_\n");
        let (first, rest) = text.split_once('\n').unwrap();
        let end = first.strip_prefix("record<<").unwrap();
        assert_eq!(rest.lines().position(|line| line == end), Some(rest.lines().count() - 1));
    }

    #[test]
    fn a_full_summary_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("summary.md");
        fs::write(&path, vec![b'x'; (SUMMARY_BYTES - 3) as usize]).unwrap();
        assert!(step_summary(Some(&path), "abc").unwrap().contains("no room"));
        assert_eq!(fs::metadata(&path).unwrap().len(), SUMMARY_BYTES - 3);
        assert!(step_summary(Some(&path), "ab").unwrap().contains("is in the step summary"));
    }
}
