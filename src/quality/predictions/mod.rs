//! A predictions file → outcomes, ids, slices, weights and groups, or every fault of it at once.
//!
//! What the rows say is read by one [`ReadShape`] for each shape of outcomes; the rest is common to all tasks.

mod classes;
mod column;
mod custom;
mod faults;
mod forecasts;
mod history;
mod ids;
mod multilabel;
mod names;
mod ranked;
mod repeated;
mod slices;
mod texts;
mod values;
mod weights;

use super::found;
use super::outcomes::{Outcomes, Predicted, Sampling};
use crate::config::{FindSlices, Predictions, SliceBy, Task};
use crate::data::table::{Reading, Table, missing_column};
use crate::model::Fault;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Schema;
use faults::Rows;
use std::borrow::Cow;

/// A column that the config names: its key there, its name, and how its values are read.
struct Role<'a> {
    key: &'static str,
    column: Cow<'a, str>,
    reading: Reading,
}

impl<'a> Role<'a> {
    fn typed(key: &'static str, column: impl Into<Cow<'a, str>>) -> Role<'a> {
        Role { key, column: column.into(), reading: Reading::Typed }
    }

    fn text(key: &'static str, column: impl Into<Cow<'a, str>>) -> Role<'a> {
        Role { key, column: column.into(), reading: Reading::Text }
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
        Task::Binary | Task::Multiclass => {
            let reader = classes::Reader::new(config, table);
            (reader.roles(), Box::new(reader))
        }
        Task::Multilabel => (multilabel::roles(config), Box::new(multilabel::Reader::new(config))),
        Task::Ranking => (ranked::roles(config), Box::new(ranked::Reader::new(config))),
        Task::Forecast => (forecasts::roles(config), Box::new(forecasts::Reader::new(config))),
        Task::Repeats => (repeated::roles(config), Box::new(repeated::Reader::new(config))),
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
    let joins = joins(config);
    let mut ids = (!joins.is_empty()).then(|| ids::Ids::new(joins.iter().map(|(_, column)| *column).collect()));
    let mut groups = config.group.as_deref().map(|column| ids::Ids::new(vec![column]));
    let mut strata = config.strata.as_deref().map(|column| ids::Ids::new(vec![column]));
    let mut weights = config.weight.as_deref().map(weights::Weights::new);
    let mut slices = slices::Slices::new(&config.slices, &schema, slices_may_lack);
    // A baseline's slices are the candidate's.
    let find = config.find_slices.as_ref().filter(|_| !slices_may_lack);
    let further = find.map(|find| further(find, config)).unwrap_or_default();
    let mut searched = slices::Slices::searched(&further, &schema);
    let columns =
        columns(roles.into_iter().chain(common(config, &slices)).chain(searched.roles()), &schema, config, source)?;
    let mut custom = custom::Reader::new(config);
    let mut rows = Rows::new(source);
    for batch in table.batches_coded(&columns).map_err(|fault| vec![fault])? {
        let batch = batch.map_err(|fault| vec![fault])?;
        let mut take = || {
            shape.take(&batch, &mut rows)?;
            for ids in ids.iter_mut().chain(&mut groups).chain(&mut strata) {
                ids.take(&batch, &mut rows)?;
            }
            if let Some(weights) = &mut weights {
                weights.take(&batch, &mut rows)?;
            }
            slices.take(&batch, &mut rows)?;
            searched.take(&batch, &mut rows)?;
            custom.take(&batch, &mut rows)?;
            rows.pass(batch.num_rows())
        };
        take().map_err(|fault| vec![fault])?;
    }
    rows.finish()?;
    let (mut slices, without) = slices.finish();
    let (mut searched, _) = searched.finish();
    let mut faults = Vec::new();
    let ids = match ids {
        Some(ids) if matches!(config.task, Task::Ranking | Task::Repeats) => {
            let units = ids.units();
            for column in slices.iter_mut().chain(&mut searched) {
                faults.extend(units.gather(column, config.task, &rows).err());
            }
            let names = units.ids.clone();
            rows.units = units;
            Some(names)
        }
        Some(ids) => {
            faults.extend(ids.repeated(&rows));
            Some(ids.finish())
        }
        None => None,
    };
    // Of queries and items it is these that are drawn together.
    let groups = groups.map(ids::Ids::groups).and_then(|groups| {
        if rows.units.ids.is_empty() {
            return Some(groups);
        }
        let named = ("group", config.group.as_deref().unwrap_or_default());
        rows.units.shared(&groups, named, config.task, &rows).map_err(|fault| faults.push(fault)).ok()
    });
    let strata = strata.map(ids::Ids::groups);
    if let (Some(groups), Some(strata)) = (&groups, &strata) {
        faults.extend(ids::across(groups, strata, &rows));
    }
    let weights = weights.and_then(|weights| match weights.finish(&rows) {
        Ok(weights) => Some(weights),
        Err(fault) => {
            faults.push(fault);
            None
        }
    });
    let (outcomes, custom) = match shape.finish(&rows) {
        Ok(outcomes) => {
            let custom = custom.finish(&outcomes, &rows).unwrap_or_else(|found| {
                faults.extend(found);
                Vec::new()
            });
            (Some(outcomes), custom)
        }
        Err(fault) => {
            faults.push(fault);
            (None, Vec::new())
        }
    };
    match outcomes {
        Some(outcomes) if faults.is_empty() => {
            let sampling = Sampling { weights, groups, strata };
            let all = || slices.iter().chain(&searched);
            let found = find.map(|find| found::search(find, config.task, all(), &outcomes, &sampling));
            let found = found
                .transpose()
                .map_err(|all| all.into_iter().map(|(why, hint)| rows.fault(why, hint)).collect::<Vec<_>>())?;
            Ok(Predicted { source: source.to_string(), outcomes, sampling, ids, slices, without, found, custom })
        }
        _ => Err(faults),
    }
}

/// The columns to search that are no slices.
fn further(find: &FindSlices, config: &Predictions) -> Vec<SliceBy> {
    let is_slice = |name: &&String| config.slices.iter().any(|slice| slice.name() == name.as_str());
    find.columns.iter().filter(|name| !is_slice(name)).cloned().map(SliceBy::Column).collect()
}

/// The keys and columns that name a row, in both candidate and baseline; of queries and items, those that name them.
fn joins(config: &Predictions) -> Vec<(&'static str, &str)> {
    let detail = &config.detail;
    match config.task {
        Task::Ranking => detail.query.iter().map(|column| ("query", column.as_str())).collect(),
        // A series has one value at a time.
        Task::Forecast if config.id.is_none() && detail.time.is_some() => {
            let series = detail.series.iter().map(|column| ("series", column.as_str()));
            series.chain(detail.time.iter().map(|column| ("time", column.as_str()))).collect()
        }
        _ => config.id.iter().map(|column| ("id", column.as_str())).collect(),
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
    let sampled = [("weight", &config.weight), ("group", &config.group), ("strata", &config.strata)];
    let sampled = sampled.into_iter().filter_map(|(key, column)| Some((key, column.as_deref()?)));
    let named = joins(config).into_iter().chain(sampled).map(|(key, column)| Role::typed(key, column));
    named.chain(slices.roles()).chain(custom::roles(config))
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
        if schema.index_of(&column).is_err() {
            let why = format!("no column {column:?}, which quality.predictions names as `{key}`");
            faults.push(Fault::new(format!("read {source}"), why, missing_column(schema, &column)));
        } else if columns.iter().all(|(name, _)| *name != column) {
            columns.push((column.into_owned(), reading));
        }
    }
    let is_scored = config.score.is_some() || !config.detail.scores.is_empty();
    let lacks_prediction = config.prediction.is_none()
        && match config.task {
            Task::Regression | Task::Text => true,
            Task::Binary | Task::Multiclass | Task::Multilabel => !is_scored,
            Task::Ranking | Task::Forecast | Task::Repeats => false,
        };
    if lacks_prediction {
        let (why, hint) = match config.task {
            Task::Regression | Task::Text => ("no `prediction` is named", "name the column with the predicted values"),
            _ => ("neither `score` nor `prediction` is named", "name the column with the scores"),
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
