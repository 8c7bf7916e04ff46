//! Curves that show how scores separate two classes, thinned to what an eye can see, and whether they mean what they
//! say. The areas under them are measured elsewhere, from all rows.

use super::order::Ranks;
use super::ranking::Ranked;

/// A point of a curve, both coordinates 0 to 1.
pub type Point = (f64, f64);

/// Of more rows than these a curve is drawn in steps that an eye cannot see.
const FEW: usize = 1 << 15;
/// The share of a class that such a step may hold.
const SMALL: f64 = 1e-3;

/// Positives and negatives at each threshold of scores.
pub struct Steps {
    /// Their weights, from the highest threshold down.
    falling: Vec<(f64, f64)>,
    positives: f64,
    negatives: f64,
}

impl Steps {
    /// Of rows by the order of their scores. Of very many rows, neighbours that together hold less than a thousandth of
    /// either class are one step. None without rows of both classes.
    pub fn of(ranks: &Ranks, weights: Option<&[f64]>) -> Option<Steps> {
        let rows = Ranked::of(ranks, weights);
        let (positives, negatives) = rows.sizes();
        let (positives, negatives) = (positives.weight, negatives.weight);
        if positives <= 0.0 || negatives <= 0.0 {
            return None;
        }
        let all = ranks.rows().len();
        let share = if all > FEW { SMALL } else { 0.0 };
        let (few_positives, few_negatives) = (share * positives, share * negatives);
        let (mut falling, mut here, mut start) = (Vec::new(), (0.0, 0.0), all);
        for run in ranks.runs().rev() {
            start -= run;
            let (gained, lost) = rows.weights(start, run);
            here = (here.0 + gained, here.1 + lost);
            if here.0 > few_positives || here.1 > few_negatives {
                falling.push(std::mem::take(&mut here));
            }
        }
        falling.extend(Some(here).filter(|(gained, lost)| gained + lost > 0.0));
        Some(Steps { falling, positives, negatives })
    }

    /// The ROC curve: (false positive rate, true positive rate) at every threshold, from (0, 0) to (1, 1).
    pub fn roc(&self) -> Vec<Point> {
        let (mut hits, mut alarms) = (0.0, 0.0);
        let at = self.falling.iter().map(|(gained, lost)| {
            (hits, alarms) = (hits + gained, alarms + lost);
            (alarms / self.negatives, hits / self.positives)
        });
        [(0.0, 0.0)].into_iter().chain(at).collect()
    }

    /// The precision-recall curve: (recall, precision), as the steps whose area is the average precision.
    pub fn precision_recall(&self) -> Vec<Point> {
        let mut points = Vec::with_capacity(2 * self.falling.len());
        let (mut hits, mut rows) = (0.0, 0.0);
        for (gained, lost) in &self.falling {
            let before = hits / self.positives;
            (hits, rows) = (hits + gained, rows + gained + lost);
            points.push((before, hits / rows));
            points.push((hits / self.positives, hits / rows));
        }
        points.dedup();
        points
    }
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

/// Leaves out points that are next to the one before, but for the last.
fn coarse(points: &[Point], near: f64) -> Vec<Point> {
    let close = |a: &Point, b: &Point| (a.0 - b.0).abs() < near && (a.1 - b.1).abs() < near;
    let (mut kept, mut left_out): (Vec<Point>, Option<Point>) = (Vec::new(), None);
    for point in points {
        left_out = kept.last().filter(|before| close(before, point)).map(|_| *point);
        if left_out.is_none() {
            kept.push(*point);
        }
    }
    kept.extend(left_out);
    kept
}

#[cfg(test)]
mod tests {
    use super::super::random::Random;
    use super::super::ranking;
    use super::*;

    fn steps(positive: &[bool], scores: &[f64]) -> Option<Steps> {
        Steps::of(&Ranks::of(scores, positive), None)
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
            let (ranks, steps) = (Ranks::of(&scores, &positive), steps(&positive, &scores).unwrap());
            let auc = ranking::roc_auc(&ranks, None).unwrap().value;
            let precision = ranking::average_precision(&ranks, None).unwrap().value;
            let (roc, curve) = (steps.roc(), steps.precision_recall());
            let near = if n > FEW { 1e-3 } else { 1e-12 };
            assert!((area(&roc) - auc).abs() < near, "{n}: {} {auc}", area(&roc));
            assert!((area(&curve) - precision).abs() < near, "{n}: {} {precision}", area(&curve));
            assert!(roc.len() < 3000 && curve.len() < 6000 || n <= FEW);
        }
        assert!(steps(&[true, true], &[0.1, 0.2]).is_none());
        assert_eq!(steps(&[false, true], &[0.5, 0.5]).unwrap().roc(), [(0.0, 0.0), (1.0, 1.0)]);
    }

    #[test]
    fn a_thinned_curve_looks_the_same() {
        for (n, share) in [(171, 0.4), (5000, 0.02), (60_000, 0.3)] {
            let (positive, scores) = rows(n, share, 1e9);
            let steps = steps(&positive, &scores).unwrap();
            for full in [steps.roc(), steps.precision_recall()] {
                let thinned = thin(&full, 200, 0.002);
                assert!(thinned.len() <= 200 && thinned.len() < full.len());
                assert_eq!((thinned.first(), thinned.last()), (full.first(), full.last()));
                assert!(thinned.is_sorted_by(|a, b| a.0 <= b.0));
                assert!((area(&thinned) - area(&full)).abs() < 0.002, "{} {}", area(&thinned), area(&full));
            }
        }
        let thinned = |points: &[Point]| thin(points, 10, 1e-3);
        assert_eq!(thinned(&[]), []);
        assert_eq!(thinned(&[(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)]), [(0.0, 0.0), (1.0, 1.0)]);
        assert_eq!(thinned(&[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]).len(), 3, "a corner stays");
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice() {
        let (positive, scores) = rows(300, 0.3, 20.0);
        let twice = |i: usize| i.is_multiple_of(3);
        let weights: Vec<f64> = (0..300).map(|i| if twice(i) { 2.0 } else { 1.0 }).collect();
        let weighted = Steps::of(&Ranks::of(&scores, &positive), Some(&weights)).unwrap();
        let again = (0..300).filter(|i| twice(*i));
        let (more, more_scores): (Vec<bool>, Vec<f64>) =
            (0..300).chain(again).map(|i| (positive[i], scores[i])).unzip();
        let repeated = steps(&more, &more_scores).unwrap();
        assert_eq!(weighted.roc(), repeated.roc());
        assert_eq!(weighted.precision_recall(), repeated.precision_recall());
    }
}
