//! lakeFS: its S3 gateway serves `s3://REPOSITORY/REF/PATH`. A branch may move while it is read, so REF is looked up
//! once and the files are read from the commit that it stood for.

use super::accounts::{self, Given};
use super::address::{Address, Scheme};
use super::http::{Http, refused, unreachable};
use super::store::Bucket;
use super::{Found, Sources, Watch, remote};
use crate::digest;
use crate::model::{Fault, shown_address};
use crate::secret;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use std::sync::Arc;

pub(super) fn find(source: &str, watch: &Arc<Watch>) -> Result<Found, Fault> {
    let what = format!("read {}", shown_address(source));
    let shape = "a lakeFS source is s3://REPOSITORY/REF/PATH";
    let source = source.strip_prefix("lakefs://").map_or_else(|| source.to_string(), |rest| format!("s3://{rest}"));
    if !super::address::is_address(&source) {
        return Err(Fault::new(what, "it is no address", shape));
    }
    let address = Address::parse(&source)?;
    let split = address.key.split_once('/').filter(|(_, path)| !path.is_empty() && address.scheme == Scheme::S3);
    let Some((reference, path)) = split else { return Err(Fault::new(what, "it names no file of a reference", shape)) };
    let sources = watch.sources();
    let server = Server::new(sources, &what)?;
    let (repository, asked) = (address.bucket.clone(), reference.to_string());
    let (api, http, given) = (server.api.clone(), sources.http()?, server.given);
    let headers = server.headers;
    let told = what.clone();
    let commit =
        sources.wait(watch, &what, async move { resolve(&http, &api, &headers, &repository, &asked, &told).await })?;
    let fixed = Address { key: format!("{commit}/{path}"), ..address.clone() };
    let store = accounts::s3_with(&fixed, sources, &sources.http()?, &given)?;
    let bucket = Bucket::with_store(&fixed, store, sources.http()?);
    // Messages and the record keep the reference; the commit is an input of its own.
    let name = |key: &str| {
        let path = key.strip_prefix(&commit).unwrap_or(key);
        address.name_of(&format!("{reference}{path}"))
    };
    let files = remote::find_in(&bucket, &fixed, watch, name)?;
    let is_sha256 = digest::is_digest(&format!("sha256:{commit}"));
    let digest = if is_sha256 { format!("sha256:{commit}") } else { digest::of(commit.as_bytes()) };
    let version = (format!("{}/{reference} at {commit}", address.bucket), digest);
    Ok(Found { files, version: Some(version), ..Found::default() })
}

struct Server {
    /// `…/api/v1/`
    api: Url,
    headers: HeaderMap,
    given: Given,
}

impl Server {
    fn new(sources: &Sources, what: &str) -> Result<Server, Fault> {
        let named = sources.first_of(&["LAKEFS_ENDPOINT", "LAKECTL_SERVER_ENDPOINT_URL"]);
        let gateway = sources.first_of(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]);
        let Some(endpoint) = named.clone().or_else(|| gateway.clone()) else {
            return Err(Fault::new(what, "it is not known where lakeFS is", "set LAKEFS_ENDPOINT=https://HOST"));
        };
        let root = endpoint.trim_end_matches('/').trim_end_matches("/api/v1").to_string();
        let bad =
            |e: &dyn std::fmt::Display| Fault::new(what, format!("LAKEFS_ENDPOINT: {e}"), "it is like https://HOST");
        let api = Url::parse(&format!("{root}/api/v1/")).map_err(|e| bad(&e))?;
        let id = ["LAKEFS_ACCESS_KEY_ID", "LAKECTL_CREDENTIALS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"];
        let word = ["LAKEFS_SECRET_ACCESS_KEY", "LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"];
        let Some((id, word)) = sources.first_of(&id).zip(sources.first_of(&word)) else {
            let hint = "set LAKEFS_ACCESS_KEY_ID and LAKEFS_SECRET_ACCESS_KEY";
            return Err(Fault::new(what, "no credentials for lakeFS were found", hint));
        };
        secret::hide([word.clone()]);
        let mut headers = HeaderMap::new();
        let basic = format!("Basic {}", base64(format!("{id}:{word}").as_bytes()));
        secret::hide([basic.trim_start_matches("Basic ").to_string()]);
        headers.insert(AUTHORIZATION, basic.parse().map_err(|e| bad(&e))?);
        let own = sources.variable("LAKEFS_S3_ENDPOINT");
        let endpoint = own.or(if named.is_some() { Some(root) } else { gateway });
        let region = sources.first_of(&["AWS_REGION", "AWS_DEFAULT_REGION"]).or_else(|| Some("us-east-1".to_string()));
        Ok(Server { api, headers, given: Given { endpoint, region, keys: Some((id, word)), ..Given::default() } })
    }
}

/// The commit that a branch, a tag or a commit's beginning stands for.
async fn resolve(
    http: &Http,
    api: &Url,
    headers: &HeaderMap,
    repository: &str,
    reference: &str,
    what: &str,
) -> Result<String, Fault> {
    let host = api.host_str().unwrap_or_default();
    let ways: [(&[&str], &str); 2] = [
        (&["repositories", repository, "branches", reference], "/commit_id"),
        (&["repositories", repository, "refs", reference, "commits"], "/results/0/id"),
    ];
    let mut last = None;
    for (path, pointer) in ways {
        let mut url = api.clone();
        let _ = url.path_segments_mut().map(|mut segments| {
            segments.pop_if_empty().extend(path);
        });
        if path.last() == Some(&"commits") {
            url.query_pairs_mut().append_pair("amount", "1");
        }
        let trouble = |t: super::spool::Trouble| Fault::new(what, t.why, t.hint);
        let response = http.get(&url, headers).await.map_err(|e| trouble(unreachable(host, e)))?;
        match response.status().as_u16() {
            200 => {}
            404 => {
                last = Some(format!("lakeFS has no reference {reference} in a repository {repository}"));
                continue;
            }
            401 | 403 => {
                let hint = "check LAKEFS_ACCESS_KEY_ID and LAKEFS_SECRET_ACCESS_KEY, and the user's policies";
                return Err(Fault::new(what, trouble(refused(host, response).await).why, hint));
            }
            _ => return Err(trouble(refused(host, response).await)),
        }
        let body = response.bytes().await.map_err(|e| Fault::new(what, e.without_url(), ""))?;
        let parsed: serde_json::Value = serde_json::from_slice(&body)
            .map_err(|e| Fault::new(what, format!("lakeFS answered something else: {e}"), "check LAKEFS_ENDPOINT"))?;
        let is_id = |id: &&str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric());
        match parsed.pointer(pointer).and_then(|id| id.as_str()).filter(is_id) {
            Some(id) => return Ok(id.to_string()),
            None => last = Some(format!("lakeFS told no commit of {reference}")),
        }
    }
    Err(Fault::new(what, last.unwrap_or_default(), "check the repository's and the branch's name"))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let all = three.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let digit = usize::try_from(all >> (18 - 6 * at) & 63).ok().and_then(|index| DIGITS.get(index));
            text.push(if at <= three.len() { digit.map_or('=', |digit| char::from(*digit)) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_is_that_of_the_rfc() {
        // RFC 4648, section 10.
        for (text, code) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(super::base64(text.as_bytes()), code);
        }
    }
}
