//! From a commit to production with a real registry: build without a daemon, push, attach the record, promote.

mod kserve;
mod pairs;

use crate::parts::{self, Registry, skopeo};
use crate::repo::{KUSTOMIZATION, Repo};
use crate::support::skipped;

fn registry() -> Option<Registry> {
    parts::registry().map_err(|why| skipped(&why)).ok()
}

fn digest_of_tag(repository: &str, tag: &str) -> String {
    skopeo(&["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &format!("docker://{repository}:{tag}")])
        .unwrap()
        .trim()
        .to_string()
}

#[test]
fn a_model_goes_to_staging_and_to_prod_and_a_worse_one_does_not() {
    let Some(registry) = registry() else { return };
    let repository = registry.repository("churn");
    let repo = Repo::with_config(&repository);
    let sha = repo.commit();

    // Build, push, attach: the tag is the commit, the digest the record's.
    repo.mlgate(&["run"]).exits(0);
    let first = repo.digest();
    assert_eq!(digest_of_tag(&repository, &sha), first);
    assert_eq!(repo.record()["image"]["pushed"], true);

    // The record comes back by digest alone, the same bytes that the run wrote.
    let shown = repo.mlgate(&["record", "show", &format!("{repository}@{first}")]).exits(0);
    assert_eq!(shown, repo.read(".mlgate/record.json"));

    // prod takes only what staging runs.
    let said = repo.mlgate(&["promote", "prod"]).exits(1);
    assert!(said.contains("promote to staging first"), "{said}");

    // A dry run says what it would do and does nothing.
    let before = repo.read("k8s/overlays/staging/kustomization.yaml");
    let said = repo.mlgate(&["promote", "staging", "--dry-run"]).exits(0);
    assert!(said.contains("would point") && said.contains(&format!("digest: {first}")), "{said}");
    assert_eq!(repo.read("k8s/overlays/staging/kustomization.yaml"), before);
    assert!(skopeo(&["inspect", "--tls-verify=false", &format!("docker://{repository}:staging")]).is_err());

    for environment in ["staging", "prod"] {
        repo.mlgate(&["promote", environment]).exits(0);
        assert_eq!(digest_of_tag(&repository, environment), first);
        let overlay = repo.read(&format!("k8s/overlays/{environment}/kustomization.yaml"));
        assert!(overlay.contains(&format!("digest: {first}")) && !overlay.contains("newTag"), "{overlay}");
        let kept = KUSTOMIZATION.replace("REPOSITORY", &repository);
        let kept: Vec<&str> = kept.lines().filter(|line| !line.contains("newTag")).collect();
        let (before, leads) = overlay.split_once("commonAnnotations:\n").unwrap();
        let found: Vec<&str> = before.lines().filter(|line| !line.contains("digest")).collect();
        assert_eq!(found, kept, "comments and layout stay");
        assert!(leads.contains("mlgate.dev/record: "), "{leads}");
        let rendered = repo.mlgate(&["render", &format!("k8s/overlays/{environment}")]).exits(0);
        assert!(rendered.contains(&format!("{repository}@{first}")), "{rendered}");
    }

    // A candidate that is 10 % worse clears its own gates, and not those against what runs.
    repo.write("metrics.json", "{\"f1\": 0.81, \"rows\": 1000}\n");
    repo.write("model/weights.txt", "0.1 0.2 0.4\n");
    repo.commit();
    repo.mlgate(&["run"]).exits(0);
    let second = repo.digest();
    assert_ne!(first, second);
    let before = repo.read("k8s/overlays/staging/kustomization.yaml");
    let said = repo.mlgate(&["promote", "staging"]).exits(1);
    assert!(said.contains("-10%"), "{said}");
    assert_eq!(repo.read("k8s/overlays/staging/kustomization.yaml"), before);
    assert_eq!(digest_of_tag(&repository, "staging"), first);

    // Back within 3 %, it goes on, and its baseline is what staging runs.
    repo.write("metrics.json", "{\"f1\": 0.89, \"rows\": 1000}\n");
    repo.commit();
    repo.mlgate(&["run"]).exits(0);
    repo.mlgate(&["promote", "staging"]).exits(0);
    let promotion: serde_json::Value = serde_json::from_str(&repo.read(".mlgate/promote-staging.json")).unwrap();
    let verdict = promotion["verdicts"].as_array().unwrap().iter().find(|v| v["id"] == "quality.f1").unwrap();
    assert_eq!(verdict["baseline"], 0.9);
    assert_eq!(promotion["run"]["environment"], "staging");
}

#[test]
fn the_same_inputs_give_the_same_digest_and_run_hash() {
    let Some(registry) = registry() else { return };
    let repository = registry.repository("churn");
    let mut found = Vec::new();
    for _ in 0..2 {
        let repo = Repo::with_config(&repository);
        // A fixed tag: the commits of the two folders differ in their times.
        let config = repo.read("mlops.yaml").replace("{{ git.sha }}", "v1");
        repo.write("mlops.yaml", &config);
        repo.commit();
        // The folders are named, and lie in different places.
        let folder = repo.root().display().to_string();
        repo.mlgate(&["-C", &folder, "run"]).exits(0);
        assert!(!repo.read(".mlgate/record.json").contains(&folder), "the record tells where it was made");
        found.push((repo.digest(), repo.record()["run"]["hash"].clone(), repo.record()["config"].clone()));
    }
    assert_eq!(found[0], found[1]);
}

#[test]
fn a_file_that_is_no_record_is_wrong_usage_wherever_it_is_named() {
    let repo = Repo::with_config("127.0.0.1:1/churn");
    for (text, why) in [("{}", "no `schema`"), ("rows", "read the record"), ("{\"schema\": 99}", "schema 99")] {
        repo.write("junk.json", text);
        for args in [&["report", "junk.json"][..], &["promote", "staging", "--record", "junk.json"]] {
            let said = repo.mlgate(args).exits(2);
            assert!(said.contains(why) && said.contains("junk.json"), "{args:?}: {said}");
        }
    }
    for args in [&["report", "none.json"][..], &["promote", "staging", "--record", "none.json"]] {
        assert!(repo.mlgate(args).exits(2).contains("cannot read none.json"));
    }
}

#[test]
fn nothing_is_promoted_without_a_cleared_and_complete_record() {
    let Some(mut registry) = registry() else { return };
    let repository = registry.repository("churn");
    let repo = Repo::with_config(&repository);
    let overlay = "k8s/overlays/staging/kustomization.yaml";
    let before = repo.read(overlay);

    let said = repo.mlgate(&["promote", "staging"]).exits(2);
    assert!(said.contains("no candidate"), "{said}");
    let said = repo.mlgate(&["promote", "nowhere"]).exits(2);
    assert!(said.contains("staging, prod"), "{said}");

    // A dry run builds and pushes nothing: the registry knows no record of that digest.
    let said = repo.mlgate(&["run", "--dry-run"]).exits(0);
    assert!(said.contains("dry run") && said.contains(&format!("would push {repository}:")), "{said}");
    let said = repo.mlgate(&["promote", "staging"]).exits(2);
    assert!(said.contains("is of a dry run"), "{said}");
    let said = repo.mlgate(&["promote", "staging", "--digest", &repo.digest()]).exits(4);
    assert!(said.contains("the registry does not have it"), "{said}");
    let said = repo.mlgate(&["promote", "staging", "--digest", &format!("other/repo@{}", repo.digest())]).exits(2);
    assert!(said.contains("mlops.yaml names"), "{said}");

    // A run that left a stage out pushes nothing, and says that it is not the whole story.
    let said = repo.mlgate(&["run", "data", "image"]).exits(0);
    assert!(said.contains("holds so far (2 stages left out)"), "{said}");
    let said = repo.mlgate(&["run", "data", "image", "--dry-run"]).exits(0);
    assert!(!said.contains("would push"), "{said}");
    repo.mlgate(&["promote", "staging"]).exits(2);

    // A blocked run pushes nothing.
    repo.write("metrics.json", "{\"f1\": 0.3}\n");
    repo.write("model/weights.txt", "0.9\n");
    repo.commit();
    repo.mlgate(&["run"]).exits(1);
    assert_eq!(repo.record()["image"], serde_json::Value::Null);
    repo.mlgate(&["promote", "staging"]).exits(2);

    // Another model's record does not count.
    repo.write("metrics.json", "{\"f1\": 0.9}\n");
    repo.commit();
    repo.mlgate(&["run"]).exits(0);
    let config = repo.read("mlops.yaml");
    repo.write("mlops.yaml", &config.replace("name: churn", "name: fraud"));
    let said = repo.mlgate(&["promote", "staging"]).exits(1);
    assert!(said.contains("of the model `churn`"), "{said}");

    // Nor does one that was judged by other rules.
    repo.write("mlops.yaml", &config.replace("f1 >= 0.5", "f1 >= 0.99"));
    let said = repo.mlgate(&["promote", "staging"]).exits(1);
    assert!(said.contains("mlops.yaml was another one"), "{said}");
    repo.write("mlops.yaml", &config);

    // A tag with the commit is not put on what differs from the commit; without such a tag, it is not promoted.
    repo.write("model/weights.txt", "0.7\n");
    let said = repo.mlgate(&["run"]).exits(4);
    assert!(said.contains("differ from the commit"), "{said}");
    assert!(!repo.path(".mlgate/record.json").exists(), "the record of the run before does not speak for this one");
    repo.write("mlops.yaml", &config.replace("{{ git.sha }}", "v1"));
    repo.mlgate(&["run"]).exits(0);
    let said = repo.mlgate(&["promote", "staging"]).exits(1);
    assert!(said.contains("files differed from commit"), "{said}");
    repo.write("mlops.yaml", &config);
    repo.write("model/weights.txt", "0.9\n");
    repo.mlgate(&["run"]).exits(0);

    // An older record of the same image does not stand in for a run that blocked.
    repo.write("metrics.json", "{\"f1\": 0.1}\n");
    repo.commit();
    repo.mlgate(&["run"]).exits(1);
    repo.mlgate(&["promote", "staging"]).exits(2);
    repo.write("metrics.json", "{\"f1\": 0.9}\n");
    repo.commit();
    repo.mlgate(&["run"]).exits(0);

    // A registry that is down ends in an error and a tree as it was.
    registry.stop();
    let said = repo.mlgate(&["promote", "staging"]).exits(4);
    assert!(said.contains("127.0.0.1"), "{said}");
    assert_eq!(repo.read(overlay), before);
    let said = repo.mlgate(&["run"]).exits(4);
    assert!(said.contains("127.0.0.1"), "{said}");
    assert_eq!(repo.record()["image"]["pushed"], false);
    assert_eq!(repo.record()["decision"]["outcome"], "blocked");
}

#[test]
fn production_is_a_baseline_for_the_next_run() {
    let Some(registry) = registry() else { return };
    let repository = registry.repository("churn");
    let repo = Repo::with_config(&repository);
    let config =
        repo.read("mlops.yaml").replace("gates: [f1 >= 0.5]", "baseline: production\n  gates: [f1 >= baseline - 1pp]");
    repo.write("mlops.yaml", &config);
    repo.commit();
    let said = repo.mlgate(&["run"]).exits(4);
    assert!(said.contains("first_run: accept"), "{said}");
    repo.write("mlops.yaml", &config.replace("baseline: production", "baseline: production\n  first_run: accept"));
    repo.commit();
    repo.mlgate(&["run"]).exits(0);
    repo.mlgate(&["promote", "staging"]).exits(0);
    repo.mlgate(&["promote", "prod"]).exits(0);
    repo.write("metrics.json", "{\"f1\": 0.88}\n");
    repo.commit();
    let said = repo.mlgate(&["run"]).exits(1);
    assert!(said.contains("0.9"), "{said}");
    assert_eq!(
        repo.record()["verdicts"].as_array().unwrap().iter().find(|v| v["id"] == "quality.f1").unwrap()["baseline"],
        0.9
    );
}

#[test]
fn an_image_of_the_engine_is_probed_pushed_and_promoted_by_one_digest() {
    let Some(registry) = registry() else { return };
    let engine = match parts::engine() {
        Ok(engine) => engine,
        Err(why) => return skipped(&why),
    };
    let repository = registry.repository("churn");
    let repo = Repo::with_config(&repository);
    std::fs::copy("/bin/busybox", repo.path("busybox")).unwrap();
    repo.write("www/index.html", "0.97\n");
    let dockerfile = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY www /www\n\
        ENTRYPOINT [\"/bin/busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]\n";
    repo.write("Dockerfile", dockerfile);
    let layers = "layers: [{name: model, files: [model/], to: /model}]";
    let latency = "latency: {port: 8080, ready: /index.html, rate: 200/s, warmup: 200ms, duration: 1s, \
        request: {path: /index.html}, gates: [p95 < 2s, error_rate < 20%]}";
    let config = repo
        .read("mlops.yaml")
        .replace(layers, "dockerfile: Dockerfile")
        .replace("image.size < 1MB", "latency.p95 < 2s");
    repo.write("mlops.yaml", &format!("{config}{latency}\n"));
    let sha = repo.commit();
    let with_engine = |args: &[&str]| {
        let mut command = crate::support::mlgate(repo.root());
        crate::repo::Done(command.args(args).env("DOCKER_HOST", &engine.host).output().unwrap())
    };
    with_engine(&["run"]).exits(0);
    let digest = repo.digest();
    assert_eq!(digest_of_tag(&repository, &sha), digest);
    let record = repo.record();
    let p95 = record["measurements"].as_array().unwrap().iter().find(|m| m["id"] == "latency.p95").unwrap();
    assert!(p95["value"].as_f64().unwrap() > 0.0 && p95["n"].as_u64().unwrap() > 10, "{p95}");
    for environment in ["staging", "prod"] {
        repo.mlgate(&["promote", environment]).exits(0);
        assert_eq!(digest_of_tag(&repository, environment), digest);
    }
}

#[test]
fn an_overlay_that_cannot_be_read_is_no_first_run() {
    let Some(registry) = registry() else { return };
    let repo = Repo::with_config(&registry.repository("churn"));
    repo.mlgate(&["run"]).exits(0);
    for broken in ["images: 3\n", "images: [{name: [}\n", "resources: ../../base\nimages:\n  - name: 7\n"] {
        repo.write("k8s/overlays/staging/kustomization.yaml", broken);
        let said = repo.mlgate(&["promote", "staging"]).exits(4);
        assert!(said.contains("k8s/overlays/staging/kustomization.yaml"), "{said}");
        assert_eq!(repo.read("k8s/overlays/staging/kustomization.yaml"), broken);
    }
}

#[test]
fn what_counts_is_what_the_overlay_renders() {
    let Some(registry) = registry() else { return };
    let repository = registry.repository("churn");
    let repo = Repo::with_config(&repository);
    repo.mlgate(&["run"]).exits(0);
    let digest = repo.digest();
    let overlay = "k8s/overlays/staging/kustomization.yaml";
    let rendered = |repo: &Repo| repo.mlgate(&["render", "k8s/overlays/staging"]).exits(0);

    // An entry that renames the base's image is the one to change.
    let base = repo.read("k8s/base/deployment.yaml");
    repo.write("k8s/base/deployment.yaml", &base.replace(&repository, "churn"));
    let entry =
        format!("resources: [../../base]\nimages:\n- name: churn\n  newName: {repository} # ours\n  newTag: none\n");
    repo.write(overlay, &entry);
    repo.write("k8s/overlays/prod/kustomization.yaml", &entry);
    repo.commit();
    repo.mlgate(&["run"]).exits(0);
    let digest = if repo.digest() == digest { digest } else { repo.digest() };
    repo.mlgate(&["promote", "staging"]).exits(0);
    let promoted = repo.read(overlay);
    assert!(promoted.starts_with(&entry.replace("newTag: none", &format!("digest: {digest}"))), "{promoted}");
    assert!(rendered(&repo).contains(&format!("{repository}@{digest}")));

    // A promotion can be repeated: the image does not differ from itself.
    let said = repo.mlgate(&["promote", "staging"]).exits(0);
    assert!(said.contains("runs the candidate already"), "{said}");
    assert_eq!(repo.read(overlay), promoted);

    // Two entries, no container of the model, a name that leads elsewhere: nothing is changed.
    let digest_of_none = format!("sha256:{}", "0".repeat(64));
    for (text, why) in [
        (format!("{entry}- name: {repository}\n  newTag: none\n"), "2 entries lead to"),
        ("resources: [../../base]\n".to_string(), "no container runs"),
        (
            format!(
                "resources: [../../base]\nimages:\n- {{name: churn, newName: {repository}, digest: '{digest_of_none}'}}\n"
            ),
            "the registry has neither this image nor a record",
        ),
    ] {
        repo.write(overlay, &text);
        let said = repo.mlgate(&["promote", "staging"]).exits(4);
        assert!(said.contains(why), "{why}: {said}");
        assert_eq!(repo.read(overlay), text);
    }
}

#[test]
fn a_running_pod_leads_to_its_evidence() {
    let Some(registry) = registry() else { return };
    let repository = registry.repository("churn");
    let repo = Repo::with_config(&repository);
    let sha = repo.commit();
    repo.mlgate(&["run"]).exits(0);
    let record = repo.read(".mlgate/record.json");
    let overlay = "k8s/overlays/staging/kustomization.yaml";
    let said = repo.mlgate(&["promote", "staging", "--dry-run"]).exits(0);
    assert!(said.contains("+ commonAnnotations:") && said.contains("-     newTag: none"), "{said}");
    assert!(!said.contains("- resources:"), "only what changes is shown: {said}");
    repo.mlgate(&["promote", "staging"]).exits(0);

    // What a cluster would run: the annotations are those of the pods.
    let rendered = repo.mlgate(&["render", "k8s/overlays/staging"]).exits(0);
    let (_, template) = rendered.split_once("  template:\n    metadata:\n      annotations:\n").unwrap();
    let annotation = |name: &str| {
        let line = template.lines().find(|line| line.trim_start().starts_with(&format!("mlgate.dev/{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in\n{rendered}"))
            .split_once(": ")
            .unwrap()
            .1
            .trim_matches('"')
            .to_string()
    };
    assert_eq!((annotation("model"), annotation("model-version")), ("churn".into(), sha));
    assert_eq!(annotation("run"), repo.record()["run"]["hash"].as_str().unwrap());
    let shown = repo.mlgate(&["record", "show", &annotation("record")]).exits(0);
    assert_eq!(shown, record, "the annotation names the artifact that carries the record");

    // The next model changes the same lines; what a person added stays.
    let mine = repo.read(overlay).replace("commonAnnotations:\n", "commonAnnotations:\n  team: risk # ours\n");
    repo.write(overlay, &mine);
    repo.write("model/weights.txt", "0.3\n");
    let next = repo.commit();
    repo.mlgate(&["run"]).exits(0);
    repo.mlgate(&["promote", "staging"]).exits(0);
    let now = repo.read(overlay);
    assert!(now.contains("  team: risk # ours\n") && now.contains(&next), "{now}");
    assert_eq!(now.lines().count(), mine.lines().count(), "{now}");

    // What cannot be edited in its lines is not edited at all.
    let (others, _) = mine.split_once("commonAnnotations:\n").unwrap();
    let shared = format!("{others}commonAnnotations:\n  mlgate.dev/record: &record old\n");
    repo.write(overlay, &shared);
    let said = repo.mlgate(&["promote", "staging"]).exits(4);
    assert!(said.contains("change the annotations in k8s/overlays/staging") && said.contains("as a block"), "{said}");
    assert_eq!(repo.read(overlay), shared);

    // A kind whose pods Kustomize does not know is told, and where its place is named it is annotated.
    repo.write(overlay, &mine);
    let deployment = repo.read("k8s/base/deployment.yaml");
    let rollout = deployment.replace("apps/v1", "argoproj.io/v1alpha1").replace("kind: Deployment", "kind: Rollout");
    repo.write("k8s/base/deployment.yaml", &rollout);
    repo.commit();
    repo.mlgate(&["run"]).exits(0);
    let said = repo.mlgate(&["promote", "staging", "--dry-run"]).exits(0);
    assert!(said.contains("the pods of Rollout churn do not get the annotations"), "{said}");
    let place = "commonAnnotations:\n- {path: spec/template/metadata/annotations, kind: Rollout, create: true}\n";
    repo.write("k8s/overlays/staging/place.yaml", place);
    repo.write(overlay, &format!("configurations: [place.yaml]\n{mine}"));
    let said = repo.mlgate(&["promote", "staging", "--dry-run"]).exits(0);
    assert!(!said.contains("do not get the annotations"), "{said}");
}
