//! Objects against schemas: every problem of every object, each with its path, what was found and what was expected.

use super::pack::Schemas;
use super::shape::{Fields, Type};
use super::{Finding, item_path, key_path, name_of, nearest, quantity, sense, shown};
use crate::kustomize::Value;

/// What came of checking objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    pub findings: Vec<Finding>,
    /// Objects that were held against a schema.
    pub checked: usize,
    /// Objects of which nobody knows what they should look like: `Rollout churn (argoproj.io/v1alpha1)`.
    pub unknown: Vec<String>,
}

impl Schemas {
    /// Checks every object. One of a group of Kubernetes itself that this version does not have is a finding; a custom
    /// resource without a schema is told in `unknown`.
    pub fn check(&self, objects: &[Value]) -> Checked {
        let mut checked = Checked::default();
        for object in objects {
            let (api_version, kind) = (object.str_at(&["apiVersion"]), object.str_at(&["kind"]));
            let group = api_version.split_once('/').map_or("", |(group, _)| group);
            match self.kinds.get(&(api_version.to_string(), kind.to_string())) {
                Some(shape) => {
                    checked.checked += 1;
                    let is_secret = api_version == "v1" && kind == "Secret";
                    let mut walk =
                        Walk { schemas: self, object: name_of(object), is_secret, found: &mut checked.findings };
                    walk.value(object, shape, "");
                    sense::check(object, &mut checked.findings);
                }
                None if self.groups.contains(group) => {
                    checked.checked += 1;
                    let message = self.absent(api_version, kind);
                    checked.findings.push(Finding { object: name_of(object), path: "apiVersion".into(), message });
                }
                None => checked.unknown.push(format!("{} ({api_version})", name_of(object))),
            }
        }
        checked
    }

    fn absent(&self, api_version: &str, kind: &str) -> String {
        let version = &self.version;
        let elsewhere: Vec<&str> = self.kinds.keys().filter(|(_, k)| k == kind).map(|(a, _)| a.as_str()).collect();
        if !elsewhere.is_empty() {
            return format!("Kubernetes {version} has no {kind} in {api_version:?}; it is in {}", elsewhere.join(", "));
        }
        let kinds = self.kinds.keys().map(|(_, k)| k.as_str());
        let hint = nearest(kind, kinds).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        format!("Kubernetes {version} has no {kind} in {api_version:?}{hint}")
    }
}

struct Walk<'a> {
    schemas: &'a Schemas,
    object: String,
    /// Values of a Secret are never shown.
    is_secret: bool,
    found: &'a mut Vec<Finding>,
}

impl Walk<'_> {
    fn add(&mut self, path: &str, message: String) {
        self.found.push(Finding { object: self.object.clone(), path: path.to_string(), message });
    }

    fn value(&mut self, value: &Value, shape: &Type, path: &str) {
        // The API server takes null for absent.
        if value.is_null() {
            return;
        }
        match (shape, value) {
            (Type::Named(name), Value::Map(_)) => {
                if let Some(fields) = self.schemas.types.get(name) {
                    self.fields(value, fields, path);
                }
            }
            (Type::Object(fields), Value::Map(_)) => self.fields(value, fields, path),
            (Type::Map(inner), Value::Map(map)) => {
                map.0.iter().for_each(|(key, item)| self.value(item, inner, &key_path(path, key)));
            }
            (Type::List(inner), Value::List(list)) => {
                list.iter().enumerate().for_each(|(at, item)| self.value(item, inner, &item_path(path, at, item)));
            }
            _ if fits(shape, value) => {}
            _ => {
                let is_hidden = self.is_secret && (path.starts_with("data") || path.starts_with("stringData"));
                let found = match (is_hidden, value) {
                    (true, _) => value.type_name().to_string(),
                    (false, Value::String(_) | Value::List(_) | Value::Map(_)) => shown(value),
                    (false, scalar) => format!("{} ({})", shown(scalar), scalar.type_name()),
                };
                let hint = if is_hidden { None } else { hint(shape, value) };
                let hint = hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                self.add(path, format!("found {found}, expected {}{hint}", shape.describe()));
            }
        }
    }

    fn fields(&mut self, value: &Value, fields: &Fields, path: &str) {
        let Value::Map(map) = value else { return };
        for (key, item) in &map.0 {
            match fields.fields.get(key) {
                Some(field) => self.value(item, &field.shape, &key_path(path, key)),
                None if fields.open => {}
                None => {
                    let known: Vec<&str> = fields.fields.keys().map(String::as_str).collect();
                    let hint = match nearest(key, known.iter().copied()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None if known.is_empty() => "no field is known here".into(),
                        None => format!("known here: {}", known.join(", ")),
                    };
                    self.add(&key_path(path, key), format!("unknown field `{key}`; {hint}"));
                }
            }
        }
        for (name, field) in fields.fields.iter().filter(|(_, field)| field.required) {
            if map.get(name).is_none_or(Value::is_null) {
                let place = if path.is_empty() { "the object" } else { path };
                self.add(path, format!("`{name}` is missing: {place} must have it ({})", field.shape.describe()));
            }
        }
    }
}

fn fits(shape: &Type, value: &Value) -> bool {
    match shape {
        Type::Any => true,
        Type::Mapping => matches!(value, Value::Map(_)),
        Type::Text => matches!(value, Value::String(_)),
        Type::Choice(choices) => value.as_str().is_some_and(|text| choices.iter().any(|choice| choice == text)),
        Type::Int32 => matches!(value, Value::Int(number) if i32::try_from(*number).is_ok()),
        Type::Int64 => matches!(value, Value::Int(number) if i64::try_from(*number).is_ok()),
        Type::Number => matches!(value, Value::Int(_) | Value::Float(_)),
        Type::Bool => matches!(value, Value::Bool(_)),
        Type::Quantity => quantity::number(value).is_some(),
        Type::IntOrText => matches!(value, Value::Int(_) | Value::String(_)),
        Type::Time => value.as_str().is_some_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_ok()),
        Type::Base64 => value.as_str().is_some_and(is_base64),
        // Reached only when the value is no list or mapping.
        Type::List(_) | Type::Map(_) | Type::Named(_) | Type::Object(_) => false,
    }
}

/// Standard alphabet with padding; line breaks, which YAML blocks leave, do not count.
fn is_base64(text: &str) -> bool {
    let body: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let padding = body.iter().rev().take_while(|b| **b == b'=').count();
    let is_digit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    body.len().is_multiple_of(4) && padding <= 2 && body.iter().take(body.len() - padding).all(is_digit)
}

/// What may help: the value as it was probably meant.
fn hint(shape: &Type, value: &Value) -> Option<String> {
    match (shape, value) {
        (Type::Choice(choices), Value::String(text)) => {
            nearest(text, choices.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"))
        }
        (Type::Quantity, Value::String(text)) => quantity::meant(text).map(|meant| format!("did you mean `{meant}`?")),
        (Type::Int32 | Type::Int64 | Type::Number, Value::String(text)) if text.parse::<f64>().is_ok() => {
            Some(format!("without quotes: {text}"))
        }
        (Type::Bool, Value::String(text)) if matches!(text.as_str(), "true" | "false") => {
            Some(format!("without quotes: {text}"))
        }
        (Type::Text, scalar) if scalar.is_scalar() => Some(format!("in quotes: {:?}", scalar.scalar_text()?)),
        (Type::List(_), _) => Some("each item of a list begins with `- `".into()),
        _ => None,
    }
}

#[cfg(test)]
#[path = "check/tests.rs"]
mod tests;
