//! Checks of keys: whether they repeat, and whether they are in another data set.

use super::{Asked, Planned, Planner, Within};
use crate::data::checks::plan::comparable;
use crate::data::engine::known::Known;
use crate::data::table::missing_column;
use crate::data::values::{Family, describe};
use arrow::datatypes::DataType;
use std::rc::Rc;

impl Planner<'_, '_> {
    pub(super) fn repeats(
        &mut self,
        columns: &[String],
        nulls_equal: bool,
        within: &Within,
    ) -> Result<Planned, String> {
        columns.iter().try_for_each(|column| self.must_have_key(column))?;
        let keys = columns.iter().map(|column| self.sheet.key(column)).collect::<Result<Vec<_>, _>>()?;
        let there: Vec<String> = keys.iter().map(|key| format!("{key} IS NOT NULL")).collect();
        let filter = match nulls_equal {
            true => within.and("TRUE"),
            false => within.and(&there.join(" AND ")),
        };
        let keys = keys.join(", ");
        let groups = format!("SELECT count(*) AS n FROM {} WHERE {filter} GROUP BY {keys}", self.sheet.rows());
        let query = format!(
            "SELECT CAST(coalesce(sum(n), 0) AS BIGINT) AS seen, CAST(coalesce(sum(n - 1), 0) AS BIGINT) AS alike \
             FROM ({groups}) AS g"
        );
        // What is shown is made of the keys, so that the groups stay the same.
        let examples = self.rows(columns, "", |shown| {
            format!("WHERE {filter} GROUP BY {keys}, {} HAVING count(*) > 1", shown.join(", "))
        })?;
        Ok((Asked::Own(query), examples))
    }

    fn other(&mut self, dataset: &str) -> Result<Rc<Known>, String> {
        (self.open)(dataset)
    }

    /// The types of two columns that shall be compared.
    fn comparable(&self, column: &str, known: &Known, other: &str) -> Result<(DataType, DataType), String> {
        let dataset = &known.name;
        let here = self.sheet.known.type_of(column)?;
        let schema = known.table.schema();
        let Ok(field) = schema.field_with_name(other) else {
            return Err(format!("{dataset} has no column {other:?}; {}", missing_column(&schema, other)));
        };
        let there = field.data_type().clone();
        if !comparable(&here, &there) {
            let (here, there) = (describe(&here), describe(&there));
            return Err(format!("{column} is {here}, but {dataset}.{other} is {there}: they cannot be compared"));
        }
        Ok((here, there))
    }

    pub(super) fn references(
        &mut self,
        column: &str,
        dataset: &str,
        other: &str,
        within: &Within,
    ) -> Result<Planned, String> {
        let d = self.d();
        let known = self.other(dataset)?;
        let (here, there) = self.comparable(column, &known, other)?;
        let (mine, theirs) = match Family::of(&here) {
            Family::Null => (self.sheet.known.native(d, column)?, format!("CAST(NULL AS {})", d.string_type())),
            _ => (self.sheet.known.key_beside(d, column, &there)?, known.key_beside(d, other, &here)?),
        };
        let original = self.sheet.known.native(d, column)?;
        let (key, original) = (self.sheet.slot(mine), self.sheet.slot(original));
        let values = format!("SELECT {theirs} AS k, {} AS v FROM {}", known.native(d, other)?, known.relation);
        let distinct =
            format!(" LEFT JOIN (SELECT DISTINCT k FROM ({values}) AS o WHERE k IS NOT NULL) AS r ON t.{key} = r.k");
        let filter = within.and(&format!("t.{original} IS NOT NULL"));
        let query = format!(
            "SELECT CAST(count(*) AS BIGINT) AS checked, \
             CAST(count(CASE WHEN r.k IS NULL THEN 1 END) AS BIGINT) AS failed, \
             (SELECT CAST(count(*) AS BIGINT) FROM ({values}) AS o WHERE v IS NOT NULL) AS others \
             FROM {}{distinct} WHERE {filter}",
            self.sheet.rows()
        );
        let examples = self.rows(&[column.to_string()], &distinct, |_| format!("WHERE {filter} AND r.k IS NULL"))?;
        Ok((Asked::Own(query), examples))
    }

    pub(super) fn shared(&mut self, columns: &[String], dataset: &str, within: &Within) -> Result<Planned, String> {
        let d = self.d();
        let known = self.other(dataset)?;
        let (mut there, mut theirs, mut pairs, mut others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (index, column) in columns.iter().enumerate() {
            let (here, other) = self.comparable(column, &known, column)?;
            let (mine, their) = match Family::of(&here) {
                Family::Null => (self.sheet.known.native(d, column)?, format!("CAST(NULL AS {})", d.string_type())),
                _ => (self.sheet.known.key_beside(d, column, &other)?, known.key_beside(d, column, &here)?),
            };
            let original = self.sheet.known.native(d, column)?;
            let (key, original) = (self.sheet.slot(mine), self.sheet.slot(original));
            others.push(format!("{} IS NOT NULL", known.native(d, column)?));
            there.push(format!("t.{original} IS NOT NULL"));
            theirs.push(format!("{their} AS k{index}"));
            pairs.push(format!("t.{key} = r.k{index}"));
        }
        let joined = format!(
            " LEFT JOIN (SELECT DISTINCT 1 AS hit, {} FROM {}) AS r ON {}",
            theirs.join(", "),
            known.relation,
            pairs.join(" AND ")
        );
        let filter = within.and(&there.join(" AND "));
        let query = format!(
            "SELECT CAST(count(*) AS BIGINT) AS seen, CAST(count(r.hit) AS BIGINT) AS alike, \
             (SELECT CAST(count(*) AS BIGINT) FROM {} WHERE {}) AS others FROM {}{joined} WHERE {filter}",
            known.relation,
            others.join(" AND "),
            self.sheet.rows()
        );
        let examples = self.rows(columns, &joined, |_| format!("WHERE {filter} AND r.hit IS NOT NULL"))?;
        Ok((Asked::Own(query), examples))
    }
}
