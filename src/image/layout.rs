//! An OCI image layout on disk: `oci-layout`, `index.json`, `blobs/sha256/…`. Layers that come from the Docker engine are
//! hashed and compressed while they are written; no layer is ever held in memory.

use super::pack::{LayerWriter, Packing};
use crate::digest;
use crate::model::Fault;
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(super) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

pub(super) fn descriptor(media_type: &str, digest: String, size: u64) -> OciDescriptor {
    // A blob cannot reach 2^63 bytes; the specification's type is signed.
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    OciDescriptor { media_type: media_type.to_string(), digest, size, ..OciDescriptor::default() }
}

pub(super) fn size(descriptor: &OciDescriptor) -> u64 {
    u64::try_from(descriptor.size).unwrap_or(0)
}

/// A folder with an image.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Makes an empty layout; one that was there before is removed.
    pub(super) fn create(root: &Path) -> Result<Layout, Fault> {
        let made = || -> io::Result<()> {
            if root.exists() {
                std::fs::remove_dir_all(root)?;
            }
            std::fs::create_dir_all(root.join("blobs/sha256"))?;
            std::fs::write(root.join("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}")
        };
        made().map_err(|e| Fault::new(format!("make the image layout {}", root.display()), e, ""))?;
        Ok(Layout::at(root))
    }

    pub(super) fn at(root: &Path) -> Layout {
        Layout { root: root.to_path_buf() }
    }

    pub(super) fn blob(&self, digest: &str) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.trim_start_matches("sha256:"))
    }

    pub(super) fn read(&self, digest: &str) -> Result<Vec<u8>, Fault> {
        let path = self.blob(digest);
        let bytes = std::fs::read(&path).map_err(|e| Fault::new(format!("read {}", path.display()), e, ""))?;
        if digest::of(&bytes) != digest {
            let why = format!("its content is no longer {digest}");
            return Err(Fault::new(format!("read {}", path.display()), why, "run again without touching .mlgate/"));
        }
        Ok(bytes)
    }

    pub(super) fn write(&self, media_type: &str, bytes: &[u8]) -> io::Result<OciDescriptor> {
        let digest = digest::of(bytes);
        std::fs::write(self.blob(&digest), bytes)?;
        Ok(descriptor(media_type, digest, bytes.len() as u64))
    }

    /// Writes the manifest of one platform, or of an artifact of a type.
    pub(super) fn write_manifest(
        &self,
        config: OciDescriptor,
        layers: Vec<OciDescriptor>,
        artifact_type: Option<&str>,
        annotations: &[(String, String)],
    ) -> io::Result<OciDescriptor> {
        let (media_type, artifact_type) = (Some(MANIFEST.to_string()), artifact_type.map(str::to_string));
        let annotations = (!annotations.is_empty()).then(|| annotations.iter().cloned().collect());
        let manifest =
            OciImageManifest { media_type, artifact_type, config, layers, annotations, ..OciImageManifest::default() };
        self.write(MANIFEST, &serde_json::to_vec(&manifest)?)
    }

    /// Writes the index of the layout, which points to the image: the one manifest, or with several platforms an index
    /// of theirs. Returns its descriptor.
    pub(super) fn seal(
        &self,
        mut manifests: Vec<(OciDescriptor, Value)>,
        annotations: &[(String, String)],
    ) -> io::Result<OciDescriptor> {
        let image = match manifests.len() {
            1 => manifests.remove(0).0,
            _ => {
                let listed = manifests.into_iter().map(|(manifest, platform)| {
                    json!({"mediaType": MANIFEST, "digest": manifest.digest, "size": manifest.size, "platform": platform})
                });
                let mut index = index(listed.collect());
                if !annotations.is_empty() {
                    let named = annotations.iter().map(|(name, value)| (name.clone(), json!(value)));
                    index["annotations"] = Value::Object(named.collect::<BTreeMap<_, _>>().into_iter().collect());
                }
                self.write(INDEX, index.to_string().as_bytes())?
            }
        };
        std::fs::write(self.root.join("index.json"), index(vec![json!(image)]).to_string())?;
        Ok(image)
    }

    /// The image `digest`, whole but for its layers.
    pub(super) fn image(&self, digest: &str) -> Result<Image, Fault> {
        let fault = |e: serde_json::Error| Fault::new(format!("read the manifest {digest}"), e, "");
        let bytes = self.read(digest)?;
        let index: Value = serde_json::from_slice(&bytes).map_err(fault)?;
        let listed: Vec<Value> = match index.get("manifests") {
            Some(listed) => Vec::deserialize(listed).map_err(fault)?,
            None => vec![json!({"digest": digest})],
        };
        let mut manifests = Vec::new();
        for entry in listed {
            let digest = entry["digest"].as_str().unwrap_or_default().to_string();
            let platform = ["os", "architecture"].map(|part| entry["platform"][part].as_str().unwrap_or_default());
            let bytes = self.read(&digest)?;
            let manifest = serde_json::from_slice(&bytes).map_err(fault)?;
            manifests.push(Listed { digest, platform: platform.join("/"), bytes, manifest });
        }
        let media_type = if index.get("manifests").is_some() { INDEX } else { MANIFEST };
        Ok(Image { descriptor: descriptor(media_type, digest.to_string(), bytes.len() as u64), bytes, manifests })
    }

    /// A layer to be written as a plain tar archive; what lands on disk is compressed.
    pub(super) fn layer(&self) -> io::Result<DiskLayer> {
        let file = BufWriter::new(tempfile::NamedTempFile::new_in(&self.root)?);
        Ok(DiskLayer { writer: LayerWriter::new(file, Packing::Gzip), layout: self.clone() })
    }
}

fn index(manifests: Vec<Value>) -> Value {
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests})
}

/// The index of a layout in which one image has these tags.
pub(super) fn tagged(image: &OciDescriptor, tags: &[String]) -> String {
    let entry = |tag: &String| {
        let annotations = json!({"org.opencontainers.image.ref.name": tag});
        json!({"mediaType": image.media_type, "digest": image.digest, "size": image.size, "annotations": annotations})
    };
    index(tags.iter().map(entry).collect()).to_string()
}

/// An image as it is pushed: a manifest, or an index of one a platform.
pub(super) struct Image {
    pub(super) descriptor: OciDescriptor,
    pub(super) bytes: Vec<u8>,
    pub(super) manifests: Vec<Listed>,
}

/// One platform's manifest.
pub(super) struct Listed {
    pub(super) digest: String,
    /// `linux/amd64` in an index, else `/`.
    pub(super) platform: String,
    pub(super) bytes: Vec<u8>,
    pub(super) manifest: OciImageManifest,
}

impl Image {
    /// Layers and configs, each once.
    pub(super) fn blobs(&self) -> Vec<&OciDescriptor> {
        let mut seen = HashSet::new();
        let all = self.manifests.iter().flat_map(|m| m.manifest.layers.iter().chain([&m.manifest.config]));
        all.filter(|blob| seen.insert(blob.digest.as_str())).collect()
    }
}

/// A layer that lands in the layout.
pub(super) struct DiskLayer {
    writer: LayerWriter<BufWriter<tempfile::NamedTempFile>>,
    layout: Layout,
}

impl DiskLayer {
    pub(super) fn finish(self) -> io::Result<Layer> {
        let (file, layer) = self.writer.finish()?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.persist(self.layout.blob(&layer.descriptor.digest)).map_err(|e| e.error)?;
        Ok(layer)
    }
}

impl Write for DiskLayer {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.writer.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// A finished layer.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) descriptor: OciDescriptor,
    /// Digest of the archive before compression, as the image's config lists it.
    pub(super) diff_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_found_under_the_digest_of_what_lies_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::create(&dir.path().join("image")).unwrap();
        let mut writer = layout.layer().unwrap();
        writer.write_all(&[7; 300_000]).unwrap();
        let layer = writer.finish().unwrap();
        let packed = layout.read(&layer.descriptor.digest).unwrap();
        assert_eq!(size(&layer.descriptor), packed.len() as u64);
        assert_eq!(layer.diff_id, digest::of(&[7; 300_000]));

        std::fs::write(layout.blob(&layer.descriptor.digest), "other").unwrap();
        assert!(layout.read(&layer.descriptor.digest).unwrap_err().why.contains("no longer"));
    }
}
