//! Layers of the last build, by their fingerprints: where no file was touched, none is read. A wrong entry cannot put a
//! wrong layer into a registry, which checks the digest of what it is sent.

use crate::digest::is_digest;
use crate::files;
use crate::image::layout::{Layer, descriptor};
use crate::image::pack::Packing;
use crate::model::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize, Serialize)]
struct Entry {
    packing: Packing,
    digest: String,
    bytes: u64,
    diff_id: String,
}

#[derive(Default)]
pub(super) struct Known(BTreeMap<String, Entry>);

impl Known {
    /// What cannot be read is not known; it is found out again.
    pub(super) fn open(file: &Path) -> Known {
        let read = std::fs::read(file).ok();
        Known(read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    pub(super) fn layer(&self, fingerprint: &str) -> Option<(Packing, Layer)> {
        let entry = self.0.get(fingerprint)?;
        if !is_digest(&entry.digest) || !is_digest(&entry.diff_id) {
            return None;
        }
        let descriptor = descriptor(entry.packing.media_type(), entry.digest.clone(), entry.bytes);
        Some((entry.packing, Layer { descriptor, diff_id: entry.diff_id.clone() }))
    }

    pub(super) fn save(file: &Path, layers: &[(String, Packing, Layer)]) -> Result<(), Fault> {
        let entry = |(fingerprint, packing, layer): &(String, Packing, Layer)| {
            let (digest, diff_id) = (layer.descriptor.digest.clone(), layer.diff_id.clone());
            let bytes = crate::image::layout::size(&layer.descriptor);
            (fingerprint.clone(), Entry { packing: *packing, digest, bytes, diff_id })
        };
        let entries: BTreeMap<String, Entry> = layers.iter().map(entry).collect();
        let bytes = serde_json::to_vec(&entries).map_err(|e| Fault::new("remember the layers", e, ""))?;
        files::write(file, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest;

    #[test]
    fn what_was_saved_is_known_and_what_is_broken_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("layers.json");
        assert!(Known::open(&file).layer("a").is_none());
        let layer = Layer {
            descriptor: descriptor(Packing::Zstd.media_type(), digest::of(b"packed"), 6),
            diff_id: digest::of(b"plain"),
        };
        Known::save(&file, &[("a".into(), Packing::Zstd, layer.clone())]).unwrap();
        let (packing, known) = Known::open(&file).layer("a").unwrap();
        assert_eq!((packing, &known.diff_id), (Packing::Zstd, &layer.diff_id));
        assert_eq!(known.descriptor.digest, layer.descriptor.digest);
        assert_eq!(known.descriptor.size, 6);
        assert!(Known::open(&file).layer("b").is_none());
        let text = std::fs::read_to_string(&file).unwrap().replace("sha256:", "sha256:../");
        std::fs::write(&file, text).unwrap();
        assert!(Known::open(&file).layer("a").is_none());
        std::fs::write(&file, "{").unwrap();
        assert!(Known::open(&file).layer("a").is_none());
    }
}
