//! The field specs in force: Kustomize's own and those that `configurations` add. Additions of a base hold for
//! everything that is built on it.

use super::error::{Error, Result};
use super::field_spec::{self, FieldSpec, NameReference};
use super::fields::Fields;
use super::files::Root;
use super::read::{self, Dialect};
use super::resource::Gvk;
use super::value::Value;

#[derive(Debug, Default)]
pub(crate) struct Config {
    pub prefixes: Vec<FieldSpec>,
    pub suffixes: Vec<FieldSpec>,
    pub namespaces: Vec<FieldSpec>,
    pub common_labels: Vec<FieldSpec>,
    pub template_labels: Vec<FieldSpec>,
    pub annotations: Vec<FieldSpec>,
    pub references: Vec<NameReference>,
    pub images: Vec<FieldSpec>,
    pub replicas: Vec<FieldSpec>,
    pub labels: Vec<FieldSpec>,
    pub var_references: Vec<FieldSpec>,
}

impl Config {
    /// Kustomize's own field specs.
    pub(crate) fn defaults() -> Self {
        let name = || vec![FieldSpec::new("metadata/name", "", "", "", false)];
        Self {
            prefixes: name(),
            suffixes: name(),
            namespaces: field_spec::namespaces(),
            common_labels: field_spec::common_labels(),
            template_labels: field_spec::template_labels(),
            annotations: field_spec::annotations(),
            references: field_spec::name_references(),
            images: field_spec::images(),
            replicas: field_spec::replicas(),
            labels: vec![FieldSpec::new("metadata/labels", "", "", "", true)],
            var_references: field_spec::var_references(),
        }
    }

    /// Adds the files that `configurations` lists.
    pub(crate) fn add_files(&mut self, paths: &[String], root: &Root) -> Result<()> {
        for (i, path) in paths.iter().enumerate() {
            let text = root.read_text(path).map_err(|e| e.in_field(&format!("configurations[{i}]")))?;
            let document = read::document(&text, Dialect::Kustomization).map_err(|e| e.in_file(&root.shown(path)))?;
            let more = Self::from_value(document.value).map_err(|e| e.in_file(&root.shown(path)))?;
            self.merge(more).map_err(|e| e.in_file(&root.shown(path)))?;
        }
        Ok(())
    }

    /// Adds field specs that are not there yet.
    ///
    /// # Errors
    /// When two specs for the same fields disagree on whether to create them.
    pub(crate) fn merge(&mut self, more: Self) -> Result<()> {
        let lists = [
            ("namePrefix", &mut self.prefixes, more.prefixes),
            ("nameSuffix", &mut self.suffixes, more.suffixes),
            ("namespace", &mut self.namespaces, more.namespaces),
            ("commonLabels", &mut self.common_labels, more.common_labels),
            ("templateLabels", &mut self.template_labels, more.template_labels),
            ("commonAnnotations", &mut self.annotations, more.annotations),
            ("images", &mut self.images, more.images),
            ("replicas", &mut self.replicas, more.replicas),
            ("labels", &mut self.labels, more.labels),
            ("varReference", &mut self.var_references, more.var_references),
        ];
        for (name, list, more) in lists {
            add(list, more).map_err(|e| e.in_field(name))?;
        }
        for reference in more.references {
            match self.references.iter_mut().find(|r| r.target == reference.target) {
                Some(known) => add(&mut known.fields, reference.fields).map_err(|e| e.in_field("nameReference"))?,
                None => self.references.push(reference),
            }
        }
        Ok(())
    }

    fn from_value(value: Value) -> Result<Self> {
        let mut f = Fields::of(value)?;
        let specs = |f: &mut Fields, name| f.list(name, FieldSpec::from_value);
        let found = Self {
            prefixes: specs(&mut f, "namePrefix")?,
            suffixes: specs(&mut f, "nameSuffix")?,
            namespaces: specs(&mut f, "namespace")?,
            common_labels: specs(&mut f, "commonLabels")?,
            template_labels: specs(&mut f, "templateLabels")?,
            annotations: specs(&mut f, "commonAnnotations")?,
            references: f.list("nameReference", reference)?,
            images: specs(&mut f, "images")?,
            replicas: specs(&mut f, "replicas")?,
            labels: specs(&mut f, "labels")?,
            var_references: specs(&mut f, "varReference")?,
        };
        f.finish()?;
        Ok(found)
    }
}

/// Adds specs to a list, but for those that it covers.
pub(crate) fn add(list: &mut Vec<FieldSpec>, more: Vec<FieldSpec>) -> Result<()> {
    for spec in more {
        match list.iter().find(|known| known.path == spec.path && known.gvk.is_selected(&spec.gvk)) {
            None => list.push(spec),
            Some(known) if known.create == spec.create => {}
            Some(_) => {
                let path: Vec<_> = spec.path.iter().map(|step| step.name.as_str()).collect();
                let message = format!("two field specs for {} disagree on create", path.join("/"));
                return Err(Error::new(message));
            }
        }
    }
    Ok(())
}

fn reference(value: Value) -> Result<NameReference> {
    let mut f = Fields::of(value)?;
    let target = Gvk { group: f.string("group")?, version: f.string("version")?, kind: f.string("kind")? };
    let fields = f.list("fieldSpecs", FieldSpec::from_value)?;
    f.finish()?;
    Ok(NameReference { target, fields })
}
