//! Keyless signing: a key for one signature, a certificate that binds it to the identity of the CI job
//! (<https://github.com/sigstore/fulcio/blob/v1.7.1/fulcio.proto>), and an entry in the transparency log
//! (<https://github.com/sigstore/rekor/blob/v1.3.10/openapi.yaml>).

use super::authorities::{self, Answer, Authorities, ask, request};
use super::bundle::{self, Bundle, InclusionProof, KindVersion, LogEntry, LogId, Material, Note, Promise, RawBytes};
use super::envelope::{Envelope, decode};
use super::key::PrivateKey;
use super::{der, inclusion, log};
use crate::model::Fault;
use crate::patience::Pauses;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// How often, and after which pause first, a log is asked for an entry that it says it has.
const LOOKS: u32 = 4;
const FIRST_LOOK: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

pub(super) async fn sign(authorities: &Authorities, statement: &[u8], message: &[u8]) -> Result<Bundle, Fault> {
    let key = PrivateKey::generate()?;
    let certificate = certificate(authorities, &key).await?;
    let signature = key.sign(message)?;
    let envelope = Envelope::new(statement, &signature);
    let what = format!("put the signature into the log {}", authorities.rekor);
    let entry = entry(&what, &authorities.rekor, &envelope, &certificate).await?;
    // A log that answers with something else is found out here, and not by the first who verifies. Its key is not needed
    // for that: whose word counts is their matter.
    is_sound(&entry, statement, &signature, &certificate).map_err(|why| Fault::new(what, why, ""))?;
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
async fn entry(what: &str, rekor: &str, envelope: &Envelope, certificate: &[u8]) -> Result<LogEntry, Fault> {
    let verifier = STANDARD.encode(der::to_pem("CERTIFICATE", certificate));
    let envelope = serde_json::to_string(envelope).map_err(|e| Fault::new(what, e, ""))?;
    let proposed = json!({"envelope": envelope, "verifiers": [verifier]});
    let asked = json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {"proposedContent": proposed}});
    let url = format!("{}/api/v1/log/entries", rekor.trim_end_matches('/'));
    let answer = request(what, Method::POST, &url, |r| json_body(r, &asked)).await?;
    let answer = match answer.status {
        // The answer to an earlier attempt was lost.
        StatusCode::CONFLICT => existing(what, &url, &answer).await?,
        _ => answer.json(what)?,
    };
    let one = answer.as_object().filter(|entries| entries.len() == 1);
    let entry = one.and_then(|entries| entries.values().next()).and_then(entry_of);
    entry.ok_or_else(|| {
        Fault::new(what, "its answer is no entry with a signed timestamp", "is it a Rekor with the API v1?")
    })
}

/// The entry that the log says it has already.
async fn existing(what: &str, entries: &str, conflict: &Answer) -> Result<Value, Fault> {
    let Some(name) = name_of_entry(conflict.location.as_deref(), &conflict.said()) else {
        return conflict.json(what);
    };
    let url = format!("{entries}/{name}");
    let mut pauses = Pauses::new(LOOKS, FIRST_LOOK, LONGEST_PAUSE);
    loop {
        let answer = request(what, Method::GET, &url, |r| r).await?;
        // It may be taken and not yet be in the tree.
        let pause = if answer.status == StatusCode::NOT_FOUND { pauses.next(None) } else { None };
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return answer.json(what),
        }
    }
}

/// An entry is called by the hash of its leaf, mostly after the number of its tree. The name is taken and not the address:
/// nothing is fetched from elsewhere.
fn name_of_entry(location: Option<&str>, said: &str) -> Option<String> {
    let words = location.into_iter().chain([said]).flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric()));
    let mut names = words.filter(|word| [64, 80].contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit()));
    names.next().map(str::to_string)
}

fn is_sound(entry: &LogEntry, statement: &[u8], signature: &[u8], certificate: &[u8]) -> Result<(), String> {
    let body = decode(&entry.canonicalized_body).ok_or("its log entry is no base64")?;
    log::is_of(&body, statement, signature, certificate)?;
    entry.inclusion_proof.as_ref().map_or(Ok(()), |proof| inclusion::holds(proof, &body))
}

/// Rekor's entry as a bundle has it.
fn entry_of(entry: &Value) -> Option<LogEntry> {
    let body = entry["body"].as_str().filter(|body| decode(body).is_some())?;
    let proof = &entry["verification"]["inclusionProof"];
    Some(LogEntry {
        log_index: entry["logIndex"].as_u64()?.to_string(),
        log_id: LogId { key_id: base64_of(&entry["logID"])? },
        kind_version: KindVersion { kind: "dsse".into(), version: "0.0.1".into() },
        integrated_time: entry["integratedTime"].as_u64()?.to_string(),
        inclusion_promise: Some(Promise {
            signed_entry_timestamp: entry["verification"]["signedEntryTimestamp"].as_str()?.to_string(),
        }),
        // Old logs give proofs without a checkpoint, which prove nothing and which a bundle cannot hold.
        inclusion_proof: if proof["checkpoint"].is_string() { Some(proof_of(proof)?) } else { None },
        canonicalized_body: body.to_string(),
    })
}

fn proof_of(proof: &Value) -> Option<InclusionProof> {
    let hashes = proof["hashes"].as_array().map(Vec::as_slice).unwrap_or_default();
    Some(InclusionProof {
        log_index: proof["logIndex"].as_u64()?.to_string(),
        root_hash: base64_of(&proof["rootHash"])?,
        tree_size: proof["treeSize"].as_u64()?.to_string(),
        hashes: hashes.iter().map(base64_of).collect::<Option<Vec<_>>>()?,
        checkpoint: Note { envelope: proof["checkpoint"].as_str()?.to_string() },
    })
}

/// Hexadecimal digits in base64.
fn base64_of(hex: &Value) -> Option<String> {
    let hex = hex.as_str().filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
    Some(STANDARD.encode(bytes?))
}

fn json_body(request: reqwest::RequestBuilder, body: &Value) -> reqwest::RequestBuilder {
    request.header("Content-Type", "application/json").body(body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_is_there_is_called_by_its_name() {
        let (long, short) = ("24296fb24b8ad77a".repeat(5), "0f".repeat(32));
        let said = format!("an equivalent entry already exists in the transparency log with UUID {long}");
        for (location, said, name) in [
            (Some(format!("/api/v1/log/entries/{long}")), "", Some(&long)),
            (Some(format!("https://elsewhere.example/{short}?x=1")), "", Some(&short)),
            (None, said.as_str(), Some(&long)),
            (Some("/api/v1/log/entries/../../etc".into()), said.as_str(), Some(&long)),
            (Some(format!("/{short}0")), "there is one", None),
            (None, "", None),
        ] {
            assert_eq!(name_of_entry(location.as_deref(), said).as_ref(), name, "{location:?} {said}");
        }
    }

    #[test]
    fn hexadecimal_digits_come_in_pairs() {
        assert_eq!(base64_of(&json!("00ff")).as_deref(), Some("AP8="));
        for no in [json!("0"), json!("0g"), json!("+f"), json!("é"), json!(7)] {
            assert_eq!(base64_of(&no), None, "{no}");
        }
    }
}
