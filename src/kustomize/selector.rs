//! Selecting objects: by anchored regular expressions on group, version, kind, name and namespace, and by label and
//! annotation selectors.

use super::error::{Error, Result};
use super::fields::Fields;
use super::resource::Resource;
use super::value::Value;
use regex::Regex;

#[derive(Clone, Debug)]
pub(crate) struct Selector {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    name: Option<Regex>,
    namespace: Option<Regex>,
    labels: Vec<Requirement>,
    annotations: Vec<Requirement>,
}

/// One part of a label selector.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
    Greater(String, i64),
    Less(String, i64),
}

impl Selector {
    pub(crate) fn from_value(value: Value) -> Result<Self> {
        let mut f = Fields::of(value)?;
        let found = Self {
            group: pattern(&mut f, "group")?,
            version: pattern(&mut f, "version")?,
            kind: pattern(&mut f, "kind")?,
            name: pattern(&mut f, "name")?,
            namespace: pattern(&mut f, "namespace")?,
            labels: requirements(&mut f, "labelSelector")?,
            annotations: requirements(&mut f, "annotationSelector")?,
        };
        f.finish()?;
        Ok(found)
    }

    /// Names and namespaces match as they are now or as they were first; the kind as it is now.
    pub(crate) fn matches(&self, resource: &Resource) -> bool {
        let fits = |pattern: &Option<Regex>, text: &str| pattern.as_ref().is_none_or(|p| p.is_match(text));
        let (now, first) = (resource.id(), resource.original_id());
        let namespace = |id: &super::resource::Id| id.effective_namespace().unwrap_or_default().to_owned();
        (fits(&self.namespace, &namespace(&first)) || fits(&self.namespace, &namespace(&now)))
            && (fits(&self.name, &first.name) || fits(&self.name, &now.name))
            && fits(&self.group, &now.gvk.group)
            && fits(&self.version, &now.gvk.version)
            && fits(&self.kind, &now.gvk.kind)
            && self.labels.iter().all(|r| r.holds(&resource.value, "labels"))
            && self.annotations.iter().all(|r| r.holds(&resource.value, "annotations"))
    }
}

fn pattern(f: &mut Fields, name: &'static str) -> Result<Option<Regex>> {
    let text = f.string(name)?;
    if text.is_empty() {
        return Ok(None);
    }
    let anchored = format!("^(?:{text})$");
    Regex::new(&anchored)
        .map(Some)
        .map_err(|e| Error::new(format!("not a regular expression: {text} ({e})")).in_field(name))
}

pub(crate) fn requirements(f: &mut Fields, name: &'static str) -> Result<Vec<Requirement>> {
    let text = f.string(name)?;
    parse(&text).map_err(|e| Error::new(e).in_field(name))
}

/// `a=b, c!=d, e in (x, y), f notin (z), g, !h, i>1`
fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    parts.into_iter().map(|p| requirement(p.trim())).collect()
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let wrong = || format!("not a label selector: {text:?}");
    let key = |s: &str| {
        let s = s.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        if !s.is_empty() && s.chars().all(plain) { Ok(s.to_owned()) } else { Err(wrong()) }
    };
    let value = |s: &str| {
        let s = s.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if s.chars().all(plain) { Ok(s.to_owned()) } else { Err(wrong()) }
    };
    let set = |s: &str| -> Result<Vec<String>, String> {
        let inner = s.trim().strip_prefix('(').and_then(|s| s.strip_suffix(')')).ok_or_else(wrong)?;
        inner.split(',').map(value).collect()
    };
    if let Some(rest) = text.strip_prefix('!') {
        return Ok(Requirement::Missing(key(rest)?));
    }
    if let Some(at) = text.find('(') {
        let (head, list) = text.split_at(at);
        let head = head.trim();
        if let Some(name) = head.strip_suffix(" notin") {
            return Ok(Requirement::NotIn(key(name)?, set(list)?));
        }
        let name = head.strip_suffix(" in").ok_or_else(wrong)?;
        return Ok(Requirement::In(key(name)?, set(list)?));
    }
    if let Some((name, rest)) = text.split_once("!=") {
        return Ok(Requirement::NotIn(key(name)?, vec![value(rest)?]));
    }
    if let Some((name, rest)) = text.split_once('=') {
        return Ok(Requirement::In(key(name)?, vec![value(rest.strip_prefix('=').unwrap_or(rest))?]));
    }
    for (sign, make) in [('>', Requirement::Greater as fn(String, i64) -> _), ('<', Requirement::Less)] {
        if let Some((name, rest)) = text.split_once(sign) {
            return Ok(make(key(name)?, rest.trim().parse().map_err(|_| wrong())?));
        }
    }
    Ok(Requirement::Exists(key(text)?))
}

impl Requirement {
    pub(crate) fn holds(&self, object: &Value, field: &str) -> bool {
        let get = |key: &str| object.at(&["metadata", field, key]).and_then(Value::scalar_text);
        let number = |key: &str| get(key).and_then(|v| v.parse::<i64>().ok());
        match self {
            Self::In(key, values) => get(key).is_some_and(|v| values.contains(&v)),
            Self::NotIn(key, values) => get(key).is_none_or(|v| !values.contains(&v)),
            Self::Exists(key) => get(key).is_some(),
            Self::Missing(key) => get(key).is_none(),
            Self::Greater(key, bound) => number(key).is_some_and(|v| v > *bound),
            Self::Less(key, bound) => number(key).is_some_and(|v| v < *bound),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kustomize::read::{Dialect, document};

    #[test]
    fn label_selectors() {
        let text = "metadata: {labels: {app: web, tier: '3'}}";
        let object = document(text, Dialect::Object).expect("YAML").value;
        let holds = |selector: &str| parse(selector).expect(selector).iter().all(|r| r.holds(&object, "labels"));
        for selector in ["", "app=web", "app == web, tier", "app in (api, web)", "!absent", "tier>2,tier<4", "x!=y"] {
            assert!(holds(selector), "{selector}");
        }
        for selector in ["app=api", "app notin (web)", "absent", "!app", "tier>3", "app!=web"] {
            assert!(!holds(selector), "{selector}");
        }
        for selector in ["=", "a in b", "a in (b", "a > b", "a b", ","] {
            assert!(parse(selector).is_err(), "{selector}");
        }
    }
}
