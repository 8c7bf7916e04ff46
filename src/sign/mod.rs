//! Signatures over statements: who said so. Envelopes are DSSE; keys, bundles and their layout in a registry are those of
//! Sigstore, so that its tools verify what mlgate signs.

mod authorities;
mod bundle;
mod certificate;
mod der;
mod encrypted;
mod envelope;
mod inclusion;
mod key;
mod keyless;
mod log;
mod sct;
mod trust;

pub use authorities::{Authorities, Token};
pub use bundle::{Bundle, MEDIA_TYPE as BUNDLE};
pub use certificate::Roots;
pub use envelope::Envelope;
pub use key::{PrivateKey, PublicKey};
pub use trust::{Identity, Trust, Trusted};

use crate::model::Fault;
use bundle::{Hint, Material};

/// Who signs.
#[derive(Debug)]
pub enum Signer {
    Key(Box<PrivateKey>),
    /// With a certificate for the identity that the CI system vouches for; each signature has a key of its own.
    Keyless(Box<Authorities>),
}

impl Signer {
    /// Signs an in-toto statement.
    ///
    /// # Errors
    /// Of a keyless signature: no token, or the authority or the log cannot be asked or refuse.
    pub async fn sign(&self, statement: &[u8]) -> Result<Bundle, Fault> {
        let message = envelope::pre_authentication(envelope::PAYLOAD_TYPE, statement);
        match self {
            Signer::Key(key) => {
                let material = Material { public_key: Some(Hint { hint: key.public().hint() }), ..Material::default() };
                Ok(Bundle {
                    media_type: BUNDLE.into(),
                    verification_material: material,
                    dsse_envelope: Envelope::new(statement, &key.sign(&message)?),
                })
            }
            Signer::Keyless(authorities) => keyless::sign(authorities, statement, &message).await,
        }
    }
}
