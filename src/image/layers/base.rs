//! Finds the base image: its manifest for the wanted platform, and its config. Layers are not fetched.

use crate::config::{Image, LayeredImage};
use crate::digest::is_digest;
use crate::image::access::Access;
use crate::image::layout::LAYER;
use crate::image::registry::{Manifest, Repository, parse};
use crate::image::{Base, registry};
use crate::model::Fault;
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use serde_json::Value;

/// Configs are read into memory; a real one has some kilobytes.
const MOST_CONFIG_BYTES: u64 = 4 * 1024 * 1024;

/// For each platform the base and its config; none for `scratch`.
pub(super) async fn find(image: &Image, layered: &LayeredImage, access: &Access) -> Result<Vec<(Base, Value)>, Fault> {
    let Some(name) = layered.base.as_deref().filter(|name| *name != "scratch") else { return Ok(Vec::new()) };
    let what = format!("find the base image {name}");
    let reference = parse(name)?;
    // `insecure` is said of the image's own registry; it holds for a base from there, and for no other.
    let insecure = image.insecure && registry::parse(&image.repository)?.registry() == reference.registry();
    let repository = Repository::open(&reference, insecure, access).await?;
    let asked = reference.digest().or(reference.tag()).unwrap_or("latest");
    let top = repository.manifest(asked).await?.ok_or_else(|| missing(&what, asked))?;
    let mut found = Vec::new();
    for platform in &layered.platforms {
        let (digest, layers, config) = of_one(&repository, &what, &top, platform).await?;
        let (name, platform) = (name.to_string(), platform.clone());
        found.push((Base { name, digest, platform, layers, insecure }, config));
    }
    Ok(found)
}

fn missing(what: &str, which: &str) -> Fault {
    let hint = "check name and tag, and that the credentials may read it";
    Fault::new(what, format!("the registry has no {which}"), hint)
}

/// Digest, layers and config of the image for one platform.
async fn of_one(
    repository: &Repository,
    what: &str,
    top: &Manifest,
    platform: &str,
) -> Result<(String, Vec<OciDescriptor>, Value), Fault> {
    let listed = match of_platform(what, top, platform)? {
        Some(digest) => Some(repository.manifest(&digest).await?.ok_or_else(|| missing(what, &digest))?),
        None => None,
    };
    let manifest = listed.as_ref().unwrap_or(top);
    let parsed: OciImageManifest =
        serde_json::from_slice(&manifest.bytes).map_err(|e| Fault::new(what, format!("its manifest: {e}"), ""))?;
    let layers = parsed.layers.into_iter().map(|layer| renamed(what, layer)).collect::<Result<Vec<_>, _>>()?;
    if !is_digest(&parsed.config.digest) {
        return Err(Fault::new(what, "its manifest names a config without a sha256 digest", ""));
    }
    let config = repository.small_blob(&parsed.config, MOST_CONFIG_BYTES).await?;
    let config: Value =
        serde_json::from_slice(&config).map_err(|e| Fault::new(what, format!("its config: {e}"), ""))?;
    fits(what, &config, platform, layers.len())?;
    Ok((manifest.digest.clone(), layers, config))
}

/// For an index the digest of the manifest for the platform; none for a manifest.
fn of_platform(what: &str, manifest: &Manifest, platform: &str) -> Result<Option<String>, Fault> {
    let parsed: Value = serde_json::from_slice(&manifest.bytes).map_err(|e| Fault::new(what, e, ""))?;
    let Some(entries) = parsed["manifests"].as_array() else { return Ok(None) };
    let name = |entry: &Value| {
        let parts = ["os", "architecture", "variant"].map(|part| entry["platform"][part].as_str().unwrap_or_default());
        parts.join("/").trim_end_matches('/').to_string()
    };
    // `linux/arm64` also takes `linux/arm64/v8`; an entry named in full wins.
    let exact = entries.iter().find(|entry| name(entry) == platform);
    let found = exact.or_else(|| entries.iter().find(|entry| name(entry).starts_with(&format!("{platform}/"))));
    match found.and_then(|entry| entry["digest"].as_str()).filter(|digest| is_digest(digest)) {
        Some(digest) => Ok(Some(digest.to_string())),
        None => {
            let names: Vec<_> = entries.iter().map(name).filter(|name| !name.starts_with("unknown")).collect();
            let why = format!("it is not there for {platform}, only for {}", names.join(", "));
            Err(Fault::new(what, why, "set `platform:` or `platforms:` to one of these"))
        }
    }
}

/// A layer under its OCI media type; Docker's types mean the same bytes.
fn renamed(what: &str, mut layer: OciDescriptor) -> Result<OciDescriptor, Fault> {
    if !is_digest(&layer.digest) {
        return Err(Fault::new(what, format!("a layer's digest is `{}`, which is no sha256 digest", layer.digest), ""));
    }
    match layer.media_type.as_str() {
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => layer.media_type = LAYER.to_string(),
        "application/vnd.docker.image.rootfs.diff.tar" => {
            layer.media_type = "application/vnd.oci.image.layer.v1.tar".to_string();
        }
        known if known.starts_with("application/vnd.oci.image.layer.v1.tar") => {}
        other => return Err(Fault::new(what, format!("it has a layer of the type {other}, which cannot be used"), "")),
    }
    Ok(OciDescriptor { urls: None, ..layer })
}

fn fits(what: &str, config: &Value, platform: &str, layers: usize) -> Result<(), Fault> {
    let found = ["os", "architecture"].map(|part| config[part].as_str().unwrap_or("unknown")).join("/");
    let wanted: Vec<&str> = platform.split('/').take(2).collect();
    if found != wanted.join("/") {
        return Err(Fault::new(what, format!("it is for {found}, not for {platform}"), "set `platform:`"));
    }
    match config["rootfs"]["diff_ids"].as_array() {
        Some(ids) if ids.len() == layers => Ok(()),
        ids => {
            let count = ids.map_or(0, Vec::len);
            Err(Fault::new(what, format!("its config lists {count} layers, its manifest {layers}"), ""))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_platform_is_chosen_from_an_index() {
        let digest = |n: u8| format!("sha256:{}", format!("{n:02x}").repeat(32));
        let entry = |n: u8, os: &str, architecture: &str, variant: &str| {
            let platform = json!({"os": os, "architecture": architecture, "variant": variant});
            json!({"digest": digest(n), "platform": platform})
        };
        let entries =
            [entry(1, "linux", "amd64", ""), entry(2, "linux", "arm64", "v8"), entry(3, "unknown", "unknown", "")];
        let bytes = json!({"manifests": entries}).to_string().into_bytes();
        let index = Manifest { bytes, media_type: None, digest: digest(9) };
        assert_eq!(of_platform("find", &index, "linux/amd64").unwrap(), Some(digest(1)));
        assert_eq!(of_platform("find", &index, "linux/arm64").unwrap(), Some(digest(2)));
        let fault = of_platform("find", &index, "linux/s390x").unwrap_err();
        assert!(fault.why.ends_with("only for linux/amd64, linux/arm64/v8"), "{fault}");
        let manifest = Manifest { bytes: b"{\"layers\": []}".to_vec(), media_type: None, digest: digest(9) };
        assert_eq!(of_platform("find", &manifest, "linux/amd64").unwrap(), None);
    }
}
