//! What the API server refuses although it fits the schema: names and labels of the wrong letters, selectors that do not
//! match the pods, names that stand twice, mounts of volumes that are not there.

use super::pods::pods;
use super::{Finding, item_path, key_path, name_of, shown};
use crate::kustomize::{Map, Value};
use std::collections::BTreeSet;

pub(super) fn check(object: &Value, found: &mut Vec<Finding>) {
    let mut add = |path: String, message: String| found.push(Finding { object: name_of(object), path, message });
    let name = object.str_at(&["metadata", "name"]);
    // Roles and their bindings may have colons and capitals.
    let is_free = object.str_at(&["apiVersion"]).starts_with("rbac.authorization.k8s.io/");
    if !name.is_empty() && !is_free && !is_name(name) {
        let message = format!("found {name:?}, expected lower-case letters, digits, - and ., at most 253");
        add("metadata.name".into(), message);
    }
    for path in [&["metadata", "labels"][..], &["spec", "template", "metadata", "labels"]] {
        for (key, value) in entries(object, path) {
            if value.as_str().is_some_and(|text| !is_label_value(text)) {
                let message = format!(
                    "found {}, expected at most 63 letters, digits, -, _ and ., with a letter or digit at both ends",
                    shown(value)
                );
                add(key_path(&path.join("."), key), message);
            }
        }
    }
    for (key, value) in entries(object, &["spec", "selector", "matchLabels"]) {
        let of_pods = object.at(&["spec", "template", "metadata", "labels", key]);
        if object.at(&["spec", "template"]).is_some_and(|template| template.as_map().is_some())
            && of_pods != Some(value)
        {
            let has = of_pods.map_or("none".to_string(), shown);
            let message = format!("found {}, the pods have {has}: their labels must match", shown(value));
            add(key_path("spec.selector.matchLabels", key), message);
        }
    }
    for pod in pods(std::slice::from_ref(object)) {
        let mut names = BTreeSet::new();
        for container in pod.containers() {
            let name = container.value.str_at(&["name"]);
            if !name.is_empty() && !names.insert(name) {
                add(container.path.clone(), "stands twice: a container's name is its own".into());
            }
        }
        let volumes = pod.spec.at(&["volumes"]).and_then(Value::as_list).unwrap_or_default();
        let claims = object.at(&["spec", "volumeClaimTemplates"]).and_then(Value::as_list).unwrap_or_default();
        let mut known: BTreeSet<&str> = claims.iter().map(|claim| claim.str_at(&["metadata", "name"])).collect();
        for (at, volume) in volumes.iter().enumerate() {
            let name = volume.str_at(&["name"]);
            if !name.is_empty() && !known.insert(name) {
                add(
                    item_path(&key_path(&pod.path, "volumes"), at, volume),
                    "stands twice: a volume's name is its own".into(),
                );
            }
        }
        for container in pod.containers() {
            let mounts = container.value.at(&["volumeMounts"]).and_then(Value::as_list).unwrap_or_default();
            for (at, mount) in mounts.iter().enumerate() {
                let name = mount.str_at(&["name"]);
                if !name.is_empty() && !known.contains(name) {
                    let path = item_path(&key_path(&container.path, "volumeMounts"), at, mount);
                    add(path, format!("the pod has no volume `{name}`"));
                }
            }
        }
    }
}

fn entries<'a>(object: &'a Value, path: &[&str]) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let map: Option<&Map> = object.at(path).and_then(Value::as_map);
    map.into_iter().flat_map(|map| map.0.iter().map(|(key, value)| (key.as_str(), value)))
}

/// A DNS subdomain, RFC 1123. Kinds whose names are shorter or have no dots are not told apart.
fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        part.starts_with(ends) && part.ends_with(ends) && part.chars().all(|c| ends(c) || c == '-')
    };
    // CustomResourceDefinitions and APIServices too have names of such parts.
    name.len() <= 253 && name.split('.').all(is_part)
}

/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>
fn is_label_value(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    text.is_empty()
        || (text.len() <= 63
            && text.starts_with(ends)
            && text.ends_with(ends)
            && text.chars().all(|c| ends(c) || matches!(c, '-' | '_' | '.')))
}
