//! The kustomization file, as types. Fields that are not rendered yet are refused here, by name.

use super::ImageEdit;
use super::error::{Error, Result};
use super::field_spec::FieldSpec;
use super::fields::Fields;
use super::files::Root;
use super::origin::Metadata;
use super::read::{self, Dialect};
use super::replacements::Replacement;
use super::selector::Selector;
use super::value::Value;
use super::vars::Var;
use std::path::PathBuf;

/// How to get what is not rendered here.
pub(crate) const OTHER_RENDERER: &str = "`renderer: kustomize` in mlops.yaml takes the installed program";

/// Fields that Kustomize knows and that are refused, with what to do instead.
const REFUSED: [(&str, &str); 5] = [
    ("imageTags", "removed from Kustomize; use images"),
    (
        "helmGlobals",
        "Helm charts are not rendered here; render the chart to a file and list it in resources, or set \
         `renderer: kustomize` in mlops.yaml to take the installed program",
    ),
    (
        "helmCharts",
        "Helm charts are not rendered here; render the chart to a file and list it in resources, or set \
         `renderer: kustomize` in mlops.yaml to take the installed program",
    ),
    (
        "helmChartInflationGenerator",
        "Helm charts are not rendered here; render the chart to a file and list it in resources, or set \
         `renderer: kustomize` in mlops.yaml to take the installed program",
    ),
    ("inventory", "removed from Kustomize"),
];

#[derive(Debug, Default)]
pub(crate) struct Kustomization {
    pub file: PathBuf,
    pub component: bool,
    pub resources: Vec<String>,
    pub components: Vec<String>,
    pub namespace: String,
    pub name_prefix: String,
    pub name_suffix: String,
    pub labels: Vec<Labels>,
    pub common_labels: Vec<(String, String)>,
    pub common_annotations: Vec<(String, String)>,
    pub strategic_patches: Vec<String>,
    pub json_patches: Vec<Patch>,
    pub patches: Vec<Patch>,
    pub images: Vec<Image>,
    pub replicas: Vec<(String, i128)>,
    pub config_maps: Vec<Generator>,
    pub secrets: Vec<Generator>,
    pub generator_options: GeneratorOptions,
    pub replacements: Vec<Replacement>,
    pub sort: Option<Sort>,
    pub configurations: Vec<String>,
    pub generators: Vec<String>,
    pub transformers: Vec<String>,
    pub vars: Vec<Var>,
    pub validators: Vec<String>,
    pub crds: Vec<String>,
    pub openapi: Option<OpenApi>,
    pub metadata: Metadata,
    /// The lines of its top-level keys.
    lines: Vec<(String, usize)>,
}

#[derive(Debug)]
pub(crate) struct Image {
    pub edit: ImageEdit,
    /// Appended to the tag that is there.
    pub tag_suffix: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Labels {
    pub pairs: Vec<(String, String)>,
    pub include_selectors: bool,
    pub include_templates: bool,
    pub fields: Vec<FieldSpec>,
}

#[derive(Debug)]
pub(crate) struct Patch {
    pub path: String,
    pub patch: String,
    pub target: Option<Selector>,
    pub allow_name_change: bool,
    pub allow_kind_change: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Behavior {
    #[default]
    Create,
    Merge,
    Replace,
}

#[derive(Debug)]
pub(crate) struct Generator {
    pub name: String,
    pub namespace: String,
    pub behavior: Behavior,
    pub literals: Vec<String>,
    pub files: Vec<String>,
    pub envs: Vec<String>,
    /// The `type` of a Secret.
    pub kind: String,
    pub options: GeneratorOptions,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct GeneratorOptions {
    pub labels: Vec<(String, String)>,
    pub annotations: Vec<(String, String)>,
    pub disable_name_suffix_hash: bool,
    pub immutable: bool,
}

/// The version of the Kubernetes schema that is built in.
const SCHEMA_VERSION: &str = "v1.21.2";

/// The schema that strategic merges go by.
#[derive(Debug)]
pub(crate) enum OpenApi {
    BuiltIn,
    File(String),
}

/// The order of the documents at the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    AsRead,
    Legacy(Option<(Vec<String>, Vec<String>)>),
}

impl Kustomization {
    /// Reads the kustomization file of a directory.
    pub(crate) fn load(root: &Root) -> Result<Self> {
        Self::parse(root, &root.read_text(root.kustomization_file()?)?)
    }

    /// As if the file of `root` held `text`.
    pub(crate) fn parse(root: &Root, text: &str) -> Result<Self> {
        let file = root.shown(root.kustomization_file()?);
        let document = read::document(text, Dialect::Kustomization).map_err(|e| e.in_file(&file))?;
        let lines = document.key_lines;
        if document.value.is_null() {
            return Err(Error::new("the kustomization file is empty").in_file(&file));
        }
        let mut found = match Self::from_value(document.value, root) {
            Ok(found) => found,
            Err(error) => return Err(Self { file, lines, ..Self::default() }.locate(error)),
        };
        found.lines = lines;
        found.vars.iter_mut().for_each(|var| var.file.clone_from(&file));
        found.file = file;
        Ok(found)
    }

    /// An error in this file, with the line of the top-level key that its field path begins with.
    pub(crate) fn locate(&self, mut error: Error) -> Error {
        if let (None, None, Some(field)) = (&error.file, error.line, &error.field) {
            let top = field.split(['.', '[']).next().unwrap_or_default();
            error.line = self.lines.iter().rev().find(|(k, _)| k.eq_ignore_ascii_case(top)).map(|(_, line)| *line);
        }
        error.in_file(&self.file)
    }

    fn from_value(value: Value, root: &Root) -> Result<Self> {
        let counts = |(key, value): &(String, Value)| {
            let head = ["apiVersion", "kind"].iter().any(|name| key.eq_ignore_ascii_case(name));
            !head && !value.is_null() && value.as_str() != Some("")
        };
        if value.as_map().is_some_and(|map| !map.0.iter().any(counts)) {
            return Err(Error::new("the kustomization asks for nothing: it has no field but apiVersion and kind"));
        }
        let mut f = Fields::of(value)?;
        let kind = f.string("kind")?;
        let api_version = f.string("apiVersion")?;
        let component = match kind.as_str() {
            "" | "Kustomization" => false,
            "Component" => true,
            other => {
                return Err(Error::new(format!("expected Kustomization or Component, found {other}")).in_field("kind"));
            }
        };
        let known: &[&str] = if component {
            &["", "kustomize.config.k8s.io/v1alpha1"]
        } else {
            &["", "kustomize.config.k8s.io/v1beta1", "kustomize.config.k8s.io/v1"]
        };
        if !known.contains(&api_version.as_str()) {
            let message = format!("expected {} for this kind, found {api_version}", known[1]);
            return Err(Error::new(message).in_field("apiVersion"));
        }
        f.take("metadata");
        let mut resources = f.strings("resources")?;
        resources.extend(f.strings("bases")?);
        let found = Self {
            file: PathBuf::new(),
            component,
            resources,
            components: f.strings("components")?,
            namespace: f.string("namespace")?,
            name_prefix: f.string("namePrefix")?,
            name_suffix: f.string("nameSuffix")?,
            labels: f.list("labels", labels)?,
            common_labels: f.pairs("commonLabels")?,
            common_annotations: f.pairs("commonAnnotations")?,
            strategic_patches: f.strings("patchesStrategicMerge")?,
            json_patches: f.list("patchesJson6902", json_patch)?,
            patches: f.list("patches", patch)?,
            images: f.list("images", image)?,
            replicas: f.list("replicas", replica)?,
            config_maps: f.list("configMapGenerator", generator)?,
            secrets: f.list("secretGenerator", generator)?,
            generator_options: f.parse("generatorOptions", generator_options)?.unwrap_or_default(),
            replacements: super::replacements::load(&mut f, root)?,
            sort: f.parse("sortOptions", sort_options)?,
            configurations: f.strings("configurations")?,
            generators: f.strings("generators")?,
            transformers: f.strings("transformers")?,
            vars: f.list("vars", Var::from_value)?,
            validators: f.strings("validators")?,
            crds: f.strings("crds")?,
            openapi: f.parse("openapi", OpenApi::from_value)?,
            metadata: Metadata::new(&f.strings("buildMetadata")?),
            lines: Vec::new(),
        };
        for (name, instead) in REFUSED {
            match f.take(name) {
                None => {}
                Some(Value::List(list)) if list.is_empty() => {}
                Some(_) => return Err(Error::new(instead).in_field(name)),
            }
        }
        f.finish()?;
        Ok(found)
    }
}

impl OpenApi {
    fn from_value(value: Value) -> Result<Self> {
        let mut f = Fields::of(value)?;
        let (version, path) = (f.string("version")?, f.string("path")?);
        f.finish()?;
        match (version.as_str(), path.as_str()) {
            ("", "") => Err(Error::new("give a version or a path")),
            (_, "") if version == SCHEMA_VERSION => Ok(Self::BuiltIn),
            (_, "") => {
                let message = format!("only {SCHEMA_VERSION} is built in, found {version}; give the schema by path");
                Err(Error::new(message).in_field("version"))
            }
            ("", _) => Ok(Self::File(path)),
            _ => Err(Error::new("give either a version or a path")),
        }
    }
}

fn labels(value: Value) -> Result<Labels> {
    let mut f = Fields::of(value)?;
    let found = Labels {
        pairs: f.pairs("pairs")?,
        include_selectors: f.flag("includeSelectors")?,
        include_templates: f.flag("includeTemplates")?,
        fields: f.list("fields", FieldSpec::from_value)?,
    };
    f.finish()?;
    Ok(found)
}

fn json_patch(value: Value) -> Result<Patch> {
    let mut f = Fields::of(value)?;
    let (path, patch) = (f.string("path")?, f.string("patch")?);
    let target = f.parse("target", Selector::from_value)?;
    f.take("options");
    f.finish()?;
    if path.is_empty() == patch.is_empty() {
        return Err(Error::new("give either path or patch"));
    }
    Ok(Patch { path, patch, target, allow_name_change: false, allow_kind_change: false })
}

fn patch(value: Value) -> Result<Patch> {
    let mut f = Fields::of(value)?;
    let found = patch_fields(&mut f)?;
    f.finish()?;
    Ok(found)
}

pub(crate) fn patch_fields(f: &mut Fields) -> Result<Patch> {
    let path = f.string("path")?;
    // As in Kustomize, space around a patch is no part of it.
    let patch = f.string("patch")?.trim().to_owned();
    let target = f.parse("target", Selector::from_value)?;
    let (mut allow_name_change, mut allow_kind_change) = (false, false);
    if let Some(options) = f.take("options") {
        for (name, value) in Fields::of(options)?.into_left() {
            match (name.as_str(), value) {
                ("allowNameChange", Value::Bool(b)) => allow_name_change = b,
                ("allowKindChange", Value::Bool(b)) => allow_kind_change = b,
                _ => {
                    let message = "expected allowNameChange or allowKindChange with true or false";
                    return Err(Error::new(message).in_field(&name).in_field("options"));
                }
            }
        }
    }
    if path.is_empty() == patch.is_empty() {
        return Err(Error::new("give either path or patch"));
    }
    Ok(Patch { path, patch, target, allow_name_change, allow_kind_change })
}

pub(crate) fn image(value: Value) -> Result<Image> {
    let mut f = Fields::of(value)?;
    let some = |s: String| (!s.is_empty()).then_some(s);
    let edit = ImageEdit {
        name: f.string("name")?,
        new_name: some(f.string("newName")?),
        new_tag: some(f.string("newTag")?),
        digest: some(f.string("digest")?),
    };
    let tag_suffix = some(f.string("tagSuffix")?);
    f.finish()?;
    Ok(Image { edit, tag_suffix })
}

pub(crate) fn replica(value: Value) -> Result<(String, i128)> {
    let mut f = Fields::of(value)?;
    let found = (f.string("name")?, f.int("count")?.unwrap_or_default());
    f.finish()?;
    Ok(found)
}

fn generator(value: Value) -> Result<Generator> {
    let mut f = Fields::of(value)?;
    let found = generator_fields(&mut f)?;
    f.finish()?;
    if found.name.is_empty() {
        return Err(Error::new("a generator needs a name").in_field("name"));
    }
    Ok(found)
}

pub(crate) fn generator_fields(f: &mut Fields) -> Result<Generator> {
    let behavior = match f.string("behavior")?.as_str() {
        "merge" => Behavior::Merge,
        "replace" => Behavior::Replace,
        // Kustomize takes any other word for `create`, which fails where there is something to merge with.
        _ => Behavior::Create,
    };
    let mut envs = f.strings("envs")?;
    let env = f.string("env")?;
    envs.extend((!env.is_empty()).then_some(env));
    let found = Generator {
        name: f.string("name")?,
        namespace: f.string("namespace")?,
        behavior,
        literals: f.strings("literals")?,
        files: f.strings("files")?,
        envs,
        kind: f.string("type")?,
        options: f.parse("options", generator_options)?.unwrap_or_default(),
    };
    Ok(found)
}

fn generator_options(value: Value) -> Result<GeneratorOptions> {
    let mut f = Fields::of(value)?;
    let found = GeneratorOptions {
        labels: f.pairs("labels")?,
        annotations: f.pairs("annotations")?,
        disable_name_suffix_hash: f.flag("disableNameSuffixHash")?,
        immutable: f.flag("immutable")?,
    };
    f.finish()?;
    Ok(found)
}

fn sort_options(value: Value) -> Result<Sort> {
    let mut f = Fields::of(value)?;
    let order = f.string("order")?;
    let lists = f.parse("legacySortOptions", |v| {
        let mut f = Fields::of(v)?;
        let lists = (f.strings("orderFirst")?, f.strings("orderLast")?);
        f.finish()?;
        Ok(lists)
    })?;
    f.finish()?;
    match (order.as_str(), lists) {
        ("fifo", None) => Ok(Sort::AsRead),
        ("fifo", Some(_)) => Err(Error::new("only order: legacy has these options").in_field("legacySortOptions")),
        ("legacy", lists) => Ok(Sort::Legacy(lists)),
        (other, _) => Err(Error::new(format!("expected legacy or fifo, found {other:?}")).in_field("order")),
    }
}
