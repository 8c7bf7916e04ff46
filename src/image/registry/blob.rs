//! Blobs: layers and configs. Streamed from where they lie, never sent twice, and sent on after a cut from the byte that
//! the registry has.

use super::Repository;
use super::http::{Again, Patience, Trouble};
use super::manifest::header;
use crate::digest::{self, is_digest};
use crate::image::blobs::{Blobs, Content, of_file};
use crate::image::layout::size;
use crate::model::{Fault, causes};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use oci_client::RegistryOperation;
use oci_client::manifest::OciDescriptor;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use reqwest::{Method, Response, StatusCode, Url};
use sha2::{Digest, Sha256};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// An upload of which nothing moves for so long is given up. Registries take their time to store a large layer
/// after the last byte.
const STALLED: Duration = Duration::from_secs(300);

/// Where a blob comes from.
#[derive(Clone, Copy)]
pub(in crate::image) enum Source<'a> {
    File(&'a Path),
    Held(&'a Blobs),
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

/// An upload that the registry has begun.
struct Session {
    place: Url,
    /// Bytes that it has.
    held: u64,
}

impl Repository {
    pub(in crate::image) async fn push_blob(&self, blob: &OciDescriptor, source: Source<'_>) -> Result<Sent, Fault> {
        let what = format!("push the blob {} to {}", blob.digest, self.name());
        let (mut session, mut patience) = (None, Patience::new());
        loop {
            match self.push_once(&what, blob, source, &mut session).await {
                Ok(sent) => return Ok(sent),
                Err(trouble) => patience.wait(trouble).await?,
            }
        }
    }

    /// As [`Repository::push_blob`], of bytes in memory.
    pub(in crate::image) async fn push_bytes(&self, blob: &OciDescriptor, bytes: &[u8]) -> Result<(), Fault> {
        let what = format!("push the blob {} to {}", blob.digest, self.name());
        let file = tempfile::NamedTempFile::new().map_err(|e| Fault::new(&what, e, ""))?;
        std::fs::write(file.path(), bytes).map_err(|e| Fault::new(&what, e, ""))?;
        self.push_blob(blob, Source::File(file.path())).await.map(|_| ())
    }

    async fn push_once(
        &self,
        what: &str,
        blob: &OciDescriptor,
        source: Source<'_>,
        session: &mut Option<Session>,
    ) -> Result<Sent, Trouble> {
        // Asked each time: the answer to an upload that succeeded may have been lost.
        match self.has_blob(what, &blob.digest).await? {
            true if session.is_some() => Ok(Sent::Uploaded(size(blob))),
            true => Ok(Sent::Present),
            false => self.upload(what, blob, source, session).await,
        }
    }

    async fn has_blob(&self, what: &str, digest: &str) -> Result<bool, Trouble> {
        let url = self.url(&format!("blobs/{digest}"));
        // A registry that hides what one may not read answers 401 or 403; the upload then tells why.
        let response = self.call(what, RegistryOperation::Push, (Method::HEAD, &url), |r| r).await?;
        Ok(response.status() == StatusCode::OK)
    }

    /// One attempt. `session` is what an earlier one left, and stays for the next one.
    async fn upload(
        &self,
        what: &str,
        blob: &OciDescriptor,
        source: Source<'_>,
        session: &mut Option<Session>,
    ) -> Result<Sent, Trouble> {
        let mut again = Again::Soon;
        if let Some(before) = session.take() {
            *session = self.ask(what, &before.place).await?;
            if session.as_ref().is_some_and(|now| now.held > before.held) {
                again = Again::Anew;
            }
        }
        let open = match session {
            Some(open) => open,
            None => {
                let response = self.begin(what, blob, source).await?;
                match response.status() {
                    StatusCode::CREATED => return Ok(Sent::Mounted),
                    StatusCode::ACCEPTED => session.insert(Session { place: self.place(what, &response)?, held: 0 }),
                    _ => return Err(self.refused(what, response).await.into()),
                }
            }
        };
        let resumed = open.held > 0;
        let done = match open.held < size(blob) {
            true => self.send_rest(what, blob, source, open).await,
            false => Ok(()),
        };
        let done = match done {
            Ok(()) => self.finish(what, blob, &open.place, resumed).await,
            Err(trouble) => Err(trouble),
        };
        done.map(|()| Sent::Uploaded(size(blob))).map_err(|trouble| match trouble.again {
            Again::Soon => Trouble { again, ..trouble },
            Again::Restart => {
                *session = None;
                Trouble { again: Again::Soon, ..trouble }
            }
            _ => trouble,
        })
    }

    async fn begin(&self, what: &str, blob: &OciDescriptor, source: Source<'_>) -> Result<Response, Trouble> {
        let mut url = self.url("blobs/uploads/");
        if let Source::Held(blobs) = source
            && let Some(other) = blobs.elsewhere(&blob.digest)
            && other.registry() == self.registry()
        {
            url = format!("{url}?mount={}&from={}", blob.digest, other.reference.repository());
        }
        self.call(what, RegistryOperation::Push, (Method::POST, &url), |r| r.header(CONTENT_LENGTH, 0)).await
    }

    /// Where the upload goes on.
    fn place(&self, what: &str, response: &Response) -> Result<Url, Trouble> {
        let place = header(response, LOCATION.as_str()).and_then(|place| response.url().join(&place).ok());
        place.ok_or_else(|| Fault::new(what, format!("{} gave no address to upload to", self.registry()), "").into())
    }

    /// How much of an upload has arrived; none when the registry does not know it any more.
    async fn ask(&self, what: &str, place: &Url) -> Result<Option<Session>, Trouble> {
        let response = self.call(what, RegistryOperation::Push, (Method::GET, place.as_str()), |r| r).await?;
        if response.status() != StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let held = held(&response);
        Ok(held.zip(self.place(what, &response).ok()).map(|(held, place)| Session { place, held }))
    }

    /// Sends what the registry does not have yet, in one request.
    async fn send_rest(
        &self,
        what: &str,
        blob: &OciDescriptor,
        source: Source<'_>,
        session: &mut Session,
    ) -> Result<(), Trouble> {
        let (from, total) = (session.held, size(blob));
        let content = match source {
            Source::File(path) => of_file(path, total, from).await?,
            Source::Held(blobs) => blobs.open(blob, from).await?,
        };
        let (moved, wrong) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(None)));
        let grant = self.grant(what, RegistryOperation::Push, None).await?;
        let place = session.place.as_str();
        let mut request = self
            .authorize(self.uploads.patch(place), place, &grant)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, total - from);
        if from > 0 {
            request = request.header(CONTENT_RANGE, format!("{from}-{}", total - 1));
        }
        let body = reqwest::Body::wrap_stream(watched(content, Arc::clone(&moved), Arc::clone(&wrong)));
        let answer = tokio::select! {
            answer = request.body(body).send() => answer,
            () = stalled(&moved) => {
                let why = format!("nothing moved for {} s", STALLED.as_secs());
                return Err(Trouble { fault: Fault::new(what, why, ""), again: Again::Soon });
            }
        };
        let response = match answer {
            Ok(response) => response,
            Err(e) => {
                let wrong = wrong.lock().unwrap_or_else(PoisonError::into_inner).take();
                return Err(wrong.map_or_else(|| self.unreachable(what, &e), |why| Fault::new(what, why, "").into()));
            }
        };
        let response = self.passable(what, response).await?;
        let trouble = |fault, again| Err(Trouble { fault, again });
        match response.status() {
            StatusCode::ACCEPTED | StatusCode::CREATED | StatusCode::NO_CONTENT => {}
            // The token ran out while the layer was sent; the next attempt goes on with a new one.
            StatusCode::UNAUTHORIZED => {
                self.grant(what, RegistryOperation::Push, Some(&grant)).await?;
                return trouble(self.refused(what, response).await, Again::Soon);
            }
            StatusCode::RANGE_NOT_SATISFIABLE => return trouble(self.refused(what, response).await, Again::Soon),
            // It has forgotten the upload.
            StatusCode::NOT_FOUND => return trouble(self.refused(what, response).await, Again::Restart),
            _ => return Err(self.refused(what, response).await.into()),
        }
        session.place = self.place(what, &response)?;
        match held(&response).filter(|held| *held != total) {
            Some(held) => {
                let why = format!("{} took {held} of {total} bytes", self.registry());
                trouble(Fault::new(what, why, ""), Again::Soon)
            }
            None => {
                session.held = total;
                Ok(())
            }
        }
    }

    /// Closes the upload: from here on the blob is there.
    async fn finish(&self, what: &str, blob: &OciDescriptor, place: &Url, resumed: bool) -> Result<(), Trouble> {
        let mut place = place.clone();
        place.query_pairs_mut().append_pair("digest", &blob.digest);
        let target = (Method::PUT, place.as_str());
        let response = self.call(what, RegistryOperation::Push, target, |r| r.header(CONTENT_LENGTH, 0)).await?;
        match response.status() {
            StatusCode::CREATED => {}
            // It has forgotten the upload, or put its parts together wrongly.
            StatusCode::NOT_FOUND => {
                return Err(Trouble { fault: self.refused(what, response).await, again: Again::Restart });
            }
            StatusCode::BAD_REQUEST if resumed => {
                return Err(Trouble { fault: self.refused(what, response).await, again: Again::Restart });
            }
            _ => return Err(self.refused(what, response).await.into()),
        }
        match header(&response, super::manifest::CONTENT_DIGEST).filter(|kept| is_digest(kept)) {
            Some(kept) if kept != blob.digest => {
                let why = format!("sent {}, {} kept {kept}", blob.digest, self.registry());
                Err(Fault::new(what, why, "the registry, or a proxy before it, changed the blob").into())
            }
            _ => Ok(()),
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
        // A connection that was cut may hold next time.
        let cut = |e: reqwest::Error| io::Error::new(ErrorKind::ConnectionAborted, causes(&e));
        let stream = response.bytes_stream().map_err(cut).boxed();
        let state = (stream, Sha256::new(), blob.digest.clone());
        Ok(futures_util::stream::try_unfold(state, |(mut stream, mut hash, expected)| async move {
            match stream.try_next().await? {
                Some(chunk) => {
                    hash.update(&chunk);
                    Ok(Some((chunk, (stream, hash, expected))))
                }
                None => match digest::name(hash.finalize().as_slice()) {
                    found if found == expected => Ok(None),
                    found => {
                        let why = format!("expected the blob {expected}, received {found}");
                        Err(io::Error::new(ErrorKind::InvalidData, why))
                    }
                },
            }
        }))
    }

    /// Streams a blob into the file `to`. One that breaks off is begun anew.
    pub(in crate::image) async fn save_blob(&self, blob: &OciDescriptor, to: &Path) -> Result<(), Fault> {
        let what = format!("read the blob {} of {}", blob.digest, self.name());
        let mut patience = Patience::new();
        loop {
            match self.save_once(&what, blob, to).await {
                Ok(()) => return Ok(()),
                Err(trouble) => patience.wait(trouble).await?,
            }
        }
    }

    async fn save_once(&self, what: &str, blob: &OciDescriptor, to: &Path) -> Result<(), Trouble> {
        let unwritten = |e: io::Error| Fault::new(what, format!("{}: {e}", to.display()), "is the disk full?");
        let mut stream = std::pin::pin!(self.blob(blob).await?);
        let mut file = tokio::fs::File::create(to).await.map_err(unwritten)?;
        let mut bytes = 0;
        loop {
            let piece = stream.try_next().await;
            let broken = |e| Trouble { fault: Fault::new(what, e, ""), again: Again::Soon };
            let Some(piece) = piece.map_err(broken)? else { break };
            bytes += piece.len() as u64;
            if bytes > size(blob) {
                let why = format!("it is longer than the {} bytes that were announced", size(blob));
                return Err(Fault::new(what, why, "").into());
            }
            file.write_all(&piece).await.map_err(unwritten)?;
        }
        Ok(file.flush().await.map_err(unwritten)?)
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

/// Counts what is sent, and keeps what is wrong with the source, of which the request's own error tells nothing. A
/// source whose connection was cut is not wrong.
fn watched(
    content: Content,
    moved: Arc<AtomicU64>,
    wrong: Arc<Mutex<Option<String>>>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    content.inspect(move |piece| match piece {
        Ok(piece) => drop(moved.fetch_add(piece.len() as u64, Ordering::Relaxed)),
        Err(e) if e.kind() == ErrorKind::ConnectionAborted => {}
        Err(e) => *wrong.lock().unwrap_or_else(PoisonError::into_inner) = Some(e.to_string()),
    })
}

/// Bytes that the registry has, by `Range: 0-499`. Of none it says `0-0`, which is also what it says of one: that one is
/// sent again from the start.
fn held(response: &Response) -> Option<u64> {
    let range = header(response, RANGE.as_str())?;
    let last: u64 = range.trim_start_matches("bytes=").strip_prefix("0-")?.parse().ok()?;
    Some(if last == 0 { 0 } else { last + 1 })
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
