//! The transparency log's word that it saw a signature, and when: Rekor's signed entry timestamp, and where there is one,
//! the proof that the entry is in its tree (<https://github.com/sigstore/rekor/blob/v1.3.10/openapi.yaml>, entries of the
//! kind dsse 0.0.1).

use super::bundle::LogEntry;
use super::certificate::Certificate;
use super::der;
use super::envelope::decode;
use super::inclusion;
use super::key::PublicKey;
use crate::digest::hex;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::Value;

/// When the log saw this signature over this statement, in seconds since 1970.
///
/// # Errors
/// None or several entries, one that `log` did not promise, one whose inclusion proof is wrong, or one of something else.
pub(super) fn time(
    entries: &[LogEntry],
    log: &PublicKey,
    statement: &[u8],
    signature: &[u8],
    certificate: &Certificate,
) -> Result<u64, String> {
    let [entry] = entries else {
        return Err(format!("it has {} entries of a transparency log, expected one", entries.len()));
    };
    let time = inclusion::number(&entry.integrated_time).ok_or("the time of its log entry is no number")?;
    let index = inclusion::number(&entry.log_index).ok_or("the index of its log entry is no number")?;
    let promise = entry.inclusion_promise.as_ref().and_then(|promise| decode(&promise.signed_entry_timestamp));
    let promise = promise.ok_or("its log entry has no signed timestamp")?;
    // Canonical JSON (RFC 8785): keys in order, no spaces; none of the values needs an escape.
    let body = decode(&entry.canonicalized_body).ok_or("its log entry is no base64")?;
    let promised = format!(
        "{{\"body\":\"{}\",\"integratedTime\":{time},\"logID\":\"{}\",\"logIndex\":{index}}}",
        STANDARD.encode(&body),
        hex(&log.id())
    );
    if !log.verifies(promised.as_bytes(), &promise) {
        return Err("its log entry is not promised by the trusted log".into());
    }
    if let Some(proof) = &entry.inclusion_proof {
        inclusion::verify(proof, &body, log)?;
    }
    is_of(&body, statement, signature, &certificate.der)?;
    Ok(time)
}

/// Whether what the log has is this signature over this statement, with this certificate.
///
/// # Errors
/// That it is not, in words.
pub(super) fn is_of(body: &[u8], statement: &[u8], signature: &[u8], certificate: &[u8]) -> Result<(), String> {
    let body: Value = serde_json::from_slice(body).map_err(|_| "its log entry is no JSON")?;
    if (&body["kind"], &body["apiVersion"]) != (&"dsse".into(), &"0.0.1".into()) {
        return Err(format!(
            "its log entry is of the kind {} {}, expected dsse 0.0.1",
            body["kind"], body["apiVersion"]
        ));
    }
    let spec = &body["spec"];
    let payload = &spec["payloadHash"];
    let is_payload = payload["algorithm"] == "sha256" && payload["value"] == hex(digest(&SHA256, statement).as_ref());
    let signed = &spec["signatures"];
    let is_signature = signed.as_array().is_some_and(|all| all.len() == 1)
        && signed[0]["signature"].as_str().and_then(decode).is_some_and(|logged| logged == signature);
    let verifier = signed[0]["verifier"].as_str().and_then(decode);
    let verifier = verifier.and_then(|pem| der::pem(&String::from_utf8_lossy(&pem)).into_iter().next());
    let is_certificate = verifier.is_some_and(|(_, der)| der == certificate);
    match is_payload && is_signature && is_certificate {
        true => Ok(()),
        false => Err("its log entry is of something else".into()),
    }
}
