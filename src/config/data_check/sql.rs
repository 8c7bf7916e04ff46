//! The `sql:` check: `select * from train where …`, the failing rows of one data set, and nothing more of SQL.

use super::ParseError;
use super::filter::{Arithmetic, Expr, Filter};
use super::time::moment;
use crate::config::units;
use crate::model::{Op, Unit};
use sqlparser::ast::{
    self, BinaryOperator, CastKind, DataType, FunctionArguments, SelectItem, SetExpr, Spanned, Statement, TableFactor,
    UnaryOperator, Value,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Token};

pub mod aggregate;
#[cfg(test)]
mod tests;

/// Bounds the depth of what is parsed, and with it the stack that the SQL parser needs.
const MAX_BYTES: usize = 4000;
const STACK_BYTES: usize = 64 << 20;
/// Nesting of a condition, not counting chains of `and` and `or`.
const MAX_DEPTH: usize = 50;

/// Whether `query` is a filter of `dataset`.
///
/// # Errors
/// When it is no SQL, or uses more of it than `select … from dataset where …`.
pub fn parse_sql(query: &str, dataset: &str) -> Result<(), ParseError> {
    compile(query, dataset).map(|_| ())
}

/// As [`parse_sql`], with what was read.
///
/// # Errors
/// As [`parse_sql`].
pub fn compile(query: &str, dataset: &str) -> Result<Filter, ParseError> {
    on_a_large_stack(query, || read(query, dataset))
}

/// A condition on the columns of a row, as `where:` and `expr:` hold it.
///
/// # Errors
/// When it is no SQL expression, or one that is not understood.
pub fn parse_condition(text: &str) -> Result<Expr, ParseError> {
    on_a_large_stack(text, || {
        let fail = |e: sqlparser::parser::ParserError| syntax(text, &e.to_string());
        let dialect = GenericDialect {};
        let mut parser = Parser::new(&dialect).try_with_sql(text).map_err(fail)?;
        let condition = parser.parse_expr().map_err(fail)?;
        parser.expect_token(&Token::EOF).map_err(fail)?;
        Reader { query: text, dataset: "", depth: 0 }.expr(&condition)
    })
}

fn on_a_large_stack<T: Send>(
    query: &str,
    read: impl FnOnce() -> Result<T, ParseError> + Send,
) -> Result<T, ParseError> {
    if query.len() > MAX_BYTES {
        return Err(refuse(0, query, &format!("at most {MAX_BYTES} bytes of SQL"), format!("{} bytes", query.len())));
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, read);
        let read = thread.ok().and_then(|thread| thread.join().ok());
        read.unwrap_or_else(|| Err(refuse(0, query, "a simpler query", "one too deep to read".to_string())))
    })
}

fn read(query: &str, dataset: &str) -> Result<Filter, ParseError> {
    let statements = Parser::parse_sql(&GenericDialect {}, query).map_err(|e| syntax(query, &e.to_string()))?;
    let mut reader = Reader { query, dataset, depth: 0 };
    let select = reader.select(&statements)?;
    let table = reader.table(select)?;
    let columns = reader.columns(&select.projection)?;
    let Some(condition) = &select.selection else {
        return reader.refuse_whole("no `where`, without which every row fails");
    };
    // Whatever else the query holds must be nothing: rebuilt from the parts that were read, it is the same.
    let projection: Vec<String> = select.projection.iter().map(ToString::to_string).collect();
    let plain = format!("select {} from {table} where {condition}", projection.join(", "));
    if Parser::parse_sql(&GenericDialect {}, &plain).ok().as_ref() != Some(&statements) {
        return reader.refuse_whole("a clause that is not understood");
    }
    Ok(Filter { columns, condition: reader.expr(condition)? })
}

struct Reader<'a> {
    query: &'a str,
    dataset: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn refuse_whole<T>(&self, construct: &str) -> Result<T, ParseError> {
        let plain = self.dataset.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let quote = if plain { "" } else { "\"" };
        let form = format!("select * from {quote}{}{quote} where …", self.dataset);
        Err(refuse(0, self.query, &form, construct.to_string()))
    }

    /// The one select, with no clause around it or in it that a filter has no use for.
    fn select<'s>(&self, statements: &'s [Statement]) -> Result<&'s ast::Select, ParseError> {
        let query = match statements {
            [Statement::Query(query)] => query,
            [] => return self.refuse_whole("no statement"),
            [_] => return self.refuse_whole("a statement that is no select"),
            _ => return self.refuse_whole("more than one statement"),
        };
        let select = match &*query.body {
            SetExpr::Select(select) => select,
            SetExpr::SetOperation { op, .. } => {
                return self.refuse_whole(&format!("`{}`", op.to_string().to_lowercase()));
            }
            _ => return self.refuse_whole("no plain select"),
        };
        let no_groups = ast::GroupByExpr::Expressions(Vec::new(), Vec::new());
        let clauses = [
            ("with", query.with.is_some()),
            ("order by", query.order_by.is_some()),
            ("limit", query.limit_clause.is_some()),
            ("fetch", query.fetch.is_some()),
            ("distinct", select.distinct.is_some()),
            ("top", select.top.is_some()),
            ("into", select.into.is_some()),
            ("group by", select.group_by != no_groups),
            ("having", select.having.is_some()),
            ("qualify", select.qualify.is_some()),
            ("window", !select.named_window.is_empty()),
        ];
        match clauses.into_iter().find(|(_, there)| *there) {
            Some((clause, _)) => self.refuse_whole(&format!("`{clause}`")),
            None => Ok(select),
        }
    }

    /// The data set's name as the query writes it.
    fn table(&self, select: &ast::Select) -> Result<String, ParseError> {
        let table = match &select.from[..] {
            [one] if one.joins.is_empty() => &one.relation,
            [] => return self.refuse_whole("no `from`"),
            [_] => return self.refuse_whole("a join"),
            _ => return self.refuse_whole("more than one table"),
        };
        match table {
            TableFactor::Table { name, .. } if self.object(name).as_deref() == Some(self.dataset) => {
                Ok(name.to_string())
            }
            TableFactor::Table { name, .. } => {
                let expected = format!("the data set's own name, {}", self.dataset);
                Err(refuse(self.offset(name.span().start), self.query, &expected, format!("`{name}`")))
            }
            _ => self.refuse_whole("a subquery or table function"),
        }
    }

    /// The plain columns asked for; none for `*`.
    fn columns(&self, projection: &[SelectItem]) -> Result<Vec<String>, ParseError> {
        let mut columns = Vec::new();
        let mut all = false;
        for item in projection {
            match item {
                SelectItem::Wildcard(_) => all = true,
                SelectItem::UnnamedExpr(ast::Expr::Identifier(ident)) => columns.push(ident.value.clone()),
                other => {
                    let at = self.offset(other.span().start);
                    return Err(refuse(at, self.query, "`*` or plain columns", format!("`{other}`")));
                }
            }
        }
        Ok(if all { Vec::new() } else { columns })
    }

    fn object(&self, name: &ast::ObjectName) -> Option<String> {
        match &name.0[..] {
            [part] => part.as_ident().map(|ident| ident.value.clone()),
            _ => None,
        }
    }

    fn offset(&self, location: Location) -> usize {
        offset(self.query, location.line, location.column)
    }

    fn refuse<T>(&self, expr: &ast::Expr, expected: &str, construct: &str) -> Result<T, ParseError> {
        Err(refuse(self.offset(expr.span().start), self.query, expected, construct.to_string()))
    }

    fn boxed(&mut self, expr: &ast::Expr) -> Result<Box<Expr>, ParseError> {
        self.expr(expr).map(Box::new)
    }

    fn expr(&mut self, expr: &ast::Expr) -> Result<Expr, ParseError> {
        if self.depth == MAX_DEPTH {
            return self.refuse(expr, "a simpler condition", "one nested too deep");
        }
        self.depth += 1;
        let read = self.expr_inside(expr);
        self.depth -= 1;
        read
    }

    /// The parts of `a and b and c`, which the SQL parser nests to the left.
    fn chain(&mut self, expr: &ast::Expr, wanted: &BinaryOperator) -> Result<Vec<Expr>, ParseError> {
        let mut parts = Vec::new();
        let mut rest = expr;
        while let ast::Expr::BinaryOp { left, op, right } = rest
            && op == wanted
        {
            parts.push(&**right);
            rest = left;
        }
        parts.push(rest);
        parts.into_iter().rev().map(|part| self.expr(part)).collect()
    }

    fn expr_inside(&mut self, expr: &ast::Expr) -> Result<Expr, ParseError> {
        use ast::Expr as E;
        let negate = |negated: bool, expr: Expr| if negated { Expr::Not(Box::new(expr)) } else { expr };
        Ok(match expr {
            E::Identifier(ident) if ident.quote_style.is_none() && is_now(&ident.value) => Expr::Now,
            E::Identifier(ident) => Expr::Column(ident.value.clone()),
            E::Nested(inner) => self.expr(inner)?,
            E::Value(value) => self.value(expr, &value.value)?,
            E::IsNull(inner) => Expr::IsNull(self.boxed(inner)?),
            E::IsNotNull(inner) => negate(true, Expr::IsNull(self.boxed(inner)?)),
            E::UnaryOp { op: UnaryOperator::Not, expr } => Expr::Not(self.boxed(expr)?),
            E::UnaryOp { op: UnaryOperator::Minus, expr } => Expr::Negative(self.boxed(expr)?),
            E::UnaryOp { op: UnaryOperator::Plus, expr } => self.expr(expr)?,
            E::BinaryOp { op: op @ BinaryOperator::And, .. } => Expr::And(self.chain(expr, op)?),
            E::BinaryOp { op: op @ BinaryOperator::Or, .. } => Expr::Or(self.chain(expr, op)?),
            E::BinaryOp { left, op, right } => self.binary(expr, left, op, right)?,
            E::InList { expr, list, negated } => {
                let list = list.iter().map(|item| self.expr(item)).collect::<Result<Vec<_>, _>>()?;
                negate(*negated, Expr::In(self.boxed(expr)?, list))
            }
            E::Between { expr, negated, low, high } => {
                let above = Expr::Compare(self.boxed(expr)?, Op::GreaterOrEqual, self.boxed(low)?);
                let below = Expr::Compare(self.boxed(expr)?, Op::LessOrEqual, self.boxed(high)?);
                negate(*negated, Expr::And(vec![above, below]))
            }
            E::Like { negated, any: false, expr, pattern, escape_char: None } => {
                negate(*negated, Expr::Like(self.boxed(expr)?, self.like(pattern, "")?))
            }
            E::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                negate(*negated, Expr::Like(self.boxed(expr)?, self.like(pattern, "i")?))
            }
            E::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: inner, data_type, format: None } => {
                match &**inner {
                    E::Value(value) => self.time(expr, data_type, &value.value)?,
                    _ => return self.refuse(expr, "a cast of a literal to date or timestamp", "a cast of a column"),
                }
            }
            E::TypedString(typed) => self.time(expr, &typed.data_type, &typed.value.value)?,
            E::Interval(interval) => self.interval(expr, interval)?,
            E::Function(call) => match self.object(&call.name) {
                Some(name) if is_now(&name) && no_arguments(&call.args) && call.over.is_none() => Expr::Now,
                _ => return self.refuse(expr, "a condition on columns", &format!("the function `{}`", call.name)),
            },
            E::Subquery(_) | E::InSubquery { .. } | E::Exists { .. } => {
                return self.refuse(expr, "a condition on columns", "a subquery");
            }
            E::Case { .. } => return self.refuse(expr, "a condition on columns", "`case`"),
            E::CompoundIdentifier(_) => return self.refuse(expr, "a column's plain name", &format!("`{expr}`")),
            other => return self.refuse(expr, "a condition on columns", &format!("`{other}`")),
        })
    }

    fn value(&self, expr: &ast::Expr, value: &Value) -> Result<Expr, ParseError> {
        Ok(match value {
            Value::Number(digits, false) => match (digits.parse::<i64>(), digits.parse::<f64>()) {
                (Ok(int), _) => Expr::Int(int),
                (_, Ok(float)) if float.is_finite() => Expr::Float(float),
                _ => return self.refuse(expr, "a number", &format!("`{digits}`")),
            },
            Value::SingleQuotedString(text) => Expr::Text(text.clone()),
            Value::Boolean(value) => Expr::Bool(*value),
            Value::Null => Expr::Null,
            other => return self.refuse(expr, "a number, text, true, false or null", &format!("`{other}`")),
        })
    }

    fn binary(
        &mut self,
        expr: &ast::Expr,
        left: &ast::Expr,
        op: &BinaryOperator,
        right: &ast::Expr,
    ) -> Result<Expr, ParseError> {
        use BinaryOperator as B;
        let compare = match op {
            B::Lt => Some(Op::Less),
            B::LtEq => Some(Op::LessOrEqual),
            B::Gt => Some(Op::Greater),
            B::GtEq => Some(Op::GreaterOrEqual),
            B::Eq | B::NotEq => Some(Op::Equal),
            _ => None,
        };
        let arithmetic = match op {
            B::Plus => Some(Arithmetic::Add),
            B::Minus => Some(Arithmetic::Subtract),
            B::Multiply => Some(Arithmetic::Multiply),
            B::Divide => Some(Arithmetic::Divide),
            B::Modulo => Some(Arithmetic::Modulo),
            _ => None,
        };
        let (a, b) = (self.boxed(left)?, self.boxed(right)?);
        Ok(match (op, compare, arithmetic) {
            (B::NotEq, Some(op), _) => Expr::Not(Box::new(Expr::Compare(a, op, b))),
            (_, Some(op), _) => Expr::Compare(a, op, b),
            (_, _, Some(op)) => Expr::Arithmetic(a, op, b),
            _ => return self.refuse(expr, "a condition on columns", &format!("the operator `{op}`")),
        })
    }

    /// The regular expression of a `like` pattern: `%` any text, `_` any character, backslash escapes.
    fn like(&self, pattern: &ast::Expr, flags: &str) -> Result<String, ParseError> {
        let ast::Expr::Value(ast::ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = pattern else {
            return self.refuse(pattern, "a quoted pattern", &format!("`{pattern}`"));
        };
        let mut regex = format!("(?s{flags})^");
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => regex.push_str(".*"),
                '_' => regex.push('.'),
                '\\' => regex.push_str(&regex::escape(&chars.next().unwrap_or('\\').to_string())),
                c => regex.push_str(&regex::escape(&c.to_string())),
            }
        }
        Ok(regex + "$")
    }

    fn time(&self, expr: &ast::Expr, data_type: &DataType, value: &Value) -> Result<Expr, ParseError> {
        if !matches!(data_type, DataType::Date | DataType::Timestamp(..) | DataType::Datetime(_)) {
            let found = format!("the type `{data_type}`");
            return self.refuse(expr, "a literal of type date or timestamp", &found);
        }
        let micros = match value {
            Value::SingleQuotedString(text) => moment(text).map(|moment| moment.micros),
            _ => None,
        };
        match micros {
            Some(micros) => Ok(Expr::Time(micros)),
            None => {
                self.refuse(expr, "a date or time such as '2024-12-31' or '2024-12-31T23:59:59Z'", &value.to_string())
            }
        }
    }

    /// `interval '2 days'`, `interval 2 day`, `interval '36' hour`
    fn interval(&self, expr: &ast::Expr, interval: &ast::Interval) -> Result<Expr, ParseError> {
        let text = match &*interval.value {
            ast::Expr::Value(ast::ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => text.clone(),
            other => other.to_string(),
        };
        let unit = interval.leading_field.as_ref().map(ToString::to_string).unwrap_or_default();
        let whole = format!("{text} {unit}").to_lowercase();
        let parts: Vec<&str> = whole.split_whitespace().collect();
        let seconds = match parts[..] {
            [number, unit] if interval.last_field.is_none() => {
                // SQL spells units out where checks and gates abbreviate them.
                let long = [("second", "s"), ("minute", "m"), ("hour", "h"), ("day", "d"), ("week", "w")];
                let short = long.iter().find(|(long, _)| unit.trim_end_matches('s') == *long);
                match units::suffix(short.map_or(unit, |(_, short)| short)) {
                    Some((factor, Some(Unit::Seconds))) => number.parse::<f64>().ok().zip(Some(factor)),
                    _ => None,
                }
            }
            _ => None,
        };
        match seconds.map(|(number, unit)| number * unit * 1e6) {
            Some(micros) if micros.abs() < 9e18 => Ok(Expr::Span(micros as i64)),
            _ => self.refuse(expr, "an interval such as interval '2 days'", &format!("`{expr}`")),
        }
    }
}

fn is_now(name: &str) -> bool {
    ["now", "current_timestamp"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn no_arguments(arguments: &FunctionArguments) -> bool {
    match arguments {
        FunctionArguments::None => true,
        FunctionArguments::List(list) => list.args.is_empty() && list.clauses.is_empty(),
        FunctionArguments::Subquery(_) => false,
    }
}

fn refuse(at: usize, query: &str, expected: &str, found: String) -> ParseError {
    let length = query.get(at..).map_or(0, |rest| rest.find(char::is_whitespace).unwrap_or(rest.len()));
    ParseError { at, length, expected: expected.to_string(), found, suggestion: None }
}

/// Lines and columns of the SQL parser count characters from 1.
fn offset(query: &str, line: u64, column: u64) -> usize {
    let before: usize = query.split_inclusive('\n').take(line.saturating_sub(1) as usize).map(str::len).sum();
    let rest = query.get(before..).unwrap_or_default();
    let within = rest.char_indices().nth(column.saturating_sub(1) as usize).map_or(rest.len(), |(at, _)| at);
    before + within
}

/// `sql parser error: Expected: an expression, found: EOF at Line: 1, Column: 30`
fn syntax(query: &str, message: &str) -> ParseError {
    let message = message.trim_start_matches("sql parser error: ");
    let (reason, place) = message.split_once(" at Line: ").unwrap_or((message, ""));
    let mut numbers = place.split(", Column: ").map(|n| n.trim().parse::<u64>().ok());
    let at = match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(line), Some(column)) => offset(query, line, column),
        _ => query.len(),
    };
    let (expected, found) = match reason.strip_prefix("Expected: ").and_then(|r| r.split_once(", found: ")) {
        Some((expected, "EOF")) => (expected.to_string(), "the end".to_string()),
        Some((expected, found)) => (expected.to_string(), format!("`{found}`")),
        None => ("SQL".to_string(), reason.to_string()),
    };
    refuse(at, query, &expected, found)
}
