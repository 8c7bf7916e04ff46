//! The built-in transformations: namespace, prefix and suffix, labels, annotations, replicas, images.

use super::ImageEdit;
use super::error::{Error, Result};
use super::field_spec::{self, FieldSpec, Leaf};
use super::kustomization::{Image, Kustomization};
use super::resource::{Gvk, Resource};
use super::transformer_config::Config;
use super::value::Value;
use regex::Regex;

/// Sets the namespace of everything that has one, and of what refers to it.
pub(crate) fn namespace(
    resources: &mut [Resource],
    namespace: &str,
    specs: &[FieldSpec],
    subjects: Subjects,
    unset_only: bool,
) -> Result<()> {
    if namespace.is_empty() {
        return Ok(());
    }
    for resource in resources.iter_mut() {
        resource.remember();
        if !resource.id().is_cluster_scoped() && (!unset_only || resource.namespace().is_empty()) {
            resource.set_namespace(namespace);
        }
        if matches!(resource.kind(), "RoleBinding" | "ClusterRoleBinding") {
            set_subjects(&mut resource.value, namespace, subjects, unset_only);
        }
        for spec in specs.iter().filter(|s| !is_handled(s)) {
            set_all(resource, spec, Leaf::Scalar, &mut |node| {
                if !node.is_scalar() {
                    return Err(format!("a namespace is a string, found {}", node.type_name()));
                }
                if !unset_only || node.as_str().unwrap_or_default().is_empty() {
                    *node = Value::string(namespace);
                }
                Ok(())
            })?;
        }
    }
    let ids: Vec<_> = resources.iter().map(Resource::id).collect();
    unique(&ids).map_err(|e| Error::new(format!("setting the namespace {namespace} makes two of one: {e}")))
}

/// Whether a spec names a field that is set in its own way.
fn is_handled(spec: &FieldSpec) -> bool {
    let path: Vec<_> = spec.path.iter().map(|s| s.name.as_str()).collect();
    matches!(path[..], ["metadata" | "subjects", "namespace"])
}

/// Which subjects of role bindings the namespace is set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subjects {
    /// Those named `default`: the service account of the namespace.
    Default,
    ServiceAccounts,
    None,
}

fn set_subjects(object: &mut Value, namespace: &str, which: Subjects, unset_only: bool) {
    let Some(Value::List(subjects)) = object.as_map_mut().and_then(|m| m.get_mut("subjects")) else { return };
    for subject in subjects.iter_mut().filter_map(Value::as_map_mut) {
        let text = |field| subject.get(field).and_then(Value::as_str).unwrap_or_default();
        let chosen = match which {
            Subjects::Default => text("name") == "default",
            Subjects::ServiceAccounts => text("kind") == "ServiceAccount",
            Subjects::None => false,
        };
        if chosen && (!unset_only || text("namespace").is_empty()) {
            subject.set("namespace", Value::string(namespace));
        }
    }
}

/// Fails when two objects share an id.
pub(crate) fn unique(ids: &[super::resource::Id]) -> Result<(), String> {
    let mut seen = std::collections::HashSet::new();
    for id in ids {
        let key = (id.effective_namespace(), &id.name, &id.gvk.group, &id.gvk.version, &id.gvk.kind);
        if !seen.insert(key) {
            return Err(id.to_string());
        }
    }
    Ok(())
}

/// Kinds whose names are given from outside and never change.
fn keeps_its_name(gvk: &Gvk) -> bool {
    matches!(gvk.kind.as_str(), "CustomResourceDefinition" | "Namespace")
        || (gvk.kind == "APIService" && gvk.group == "apiregistration.k8s.io")
}

/// Puts a prefix before and a suffix behind the fields of the specs, `metadata.name` above all.
pub(crate) fn prefix_and_suffix(
    resources: &mut [Resource],
    prefix: &str,
    suffix: &str,
    prefix_specs: &[FieldSpec],
    suffix_specs: &[FieldSpec],
) -> Result<()> {
    for (text, specs, is_prefix) in [(prefix, prefix_specs, true), (suffix, suffix_specs, false)] {
        if text.is_empty() {
            continue;
        }
        for resource in resources.iter_mut().filter(|r| !keeps_its_name(&r.original_id().gvk)) {
            let gvk = resource.original_id().gvk;
            for spec in specs.iter().filter(|s| gvk.is_selected(&s.gvk)) {
                if matches!(&spec.path[..], [a, b] if a.name == "metadata" && b.name == "name") {
                    let layers = if is_prefix { &mut resource.prefixes } else { &mut resource.suffixes };
                    layers.push(text.to_owned());
                    resource.remember();
                }
                set_all(resource, spec, Leaf::Scalar, &mut |node| {
                    if let Some(old) = node.scalar_text().filter(|_| !node.is_null()) {
                        *node = Value::String(if is_prefix { format!("{text}{old}") } else { format!("{old}{text}") });
                    }
                    Ok(())
                })?;
            }
        }
    }
    Ok(())
}

/// `labels` entries, then `commonLabels`.
pub(crate) fn labels(resources: &mut [Resource], from: &Kustomization, config: &Config) -> Result<()> {
    for (i, entry) in from.labels.iter().enumerate() {
        let specs = super::plugins::label_specs(entry, config);
        set_pairs(resources, &specs, &entry.pairs).map_err(|e| e.in_field(&format!("labels[{i}]")))?;
    }
    set_pairs(resources, &config.common_labels, &from.common_labels).map_err(|e| e.in_field("commonLabels"))
}

pub(crate) fn set_pairs(resources: &mut [Resource], specs: &[FieldSpec], pairs: &[(String, String)]) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    for resource in resources {
        for spec in specs {
            set_all(resource, spec, Leaf::Map, &mut |node| match node {
                Value::Map(map) => {
                    pairs.iter().for_each(|(key, value)| map.set(key, Value::string(value)));
                    Ok(())
                }
                other => Err(format!("expected a mapping, found {}", other.type_name())),
            })?;
        }
    }
    Ok(())
}

/// Applies `set` where the spec leads in one object, and says where it failed.
pub(crate) fn set_all(
    resource: &mut Resource,
    spec: &FieldSpec,
    leaf: Leaf,
    set: &mut dyn FnMut(&mut Value) -> Result<(), String>,
) -> Result<()> {
    spec.apply(&mut resource.value, leaf, set).map_err(|e| {
        let path: Vec<_> = spec.path.iter().map(|s| s.name.as_str()).collect();
        Error::new(format!("{}, field {}: {e}", resource.id(), path.join(".")))
    })
}

pub(crate) fn replicas(resources: &mut [Resource], counts: &[(String, i128)], specs: &[FieldSpec]) -> Result<()> {
    for (i, (name, count)) in counts.iter().enumerate() {
        let mut found = false;
        for resource in resources.iter_mut() {
            for spec in specs {
                let named = |id: &super::resource::Id| id.name == *name && id.gvk.is_selected(&spec.gvk);
                if named(&resource.id()) || resource.previous_ids().any(|id| named(&id)) {
                    found = true;
                    set_all(resource, spec, Leaf::Scalar, &mut |node| {
                        *node = Value::Int(*count);
                        Ok(())
                    })?;
                }
            }
        }
        if !found {
            let kinds = "Deployment, ReplicationController, ReplicaSet or StatefulSet";
            return Err(Error::new(format!("there is no {kinds} named {name}")).in_field(&format!("replicas[{i}]")));
        }
    }
    Ok(())
}

/// Sets images in every list called `containers` or `initContainers`, at whatever depth, and where the specs lead.
pub(crate) fn images(resources: &mut [Resource], images: &[Image], specs: &[FieldSpec]) -> Result<()> {
    for (i, Image { edit, tag_suffix }) in images.iter().enumerate() {
        let wrong = |e: String| Error::new(e).in_field(&format!("images[{i}]"));
        let pattern = matcher(&edit.name).map_err(wrong)?;
        let set = |node: &mut Value| match node.as_str() {
            Some(image) if pattern.is_match(image) => {
                *node = Value::string(renamed(image, edit, tag_suffix.as_deref()))
            }
            _ => {}
        };
        for resource in resources.iter_mut().filter(|r| r.kind() != "CustomResourceDefinition") {
            containers(&mut resource.value, &mut |container| {
                if let Some(image) = container.as_map_mut().and_then(|m| m.get_mut("image")) {
                    set(image);
                }
            });
            // Field specs with `[]` reach only what the walk above has reached, unless the list has another shape.
            for spec in specs {
                if resource.gvk().is_selected(&spec.gvk) {
                    let _ = field_spec::walk(&mut resource.value, &spec.path, None, &mut |node| {
                        set(node);
                        Ok(())
                    });
                }
            }
        }
    }
    Ok(())
}

fn containers(node: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    match node {
        Value::Map(map) => {
            for (key, value) in &mut map.0 {
                if let (true, Value::List(list)) =
                    (matches!(key.as_str(), "containers" | "initContainers"), &mut *value)
                {
                    list.iter_mut().for_each(&mut *visit);
                }
                containers(value, visit);
            }
        }
        Value::List(list) => list.iter_mut().for_each(|item| containers(item, visit)),
        _ => {}
    }
}

/// The references that an entry of `images` means: its name as a regular expression, with any tag and digest.
fn matcher(name: &str) -> Result<Regex, String> {
    Regex::new(&format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$"))
        .map_err(|e| format!("the name {name:?} is not usable as a pattern: {e}"))
}

/// The image reference after an edit. A tag or a digest replaces both the old tag and the old digest.
fn renamed(image: &str, edit: &ImageEdit, tag_suffix: Option<&str>) -> String {
    let (name, mut tag, mut digest) = split(image);
    let name = edit.new_name.as_deref().unwrap_or(name);
    let suffixed;
    match (&edit.new_tag, &edit.digest, tag_suffix) {
        (Some(new_tag), new_digest, _) => (tag, digest) = (new_tag, new_digest.as_deref().unwrap_or_default()),
        (None, Some(new_digest), _) => (tag, digest) = ("", new_digest),
        (None, None, Some(suffix)) => {
            suffixed = format!("{tag}{suffix}");
            (tag, digest) = (&suffixed, "");
        }
        (None, None, None) => {}
    }
    let colon = if tag.is_empty() { "" } else { ":" };
    let at = if digest.is_empty() { "" } else { "@" };
    format!("{name}{colon}{tag}{at}{digest}")
}

/// Name, tag and digest of a reference; a port in the registry's name is no tag.
pub(crate) fn split(image: &str) -> (&str, &str, &str) {
    let (rest, digest) = image.split_once('@').unwrap_or((image, ""));
    let path = rest.find('/').filter(|at| *at > 0).unwrap_or(0);
    match rest[path..].find(':') {
        Some(colon) => (&rest[..path + colon], &rest[path + colon + 1..], digest),
        None => (rest, "", digest),
    }
}
