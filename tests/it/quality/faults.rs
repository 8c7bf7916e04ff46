//! Everything that can be wrong with what the model is measured by is said, and nothing is measured instead.

use super::world::{World, find, predictions, rows};
use mlgate::config::Task;
use std::time::Duration;

#[track_caller]
fn says(world: &World, parts: &[&str]) {
    let faults = world.faults();
    for part in parts {
        assert!(faults.contains(part), "{part:?} is not in: {faults}");
    }
    assert!(world.run().0.measurements.is_empty());
}

#[test]
fn a_fault_has_its_name() {
    says(&World::binary("id,y,p,segment\n"), &["p.csv", "no rows"]);
    says(&World::binary("id,why,p,segment\n1,1,0.5,a\n"), &["no column \"y\"", "`label`"]);
    says(
        &World::binary("id,y,prob,segmnt\n1,1,0.5,a\n"),
        &["\"p\"", "`score`", "\"segment\"", "did you mean \"segmnt\"?"],
    );
    says(
        &World::binary("id,y,p,segment\n1,1,,a\n2,0,0.5,a\n3,,NaN,a\n"),
        &[
            "column \"p\"",
            "is null or NaN in 2 of 3 rows: rows 1, 3",
            "column \"y\" is null or NaN in 1 of 3 rows: row 3",
        ],
    );
    says(
        &World::binary("id,y,p,segment\n1,1,1.5,a\n2,0,-0.5,a\n"),
        &["outside 0 to 1", "in 2 of 2 rows: rows 1 (1.5), 2 (-0.5)"],
    );
    says(&World::binary("id,y,p,segment\n1,1,high,a\n2,0,0.5,a\n"), &["is no number in 1 of 2 rows: row 1 (high)"]);
    says(
        &World::binary("id,y,p,segment\n1,1,0.1,a\n2,0,0.5,a\n3,2,0.2,a\n"),
        &["two classes", "\"1\", \"0\", \"2\"", "multiclass"],
    );
    says(
        &World::binary("id,y,p,segment\n1,yes,0.1,a\n2,no,0.5,a\n"),
        &["positive class \"1\"", "\"yes\", \"no\"", "positive"],
    );
    says(&World::binary("id,y,p,segment\n7,1,0.1,a\n8,0,0.5,a\n7,0,0.5,a\n"), &["row 3 that of row 1"]);
    says(&World::new(), &["nothing to measure by"]);
}

#[test]
fn a_missing_file_is_no_measurement() {
    let mut world = World::new();
    world.quality.predictions = Some(predictions("out/p.parquet", Task::Binary));
    world.quality.metrics = vec!["out/m.json".into()];
    let faults = world.faults();
    assert!(faults.contains("out/p.parquet") && faults.contains("out/m.json"), "{faults}");
}

#[test]
fn the_command_must_end_well_and_write_its_file() {
    let mut world = World::binary(&rows(40, 5));
    let run = |world: &mut World, script: &str| {
        world.quality.run = Some(script.to_string());
    };
    run(&mut world, "echo no such module >&2; exit 3");
    says(&world, &["code 3", "no such module"]);
    run(&mut world, "kill -9 $$");
    says(&world, &["signal 9"]);
    run(&mut world, "true");
    says(&world, &["did not write p.csv"]);
    world.quality.timeout = Duration::from_millis(300);
    run(&mut world, "sleep 30");
    says(&world, &["did not end within 0.3 s"]);
    world.quality.timeout = Duration::from_secs(20);
    // Written anew with the same content: fresh.
    run(&mut world, "cp p.csv q.csv && sleep 0.05 && cat q.csv > p.csv");
    let (evidence, _) = world.run();
    assert!(evidence.faults.is_empty() && find(&evidence.measurements, "quality.accuracy").value > 0.7);
    // Written for the first time: fresh too.
    run(&mut world, "rm p.csv && cp q.csv p.csv");
    assert!(world.run().0.faults.is_empty());
}

#[test]
fn labels_and_slices_of_every_kind_are_read() {
    let mut world = World::binary(
        "id,y,p,segment\n1,true,0.9,x\n2,false,0.1,x\n3,true,0.2,x\n4,false,0.3,x\n5,true,0.8,\n6,true,0.7,y\n",
    );
    world.quality.min_slice_rows = 4;
    let (evidence, _) = world.run();
    assert_eq!(evidence.faults, []);
    let f1 = find(&evidence.measurements, "quality.f1");
    assert_eq!((f1.value, f1.n, f1.source.as_str()), (2.0 * 3.0 / 7.0, Some(6), "p.csv"));
    assert_eq!(find(&evidence.measurements, "quality.recall[segment=x]").value, 0.5);
    assert!(evidence.measurements.iter().all(|m| m.slice.as_ref().is_none_or(|s| s.value == "x")));
    let notes = evidence.notes.join("\n");
    assert!(notes.contains("1 slice of segment with fewer than 4 rows left out (y: 1)"), "{notes}");
    assert!(notes.contains("1 rows without a value of segment"), "{notes}");
    assert_eq!((evidence.inputs.len(), evidence.inputs[0].kind.as_str()), (1, "predictions"));
}

#[test]
fn what_is_undefined_is_nan_and_says_why() {
    let (evidence, _) = World::binary("id,y,p,segment\n1,0,0.1,x\n2,0,0.2,x\n").run();
    let auc = find(&evidence.measurements, "quality.roc_auc");
    assert!(auc.value.is_nan() && auc.interval.is_none());
    let notes = evidence.notes.join("\n");
    assert!(notes.contains("quality.roc_auc is undefined on p.csv: the labels are of a single class"), "{notes}");
}

#[test]
fn metric_files_join_what_predictions_give() {
    let mut world = World::binary(&rows(40, 5)).with("m.json", r#"{"f1": 0.8000001, "fairness": {"gap": NaN}}"#);
    world.quality.metrics = vec!["m.json".into()];
    let f1 = find(&world.run().0.measurements, "quality.f1").clone();
    world.write("m.json", &format!(r#"{{"f1": {}, "fairness": {{"gap": NaN}}}}"#, f1.value + 1e-6));
    let (evidence, _) = world.run();
    assert_eq!(evidence.faults, []);
    assert_eq!(find(&evidence.measurements, "quality.f1"), &f1);
    assert!(find(&evidence.measurements, "quality.fairness.gap").value.is_nan());
    assert!(evidence.notes.iter().any(|note| note.contains("fairness.gap") && note.contains("NaN")));
    world.write("m.json", r#"{"f1": 0.5}"#);
    assert!(world.faults().contains("quality.f1 is 0.5 in m.json, but"));
    world.write("m.json", r#"{"a": 0.5}"#);
    world.write("n.yaml", "a: 0.5\n");
    world.quality.metrics.push("n.yaml".into());
    assert!(world.faults().contains("quality.a is in m.json and in n.yaml"));
}
