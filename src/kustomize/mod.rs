//! Kustomize, natively: [`build`] renders a kustomization directory as `kubectl kustomize` does, without another
//! program, and [`edit`] changes the images that its files name in place. The module stands on its own: it knows
//! nothing of the rest of the crate.

pub mod address;
mod aliases;
mod base64;
mod build;
mod crds;
pub mod edit;
mod emit;
mod error;
mod field_spec;
mod fields;
mod files;
mod gather;
mod generate;
mod installed;
mod json_patch;
mod key_order;
mod kustomization;
mod merge;
mod named;
mod number;
mod openapi;
mod order;
mod origin;
mod patches;
mod path;
mod plugins;
mod program;
mod read;
mod references;
mod remote;
mod replacements;
mod resource;
mod scalar;
mod schema;
mod selector;
mod transform;
mod transformer_config;
mod value;
mod value_add;
mod vars;

pub use error::{Error, Result};
pub use value::{Map, Value};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One entry of `images`: which image, and what replaces its name, tag and digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageEdit {
    /// The image's name as the objects have it, without tag and digest.
    pub name: String,
    pub new_name: Option<String>,
    pub new_tag: Option<String>,
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: Option<String>,
}

impl ImageEdit {
    /// Whether what runs by this entry is of `repository`: `newName` is what runs.
    pub fn leads_to(&self, repository: &str) -> bool {
        self.new_name.as_deref().unwrap_or(&self.name) == repository
    }
}

/// What the caller adds to a build.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Applied after the outermost kustomization's own `images`; they reach KServe's addresses of images too.
    pub images: Vec<ImageEdit>,
    /// Texts that take the place of files, by their paths without links: to see what an edit would do.
    pub texts: BTreeMap<PathBuf, String>,
    /// Bases in other repositories may be cloned, with the `git` that is installed.
    pub allow_remote: bool,
    /// The installed `kustomize` or `kubectl` renders, and may run what it is told to.
    pub installed: bool,
    /// Files outside the directory of the kustomization that names them may be read.
    pub load_anywhere: bool,
    /// Variables of the environment that no program which is run gets to see.
    pub withheld: &'static [&'static str],
}

/// A rendered kustomization.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// The objects in the order in which they are printed.
    pub resources: Vec<Value>,
}

/// An image that an object runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRef {
    /// Kind and name of the object.
    pub kind: String,
    pub name: String,
    /// Of the container, or of the volume that mounts it; the JSON pointer of an address.
    pub container: String,
    /// The reference as written: name, tag, digest.
    pub image: String,
}

/// Renders the kustomization in `dir`. Unless the options allow it, reads files only at or below the directory of each
/// kustomization, touches no network and runs nothing.
///
/// # Errors
/// When a file is missing, malformed or outside its directory, when a field is unknown or not rendered, when a patch
/// finds no target: always with the file and the field at fault where there is one.
pub fn build(dir: &Path, options: &Options) -> Result<Output> {
    if options.installed { installed::build(dir, options) } else { build::build(dir, options) }
}

/// The files at or below `dir` that its kustomization and those that it leads to name as objects or patches, and these
/// kustomizations, by their paths without links. Files of more than 64 MiB are not among them.
///
/// # Errors
/// When there is no kustomization in `dir`, or one of them cannot be read.
pub fn files_of(dir: &Path) -> Result<Vec<PathBuf>> {
    named::files(dir)
}

/// The name of the kustomization file in `folder`.
///
/// # Errors
/// When there is no such folder, no such file in it, or more than one.
pub fn file_in(folder: &Path) -> Result<&'static str> {
    files::Root::open(folder, &Options::default())?.kustomization_file()
}

/// What the fuzz target does with any bytes: parts between zero bytes become the files of a kustomization in `dir`,
/// which is rendered, and its text is edited. Every outcome is fine but a panic, a crash or a hang.
#[doc(hidden)]
pub fn fuzz(dir: &Path, bytes: &[u8]) {
    for (i, part) in bytes.split(|byte| *byte == 0).take(9).enumerate() {
        let name = if i == 0 { "kustomization.yaml".to_owned() } else { format!("{i}.yaml") };
        if std::fs::write(dir.join(name), part).is_err() {
            return;
        }
    }
    if let Ok(output) = build(dir, &Options::default()) {
        output.to_yaml();
        output.images();
    }
    // The objects alone, whatever the first part is.
    let text = "resources: [1.yaml, 2.yaml]\nnamePrefix: x-\ncommonLabels: {a: b}\n";
    let real = dir.canonicalize().unwrap_or_default().join("kustomization.yaml");
    let texts = BTreeMap::from([(real, text.to_owned())]);
    if let Ok(output) = build(dir, &Options { texts, ..Options::default() }) {
        output.to_yaml();
    }
    let text = String::from_utf8_lossy(bytes);
    let edit = ImageEdit { name: "a".into(), new_tag: Some("b".into()), ..ImageEdit::default() };
    let _ = edit::set_image(&text, &edit);
    let _ = edit::set_annotation(&text, "a", "b");
    let _ = edit::set_addresses(&text, "a", &format!("sha256:{}", "0".repeat(64)));
    let _ = edit::set_replicas(&text, "a", 1);
    let _ = edit::add_patch(&text, ("A", Some("b")), "/c", "d");
}

impl Output {
    /// The objects as one YAML stream, byte for byte as `kubectl kustomize` prints them.
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        for (i, resource) in self.resources.iter().enumerate() {
            if i > 0 {
                out.push_str("---\n");
            }
            emit::document(resource, &mut out);
        }
        out
    }

    /// Every image in a list called `containers`, `initContainers` or `ephemeralContainers`, at whatever depth, of a
    /// volume, or at an address of KServe's.
    pub fn images(&self) -> Vec<ImageRef> {
        let mut found = Vec::new();
        for object in &self.resources {
            let (kind, name) = (object.str_at(&["kind"]), object.str_at(&["metadata", "name"]));
            if kind != "CustomResourceDefinition" {
                collect_images(object, kind, name, &mut found);
                found.extend(address::of(object).into_iter().map(|address| ImageRef {
                    kind: kind.to_owned(),
                    name: name.to_owned(),
                    container: address.pointer,
                    image: address.image.to_owned(),
                }));
            }
        }
        found
    }
}

fn collect_images(node: &Value, kind: &str, name: &str, found: &mut Vec<ImageRef>) {
    match node {
        Value::Map(map) => {
            for (key, value) in &map.0 {
                if let ("containers" | "initContainers" | "ephemeralContainers", Value::List(list)) =
                    (key.as_str(), value)
                {
                    found.extend(list.iter().filter_map(|c| {
                        let image = c.at(&["image"])?.as_str()?.to_owned();
                        let container = c.str_at(&["name"]).to_owned();
                        Some(ImageRef { kind: kind.to_owned(), name: name.to_owned(), container, image })
                    }));
                }
                // Images that are mounted.
                if let ("volumes", Value::List(list)) = (key.as_str(), value) {
                    found.extend(list.iter().filter_map(|volume| {
                        let image = volume.at(&["image", "reference"])?.as_str()?.to_owned();
                        let container = volume.str_at(&["name"]).to_owned();
                        Some(ImageRef { kind: kind.to_owned(), name: name.to_owned(), container, image })
                    }));
                }
                collect_images(value, kind, name, found);
            }
        }
        Value::List(list) => list.iter().for_each(|item| collect_images(item, kind, name, found)),
        _ => {}
    }
}
