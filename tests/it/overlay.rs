//! The overlay stage: rendered objects against schemas and policies, failing closed.

use crate::repo::Repo;
use serde_json::Value;

/// A repository whose only stage is the overlay; `overlay` is that section of its `mlops.yaml`.
fn repo(overlay: &str, environment: &str) -> Repo {
    let repo = Repo::new("ghcr.io/acme/churn");
    let config = format!(
        "version: 1\nmodel: {{name: churn}}\noverlay: {overlay}\n\
         environments: {{prod: {{overlay: k8s/overlays/prod{environment}}}}}\n"
    );
    repo.write("mlops.yaml", &config);
    let deployment = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: churn}
spec:
  replicas: 2
  selector: {matchLabels: {app: churn}}
  template:
    metadata: {labels: {app: churn}}
    spec:
      containers: [{name: model, image: ghcr.io/acme/churn}]
";
    repo.write("k8s/base/deployment.yaml", deployment);
    repo.commit();
    repo
}

fn verdict(repo: &Repo, id: &str) -> Value {
    let record = repo.record();
    let verdicts = record["verdicts"].as_array().unwrap();
    verdicts.iter().find(|v| v["id"] == id).unwrap_or_else(|| panic!("no {id} in {verdicts:#?}")).clone()
}

#[test]
fn objects_are_held_against_the_schemas_of_a_version() {
    let repo = repo("{kubernetes: 1.31}", "");
    repo.mlgate(&["run"]).exits(0);
    let fits = verdict(&repo, "overlay.prod.schema");
    assert_eq!((&fits["outcome"], &fits["n"]), (&"passed".into(), &1.into()));

    let deployment = repo.read("k8s/base/deployment.yaml");
    repo.write("k8s/base/deployment.yaml", &deployment.replace("replicas: 2", "replicas: two\n  replica: 3"));
    let said = repo.mlgate(&["run"]).exits(1);
    let fits = verdict(&repo, "overlay.prod.schema");
    let examples = fits["examples"].to_string();
    assert!(
        examples.contains("Deployment churn: spec.replicas: found \\\"two\\\", expected a whole number"),
        "{examples}"
    );
    assert!(examples.contains("unknown field `replica`; did you mean `replicas`?"), "{examples}");
    assert!(said.contains("2 findings in 1 object, of 1 object looked at"), "{said}");

    repo.write("k8s/base/deployment.yaml", &deployment.replace("apps/v1", "extensions/v1beta1"));
    let said = repo.mlgate(&["run"]).exits(1);
    assert!(said.contains("has no Deployment in \"extensions/v1beta1\"; it is"), "{said}");
}

#[test]
fn custom_resources_are_told_or_validated_but_never_passed_in_silence() {
    let repo = repo("{kubernetes: \"1.31\"}", "");
    repo.write("k8s/base/kustomization.yaml", "resources: [deployment.yaml, route.yaml]\n");
    repo.write("k8s/base/route.yaml", "apiVersion: acme.io/v1\nkind: Route\nmetadata: {name: churn}\nspec: {to: 7}\n");
    repo.mlgate(&["run"]).exits(0);
    let unknown = verdict(&repo, "overlay.prod.schema.unknown");
    assert_eq!(unknown["outcome"], "warned");
    assert_eq!(unknown["examples"][0], "Route churn (acme.io/v1)");

    let crd = "\
apiVersion: v1
kind: List
items: []
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: routes.acme.io}
spec:
  group: acme.io
  names: {kind: Route, plural: routes}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: {spec: {type: object, properties: {to: {type: string}}}}
";
    repo.write("crds/route.yaml", crd);
    let config =
        repo.read("mlops.yaml").replace("{kubernetes: \"1.31\"}", "{kubernetes: \"1.31\", schemas: [crds/*.yaml]}");
    repo.write("mlops.yaml", &config);
    let said = repo.mlgate(&["run"]).exits(1);
    assert!(said.contains("Route churn: spec.to: found 7 (a number), expected text"), "{said}");

    // A definition that is rendered with its objects counts as well.
    let config = repo.read("mlops.yaml");
    repo.write("mlops.yaml", &config.replace(", schemas: [crds/*.yaml]", ""));
    repo.write("k8s/base/kustomization.yaml", "resources: [deployment.yaml, route.yaml, crd.yaml]\n");
    repo.write("k8s/base/crd.yaml", crd.split("---\n").nth(1).unwrap());
    let said = repo.mlgate(&["run"]).exits(1);
    assert!(said.contains("Route churn: spec.to: found 7 (a number), expected text"), "{said}");
    repo.write("k8s/base/kustomization.yaml", "resources: [deployment.yaml, route.yaml]\n");
    repo.write("mlops.yaml", &config);

    // Definitions that are not there or are none block: what was asked for is not done.
    for (name, text, why) in [
        ("crds/route.yaml", "kind: Service\nmetadata: {name: a}\n", "no definition in 1 files"),
        ("crds/route.yaml", "a: [\n", "read the schemas of crds/route.yaml"),
        ("crds/other.txt", "", "no definition in"),
    ] {
        repo.write("crds/route.yaml", "kind: Service\nmetadata: {name: a}\n");
        repo.write(name, text);
        let said = repo.mlgate(&["run"]).exits(4);
        assert!(said.contains(why), "{why} is missing in\n{said}");
    }
}

#[test]
fn policies_block_warn_or_are_off_and_each_environment_may_differ() {
    let all = "{policies: {resources: block, probes: warn, non_root: off, digest: block, replicas: block}}";
    let repo = repo(all, ", policies: {replicas: warn}");
    let said = repo.mlgate(&["run"]).exits(1);
    assert!(said.contains("spec.template.spec.containers[model].resources.limits.memory: not"), "{said}");
    assert_eq!(verdict(&repo, "overlay.prod.resources")["outcome"], "failed");
    assert_eq!(verdict(&repo, "overlay.prod.probes")["outcome"], "warned");
    assert_eq!(verdict(&repo, "overlay.prod.digest")["outcome"], "failed");
    assert_eq!(verdict(&repo, "overlay.prod.replicas")["outcome"], "passed");
    assert!(!repo.read(".mlgate/record.json").contains("overlay.prod.non_root"));

    // A policy that finds nothing to look at has not been kept.
    repo.write("k8s/base/deployment.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: churn}\n");
    let said = repo.mlgate(&["run"]).exits(4);
    assert!(said.contains("found no container to look at"), "{said}");
    let replicas = verdict(&repo, "overlay.prod.replicas");
    assert_eq!(
        (&replicas["outcome"], &replicas["blocking"]),
        (&"errored".into(), &false.into()),
        "it was to warn only"
    );
}

#[test]
fn the_models_own_digest_is_left_to_the_run_that_builds_it() {
    let repo = repo("{policies: {digest: block}}", "");
    let config = repo.read("mlops.yaml")
        + "image:\n  repository: ghcr.io/acme/churn\n  layers: [{name: model, files: [model/], to: /model}]\n  tags: [v1]\n";
    repo.write("mlops.yaml", &config);
    repo.mlgate(&["run", "overlay"]).exits(0);
    assert_eq!(verdict(&repo, "overlay.prod.digest")["outcome"], "skipped");
    repo.mlgate(&["run", "--dry-run"]).exits(0);
    assert_eq!(verdict(&repo, "overlay.prod.digest")["outcome"], "passed", "pinned to what was built");
    // Another image by a tag is found either way.
    let deployment = repo.read("k8s/base/deployment.yaml");
    let with_sidecar = deployment.replace("containers: [", "containers: [{name: log, image: acme/log:v1}, ");
    repo.write("k8s/base/deployment.yaml", &with_sidecar);
    for command in [&["run", "overlay"][..], &["run", "--dry-run"]] {
        let said = repo.mlgate(command).exits(1);
        assert!(said.contains("containers[log].image: found \"acme/log:v1\""), "{said}");
    }
}

#[test]
fn slips_in_the_section_are_named() {
    for (overlay, code, hint) in [
        ("{kubernetes: 1.3}", "MG013", "did you mean `1.30`?"),
        ("{kubernetes: latest}", "MG013", "known: 1.27"),
        ("{kubernetes: [1.31]}", "MG011", "text or a number"),
        ("{schemas: [crd.yaml]}", "MG014", "add `kubernetes:`"),
        ("{policies: {replica: block}}", "MG010", "did you mean `replicas`?"),
        ("{policies: {replicas: on}}", "MG013", "one of block, warn, off"),
        ("{policies: [replicas]}", "MG011", "its keys: resources, probes"),
    ] {
        let repo = repo(overlay, "");
        let said = repo.mlgate(&["check"]).exits(2);
        assert!(said.contains(code) && said.contains(hint), "{overlay}: {said}");
    }
    for version in ["1.30", "\"1.30\"", "v1.30.4", "1.31.0"] {
        let said = repo(&format!("{{kubernetes: {version}}}"), "").mlgate(&["check"]).exits(0);
        assert!(said.contains("Kubernetes 1.3"), "{version}: {said}");
    }
}
