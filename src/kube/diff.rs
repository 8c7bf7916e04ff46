//! What differs between two sets of rendered objects, object by object and field by field.

use super::{item_path, key_path, shown};
use crate::kustomize::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Whether the value of an environment variable of this name must not be shown.
pub type IsSecretName = fn(&str) -> bool;

#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Added,
    Removed,
    Changed(Vec<Field>),
}

/// An object that is not the same on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub api_version: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
    /// The name before, where a content hash in it changed.
    pub name_before: Option<String>,
    pub change: Change,
    /// The object as it is now, or was; its secret values taken out.
    pub object: Value,
}

/// A field that differs. None: it is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub path: String,
    pub old: Option<Value>,
    pub new: Option<Value>,
}

/// What stands in the place of a value that must not be shown.
pub const HIDDEN: &str = "(hidden)";

/// All objects that differ, in the order of `new`, then those that are gone, in the order of `old`.
pub fn compare(old: &[Value], new: &[Value], is_secret_name: IsSecretName) -> Vec<Difference> {
    let mut before: HashMap<Key, usize> = old.iter().enumerate().map(|(at, object)| (key(object), at)).collect();
    let mut pairs: Vec<(Option<usize>, usize)> =
        new.iter().enumerate().map(|(at, object)| (before.remove(&key(object)), at)).collect();
    pair_by_stem(old, new, &mut pairs, &mut before);
    let mut found = Vec::new();
    for (was, now) in pairs {
        let object = &new[now];
        let (change, name_before) = match was.map(|at| &old[at]) {
            None => (Change::Added, None),
            Some(was) if was == object => continue,
            Some(was) => {
                let walk = Walk { is_secret: is_secret(was) || is_secret(object), is_secret_name };
                let mut fields = Vec::new();
                walk.value(Some(was), Some(object), "", &mut fields);
                if fields.is_empty() {
                    continue;
                }
                let name = was.str_at(&["metadata", "name"]);
                let is_renamed = name != object.str_at(&["metadata", "name"]);
                // The heading tells it.
                fields.retain(|field| !(is_renamed && field.path == "metadata.name"));
                (Change::Changed(fields), is_renamed.then(|| name.to_string()))
            }
        };
        found.push(difference(object, name_before, change, is_secret_name));
    }
    let gone: BTreeSet<usize> = before.into_values().collect();
    found.extend(gone.into_iter().map(|at| difference(&old[at], None, Change::Removed, is_secret_name)));
    found
}

/// Group, kind, namespace and name: another version of an API serves the same object.
type Key = (String, String, String, String);

fn key(object: &Value) -> Key {
    let api_version = object.str_at(&["apiVersion"]);
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let of = |path: &[&str]| object.str_at(path).to_string();
    (group.to_string(), of(&["kind"]), of(&["metadata", "namespace"]), of(&["metadata", "name"]))
}

/// A generated name without its content hash: ten characters of the alphabet that Kustomize uses.
fn stem(name: &str) -> Option<&str> {
    let (stem, hash) = name.rsplit_once('-')?;
    (hash.len() == 10 && hash.bytes().all(|b| b"bcdfghkmt2456789".contains(&b))).then_some(stem)
}

/// A ConfigMap or Secret whose content changed has another hash in its name, and is the same object to a reader.
fn pair_by_stem(old: &[Value], new: &[Value], pairs: &mut [(Option<usize>, usize)], before: &mut HashMap<Key, usize>) {
    let by_stem = |object: &Value| {
        let (group, kind, namespace, name) = key(object);
        let is_generated = matches!(kind.as_str(), "ConfigMap" | "Secret");
        is_generated.then(|| stem(&name).map(|stem| (group, kind, namespace, stem.to_string()))).flatten()
    };
    let mut left: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for at in before.values() {
        if let Some(stem) = by_stem(&old[*at]) {
            left.entry(stem).or_default().push(*at);
        }
    }
    for (was, now) in pairs.iter_mut().filter(|(was, _)| was.is_none()) {
        // Two of one stem: which became which, nobody can tell.
        if let Some([one]) = by_stem(&new[*now]).and_then(|stem| left.remove(&stem)).as_deref() {
            *was = Some(*one);
            before.remove(&key(&old[*one]));
        }
    }
}

fn difference(object: &Value, name_before: Option<String>, change: Change, is_secret_name: IsSecretName) -> Difference {
    let of = |path: &[&str]| object.str_at(path).to_string();
    let mut shown = object.clone();
    Walk { is_secret: is_secret(object), is_secret_name }.hide(&mut shown, "");
    Difference {
        api_version: of(&["apiVersion"]),
        kind: of(&["kind"]),
        namespace: of(&["metadata", "namespace"]),
        name: of(&["metadata", "name"]),
        name_before,
        change,
        object: shown,
    }
}

fn is_secret(object: &Value) -> bool {
    object.str_at(&["kind"]) == "Secret"
}

struct Walk {
    /// The object is a Secret.
    is_secret: bool,
    is_secret_name: IsSecretName,
}

impl Walk {
    /// Of a Secret, everything that can hold its content.
    fn is_hidden(&self, path: &str) -> bool {
        let first = path.split(['.', '[']).next().unwrap_or_default();
        self.is_secret && (matches!(first, "data" | "stringData") || path.contains("last-applied-configuration"))
    }

    fn value(&self, old: Option<&Value>, new: Option<&Value>, path: &str, found: &mut Vec<Field>) {
        let old = old.filter(|value| !value.is_null());
        let new = new.filter(|value| !value.is_null());
        match (old, new) {
            (old, new) if old == new => {}
            (Some(Value::Map(a)), Some(Value::Map(b))) => {
                let is_secret_variable = a.get("name").and_then(Value::as_str).is_some_and(self.is_secret_name)
                    && a.get("name") == b.get("name");
                let gone = a.0.iter().map(|(k, _)| k).filter(|k| b.get(k).is_none());
                for key in b.0.iter().map(|(k, _)| k).chain(gone) {
                    let here = key_path(path, key);
                    match is_secret_variable && key == "value" && a.get(key) != b.get(key) {
                        true => found.push(Field { path: here, old: hidden(a.get(key)), new: hidden(b.get(key)) }),
                        false => self.value(a.get(key), b.get(key), &here, found),
                    }
                }
            }
            (Some(Value::List(a)), Some(Value::List(b))) => self.list(a, b, path, found),
            (old, new) => found.push(Field { path: path.into(), old: self.leaf(old, path), new: self.leaf(new, path) }),
        }
    }

    /// By their names, where all items have one and none stands twice; else by their places.
    fn list(&self, old: &[Value], new: &[Value], path: &str, found: &mut Vec<Field>) {
        let (Some(a), Some(b)) = (by_name(old), by_name(new)) else {
            // Short lists of scalars say more side by side than item by item.
            if old.iter().chain(new).all(Value::is_scalar) {
                let (old, new) = (Value::List(old.to_vec()), Value::List(new.to_vec()));
                let field = |value| self.leaf(Some(value), path);
                return found.push(Field { path: path.into(), old: field(&old), new: field(&new) });
            }
            for at in 0..old.len().max(new.len()) {
                self.value(old.get(at), new.get(at), &format!("{path}[{at}]"), found);
            }
            return;
        };
        let before = found.len();
        for (at, item) in new.iter().enumerate() {
            self.value(a.get(item.str_at(&["name"])).copied(), Some(item), &item_path(path, at, item), found);
        }
        for (at, item) in old.iter().enumerate().filter(|(_, item)| !b.contains_key(item.str_at(&["name"]))) {
            self.value(Some(item), None, &item_path(path, at, item), found);
        }
        // Containers of the same content in another order are not the same list.
        if found.len() == before {
            let order = |list: &[Value]| {
                Some(Value::List(list.iter().map(|item| Value::string(item.str_at(&["name"]))).collect()))
            };
            found.push(Field { path: format!("{path} (order)"), old: order(old), new: order(new) });
        }
    }

    fn leaf(&self, value: Option<&Value>, path: &str) -> Option<Value> {
        let mut value = value?.clone();
        self.hide(&mut value, path);
        Some(value)
    }

    /// Takes secret values out.
    fn hide(&self, value: &mut Value, path: &str) {
        if self.is_hidden(path) && value.is_scalar() {
            *value = Value::string(HIDDEN);
            return;
        }
        match value {
            Value::Map(map) => {
                let is_variable = map.get("name").and_then(Value::as_str).is_some_and(self.is_secret_name);
                for (key, inner) in &mut map.0 {
                    match is_variable && key == "value" && !inner.is_null() {
                        true => *inner = Value::string(HIDDEN),
                        false => self.hide(inner, &key_path(path, key)),
                    }
                }
            }
            Value::List(list) => {
                list.iter_mut().enumerate().for_each(|(at, item)| self.hide(item, &format!("{path}[{at}]")));
            }
            _ => {}
        }
    }
}

fn hidden(value: Option<&Value>) -> Option<Value> {
    value.map(|_| Value::string(HIDDEN))
}

fn by_name(list: &[Value]) -> Option<BTreeMap<&str, &Value>> {
    let named: BTreeMap<&str, &Value> =
        list.iter().map(|item| (item.str_at(&["name"]), item)).filter(|(name, _)| !name.is_empty()).collect();
    (named.len() == list.len() && !list.is_empty()).then_some(named)
}

/// A value on one line, shortened: scalars as they are, lists and mappings in flow style.
pub fn on_a_line(value: &Value, most: usize) -> String {
    fn write(value: &Value, out: &mut String) {
        match value {
            Value::String(text) => {
                // What YAML would read as a number or a truth value is told from one.
                let is_other = text.parse::<f64>().is_ok() || matches!(text.as_str(), "true" | "false" | "null");
                let is_plain = !text.is_empty()
                    && !is_other
                    && text.chars().all(|c| c.is_alphanumeric() || "-_./@%+ ".contains(c) || c == ':')
                    && !text.ends_with(':')
                    && !text.contains(": ")
                    && text.trim() == text;
                out.push_str(&if is_plain || text == HIDDEN { text.clone() } else { format!("{text:?}") });
            }
            Value::List(list) => {
                out.push('[');
                for (at, item) in list.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    write(item, out);
                }
                out.push(']');
            }
            Value::Map(map) => {
                out.push('{');
                for (at, (key, item)) in map.0.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    out.push_str(key);
                    out.push_str(": ");
                    write(item, out);
                }
                out.push('}');
            }
            scalar => out.push_str(&shown(scalar)),
        }
    }
    let mut out = String::new();
    write(value, &mut out);
    match out.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &out[..at]),
        None => out,
    }
}

#[cfg(test)]
#[path = "diff/tests.rs"]
mod tests;
