//! Name references: when an object was renamed or moved, the fields of other objects that name it follow.

use super::error::{Error, Result};
use super::field_spec::{FieldSpec, Leaf, NameReference};
use super::resource::{Gvk, Id, Resource};
use super::transform::set_all;
use super::value::Value;
use std::collections::{HashMap, HashSet};

/// What is needed of every possible target, apart from the objects that are being changed.
struct Candidate {
    now: Id,
    first_namespace: Option<String>,
    /// `(name, kind)` of each previous id.
    previous: Vec<Id>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

/// Renames all references to objects that have changed their name since they were read.
///
/// # Errors
/// When a name could mean several objects that are now called differently.
pub(crate) fn update(resources: &mut [Resource], tables: &[NameReference]) -> Result<()> {
    let candidates: Vec<Candidate> = resources
        .iter()
        .map(|r| Candidate {
            now: r.id(),
            first_namespace: r.original_id().effective_namespace().map(str::to_owned),
            previous: r.previous_ids().collect(),
            prefixes: r.prefixes.clone(),
            suffixes: r.suffixes.clone(),
        })
        .collect();
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, candidate) in candidates.iter().enumerate() {
        let names: HashSet<&str> = candidate.previous.iter().map(|id| id.name.as_str()).collect();
        for name in names {
            by_name.entry(name).or_default().push(i);
        }
    }
    for (i, resource) in resources.iter_mut().enumerate() {
        let allowed = role_binding_namespaces(resource)?;
        let search = Search { candidates: &candidates, by_name: &by_name, me: i, allowed };
        let gvk = resource.gvk();
        for NameReference { target, fields } in tables {
            for spec in fields.iter().filter(|spec| gvk.is_selected(&spec.gvk)) {
                let role = role_ref(resource, spec);
                set_all(resource, spec, Leaf::Scalar, &mut |node| search.rename(node, target, role.as_ref()))?;
            }
        }
    }
    Ok(())
}

/// The kind that a role binding's `roleRef` means.
fn role_ref(resource: &Resource, spec: &FieldSpec) -> Option<Gvk> {
    let role = matches!(&spec.path[..], [.., role, name] if role.name == "roleRef" && name.name == "name");
    let group = resource.value.at(&["roleRef", "apiGroup"]).and_then(Value::as_str)?;
    let kind = resource.value.at(&["roleRef", "kind"]).and_then(Value::as_str)?;
    role.then(|| Gvk { group: group.to_owned(), version: String::new(), kind: kind.to_owned() })
}

/// Other namespaces whose service accounts a role binding names.
fn role_binding_namespaces(resource: &Resource) -> Result<HashSet<String>> {
    if resource.kind() != "RoleBinding" {
        return Ok(HashSet::new());
    }
    let subjects = resource.value.at(&["subjects"]).and_then(Value::as_list).unwrap_or_default();
    let accounts = subjects.iter().filter(|s| s.str_at(&["kind"]) == "ServiceAccount");
    let mut found = HashSet::new();
    for namespace in accounts.filter_map(|s| s.at(&["namespace"])) {
        let Some(namespace) = namespace.as_str() else {
            return Err(Error::new(format!(
                "{}: the namespace of a subject is {}",
                resource.id(),
                namespace.type_name()
            )));
        };
        found.insert(namespace.to_owned());
    }
    Ok(found)
}

struct Search<'a> {
    candidates: &'a [Candidate],
    by_name: &'a HashMap<&'a str, Vec<usize>>,
    /// The object that refers.
    me: usize,
    allowed: HashSet<String>,
}

impl Search<'_> {
    fn rename(&self, node: &mut Value, target: &Gvk, role: Option<&Gvk>) -> Result<(), String> {
        match node {
            Value::Null | Value::Blank => Ok(()),
            Value::List(items) => items.iter_mut().try_for_each(|item| self.rename(item, target, role)),
            Value::Map(map) => {
                let Some(name) = map.get("name").and_then(Value::scalar_text) else {
                    return Err("expected a mapping with a name".to_owned());
                };
                let namespace = map.get("namespace").and_then(Value::scalar_text);
                let Some(found) = self.select(&name, target, role, namespace.as_deref(), true)? else { return Ok(()) };
                if found.now.name == name && found.now.namespace.is_empty() {
                    return Ok(());
                }
                map.set("name", Value::string(&found.now.name));
                if !found.now.namespace.is_empty() {
                    map.set("namespace", Value::string(&found.now.namespace));
                }
                Ok(())
            }
            scalar => {
                let name = scalar.scalar_text().unwrap_or_default();
                if let Some(found) = self.select(&name, target, role, None, false)?.filter(|f| f.now.name != name) {
                    *scalar = Value::string(&found.now.name);
                }
                Ok(())
            }
        }
    }

    /// The one object that `name` means, narrowed down by kind, namespace and the prefixes both went through.
    fn select(
        &self,
        name: &str,
        target: &Gvk,
        role: Option<&Gvk>,
        namespace: Option<&str>,
        whole: bool,
    ) -> Result<Option<&Candidate>, String> {
        let Some(named) = self.by_name.get(name) else { return Ok(None) };
        let me = &self.candidates[self.me];
        let mut found: Vec<&Candidate> = named.iter().map(|i| &self.candidates[*i]).collect();
        found.retain(|c| self.could_refer(c) && c.previous.iter().any(|id| id.gvk.is_selected(target)));
        if let Some(namespace) = namespace {
            let here = |c: &&Candidate, ns: Option<&str>| ns == Some(namespace) && !c.now.is_cluster_scoped();
            // Whether any candidate at all came from that namespace decides which of its namespaces counts.
            let any_first =
                self.candidates.iter().any(|c| self.could_refer(c) && c.first_namespace.as_deref() == Some(namespace));
            if any_first {
                found.retain(|c| here(c, c.first_namespace.as_deref()));
            } else {
                found.retain(|c| here(c, c.now.effective_namespace()));
            }
        }
        if let Some(role) = role {
            found.retain(|c| c.previous.iter().any(|id| id.gvk.is_selected(role)));
        }
        if !me.now.is_cluster_scoped() {
            found.retain(|c| {
                c.now.is_cluster_scoped()
                    || c.now.gvk.kind == "ServiceAccount"
                    || c.now.effective_namespace() == me.now.effective_namespace()
            });
        }
        for allow_empty in [true, false] {
            if found.len() > 1 {
                found.retain(|c| {
                    same_ending(&c.prefixes, &me.prefixes, allow_empty)
                        && same_ending(&c.suffixes, &me.suffixes, allow_empty)
                });
            }
        }
        let Some((first, rest)) = found.split_first() else { return Ok(None) };
        let identical =
            |c: &&Candidate| c.now.name == first.now.name && (!whole || c.now.namespace == first.now.namespace);
        if rest.iter().all(identical) {
            return Ok(Some(first));
        }
        let all: Vec<String> = found.iter().map(|c| c.now.to_string()).collect();
        Err(format!("{name:?} could mean any of {}", all.join(", ")))
    }

    /// Objects refer to those of their own namespace and to those without one; objects without a namespace to all.
    fn could_refer(&self, to: &Candidate) -> bool {
        let me = &self.candidates[self.me].now;
        me.is_cluster_scoped()
            || to.now.is_cluster_scoped()
            || me.effective_namespace() == to.now.effective_namespace()
            || self.allowed.contains(&to.now.namespace)
    }
}

fn same_ending(a: &[String], b: &[String], allow_empty: bool) -> bool {
    if a.is_empty() || b.is_empty() {
        return allow_empty || a.len() == b.len();
    }
    a.iter().rev().zip(b.iter().rev()).all(|(a, b)| a == b)
}
