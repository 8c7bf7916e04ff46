//! What a value of an object may be: the compact form of an OpenAPI schema.

use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Any,
    /// A mapping of whatever kind.
    Mapping,
    Text,
    /// One of these texts.
    Choice(Vec<String>),
    Int32,
    Int64,
    Number,
    Bool,
    /// `500m`, `2`, `1.5Gi`
    Quantity,
    IntOrText,
    /// RFC 3339
    Time,
    Base64,
    List(Box<Type>),
    Map(Box<Type>),
    /// A type of the pack by its name.
    Named(String),
    Object(Arc<Fields>),
}

/// The fields of a mapping.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields {
    pub fields: BTreeMap<String, Field>,
    /// Whether others are let through unread.
    pub open: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub shape: Type,
    pub required: bool,
}

impl Type {
    /// What is expected, in words.
    pub fn describe(&self) -> String {
        match self {
            Type::Any => "anything".into(),
            Type::Mapping | Type::Map(_) | Type::Named(_) | Type::Object(_) => "a mapping".into(),
            Type::Text => "text".into(),
            Type::Choice(choices) => format!("one of {}", choices.join(", ")),
            Type::Int32 | Type::Int64 => "a whole number".into(),
            Type::Number => "a number".into(),
            Type::Bool => "true or false".into(),
            Type::Quantity => "a quantity such as 500m, 2 or 1Gi".into(),
            Type::IntOrText => "a whole number or text".into(),
            Type::Time => "a time such as 2026-01-31T12:00:00Z".into(),
            Type::Base64 => "base64".into(),
            Type::List(_) => "a list".into(),
        }
    }
}
