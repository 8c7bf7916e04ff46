//! Keyless signing: a key for one signature, a certificate that binds it to the identity of the CI job
//! (<https://github.com/sigstore/fulcio/blob/v1.7.1/fulcio.proto>), and an entry in the transparency log
//! (<https://github.com/sigstore/rekor/blob/v1.3.10/openapi.yaml>).

use super::authorities::{self, Authorities, ask};
use super::bundle::{self, Bundle, KindVersion, LogEntry, LogId, Material, Promise, RawBytes};
use super::der;
use super::envelope::{Envelope, decode};
use super::key::PrivateKey;
use crate::model::Fault;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

pub(super) async fn sign(authorities: &Authorities, statement: &[u8], message: &[u8]) -> Result<Bundle, Fault> {
    let key = PrivateKey::generate()?;
    let certificate = certificate(authorities, &key).await?;
    let envelope = Envelope::new(statement, &key.sign(message)?);
    let entry = log(authorities, &envelope, &certificate).await?;
    let material = Material {
        certificate: Some(RawBytes { raw_bytes: STANDARD.encode(&certificate) }),
        tlog_entries: vec![entry],
        ..Material::default()
    };
    Ok(Bundle { media_type: bundle::MEDIA_TYPE.into(), verification_material: material, dsse_envelope: envelope })
}

/// The certificate, in DER.
async fn certificate(authorities: &Authorities, key: &PrivateKey) -> Result<Vec<u8>, Fault> {
    let what = format!("get a certificate from {}", authorities.fulcio);
    let token = authorities.token.get().await?;
    let subject = authorities::subject(&token)
        .ok_or_else(|| Fault::new(&what, "the identity token names no subject", "it must be a JSON Web Token"))?;
    let request = json!({
        "credentials": {"oidcIdentityToken": token.expose()},
        "publicKeyRequest": {
            "publicKey": {"algorithm": "ECDSA", "content": key.public().to_pem()},
            "proofOfPossession": STANDARD.encode(key.sign(subject.as_bytes())?),
        },
    });
    let url = format!("{}/api/v2/signingCert", authorities.fulcio.trim_end_matches('/'));
    let answer = ask(&what, Method::POST, &url, |r| json_body(r, &request)).await;
    // An authority that refuses may quote the token.
    let answer = answer.map_err(|fault| Fault { why: token.strike_out(&fault.why), ..fault })?;
    let chain = ["signedCertificateEmbeddedSct", "signedCertificateDetachedSct"]
        .into_iter()
        .find_map(|name| answer[name]["chain"]["certificates"][0].as_str());
    let leaf = chain.and_then(|pem| der::pem(pem).into_iter().next()).map(|(_, der)| der);
    leaf.ok_or_else(|| Fault::new(what, "its answer holds no certificate", "is it a Fulcio with the API v2?"))
}

/// Puts the envelope into the log.
async fn log(authorities: &Authorities, envelope: &Envelope, certificate: &[u8]) -> Result<LogEntry, Fault> {
    let what = format!("put the signature into the log {}", authorities.rekor);
    let verifier = STANDARD.encode(der::to_pem("CERTIFICATE", certificate));
    let envelope = serde_json::to_string(envelope).map_err(|e| Fault::new(&what, e, ""))?;
    let proposed = json!({"envelope": envelope, "verifiers": [verifier]});
    let request = json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {"proposedContent": proposed}});
    let url = format!("{}/api/v1/log/entries", authorities.rekor.trim_end_matches('/'));
    let answer = ask(&what, Method::POST, &url, |r| json_body(r, &request)).await?;
    let entry = answer.as_object().and_then(|entries| entries.values().next());
    let entry = entry.and_then(entry_of);
    entry.ok_or_else(|| {
        Fault::new(what, "its answer is no entry with a signed timestamp", "is it a Rekor with the API v1?")
    })
}

/// Rekor's entry as a bundle has it.
fn entry_of(entry: &Value) -> Option<LogEntry> {
    let proof = &entry["verification"]["inclusionProof"];
    let proof = proof.is_object().then(|| {
        let hashes: Vec<Option<String>> =
            proof["hashes"].as_array().map(Vec::as_slice).unwrap_or_default().iter().map(base64_of).collect();
        json!({
            "logIndex": proof["logIndex"].to_string(),
            "rootHash": base64_of(&proof["rootHash"]),
            "treeSize": proof["treeSize"].to_string(),
            "hashes": hashes,
            "checkpoint": {"envelope": proof["checkpoint"]},
        })
    });
    let body = entry["body"].as_str().filter(|body| decode(body).is_some())?;
    Some(LogEntry {
        log_index: entry["logIndex"].as_u64()?.to_string(),
        log_id: LogId { key_id: base64_of(&entry["logID"])? },
        kind_version: KindVersion { kind: "dsse".into(), version: "0.0.1".into() },
        integrated_time: entry["integratedTime"].as_u64()?.to_string(),
        inclusion_promise: Some(Promise {
            signed_entry_timestamp: entry["verification"]["signedEntryTimestamp"].as_str()?.to_string(),
        }),
        inclusion_proof: proof,
        canonicalized_body: body.to_string(),
    })
}

/// Hexadecimal digits in base64.
fn base64_of(hex: &Value) -> Option<String> {
    let hex = hex.as_str()?;
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
    Some(STANDARD.encode(bytes?))
}

fn json_body(request: reqwest::RequestBuilder, body: &Value) -> reqwest::RequestBuilder {
    request.header("Content-Type", "application/json").body(body.to_string())
}
