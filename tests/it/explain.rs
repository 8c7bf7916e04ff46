//! `mlgate explain`: the example's gates in words, and records of strangers.

use crate::report::{HOSTILE, hostile, record};
use crate::support::mlgate;
use mlgate::model::method::METHODS;
use mlgate::report::{Options, explain, text};
use std::path::Path;

fn example() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/breast-cancer");
    for name in [
        "mlops.yaml",
        "predictions/candidate.parquet",
        "predictions/production.parquet",
        "predictions/metrics.json",
        "model/model.json",
    ] {
        let to = folder.path().join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from.join(name), to).unwrap();
    }
    let output = mlgate(folder.path()).args(["run", "quality", "--html", "out/report.html"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

fn said(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = mlgate(folder).arg("explain").args(arguments).env("COLUMNS", "100").output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_examples_gates_are_explained_by_text_metric_id_or_part() {
    let folder = example();
    let html = std::fs::read_to_string(folder.path().join("out/report.html")).unwrap();
    assert!(html.contains("<!DOCTYPE html>") && html.contains("ROC curve"));
    let recall = said(folder.path(), &["recall >= 0.90"], 0);
    for words in [
        "? quality: recall >= 0.90",
        "inconclusive, and does not block",
        "TP / (TP + FN)",
        "it is 0.9294 on 228 rows of predictions/candidate.parquet",
        "recall must not lie below 0.9",
        "Wilson 1927; Brown, Cai & DasGupta 2001",
        "about 1,490 rows would settle it",
        "mlgate explain 'recall >= 0.90'",
    ] {
        assert!(recall.contains(words), "{words}:\n{recall}");
    }
    let drawn = recall.lines().find(|line| line.contains('●')).unwrap();
    let at = |wanted: char| drawn.chars().position(|c| c == wanted).unwrap();
    assert!(at('━') < at('┃') && at('┃') < at('●'), "{drawn}");
    // The same by a part of its text, without spaces, by metric and id; and without a name what did not pass.
    for name in ["recall>=0.90", "recall", "quality.recall", "rec"] {
        assert_eq!(said(folder.path(), &[name], 0), recall, "{name}");
    }
    assert_eq!(said(folder.path(), &[], 0), recall);
    let f1 = said(folder.path(), &["f1"], 0);
    assert!(f1.contains("f1 >= 0.90") && f1.contains("f1 within 3% of baseline") && !f1.contains("roc_auc"), "{f1}");
    assert!(f1.contains("paired bootstrap over 228 rows") && f1.contains("Agresti & Min 2005"), "{f1}");
    let gap = said(folder.path(), &["gap(accuracy[size])"], 0);
    assert!(gap.contains("(TP + TN) / n"), "{gap}");
    let unknown = said(folder.path(), &["recal1"], 2);
    assert!(unknown.contains("no gate or check is called `recal1`; the nearest is `recall >= 0.90`"), "{unknown}");
    let missing = said(folder.path(), &["f1", "--record", "none.json"], 2);
    assert!(missing.contains("cannot read none.json"), "{missing}");
}

#[test]
fn every_verdict_can_be_explained_on_any_terminal() {
    for name in ["cleared.json", "blocked.json", "promotion.json"] {
        let record = record(name);
        for width in [40, 80, 132] {
            for ascii in [false, true] {
                let options = Options { width, ascii, ..Options::default() };
                for verdict in &record.verdicts {
                    let text = explain(&record, Some(&verdict.gate), &options).unwrap();
                    assert!(text.contains(&verdict.outcome), "{text}");
                    for line in text.lines().filter(|line| !line.contains("mlgate ")) {
                        assert!(text::width(line) <= width, "{} columns, not {width}: {line}", text::width(line));
                    }
                    assert!(!text.contains("None") && !text.contains("undefined"), "{text}");
                }
                let lines = explain(&record, None, &options).unwrap();
                assert!(!ascii || !lines.contains(['●', '━', '┃']), "{lines}");
            }
        }
    }
}

#[test]
fn strangers_text_stays_text_and_out_of_commands() {
    for text in HOSTILE.iter().chain(&["a' ; reboot ; '", "$(reboot)"]) {
        let record = hostile(text);
        for wanted in [None, Some("quality")] {
            let Ok(said) = explain(&record, wanted, &Options::default()) else { continue };
            for line in said.lines() {
                assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line}");
                assert!(!line.contains(['\u{1b}', '\u{202e}', '\r']), "{line:?}");
                let quoted = line.trim().strip_prefix("mlgate explain ");
                assert!(quoted.is_none_or(|gate| gate.matches('\'').count() == 2), "{line}");
            }
        }
        let unknown = explain(&record, Some("\u{1b}[2J nothing"), &Options::default()).unwrap_err();
        assert!(!unknown.contains('\u{1b}'), "{unknown:?}");
    }
}

#[test]
fn the_methods_sources_are_those_of_the_docs() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/statistics.md");
    let page = std::fs::read_to_string(page).unwrap();
    let paper = regex::Regex::new(r"[A-Z][\p{L}\- ,&.]*? (?:et al\. )?(?:1[89]|20)\d\d").unwrap();
    let year = regex::Regex::new(r"\d{4}").unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let page = words(&page).replace(" (", " ").replace(['(', ')'], "");
    let mut papers = 0;
    for method in METHODS {
        for found in paper.find_iter(method.source) {
            let found = words(found.as_str());
            let author = found.split([' ', ',']).next().unwrap();
            let in_year = year.find(&found).unwrap().as_str();
            let is_there = page
                .match_indices(author)
                .any(|(at, _)| page[at..].chars().take(60).collect::<String>().contains(in_year));
            assert!(is_there, "docs/statistics.md does not name {found} ({})", method.name);
            papers += 1;
        }
    }
    assert!(papers >= 15, "{papers}");
}
