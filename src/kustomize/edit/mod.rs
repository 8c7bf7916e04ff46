//! Changing one image, replica count or annotation in the text of a kustomization file, or the addresses of an image in
//! the text of any file of it, and not one byte more.
//!
//! As with `kustomize edit set image`, a digest takes the place of a tag and a tag that of a digest, unless both are
//! given; a new name alone leaves tag and digest as they are.

mod address;
mod annotation;
mod editor;
mod locate;
mod patch;
mod style;

use super::ImageEdit;
use super::error::{Error, Result};
use super::fields::Fields;
use super::read::{self, Dialect};
use super::scalar;
use super::value::{Map, Value};
use editor::Editor;
use locate::Node;

/// The entry of `images` for the image `name`; none when the kustomization has no such entry.
///
/// # Errors
/// As [`images`].
pub fn image_of(text: &str, name: &str) -> Result<Option<ImageEdit>> {
    Ok(images(text)?.into_iter().find(|entry| entry.name == name))
}

/// The entries of `images`.
///
/// # Errors
/// When the text is no kustomization, or its `images` are malformed: what stands there is then not known.
pub fn images(text: &str) -> Result<Vec<ImageEdit>> {
    let value = read::document(text, Dialect::Kustomization)?.value;
    let mut fields = Fields::of(value)?;
    let read = |entry| {
        let mut entry = Fields::of(entry)?;
        let name = entry.string("name")?;
        let mut text = |field| entry.string(field).map(|text| Some(text).filter(|t| !t.is_empty()));
        let (new_name, new_tag, digest) = (text("newName")?, text("newTag")?, text("digest")?);
        Ok(ImageEdit { name, new_name, new_tag, digest })
    };
    fields.list("images", Ok)?.into_iter().map(read).collect()
}

/// The text with the entry of `images` for `edit.name` changed, or added where there is none. Comments, quotes, flow
/// style, indentation and line ends stay as they are.
///
/// # Errors
/// When the edit says nothing or holds what no image reference can hold; when the entry has anchors, aliases, tags or
/// a shape that cannot be changed safely; when, read again, the result would differ in anything but this entry.
pub fn set_image(text: &str, edit: &ImageEdit) -> Result<String> {
    check(edit)?;
    let entry = Entry { name: &edit.name, wanted: wanted(edit).to_vec(), unwanted: unwanted(edit), numbers: false };
    edited(text, "images", &entry)
}

/// The text with the `count` of the entry of `replicas` for `name` changed, or the entry added.
///
/// # Errors
/// As [`set_image`].
pub fn set_replicas(text: &str, name: &str, count: u32) -> Result<String> {
    if !is_name(name) {
        return Err(Error::new(format!("{name:?} is no name of an object")).in_field("name"));
    }
    let count = count.to_string();
    let entry = Entry { name, wanted: vec![("count", Some(&count))], unwanted: None, numbers: true };
    edited(text, "replicas", &entry)
}

/// The text with one of `commonAnnotations` set, or added.
///
/// # Errors
/// When the key is none of an annotation or the value is of several lines; when the mapping has
/// anchors, aliases, tags or a shape that cannot be changed safely; when, read again, the result would differ in
/// anything but this annotation.
pub fn set_annotation(text: &str, key: &str, value: &str) -> Result<String> {
    annotation::set(text, key, value)
}

/// The text with the digest set in each address of an image of `repository`, such as `oci://ghcr.io/acme/churn:v1`, that
/// an object of KServe, a patch of one or a patch in a kustomization holds. The text may be of several documents.
///
/// # Errors
/// When digest or repository are none of an image reference; when an address has an anchor, an alias, a tag or a shape that
/// cannot be changed safely.
pub fn set_addresses(text: &str, repository: &str, digest: &str) -> Result<String> {
    check(&ImageEdit { name: repository.to_owned(), digest: Some(digest.to_owned()), ..ImageEdit::default() })?;
    address::set(text, repository, digest)
}

/// The text with an entry added to `patches`, after those that are there, which sets the value at `pointer` in the objects
/// of `kind`, or in that called `name` alone. [`set_addresses`] finds it again.
///
/// # Errors
/// When a part is no single word; when `patches` or the kustomization have a shape that cannot be added to safely.
pub fn add_patch(text: &str, (kind, name): (&str, Option<&str>), pointer: &str, value: &str) -> Result<String> {
    patch::add(text, &patch::Replace { kind, name, pointer, value })
}

/// What an edit makes of one entry of a list.
struct Entry<'e> {
    name: &'e str,
    /// The fields to set, in the order in which they are written.
    wanted: Vec<(&'static str, Option<&'e str>)>,
    /// The field that must go.
    unwanted: Option<&'static str>,
    numbers: bool,
}

/// The text with the entry of `list` changed or added.
fn edited(text: &str, list: &'static str, entry: &Entry) -> Result<String> {
    let before = read::document(text, Dialect::Object)?.value;
    let root = locate::root(text)?;
    let mut editor = Editor::new(text, list, entry.numbers);
    match &root {
        Some(root) if !is_nothing(root) => editor.edit(root, entry)?,
        _ => editor.append_block(entry),
    }
    let after = editor.finish();
    confirm(&after, &expected(before, list, entry)?).map_err(|e| e.in_field(list))?;
    Ok(after)
}

/// Reads an edited text again: it must hold what was asked for and everything else as it was.
fn confirm(after: &str, expected: &Value) -> Result<()> {
    let unsafe_edit = |why: &str| Error::new(format!("cannot be edited safely: {why}"));
    let read = read::document(after, Dialect::Object).map_err(|e| unsafe_edit(&e.message))?.value;
    if same(&read, expected) { Ok(()) } else { Err(unsafe_edit("the result would differ in more than the entry")) }
}

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain) && !text.ends_with(['.', '-'])
}

/// The fields to set, in the order in which they are written.
fn wanted(edit: &ImageEdit) -> [(&'static str, Option<&str>); 3] {
    [("newName", edit.new_name.as_deref()), ("newTag", edit.new_tag.as_deref()), ("digest", edit.digest.as_deref())]
}

/// The field that must go: the tag for a digest, the digest for a tag.
fn unwanted(edit: &ImageEdit) -> Option<&'static str> {
    match (&edit.new_tag, &edit.digest) {
        (None, Some(_)) => Some("newTag"),
        (Some(_), None) => Some("digest"),
        _ => None,
    }
}

fn check(edit: &ImageEdit) -> Result<()> {
    let fits = |text: &str, extra: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || extra.contains(c);
        text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && text.chars().all(plain)
    };
    let wrong =
        |field: &str, text: &str| Err(Error::new(format!("{text:?} is no part of an image reference")).in_field(field));
    if !fits(&edit.name, "./:_-") {
        return wrong("name", &edit.name);
    }
    for (field, value) in wanted(edit) {
        let ok = |text: &str| match field {
            "newName" => fits(text, "./:_-"),
            "newTag" => fits(text, "._-") && text.len() <= 128,
            _ => text.split_once(':').is_some_and(|(algorithm, hex)| {
                fits(algorithm, "+._-") && hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())
            }),
        };
        if let Some(text) = value.filter(|text| !ok(text)) {
            return wrong(field, text);
        }
    }
    if wanted(edit).iter().all(|(_, value)| value.is_none()) {
        return Err(Error::new("an edit must set a name, a tag or a digest"));
    }
    Ok(())
}

fn is_nothing(node: &Node) -> bool {
    node.range.is_empty() && node.text().is_some()
}

/// The tree as it should be after the edit.
fn expected(before: Value, list: &'static str, edit: &Entry) -> Result<Value> {
    let mut root = match before {
        Value::Map(map) => map,
        Value::Null | Value::Blank => Map::default(),
        _ => return Err(Error::new("a kustomization is a mapping")),
    };
    let named = |key: &str, name: &str| key.eq_ignore_ascii_case(name);
    let at = root.0.iter().position(|(k, _)| named(k, list)).unwrap_or_else(|| {
        root.0.push((list.to_owned(), Value::Null));
        root.0.len() - 1
    });
    let entries = &mut root.0[at].1;
    if entries.is_null() {
        *entries = Value::List(Vec::new());
    }
    let Value::List(entries) = entries else { return Err(Error::new("expected a list").in_field(list)) };
    let is_it = |entry: &Value| {
        entry.as_map().is_some_and(|m| m.0.iter().any(|(k, v)| named(k, "name") && v.as_str() == Some(edit.name)))
    };
    let at = entries.iter().position(is_it).unwrap_or_else(|| {
        entries.push(Value::Map(Map(vec![("name".to_owned(), Value::string(edit.name))])));
        entries.len() - 1
    });
    let Some(Value::Map(entry)) = entries.get_mut(at) else {
        return Err(Error::new("expected a mapping").in_field(list));
    };
    if let Some(gone) = edit.unwanted {
        entry.0.retain(|(k, _)| !named(k, gone));
    }
    for (field, value) in edit.wanted.iter().copied() {
        let Some(value) = value else { continue };
        let value = if edit.numbers { scalar::resolve(value) } else { Value::string(value) };
        match entry.0.iter_mut().find(|(k, _)| named(k, field)) {
            Some((_, old)) => *old = value,
            None => entry.0.push((field.to_owned(), value)),
        }
    }
    Ok(Value::Map(root))
}

/// Equality of everything but the order of keys.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Map(a), Value::Map(b)) => {
            a.0.len() == b.0.len() && a.0.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (a, b) => a == b,
    }
}
