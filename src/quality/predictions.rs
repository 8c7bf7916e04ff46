//! A predictions file → labels, predictions, scores, ids and slices, or every fault of it at once.

use super::column::{canonical, epsilon, numbers, texts};
use super::outcomes::{NO_SLICE, Outcomes, Predicted, Scores, SliceColumn};
use super::texts::{TextColumn, Texts};
use crate::config::{Format, Predictions, Task};
use crate::data::table::{Reading, Table, missing_column};
use crate::model::Fault;
use arrow::array::{Array, ArrayRef, RecordBatch};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// More distinct values than this are no classes and no slices.
const MOST_VALUES: usize = 10_000;
/// Rows named in a message.
const EXAMPLES: usize = 5;

/// Reads the predictions in `table`, as `config` names its columns. A baseline's file may lack slice columns.
///
/// # Errors
/// Every fault found: missing columns, no rows, values that are not there or make no sense, ids that repeat.
pub fn read(table: &Table, config: &Predictions, source: &str, slices_may_lack: bool) -> Result<Predicted, Vec<Fault>> {
    let mut reader = Reader::new(table, config, source, slices_may_lack)?;
    let batches = table.batches_as(&reader.columns()).map_err(|fault| vec![fault])?;
    for batch in batches {
        reader.take(&batch.map_err(|fault| vec![fault])?)?;
    }
    reader.finish()
}

/// Distinct texts, numbered as they come.
#[derive(Default)]
struct Names {
    codes: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    /// None when there are too many.
    fn code(&mut self, name: &str) -> Option<u32> {
        if let Some(&code) = self.codes.get(name) {
            return Some(code);
        }
        if self.names.len() >= MOST_VALUES {
            return None;
        }
        let code = self.names.len() as u32;
        self.codes.insert(name.to_string(), code);
        self.names.push(name.to_string());
        Some(code)
    }
}

/// Rows with one and the same fault: how many, and the first few.
#[derive(Default)]
struct Spoilt {
    count: u64,
    first: Vec<String>,
}

impl Spoilt {
    fn add(&mut self, row: u64, found: Option<&str>) {
        self.count += 1;
        if self.first.len() < EXAMPLES {
            self.first.push(match found {
                Some(found) => format!("{row} ({})", found.chars().take(40).collect::<String>()),
                None => row.to_string(),
            });
        }
    }
}

struct Reader<'a> {
    config: &'a Predictions,
    source: &'a str,
    columns: Vec<String>,
    without: Vec<String>,
    rows: u64,
    classes: Names,
    truth: Vec<u32>,
    predicted: Vec<u32>,
    truth_values: Vec<f64>,
    predicted_values: Vec<f64>,
    scores: Vec<f64>,
    epsilon: f64,
    texts: Texts,
    format: Format,
    ids: Vec<u128>,
    slices: Vec<(Names, Vec<u32>)>,
    /// By column and fault, in the order of columns.
    spoilt: Vec<(String, &'static str, Spoilt)>,
}

impl<'a> Reader<'a> {
    fn new(table: &Table, config: &'a Predictions, source: &'a str, slices_may_lack: bool) -> Result<Self, Vec<Fault>> {
        let schema = table.schema();
        let has = |name: &str| schema.index_of(name).is_ok();
        let (slices, without): (Vec<_>, Vec<_>) =
            config.slices.iter().cloned().partition(|name| !slices_may_lack || has(name));
        let wanted = [("label", Some(&config.label)), ("score", config.score.as_ref())]
            .into_iter()
            .chain([("prediction", config.prediction.as_ref()), ("id", config.id.as_ref())])
            .filter_map(|(role, name)| name.map(|name| (role, name)))
            .chain(slices.iter().map(|name| ("slices", name)));
        let mut columns: Vec<String> = Vec::new();
        let mut faults = Vec::new();
        for (role, name) in wanted {
            if !has(name) {
                let why = format!("no column {name:?}, which quality.predictions names as `{role}`");
                faults.push(Fault::new(format!("read {source}"), why, missing_column(&schema, name)));
            } else if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        if config.prediction.is_none() && (config.task != Task::Binary || config.score.is_none()) {
            let (why, hint) = match config.task {
                Task::Binary => ("neither `score` nor `prediction` is named", "name the column with the scores"),
                _ => ("no `prediction` is named", "name the column with the predicted values"),
            };
            faults.push(Fault::new(format!("read {source}"), why, hint));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let of_score = config.score.as_ref().and_then(|name| schema.field_with_name(name).ok());
        Ok(Reader {
            config,
            source,
            columns,
            without,
            rows: 0,
            classes: Names::default(),
            truth: Vec::new(),
            predicted: Vec::new(),
            truth_values: Vec::new(),
            predicted_values: Vec::new(),
            scores: Vec::new(),
            epsilon: of_score.map_or(f64::EPSILON, |field| epsilon(field.data_type())),
            texts: Texts::default(),
            format: table.format(),
            ids: Vec::new(),
            slices: slices.iter().map(|_| Default::default()).collect(),
            spoilt: Vec::new(),
        })
    }

    /// The columns to read: texts as they are written, whatever else they could be.
    fn columns(&self) -> Vec<(String, Reading)> {
        let texts = [Some(&self.config.label), self.config.prediction.as_ref()];
        let is_text = |name| self.config.task == Task::Text && texts.contains(&Some(name));
        let reading = |name| if is_text(name) { Reading::Text } else { Reading::Typed };
        self.columns.iter().map(|name| (name.clone(), reading(name))).collect()
    }

    fn fault(&self, why: impl std::fmt::Display, hint: impl Into<String>) -> Fault {
        Fault::new(format!("read {}", self.source), why, hint)
    }

    fn spoil(&mut self, column: &str, what: &'static str, row: usize, found: Option<&str>) {
        let row = self.rows + row as u64 + 1;
        let place = self.spoilt.iter().position(|(c, w, _)| c == column && *w == what);
        let place = place.unwrap_or_else(|| {
            self.spoilt.push((column.to_string(), what, Spoilt::default()));
            self.spoilt.len() - 1
        });
        self.spoilt[place].2.add(row, found);
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<(), Vec<Fault>> {
        let config = self.config;
        let column = |name: &str| batch.column_by_name(name).cloned();
        let one = |fault: Fault| vec![fault];
        if config.task == Task::Text {
            let prediction = config.prediction.as_ref().and_then(|name| Some((name, column(name)?)));
            if let (Some(references), Some((name, predictions))) = (column(&config.label), prediction) {
                self.take_texts((&config.label, &references), (name, &predictions)).map_err(one)?;
            }
        } else if config.task == Task::Regression {
            for (name, is_truth) in [(Some(&config.label), true), (config.prediction.as_ref(), false)] {
                let Some((name, found)) = name.and_then(|name| Some((name, column(name)?))) else { continue };
                let values = self.numbers(name, &found).map_err(one)?;
                if is_truth { self.truth_values.extend(values) } else { self.predicted_values.extend(values) }
            }
        } else {
            for (name, is_truth) in [(Some(&config.label), true), (config.prediction.as_ref(), false)] {
                let Some((name, found)) = name.and_then(|name| Some((name, column(name)?))) else { continue };
                let codes = self.class_codes(name, &found).map_err(one)?;
                if is_truth { self.truth.extend(codes) } else { self.predicted.extend(codes) }
            }
        }
        if config.task == Task::Binary
            && let Some((name, found)) = config.score.as_ref().and_then(|name| Some((name, column(name)?)))
        {
            let values = self.numbers(name, &found).map_err(one)?;
            for (row, value) in values.iter().enumerate() {
                if !value.is_nan() && !(0.0..=1.0).contains(value) {
                    self.spoil(name, "is outside 0 to 1, which no probability is", row, Some(&value.to_string()));
                }
            }
            self.scores.extend(values);
        }
        if let Some((name, found)) = config.id.as_ref().and_then(|name| Some((name, column(name)?))) {
            self.take_ids(name, &found).map_err(one)?;
        }
        let slices = config.slices.iter().filter(|name| !self.without.contains(name)).collect::<Vec<_>>();
        for (place, name) in slices.into_iter().enumerate() {
            if let Some(found) = column(name) {
                self.take_slice(place, name, &found).map_err(one)?;
            }
        }
        self.rows += batch.num_rows() as u64;
        // Rows are numbered in 32 bits.
        if self.rows > u64::from(u32::MAX) {
            return Err(vec![self.fault("it has more than 4,294,967,295 rows", "measure a sample of them")]);
        }
        Ok(())
    }

    fn numbers(&mut self, name: &str, column: &ArrayRef) -> Result<Vec<f64>, Fault> {
        let (values, lost) = numbers(column).map_err(|why| self.fault(format!("column {name:?}: {why}"), ""))?;
        let shown = if lost.is_empty() { None } else { texts(column).ok() };
        for row in 0..values.len() {
            if lost.binary_search(&row).is_ok() {
                let found = shown.as_ref().filter(|shown| shown.is_valid(row)).map(|shown| shown.value(row));
                self.spoil(name, "is no number", row, found);
            } else if values.is_null(row) {
                self.spoil(name, "is null or NaN", row, None);
            } else if values.value(row).is_infinite() {
                self.spoil(name, "is infinite", row, None);
            }
        }
        Ok(values.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    }

    fn class_codes(&mut self, name: &str, column: &ArrayRef) -> Result<Vec<u32>, Fault> {
        let values = texts(column).map_err(|why| self.fault(format!("column {name:?}: {why}"), ""))?;
        let mut codes = Vec::with_capacity(values.len());
        for row in 0..values.len() {
            if values.is_null(row) {
                self.spoil(name, "is null or NaN", row, None);
                codes.push(0);
                continue;
            }
            let Some(code) = self.classes.code(&canonical(values.value(row))) else {
                let why = format!("column {name:?} has more than {MOST_VALUES} distinct values, too many for classes");
                return Err(self.fault(why, "is this a task: regression?"));
            };
            codes.push(code);
        }
        Ok(codes)
    }

    fn take_texts(&mut self, label: (&str, &ArrayRef), prediction: (&str, &ArrayRef)) -> Result<(), Fault> {
        let read = |(name, column): (&str, &ArrayRef)| {
            let hint = "write texts as text, and several references of a row as a list of texts";
            TextColumn::of(column).map_err(|why| self.fault(format!("column {name:?}: {why}"), hint))
        };
        let (references, predictions) = (read(label)?, read(prediction)?);
        if let TextColumn::Several(..) = predictions {
            return Err(self.fault(format!("column {:?} holds lists", prediction.0), "a row has one prediction"));
        }
        for (is_label, row, why) in self.texts.take(&references, &predictions) {
            let name = if is_label { label.0 } else { prediction.0 };
            let why = if self.format == Format::Csv { "is empty, which in CSV is null," } else { why };
            self.spoil(name, why, row, None);
        }
        Ok(())
    }

    fn take_ids(&mut self, name: &str, column: &ArrayRef) -> Result<(), Fault> {
        let values = texts(column).map_err(|why| self.fault(format!("column {name:?}: {why}"), ""))?;
        for row in 0..values.len() {
            if values.is_null(row) {
                self.spoil(name, "is null or NaN", row, None);
            }
            let text = if values.is_null(row) { "" } else { values.value(row) };
            let digest = Sha256::digest(canonical(text).as_bytes());
            let short = digest.iter().take(16).fold(0, |id: u128, byte| (id << 8) | u128::from(*byte));
            self.ids.push(short);
        }
        Ok(())
    }

    fn take_slice(&mut self, place: usize, name: &str, column: &ArrayRef) -> Result<(), Fault> {
        let values = texts(column).map_err(|why| self.fault(format!("column {name:?}: {why}"), ""))?;
        let Some((names, codes)) = self.slices.get_mut(place) else { return Ok(()) };
        for value in values.iter() {
            let code = value.map_or(Some(NO_SLICE), |value| names.code(value));
            let Some(code) = code else {
                let why = format!("column {name:?} has more than {MOST_VALUES} distinct values, too many for slices");
                return Err(self.fault(why, "take it out of quality.predictions.slices, or group its values"));
            };
            codes.push(code);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Predicted, Vec<Fault>> {
        if self.rows == 0 {
            return Err(vec![self.fault("it has no rows", "nothing can be measured on no predictions")]);
        }
        let mut faults: Vec<Fault> = Vec::new();
        for (column, what, spoilt) in &self.spoilt {
            let rows = if spoilt.count == 1 { "row" } else { "rows" };
            let more = if spoilt.count > spoilt.first.len() as u64 { ", …" } else { "" };
            let (count, first) = (spoilt.count, spoilt.first.join(", "));
            let why = format!("column {column:?} {what} in {count} of {} rows: {rows} {first}{more}", self.rows);
            faults.push(self.fault(why, "fix or leave out these rows where the predictions are written"));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let ids = self.config.id.is_some().then(|| std::mem::take(&mut self.ids));
        if let Some(fault) = ids.as_ref().and_then(|ids| self.repeated(ids)) {
            faults.push(fault);
        }
        let slices = std::mem::take(&mut self.slices);
        let with = self.config.slices.iter().filter(|name| !self.without.contains(name));
        let slices = with.zip(slices).map(|(column, (names, codes))| SliceColumn {
            column: column.clone(),
            values: names.names,
            codes,
        });
        let slices = slices.collect();
        let (source, without) = (self.source.to_string(), std::mem::take(&mut self.without));
        match self.outcomes() {
            Ok(outcomes) if faults.is_empty() => Ok(Predicted { source, outcomes, ids, slices, without }),
            Ok(_) => Err(faults),
            Err(fault) => {
                faults.push(fault);
                Err(faults)
            }
        }
    }

    fn repeated(&self, ids: &[u128]) -> Option<Fault> {
        let mut order: Vec<(u128, usize)> = ids.iter().copied().zip(1..).collect();
        order.sort_unstable();
        let mut again: Vec<(usize, usize)> =
            order.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| (pair[0].1, pair[1].1)).collect();
        again.sort_unstable();
        let (first, second) = *again.first()?;
        let column = self.config.id.as_deref().unwrap_or_default();
        let why = format!(
            "{} ids in column {column:?} repeat an earlier row's: row {second} that of row {first}",
            again.len()
        );
        Some(self.fault(why, "an id must name one row, or candidate and baseline cannot be joined"))
    }

    fn outcomes(mut self) -> Result<Outcomes, Fault> {
        let values = std::mem::take(&mut self.scores);
        let scores = (!values.is_empty()).then_some(Scores { values, epsilon: self.epsilon });
        match self.config.task {
            Task::Text if self.format == Format::Ndjson && self.texts.are_arrays() => {
                let why =
                    format!("every value of column {:?} is a JSON array, which is read as its text", self.config.label);
                Err(self.fault(why, "write several references of a row as a list of texts in Parquet or Arrow"))
            }
            Task::Text => Ok(self.texts.outcomes()),
            Task::Regression => Ok(Outcomes::Values { truth: self.truth_values, predicted: self.predicted_values }),
            Task::Multiclass => Ok(Outcomes::Classes {
                classes: self.classes.names,
                truth: self.truth,
                predicted: self.predicted,
                scores: None,
            }),
            Task::Binary => {
                let (positive, classes) = self.binary_classes()?;
                let sides = |codes: &[u32]| codes.iter().map(|code| u32::from(Some(*code) == positive)).collect();
                let predicted = match (&self.config.prediction, &scores) {
                    (None, Some(scores)) => {
                        scores.values.iter().map(|score| u32::from(*score >= self.config.threshold)).collect()
                    }
                    _ => sides(&self.predicted),
                };
                Ok(Outcomes::Classes { truth: sides(&self.truth), predicted, classes, scores })
            }
        }
    }

    /// The code of the positive class, if it occurs, and the names of the negative and the positive class.
    fn binary_classes(&self) -> Result<(Option<u32>, Vec<String>), Fault> {
        let found = &self.classes.names;
        let listed = || found.iter().take(8).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        if found.len() > 2 {
            let why = format!("a binary task has two classes, but {} were found: {}", found.len(), listed());
            return Err(self.fault(why, "set task: multiclass, or check the label and prediction columns"));
        }
        let wanted = self.config.positive.as_deref().unwrap_or("1");
        let positive = self.classes.codes.get(canonical(wanted).as_ref()).copied();
        let other = found.iter().find(|name| **name != canonical(wanted)).map_or("0", String::as_str);
        let guessed = self.config.positive.is_none() && positive.is_none() && !found.iter().all(|name| name == "0");
        if guessed || (positive.is_none() && found.len() == 2) {
            let why = format!("the positive class {wanted:?} is not among the classes found: {}", listed());
            return Err(self.fault(why, "set quality.predictions.positive to the class that counts as positive"));
        }
        Ok((positive, vec![other.to_string(), wanted.to_string()]))
    }
}
