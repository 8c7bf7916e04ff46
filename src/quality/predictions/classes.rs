//! Classes predicted for classes, with scores where the task is binary.

use super::column::{canonical, epsilon};
use super::faults::Rows;
use super::names::{MOST_VALUES, NO_CODE, Names, Unfit};
use super::{ReadShape, Role, column};
use crate::config::{Predictions, Task};
use crate::data::table::Table;
use crate::model::Fault;
use crate::quality::outcomes::{Classes, Outcomes, Scores};
use arrow::array::{ArrayRef, RecordBatch};

pub fn roles(config: &Predictions) -> Vec<Role<'_>> {
    let label = [Role::typed("label", &config.label)].into_iter();
    let score = config.score.iter().map(|column| Role::typed("score", column));
    label.chain(score).chain(config.prediction.iter().map(|column| Role::typed("prediction", column))).collect()
}

pub struct Reader<'a> {
    config: &'a Predictions,
    classes: Names,
    truth: Vec<u32>,
    predicted: Vec<u32>,
    scores: Vec<f64>,
    epsilon: f64,
}

impl<'a> Reader<'a> {
    pub fn new(config: &'a Predictions, table: &Table) -> Reader<'a> {
        let schema = table.schema();
        let of_score = config.score.as_ref().and_then(|name| schema.field_with_name(name).ok());
        Reader {
            config,
            classes: Names::of_classes(),
            truth: Vec::new(),
            predicted: Vec::new(),
            scores: Vec::new(),
            epsilon: of_score.map_or(f64::EPSILON, |field| epsilon(field.data_type())),
        }
    }

    fn take_scores(&mut self, name: &str, found: &ArrayRef, rows: &mut Rows<'_>) -> Result<(), Fault> {
        let values = rows.numbers(name, found)?;
        if !values.iter().all(|value| (0.0..=1.0).contains(value)) {
            let is_outside = |(_, value): &(usize, &f64)| value.is_finite() && !(0.0..=1.0).contains(*value);
            for (row, value) in values.iter().enumerate().filter(is_outside) {
                rows.spoil(name, "is outside 0 to 1, which no probability is", row, Some(&value.to_string()));
            }
        }
        self.scores.extend(values);
        Ok(())
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
        match &config.score {
            Some(name) if config.task == Task::Binary => self.take_scores(name, &column(batch, name, rows)?, rows),
            _ => Ok(()),
        }
    }

    fn finish(self: Box<Self>, rows: &Rows<'_>) -> Result<Outcomes, Fault> {
        if self.config.task == Task::Multiclass {
            let (classes, truth, predicted) = (self.classes.names, self.truth, self.predicted);
            return Ok(Outcomes::Classes(Classes { classes, binary: false, truth, predicted, scores: None }));
        }
        let (positive, classes) = self.binary_classes(rows)?;
        let sides = |codes: &[u32]| codes.iter().map(|code| u32::from(Some(*code) == positive)).collect();
        let threshold = self.config.threshold;
        let predicted = match &self.config.prediction {
            None => self.scores.iter().map(|score| u32::from(*score >= threshold)).collect(),
            Some(_) => sides(&self.predicted),
        };
        let truth = sides(&self.truth);
        let scores = (!self.scores.is_empty()).then_some(Scores { values: self.scores, epsilon: self.epsilon });
        Ok(Outcomes::Classes(Classes { classes, binary: true, truth, predicted, scores }))
    }
}
