//! Drift of what has many numbers a row: embeddings, and texts as bags of words.
//!
//! Both methods look at no more rows a side than a bound that they name: every k-th of the rows, so that the same data
//! gives the same answer everywhere.

use super::text::words;
use crate::stats::order::Ranks;
use crate::stats::random::Random;
use crate::stats::ranking::roc_auc;

/// Rows of numbers, one after another.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    pub values: &'a [f64],
    pub columns: usize,
}

/// Most rows a side that [`mmd`] looks at: its work grows with their square.
pub const MMD_ROWS: usize = 1000;
/// Most rows a side that a domain classifier is trained and tested on.
pub const CLASSIFIER_ROWS: usize = 20_000;

/// Evidently's bound on [`mmd`]: drift above it.
pub const MMD_THRESHOLD: f64 = 0.015;
/// Evidently's bound on the area of a domain classifier, for embeddings and texts: drift above it.
pub const CLASSIFIER_THRESHOLD: f64 = 0.55;

impl<'a> Matrix<'a> {
    /// # Errors
    /// When the values do not fill whole rows, or one is not finite.
    pub fn new(values: &'a [f64], columns: usize) -> Result<Matrix<'a>, String> {
        if columns == 0 || !values.len().is_multiple_of(columns) {
            return Err(format!("{} values are no rows of {columns} columns", values.len()));
        }
        if values.iter().any(|value| !value.is_finite()) {
            return Err("a value is missing or not finite".to_string());
        }
        Ok(Matrix { values, columns })
    }

    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    fn row(&self, row: usize) -> &'a [f64] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// At most `most` rows, evenly spread.
    fn some(&self, most: usize) -> Vec<&'a [f64]> {
        let rows = self.rows();
        let taken = rows.min(most);
        (0..taken).map(|i| self.row((i as u128 * rows as u128 / taken as u128) as usize)).collect()
    }
}

/// The squared maximum mean discrepancy (Gretton et al. 2012, eq. 3: without bias), with a Gaussian kernel as wide as the
/// median distance between the sides; not below 0. Over at most [`MMD_ROWS`] rows a side.
///
/// # Errors
/// When a side has fewer than two rows, or the sides have not the same columns.
pub fn mmd(reference: Matrix, current: Matrix) -> Result<f64, String> {
    if reference.columns != current.columns {
        return Err(format!("{} columns on one side, {} on the other", reference.columns, current.columns));
    }
    let (a, b) = (reference.some(MMD_ROWS), current.some(MMD_ROWS));
    if a.len() < 2 || b.len() < 2 {
        return Err("mmd needs at least two rows on each side".to_string());
    }
    let square = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum::<f64>();
    let between: Vec<f64> = a.iter().flat_map(|x| b.iter().map(|y| square(x, y))).collect();
    let mut distances: Vec<f64> = between.iter().map(|square| square.sqrt()).collect();
    distances.sort_unstable_by(f64::total_cmp);
    let width = crate::stats::quantile(&distances, 0.5).unwrap_or(0.0).powi(2);
    if width == 0.0 {
        // Most pairs are the same point. A kernel without width tells only whether they are.
        return Ok(if between.iter().all(|square| *square == 0.0) { 0.0 } else { 1.0 });
    }
    let kernel = |square: f64| (-square / width).exp();
    let inside = |side: &[&[f64]]| {
        let pairs = (0..side.len()).flat_map(|i| (0..i).map(move |j| (i, j)));
        let sum: f64 = pairs.map(|(i, j)| kernel(square(side[i], side[j]))).sum();
        2.0 * sum / (side.len() * (side.len() - 1)) as f64
    };
    let across = between.iter().map(|square| kernel(*square)).sum::<f64>() / between.len() as f64;
    Ok((inside(&a) + inside(&b) - 2.0 * across).max(0.0))
}

/// How well a logistic regression tells the sides apart: the area under its ROC curve on the half of the rows that it was
/// not trained on. 0.5: not at all. Over at most [`CLASSIFIER_ROWS`] rows a side.
///
/// # Errors
/// When a side has fewer than four rows, or the sides have not the same columns.
pub fn domain_classifier(reference: Matrix, current: Matrix) -> Result<f64, String> {
    if reference.columns != current.columns {
        return Err(format!("{} columns on one side, {} on the other", reference.columns, current.columns));
    }
    let (a, b) = (reference.some(CLASSIFIER_ROWS), current.some(CLASSIFIER_ROWS));
    let all: Vec<&[f64]> = a.iter().chain(&b).copied().collect();
    // Every column to mean 0 and deviation 1, so that one step width fits all.
    let n = all.len() as f64;
    let scale: Vec<(f64, f64)> = (0..reference.columns)
        .map(|column| {
            let mean = all.iter().map(|row| row[column]).sum::<f64>() / n;
            let spread = (all.iter().map(|row| (row[column] - mean).powi(2)).sum::<f64>() / n).sqrt();
            (mean, if spread > 0.0 { spread } else { 1.0 })
        })
        .collect();
    let sparse = |row: &&[f64]| -> Vec<(u32, f64)> {
        row.iter().zip(&scale).enumerate().map(|(i, (x, (mean, spread)))| (i as u32, (x - mean) / spread)).collect()
    };
    let (a, b) = (a.iter().map(sparse).collect::<Vec<_>>(), b.iter().map(sparse).collect::<Vec<_>>());
    told_apart(&a, &b, reference.columns)
}

/// [`domain_classifier`] for texts, each as its [`words`], by whether it holds them; words are hashed to 2¹⁸ places.
///
/// # Errors
/// When a side has fewer than four texts.
pub fn domain_classifier_words(reference: &[&str], current: &[&str]) -> Result<f64, String> {
    const PLACES: u64 = 1 << 18;
    let some = |texts: &[&str]| -> Vec<Vec<(u32, f64)>> {
        let taken = texts.len().min(CLASSIFIER_ROWS);
        (0..taken).map(|i| bag(texts[(i as u128 * texts.len() as u128 / taken as u128) as usize], PLACES)).collect()
    };
    told_apart(&some(reference), &some(current), PLACES as usize)
}

fn bag(text: &str, places: u64) -> Vec<(u32, f64)> {
    let mut at: Vec<u32> = words(text).map(|word| (fnv(&word) % places) as u32).collect();
    at.sort_unstable();
    at.dedup();
    let length = (at.len() as f64).sqrt();
    at.into_iter().map(|place| (place, 1.0 / length)).collect()
}

/// FNV-1a, 64 bits.
fn fnv(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Trains on half of the rows of both sides, by stochastic gradient descent over five rounds with averaged weights
/// (Polyak & Juditsky 1992), and tests on the rest.
fn told_apart(a: &[Vec<(u32, f64)>], b: &[Vec<(u32, f64)>], columns: usize) -> Result<f64, String> {
    if a.len() < 4 || b.len() < 4 {
        return Err("a domain classifier needs at least four rows on each side".to_string());
    }
    // Drawn, not every other row: data may come in turns.
    let mut random = Random::seeded(7);
    let mut halves = |rows: usize| -> (Vec<usize>, Vec<usize>) {
        let mut order: Vec<usize> = (0..rows).collect();
        shuffle(&mut order, &mut random);
        let test = order.split_off(rows.div_ceil(2));
        (order, test)
    };
    let ((train_a, test_a), (train_b, test_b)) = (halves(a.len()), halves(b.len()));
    let mut training: Vec<(&[(u32, f64)], bool)> = Vec::new();
    training.extend(train_a.iter().map(|i| (a[*i].as_slice(), false)));
    training.extend(train_b.iter().map(|i| (b[*i].as_slice(), true)));
    // Both sides weigh the same, however many rows they have.
    let weight_of = |rows: usize| training.len() as f64 / (2.0 * rows as f64);
    let weights = [weight_of(train_a.len()), weight_of(train_b.len())];
    let (mut weight, mut sum) = (vec![0.0; columns], vec![0.0; columns]);
    let (mut bias, mut bias_sum, mut steps) = (0.0, 0.0, 0.0);
    let score = |weight: &[f64], bias: f64, row: &[(u32, f64)]| {
        row.iter().map(|(at, x)| weight[*at as usize] * x).sum::<f64>() + bias
    };
    const ROUNDS: u32 = 5;
    for _ in 0..ROUNDS {
        shuffle(&mut training, &mut random);
        for (row, is_current) in &training {
            let square: f64 = row.iter().map(|(_, x)| x * x).sum::<f64>() + 1.0;
            let p = 1.0 / (1.0 + (-score(&weight, bias, row)).exp());
            let step = weights[usize::from(*is_current)] * (f64::from(u8::from(*is_current)) - p) / square;
            steps += 1.0;
            for (at, x) in *row {
                weight[*at as usize] += step * x;
                // Averaged lazily: the sum lacks what a step adds times the steps before it.
                sum[*at as usize] += (steps - 1.0) * step * x;
            }
            bias += step;
            bias_sum += (steps - 1.0) * step;
        }
    }
    let averaged: Vec<f64> = weight.iter().zip(&sum).map(|(weight, sum)| weight - sum / steps).collect();
    let bias = bias - bias_sum / steps;
    let tested = test_a.iter().map(|i| (&a[*i], false)).chain(test_b.iter().map(|i| (&b[*i], true)));
    let (truth, scores): (Vec<bool>, Vec<f64>) =
        tested.map(|(row, is_current)| (is_current, score(&averaged, bias, row))).unzip();
    roc_auc(&Ranks::of(&scores, &truth), None).map(|area| area.value).ok_or_else(|| "one side has no rows".to_string())
}

/// Fisher & Yates.
fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for i in (1..items.len()).rev() {
        items.swap(i, random.below(i as u64 + 1) as usize);
    }
}
