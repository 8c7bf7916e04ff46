//! From rules to states: which columns are read and how, and what cannot be judged at all.

use super::each::{Each, Rule};
use super::numbers::{Moments, Newest, Nulls};
use super::repeats::Repeats;
use super::{Family, KeySet, Reading, Rows, State, Surroundings, Table};
use crate::config::data_check::{sql, time::moment};
use crate::config::{ColumnType, DataRule, Format, Scalar};
use crate::data::key::has_key;
use crate::data::table::missing_column;
use crate::data::values::describe;
use arrow::datatypes::DataType;
use std::collections::HashSet;

/// Collects the columns that the scan must read.
pub(super) struct Plan<'a> {
    dataset: &'a str,
    table: &'a Table,
    columns: Vec<(String, Reading)>,
}

impl<'a> Plan<'a> {
    pub fn new(dataset: &'a str, table: &'a Table) -> Plan<'a> {
        Plan { dataset, table, columns: Vec::new() }
    }

    pub fn columns(&self) -> &[(String, Reading)] {
        &self.columns
    }

    /// The check's state, or why it cannot be judged.
    pub fn state(&mut self, rule: &DataRule, around: &Surroundings) -> Result<State, String> {
        match rule {
            DataRule::Rows { .. } => Ok(State::Rows),
            DataRule::Columns { wanted, .. } => {
                let wrong = wanted.iter().filter_map(|(name, kind)| self.wrong(name, *kind)).collect();
                Ok(State::Columns(wrong, wanted.len()))
            }
            DataRule::Nulls { column, .. } => Ok(State::Nulls(Nulls::new(self.read(column, Reading::Typed)?))),
            DataRule::Aggregate { column, .. } => {
                self.must(column, "a number", |f| f.is_number() || f == Family::Bool)?;
                Ok(State::Moments(Moments::new(self.read(column, Reading::Typed)?)))
            }
            DataRule::Freshness { column, .. } => {
                self.must(column, "a date or timestamp", Family::is_time)?;
                Ok(State::Newest(Newest::new(self.read(column, Reading::Typed)?)))
            }
            DataRule::Unique { columns } => Ok(State::Repeats(Repeats::new(self.read_keys(columns)?, false))),
            DataRule::Duplicates { columns, .. } => Ok(State::Repeats(Repeats::new(self.read_keys(columns)?, true))),
            DataRule::Between { column, low, high } => {
                let (rule, reading) = self.between(column, low, high)?;
                self.each(rule, column, reading)
            }
            DataRule::In { column, values } => {
                let (rule, reading) = self.within(column, values)?;
                self.each(rule, column, reading)
            }
            DataRule::Matches { column, pattern } => {
                let pattern = regex::Regex::new(pattern).map_err(|e| e.to_string())?;
                if self.table.format() == Format::Parquet {
                    self.must(column, "text", |f| f == Family::Text)?;
                }
                let column = self.read(column, Reading::Text)?;
                Ok(State::Each(Each::new(Rule::Matches(pattern), Some(column), vec![column])))
            }
            DataRule::References { column, dataset, other } => {
                let known = self.load(column, dataset, other, around)?;
                self.each(Rule::References(known), column, Reading::Typed)
            }
            DataRule::Sql { query } => self.filter(query, around),
            _ => Err("this check is not done yet".to_string()),
        }
    }

    fn each(&mut self, rule: Rule, column: &str, reading: Reading) -> Result<State, String> {
        let column = self.read(column, reading)?;
        Ok(State::Each(Each::new(rule, Some(column), vec![column])))
    }

    /// The index of a column in the batches of the scan.
    fn read(&mut self, column: &str, reading: Reading) -> Result<usize, String> {
        self.type_of(column)?;
        let reading = if self.table.format() == Format::Csv { reading } else { Reading::Typed };
        let known = self.columns.iter().position(|(name, other)| name == column && *other == reading);
        Ok(known.unwrap_or_else(|| {
            self.columns.push((column.to_string(), reading));
            self.columns.len() - 1
        }))
    }

    fn read_keys(&mut self, columns: &[String]) -> Result<Vec<usize>, String> {
        for column in columns {
            let data_type = self.type_of(column)?;
            if !has_key(&data_type) {
                return Err(format!("{column} is {}, whose values cannot be told apart", describe(&data_type)));
            }
        }
        columns.iter().map(|column| self.read(column, Reading::Typed)).collect()
    }

    fn type_of(&self, column: &str) -> Result<DataType, String> {
        let schema = self.table.schema();
        match schema.field_with_name(column) {
            Ok(field) => Ok(field.data_type().clone()),
            Err(_) => Err(format!("no column {column:?}; {}", missing_column(&schema, column))),
        }
    }

    fn must(&self, column: &str, wanted: &str, fits: impl Fn(Family) -> bool) -> Result<(), String> {
        let data_type = self.type_of(column)?;
        match Family::of(&data_type) {
            Family::Null => Ok(()),
            family if fits(family) => Ok(()),
            _ => Err(self.mismatch(column, wanted)),
        }
    }

    /// `age is text, but the check needs a number; "NA" at data/train.csv line 17 made it so`
    fn mismatch(&self, column: &str, wanted: &str) -> String {
        let found = self.type_of(column).map_or_else(|e| e, |t| describe(&t));
        let because = match self.table.remark(column) {
            Some(remark) => format!("; {remark} made it so"),
            None => String::new(),
        };
        format!("{column} is {found}, but the check needs {wanted}{because}")
    }

    /// What is wrong with a column's type. Of CSV, text that fits a narrower type still fits the wider.
    fn wrong(&self, name: &str, kind: ColumnType) -> Option<String> {
        let data_type = match self.type_of(name) {
            Ok(data_type) => data_type,
            Err(missing) => return Some(missing),
        };
        let csv = self.table.format() == Format::Csv;
        let family = Family::of(&data_type);
        let (fits, wanted) = match kind {
            ColumnType::Int => (family == Family::Int, "int"),
            ColumnType::Float => (family == Family::Float || (csv && family == Family::Int), "float"),
            ColumnType::Number => (family.is_number(), "number"),
            ColumnType::String => (family == Family::Text || (csv && family != Family::Null), "string"),
            ColumnType::Bool => (family == Family::Bool, "bool"),
            ColumnType::Timestamp => (family == Family::Timestamp || (csv && family == Family::Date), "timestamp"),
            ColumnType::Date => (family == Family::Date, "date"),
        };
        let because = self.table.remark(name).map_or(String::new(), |remark| format!(", by {remark}"));
        (!fits).then(|| format!("{name} is {}{because}, expected {wanted}", describe(&data_type)))
    }

    fn between(&self, column: &str, low: &Scalar, high: &Scalar) -> Result<(Rule, Reading), String> {
        let data_type = self.type_of(column)?;
        let rule = match (low, high, Family::of(&data_type)) {
            (Scalar::Number(low), Scalar::Number(high), Family::Int) if data_type != DataType::UInt64 => {
                Rule::Ints { low: low.ceil() as i64, high: high.floor() as i64 }
            }
            (Scalar::Number(low), Scalar::Number(high), family) if family.is_number() || family == Family::Null => {
                Rule::Floats { low: *low, high: *high }
            }
            (Scalar::Text(low), Scalar::Text(high), family) if family.is_time() => {
                Rule::Times { low: time(low)?, high: time(high)? }
            }
            (Scalar::Text(low), Scalar::Text(high), Family::Text | Family::Null) => {
                Rule::Texts { low: low.clone(), high: high.clone() }
            }
            (Scalar::Text(_), Scalar::Text(_), _) => return Err(self.mismatch(column, "a date, timestamp or text")),
            _ => return Err(self.mismatch(column, "a number")),
        };
        Ok((rule, Reading::Typed))
    }

    fn within(&self, column: &str, values: &[Scalar]) -> Result<(Rule, Reading), String> {
        let data_type = self.type_of(column)?;
        let numbers: Option<Vec<f64>> = values.iter().map(as_number).collect();
        let texts: Option<Vec<&String>> = values.iter().map(as_text).collect();
        let csv = self.table.format() == Format::Csv;
        let rule = match (Family::of(&data_type), numbers, texts) {
            (Family::Int, Some(numbers), _) if data_type != DataType::UInt64 => {
                Rule::InInts(numbers.into_iter().filter(|n| n.fract() == 0.0).map(|n| n as i64).collect())
            }
            (family, Some(numbers), _) if family.is_number() => Rule::InFloats(numbers),
            (Family::Bool, _, Some(texts)) => {
                let parse = |text: &String| text.parse().map_err(|_| format!("{text:?} is neither true nor false"));
                Rule::InBools(texts.into_iter().map(parse).collect::<Result<_, _>>()?)
            }
            (family, _, Some(texts)) if family.is_time() => {
                Rule::InTimes(texts.into_iter().map(|text| time(text)).collect::<Result<_, _>>()?)
            }
            (family, _, Some(texts)) if csv || matches!(family, Family::Text | Family::Null) => {
                return Ok((Rule::InTexts(texts.into_iter().cloned().collect()), Reading::Text));
            }
            (Family::Null, ..) => Rule::InTexts(HashSet::new()),
            (Family::Text, ..) => {
                return Err(format!("{column} is text, but not all values in the list are: quote each of them"));
            }
            _ => return Err(format!("{column} is {}, but the values in the list are not", describe(&data_type))),
        };
        Ok((rule, Reading::Typed))
    }

    /// All values of another data set's column.
    fn load(&self, column: &str, dataset: &str, other: &str, around: &Surroundings) -> Result<KeySet, String> {
        let failed = |fault: crate::model::Fault| format!("{dataset}: {fault}");
        let table = (around.open)(dataset).map_err(failed)?;
        let schema = table.schema();
        let Ok(field) = schema.field_with_name(other) else {
            return Err(format!("{dataset} has no column {other:?}; {}", missing_column(&schema, other)));
        };
        let (here, there) = (self.type_of(column)?, field.data_type().clone());
        let (one, two) = (Family::of(&here), Family::of(&there));
        let whole = |f: Family| matches!(f, Family::Int | Family::Float);
        let comparable = one == two || (whole(one) && whole(two)) || (one.is_time() && two.is_time());
        if !(comparable || one == Family::Null) || !has_key(&here) || !has_key(&there) {
            let (here, there) = (describe(&here), describe(&there));
            return Err(format!("{column} is {here}, but {dataset}.{other} is {there}: they cannot be compared"));
        }
        let mut set = KeySet::default();
        for batch in table.batches(Some(&[other.to_string()])).map_err(failed)? {
            let batch = batch.map_err(failed)?;
            let rows = Rows::new(&batch, None, 0);
            let mut keys = rows.keys(&[0])?;
            for row in 0..rows.len() {
                let (key, null) = keys.at(row)?;
                if !null {
                    set.insert(key)?;
                }
            }
        }
        match set.len() {
            0 => Err(format!("{dataset}.{other} has no values to refer to")),
            _ => Ok(set),
        }
    }

    fn filter(&mut self, query: &str, around: &Surroundings) -> Result<State, String> {
        let filter = sql::compile(query, self.dataset).map_err(|e| e.to_string())?;
        let used: Vec<String> = filter.condition.columns().into_iter().map(str::to_string).collect();
        let used: Vec<(String, usize)> = used
            .into_iter()
            .map(|name| self.read(&name, Reading::Typed).map(|index| (name, index)))
            .collect::<Result<_, _>>()?;
        let shown = match &filter.columns[..] {
            [] => used.iter().map(|(_, index)| *index).collect(),
            chosen => chosen.iter().map(|name| self.read(name, Reading::Typed)).collect::<Result<_, _>>()?,
        };
        let rule = Rule::Filter(filter.condition, used, around.now);
        Ok(State::Each(Each::new(rule, None, shown)))
    }
}

fn as_number(value: &Scalar) -> Option<f64> {
    match value {
        Scalar::Number(number) => Some(*number),
        Scalar::Text(_) => None,
    }
}

fn as_text(value: &Scalar) -> Option<&String> {
    match value {
        Scalar::Text(text) => Some(text),
        Scalar::Number(_) => None,
    }
}

fn time(text: &str) -> Result<i64, String> {
    moment(text)
        .map(|moment| moment.micros)
        .ok_or_else(|| format!("{text:?} is no date or time such as 2024-12-31 or 2024-12-31T23:59:59Z"))
}
