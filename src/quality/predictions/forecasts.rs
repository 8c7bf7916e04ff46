//! Numbers and quantiles forecast, a time of a series a row.

use super::column::{canonical, texts};
use super::faults::Rows;
use super::history::{History, order_of};
use super::{ReadShape, Role, column};
use crate::config::Predictions;
use crate::model::Fault;
use crate::quality::outcomes::{Forecasts, Outcomes};
use arrow::array::{Array, ArrayRef, RecordBatch};
use std::collections::HashMap;

pub fn roles(config: &Predictions) -> Vec<Role<'_>> {
    let detail = &config.detail;
    let named = [("prediction", &config.prediction), ("series", &detail.series), ("time", &detail.time)];
    let named = named.into_iter().chain([("naive", &detail.naive)]);
    let quantiles = detail.quantiles.iter().map(|(_, column)| Role::typed("quantiles", column));
    let others = named.filter_map(|(key, column)| Some(Role::typed(key, column.as_deref()?)));
    [Role::typed("label", &config.label)].into_iter().chain(others).chain(quantiles).collect()
}

pub struct Reader<'a> {
    config: &'a Predictions,
    truth: Vec<f64>,
    predicted: Vec<f64>,
    quantiles: Vec<(f64, Vec<f64>)>,
    naive: Vec<f64>,
    names: HashMap<String, u32>,
    series: Vec<u32>,
    times: Vec<ArrayRef>,
}

impl<'a> Reader<'a> {
    pub fn new(config: &'a Predictions) -> Reader<'a> {
        Reader {
            config,
            truth: Vec::new(),
            predicted: Vec::new(),
            quantiles: config.detail.quantiles.iter().map(|(level, _)| (*level, Vec::new())).collect(),
            naive: Vec::new(),
            names: HashMap::new(),
            series: Vec::new(),
            times: Vec::new(),
        }
    }

    fn take_series(&mut self, name: &str, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        let values = texts(&column(batch, name, rows)?);
        let values = values.map_err(|why| rows.fault(format!("column {name:?}: {why}"), ""))?;
        for (row, value) in values.iter().enumerate() {
            if value.is_none() {
                rows.spoil(name, "is null or NaN", row, None);
            }
            let next = self.names.len() as u32;
            let code = self.names.entry(canonical(value.unwrap_or_default()).into_owned()).or_insert(next);
            self.series.push(*code);
        }
        Ok(())
    }

    /// The naive error of each row, from its series' history.
    fn scaled_by(&self, history: &History, rows: &Rows<'_>) -> Result<Vec<f64>, Fault> {
        let mut errors = vec![None; self.names.len().max(1)];
        let mut lacking = Vec::new();
        if self.names.is_empty() {
            errors[0] = history.error("");
        }
        for (name, code) in &self.names {
            let found = history.error(name);
            if found.is_none() {
                lacking.push(name.as_str());
            }
            if let Some(error) = errors.get_mut(*code as usize) {
                *error = found;
            }
        }
        if lacking.is_empty() && errors.iter().all(Option::is_some) {
            return Ok(self.series.iter().filter_map(|code| errors.get(*code as usize).copied().flatten()).collect());
        }
        lacking.sort_unstable();
        let shown = lacking.iter().take(5).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        let more = if lacking.len() > 5 { ", …" } else { "" };
        let why = match lacking.is_empty() {
            true => "the history is no longer than a season".to_string(),
            false => format!("the history of {} series is no longer than a season: {shown}{more}", lacking.len()),
        };
        Err(rows.fault(why, "mase needs more than `season` rows of each series in `history`"))
    }
}

impl ReadShape for Reader<'_> {
    fn take(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        let (config, detail) = (self.config, &self.config.detail);
        self.truth.extend(rows.numbers(&config.label, &column(batch, &config.label, rows)?)?);
        if let Some(name) = &config.prediction {
            self.predicted.extend(rows.numbers(name, &column(batch, name, rows)?)?);
        }
        for ((_, values), (_, name)) in self.quantiles.iter_mut().zip(&detail.quantiles) {
            values.extend(rows.numbers(name, &column(batch, name, rows)?)?);
        }
        if let Some(name) = &detail.naive {
            let errors = rows.numbers(name, &column(batch, name, rows)?)?;
            for (row, error) in errors.iter().enumerate().filter(|(_, error)| **error < 0.0) {
                rows.spoil(name, "is below 0, which no mean absolute error is", row, Some(&error.to_string()));
            }
            self.naive.extend(errors);
        }
        match &detail.series {
            Some(name) => self.take_series(name, batch, rows)?,
            None => self.series.extend(std::iter::repeat_n(0, batch.num_rows())),
        }
        if let Some(name) = &detail.time {
            let times = column(batch, name, rows)?;
            for row in (0..times.len()).filter(|row| times.is_null(*row)) {
                rows.spoil(name, "is null", row, None);
            }
            self.times.push(times);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, rows: &Rows<'_>) -> Result<Outcomes, Fault> {
        let detail = &self.config.detail;
        let order = match detail.time.is_some() {
            true => order_of(&self.times).map_err(|why| rows.fault(why, "a time is a number, a date or a time"))?,
            false => (0..self.truth.len() as u32).collect(),
        };
        let naive = match (&detail.naive, &detail.history) {
            (Some(_), _) => Some(self.naive.clone()),
            (None, Some(file)) => Some(self.scaled_by(&History::read(file, self.config)?, rows)?),
            (None, None) => None,
        };
        let median = self.quantiles.iter().find(|(level, _)| *level == 0.5).map(|(_, values)| values.clone());
        let predicted = match (&self.config.prediction, median) {
            (Some(_), _) => self.predicted,
            (None, Some(median)) => median,
            (None, None) => {
                let why = "no `prediction` and no quantile 0.5 is named";
                return Err(rows.fault(why, "name the column with the forecast, or quantiles: {0.5: …}"));
            }
        };
        let (truth, quantiles, series) = (self.truth, self.quantiles, self.series);
        Ok(Outcomes::Forecasts(Forecasts { truth, predicted, quantiles, naive, series, order }))
    }
}
