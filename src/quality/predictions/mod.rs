//! A predictions file → outcomes, ids, slices, weights and groups, or every fault of it at once.
//!
//! What the rows say is read by one [`ReadShape`] for each shape of outcomes; the rest is common to all tasks.

mod classes;
mod column;
mod faults;
mod ids;
mod names;
mod slices;
mod texts;
mod values;
mod weights;

use super::outcomes::{Outcomes, Predicted, Sampling};
use crate::config::{Predictions, Task};
use crate::data::table::{Reading, Table, missing_column};
use crate::model::Fault;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Schema;
use faults::Rows;

/// A column that the config names: its key there, its name, and how its values are read.
struct Role<'a> {
    key: &'static str,
    column: &'a str,
    reading: Reading,
}

impl<'a> Role<'a> {
    fn typed(key: &'static str, column: &'a str) -> Role<'a> {
        Role { key, column, reading: Reading::Typed }
    }

    fn text(key: &'static str, column: &'a str) -> Role<'a> {
        Role { key, column, reading: Reading::Text }
    }
}

/// Reads the columns that say what was true and what was predicted.
trait ReadShape {
    /// Takes the rows of a batch. Rows with a fault are told to `rows`.
    ///
    /// # Errors
    /// Where reading on makes no sense, such as a column of a type that cannot be read.
    fn take(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault>;

    /// All rows. Only called when no row has a fault.
    ///
    /// # Errors
    /// What only shows in all rows together.
    fn finish(self: Box<Self>, rows: &Rows<'_>) -> Result<Outcomes, Fault>;
}

/// The columns of the task, and what reads them.
fn shape<'a>(config: &'a Predictions, table: &Table) -> (Vec<Role<'a>>, Box<dyn ReadShape + 'a>) {
    match config.task {
        Task::Binary | Task::Multiclass => (classes::roles(config), Box::new(classes::Reader::new(config, table))),
        Task::Regression => (values::roles(config), Box::new(values::Reader::new(config))),
        Task::Text => (texts::roles(config), Box::new(texts::Reader::new(config, table.format()))),
    }
}

/// Reads the predictions in `table`, as `config` names its columns. A baseline's file may lack slice columns.
///
/// # Errors
/// Every fault found: missing columns, no rows, values that are not there or make no sense, ids that repeat.
pub fn read(table: &Table, config: &Predictions, source: &str, slices_may_lack: bool) -> Result<Predicted, Vec<Fault>> {
    let schema = table.schema();
    let (roles, mut shape) = shape(config, table);
    let mut ids = config.id.as_deref().map(ids::Ids::new);
    let mut groups = config.group.as_deref().map(ids::Ids::new);
    let mut weights = config.weight.as_deref().map(weights::Weights::new);
    let mut slices = slices::Slices::new(&config.slices, &schema, slices_may_lack);
    let columns = columns(roles.into_iter().chain(common(config, &slices)), &schema, config, source)?;
    let mut rows = Rows::new(source);
    for batch in table.batches_coded(&columns).map_err(|fault| vec![fault])? {
        let batch = batch.map_err(|fault| vec![fault])?;
        let mut take = || {
            shape.take(&batch, &mut rows)?;
            for ids in ids.iter_mut().chain(&mut groups) {
                ids.take(&batch, &mut rows)?;
            }
            if let Some(weights) = &mut weights {
                weights.take(&batch, &mut rows)?;
            }
            slices.take(&batch, &mut rows)?;
            rows.pass(batch.num_rows())
        };
        take().map_err(|fault| vec![fault])?;
    }
    rows.finish()?;
    let repeated = ids.as_ref().and_then(|ids| ids.repeated(&rows));
    let (slices, without) = slices.finish();
    let weights = weights.map(|weights| weights.finish(&rows)).transpose();
    match (shape.finish(&rows), weights, repeated) {
        (Ok(outcomes), Ok(weights), None) => Ok(Predicted {
            source: source.to_string(),
            outcomes,
            sampling: Sampling { weights, groups: groups.map(ids::Ids::groups) },
            ids: ids.map(ids::Ids::finish),
            slices,
            without,
        }),
        (outcomes, weights, repeated) => Err(repeated.into_iter().chain(weights.err()).chain(outcomes.err()).collect()),
    }
}

/// The columns that [`read`] reads, each once, and how.
///
/// # Errors
/// Every column that is not there.
pub fn columns_of(table: &Table, config: &Predictions, source: &str) -> Result<Vec<(String, Reading)>, Vec<Fault>> {
    let schema = table.schema();
    let slices = slices::Slices::new(&config.slices, &schema, false);
    columns(shape(config, table).0.into_iter().chain(common(config, &slices)), &schema, config, source)
}

/// Columns that every task may have.
fn common<'a>(config: &'a Predictions, slices: &slices::Slices<'a>) -> impl Iterator<Item = Role<'a>> {
    let named = [("id", &config.id), ("weight", &config.weight), ("group", &config.group)];
    let named = named.into_iter().filter_map(|(key, column)| Some(Role::typed(key, column.as_deref()?)));
    named.chain(slices.roles())
}

/// The columns to read, each once, as the first that needs it reads it.
fn columns<'a>(
    roles: impl Iterator<Item = Role<'a>>,
    schema: &Schema,
    config: &Predictions,
    source: &str,
) -> Result<Vec<(String, Reading)>, Vec<Fault>> {
    let mut columns: Vec<(String, Reading)> = Vec::new();
    let mut faults = Vec::new();
    for Role { key, column, reading } in roles {
        if schema.index_of(column).is_err() {
            let why = format!("no column {column:?}, which quality.predictions names as `{key}`");
            faults.push(Fault::new(format!("read {source}"), why, missing_column(schema, column)));
        } else if columns.iter().all(|(name, _)| name != column) {
            columns.push((column.to_string(), reading));
        }
    }
    if config.prediction.is_none() && (config.task != Task::Binary || config.score.is_none()) {
        let (why, hint) = match config.task {
            Task::Binary => ("neither `score` nor `prediction` is named", "name the column with the scores"),
            _ => ("no `prediction` is named", "name the column with the predicted values"),
        };
        faults.push(Fault::new(format!("read {source}"), why, hint));
    }
    if faults.is_empty() { Ok(columns) } else { Err(faults) }
}

/// A column of the batch by its name, which [`columns`] has found in the schema.
fn column(batch: &RecordBatch, name: &str, rows: &Rows<'_>) -> Result<ArrayRef, Fault> {
    let found = batch.column_by_name(name).cloned();
    found.ok_or_else(|| rows.fault(format!("no column {name:?} in a part of it"), "all parts need the same columns"))
}
