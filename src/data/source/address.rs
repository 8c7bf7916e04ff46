//! Addresses of data on other machines: `s3://BUCKET/KEY` and its kin.

use crate::files;
use crate::model::{Fault, shown_address};
use crate::secret;
use reqwest::Url;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    S3,
    Gcs,
    Azure,
    Http,
}

/// A parsed address. `Url` is no help with keys: it would change `..`, spaces and more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub scheme: Scheme,
    /// As it was written: `s3`, `abfss`.
    pub scheme_text: String,
    /// The bucket or container; for http the host with its port.
    pub bucket: String,
    /// Of Azure, where the address names it.
    pub account: Option<String>,
    /// Without a leading slash.
    pub key: String,
    /// Of http alone.
    pub url: Option<Url>,
}

/// Whether a source lies on another machine.
pub(super) fn is_address(source: &str) -> bool {
    source.contains("://")
}

impl Address {
    pub fn parse(source: &str) -> Result<Address, Fault> {
        let what = || format!("read {}", shown_address(source));
        let (scheme_text, rest) = source.split_once("://").unwrap_or(("", source));
        let scheme = match scheme_text.to_ascii_lowercase().as_str() {
            "s3" | "s3a" | "s3n" => Scheme::S3,
            "gs" | "gcs" => Scheme::Gcs,
            "az" | "azure" | "abfs" | "abfss" | "adl" => Scheme::Azure,
            "http" | "https" => Scheme::Http,
            other => {
                let why = format!("{other}:// is no kind of address that can be read");
                return Err(Fault::new(what(), why, "s3://, gs://, az://, abfs://, https:// are"));
            }
        };
        if scheme == Scheme::Http {
            return Address::web(source, what());
        }
        let (place, key) = rest.split_once('/').unwrap_or((rest, ""));
        let (bucket, account) = match (scheme, place.split_once('@')) {
            (Scheme::Azure, Some((container, host))) => (container, host.split('.').next().map(String::from)),
            (_, None) => (place, None),
            (_, Some(_)) => {
                let why = "credentials do not belong into an address";
                return Err(Fault::new(what(), why, "they are taken from environment variables: see docs/sources.md"));
            }
        };
        if bucket.is_empty() || key.is_empty() {
            let example = format!("{scheme_text}://BUCKET/FOLDER/*.parquet");
            return Err(Fault::new(what(), "it names no file", format!("an address is like {example}")));
        }
        let (scheme_text, bucket) = (scheme_text.to_string(), bucket.to_string());
        Ok(Address { scheme, scheme_text, bucket, account, key: key.to_string(), url: None })
    }

    fn web(source: &str, what: String) -> Result<Address, Fault> {
        let url = Url::parse(source).map_err(|e| Fault::new(&what, e, "an address is like https://HOST/FILE.csv"))?;
        let path = source.split(['?', '#']).next().unwrap_or_default();
        if path.contains(['*', '{', '[']) {
            let why = "a web server does not list its files, so a glob cannot be looked up";
            return Err(Fault::new(what, why, "name one file, or read the folder by s3://, gs:// or az://"));
        }
        // What an address holds beyond the place of the file is mostly a signature.
        let secrets = [url.password(), url.query()].into_iter().flatten().map(String::from);
        secret::hide(secrets.chain(url.query_pairs().filter(|(_, v)| v.len() > 12).map(|(_, v)| v.into_owned())));
        let host = url.host_str().unwrap_or_default();
        let bucket = url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
        let key = url.path().trim_start_matches('/').to_string();
        let scheme_text = url.scheme().to_string();
        Ok(Address { scheme: Scheme::Http, scheme_text, bucket, account: None, key, url: Some(url) })
    }

    /// As messages and the record name a file of this bucket: without credentials and query.
    pub fn name_of(&self, key: &str) -> String {
        let account = self.account.as_ref().map_or_else(String::new, |a| format!("@{a}.dfs.core.windows.net"));
        format!("{}://{}{account}/{key}", self.scheme_text, self.bucket)
    }

    pub fn is_glob(&self) -> bool {
        self.scheme != Scheme::Http && files::is_glob(&self.key)
    }

    /// The folder in which all files of the glob lie, without a slash at its end.
    pub fn fixed(&self) -> String {
        let parts: Vec<&str> = self.key.split('/').collect();
        let last = parts.len().saturating_sub(1);
        let fixed = parts.iter().take(last).take_while(|part| !files::is_glob(part));
        fixed.copied().collect::<Vec<_>>().join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_and_shown_without_secrets() {
        let of = |text: &str| Address::parse(text).unwrap();
        let s3 = of("s3a://bucket/live/dt=*/a b?.parquet");
        assert_eq!((s3.scheme, s3.bucket.as_str(), s3.fixed().as_str()), (Scheme::S3, "bucket", "live"));
        assert!(s3.is_glob() && of("s3://b/*.csv").fixed().is_empty());
        let azure = of("abfss://box@store.dfs.core.windows.net/a/b.csv");
        assert_eq!((azure.bucket.as_str(), azure.account.as_deref()), ("box", Some("store")));
        assert_eq!(azure.name_of("x"), "abfss://box@store.dfs.core.windows.net/x");
        let web = of("https://ann:hunter22@example.com:8443/d/a%20b.csv?sig=abcdefghijklmnop");
        assert_eq!(web.name_of(&web.key), "https://example.com:8443/d/a%20b.csv");
        assert_eq!(shown_address("https://ann:hunter22@example.com/d?sig=1"), "https://example.com/d");
        assert_eq!(crate::secret::strike_out("sig=abcdefghijklmnop hunter22"), "*** ***");
    }

    #[test]
    fn what_is_no_address_says_what_is() {
        let why = |text: &str| Address::parse(text).unwrap_err().to_string();
        assert!(why("ftp://a/b").contains("s3://"));
        assert!(why("s3://bucket").contains("BUCKET"));
        assert!(why("https://a.b/*.csv").contains("does not list"));
        let fault = why("s3://key:secretword@bucket/a.csv");
        assert!(fault.contains("credentials") && !fault.contains("secretword"), "{fault}");
    }
}
