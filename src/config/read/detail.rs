//! `quality.predictions`: the keys that each task needs, those that mean something to it, and what they may hold.

use super::{Reader, integer, number, pairs_of_scalars, texts};
use crate::config::node::{Node, Value};
use crate::config::problem::Code;
use crate::config::{Detail, Task};

/// What a task needs, what it may have, and an example of its own keys.
struct Keys {
    /// Of each group one key at least.
    needs: &'static [&'static [&'static str]],
    may: &'static [&'static str],
    example: &'static str,
}

/// Keys that every task may have.
const COMMON: [&str; 6] = ["file", "task", "id", "slices", "threshold", "positive"];

fn keys(task: Task) -> Keys {
    let (needs, may, example): (&[&[&str]], &[&str], _) = match task {
        Task::Binary => (
            &[&["label"], &["score", "prediction"]],
            &["bins", "weight", "group", "strata"],
            "label: y, score: p, or prediction: y_pred",
        ),
        Task::Multiclass => (
            &[&["label"], &["prediction", "score", "scores"]],
            &["k", "bins", "weight", "group", "strata"],
            "label: y, prediction: y_pred, or score: p_* for a column of probabilities of each class",
        ),
        Task::Multilabel => (
            &[&["label"], &["labels"], &["prediction", "score"]],
            &["weight", "group", "strata"],
            "labels: [a, b], label: tags, prediction: predicted_tags; or a column each: label: y_*, score: p_*",
        ),
        Task::Regression => {
            (&[&["label"], &["prediction"]], &["weight", "group", "strata"], "label: y, prediction: y_pred")
        }
        // BLEU and its kin are of a whole corpus, where no row has a weight.
        Task::Text => (&[&["label"], &["prediction"]], &["group"], "label: reference, prediction: output"),
        Task::Ranking => (
            &[&["query"], &["label"], &["score"]],
            &["k", "relevant", "group"],
            "query: q, label: relevance, score: s, k: [5, 10]",
        ),
        Task::Forecast => (
            &[&["label"], &["prediction", "quantiles"]],
            &["series", "time", "naive", "history", "season"],
            "label: y, prediction: y_hat, series: store, time: day, quantiles: {0.1: p10, 0.9: p90}",
        ),
        Task::Repeats => (
            &[&["id"], &["repeat"], &["score", "passed"]],
            &["attempt", "pass", "k", "group"],
            "id: item, score: judged, threshold: 0.6, repeat: 5, pass: 4",
        ),
    };
    Keys { needs, may, example }
}

/// Why a task does not take a key of how rows were drawn, and what to do instead.
fn why_not(task: Task, key: &str) -> Option<&'static str> {
    match (task, key) {
        (Task::Text, "weight") => {
            Some("BLEU and its kin are of a whole corpus, where no row has a weight: leave it out")
        }
        (Task::Ranking, "weight") => Some("each query counts one: leave it out, or slice by what makes queries differ"),
        (Task::Repeats, "weight") => Some("each item counts one: leave it out, or slice by what makes items differ"),
        (Task::Forecast, "weight") => Some("weigh errors in a metric of your own: sum(w * abs(y - y_hat)) / sum(w)"),
        (Task::Forecast, "group") => Some("series, or blocks of their rows, are what is drawn already: leave it out"),
        _ => None,
    }
}

impl Reader<'_> {
    /// The keys of the task. `node` is `quality.predictions`.
    pub(super) fn detail(&mut self, node: &Node, task: Task) -> Detail {
        self.keys_of_the_task(node, task);
        let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_string);
        let repeat = integer(node, "repeat", 0) as usize;
        let detail = Detail {
            labels: texts(Some(node), "labels"),
            scores: pairs_of_scalars(node, "scores"),
            k: self.ks(node, if task == Task::Repeats { repeat } else { usize::MAX }),
            bins: integer(node, "bins", 10) as usize,
            query: text("query"),
            relevant: number(node, "relevant", f64::MIN_POSITIVE),
            series: text("series"),
            time: text("time"),
            quantiles: self.quantiles(node),
            naive: text("naive"),
            history: self.path(node, "history"),
            season: integer(node, "season", 1) as usize,
            attempt: text("attempt"),
            passed: text("passed"),
            repeat,
            pass: integer(node, "pass", repeat as u64) as usize,
        };
        self.ranges(node, task, &detail);
        detail
    }

    fn keys_of_the_task(&mut self, node: &Node, task: Task) {
        let Keys { needs, may, example } = keys(task);
        for group in needs.iter().filter(|group| group.iter().all(|key| node.get(key).is_none())) {
            let wanted = group.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" or ");
            let message = format!("task: {} needs {wanted}", task.name());
            self.problems.add(Code::MissingKey, &node.at, message, example);
        }
        let means =
            |key: &str| COMMON.contains(&key) || may.contains(&key) || needs.iter().any(|group| group.contains(&key));
        let every = [Task::Binary, Task::Multiclass, Task::Multilabel, Task::Ranking, Task::Forecast, Task::Repeats];
        let known = |key: &str| {
            let of = |task: &Task| keys(*task);
            every.iter().map(of).any(|keys| keys.may.contains(&key) || keys.needs.iter().any(|g| g.contains(&key)))
        };
        for (key, name) in node.entries().filter_map(|(key, _)| Some((key, key.text()?))) {
            if known(name) && !means(name) {
                let message = format!("`{name}` means nothing to task: {}", task.name());
                let help = why_not(task, name).map_or_else(|| format!("leave it out; {example}"), str::to_string);
                self.problems.add(Code::Conflict, &key.at, message, help);
            }
        }
        for (a, b) in [("score", "scores"), ("naive", "history"), ("score", "passed")] {
            let both = node.get(a).is_some() && node.get(b).is_some();
            // A judge's score beside a verdict of its own is measured, too.
            if let Some(second) = node.get(b).filter(|_| both && b != "passed") {
                self.problems.add(Code::Conflict, &second.at, format!("`{a}` and `{b}` say the same"), "keep one");
            }
        }
        if let (None, Some(season)) = (node.get("history"), node.get("season")) {
            let help = "history: data/train.csv, or leave `season` out";
            self.problems.add(Code::Conflict, &season.at, "`season` is of the naive forecast on a `history`", help);
        }
    }

    fn ranges(&mut self, node: &Node, task: Task, detail: &Detail) {
        let mut refuse = |key: &str, message: &str, help: &str| {
            if let Some(found) = node.get(key) {
                self.problems.add(Code::BadValue, &found.at, message, help);
            }
        };
        let mut sorted = detail.labels.clone();
        sorted.sort();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) || sorted.iter().any(String::is_empty) {
            refuse("labels", "a label is empty or stands here twice", "each label once");
        }
        if node.get("labels").is_some_and(Node::is_list) && detail.labels.is_empty() {
            refuse("labels", "no label, and so nothing to measure", "labels: [a, b]");
        }
        if !(1..=1000).contains(&detail.bins) {
            refuse("bins", "no number of bins", "1 to 1000");
        }
        if !(detail.relevant > 0.0 && detail.relevant.is_finite()) {
            refuse("relevant", "every document would be relevant, or none", "a relevance above 0, such as 1");
        }
        if detail.season == 0 || detail.season > 1_000_000 {
            refuse("season", "no season", "7 for days that go by weeks, 12 for months that go by years");
        }
        if task == Task::Repeats {
            if detail.repeat == 0 || detail.repeat > 100_000 {
                refuse("repeat", "no number of attempts", "repeat: 5");
            } else if !(1..=detail.repeat).contains(&detail.pass) {
                refuse("pass", "of so many attempts no item can pass, or every one does", "from 1 to `repeat`");
            }
        }
        let is_pattern = |key: &str| node.get(key).and_then(Node::text).is_some_and(|text| text.contains('*'));
        if task == Task::Multiclass && node.get("score").is_some() && !is_pattern("score") {
            let help = "score: p_*, where * stands for the class; or scores: {cat: p_cat, dog: p_dog}";
            refuse("score", "one column cannot hold the probability of each class", help);
        }
        for key in ["label", "prediction", "score"] {
            let stars = node.get(key).and_then(Node::text).map_or(0, |text| text.matches('*').count());
            let is_allowed = task == Task::Multilabel || (task == Task::Multiclass && key == "score");
            if stars > 1 || (stars == 1 && is_allowed && node.get(key).and_then(Node::text) == Some("*")) {
                refuse(key, "a pattern has one * and something beside it", "such as y_*");
            }
        }
    }

    fn ks(&mut self, node: &Node, most: usize) -> Vec<usize> {
        let Some(list) = node.get("k") else { return Vec::new() };
        let mut found = Vec::new();
        for item in list.items() {
            match item.value {
                Value::Int(k) if k >= 1 && k as u64 <= most.min(1_000_000) as u64 => found.push(k as usize),
                Value::Int(k) => {
                    let help = if most < usize::MAX { "from 1 to `repeat`" } else { "from 1 to 1,000,000" };
                    self.problems.add(Code::BadValue, &item.at, format!("no metric is @{k}"), help);
                }
                _ => {}
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn quantiles(&mut self, node: &Node) -> Vec<(f64, String)> {
        let mut found: Vec<(f64, String)> = Vec::new();
        for (key, value) in node.get("quantiles").into_iter().flat_map(Node::entries) {
            let level = match &key.value {
                Value::Float(level) => Some(*level),
                Value::Text(text) => text.parse().ok(),
                _ => None,
            };
            match level.filter(|level| *level > 0.0 && *level < 1.0) {
                Some(level) => found.extend(value.text().map(|column| (level, column.to_string()))),
                None => {
                    let message = format!("{} is no level of a quantile", key.found());
                    self.problems.add(Code::BadValue, &key.at, message, "between 0 and 1: {0.1: p10, 0.9: p90}");
                }
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        if let Some(node) = node.get("quantiles").filter(|_| found.windows(2).any(|pair| pair[0].0 == pair[1].0)) {
            self.problems.add(Code::BadValue, &node.at, "a level stands here twice", "each level once");
        }
        if let Some(node) = node.get("quantiles").filter(|node| node.is_map() && node.entries().next().is_none()) {
            self.problems.add(Code::BadValue, &node.at, "no quantile", "quantiles: {0.1: p10, 0.9: p90}");
        }
        found
    }
}
