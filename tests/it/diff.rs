//! `mlgate diff`: a change of an environment as rendered objects, the base taken from git's objects.

use crate::repo::{Done, Repo};
use crate::support::mlgate;
use serde_json::Value;

/// A repository with one environment, committed; what is changed afterwards is the change.
fn repo() -> Repo {
    let repo = Repo::new("ghcr.io/acme/churn");
    let config = "version: 1\nmodel: {name: churn}\nenvironments: {prod: {overlay: k8s/overlays/prod}}\n";
    repo.write("mlops.yaml", config);
    repo.write(
        "k8s/base/kustomization.yaml",
        "resources: [deployment.yaml, service.yaml]\n\
         configMapGenerator: [{name: settings, literals: [level=info]}]\n\
         secretGenerator: [{name: account, literals: [password=first-secret]}]\n",
    );
    repo.write(
        "k8s/base/service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: churn}\nspec: {ports: [{port: 80}]}\n",
    );
    repo.commit();
    repo
}

fn change(repo: &Repo, file: &str, from: &str, to: &str) {
    let text = repo.read(file);
    assert!(text.contains(from), "{file}: {text}");
    repo.write(file, &text.replace(from, to));
}

fn change_all(repo: &Repo) {
    change(repo, "k8s/overlays/prod/kustomization.yaml", "newTag: none", "newTag: v2");
    change(repo, "k8s/base/kustomization.yaml", "level=info", "level=debug");
    change(repo, "k8s/base/kustomization.yaml", "first-secret", "second-secret");
    change(repo, "k8s/base/kustomization.yaml", ", service.yaml", ", account.yaml");
    repo.write("k8s/base/account.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: churn}\n");
}

#[test]
fn a_change_is_told_object_by_object_and_field_by_field() {
    let repo = repo();
    let said = repo.mlgate(&["diff", "prod", "--base", "HEAD"]).exits(0);
    assert!(said.contains("no difference, 4 unchanged"), "{said}");

    change_all(&repo);
    let said = repo.mlgate(&["diff", "prod", "--base", "HEAD"]).exits(0);
    for line in [
        "+ ServiceAccount churn\n    apiVersion: v1\n    kind: ServiceAccount\n",
        "- Service churn\n",
        "~ Deployment churn\n",
        "    spec.template.spec.containers[model].image: ghcr.io/acme/churn:none → ghcr.io/acme/churn:v2\n",
        "    data.level: info → debug\n",
        "    data.password: (hidden) → (hidden)\n",
        "1 added, 3 changed, 1 removed, 0 unchanged",
    ] {
        assert!(said.contains(line), "{line} is missing in\n{said}");
    }
    assert!(
        regex::Regex::new(r"~ ConfigMap settings-\w{10} \(was settings-\w{10}\)\n").unwrap().is_match(&said),
        "{said}"
    );
    assert!(!said.contains('\u{1b}'), "no colours in a pipe");
    // Values of secrets, as they are and as base64 has them, in no format.
    for format in ["text", "json", "markdown"] {
        let said = repo.mlgate(&["diff", "prod", "--base", "HEAD", "--format", format]).exits(0);
        for secret in ["first-secret", "second-secret", "Zmlyc3Qtc2VjcmV0", "c2Vjb25kLXNlY3JldA"] {
            assert!(!said.contains(secret), "{format}: {said}");
        }
    }
}

#[test]
fn json_and_markdown_say_the_same() {
    let repo = repo();
    change_all(&repo);
    let said = repo.mlgate(&["diff", "prod", "--base", "HEAD", "--format", "json"]).exits(0);
    let json: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(json["summary"], serde_json::json!({"added": 1, "changed": 3, "removed": 1, "unchanged": 0}));
    assert_eq!(json["base"]["has_overlay"], true);
    let deployment = json["objects"].as_array().unwrap().iter().find(|o| o["kind"] == "Deployment").unwrap();
    let field = &deployment["fields"][0];
    assert_eq!(field["path"], "spec.template.spec.containers[model].image");
    assert_eq!((&field["old"], &field["new"]), (&"ghcr.io/acme/churn:none".into(), &"ghcr.io/acme/churn:v2".into()));

    let said = repo.mlgate(&["diff", "prod", "--base", "HEAD", "--format", "markdown"]).exits(0);
    assert!(said.starts_with("### `prod`: 1 added, 3 changed, 1 removed, 0 unchanged\n"), "{said}");
    for line in ["<summary>changed: Deployment churn</summary>", "\n+ kind: ServiceAccount\n", "```diff\n"] {
        assert!(said.contains(line), "{line} is missing in\n{said}");
    }
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let repo = repo();
    change_all(&repo);
    let said = repo.mlgate(&["diff", "prod", "--base", "HEAD", "--color", "always"]).exits(0);
    assert!(said.contains("\u{1b}[32m+ ServiceAccount churn"), "{said:?}");
    let said = repo.mlgate(&["diff", "prod", "--base", "HEAD", "--color", "never"]).exits(0);
    assert!(!said.contains('\u{1b}'));
}

#[test]
fn the_base_is_the_branch_that_a_change_goes_to() {
    let repo = repo();
    let said = repo.mlgate(&["diff", "prod"]).exits(4);
    assert!(said.contains("origin/HEAD or origin/main") && said.contains("--base"), "{said}");
    let said = repo.mlgate(&["diff", "prod", "--base", "nowhere"]).exits(4);
    assert!(said.contains("find the base nowhere") && said.contains("no such commit"), "{said}");
    repo.mlgate(&["diff", "prod", "--base=--output=x"]).exits(4);

    let git = |args: &[&str]| {
        let done = std::process::Command::new("git").arg("-C").arg(repo.root()).args(args).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    git(&["update-ref", "refs/remotes/origin/release", "HEAD"]);
    let said = repo.mlgate(&["diff", "prod"]).exits(0);
    assert!(said.contains("against origin/main ("), "{said}");
    for variable in ["GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"] {
        let mut command = mlgate(repo.root());
        let done = Done(command.args(["diff", "prod"]).env(variable, "release").output().unwrap());
        let said = done.exits(0);
        assert!(said.contains("against origin/release ("), "{said}");
    }
    change(&repo, "mlops.yaml", "environments:", "overlay: {base: origin/release}\nenvironments:");
    let said = repo.mlgate(&["diff", "prod"]).exits(0);
    assert!(said.contains("against origin/release ("), "{said}");
}

#[test]
fn a_base_without_the_overlay_and_a_broken_one_are_told_apart() {
    let repo = repo();
    change(&repo, "mlops.yaml", "prod: {overlay: k8s/overlays/prod}", "prod: {overlay: k8s/overlays/new}");
    repo.write("k8s/overlays/new/kustomization.yaml", "resources: [../../base]\n");
    let said = repo.mlgate(&["diff", "prod", "--base", "HEAD"]).exits(0);
    assert!(said.contains("does not have k8s/overlays/new: every object is new"), "{said}");
    assert!(said.contains("4 added, 0 changed, 0 removed"), "{said}");

    // Committed broken, mended in the working tree: it is the base that cannot be rendered.
    repo.write("k8s/base/kustomization.yaml", "resources: [deployment.yaml, gone.yaml]\n");
    repo.commit();
    let said = repo.mlgate(&["diff", "prod", "--base", "HEAD"]).exits(2);
    assert!(said.contains("cannot render k8s/overlays/new") && said.contains("gone.yaml"), "{said}");
    repo.write("k8s/base/kustomization.yaml", "resources: [deployment.yaml]\n");
    let said = repo.mlgate(&["diff", "prod", "--base", "HEAD"]).exits(4);
    assert!(said.contains("as it is in HEAD (") && said.contains("gone.yaml"), "{said}");
    assert!(!said.contains("/tmp/"), "the temporary folder is nobody's business: {said}");
    let said = repo.mlgate(&["diff", "staging", "--base", "HEAD"]).exits(2);
    assert!(said.contains("no environment `staging`; it has: prod"), "{said}");
}

/// In a folder of a larger repository, with a base outside of the overlay's own tree, an attribute that would keep a
/// file out of archives, and a filter that would change files on checkout.
#[test]
fn the_base_comes_from_objects_as_they_were_committed() {
    let repo = repo();
    for file in ["mlops.yaml", "k8s/overlays/prod/kustomization.yaml", "k8s/base/deployment.yaml"] {
        let text = repo.read(file).replace("../../base", "../../../../../shared/base");
        let name =
            if file.contains("base") { "shared/base/deployment.yaml".into() } else { format!("models/churn/{file}") };
        repo.write(&name, &text);
    }
    repo.write("shared/base/kustomization.yaml", "resources: [deployment.yaml]\n");
    repo.write(".gitattributes", "deployment.yaml export-ignore filter=upper\n");
    repo.commit();
    let before = std::fs::read_dir(repo.root().join(".git")).unwrap().count();
    let said = repo.mlgate(&["-C", "models/churn", "diff", "prod", "--base", "HEAD"]).exits(0);
    assert!(said.contains("no difference, 1 unchanged"), "{said}");
    change(&repo, "shared/base/deployment.yaml", "{name: churn}", "{name: churn, labels: {tier: a}}");
    let said = repo.mlgate(&["-C", "models/churn", "diff", "prod", "--base", "HEAD"]).exits(0);
    assert!(said.contains("+ metadata.labels: {tier: a}"), "{said}");
    assert_eq!(std::fs::read_dir(repo.root().join(".git")).unwrap().count(), before, "nothing is left in .git");
}
