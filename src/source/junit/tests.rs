//! The shapes that test runners write, each made up here after what the runner's own output looks like.

use super::*;

fn summary(text: &str) -> Summary {
    parse(text.as_bytes()).unwrap_or_else(|wrong| panic!("{wrong:?}")).summary
}

fn wrong(text: &str) -> Wrong {
    parse(text.as_bytes()).err().expect("it was accepted")
}

fn counts(text: &str) -> (u64, u64, u64) {
    let Summary { passed, failed, skipped, .. } = summary(text);
    (passed, failed, skipped)
}

#[test]
fn pytest() {
    let found = summary(
        r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.052" timestamp="2026-01-05T10:00:00" hostname="ci"><testcase classname="tests.test_model" name="test_shape" time="0.001" /><testcase classname="tests.test_model" name="test_score[a&lt;b]" time="0.001"><failure message="AssertionError: assert 0.71 &gt; 0.8&#10;  +  where 0.71 = score()">def test_score():
>       assert score() &gt; 0.8
E       AssertionError</failure></testcase><testcase classname="tests.test_model" name="test_gpu" time="0.000"><skipped type="pytest.skip" message="no GPU">tests/test_model.py:9: no GPU</skipped></testcase><testcase classname="tests.test_data" name="test_db" time="0.002"><error message="failed on setup with &quot;OSError: no&quot;">E   OSError</error></testcase></testsuite></testsuites>"#,
    );
    assert_eq!((found.passed, found.failed, found.skipped), (1, 2, 1));
    let failures: Vec<_> = found.failures.iter().map(|f| (f.name.as_str(), f.message.as_str())).collect();
    assert_eq!(
        failures,
        [
            ("tests.test_model.test_score[a<b]", "AssertionError: assert 0.71 > 0.8"),
            ("tests.test_data.test_db", "failed on setup with \"OSError: no\""),
        ]
    );
}

#[test]
fn junit_5_with_a_root_of_one_suite_and_output() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="ScorerTest" tests="3" skipped="1" failures="1" errors="0" time="0.1">
  <properties><property name="failure" value="no"/></properties>
  <testcase name="scores()" classname="org.acme.ScorerTest" time="0.02">
    <failure type="org.opentest4j.AssertionFailedError"><![CDATA[
org.opentest4j.AssertionFailedError: expected: <1> but was: <2>
	at org.acme.ScorerTest.scores(ScorerTest.java:12)]]></failure>
    <system-out><![CDATA[<failure>not one</failure>]]></system-out>
  </testcase>
  <testcase name="loads()" classname="org.acme.ScorerTest"/>
  <testcase name="later()" classname="org.acme.ScorerTest"><skipped/></testcase>
  <system-err>&amp; & more</system-err>
</testsuite>"#;
    let found = summary(text);
    assert_eq!((found.passed, found.failed, found.skipped), (1, 1, 1));
    assert_eq!(found.failures[0].message, "org.opentest4j.AssertionFailedError: expected: <1> but was: <2>");
}

#[test]
fn googletest_with_a_disabled_and_a_skipped_test() {
    let text = r#"<testsuites tests="4" failures="1" disabled="1" errors="0" time="0." name="AllTests">
  <testsuite name="Scorer" tests="4" failures="1" disabled="1" skipped="1" errors="0">
    <testcase name="Adds" status="run" result="completed" time="0." classname="Scorer" />
    <testcase name="DISABLED_Slow" status="notrun" result="suppressed" time="0." classname="Scorer" />
    <testcase name="Gpu" status="run" result="skipped" classname="Scorer"><skipped message="x"/></testcase>
    <testcase name="Sum" status="run" result="completed" classname="Scorer">
      <failure message="s.cc:9&#x0A;Expected: 1" type=""><![CDATA[s.cc:9]]></failure>
      <failure message="s.cc:10" type=""/>
    </testcase>
  </testsuite>
</testsuites>"#;
    assert_eq!(counts(text), (1, 1, 2));
    assert_eq!(summary(text).failures, [Failure { name: "Scorer.Sum".into(), message: "s.cc:9".into() }]);
}

#[test]
fn jest_names_the_class_twice() {
    let text = r#"<testsuites name="jest tests" tests="1" failures="1" errors="0" time="1"><testsuite name="predict" errors="0" failures="1" skipped="0" tests="1"><testcase classname="predict answers" name="predict answers" time="0"><failure>Error: expect(received).toBe(expected)
    at Object.</failure></testcase></testsuite></testsuites>"#;
    let message = "Error: expect(received).toBe(expected)".to_string();
    assert_eq!(summary(text).failures, [Failure { name: "predict answers".into(), message }]);
}

#[test]
fn nextest_with_a_flaky_test_and_reruns() {
    let text = r#"<testsuites name="run" tests="2" failures="1" errors="0"><testsuite name="crate" tests="2" disabled="0" errors="0" failures="1">
<testcase name="a::flaky" classname="crate"><flakyFailure message="once" type="test failure">x</flakyFailure></testcase>
<testcase name="a::broken" classname="crate"><failure message="thread 'a' panicked" type="test failure">t</failure><rerunFailure type="test failure">t</rerunFailure></testcase>
</testsuite></testsuites>"#;
    assert_eq!(counts(text), (1, 1, 0));
}

#[test]
fn suites_nest_and_attributes_are_optional() {
    let text = "<testsuites><testsuite><testsuite><testcase/></testsuite><testcase name='b'><error/></testcase>\
                </testsuite></testsuites>";
    assert_eq!(counts(text), (1, 1, 0));
    assert_eq!(summary(text).failures[0].name, "b");
}

#[test]
fn no_test_is_no_failure_here_but_none_executed() {
    assert_eq!(summary("<testsuites/>").executed(), 0);
    assert_eq!(summary("<testsuite tests='12'></testsuite>").executed(), 0);
}

#[test]
fn a_failure_that_only_the_totals_know_is_believed() {
    let text = "<testsuites failures='9'><testsuite name='s' errors='7'><testcase name='a'/></testsuite></testsuites>";
    assert_eq!(counts(text), (1, 7, 0));
    let suite_level = "<testsuite name='s'><error message='set-up failed'/></testsuite>";
    assert_eq!(summary(suite_level).failures, [Failure { name: "s".into(), message: "set-up failed".into() }]);
}

#[test]
fn a_message_in_the_text_is_read_with_its_references() {
    let text = "<testsuite><testcase name='t'><failure>\n  1 &lt; 2 &amp;&#38; &#x22;<![CDATA[<b>]]>&own;\nmore</failure>\
                </testcase></testsuite>";
    assert_eq!(summary(text).failures[0].message, "1 < 2 && \"<b>&own;");
}

#[test]
fn all_are_counted_and_five_are_named() {
    let cases: String = (0..9).map(|i| format!("<testcase name='t{i}'><failure/></testcase>")).collect();
    let found = summary(&format!("<testsuite>{cases}</testsuite>"));
    assert_eq!((found.failed, found.failures.len()), (9, 5));
}

#[test]
fn what_is_no_junit_is_told_with_its_line() {
    let rows = [
        ("", 1, "the file is empty"),
        ("  \n ", 2, "the file is empty"),
        ("<testsuite>\n<testcase>\n", 2, "ends in the middle"),
        ("<testsuite>\n<testcase name='a", 2, ""),
        ("<testsuite>\n<testcase>\n</testsuite>", 3, "testcase"),
        ("<testsuite/>\n<testsuite/>", 2, "second root"),
        ("<html><body/></html>", 1, "expected <testsuites> or <testsuite>, found <html>"),
        ("1 passed in 0.01s", 1, "text outside"),
        ("\u{feff}{\"tests\": 1}", 1, "text outside"),
        ("<testsuite></testsuite></testsuite>", 1, ""),
        ("<testsuite>\n<![CDATA[ x", 2, ""),
    ];
    for (text, line, why) in rows {
        let found = wrong(text);
        assert_eq!(found.line, line, "{text:?}: {}", found.why);
        assert!(found.why.contains(why) && !found.why.is_empty(), "{text:?}: {}", found.why);
    }
}

#[test]
fn bytes_of_another_encoding_are_no_panic() {
    let utf_16: Vec<u8> = "<testsuite/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(parse(&[&[0xff, 0xfe], &utf_16[..]].concat()[..]).is_err());
    let latin_1 = b"<testsuite><testcase name='caf\xe9'><failure message='\xe9'/></testcase></testsuite>";
    assert_eq!(parse(&latin_1[..]).unwrap().summary.failed, 1);
}

#[test]
fn entities_are_not_expanded() {
    let mut text = String::from("<?xml version='1.0'?><!DOCTYPE testsuite [<!ENTITY a0 'ha'>");
    for i in 1..60 {
        text.push_str(&format!("<!ENTITY a{i} '&a{};&a{};'>", i - 1, i - 1));
    }
    text.push_str("<!ENTITY f SYSTEM 'file:///etc/passwd'>]><testsuite><testcase name='&a59;'>");
    text.push_str("<failure message='&f;'>&a59;&f;</failure></testcase></testsuite>");
    assert_eq!(summary(&text).failures, [Failure { name: "&a59;".into(), message: "&f;".into() }]);
}

#[test]
fn nesting_without_end_is_an_error() {
    assert!(wrong(&"<testsuite>".repeat(100_000)).why.contains("nested more than 64"));
}

#[test]
fn output_of_any_size_passes_by() {
    // 20 MB in a repeating reader, of which nothing is held: a case, and captured output without a line break.
    let case = b"<testcase name='a'><system-out><![CDATA[".to_vec();
    let output = std::iter::repeat_n(b'x', 2_000_000);
    let suite: Vec<u8> = case.into_iter().chain(output).chain(*b"]]></system-out></testcase>").collect();
    let mut source: Box<dyn std::io::Read> = Box::new(&b"<testsuite>"[..]);
    for _ in 0..10 {
        source = Box::new(std::io::Read::chain(source, &suite[..]));
    }
    let source = std::io::Read::chain(source, &b"</testsuite>"[..]);
    assert_eq!(parse(BufReader::new(source)).unwrap().summary.passed, 10);
}

#[test]
fn long_names_and_control_characters_are_tamed() {
    let name = "n".repeat(5000);
    let text = format!("<testsuite><testcase name='{name}'><failure message='a&#27;[31mb'/></testcase></testsuite>");
    let failure = &summary(&text).failures[0];
    assert_eq!(failure.name.chars().count(), LONGEST + 1);
    assert!(!failure.message.chars().any(char::is_control));
}
