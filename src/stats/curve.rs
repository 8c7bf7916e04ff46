//! Curves that show how scores separate two classes, thinned to what an eye can see, and whether they mean what they
//! say. The areas under them are measured elsewhere, from all rows.

use super::interval::wilson;
use super::order::Order;
use crate::model::Interval;

/// A point of a curve, both coordinates 0 to 1.
pub type Point = (f64, f64);

/// Rows of a binary task.
#[derive(Clone, Copy, Debug)]
pub struct Scored<'a> {
    pub positive: &'a [bool],
    /// Probabilities of the positive class, 0 to 1.
    pub scores: &'a [f64],
    pub order: &'a Order,
    /// At least zero; None: each row counts one.
    pub weights: Option<&'a [f64]>,
}

impl<'a> Scored<'a> {
    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights.get(row).copied().unwrap_or(0.0))
    }

    /// The weights of all positives and of all negatives. None unless there are both.
    fn totals(&self) -> Option<(f64, f64)> {
        let (mut positives, mut negatives) = (0.0, 0.0);
        for (row, positive) in self.positive.iter().enumerate() {
            *(if *positive { &mut positives } else { &mut negatives }) += self.weight(row);
        }
        (positives > 0.0 && negatives > 0.0).then_some((positives, negatives))
    }

    /// The weights of the positives and of the negatives at each threshold, from the highest score down.
    fn falling(self) -> impl Iterator<Item = (f64, f64)> + use<'a> {
        let counted = move |run: &[u32]| {
            run.iter().fold((0.0, 0.0), |(gained, lost), &row| {
                let weight = self.weight(row as usize);
                if self.positive[row as usize] { (gained + weight, lost) } else { (gained, lost + weight) }
            })
        };
        self.order.runs().rev().map(counted).filter(|(gained, lost)| gained + lost > 0.0)
    }
}

/// The ROC curve: (false positive rate, true positive rate) at every threshold, from (0, 0) to (1, 1). None without
/// rows of both classes.
pub fn roc<'a>(rows: Scored<'a>) -> Option<impl Iterator<Item = Point> + use<'a>> {
    let (positives, negatives) = rows.totals()?;
    let at = rows.falling().scan((0.0, 0.0), move |(hits, alarms), (gained, lost)| {
        (*hits, *alarms) = (*hits + gained, *alarms + lost);
        Some((*alarms / negatives, *hits / positives))
    });
    Some(std::iter::once((0.0, 0.0)).chain(at))
}

/// The precision-recall curve: (recall, precision), as the steps whose area is the average precision. None without
/// rows of both classes.
pub fn precision_recall<'a>(rows: Scored<'a>) -> Option<impl Iterator<Item = Point> + use<'a>> {
    let (positives, _) = rows.totals()?;
    let steps = rows.falling().scan((0.0, 0.0), move |(hits, rows), (gained, lost)| {
        let before = *hits / positives;
        (*hits, *rows) = (*hits + gained, *rows + gained + lost);
        Some([(before, *hits / *rows), (*hits / positives, *hits / *rows)])
    });
    Some(steps.flatten())
}

/// At most `most` points, at least two, such that no point of the curve is further than `tolerance` from the line
/// through those that are kept, as far as `most` allows: the points that stand out furthest are kept first
/// (Ramer 1972; Douglas & Peucker 1973), so corners and the convex hull stay. The ends are always kept.
pub fn thin(points: impl Iterator<Item = Point>, most: usize, tolerance: f64) -> Vec<Point> {
    let points = coarse(points, tolerance / 2.0);
    let last = points.len().saturating_sub(1);
    let mut parts = vec![furthest(&points, 0, last)];
    let mut kept = vec![0, last];
    while kept.len() < most.max(2) {
        let Some(place) = (0..parts.len()).max_by(|a, b| parts[*a].off.total_cmp(&parts[*b].off)) else { break };
        let Part { from, to, at, off } = parts[place];
        if off <= tolerance / 2.0 {
            break;
        }
        kept.push(at);
        parts[place] = furthest(&points, from, at);
        parts.push(furthest(&points, at, to));
    }
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter().filter_map(|i| points.get(i).copied()).collect()
}

/// A stretch of the curve and the point on it that is furthest from the line between its ends.
struct Part {
    from: usize,
    to: usize,
    at: usize,
    off: f64,
}

fn furthest(points: &[Point], from: usize, to: usize) -> Part {
    let mut part = Part { from, to, at: from, off: 0.0 };
    for at in from + 1..to {
        let off = distance(points[at], points[from], points[to]);
        if off > part.off {
            part = Part { at, off, ..part };
        }
    }
    part
}

/// From a point to the line between two others.
fn distance(point: Point, from: Point, to: Point) -> f64 {
    let (along, across) = (to.0 - from.0, to.1 - from.1);
    let length = along.hypot(across);
    match length > 0.0 {
        true => ((point.0 - from.0) * across - (point.1 - from.1) * along).abs() / length,
        false => (point.0 - from.0).hypot(point.1 - from.1),
    }
}

/// Leaves out points that are next to the one before, but for the last.
fn coarse(points: impl Iterator<Item = Point>, near: f64) -> Vec<Point> {
    let close = |a: &Point, b: &Point| (a.0 - b.0).abs() < near && (a.1 - b.1).abs() < near;
    let (mut kept, mut left_out): (Vec<Point>, Option<Point>) = (Vec::new(), None);
    for point in points {
        left_out = match kept.last() {
            Some(before) if close(before, &point) => Some(point),
            _ => {
                kept.push(point);
                None
            }
        };
    }
    kept.extend(left_out);
    kept
}

/// Rows whose scores lie in one range: what was said of them, and what came true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    pub rows: u64,
    /// Mean score.
    pub score: f64,
    /// Share of positives.
    pub positives: f64,
    /// Wilson's of `positives`; of weighted rows with as many rows as their weights are worth (Kish 1965, 11.7).
    pub interval: Interval,
}

#[derive(Clone, Copy, Default)]
struct Sums {
    rows: u64,
    weight: f64,
    squares: f64,
    score: f64,
    hits: f64,
}

/// The reliability diagram (DeGroot & Fienberg 1983): `bins` ranges of equal width over 0 to 1, those without rows
/// left out.
pub fn calibration(rows: Scored<'_>, bins: usize, level: f64) -> Vec<Bin> {
    let mut sums = vec![Sums::default(); bins.max(1)];
    for (row, (score, positive)) in rows.scores.iter().zip(rows.positive).enumerate() {
        let weight = rows.weight(row);
        let place = ((score * bins as f64) as usize).min(bins.saturating_sub(1));
        let sums = &mut sums[place];
        sums.rows += 1;
        sums.weight += weight;
        sums.squares += weight * weight;
        sums.score += weight * score;
        sums.hits += if *positive { weight } else { 0.0 };
    }
    let bin = |sums: Sums| {
        let (positives, worth) = (sums.hits / sums.weight, sums.weight * sums.weight / sums.squares);
        let interval = wilson(positives * worth, worth, level)?;
        Some(Bin { rows: sums.rows, score: sums.score / sums.weight, positives, interval })
    };
    sums.into_iter().filter_map(bin).collect()
}

#[cfg(test)]
mod tests {
    use super::super::random::Random;
    use super::super::ranking;
    use super::*;

    struct Rows {
        positive: Vec<bool>,
        scores: Vec<f64>,
        order: Order,
        weights: Option<Vec<f64>>,
    }

    impl Rows {
        fn new(positive: &[bool], scores: &[f64]) -> Rows {
            let (positive, order) = (positive.to_vec(), Order::of(scores));
            Rows { positive, scores: scores.to_vec(), order, weights: None }
        }

        fn scored(&self) -> Scored<'_> {
            let Rows { positive, scores, order, weights } = self;
            Scored { positive, scores, order, weights: weights.as_deref() }
        }

        fn roc(&self) -> Option<Vec<Point>> {
            roc(self.scored()).map(Iterator::collect)
        }

        fn precision_recall(&self) -> Vec<Point> {
            precision_recall(self.scored()).unwrap().collect()
        }
    }

    fn area(points: &[Point]) -> f64 {
        points.windows(2).map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0).sum()
    }

    /// Rows whose positives score higher; `digits` are kept, so that there are ties.
    fn rows(n: usize, positives: f64, digits: f64) -> (Vec<bool>, Vec<f64>) {
        let mut random = Random::seeded(7);
        let row = |_| {
            let positive = random.uniform() < positives;
            let score = random.uniform().powf(if positive { 0.5 } else { 2.0 });
            (positive, (score * digits).round() / digits)
        };
        (0..n).map(row).unzip()
    }

    #[test]
    fn areas_are_those_that_are_measured() {
        for (n, share, digits) in [(50, 0.5, 20.0), (2000, 0.1, 1e9), (60_000, 0.3, 1e9), (60_000, 0.005, 1e3)] {
            let (positive, scores) = rows(n, share, digits);
            let rows = Rows::new(&positive, &scores);
            let auc = ranking::roc_auc(&rows.order, &positive, None).unwrap().value;
            let precision = ranking::average_precision(&rows.order, &positive, None).unwrap().value;
            let (roc, curve) = (rows.roc().unwrap(), rows.precision_recall());
            assert!((area(&roc) - auc).abs() < 1e-12, "{n}: {} {auc}", area(&roc));
            assert!((area(&curve) - precision).abs() < 1e-12, "{n}: {} {precision}", area(&curve));
        }
        assert_eq!(Rows::new(&[true, true], &[0.1, 0.2]).roc(), None);
        assert_eq!(Rows::new(&[false, true], &[0.5, 0.5]).roc().unwrap(), [(0.0, 0.0), (1.0, 1.0)]);
    }

    #[test]
    fn a_thinned_curve_looks_the_same() {
        for (n, share) in [(171, 0.4), (5000, 0.02), (60_000, 0.3)] {
            let (positive, scores) = rows(n, share, 1e9);
            let rows = Rows::new(&positive, &scores);
            for full in [rows.roc().unwrap(), rows.precision_recall()] {
                let thinned = thin(full.iter().copied(), 200, 0.002);
                assert!(thinned.len() <= 200 && thinned.len() < full.len());
                assert_eq!((thinned.first(), thinned.last()), (full.first(), full.last()));
                assert!(thinned.is_sorted_by(|a, b| a.0 <= b.0));
                assert!((area(&thinned) - area(&full)).abs() < 0.002, "{} {}", area(&thinned), area(&full));
            }
        }
        let thinned = |points: &[Point]| thin(points.iter().copied(), 10, 1e-3);
        assert_eq!(thinned(&[]), []);
        assert_eq!(thinned(&[(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)]), [(0.0, 0.0), (1.0, 1.0)]);
        assert_eq!(thinned(&[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]).len(), 3, "a corner stays");
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice() {
        let (positive, scores) = rows(300, 0.3, 20.0);
        let twice = |i: usize| i.is_multiple_of(3);
        let weights: Vec<f64> = (0..300).map(|i| if twice(i) { 2.0 } else { 1.0 }).collect();
        let weighted = Rows { weights: Some(weights), ..Rows::new(&positive, &scores) };
        let again = (0..300).filter(|i| twice(*i));
        let (more, more_scores): (Vec<bool>, Vec<f64>) =
            (0..300).chain(again).map(|i| (positive[i], scores[i])).unzip();
        let repeated = Rows::new(&more, &more_scores);
        assert_eq!(weighted.roc(), repeated.roc());
        assert_eq!(weighted.precision_recall(), repeated.precision_recall());
        let (a, b) = (calibration(weighted.scored(), 5, 0.95), calibration(repeated.scored(), 5, 0.95));
        assert!(a.iter().zip(&b).all(|(a, b)| (a.positives - b.positives).abs() < 1e-12 && a.rows < b.rows));
        assert!(a.iter().zip(&b).all(|(a, b)| a.interval.low <= b.interval.low && a.interval.high >= b.interval.high));
    }

    #[test]
    fn bins_hold_every_row_once() {
        let scores = [0.0, 0.05, 0.1, 0.95, 1.0];
        let bins = calibration(Rows::new(&[false, true, false, true, true], &scores).scored(), 10, 0.95);
        assert_eq!(bins.iter().map(|b| b.rows).collect::<Vec<_>>(), [2, 1, 2]);
        assert_eq!((bins[0].score, bins[0].positives), (0.025, 0.5));
        assert_eq!(bins[2].interval.high, 1.0);
        assert_eq!(calibration(Rows::new(&[], &[]).scored(), 10, 0.95), []);
    }
}
