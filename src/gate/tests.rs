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
        looks: 1,
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
