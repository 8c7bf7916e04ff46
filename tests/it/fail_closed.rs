//! What is missing, broken or down: a row each, with its outcome, its exit code, and nothing let through.

use crate::repo::Repo;
use crate::support::free_port;

struct Row {
    name: &'static str,
    /// The part of `mlops.yaml` after `version` and `model`.
    config: &'static str,
    files: &'static [(&'static str, &'static str)],
    exit: i32,
    /// Outcome of the verdict that blocks; none where the config is refused before anything runs.
    outcome: Option<&'static str>,
    says: &'static str,
}

const PREDICTIONS: &str = "predictions: {file: p.csv, task: binary, label: y, score: p}";

const ROWS: &[Row] = &[
    Row {
        name: "no rows",
        config: "data: {train: {source: t.csv, checks: [nulls(age) = 0]}}",
        files: &[("t.csv", "id,age\n")],
        exit: 1,
        outcome: Some("failed"),
        says: "rows",
    },
    Row {
        name: "no such column",
        config: "data: {train: {source: t.csv, checks: [nulls(agee) = 0]}}",
        files: &[("t.csv", "id,age\n1,2\n")],
        exit: 4,
        outcome: Some("errored"),
        says: "agee",
    },
    Row {
        name: "no such data file",
        config: "data: {train: {source: t.csv}}",
        files: &[],
        exit: 4,
        outcome: Some("errored"),
        says: "t.csv",
    },
    Row {
        name: "missing metric",
        config: "quality: {metrics: [m.json], gates: [auc >= 0.5]}",
        files: &[("m.json", "{\"f1\": 0.9}")],
        exit: 4,
        outcome: Some("errored"),
        says: "`quality.auc` was not measured",
    },
    Row {
        name: "metric of no rows",
        config: "quality: {metrics: [m.json], gates: [f1 >= 0.5]}",
        files: &[("m.json", "{\"f1\": {\"value\": 0.9, \"n\": 0}}")],
        exit: 4,
        outcome: Some("errored"),
        says: "on no rows nothing was measured",
    },
    Row {
        name: "metric of no rows in CSV",
        config: "quality: {metrics: [m.csv], gates: [f1 >= 0.5]}",
        files: &[("m.csv", "name,value,n\nf1,0.9,0\n")],
        exit: 4,
        outcome: Some("errored"),
        says: "on no rows nothing was measured",
    },
    Row {
        name: "metric twice in YAML",
        config: "quality: {metrics: [m.yaml], gates: [f1 >= 0.5]}",
        files: &[("m.yaml", "f1: 0.9\nf1: 0.4\n")],
        exit: 4,
        outcome: Some("errored"),
        says: "duplicate mapping key: f1 at line 2",
    },
    Row {
        name: "gate with brackets in a list in brackets",
        config: "quality: {metrics: [m.json], gates: [f1[segment] >= 0.5]}",
        files: &[],
        exit: 2,
        outcome: None,
        says: "in quotes: ['recall[region] >= 0.7']",
    },
    Row {
        name: "NaN",
        config: "quality: {metrics: [m.json], gates: [f1 >= 0.5]}",
        files: &[("m.json", "{\"f1\": NaN}")],
        exit: 4,
        outcome: Some("errored"),
        says: "NaN",
    },
    Row {
        name: "an interval of a lower level than the gates want",
        config: "confidence: 99%\ninconclusive: {run: block}\nquality: {metrics: [m.json], gates: [f1 >= 0.85]}",
        files: &[("m.json", "{\"f1\": {\"value\": 0.851, \"low\": 0.8, \"high\": 0.9}}")],
        exit: 3,
        outcome: Some("inconclusive"),
        says: "carried from 95% to 99%",
    },
    Row {
        name: "no metric file",
        config: "quality: {metrics: [m.json], gates: [f1 >= 0.5]}",
        files: &[],
        exit: 4,
        outcome: Some("errored"),
        says: "m.json",
    },
    Row {
        name: "empty predictions",
        config: "quality: {PREDICTIONS, gates: [f1 >= 0.5]}",
        files: &[("p.csv", "y,p\n")],
        exit: 4,
        outcome: Some("errored"),
        says: "no rows",
    },
    Row {
        name: "predictions of one class",
        config: "quality: {PREDICTIONS, gates: [roc_auc >= 0.5]}",
        files: &[("p.csv", "y,p\n1,0.9\n1,0.8\n")],
        exit: 4,
        outcome: Some("errored"),
        says: "roc_auc",
    },
    Row {
        name: "a slice that no row is in",
        config: "quality: {predictions: {file: p.csv, task: binary, label: y, score: p, slices: [{name: new in DE, where: t > 9}]}, gates: ['f1[new in DE] >= 0.1']}",
        files: &[("p.csv", "y,p,t\n1,0.9,1\n0,0.1,2\n")],
        exit: 4,
        outcome: Some("errored"),
        says: "new in DE",
    },
    Row {
        name: "a slice on an absent column",
        config: "quality: {predictions: {file: p.csv, task: binary, label: y, score: p, slices: [{name: new, where: tenur < 9}]}, gates: ['f1[new] >= 0.1']}",
        files: &[("p.csv", "y,p,tenure\n1,0.9,1\n0,0.1,2\n")],
        exit: 4,
        outcome: Some("errored"),
        says: "no column \"tenur\"",
    },
    Row {
        name: "weights that are text",
        config: "quality: {predictions: {file: p.csv, task: binary, label: y, score: p, weight: w}, gates: [f1 >= 0.1]}",
        files: &[("p.csv", "y,p,w\n1,0.9,much\n0,0.1,little\n")],
        exit: 4,
        outcome: Some("errored"),
        says: "is no number",
    },
    Row {
        name: "bins out of order",
        config: "quality: {predictions: {file: p.csv, task: binary, label: y, score: p, slices: [{column: age, bins: [30, 18]}]}, gates: [f1 >= 0.1]}",
        files: &[],
        exit: 2,
        outcome: None,
        says: "the edges of bins rise",
    },
    Row {
        name: "missing baseline",
        config: "quality: {metrics: [m.json], baseline: old.json, gates: [f1 within 3% of baseline]}",
        files: &[("m.json", "{\"f1\": 0.9}")],
        exit: 4,
        outcome: Some("errored"),
        says: "first_run: accept",
    },
    Row {
        name: "unknown gate name",
        config: "quality: {PREDICTIONS, gates: [f7 >= 0.5]}",
        files: &[],
        exit: 2,
        outcome: None,
        says: "MG021",
    },
    Row {
        name: "no gates on promote",
        config: "environments: {prod: {overlay: k8s/overlays/prod, promote: {}}}",
        files: &[],
        exit: 2,
        outcome: None,
        says: "MG041",
    },
    Row {
        name: "only warnings on promote",
        config: "environments: {prod: {overlay: k8s/overlays/prod, promote: {gates: ['warn: lead_time < 1d']}}}",
        files: &[],
        exit: 2,
        outcome: None,
        says: "MG041",
    },
    Row {
        name: "engine down",
        config: "image: {repository: localhost:1/churn, dockerfile: Dockerfile, tags: [v1]}",
        files: &[("Dockerfile", "FROM scratch\n")],
        exit: 4,
        outcome: Some("errored"),
        says: "Docker engine",
    },
    Row {
        name: "command killed",
        config: "tests: {unit: {run: kill -9 $$}}",
        files: &[],
        exit: 4,
        outcome: Some("errored"),
        says: "SIGKILL",
    },
    Row {
        name: "command not found",
        config: "tests: {unit: {run: no-such-program-here}}",
        files: &[],
        exit: 4,
        outcome: Some("errored"),
        says: "no-such-program-here",
    },
    Row {
        name: "command fails",
        config: "tests: {unit: {run: exit 3}}",
        files: &[],
        exit: 1,
        outcome: Some("failed"),
        says: "3",
    },
    Row {
        name: "JUnit absent",
        config: "tests: {unit: {run: 'true', junit: out/unit.xml}}",
        files: &[],
        exit: 4,
        outcome: Some("errored"),
        says: "out/unit.xml",
    },
    Row {
        name: "JUnit without a test",
        config: "tests: {unit: {run: 'echo \"<testsuites/>\" > unit.xml', junit: unit.xml}}",
        files: &[],
        exit: 4,
        outcome: Some("errored"),
        says: "no test",
    },
    Row {
        name: "nobody listens",
        config: "latency: {url: 'http://127.0.0.1:PORT', start_timeout: 1s, duration: 1s, request: {path: /}, gates: [p95 < 1s]}",
        files: &[],
        exit: 4,
        outcome: Some("errored"),
        says: "127.0.0.1",
    },
    Row {
        name: "overlay not there",
        config: "environments: {prod: {overlay: k8s/nowhere}}",
        files: &[],
        exit: 4,
        outcome: Some("errored"),
        says: "k8s/nowhere",
    },
    Row {
        name: "model files not there",
        config: "model_files: gone\ndata: {train: {source: t.csv}}",
        files: &[("t.csv", "id\n1\n")],
        exit: 4,
        outcome: None,
        says: "gone",
    },
];

#[test]
fn nothing_passes_that_could_not_be_judged() {
    for row in ROWS {
        let repo = Repo::new("localhost:1/churn");
        let (files, config) = match row.config.strip_prefix("model_files: gone\n") {
            Some(rest) => (", files: [gone/]", rest),
            None => ("", row.config),
        };
        let config = config.replace("PREDICTIONS", PREDICTIONS).replace("PORT", &free_port().to_string());
        repo.write("mlops.yaml", &format!("version: 1\nmodel: {{name: churn{files}}}\n{config}\n"));
        row.files.iter().for_each(|(name, text)| repo.write(name, text));
        let mut command = crate::support::mlgate(repo.root());
        command.arg("run").env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        let output = command.output().unwrap();
        let said = crate::repo::Done(output).exits(row.exit);
        assert!(said.contains(row.says), "{}: `{}` is missing in\n{said}", row.name, row.says);
        let Some(outcome) = row.outcome else {
            assert!(!repo.path(".mlgate/record.json").exists(), "{}", row.name);
            continue;
        };
        let record = repo.record();
        assert_eq!(record["decision"]["outcome"], "blocked", "{}", row.name);
        assert_eq!(record["decision"]["because"], outcome, "{}", row.name);
        let blocking = record["verdicts"].as_array().unwrap().iter().filter(|v| v["blocking"] == true);
        assert!(blocking.clone().any(|v| v["outcome"] == outcome), "{}: {record:#}", row.name);
        assert!(blocking.clone().all(|v| !v["reason"].as_str().unwrap().is_empty()), "{}", row.name);
    }
}

#[test]
fn an_empty_run_is_no_pass() {
    let repo = Repo::new("localhost:1/churn");
    repo.write("mlops.yaml", "version: 1\nmodel: {name: churn}\n");
    repo.mlgate(&["check"]).exits(2);
    let said = repo.mlgate(&["run"]).exits(2);
    assert!(said.contains("no stage"), "{said}");
    repo.write("mlops.yaml", "version: 1\nmodel: {name: churn}\ndata: {t: {source: train.csv}}\n");
    let said = repo.mlgate(&["run", "tests"]).exits(2);
    assert!(said.contains("no stage tests"), "{said}");
}

#[test]
fn inconclusive_warns_in_a_run_unless_the_user_says_otherwise() {
    let repo = Repo::new("localhost:1/churn");
    let rows: String =
        (0..40).map(|i| format!("{},{}\n", i % 2, if i % 10 == 0 { 0.9 } else { f64::from(i % 2) })).collect();
    repo.write("p.csv", &format!("y,p\n{rows}"));
    let config = format!("version: 1\nmodel: {{name: churn}}\nquality: {{{PREDICTIONS}, gates: [accuracy >= 0.85]}}\n");
    repo.write("mlops.yaml", &config);
    let said = repo.mlgate(&["run"]).exits(0);
    assert!(said.contains("rows cannot tell"), "{said}");
    repo.write("mlops.yaml", &format!("{config}inconclusive: {{run: block}}\n"));
    repo.mlgate(&["run"]).exits(3);
    assert_eq!(repo.record()["decision"]["because"], "inconclusive");
}

#[test]
fn a_secret_that_a_command_echoes_is_in_no_output() {
    let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END KEY-----";
    let address = "postgres://ann:hunter2hunter2@db/x";
    let repo = Repo::new("localhost:1/churn");
    let run = r#"printf '%0395d%s %s\n' 0 "$DEPLOY_TOKEN" "$DATABASE_URL"; echo "$SIGNING_KEY"; exit 1"#;
    repo.write("run.sh", run);
    repo.write("mlops.yaml", "version: 1\nmodel: {name: churn}\ntests: {unit: {run: sh run.sh}}\n");
    let mut command = crate::support::mlgate(repo.root());
    command.arg("run").env("DEPLOY_TOKEN", "s3cr3t-value-of-a-token").env("CI", "true");
    command.env("SIGNING_KEY", key).env("DATABASE_URL", address);
    let said = crate::repo::Done(command.output().unwrap()).exits(1);
    for text in [&said, &repo.read(".mlgate/record.json")] {
        // Also where a line is cut in the middle of it.
        for secret in ["s3cr3", "hunter2", "MIIEvQIBADAN"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        assert!(text.contains("***"), "{text}");
    }

    // An error that names one, before there is a record.
    let mut command = crate::support::mlgate(repo.root());
    command.args(["run", "--config", "s3cr3t-value-of-a-token.yaml"]).env("DEPLOY_TOKEN", "s3cr3t-value-of-a-token");
    let said = crate::repo::Done(command.output().unwrap()).exits(2);
    assert!(!said.contains("s3cr3t") && said.contains("***"), "{said}");
}
