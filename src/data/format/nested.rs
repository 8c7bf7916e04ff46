//! Fields of structs as columns of their own: `address.city`. Lists and maps stay what they are.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{is_null, nullif};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use std::collections::HashMap;
use std::sync::Arc;

/// Where a column lies in a file: a column of the first level, or a field in it, or in that.
pub(super) type Path = Vec<String>;

/// The columns of a schema in their order, each struct replaced by its fields, and where each lies.
pub(super) fn flatten(schema: &Schema) -> (SchemaRef, Vec<Path>) {
    let (mut fields, mut paths) = (Vec::new(), Vec::new());
    add(schema.fields(), &[], &mut fields, &mut paths);
    (Arc::new(Schema::new(fields)), paths)
}

fn add(from: &Fields, above: &[String], fields: &mut Vec<Field>, paths: &mut Vec<Path>) {
    for field in from {
        let path = [above, &[field.name().clone()]].concat();
        match field.data_type() {
            DataType::Struct(inner) if !inner.is_empty() => add(inner, &path, fields, paths),
            data_type => {
                fields.push(Field::new(path.join("."), data_type.clone(), true));
                paths.push(path);
            }
        }
    }
}

/// The places of `paths` in batches of a schema, which has all of them.
pub(super) fn places(schema: &Schema, paths: &[Path]) -> Option<Vec<Vec<usize>>> {
    let first: HashMap<&String, usize> = schema.fields().iter().map(|f| f.name()).zip(0..).collect();
    let place = |path: &Path| {
        let (name, below) = path.split_first()?;
        let mut place = vec![*first.get(name)?];
        let mut data_type = schema.field(place[0]).data_type();
        for name in below {
            let DataType::Struct(fields) = data_type else { return None };
            let (index, field) = fields.find(name)?;
            place.push(index);
            data_type = field.data_type();
        }
        Some(place)
    };
    paths.iter().map(place).collect()
}

/// The column at a place; a field of a struct that is null is null.
pub(super) fn pick(batch: &RecordBatch, place: &[usize]) -> Result<ArrayRef, ArrowError> {
    let lost = || ArrowError::SchemaError("a column is gone".to_string());
    let (first, below) = place.split_first().ok_or_else(lost)?;
    let mut array = batch.columns().get(*first).ok_or_else(lost)?.clone();
    for index in below {
        let parent = array.as_struct_opt().ok_or_else(lost)?;
        let child = parent.columns().get(*index).ok_or_else(lost)?.clone();
        let covered = parent.null_count() > 0 && child.data_type() != &DataType::Null;
        array = if covered { nullif(&child, &is_null(parent)?)? } else { child };
    }
    Ok(array)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, StringArray, StructArray};
    use arrow::buffer::NullBuffer;
    use arrow::datatypes::Int64Type;

    #[test]
    fn fields_of_structs_are_columns_and_null_where_the_struct_is() {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
        let ints: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), None]));
        let deep = StructArray::new(
            Fields::from(vec![Field::new("n", DataType::Int64, true)]),
            vec![ints],
            Some(NullBuffer::from(vec![false, true, true])),
        );
        let fields = vec![Field::new("deep", deep.data_type().clone(), true), Field::new("t", DataType::Utf8, false)];
        let whole = StructArray::new(Fields::from(fields), vec![Arc::new(deep), text], None);
        let batch = RecordBatch::try_from_iter([("s", Arc::new(whole) as ArrayRef)]).unwrap();
        let (schema, paths) = flatten(&batch.schema());
        let names: Vec<&String> = schema.fields().iter().map(|f| f.name()).collect();
        assert_eq!(names, ["s.deep.n", "s.t"]);
        let places = places(&batch.schema(), &paths).unwrap();
        let found = pick(&batch, &places[0]).unwrap();
        let found: Vec<Option<i64>> = found.as_primitive::<Int64Type>().iter().collect();
        assert_eq!(found, [None, Some(2), None]);
        assert_eq!(pick(&batch, &places[1]).unwrap().as_string::<i32>().value(2), "c");
    }
}
