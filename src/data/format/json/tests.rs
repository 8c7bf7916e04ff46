//! Lines that are JSON objects, and those that are none.

use super::*;

#[derive(Default)]
struct Seen(Vec<String>, Vec<String>);

impl Sink for Seen {
    fn column(&mut self, name: &str) -> Result<Option<usize>, String> {
        if let Some(place) = self.0.iter().position(|known| known == name) {
            return Ok(Some(place));
        }
        self.0.push(name.to_string());
        Ok(Some(self.0.len() - 1))
    }

    fn put(&mut self, column: usize, kind: Kind, text: Text<'_>) -> Result<(), String> {
        let text = match text {
            Text::Line { start, end } => format!("{start}-{end}"),
            Text::Unescaped(text) => text.to_string(),
        };
        self.1.push(format!("{} {kind:?} {text}", self.0[column]));
        Ok(())
    }
}

fn read(line: &str) -> Result<Vec<String>, String> {
    let mut seen = Seen::default();
    Reader::new().read(line.as_bytes(), &mut seen).map(|()| seen.1)
}

#[test]
fn values_come_with_their_kind_and_the_names_of_all_levels() {
    let found = read(r#" {"a": 1, "b":{"c":"x\n\u00e9","d":{"e":[1,{"f":2}]}},"g":null,"h":true,"":-1.5e3} "#).unwrap();
    assert_eq!(found, ["a Number 7-8", "b.c String x\né", "b.d.e Array 40-51", "h Bool 67-71", " Number 75-81"]);
    assert_eq!(read("{}").unwrap(), Vec::<String>::new());
}

#[test]
fn what_serde_json_refuses_is_refused() {
    for line in [
        "",
        "1",
        "[1]",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1}x",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":tru}",
        "{\"a\":NaN}",
        "{\"a\":\"x}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\t\"}",
        "{a:1}",
        "{\"a\":[1,}",
        "{\"a\":1e}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":\"\\",
    ] {
        assert!(read(line).is_err(), "{line}");
        assert!(serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(line).is_err(), "{line}");
    }
    assert_eq!(read("{\"a\":1,\"a\":2}").unwrap_err(), "key \"a\" is there twice");
    assert_eq!(read("{\"a.b\":1,\"a\":{\"b\":2}}").unwrap_err(), "there are two values for \"a.b\"");
    assert_eq!(read("{\"é\":1;}").unwrap_err(), "',' is expected at character 7");
    for line in [
        "{\"s\":\"QQ\\ud800\"}",
        "{\"s\":\"\\xQQ",
        "{\"s\":QQ}",
        "{\"s\":1QQ}",
        "{\"s\":\"QQ\tQQ\"}",
        "{\"s\":[\"QQ\",}",
        "{\"s\":tQQ}",
        "QQ",
        "{\"s\":1}QQ",
    ] {
        let why = read(line).unwrap_err();
        assert!(!why.contains('Q'), "{line}: {why}");
    }
    let why = read("{\"s\": \"QQ\\ud800\"}").unwrap_err();
    assert_eq!(why, "the string that begins at character 8 holds an escape that is none");
    let deep = "{\"a\":".repeat(100);
    assert!(read(&deep).unwrap_err().contains("64 deep"));
}
