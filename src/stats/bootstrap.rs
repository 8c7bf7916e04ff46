//! The bootstrap on tables of counts: its cost grows with the distinct outcomes, not with the rows.
//!
//! A bootstrap that only ever draws what it has seen gives a perfect model, or two models that never disagreed, an
//! interval of no width. So the table is first given two imagined rows, spread so that each model is right in half
//! of them (the adjustment of Agresti & Coull 1998 for one proportion and of Agresti & Min 2005 for matched pairs).

use super::counts::{CountMetric, Tally, Undefined};
use super::interval::{critical, unbounded};
use super::paired::Agreement;
use super::quantile;
use super::random::Random;
use crate::model::Interval;
use std::collections::BTreeMap;

const RESAMPLES: usize = 2000;
/// Tables with very many distinct outcomes are resampled less often, to bound the time.
const FEWEST_RESAMPLES: usize = 500;
const DRAWS: usize = 20_000_000;
/// Draws that a tail must hold before its end is read off them: the end of twenty is known to a tenth of a standard
/// error, that of one is wherever the one happened to fall.
const FEWEST_IN_TAIL: f64 = 20.0;
/// Cells of a table that is counted as one; of more classes only what occurs is.
const MOST_COUNTED: usize = 1 << 18;
const IMAGINED_ROWS: f64 = 2.0;
/// Any number would do; that it never changes makes the intervals repeatable.
const SEED: u64 = 0x6d6c_6761_7465;

/// Rows by truth and by what each of two models predicted. For one model, both predictions are its own.
#[derive(Clone, Debug, Default)]
pub struct Joint {
    cells: BTreeMap<(u32, u32, u32), u64>,
    classes: u32,
    paired: bool,
}

impl Joint {
    pub fn of_one(classes: usize, rows: impl Iterator<Item = (u32, u32)>) -> Joint {
        Joint::count(classes, false, rows.map(|(truth, a)| (truth, a, a)))
    }

    pub fn of_two(classes: usize, rows: impl Iterator<Item = (u32, u32, u32)>) -> Joint {
        Joint::count(classes, true, rows)
    }

    fn count(classes: usize, paired: bool, rows: impl Iterator<Item = (u32, u32, u32)>) -> Joint {
        // Of a single class nothing could ever be missed.
        let width = classes.max(2);
        let mut cells = BTreeMap::new();
        if width.pow(if paired { 3 } else { 2 }) > MOST_COUNTED {
            for row in rows {
                *cells.entry(row).or_insert(0) += 1;
            }
        } else {
            // A table is counted in a hundredth of the time.
            let depth = if paired { width } else { 1 };
            let mut counts = vec![0; width * width * depth];
            for (truth, a, b) in rows {
                let (truth, a, b) = (truth as usize, a as usize, if paired { b as usize } else { 0 });
                if a < width
                    && b < width
                    && let Some(count) = counts.get_mut((truth * width + a) * depth + b)
                {
                    *count += 1;
                }
            }
            for (place, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                let (truth, a, b) = (place / depth / width, place / depth % width, place % depth);
                cells.insert((truth as u32, a as u32, if paired { b as u32 } else { a as u32 }), count);
            }
        }
        Joint { cells, classes: width as u32, paired }
    }

    pub fn tallies(&self) -> (Tally, Tally) {
        let mut tallies = (Tally::new(self.classes as usize), Tally::new(self.classes as usize));
        for (&(truth, a, b), &count) in &self.cells {
            tallies.0.add(truth, a, count as f64);
            tallies.1.add(truth, b, count as f64);
        }
        tallies
    }

    /// On how many rows each model is right, of those of a class or of all.
    pub fn agreement(&self, class: Option<u32>) -> Agreement {
        let mut agreement = Agreement::default();
        for (&(truth, a, b), &count) in self.cells.iter().filter(|(cell, _)| class.is_none_or(|only| only == cell.0)) {
            agreement.add(a == truth, b == truth, count);
        }
        agreement
    }

    /// Every metric of `metrics` on each resample, for both models; None where it is undefined.
    pub fn resample(&self, metrics: &[CountMetric]) -> Resamples {
        let cells: Vec<_> = self.cells.iter().map(|(&cell, &count)| (cell, count)).collect();
        let rows: u64 = cells.iter().map(|(_, count)| count).sum();
        let resamples = (DRAWS / cells.len().max(1)).clamp(FEWEST_RESAMPLES, RESAMPLES);
        let mut random = Random::seeded(SEED);
        let (mut a, mut b) = (Tally::new(self.classes as usize), Tally::new(self.classes as usize));
        let mut values = vec![Vec::with_capacity(resamples); metrics.len()];
        for _ in 0..resamples {
            a.clear();
            b.clear();
            let imagined = random.binomial(rows, IMAGINED_ROWS / (rows as f64 + IMAGINED_ROWS));
            for _ in 0..imagined {
                let (truth, of_a, of_b) = self.imagine(&mut random);
                a.add(truth, of_a, 1.0);
                b.add(truth, of_b, 1.0);
            }
            let (mut left, mut weight) = (rows - imagined, rows);
            for &((truth, of_a, of_b), count) in &cells {
                let drawn = random.binomial(left, count as f64 / weight as f64);
                a.add(truth, of_a, drawn as f64);
                b.add(truth, of_b, drawn as f64);
                left -= drawn;
                weight -= count;
            }
            for (values, metric) in values.iter_mut().zip(metrics) {
                let of_a = metric.of(&a, Undefined::IsLeftOut);
                values.push((of_a, if self.paired { metric.of(&b, Undefined::IsLeftOut) } else { of_a }));
            }
        }
        Resamples { values }
    }

    /// A row of any class, which each model gets right with probability one half.
    fn imagine(&self, random: &mut Random) -> (u32, u32, u32) {
        let classes = u64::from(self.classes);
        let truth = random.below(classes);
        let mut guess = || {
            if random.below(2) == 0 {
                return truth as u32;
            }
            let other = random.below(classes - 1);
            (if other < truth { other } else { other + 1 }) as u32
        };
        let a = guess();
        (truth as u32, a, if self.paired { guess() } else { a })
    }
}

/// The metrics of each resample, in the order asked for.
pub struct Resamples {
    values: Vec<Vec<(Option<f64>, Option<f64>)>>,
}

impl Resamples {
    pub(super) fn of(values: Vec<Vec<(Option<f64>, Option<f64>)>>) -> Resamples {
        Resamples { values }
    }

    /// The percentile interval of `of`(candidate, baseline) for the metric at `index`, widened if need be to hold
    /// `estimate`. Resamples where it is undefined count as worse than all and as better than all.
    ///
    /// At levels whose tails hold fewer than twenty resamples (of 2,000: above 98 %, which a correction for several
    /// comparisons soon asks for) percentiles are too narrow: of 2,000 draws that at 99.9 % leaves out twice what it
    /// should. There the end of the deepest tail that holds twenty is carried outward on the normal scale, from the
    /// estimate or the median, whichever lies farther in; a percentile that reaches still farther, as in a skewed
    /// tail, stays. So an interval is never narrower than its percentiles, and holds those of lower levels.
    pub fn interval(
        &self,
        index: usize,
        estimate: f64,
        level: f64,
        of: impl Fn(Option<f64>, Option<f64>) -> Option<f64>,
    ) -> Interval {
        let Some(values) = self.values.get(index) else { return unbounded(level) };
        let tail = (1.0 - level) / 2.0;
        let mut sorted: Vec<f64> = values.iter().filter_map(|&(a, b)| of(a, b)).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let undefined = values.len() - sorted.len();
        let drawn = values.len().max(1) as f64;
        let deepest = (FEWEST_IN_TAIL / drawn).min(0.25);
        // The k-th smallest of n draws has k / (n + 1) of the distribution below it in the mean.
        let left_out = ((drawn - 1.0) * deepest + 1.0) / (drawn + 1.0);
        let scale = critical(level) / critical(1.0 - 2.0 * left_out);
        let mut percentile = |p: f64, otherwise: f64| {
            let at = if otherwise < 0.0 { 0 } else { sorted.len() };
            sorted.splice(at..at, std::iter::repeat_n(otherwise, undefined));
            // Between two infinities nothing can be interpolated.
            let found = quantile(&sorted, p).filter(|v| !v.is_nan()).unwrap_or(otherwise);
            sorted.drain(at..at + undefined);
            found
        };
        // As a distance below the estimate or above it: the larger, the farther out.
        let mut reach = |p: fn(f64) -> f64, sign: f64| {
            let mut beyond = |tail: f64| sign * (percentile(p(tail), sign * f64::INFINITY) - estimate);
            let end = beyond(tail).max(0.0);
            if tail >= deepest {
                return end;
            }
            let (from, known) = (beyond(0.5).min(0.0), beyond(deepest));
            // Without any spread, or with one that is not bounded, there is nothing to carry.
            let carried = if known > from && known.is_finite() { from + (known - from) * scale } else { known };
            end.max(carried)
        };
        let (below, above) = (reach(|tail| tail, -1.0), reach(|tail| 1.0 - tail, 1.0));
        Interval { low: estimate - below, high: estimate + above, level }
    }
}

#[cfg(test)]
mod tests {
    use super::super::normal_quantile;
    use super::*;

    #[test]
    fn two_models_that_never_disagreed_may_still_differ() {
        let joint = Joint::of_two(2, (0..50).map(|i| (i % 2, i % 2, i % 2)));
        let resamples = joint.resample(&[CountMetric::Accuracy]);
        let interval = resamples.interval(0, 0.0, 0.95, |a, b| Some(a? - b?));
        assert!(interval.low < -0.01 && interval.low > -0.1 && interval.high > 0.01, "{interval:?}");
    }

    #[test]
    fn resamples_are_repeatable_and_narrow_with_rows() {
        let width = |n: u32| {
            let joint = Joint::of_one(3, (0..n).map(|i| (i % 3, (i % 3 + u32::from(i % 5 == 0)) % 3)));
            let interval = joint.resample(&[CountMetric::F1Macro]).interval(0, 0.8, 0.95, |a, _| a);
            assert_eq!(interval, joint.resample(&[CountMetric::F1Macro]).interval(0, 0.8, 0.95, |a, _| a));
            interval.high - interval.low
        };
        let ratio = width(300) / width(4800);
        assert!(ratio > 3.5 && ratio < 4.5, "{ratio}");
    }

    /// The mean share of a distribution beyond an interval of as many draws from it.
    fn left_out(
        resamples: usize,
        level: f64,
        draw: impl Fn(&mut Random) -> f64,
        beyond: impl Fn(Interval) -> f64,
    ) -> f64 {
        let mut random = Random::seeded(7);
        let repeats = 150;
        let total: f64 = (0..repeats)
            .map(|_| {
                let drawn = (0..resamples).map(|_| draw(&mut random)).map(|v| (Some(v), Some(v))).collect();
                beyond(Resamples::of(vec![drawn]).interval(0, 0.0, level, |a, _| a))
            })
            .sum();
        total / f64::from(repeats)
    }

    #[test]
    fn many_comparisons_err_no_more_often_than_their_family_may() {
        let normal = |random: &mut Random| normal_quantile(random.uniform().max(1e-12));
        // The share below, by bisection of its inverse.
        let below = |z: f64| {
            let halve = |(low, high): (f64, f64), _| {
                let p = (low + high) / 2.0;
                if normal_quantile(p) < z { (p, high) } else { (low, p) }
            };
            (0..60).fold((0.0, 1.0), halve).0
        };
        let beyond = |found: Interval| below(found.low) + below(-found.high);
        // Slices of one gate, pairs of a gap over 20 slices.
        for comparisons in [1.0, 48.0, 190.0] {
            for resamples in [RESAMPLES, FEWEST_RESAMPLES] {
                let family = comparisons * left_out(resamples, 1.0 - 0.05 / comparisons, normal, beyond);
                assert!((0.04..0.055).contains(&family), "{comparisons} comparisons, {resamples} resamples: {family}");
            }
        }
    }

    #[test]
    fn intervals_of_higher_levels_hold_those_of_lower_ones() {
        for (rows, disagree) in [(60, 7), (900, 11), (900, 10_000)] {
            let wrong = |i: u32, every: u32| (i + u32::from(i % every == 3)) % 2;
            let joint = Joint::of_two(2, (0..rows).map(|i| (i % 2, wrong(i, 9), wrong(i, disagree))));
            let resamples = joint.resample(&[CountMetric::F1Macro]);
            let (a, b) = joint.tallies();
            let of = |tally| CountMetric::F1Macro.of(tally, Undefined::Spoils).unwrap();
            let at = |level| resamples.interval(0, of(&a) - of(&b), level, |a, b| Some(a? - b?));
            let levels = [0.5, 0.9, 0.95, 0.975, 0.9799, 0.9801, 0.985, 0.99, 0.999, 0.9999, 0.999_999];
            for (lower, higher) in levels.iter().map(|level| at(*level)).zip(levels[1..].iter().map(|level| at(*level)))
            {
                assert!(higher.low <= lower.low && lower.high <= higher.high, "{lower:?} {higher:?}");
                assert!(
                    higher.high - higher.low > lower.high - lower.low || higher.level < 0.98,
                    "{lower:?} {higher:?}"
                );
            }
        }
    }

    #[test]
    fn nothing_known_is_unbounded() {
        let empty = Joint::of_one(2, std::iter::empty()).resample(&[CountMetric::Recall]);
        assert_eq!(empty.interval(0, 0.5, 0.95, |a, _| a), unbounded(0.95));
    }
}
