//! How well scores order positives before negatives: the areas under the ROC and the precision-recall curve.

use super::interval::critical;
use super::linear::{Linear, Scale};
use super::order::Ranks;
use super::sampling::Size;
use crate::model::Interval;

/// An area under a curve, of rows with their weights.
pub type Area = fn(&Ranks, Option<&[f64]>) -> Option<Linear>;

/// The positives and the negatives among the rows.
pub fn sizes(positive: &[bool], weights: Option<&[f64]>) -> (Size, Size) {
    let of = |class: bool| Size::of_those(positive.len(), weights, |row| positive[row] == class);
    (of(true), of(false))
}

/// The area under the ROC curve: the probability that a positive scores above a negative, ties counting half.
/// Contributions are DeLong's structural components (DeLong, DeLong & Clarke-Pearson 1988), in O(n log n) (Sun & Xu
/// 2014); with weights, of the weighted area. None without rows of both classes.
pub fn roc_auc(ranks: &Ranks, weights: Option<&[f64]>) -> Option<Linear> {
    roc_auc_in_order(ranks, weights).map(|linear| by_row(ranks, linear))
}

fn by_row(ranks: &Ranks, linear: Linear) -> Linear {
    Linear { contributions: ranks.by_row(&linear.contributions), ..linear }
}

/// As [`roc_auc`], but that contributions lie in the order of the scores.
pub(super) fn roc_auc_in_order(ranks: &Ranks, weights: Option<&[f64]>) -> Option<Linear> {
    let rows = Ranked::of(ranks, weights);
    let (positives, negatives) = rows.sizes();
    if positives.weight <= 0.0 || negatives.weight <= 0.0 {
        return None;
    }
    // The weight of the other class that each row lies above, ties counting half.
    let mut contributions = vec![0.0; rows.positive.len()];
    let (mut wins, mut below, mut start) = (0.0, (0.0, 0.0), 0);
    for run in ranks.runs() {
        let here = rows.weights(start, run);
        let above = (below.0 + here.0 / 2.0, below.1 + here.1 / 2.0);
        let part = start..start + run;
        for (contribution, positive) in contributions[part.clone()].iter_mut().zip(&rows.positive[part]) {
            *contribution = if *positive { above.1 } else { above.0 };
        }
        start += run;
        // Of rows without weights these are whole or half: exact in any order up to 2⁵² pairs.
        wins += here.0 * above.1;
        below = (below.0 + here.0, below.1 + here.1);
    }
    let value = wins / (positives.weight * negatives.weight);
    // Each row's mean win over the other class, against the mean of all; scaled so that squares sum to
    // S₁₀ / m + S₀₁ / n. With one row in a class the scale is NaN: its variance cannot be seen.
    let (of_positive, of_negative) = (1.0 / positives.spread(), 1.0 / negatives.spread());
    let (per_negative, per_positive) = (1.0 / negatives.weight, 1.0 / positives.weight);
    for (place, contribution) in contributions.iter_mut().enumerate() {
        let of_class = match rows.positive[place] {
            true => (*contribution * per_negative - value) * of_positive,
            false => (1.0 - *contribution * per_positive - value) * of_negative,
        };
        *contribution = rows.weight(place) * of_class;
    }
    let rows = positives.effective.min(negatives.effective);
    Some(Linear { value, contributions, scale: Scale::Logit, reach: 1.0, rows, freedom: None })
}

/// Rows in the order of their scores.
pub(super) struct Ranked<'a> {
    positive: &'a [bool],
    weights: Option<Vec<f64>>,
}

impl Ranked<'_> {
    pub fn of<'a>(ranks: &'a Ranks, weights: Option<&[f64]>) -> Ranked<'a> {
        Ranked { positive: ranks.positive(), weights: weights.map(|weights| ranks.pick(weights)) }
    }

    /// The positives and the negatives.
    pub fn sizes(&self) -> (Size, Size) {
        sizes(self.positive, self.weights.as_deref())
    }

    #[inline]
    pub fn weight(&self, place: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[place])
    }

    /// The weight of the positives and of the negatives among so many rows from `start` on.
    #[inline]
    pub fn weights(&self, start: usize, run: usize) -> (f64, f64) {
        (start..start + run).fold((0.0, 0.0), |(positives, negatives), place| match self.positive[place] {
            true => (positives + self.weight(place), negatives),
            false => (positives, negatives + self.weight(place)),
        })
    }
}

/// DeLong's interval on the logit scale (Pepe 2003, 5.2; Qin & Hotilovac 2008). Where the rows show no variance, as
/// when every positive is above every negative, the variance follows from the area itself (Hanley & McNeil 1982),
/// solved for the areas that the estimate does not contradict (Newcombe 2006, method 5), of `m` positives and `n`
/// negatives.
pub fn auc_interval(linear: &Linear, (m, n): (f64, f64), level: f64) -> Interval {
    let error: f64 = linear.contributions.iter().map(|c| c * c).sum();
    if error > 1e-28 && linear.value > 0.0 && linear.value < 1.0 {
        return linear.interval(level);
    }
    let middle = (m + n) / 2.0 - 1.0;
    let z = critical(level);
    let excess = |area: f64| {
        let variance =
            area * (1.0 - area) / (m * n) * (1.0 + middle * (1.0 - area) / (2.0 - area) + middle * area / (1.0 + area));
        (linear.value - area).abs() - z * variance.sqrt()
    };
    // The end where the estimate begins to contradict, between it and the range's end.
    let end = |mut outside: f64| {
        let mut inside = linear.value;
        for _ in 0..100 {
            let area = 0.5 * (inside + outside);
            if excess(area) > 0.0 { outside = area } else { inside = area }
        }
        0.5 * (inside + outside)
    };
    let low = if linear.value > 0.0 { end(0.0) } else { 0.0 };
    let high = if linear.value < 1.0 { end(1.0) } else { 1.0 };
    Interval { low, high, level }
}

/// Average precision: Σ (recall gained at a threshold) · (precision there), over distinct scores from the highest,
/// without interpolation. Contributions are its derivatives with respect to the rows' weights. None without rows
/// of both classes: with positives only it is 1 whatever the scores.
pub fn average_precision(ranks: &Ranks, weights: Option<&[f64]>) -> Option<Linear> {
    average_precision_in_order(ranks, weights).map(|linear| by_row(ranks, linear))
}

/// As [`average_precision`], but that contributions lie in the order of the scores.
pub(super) fn average_precision_in_order(ranks: &Ranks, weights: Option<&[f64]>) -> Option<Linear> {
    let ranked = Ranked::of(ranks, weights);
    let (positives, negatives) = ranked.sizes();
    if positives.weight <= 0.0 || negatives.weight <= 0.0 {
        return None;
    }
    let mut contributions = vec![0.0; ranked.positive.len()];
    let mut start = contributions.len();
    // From the highest threshold down: the weight of positives and of all rows so far. A row counts at its own
    // threshold and at every lower one: what all thresholds add up to less what those above its own do.
    let (mut hits, mut rows, mut value) = (0.0, 0.0, 0.0);
    let (mut to_positive, mut to_negative) = (0.0, 0.0);
    for run in ranks.runs().rev() {
        start -= run;
        let (gained, lost) = ranked.weights(start, run);
        hits += gained;
        rows += gained + lost;
        // Of rows without weight there is no precision.
        let (precision, per_row) = if rows > 0.0 { (hits / rows, 1.0 / rows) } else { (0.0, 0.0) };
        let part = start..start + run;
        for (contribution, positive) in contributions[part.clone()].iter_mut().zip(&ranked.positive[part]) {
            *contribution = if *positive { precision - to_positive } else { to_negative };
        }
        value += gained * precision;
        to_positive += gained * (1.0 - precision) * per_row;
        to_negative += gained * precision * per_row;
    }
    value /= positives.weight;
    let n = positives.rows + negatives.rows;
    let scale = (n / (n - 1.0)).sqrt() / positives.weight;
    for (place, contribution) in contributions.iter_mut().enumerate() {
        let slope = *contribution + if ranked.positive[place] { to_positive - value } else { -to_negative };
        *contribution = ranked.weight(place) * slope * scale;
    }
    Some(Linear { value, contributions, scale: Scale::Logit, reach: 1.0, rows: positives.effective, freedom: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering;

    /// The variance from its definition, in O(m·n).
    fn delong_by_pairs(positive: &[bool], scores: &[f64]) -> f64 {
        let of = |class: bool| (0..scores.len()).filter(move |&i| positive[i] == class).collect::<Vec<_>>();
        let (positives, negatives) = (of(true), of(false));
        let win = |p: usize, n: usize| match scores[p].total_cmp(&scores[n]) {
            Ordering::Greater => 1.0,
            Ordering::Equal => 0.5,
            Ordering::Less => 0.0,
        };
        let variance = |values: Vec<f64>| {
            let k = values.len() as f64;
            let mean = values.iter().sum::<f64>() / k;
            values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (k - 1.0) / k
        };
        let v10 = positives.iter().map(|&p| negatives.iter().map(|&n| win(p, n)).sum::<f64>() / negatives.len() as f64);
        let v01 = negatives.iter().map(|&n| positives.iter().map(|&p| win(p, n)).sum::<f64>() / positives.len() as f64);
        variance(v10.collect()) + variance(v01.collect())
    }

    #[test]
    fn contributions_square_to_delongs_variance() {
        let scores = [0.1, 0.4, 0.4, 0.8, 0.35, 0.4, 0.9, 0.2, 0.6, 0.6];
        let positive = [false, false, true, true, true, false, true, false, false, true];
        let linear = roc_auc(&Ranks::of(&scores, &positive), None).unwrap();
        let found: f64 = linear.contributions.iter().map(|c| c * c).sum();
        assert!((found - delong_by_pairs(&positive, &scores)).abs() < 1e-15, "{found}");
    }

    #[test]
    fn contributions_to_average_precision_are_its_derivatives() {
        let scores = [0.1, 0.4, 0.4, 0.8, 0.35, 0.4, 0.9];
        let positive = [false, false, true, true, true, false, false];
        let linear = average_precision(&Ranks::of(&scores, &positive), None).unwrap();
        // Repeating every row k times and one row k + 1 times is a small weight on that row.
        let k = 20_000;
        let rows: Vec<(bool, f64)> = positive.into_iter().zip(scores).collect();
        for (i, contribution) in linear.contributions.iter().enumerate() {
            let (mut heavy_positive, mut heavy_scores) = (Vec::new(), Vec::new());
            for (j, &(positive, score)) in rows.iter().enumerate() {
                let times = k + usize::from(i == j);
                heavy_positive.extend(std::iter::repeat_n(positive, times));
                heavy_scores.extend(std::iter::repeat_n(score, times));
            }
            let heavy = average_precision(&Ranks::of(&heavy_scores, &heavy_positive), None).unwrap().value;
            let slope = (heavy - linear.value) * k as f64 * (7.0_f64 / 6.0).sqrt();
            assert!((slope - contribution).abs() < 1e-4, "row {i}: {slope} {contribution}");
        }
    }

    #[test]
    fn perfect_order_is_uncertain_and_one_class_undefined() {
        let linear = roc_auc(&Ranks::of(&[0.1, 0.2, 0.8, 0.9], &[false, false, true, true]), None).unwrap();
        let found = auc_interval(&linear, (2.0, 2.0), 0.95);
        assert!(found.low < 0.6 && found.high == 1.0, "{found:?}");
        let constant = roc_auc(&Ranks::of(&[0.5; 3], &[false, true, true]), None).unwrap();
        let found = auc_interval(&constant, (2.0, 1.0), 0.95);
        assert!(constant.value == 0.5 && found.low < 0.2 && found.high > 0.8, "{found:?}");
        assert!(roc_auc(&Ranks::of(&[0.1, 0.2], &[true, true]), None).is_none());
        assert!(average_precision(&Ranks::of(&[0.1, 0.2], &[true, true]), None).is_none());
    }
}
