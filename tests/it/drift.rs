//! Profiles and drift, from `mlops.yaml` to the record, the reports and the next run's reference.

use crate::parts;
use crate::repo::Repo;
use crate::support::skipped;
use serde_json::Value;
use std::fmt::Write as _;

fn people(rows: u32, older: u32) -> String {
    let mut text = "age,income,country,email\n".to_string();
    for i in 0..rows {
        let country = if i % 5 < 2 { "JP" } else { "U|S" };
        let (age, income) = (20 + i * 37 % 50 + older, f64::from(i * 7919 % 9973));
        writeln!(text, "{age},{income},{country},user{i}@example.com").unwrap();
    }
    text
}

fn repo(drift: &str) -> Repo {
    let repo = Repo::new("localhost/churn");
    repo.write("train.csv", &people(3000, 0));
    repo.write("live.csv", &people(2000, 15));
    let sets = "train: {source: train.csv, private: [email]}\n  live:\n    source: live.csv\n    private: [email]";
    repo.write("mlops.yaml", &format!("version: 1\nmodel: {{name: churn}}\ndata:\n  {sets}\n    drift: {drift}\n"));
    repo
}

fn check<'a>(record: &'a Value, id: &str) -> &'a Value {
    let checks = record["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("{id} in {checks:#?}"))
}

fn measured(record: &Value, id: &str) -> f64 {
    let all = record["measurements"].as_array().unwrap();
    all.iter().find(|m| m["id"] == id).and_then(|m| m["value"].as_f64()).unwrap_or_else(|| panic!("{id} in {all:#?}"))
}

#[test]
fn a_column_that_moved_is_shown_and_too_many_block() {
    let repo = repo("{against: train, max_share: 40%}");
    repo.mlgate(&["run", "data"]).exits(0);
    let record = repo.record();
    assert_eq!(check(&record, "data.live.drift(age)")["outcome"], "failed");
    assert_eq!(check(&record, "data.live.drift(income)")["outcome"], "passed");
    let verdicts = record["verdicts"].as_array().unwrap();
    let age = verdicts.iter().find(|v| v["id"] == "data.live.drift(age)").unwrap();
    assert_eq!((&age["outcome"], &age["blocking"]), (&Value::from("warned"), &Value::from(false)));
    assert!((measured(&record, "data.live.drift_share") - 1.0 / 3.0).abs() < 1e-9);
    // Both sides are drawn wherever the record is read again.
    let shown = repo.mlgate(&["report", ".mlgate/record.json"]).exits(0);
    let bars = shown.lines().find(|line| line.contains("reference ")).unwrap_or_else(|| panic!("{shown}"));
    assert!(bars.contains("current ·") && bars.contains('█'), "{bars}");
    let comment = repo.mlgate(&["report", ".mlgate/record.json", "--format", "markdown"]).exits(0);
    assert!(comment.contains("<summary>Distributions: 1</summary>") && comment.contains('█'), "{comment}");
    // What is private is in no report and no record.
    assert!(!repo.read(".mlgate/record.json").contains("@example.com"));

    let config = repo.read("mlops.yaml");
    repo.write("mlops.yaml", &config.replace("40%", "30%"));
    let said = repo.mlgate(&["run", "data"]).exits(1);
    assert!(said.contains("1 of 3 columns (33.33%) have drifted from train, expected <= 30%"), "{said}");
    repo.write("mlops.yaml", &config.replace("40%", "40%, label: age"));
    repo.mlgate(&["run", "data"]).exits(1);
    repo.write("mlops.yaml", &config.replace("40%", "40%, label: agee"));
    let said = repo.mlgate(&["run", "data"]).exits(4);
    assert!(said.contains("did you mean \"age\""), "{said}");
}

#[test]
fn a_profile_is_a_reference_without_the_rows() {
    let repo = repo("{against: ./ref.json}");
    let said = repo.mlgate(&["run", "data"]).exits(4);
    assert!(said.contains("mlgate profile"), "{said}");
    repo.mlgate(&["profile", "train", "-o", "ref.json"]).exits(0);
    let text = repo.read("ref.json");
    assert!(text.len() < 24_576 && !text.contains("@example.com"), "{} bytes", text.len());
    let profile: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&profile["schema"], &profile["rows"]), (&Value::from(1), &Value::from(3000)));
    // The file that mlops.yaml names keeps its private columns, and a pipe gets JSON.
    let shown = repo.mlgate(&["profile", "./train.csv"]).exits(0);
    assert!(shown.starts_with("{\"") && !shown.contains("@example.com"), "{shown}");
    let shown = repo.mlgate(&["profile", "train.csv", "--format", "table", "--private", "country"]).exits(0);
    assert!(shown.contains("3,000 rows") && shown.contains('█') && !shown.contains("JP"), "{shown}");
    repo.mlgate(&["profile", "nowhere.csv"]).exits(4);
    repo.mlgate(&["profile", "train.csv", "--private", "nope"]).exits(4);

    repo.mlgate(&["run", "data"]).exits(0);
    let by_profile = repo.record();
    let config = repo.read("mlops.yaml");
    repo.write("mlops.yaml", &config.replace("./ref.json", "train"));
    repo.mlgate(&["run", "data"]).exits(0);
    for id in ["data.live.drift(age)", "data.live.drift(income)", "data.live.drift(country)"] {
        let (a, b) = (measured(&by_profile, id), measured(&repo.record(), id));
        assert!((a - b).abs() < 0.01, "{id}: {a} by the profile, {b} by the rows");
    }
}

/// splitmix64, its upper 53 bits as a fraction: what tests/drift/make.py draws.
fn uniform(seed: u64, n: u64) -> impl Iterator<Item = f64> {
    (1..=n).map(move |i| {
        let mut z = seed.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 * 2.0_f64.powi(-53)
    })
}

#[test]
fn the_numbers_are_those_of_evidently() {
    let expected = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/drift/expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let mut seen = 0;
    for case in expected["numeric"].as_array().unwrap() {
        let size = |key: &str| case[key].as_u64().unwrap();
        // With fewer than six different values numbers are compared as categories.
        if size("n") < 6 {
            continue;
        }
        let of = |key: &str, u: f64| match case[key].as_str().unwrap() {
            "uniform" => Some(u),
            "shifted" => Some(u + 0.05),
            "squared" => Some(u * u),
            "far" => Some(u + 10.0),
            "signed" => Some((u - 0.5) * 1e6),
            _ => None,
        };
        let side = |key: &str, seed, n| uniform(seed, n).map(|u| of(key, u)).collect::<Option<Vec<f64>>>();
        let sides = (side("reference", size("seed"), size("n")), side("current", size("seed") + 1, size("m")));
        let (Some(reference), Some(current)) = sides else { continue };
        let csv = |values: &[f64]| "x\n".to_string() + &values.iter().map(|v| format!("{v:?}\n")).collect::<String>();
        let repo = repo("{against: train, max_share: 99%}");
        repo.write("mlops.yaml", &repo.read("mlops.yaml").replace("private: [email]", "private: []"));
        repo.write("train.csv", &csv(&reference));
        repo.write("live.csv", &csv(&current));
        repo.mlgate(&["run", "data"]);
        let key = if size("n") <= 1000 { "ks" } else { "wasserstein" };
        let (found, wanted) = (measured(&repo.record(), "data.live.drift(x)"), case[key].as_f64().unwrap());
        assert!((found - wanted).abs() <= 1e-6 * wanted.abs().max(1e-6), "{key} {case}: {found}");
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} cases");
}

#[test]
fn live_data_is_compared_with_what_the_model_in_production_was_trained_on() {
    let registry = match parts::registry() {
        Ok(registry) => registry,
        Err(why) => return skipped(&why),
    };
    let repository = registry.repository("churn");
    let repo = Repo::with_config(&repository);
    repo.write("train.csv", &people(3000, 0));
    repo.write("live.csv", &people(2000, 0));
    let set = "  train: {source: train.csv, private: [email]}\n  live:\n    source: live.csv\n    private: [email]\n    \
               drift: {against: production.train, max_share: 30%}\n";
    let config = repo.read("mlops.yaml");
    let config = config.replace("  train: {source: train.csv, checks: [rows >= 3, unique(id)]}\n", set);
    let config = config.replace("lead_time < 1d,", "lead_time < 1d, data.live.drift_share <= 20%,");
    repo.write("mlops.yaml", &config);
    repo.commit();
    // Nothing is in production: no reference, and no pass.
    let said = repo.mlgate(&["run"]).exits(4);
    assert!(said.contains("nothing is in production yet"), "{said}");
    let first = config.replace("against: production.train, max_share: 30%", "against: train");
    repo.write("mlops.yaml", &first);
    repo.commit();
    repo.mlgate(&["run"]).exits(0);
    assert_eq!(repo.record()["profiles"][0]["dataset"], "train");
    repo.mlgate(&["promote", "staging"]).exits(0);
    repo.mlgate(&["promote", "prod"]).exits(0);

    // The workspace's training data is another now; the reference is still what production was trained on.
    repo.write("mlops.yaml", &config);
    repo.write("train.csv", &people(3000, 30));
    repo.commit();
    repo.mlgate(&["run"]).exits(0);
    assert_eq!(measured(&repo.record(), "data.live.drift_share"), 0.0);
    let age = check(&repo.record(), "data.live.drift(age)")["message"].as_str().unwrap().to_string();
    assert!(age.contains("train in production"), "{age}");

    repo.write("live.csv", &people(2000, 15));
    repo.commit();
    let said = repo.mlgate(&["run"]).exits(1);
    assert!(said.contains("have drifted from train in production"), "{said}");
    // A record without the profile that is asked for is no reference.
    repo.write("mlops.yaml", &config.replace("production.train", "production.test"));
    repo.commit();
    let said = repo.mlgate(&["run"]).exits(4);
    assert!(said.contains("train, live"), "{said}");
}
