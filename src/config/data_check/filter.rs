//! What an `sql:` check says, once it is read: a condition on the rows of one data set.

use crate::model::Op;

/// A query that was accepted: which rows fail, and which columns to show of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// Empty for `*`.
    pub columns: Vec<String>,
    pub condition: Expr,
}

/// The part of SQL's expressions that is understood; nulls follow its three-valued logic.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Column(String),
    Int(i64),
    Float(f64),
    Text(String),
    Bool(bool),
    Null,
    Now,
    /// A date or timestamp, in microseconds since 1970-01-01 UTC.
    Time(i64),
    /// An interval, in microseconds.
    Span(i64),
    Negative(Box<Expr>),
    Arithmetic(Box<Expr>, Arithmetic, Box<Expr>),
    Compare(Box<Expr>, Op, Box<Expr>),
    In(Box<Expr>, Vec<Expr>),
    /// A regular expression made from the pattern.
    Like(Box<Expr>, String),
    IsNull(Box<Expr>),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Expr {
    /// The columns it reads, each once, in order.
    pub fn columns(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.collect(&mut names);
        names
    }

    /// Whether what it says of a row depends on when it is asked.
    pub fn reads_the_clock(&self) -> bool {
        match self {
            Expr::Now => true,
            Expr::Negative(a) | Expr::Like(a, _) | Expr::IsNull(a) | Expr::Not(a) => a.reads_the_clock(),
            Expr::Arithmetic(a, _, b) | Expr::Compare(a, _, b) => a.reads_the_clock() || b.reads_the_clock(),
            Expr::In(a, list) => a.reads_the_clock() || list.iter().any(Expr::reads_the_clock),
            Expr::And(all) | Expr::Or(all) => all.iter().any(Expr::reads_the_clock),
            Expr::Column(_)
            | Expr::Int(_)
            | Expr::Float(_)
            | Expr::Text(_)
            | Expr::Bool(_)
            | Expr::Null
            | Expr::Time(_)
            | Expr::Span(_) => false,
        }
    }

    fn collect<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Expr::Column(name) if !names.contains(&name.as_str()) => names.push(name),
            Expr::Negative(a) | Expr::Like(a, _) | Expr::IsNull(a) | Expr::Not(a) => a.collect(names),
            Expr::Arithmetic(a, _, b) | Expr::Compare(a, _, b) => {
                a.collect(names);
                b.collect(names);
            }
            Expr::And(list) | Expr::Or(list) => list.iter().for_each(|a| a.collect(names)),
            Expr::In(a, list) => {
                a.collect(names);
                list.iter().for_each(|b| b.collect(names));
            }
            _ => {}
        }
    }
}
