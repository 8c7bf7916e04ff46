//! Checks of each value by itself, of a number over the values, and of their order.

use super::{Asked, Planned, Planner, Within};
use crate::config::{Aggregate, NumberRange, Order};
use crate::data::checks::each::{Rule, TextRule};
use crate::data::checks::plan::Plan;
use crate::data::engine::expr::Kind;
use crate::data::engine::sheet::Sheet;
use crate::data::table::Reading;
use crate::data::values::Family;
use crate::model::Op;

impl Planner<'_, '_> {
    pub(super) fn in_range(&self, value: &str, range: NumberRange) -> String {
        match range {
            NumberRange::Between { low, high } => {
                format!("({value} BETWEEN {} AND {})", self.d().float(low), self.d().float(high))
            }
            NumberRange::Compare { op, bound } => format!("({value} {} {})", sign(op), self.d().float(bound)),
        }
    }

    pub(super) fn judged(&mut self, column: &str, value: &str, good: &str, within: &Within) -> Result<Planned, String> {
        let there = format!("{value} IS NOT NULL");
        let bad = within.and(&format!("({there} AND NOT ({good}))"));
        let checked = self.sheet.count(&within.and(&there));
        let failed = self.sheet.count(&bad);
        Ok((Asked::Each { checked, failed }, self.failing(&[column.to_string()], &bad)?))
    }

    pub(super) fn each(
        &mut self,
        rule: &Rule,
        column: &str,
        reading: Reading,
        within: &Within,
    ) -> Result<Planned, String> {
        let d = self.d();
        let (value, kind) = self.sheet.value(column, reading)?;
        let one_of = |mut list: Vec<String>| {
            list.sort_unstable();
            if list.is_empty() { "FALSE".to_string() } else { format!("({value} IN ({}))", list.join(", ")) }
        };
        let between = |low: String, high: String| format!("({value} BETWEEN {low} AND {high})");
        let good = match rule {
            _ if kind == Kind::Null => "FALSE".to_string(),
            Rule::Ints { low, high } => between(d.int(*low), d.int(*high)),
            Rule::Times { low, high } => between(d.int(*low), d.int(*high)),
            Rule::Floats { low, high } => {
                format!("(NOT isnan({value}) AND {})", between(d.float(*low), d.float(*high)))
            }
            Rule::Text(TextRule::Between { low, high }) => between(d.text(low), d.text(high)),
            Rule::InInts(set) => one_of(set.iter().map(|v| d.int(*v)).collect()),
            Rule::InTimes(set) => one_of(set.iter().map(|v| d.int(*v)).collect()),
            Rule::InFloats(list) => one_of(list.iter().map(|v| d.float(*v)).collect()),
            Rule::Text(TextRule::In(set)) => one_of(set.iter().map(|v| d.text(v)).collect()),
            Rule::InBools(set) => one_of(set.iter().map(|v| d.boolean(*v).to_string()).collect()),
            _ => return Err("this check is of no kind that mlgate knows".to_string()),
        };
        self.judged(column, &value, &good, within)
    }

    pub(super) fn number(&mut self, function: Aggregate, column: &str, within: &Within) -> Result<Asked, String> {
        let d = self.d();
        let (value, kind) = self.sheet.value(column, Reading::Typed)?;
        let x = match kind {
            Kind::Bool => {
                format!("(CASE WHEN {value} THEN {} WHEN NOT {value} THEN {} END)", d.float(1.0), d.float(0.0))
            }
            _ => format!("CAST({value} AS DOUBLE)"),
        };
        let number = within.and(&format!("({x} IS NOT NULL AND NOT isnan({x}))"));
        let n = self.sheet.count(&number);
        let nan = self.sheet.count(&within.and(&format!("isnan({x})")));
        let infinite = |sheet: &mut Sheet, value: f64| sheet.count(&within.and(&format!("{x} = {}", d.float(value))));
        let bound = d.float(f64::MAX);
        let finite = format!("CASE WHEN {} THEN {x} END", within.and(&format!("abs({x}) <= {bound}")));
        let parts = match function {
            Aggregate::Mean | Aggregate::Sum | Aggregate::Stddev => {
                let sum = match kind {
                    // Exact, and rounded once.
                    Kind::Int => {
                        let wide = d.wide(&value);
                        format!("CAST(sum(CASE WHEN {number} THEN {wide} END) AS DOUBLE)")
                    }
                    _ => d.sum(&finite),
                };
                let sum = match function {
                    Aggregate::Stddev => format!("stddev_samp({finite})"),
                    _ => sum,
                };
                let parts = [f64::INFINITY, f64::NEG_INFINITY].map(|v| infinite(&mut self.sheet, v));
                vec![self.sheet.aggregate(sum), parts[0], parts[1]]
            }
            Aggregate::Min => vec![self.sheet.aggregate(format!("min(CASE WHEN {number} THEN {x} END)"))],
            Aggregate::Max => vec![self.sheet.aggregate(format!("max(CASE WHEN {number} THEN {x} END)"))],
            Aggregate::Quantile(_) | Aggregate::Distinct => vec![],
        };
        let value = format!("CASE WHEN {number} THEN {x} END");
        Ok(Asked::Number { function, n, nan, parts, value })
    }

    pub(super) fn ordered(
        &mut self,
        plan: &Plan,
        column: &str,
        order: Order,
        within: &Within,
    ) -> Result<Planned, String> {
        plan.must(column, "values that have an order", |f| f != Family::Other)?;
        let Some(rank) = self.sheet.known.order.clone() else {
            return Err(format!("{} keeps no order of the rows of this data set", self.d().name()));
        };
        let value = self.sheet.key(column)?;
        let bad = match order {
            Order::Increasing => "v < p",
            Order::StrictlyIncreasing => "v <= p",
            Order::Decreasing => "v > p",
            Order::StrictlyDecreasing => "v >= p",
        };
        let floats = Family::of(&self.sheet.known.type_of(column)?) == Family::Float;
        // NaN is in no order to anything.
        let bad = if floats { format!("{bad} OR isnan(v) OR isnan(p)") } else { bad.to_string() };
        let bad = format!("p IS NOT NULL AND ({bad})");
        let there = within.and(&format!("{value} IS NOT NULL"));
        let from = self.sheet.with(&format!("{rank} AS o"));
        let pairs = format!("SELECT {value} AS v, lag({value}) OVER (ORDER BY o) AS p FROM {from} WHERE {there}");
        let query = format!(
            "SELECT CAST(count(*) AS BIGINT) AS n, CAST(count(CASE WHEN {bad} THEN 1 END) AS BIGINT) AS failed \
             FROM ({pairs}) AS l"
        );
        Ok((Asked::Own(query), None))
    }
}

fn sign(op: Op) -> &'static str {
    match op {
        Op::Less => "<",
        Op::LessOrEqual => "<=",
        Op::Greater => ">",
        Op::GreaterOrEqual => ">=",
        Op::Equal => "=",
    }
}
