//! Classes predicted for classes, with scores where the task is binary.

use super::column::{canonical, epsilon};
use super::faults::Rows;
use super::names::{MOST_VALUES, NO_CODE, Names, Unfit};
use super::{ReadShape, Role, column};
use crate::config::{Predictions, Task};
use crate::data::table::Table;
use crate::model::Fault;
use crate::quality::outcomes::{Classes, Outcomes, Scores, Shared};
use crate::stats::probabilities::most_probable;
use arrow::array::{ArrayRef, RecordBatch};

pub struct Reader<'a> {
    config: &'a Predictions,
    classes: Names,
    truth: Vec<u32>,
    predicted: Vec<u32>,
    /// The columns with probabilities: of the positive class, or of each class in the order of `classes`.
    columns: Vec<String>,
    scores: Vec<f64>,
    epsilon: f64,
}

/// How far the probabilities of a row may sum from 1: as far as 32 bits and four digits written down may bring them.
const NEAR_ONE: f64 = 1e-3;

impl<'a> Reader<'a> {
    pub fn new(config: &'a Predictions, table: &Table) -> Reader<'a> {
        let schema = table.schema();
        let mut classes = Names::of_classes();
        let columns = match config.task {
            Task::Multiclass => {
                let found = scored(config, schema.fields().iter().map(|field| field.name().as_str()));
                for (class, _) in &found {
                    // Too many are told when the rows are read.
                    let _ = classes.code(class);
                }
                found.into_iter().map(|(_, column)| column).collect()
            }
            _ => config.score.iter().cloned().collect::<Vec<_>>(),
        };
        let types = columns.iter().filter_map(|name| schema.field_with_name(name).ok());
        let epsilon = types.map(|field| epsilon(field.data_type())).fold(f64::EPSILON, f64::max);
        let (truth, predicted, scores) = (Vec::new(), Vec::new(), Vec::new());
        Reader { config, classes, truth, predicted, columns, scores, epsilon }
    }

    pub fn roles(&self) -> Vec<Role<'a>> {
        let config = self.config;
        let key = if config.detail.scores.is_empty() { "score" } else { "scores" };
        let label = [Role::typed("label", &config.label)].into_iter();
        let prediction = config.prediction.iter().map(|column| Role::typed("prediction", column));
        // A pattern that no column fits is told as a column that is not there.
        let lacking = config.score.iter().filter(|_| self.columns.is_empty()).map(|name| Role::typed(key, name));
        let scores = self.columns.iter().map(|column| Role::typed(key, column.clone()));
        label.chain(scores).chain(lacking).chain(prediction).collect()
    }

    fn take_scores(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        let width = self.columns.len();
        let mut scores = vec![0.0; batch.num_rows() * width];
        for (place, name) in self.columns.iter().enumerate() {
            let values = rows.numbers(name, &column(batch, name, rows)?)?;
            for (row, value) in values.iter().enumerate() {
                if !value.is_nan() && !(0.0..=1.0).contains(value) {
                    rows.spoil(name, "is outside 0 to 1, which no probability is", row, Some(&value.to_string()));
                }
                scores[row * width + place] = *value;
            }
        }
        if self.config.task == Task::Multiclass {
            for (row, of_row) in scores.chunks(width.max(1)).enumerate() {
                let sum: f64 = of_row.iter().sum();
                if (sum - 1.0).abs() > NEAR_ONE {
                    let why = "and the other probabilities do not sum to 1";
                    rows.spoil(&self.columns[0], why, row, Some(&sum.to_string()));
                }
            }
        }
        self.scores.extend(scores);
        Ok(())
    }

    /// The classes as they are numbered, with probabilities where there are any.
    fn multiclass(mut self, rows: &Rows<'_>) -> Result<Outcomes, Fault> {
        let width = self.columns.len();
        if let Some(row) = self.truth.iter().position(|class| width > 0 && *class as usize >= width) {
            let class = self.classes.names.get(self.truth[row] as usize).map_or("", String::as_str);
            let why =
                format!("row {} is of the class {class:?}, of which there is no column of probabilities", row + 1);
            return Err(rows.fault(why, "name a column for each class of the labels"));
        }
        if self.config.prediction.is_none() {
            self.predicted = self.scores.chunks(width.max(1)).map(most_probable).collect();
        }
        let scores = (width > 0).then_some(Scores { values: self.scores, width, epsilon: self.epsilon });
        let (classes, truth, predicted) = (self.classes.names, self.truth, self.predicted);
        let (ks, bins) = (self.config.detail.k.clone(), self.config.detail.bins);
        Ok(Outcomes::Classes(Classes {
            classes,
            binary: false,
            truth,
            predicted,
            scores,
            ks,
            bins,
            shared: Shared::default(),
        }))
    }

    /// The code of the positive class, if it occurs, and the names of the negative and the positive class.
    fn binary_classes(&self, rows: &Rows<'_>) -> Result<(Option<u32>, Vec<String>), Fault> {
        let found = &self.classes.names;
        let listed = || found.iter().take(8).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        if found.len() > 2 {
            let why = format!("a binary task has two classes, but {} were found: {}", found.len(), listed());
            return Err(rows.fault(why, "set task: multiclass, or check the label and prediction columns"));
        }
        let wanted = self.config.positive.as_deref().unwrap_or("1");
        let positive = self.classes.find(canonical(wanted).as_ref());
        let other = found.iter().find(|name| **name != canonical(wanted)).map_or("0", String::as_str);
        let guessed = self.config.positive.is_none() && positive.is_none() && !found.iter().all(|name| name == "0");
        if guessed || (positive.is_none() && found.len() == 2) {
            let why = format!("the positive class {wanted:?} is not among the classes found: {}", listed());
            return Err(rows.fault(why, "set quality.predictions.positive to the class that counts as positive"));
        }
        Ok((positive, vec![other.to_string(), wanted.to_string()]))
    }
}

/// Classes with their columns of probabilities, in the order of scikit-learn: numbers as numbers, else by name.
fn scored<'c>(config: &Predictions, columns: impl Iterator<Item = &'c str>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = match &config.score {
        Some(pattern) => {
            let (before, after) = pattern.split_once('*').unwrap_or((pattern, ""));
            let class =
                |name: &'c str| name.strip_prefix(before)?.strip_suffix(after).filter(|class| !class.is_empty());
            let others = [Some(&config.label), config.prediction.as_ref(), config.id.as_ref()];
            let columns = columns.filter(|name| !others.iter().flatten().any(|other| *other == name));
            columns.filter_map(|name| Some((canonical(class(name)?).into_owned(), name.to_string()))).collect()
        }
        None => {
            let scores = config.detail.scores.iter();
            scores.map(|(class, column)| (canonical(class).into_owned(), column.clone())).collect()
        }
    };
    let number = |class: &str| class.parse::<f64>().ok().filter(|number| number.is_finite());
    let are_numbers = found.iter().all(|(class, _)| number(class).is_some());
    found.sort_by(|a, b| match (number(&a.0), number(&b.0)) {
        (Some(a), Some(b)) if are_numbers => a.total_cmp(&b),
        _ => a.0.cmp(&b.0),
    });
    found.dedup_by(|a, b| a.0 == b.0);
    found
}

fn codes(names: &mut Names, name: &str, found: &ArrayRef, rows: &mut Rows<'_>) -> Result<Vec<u32>, Fault> {
    let mut codes = names.codes(found).map_err(|why| match why {
        Unfit::Type(why) => rows.fault(format!("column {name:?}: {why}"), ""),
        Unfit::TooMany => {
            let why = format!("column {name:?} has more than {MOST_VALUES} distinct values, too many for classes");
            rows.fault(why, "is this a task: regression?")
        }
    })?;
    for (row, code) in codes.iter_mut().enumerate().filter(|(_, code)| **code == NO_CODE) {
        rows.spoil(name, "is null or NaN", row, None);
        *code = 0;
    }
    Ok(codes)
}

impl ReadShape for Reader<'_> {
    fn take(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        let config = self.config;
        let label = &config.label;
        self.truth.extend(codes(&mut self.classes, label, &column(batch, label, rows)?, rows)?);
        if let Some(name) = &config.prediction {
            self.predicted.extend(codes(&mut self.classes, name, &column(batch, name, rows)?, rows)?);
        }
        match self.columns.is_empty() {
            true => Ok(()),
            false => self.take_scores(batch, rows),
        }
    }

    fn finish(self: Box<Self>, rows: &Rows<'_>) -> Result<Outcomes, Fault> {
        if self.config.task == Task::Multiclass {
            return self.multiclass(rows);
        }
        let (positive, classes) = self.binary_classes(rows)?;
        let sides = |codes: &[u32]| codes.iter().map(|code| u32::from(Some(*code) == positive)).collect();
        let threshold = self.config.threshold;
        let predicted = match &self.config.prediction {
            None => self.scores.iter().map(|score| u32::from(*score >= threshold)).collect(),
            Some(_) => sides(&self.predicted),
        };
        let truth = sides(&self.truth);
        let scores =
            (!self.scores.is_empty()).then_some(Scores { values: self.scores, width: 1, epsilon: self.epsilon });
        let (ks, bins) = (Vec::new(), self.config.detail.bins);
        Ok(Outcomes::Classes(Classes {
            classes,
            binary: true,
            truth,
            predicted,
            scores,
            ks,
            bins,
            shared: Shared::default(),
        }))
    }
}
