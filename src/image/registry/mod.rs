//! A registry client for what mlgate does: push and read images and what is attached to them. `oci-client` gives
//! references and manifest types; requests are sent here, because pushing needs what it hides: Retry-After, identity
//! tokens, the OCI-Subject header, upload bodies that may be started again, and no time limit on a whole layer.

mod blob;
mod grant;
mod http;
#[cfg(test)]
mod login_tests;
mod manifest;
mod pages;
mod referrers;
#[cfg(test)]
mod tests;

pub(super) use blob::{Sent, Source};
pub(super) use manifest::{Manifest, Reply};
pub(super) use referrers::Amended;

use super::access::{Access, Login, is_loopback};
use super::layout::MANIFEST;
use crate::digest::is_digest;
use crate::model::{Cleared, Fault, causes};
use oci_client::Reference;
use std::time::Duration;
use tokio::sync::Mutex;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two pieces of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const USER_AGENT: &str = concat!("mlgate/", env!("CARGO_PKG_VERSION"));

/// One repository of one registry: `ghcr.io/acme/churn`.
pub(super) struct Repository {
    reference: Reference,
    scheme: &'static str,
    client: reqwest::Client,
    /// Without a limit between pieces of an answer, which would also limit the whole upload before it.
    uploads: reqwest::Client,
    /// For a token server. It goes nowhere else with the credentials: a redirect may send the whole form on, also
    /// unencrypted and to another host.
    tokens: reqwest::Client,
    login: Login,
    /// What the registry asked for, by operation: push, pull.
    granted: [Mutex<grant::Grant>; 2],
}

impl Repository {
    /// Prepares to talk; nothing is sent yet. `insecure` is plain HTTP, which loopback addresses always get.
    pub(super) async fn open(reference: &Reference, insecure: bool, access: &Access) -> Result<Repository, Fault> {
        // Several crates of the tree speak TLS; whoever comes first installs the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let registry = reference.registry();
        let plain = insecure || is_loopback(registry);
        let failed = |e: String| Fault::new(format!("prepare to talk to {registry}"), e, "");
        let builder = || reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).user_agent(USER_AGENT);
        let tokens = builder().read_timeout(READ_TIMEOUT).redirect(reqwest::redirect::Policy::none());
        Ok(Repository {
            reference: reference.clone(),
            scheme: if plain { "http" } else { "https" },
            client: builder().read_timeout(READ_TIMEOUT).build().map_err(|e| failed(causes(&e)))?,
            uploads: builder().build().map_err(|e| failed(causes(&e)))?,
            tokens: tokens.build().map_err(|e| failed(causes(&e)))?,
            login: access.login(registry).await?,
            granted: Default::default(),
        })
    }

    /// Opens a repository given by name, without tag or digest.
    pub(super) async fn named(name: &str, insecure: bool, access: &Access) -> Result<Repository, Fault> {
        let reference = parse(name)?;
        let last = name.rsplit('/').next().unwrap_or(name);
        if !reference.repository().ends_with(last) {
            let hint = "leave the tag or digest out; tags are listed under `tags:`";
            return Err(Fault::new(format!("read the repository `{name}`"), "this names one image of it", hint));
        }
        Repository::open(&reference, insecure, access).await
    }

    fn registry(&self) -> &str {
        self.reference.registry()
    }

    /// As people write it: `ghcr.io/acme/churn`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.registry(), self.reference.repository())
    }

    fn url(&self, rest: &str) -> String {
        format!("{}://{}/v2/{}/{rest}", self.scheme, self.reference.resolve_registry(), self.reference.repository())
    }
}

pub(super) fn parse(name: &str) -> Result<Reference, Fault> {
    name.parse().map_err(|e| {
        let hint = "write it as registry/name, such as ghcr.io/acme/churn, in lower case";
        Fault::new(format!("read the image name `{name}`"), e, hint)
    })
}

/// Whether a text can be a tag: it becomes part of an address.
pub(crate) fn is_tag(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let rest = |b: u8| word(b) || b == b'.' || b == b'-';
    text.len() <= 128 && text.bytes().next().is_some_and(word) && text.bytes().all(rest)
}

/// Checks tags before anything is done with them.
pub(crate) fn check_tags<'a>(what: &str, tags: impl IntoIterator<Item = &'a str>) -> Result<(), Fault> {
    let wrong: Vec<String> = tags.into_iter().filter(|tag| !is_tag(tag)).map(|tag| format!("`{tag}`")).collect();
    match wrong.join(", ") {
        wrong if wrong.is_empty() => Ok(()),
        wrong => {
            let hint =
                "a tag has letters, digits, `_`, `.` and `-`, does not start with `.` or `-`, and is 128 long at most";
            Err(Fault::new(what, format!("{wrong} is no valid tag"), hint))
        }
    }
}

/// The digest a tag points to now; none when there is no such tag or repository.
///
/// # Errors
/// When the registry cannot be asked, or refuses.
pub async fn resolve(repository: &str, tag: &str, insecure: bool, access: &Access) -> Result<Option<String>, Fault> {
    check_tags(&format!("look up {repository}:{tag}"), [tag])?;
    let repository = Repository::named(repository, insecure, access).await?;
    Ok(repository.manifest(tag).await?.map(|manifest| manifest.digest))
}

/// Lets a tag point to a digest that the registry has. The manifest is sent back byte for byte, so the digest stays.
///
/// # Errors
/// When the digest is not there, or the registry cannot be asked, or refuses.
pub async fn retag(
    repository: &str,
    digest: &str,
    tag: &str,
    insecure: bool,
    access: &Access,
    _: &Cleared,
) -> Result<(), Fault> {
    let what = || format!("tag {repository}@{digest} as {tag}");
    check_tags(&what(), [tag])?;
    if !is_digest(digest) {
        return Err(Fault::new(what(), "this is no sha256 digest", ""));
    }
    let repository = Repository::named(repository, insecure, access).await?;
    let Some(manifest) = repository.manifest(digest).await? else {
        return Err(Fault::new(what(), "the registry has no such manifest", "push the image with `mlgate run` first"));
    };
    let media_type = manifest.media_type.as_deref().unwrap_or(MANIFEST);
    repository.put_manifest(tag, &manifest.bytes, media_type).await.map(|_| ())
}
