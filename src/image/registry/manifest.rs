//! Manifests: small documents, held in memory, always checked against their digest.

use super::Repository;
use super::pages::List;
use crate::digest::{self, is_digest};
use crate::image::layout::{INDEX, MANIFEST};
use crate::model::Fault;
use oci_client::RegistryOperation;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response, StatusCode};

/// The most that registries accept.
const MOST_BYTES: usize = 4 * 1024 * 1024;
pub(super) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(super) const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(super) const CONTENT_DIGEST: &str = "docker-content-digest";

/// Of a list of tags; beyond that it is no list that anybody reads.
const MOST_PAGES: usize = 100;

#[derive(serde::Deserialize)]
struct TagList {
    /// Null for a repository that has none.
    tags: Option<Vec<String>>,
}

pub(in crate::image) struct Manifest {
    pub(in crate::image) bytes: Vec<u8>,
    pub(in crate::image) media_type: Option<String>,
    pub(in crate::image) digest: String,
}

/// What the registry said to a manifest it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::image) enum Reply {
    Taken,
    /// Taken, and its `subject` is known to the referrers API.
    Linked,
}

impl Repository {
    /// A manifest by digest or tag; none when the registry has no such one.
    pub(in crate::image) async fn manifest(&self, reference: &str) -> Result<Option<Manifest>, Fault> {
        let what = format!("read the manifest {} of {}", reference, self.name());
        let accept = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX].join(", ");
        let url = self.url(&format!("manifests/{reference}"));
        let answer = self.send(&what, RegistryOperation::Pull, (Method::GET, &url), |r| r.header(ACCEPT, &accept));
        let response = answer.await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.refused(&what, response).await),
        }
        let media_type = header(&response, CONTENT_TYPE.as_str());
        let told = header(&response, CONTENT_DIGEST);
        let bytes = self.small_body(&what, response).await?;
        let found = digest::of(&bytes);
        let expected = if reference.starts_with("sha256:") { Some(reference.to_string()) } else { told };
        match expected {
            Some(expected) if expected != found && expected.starts_with("sha256:") => Err(Fault::new(
                what,
                format!("expected {expected}, received {found}"),
                "the registry, or a proxy, changed it",
            )),
            _ => Ok(Some(Manifest { bytes, media_type, digest: found })),
        }
    }

    /// Puts a manifest under its digest or a tag.
    pub(in crate::image) async fn put_manifest(
        &self,
        reference: &str,
        bytes: &[u8],
        media_type: &str,
    ) -> Result<Reply, Fault> {
        let what = format!("put the manifest {reference} into {}", self.name());
        let url = self.url(&format!("manifests/{reference}"));
        let answer = self.send(&what, RegistryOperation::Push, (Method::PUT, &url), |request| {
            request.header(CONTENT_TYPE, media_type).body(bytes.to_vec())
        });
        let response = answer.await?;
        if response.status() != StatusCode::CREATED {
            return Err(self.refused(&what, response).await);
        }
        match header(&response, CONTENT_DIGEST) {
            Some(kept) if is_digest(&kept) && kept != digest::of(bytes) => {
                Err(Fault::new(what, format!("sent {}, the registry kept {kept}", digest::of(bytes)), ""))
            }
            _ if response.headers().contains_key("oci-subject") => Ok(Reply::Linked),
            _ => Ok(Reply::Taken),
        }
    }

    /// All tags; none when there is no such repository.
    pub(in crate::image) async fn tags(&self) -> Result<Vec<String>, Fault> {
        let what = format!("list the tags of {}", self.name());
        let url = self.url("tags/list?n=1000");
        let absent = [StatusCode::NOT_FOUND];
        let list = List { what: &what, url: &url, accept: "*/*", absent: &absent, most_pages: MOST_PAGES };
        let read = |body: &[u8]| {
            let list: TagList = serde_json::from_slice(body).map_err(|e| Fault::new(&what, e, ""))?;
            Ok(list.tags.unwrap_or_default())
        };
        self.pages(list, read).await
    }

    pub(super) async fn small_body(&self, what: &str, mut response: Response) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.unreachable(what, &e).fault)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MOST_BYTES {
                return Err(Fault::new(what, "the answer is larger than 4 MiB, which no manifest may be", ""));
            }
        }
        Ok(bytes)
    }
}

pub(super) fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_string)
}
