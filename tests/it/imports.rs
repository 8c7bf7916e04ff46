//! `mlgate run data` with what another tool found: taken over, held against the data's age, and never a pass unread.

use crate::support::mlgate;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// In the files of tests/imports/ the tool ran on this day.
const DAY: &str = "2025-01-01T00:00:00+00:00";

struct Repo(tempfile::TempDir);

impl Repo {
    fn new() -> Repo {
        let repo = Repo(tempfile::tempdir().unwrap());
        repo.write("people.csv", "id\n1\n2\n");
        repo.written("people.csv", 600);
        repo
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Sets a file's time so many seconds back.
    fn written(&self, name: &str, seconds: u64) {
        let file = std::fs::File::options().write(true).open(self.0.path().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    /// A Soda scan of so many seconds ago that holds the checks whose outcome is `outcome`, alone.
    fn soda(&self, name: &str, outcome: &str, seconds: i64) {
        let time: DateTime<Utc> = Utc::now() - chrono::Duration::seconds(seconds);
        let text = fixture("soda.json").replace(DAY, &time.to_rfc3339());
        let mut scan: Value = serde_json::from_str(&text).unwrap();
        let checks = scan["checks"].as_array_mut().unwrap();
        checks.retain(|check| check["outcome"] == outcome);
        assert!(!checks.is_empty());
        scan["hasFailures"] = (outcome == "fail").into();
        scan["hasWarnings"] = (outcome == "warn").into();
        self.write(name, &scan.to_string());
    }

    /// Runs the data stage with these imports; gives what it said, and the record's checks and faults.
    #[track_caller]
    fn run(&self, import: &str, code: i32) -> (String, Value) {
        self.run_of("people.csv", import, code)
    }

    #[track_caller]
    fn run_of(&self, source: &str, import: &str, code: i32) -> (String, Value) {
        let config = format!(
            "version: 1\nmodel: {{name: m}}\ndata:\n  people:\n    source: {source}\n    checks: [rows = 2]\n    \
             import: [{import}]\n"
        );
        self.write("mlops.yaml", &config);
        let done = mlgate(self.0.path()).args(["run", "data"]).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{import}: {said}");
        let record = std::fs::read(self.0.path().join(".mlgate/record.json")).unwrap();
        // Without the ends of the terminal's lines.
        (said.split_whitespace().collect::<Vec<_>>().join(" "), serde_json::from_slice(&record).unwrap())
    }
}

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/imports");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// Id and outcome of what was imported.
fn imported(record: &Value) -> Vec<(String, String)> {
    let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_string();
    let checks = record["checks"].as_array().unwrap().iter();
    checks.map(|c| (text(c, "id"), text(c, "outcome"))).filter(|(id, _)| id.contains(".soda.")).collect()
}

#[test]
fn what_another_tool_found_decides_as_if_mlgate_had_found_it() {
    let repo = Repo::new();
    repo.soda("out/scan.json", "pass", 5);
    let (_, record) = repo.run("{soda: out/scan.json}", 0);
    let found = imported(&record);
    assert!(!found.is_empty() && found.iter().all(|(_, outcome)| outcome == "passed"), "{found:?}");
    let inputs = record["inputs"].as_array().unwrap();
    let input = inputs.iter().find(|input| input["kind"] == "data.people.import").unwrap();
    assert_eq!(input["name"], "out/scan.json");

    repo.soda("out/scan.json", "fail", 5);
    let (said, record) = repo.run("{soda: out/scan.json}", 1);
    assert!(imported(&record).contains(&("data.people.soda.ids are unique".into(), "failed".into())));
    assert!(said.contains("ids are unique"), "{said}");
    repo.soda("out/scan.json", "warn", 5);
    repo.run("{soda: out/scan.json}", 0);
}

#[test]
fn a_result_that_may_speak_of_other_data_blocks_until_its_age_is_allowed() {
    let repo = Repo::new();
    repo.soda("out/scan.json", "pass", 3600);
    // Unpacked just now, as CI does with what another job made: its own time counts.
    let (said, record) = repo.run("{soda: out/scan.json}", 4);
    assert!(said.contains("before people.csv was written") && said.contains("max_age: 1h"), "{said}");
    assert_eq!(imported(&record), [], "nothing of it is taken over");
    repo.run("{soda: out/scan.json, max_age: 2h}", 0);
    let (said, _) = repo.run("{soda: out/scan.json, max_age: 30m}", 4);
    assert!(said.contains("`max_age` is 30 min") && said.contains("run the tool again"), "{said}");
    repo.soda("out/scan.json", "pass", -3600);
    let (said, _) = repo.run("{soda: out/scan.json, max_age: 2h}", 4);
    assert!(said.contains("yet to come"), "{said}");

    // Evidently tells no time, so that the file's counts.
    repo.write("out/drift.json", &fixture("evidently.json").replace("\"FAIL\"", "\"SUCCESS\""));
    repo.run("{evidently: out/drift.json}", 0);
    repo.written("out/drift.json", 3600);
    let (said, _) = repo.run("{evidently: out/drift.json}", 4);
    assert!(said.contains("by its time on disk"), "{said}");
    repo.run("{evidently: out/drift.json, max_age: 1d}", 0);
}

#[test]
fn a_result_that_is_not_there_or_says_nothing_blocks() {
    let repo = Repo::new();
    repo.soda("out/scan.json", "pass", 5);
    let (said, _) = repo.run("{soda: out/scann.json}", 4);
    assert!(said.contains("no such file") && said.contains("did you mean scan.json?"), "{said}");
    let (said, _) = repo.run("{soda: none/at-all.json}", 4);
    assert!(said.contains("no such file") && said.contains("soda scan -srf"), "{said}");
    for (text, why) in
        [("", "it is empty"), (" \n", "it is empty"), ("{\"checks\"", "no valid JSON"), ("{}", "no `hasErrors`")]
    {
        repo.write("out/scan.json", text);
        let (said, record) = repo.run("{soda: out/scan.json}", 4);
        assert!(said.contains(why), "{text:?}: {said}");
        assert_eq!(imported(&record), []);
    }
    // What passed beside it does not make up for it.
    repo.soda("out/good.json", "pass", 5);
    let (_, record) = repo.run("{soda: out/good.json}, {soda: out/scan.json}", 4);
    assert!(!imported(&record).is_empty());
}

/// Data that do not lie here have no time to hold a result against.
#[test]
fn of_data_elsewhere_the_age_must_be_said() {
    let repo = Repo::new();
    repo.soda("out/scan.json", "pass", 5);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let source = format!("http://{}/people.csv", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            use std::io::{Read, Write};
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 7\r\n\r\nid\n1\n2\n");
        }
    });
    let (said, _) = repo.run_of(&source, "{soda: out/scan.json}", 4);
    assert!(said.contains("say how old it may be"), "{said}");
    repo.run_of(&source, "{soda: out/scan.json, max_age: 1h}", 0);
}
