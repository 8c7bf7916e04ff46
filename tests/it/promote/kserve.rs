//! Models that KServe fetches by an address, `storageUri: oci://…`, from the push to the second promotion.

use super::registry;
use crate::repo::Repo;
use crate::support::{has, skipped};

const PACK: &str = "  format: modelpack\n  layers: [{name: weights, kind: weight, files: [model/], compression: raw}]";

fn service(uri: &str) -> String {
    format!(
        "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {{name: churn}}\nspec:\n  predictor:\n    \
         model:\n      modelFormat: {{name: onnx}}\n      storageUri: {uri}\n"
    )
}

/// A ModelPack whose record is pushed; staging names it in a file of its own, prod's address is the base's.
fn repo(repository: &str) -> Repo {
    let repo = Repo::with_config(repository);
    let plain = "  layers: [{name: model, files: [model/], to: /model}]";
    repo.write("mlops.yaml", &repo.read("mlops.yaml").replace(plain, PACK));
    repo.write("k8s/base/kustomization.yaml", "resources: [service.yaml]\n");
    repo.write("k8s/base/service.yaml", &service(&format!("oci://{repository}:none")));
    repo.write("k8s/overlays/staging/service.yaml", &service(&format!("'oci+native://{repository}:none' # the model")));
    repo.write("k8s/overlays/staging/kustomization.yaml", "resources:\n  - service.yaml\n");
    repo.write("k8s/overlays/prod/kustomization.yaml", "# ours\nresources: [../../base]\nnamePrefix: prod-\n");
    release(&repo, "0.1 0.2 0.3");
    repo
}

fn release(repo: &Repo, weights: &str) -> String {
    repo.write("model/weights.txt", weights);
    repo.commit();
    repo.mlgate(&["run"]).exits(0);
    repo.digest()
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_promotion_sets_the_digest_in_the_address_of_an_inference_service() {
    let Some(registry) = registry() else { return };
    let repository = registry.repository("churn");
    let repo = repo(&repository);
    let digest = repo.digest();
    let (file, kustomization) = ("k8s/overlays/staging/service.yaml", "k8s/overlays/staging/kustomization.yaml");
    let before = repo.read(file);

    let said = repo.mlgate(&["promote", "staging", "--dry-run"]).exits(0);
    assert!(said.contains(&format!("would change {file}:")) && repo.read(file) == before, "{said}");
    let said = repo.mlgate(&["promote", "staging"]).exits(0);
    assert!(
        said.contains(&format!("changed {file}:")) && said.contains(&format!("changed {kustomization}:")),
        "{said}"
    );
    let pinned = |digest: &str| before.replace(":none'", &format!("@{digest}'"));
    assert_eq!(repo.read(file), pinned(&digest));
    let text = repo.read(kustomization);
    assert!(
        text.starts_with("resources:\n  - service.yaml\ncommonAnnotations:\n") && !text.contains("images:"),
        "{text}"
    );
    let rendered = repo.mlgate(&["render", "k8s/overlays/staging"]).exits(0);
    assert!(rendered.contains(&format!("storageUri: oci+native://{repository}@{digest}\n")), "{rendered}");
    let said = repo.mlgate(&["promote", "staging"]).exits(0);
    assert!(said.contains("runs the candidate already"), "{said}");

    // What the base says is not edited: a patch of the overlay's own goes before it.
    let overlay = "k8s/overlays/prod/kustomization.yaml";
    let ours = repo.read(overlay);
    let said = repo.mlgate(&["promote", "prod"]).exits(0);
    assert!(said.contains(&format!("changed {overlay}:")), "{said}");
    let patch = |digest: &str| {
        format!(
            "{ours}patches:\n- target:\n    kind: InferenceService\n  patch: |-\n    - op: replace\n      \
             path: /spec/predictor/model/storageUri\n      value: oci://{repository}@{digest}\n"
        )
    };
    assert!(repo.read(overlay).starts_with(&patch(&digest)), "{}", repo.read(overlay));
    assert!(repo.read("k8s/base/service.yaml").contains(":none"));

    // The next version goes the same way, and is compared with this one.
    let second = release(&repo, "0.4 0.5 0.6");
    assert_ne!(second, digest);
    let said = repo.mlgate(&["promote", "staging"]).exits(0);
    assert!(said.contains(&format!("{repository}@{digest}")), "the baseline: {said}");
    assert_eq!(repo.read(file), pinned(&second));
    repo.mlgate(&["promote", "prod"]).exits(0);
    let text = repo.read(overlay);
    assert!(text.starts_with(&patch(&second)) && text.matches("patches:").count() == 1, "{text}");
    let rendered = repo.mlgate(&["render", "k8s/overlays/prod"]).exits(0);
    assert!(rendered.contains(&format!("storageUri: oci://{repository}@{second}\n")), "{rendered}");
}

#[test]
fn an_address_counts_as_the_image_that_runs_and_that_a_policy_wants_pinned() {
    let Some(registry) = registry() else { return };
    let repository = registry.repository("churn");
    let repo = repo(&repository);
    let config = repo.read("mlops.yaml") + "overlay: {policies: {digest: block}}\n";
    repo.write("mlops.yaml", &config);
    let digest = release(&repo, "1 2 3");
    let verdicts = &repo.record()["verdicts"];
    assert_eq!(verdicts.to_string().matches("1 image looked at").count(), 2, "{verdicts:#}");
    repo.mlgate(&["promote", "staging"]).exits(0);

    // Another image beside it is not taken for it.
    let other = format!("{repository}-two:v1");
    let file = "k8s/overlays/staging/service.yaml";
    let more = format!("      storageUris: [{{uri: 'oci://{other}'}}]\n");
    repo.write(file, &format!("{}{more}", repo.read(file)));
    let said = words(&repo.mlgate(&["run", "--dry-run"]).exits(1));
    assert!(said.contains("spec.predictor.model.storageUris.0.uri") && said.contains(&other), "{said}");
    assert!(repo.read(file).contains(&digest));

    // Two versions of the model in one environment are no one version.
    let of = |tag: &str| service(&format!("oci://{repository}{tag}"));
    repo.write(file, &format!("{}---\n{}", of(&format!("@{digest}")), of(":none").replace("name: churn", "name: two")));
    let said = words(&repo.mlgate(&["promote", "staging", "--digest", &digest]).exits(4));
    assert!(said.contains("let them run one image of the model"), "{said}");

    repo.write(file, &service("s3://bucket/churn"));
    let said = words(&repo.mlgate(&["promote", "staging", "--digest", &digest]).exits(4));
    assert!(said.contains(&format!("no container runs {repository}")) && said.contains("storageUri: oci://"), "{said}");
}

#[test]
fn only_what_the_overlay_names_as_objects_and_patches_is_edited() {
    let Some(registry) = registry() else { return };
    let repository = registry.repository("churn");
    let repo = repo(&repository);
    let overlay = "k8s/overlays/staging";
    let path = |name: &str| format!("{overlay}/{name}");
    let address = format!("oci://{repository}:none");
    // Another environment's, and what only looks like a patch.
    repo.write(&path("other/kustomization.yaml"), "resources: [service.yaml]\n");
    repo.write(&path("other/service.yaml"), &service(&address));
    repo.write(&path(".cache/service.yaml"), &service(&address));
    repo.write(&path("settings.yaml"), &format!("uri: {address}\n"));
    let patch = format!("- {{op: replace, path: /spec/predictor/model/storageUri, value: '{address}'}}\n");
    repo.write(&path("patch.yaml"), &patch);
    repo.write(
        &path("kustomization.yaml"),
        "resources: [service.yaml]\npatches: [{path: patch.yaml, target: {kind: InferenceService}}]\n\
         configMapGenerator: [{name: settings, files: [settings.yaml]}]\n",
    );
    let untouched = ["other/service.yaml", ".cache/service.yaml", "settings.yaml"].map(path);
    let before = untouched.each_ref().map(|name| repo.read(name));
    let plain = repo.read("mlops.yaml");
    let staging = format!("    overlay: {overlay}\n");
    let mut renderers = vec![""];
    match ["kustomize", "kubectl"].into_iter().any(has) {
        true => renderers.push("    renderer: kustomize\n"),
        false => skipped("neither kustomize nor kubectl is installed"),
    }
    for (at, renderer) in renderers.into_iter().enumerate() {
        repo.write("mlops.yaml", &plain.replace(&staging, &format!("{staging}{renderer}")));
        let digest = release(&repo, &format!("{at} 2 3"));
        repo.mlgate(&["promote", "staging"]).exits(0);
        assert_eq!(repo.read(&path("patch.yaml")), patch.replace(":none'", &format!("@{digest}'")));
        assert!(repo.read(&path("service.yaml")).contains(&digest));
        assert_eq!(untouched.each_ref().map(|name| repo.read(name)), before);
    }
}
