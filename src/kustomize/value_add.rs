//! `ValueAddTransformer`: puts one value into fields of objects, or into the paths that stand there.

use super::error::{Error, Result};
use super::fields::Fields;
use super::files::Root;
use super::read::{self, Dialect};
use super::resource::Resource;
use super::selector::Selector;
use super::transform;
use super::value::{Map, Value};

struct Target {
    selector: Option<Selector>,
    path: Vec<String>,
    /// Where in a path with slashes the value goes in, counted from 1; 0 replaces the field.
    position: usize,
}

/// Runs the transformer that `f` configures.
pub(crate) fn run(resources: &mut [Resource], f: &mut Fields, root: &Root) -> Result<()> {
    let given = f.string("value")?;
    let value = if given.trim().is_empty() { root.name() } else { given.trim().to_owned() };
    let mut targets = f.list("targets", target)?;
    let file = f.string("targetFilePath")?;
    if !file.is_empty() {
        let text = root.read_text(&file).map_err(|e| e.in_field("targetFilePath"))?;
        let document = read::document(&text, Dialect::Kustomization).map_err(|e| e.in_file(&root.shown(&file)))?;
        let more = Fields::of(document.value).and_then(|mut f| f.list("targets", target));
        targets.extend(more.map_err(|e| e.in_file(&root.shown(&file)))?);
    }
    if targets.is_empty() {
        return Err(Error::new("at least one target must be given").in_field("targets"));
    }
    for target in &targets {
        let chosen = |r: &&mut Resource| target.selector.as_ref().is_none_or(|s| s.matches(r));
        for resource in resources.iter_mut().filter(chosen) {
            if target.path == ["metadata", "namespace"] {
                transform::set_namespace(resource, &value, &[], transform::Subjects::Default, false)?;
                continue;
            }
            let id = resource.id();
            let field = target.path.join("/");
            let node = lookup(&mut resource.value, &target.path);
            let node = node.map_err(|e| Error::new(format!("{id}, field {field}: {e}")))?;
            let old = if node.is_null() { String::new() } else { node.scalar_text().unwrap_or_default() };
            *node = Value::String(match target.position {
                0 => value.clone(),
                at => inserted(&old, at - 1, &value),
            });
        }
    }
    Ok(())
}

fn target(value: Value) -> Result<Target> {
    let mut f = Fields::of(value)?;
    let selector = f.parse("selector", Selector::from_value)?;
    let (path, position) = (f.string("fieldPath")?, f.int("filePathPosition")?.unwrap_or_default());
    if path.is_empty() {
        return Err(Error::new("a target needs a path").in_field("fieldPath"));
    }
    let position = usize::try_from(position);
    let position = position.map_err(|_| Error::new("expected zero or more").in_field("filePathPosition"))?;
    let path = path.replace("\\/", "\0").split('/').map(|part| part.replace('\0', "/")).collect();
    Ok(Target { selector, path, position })
}

/// The scalar at a path, made where it is missing. `[name=value]` chooses an element of a list.
fn lookup<'v>(node: &'v mut Value, path: &[String]) -> std::result::Result<&'v mut Value, String> {
    let Some((part, rest)) = path.split_first() else {
        return if node.is_scalar() { Ok(node) } else { Err(format!("expected a scalar, found {}", node.type_name())) };
    };
    if part.is_empty() {
        return lookup(node, rest);
    }
    let element = part.strip_prefix('[').and_then(|p| p.strip_suffix(']')).and_then(|p| p.split_once('='));
    if node.is_null() {
        *node = if element.is_some() { Value::List(Vec::new()) } else { Value::map() };
    }
    match (node, element) {
        (Value::List(list), Some((field, value))) => {
            let is_it = |item: &Value| {
                let own = if field.is_empty() { Some(item) } else { item.at(&[field]) };
                own.and_then(Value::scalar_text).is_some_and(|text| text == value)
            };
            let at = list.iter().position(is_it).unwrap_or_else(|| {
                list.push(match field {
                    "" => Value::string(value),
                    _ => Value::Map(Map(vec![(field.to_owned(), Value::string(value))])),
                });
                list.len() - 1
            });
            lookup(&mut list[at], rest)
        }
        (Value::List(list), None) => {
            let count = list.len();
            let element = part.parse::<usize>().ok().and_then(|at| list.get_mut(at));
            lookup(element.ok_or_else(|| format!("{part:?} is no position in a list of {count}"))?, rest)
        }
        (Value::Map(map), None) => lookup(map.or_insert(part, Value::Null), rest),
        (other, _) => Err(format!("{} holds no {part:?}", other.type_name())),
    }
}

/// A path with slashes in which `part` stands at position `at`, or last.
fn inserted(path: &str, at: usize, part: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    parts.insert(at.min(parts.len()), part);
    format!("{}{}", if absolute { "/" } else { "" }, parts.join("/"))
}
