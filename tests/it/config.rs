//! `mlops.yaml`, read from the outside: every problem at once, each with its place, its code and a way out.

use crate::support::mlgate;
use std::path::Path;
use std::process::Output;

fn check(text: &[u8]) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mlops.yaml"), text).unwrap();
    let output = mlgate(folder.path()).arg("check").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

/// The codes of the problems, in the order of the file, and the places they point to.
fn problems(text: &str) -> (Vec<String>, Vec<String>, String) {
    let (output, said) = check(text.as_bytes());
    assert_eq!(output.status.code(), Some(2), "{said}\n{}", String::from_utf8_lossy(&output.stdout));
    let codes = said.lines().filter_map(|l| Some(l.strip_prefix("error[")?.split_once(']')?.0.to_string())).collect();
    let places = said.lines().filter_map(|l| Some(l.trim_start().strip_prefix("--> ")?.to_string())).collect();
    (codes, places, said)
}

const MINIMAL: &str = "version: 1\nmodel: {name: churn}\n";

#[test]
fn all_problems_come_at_once_with_place_code_and_nearest_name() {
    let text = "\
version: 2
model: {nmae: churn}
data:
  train:
    source: 7
    cheks: []
    checks:
      - age betwen 0 and 120
      - id references usrs.id
  live: {source: ftp://host/live.parquet}
quality:
  predictions: {file: p.csv, task: binary, label: y, score: p, slices: [segment]}
  gates:
    - f3 >= 0.85
    - f1 >= 200ms
    - f1 within 3% of baseline
    - f1[region] >= 0.7
    - f1 => 0.8
latency:
  request: {path: /predict}
  rate: 100
  url: http://127.0.0.1:1
  gates: [p95 < 0.2, p9 < 200ms]
environments:
  prod: {overlay: ../k8s, promote: {from: stagin, gates: []}}
";
    let (codes, places, said) = problems(text);
    let expected = [
        ("1:10", "MG013"),
        ("2:8", "MG012"),
        ("2:9", "MG010"),
        ("5:13", "MG011"),
        ("6:5", "MG010"),
        ("8:13", "MG030"),
        ("9:9", "MG031"),
        ("10:18", "MG013"),
        ("14:7", "MG021"),
        ("15:7", "MG022"),
        ("16:7", "MG023"),
        ("17:7", "MG024"),
        ("18:10", "MG020"),
        ("21:9", "MG011"),
        ("23:11", "MG022"),
        ("23:22", "MG021"),
        ("25:3", "MG014"),
        ("25:19", "MG013"),
        ("25:43", "MG040"),
        ("25:58", "MG041"),
    ];
    let found: Vec<(String, String)> =
        places.iter().map(|p| p.replacen("mlops.yaml:", "", 1)).zip(codes.iter().cloned()).collect();
    let expected: Vec<(String, String)> = expected.iter().map(|(p, c)| (p.to_string(), c.to_string())).collect();
    assert_eq!(found, expected, "{said}");
    for hint in ["did you mean `name`?", "did you mean `checks`?", "f1", "100/s"] {
        assert!(said.contains(hint), "{hint} is missing in\n{said}");
    }
    assert!(said.contains("20 problems"), "{said}");
}

#[test]
fn hostile_files_are_refused_in_words() {
    let nested = format!("{MINIMAL}data: {}{}\n", "[".repeat(100), "]".repeat(100));
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for i in 1..12 {
        bomb.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 9].join(",")));
    }
    let large = format!("{MINIMAL}# {}\n", "x".repeat(10 << 20));
    let cases: [(&str, Vec<u8>, &str); 14] = [
        ("empty", b"".to_vec(), "MG005"),
        ("white space", b" \n\n  \n".to_vec(), "MG005"),
        ("only a comment", b"# nothing\n".to_vec(), "MG011"),
        ("a list", b"- a\n- b\n".to_vec(), "MG011"),
        ("a word", b"hello\n".to_vec(), "MG011"),
        ("not UTF-8", b"version: 1\nmodel: {name: \xff\xfe}\n".to_vec(), "MG002"),
        ("a tab", b"version: 1\nmodel:\n\tname: x\n".to_vec(), "MG004"),
        ("a key twice", b"version: 1\nversion: 1\nmodel: {name: x}\n".to_vec(), "MG004"),
        ("not closed", b"version: 1\nmodel: {name: x\n".to_vec(), "MG004"),
        ("two documents", b"version: 1\nmodel: {name: x}\n---\nversion: 1\n".to_vec(), "MG004"),
        ("an unknown alias", b"version: *one\nmodel: {name: x}\n".to_vec(), "MG004"),
        ("a hundred levels", nested.into_bytes(), "MG006"),
        ("a bomb", bomb.into_bytes(), "MG006"),
        ("ten megabytes", large.into_bytes(), "MG003"),
    ];
    for (name, text, code) in cases {
        let (output, said) = check(&text);
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains(&format!("error[{code}]")), "{name} should be {code}:\n{said}");
        assert!(said.contains("mlops.yaml"), "{name}: {said}");
        assert!(said.len() < 4000, "{name}: {} bytes of error", said.len());
    }
}

#[test]
fn a_missing_file_and_a_folder_in_its_place_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let output = mlgate(folder.path()).arg("check").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("MG001"));
    std::fs::create_dir(folder.path().join("mlops.yaml")).unwrap();
    let output = mlgate(folder.path()).arg("check").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("MG001"));
}

#[test]
fn bom_and_crlf_are_read_and_places_stay_right() {
    let text = format!("\u{feff}{MINIMAL}data:\n  a: {{source: a.csv}}\n").replace('\n', "\r\n");
    let (output, said) = check(text.as_bytes());
    assert_eq!(output.status.code(), Some(0), "{said}");
    let (codes, places, said) = problems(&text.replace("source", "sorce"));
    assert_eq!(codes, ["MG012", "MG010"], "{said}");
    assert!(places[1].ends_with(":4:7"), "{places:?}");
}

#[test]
fn the_plan_says_what_would_run() {
    let text = format!(
        "{MINIMAL}data:\n  train: {{source: train.csv, checks: [rows >= 10]}}\n\
         quality:\n  metrics: [m.json]\n  baseline: git:origin/main\n  gates: [f1 within 3% of baseline, \"warn: auc >= 0.9\"]\n"
    );
    let (output, said) = check(text.as_bytes());
    let plan = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for line in [
        "train: train.csv · 1 check",
        "baseline: git:origin/main",
        "gate: f1 within 3% of baseline",
        "warn: auc >= 0.9",
    ] {
        assert!(plan.contains(line), "{line} is missing in\n{plan}");
    }
}

#[test]
fn yaml_reads_a_warning_without_quotes_as_a_mapping_and_so_do_we() {
    let text =
        format!("{MINIMAL}quality:\n  metrics: [m.json]\n  gates:\n    - warn: f1 >= 0.9\n    - wran: f1 >= 0.9\n");
    let (codes, _, said) = problems(&text);
    assert_eq!(codes, ["MG011"], "{said}");
}

#[test]
fn a_gate_may_be_in_quarantine_and_says_so_in_the_plan() {
    let gate = "{gate: \"f1 >= 0.9\", quarantine: {until: 2027-01-31, reason: labels come late}}";
    let text = format!("{MINIMAL}quality:\n  metrics: [m.json]\n  gates:\n    - {gate}\n    - f1 / b >= 2\n");
    let (output, said) = check(text.as_bytes());
    let plan = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for line in ["gate: f1 >= 0.9 (in quarantine until 2027-01-31: labels come late)", "gate: f1 / b >= 2"] {
        assert!(plan.contains(line), "{line} is missing in\n{plan}");
    }
    for (wrong, code) in [
        ("{gate: \"f1 >= 0.9\", quarantine: {until: 2027-02-30, reason: late}}", "MG013"),
        ("{gate: \"f1 >= 0.9\", quarantine: {until: soon, reason: late}}", "MG013"),
        ("{gate: \"f1 >= 0.9\", quarantine: {until: 2027-01-31}}", "MG012"),
        ("{gate: \"f1 >= 0.9\", quarantine: 2027-01-31}", "MG011"),
        ("{gate: \"f1 >= 0.9\", untill: 2027-01-31}", "MG010"),
        ("{gate: \"f1 => 0.9\"}", "MG020"),
        ("{quarantine: {until: 2027-01-31, reason: late}}", "MG011"),
    ] {
        let text = format!("{MINIMAL}quality:\n  metrics: [m.json]\n  gates:\n    - {wrong}\n");
        let (codes, _, said) = problems(&text);
        assert_eq!(codes, [code], "{said}");
    }
}

#[test]
fn arithmetic_is_held_to_its_units_and_to_what_is_measured_by_then() {
    let both =
        format!("{PREDICTIONS}{PROBE}  gates: [quality.f1 / latency.p95 >= 4, p99 - p50 < 100ms, p95 - 5ms < 1s]\n");
    let (output, said) = check(format!("{MINIMAL}{both}").as_bytes());
    assert_eq!(output.status.code(), Some(0), "{said}");
    for (of_quality, of_latency, code, help) in [
        ("f1 / latency.p95 >= 4", "p95 < 1s", "MG021", "`p95` is measured by `latency`"),
        ("f1 / p95 >= 4", "p95 < 1s", "MG021", "`p95` is measured by `latency`"),
        ("f1 >= 0", "p95 + 1 < 1s", "MG022", "latency.p95 - 5ms"),
        ("f1 >= 0", "p95 - p50 < 1", "MG022", "such as 200ms"),
        ("f1 >= 0", "p95 / p50 < 1s", "MG022", "a plain number"),
        ("f1 >= 0", "quality.f1 / p95 >= 4ms", "MG022", "such as 100/s"),
        ("f1[other] / f1 >= 0.5", "p95 < 1s", "MG024", "segment"),
    ] {
        let text = format!("{MINIMAL}{PREDICTIONS}  gates: [\"{of_quality}\"]\n{PROBE}  gates: [\"{of_latency}\"]\n");
        let (codes, _, said) = problems(&text);
        assert_eq!(codes, [code], "{said}");
        assert!(said.contains(help), "{help}: {said}");
    }
}

#[test]
fn gates_that_the_last_run_had_too_few_rows_for_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let gate = "f1 within 3% of baseline";
    let text = format!("{MINIMAL}quality:\n  metrics: [m.json]\n  baseline: git:main\n  gates: [{gate}]\n");
    std::fs::write(dir.path().join("mlops.yaml"), text).unwrap();
    let said = || {
        let output = mlgate(dir.path()).arg("check").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(!said().contains("last run"));
    let record = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports/blocked.json");
    let mut record: serde_json::Value = serde_json::from_slice(&std::fs::read(record).unwrap()).unwrap();
    let verdict = &mut record["verdicts"][0];
    (verdict["gate"], verdict["n"], verdict["n_advised"]) = (gate.into(), 412.into(), 5100.into());
    std::fs::create_dir(dir.path().join(".mlgate")).unwrap();
    let write = |record: &serde_json::Value| {
        std::fs::write(dir.path().join(".mlgate/record.json"), record.to_string()).unwrap();
    };
    write(&record);
    let advice = "the 412 rows of the last run cannot see such a change, about 5,100 would";
    assert!(said().contains(&format!("`{gate}`: {advice}")), "{}", said());
    record["verdicts"][0]["n"] = 6000.into();
    write(&record);
    assert!(!said().contains("last run"));
}

#[test]
fn looks_are_a_few() {
    let probe = |remeasure: &str| format!("{MINIMAL}{PROBE}  remeasure: {remeasure}\n  gates: [p95 < 1s]\n");
    let (output, said) = check(probe("{until_sure: true, at_most: 5}").as_bytes());
    assert_eq!(output.status.code(), Some(0), "{said}");
    for (wrong, code) in [
        ("{until_sure: true, at_most: 1}", "MG013"),
        ("{until_sure: true, at_most: 21}", "MG013"),
        ("{until_sure: true}", "MG012"),
        ("5", "MG011"),
    ] {
        let (codes, _, said) = problems(&probe(wrong));
        assert_eq!(codes, [code], "{said}");
    }
}

const PREDICTIONS: &str =
    "quality:\n  predictions: {file: p.csv, task: binary, label: y, score: p, slices: [segment]}\n";
const PROBE: &str = "latency:\n  run: serve\n  request: {path: /predict}\n";
const DOCKERFILE: &str = "image:\n  repository: ghcr.io/acme/churn\n  dockerfile: Dockerfile\n";

/// What a first-time user gets wrong: one problem each, at its place (after two lines of header), with the way out.
#[test]
fn slips_of_beginners_get_one_problem_each_with_a_way_out() {
    let cases: [(&str, &str, &str, &str, &str); 57] = [
        // Shapes.
        (PREDICTIONS, "  gates: f1 >= 0.8", "MG011", "5:10", "`gates: [f1 >= 0.8]`"),
        (PREDICTIONS, "  gates:\n    f1: 0.8", "MG011", "6:5", "begins with `- `"),
        (PREDICTIONS, "  gates:\n    - f1: 0.8", "MG011", "6:7", "a rule is one text, such as `f1 >= 0.85`"),
        ("", "data:\n  train: a.csv", "MG011", "4:10", "its keys: source"),
        (
            "",
            "data:\n  train:\n    source: a.csv\n    checks:\n      nulls(age): 0",
            "MG011",
            "7:7",
            "begins with `- `",
        ),
        (
            "",
            "quality:\n  predictions: out/p.csv\n  gates: [f1 >= 0.8]",
            "MG011",
            "4:16",
            "its keys: file, task, label",
        ),
        ("", "quality:\n  metrics: out/m.json\n  gates: [f1 >= 0.8]", "MG011", "4:12", "`metrics: [out/m.json]`"),
        ("", "tests:\n  - name: unit\n    run: pytest", "MG011", "4:3", "each entry begins with its name"),
        (DOCKERFILE, "environments:\n  - overlay: k8s", "MG011", "7:3", "each entry begins with its name"),
        ("", "image: ghcr.io/acme/churn", "MG011", "3:8", "its keys: repository"),
        (
            "quality:\n  predictions: {file: p.csv, task: binary, label: y, score: p, slices: segment}",
            "",
            "MG011",
            "4:72",
            "`slices: [segment]`",
        ),
        ("quality:\n  predictions: {file: p.csv, task: binary, score: p}", "", "MG012", "4:16", "label: y, score: p"),
        // YAML.
        (DOCKERFILE, "  tags: [{{ git.sha }}]", "MG011", "6:10", "\"{{ git.sha }}\""),
        (DOCKERFILE, "  tags:\n    - {{ git.sha }}", "MG011", "7:7", "\"{{ git.sha }}\""),
        ("", "data:\n\ttrain: {source: a.csv}", "MG004", "4:2", "YAML indents with spaces"),
        ("", "quality:\n  metrics: [m.json]\n   gates: [f1 >= 1]", "MG004", "5:4", "check the indentation"),
        ("", "data:\n  train: {source: a.csv}\n  train: {source: b.csv}", "MG004", "5:3", "a name may stand once"),
        (PREDICTIONS, "  baseline: git: main", "MG004", "5:16", "in quotes"),
        // Gates.
        (PREDICTIONS, "  gates: [f1 >= 85]", "MG013", "5:11", "did you mean 85%?"),
        (
            PREDICTIONS,
            "  baseline: production\n  gates: [f1 within 3 of baseline]",
            "MG013",
            "6:11",
            "did you mean 3%?",
        ),
        (PREDICTIONS, "  gates: [F1 >= 0.8]", "MG021", "5:11", "did you mean `f1`?"),
        (PREDICTIONS, "  gates: [f1-score >= 0.8]", "MG020", "5:13", "did you mean `f1_score`?"),
        (PREDICTIONS, "  gates: ['f1 >= 0,85']", "MG020", "5:19", "with a point"),
        (PREDICTIONS, "  gates: ['warning: f1 >= 0.8']", "MG020", "5:19", "only `warn:`"),
        (PREDICTIONS, "  gates: [f1 ≥ 0.8]", "MG020", "5:14", "did you mean `>=`?"),
        (PREDICTIONS, "  gates: [p95 < 200ms]", "MG021", "5:11", "is measured by `latency`"),
        (PREDICTIONS, "  gates: [f1 < 200ms]", "MG022", "5:11", "a plain number"),
        (PROBE, "  gates: [p95 < 200]", "MG022", "6:11", "such as 200ms"),
        (PROBE, "  gates: [p95 < 30s]", "MG013", "6:11", "set `timeout` of `latency` above the bound"),
        (PROBE, "  timeout: 2s\n  gates: [max <= 2s, p95 < 2s, error_rate < 1%]", "MG013", "7:11", "above the bound"),
        (PROBE, "  gates: [error_rate < 5]", "MG013", "6:11", "did you mean 5%?"),
        // Values.
        ("", "latency:\n  run: serve\n  request: {path: predict}", "MG013", "5:19", "path: /predict"),
        (DOCKERFILE, "latency:\n  port: 99999\n  request: {path: /}", "MG013", "7:9", "1 to 65535"),
        (PROBE, "  rate: 0/s", "MG013", "6:9", "above zero, such as 100/s"),
        (PROBE, "  rate: 100", "MG011", "6:9", "`rate: 100/s`"),
        (PROBE, "  duration: -1s", "MG013", "6:13", "above zero, such as 90s"),
        (PROBE, "  duration: 30", "MG011", "6:13", "`duration: 30s`"),
        ("", "confidence: 0.95", "MG011", "3:13", "`confidence: 95%`"),
        (
            "quality:\n  predictions: {file: p.csv, task: binary, label: y, score: p, threshold: 50}",
            "",
            "MG013",
            "4:75",
            "threshold: 0.5",
        ),
        (
            "quality:\n  predictions: {file: /tmp/p.csv, task: binary, label: y, score: p}",
            "",
            "MG013",
            "4:23",
            "relative to that folder",
        ),
        (
            "",
            "data:\n  train: {source: a/, engine: 'sc://h', format: parquet, tracked_by: dvc}",
            "MG014",
            "4:70",
            "leave `tracked_by` out",
        ),
        ("", "data:\n  train: {source: a.csv, query_timeout: 2h}", "MG014", "4:41", "add engine: duckdb"),
        ("", "data:\n  train: {source: /tmp/a.csv}", "MG013", "4:19", "relative to that folder"),
        (PREDICTIONS, "  baseline: main", "MG013", "5:13", "`git:main`"),
        (PREDICTIONS, "  baseline: 'git:'", "MG013", "5:13", "git:origin/main"),
        (PREDICTIONS, "  baseline: 'dvc:'", "MG013", "5:13", "dvc:origin/main"),
        (PREDICTIONS, "  baseline: mlflow:models:/churn", "MG013", "5:13", "mlflow:models:/churn@champion"),
        (PREDICTIONS, "  baseline: wandb:churn/1a2b", "MG013", "5:13", "wandb:ENTITY/PROJECT/RUN_ID"),
        (PREDICTIONS, "  baseline: https://example.com/latest", "MG013", "5:13", "ends in .csv"),
        (PREDICTIONS, "  baseline: ftp://example.com/a.csv", "MG013", "5:13", "https"),
        (PREDICTIONS, "  metrics: [https://example.com/m.json]", "MG013", "5:13", "quality.run"),
        (PREDICTIONS, "  metrics: ['mlflow:runs:/{id}']", "MG013", "5:13", "id_file"),
        (PREDICTIONS, "  metrics: [{units: {p95: ms}}]", "MG012", "5:13", "`from:`"),
        (PREDICTIONS, "  metrics: [{from: m.json, units: {p95: furlong}}]", "MG013", "5:41", "ms, s"),
        (
            "",
            "quality:\n  predictions: {file: p.csv, task: binary, label: y, score: p, in_record: true}",
            "MG012",
            "4:75",
            "id: row_id",
        ),
        (
            DOCKERFILE,
            "environments:\n  staging: {overlay: s}\n  prod: {overlay: p, promote: {from: stagin, gates: [image.size < 2GB]}}",
            "MG040",
            "8:38",
            "did you mean `staging`?",
        ),
        (
            DOCKERFILE,
            "environments:\n  prod: {overlay: p, promote: {gates: [size < 2GB]}}",
            "MG020",
            "7:40",
            "image.size",
        ),
    ];
    let mut wrong = Vec::new();
    for (head, rest, code, place, hint) in cases {
        let text = format!("{MINIMAL}{head}{rest}\n");
        let (codes, places, said) = problems(&text);
        if codes != [code] || places != [format!("mlops.yaml:{place}")] || !said.contains(hint) {
            wrong.push(format!("{text}should be {code} at {place} with {hint}, but is\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_only_looks_like_a_slip_is_read() {
    let gates = "[f1>0.8, f1 == 1, f1_score>=80%, auc >= 0.9, \"f1   >=   0.8\", \"warn:f1>0\", log_loss < 20]";
    for text in [
        format!("{MINIMAL}{PREDICTIONS}  gates: {gates}\n"),
        format!("{MINIMAL}{PROBE}  timeout: 1m\n  gates: [p95 < 30 s, error_rate<=1 %]\n"),
        format!("{MINIMAL}data:\n  a: {{source: a.csv, checks: [freshness(t) < 1w, rows>1]}}\n"),
        format!("{MINIMAL}{PREDICTIONS}  baseline: mlflow:models:/churn@champion\n  metrics: [wandb:a/b/c, m.prom]\n"),
        format!("{MINIMAL}{PREDICTIONS}  baseline: https://ann@example.com/old.csv.gz?sig=a.b\n"),
        format!(
            "{MINIMAL}{PREDICTIONS}  metrics: [{{from: 'mlflow:runs:/{{id}}', id_file: run_id, units: {{val/p95: ms}}}}]\n"
        ),
    ] {
        let (output, said) = check(text.as_bytes());
        assert_eq!(output.status.code(), Some(0), "{text}\n{said}");
    }
}

#[test]
fn a_trusted_signer_is_a_key_or_a_whole_identity() {
    let identity = "identity: a, issuer: b, roots: c, log_key: d";
    for (signer, code, why) in [
        ("key: cosign.pub, ct_log_key: e", "MG014", "a key or an identity, not both"),
        (&format!("key: cosign.pub, {identity}"), "MG014", "a key or an identity, not both"),
        ("ct_log_key: e", "MG012", "lacks identity, issuer, roots, log_key"),
        ("identity: a, ct_log_key: e", "MG012", "lacks issuer, roots, log_key"),
        ("{}", "MG012", "names nobody"),
        (&format!("{identity}, ct_log_key: ../e"), "MG013", "leads out of the folder"),
    ] {
        let signer = if signer == "{}" { signer.to_string() } else { format!("{{{signer}}}") };
        let (codes, _, said) = problems(&format!("{MINIMAL}signing: {{trust: [{signer}]}}\n"));
        assert_eq!(codes, [code], "{signer}: {said}");
        assert!(said.contains(why), "{signer}: {said}");
    }
    for right in [identity.to_string(), format!("{identity}, ct_log_key: e"), "key: cosign.pub".to_string()] {
        let stage = "environments: {staging: {overlay: k8s}}";
        let (output, said) = check(format!("{MINIMAL}{stage}\nsigning: {{trust: [{{{right}}}]}}\n").as_bytes());
        assert_eq!(output.status.code(), Some(0), "{right}: {said}");
    }
}

#[test]
fn errors_md_lists_every_code() {
    let docs = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md")).unwrap();
    for (_, code, meaning) in mlgate::config::Code::ALL {
        assert!(docs.contains(code) && docs.contains(meaning), "docs/errors.md lacks {code}: {meaning}");
    }
    for (code, name, _) in mlgate::config::Code::ALL {
        assert_eq!(code.name(), name);
    }
}

#[test]
fn the_committed_schema_is_the_printed_one() {
    let committed =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/mlops.schema.json")).unwrap();
    let printed = mlgate(Path::new("/")).arg("schema").output().unwrap().stdout;
    assert_eq!(committed, String::from_utf8(printed).unwrap(), "run: mlgate schema > schemas/mlops.schema.json");
}

#[test]
fn secrets_and_caches_of_a_build_say_where_they_are() {
    let build = |keys: &str| {
        problems(&format!("{MINIMAL}image: {{repository: ghcr.io/a/b, dockerfile: Dockerfile, {keys}}}\n"))
    };
    let (codes, _, said) = build(
        "secrets: [{id: a}, {id: b, env: B, file: b.txt}, {id: c, env: C}, {id: c, file: c.txt}, {env: D}], \
         cache_from: [type=inline, \"type=registry\", \"type=s3,bucket=x\"], cache_to: [type=gha, \"type=registry,ref\"]",
    );
    for part in [
        "either from a variable or from a file",
        "the id c stands here twice",
        "lacks `id`",
        "`cache_from` of the type inline is not done",
        "`type=registry` names no image",
        "`cache_from` of the type s3 is not done",
        "`cache_to` of the type gha is not done",
        "`type=registry,ref` is no list of NAME=VALUE",
        "type=inline, or type=registry",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert_eq!(codes.len(), 9, "all at once: {said}");

    let (_, _, said) = problems(&format!(
        "{MINIMAL}image: {{repository: ghcr.io/a/b, layers: [{{name: m, files: [model/]}}], secrets: [{{id: a, env: A}}]}}\n"
    ));
    assert!(said.contains("not both"), "a build without an engine has no step to give it to: {said}");
    let (_, _, said) = problems(&format!("{MINIMAL}image: {{repository: ghcr.io/a/b, ssh: [default]}}\n"));
    assert!(said.contains("lacks `dockerfile`"), "{said}");
}
