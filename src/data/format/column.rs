//! Columns of values that were written as text, as Arrow arrays.

use super::parse;
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, NullArray, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use std::sync::Arc;

/// Why there is no array.
pub(in super::super) enum Unfit {
    /// The row whose value is not of the type.
    Row(usize),
    /// The texts of one batch are too large together, or no text.
    Text(String),
}

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Number,
    String,
    Bool,
    Array,
}

impl Kind {
    /// Whether values of this kind may be of the type; what is left is whether their text is.
    pub fn may_be(self, data_type: &DataType) -> bool {
        match data_type {
            DataType::Int64 | DataType::Float64 => self == Kind::Number,
            DataType::Boolean => self == Kind::Bool,
            DataType::Date32 | DataType::Timestamp(..) => self == Kind::String,
            DataType::Null => false,
            _ => true,
        }
    }
}

/// The values of `rows` rows as an array of the type; `cell` gives a row's text, None for null.
pub(in super::super) fn build<'a>(
    data_type: &DataType,
    rows: usize,
    cell: impl Fn(usize) -> Option<&'a [u8]>,
) -> Result<ArrayRef, Unfit> {
    Ok(match data_type {
        DataType::Null => match (0..rows).find(|row| cell(*row).is_some()) {
            Some(row) => return Err(Unfit::Row(row)),
            None => Arc::new(NullArray::new(rows)),
        },
        DataType::Int64 => {
            let (values, nulls) = parsed(rows, cell, parse::int)?;
            Arc::new(Int64Array::new(values.into(), nulls))
        }
        DataType::Float64 => {
            let (values, nulls) = parsed(rows, cell, parse::float)?;
            Arc::new(Float64Array::new(values.into(), nulls))
        }
        DataType::Boolean => {
            let (values, nulls) = parsed(rows, cell, parse::boolean)?;
            Arc::new(BooleanArray::new(values.into(), nulls))
        }
        DataType::Date32 => {
            let (values, nulls) = parsed(rows, cell, parse::date)?;
            Arc::new(Date32Array::new(values.into(), nulls))
        }
        DataType::Timestamp(_, zone) => {
            let read = if zone.is_some() { parse::zoned } else { parse::timestamp };
            let (values, nulls) = parsed(rows, cell, read)?;
            Arc::new(TimestampMicrosecondArray::new(values.into(), nulls).with_timezone_opt(zone.clone()))
        }
        _ => texts(rows, cell)?,
    })
}

fn parsed<'a, T: Default>(
    rows: usize,
    cell: impl Fn(usize) -> Option<&'a [u8]>,
    read: impl Fn(&[u8]) -> Option<T>,
) -> Result<(Vec<T>, Option<NullBuffer>), Unfit> {
    let (mut values, mut nulls) = (Vec::with_capacity(rows), Vec::new());
    for row in 0..rows {
        values.push(match cell(row) {
            Some(text) => read(text).ok_or(Unfit::Row(row))?,
            None => {
                nulls.push(row);
                T::default()
            }
        });
    }
    Ok((values, null_buffer(rows, &nulls)))
}

fn texts<'a>(rows: usize, cell: impl Fn(usize) -> Option<&'a [u8]>) -> Result<ArrayRef, Unfit> {
    let (mut bytes, mut nulls) = (Vec::with_capacity(rows * 8), Vec::new());
    let mut offsets = Vec::with_capacity(rows + 1);
    offsets.push(0);
    for row in 0..rows {
        match cell(row) {
            Some(text) => bytes.extend_from_slice(text),
            None => nulls.push(row),
        }
        offsets.push(bytes.len() as i32);
    }
    if i32::try_from(bytes.len()).is_err() {
        return Err(Unfit::Text("one batch has more than 2 GiB of text".to_string()));
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let array = StringArray::try_new(offsets, Buffer::from_vec(bytes), null_buffer(rows, &nulls));
    Ok(Arc::new(array.map_err(|e| Unfit::Text(e.to_string()))?))
}

fn null_buffer(rows: usize, nulls: &[usize]) -> Option<NullBuffer> {
    if nulls.is_empty() {
        return None;
    }
    let mut valid = vec![0xff_u8; rows.div_ceil(8)];
    for row in nulls {
        valid[row / 8] &= !(1 << (row % 8));
    }
    Some(NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(valid), 0, rows)))
}
