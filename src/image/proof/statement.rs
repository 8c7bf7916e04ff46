//! Statements about an image, in-toto Statement v1:
//! <https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md>.

use crate::record::wire;
use serde_json::{Value, json};

pub const RECORD_TYPE: &str = "https://mlgate.dev/record/v1";
pub const PROMOTION_TYPE: &str = "https://mlgate.dev/promotion/v1";
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
pub(super) const STATEMENT_MEDIA: &str = "application/vnd.in-toto+json";

/// What is said of an image: a predicate of a type, in JSON. The image is filled in when it is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// As registries list it.
    pub(super) artifact_type: &'static str,
    pub(super) predicate_type: &'static str,
    pub(super) predicate: Vec<u8>,
}

impl Statement {
    /// The record of a run, as it was written, byte for byte.
    pub fn record(json: &[u8]) -> Statement {
        Statement { artifact_type: wire::MEDIA_TYPE, predicate_type: RECORD_TYPE, predicate: json.to_vec() }
    }

    /// The record of a promotion that took place.
    pub fn promotion(json: &[u8]) -> Statement {
        Statement {
            artifact_type: wire::PROMOTION_MEDIA_TYPE,
            predicate_type: PROMOTION_TYPE,
            predicate: json.to_vec(),
        }
    }

    /// A predicate of somebody else's type.
    pub fn other(predicate_type: &'static str, predicate: &Value) -> Statement {
        Statement { artifact_type: STATEMENT_MEDIA, predicate_type, predicate: predicate.to_string().into_bytes() }
    }

    /// The statement of the image `digest` of a repository.
    pub(super) fn about(&self, name: &str, digest: &str) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::from_slice::<serde::de::IgnoredAny>(&self.predicate)?;
        Ok([head(name, digest, self.predicate_type).as_bytes(), &self.predicate, b"}"].concat())
    }
}

/// Everything before the predicate. It follows as it is, so that it can be taken out as it was.
fn head(name: &str, digest: &str, predicate_type: &str) -> String {
    let subject = json!([{"name": name, "digest": {"sha256": digest.trim_start_matches("sha256:")}}]);
    format!(
        "{{\"_type\":\"{STATEMENT_TYPE}\",\"subject\":{subject},\"predicateType\":\"{predicate_type}\",\"predicate\":"
    )
}

/// The record in a statement about `digest`, and when it was finished (empty when it does not say).
pub(super) fn predicate(statement: &[u8], digest: &str, predicate_type: &str) -> Result<(String, Vec<u8>), String> {
    let value: Value = serde_json::from_slice(statement).map_err(|e| format!("the statement is no JSON: {e}"))?;
    for (field, expected) in [("_type", STATEMENT_TYPE), ("predicateType", predicate_type)] {
        if value[field] != expected {
            return Err(format!("its {field} is {}, expected \"{expected}\"", value[field]));
        }
    }
    let hex = digest.trim_start_matches("sha256:");
    let subjects = value["subject"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !subjects.iter().any(|subject| subject["digest"]["sha256"] == hex) {
        let about: Vec<String> = subjects.iter().map(|subject| subject["digest"]["sha256"].to_string()).collect();
        return Err(format!("the record is about another image ({})", about.join(", ")));
    }
    let finished = value["predicate"]["run"]["finished"].as_str().unwrap_or_default().to_string();
    // Verbatim when mlgate wrote the statement, under whatever name the image had; another writer's is printed anew.
    let name = value["subject"][0]["name"].as_str().unwrap_or_default();
    let own = statement.strip_prefix(head(name, digest, predicate_type).as_bytes());
    let record = match own.and_then(|rest| rest.strip_suffix(b"}")) {
        Some(record) => record.to_vec(),
        None => value["predicate"].to_string().into_bytes(),
    };
    Ok((finished, record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest;

    fn statement(name: &str, digest: &str, record: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
        Statement::record(record).about(name, digest)
    }

    #[test]
    fn a_record_comes_out_of_its_statement_byte_for_byte() {
        let image = digest::of(b"image");
        let record = b"{ \"run\": {\"finished\": \"2026-01-01T00:00:00Z\"},\n \"value\": 0.10000000000000001 }";
        let statement = statement("ghcr.io/a/\"b\"", &image, record).unwrap();
        let (finished, back) = predicate(&statement, &image, RECORD_TYPE).unwrap();
        assert_eq!((finished.as_str(), back.as_slice()), ("2026-01-01T00:00:00Z", record.as_slice()));

        let foreign: Value = serde_json::from_slice(&statement).unwrap();
        let foreign = serde_json::to_vec_pretty(&foreign).unwrap();
        assert!(predicate(&foreign, &image, RECORD_TYPE).unwrap().1.starts_with(b"{\"run\""));
    }

    #[test]
    fn a_statement_about_something_else_is_refused() {
        let one = statement("r/a", &digest::of(b"one"), b"{}").unwrap();
        assert!(predicate(&one, &digest::of(b"two"), RECORD_TYPE).unwrap_err().contains("another image"));
        assert!(predicate(&one, &digest::of(b"one"), PROMOTION_TYPE).unwrap_err().contains("predicateType"));
        assert!(predicate(b"[]", &digest::of(b"one"), RECORD_TYPE).is_err());
        assert!(statement("r/a", &digest::of(b"one"), b"{} , \"x\": 1").is_err());
    }
}
