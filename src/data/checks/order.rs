//! `increasing` and its kin: each value against the one before it.

use super::batch::{Example, Examples, Place, Rows};
use crate::config::Order;
use crate::data::values::{Values, cast};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Decimal128Type, TimeUnit, TimestampNanosecondType, UInt64Type};
use std::cmp::Ordering;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ordered {
    pub n: u64,
    pub failed: u64,
    pub examples: Examples,
    /// The piece's first value, with its row as an example of what may break the order to the piece before.
    first: Option<(Value, Example)>,
    last: Option<Last>,
}

/// A value, and how examples show it.
#[derive(Clone, Debug, PartialEq)]
struct Last {
    value: Value,
    shown: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Whole(i128),
    Float(f64),
    Text(String),
}

impl Value {
    fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Whole(a), Value::Whole(b)) => Some(a.cmp(b)),
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// NaN is in no order to anything.
fn keeps(order: Order, found: Option<Ordering>) -> bool {
    match order {
        Order::Increasing => matches!(found, Some(Ordering::Less | Ordering::Equal)),
        Order::StrictlyIncreasing => found == Some(Ordering::Less),
        Order::Decreasing => matches!(found, Some(Ordering::Greater | Ordering::Equal)),
        Order::StrictlyDecreasing => found == Some(Ordering::Greater),
    }
}

impl Ordered {
    pub fn feed(&mut self, rows: &Rows, column: usize, order: Order) -> Result<(), String> {
        let array = rows.array(column)?;
        let values = rows.values(column)?;
        let mut walk = Walk { tally: self, rows, column, order };
        match (array.data_type(), values) {
            (DataType::UInt64, _) => walk.whole(array.as_primitive::<UInt64Type>().iter().map(|v| v.map(i128::from))),
            (DataType::Timestamp(TimeUnit::Nanosecond, _), _) => {
                walk.whole(array.as_primitive::<TimestampNanosecondType>().iter().map(|v| v.map(i128::from)));
            }
            (
                DataType::Decimal32(_, scale)
                | DataType::Decimal64(_, scale)
                | DataType::Decimal128(_, scale)
                | DataType::Decimal256(_, scale),
                _,
            ) => {
                let array = cast(array, &DataType::Decimal128(38, *scale))
                    .map_err(|_| "a decimal is too large to be compared".to_string())?;
                walk.whole(array.as_primitive::<Decimal128Type>().iter());
            }
            (_, Values::Int(values) | Values::Time(values)) => {
                walk.whole(values.iter().map(|value| value.map(i128::from)));
            }
            (_, Values::Bool(values)) => walk.whole(values.iter().map(|value| value.map(i128::from))),
            (_, Values::Float(values)) => {
                walk.each(values.iter(), |value| Value::Float(*value), f64::partial_cmp);
            }
            (_, Values::Text(values)) => {
                walk.text((0..values.len()).map(|row| values.is_valid(row).then(|| values.value(row))))
            }
            (_, Values::Coded(coded)) => walk.text((0..rows.len()).map(|row| coded.get(row))),
            (_, Values::Null(_)) => {}
            (_, Values::Other(_)) => return Err("values of this type have no order".to_string()),
        }
        Ok(())
    }

    pub fn append(&mut self, later: Ordered, order: Order, place: &Place) {
        let Ordered { n, failed, examples, first, last } = later;
        if let (Some(before), Some((value, example))) = (&self.last, &first)
            && !keeps(order, before.value.compare(value))
        {
            self.failed += 1;
            let example = place.settle(example.clone());
            self.examples.push(after(example, &before.shown));
        }
        self.n += n;
        self.failed += failed;
        self.examples.append(examples, place);
        if let (None, Some((value, example))) = (&self.first, first) {
            self.first = Some((value, place.settle(example)));
        }
        self.last = last.or_else(|| self.last.take());
    }
}

/// `row 5: ts = 3, after 4`
fn after(example: Example, before: &str) -> Example {
    Example { values: format!("{}, after {before}", example.values), ..example }
}

struct Walk<'a, 'b> {
    tally: &'a mut Ordered,
    rows: &'a Rows<'b>,
    column: usize,
    order: Order,
}

impl Walk<'_, '_> {
    fn whole(&mut self, values: impl Iterator<Item = Option<i128>>) {
        self.each(values, |value| Value::Whole(*value), |a, b| Some(a.cmp(b)));
    }

    fn text<'t>(&mut self, values: impl Iterator<Item = Option<&'t str>>) {
        self.each(values, |value| Value::Text((*value).to_string()), |a, b| Some(a.cmp(b)));
    }

    fn each<T: Copy>(
        &mut self,
        values: impl Iterator<Item = Option<T>>,
        make: impl Fn(&T) -> Value,
        compare: impl Fn(&T, &T) -> Option<Ordering>,
    ) {
        let mut values = values.enumerate().filter_map(|(row, value)| value.map(|value| (row, value)));
        let Some((row, start)) = values.next() else { return };
        self.begin(row, make(&start));
        let (mut last, mut last_row) = (start, row);
        let order = self.order;
        for (row, value) in values {
            self.tally.n += 1;
            if !keeps(order, compare(&last, &value)) {
                self.broken(row, Some(last_row));
            }
            (last, last_row) = (value, row);
        }
        self.end(last_row, make(&last));
    }

    /// The batch's first value, against the last of the batch before.
    fn begin(&mut self, row: usize, value: Value) {
        self.tally.n += 1;
        match &self.tally.last {
            None => self.tally.first = Some((value, self.rows.example(row, &[self.column]))),
            Some(last) if !keeps(self.order, last.value.compare(&value)) => self.broken(row, None),
            Some(_) => {}
        }
    }

    fn broken(&mut self, row: usize, before: Option<usize>) {
        self.tally.failed += 1;
        if !self.tally.examples.full() {
            let shown = match (before, &self.tally.last) {
                (Some(before), _) => self.rows.shown(self.column, before),
                (None, Some(last)) => last.shown.clone(),
                (None, None) => String::new(),
            };
            self.tally.examples.push(after(self.rows.example(row, &[self.column]), &shown));
        }
    }

    fn end(&mut self, row: usize, value: Value) {
        self.tally.last = Some(Last { value, shown: self.rows.shown(self.column, row) });
    }
}
