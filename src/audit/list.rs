//! `mlgate record list`: all records of an image.

use crate::cli::ListFormat;
use crate::commands;
use crate::digest::is_digest;
use crate::error::Error;
use crate::exit::Exit;
use crate::image::{Attached, Attachments, Kind};
use crate::model::Fault;
use crate::prove;
use crate::record::{self, wire};
use crate::report::markdown;
use crate::report::text::harmless;
use crate::settings::Settings;
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, Serialize)]
struct Line {
    finished: String,
    /// `run`, or `promote` and the environment.
    command: String,
    commit: Option<String>,
    decision: String,
    signed: String,
    run: String,
    artifact: String,
}

/// Prints the records of the image `repository:tag` or `repository@sha256:…`, those of its promotions among them.
///
/// # Errors
/// The registry or a key cannot be read, or the image is not there.
pub async fn list(settings: &Settings, image: &str, keys: &[PathBuf], format: ListFormat) -> Result<Exit, Error> {
    let config = match settings.config_path.exists() {
        true => Some(commands::load(settings)?.1),
        false => None,
    };
    let trust = prove::trust_of(settings, keys, config.as_ref())?;
    let (repository, reference) = split(image).ok_or_else(|| {
        Error::usage(format!("`{image}` names no image: write repository:tag or repository@sha256:…"))
    })?;
    let image_of = config.as_ref().and_then(|config| config.image.as_ref());
    let insecure = image_of.is_some_and(|known| known.insecure && known.repository == repository);
    let attachments = Attachments::open(repository, insecure, &settings.access).await?;
    let digest = match is_digest(reference) {
        true => reference.to_string(),
        false => attachments
            .digest_of(reference)
            .await?
            .ok_or_else(|| Fault::new(format!("list the records of {image}"), "the registry has no such tag", ""))?,
    };
    let (mut lines, mut unread) = (Vec::new(), Vec::new());
    let in_registry = attachments.has(&digest).await?;
    for kind in [Kind::Record, Kind::Promotion] {
        let (found, more) = attachments.of(&digest, kind, &trust).await?;
        unread.extend(more);
        for attached in found {
            match record::parse(&attached.record, "of the image") {
                Ok(record) => lines.push(line(&attached, &record)),
                Err(fault) => unread.push(format!("{}: {}", attached.artifact, fault.why)),
            }
        }
    }
    lines.sort_by(|one, other| one.finished.cmp(&other.finished));
    let image = format!("{repository}@{digest}");
    commands::print(&render(&image, in_registry, &lines, &unread, format));
    // What cannot be read may be what was looked for.
    Ok(if unread.is_empty() { Exit::Ok } else { Exit::Errored })
}

/// Repository, and tag or digest; a port is no tag.
fn split(image: &str) -> Option<(&str, &str)> {
    image.split_once('@').filter(|(_, digest)| is_digest(digest)).or_else(|| {
        image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/') && !image.contains('@') && !tag.is_empty())
    })
}

fn line(attached: &Attached, record: &wire::Record) -> Line {
    let environment = record.run.environment.as_ref();
    Line {
        finished: record.run.finished.clone(),
        command: environment.map_or(record.run.command.clone(), |name| format!("{} {name}", record.run.command)),
        commit: record.run.commit.as_ref().map(|commit| commit.sha.clone()),
        decision: record.decision.outcome.clone(),
        signed: attached.signed.to_string(),
        run: record.run.hash.clone(),
        artifact: attached.artifact.clone(),
    }
}

fn render(image: &str, in_registry: bool, lines: &[Line], unread: &[String], format: ListFormat) -> String {
    if format == ListFormat::Json {
        let all = serde_json::json!({"image": image, "in_registry": in_registry, "records": lines, "unread": unread});
        return serde_json::to_string_pretty(&all).unwrap_or_default() + "\n";
    }
    let heads = ["finished", "command", "commit", "decision", "signed", "artifact"];
    let mut rows = vec![heads.map(str::to_string)];
    rows.extend(lines.iter().map(|line| {
        let commit = line.commit.as_deref().map_or("none", |sha| sha.get(..12).unwrap_or(sha));
        [&line.finished, &line.command, commit, &line.decision, &line.signed, &line.artifact]
            .map(|text: &str| harmless(text))
    }));
    let mut out = format!("{image}\n\n");
    match format {
        ListFormat::Markdown => {
            for (at, row) in rows.iter().enumerate() {
                out += &format!("| {} |\n", row.clone().map(|text| markdown::escape(&text)).join(" | "));
                if at == 0 {
                    out += &format!("|{}\n", " --- |".repeat(row.len()));
                }
            }
        }
        _ => {
            let widths: Vec<usize> =
                (0..heads.len()).map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0)).collect();
            for row in &rows {
                let cells = row.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}"));
                out += &(cells.collect::<Vec<_>>().join("  ").trim_end().to_string() + "\n");
            }
        }
    }
    if !in_registry {
        out += "the image itself is not in the registry\n";
    }
    if lines.is_empty() {
        out += "no record is attached to it\n";
    }
    unread.iter().for_each(|why| out += &format!("not read: {}\n", harmless(why)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_named_by_tag_or_digest() {
        let digest = format!("sha256:{}", "a".repeat(64));
        assert_eq!(split("127.0.0.1:5000/a:v1"), Some(("127.0.0.1:5000/a", "v1")));
        assert_eq!(split(&format!("r.io/a@{digest}")), Some(("r.io/a", digest.as_str())));
        for wrong in ["127.0.0.1:5000/a", "r.io/a", "r.io/a@sha256:1", "r.io/a:"] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }
}
