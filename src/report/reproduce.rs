//! The commands that show a run again. They are made to be copied into a shell, and a record may be a stranger's: a
//! word that is not plainly a name is left out, whatever it is.

use crate::model::StageKind;
use crate::record::wire::Record;

/// The stages that `mlgate run` knows by name.
const STAGES: [StageKind; 6] = StageKind::RUN;

pub fn commands(record: &Record) -> Vec<String> {
    let run = &record.run;
    let mut lines = Vec::new();
    let is_hash = |sha: &str| (7..=64).contains(&sha.len()) && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(commit) = run.commit.as_ref().filter(|commit| is_hash(&commit.sha)) {
        let changes = if commit.dirty { "    # and its uncommitted changes, which no commit holds" } else { "" };
        lines.push(format!("git checkout {}{changes}", commit.sha));
    }
    lines.extend(again(record));
    lines.push("mlgate report .mlgate/record.json --format html > report.html".into());
    lines
}

/// The command of the run itself; none where the record does not name one that there is.
pub fn again(record: &Record) -> Option<String> {
    match record.run.command.as_str() {
        "run" => {
            let ran: Vec<&str> = record
                .stages
                .iter()
                .filter(|stage| stage.outcome != "skipped")
                .filter_map(|stage| STAGES.into_iter().map(StageKind::name).find(|known| *known == stage.name))
                .collect();
            let all = record.stages.iter().all(|stage| stage.outcome != "skipped");
            let named = if all { String::new() } else { ran.iter().map(|stage| format!(" {stage}")).collect() };
            Some(format!("mlgate run{named}{}", if record.run.dry_run { " --dry-run" } else { "" }))
        }
        "promote" => {
            let environment = record.run.environment.as_deref().filter(|name| is_name(name))?;
            Some(format!("mlgate promote {environment} --dry-run"))
        }
        _ => None,
    }
}

/// Whether `mlgate run` takes that word.
pub fn is_stage(word: &str) -> bool {
    STAGES.into_iter().any(|stage| stage.name() == word)
}

/// Whether a word means nothing to a shell.
fn is_name(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/@:".contains(&byte);
    !word.is_empty() && word.len() <= 200 && !word.starts_with('-') && word.bytes().all(plain)
}
