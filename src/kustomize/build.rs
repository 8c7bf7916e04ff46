//! The order of the work: gather, generate, transform, for each kustomization from the innermost out; then, once, what
//! only the outermost does.

use super::error::{Error, Result};
use super::field_spec::FieldSpec;
use super::files::Root;
use super::gather;
use super::kustomization::{Image, Kustomization, Labels, OpenApi, Sort};
use super::openapi;
use super::origin::{self, Metadata, Origin};
use super::resource::Resource;
use super::schema::Schema;
use super::transform::Subjects;
use super::transformer_config::{self, Config};
use super::value::Value;
use super::vars::{self, Var};
use super::{Options, Output};
use super::{crds, generate, order, patches, plugins, references, replacements, transform};
use std::path::Path;

/// What holds for a whole build.
#[derive(Debug)]
pub(crate) struct Session {
    pub metadata: Metadata,
    pub schema: Schema,
}

/// What one kustomization and those below it have gathered.
#[derive(Debug)]
pub(crate) struct Gathered {
    pub resources: Vec<Resource>,
    pub config: Config,
    pub vars: Vec<Var>,
}

impl Gathered {
    pub(crate) fn new() -> Self {
        Self { resources: Vec::new(), config: Config::defaults(), vars: Vec::new() }
    }
}

/// Builds `dir` as the outermost kustomization.
pub(super) fn build(dir: &Path, options: &Options) -> Result<Output> {
    build_at(&Root::open(dir, options)?, options)
}

fn build_at(root: &Root, options: &Options) -> Result<Output> {
    let kustomization = Kustomization::load(root)?;
    let mut session = Session { metadata: kustomization.metadata, schema: Schema::new() };
    choose_schema(&mut session, &kustomization, root)?;
    let mut all = Gathered::new();
    accumulate(&mut all, &mut session, &kustomization, root)?;
    let Gathered { mut resources, config, vars } = all;
    for edit in &options.images {
        let pin = Image { edit: edit.clone(), tag_suffix: None };
        transform::image(&mut resources, &pin, &config.images)
            .map_err(|e| Error::new(e.message).in_field("options"))?;
        transform::addresses(&mut resources, edit)?;
    }
    generate::add_hashes(&mut resources);
    references::update(&mut resources, &config.references).map_err(|e| kustomization.locate(e))?;
    vars::resolve(&mut resources, &vars, &config.var_references)?;
    if let Some(nameless) = resources.iter().find(|r| r.name().is_empty() || r.kind().is_empty()) {
        return Err(Error::new(format!("after all changes an object has no name or no kind: {}", nameless.id())));
    }
    let ids: Vec<_> = resources.iter().map(Resource::id).collect();
    transform::unique(&ids).map_err(|id| Error::new(format!("after all changes there are two of {id}")))?;
    resources.retain(|r| !is_local(r));
    if kustomization.sort != Some(Sort::AsRead) {
        order::legacy(&mut resources, kustomization.sort.as_ref());
    }
    for resource in &mut resources {
        origin::annotate(resource, session.metadata);
        tidy_annotations(resource);
    }
    Ok(Output { resources: resources.into_iter().map(|r| r.value).collect() })
}

/// Objects that are only for tools.
fn is_local(resource: &Resource) -> bool {
    let note = resource.value.at(&["metadata", "annotations", "config.kubernetes.io/local-config"]);
    note.is_some_and(|v| v.scalar_text().as_deref() != Some("false"))
}

/// Empty annotations do not survive, empty labels do; annotations are strings, whatever a patch made of them.
fn tidy_annotations(resource: &mut Resource) {
    let metadata = resource.metadata();
    if metadata.get("annotations").is_some_and(|a| a.is_null() || a.as_map().is_some_and(|m| m.is_empty())) {
        metadata.remove("annotations");
    }
    if let Some(Value::Map(annotations)) = metadata.get_mut("annotations") {
        for (_, value) in &mut annotations.0 {
            if let Some(text) = value.scalar_text() {
                *value = Value::String(if *value == Value::Blank { String::new() } else { text });
            }
        }
    }
}

/// Takes the schema that a kustomization names, unless one was named before.
pub(crate) fn choose_schema(session: &mut Session, k: &Kustomization, root: &Root) -> Result<()> {
    let at = |e: Error| k.locate(e.in_field("openapi"));
    match &k.openapi {
        Some(OpenApi::File(path)) => {
            let text = root.read_text(path).map_err(at)?;
            if !session.schema.is_chosen() {
                let custom = openapi::Document::parse(&text).map_err(|e| e.in_file(&root.shown(path)))?;
                session.schema.choose(custom);
            }
        }
        Some(OpenApi::BuiltIn) if !session.schema.is_chosen() => session.schema.choose_built_in(),
        _ => {}
    }
    Ok(())
}

/// Adds a kustomization's objects to `all` and applies its transformations to all of them: for a component these
/// include what was there before.
pub(crate) fn accumulate(all: &mut Gathered, session: &mut Session, k: &Kustomization, root: &Root) -> Result<()> {
    let here = |e: Error| k.locate(e);
    gather::resources(all, session, k, root)?;
    all.config.add_files(&k.configurations, root).map_err(here)?;
    crds::config(&k.crds, root).and_then(|found| all.config.merge(found)).map_err(here)?;
    generate::run(&mut all.resources, k, root).map_err(here)?;
    for (i, plugin) in gather::plugins(&k.generators, "generators", session, k, root)?.iter().enumerate() {
        let at = |e: Error| here(e.in_field(&format!("generators[{i}]")));
        plugins::generate(&mut all.resources, plugin, root).map_err(at)?;
    }
    gather::components(all, session, k, root)?;
    transform_all(all, session, k, root)?;
    for (i, plugin) in gather::plugins(&k.validators, "validators", session, k, root)?.iter().enumerate() {
        let at = |e: Error| here(e.in_field(&format!("validators[{i}]")));
        let mut copy = all.resources.clone();
        plugins::transform(&mut copy, plugin, root, session).map_err(at)?;
        if copy.iter().map(|r| &r.value).ne(all.resources.iter().map(|r| &r.value)) {
            return Err(at(Error::new("a validator must leave the objects as they are, but this one changes them")));
        }
    }
    vars::declare(&mut all.resources, &k.vars, &mut all.vars).map_err(here)
}

/// The transformations of a kustomization's fields in their fixed order, then those of `transformers`.
fn transform_all(all: &mut Gathered, session: &mut Session, k: &Kustomization, root: &Root) -> Result<()> {
    let here = |e: Error| k.locate(e);
    let config = &all.config;
    let resources = &mut all.resources;
    let asked = session.metadata.any;
    let origin = Origin { configured_in: root.kustomization_path(), ..root.origin("") };
    let done = |resources: &mut Vec<Resource>, kind: &str| {
        resources.retain(|r| !r.is_empty());
        if asked {
            let by = ["builtin".to_owned(), kind.to_owned(), String::new(), String::new()];
            origin::note(resources, &Origin { by: Some(by), ..origin.clone() });
        }
    };
    if !k.strategic_patches.is_empty() {
        patches::strategic(resources, &k.strategic_patches, root, &session.schema).map_err(here)?;
        done(resources, "PatchStrategicMergeTransformer");
    }
    for (i, patch) in k.patches.iter().enumerate() {
        let at = |e: Error| here(e.in_field(&format!("patches[{i}]")));
        patches::one(resources, patch, root, &session.schema).map_err(at)?;
        done(resources, "PatchTransformer");
    }
    if !k.namespace.is_empty() {
        transform::namespace(resources, &k.namespace, &config.namespaces, Subjects::Default, false)
            .map_err(|e| here(e.in_field("namespace")))?;
        done(resources, "NamespaceTransformer");
    }
    if !k.name_prefix.is_empty() {
        transform::prefix(resources, &k.name_prefix, &config.prefixes).map_err(|e| here(e.in_field("namePrefix")))?;
        done(resources, "PrefixTransformer");
    }
    if !k.name_suffix.is_empty() {
        transform::suffix(resources, &k.name_suffix, &config.suffixes).map_err(|e| here(e.in_field("nameSuffix")))?;
        done(resources, "SuffixTransformer");
    }
    for (i, entry) in k.labels.iter().enumerate() {
        let at = |e: Error| here(e.in_field(&format!("labels[{i}]")));
        let specs = label_specs(entry, config).map_err(at)?;
        transform::set_pairs(resources, &specs, &entry.pairs).map_err(at)?;
        done(resources, "LabelTransformer");
    }
    if !(k.labels.is_empty() && k.common_labels.is_empty()) {
        transform::set_pairs(resources, &config.common_labels, &k.common_labels)
            .map_err(|e| here(e.in_field("commonLabels")))?;
        done(resources, "LabelTransformer");
    }
    if !k.common_annotations.is_empty() {
        transform::set_pairs(resources, &config.annotations, &k.common_annotations)
            .map_err(|e| here(e.in_field("commonAnnotations")))?;
        done(resources, "AnnotationsTransformer");
    }
    for (i, patch) in k.json_patches.iter().enumerate() {
        let at = |e: Error| here(e.in_field(&format!("patchesJson6902[{i}]")));
        patches::json(resources, patch, root).map_err(at)?;
        done(resources, "PatchJson6902Transformer");
    }
    for (i, (name, count)) in k.replicas.iter().enumerate() {
        let at = |e: Error| here(e.in_field(&format!("replicas[{i}]")));
        transform::replicas(resources, name, *count, &config.replicas).map_err(at)?;
        done(resources, "ReplicaCountTransformer");
    }
    for (i, image) in k.images.iter().enumerate() {
        let at = |e: Error| here(e.in_field(&format!("images[{i}]")));
        transform::image(resources, image, &config.images).map_err(at)?;
        done(resources, "ImageTagTransformer");
    }
    if !k.replacements.is_empty() {
        replacements::run(resources, &k.replacements).map_err(here)?;
        done(resources, "ReplacementTransformer");
    }
    for (i, plugin) in gather::plugins(&k.transformers, "transformers", session, k, root)?.iter().enumerate() {
        let at = |e: Error| here(e.in_field(&format!("transformers[{i}]")));
        plugins::transform(resources, plugin, root, session).map_err(at)?;
        resources.retain(|r| !r.is_empty());
        if asked {
            origin::note(resources, &plugin.origin_as_plugin());
        }
    }
    Ok(())
}

/// What an entry of `labels` reaches.
fn label_specs(labels: &Labels, config: &Config) -> Result<Vec<FieldSpec>> {
    let mut specs = labels.fields.clone();
    if labels.include_selectors {
        transformer_config::add(&mut specs, config.common_labels.clone())?;
    } else if labels.include_templates {
        transformer_config::add(&mut specs, config.template_labels.clone())?;
    }
    transformer_config::add(&mut specs, config.labels.clone())?;
    Ok(specs)
}
