//! Buckets: listing them, and reading what lies in them. S3 and Azure are spoken by `object_store`; Google's buckets
//! by their JSON API, which its emulator speaks too, with the credentials that `object_store` finds.

use super::accounts;
use super::address::{Address, Scheme};
use super::http::{Http, NO_CREDENTIALS, refused, unreachable};
use super::sources::Sources;
use super::spool::{Body, Next, Trouble};
use crate::data::workers::lock;
use crate::model::{Fault, causes};
use futures_util::{StreamExt, TryStreamExt};
use object_store::gcp::GcpCredentialProvider;
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectStore};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use std::collections::HashSet;
use std::sync::Arc;

/// A bucket with the credentials for it.
pub(super) struct Bucket {
    address: Address,
    http: Http,
    kind: Kind,
}

enum Kind {
    Store(Arc<dyn ObjectStore>),
    /// The API's address, and whose credentials it gets; None for an emulator and for public buckets.
    Google {
        base: Url,
        credentials: Option<GcpCredentialProvider>,
    },
    Web,
}

/// Where one file lies.
#[derive(Clone)]
pub(super) struct Place {
    bucket: Arc<Bucket>,
    key: String,
    /// Of http, with its query.
    url: Option<Url>,
    headers: HeaderMap,
}

/// What a listing tells of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub key: String,
    pub bytes: u64,
}

impl Bucket {
    /// The bucket of an address. Nothing is sent yet.
    pub fn of(address: &Address, sources: &Sources) -> Result<Arc<Bucket>, Fault> {
        let name = format!("{}://{}@{}", address.scheme_text, address.bucket, address.account.as_deref().unwrap_or(""));
        if let Some(known) = lock(&sources.buckets).get(&name) {
            return Ok(known.clone());
        }
        let http = sources.http()?;
        let kind = match address.scheme {
            Scheme::S3 => Kind::Store(accounts::s3(address, sources, &http)?),
            Scheme::Azure => Kind::Store(accounts::azure(address, sources, &http)?),
            Scheme::Gcs => {
                let (base, credentials) = accounts::google(address, sources, &http)?;
                Kind::Google { base, credentials }
            }
            Scheme::Http => Kind::Web,
        };
        let bucket = Arc::new(Bucket { address: address.clone(), http, kind });
        lock(&sources.buckets).insert(name, bucket.clone());
        Ok(bucket)
    }

    /// As [`Bucket::of`], with a store that was made elsewhere.
    pub fn with_store(address: &Address, store: Arc<dyn ObjectStore>, http: Http) -> Arc<Bucket> {
        Arc::new(Bucket { address: address.clone(), http, kind: Kind::Store(store) })
    }

    /// All files below a folder, in the order of their keys.
    pub async fn list(&self, folder: &str) -> Result<Vec<Listed>, Trouble> {
        let mut found = match &self.kind {
            Kind::Store(store) => {
                let prefix = Key::parse(folder).map_err(|e| Trouble::lasting(e.to_string(), ""))?;
                let prefix = (!folder.is_empty()).then_some(&prefix);
                let listed = store.list(prefix).map_ok(|m| Listed { key: m.location.to_string(), bytes: m.size });
                listed.try_collect().await.map_err(|e| self.trouble(&e, folder))?
            }
            Kind::Google { base, credentials } => self.list_google(base, credentials.as_ref(), folder).await?,
            Kind::Web => return Err(Trouble::lasting("a web server does not list its files", "")),
        };
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    async fn list_google(
        &self,
        base: &Url,
        credentials: Option<&GcpCredentialProvider>,
        folder: &str,
    ) -> Result<Vec<Listed>, Trouble> {
        let mut found = Vec::new();
        let (mut page, mut seen) = (None::<String>, HashSet::new());
        loop {
            let mut url = google_url(base, &["storage", "v1", "b", &self.address.bucket, "o"])?;
            let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
            url.query_pairs_mut().append_pair("prefix", &prefix);
            if let Some(page) = &page {
                url.query_pairs_mut().append_pair("pageToken", page);
            }
            let answer = self.google(&url, credentials).await?;
            let items = answer.get("items").and_then(|items| items.as_array()).into_iter().flatten();
            for item in items {
                let text = |name: &str| item.get(name).and_then(|value| value.as_str());
                let bytes = text("size").and_then(|size| size.parse().ok());
                let (Some(key), Some(bytes)) = (text("name"), bytes) else {
                    return Err(Trouble::lasting("a listed file has no name or size", ""));
                };
                found.push(Listed { key: key.to_string(), bytes });
            }
            match answer.get("nextPageToken").and_then(|token| token.as_str()) {
                None => return Ok(found),
                Some(next) if !seen.insert(next.to_string()) => {
                    let why = format!("the listing of {} begins again in the middle", self.address.bucket);
                    return Err(Trouble::lasting(why, "try again later"));
                }
                Some(next) => page = Some(next.to_string()),
            }
        }
    }

    async fn google(
        &self,
        url: &Url,
        credentials: Option<&GcpCredentialProvider>,
    ) -> Result<serde_json::Value, Trouble> {
        let host = url.host_str().unwrap_or_default();
        let headers = self.google_headers(credentials).await?;
        let response = self.http.get(url, &headers).await.map_err(|e| unreachable(host, e))?;
        if !response.status().is_success() {
            return Err(self.google_hint(refused(host, response).await, credentials.is_some()));
        }
        let body = response.bytes().await.map_err(|e| Trouble::passing(causes(&e.without_url())))?;
        serde_json::from_slice(&body).map_err(|e| Trouble::lasting(format!("{host} answered something else: {e}"), ""))
    }

    async fn google_headers(&self, credentials: Option<&GcpCredentialProvider>) -> Result<HeaderMap, Trouble> {
        let mut headers = HeaderMap::new();
        if let Some(credentials) = credentials {
            let token = credentials.get_credential().await.map_err(|e| self.trouble(&e, ""))?;
            crate::secret::hide([token.bearer.clone()]);
            let value = format!("Bearer {}", token.bearer).parse();
            headers.insert(AUTHORIZATION, value.map_err(|_| Trouble::lasting("the access token is no token", ""))?);
        }
        Ok(headers)
    }

    fn google_hint(&self, trouble: Trouble, signed: bool) -> Trouble {
        let hint = match trouble.why.as_str() {
            why if why.contains(" 404") => format!("does {} exist? names are case-sensitive", self.address.bucket),
            why if why.contains(" 401") || why.contains(" 403") => accounts::hint(Scheme::Gcs, !signed),
            _ => return trouble,
        };
        Trouble { hint, ..trouble }
    }

    /// What an error of `object_store` means, in few words.
    fn trouble(&self, error: &object_store::Error, key: &str) -> Trouble {
        use object_store::Error;
        let text = causes(error);
        let (scheme, bucket) = (self.address.scheme, &self.address.bucket);
        let said = said(&text);
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if says(&[NO_CREDENTIALS]) {
            return Trouble::lasting(NO_CREDENTIALS, accounts::hint(scheme, true));
        }
        if says(&["NoSuchBucket", "ContainerNotFound"]) {
            return Trouble::lasting(format!("there is no bucket {bucket}"), "check its name, and the endpoint");
        }
        if says(&["PermanentRedirect", "AuthorizationHeaderMalformed", "Received redirect"]) {
            let region = self.http.region();
            let place = region.as_deref().unwrap_or("another region");
            return Trouble::lasting(
                format!("the bucket {bucket} lies in {place}"),
                format!("set AWS_REGION={}", region.as_deref().unwrap_or("to the bucket's region")),
            );
        }
        let codes =
            ["SignatureDoesNotMatch", "InvalidAccessKeyId", "AccessDenied", "ExpiredToken", "AuthenticationFailed"];
        if says(&codes) {
            return Trouble::lasting(format!("{bucket} refused{said}"), accounts::hint(scheme, false));
        }
        match error {
            Error::NotFound { .. } => {
                let is_folder = format!("is it a folder? then name the files in it, such as {key}/*.parquet");
                Trouble {
                    next: Next::Absent,
                    ..Trouble::lasting(format!("there is no file {key} in {bucket}"), is_folder)
                }
            }
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                Trouble::lasting(format!("{bucket} refused{said}"), accounts::hint(scheme, false))
            }
            Error::Precondition { .. } => Trouble::changed("it was replaced while it was read"),
            _ if says(&["Connect", "dns error", "error sending request"]) => {
                let why = format!("cannot talk to the storage of {bucket}: {}", innermost(error));
                Trouble::lasting(why, accounts::endpoint_hint(scheme))
            }
            _ if says(&["Received non-partial response"]) => {
                Trouble::changed("the storage does not read parts of files")
            }
            _ => Trouble::lasting(
                format!("the storage of {bucket} failed{}", if said.is_empty() { format!(": {text}") } else { said }),
                "",
            ),
        }
    }
}

/// The code and message of an XML error body.
fn said(text: &str) -> String {
    let part = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (part, _) = rest.split_once(&format!("</{name}>"))?;
        let part = part.trim().trim_start_matches("<![CDATA[").trim_end_matches("]]>");
        Some(part.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    match (part("Code"), part("Message")) {
        (Some(code), Some(message)) => format!(": {code}: {message}"),
        (Some(one), None) | (None, Some(one)) => format!(": {one}"),
        (None, None) => match ["429", "500", "502", "503", "504"].iter().find(|s| text.contains(*s)) {
            Some(status) => format!(": it answered {status} each time it was asked"),
            None => String::new(),
        },
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

fn google_url(base: &Url, parts: &[&str]) -> Result<Url, Trouble> {
    let mut url = base.clone();
    let extended = url.path_segments_mut().map(|mut path| {
        path.pop_if_empty().extend(parts);
    });
    extended
        .map_err(|()| Trouble::lasting(format!("{base} is no address of an API"), "check STORAGE_EMULATOR_HOST"))?;
    Ok(url)
}

impl Place {
    /// A file of the bucket that `address` led to. Of http the address itself is the file's: a server's other files
    /// share the bucket.
    pub fn of(bucket: &Arc<Bucket>, address: &Address, key: &str) -> Place {
        let (bucket, key, url) = (bucket.clone(), key.to_string(), address.url.clone());
        Place { bucket, key, url, headers: HeaderMap::new() }
    }

    /// With fields that a web server wants to see.
    pub fn with_headers(self, headers: HeaderMap) -> Place {
        Place { headers, ..self }
    }

    /// The bytes from `from` on, of the version `tag` when some have been read before.
    pub async fn body(&self, from: u64, tag: Option<&str>) -> Result<Body, Trouble> {
        let bucket = &self.bucket;
        match &bucket.kind {
            Kind::Store(store) => self.stored(store, from, tag).await,
            Kind::Google { base, credentials } => {
                let mut url = google_url(base, &["storage", "v1", "b", &bucket.address.bucket, "o", &self.key])?;
                url.query_pairs_mut().append_pair("alt", "media");
                let headers = bucket.google_headers(credentials.as_ref()).await?;
                let body = bucket.http.body(&url, headers, from, tag).await;
                body.map_err(|trouble| bucket.google_hint(trouble, credentials.is_some()))
            }
            Kind::Web => match &self.url {
                Some(url) => bucket.http.body(url, self.headers.clone(), from, tag).await,
                None => Err(Trouble::lasting("it has no address", "")),
            },
        }
    }

    async fn stored(&self, store: &Arc<dyn ObjectStore>, from: u64, tag: Option<&str>) -> Result<Body, Trouble> {
        let trouble = |error: object_store::Error| self.bucket.trouble(&error, &self.key);
        let key = Key::parse(&self.key).map_err(|e| Trouble::lasting(e.to_string(), "check the key"))?;
        let options = GetOptions {
            range: (from > 0).then_some(GetRange::Offset(from)),
            if_match: tag.filter(|_| from > 0).map(String::from),
            ..GetOptions::default()
        };
        let got = store.get_opts(&key, options).await.map_err(trouble)?;
        let (start, total) = (got.range.start, Some(got.meta.size));
        let own = got.meta.e_tag.clone();
        if from > 0 && own.as_deref() != tag {
            return Err(Trouble::changed("it was replaced while it was read"));
        }
        let stream = got.into_stream().map(|piece| piece.map_err(|e| Trouble::passing(innermost(&e)))).boxed();
        Ok(Body { start, total, tag: own.filter(|tag| !tag.starts_with("W/")), stream })
    }
}
