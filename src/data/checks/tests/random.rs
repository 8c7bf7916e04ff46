//! Random tables and checks against a slow and obvious evaluation, row by row; and against themselves, by another
//! number of workers and with so little memory that keys go to disk.

use super::{NOW, surroundings};
use crate::config::data_check::{self, parse_condition};
use crate::config::{DataCheck, DataRule, Dataset};
use crate::data::Table;
use crate::data::checks::{Findings, Request, run_by};
use crate::model::Outcome;
use arrow::array::*;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// SplitMix64 (Steele, Lea & Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

#[derive(Clone, Debug)]
enum Value {
    Null,
    Int(i64),
    Float(f64),
    Text(String),
    Bool(bool),
    /// Microseconds.
    Time(i64),
}

impl Value {
    /// Equal for equal values.
    fn key(&self) -> Option<String> {
        Some(match self {
            Value::Null => return None,
            Value::Int(v) => format!("{v}"),
            Value::Float(v) if v.is_nan() => "NaN".to_string(),
            Value::Float(v) if v.fract() == 0.0 && v.abs() < 1e15 => format!("{}", *v as i64),
            Value::Float(v) => format!("{v:e}"),
            Value::Text(v) => format!("{v:?}"),
            Value::Bool(v) => format!("{v}"),
            Value::Time(v) => format!("t{v}"),
        })
    }

    fn number(&self) -> Option<f64> {
        match self {
            Value::Int(v) => Some(*v as f64),
            Value::Float(v) => Some(*v),
            Value::Bool(v) => Some(f64::from(u8::from(*v))),
            _ => None,
        }
    }

    fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) | (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

const NAMES: [&str; 8] = ["small", "wide", "float", "word", "text", "flag", "day", "moment"];

/// Rows of the columns in `NAMES`, cut into files.
struct Data {
    files: Vec<Vec<Vec<Value>>>,
}

impl Data {
    fn random(random: &mut Random, rows: u64) -> Data {
        let nulls = *random.one(&[0, 0, 3, 20]);
        // So few values that they repeat, or so many that they do not.
        let spread = *random.one(&[3, 1000, 1 << 40]);
        let mut made: Vec<Vec<Value>> = (0..rows).map(|_| row(random, nulls, spread)).collect();
        if random.below(4) == 0 {
            made.sort_by_key(|row| if let Value::Int(v) = &row[1] { *v } else { i64::MIN });
        }
        let mut files = Vec::new();
        while made.len() > 1 && files.len() < 2 && random.below(2) == 0 {
            let at = random.below(made.len() as u64) as usize;
            let rest = made.split_off(at);
            files.push(std::mem::replace(&mut made, rest));
        }
        files.push(made);
        Data { files }
    }

    fn write(&self, folder: &Path, name: &str, group: usize) {
        for (number, rows) in self.files.iter().enumerate() {
            let column = |index: usize| rows.iter().map(move |row| &row[index]);
            let ints = |index| {
                Int64Array::from_iter(column(index).map(|v| if let Value::Int(v) = v { Some(*v) } else { None }))
            };
            let texts = |index| {
                StringArray::from_iter(
                    column(index).map(|v| if let Value::Text(v) = v { Some(v.clone()) } else { None }),
                )
            };
            let times = |index| column(index).map(|v| if let Value::Time(v) = v { Some(*v) } else { None });
            let arrays: [ArrayRef; 8] = [
                Arc::new(ints(0)),
                Arc::new(ints(1)),
                Arc::new(Float64Array::from_iter(
                    column(2).map(|v| if let Value::Float(v) = v { Some(*v) } else { None }),
                )),
                Arc::new(texts(3)),
                Arc::new(texts(4)),
                Arc::new(BooleanArray::from_iter(
                    column(5).map(|v| if let Value::Bool(v) = v { Some(*v) } else { None }),
                )),
                Arc::new(Date32Array::from_iter(times(6).map(|v| v.map(|v| (v / 86_400_000_000) as i32)))),
                Arc::new(TimestampMicrosecondArray::from_iter(times(7))),
            ];
            let batch = RecordBatch::try_from_iter_with_nullable(
                NAMES.into_iter().zip(arrays).map(|(name, array)| (name, array, true)),
            )
            .unwrap();
            let file = File::create(folder.join(format!("{name}{number}.parquet"))).unwrap();
            let properties = ::parquet::file::properties::WriterProperties::builder()
                .set_max_row_group_row_count(Some(group))
                .build();
            let mut writer = ::parquet::arrow::ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
        }
    }
}

fn row(random: &mut Random, nulls: u64, spread: u64) -> Vec<Value> {
    let days = random.below(40) as i64 + 19_800;
    let float = random.below(1000) as f64 / 8.0 - 20.0;
    let values = [
        Value::Int(random.below(7) as i64 - 2),
        Value::Int((random.below(spread) as i64).wrapping_mul(*random.one(&[1, 1, -1, i64::MAX / (1 << 41)]))),
        Value::Float(*random.one(&[0.0, -0.0, 1.0, 2.5, -3.25, 1e300, f64::NAN, float])),
        Value::Text((*random.one(&["a", "b", "éa", "", "zz"])).to_string()),
        Value::Text(format!("t{}", random.below(spread))),
        Value::Bool(random.below(3) == 0),
        Value::Time(days * 86_400_000_000),
        Value::Time(NOW - random.below(spread) as i64),
    ];
    values.into_iter().map(|value| if random.below(100) < nulls { Value::Null } else { value }).collect()
}

/// What the obvious evaluation says.
#[derive(Debug, Default)]
struct Expected {
    /// None: errored.
    value: Option<f64>,
    n: Option<u64>,
    passes: bool,
    /// Places of failing rows, where the check shows rows.
    failing: Option<Vec<usize>>,
}

fn of_values(values: &[(usize, &Value)], good: impl Fn(&Value) -> bool, mostly: Option<f64>) -> Expected {
    let checked: Vec<_> = values.iter().filter(|(_, v)| v.key().is_some()).collect();
    let failing: Vec<usize> = checked.iter().filter(|(_, v)| !good(v)).map(|(row, _)| *row).collect();
    if checked.is_empty() {
        return Expected::default();
    }
    let share = (checked.len() - failing.len()) as f64 / checked.len() as f64;
    Expected {
        value: Some(failing.len() as f64),
        n: Some(checked.len() as u64),
        passes: mostly.map_or(failing.is_empty(), |mostly| share >= mostly),
        failing: Some(failing),
    }
}

/// Rows by place, and their keys in some columns; None for a row with a null.
fn keys(rows: &[(usize, &Vec<Value>)], columns: &[usize]) -> Vec<(usize, Option<Vec<String>>)> {
    rows.iter().map(|(place, row)| (*place, columns.iter().map(|c| row[*c].key()).collect())).collect()
}

fn repeats(keys: Vec<(usize, Option<Vec<String>>)>) -> Expected {
    let n = keys.len();
    let mut seen = HashSet::new();
    let failing: Vec<usize> =
        keys.into_iter().filter(|(_, key)| !seen.insert(key.clone())).map(|(row, _)| row).collect();
    Expected {
        value: Some(failing.len() as f64),
        n: Some(n as u64),
        passes: failing.is_empty(),
        failing: Some(failing),
    }
}

fn aggregate(function: &str, numbers: &[f64]) -> Expected {
    let n = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / n;
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let bad = numbers.is_empty() || numbers.iter().any(|v| v.is_nan()) || (function == "stddev" && n < 2.0);
    let value = match function {
        _ if bad => return Expected::default(),
        "mean" => mean,
        "sum" => numbers.iter().sum(),
        "min" => sorted[0],
        "max" => sorted[sorted.len() - 1],
        "stddev" => (numbers.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)).sqrt(),
        quantile => {
            let p: f64 = quantile.parse().unwrap();
            crate::stats::quantile(&sorted, p).unwrap()
        }
    };
    let value = Some(value).filter(|value| value.is_finite());
    Expected { value, n: Some(numbers.len() as u64), passes: value.is_some_and(|value| value < 3.0), failing: None }
}

/// A random check of the rows, and what must come out.
fn check(random: &mut Random, rows: &[(usize, &Vec<Value>)], other: &[&Vec<Value>]) -> (String, Option<f64>, Expected) {
    let column = random.below(8) as usize;
    let name = NAMES[column];
    let values: Vec<(usize, &Value)> = rows.iter().map(|(place, row)| (*place, &row[column])).collect();
    let present: Vec<(usize, &Value)> = values.iter().copied().filter(|(_, v)| v.key().is_some()).collect();
    let mostly = *random.one(&[None, None, Some(0.5), Some(0.9)]);
    let pair = [column, (column + 1 + random.below(7) as usize) % 8];
    let both = format!("{}, {}", NAMES[pair[0]], NAMES[pair[1]]);
    match random.below(14) {
        0 => {
            let is_missing = |v: &Value| v.key().is_none_or(|key| key == "NaN");
            let failing: Vec<usize> = values.iter().filter(|(_, v)| is_missing(v)).map(|(row, _)| *row).collect();
            let (value, n) = (Some(failing.len() as f64), Some(values.len() as u64));
            (
                format!("nulls({name}) = 0"),
                None,
                Expected { value, n, passes: failing.is_empty(), failing: Some(failing) },
            )
        }
        1 => {
            let inside = |v: &Value| v.number().is_some_and(|v| (-1.5..=500.0).contains(&v));
            match column {
                0..3 => (format!("{name} between -1.5 and 500"), mostly, of_values(&values, inside, mostly)),
                _ => {
                    let inside = |v: &Value| matches!(v, Value::Time(v) if *v >= 19_810 * 86_400_000_000);
                    let days: Vec<_> = rows.iter().map(|(place, row)| (*place, &row[6])).collect();
                    let line = "day between 2024-03-28 and 2099-01-01".to_string();
                    (line, mostly, of_values(&days, inside, mostly))
                }
            }
        }
        2 => {
            let words: Vec<_> = rows.iter().map(|(place, row)| (*place, &row[3])).collect();
            let text = |v: &Value| if let Value::Text(v) = v { v.clone() } else { String::new() };
            match random.below(3) {
                0 => ("word in [a, b]".into(), mostly, of_values(&words, |v| ["a", "b"].contains(&&*text(v)), mostly)),
                1 => ("word matches '^[a-z]*$'".into(), mostly, of_values(&words, |v| text(v).is_ascii(), mostly)),
                _ => ("length(word) = 2".into(), mostly, of_values(&words, |v| text(v).chars().count() == 2, mostly)),
            }
        }
        3 => {
            let good = |v: &Value| v.number().is_some_and(|v| [0.0, 1.0, 2.5].contains(&v));
            let column = random.below(3) as usize;
            let values: Vec<_> = rows.iter().map(|(place, row)| (*place, &row[column])).collect();
            (format!("{} in [0, 1, 2.5]", NAMES[column]), mostly, of_values(&values, good, mostly))
        }
        4 | 5 => {
            let (columns, text) = if random.below(2) == 0 { (&pair[..1], name) } else { (&pair[..], &*both) };
            let mut keys = keys(rows, columns);
            match random.below(2) {
                0 => {
                    keys.retain(|(_, key)| key.is_some());
                    let found = if keys.is_empty() { Expected::default() } else { repeats(keys) };
                    (format!("unique({text})"), None, found)
                }
                _ => {
                    // Here nulls equal each other, one by one.
                    let found = rows.iter().map(|(place, row)| {
                        let key = columns.iter().map(|c| row[*c].key().unwrap_or_else(|| "null".into())).collect();
                        (*place, Some(key))
                    });
                    (format!("duplicates({text}) = 0"), None, repeats(found.collect()))
                }
            }
        }
        6 => {
            let different: HashSet<_> = present.iter().filter_map(|(_, v)| v.key()).collect();
            let value = Some(different.len() as f64).filter(|count| *count > 0.0);
            let n = Some(present.len() as u64);
            (format!("distinct({name}) < 3"), None, Expected { value, n, passes: different.len() < 3, failing: None })
        }
        7..10 => {
            let column = *random.one(&[0, 1, 2, 5]);
            let numbers: Vec<f64> = rows.iter().filter_map(|(_, row)| row[column].number()).collect();
            let function = *random.one(&["mean", "sum", "min", "max", "stddev", "0", "0.25", "0.5", "0.999", "1"]);
            let call = match function.starts_with(['0', '1']) {
                true => format!("quantile({}, {function})", NAMES[column]),
                false => format!("{function}({})", NAMES[column]),
            };
            (format!("{call} < 3"), None, aggregate(function, &numbers))
        }
        10 => {
            let mut counts: HashMap<String, u64> = HashMap::new();
            present.iter().filter_map(|(_, v)| v.key()).for_each(|key| *counts.entry(key).or_default() += 1);
            let rarest = counts.values().min().map(|count| *count as f64 / present.len() as f64);
            let passes = counts.len() > 1 && rarest.is_some_and(|share| share >= 0.1);
            let n = Some(present.len() as u64);
            (format!("balance({name}) >= 10%"), None, Expected { value: rarest, n, passes, failing: None })
        }
        11 => {
            let (word, fits): (_, fn(Option<Ordering>) -> bool) = *random.one(&[
                ("increasing", (|o| matches!(o, Some(Ordering::Less | Ordering::Equal))) as fn(_) -> _),
                ("strictly_increasing", |o| o == Some(Ordering::Less)),
                ("decreasing", |o| matches!(o, Some(Ordering::Greater | Ordering::Equal))),
                ("strictly_decreasing", |o| o == Some(Ordering::Greater)),
            ]);
            let broken = present.windows(2).filter(|pair| !fits(pair[0].1.compare(pair[1].1)));
            let failing: Vec<usize> = broken.map(|pair| pair[1].0).collect();
            let value = Some(failing.len() as f64).filter(|_| present.len() > 1);
            let n = Some(present.len() as u64);
            (format!("{word}({name})"), None, Expected { value, n, passes: failing.is_empty(), failing: Some(failing) })
        }
        12 => {
            let there: HashSet<_> = other.iter().filter_map(|row| row[column].key()).collect();
            let found = match there.is_empty() {
                true => Expected::default(),
                false => of_values(&values, |v| v.key().is_some_and(|key| there.contains(&key)), mostly),
            };
            (format!("{name} references other.{name}"), mostly, found)
        }
        _ => {
            let of = |row: &Vec<Value>| pair.iter().map(|c| row[*c].key()).collect::<Option<Vec<String>>>();
            let there: HashSet<_> = other.iter().filter_map(|row| of(row)).collect();
            let seen: Vec<_> = keys(rows, &pair).into_iter().filter(|(_, key)| key.is_some()).collect();
            let shared = seen.iter().filter(|(_, key)| key.as_ref().is_some_and(|key| there.contains(key)));
            let failing: Vec<usize> = shared.map(|(row, _)| *row).collect();
            let usable = !there.is_empty() && !seen.is_empty();
            let value = Some(failing.len() as f64).filter(|_| usable);
            let n = Some(seen.len() as u64);
            let passes = failing.is_empty();
            (format!("shared({both}) with other = 0"), None, Expected { value, n, passes, failing: Some(failing) })
        }
    }
}

fn close(found: Option<f64>, expected: Option<f64>) -> bool {
    match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        (found, expected) => found == expected,
    }
}

/// One table with many checks; returns whether anything went to disk.
fn round(seed: u64) -> bool {
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    let rows = *random.one(&[0, 1, 40, 900, 3000]);
    let data = Data::random(&mut random, rows);
    let others = *random.one(&[5, 500, 3000]);
    let other = Data::random(&mut random, others);
    let group = *random.one(&[7, 100, 1 << 20]);
    data.write(dir.path(), "t", group);
    other.write(dir.path(), "other", group);
    let all: Vec<&Vec<Value>> = data.files.iter().flatten().collect();
    let all: Vec<(usize, &Vec<Value>)> = all.into_iter().enumerate().collect();
    let others: Vec<&Vec<Value>> = other.files.iter().flatten().collect();
    let (mut checks, mut expected) = (Vec::new(), Vec::new());
    for _ in 0..30 {
        let only = random.below(4) == 0;
        let fits = |row: &Vec<Value>| matches!((&row[0], &row[5]), (Value::Int(v), Value::Bool(f)) if *v > 0 && !*f);
        let rows: Vec<_> = all.iter().copied().filter(|(_, row)| !only || fits(row)).collect();
        let (line, mostly, mut wanted) = check(&mut random, &rows, &others);
        if rows.is_empty() {
            wanted = Expected::default();
        }
        let only = only.then(|| parse_condition("small > 0 and not flag").unwrap());
        checks.push(DataCheck { mostly, only, ..DataCheck::new(&line, data_check::parse(&line).expect(&line)) });
        expected.push(wanted);
    }
    let table = Table::open(dir.path(), "t*.parquet", None).unwrap();
    let open = |name: &str| Table::open(dir.path(), &format!("{name}*.parquet"), None);
    let judge = |memory: u64, workers: usize| {
        let request = Request { name: "t", source: "t", private: &[], memory, checks: &checks };
        run_by(&request, &table, &surroundings(&open), workers)
    };
    let found = judge(Dataset::MEMORY, 1);
    assert_eq!(found.fault, None);
    for ((check, wanted), asked) in found.checks.iter().zip(&expected).zip(&checks) {
        let context =
            || format!("seed {seed}, {} (where {:?}): {check:#?}, expected {wanted:?}", asked.text, asked.only);
        match wanted.value {
            None => assert_eq!(check.outcome, Outcome::Errored, "{}", context()),
            Some(_) => {
                let outcome = if wanted.passes { Outcome::Passed } else { Outcome::Failed };
                assert_eq!(check.outcome, outcome, "{}", context());
                assert!(close(check.value, wanted.value) && check.n == wanted.n, "{}", context());
            }
        }
        if let (Some(failing), Outcome::Failed) = (&wanted.failing, check.outcome) {
            assert_eq!(places(&check.examples), first(failing, &data), "{}", context());
        }
    }
    let mut spilled = false;
    for (memory, workers) in [(Dataset::MEMORY, 4), (3000, 1), (3000, 4), (1 << 20, 3)] {
        let Findings { rows, checks, measurements, notes, fault } = judge(memory, workers);
        assert_eq!(
            (rows, &checks, &measurements, fault),
            (found.rows, &found.checks, &found.measurements, None),
            "seed {seed}"
        );
        spilled |= notes.iter().any(|note| note.contains("went to disk"));
    }
    spilled
}

/// `t0.parquet row 7: …` → `t0.parquet row 7`
fn places(examples: &[String]) -> Vec<String> {
    examples.iter().map(|example| example.split(':').next().unwrap().to_string()).collect()
}

fn first(failing: &[usize], data: &Data) -> Vec<String> {
    let place = |row: &usize| {
        let mut row = *row;
        for (number, rows) in data.files.iter().enumerate() {
            if row < rows.len() {
                return match data.files.len() {
                    1 => format!("row {}", row + 1),
                    _ => format!("t{number}.parquet row {}", row + 1),
                };
            }
            row -= rows.len();
        }
        String::new()
    };
    failing.iter().take(5).map(place).collect()
}

#[test]
fn random_checks_are_judged_as_an_obvious_evaluation_does() {
    let spilled = (0..30).filter(|seed| round(*seed)).count();
    assert!(spilled > 5, "only {spilled} tables went to disk");
}

#[test]
fn rules_of_one_value_are_drawn() {
    // The generator draws what the rules are about, or the test above would be of nothing.
    let mut random = Random(7);
    let rows: Vec<Vec<Value>> = (0..50).map(|_| row(&mut random, 0, 10)).collect();
    let placed: Vec<_> = rows.iter().enumerate().collect();
    let others: Vec<_> = rows.iter().collect();
    let mut kinds = HashSet::new();
    for _ in 0..500 {
        let (line, _, expected) = check(&mut random, &placed, &others);
        let rule = data_check::parse(&line).expect(&line);
        kinds.insert(std::mem::discriminant(&rule));
        assert!(expected.value.is_some() || matches!(rule, DataRule::Aggregate { .. }), "{line}");
    }
    assert_eq!(kinds.len(), 12, "{kinds:?}");
}
