//! What a gate is about: a measurement, its slices, or arithmetic between measurements.

use super::{Quantity, Unit};
use std::fmt;

/// Which measurements the rule is about. Ids are stage-qualified (`quality.f1`).
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// `f1`
    Overall { id: String },
    /// `f1[segment]`: every value of the column that has enough rows; the rule must hold for each.
    EachSlice { id: String, column: String },
    /// `f1[segment=b2b]`
    OneSlice { id: String, column: String, value: String },
    /// `gap(f1[segment])`: the largest minus the smallest over the slices.
    Gap { id: String, column: String },
    /// `ratio(f1[segment])`: the smallest divided by the largest over the slices.
    Ratio { id: String, column: String },
    /// `quality.f1 / latency.p95`
    Combined(Box<Expr>),
}

impl Subject {
    /// Of the first measurement.
    pub fn id(&self) -> &str {
        self.ids().first().copied().unwrap_or_default()
    }

    /// Of every measurement, in the order of the text.
    pub fn ids(&self) -> Vec<&str> {
        self.parts().iter().filter_map(|part| part.own_id()).collect()
    }

    /// The measurements that it is made of; itself, if it is one.
    pub fn parts(&self) -> Vec<&Subject> {
        match self {
            Subject::Combined(expr) => expr.parts(),
            one => vec![one],
        }
    }

    /// The column whose slices are judged one by one.
    pub fn each_slice_of(&self) -> Option<&str> {
        self.parts().into_iter().find_map(|part| match part {
            Subject::EachSlice { column, .. } => Some(column.as_str()),
            _ => None,
        })
    }

    /// The column that its slices come from.
    pub fn column(&self) -> Option<&str> {
        match self {
            Subject::Overall { .. } | Subject::Combined(_) => None,
            Subject::EachSlice { column, .. }
            | Subject::OneSlice { column, .. }
            | Subject::Gap { column, .. }
            | Subject::Ratio { column, .. } => Some(column),
        }
    }

    /// The measurements that are judged, or compared with each other, on all slices of a column, each with the column.
    pub fn over_slices(&self) -> Vec<(&str, &str)> {
        let of = |part| match part {
            &Subject::EachSlice { ref id, ref column }
            | &Subject::Gap { ref id, ref column }
            | &Subject::Ratio { ref id, ref column } => Some((id.as_str(), column.as_str())),
            _ => None,
        };
        self.parts().into_iter().filter_map(of).collect()
    }

    fn own_id(&self) -> Option<&str> {
        match self {
            Subject::Overall { id }
            | Subject::EachSlice { id, .. }
            | Subject::OneSlice { id, .. }
            | Subject::Gap { id, .. }
            | Subject::Ratio { id, .. } => Some(id),
            Subject::Combined(_) => None,
        }
    }

    /// The same about other measurements.
    pub fn with_ids(mut self, new: &dyn Fn(&str) -> String) -> Subject {
        match &mut self {
            Subject::Overall { id }
            | Subject::EachSlice { id, .. }
            | Subject::OneSlice { id, .. }
            | Subject::Gap { id, .. }
            | Subject::Ratio { id, .. } => *id = new(id),
            Subject::Combined(expr) => expr.rename(new),
        }
        self
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Overall { id } => f.write_str(id),
            Subject::EachSlice { id, column } => write!(f, "{id}[{column}]"),
            Subject::OneSlice { id, column, value } => write!(f, "{id}[{column}={value}]"),
            Subject::Gap { id, column } => write!(f, "gap({id}[{column}])"),
            Subject::Ratio { id, column } => write!(f, "ratio({id}[{column}])"),
            Subject::Combined(expr) => expr.fmt(f),
        }
    }
}

/// Arithmetic over measurements and numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Number(Quantity),
    /// Never [`Subject::Combined`].
    Measured(Subject),
    Two {
        op: Arithmetic,
        left: Box<Expr>,
        right: Box<Expr>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    Plus,
    Minus,
    Times,
    Over,
}

impl Arithmetic {
    pub const ALL: [Arithmetic; 4] = [Arithmetic::Plus, Arithmetic::Minus, Arithmetic::Times, Arithmetic::Over];

    pub fn symbol(self) -> char {
        match self {
            Arithmetic::Plus => '+',
            Arithmetic::Minus => '-',
            Arithmetic::Times => '*',
            Arithmetic::Over => '/',
        }
    }

    /// `*` and `/` before `+` and `-`.
    pub fn binds(self) -> u8 {
        match self {
            Arithmetic::Plus | Arithmetic::Minus => 1,
            Arithmetic::Times | Arithmetic::Over => 2,
        }
    }
}

impl Expr {
    fn parts(&self) -> Vec<&Subject> {
        match self {
            Expr::Number(_) => Vec::new(),
            Expr::Measured(subject) => vec![subject],
            Expr::Two { left, right, .. } => left.parts().into_iter().chain(right.parts()).collect(),
        }
    }

    fn rename(&mut self, new: &dyn Fn(&str) -> String) {
        match self {
            Expr::Number(_) => {}
            Expr::Measured(subject) => *subject = subject.clone().with_ids(new),
            Expr::Two { left, right, .. } => {
                left.rename(new);
                right.rename(new);
            }
        }
    }

    /// What the result is measured in, by the units of the measurements. None where a measurement's is not known.
    ///
    /// # Errors
    /// A sum of things that cannot be added, as a sentence.
    pub fn measure(&self, unit: &dyn Fn(&Subject) -> Option<Unit>) -> Result<Option<Measure>, String> {
        match self {
            Expr::Number(quantity) => Ok(Some(quantity.unit.map_or(Measure::PLAIN, Measure::of))),
            Expr::Measured(subject) => Ok(unit(subject).map(Measure::of)),
            Expr::Two { op, left, right } => {
                let (Some(a), Some(b)) = (left.measure(unit)?, right.measure(unit)?) else { return Ok(None) };
                let clash = || format!("`{left}` ({a}) and `{right}` ({b}) cannot be added or subtracted");
                a.then(*op, b).map(Some).ok_or_else(clash)
            }
        }
    }

    fn binds(&self) -> u8 {
        if let Expr::Two { op, .. } = self { op.binds() } else { u8::MAX }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |f: &mut fmt::Formatter<'_>, side: &Expr, closed: bool| {
            if closed { write!(f, "({side})") } else { write!(f, "{side}") }
        };
        match self {
            Expr::Number(Quantity { value, unit: None }) => write!(f, "{value}"),
            Expr::Number(Quantity { value, unit: Some(unit) }) => f.write_str(&unit.show(*value)),
            Expr::Measured(subject) => subject.fmt(f),
            Expr::Two { op, left, right } => {
                side(f, left, left.binds() < op.binds())?;
                write!(f, " {} ", op.symbol())?;
                side(f, right, right.binds() <= op.binds())
            }
        }
    }
}

/// What the result of arithmetic is measured in: powers of second and byte, and how it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    seconds: i32,
    bytes: i32,
    /// None for a number that the user wrote without a unit.
    shown: Option<Unit>,
}

impl Measure {
    pub const PLAIN: Measure = Measure { seconds: 0, bytes: 0, shown: None };

    pub fn of(unit: Unit) -> Measure {
        let (seconds, bytes) = match unit {
            Unit::Seconds => (1, 0),
            Unit::Bytes => (0, 1),
            Unit::PerSecond => (-1, 0),
            Unit::Score | Unit::Share | Unit::Count | Unit::Compound => (0, 0),
        };
        Measure { seconds, bytes, shown: Some(unit) }
    }

    pub fn unit(self) -> Unit {
        self.shown.unwrap_or(Unit::Score)
    }

    /// None where the two cannot be added.
    pub fn then(self, op: Arithmetic, other: Measure) -> Option<Measure> {
        let same = (self.seconds, self.bytes) == (other.seconds, other.bytes);
        let merged = match (self.shown, other.shown) {
            (Some(a), Some(b)) if a != b => Some(Unit::Score),
            (a, b) => a.or(b),
        };
        let (seconds, bytes) = match op {
            Arithmetic::Plus | Arithmetic::Minus => return same.then_some(Measure { shown: merged, ..self }),
            Arithmetic::Times => (self.seconds + other.seconds, self.bytes + other.bytes),
            Arithmetic::Over => (self.seconds - other.seconds, self.bytes - other.bytes),
        };
        let shown = match (seconds, bytes) {
            (0, 0) if op == Arithmetic::Over && other.shown.is_some() => Some(Unit::Score),
            (0, 0) => merged,
            (1, 0) => Some(Unit::Seconds),
            (0, 1) => Some(Unit::Bytes),
            (-1, 0) => Some(Unit::PerSecond),
            _ => Some(Unit::Compound),
        };
        Some(Measure { seconds, bytes, shown })
    }
}

impl fmt::Display for Measure {
    /// `s`, `B/s`, `score`, `a plain number`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let power = |name: &str, by: i32| if by == 1 { name.to_string() } else { format!("{name}^{by}") };
        let list = |sign: i32| -> Vec<String> {
            let all = [("B", self.bytes), ("s", self.seconds)];
            all.into_iter().filter(|(_, by)| by.signum() == sign).map(|(name, by)| power(name, by.abs())).collect()
        };
        match (list(1), list(-1), self.shown) {
            (above, below, None) if above.is_empty() && below.is_empty() => f.write_str("a plain number"),
            (above, below, Some(unit)) if above.is_empty() && below.is_empty() => f.write_str(unit.name()),
            (above, below, _) if below.is_empty() => f.write_str(&above.join("·")),
            (above, below, _) if above.is_empty() => write!(f, "1/{}", below.join("/")),
            (above, below, _) => write!(f, "{}/{}", above.join("·"), below.join("/")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(id: &str) -> Expr {
        Expr::Measured(Subject::Overall { id: id.into() })
    }

    fn two(left: Expr, op: Arithmetic, right: Expr) -> Expr {
        Expr::Two { op, left: Box::new(left), right: Box::new(right) }
    }

    fn unit(subject: &Subject) -> Option<Unit> {
        match subject.id() {
            "f1" => Some(Unit::Score),
            "errors" => Some(Unit::Share),
            "rows" => Some(Unit::Count),
            "p95" | "p50" => Some(Unit::Seconds),
            "size" => Some(Unit::Bytes),
            "rate" => Some(Unit::PerSecond),
            _ => None,
        }
    }

    fn shown(expr: &Expr) -> String {
        match expr.measure(&unit) {
            Ok(Some(measure)) => format!("{} {measure}", measure.unit()),
            Ok(None) => "unknown".into(),
            Err(why) => why,
        }
    }

    #[test]
    fn units_follow_the_arithmetic() {
        use Arithmetic::{Minus, Over, Plus, Times};
        let number = |unit| Expr::Number(Quantity { value: 2.0, unit });
        for (expr, expected) in [
            (two(measured("f1"), Over, measured("p95")), "1/s 1/s"),
            (two(measured("p95"), Over, measured("p50")), "score score"),
            (two(measured("rate"), Times, measured("p95")), "score score"),
            (two(measured("size"), Over, measured("p95")), "compound B/s"),
            (two(measured("size"), Times, measured("size")), "compound B^2"),
            (two(number(None), Times, measured("p95")), "s s"),
            (two(number(None), Minus, measured("errors")), "share share"),
            (two(measured("errors"), Plus, measured("f1")), "score score"),
            (two(measured("rows"), Over, number(None)), "count count"),
            (two(measured("p95"), Minus, number(Some(Unit::Seconds))), "s s"),
            (two(measured("p95"), Plus, measured("other")), "unknown"),
            (
                two(measured("p95"), Plus, number(None)),
                "`p95` (s) and `2` (a plain number) cannot be added or subtracted",
            ),
        ] {
            assert_eq!(shown(&expr), expected, "{expr}");
        }
    }

    #[test]
    fn parentheses_stand_where_they_are_needed() {
        use Arithmetic::{Minus, Over, Plus, Times};
        let (a, b, c) = (|| measured("a"), || measured("b"), || measured("c"));
        assert_eq!(two(two(a(), Plus, b()), Times, c()).to_string(), "(a + b) * c");
        assert_eq!(two(two(a(), Times, b()), Plus, c()).to_string(), "a * b + c");
        assert_eq!(two(a(), Minus, two(b(), Minus, c())).to_string(), "a - (b - c)");
        assert_eq!(two(two(a(), Over, b()), Over, c()).to_string(), "a / b / c");
    }
}
