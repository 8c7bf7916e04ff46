//! Sigstore bundles, version 0.3: an envelope with what is needed to verify it. Format:
//! <https://github.com/sigstore/protobuf-specs/blob/v0.4.0/protos/sigstore_bundle.proto>, in the JSON of protobuf, where
//! bytes are base64 and 64-bit numbers are strings.

use super::der;
use super::envelope::{Envelope, decode};
use crate::digest::hex;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    pub media_type: String,
    pub verification_material: Material,
    pub dsse_envelope: Envelope,
}

/// A key is only hinted at: who verifies must have it. A certificate is in the bundle.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Material {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<Hint>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<RawBytes>,
    #[serde(default)]
    pub tlog_entries: Vec<LogEntry>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Hint {
    #[serde(default)]
    pub hint: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RawBytes {
    pub raw_bytes: String,
}

/// An entry of a transparency log.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    #[serde(default)]
    pub log_index: String,
    pub log_id: LogId,
    pub kind_version: KindVersion,
    /// Seconds since 1970.
    pub integrated_time: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inclusion_promise: Option<Promise>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inclusion_proof: Option<InclusionProof>,
    pub canonicalized_body: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogId {
    pub key_id: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct KindVersion {
    pub kind: String,
    pub version: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Promise {
    pub signed_entry_timestamp: String,
}

/// The way from an entry to the root of a tree, each hash in base64.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InclusionProof {
    /// In this tree, which may be a part of the log.
    #[serde(default)]
    pub log_index: String,
    pub root_hash: String,
    pub tree_size: String,
    #[serde(default)]
    pub hashes: Vec<String>,
    pub checkpoint: Note,
}

/// A text that is signed, with its signatures.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Note {
    pub envelope: String,
}

impl Bundle {
    /// The certificate in PEM and the log entry, as cosign wrote them before there were bundles; none for a key.
    pub fn for_cosign(&self) -> Option<(String, serde_json::Value)> {
        let material = &self.verification_material;
        let certificate = der::to_pem("CERTIFICATE", &decode(&material.certificate.as_ref()?.raw_bytes)?);
        let entry = material.tlog_entries.first()?;
        let payload = json!({
            "body": entry.canonicalized_body,
            "integratedTime": entry.integrated_time.parse::<u64>().ok()?,
            "logIndex": entry.log_index.parse::<u64>().ok()?,
            "logID": hex(&decode(&entry.log_id.key_id)?),
        });
        let timestamp = &entry.inclusion_promise.as_ref()?.signed_entry_timestamp;
        Some((certificate, json!({"SignedEntryTimestamp": timestamp, "Payload": payload})))
    }
}
