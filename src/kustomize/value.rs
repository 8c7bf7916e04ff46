//! The tree every document becomes: JSON's types, with keys in the order they were read.

/// A node. Integers keep every bit of 64-bit signed and unsigned numbers; floats that are whole became integers when
/// they were read, as they do on the way through JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    /// A null written as nothing at all (`key:`), which a strategic merge clears away.
    Blank,
    Bool(bool),
    Int(i128),
    Float(f64),
    String(String),
    List(Vec<Value>),
    Map(Map),
    /// In a patch only: a number, a boolean or a time together with the text that it was written as.
    Written(Box<(Value, String)>),
}

/// A mapping with unique keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(pub Vec<(String, Value)>);

impl Map {
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    pub fn set(&mut self, key: &str, value: Value) {
        match self.get_mut(key) {
            Some(old) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.0.iter().position(|(k, _)| k == key)?;
        Some(self.0.remove(at).1)
    }

    /// The value of `key`, which is put there first when it is absent or null.
    pub fn or_insert(&mut self, key: &str, value: Value) -> &mut Value {
        let at = match self.0.iter().position(|(k, _)| k == key) {
            Some(at) => at,
            None => {
                self.0.push((key.to_owned(), Value::Null));
                self.0.len() - 1
            }
        };
        let found = &mut self.0[at].1;
        if found.is_null() {
            *found = value;
        }
        found
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Value {
    pub fn string(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    pub fn map() -> Self {
        Self::Map(Map::default())
    }

    pub fn as_map(&self) -> Option<&Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::Blank)
    }

    pub fn is_scalar(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Map(_))
    }

    /// Forgets how scalars were written, here and below.
    pub(crate) fn settle(&mut self) {
        match self {
            Self::Written(written) => *self = std::mem::replace(&mut written.0, Self::Null),
            Self::List(list) => list.iter_mut().for_each(Self::settle),
            Self::Map(map) => map.0.iter_mut().for_each(|(_, value)| value.settle()),
            _ => {}
        }
    }

    /// The value at a path of map keys.
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |node, key| node.as_map()?.get(key))
    }

    /// The string at a path of map keys, empty when it is absent or of another type.
    pub fn str_at(&self, path: &[&str]) -> &str {
        self.at(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// The text of a scalar as YAML would print it unquoted; nothing for lists and maps.
    pub fn scalar_text(&self) -> Option<String> {
        Some(match self {
            Self::Null | Self::Blank => "null".to_owned(),
            Self::Bool(b) => b.to_string(),
            Self::Int(i) => i.to_string(),
            Self::Float(f) => super::number::yaml_float(*f),
            Self::String(s) => s.clone(),
            Self::Written(written) => return written.0.scalar_text(),
            Self::List(_) | Self::Map(_) => return None,
        })
    }

    /// "a mapping", "a string" and so on, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null | Self::Blank => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
            Self::Written(written) => written.0.type_name(),
        }
    }

    /// Compact JSON with keys in byte order and Go's HTML-safe escapes: what content hashes are computed over.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut String) {
        match self {
            Self::Null | Self::Blank => out.push_str("null"),
            Self::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
            Self::Int(i) => out.push_str(&i.to_string()),
            Self::Float(f) => out.push_str(&super::number::json_float(*f)),
            Self::String(s) => json_string(s, out),
            Self::Written(written) => written.0.write_json(out),
            Self::List(list) => {
                out.push('[');
                for (i, item) in list.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write_json(out);
                }
                out.push(']');
            }
            Self::Map(map) => {
                let mut entries: Vec<_> = map.0.iter().collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                out.push('{');
                for (i, (key, value)) in entries.into_iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    json_string(key, out);
                    out.push(':');
                    value.write_json(out);
                }
                out.push('}');
            }
        }
    }
}

fn json_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
