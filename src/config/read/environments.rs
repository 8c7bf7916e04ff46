//! `environments:`: overlays and what a promotion asks for.

use super::overlay::policies;
use super::{Reader, texts};
use crate::config::gates::Known;
use crate::config::node::{Node, Value};
use crate::config::problem::{Code, suggest};
use crate::config::{Config, Environment, KnownMetrics, Promote};
use crate::model::Severity;

impl Reader<'_> {
    pub(super) fn environments(&mut self, root: &Node, config: &Config, metrics: KnownMetrics) -> Vec<Environment> {
        let entries: Vec<(&Node, &Node)> = root.get("environments").into_iter().flat_map(Node::entries).collect();
        let names: Vec<&str> = entries.iter().filter_map(|(k, _)| k.text()).collect();
        let known = Known::promotion(config, metrics);
        entries
            .iter()
            .map(|(key, node)| {
                let name = key.text().unwrap_or_default().to_string();
                let promote = node
                    .get("promote")
                    .map(|p| self.promote(p, &name, &names, &known, !config.signing.trust.is_empty()));
                if promote.is_some() && config.image.is_none() {
                    let help = "add an `image:` with its repository: what is promoted is a digest";
                    self.problems.add(
                        Code::Conflict,
                        &key.at,
                        format!("`{name}` is promoted to, but there is no image"),
                        help,
                    );
                }
                let overlay = self.path(node, "overlay").unwrap_or_default();
                let installed_kustomize = node.get("renderer").and_then(Node::text) == Some("kustomize");
                Environment { name, overlay, installed_kustomize, policies: policies(root, node), promote }
            })
            .collect()
    }

    fn promote(&mut self, node: &Node, name: &str, names: &[&str], known: &Known, trusts: bool) -> Promote {
        if let Some(from) = node.get("from")
            && let Some(other) = from.text()
            && (other == name || !names.contains(&other))
        {
            let others: Vec<&str> = names.iter().copied().filter(|n| *n != name).collect();
            self.problems.add(
                Code::UnknownEnvironment,
                &from.at,
                format!("there is no other environment `{other}`"),
                suggest(other, &others),
            );
        }
        if node.get("gates").is_none() {
            let help = "gates: [latency.p95 < 200ms]";
            self.problems.add(Code::NoGates, &node.at, format!("promotion to `{name}` has no gate at all"), help);
        }
        let tags = match node.get("tags") {
            Some(_) => texts(Some(node), "tags"),
            None => vec![name.to_string()],
        };
        let require_signed = matches!(node.get("require_signed").map(|n| &n.value), Some(Value::Bool(true)));
        if let Some(at) = node.get("require_signed").map(|n| &n.at)
            && require_signed
            && !trusts
        {
            let help = "signing: {trust: [{key: cosign.pub}]}";
            self.problems.add(Code::Conflict, at, "nobody's signature is trusted, so none could count", help);
        }
        let gates = self.gates(node, None, known, true);
        if let Some(at) = node.get("gates").map(|n| &n.at)
            && !gates.is_empty()
            && gates.iter().all(|gate| gate.severity == Severity::Warn)
        {
            let message = format!("every gate of the promotion to `{name}` only warns: it would let anything through");
            self.problems.add(Code::NoGates, at, message, "take `warn:` from one of them");
        }
        Promote {
            from: node.get("from").and_then(Node::text).map(str::to_string),
            gates,
            first_run_accepted: node.get("first_run").and_then(Node::text) == Some("accept"),
            tags,
            require_signed,
        }
    }
}
