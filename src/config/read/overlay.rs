//! `overlay:`: what rendered objects are held against.

use super::{Reader, text_or};
use crate::config::Overlay;
use crate::config::node::{Node, Value};
use crate::config::problem::{Code, suggest};
use crate::kube::policy::Policy;
use crate::kube::versions;
use crate::model::Severity;

impl Reader<'_> {
    pub(super) fn overlay(&mut self, root: &Node) -> Overlay {
        let Some(node) = root.get("overlay") else { return Overlay::default() };
        if root.get("environments").is_none() {
            let help = "environments: {prod: {overlay: k8s/overlays/prod}}";
            self.problems.add(Code::Conflict, &node.at, "there is no environment whose overlay is rendered", help);
        }
        let kubernetes = node.get("kubernetes").and_then(|version| self.kubernetes(version));
        if let (Some(schemas), None) = (node.get("schemas"), &kubernetes)
            && node.get("kubernetes").is_none()
        {
            let message = "`schemas` without `kubernetes`: objects are not validated at all";
            self.problems.add(Code::Conflict, &schemas.at, message, "add `kubernetes:` with the cluster's version");
        }
        let base = text_or(Some(node), "base", "");
        Overlay { kubernetes, schemas: self.paths(node, "schemas"), base: Some(base).filter(|base| !base.is_empty()) }
    }

    /// A version as it stands in the file: to YAML, 1.30 without quotes is the number 1.3.
    fn kubernetes(&mut self, node: &Node) -> Option<String> {
        if matches!(node.value, Value::Null | Value::List(_) | Value::Map(_)) {
            return None;
        }
        let source = self.text.get(node.at.clone()).unwrap_or_default();
        let text = node.text().map_or_else(|| source.trim(), str::trim);
        let version = text.strip_prefix('v').unwrap_or(text);
        // A patch release has the schemas of its minor release.
        let minor: Vec<&str> = version.splitn(3, '.').take(2).collect();
        let minor = minor.join(".");
        let known = versions();
        if known.contains(&minor.as_str()) {
            return Some(minor);
        }
        let message = format!("the schemas of Kubernetes {text:?} are not known");
        let help = match known.iter().any(|k| k.starts_with(&minor)) {
            true => suggest(&minor, &known),
            false => format!("known: {} to {}", known.first().unwrap_or(&""), known.last().unwrap_or(&"")),
        };
        self.problems.add(Code::BadValue, &node.at, message, help);
        None
    }
}

/// The policies in force in an environment: its own words, else those for all.
pub(super) fn policies(root: &Node, environment: &Node) -> Vec<(Policy, Severity)> {
    let said = |owner: Option<&Node>, name: &str| {
        let entry = owner.and_then(|o| o.get("policies")).and_then(|p| p.get(name));
        entry.and_then(Node::text).map(str::to_string)
    };
    Policy::ALL
        .into_iter()
        .filter_map(|(policy, name, _)| {
            match said(Some(environment), name).or_else(|| said(root.get("overlay"), name))?.as_str() {
                "block" => Some((policy, Severity::Block)),
                "warn" => Some((policy, Severity::Warn)),
                _ => None,
            }
        })
        .collect()
}
