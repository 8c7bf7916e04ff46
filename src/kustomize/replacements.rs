//! `replacements`: copying the value of one field of one object into fields of others.

use super::error::{Error, Result};
use super::fields::Fields;
use super::files::Root;
use super::path::{self, Step};
use super::read::{self, Dialect};
use super::resource::{Gvk, Id, Resource};
use super::scalar;
use super::selector::{self, Requirement};
use super::value::Value;

#[derive(Debug)]
pub(crate) struct Replacement {
    source: Source,
    targets: Vec<Target>,
    /// Where it was written, for messages.
    shown: String,
}

#[derive(Debug)]
struct Source {
    id: Selected,
    path: Vec<Step>,
    shown: String,
    options: Options,
}

#[derive(Debug)]
struct Target {
    select: Selected,
    reject: Vec<Selected>,
    paths: Vec<(String, Vec<Step>)>,
    options: Options,
}

#[derive(Debug, Default)]
struct Options {
    delimiter: String,
    index: i128,
    create: bool,
}

/// An object by exact parts of its id; empty parts match anything.
#[derive(Debug, Default)]
struct Selected {
    gvk: Gvk,
    name: String,
    namespace: String,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
}

/// Reads the `replacements` of a kustomization; an entry with a `path` stands for the entries of a file.
pub(crate) fn load(f: &mut Fields, root: &Root) -> Result<Vec<Replacement>> {
    let entries = f.list("replacements", Ok)?;
    let mut all = Vec::new();
    for (i, entry) in entries.into_iter().enumerate() {
        let shown = format!("replacements[{i}]");
        let path = entry.as_map().and_then(|m| m.get("path")).and_then(Value::as_str).map(str::to_owned);
        let Some(path) = path else {
            all.push(replacement(entry, &shown).map_err(|e| e.in_field(&shown))?);
            continue;
        };
        if entry.as_map().is_some_and(|m| m.0.len() > 1) {
            return Err(Error::new("path stands alone: it replaces source and targets").in_field(&shown));
        }
        let text = root.read_text(&path).map_err(|e| e.in_field(&shown))?;
        let parsed = read::document(&text, Dialect::Kustomization).and_then(|document| match document.value {
            Value::List(list) => list.into_iter().map(|v| replacement(v, &shown)).collect::<Result<Vec<_>>>(),
            one => replacement(one, &shown).map(|r| vec![r]),
        });
        all.extend(parsed.map_err(|e| e.in_file(&root.shown(&path)))?);
    }
    Ok(all)
}

fn replacement(value: Value, shown: &str) -> Result<Replacement> {
    let mut f = Fields::of(value)?;
    let source = f.parse("source", source)?;
    let targets = f.parse("targets", |v| super::fields::list(v, target))?;
    f.finish()?;
    match (source, targets) {
        (Some(source), Some(targets)) => Ok(Replacement { source, targets, shown: shown.to_owned() }),
        (None, _) => Err(Error::new("a replacement needs a source").in_field("source")),
        (_, None) => Err(Error::new("a replacement needs targets").in_field("targets")),
    }
}

fn source(value: Value) -> Result<Source> {
    let mut f = Fields::of(value)?;
    let id = selected(&mut f)?;
    let shown = or_name(f.string("fieldPath")?);
    let options = f.parse("options", options)?.unwrap_or_default();
    f.finish()?;
    let path = path::parse(&shown).map_err(|e| Error::new(e).in_field("fieldPath"))?;
    Ok(Source { id, path, shown, options })
}

fn target(value: Value) -> Result<Target> {
    let with_rest = |v: Value| {
        let mut f = Fields::of(v)?;
        let mut found = selected(&mut f)?;
        found.labels = selector::requirements(&mut f, "labelSelector")?;
        found.annotations = selector::requirements(&mut f, "annotationSelector")?;
        f.finish()?;
        Ok(found)
    };
    let mut f = Fields::of(value)?;
    let select = f.parse("select", with_rest)?;
    let reject = f.list("reject", with_rest)?;
    let mut shown = f.strings("fieldPaths")?;
    let options = f.parse("options", options)?.unwrap_or_default();
    f.finish()?;
    if shown.is_empty() {
        shown.push(or_name(String::new()));
    }
    let paths = shown.into_iter().map(|s| path::parse(&s).map(|p| (s, p)));
    let paths = paths.collect::<Result<_, _>>().map_err(|e: String| Error::new(e).in_field("fieldPaths"))?;
    let select = select.ok_or_else(|| Error::new("a target must select objects").in_field("select"))?;
    Ok(Target { select, reject, paths, options })
}

fn or_name(path: String) -> String {
    if path.is_empty() { "metadata.name".to_owned() } else { path }
}

fn selected(f: &mut Fields) -> Result<Selected> {
    let gvk = Gvk { group: f.string("group")?, version: f.string("version")?, kind: f.string("kind")? };
    Ok(Selected { gvk, name: f.string("name")?, namespace: f.string("namespace")?, ..Selected::default() })
}

fn options(value: Value) -> Result<Options> {
    let mut f = Fields::of(value)?;
    let found = Options {
        delimiter: f.string("delimiter")?,
        index: f.int("index")?.unwrap_or_default(),
        create: f.flag("create")?,
    };
    if !f.string("encoding")?.is_empty() {
        return Err(Error::new("not rendered yet").in_field("encoding"));
    }
    f.finish()?;
    Ok(found)
}

impl Selected {
    fn is_empty(&self) -> bool {
        self.gvk == Gvk::default() && self.name.is_empty() && self.namespace.is_empty()
    }

    fn has_id(&self, resource: &Resource) -> bool {
        let fits = |id: &Id| {
            let namespace = Id { namespace: self.namespace.clone(), ..id.clone() };
            (self.name.is_empty() || self.name == id.name)
                && (self.namespace.is_empty() || namespace.effective_namespace() == id.effective_namespace())
                && id.gvk.is_selected(&self.gvk)
        };
        fits(&resource.id()) || resource.previous_ids().any(|id| fits(&id))
    }

    fn has_labels(&self, resource: &Resource) -> bool {
        self.labels.iter().all(|r| r.holds(&resource.value, "labels"))
            && self.annotations.iter().all(|r| r.holds(&resource.value, "annotations"))
    }

    /// As a `reject`: by id or by labels, whichever it gives.
    fn rejects(&self, resource: &Resource) -> bool {
        (!self.is_empty() && self.has_id(resource))
            || (!(self.labels.is_empty() && self.annotations.is_empty()) && self.has_labels(resource))
    }
}

/// Runs all replacements in order.
pub(crate) fn run(resources: &mut [Resource], replacements: &[Replacement]) -> Result<()> {
    for replacement in replacements {
        let at = |e: Error| e.in_field(&replacement.shown);
        let value = value(resources, &replacement.source).map_err(|e| at(Error::new(e).in_field("source")))?;
        for (i, target) in replacement.targets.iter().enumerate() {
            for resource in resources.iter_mut() {
                let chosen = target.select.has_labels(resource) && target.select.has_id(resource);
                if !chosen || target.reject.iter().any(|r| r.rejects(resource)) {
                    continue;
                }
                resource
                    .change(|resource| put(resource, &value, target))
                    .map_err(|e| at(Error::new(e).in_field(&format!("targets[{i}]"))))?;
            }
        }
    }
    Ok(())
}

fn value(resources: &[Resource], source: &Source) -> Result<Value, String> {
    let mut matches = resources.iter().filter(|r| source.id.has_id(r));
    let found = match (matches.next(), matches.next()) {
        (Some(one), None) => one,
        (None, _) => return Err("no object matches".to_owned()),
        (Some(one), Some(two)) => return Err(format!("several objects match: {}, {}", one.id(), two.id())),
    };
    let value = path::get(&found.value, &source.path)?
        .filter(|v| {
            !v.is_null() && !v.as_map().is_some_and(|m| m.is_empty()) && !v.as_list().is_some_and(<[_]>::is_empty)
        })
        .ok_or_else(|| format!("{} has no field {}", found.id(), source.shown))?;
    if source.options.delimiter.is_empty() {
        return Ok(value.clone());
    }
    let text = value.scalar_text().ok_or("a delimiter only splits scalars")?;
    let parts: Vec<&str> = text.split(&source.options.delimiter).collect();
    let part = usize::try_from(source.options.index).ok().and_then(|i| parts.get(i));
    let part = part.ok_or_else(|| format!("there is no part {} in {text:?}", source.options.index))?;
    // The part keeps the type of the whole.
    same_type(value, part)
}

/// Text as a scalar of the type that `like` has.
fn same_type(like: &Value, text: &str) -> Result<Value, String> {
    match like {
        Value::String(_) => Ok(Value::string(text)),
        other => match (other, scalar::resolve(text)) {
            (Value::Null | Value::Blank, value) => Ok(value),
            (Value::Int(_), value @ Value::Int(_))
            | (Value::Float(_), value @ (Value::Int(_) | Value::Float(_)))
            | (Value::Bool(_), value @ Value::Bool(_)) => Ok(value),
            _ => Err(format!("{text:?} cannot take the place of {}", other.type_name())),
        },
    }
}

fn put(resource: &mut Resource, value: &Value, target: &Target) -> Result<(), String> {
    let id = resource.id();
    for (shown, path) in &target.paths {
        let create = target.options.create.then_some(value);
        let mut count = 0;
        path::visit(&mut resource.value, path, create, &mut |node| {
            count += 1;
            set(node, value, &target.options)
        })
        .map_err(|e| format!("{id}, field {shown}: {e}"))?;
        if count == 0 {
            return Err(format!("{id} has no field {shown}"));
        }
    }
    Ok(())
}

fn set(node: &mut Value, value: &Value, options: &Options) -> Result<(), String> {
    let mut value = value.clone();
    if !options.delimiter.is_empty() {
        let whole = node.scalar_text().ok_or("a delimiter only splits scalars")?;
        let whole = if node.is_null() { String::new() } else { whole };
        let part = value.scalar_text().ok_or("a delimiter only joins scalars")?;
        let mut parts: Vec<&str> = whole.split(&options.delimiter).collect();
        match usize::try_from(options.index) {
            Err(_) => parts.insert(0, &part),
            Ok(at) if at >= parts.len() => parts.push(&part),
            Ok(at) => parts[at] = &part,
        }
        value = Value::String(parts.join(&options.delimiter));
    }
    *node = match value.scalar_text() {
        Some(text) if node.is_scalar() => same_type(node, &text)?,
        _ => value,
    };
    Ok(())
}
