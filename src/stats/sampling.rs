//! How rows were drawn: what each counts, and which came together.

use std::collections::HashMap;

/// How much each row counts, and which rows were drawn together.
#[derive(Clone, Debug, Default)]
pub struct Sampling {
    /// A weight a row: at least zero, not all zero. None: each counts one.
    pub weights: Option<Vec<f64>>,
    /// Rows of one number are one draw, such as the visits of one patient; numbered from 0 on. None: each row is a draw
    /// of its own.
    pub groups: Option<Vec<u32>>,
    /// Rows of one number come from one stratum, of which as many were drawn as were wanted; numbered from 0 on. A group
    /// lies in one of them. None: all rows come from one.
    pub strata: Option<Vec<u32>>,
}

impl Sampling {
    /// The rows at `places`, in that order. Places must lie inside.
    pub fn select(&self, places: &[u32]) -> Sampling {
        Sampling {
            weights: self.weights.as_ref().map(|weights| places.iter().map(|&i| weights[i as usize]).collect()),
            groups: self.groups.as_ref().map(|groups| renumbered(places.iter().map(|&i| groups[i as usize]))),
            strata: self.strata.as_ref().map(|strata| renumbered(places.iter().map(|&i| strata[i as usize]))),
        }
    }

    /// Each row counts one and is a draw of its own, from all there are.
    pub fn is_plain(&self) -> bool {
        self.weights.is_none() && self.draws_are_rows()
    }

    /// Neither groups nor strata.
    pub fn draws_are_rows(&self) -> bool {
        self.groups.is_none() && self.strata.is_none()
    }
}

/// Some groups or strata, numbered from 0 on again.
fn renumbered(groups: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut numbers: HashMap<u32, u32> = HashMap::new();
    groups
        .map(|group| {
            let next = numbers.len() as u32;
            *numbers.entry(group).or_insert(next)
        })
        .collect()
}

/// How many rows there are, in three ways.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// The sum of their weights.
    pub weight: f64,
    /// Rows with a weight above zero.
    pub rows: f64,
    /// How many rows of equal weight would leave as much uncertainty: (Σw)² / Σw² (Kish 1965, 11.7).
    pub effective: f64,
}

impl Size {
    pub fn of(rows: usize, weights: Option<&[f64]>) -> Size {
        match weights {
            None => Size { weight: rows as f64, rows: rows as f64, effective: rows as f64 },
            Some(_) => Size::of_those(rows, weights, |_| true),
        }
    }

    /// Of the rows that `counts` holds for.
    pub fn of_those(rows: usize, weights: Option<&[f64]>, counts: impl Fn(usize) -> bool) -> Size {
        let Some(weights) = weights else {
            return Size::of((0..rows).filter(|row| counts(*row)).count(), None);
        };
        let (mut weight, mut squares, mut rows) = (0.0, 0.0, 0.0);
        for (_, w) in weights.iter().enumerate().filter(|(row, _)| counts(*row)) {
            weight += w;
            squares += w * w;
            rows += if *w > 0.0 { 1.0 } else { 0.0 };
        }
        Size { weight, rows, effective: if squares > 0.0 { weight * weight / squares } else { 0.0 } }
    }

    /// What deviations are divided by so that their squares sum to the variance of a mean: √(n(n − 1)) without
    /// weights. NaN or zero for a single row, whose variance cannot be seen.
    pub fn spread(&self) -> f64 {
        self.weight * ((self.rows - 1.0) / self.rows).sqrt()
    }
}
