//! `quality.predictions.find_slices`: where to look for the worst slices.

use super::{Reader, integer};
use crate::config::node::{Node, Value};
use crate::config::problem::{Code, suggest};
use crate::config::{FindSlices, KnownMetric, Predictions};

/// More of the worst than this are no longer the worst.
const MOST_KEPT: u64 = 100;

impl Reader<'_> {
    /// `node` is `predictions`; `taken` are the metrics that they give.
    pub(super) fn find_slices(
        &mut self,
        node: &Node,
        predictions: &Predictions,
        taken: &[KnownMetric],
    ) -> Option<FindSlices> {
        let node = node.get("find_slices").filter(|node| node.is_map())?;
        let metric = self.searched_metric(node.get("metric")?, taken);
        let columns = self.searched_columns(node, predictions);
        let max_columns = self.count_of(node, "max_columns", 2, 1..=3);
        let min_rows = self.count_of(node, "min_rows", 200, 1..=u64::from(u32::MAX));
        let keep = self.count_of(node, "keep", 5, 1..=MOST_KEPT);
        Some(FindSlices {
            metric: metric?,
            columns: columns?,
            max_columns: usize::try_from(max_columns?).ok()?,
            min_rows: min_rows?,
            keep: usize::try_from(keep?).ok()?,
        })
    }

    fn searched_metric(&mut self, node: &Node, taken: &[KnownMetric]) -> Option<String> {
        let name = node.text()?;
        // `f1(cat)` is one of `f1(*)`, whose classes only the predictions know.
        let general = name.split_once('(').map(|(of, _)| format!("{of}(*)"));
        let known = taken
            .iter()
            .find(|metric| metric.id == name || metric.aliases.contains(&name) || Some(&metric.id) == general.as_ref());
        let Some(known) = known else {
            let names: Vec<&str> = taken.iter().map(|metric| metric.id.as_str()).collect();
            let message = format!("`{name}` is no metric of these predictions");
            self.problems.add(Code::UnknownMeasurement, &node.at, message, suggest(name, &names));
            return None;
        };
        Some(if general.is_some() { name.to_string() } else { known.id.clone() })
    }

    fn searched_columns(&mut self, node: &Node, predictions: &Predictions) -> Option<Vec<String>> {
        let columns: Vec<String> = match node.get("columns") {
            Some(list) => list.items().iter().filter_map(Node::text).map(str::to_string).collect(),
            None => predictions.slices.iter().map(|slice| slice.name().to_string()).collect(),
        };
        let at = node.get("columns").map_or(&node.at, |list| &list.at);
        if columns.is_empty() {
            let message = "`find_slices` has no columns to search";
            self.problems.add(Code::MissingKey, at, message, "columns: [country, plan], or `slices` in `predictions`");
            return None;
        }
        let again = (1..columns.len()).find(|place| columns[..*place].contains(&columns[*place]));
        if let Some(again) = again.and_then(|place| columns.get(place)) {
            self.problems.add(Code::Conflict, at, format!("`{again}` is named twice"), "keep one");
            return None;
        }
        Some(columns)
    }

    /// Of the wrong type it is reported already.
    fn count_of(
        &mut self,
        owner: &Node,
        key: &str,
        unless_said: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        let found = owner.get(key);
        let value = match found.map(|node| (&node.value, node)) {
            Some((Value::Int(value), _)) if *value < 0 => 0,
            _ => integer(owner, key, unless_said),
        };
        if let Some(node) = found.filter(|_| !range.contains(&value)) {
            let message = format!("`{key}` is out of range: {}", node.found());
            self.problems.add(Code::BadValue, &node.at, message, format!("{} to {}", range.start(), range.end()));
            return None;
        }
        Some(value)
    }
}
