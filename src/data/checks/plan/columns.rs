//! `columns:`, which the schema alone decides.

use super::Plan;
use crate::config::{ColumnType, Format};
use crate::data::values::{Family, describe};

/// Most columns named that are not as they should be.
const NAMED: usize = 20;

impl Plan<'_> {
    /// What is wrong, and of how many columns.
    pub(in crate::data) fn wrong_columns(
        &self,
        wanted: &[(String, ColumnType)],
        exact: bool,
        ordered: bool,
    ) -> (Vec<String>, usize) {
        let mut wrong: Vec<String> = wanted.iter().filter_map(|(name, kind)| self.wrong(name, *kind)).collect();
        let mut of = wanted.len();
        let schema = self.table.schema();
        if exact {
            let extra = schema.fields().iter().filter(|field| wanted.iter().all(|(name, _)| name != field.name()));
            for field in extra {
                of += 1;
                wrong.push(format!("{} is not to be there", field.name()));
            }
        }
        if ordered {
            let places: Vec<(usize, &String)> =
                wanted.iter().filter_map(|(name, _)| Some((schema.index_of(name).ok()?, name))).collect();
            for pair in places.windows(2) {
                if let [(first, before), (second, after)] = pair
                    && first > second
                {
                    wrong.push(format!("{after} comes before {before}, expected after it"));
                }
            }
        }
        (wrong, of)
    }

    /// What is wrong with a column's type. Of CSV, text that fits a narrower type still fits the wider.
    fn wrong(&self, name: &str, kind: ColumnType) -> Option<String> {
        let data_type = match self.type_of(name) {
            Ok(data_type) => data_type,
            Err(missing) => return Some(missing),
        };
        let (csv, guessed) = (self.table.format() == Format::Csv, self.guessed());
        let family = Family::of(&data_type);
        let (fits, wanted) = match kind {
            ColumnType::Int => (family == Family::Int, "int"),
            ColumnType::Float => (family == Family::Float || (guessed && family == Family::Int), "float"),
            ColumnType::Number => (family.is_number(), "number"),
            ColumnType::String => {
                let written = (csv && family != Family::Null) || (guessed && family.is_time());
                (family == Family::Text || written, "string")
            }
            ColumnType::Bool => (family == Family::Bool, "bool"),
            ColumnType::Timestamp => (family == Family::Timestamp || (guessed && family == Family::Date), "timestamp"),
            ColumnType::Date => (family == Family::Date, "date"),
        };
        let because = self.remark(name).map_or(String::new(), |remark| format!(", by {remark}"));
        (!fits).then(|| format!("{name} is {}{because}, expected {wanted}", describe(&data_type)))
    }
}

/// As many as a report can bear.
pub(in crate::data) fn shortened(mut wrong: Vec<String>) -> Vec<String> {
    let more = wrong.len().saturating_sub(NAMED);
    if more > 0 {
        wrong.truncate(NAMED);
        wrong.push(format!("… and {more} more"));
    }
    wrong
}
