//! Data added and pushed by DVC itself, verified and read without it.

use super::parts::S3;
use super::{csv, fault, passed, run, sha256, sources, tracked};
use crate::support::{has, skipped};
use mlgate::config::Tracker;
use mlgate::model::{Check, Evidence, Outcome};
use std::path::Path;
use std::process::Command;

fn dvc(root: &Path, args: &[&str]) {
    let mut command = Command::new("dvc");
    command.args(args).current_dir(root).env("DVC_NO_ANALYTICS", "1");
    let done = command.output().unwrap();
    assert!(done.status.success(), "dvc {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A repository with a tracked file and a tracked folder; None where DVC is not installed.
fn repository() -> Option<tempfile::TempDir> {
    if !has("dvc") {
        skipped("dvc is not installed");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    std::fs::create_dir_all(root.join("data/parts/é\"x")).unwrap();
    std::fs::write(root.join("data/train.csv"), csv(12)).unwrap();
    std::fs::write(root.join("data/parts/a.csv"), csv(3).replace('\n', "\r\n")).unwrap();
    std::fs::write(root.join("data/parts/é\"x/b.csv"), csv(4)).unwrap();
    dvc(root, &["init", "--no-scm", "-q"]);
    dvc(root, &["add", "-q", "data/train.csv", "data/parts"]);
    Some(dir)
}

async fn check(root: &Path, source: &str, variables: &[(&str, &str)]) -> Evidence {
    run(root, &sources(root, variables), &[tracked(source, Tracker::Dvc)]).await
}

#[track_caller]
fn tracking(evidence: &Evidence) -> &Check {
    evidence
        .checks
        .iter()
        .find(|check| check.id == "data.train.tracked by dvc")
        .unwrap_or_else(|| panic!("{evidence:#?}"))
}

#[tokio::test]
async fn what_dvc_added_matches_and_what_was_changed_does_not() {
    let Some(dir) = repository() else { return };
    let root = dir.path();
    let (rows, inputs) = passed(&check(root, "data/train.csv", &[]).await);
    assert_eq!((rows, &inputs[0].1), (12.0, &sha256(csv(12).as_bytes())));
    for source in ["data/parts/**/*.csv", "data/parts/a.csv", "data/**/*.csv", "./data/parts/*.csv"] {
        let evidence = check(root, source, &[]).await;
        passed(&evidence);
        assert_eq!(tracking(&evidence).outcome, Outcome::Passed, "{source}");
    }
    // Without the cache the folder's own files prove its hash.
    std::fs::rename(root.join(".dvc/cache"), root.join("aside")).unwrap();
    passed(&check(root, "data/parts/**/*.csv", &[]).await);

    let changed = csv(3).replace('2', "7");
    std::fs::remove_file(root.join("data/parts/a.csv")).unwrap();
    std::fs::write(root.join("data/parts/a.csv"), changed).unwrap();
    let evidence = check(root, "data/parts/**/*.csv", &[]).await;
    assert_eq!(tracking(&evidence).outcome, Outcome::Failed);
    assert!(tracking(&evidence).examples[0].contains(".dir, and data/parts.dvc says"), "{:?}", tracking(&evidence));

    std::fs::rename(root.join("aside"), root.join(".dvc/cache")).unwrap();
    std::fs::write(root.join("data/parts/new.csv"), csv(1)).unwrap();
    std::fs::remove_file(root.join("data/parts/é\"x/b.csv")).unwrap();
    let evidence = check(root, "data/parts/**/*.csv", &[]).await;
    let found = tracking(&evidence);
    assert_eq!((found.outcome, found.value, found.n), (Outcome::Failed, Some(3.0), Some(2)), "{found:#?}");
    let all = found.examples.join("\n");
    for part in ["b.csv is missing", "new.csv is not tracked", "data/parts/a.csv: md5 "] {
        assert!(all.contains(part), "{all}");
    }
    assert!(found.message.contains("data/parts.dvc"), "{found:#?}");

    std::fs::write(root.join("free.csv"), csv(1)).unwrap();
    let said = fault(&check(root, "free.csv", &[]).await);
    assert!(said.contains("dvc add free.csv"), "{said}");
}

#[tokio::test]
async fn what_the_workspace_lacks_comes_from_the_cache_or_the_remote() {
    let Some(dir) = repository() else { return };
    let root = dir.path();
    let near = tempfile::tempdir().unwrap();
    let config = format!(
        "[core]\n    no_scm = True\n    remote = near\n['remote \"near\"']\n    url = {}\n",
        near.path().display()
    );
    std::fs::write(root.join(".dvc/config"), config).unwrap();
    dvc(root, &["push", "-q"]);
    std::fs::remove_file(root.join("data/train.csv")).unwrap();
    std::fs::remove_dir_all(root.join("data/parts")).unwrap();
    let read = |source: &'static str| check(root, source, &[]);
    let whole = (12.0, vec![("data/train.csv".to_string(), sha256(csv(12).as_bytes()))]);
    assert_eq!(passed(&read("data/train.csv").await), whole);
    assert_eq!(passed(&read("data/parts/**/*.csv").await).0, 7.0);
    std::fs::remove_dir_all(root.join(".dvc/cache")).unwrap();
    assert_eq!(passed(&read("data/train.csv").await), whole);
    assert_eq!(passed(&read("data/parts/**/*.csv").await).0, 7.0);

    for entry in walkdir::WalkDir::new(near.path()).into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
        let mut mode = entry.metadata().unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o644);
        std::fs::set_permissions(entry.path(), mode).unwrap();
        if entry.path().extension().is_none_or(|e| e != "dir") {
            std::fs::write(entry.path(), "id\n1\n").unwrap();
        }
    }
    let evidence = read("data/train.csv").await;
    assert_eq!(tracking(&evidence).outcome, Outcome::Failed, "a damaged remote passes nothing");
    std::fs::remove_dir_all(near.path()).unwrap();
    let said = fault(&read("data/train.csv").await);
    assert!(said.contains("dvc push"), "{said}");
}

#[tokio::test]
async fn a_remote_in_a_bucket_is_read_and_verified() {
    let Some(dir) = repository() else { return };
    let root = dir.path();
    let s3 = match S3::start(&[]).await {
        Ok(s3) => s3,
        Err(why) => return skipped(&why),
    };
    let config = format!(
        "[core]\n    no_scm = True\n    remote = far\n['remote \"far\"']\n    url = s3://box/store\n    endpointurl = {}\n    region = us-east-1\n",
        s3.part.base
    );
    std::fs::write(root.join(".dvc/config"), config).unwrap();
    let keys = format!("['remote \"far\"']\n    access_key_id = {}\n    secret_access_key = {}\n", s3.key, s3.secret);
    std::fs::write(root.join(".dvc/config.local"), keys).unwrap();
    dvc(root, &["push", "-q"]);
    std::fs::remove_dir_all(root.join(".dvc/cache")).unwrap();
    std::fs::remove_file(root.join("data/train.csv")).unwrap();
    std::fs::remove_dir_all(root.join("data/parts")).unwrap();
    let (rows, inputs) = passed(&check(root, "data/train.csv", &[]).await);
    assert_eq!((rows, inputs), (12.0, vec![("data/train.csv".to_string(), sha256(csv(12).as_bytes()))]));
    assert_eq!(passed(&check(root, "data/parts/**/*.csv", &[]).await).0, 7.0);
    std::fs::remove_file(root.join(".dvc/config.local")).unwrap();
    s3.lock().await;
    let wrong = [("AWS_ACCESS_KEY_ID", s3.key.as_str()), ("AWS_SECRET_ACCESS_KEY", "notthissecret")];
    let said = fault(&check(root, "data/train.csv", &wrong).await);
    assert!(said.contains("SignatureDoesNotMatch"), "{said}");
}
