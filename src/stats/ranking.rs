//! How well scores order positives before negatives: the areas under the ROC and the precision-recall curve.

use super::interval::critical;
use super::linear::{Linear, Scale};
use crate::model::Interval;
use std::cmp::Ordering;

/// The area under the ROC curve: the probability that a positive scores above a negative, ties counting half.
/// Contributions are DeLong's structural components (DeLong, DeLong & Clarke-Pearson 1988) from midranks, in
/// O(n log n) (Sun & Xu 2014). None without rows of both classes.
pub fn roc_auc(positive: &[bool], scores: &[f64]) -> Option<Linear> {
    let order = order(scores, f64::total_cmp);
    let of_class = |class: bool| order.iter().copied().filter(|&i| positive[i] == class).collect::<Vec<_>>();
    let (positives, negatives) = (of_class(true), of_class(false));
    let (m, n) = (positives.len() as f64, negatives.len() as f64);
    if m == 0.0 || n == 0.0 {
        return None;
    }
    let mut overall = vec![0.0; scores.len()];
    let mut within = vec![0.0; scores.len()];
    midranks(&order, scores, &mut overall);
    midranks(&positives, scores, &mut within);
    midranks(&negatives, scores, &mut within);
    // Σ midranks of positives is whole or half: exact in any order up to 2⁵² pairs.
    let ranks: f64 = positives.iter().map(|&i| overall[i]).sum();
    let value = (ranks - m * (m + 1.0) / 2.0) / (m * n);
    // Each row's mean win over the other class, against the mean of all; scaled so that squares sum to
    // S₁₀ / m + S₀₁ / n. With one row in a class the scale is NaN: its variance cannot be seen.
    let spread = |size: f64| (size * (size - 1.0)).sqrt();
    let mut contributions = vec![0.0; scores.len()];
    for &i in &positives {
        contributions[i] = ((overall[i] - within[i]) / n - value) / spread(m);
    }
    for &i in &negatives {
        contributions[i] = (1.0 - (overall[i] - within[i]) / m - value) / spread(n);
    }
    Some(Linear { value, contributions, scale: Scale::Logit, reach: 1.0, rows: m.min(n) as u64 })
}

/// DeLong's interval on the logit scale (Pepe 2003, 5.2; Qin & Hotilovac 2008). Where the rows show no variance, as
/// when every positive is above every negative, the variance follows from the area itself (Hanley & McNeil 1982),
/// solved for the areas that the estimate does not contradict (Newcombe 2006, method 5).
pub fn auc_interval(linear: &Linear, positive: &[bool], level: f64) -> Interval {
    let error: f64 = linear.contributions.iter().map(|c| c * c).sum();
    if error > 1e-28 && linear.value > 0.0 && linear.value < 1.0 {
        return linear.interval(level);
    }
    let m = positive.iter().filter(|&&p| p).count() as f64;
    let n = positive.len() as f64 - m;
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
pub fn average_precision(positive: &[bool], scores: &[f64]) -> Option<Linear> {
    let order = order(scores, |a, b| b.total_cmp(a));
    let positives = positive.iter().filter(|&&p| p).count();
    if positives == 0 || positives == positive.len() {
        return None;
    }
    let m = positives as f64;
    let groups = groups(&order, scores);
    // At each threshold: positives gained there, and those and all rows so far.
    let mut steps = Vec::with_capacity(groups.len());
    let (mut hits, mut rows) = (0.0, 0.0);
    for &(from, to) in &groups {
        let gained = order[from..to].iter().filter(|&&i| positive[i]).count() as f64;
        hits += gained;
        rows += (to - from) as f64;
        steps.push((gained, hits, rows));
    }
    let value = steps.iter().map(|(gained, hits, rows)| gained * hits / rows).sum::<f64>() / m;
    let n = scores.len() as f64;
    let scale = (n / (n - 1.0)).sqrt() / m;
    let mut contributions = vec![0.0; scores.len()];
    // A row counts at its own threshold and at every lower one: walk upwards and sum.
    let (mut as_positive, mut as_negative) = (0.0, 0.0);
    for (&(from, to), (gained, hits, rows)) in groups.iter().zip(&steps).rev() {
        as_positive += gained * (rows - hits) / (rows * rows);
        as_negative -= gained * hits / (rows * rows);
        for &i in &order[from..to] {
            let slope = if positive[i] { hits / rows - value + as_positive } else { as_negative };
            contributions[i] = slope * scale;
        }
    }
    Some(Linear { value, contributions, scale: Scale::Logit, reach: 1.0, rows: positives as u64 })
}

fn order(scores: &[f64], by: impl Fn(&f64, &f64) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| by(&scores[a], &scores[b]));
    order
}

/// Runs of equal scores in an ordering, as ranges of it.
fn groups(order: &[usize], scores: &[f64]) -> Vec<(usize, usize)> {
    let mut groups = Vec::new();
    let mut from = 0;
    for to in 1..=order.len() {
        if to == order.len() || scores[order[to]] != scores[order[from]] {
            groups.push((from, to));
            from = to;
        }
    }
    groups
}

/// Writes each row's rank among `order`, from 1; rows of one score share the mean of their ranks.
fn midranks(order: &[usize], scores: &[f64], ranks: &mut [f64]) {
    for (from, to) in groups(order, scores) {
        let rank = (from + 1 + to) as f64 / 2.0;
        for &i in &order[from..to] {
            ranks[i] = rank;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let linear = roc_auc(&positive, &scores).unwrap();
        let found: f64 = linear.contributions.iter().map(|c| c * c).sum();
        assert!((found - delong_by_pairs(&positive, &scores)).abs() < 1e-15, "{found}");
    }

    #[test]
    fn contributions_to_average_precision_are_its_derivatives() {
        let scores = [0.1, 0.4, 0.4, 0.8, 0.35, 0.4, 0.9];
        let positive = [false, false, true, true, true, false, false];
        let linear = average_precision(&positive, &scores).unwrap();
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
            let heavy = average_precision(&heavy_positive, &heavy_scores).unwrap().value;
            let slope = (heavy - linear.value) * k as f64 * (7.0_f64 / 6.0).sqrt();
            assert!((slope - contribution).abs() < 1e-4, "row {i}: {slope} {contribution}");
        }
    }

    #[test]
    fn perfect_order_is_uncertain_and_one_class_undefined() {
        let linear = roc_auc(&[false, false, true, true], &[0.1, 0.2, 0.8, 0.9]).unwrap();
        let found = auc_interval(&linear, &[false, false, true, true], 0.95);
        assert!(found.low < 0.6 && found.high == 1.0, "{found:?}");
        let constant = roc_auc(&[false, true, true], &[0.5, 0.5, 0.5]).unwrap();
        let found = auc_interval(&constant, &[false, true, true], 0.95);
        assert!(constant.value == 0.5 && found.low < 0.2 && found.high > 0.8, "{found:?}");
        assert!(roc_auc(&[true, true], &[0.1, 0.2]).is_none());
        assert!(average_precision(&[true, true], &[0.1, 0.2]).is_none());
    }
}
