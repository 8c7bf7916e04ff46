//! Kustomize's builtin generators and transformers configured as objects of their own, which `generators` and
//! `transformers` list as files, as directories or inline. Programs and containers are never run.

use super::error::{Error, Result};
use super::field_spec::FieldSpec;
use super::fields::Fields;
use super::files::Root;
use super::kustomization::{self, GeneratorOptions, Image, Labels, Patch};
use super::resource::Resource;
use super::transform::Subjects;
use super::transformer_config::Config;
use super::value::Value;
use super::{generate, patches, replacements, transform};

/// Runs one object of `generators`.
pub(crate) fn generate(resources: &mut Vec<Resource>, object: &Value, root: &Root) -> Result<()> {
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
            let made =
                generate::object(&generator, kind.trim_end_matches("Generator"), &GeneratorOptions::default(), root)?;
            Resource { origin: generate::origin(root, kind, object.str_at(&["metadata", "name"])), ..made }
        }
        _ => return Err(unknown(object, "generator")),
    };
    f.finish()?;
    generate::absorb(resources, made)
}

/// Runs one object of `transformers`.
pub(crate) fn transform(resources: &mut Vec<Resource>, object: &Value, root: &Root) -> Result<()> {
    let mut f = begin(object)?;
    let specs = |f: &mut Fields| f.list("fieldSpecs", FieldSpec::from_value);
    match object.str_at(&["kind"]) {
        "PatchTransformer" => {
            let patch = kustomization::patch_fields(&mut f)?;
            f.finish()?;
            patches::one(resources, &patch, root)
        }
        "PatchStrategicMergeTransformer" => {
            let mut entries = f.strings("paths")?;
            let inline = f.string("patches")?;
            entries.extend((!inline.is_empty()).then_some(inline));
            f.finish()?;
            if entries.is_empty() {
                return Err(Error::new("paths or patches must be given"));
            }
            patches::strategic(resources, &entries, root)
        }
        "PatchJson6902Transformer" => {
            let target = f.parse("target", super::selector::Selector::from_value)?;
            let (path, patch) = (f.string("path")?, f.string("jsonOp")?);
            f.finish()?;
            if path.is_empty() == patch.is_empty() {
                return Err(Error::new("give either path or jsonOp"));
            }
            let patch = Patch { path, patch, target, allow_name_change: false, allow_kind_change: false };
            patches::json(resources, &[patch], root)
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
            let own = f.string("namespace")?;
            f.finish()?;
            let namespace = if own.is_empty() { object.str_at(&["metadata", "namespace"]) } else { &own };
            transform::namespace(resources, namespace, &specs, subjects, unset_only)
        }
        kind @ ("PrefixSuffixTransformer" | "PrefixTransformer" | "SuffixTransformer") => {
            let (prefix, suffix, specs) = (f.string("prefix")?, f.string("suffix")?, specs(&mut f)?);
            f.finish()?;
            let (prefix, suffix) = match kind {
                "PrefixTransformer" => (prefix.as_str(), ""),
                "SuffixTransformer" => ("", suffix.as_str()),
                _ => (prefix.as_str(), suffix.as_str()),
            };
            transform::prefix_and_suffix(resources, prefix, suffix, &specs, &specs)
        }
        "LabelTransformer" => {
            let (pairs, specs) = (f.loose_pairs("labels")?, specs(&mut f)?);
            f.finish()?;
            transform::set_pairs(resources, &specs, &pairs)
        }
        "AnnotationsTransformer" => {
            let (pairs, specs) = (f.loose_pairs("annotations")?, specs(&mut f)?);
            f.finish()?;
            transform::set_pairs(resources, &specs, &pairs)
        }
        "ImageTagTransformer" => {
            let image: Option<Image> = f.parse("imageTag", kustomization::image)?;
            let specs = specs(&mut f)?;
            f.finish()?;
            transform::images(resources, image.as_slice(), &specs)
        }
        "ReplicaCountTransformer" => {
            let replica = f.parse("replica", kustomization::replica)?;
            let specs = specs(&mut f)?;
            f.finish()?;
            transform::replicas(resources, replica.as_slice(), &specs)
        }
        "ReplacementTransformer" => {
            let list = replacements::load(&mut f, root)?;
            f.finish()?;
            replacements::run(resources, &list)
        }
        _ => Err(unknown(object, "transformer")),
    }
}

/// The fields of a plugin's configuration apart from those that every object has.
fn begin(object: &Value) -> Result<Fields> {
    for note in ["config.kubernetes.io/function", "config.k8s.io/function"] {
        if object.at(&["metadata", "annotations", note]).is_some() {
            let message = format!("{note} asks to run a container or a program, which is refused");
            return Err(Error::new(message).in_field("metadata.annotations"));
        }
    }
    let mut f = Fields::of(object.clone())?;
    for field in ["apiVersion", "kind", "metadata"] {
        f.take(field);
    }
    Ok(f)
}

fn unknown(object: &Value, what: &str) -> Error {
    let (kind, version) = (object.str_at(&["kind"]), object.str_at(&["apiVersion"]));
    Error::new(format!("{kind} ({version}) is no builtin {what} that is rendered; programs are never run"))
        .in_field("kind")
}

/// What `labels` of a kustomization reach.
pub(crate) fn label_specs(labels: &Labels, config: &Config) -> Vec<FieldSpec> {
    let mut specs = labels.fields.clone();
    if labels.include_selectors {
        specs.extend(config.common_labels.iter().cloned());
    } else {
        if labels.include_templates {
            specs.extend(config.template_labels.iter().cloned());
        }
        specs.extend(config.labels.iter().cloned());
    }
    specs
}
