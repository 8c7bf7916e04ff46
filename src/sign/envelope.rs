//! DSSE envelopes (<https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md>): a payload and signatures over it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Deserialize, Serialize};

pub(super) const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    pub payload_type: String,
    /// In base64.
    pub payload: String,
    pub signatures: Vec<Signature>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Signature {
    #[serde(default)]
    pub keyid: String,
    /// In base64.
    pub sig: String,
}

impl Envelope {
    pub(super) fn new(payload: &[u8], signature: &[u8]) -> Envelope {
        let signature = Signature { keyid: String::new(), sig: STANDARD.encode(signature) };
        Envelope { payload_type: PAYLOAD_TYPE.into(), payload: STANDARD.encode(payload), signatures: vec![signature] }
    }

    pub fn payload(&self) -> Option<Vec<u8>> {
        decode(&self.payload)
    }
}

/// Both alphabets are allowed.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// What is signed: the payload with its type, so that none can be taken for another.
pub(super) fn pre_authentication(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the protocol's text.
    #[test]
    fn the_encoding_is_that_of_the_protocol() {
        let encoded = pre_authentication("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }
}
