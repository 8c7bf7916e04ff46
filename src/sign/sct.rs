//! The word of a certificate-transparency log that it saw a certificate before it was issued: signed certificate timestamps
//! (RFC 6962, sections 3.2 and 3.3), which Fulcio embeds into what it issues.

use super::der::{self, Item, Items};
use super::key::PublicKey;
use ring::digest::{SHA256, digest};
use std::time::Duration;

/// 1.3.6.1.4.1.11129.2.4.2: the list of timestamps.
const LIST: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];
/// `[3]` of a certificate's body.
const EXTENSIONS: u8 = 0xa3;
/// Of the fields below: the first version; a timestamp of a certificate; one of a certificate that was yet to be issued.
const V1: u8 = 0;
const CERTIFICATE_TIMESTAMP: u8 = 0;
const PRECERTIFICATE: [u8; 2] = [0, 1];
/// ECDSA over SHA-256 (RFC 5246, section 7.4.1.4.1).
const ECDSA_SHA256: &[u8] = &[4, 3];
/// How far the clocks of two logs may be apart.
const SKEW: Duration = Duration::from_secs(300);

/// Whether `log` saw this certificate (DER) of the issuer with this key (SubjectPublicKeyInfo in DER), which was used at
/// a time since 1970. Timestamps of other logs do not count.
///
/// # Errors
/// That it did not, in words.
pub(super) fn verify(certificate: &[u8], issuer: &[u8], log: &PublicKey, used: Duration) -> Result<(), String> {
    let (list, body) = taken_out(certificate)?;
    let all = timestamps(list).ok_or("the certificate-transparency timestamps in its certificate cannot be read")?;
    let own: Vec<&Timestamp> = all.iter().filter(|timestamp| timestamp.log == log.id()).collect();
    if own.is_empty() {
        return Err("its certificate has no timestamp of the trusted certificate-transparency log".into());
    }
    if !own.iter().all(|timestamp| timestamp.is_by(log, issuer, &body)) {
        return Err("the trusted certificate-transparency log did not sign the timestamp in its certificate".into());
    }
    if own.iter().any(|timestamp| Duration::from_millis(timestamp.time) > used.saturating_add(SKEW)) {
        return Err("the certificate-transparency timestamp in its certificate is later than its signature".into());
    }
    Ok(())
}

/// The list of timestamps, and the certificate's body as it was before they were put in.
fn taken_out(certificate: &[u8]) -> Result<(&[u8], Vec<u8>), String> {
    let no_x509 = "its certificate is no X.509";
    let sequence = |item: &Item| item.tag == der::SEQUENCE;
    let outer = Items(certificate).next().filter(|outer| sequence(outer) && outer.whole.len() == certificate.len());
    let body = outer.and_then(|outer| outer.items().next()).filter(sequence).ok_or(no_x509)?;
    let parts = body.all_items().ok_or(no_x509)?;
    let extensions = parts.iter().find(|part| part.tag == EXTENSIONS).map(Item::all_items);
    let extensions = match extensions {
        Some(inner) => inner.and_then(|inner| <[Item; 1]>::try_from(inner).ok()).filter(|[inner]| sequence(inner)),
        None => None,
    };
    let extensions = extensions.and_then(|[inner]| inner.all_items()).ok_or(no_x509)?;
    let is_list = |extension: &&Item| {
        sequence(extension) && extension.items().next().is_some_and(|name| name.tag == der::OID && name.content == LIST)
    };
    let (lists, others): (Vec<&Item>, Vec<&Item>) = extensions.iter().partition(is_list);
    let [list] = lists[..] else {
        return Err(match lists[..] {
            [] => "its certificate has no timestamp of a certificate-transparency log".into(),
            _ => "its certificate has two lists of certificate-transparency timestamps".into(),
        });
    };
    // `{id, OCTET STRING}`, and in it another OCTET STRING.
    let string = |item: &Item| item.tag == der::OCTET_STRING;
    let value = list.all_items().and_then(|parts| <[Item; 2]>::try_from(parts).ok()).filter(|[_, value]| string(value));
    let value = value.and_then(|[_, value]| value.all_items()).and_then(|inner| <[Item; 1]>::try_from(inner).ok());
    let [value] = value
        .filter(|[inner]| string(inner))
        .ok_or_else(|| "the certificate-transparency timestamps in its certificate cannot be read".to_string())?;
    let others = der::encode(der::SEQUENCE, &joined(others.into_iter().map(|other| other.whole)));
    let others = der::encode(EXTENSIONS, &others);
    let parts = parts.iter().map(|part| if part.tag == EXTENSIONS { others.as_slice() } else { part.whole });
    Ok((value.content, der::encode(der::SEQUENCE, &joined(parts))))
}

fn joined<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    parts.flatten().copied().collect()
}

struct Timestamp<'a> {
    /// SHA-256 of the log's key.
    log: &'a [u8],
    /// Milliseconds since 1970.
    time: u64,
    extensions: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl Timestamp<'_> {
    fn is_by(&self, log: &PublicKey, issuer: &[u8], body: &[u8]) -> bool {
        let (Ok(length), Ok(extensions)) = (u32::try_from(body.len()), u16::try_from(self.extensions.len())) else {
            return false;
        };
        let [0, length @ ..] = length.to_be_bytes() else { return false };
        let (time, issuer) = (self.time.to_be_bytes(), digest(&SHA256, issuer));
        let signed = [
            &[V1, CERTIFICATE_TIMESTAMP],
            time.as_slice(),
            &PRECERTIFICATE,
            issuer.as_ref(),
            &length,
            body,
            &extensions.to_be_bytes(),
            self.extensions,
        ];
        self.algorithm == ECDSA_SHA256 && log.verifies(&signed.concat(), self.signature)
    }
}

/// Those of the first version; others are for those who know them.
fn timestamps(mut list: &[u8]) -> Option<Vec<Timestamp<'_>>> {
    let mut entries = short(&mut list)?;
    let mut found = Vec::new();
    while !entries.is_empty() {
        let mut entry = short(&mut entries)?;
        if take(&mut entry, 1)? != [V1] {
            continue;
        }
        let log = take(&mut entry, 32)?;
        let time = u64::from_be_bytes(take(&mut entry, 8)?.try_into().ok()?);
        let extensions = short(&mut entry)?;
        let algorithm = take(&mut entry, 2)?;
        let signature = short(&mut entry)?;
        if !entry.is_empty() {
            return None;
        }
        found.push(Timestamp { log, time, extensions, algorithm, signature });
    }
    list.is_empty().then_some(found)
}

fn take<'a>(from: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(count)?;
    *from = rest;
    Some(taken)
}

/// Bytes after their number in two bytes (RFC 5246, section 4.3).
fn short<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let count = take(from, 2)?;
    take(from, usize::from(u16::from_be_bytes(count.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::super::key::PrivateKey;
    use super::*;

    const TIME: u64 = 1_700_000_000_123;
    const USED: Duration = Duration::from_millis(TIME + 5000);
    const ISSUER: &[u8] = b"the issuer's key";

    fn sequence(parts: &[&[u8]]) -> Vec<u8> {
        der::encode(der::SEQUENCE, &parts.concat())
    }

    fn extension(id: &[u8], value: &[u8]) -> Vec<u8> {
        sequence(&[&der::encode(der::OID, id), &der::encode(der::OCTET_STRING, value)])
    }

    /// A certificate's body: `fill` bytes of other extensions on both sides of `between`.
    fn body(fill: usize, between: &[Vec<u8>]) -> Vec<u8> {
        let other = extension(&[0x55, 0x1d, 0x11], &vec![7; fill]);
        let extensions = sequence(&[&other, &between.concat(), &other]);
        sequence(&[b"\xa0\x03\x02\x01\x02", b"\x02\x01\x05", &sequence(&[]), &der::encode(EXTENSIONS, &extensions)])
    }

    fn certificate(fill: usize, between: &[Vec<u8>]) -> Vec<u8> {
        sequence(&[&body(fill, between), &sequence(&[]), &der::encode(der::BIT_STRING, &[0; 70])])
    }

    fn sized(content: &[u8]) -> Vec<u8> {
        [&u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
    }

    /// One timestamp over a body, said to be by `log`, signed by `key`, with bytes of extensions.
    fn timestamp(log: &PublicKey, key: &PrivateKey, body: &[u8], issuer: &[u8], more: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let time = TIME.to_be_bytes();
        let issuer = digest(&SHA256, issuer);
        let signed = [b"\0\0", time.as_slice(), b"\0\x01", issuer.as_ref(), &length[1..], body, &sized(more)].concat();
        let signature = sized(&key.sign(&signed).unwrap());
        [b"\0", log.id().as_slice(), &time, &sized(more), ECDSA_SHA256, &signature].concat()
    }

    fn list(timestamps: &[&[u8]]) -> Vec<u8> {
        let entries: Vec<u8> = timestamps.iter().flat_map(|one| sized(one)).collect();
        extension(LIST, &der::encode(der::OCTET_STRING, &sized(&entries)))
    }

    fn says(certificate: &[u8], log: &PublicKey) -> String {
        verify(certificate, ISSUER, log, USED).err().unwrap_or_default()
    }

    #[test]
    fn a_timestamp_holds_over_the_body_without_it_however_long_that_is() {
        let key = PrivateKey::generate().unwrap();
        let log = key.public();
        for fill in [0, 10, 30, 40, 100, 120, 200, 20_000, 33_000] {
            for more in [&b""[..], b"more"] {
                let right = timestamp(&log, &key, &body(fill, &[]), ISSUER, more);
                assert_eq!(verify(&certificate(fill, &[list(&[&right])]), ISSUER, &log, USED), Ok(()), "{fill}");
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_timestamp_is_said() {
        let (key, other) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
        let (log, body) = (key.public(), body(50, &[]));
        let right = timestamp(&log, &key, &body, ISSUER, b"");
        let of_other = timestamp(&other.public(), &other, &body, ISSUER, b"");
        let of_nobody = [&[1], right.get(1..).unwrap()].concat();
        let later = Duration::from_millis(TIME) - SKEW - Duration::from_secs(1);
        let with = |timestamps: &[&[u8]]| certificate(50, &[list(timestamps)]);
        let none = "no timestamp of the trusted certificate-transparency log";
        let forged = "log did not sign the timestamp";
        let broken = "cannot be read";
        for (what, certificate, why) in [
            ("right", with(&[&right]), ""),
            ("several", with(&[&of_other, &right, &of_nobody]), ""),
            ("absent", certificate(50, &[]), "has no timestamp of a certificate-transparency log"),
            ("of another log", with(&[&of_other]), none),
            ("of another version", with(&[&of_nobody]), none),
            ("by another key", with(&[&timestamp(&log, &other, &body, ISSUER, b"")]), forged),
            ("one right, one forged", with(&[&right, &timestamp(&log, &other, &body, ISSUER, b"")]), forged),
            ("of another issuer", with(&[&timestamp(&log, &key, &body, b"another", b"")]), forged),
            ("of another certificate", certificate(51, &[list(&[&right])]), forged),
            ("twice", certificate(50, &[list(&[&right]), list(&[&right])]), "has two lists"),
            ("an empty list", with(&[]), none),
            ("cut", with(&[&right[..right.len() - 1]]), broken),
            ("too long", with(&[&[right.as_slice(), b"x"].concat()]), broken),
            ("an empty value", certificate(50, &[extension(LIST, b"")]), broken),
            ("no list", certificate(50, &[extension(LIST, &der::encode(der::OCTET_STRING, b"\0"))]), broken),
            ("no string", certificate(50, &[extension(LIST, &sequence(&[]))]), broken),
            ("nothing", Vec::new(), "no X.509"),
            ("no extensions", sequence(&[&sequence(&[])]), "no X.509"),
        ] {
            let said = says(&certificate, &log);
            assert!(said.contains(why) && said.is_empty() == why.is_empty(), "{what}: {said}");
        }
        let said = verify(&with(&[&right]), ISSUER, &log, later).unwrap_err();
        assert!(said.contains("is later than its signature"), "{said}");
    }

    #[test]
    fn a_certificate_with_any_bit_flipped_never_verifies() {
        let key = PrivateKey::generate().unwrap();
        let log = key.public();
        let own = list(&[&timestamp(&log, &key, &body(60, &[]), ISSUER, b"more")]);
        let right = certificate(60, std::slice::from_ref(&own));
        assert_eq!(says(&right, &log), "");
        // What follows the body is the issuer's signature, which is verified elsewhere.
        let covered = right.len() - 2 - 72;
        for bit in 0..covered * 8 {
            let mut wrong = right.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(says(&wrong, &log), "", "bit {bit}");
        }
        for end in 0..right.len() {
            assert_ne!(says(&right[..end], &log), "", "cut at {end}");
        }
        for bit in 0..ISSUER.len() * 8 {
            let mut issuer = ISSUER.to_vec();
            issuer[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&right, &issuer, &log, USED).is_err());
        }
        assert!(!says(&right, &PrivateKey::generate().unwrap().public()).is_empty());
    }
}
