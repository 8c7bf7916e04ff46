//! The old corpus of the language, and what is new in it.

use super::*;
use crate::model::Unit;
use crate::model::{Arithmetic, Expr, Subject};

fn quality(text: &str) -> Gate {
    parse(text, Some(StageKind::Quality)).unwrap_or_else(|e| panic!("{text}: {e:?}"))
}

#[test]
fn reads_the_language() {
    let gate = quality("f1 within 3% of baseline");
    assert_eq!(gate.subject, Subject::Overall { id: "quality.f1".into() });
    assert_eq!(gate.rule, Rule::Within { tolerance: Offset::Relative(0.03) });
    let gate = quality("warn: roc_auc >= baseline - 0.5pp");
    assert_eq!((gate.severity, gate.text.as_str()), (Severity::Warn, "roc_auc >= baseline - 0.5pp"));
    assert_eq!(
        gate.rule,
        Rule::Compare {
            op: Op::GreaterOrEqual,
            bound: Bound::Baseline(Offset::Absolute(Quantity { value: -0.005, unit: Some(Unit::Share) }))
        }
    );
    let gate = quality("gap(recall[region]) <= 5pp");
    assert_eq!(gate.subject, Subject::Gap { id: "quality.recall".into(), column: "region".into() });
    let gate = quality("f1[segment=b2b] >= 0.70");
    assert_eq!(
        gate.subject,
        Subject::OneSlice { id: "quality.f1".into(), column: "segment".into(), value: "b2b".into() }
    );
    let gate = parse("data.live.drift(sign up) <= 0.1", None).unwrap();
    assert_eq!(gate.subject, Subject::Overall { id: "data.live.drift(sign up)".into() });
    assert!(parse("data.live.drift(age <= 0.1", None).is_err());
    let gate = quality("log_loss between 0.1 and 0.2");
    assert!(matches!(gate.rule, Rule::Between { .. }));
    let gate = parse("lead_time<1d", None).unwrap();
    assert_eq!(gate.subject.id(), "promote.lead_time");
    let gate = parse("latency.p95 < 200ms", None).unwrap();
    assert_eq!(
        gate.rule,
        Rule::Compare { op: Op::Less, bound: Bound::Absolute(Quantity { value: 0.2, unit: Some(Unit::Seconds) }) }
    );
}

#[test]
fn points_at_the_character() {
    let cases = [
        ("", 0),
        ("f1", 2),
        ("f1 >", 4),
        ("f1 >= ", 6),
        ("f1 => 0.8", 3),
        ("f1 >= 0.8 or x", 10),
        ("f1 within 3%", 12),
        ("f1[seg >= 1", 2),
        ("f1 >= 3 parsecs", 8),
        ("f1 >= 3parsecs", 7),
        ("gap(f1) <= 1", 7),
        ("0.8 <= f1", 0),
        ("f1 between 3 and 2", 16),
        ("f1 >= baseline - -1", 16),
        ("f1 >= nan", 6),
        ("f1 >= 1e999", 6),
        ("日本 >= é", 10),
    ];
    for (text, at) in cases {
        let error = parse(text, Some(StageKind::Quality)).expect_err(text);
        assert_eq!(error.at, at, "{text}: {error:?}");
    }
}

#[test]
fn never_panics() {
    for text in [
        "warn:",
        "warn: ",
        "[",
        "]",
        "gap(",
        "gap()",
        "f1[]",
        "f1[=]",
        "f1[a=]",
        "=",
        "é",
        "f1 >= 1 é",
        "f1 within",
        "f1-",
        "f1-é >= 1",
        "é-",
    ] {
        assert!(parse(text, Some(StageKind::Quality)).is_err(), "{text}");
    }
}

fn overall(id: &str) -> Expr {
    Expr::Measured(Subject::Overall { id: id.into() })
}

fn two(left: Expr, op: Arithmetic, right: Expr) -> Expr {
    Expr::Two { op, left: Box::new(left), right: Box::new(right) }
}

#[test]
fn reads_arithmetic() {
    let gate = quality("quality.f1 / latency.p95 >= 4");
    assert_eq!(
        gate.subject,
        Subject::Combined(Box::new(two(overall("quality.f1"), Arithmetic::Over, overall("latency.p95"))))
    );
    let shown = |text: &str| quality(text).subject.to_string();
    assert_eq!(shown("f1/latency.p95 >= 4"), "quality.f1 / latency.p95");
    assert_eq!(shown("2 * a + b <= 1"), "2 * quality.a + quality.b");
    assert_eq!(shown("2*(a+b) <= 1"), "2 * (quality.a + quality.b)");
    assert_eq!(shown("a - b - (c - d) <= 1"), "quality.a - quality.b - (quality.c - quality.d)");
    assert_eq!(shown("a+b*c <= 1"), "quality.a + quality.b * quality.c");
    assert_eq!(shown("latency.p95 - 5ms < 1s"), "latency.p95 - 5 ms");
    assert_eq!(shown("2/latency.p95 >= 1"), "2 / latency.p95");
    assert_eq!(shown("2 / s >= 1"), "2 / quality.s", "`/s` is a unit only where nothing stands between");
    assert_eq!(shown("-2 * a <= 1"), "-2 * quality.a");
    assert_eq!(shown("(f1) >= 1"), "quality.f1");
    assert_eq!(shown("f1[segment] / f1 >= 0.9"), "quality.f1[segment] / quality.f1");
    assert_eq!(shown("gap(f1[a]) + ratio(f1[b]) <= 1"), "gap(quality.f1[a]) + ratio(quality.f1[b])");
    assert_eq!(shown("f1[a]-f1[a=x] <= 1"), "quality.f1[a] - quality.f1[a=x]");
}

#[test]
fn reads_names_with_parameters_and_awkward_slices() {
    let id = |text: &str| quality(text).subject.id().to_string();
    assert_eq!(id("f1(cat) >= 0.5"), "quality.f1(cat)");
    assert_eq!(id("f1(New York) >= 0.5"), "quality.f1(New York)");
    assert_eq!(id(r#"f1("a)b\"c") >= 0.5"#), "quality.f1(a)b\"c)");
    assert_eq!(id("ndcg@10 >= 0.5"), "quality.ndcg@10");
    assert_eq!(id("'eval/loss-2' <= 0.5"), "quality.eval/loss-2");
    let slice = |text: &str| match quality(text).subject {
        Subject::OneSlice { column, value, .. } => (column, value),
        Subject::EachSlice { column, .. } => (column, String::new()),
        other => panic!("{other:?}"),
    };
    let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
    assert_eq!(slice("f1[city = New York ] >= 0.5"), pair("city", "New York"));
    assert_eq!(slice(r#"f1[city="a ] b"] >= 0.5"#), pair("city", "a ] b"));
    assert_eq!(slice(r#"f1[city='it\'s "so"'] >= 0.5"#), pair("city", "it's \"so\""));
    assert_eq!(slice(r#"f1["a=b" = "c"] >= 0.5"#), pair("a=b", "c"));
    assert_eq!(slice("f1[found] >= 0.5"), pair("found", ""));
    assert_eq!(slice("f1[a=b=c] >= 0.5"), pair("a", "b=c"));
}

#[test]
fn a_level_stands_at_the_end() {
    let gate = quality("f1 within 3% of baseline at 99%");
    assert_eq!(gate.confidence, Some(0.99));
    assert_eq!(gate.text, "f1 within 3% of baseline at 99%");
    assert_eq!(quality("f1 >= 0.85 at 90 %").confidence, Some(0.9));
    assert_eq!(quality("f1 between 0.1 and 0.2 at 99.9%").confidence, Some(0.999));
    assert_eq!(quality("f1 >= 0.85").confidence, None);
    for (text, at) in [("f1 >= 1 at", 10), ("f1 >= 1 at 100%", 11), ("f1 >= 1 at 0.99", 11), ("f1 >= 1 at 3%", 11)] {
        let error = parse(text, Some(StageKind::Quality)).expect_err(text);
        assert_eq!(error.at, at, "{text}: {error:?}");
    }
}

#[test]
fn says_what_was_meant() {
    let of = |text: &str| parse(text, Some(StageKind::Quality)).expect_err(text);
    for (text, at, part) in [
        ("f1-macro >= 1", 2, "did you mean `f1_macro`?"),
        ("f1 >= recall", 6, "precision - recall >= 0"),
        ("f1 >= baseline * 0.97", 15, "baseline - 3%"),
        ("f1 => 1", 3, "did you mean `>=`?"),
        ("f1 >= 0,85", 7, "with a point"),
        ("fail: f1 >= 1", 4, "only `warn:`"),
        ("f1 (cat) >= 1", 3, "no space before `(`"),
        ("2 + 3 >= 1", 0, "quality.f1 / latency.p95"),
        ("f1 + >= 1", 5, "such as f1"),
        ("(f1 + a >= 1", 8, "needs its `)`"),
        ("f1[a] - f1[b] >= 1", 0, "one column a gate"),
        ("f1[a=\"b] >= 1", 5, "a quote inside"),
        ("f1[a=\"b\"c] >= 1", 8, "stands in quotes"),
        ("f1(cat >= 1", 2, "f1(cat)"),
        ("ratio(f1) >= 1", 9, "ratio(recall[region])"),
        ("\"\" >= 1", 0, "between the quotes"),
        ("3x * f1 >= 1", 1, "units: %"),
    ] {
        let error = of(text);
        assert_eq!(error.at, at, "{text}: {error:?}");
        assert!(error.help.contains(part), "{text}: {error:?}");
    }
    let promotion = parse("f1 / latency.p95 >= 1", None).unwrap_err();
    assert_eq!((promotion.at, promotion.len), (0, 2), "{promotion:?}");
}

#[test]
fn hostile_gates_are_refused_without_a_stack() {
    for text in [
        "(".repeat(10_000),
        format!("{}f1{} >= 1", "(".repeat(10_000), ")".repeat(10_000)),
        format!("{}f1{} >= 1", "(".repeat(900), ")".repeat(900)),
        "f1 + ".repeat(200_000),
        "a".repeat(1 << 20),
        format!("f1[{}", "[".repeat(1990)),
        "gap(".repeat(400),
        "f1(".repeat(600),
        "\\".repeat(1999),
        format!("'{}", "\\".repeat(1998)),
    ] {
        let error = parse(&text, Some(StageKind::Quality)).expect_err("hostile");
        assert!(!error.message.is_empty() && error.at <= text.len(), "{error:?}");
    }
    let longest = format!("{}f1 >= 1", "1 + ".repeat(490));
    let gate = quality(&longest);
    assert_eq!(gate.subject.ids(), ["quality.f1"]);
    assert_eq!(gate.clone(), gate);
    let nested = format!("{}f1{} >= 1", "(1+".repeat(32), ")".repeat(32));
    assert!(parse(&nested, Some(StageKind::Quality)).is_ok());
}
