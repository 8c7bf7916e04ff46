//! `mlgate diff ENV`: what a change does to an environment, as rendered objects against those of the base branch.

mod base;
mod markdown;
mod text;

use crate::cli::{DiffArgs, DiffFormat};
use crate::commands;
use crate::config::Environment;
use crate::error::Error;
use crate::exit::Exit;
use crate::kube::diff::{Change, Difference, Field, compare};
use crate::kustomize::{self, Options, Value};
use crate::secret;
use crate::settings::Settings;
use base::Base;
use serde_json::{Value as Json, json};
use std::path::Path;

/// The difference of one environment, ready to be shown.
struct Report<'a> {
    environment: &'a Environment,
    base: &'a Base,
    /// Whether the base has the overlay at all.
    is_new: bool,
    differences: Vec<Difference>,
    unchanged: usize,
}

/// Renders both sides, the base from git's objects, and shows in what they differ. A difference is no failure: the exit
/// code is 0 either way.
///
/// # Errors
/// An unknown environment or an overlay that cannot be rendered is wrong usage; a base that cannot be found or rendered
/// is a fault of what we depend on.
pub async fn run(settings: &Settings, args: &DiffArgs) -> Result<Exit, Error> {
    let (_, config) = commands::load(settings)?;
    let environment = config.environments.iter().find(|e| e.name == args.environment).ok_or_else(|| {
        let names: Vec<&str> = config.environments.iter().map(|e| e.name.as_str()).collect();
        let known = if names.is_empty() { "none".to_string() } else { names.join(", ") };
        Error::usage(format!("mlops.yaml has no environment `{}`; it has: {known}", args.environment))
    })?;
    let overlay = &environment.overlay;
    let installed = environment.installed_kustomize;
    let now = render(&settings.root.join(overlay), installed).await.map_err(|error| {
        Error::usage(format!("cannot render {}: {}", overlay.display(), below(&error, &settings.root)))
    })?;
    let asked = args.base.as_ref().or(settings.base.as_ref()).or(config.overlay.base.as_ref());
    let base = Base::find(&settings.root, asked.map(String::as_str)).await?;
    let before = base.render(overlay, installed).await?;
    let is_new = before.is_none();
    let before = before.unwrap_or_default();
    hide_passwords(before.iter().chain(&now));
    let differences = compare(&before, &now, secret::is_secret_name);
    let differing = differences.iter().filter(|d| d.change != Change::Removed).count();
    let report = Report { environment, base: &base, is_new, unchanged: now.len() - differing, differences };
    let out = match args.format {
        DiffFormat::Text => text::render(&report, settings.color, settings.width),
        DiffFormat::Markdown => markdown::render(&report),
        DiffFormat::Json => format!("{:#}\n", report.json()),
    };
    commands::print(&secret::strike_out(&out));
    Ok(Exit::Ok)
}

async fn render(folder: &Path, installed: bool) -> Result<Vec<Value>, String> {
    let folder = folder.to_path_buf();
    let options = Options { installed, withheld: secret::withheld(), ..Options::default() };
    match tokio::task::spawn_blocking(move || kustomize::build(&folder, &options)).await {
        Ok(Ok(output)) => Ok(output.resources),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// A message without the folder that its paths begin with.
fn below(message: &str, folder: &Path) -> String {
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    [folder, &real].iter().fold(message.to_string(), |text, folder| text.replace(&format!("{}/", folder.display()), ""))
}

/// Passwords in addresses are struck out of whatever is shown.
fn hide_passwords<'a>(objects: impl Iterator<Item = &'a Value>) {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.extend(secret::password_of_address(text)),
            Value::List(list) => list.iter().for_each(|item| walk(item, found)),
            Value::Map(map) => map.0.iter().for_each(|(_, item)| walk(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    objects.for_each(|object| walk(object, &mut found));
    secret::hide(found);
}

impl Report<'_> {
    /// Objects that were added, changed and removed.
    fn counts(&self) -> [usize; 3] {
        let count = |change: fn(&Change) -> bool| self.differences.iter().filter(|d| change(&d.change)).count();
        [
            count(|change| *change == Change::Added),
            count(|change| matches!(change, Change::Changed(_))),
            count(|change| *change == Change::Removed),
        ]
    }

    /// `1 added, 2 changed, 0 removed, 5 unchanged`
    fn summary(&self) -> String {
        let [added, changed, removed] = self.counts();
        format!("{added} added, {changed} changed, {removed} removed, {} unchanged", self.unchanged)
    }

    /// What is compared with what.
    fn title(&self) -> String {
        format!("{} against {}", self.environment.overlay.display(), self.base.name())
    }

    /// Said where the base does not have the overlay.
    fn remark(&self) -> Option<String> {
        let overlay = self.environment.overlay.display();
        self.is_new.then(|| format!("{} does not have {overlay}: every object is new", self.base.name()))
    }

    fn json(&self) -> Json {
        let [added, changed, removed] = self.counts();
        json!({
            "environment": self.environment.name,
            "overlay": self.environment.overlay.display().to_string(),
            "base": {"reference": self.base.reference, "commit": self.base.sha, "has_overlay": !self.is_new},
            "summary": {
                "added": added, "changed": changed, "removed": removed, "unchanged": self.unchanged,
            },
            "objects": self.differences.iter().map(object_json).collect::<Vec<_>>(),
        })
    }
}

fn object_json(difference: &Difference) -> Json {
    let mut object = json!({
        "change": match difference.change {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Changed(_) => "changed",
        },
        "apiVersion": difference.api_version, "kind": difference.kind, "name": difference.name,
    });
    if !difference.namespace.is_empty() {
        object["namespace"] = difference.namespace.as_str().into();
    }
    if let Some(name) = &difference.name_before {
        object["name_before"] = name.as_str().into();
    }
    match &difference.change {
        Change::Changed(fields) => object["fields"] = fields.iter().map(field_json).collect(),
        Change::Added => object["object"] = plain(&difference.object),
        Change::Removed => {}
    }
    object
}

fn field_json(field: &Field) -> Json {
    let mut out = json!({"path": field.path});
    for (key, value) in [("old", &field.old), ("new", &field.new)] {
        if let Some(value) = value {
            out[key] = plain(value);
        }
    }
    out
}

fn plain(value: &Value) -> Json {
    serde_json::from_str(&value.to_json()).unwrap_or_default()
}
