//! Signatures for real: keys of openssl, a registry on loopback, and verification by a program that knows nothing of mlgate.

use crate::parts::{self, Registry};
use crate::repo::{Done, Repo};
use crate::support::{has, mlgate, skipped};
use std::path::{Path, PathBuf};
use std::process::Command;

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sign").join(name)
}

pub fn python(name: &str, args: &[&str]) -> Result<String, String> {
    let done = Command::new("python3").arg(script(name)).args(args).output().map_err(|e| e.to_string())?;
    match done.status.success() {
        true => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
    }
}

fn registry() -> Option<Registry> {
    if !has("openssl") {
        skipped("openssl is not installed");
        return None;
    }
    parts::registry().map_err(|why| skipped(&why)).ok()
}

/// A key pair: the private key in PEM; the public one is written into the repository.
fn key(repo: &Repo, public: &str) -> String {
    let openssl = |args: &[&str]| Command::new("openssl").args(args).output().unwrap();
    let made = openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let private = String::from_utf8(made.stdout).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &private).unwrap();
    let made = openssl(&["pkey", "-in", &file.path().display().to_string(), "-pubout"]);
    repo.write(public, &String::from_utf8(made.stdout).unwrap());
    private
}

/// A repository whose run signs, and whose staging takes nothing but what `cosign.pub` verifies.
fn signing_repo(repository: &str) -> (Repo, String) {
    let repo = Repo::with_config(repository);
    let key = key(&repo, "cosign.pub");
    let config = repo.read("mlops.yaml");
    let config = config.replace("promote: {gates:", "promote: {require_signed: true, gates:");
    let config = config.replace("  tags: [", "  attest: [test_result, provenance]\n  tags: [");
    repo.write("mlops.yaml", &format!("{config}signing: {{by: key, trust: [{{key: cosign.pub}}]}}\n"));
    repo.commit();
    (repo, key)
}

fn with_key(repo: &Repo, key: &str, args: &[&str]) -> Done {
    Done(mlgate(repo.root()).args(args).env("MLGATE_SIGNING_KEY", key).output().unwrap())
}

/// Reports break their lines where the terminal ends.
fn one_line(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_signed_is_verified_by_others_and_promoted() {
    let Some(registry) = registry() else { return };
    let repository = registry.repository("churn");
    let (repo, key) = signing_repo(&repository);
    // Not even its tests see the key.
    let config = repo.read("mlops.yaml");
    let tests = "tests:\n  unit: {run: 'test -z \"$MLGATE_SIGNING_KEY\"'}\n";
    repo.write("mlops.yaml", &format!("{config}{tests}"));
    repo.commit();

    let said = repo.mlgate(&["run"]).exits(4);
    assert!(said.contains("MLGATE_SIGNING_KEY is not set"), "{said}");
    repo.mlgate(&["run", "--dry-run"]).exits(0);
    let said = with_key(&repo, "hunter2", &["run"]).exits(4);
    assert!(said.contains("no private key in PEM") && !said.contains("hunter2"), "{said}");
    let said = with_key(&repo, &key, &["run"]).exits(0);
    let digest = repo.digest();
    let inside = key.lines().nth(1).unwrap();
    assert!(!said.contains(inside) && !repo.read(".mlgate/record.json").contains(inside));

    let public = repo.path("cosign.pub").display().to_string();
    match python("verify.py", &[&repository, &digest, &public]) {
        Err(why) if why.contains("No module named") => skipped(&why),
        found => {
            let found = found.unwrap();
            let kinds = [
                "https://mlgate.dev/record/v1",
                "https://in-toto.io/attestation/test-result/v0.1",
                "https://slsa.dev/provenance/v1",
            ];
            for kind in kinds.iter().flat_map(|kind| [format!("att {kind}\n"), format!("bundle {kind}\n")]) {
                assert!(found.contains(&kind), "{kind} in {found}");
            }
            assert_eq!(found.lines().count(), 6, "{found}");
        }
    }

    with_key(&repo, &key, &["promote", "staging"]).exits(0);
    let promotion: serde_json::Value = serde_json::from_str(&repo.read(".mlgate/promote-staging.json")).unwrap();
    let signed = promotion["checks"].as_array().unwrap().iter().find(|check| check["id"] == "promote.signed").unwrap();
    assert_eq!((&signed["outcome"], &signed["message"]), (&"passed".into(), &"by cosign.pub".into()));
    assert!(repo.mlgate(&["audit"]).exits(0).contains("signed by cosign.pub"));
    // What leads from a pod to its evidence leads to what is signed.
    let overlay = repo.read("k8s/overlays/staging/kustomization.yaml");
    let artifact = overlay.split("mlgate.dev/record: \"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(repo.mlgate(&["record", "show", artifact]).exits(0), repo.read(".mlgate/record.json"));
}

#[test]
fn nothing_else_is_promoted() {
    let Some(registry) = registry() else { return };
    let repository = registry.repository("churn");
    let (repo, key) = signing_repo(&repository);
    let overlay = "k8s/overlays/staging/kustomization.yaml";
    let before = repo.read(overlay);
    let refused = |why: &str| {
        let said = one_line(&with_key(&repo, &key, &["promote", "staging"]).exits(4));
        assert!(said.contains(why), "{why}: {said}");
        assert!(said.contains("must be signed by cosign.pub"), "{said}");
        assert_eq!(repo.read(overlay), before);
    };

    // By a key that nobody trusts.
    let other = self::key(&repo, "other.pub");
    repo.commit();
    with_key(&repo, &other, &["run"]).exits(0);
    refused("by no trusted key");
    let foreign = repo.digest();

    // The right signature, and a later record that somebody put beside it without one: the signed one counts.
    repo.write("model/weights.txt", "1\n");
    repo.commit();
    with_key(&repo, &key, &["run"]).exits(0);
    let good = repo.digest();
    with_key(&repo, &key, &["promote", "staging", "--dry-run"]).exits(0);

    // Of another image.
    python("tamper.py", &["copy", &repository, &good, &foreign]).unwrap();
    let said = one_line(&with_key(&repo, &key, &["promote", "staging", "--digest", &foreign]).exits(4));
    assert!(said.contains("about another image"), "{said}");

    // With another content.
    python("tamper.py", &["alter", &repository, &good]).unwrap();
    refused("content was changed");
    python("tamper.py", &["junk", &repository, &good]).unwrap();
    refused("it is no bundle");

    // Unsigned.
    let config = repo.read("mlops.yaml");
    repo.write("mlops.yaml", &config.replace("by: key, ", ""));
    repo.write("model/weights.txt", "2\n");
    repo.commit();
    repo.mlgate(&["run"]).exits(0);
    refused("no signed record is attached");

    // A trusted key that is none, or that is not there.
    for (text, why) in [("nonsense", "BEGIN PUBLIC KEY"), ("", "BEGIN PUBLIC KEY")] {
        repo.write("cosign.pub", text);
        let said = one_line(&repo.mlgate(&["promote", "staging"]).exits(4));
        assert!(said.contains(why) && said.contains("cosign.pub"), "{said}");
    }
    std::fs::remove_file(repo.path("cosign.pub")).unwrap();
    assert!(repo.mlgate(&["promote", "staging"]).exits(4).contains("cosign.pub"));
}

/// Of 400 rows the first `wrong` are predicted wrongly.
fn predictions(wrong: u32) -> String {
    let rows =
        (0..400_u32).map(|i| format!("{i},{},{}\n", i % 2, if (i % 2 == 1) == (i >= wrong) { 0.9 } else { 0.1 }));
    rows.fold("row_id,y,p\n".to_string(), |text, row| text + &row)
}

#[test]
fn what_nobody_trusted_has_signed_is_no_baseline() {
    let Some(registry) = registry() else { return };
    let repo = Repo::with_config(&registry.repository("churn"));
    let key = key(&repo, "cosign.pub");
    let config = repo.read("mlops.yaml");
    let from = "metrics: [metrics.json]\n  gates: [f1 >= 0.5]";
    let to = "predictions: {file: p.csv, task: binary, label: y, score: p, id: row_id, in_record: true}\n  \
              baseline: production\n  first_run: accept\n  gates: [accuracy >= baseline - 5pp]";
    let unsigned = config.replace(from, to).replace("quality.f1 within 3% of", "quality.accuracy within 20% of");
    let required = unsigned.replace("      first_run: accept", "      require_signed: true\n      first_run: accept");
    let required = required.replace("promote: {", "promote: {require_signed: true, ");
    let required = format!("{required}signing: {{by: key, trust: [{{key: cosign.pub}}]}}\n");
    assert_eq!(required.matches("require_signed").count(), 2);

    let alone = |config: &str| {
        let compared = "baseline: production\n  first_run: accept\n  gates: [accuracy >= baseline - 5pp]";
        assert!(config.contains(compared), "{config}");
        config.replace(compared, "gates: [accuracy >= 0.5]")
    };

    // What runs is from before signatures were required.
    repo.write("mlops.yaml", &unsigned);
    repo.write("p.csv", &predictions(0));
    repo.commit();
    for args in [&["run"][..], &["promote", "staging"], &["promote", "prod"]] {
        repo.mlgate(args).exits(0);
    }
    repo.write("mlops.yaml", &required);
    repo.commit();
    let said = one_line(&with_key(&repo, &key, &["run"]).exits(4));
    let says = |said: &str, environment: &str| {
        for why in [
            &format!("which {environment} runs"),
            "no signed record",
            "must be signed by cosign.pub",
            "promote a signed",
        ] {
            assert!(said.contains(why), "{why}: {said}");
        }
    };
    says(&said, "prod");
    assert!(!said.contains("nothing is in production yet"), "{said}");
    // The promotion asks for itself: this run compares with nothing.
    repo.write("mlops.yaml", &alone(&required));
    repo.write("model/weights.txt", "1\n");
    repo.commit();
    with_key(&repo, &key, &["run"]).exits(0);
    let before = repo.read("k8s/overlays/staging/kustomization.yaml");
    says(&one_line(&with_key(&repo, &key, &["promote", "staging"]).exits(4)), "staging");
    assert_eq!(repo.read("k8s/overlays/staging/kustomization.yaml"), before);

    // The first that is signed goes there without; from then on it is required.
    repo.write("mlops.yaml", &alone(&required).replace("require_signed: true", "require_signed: false"));
    repo.commit();
    for args in [&["run"][..], &["promote", "staging"], &["promote", "prod"]] {
        with_key(&repo, &key, args).exits(0);
    }
    // Somebody who may push lets it look worse than it is: the same image, a later record, nobody's signature.
    repo.write("mlops.yaml", &alone(&unsigned));
    repo.write("p.csv", &predictions(150));
    repo.commit();
    let produced = repo.digest();
    repo.mlgate(&["run"]).exits(0);
    assert_eq!(repo.digest(), produced);

    repo.write("mlops.yaml", &required);
    repo.write("p.csv", &predictions(100));
    repo.write("model/weights.txt", "2\n");
    repo.commit();
    with_key(&repo, &key, &["run"]).exits(1);
    let record = repo.record();
    let verdict = record["verdicts"].as_array().unwrap().iter().find(|v| v["id"] == "quality.accuracy").unwrap();
    assert_eq!((&verdict["value"], &verdict["baseline"]), (&0.75.into(), &1.0.into()), "{verdict:#}");
    assert!(verdict["method"].as_str().unwrap().contains("400 rows joined on id"), "{verdict:#}");
    let said = one_line(&repo.mlgate(&["audit"]).exits(1));
    assert!(said.contains("is unsigned; expected a signature of cosign.pub"), "{said}");
    // Whose signatures count cannot be read: nothing counts.
    repo.write("cosign.pub", "nonsense");
    repo.commit();
    assert!(one_line(&with_key(&repo, &key, &["run"]).exits(4)).contains("read whose signatures count"));
}

#[test]
fn writers_at_the_same_time_keep_each_others_records_and_signatures() {
    let Some(registry) = registry() else { return };
    let repository = registry.repository("churn");
    let (repo, key) = signing_repo(&repository);
    let writers = 4;
    with_key(&repo, &key, &["run"]).exits(0);
    let digest = repo.digest();
    // Each a process of its own, in a folder of its own, with the same image.
    let copies: Vec<tempfile::TempDir> = (0..writers)
        .map(|_| {
            let copy = tempfile::tempdir().unwrap();
            let from = format!("{}/.", repo.root().display());
            assert!(Command::new("cp").args(["-r", &from]).arg(copy.path()).status().unwrap().success());
            copy
        })
        .collect();
    let running: Vec<_> = copies
        .iter()
        .map(|copy| {
            let mut command = mlgate(copy.path());
            command.arg("run").env("MLGATE_SIGNING_KEY", &key).stdout(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut writer in running {
        assert!(writer.wait().unwrap().success());
    }
    let tag = digest.replace(':', "-");
    let raw = |tag: &str| {
        let text = parts::skopeo(&["inspect", "--raw", "--tls-verify=false", &format!("docker://{repository}:{tag}")]);
        serde_json::from_str::<serde_json::Value>(&text.unwrap()).unwrap()
    };
    let index = raw(&tag);
    let bundles = index["manifests"].as_array().unwrap().iter();
    let bundles = bundles.filter(|entry| entry["artifactType"].as_str().unwrap().contains("sigstore.bundle")).count();
    // Three statements each, and every signature is another.
    assert_eq!(bundles, 3 * (writers + 1), "{index}");
    let attestations = raw(&format!("{tag}.att"));
    assert_eq!(attestations["layers"].as_array().unwrap().len(), 3 * (writers + 1), "{attestations}");
}

/// Hooks and filters of git, charts and plugins of kustomize: all of them run what others wrote.
#[test]
fn no_command_that_is_started_sees_the_keys() {
    const KEYS: [&str; 5] = [
        "MLGATE_SIGNING_KEY",
        "MLGATE_SIGNING_PASSWORD",
        "SIGSTORE_ID_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    ];
    let repo = Repo::with_config("localhost:1/churn");
    let overlay = "    overlay: k8s/overlays/prod\n";
    let config = repo.read("mlops.yaml").replace(overlay, &format!("{overlay}    renderer: kustomize\n"));
    repo.write("mlops.yaml", &config);
    let base = format!("file://{}//k8s/base", repo.root().display());
    repo.write("remote/kustomization.yaml", &format!("resources: ['{base}']\n"));
    repo.commit();
    let tools = tempfile::tempdir().unwrap();
    let script = |name: &str, then: &str| {
        let (path, log) = (tools.path().join(name), tools.path().join(format!("{name}.log")));
        let deployment = repo.path("k8s/base/deployment.yaml");
        let then = then.replace("DEPLOYMENT", &deployment.display().to_string());
        std::fs::write(&path, format!("#!/bin/sh\nenv >> {}\n{then}\n", log.display())).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        log
    };
    let kustomize = script("kustomize", "cat DEPLOYMENT");
    let git = script("git", "PATH=${PATH#*:} exec git \"$@\"");
    let path = format!("{}:{}", tools.path().display(), std::env::var("PATH").unwrap());
    let digest = format!("sha256:{}", "0".repeat(64));
    for (args, started) in [
        (&["render", "k8s/overlays/prod", "--renderer", "kustomize"][..], &[&kustomize][..]),
        (&["render", "remote", "--allow-remote"], &[&git]),
        (&["run", "overlay"], &[&kustomize, &git]),
        (&["diff", "prod", "--base", "HEAD"], &[&kustomize, &git]),
        (&["promote", "prod", "--dry-run", "--digest", &digest], &[&kustomize]),
    ] {
        let mut command = mlgate(repo.root());
        command.args(args).env("PATH", &path).envs(KEYS.map(|name| (name, "c2VjcmV0LXZhbHVl")));
        let said = Done(command.output().unwrap()).said();
        for log in started {
            let seen = std::fs::read_to_string(log).unwrap_or_else(|_| panic!("{args:?} did not start it: {said}"));
            assert!(seen.contains("PATH=") && KEYS.iter().all(|name| !seen.contains(name)), "{args:?}: {seen}");
        }
        for log in [&kustomize, &git] {
            let _ = std::fs::remove_file(log);
        }
    }
}
