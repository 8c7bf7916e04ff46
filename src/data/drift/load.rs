//! The values of some columns, in bounded memory.

use crate::data::pieces::Piece;
use crate::data::profile::rank_error;
use crate::data::table::{Reading, Table, scan_exact};
use crate::data::values::Values;
use crate::data::workers::each_in_order;
use crate::model::{ColumnKind, ColumnProfile, Fault};
use crate::stats::random::Random;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type};
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
    /// One of so many values was drawn; 1 for all.
    pub of: u64,
    /// Why the column cannot be used.
    pub error: Option<String>,
    pub sketched: Option<Sketched>,
}

/// What a column made from a profile is good for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sketched {
    /// All of its values are listed with their counts.
    Listed,
    /// By quantiles: the share of values below any number is off by at most `share`, Wasserstein's distance in standard
    /// deviations by at most `distance`. The deviation itself is exact.
    Quantiles { share: f64, distance: f64, deviation: f64 },
    /// The so many most frequent categories; all others are one.
    Frequent(usize),
}

impl Loaded {
    fn new(kind: As) -> Loaded {
        Loaded { sample: Sample::new(kind), count: 0, of: 1, error: None, sketched: None }
    }
}

/// The category of all that a profile does not list. Control characters keep it apart from any other.
const OTHERS: &str = "\u{1}others\u{1}";

/// Reads columns, each with at most `most` values held: beyond them each value stays with the probability ½, ¼, …, drawn by
/// seeded generators, so that the same data gives the same draw. A piece that waits to be put in its place holds half as many.
///
/// # Errors
/// When the table cannot be read.
pub fn columns(table: &Table, wanted: &[(String, As)], most: usize) -> Result<Vec<Loaded>, Fault> {
    scan_exact(table, |table| scan(table, wanted, most))?
}

fn scan(table: &Table, wanted: &[(String, As)], most: usize) -> Result<Vec<Loaded>, Fault> {
    let names: Vec<(String, Reading)> = wanted.iter().map(|(name, _)| (name.clone(), Reading::Typed)).collect();
    let fresh = || -> Vec<Loaded> { wanted.iter().map(|(_, kind)| Loaded::new(*kind)).collect() };
    let one = |piece: Piece| -> Result<Vec<Loaded>, Fault> {
        let mut random = Random::seeded(piece.index as u64 + 1);
        let mut all = fresh();
        for batch in piece {
            let batch = batch?;
            for ((loaded, array), (_, kind)) in all.iter_mut().zip(batch.columns()).zip(wanted) {
                loaded.feed(array, *kind, most / 2, &mut random);
            }
        }
        Ok(all)
    };
    let (mut all, mut random) = (fresh(), Random::seeded(0));
    each_in_order(table.pieces(&names)?, one, |parts| {
        all.iter_mut().zip(parts).for_each(|(whole, part)| whole.add(part, most, &mut random));
    })?;
    Ok(all)
}

impl Loaded {
    fn feed(&mut self, array: &ArrayRef, kind: As, most: usize, random: &mut Random) {
        if self.error.is_some() {
            return;
        }
        if self.of == 1 && kind != As::Categories {
            // In place, as long as everything stays.
            let before = self.sample.len() as u64;
            self.error = take(&mut self.sample, array).err();
            self.count += self.sample.len() as u64 - before;
            self.thin(most, random);
            return;
        }
        let mut part = Loaded::new(kind);
        part.error = take(&mut part.sample, array).err();
        part.count = part.sample.weight();
        self.add(part, most, random);
    }

    fn add(&mut self, mut part: Loaded, most: usize, random: &mut Random) {
        self.count += part.count;
        if let Some(why) = part.error {
            self.error.get_or_insert(why);
        }
        let of = self.of.max(part.of);
        self.sample.keep(of / self.of, random);
        part.sample.keep(of / part.of, random);
        self.of = of;
        match (&mut self.sample, part.sample) {
            (Sample::Numbers(all), Sample::Numbers(part)) if all.is_empty() => *all = part,
            (Sample::Numbers(all), Sample::Numbers(part)) => all.extend(part),
            (Sample::Texts(all), Sample::Texts(part)) => all.extend(part),
            (Sample::Categories(all), Sample::Categories(part)) if all.is_empty() => *all = part,
            (Sample::Categories(all), Sample::Categories(part)) => {
                for (value, count) in part {
                    *all.entry(value).or_insert(0) += count;
                }
                if all.len() > CATEGORIES {
                    self.error = Some(too_many());
                }
            }
            _ => {}
        }
        self.thin(most, random);
    }

    fn thin(&mut self, most: usize, random: &mut Random) {
        let most = if matches!(self.sample, Sample::Texts(_)) { most / 8 } else { most };
        while !matches!(self.sample, Sample::Categories(_)) && self.sample.len() > most.max(1000) {
            self.of *= 2;
            self.sample.keep(2, random);
        }
    }
}

impl Sample {
    fn len(&self) -> usize {
        match self {
            Sample::Numbers(all) => all.len(),
            Sample::Texts(all) => all.len(),
            Sample::Categories(all) => all.len(),
        }
    }

    /// The number of values that it stands for.
    fn weight(&self) -> u64 {
        match self {
            Sample::Categories(all) => all.values().sum(),
            _ => self.len() as u64,
        }
    }

    /// Each value stays with the probability 1 in `of`; categories are counted, and all stay.
    fn keep(&mut self, of: u64, random: &mut Random) {
        match self {
            _ if of == 1 => {}
            Sample::Numbers(all) => all.retain(|_| random.below(of) == 0),
            Sample::Texts(all) => all.retain(|_| random.below(of) == 0),
            Sample::Categories(_) => {}
        }
    }
}

fn too_many() -> String {
    format!("more than {CATEGORIES} different values are no categories; put it into `except`, or into `text`")
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
                Values::Coded(v) => v.counted().for_each(|(text, count, _)| add(text, count)),
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

/// Rows of several columns of numbers, one after another, at most `most` values of them: beyond, each row stays with the
/// probability ½, ¼, …. Rows with a value that is missing or not finite are left out. With them, one of how many rows was
/// drawn.
///
/// # Errors
/// When the table cannot be read.
pub fn rows(table: &Table, columns: &[String], most: usize) -> Result<(Vec<f64>, u64), Fault> {
    let names: Vec<(String, Reading)> = columns.iter().map(|name| (name.clone(), Reading::Typed)).collect();
    let width = columns.len().max(1);
    let fault = |why: String| Fault::new("read the embedding", why, "");
    let thin = |rows: &mut Vec<f64>, of: &mut u64, most: usize, random: &mut Random| {
        while rows.len() > most.max(1000 * width) {
            *of *= 2;
            *rows = rows.chunks(width).filter(|_| random.below(2) == 0).flatten().copied().collect();
        }
    };
    scan_exact(table, |table| {
        let one = |piece: Piece| -> Result<(Vec<f64>, u64), Fault> {
            let (mut rows, mut of, mut random) = (Vec::new(), 1, Random::seeded(piece.index as u64 + 1));
            for batch in piece {
                let batch = batch?;
                let cast = |array| crate::data::values::cast(array, &DataType::Float64).map_err(fault);
                let floats = batch.columns().iter().map(cast).collect::<Result<Vec<_>, _>>()?;
                let floats: Vec<_> = floats.iter().map(|array| array.as_primitive::<Float64Type>()).collect();
                for row in 0..batch.num_rows() {
                    let start = rows.len();
                    if of > 1 && random.below(of) > 0 {
                        continue;
                    }
                    rows.extend(floats.iter().map(|v| if v.is_null(row) { f64::NAN } else { v.value(row) }));
                    if rows[start..].iter().any(|value| !value.is_finite()) {
                        rows.truncate(start);
                    }
                }
                thin(&mut rows, &mut of, most / 2, &mut random);
            }
            Ok((rows, of))
        };
        let (mut all, mut of, mut random) = (Vec::new(), 1, Random::seeded(0));
        each_in_order(table.pieces(&names)?, one, |(mut part, part_of)| {
            let both = of.max(part_of);
            for (rows, by) in [(&mut all, both / of), (&mut part, both / part_of)] {
                if by > 1 {
                    *rows = rows.chunks(width).filter(|_| random.below(by) == 0).flatten().copied().collect();
                }
            }
            of = both;
            all.append(&mut part);
            thin(&mut all, &mut of, most, &mut random);
        })?;
        Ok((all, of))
    })?
}

/// A profile's column as a sample: the very values where it lists them all, else numbers drawn from its quantiles, and of
/// categories those that it lists, all others as one.
pub fn of_profile(column: &ColumnProfile, kind: As) -> Loaded {
    let loaded = |sample: Sample, sketched| Loaded {
        sample,
        count: column.count,
        sketched: Some(sketched),
        ..Loaded::new(kind)
    };
    let failed = |why: &str| Loaded { error: Some(why.to_string()), count: column.count, ..Loaded::new(kind) };
    let is_listed = column.others == 0 && !column.values.is_empty();
    match (kind, &column.numbers) {
        (As::Numbers, _) if is_listed && column.kind == ColumnKind::Number => {
            // Thinned if it is long.
            let step = column.count.div_ceil(DRAWN as u64).max(1) as f64;
            let mut all = Vec::new();
            for (value, count) in &column.values {
                let Ok(value) = value.parse::<f64>() else {
                    return failed("the profile lists a value that is no number");
                };
                all.extend(std::iter::repeat_n(value, (*count as f64 / step).round().max(1.0) as usize));
            }
            loaded(Sample::Numbers(all), Sketched::Listed)
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
            // Between two quantiles the share of values grows by a step, in a line for us and anyhow in truth: apart by at
            // most a step, and over the whole way by at most half a step.
            let (step, off) = (1.0 / last.max(1.0), rank_error(column.count));
            let deviation = numbers.deviation(column.count).max(0.001);
            let distance = (step / 2.0 + off) * (numbers.max - numbers.min) / deviation;
            let sketched = Sketched::Quantiles { share: step + off, distance, deviation };
            loaded(Sample::Numbers((0..n).map(at).collect()), sketched)
        }
        (As::Numbers, None) => loaded(Sample::Numbers(Vec::new()), Sketched::Listed),
        (As::Categories, _) if column.values.is_empty() && column.others > 0 => {
            failed("the profile lists none of its values: there are too many different ones")
        }
        (As::Categories, _) => {
            let mut counts: HashMap<String, u64> = column.values.iter().cloned().collect();
            let sketched = if is_listed { Sketched::Listed } else { Sketched::Frequent(counts.len()) };
            if column.others > 0 {
                counts.insert(OTHERS.to_string(), column.others);
            }
            loaded(Sample::Categories(counts), sketched)
        }
        (As::Texts, _) => failed("a profile holds no texts"),
    }
}

/// Counts all categories as one that `listed` does not have.
pub fn fold(counts: HashMap<String, u64>, listed: &HashMap<String, u64>) -> HashMap<String, u64> {
    let mut folded = HashMap::new();
    for (value, count) in counts {
        let value = if listed.contains_key(&value) { value } else { OTHERS.to_string() };
        *folded.entry(value).or_insert(0) += count;
    }
    folded
}

/// As a picture shows it.
pub fn shown(category: &str) -> &str {
    if category == OTHERS { "others" } else { category }
}
