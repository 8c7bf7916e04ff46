//! The model's container image: built into an OCI layout on disk by the Docker engine or with no daemon, pushed from
//! there once the run is cleared, and its record attached. What is tested is what is promoted: one digest, known
//! before anything is pushed.

mod access;
mod archive;
mod blobs;
pub mod container;
pub mod contents;
mod engine;
mod export;
mod layers;
mod layout;
mod pack;
mod pipe;
mod proof;
mod registry;
#[cfg(test)]
mod tests;

pub use access::Access;
pub use layers::OwnLayers;
pub use proof::{
    Attached, Attachments, Kind, PROMOTION_TYPE, Proof, RECORD_TYPE, Signed, Statement, attach_to, pull_attached,
    pull_predictions, pull_record, pull_signed,
};
pub(crate) use registry::{check_tags, is_tag};
pub use registry::{resolve, retag};

pub(crate) use engine::{Said, build as build_with_engine};
pub(crate) use layers::build as build_without_engine;

use crate::model::{Cleared, Fault};
use blobs::Blobs;
use futures_util::{StreamExt, TryStreamExt};
use layout::{Layout, MANIFEST};
use oci_client::manifest::OciDescriptor;
use registry::{Repository, Sent, Source};
use std::path::PathBuf;

/// Blobs that are sent at the same time.
const AT_A_TIME: usize = 2;

/// An image that was built and not pushed.
#[derive(Clone, Debug)]
pub struct Built {
    /// `ghcr.io/acme/churn`, or `oci:dist/image` for a folder.
    pub repository: String,
    /// The folder that it is written to instead of being pushed.
    pub output: Option<PathBuf>,
    pub tags: Vec<String>,
    /// `sha256:…` of the manifest, or of the index of several platforms; what will be pushed under every tag.
    pub digest: String,
    /// What a pull transfers: config and layers, of several platforms the largest.
    pub bytes: u64,
    /// Layers, those of the base included.
    pub layers: usize,
    /// Folder with the OCI image layout. Layers that are made from files are not in it, nor are those of a base image,
    /// which stay in their registry.
    pub layout: PathBuf,
    /// Id (`sha256:…`) of the image in the engine that built it; none when it was built without one.
    pub engine_image: Option<String>,
    /// What a daemonless build starts from, for each platform; empty for `scratch`.
    pub bases: Vec<Base>,
    /// Layers that are made from files.
    pub own: OwnLayers,
    /// How the engine and the registries were reached; pushing and probing use the same.
    pub access: Access,
}

/// The image that a daemonless build starts from.
#[derive(Clone, Debug)]
pub struct Base {
    /// As in `mlops.yaml`: `python:3.12-slim`.
    pub name: String,
    /// `sha256:…` of the manifest of the platform.
    pub digest: String,
    /// `linux/amd64`
    pub platform: String,
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

/// Pushes what was built, with what proves it. First blobs, then the manifest by its digest, then record and signatures,
/// then the tags: a push that is cut off leaves no tag on a wrong or unproven image.
///
/// # Errors
/// When the registry cannot be reached or refuses, in its own words. Nothing that was pushed is taken back: blobs
/// without a tag are found again by the next push, or cleaned up by the registry.
pub async fn publish(built: &Built, proof: &Proof<'_>, insecure: bool, _: &Cleared) -> Result<Pushed, Fault> {
    check_tags(&format!("push {}", built.repository), built.tags.iter().map(String::as_str))?;
    let blobs = Blobs::new(&built.layout, &built.own, &built.bases, &built.access).await?;
    let image = Layout::at(&built.layout).image(&built.digest)?;
    if let Some(folder) = &built.output {
        return export::export(built, &image, &blobs, folder).await;
    }
    let repository = Repository::named(&built.repository, insecure, &built.access).await?;
    let sends = image.blobs().into_iter().map(|blob| repository.push_blob(blob, Source::Held(&blobs)));
    let sends = futures_util::stream::iter(sends).buffer_unordered(AT_A_TIME);
    let pushed = sends.try_fold(Pushed::default(), async |pushed, sent| {
        Ok(match sent {
            Sent::Uploaded(bytes) => Pushed { bytes: pushed.bytes + bytes, ..pushed },
            Sent::Present | Sent::Mounted => Pushed { reused: pushed.reused + 1, ..pushed },
        })
    });
    let pushed = pushed.await?;
    for listed in image.manifests.iter().filter(|listed| listed.digest != built.digest) {
        repository.put_manifest(&listed.digest, &listed.bytes, MANIFEST).await?;
    }
    let media_type = image.descriptor.media_type.clone();
    repository.put_manifest(&built.digest, &image.bytes, &media_type).await?;
    proof::attach(&repository, image.descriptor, proof).await?;
    for tag in &built.tags {
        repository.put_manifest(tag, &image.bytes, &media_type).await?;
    }
    Ok(pushed)
}
