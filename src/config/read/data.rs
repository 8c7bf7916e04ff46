//! `data:`: sources, formats and checks.

use super::{Reader, severity, text_or};
use crate::config::node::Node;
use crate::config::problem::{Code, suggest};
use crate::config::{ColumnType, DataCheck, DataRule, Dataset, Format, data_check};
use crate::model::{Op, Severity};

impl Reader<'_> {
    pub(super) fn datasets(&mut self, root: &Node) -> Vec<Dataset> {
        let entries: Vec<(&Node, &Node)> = root.get("data").into_iter().flat_map(Node::entries).collect();
        let names: Vec<&str> = entries.iter().filter_map(|(k, _)| k.text()).collect();
        entries
            .iter()
            .map(|(key, node)| {
                let name = key.text().unwrap_or_default().to_string();
                let source = node.get("source");
                if let Some(scheme) = source.and_then(Node::text).and_then(|s| s.split_once("://")).map(|(s, _)| s)
                    && let Some(source) = source
                {
                    let message = format!("`{scheme}://` sources are not done in this version");
                    self.problems.add(
                        Code::NotYet,
                        &source.at,
                        message,
                        "fetch the data before the run and name the local file",
                    );
                }
                if let Some(source) = source.filter(|s| s.text().is_some_and(|t| !t.contains("://"))) {
                    self.inside_path(source);
                }
                let format = node
                    .get("format")
                    .and_then(Node::text)
                    .map(|f| if f == "csv" { Format::Csv } else { Format::Parquet });
                let checks = self.checks(node, &name, &names);
                Dataset { source: text_or(Some(node), "source", ""), name, format, checks }
            })
            .collect()
    }

    fn checks(&mut self, dataset: &Node, name: &str, names: &[&str]) -> Vec<DataCheck> {
        let items = dataset.get("checks").map(Node::items).unwrap_or_default();
        let mut checks: Vec<DataCheck> = items.iter().filter_map(|item| self.check(item, name, names)).collect();
        if !checks.iter().any(|c| matches!(c.rule, DataRule::Rows { .. })) {
            let rule = DataRule::Rows { op: Op::GreaterOrEqual, bound: 1.0 };
            checks.insert(0, DataCheck { text: "rows >= 1".into(), severity: Severity::Block, rule });
        }
        checks
    }

    fn check(&mut self, node: &Node, dataset: &str, names: &[&str]) -> Option<DataCheck> {
        if let Some(columns) = node.get("columns") {
            let columns: Vec<(String, ColumnType)> = columns
                .entries()
                .map(|(k, v)| (k.text().unwrap_or_default().to_string(), column_type(v.text().unwrap_or_default())))
                .collect();
            if columns.is_empty() {
                self.problems.add(
                    Code::BadValue,
                    &node.at,
                    "an empty list of columns checks nothing",
                    "columns: {age: int}",
                );
            }
            let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
            let text = format!("columns: {}", names.join(", "));
            return Some(DataCheck {
                text,
                severity: severity(Some(node), "severity", Severity::Block),
                rule: DataRule::Columns(columns),
            });
        }
        if let Some(sql) = node.get("sql") {
            let query = sql.text().unwrap_or_default().to_string();
            if let Err(error) = data_check::parse_sql(&query, dataset) {
                self.check_error(sql, 0, &error);
            }
            let text = text_or(Some(node), "name", &query);
            return Some(DataCheck {
                text,
                severity: severity(Some(node), "severity", Severity::Block),
                rule: DataRule::Sql { query },
            });
        }
        let (node, is_warn) = match node.get("warn") {
            Some(inner) => (inner, true),
            None => (node, false),
        };
        let whole = node.text()?;
        let (severity, body) = match whole.trim_start().strip_prefix("warn:") {
            Some(rest) => (Severity::Warn, rest.trim_start()),
            None if is_warn => (Severity::Warn, whole.trim_start()),
            None => (Severity::Block, whole.trim_start()),
        };
        let skipped = whole.len() - body.len();
        match data_check::parse(body) {
            Ok(rule) => {
                if let DataRule::References { dataset: other, .. } = &rule
                    && !names.contains(&other.as_str())
                {
                    let message = format!("there is no data set `{other}`");
                    self.problems.add(Code::UnknownDataset, &node.at, message, suggest(other, names));
                }
                Some(DataCheck { text: body.trim().to_string(), severity, rule })
            }
            Err(error) => {
                self.check_error(node, skipped, &error);
                None
            }
        }
    }

    fn check_error(&mut self, node: &Node, skipped: usize, error: &data_check::ParseError) {
        let at = self.inside(node, skipped + error.at, error.length);
        let help = error.suggestion.as_ref().map(|word| format!("did you mean `{word}`?")).unwrap_or_default();
        self.problems.add(Code::CheckSyntax, &at, format!("expected {}, found {}", error.expected, error.found), help);
    }
}

fn column_type(name: &str) -> ColumnType {
    match name {
        "int" => ColumnType::Int,
        "float" => ColumnType::Float,
        "number" => ColumnType::Number,
        "bool" => ColumnType::Bool,
        "timestamp" => ColumnType::Timestamp,
        "date" => ColumnType::Date,
        _ => ColumnType::String,
    }
}
