//! The nested shapes of JSON and YAML metric files, flattened to dotted names.

use super::{Entry, Found, count};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// JSON or YAML with the order and the repetitions of its keys.
#[derive(Debug)]
pub enum Tree {
    Leaf(Found),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Without the keys of its first level that begin with `_`.
    pub fn without_private(self) -> Tree {
        match self {
            Tree::Map(map) => Tree::Map(map.into_iter().filter(|(key, _)| !key.starts_with('_')).collect()),
            other => other,
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a list or a map")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Leaf(Found::Other(value.to_string())))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Leaf(Found::Number(value as f64)))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Leaf(Found::Number(value as f64)))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Leaf(Found::Number(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
                Ok(Tree::Leaf(number_in_text(value)))
            }

            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Leaf(Found::Other("null".into())))
            }

            fn visit_none<E>(self) -> Result<Tree, E> {
                Ok(Tree::Leaf(Found::Other("null".into())))
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
                Tree::deserialize(deserializer)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Tree::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Tree::Map(entries))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// A number that a tool wrote as text, such as MLflow's `"NaN"`.
pub fn number_in_text(text: &str) -> Found {
    match text.trim().parse::<f64>() {
        Ok(value) => Found::Number(value),
        Err(_) => Found::Other(format!("the text {:?}", text.chars().take(60).collect::<String>())),
    }
}

/// Python writes NaN and infinities into JSON as bare words, which JSON does not have: as text they are read.
pub fn quote_bare_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let word = ["NaN", "-Infinity", "Infinity"].into_iter().find(|word| !in_string && rest.starts_with(word));
        if let Some(word) = word {
            out.push('"');
            out.push_str(word);
            out.push('"');
            rest = &rest[word.len()..];
            continue;
        }
        in_string ^= next == '"' && !escaped;
        escaped = in_string && next == '\\' && !escaped;
        out.push(next);
        rest = &rest[next.len_utf8()..];
    }
    out
}

/// Names and values in the order of the file.
///
/// # Errors
/// When a value has no name, a name is empty, or a list names one metric twice.
pub fn flatten(tree: Tree) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    match tree {
        Tree::Leaf(Found::Other(what)) if what == "null" => {}
        Tree::Leaf(_) => return Err("it holds a single value without a name".into()),
        tree => walk("", tree, &mut entries)?,
    }
    Ok(entries)
}

fn walk(name: &str, tree: Tree, entries: &mut Vec<Entry>) -> Result<(), String> {
    let below = |key: &str| if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
    match tree {
        Tree::Leaf(found) => entries.push(Entry::new(name, found)),
        Tree::Map(map) if !name.is_empty() && is_measurement(&map) => entries.push(measurement(name, map)?),
        Tree::Map(map) => {
            for (key, value) in map {
                if key.is_empty() {
                    return Err(format!("there is an empty name under {name:?}"));
                }
                walk(&below(&key), value, entries)?;
            }
        }
        Tree::List(list) if !list.is_empty() && list.iter().all(is_key_and_value) => {
            for (key, value) in latest(list)? {
                walk(&below(&key), value, entries)?;
            }
        }
        Tree::List(list) => {
            for (place, item) in list.into_iter().enumerate() {
                walk(&below(&place.to_string()), item, entries)?;
            }
        }
    }
    Ok(())
}

/// A map that says more of a value than the value: `{value: 0.9, n: 1000, low: 0.88, high: 0.92}`.
fn is_measurement(map: &[(String, Tree)]) -> bool {
    const KEYS: [&str; 6] = ["value", "n", "low", "high", "level", "unit"];
    let is_leaf = |(key, tree): &(String, Tree)| KEYS.contains(&key.as_str()) && matches!(tree, Tree::Leaf(_));
    map.len() > 1 && map.iter().any(|(key, _)| key == "value") && map.iter().all(is_leaf)
}

fn measurement(name: &str, map: Vec<(String, Tree)>) -> Result<Entry, String> {
    let mut entry = Entry::new(name, Found::Other("nothing".into()));
    let (mut low, mut high) = (None, None);
    for (key, tree) in map {
        let Tree::Leaf(found) = tree else { continue };
        let number = |found: &Found| match found {
            Found::Number(number) if !number.is_nan() => Ok(*number),
            _ => Err(format!("`{key}` of {name} is no number")),
        };
        match key.as_str() {
            "value" => entry.found = found,
            "low" => low = Some(number(&found)?),
            "high" => high = Some(number(&found)?),
            "level" => entry.level = Some(number(&found)?),
            "n" => entry.n = Some(count(name, number(&found)?)?),
            _ => match found {
                Found::Other(text) => entry.unit = text_of(&text),
                Found::Number(_) => return Err(format!("the unit of {name} is a number")),
            },
        }
    }
    entry.ends = match (low, high) {
        (Some(low), Some(high)) => Some((low, high)),
        (None, None) => None,
        _ => return Err(format!("of the interval of {name} one end is missing")),
    };
    Ok(entry)
}

fn is_key_and_value(tree: &Tree) -> bool {
    let Tree::Map(map) = tree else { return false };
    let has = |name: &str| map.iter().any(|(key, _)| key == name);
    has("key") && has("value")
}

/// MLflow's list: of several steps of one metric the last counts. Two values for one step contradict each other.
fn latest(list: Vec<Tree>) -> Result<Vec<(String, Tree)>, String> {
    let mut found: Vec<(String, Option<f64>, Tree)> = Vec::new();
    for item in list {
        let Tree::Map(map) = item else { continue };
        let (mut key, mut step, mut value) = (None, None, None);
        for (name, tree) in map {
            match (name.as_str(), tree) {
                ("key", Tree::Leaf(Found::Other(text))) => key = text_of(&text),
                ("key", Tree::Leaf(Found::Number(number))) => key = Some(number.to_string()),
                ("step", Tree::Leaf(Found::Number(number))) => step = Some(number),
                ("value", tree) => value = Some(tree),
                _ => {}
            }
        }
        let (Some(key), Some(value)) = (key, value) else { return Err("a key is no text".into()) };
        match found.iter_mut().find(|entry| entry.0 == key) {
            None => found.push((key, step, value)),
            Some(entry) if step.is_some() && entry.1.is_some() && step != entry.1 => {
                if step > entry.1 {
                    *entry = (key, step, value);
                }
            }
            Some(_) => return Err(format!("it names {key:?} twice")),
        }
    }
    Ok(found.into_iter().map(|(key, _, value)| (key, value)).collect())
}

/// The text behind the description that [`number_in_text`] makes of it.
fn text_of(described: &str) -> Option<String> {
    serde_json::from_str(described.strip_prefix("the text ")?).ok()
}
