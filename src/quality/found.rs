//! The slices where a metric is worst, searched for among the conjunctions of values of a few columns.
//!
//! Whoever looks at many slices and shows the worst finds bad ones where none are: the winner's curse. So the intervals
//! of found slices are made at Bonferroni's level for all that were searched, found or not, and hold for all of them at
//! once at the level that is asked for.

use super::measure::{computable, id, source};
use super::metrics::{Better, Metric};
use super::outcomes::{NO_SLICE, Outcomes, Predicted, Sampling, SliceColumn};
use crate::config::{FindSlices, Task};
use crate::model::{FOUND, Interval, Measurement, Slice, SliceCorrection, Unit};
use std::collections::HashMap;

/// A column of more values is no category.
const MOST_VALUES: usize = 1_000;
/// More slices than this are not searched.
const MOST_SEARCHED: usize = 100_000;

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    metric: Metric,
    /// How many slices had enough rows, and so were looked at.
    searched: usize,
    /// On how many of them the metric has no value.
    undefined: usize,
    min_rows: u64,
    /// The worst, worst first, each with its rows.
    slices: Vec<(Slice, Vec<u32>)>,
}

/// Why a search cannot be made, and what to do.
pub type Refusal = (String, String);

/// A value of a column: places of both.
type Term = (usize, u32);

struct Candidate {
    /// By column, ascending.
    terms: Vec<Term>,
    /// None where the metric is undefined.
    value: Option<f64>,
}

/// Looks at every conjunction of values of up to `max_columns` of the columns that has enough rows. A conjunction that
/// is no worse than one that it refines says nothing new and is left out.
///
/// # Errors
/// Everything that stands against the search: columns of too many values, too many slices, a metric that is not there.
pub fn search<'a>(
    find: &FindSlices,
    task: Task,
    columns: impl Iterator<Item = &'a SliceColumn>,
    outcomes: &Outcomes,
    sampling: &Sampling,
) -> Result<Found, Vec<Refusal>> {
    let known: Vec<&SliceColumn> = columns.collect();
    let named = find.columns.iter().filter_map(|name| known.iter().find(|column| column.column == *name));
    let columns: Vec<&SliceColumn> = named.copied().collect();
    let mut refusals: Vec<Refusal> = columns.iter().filter_map(|column| too_many_values(column)).collect();
    let metrics = computable(outcomes, task);
    let Some(metric) = metrics.iter().find(|metric| metric.name == find.metric) else {
        let names: Vec<&str> = metrics.iter().map(|metric| metric.name.as_str()).collect();
        let why = format!("`find_slices` cannot search by {}, which is not measured slice by slice here", find.metric);
        refusals.push((why, format!("one of {}", names.join(", "))));
        return Err(refusals);
    };
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut search = Search { find, columns, outcomes, sampling, metric, candidates: Vec::new() };
    let all: Vec<u32> = (0..).take(outcomes.len()).collect();
    search.deepen(&mut Vec::new(), &all, 0).map_err(|refusal| vec![refusal])?;
    Ok(search.finish())
}

fn too_many_values(column: &SliceColumn) -> Option<Refusal> {
    let (name, values) = (&column.column, column.values.len());
    (values > MOST_VALUES).then(|| {
        let count = |number: usize| Unit::Count.show(number as f64);
        let why = format!("column {name:?} has {} values; `find_slices` takes {}", count(values), count(MOST_VALUES));
        (why, "cut it into `bins` in `slices`, or leave it out of `columns` of `find_slices`".to_string())
    })
}

struct Search<'a> {
    find: &'a FindSlices,
    columns: Vec<&'a SliceColumn>,
    outcomes: &'a Outcomes,
    sampling: &'a Sampling,
    metric: &'a Metric,
    candidates: Vec<Candidate>,
}

impl Search<'_> {
    /// Takes every refinement of `terms`, whose rows are `rows`, by columns from `from` on. What has too few rows is not
    /// refined: it can only lose more.
    fn deepen(&mut self, terms: &mut Vec<Term>, rows: &[u32], from: usize) -> Result<(), Refusal> {
        for place in from..self.columns.len() {
            for (code, rows) in self.parts(place, rows) {
                if self.candidates.len() >= MOST_SEARCHED {
                    let most = Unit::Count.show(MOST_SEARCHED as f64);
                    let why = format!("`find_slices` has more than {most} slices to search");
                    return Err((why, "lower `max_columns`, raise `min_rows` or name fewer `columns`".to_string()));
                }
                terms.push((place, code));
                let (outcomes, sampling) = (self.outcomes.select(&rows), self.sampling.select(&rows));
                let value = outcomes.shape().value(&self.metric.info, &sampling).filter(|value| !value.is_nan());
                self.candidates.push(Candidate { terms: terms.clone(), value });
                if terms.len() < self.find.max_columns {
                    self.deepen(terms, &rows, place + 1)?;
                }
                terms.pop();
            }
        }
        Ok(())
    }

    /// The rows of each value of a column that has enough of them.
    fn parts(&self, place: usize, rows: &[u32]) -> Vec<(u32, Vec<u32>)> {
        let Some(column) = self.columns.get(place) else { return Vec::new() };
        let code = |row: &u32| column.codes.get(*row as usize).copied().unwrap_or(NO_SLICE);
        let mut sizes = vec![0_u64; column.values.len()];
        for row in rows {
            if let Some(size) = sizes.get_mut(code(row) as usize) {
                *size += 1;
            }
        }
        let mut parts: Vec<(u32, Vec<u32>)> = Vec::new();
        let places: Vec<Option<usize>> = (0..)
            .zip(&sizes)
            .map(|(code, size)| {
                (*size >= self.find.min_rows.max(1)).then(|| {
                    parts.push((code, Vec::with_capacity(*size as usize)));
                    parts.len() - 1
                })
            })
            .collect();
        for row in rows {
            let place = places.get(code(row) as usize).copied().flatten();
            if let Some((_, rows)) = place.and_then(|place| parts.get_mut(place)) {
                rows.push(*row);
            }
        }
        parts
    }

    fn finish(self) -> Found {
        let values: HashMap<&[Term], f64> =
            self.candidates.iter().filter_map(|found| Some((found.terms.as_slice(), found.value?))).collect();
        let better = self.metric.info.better;
        let worst_first = |a: f64, b: f64| match better {
            Better::Higher => a.total_cmp(&b),
            Better::Lower => b.total_cmp(&a),
        };
        // A slice by a single value refines no slice: even of an even model something is the worst.
        let says_more = |terms: &[Term], value: f64| {
            terms.len() < 2
                || (0..terms.len()).all(|without| {
                    let mut parent = terms.to_vec();
                    parent.remove(without);
                    values.get(parent.as_slice()).is_none_or(|parent| worst_first(value, *parent).is_lt())
                })
        };
        let defined = self.candidates.iter().filter_map(|found| Some((&found.terms, found.value?)));
        let mut worst: Vec<(f64, String, &Vec<Term>)> = defined
            .filter(|(terms, value)| says_more(terms, *value))
            .map(|(terms, value)| (value, self.name(terms), terms))
            .collect();
        worst.sort_by(|a, b| worst_first(a.0, b.0).then_with(|| a.1.cmp(&b.1)));
        worst.truncate(self.find.keep);
        let slices = worst.into_iter().map(|(_, value, terms)| {
            let slice = Slice { column: FOUND.to_string(), value };
            (slice, self.rows(terms))
        });
        Found {
            slices: slices.collect(),
            metric: self.metric.clone(),
            searched: self.candidates.len(),
            undefined: self.candidates.iter().filter(|found| found.value.is_none()).count(),
            min_rows: self.find.min_rows,
        }
    }

    /// `country=DE, plan=free`
    fn name(&self, terms: &[Term]) -> String {
        let quoted = |text: &str| match text.contains([',', '=', '"']) {
            true => format!("{text:?}"),
            false => text.to_string(),
        };
        let of = |(place, code): &Term| {
            let column = self.columns.get(*place)?;
            Some(format!("{}={}", quoted(&column.column), quoted(column.values.get(*code as usize)?)))
        };
        terms.iter().filter_map(of).collect::<Vec<_>>().join(", ")
    }

    fn rows(&self, terms: &[Term]) -> Vec<u32> {
        let holds = |row: &u32, (place, code): &Term| {
            self.columns.get(*place).and_then(|column| column.codes.get(*row as usize)) == Some(code)
        };
        let all = (0..).take(self.outcomes.len());
        all.filter(|row| terms.iter().all(|term| holds(row, term))).collect()
    }
}

impl Found {
    /// The level of each interval that makes all of them hold at `level`.
    fn level(&self, level: f64) -> f64 {
        SliceCorrection::Bonferroni.level(level, self.searched)
    }

    /// Of the metric that was searched by.
    pub fn id(&self) -> String {
        id(&self.metric)
    }

    /// The metric on each of the worst slices. The intervals hold at `level` for all slices searched at once.
    pub fn measure(&self, data: &Predicted, level: f64) -> Vec<Measurement> {
        let info = &self.metric.info;
        let of = |(slice, rows): &(Slice, Vec<u32>)| {
            let (outcomes, sampling) = (data.outcomes.select(rows), data.sampling.select(rows));
            let estimate = outcomes.shape().measure(&[info], &sampling, self.level(level)).into_iter().flatten().next();
            // What is certain stays so.
            let at_once =
                |interval: Interval| if interval.level < 1.0 { Interval { level, ..interval } } else { interval };
            let searched = format!(
                "{}; among the worst {} of {} slices searched, the interval holds for all of them at once",
                source(info, &outcomes, data),
                self.slices.len(),
                Unit::Count.show(self.searched as f64)
            );
            Measurement {
                slice: Some(slice.clone()),
                n: Some(outcomes.len() as u64),
                interval: estimate.and_then(|(_, interval)| interval).map(at_once),
                ..Measurement::new(id(&self.metric), estimate.map_or(f64::NAN, |found| found.0), info.unit, searched)
            }
        };
        self.slices.iter().map(of).collect()
    }

    pub fn notes(&self, source: &str, level: f64) -> Vec<String> {
        let (name, count) = (&self.metric.name, |number: usize| Unit::Count.show(number as f64));
        let percent = |level: f64| {
            let digits = format!("{:.6}", level * 100.0);
            format!("{}%", digits.trim_end_matches('0').trim_end_matches('.'))
        };
        if self.searched == 0 {
            return vec![format!("{source}: `find_slices` found no slice of {} rows", self.min_rows)];
        }
        let mut notes = vec![format!(
            "{source}: worst {} of {} slices searched by {name}, each at {} (Bonferroni), so that all hold at {}",
            self.slices.len(),
            count(self.searched),
            percent(self.level(level)),
            percent(level)
        )];
        if self.undefined > 0 {
            let why = self.metric.info.undefined;
            notes.push(format!(
                "{source}: {name} is undefined on {} of {} slices searched, which are not among the worst: {why}",
                count(self.undefined),
                count(self.searched)
            ));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::outcomes::Values;
    use std::collections::BTreeMap;

    const ROWS: u32 = 3_000;

    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state >> 33
    }

    fn column(name: &str, values: u32, state: &mut u64) -> SliceColumn {
        // Some rows are null.
        let code = |found: u32| if found < values { found } else { NO_SLICE };
        SliceColumn {
            column: name.into(),
            values: (0..values).map(|value| format!("v{value}")).collect(),
            codes: (0..ROWS).map(|_| code((random(state) % u64::from(values + 1)) as u32)).collect(),
        }
    }

    fn table() -> (Vec<SliceColumn>, Values) {
        let mut state = 11;
        let columns = vec![column("a", 3, &mut state), column("b", 5, &mut state), column("c", 9, &mut state)];
        let truth: Vec<f64> = (0..ROWS).map(|_| random(&mut state) as f64 % 100.0).collect();
        let predicted = truth.iter().map(|value| value + random(&mut state) as f64 % 21.0 - 10.0).collect();
        (columns, Values { truth, predicted })
    }

    fn find(max_columns: usize, min_rows: u64, keep: usize) -> FindSlices {
        let columns = ["a", "b", "c"].map(String::from).to_vec();
        FindSlices { metric: "mae".into(), columns, max_columns, min_rows, keep }
    }

    fn run(find: &FindSlices, columns: &[SliceColumn], values: &Values) -> Result<Found, Vec<Refusal>> {
        let outcomes = Outcomes::Values(values.clone());
        search(find, Task::Regression, columns.iter(), &outcomes, &Sampling::default())
    }

    /// Mean absolute error and rows of every conjunction, by name, row by row.
    fn by_hand(columns: &[SliceColumn], values: &Values, max_columns: usize) -> BTreeMap<Vec<String>, (f64, u64)> {
        let mut sums: BTreeMap<Vec<String>, (f64, u64)> = BTreeMap::new();
        for row in 0..ROWS as usize {
            for chosen in 1_u32..8 {
                let picked = columns.iter().enumerate().filter(|(place, _)| chosen >> place & 1 == 1);
                let term = |column: &SliceColumn| {
                    Some(format!("{}={}", column.column, column.values.get(column.codes[row] as usize)?))
                };
                let Some(terms) = picked.map(|(_, column)| term(column)).collect::<Option<Vec<_>>>() else { continue };
                if terms.len() <= max_columns {
                    let sum = sums.entry(terms).or_default();
                    sum.0 += (values.truth[row] - values.predicted[row]).abs();
                    sum.1 += 1;
                }
            }
        }
        sums.into_iter().map(|(terms, (sum, rows))| (terms, (sum / rows as f64, rows))).collect()
    }

    #[test]
    fn what_is_found_is_what_every_conjunction_counted_by_hand_gives() {
        let (columns, values) = table();
        for (max_columns, min_rows) in [(1, 1), (2, 40), (3, 15), (3, 1)] {
            let found = run(&find(max_columns, min_rows, 12), &columns, &values).unwrap();
            let mut all = by_hand(&columns, &values, max_columns);
            all.retain(|_, (_, rows)| *rows >= min_rows);
            assert_eq!(found.searched, all.len(), "{max_columns} columns of {min_rows} rows");
            let worse_than_parents = |(terms, (error, _)): &(&Vec<String>, &(f64, u64))| {
                (0..terms.len()).all(|without| {
                    let mut parent = (*terms).clone();
                    parent.remove(without);
                    all.get(&parent).is_none_or(|(parent, _)| *error > parent + 1e-12)
                })
            };
            let mut expected: Vec<_> = all.iter().filter(worse_than_parents).collect();
            expected.sort_by(|a, b| b.1.0.total_cmp(&a.1.0).then_with(|| a.0.cmp(b.0)));
            let expected: Vec<_> =
                expected.iter().take(12).map(|(terms, (_, rows))| (terms.join(", "), *rows)).collect();
            let slices: Vec<_> =
                found.slices.iter().map(|(slice, rows)| (slice.value.clone(), rows.len() as u64)).collect();
            assert_eq!(slices, expected, "{max_columns} columns of {min_rows} rows");
        }
    }

    #[test]
    fn ties_go_by_name_and_a_refinement_that_is_no_worse_is_left_out() {
        let (columns, values) = table();
        let perfect = Values { predicted: values.truth.clone(), truth: values.truth };
        let found = run(&find(3, 1, 100), &columns, &perfect).unwrap();
        let names: Vec<_> = found.slices.iter().map(|(slice, _)| slice.value.as_str()).collect();
        assert!(names.len() == 17 && names.is_sorted() && names.iter().all(|name| !name.contains(',')), "{names:?}");
    }

    #[test]
    fn what_cannot_be_searched_is_refused() {
        let (mut columns, values) = table();
        columns[1].values = (0..1_001).map(|value| value.to_string()).collect();
        columns[2].values = columns[1].values.clone();
        let refused = run(&find(2, 1, 1), &columns, &values).unwrap_err();
        assert!(refused.len() == 2 && refused[0].0.contains("1,001 values"), "{refused:?}");
        for column in &mut columns {
            column.values.truncate(1_000);
            column.codes = (0..ROWS).map(|row| row * 7_919 % 1_000).collect();
        }
        let unknown = FindSlices { metric: "f1".into(), ..find(2, 1, 1) };
        assert!(run(&unknown, &columns, &values).unwrap_err()[0].1.contains("mae"));
        // A name that could be read as two conditions is quoted.
        columns[0].values[0] = "x, b=y".into();
        let named = run(&find(1, 1, 3_000), &columns, &values).unwrap();
        assert!(named.slices.iter().any(|(slice, _)| slice.value == "a=\"x, b=y\""));
    }

    #[test]
    fn too_many_slices_are_refused() {
        let rows = 110_000_u32;
        let column = |name: &str, of: &dyn Fn(u32) -> u32| SliceColumn {
            column: name.into(),
            values: (0..400).map(|value| value.to_string()).collect(),
            codes: (0..rows).map(of).collect(),
        };
        let columns = [column("a", &|row| row % 400), column("b", &|row| row / 400)];
        let values = Values { truth: vec![1.0; rows as usize], predicted: vec![1.5; rows as usize] };
        let refused = run(&find(2, 1, 1), &columns, &values).unwrap_err();
        assert!(
            refused[0].0.contains("more than 100,000 slices") && refused[0].1.contains("max_columns"),
            "{refused:?}"
        );
    }
}
