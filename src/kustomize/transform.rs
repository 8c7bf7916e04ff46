//! The built-in transformations: namespace, prefix and suffix, labels, annotations, replicas, images.

use super::ImageEdit;
use super::address;
use super::aliases::Step;
use super::error::{Error, Result};
use super::field_spec::{self, FieldSpec, Leaf, Set};
use super::kustomization::Image;
use super::resource::{Gvk, Resource};
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
        set_namespace(resource, namespace, specs, subjects, unset_only)?;
    }
    let ids: Vec<_> = resources.iter().map(Resource::id).collect();
    unique(&ids).map_err(|e| Error::new(format!("setting the namespace {namespace} makes two of one: {e}")))
}

/// Sets the namespace of one object and where the specs lead.
pub(crate) fn set_namespace(
    resource: &mut Resource,
    namespace: &str,
    specs: &[FieldSpec],
    subjects: Subjects,
    unset_only: bool,
) -> Result<()> {
    if !resource.id().is_cluster_scoped() && (!unset_only || resource.namespace().is_empty()) {
        resource.set_namespace(namespace);
    }
    let is_binding = matches!(resource.kind(), "RoleBinding" | "ClusterRoleBinding");
    if is_binding {
        set_subjects(&mut resource.value, namespace, subjects, unset_only);
    }
    let is_core = resource.value.str_at(&["apiVersion"]) == "v1";
    // What has its own way of being set, or must not be set by a path alone.
    let is_handled = |spec: &&FieldSpec| match &spec.path[..] {
        [a, b] if a.name == "metadata" => b.name == "namespace" || (b.name == "name" && !is_core),
        [a, b] => is_binding && a.name == "subjects" && b.name == "namespace",
        _ => false,
    };
    for spec in specs.iter().filter(|spec| !is_handled(spec)) {
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
    Ok(())
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

/// Puts a prefix before the fields of the specs, `metadata.name` above all.
pub(crate) fn prefix(resources: &mut [Resource], text: &str, specs: &[FieldSpec]) -> Result<()> {
    let layer = |resource: &mut Resource| resource.prefixes.push(text.to_owned());
    affix(resources, text, specs, layer, |old| format!("{text}{old}"))
}

/// Puts a suffix behind the fields of the specs.
pub(crate) fn suffix(resources: &mut [Resource], text: &str, specs: &[FieldSpec]) -> Result<()> {
    let layer = |resource: &mut Resource| resource.suffixes.push(text.to_owned());
    affix(resources, text, specs, layer, |old| format!("{old}{text}"))
}

fn affix(
    resources: &mut [Resource],
    text: &str,
    specs: &[FieldSpec],
    layer: impl Fn(&mut Resource),
    change: impl Fn(&str) -> String,
) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    for resource in resources.iter_mut().filter(|r| !keeps_its_name(&r.original_id().gvk)) {
        let gvk = resource.original_id().gvk;
        for spec in specs.iter().filter(|s| gvk.is_selected(&s.gvk)) {
            if matches!(&spec.path[..], [a, b] if a.name == "metadata" && b.name == "name") {
                layer(resource);
                resource.remember();
            }
            set_all(resource, spec, Leaf::Scalar, &mut |node| {
                if let Some(old) = node.scalar_text().filter(|_| !node.is_null()) {
                    *node = Value::String(change(&old));
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Sets labels or annotations where the specs lead.
pub(crate) fn set_pairs(resources: &mut [Resource], specs: &[FieldSpec], pairs: &[(String, String)]) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    for resource in resources {
        // For each pair the mappings in which it is new.
        let mut made: Vec<Vec<Vec<Step<'_>>>> = vec![Vec::new(); pairs.len()];
        resource.change(|resource| {
            specs.iter().try_for_each(|spec| {
                set_all_with_way(resource, spec, Leaf::Map, &mut |node, way| match node {
                    Value::Map(map) => {
                        for ((key, value), made) in pairs.iter().zip(&mut made) {
                            if map.get(key).is_none() {
                                made.push(way.to_vec());
                            }
                            map.set(key, Value::string(value));
                        }
                        Ok(())
                    }
                    other => Err(format!("expected a mapping, found {}", other.type_name())),
                })
            })
        })?;
        for ((key, _), made) in pairs.iter().zip(&made) {
            resource.aliases.share(made, key);
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
    set_all_with_way(resource, spec, leaf, &mut |node, _| set(node))
}

fn set_all_with_way<'p>(resource: &mut Resource, spec: &'p FieldSpec, leaf: Leaf, set: &mut Set<'p, '_>) -> Result<()> {
    spec.apply(&mut resource.value, leaf, set).map_err(|e| {
        let path: Vec<_> = spec.path.iter().map(|s| s.name.as_str()).collect();
        Error::new(format!("{}, field {}: {e}", resource.id(), path.join(".")))
    })
}

pub(crate) fn replicas(resources: &mut [Resource], name: &str, count: i128, specs: &[FieldSpec]) -> Result<()> {
    let mut found = false;
    for resource in resources.iter_mut() {
        for spec in specs {
            let named = |id: &super::resource::Id| id.name == *name && id.gvk.is_selected(&spec.gvk);
            if named(&resource.id()) || resource.previous_ids().any(|id| named(&id)) {
                found = true;
                set_all(resource, spec, Leaf::Scalar, &mut |node| {
                    *node = Value::Int(count);
                    Ok(())
                })?;
            }
        }
    }
    let kinds = "Deployment, ReplicationController, ReplicaSet or StatefulSet";
    if found { Ok(()) } else { Err(Error::new(format!("there is no {kinds} named {name}"))) }
}

/// Sets images in every list called `containers` or `initContainers`, at whatever depth, and where the specs lead.
pub(crate) fn image(resources: &mut [Resource], image: &Image, specs: &[FieldSpec]) -> Result<()> {
    let Image { edit, tag_suffix } = image;
    let pattern = matcher(&edit.name).map_err(Error::new)?;
    let set = |node: &mut Value| match node.as_str() {
        Some(image) if pattern.is_match(image) => *node = Value::string(renamed(image, edit, tag_suffix.as_deref())),
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
                let _ = field_spec::walk(&mut resource.value, &spec.path, None, &mut Vec::new(), &mut |node, _| {
                    set(node);
                    Ok(())
                });
            }
        }
    }
    Ok(())
}

/// As [`image`], of the images that KServe's addresses name. An `images` of Kustomize does not reach them: it is for
/// what a caller asks for.
pub(crate) fn addresses(resources: &mut [Resource], edit: &ImageEdit) -> Result<()> {
    let pattern = matcher(&edit.name).map_err(Error::new)?;
    let set = |image: &str| pattern.is_match(image).then(|| renamed(image, edit, None));
    resources.iter_mut().for_each(|resource| address::change(&mut resource.value, &set));
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
