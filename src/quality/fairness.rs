//! Fairness between the slices of a column, by Fairlearn's definitions: how far apart the groups are in how often
//! they are predicted positive, found when positive, and accused when negative.
//!
//! A measure is the largest difference (or the smallest ratio) over all pairs of groups. Its interval follows from
//! the intervals of all pairs (MOVER of Wilson's), each at a level that makes all of them hold together (Bonferroni):
//! for two groups it is Newcombe's, for many it does not pretend that the extreme pair was chosen beforehand.

use super::measure::{How, slices};
use super::metrics::MetricInfo;
use super::metrics::fairness::{Between, METRICS, Measure, Rate};
use super::outcomes::{Classes, Outcomes, Predicted, Sampling, SliceColumn};
use crate::model::{Interval, Measurement, Slice};
use crate::stats::linear::{Linear, Scale};
use crate::stats::{mover, mover_ratio, wilson};

/// A rate or a measure, with its interval.
type Rated = (f64, Interval);

/// What stands for the value of the slice, as a measure is of all values of a column.
const ALL: &str = "*";

/// Every measure that is asked for, of every slice column with at least two groups of enough rows. One that is undefined, as when a
/// group has no positive row, is NaN and comes second, with the reason.
pub fn measure(data: &Predicted, how: &How) -> Vec<(&'static MetricInfo, Measurement)> {
    let Outcomes::Classes(classes) = &data.outcomes else { return Vec::new() };
    if !classes.binary {
        return Vec::new();
    }
    let mut found = Vec::new();
    for column in &data.slices {
        let asked = |metric: &MetricInfo| how.asked.wants(&format!("quality.{}", metric.id), Some(&column.column));
        let metrics: Vec<_> = METRICS.iter().filter(|(metric, _)| asked(metric)).collect();
        if metrics.is_empty() {
            continue;
        }
        let groups: Vec<Vec<u32>> = slices(column, how.min_slice_rows).into_iter().map(|(_, rows)| rows).collect();
        if groups.len() < 2 {
            continue;
        }
        let rows = groups.iter().map(Vec::len).sum::<usize>() as u64;
        let mut shares = Shares { classes, sampling: &data.sampling, groups: &groups, known: Vec::new() };
        for (metric, measure) in metrics {
            let estimate = of(*measure, &mut shares, how.level);
            found.push((metric, measurement(metric, column, estimate, rows, &data.source)));
        }
    }
    found
}

fn measurement(
    metric: &MetricInfo,
    column: &SliceColumn,
    estimate: Option<Rated>,
    rows: u64,
    source: &str,
) -> Measurement {
    let slice = Slice { column: column.column.clone(), value: ALL.to_string() };
    let value = estimate.map_or(f64::NAN, |(value, _)| value);
    Measurement {
        slice: Some(slice),
        n: Some(rows),
        interval: estimate.map(|(_, interval)| interval),
        ..Measurement::new(format!("quality.{}", metric.id), value, metric.unit, source)
    }
}

fn of(measure: Measure, shares: &mut Shares<'_>, level: f64) -> Option<Rated> {
    let pairs = (shares.groups.len() * (shares.groups.len() - 1) / 2) as f64;
    let each = 1.0 - (1.0 - level) / pairs / measure.rates.len() as f64;
    let mut all: Option<Rated> = None;
    for rate in measure.rates {
        let rates: Option<Vec<Rated>> = shares.of(*rate).iter().map(|share| (*share)?.at(each)).collect();
        let found = between(measure.between, &rates?)?;
        all = Some(match all {
            None => found,
            Some(other) => worse(measure.between, other, found),
        });
    }
    let (value, interval) = all?;
    Some((value, Interval { level, ..interval }))
}

/// A share of the rows of a group, and how many rows of equal weight would leave it as uncertain.
#[derive(Clone, Copy)]
struct Share {
    value: f64,
    rows: f64,
}

impl Share {
    fn at(self, level: f64) -> Option<Rated> {
        Some((self.value, wilson(self.value * self.rows, self.rows, level)?))
    }
}

/// The rates of all groups, each computed once.
struct Shares<'a> {
    classes: &'a Classes,
    sampling: &'a Sampling,
    groups: &'a [Vec<u32>],
    known: Vec<(Rate, Vec<Option<Share>>)>,
}

impl Shares<'_> {
    /// By group; None of no rows.
    fn of(&mut self, rate: Rate) -> &[Option<Share>] {
        let place = self.known.iter().position(|(known, _)| *known == rate).unwrap_or_else(|| {
            let shares = self.groups.iter().map(|rows| self.share(rate, rows)).collect();
            self.known.push((rate, shares));
            self.known.len() - 1
        });
        &self.known[place].1
    }

    /// How often the rows of a group are predicted positive, of those that the rate is about.
    fn share(&self, rate: Rate, rows: &[u32]) -> Option<Share> {
        let Classes { truth, predicted, .. } = self.classes;
        if self.sampling.is_plain() {
            let (mut positive, mut selected, mut both) = (0_u64, 0_u64, 0_u64);
            for &row in rows {
                let (is, said) = (u64::from(truth[row as usize] == 1), u64::from(predicted[row as usize] == 1));
                (positive, selected, both) = (positive + is, selected + said, both + (is & said));
            }
            let all = rows.len() as u64;
            let (hits, all) = match rate {
                Rate::Selection => (selected, all),
                Rate::TruePositive => (both, positive),
                Rate::FalsePositive => (selected - both, all - positive),
            };
            return (all > 0).then(|| Share { value: hits as f64 / all as f64, rows: all as f64 });
        }
        let counts = |row: u32| match rate {
            Rate::Selection => true,
            Rate::TruePositive => truth[row as usize] == 1,
            Rate::FalsePositive => truth[row as usize] == 0,
        };
        let selected = |row: u32| f64::from(u8::from(predicted[row as usize] == 1));
        let rows: Vec<u32> = rows.iter().filter(|row| counts(**row)).copied().collect();
        let sampling = self.sampling.select(&rows);
        let selected = rows.iter().map(|row| selected(*row)).collect();
        let linear = Linear::mean(selected, sampling.weights.as_deref(), Scale::Share)?;
        let linear = linear.drawn(&sampling);
        Some(Share { value: linear.value, rows: linear.share_rows() })
    }
}

/// The most unequal of all pairs. None where all rates are zero, of which there is no ratio.
fn between(between: Between, rates: &[Rated]) -> Option<Rated> {
    let pairs = rates.iter().enumerate().flat_map(|(place, a)| rates[..place].iter().map(move |b| (*a, *b)));
    let of_pair = |(a, b): (Rated, Rated)| match between {
        Between::Difference => {
            let (d, interval) = (a.0 - b.0, mover(a, b));
            let (low, high) = (interval.low, interval.high);
            let least = if low <= 0.0 && high >= 0.0 { 0.0 } else { low.abs().min(high.abs()) };
            (d.abs(), Interval { low: least, high: low.abs().max(high.abs()).min(1.0), ..interval })
        }
        Between::Ratio => {
            let (a, b) = if a.0 <= b.0 { (a, b) } else { (b, a) };
            let interval = mover_ratio(a, b);
            let value = if b.0 > 0.0 { a.0 / b.0 } else { 1.0 };
            let folded = |ratio: f64| if ratio > 1.0 { 1.0 / ratio } else { ratio.max(0.0) };
            let (low, high) = (folded(interval.low), folded(interval.high));
            let most = if interval.high >= 1.0 { 1.0 } else { high };
            (value, Interval { low: low.min(high).min(value), high: most.max(value), level: interval.level })
        }
    };
    if between == Between::Ratio && rates.iter().all(|rate| rate.0 == 0.0) {
        return None;
    }
    pairs.map(of_pair).reduce(|a, b| worse(between, a, b))
}

/// The larger difference or the smaller ratio; as both intervals hold at once, so does that of the worse.
fn worse(between: Between, a: Rated, b: Rated) -> Rated {
    let pick: fn(f64, f64) -> f64 = match between {
        Between::Difference => f64::max,
        Between::Ratio => f64::min,
    };
    let interval = Interval { low: pick(a.1.low, b.1.low), high: pick(a.1.high, b.1.high), level: a.1.level };
    (pick(a.0, b.0), interval)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(value: f64, n: f64) -> Rated {
        (value, crate::stats::wilson(value * n, n, 0.95).unwrap())
    }

    #[test]
    fn two_groups_have_newcombes_interval() {
        // Newcombe 1998, Statistics in Medicine 17:873, table II, method 10: 56/70 and 48/80.
        let (value, interval) = between(Between::Difference, &[rate(0.8, 70.0), rate(0.6, 80.0)]).unwrap();
        assert!((value - 0.2).abs() < 1e-12);
        assert!((interval.low - 0.0524).abs() < 5e-5 && (interval.high - 0.3339).abs() < 5e-5, "{interval:?}");
    }

    #[test]
    fn equal_groups_may_be_equal_and_extremes_count() {
        let rates = [rate(0.5, 100.0), rate(0.5, 100.0), rate(0.9, 1000.0)];
        let (value, interval) = between(Between::Difference, &rates[..2]).unwrap();
        assert!(value == 0.0 && interval.low == 0.0 && interval.high > 0.1);
        let (value, interval) = between(Between::Ratio, &rates).unwrap();
        assert!((value - 0.5 / 0.9).abs() < 1e-12 && interval.low < value && interval.high < 1.0, "{interval:?}");
        let (value, interval) = between(Between::Ratio, &rates[..2]).unwrap();
        assert!(value == 1.0 && interval.high == 1.0 && interval.low < 0.9, "{interval:?}");
        assert!(between(Between::Ratio, &[rate(0.0, 9.0), rate(0.0, 9.0)]).is_none());
    }
}
