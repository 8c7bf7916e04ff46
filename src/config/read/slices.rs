//! `quality.predictions.slices`: what rows are measured apart by.

use super::Reader;
use crate::config::SliceBy;
use crate::config::node::{Node, Value};
use crate::config::problem::Code;
use crate::model::FOUND;

/// More bins than this leave too few rows in each to say anything.
const MOST_BINS: i64 = 100;

impl Reader<'_> {
    pub(super) fn slices(&mut self, node: &Node) -> Vec<SliceBy> {
        let Some(list) = node.get("slices") else { return Vec::new() };
        let mut slices: Vec<SliceBy> = Vec::new();
        for item in list.items() {
            let Some(slice) = self.slice(item) else { continue };
            if slice.name() == FOUND {
                let message = format!("`{FOUND}` is what gates call the slices that `find_slices` finds");
                let help = "rename the column, or slice by {name: …, where: …}";
                self.problems.add(Code::Conflict, &item.at, message, help);
                continue;
            }
            if slices.iter().any(|other| other.name() == slice.name()) {
                let message = format!("two slices are named `{}`", slice.name());
                self.problems.add(Code::Conflict, &item.at, message, "gates could not tell them apart: keep one");
                continue;
            }
            slices.push(slice);
        }
        slices
    }

    fn slice(&mut self, item: &Node) -> Option<SliceBy> {
        if let Some(column) = item.text() {
            return Some(SliceBy::Column(column.to_string()));
        }
        let text = |key: &str| item.get(key).and_then(Node::text).map(str::to_string);
        let pairs = [["column", "bins"], ["name", "where"]].map(|keys| keys.map(|key| item.get(key).is_some()));
        match pairs {
            [[true, true], [false, false]] => self.bins(text("column")?, item.get("bins")?),
            [[false, false], [true, true]] => self.condition_slice(text("name")?, item.get("where")?),
            _ if !item.is_map() => None,
            _ => {
                let message = "a slice is a column, a column with its bins, or a name with its condition";
                let help = "segment, {column: age, bins: [18, 30]} or {name: new, where: tenure < 90}";
                self.problems.add(Code::BadValue, &item.at, message, help);
                None
            }
        }
    }

    fn bins(&mut self, column: String, node: &Node) -> Option<SliceBy> {
        let number = |node: &Node| match node.value {
            Value::Int(number) => Some(number as f64),
            Value::Float(number) => Some(number),
            _ => None,
        };
        match &node.value {
            Value::Int(2..=MOST_BINS) => {}
            Value::Int(_) => {
                let help = format!("2 to {MOST_BINS} bins, or their edges: [18, 30, 50]");
                self.problems.add(Code::BadValue, &node.at, "so many bins make no slices", help);
                return None;
            }
            _ => {
                let edges: Vec<f64> = node.items().iter().filter_map(number).collect();
                let rise = edges.iter().all(|edge| edge.is_finite()) && edges.is_sorted_by(|a, b| a < b);
                if edges.len() < node.items().len() {
                    return None;
                }
                if edges.is_empty() || edges.len() as i64 > MOST_BINS || !rise {
                    let message = "the edges of bins rise from one to the next";
                    self.problems.add(Code::BadValue, &node.at, message, "such as [18, 30, 50]");
                    return None;
                }
                return Some(SliceBy::Bins { column, edges });
            }
        }
        let Value::Int(bins) = node.value else { return None };
        Some(SliceBy::Quantiles { column, bins: usize::try_from(bins).ok()? })
    }

    fn condition_slice(&mut self, name: String, node: &Node) -> Option<SliceBy> {
        if name.contains(['[', ']', '=']) {
            let help = "letters, digits and spaces, so that a gate can name it: f1[new in DE]";
            self.problems.add(Code::BadValue, &node.at, format!("`{name}` is no name for a slice"), help);
        }
        let condition = self.condition(node)?;
        if condition.columns().is_empty() || condition.reads_the_clock() {
            let message = "a slice is a condition on columns of the row alone";
            self.problems.add(Code::BadValue, &node.at, message, "such as country = 'DE' and tenure < 90");
            return None;
        }
        Some(SliceBy::Where { name, condition })
    }
}
