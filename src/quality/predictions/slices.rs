//! What rows are measured apart by: values of a column, bins of a column, conditions.

use super::Role;
use super::faults::Rows;
use super::names::{MOST_VALUES, NO_CODE, Names, Unfit};
use crate::config::SliceBy;
use crate::data::holds;
use crate::model::Fault;
use crate::quality::outcomes::SliceColumn;
use crate::stats::quantile;
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

/// The value of the one slice that a condition makes.
const HOLDS: &str = "true";

pub struct Slices<'a> {
    /// The key that names them.
    key: &'static str,
    columns: Vec<(&'a SliceBy, Gathered)>,
    /// Those that the file lacks, where it may.
    without: Vec<String>,
}

enum Gathered {
    Codes(Names, Vec<u32>),
    Numbers(Vec<f64>),
}

impl<'a> Slices<'a> {
    /// Further columns that are searched for slices.
    pub fn searched(slices: &'a [SliceBy], schema: &Schema) -> Slices<'a> {
        Slices { key: "find_slices.columns", ..Slices::new(slices, schema, false) }
    }

    pub fn new(slices: &'a [SliceBy], schema: &Schema, may_lack: bool) -> Slices<'a> {
        let is_there = |slice: &&SliceBy| slice.columns().iter().all(|name| schema.index_of(name).is_ok());
        let (with, without): (Vec<_>, Vec<_>) = slices.iter().partition(|slice| !may_lack || is_there(slice));
        let gathered = |slice: &'a SliceBy| match slice {
            SliceBy::Column(_) | SliceBy::Where { .. } => (slice, Gathered::Codes(Names::default(), Vec::new())),
            SliceBy::Bins { .. } | SliceBy::Quantiles { .. } => (slice, Gathered::Numbers(Vec::new())),
        };
        Slices {
            key: "slices",
            columns: with.into_iter().map(gathered).collect(),
            without: without.into_iter().map(|slice| slice.name().to_string()).collect(),
        }
    }

    pub fn roles(&self) -> impl Iterator<Item = Role<'a>> + use<'a> {
        let columns: Vec<&str> = self.columns.iter().flat_map(|(slice, _)| slice.columns()).collect();
        let key = self.key;
        columns.into_iter().map(move |column| Role::typed(key, column))
    }

    pub fn take(&mut self, batch: &RecordBatch, rows: &mut Rows<'_>) -> Result<(), Fault> {
        for (slice, gathered) in &mut self.columns {
            match (*slice, gathered) {
                (SliceBy::Where { name, condition }, Gathered::Codes(names, codes)) => {
                    let truth = holds(condition, batch).map_err(|why| {
                        rows.fault(format!("slice {name:?}: {why}"), "check the condition against the columns' types")
                    })?;
                    names.names = vec![HOLDS.to_string()];
                    codes.extend(truth.iter().map(|truth| if truth == Some(true) { 0 } else { NO_CODE }));
                }
                (slice, Gathered::Codes(names, codes)) => {
                    let name = slice.name();
                    let found = super::column(batch, name, rows)?;
                    codes.extend(names.codes(&found).map_err(|why| unfit(why, name, self.key, rows))?);
                }
                (slice, Gathered::Numbers(numbers)) => {
                    let name = slice.name();
                    numbers.extend(rows.numbers_or_null(name, &super::column(batch, name, rows)?)?);
                }
            }
        }
        Ok(())
    }

    /// The slices, and the columns that the file lacks.
    pub fn finish(self) -> (Vec<SliceColumn>, Vec<String>) {
        let of = |(slice, gathered): (&SliceBy, Gathered)| {
            let (values, codes) = match gathered {
                Gathered::Codes(names, codes) => (names.names, codes),
                Gathered::Numbers(numbers) => match slice {
                    SliceBy::Bins { edges, .. } => binned(&numbers, edges),
                    SliceBy::Quantiles { bins, .. } => binned(&numbers, &quantiles(&numbers, *bins)),
                    SliceBy::Column(_) | SliceBy::Where { .. } => (Vec::new(), vec![NO_CODE; numbers.len()]),
                },
            };
            SliceColumn { column: slice.name().to_string(), values, codes }
        };
        (self.columns.into_iter().map(of).collect(), self.without)
    }
}

fn unfit(why: Unfit, name: &str, key: &str, rows: &Rows<'_>) -> Fault {
    match why {
        Unfit::Type(why) => rows.fault(format!("column {name:?}: {why}"), ""),
        Unfit::TooMany => {
            let why = format!("column {name:?} has more than {MOST_VALUES} distinct values, too many for slices");
            rows.fault(why, format!("take it out of quality.predictions.{key}, or cut it into `bins` in `slices`"))
        }
    }
}

/// The bin of each number, from one edge up to below the next; NaN is in none.
fn binned(numbers: &[f64], edges: &[f64]) -> (Vec<String>, Vec<u32>) {
    let names =
        (0..=edges.len()).map(|bin| match (bin.checked_sub(1).and_then(|low| edges.get(low)), edges.get(bin)) {
            (None, Some(high)) => format!("below {high}"),
            (Some(low), Some(high)) => format!("{low} to {high}"),
            (Some(low), None) => format!("{low} and above"),
            (None, None) => "all".to_string(),
        });
    let code = |number: &f64| match number.is_nan() {
        true => NO_CODE,
        false => edges.partition_point(|edge| edge <= number) as u32,
    };
    (names.collect(), numbers.iter().map(code).collect())
}

/// The edges of `bins` bins of as many rows each, of four digits so that they can be named; fewer where they coincide.
fn quantiles(numbers: &[f64], bins: usize) -> Vec<f64> {
    let mut sorted: Vec<f64> = numbers.iter().copied().filter(|number| !number.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let edge = |bin: usize| quantile(&sorted, bin as f64 / bins as f64);
    let four_digits = |edge: f64| format!("{edge:.3e}").parse().unwrap_or(edge);
    let mut edges: Vec<f64> = (1..bins).filter_map(edge).map(four_digits).collect();
    edges.dedup();
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_begin_at_their_edge() {
        let (names, codes) = binned(&[17.9, 18.0, 29.0, 30.0, f64::NAN], &[18.0, 30.0]);
        assert_eq!(names, ["below 18", "18 to 30", "30 and above"]);
        assert_eq!(codes, [0, 1, 1, 2, NO_CODE]);
    }

    #[test]
    fn quantiles_part_the_rows_evenly_and_ties_join_bins() {
        let numbers: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(quantiles(&numbers, 4), [249.8, 499.5, 749.2]);
        assert_eq!(quantiles(&[1.0; 50], 4), [1.0]);
        assert_eq!(binned(&[1.0; 3], &[1.0]).1, [1, 1, 1]);
        assert!(quantiles(&[f64::NAN], 4).is_empty());
    }
}
