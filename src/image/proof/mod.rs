//! What is attached to an image: statements, as artifacts that refer to its digest, and signatures over them.

mod cosign;
mod read;
mod statement;

pub use read::{Attached, Attachments, Kind, Signed, pull_attached, pull_predictions, pull_record, pull_signed};
pub use statement::{PROMOTION_TYPE, RECORD_TYPE, Statement};

use super::access::Access;
use super::layout::{MANIFEST, descriptor};
use super::registry::{Reply, Repository, Source};
use crate::digest::{self, is_digest};
use crate::model::{Cleared, Fault, KeptPredictions};
use crate::sign::{BUNDLE, Signer};
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use serde_json::{Value, json};
use statement::STATEMENT_MEDIA;
use std::collections::BTreeMap;

/// As registered with IANA.
const PREDICTIONS_MEDIA: &str = "application/vnd.apache.parquet";
const EMPTY_MEDIA: &str = "application/vnd.oci.empty.v1+json";
const EMPTY: &[u8] = b"{}";
/// Names the statement's kind beside an artifact of in-toto, and beside a bundle.
const PREDICATE: &str = "in-toto.io/predicate-type";
const BUNDLE_CONTENT: &str = "dev.sigstore.bundle.content";
const BUNDLE_PREDICATE: &str = "dev.sigstore.bundle.predicateType";

/// What an image is pushed with.
#[derive(Debug)]
pub struct Proof<'a> {
    pub statements: Vec<Statement>,
    /// Signs each of them.
    pub signer: Option<&'a Signer>,
    /// What the record tells of, and rides with it.
    pub predictions: Option<&'a KeptPredictions>,
}

impl Proof<'_> {
    /// The record alone, unsigned.
    pub fn of_record(json: &[u8]) -> Proof<'static> {
        Proof { statements: vec![Statement::record(json)], signer: None, predictions: None }
    }
}

/// Attaches to the image `subject`, which the repository has. Attaching the same again changes nothing, signatures aside.
pub(super) async fn attach(repository: &Repository, subject: OciDescriptor, proof: &Proof<'_>) -> Result<(), Fault> {
    let what = format!("attach the record to {}@{}", repository.name(), subject.digest);
    let (mut unlisted, mut envelopes) = (Vec::new(), Vec::new());
    for statement in &proof.statements {
        let content = statement.about(&repository.name(), &subject.digest).map_err(|e| Fault::new(&what, e, ""))?;
        let predicate = statement.predicate_type.to_string();
        // A kind of its own says it already.
        let named = (statement.artifact_type == STATEMENT_MEDIA).then(|| (PREDICATE.to_string(), predicate.clone()));
        let artifact = Artifact {
            kind: statement.artifact_type,
            media_type: STATEMENT_MEDIA,
            content: &content,
            predictions: proof.predictions.filter(|_| statement.predicate_type == RECORD_TYPE),
            annotations: named.into_iter().collect(),
        };
        unlisted.extend(artifact.push(repository, &what, &subject).await?);
        let Some(signer) = proof.signer else { continue };
        let bundle = signer.sign(&content).await?;
        let signed = serde_json::to_vec(&bundle).map_err(|e| Fault::new(&what, e, ""))?;
        let artifact = Artifact {
            kind: BUNDLE,
            media_type: BUNDLE,
            content: &signed,
            predictions: None,
            annotations: BTreeMap::from([
                (BUNDLE_CONTENT.to_string(), "dsse-envelope".to_string()),
                (BUNDLE_PREDICATE.to_string(), predicate),
            ]),
        };
        unlisted.extend(artifact.push(repository, &what, &subject).await?);
        envelopes.push((statement.predicate_type, bundle));
    }
    if !unlisted.is_empty() {
        repository.link(&subject.digest, &unlisted).await?;
    }
    if envelopes.is_empty() { Ok(()) } else { cosign::add(repository, &subject.digest, &envelopes).await }
}

/// Attaches to an image that is in its repository already.
///
/// # Errors
/// The digest is not there, or the registry cannot be asked, or refuses.
pub async fn attach_to(
    repository: &str,
    digest: &str,
    insecure: bool,
    access: &Access,
    proof: &Proof<'_>,
    _: &Cleared,
) -> Result<(), Fault> {
    let what = format!("attach to {repository}@{digest}");
    if !is_digest(digest) {
        return Err(Fault::new(what, "this is no sha256 digest", ""));
    }
    let repository = Repository::named(repository, insecure, access).await?;
    let manifest = repository.manifest(digest).await?;
    let manifest = manifest.ok_or_else(|| Fault::new(what, "the registry has no such manifest", ""))?;
    let media_type = manifest.media_type.as_deref().unwrap_or(MANIFEST);
    let subject = descriptor(media_type, manifest.digest.clone(), manifest.bytes.len() as u64);
    attach(&repository, subject, proof).await
}

/// One blob that refers to an image. Format:
/// <https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage>.
struct Artifact<'a> {
    kind: &'a str,
    media_type: &'a str,
    content: &'a [u8],
    /// A second blob.
    predictions: Option<&'a KeptPredictions>,
    annotations: BTreeMap<String, String>,
}

impl Artifact<'_> {
    /// Pushes it; returns its entry for the fallback index where the registry does not list it by itself.
    async fn push(&self, repository: &Repository, what: &str, subject: &OciDescriptor) -> Result<Option<Value>, Fault> {
        let config = descriptor(EMPTY_MEDIA, digest::of(EMPTY), EMPTY.len() as u64);
        let layer = descriptor(self.media_type, digest::of(self.content), self.content.len() as u64);
        repository.push_bytes(&config, EMPTY).await?;
        repository.push_bytes(&layer, self.content).await?;
        let mut layers = vec![layer];
        if let Some(kept) = self.predictions {
            let blob = descriptor(PREDICTIONS_MEDIA, kept.digest.clone(), kept.bytes);
            repository.push_blob(&blob, Source::File(&kept.path)).await?;
            layers.push(blob);
        }
        let annotations = (!self.annotations.is_empty()).then(|| self.annotations.clone());
        let manifest = OciImageManifest {
            media_type: Some(MANIFEST.to_string()),
            artifact_type: Some(self.kind.to_string()),
            config,
            layers,
            subject: Some(subject.clone()),
            annotations: annotations.clone(),
            ..OciImageManifest::default()
        };
        let bytes = serde_json::to_vec(&manifest).map_err(|e| Fault::new(what, e, ""))?;
        let name = digest::of(&bytes);
        if repository.put_manifest(&name, &bytes, MANIFEST).await? == Reply::Linked {
            return Ok(None);
        }
        let mut entry = json!({"mediaType": MANIFEST, "digest": name, "size": bytes.len(), "artifactType": self.kind});
        if let Some(annotations) = annotations {
            entry["annotations"] = json!(annotations);
        }
        Ok(Some(entry))
    }
}
