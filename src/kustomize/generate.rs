//! `configMapGenerator` and `secretGenerator`, and the hash of the content that ends their names.

use super::base64;
use super::error::{Error, Result};
use super::files::Root;
use super::kustomization::{Behavior, Generator, GeneratorOptions, Kustomization};
use super::origin::Origin;
use super::resource::Resource;
use super::value::{Map, Value};
use sha2::{Digest, Sha256};

/// Generates everything a kustomization asks for and merges it into `resources`.
pub(crate) fn run(resources: &mut Vec<Resource>, from: &Kustomization, root: &Root) -> Result<()> {
    let lists = [(&from.config_maps, "ConfigMap", "configMapGenerator"), (&from.secrets, "Secret", "secretGenerator")];
    for (generators, kind, field) in lists {
        for (i, generator) in generators.iter().enumerate() {
            object(generator, kind, &from.generator_options, root)
                .map(|made| Resource { origin: origin(root, kind), ..made })
                .and_then(|made| absorb(resources, made))
                .map_err(|e| e.in_field(&format!("{field}[{i}]")))?;
        }
    }
    Ok(())
}

/// The generator of a kustomization that made an object.
fn origin(root: &Root, kind: &str) -> Origin {
    let by = ["builtin".to_owned(), format!("{kind}Generator"), String::new(), String::new()];
    Origin { by: Some(by), configured_in: root.kustomization_path(), ..root.origin("") }
}

pub(crate) fn object(from: &Generator, kind: &str, global: &GeneratorOptions, root: &Root) -> Result<Resource> {
    let mut metadata = Map::default();
    metadata.set("name", Value::string(&from.name));
    if !from.namespace.is_empty() {
        metadata.set("namespace", Value::string(&from.namespace));
    }
    // What the generator itself says wins.
    let pairs = |local: &[(String, String)], global: &[(String, String)]| {
        let mut map = Map::default();
        global.iter().chain(local).for_each(|(key, value)| map.set(key, Value::string(value)));
        map
    };
    for (name, map) in [
        ("labels", pairs(&from.options.labels, &global.labels)),
        ("annotations", pairs(&from.options.annotations, &global.annotations)),
    ] {
        if !map.is_empty() {
            metadata.set(name, Value::Map(map));
        }
    }
    let mut object = Map::default();
    object.set("apiVersion", Value::string("v1"));
    object.set("kind", Value::string(kind));
    object.set("metadata", Value::Map(metadata));
    let (mut data, mut binary) = (Map::default(), Map::default());
    for (key, bytes) in contents(from, root)? {
        if kind == "Secret" {
            data.set(&key, Value::String(base64::encode_lines(&bytes)));
            continue;
        }
        match String::from_utf8(bytes) {
            Ok(text) => data.set(&key, Value::String(text)),
            Err(not_text) => binary.set(&key, Value::String(base64::encode_lines(not_text.as_bytes()))),
        }
    }
    // A Secret always has data.
    if !data.is_empty() || kind == "Secret" {
        object.set("data", Value::Map(data));
    }
    if !binary.is_empty() {
        object.set("binaryData", Value::Map(binary));
    }
    if kind == "Secret" {
        object.set("type", Value::string(if from.kind.is_empty() { "Opaque" } else { &from.kind }));
    }
    if from.options.immutable || global.immutable {
        object.set("immutable", Value::Bool(true));
    }
    let mut made = Resource::new(Value::Map(object))?;
    made.behavior = from.behavior;
    made.generated = true;
    made.note();
    made.needs_hash = !(from.options.disable_name_suffix_hash || global.disable_name_suffix_hash);
    Ok(made)
}

/// Keys and contents: from env files, then literals, then files.
fn contents(from: &Generator, root: &Root) -> Result<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    for (i, file) in from.envs.iter().enumerate() {
        env_file(&root.read_text(file).map_err(|e| e.in_field(&format!("envs[{i}]")))?, &mut all)
            .map_err(|e| e.in_file(&root.shown(file)))?;
    }
    for (i, literal) in from.literals.iter().enumerate() {
        let at = format!("literals[{i}]");
        match literal.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                all.push((key.to_owned(), unquoted(value).as_bytes().to_vec()));
            }
            _ => return Err(Error::new(format!("expected KEY=VALUE, found {literal:?}")).in_field(&at)),
        }
    }
    for (i, entry) in from.files.iter().enumerate() {
        let at = format!("files[{i}]");
        let (key, path) = match entry.split_once('=') {
            None => (entry.rsplit('/').next().unwrap_or(entry), entry.as_str()),
            Some((key, path)) if !key.is_empty() && !path.is_empty() && !path.contains('=') => (key, path),
            Some(_) => return Err(Error::new(format!("expected KEY=FILE or FILE, found {entry:?}")).in_field(&at)),
        };
        all.push((key.to_owned(), root.read(path).map_err(|e| e.in_field(&at))?));
    }
    let mut seen = std::collections::HashSet::new();
    for (key, _) in &all {
        if !seen.insert(key.as_str()) {
            return Err(Error::new(format!("the key {key} is given twice")));
        }
    }
    Ok(all)
}

/// The text without the pair of quotes around it.
fn unquoted(text: &str) -> &str {
    let inside = |quote| text.strip_prefix(quote).and_then(|t: &str| t.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

/// Lines of `KEY=VALUE`; empty ones and those that begin with `#` are skipped.
fn env_file(text: &str, all: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (i, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            let message =
                format!("{line} has no value; values from the environment are not rendered, write {line}=VALUE");
            return Err(Error::new(message).at_line(i + 1));
        };
        all.push((key.to_owned(), value.as_bytes().to_vec()));
    }
    Ok(())
}

/// Adds a generated object, or merges it into the one that has, or had, its id.
pub(crate) fn absorb(resources: &mut Vec<Resource>, mut made: Resource) -> Result<()> {
    let id = made.id();
    let matches: Vec<usize> = (0..resources.len()).filter(|&i| resources[i].has_id(&id)).collect();
    match (&matches[..], made.behavior) {
        ([], Behavior::Create) => resources.push(made),
        ([], _) => return Err(Error::new(format!("there is no {id} to merge with or to replace")).in_field("behavior")),
        ([_], Behavior::Create) => {
            let message = format!("there is already a {id}; behavior must be merge or replace");
            return Err(Error::new(message).in_field("behavior"));
        }
        ([at], behavior) => {
            let old = resources[*at].clone();
            for field in ["labels", "annotations"] {
                merge_field(made.metadata(), old.value.at(&["metadata", field]), field);
            }
            made.set_name(old.name());
            made.set_namespace(old.namespace());
            (made.previous, made.prefixes, made.suffixes) = (old.previous, old.prefixes, old.suffixes);
            made.behavior = old.behavior;
            made.vars = old.vars;
            made.transformations = old.transformations;
            made.needs_hash &= old.needs_hash;
            if behavior == Behavior::Merge {
                made.origin = old.origin;
                if let Some(map) = made.value.as_map_mut() {
                    for field in ["data", "binaryData"] {
                        merge_field(map, old.value.at(&[field]), field);
                        if map.get(field).and_then(Value::as_map).is_some_and(Map::is_empty) {
                            map.remove(field);
                        }
                    }
                }
            }
            resources[*at] = made;
        }
        (many, _) => return Err(Error::new(format!("{} objects could be the {id} to merge with", many.len()))),
    }
    Ok(())
}

/// Puts the entries of an old mapping below those of `map[field]`.
fn merge_field(map: &mut Map, old: Option<&Value>, field: &str) {
    let Some(Value::Map(old)) = old else { return };
    if let Value::Map(new) = map.or_insert(field, Value::map()) {
        for (key, value) in &old.0 {
            if new.get(key).is_none() {
                new.set(key, value.clone());
            }
        }
    }
}

/// Appends the content's hash to the names of the generated objects that want one.
pub(crate) fn add_hashes(resources: &mut [Resource]) {
    for resource in resources.iter_mut().filter(|r| r.needs_hash) {
        let name = format!("{}-{}", resource.name(), hash(&resource.value));
        resource.remember();
        resource.set_name(&name);
    }
}

/// Ten characters of the SHA-256 of what matters of a ConfigMap, a Secret or any other object, in an alphabet without
/// vowels and easily mistaken digits.
fn hash(object: &Value) -> String {
    let field = |name: &str| object.at(&[name]).cloned();
    let or_empty = |value: Option<Value>| value.unwrap_or_else(|| Value::string(""));
    let mut map = Map::default();
    let extra = match object.str_at(&["kind"]) {
        "ConfigMap" => "binaryData",
        "Secret" => {
            map.set("type", or_empty(field("type")));
            "stringData"
        }
        _ => "",
    };
    let json = if extra.is_empty() {
        object.to_json()
    } else {
        map.set("kind", or_empty(field("kind")));
        // Kustomize looks the name up by a path that leads nowhere, so that it never counts.
        map.set("name", Value::string(""));
        map.set("data", or_empty(field("data")));
        if let Some(more @ Value::Map(_)) = field(extra) {
            map.set(extra, more);
        }
        Value::Map(map).to_json()
    };
    let digest = Sha256::digest(json.as_bytes());
    let hex: String = digest.iter().take(5).map(|b| format!("{b:02x}")).collect();
    let mangled = hex.chars().map(|c| match c {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        c => c,
    });
    mangled.collect()
}
