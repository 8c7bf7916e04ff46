//! Counts and sums over a column: nulls, moments, the newest value.

use super::batch::{Examples, Place, Rows};
use super::findings::Summary;
use crate::config::Aggregate;
use crate::data::values::Values;
use arrow::array::{Array, Float64Array};

/// Counts nulls, and NaN with them: a float column has no other way to say that a value is missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Nulls {
    pub nulls: u64,
    pub nan: u64,
    pub examples: Examples,
}

impl Nulls {
    pub fn feed(&mut self, rows: &Rows, column: usize) -> Result<(), String> {
        let values = rows.values(column)?;
        let nan = match values {
            Values::Float(values) => count_nan(values),
            _ => 0,
        };
        let nulls = values.nulls();
        self.nulls += nulls as u64;
        self.nan += nan as u64;
        if nan + nulls > 0 && !self.examples.full() {
            let is_nan = |row| matches!(values, Values::Float(v) if v.value(row).is_nan());
            let missing = (0..rows.len()).filter(|row| values.is_null(*row) || is_nan(*row));
            self.examples.note(rows, missing, &[column]);
        }
        Ok(())
    }

    pub fn append(&mut self, later: Nulls, place: &Place) {
        self.nulls += later.nulls;
        self.nan += later.nan;
        self.examples.append(later.examples, place);
    }
}

fn count_nan(values: &Float64Array) -> usize {
    match values.null_count() {
        0 => values.values().iter().filter(|value| value.is_nan()).count(),
        _ => values.iter().flatten().filter(|value| value.is_nan()).count(),
    }
}

/// Count, sum, squared deviations from the mean, smallest and largest.
///
/// Each batch is summed in lanes, with what each addition loses kept beside (Knuth's two-sum), and its deviations
/// are taken from its own mean; batches and pieces are put together by Chan, Golub & LeVeque (1983).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moments {
    n: u64,
    nan: u64,
    sum: f64,
    lost: f64,
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Default for Moments {
    fn default() -> Moments {
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        Moments { n: 0, nan: 0, sum: 0.0, lost: 0.0, mean: 0.0, squares: 0.0, min, max }
    }
}

const LANES: usize = 8;

impl Moments {
    pub fn feed(&mut self, rows: &Rows, column: usize) -> Result<(), String> {
        with_numbers(rows.values(column)?, |numbers| {
            let nan = numbers.iter().filter(|value| value.is_nan()).count();
            match nan {
                0 => self.append(Moments::of(numbers)),
                _ => {
                    let numbers: Vec<f64> = numbers.iter().copied().filter(|value| !value.is_nan()).collect();
                    self.append(Moments { nan: nan as u64, ..Moments::of(&numbers) });
                }
            }
        });
        Ok(())
    }

    /// Of numbers that are none of them NaN.
    fn of(numbers: &[f64]) -> Moments {
        let (mut sum, mut lost) = ([0.0; LANES], [0.0; LANES]);
        let (mut min, mut max) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        let chunks = numbers.chunks_exact(LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            for lane in 0..LANES {
                let value = chunk[lane];
                let (total, error) = two_sum(sum[lane], value);
                (sum[lane], lost[lane]) = (total, lost[lane] + error);
                min[lane] = if value < min[lane] { value } else { min[lane] };
                max[lane] = if value > max[lane] { value } else { max[lane] };
            }
        }
        let mut all = Moments { n: numbers.len() as u64, ..Moments::default() };
        for lane in 0..LANES {
            all.add(sum[lane]);
            all.lost += lost[lane];
            all.min = all.min.min(min[lane]);
            all.max = all.max.max(max[lane]);
        }
        for value in rest {
            all.add(*value);
            all.min = all.min.min(*value);
            all.max = all.max.max(*value);
        }
        if all.n > 0 {
            all.mean = (all.sum + all.lost) / all.n as f64;
            let mut squares = [0.0; LANES];
            for (place, value) in numbers.iter().enumerate() {
                squares[place % LANES] += (value - all.mean) * (value - all.mean);
            }
            all.squares = squares.iter().sum();
        }
        all
    }

    fn add(&mut self, value: f64) {
        let (sum, error) = two_sum(self.sum, value);
        (self.sum, self.lost) = (sum, self.lost + error);
    }

    /// Those of later rows.
    pub fn append(&mut self, later: Moments) {
        self.nan += later.nan;
        if later.n == 0 {
            return;
        }
        let (here, there, all) = (self.n as f64, later.n as f64, (self.n + later.n) as f64);
        let between = later.mean - self.mean;
        self.mean = if self.n == 0 { later.mean } else { self.mean + between * (there / all) };
        self.squares += later.squares + if self.n == 0 { 0.0 } else { between * between * here * there / all };
        self.n += later.n;
        self.add(later.sum);
        self.lost += later.lost;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
    }

    pub fn summary(&self, function: Aggregate, private: bool) -> Summary {
        let n = self.n as f64;
        let value = match function {
            Aggregate::Mean => self.total() / n,
            // Of a sample, divided by n - 1, as pandas does.
            Aggregate::Stddev => (self.squares / (n - 1.0)).sqrt(),
            Aggregate::Min => self.min,
            Aggregate::Max => self.max,
            Aggregate::Sum => self.total(),
            Aggregate::Quantile(_) | Aggregate::Distinct => f64::NAN,
        };
        Summary { n: self.n, nan: self.nan, value, private }
    }

    /// Of infinite numbers, what was lost is no number.
    fn total(&self) -> f64 {
        if self.lost.is_finite() { self.sum + self.lost } else { self.sum }
    }
}

/// The sum, and what it lost by rounding.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// The numbers of a batch that are not null.
pub(super) fn with_numbers(values: &Values, see: impl FnOnce(&[f64])) {
    match values {
        Values::Float(values) if values.null_count() == 0 => see(values.values()),
        Values::Float(values) => see(&values.iter().flatten().collect::<Vec<f64>>()),
        Values::Int(values) if values.null_count() == 0 => {
            see(&values.values().iter().map(|value| *value as f64).collect::<Vec<f64>>());
        }
        Values::Int(values) => see(&values.iter().flatten().map(|value| value as f64).collect::<Vec<f64>>()),
        Values::Bool(values) => {
            see(&values.iter().flatten().map(|value| f64::from(u8::from(value))).collect::<Vec<f64>>());
        }
        _ => {}
    }
}

/// The newest value, in microseconds since 1970-01-01 UTC, and how many values there are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Newest {
    pub n: u64,
    pub newest: Option<i64>,
}

impl Newest {
    pub fn feed(&mut self, rows: &Rows, column: usize) -> Result<(), String> {
        if let Values::Time(values) = rows.values(column)? {
            let n = (values.len() - values.null_count()) as u64;
            self.append(Newest { n, newest: arrow::compute::max(values) });
        }
        Ok(())
    }

    pub fn append(&mut self, later: Newest) {
        self.n += later.n;
        self.newest = self.newest.max(later.newest);
    }
}
