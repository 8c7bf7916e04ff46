//! A metric of one's own: arithmetic between means and sums of expressions over the columns of a row, such as
//! `sum(5 * fn + fp) / sum(amount)`.

use super::{Reader, on_a_large_stack, refuse, syntax};
use crate::config::data_check::ParseError;
use crate::config::data_check::filter::{Arithmetic, Expr};
use sqlparser::ast::{self, BinaryOperator, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned, UnaryOperator};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

const FORM: &str = "mean(…), sum(…), numbers, and + - * / between them";
/// Nesting, not counting what is inside of means and sums.
const MAX_DEPTH: usize = 32;

#[derive(Clone, Debug, PartialEq)]
pub enum Aggregate {
    Number(f64),
    Mean(Expr),
    Sum(Expr),
    Negative(Box<Aggregate>),
    Two(Box<Aggregate>, Arithmetic, Box<Aggregate>),
}

impl Aggregate {
    /// The expressions over a row, from left to right.
    pub fn rows(&self) -> Vec<&Expr> {
        match self {
            Aggregate::Number(_) => Vec::new(),
            Aggregate::Mean(expr) | Aggregate::Sum(expr) => vec![expr],
            Aggregate::Negative(inner) => inner.rows(),
            Aggregate::Two(left, _, right) => left.rows().into_iter().chain(right.rows()).collect(),
        }
    }

    /// The columns it reads, each once.
    pub fn columns(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.rows().into_iter().flat_map(Expr::columns).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Reads one.
///
/// # Errors
/// When it is no SQL expression, or holds no mean or sum, or more than those and arithmetic.
pub fn parse_aggregate(text: &str) -> Result<Aggregate, ParseError> {
    on_a_large_stack(text, || {
        let fail = |e: sqlparser::parser::ParserError| syntax(text, &e.to_string());
        let mut parser = Parser::new(&GenericDialect {}).try_with_sql(text).map_err(fail)?;
        let expr = parser.parse_expr().map_err(fail)?;
        parser.expect_token(&Token::EOF).map_err(fail)?;
        let found = aggregate(&mut Reader { query: text, dataset: "", depth: 0 }, &expr, 0)?;
        match found.rows().is_empty() {
            true => Err(refuse(0, text, "a mean or a sum over rows", "none".to_string())),
            false => Ok(found),
        }
    })
}

fn aggregate(reader: &mut Reader<'_>, expr: &ast::Expr, depth: usize) -> Result<Aggregate, ParseError> {
    use ast::Expr as E;
    if depth > MAX_DEPTH {
        return reader.refuse(expr, "a simpler expression", "one nested too deep");
    }
    Ok(match expr {
        E::Nested(inner) => aggregate(reader, inner, depth + 1)?,
        E::UnaryOp { op: UnaryOperator::Minus, expr } => {
            Aggregate::Negative(Box::new(aggregate(reader, expr, depth + 1)?))
        }
        E::Value(value) => match reader.value(expr, &value.value)? {
            Expr::Int(number) => Aggregate::Number(number as f64),
            Expr::Float(number) => Aggregate::Number(number),
            _ => return reader.refuse(expr, FORM, &format!("`{expr}`")),
        },
        E::BinaryOp { left, op, right } => {
            let op = match op {
                BinaryOperator::Plus => Arithmetic::Add,
                BinaryOperator::Minus => Arithmetic::Subtract,
                BinaryOperator::Multiply => Arithmetic::Multiply,
                BinaryOperator::Divide => Arithmetic::Divide,
                _ => return reader.refuse(expr, FORM, &format!("the operator `{op}`")),
            };
            let (left, right) = (aggregate(reader, left, depth + 1)?, aggregate(reader, right, depth + 1)?);
            Aggregate::Two(Box::new(left), op, Box::new(right))
        }
        E::Function(call) => {
            let name = call.name.to_string().to_lowercase();
            let inner = match &call.args {
                FunctionArguments::List(list)
                    if list.clauses.is_empty() && call.over.is_none() && call.filter.is_none() =>
                {
                    match &list.args[..] {
                        [FunctionArg::Unnamed(FunctionArgExpr::Expr(inner))] if list.duplicate_treatment.is_none() => {
                            inner
                        }
                        _ => {
                            return reader.refuse(
                                expr,
                                "one expression over the columns of a row",
                                &format!("`{expr}`"),
                            );
                        }
                    }
                }
                _ => return reader.refuse(expr, FORM, &format!("`{expr}`")),
            };
            match name.as_str() {
                "mean" | "avg" => Aggregate::Mean(reader.expr(inner)?),
                "sum" => Aggregate::Sum(reader.expr(inner)?),
                _ => return reader.refuse(expr, FORM, &format!("the function `{}`", call.name)),
            }
        }
        E::Identifier(_) => {
            let at = reader.offset(expr.span().start);
            return Err(refuse(at, reader.query, &format!("mean({expr}) or sum({expr})"), format!("`{expr}`")));
        }
        other => return reader.refuse(other, FORM, &format!("`{other}`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_sums_are_read_and_nothing_else() {
        let found = parse_aggregate("sum(5 * fn + fp) / sum(amount) - 0.1 * MEAN(p > 0.5)").unwrap();
        assert_eq!(found.columns(), ["amount", "fn", "fp", "p"]);
        assert_eq!(found.rows().len(), 3);
        assert!(matches!(parse_aggregate("-mean(x)").unwrap(), Aggregate::Negative(_)));
        for (text, told) in [
            ("", "the end"),
            ("cost", "`cost`"),
            ("1 + 2", "none"),
            ("median(x)", "`median`"),
            ("mean(x, y)", "`mean(x, y)`"),
            ("mean()", "`mean()`"),
            ("mean(mean(x))", "`mean`"),
            ("sum(x) over (order by y)", "`sum(x) OVER (ORDER BY y)`"),
            ("mean(distinct x)", "`mean(DISTINCT x)`"),
            ("mean(x) > 1", "`>`"),
            ("mean(x); drop table y", "`;`"),
            ("(select 1)", "`(SELECT 1)`"),
        ] {
            let error = parse_aggregate(text).expect_err(text);
            assert!(error.found.contains(told), "{text}: {error:?}");
        }
        assert!(parse_aggregate(&format!("{}mean(x){}", "(".repeat(2000), ")".repeat(2000))).is_err());
    }
}
