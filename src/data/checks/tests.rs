//! Each check on small tables, with the cases in which it must not pass.

mod random;

use super::*;
use crate::config::{ColumnType, DataRule, data_check};
use crate::model::{Outcome, Unit};
use arrow::array::*;
use arrow::datatypes::{DataType, Int32Type, TimeUnit};
use std::fs;
use std::sync::Arc;

/// 2024-06-01T00:00:00Z
const NOW: i64 = 1_717_200_000_000_000;

struct Folder(tempfile::TempDir);

impl Folder {
    fn csv(text: &str) -> Folder {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("t.csv"), text).unwrap();
        Folder(dir)
    }

    fn parquet(columns: Vec<(&str, ArrayRef)>) -> Folder {
        let dir = tempfile::tempdir().unwrap();
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
        let file = fs::File::create(dir.path().join("t.parquet")).unwrap();
        let mut writer = ::parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        Folder(dir)
    }

    fn and(self, name: &str, text: &str) -> Folder {
        fs::write(self.0.path().join(name), text).unwrap();
        self
    }

    fn run(&self, checks: &[DataCheck]) -> Findings {
        let table = Table::open(self.0.path(), "t.*", None).unwrap();
        let open = |name: &str| Table::open(self.0.path(), &format!("{name}.csv"), None);
        run(&request(checks), &table, &surroundings(&open))
    }

    fn one(&self, line: &str) -> Check {
        let rule = match line.strip_prefix("sql ") {
            Some(filter) => DataRule::Sql { query: format!("select * from t where {filter}") },
            None => data_check::parse(line).expect(line),
        };
        let mut findings = self.run(&[check(line, rule)]);
        assert_eq!(findings.fault, None);
        findings.checks.remove(0)
    }

    #[track_caller]
    fn expect(&self, line: &str, outcome: Outcome, message: &str) {
        let check = self.one(line);
        assert_eq!((check.outcome, check.message.as_str()), (outcome, message), "{line}");
    }
}

fn request(checks: &[DataCheck]) -> Request<'_> {
    Request { name: "t", source: "t", private: &[], memory: Dataset::MEMORY, checks }
}

fn surroundings<'a>(open: &'a dyn Fn(&str) -> Result<Table, Fault>) -> Surroundings<'a> {
    Surroundings { now: NOW, open, baseline: &Baseline::NotConfigured }
}

fn check(text: &str, rule: DataRule) -> DataCheck {
    DataCheck::new(text, rule)
}

use Outcome::{Errored, Failed, Passed};

const PEOPLE: &str = "\
id,age,country,email,signup,active,score
1,30,JP,a@x,2024-05-30,true,0.5
2,,US,b@x,2024-05-31,false,NaN
3,130,FR,,2024-01-01,true,1.5
3,-1,JP,bad,,true,
";

#[test]
fn rows_and_nulls() {
    let t = Folder::csv(PEOPLE);
    t.expect("rows >= 4", Passed, "4 rows, expected >= 4");
    t.expect("rows > 10_000", Failed, "4 rows, expected > 10,000");
    t.expect("nulls(id) = 0", Passed, "none of 4 rows is without id, expected = 0");
    t.expect("nulls(age) = 0", Failed, "1 of 4 rows (25%) are without age, expected = 0");
    t.expect("nulls(age) <= 25%", Passed, "1 of 4 rows (25%) are without age, expected <= 25%");
    t.expect("nulls(score) <= 1", Failed, "2 of 4 rows (50%) are without score, 1 of them NaN, expected <= 1");
    assert_eq!(t.one("nulls(score) = 0").examples, ["row 2: score = NaN", "row 4: score = null"]);
    t.expect("nulls(agee) = 0", Errored, "no column \"agee\"; did you mean \"age\"?");
}

#[test]
fn values_of_a_column() {
    let t = Folder::csv(PEOPLE);
    t.expect("id between 1 and 3", Passed, "all 4 values are inside");
    t.expect("age between 0 and 120", Failed, "2 of 3 values (66.67%) are outside; 1 null left out");
    assert_eq!(t.one("age between 0 and 120").examples, ["row 3: age = 130", "row 4: age = -1"]);
    t.expect("score between 0 and 2", Failed, "1 of 3 values (33.33%) are outside; 1 null left out");
    t.expect("signup between 2024-01-01 and 2024-05-31", Passed, "all 3 values are inside; 1 null left out");
    t.expect("signup between 2024-05-31 and 2024-12-31", Failed, "2 of 3 values (66.67%) are outside; 1 null left out");
    t.expect(
        "signup between 2024-02-30 and 2024-12-31",
        Errored,
        "\"2024-02-30\" is no date or time such as 2024-12-31 or 2024-12-31T23:59:59Z",
    );
    t.expect("country between A and K", Failed, "1 of 4 values (25%) are outside");
    t.expect(
        "country between 1 and 2",
        Errored,
        "country is text, but the check needs a number; \"JP\" at t.csv line 2 made it so",
    );
    t.expect("age between a and b", Errored, "age is int, but the check needs a date, timestamp or text");
    t.expect("country in [JP, US]", Failed, "1 of 4 values (25%) are not in the list");
    assert_eq!(t.one("country in [JP, US]").examples, ["row 3: country = \"FR\""]);
    t.expect("id in [1, 2, 3, 4.5]", Passed, "all 4 values are in the list");
    t.expect("id in ['1', '2', '3']", Passed, "all 4 values are in the list");
    t.expect("score in [0.5, 1.5]", Failed, "1 of 3 values (33.33%) are not in the list; 1 null left out");
    t.expect("active in [true]", Failed, "1 of 4 values (25%) are not in the list");
    t.expect("active in [yes]", Errored, "\"yes\" is neither true nor false");
    t.expect("signup in [2024-05-30, 2024-05-31, 2024-01-01]", Passed, "all 3 values are in the list; 1 null left out");
    t.expect("country in [1, 2]", Errored, "country is text, but not all values in the list are: quote each of them");
    t.expect("email matches '^[^@]+@[^@]+$'", Failed, "1 of 3 values (33.33%) do not match; 1 null left out");
    t.expect("id matches '^[0-9]$'", Passed, "all 4 values match");
}

#[test]
fn csv_text_keeps_its_leading_zeros_where_text_is_asked_for() {
    let t = Folder::csv("zip,n\n01234,1\n99999,2\n");
    t.expect("zip matches '^[0-9]{5}$'", Passed, "all 2 values match");
    t.expect("zip in ['01234', '99999']", Passed, "all 2 values are in the list");
    t.expect("zip between 1000 and 99999", Passed, "all 2 values are inside");
}

#[test]
fn unique_and_duplicates() {
    let t = Folder::csv("a,b,c,d\n1,x,,\n1,y,,\n2,x,5,\n1,x,5,\n");
    t.expect("unique(a)", Failed, "2 of 4 rows (50%) repeat an earlier row");
    assert_eq!(t.one("unique(a, b)").examples, ["row 4: a = 1, b = \"x\""]);
    t.expect("unique(c)", Failed, "1 of 2 rows (50%) repeat an earlier row; 2 of 4 rows (50%) with a null left out");
    t.expect("unique(d)", Errored, "every row has a null there, so there is nothing to check");
    t.expect("unique(a, b, c)", Passed, "all 2 rows are different; 2 of 4 rows (50%) with a null left out");
    t.expect("duplicates(c) = 0", Failed, "2 of 4 rows (50%) repeat an earlier row, expected = 0");
    t.expect("duplicates(a, b) <= 25%", Passed, "1 of 4 rows (25%) repeat an earlier row, expected <= 25%");
    t.expect("duplicates(a, z) = 0", Errored, "no column \"z\"; columns: a, b, c, d");
}

#[test]
fn aggregates() {
    let t = Folder::csv("x,y,z,t\n1,0.5,,a\n2,NaN,,b\n6,1,,c\n");
    t.expect("mean(x) between 2 and 4", Passed, "mean(x) is 3 over 3 values, expected between 2 and 4");
    t.expect("mean(x) > 3", Failed, "mean(x) is 3 over 3 values, expected > 3");
    t.expect("sum(x) = 9", Passed, "sum(x) is 9 over 3 values, expected = 9");
    t.expect("min(x) >= 1", Passed, "min(x) is 1 over 3 values, expected >= 1");
    t.expect("max(x) < 6", Failed, "max(x) is 6 over 3 values, expected < 6");
    // statistics.stdev([1, 2, 6]) of Python is 2.6457513110645907.
    let stddev = t.one("stddev(x) < 3");
    assert_eq!(stddev.outcome, Passed);
    assert!((stddev.value.unwrap() - 2.645_751_311_064_590_7).abs() < 1e-15);
    t.expect("mean(y) < 1", Errored, "mean(y) is not a number: 1 of 3 values (33.33%) are NaN");
    t.expect("max(y) < 9", Errored, "max(y) is not a number: 1 of 3 values (33.33%) are NaN");
    t.expect("mean(z) < 1", Errored, "every z is null, so there is no mean");
    t.expect("mean(t) < 1", Errored, "t is text, but the check needs a number; \"a\" at t.csv line 2 made it so");
    let one = Folder::csv("x,y\n1,inf\n");
    one.expect("stddev(x) < 1", Errored, "one value has no standard deviation");
    one.expect("mean(y) > 1", Errored, "mean(y) is not finite over 1 values");
    Folder::csv("b\ntrue\nfalse\n").expect("mean(b) = 0.5", Passed, "mean(b) is 0.5 over 2 values, expected = 0.5");
}

#[test]
fn sums_do_not_lose_what_is_small() {
    let values: Vec<f64> = std::iter::once(1e16).chain(std::iter::repeat_n(1.0, 1000)).chain([-1e16]).collect();
    let t = Folder::parquet(vec![("x", Arc::new(Float64Array::from(values)))]);
    assert_eq!(t.one("sum(x) = 1000").value, Some(1000.0));
}

#[test]
fn freshness() {
    let t = Folder::csv("a,b,c,d\n2024-05-30,2024-05-31T23:00:00Z,2999-01-01,\n2024-01-01,,2020-01-01,\n");
    t.expect("freshness(a) < 2d", Failed, "the newest a is 2024-05-30T00:00:00Z, 2 d old, expected < 2 d");
    t.expect("freshness(a) <= 2d", Passed, "the newest a is 2024-05-30T00:00:00Z, 2 d old, expected <= 2 d");
    t.expect("freshness(b) < 2h", Passed, "the newest b is 2024-05-31T23:00:00Z, 60 min old, expected < 2 h");
    t.expect(
        "freshness(c) < 2d",
        Errored,
        "the newest c is 2999-01-01T00:00:00Z, 355960 d in the future, so freshness means nothing",
    );
    t.expect("freshness(d) < 2d", Errored, "every d is null, so there is no newest one");
    let text = Folder::csv("a\nyesterday\n");
    text.expect(
        "freshness(a) < 2d",
        Errored,
        "a is text, but the check needs a date or timestamp; \"yesterday\" at t.csv line 2 made it so",
    );
}

#[test]
fn references() {
    let t = Folder::csv("user_id,name,none\n1,x,\n7,y,\n,z,\n")
        .and("users.csv", "id,empty\n1,\n2,\n")
        .and("bad.csv", "id\n1,2\n");
    t.expect("user_id references users.id", Failed, "1 of 2 values (50%) are not in users.id; 1 null left out");
    assert_eq!(t.one("user_id references users.id").examples, ["row 2: user_id = 7"]);
    t.expect("user_id references t.user_id", Passed, "all 2 values are in t.user_id; 1 null left out");
    t.expect("name references users.id", Errored, "name is text, but users.id is int: they cannot be compared");
    t.expect("user_id references users.ids", Errored, "users has no column \"ids\"; did you mean \"id\"?");
    t.expect(
        "user_id references users.empty",
        Errored,
        "user_id is int, but users.empty is without any value: they cannot be compared",
    );
    t.expect("none references users.id", Errored, "every value is null, so there is nothing to check");
    t.expect(
        "user_id references nobody.id",
        Errored,
        "nobody: read nobody.csv: no such file (paths are relative to the folder of mlops.yaml)",
    );
    assert!(t.one("user_id references bad.id").message.contains("line 2: 2 fields"));
}

/// The counts are those of DuckDB 2.0 for the same filters, with the present put in for `now()`.
#[test]
fn sql_filters_by_three_valued_logic() {
    let t = Folder::csv(PEOPLE);
    for (filter, failing) in [
        ("age > 120", 1),
        ("not (age > 120)", 2),
        ("age is null or age < 0", 2),
        ("age = null", 0),
        ("age <> 30 and country = 'JP'", 1),
        ("country in ('JP', 'FR') and id % 2 = 1", 3),
        ("country not in ('JP', null)", 0),
        ("country in ('JP', null)", 2),
        ("signup > now()", 0),
        ("signup > now() - interval '2 days'", 1),
        ("signup >= now() - interval '2 days'", 2),
        ("signup < '2024-02-01'", 1),
        ("now() - signup > interval '100 days'", 1),
        ("email like '%@x'", 2),
        ("email not like '_@_'", 1),
        ("country ilike 'jp'", 2),
        ("active", 3),
        ("active = false", 1),
        ("score * 2 + id > 3", 2),
        ("id / 2 = 1.5", 2),
        ("age between 0 and 120", 1),
        ("age not between 0 and 120", 2),
        ("-age > 0", 1),
        ("1 = 1", 4),
        ("null", 0),
        ("true and null", 0),
        ("score > 1000", 1),
    ] {
        let check = t.one(&format!("sql {filter}"));
        assert_eq!(check.value, Some(f64::from(failing)), "{filter}: {}", check.message);
        assert_eq!(check.outcome, if failing == 0 { Passed } else { Failed });
    }
    assert_eq!(t.one("sql age > 120").examples, ["row 3: age = 130"]);
    assert_eq!(t.one("sql age > 999").message, "none of 4 rows is returned");
    assert_eq!(t.one("sql age > 120").message, "1 of 4 rows (25%) are returned");
    for (filter, reason) in [
        ("country > 3", "text cannot be compared with a number"),
        ("signup > 'soon'", "\"soon\" is no date or time"),
        ("age", "a condition must be true or false, but one part is a number"),
        ("id / 0 = 1", "a divisor is zero; leave such rows out by a condition with `and` before it"),
        ("id % 0 = 1", "a divisor is zero; leave such rows out by a condition with `and` before it"),
        ("country + 1 = 2", "text cannot be compared with a number"),
        ("active + active = 2", "arithmetic needs numbers, not true or false and true or false"),
        ("id like 'x'", "like needs text, not a number"),
        ("agee > 1", "no column \"agee\"; did you mean \"age\"?"),
    ] {
        t.expect(&format!("sql {filter}"), Errored, reason);
    }
    let overflow = t.one("sql id * 9223372036854775807 > 0");
    assert!(
        overflow.outcome == Errored && overflow.message.starts_with("a number is too large"),
        "{}",
        overflow.message
    );
    let refused = t.run(&[check("x", DataRule::Sql { query: "select * from t limit 3".into() })]);
    assert_eq!(refused.checks[0].outcome, Errored);
}

#[test]
fn sql_knows_one_zero_one_nan_and_an_order_of_conditions() {
    let floats = Float64Array::from(vec![Some(-0.0), Some(f64::NAN), Some(-f64::NAN), None, Some(4.0)]);
    let ints = Int64Array::from(vec![Some(0), Some(0), Some(1), None, Some(2)]);
    let t = Folder::parquet(vec![("x", Arc::new(floats)), ("n", Arc::new(ints))]);
    let failing = |filter: &str| t.one(&format!("sql {filter}")).value;
    assert_eq!(failing("x = 0"), Some(1.0));
    assert_eq!(failing("-x = 0"), Some(1.0));
    assert_eq!(failing("x > 1e300"), Some(2.0));
    assert_eq!(failing("x = x"), Some(4.0));
    assert_eq!(failing("n <> 0 and x / n = 2"), Some(1.0));
    assert_eq!(failing("n is not null and n > 0 and (4 % n = 0 or 1 / n < 1)"), Some(2.0));
    assert_eq!(t.one("sql x / n = 2 and n <> 0").outcome, Errored);
}

#[test]
fn columns_by_family() {
    use ColumnType::*;
    let columns = |wanted: &[(&str, ColumnType)]| {
        check(
            "columns",
            DataRule::Columns {
                wanted: wanted.iter().map(|(n, t)| (n.to_string(), *t)).collect(),
                exact: false,
                ordered: false,
            },
        )
    };
    let t = Folder::csv(PEOPLE);
    let good = [("id", Int), ("id", Float), ("id", String), ("score", Number), ("active", Bool), ("signup", Date)];
    let good = t.run(&[columns(&good), columns(&[("signup", Timestamp), ("country", String)])]);
    assert!(good.checks.iter().all(|c| c.outcome == Passed), "{good:?}");
    let bad = t.run(&[columns(&[("score", Int), ("country", Date), ("nope", Int), ("id", Int)])]).checks.remove(0);
    assert_eq!((bad.outcome, bad.message.as_str()), (Failed, "3 of 4 columns are not as they should be"));
    assert_eq!(bad.examples[0], "score is float, expected int");
    assert_eq!(bad.examples[1], "country is text, by \"JP\" at t.csv line 2, expected date");
    let t = Folder::parquet(vec![("id", Arc::new(Int64Array::from(vec![1])))]);
    assert_eq!(t.run(&[columns(&[("id", Float)])]).checks[0].outcome, Failed);
}

#[test]
fn a_table_without_rows_passes_nothing() {
    let lines = [
        "nulls(a) = 0",
        "a between 0 and 1",
        "a in [1]",
        "a matches 'x'",
        "unique(a)",
        "duplicates(a) = 0",
        "mean(a) < 1",
        "freshness(a) < 1d",
        "a references t.a",
        "sql a = 1",
    ];
    let empty: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
    for t in [Folder::csv("a\n"), Folder::parquet(vec![("a", empty)])] {
        for line in lines {
            assert_eq!(t.one(line).outcome, Errored, "{line}");
        }
        t.expect("rows > 0", Failed, "0 rows, expected > 0");
        t.expect("rows = 0", Passed, "0 rows, expected = 0");
        t.expect("rows <= 9", Errored, "the data set has no rows; nothing but `rows = 0` accepts that");
        t.expect("rows >= 0", Errored, "the data set has no rows; nothing but `rows = 0` accepts that");
    }
}

#[test]
fn parquet_types_are_judged_as_what_they_mean() {
    let dictionary: DictionaryArray<Int32Type> = vec!["JP", "US", "JP"].into_iter().collect();
    let decimal = Decimal128Array::from(vec![150, 200, 150]).with_precision_and_scale(10, 2).unwrap();
    let t = Folder::parquet(vec![
        ("dict", Arc::new(dictionary)),
        ("large", Arc::new(LargeStringArray::from(vec!["a", "b", "c"]))),
        ("view", Arc::new(StringViewArray::from(vec!["a", "b", "c"]))),
        ("small", Arc::new(Int8Array::from(vec![1, 2, 3]))),
        ("unsigned", Arc::new(UInt64Array::from(vec![u64::MAX, u64::MAX - 1, 0]))),
        ("single", Arc::new(Float32Array::from(vec![0.5, 1.5, 2.5]))),
        ("price", Arc::new(decimal)),
        ("day", Arc::new(Date32Array::from(vec![19_873, 19_874, 19_800]))),
        ("nanos", Arc::new(TimestampNanosecondArray::from(vec![NOW * 1000, NOW * 1000 + 1, 0]))),
        ("tokyo", Arc::new(TimestampMillisecondArray::from(vec![NOW / 1000; 3]).with_timezone("+09:00"))),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(true)]))),
        ("bytes", Arc::new(BinaryArray::from(vec![b"a".as_ref(), b"b", b"a"]))),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)]), None, Some(vec![])])),
        ),
        ("none", new_null_array(&DataType::Null, 3)),
    ]);
    for line in [
        "dict in [JP, US]",
        "large matches '^[abc]$'",
        "view in [a, b, c]",
        "unique(large, view)",
        "small between 1 and 3",
        "unique(unsigned)",
        "single in [0.5, 1.5, 2.5]",
        "max(single) = 2.5",
        "price between 1.5 and 2",
        "duplicates(price) = 1",
        "day between 2024-01-01 and 2024-06-02",
        "unique(nanos)",
        "freshness(tokyo) < 1s",
        "tokyo between 2024-06-01T09:00:00+09:00 and 2024-06-01T00:00:00Z",
        "flag in [true]",
        "duplicates(bytes) = 1",
        "nulls(list) = 1",
        "sql price > 2",
        "sql dict = 'FR'",
        "sql unsigned < 0",
        "nulls(none) = 3",
        "small references t2.id",
        "sql tokyo > now()",
    ] {
        let t2 = t.0.path().join("t2.csv");
        fs::write(t2, "id\n1\n2\n3\n").unwrap();
        let table = Table::open(t.0.path(), "t.parquet", None).unwrap();
        let rule = match line.strip_prefix("sql ") {
            Some(filter) => DataRule::Sql { query: format!("select * from t where {filter}") },
            None => data_check::parse(line).expect(line),
        };
        let open = |name: &str| Table::open(t.0.path(), &format!("{name}.csv"), None);
        let found = run(&request(&[check(line, rule)]), &table, &surroundings(&open));
        assert_eq!(found.checks[0].outcome, Passed, "{line}: {}", found.checks[0].message);
        fs::remove_file(t.0.path().join("t2.csv")).unwrap();
    }
    t.expect("unique(list)", Errored, "list is List(Int32), whose values cannot be told apart");
    t.expect("mean(none) > 1", Errored, "every none is null, so there is no mean");
    t.expect("none between 0 and 1", Errored, "every value is null, so there is nothing to check");
    t.expect("price in [a, b]", Errored, "price is decimal, but the values in the list are not");
    t.expect("bytes matches 'a'", Errored, "bytes is Binary, but the check needs text");
    t.expect("mean(dict) > 1", Errored, "dict is text, but the check needs a number");
    assert_eq!(
        DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        *Table::open(t.0.path(), "t.parquet", None).unwrap().schema().field_with_name("tokyo").unwrap().data_type()
    );
}

#[test]
fn a_column_may_be_read_in_two_ways_at_once() {
    let csv = Folder::csv("a\n01\n2\n");
    let parquet = Folder::parquet(vec![("a", Arc::new(StringArray::from(vec!["01", "2"])))]);
    let lines = ["a matches '^[0-9]+$'", "a in ['01', '2']", "unique(a)", "nulls(a) = 0", "max(a) = 2"];
    let checks: Vec<DataCheck> = lines.iter().map(|l| check(l, data_check::parse(l).unwrap())).collect();
    assert!(csv.run(&checks).checks.iter().all(|c| c.outcome == Passed), "{:?}", csv.run(&checks));
    assert!(parquet.run(&checks[..4]).checks.iter().all(|c| c.outcome == Passed), "{:?}", parquet.run(&checks));
}

#[test]
fn one_scan_serves_all_checks_and_names_files() {
    let dir = Folder::csv("a\n1\n");
    fs::write(dir.0.path().join("t.2.csv"), "a\n1\n9\n").unwrap();
    let lines = ["unique(a)", "a between 0 and 5", "unique(a)", "rows = 3"];
    let checks: Vec<DataCheck> = lines.iter().map(|l| check(l, data_check::parse(l).unwrap())).collect();
    let findings = dir.run(&checks);
    assert_eq!(findings.rows, 3);
    let ids: Vec<&str> = findings.checks.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(ids, ["data.t.unique(a)", "data.t.a between 0 and 5", "data.t.unique(a) #2", "data.t.rows = 3"]);
    assert_eq!(findings.checks[0].examples, ["t.csv row 1: a = 1"]);
    assert_eq!(findings.checks[1].examples, ["t.2.csv row 2: a = 9"]);
}

#[test]
fn measurements_carry_unit_and_sample_size() {
    let t = Folder::csv(PEOPLE);
    let lines = ["nulls(age) = 0", "mean(id) > 0", "freshness(signup) < 9d", "duplicates(id) = 0", "nulls(age) <= 50%"];
    let checks: Vec<DataCheck> = lines.iter().map(|l| check(l, data_check::parse(l).unwrap())).collect();
    let found: Vec<_> =
        t.run(&checks).measurements.into_iter().map(|m| (m.id, m.value, m.unit, m.n.unwrap())).collect();
    let expected = [
        ("data.t.nulls(age)", 0.25, Unit::Share, 4),
        ("data.t.mean(id)", 2.25, Unit::Score, 4),
        ("data.t.freshness(signup)", 86_400.0, Unit::Seconds, 3),
        ("data.t.duplicates(id)", 1.0, Unit::Count, 4),
    ];
    assert_eq!(found, expected.map(|(id, value, unit, n)| (id.to_string(), value, unit, n)));
}

#[test]
fn a_read_that_breaks_off_errors_every_check() {
    let t = Folder::csv("a,b\n1,2\n");
    let table = Table::open(t.0.path(), "t.csv", None).unwrap();
    fs::write(t.0.path().join("t.csv"), "a,b\n1,2\nx,2\n").unwrap();
    let open = |name: &str| Table::open(t.0.path(), name, None);
    let checks = [
        check("rows > 0", data_check::parse("rows > 0").unwrap()),
        check("unique(a)", data_check::parse("unique(a)").unwrap()),
    ];
    let findings = run(&request(&checks), &table, &surroundings(&open));
    assert!(findings.fault.unwrap().why.starts_with("it changed while it was read: first 8 bytes, now 12"));
    assert!(findings.checks.iter().all(|c| c.outcome == Errored));
}

/// As texts, what is no date can lie between two dates.
#[test]
fn dates_are_never_compared_as_texts() {
    let folder = Folder::csv("day\n2024-05-01\n2024-02-30\n");
    folder.expect(
        "day between 2024-01-01 and 2024-12-31",
        Outcome::Errored,
        "day is text, but the check needs a date or timestamp; \"2024-02-30\" at t.csv line 3 made it so",
    );
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["2024-05-01 garbage", "2024-05-01"]));
    let found = Folder::parquet(vec![("day", texts)]).one("day between 2024-01-01 and 2024-12-31");
    assert_eq!(found.outcome, Outcome::Errored, "{}", found.message);
    assert_eq!(Folder::csv("word\nb\n").one("word between a and c").outcome, Outcome::Passed);
}

#[test]
fn a_float_of_32_bits_equals_the_number_it_was_written_as() {
    let floats: ArrayRef = Arc::new(Float32Array::from(vec![0.1, 0.2]));
    let folder = Folder::parquet(vec![("f", floats)]);
    for line in ["f between 0.1 and 0.2", "f in [0.1, 0.2]"] {
        assert_eq!(folder.one(line).outcome, Outcome::Passed, "{line}");
    }
    for line in ["f between 0.1 and 0.19999", "f in [0.1, 0.3]"] {
        assert_eq!(folder.one(line).outcome, Outcome::Failed, "{line}");
    }
}
