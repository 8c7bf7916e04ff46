//! What proves an image: the statements that are attached to it, who signs them, and whose signatures count.

use crate::config::{Attest, Config, SignBy, TrustedIdentity, TrustedSigner};
use crate::image::contents::{CYCLONEDX, Contents, cyclonedx};
use crate::image::{Built, Proof, Statement};
use crate::model::Fault;
use crate::record::{self, statements, wire};
use crate::secret::{self, Secret};
use crate::settings::Settings;
use crate::sign::{Authorities, Identity, PrivateKey, PublicKey, Roots, Signer, Trust};
use std::path::{Path, PathBuf};

/// Who signs by `mlops.yaml`; none when it says nothing of it.
///
/// # Errors
/// There is no key or token, or it cannot be read.
pub fn signer(settings: &Settings, config: &Config) -> Result<Option<Signer>, Fault> {
    let what = "sign what is attached to the image";
    let secrets = &settings.signing;
    match &config.signing.by {
        None => Ok(None),
        Some(SignBy::Key { file }) => {
            let key = match file {
                Some(file) => Some(key_in(&settings.root, file)?),
                None => secrets.key.clone(),
            };
            let hint = "put the private key in PEM into it, as a secret of the CI system; or name `signing.key_file`";
            let key = key.ok_or_else(|| Fault::new(what, "MLGATE_SIGNING_KEY is not set", hint))?;
            Ok(Some(Signer::Key(Box::new(PrivateKey::from_pem(&key, secrets.password.as_ref())?))))
        }
        Some(SignBy::Keyless { fulcio, rekor }) => {
            let hint = "on GitHub give the job `permissions: {id-token: write}`; on GitLab an id_token SIGSTORE_ID_TOKEN \
                        with the audience sigstore";
            let none = || Fault::new(what, "the CI system gives no identity token", hint);
            let token = secrets.token.clone().ok_or_else(none)?;
            let authorities = Authorities { fulcio: fulcio.clone(), rekor: rekor.clone(), token };
            Ok(Some(Signer::Keyless(Box::new(authorities))))
        }
    }
}

fn key_in(root: &Path, file: &Path) -> Result<Secret, Fault> {
    let text = read(root, file)?;
    secret::hide([text.clone()]);
    Secret::new(text).ok_or_else(|| Fault::new(format!("read {}", file.display()), "it is empty", ""))
}

/// Whose signatures count by `mlops.yaml`.
///
/// # Errors
/// A file of a key or certificate cannot be read; all of them at once.
pub fn trust(root: &Path, config: &Config) -> Result<Trust, Fault> {
    let (mut trust, mut wrong) = (Trust::default(), Vec::new());
    for signer in &config.signing.trust {
        let added = match signer {
            TrustedSigner::Key(file) => public_key(root, file).map(|key| trust.keys.push((shown(file), key))),
            TrustedSigner::Identity(trusted) => identity(root, trusted).map(|identity| trust.identities.push(identity)),
        };
        wrong.extend(added.err().map(|fault| fault.to_string()));
    }
    match wrong.is_empty() {
        true => Ok(trust),
        false => Err(Fault::new("read whose signatures count", wrong.join("; "), "correct `signing.trust`")),
    }
}

fn identity(root: &Path, trusted: &TrustedIdentity) -> Result<Identity, Fault> {
    let what = format!("read {}", trusted.roots.display());
    Ok(Identity {
        subject: trusted.subject.clone(),
        issuer: trusted.issuer.clone(),
        roots: Roots::from_pem(&read(root, &trusted.roots)?).map_err(|why| Fault::new(what, why, ""))?,
        log: public_key(root, &trusted.log_key)?,
        ct_log: trusted.ct_log_key.as_ref().map(|file| public_key(root, file)).transpose()?,
    })
}

/// The keys that a command names; where it names none, those of `mlops.yaml`.
///
/// # Errors
/// As [`trust`].
pub fn trust_of(settings: &Settings, keys: &[PathBuf], config: Option<&Config>) -> Result<Trust, Fault> {
    match config {
        Some(config) if keys.is_empty() => trust(&settings.root, config),
        _ => {
            let keys = keys.iter().map(|file| Ok((shown(file), public_key(&settings.root, file)?)));
            Ok(Trust { keys: keys.collect::<Result<_, Fault>>()?, ..Trust::default() })
        }
    }
}

/// A public key in a file.
fn public_key(root: &Path, file: &Path) -> Result<PublicKey, Fault> {
    let text = read(root, file)?;
    PublicKey::from_pem(&text).map_err(|why| Fault::new(format!("read {}", file.display()), why, ""))
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}

fn read(root: &Path, file: &Path) -> Result<String, Fault> {
    std::fs::read_to_string(root.join(file)).map_err(|error| Fault::new(format!("read {}", file.display()), error, ""))
}

/// What a run attaches to its image.
pub fn of_run<'a>(
    record: &wire::Record,
    config: &Config,
    settings: &Settings,
    (built, contents): (&Built, &[Contents]),
    signer: Option<&'a Signer>,
) -> Proof<'a> {
    let mut statements = vec![Statement::record(&record::to_json(record))];
    for attest in config.image.iter().flat_map(|image| &image.attest) {
        statements.push(match attest {
            Attest::TestResult => Statement::other(statements::TEST_RESULT, &statements::test_result(record)),
            Attest::Provenance => {
                Statement::other(statements::PROVENANCE, &statements::provenance(record, &settings.builder))
            }
            // A run that could not look into its image is not cleared.
            Attest::Sbom if contents.is_empty() => continue,
            Attest::Sbom => Statement::other(CYCLONEDX, &cyclonedx(contents, &built.repository, &built.digest)),
        });
    }
    Proof { statements, signer, predictions: None }
}
