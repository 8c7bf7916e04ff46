//! Labels of rows: lists, or a column of zeros and ones for each label.

use super::column::{canonical, texts};
use super::faults::Rows;
use super::texts::TextColumn;
use super::{ReadShape, Role, column};
use crate::config::Predictions;
use crate::model::Fault;
use crate::quality::outcomes::{Multilabel, Outcomes};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type};
use std::sync::Arc;

pub fn roles(config: &Predictions) -> Vec<Role<'_>> {
    let named = [("label", Some(&config.label)), ("prediction", config.prediction.as_ref())];
    let named = named.into_iter().chain([("score", config.score.as_ref())]);
    let mut roles = Vec::new();
    for (key, name) in named.filter_map(|(key, name)| Some((key, name?))) {
        match name.contains('*') {
            true => {
                let columns = config.detail.labels.iter().map(|label| name.replace('*', label));
                roles.extend(columns.map(|column| Role::typed(key, column)));
            }
            // Where a format has no lists they are read as their text.
            false => roles.push(Role::text(key, name)),
        }
    }
    roles
}

pub struct Reader<'a> {
    config: &'a Predictions,
    truth: Vec<bool>,
    predicted: Vec<bool>,
    scores: Vec<f64>,
}

impl<'a> Reader<'a> {
    pub fn new(config: &'a Predictions) -> Reader<'a> {
        Reader { config, truth: Vec::new(), predicted: Vec::new(), scores: Vec::new() }
    }

    /// Which labels each row of the batch has, row-major.
    fn flags(&self, name: &str, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<Vec<bool>, Fault> {
        let labels = &self.config.detail.labels;
        let mut flags = vec![false; batch.num_rows() * labels.len()];
        if !name.contains('*') {
            let found = column(batch, name, rows)?;
            let hint = "lists of labels, or JSON arrays of them in CSV and NDJSON";
            let lists = TextColumn::of(&found).map_err(|why| rows.fault(format!("column {name:?}: {why}"), hint))?;
            for row in 0..lists.len() {
                let said = match listed(&lists, row) {
                    Ok(said) => said,
                    Err(why) => {
                        rows.spoil(name, why, row, None);
                        continue;
                    }
                };
                for label in said {
                    match labels.iter().position(|known| **known == label) {
                        Some(place) => flags[row * labels.len() + place] = true,
                        None => rows.spoil(name, "has a label that is not in `labels`", row, Some(&label)),
                    }
                }
            }
            return Ok(flags);
        }
        for (place, label) in labels.iter().enumerate() {
            let name = name.replace('*', label);
            let values = texts(&column(batch, &name, rows)?);
            let values = values.map_err(|why| rows.fault(format!("column {name:?}: {why}"), ""))?;
            for (row, value) in values.iter().enumerate() {
                match value.map(canonical).as_deref() {
                    None => rows.spoil(&name, "is null or NaN", row, None),
                    Some("0") => {}
                    Some("1") => flags[row * labels.len() + place] = true,
                    Some(other) => rows.spoil(&name, "is neither 0 nor 1", row, Some(other)),
                }
            }
        }
        Ok(flags)
    }

    /// The probability of each label, row-major.
    fn take_scores(&self, name: &str, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<Vec<f64>, Fault> {
        let labels = &self.config.detail.labels;
        let mut scores = vec![0.0; batch.num_rows() * labels.len()];
        let mut put = |rows: &mut Rows<'_>, name: &str, row: usize, place: usize, score: f64| {
            if !score.is_nan() && !(0.0..=1.0).contains(&score) {
                rows.spoil(name, "is outside 0 to 1, which no probability is", row, Some(&score.to_string()));
            }
            scores[row * labels.len() + place] = score;
        };
        if !name.contains('*') {
            let found = column(batch, name, rows)?;
            let lists = Lists::of(&found).map_err(|why| rows.fault(format!("column {name:?}: {why}"), ""))?;
            for row in 0..batch.num_rows() {
                match lists.row(row) {
                    Ok(found) if found.len() == labels.len() => {
                        found.iter().enumerate().for_each(|(place, score)| put(rows, name, row, place, *score));
                    }
                    Ok(found) => {
                        let why = "is a list of another length than `labels`";
                        rows.spoil(name, why, row, Some(&found.len().to_string()));
                    }
                    Err(why) => rows.spoil(name, why, row, None),
                }
            }
            return Ok(scores);
        }
        for (place, label) in labels.iter().enumerate() {
            let name = name.replace('*', label);
            let values = rows.numbers(&name, &column(batch, &name, rows)?)?;
            values.iter().enumerate().for_each(|(row, score)| put(rows, &name, row, place, *score));
        }
        Ok(scores)
    }
}

/// The labels of a row: of a list, or of the JSON array that its text is.
fn listed(lists: &TextColumn, row: usize) -> Result<Vec<String>, &'static str> {
    match (lists, lists.row(row)) {
        (TextColumn::Several(..), Ok(said)) => Ok(said.into_iter().map(str::to_string).collect()),
        // No label is a finding, not a fault.
        (TextColumn::Several(..), Err("is a list without a text")) => Ok(Vec::new()),
        (TextColumn::One(_), Ok(text)) => {
            let text = text.concat();
            serde_json::from_str(&text).map_err(|_| "is no JSON array of texts")
        }
        (_, Err(why)) => Err(why),
    }
}

/// A column of lists of numbers, or of JSON arrays of them.
enum Lists {
    Numbers(arrow::array::ListArray),
    Json(arrow::array::StringArray),
}

impl Lists {
    fn of(column: &ArrayRef) -> Result<Lists, String> {
        let refused = || format!("values of type {} are no lists of numbers", column.data_type());
        match column.data_type() {
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
                let wanted = DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)));
                Ok(Lists::Numbers(cast(column, &wanted).map_err(|_| refused())?.as_list::<i32>().clone()))
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
                Ok(Lists::Json(cast(column, &DataType::Utf8).map_err(|_| refused())?.as_string::<i32>().clone()))
            }
            _ => Err(refused()),
        }
    }

    fn row(&self, row: usize) -> Result<Vec<f64>, &'static str> {
        match self {
            Lists::Numbers(lists) if lists.is_null(row) => Err("is null"),
            Lists::Numbers(lists) => {
                let values = lists.value(row);
                let values = values.as_primitive::<Float64Type>();
                let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
                values.iter().map(finite).collect::<Option<_>>().ok_or("holds a null, NaN or infinity")
            }
            Lists::Json(texts) if texts.is_null(row) => Err("is null"),
            Lists::Json(texts) => serde_json::from_str(texts.value(row)).map_err(|_| "is no JSON array of numbers"),
        }
    }
}

impl ReadShape for Reader<'_> {
    fn take(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        let truth = self.flags(&self.config.label, batch, rows)?;
        self.truth.extend(truth);
        if let Some(name) = &self.config.score {
            let scores = self.take_scores(name, batch, rows)?;
            self.scores.extend(scores);
        }
        if let Some(name) = &self.config.prediction {
            let predicted = self.flags(name, batch, rows)?;
            self.predicted.extend(predicted);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Rows<'_>) -> Result<Outcomes, Fault> {
        let predicted = match self.config.prediction {
            Some(_) => self.predicted,
            None => self.scores.iter().map(|score| *score >= self.config.threshold).collect(),
        };
        let scores = self.config.score.is_some().then_some(self.scores);
        let labels = self.config.detail.labels.clone();
        Ok(Outcomes::Multilabel(Multilabel { labels, truth: self.truth, predicted, scores }))
    }
}
