//! Evaluates the condition of an `sql:` check over a batch, by Arrow's kernels and SQL's three-valued logic.
//!
//! NaN follows PostgreSQL: it equals itself and is above every other number. A division by zero is an error.

use super::values::{Family, Values, cast};
use crate::config::data_check::filter::{Arithmetic, Expr};
use crate::config::data_check::time::moment;
use crate::model::Op;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Datum, DurationMicrosecondArray, Float64Array, Int64Array, NullArray,
    RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::filter_record_batch;
use arrow::compute::kernels::{boolean, cmp, numeric};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, TimeUnit};
use arrow::error::ArrowError;
use std::sync::Arc;

const TIME: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// A column of results, or one result that stands for every row.
struct Operand {
    array: ArrayRef,
    scalar: bool,
}

impl Datum for Operand {
    fn get(&self) -> (&dyn Array, bool) {
        (&*self.array, self.scalar)
    }
}

/// A condition with the places of its columns in a batch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    pub expr: Expr,
    pub columns: Vec<(String, usize)>,
    /// The present, in microseconds since 1970-01-01 UTC.
    pub now: i64,
}

impl Condition {
    pub fn columns(&self) -> impl Iterator<Item = usize> + '_ {
        self.columns.iter().map(|(_, column)| *column)
    }
}

/// In which rows of a batch a condition holds, by the names of its columns; null where that cannot be told.
///
/// # Errors
/// As [`evaluate`], and when a column is not in the batch.
pub fn holds(expr: &Expr, batch: &RecordBatch) -> Result<BooleanArray, String> {
    let columns = expr.columns().into_iter().zip(0..).map(|(name, place)| (name.to_string(), place)).collect();
    let condition = Condition { expr: expr.clone(), columns, now: 0 };
    let column = |place: usize| {
        let name = condition.columns.get(place).map_or("", |(name, _)| name);
        batch.column_by_name(name).ok_or_else(|| format!("no column {name:?}"))
    };
    evaluate(&condition, batch.num_rows(), column)
}

/// The truth of the condition in each of `rows` rows: true, false or null.
///
/// # Errors
/// When types do not go together, an integer overflows or a divisor is zero.
pub(super) fn evaluate<'a>(
    condition: &Condition,
    rows: usize,
    column: impl Fn(usize) -> Result<&'a ArrayRef, String>,
) -> Result<BooleanArray, String> {
    let mut fields = Vec::with_capacity(condition.columns.len());
    let mut arrays = Vec::with_capacity(condition.columns.len());
    for (name, place) in &condition.columns {
        let array = comparable(column(*place)?)?;
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).map_err(failed)?;
    Evaluation { batch: &batch, now: condition.now, counts_truths: false }.truth(&condition.expr)
}

/// The value of an expression in each row, as a number: true is 1 and false is 0, in arithmetic too. None for null.
///
/// # Errors
/// When types do not go together, an integer overflows or a divisor is zero.
pub fn numbers_of_rows(expr: &Expr, batch: &RecordBatch) -> Result<Vec<Option<f64>>, String> {
    let arrays = batch.columns().iter().map(comparable).collect::<Result<Vec<_>, _>>()?;
    let schema = batch.schema();
    let names = schema.fields().iter().map(|field| field.name());
    let fields: Vec<Field> =
        names.zip(&arrays).map(|(name, of)| Field::new(name, of.data_type().clone(), true)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).map_err(failed)?;
    let found = Evaluation { batch: &batch, now: 0, counts_truths: true }.operand(expr)?;
    if !matches!(kind(&found), "a number" | "true or false" | "null") {
        return Err(format!("it is {}, and a number is needed", kind(&found)));
    }
    let numbers = cast(&found.array, &DataType::Float64)?;
    let numbers = numbers.as_primitive::<Float64Type>();
    Ok(match found.scalar {
        true => vec![numbers.iter().next().flatten(); batch.num_rows()],
        false => numbers.iter().collect(),
    })
}

/// A reason for which a condition cannot be evaluated, without what it may tell of the rows.
pub(super) fn without_values(reason: String) -> String {
    const TELLING: [&str; 3] = ["a number is too large", "Cast error", "Arithmetic overflow"];
    match TELLING.iter().any(|start| reason.starts_with(start)) {
        true => "a number is too large".to_string(),
        false => reason,
    }
}

/// The column in the type of its family.
fn comparable(array: &ArrayRef) -> Result<ArrayRef, String> {
    Ok(match Values::of(array)? {
        Values::Null(rows) => Arc::new(NullArray::new(rows)),
        Values::Int(values) => Arc::new(values),
        Values::Float(values) => Arc::new(values),
        Values::Text(values) => Arc::new(values),
        Values::Coded(values) => Arc::new(values.plain()?),
        Values::Bool(values) => Arc::new(values),
        Values::Time(micros) => cast(&(Arc::new(micros) as ArrayRef), &TIME)?,
        Values::Other(values) => values,
    })
}

struct Evaluation<'a> {
    batch: &'a RecordBatch,
    now: i64,
    /// True is 1 and false is 0 where a number is needed.
    counts_truths: bool,
}

fn scalar(array: impl Array + 'static) -> Operand {
    Operand { array: Arc::new(array), scalar: true }
}

fn kind(operand: &Operand) -> &'static str {
    match operand.array.data_type() {
        DataType::Null => "null",
        DataType::Int64 | DataType::Float64 => "a number",
        DataType::Utf8 => "text",
        DataType::Boolean => "true or false",
        DataType::Timestamp(..) => "a time",
        DataType::Duration(_) => "an interval",
        _ => "of another type",
    }
}

fn failed(error: ArrowError) -> String {
    match error {
        ArrowError::DivideByZero => {
            "a divisor is zero; leave such rows out by a condition with `and` before it".to_string()
        }
        ArrowError::ArithmeticOverflow(what) => format!("a number is too large: {what}"),
        other => other.to_string(),
    }
}

impl Evaluation<'_> {
    fn operand(&self, expr: &Expr) -> Result<Operand, String> {
        Ok(match expr {
            Expr::Column(name) => self.column(name)?,
            Expr::Int(value) => scalar(Int64Array::from(vec![*value])),
            Expr::Float(value) => scalar(Float64Array::from(vec![*value])),
            Expr::Text(value) => scalar(StringArray::from(vec![value.as_str()])),
            Expr::Bool(value) => scalar(BooleanArray::from(vec![*value])),
            Expr::Null => scalar(NullArray::new(1)),
            Expr::Now => scalar(TimestampMicrosecondArray::from(vec![self.now])),
            Expr::Time(micros) => scalar(TimestampMicrosecondArray::from(vec![*micros])),
            Expr::Span(micros) => scalar(DurationMicrosecondArray::from(vec![*micros])),
            Expr::Negative(inner) => {
                let inner = self.number(inner)?;
                if !matches!(kind(&inner), "a number" | "an interval" | "null") {
                    return Err(format!("minus needs a number, not {}", kind(&inner)));
                }
                Operand { array: numeric::neg(&inner.array).map_err(failed)?, scalar: inner.scalar }
            }
            Expr::Arithmetic(left, op, right) => arithmetic(self.number(left)?, *op, self.number(right)?)?,
            truth => Operand { array: Arc::new(self.truth(truth)?), scalar: false },
        })
    }

    /// An operand of arithmetic.
    fn number(&self, expr: &Expr) -> Result<Operand, String> {
        let found = self.operand(expr)?;
        Ok(match kind(&found) {
            "true or false" if self.counts_truths => {
                Operand { array: cast(&found.array, &DataType::Int64)?, scalar: found.scalar }
            }
            _ => found,
        })
    }

    fn column(&self, name: &str) -> Result<Operand, String> {
        let array = self.batch.column_by_name(name).ok_or_else(|| format!("no column {name:?}"))?;
        Ok(Operand { array: array.clone(), scalar: false })
    }

    /// The truth of an expression for every row: true, false or null.
    fn truth(&self, expr: &Expr) -> Result<BooleanArray, String> {
        match expr {
            Expr::Compare(left, op, right) => self.spread(compare(self.operand(left)?, *op, self.operand(right)?)?),
            Expr::And(parts) => self.all_of(parts),
            Expr::Or(parts) => {
                let mut truths = parts.iter().map(|part| self.truth(part));
                let first = truths.next().unwrap_or_else(|| Err("an empty condition".to_string()))?;
                truths.try_fold(first, |any, part| boolean::or_kleene(&any, &part?).map_err(failed))
            }
            Expr::Not(inner) => boolean::not(&self.truth(inner)?).map_err(failed),
            Expr::IsNull(inner) => {
                let inner = self.operand(inner)?;
                let array = Arc::new(boolean::is_null(&inner.array).map_err(failed)?);
                self.spread(Operand { array, scalar: inner.scalar })
            }
            Expr::In(value, list) => {
                let mut found: Option<BooleanArray> = None;
                for item in list {
                    let equal = self.spread(compare(self.operand(value)?, Op::Equal, self.operand(item)?)?)?;
                    found = Some(match found {
                        Some(found) => boolean::or_kleene(&found, &equal).map_err(failed)?,
                        None => equal,
                    });
                }
                found.ok_or_else(|| "in () holds no values".to_string())
            }
            Expr::Like(value, pattern) => {
                let value = self.operand(value)?;
                let regex = regex::Regex::new(pattern).map_err(|e| e.to_string())?;
                let array: ArrayRef = match value.array.data_type() {
                    DataType::Utf8 => {
                        let matched = value.array.as_string::<i32>().iter().map(|text| text.map(|t| regex.is_match(t)));
                        Arc::new(matched.collect::<BooleanArray>())
                    }
                    DataType::Null => Arc::new(BooleanArray::new_null(value.array.len())),
                    _ => return Err(format!("like needs text, not {}", kind(&value))),
                };
                self.spread(Operand { array, scalar: value.scalar })
            }
            other => self.spread(self.operand(other)?),
        }
    }

    /// From left to right, each part only over the rows that those before it did not rule out, so that
    /// `b <> 0 and a / b > 1` divides by no zero.
    fn all_of(&self, parts: &[Expr]) -> Result<BooleanArray, String> {
        let mut all = BooleanArray::from(vec![true; self.batch.num_rows()]);
        for part in parts {
            let open: BooleanArray = all.iter().map(|truth| Some(truth != Some(false))).collect();
            let truth = match open.false_count() {
                0 => self.truth(part)?,
                _ => {
                    let batch = filter_record_batch(self.batch, &open).map_err(failed)?;
                    let inside = Evaluation { batch: &batch, ..*self }.truth(part)?;
                    let mut inside = inside.iter();
                    open.iter()
                        .map(|open| if open == Some(true) { inside.next().flatten() } else { Some(false) })
                        .collect()
                }
            };
            all = boolean::and_kleene(&all, &truth).map_err(failed)?;
        }
        Ok(all)
    }

    /// One truth for each row.
    fn spread(&self, operand: Operand) -> Result<BooleanArray, String> {
        let rows = self.batch.num_rows();
        let truths = match operand.array.data_type() {
            DataType::Boolean => operand.array.as_boolean().clone(),
            DataType::Null => BooleanArray::new_null(operand.array.len()),
            _ => return Err(format!("a condition must be true or false, but one part is {}", kind(&operand))),
        };
        Ok(match operand.scalar {
            true if truths.is_null(0) => BooleanArray::new_null(rows),
            true => BooleanArray::from(vec![truths.value(0); rows]),
            false => truths,
        })
    }
}

/// Brings both sides to one type: int to float, null to anything, quoted text to a time.
fn align(left: Operand, right: Operand) -> Result<(Operand, Operand), String> {
    let (l, r) = (left.array.data_type().clone(), right.array.data_type().clone());
    let to = |operand: Operand, data_type: &DataType| -> Result<Operand, String> {
        Ok(Operand { array: cast(&operand.array, data_type)?, scalar: operand.scalar })
    };
    Ok(match (&l, &r) {
        _ if l == r => (left, right),
        (DataType::Null, _) => (to(left, &r)?, right),
        (_, DataType::Null) => (left, to(right, &l)?),
        (DataType::Int64, DataType::Float64) => (to(left, &r)?, right),
        (DataType::Float64, DataType::Int64) => (left, to(right, &l)?),
        (DataType::Timestamp(..), DataType::Utf8) if right.scalar => (left, as_time(&right)?),
        (DataType::Utf8, DataType::Timestamp(..)) if left.scalar => (as_time(&left)?, right),
        _ => return Err(format!("{} cannot be compared with {}", kind(&left), kind(&right))),
    })
}

fn as_time(literal: &Operand) -> Result<Operand, String> {
    let text = literal.array.as_string::<i32>().value(0);
    let moment = moment(text).ok_or_else(|| format!("{text:?} is no date or time"))?;
    Ok(scalar(TimestampMicrosecondArray::from(vec![moment.micros])))
}

/// Arrow orders floats by their bits; SQL knows one zero and one NaN.
fn ordered(operand: Operand) -> Operand {
    let Some(floats) = operand.array.as_primitive_opt::<Float64Type>() else { return operand };
    let floats = floats.unary::<_, Float64Type>(|value| if value.is_nan() { f64::NAN } else { value + 0.0 });
    Operand { array: Arc::new(floats), ..operand }
}

fn compare(left: Operand, op: Op, right: Operand) -> Result<Operand, String> {
    let scalar = left.scalar && right.scalar;
    let (left, right) = align(left, right)?;
    if Family::of(left.array.data_type()) == Family::Null {
        let rows = if left.scalar { right.array.len() } else { left.array.len() };
        return Ok(Operand { array: Arc::new(NullArray::new(rows)), scalar });
    }
    let (left, right) = (ordered(left), ordered(right));
    let kernel = match op {
        Op::Less => cmp::lt,
        Op::LessOrEqual => cmp::lt_eq,
        Op::Greater => cmp::gt,
        Op::GreaterOrEqual => cmp::gt_eq,
        Op::Equal => cmp::eq,
    };
    Ok(Operand { array: Arc::new(kernel(&left, &right).map_err(failed)?), scalar })
}

fn arithmetic(left: Operand, op: Arithmetic, right: Operand) -> Result<Operand, String> {
    let scalar = left.scalar && right.scalar;
    let shift = |a: &Operand, b: &Operand| kind(a) == "a time" && kind(b) == "an interval";
    let on_times = match op {
        Arithmetic::Add => shift(&left, &right) || shift(&right, &left),
        Arithmetic::Subtract => shift(&left, &right) || (kind(&left) == "a time" && kind(&right) == "a time"),
        _ => false,
    };
    let (mut left, mut right) = if on_times { (left, right) } else { align(left, right)? };
    let (a, b) = (kind(&left), kind(&right));
    if !(on_times || a == b && matches!(a, "a number" | "null")) {
        return Err(format!("arithmetic needs numbers, not {a} and {b}"));
    }
    if a == "null" {
        let rows = if left.scalar { right.array.len() } else { left.array.len() };
        return Ok(Operand { array: Arc::new(NullArray::new(rows)), scalar });
    }
    if op == Arithmetic::Divide {
        left.array = cast(&left.array, &DataType::Float64)?;
        right.array = cast(&right.array, &DataType::Float64)?;
    }
    let by_zero = matches!(op, Arithmetic::Divide | Arithmetic::Modulo)
        && right.array.data_type() == &DataType::Float64
        && right.array.as_primitive::<Float64Type>().iter().flatten().any(|divisor| divisor == 0.0);
    if by_zero {
        return Err(failed(ArrowError::DivideByZero));
    }
    let kernel = match op {
        Arithmetic::Add => numeric::add,
        Arithmetic::Subtract => numeric::sub,
        Arithmetic::Multiply => numeric::mul,
        Arithmetic::Divide => numeric::div,
        Arithmetic::Modulo => numeric::rem,
    };
    Ok(Operand { array: kernel(&left, &right).map_err(failed)?, scalar })
}
