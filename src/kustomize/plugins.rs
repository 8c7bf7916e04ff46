//! Kustomize's builtin generators and transformers configured as objects of their own, which `generators` and
//! `transformers` list as files, as directories or inline. Programs and containers are never run.

use super::build::Session;
use super::error::{Error, Result};
use super::field_spec::FieldSpec;
use super::fields::Fields;
use super::files::Root;
use super::kustomization::{self, GeneratorOptions, Image, Patch};
use super::origin::Origin;
use super::resource::Resource;
use super::selector::Selector;
use super::transform::Subjects;
use super::value::{Map, Value};
use super::{generate, patches, replacements, transform, value_add};

/// Runs one object of `generators`.
pub(crate) fn generate(resources: &mut Vec<Resource>, plugin: &Resource, root: &Root) -> Result<()> {
    let object = &plugin.value;
    let mut f = begin(object)?;
    let kind = object.str_at(&["kind"]);
    let made = match kind {
        "ConfigMapGenerator" | "SecretGenerator" => {
            let name = object.str_at(&["metadata", "name"]).to_owned();
            let namespace = object.str_at(&["metadata", "namespace"]).to_owned();
            let mut generator = kustomization::generator_fields(&mut f)?;
            if generator.name.is_empty() {
                generator.name = name;
            }
            if generator.namespace.is_empty() {
                generator.namespace = namespace;
            }
            generate::object(&generator, kind.trim_end_matches("Generator"), &GeneratorOptions::default(), root)?
        }
        "IAMPolicyGenerator" => service_account(&mut f)?,
        _ => return Err(unknown(object, "generator")),
    };
    generate::absorb(resources, Resource { origin: plugin.origin_as_plugin(), ..made })
}

/// Runs one object of `transformers`.
pub(crate) fn transform(
    resources: &mut Vec<Resource>,
    plugin: &Resource,
    root: &Root,
    session: &Session,
) -> Result<()> {
    let object = &plugin.value;
    let mut f = begin(object)?;
    let specs = |f: &mut Fields| f.list("fieldSpecs", FieldSpec::from_value);
    match object.str_at(&["kind"]) {
        "PatchTransformer" => {
            let patch = kustomization::patch_fields(&mut f)?;
            patches::one(resources, &patch, root, &session.schema)
        }
        "PatchStrategicMergeTransformer" => {
            let mut entries = f.strings("paths")?;
            let inline = f.string("patches")?;
            entries.extend((!inline.is_empty()).then_some(inline));
            if entries.is_empty() {
                return Err(Error::new("paths or patches must be given"));
            }
            patches::strategic(resources, &entries, root, &session.schema)
        }
        "PatchJson6902Transformer" => {
            let target = f.parse("target", Selector::from_value)?;
            let (path, patch) = (f.string("path")?, f.string("jsonOp")?);
            if path.is_empty() == patch.is_empty() {
                return Err(Error::new("give either path or jsonOp"));
            }
            let patch = Patch { path, patch, target, allow_name_change: false, allow_kind_change: false };
            patches::json(resources, &patch, root)
        }
        "NamespaceTransformer" => {
            let specs = specs(&mut f)?;
            let unset_only = f.flag("unsetOnly")?;
            let subjects = match f.string("setRoleBindingSubjects")?.as_str() {
                "" | "defaultOnly" => Subjects::Default,
                "allServiceAccounts" => Subjects::ServiceAccounts,
                "none" => Subjects::None,
                other => {
                    let message = format!("expected defaultOnly, allServiceAccounts or none, found {other}");
                    return Err(Error::new(message).in_field("setRoleBindingSubjects"));
                }
            };
            // Kustomize takes the namespace of the configuration itself.
            transform::namespace(resources, plugin.namespace(), &specs, subjects, unset_only)
        }
        kind @ ("PrefixSuffixTransformer" | "PrefixTransformer" | "SuffixTransformer") => {
            let (prefix, suffix, specs) = (f.string("prefix")?, f.string("suffix")?, specs(&mut f)?);
            if kind != "SuffixTransformer" {
                transform::prefix(resources, &prefix, &specs)?;
            }
            if kind != "PrefixTransformer" {
                transform::suffix(resources, &suffix, &specs)?;
            }
            Ok(())
        }
        "LabelTransformer" => {
            let (pairs, specs) = (f.loose_pairs("labels")?, specs(&mut f)?);
            transform::set_pairs(resources, &specs, &pairs)
        }
        "AnnotationsTransformer" => {
            let (pairs, specs) = (f.loose_pairs("annotations")?, specs(&mut f)?);
            transform::set_pairs(resources, &specs, &pairs)
        }
        "ImageTagTransformer" => {
            let image: Option<Image> = f.parse("imageTag", kustomization::image)?;
            let specs = specs(&mut f)?;
            image.iter().try_for_each(|image| transform::image(resources, image, &specs))
        }
        "ReplicaCountTransformer" => {
            let replica = f.parse("replica", kustomization::replica)?;
            let specs = specs(&mut f)?;
            replica.iter().try_for_each(|(name, count)| transform::replicas(resources, name, *count, &specs))
        }
        "ReplacementTransformer" => {
            let list = replacements::load(&mut f, root)?;
            replacements::run(resources, &list)
        }
        "HashTransformer" => {
            generate::add_hashes(resources);
            Ok(())
        }
        "ValueAddTransformer" => value_add::run(resources, &mut f, root),
        _ => Err(unknown(object, "transformer")),
    }
}

/// The service account of a workload that acts as one of Google's.
fn service_account(f: &mut Fields) -> Result<Resource> {
    let cloud = f.string("cloud")?;
    if cloud != "gke" {
        return Err(Error::new(format!("expected gke, found {cloud:?}")).in_field("cloud"));
    }
    let two = |f: &mut Fields, field, second| {
        let read = |v: Value| {
            let mut f = Fields::of(v)?;
            Ok((f.string("name")?, f.string(second)?))
        };
        f.parse(field, read).map(Option::unwrap_or_default)
    };
    let (name, namespace) = two(f, "kubernetesService", "namespace")?;
    let (account, project) = two(f, "serviceAccount", "projectId")?;
    let email = format!("{account}@{project}.iam.gserviceaccount.com");
    let map = |pairs: &[(&str, Value)]| {
        Value::Map(Map(pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()))
    };
    let annotations = map(&[("iam.gke.io/gcp-service-account", Value::String(email))]);
    let mut made = Resource::new(map(&[
        ("apiVersion", Value::string("v1")),
        ("kind", Value::string("ServiceAccount")),
        ("metadata", map(&[("annotations", annotations), ("name", Value::String(name))])),
    ]))?;
    made.set_namespace(&namespace);
    Ok(made)
}

/// The fields of a plugin's configuration apart from those that every object has. As in Kustomize, fields that the
/// plugin does not know are without effect.
fn begin(object: &Value) -> Result<Fields> {
    for note in ["config.kubernetes.io/function", "config.k8s.io/function"] {
        if object.at(&["metadata", "annotations", note]).is_some() {
            let message = format!(
                "{note} asks to run a container or a program, which is refused; {}",
                kustomization::OTHER_RENDERER
            );
            return Err(Error::new(message).in_field("metadata.annotations"));
        }
    }
    let mut object = object.clone();
    prune(&mut object);
    Fields::of(object)
}

/// The fields that parts of a configuration have.
const PARTS: [(&str, &[&str]); 10] = [
    ("fieldSpecs", &["group", "version", "kind", "path", "create"]),
    ("imageTag", &["name", "newName", "newTag", "digest", "tagSuffix"]),
    ("replica", &["name", "count"]),
    ("target", SELECTOR),
    ("selector", SELECTOR),
    ("select", SELECTOR),
    ("reject", SELECTOR),
    ("source", &["group", "version", "kind", "name", "namespace", "fieldPath", "options"]),
    ("replacements", &["source", "targets", "path"]),
    ("targets", &["select", "reject", "fieldPaths", "options", "selector", "fieldPath", "filePathPosition"]),
];
const SELECTOR: &[&str] = &["group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector"];

/// Takes out of the parts of a configuration what they do not have.
fn prune(node: &mut Value) {
    let Value::Map(map) = node else { return };
    for (key, value) in &mut map.0 {
        let Some((_, known)) = PARTS.iter().find(|(name, _)| key.eq_ignore_ascii_case(name)) else { continue };
        let parts = match value {
            Value::List(list) => &mut list[..],
            one => std::slice::from_mut(one),
        };
        for part in parts {
            if let Value::Map(map) = part {
                map.0.retain(|(key, _)| known.iter().any(|name| key.eq_ignore_ascii_case(name)));
            }
            prune(part);
        }
    }
}

fn unknown(object: &Value, what: &str) -> Error {
    let (kind, version) = (object.str_at(&["kind"]), object.str_at(&["apiVersion"]));
    Error::new(format!(
        "{kind} ({version}) is no builtin {what}; programs are not run here; {}",
        kustomization::OTHER_RENDERER
    ))
    .in_field("kind")
}

impl Resource {
    /// What a generator or transformer leaves as origin.
    pub(crate) fn origin_as_plugin(&self) -> Origin {
        let text = |path: &[&str]| self.value.str_at(path).to_owned();
        let by = [text(&["apiVersion"]), text(&["kind"]), self.name().to_owned(), self.namespace().to_owned()];
        Origin { path: String::new(), configured_in: self.origin.path.clone(), by: Some(by), ..self.origin.clone() }
    }
}
