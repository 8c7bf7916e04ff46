//! Custom resources: the schemas in CustomResourceDefinition files.
//!
//! Format: <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/>.

use super::pack::Schemas;
use super::shape::{Field, Fields, Type};
use serde_json::Value;
use std::sync::Arc;

impl Schemas {
    /// Adds the served versions of a CustomResourceDefinition; returns how many. What is no such object adds none.
    ///
    /// # Errors
    /// What the definition lacks, in words.
    pub fn add_crd(&mut self, document: &Value) -> Result<usize, String> {
        if document["kind"] != "CustomResourceDefinition" {
            return Ok(0);
        }
        if document["apiVersion"] != "apiextensions.k8s.io/v1" {
            return Err(format!("its apiVersion is {}, expected apiextensions.k8s.io/v1", document["apiVersion"]));
        }
        let spec = &document["spec"];
        let (Some(group), Some(kind)) = (spec["group"].as_str(), spec["names"]["kind"].as_str()) else {
            return Err("it lacks spec.group or spec.names.kind".into());
        };
        let mut added = 0;
        for version in spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let name = version["name"].as_str().ok_or("a version of it has no name")?;
            if version["served"] != true {
                continue;
            }
            let schema = &version["schema"]["openAPIV3Schema"];
            if !schema.is_object() {
                return Err(format!("its version {name} has no schema.openAPIV3Schema"));
            }
            let shape = match read(schema) {
                Type::Object(fields) => Type::Object(Arc::new(of_object(&fields))),
                // A schema that says nothing of its fields.
                _ => Type::Object(Arc::new(of_object(&Fields { open: true, ..Fields::default() }))),
            };
            self.kinds.insert((format!("{group}/{name}"), kind.to_string()), shape);
            added += 1;
        }
        if added == 0 {
            return Err("it serves no version".into());
        }
        Ok(added)
    }
}

/// What every object has beside the fields of its schema, in the form of Kubernetes itself.
fn of_object(fields: &Fields) -> Fields {
    let mut fields = fields.clone();
    let field = |shape| Field { shape, required: false };
    fields.fields.insert("apiVersion".into(), field(Type::Text));
    fields.fields.insert("kind".into(), field(Type::Text));
    fields.fields.insert("metadata".into(), field(Type::Named("meta.v1.ObjectMeta".into())));
    fields.fields.insert("status".into(), field(Type::Any));
    fields
}

fn read(schema: &Value) -> Type {
    let is = |key: &str| schema[key] == true;
    let is_open = is("x-kubernetes-preserve-unknown-fields") || is("x-kubernetes-embedded-resource");
    if is("x-kubernetes-int-or-string") || schema["format"] == "int-or-string" {
        return Type::IntOrText;
    }
    if let Some(properties) = schema["properties"].as_object() {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let field = |(name, inner): (&String, &Value)| {
            (name.clone(), Field { shape: read(inner), required: required.contains(&name.as_str()) })
        };
        return Type::Object(Arc::new(Fields { fields: properties.iter().map(field).collect(), open: is_open }));
    }
    match schema["type"].as_str() {
        Some("object") => match &schema["additionalProperties"] {
            inner @ Value::Object(_) => Type::Map(Box::new(read(inner))),
            _ => Type::Mapping,
        },
        Some("array") => Type::List(Box::new(read(&schema["items"]))),
        Some("string") => match schema["enum"].as_array() {
            Some(choices) => Type::Choice(choices.iter().filter_map(Value::as_str).map(str::to_string).collect()),
            None if schema["format"] == "date-time" => Type::Time,
            None if schema["format"] == "byte" => Type::Base64,
            None => Type::Text,
        },
        Some("integer") if schema["format"] == "int32" => Type::Int32,
        Some("integer") => Type::Int64,
        Some("number") => Type::Number,
        Some("boolean") => Type::Bool,
        _ => Type::Any,
    }
}
