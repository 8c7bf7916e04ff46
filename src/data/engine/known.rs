//! The columns of a data set as SQL: as they are, as the few kinds that checks tell apart, as keys, as texts.

use super::dialect::Dialect;
use super::expr::Kind;
use crate::data::table::{Reading, Table, missing_column};
use crate::data::values::Family;
use arrow::datatypes::{DataType, TimeUnit};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// How the columns of a relation are named, and of what types they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// By their names, with their types.
    Named,
    /// `t0`, `t1`, … with their types; `s0`, `s1`, … as the texts that they were written as.
    Numbered,
    /// By their names, all as text, as a CSV file holds them.
    Text,
}

/// A data set that an engine can read.
pub struct Known {
    pub name: String,
    /// What stands behind `from`, quoted.
    pub relation: String,
    /// Its schema, format and remarks.
    pub table: Table,
    pub style: Style,
    /// Texts that stand for null, where the engine's reader has left them.
    pub nulls: Vec<String>,
    /// SQL to order the rows by as they lie in their files; None where the engine does not know.
    pub order: Option<String>,
    /// The columns that queries have asked for.
    pub used: RefCell<BTreeSet<(usize, bool)>>,
}

impl Known {
    pub fn type_of(&self, column: &str) -> Result<DataType, String> {
        self.field(column).map(|(_, data_type)| data_type)
    }

    fn field(&self, column: &str) -> Result<(usize, DataType), String> {
        let schema = self.table.schema();
        match schema.index_of(column) {
            Ok(index) => Ok((index, schema.field(index).data_type().clone())),
            Err(_) => Err(format!("no column {column:?}; {}", missing_column(&schema, column))),
        }
    }

    /// The column with its type.
    pub fn native(&self, d: Dialect, column: &str) -> Result<String, String> {
        let (index, data_type) = self.field(column)?;
        if data_type == DataType::Null {
            return Ok(format!("CAST(NULL AS {})", d.string_type()));
        }
        match self.style {
            Style::Named => Ok(d.ident(column)),
            Style::Numbered => {
                self.used.borrow_mut().insert((index, false));
                Ok(d.ident(&format!("t{index}")))
            }
            Style::Text => typed(d, &self.raw(d, column), &data_type),
        }
    }

    /// The column as the text that it was written as; of formats that have types, the column.
    pub fn text(&self, d: Dialect, column: &str) -> Result<String, String> {
        let (index, data_type) = self.field(column)?;
        match self.style {
            _ if data_type == DataType::Null => self.native(d, column),
            Style::Named => Ok(d.ident(column)),
            Style::Numbered if data_type == DataType::Utf8 => self.native(d, column),
            Style::Numbered => {
                self.used.borrow_mut().insert((index, true));
                Ok(d.ident(&format!("s{index}")))
            }
            Style::Text => Ok(self.raw(d, column)),
        }
    }

    fn raw(&self, d: Dialect, column: &str) -> String {
        let nulls: Vec<String> = self.nulls.iter().map(|null| d.text(null)).collect();
        let column = d.ident(column);
        match nulls.is_empty() {
            true => format!("NULLIF({column}, '')"),
            false => format!("CASE WHEN {column} IN ('', {}) THEN NULL ELSE {column} END", nulls.join(", ")),
        }
    }

    /// The column as one of the kinds that checks tell apart, and that kind.
    pub fn value(&self, d: Dialect, column: &str, reading: Reading) -> Result<(String, Kind), String> {
        let data_type = self.type_of(column)?;
        if reading == Reading::Text && matches!(self.style, Style::Numbered | Style::Text) {
            let kind = if data_type == DataType::Null { Kind::Null } else { Kind::Text };
            return Ok((self.text(d, column)?, kind));
        }
        let kind = kind_of(&data_type);
        let native = self.native(d, column)?;
        let sql = match kind {
            Kind::Int => format!("CAST({native} AS BIGINT)"),
            Kind::Float => plain_float(d, &native),
            Kind::Time => self.micros(d, &native, &data_type),
            _ => native,
        };
        Ok((sql, kind))
    }

    fn micros(&self, d: Dialect, native: &str, data_type: &DataType) -> String {
        match (d, Family::of(data_type)) {
            (Dialect::DuckDb, Family::Date) => d.micros(&format!("CAST({native} AS TIMESTAMP)")),
            _ => d.micros(native),
        }
    }

    /// The column for "is it the same": one zero and one NaN, everything else exactly as it is.
    pub fn key(&self, d: Dialect, column: &str) -> Result<String, String> {
        let data_type = self.type_of(column)?;
        let native = self.native(d, column)?;
        Ok(match Family::of(&data_type) {
            Family::Float => plain_float(d, &native),
            _ => native,
        })
    }

    /// As [`Known::key`], made to be compared with a column of another data set of the type `other`: whole numbers
    /// are compared as such, whatever they are stored as; times as instants.
    pub fn key_beside(&self, d: Dialect, column: &str, other: &DataType) -> Result<String, String> {
        let data_type = self.type_of(column)?;
        let native = self.native(d, column)?;
        let unsigned = plain(&data_type) == &DataType::UInt64 || plain(other) == &DataType::UInt64;
        let whole = |value: &str| match (unsigned, d) {
            (false, _) => format!("CAST({value} AS BIGINT)"),
            (true, Dialect::DuckDb) => format!("CAST({value} AS HUGEINT)"),
            (true, Dialect::Spark) => format!("CAST({value} AS DECIMAL(20, 0))"),
        };
        let nanos = |t: &DataType| matches!(plain(t), DataType::Timestamp(TimeUnit::Nanosecond, _));
        Ok(match (Family::of(&data_type), Family::of(other)) {
            (Family::Int, _) => whole(&native),
            (Family::Float, Family::Int) => {
                let x = format!("CAST({native} AS DOUBLE)");
                let whole = whole(&x).replacen("CAST", "TRY_CAST", 1);
                format!("CASE WHEN {x} = floor({x}) AND abs({x}) < {} THEN {whole} END", d.float(1.9e19))
            }
            (Family::Date | Family::Timestamp, _) if nanos(&data_type) || nanos(other) => {
                format!("epoch_ns(CAST({native} AS TIMESTAMP_NS))")
            }
            (Family::Date | Family::Timestamp, _) => self.micros(d, &native, &data_type),
            _ => self.key(d, column)?,
        })
    }

    /// The column as an example shows it, cut where an example would be.
    pub fn shown(&self, d: Dialect, column: &str) -> Result<String, String> {
        let native = self.native(d, column)?;
        Ok(match Family::of(&self.type_of(column)?) {
            Family::Text => d.start(&native, 61),
            Family::Float => plain_float(d, &native),
            _ => native,
        })
    }
}

pub fn kind_of(data_type: &DataType) -> Kind {
    Kind::of(Family::of(data_type), plain(data_type) == &DataType::UInt64)
}

fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, value) => plain(value),
        other => other,
    }
}

/// One zero, and no shortcut: the smallest and largest value that a Parquet file tells of its parts leave NaN out, and
/// engines that go by them lose rows with it.
fn plain_float(d: Dialect, native: &str) -> String {
    format!("(CAST({native} AS DOUBLE) + {})", d.float(0.0))
}

/// A text that is known to be of this type, read as the reader of CSV files does.
fn typed(d: Dialect, text: &str, data_type: &DataType) -> Result<String, String> {
    let name = d.type_name(data_type).ok_or_else(|| format!("{data_type} is no type of a CSV column"))?;
    let trimmed = d.trim(text);
    Ok(match data_type {
        DataType::Utf8 => text.to_string(),
        DataType::Boolean => format!("(lower({trimmed}) = 'true')"),
        DataType::Timestamp(..) => format!("CAST({} AS {name})", plain_time(d, &trimmed)),
        _ => format!("CAST({trimmed} AS {name})"),
    })
}

/// The ways in which a time may be written, brought to the one that every engine reads.
fn plain_time(d: Dialect, text: &str) -> String {
    [
        ("^(.{10})[Tt ]", "\\1 "),
        ("^(.{10} [0-9]{2}:[0-9]{2})($|[^:0-9])", "\\1:00\\2"),
        ("([.][0-9]{6})0+", "\\1"),
        ("^(.{10} .*[0-9]) *[Zz]$", "\\1+00:00"),
        ("^(.{10} .*[0-9]) *([+-][0-9]{2})$", "\\1\\2:00"),
        ("^(.{10} .*[0-9]) *([+-][0-9]{2}):?([0-9]{2})$", "\\1\\2:\\3"),
    ]
    .into_iter()
    .fold(text.to_string(), |text, (pattern, with)| d.replace(&text, pattern, with))
}

/// Of texts, whether each can be read as the type: as the inference of CSV columns asks, in its order.
pub fn fits(d: Dialect, text: &str) -> [String; 6] {
    let trimmed = d.trim(text);
    let is = |pattern: &str| d.matches(&trimmed, pattern);
    let date = "[0-9]{4}-[0-9]{2}-[0-9]{2}";
    let clock = "[Tt ][0-9]{2}:[0-9]{2}(?::[0-5][0-9](?:[.][0-9]{1,6}0*)?)?";
    let offset = "(?:[Zz]|[+-][01][0-9](?::?[0-5][0-9])?|[+-]2[0-3](?::?[0-5][0-9])?)";
    let time = |pattern: &str, kind: &DataType| {
        let name = d.type_name(kind).unwrap_or("TIMESTAMP");
        format!("({} AND TRY_CAST({} AS {name}) IS NOT NULL)", is(pattern), plain_time(d, &trimmed))
    };
    let micros = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    let whole = "^[+-]?[0-9]+$";
    let int = format!("({} AND TRY_CAST({trimmed} AS BIGINT) IS NOT NULL)", is(whole));
    let float = "^[+-]?(?:(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][+-]?[0-9]+)?|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])$";
    let float = format!("({int} OR ({} AND NOT {}))", is(float), is(whole));
    let days = format!("({} AND TRY_CAST({trimmed} AS DATE) IS NOT NULL)", is(&format!("^{date}$")));
    [
        int,
        float,
        format!("(lower({trimmed}) IN ('true', 'false'))"),
        days.clone(),
        format!("({days} OR {})", time(&format!("^{date}{clock}$"), &micros(None))),
        time(&format!("^{date}{clock} *{offset}$"), &micros(Some("UTC"))),
    ]
}
