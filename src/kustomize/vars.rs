//! `vars`: `$(NAME)` in the fields that var references lead to becomes the value of another object's field.

use super::error::{Error, Result};
use super::field_spec::{FieldSpec, Leaf};
use super::fields::Fields;
use super::path::{self, Step};
use super::resource::{Gvk, Id, Resource};
use super::transform::set_all;
use super::value::Value;
use std::collections::HashMap;
use std::path::PathBuf;

#[derive(Clone, Debug)]
pub(crate) struct Var {
    name: String,
    target: Id,
    path: Vec<Step>,
    shown: String,
    /// The kustomization that declares it, for messages.
    pub file: PathBuf,
}

impl Var {
    pub(crate) fn from_value(value: Value) -> Result<Self> {
        let mut f = Fields::of(value)?;
        let name = f.string("name")?;
        let target = f.parse("objref", |v| {
            let mut f = Fields::of(v)?;
            let api_version = f.string("apiVersion")?;
            let (group, version, kind) = (f.string("group")?, f.string("version")?, f.string("kind")?);
            let mut gvk = Gvk::new(&api_version, &kind);
            if api_version.is_empty() {
                (gvk.group, gvk.version) = (group, version);
            }
            let id = Id { gvk, name: f.string("name")?, namespace: f.string("namespace")? };
            f.finish()?;
            Ok(id)
        })?;
        let shown = f.parse("fieldref", |v| {
            let mut f = Fields::of(v)?;
            let path = f.string("fieldPath")?;
            f.finish()?;
            Ok(path)
        })?;
        f.finish()?;
        if name.is_empty() {
            return Err(Error::new("a var needs a name").in_field("name"));
        }
        let target = target.ok_or_else(|| Error::new("a var needs an object").in_field("objref"))?;
        let shown = shown.filter(|s| !s.is_empty()).unwrap_or_else(|| "metadata.name".to_owned());
        // `containers[0].image` is another way to write `containers.0.image`, and `a["b"]` one to write `a.[b]`.
        let dotted = shown.replace("[\"", "[").replace("\"]", "]").replace('[', ".[").replace("..[", ".[");
        let path = path::parse(&dotted).map_err(|e| Error::new(e).in_field("fieldref"))?;
        let path = path.into_iter().map(|step| match step {
            Step::Name(name) => name.parse().map_or(Step::Name(name), Step::Index),
            step => step,
        });
        Ok(Self { name, target, path: path.collect(), shown, file: PathBuf::new() })
    }

    fn is_for(&self, id: &Id) -> bool {
        let named = self.target.name == id.name && self.target.gvk == id.gvk;
        let anywhere = self.target.namespace.is_empty() && !self.target.is_cluster_scoped();
        named && (anywhere || self.target.same(id))
    }
}

/// Remembers which object each new var means, by any name it has had up to now, and adds the vars to `known`.
pub(crate) fn declare(resources: &mut [Resource], new: &[Var], known: &mut Vec<Var>) -> Result<()> {
    for (i, var) in new.iter().enumerate() {
        let at = |e: Error| e.in_field(&format!("vars[{i}]"));
        if known.iter().any(|k| k.name == var.name) {
            return Err(at(Error::new(format!("there is already a var {}", var.name))));
        }
        let is_it = |r: &Resource| var.is_for(&r.id()) || r.previous_ids().any(|id| var.is_for(&id));
        let mut found: Vec<_> = resources.iter_mut().filter(|r| is_it(r)).collect();
        match &mut found[..] {
            [] => {}
            [one] => one.vars.push(var.name.clone()),
            many => {
                let message = format!("{} objects could be the one that {} means", many.len(), var.name);
                return Err(at(Error::new(message)));
            }
        }
        known.push(var.clone());
    }
    Ok(())
}

/// Adds the vars of a base.
pub(crate) fn merge(known: &mut Vec<Var>, more: Vec<Var>) -> Result<()> {
    for var in more {
        if known.iter().any(|k| k.name == var.name) {
            return Err(Error::new(format!("there is already a var {}", var.name)).in_field("vars").in_file(&var.file));
        }
        known.push(var);
    }
    Ok(())
}

/// Puts the values of all vars where the specs lead.
pub(crate) fn resolve(resources: &mut [Resource], vars: &[Var], specs: &[FieldSpec]) -> Result<()> {
    let mut values: HashMap<&str, Value> = HashMap::new();
    for var in vars {
        let at = |message: String| Error::new(format!("{}: {message}", var.name)).in_field("vars").in_file(&var.file);
        let object = resources.iter().find(|r| r.vars.contains(&var.name));
        let object = object.ok_or_else(|| at(format!("there is no {}", var.target)))?;
        let value = path::get(&object.value, &var.path).map_err(at)?;
        let value = value.ok_or_else(|| at(format!("{} has no field {}", object.id(), var.shown)))?;
        values.insert(&var.name, value.clone());
    }
    if values.is_empty() {
        return Ok(());
    }
    for resource in resources {
        for spec in specs {
            set_all(resource, spec, Leaf::Scalar, &mut |node| match node {
                Value::List(items) => items.iter_mut().try_for_each(|item| expand(item, &values)),
                Value::Map(map) => map.0.iter_mut().try_for_each(|(_, item)| expand(item, &values)),
                scalar => expand(scalar, &values),
            })?;
        }
    }
    Ok(())
}

/// Expands `$(NAME)`. A string that is nothing else takes the type of the value; `$$` stands for a dollar sign;
/// unknown names stay.
fn expand(node: &mut Value, values: &HashMap<&str, Value>) -> Result<(), String> {
    let Some(text) = node.as_str().filter(|t| t.contains('$')) else { return Ok(()) };
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some((name, tail)) = after.strip_prefix('(').and_then(|t| t.split_once(')')) {
            match values.get(name) {
                Some(value) if text.len() == name.len() + 3 => {
                    if !value.is_scalar() {
                        return Err(format!("$({name}) is {}, which no field can take", value.type_name()));
                    }
                    *node = value.clone();
                    return Ok(());
                }
                Some(value) => {
                    let plain = value.scalar_text();
                    out.push_str(&plain.ok_or_else(|| format!("$({name}) is {}", value.type_name()))?);
                }
                None => out.push_str(&format!("$({name})")),
            }
            rest = tail;
        } else if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else {
            out.push('$');
            let next = after.chars().next().map_or(0, char::len_utf8);
            out.push_str(&after[..next]);
            rest = &after[next..];
        }
    }
    out.push_str(rest);
    *node = Value::String(out);
    Ok(())
}
