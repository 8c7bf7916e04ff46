//! Whose signatures count, and whether one is theirs.

use super::bundle::{self, Bundle};
use super::certificate::{Certificate, Roots};
use super::envelope::{self, decode};
use super::key::PublicKey;
use super::{log, sct};
use std::time::Duration;

/// The keys and identities whose signatures count. Any of them suffices.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Each with the name that messages call it by.
    pub keys: Vec<(String, PublicKey)>,
    pub identities: Vec<Identity>,
}

/// A person or a workflow, as a certificate names it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate's address, such as the workflow's; `*` stands for anything.
    pub subject: String,
    /// Who vouched for it: `https://token.actions.githubusercontent.com`.
    pub issuer: String,
    /// The authority's certificates.
    pub roots: Roots,
    /// The key of the transparency log.
    pub log: PublicKey,
    /// The key of the certificate-transparency log, where certificates must have been seen by one.
    pub ct_log: Option<PublicKey>,
}

/// A statement that somebody trusted has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    pub statement: Vec<u8>,
    /// The key's name, or the identity.
    pub by: String,
}

impl Trust {
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.identities.is_empty()
    }

    /// In words: what a signature is asked for.
    pub fn wanted(&self) -> String {
        let keys = self.keys.iter().map(|(name, _)| name.clone());
        keys.chain(self.identities.iter().map(|identity| identity.subject.clone())).collect::<Vec<_>>().join(" or ")
    }

    /// The statement in a bundle that is signed by one of these.
    ///
    /// # Errors
    /// Why it does not count, in words.
    pub fn open(&self, bundle: &[u8]) -> Result<Trusted, String> {
        let bundle: Bundle = serde_json::from_slice(bundle).map_err(|e| format!("it is no bundle: {e}"))?;
        if bundle.media_type != bundle::MEDIA_TYPE {
            return Err(format!("it is of the type `{}`, expected {}", bundle.media_type, bundle::MEDIA_TYPE));
        }
        let envelope = &bundle.dsse_envelope;
        if envelope.payload_type != envelope::PAYLOAD_TYPE {
            return Err(format!("its payload is `{}`, expected {}", envelope.payload_type, envelope::PAYLOAD_TYPE));
        }
        let statement = envelope.payload().ok_or("its payload is no base64")?;
        let [signature] = &envelope.signatures[..] else {
            return Err(format!("it has {} signatures, expected one", envelope.signatures.len()));
        };
        let signature = decode(&signature.sig).ok_or("its signature is no base64")?;
        let message = envelope::pre_authentication(&envelope.payload_type, &statement);
        let by = match &bundle.verification_material.certificate {
            Some(certificate) => {
                let der = decode(&certificate.raw_bytes).ok_or("its certificate is no base64")?;
                self.of_identity(&bundle, &der, (&statement, &message), &signature)?
            }
            None => self.of_key(&message, &signature)?,
        };
        Ok(Trusted { statement, by })
    }

    fn of_key(&self, message: &[u8], signature: &[u8]) -> Result<String, String> {
        match self.keys.iter().find(|(_, key)| key.verifies(message, signature)) {
            Some((name, _)) => Ok(name.clone()),
            None if self.keys.is_empty() => Err("it is signed by a key, and none is trusted".into()),
            None => Err("its signature is by no trusted key, or its content was changed".into()),
        }
    }

    fn of_identity(
        &self,
        bundle: &Bundle,
        der: &[u8],
        (statement, message): (&[u8], &[u8]),
        signature: &[u8],
    ) -> Result<String, String> {
        if self.identities.is_empty() {
            return Err("it is signed with a certificate, and no identity is trusted".into());
        }
        let certificate = Certificate::read(der)?;
        if !certificate.key.verifies(message, signature) {
            return Err("its signature is not by its certificate, or its content was changed".into());
        }
        let mut refused = Vec::new();
        for identity in &self.identities {
            let counts = || -> Result<(), String> {
                certificate.is_of(&identity.subject, &identity.issuer)?;
                let entries = &bundle.verification_material.tlog_entries;
                let logged = log::time(entries, &identity.log, statement, signature, &certificate)?;
                // A certificate lives for minutes: what counts is that it was valid when the log saw the signature.
                let logged = Duration::from_secs(logged);
                let by = identity.roots.vouch_for(&certificate, logged)?;
                identity.ct_log.as_ref().map_or(Ok(()), |log| sct::verify(&certificate.der, &by, log, logged))
            };
            match counts() {
                Ok(()) => return Ok(certificate.subject),
                Err(why) => refused.push(why),
            }
        }
        refused.dedup();
        Err(refused.join("; "))
    }
}
