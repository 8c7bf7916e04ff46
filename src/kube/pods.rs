//! The containers that objects run, whatever the kind: a pod template of Kubernetes, a Rollout, a SeldonDeployment's
//! component, a predictor of KServe. What has a list called `containers` runs them.

use super::{item_path, key_path, name_of};
use crate::kustomize::{Map, Value};

/// A pod that an object runs.
pub(super) struct Pod<'a> {
    pub object: String,
    pub kind: &'a str,
    /// Where its spec lies: `spec.template.spec`.
    pub path: String,
    pub spec: &'a Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Main,
    /// Runs to its end before the others; one that stays (a sidecar) has `restartPolicy: Always`.
    Init,
    /// A model served by a runtime of the cluster (KServe's `predictor.model`): probes and image are the runtime's.
    OfRuntime,
}

pub(super) struct Container<'a> {
    pub path: String,
    pub role: Role,
    pub value: &'a Value,
}

/// Kinds that hold other people's objects as data.
const DATA: [&str; 3] = ["CustomResourceDefinition", "ConfigMap", "Secret"];

pub(super) fn pods(objects: &[Value]) -> Vec<Pod<'_>> {
    let mut found = Vec::new();
    for object in objects {
        let kind = object.str_at(&["kind"]);
        if let (Value::Map(map), false) = (object, DATA.contains(&kind)) {
            walk(map, object, kind, "", &mut found);
        }
    }
    found
}

fn walk<'a>(map: &'a Map, object: &'a Value, kind: &'a str, path: &str, found: &mut Vec<Pod<'a>>) {
    for (key, value) in &map.0 {
        let here = key_path(path, key);
        let is_component = kind == "InferenceService" && value.at(&["model"]).is_some_and(|m| m.as_map().is_some());
        match value {
            Value::Map(inner) => {
                if is_component || inner.get("containers").is_some_and(|c| c.as_list().is_some()) {
                    found.push(Pod { object: name_of(object), kind, path: here.clone(), spec: value });
                }
                walk(inner, object, kind, &here, found);
            }
            Value::List(list) => {
                for (at, item) in list.iter().enumerate() {
                    let here = item_path(&here, at, item);
                    if let Value::Map(inner) = item {
                        walk(inner, object, kind, &here, found);
                    }
                }
            }
            _ => {}
        }
    }
}

impl<'a> Pod<'a> {
    pub fn containers(&self) -> Vec<Container<'a>> {
        let list = |key: &str, role: Role| {
            let items = self.spec.at(&[key]).and_then(Value::as_list).unwrap_or_default();
            let path = key_path(&self.path, key);
            items
                .iter()
                .enumerate()
                .map(move |(at, value)| Container { path: item_path(&path, at, value), role, value })
                .collect::<Vec<_>>()
        };
        let mut found = list("initContainers", Role::Init);
        found.extend(list("containers", Role::Main));
        if let (true, Some(value)) = (self.kind == "InferenceService", self.spec.at(&["model"])) {
            found.push(Container { path: key_path(&self.path, "model"), role: Role::OfRuntime, value });
        }
        found
    }

    /// Whether it ends by itself: nothing asks whether it is ready.
    pub fn is_job(&self) -> bool {
        matches!(self.kind, "Job" | "CronJob")
    }
}
