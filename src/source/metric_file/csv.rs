//! Metrics in CSV: a line a metric, with its unit, rows and interval where they are known, or a single line with a column
//! a metric.

use super::{Entry, count, number_in_text};
use crate::config::Format;
use crate::data::table::{Reading, Table};
use crate::model::{Fault, Slice};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use std::path::Path;

const HINT: &str = "a metric file in CSV has the columns name and value (and unit, n, low, high, level, slice), or one \
                    line with a column a metric";
/// The columns of the long form; the first that is there counts.
const NAME: [&str; 3] = ["name", "metric", "key"];
const OTHERS: [&str; 6] = ["unit", "n", "low", "high", "level", "slice"];

pub(super) fn read(path: &Path, source: &str) -> Result<Vec<Entry>, Fault> {
    let fault = |why: String| Fault::new(format!("read {source}"), why, HINT);
    let root = path.parent().unwrap_or(Path::new(""));
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let renamed = |found: Fault| Fault { what: format!("read {source}"), ..found };
    let table = Table::open(root, &file, Some(Format::Csv)).map_err(renamed)?;
    let schema = table.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let long = NAME.into_iter().find(|name| names.contains(name)).filter(|_| names.contains(&"value"));
    let columns: Vec<(String, Reading)> = names.iter().map(|name| (name.to_string(), Reading::Text)).collect();
    let mut entries = Vec::new();
    let mut rows = 0;
    for batch in table.batches_as(&columns).map_err(renamed)? {
        let batch = texts(&batch.map_err(renamed)?, &schema).map_err(|why| fault(why.to_string()))?;
        for row in 0..batch.num_rows() {
            rows += 1;
            let cell = |name: &str| cell(&batch, name, row);
            match long {
                Some(name) => entries.push(line(name, &cell).map_err(|why| fault(format!("row {rows}: {why}")))?),
                None => entries.extend(names.iter().map(|name| Entry::new(*name, value(cell(name))))),
            }
        }
    }
    let stranger =
        names.iter().find(|name| long.is_some_and(|l| l != **name) && **name != "value" && !OTHERS.contains(name));
    match (long, stranger) {
        (Some(_), Some(name)) => Err(fault(format!("it has the column {name:?}, which says nothing of a metric"))),
        (None, _) if rows != 1 => Err(fault(format!(
            "its columns are {}, and it has {rows} lines: which of them counts?",
            names.iter().take(8).copied().collect::<Vec<_>>().join(", ")
        ))),
        _ => Ok(entries),
    }
}

fn texts(batch: &RecordBatch, schema: &Schema) -> Result<RecordBatch, arrow::error::ArrowError> {
    let columns = batch.columns().iter().map(|column| cast(column, &DataType::Utf8)).collect::<Result<Vec<_>, _>>()?;
    let named = schema.fields().iter().zip(columns).map(|(field, column)| (field.name().as_str(), column));
    RecordBatch::try_from_iter_with_nullable(named.map(|(name, column)| (name, column, true)))
}

fn cell(batch: &RecordBatch, name: &str, row: usize) -> Option<String> {
    let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
    column.is_valid(row).then(|| column.value(row).trim().to_string())
}

fn value(text: Option<String>) -> super::Found {
    text.map_or_else(|| super::Found::Other("empty".into()), |text| number_in_text(&text))
}

/// A line of the long form.
fn line(name: &str, cell: &impl Fn(&str) -> Option<String>) -> Result<Entry, String> {
    let name = cell(name).filter(|name| !name.is_empty()).ok_or("it has no name")?;
    let number = |column: &str| match cell(column).map(|text| (text.parse::<f64>(), text)) {
        None => Ok(None),
        Some((Ok(number), _)) if !number.is_nan() => Ok(Some(number)),
        Some((_, text)) => Err(format!("`{column}` of {name} is {text:?}, no number")),
    };
    let n = number("n")?.map(|n| count(&name, n)).transpose()?;
    let ends = match (number("low")?, number("high")?) {
        (Some(low), Some(high)) => Some((low, high)),
        (None, None) => None,
        _ => return Err(format!("of the interval of {name} one end is missing")),
    };
    let slice = match cell("slice") {
        None => None,
        Some(text) => match text.split_once('=') {
            Some((column, value)) if !column.trim().is_empty() => {
                Some(Slice { column: column.trim().to_string(), value: value.trim().to_string() })
            }
            _ => return Err(format!("the slice of {name} is {text:?}, and should be like region=eu")),
        },
    };
    Ok(Entry { slice, unit: cell("unit"), n, ends, level: number("level")?, ..Entry::new(&name, value(cell("value"))) })
}
