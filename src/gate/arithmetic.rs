//! Arithmetic between measurements, with what is known of the result's uncertainty.
//!
//! Measurements of different stages, and of different slices of one column, are of different rows and so independent:
//! their intervals are combined by MOVER. Of the same rows nothing is known of how the errors go together; there the
//! ends of the intervals are combined, which is right whatever the correlation (for errors that are normal together,
//! a standard deviation of a sum is never above the sum of the standard deviations).

use super::side::Told;
use crate::model::*;
use crate::stats::{mover, mover_ratio, unbounded};

/// The rows that a measurement is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    stage: String,
    slice: Option<Slice>,
}

impl Origin {
    pub fn of(part: &Subject, slice: Option<&Slice>) -> Origin {
        let stage = part.id().split('.').next().unwrap_or_default().to_string();
        let slice = match part {
            Subject::EachSlice { .. } => slice.cloned(),
            Subject::OneSlice { column, value, .. } => Some(Slice { column: column.clone(), value: value.clone() }),
            _ => None,
        };
        Origin { stage, slice }
    }

    fn shares_rows(&self, other: &Origin) -> bool {
        let apart = match (&self.slice, &other.slice) {
            (Some(a), Some(b)) => a.column == b.column && a.value != b.value,
            _ => false,
        };
        self.stage == other.stage && !apart
    }
}

/// A value within an expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    value: f64,
    interval: Option<Interval>,
    measure: Measure,
    n: Option<u64>,
    origins: Vec<Origin>,
    sources: Vec<String>,
    said: Vec<String>,
    /// Of measurements whose uncertainty is not known; of interest where that of others is.
    exact: Vec<String>,
}

const INDEPENDENT: &str = "independent intervals combined (MOVER)";
const TOGETHER: &str = "intervals of the same rows combined by their ends";

impl Number {
    pub fn measured(told: Told, origin: Origin) -> Number {
        let Told { measurement, said } = told;
        let exact = if measurement.interval.is_none() { vec![measurement.key()] } else { Vec::new() };
        Number {
            value: measurement.value,
            interval: measurement.interval,
            measure: Measure::of(measurement.unit),
            n: measurement.n,
            origins: vec![origin],
            sources: vec![measurement.source],
            said,
            exact,
        }
    }

    fn written(quantity: &Quantity) -> Number {
        let measure = quantity.unit.map_or(Measure::PLAIN, Measure::of);
        let (origins, sources, said, exact) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Number { value: quantity.value, interval: None, measure, n: None, origins, sources, said, exact }
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// A part that is not there or no number, a division by zero, or units that do not go together.
    pub fn of(expr: &Expr, level: f64, part: &dyn Fn(&Subject) -> Result<Number, String>) -> Result<Number, String> {
        let number = match expr {
            Expr::Number(quantity) => Number::written(quantity),
            Expr::Measured(subject) => part(subject)?,
            Expr::Two { op, left, right } => {
                let (a, b) = (Number::of(left, level, part)?, Number::of(right, level, part)?);
                let clash =
                    || format!("`{left}` ({}) and `{right}` ({}) cannot be added or subtracted", a.measure, b.measure);
                let measure = a.measure.then(*op, b.measure).ok_or_else(clash)?;
                if *op == Arithmetic::Over && b.value == 0.0 {
                    return Err(format!("`{right}` is zero, and nothing can be divided by it"));
                }
                a.then(*op, b, measure, level)
            }
        };
        match number.value.is_finite() {
            true => Ok(number),
            false => Err(format!("`{expr}` is {}: not a number that a gate can be held against", number.value)),
        }
    }

    fn then(self, op: Arithmetic, other: Number, measure: Measure, level: f64) -> Number {
        let value = match op {
            Arithmetic::Plus => self.value + other.value,
            Arithmetic::Minus => self.value - other.value,
            Arithmetic::Times => self.value * other.value,
            Arithmetic::Over => self.value / other.value,
        };
        let both = self.interval.is_some() && other.interval.is_some();
        let together = both && self.origins.iter().any(|a| other.origins.iter().any(|b| a.shares_rows(b)));
        let interval = (self.interval.is_some() || other.interval.is_some()).then(|| {
            let exactly = |n: &Number| (n.value, n.interval.unwrap_or(Interval { low: n.value, high: n.value, level }));
            let (a, b) = (exactly(&self), exactly(&other));
            let found = if together { by_ends(op, a.1, b.1) } else { independent(op, a, b) };
            // Rounding must not leave the value outside.
            Interval { low: found.low.min(value), high: found.high.max(value), level }
        });
        let join = |mut a: Vec<String>, b: Vec<String>| {
            a.extend(b);
            let mut seen = Vec::new();
            a.retain(|text| {
                !seen.contains(text) && {
                    seen.push(text.clone());
                    true
                }
            });
            a
        };
        let mut said = join(self.said, other.said);
        if both {
            said = join(said, vec![(if together { TOGETHER } else { INDEPENDENT }).to_string()]);
        }
        // One number of rows that would settle it there is only where all are of as many rows.
        let n = match (self.origins.is_empty(), other.origins.is_empty()) {
            (true, _) => other.n,
            (_, true) => self.n,
            _ => self.n.filter(|n| other.n == Some(*n)),
        };
        Number {
            value,
            interval,
            measure,
            n,
            origins: self.origins.into_iter().chain(other.origins).collect(),
            sources: join(self.sources, other.sources),
            said,
            exact: join(self.exact, other.exact),
        }
    }

    /// As a measurement of its own.
    pub fn told(self, subject: &Subject, slice: Option<&Slice>) -> Told {
        let mut said = self.said;
        match (self.interval, self.exact.as_slice()) {
            (None, _) => said.push("no interval is known of its parts: the plain value decides".into()),
            (Some(_), []) => {}
            (Some(_), exact) => said.push(format!("{} taken as exact", exact.join(", "))),
        }
        let measurement =
            Measurement::new(subject.to_string(), self.value, self.measure.unit(), self.sources.join(", "));
        let slice = slice.cloned();
        Told { measurement: Measurement { slice, n: self.n, interval: self.interval, ..measurement }, said }
    }
}

fn independent(op: Arithmetic, a: (f64, Interval), b: (f64, Interval)) -> Interval {
    match op {
        Arithmetic::Minus => mover(a, b),
        Arithmetic::Plus => mover(a, (-b.0, Interval { low: -b.1.high, high: -b.1.low, ..b.1 })),
        Arithmetic::Over => mover_ratio(a, b),
        // a × b is a ÷ (1/b).
        Arithmetic::Times => match (inverse(b), inverse(a)) {
            (Some(inverse), _) => mover_ratio(a, inverse),
            (None, Some(inverse)) => mover_ratio(b, inverse),
            (None, None) => by_ends(op, a.1, b.1),
        },
    }
}

/// 1/v, where v is bounded on one side of zero.
fn inverse((value, of): (f64, Interval)) -> Option<(f64, Interval)> {
    let aside = (of.low > 0.0 && of.high.is_finite()) || (of.high < 0.0 && of.low.is_finite());
    aside.then(|| (1.0 / value, Interval { low: 1.0 / of.high, high: 1.0 / of.low, ..of }))
}

/// The least and the greatest that values within the two intervals can give.
fn by_ends(op: Arithmetic, a: Interval, b: Interval) -> Interval {
    let level = a.level;
    let apply: fn(f64, f64) -> f64 = match op {
        Arithmetic::Plus => |x, y| x + y,
        Arithmetic::Minus => |x, y| x - y,
        Arithmetic::Times => |x, y| x * y,
        Arithmetic::Over if b.low <= 0.0 && b.high >= 0.0 => return unbounded(level),
        Arithmetic::Over => |x, y| x / y,
    };
    let corners = [(a.low, b.low), (a.low, b.high), (a.high, b.low), (a.high, b.high)].map(|(x, y)| apply(x, y));
    if corners.iter().any(|corner| corner.is_nan()) {
        return unbounded(level);
    }
    let low = corners.into_iter().fold(f64::INFINITY, f64::min);
    Interval { low, high: corners.into_iter().fold(f64::NEG_INFINITY, f64::max), level }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: f64, low: f64, high: f64) -> (f64, Interval) {
        (value, Interval { low, high, level: 0.95 })
    }

    fn near(found: Interval, low: f64, high: f64) {
        assert!((found.low - low).abs() < 1e-9 && (found.high - high).abs() < 1e-9, "{found:?}, not {low} to {high}");
    }

    #[test]
    fn independent_errors_add_as_squares() {
        near(independent(Arithmetic::Plus, of(1.0, 0.7, 1.3), of(2.0, 1.6, 2.4)), 2.5, 3.5);
        near(independent(Arithmetic::Minus, of(1.0, 0.7, 1.3), of(2.0, 1.6, 2.4)), -1.5, -0.5);
        // A number that is exactly known only scales.
        near(independent(Arithmetic::Times, of(2.0, 1.0, 4.0), of(3.0, 3.0, 3.0)), 3.0, 12.0);
        near(independent(Arithmetic::Times, of(0.0, -1.0, 1.0), of(-2.0, -2.0, -2.0)), -2.0, 2.0);
        near(independent(Arithmetic::Over, of(2.0, 1.0, 4.0), of(4.0, 4.0, 4.0)), 0.25, 1.0);
        // Products and quotients of small relative errors: √(0.03² + 0.04²) = 0.05.
        let product = independent(Arithmetic::Times, of(1.0, 0.9997, 1.0003), of(1.0, 0.9996, 1.0004));
        assert!((product.high - 1.0005).abs() < 1e-6 && (product.low - 0.9995).abs() < 1e-6, "{product:?}");
    }

    #[test]
    fn errors_of_the_same_rows_add_as_they_are() {
        near(by_ends(Arithmetic::Plus, of(1.0, 0.7, 1.3).1, of(2.0, 1.6, 2.4).1), 2.3, 3.7);
        near(by_ends(Arithmetic::Minus, of(1.0, 0.7, 1.3).1, of(2.0, 1.6, 2.4).1), -1.7, -0.3);
        near(by_ends(Arithmetic::Times, of(0.0, -1.0, 1.0).1, of(0.0, -3.0, 2.0).1), -3.0, 3.0);
    }

    #[test]
    fn what_may_be_divided_by_zero_is_open() {
        let holds_zero = of(0.1, -0.1, 0.3);
        assert_eq!(independent(Arithmetic::Over, of(1.0, 0.9, 1.1), holds_zero), unbounded(0.95));
        assert_eq!(by_ends(Arithmetic::Over, of(1.0, 0.9, 1.1).1, holds_zero.1), unbounded(0.95));
        let open = of(1.0, 0.5, f64::INFINITY);
        assert_eq!(by_ends(Arithmetic::Minus, open.1, open.1), Interval { low: f64::NEG_INFINITY, ..open.1 });
        assert_eq!(by_ends(Arithmetic::Times, of(0.0, 0.0, 0.0).1, open.1), unbounded(0.95));
    }
}
