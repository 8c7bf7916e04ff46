//! A measurement: one number that can be argued with.

use std::fmt;

/// The unit a value is held in. Values are always in the base unit (seconds, bytes, fractions), so two
/// measurements of one id never differ by a factor; [`Unit::show`] turns them into what people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A score without dimension: F1, AUC, log loss.
    Score,
    /// A fraction of a whole, 0 to 1, read as a percentage: error rate, drift share.
    Share,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A count of things: rows, failures.
    Count,
    /// Events a second.
    PerSecond,
    /// The result of arithmetic that has no unit of its own, such as bytes a second; in seconds and bytes.
    Compound,
}

impl Unit {
    /// The name in the record: `score`, `share`, `s`, `B`, `count`, `1/s`.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Score => "score",
            Unit::Share => "share",
            Unit::Seconds => "s",
            Unit::Bytes => "B",
            Unit::Count => "count",
            Unit::PerSecond => "1/s",
            Unit::Compound => "compound",
        }
    }

    /// The reverse of [`Unit::name`].
    pub fn parse(name: &str) -> Option<Unit> {
        let all = [Unit::Score, Unit::Share, Unit::Seconds, Unit::Bytes, Unit::Count, Unit::PerSecond, Unit::Compound];
        all.into_iter().find(|u| u.name() == name)
    }

    /// A value as people read it: `0.9412`, `3.2%`, `142 ms`, `1.8 GB`, `10,000`, `99.8/s`.
    pub fn show(self, value: f64) -> String {
        if !value.is_finite() {
            return value.to_string().replace("inf", "∞");
        }
        match self {
            Unit::Score => trim(format!("{value:.4}")),
            Unit::Share => format!("{}%", trim(format!("{:.2}", value * 100.0))),
            Unit::Seconds => show_seconds(value),
            Unit::Bytes => show_bytes(value),
            Unit::Count if value.fract() == 0.0 => thousands(value),
            Unit::Count => trim(format!("{value:.4}")),
            Unit::PerSecond => format!("{}/s", trim(format!("{value:.*}", if value.abs() < 10.0 { 3 } else { 1 }))),
            Unit::Compound if value.abs() >= 1e-3 && value.abs() < 1e6 => significant(value),
            Unit::Compound => format!("{value:.3e}"),
        }
    }

    /// A signed difference as people read it: `+0.0031`, `-0.4pp`, `+12 ms`.
    pub fn show_difference(self, value: f64) -> String {
        let sign = if value < 0.0 { "-" } else { "+" };
        match self {
            Unit::Share => format!("{sign}{}pp", trim(format!("{:.2}", value.abs() * 100.0))),
            _ => format!("{sign}{}", self.show(value.abs())),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn trim(digits: String) -> String {
    match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => digits,
    }
}

fn significant(value: f64) -> String {
    let places = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    trim(format!("{value:.places$}"))
}

fn show_seconds(value: f64) -> String {
    let size = value.abs();
    let (scaled, unit) = match size {
        0.0 => return "0 s".into(),
        s if s < 1e-3 => (value * 1e6, "µs"),
        s if s < 1.0 => (value * 1e3, "ms"),
        s if s < 120.0 => (value, "s"),
        s if s < 7200.0 => (value / 60.0, "min"),
        s if s < 172_800.0 => (value / 3600.0, "h"),
        _ => (value / 86_400.0, "d"),
    };
    format!("{} {unit}", significant(scaled))
}

fn show_bytes(value: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut scaled = value;
    let mut unit = 0;
    while scaled.abs() >= 1000.0 && unit + 1 < units.len() {
        scaled /= 1000.0;
        unit += 1;
    }
    format!("{} {}", significant(scaled), units[unit])
}

/// `1234567` → `1,234,567`. The value must be whole.
fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0.0 {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The levels of confidence that may be asked for: beyond them the tails are thinner than numbers can tell.
pub const LEVELS: std::ops::RangeInclusive<f64> = 0.5..=0.999_999;

/// A two-sided confidence interval in the measurement's own unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
    /// Confidence level, 0.95 unless said.
    pub level: f64,
}

/// Whether two levels of confidence are one, however each was computed.
pub fn same_level(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

/// The column of slices that were searched for, which no column of a file is called in gates. Their intervals hold for
/// all slices that were searched at once, at the level that stands with them.
pub const FOUND: &str = "found";

/// The rows a measurement is restricted to: those with `column` = `value`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slice {
    pub column: String,
    pub value: String,
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.column, self.value)
    }
}

/// One number with an id, a unit, a sample size, where it came from and, when known, how uncertain it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Stage-qualified: `quality.f1`, `latency.p95`, `data.train.rows`.
    pub id: String,
    pub slice: Option<Slice>,
    /// In the base unit. May be NaN: a gate on it is then errored, never passed.
    pub value: f64,
    pub unit: Unit,
    /// Rows, requests or tests behind the value.
    pub n: Option<u64>,
    pub interval: Option<Interval>,
    /// At other levels, where gates ask for those.
    pub others: Vec<Interval>,
    /// Where the number came from, in words: `out/predictions.parquet`, `http probe of :8080/predict`.
    pub source: String,
}

impl Measurement {
    pub fn new(id: impl Into<String>, value: f64, unit: Unit, source: impl Into<String>) -> Measurement {
        let (slice, n, interval, others) = (None, None, None, Vec::new());
        Measurement { id: id.into(), slice, value, unit, n, interval, others, source: source.into() }
    }

    /// The interval at a level, if it was made at that.
    pub fn interval_at(&self, level: f64) -> Option<Interval> {
        self.interval.iter().chain(&self.others).find(|interval| same_level(interval.level, level)).copied()
    }

    /// `quality.f1` or `quality.f1[segment=b2b]`: unique within a run.
    pub fn key(&self) -> String {
        match &self.slice {
            Some(slice) => format!("{}[{slice}]", self.id),
            None => self.id.clone(),
        }
    }
}

/// The same measurements of what is in production now, or the reason why there are none.
#[derive(Clone, Debug, PartialEq)]
pub enum Baseline {
    /// `mlops.yaml` names none; a gate that needs one is errored.
    NotConfigured,
    /// Named, but not there: the first run, or something is wrong. `first_run` tells which of the two the
    /// user said it may be.
    Missing {
        source: String,
        reason: String,
        first_run_accepted: bool,
    },
    /// Named, and there, but it cannot be read: never a first run.
    Faulty {
        source: String,
        reason: String,
    },
    Known {
        source: String,
        measurements: Vec<Measurement>,
    },
}

impl Baseline {
    /// For the reader: where it comes from, or why there is none. A faulty one is told by its fault.
    pub fn note(&self) -> Option<String> {
        match self {
            Baseline::NotConfigured | Baseline::Faulty { .. } => None,
            Baseline::Missing { source, reason, .. } => Some(format!("no baseline: {source} is not there ({reason})")),
            Baseline::Known { source, .. } => Some(format!("baseline: {source}")),
        }
    }
}
