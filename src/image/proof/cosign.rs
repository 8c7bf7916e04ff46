//! The layout in which cosign keeps attestations where it does not use bundles: an image under the tag `sha256-….att`, each
//! layer an envelope. <https://github.com/sigstore/cosign/blob/v2.4.3/specs/ATTESTATION_SPEC.md>

use crate::digest;
use crate::image::layout::{CONFIG, MANIFEST, descriptor};
use crate::image::registry::{Amended, Repository};
use crate::model::Fault;
use crate::sign::Bundle;
use serde_json::{Value, json};

const ENVELOPE_MEDIA: &str = "application/vnd.dsse.envelope.v1+json";

/// Adds signed statements, each with its predicate's type, to those that are there.
pub(super) async fn add(repository: &Repository, image: &str, signed: &[(&str, Bundle)]) -> Result<(), Fault> {
    let tag = format!("{}.att", image.replace(':', "-"));
    let what = format!("list the signatures under the tag {tag} of {}", repository.name());
    let mut layers = Vec::new();
    for (predicate_type, bundle) in signed {
        let envelope = serde_json::to_vec(&bundle.dsse_envelope).map_err(|e| Fault::new(&what, e, ""))?;
        let layer = descriptor(ENVELOPE_MEDIA, digest::of(&envelope), envelope.len() as u64);
        repository.push_bytes(&layer, &envelope).await?;
        let mut annotations = json!({"dev.cosignproject.cosign/signature": "", "predicateType": predicate_type});
        if let Some((certificate, entry)) = bundle.for_cosign() {
            annotations["dev.sigstore.cosign/certificate"] = json!(certificate);
            annotations["dev.sigstore.cosign/bundle"] = json!(entry.to_string());
        }
        layers.push(json!({
            "mediaType": ENVELOPE_MEDIA, "digest": layer.digest, "size": envelope.len(), "annotations": annotations,
        }));
    }
    let with_ours = |there: Option<&[u8]>| {
        let mut listed = there.map_or(Ok(Vec::new()), |there| listed(&what, there))?;
        let before = listed.len();
        for layer in &layers {
            if !listed.iter().any(|known| known["digest"] == layer["digest"]) {
                listed.push(layer.clone());
            }
        }
        Ok((listed.len() > before).then(|| image_of(&listed)))
    };
    repository.amend(&what, &tag, MANIFEST, with_ours).await
}

fn listed(what: &str, manifest: &[u8]) -> Result<Vec<Value>, Fault> {
    let hint = "the tag is reserved for cosign's attestations; remove it if something else was put there";
    let mut manifest: Value = serde_json::from_slice(manifest).map_err(|e| Fault::new(what, e, hint))?;
    match manifest["layers"].take() {
        Value::Array(layers) => Ok(layers),
        _ => Err(Fault::new(what, "this is no image manifest", hint)),
    }
}

fn image_of(layers: &[Value]) -> Amended {
    let digests: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
    let config = json!({
        "architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": digests},
    });
    let config = config.to_string().into_bytes();
    let described = descriptor(CONFIG, digest::of(&config), config.len() as u64);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": described.digest, "size": config.len()}, "layers": layers,
    });
    Amended { manifest: manifest.to_string().into_bytes(), blobs: vec![(described, config)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_put_there_stays() {
        let first = image_of(&[json!({"digest": "sha256:1", "annotations": {"theirs": "yes"}})]);
        let layers = listed("read", &first.manifest).unwrap();
        assert_eq!(layers, [json!({"digest": "sha256:1", "annotations": {"theirs": "yes"}})]);
        assert!(listed("read", b"{\"manifests\": []}").unwrap_err().hint.contains("reserved"));
        assert!(listed("read", b"<html>").is_err());
    }
}
