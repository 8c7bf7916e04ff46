//! `data:`: sources, formats and checks.

use super::{Reader, severity, text_or, texts};
use crate::config::data_check::filter::Expr;
use crate::config::node::Node;
use crate::config::problem::{Code, suggest};
use crate::config::{
    ColumnType, CsvDialect, DataCheck, DataRule, Dataset, Engine, Format, Import, ImportKind, Tracker, data_check,
    units,
};
use crate::model::{Op, Severity};
use std::time::Duration;

/// What `source` may begin with before `://`.
const SCHEMES: [&str; 9] = ["s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "http", "https"];

impl Reader<'_> {
    pub(super) fn datasets(&mut self, root: &Node) -> Vec<Dataset> {
        let entries: Vec<(&Node, &Node)> = root.get("data").into_iter().flat_map(Node::entries).collect();
        let names: Vec<&str> = entries.iter().filter_map(|(k, _)| k.text()).collect();
        entries.iter().map(|(key, node)| self.dataset(key.text().unwrap_or_default(), node, &names)).collect()
    }

    fn dataset(&mut self, name: &str, node: &Node, names: &[&str]) -> Dataset {
        let format = match node.get("format").and_then(Node::text) {
            Some("csv") => Some(Format::Csv),
            Some("parquet") => Some(Format::Parquet),
            Some("ndjson") => Some(Format::Ndjson),
            Some("arrow") => Some(Format::Arrow),
            _ => None,
        };
        let engine = self.engine(node);
        // Where Spark reads, only its server knows what is there.
        if let Some(source) = node.get("source").filter(|_| !matches!(engine, Engine::Spark { .. })) {
            self.source(source);
        }
        Dataset {
            name: name.to_string(),
            source: text_or(Some(node), "source", ""),
            format,
            csv: self.csv(node),
            tracked_by: self.tracker(node, &engine),
            query_timeout: self.query_timeout(node, &engine),
            memory: node.get("memory").and_then(Node::text).and_then(units::size).unwrap_or(Dataset::MEMORY),
            private: texts(Some(node), "private"),
            checks: self.checks(node, name, names, &engine),
            drift: node.get("drift").filter(|drift| drift.is_map()).map(|drift| self.drift(drift, names)),
            imports: self.imports(node),
            engine,
        }
    }

    fn source(&mut self, source: &Node) {
        match source.text().and_then(|text| text.split_once("://")) {
            Some((scheme, _)) if SCHEMES.contains(&scheme) => {}
            Some((scheme, _)) => {
                let message = format!("`{scheme}://` is no source that mlgate reads");
                self.problems.add(Code::BadValue, &source.at, message, "s3://, gs://, az://, http(s):// or a path");
            }
            None => drop(self.inside_path(source)),
        }
    }

    fn engine(&mut self, dataset: &Node) -> Engine {
        let Some((node, text)) = dataset.get("engine").and_then(|node| Some((node, node.text()?))) else {
            return Engine::Embedded;
        };
        match text {
            "embedded" => Engine::Embedded,
            "duckdb" => Engine::DuckDb,
            text if text.strip_prefix("sc://").is_some_and(|rest| !rest.is_empty()) => {
                Engine::Spark { address: text.to_string() }
            }
            text => {
                let help = match suggest(text, &["embedded", "duckdb"]) {
                    near if near.is_empty() => "embedded, duckdb or sc://HOST:PORT".to_string(),
                    near => near,
                };
                self.problems.add(Code::BadValue, &node.at, format!("there is no engine `{text}`"), help);
                Engine::Embedded
            }
        }
    }

    fn query_timeout(&mut self, dataset: &Node, engine: &Engine) -> Duration {
        let Some(node) = dataset.get("query_timeout") else { return Dataset::QUERY_TIMEOUT };
        if *engine == Engine::Embedded {
            let help = "add engine: duckdb or sc://HOST:PORT, or leave it out";
            self.problems.add(Code::Conflict, &node.at, "`query_timeout` is for engines that are sent queries", help);
        }
        node.text().and_then(units::duration).unwrap_or(Dataset::QUERY_TIMEOUT)
    }

    fn csv(&mut self, dataset: &Node) -> CsvDialect {
        let mut dialect = CsvDialect::default();
        let Some(node) = dataset.get("csv") else { return dialect };
        let character = |reader: &mut Self, key: &str| {
            let node = node.get(key)?;
            match node.text()?.as_bytes() {
                [one] if one.is_ascii() && !matches!(one, b'\n' | b'\r' | 0) => Some(*one),
                _ => {
                    let message = format!("`{key}` should be one ASCII character, found {}", node.found());
                    reader.problems.add(Code::BadValue, &node.at, message, r#"such as ";" or "\t" (in double quotes)"#);
                    None
                }
            }
        };
        if let Some(delimiter) = character(self, "delimiter") {
            dialect.delimiter = delimiter;
        }
        dialect.comment = character(self, "comment");
        match node.get("quote").and_then(Node::text) {
            Some("none") => dialect.quote = None,
            Some(_) => dialect.quote = character(self, "quote").or(dialect.quote),
            None => {}
        }
        if node.get("header").is_some() {
            dialect.header = Some(texts(Some(node), "header"));
        }
        dialect.nulls = texts(Some(node), "nulls");
        let special = [Some(dialect.delimiter), dialect.quote, dialect.comment];
        let twice = (1..3).any(|i| special[i].is_some() && special[..i].contains(&special[i]));
        if twice {
            let message = "delimiter, quote and comment must be different characters";
            self.problems.add(Code::Conflict, &node.at, message, "");
        }
        dialect
    }

    fn tracker(&mut self, dataset: &Node, engine: &Engine) -> Option<Tracker> {
        let node = dataset.get("tracked_by")?;
        let source = dataset.get("source").and_then(Node::text).unwrap_or_default();
        if matches!(engine, Engine::Spark { .. }) {
            let message = "`tracked_by` does not go with Spark, whose server alone sees the data";
            self.problems.add(Code::Conflict, &node.at, message, "leave `tracked_by` out, or the engine");
            return None;
        }
        match node.text()? {
            "dvc" if source.contains("://") => {
                let help = "DVC tracks files of this repository: name the path";
                self.problems.add(Code::Conflict, &node.at, "`tracked_by: dvc` goes with a path", help);
                None
            }
            "dvc" => Some(Tracker::Dvc),
            "lakefs" if !source.starts_with("s3") => {
                let help = "source: s3://REPOSITORY/BRANCH/PATH";
                self.problems.add(Code::Conflict, &node.at, "`tracked_by: lakefs` goes with an s3:// address", help);
                None
            }
            "lakefs" => Some(Tracker::LakeFs),
            _ => None,
        }
    }

    fn imports(&mut self, dataset: &Node) -> Vec<Import> {
        let mut imports = Vec::new();
        for node in dataset.get("import").map(Node::items).unwrap_or_default() {
            let kinds = [
                ("evidently", ImportKind::Evidently),
                ("great_expectations", ImportKind::GreatExpectations),
                ("soda", ImportKind::Soda),
            ];
            let given = kinds.into_iter().filter_map(|(key, kind)| Some((kind, node.get(key)?))).collect::<Vec<_>>();
            if node.is_map() && given.len() != 1 {
                let help = "evidently, great_expectations or soda: the file";
                self.problems.add(Code::Conflict, &node.at, "an import has exactly one kind", help);
            }
            let max_age = node.get("max_age").and_then(Node::text).and_then(units::duration);
            imports.extend(
                given
                    .iter()
                    .filter_map(|(kind, file)| Some(Import { kind: *kind, file: self.inside_path(file)?, max_age })),
            );
        }
        imports
    }

    fn checks(&mut self, dataset: &Node, name: &str, names: &[&str], engine: &Engine) -> Vec<DataCheck> {
        let items = dataset.get("checks").map(Node::items).unwrap_or_default();
        let mut checks: Vec<DataCheck> =
            items.iter().filter_map(|item| self.check(item, name, names, engine)).collect();
        // One that only warns lets an empty data set pass.
        let is_bound = |c: &DataCheck| {
            matches!(c.rule, DataRule::Rows { .. }) && c.severity == Severity::Block && c.only.is_none()
        };
        if !checks.iter().any(is_bound) {
            let rule = DataRule::Rows { op: Op::GreaterOrEqual, bound: 1.0 };
            checks.insert(0, DataCheck::new("rows >= 1", rule));
        }
        checks
    }

    fn check(&mut self, node: &Node, dataset: &str, names: &[&str], engine: &Engine) -> Option<DataCheck> {
        if let Some(columns) = node.get("columns") {
            return Some(self.columns(node, columns));
        }
        let block = severity(Some(node), "severity", Severity::Block);
        if let Some(sql) = node.get("sql") {
            let query = sql.text().unwrap_or_default().to_string();
            // Another engine takes all the SQL that it knows, and tells itself what it does not.
            if *engine == Engine::Embedded
                && let Err(error) = data_check::parse_sql(&query, dataset)
            {
                self.check_error(sql, 0, &error);
            }
            let text = text_or(Some(node), "name", &query);
            return Some(DataCheck { severity: block, ..DataCheck::new(text, DataRule::Sql { query }) });
        }
        if let Some(expr) = node.get("expr") {
            let condition = self.condition(expr)?;
            let text = text_or(Some(node), "name", expr.text().unwrap_or_default().trim());
            let check = DataCheck { severity: block, ..DataCheck::new(text, DataRule::Expr { condition }) };
            return Some(self.narrowed(node, check));
        }
        if let Some(rule) = node.get("check") {
            let check = self.rule(rule, names)?;
            let severity = if node.get("severity").is_some() { block } else { check.severity };
            let text = text_or(Some(node), "name", &check.text);
            return Some(self.narrowed(node, DataCheck { severity, text, ..check }));
        }
        match node.get("warn") {
            Some(inner) => self.rule(inner, names).map(|check| DataCheck { severity: Severity::Warn, ..check }),
            None => self.rule(node, names),
        }
    }

    fn columns(&mut self, node: &Node, columns: &Node) -> DataCheck {
        let wanted: Vec<(String, ColumnType)> = columns
            .entries()
            .map(|(k, v)| (k.text().unwrap_or_default().to_string(), column_type(v.text().unwrap_or_default())))
            .collect();
        if wanted.is_empty() {
            let message = "an empty list of columns checks nothing";
            self.problems.add(Code::BadValue, &node.at, message, "columns: {age: int}");
        }
        let names: Vec<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
        let text = format!("columns: {}", names.join(", "));
        let flag = |key: &str| matches!(node.get(key).map(|n| &n.value), Some(crate::config::node::Value::Bool(true)));
        let rule = DataRule::Columns { wanted, exact: flag("exact"), ordered: flag("ordered") };
        DataCheck { severity: severity(Some(node), "severity", Severity::Block), ..DataCheck::new(text, rule) }
    }

    /// A line of text.
    fn rule(&mut self, node: &Node, names: &[&str]) -> Option<DataCheck> {
        let whole = node.text()?;
        let (severity, body) = match whole.trim_start().strip_prefix("warn:") {
            Some(rest) => (Severity::Warn, rest.trim_start()),
            None => (Severity::Block, whole.trim_start()),
        };
        let skipped = whole.len() - body.len();
        match data_check::parse(body) {
            Ok(rule) => {
                if let DataRule::References { dataset: other, .. } | DataRule::Shared { dataset: other, .. } = &rule {
                    self.must_know(node, other, names);
                }
                Some(DataCheck { severity, ..DataCheck::new(body.trim(), rule) })
            }
            Err(error) => {
                self.check_error(node, skipped, &error);
                None
            }
        }
    }

    pub(super) fn must_know(&mut self, node: &Node, dataset: &str, names: &[&str]) {
        if !names.contains(&dataset) {
            let message = format!("there is no data set `{dataset}`");
            self.problems.add(Code::UnknownDataset, &node.at, message, suggest(dataset, names));
        }
    }

    /// `where:` and `mostly:`, which are not for rules on the data set as a whole.
    fn narrowed(&mut self, node: &Node, mut check: DataCheck) -> DataCheck {
        if let Some(only) = node.get("where") {
            check.only = self.condition(only);
            let what = match check.rule {
                DataRule::Columns { .. } => Some("the columns"),
                DataRule::Baseline { .. } => Some("the baseline, which knows of no filter"),
                _ => None,
            };
            if let Some(what) = what {
                self.problems.add(Code::Conflict, &only.at, format!("`where` does not go with {what}"), "");
            }
        }
        if let Some(mostly) = node.get("mostly") {
            let share = mostly.text().and_then(units::percent);
            if share.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
                let message = "`mostly` lies above 0%, up to 100%";
                self.problems.add(Code::BadValue, &mostly.at, message, "mostly: 99%");
            }
            let takes = matches!(
                check.rule,
                DataRule::Between { .. }
                    | DataRule::In { .. }
                    | DataRule::Matches { .. }
                    | DataRule::Length { .. }
                    | DataRule::References { .. }
                    | DataRule::Expr { .. }
            );
            if !takes {
                let help =
                    "it goes with between, in, matches, length, references and expr; others have their own bound";
                self.problems.add(Code::Conflict, &mostly.at, "this rule has no share of values that pass", help);
            }
            check.mostly = share;
        }
        check
    }

    pub(super) fn condition(&mut self, node: &Node) -> Option<Expr> {
        match data_check::parse_condition(node.text()?) {
            Ok(condition) => Some(condition),
            Err(error) => {
                self.check_error(node, 0, &error);
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

#[cfg(test)]
mod tests {
    #[test]
    fn a_delimiter_may_be_a_tab_or_a_space_and_is_one_character() {
        let read = |delimiter: &str| {
            let text = format!(
                "version: 1\nmodel: {{name: m}}\ndata:\n  t: {{source: t.csv, csv: {{delimiter: {delimiter}}}}}\n"
            );
            let read = crate::config::parse(&text, |_| Vec::new());
            read.map(|config| config.data[0].csv.delimiter).map_err(|problems| problems.render("m", &text, false))
        };
        for (delimiter, byte) in [("\"\\t\"", b'\t'), ("\" \"", b' '), ("';'", b';')] {
            assert_eq!(read(delimiter), Ok(byte));
        }
        for delimiter in ["\"\"", "\"\\t\\t\"", "1", "[a]"] {
            assert!(read(delimiter).unwrap_err().contains("should be one"), "{delimiter}");
        }
    }
}
