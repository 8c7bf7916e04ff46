//! The record attached to an image: an in-toto Statement, pushed as an artifact that refers to the image's digest.
//!
//! Formats: <https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md> and, for the artifact manifest,
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage>.

use super::access::Access;
use super::layout::{MANIFEST, descriptor, size};
use super::registry::{Reply, Repository, Source};
use crate::digest::{self, is_digest};
use crate::model::{Fault, KeptPredictions};
use crate::record::wire;
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use serde_json::{Value, json};
use std::path::Path;

pub const PREDICATE_TYPE: &str = "https://mlgate.dev/record/v1";
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const STATEMENT_MEDIA: &str = "application/vnd.in-toto+json";
/// As registered with IANA.
const PREDICTIONS_MEDIA: &str = "application/vnd.apache.parquet";
const EMPTY_MEDIA: &str = "application/vnd.oci.empty.v1+json";
const EMPTY: &[u8] = b"{}";
/// The most that a statement may be long; more is an attack or a mistake.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// Records of one digest that are read. More runs than this on one digest are improbable; the last ones count.
const MOST_RECORDS: usize = 1000;

/// Attaches a record, and the predictions that it tells of, to the image `subject`, which the repository has. Attaching
/// the same record again changes nothing.
pub(super) async fn attach(
    repository: &Repository,
    subject: OciDescriptor,
    record: &[u8],
    predictions: Option<&KeptPredictions>,
) -> Result<(), Fault> {
    let what = format!("attach the record to {}@{}", repository.name(), subject.digest);
    let statement = statement(&repository.name(), &subject.digest, record).map_err(|e| Fault::new(&what, e, ""))?;
    let config = descriptor(EMPTY_MEDIA, digest::of(EMPTY), EMPTY.len() as u64);
    let layer = descriptor(STATEMENT_MEDIA, digest::of(&statement), statement.len() as u64);
    let folder = tempfile::tempdir().map_err(|e| Fault::new(&what, e, ""))?;
    for (name, bytes, blob) in [("config", EMPTY, &config), ("statement", &statement, &layer)] {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).map_err(|e| Fault::new(&what, e, ""))?;
        repository.push_blob(blob, Source::File(&file)).await?;
    }
    let mut layers = vec![layer];
    if let Some(kept) = predictions {
        let blob = descriptor(PREDICTIONS_MEDIA, kept.digest.clone(), kept.bytes);
        repository.push_blob(&blob, Source::File(&kept.path)).await?;
        layers.push(blob);
    }
    let image = subject.digest.clone();
    let manifest = OciImageManifest {
        media_type: Some(MANIFEST.to_string()),
        artifact_type: Some(wire::MEDIA_TYPE.to_string()),
        config,
        layers,
        subject: Some(subject),
        ..OciImageManifest::default()
    };
    let bytes = serde_json::to_vec(&manifest).map_err(|e| Fault::new(&what, e, ""))?;
    let name = digest::of(&bytes);
    if repository.put_manifest(&name, &bytes, MANIFEST).await? == Reply::Taken {
        let entry = json!({
            "mediaType": MANIFEST, "digest": name, "size": bytes.len(), "artifactType": wire::MEDIA_TYPE,
        });
        repository.link(&image, &entry).await?;
    }
    Ok(())
}

/// A record as a registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Of the artifact that carries it: `sha256:…`
    pub artifact: String,
    /// As it was pushed, byte for byte.
    pub record: Vec<u8>,
}

/// As [`pull_attached`], the record alone.
///
/// # Errors
/// As [`pull_attached`].
pub async fn pull_record(
    repository: &str,
    digest: &str,
    insecure: bool,
    access: &Access,
) -> Result<Option<Vec<u8>>, Fault> {
    Ok(pull_attached(repository, digest, insecure, access).await?.map(|attached| attached.record))
}

/// The record attached to `digest` (`sha256:…`), or carried by it; none when there is none. Of several the one whose run
/// finished last counts, and of those that finished together the one listed last.
///
/// # Errors
/// When the registry cannot be asked or refuses, or when a record there is about another digest or cannot be read.
pub async fn pull_attached(
    repository: &str,
    digest: &str,
    insecure: bool,
    access: &Access,
) -> Result<Option<Attached>, Fault> {
    let repository = Repository::named(repository, insecure, access).await?;
    let what = format!("read the record of {}@{digest}", repository.name());
    if !is_digest(digest) {
        return Err(Fault::new(what, "this is no sha256 digest", ""));
    }
    let found = repository.referrers(digest, wire::MEDIA_TYPE).await?;
    if found.is_empty() {
        return carried(&repository, &what, digest).await;
    }
    let mut latest: Option<(String, Attached)> = None;
    for entry in found.iter().skip(found.len().saturating_sub(MOST_RECORDS)) {
        let (statement, _) = statement_of(&repository, &what, &entry.digest).await?;
        let (finished, record) = predicate(&statement, digest)
            .map_err(|why| Fault::new(&what, format!("{}: {why}", entry.digest), "who can push to this repository?"))?;
        if latest.as_ref().is_none_or(|(before, _)| *before <= finished) {
            latest = Some((finished, Attached { artifact: entry.digest.clone(), record }));
        }
    }
    Ok(latest.map(|(_, attached)| attached))
}

/// Fetches the predictions that a record tells of into the file `to`.
///
/// # Errors
/// The registry cannot be asked, or does not have them; what it has is of another digest or size.
pub async fn pull_predictions(
    repository: &str,
    about: &wire::Predictions,
    insecure: bool,
    access: &Access,
    to: &Path,
) -> Result<(), Fault> {
    let what = format!("read the predictions of a record in {repository}");
    let hint = "what rides with a record was not written by mlgate: who can push to this repository?";
    if !is_digest(&about.digest) || about.bytes > KeptPredictions::MOST_BYTES {
        let why = format!("the record names `{}` of {} bytes", about.digest, about.bytes);
        return Err(Fault::new(what, why, hint));
    }
    let repository = Repository::named(repository, insecure, access).await?;
    let saved = repository.save_blob(&descriptor(PREDICTIONS_MEDIA, about.digest.clone(), about.bytes), to).await;
    saved.map_err(|fault| Fault { what, hint: if fault.hint.is_empty() { hint.into() } else { fault.hint }, ..fault })
}

/// The record that an artifact carries: its digest is what the annotation of a running pod names.
async fn carried(repository: &Repository, what: &str, digest: &str) -> Result<Option<Attached>, Fault> {
    let Some(manifest) = repository.manifest(digest).await? else { return Ok(None) };
    let kind: Value = serde_json::from_slice(&manifest.bytes).map_err(|e| Fault::new(what, e, ""))?;
    if kind["artifactType"] != wire::MEDIA_TYPE {
        return Ok(None);
    }
    let (statement, subject) = statement_of(repository, what, digest).await?;
    let subject = subject.ok_or_else(|| Fault::new(what, "the artifact refers to no image", ""))?;
    let (_, record) = predicate(&statement, &subject).map_err(|why| Fault::new(what, why, ""))?;
    Ok(Some(Attached { artifact: digest.to_string(), record }))
}

/// The statement of an artifact, and the digest that the artifact refers to.
async fn statement_of(repository: &Repository, what: &str, artifact: &str) -> Result<(Vec<u8>, Option<String>), Fault> {
    let gone = || Fault::new(what, format!("the artifact {artifact} is listed but not there"), "");
    if !is_digest(artifact) {
        return Err(Fault::new(what, format!("`{artifact}` is listed, which is no sha256 digest"), ""));
    }
    let manifest = repository.manifest(artifact).await?.ok_or_else(gone)?;
    let manifest: OciImageManifest = serde_json::from_slice(&manifest.bytes).map_err(|e| Fault::new(what, e, ""))?;
    let statements: Vec<_> = manifest.layers.iter().filter(|layer| layer.media_type == STATEMENT_MEDIA).collect();
    match &statements[..] {
        [layer] if is_digest(&layer.digest) && size(layer) <= MOST_BYTES => {
            Ok((repository.small_blob(layer, MOST_BYTES).await?, manifest.subject.map(|subject| subject.digest)))
        }
        _ => Err(Fault::new(what, format!("the artifact {artifact} holds no in-toto statement"), "")),
    }
}

/// Everything before the predicate. The record follows as it is, so that it can be taken out as it was.
fn head(name: &str, digest: &str) -> String {
    let subject = json!([{"name": name, "digest": {"sha256": digest.trim_start_matches("sha256:")}}]);
    format!(
        "{{\"_type\":\"{STATEMENT_TYPE}\",\"subject\":{subject},\"predicateType\":\"{PREDICATE_TYPE}\",\"predicate\":"
    )
}

fn statement(name: &str, digest: &str, record: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::from_slice::<serde::de::IgnoredAny>(record)?;
    Ok([head(name, digest).as_bytes(), record, b"}"].concat())
}

/// The record in a statement about `digest`, and when its run finished (empty when it does not say).
fn predicate(statement: &[u8], digest: &str) -> Result<(String, Vec<u8>), String> {
    let value: Value = serde_json::from_slice(statement).map_err(|e| format!("the statement is no JSON: {e}"))?;
    for (field, expected) in [("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)] {
        if value[field] != expected {
            return Err(format!("its {field} is {}, expected \"{expected}\"", value[field]));
        }
    }
    let hex = digest.trim_start_matches("sha256:");
    let subjects = value["subject"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !subjects.iter().any(|subject| subject["digest"]["sha256"] == hex) {
        let about: Vec<String> = subjects.iter().map(|subject| subject["digest"]["sha256"].to_string()).collect();
        return Err(format!("the record is about another image ({})", about.join(", ")));
    }
    let finished = value["predicate"]["run"]["finished"].as_str().unwrap_or_default().to_string();
    // Verbatim when mlgate wrote the statement, under whatever name the image had; another writer's is printed anew.
    let name = value["subject"][0]["name"].as_str().unwrap_or_default();
    let own = statement.strip_prefix(head(name, digest).as_bytes()).and_then(|rest| rest.strip_suffix(b"}"));
    let record = match own {
        Some(record) => record.to_vec(),
        None => value["predicate"].to_string().into_bytes(),
    };
    Ok((finished, record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_out_of_its_statement_byte_for_byte() {
        let image = digest::of(b"image");
        let record = b"{ \"run\": {\"finished\": \"2026-01-01T00:00:00Z\"},\n \"value\": 0.10000000000000001 }";
        let statement = statement("ghcr.io/a/\"b\"", &image, record).unwrap();
        let (finished, back) = predicate(&statement, &image).unwrap();
        assert_eq!((finished.as_str(), back.as_slice()), ("2026-01-01T00:00:00Z", record.as_slice()));

        let foreign: Value = serde_json::from_slice(&statement).unwrap();
        let foreign = serde_json::to_vec_pretty(&foreign).unwrap();
        assert!(predicate(&foreign, &image).unwrap().1.starts_with(b"{\"run\""));
    }

    #[test]
    fn a_statement_about_something_else_is_refused() {
        let statement = statement("r/a", &digest::of(b"one"), b"{}").unwrap();
        assert!(predicate(&statement, &digest::of(b"two")).unwrap_err().contains("another image"));
        let other = String::from_utf8(statement).unwrap().replace("mlgate.dev/record", "slsa.dev/provenance");
        assert!(predicate(other.as_bytes(), &digest::of(b"one")).unwrap_err().contains("predicateType"));
        assert!(predicate(b"[]", &digest::of(b"one")).is_err());
        assert!(self::statement("r/a", &digest::of(b"one"), b"{} , \"x\": 1").is_err());
    }
}
