//! Setting the digest in the addresses of images that KServe's objects, patches of them and kustomizations hold.

use super::editor::Editor;
use super::locate::{self, Kind, Node};
use crate::kustomize::address;
use crate::kustomize::error::{Error, Result};
use crate::kustomize::read::{self, Dialect};
use crate::kustomize::value::Value;
use granit_parser::ScalarStyle;

/// Where an address can stand: in KServe's objects, in a variable of the environment, in an operation of a JSON patch.
const KEYS: [&str; 4] = ["storageUri", "uri", "modelUri", "value"];
/// Where a kustomization holds the text of a patch.
const PATCHES: [&str; 2] = ["patch", "patchesStrategicMerge"];
/// How deep a text may lie in a text.
const DEPTH: usize = 2;

pub(super) fn set(text: &str, repository: &str, digest: &str) -> Result<String> {
    let wanted = Wanted { repository, digest };
    let after = wanted.set(text, DEPTH)?;
    if after == text {
        return Ok(after);
    }
    let values = |text: &str| read::documents(text, Dialect::Object).map_err(|e| refusal(&e.message));
    let (old, new) = (values(text)?, values(&after)?);
    let is_safe = old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| wanted.leads(&old.value, &new.value));
    if is_safe { Ok(after) } else { Err(refusal("the result would differ in more than addresses of the image")) }
}

fn refusal(why: &str) -> Error {
    Error::new(format!("cannot be edited safely: {why}"))
}

struct Wanted<'w> {
    repository: &'w str,
    digest: &'w str,
}

impl Wanted<'_> {
    /// The address with the digest in the place of tag and digest; None of what is no address of an image of the
    /// repository.
    fn address(&self, text: &str) -> Option<String> {
        let (scheme, image) = address::split(text)?;
        let rest = image.strip_prefix(self.repository)?;
        let (tag, digest) = rest.split_once('@').map_or((rest, None), |(tag, digest)| (tag, Some(digest)));
        let plain = |text: &str, extra: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
        };
        let is_reference = (tag.is_empty() || tag.strip_prefix(':').is_some_and(|tag| plain(tag, "._-")))
            && digest.is_none_or(|digest| plain(digest, ":+._-"));
        is_reference.then(|| format!("{scheme}{}@{}", self.repository, self.digest))
    }

    /// The text with all addresses set; a text that is no YAML has none.
    fn set(&self, text: &str, depth: usize) -> Result<String> {
        let roots = if text.contains(self.repository) { locate::documents(text) } else { Ok(Vec::new()) };
        let mut editor = Editor::new(text, "", false);
        for (_, root) in roots.unwrap_or_default() {
            if is_concerned(&root) {
                self.walk(&root, "", depth, text, &mut editor)?;
            }
        }
        Ok(editor.finish())
    }

    fn walk(&self, node: &Node, key: &str, depth: usize, text: &str, editor: &mut Editor) -> Result<()> {
        match &node.kind {
            Kind::Map { entries, .. } => {
                for (key, value) in entries {
                    self.walk(value, key.text().unwrap_or_default(), depth, text, editor)?;
                }
                Ok(())
            }
            Kind::List { items, .. } => items.iter().try_for_each(|item| self.walk(item, key, depth, text, editor)),
            Kind::Scalar { text: old, style } => {
                let new = if KEYS.contains(&key) {
                    self.address(old)
                } else if PATCHES.contains(&key) && depth > 0 {
                    Some(self.set(old, depth - 1).map_err(|e| e.at_line(node.line))?)
                } else {
                    None
                };
                match new.filter(|new| new != old) {
                    None => Ok(()),
                    Some(new) => put(node, (old, &new), *style, text, editor).map_err(|e| e.at_line(node.line)),
                }
            }
            Kind::Alias => Ok(()),
        }
    }

    /// Whether `new` is `old` with addresses set and nothing else.
    fn leads(&self, old: &Value, new: &Value) -> bool {
        match (old, new) {
            (Value::Map(a), Value::Map(b)) => {
                a.0.len() == b.0.len() && a.0.iter().zip(&b.0).all(|((k, v), (l, w))| k == l && self.leads(v, w))
            }
            (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.leads(a, b)),
            (old, new) if old == new => true,
            (old, new) => old.as_str().zip(new.as_str()).is_some_and(|(old, new)| {
                self.address(old).is_some_and(|set| set == new) || self.set(old, DEPTH - 1).is_ok_and(|set| set == new)
            }),
        }
    }
}

/// Whether a document may be edited: an object of KServe or a patch of one, operations of a JSON patch, a kustomization.
fn is_concerned(root: &Node) -> bool {
    match &root.kind {
        Kind::List { items, .. } => items.iter().all(|item| item.entry("op").is_some()),
        _ => match root.entry("apiVersion").map(|(_, version)| version.text().unwrap_or_default()) {
            Some(version) => version.starts_with(address::GROUP) || version.starts_with("kustomize.config.k8s.io/"),
            None => root.entry("kind").is_none(),
        },
    }
}

/// Writes a value in the place and the style of the one that is there.
fn put(node: &Node, (old, new): (&str, &str), style: ScalarStyle, text: &str, editor: &mut Editor) -> Result<()> {
    let raw = &text[node.range.clone()];
    let quotes = usize::from(matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted));
    let inside = node.range.start + quotes..node.range.end.saturating_sub(quotes);
    if node.decorated {
        return Err(Error::new("cannot be edited in place: the address has an anchor or a tag"));
    }
    if text.get(inside.clone()) == Some(old) {
        editor.replace(inside, new.to_owned());
        return Ok(());
    }
    let shape = || Error::new("cannot be edited in place: the text is folded or has escapes; write it as a `|` block");
    if style != ScalarStyle::Literal || old.lines().count() != new.lines().count() {
        return Err(shape());
    }
    // Line by line, each indented; the node begins with its first line that is not empty.
    let (lines, mut at) = (raw.split_inclusive('\n'), node.range.start);
    let changes = old.lines().zip(new.lines()).skip_while(|(old, _)| old.is_empty());
    for ((old, new), line) in changes.zip(lines) {
        let shown = line.trim_end_matches(['\n', '\r']);
        let indent = shown.strip_suffix(old).filter(|indent| indent.bytes().all(|b| b == b' ')).ok_or_else(shape)?;
        if old != new {
            editor.replace(at + indent.len()..at + shown.len(), new.to_owned());
        }
        at += line.len();
    }
    Ok(())
}
