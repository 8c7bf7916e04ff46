//! A gate, parsed: a rule on measurements. `config::gate_text` reads it from text, `gate` judges by it.

use super::{Subject, Unit};
use chrono::NaiveDate;
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
    /// `at 99%`: the level of this gate's intervals, where it is not that of all.
    pub confidence: Option<f64>,
    pub quarantine: Option<Quarantine>,
}

impl Gate {
    /// A gate at everybody's confidence, in no quarantine.
    pub fn new(text: impl Into<String>, severity: Severity, subject: Subject, rule: Rule) -> Gate {
        Gate { text: text.into(), severity, subject, rule, confidence: None, quarantine: None }
    }
}

/// A gate that only warns for a time, as it fails without a reason in the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// The last day on which it only warns.
    pub until: NaiveDate,
    pub reason: String,
}

/// What is done about many comparisons under one gate: of twenty slices that are all at the bound, one shows a 95 %
/// interval beyond it by luck alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceCorrection {
    None,
    /// Each of k comparisons at the level 1 − (1 − level)/k (Dunn 1961): whatever the dependence between them, all
    /// k intervals hold together with at least `level`.
    Bonferroni,
}

impl SliceCorrection {
    pub fn level(self, level: f64, comparisons: usize) -> f64 {
        match self {
            SliceCorrection::None => level,
            SliceCorrection::Bonferroni => 1.0 - (1.0 - level) / comparisons.max(1) as f64,
        }
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

    /// What is written in the measurement's own unit.
    pub fn quantities(&self) -> Vec<Quantity> {
        match self {
            Rule::Compare { bound: Bound::Absolute(q) | Bound::Baseline(Offset::Absolute(q)), .. } => vec![*q],
            Rule::Within { tolerance: Offset::Absolute(q) } => vec![*q],
            Rule::Between { low, high } => vec![*low, *high],
            Rule::Compare { .. } | Rule::Within { .. } => Vec::new(),
        }
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

impl Quantity {
    /// Whether it can be held against a measurement in `measured`.
    pub fn fits(self, measured: Unit) -> bool {
        match self.unit {
            None => !matches!(measured, Unit::Seconds | Unit::Bytes),
            Some(Unit::Share) => matches!(measured, Unit::Score | Unit::Share),
            Some(unit) => unit == measured,
        }
    }

    /// `a plain number`, `a bound in s`
    pub fn written(self) -> String {
        self.unit.map_or("a plain number".to_string(), |unit| format!("a bound in {unit}"))
    }
}
