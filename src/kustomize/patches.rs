//! Applying `patches`, `patchesStrategicMerge` and `patchesJson6902` to what a kustomization has gathered.

use super::error::{Error, Result};
use super::files::Root;
use super::json_patch::{self, Operation};
use super::kustomization::Patch;
use super::merge;
use super::read::{self, Dialect};
use super::resource::{self, Resource};
use super::schema::Schema;
use super::selector::Selector;
use super::value::Value;

enum Content {
    Strategic(Vec<Resource>),
    Json(Vec<Operation>),
}

/// Applies `patchesStrategicMerge`: each entry is a file or the patch itself.
pub(crate) fn strategic(resources: &mut Vec<Resource>, patches: &[String], root: &Root, schema: &Schema) -> Result<()> {
    let mut count = 0;
    for (i, entry) in patches.iter().enumerate() {
        let result = (|| {
            let mut parsed = if root.exists(entry) {
                let text = root.read_text(entry)?;
                read::documents(&text, Dialect::Patch)
                    .and_then(resource::from_documents)
                    .map_err(|e| e.in_file(&root.shown(entry)))?
            } else if entry.contains(':') {
                read::documents(entry, Dialect::Patch).and_then(resource::from_documents)?
            } else {
                return Err(Error::new(format!("{entry} is neither a file here nor a patch")));
            };
            count += parsed.len();
            for patch in &mut parsed {
                stringify(patch, "labels");
                stringify(patch, "annotations");
            }
            merge_untargeted(resources, &parsed, false, false, schema)
        })();
        result.map_err(|e: Error| e.in_field(&format!("patchesStrategicMerge[{i}]")))?;
    }
    if count == 0 && !patches.is_empty() {
        return Err(Error::new("the patches are empty").in_field("patchesStrategicMerge"));
    }
    Ok(())
}

/// Applies one entry of `patchesJson6902`.
pub(crate) fn json(resources: &mut [Resource], patch: &Patch, root: &Root) -> Result<()> {
    match content(patch, root)? {
        Content::Json(operations) => {
            let target = patch.target.as_ref().ok_or_else(|| Error::new("a JSON patch needs a target"))?;
            json_targeted(resources, &operations, target, false)
        }
        Content::Strategic(_) => Err(Error::new("expected a list of JSON Patch operations, found an object")),
    }
}

/// Applies one patch of either kind.
pub(crate) fn one(resources: &mut Vec<Resource>, patch: &Patch, root: &Root, schema: &Schema) -> Result<()> {
    let content = content(patch, root)?;
    match (content, &patch.target) {
        (Content::Json(_), None) => Err(Error::new("a JSON patch needs a target").in_field("target")),
        (Content::Json(operations), Some(target)) => json_targeted(resources, &operations, target, true),
        (Content::Strategic(mut patches), None) => {
            if patch.allow_name_change || patch.allow_kind_change {
                patches.iter_mut().for_each(|patch| stringify(patch, "annotations"));
            }
            merge_untargeted(resources, &patches, patch.allow_name_change, patch.allow_kind_change, schema)
        }
        (Content::Strategic(patches), Some(target)) => match &patches[..] {
            [one] => {
                let mut one = one.clone();
                stringify(&mut one, "labels");
                stringify(&mut one, "annotations");
                for resource in resources.iter_mut().filter(|r| target.matches(r)) {
                    merge_into(resource, &one, patch.allow_name_change, patch.allow_kind_change, schema)?;
                }
                resources.retain(|r| !r.is_empty());
                Ok(())
            }
            _ => Err(Error::new(format!("a patch with a target must be one document, found {}", patches.len()))),
        },
    }
}

fn content(patch: &Patch, root: &Root) -> Result<Content> {
    let parse = |text: &str| -> Result<Content> {
        let mut documents = read::documents(text, Dialect::Patch)?;
        documents.retain(|d| !d.value.is_null() && d.value.as_map().is_none_or(|m| !m.is_empty()));
        match &documents[..] {
            [] => Err(Error::new("the patch is empty")),
            [one] if matches!(one.value, Value::List(_)) => {
                let mut list = documents.remove(0).value;
                list.settle();
                let operations = json_patch::parse(list)?;
                Ok(Content::Json(operations))
            }
            _ => resource::from_documents(documents).map(Content::Strategic),
        }
    };
    if patch.path.is_empty() {
        parse(&patch.patch).map_err(|e| Error { line: None, ..e }.in_field("patch"))
    } else {
        let text = root.read_text(&patch.path).map_err(|e| e.in_field("path"))?;
        parse(&text).map_err(|e| e.in_file(&root.shown(&patch.path)))
    }
}

/// Where Kustomize has had a patch's labels or annotations in its hands, they are strings, null too, and none at all
/// change nothing.
fn stringify(patch: &mut Resource, field: &str) {
    let metadata = patch.metadata();
    match metadata.get_mut(field) {
        Some(Value::Map(map)) if !map.is_empty() => {
            for (_, value) in &mut map.0 {
                let text = match &mut *value {
                    Value::Blank => String::new(),
                    Value::Written(written) => std::mem::take(&mut written.1),
                    other => other.scalar_text().unwrap_or_default(),
                };
                *value = Value::String(text);
            }
        }
        _ => {
            metadata.remove(field);
        }
    }
}

/// Each patch goes to the one object that has, or once had, its id.
fn merge_untargeted(
    resources: &mut Vec<Resource>,
    patches: &[Resource],
    name: bool,
    kind: bool,
    schema: &Schema,
) -> Result<()> {
    for patch in patches {
        let id = patch.id();
        let matches: Vec<usize> = (0..resources.len()).filter(|&i| resources[i].has_id(&id)).collect();
        match matches[..] {
            [at] => merge_into(&mut resources[at], patch, name, kind, schema)?,
            [] => return Err(Error::new(format!("no object matches the patch's {id}"))),
            _ => return Err(Error::new(format!("{} objects match the patch's {id}", matches.len()))),
        }
        resources.retain(|r| !r.is_empty());
    }
    Ok(())
}

/// Merges one patch. Name, namespace and kind stay what they were unless the patch may change them.
fn merge_into(resource: &mut Resource, patch: &Resource, rename: bool, rekind: bool, schema: &Schema) -> Result<()> {
    let id = resource.id();
    if rename || rekind {
        resource.remember();
    }
    let mut patch = patch.value.clone();
    if let Some(map) = patch.as_map_mut() {
        map.remove("apiVersion");
    }
    let merged = resource.change(|resource| {
        let object = std::mem::replace(&mut resource.value, Value::Null);
        merge::strategic(object, patch, schema).map(|merged| resource.value = merged.unwrap_or(Value::Null))
    });
    merged.map_err(|e| Error::new(format!("cannot merge into {id}: {}", e.trim_start_matches(['.', ':', ' ']))))?;
    if resource.is_empty() {
        return Ok(());
    }
    if !rekind {
        resource.set_kind(&id.gvk.kind);
    }
    if !rename {
        resource.set_name(&id.name);
    }
    resource.set_namespace(&id.namespace);
    Ok(())
}

fn json_targeted(
    resources: &mut [Resource],
    operations: &[Operation],
    target: &Selector,
    remember: bool,
) -> Result<()> {
    for resource in resources.iter_mut().filter(|r| target.matches(r)) {
        let id = resource.id();
        if remember {
            resource.remember();
        }
        let noted = resource.is_noted();
        if resource.tracked {
            resource.set_marker();
        }
        // The object is made anew, so that nothing in it is shared.
        resource.aliases.forget();
        json_patch::apply(&mut resource.value, operations)
            .map_err(|e| Error::new(format!("cannot patch {id}: {e}")))?;
        if !matches!(resource.value, Value::Map(_)) {
            return Err(Error::new(format!("the patch leaves {id} without an object")));
        }
        // A patch that replaces all annotations takes those of the origin with them.
        if resource.tracked && !resource.take_marker() {
            resource.origin_lost = true;
            resource.transformations.clear();
        }
        if noted {
            resource.note();
        }
    }
    Ok(())
}
