//! Policies on rendered objects: what a container that serves a model should have before it goes anywhere.

use super::pods::{Container, Pod, Role, pods};
use super::{Finding, item_path, key_path, name_of, quantity, shown};
use crate::kustomize::Value;
use crate::kustomize::address::{self, Address};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Resources,
    Probes,
    NonRoot,
    Digest,
    Replicas,
}

/// What a policy found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Containers, images or workloads that were looked at. Zero: the policy has nothing to say, which is no pass.
    pub looked_at: usize,
    pub findings: Vec<Finding>,
}

impl Policy {
    /// With the key of `mlops.yaml` and the rule in words.
    pub const ALL: [(Policy, &'static str, &'static str); 5] = [
        (Policy::Resources, "resources", "every container requests cpu and memory and limits its memory"),
        (Policy::Probes, "probes", "every container that serves has a readiness and a liveness probe"),
        (Policy::NonRoot, "non_root", "no container runs as root or privileged"),
        (Policy::Digest, "digest", "every image is named by its digest"),
        (Policy::Replicas, "replicas", "every workload that serves runs at least two replicas"),
    ];

    pub fn name(self) -> &'static str {
        Policy::ALL[self as usize].1
    }

    pub fn rule(self) -> &'static str {
        Policy::ALL[self as usize].2
    }

    /// What is counted.
    pub fn unit(self) -> &'static str {
        match self {
            Policy::Replicas => "workload",
            Policy::Digest => "image",
            _ => "container",
        }
    }

    pub fn judge(self, objects: &[Value]) -> Judged {
        let mut judged = Judged::default();
        if self == Policy::Replicas {
            replicas(objects, &mut judged);
            return judged;
        }
        for pod in pods(objects) {
            for container in pod.containers() {
                if !self.concerns(&pod, &container) {
                    continue;
                }
                judged.looked_at += 1;
                let found = match self {
                    Policy::Resources => resources(&container),
                    Policy::Probes => probes(&container),
                    Policy::NonRoot => non_root(&pod, &container),
                    Policy::Digest => digest(&container),
                    Policy::Replicas => Vec::new(),
                };
                judged.findings.extend(found.into_iter().map(|(path, message)| Finding {
                    object: pod.object.clone(),
                    path,
                    message,
                }));
            }
        }
        if self == Policy::Digest {
            for (object, address) in addresses(objects) {
                judged.looked_at += 1;
                let path = address.pointer.trim_start_matches('/').replace('/', ".");
                judged.findings.extend(unpinned(address.image).map(|image| Finding {
                    object: name_of(object),
                    path,
                    message: unpinned_message(image),
                }));
            }
        }
        judged
    }

    fn concerns(self, pod: &Pod<'_>, container: &Container<'_>) -> bool {
        match self {
            Policy::Probes => container.role == Role::Main && !pod.is_job(),
            Policy::NonRoot | Policy::Digest => container.role != Role::OfRuntime,
            Policy::Resources | Policy::Replicas => true,
        }
    }
}

/// The images that [`Policy::Digest`] objects to.
pub fn unpinned_images(objects: &[Value]) -> Vec<&str> {
    let mut found = Vec::new();
    for pod in pods(objects) {
        let concerned = pod.containers().into_iter().filter(|container| Policy::Digest.concerns(&pod, container));
        found.extend(concerned.filter_map(|container| unpinned(container.value.str_at(&["image"]))));
    }
    found.extend(addresses(objects).filter_map(|(_, address)| unpinned(address.image)));
    found
}

/// The addresses of images in KServe's objects, each with its object.
fn addresses(objects: &[Value]) -> impl Iterator<Item = (&Value, Address<'_>)> {
    objects.iter().flat_map(|object| address::of(object).into_iter().map(move |found| (object, found)))
}

/// An image, if it is named by no digest.
fn unpinned(image: &str) -> Option<&str> {
    let digest = image.rsplit_once("@sha256:").map(|(_, digest)| digest);
    let is_pinned = digest.is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    (!is_pinned).then_some(image)
}

/// Path and message of each thing that is wrong.
type Found = Vec<(String, String)>;

fn resources(container: &Container<'_>) -> Found {
    let mut found = Vec::new();
    let path = key_path(&container.path, "resources");
    let at = |of: &str, what: &str| container.value.at(&["resources", of, what]).filter(|value| !value.is_null());
    for (of, what, example) in
        [("requests", "cpu", "500m"), ("requests", "memory", "512Mi"), ("limits", "memory", "1Gi")]
    {
        // A limit alone is the request too, as the API server fills it in.
        let value = at(of, what).or_else(|| at("limits", what));
        match value.map(|value| (value, quantity::number(value))) {
            Some((_, Some(number))) if number > 0.0 => {}
            Some((value, _)) => {
                let message = format!("found {}, expected a quantity above zero such as {example}", shown(value));
                found.push((format!("{path}.{of}.{what}"), message));
            }
            None => found.push((format!("{path}.{of}.{what}"), format!("not set; such as {example}"))),
        }
    }
    for what in ["cpu", "memory"] {
        let (Some(request), Some(limit)) = (at("requests", what), at("limits", what)) else { continue };
        if quantity::number(request).zip(quantity::number(limit)).is_some_and(|(request, limit)| request > limit) {
            let message = format!("{} is more than the limit, {}", shown(request), shown(limit));
            found.push((format!("{path}.requests.{what}"), message));
        }
    }
    found
}

fn probes(container: &Container<'_>) -> Found {
    let missing = |key: &&str| container.value.at(&[key]).is_none_or(|probe| !has_handler(probe));
    ["readinessProbe", "livenessProbe"]
        .into_iter()
        .filter(missing)
        .map(|key| {
            let message = "not set; such as {httpGet: {path: /healthz, port: http}}".to_string();
            (key_path(&container.path, key), message)
        })
        .collect()
}

fn has_handler(probe: &Value) -> bool {
    ["httpGet", "tcpSocket", "grpc", "exec"].iter().any(|handler| probe.at(&[handler]).is_some_and(|h| !h.is_null()))
}

fn non_root(pod: &Pod<'_>, container: &Container<'_>) -> Found {
    let of_container = |key: &str| container.value.at(&["securityContext", key]).filter(|value| !value.is_null());
    let of_pod = |key: &str| pod.spec.at(&["securityContext", key]).filter(|value| !value.is_null());
    // What the container says counts more than what the pod says.
    let effective = |key: &str| of_container(key).or_else(|| of_pod(key));
    let path = key_path(&container.path, "securityContext");
    let mut found = Vec::new();
    match effective("runAsNonRoot") {
        Some(Value::Bool(true)) => {}
        Some(value) => found.push((format!("{path}.runAsNonRoot"), format!("found {}, expected true", shown(value)))),
        None => found.push((format!("{path}.runAsNonRoot"), "not set; true, here or for the pod".into())),
    }
    if let Some(Value::Int(0)) = effective("runAsUser") {
        found.push((format!("{path}.runAsUser"), "found 0, which is root; a user such as 10001".into()));
    }
    if let Some(Value::Bool(true)) = of_container("privileged") {
        found.push((format!("{path}.privileged"), "found true: a privileged container is root of its node".into()));
    }
    match of_container("allowPrivilegeEscalation") {
        Some(Value::Bool(false)) => {}
        Some(value) => {
            found.push((format!("{path}.allowPrivilegeEscalation"), format!("found {}, expected false", shown(value))));
        }
        None => found.push((format!("{path}.allowPrivilegeEscalation"), "not set, which allows it; false".into())),
    }
    found
}

fn digest(container: &Container<'_>) -> Found {
    let image = unpinned(container.value.str_at(&["image"]));
    image.map(|image| (key_path(&container.path, "image"), unpinned_message(image))).into_iter().collect()
}

fn unpinned_message(image: &str) -> String {
    let found = if image.is_empty() { "no image".into() } else { format!("{image:?}") };
    format!("found {found}, expected NAME@sha256:…; a tag can be moved to another image")
}

/// Where a workload's number of replicas lies, by its kind.
fn replica_fields(object: &Value) -> Option<Vec<(String, Option<&Value>)>> {
    let one = |path: &[&str]| Some(vec![(path.join("."), object.at(path))]);
    match object.str_at(&["kind"]) {
        "Deployment" | "StatefulSet" | "ReplicaSet" | "Rollout" => one(&["spec", "replicas"]),
        "InferenceService" => one(&["spec", "predictor", "minReplicas"]),
        "SeldonDeployment" => {
            let of_all = object.at(&["spec", "replicas"]);
            let predictors = object.at(&["spec", "predictors"]).and_then(Value::as_list).unwrap_or_default();
            let own = |predictor| Value::at(predictor, &["replicas"]).filter(|value| !value.is_null());
            let field = |at, predictor| {
                (format!("{}.replicas", item_path("spec.predictors", at, predictor)), own(predictor).or(of_all))
            };
            Some(predictors.iter().enumerate().map(|(at, predictor)| field(at, predictor)).collect())
        }
        _ => None,
    }
}

fn replicas(objects: &[Value], judged: &mut Judged) {
    let scalers: Vec<(&Value, &str)> =
        objects.iter().filter_map(|object| Some((object, least_field(object)?))).collect();
    for object in objects {
        let Some(fields) = replica_fields(object) else { continue };
        let scaled = autoscaled(&scalers, object);
        for (path, value) in fields {
            judged.looked_at += 1;
            let value = value.filter(|value| !value.is_null());
            let number = |value: Option<&Value>| match value {
                Some(Value::Int(number)) => *number,
                // What a Deployment, an autoscaler and KServe take when nothing is said.
                _ => 1,
            };
            let (path, found, least) = match &scaled {
                Some((name, least)) => (format!("minReplicas of {name}"), least.map(shown), number(*least)),
                None => (path, value.map(shown), number(value)),
            };
            if least < 2 {
                let found = found.map_or("not set, which is 1".into(), |found| format!("found {found}"));
                let message = format!("{found}, expected 2 or more: with one, every restart is an outage");
                judged.findings.push(Finding { object: name_of(object), path, message });
            }
        }
    }
}

/// Where an autoscaler has the least number of replicas; None for what is no autoscaler.
fn least_field(object: &Value) -> Option<&'static str> {
    match object.str_at(&["kind"]) {
        "HorizontalPodAutoscaler" => Some("minReplicas"),
        "ScaledObject" => Some("minReplicaCount"),
        _ => None,
    }
}

/// The autoscaler that decides the number of a workload's replicas, with the least that it sets.
fn autoscaled<'a>(scalers: &[(&'a Value, &str)], workload: &Value) -> Option<(String, Option<&'a Value>)> {
    let is_of = |scaler: &Value| {
        let target = |key: &str| scaler.str_at(&["spec", "scaleTargetRef", key]);
        // KEDA takes a Deployment when nothing is said.
        let kind = if target("kind").is_empty() { "Deployment" } else { target("kind") };
        kind == workload.str_at(&["kind"])
            && target("name") == workload.str_at(&["metadata", "name"])
            && scaler.str_at(&["metadata", "namespace"]) == workload.str_at(&["metadata", "namespace"])
    };
    let (scaler, field) = scalers.iter().find(|(scaler, _)| is_of(scaler))?;
    Some((name_of(scaler), scaler.at(&["spec", field])))
}

#[cfg(test)]
#[path = "policy/tests.rs"]
pub(super) mod tests;
