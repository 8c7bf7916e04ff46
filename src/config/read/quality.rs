//! `quality:`: predictions, metric files and the baseline.

use super::{Reader, duration, integer, number, scalar};
use crate::config::gates::Known;
use crate::config::node::{Node, Value};
use crate::config::problem::Code;
use crate::config::{
    BaselineSource, KnownMetrics, Metrics, MetricsFrom, Predictions, Quality, Service, Task, metric_unit,
};
use crate::model::StageKind;
use std::collections::BTreeMap;

/// What a baseline file may end in. A branch that is taken for a file would pass for a first run for ever.
const BASELINE_ENDINGS: [&str; 16] = [
    ".csv",
    ".csv.gz",
    ".csv.zst",
    ".tsv",
    ".parquet",
    ".pq",
    ".ndjson",
    ".ndjson.gz",
    ".jsonl",
    ".jsonl.gz",
    ".arrow",
    ".feather",
    ".json",
    ".yaml",
    ".yml",
    ".prom",
];

impl Reader<'_> {
    pub(super) fn quality(&mut self, node: &Node, before: Known, metrics: KnownMetrics) -> Quality {
        let mut predictions = node.get("predictions").filter(|n| n.is_map()).map(|n| self.predictions(n));
        let taken = predictions.as_ref().map(metrics).unwrap_or_default();
        let custom = self.custom(node, predictions.as_ref(), &taken);
        if let Some(predictions) = &mut predictions {
            predictions.custom = custom;
            let node = node.get("predictions");
            predictions.find_slices = node.and_then(|node| self.find_slices(node, predictions, &taken));
        }
        let files = self.metrics(node);
        // Of the wrong type, each is reported already.
        let is_silent =
            node.get("predictions").is_none_or(Node::is_map) && node.get("metrics").is_none_or(Node::is_list);
        if predictions.is_none() && files.is_empty() && is_silent {
            let help = "predictions: {file: …, task: binary, label: y, score: p} or metrics: [out/metrics.json]";
            self.problems.add(
                Code::MissingKey,
                &node.at,
                "`quality` has neither `predictions` nor `metrics`: nothing to measure",
                help,
            );
        }
        let baseline = node.get("baseline").and_then(|n| self.baseline(n));
        let known = before.and_metrics(predictions.as_ref(), !files.is_empty() || !is_silent, metrics);
        let gates = self.gates(node, Some(StageKind::Quality), &known, baseline.is_some());
        let looks = self.looks(node);
        if let Some(at) = node.get("remeasure").map(|n| &n.at).filter(|_| looks > 1) {
            let lacks = match &predictions {
                _ if node.get("run").is_none() => "needs a `run` that can be run again",
                None => "pools predictions, and there are none",
                Some(p) if p.id.is_none() => "needs `id` in `predictions`: the same row again is no new evidence",
                Some(_) if !files.is_empty() => "cannot pool the numbers of metric files",
                Some(_) => "",
            };
            if !lacks.is_empty() {
                let help = "each run must predict further rows, with ids of their own";
                self.problems.add(Code::Conflict, at, format!("`remeasure` {lacks}"), help);
            }
        }
        Quality {
            looks,
            run: node.get("run").and_then(Node::text).map(str::to_string),
            timeout: duration(node, "timeout", 3600),
            predictions,
            metrics: files,
            baseline,
            first_run_accepted: node.get("first_run").and_then(Node::text) == Some("accept"),
            min_slice_rows: integer(node, "min_slice_rows", 30),
            gates,
        }
    }

    fn predictions(&mut self, node: &Node) -> Predictions {
        let task = node.get("task").and_then(Node::text).and_then(Task::named).unwrap_or(Task::Binary);
        let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_string);
        let (score, prediction) = (text("score"), text("prediction"));
        let threshold = number(node, "threshold", 0.5);
        if let Some(at) = node.get("threshold").map(|n| &n.at)
            // A judge's scores may go from 1 to 5.
            && task != Task::Repeats
            && !(0.0..=1.0).contains(&threshold)
        {
            self.problems.add(
                Code::BadValue,
                at,
                "a threshold on a probability lies between 0 and 1",
                "threshold: 0.5",
            );
        }
        // Queries are joined by their name, rows of a series by their time.
        let joins_otherwise = task == Task::Ranking || (task == Task::Forecast && node.get("time").is_some());
        let in_record = matches!(node.get("in_record").map(|n| &n.value), Some(Value::Bool(true)));
        if let Some(at) =
            node.get("in_record").filter(|_| in_record && text("id").is_none() && !joins_otherwise).map(|n| &n.at)
        {
            let message = "predictions ride in the record to be joined by `id`, and none is named";
            self.problems.add(Code::MissingKey, at, message, "id: row_id");
        }
        let detail = self.detail(node, task);
        Predictions {
            in_record,
            file: self.path(node, "file").unwrap_or_default(),
            task,
            label: text("label").unwrap_or_default(),
            score,
            prediction,
            threshold,
            positive: node.get("positive").and_then(scalar),
            id: text("id"),
            weight: text("weight"),
            group: text("group"),
            strata: text("strata"),
            slices: self.slices(node),
            find_slices: None,
            detail,
            custom: Vec::new(),
        }
    }

    fn metrics(&mut self, owner: &Node) -> Vec<Metrics> {
        let items = owner.get("metrics").map(Node::items).unwrap_or_default();
        items.iter().filter_map(|item| self.metrics_of(item)).collect()
    }

    fn metrics_of(&mut self, item: &Node) -> Option<Metrics> {
        let from = if item.is_map() { item.get("from")? } else { item };
        let text = from.text()?;
        let mut units = BTreeMap::new();
        for (name, unit) in item.get("units").into_iter().flat_map(Node::entries) {
            let (Some(name), Some(text)) = (name.text(), unit.text()) else { continue };
            match metric_unit(text) {
                Some(known) => drop(units.insert(name.to_string(), known)),
                None => {
                    let message = format!("`{text}` is no unit that is known");
                    self.problems.add(Code::BadValue, &unit.at, message, "ms, s, %, MB, count, 1/s and the like");
                }
            }
        }
        let id_file = item.get("id_file").filter(|node| node.text().is_some());
        if text.contains("{id}") != id_file.is_some() {
            let message = "`{id}` in `from` and the file `id_file`, which holds it, belong together";
            self.problems.add(Code::BadValue, &item.at, message, "{from: 'mlflow:runs:/{id}', id_file: out/run_id}");
            return None;
        }
        // Whatever the id will be, the rest can be judged now.
        let from = match Service::parse(&text.replace("{id}", "0")) {
            Some(Ok(service)) => match id_file {
                None => MetricsFrom::Service(service),
                Some(file) => MetricsFrom::Later { template: text.to_string(), id_file: self.inside_path(file)? },
            },
            Some(Err((message, help))) => {
                self.problems.add(Code::BadValue, &from.at, message, help);
                return None;
            }
            None if id_file.is_some() => {
                let message = format!("`{text}` is a file, which has no id");
                self.problems.add(Code::BadValue, &from.at, message, "mlflow:runs:/{id}");
                return None;
            }
            None if text.contains("://") => {
                let message = format!("`{text}` is an address: metrics of what is judged come from files or runs");
                self.problems.add(Code::BadValue, &from.at, message, "download it in `quality.run`");
                return None;
            }
            None => MetricsFrom::File(self.inside_path(from)?),
        };
        Some(Metrics { from, units })
    }

    fn baseline(&mut self, node: &Node) -> Option<BaselineSource> {
        let text = node.text()?;
        let fits = |name: &str| BASELINE_ENDINGS.iter().any(|ending| name.to_ascii_lowercase().ends_with(ending));
        let mut wrong = |message: String, help: String| {
            self.problems.add(Code::BadValue, &node.at, message, help);
            None
        };
        match Service::parse(text) {
            Some(Ok(service)) => return Some(BaselineSource::Service(service)),
            Some(Err((message, help))) => return wrong(message, help.into()),
            None => {}
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            let known = ["http", "https", "s3", "gs", "az", "abfs", "abfss"];
            let name = rest.split(['?', '#']).next().unwrap_or_default();
            return match known.contains(&scheme) {
                true if fits(name) => Some(BaselineSource::Address(text.to_string())),
                true => wrong("the address does not end as a file of predictions or metrics".into(), endings()),
                false => wrong(format!("`{scheme}://` is no kind of address that can be read"), known.join(", ")),
            };
        }
        match text.split_once(':') {
            None if text == "production" => Some(BaselineSource::Production),
            Some((scheme @ ("git" | "dvc"), reference)) => match reference {
                "" => wrong(format!("`{scheme}:` needs a branch, tag or commit"), format!("{scheme}:origin/main")),
                dashed if dashed.starts_with('-') => {
                    wrong(format!("`{dashed}` is no reference"), format!("{scheme}:origin/main"))
                }
                reference if scheme == "git" => Some(BaselineSource::Git { reference: reference.to_string() }),
                reference => Some(BaselineSource::Dvc { reference: reference.to_string() }),
            },
            _ if !fits(text) => wrong(
                format!("`{text}` is neither `production` nor a file of predictions or metrics"),
                format!("`git:{text}` for a branch, tag or commit; {}", endings()),
            ),
            _ => self.inside_path(node).map(BaselineSource::File),
        }
    }
}

fn endings() -> String {
    "a file ends in .csv, .parquet, .ndjson, .arrow, .json or .yaml".to_string()
}
