//! Certificates for code signing as Fulcio issues them: whose they are, and whether an authority vouches for them.
//! Extensions: <https://github.com/sigstore/fulcio/blob/v1.7.1/docs/oid-info.md>.

use super::der::{self, Item, Items};
use super::key::PublicKey;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::fmt;
use std::time::Duration;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// 1.3.6.1.4.1.57264.1.8: the issuer of the token, as a UTF8String.
const ISSUER: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01, 0x08];
/// 1.3.6.1.4.1.57264.1.1: the same as bare text, of older certificates.
const ISSUER_BARE: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01, 0x01];
/// id-kp-codeSigning, 1.3.6.1.5.5.7.3.3.
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
/// Of a general name: rfc822Name and uniformResourceIdentifier.
const MAIL: u8 = 0x81;
const ADDRESS: u8 = 0x86;

/// A certificate of a signature. Nothing of it is trusted before [`Roots::vouch_for`].
pub(super) struct Certificate {
    pub(super) der: Vec<u8>,
    pub(super) key: PublicKey,
    /// Its only name: a mail address, or the address of a workflow.
    pub(super) subject: String,
    issuer: String,
}

impl Certificate {
    pub(super) fn read(der: &[u8]) -> Result<Certificate, String> {
        let outer = Items(der).next().filter(|item| item.tag == der::SEQUENCE && item.whole.len() == der.len());
        let body = outer.and_then(|outer| outer.items().next()).ok_or("its certificate is no X.509")?;
        let key = body.items().find_map(|item| PublicKey::from_spki(item.whole));
        let key = key.ok_or("its certificate's key is not ECDSA on P-256")?;
        let extension = |id: &[u8]| extension(&body, id);
        let names = extension(SUBJECT_ALTERNATIVE_NAME).and_then(|value| Items(value).next());
        let names: Vec<Item> = names.map(|names| names.items().collect()).unwrap_or_default();
        let subject = match &names[..] {
            [one] if [MAIL, ADDRESS].contains(&one.tag) => text(one.content),
            _ => None,
        };
        let issuer = extension(ISSUER)
            .and_then(|value| Items(value).next().filter(|item| item.tag == der::UTF8_STRING))
            .and_then(|item| text(item.content))
            .or_else(|| extension(ISSUER_BARE).and_then(text));
        Ok(Certificate {
            der: der.to_vec(),
            key,
            subject: subject.ok_or("its certificate does not name exactly one person or workflow")?,
            issuer: issuer.ok_or("its certificate does not name the issuer of the identity")?,
        })
    }

    pub(super) fn is_of(&self, subject: &str, issuer: &str) -> Result<(), String> {
        if !matches(subject, &self.subject) {
            return Err(format!("it is signed by `{}`, trusted is `{subject}`", self.subject));
        }
        if self.issuer != issuer {
            return Err(format!("`{}` was vouched for by `{}`, trusted is `{issuer}`", self.subject, self.issuer));
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_string)
}

/// `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// `[3] { SEQUENCE { extension… } }`, where an extension is `{id, [critical], OCTET STRING}`.
fn extension<'a>(body: &Item<'a>, id: &[u8]) -> Option<&'a [u8]> {
    let list = body.items().find(|item| item.tag == 0xa3)?.items().next()?;
    list.items().find_map(|extension| {
        let mut parts = extension.items();
        let name = parts.next().filter(|item| item.tag == der::OID)?;
        (name.content == id).then(|| parts.find(|item| item.tag == der::OCTET_STRING).map(|item| item.content))?
    })
}

/// The certificates of an authority: those that sign themselves, and those between.
#[derive(Clone)]
pub struct Roots {
    anchors: Vec<TrustAnchor<'static>>,
    between: Vec<CertificateDer<'static>>,
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} roots", self.anchors.len())
    }
}

impl Roots {
    /// From PEM.
    ///
    /// # Errors
    /// No root in it, or one that cannot be read.
    pub fn from_pem(text: &str) -> Result<Roots, String> {
        let mut roots = Roots { anchors: Vec::new(), between: Vec::new() };
        for (_, content) in der::pem(text).into_iter().filter(|(label, _)| label == "CERTIFICATE") {
            let certificate = CertificateDer::from(content);
            if signs_itself(&certificate).ok_or("a certificate in it is no X.509")? {
                let anchor = anchor_from_trusted_cert(&certificate).map_err(|e| format!("a root in it: {e}"))?;
                roots.anchors.push(anchor.to_owned());
            } else {
                roots.between.push(certificate);
            }
        }
        if roots.anchors.is_empty() { Err("it holds no root certificate in PEM".into()) } else { Ok(roots) }
    }

    /// Whether one of the roots stands behind a certificate for code signing, at a time since 1970; the key of who issued
    /// it (SubjectPublicKeyInfo in DER).
    pub(super) fn vouch_for(&self, certificate: &Certificate, at: Duration) -> Result<Vec<u8>, String> {
        let der = CertificateDer::from(certificate.der.as_slice());
        let leaf = EndEntityCert::try_from(&der).map_err(|e| format!("its certificate: {e}"))?;
        let usage = KeyUsage::required(CODE_SIGNING);
        let time = UnixTime::since_unix_epoch(at);
        leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &self.anchors, &self.between, time, usage, None, None)
            .map(|path| match path.intermediate_certificates().next() {
                Some(issuer) => issuer.subject_public_key_info().to_vec(),
                None => der::encode(der::SEQUENCE, &path.anchor().subject_public_key_info),
            })
            .map_err(|error| match error {
                webpki::Error::CertExpired { .. } => "its certificate had expired when it was signed".into(),
                webpki::Error::CertNotValidYet { .. } => "its certificate was not yet valid when it was signed".into(),
                webpki::Error::UnknownIssuer => "its certificate is of no trusted authority".into(),
                other => format!("its certificate does not hold: {other}"),
            })
    }
}

/// Whether issuer and subject are the same: `{[version], serial, algorithm, issuer, validity, subject, …}`.
fn signs_itself(certificate: &[u8]) -> Option<bool> {
    let body = Items(certificate).next()?.items().next()?;
    let mut parts = body.items().skip_while(|item| item.tag == 0xa0).skip(2);
    let issuer = parts.next()?;
    let subject = parts.nth(1)?;
    Some(issuer.whole == subject.whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let name = "https://github.com/acme/churn/.github/workflows/release.yml@refs/tags/v1";
        for yes in [name, "*", "https://github.com/acme/*@refs/tags/*", "*/release.yml@*v1"] {
            assert!(matches(yes, name), "{yes}");
        }
        for no in ["", "https://github.com/acme/", "*@refs/heads/*", "https://github.com/acme/churn/*/v", "*v1*v1"] {
            assert!(!matches(no, name), "{no}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        assert!(Certificate::read(b"").is_err() && Certificate::read(&[0x30, 2, 0x30, 0]).is_err());
        assert!(Roots::from_pem("").unwrap_err().contains("no root"));
        assert!(Roots::from_pem(&der::to_pem("CERTIFICATE", b"x")).unwrap_err().contains("X.509"));
    }
}
