//! Data added and pushed by DVC itself, verified and read without it.

use super::parts::S3;
use super::{csv, fault, passed, run, sha256, sources, tracked};
use crate::support::{has, mlgate, skipped};
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

/// What is not what DVC tracks is not only found out as a data set of its own: nothing is compared with it.
#[test]
fn nothing_is_compared_with_what_is_not_tracked_so() {
    let Some(dir) = repository() else { return };
    let root = dir.path();
    let config = "version: 1\nmodel: {name: m}\ndata:\n  new:\n    source: new.csv\n    \
                  checks: [id references users.id, shared(id) with users <= 100%]\n    drift: {against: users}\n  \
                  users: {source: data/train.csv, tracked_by: dvc, checks: [rows >= 1]}\n";
    std::fs::write(root.join("mlops.yaml"), config).unwrap();
    std::fs::write(root.join("new.csv"), csv(12)).unwrap();
    let outcomes = |code: i32| -> Vec<(String, String, String)> {
        let done = mlgate(root).args(["run", "data"]).output().unwrap();
        assert_eq!(done.status.code(), Some(code), "{}", String::from_utf8_lossy(&done.stdout));
        let record = std::fs::read(root.join(".mlgate/record.json")).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        let text = |check: &serde_json::Value, key: &str| check[key].as_str().unwrap_or_default().to_string();
        let found = record["checks"].as_array().unwrap().iter();
        let found = found.map(|check| (text(check, "id"), text(check, "outcome"), text(check, "message")));
        found.collect()
    };
    let good = outcomes(0);
    assert!(good.iter().all(|(_, outcome, _)| outcome == "passed") && good.len() >= 6, "{good:#?}");
    std::fs::remove_file(root.join("data/train.csv")).unwrap();
    std::fs::write(root.join("data/train.csv"), csv(13)).unwrap();
    let found = outcomes(1);
    for check in ["id references users.id", "shared(id) with users <= 100%"] {
        let (_, outcome, message) = found.iter().find(|(id, ..)| *id == format!("data.new.{check}")).unwrap();
        assert!(outcome == "errored" && message.contains("data/train.csv.dvc says"), "{outcome}: {message}");
    }
    assert!(!found.iter().any(|(id, ..)| id.starts_with("data.new.drift")), "{found:#?}");
    let (_, outcome, _) = found.iter().find(|(id, ..)| id == "data.users.tracked by dvc").unwrap();
    assert_eq!(outcome, "failed");
}

/// A folder whose list leaves files out, by patterns of each kind.
#[tokio::test]
async fn what_dvcignore_leaves_out_is_not_part_of_a_folder() {
    let Some(dir) = repository() else { return };
    let root = dir.path();
    std::fs::write(root.join(".dvcignore"), "# notes\n*.tmp\n/data/live/raw/\nold*\n!old-but-good.csv\n").unwrap();
    std::fs::write(root.join("data/.dvcignore"), "live/b.csv\n").unwrap();
    let files = ["a.csv", "b.csv", "c.tmp", "raw/d.csv", "old/e.csv", "old-1.csv", "old-but-good.csv"];
    for name in files {
        let path = root.join("data/live").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, csv(2)).unwrap();
    }
    dvc(root, &["add", "-q", "data/live"]);
    for with_cache in [true, false] {
        if !with_cache {
            std::fs::remove_dir_all(root.join(".dvc/cache")).unwrap();
        }
        for source in ["data/live/a.csv", "data/live/{a,old-but-good}.csv"] {
            passed(&check(root, source, &[]).await);
        }
        let evidence = check(root, "data/live/**/*.csv", &[]).await;
        let found = tracking(&evidence);
        assert_eq!((found.outcome, found.value, found.n), (Outcome::Failed, Some(4.0), Some(6)), "{found:#?}");
        assert!(found.examples.iter().all(|example| example.contains("as .dvcignore leaves it out")), "{found:#?}");
    }
    // Without the cache the folder's files prove its hash, and what is left out must not matter to it.
    std::fs::write(root.join("data/live/more.tmp"), "x").unwrap();
    passed(&check(root, "data/live/a.csv", &[]).await);
    std::fs::write(root.join("data/live/more.csv"), "x").unwrap();
    assert_eq!(tracking(&check(root, "data/live/a.csv", &[]).await).outcome, Outcome::Failed);
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
