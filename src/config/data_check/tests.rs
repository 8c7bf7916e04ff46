use super::*;

fn column(name: &str) -> String {
    name.to_string()
}

fn text(value: &str) -> Scalar {
    Scalar::Text(value.to_string())
}

#[test]
fn every_form_is_read() {
    let day = Duration::from_secs(86_400);
    let (a, age) = (column("a"), column("age"));
    for (line, rule) in [
        ("rows >= 10_000", DataRule::Rows { op: Op::GreaterOrEqual, bound: 10_000.0 }),
        ("rows==3", DataRule::Rows { op: Op::Equal, bound: 3.0 }),
        ("nulls(age) = 0", DataRule::Nulls { column: age.clone(), op: Op::Equal, bound: Amount::Count(0.0) }),
        (
            " nulls ( age ) <= 1.5 % ",
            DataRule::Nulls { column: age.clone(), op: Op::LessOrEqual, bound: Amount::Share(0.015) },
        ),
        (
            "age between -1.5 and 120",
            DataRule::Between { column: age.clone(), low: Scalar::Number(-1.5), high: Scalar::Number(120.0) },
        ),
        (
            "`sign up` between 2024-01-01 and '2024-12-31 10:00'",
            DataRule::Between { column: column("sign up"), low: text("2024-01-01"), high: text("2024-12-31 10:00") },
        ),
        (
            "country in [JP, 'Côte d''Ivoire', 3, \"x, y\"]",
            DataRule::In {
                column: column("country"),
                values: vec![text("JP"), text("Côte d'Ivoire"), Scalar::Number(3.0), text("x, y")],
            },
        ),
        (
            "email matches '^[^@]+@[^@]+$'",
            DataRule::Matches { column: column("email"), pattern: "^[^@]+@[^@]+$".to_string() },
        ),
        ("unique(a, `b c`)", DataRule::Unique { columns: vec![a.clone(), column("b c")] }),
        (
            "duplicates(a) <= 2%",
            DataRule::Duplicates { columns: vec![a.clone()], op: Op::LessOrEqual, bound: Amount::Share(0.02) },
        ),
        (
            "mean(age) between 30 and 5e1",
            DataRule::Aggregate {
                function: Aggregate::Mean,
                column: age.clone(),
                range: NumberRange::Between { low: 30.0, high: 50.0 },
            },
        ),
        (
            "stddev(age)>3",
            DataRule::Aggregate {
                function: Aggregate::Stddev,
                column: age,
                range: NumberRange::Compare { op: Op::Greater, bound: 3.0 },
            },
        ),
        ("freshness(a) < 2d", DataRule::Freshness { column: a.clone(), op: Op::Less, bound: day * 2 }),
        (
            "a references web-users.`the id`",
            DataRule::References { column: a, dataset: column("web-users"), other: column("the id") },
        ),
        (
            "min between 0 and 1",
            DataRule::Between { column: column("min"), low: Scalar::Number(0.0), high: Scalar::Number(1.0) },
        ),
    ] {
        assert_eq!(parse(line), Ok(rule), "{line}");
    }
}

#[test]
fn errors_point_and_suggest() {
    for (line, at, message) in [
        ("", 0, "expected a check: `rows`, a column, or a function such as `nulls(…)`, found the end"),
        ("rows >= ten", 8, "expected a number, found `ten`"),
        ("rows => 9", 5, "expected one of < <= > >= =, found `=>`; did you mean \">=\"?"),
        ("rows >= -1", 8, "expected a whole number of rows, found `-1`"),
        ("rows between 1 and 2", 5, "expected one of < <= > >= =, found `between`"),
        ("nuls(age) = 0", 0, "expected one of the functions, found `nuls`; did you mean \"nulls\"?"),
        ("nulls age = 0", 6, "expected `between`, `in`, `matches` or `references`, found `age`"),
        ("nulls = 0", 6, "expected `(` and a column, found `=`"),
        ("nulls(age) = 0.5", 13, "expected a whole number of rows, or a percentage such as 1%, found `0.5`"),
        ("nulls(age) <= 101%", 14, "expected a percentage from 0% to 100%, found `101`"),
        ("nulls(age", 9, "expected `)`, found the end"),
        (
            "age betwen 0 and 1",
            4,
            "expected `between`, `in`, `matches` or `references`, found `betwen`; did you mean \"between\"?",
        ),
        (
            "age >= 0",
            4,
            "expected `between`, `in`, `matches` or `references`; a bound on every value is `min(age) >= …` or \
             `max(age) <= …`, found `>`",
        ),
        (
            "age is not null",
            4,
            "expected `between`, `in`, `matches` or `references`, found `is`; did you mean \"nulls(age) = 0\"?",
        ),
        ("age between 120 and 0", 12, "expected the lower end first, found `120`"),
        ("day between 2024-02-01 and 2024-01-31", 12, "expected the lower end first, found `2024-02-01`"),
        ("age between 0 an 1", 14, "expected `and`, found `an`; did you mean \"and\"?"),
        ("age between 0 and x", 18, "expected a number, as the lower end is one, found `x`"),
        ("age between 0 and 1 or so", 20, "expected the end of the check, found `or`"),
        ("country in []", 12, "expected at least one value, found `]`"),
        ("country in [JP US]", 15, "expected `,` or `]`; quote values that contain spaces, found `US`"),
        ("country in ['JP]", 12, "expected the closing ', found the end"),
        ("email matches [a-z]", 14, "expected a regular expression in single quotes, found `[`"),
        ("unique(a, a)", 10, "expected each column once, found `a`"),
        ("unique()", 7, "expected a column; in backticks unless it is a plain identifier, found `)`"),
        ("freshness(a) > 2d", 13, "expected `<` or `<=`: an age has an upper bound, found `>`"),
        ("freshness(a) < 2 fortnights", 17, "expected a unit: s, min, h, d or w, found `fortnights`"),
        ("freshness(a) < 0d", 15, "expected a duration above zero, such as 2d, found `0d`"),
        ("a references users", 18, "expected `.`, found the end"),
        ("mean(a) between 3 and 1e999", 22, "expected a number, found `1e999`"),
        ("`` in [1]", 0, "expected the name of a column between the backticks, found ```"),
    ] {
        let error = parse(line).expect_err(line);
        assert_eq!((error.at, error.to_string().as_str()), (at, message), "{line}");
    }
}

#[test]
fn a_bad_pattern_is_pointed_into() {
    let error = parse("email matches 'ab(c'").unwrap_err();
    assert_eq!(error.at, "email matches 'ab".len());
    assert_eq!(error.found, "an error: unclosed group");
    assert_eq!(parse("é matches 'é[z-a]'").unwrap_err().at, "é matches 'é[".len());
}

#[test]
fn no_text_makes_the_parser_panic() {
    let seeds = ["rows >= 1_0", "a in ['é', 2]", "`ü b` matches '^x$'", "nulls(a) <= 1%", "a references b-c.d"];
    for seed in seeds {
        for end in seed.char_indices().map(|(at, _)| at) {
            let _ = parse(&seed[..end]);
            for junk in ["é", "(", "'", "`", "9e", "_", "\u{0}"] {
                let _ = parse(&format!("{}{junk}{}", &seed[..end], &seed[end..]));
            }
        }
    }
}

#[test]
fn numbers_that_floats_do_not_tell_apart_are_refused() {
    let told = "2^53";
    for line in [
        "id between 0 and 9223372036854775806",
        "id in [1, 9007199254740993]",
        "max(id) <= 9_007_199_254_740_993",
        "price in [12345678901234567.88]",
    ] {
        let error = parse(line).expect_err(line);
        assert!(error.to_string().contains(told), "{line}: {error}");
    }
    for line in ["id <= 9007199254740991", "x between 0.1234567890123456 and 1e19", "id in [00000000000000000000007]"] {
        let line = if line.starts_with("id <=") { line.replace("id", "max(id)") } else { line.to_string() };
        assert!(parse(&line).is_ok(), "{line}: {:?}", parse(&line));
    }
}
