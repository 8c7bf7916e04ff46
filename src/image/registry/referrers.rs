//! What refers to an image: the referrers API of OCI 1.1, and for registries without it the fallback tag
//! `sha256-<hex>`, an index that clients keep by reading, merging and writing.
//!
//! Writing the fallback tag is no transaction: two writers may each read the same index, and the later one then
//! drops the earlier one's entry. So after writing, the index is read again, and written again when our entry went.

use super::Repository;
use super::manifest::header;
use crate::image::layout::INDEX;
use crate::model::Fault;
use oci_client::RegistryOperation;
use oci_client::manifest::OciDescriptor;
use reqwest::header::{ACCEPT, LINK};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

const PAGES: usize = 20;
const WRITES: u64 = 6;

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
        let mut entries = Vec::new();
        let mut next = reqwest::Url::parse(&self.url(&format!("referrers/{subject}"))).ok();
        if let Some(url) = &mut next {
            url.query_pairs_mut().append_pair("artifactType", artifact_type);
        }
        for _ in 0..PAGES {
            let Some(url) = next.take() else { break };
            let target = (Method::GET, url.as_str());
            let response = self.send(&what, RegistryOperation::Pull, target, |r| r.header(ACCEPT, INDEX)).await?;
            match response.status() {
                StatusCode::OK => {}
                // Registries without the API; some answer with 400 or 405 to an address they do not know.
                StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST | StatusCode::METHOD_NOT_ALLOWED => break,
                _ => return Err(self.refused(&what, response).await),
            }
            next = header(&response, LINK.as_str()).and_then(|link| next_page(&url, &link));
            let body = self.small_body(&what, response).await?;
            entries.extend(manifests(&what, &body)?);
        }
        Ok(entries)
    }

    /// Adds an entry to the index under the fallback tag of `subject`, keeping the entries of others.
    pub(in crate::image) async fn link(&self, subject: &str, entry: &Value) -> Result<(), Fault> {
        let tag = fallback_tag(subject);
        let what = format!("list the record under the tag {tag} of {}", self.name());
        for attempt in 1..=WRITES {
            let mut entries = match self.manifest(&tag).await? {
                Some(manifest) => manifests(&what, &manifest.bytes)?,
                None => Vec::new(),
            };
            if entries.iter().any(|known| known["digest"] == entry["digest"]) {
                return Ok(());
            }
            entries.push(entry.clone());
            let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
            self.put_manifest(&tag, index.to_string().as_bytes(), INDEX).await?;
            // Whoever read before our write may still write after it; the pause lets it, the loop reads again.
            tokio::time::sleep(Duration::from_millis(100 * attempt)).await;
        }
        Err(Fault::new(what, "other writers replaced the index each time", "run again when they are done"))
    }
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

/// The address of `Link: </v2/…>; rel="next"`.
fn next_page(current: &reqwest::Url, link: &str) -> Option<reqwest::Url> {
    let (address, rest) = link.trim_start().strip_prefix('<')?.split_once('>')?;
    if !rest.replace(['"', ' '], "").contains("rel=next") {
        return None;
    }
    current.join(address).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_read_from_the_link_header() {
        let here = reqwest::Url::parse("https://r.example/v2/a/referrers/d").unwrap();
        let next = next_page(&here, "</v2/a/referrers/d?n=2>; rel=\"next\"").unwrap();
        assert_eq!(next.as_str(), "https://r.example/v2/a/referrers/d?n=2");
        assert_eq!(next_page(&here, "</x>; rel=\"prev\""), None);
        assert_eq!(next_page(&here, "nonsense"), None);
    }

    #[test]
    fn what_is_no_index_is_refused_with_a_hint() {
        assert!(manifests("read", b"{\"layers\":[]}").unwrap_err().hint.contains("reserved"));
        assert!(manifests("read", b"<html>").is_err());
    }
}
