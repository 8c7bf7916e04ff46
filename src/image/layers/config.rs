//! The image's config: the user's settings laid over the base's, as `FROM` does. Fields of the base that mlgate does
//! not know are kept. Format: <https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md>.

use crate::config::LayeredImage;
use crate::image::layout::Layer;
use serde_json::{Map, Value, json};

/// Every time in the config: a build has none of its own.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// `base` is the base's config, an object; without one the image starts from nothing.
pub(super) fn merged(image: &LayeredImage, platform: &str, layers: &[Layer], base: Option<Value>) -> Value {
    let scratch = base.is_none();
    let mut config = match base {
        Some(Value::Object(base)) => base,
        _ => fields(platform),
    };
    config.insert("created".into(), json!(CREATED));
    let settings = object(&mut config, "config");
    if !image.entrypoint.is_empty() {
        settings.insert("Entrypoint".into(), json!(image.entrypoint));
        // A base's default arguments mean nothing to another program.
        settings.remove("Cmd");
    }
    if !image.command.is_empty() {
        settings.insert("Cmd".into(), json!(image.command));
    }
    for (field, value) in [("WorkingDir", &image.workdir), ("User", &image.user)] {
        if let Some(value) = value {
            settings.insert(field.into(), json!(value));
        }
    }
    if !image.env.is_empty() {
        merge_env(settings, &image.env);
    }
    if !image.ports.is_empty() {
        let ports = object(settings, "ExposedPorts");
        for port in &image.ports {
            ports.insert(format!("{port}/tcp"), json!({}));
        }
    }
    if !image.labels.is_empty() {
        let labels = object(settings, "Labels");
        for (name, value) in &image.labels {
            labels.insert(name.clone(), json!(value));
        }
    }
    let rootfs = object(&mut config, "rootfs");
    rootfs.insert("type".into(), json!("layers"));
    array(rootfs, "diff_ids").extend(layers.iter().map(|layer| json!(layer.diff_id)));
    // A base without history stays without: a history that names only some layers would be a wrong one.
    if scratch || config.contains_key("history") {
        let steps = layers.iter().map(|_| json!({"created": CREATED, "created_by": "mlgate"}));
        array(&mut config, "history").extend(steps);
    }
    Value::Object(config)
}

/// The platform of a config, as an index lists it.
pub(super) fn platform_of(config: &Value) -> Value {
    let fields = ["os", "architecture", "variant", "os.version"].map(|field| (field, &config[field]));
    let given = fields.into_iter().filter(|(_, value)| value.is_string());
    Value::Object(given.map(|(field, value)| (field.to_string(), value.clone())).collect())
}

/// `linux/arm64/v8` as config fields.
fn fields(text: &str) -> Map<String, Value> {
    let names = ["os", "architecture", "variant"];
    names.iter().zip(text.split('/')).map(|(name, part)| (name.to_string(), json!(part))).collect()
}

/// Values that have a name keep its place; new names go to the end.
fn merge_env(settings: &mut Map<String, Value>, env: &[(String, String)]) {
    let list = array(settings, "Env");
    for (name, value) in env {
        let entry = json!(format!("{name}={value}"));
        let known = list.iter_mut().find(|known| {
            known.as_str().and_then(|known| known.split_once('=')).is_some_and(|(known, _)| known == name)
        });
        match known {
            Some(known) => *known = entry,
            None => list.push(entry),
        }
    }
}

fn object<'a>(parent: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = parent.entry(name).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(object) => object,
        _ => unreachable!("made an object above"),
    }
}

fn array<'a>(parent: &'a mut Map<String, Value>, name: &str) -> &'a mut Vec<Value> {
    let value = parent.entry(name).or_insert(Value::Null);
    if !value.is_array() {
        *value = Value::Array(Vec::new());
    }
    match value {
        Value::Array(array) => array,
        _ => unreachable!("made an array above"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> LayeredImage {
        LayeredImage {
            base: None,
            layers: Vec::new(),
            entrypoint: vec!["/serve".into()],
            command: Vec::new(),
            env: vec![("PATH".into(), "/bin".into()), ("NEW".into(), "a=b".into())],
            workdir: Some("/app".into()),
            user: None,
            ports: vec![8080],
            labels: vec![("a".into(), "1".into())],
            platforms: Vec::new(),
            pack: None,
        }
    }

    #[test]
    fn settings_are_laid_over_the_bases() {
        let base = json!({
            "architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z",
            "config": {"Env": ["PATH=/usr/bin", "LANG=C"], "Cmd": ["python3"], "User": "app", "StopSignal": "SIGINT",
                "Labels": {"b": "2"}},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:one"]}, "history": [{"created_by": "base"}],
        });
        let merged = merged(&image(), "linux/amd64", &[], Some(base));
        let expected = json!({
            "architecture": "amd64", "os": "linux", "created": CREATED,
            "config": {"Env": ["PATH=/bin", "LANG=C", "NEW=a=b"], "User": "app", "StopSignal": "SIGINT",
                "Labels": {"b": "2", "a": "1"}, "Entrypoint": ["/serve"], "WorkingDir": "/app",
                "ExposedPorts": {"8080/tcp": {}}},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:one"]}, "history": [{"created_by": "base"}],
        });
        assert_eq!(merged, expected);
    }

    #[test]
    fn from_nothing_the_platform_is_what_was_asked_for() {
        let merged = merged(&image(), "linux/arm64/v8", &[], None);
        assert_eq!(
            (&merged["os"], &merged["architecture"], &merged["variant"]),
            (&json!("linux"), &json!("arm64"), &json!("v8"))
        );
        assert_eq!(merged["rootfs"]["diff_ids"], json!([]));
        assert_eq!(platform_of(&merged), json!({"os": "linux", "architecture": "arm64", "variant": "v8"}));
    }
}
