//! `crds`: OpenAPI definitions of custom kinds, of which the extensions tell where names, labels and annotations stand.

use super::error::Result;
use super::field_spec::{FieldSpec, NameReference};
use super::files::Root;
use super::read::{self, Dialect};
use super::resource::Gvk;
use super::transformer_config::Config;
use super::value::{Map, Value};

/// How deep definitions may refer to others.
const MAX_DEPTH: usize = 32;

/// The field specs that the files of `crds` ask for.
pub(crate) fn config(paths: &[String], root: &Root) -> Result<Config> {
    let mut config = Config::default();
    for (i, path) in paths.iter().enumerate() {
        let text = root.read_text(path).map_err(|e| e.in_field(&format!("crds[{i}]")))?;
        let document = read::document(&text, Dialect::Kustomization).map_err(|e| e.in_file(&root.shown(path)))?;
        let Value::Map(definitions) = document.value else { continue };
        for (name, definition) in &definitions.0 {
            let Some(properties) = properties(definition) else { continue };
            if ["kind", "apiVersion", "metadata"].iter().all(|field| properties.get(field).is_some()) {
                let kind = name.rsplit('.').next().unwrap_or(name).to_owned();
                let kind = Gvk { kind, ..Gvk::default() };
                let mut found = Config::default();
                add(&mut found, &kind, &definitions, definition, &mut Vec::new());
                config.merge(found).map_err(|e| e.in_file(&root.shown(path)))?;
            }
        }
    }
    Ok(config)
}

fn properties(definition: &Value) -> Option<&Map> {
    let field = |node: &'_ Value, name: &str| -> Option<usize> {
        node.as_map()?.0.iter().position(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    let schema = &definition.as_map()?.0.get(field(definition, "schema")?)?.1;
    schema.at(&["properties"])?.as_map()
}

fn add(config: &mut Config, kind: &Gvk, all: &Map, definition: &Value, path: &mut Vec<String>) {
    let Some(properties) = properties(definition).filter(|_| path.len() < MAX_DEPTH) else { return };
    for (name, property) in &properties.0 {
        path.push(name.replace('/', "\\/"));
        let spec = |path: &[String]| {
            let mut spec = FieldSpec::new(&path.join("/"), "", "", "", false);
            spec.gvk = kind.clone();
            spec
        };
        let text = |extension: &str| property.at(&[extension]).and_then(Value::as_str);
        if text("x-kubernetes-annotation").is_some() {
            config.annotations.push(spec(path));
        }
        if text("x-kubernetes-label-selector").is_some() {
            config.common_labels.push(spec(path));
        }
        if text("x-kubernetes-identity").is_some() {
            config.prefixes.push(spec(path));
        }
        let version = text("x-kubernetes-object-ref-api-version");
        if let (Some(version), Some(target)) = (version, text("x-kubernetes-object-ref-kind")) {
            let mut field = path.clone();
            field.push(text("x-kubernetes-object-ref-name-key").unwrap_or("name").to_owned());
            let target = Gvk { version: version.to_owned(), kind: target.to_owned(), ..Gvk::default() };
            config.references.push(NameReference { target, fields: vec![spec(&field)] });
        }
        if let Some(next) = property.at(&["$ref"]).and_then(Value::as_str).and_then(|name| all.get(name)) {
            add(config, kind, all, next, path);
        }
        path.pop();
    }
}
