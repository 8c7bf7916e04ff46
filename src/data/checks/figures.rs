//! Figures as messages say them.

use crate::config::Amount;
use crate::model::{Op, Unit};

/// `10,000`
pub(in crate::data) fn count(count: u64) -> String {
    Unit::Count.show(count as f64)
}

/// `37 of 10,000 rows (0.37%)`; a share is never rounded to none or all.
pub(in crate::data) fn part(part: u64, whole: u64, of: &str) -> String {
    format!("{} of {} {of} ({})", count(part), count(whole), share(part, whole))
}

pub(in crate::data) fn share(part: u64, whole: u64) -> String {
    match part as f64 / whole as f64 {
        share if share > 0.0 && share < 0.00005 => "<0.01%".to_string(),
        share if share < 1.0 && share > 0.99995 => ">99.99%".to_string(),
        share => Unit::Share.show(share),
    }
}

/// `2%`, as a bound says it.
pub(in crate::data) fn percent(share: f64) -> String {
    Unit::Share.show(share)
}

/// A value to about five digits: `38.2`, `12,000`, `1.3e-5`.
pub(in crate::data) fn number(value: f64) -> String {
    match value.abs() {
        size if value.fract() == 0.0 && size < 1e15 => Unit::Count.show(value),
        size if (1e-2..1e15).contains(&size) => Unit::Score.show(value),
        _ => format!("{value:.4e}"),
    }
}

/// `= 0`, `<= 1%`
pub(in crate::data) fn bound(op: Op, amount: Amount) -> String {
    match amount {
        Amount::Count(count) => format!("{op} {}", number(count)),
        Amount::Share(share) => format!("{op} {}", percent(share)),
    }
}

/// Whether `part` of `whole` keeps to the bound.
pub(in crate::data) fn holds(part: u64, whole: u64, op: Op, amount: Amount) -> bool {
    match amount {
        Amount::Count(count) => op.holds(part as f64, count),
        Amount::Share(share) => op.holds(part as f64 / whole as f64, share),
    }
}
