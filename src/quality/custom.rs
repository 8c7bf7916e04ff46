//! Metrics of the user's own: expressions over the rows of predictions, summed or averaged.

use super::outcomes::Pair;
use crate::config::CustomMetric;
use crate::config::data_check::filter::Arithmetic;
use crate::config::data_check::sql::aggregate::Aggregate;
use crate::stats::arithmetic;
use crate::stats::estimate::Estimate;
use crate::stats::linear::{Linear, Scale};
use crate::stats::sampling::Sampling;

/// What a metric of one's own reads of every row.
#[derive(Clone, Debug, PartialEq)]
pub struct Custom {
    pub metric: CustomMetric,
    /// The values of each expression of [`Aggregate::rows`], row by row.
    pub values: Vec<Vec<f64>>,
}

impl Custom {
    pub fn id(&self) -> String {
        format!("quality.{}", self.metric.name)
    }

    /// The rows at `places`, in that order. Places must lie inside.
    pub fn select(&self, places: &[u32]) -> Custom {
        let pick = |values: &Vec<f64>| places.iter().map(|&place| values[place as usize]).collect();
        Custom { metric: self.metric.clone(), values: self.values.iter().map(pick).collect() }
    }

    /// The metric with its interval, a t interval of its linearised rows. None where it divides by zero or is no
    /// finite number.
    pub fn estimate(&self, sampling: &Sampling, level: f64) -> Option<Estimate> {
        let mut values = self.values.iter();
        let linear = linear(&self.metric.expr, &mut values, sampling)?;
        linear.value.is_finite().then(|| Estimate::of(linear.drawn(sampling), level))
    }
}

fn linear<'v>(of: &Aggregate, values: &mut impl Iterator<Item = &'v Vec<f64>>, sampling: &Sampling) -> Option<Linear> {
    let weights = sampling.weights.as_deref();
    let mut mean = |total: bool| {
        let values = values.next()?;
        let rows = weights.map_or(values.len() as f64, |weights| weights.iter().sum());
        let mean = Linear::mean(values.clone(), weights, Scale::Any)?;
        Some(if total { arithmetic::scale(mean, rows) } else { mean })
    };
    match of {
        Aggregate::Mean(_) => mean(false),
        Aggregate::Sum(_) => mean(true),
        Aggregate::Number(_) => None,
        Aggregate::Negative(inner) => Some(arithmetic::scale(linear(inner, values, sampling)?, -1.0)),
        Aggregate::Two(left, op, right) => two(left, *op, right, values, sampling),
    }
}

fn two<'v>(
    left: &Aggregate,
    op: Arithmetic,
    right: &Aggregate,
    values: &mut impl Iterator<Item = &'v Vec<f64>>,
    sampling: &Sampling,
) -> Option<Linear> {
    let (left, right) = match (number(left), number(right)) {
        (Some(_), Some(_)) => return None,
        (Some(known), None) => {
            let right = linear(right, values, sampling)?;
            (arithmetic::known(known, right.contributions.len()), right)
        }
        (None, Some(known)) => {
            let left = linear(left, values, sampling)?;
            let rows = left.contributions.len();
            (left, arithmetic::known(known, rows))
        }
        (None, None) => (linear(left, values, sampling)?, linear(right, values, sampling)?),
    };
    Some(match op {
        Arithmetic::Add => arithmetic::add(&left, &right),
        Arithmetic::Subtract => arithmetic::subtract(&left, &right),
        Arithmetic::Multiply => arithmetic::multiply(&left, &right),
        Arithmetic::Divide => arithmetic::divide(&left, &right)?,
        Arithmetic::Modulo => return None,
    })
}

/// The value of an expression without a mean or sum.
fn number(of: &Aggregate) -> Option<f64> {
    match of {
        Aggregate::Number(value) => Some(*value),
        Aggregate::Mean(_) | Aggregate::Sum(_) => None,
        Aggregate::Negative(inner) => number(inner).map(|value| -value),
        Aggregate::Two(left, op, right) => {
            let (left, right) = (number(left)?, number(right)?);
            Some(match op {
                Arithmetic::Add => left + right,
                Arithmetic::Subtract => left - right,
                Arithmetic::Multiply => left * right,
                Arithmetic::Divide => left / right,
                Arithmetic::Modulo => left % right,
            })
        }
    }
}

/// The metric of two models on the same rows.
pub(super) fn pair(a: &Custom, b: &Custom, sampling: &Sampling, level: f64) -> Option<Pair> {
    super::outcomes::pair_of(&a.estimate(sampling, level)?, &b.estimate(sampling, level)?, "paired delta method", level)
}
