use super::super::policy::tests::tree;
use super::*;
use serde_json::{Value as Json, json};

fn deployment() -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "churn", "labels": {"app": "churn"}},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "churn"}},
            "template": {"metadata": {"labels": {"app": "churn"}, "creationTimestamp": null}, "spec": {"containers": [{
                "name": "model", "image": "r", "ports": [{"name": "http", "containerPort": 8080}],
                "resources": {"limits": {"cpu": 2, "memory": "1Gi"}},
                "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
            }]}},
        },
    })
}

fn check(object: Json) -> Checked {
    Schemas::of_version("1.31").unwrap().check(&[tree(object)])
}

#[test]
fn what_fits_has_no_finding_in_any_version() {
    for version in super::super::versions() {
        let checked = Schemas::of_version(version).unwrap().check(&[tree(deployment())]);
        assert_eq!(checked, Checked { checked: 1, ..Checked::default() }, "{version}");
    }
}

#[test]
fn each_misfit_has_its_path_what_was_found_and_what_was_expected() {
    let c = "/spec/template/spec/containers/0";
    let cases: [(&str, Json, &str); 15] = [
        ("/spec/replicas", json!("2"), "spec.replicas: found \"2\", expected a whole number; without quotes: 2"),
        ("/spec/replicas", json!(1.5), "spec.replicas: found 1.5 (a number), expected a whole number"),
        ("/spec/replicas", json!(5_000_000_000_i64), "spec.replicas: found 5000000000 (a number)"),
        ("/spec/selector", json!(null), "spec: `selector` is missing: spec must have it (a mapping)"),
        ("/spec/template", json!([]), "spec.template: found a list of 0 items, expected a mapping"),
        (
            "/metadata/labels/app",
            json!(true),
            "metadata.labels.app: found true (a boolean), expected text; in quotes: \"true\"",
        ),
        ("/spec/template/spec/containers", json!({}), "expected a list; each item of a list begins with `- `"),
        (
            &format!("{c}/image"),
            json!(7),
            "spec.template.spec.containers[model].image: found 7 (a number), expected text",
        ),
        (
            &format!("{c}/ports/0/containerPort"),
            json!("80"),
            "ports[http].containerPort: found \"80\", expected a whole number",
        ),
        (&format!("{c}/resources/limits/memory"), json!("512MB"), "did you mean `512M`?"),
        (&format!("{c}/resources/limits/memory"), json!([1]), "expected a quantity such as 500m, 2 or 1Gi"),
        (&format!("{c}/readinessProbe/httpGet/port"), json!(1.5), "expected a whole number or text"),
        (
            &format!("{c}/readinessProbe"),
            json!({"httpget": {}}),
            "readinessProbe.httpget: unknown field `httpget`; did you mean `httpGet`?",
        ),
        (
            &format!("{c}/imagePullPolicy"),
            json!("always"),
            "found \"always\", expected one of Always, IfNotPresent, Never; did you mean `Always`?",
        ),
        (&format!("{c}/image_pull"), json!("x"), "unknown field `image_pull`"),
    ];
    for (pointer, value, expected) in cases {
        let mut object = deployment();
        let (owner, key) = pointer.rsplit_once('/').unwrap();
        let owner = object.pointer_mut(owner).unwrap();
        owner[key] = value;
        let checked = check(object);
        assert_eq!(checked.findings.len(), 1, "{pointer}: {:?}", checked.findings);
        let said = checked.findings[0].to_string();
        assert!(said.starts_with("Deployment churn: ") && said.contains(expected), "{expected}\nis missing in\n{said}");
    }
}

#[test]
fn kinds_that_are_gone_are_findings_and_kinds_of_others_are_told() {
    let mut object = deployment();
    object["apiVersion"] = json!("apps/v1beta1");
    assert!(check(object).findings[0].message.contains("no Deployment in \"apps/v1beta1\"; it is in apps/v1"));
    let said = check(json!({"apiVersion": "v1", "kind": "Servise", "metadata": {"name": "a"}}));
    assert!(said.findings[0].message.contains("did you mean Service?"), "{said:?}");
    let rollout = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "churn"}});
    let checked = check(rollout);
    assert_eq!((checked.checked, checked.findings.len()), (0, 0));
    assert_eq!(checked.unknown, ["Rollout churn (argoproj.io/v1alpha1)"]);
}

#[test]
fn what_the_api_server_refuses_beside_types_is_found_too() {
    let c = "/spec/template/spec/containers/0";
    let cases: [(&str, Json, &str); 8] = [
        (
            "/spec/template/metadata/labels/app",
            json!("other"),
            "spec.selector.matchLabels.app: found \"churn\", the pods have \"other\"",
        ),
        (
            "/spec/template/metadata/labels",
            json!({}),
            "spec.selector.matchLabels.app: found \"churn\", the pods have none",
        ),
        ("/metadata/labels/app", json!("a b"), "metadata.labels.app: found \"a b\", expected at most 63"),
        ("/metadata/labels/app", json!("x".repeat(64)), "metadata.labels.app: found \"xxx"),
        ("/metadata/name", json!("Churn_1"), "metadata.name: found \"Churn_1\", expected"),
        (
            "/spec/template/spec/volumes",
            json!([{"name": "tmp", "emptyDir": {}}, {"name": "tmp"}]),
            "spec.template.spec.volumes[tmp]: stands twice",
        ),
        (
            &format!("{c}/volumeMounts"),
            json!([{"name": "temp", "mountPath": "/tmp"}]),
            "containers[model].volumeMounts[temp]: the pod has no volume `temp`",
        ),
        (
            "/spec/template/spec/initContainers",
            json!([{"name": "model", "image": "r"}]),
            "spec.template.spec.containers[model]: stands twice",
        ),
    ];
    for (pointer, value, expected) in cases {
        let mut object = deployment();
        let (owner, key) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(owner).unwrap()[key] = value;
        let said: Vec<String> = check(object).findings.iter().map(ToString::to_string).collect();
        assert!(said.len() == 1 && said[0].contains(expected), "{expected}\nis missing in\n{said:#?}");
    }
    // A claim of a StatefulSet is a volume of its pods.
    let mut set = deployment();
    set["kind"] = json!("StatefulSet");
    set["spec"]["serviceName"] = json!("churn");
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}, "spec": {}}]);
    *set.pointer_mut(&format!("{c}/ports")).unwrap() = json!([]);
    set.pointer_mut(c).unwrap()["volumeMounts"] = json!([{"name": "data", "mountPath": "/data"}]);
    assert_eq!(check(set).findings, []);
}

#[test]
fn secrets_are_checked_and_not_shown() {
    let secret =
        |data: Json| check(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": data}));
    assert_eq!(secret(json!({"a": "cGFzcw=="})).findings, []);
    for bad in [json!("not base64!"), json!("cGFzcw"), json!(1234567)] {
        let said = secret(json!({"a": bad.clone()})).findings[0].to_string();
        assert!(said.contains("data.a: found a") && said.contains("expected base64"), "{said}");
        assert!(!said.contains("not base64!") && !said.contains("cGFzcw") && !said.contains("1234567"), "{said}");
    }
}

#[test]
fn custom_resources_are_checked_by_their_definition() {
    let mut schemas = Schemas::of_version("1.31").unwrap();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "spec": {"group": "acme.io", "names": {"kind": "Model"}, "versions": [
            {"name": "v1alpha1", "served": false},
            {"name": "v1", "served": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "required": ["uri"], "properties": {
                    "uri": {"type": "string"}, "mode": {"type": "string", "enum": ["Fast", "Slow"]},
                    "port": {"x-kubernetes-int-or-string": true}, "tags": {"type": "array", "items": {"type": "string"}},
                    "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "weights": {"type": "object", "additionalProperties": {"type": "integer"}},
                }},
            }}}},
        ]},
    });
    assert_eq!(schemas.add_crd(&definition), Ok(1));
    let object = |spec: Json| {
        tree(json!({"apiVersion": "acme.io/v1", "kind": "Model", "metadata": {"name": "m"}, "spec": spec}))
    };
    let good =
        object(json!({"uri": "s3://m", "mode": "Fast", "port": "http", "extra": {"any": 1}, "weights": {"a": 1}}));
    assert_eq!(schemas.check(&[good]), Checked { checked: 1, ..Checked::default() });
    let bad = object(json!({"mode": "fast", "tags": [1], "weights": {"a": "x"}, "moed": 1}));
    let said: Vec<String> = schemas.check(&[bad]).findings.iter().map(ToString::to_string).collect();
    for expected in [
        "spec.mode: found \"fast\"",
        "spec.tags[0]",
        "spec.weights.a",
        "unknown field `moed`; did you mean `mode`?",
        "`uri` is missing",
    ] {
        assert!(said.iter().any(|s| s.contains(expected)), "{expected} is missing in {said:#?}");
    }
    assert_eq!(schemas.add_crd(&json!({"kind": "Service"})), Ok(0));
    for (wrong, why) in [
        (json!({"kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1beta1"}), "apiVersion"),
        (json!({"kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1"}), "spec.group"),
    ] {
        assert!(schemas.add_crd(&wrong).unwrap_err().contains(why));
    }
}
