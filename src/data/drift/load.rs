//! The values of some columns, in bounded memory.

use crate::data::pieces::Piece;
use crate::data::profile::in_order;
use crate::data::table::{Reading, Table, scan_exact};
use crate::data::values::Values;
use crate::model::{ColumnKind, ColumnProfile, Fault};
use crate::stats::random::Random;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Float64Type;
use std::collections::HashMap;

/// Most different categories that a column may have.
const CATEGORIES: usize = 100_000;
/// Numbers drawn from the quantiles of a profile to stand for its column.
const DRAWN: usize = 100_000;

/// How a column is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    Numbers,
    Categories,
    Texts,
}

/// A column's values without nulls, NaN and infinities.
#[derive(Clone, Debug)]
pub enum Sample {
    /// In the order of the rows.
    Numbers(Vec<f64>),
    Categories(HashMap<String, u64>),
    Texts(Vec<String>),
}

impl Sample {
    pub fn new(kind: As) -> Sample {
        match kind {
            As::Numbers => Sample::Numbers(Vec::new()),
            As::Categories => Sample::Categories(HashMap::new()),
            As::Texts => Sample::Texts(Vec::new()),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Loaded {
    pub sample: Sample,
    /// Values that were there and finite.
    pub count: u64,
    /// One of so many rows was drawn; 1 for all.
    pub of: u64,
    /// Why the column cannot be used.
    pub error: Option<String>,
}

/// Reads columns, each with at most `most` values held: beyond them each row stays with the probability ½, ¼, …, drawn by
/// a seeded generator, so that the same data gives the same draw.
///
/// # Errors
/// When the table cannot be read.
pub fn columns(table: &Table, wanted: &[(String, As)], most: usize) -> Result<Vec<Loaded>, Fault> {
    scan_exact(table, |table| scan(table, wanted, most))?
}

fn scan(table: &Table, wanted: &[(String, As)], most: usize) -> Result<Vec<Loaded>, Fault> {
    let names: Vec<(String, Reading)> = wanted.iter().map(|(name, _)| (name.clone(), Reading::Typed)).collect();
    let fresh = || -> Vec<Result<Sample, String>> { wanted.iter().map(|(_, kind)| Ok(Sample::new(*kind))).collect() };
    let one = |piece: Piece| -> Result<Vec<Result<Sample, String>>, Fault> {
        let mut samples = fresh();
        for batch in piece {
            let batch = batch?;
            for (sample, array) in samples.iter_mut().zip(batch.columns()) {
                if let Ok(running) = sample
                    && let Err(why) = take(running, array)
                {
                    *sample = Err(why);
                }
            }
        }
        Ok(samples)
    };
    let loaded = |(_, kind): &(String, As)| Loaded { sample: Sample::new(*kind), count: 0, of: 1, error: None };
    let mut all: Vec<Loaded> = wanted.iter().map(loaded).collect();
    let mut random: Vec<Random> = (0..wanted.len()).map(|i| Random::seeded(i as u64)).collect();
    in_order(table.pieces(&names)?, one, |samples| {
        for ((whole, part), random) in all.iter_mut().zip(samples).zip(&mut random) {
            match part {
                Ok(part) => whole.add(part, most, random),
                Err(why) => whole.error = Some(why),
            }
        }
    })?;
    Ok(all)
}

impl Loaded {
    fn add(&mut self, part: Sample, most: usize, random: &mut Random) {
        match (&mut self.sample, part) {
            (Sample::Numbers(all), Sample::Numbers(part)) => {
                self.count += part.len() as u64;
                draw(all, part, &mut self.of, most, random);
            }
            (Sample::Texts(all), Sample::Texts(part)) => {
                self.count += part.len() as u64;
                draw(all, part, &mut self.of, most / 8, random);
            }
            (Sample::Categories(all), Sample::Categories(part)) => {
                for (value, count) in part {
                    self.count += count;
                    *all.entry(value).or_insert(0) += count;
                }
                if all.len() > CATEGORIES {
                    self.error = Some(too_many());
                }
            }
            _ => {}
        }
    }
}

fn too_many() -> String {
    format!("more than {CATEGORIES} different values are no categories; put it into `except`, or into `text`")
}

fn draw<T>(all: &mut Vec<T>, part: Vec<T>, of: &mut u64, most: usize, random: &mut Random) {
    let stays = |of: u64, random: &mut Random| of == 1 || random.below(of) == 0;
    all.extend(part.into_iter().filter(|_| stays(*of, random)));
    while all.len() > most.max(1000) {
        *of *= 2;
        all.retain(|_| random.below(2) == 0);
    }
}

fn take(sample: &mut Sample, array: &ArrayRef) -> Result<(), String> {
    let values = Values::of(array)?;
    match sample {
        Sample::Numbers(all) => numbers(all, array, &values),
        Sample::Categories(all) => {
            let mut add = |text: &str, times: u64| match all.get_mut(text) {
                Some(count) => *count += times,
                None => drop(all.insert(text.to_string(), times)),
            };
            match &values {
                Values::Coded(v) => {
                    let mut counts = vec![0_u64; v.texts.len()];
                    for code in v.codes.iter().flatten() {
                        if let Some(count) = counts.get_mut(code as usize) {
                            *count += 1;
                        }
                    }
                    for (text, count) in v.texts.iter().zip(counts).filter(|(_, count)| *count > 0) {
                        if let Some(text) = text {
                            add(text, count);
                        }
                    }
                }
                Values::Text(v) => v.iter().flatten().for_each(|text| add(text, 1)),
                Values::Bool(v) => v.iter().flatten().for_each(|value| add(if value { "true" } else { "false" }, 1)),
                _ => {}
            }
            if all.len() > CATEGORIES { Err(too_many()) } else { Ok(()) }
        }
        Sample::Texts(all) => {
            match &values {
                Values::Coded(v) => all.extend((0..v.codes.len()).filter_map(|row| v.get(row)).map(str::to_string)),
                Values::Text(v) => all.extend(v.iter().flatten().map(str::to_string)),
                _ => {}
            }
            Ok(())
        }
    }
}

fn numbers(all: &mut Vec<f64>, array: &ArrayRef, values: &Values) -> Result<(), String> {
    let finite = |value: &f64| value.is_finite();
    match values {
        // The common case, without a test for null at each value.
        Values::Float(v) if v.null_count() == 0 => all.extend(v.values().iter().copied().filter(finite)),
        Values::Float(v) => all.extend(v.iter().flatten().filter(finite)),
        Values::Int(v) | Values::Time(v) if v.null_count() == 0 => {
            all.extend(v.values().iter().map(|value| *value as f64))
        }
        Values::Int(v) | Values::Time(v) => all.extend(v.iter().flatten().map(|value| value as f64)),
        Values::Null(_) => {}
        _ => return Err(format!("its values are not numbers but {}", array.data_type())),
    }
    Ok(())
}

/// Rows of several columns of numbers, one after another; rows with a value that is missing are left out.
///
/// # Errors
/// When the table cannot be read.
pub fn rows(table: &Table, columns: &[String], most: usize) -> Result<(Vec<f64>, u64), Fault> {
    scan_exact(table, |table| {
        let names: Vec<(String, Reading)> = columns.iter().map(|name| (name.clone(), Reading::Typed)).collect();
        let width = columns.len();
        let one = |piece: Piece| -> Result<Vec<Vec<f64>>, Fault> {
            let mut rows = Vec::new();
            for batch in piece {
                let batch = batch?;
                let fault = |why: String| Fault::new("read the embedding", why, "");
                let floats = batch
                    .columns()
                    .iter()
                    .map(|array| crate::data::values::cast(array, &arrow::datatypes::DataType::Float64).map_err(fault))
                    .collect::<Result<Vec<_>, _>>()?;
                let floats: Vec<_> = floats.iter().map(|array| array.as_primitive::<Float64Type>()).collect();
                for row in 0..batch.num_rows() {
                    let values: Vec<f64> =
                        floats.iter().map(|v| if v.is_null(row) { f64::NAN } else { v.value(row) }).collect();
                    if values.iter().all(|value| value.is_finite()) {
                        rows.push(values);
                    }
                }
            }
            Ok(rows)
        };
        let (mut all, mut of, mut random) = (Vec::new(), 1, Random::seeded(0));
        in_order(table.pieces(&names)?, one, |rows| draw(&mut all, rows, &mut of, most / width.max(1), &mut random))?;
        Ok((all.concat(), of))
    })?
}

/// A profile's column as a sample. Numbers are drawn from its quantiles, so that a rank is off by at most half a step of
/// the profile's 200; categories are as many as it lists.
pub fn of_profile(column: &ColumnProfile, kind: As) -> Loaded {
    let loaded = |sample: Sample| Loaded { sample, count: column.count, of: 1, error: None };
    let failed = |why: &str| Loaded { error: Some(why.to_string()), ..loaded(Sample::new(kind)) };
    match (kind, &column.numbers) {
        (As::Numbers, _) if column.others == 0 && !column.values.is_empty() && column.kind == ColumnKind::Number => {
            // All of its values are listed: the very sample, thinned if it is long.
            let step = column.count.div_ceil(DRAWN as u64).max(1) as f64;
            let mut all = Vec::new();
            for (value, count) in &column.values {
                let Ok(value) = value.parse::<f64>() else {
                    return failed("the profile lists a value that is no number");
                };
                all.extend(std::iter::repeat_n(value, (*count as f64 / step).round().max(1.0) as usize));
            }
            loaded(Sample::Numbers(all))
        }
        (As::Numbers, Some(numbers)) => {
            let n = (column.count as usize).clamp(1, DRAWN);
            let last = (numbers.quantiles.len() - 1) as f64;
            let at = |i: usize| {
                let place = if n == 1 { last / 2.0 } else { i as f64 / (n - 1) as f64 * last };
                let below = (place.floor() as usize).min(numbers.quantiles.len() - 1);
                let above = (below + 1).min(numbers.quantiles.len() - 1);
                let (low, high) = (numbers.quantiles[below], numbers.quantiles[above]);
                low + (high - low) * (place - below as f64)
            };
            loaded(Sample::Numbers((0..n).map(at).collect()))
        }
        (As::Numbers, None) => loaded(Sample::Numbers(Vec::new())),
        (As::Categories, _) if column.others > 0 => failed("the profile lists only its most frequent values"),
        (As::Categories, _) => loaded(Sample::Categories(column.values.iter().cloned().collect())),
        (As::Texts, _) => failed("a profile holds no texts"),
    }
}
