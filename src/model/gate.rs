//! A gate, parsed: a rule on measurements. `config::gate_text` reads it from text, `gate` judges by it.

use super::Unit;
use std::fmt;

/// What a gate that does not hold does to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Block,
    Warn,
}

/// One rule of `mlops.yaml`, such as `warn: recall[region] >= baseline - 2pp`.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// As the user wrote it, without the `warn:`.
    pub text: String,
    pub severity: Severity,
    pub subject: Subject,
    pub rule: Rule,
}

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
}

impl Subject {
    pub fn id(&self) -> &str {
        match self {
            Subject::Overall { id }
            | Subject::EachSlice { id, .. }
            | Subject::OneSlice { id, .. }
            | Subject::Gap { id, .. } => id,
        }
    }

    /// The same about another measurement.
    pub fn with_id(mut self, new: &str) -> Subject {
        match &mut self {
            Subject::Overall { id }
            | Subject::EachSlice { id, .. }
            | Subject::OneSlice { id, .. }
            | Subject::Gap { id, .. } => *id = new.to_string(),
        }
        self
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// `>= 0.85`, `< 200ms`, `>= baseline - 0.5pp`
    Compare { op: Op, bound: Bound },
    /// `within 3% of baseline`, `within 2pp of baseline`: two-sided. The offset is positive.
    Within { tolerance: Offset },
    /// `between 0.2 and 0.4`, both ends included.
    Between { low: Quantity, high: Quantity },
}

impl Rule {
    pub fn needs_baseline(&self) -> bool {
        matches!(self, Rule::Within { .. } | Rule::Compare { bound: Bound::Baseline(_), .. })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
}

impl Op {
    /// Longer symbols first, so that none hides behind its own beginning.
    pub const ALL: [Op; 5] = [Op::LessOrEqual, Op::GreaterOrEqual, Op::Less, Op::Greater, Op::Equal];

    /// The comparison that `text` begins with, and what follows it. `==` is another way to write `=`.
    pub fn from_symbol(text: &str) -> Option<(Op, &str)> {
        let (op, rest) = Op::ALL.into_iter().find_map(|op| Some((op, text.strip_prefix(op.symbol())?)))?;
        Some((op, if op == Op::Equal { rest.strip_prefix('=').unwrap_or(rest) } else { rest }))
    }

    /// What `text` begins with in place of a comparison, and the comparison that was meant.
    pub fn slip(text: &str) -> Option<(&'static str, Op)> {
        let slips =
            [("=>", Op::GreaterOrEqual), ("=<", Op::LessOrEqual), ("≥", Op::GreaterOrEqual), ("≤", Op::LessOrEqual)];
        slips.into_iter().find(|(slip, _)| text.starts_with(slip))
    }

    pub fn symbol(self) -> &'static str {
        match self {
            Op::Less => "<",
            Op::LessOrEqual => "<=",
            Op::Greater => ">",
            Op::GreaterOrEqual => ">=",
            Op::Equal => "=",
        }
    }

    /// Whether `value op bound` holds. NaN on either side never holds.
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Op::Less => value < bound,
            Op::LessOrEqual => value <= bound,
            Op::Greater => value > bound,
            Op::GreaterOrEqual => value >= bound,
            Op::Equal => value == bound,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    Absolute(Quantity),
    Baseline(Offset),
}

/// How far from the baseline. Signed for bounds, positive for tolerances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Offset {
    None,
    /// A fraction of the baseline: `3%` is 0.03.
    Relative(f64),
    /// In the measurement's base unit: `0.5pp` is 0.005, `20ms` is 0.02.
    Absolute(Quantity),
}

/// A number with the unit it was written with; the value is in the base unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    pub value: f64,
    /// None for a plain number, which fits a measurement of any unit but seconds and bytes.
    pub unit: Option<Unit>,
}
