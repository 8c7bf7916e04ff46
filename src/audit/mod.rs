//! `mlgate audit`: which image an environment ran from when to when, on what evidence, and who signed it. Everything is
//! read from the registry: the promotions that are attached to the images; where the repository lies here, git's word on the
//! overlays is laid beside it.

mod history;
mod list;
mod show;
#[cfg(test)]
mod tests;

pub use list::list;

use crate::cli::AuditArgs;
use crate::commands;
use crate::digest::is_digest;
use crate::error::Error;
use crate::exit::Exit;
use crate::image::{Access, Attached, Attachments, Kind, Signed, is_tag};
use crate::model::Fault;
use crate::prove;
use crate::record::{self, wire};
use crate::settings::Settings;
use crate::sign::Trust;
use futures_util::{StreamExt, TryStreamExt, stream};
use history::InGit;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// Images that are asked for at once.
const AT_ONCE: usize = 8;
/// Images of one repository that are looked at; more are told.
const MOST_IMAGES: usize = 10_000;

/// `mlgate audit`: prints it. What does not fit together blocks, as an environment then ran what nothing speaks for.
///
/// # Errors
/// No repository is named, or the registry or a key cannot be read.
pub async fn run(settings: &Settings, args: &AuditArgs) -> Result<Exit, Error> {
    let config = match settings.config_path.exists() {
        true => Some(commands::load(settings)?.1),
        false => None,
    };
    let image = config.as_ref().and_then(|config| config.image.as_ref());
    let own = image.map(|image| image.repository.clone());
    let none =
        || Error::usage("name a repository, such as ghcr.io/acme/churn: there is no mlops.yaml with an `image` here");
    let repository = args.repository.clone().or(own.clone()).ok_or_else(none)?;
    let insecure = image.is_some_and(|image| image.insecure && image.repository == repository);
    let trust = prove::trust_of(settings, &args.keys, config.as_ref())?;
    let mut audit = of_registry(&repository, insecure, &settings.access, &trust).await?;
    if let Some(config) = config.filter(|_| own.as_ref() == Some(&repository)) {
        let overlays = config.environments.iter().map(|one| (one.name.as_str(), one.overlay.as_path()));
        audit.lay_beside(&settings.root, overlays, &repository).await;
    }
    commands::print(&show::render(&audit, args.format));
    Ok(if audit.findings.is_empty() { Exit::Ok } else { Exit::Blocked })
}

/// What was found of a repository.
#[derive(Debug, Serialize)]
pub struct Audit {
    pub repository: String,
    /// In the order of their names; the stays in each from the first to the last.
    pub environments: BTreeMap<String, Vec<Stay>>,
    /// What does not fit together, or could not be read.
    pub findings: Vec<String>,
}

/// An image in an environment.
#[derive(Clone, Debug, Serialize)]
pub struct Stay {
    pub digest: String,
    /// When the promotion was finished, RFC 3339.
    pub from: String,
    /// When the next one was; none: it runs still.
    pub until: Option<String>,
    /// What the promotion found there.
    pub replaced: Option<String>,
    /// Tags that the promotion let point to it.
    pub tags: Vec<String>,
    /// Whether the registry still has the image.
    pub in_registry: bool,
    /// The artifact with the promotion's record: `mlgate record show` prints it.
    pub promotion: String,
    #[serde(serialize_with = "in_words")]
    pub promotion_signed: Signed,
    /// Of the run that made the image.
    pub run: String,
    pub commit: Option<String>,
    /// The gates of the promotion, and what came of them.
    pub gates: Vec<String>,
    pub evidence: Option<Evidence>,
    /// The commit that put the digest into the overlay.
    pub git: Option<InGit>,
}

/// The record of the image, as it is attached to it.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    pub artifact: String,
    #[serde(serialize_with = "in_words")]
    pub signed: Signed,
    pub decision: String,
    pub summary: String,
    pub finished: String,
}

/// Walks all tags, the promotions of their images, and the images that those replaced.
///
/// # Errors
/// When the registry cannot be asked, or refuses.
async fn of_registry(repository: &str, insecure: bool, access: &Access, trust: &Trust) -> Result<Audit, Fault> {
    let attachments = Attachments::open(repository, insecure, access).await?;
    let mut audit = Audit { repository: attachments.name(), environments: BTreeMap::new(), findings: Vec::new() };
    let mut waiting: BTreeSet<String> = BTreeSet::new();
    let tags = attachments.tags().await?;
    let digests = stream::iter(&tags).map(|tag| digest_of(&attachments, tag)).buffer_unordered(AT_ONCE);
    waiting.extend(digests.try_collect::<Vec<_>>().await?.into_iter().flatten());
    let mut seen: BTreeSet<String> = BTreeSet::new();
    while !waiting.is_empty() {
        let next = std::mem::take(&mut waiting);
        let asked = stream::iter(&next).map(|digest| of_image(&attachments, digest, trust)).buffered(AT_ONCE);
        for (stays, unread) in asked.try_collect::<Vec<_>>().await? {
            audit.findings.extend(unread);
            for (environment, stay) in stays {
                waiting.extend(stay.replaced.clone());
                audit.environments.entry(environment).or_default().push(stay);
            }
        }
        seen.extend(next);
        waiting.retain(|digest| !seen.contains(digest));
        if seen.len() > MOST_IMAGES {
            audit.findings.push(format!("there are more than {MOST_IMAGES} images; the rest was not looked at"));
            break;
        }
    }
    audit.settle(trust);
    audit.now(&attachments).await?;
    Ok(audit)
}

/// The image behind a tag. A list of referrers names its image in its own name.
async fn digest_of(attachments: &Attachments, tag: &str) -> Result<Option<String>, Fault> {
    if let Some(hex) = tag.strip_prefix("sha256-") {
        let digest = format!("sha256:{}", hex.split('.').next().unwrap_or_default());
        return Ok(Some(digest).filter(|digest| is_digest(digest)));
    }
    attachments.digest_of(tag).await
}

/// The promotions of one image, and what could not be read.
async fn of_image(
    attachments: &Attachments,
    digest: &str,
    trust: &Trust,
) -> Result<(Vec<(String, Stay)>, Vec<String>), Fault> {
    let (promotions, mut unread) = attachments.of(digest, Kind::Promotion, trust).await?;
    let (mut records, mut in_registry) = (Vec::new(), true);
    if !promotions.is_empty() {
        let (found, more) = attachments.of(digest, Kind::Record, trust).await?;
        unread.extend(more);
        records = found;
        in_registry = attachments.has(digest).await?;
    }
    let mut stays = Vec::new();
    for promotion in &promotions {
        match stay(digest, promotion, &records, in_registry) {
            Ok(stay) => stays.push(stay),
            Err(why) => unread.push(format!("{}: {why}", promotion.artifact)),
        }
    }
    let unread = unread.into_iter().map(|why| format!("not read, of {digest}: {why}")).collect();
    Ok((stays, unread))
}

fn stay(digest: &str, promotion: &Attached, records: &[Attached], in_registry: bool) -> Result<(String, Stay), String> {
    let wire = record::parse(&promotion.record, "of the promotion").map_err(|fault| fault.why)?;
    let environment = wire.run.environment.clone().filter(|_| wire.run.command == "promote");
    let environment = environment.ok_or("it is not the record of a promotion")?;
    let gates = wire.verdicts.iter().map(|verdict| format!("{}: {}", verdict.outcome, verdict.gate)).collect();
    // The record that the promotion rested on has its run; of several the last one, and one that is signed before others.
    let of_run = records.iter().rev().filter_map(|attached| {
        let found = record::parse(&attached.record, "of the run").ok()?;
        (found.run.hash == wire.run.hash).then(|| evidence(attached, &found))
    });
    let of_run: Vec<Evidence> = of_run.collect();
    let trusted = of_run.iter().position(|found| matches!(found.signed, Signed::By(_)));
    let evidence = of_run.into_iter().nth(trusted.unwrap_or(0));
    let (tags, replaced) = wire.image.map_or_else(Default::default, |image| (image.tags, image.replaces));
    Ok((
        environment,
        Stay {
            digest: digest.to_string(),
            from: wire.run.finished.clone(),
            until: None,
            replaced: replaced.filter(|digest| is_digest(digest)),
            tags: tags.into_iter().filter(|tag| is_tag(tag)).collect(),
            in_registry,
            promotion: promotion.artifact.clone(),
            promotion_signed: promotion.signed.clone(),
            run: wire.run.hash,
            commit: wire.run.commit.map(|commit| commit.sha),
            gates,
            evidence,
            git: None,
        },
    ))
}

fn evidence(attached: &Attached, record: &wire::Record) -> Evidence {
    Evidence {
        artifact: attached.artifact.clone(),
        signed: attached.signed.clone(),
        decision: record.decision.outcome.clone(),
        summary: record.decision.summary.clone(),
        finished: record.run.finished.clone(),
    }
}

fn in_words<S: Serializer>(signed: &Signed, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(signed)
}

impl Audit {
    /// Puts the stays in order, ends each where the next begins, and says where they do not follow from each other, and
    /// where signatures count, of what nobody trusted has signed.
    fn settle(&mut self, trust: &Trust) {
        let mut findings = Vec::new();
        for (environment, stays) in &mut self.environments {
            stays.sort_by(|one, other| (&one.from, &one.promotion).cmp(&(&other.from, &other.promotion)));
            let ends: Vec<Option<String>> = stays.iter().skip(1).map(|next| Some(next.from.clone())).collect();
            for (stay, end) in stays.iter_mut().zip(ends) {
                stay.until = end;
            }
            for (at, stay) in stays.iter().enumerate() {
                let before = at.checked_sub(1).map(|before| &stays[before].digest);
                if let (Some(before), Some(replaced)) = (before, &stay.replaced)
                    && before != replaced
                {
                    findings.push(format!(
                        "{environment}: at {} {replaced} ran there, which no promotion after {before} had put there",
                        stay.from
                    ));
                }
                let promotion = format!("{environment}: the promotion of {} at {}", stay.digest, stay.from);
                let evidence =
                    stay.evidence.iter().map(|found| (format!("{promotion} rests on a record that"), &found.signed));
                for (of, signed) in evidence.chain([(promotion.clone(), &stay.promotion_signed)]) {
                    if !trust.is_empty() && !matches!(signed, Signed::By(_)) {
                        findings.push(format!("{of} is {signed}; expected a signature of {}", trust.wanted()));
                    }
                }
                if stay.evidence.is_none() {
                    findings.push(format!("{environment}: {} of {} has no record of its run", stay.digest, stay.from));
                }
            }
        }
        self.findings.extend(findings);
    }

    /// Whether what was promoted last is still there, and the tags that its promotion set still point to it.
    ///
    /// # Errors
    /// When the registry cannot be asked, or refuses: where a tag points to is then not known.
    async fn now(&mut self, attachments: &Attachments) -> Result<(), Fault> {
        let lasts: Vec<(&String, &Stay)> =
            self.environments.iter().filter_map(|(name, stays)| Some((name, stays.last()?))).collect();
        for (environment, last) in &lasts {
            let promoted = format!("promoted last was {} at {}", last.digest, last.from);
            if !last.in_registry {
                let why = "the image is no longer in the registry, nothing can pull it any more";
                self.findings.push(format!("{environment}: {why}; {promoted}"));
            }
            // A tag that several environments share belongs to whichever came last.
            let is_shared = |tag: &String| lasts.iter().filter(|(_, other)| other.tags.contains(tag)).count() > 1;
            for tag in last.tags.iter().filter(|tag| !is_shared(tag)) {
                match attachments.digest_of(tag).await? {
                    Some(found) if found == last.digest => {}
                    Some(found) => {
                        self.findings.push(format!("{environment}: the tag `{tag}` points to {found}, {promoted}"));
                    }
                    // With an image its tags are deleted.
                    None if !last.in_registry => {}
                    None => self.findings.push(format!("{environment}: the tag `{tag}` was deleted, {promoted}")),
                }
            }
        }
        Ok(())
    }
}
