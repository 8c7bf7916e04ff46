//! What came before a forecast: how well the naive forecast did in each series.

use super::column::{canonical, numbers, texts};
use crate::config::Predictions;
use crate::data::table::{Reading, Table, missing_column};
use crate::model::Fault;
use crate::stats::forecast::naive_error;
use arrow::array::{Array, ArrayRef};
use arrow::compute::{concat, sort_to_indices};
use std::collections::HashMap;
use std::path::Path;

pub struct History {
    /// By series, in the order of time; of "" where there is one series only.
    values: HashMap<String, Vec<f64>>,
    season: usize,
}

impl History {
    /// Reads the columns that the predictions have for label, series and time.
    ///
    /// # Errors
    /// When the file or a column is not there, or a value is no finite number.
    pub fn read(file: &Path, config: &Predictions) -> Result<History, Fault> {
        let shown = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        let folder = file.parent().unwrap_or(Path::new("."));
        let table = Table::open(folder, &shown, None)?;
        let schema = table.schema();
        let fault = |why: String, hint: String| Fault::new(format!("read the history {shown}"), why, hint);
        let detail = &config.detail;
        let columns = [Some(&config.label), detail.series.as_ref(), detail.time.as_ref()];
        let mut wanted: Vec<(String, Reading)> = Vec::new();
        for name in columns.into_iter().flatten() {
            if schema.index_of(name).is_err() {
                return Err(fault(format!("no column {name:?}"), missing_column(&schema, name)));
            }
            wanted.push((name.clone(), Reading::Typed));
        }
        let (mut found, mut series, mut times) = (Vec::new(), Vec::new(), Vec::new());
        for batch in table.batches_as(&wanted)? {
            let batch = batch?;
            let column = |name: &str| batch.column_by_name(name).cloned();
            if let Some(values) = column(&config.label) {
                let values = numbers(&values).map_err(|why| fault(why, String::new()))?;
                found.extend(values.iter().map(|value| value.unwrap_or(f64::NAN)));
            }
            if let Some(names) = detail.series.as_deref().and_then(column) {
                let names = texts(&names).map_err(|why| fault(why, String::new()))?;
                series.extend(names.iter().map(|name| canonical(name.unwrap_or_default()).into_owned()));
            }
            times.extend(detail.time.as_deref().and_then(column));
        }
        if let Some(row) = found.iter().position(|value| !value.is_finite()) {
            let why = format!("column {:?} holds no finite number in row {}", config.label, row + 1);
            return Err(fault(why, "fix or leave out such rows".to_string()));
        }
        if times.iter().any(|times| times.null_count() > 0) {
            let why = "a time is null".to_string();
            return Err(fault(why, "fix or leave out such rows".to_string()));
        }
        let order = match times.is_empty() {
            true => (0..found.len() as u32).collect(),
            false => order_of(&times).map_err(|why| fault(why, String::new()))?,
        };
        let mut rows: Vec<usize> = (0..found.len()).collect();
        rows.sort_by_key(|row| order.get(*row));
        let mut values: HashMap<String, Vec<f64>> = HashMap::new();
        for row in rows {
            values.entry(series.get(row).cloned().unwrap_or_default()).or_default().push(found[row]);
        }
        Ok(History { values, season: detail.season })
    }

    /// The naive forecast's mean absolute error in a series. None where it is not there or too short.
    pub fn error(&self, series: &str) -> Option<f64> {
        naive_error(self.values.get(series)?, self.season)
    }
}

/// Each row's place in the order of its time; rows of one time stay in the order of the file.
///
/// # Errors
/// When the values have no order, or parts of the file have different types.
pub fn order_of(times: &[ArrayRef]) -> Result<Vec<u32>, String> {
    let parts: Vec<&dyn Array> = times.iter().map(|part| part.as_ref()).collect();
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let all = concat(&parts).map_err(|error| format!("times cannot be put together: {error}"))?;
    let sorted = sort_to_indices(&all, None, None).map_err(|error| format!("times cannot be ordered: {error}"))?;
    // The sort is not stable: equal times get one rank, and the order of the file decides below.
    let mut order = vec![0; all.len()];
    let mut rank = 0;
    let compare = arrow::array::make_comparator(&all, &all, Default::default()).map_err(|error| error.to_string())?;
    let places: Vec<usize> = sorted.values().iter().map(|place| *place as usize).collect();
    for (at, place) in places.iter().enumerate() {
        if at > 0 && compare(places[at - 1], *place) != std::cmp::Ordering::Equal {
            rank = at as u32;
        }
        if let Some(found) = order.get_mut(*place) {
            *found = rank;
        }
    }
    Ok(order)
}
