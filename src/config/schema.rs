//! The JSON Schema of `mlops.yaml`, printed from [`super::shape`] for editors.

use super::shape::{GATE_LINES, Key, LINES, Object, ROOT, Shape};
use super::units;
use crate::model::Unit;
use serde_json::{Map, Value, json};

/// JSON Schema draft 2020-12, pretty-printed, ending in a line break.
pub fn json_schema() -> String {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mlops.yaml",
        "description": "What mlgate checks, measures, builds and promotes.",
    });
    if let (Value::Object(out), Value::Object(root)) = (&mut schema, object(&ROOT)) {
        out.extend(root);
    }
    format!("{schema:#}\n")
}

fn object(object: &Object) -> Value {
    let properties: Map<String, Value> = object.keys.iter().map(|k| (k.name.to_string(), property(k))).collect();
    let required: Vec<&str> = object.keys.iter().filter(|k| k.required).map(|k| k.name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn property(key: &Key) -> Value {
    let mut schema = shape(&key.shape);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".into(), key.doc.into());
    }
    schema
}

/// A number with one of these units, none of which has a character that patterns give a meaning to.
fn number_in(units: &[&str]) -> Value {
    json!({"type": "string", "pattern": format!(r"^[0-9][0-9_]*(\.[0-9]+)?\s*({})$", units.join("|"))})
}

fn shape(shape_: &Shape) -> Value {
    match shape_ {
        Shape::Text | Shape::Character => json!({"type": "string"}),
        Shape::Number => json!({"type": "number"}),
        Shape::Integer => json!({"type": "integer", "minimum": 0}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Scalar => json!({"type": ["string", "number", "boolean"]}),
        Shape::Duration => number_in(&units::names(Unit::Seconds)),
        Shape::Percent => number_in(&["%"]),
        Shape::Rate => number_in(&units::names(Unit::PerSecond)),
        Shape::Size => number_in(&units::names(Unit::Bytes)),
        Shape::OneOf(choices) => json!({"enum": choices}),
        Shape::List(item) => json!({"type": "array", "items": shape(item)}),
        Shape::Map(value) => json!({"type": "object", "additionalProperties": shape(value)}),
        Shape::Object(o) => object(o),
        Shape::TextOr(o) => json!({"anyOf": [{"type": "string"}, object(o)]}),
        Shape::Gate => line(&GATE_LINES),
        Shape::Check => line(&LINES),
        Shape::Bins => json!({"anyOf": [{"type": "integer", "minimum": 2},
            {"type": "array", "items": {"type": "number"}, "minItems": 1}]}),
    }
}

/// Text, or one of the forms that are mappings.
fn line(forms: &[(&str, &Object)]) -> Value {
    let objects = forms.iter().map(|(_, form)| object(form));
    json!({"anyOf": std::iter::once(json!({"type": "string"})).chain(objects).collect::<Vec<_>>()})
}
