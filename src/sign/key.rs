//! ECDSA keys on P-256, which is what cosign makes: private keys in PEM (PKCS#8, SEC 1, or cosign's encrypted form), public
//! keys as SubjectPublicKeyInfo (RFC 5480).

use super::der::{self, Item, Items};
use super::encrypted;
use crate::model::Fault;
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use std::fmt;

const PUBLIC: &str = "PUBLIC KEY";
/// SubjectPublicKeyInfo of a P-256 key up to the point: algorithm id-ecPublicKey, curve prime256v1, a bit string of 66
/// bytes without unused bits.
const SPKI_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// An uncompressed point.
const POINT: usize = 65;

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    point: Vec<u8>,
}

impl PublicKey {
    /// From PEM, such as cosign.pub.
    ///
    /// # Errors
    /// Not PEM, or a key of another kind.
    pub fn from_pem(text: &str) -> Result<PublicKey, String> {
        let blocks = der::pem(text);
        let block = blocks.iter().find(|(label, _)| label == PUBLIC);
        let (_, content) = block.ok_or("it holds no `-----BEGIN PUBLIC KEY-----`")?;
        PublicKey::from_spki(content).ok_or_else(|| "its key is not ECDSA on P-256, which cosign makes".into())
    }

    pub(super) fn from_spki(der: &[u8]) -> Option<PublicKey> {
        let point = der.strip_prefix(&SPKI_HEAD)?;
        (point.len() == POINT).then(|| PublicKey { point: point.to_vec() })
    }

    fn to_spki(&self) -> Vec<u8> {
        [&SPKI_HEAD, self.point.as_slice()].concat()
    }

    pub fn to_pem(&self) -> String {
        der::to_pem(PUBLIC, &self.to_spki())
    }

    /// What cosign writes as the hint of a key: SHA-256 of the SubjectPublicKeyInfo in base64.
    pub fn hint(&self) -> String {
        STANDARD.encode(self.id())
    }

    pub(super) fn id(&self) -> [u8; 32] {
        let hash = ring::digest::digest(&ring::digest::SHA256, &self.to_spki());
        hash.as_ref().try_into().unwrap_or_default()
    }

    /// Whether `signature` (ASN.1) is this key's over `message`.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point).verify(message, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.hint())
    }
}

/// A private key. It is never shown.
pub struct PrivateKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PrivateKey {
    /// From PEM. `password` opens cosign's encrypted form; without one the empty password is tried, as cosign does.
    ///
    /// # Errors
    /// Not PEM, a key of another kind, or a wrong password. No message quotes the key.
    pub fn from_pem(text: &Secret, password: Option<&Secret>) -> Result<PrivateKey, Fault> {
        let fault = |why: &str, hint: &str| Fault::new("read the signing key", why, hint);
        for (label, content) in der::pem(text.expose()) {
            let pair = match label.as_str() {
                "PRIVATE KEY" => of_pkcs8(&content),
                "EC PRIVATE KEY" => of_sec1(&content),
                "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                    let password = password.map(Secret::expose).unwrap_or_default();
                    let opened = encrypted::open(&content, password.as_bytes());
                    let opened = opened.map_err(|why| fault(&why, "MLGATE_SIGNING_PASSWORD holds its password"))?;
                    of_pkcs8(&opened)
                }
                "ENCRYPTED PRIVATE KEY" => {
                    let hint = "use a key of `cosign generate-key-pair`, or one without a password";
                    return Err(fault("it is encrypted by PKCS#8, which is not supported", hint));
                }
                _ => continue,
            };
            let pair =
                pair.ok_or_else(|| fault("it is not ECDSA on P-256", "make one by `cosign generate-key-pair`"))?;
            return Ok(PrivateKey { pair, random: SystemRandom::new() });
        }
        Err(fault("it holds no private key in PEM", "such a key begins with `-----BEGIN `"))
    }

    /// A key for one signature.
    pub(super) fn generate() -> Result<PrivateKey, Fault> {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).ok();
        let pair = made.and_then(|document| of_pkcs8(document.as_ref()));
        let pair = pair.ok_or_else(|| Fault::new("make a key", "the system gave no random numbers", ""))?;
        Ok(PrivateKey { pair, random })
    }

    pub fn public(&self) -> PublicKey {
        PublicKey { point: self.pair.public_key().as_ref().to_vec() }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        let signed = self.pair.sign(&self.random, message);
        let signed = signed.map_err(|_| Fault::new("sign", "the system gave no random numbers", ""))?;
        Ok(signed.as_ref().to_vec())
    }
}

fn of_pkcs8(der: &[u8]) -> Option<EcdsaKeyPair> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &SystemRandom::new()).ok()
}

/// `ECPrivateKey ::= SEQUENCE {version, privateKey, [0] parameters, [1] publicKey}` (RFC 5915).
fn of_sec1(der: &[u8]) -> Option<EcdsaKeyPair> {
    let outer = Items(der).next().filter(|item| item.tag == der::SEQUENCE)?;
    let parts: Vec<Item> = outer.items().collect();
    let private = parts.iter().find(|item| item.tag == der::OCTET_STRING)?.content;
    let public = parts.iter().find(|item| item.tag == 0xa1)?.items().next()?;
    let point = public.content.strip_prefix(&[0]).filter(|_| public.tag == der::BIT_STRING)?;
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    // Also checks that both belong together, and to P-256.
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, point, &SystemRandom::new()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn openssl(args: &[&str]) -> Option<String> {
        let done = std::process::Command::new("openssl").args(args).output().ok()?;
        done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned())
    }

    #[test]
    fn keys_of_openssl_sign_what_openssls_public_keys_verify() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key.pem").display().to_string();
        for make in [
            &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"][..],
            &["ecparam", "-name", "prime256v1", "-genkey"],
        ] {
            let Some(text) = openssl(make) else { return eprintln!("skipped: openssl is not installed") };
            std::fs::write(&file, &text).unwrap();
            let public = openssl(&["pkey", "-in", &file, "-pubout"]).unwrap();
            let key = PrivateKey::from_pem(&Secret::new(text).unwrap(), None).unwrap();
            assert_eq!(key.public().to_pem(), public);
            let signature = key.sign(b"a message").unwrap();
            let public = PublicKey::from_pem(&public).unwrap();
            assert!(public.verifies(b"a message", &signature) && !public.verifies(b"another", &signature));
            assert!(!PrivateKey::generate().unwrap().public().verifies(b"a message", &signature));
            assert_eq!(format!("{key:?}"), "***");
        }
        let other = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]).unwrap();
        let fault = PrivateKey::from_pem(&Secret::new(other.clone()).unwrap(), None).unwrap_err();
        assert!(fault.why.contains("P-256") && !fault.to_string().contains(other.lines().nth(1).unwrap()), "{fault}");
    }

    #[test]
    fn what_is_no_key_is_said() {
        let fault = PrivateKey::from_pem(&Secret::new("hunter2").unwrap(), None).unwrap_err();
        assert!(fault.why.contains("no private key") && !fault.to_string().contains("hunter2"), "{fault}");
        assert!(PublicKey::from_pem("x").unwrap_err().contains("BEGIN PUBLIC KEY"));
        assert!(PublicKey::from_pem(&der::to_pem(PUBLIC, &[0; 91])).unwrap_err().contains("P-256"));
    }
}
