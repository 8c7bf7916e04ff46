//! From subjects to numbers.

use super::load::{self, As, Loaded};
use super::{Asked, Reference, Sample, Subject, What, picture};
use crate::config::{DriftMethod, Format};
use crate::model::{Distribution, Fault};
use crate::stats::drift::{self, Compared, Kind, Matrix, Method, Sorted};
use std::collections::HashSet;
use std::sync::Mutex;

/// Columns of a columnar file that are read together: few, so that little waits in memory.
const TOGETHER: usize = 8;

/// What was found of one subject.
#[derive(Clone, Debug)]
pub struct Answer {
    pub name: String,
    pub outcome: Result<Outcome, String>,
    /// Both sides' shares, without an id.
    pub picture: Option<Distribution>,
}

#[derive(Clone, Debug)]
pub struct Outcome {
    /// None for texts and embeddings by domain classifier or mmd.
    pub method: Option<Method>,
    pub method_name: String,
    pub compared: Compared,
    pub threshold: f64,
    /// Values of the reference and of the current data.
    pub sizes: (u64, u64),
    pub remark: String,
}

/// Compares all subjects, in their order.
///
/// # Errors
/// When a side cannot be read.
pub fn all(asked: &Asked, subjects: Vec<Subject>, notes: &mut Vec<String>) -> Result<Vec<Answer>, Fault> {
    let plain: Vec<(String, Kind)> = subjects
        .iter()
        .filter_map(|subject| match &subject.what {
            Ok(What::Column(kind)) => Some((subject.name.clone(), *kind)),
            _ => None,
        })
        .collect();
    let columnar = |table: &crate::data::Table| matches!(table.format(), Format::Parquet | Format::Arrow);
    let both = columnar(asked.table)
        && match &asked.reference {
            Reference::Table { table, .. } => columnar(table),
            Reference::Profile { .. } => true,
        };
    let size = if both { TOGETHER } else { plain.len().max(1) };
    let mut results: Vec<Answer> = Vec::new();
    for group in plain.chunks(size) {
        results.extend(columns(asked, group, notes)?);
    }
    let mut compared = results.into_iter();
    let mut all = Vec::new();
    for subject in subjects {
        all.push(match subject.what {
            Err(why) => Answer { name: subject.name, outcome: Err(why), picture: None },
            Ok(What::Column(_)) => compared.next().ok_or_else(|| {
                Fault::new("compare the columns", "one was lost", "this is a defect of mlgate: please report it")
            })?,
            Ok(What::Text) => texts(asked, &subject.name)?,
            Ok(What::Embedding(columns)) => embedding(asked, &subject.name, &columns)?,
        });
    }
    Ok(all)
}

fn columns(asked: &Asked, group: &[(String, Kind)], notes: &mut Vec<String>) -> Result<Vec<Answer>, Fault> {
    let as_ = |kind: Kind| if kind == Kind::Numeric { As::Numbers } else { As::Categories };
    let wanted: Vec<(String, As)> = group.iter().map(|(name, kind)| (name.clone(), as_(*kind))).collect();
    // Eight bytes a value on both sides, and sixteen while one column is sorted.
    let most = (asked.memory as usize / (16 * group.len().max(1) + 32)).max(10_000);
    let current = load::columns(asked.table, &wanted, most)?;
    let reference = match &asked.reference {
        Reference::Table { table, .. } => load::columns(table, &wanted, most)?,
        Reference::Profile { profile, .. } => {
            let of = |(name, kind): &(String, As)| profile.column(name).map(|column| load::of_profile(column, *kind));
            let absent = || Fault::new("read the profile", "a column is missing", "");
            wanted.iter().map(|column| of(column).ok_or_else(absent)).collect::<Result<_, _>>()?
        }
    };
    let drawn = reference.iter().chain(&current).map(|loaded| loaded.of).max().unwrap_or(1);
    if drawn > 1 {
        let note = format!(
            "drift of {}: one of {drawn} rows was drawn to keep to {} MiB; `memory` allows for more",
            asked.name,
            asked.memory >> 20
        );
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    let jobs: Vec<Mutex<Option<(Loaded, Loaded)>>> =
        reference.into_iter().zip(current).map(|pair| Mutex::new(Some(pair))).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let done: Vec<Mutex<Option<Answer>>> = group.iter().map(|_| Mutex::new(None)).collect();
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get().min(8));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some((name, kind)) = group.get(i) else { break };
                    let taken = jobs[i].lock().ok().and_then(|mut job| job.take());
                    let Some((reference, current)) = taken else { break };
                    let result = column(asked, name, *kind, reference, current);
                    if let Ok(mut place) = done[i].lock() {
                        *place = Some(result);
                    }
                }
            });
        }
    });
    let lost =
        || Fault::new("compare the columns", "a thread ended early", "this is a defect of mlgate: please report it");
    done.into_iter().map(|one| one.into_inner().ok().flatten().ok_or_else(lost)).collect()
}

fn method_of<'a>(asked: &'a Asked, name: &str) -> &'a DriftMethod {
    asked.drift.methods.iter().find(|(column, _)| column == name).map_or(&asked.drift.method, |(_, method)| method)
}

fn column(asked: &Asked, name: &str, kind: Kind, reference: Loaded, current: Loaded) -> Answer {
    let failed = |why: String| Answer { name: name.to_string(), outcome: Err(why), picture: None };
    for (loaded, place) in [(&reference, asked.reference.name()), (&current, asked.name)] {
        if let Some(why) = &loaded.error {
            return failed(format!("in {place}: {why}"));
        }
        if loaded.count == 0 {
            return failed(format!("every value in {place} is missing"));
        }
    }
    let (rows, sizes) = (reference.count, (reference.count, current.count));
    let asked_for = method_of(asked, name);
    let (compared, method, picture) = match (reference.sample, current.sample) {
        (Sample::Numbers(mut a), Sample::Numbers(mut b)) => {
            drift::sort(&mut a);
            drift::sort(&mut b);
            let (a, b) = (Sorted::new(&a), Sorted::new(&b));
            let (method, by) = match choice(asked_for, kind, rows, || a.distinct()) {
                Ok(chosen) => chosen,
                Err(why) => return failed(why),
            };
            let compared = match by {
                Kind::Numeric => drift::numbers(method, a, b),
                Kind::Categorical => {
                    let (a, b) = drift::by_value(a, b);
                    drift::categories(method, &a, &b)
                }
            };
            (compared, method, picture::numbers(a, b))
        }
        (Sample::Categories(a), Sample::Categories(b)) => {
            let (method, _) = match choice(asked_for, kind, rows, || a.len() as u64) {
                Ok(chosen) => chosen,
                Err(why) => return failed(why),
            };
            let mut values: Vec<&String> = a.keys().chain(b.keys()).collect::<HashSet<_>>().into_iter().collect();
            values.sort();
            let counts = |side: &std::collections::HashMap<String, u64>| -> Vec<u64> {
                values.iter().map(|value| side.get(*value).copied().unwrap_or(0)).collect()
            };
            let (x, y) = (counts(&a), counts(&b));
            (drift::categories(method, &x, &y), method, picture::categories(&values, &x, &y))
        }
        _ => return failed("the sides hold different kinds of values".to_string()),
    };
    let threshold = asked_for.threshold.unwrap_or(method.threshold());
    let outcome = compared.map(|compared| Outcome {
        method: Some(method),
        method_name: method.name().to_string(),
        compared,
        threshold,
        sizes,
        remark: String::new(),
    });
    Answer { name: name.to_string(), outcome, picture: Some(picture) }
}

/// The method, and whether numbers are compared as such or value by value.
fn choice(
    asked: &DriftMethod,
    kind: Kind,
    rows: u64,
    distinct: impl FnOnce() -> u64,
) -> Result<(Method, Kind), String> {
    let Some(name) = &asked.name else { return Ok(Method::choose(kind, rows, distinct())) };
    let method = Method::parse(name).ok_or_else(|| format!("there is no method {name}"))?;
    match (method.takes(kind), kind) {
        (true, kind) => Ok((method, kind)),
        // Numbers of few values are categories too.
        (false, Kind::Numeric) if distinct() <= 20 => Ok((method, Kind::Categorical)),
        (false, Kind::Numeric) => {
            Err(format!("{name} compares categories, and there are more than 20 different numbers"))
        }
        (false, Kind::Categorical) => Err(format!("{name} compares numbers, and these are categories")),
    }
}

/// Of the domain classifier, as Evidently has it.
const AREA: f64 = 0.55;

fn texts(asked: &Asked, name: &str) -> Result<Answer, Fault> {
    let wanted = [(name.to_string(), As::Texts)];
    let most = (asked.memory / 64) as usize;
    let read = |table| -> Result<Loaded, Fault> {
        let lost =
            || Fault::new("read the texts", "the column was lost", "this is a defect of mlgate: please report it");
        load::columns(table, &wanted, most)?.pop().ok_or_else(lost)
    };
    let Reference::Table { table, .. } = &asked.reference else {
        let why = Err("texts are compared row by row".to_string());
        return Ok(Answer { name: name.to_string(), outcome: why, picture: None });
    };
    let (reference, current) = (read(table)?, read(asked.table)?);
    let sizes = (reference.count, current.count);
    let (Sample::Texts(a), Sample::Texts(b)) = (&reference.sample, &current.sample) else {
        let why = Err("its values are not texts".to_string());
        return Ok(Answer { name: name.to_string(), outcome: why, picture: None });
    };
    let (a, b): (Vec<&str>, Vec<&str>) =
        (a.iter().map(String::as_str).collect(), b.iter().map(String::as_str).collect());
    let mut lengths = [&a, &b].map(|side| side.iter().map(|text| text.chars().count() as f64).collect::<Vec<_>>());
    let mean = |lengths: &[f64]| lengths.iter().sum::<f64>() / lengths.len() as f64;
    let remark = format!(
        "mean length {:.1} against {:.1} characters, {:.1}% of its words are not in the reference",
        mean(&lengths[1]),
        mean(&lengths[0]),
        100.0 * unknown_words(&a, &b)
    );
    lengths.iter_mut().for_each(|side| drift::sort(side));
    let outcome = drift::domain_classifier_words(&a, &b).map(|area| Outcome {
        method: None,
        method_name: "domain classifier on words, ROC AUC".into(),
        compared: Compared { statistic: area, p: None },
        threshold: AREA,
        sizes,
        remark,
    });
    let drawn =
        (!a.is_empty() && !b.is_empty()).then(|| picture::numbers(Sorted::new(&lengths[0]), Sorted::new(&lengths[1])));
    Ok(Answer { name: name.to_string(), outcome, picture: drawn })
}

/// Of the words of the current texts, the share that occurs in no text of the reference.
fn unknown_words(reference: &[&str], current: &[&str]) -> f64 {
    fn words(text: &str) -> impl Iterator<Item = String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
    }
    let known: HashSet<String> = reference.iter().flat_map(|text| words(text)).collect();
    let (mut all, mut unknown) = (0_u64, 0_u64);
    for word in current.iter().flat_map(|text| words(text)) {
        all += 1;
        unknown += u64::from(!known.contains(&word));
    }
    if all == 0 { 0.0 } else { unknown as f64 / all as f64 }
}

fn embedding(asked: &Asked, name: &str, columns: &[String]) -> Result<Answer, Fault> {
    let Reference::Table { table, .. } = &asked.reference else {
        let why = Err("embeddings are compared row by row".to_string());
        return Ok(Answer { name: name.to_string(), outcome: why, picture: None });
    };
    let most = (asked.memory / 32) as usize;
    let (a, _) = load::rows(table, columns, most)?;
    let (b, _) = load::rows(asked.table, columns, most)?;
    let width = columns.len();
    let compared = Matrix::new(&a, width).and_then(|a| Matrix::new(&b, width).map(|b| (a, b))).and_then(|(a, b)| {
        let area = drift::domain_classifier(a, b)?;
        Ok((area, drift::mmd(a, b)?))
    });
    let sizes = ((a.len() / width.max(1)) as u64, (b.len() / width.max(1)) as u64);
    let outcome = compared.map(|(area, mmd)| Outcome {
        method: None,
        method_name: format!("domain classifier on {width} columns, ROC AUC"),
        compared: Compared { statistic: area, p: None },
        threshold: AREA,
        sizes,
        remark: format!("squared maximum mean discrepancy {mmd:.4}"),
    });
    Ok(Answer { name: name.to_string(), outcome, picture: None })
}
