//! What metrics of one's own read of every row.

use super::faults::Rows;
use super::{Role, column};
use crate::config::{Predictions, Task};
use crate::data::numbers_of_rows;
use crate::model::Fault;
use crate::quality::custom::Custom;
use crate::quality::outcomes::Outcomes;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use std::sync::Arc;

/// Rows named in a message.
const EXAMPLES: usize = 5;
/// What a binary task tells of a row: whether it is a true positive and so on, as 0 or 1.
const COUNTS: [(&str, bool, bool); 4] =
    [("tp", true, true), ("fp", false, true), ("fn", true, false), ("tn", false, false)];

/// The columns of the file that the metrics name, each once.
fn columns(config: &Predictions) -> Vec<&str> {
    let is_count = |name: &str| config.task == Task::Binary && COUNTS.iter().any(|(count, ..)| *count == name);
    let mut names: Vec<&str> = config.custom.iter().flat_map(|metric| metric.expr.columns()).collect();
    names.retain(|name| !is_count(name));
    names.sort_unstable();
    names.dedup();
    names
}

pub fn roles(config: &Predictions) -> impl Iterator<Item = Role<'_>> {
    columns(config).into_iter().map(|name| Role::typed("custom", name))
}

pub struct Reader<'a> {
    config: &'a Predictions,
    columns: Vec<&'a str>,
    batches: Vec<RecordBatch>,
}

impl<'a> Reader<'a> {
    pub fn new(config: &'a Predictions) -> Reader<'a> {
        Reader { config, columns: columns(config), batches: Vec::new() }
    }

    pub fn take(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        if self.config.custom.is_empty() {
            return Ok(());
        }
        let found = self.columns.iter().map(|name| column(batch, name, rows)).collect::<Result<Vec<_>, _>>()?;
        self.batches.push(table(&self.columns, found, batch.num_rows()).map_err(|why| rows.fault(why, ""))?);
        Ok(())
    }

    /// Each metric with its expressions' values. `outcomes` are those of the same rows.
    ///
    /// # Errors
    /// An expression that does not fit the columns, divides by zero, or has no finite value on some row.
    pub fn finish(self, outcomes: &Outcomes, rows: &Rows<'_>) -> Result<Vec<Custom>, Vec<Fault>> {
        let Some(first) = self.batches.first() else { return Ok(Vec::new()) };
        let all = concat_batches(&first.schema(), &self.batches);
        let all = all.map_err(|why| vec![rows.fault(why, "parts of a file need the same types")])?;
        let (mut names, mut arrays) = (self.columns.clone(), all.columns().to_vec());
        if let Outcomes::Classes(classes) = outcomes
            && classes.binary
        {
            for (name, truth, predicted) in COUNTS {
                let pairs = classes.truth.iter().zip(&classes.predicted);
                let is = |(t, p): (&u32, &u32)| i64::from((*t == 1) == truth && (*p == 1) == predicted);
                names.push(name);
                arrays.push(Arc::new(pairs.map(is).collect::<Int64Array>()));
            }
        }
        let all = table(&names, arrays, outcomes.len()).map_err(|why| vec![rows.fault(why, "")])?;
        let (mut found, mut faults) = (Vec::new(), Vec::new());
        for metric in &self.config.custom {
            let of = |expr| numbers_of_rows(expr, &all).and_then(finite);
            match metric.expr.rows().into_iter().map(of).collect() {
                Ok(values) => found.push(Custom { metric: metric.clone(), values }),
                Err(why) => {
                    let why = format!("the metric {:?} cannot be computed: {why}", metric.name);
                    faults.push(rows.fault(why, format!("quality.custom has it as {:?}", metric.text)));
                }
            }
        }
        if faults.is_empty() { Ok(found) } else { Err(faults) }
    }
}

fn table(names: &[&str], arrays: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, String> {
    let field = |(name, array): (&&str, &ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let fields: Vec<Field> = names.iter().zip(&arrays).map(field).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).map_err(|e| e.to_string())
}

fn finite(values: Vec<Option<f64>>) -> Result<Vec<f64>, String> {
    let none = |(_, value): &(usize, &Option<f64>)| !value.is_some_and(f64::is_finite);
    let spoilt: Vec<String> = values.iter().enumerate().filter(none).map(|(row, _)| (row + 1).to_string()).collect();
    if spoilt.is_empty() {
        return Ok(values.into_iter().flatten().collect());
    }
    let (noun, more) =
        (if spoilt.len() == 1 { "row" } else { "rows" }, if spoilt.len() > EXAMPLES { ", …" } else { "" });
    let shown = spoilt.iter().take(EXAMPLES).cloned().collect::<Vec<_>>().join(", ");
    Err(format!("it is null or no finite number in {} of {} rows: {noun} {shown}{more}", spoilt.len(), values.len()))
}
