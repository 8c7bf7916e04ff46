//! A condition (`where:`, `expr:`, the filter of an `sql:` check) as SQL that means what the embedded engine makes
//! of it: the same types go together, nulls and NaN are the same, and what is an error there is counted here.
//!
//! Engines differ in what they make of a division by zero and of an overflow, and in whether they look at it at all
//! when another part of the condition has settled the answer. So neither is left to them: the SQL yields null
//! there, and [`Trap`]s count the rows in which the embedded engine would have stopped.

use super::dialect::Dialect;
use super::pattern;
use crate::config::data_check::filter::{Arithmetic, Expr};
use crate::config::data_check::time::moment;
use crate::data::values::Family;
use crate::model::Op;

/// Longest SQL of one condition; conditions within conditions grow by what they guard.
const MAX_BYTES: usize = 256 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Int,
    Float,
    Text,
    Bool,
    /// Microseconds since 1970-01-01 UTC.
    Time,
    /// Microseconds.
    Span,
    Other,
}

impl Kind {
    /// The kind of a column as conditions see it.
    pub fn of(family: Family, unsigned: bool) -> Kind {
        match family {
            Family::Null => Kind::Null,
            Family::Int if !unsigned => Kind::Int,
            Family::Int | Family::Float | Family::Decimal => Kind::Float,
            Family::Text => Kind::Text,
            Family::Bool => Kind::Bool,
            Family::Date | Family::Timestamp => Kind::Time,
            Family::Other => Kind::Other,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Kind::Null => "null",
            Kind::Int | Kind::Float => "a number",
            Kind::Text => "text",
            Kind::Bool => "true or false",
            Kind::Time => "a time",
            Kind::Span => "an interval",
            Kind::Other => "of another type",
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Kind::Int | Kind::Float)
    }
}

/// A condition that is true for rows which make the check an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    pub sql: String,
    pub reason: String,
}

const BY_ZERO: &str = "a divisor is zero; leave such rows out by a condition with `and` before it";
const TOO_LARGE: &str = "a number is too large";

struct Operand {
    sql: String,
    kind: Kind,
    /// A text literal's value.
    literal: Option<String>,
}

fn operand(sql: impl Into<String>, kind: Kind) -> Operand {
    Operand { sql: sql.into(), kind, literal: None }
}

/// The SQL of a column by its name, and its kind.
pub type Lookup<'a> = dyn FnMut(&str) -> Result<(String, Kind), String> + 'a;

/// Translates conditions over columns that `column` looks up: their SQL, of the type of their kind.
pub struct Translator<'a> {
    pub dialect: Dialect,
    pub now: i64,
    pub column: &'a mut Lookup<'a>,
    pub traps: Vec<Trap>,
    /// What must hold for a row to get as far as the part that is translated.
    pub guards: Vec<String>,
}

impl Translator<'_> {
    /// SQL that is true, false or null for each row.
    ///
    /// # Errors
    /// When types do not go together, or the engine cannot say what is meant.
    pub fn condition(&mut self, expr: &Expr) -> Result<String, String> {
        let sql = self.truth(expr)?;
        let bytes = sql.len() + self.traps.iter().map(|trap| trap.sql.len()).sum::<usize>();
        match bytes > MAX_BYTES {
            true => Err("the condition is too long to be pushed down: split it into several checks".to_string()),
            false => Ok(sql),
        }
    }

    fn truth(&mut self, expr: &Expr) -> Result<String, String> {
        match expr {
            Expr::And(parts) => {
                let before = self.guards.len();
                let mut all = Vec::new();
                for part in parts {
                    let sql = self.truth(part)?;
                    self.guards.push(format!("(({sql}) IS NOT FALSE)"));
                    all.push(format!("({sql})"));
                }
                self.guards.truncate(before);
                Ok(all.join(" AND "))
            }
            Expr::Or(parts) => {
                let any = parts.iter().map(|part| Ok(format!("({})", self.truth(part)?)));
                Ok(any.collect::<Result<Vec<_>, String>>()?.join(" OR "))
            }
            Expr::Not(inner) => Ok(format!("NOT ({})", self.truth(inner)?)),
            other => {
                let found = self.operand(other)?;
                match found.kind {
                    Kind::Bool => Ok(found.sql),
                    Kind::Null => Ok("CAST(NULL AS BOOLEAN)".to_string()),
                    kind => Err(format!("a condition must be true or false, but one part is {}", kind.words())),
                }
            }
        }
    }

    fn operand(&mut self, expr: &Expr) -> Result<Operand, String> {
        let d = self.dialect;
        Ok(match expr {
            Expr::Column(name) => {
                let (sql, kind) = (self.column)(name)?;
                operand(sql, kind)
            }
            Expr::Int(value) => operand(d.int(*value), Kind::Int),
            Expr::Float(value) => operand(d.float(*value), Kind::Float),
            Expr::Text(value) => Operand { literal: Some(value.clone()), ..operand(d.text(value), Kind::Text) },
            Expr::Bool(value) => operand(d.boolean(*value), Kind::Bool),
            Expr::Null => operand("NULL", Kind::Null),
            Expr::Now => operand(d.int(self.now), Kind::Time),
            Expr::Time(micros) => operand(d.int(*micros), Kind::Time),
            Expr::Span(micros) => operand(d.int(*micros), Kind::Span),
            Expr::Negative(inner) => {
                let inner = self.operand(inner)?;
                match inner.kind {
                    Kind::Null => inner,
                    Kind::Float => operand(format!("(-({}))", inner.sql), Kind::Float),
                    Kind::Int | Kind::Span => {
                        let zero = operand(d.int(0), inner.kind);
                        let kind = inner.kind;
                        self.whole(&zero, "-", &inner, kind)
                    }
                    kind => return Err(format!("minus needs a number, not {}", kind.words())),
                }
            }
            Expr::Arithmetic(left, op, right) => {
                let (left, right) = (self.operand(left)?, self.operand(right)?);
                self.arithmetic(left, *op, right)?
            }
            Expr::Compare(left, op, right) => {
                let (left, right) = (self.operand(left)?, self.operand(right)?);
                self.compare(left, *op, right)?
            }
            Expr::IsNull(inner) => {
                let inner = match self.operand(inner)? {
                    null if null.kind == Kind::Null => return Ok(operand("TRUE", Kind::Bool)),
                    inner => inner,
                };
                operand(format!("(({}) IS NULL)", inner.sql), Kind::Bool)
            }
            Expr::In(value, list) => {
                let mut any = Vec::new();
                for item in list {
                    let (value, item) = (self.operand(value)?, self.operand(item)?);
                    let equal = self.compare(value, Op::Equal, item)?;
                    any.push(if equal.kind == Kind::Null { "CAST(NULL AS BOOLEAN)".to_string() } else { equal.sql });
                }
                match any.is_empty() {
                    true => return Err("in () holds no values".to_string()),
                    false => operand(format!("({})", any.join(" OR ")), Kind::Bool),
                }
            }
            Expr::Like(value, regex) => {
                let value = self.operand(value)?;
                match value.kind {
                    Kind::Text => operand(d.matches(&value.sql, &pattern::translate(regex, d)?), Kind::Bool),
                    Kind::Null => operand("NULL", Kind::Null),
                    kind => return Err(format!("like needs text, not {}", kind.words())),
                }
            }
            Expr::Not(_) | Expr::And(_) | Expr::Or(_) => operand(format!("({})", self.truth(expr)?), Kind::Bool),
        })
    }

    fn compare(&mut self, left: Operand, op: Op, right: Operand) -> Result<Operand, String> {
        let (left, right) = self.align(left, right)?;
        match left.kind {
            Kind::Null => Ok(operand("NULL", Kind::Null)),
            Kind::Other => Err("values of this type cannot be compared".to_string()),
            _ => {
                let sign = match op {
                    Op::Less => "<",
                    Op::LessOrEqual => "<=",
                    Op::Greater => ">",
                    Op::GreaterOrEqual => ">=",
                    Op::Equal => "=",
                };
                Ok(operand(format!("({} {sign} {})", left.sql, right.sql), Kind::Bool))
            }
        }
    }

    /// Brings both sides to one kind: int to float, null to anything, quoted text to a time.
    fn align(&self, left: Operand, right: Operand) -> Result<(Operand, Operand), String> {
        let null = |kind: Kind| operand(format!("CAST(NULL AS {})", self.type_of(kind)), kind);
        let float = |inner: Operand| operand(format!("CAST({} AS DOUBLE)", inner.sql), Kind::Float);
        Ok(match (left.kind, right.kind) {
            (l, r) if l == r => (left, right),
            (Kind::Null, r) if r != Kind::Other => (null(r), right),
            (l, Kind::Null) if l != Kind::Other => (left, null(l)),
            (Kind::Int, Kind::Float) => (float(left), right),
            (Kind::Float, Kind::Int) => (left, float(right)),
            (Kind::Time, Kind::Text) if right.literal.is_some() => (left, self.time(&right)?),
            (Kind::Text, Kind::Time) if left.literal.is_some() => (self.time(&left)?, right),
            (l, r) => return Err(format!("{} cannot be compared with {}", l.words(), r.words())),
        })
    }

    fn type_of(&self, kind: Kind) -> &'static str {
        match kind {
            Kind::Int | Kind::Time | Kind::Span => "BIGINT",
            Kind::Float => "DOUBLE",
            Kind::Bool => "BOOLEAN",
            Kind::Text | Kind::Null | Kind::Other => self.dialect.string_type(),
        }
    }

    fn time(&self, literal: &Operand) -> Result<Operand, String> {
        let text = literal.literal.as_deref().unwrap_or_default();
        let moment = moment(text).ok_or_else(|| format!("{text:?} is no date or time"))?;
        Ok(operand(self.dialect.int(moment.micros), Kind::Time))
    }

    fn arithmetic(&mut self, left: Operand, op: Arithmetic, right: Operand) -> Result<Operand, String> {
        let on_times = match (left.kind, op, right.kind) {
            (Kind::Time, Arithmetic::Add | Arithmetic::Subtract, Kind::Span)
            | (Kind::Span, Arithmetic::Add, Kind::Time) => Some(Kind::Time),
            (Kind::Time, Arithmetic::Subtract, Kind::Time) => Some(Kind::Span),
            _ => None,
        };
        let sign = match op {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Modulo => "%",
        };
        if let Some(kind) = on_times {
            return Ok(self.whole(&left, sign, &right, kind));
        }
        let (mut left, mut right) = self.align(left, right)?;
        let (a, b) = (left.kind, right.kind);
        if !(a.is_number() || a == Kind::Null) {
            return Err(format!("arithmetic needs numbers, not {} and {}", a.words(), b.words()));
        }
        if a == Kind::Null {
            return Ok(operand("NULL", Kind::Null));
        }
        if matches!(op, Arithmetic::Divide | Arithmetic::Modulo) {
            self.trap(format!("({} = 0)", right.sql), BY_ZERO);
            if op == Arithmetic::Divide && a == Kind::Int {
                left.sql = format!("CAST({} AS DOUBLE)", left.sql);
                right.sql = format!("CAST({} AS DOUBLE)", right.sql);
            }
            let kind = if op == Arithmetic::Divide { Kind::Float } else { a };
            return Ok(operand(format!("({} {sign} NULLIF({}, 0))", left.sql, right.sql), kind));
        }
        match a {
            Kind::Int => Ok(self.whole(&left, sign, &right, Kind::Int)),
            _ => Ok(operand(format!("({} {sign} {})", left.sql, right.sql), Kind::Float)),
        }
    }

    /// Whole numbers of 64 bits; what does not fit is null and a trap.
    fn whole(&mut self, left: &Operand, sign: &str, right: &Operand, kind: Kind) -> Operand {
        let (a, b) = (self.dialect.wide(&left.sql), self.dialect.wide(&right.sql));
        let wide = format!("({a} {sign} {b})");
        let narrow = format!("TRY_CAST({wide} AS BIGINT)");
        self.trap(format!("({wide} IS NOT NULL AND {narrow} IS NULL)"), TOO_LARGE);
        operand(narrow, kind)
    }

    fn trap(&mut self, condition: String, reason: &str) {
        let sql = self.guards.iter().cloned().chain([condition]).collect::<Vec<_>>().join(" AND ");
        self.traps.push(Trap { sql, reason: reason.to_string() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::data_check::parse_condition;

    fn translate(text: &str) -> Result<(String, Vec<Trap>), String> {
        let mut column = |name: &str| match name {
            "n" => Ok(("n".to_string(), Kind::Int)),
            "x" => Ok(("x".to_string(), Kind::Float)),
            "t" => Ok(("t".to_string(), Kind::Time)),
            "s" => Ok(("s".to_string(), Kind::Text)),
            other => Err(format!("no column {other:?}")),
        };
        let (traps, guards) = (Vec::new(), Vec::new());
        let mut translator = Translator { dialect: Dialect::DuckDb, now: 0, column: &mut column, traps, guards };
        let sql = translator.condition(&parse_condition(text).unwrap())?;
        Ok((sql, translator.traps))
    }

    #[test]
    fn types_are_made_to_fit_or_refused() {
        assert_eq!(translate("x > 1").unwrap().0, "(x > CAST(CAST('1' AS BIGINT) AS DOUBLE))");
        assert_eq!(translate("t > '1970-01-02'").unwrap().0, "(t > CAST('86400000000' AS BIGINT))");
        assert_eq!(translate("n = null").unwrap().0, "(n = CAST(NULL AS BIGINT))");
        for (text, reason) in [
            ("s > 1", "text cannot be compared with a number"),
            ("t > 'soon'", "\"soon\" is no date or time"),
            ("n", "a condition must be true or false, but one part is a number"),
            ("s + 1 = 2", "text cannot be compared with a number"),
            ("n like 'x'", "like needs text, not a number"),
            ("m = 1", "no column \"m\""),
        ] {
            assert_eq!(translate(text).unwrap_err(), reason, "{text}");
        }
    }

    #[test]
    fn divisions_by_zero_are_counted_where_they_would_be_made() {
        let (sql, traps) = translate("n <> 0 and x / n = 2").unwrap();
        assert!(sql.contains("NULLIF"), "{sql}");
        assert!(traps[0].sql.starts_with("((NOT ((n = ") && traps[0].sql.contains("IS NOT FALSE"), "{}", traps[0].sql);
        assert_eq!(traps[0].reason, BY_ZERO);
        assert!(!translate("x / n = 2 and n <> 0").unwrap().1[0].sql.contains("IS NOT FALSE"));
        assert_eq!(translate("n * n > 3").unwrap().1[0].reason, TOO_LARGE);
    }
}
