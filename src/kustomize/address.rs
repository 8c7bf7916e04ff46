//! Images that KServe's objects name by an address and not as a container's image:
//! `storageUri: oci://ghcr.io/acme/churn@sha256:…`.

use super::value::Value;

/// What the `apiVersion` of KServe's objects begins with.
pub(crate) const GROUP: &str = "serving.kserve.io/";

/// KServe's ways to get one and the same image: as it is set up to, mounted by the node, in a container beside the server,
/// fetched before the server starts.
const SCHEMES: [&str; 4] = ["oci://", "oci+native://", "oci+modelcar://", "oci+fetch://"];

/// The scheme with its slashes, and the image reference; None of any other text.
pub(crate) fn split(text: &str) -> Option<(&str, &str)> {
    let scheme = SCHEMES.into_iter().find(|scheme| text.starts_with(scheme))?;
    text.split_at_checked(scheme.len())
}

/// The address of an image in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address<'v> {
    /// Where it stands: a JSON pointer (RFC 6901).
    pub pointer: String,
    /// With its slashes: `oci://`.
    pub scheme: &'v str,
    /// The image reference: name, tag, digest.
    pub image: &'v str,
}

/// The addresses of images in an object; none in one that is not KServe's.
pub fn of(object: &Value) -> Vec<Address<'_>> {
    let mut found = Vec::new();
    if let (true, Some(spec)) = (is_kserves(object), object.at(&["spec"])) {
        walk(spec, "/spec", &mut found);
    }
    found
}

fn walk<'v>(node: &'v Value, at: &str, found: &mut Vec<Address<'v>>) {
    match node {
        Value::Map(map) => {
            for (key, value) in &map.0 {
                walk(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::List(list) => {
            for (number, item) in list.iter().enumerate() {
                walk(item, &format!("{at}/{number}"), found);
            }
        }
        _ => found.extend(node.as_str().and_then(split).map(|(scheme, image)| {
            let pointer = at.to_owned();
            Address { pointer, scheme, image }
        })),
    }
}

/// Changes the image reference of each address in an object.
pub(crate) fn change(object: &mut Value, to: &dyn Fn(&str) -> Option<String>) {
    if !is_kserves(object) {
        return;
    }
    if let Some(spec) = object.as_map_mut().and_then(|map| map.get_mut("spec")) {
        change_in(spec, to);
    }
}

fn change_in(node: &mut Value, to: &dyn Fn(&str) -> Option<String>) {
    match node {
        Value::Map(map) => map.0.iter_mut().for_each(|(_, value)| change_in(value, to)),
        Value::List(list) => list.iter_mut().for_each(|item| change_in(item, to)),
        _ => {
            let changed = node.as_str().and_then(split).and_then(|(scheme, image)| Some((scheme, to(image)?)));
            if let Some((scheme, image)) = changed {
                *node = Value::string(format!("{scheme}{image}"));
            }
        }
    }
}

fn is_kserves(object: &Value) -> bool {
    object.str_at(&["apiVersion"]).starts_with(GROUP)
}
