//! Columns that name rows, or groups of rows.

use super::column::{canonical, texts};
use super::faults::Rows;
use crate::config::Task;
use crate::model::Fault;
use crate::quality::join::{Index, id_of_number, id_of_text, id_of_texts, numbered};
use crate::quality::outcomes::SliceColumn;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use std::collections::HashMap;

pub struct Ids<'a> {
    columns: Vec<&'a str>,
    ids: Vec<u128>,
}

/// Rows by what they belong to, such as documents by their query: numbered in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Units {
    pub of_rows: Vec<u32>,
    pub ids: Vec<u128>,
}

impl Units {
    /// Makes a slice of a column of rows one of units.
    ///
    /// # Errors
    /// When rows of a unit are in different slices.
    pub fn gather(&self, column: &mut SliceColumn, task: Task, rows: &Rows<'_>) -> Result<(), Fault> {
        column.codes = self.shared(&column.codes, ("slices", &column.column), task, rows)?;
        Ok(())
    }

    /// The number that all rows of a unit have in a column that `key` names.
    ///
    /// # Errors
    /// When rows of a unit have different numbers.
    pub fn shared(
        &self,
        numbers: &[u32],
        (key, column): (&str, &str),
        task: Task,
        rows: &Rows<'_>,
    ) -> Result<Vec<u32>, Fault> {
        let mut codes: Vec<Option<u32>> = vec![None; self.ids.len()];
        let (mut differing, mut first) = (0, None);
        for (row, (unit, code)) in self.of_rows.iter().zip(numbers).enumerate() {
            let Some(known) = codes.get_mut(*unit as usize) else { continue };
            if *known.get_or_insert(*code) != *code {
                differing += 1;
                first.get_or_insert(row + 1);
            }
        }
        if let Some(first) = first {
            let of = if task == Task::Ranking { "query" } else { "item" };
            let why = format!(
                "column {column:?} of `{key}` has another value than an earlier row of the same {of} in {differing} \
                 rows, the first of them row {first}"
            );
            return Err(rows.fault(why, format!("name what a whole {of} has in common")));
        }
        Ok(codes.into_iter().map(|code| code.unwrap_or(crate::quality::outcomes::NO_SLICE)).collect())
    }
}

/// A group whose rows are in more than one stratum: then it was drawn from neither.
pub fn across(groups: &[u32], strata: &[u32], rows: &Rows<'_>) -> Option<Fault> {
    let mut first: HashMap<u32, (u32, usize)> = HashMap::new();
    let differs = |(row, (group, stratum)): (usize, (&u32, &u32))| {
        let (known, before) = *first.entry(*group).or_insert((*stratum, row));
        (known != *stratum).then_some((before, row))
    };
    let (before, row) = groups.iter().zip(strata).enumerate().find_map(differs)?;
    let why = format!("rows {} and {} are of one group, but of different strata", before + 1, row + 1);
    Some(rows.fault(why, "a group is drawn as a whole from one stratum: check `group` and `strata`"))
}

/// The texts of a column that names rows, each null told.
fn named(name: &str, found: &ArrayRef, rows: &mut Rows<'_>) -> Result<StringArray, Fault> {
    let values = texts(found).map_err(|why| rows.fault(format!("column {name:?}: {why}"), ""))?;
    for row in (0..values.len()).filter(|row| values.is_null(*row)) {
        rows.spoil(name, "is null or NaN", row, None);
    }
    Ok(values)
}

impl<'a> Ids<'a> {
    /// By one column, or by several together.
    pub fn new(columns: Vec<&'a str>) -> Ids<'a> {
        Ids { columns, ids: Vec::new() }
    }

    pub fn take(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        if let [name] = self.columns[..] {
            let found = super::column(batch, name, rows)?;
            let is_whole = found.data_type().is_integer() && *found.data_type() != DataType::UInt64;
            if let Ok(numbers) = cast(&found, &DataType::Int64)
                && is_whole
                && numbers.null_count() == 0
            {
                let numbers = numbers.as_primitive::<Int64Type>().values();
                self.ids.extend(numbers.iter().map(|number| id_of_number(*number)));
                return Ok(());
            }
            let values = named(name, &found, rows)?;
            self.ids.extend(values.iter().map(|text| id_of_text(&canonical(text.unwrap_or_default()))));
            return Ok(());
        }
        let mut parts = Vec::new();
        for name in &self.columns {
            parts.push(named(name, &super::column(batch, name, rows)?, rows)?);
        }
        for row in 0..batch.num_rows() {
            let of_row = parts.iter().map(|part| if part.is_null(row) { "" } else { part.value(row) });
            self.ids.push(id_of_texts(of_row.map(canonical)));
        }
        Ok(())
    }

    /// The rows by their ids, which many of them share.
    pub fn units(self) -> Units {
        let mut numbers: HashMap<u128, u32> = HashMap::new();
        let mut units = Units::default();
        for id in self.ids {
            let next = units.ids.len() as u32;
            let number = *numbers.entry(id).or_insert(next);
            if number == next {
                units.ids.push(id);
            }
            units.of_rows.push(number);
        }
        units
    }

    pub fn finish(self) -> Vec<u128> {
        self.ids
    }

    /// Each row's group, by number.
    pub fn groups(self) -> Vec<u32> {
        numbered(&self.ids)
    }

    pub fn repeated(&self, rows: &Rows<'_>) -> Option<Fault> {
        if self.ids.is_sorted_by(|a, b| a < b) {
            return None;
        }
        let again = Index::of(&self.ids).1;
        let (second, first) = *again.first()?;
        let columns = self.columns.iter().map(|column| format!("{column:?}")).collect::<Vec<_>>().join(" and ");
        let of = if self.columns.len() > 1 { "columns" } else { "column" };
        let why = format!(
            "{} ids in {of} {columns} repeat an earlier row's: row {} that of row {}",
            again.len(),
            second + 1,
            first + 1
        );
        Some(rows.fault(why, "an id must name one row, or candidate and baseline cannot be joined"))
    }
}
