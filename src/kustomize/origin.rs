//! `buildMetadata`: where an object comes from and what changed it, as annotations.

use super::emit;
use super::resource::Resource;
use super::value::{Map, Value};

/// The annotation that tells the origin.
pub(crate) const KEY: &str = "config.kubernetes.io/origin";

/// What kubectl 1.32 writes; the `kustomize` program writes its version instead of `(devel)`.
const MANAGED_BY: &str = "kustomize-(devel)";

/// What the outermost kustomization asks for; bases follow it, whatever they say themselves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Metadata {
    /// Anything is asked for, so that Kustomize keeps origins, which are annotations.
    pub any: bool,
    pub origins: bool,
    pub transformations: bool,
    /// The label that says that Kustomize made the object.
    pub managed_by: bool,
}

impl Metadata {
    /// Words that are none of the three are without effect, as in Kustomize.
    pub(crate) fn new(words: &[String]) -> Self {
        let has = |word: &str| words.iter().any(|w| w == word);
        Self {
            any: !words.is_empty(),
            origins: has("originAnnotations"),
            transformations: has("transformerAnnotations"),
            managed_by: has("managedByLabel"),
        }
    }
}

/// The file, or the generator or transformer in it, that made or changed an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// The file of an object, as seen from the directory that is built.
    pub path: String,
    /// The repository and the reference of a remote base.
    pub repo: String,
    pub reference: String,
    /// The file that configures a generator or transformer, and who that is: API version, kind, name, namespace.
    pub configured_in: String,
    pub by: Option<[String; 4]>,
}

impl Origin {
    /// As YAML, each line but the first behind `indent`.
    fn to_yaml(&self, indent: &str) -> String {
        let mut lines = Vec::new();
        let mut add = |field: &str, text: &str| {
            if !text.is_empty() {
                let mut value = String::new();
                emit::document(&Value::string(text), &mut value);
                lines.push(format!("{field}: {value}"));
            }
        };
        add("path", &self.path);
        add("repo", &self.repo);
        add("ref", &self.reference);
        add("configuredIn", &self.configured_in);
        if let Some([api_version, kind, name, namespace]) = &self.by {
            let mut by = Map::default();
            let all = [("apiVersion", api_version), ("kind", kind), ("name", name), ("namespace", namespace)];
            for (field, text) in all.into_iter().filter(|(_, text)| !text.is_empty()) {
                by.set(field, Value::string(text));
            }
            let mut value = String::new();
            emit::document(&Value::Map(by), &mut value);
            lines.push("configuredBy:\n".to_owned());
            lines.extend(value.lines().map(|line| format!("  {line}\n")));
        }
        lines.join(indent)
    }
}

/// Notes that a transformer went over all these objects.
pub(crate) fn note(resources: &mut [Resource], by: &Origin) {
    let text = format!("- {}", by.to_yaml("  "));
    for resource in resources {
        if std::mem::take(&mut resource.origin_lost) {
            resource.origin.clone_from(by);
        } else {
            resource.transformations.push_str(&text);
        }
    }
}

/// Writes what is asked for into an object.
pub(crate) fn annotate(resource: &mut Resource, asked: Metadata) {
    let origin = asked.origins.then(|| resource.origin.to_yaml(""));
    let transformations = asked.transformations.then(|| std::mem::take(&mut resource.transformations));
    let managed_by = asked.managed_by.then(|| MANAGED_BY.to_owned());
    for (field, key, text) in [
        ("annotations", KEY, origin),
        ("annotations", "alpha.config.kubernetes.io/transformations", transformations),
        ("labels", "app.kubernetes.io/managed-by", managed_by),
    ] {
        let Some(text) = text.filter(|text| !text.is_empty()) else { continue };
        if let Value::Map(map) = resource.metadata().or_insert(field, Value::map()) {
            map.set(key, Value::String(text));
        }
    }
}
