//! `signing:`: who signs, and whose signatures count.

use super::{Reader, text_or};
use crate::config::node::Node;
use crate::config::problem::Code;
use crate::config::{SignBy, Signing, TrustedIdentity, TrustedSigner};

const FULCIO: &str = "https://fulcio.sigstore.dev";
const REKOR: &str = "https://rekor.sigstore.dev";

impl Reader<'_> {
    pub(super) fn signing(&mut self, root: &Node) -> Signing {
        let Some(node) = root.get("signing") else { return Signing::default() };
        let by = node.get("by").and_then(Node::text);
        for (key, of) in [("key_file", "key"), ("fulcio", "keyless"), ("rekor", "keyless")] {
            if let Some(at) = node.get(key).map(|n| &n.at)
                && by != Some(of)
            {
                let message = format!("`{key}` means something with `by: {of}` alone");
                self.problems.add(Code::Conflict, at, message, format!("by: {of}"));
            }
        }
        let by = match by {
            Some("key") => Some(SignBy::Key { file: self.path(node, "key_file") }),
            Some("keyless") => Some(SignBy::Keyless {
                fulcio: self.address(node, "fulcio", FULCIO),
                rekor: self.address(node, "rekor", REKOR),
            }),
            _ => None,
        };
        let items = node.get("trust").map(Node::items).unwrap_or_default();
        Signing { by, trust: items.iter().filter_map(|item| self.trusted(item)).collect() }
    }

    fn address(&mut self, node: &Node, key: &str, usual: &str) -> String {
        let address = text_or(Some(node), key, usual);
        if let Some(at) = node.get(key).map(|n| &n.at)
            && !["https://", "http://"].iter().any(|scheme| address.starts_with(scheme))
        {
            self.problems.add(Code::BadValue, at, format!("`{address}` is no address"), format!("{key}: {usual}"));
        }
        address
    }

    fn trusted(&mut self, item: &Node) -> Option<TrustedSigner> {
        const OF_IDENTITY: [&str; 4] = ["identity", "issuer", "roots", "log_key"];
        let given: Vec<&str> = OF_IDENTITY.into_iter().filter(|key| item.get(key).is_some()).collect();
        let is_certified = item.get("ct_log_key").is_some();
        let help = "{key: cosign.pub}, or all of identity, issuer, roots and log_key";
        match (item.get("key"), &given[..]) {
            (Some(_), []) if !is_certified => self.path(item, "key").map(TrustedSigner::Key),
            (None, given) if given.len() == OF_IDENTITY.len() => Some(TrustedSigner::Identity(TrustedIdentity {
                subject: text_or(Some(item), "identity", ""),
                issuer: text_or(Some(item), "issuer", ""),
                roots: self.path(item, "roots")?,
                log_key: self.path(item, "log_key")?,
                // One that is given and cannot be used does not become one that is not given.
                ct_log_key: if is_certified { Some(self.path(item, "ct_log_key")?) } else { None },
            })),
            (Some(_), _) => {
                self.problems.add(Code::Conflict, &item.at, "a signer is a key or an identity, not both", help);
                None
            }
            (None, given) => {
                let lacks: Vec<&str> = OF_IDENTITY.into_iter().filter(|key| !given.contains(key)).collect();
                let message = match given {
                    [] if !is_certified => "this names nobody".to_string(),
                    _ => format!("the identity lacks {}", lacks.join(", ")),
                };
                self.problems.add(Code::MissingKey, &item.at, message, help);
                None
            }
        }
    }
}
