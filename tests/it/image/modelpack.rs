//! A model as a ModelPack artifact: pushed by the binary, read by skopeo and tar, signed for by its record, promoted.

use crate::parts::{self, skopeo};
use crate::repo::Repo;
use crate::support::skipped;
use serde_json::Value;
use std::fs;
use std::process::Command;

const PACK: &str = "  format: modelpack
  about: {architecture: gbdt, format: onnx, precision: fp32, licenses: [Apache-2.0]}
  annotations: {org.opencontainers.image.source: \"https://example.com/churn\"}
  attest: [sbom]
  checks: {secrets: block}
  layers:
    - {name: weights, kind: weight, files: [model/weights.bin], compression: raw}
    - {name: parts, kind: weight, files: [model/parts/], to: /parts, compression: raw}
    - {name: config, kind: config, files: [model/config.json], compression: none}
    - {name: docs, kind: doc, files: [README.md, docs/], compression: gzip}
    - {name: code, kind: code, files: [src/**/*.py], compression: zstd}";

fn repo(repository: &str) -> Repo {
    let repo = Repo::with_config(repository);
    let plain = "  layers: [{name: model, files: [model/], to: /model}]";
    repo.write("mlops.yaml", &repo.read("mlops.yaml").replace(plain, PACK));
    fs::write(
        repo.path("model/weights.bin"),
        (0..75_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect::<Vec<u8>>(),
    )
    .unwrap();
    for (file, text) in [
        ("model/parts/0.bin", "first"),
        ("model/parts/1.bin", "second"),
        ("model/config.json", "{\"classes\": 2}"),
        ("README.md", "# Churn\n"),
        ("docs/card.md", "# Card\n"),
        ("src/a/score.py", "print('hello')\n"),
    ] {
        repo.write(file, text);
    }
    repo.commit();
    repo
}

#[test]
fn a_model_pack_is_what_its_specification_says_and_goes_the_way_of_an_image() {
    let registry = match parts::registry() {
        Ok(registry) => registry,
        Err(why) => return skipped(&why),
    };
    let repository = registry.repository("churn");
    let repo = repo(&repository);
    let said = repo.mlgate(&["run"]).exits(0);
    let digest = repo.digest();
    let reference = format!("docker://{repository}@{digest}");
    let manifest = skopeo(&["inspect", "--raw", "--tls-verify=false", &reference]).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["artifactType"], "application/vnd.cncf.model.manifest.v1+json", "{said}");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.cncf.model.config.v1+json");
    assert_eq!(manifest["annotations"]["org.opencontainers.image.source"], "https://example.com/churn");
    let layers = manifest["layers"].as_array().unwrap();
    let told: Vec<(&str, Option<&str>)> = layers
        .iter()
        .map(|layer| {
            let kind = layer["mediaType"].as_str().unwrap().strip_prefix("application/vnd.cncf.model.").unwrap();
            (kind, layer["annotations"]["org.cncf.model.filepath"].as_str())
        })
        .collect();
    let expected = [
        ("weight.v1.raw", Some("model/weights.bin")),
        ("weight.v1.raw", Some("parts/0.bin")),
        ("weight.v1.raw", Some("parts/1.bin")),
        ("weight.config.v1.tar", Some("model/config.json")),
        ("doc.v1.tar+gzip", None),
        ("code.v1.tar+zstd", Some("src/a/score.py")),
    ];
    assert_eq!(told, expected);
    let metadata = layers[0]["annotations"]["org.cncf.model.file.metadata+json"].as_str().unwrap();
    let metadata: Value = serde_json::from_str(metadata).unwrap();
    assert_eq!(
        (&metadata["name"], &metadata["size"], &metadata["mode"]),
        (&"weights.bin".into(), &300_000.into(), &420.into())
    );

    // Every blob as skopeo fetched it, which checks digests.
    let copy = tempfile::tempdir().unwrap();
    let to = format!("dir:{}", copy.path().display());
    skopeo(&["copy", "--src-tls-verify=false", &reference, &to]).unwrap();
    let blob =
        |at: &Value| fs::read(copy.path().join(at["digest"].as_str().unwrap().trim_start_matches("sha256:"))).unwrap();
    let config: Value = serde_json::from_slice(&blob(&manifest["config"])).unwrap();
    assert_eq!(
        (&config["descriptor"]["name"], &config["descriptor"]["licenses"][0]),
        (&"churn".into(), &"Apache-2.0".into())
    );
    assert_eq!((&config["config"]["format"], &config["config"]["architecture"]), (&"onnx".into(), &"gbdt".into()));
    assert_eq!(config["modelfs"]["type"], "layers");
    assert_eq!(config["modelfs"]["diffIds"].as_array().unwrap().len(), 6);
    assert_eq!(config["modelfs"]["diffIds"][0], layers[0]["digest"], "a file as it is");
    assert_ne!(config["modelfs"]["diffIds"][4], layers[4]["digest"], "before compression");
    assert_eq!(blob(&layers[0]), fs::read(repo.path("model/weights.bin")).unwrap());
    fs::write(copy.path().join("docs.tar.gz"), blob(&layers[4])).unwrap();
    let listed = Command::new("tar").arg("tzf").arg(copy.path().join("docs.tar.gz")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "README.md\ncard.md\n");

    // Its record, its promotion; mounted into a pod it counts as what the pod runs.
    repo.mlgate(&["record", "show", &format!("{repository}@{digest}")]).exits(0);
    let pod = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: churn}}\nspec:\n  template:\n    spec:\n      \
         containers: [{{name: server, image: server}}]\n      volumes: [{{name: model, image: {{reference: {repository}}}}}]\n"
    );
    repo.write("k8s/base/deployment.yaml", &pod);
    repo.commit();
    repo.mlgate(&["run"]).exits(0);
    assert_eq!(repo.digest(), digest, "the same files, the same artifact");
    repo.mlgate(&["promote", "staging"]).exits(0);
    assert!(repo.read("k8s/overlays/staging/kustomization.yaml").contains(&digest));
    let rendered = repo.mlgate(&["render", "k8s/overlays/staging"]).exits(0);
    assert!(rendered.contains(&format!("reference: {repository}@{digest}")), "{rendered}");

    // A secret in a file that is a layer of its own is found as in any other.
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", "Ab+/".repeat(20));
    repo.write("model/parts/2.bin", &key);
    repo.commit();
    let said = repo.mlgate(&["run"]).exits(1);
    assert!(said.contains("parts/2.bin"), "{said}");
    fs::remove_file(repo.path("model/parts/2.bin")).unwrap();
    std::os::unix::fs::symlink("0.bin", repo.path("model/parts/latest")).unwrap();
    repo.commit();
    let said = repo.mlgate(&["run"]).exits(4).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("parts/latest is a link, which cannot be a layer of its own"), "{said}");
}

#[test]
fn what_is_of_containers_is_no_part_of_a_model_pack_and_the_other_way_round() {
    let repo = Repo::new("localhost:1/churn");
    let said = |image: &str| {
        repo.write(
            "mlops.yaml",
            &format!("version: 1\nmodel: {{name: churn}}\nimage:\n  repository: localhost:1/churn\n{image}\n"),
        );
        repo.mlgate(&["check"]).exits(2)
    };
    let both = said(
        "  format: modelpack\n  base: python:3.12\n  ports: [80]\n  checks: {non_root: block}\n  layers: [{name: m, files: [model/]}]",
    );
    for why in
        ["`base` is of a container", "`ports` is of a container", "`non_root` is of a container", "says what it holds"]
    {
        assert!(both.contains(why), "{why}: {both}");
    }
    let other = said("  about: {family: x}\n  layers: [{name: m, files: [model/], kind: weight, compression: raw}]");
    for why in ["`about` is said of a ModelPack", "`kind` is said of", "`compression: raw` is said of"] {
        assert!(other.contains(why), "{why}: {other}");
    }
    let probed = said(
        "  format: modelpack\n  layers: [{name: m, files: [model/], kind: weight}]\nlatency: {request: {path: /}}",
    );
    assert!(probed.contains("nothing to probe"), "{probed}");
}
