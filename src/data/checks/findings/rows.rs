//! Checks on rows against each other and against those of another data set, and on the columns.

use super::{Finding, PRIVATE, Scope};
use crate::config::{Amount, Order};
use crate::data::checks::figures;
use crate::model::{Op, Unit};

/// Rows that are like others: earlier ones of their own data set, or those of another.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::data) struct Alike {
    /// Rows looked at: all, or those without a null.
    pub seen: u64,
    pub alike: u64,
    pub examples: Vec<String>,
}

const NOTHING: &str = "every row has a null there, so there is nothing to check";

/// `unique(user_id, day)`: rows with a null are not looked at.
pub(in crate::data) fn unique(scope: Scope, found: Alike) -> Finding {
    if let Some(empty) = scope.empty() {
        return empty;
    }
    match found.seen {
        0 => Finding::errored(NOTHING.to_string() + &scope.words()),
        seen => Finding::judged(found.alike == 0, repeats(scope, &found), found.alike as f64, seen, found.examples),
    }
}

/// `duplicates(user_id, day) = 0`: rows − distinct, where nulls equal each other, so that all rows are looked at.
pub(in crate::data) fn duplicates(
    (columns, op, bound): (&[String], Op, Amount),
    scope: Scope,
    found: Alike,
) -> Finding {
    if let Some(empty) = scope.empty() {
        return empty;
    }
    let (seen, repeated) = (found.seen, found.alike as f64);
    let holds = figures::holds(found.alike, seen, op, bound);
    let message = format!("{}, expected {}", repeats(scope, &found), figures::bound(op, bound));
    let id = format!("duplicates({})", columns.join(", "));
    Finding::judged(holds, message, repeated, seen, found.examples).measured(scope, id, repeated, Unit::Count, seen)
}

fn repeats(scope: Scope, found: &Alike) -> String {
    let left_out = scope.with_a_null(found.seen);
    match found.alike {
        0 => format!("all {} rows are different{left_out}", figures::count(found.seen)),
        some => format!("{} repeat an earlier row{left_out}", figures::part(some, found.seen, "rows")),
    }
}

/// `shared(user_id, day) with test = 0`: rows with a null are not looked at.
pub(in crate::data) fn shared(
    (columns, dataset, op, bound): (&[String], &str, Op, Amount),
    scope: Scope,
    found: Alike,
) -> Finding {
    if let Some(empty) = scope.empty() {
        return empty;
    }
    let (seen, alike) = (found.seen, found.alike as f64);
    if seen == 0 {
        return Finding::errored(NOTHING.to_string() + &scope.words());
    }
    let what = match found.alike {
        0 => format!("none of {} rows is in {dataset}", figures::count(seen)),
        some => format!("{} are also in {dataset}", figures::part(some, seen, "rows")),
    };
    let message = format!("{what}, expected {}{}", figures::bound(op, bound), scope.with_a_null(seen));
    let id = format!("shared({}) with {dataset}", columns.join(", "));
    Finding::judged(figures::holds(found.alike, seen, op, bound), message, alike, seen, found.examples).measured(
        scope,
        id,
        alike,
        Unit::Count,
        seen,
    )
}

/// The value that occurs least.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) struct Rarest {
    /// As it is shown; None for one of a private column.
    pub value: Option<String>,
    pub count: u64,
    /// Different values that are not null.
    pub values: u64,
}

/// `balance(label) >= 10%`. `n` counts values that are not null.
pub(in crate::data) fn balance(
    (column, op, bound): (&str, Op, f64),
    scope: Scope,
    n: u64,
    rarest: Option<Rarest>,
) -> Finding {
    if let Some(empty) = scope.empty() {
        return empty;
    }
    let Some(rarest) = rarest.filter(|_| n > 0) else {
        return Finding::errored(format!("every {column} is null, so nothing is rarest{}", scope.words()));
    };
    let share = rarest.count as f64 / n as f64;
    let value = rarest.value.as_deref().unwrap_or(PRIVATE);
    let left_out = scope.left_out(n);
    if rarest.values == 1 {
        let message = format!("every {column} is {value}: with one value alone, nothing is in balance{left_out}");
        return Finding::judged(false, message, share, n, Vec::new());
    }
    let (values, part) = (figures::count(rarest.values), figures::part(rarest.count, n, "values"));
    let expected = format!("{op} {}", figures::percent(bound));
    let message = format!("the rarest of {values} values is {value}: {part}, expected {expected}{left_out}");
    let id = format!("balance({column})");
    Finding::judged(op.holds(share, bound), message, share, n, Vec::new()).measured(scope, id, share, Unit::Share, n)
}

/// `increasing(ts)`. `n` counts values that are not null, of which all but the first have one before them;
/// `failed` of these break the order.
pub(in crate::data) fn ordered(order: Order, scope: Scope, n: u64, failed: u64, examples: Vec<String>) -> Finding {
    if let Some(empty) = scope.empty() {
        return empty;
    }
    let expected = match order {
        Order::Increasing => "increasing",
        Order::StrictlyIncreasing => "strictly increasing",
        Order::Decreasing => "decreasing",
        Order::StrictlyDecreasing => "strictly decreasing",
    };
    let left_out = scope.left_out(n);
    let message = match (n, failed) {
        (0, _) => {
            return Finding::errored(format!("every value is null, so there is nothing to check{}", scope.words()));
        }
        (1, _) => return Finding { n: Some(1), ..Finding::errored(format!("one value has no order{left_out}")) },
        (n, 0) => format!("all {} values are {expected}{left_out}", figures::count(n)),
        (n, some) => {
            let part = figures::part(some, n - 1, "values");
            format!("{part} do not keep the order to the one before, expected {expected}{left_out}")
        }
    };
    Finding::judged(failed == 0, message, failed as f64, n, examples)
}

/// `columns: {…}`: so many of the columns are `wrong`, `of` all that are wanted or there; examples say what is wrong.
pub(in crate::data) fn columns(examples: Vec<String>, wrong: usize, of: usize) -> Finding {
    let message = match wrong {
        0 => format!("all {} columns are there with their types", figures::count(of as u64)),
        wrong => {
            let (wrong, of) = (figures::count(wrong as u64), figures::count(of as u64));
            format!("{wrong} of {of} columns are not as they should be")
        }
    };
    Finding::judged(wrong == 0, message, wrong as f64, of as u64, examples)
}
