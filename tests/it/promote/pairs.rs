//! Predictions that ride with the record: the next run and the promotion compare in pairs, with nothing stored but the
//! image.

use super::registry;
use crate::parts::{Registry, skopeo};
use crate::repo::Repo;
use serde_json::Value;

/// 400 rows of which every 20th is predicted wrongly, and the first `more`; positive is what is scored `least` or more.
/// `secret` is a column that no comparison needs.
fn rows(more: u32, score: &str, least: f64) -> String {
    let mut text = format!("row_id,y,{score},segment,secret\n");
    for i in 0..400_u32 {
        let is_right = i % 20 != 0 && i >= more;
        let is_positive = (i % 2 == 1) == is_right;
        let p = if is_positive { least + f64::from(i % 37) / 200.0 } else { 0.4 - f64::from(i % 37) / 100.0 };
        text += &format!("r{i},{},{p:.4},{},hunter{i}\n", i % 2, if i % 3 == 0 { "a" } else { "b" });
    }
    text
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A repository whose predictions ride along, judged against production.
fn repo(registry: &Registry, name: &str) -> Repo {
    let repo = Repo::with_config(&registry.repository(name));
    let config = repo.read("mlops.yaml").replace(
        "quality:\n  metrics: [metrics.json]\n  gates: [f1 >= 0.5]\n",
        "quality:\n  predictions: {file: p.csv, task: binary, label: y, score: p, id: row_id, slices: [segment], in_record: true}\n  \
         baseline: production\n  first_run: accept\n  gates: [f1 >= 0.5, \"warn: f1 within 3% of baseline\"]\n",
    );
    repo.write(
        "mlops.yaml",
        &config.replace("[quality.f1 within 3% of baseline, lead_time", "[quality.f1 within 9% of baseline, lead_time"),
    );
    repo.write("p.csv", &rows(0, "p", 0.6));
    repo.commit();
    repo
}

fn release(repo: &Repo) {
    repo.mlgate(&["run"]).exits(0);
    repo.mlgate(&["promote", "staging"]).exits(0);
    repo.mlgate(&["promote", "prod"]).exits(0);
}

fn verdict(record: &Value, gate: &str) -> Value {
    let found = record["verdicts"].as_array().unwrap().iter().find(|v| v["gate"].as_str().unwrap().contains(gate));
    found.unwrap_or_else(|| panic!("no {gate}: {record:#}")).clone()
}

/// The second model: somewhat worse, its file and its threshold are others.
fn change(repo: &Repo) {
    repo.write("p.csv", &rows(2, "proba", 0.75));
    let config = repo.read("mlops.yaml").replace("score: p,", "score: proba, threshold: 0.7,");
    repo.write("mlops.yaml", &config);
    repo.write("model/weights.txt", "0.4\n");
    repo.commit();
}

#[test]
fn the_next_run_and_the_promotion_compare_in_pairs() {
    let Some(registry) = registry() else { return };
    let repo = repo(&registry, "churn");
    release(&repo);
    let first = repo.record();
    let kept = &first["predictions"];
    assert_eq!((&kept["rows"], &kept["reading"]["score"]), (&Value::from(400), &Value::from("p")), "{kept}");

    // What lies in the registry is the columns that were judged and no others.
    let blob = registry.blob(kept["digest"].as_str().unwrap());
    let bytes = std::fs::read(&blob).unwrap();
    assert_eq!(bytes.len() as u64, kept["bytes"].as_u64().unwrap());
    assert!(bytes.len() < 8 << 10 && !bytes.windows(6).any(|w| w == b"secret" || w == b"hunter"));

    change(&repo);
    repo.mlgate(&["run"]).exits(0);
    let record = repo.record();
    let compared = verdict(&record, "within 3%");
    assert_eq!(compared["method"], "paired bootstrap over 400 rows joined on id", "{compared:#}");
    // Production is measured as it was: by its own column and threshold.
    let own =
        first["measurements"].as_array().unwrap().iter().find(|m| m["id"] == "quality.f1" && m["slice"].is_null());
    assert_eq!(compared["baseline"], own.unwrap()["value"]);
    let inputs = record["inputs"].as_array().unwrap();
    assert!(inputs.iter().any(|input| input["kind"] == "baseline" && input["digest"] == kept["digest"]), "{inputs:?}");

    repo.mlgate(&["promote", "staging"]).exits(0);
    let promotion: Value = serde_json::from_str(&repo.read(".mlgate/promote-staging.json")).unwrap();
    assert_eq!(verdict(&promotion, "within 3%")["method"], "paired bootstrap over 400 rows joined on id");
    // Nothing of it stays in the scratch folder but what this run kept.
    let left = std::fs::read_dir(repo.path(".mlgate")).unwrap().flatten().map(|e| e.file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().starts_with("recorded-")));
}

#[test]
fn without_rows_it_is_two_samples_and_says_why() {
    let Some(registry) = registry() else { return };
    let repo = repo(&registry, "quiet");
    let with = repo.read("mlops.yaml");
    let without = with.replace(", in_record: true", "");
    repo.write("mlops.yaml", &without);
    repo.commit();
    release(&repo);
    assert_eq!(repo.record()["predictions"], Value::Null);
    let raw =
        skopeo(&["inspect", "--raw", "--tls-verify=false", &format!("docker://{}:prod", registry.repository("quiet"))]);
    assert!(!raw.unwrap().contains("parquet"), "off unless asked for");

    repo.write("mlops.yaml", &with);
    change(&repo);
    let said = repo.mlgate(&["run"]).exits(0);
    assert!(on_one_line(&said).contains("its record carries no predictions"), "{said}");
    assert!(verdict(&repo.record(), "within 3%")["method"].as_str().unwrap().contains("two samples"));
    // The candidate has rows by now, what staging runs has not.
    let said = repo.mlgate(&["promote", "staging"]).said();
    assert!(on_one_line(&said).contains("as two samples: its record carries no predictions"), "{said}");
}

#[test]
fn damaged_rows_are_a_fault_and_no_reason_for_two_samples() {
    let Some(registry) = registry() else { return };
    let repo = repo(&registry, "damaged");
    release(&repo);
    let blob = registry.blob(repo.record()["predictions"]["digest"].as_str().unwrap());
    let sound = std::fs::read(&blob).unwrap();
    change(&repo);

    let mut flipped = sound.clone();
    flipped[100] ^= 1;
    for (bytes, why) in [(&flipped[..], "expected the blob sha256:"), (&sound[..1000], "sha256:"), (&[], "sha256:")] {
        std::fs::write(&blob, bytes).unwrap();
        let said = on_one_line(&repo.mlgate(&["run"]).exits(4));
        assert!(said.contains("read the predictions of a record") && said.contains("who can push"), "{said}");
        assert!(said.contains(why) && !said.contains("as two samples"), "{said}");
    }
    std::fs::remove_file(&blob).unwrap();
    let said = repo.mlgate(&["run"]).exits(4);
    assert!(said.contains("404") || said.contains("BLOB_UNKNOWN"), "{said}");
    std::fs::write(&blob, &sound).unwrap();
    repo.mlgate(&["run"]).exits(0);
}
