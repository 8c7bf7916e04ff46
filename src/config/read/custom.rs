//! `quality.custom`: metrics of the user's own.

use super::Reader;
use crate::config::data_check::sql::aggregate::parse_aggregate;
use crate::config::node::Node;
use crate::config::problem::Code;
use crate::config::{CustomMetric, KnownMetric, Predictions, Task};
use crate::model::Unit;

impl Reader<'_> {
    /// `node` is `quality`; `taken` are the metrics that the predictions have already.
    pub(super) fn custom(
        &mut self,
        node: &Node,
        predictions: Option<&Predictions>,
        taken: &[KnownMetric],
    ) -> Vec<CustomMetric> {
        let Some(list) = node.get("custom").filter(|list| list.is_map()) else { return Vec::new() };
        let help = match predictions.map(|predictions| predictions.task) {
            None => Some("predictions: {file: …, task: …}: its columns are what an expression is over"),
            Some(Task::Ranking | Task::Repeats) => Some("compute it yourself and name the file in `metrics`"),
            Some(_) => None,
        };
        if let Some(help) = help {
            let message = "an expression is over rows of predictions, each a draw of its own";
            self.problems.add(Code::Conflict, &list.at, message, help);
        }
        let mut found = Vec::new();
        for (key, entry) in list.entries() {
            let name = key.text().unwrap_or_default().to_string();
            if taken.iter().any(|metric| metric.id == name || metric.aliases.contains(&name.as_str())) {
                let message = format!("`{name}` is the name of a metric that the predictions have");
                self.problems.add(Code::Conflict, &key.at, message, format!("another name, such as my_{name}"));
            }
            if name.contains('-') {
                let message = format!("a gate cannot name `{name}`");
                self.problems.add(Code::BadValue, &key.at, message, "letters, digits and _");
            }
            let Some(text) = entry.get("expr") else { continue };
            let written = text.text().unwrap_or_default();
            match parse_aggregate(written) {
                Ok(expr) => found.push(CustomMetric {
                    name,
                    text: written.to_string(),
                    expr,
                    unit: entry.get("unit").and_then(Node::text).and_then(Unit::parse).unwrap_or(Unit::Score),
                    higher_is_better: entry.get("better").and_then(Node::text) == Some("higher"),
                }),
                Err(error) => {
                    let at = self.inside(text, error.at, error.length);
                    let help = "such as mean(5 * fn + fp) or sum(cost) / sum(amount)";
                    self.problems.add(Code::BadValue, &at, error.to_string(), help);
                }
            }
        }
        found
    }
}
