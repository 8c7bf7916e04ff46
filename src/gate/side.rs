//! What one side, candidate or baseline, says of a subject: its measurement at the level that a gate asks for.

use super::arithmetic::{Number, Origin};
use crate::model::*;
use crate::stats;
use std::collections::HashMap;

/// The measurements of one side, found by id and slice.
pub struct Side<'a> {
    known: HashMap<(&'a str, Option<&'a Slice>), &'a Measurement>,
    by_id: HashMap<&'a str, Vec<&'a Measurement>>,
}

/// How certain a gate wants to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certainty {
    pub level: f64,
    /// For comparisons that a subject makes within itself: between the slices of a gap.
    pub correction: SliceCorrection,
}

/// A measurement as a gate takes it, and what there is to say of how its interval came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub measurement: Measurement,
    pub said: Vec<String>,
}

impl<'a> Side<'a> {
    pub fn of(measurements: impl Iterator<Item = &'a Measurement>) -> Side<'a> {
        let mut side = Side { known: HashMap::new(), by_id: HashMap::new() };
        for m in measurements {
            side.known.entry((m.id.as_str(), m.slice.as_ref())).or_insert(m);
            side.by_id.entry(m.id.as_str()).or_default().push(m);
        }
        side
    }

    /// The baseline's side: of slices only those that the candidate has too.
    pub fn beside(&self, measurements: &'a [Measurement]) -> Side<'a> {
        Side::of(measurements.iter().filter(|m| self.known.contains_key(&(m.id.as_str(), m.slice.as_ref()))))
    }

    /// The measured slices of a column, in the order of the measurements.
    pub fn slices(&self, id: &str, column: &str) -> Vec<&'a Slice> {
        let slices = self.by_id.get(id).into_iter().flatten().filter_map(|m| m.slice.as_ref());
        slices.filter(|slice| slice.column == column).collect()
    }

    /// What this side says of the subject; `slice` is the one that is judged, of a subject that has one for each.
    ///
    /// # Errors
    /// Why there is nothing, as a sentence.
    pub fn tell(&self, subject: &Subject, slice: Option<&Slice>, certainty: Certainty) -> Result<Told, String> {
        match subject {
            Subject::Overall { id } => self.one(id, None, certainty.level).ok_or_else(|| self.missing(id)),
            Subject::EachSlice { id, column } => self
                .one(id, slice, certainty.level)
                .filter(|_| slice.is_some())
                .ok_or_else(|| format!("no slice of `{column}` has enough rows to be measured")),
            Subject::OneSlice { id, column, value } => {
                let slice = Slice { column: column.clone(), value: value.clone() };
                let missing = || format!("no slice {slice} has enough rows to be measured");
                self.one(id, Some(&slice), certainty.level).ok_or_else(missing)
            }
            Subject::Gap { id, column } => self.over_slices(id, column, certainty, &gap),
            Subject::Ratio { id, column } => self.over_slices(id, column, certainty, &ratio),
            Subject::Combined(expr) => {
                let of = |part: &Subject| {
                    let told = self.tell(part, slice, certainty)?;
                    let origin = Origin::of(part, slice);
                    Ok(Number::measured(told, origin))
                };
                Ok(Number::of(expr, certainty.level, &of)?.told(subject, slice))
            }
        }
    }

    fn one(&self, id: &str, slice: Option<&Slice>, level: f64) -> Option<Told> {
        self.known.get(&(id, slice)).map(|measurement| at_level(measurement, level))
    }

    fn missing(&self, id: &str) -> String {
        let mut others: Vec<&str> = self.known.keys().filter(|(_, slice)| slice.is_none()).map(|(id, _)| *id).collect();
        others.sort_unstable();
        let slice = self.by_id.get(id).and_then(|of_id| of_id.iter().find_map(|m| m.slice.as_ref()));
        if let Some(slice) = slice {
            return format!("`{id}` was measured on slices alone, such as {slice}, and not on the whole");
        }
        match others.is_empty() {
            true => format!("`{id}` was not measured; nothing was"),
            false => format!("`{id}` was not measured; there are {}", others.join(", ")),
        }
    }

    fn over_slices(&self, id: &str, column: &str, certainty: Certainty, of: &Between) -> Result<Told, String> {
        let slices = self.slices(id, column);
        let count = slices.len();
        if count < 2 {
            return Err(format!("`{column}` has {count} slice with enough rows; a comparison needs two"));
        }
        // Any two slices may be the extremes, so that all pairs are compared.
        let pairs = count * (count - 1) / 2;
        let level = certainty.correction.level(certainty.level, pairs);
        let told: Vec<Told> = slices.iter().filter_map(|slice| self.one(id, Some(slice), level)).collect();
        let mut said: Vec<String> = told.iter().flat_map(|told| told.said.clone()).collect();
        said.truncate(1);
        if pairs > 1 && certainty.correction == SliceCorrection::Bonferroni {
            said.push(format!("each of {pairs} pairs of slices at {} (Bonferroni)", percent(level)));
        }
        let slices: Vec<Measurement> = told.into_iter().map(|told| told.measurement).collect();
        if slices.iter().any(|m| !m.value.is_finite()) {
            return Err(format!("a slice of `{column}` has no value"));
        }
        Ok(Told { measurement: of(&slices, level)?, said })
    }
}

/// A measurement with its interval at `level`; where it was made at another, carried over and said.
pub fn at_level(measurement: &Measurement, level: f64) -> Told {
    let (interval, said) = match (measurement.interval_at(level), measurement.interval) {
        (Some(interval), _) => (Some(interval), None),
        (None, Some(other)) => {
            let said = format!("interval carried from {} to {}", percent(other.level), percent(level));
            (Some(stats::carried(measurement.value, other, level)), Some(said))
        }
        (None, None) => (None, None),
    };
    Told { measurement: Measurement { interval, ..measurement.clone() }, said: said.into_iter().collect() }
}

pub fn percent(level: f64) -> String {
    let digits = format!("{:.4}", level * 100.0);
    format!("{}%", digits.trim_end_matches('0').trim_end_matches('.'))
}

type Between = dyn Fn(&[Measurement], f64) -> Result<Measurement, String>;

/// The largest minus the smallest. Its interval: whichever slices are the true extremes, their difference is the
/// largest of all, so it lies between the largest lower and the largest upper end of the intervals of all pairs
/// (MOVER's), which all hold at once.
fn gap(slices: &[Measurement], level: f64) -> Result<Measurement, String> {
    let (largest, smallest) = extremes(slices)?;
    let ends = over_pairs(slices, &stats::mover, (0.0, f64::NEG_INFINITY), f64::max);
    let interval = ends.map(|(low, high)| Interval { low, high, level });
    Ok(Measurement { value: largest.value - smallest.value, interval, ..between(largest, smallest, largest.unit) })
}

/// The smallest divided by the largest, as the ratios of fairness are defined. Its interval by the same argument, from
/// the smallest ends of the ratios of all pairs.
fn ratio(slices: &[Measurement], level: f64) -> Result<Measurement, String> {
    let (largest, smallest) = extremes(slices)?;
    if smallest.value < 0.0 || largest.value <= 0.0 {
        let value = largest.unit.show(if smallest.value < 0.0 { smallest.value } else { largest.value });
        return Err(format!("a ratio between slices needs values above zero, and one is {value}"));
    }
    let ends = over_pairs(slices, &stats::mover_ratio, (1.0, 1.0), f64::min);
    let interval = ends.map(|(low, high)| Interval { low: low.max(0.0), high, level });
    Ok(Measurement { value: smallest.value / largest.value, interval, ..between(largest, smallest, Unit::Score) })
}

fn extremes(slices: &[Measurement]) -> Result<(&Measurement, &Measurement), String> {
    let largest = slices.iter().max_by(|a, b| a.value.total_cmp(&b.value));
    let smallest = slices.iter().min_by(|a, b| a.value.total_cmp(&b.value));
    largest.zip(smallest).ok_or_else(|| "there are no slices".to_string())
}

/// The ends of the intervals of all ordered pairs of different slices, folded from `start`; none where a slice has no
/// interval.
fn over_pairs(
    slices: &[Measurement],
    of: &dyn Fn((f64, Interval), (f64, Interval)) -> Interval,
    start: (f64, f64),
    then: fn(f64, f64) -> f64,
) -> Option<(f64, f64)> {
    let known: Vec<(f64, Interval)> = slices.iter().map(|m| Some((m.value, m.interval?))).collect::<Option<_>>()?;
    let mut ends = start;
    for (i, a) in known.iter().enumerate() {
        for (_, b) in known.iter().enumerate().filter(|(j, _)| *j != i) {
            let interval = of(*a, *b);
            ends = (then(ends.0, interval.low), then(ends.1, interval.high));
        }
    }
    Some(ends)
}

fn between(largest: &Measurement, smallest: &Measurement, unit: Unit) -> Measurement {
    let shown = |m: &Measurement| format!("{} of {}", m.unit.show(m.value), m.key());
    let source = format!("largest {}, smallest {}", shown(largest), shown(smallest));
    // Rows of two slices do not add up to one number that would settle it.
    Measurement::new(&largest.id, f64::NAN, unit, source)
}
