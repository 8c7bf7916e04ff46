//! The schemas of the Kubernetes versions that mlgate knows, committed as `schemas/kubernetes/kubernetes.zst`: a line a
//! type, made by `schemas/kubernetes/make.py` from the OpenAPI documents that Kubernetes publishes.

use super::shape::{Field, Fields, Type};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

const PACK: &[u8] = include_bytes!("../../schemas/kubernetes/kubernetes.zst");

/// The unpacked text. The pack is part of the program, and a test reads all of it.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    let bytes = zstd::decode_all(PACK).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
});

/// `1.27`, …, oldest first.
pub fn versions() -> Vec<&'static str> {
    TEXT.lines().next().unwrap_or_default().split(' ').collect()
}

/// What the objects of one Kubernetes version look like, and those of the custom resources that were added.
#[derive(Clone, Debug)]
pub struct Schemas {
    /// `1.31`
    pub version: String,
    pub(super) types: HashMap<String, Arc<Fields>>,
    /// (apiVersion, kind) → type.
    pub(super) kinds: BTreeMap<(String, String), Type>,
    /// API groups that Kubernetes itself has or had; what is not known in them does not exist.
    pub(super) groups: BTreeSet<&'static str>,
}

impl Schemas {
    /// The schemas of a version such as `1.31`; none when mlgate does not know it.
    pub fn of_version(version: &str) -> Option<Schemas> {
        let bit = versions().iter().position(|known| *known == version)?;
        let mut schemas = Schemas {
            version: version.to_string(),
            types: HashMap::new(),
            kinds: BTreeMap::new(),
            groups: BTreeSet::new(),
        };
        for line in TEXT.lines().skip(1) {
            let mut parts = line.split('\t');
            let (mask, name, kinds, fields) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
            let is_in = u32::from_str_radix(mask, 16).ok()? >> bit & 1 == 1;
            for kind in kinds.split(',').filter(|kind| !kind.is_empty()) {
                let (api_version, kind) = kind.rsplit_once('/')?;
                schemas.groups.insert(api_version.split_once('/').map_or("", |(group, _)| group));
                if is_in {
                    let named = Type::Named(name.to_string());
                    schemas.kinds.insert((api_version.to_string(), kind.to_string()), named);
                }
            }
            if is_in {
                schemas.types.insert(name.to_string(), Arc::new(read_fields(fields)?));
            }
        }
        Some(schemas)
    }
}

fn read_fields(text: &str) -> Option<Fields> {
    let mut fields = BTreeMap::new();
    for field in text.split(' ').filter(|field| !field.is_empty()) {
        let (name, shape) = field.split_once(':')?;
        let (name, required) = name.strip_suffix('!').map_or((name, false), |name| (name, true));
        fields.insert(name.to_string(), Field { shape: read_type(shape)?, required });
    }
    Some(Fields { fields, open: false })
}

fn read_type(text: &str) -> Option<Type> {
    let inner = || text.get(1..).and_then(read_type).map(Box::new);
    Some(match text {
        "s" => Type::Text,
        "i" => Type::Int32,
        "l" => Type::Int64,
        "n" => Type::Number,
        "b" => Type::Bool,
        "q" => Type::Quantity,
        "x" => Type::IntOrText,
        "t" => Type::Time,
        "y" => Type::Base64,
        "o" => Type::Mapping,
        "*" => Type::Any,
        _ if text.starts_with('[') => Type::List(inner()?),
        _ if text.starts_with('{') => Type::Map(inner()?),
        _ => match (text.strip_prefix('#'), text.strip_prefix("s(").and_then(|rest| rest.strip_suffix(')'))) {
            (Some(name), _) => Type::Named(name.to_string()),
            (_, Some(choices)) => Type::Choice(choices.split('|').map(str::to_string).collect()),
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every name that a type refers to.
    fn refers(shape: &Type, to: &mut Vec<String>) {
        match shape {
            Type::Named(name) => to.push(name.clone()),
            Type::List(inner) | Type::Map(inner) => refers(inner, to),
            _ => {}
        }
    }

    #[test]
    fn every_version_can_be_read_and_refers_to_nothing_that_is_not_there() {
        assert!(versions().len() >= 8 && versions().contains(&"1.31"), "{:?}", versions());
        for version in versions() {
            let schemas = Schemas::of_version(version).unwrap_or_else(|| panic!("{version} cannot be read"));
            assert!(schemas.types.len() > 300 && schemas.kinds.len() > 50, "{version}: {}", schemas.types.len());
            for (name, fields) in &schemas.types {
                let mut to = Vec::new();
                fields.fields.values().for_each(|field| refers(&field.shape, &mut to));
                for target in to {
                    assert!(schemas.types.contains_key(&target), "{version}: {name} refers to {target}");
                }
            }
            for kind in [("apps/v1", "Deployment"), ("v1", "Service"), ("autoscaling/v2", "HorizontalPodAutoscaler")] {
                assert!(schemas.kinds.contains_key(&(kind.0.into(), kind.1.into())), "{version}: {kind:?}");
            }
        }
        assert!(Schemas::of_version("1.3").is_none() && Schemas::of_version("").is_none());
    }

    #[test]
    fn versions_differ_where_kubernetes_does() {
        let has = |version: &str, name: &str, field: &str| {
            Schemas::of_version(version).unwrap().types[name].fields.contains_key(field)
        };
        // Sidecar containers came with 1.28.
        assert!(
            !has("1.27", "core.v1.Container", "restartPolicy") && has("1.28", "core.v1.Container", "restartPolicy")
        );
    }
}
