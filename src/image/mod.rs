//! The model's container image: built into an OCI layout on disk by the Docker engine or with no daemon, pushed from
//! there once the run is cleared, and its record attached. What is tested is what is promoted: one digest, known
//! before anything is pushed.

mod access;
mod archive;
pub mod container;
mod engine;
mod layers;
mod layout;
mod pipe;
mod record;
mod registry;

pub use access::Access;
pub use record::{Attached, PREDICATE_TYPE, pull_attached, pull_predictions, pull_record};
pub(crate) use registry::check_tags;
pub use registry::{resolve, retag};

pub(crate) use engine::build as build_with_engine;
pub(crate) use layers::build as build_without_engine;

use crate::model::{Cleared, Fault, KeptPredictions};
use layout::{Layout, MANIFEST, descriptor};
use oci_client::manifest::OciDescriptor;
use registry::{Repository, Sent, Source};
use std::path::PathBuf;

/// An image that was built and not pushed.
#[derive(Clone, Debug)]
pub struct Built {
    /// `ghcr.io/acme/churn`
    pub repository: String,
    pub tags: Vec<String>,
    /// `sha256:…` of the manifest; what will be pushed under every tag.
    pub digest: String,
    /// What a pull transfers: config and compressed layers.
    pub bytes: u64,
    /// Layers, those of the base included.
    pub layers: usize,
    /// Folder with the OCI image layout. Layers of a base image are not in it; they stay in their registry.
    pub layout: PathBuf,
    /// Id (`sha256:…`) of the image in the engine that built it; none when it was built without one.
    pub engine_image: Option<String>,
    pub base: Option<Base>,
    /// How the engine and the registries were reached; pushing and probing use the same.
    pub access: Access,
}

/// The image that a daemonless build starts from.
#[derive(Clone, Debug)]
pub struct Base {
    /// As in `mlops.yaml`: `python:3.12-slim`.
    pub name: String,
    /// `sha256:…` of the manifest of the chosen platform.
    pub digest: String,
    /// Its layers, from the bottom.
    layers: Vec<OciDescriptor>,
    insecure: bool,
}

impl Base {
    /// Of its layers, compressed.
    pub fn bytes(&self) -> u64 {
        self.layers.iter().map(layout::size).sum()
    }

    async fn repository(&self, access: &Access) -> Result<Repository, Fault> {
        Repository::open(&registry::parse(&self.name)?, self.insecure, access).await
    }
}

/// What a push took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Bytes of layers and configs that were sent.
    pub bytes: u64,
    /// Blobs that the registry had, or linked from another of its repositories.
    pub reused: usize,
}

/// Pushes what was built, then attaches the record and the predictions that it tells of. First blobs, then the manifest by its digest, then the record,
/// then the tags: a push that is cut off leaves no tag on a wrong or unproven image.
///
/// # Errors
/// When the registry cannot be reached or refuses, in its own words. Nothing that was pushed is taken back: blobs
/// without a tag are found again by the next push, or cleaned up by the registry.
pub async fn publish(
    built: &Built,
    record_json: &[u8],
    predictions: Option<&KeptPredictions>,
    insecure: bool,
    _: &Cleared,
) -> Result<Pushed, Fault> {
    check_tags(&format!("push {}", built.repository), built.tags.iter().map(String::as_str))?;
    let repository = Repository::named(&built.repository, insecure, &built.access).await?;
    let base = match &built.base {
        Some(base) => Some(base.repository(&built.access).await?),
        None => None,
    };
    let layout = Layout::at(&built.layout);
    let (manifest_bytes, manifest) = layout.manifest(&built.digest)?;
    let mut pushed = Pushed::default();
    for blob in manifest.layers.iter().chain([&manifest.config]) {
        let path = layout.blob(&blob.digest);
        let source = match &base {
            Some(base) if !path.is_file() => Source::Remote(base),
            _ => Source::File(&path),
        };
        match repository.push_blob(blob, source).await? {
            Sent::Uploaded(bytes) => pushed.bytes += bytes,
            Sent::Present | Sent::Mounted => pushed.reused += 1,
        }
    }
    repository.put_manifest(&built.digest, &manifest_bytes, MANIFEST).await?;
    let subject = descriptor(MANIFEST, built.digest.clone(), manifest_bytes.len() as u64);
    record::attach(&repository, subject, record_json, predictions).await?;
    for tag in &built.tags {
        repository.put_manifest(tag, &manifest_bytes, MANIFEST).await?;
    }
    Ok(pushed)
}
