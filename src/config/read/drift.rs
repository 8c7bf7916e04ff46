//! `drift:`

use super::{Reader, number, severity, text_or, texts};
use crate::config::node::Node;
use crate::config::problem::Code;
use crate::config::{Against, Correction, Drift, DriftMethod, units};
use crate::model::Severity;
use std::path::PathBuf;

impl Reader<'_> {
    pub(super) fn drift(&mut self, node: &Node, names: &[&str]) -> Drift {
        let methods = node.get("methods").into_iter().flat_map(Node::entries);
        let methods = methods.map(|(column, method)| (column.text().unwrap_or_default().to_string(), method));
        let methods: Vec<(String, DriftMethod)> =
            methods.map(|(column, method)| (column, self.drift_method(method))).collect();
        let embeddings = node.get("embeddings").into_iter().flat_map(Node::entries);
        let embeddings = embeddings.map(|(name, columns)| {
            let columns = columns.items().iter().filter_map(Node::text).map(str::to_string).collect();
            (name.text().unwrap_or_default().to_string(), columns)
        });
        let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_string);
        let columns = texts(Some(node), "columns");
        if let (Some(except), false) = (node.get("except"), columns.is_empty()) {
            let message = "`columns` and `except` exclude each other";
            self.problems.add(
                Code::Conflict,
                &except.at,
                message,
                "name the columns to compare, or those to leave out",
            );
        }
        if node.get("columns").is_some_and(|list| list.is_list()) && columns.is_empty() {
            let at = &node.get("columns").unwrap_or(node).at;
            self.problems.add(Code::BadValue, at, "an empty list of columns compares nothing", "");
        }
        Drift {
            against: self.against(node, names),
            max_share: self.max_share(node),
            columns,
            except: texts(Some(node), "except"),
            method: self.drift_method(node),
            methods,
            correction: match text_or(Some(node), "correction", "none").as_str() {
                "benjamini_hochberg" => Correction::BenjaminiHochberg,
                "bonferroni" => Correction::Bonferroni,
                _ => Correction::None,
            },
            text: texts(Some(node), "text"),
            embeddings: embeddings.collect(),
            label: text("label"),
            prediction: text("prediction"),
            severity: severity(Some(node), "severity", Severity::Block),
        }
    }

    /// Half of the columns unless said, as Evidently has it.
    fn max_share(&mut self, node: &Node) -> f64 {
        let Some(node) = node.get("max_share") else { return 0.5 };
        let share = node.text().and_then(units::percent).unwrap_or(0.5);
        if !(0.0..1.0).contains(&share) {
            let message = "`max_share` lies from 0% to below 100%, which nothing could exceed";
            self.problems.add(Code::BadValue, &node.at, message, "max_share: 30%");
        }
        share
    }

    fn drift_method(&mut self, node: &Node) -> DriftMethod {
        let name = node.get("method").and_then(Node::text).map(str::to_string);
        let threshold = node.get("threshold").map(|_| number(node, "threshold", f64::NAN));
        if let (Some(threshold), Some(at)) = (threshold, node.get("threshold"))
            && !(threshold > 0.0 && threshold.is_finite())
        {
            self.problems.add(Code::BadValue, &at.at, "a threshold is above 0", "threshold: 0.1");
        }
        if let (Some(_), None, Some(at)) = (threshold, &name, node.get("threshold")) {
            let message = "`threshold` needs its `method`: a p-value and a distance have different ones";
            self.problems.add(Code::Conflict, &at.at, message, "method: psi");
        }
        DriftMethod { name, threshold }
    }

    fn against(&mut self, node: &Node, names: &[&str]) -> Against {
        let unknown = Against::Production { dataset: None };
        let Some((node, text)) = node.get("against").and_then(|node| Some((node, node.text()?))) else {
            return unknown;
        };
        match text.split_once('.') {
            None if text == "production" => unknown,
            Some(("production", dataset)) => Against::Production { dataset: Some(dataset.to_string()) },
            _ if text.contains(['/', '.']) => {
                self.inside_path(node);
                Against::Profile(PathBuf::from(text))
            }
            _ => {
                self.must_know(node, text, names);
                Against::Dataset(text.to_string())
            }
        }
    }
}
