//! Strategic merge: a patch that looks like the object. Maps merge, null removes, lists with a merge key merge by it
//! with the patch's elements first, other lists are replaced; `$patch: replace|delete|merge` says otherwise.

use super::scalar::needs_quotes;
use super::schema::{ListMerge, Place, Schema};
use super::value::{Map, Value};
use std::collections::HashMap;

const DIRECTIVE: &str = "$patch";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// `object` with `patch` merged in; nothing when the patch deletes it.
///
/// # Errors
/// When the two have different shapes at the same place, or a directive is unknown.
pub(crate) fn strategic(object: Value, patch: Value, schema: &Schema) -> Result<Option<Value>, String> {
    // A kind that the schema does not know merges as the patch's kind does.
    let version = object.str_at(&["apiVersion"]);
    let place = match schema.root(version, object.str_at(&["kind"])) {
        Place::Unknown => schema.root(version, patch.str_at(&["kind"])),
        place => place,
    };
    let mut merged = merge(Some(object), Some(patch), place, &ListKind::REPLACE)?;
    merged.iter_mut().for_each(Value::settle);
    if let Some(Value::Map(map)) = &mut merged {
        clear_blanks(map, place);
    }
    Ok(merged)
}

/// Drops the nulls that were written as nothing, wherever the merge has passed.
fn clear_blanks(map: &mut Map, place: Place) {
    map.0.retain(|(_, value)| *value != Value::Blank);
    for (key, value) in &mut map.0 {
        match value {
            Value::Map(inner) => clear_blanks(inner, place.field(key)),
            Value::List(items) => {
                if let (ListMerge::ByKeys(keys), elements) = place.list(key) {
                    keep_last(items, &keys);
                    items.iter_mut().filter_map(Value::as_map_mut).for_each(|item| clear_blanks(item, elements));
                }
            }
            _ => {}
        }
    }
}

/// Of elements with the same keys the last stays, in the place of the first. One that leaves out part of the keys takes
/// the place of all before it that fit the rest.
fn keep_last(items: &mut Vec<Value>, keys: &[&str]) {
    let mut seen: HashMap<Vec<Option<String>>, usize> = HashMap::new();
    let mut kept: Vec<Option<Value>> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        let names: Vec<_> = keys.iter().map(|k| key_of(&item, k)).collect();
        let known = seen.get(&names).copied().filter(|_| names[0].is_some());
        if let Some(at) = known {
            kept[at] = Some(item);
            continue;
        }
        if names.iter().any(Option::is_none) && names[0].is_some() {
            let fits = |other: &Vec<Option<String>>| names.iter().zip(other).all(|(n, o)| n.is_none() || n == o);
            seen.retain(|other, at| {
                let gone = fits(other);
                if gone {
                    kept[*at] = None;
                }
                !gone
            });
        }
        seen.insert(names, kept.len());
        kept.push(Some(item));
    }
    items.extend(kept.into_iter().flatten());
}

/// How the list at hand merges, if the value is one.
struct ListKind<'s> {
    merge: ListMerge<'s>,
    elements: Place<'s>,
}

impl ListKind<'_> {
    const REPLACE: Self = Self { merge: ListMerge::Replace, elements: Place::Unknown };
}

fn merge(object: Option<Value>, patch: Option<Value>, place: Place, list: &ListKind) -> Result<Option<Value>, String> {
    match (object, patch) {
        (object, None) => Ok(object),
        (_, Some(Value::Null | Value::Blank)) => Ok(None),
        (object, Some(Value::Map(mut patch))) => match take_directive(&mut patch)? {
            Directive::Delete => Ok(None),
            // Nulls are cleared from what takes the place, too.
            Directive::Replace => maps(Map::default(), patch, place).map(Some),
            Directive::Merge => match object {
                None | Some(Value::Null | Value::Blank) => maps(Map::default(), patch, place).map(Some),
                Some(Value::Map(object)) => maps(object, patch, place).map(Some),
                Some(other) => Err(format!("the patch has a mapping where the object has {}", other.type_name())),
            },
        },
        (object, Some(Value::List(patch))) => match object {
            Some(other) if !matches!(other, Value::List(_) | Value::Null | Value::Blank) => {
                Err(format!("the patch has a list where the object has {}", other.type_name()))
            }
            object => {
                let object = if let Some(Value::List(items)) = object { Some(items) } else { None };
                lists(object, patch, list)
            }
        },
        (Some(object @ (Value::Map(_) | Value::List(_))), Some(patch)) => {
            Err(format!("the patch has {} where the object has {}", patch.type_name(), object.type_name()))
        }
        // What takes the place of a quoted scalar is quoted as it is written.
        (Some(Value::String(old)), Some(Value::Written(written))) if needs_quotes(&old) || old.contains('\n') => {
            Ok(Some(Value::String(written.1)))
        }
        (_, Some(scalar)) => Ok(Some(scalar)),
    }
}

fn maps(mut object: Map, patch: Map, place: Place) -> Result<Value, String> {
    for (key, value) in patch.0 {
        let (merge_by, elements) = place.list(&key);
        let at = object.0.iter().position(|(k, _)| *k == key);
        let old = at.map(|at| std::mem::replace(&mut object.0[at].1, Value::Null));
        let merged = merge(old, Some(value), place.field(&key), &ListKind { merge: merge_by, elements })
            .map_err(|e| if e.starts_with(['.', '[']) { format!(".{key}{e}") } else { format!(".{key}: {e}") })?;
        match (at, merged) {
            (Some(at), Some(value)) => object.0[at].1 = value,
            (Some(at), None) => {
                object.0.remove(at);
            }
            (None, Some(value)) => object.0.push((key, value)),
            (None, None) => {}
        }
    }
    Ok(Value::Map(object))
}

fn lists(object: Option<Vec<Value>>, mut patch: Vec<Value>, list: &ListKind) -> Result<Option<Value>, String> {
    if list.merge == ListMerge::Replace {
        return Ok(Some(Value::List(patch)));
    }
    match take_list_directive(&mut patch)? {
        Directive::Delete => return Ok(None),
        Directive::Replace => return Ok(Some(Value::List(patch))),
        Directive::Merge => {}
    }
    let object = object.unwrap_or_default();
    let merged = match &list.merge {
        ListMerge::Replace => patch,
        ListMerge::Set => {
            let mut merged: Vec<Value> = Vec::new();
            for item in patch.into_iter().chain(object) {
                if !merged.contains(&item) {
                    merged.push(item);
                }
            }
            merged
        }
        ListMerge::ByKeys(keys) if keys.len() == 1 => by_key(object, patch, keys[0], list.elements)?,
        // Where nobody gives the rest of the key, the first part is the whole key.
        ListMerge::ByKeys(keys) if !object.iter().chain(&patch).any(|item| key_of(item, keys[1]).is_some()) => {
            by_key(object, patch, keys[0], list.elements)?
        }
        ListMerge::ByKeys(keys) => by_keys(object, patch, keys, list.elements)?,
    };
    Ok(Some(Value::List(merged)))
}

/// The text by which elements of a list are told apart.
fn key_of(item: &Value, key: &str) -> Option<String> {
    item.as_map()?.get(key)?.scalar_text()
}

/// Whether an element of a patch would replace the object's. As in Kustomize, the object's is kept then.
fn keeps_old(item: &Value) -> bool {
    item.str_at(&[DIRECTIVE]) == "replace"
}

/// Elements in the patch's order first, then those that only the object has.
fn by_key(object: Vec<Value>, patch: Vec<Value>, key: &str, place: Place) -> Result<Vec<Value>, String> {
    let mut object: Vec<Option<Value>> = object.into_iter().map(Some).collect();
    let mut merged: Vec<Value> = Vec::new();
    for item in patch {
        let Some(name) = key_of(&item, key) else {
            merged.push(item);
            continue;
        };
        // A second element of the same name in the patch changes the first.
        let earlier = merged.iter().position(|m| key_of(m, key).as_ref() == Some(&name));
        let at = object.iter().position(|o| o.as_ref().and_then(|o| key_of(o, key)).as_ref() == Some(&name));
        let old = at.and_then(|at| object[at].take());
        if let (true, Some(old)) = (keeps_old(&item), &old) {
            merged.push(old.clone());
            continue;
        }
        let base = old.or_else(|| earlier.map(|e| merged[e].clone()));
        let result = merge(base, Some(item), place, &ListKind::REPLACE).map_err(|e| {
            if e.starts_with(['.', '[']) { format!("[{key}={name}]{e}") } else { format!("[{key}={name}]: {e}") }
        })?;
        match (result, earlier) {
            (Some(value), Some(e)) => merged[e] = value,
            (Some(value), None) if value.as_map().is_none_or(|m| !m.is_empty()) => merged.push(value),
            (_, Some(e)) => {
                merged.remove(e);
            }
            _ => {}
        }
    }
    merged.extend(object.into_iter().flatten());
    Ok(merged)
}

/// Lists with a composite key: elements that only the patch has come first, the others stay where they are. An element
/// of the patch that leaves out part of the key, where the object has one with the same first part, has no effect.
fn by_keys(object: Vec<Value>, patch: Vec<Value>, keys: &[&str], place: Place) -> Result<Vec<Value>, String> {
    let all = |item: &Value| keys.iter().map(|k| key_of(item, k)).collect::<Vec<_>>();
    let mut object: Vec<Option<Value>> = object.into_iter().map(Some).collect();
    let mut added: Vec<Value> = Vec::new();
    for item in patch {
        let names = all(&item);
        let full = names.iter().all(Option::is_some);
        let at = object.iter().position(|o| o.as_ref().is_some_and(|o| all(o) == names));
        if let Some(at) = at {
            if keeps_old(&item) {
                continue;
            }
            object[at] = merge(object[at].take(), Some(item), place, &ListKind::REPLACE)?;
            continue;
        }
        let shadowed =
            object.iter().flatten().map(&all).any(|o| o[0] == names[0] && (!full || !o.iter().all(Option::is_some)));
        if !shadowed {
            added.extend(merge(None, Some(item), place, &ListKind::REPLACE)?);
        }
    }
    added.extend(object.into_iter().flatten());
    Ok(added)
}

fn directive(text: &str) -> Result<Directive, String> {
    match text {
        "merge" => Ok(Directive::Merge),
        "replace" => Ok(Directive::Replace),
        "delete" => Ok(Directive::Delete),
        other => Err(format!("$patch must be merge, replace or delete, found {other:?}")),
    }
}

fn take_directive(map: &mut Map) -> Result<Directive, String> {
    match map.remove(DIRECTIVE) {
        None => Ok(Directive::Merge),
        Some(value) => directive(&value.scalar_text().unwrap_or_default()),
    }
}

/// A list's own directive is an element that holds nothing else.
fn take_list_directive(list: &mut Vec<Value>) -> Result<Directive, String> {
    let at = list.iter().position(|item| item.as_map().is_some_and(|m| m.0.len() == 1 && m.get(DIRECTIVE).is_some()));
    match at.map(|at| list.remove(at)) {
        Some(Value::Map(mut map)) => take_directive(&mut map),
        _ => Ok(Directive::Merge),
    }
}
