//! JSON Patch (RFC 6902) on trees.

use super::error::{Error, Result};
use super::fields::Fields;
use super::value::{Map, Value};

#[derive(Clone, Debug)]
pub(crate) struct Operation {
    op: Op,
    path: Vec<String>,
    /// As written, for messages.
    shown: String,
}

#[derive(Clone, Debug)]
enum Op {
    Add(Value),
    Remove,
    Replace(Value),
    Test(Value),
    Move(Vec<String>),
    Copy(Vec<String>),
}

/// Reads a list of operations.
pub(crate) fn parse(value: Value) -> Result<Vec<Operation>> {
    super::fields::list(value, |v| {
        // A `value: null` counts as given, unlike an absent one.
        let given = v.as_map().and_then(|m| m.get("value")).cloned();
        let mut f = Fields::of(v)?;
        let (op, shown, from) = (f.string("op")?, f.string("path")?, f.string("from")?);
        let value = || given.clone().ok_or_else(|| Error::new(format!("{op} needs a value")).in_field("value"));
        let op = match op.as_str() {
            "add" => Op::Add(value()?),
            "remove" => Op::Remove,
            "replace" => Op::Replace(value()?),
            "test" => Op::Test(given.clone().unwrap_or(Value::Null)),
            "move" => Op::Move(pointer(&from).map_err(|e| e.in_field("from"))?),
            "copy" => Op::Copy(pointer(&from).map_err(|e| e.in_field("from"))?),
            other => {
                let message = format!("expected add, remove, replace, move, copy or test, found {other:?}");
                return Err(Error::new(message).in_field("op"));
            }
        };
        Ok(Operation { op, path: pointer(&shown).map_err(|e| e.in_field("path"))?, shown })
    })
}

/// A JSON pointer's parts: `/spec/containers/0/image`, with `~1` for a slash and `~0` for a tilde.
fn pointer(text: &str) -> Result<Vec<String>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let Some(rest) = text.strip_prefix('/') else {
        return Err(Error::new(format!("a path begins with a slash, found {text:?}")));
    };
    Ok(rest.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect())
}

/// Applies all operations in order.
///
/// # Errors
/// Names the operation whose path does not lead anywhere, or whose test fails.
pub(crate) fn apply(object: &mut Value, operations: &[Operation]) -> Result<(), String> {
    for operation in operations {
        run(object, operation).map_err(|e| format!("{}: {e}", operation.shown))?;
    }
    Ok(())
}

fn run(object: &mut Value, operation: &Operation) -> Result<(), String> {
    let path = &operation.path;
    match &operation.op {
        Op::Add(value) => add(object, path, value.clone()),
        Op::Remove => remove(object, path).map(drop),
        Op::Replace(value) => {
            *find(object, path)? = value.clone();
            Ok(())
        }
        Op::Test(value) => {
            let found = find(object, path).map(|v| &*v).unwrap_or(&Value::Null);
            if same(found, value) { Ok(()) } else { Err("the test failed: the value differs".to_owned()) }
        }
        Op::Move(from) => {
            let value = remove(object, from)?;
            add(object, path, value)
        }
        Op::Copy(from) => {
            let value = find(object, from)?.clone();
            add(object, path, value)
        }
    }
}

/// Equality in which the order of keys does not count.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Map(a), Value::Map(b)) => {
            a.0.len() == b.0.len() && a.0.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (a, b) => a == b,
    }
}

/// The position a part means in a list of `len` elements; negative ones count from the end.
fn index(part: &str, len: usize) -> Result<usize, String> {
    let wrong = || format!("{part:?} is no position in a list of {len}");
    let at: i64 = part.parse().map_err(|_| wrong())?;
    let at = if at < 0 { at + len as i64 } else { at };
    usize::try_from(at).map_err(|_| wrong())
}

fn find<'v>(object: &'v mut Value, path: &[String]) -> Result<&'v mut Value, String> {
    path.iter().try_fold(object, |node, part| match node {
        Value::Map(map) => map.get_mut(part).ok_or_else(|| format!("there is no {part:?} to change")),
        Value::List(list) => {
            let at = index(part, list.len())?;
            list.get_mut(at).ok_or_else(|| format!("{part:?} is past the end of the list"))
        }
        other => Err(format!("{} holds no {part:?}", other.type_name())),
    })
}

fn add(object: &mut Value, path: &[String], value: Value) -> Result<(), String> {
    let Some((last, parents)) = path.split_last() else {
        *object = value;
        return Ok(());
    };
    match find(object, parents)? {
        Value::Map(map) => map.set(last, value),
        Value::List(list) if last == "-" => list.push(value),
        Value::List(list) => {
            // A negative position counts from past the last element, where an addition may also go.
            let at = index(last, list.len() + usize::from(last.starts_with('-')))?;
            if at > list.len() {
                return Err(format!("{last:?} is past the end of the list"));
            }
            list.insert(at, value);
        }
        other => return Err(format!("{} cannot take {last:?}", other.type_name())),
    }
    Ok(())
}

fn remove(object: &mut Value, path: &[String]) -> Result<Value, String> {
    let Some((last, parents)) = path.split_last() else {
        return Ok(std::mem::replace(object, Value::Map(Map::default())));
    };
    match find(object, parents)? {
        Value::Map(map) => map.remove(last).ok_or_else(|| format!("there is no {last:?} to remove")),
        Value::List(list) => {
            let at = index(last, list.len())?;
            if at < list.len() { Ok(list.remove(at)) } else { Err(format!("{last:?} is past the end of the list")) }
        }
        other => Err(format!("{} holds no {last:?}", other.type_name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kustomize::read::{Dialect, document};

    fn patched(object: &str, patch: &str) -> Result<String, String> {
        let read = |text: &str| document(text, Dialect::Object).expect("YAML").value;
        let mut object = read(object);
        apply(&mut object, &parse(read(patch)).map_err(|e| e.to_string())?)?;
        Ok(object.to_json())
    }

    #[test]
    fn operations_of_rfc_6902() {
        let object = "{a: [1, 2], 'b/c': {d~e: x}}";
        let table = [
            ("[{op: add, path: /a/1, value: 9}]", Ok(r#"{"a":[1,9,2],"b/c":{"d~e":"x"}}"#)),
            ("[{op: add, path: /a/-, value: null}]", Ok(r#"{"a":[1,2,null],"b/c":{"d~e":"x"}}"#)),
            ("[{op: remove, path: /b~1c/d~0e}]", Ok(r#"{"a":[1,2],"b/c":{}}"#)),
            ("[{op: move, from: /a/0, path: /z}]", Ok(r#"{"a":[2],"b/c":{"d~e":"x"},"z":1}"#)),
            (
                "[{op: test, path: /a, value: [1, 2]}, {op: copy, from: /a, path: /a/0}]",
                Ok(r#"{"a":[[1,2],1,2],"b/c":{"d~e":"x"}}"#),
            ),
            ("[{op: test, path: /a/0, value: 2}]", Err("test failed")),
            ("[{op: replace, path: /x, value: 1}]", Err("no \"x\"")),
            ("[{op: remove, path: /a/2}]", Err("past the end")),
            ("[{op: add, path: /a/4, value: 1}]", Err("past the end")),
            ("[{op: add, path: /a/x, value: 1}]", Err("no position")),
            ("[{op: add, path: a, value: 1}]", Err("slash")),
            ("[{op: add, path: /a}]", Err("value")),
            ("[{op: merge, path: /a}]", Err("expected add")),
        ];
        for (patch, expected) in table {
            match (patched(object, patch), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{patch}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{patch}: {found}"),
                (found, _) => panic!("{patch}: {found:?}"),
            }
        }
    }
}
