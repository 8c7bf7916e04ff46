//! Verdicts on hand-made evidence, a row a rule of the design.

use super::*;
use crate::config::parse_gate;
use crate::model::*;

fn measurement(id: &str, value: f64, interval: Option<(f64, f64)>) -> Measurement {
    let interval = interval.map(|(low, high)| Interval { low, high, level: 0.95 });
    Measurement { n: Some(400), interval, ..Measurement::new(id, value, Unit::Score, "test") }
}

fn sliced(id: &str, column: &str, value: &str, score: f64) -> Measurement {
    let slice = Some(Slice { column: column.into(), value: value.into() });
    Measurement { slice, ..measurement(id, score, None) }
}

fn evidence(measurements: Vec<Measurement>) -> Evidence {
    Evidence { measurements, ..Evidence::default() }
}

fn known(measurements: Vec<Measurement>) -> Baseline {
    Baseline::Known { source: "production".into(), measurements }
}

fn policy() -> Policy {
    Policy {
        inconclusive: Severity::Block,
        confidence: 0.95,
        correction: SliceCorrection::Bonferroni,
        looks: Looks::ONE,
        today: NaiveDate::from_ymd_opt(2027, 1, 15).unwrap(),
    }
}

fn judge_by(policy: &Policy, gate: &str, evidence: &Evidence, baseline: &Baseline) -> Vec<Verdict> {
    let gate = parse_gate(gate, Some(StageKind::Quality)).unwrap();
    gates(StageKind::Quality, &[gate], &Grounds { evidence, earlier: Vec::new(), baseline }, policy)
}

fn judge(gate: &str, evidence: &Evidence, baseline: &Baseline) -> Vec<Verdict> {
    judge_by(&policy(), gate, evidence, baseline)
}

fn outcome(gate: &str, evidence: &Evidence, baseline: &Baseline) -> (Outcome, bool) {
    let verdicts = judge(gate, evidence, baseline);
    assert_eq!(verdicts.len(), 1, "{verdicts:?}");
    assert!(!verdicts[0].reason.is_empty());
    (verdicts[0].outcome, verdicts[0].blocking)
}

#[test]
fn an_interval_decides_and_a_point_does_where_there_is_none() {
    let none = Baseline::NotConfigured;
    let of = |value, interval| evidence(vec![measurement("quality.f1", value, interval)]);
    assert_eq!(outcome("f1 >= 0.85", &of(0.9, Some((0.87, 0.93))), &none), (Outcome::Passed, false));
    assert_eq!(outcome("f1 >= 0.85", &of(0.8, Some((0.77, 0.83))), &none), (Outcome::Failed, true));
    assert_eq!(outcome("warn: f1 >= 0.85", &of(0.8, Some((0.77, 0.83))), &none), (Outcome::Warned, false));
    assert_eq!(outcome("f1 >= 0.85", &of(0.86, Some((0.83, 0.89))), &none), (Outcome::Inconclusive, true));
    assert_eq!(outcome("warn: f1 >= 0.85", &of(0.86, Some((0.83, 0.89))), &none), (Outcome::Inconclusive, false));
    assert_eq!(outcome("f1 >= 0.85", &of(0.85, None), &none), (Outcome::Passed, false));
    let needed = judge("f1 >= 0.85", &of(0.86, Some((0.83, 0.89))), &none)[0].n_needed;
    assert_eq!(needed, Some(3600), "three times the distance needs nine times the rows");
}

#[test]
fn what_cannot_be_judged_is_errored_and_blocks() {
    let none = Baseline::NotConfigured;
    let of = |value| evidence(vec![measurement("quality.f1", value, None)]);
    assert_eq!(outcome("recall >= 0.1", &of(0.9), &none), (Outcome::Errored, true));
    assert_eq!(outcome("f1 >= 0.1", &evidence(vec![]), &none), (Outcome::Errored, true));
    for broken in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(outcome("f1 >= 0.1", &of(broken), &none), (Outcome::Errored, true));
        assert_eq!(outcome("f1 <= 0.1", &of(broken), &none), (Outcome::Errored, true));
        let baseline = known(vec![measurement("quality.f1", broken, None)]);
        assert_eq!(outcome("f1 within 3% of baseline", &of(0.9), &baseline), (Outcome::Errored, true));
    }
    assert_eq!(outcome("f1 within 3% of baseline", &of(0.9), &none), (Outcome::Errored, true));
    assert_eq!(outcome("f1 within 3% of baseline", &of(0.9), &known(vec![])), (Outcome::Errored, true));
    let zero = known(vec![measurement("quality.f1", 0.0, None)]);
    assert_eq!(outcome("f1 within 3% of baseline", &of(0.9), &zero), (Outcome::Errored, true));
    assert_eq!(outcome("f1[segment] >= 0.1", &of(0.9), &none), (Outcome::Errored, true));
    assert_eq!(outcome("gap(f1[segment]) <= 5pp", &of(0.9), &none), (Outcome::Errored, true));
    let seconds = known(vec![Measurement { unit: Unit::Seconds, ..measurement("quality.f1", 0.9, None) }]);
    assert_eq!(outcome("f1 >= baseline", &of(0.9), &seconds), (Outcome::Errored, true));
}

#[test]
fn the_first_run_passes_only_when_that_was_accepted() {
    let found = evidence(vec![measurement("quality.f1", 0.9, None)]);
    let missing = |first_run_accepted| Baseline::Missing {
        source: "git:main".into(),
        reason: "no file".into(),
        first_run_accepted,
    };
    assert_eq!(outcome("f1 within 3% of baseline", &found, &missing(false)), (Outcome::Errored, true));
    assert_eq!(outcome("f1 within 3% of baseline", &found, &missing(true)), (Outcome::Warned, false));
    assert_eq!(outcome("f1 >= 0.8", &found, &missing(false)), (Outcome::Passed, false), "an absolute gate needs none");
}

#[test]
fn relative_bounds_are_two_sided_or_directed() {
    let baseline = known(vec![measurement("quality.f1", 0.8, None)]);
    let of = |value| evidence(vec![measurement("quality.f1", value, None)]);
    assert_eq!(outcome("f1 within 3% of baseline", &of(0.823), &baseline).0, Outcome::Passed);
    assert_eq!(outcome("f1 within 3% of baseline", &of(0.825), &baseline).0, Outcome::Failed, "better is also too far");
    assert_eq!(outcome("f1 within 3pp of baseline", &of(0.825), &baseline).0, Outcome::Passed);
    assert_eq!(outcome("f1 >= baseline - 0.5pp", &of(0.796), &baseline).0, Outcome::Passed);
    assert_eq!(outcome("f1 >= baseline - 0.5pp", &of(0.794), &baseline).0, Outcome::Failed);
    assert_eq!(outcome("f1 <= baseline + 5%", &of(0.839), &baseline).0, Outcome::Passed);
    assert_eq!(outcome("f1 <= baseline + 5%", &of(0.841), &baseline).0, Outcome::Failed);
    let negative = known(vec![measurement("quality.f1", -0.5, None)]);
    assert_eq!(outcome("f1 >= baseline - 10%", &of(-0.54), &negative).0, Outcome::Passed);
    assert_eq!(outcome("f1 >= baseline - 10%", &of(-0.56), &negative).0, Outcome::Failed);
}

#[test]
fn paired_rows_decide_before_two_intervals_do() {
    let wide = Some((0.86, 0.94));
    let mut found = evidence(vec![measurement("quality.f1", 0.9, wide)]);
    let baseline = known(vec![measurement("quality.f1", 0.9, wide)]);
    assert_eq!(outcome("f1 within 3% of baseline", &found, &baseline).0, Outcome::Inconclusive);
    let narrow = Difference { value: 0.0, interval: Some(Interval { low: -0.01, high: 0.01, level: 0.95 }) };
    found.comparisons.push(Comparison {
        id: "quality.f1".into(),
        slice: None,
        baseline: 0.9,
        difference: narrow,
        relative: Some(narrow),
        n: 400,
        method: "paired".into(),
    });
    let verdict = &judge("f1 within 3% of baseline", &found, &baseline)[0];
    assert_eq!((verdict.outcome, verdict.method.as_deref()), (Outcome::Passed, Some("paired")));
    assert_eq!(verdict.interval_of, Some("relative difference"));
}

#[test]
fn slices_are_judged_one_by_one_and_gaps_between_them() {
    let found = evidence(vec![
        measurement("quality.f1", 0.9, None),
        sliced("quality.f1", "segment", "a", 0.95),
        sliced("quality.f1", "segment", "b", 0.65),
        sliced("quality.f1", "region", "b", 0.1),
    ]);
    let none = Baseline::NotConfigured;
    let outcomes: Vec<Outcome> = judge("f1[segment] >= 0.7", &found, &none).iter().map(|v| v.outcome).collect();
    assert_eq!(outcomes, [Outcome::Passed, Outcome::Failed]);
    assert_eq!(outcome("f1[segment=a] >= 0.7", &found, &none).0, Outcome::Passed);
    assert_eq!(outcome("f1[segment=c] >= 0.7", &found, &none), (Outcome::Errored, true));
    assert_eq!(outcome("gap(f1[segment]) <= 31pp", &found, &none).0, Outcome::Passed);
    assert_eq!(outcome("gap(f1[segment]) <= 5pp", &found, &none).0, Outcome::Failed);
    assert_eq!(outcome("gap(f1[region]) <= 5pp", &found, &none).0, Outcome::Errored, "one slice has no gap");
}

#[test]
fn what_was_measured_on_slices_alone_was_not_measured_on_the_whole() {
    let found = evidence(vec![sliced("quality.f1", "segment", "DE", 0.9)]);
    let verdict = &judge("f1 >= 0.5", &found, &Baseline::NotConfigured)[0];
    assert_eq!(verdict.outcome, Outcome::Errored);
    assert!(verdict.reason.contains("on slices alone, such as segment=DE"), "{}", verdict.reason);
}

#[test]
fn a_slice_that_only_the_baseline_has_is_errored() {
    let found = evidence(vec![sliced("quality.f1", "segment", "DE", 0.9), sliced("quality.f1", "found", "a", 0.9)]);
    let theirs = ["DE", "JP"].map(|value| sliced("quality.f1", "segment", value, 0.9));
    let others = [sliced("quality.f1", "found", "b", 0.9), sliced("quality.recall", "segment", "US", 0.9)];
    let baseline = known(theirs.into_iter().chain(others).collect());
    for gate in ["f1[segment] >= baseline - 1pp", "f1[segment] * 1 within 3% of baseline"] {
        let verdicts = judge(gate, &found, &baseline);
        let outcomes: Vec<_> = verdicts.iter().map(|v| (v.outcome, v.blocking)).collect();
        assert_eq!(outcomes, [(Outcome::Passed, false), (Outcome::Errored, true)], "{verdicts:?}");
        assert_eq!(verdicts[1].slice.as_ref().map(|slice| slice.value.as_str()), Some("JP"));
        assert!(verdicts[1].reason.contains("the baseline has segment=JP"), "{}", verdicts[1].reason);
    }
    assert!(!judge("warn: f1[segment] >= baseline - 1pp", &found, &baseline)[1].blocking);
    // Nor has a gap become smaller by the loss of the slice that made it.
    let two = evidence(["DE", "FR"].map(|value| sliced("quality.f1", "segment", value, 0.9)).to_vec());
    let three = ["DE", "FR", "JP"].map(|value| sliced("quality.f1", "segment", value, 0.9));
    for gate in ["gap(f1[segment]) <= baseline + 5pp", "ratio(f1[segment]) >= baseline - 5pp"] {
        let verdicts = judge(gate, &two, &known(three.to_vec()));
        let outcomes: Vec<_> = verdicts.iter().map(|v| v.outcome).collect();
        assert_eq!(outcomes, [Outcome::Passed, Outcome::Errored], "{verdicts:?}");
        assert_eq!(verdicts[1].id, "quality.f1[segment=JP]");
    }
    // An absolute gate asks nothing of the baseline, and slices that were found are of each run's own.
    assert_eq!(outcome("f1[segment] >= 0.8", &found, &baseline), (Outcome::Passed, false));
    assert_eq!(judge("f1[found] >= baseline", &found, &baseline).len(), 1);
}

#[test]
fn checks_and_faults_become_verdicts_and_no_verdict_is_no_pass() {
    let check = |outcome, severity| Check {
        id: "data.train.rows".into(),
        text: "rows >= 1".into(),
        severity,
        outcome,
        message: "0 rows".into(),
        value: Some(0.0),
        n: None,
        examples: vec![],
        source: "train.csv".into(),
    };
    let of = |outcome, severity| {
        let found = Evidence { checks: vec![check(outcome, severity)], ..Evidence::default() };
        let verdict = checks(StageKind::Data, &found).remove(0);
        (verdict.outcome, verdict.blocking)
    };
    assert_eq!(of(Outcome::Failed, Severity::Block), (Outcome::Failed, true));
    assert_eq!(of(Outcome::Failed, Severity::Warn), (Outcome::Warned, false));
    assert_eq!(of(Outcome::Errored, Severity::Block), (Outcome::Errored, true));
    assert_eq!(of(Outcome::Passed, Severity::Block), (Outcome::Passed, false));
    let fault = Evidence::of_fault(Fault::new("read train.csv", "no such file", ""));
    let verdicts = checks(StageKind::Data, &fault);
    assert_eq!((verdicts[0].outcome, verdicts[0].blocking), (Outcome::Errored, true));
    assert_eq!(Decision::over(&verdicts), Decision::Blocked(Blocked { reason: Reason::Errored }));
    assert_eq!(Decision::over(&[]), Decision::Blocked(Blocked { reason: Reason::Errored }));
    let skipped = [skipped(StageKind::Data, "not asked for")];
    assert_eq!(Decision::over(&skipped), Decision::Blocked(Blocked { reason: Reason::Errored }));
}

fn at(measurement: Measurement, unit: Unit) -> Measurement {
    Measurement { unit, ..measurement }
}

#[test]
fn arithmetic_is_judged_with_what_is_known_of_its_parts() {
    let none = Baseline::NotConfigured;
    let f1 = || measurement("quality.f1", 0.9, Some((0.87, 0.93)));
    let p95 = |interval| at(measurement("latency.p95", 0.2, interval), Unit::Seconds);
    let found = evidence(vec![f1(), p95(Some((0.19, 0.21)))]);
    let verdict = &judge("quality.f1 / latency.p95 >= 4", &found, &none)[0];
    assert_eq!((verdict.outcome, verdict.unit, verdict.value), (Outcome::Passed, Unit::PerSecond, Some(4.5)));
    assert_eq!(verdict.id, "quality.f1 / latency.p95");
    // √((0.03/0.9)² + (0.01/0.2)²) = 6.0 % of 4.5, both ways.
    let interval = verdict.interval.unwrap();
    assert!((interval.low - 4.24).abs() < 0.02 && (interval.high - 4.79).abs() < 0.02, "{interval:?}");
    assert!(verdict.method.as_ref().unwrap().contains("MOVER"), "{verdict:?}");
    assert_eq!(outcome("f1 / latency.p95 >= 4.5", &found, &none).0, Outcome::Inconclusive);
    assert_eq!(outcome("f1 / latency.p95 >= 5/s", &found, &none).0, Outcome::Failed);
    assert_eq!(outcome("2 * f1 - 1 >= 0.7", &found, &none).0, Outcome::Passed);
    let exact = &judge("f1 / latency.p95 >= 4", &evidence(vec![f1(), p95(None)]), &none)[0];
    assert!(exact.method.as_ref().unwrap().contains("latency.p95 taken as exact"), "{exact:?}");
    let bare = evidence(vec![measurement("quality.f1", 0.9, None), p95(None)]);
    let bare = &judge("f1 / latency.p95 >= 4", &bare, &none)[0];
    assert!(bare.outcome == Outcome::Passed && bare.interval.is_none(), "{bare:?}");
    assert!(bare.method.as_ref().unwrap().contains("plain value"), "{bare:?}");
}

#[test]
fn what_cannot_be_computed_never_passes() {
    let none = Baseline::NotConfigured;
    let f1 = || measurement("quality.f1", 0.9, Some((0.87, 0.93)));
    let p95 = |value, interval| evidence(vec![f1(), at(measurement("latency.p95", value, interval), Unit::Seconds)]);
    for gate in ["f1 / latency.p95 >= 4", "f1 / latency.p95 <= 4", "f1 / (latency.p95 - latency.p95) >= 0"] {
        assert_eq!(outcome(gate, &p95(0.0, None), &none), (Outcome::Errored, true), "{gate}");
        assert_eq!(outcome(gate, &p95(0.0, Some((0.0, 0.1))), &none), (Outcome::Errored, true), "{gate}");
        assert_eq!(outcome(gate, &p95(f64::NAN, None), &none), (Outcome::Errored, true), "{gate}");
        assert_eq!(outcome(gate, &evidence(vec![f1()]), &none), (Outcome::Errored, true), "{gate}");
    }
    let holds_zero = p95(0.1, Some((-0.1, 0.3)));
    assert_eq!(outcome("f1 / latency.p95 >= 4", &holds_zero, &none), (Outcome::Inconclusive, true));
    assert_eq!(outcome("f1 / latency.p95 <= 1000", &holds_zero, &none), (Outcome::Inconclusive, true));
    let clash = judge("f1 + latency.p95 >= 0", &p95(0.1, None), &none);
    assert_eq!(clash[0].outcome, Outcome::Errored);
    assert!(clash[0].reason.contains("cannot be added"), "{clash:?}");
}

#[test]
fn the_baseline_is_computed_by_the_same_expression() {
    let found = evidence(vec![measurement("quality.a", 0.9, None), measurement("quality.b", 0.3, None)]);
    let other = known(vec![measurement("quality.a", 0.8, None), measurement("quality.b", 0.2, None)]);
    let verdict = &judge("a / b within 30% of baseline", &found, &other)[0];
    assert_eq!((verdict.outcome, verdict.baseline), (Outcome::Passed, Some(4.0)));
    assert_eq!(outcome("a / b within 20% of baseline", &found, &other).0, Outcome::Failed);
    let zero = known(vec![measurement("quality.a", 0.8, None), measurement("quality.b", 0.0, None)]);
    assert_eq!(outcome("a / b within 20% of baseline", &found, &zero), (Outcome::Errored, true));
}

#[test]
fn slices_are_held_at_a_level_for_all_of_them_together() {
    let none = Baseline::NotConfigured;
    let slices: Vec<Measurement> = (0..5)
        .map(|i| {
            let wider = Interval { low: 0.69, high: 0.83, level: 0.99 };
            let m = sliced("quality.f1", "segment", &i.to_string(), 0.76);
            Measurement { interval: Some(Interval { low: 0.71, high: 0.81, level: 0.95 }), others: vec![wider], ..m }
        })
        .collect();
    let found = evidence(slices);
    let verdicts = judge("f1[segment] >= 0.7", &found, &none);
    assert!(verdicts.iter().all(|v| v.outcome == Outcome::Inconclusive), "{verdicts:?}");
    assert_eq!(verdicts[0].interval.unwrap(), Interval { low: 0.69, high: 0.83, level: 0.99 });
    assert_eq!(verdicts[0].method.as_deref(), Some("each of 5 slices at 99% (Bonferroni)"));
    let bare = Policy { correction: SliceCorrection::None, ..policy() };
    assert!(judge_by(&bare, "f1[segment] >= 0.7", &found, &none).iter().all(|v| v.outcome == Outcome::Passed));
    assert_eq!(outcome("f1[segment=1] >= 0.7", &found, &none).0, Outcome::Passed, "one slice is one comparison");
    let gate = |text| parse_gate(text, Some(StageKind::Quality)).unwrap();
    let asked =
        [gate("f1[segment] >= 0.7"), gate("gap(f1[segment]) <= 0.1"), gate("f1 >= 0.7 at 99.9%"), gate("f1 >= 0")];
    let asked = levels(asked.iter(), &found.measurements, &policy());
    let expected = [(0.99, Some("segment")), (0.995, Some("segment")), (0.999, None)];
    assert_eq!(asked.len(), expected.len(), "{asked:?}");
    for ((level, of), (expected, column)) in asked.iter().zip(expected) {
        assert!(same_level(*level, expected), "{level}");
        assert_eq!(*of, Asked::Only([("quality.f1".to_string(), column.map(str::to_string))].into()));
    }
}

#[test]
fn an_interval_at_a_level_that_nobody_made_is_carried_and_said() {
    let none = Baseline::NotConfigured;
    let found = evidence(vec![measurement("quality.f1", 0.9, Some((0.88, 0.92)))]);
    assert_eq!(outcome("f1 >= 0.875", &found, &none).0, Outcome::Passed);
    let verdict = &judge("f1 >= 0.875 at 99%", &found, &none)[0];
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert!((verdict.interval.unwrap().low - (0.9 - 0.02 * 2.575_829 / 1.959_964)).abs() < 1e-6);
    assert_eq!(verdict.method.as_deref(), Some("interval carried from 95% to 99%"));
}

#[test]
fn gaps_and_ratios_are_of_whichever_slices_are_the_extremes() {
    let none = Baseline::NotConfigured;
    let slice = |value: &str, score: f64, reach: f64| {
        let level = 0.95;
        let interval = Some(Interval { low: score - reach, high: score + reach, level });
        Measurement { interval, ..sliced("quality.f1", "segment", value, score) }
    };
    let bare = Policy { correction: SliceCorrection::None, ..policy() };
    let found = evidence(vec![slice("a", 0.8, 0.03), slice("b", 0.7, 0.04), slice("c", 0.79, 0.12)]);
    let verdict = &judge_by(&bare, "gap(f1[segment]) <= 5pp", &found, &none)[0];
    // Of a − b by MOVER 0.05 to 0.15; c may be larger than it looks, and then the gap is.
    let interval = verdict.interval.unwrap();
    assert!(
        (interval.low - 0.05).abs() < 1e-9 && (interval.high - (0.09 + 0.016_f64.sqrt())).abs() < 1e-9,
        "{verdict:?}"
    );
    let ratio = &judge_by(&bare, "ratio(f1[segment]) >= 0.8", &found, &none)[0];
    assert!((ratio.value.unwrap() - 0.875).abs() < 1e-12 && ratio.outcome == Outcome::Inconclusive, "{ratio:?}");
    assert!(ratio.interval.unwrap().low < 0.85 && ratio.interval.unwrap().high < 0.95, "{ratio:?}");
    let zeros = evidence(vec![sliced("quality.f1", "segment", "a", 0.0), sliced("quality.f1", "segment", "b", 0.0)]);
    assert_eq!(outcome("ratio(f1[segment]) >= 0.8", &zeros, &none), (Outcome::Errored, true));
    assert_eq!(outcome("gap(f1[segment]) <= 1pp", &zeros, &none), (Outcome::Passed, false));
}

#[test]
fn more_looks_ask_for_more_certainty() {
    let none = Baseline::NotConfigured;
    let wider = Interval { low: 0.17, high: 0.21, level: 0.99 };
    let p95 = at(measurement("latency.p95", 0.19, Some((0.181, 0.199))), Unit::Seconds);
    let found = evidence(vec![Measurement { others: vec![wider], ..p95 }, measurement("quality.f1", 0.9, None)]);
    let five = Policy { looks: Looks { quality: 1, latency: 5 }, ..policy() };
    let verdict = &judge_by(&five, "latency.p95 <= 200ms", &found, &none)[0];
    assert_eq!((verdict.outcome, verdict.interval), (Outcome::Inconclusive, Some(wider)));
    assert_eq!(verdict.method.as_deref(), Some("each of 5 looks at 99% (Bonferroni)"));
    assert_eq!(judge_by(&five, "f1 >= 0.9", &found, &none)[0].method, None);
}

#[test]
fn a_verdict_tells_the_rows_that_would_see_the_change() {
    let wide = Some((0.86, 0.94));
    let found = evidence(vec![measurement("quality.f1", 0.9, wide)]);
    let verdict = &judge("f1 within 3% of baseline", &found, &known(vec![measurement("quality.f1", 0.9, wide)]))[0];
    assert!(verdict.reason.contains("400 rows cannot see such a change, about "), "{verdict:?}");
    assert!((8000..10_000).contains(&verdict.n_advised.unwrap()), "{verdict:?}");
}
