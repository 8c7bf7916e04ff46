//! Which image was in production when: promotions for real, read back from the registry alone.

use crate::parts;
use crate::repo::Repo;
use crate::support::{mlgate, skipped};
use serde_json::Value;
use std::process::Command;

fn audit(repo: &Repo, args: &[&str], code: i32) -> Value {
    let said = repo.mlgate(&[&["audit", "--format", "json"], args].concat());
    let out = String::from_utf8(said.0.stdout.clone()).unwrap();
    said.exits(code);
    serde_json::from_str(&out).unwrap()
}

#[test]
fn promotions_are_told_with_their_evidence_and_what_does_not_fit_is_a_finding() {
    let registry = match parts::registry() {
        Ok(registry) => registry,
        Err(why) => return skipped(&why),
    };
    let repository = registry.repository("churn");
    let repo = Repo::with_config(&repository);
    let said = repo.mlgate(&["audit"]).exits(0);
    assert!(said.contains("nothing was promoted"), "{said}");

    let mut digests = Vec::new();
    for weights in ["1", "2"] {
        repo.write("model/weights.txt", weights);
        let commit = repo.commit();
        repo.mlgate(&["run"]).exits(0);
        digests.push((repo.digest(), commit));
        repo.mlgate(&["promote", "staging"]).exits(0);
        repo.commit();
    }
    let found = audit(&repo, &[], 0);
    let stays = found["environments"]["staging"].as_array().unwrap();
    assert_eq!(stays.len(), 2, "{found}");
    for (stay, (digest, commit)) in stays.iter().zip(&digests) {
        assert_eq!((&stay["digest"], &stay["commit"]), (&Value::from(digest.as_str()), &Value::from(commit.as_str())));
        assert_eq!(stay["evidence"]["decision"], "cleared");
        assert_eq!(stay["promotion_signed"], "unsigned");
        assert!(stay["git"]["author"] == "Test" && stay["git"]["commit"] != stay["commit"], "{stay}");
    }
    assert_eq!((&stays[0]["until"], &stays[1]["until"]), (&stays[1]["from"], &Value::Null));
    assert_eq!((&stays[0]["replaced"], &stays[1]["replaced"]), (&Value::Null, &Value::from(digests[0].0.as_str())));
    assert_eq!(found["environments"].as_object().unwrap().len(), 1);

    // The registry alone is enough; and each promotion can be read.
    let elsewhere = tempfile::tempdir().unwrap();
    let done = mlgate(elsewhere.path()).args(["audit", &repository, "--format", "markdown"]).output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success() && text.contains("## staging") && text.contains(&digests[0].0), "{text}");
    let shown = repo.mlgate(&["record", "list", &format!("{repository}:staging")]).exits(0);
    assert!(shown.contains("promote staging") && shown.contains("unsigned"), "{shown}");

    // Somebody moves the tag, and somebody commits a digest by hand.
    let (from, to) = (format!("docker://{repository}@{}", digests[0].0), format!("docker://{repository}:staging"));
    parts::skopeo(&["copy", "--src-tls-verify=false", "--dest-tls-verify=false", &from, &to]).unwrap();
    let overlay = "k8s/overlays/staging/kustomization.yaml";
    let by_hand = repo.read(overlay).replace(&digests[1].0, &format!("sha256:{}", "7".repeat(64)));
    repo.write(overlay, &by_hand);
    repo.commit();
    let found = audit(&repo, &[], 1);
    let findings = found["findings"].to_string();
    assert!(
        findings.contains("the tag `staging` points to") && findings.contains("no promotion is recorded"),
        "{findings}"
    );

    // Outside of a repository of git nothing is laid beside it.
    assert!(Command::new("rm").arg("-rf").arg(repo.path(".git")).status().unwrap().success());
    assert_eq!(audit(&repo, &[], 1)["environments"]["staging"][0]["git"], Value::Null);
    repo.mlgate(&["record", "list", &format!("{repository}:none")]).exits(4);
    repo.mlgate(&["record", "list", &repository]).exits(2);
}
