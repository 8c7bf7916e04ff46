//! cosign's encrypted private keys: JSON with a key made from the password by scrypt (RFC 7914), and the PKCS#8 document in
//! NaCl's secretbox (XSalsa20 and Poly1305, <https://nacl.cr.yp.to/secretbox.html>).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use serde::Deserialize;

/// More would take gigabytes or minutes: cosign writes N = 65536, r = 8, p = 1.
const MOST_MEMORY: u64 = 256 << 20;
const TAG: usize = 16;

#[derive(Deserialize)]
struct Document {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Deserialize)]
struct Params {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// The document inside.
///
/// # Errors
/// Not such a document, or the password is wrong.
pub(super) fn open(json: &[u8], password: &[u8]) -> Result<Vec<u8>, String> {
    let document: Document = serde_json::from_slice(json).map_err(|_| "its encrypted form cannot be read")?;
    let Document { kdf: Kdf { name, params, salt }, cipher, ciphertext } = document;
    if (name.as_str(), cipher.name.as_str()) != ("scrypt", "nacl/secretbox") {
        return Err(format!("it is encrypted by {name} and {}, expected scrypt and nacl/secretbox", cipher.name));
    }
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| "its encrypted form is no base64".to_string());
    let (salt, nonce, sealed) = (decode(&salt)?, decode(&cipher.nonce)?, decode(&ciphertext)?);
    let Params { n, r, p } = params;
    let memory = n.saturating_mul(u64::from(r)).saturating_mul(128);
    let work = memory.saturating_mul(u64::from(p));
    if !n.is_power_of_two() || memory > MOST_MEMORY || work > 4 * MOST_MEMORY {
        return Err(format!("it asks scrypt for N = {n}, r = {r}, p = {p}, which is out of bounds"));
    }
    let log_n = u8::try_from(n.trailing_zeros()).unwrap_or(u8::MAX);
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| "its scrypt parameters are wrong")?;
    let mut key = [0; 32];
    scrypt::scrypt(password, &salt, &params, &mut key).map_err(|_| "its scrypt parameters are wrong")?;
    let nonce: [u8; 24] = nonce.try_into().map_err(|_| "its nonce is not of 24 bytes")?;
    unseal(&key, &nonce, &sealed).ok_or_else(|| "the password is wrong".into())
}

/// The first block of the key stream begins with the key of the authenticator; the message follows at its byte 32.
fn unseal(key: &[u8; 32], nonce: &[u8; 24], sealed: &[u8]) -> Option<Vec<u8>> {
    let (tag, message) = sealed.split_at_checked(TAG)?;
    let mut cipher = XSalsa20::new(key.into(), nonce.into());
    let mut first = [0; 32];
    cipher.apply_keystream(&mut first);
    let expected = Poly1305::new(&first.into()).compute_unpadded(message);
    // In constant time, as the tag decides.
    let differs = expected.iter().zip(tag).fold(0, |differs, (one, other)| differs | (one ^ other));
    let mut opened = message.to_vec();
    cipher.apply_keystream(&mut opened);
    (differs == 0).then_some(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sealed by PyNaCl 1.6, the key made by the scrypt of Python (OpenSSL).
    #[test]
    fn a_box_opens_with_its_password_alone() {
        let json = include_bytes!("../../tests/sign/encrypted.json");
        assert_eq!(
            open(json, b"a password").unwrap(),
            b"what lies inside, longer than one block of sixty-four bytes of the stream"
        );
        assert_eq!(open(json, b"another").unwrap_err(), "the password is wrong");
        assert_eq!(open(b"{}", b"").unwrap_err(), "its encrypted form cannot be read");
        let text = String::from_utf8_lossy(json);
        let costly = text.replace("\"N\": 1024", "\"N\": 1073741824");
        assert!(open(costly.as_bytes(), b"a password").unwrap_err().contains("out of bounds"));
        let other = text.replace("nacl/secretbox", "aes");
        assert!(open(other.as_bytes(), b"a password").unwrap_err().contains("scrypt and aes"));
    }
}
