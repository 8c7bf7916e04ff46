//! An image from its build to its end, as its owner lives through it: the binary builds, pushes and promotes it; Docker
//! and skopeo say what they found in the registry; then it is deleted there.

use crate::parts::{self, Registry, skopeo};
use crate::repo::Repo;
use crate::support::{has, mlgate, skipped};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

const DOCKERFILE: &str = "FROM scratch\nCOPY bin/busybox /bin/busybox\nCOPY model /model\nUSER 1000\n\
    ENTRYPOINT [\"/bin/busybox\", \"cat\", \"/model/weights.txt\"]\n";
const BY_ENGINE: &str = "  dockerfile: Dockerfile";
const BY_LAYERS: &str = "  layers: [{name: tools, files: [bin/], to: /bin}, {name: model, files: [model/], to: /model}]
  entrypoint: [/bin/busybox, cat, /model/weights.txt]
  user: \"1000\"";

/// A model's repository whose image prints its weights.
fn repo(repository: &str, how: &str) -> Repo {
    let repo = Repo::with_config(repository);
    let plain = "  layers: [{name: model, files: [model/], to: /model}]";
    let config = repo.read("mlops.yaml").replace(plain, how).replace("image.size < 1MB", "image.size < 10MB");
    repo.write("mlops.yaml", &config);
    repo.write("Dockerfile", DOCKERFILE);
    fs::create_dir(repo.path("bin")).unwrap();
    fs::copy("/bin/busybox", repo.path("bin/busybox")).unwrap();
    repo.commit();
    repo
}

/// What Docker's own client says.
fn docker(host: &str, arguments: &[&str]) -> String {
    let done = Command::new("docker").args(["-H", host]).args(arguments).output().unwrap();
    assert!(done.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_string()
}

fn tag_of(repository: &str, tag: &str) -> Option<String> {
    let name = format!("docker://{repository}:{tag}");
    skopeo(&["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &name]).ok().map(|out| out.trim().to_string())
}

/// Digests of the artifacts that the fallback list names.
fn listed(repository: &str, digest: &str, kind: &str) -> Vec<String> {
    let name = format!("docker://{repository}:{}", digest.replace(':', "-"));
    let index: Value =
        serde_json::from_str(&skopeo(&["inspect", "--raw", "--tls-verify=false", &name]).unwrap()).unwrap();
    let all = index["manifests"].as_array().unwrap().iter();
    let of_kind = all.filter(|entry| entry["artifactType"].as_str().is_some_and(|found| found.contains(kind)));
    of_kind.map(|entry| entry["digest"].as_str().unwrap().to_string()).collect()
}

#[test]
fn an_image_is_built_both_ways_pushed_pulled_run_promoted_and_deleted() {
    let registry = match parts::registry() {
        Ok(registry) if has("docker") && Path::new("/bin/busybox").exists() => registry,
        Ok(_) => return skipped("docker and busybox are not both installed"),
        Err(why) => return skipped(&why),
    };
    let engine = match parts::engine() {
        Ok(engine) => engine,
        Err(why) => return skipped(&why),
    };
    for (name, how) in [("engine", BY_ENGINE), ("layers", BY_LAYERS)] {
        let repository = registry.repository(name);
        let repo = repo(&repository, how);
        let said = |arguments: &[&str], code: i32| {
            let mut command = mlgate(repo.root());
            crate::repo::Done(command.env("DOCKER_HOST", &engine.host).args(arguments).output().unwrap()).exits(code)
        };
        said(&["run"], 0);
        let (digest, commit) = (repo.digest(), repo.record()["run"]["commit"]["sha"].as_str().unwrap().to_string());
        let reference = format!("{repository}@{digest}");

        // Skopeo, which checks every digest on the way, and Docker's own client take it for what it should be.
        assert_eq!(tag_of(&repository, &commit), Some(digest.clone()));
        let copy = tempfile::tempdir().unwrap();
        let to = format!("oci:{}:it", copy.path().display());
        skopeo(&["copy", "--src-tls-verify=false", &format!("docker://{reference}"), &to]).unwrap();
        docker(&engine.host, &["pull", "--quiet", &reference]);
        let digests = docker(&engine.host, &["image", "inspect", "--format", "{{json .RepoDigests}}", &reference]);
        assert!(digests.contains(&reference), "{digests}");
        assert_eq!(docker(&engine.host, &["image", "inspect", "--format", "{{.Config.User}}", &reference]), "1000");
        assert_eq!(docker(&engine.host, &["run", "--rm", "--network=none", &reference]), "0.1 0.2 0.3");

        // Its record by its digest; a tag that follows the promotion.
        let shown: Value = serde_json::from_str(&said(&["record", "show", &reference], 0)).unwrap();
        assert_eq!(shown["image"]["digest"], digest.as_str());
        said(&["promote", "staging"], 0);
        repo.commit();
        assert_eq!(tag_of(&repository, "staging"), Some(digest.clone()));
        said(&["audit"], 0);

        is_told_when_deleted(&registry, name, &repo, &digest, &said);
        docker(&engine.host, &["image", "rm", "--force", &reference]);
    }
}

/// Deletes the image, then its records, then everything, and brings it back.
fn is_told_when_deleted(
    registry: &Registry,
    name: &str,
    repo: &Repo,
    digest: &str,
    said: &impl Fn(&[&str], i32) -> String,
) {
    let repository = &registry.repository(name);
    let reference = format!("{repository}@{digest}");
    assert!(registry.delete(name, digest));
    assert_eq!(tag_of(repository, "staging"), None, "the registry deletes the tags too");
    let shown = said(&["record", "show", &reference], 0);
    assert!(shown.contains("itself is no longer in the registry"), "{shown}");
    let shown = said(&["record", "list", &reference], 0);
    assert!(shown.contains("is not in the registry") && shown.contains("promote staging"), "{shown}");
    said(&["record", "list", &format!("{repository}:staging")], 4);
    let found = said(&["audit"], 1);
    assert!(found.contains("staging: the image is no longer in the registry"), "{found}");
    assert!(found.contains("image      no longer in the registry"), "{found}");
    for dry_run in [&["promote", "prod", "--dry-run"][..], &["promote", "prod"]] {
        let blocked = said(dry_run, 4);
        assert!(blocked.contains("the registry does not have it") && blocked.contains("mlgate run"), "{blocked}");
    }

    // The record's artifact alone, as a rule that deletes what has no tag would.
    for artifact in listed(repository, digest, "record") {
        assert!(registry.delete(name, &artifact));
    }
    let gone = said(&["record", "show", &reference], 4);
    assert!(gone.contains("was deleted from the registry, though it is listed; so was the image"), "{gone}");
    let shown = said(&["record", "list", &reference], 4);
    assert!(shown.contains("not read: sha256:") && shown.contains("it is listed, and was deleted"), "{shown}");

    // The same commit makes the same image; a record that was deleted does not stand in the way of the new one.
    said(&["run"], 0);
    said(&["record", "show", &reference], 0);
    said(&["promote", "staging"], 0);
    let commit = repo.commit();

    let index = format!("docker://{repository}:{}", digest.replace(':', "-"));
    let index = digest_of(&skopeo(&["inspect", "--raw", "--tls-verify=false", &index]).unwrap());
    assert!(registry.delete(name, &index) && registry.delete(name, digest));
    let gone = said(&["record", "show", &reference], 4);
    assert!(gone.contains("neither this image nor a record of it"), "{gone}");
    said(&["run"], 0);
    let list = said(&["record", "list", &reference], 0);
    assert!(!list.contains("promote") && list.contains("cleared"), "{list}");
    assert_eq!(tag_of(repository, &commit).as_deref(), Some(digest));
}

/// As skopeo computes it.
fn digest_of(manifest: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), manifest).unwrap();
    skopeo(&["manifest-digest", &file.path().display().to_string()]).unwrap().trim().to_string()
}

/// A record without its times, and without the commit, whose name its time is part of.
fn timeless(record: &Value) -> Value {
    let mut record = record.clone();
    for field in ["started", "finished", "commit"] {
        record["run"][field] = Value::Null;
    }
    record["stages"].as_array_mut().unwrap().iter_mut().for_each(|stage| stage["seconds"] = Value::Null);
    record
}

#[test]
fn the_same_inputs_in_two_folders_give_the_same_image_and_the_same_record() {
    let registry = match parts::registry() {
        Ok(registry) if Path::new("/bin/busybox").exists() => registry,
        Ok(_) => return skipped("busybox is not installed"),
        Err(why) => return skipped(&why),
    };
    let how = BY_LAYERS.replace("  user:", "  attest: [sbom, test_result]\n  user:");
    let repository = registry.repository("churn");
    let (first, second) = (repo(&repository, &how), repo(&repository, &how));
    for repo in [&first, &second] {
        // The commit has the time of its making in it.
        repo.write("mlops.yaml", &repo.read("mlops.yaml").replace("{{ git.sha }}", "v1"));
        repo.commit();
    }
    for file in ["model/weights.txt", "bin/busybox", "train.csv", "metrics.json", "mlops.yaml"] {
        let file = second.path(file);
        let mode = if file.ends_with("busybox") { 0o700 } else { 0o600 };
        fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        let _ = chown(&file, Some(1234), Some(1234));
    }
    first.mlgate(&["run"]).exits(0);
    // What mlgate itself writes has another mode there.
    let script = "umask 077; exec \"$0\" run";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_mlgate")]).current_dir(second.root()).env_clear();
    for name in ["PATH", "HOME"] {
        command.env(name, std::env::var_os(name).unwrap_or_default());
    }
    crate::repo::Done(command.output().unwrap()).exits(0);
    assert_eq!(first.digest(), second.digest());
    let (first, second) = (timeless(&first.record()), timeless(&second.record()));
    assert_eq!(first, second);
    assert!(first["run"]["hash"].as_str().is_some_and(|hash| hash.starts_with("sha256:")), "{first}");
}
