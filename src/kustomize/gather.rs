//! Gathering what a kustomization lists: objects from files, bases, components, and the configurations of plugins.

use super::build::{self, Gathered, Session};
use super::error::{Error, Result};
use super::files::{self, Root};
use super::kustomization::Kustomization;
use super::read::{self, Dialect};
use super::resource::{self, Gvk, Resource};
use super::vars;
use std::collections::HashSet;

/// Adds the objects of `resources`: of files, and of bases with all that they do.
pub(crate) fn resources(all: &mut Gathered, session: &mut Session, k: &Kustomization, root: &Root) -> Result<()> {
    let mut ids: HashSet<Key> = all.resources.iter().map(key).collect();
    for (i, path) in k.resources.iter().enumerate() {
        let at = |e: Error| k.locate(e.in_field(&format!("resources[{i}]")));
        if let Some(mut found) = file(root, path).map_err(at)? {
            if session.metadata.any {
                found.iter_mut().for_each(|resource| {
                    resource.tracked = true;
                    resource.note();
                });
            }
            append(&mut all.resources, &mut ids, found).map_err(at)?;
            continue;
        }
        let (base, inner) = enter(root, path).map_err(at)?;
        if inner.component {
            return Err(at(Error::new(format!("{path} is a component; list it in components"))));
        }
        build::choose_schema(session, &inner, &base)?;
        let mut found = Gathered::new();
        build::accumulate(&mut found, session, &inner, &base)?;
        all.config.merge(found.config).map_err(at)?;
        vars::merge(&mut all.vars, found.vars)?;
        append(&mut all.resources, &mut ids, found.resources).map_err(at)?;
    }
    Ok(())
}

/// Runs the components of a kustomization over everything that was gathered.
pub(crate) fn components(all: &mut Gathered, session: &mut Session, k: &Kustomization, root: &Root) -> Result<()> {
    for (i, path) in k.components.iter().enumerate() {
        let at = |e: Error| k.locate(e.in_field(&format!("components[{i}]")));
        let (base, inner) = enter(root, path).map_err(at)?;
        if !inner.component {
            return Err(at(Error::new(format!("{path} is no component; its kind must be Component"))));
        }
        build::choose_schema(session, &inner, &base)?;
        build::accumulate(all, session, &inner, &base)?;
    }
    Ok(())
}

/// The configurations that the entries of `generators`, `transformers` or `validators` mean: those written there first,
/// then those of files and directories.
pub(crate) fn plugins(
    entries: &[String],
    field: &str,
    session: &mut Session,
    k: &Kustomization,
    root: &Root,
) -> Result<Vec<Resource>> {
    let mut found = Gathered::new();
    let mut ids = HashSet::new();
    let mut paths = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        let at = |e: Error| k.locate(e.in_field(&format!("{field}[{i}]")));
        let inline = read::documents(entry, Dialect::Object).and_then(resource::from_documents);
        match inline {
            Ok(mut objects) => {
                let origin = root.origin(root.kustomization_file().unwrap_or_default());
                objects.iter_mut().for_each(|object| object.origin.clone_from(&origin));
                append(&mut found.resources, &mut ids, objects).map_err(at)?;
            }
            // What looks like an object but is none says what is wrong with it.
            Err(error) if entry.contains('\n') => return Err(at(error)),
            Err(_) => paths.push((i, entry)),
        }
    }
    for (i, path) in paths {
        let at = |e: Error| k.locate(e.in_field(&format!("{field}[{i}]")));
        if let Some(objects) = file(root, path).map_err(at)? {
            append(&mut found.resources, &mut ids, objects).map_err(at)?;
            continue;
        }
        let (base, inner) = enter(root, path).map_err(at)?;
        let mut inside = Gathered::new();
        build::choose_schema(session, &inner, &base)?;
        build::accumulate(&mut inside, session, &inner, &base)?;
        append(&mut found.resources, &mut ids, inside.resources).map_err(at)?;
    }
    Ok(found.resources)
}

fn enter(root: &Root, path: &str) -> Result<(Root, Kustomization)> {
    let base = root.enter(path)?;
    let inner = Kustomization::load(&base)?;
    Ok((base, inner))
}

/// The objects of a file; nothing when the path is one of a directory or of a repository.
fn file(root: &Root, path: &str) -> Result<Option<Vec<Resource>>> {
    if root.is_directory(path) || (!root.exists(path) && files::is_remote(path)) {
        return Ok(None);
    }
    let text = root.read_text(path)?;
    let found = read::documents(&text, Dialect::Object).and_then(resource::from_documents);
    let mut found = found.map_err(|e| e.in_file(&root.shown(path)))?;
    let origin = root.origin(path);
    found.iter_mut().for_each(|resource| resource.origin.clone_from(&origin));
    Ok(Some(found))
}

/// What makes an object unique: namespace, name, group, version, kind.
type Key = (Option<String>, String, Gvk);

fn key(resource: &Resource) -> Key {
    let id = resource.id();
    (id.effective_namespace().map(str::to_owned), id.name, id.gvk)
}

/// Adds objects; an id that is already there is an error.
fn append(resources: &mut Vec<Resource>, ids: &mut HashSet<Key>, more: Vec<Resource>) -> Result<()> {
    for resource in more {
        if !ids.insert(key(&resource)) {
            return Err(Error::new(format!("there is already a {}", resource.id())));
        }
        resources.push(resource);
    }
    Ok(())
}
