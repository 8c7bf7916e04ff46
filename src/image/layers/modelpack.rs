//! A model as an artifact of CNCF ModelPack: layers that say what they hold, and a config about the model, instead of what
//! a container needs. Format: <https://github.com/modelpack/model-spec>, v1 (`docs/spec.md`, `docs/config.md`,
//! `specs-go/v1/annotations.go`).

use super::select::Entry;
use crate::config::{ModelKind, ModelPack};
use crate::image::layout::Layer;
use crate::image::pack::Packing;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

pub(super) const MANIFEST: &str = "application/vnd.cncf.model.manifest.v1+json";
pub(super) const CONFIG: &str = "application/vnd.cncf.model.config.v1+json";
/// Where the one file of a layer goes.
pub(in crate::image) const FILEPATH: &str = "org.cncf.model.filepath";
const FILE_METADATA: &str = "org.cncf.model.file.metadata+json";
/// What oras and others call a blob's file.
const TITLE: &str = "org.opencontainers.image.title";

/// The media type of a layer; a file as it is, or an archive.
pub(super) fn media_type(kind: ModelKind, packing: Packing, is_raw: bool) -> String {
    let kind = match kind {
        ModelKind::Weight => "weight",
        ModelKind::Config => "weight.config",
        ModelKind::Doc => "doc",
        ModelKind::Code => "code",
        ModelKind::Dataset => "dataset",
    };
    let form = match (is_raw, packing) {
        (true, _) => "raw",
        (false, Packing::Stored) => "tar",
        (false, Packing::Gzip) => "tar+gzip",
        (false, Packing::Zstd) => "tar+zstd",
    };
    format!("application/vnd.cncf.model.{kind}.v1.{form}")
}

/// What a layer of one file says of it; nothing of one with several, whose archive tells. Times and owners are fixed, so that
/// the same file is the same everywhere.
pub(super) fn annotations<'a>(
    entries: impl Iterator<Item = (&'a Path, &'a Entry)>,
) -> Option<BTreeMap<String, String>> {
    let mut files = entries.filter(|(_, entry)| !matches!(entry, Entry::Folder));
    let (Some((place, Entry::File { bytes, executable, .. })), None) = (files.next(), files.next()) else {
        return None;
    };
    let (path, name) = (place.display().to_string(), place.file_name().unwrap_or_default().to_string_lossy());
    let mode = if *executable { 0o755 } else { 0o644 };
    let metadata = json!({
        "name": name, "mode": mode, "uid": 0, "gid": 0, "size": bytes, "mtime": "1970-01-01T00:00:00Z", "typeflag": 0,
    });
    Some(BTreeMap::from([
        (FILEPATH.to_string(), path.clone()),
        (FILE_METADATA.to_string(), metadata.to_string()),
        (TITLE.to_string(), path),
    ]))
}

/// The config: what is known of the model, and its layers before compression.
pub(super) fn config(pack: &ModelPack, layers: &[Layer]) -> Value {
    let given = |pairs: &[(&str, &Option<String>)]| -> Map<String, Value> {
        let given = pairs.iter().filter_map(|(key, value)| Some((key.to_string(), json!(value.as_ref()?))));
        given.collect()
    };
    let mut descriptor = given(&[
        ("name", &pack.name),
        ("family", &pack.family),
        ("title", &pack.title),
        ("description", &pack.description),
        ("version", &pack.version),
        ("revision", &pack.revision),
        ("vendor", &pack.vendor),
        ("docURL", &pack.doc_url),
        ("sourceURL", &pack.source_url),
    ]);
    for (key, list) in [("authors", &pack.authors), ("licenses", &pack.licenses)] {
        if !list.is_empty() {
            descriptor.insert(key.into(), json!(list));
        }
    }
    let config = given(&[
        ("architecture", &pack.architecture),
        ("format", &pack.format),
        ("paramSize", &pack.param_size),
        ("precision", &pack.precision),
        ("quantization", &pack.quantization),
    ]);
    let ids: Vec<&String> = layers.iter().map(|layer| &layer.diff_id).collect();
    json!({"descriptor": descriptor, "config": config, "modelfs": {"type": "layers", "diffIds": ids}})
}
