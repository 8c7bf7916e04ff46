//! The files in tests/imports/ are of the real tools: make.py there tells how.

use super::*;
use crate::config::ImportKind::{Evidently, GreatExpectations, Soda};
use Outcome::{Errored, Failed, Passed};
use std::time::{Duration, SystemTime};

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/imports").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn parse(kind: ImportKind, bytes: &[u8]) -> Result<Vec<ImportedCheck>, String> {
    checks(kind, &read_json(bytes)?)
}

fn of(kind: ImportKind, name: &str) -> Vec<ImportedCheck> {
    parse(kind, file(name).as_bytes()).unwrap_or_else(|why| panic!("{name}: {why}"))
}

fn refused(kind: ImportKind, text: &str) -> String {
    match parse(kind, text.as_bytes()) {
        Err(why) => why,
        Ok(found) => panic!("{text} is taken for {found:?}"),
    }
}

/// The one check whose name begins so.
fn one<'a>(found: &'a [ImportedCheck], name: &str) -> &'a ImportedCheck {
    let fitting: Vec<&ImportedCheck> = found.iter().filter(|check| check.name.starts_with(name)).collect();
    assert_eq!(fitting.len(), 1, "{name} in {found:#?}");
    fitting[0]
}

fn outcomes(found: &[ImportedCheck]) -> Vec<(&str, Outcome)> {
    found.iter().map(|check| (check.name.as_str(), check.outcome)).collect()
}

#[test]
fn evidently_tests_become_checks_with_what_they_measured() {
    let found = of(Evidently, "evidently.json");
    assert_eq!(found.len(), 6, "{found:#?}");
    let missing = one(&found, "Column 'age' missing values: Equal 0.000");
    assert_eq!((missing.outcome, missing.severity, missing.value), (Failed, Severity::Block, Some(1.0)));
    assert_eq!(missing.columns, ["age"]);
    assert!(missing.message.contains("expected 0.000"), "{}", missing.message);
    let mean = one(&found, "Mean value of 'fee'");
    assert_eq!((mean.outcome, mean.severity), (Failed, Severity::Warn), "a test that is not critical only warns");
    let drift = one(&found, "Value Drift for column fee");
    assert!(drift.outcome == Failed && drift.value.is_some_and(|value| value < 0.05), "{drift:?}");
    assert_eq!(found.iter().filter(|check| check.outcome == Passed).count(), 3);
    assert_eq!(one(&found, "Column 'city' categories").value, Some(100.0));
}

#[test]
fn test_suites_of_the_older_evidently_are_read() {
    let found = of(Evidently, "evidently-old.json");
    assert_eq!(found.len(), 6);
    let missing = one(&found, "The Share of Missing Values in a Column (age)");
    assert_eq!((missing.outcome, missing.value), (Failed, Some(0.005)));
    assert_eq!(missing.message, "The share of missing values in the column age is 0.005. The test threshold is eq=0.");
    assert_eq!(one(&found, "Drift per Column (fee)").value, Some(0.0));
    let max = one(&found, "Max Value (fee)");
    assert_eq!((max.outcome, max.severity, max.value), (Failed, Severity::Warn, Some(21.2)));
    let (name, outcome) = outcomes(&found)[4];
    assert_eq!((name, outcome), ("Max Value", Errored), "the test of a column that is not there");
}

#[test]
fn evidently_fails_closed() {
    assert_eq!(
        outcomes(&of(Evidently, "evidently-nan.json")),
        [("Mean value of 'empty': Less 3.000", Errored)],
        "NaN is no verdict"
    );
    let flipped = file("evidently-nan.json").replace("\"FAIL\"", "\"SUCCESS\"");
    assert_eq!(parse(Evidently, flipped.as_bytes()).unwrap()[0].outcome, Errored);
    assert!(refused(Evidently, &file("evidently-metrics.json")).contains("no tests"));
    for (status, word) in
        [("\"ERROR\"", "could not run"), ("\"SKIPPED\"", "skipped"), ("\"GREAT\"", "GREAT"), ("7", "no status")]
    {
        let text = format!(r#"{{"metrics": [], "tests": [{{"name": "t", "description": "d", "status": {status}}}]}}"#);
        let found = parse(Evidently, text.as_bytes()).unwrap();
        assert!(found[0].outcome == Errored && found[0].message.contains(word), "{found:?}");
    }
    let without = parse(Evidently, br#"{"tests": [{"status": "SUCCESS"}, 5]}"#).unwrap();
    assert_eq!(outcomes(&without), [("test 1", Passed), ("test 2", Errored)]);
    for text in [
        "",
        "{}",
        "[]",
        "5",
        r#"{"tests": []}"#,
        r#"{"tests": {}}"#,
        r#"{"metrics": [1], "tests": []}"#,
        "{\"tests\": [{",
    ] {
        refused(Evidently, text);
    }
    let cut = r#"{"tests": [{"name": "t", "status": "SUCCESS"}], "summary": {"total_tests": 2}}"#;
    assert!(refused(Evidently, cut).contains("2 tests were run"));
    let torn = r#"{"tests": [{"name": "t", "status": "SUCCESS"}], "summary": {"all_passed": false}}"#;
    assert!(refused(Evidently, torn).contains("not all tests passed"));
}

#[test]
fn great_expectations_results_become_checks_with_counts_and_examples() {
    let found = of(GreatExpectations, "gx.json");
    assert_eq!(found.len(), 8);
    let range = one(&found, "expect_column_values_to_be_between(age, max_value=120.0, min_value=0.0)");
    assert_eq!((range.outcome, range.severity, range.value, range.n), (Failed, Severity::Warn, Some(1.0), Some(4)));
    assert_eq!(range.examples, ["age = 150.0"]);
    assert_eq!(range.message, "1 of 3 values are unexpected; 1 nulls left out");
    let set = one(&found, "expect_column_values_to_be_in_set(city");
    assert_eq!(set.outcome, Passed);
    assert_eq!(set.message, "1 of 4 values are unexpected; at least a share of 0.5 must be as expected");
    let absent = one(&found, "expect_column_values_to_not_be_null(absent)");
    assert!(absent.outcome == Errored && absent.message.contains("exception"), "{absent:?}");
    let mean = one(&found, "expect_column_mean_to_be_between(id");
    assert_eq!((mean.outcome, mean.value, mean.message.as_str()), (Passed, Some(2.25), "observed 2.25"));
    assert_eq!(one(&found, "expect_compound_columns").columns, ["id", "city"]);
    assert_eq!(one(&found, "expect_column_values_to_be_unique(id)").outcome, Failed);
    assert!(!file("gx.json").contains("/work/"), "nothing of the machine");
}

#[test]
fn a_checkpoint_tells_what_its_validations_tell() {
    let (alone, within) = (of(GreatExpectations, "gx.json"), of(GreatExpectations, "gx-checkpoint.json"));
    let names = |found: &[ImportedCheck]| found.iter().map(|check| check.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&alone), names(&within));
    let old = of(GreatExpectations, "gx-old.json");
    assert_eq!(old.len(), 5);
    assert_eq!(one(&old, "expect_column_values_to_not_be_null(absent)").outcome, Errored);
    assert_eq!(one(&old, "expect_column_mean_to_be_between(id").outcome, Passed);
    let twice = file("gx.json");
    let both =
        format!(r#"{{"success": false, "run_results": {{"a": {twice}, "b": {{"validation_result": {twice}}}}}}}"#);
    let found = parse(GreatExpectations, both.as_bytes()).unwrap();
    assert!(found.len() == 16 && found[0].name.starts_with("people: expect_"), "{:?}", found[0]);
}

#[test]
fn great_expectations_fails_closed() {
    for name in ["gx-no-rows.json", "gx-nulls.json"] {
        let found = of(GreatExpectations, name);
        assert!(file(name).contains("\"success\": true") && !file(name).contains("\"success\": false"));
        assert!(found.len() == 2 && found.iter().all(|check| check.outcome == Errored), "{found:#?}");
    }
    let result = |body: &str| {
        let text = format!(r#"{{"success": true, "results": [{body}]}}"#);
        parse(GreatExpectations, text.as_bytes()).unwrap().remove(0)
    };
    let config = r#""expectation_config": {"type": "e", "kwargs": {}}"#;
    assert_eq!(result(&format!(r#"{{{config}, "success": true, "result": {{}}}}"#)).outcome, Passed);
    for wrong in [
        format!(r#"{{{config}}}"#),
        format!(r#"{{{config}, "success": null}}"#),
        format!(r#"{{{config}, "success": "true"}}"#),
        format!(r#"{{{config}, "success": true, "result": {{"observed_value": NaN}}}}"#),
        format!(r#"{{{config}, "success": true, "result": {{"observed_value": null}}}}"#),
        format!(r#"{{{config}, "success": true, "result": {{"observed_value": {{"values": [null]}}}}}}"#),
        format!(r#"{{{config}, "success": true, "exception_info": {{"raised_exception": true}}}}"#),
        format!(r#"{{{config}, "success": true, "exception_info": {{"m": {{"raised_exception": true}}}}}}"#),
        r#"{"success": true}"#.to_string(),
        "5".to_string(),
    ] {
        assert_eq!(result(&wrong).outcome, Errored, "{wrong}");
    }
    let good = format!(r#"{{{config}, "success": true}}"#);
    for (text, why) in [
        (r#"{"success": true, "results": []}"#.to_string(), "no results"),
        (r#"{"success": true, "run_results": {}}"#.to_string(), "no results"),
        (format!(r#"{{"results": [{good}]}}"#), "no `success`"),
        (format!(r#"{{"success": false, "results": [{good}]}}"#), "says that it failed"),
        (
            format!(r#"{{"success": true, "results": [{good}], "statistics": {{"evaluated_expectations": 3}}}}"#),
            "3 expectations",
        ),
        (r#"{"success": true}"#.to_string(), "neither"),
    ] {
        assert!(refused(GreatExpectations, &text).contains(why), "{text}");
    }
}

#[test]
fn soda_checks_become_checks_with_their_bounds() {
    let found = of(Soda, "soda.json");
    assert_eq!(found.len(), 6, "{found:#?}");
    let share = one(&found, "invalid_percent(age)");
    assert_eq!((share.outcome, share.severity, share.value), (Failed, Severity::Warn, Some(25.0)));
    assert_eq!(share.message, "found 25.0; fails when > 50.0; warns when > 1.0");
    assert_eq!(one(&found, "ids are unique").outcome, Failed);
    assert_eq!(one(&found, "avg(age)").message, "found 73.33333333333333; fails when > 90.0 or < 10.0");
    let schema = one(&found, "Schema Check");
    assert_eq!((schema.outcome, schema.message.as_str()), (Failed, "1 schema event(s)"));
}

#[test]
fn soda_fails_closed() {
    let broken = of(Soda, "soda-broken.json");
    assert_eq!(outcomes(&broken), [("scan", Errored)]);
    assert!(broken[0].message.contains("absent"), "{}", broken[0].message);
    // A check that Soda could not evaluate is not in the file: only the log tells of it.
    let nothing = of(Soda, "soda-nothing.json");
    assert_eq!(outcomes(&nothing), [("avg(age) > 10", Passed), ("scan", Errored)]);
    assert!(nothing[1].message.contains("1 checks not evaluated"), "{}", nothing[1].message);
    let scan = |checks: &str, failures: bool| {
        format!(r#"{{"hasErrors": false, "hasFailures": {failures}, "hasWarnings": false, "checks": {checks}}}"#)
    };
    for outcome in ["null", "\"great\"", "1"] {
        let text = scan(&format!(r#"[{{"name": "n", "outcome": {outcome}}}]"#), false);
        assert_eq!(parse(Soda, text.as_bytes()).unwrap()[0].outcome, Errored, "{outcome}");
    }
    let nan = scan(r#"[{"name": "n", "outcome": "pass", "diagnostics": {"value": NaN}}, {"name": "m"}, 5]"#, false);
    assert_eq!(outcomes(&parse(Soda, nan.as_bytes()).unwrap()), [("n", Errored), ("m", Errored), ("check 3", Errored)]);
    let hidden = parse(Soda, scan(r#"[{"name": "n", "outcome": "pass"}]"#, true).as_bytes()).unwrap();
    assert_eq!(outcomes(&hidden), [("n", Passed), ("scan", Errored)]);
    assert!(refused(Soda, &scan("[]", false)).contains("no results"));
    for text in ["{}", r#"{"checks": []}"#, r#"{"hasErrors": false, "hasFailures": false, "hasWarnings": false}"#] {
        refused(Soda, text);
    }
}

#[test]
fn two_answers_under_one_key_are_none() {
    for (kind, name, key) in [
        (Evidently, "evidently.json", "status"),
        (GreatExpectations, "gx.json", "success"),
        (Soda, "soda.json", "outcome"),
    ] {
        let once = format!("\"{key}\":");
        let twice = file(name).replacen(&once, &format!("{once} \"pass\", {once}"), 1);
        let why = refused(kind, &twice);
        assert!(why.contains(&format!("key \"{key}\" is there twice")), "{why}");
    }
}

#[test]
fn one_tools_file_is_not_taken_for_anothers() {
    for (kind, name) in [
        (Evidently, "gx.json"),
        (Evidently, "soda.json"),
        (GreatExpectations, "evidently.json"),
        (GreatExpectations, "soda.json"),
        (Soda, "gx.json"),
        (Soda, "evidently.json"),
    ] {
        refused(kind, &file(name));
    }
}

fn dataset(root: &Path, imports: &[(ImportKind, &str)]) -> Dataset {
    let mut set = Dataset::new("people", "people.csv");
    std::fs::write(root.join("people.csv"), "age\n1\n").unwrap();
    // Before the day that the files of results tell.
    let data = std::fs::File::options().write(true).open(root.join("people.csv")).unwrap();
    data.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
    for (kind, name) in imports {
        std::fs::write(root.join(name), file(name)).unwrap();
        set.imports.push(Import { kind: *kind, file: name.into(), max_age: None });
    }
    set
}

fn now() -> i64 {
    Utc::now().timestamp_micros()
}

fn data() -> Vec<Input> {
    vec![Input { kind: "data.people".into(), name: "people.csv".into(), digest: String::new(), bytes: 0 }]
}

#[test]
fn files_become_checks_with_unique_ids_and_inputs_with_digests() {
    let dir = tempfile::tempdir().unwrap();
    let mut set = dataset(dir.path(), &[(GreatExpectations, "gx.json"), (Soda, "soda.json")]);
    set.imports.push(set.imports[0].clone());
    let found = run(dir.path(), &set, &data(), now());
    assert_eq!((found.faults.len(), found.inputs.len(), found.checks.len()), (0, 3, 8 + 6 + 8));
    let mut ids: Vec<&str> = found.checks.iter().map(|check| check.id.as_str()).collect();
    assert!(ids.contains(&"data.people.great_expectations.expect_column_values_to_be_unique(id)"), "{ids:?}");
    assert!(ids.contains(&"data.people.great_expectations.expect_column_values_to_be_unique(id) #2"), "{ids:?}");
    assert!(ids.contains(&"data.people.soda.ids are unique"), "{ids:?}");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), found.checks.len());
    assert_eq!(found.inputs[0].kind, "data.people.import");
    assert_eq!(found.inputs[0].digest, digest::of(file("gx.json").as_bytes()));
}

#[test]
fn a_file_that_is_missing_stale_or_no_file_is_a_fault() {
    let dir = tempfile::tempdir().unwrap();
    let mut set = dataset(dir.path(), &[(Soda, "soda.json"), (Evidently, "evidently.json")]);
    let changed = |name: &str, seconds: u64| {
        let when = SystemTime::now() - Duration::from_secs(seconds);
        std::fs::File::options().write(true).open(dir.path().join(name)).unwrap().set_modified(when).unwrap();
    };
    let stale = |set: &Dataset| {
        let found = run(dir.path(), set, &data(), now());
        assert!(found.faults.iter().all(|fault| fault.hint.contains("max_age: 1h")), "{:?}", found.faults);
        found.faults.iter().map(|fault| fault.what.clone()).collect::<Vec<_>>()
    };
    assert_eq!(stale(&set), [""; 0]);
    // What the file says goes before its time on disk, which whoever unpacks it sets anew.
    changed("people.csv", 600);
    assert_eq!(stale(&set), ["import soda.json"]);
    changed("evidently.json", 630);
    assert_eq!(stale(&set), ["import soda.json"]);
    changed("evidently.json", 700);
    assert_eq!(stale(&set), ["import soda.json", "import evidently.json"]);
    set.imports.iter_mut().for_each(|import| import.max_age = Some(Duration::from_secs(900)));
    let found = run(dir.path(), &set, &data(), now());
    assert_eq!(found.faults.len(), 1, "{:?}", found.faults);
    assert!(found.faults[0].why.contains("2025-01-01 00:00:00 UTC, as it says itself"), "{}", found.faults[0]);
    set.imports.pop();
    set.imports[0].file = "absent.json".into();
    assert_eq!(run(dir.path(), &set, &data(), now()).faults[0].why, "no such file");
    set.imports[0].file = ".".into();
    assert_eq!(run(dir.path(), &set, &data(), now()).faults[0].why, "it is no regular file");
}

#[test]
fn values_of_private_columns_are_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let mut set = dataset(dir.path(), &[(GreatExpectations, "gx.json")]);
    set.private = vec!["age".into()];
    let found = run(dir.path(), &set, &data(), now());
    let range = found.checks.iter().find(|check| check.text.contains("between(age")).unwrap();
    assert!(range.examples.is_empty() && range.value.is_none() && range.outcome == Failed, "{range:?}");
    let other = found.checks.iter().find(|check| check.text.contains("unique(id)")).unwrap();
    assert!(!other.examples.is_empty());
}
