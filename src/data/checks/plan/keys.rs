//! Jobs on keys: of this data set, and of another that it is compared with.

use super::{Plan, Subject};
use crate::data::checks::job::{Job, KeyJob, Kind, Member};
use crate::data::checks::scan::{self, Counts, Work};
use crate::data::key::{Known, Store, has_key};
use crate::data::pieces::Pieces;
use crate::data::table::{Reading, Table, missing_column, scan_exact};
use crate::data::values::{Family, describe};
use crate::model::Fault;
use arrow::datatypes::DataType;
use std::sync::Arc;

/// The columns of another data set whose keys are known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Other {
    dataset: String,
    columns: Vec<String>,
    days: bool,
}

impl Plan<'_> {
    pub(super) fn read_key(&mut self, column: &str) -> Result<usize, String> {
        let data_type = self.type_of(column)?;
        if !has_key(&data_type) {
            return Err(format!("{column} is {}, whose values cannot be told apart", describe(&data_type)));
        }
        self.read(column, Reading::Typed)
    }

    pub(super) fn repeats(
        &mut self,
        columns: &[String],
        nulls_equal: bool,
        only: Option<usize>,
    ) -> Result<usize, String> {
        // All are looked at before one is read, so that a check in error reads nothing.
        let places = columns.iter().map(|column| self.read_key(column)).collect::<Result<Vec<_>, _>>()?;
        let nulls_equal = nulls_equal && places.len() > 1;
        Ok(self.keys(places, nulls_equal, only))
    }

    pub(super) fn keys(&mut self, columns: Vec<usize>, nulls_equal: bool, only: Option<usize>) -> usize {
        self.shared(only, Subject::Keys(columns.clone(), nulls_equal), |plan| {
            Kind::Keys(KeyJob { columns, nulls_equal, days: true, store: Store::new(&plan.budget, plan.writers) })
        })
    }

    /// Rows whose values in the first of each pair are in the second of each of another data set.
    pub(super) fn member(
        &mut self,
        pairs: &[(&String, &String)],
        dataset: &str,
        fails_if_there: bool,
        only: Option<usize>,
    ) -> Result<usize, String> {
        let columns = pairs.iter().map(|(here, _)| self.read_key(here)).collect::<Result<Vec<_>, _>>()?;
        let (known, days) = self.load(pairs, dataset)?;
        let waiting = match known.in_memory() {
            true => None,
            false => Some(Store::beside(&known, &self.budget, self.writers)),
        };
        Ok(self.add(only, Subject::Own, Kind::Member(Member { columns, known, days, fails_if_there, waiting })))
    }

    /// All keys of another data set's columns, and whether dates are days in them.
    fn load(&mut self, pairs: &[(&String, &String)], dataset: &str) -> Result<(Arc<Known>, bool), String> {
        let failed = |fault: Fault| format!("{dataset}: {fault}");
        let table = (self.around.open)(dataset).map_err(failed)?;
        let mut found: Result<(Arc<Known>, bool), String> = Err(String::new());
        scan_exact(&table, |table| found = self.load_from(table, pairs, dataset)).map_err(failed)?;
        found
    }

    fn load_from(
        &mut self,
        table: &Table,
        pairs: &[(&String, &String)],
        dataset: &str,
    ) -> Result<(Arc<Known>, bool), String> {
        let schema = table.schema();
        let mut days = true;
        for (column, other) in pairs {
            let Ok(field) = schema.field_with_name(other) else {
                return Err(format!("{dataset} has no column {other:?}; {}", missing_column(&schema, other)));
            };
            let (here, there) = (self.type_of(column)?, field.data_type());
            if !comparable(&here, there) {
                let (here, there) = (describe(&here), describe(there));
                return Err(format!("{column} is {here}, but {dataset}.{other} is {there}: they cannot be compared"));
            }
            let is_time = Family::of(there).is_time();
            days &= !is_time || (here == DataType::Date32 && *there == DataType::Date32);
        }
        let columns: Vec<String> = pairs.iter().map(|(_, other)| (*other).clone()).collect();
        let other = Other { dataset: dataset.to_string(), columns, days };
        if let Some((_, known)) = self.known.iter().find(|(known, _)| *known == other) {
            return Ok((known.clone(), days));
        }
        let known = Arc::new(self.keys_of(table, &other)?);
        if known.is_empty() {
            let names = match &other.columns[..] {
                [column] => format!("{dataset}.{column} has no values"),
                columns => format!("{dataset} has no row without a null in {}", columns.join(", ")),
            };
            return Err(format!("{names} to compare with"));
        }
        self.known.push((other, known.clone()));
        Ok((known, days))
    }

    fn keys_of(&self, table: &Table, other: &Other) -> Result<Known, String> {
        let failed = |fault: Fault| format!("{}: {fault}", other.dataset);
        let columns: Vec<(String, Reading)> =
            other.columns.iter().map(|column| (column.clone(), Reading::Typed)).collect();
        let pieces = Pieces::of(table, &columns).map_err(failed)?;
        let store = Store::new(&self.budget, self.writers);
        let places = (0..columns.len()).collect();
        let kind = Kind::Keys(KeyJob { columns: places, nulls_equal: false, days: other.days, store });
        let jobs = [Job { only: None, kind }];
        let private = vec![true; columns.len()];
        let work = Work { jobs: &jobs, filters: &[], private: &private, many_files: false };
        let Counts { fault, tallies, .. } = scan::scan(pieces, &work, self.workers);
        if let Some(fault) = fault {
            return Err(failed(fault));
        }
        tallies.into_iter().collect::<Result<Vec<_>, _>>()?;
        let [Job { kind: Kind::Keys(job), .. }] = jobs else {
            return Err("a count was given to another check".to_string());
        };
        Ok(Known::new(job.store))
    }
}

/// Whether values of two data sets can be told to be the same.
pub(in crate::data) fn comparable(here: &DataType, there: &DataType) -> bool {
    let (one, two) = (Family::of(here), Family::of(there));
    let number = |f: Family| matches!(f, Family::Int | Family::Float);
    let alike = one == two || (number(one) && number(two)) || (one.is_time() && two.is_time());
    (alike || one == Family::Null) && two != Family::Null && has_key(here) && has_key(there)
}
