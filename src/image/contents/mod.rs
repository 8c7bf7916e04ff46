//! What is in an image: its packages, and files that should not be there. Layers are read as streams, one after another,
//! from wherever they lie; nothing is unpacked to disk.

mod packages;
mod sbom;
mod secrets;
mod tar;

pub use packages::{Package, System};
pub use sbom::{CYCLONEDX, cyclonedx};
pub use secrets::Secret;

use super::Built;
use super::blobs::Blobs;
use super::layers::modelpack::FILEPATH;
use super::layout::{Layout, size};
use super::pipe::{self, Bounded};
use crate::model::Fault;
use flate2::read::MultiGzDecoder;
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use packages::Packages;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::Duration;
use tar::{Archive, Kind};

/// Between two pieces of a layer from another registry.
const PATIENCE: Duration = Duration::from_secs(120);
/// Of the beginning of every file, in which keys are looked for.
const BEGINNING: u64 = 64 << 10;
/// Entries of one layer.
const MOST_ENTRIES: u64 = 5_000_000;
/// Paths of an image that hold secrets.
const MOST_SECRETS: usize = 10_000;

/// What was found in the image of one platform.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// `linux/arm64`; empty where the image is for one platform.
    pub platform: String,
    pub layers: usize,
    pub system: Option<System>,
    pub packages: Vec<Package>,
    pub secrets: Vec<Secret>,
    /// `USER`; empty where it does not say.
    pub user: String,
    pub has_healthcheck: bool,
    /// When the newest layer of the base was made, RFC 3339, where the image tells.
    pub base_created: Option<String>,
}

/// Reads the layers of a built image, for each of its platforms.
///
/// # Errors
/// A layer cannot be read, is broken, unpacks to hundreds of times its size, or has names that lead out of it.
pub async fn read(built: &Built) -> Result<Vec<Contents>, Fault> {
    let what = format!("look into the image {}", built.repository);
    let image = Layout::at(&built.layout).image(&built.digest)?;
    if image.manifests.is_empty() {
        return Err(Fault::new(&what, "it has no manifest", ""));
    }
    let blobs = Blobs::new(&built.layout, &built.own, &built.bases, &built.access).await?;
    let mut platforms = Vec::new();
    for listed in &image.manifests {
        let contents = of_platform(&what, built, &blobs, &listed.manifest).await?;
        let platform = if image.manifests.len() > 1 { listed.platform.clone() } else { String::new() };
        platforms.push(Contents { platform, ..contents });
    }
    Ok(platforms)
}

async fn of_platform(what: &str, built: &Built, blobs: &Blobs, manifest: &OciImageManifest) -> Result<Contents, Fault> {
    let config = Layout::at(&built.layout).read(&manifest.config.digest)?;
    let config: Value = serde_json::from_slice(&config).map_err(|e| Fault::new(what, e, ""))?;
    let mut found = Found::default();
    for (number, layer) in manifest.layers.iter().enumerate() {
        let (feed, reader) = pipe::reader();
        let content = blobs.open(layer, 0).await?;
        let (layer_of, before) = (layer.clone(), std::mem::take(&mut found));
        let walking = tokio::task::spawn_blocking(move || walk(before, number, &layer_of, reader));
        feed.pump(content, PATIENCE).await;
        let walked = walking.await.map_err(|e| Fault::new(what, e, ""))?;
        let hint = "what pulls the image would have to unpack it";
        found = walked.map_err(|e| Fault::new(what, format!("the layer {}: {e}", layer.digest), hint))?;
    }
    let settings = &config["config"];
    let test = settings["Healthcheck"]["Test"].as_array();
    Ok(Contents {
        platform: String::new(),
        layers: manifest.layers.len(),
        system: found.packages.system(),
        packages: found.packages.all(),
        secrets: found.secrets.into_values().flatten().collect(),
        user: settings["User"].as_str().unwrap_or_default().to_string(),
        has_healthcheck: test.is_some_and(|test| test.first().is_some_and(|first| first != "NONE")),
        base_created: base_created(&config, built),
    })
}

/// The base's last step with a time: our own layers have that of 1970. An engine's own steps have times of the build, so
/// there the first step counts, which made the base's file system.
fn base_created(config: &Value, built: &Built) -> Option<String> {
    let steps = config["history"].as_array()?;
    let mut times = steps.iter().filter_map(|step| step["created"].as_str()).filter(|time| !time.starts_with("1970-"));
    let time = if built.engine_image.is_some() { times.next() } else { times.next_back() };
    time.map(str::to_string)
}

/// What was found up to a layer.
#[derive(Default)]
struct Found {
    packages: Packages,
    /// By their paths; a later layer may have one where a lower one has.
    secrets: BTreeMap<String, Vec<Secret>>,
}

impl Found {
    /// What lower layers have at a path, and below it, is replaced or removed.
    fn gone(&mut self, path: &str, number: usize) {
        self.packages.remove(path, number);
        for known in packages::within(&self.secrets, path) {
            for secret in self.secrets.get_mut(&known).into_iter().flatten().filter(|secret| secret.number < number) {
                secret.removed_in = secret.removed_in.or(Some(number));
            }
        }
    }

    fn secret(&mut self, secret: Secret) -> io::Result<()> {
        if self.secrets.len() >= MOST_SECRETS {
            return Err(io::Error::other(format!("more than {MOST_SECRETS} files look like secrets")));
        }
        self.secrets.entry(secret.path.clone()).or_default().push(secret);
        Ok(())
    }
}

/// A layer that is a file as it is, of a ModelPack.
fn file(mut found: Found, number: usize, layer: &OciDescriptor, mut reader: impl Read) -> io::Result<Found> {
    let mut beginning = Vec::new();
    reader.by_ref().take(BEGINNING).read_to_end(&mut beginning)?;
    io::copy(&mut reader, &mut io::sink())?;
    let path = layer.annotations.as_ref().and_then(|said| said.get(FILEPATH)).cloned().unwrap_or_default();
    if let Some(why) = secrets::of(&path, &beginning) {
        found.secret(Secret { path, layer: layer.digest.clone(), number, why, removed_in: None })?;
    }
    Ok(found)
}

fn walk(mut found: Found, number: usize, layer: &OciDescriptor, reader: impl Read) -> io::Result<Found> {
    if layer.media_type.ends_with(".raw") {
        return file(found, number, layer, reader);
    }
    let mut archive = Archive::new(unpacked(layer, reader)?);
    let mut entries = 0;
    while let Some(entry) = archive.next()? {
        entries += 1;
        if entries > MOST_ENTRIES {
            return Err(io::Error::other(format!("it has more than {MOST_ENTRIES} entries")));
        }
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        let folder = entry.path.strip_suffix(name).unwrap_or_default();
        if name == ".wh..wh..opq" {
            found.gone(folder, number);
            continue;
        }
        if let Some(name) = name.strip_prefix(".wh.") {
            found.gone(&format!("{folder}{name}"), number);
            continue;
        }
        if entry.kind == Kind::Folder {
            continue;
        }
        // It takes the place of what a lower layer had there.
        found.gone(&entry.path, number);
        if entry.kind != Kind::File {
            continue;
        }
        let most = packages::wants(&entry);
        let is_whole = most.is_some_and(|most| entry.size <= most) && !entry.sparse;
        if !is_whole && packages::is_list(&entry.path) {
            let why = if entry.sparse { "stored with holes" } else { "too long for a list of packages" };
            return Err(io::Error::other(format!("{} is {why}, and would hide packages", entry.path)));
        }
        let most = if is_whole { entry.size } else { BEGINNING.min(entry.size) };
        let mut content = Vec::new();
        archive.by_ref().take(most).read_to_end(&mut content)?;
        let beginning = content.get(..BEGINNING as usize).unwrap_or(&content);
        if let Some(why) = secrets::of(&entry.path, beginning) {
            let layer = layer.digest.clone();
            found.secret(Secret { path: entry.path.clone(), layer, number, why, removed_in: None })?;
        }
        if is_whole {
            found.packages.add(&entry.path, number, &content)?;
        }
    }
    Ok(found)
}

fn unpacked<'a>(layer: &OciDescriptor, reader: impl Read + 'a) -> io::Result<Bounded<Box<dyn Read + 'a>>> {
    let packed = layer.media_type.as_str();
    let inner: Box<dyn Read + 'a> = match packed.rsplit_once('+').map_or("", |(_, packing)| packing) {
        "gzip" => Box::new(MultiGzDecoder::new(reader)),
        "zstd" => Box::new(zstd::stream::read::Decoder::new(reader)?),
        _ if packed.ends_with("tar.gzip") => Box::new(MultiGzDecoder::new(reader)),
        _ => Box::new(reader),
    };
    Ok(Bounded::new(inner, size(layer)))
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod tests;
