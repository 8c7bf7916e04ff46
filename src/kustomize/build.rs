//! The order of the work: gather, generate, transform, for each kustomization from the innermost out; then, once, what
//! only the outermost does.

use super::error::{Error, Result};
use super::files::{self, Root};
use super::kustomization::{Image, Kustomization, Sort};
use super::read::{self, Dialect};
use super::resource::{self, Gvk, Resource};
use super::transform::Subjects;
use super::transformer_config::Config;
use super::value::Value;
use super::vars::{self, Var};
use super::{Options, Output};
use super::{generate, order, patches, plugins, references, replacements, transform};
use std::collections::HashSet;
use std::path::Path;

/// Builds `dir` as the outermost kustomization.
pub(super) fn build(dir: &Path, options: &Options) -> Result<Output> {
    let root = Root::open(dir)?;
    let kustomization = match &options.text {
        Some(text) => Kustomization::parse(&root, text)?,
        None => Kustomization::load(&root)?,
    };
    let mut resources = Vec::new();
    let (mut config, mut vars) = (Config::defaults(), Vec::new());
    accumulate(&mut resources, &mut config, &mut vars, &kustomization, &root)?;
    let whole = |e: Error| kustomization.locate(e);
    let pins: Vec<_> = options.images.iter().map(|edit| Image { edit: edit.clone(), tag_suffix: None }).collect();
    transform::images(&mut resources, &pins, &config.images).map_err(|e| Error::new(e.message).in_field("options"))?;
    generate::add_hashes(&mut resources);
    references::update(&mut resources, &config.references).map_err(whole)?;
    vars::resolve(&mut resources, &vars, &config.var_references)?;
    resources.retain(|r| !is_local(r));
    if kustomization.sort != Some(Sort::AsRead) {
        order::legacy(&mut resources, kustomization.sort.as_ref());
    }
    for resource in &mut resources {
        if kustomization.origins {
            let origin = Value::String(std::mem::take(&mut resource.origin));
            if let Value::Map(annotations) = resource.metadata().or_insert("annotations", Value::map()) {
                annotations.set("config.kubernetes.io/origin", origin);
            }
        }
        // Empty annotations do not survive; empty labels do.
        let metadata = resource.metadata();
        if metadata.get("annotations").is_some_and(|a| a.is_null() || a.as_map().is_some_and(|m| m.is_empty())) {
            metadata.remove("annotations");
        }
        // Annotations are strings, whatever a patch or a replacement made of them.
        if let Some(Value::Map(annotations)) = metadata.get_mut("annotations") {
            for (_, value) in &mut annotations.0 {
                if let Some(text) = value.scalar_text() {
                    *value = Value::String(if *value == Value::Blank { String::new() } else { text });
                }
            }
        }
    }
    Ok(Output { resources: resources.into_iter().map(|r| r.value).collect() })
}

/// Objects that are only for tools.
fn is_local(resource: &Resource) -> bool {
    let note = resource.value.at(&["metadata", "annotations", "config.kubernetes.io/local-config"]);
    note.is_some_and(|v| v.scalar_text().as_deref() != Some("false"))
}

/// Adds a kustomization's objects to `resources` and applies its transformations to all of them: for a component these
/// include what was there before.
fn accumulate(
    resources: &mut Vec<Resource>,
    config: &mut Config,
    vars: &mut Vec<Var>,
    k: &Kustomization,
    root: &Root,
) -> Result<()> {
    let here = |e: Error| k.locate(e);
    let mut ids: HashSet<Key> = resources.iter().map(key).collect();
    for (i, path) in k.resources.iter().enumerate() {
        let at = |e: Error| here(e.in_field(&format!("resources[{i}]")));
        if root.is_directory(path) {
            let (base, inner) = enter(root, path).map_err(at)?;
            if inner.component {
                let message = format!("{path} is a component; list it in components");
                return Err(at(Error::new(message)));
            }
            let (mut found, mut inner_config, mut inner_vars) = (Vec::new(), Config::defaults(), Vec::new());
            accumulate(&mut found, &mut inner_config, &mut inner_vars, &inner, &base)?;
            config.merge(inner_config);
            vars::merge(vars, inner_vars)?;
            append(resources, &mut ids, found).map_err(at)?;
        } else {
            append(resources, &mut ids, file(root, path).map_err(at)?).map_err(at)?;
        }
    }
    config.add_files(&k.configurations, root).map_err(here)?;
    generate::run(resources, k, root).map_err(here)?;
    for (i, entry) in k.generators.iter().enumerate() {
        let at = |e: Error| here(e.in_field(&format!("generators[{i}]")));
        let run = |object: &Value| plugins::generate(resources, object, root);
        plugin_objects(entry, root).and_then(|found| found.iter().try_for_each(run)).map_err(at)?;
    }
    for (i, path) in k.components.iter().enumerate() {
        let at = |e: Error| here(e.in_field(&format!("components[{i}]")));
        if !root.is_directory(path) {
            let message = if files::is_remote(path) { REMOTE } else { "a component is a directory" };
            return Err(at(Error::new(format!("{path}: {message}"))));
        }
        let (base, inner) = enter(root, path).map_err(at)?;
        if !inner.component {
            return Err(at(Error::new(format!("{path} is no component; its kind must be Component"))));
        }
        accumulate(resources, config, vars, &inner, &base)?;
    }
    patches::strategic(resources, &k.strategic_patches, root).map_err(here)?;
    patches::apply(resources, &k.patches, root).map_err(here)?;
    transform::namespace(resources, &k.namespace, &config.namespaces, Subjects::Default, false)
        .map_err(|e| here(e.in_field("namespace")))?;
    transform::prefix_and_suffix(resources, &k.name_prefix, &k.name_suffix, &config.prefixes, &config.suffixes)
        .map_err(|e| here(e.in_field("namePrefix")))?;
    transform::labels(resources, k, config).map_err(here)?;
    transform::set_pairs(resources, &config.annotations, &k.common_annotations)
        .map_err(|e| here(e.in_field("commonAnnotations")))?;
    patches::json(resources, &k.json_patches, root).map_err(here)?;
    transform::replicas(resources, &k.replicas, &config.replicas).map_err(here)?;
    transform::images(resources, &k.images, &config.images).map_err(here)?;
    replacements::run(resources, &k.replacements).map_err(here)?;
    for (i, entry) in k.transformers.iter().enumerate() {
        let at = |e: Error| here(e.in_field(&format!("transformers[{i}]")));
        let run = |object: &Value| plugins::transform(resources, object, root);
        plugin_objects(entry, root).and_then(|found| found.iter().try_for_each(run)).map_err(at)?;
        resources.retain(|r| !r.is_empty());
    }
    vars::declare(resources, &k.vars, vars).map_err(here)
}

/// The objects that an entry of `generators` or `transformers` means: a file's, a directory's, or the entry itself.
fn plugin_objects(entry: &str, root: &Root) -> Result<Vec<Value>> {
    let found = if root.exists(entry) && root.is_directory(entry) {
        let (base, inner) = enter(root, entry)?;
        let mut found = Vec::new();
        accumulate(&mut found, &mut Config::defaults(), &mut Vec::new(), &inner, &base)?;
        found
    } else if root.exists(entry) {
        file(root, entry)?
    } else if entry.contains(':') && !files::is_remote(entry) {
        read::documents(entry, Dialect::Object).and_then(resource::from_documents)?
    } else if files::is_remote(entry) {
        return Err(Error::new(format!("{entry}: {REMOTE}")));
    } else {
        return Err(Error::new(format!("{entry} is neither a file here nor an object")));
    };
    Ok(found.into_iter().map(|r| r.value).collect())
}

const REMOTE: &str = "remote sources are refused; keep a copy in the repository";

fn enter(root: &Root, path: &str) -> Result<(Root, Kustomization)> {
    let base = root.enter(path)?;
    let inner = Kustomization::load(&base)?;
    Ok((base, inner))
}

fn file(root: &Root, path: &str) -> Result<Vec<Resource>> {
    if !root.exists(path) && files::is_remote(path) {
        return Err(Error::new(format!("{path}: {REMOTE}")));
    }
    let text = root.read_text(path)?;
    let found = read::documents(&text, Dialect::Object).and_then(resource::from_documents);
    let mut found = found.map_err(|e| e.in_file(&root.shown(path)))?;
    let origin = format!("path: {}", root.relative(path));
    found.iter_mut().for_each(|resource| resource.origin.clone_from(&origin));
    Ok(found)
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
