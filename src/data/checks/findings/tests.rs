//! Each sentence, and each case in which nothing may pass.

use super::*;
use crate::config::{Aggregate, Amount, DataRule, Measured, NumberRange, Order};
use crate::model::{Baseline, Op};
use std::time::Duration;

use Outcome::{Errored, Failed, Passed};

#[track_caller]
fn says(finding: &Finding, outcome: Outcome, message: &str) {
    assert_eq!((finding.outcome, finding.message.as_str()), (outcome, message));
}

fn counted(checked: u64, failed: u64) -> Counted {
    Counted { checked, failed, examples: vec!["row 1: x = 1".to_string()] }
}

#[test]
fn mostly_bounds_the_failing_share_and_says_it() {
    let rule = DataRule::Length { column: "zip".into(), range: NumberRange::Compare { op: Op::Equal, bound: 5.0 } };
    let judge = |mostly, failed| each(&rule, mostly, Scope::all(120), counted(100, failed));
    says(&judge(None, 0), Passed, "all 100 values have a length = 5; 20 nulls left out");
    says(&judge(None, 1), Failed, "1 of 100 values (1%) do not have a length = 5; 20 nulls left out");
    let held = judge(Some(0.9), 10);
    says(&held, Passed, "10 of 100 values (10%) do not have a length = 5, at most 10% may; 20 nulls left out");
    assert_eq!(held.examples, Vec::<String>::new());
    assert_eq!((judge(Some(0.9), 11).outcome, judge(Some(1.0), 1).outcome), (Failed, Failed));
    assert_eq!(each(&rule, Some(0.999), Scope::all(1000), counted(1000, 1)).outcome, Passed);
    assert_eq!(each(&rule, Some(0.999), Scope::all(1000), counted(1000, 2)).outcome, Failed);
    assert_eq!(judge(Some(0.5), 100).examples.len(), 1);
}

#[test]
fn conditions_and_queries() {
    says(
        &condition(None, Scope::all(4), counted(3, 0)),
        Passed,
        "it holds in all 3 rows; 1 of 4 rows (25%) where it is null left out",
    );
    says(&condition(None, Scope::all(4), counted(4, 1)), Failed, "it does not hold in 1 of 4 rows (25%)");
    says(
        &condition(Some(0.1), Scope::all(4), counted(0, 0)),
        Errored,
        "it is null in every row, so there is nothing to check",
    );
    says(&returned(0, None, vec![]), Passed, "no row is returned");
    says(&returned(2, None, vec![]), Failed, "2 rows are returned");
    says(&returned(0, Some(0), vec![]), Errored, "the data set has no rows, so there is nothing to check");
}

#[test]
fn a_filter_is_told_and_its_numbers_are_no_measurements() {
    let scope = Scope { rows: 40, of: Some(100) };
    let found = nulls(("age", Op::Equal, Amount::Count(0.0)), scope, (1, 1), vec![]);
    says(
        &found,
        Failed,
        "2 of 40 rows (5%) are without age, 1 of them NaN, expected = 0; 40 of 100 rows (40%) fit `where`",
    );
    assert_eq!(found.measurement, None);
    let none = Scope { rows: 0, of: Some(100) };
    says(&unique(none, Alike::default()), Errored, "no row of 100 fits `where`, so there is nothing to check");
    says(&row_count(none, Op::LessOrEqual, 5.0), Errored, "no row fits `where`; nothing but `rows = 0` accepts that");
    says(&row_count(none, Op::Equal, 0.0), Passed, "0 rows, expected = 0; 0 of 100 rows (0%) fit `where`");
    says(
        &row_count(Scope { rows: 0, of: Some(0) }, Op::Equal, 0.0),
        Errored,
        "the data set has no rows, so there is nothing to check",
    );
}

#[test]
fn the_rarest_value_needs_another_beside_it() {
    let rarest = |values, count| Some(Rarest { value: Some("\"b\"".into()), count, values });
    let rule = ("label", Op::GreaterOrEqual, 0.1);
    let good = balance(rule, Scope::all(12), 10, rarest(2, 1));
    says(&good, Passed, "the rarest of 2 values is \"b\": 1 of 10 values (10%), expected >= 10%; 2 nulls left out");
    assert_eq!(good.measurement.unwrap().id, "balance(label)");
    says(
        &balance(rule, Scope::all(10), 10, rarest(1, 10)),
        Failed,
        "every label is \"b\": with one value alone, nothing is in balance",
    );
    says(&balance(rule, Scope::all(10), 0, None), Errored, "every label is null, so nothing is rarest");
}

#[test]
fn order_needs_two_values() {
    let judge = |n, failed| ordered(Order::StrictlyIncreasing, Scope::all(5), n, failed, vec![]);
    says(&judge(5, 0), Passed, "all 5 values are strictly increasing");
    says(
        &judge(5, 1),
        Failed,
        "1 of 4 values (25%) do not keep the order to the one before, expected strictly increasing",
    );
    says(&judge(1, 0), Errored, "one value has no order; 4 nulls left out");
    says(&judge(0, 0), Errored, "every value is null, so there is nothing to check");
}

#[test]
fn rows_shared_with_another_data_set() {
    let columns = ["user".to_string(), "day".to_string()];
    let rule = (&columns[..], "test", Op::Equal, Amount::Count(0.0));
    let judge = |seen, alike| shared(rule, Scope::all(10), Alike { seen, alike, examples: vec![] });
    says(&judge(10, 0), Passed, "none of 10 rows is in test, expected = 0");
    says(
        &judge(8, 2),
        Failed,
        "2 of 8 rows (25%) are also in test, expected = 0; 2 of 10 rows (20%) with a null left out",
    );
    assert_eq!(judge(8, 2).measurement.unwrap().id, "shared(user, day) with test");
    assert_eq!(judge(0, 0).outcome, Errored);
}

fn rows_measured(value: f64) -> Baseline {
    let measurements = vec![Measurement::new("data.t.rows", value, Unit::Count, "")];
    Baseline::Known { source: "production".into(), measurements }
}

#[test]
fn a_baseline_is_compared_with_or_the_check_is_errored() {
    let judge = |rows: u64, known: &Baseline| {
        let summary = Summary { n: rows, nan: 0, value: rows as f64, private: false };
        baseline(("t", &Measured::Rows, 0.2), Scope::all(rows), summary, known)
    };
    says(
        &judge(120, &rows_measured(100.0)),
        Passed,
        "120 rows, 20% above the baseline's 100 (production), expected within 20%",
    );
    says(
        &judge(79, &rows_measured(100.0)),
        Failed,
        "79 rows, 21% below the baseline's 100 (production), expected within 20%",
    );
    says(&judge(100, &rows_measured(100.0)), Passed, "100 rows, as in the baseline (production), expected within 20%");
    for (known, part) in [
        (rows_measured(0.0), "of which there is no percentage"),
        (rows_measured(f64::NAN), "of which there is no percentage"),
        (Baseline::NotConfigured, "image in production"),
        (Baseline::Missing { source: "p".into(), reason: "no image".into(), first_run_accepted: true }, "promote"),
        (Baseline::Faulty { source: "p".into(), reason: "torn".into() }, "cannot be read (p: torn)"),
        (Baseline::Known { source: "p".into(), measurements: vec![] }, "does not hold data.t.rows"),
    ] {
        let found = judge(100, &known);
        assert!(found.outcome == Errored && found.message.contains(part), "{found:?}");
    }
    assert_eq!(judge(0, &rows_measured(100.0)).outcome, Errored);
    let of = Measured::Aggregate { function: Aggregate::Quantile(0.5), column: "x".into() };
    let summary = Summary { n: 3, nan: 0, value: 2.0, private: false };
    let first = baseline(("t", &of, 0.2), Scope::all(3), summary, &Baseline::NotConfigured);
    assert_eq!((first.outcome, first.measurement.unwrap().id.as_str()), (Errored, "median(x)"));
    let secret = baseline(("t", &of, 0.2), Scope::all(3), Summary { private: true, ..summary }, &rows_measured(1.0));
    assert!(secret.outcome == Errored && secret.message.contains("private column") && secret.measurement.is_none());
}

#[test]
fn values_of_private_columns_are_not_told() {
    let judge = |function, n| {
        let summary = Summary { n, nan: 0, value: 77.0, private: true };
        aggregate((function, "pay", NumberRange::Compare { op: Op::Less, bound: 5.0 }), Scope::all(9), summary)
    };
    for (function, n) in [(Aggregate::Max, 9), (Aggregate::Min, 9), (Aggregate::Quantile(0.9), 9), (Aggregate::Mean, 1)]
    {
        let found = judge(function, n);
        assert_eq!((found.outcome, found.value, &found.measurement), (Failed, None, &None));
        assert!(found.message.contains(PRIVATE) && !found.message.contains("77"), "{}", found.message);
    }
    assert_eq!(judge(Aggregate::Mean, 9).value, Some(77.0));
    let rule = ("seen", Op::Less, Duration::from_secs(10));
    let fresh = freshness(rule, Scope::all(1), (1, Some(5_000_000)), 10_000_000, true);
    says(&fresh, Passed, "the newest seen is ‹private›, expected < 10 s");
    assert_eq!((fresh.value, fresh.measurement), (None, None));
}
