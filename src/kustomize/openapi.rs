//! A schema of one's own (`openapi.path`): which lists of which kinds merge by a key, and which kinds have no
//! namespace.

use super::error::{Error, Result};
use super::read::{self, Dialect};
use super::schema::ListMerge;
use super::value::Value;
use std::collections::HashMap;

/// Whether a kind has no namespace, by API version and kind.
pub(crate) type Scopes = HashMap<(String, String), bool>;

/// How many references may lead on to another.
const MAX_REFERENCES: usize = 64;

/// An OpenAPI 2 document.
#[derive(Debug)]
pub(crate) struct Document {
    root: Value,
    /// Definitions of kinds, by API version and kind.
    kinds: HashMap<(String, String), String>,
}

impl Document {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let root = read::document(text, Dialect::Object)?.value;
        let Value::Map(_) = &root else {
            return Err(Error::new(format!("expected an OpenAPI document, found {}", root.type_name())));
        };
        let mut kinds = HashMap::new();
        if let Some(Value::Map(definitions)) = root.at(&["definitions"]) {
            for (name, definition) in &definitions.0 {
                let of = definition.at(&["x-kubernetes-group-version-kind"]).and_then(Value::as_list);
                for one in of.unwrap_or_default() {
                    kinds.insert(api_version_and_kind(one), name.clone());
                }
            }
        }
        Ok(Self { root, kinds })
    }

    /// The definition of a kind.
    pub(crate) fn kind(&self, api_version: &str, kind: &str) -> Option<&Value> {
        let name = self.kinds.get(&(api_version.to_owned(), kind.to_owned()))?;
        self.root.at(&["definitions", name])
    }

    /// What the paths say of kinds: one with a namespace in any of its paths has a namespace.
    pub(crate) fn scopes(&self) -> Scopes {
        let mut scopes = Scopes::new();
        let Some(Value::Map(paths)) = self.root.at(&["paths"]) else { return scopes };
        for (path, item) in &paths.0 {
            if let Some(of) = item.at(&["get", "x-kubernetes-group-version-kind"]) {
                let cluster = !path.contains("namespaces/{namespace}");
                let known = scopes.entry(api_version_and_kind(of)).or_insert(cluster);
                *known &= cluster;
            }
        }
        scopes
    }

    /// The schema of a field of a mapping.
    pub(crate) fn field<'s>(&'s self, node: &'s Value, name: &str) -> Target<'s> {
        let own = node.at(&["properties", name]);
        let any = || node.at(&["additionalProperties"]).filter(|v| matches!(v, Value::Map(_)));
        own.or_else(any).map_or(Target::Nothing, |node| self.resolve(node))
    }

    /// The schema of the elements of a list.
    pub(crate) fn elements<'s>(&'s self, node: &'s Value) -> Target<'s> {
        let is_list = match node.at(&["type"]) {
            Some(Value::List(types)) => matches!(&types[..], [one] if one.as_str() == Some("array")),
            Some(one) => one.as_str() == Some("array"),
            None => false,
        };
        node.at(&["items"]).filter(|_| is_list).map_or(Target::Nothing, |node| self.resolve(node))
    }

    /// Follows `$ref` within the document.
    fn resolve<'s>(&'s self, node: &'s Value) -> Target<'s> {
        let mut node = node;
        for _ in 0..MAX_REFERENCES {
            let Some(reference) = node.at(&["$ref"]).and_then(Value::as_str) else { return Target::Node(node) };
            let Some(pointer) = reference.strip_prefix("#/") else { return Target::Nothing };
            let step = |node: &'s Value, part: &str| node.as_map()?.get(&part.replace("~1", "/").replace("~0", "~"));
            match pointer.split('/').try_fold(&self.root, step) {
                Some(next) => node = next,
                None => return pointer.strip_prefix("definitions/").map_or(Target::Nothing, Target::Elsewhere),
            }
        }
        Target::Nothing
    }
}

/// Where a field or a reference leads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target<'s> {
    Nothing,
    Node(&'s Value),
    /// A definition of this name that is not in the document.
    Elsewhere(&'s str),
}

/// How a list with this schema merges.
pub(crate) fn list_merge(node: &Value) -> ListMerge<'_> {
    if !node.str_at(&["x-kubernetes-patch-strategy"]).split(',').any(|word| word == "merge") {
        return ListMerge::Replace;
    }
    let keys: Vec<&str> = match node.at(&["x-kubernetes-list-map-keys"]).and_then(Value::as_list) {
        Some(list) => list.iter().filter_map(Value::as_str).collect(),
        None => node.at(&["x-kubernetes-patch-merge-key"]).and_then(Value::as_str).into_iter().collect(),
    };
    if keys.is_empty() { ListMerge::Set } else { ListMerge::ByKeys(keys) }
}

fn api_version_and_kind(of: &Value) -> (String, String) {
    let part = |name: &str| of.str_at(&[name]);
    let version = part("version");
    let api_version =
        if part("group").is_empty() { version.to_owned() } else { format!("{}/{version}", part("group")) };
    (api_version, part("kind").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_and_merge_keys_of_a_document() {
        let text = "
definitions:
  v1.Foo:
    x-kubernetes-group-version-kind: [{group: example.com, version: v1, kind: Foo}]
    properties: {spec: {$ref: '#/definitions/v1.Spec'}}
  v1.Spec:
    properties:
      parts: {type: array, items: {type: object}, x-kubernetes-patch-strategy: merge, x-kubernetes-patch-merge-key: id}
      loop: {$ref: '#/definitions/Loop'}
      pod: {$ref: '#/definitions/Pod'}
  Loop: {$ref: '#/definitions/Loop'}
paths:
  /apis/example.com/v1/foos: {get: {x-kubernetes-group-version-kind: {group: example.com, version: v1, kind: Foo}}}
  '/apis/example.com/v1/namespaces/{namespace}/foos':
    get: {x-kubernetes-group-version-kind: {group: example.com, version: v1, kind: Foo}}
  /api/v1/bars: {get: {x-kubernetes-group-version-kind: {group: '', version: v1, kind: Bar}}}
";
        let document = Document::parse(text).expect("a document");
        let scopes = document.scopes();
        assert!(!scopes[&("example.com/v1".to_owned(), "Foo".to_owned())]);
        assert!(scopes[&("v1".to_owned(), "Bar".to_owned())]);
        let node = |target| if let Target::Node(node) = target { node } else { panic!("{target:?}") };
        let spec = node(document.field(document.kind("example.com/v1", "Foo").expect("the kind"), "spec"));
        let parts = node(document.field(spec, "parts"));
        assert_eq!(list_merge(parts), ListMerge::ByKeys(vec!["id"]));
        assert!(matches!(document.elements(parts), Target::Node(_)));
        assert_eq!(document.field(spec, "loop"), Target::Nothing);
        assert_eq!(document.field(spec, "pod"), Target::Elsewhere("Pod"));
    }
}
