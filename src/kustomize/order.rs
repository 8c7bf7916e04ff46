//! The order of the documents at the root: by kind, those that others depend on first, then by name.

use super::kustomization::Sort;
use super::resource::{Id, Resource};

const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Sorts into Kustomize's legacy order, or into the order of kinds that `sortOptions` gives.
pub(crate) fn legacy(resources: &mut [Resource], options: Option<&Sort>) {
    let given = match options {
        Some(Sort::Legacy(lists)) => lists.as_ref(),
        _ => None,
    };
    let rank = |kind: &str| -> i64 {
        let (first, last) = match given {
            Some((first, last)) => (position(first, kind), position(last, kind)),
            None => (position(&FIRST, kind), position(&LAST, kind)),
        };
        let count = given.map_or(FIRST.len(), |(first, _)| first.len()) as i64;
        last.map_or_else(|| first.map_or(0, |at| at as i64 - count), |at| at as i64 + 1)
    };
    resources.sort_by_cached_key(|r| {
        let id = r.id();
        (rank(&id.gvk.kind), kind_key(&id), id_key(&id))
    });
}

fn position(list: &[impl AsRef<str>], kind: &str) -> Option<usize> {
    list.iter().rposition(|k| k.as_ref() == kind)
}

fn or<'t>(text: &'t str, absent: &'t str) -> &'t str {
    if text.is_empty() { absent } else { text }
}

fn kind_key(id: &Id) -> String {
    format!("{}_{}_{}", or(&id.gvk.group, "~G"), or(&id.gvk.version, "~V"), or(&id.gvk.kind, "~K"))
}

fn id_key(id: &Id) -> String {
    format!("{}|{}", or(&id.namespace, "~X"), or(&id.name, "~N"))
}
