//! What refers to an image: the referrers API of OCI 1.1, and for registries without it the fallback tag
//! `sha256-<hex>`, an index that clients keep by reading, merging and writing.
//!
//! Writing the fallback tag is no transaction: two writers may each read the same index, and the later one then
//! drops the earlier one's entry. So after writing, the index is read again until our entries were found twice, and is
//! written again when they went.

use super::Repository;
use super::pages::List;
use crate::digest::is_digest;
use crate::image::layout::INDEX;
use crate::model::Fault;
use futures_util::{StreamExt, TryStreamExt, stream};
use oci_client::manifest::OciDescriptor;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

/// Of what refers to one image.
const MOST_PAGES: usize = 20;
/// Manifests that are asked for at the same time.
const AT_ONCE: usize = 8;
/// Of a tag that others write too.
const READS: u32 = 30;

impl Repository {
    /// Descriptors of what refers to `subject` and is of `artifact_type`, from the API and from the fallback tag:
    /// a registry may have learned the API after the tag was written.
    pub(in crate::image) async fn referrers(
        &self,
        subject: &str,
        artifact_type: &str,
    ) -> Result<Vec<OciDescriptor>, Fault> {
        let mut entries = self.api_entries(subject, artifact_type).await?;
        let tag = fallback_tag(subject);
        if let Some(manifest) = self.manifest(&tag).await? {
            let what = format!("read what refers to {subject} under the tag {tag} of {}", self.name());
            entries.extend(manifests(&what, &manifest.bytes)?);
        }
        let mut found: Vec<OciDescriptor> = Vec::new();
        for entry in entries.into_iter().filter(|entry| entry["artifactType"] == artifact_type) {
            // A descriptor is read leniently but never trusted: what it names is checked against its digest.
            if let Ok(entry) = serde_json::from_value::<OciDescriptor>(entry)
                && !found.iter().any(|known| known.digest == entry.digest)
            {
                found.push(entry);
            }
        }
        Ok(found)
    }

    async fn api_entries(&self, subject: &str, artifact_type: &str) -> Result<Vec<Value>, Fault> {
        let what = format!("list what refers to {subject} in {}", self.name());
        // In a query, of all that a media type has, `/` and `+` alone are written otherwise.
        let kind = artifact_type.replace('/', "%2F").replace('+', "%2B");
        let url = self.url(&format!("referrers/{subject}?artifactType={kind}"));
        // Registries without the API; some answer with 400 or 405 to an address they do not know.
        let absent = [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST, StatusCode::METHOD_NOT_ALLOWED];
        let list = List { what: &what, url: &url, accept: INDEX, absent: &absent, most_pages: MOST_PAGES };
        self.pages(list, |body| manifests(&what, body)).await
    }

    /// Adds entries to the index under the fallback tag of `subject`, keeping those of others. Some registries take no index
    /// that names what was deleted; then such entries are left out.
    pub(in crate::image) async fn link(&self, subject: &str, entries: &[Value]) -> Result<(), Fault> {
        let tag = fallback_tag(subject);
        let what = format!("list what was attached under the tag {tag} of {}", self.name());
        let with_ours = |index: Option<&[u8]>, gone: &[Value]| {
            let before = index.map_or(Ok(Vec::new()), |index| manifests(&what, index))?;
            let mut listed: Vec<Value> = before.iter().filter(|entry| !gone.contains(entry)).cloned().collect();
            for entry in entries {
                if !listed.iter().any(|known| known["digest"] == entry["digest"]) {
                    listed.push(entry.clone());
                }
            }
            let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed});
            Ok((listed != before).then(|| Amended { manifest: index.to_string().into_bytes(), blobs: Vec::new() }))
        };
        let Err(fault) = self.amend(&what, &tag, INDEX, |index| with_ours(index, &[])).await else { return Ok(()) };
        match self.deleted(&what, &tag).await {
            Ok(gone) if !gone.is_empty() => self.amend(&what, &tag, INDEX, |index| with_ours(index, &gone)).await,
            _ => Err(fault),
        }
    }

    /// Entries of the index under `tag` of which the registry has no manifest.
    async fn deleted(&self, what: &str, tag: &str) -> Result<Vec<Value>, Fault> {
        let Some(index) = self.manifest(tag).await? else { return Ok(Vec::new()) };
        let asked = manifests(what, &index.bytes)?.into_iter().map(async |entry| {
            let digest = entry["digest"].as_str().filter(|digest| is_digest(digest));
            let is_there = match digest {
                Some(digest) => self.manifest(digest).await?.is_some(),
                None => false,
            };
            Ok((!is_there).then_some(entry))
        });
        let asked: Vec<Option<Value>> = stream::iter(asked).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(asked.into_iter().flatten().collect())
    }

    /// Changes the manifest under a tag that others change too. `edit` gets what is there now, and gives what should be
    /// there, or nothing when all of ours is in it. Done when it was found there after a pause; and once more when somebody
    /// had replaced it.
    pub(in crate::image) async fn amend(
        &self,
        what: &str,
        tag: &str,
        media_type: &str,
        edit: impl Fn(Option<&[u8]>) -> Result<Option<Amended>, Fault>,
    ) -> Result<(), Fault> {
        let (mut written, mut found, mut slowest) = (0, 0, Duration::ZERO);
        for attempt in 1..=READS {
            let begun = Instant::now();
            let there = self.manifest(tag).await?;
            match edit(there.as_ref().map(|manifest| manifest.bytes.as_slice()))? {
                None if written <= 1 || found == 1 => return Ok(()),
                None => found += 1,
                Some(amended) => {
                    for (blob, bytes) in &amended.blobs {
                        self.push_bytes(blob, bytes).await?;
                    }
                    // The shorter the time from reading to writing, the fewer writers meet in it.
                    if amended.blobs.is_empty()
                        || self.manifest(tag).await?.map(|m| m.digest) == there.map(|m| m.digest)
                    {
                        self.put_manifest(tag, &amended.manifest, media_type).await?;
                        (written, found) = (written + 1, 0);
                    }
                }
            }
            slowest = slowest.max(begun.elapsed());
            tokio::time::sleep(pause(attempt, slowest)).await;
        }
        Err(Fault::new(what, "other writers replaced it each time", "run again when they are done"))
    }
}

/// What a tag shall hold, and the blobs that its manifest names.
pub(in crate::image) struct Amended {
    pub(in crate::image) manifest: Vec<u8>,
    pub(in crate::image) blobs: Vec<(OciDescriptor, Vec<u8>)>,
}

/// Whoever read before our write may still write after it, and takes about as long for it as we did. Two writers must
/// not meet again and again, so the pause differs from one process and attempt to the next.
fn pause(attempt: u32, took: Duration) -> Duration {
    let spread = std::hash::RandomState::new().hash_one(attempt) % (50 * u64::from(attempt.min(10)));
    (took * 2).clamp(Duration::from_millis(50), Duration::from_secs(5)) + Duration::from_millis(spread)
}

fn fallback_tag(subject: &str) -> String {
    subject.replace(':', "-")
}

fn manifests(what: &str, index: &[u8]) -> Result<Vec<Value>, Fault> {
    let hint = "the tag is reserved for lists of referrers; remove it if something else was put there";
    let mut index: Value = serde_json::from_slice(index).map_err(|e| Fault::new(what, e, hint))?;
    match index["manifests"].take() {
        Value::Array(entries) => Ok(entries),
        _ => Err(Fault::new(what, "this is no image index", hint)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_index_is_refused_with_a_hint() {
        assert!(manifests("read", b"{\"layers\":[]}").unwrap_err().hint.contains("reserved"));
        assert!(manifests("read", b"<html>").is_err());
    }
}
