//! The gate language: text → [`Gate`]. Written by hand because a gate is what mlgate is for: an error names the
//! character, what was found and what may stand there.
//!
//! ```text
//! gate      = ["warn:"] subject rule
//! subject   = name ["(" column ")"] ["[" column ["=" value] "]"] | "gap(" name "[" column "]" ")"
//! rule      = op bound | "within" quantity "of" "baseline" | "between" quantity "and" quantity
//! bound     = quantity | "baseline" [("+" | "-") quantity]
//! op        = "<" | "<=" | ">" | ">=" | "=" | "=="
//! ```

use super::units;
use crate::model::{Bound, Gate, Offset, Op, Quantity, Rule, Severity, StageKind, Subject, Unit};

/// What is wrong with a gate, and where in its text (byte offset and length).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateError {
    pub at: usize,
    pub len: usize,
    pub message: String,
    pub help: String,
}

/// Reads one gate. Names without a stage belong to `stage`; with none they must be qualified.
///
/// # Errors
/// The first thing that does not fit.
pub fn parse(text: &str, stage: Option<StageKind>) -> Result<Gate, GateError> {
    let (severity, start) = match text.trim_start().strip_prefix("warn:") {
        Some(rest) => (Severity::Warn, text.len() - rest.len()),
        None => (Severity::Block, 0),
    };
    let mut parser = Parser { text, at: start };
    parser.skip_space();
    let gate_start = parser.at;
    let subject = parser.subject(stage)?;
    let rule = parser.rule()?;
    parser.skip_space();
    if parser.at < text.len() {
        let help = match parser.rest().strip_prefix(',') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => "decimals are written with a point: 0.85",
            _ => "one rule a line; write a second gate for a second rule",
        };
        return Err(parser.error("the gate should end here", help));
    }
    Ok(Gate { text: text[gate_start..].trim().to_string(), severity, subject, rule })
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn error(&self, message: impl Into<String>, help: impl Into<String>) -> GateError {
        let len = self.rest().split_whitespace().next().map_or(1, str::len);
        GateError { at: self.at, len, message: message.into(), help: help.into() }
    }

    fn found(&self) -> String {
        match self.rest().split_whitespace().next() {
            Some(word) => format!("found `{word}`"),
            None => "the gate ends".into(),
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// A whole word, so that `between` is not found in `betweenness`.
    fn eat_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let after = self.rest().strip_prefix(word);
        let found = after.is_some_and(|a| !a.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        if found {
            self.at += word.len();
        }
        found
    }

    fn expect(&mut self, token: &str, help: &str) -> Result<(), GateError> {
        if self.eat(token) {
            return Ok(());
        }
        Err(self.error(format!("expected `{token}`, {}", self.found()), help))
    }

    fn name(&mut self, what: &str) -> Result<&'a str, GateError> {
        self.skip_space();
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || "_.@".contains(c))).unwrap_or(rest.len());
        if end == 0 || rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return Err(self.error(format!("expected {what}, {}", self.found()), "such as f1, roc_auc or p95"));
        }
        self.at += end;
        Ok(&rest[..end])
    }

    fn subject(&mut self, stage: Option<StageKind>) -> Result<Subject, GateError> {
        self.skip_space();
        let rest = self.rest();
        let is_gap = rest.strip_prefix("gap").is_some_and(|r| r.trim_start().starts_with('('));
        if is_gap {
            self.at += 3;
            self.expect("(", "")?;
        }
        let start = self.at;
        let mut name = self.name("the name of a measurement")?;
        // Of one column of a data set: `data.live.drift(age)`.
        if name.starts_with("data.") && self.rest().starts_with('(') {
            let Some(end) = self.rest().find(')') else {
                return Err(self.error("`(` is not closed", "data.live.drift(age)"));
            };
            self.at += end + 1;
            name = &self.text[start..self.at];
        }
        let id = qualify(name, stage).ok_or_else(|| GateError {
            at: start,
            len: name.len(),
            message: format!("`{name}` does not say which stage it is of"),
            help: "write its stage before it: quality.f1, latency.p95, image.size".into(),
        })?;
        let slice = self.slice()?;
        if is_gap {
            self.expect(")", "gap(recall[region])")?;
        }
        match (is_gap, slice) {
            (true, Some((column, None))) => Ok(Subject::Gap { id, column }),
            (true, _) => Err(self.error("a gap is between the slices of a column", "gap(recall[region]) <= 5pp")),
            (false, None) => Ok(Subject::Overall { id }),
            (false, Some((column, None))) => Ok(Subject::EachSlice { id, column }),
            (false, Some((column, Some(value)))) => Ok(Subject::OneSlice { id, column, value }),
        }
    }

    fn slice(&mut self) -> Result<Option<(String, Option<String>)>, GateError> {
        if !self.rest().starts_with('[') {
            return Ok(None);
        }
        let Some(end) = self.rest().find(']') else {
            return Err(self.error("`[` is not closed", "f1[segment] or f1[segment=b2b]"));
        };
        let inside = &self.rest()[1..end];
        let (column, value) = match inside.split_once('=') {
            Some((column, value)) => (column.trim(), Some(value.trim().trim_matches(['\'', '"']))),
            None => (inside.trim(), None),
        };
        if column.is_empty() || value.is_some_and(str::is_empty) {
            return Err(self.error("a slice needs a column", "f1[segment] or f1[segment=b2b]"));
        }
        self.at += end + 1;
        Ok(Some((column.to_string(), value.map(str::to_string))))
    }

    fn rule(&mut self) -> Result<Rule, GateError> {
        if self.eat_word("within") {
            let tolerance = self.offset(1.0)?;
            self.expect("of", "within 3% of baseline")?;
            self.expect("baseline", "within 3% of baseline")?;
            return Ok(Rule::Within { tolerance });
        }
        if self.eat_word("between") {
            let low = self.quantity()?;
            if !self.eat_word("and") {
                return Err(self.error(format!("expected `and`, {}", self.found()), "between 0.2 and 0.4"));
            }
            let start = self.at;
            let high = self.quantity()?;
            if high.value < low.value {
                let help = "write the smaller bound first";
                return Err(GateError {
                    at: start,
                    len: self.at - start,
                    message: "an empty range".into(),
                    help: help.into(),
                });
            }
            return Ok(Rule::Between { low, high });
        }
        let op = self.op()?;
        if self.eat_word("baseline") {
            let sign = if self.eat("+") {
                1.0
            } else if self.eat("-") {
                -1.0
            } else {
                return Ok(Rule::Compare { op, bound: Bound::Baseline(Offset::None) });
            };
            return Ok(Rule::Compare { op, bound: Bound::Baseline(self.offset(sign)?) });
        }
        Ok(Rule::Compare { op, bound: Bound::Absolute(self.quantity()?) })
    }

    fn op(&mut self) -> Result<Op, GateError> {
        self.skip_space();
        if let Some((slip, meant)) = Op::slip(self.rest()) {
            return Err(self.error(format!("`{slip}` is no comparison"), format!("did you mean `{meant}`?")));
        }
        if let Some((op, rest)) = Op::from_symbol(self.rest()) {
            self.at = self.text.len() - rest.len();
            return Ok(op);
        }
        let before = self.text[..self.at].trim_end();
        let help = match self.rest() {
            rest if rest.starts_with(':') => "before a gate only `warn:` may stand".into(),
            rest if rest.starts_with('-') && before.len() == self.at => {
                let is_part = |c: char| c.is_alphanumeric() || c == '_';
                let first = before.rsplit(|c| !is_part(c)).next().unwrap_or_default();
                let second = rest[1..].split(|c| !is_part(c)).next().unwrap_or_default();
                format!("names have _ and no -: did you mean `{first}_{second}`?")
            }
            _ => "one of <, <=, >, >=, =, within … of baseline, between … and …".to_string(),
        };
        Err(self.error(format!("expected a comparison, {}", self.found()), help))
    }

    fn quantity(&mut self) -> Result<Quantity, GateError> {
        self.skip_space();
        let help = "such as 0.85, 3%, 0.5pp, 200ms or 2GB";
        let Some((number, after)) = units::split_number(self.rest()) else {
            return Err(self.error(format!("expected a number or `baseline`, {}", self.found()), help));
        };
        let start = self.text.len() - after.len();
        let spaced = after.trim_start();
        let end = spaced.find(|c: char| !(c.is_alphabetic() || c == '%' || c == '/')).unwrap_or(spaced.len());
        // `between 1 and 2`: a word after a space is a unit only if it is one.
        let (word, is_apart) = (&spaced[..end], spaced.len() < after.len());
        let word = if is_apart && units::suffix(word).is_none() { "" } else { word };
        let Some((factor, unit)) = units::suffix(word) else {
            self.at = start;
            let names = units::UNITS.map(|(name, _, _)| name).join(", ");
            return Err(self.error(format!("`{word}` is no unit"), format!("units: {names}")));
        };
        self.at = if word.is_empty() { start } else { self.text.len() - spaced.len() + end };
        Ok(Quantity { value: units::scale(number, factor), unit })
    }

    /// A distance from the baseline: `%` is relative to it, everything else is in the measurement's unit.
    fn offset(&mut self, sign: f64) -> Result<Offset, GateError> {
        let start = self.at;
        let quantity = self.quantity()?;
        if quantity.value < 0.0 {
            let help = "write the sign before the number: baseline - 0.5pp";
            return Err(GateError {
                at: start,
                len: self.at - start,
                message: "a negative distance".into(),
                help: help.into(),
            });
        }
        let is_relative = self.text[start..self.at].trim_end().ends_with('%');
        Ok(if is_relative {
            Offset::Relative(sign * quantity.value)
        } else {
            Offset::Absolute(Quantity { value: sign * quantity.value, ..quantity })
        })
    }
}

/// `f1` → `quality.f1`; a name that begins with a stage stays as it is, and `lead_time` is promotion's own.
fn qualify(name: &str, stage: Option<StageKind>) -> Option<String> {
    let first = name.split('.').next().unwrap_or(name);
    let is_stage = StageKind::RUN.iter().any(|s| s.name() == first) && name.contains('.');
    if is_stage || first == "promote" {
        return Some(name.to_string());
    }
    match stage {
        Some(stage) => Some(format!("{stage}.{name}")),
        None if name == "lead_time" => Some("promote.lead_time".into()),
        None => None,
    }
}

/// Whether a bound written with `unit` can be held against a measurement in `measured`.
pub fn fits(unit: Option<Unit>, measured: Unit) -> bool {
    match unit {
        None => !matches!(measured, Unit::Seconds | Unit::Bytes),
        Some(Unit::Share) => matches!(measured, Unit::Score | Unit::Share),
        Some(unit) => unit == measured,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quality(text: &str) -> Gate {
        parse(text, Some(StageKind::Quality)).unwrap_or_else(|e| panic!("{text}: {e:?}"))
    }

    #[test]
    fn reads_the_language() {
        let gate = quality("f1 within 3% of baseline");
        assert_eq!(gate.subject, Subject::Overall { id: "quality.f1".into() });
        assert_eq!(gate.rule, Rule::Within { tolerance: Offset::Relative(0.03) });
        let gate = quality("warn: roc_auc >= baseline - 0.5pp");
        assert_eq!((gate.severity, gate.text.as_str()), (Severity::Warn, "roc_auc >= baseline - 0.5pp"));
        assert_eq!(
            gate.rule,
            Rule::Compare {
                op: Op::GreaterOrEqual,
                bound: Bound::Baseline(Offset::Absolute(Quantity { value: -0.005, unit: Some(Unit::Share) }))
            }
        );
        let gate = quality("gap(recall[region]) <= 5pp");
        assert_eq!(gate.subject, Subject::Gap { id: "quality.recall".into(), column: "region".into() });
        let gate = quality("f1[segment=b2b] >= 0.70");
        assert_eq!(
            gate.subject,
            Subject::OneSlice { id: "quality.f1".into(), column: "segment".into(), value: "b2b".into() }
        );
        let gate = parse("data.live.drift(sign up) <= 0.1", None).unwrap();
        assert_eq!(gate.subject, Subject::Overall { id: "data.live.drift(sign up)".into() });
        assert!(parse("data.live.drift(age <= 0.1", None).is_err());
        let gate = quality("log_loss between 0.1 and 0.2");
        assert!(matches!(gate.rule, Rule::Between { .. }));
        let gate = parse("lead_time<1d", None).unwrap();
        assert_eq!(gate.subject.id(), "promote.lead_time");
        let gate = parse("latency.p95 < 200ms", None).unwrap();
        assert_eq!(
            gate.rule,
            Rule::Compare { op: Op::Less, bound: Bound::Absolute(Quantity { value: 0.2, unit: Some(Unit::Seconds) }) }
        );
    }

    #[test]
    fn points_at_the_character() {
        let cases = [
            ("", 0),
            ("f1", 2),
            ("f1 >", 4),
            ("f1 >= ", 6),
            ("f1 => 0.8", 3),
            ("f1 >= 0.8 or x", 10),
            ("f1 within 3%", 12),
            ("f1[seg >= 1", 2),
            ("f1 >= 3 parsecs", 8),
            ("f1 >= 3parsecs", 7),
            ("gap(f1) <= 1", 7),
            ("0.8 <= f1", 0),
            ("f1 between 3 and 2", 16),
            ("f1 >= baseline - -1", 16),
            ("f1 >= nan", 6),
            ("f1 >= 1e999", 6),
            ("日本 >= é", 10),
        ];
        for (text, at) in cases {
            let error = parse(text, Some(StageKind::Quality)).expect_err(text);
            assert_eq!(error.at, at, "{text}: {error:?}");
        }
    }

    #[test]
    fn never_panics() {
        for text in [
            "warn:",
            "warn: ",
            "[",
            "]",
            "gap(",
            "gap()",
            "f1[]",
            "f1[=]",
            "f1[a=]",
            "=",
            "é",
            "f1 >= 1 é",
            "f1 within",
            "f1-",
            "f1-é >= 1",
            "é-",
        ] {
            assert!(parse(text, Some(StageKind::Quality)).is_err(), "{text}");
        }
    }
}
