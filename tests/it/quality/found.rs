//! Slices that are searched for, and the gates on them.

use crate::repo::Repo;

/// 2,400 rows on which every tenth is wrong, but of the free plan in DE every second.
fn planted() -> String {
    let mut text = "y,p,country,plan,device\n".to_string();
    for i in 0..2_400_u32 {
        let (country, plan) = (["DE", "FR", "JP"][i as usize % 3], ["free", "paid"][i as usize / 3 % 2]);
        let turn = i / 6;
        let wrong = if country == "DE" && plan == "free" { turn % 2 == 0 } else { turn % 10 == 0 };
        let y = turn / 10 % 2;
        let p = if (y == 1) == wrong { 0.2 } else { 0.8 };
        text.push_str(&format!("{y},{p},{country},{plan},d{}\n", turn % 7));
    }
    text
}

fn repo(find: &str, rest: &str) -> Repo {
    let repo = Repo::new("localhost:1/churn");
    repo.write("p.csv", &planted());
    let predictions = "file: p.csv, task: binary, label: y, score: p, slices: [country, plan]";
    let quality = format!("quality:\n  predictions: {{{predictions}, find_slices: {find}}}\n{rest}");
    repo.write("mlops.yaml", &format!("version: 1\nmodel: {{name: churn}}\n{quality}"));
    repo
}

#[test]
fn a_planted_slice_is_found_first_and_fails_its_gate() {
    let repo = repo("{metric: accuracy, keep: 2}", "  gates: [\"accuracy[found] >= 0.65\", accuracy >= 0.7]\n");
    repo.mlgate(&["run"]).exits(1);
    let record = repo.record();
    let measured = record["measurements"].as_array().unwrap();
    let found: Vec<_> = measured.iter().filter(|m| m["slice"]["column"] == "found").collect();
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(found[0]["slice"]["value"], "country=DE, plan=free");
    assert_eq!((found[0]["n"].as_u64(), found[0]["value"].as_f64()), (Some(400), Some(0.5)));
    // Of 3 countries, 2 plans and 6 pairs: Wilson's interval at 1 - 0.05 / 11, which is 0.5 ± 0.0702.
    assert!(found[0]["source"].as_str().unwrap().contains("worst 2 of 11 slices searched"), "{found:#?}");
    let interval = &found[0]["interval"];
    assert_eq!(interval["level"], 0.95);
    let low = interval["low"].as_f64().unwrap();
    assert!((low - 0.4298).abs() < 5e-4, "{low}");
    let verdicts = record["verdicts"].as_array().unwrap();
    let of = |value: &str| verdicts.iter().find(|v| v["slice"]["value"] == value).unwrap();
    assert_eq!(of("country=DE, plan=free")["outcome"], "failed");
    assert!(!of("country=DE, plan=free").to_string().contains("carried"), "{verdicts:#?}");
    assert!(record.to_string().contains("each at 99.545455% (Bonferroni), so that all hold at 95%"), "{record:#}");
}

#[test]
fn nothing_found_is_no_pass() {
    let repo = repo("{metric: f1, min_rows: 5000}", "  gates: [\"f1[found] >= 0.1\"]\n");
    repo.mlgate(&["run"]).exits(4);
    let record = repo.record();
    assert_eq!(record["decision"]["because"], "errored");
    assert!(record.to_string().contains("found no slice of 5000 rows"), "{record:#}");
}

#[test]
fn a_column_that_is_not_there_is_a_fault() {
    let repo = repo("{metric: f1, columns: [country, devise]}", "  gates: [\"f1[found] >= 0.1\"]\n");
    let said = repo.mlgate(&["run"]).exits(4);
    assert!(said.contains("\"devise\"") && said.contains("find_slices.columns"), "{said}");
}

#[test]
fn what_makes_no_search_is_refused_before_anything_runs() {
    let gate = "  gates: [f1 >= 0.1]\n";
    for (find, rest, says) in [
        ("{metric: f1, max_columns: 0}", gate, "1 to 3"),
        ("{metric: f1, max_columns: 9}", gate, "1 to 3"),
        ("{metric: f1, keep: 0}", gate, "1 to 100"),
        ("{metric: f1, keep: -1}", gate, "1 to 100"),
        ("{metric: f1, min_rows: 0}", gate, "`min_rows` is out of range"),
        ("{metric: f11}", gate, "did you mean `f1`?"),
        ("{metric: f1, columns: []}", gate, "no columns to search"),
        ("{metric: f1, columns: [plan, plan]}", gate, "named twice"),
        ("{keep: 1}", gate, "metric"),
        ("{metric: f1}", "  gates: [\"recall[found] >= 0.1\"]\n", "nothing else is measured on them"),
        ("{metric: f1}", "  gates: [\"gap(f1[found]) <= 0.1\"]\n", "other ones each time"),
        (
            "{metric: f1}",
            "  baseline: old.csv\n  gates: [\"f1[found] within 3% of baseline\"]\n",
            "the baseline has no found slices",
        ),
    ] {
        let said = repo(find, rest).mlgate(&["check"]).exits(2);
        assert!(said.contains(says), "{find} {rest}: {said}");
    }
    let unsearched = repo("{metric: f1}", "  gates: [\"f1[found] >= 0.1\"]\n");
    unsearched.mlgate(&["check"]).exits(0);
    let text = unsearched.read("mlops.yaml");
    unsearched.write("mlops.yaml", &text.replace(", find_slices: {metric: f1}", ""));
    assert!(unsearched.mlgate(&["check"]).exits(2).contains("nothing is searched"));
    unsearched.write("mlops.yaml", &text.replace("[country, plan]", "[country, plan, found]"));
    assert!(unsearched.mlgate(&["check"]).exits(2).contains("rename the column"));
}
