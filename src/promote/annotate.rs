//! The annotations by which a running pod leads to its evidence: model, version, run and record. They go into the overlay's
//! `commonAnnotations`, which Kustomize gives to every object and its pods, line by line: what else is there stays as it is.

use crate::kustomize::{Output, Value};
use crate::record::wire;
use serde_json::Value as Json;

const MODEL: &str = "mlgate.dev/model";
const VERSION: &str = "mlgate.dev/model-version";
const RUN: &str = "mlgate.dev/run";
const RECORD: &str = "mlgate.dev/record";

const FIELD: &str = "commonAnnotations";
/// Written above them where there were none.
const COMMENT: &str = "# Written by `mlgate promote`: from a running pod to the evidence of what it runs.";

/// What leads from an image to the evidence in its record; `artifact` carries the record (`repository@sha256:…`). The
/// model's version is what the user called it: the image's first tag, or else the commit.
pub fn of(record: &wire::Record, artifact: &str) -> Vec<(&'static str, String)> {
    let tag = record.image.as_ref().and_then(|image| image.tags.first());
    let version = tag.or(record.run.commit.as_ref().map(|commit| &commit.sha));
    let mut leads = vec![(MODEL, record.run.model.clone())];
    leads.extend(version.map(|version| (VERSION, version.clone())));
    leads.extend([(RUN, record.run.hash.clone()), (RECORD, artifact.to_string())]);
    leads
}

/// The text of a kustomization with these annotations set. Comments, order, indentation and line ends stay.
///
/// # Errors
/// When they cannot be set by changing and adding lines alone, or the result would differ in anything else.
pub fn set(text: &str, leads: &[(&'static str, String)]) -> Result<String, String> {
    if leads.is_empty() {
        return Ok(text.to_string());
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_string).collect();
    match lines.iter().position(|line| is_field(line)) {
        Some(at) => change(&mut lines, at, leads, end)?,
        None => append(&mut lines, leads, end),
    }
    let after = lines.concat();
    let unsafe_edit = |why: &str| format!("`{FIELD}` cannot be edited safely: {why}");
    let read =
        |text: &str| serde_saphyr::from_str::<Json>(text).map_err(|_| unsafe_edit("it cannot be read as one document"));
    let mut expected = if text.trim().is_empty() { Json::Null } else { read(text)? };
    if expected.is_null() {
        expected = serde_json::json!({});
    }
    for (key, value) in leads {
        let annotations = &mut expected[FIELD];
        if !annotations.is_object() && !annotations.is_null() {
            return Err(unsafe_edit("it is no mapping"));
        }
        annotations[*key] = value.as_str().into();
    }
    if read(&after)? != expected {
        return Err(unsafe_edit("the result would differ in more than the annotations"));
    }
    Ok(after)
}

/// The line `commonAnnotations:` of a block, with nothing but a comment behind it.
fn is_field(line: &str) -> bool {
    line.strip_prefix(FIELD).is_some_and(|rest| rest.trim_start().starts_with(':'))
}

fn entry(key: &str, value: &str, indent: &str, end: &str) -> String {
    // JSON's quotes are YAML's: a version such as 1.10 stays text.
    format!("{indent}{key}: {}{end}", Json::from(value))
}

fn append(lines: &mut Vec<String>, leads: &[(&'static str, String)], end: &str) {
    if let Some(last) = lines.last_mut()
        && !last.ends_with('\n')
    {
        last.push_str(end);
    }
    if lines.iter().any(|line| !line.trim().is_empty()) {
        lines.push(end.to_string());
    }
    lines.push(format!("{COMMENT}{end}{FIELD}:{end}"));
    lines.extend(leads.iter().map(|(key, value)| entry(key, value, "  ", end)));
}

/// Changes the entries that are there and adds the others behind the last one.
fn change(lines: &mut Vec<String>, at: usize, leads: &[(&'static str, String)], end: &str) -> Result<(), String> {
    let behind = lines[at].split_once(':').map_or("", |(_, rest)| rest).trim();
    if !(behind.is_empty() || behind.starts_with('#')) {
        return Err(format!("`{FIELD}` does not begin a block of lines"));
    }
    let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let indent_of = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let inside = lines[at + 1..].iter().take_while(|line| is_blank(line) || indent_of(line) > 0).count();
    // Comments and blank lines behind the last entry belong to what follows.
    let entries = at + 1..at + 1 + inside;
    let last = entries.clone().rev().find(|line| !is_blank(&lines[*line])).unwrap_or(at);
    let first = entries.clone().find(|line| !is_blank(&lines[*line]));
    let indent = first.map_or("  ".to_string(), |line| " ".repeat(indent_of(&lines[line])));
    let mut added = Vec::new();
    for (key, value) in leads {
        let found = entries.clone().find(|line| key_of(&lines[*line]) == Some(key));
        match found {
            Some(line) => lines[line] = changed(&lines[line], value)?,
            None => added.push(entry(key, value, &indent, end)),
        }
    }
    if !added.is_empty() && !lines[last].ends_with('\n') {
        lines[last].push_str(end);
    }
    lines.splice(last + 1..last + 1, added);
    Ok(())
}

/// The key of an entry, without its quotes.
fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.trim_start().split_once(": ")?;
    Some(key.trim_end().trim_matches(['"', '\'']))
}

/// A line with another value, in the quotes that it has; a comment behind it stays where it is.
fn changed(line: &str, value: &str) -> Result<String, String> {
    let at = line.find(": ").map_or(line.len(), |at| at + 2);
    let (key, rest) = line.split_at(at);
    let start = rest.len() - rest.trim_start_matches(' ').len();
    let old = match rest[start..].chars().next() {
        Some('"') => double_quoted(&rest[start..]),
        Some('\'') => rest[start + 1..].find('\'').map(|length| length + 2),
        Some('&' | '*' | '!' | '|' | '>' | '{' | '[') => None,
        _ => Some(rest[start..].find([' ', '\r', '\n']).unwrap_or(rest.len() - start)),
    };
    let old = old.ok_or_else(|| format!("the value of `{}` is no plain text", key.trim()))?;
    let (old, behind) = rest[start..].split_at(old);
    // The result is read again, so what does not fit here is found out.
    let new = match old.starts_with('\'') && !value.contains(['\'', '\n']) {
        true => format!("'{value}'"),
        false => Json::from(value).to_string(),
    };
    let same = old == value || old.trim_matches(['"', '\'']) == value;
    Ok(format!("{key}{}{}{behind}", &rest[..start], if same { old } else { &new }))
}

/// Bytes of the double-quoted text that `text` begins with.
fn double_quoted(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map(|end| end + 2)
}

/// Kinds whose controller hands the annotations of the object down to its pods, or that are pods.
const HANDED_DOWN: [&str; 2] = ["InferenceService", "Pod"];

/// A note for each object that runs the image and whose pods do not get the annotations.
pub fn without(output: &Output, image: &str, leads: &[(&'static str, String)]) -> Vec<String> {
    if leads.is_empty() {
        return Vec::new();
    }
    let runs = |object: &&Value| {
        let one = Output { resources: vec![(*object).clone()] };
        one.images().iter().any(|reference| reference.image == image)
    };
    output
        .resources
        .iter()
        .filter(runs)
        .filter(|object| !HANDED_DOWN.contains(&object.str_at(&["kind"])) && annotated(object) < 2)
        .map(|object| {
            format!(
                "the pods of {} {} do not get the annotations: name their place in `configurations` (docs/promotion.md)",
                object.str_at(&["kind"]),
                object.str_at(&["metadata", "name"])
            )
        })
        .collect()
}

/// How often the record is named in an object: once in its own annotations, again in those of its pods.
fn annotated(value: &Value) -> usize {
    match value {
        Value::Map(map) => map.0.iter().map(|(key, inner)| usize::from(key == RECORD) + annotated(inner)).sum(),
        Value::List(list) => list.iter().map(annotated).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
