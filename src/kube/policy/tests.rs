use super::*;
use crate::kustomize::{Map, Value};
use serde_json::json;

/// JSON → the tree of the renderer.
pub(crate) fn tree(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(b) => Value::Bool(b),
        serde_json::Value::Number(n) => {
            n.as_i64().map_or_else(|| Value::Float(n.as_f64().unwrap()), |i| Value::Int(i.into()))
        }
        serde_json::Value::String(text) => Value::String(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(tree).collect()),
        serde_json::Value::Object(map) => Value::Map(Map(map.into_iter().map(|(k, v)| (k, tree(v))).collect())),
    }
}

const DIGEST: &str = "r@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn good_container() -> serde_json::Value {
    let probe = json!({"httpGet": {"path": "/", "port": 8080}});
    json!({
        "name": "model", "image": DIGEST, "readinessProbe": probe, "livenessProbe": probe,
        "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {"allowPrivilegeEscalation": false},
    })
}

fn deployment(container: serde_json::Value) -> Value {
    tree(json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "churn"},
        "spec": {"replicas": 2, "template": {"spec": {
            "securityContext": {"runAsNonRoot": true}, "containers": [container],
        }}},
    }))
}

fn found(policy: Policy, objects: &[Value]) -> Vec<String> {
    policy.judge(objects).findings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_good_deployment_keeps_to_every_policy() {
    let objects = [deployment(good_container())];
    for (policy, name, _) in Policy::ALL {
        assert_eq!(policy.name(), name);
        assert_eq!(policy.judge(&objects), Judged { looked_at: 1, findings: vec![] }, "{name}");
    }
}

#[test]
fn what_is_not_there_was_not_looked_at() {
    let service = tree(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "churn"}}));
    for (policy, name, _) in Policy::ALL {
        assert_eq!(policy.judge(std::slice::from_ref(&service)).looked_at, 0, "{name}");
    }
}

#[test]
fn each_lack_is_found_with_its_object_and_path() {
    let place = "Deployment churn: spec.template.spec.containers[model]";
    let cases: [(Policy, &str, serde_json::Value, &str); 14] = [
        (Policy::Resources, "resources", json!(null), ".resources.requests.cpu: not set"),
        (Policy::Resources, "resources", json!({"limits": {"cpu": 1}}), ".resources.requests.memory: not set"),
        (
            Policy::Resources,
            "resources",
            json!({"requests": {"cpu": 1, "memory": "2Gi"}, "limits": {"memory": "1Gi"}}),
            ".resources.requests.memory: \"2Gi\" is more than the limit, \"1Gi\"",
        ),
        (Policy::Resources, "resources", json!({"limits": {"cpu": "0", "memory": "1Gi"}}), ".cpu: found \"0\""),
        (Policy::Resources, "resources", json!({"limits": {"cpu": 1, "memory": "1GB"}}), ".memory: found \"1GB\""),
        (Policy::Probes, "readinessProbe", json!(null), ".readinessProbe: not set"),
        (Policy::Probes, "livenessProbe", json!({"periodSeconds": 3}), ".livenessProbe: not set"),
        (Policy::NonRoot, "securityContext", json!({}), ".allowPrivilegeEscalation: not set"),
        (
            Policy::NonRoot,
            "securityContext",
            json!({"runAsNonRoot": false, "allowPrivilegeEscalation": false}),
            ".runAsNonRoot: found false",
        ),
        (
            Policy::NonRoot,
            "securityContext",
            json!({"runAsUser": 0, "allowPrivilegeEscalation": false}),
            ".runAsUser: found 0",
        ),
        (
            Policy::NonRoot,
            "securityContext",
            json!({"privileged": true, "allowPrivilegeEscalation": false}),
            ".privileged: found true",
        ),
        (Policy::Digest, "image", json!("r:v1"), ".image: found \"r:v1\""),
        (Policy::Digest, "image", json!("r@sha256:12"), ".image: found \"r@sha256:12\""),
        (Policy::Digest, "image", json!(null), ".image: found no image"),
    ];
    for (policy, field, value, expected) in cases {
        let mut container = good_container();
        container[field] = value;
        let said = found(policy, &[deployment(container)]);
        assert!(said.iter().any(|s| s.starts_with(place) && s.contains(expected)), "{expected} is missing in {said:?}");
    }
}

#[test]
fn pods_are_found_wherever_they_are_and_data_is_not_taken_for_them() {
    let containers = json!({"containers": [{"name": "model", "image": "r:v1"}], "initContainers": [{"name": "get", "image": "i:v1"}]});
    let objects: Vec<Value> = [
        json!({"kind": "Rollout", "metadata": {"name": "a"}, "spec": {"template": {"spec": containers}}}),
        json!({"kind": "InferenceService", "metadata": {"name": "b"}, "spec": {"predictor": containers}}),
        json!({"kind": "SeldonDeployment", "metadata": {"name": "c"}, "spec": {"predictors": [
            {"name": "main", "componentSpecs": [{"spec": containers}]}]}}),
        json!({"kind": "CronJob", "metadata": {"name": "d"}, "spec": {"jobTemplate": {"spec": {"template": {"spec": containers}}}}}),
        json!({"kind": "CustomResourceDefinition", "metadata": {"name": "e"}, "spec": containers}),
    ]
    .into_iter()
    .map(tree)
    .collect();
    let said = found(Policy::Digest, &objects);
    for path in [
        "Rollout a: spec.template.spec.containers[model].image",
        "InferenceService b: spec.predictor.containers[model].image",
        "SeldonDeployment c: spec.predictors[main].componentSpecs[0].spec.containers[model].image",
        "CronJob d: spec.jobTemplate.spec.template.spec.initContainers[get].image",
    ] {
        assert!(said.iter().any(|s| s.starts_with(path)), "{path} is missing in {said:#?}");
    }
    assert_eq!(said.len(), 8);
    // A job has no probes, an init container ends.
    assert_eq!(Policy::Probes.judge(&objects).looked_at, 3);
    let served = tree(json!({"kind": "InferenceService", "metadata": {"name": "f"}, "spec": {"predictor": {
        "model": {"storageUri": "s3://m"}}}}));
    assert_eq!(
        Policy::Digest.judge(std::slice::from_ref(&served)).looked_at,
        0,
        "the runtime's image is the cluster's"
    );
    let address = |uri: &str| {
        tree(json!({"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": "g"},
            "spec": {"predictor": {"model": {"storageUri": uri, "storageUris": [{"uri": "s3://more"}]}}}}))
    };
    let tag = [address("oci://ghcr.io/acme/churn:v1")];
    assert!(found(Policy::Digest, &tag)[0].starts_with(
        "InferenceService g: spec.predictor.model.storageUri: found \"ghcr.io/acme/churn:v1\", expected NAME@sha256"
    ));
    assert_eq!(unpinned_images(&tag), ["ghcr.io/acme/churn:v1"]);
    let pinned = [address(&format!("oci+native://ghcr.io/acme/churn@sha256:{}", "0".repeat(64)))];
    assert_eq!((Policy::Digest.judge(&pinned).looked_at, found(Policy::Digest, &pinned).len()), (1, 0));
    assert_eq!(Policy::Resources.judge(&[served]).findings.len(), 3);
}

#[test]
fn replicas_are_counted_by_whoever_decides_them() {
    let of = |replicas: serde_json::Value| {
        tree(json!({"kind": "Deployment", "metadata": {"name": "churn"}, "spec": {"replicas": replicas}}))
    };
    let scaler = |least: serde_json::Value| {
        tree(json!({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "scale"}, "spec": {
            "minReplicas": least, "scaleTargetRef": {"kind": "Deployment", "name": "churn"}}}))
    };
    assert_eq!(found(Policy::Replicas, &[of(json!(2))]), Vec::<String>::new());
    assert!(found(Policy::Replicas, &[of(json!(null))])[0].contains("spec.replicas: not set, which is 1"));
    assert_eq!(found(Policy::Replicas, &[of(json!(null)), scaler(json!(3))]), Vec::<String>::new());
    assert!(
        found(Policy::Replicas, &[of(json!(5)), scaler(json!(1))])[0]
            .contains("minReplicas of HorizontalPodAutoscaler scale: found 1")
    );
    let seldon =
        tree(json!({"kind": "SeldonDeployment", "metadata": {"name": "s"}, "spec": {"replicas": 2, "predictors": [
        {"name": "a"}, {"name": "b", "replicas": 1}]}}));
    assert_eq!(found(Policy::Replicas, std::slice::from_ref(&seldon)).len(), 1);
    let served =
        tree(json!({"kind": "InferenceService", "metadata": {"name": "k"}, "spec": {"predictor": {"minReplicas": 0}}}));
    assert!(found(Policy::Replicas, &[served])[0].contains("found 0"));
}
