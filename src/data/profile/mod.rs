//! Profiles of data sets: made in one streamed pass, mergeable, without the rows.

mod column;
mod distinct;
mod sketch;
#[cfg(test)]
mod tests;

use super::pieces::Piece;
use super::table::{Reading, Table, scan_exact};
use super::workers::each_in_order;
use crate::model::{ColumnKind, ColumnProfile, Fault, Numbers, Profile};
pub(in crate::data) use column::kind_of;
use column::{Column, most_frequent, together};
pub(in crate::data) use sketch::rank_error;

/// The number of different values that a column has, to a few percent; exact where they are all listed.
pub fn distinct(column: &ColumnProfile) -> f64 {
    match column.others {
        0 if !column.values.is_empty() => column.values.len() as f64,
        _ => distinct::estimate(&column.registers),
    }
}

/// Profiles a table. Of `private` columns only nulls are counted.
///
/// # Errors
/// When the table cannot be read, has no rows, or has no private column of a name given.
pub fn of_table(dataset: &str, table: &Table, private: &[String]) -> Result<Profile, Fault> {
    let names: Vec<String> = table.schema().fields().iter().map(|field| field.name().clone()).collect();
    if let Some(absent) = private.iter().find(|name| !names.contains(name)) {
        let hint = super::table::missing_column(&table.schema(), absent);
        return Err(Fault::new(format!("profile {dataset}"), format!("no column {absent:?}, which is private"), hint));
    }
    let profile = scan_exact(table, |table| scan(dataset, table, private))??;
    match profile.rows {
        0 => Err(Fault::new(format!("profile {dataset}"), "it has no rows", "")),
        _ => Ok(profile),
    }
}

fn scan(dataset: &str, table: &Table, private: &[String]) -> Result<Profile, Fault> {
    let schema = table.schema();
    let columns = || -> Vec<Column> {
        let kind = |name: &String, data_type| match private.contains(name) {
            true => ColumnKind::Private,
            false => kind_of(data_type),
        };
        schema.fields().iter().map(|field| Column::new(field.name(), kind(field.name(), field.data_type()))).collect()
    };
    let wanted: Vec<(String, Reading)> =
        schema.fields().iter().map(|field| (field.name().clone(), Reading::Typed)).collect();
    let one = |piece: Piece| -> Result<(u64, Vec<Column>), Fault> {
        let (mut rows, mut states) = (0, columns());
        for batch in piece {
            let batch = batch?;
            rows += batch.num_rows() as u64;
            for (state, array) in states.iter_mut().zip(batch.columns()) {
                state.feed(array).map_err(|why| Fault::new(format!("profile {dataset}"), why, ""))?;
            }
        }
        Ok((rows, states))
    };
    let (mut rows, mut whole) = (0, columns());
    each_in_order(table.pieces(&wanted)?, one, |(count, states)| {
        rows += count;
        whole.iter_mut().zip(states).for_each(|(whole, part)| whole.merge(part));
    })?;
    Ok(Profile { dataset: dataset.to_string(), rows, columns: whole.into_iter().map(Column::finish).collect() })
}

/// The profile of both data sets together, under the first one's name. Counts, moments, ends and the sketch of different
/// values are as if all rows had been profiled at once; a quantile's rank is off by at most half a step of the 200
/// more than in the two.
///
/// # Errors
/// When the two have not the same columns of the same kinds.
pub fn merge(a: &Profile, b: &Profile) -> Result<Profile, String> {
    if a.columns.len() != b.columns.len() {
        return Err(format!("{} columns on one side, {} on the other", a.columns.len(), b.columns.len()));
    }
    let column = |x: &ColumnProfile| {
        let y = b.column(&x.name).ok_or_else(|| format!("column {:?} is on one side only", x.name))?;
        match x.kind == y.kind {
            true => Ok(merge_columns(x, y)),
            false => Err(format!(
                "column {:?} is a {} on one side and a {} on the other",
                x.name,
                x.kind.name(),
                y.kind.name()
            )),
        }
    };
    let columns = a.columns.iter().map(column).collect::<Result<_, _>>()?;
    Ok(Profile { dataset: a.dataset.clone(), rows: a.rows + b.rows, columns })
}

/// A profile that was written leaves out the registers where it lists all values.
fn registers(column: &ColumnProfile) -> Vec<u8> {
    if !column.registers.is_empty() || column.others > 0 || column.values.is_empty() {
        return column.registers.clone();
    }
    let mut sketch = distinct::Distinct::new();
    for (value, _) in &column.values {
        sketch.add(match (column.kind, value.parse()) {
            (ColumnKind::Number, Ok(number)) => distinct::of_number(number),
            _ => distinct::of_text(value),
        });
    }
    sketch.registers()
}

fn merge_columns(x: &ColumnProfile, y: &ColumnProfile) -> ColumnProfile {
    let numbers = match (&x.numbers, &y.numbers) {
        (Some(p), Some(q)) => {
            let (mean, squares) = together((x.count, p.mean, p.squares), (y.count, q.mean, q.squares));
            // Each quantile stands for its share of the values.
            let weighted = |numbers: &Numbers, count: u64| -> Vec<(f64, u64)> {
                numbers.quantiles.iter().map(|value| (*value, count)).collect()
            };
            let all = weighted(p, x.count).into_iter().chain(weighted(q, y.count)).collect();
            let mut quantiles = sketch::at_ranks(all, column::QUANTILES);
            let (min, max) = (p.min.min(q.min), p.max.max(q.max));
            if let Some(first) = quantiles.first_mut() {
                *first = min;
            }
            if let Some(last) = quantiles.last_mut() {
                *last = max;
            }
            Some(Numbers { min, max, mean, squares, quantiles })
        }
        (one, None) | (None, one) => one.clone(),
    };
    let mut counts = x.values.clone();
    for (value, count) in &y.values {
        match counts.iter_mut().find(|(known, _)| known == value) {
            Some((_, known)) => *known += count,
            None => counts.push((value.clone(), *count)),
        }
    }
    // What one side does not list may still be there: the list then holds only what both can vouch for.
    if x.others > 0 || y.others > 0 {
        let vouched =
            |side: &ColumnProfile, value: &str| side.others == 0 || side.values.iter().any(|(v, _)| v == value);
        counts.retain(|(value, _)| vouched(x, value) && vouched(y, value));
    }
    let count = x.count + y.count;
    let (values, listed) = most_frequent(counts);
    ColumnProfile {
        name: x.name.clone(),
        kind: x.kind,
        count,
        nulls: x.nulls + y.nulls,
        not_finite: x.not_finite + y.not_finite,
        numbers,
        values,
        others: count - listed,
        registers: distinct::merged(&registers(x), &registers(y)),
    }
}
