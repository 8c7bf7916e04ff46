//! Kubernetes objects after rendering: whether they fit the schemas of a version, whether they keep to the policies, and
//! in what two sets of them differ. Knows objects and nothing of where they come from.

mod check;
mod crd;
pub mod diff;
mod pack;
mod pods;
pub mod policy;
mod quantity;
mod sense;
mod shape;

pub use check::Checked;
pub use pack::{Schemas, versions};

use crate::kustomize::Value;
use std::fmt;

/// The first characters of a value that messages show.
const SHOWN: usize = 60;

/// Something that is wrong with one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `Deployment churn in churn-prod`
    pub object: String,
    /// `spec.template.spec.containers[model].image`; empty for the object as a whole.
    pub path: String,
    /// What was found and what was expected, with the way out.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.is_empty() {
            true => write!(f, "{}: {}", self.object, self.message),
            false => write!(f, "{}: {}: {}", self.object, self.path, self.message),
        }
    }
}

/// Kind, name and, where it has one, namespace of an object.
pub fn name_of(object: &Value) -> String {
    let (kind, name) = (object.str_at(&["kind"]), object.str_at(&["metadata", "name"]));
    match object.str_at(&["metadata", "namespace"]) {
        "" => format!("{kind} {name}"),
        namespace => format!("{kind} {name} in {namespace}"),
    }
}

/// A path one step deeper: an item of a list is called by its `name` where it has one.
fn item_path(path: &str, at: usize, item: &Value) -> String {
    match item.str_at(&["name"]) {
        "" => format!("{path}[{at}]"),
        name => format!("{path}[{name}]"),
    }
}

/// A path one step deeper: `spec.replicas`; a key with dots in brackets: `metadata.labels["app.kubernetes.io/name"]`.
fn key_path(path: &str, key: &str) -> String {
    match (path.is_empty(), key.contains(['.', '[', ']', ' ', '"'])) {
        (_, true) => format!("{path}[{key:?}]"),
        (true, false) => key.to_string(),
        (false, false) => format!("{path}.{key}"),
    }
}

/// A value as messages show it: shortened, texts in quotes, lists and mappings by their size.
fn shown(value: &Value) -> String {
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    match value {
        Value::String(text) => {
            let cut: String = text.chars().take(SHOWN).collect();
            let dots = if cut.len() < text.len() { "…" } else { "" };
            format!("{cut:?}{dots}")
        }
        Value::List(list) => format!("a list of {}", plural(list.len(), "item")),
        Value::Map(map) => format!("a mapping of {}", plural(map.0.len(), "key")),
        scalar => scalar.scalar_text().unwrap_or_default(),
    }
}

/// `did you mean `replicas`?`, where a known name is near enough to be a slip of the pen.
fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |k: &&str| {
        let distance = strsim::damerau_levenshtein(&name.to_lowercase(), &k.to_lowercase());
        (distance <= (k.len().max(name.len()) / 3).max(1)).then_some(distance)
    };
    known.into_iter().filter_map(|k| near(&k).map(|distance| (distance, k))).min().map(|(_, k)| k)
}
