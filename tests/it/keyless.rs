//! Keyless signing against an authority and a log that check what they are asked, issue certificates and sign entries.

use crate::parts::{self, Daemon, Registry};
use crate::repo::{Done, Repo};
use crate::signing::python;
use crate::support::{mlgate, skipped};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

struct Authorities {
    folder: tempfile::TempDir,
    address: String,
    _daemon: Daemon,
}

fn authorities() -> Result<Authorities, String> {
    let has = Command::new("python3").args(["-c", "import cryptography"]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        return Err("Python's cryptography is not installed".into());
    }
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?.keep();
    let log = File::create(folder.path().join("log")).map_err(|e| e.to_string())?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sign/authorities.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(folder.path());
    let daemon = Daemon::start(&command, &scratch, &log, Stdio::null())?;
    let port = || std::fs::read_to_string(folder.path().join("port")).unwrap_or_default();
    parts::wait(|| std::net::TcpStream::connect(format!("127.0.0.1:{}", port())).is_ok())
        .map_err(|()| parts::tail(&folder.path().join("log")))?;
    let address = format!("http://127.0.0.1:{}", port());
    Ok(Authorities { folder, address, _daemon: daemon })
}

const IDENTITY: &str = "https://github.com/acme/churn/.github/workflows/release.yml@refs/heads/*";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

impl Authorities {
    /// Signs keyless; `wrong` replaces parts of whose signatures count.
    fn config(&self, config: &str, wrong: &[(&str, &str)]) -> String {
        let keys = "roots: roots.pem, log_key: log.pub, ct_log_key: ct.pub";
        let mut trust = format!("identity: '{IDENTITY}', issuer: '{ISSUER}', {keys}");
        for (right, wrong) in wrong {
            assert!(trust.contains(right));
            trust = trust.replace(right, wrong);
        }
        let config = config.replace("promote: {gates:", "promote: {require_signed: true, gates:");
        let address = &self.address;
        format!("{config}signing: {{by: keyless, fulcio: '{address}', rekor: '{address}', trust: [{{{trust}}}]}}\n")
    }

    fn files(&self, repo: &Repo) {
        for file in ["roots.pem", "log.pub", "ct.pub", "other-roots.pem", "other-log.pub"] {
            repo.write(file, &std::fs::read_to_string(self.folder.path().join(file)).unwrap());
        }
    }

    /// As in a job of GitHub Actions with `id-token: write`.
    fn run(&self, repo: &Repo, args: &[&str], token: &str) -> Done {
        let mut command = mlgate(repo.root());
        command.args(args).env("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/token?v=1", self.address));
        Done(command.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token).output().unwrap())
    }

    fn move_clock(&self, seconds: i64) {
        self.set("/time", &seconds.to_string());
    }

    /// What goes wrong from now on: one of those that the script lists, or nothing.
    fn fault(&self, name: &str) {
        self.set("/fault", name);
    }

    fn set(&self, path: &str, body: &str) {
        use std::io::{Read, Write};
        let host = self.address.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(host).unwrap();
        write!(stream, "POST {path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 200 "), "{answer}");
    }
}

/// What was said, without the breaks of its lines.
fn flat(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn start() -> Option<(Registry, Authorities)> {
    let registry = parts::registry().map_err(|why| skipped(&why)).ok()?;
    Some((registry, authorities().map_err(|why| skipped(&why)).ok()?))
}

#[test]
fn a_job_signs_with_its_identity_and_no_other_identity_counts() {
    let Some((registry, authorities)) = start() else { return };
    let repository = registry.repository("churn");
    let repo = Repo::with_config(&repository);
    let plain = repo.read("mlops.yaml");
    authorities.files(&repo);
    let tags = |config: String| config.replace("{{ git.sha }}", "v1");
    let right = tags(authorities.config(&plain, &[]));
    repo.write("mlops.yaml", &right);
    repo.commit();

    let said = repo.mlgate(&["run"]).exits(4);
    assert!(said.contains("id-token: write"), "{said}");
    let said = authorities.run(&repo, &["run"], "of-somebody").exits(4);
    assert!(said.contains("401") && !said.contains("of-somebody"), "{said}");
    authorities.run(&repo, &["run"], "of-the-job").exits(0);
    let said = authorities.run(&repo, &["promote", "staging", "--dry-run"], "of-the-job").exits(0);
    assert!(said.contains("may go to staging"), "{said}");
    let listed = repo.mlgate(&["record", "list", &format!("{repository}:v1")]).exits(0);
    assert!(listed.contains("signed by https://github.com/acme/churn/.github/workflows/release.yml@refs/heads/main"));

    judged(&authorities, &repo, &repository);

    // Whose signatures count is no rule of the run, but its file is part of the record: each has a run of its own.
    for (wrong, why) in [
        ((IDENTITY, "https://github.com/mallory/*"), "trusted is `https://github.com/mallory/*`"),
        ((ISSUER, "https://issuer.example"), "trusted is `https://issuer.example`"),
        (("roots.pem", "other-roots.pem"), "of no trusted authority"),
        ((" log_key: log.pub", " log_key: other-log.pub"), "not promised by the trusted log"),
        (("ct.pub", "other-log.pub"), "no timestamp of the trusted certificate-transparency log"),
    ] {
        repo.write("mlops.yaml", &tags(authorities.config(&plain, &[wrong])));
        let said = repo.mlgate(&["promote", "staging", "--dry-run"]).exits(4);
        assert!(flat(&said).contains(why), "{why}: {said}");
    }
    repo.write("mlops.yaml", &right);

    // The certificate lives for ten minutes; the log saw the signature later, or before it was valid.
    for (seconds, why) in [(3600, "had expired when it was signed"), (-3600, "not yet valid when it was signed")] {
        authorities.move_clock(seconds);
        repo.write("model/weights.txt", &seconds.to_string());
        repo.commit();
        authorities.run(&repo, &["run"], "of-the-job").exits(0);
        let said = authorities.run(&repo, &["promote", "staging"], "of-the-job").exits(4);
        assert!(flat(&said).contains(why), "{why}: {said}");
    }

    // Without the log there is no signature, and nothing is tagged.
    repo.write(
        "mlops.yaml",
        &right.replace("rekor: 'http://127.0.0.1:", "rekor: 'http://127.0.0.1:9/").replace("v1", "v2"),
    );
    repo.commit();
    let said = authorities.run(&repo, &["run"], "of-the-job").exits(4);
    assert!(said.contains("put the signature into the log"), "{said}");
    assert!(parts::skopeo(&["inspect", "--tls-verify=false", &format!("docker://{repository}:v2")]).is_err());
}

/// What sigstore-python says of the signatures: it takes them, and from nobody else.
fn judged(authorities: &Authorities, repo: &Repo, repository: &str) {
    let (digest, identity) = (repo.digest(), IDENTITY.replace('*', "main"));
    let judge = |folder: &Path, identity: &str, issuer: &str| {
        python("judge.py", &[repository, &digest, &folder.display().to_string(), identity, issuer])
    };
    match judge(authorities.folder.path(), &identity, ISSUER) {
        Err(why) if why.contains("No module named") => return skipped(&why),
        kinds => assert_eq!(kinds.unwrap(), "https://mlgate.dev/record/v1\n"),
    }
    assert!(judge(authorities.folder.path(), &identity.replace("acme", "mallory"), ISSUER).is_err());
    for (file, why) in [("roots.pem", "chain"), ("log.pub", "log entry"), ("ct.pub", "SCT")] {
        let others = tempfile::tempdir().unwrap();
        for known in ["roots.pem", "log.pub", "ct.pub"] {
            let from = match (known == file, known) {
                (true, "roots.pem") => "other-roots.pem",
                (true, _) => "other-log.pub",
                (false, known) => known,
            };
            std::fs::copy(authorities.folder.path().join(from), others.path().join(known)).unwrap();
        }
        let told = judge(others.path(), &identity, ISSUER).unwrap_err();
        assert!(told.contains(why), "{file}: {told}");
    }
}

/// Builds and signs another model while something goes wrong, which is not seen (0) or an error (4).
fn run(repo: &Repo, authorities: &Authorities, fault: &str, code: i32) -> String {
    authorities.fault(fault);
    repo.write("model/weights.txt", &format!("fault: {fault}"));
    repo.commit();
    flat(&authorities.run(repo, &["run"], "of-the-job").exits(code))
}

fn promote(repo: &Repo, authorities: &Authorities, code: i32) -> String {
    flat(&authorities.run(repo, &["promote", "staging", "--dry-run"], "of-the-job").exits(code))
}

/// A repo that signs keyless, whose image is always `v1`.
fn signing(registry: &Registry, authorities: &Authorities, wrong: &[(&str, &str)]) -> Repo {
    let repo = Repo::with_config(&registry.repository("churn"));
    authorities.files(&repo);
    let config = authorities.config(&repo.read("mlops.yaml"), wrong).replace("{{ git.sha }}", "v1");
    repo.write("mlops.yaml", &config);
    repo
}

#[test]
fn an_answer_of_the_log_that_was_lost_is_fetched() {
    let Some((registry, authorities)) = start() else { return };
    let repo = signing(&registry, &authorities, &[]);
    run(&repo, &authorities, "", 0);
    for fault in ["lost", "lost-said"] {
        run(&repo, &authorities, fault, 0);
        let said = promote(&repo, &authorities, 0);
        assert!(said.contains("may go to staging"), "{fault}: {said}");
    }
    for fault in ["other", "lost-other"] {
        let said = run(&repo, &authorities, fault, 4);
        assert!(said.contains("put the signature into the log"), "{fault}: {said}");
        assert!(said.contains("its log entry is of something else"), "{fault}: {said}");
    }
}

#[test]
fn a_proof_of_inclusion_holds_where_there_is_one() {
    let Some((registry, authorities)) = start() else { return };
    let repo = signing(&registry, &authorities, &[]);
    // The log's promise suffices.
    for fault in ["no-proof", "no-root"] {
        run(&repo, &authorities, fault, 0);
        promote(&repo, &authorities, 0);
    }
    // Found out by whoever signs, and by whoever knows the log's key.
    let said = run(&repo, &authorities, "path", 4);
    assert!(said.contains("the inclusion proof of its log entry does not lead to the root"), "{said}");
    run(&repo, &authorities, "checkpoint", 0);
    let said = promote(&repo, &authorities, 4);
    assert!(said.contains("the trusted log did not sign this checkpoint of its log entry"), "{said}");
}

#[test]
fn a_certificate_counts_when_the_transparency_log_saw_it() {
    let Some((registry, authorities)) = start() else { return };
    let repo = signing(&registry, &authorities, &[]);
    run(&repo, &authorities, "sct-several", 0);
    promote(&repo, &authorities, 0);
    for (fault, why) in [
        ("sct-foreign", "no timestamp of the trusted certificate-transparency log"),
        ("sct-absent", "no timestamp of a certificate-transparency log"),
    ] {
        run(&repo, &authorities, fault, 0);
        let said = promote(&repo, &authorities, 4);
        assert!(said.contains(why), "{fault}: {said}");
    }
    // Who names no key of such a log asks for none.
    repo.write("mlops.yaml", &repo.read("mlops.yaml").replace(", ct_log_key: ct.pub", ""));
    run(&repo, &authorities, "sct-absent", 0);
    promote(&repo, &authorities, 0);
}

#[test]
fn a_timestamp_of_the_transparency_log_is_over_this_certificate() {
    let Some((registry, authorities)) = start() else { return };
    let repo = signing(&registry, &authorities, &[]);
    let forged = "the trusted certificate-transparency log did not sign the timestamp";
    for (fault, why) in [
        ("sct-forged", forged),
        ("sct-time", forged),
        ("sct-issuer", forged),
        ("sct-cut", "the certificate-transparency timestamps in its certificate cannot be read"),
    ] {
        run(&repo, &authorities, fault, 0);
        let said = promote(&repo, &authorities, 4);
        assert!(said.contains(why), "{fault}: {said}");
    }
}
