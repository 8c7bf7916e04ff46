//! From subjects to numbers.

use super::load::{self, As, Loaded, Sketched};
use super::{Asked, Reference, Sample, Subject, What, picture};
use crate::config::{DriftMethod, Format};
use crate::data::workers::workers;
use crate::model::{Distribution, Fault, Unit};
use crate::stats::drift::{self, CLASSIFIER_THRESHOLD, Compared, Kind, MMD_THRESHOLD, Matrix, Method, Sorted};
use crate::stats::drift::{Vocabulary, characters};
use std::collections::HashSet;
use std::sync::Mutex;

/// Columns of a columnar file that are read together: few, so that little waits in memory.
const TOGETHER: usize = 2;

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
    /// By how much the number may be off where a side is sketched, as far as that is known.
    pub off: f64,
    /// Values of the reference and of the current data.
    pub sizes: (u64, u64),
    pub remark: String,
}

/// Compares all subjects, in their order.
///
/// # Errors
/// When a side cannot be read.
pub fn all(asked: &Asked, subjects: Vec<Subject>) -> Result<Vec<Answer>, Fault> {
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
        results.extend(columns(asked, group)?);
    }
    let mut compared = results.into_iter();
    let mut all = Vec::new();
    for subject in subjects {
        all.push(match subject.what {
            Err(why) => Answer { name: subject.name, outcome: Err(why), picture: None },
            Ok(What::Column(_)) => {
                compared.next().ok_or_else(|| Fault::defect("compare the columns", "one was lost"))?
            }
            Ok(What::Text) => texts(asked, &subject.name)?,
            Ok(What::Embedding(columns)) => embedding(asked, &subject.name, &columns)?,
        });
    }
    Ok(all)
}

fn columns(asked: &Asked, group: &[(String, Kind)]) -> Result<Vec<Answer>, Fault> {
    let as_ = |kind: Kind| if kind == Kind::Numeric { As::Numbers } else { As::Categories };
    let wanted: Vec<(String, As)> = group.iter().map(|(name, kind)| (name.clone(), as_(*kind))).collect();
    // Eight bytes a value on both sides, and sixteen while one column is sorted.
    let most = (asked.memory as usize / (16 * group.len().max(1) + 32)).max(10_000);
    let (current, reference) = match &asked.reference {
        Reference::Table { table, .. } => std::thread::scope(|scope| {
            // A file of one piece keeps one worker busy, so both sides are read at once.
            let current = scope.spawn(|| load::columns(asked.table, &wanted, most));
            let reference = load::columns(table, &wanted, most)?;
            Ok((current.join().map_err(|_| lost())??, reference))
        })?,
        Reference::Profile { profile, .. } => {
            let of = |(name, kind): &(String, As)| profile.column(name).map(|column| load::of_profile(column, *kind));
            let absent = || Fault::new("read the profile", "a column is missing", "");
            let reference = wanted.iter().map(|column| of(column).ok_or_else(absent)).collect::<Result<_, _>>()?;
            (load::columns(asked.table, &wanted, most)?, reference)
        }
    };
    let jobs: Vec<Mutex<Option<(Loaded, Loaded)>>> =
        reference.into_iter().zip(current).map(|pair| Mutex::new(Some(pair))).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let done: Vec<Mutex<Option<Answer>>> = group.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..workers() {
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
    done.into_iter().map(|one| one.into_inner().ok().flatten().ok_or_else(lost)).collect()
}

fn lost() -> Fault {
    Fault::defect("compare the columns", "a thread ended early")
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
    let (sketched, drawn) = (reference.sketched, drawn(&reference, &current));
    let asked_for = method_of(asked, name);
    let threshold = |method: Method| asked_for.threshold.unwrap_or(method.threshold());
    let (compared, method, picture) = match (reference.sample, current.sample) {
        (Sample::Numbers(mut a), Sample::Numbers(mut b)) => {
            let (method, by) = match choice(asked_for, kind, rows, || drift::different(&a, &b, SOME)) {
                Ok(chosen) => chosen,
                Err(why) => return failed(why),
            };
            let compared = match (method, by) {
                // The default needs no order.
                (Method::Wasserstein, Kind::Numeric) => {
                    let mut found = drift::wasserstein(&a, &b);
                    if let Some(Sketched::Quantiles { deviation, .. }) = sketched {
                        found.statistic *= drift::spread(&a).max(0.001) / deviation;
                    }
                    Ok(found)
                }
                (_, by) => {
                    drift::sort(&mut a);
                    drift::sort(&mut b);
                    let (a, b) = (Sorted::new(&a), Sorted::new(&b));
                    match by {
                        Kind::Numeric => drift::numbers(method, a, b),
                        Kind::Categorical => {
                            let (a, b) = drift::by_value(a, b);
                            drift::categories(method, &a, &b)
                        }
                    }
                }
            };
            let has_drifted = |found: &Compared| found.drifted(method, threshold(method)) == Some(true);
            // Only such a column is drawn.
            let picture = compared.as_ref().is_ok_and(has_drifted).then(|| picture::numbers(&a, &b));
            (compared, method, picture)
        }
        (Sample::Categories(a), Sample::Categories(b)) => {
            let b = if matches!(sketched, Some(Sketched::Frequent(_))) { load::fold(b, &a) } else { b };
            let mut values: Vec<&String> = a.keys().chain(b.keys()).collect::<HashSet<_>>().into_iter().collect();
            values.sort();
            let (method, _) = match choice(asked_for, kind, rows, || values.len() as u64) {
                Ok(chosen) => chosen,
                Err(why) => return failed(why),
            };
            let counts = |side: &std::collections::HashMap<String, u64>| -> Vec<u64> {
                values.iter().map(|value| side.get(*value).copied().unwrap_or(0)).collect()
            };
            let (x, y) = (counts(&a), counts(&b));
            (drift::categories(method, &x, &y), method, Some(picture::categories(&values, &x, &y)))
        }
        _ => return failed("the sides hold different kinds of values".to_string()),
    };
    let outcome = compared.map(|compared| Outcome {
        method: Some(method),
        method_name: method.name().to_string(),
        compared,
        threshold: threshold(method),
        off: match sketched {
            Some(Sketched::Quantiles { distance, .. }) if method == Method::Wasserstein => distance,
            _ => 0.0,
        },
        sizes,
        remark: remark(method, sketched, drawn),
    });
    Answer { name: name.to_string(), outcome, picture }
}

/// By how much the distribution functions of drawn values may be off, and one of how many was drawn; None if all are there.
fn drawn(reference: &Loaded, current: &Loaded) -> Option<(u64, f64)> {
    let off = |loaded: &Loaded| match &loaded.sample {
        Sample::Numbers(all) if loaded.of > 1 => Some((loaded.of, dvoretzky(all.len()))),
        _ => None,
    };
    let worse = |a: (u64, f64), b: (u64, f64)| (a.0.max(b.0), a.1.max(b.1));
    off(reference).into_iter().chain(off(current)).reduce(worse)
}

/// Dvoretzky, Kiefer & Wolfowitz 1956 with the constant of Massart 1990, for 99.9 %.
fn dvoretzky(n: usize) -> f64 {
    ((2.0_f64 / 0.001).ln() / (2.0 * n.max(1) as f64)).sqrt()
}

/// What the number is good for, where it is not exact.
fn remark(method: Method, sketched: Option<Sketched>, drawn: Option<(u64, f64)>) -> String {
    let share = |share: f64| Unit::Share.show(share);
    let sketched = match sketched {
        Some(Sketched::Quantiles { distance, .. }) if method == Method::Wasserstein => {
            Some(format!("the reference is sketched by quantiles, so the distance is off by at most {distance:.3}"))
        }
        Some(Sketched::Quantiles { share: off, .. }) => Some(format!(
            "the reference is sketched by quantiles, so a share of its values is off by at most {}",
            share(off)
        )),
        Some(Sketched::Frequent(n)) => {
            Some(format!("by the {n} most frequent values of the reference, all others as one"))
        }
        Some(Sketched::Listed) | None => None,
    };
    let drawn = drawn.map(|(of, off)| {
        format!("one of {of} values was drawn to keep to `memory`, so a share of them is off by at most {}", share(off))
    });
    sketched.into_iter().chain(drawn).collect::<Vec<_>>().join("; ")
}

/// More different values than make a difference to any choice.
const SOME: usize = 21;

/// The method, and whether numbers are compared as such or value by value. `distinct` counts the different values of
/// both sides, at least up to [`SOME`].
fn choice(
    asked: &DriftMethod,
    kind: Kind,
    rows: u64,
    distinct: impl FnOnce() -> u64,
) -> Result<(Method, Kind), String> {
    let Some(name) = &asked.name else { return Ok(Method::choose(kind, rows, distinct())) };
    let method = Method::parse(name).ok_or_else(|| format!("{name} compares embeddings, not columns"))?;
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

/// Above which a domain classifier's area under the ROC curve is drift: Evidently's 0.55, and with few rows what chance
/// alone reaches in 5 % of the cases. Half of the rows are tested on; by Mann & Whitney 1947 the area then has the
/// variance (n + m + 1) / 12nm.
fn area(sizes: (usize, usize)) -> f64 {
    let half = |rows: usize| (rows.min(drift::CLASSIFIER_ROWS) as f64 / 2.0).floor().max(1.0);
    let (n, m) = (half(sizes.0), half(sizes.1));
    (0.5 + 1.644_853_626_951_472_2 * ((n + m + 1.0) / (12.0 * n * m)).sqrt()).max(CLASSIFIER_THRESHOLD)
}

fn texts(asked: &Asked, name: &str) -> Result<Answer, Fault> {
    let wanted = [(name.to_string(), As::Texts)];
    let most = (asked.memory / 64) as usize;
    let read = |table| -> Result<Loaded, Fault> {
        let lost = || Fault::defect("read the texts", "the column was lost");
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
    let lengths = [&a, &b].map(|side| side.iter().map(|text| characters(text) as f64).collect::<Vec<_>>());
    let mean = |lengths: &[f64]| lengths.iter().sum::<f64>() / lengths.len() as f64;
    let remark = format!(
        "mean length {:.1} against {:.1} characters, {:.1}% of its words are not in the reference",
        mean(&lengths[1]),
        mean(&lengths[0]),
        100.0 * unknown_words(&a, &b)
    );
    let own = asked.drift.methods.iter().find(|(known, _)| known == name).map(|(_, method)| method);
    let outcome = drift::domain_classifier_words(&a, &b).map(|area| Outcome {
        method: None,
        method_name: "domain classifier on words, ROC AUC".into(),
        compared: Compared { statistic: area, p: None },
        threshold: own.and_then(|method| method.threshold).unwrap_or(self::area((a.len(), b.len()))),
        off: 0.0,
        sizes,
        remark,
    });
    let drawn = (!a.is_empty() && !b.is_empty()).then(|| picture::numbers(&lengths[0], &lengths[1]));
    Ok(Answer { name: name.to_string(), outcome, picture: drawn })
}

/// Of the words of the current texts, the share that occurs in no text of the reference.
fn unknown_words(reference: &[&str], current: &[&str]) -> f64 {
    let mut known = Vocabulary::default();
    reference.iter().for_each(|text| known.add(text));
    known.unknown_share(&current.join("\n")).unwrap_or(0.0)
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
    let own = asked.drift.methods.iter().find(|(known, _)| known == name).map(|(_, method)| method);
    let asked_for = own.unwrap_or(&DriftMethod { name: None, threshold: None });
    let by_mmd = match asked_for.name.as_deref() {
        None | Some("domain_classifier") => false,
        Some("mmd") => true,
        Some(other) => {
            let why = Err(format!("{other} compares columns; embeddings take domain_classifier or mmd"));
            return Ok(Answer { name: name.to_string(), outcome: why, picture: None });
        }
    };
    let sides = Matrix::new(&a, width).and_then(|a| Matrix::new(&b, width).map(|b| (a, b)));
    let statistic = sides.and_then(|(a, b)| if by_mmd { drift::mmd(a, b) } else { drift::domain_classifier(a, b) });
    let sizes = ((a.len() / width.max(1)) as u64, (b.len() / width.max(1)) as u64);
    let (what, threshold) = match by_mmd {
        true => ("squared maximum mean discrepancy", MMD_THRESHOLD),
        false => ("domain classifier, ROC AUC", area((sizes.0 as usize, sizes.1 as usize))),
    };
    let outcome = statistic.map(|statistic| Outcome {
        method: None,
        method_name: format!("{what} over {width} columns"),
        compared: Compared { statistic, p: None },
        threshold: asked_for.threshold.unwrap_or(threshold),
        off: 0.0,
        sizes,
        remark: String::new(),
    });
    Ok(Answer { name: name.to_string(), outcome, picture: None })
}
