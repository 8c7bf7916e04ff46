//! Where DVC keeps contents: its cache, and its remotes.

use super::super::accounts::{self, Given};
use super::super::address::{Address, Scheme, is_address};
use super::super::hash::Expected;
use super::super::ini;
use super::super::spool::Object;
use super::super::store::{Bucket, Place};
use super::super::{DataFile, Watch};
use super::outs::Out;
use super::tidy;
use crate::model::{Fault, shown_address};
use crate::secret;
use reqwest::Url;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

type Section = BTreeMap<String, String>;

pub(super) struct Storage {
    cache: PathBuf,
    /// Relative paths in the config begin here.
    folder: PathBuf,
    default: Option<String>,
    remotes: BTreeMap<String, Section>,
}

impl Storage {
    /// Reads `.dvc/config` and `.dvc/config.local`, and the user's own below them.
    pub fn new(repo: &Path, watch: &Watch) -> Result<Storage, Fault> {
        // Relative paths begin where the folder really is.
        let folder = repo.join(".dvc");
        let folder = folder.canonicalize().unwrap_or(folder);
        let mut all: BTreeMap<String, Section> = BTreeMap::new();
        let users = watch.sources().home(".config/dvc/config");
        for path in users.into_iter().chain([folder.join("config"), folder.join("config.local")]) {
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => return Err(Fault::new(format!("read {}", path.display()), e, "")),
            };
            for (name, section) in ini::parse(&text) {
                all.entry(name).or_default().extend(section);
            }
        }
        let value = |section: &str, key: &str| all.get(section).and_then(|section| section.get(key)).cloned();
        let cache = tidy(&folder.join(value("cache", "dir").unwrap_or_else(|| "cache".to_string())));
        let default = value("core", "remote");
        let remotes =
            all.into_iter().filter_map(|(name, section)| Some((name.strip_prefix("remote ")?.into(), section)));
        let remotes: BTreeMap<String, Section> = remotes.collect();
        let words = ["secret_access_key", "session_token", "account_key", "sas_token", "client_secret", "password"];
        for section in remotes.values() {
            secret::hide(words.iter().filter_map(|word| section.get(*word).cloned()));
        }
        Ok(Storage { cache, folder, default, remotes })
    }

    /// The content of this hash in the cache, if it is there.
    pub fn cached(&self, out: &Out, md5: &str) -> Option<PathBuf> {
        let (first, rest) = md5.split_at_checked(2)?;
        let below = |folder: &str| self.cache.join(folder).join(first).join(rest);
        let (new, old) = (below("files/md5"), below(""));
        let order = if out.is_legacy { [old, new] } else { [new, old] };
        order.into_iter().find(|path| path.is_file())
    }

    /// The file `name` from the cache, else from the remote. What comes from there must have the hash expected; what
    /// lies in the cache is verified as files of the workspace are.
    pub fn file(&self, name: &str, out: &Out, expected: Expected, watch: &Arc<Watch>) -> Result<DataFile, Fault> {
        // Only a folder's list has no name.
        let hash = if name.is_empty() { &out.md5 } else { &expected.md5 };
        if let Some(path) = self.cached(out, hash).filter(|_| !name.is_empty()) {
            return Ok(DataFile::local(path, name, watch));
        }
        let shown = if name.is_empty() { format!("the list of {}", out.path.display()) } else { name.to_string() };
        let what = format!("read {shown} from the DVC remote");
        let (first, rest) = hash.split_at_checked(2).ok_or_else(|| Fault::new(&what, "its hash is too short", ""))?;
        let layout = if out.is_legacy { "" } else { "files/md5/" };
        let key = format!("{layout}{first}/{rest}");
        let Some(remote) = out.remote.as_ref().or(self.default.as_ref()) else {
            let why = "it is neither in the workspace nor in DVC's cache, and .dvc/config names no default remote";
            return Err(Fault::new(what, why, "run `dvc pull`, or `dvc remote default NAME`"));
        };
        let section = self.remotes.get(remote).filter(|section| section.contains_key("url"));
        let Some(section) = section else {
            let why = format!(".dvc/config has no remote {remote} with a url");
            return Err(Fault::new(what, why, "run `dvc remote add`"));
        };
        let url = section.get("url").cloned().unwrap_or_default();
        let url = url.strip_prefix("file://").unwrap_or(&url);
        if !is_address(url) {
            let path = tidy(&self.folder.join(url)).join(&key);
            if !path.is_file() {
                let why = format!(
                    "it is neither in the workspace nor in DVC's cache, and not in the remote {remote} ({url})"
                );
                return Err(Fault::new(what, why, "run `dvc push` where the data were added"));
            }
            return Ok(DataFile::local(path, shown, watch));
        }
        let place = self.place(remote, section, url, &key, watch, &what)?;
        let sources = watch.sources();
        let patience = sources.http()?.patience;
        let object = Object::new(shown, place, sources.spool(), patience, Some(expected));
        Ok(DataFile::away(&Arc::new(object), watch))
    }

    fn place(
        &self,
        remote: &str,
        section: &Section,
        url: &str,
        key: &str,
        watch: &Watch,
        what: &str,
    ) -> Result<Place, Fault> {
        let sources = watch.sources();
        let value = |name: &str| section.get(name).cloned();
        let whole = format!("{}/{key}", url.trim_end_matches('/'));
        let known = ["s3", "gs", "azure", "http", "https"];
        if !url.split_once("://").is_some_and(|(scheme, _)| known.contains(&scheme)) {
            let why = format!("the remote {remote} is at {}, which mlgate does not read", shown_address(url));
            return Err(Fault::new(what, why, "run `dvc pull` before mlgate"));
        }
        let mut address = Address::parse(&whole)?;
        let http = sources.http()?;
        let bucket = match address.scheme {
            Scheme::S3 => {
                let given = Given {
                    endpoint: value("endpointurl"),
                    region: value("region"),
                    profile: value("profile"),
                    keys: value("access_key_id").zip(value("secret_access_key")),
                    session_token: value("session_token"),
                };
                Bucket::with_store(&address, accounts::s3_with(&address, sources, &http, &given)?, http)
            }
            Scheme::Azure => {
                let key = value("account_key").map(|key| format!("AccountKey={key}"));
                let signature = value("sas_token").map(|token| format!("SharedAccessSignature={token}"));
                let connection = value("connection_string").or(key).or(signature);
                let account = value("account_name");
                let store = accounts::azure_with(&address, sources, &http, connection, account)?;
                Bucket::with_store(&address, store, http)
            }
            Scheme::Gcs => Bucket::of(&address, sources)?,
            Scheme::Http => {
                let mut url = Url::parse(&whole).map_err(|e| Fault::new(what, e, "check .dvc/config"))?;
                if let (Some(user), Some(password)) = (value("user"), value("password")) {
                    let set = url.set_username(&user).and_then(|()| url.set_password(Some(&password)));
                    set.map_err(|()| Fault::new(what, "its url takes no password", "check .dvc/config"))?;
                }
                address.url = Some(url);
                Bucket::of(&address, sources)?
            }
        };
        Ok(Place::of(&bucket, &address, &address.key))
    }
}
