//! One Kubernetes object on its way through the build, with the names it had before.

use super::aliases::Aliases;
use super::error::{Error, Result};
use super::kustomization::Behavior;
use super::origin::{self, Origin};
use super::schema;
use super::value::{Map, Value};

/// Group, version and kind. In a selector an empty part matches anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Gvk {
    pub group: String,
    pub version: String,
    pub kind: String,
}

impl Gvk {
    pub(crate) fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether `self` is one of those that `selector` names.
    pub(crate) fn is_selected(&self, selector: &Gvk) -> bool {
        (selector.group.is_empty() || selector.group == self.group)
            && (selector.version.is_empty() || selector.version == self.version)
            && (selector.kind.is_empty() || selector.kind == self.kind)
    }
}

/// What makes an object unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    pub gvk: Gvk,
    pub namespace: String,
    pub name: String,
}

impl Id {
    pub(crate) fn is_cluster_scoped(&self) -> bool {
        schema::is_cluster_scoped(&self.gvk.api_version(), &self.gvk.kind)
    }

    /// The namespace as the API server sees it; none for what has no namespace.
    pub(crate) fn effective_namespace(&self) -> Option<&str> {
        if self.is_cluster_scoped() {
            None
        } else if self.namespace.is_empty() {
            Some("default")
        } else {
            Some(&self.namespace)
        }
    }

    pub(crate) fn same(&self, other: &Id) -> bool {
        self.name == other.name && self.gvk == other.gvk && self.effective_namespace() == other.effective_namespace()
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.gvk.kind, self.name)?;
        if !self.namespace.is_empty() {
            write!(f, " in namespace {}", self.namespace)?;
        }
        write!(f, " ({})", self.gvk.api_version())
    }
}

/// A name that an object had: its namespace, its name and its kind then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Previous {
    pub namespace: String,
    pub name: String,
    pub kind: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub value: Value,
    /// Oldest first.
    pub previous: Vec<Previous>,
    pub prefixes: Vec<String>,
    pub suffixes: Vec<String>,
    pub behavior: Behavior,
    pub needs_hash: bool,
    /// Its origin is kept among its annotations.
    pub tracked: bool,
    /// A patch has taken the origin away: who changed the object next counts as its origin.
    pub origin_lost: bool,
    /// A generator made it.
    pub generated: bool,
    /// The vars that take their value from it.
    pub vars: Vec<String>,
    /// Where it comes from, and what changed it, as `buildMetadata` prints them.
    pub origin: Origin,
    pub transformations: String,
    pub aliases: Aliases,
}

impl Resource {
    /// An object from a document.
    ///
    /// # Errors
    /// When it lacks what makes it an object: `kind` and `metadata.name`.
    pub(crate) fn new(value: Value) -> Result<Self> {
        let Value::Map(map) = &value else {
            return Err(Error::new(format!("expected a Kubernetes object, found {}", value.type_name())));
        };
        if map.get("kind").and_then(Value::as_str).unwrap_or_default().is_empty() {
            return Err(Error::new("a Kubernetes object needs a kind").in_field("kind"));
        }
        if let Some(other) = map.get("apiVersion").filter(|v| v.as_str().is_none()) {
            return Err(Error::new(format!("expected a string, found {}", other.type_name())).in_field("apiVersion"));
        }
        if value.str_at(&["metadata", "name"]).is_empty() {
            let kind = value.str_at(&["kind"]);
            let message = match value.at(&["metadata", "name"]) {
                Some(other) if !other.is_null() && other.as_str().is_none() => {
                    format!("expected a string, found {}", other.type_name())
                }
                _ => format!("the {kind} has no name"),
            };
            return Err(Error::new(message).in_field("metadata.name"));
        }
        for field in ["labels", "annotations"] {
            match value.at(&["metadata", field]) {
                None | Some(Value::Null | Value::Blank | Value::Map(_)) => {}
                Some(other) => {
                    let message = format!("expected a mapping, found {}", other.type_name());
                    return Err(Error::new(message).in_field(&format!("metadata.{field}")));
                }
            }
        }
        Ok(Self {
            value,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            behavior: Behavior::Create,
            needs_hash: false,
            tracked: false,
            origin_lost: false,
            generated: false,
            vars: Vec::new(),
            origin: Origin::default(),
            transformations: String::new(),
            aliases: Aliases::default(),
        })
    }

    pub(crate) fn kind(&self) -> &str {
        self.value.str_at(&["kind"])
    }

    pub(crate) fn name(&self) -> &str {
        self.value.str_at(&["metadata", "name"])
    }

    pub(crate) fn namespace(&self) -> &str {
        self.value.str_at(&["metadata", "namespace"])
    }

    pub(crate) fn gvk(&self) -> Gvk {
        Gvk::new(self.value.str_at(&["apiVersion"]), self.kind())
    }

    pub(crate) fn id(&self) -> Id {
        Id { gvk: self.gvk(), namespace: self.namespace().to_owned(), name: self.name().to_owned() }
    }

    /// The ids it had before, oldest first.
    pub(crate) fn previous_ids(&self) -> impl Iterator<Item = Id> {
        let gvk = self.gvk();
        self.previous.iter().map(move |p| Id {
            gvk: Gvk { kind: p.kind.clone(), ..gvk.clone() },
            namespace: p.namespace.clone(),
            name: p.name.clone(),
        })
    }

    pub(crate) fn original_id(&self) -> Id {
        self.previous_ids().next().unwrap_or_else(|| self.id())
    }

    pub(crate) fn has_id(&self, id: &Id) -> bool {
        self.id().same(id) || self.previous_ids().any(|previous| previous.same(id))
    }

    /// Remembers the id it has now, before it changes.
    pub(crate) fn remember(&mut self) {
        let id = self.id();
        let namespace = id.effective_namespace().unwrap_or_default().to_owned();
        self.previous.push(Previous { namespace, name: id.name, kind: id.gvk.kind });
        self.note();
    }

    /// Kustomize keeps what it remembers of an object in annotations of its own, so that from then on an object has
    /// annotations, which patches and field specs find.
    pub(crate) fn note(&mut self) {
        self.metadata().or_insert("annotations", Value::map());
        self.aliases.forget_annotations();
    }

    /// Puts the origin's annotation there, empty.
    pub(crate) fn set_marker(&mut self) {
        if let Value::Map(map) = self.metadata().or_insert("annotations", Value::map()) {
            map.set(origin::KEY, Value::Blank);
        }
    }

    /// Whether the origin's annotation is still there; it is taken out.
    pub(crate) fn take_marker(&mut self) -> bool {
        let annotations = self.metadata().get_mut("annotations").and_then(Value::as_map_mut);
        annotations.is_some_and(|map| map.remove(origin::KEY).is_some())
    }

    /// Whether Kustomize would have annotations of its own on it.
    pub(crate) fn is_noted(&self) -> bool {
        self.needs_hash || self.generated || !self.previous.is_empty()
    }

    pub(crate) fn metadata(&mut self) -> &mut Map {
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::map();
        }
        let Value::Map(map) = &mut self.value else { unreachable!("made a mapping above") };
        let metadata = map.or_insert("metadata", Value::map());
        if !matches!(metadata, Value::Map(_)) {
            *metadata = Value::map();
        }
        let Value::Map(metadata) = metadata else { unreachable!("made a mapping above") };
        metadata
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        self.metadata().set("name", Value::string(name));
    }

    /// Sets the namespace; an empty one removes the field.
    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        if namespace.is_empty() {
            self.metadata().remove("namespace");
        } else {
            self.metadata().set("namespace", Value::string(namespace));
        }
    }

    pub(crate) fn set_kind(&mut self, kind: &str) {
        if let Some(map) = self.value.as_map_mut() {
            map.set("kind", Value::string(kind));
        }
    }

    /// Whether nothing is left of it, as after a patch that deletes it.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.value {
            Value::Null | Value::Blank => true,
            Value::Map(map) => map.is_empty(),
            _ => false,
        }
    }
}

/// The objects of a file: every document, the elements of a `List` instead of the list.
pub(crate) fn from_documents(documents: Vec<super::read::Document>) -> Result<Vec<Resource>> {
    let mut found = Vec::new();
    for document in documents {
        add(document.value, &mut found).map_err(|e| e.at_line(document.line))?;
    }
    Ok(found)
}

fn add(value: Value, found: &mut Vec<Resource>) -> Result<()> {
    if value.is_null() || value.as_map().is_some_and(Map::is_empty) {
        return Ok(());
    }
    let is_list = value.str_at(&["kind"]).ends_with("List") && value.at(&["items"]).is_some();
    match value {
        Value::Map(mut map) if is_list => match map.remove("items") {
            Some(Value::List(items)) => items.into_iter().try_for_each(|item| add(item, found)),
            None | Some(Value::Null | Value::Blank) => Ok(()),
            Some(other) => Err(Error::new(format!("expected a list, found {}", other.type_name())).in_field("items")),
        },
        value => {
            found.push(Resource::new(value)?);
            Ok(())
        }
    }
}
