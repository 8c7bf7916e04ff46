//! `quality:`: predictions, metric files and the baseline.

use super::{Reader, duration, integer, number, scalar, texts};
use crate::config::gates::Known;
use crate::config::node::{Node, Value};
use crate::config::problem::Code;
use crate::config::{BaselineSource, KnownMetrics, Predictions, Quality, SliceBy, Task};
use crate::model::StageKind;

/// What a baseline file may end in. A branch that is taken for a file would pass for a first run for ever.
const BASELINE_ENDINGS: [&str; 7] = [".csv", ".csv.gz", ".parquet", ".pq", ".json", ".yaml", ".yml"];

impl Reader<'_> {
    pub(super) fn quality(&mut self, node: &Node, before: Known, metrics: KnownMetrics) -> Quality {
        let predictions = node.get("predictions").filter(|n| n.is_map()).map(|n| self.predictions(n));
        let files = self.paths(node, "metrics");
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
        let task = match node.get("task").and_then(Node::text) {
            Some("multiclass") => Task::Multiclass,
            Some("regression") => Task::Regression,
            Some("text") => Task::Text,
            _ => Task::Binary,
        };
        let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_string);
        let (score, prediction) = (text("score"), text("prediction"));
        if score.is_none() && prediction.is_none() {
            let help = if task == Task::Binary { "score: p, or prediction: y_pred" } else { "prediction: y_pred" };
            self.problems.add(
                Code::MissingKey,
                &node.at,
                "`predictions` names no column with what was predicted",
                help,
            );
        } else if task != Task::Binary && prediction.is_none() {
            self.problems.add(
                Code::MissingKey,
                &node.at,
                "this task needs `prediction`: the column with the predicted value",
                "prediction: y_pred",
            );
        }
        for key in ["weight", "group"] {
            if let Some(found) = node.get(key) {
                let message = format!("`{key}` is not done in this version");
                self.problems.add(Code::NotYet, &found.at, message, "leave it out");
            }
        }
        let threshold = number(node, "threshold", 0.5);
        if let Some(at) = node.get("threshold").map(|n| &n.at)
            && !(0.0..=1.0).contains(&threshold)
        {
            self.problems.add(
                Code::BadValue,
                at,
                "a threshold on a probability lies between 0 and 1",
                "threshold: 0.5",
            );
        }
        let in_record = matches!(node.get("in_record").map(|n| &n.value), Some(Value::Bool(true)));
        if let Some(at) = node.get("in_record").filter(|_| in_record && text("id").is_none()).map(|n| &n.at) {
            let message = "predictions ride in the record to be joined by `id`, and none is named";
            self.problems.add(Code::MissingKey, at, message, "id: row_id");
        }
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
            slices: texts(Some(node), "slices").into_iter().map(SliceBy::Column).collect(),
        }
    }

    fn baseline(&mut self, node: &Node) -> Option<BaselineSource> {
        let text = node.text()?;
        match text.split_once(':') {
            None if text == "production" => Some(BaselineSource::Production),
            Some(("git", reference)) if !reference.is_empty() && !reference.starts_with('-') => {
                Some(BaselineSource::Git { reference: reference.to_string() })
            }
            Some(("git", _)) => {
                self.problems.add(Code::BadValue, &node.at, "`git:` needs a branch, tag or commit", "git:origin/main");
                None
            }
            Some((scheme @ ("mlflow" | "wandb" | "dvc" | "http" | "https" | "s3"), _)) => {
                let help = "production, git:REF, or a file";
                self.problems.add(
                    Code::NotYet,
                    &node.at,
                    format!("baselines from {scheme} are not done in this version"),
                    help,
                );
                None
            }
            _ if !BASELINE_ENDINGS.iter().any(|ending| text.ends_with(ending)) => {
                let message = format!("`{text}` is neither `production` nor a file of predictions or metrics");
                let help =
                    format!("`git:{text}` for a branch, tag or commit; a file ends in .csv, .parquet, .json or .yaml");
                self.problems.add(Code::BadValue, &node.at, message, help);
                None
            }
            _ => self.inside_path(node).map(BaselineSource::File),
        }
    }
}
