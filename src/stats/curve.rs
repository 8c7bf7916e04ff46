//! Curves that show how scores separate two classes, thinned to what an eye can see, and whether they mean what they
//! say. The areas under them are measured elsewhere, from all rows.

use super::interval::wilson;
use crate::model::Interval;

/// A point of a curve, both coordinates 0 to 1.
pub type Point = (f64, f64);

/// Up to so many rows are sorted; of more, only those in buckets that an eye could tell from a straight line.
const FEW: usize = 1 << 15;
const BUCKETS: usize = 1 << 16;
/// The share of a class that a bucket may hold unsorted.
const SMALL: f64 = 1e-3;

/// Rows of a binary task.
#[derive(Clone, Copy, Debug)]
pub struct Scored<'a> {
    pub positive: &'a [bool],
    /// Probabilities of the positive class, 0 to 1.
    pub scores: &'a [f64],
    /// At least zero; None: each row counts one.
    pub weights: Option<&'a [f64]>,
}

/// One row: score, whether it is positive, weight.
type Row = (f64, bool, f64);

impl Scored<'_> {
    fn rows(&self) -> impl Iterator<Item = Row> + Clone {
        let row = |(i, (score, positive)): (usize, (&f64, &bool))| {
            let weight = self.weights.map_or(1.0, |weights| weights.get(i).copied().unwrap_or(0.0));
            (*score, *positive, weight)
        };
        self.scores.iter().zip(self.positive).enumerate().map(row)
    }
}

/// The ROC curve: (false positive rate, true positive rate) at every threshold, from (0, 0) to (1, 1). None without rows of both classes.
pub fn roc(rows: Scored<'_>) -> Option<Vec<Point>> {
    let steps = Steps::of(rows)?;
    let (mut hits, mut alarms) = (0.0, 0.0);
    let at = steps.falling.iter().map(|(gained, lost)| {
        (hits, alarms) = (hits + gained, alarms + lost);
        (alarms / steps.negatives, hits / steps.positives)
    });
    Some([(0.0, 0.0)].into_iter().chain(at).collect())
}

/// The precision-recall curve: (recall, precision), as the steps whose area is the average precision. None without
/// rows of both classes.
pub fn precision_recall(rows: Scored<'_>) -> Option<Vec<Point>> {
    let steps = Steps::of(rows)?;
    let mut points = Vec::with_capacity(2 * steps.falling.len());
    let (mut hits, mut rows) = (0.0, 0.0);
    for (gained, lost) in &steps.falling {
        let before = hits / steps.positives;
        (hits, rows) = (hits + gained, rows + gained + lost);
        points.push((before, hits / rows));
        points.push((hits / steps.positives, hits / rows));
    }
    points.dedup();
    Some(points)
}

/// Positives and negatives at each threshold, from the highest score down.
struct Steps {
    falling: Vec<(f64, f64)>,
    positives: f64,
    negatives: f64,
}

impl Steps {
    fn of(rows: Scored<'_>) -> Option<Steps> {
        let (mut positives, mut negatives) = (0.0, 0.0);
        for (_, positive, weight) in rows.rows() {
            if positive { positives += weight } else { negatives += weight }
        }
        if positives == 0.0 || negatives == 0.0 {
            return None;
        }
        let falling = match rows.scores.len() {
            few if few <= FEW => sorted(rows.rows().collect()),
            _ => bucketed(rows.rows(), positives, negatives),
        };
        Some(Steps { falling, positives, negatives })
    }
}

fn sorted(mut rows: Vec<Row>) -> Vec<(f64, f64)> {
    rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    rows.chunk_by(|a, b| a.0 == b.0).map(counted).collect()
}

fn counted(rows: &[Row]) -> (f64, f64) {
    rows.iter().fold((0.0, 0.0), |(gained, lost), (_, positive, weight)| match positive {
        true => (gained + weight, lost),
        false => (gained, lost + weight),
    })
}

/// As [`sorted`], but that neighbours which together hold less than [`SMALL`] of either class may be one step.
fn bucketed(rows: impl Iterator<Item = Row> + Clone, positives: f64, negatives: f64) -> Vec<(f64, f64)> {
    let place = |score: f64| ((score * BUCKETS as f64) as usize).min(BUCKETS - 1);
    let mut buckets = vec![(0.0, 0.0); BUCKETS];
    for (score, positive, weight) in rows.clone() {
        let (gained, lost) = &mut buckets[place(score)];
        if positive { *gained += weight } else { *lost += weight }
    }
    let is_large = |(gained, lost): (f64, f64)| gained > SMALL * positives || lost > SMALL * negatives;
    let mut large: Vec<Row> = rows.filter(|row| is_large(buckets[place(row.0)])).collect();
    large.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let mut large = large.chunk_by(|a, b| place(a.0) == place(b.0));
    let mut steps = Vec::new();
    for bucket in buckets.into_iter().rev().filter(|(gained, lost)| gained + lost > 0.0) {
        match is_large(bucket) {
            true => {
                steps.extend(large.next().into_iter().flat_map(|rows| rows.chunk_by(|a, b| a.0 == b.0)).map(counted))
            }
            false => steps.push(bucket),
        }
    }
    steps
}

/// At most `most` points, at least two, such that no point of the curve is further than `tolerance` from the line
/// through those that are kept, as far as `most` allows: the points that stand out furthest are kept first
/// (Ramer 1972; Douglas & Peucker 1973), so corners and the convex hull stay. The ends are always kept.
pub fn thin(points: &[Point], most: usize, tolerance: f64) -> Vec<Point> {
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

/// Leaves out points that are next to the one before and to the one after.
fn coarse(points: &[Point], near: f64) -> Vec<Point> {
    let close = |a: &Point, b: &Point| (a.0 - b.0).abs() < near && (a.1 - b.1).abs() < near;
    let mut kept: Vec<Point> = Vec::new();
    for (i, point) in points.iter().enumerate() {
        let is_last = i + 1 == points.len();
        if is_last || kept.last().is_none_or(|before| !close(before, point)) {
            kept.push(*point);
        }
    }
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
    for (score, positive, weight) in rows.rows() {
        let place = ((score * bins as f64) as usize).min(bins.saturating_sub(1));
        let sums = &mut sums[place];
        sums.rows += 1;
        sums.weight += weight;
        sums.squares += weight * weight;
        sums.score += weight * score;
        sums.hits += if positive { weight } else { 0.0 };
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
    use super::super::order::Order;
    use super::super::random::Random;
    use super::super::ranking;
    use super::*;

    fn scored<'a>(positive: &'a [bool], scores: &'a [f64]) -> Scored<'a> {
        Scored { positive, scores, weights: None }
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
            let auc = ranking::roc_auc(&Order::of(&scores), &positive, None).unwrap().value;
            let precision = ranking::average_precision(&Order::of(&scores), &positive, None).unwrap().value;
            let (roc, curve) =
                (roc(scored(&positive, &scores)).unwrap(), precision_recall(scored(&positive, &scores)).unwrap());
            let near = if n > FEW { 1e-4 } else { 1e-12 };
            assert!((area(&roc) - auc).abs() < near, "{n}: {} {auc}", area(&roc));
            assert!((area(&curve) - precision).abs() < near, "{n}: {} {precision}", area(&curve));
        }
        assert_eq!(roc(scored(&[true, true], &[0.1, 0.2])), None);
        assert_eq!(roc(scored(&[false, true], &[0.5, 0.5])).unwrap(), [(0.0, 0.0), (1.0, 1.0)]);
    }

    #[test]
    fn scores_that_all_lie_together_still_make_a_curve() {
        let (positive, scores) = rows(40_000, 0.2, 1e9);
        let squeezed: Vec<f64> = scores.iter().map(|s| 0.25 + s * 1e-6).collect();
        let auc = ranking::roc_auc(&Order::of(&squeezed), &positive, None).unwrap().value;
        assert!((area(&roc(scored(&positive, &squeezed)).unwrap()) - auc).abs() < 1e-4);
    }

    #[test]
    fn a_thinned_curve_looks_the_same() {
        for (n, share) in [(171, 0.4), (5000, 0.02), (60_000, 0.3)] {
            let (positive, scores) = rows(n, share, 1e9);
            for full in
                [roc(scored(&positive, &scores)).unwrap(), precision_recall(scored(&positive, &scores)).unwrap()]
            {
                let thinned = thin(&full, 200, 0.002);
                assert!(thinned.len() <= 200 && thinned.len() < full.len());
                assert_eq!((thinned.first(), thinned.last()), (full.first(), full.last()));
                assert!(thinned.is_sorted_by(|a, b| a.0 <= b.0));
                assert!((area(&thinned) - area(&full)).abs() < 0.002, "{} {}", area(&thinned), area(&full));
            }
        }
        assert_eq!(thin(&[], 10, 0.1), []);
        assert_eq!(thin(&[(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)], 10, 1e-3), [(0.0, 0.0), (1.0, 1.0)]);
        assert_eq!(thin(&[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)], 10, 1e-3).len(), 3, "a corner stays");
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice() {
        let (positive, scores) = rows(300, 0.3, 20.0);
        let twice = |i: usize| i.is_multiple_of(3);
        let weights: Vec<f64> = (0..300).map(|i| if twice(i) { 2.0 } else { 1.0 }).collect();
        let weighted = Scored { positive: &positive, scores: &scores, weights: Some(&weights) };
        let again = (0..300).filter(|i| twice(*i));
        let (more, more_scores): (Vec<bool>, Vec<f64>) =
            (0..300).chain(again).map(|i| (positive[i], scores[i])).unzip();
        let repeated = scored(&more, &more_scores);
        assert_eq!(roc(weighted), roc(repeated));
        assert_eq!(precision_recall(weighted), precision_recall(repeated));
        let (a, b) = (calibration(weighted, 5, 0.95), calibration(repeated, 5, 0.95));
        assert!(a.iter().zip(&b).all(|(a, b)| (a.positives - b.positives).abs() < 1e-12 && a.rows < b.rows));
        assert!(a.iter().zip(&b).all(|(a, b)| a.interval.low <= b.interval.low && a.interval.high >= b.interval.high));
    }

    #[test]
    fn bins_hold_every_row_once() {
        let scores = [0.0, 0.05, 0.1, 0.95, 1.0];
        let bins = calibration(scored(&[false, true, false, true, true], &scores), 10, 0.95);
        assert_eq!(bins.iter().map(|b| b.rows).collect::<Vec<_>>(), [2, 1, 2]);
        assert_eq!((bins[0].score, bins[0].positives), (0.025, 0.5));
        assert_eq!(bins[2].interval.high, 1.0);
        assert_eq!(calibration(scored(&[], &[]), 10, 0.95), []);
    }
}
