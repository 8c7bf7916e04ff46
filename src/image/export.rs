//! An image written as an OCI layout, whole, with the layers of its base: where there is no registry, and for tools that
//! read layouts (`skopeo copy oci:dist/image:v1 …`, `podman load`, `ctr image import`).

use super::blobs::Blobs;
use super::layout::{self, Image, Layout, size};
use super::{Built, Pushed};
use crate::digest;
use crate::model::Fault;
use futures_util::TryStreamExt;
use oci_client::manifest::OciDescriptor;
use sha2::{Digest, Sha256};
use std::io;
use std::path::Path;
use tokio::io::AsyncWriteExt;

/// Writes into the folder, which appears whole or not at all; a layout that stood there is replaced, anything else is not
/// touched.
///
/// # Errors
/// When the folder is no layout, the disk is full, or a layer of the base is not what its digest says.
pub(super) async fn export(built: &Built, image: &Image, blobs: &Blobs, folder: &Path) -> Result<Pushed, Fault> {
    let what = format!("write the image to {}", folder.display());
    let fault = |e: io::Error| Fault::new(&what, e, "is the disk full, or the folder not ours to write to?");
    if folder.symlink_metadata().is_ok() && !folder.join("oci-layout").is_file() {
        let hint = "name a folder that does not exist yet, or one that an earlier run wrote";
        return Err(Fault::new(&what, "it is there, and is no image layout", hint));
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(fault)?;
    // On the same disk, so that it can be moved; removed with all that is in it when anything goes wrong.
    let beside = tempfile::Builder::new().prefix(".mlgate-").tempdir_in(parent).map_err(fault)?;
    let new = beside.path().join("new");
    let to = Layout::create(&new)?;
    let mut pushed = Pushed::default();
    for blob in image.blobs() {
        save(blobs, blob, &to.blob(&blob.digest)).await?;
        pushed.bytes += size(blob);
    }
    let manifests = image.manifests.iter().map(|listed| (&listed.digest, &listed.bytes));
    for (digest, bytes) in manifests.chain([(&built.digest, &image.bytes)]) {
        std::fs::write(to.blob(digest), bytes).map_err(fault)?;
    }
    std::fs::write(new.join("index.json"), layout::tagged(&image.descriptor, &built.tags)).map_err(fault)?;
    if folder.exists() {
        std::fs::rename(folder, beside.path().join("old")).map_err(fault)?;
    }
    std::fs::rename(&new, folder).map_err(fault)?;
    Ok(pushed)
}

/// Everything is hashed on the way: nobody checks it later.
async fn save(blobs: &Blobs, blob: &OciDescriptor, to: &Path) -> Result<(), Fault> {
    let what = format!("write the blob {} to {}", blob.digest, to.display());
    let fault = |e: io::Error| Fault::new(&what, e, "is the disk full?");
    let mut content = blobs.open(blob, 0).await?;
    let mut file = tokio::fs::File::create(to).await.map_err(fault)?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    while let Some(piece) = content.try_next().await.map_err(|e| Fault::new(&what, e, ""))? {
        bytes += piece.len() as u64;
        if bytes > size(blob) {
            let why = format!("it is longer than the {} bytes that were announced", size(blob));
            return Err(Fault::new(&what, why, ""));
        }
        hash.update(&piece);
        file.write_all(&piece).await.map_err(fault)?;
    }
    file.flush().await.map_err(fault)?;
    match digest::name(hash.finalize().as_slice()) {
        found if found == blob.digest => Ok(()),
        found => Err(Fault::new(what, format!("its content is {found}"), "")),
    }
}
