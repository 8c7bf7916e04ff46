//! The profile of one column while its rows go by.

use super::distinct::{self, Distinct};
use super::sketch::Sketch;
use crate::data::values::{Family, Values};
use crate::model::{ColumnKind, ColumnProfile, Numbers};
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use std::collections::HashMap;

/// Most different values that are counted one by one; with more of them, the column's values are not listed.
const COUNTED: usize = 10_000;
/// Most values listed.
const LISTED: usize = 200;
/// Numbers are listed only if there are few of them: the quantiles tell the rest.
const LISTED_NUMBERS: usize = 64;
pub const QUANTILES: usize = 201;

#[derive(Clone, Debug)]
pub struct Column {
    name: String,
    kind: ColumnKind,
    count: u64,
    nulls: u64,
    not_finite: u64,
    min: f64,
    max: f64,
    mean: f64,
    squares: f64,
    sketch: Sketch,
    distinct: Distinct,
    /// None once there were too many.
    texts: Option<HashMap<String, u64>>,
    /// By their bits.
    numbers: Option<HashMap<u64, u64>>,
}

/// A column of this type as profiles and drift take it.
pub fn kind_of(data_type: &DataType) -> ColumnKind {
    match Family::of(data_type) {
        Family::Int | Family::Float | Family::Decimal => ColumnKind::Number,
        Family::Text | Family::Bool | Family::Null => ColumnKind::Category,
        Family::Date | Family::Timestamp => ColumnKind::Time,
        Family::Other => ColumnKind::Other,
    }
}

impl Column {
    pub fn new(name: &str, kind: ColumnKind) -> Column {
        Column {
            name: name.to_string(),
            kind,
            count: 0,
            nulls: 0,
            not_finite: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            mean: 0.0,
            squares: 0.0,
            sketch: Sketch::new(),
            distinct: Distinct::new(),
            texts: Some(HashMap::new()),
            numbers: Some(HashMap::new()),
        }
    }

    /// # Errors
    /// When a value does not fit its family.
    pub fn feed(&mut self, array: &ArrayRef) -> Result<(), String> {
        if matches!(self.kind, ColumnKind::Private | ColumnKind::Other) {
            let nulls = array.logical_null_count() as u64;
            self.nulls += nulls;
            self.count += array.len() as u64 - nulls;
            return Ok(());
        }
        let values = Values::of(array)?;
        self.nulls += values.nulls() as u64;
        match &values {
            Values::Int(v) | Values::Time(v) => self.feed_numbers(v.iter().flatten().map(|value| value as f64)),
            Values::Float(v) => self.feed_numbers(v.iter().flatten()),
            Values::Bool(v) => {
                for (value, name) in [(true, "true"), (false, "false")] {
                    let count = v.iter().flatten().filter(|found| *found == value).count() as u64;
                    if count > 0 {
                        self.add_text(name, count);
                    }
                }
            }
            Values::Text(v) => v.iter().flatten().for_each(|text| self.add_text(text, 1)),
            Values::Coded(v) => v.counted().for_each(|(text, count, _)| self.add_text(text, count)),
            Values::Null(_) | Values::Other(_) => {}
        }
        Ok(())
    }

    fn add_text(&mut self, text: &str, times: u64) {
        self.count += times;
        self.distinct.add(distinct::of_text(text));
        if let Some(texts) = &mut self.texts {
            if let Some(count) = texts.get_mut(text) {
                *count += times;
            } else if texts.len() < COUNTED {
                texts.insert(text.to_string(), times);
            } else {
                self.texts = None;
            }
        }
    }

    /// One batch: its moments by two passes, put together with those before (Chan, Golub & LeVeque 1979).
    fn feed_numbers(&mut self, values: impl Iterator<Item = f64>) {
        let all: Vec<f64> = values.collect();
        let finite: Vec<f64> = all.iter().copied().filter(|value| value.is_finite()).collect();
        self.not_finite += (all.len() - finite.len()) as u64;
        if finite.is_empty() {
            return;
        }
        let n = finite.len() as f64;
        let mean = finite.iter().sum::<f64>() / n;
        let squares = finite.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        (self.mean, self.squares) =
            together((self.count, self.mean, self.squares), (finite.len() as u64, mean, squares));
        self.count += finite.len() as u64;
        for value in &finite {
            self.min = self.min.min(*value);
            self.max = self.max.max(*value);
            self.distinct.add(distinct::of_number(*value));
            if let Some(numbers) = &mut self.numbers {
                let bits = (value + 0.0).to_bits();
                if let Some(count) = numbers.get_mut(&bits) {
                    *count += 1;
                } else if numbers.len() < LISTED_NUMBERS {
                    numbers.insert(bits, 1);
                } else {
                    self.numbers = None;
                }
            }
        }
        self.sketch.add(finite.into_iter());
    }

    pub fn merge(&mut self, other: Column) {
        (self.mean, self.squares) =
            together((self.count, self.mean, self.squares), (other.count, other.mean, other.squares));
        self.count += other.count;
        self.nulls += other.nulls;
        self.not_finite += other.not_finite;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sketch.merge(other.sketch);
        self.distinct = Distinct::of(distinct::merged(&self.distinct.registers(), &other.distinct.registers()));
        self.texts = added(self.texts.take(), other.texts, COUNTED);
        self.numbers = added(self.numbers.take(), other.numbers, LISTED_NUMBERS);
    }

    pub fn finish(self) -> ColumnProfile {
        let is_number = matches!(self.kind, ColumnKind::Number | ColumnKind::Time);
        let numbers = (is_number && self.count > 0).then(|| {
            let mut quantiles = self.sketch.quantiles(QUANTILES);
            // The ends are known exactly.
            if let (Some(first), true) = (quantiles.first_mut(), self.count > 0) {
                *first = self.min;
            }
            if let Some(last) = quantiles.last_mut() {
                *last = self.max;
            }
            Numbers { min: self.min, max: self.max, mean: self.mean, squares: self.squares, quantiles }
        });
        let counts: Vec<(String, u64)> = match (self.kind, self.texts, self.numbers) {
            (ColumnKind::Category, Some(texts), _) => texts.into_iter().collect(),
            (ColumnKind::Number, _, Some(numbers)) => {
                numbers.into_iter().map(|(bits, count)| (f64::from_bits(bits).to_string(), count)).collect()
            }
            _ => Vec::new(),
        };
        let (values, listed) = most_frequent(counts);
        let seen = matches!(self.kind, ColumnKind::Number | ColumnKind::Category | ColumnKind::Time) && self.count > 0;
        ColumnProfile {
            name: self.name,
            kind: self.kind,
            count: self.count,
            nulls: self.nulls,
            not_finite: self.not_finite,
            numbers,
            values,
            others: self.count - listed,
            registers: if seen { self.distinct.registers() } else { Vec::new() },
        }
    }
}

/// The most frequent values, equal ones by name, and how many they are together.
pub fn most_frequent(mut counts: Vec<(String, u64)>) -> (Vec<(String, u64)>, u64) {
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.truncate(LISTED);
    let listed = counts.iter().map(|(_, count)| count).sum();
    (counts, listed)
}

/// Mean and squared deviations of two samples together, each given as its size, mean and squared deviations.
pub fn together((n, mean, squares): (u64, f64, f64), (m, other_mean, other_squares): (u64, f64, f64)) -> (f64, f64) {
    match (n, m) {
        (_, 0) => (mean, squares),
        (0, _) => (other_mean, other_squares),
        _ => {
            let (a, b, apart) = (n as f64, m as f64, other_mean - mean);
            (mean + apart * b / (a + b), squares + other_squares + apart * apart * a * b / (a + b))
        }
    }
}

fn added<K: std::hash::Hash + Eq>(
    a: Option<HashMap<K, u64>>,
    b: Option<HashMap<K, u64>>,
    most: usize,
) -> Option<HashMap<K, u64>> {
    let (mut a, b) = a.zip(b)?;
    for (key, count) in b {
        *a.entry(key).or_insert(0) += count;
    }
    (a.len() <= most).then_some(a)
}
