//! Small tables with known numbers, and the cases in which nothing may pass.

use super::*;
use crate::config::{Against, Correction, DriftMethod};
use crate::data::profile;
use crate::model::{Outcome, Severity};
use std::fmt::Write as _;

fn asked() -> Drift {
    Drift {
        against: Against::Dataset("train".into()),
        max_share: 0.5,
        columns: Vec::new(),
        except: Vec::new(),
        method: DriftMethod::default(),
        methods: Vec::new(),
        correction: Correction::None,
        text: Vec::new(),
        embeddings: Vec::new(),
        label: None,
        prediction: None,
        severity: Severity::Block,
    }
}

/// Two thousand rows; with `shift` age and country have moved, score has not.
fn table(rows: u32, shift: u32) -> String {
    let mut text = "age,score,country,note,e_0,e_1,day\n".to_string();
    for i in 0..rows {
        let (age, score) = (20 + (i * 37 + i / 7) % 50 + shift, f64::from(i * 7919 % 1000) / 1000.0);
        let country = if i % 4 < 2 + shift.min(1) { "JP" } else { "US" };
        let note = if shift > 0 && i % 2 == 0 { "where is my refund" } else { "all is well" };
        let (x, y) = (f64::from(i * 31 % 101), f64::from(i * 17 % 97) + f64::from(shift) * 10.0);
        writeln!(text, "{age},{score},{country},{note} {},{x},{y},2024-01-0{}", i % 13, 1 + i % 9).unwrap();
    }
    text
}

struct Sides(tempfile::TempDir);

impl Sides {
    fn new(train: &str, live: &str) -> Sides {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("train.csv"), train).unwrap();
        std::fs::write(dir.path().join("live.csv"), live).unwrap();
        Sides(dir)
    }

    fn table(&self, name: &str) -> Table {
        Table::open(self.0.path(), &format!("{name}.csv"), None).unwrap()
    }

    fn run(&self, drift: &Drift, private: &[&str]) -> Found {
        let private: Vec<String> = private.iter().map(|name| name.to_string()).collect();
        let (train, live) = (self.table("train"), self.table("live"));
        let reference = Reference::Table { name: "train", table: &train };
        let asked = Asked {
            name: "live",
            source: "live.csv",
            table: &live,
            drift,
            private: &private,
            memory: 64 << 20,
            reference,
        };
        run(&asked).unwrap()
    }
}

fn outcome(found: &Found, id: &str) -> (Outcome, String) {
    let check = found.checks.iter().find(|check| check.id == id);
    check.map(|check| (check.outcome, check.message.clone())).unwrap_or_else(|| panic!("{id} in {:#?}", found.checks))
}

fn plain() -> Drift {
    Drift { except: ["note", "e_0", "e_1"].map(String::from).to_vec(), ..asked() }
}

#[test]
fn what_moved_has_drifted_and_what_did_not_has_not() {
    let sides = Sides::new(&table(2000, 0), &table(1500, 12));
    let found = sides.run(&plain(), &[]);
    let (age, message) = outcome(&found, "data.live.drift(age)");
    assert_eq!(age, Outcome::Failed, "{message}");
    assert!(
        message.starts_with("wasserstein 0.8") && message.contains("1,500 values against 2,000 of train"),
        "{message}"
    );
    assert_eq!(outcome(&found, "data.live.drift(score)").0, Outcome::Passed);
    assert!(outcome(&found, "data.live.drift(country)").1.starts_with("jensenshannon 0.18"), "{:?}", found.checks);
    let (share, message) = outcome(&found, "data.live.drift");
    assert_eq!(
        (share, message.as_str()),
        (Outcome::Failed, "2 of 3 columns (66.67%) have drifted from train, expected <= 50%")
    );
    assert_eq!(found.measurements[0].id, "data.live.drift_share");
    assert!((found.measurements[0].value - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(found.distributions.len(), 2);
    let picture = &found.distributions[0];
    assert_eq!(picture.labels.len(), picture.reference.len());
    assert!((picture.current.iter().sum::<f64>() - 1.0).abs() < 0.01);
    assert!(found.notes[0].contains("day"), "{:?}", found.notes);
    // The share is what blocks: single columns warn.
    let severity = |id: &str| found.checks.iter().find(|check| check.id == id).unwrap().severity;
    assert_eq!((severity("data.live.drift(age)"), severity("data.live.drift")), (Severity::Warn, Severity::Block));

    let same = Sides::new(&table(2000, 0), &table(1900, 0)).run(&plain(), &[]);
    assert_eq!(outcome(&same, "data.live.drift").0, Outcome::Passed);
    assert!(same.distributions.is_empty());
}

#[test]
fn small_samples_are_tested_and_p_values_corrected() {
    let sides = Sides::new(&table(400, 0), &table(300, 3));
    let found = sides.run(&plain(), &[]);
    let (_, message) = outcome(&found, "data.live.drift(age)");
    assert!(message.starts_with("ks: statistic 0.0") && message.contains(", p 0."), "{message}");
    assert!(outcome(&found, "data.live.drift(country)").1.starts_with("z: statistic"));
    let p = |found: &Found| found.measurements.iter().find(|m| m.id.contains("(age)")).unwrap().value;
    let bonferroni = sides.run(&Drift { correction: Correction::Bonferroni, ..plain() }, &[]);
    assert!((p(&bonferroni) - (3.0 * p(&found)).min(1.0)).abs() < 1e-12);
    assert!(outcome(&bonferroni, "data.live.drift(age)").1.contains("adjusted p"));
    let hochberg = sides.run(&Drift { correction: Correction::BenjaminiHochberg, ..plain() }, &[]);
    assert!(p(&hochberg) >= p(&found) && p(&hochberg) <= p(&bonferroni));
}

#[test]
fn label_and_prediction_must_not_drift_whatever_the_share() {
    let sides = Sides::new(&table(2000, 0), &table(1500, 12));
    let drift = Drift { max_share: 0.9, label: Some("age".into()), prediction: Some("score".into()), ..plain() };
    let found = sides.run(&drift, &[]);
    let check = |id: &str| found.checks.iter().find(|check| check.id == id).unwrap();
    assert_eq!(check("data.live.drift").outcome, Outcome::Passed);
    let label = check("data.live.drift(age)");
    assert_eq!((label.outcome, label.severity), (Outcome::Failed, Severity::Block));
    assert_eq!(check("data.live.drift(score)").severity, Severity::Block);
}

#[test]
fn texts_and_embeddings_are_told_apart() {
    let drift = Drift {
        columns: vec!["score".into()],
        text: vec!["note".into()],
        embeddings: vec![("e".into(), vec!["e_*".into()])],
        ..asked()
    };
    let moved = Sides::new(&table(600, 0), &table(500, 12)).run(&drift, &[]);
    let (text, message) = outcome(&moved, "data.live.drift(note)");
    assert_eq!(text, Outcome::Failed, "{message}");
    assert!(message.contains("of its words are not in the reference"), "{message}");
    assert_eq!(outcome(&moved, "data.live.drift(e)").0, Outcome::Failed);
    let same = Sides::new(&table(600, 0), &table(600, 0)).run(&drift, &[]);
    for id in ["data.live.drift(note)", "data.live.drift(e)"] {
        let (found, message) = outcome(&same, id);
        assert_eq!(found, Outcome::Passed, "{id}: {message}");
    }
    assert_eq!(same.measurements[0].n, Some(3));
}

#[test]
fn methods_are_the_ones_asked_for_and_misfits_are_errors() {
    let sides = Sides::new(&table(2000, 0), &table(1500, 12));
    let method = |name: &str, threshold| DriftMethod { name: Some(name.into()), threshold };
    let methods = vec![
        ("age".to_string(), method("psi", Some(9.0))),
        ("score".to_string(), method("chisquare", None)),
        ("country".to_string(), method("ks", None)),
    ];
    let found = sides.run(&Drift { methods, ..plain() }, &[]);
    let (age, message) = outcome(&found, "data.live.drift(age)");
    assert!(age == Outcome::Passed && message.starts_with("psi "), "{message}");
    for (id, why) in [("score", "chisquare compares categories"), ("country", "ks compares numbers")] {
        let (outcome, message) = outcome(&found, &format!("data.live.drift({id})"));
        assert!(outcome == Outcome::Errored && message.starts_with(why), "{message}");
    }
}

#[test]
fn nothing_that_cannot_be_compared_passes() {
    let train = "a,b,c,d,e\n1,x,,1,1\n2,y,,2,2\n3,x,,3,3\n";
    let live = "a,b,c,d,f\n1,1,,,1\n2,2,,,2\n3,3,,,3\n";
    let found = Sides::new(train, live).run(&asked(), &["a"]);
    let errored = |id: &str, why: &str| {
        let (outcome, message) = outcome(&found, &format!("data.live.drift({id})"));
        assert!(outcome == Outcome::Errored && message.contains(why), "{id}: {message}");
    };
    errored("b", "it is a number here, and a category in train");
    errored("c", "every value in train is missing");
    errored("d", "it is a category here");
    errored("e", "live has no column \"e\"");
    errored("f", "train has no column \"f\"");
    assert!(found.checks.iter().all(|check| check.id != "data.live.drift(a)"), "private columns are not looked at");
    let (share, message) = outcome(&found, "data.live.drift");
    assert_eq!((share, message.as_str()), (Outcome::Errored, "not one column could be compared with train"));

    let named = Drift { columns: vec!["a".into(), "aa".into()], label: Some("zz".into()), ..asked() };
    let found = Sides::new(train, live).run(&named, &["a"]);
    assert!(outcome(&found, "data.live.drift(a)").1.contains("private"));
    for id in ["aa", "zz"] {
        assert_eq!(outcome(&found, &format!("data.live.drift({id})")).0, Outcome::Errored);
    }
    let except = Drift { except: vec!["nope".into()], ..asked() };
    assert_eq!(outcome(&Sides::new(train, live).run(&except, &[]), "data.live.drift(nope)").0, Outcome::Errored);
}

#[test]
fn a_profile_stands_for_its_data() {
    let sides = Sides::new(&table(2000, 0), &table(1500, 12));
    let exact = sides.run(&plain(), &[]);
    let profile = profile::of_table("train", &sides.table("train"), &[]).unwrap();
    let live = sides.table("live");
    let by_profile = |drift: &Drift| {
        let reference = Reference::Profile { source: "train in production", profile: &profile };
        let asked =
            Asked { name: "live", source: "live.csv", table: &live, drift, private: &[], memory: 64 << 20, reference };
        run(&asked).unwrap()
    };
    let sketched = by_profile(&plain());
    for (a, b) in exact.measurements.iter().zip(&sketched.measurements) {
        assert_eq!(a.id, b.id);
        assert!((a.value - b.value).abs() < 0.01, "{}: {} and {}", a.id, a.value, b.value);
    }
    let rows = Drift { columns: vec!["age".into()], text: vec!["note".into()], ..asked() };
    let (outcome, message) = outcome(&by_profile(&rows), "data.live.drift(note)");
    assert!(outcome == Outcome::Errored && message.contains("row by row"), "{message}");
}

#[test]
fn the_method_is_chosen_by_the_values_of_both_sides() {
    // Two categories in the reference and a third in the current data: Evidently counts three.
    let sides = Sides::new(&table(400, 0), &table(300, 0).replacen("US", "DE", 40));
    let found = sides.run(&plain(), &[]);
    assert!(outcome(&found, "data.live.drift(country)").1.starts_with("chisquare"), "{:#?}", found.checks);
}

#[test]
fn beyond_the_memory_values_are_drawn_and_the_verdict_says_so() {
    let sides = Sides::new(&table(60_000, 0), &table(50_000, 12));
    let drift = Drift { columns: vec!["age".into(), "score".into()], ..asked() };
    let run = |memory: u64| {
        let (train, live) = (sides.table("train"), sides.table("live"));
        let reference = Reference::Table { name: "train", table: &train };
        let (name, source) = ("live", "live.csv");
        run(&Asked { name, source, table: &live, drift: &drift, private: &[], memory, reference }).unwrap()
    };
    let (exact, drawn) = (run(64 << 20), run(1 << 20));
    assert!(!outcome(&exact, "data.live.drift(age)").1.contains("drawn"));
    let (found, message) = outcome(&drawn, "data.live.drift(age)");
    assert_eq!(found, Outcome::Failed);
    assert!(
        message.contains("values was drawn to keep to `memory`") && message.contains("off by at most"),
        "{message}"
    );
    assert!(message.contains("50,000 values against 60,000"), "{message}");
    for (a, b) in exact.measurements.iter().zip(&drawn.measurements) {
        assert!((a.value - b.value).abs() < 0.03, "{}: {} and {}", a.id, a.value, b.value);
    }
    assert_eq!(run(1 << 20).measurements, drawn.measurements, "the same data gives the same draw");
}

#[test]
fn rules_that_contradict_each_other_are_errors() {
    let sides = Sides::new(&table(400, 0), &table(300, 0));
    let method = DriftMethod { name: Some("psi".into()), threshold: None };
    let drift = Drift {
        except: ["age", "score", "e_1"].map(String::from).to_vec(),
        label: Some("age".into()),
        prediction: Some("e_0".into()),
        methods: vec![("score".into(), method.clone()), ("note".into(), method.clone()), ("country".into(), method)],
        text: vec!["note".into()],
        embeddings: vec![("e".into(), vec!["e_0".into()]), ("country".into(), vec!["e_0".into()])],
        ..asked()
    };
    let found = sides.run(&drift, &[]);
    for id in ["age", "score", "e_0", "note", "country"] {
        let (outcome, message) = outcome(&found, &format!("data.live.drift({id})"));
        assert_eq!(outcome, Outcome::Errored, "{id}: {message}");
    }
    let mut ids: Vec<&str> = found.checks.iter().map(|check| check.id.as_str()).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "{ids:?}");
}

#[test]
fn a_share_is_known_only_if_every_column_is() {
    let train = "a,b,c\n".to_string() + &(0..2000).map(|i| format!("{},{},x\n", i % 97, i % 89)).collect::<String>();
    let moved = |by: u32| {
        let row = |i: u32| format!("{},{},7\n", i % 97 + by, i % 89);
        "a,b,c\n".to_string() + &(0..2000).map(row).collect::<String>()
    };
    // One in three may have drifted: the column that cannot be compared would decide.
    let found = Sides::new(&train, &moved(0)).run(&Drift { max_share: 0.3, ..asked() }, &[]);
    let (share, message) = outcome(&found, "data.live.drift");
    assert!(share == Outcome::Errored && message.contains("1 more could not be compared"), "{message}");
    assert!(found.measurements.iter().all(|m| m.id != "data.live.drift_share"));
    // Here it would not: one of three is too many already.
    let found = Sides::new(&train, &moved(50)).run(&Drift { max_share: 0.3, ..asked() }, &[]);
    assert_eq!(outcome(&found, "data.live.drift").0, Outcome::Failed);
    assert!(found.measurements.iter().all(|m| m.id != "data.live.drift_share"));
}

#[test]
fn a_profile_tells_how_far_its_numbers_can_be_off() {
    let rows = |shift: u32| -> String {
        let row =
            |i: u32| format!("{},c{}\n", f64::from(i * 7919 % 9973) + f64::from(shift), i * i % 601 % (300 + shift));
        "x,city\n".to_string() + &(0..9000).map(row).collect::<String>()
    };
    let sides = Sides::new(&rows(0), &rows(40));
    let profile = profile::of_table("train", &sides.table("train"), &[]).unwrap();
    let (live, drift) = (sides.table("live"), asked());
    let reference = Reference::Profile { source: "train in production", profile: &profile };
    let (name, source) = ("live", "live.csv");
    let found =
        run(&Asked { name, source, table: &live, drift: &drift, private: &[], memory: 64 << 20, reference }).unwrap();
    let exact = sides.run(&asked(), &[]);
    let value = |found: &Found, id: &str| found.measurements.iter().find(|m| m.id == id).unwrap().value;
    let (_, message) = outcome(&found, "data.live.drift(x)");
    let bound = message.rsplit_once("off by at most ").unwrap().1.parse::<f64>().unwrap();
    let off = (value(&found, "data.live.drift(x)") - value(&exact, "data.live.drift(x)")).abs();
    assert!(off <= bound && bound < 0.05, "{off} > {bound}");
    // The tail as one category can only bring the sides nearer.
    let (_, message) = outcome(&found, "data.live.drift(city)");
    assert!(message.contains("by the 200 most frequent values"), "{message}");
    assert!(value(&found, "data.live.drift(city)") <= value(&exact, "data.live.drift(city)") + 1e-9);
}

#[test]
fn a_private_column_that_is_asked_for_by_name_is_errored() {
    let sides = Sides::new(&table(300, 0), &table(300, 3));
    let by = |drift: Drift| {
        let found = sides.run(&drift, &["age"]);
        let check = found.checks.iter().find(|check| check.id.ends_with("drift(age)")).cloned();
        check.map(|check| check.outcome)
    };
    assert_eq!(by(asked()), None, "not asked for, it is left out");
    assert_eq!(by(Drift { label: Some("age".into()), ..asked() }), Some(Outcome::Errored));
    assert_eq!(by(Drift { prediction: Some("age".into()), ..asked() }), Some(Outcome::Errored));
    let methods = vec![("age".to_string(), DriftMethod { name: Some("ks".into()), threshold: None })];
    assert_eq!(by(Drift { methods, ..asked() }), Some(Outcome::Errored));
}

/// Quantiles say little of a long tail: its distance may be any within the bound, and so may the verdict.
#[test]
fn what_a_profile_is_too_coarse_for_is_inconclusive() {
    let mut random = crate::stats::random::Random::seeded(3);
    let column = |n: u32, random: &mut crate::stats::random::Random, power: f64| {
        (0..n).fold("x\n".to_string(), |text, _| text + &format!("{}\n", (1.0 - random.uniform()).powf(power)))
    };
    let (heavy, heavier) = (column(3000, &mut random, -0.9), column(3000, &mut random, -0.9));
    let sides = Sides::new(&heavy, &heavier);
    let (train, live) = (sides.table("train"), sides.table("live"));
    let profile = profile::of_table("train", &train, &[]).unwrap();
    let reference = Reference::Profile { source: "train", profile: &profile };
    let drift = Drift { max_share: 0.0, ..asked() };
    let asked = Asked {
        name: "live",
        source: "live.csv",
        table: &live,
        drift: &drift,
        private: &[],
        memory: 64 << 20,
        reference,
    };
    let found = run(&asked).unwrap();
    let outcomes: Vec<Outcome> = found.checks.iter().map(|check| check.outcome).collect();
    assert_eq!(outcomes, [Outcome::Inconclusive, Outcome::Inconclusive], "{:?}", found.checks);
    assert!(found.checks[0].message.contains("too coarse"), "{}", found.checks[0].message);
}
