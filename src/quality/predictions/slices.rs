//! The columns by which rows are measured apart.

use super::Role;
use super::column::texts;
use super::faults::Rows;
use super::names::{MOST_VALUES, Names};
use crate::config::SliceBy;
use crate::model::Fault;
use crate::quality::outcomes::{NO_SLICE, SliceColumn};
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

pub struct Slices<'a> {
    columns: Vec<(&'a str, Names, Vec<u32>)>,
    /// Those that the file lacks, where it may.
    without: Vec<String>,
}

impl<'a> Slices<'a> {
    pub fn new(slices: &'a [SliceBy], schema: &Schema, may_lack: bool) -> Slices<'a> {
        let names = slices.iter().map(SliceBy::name);
        let (with, without): (Vec<_>, Vec<_>) = names.partition(|name| !may_lack || schema.index_of(name).is_ok());
        Slices {
            columns: with.into_iter().map(|name| (name, Names::default(), Vec::new())).collect(),
            without: without.into_iter().map(str::to_string).collect(),
        }
    }

    pub fn roles(&self) -> impl Iterator<Item = Role<'a>> {
        self.columns.iter().map(|(name, ..)| Role::typed("slices", name)).collect::<Vec<_>>().into_iter()
    }

    pub fn take(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        for (name, names, codes) in &mut self.columns {
            let found = super::column(batch, name, rows)?;
            let values = texts(&found).map_err(|why| rows.fault(format!("column {name:?}: {why}"), ""))?;
            for value in values.iter() {
                let code = value.map_or(Some(NO_SLICE), |value| names.code(value));
                let Some(code) = code else {
                    let why =
                        format!("column {name:?} has more than {MOST_VALUES} distinct values, too many for slices");
                    return Err(rows.fault(why, "take it out of quality.predictions.slices, or group its values"));
                };
                codes.push(code);
            }
        }
        Ok(())
    }

    /// The slices, and the columns that the file lacks.
    pub fn finish(self) -> (Vec<SliceColumn>, Vec<String>) {
        let of = |(column, names, codes): (&str, Names, _)| SliceColumn {
            column: column.to_string(),
            values: names.names,
            codes,
        };
        (self.columns.into_iter().map(of).collect(), self.without)
    }
}
