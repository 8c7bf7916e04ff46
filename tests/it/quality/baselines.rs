//! Where the baseline comes from, how it is compared, and what may count as a first run.

use super::world::{World, find, rows};
use crate::support;
use mlgate::config::{BaselineSource, Task};
use mlgate::model::{Baseline, Comparison, Evidence, Fault, Measurement, Unit};
use mlgate::stage::{Production, Released};

fn comparison<'a>(evidence: &'a Evidence, id: &str) -> &'a Comparison {
    let found = evidence.comparisons.iter().find(|c| c.id == id && c.slice.is_none());
    found.unwrap_or_else(|| panic!("no comparison of {id}: {:?}", evidence.notes))
}

fn known(baseline: &Baseline) -> (&str, &[Measurement]) {
    match baseline {
        Baseline::Known { source, measurements } => (source, measurements),
        other => panic!("{other:?}"),
    }
}

fn missing(baseline: &Baseline) -> (&str, bool) {
    match baseline {
        Baseline::Missing { reason, first_run_accepted, .. } => (reason, *first_run_accepted),
        Baseline::Faulty { reason, .. } => (reason, false),
        other => panic!("{other:?}"),
    }
}

/// The same rows in another order, the header first.
fn reversed(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    lines.join("\n") + "\n"
}

#[test]
fn the_same_rows_are_compared_in_pairs_whatever_their_order() {
    let world = World::binary(&rows(200, 10)).with("old.csv", &reversed(&rows(200, 5))).baseline_file("old.csv");
    let (evidence, baseline) = world.run();
    assert_eq!(evidence.faults, []);
    let (source, measurements) = known(&baseline);
    assert_eq!(source, "old.csv");
    for id in ["quality.f1", "quality.roc_auc", "quality.log_loss", "quality.accuracy"] {
        let candidate = find(&evidence.measurements, id).value;
        let baseline = find(measurements, id).value;
        let compared = comparison(&evidence, id);
        assert!((compared.baseline - baseline).abs() < 1e-12, "{id}");
        assert!((compared.difference.value - (candidate - baseline)).abs() < 1e-12, "{id}");
        let interval = compared.difference.interval.unwrap();
        assert!(interval.low < compared.difference.value && compared.difference.value < interval.high, "{id}");
        let relative = compared.relative.unwrap();
        assert!((relative.value - (candidate / baseline - 1.0)).abs() < 1e-12 && relative.interval.is_some(), "{id}");
        assert!(compared.method.contains("paired") && compared.method.contains("200 rows joined on id"), "{id}");
    }
    // 20 rows better and none worse: surely better.
    assert!(comparison(&evidence, "quality.accuracy").difference.interval.unwrap().low > 0.0);
    assert!(evidence.comparisons.iter().any(|c| c.slice.as_ref().is_some_and(|s| s.value == "a")));
    assert_eq!(world.run(), (evidence, baseline), "the same input gives the same answer");
}

#[test]
fn the_same_predictions_are_said_to_be_the_same_but_not_to_be_certain() {
    let (evidence, _) = World::binary(&rows(200, 10)).with("old.csv", &rows(200, 10)).baseline_file("old.csv").run();
    assert!(evidence.notes.iter().any(|note| note.contains("predict the same on all 200 rows")));
    assert!(!evidence.comparisons.is_empty());
    for compared in evidence.comparisons {
        let interval = compared.difference.interval.unwrap();
        assert_eq!(compared.difference.value, 0.0, "{}", compared.id);
        assert!(interval.low < 0.0 && interval.high > 0.0, "{} {interval:?}", compared.id);
    }
}

#[test]
fn other_rows_are_two_samples() {
    let other = rows(180, 5).replace("\nr", "\nx");
    for old in [other, rows(190, 5), rows(200, 5).replace("r7,1,", "r7,0,")] {
        let (evidence, _) = World::binary(&rows(200, 10)).with("old.csv", &old).baseline_file("old.csv").run();
        assert_eq!(evidence.faults, []);
        assert!(comparison(&evidence, "quality.f1").method.starts_with("two samples of 200 and"));
        assert!(
            evidence.notes.iter().any(|n| n.contains("as two samples: ") && n.contains("200 rows")),
            "{:?}",
            evidence.notes
        );
    }
    let mut world = World::binary(&rows(200, 10)).with("old.csv", &rows(200, 5)).baseline_file("old.csv");
    world.quality.predictions.as_mut().unwrap().id = None;
    assert!(world.run().0.notes.iter().any(|note| note.contains("no `id`")));
}

#[test]
fn a_baseline_without_the_slice_column_still_serves() {
    let old: String = rows(60, 5).lines().map(|line| line.rsplit_once(',').unwrap().0.to_string() + "\n").collect();
    let (evidence, _) = World::binary(&rows(60, 7)).with("old.csv", &old).baseline_file("old.csv").run();
    assert_eq!(evidence.faults, []);
    assert!(evidence.comparisons.iter().any(|c| c.slice.is_some()));
    assert!(evidence.notes.iter().any(|note| note.contains("no slice column segment")));
}

#[test]
fn a_file_that_is_not_there_may_be_a_first_run_and_a_broken_one_never() {
    let mut world = World::binary(&rows(60, 7)).baseline_file("old.csv");
    world.quality.first_run_accepted = true;
    let (evidence, baseline) = world.run();
    assert_eq!((evidence.faults, missing(&baseline)), (vec![], ("there is no file old.csv", true)));
    world.write("old.csv", "id,y\n1,1\n");
    let (evidence, baseline) = world.run();
    assert!(evidence.faults.iter().any(|fault| fault.to_string().contains("no column \"p\"")));
    assert!(!missing(&baseline).1);
    assert!(!evidence.measurements.is_empty(), "the candidate is measured all the same");
    world.quality.baseline = Some(BaselineSource::File("old/*.csv".into()));
    assert!(world.faults().contains("it is a glob"));
    world.quality.baseline = Some(BaselineSource::File("p.csv".into()));
    assert!(world.faults().contains("its own baseline"));
}

#[test]
fn numbers_and_records_serve_as_baselines() {
    let world = World::binary(&rows(60, 7)).with("old.json", r#"{"f1": 0.7}"#).baseline_file("old.json");
    let (_, baseline) = world.run();
    assert_eq!(find(known(&baseline).1, "quality.f1").value, 0.7);
    let record = r#"{"schema": 1, "tool": {"name": "mlgate", "version": "0"}, "run": {"id": "1", "hash": "", "model": "m",
        "command": "run", "host": "local", "started": "", "finished": "", "dry_run": false},
        "config": {"path": "mlops.yaml", "digest": ""}, "inputs": [], "stages": [], "checks": [], "verdicts": [],
        "measurements": [{"id": "quality.f1", "slice": {"column": "segment", "value": "a"}, "value": 0.9, "unit": "score",
            "n": 60, "interval": {"low": 0.8, "high": 0.95, "level": 0.95}, "source": "p.csv"}],
        "decision": {"outcome": "cleared", "summary": "", "exit_code": 0}}"#;
    let world = world.with("record.json", record).baseline_file("record.json");
    let (evidence, baseline) = world.run();
    assert_eq!(evidence.faults, []);
    let f1 = find(known(&baseline).1, "quality.f1[segment=a]");
    assert_eq!((f1.value, f1.n, f1.interval.unwrap().high), (0.9, Some(60), 0.95));
    world.write("record.json", &record.replace("\"schema\": 1", "\"schema\": 2"));
    assert!(world.faults().contains("it has schema 2"));
}

#[test]
fn a_commit_holds_the_baseline() {
    if !support::has("git") {
        return support::skipped("git is not installed");
    }
    let mut world = World::binary(&rows(100, 5)).with("m.json", r#"{"size": 3}"#);
    world.quality.metrics = vec!["m.json".into()];
    world.commit_all();
    world.write("p.csv", &rows(100, 10));
    world.write("m.json", r#"{"size": 4}"#);
    let world = world.baseline_git("main");
    let (evidence, baseline) = world.run();
    assert_eq!(evidence.faults, []);
    let (source, measurements) = known(&baseline);
    assert!(source.starts_with("git:main ("), "{source}");
    assert_eq!(find(measurements, "quality.size").value, 3.0);
    assert!(comparison(&evidence, "quality.f1").method.contains("paired"));
    let kinds: Vec<_> = evidence.inputs.iter().map(|i| (i.kind.as_str(), i.name.as_str())).collect();
    assert!(kinds.contains(&("baseline", "git:main:p.csv")) && kinds.contains(&("predictions", "p.csv")), "{kinds:?}");
    assert_eq!(std::fs::read_dir(world.root().join(".mlgate")).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn a_baseline_with_the_same_predictions_is_remarked_upon() {
    if !support::has("git") {
        return support::skipped("git is not installed");
    }
    let world = World::binary(&rows(60, 5)).baseline_git("main");
    world.commit_all();
    let (evidence, _) = world.run();
    let same =
        |notes: &[String]| notes.iter().any(|note| note.contains("git:main:p.csv holds the same predictions as p.csv"));
    assert!(same(&evidence.notes), "{:?}", evidence.notes);
    std::fs::write(world.root().join("p.csv"), rows(60, 6)).unwrap();
    assert!(!same(&world.run().0.notes));
}

#[test]
fn only_a_file_that_a_commit_lacks_may_be_a_first_run() {
    if !support::has("git") {
        return support::skipped("git is not installed");
    }
    let mut world = World::binary(&rows(60, 5)).baseline_git("main");
    world.quality.first_run_accepted = true;
    // Without a repository, without the reference, with an option for a reference: each is a fault of its own.
    assert!(world.faults().contains("not a git repository"));
    std::fs::rename(world.root().join("p.csv"), world.root().join("kept")).unwrap();
    world.commit_all();
    std::fs::rename(world.root().join("kept"), world.root().join("p.csv")).unwrap();
    let (evidence, baseline) = world.run();
    assert_eq!((evidence.faults, missing(&baseline)), (vec![], ("the commit has no p.csv", true)));
    for reference in ["origin/main", "--output=x", "main:p.csv"] {
        let world = World::binary(&rows(60, 5)).baseline_git(reference);
        world.commit_all();
        let (evidence, baseline) = world.run();
        assert!(!evidence.faults.is_empty() && !missing(&baseline).1, "{reference}");
        assert!(!world.root().join("x").exists());
    }
    let mut glob = World::binary(&rows(60, 5)).baseline_git("main");
    glob.quality.predictions.as_mut().unwrap().file = "*.csv".into();
    glob.commit_all();
    assert!(glob.faults().contains("a glob cannot be read from a commit"));
    world.write("p.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
    world.commit_all();
    world.write("p.csv", &rows(60, 5));
    assert!(world.faults().contains("Git LFS pointer"));
}

#[test]
fn production_is_told_by_others() {
    let mut world = World::binary(&rows(60, 5));
    world.quality.baseline = Some(BaselineSource::Production);
    world.quality.first_run_accepted = true;
    let f1 = Measurement::new("quality.f1", 0.8, Unit::Score, "p.csv");
    let tell = |found| Some(Production { source: "record of r@sha256:0".into(), found });
    world.production = tell(Ok(Some(Released { measurements: vec![f1.clone()], ..Released::default() })));
    assert_eq!(known(&world.run().1), ("record of r@sha256:0", &[f1][..]));
    world.production = tell(Ok(None));
    assert!(missing(&world.run().1).1);
    world.production = tell(Err(Fault::new("read the record", "connection refused", "")));
    let (evidence, baseline) = world.run();
    assert!(!missing(&baseline).1 && evidence.faults[0].why == "connection refused");
    world.production = None;
    assert!(world.faults().contains("was not looked up"));
}

#[test]
fn other_tasks_are_compared_in_pairs_too() {
    let table = |shift: f64, wrong: u32| {
        let row = |i: u32| {
            let y = f64::from(i) * 0.7;
            let class = ["a", "b", "c"][i as usize % 3];
            let guess = if i.is_multiple_of(wrong) { "d" } else { class };
            format!("{i},{y},{},{class},{guess}\n", y + shift * (1.0 + f64::from(i % 5)))
        };
        "id,y,predicted,class,guess\n".to_string() + &(0..90).map(row).collect::<String>()
    };
    for (task, label, prediction, id) in [
        (Task::Regression, "y", "predicted", "quality.rmse"),
        (Task::Regression, "y", "predicted", "quality.median_absolute_error"),
        (Task::Multiclass, "class", "guess", "quality.f1_macro"),
    ] {
        let mut world = World::binary(&table(0.1, 9)).with("old.csv", &table(0.3, 4)).baseline_file("old.csv");
        let config = world.quality.predictions.as_mut().unwrap();
        (config.task, config.label, config.slices) = (task, label.into(), Vec::new());
        (config.score, config.prediction) = (None, Some(prediction.into()));
        let (evidence, _) = world.run();
        assert_eq!(evidence.faults, [], "{id}");
        let interval = comparison(&evidence, id).difference.interval.unwrap();
        assert!(interval.low > 0.0 || interval.high < 0.0, "{id}: surely better, not {interval:?}");
    }
}
