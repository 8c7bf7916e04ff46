//! Reading what is attached to an image. Whoever may push may attach: what a signature does not vouch for is a claim.

use super::statement::{PROMOTION_TYPE, RECORD_TYPE, STATEMENT_MEDIA, predicate};
use super::{BUNDLE_PREDICATE, PREDICTIONS_MEDIA};
use crate::digest::is_digest;
use crate::image::access::Access;
use crate::image::layout::{descriptor, size};
use crate::image::registry::{Repository, check_tags};
use crate::model::{Fault, KeptPredictions};
use crate::record::wire;
use crate::sign::{BUNDLE, Bundle, Trust};
use oci_client::manifest::OciImageManifest;
use serde_json::Value;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The most that a statement may be long; more is an attack or a mistake.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// A statement in base64 in an envelope.
const MOST_BUNDLE: u64 = MOST_BYTES / 3 * 4 + 1024 * 1024;
/// Artifacts of one kind that are read of one digest. More runs than this on one digest are improbable; which of them count
/// would not be known.
const MOST_RECORDS: usize = 1000;

/// Which of our own statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Record,
    Promotion,
}

impl Kind {
    fn artifact_type(self) -> &'static str {
        match self {
            Kind::Record => wire::MEDIA_TYPE,
            Kind::Promotion => wire::PROMOTION_MEDIA_TYPE,
        }
    }

    fn predicate_type(self) -> &'static str {
        match self {
            Kind::Record => RECORD_TYPE,
            Kind::Promotion => PROMOTION_TYPE,
        }
    }
}

/// A record as a registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Of the artifact that carries it: `sha256:…`
    pub artifact: String,
    /// As it was pushed, byte for byte.
    pub record: Vec<u8>,
    /// When its run finished; empty when it does not say.
    pub finished: String,
    pub signed: Signed,
}

/// What is known of a record's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// None was looked for, or none is there.
    No,
    /// By somebody trusted: the key's name or the identity.
    By(String),
    /// There are some, and none counts: why.
    Untrusted(String),
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Signed::No => f.write_str("unsigned"),
            Signed::By(who) => write!(f, "signed by {who}"),
            Signed::Untrusted(why) => write!(f, "not trusted: {why}"),
        }
    }
}

/// As [`pull_attached`], the record alone.
///
/// # Errors
/// As [`pull_attached`].
pub async fn pull_record(
    repository: &str,
    digest: &str,
    insecure: bool,
    access: &Access,
) -> Result<Option<Vec<u8>>, Fault> {
    Ok(pull_attached(repository, digest, insecure, access).await?.map(|attached| attached.record))
}

/// The record attached to `digest` (`sha256:…`), or carried by it; none when the image has none. Of several the one whose
/// run finished last counts, and of those that finished together the one listed last. One that is listed and was deleted
/// does not count: retention rules that delete what has no tag leave such lists behind.
///
/// # Errors
/// When the registry cannot be asked or refuses, when a record there is about another digest or cannot be read, when all
/// of them were deleted, or when neither the image nor a record is there.
pub async fn pull_attached(
    repository: &str,
    digest: &str,
    insecure: bool,
    access: &Access,
) -> Result<Option<Attached>, Fault> {
    let reader = Reader::open(repository, digest, insecure, access).await?;
    let (mut found, mut deleted) = (Vec::new(), Vec::new());
    for claim in reader.claims(Kind::Record).await? {
        match claim {
            Ok(attached) => found.push(attached),
            Err(unread) if unread.why == DELETED => deleted.push(unread.artifact),
            Err(unread) => {
                let why = format!("{}: {}", unread.artifact, unread.why);
                return Err(Fault::new(&reader.what, why, "who can push to this repository?"));
            }
        }
    }
    if found.is_empty() && !deleted.is_empty() {
        let image = if reader.has_image().await? { "" } else { "; so was the image" };
        let why = format!("{} was deleted from the registry, though it is listed{image}", deleted.join(", "));
        return Err(Fault::new(
            &reader.what,
            why,
            "`mlgate run` attaches one anew; without an engine, a commit always gives one digest",
        ));
    }
    if found.is_empty() { reader.carried().await } else { Ok(latest(found)) }
}

/// The record of `digest` that somebody trusted has signed; of several the one whose run finished last. What is not
/// signed, or by somebody else, does not count: where none does, the reason for each that is there.
///
/// # Errors
/// When the registry cannot be asked or refuses.
pub async fn pull_signed(
    repository: &str,
    digest: &str,
    insecure: bool,
    access: &Access,
    trust: &Trust,
) -> Result<Result<Attached, String>, Fault> {
    let reader = Reader::open(repository, digest, insecure, access).await?;
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for signed in reader.signed(Kind::Record, trust).await? {
        match signed.open(digest, Kind::Record) {
            Ok(attached) => found.push(attached),
            Err(unread) => refused.push(format!("{}: {}", unread.artifact, unread.why)),
        }
    }
    let why = match refused.is_empty() {
        true => "no signed record is attached to it".to_string(),
        false => format!("no signature of a record counts: {}", refused.join("; ")),
    };
    Ok(latest(found).ok_or_else(|| format!("{why}; it must be signed by {}", trust.wanted())))
}

/// Fetches the predictions that a record tells of into the file `to`.
///
/// # Errors
/// The registry cannot be asked, or does not have them; what it has is of another digest or size.
pub async fn pull_predictions(
    repository: &str,
    about: &wire::Predictions,
    insecure: bool,
    access: &Access,
    to: &Path,
) -> Result<(), Fault> {
    let what = format!("read the predictions of a record in {repository}");
    let hint = "what rides with a record was not written by mlgate: who can push to this repository?";
    if !is_digest(&about.digest) || about.bytes > KeptPredictions::MOST_BYTES {
        let why = format!("the record names `{}` of {} bytes", about.digest, about.bytes);
        return Err(Fault::new(what, why, hint));
    }
    let repository = Repository::named(repository, insecure, access).await?;
    let saved = repository.save_blob(&descriptor(PREDICTIONS_MEDIA, about.digest.clone(), about.bytes), to).await;
    saved.map_err(|fault| Fault { what, hint: if fault.hint.is_empty() { hint.into() } else { fault.hint }, ..fault })
}

/// A repository that is looked through for what is attached to its images.
pub struct Attachments(Arc<Repository>);

impl Attachments {
    /// # Errors
    /// The name cannot be read, or credentials not be found.
    pub async fn open(name: &str, insecure: bool, access: &Access) -> Result<Attachments, Fault> {
        Ok(Attachments(Arc::new(Repository::named(name, insecure, access).await?)))
    }

    pub fn name(&self) -> String {
        self.0.name()
    }

    /// All tags; none when there is no such repository.
    ///
    /// # Errors
    /// When the registry cannot be asked, or refuses.
    pub async fn tags(&self) -> Result<Vec<String>, Fault> {
        self.0.tags().await
    }

    /// What a tag points to; none when there is no such tag.
    ///
    /// # Errors
    /// When the registry cannot be asked, or refuses.
    pub async fn digest_of(&self, tag: &str) -> Result<Option<String>, Fault> {
        check_tags(&format!("look up {}:{tag}", self.name()), [tag])?;
        Ok(self.0.manifest(tag).await?.map(|manifest| manifest.digest))
    }

    /// Whether an image is there.
    ///
    /// # Errors
    /// When the registry cannot be asked, or refuses.
    pub async fn has(&self, digest: &str) -> Result<bool, Fault> {
        Ok(is_digest(digest) && self.0.manifest(digest).await?.is_some())
    }

    /// All records of a kind that are attached to `digest`, in the order in which they were finished, with what is known
    /// of their signatures; and a line for each that cannot be read.
    ///
    /// # Errors
    /// When the registry cannot be asked, or refuses.
    pub async fn of(&self, digest: &str, kind: Kind, trust: &Trust) -> Result<(Vec<Attached>, Vec<String>), Fault> {
        let reader = Reader::of(Arc::clone(&self.0), digest)?;
        let (mut found, mut unread): (Vec<Attached>, Vec<String>) = (Vec::new(), Vec::new());
        for claim in reader.claims(kind).await? {
            match claim {
                Ok(attached) => found.push(attached),
                Err(why) => unread.push(format!("{}: {}", why.artifact, why.why)),
            }
        }
        for signed in reader.signed(kind, trust).await? {
            let (signed, record, why) = match signed.open(digest, kind) {
                Ok(attached) => match found.iter_mut().find(|known| known.record == attached.record) {
                    Some(known) => (attached.signed, Some(known), String::new()),
                    None => {
                        found.push(attached);
                        continue;
                    }
                },
                // A signature that does not count leaves its record a claim.
                Err(no) => {
                    let record = found.iter_mut().find(|known| Some(&known.record) == no.claimed.as_ref());
                    (Signed::Untrusted(no.why.clone()), record, format!("{}: {}", no.artifact, no.why))
                }
            };
            match record {
                Some(known) if matches!(known.signed, Signed::By(_)) => {}
                Some(known) => known.signed = signed,
                None => unread.push(why),
            }
        }
        found.sort_by(|one, other| one.finished.cmp(&other.finished));
        Ok((found, unread))
    }
}

fn latest(found: Vec<Attached>) -> Option<Attached> {
    found.into_iter().reduce(|before, next| if before.finished <= next.finished { next } else { before })
}

/// Why an artifact does not count that is listed and not there.
const DELETED: &str = "it is listed, and was deleted from the registry";

/// What is listed and does not count.
struct Unread {
    artifact: String,
    why: String,
    /// The record that a signature is about, if it could be read.
    claimed: Option<Vec<u8>>,
}

/// A bundle as it was found, with what came of verifying it.
struct Verified {
    artifact: String,
    /// The statement, and who signed it.
    trusted: Result<crate::sign::Trusted, String>,
    /// What the envelope holds, whoever signed it.
    statement: Option<Vec<u8>>,
}

impl Verified {
    fn open(self, digest: &str, kind: Kind) -> Result<Attached, Unread> {
        let claimed = self.statement.and_then(|statement| predicate(&statement, digest, kind.predicate_type()).ok());
        let claimed = claimed.map(|(_, record)| record);
        let opened = self.trusted.and_then(|trusted| {
            let (finished, record) = predicate(&trusted.statement, digest, kind.predicate_type())?;
            Ok((finished, record, trusted.by))
        });
        match opened {
            Ok((finished, record, by)) => {
                Ok(Attached { artifact: self.artifact, record, finished, signed: Signed::By(by) })
            }
            Err(why) => Err(Unread { artifact: self.artifact, why, claimed }),
        }
    }
}

struct Reader<'a> {
    repository: Arc<Repository>,
    digest: &'a str,
    what: String,
}

impl<'a> Reader<'a> {
    async fn open(name: &str, digest: &'a str, insecure: bool, access: &Access) -> Result<Reader<'a>, Fault> {
        Reader::of(Arc::new(Repository::named(name, insecure, access).await?), digest)
    }

    fn of(repository: Arc<Repository>, digest: &'a str) -> Result<Reader<'a>, Fault> {
        let what = format!("read the record of {}@{digest}", repository.name());
        if !is_digest(digest) {
            return Err(Fault::new(what, "this is no sha256 digest", ""));
        }
        Ok(Reader { repository, digest, what })
    }

    async fn has_image(&self) -> Result<bool, Fault> {
        Ok(self.repository.manifest(self.digest).await?.is_some())
    }

    fn check_count(&self, found: usize) -> Result<(), Fault> {
        if found <= MOST_RECORDS {
            return Ok(());
        }
        let why = format!("{found} artifacts of one kind are attached to it, expected at most {MOST_RECORDS}");
        Err(Fault::new(&self.what, why, "remove old ones; who can push to this repository?"))
    }

    /// The unsigned artifacts of a kind, as they are.
    async fn claims(&self, kind: Kind) -> Result<Vec<Result<Attached, Unread>>, Fault> {
        let listed = self.repository.referrers(self.digest, kind.artifact_type()).await?;
        self.check_count(listed.len())?;
        let mut claims = Vec::new();
        for entry in &listed {
            let statement = self.content(&entry.digest, STATEMENT_MEDIA, MOST_BYTES).await?;
            let opened = statement.and_then(|(statement, _)| predicate(&statement, self.digest, kind.predicate_type()));
            let artifact = entry.digest.clone();
            claims.push(match opened {
                Ok((finished, record)) => Ok(Attached { artifact, record, finished, signed: Signed::No }),
                Err(why) => Err(Unread { artifact, why, claimed: None }),
            });
        }
        Ok(claims)
    }

    /// The bundles that say, or may turn out, to be about a record of this kind.
    async fn signed(&self, kind: Kind, trust: &Trust) -> Result<Vec<Verified>, Fault> {
        let listed = self.repository.referrers(self.digest, BUNDLE).await?;
        let named = |annotations: &std::collections::BTreeMap<String, String>| {
            annotations.get(BUNDLE_PREDICATE).is_none_or(|named| named == kind.predicate_type())
        };
        let asked: Vec<_> = listed.iter().filter(|entry| entry.annotations.as_ref().is_none_or(named)).collect();
        self.check_count(asked.len())?;
        let mut signed = Vec::new();
        for entry in asked {
            let content = self.content(&entry.digest, BUNDLE, MOST_BUNDLE).await?;
            let statement = content.as_ref().ok().and_then(|(bundle, _)| payload(bundle));
            let is_other = statement.as_ref().is_some_and(|statement| {
                let value: Value = serde_json::from_slice(statement).unwrap_or_default();
                value["predicateType"].as_str().is_some_and(|named| named != kind.predicate_type())
            });
            if !is_other {
                let trusted = content.and_then(|(bundle, _)| trust.open(&bundle));
                signed.push(Verified { artifact: entry.digest.clone(), trusted, statement });
            }
        }
        Ok(signed)
    }

    /// The record that an artifact carries: its digest is what the annotation of a running pod names.
    async fn carried(&self) -> Result<Option<Attached>, Fault> {
        let Some(manifest) = self.repository.manifest(self.digest).await? else {
            let why = "the registry has neither this image nor a record of it";
            return Err(Fault::new(
                &self.what,
                why,
                "was it deleted? an overlay that runs it may run a tag that the registry lacks until the next promotion",
            ));
        };
        let manifest: Value = serde_json::from_slice(&manifest.bytes).map_err(|e| Fault::new(&self.what, e, ""))?;
        let (media_type, most) = match &manifest["artifactType"] {
            kind if *kind == wire::MEDIA_TYPE => (STATEMENT_MEDIA, MOST_BYTES),
            kind if *kind == BUNDLE => (BUNDLE, MOST_BUNDLE),
            _ => return Ok(None),
        };
        let fault = |why: String| Fault::new(&self.what, why, "");
        let (content, subject) = self.content(self.digest, media_type, most).await?.map_err(fault)?;
        let subject = subject.ok_or_else(|| fault("the artifact refers to no image".into()))?;
        let statement = match media_type {
            BUNDLE => payload(&content).ok_or_else(|| fault("its bundle cannot be read".into()))?,
            _ => content,
        };
        let (finished, record) = predicate(&statement, &subject, RECORD_TYPE).map_err(fault)?;
        Ok(Some(Attached { artifact: self.digest.to_string(), record, finished, signed: Signed::No }))
    }

    /// The one blob of an artifact, and the digest that the artifact refers to; or why it has none that can be read.
    async fn content(
        &self,
        artifact: &str,
        media_type: &str,
        most: u64,
    ) -> Result<Result<(Vec<u8>, Option<String>), String>, Fault> {
        if !is_digest(artifact) {
            return Ok(Err("it is listed, and is no sha256 digest".into()));
        }
        let Some(manifest) = self.repository.manifest(artifact).await? else {
            return Ok(Err(DELETED.into()));
        };
        let Ok(manifest) = serde_json::from_slice::<OciImageManifest>(&manifest.bytes) else {
            return Ok(Err("it is no image manifest".into()));
        };
        let layers: Vec<_> = manifest.layers.iter().filter(|layer| layer.media_type == media_type).collect();
        match &layers[..] {
            [layer] if is_digest(&layer.digest) && size(layer) <= most => {
                let content = self.repository.small_blob(layer, most).await?;
                Ok(Ok((content, manifest.subject.map(|subject| subject.digest))))
            }
            [layer] if size(layer) > most => Ok(Err(format!("its statement is longer than {most} bytes"))),
            _ => Ok(Err(format!("it does not hold one blob of the type {media_type}"))),
        }
    }
}

fn payload(bundle: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_slice::<Bundle>(bundle).ok()?.dsse_envelope.payload()
}
