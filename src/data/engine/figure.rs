//! The figures of an answer: one row of counts and numbers.

use super::Failure;
use crate::data::values::cast;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};

/// One number of an answer, or null.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    Null,
    Whole(i64),
    Number(f64),
}

impl Figure {
    pub fn count(self) -> u64 {
        match self {
            Figure::Whole(count) => u64::try_from(count).unwrap_or(0),
            Figure::Number(_) | Figure::Null => 0,
        }
    }

    pub fn whole(self) -> Option<i64> {
        match self {
            Figure::Whole(whole) => Some(whole),
            Figure::Number(_) | Figure::Null => None,
        }
    }

    pub fn number(self) -> f64 {
        match self {
            Figure::Number(number) => number,
            Figure::Whole(whole) => whole as f64,
            Figure::Null => f64::NAN,
        }
    }
}

/// The one row of an answer.
pub fn figures(batches: &[RecordBatch], wanted: usize) -> Result<Vec<Figure>, Failure> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let batch = batches.iter().find(|batch| batch.num_rows() == 1);
    match batch {
        Some(batch) if rows == 1 && batch.num_columns() == wanted => {
            batch.columns().iter().map(figure).collect::<Result<_, _>>().map_err(Failure::gone)
        }
        _ => Err(Failure::gone(format!("the answer to an aggregate has {rows} rows instead of one"))),
    }
}

fn figure(array: &ArrayRef) -> Result<Figure, String> {
    if array.is_null(0) || array.data_type() == &DataType::Null {
        return Ok(Figure::Null);
    }
    Ok(match array.data_type() {
        data_type if data_type.is_integer() => {
            Figure::Whole(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().value(0))
        }
        DataType::Float32 | DataType::Float64 => {
            Figure::Number(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().value(0))
        }
        other => return Err(format!("the answer to an aggregate is {other}")),
    })
}
