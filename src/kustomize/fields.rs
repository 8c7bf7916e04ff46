//! Taking typed fields out of a mapping: names in any letter case, wrong types and unknown names are errors that
//! name the field.

use super::error::{Error, Result};
use super::value::{Map, Value};

/// The fields of one mapping that nobody has taken yet.
pub(crate) struct Fields {
    left: Vec<(String, Value)>,
    asked: Vec<&'static str>,
}

impl Fields {
    /// The fields of a mapping; null counts as an empty one.
    pub(crate) fn of(value: Value) -> Result<Self> {
        match value {
            Value::Map(Map(left)) => Ok(Self { left, asked: Vec::new() }),
            Value::Null | Value::Blank => Ok(Self { left: Vec::new(), asked: Vec::new() }),
            other => Err(Error::new(format!("expected a mapping, found {}", other.type_name()))),
        }
    }

    /// The field `name`, unless it is absent or null. Of several spellings the last wins.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.asked.push(name);
        let mut found = None;
        self.left.retain_mut(|(key, value)| {
            let hit = key.eq_ignore_ascii_case(name);
            if hit {
                found = Some(std::mem::replace(value, Value::Null));
            }
            !hit
        });
        found.filter(|v| !v.is_null())
    }

    pub(crate) fn parse<T>(&mut self, name: &'static str, read: impl FnOnce(Value) -> Result<T>) -> Result<Option<T>> {
        self.take(name).map(|v| read(v).map_err(|e| e.in_field(name))).transpose()
    }

    pub(crate) fn string(&mut self, name: &'static str) -> Result<String> {
        Ok(self.parse(name, text)?.unwrap_or_default())
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Result<bool> {
        let read = |v: Value| match v {
            Value::Bool(b) => Ok(b),
            other => Err(Error::new(format!("expected true or false, found {}", other.type_name()))),
        };
        Ok(self.parse(name, read)?.unwrap_or_default())
    }

    pub(crate) fn int(&mut self, name: &'static str) -> Result<Option<i128>> {
        self.parse(name, |v| match v {
            Value::Int(i) => Ok(i),
            other => Err(Error::new(format!("expected a whole number, found {}", other.type_name()))),
        })
    }

    pub(crate) fn strings(&mut self, name: &'static str) -> Result<Vec<String>> {
        self.list(name, text)
    }

    pub(crate) fn list<T>(&mut self, name: &'static str, read: impl Fn(Value) -> Result<T>) -> Result<Vec<T>> {
        Ok(self.parse(name, |v| list(v, read))?.unwrap_or_default())
    }

    /// A mapping of strings to strings, in the order of its keys.
    pub(crate) fn pairs(&mut self, name: &'static str) -> Result<Vec<(String, String)>> {
        let read = |v: Value| {
            let mut pairs = Vec::new();
            for (key, value) in Self::of(v)?.left {
                let value = if value.is_null() { String::new() } else { text(value).map_err(|e| e.in_field(&key))? };
                pairs.push((key, value));
            }
            pairs.sort();
            Ok(pairs)
        };
        Ok(self.parse(name, read)?.unwrap_or_default())
    }

    /// Whatever is left, as it was written.
    pub(crate) fn into_left(self) -> Vec<(String, Value)> {
        self.left
    }

    /// As [`Self::pairs`], but numbers and booleans count as strings.
    pub(crate) fn loose_pairs(&mut self, name: &'static str) -> Result<Vec<(String, String)>> {
        if let Some((_, Value::Map(map))) = self.left.iter_mut().find(|(k, _)| k.eq_ignore_ascii_case(name)) {
            for (_, value) in &mut map.0 {
                if let (true, Some(text)) = (!value.is_null(), value.scalar_text()) {
                    *value = Value::String(text);
                }
            }
        }
        self.pairs(name)
    }

    /// Ends the taking: anything left is unknown.
    pub(crate) fn finish(self) -> Result<()> {
        match self.left.first() {
            None => Ok(()),
            Some((name, _)) => {
                let near = |known: &&&str| strsim::damerau_levenshtein(&known.to_lowercase(), &name.to_lowercase());
                let message = match self.asked.iter().min_by_key(near) {
                    Some(known) if near(&known) <= 3 => format!("unknown field; did you mean {known}?"),
                    _ if self.asked.len() <= 12 => {
                        format!("unknown field; the fields here are {}", self.asked.join(", "))
                    }
                    _ => "unknown field".to_owned(),
                };
                Err(Error::new(message).in_field(name))
            }
        }
    }
}

pub(crate) fn text(value: Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(Error::new(format!("expected a string, found {}; put it in quotes", other.type_name()))),
    }
}

pub(crate) fn list<T>(value: Value, read: impl Fn(Value) -> Result<T>) -> Result<Vec<T>> {
    match value {
        Value::List(items) => {
            let read = |(i, v)| read(v).map_err(|e: Error| e.in_field(&format!("[{i}]")));
            items.into_iter().enumerate().map(read).collect()
        }
        other => Err(Error::new(format!("expected a list, found {}", other.type_name()))),
    }
}
