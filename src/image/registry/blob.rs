//! Blobs: layers and configs. Streamed from the disk or from another registry, never sent twice.

use super::Repository;
use super::http::{Again, Trouble, retry};
use super::manifest::header;
use crate::digest;
use crate::image::layout::size;
use crate::model::Fault;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use oci_client::RegistryOperation;
use oci_client::manifest::OciDescriptor;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use reqwest::{Method, Response, StatusCode};
use sha2::{Digest, Sha256};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// An upload of which nothing moves for so long is given up. Registries take their time to store a large layer
/// after the last byte.
const STALLED: Duration = Duration::from_secs(300);

/// Where a blob comes from.
#[derive(Clone, Copy)]
pub(in crate::image) enum Source<'a> {
    File(&'a Path),
    Remote(&'a Repository),
}

/// What it took to have a blob in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::image) enum Sent {
    /// It was there.
    Present,
    /// The registry linked it from another of its repositories.
    Mounted,
    Uploaded(u64),
}

impl Repository {
    pub(in crate::image) async fn push_blob(&self, blob: &OciDescriptor, source: Source<'_>) -> Result<Sent, Fault> {
        let what = format!("push the blob {} to {}", blob.digest, self.name());
        if self.has_blob(&what, &blob.digest).await? {
            return Ok(Sent::Present);
        }
        // An upload that broke off is started again from the beginning, with an address of its own.
        retry(|| async {
            let response = self.begin(&what, blob, source).await?;
            match response.status() {
                StatusCode::CREATED => Ok(Sent::Mounted),
                StatusCode::ACCEPTED => self.upload(&what, blob, source, response).await,
                _ => Err(self.refused(&what, response).await.into()),
            }
        })
        .await
    }

    async fn has_blob(&self, what: &str, digest: &str) -> Result<bool, Fault> {
        let url = self.url(&format!("blobs/{digest}"));
        // A registry that hides what one may not read answers 401 or 403; the upload then tells why.
        let response = self.send(what, RegistryOperation::Push, (Method::HEAD, &url), |r| r).await?;
        Ok(response.status() == StatusCode::OK)
    }

    async fn begin(&self, what: &str, blob: &OciDescriptor, source: Source<'_>) -> Result<Response, Trouble> {
        let mut url = self.url("blobs/uploads/");
        if let Source::Remote(other) = source
            && other.registry() == self.registry()
        {
            url = format!("{url}?mount={}&from={}", blob.digest, other.reference.repository());
        }
        self.call(what, RegistryOperation::Push, (Method::POST, &url), |r| r.header(CONTENT_LENGTH, 0)).await
    }

    async fn upload(
        &self,
        what: &str,
        blob: &OciDescriptor,
        source: Source<'_>,
        begun: Response,
    ) -> Result<Sent, Trouble> {
        let place = header(&begun, LOCATION.as_str()).and_then(|place| begun.url().join(&place).ok());
        let Some(mut place) = place else {
            return Err(Fault::new(what, format!("{} gave no address to upload to", self.registry()), "").into());
        };
        place.query_pairs_mut().append_pair("digest", &blob.digest);
        let moved = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&moved);
        let body = self.bytes_of(what, blob, source).await?.inspect_ok(move |chunk| {
            counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        });
        let grant = self.grant(what, RegistryOperation::Push, false).await?;
        let request = self.authorize(self.uploads.put(place.clone()), place.as_str(), &grant);
        let request = request
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, size(blob))
            .body(reqwest::Body::wrap_stream(body));
        let response = tokio::select! {
            response = request.send() => response.map_err(|e| self.unreachable(what, &e))?,
            () = stalled(&moved) => {
                let why = format!("nothing moved for {} s", STALLED.as_secs());
                return Err(Trouble { fault: Fault::new(what, why, ""), again: Again::Soon });
            }
        };
        let response = self.passable(what, response).await?;
        match response.status() {
            StatusCode::CREATED => Ok(Sent::Uploaded(moved.load(Ordering::Relaxed))),
            // The token ran out while the layer was sent; the next attempt gets a new one.
            StatusCode::UNAUTHORIZED => {
                self.grant(what, RegistryOperation::Push, true).await?;
                Err(Trouble { fault: self.refused(what, response).await, again: Again::Soon })
            }
            _ => Err(self.refused(what, response).await.into()),
        }
    }

    async fn bytes_of(
        &self,
        what: &str,
        blob: &OciDescriptor,
        source: Source<'_>,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<>, Trouble> {
        match source {
            Source::File(path) => {
                let file = tokio::fs::File::open(path).await;
                let file = file.map_err(|e| Fault::new(what, format!("{}: {e}", path.display()), ""))?;
                Ok(tokio_util::io::ReaderStream::with_capacity(file, 256 * 1024).boxed())
            }
            Source::Remote(other) => Ok(other.blob(blob).await?.boxed()),
        }
    }

    /// A blob as a stream that ends with an error when it is not what its digest says.
    pub(in crate::image) async fn blob(
        &self,
        blob: &OciDescriptor,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<>, Fault> {
        let what = format!("read the blob {} of {}", blob.digest, self.name());
        let url = self.url(&format!("blobs/{}", blob.digest));
        let response = self.send(&what, RegistryOperation::Pull, (Method::GET, &url), |r| r).await?;
        if response.status() != StatusCode::OK {
            return Err(self.refused(&what, response).await);
        }
        let stream = response.bytes_stream().map_err(io::Error::other).boxed();
        let state = (stream, Sha256::new(), blob.digest.clone());
        Ok(futures_util::stream::try_unfold(state, |(mut stream, mut hash, expected)| async move {
            match stream.try_next().await? {
                Some(chunk) => {
                    hash.update(&chunk);
                    Ok(Some((chunk, (stream, hash, expected))))
                }
                None => match digest::name(hash.finalize().as_slice()) {
                    found if found == expected => Ok(None),
                    found => Err(io::Error::other(format!("expected the blob {expected}, received {found}"))),
                },
            }
        }))
    }

    /// Streams a blob into the file `to`. One that breaks off is begun anew.
    pub(in crate::image) async fn save_blob(&self, blob: &OciDescriptor, to: &Path) -> Result<(), Fault> {
        let what = format!("read the blob {} of {}", blob.digest, self.name());
        let unwritten = |e: io::Error| Fault::new(&what, format!("{}: {e}", to.display()), "is the disk full?");
        retry(|| async {
            let mut stream = std::pin::pin!(self.blob(blob).await?);
            let mut file = tokio::fs::File::create(to).await.map_err(unwritten)?;
            let mut bytes = 0;
            loop {
                let piece = stream.try_next().await;
                let broken = |e| Trouble { fault: Fault::new(&what, e, ""), again: Again::Soon };
                let Some(piece) = piece.map_err(broken)? else { break };
                bytes += piece.len() as u64;
                if bytes > size(blob) {
                    let why = format!("it is longer than the {} bytes that were announced", size(blob));
                    return Err(Fault::new(&what, why, "").into());
                }
                file.write_all(&piece).await.map_err(unwritten)?;
            }
            file.flush().await.map_err(unwritten)?;
            Ok(())
        })
        .await
    }

    /// A small blob, such as a config, whole.
    pub(in crate::image) async fn small_blob(&self, blob: &OciDescriptor, most: u64) -> Result<Vec<u8>, Fault> {
        let what = format!("read the blob {} of {}", blob.digest, self.name());
        let mut stream = std::pin::pin!(self.blob(blob).await?);
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.try_next().await.map_err(|e| Fault::new(&what, e, ""))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > most {
                return Err(Fault::new(what, format!("it is larger than {most} bytes"), ""));
            }
        }
        Ok(bytes)
    }
}

async fn stalled(moved: &AtomicU64) {
    let mut before = u64::MAX;
    loop {
        tokio::time::sleep(STALLED).await;
        let now = moved.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}
