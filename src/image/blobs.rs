//! Where the layers and configs of a built image lie: in its layout, in files that a layer is made from, or in the
//! registry of its base. Whoever reads one need not know.

use super::layers::{Made, OwnLayers};
use super::layout::{Layout, size};
use super::registry::Repository;
use super::{Access, Base};
use crate::model::Fault;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use oci_client::manifest::OciDescriptor;
use std::io::{self, ErrorKind, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use tokio::io::AsyncSeekExt;

/// A blob's content, which ends with an error of the kind `InvalidData` when it is not what it should be.
pub(super) type Content = BoxStream<'static, io::Result<Bytes>>;

const PIECE: usize = 128 * 1024;

#[derive(Clone)]
pub(super) struct Blobs {
    layout: Layout,
    own: OwnLayers,
    base: Option<Arc<Repository>>,
}

impl Blobs {
    pub(super) async fn new(layout: &Path, own: &OwnLayers, bases: &[Base], access: &Access) -> Result<Blobs, Fault> {
        let base = match bases.first() {
            // The platforms of a base lie in one repository.
            Some(base) => Some(Arc::new(base.repository(access).await?)),
            None => None,
        };
        Ok(Blobs { layout: Layout::at(layout), own: own.clone(), base })
    }

    fn made(&self, digest: &str) -> Option<&Made> {
        self.own.0.iter().find(|made| made.layer.descriptor.digest == digest).map(Arc::as_ref)
    }

    /// The base's repository, when the blob is there and nowhere else.
    pub(super) fn elsewhere(&self, digest: &str) -> Option<&Arc<Repository>> {
        let is_here = self.made(digest).is_some() || self.layout.blob(digest).is_file();
        self.base.as_ref().filter(|_| !is_here)
    }

    /// A blob from a byte on.
    pub(super) async fn open(&self, blob: &OciDescriptor, from: u64) -> Result<Content, Fault> {
        if let Some(made) = self.made(&blob.digest) {
            return Ok(made.recipe.stream(made.packing, from).boxed());
        }
        match self.elsewhere(&blob.digest) {
            Some(base) => Ok(without_start(base.blob(blob).await?.boxed(), from)),
            None => of_file(&self.layout.blob(&blob.digest), size(blob), from).await,
        }
    }
}

/// A file's content from a byte on; the file must have `bytes` bytes.
pub(super) async fn of_file(path: &Path, bytes: u64, from: u64) -> Result<Content, Fault> {
    let opened = async {
        let mut file = tokio::fs::File::open(path).await?;
        if file.metadata().await?.len() != bytes {
            return Err(io::Error::new(ErrorKind::InvalidData, format!("it no longer has {bytes} bytes")));
        }
        file.seek(SeekFrom::Start(from)).await?;
        Ok(file)
    };
    let file = opened.await.map_err(|e| Fault::new(format!("read {}", path.display()), e, ""))?;
    Ok(tokio_util::io::ReaderStream::with_capacity(file, PIECE).boxed())
}

/// The stream is read from its start, so that its digest can be checked at its end.
fn without_start(stream: Content, from: u64) -> Content {
    let cut = stream.scan(from, |left, chunk| {
        let chunk = chunk.map(|mut chunk: Bytes| {
            let skipped = chunk.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= skipped as u64;
            chunk.split_off(skipped)
        });
        std::future::ready(Some(chunk))
    });
    cut.filter(|chunk| std::future::ready(chunk.as_ref().map_or(true, |chunk| !chunk.is_empty()))).boxed()
}
