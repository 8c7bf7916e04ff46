//! Running the evaluation again while a gate is inconclusive: all rows together, and never the same rows twice.

use super::world::{World, find};

/// A world whose command predicts other rows at each look.
fn world(looks: &[(&str, u32)]) -> World {
    let mut world = World::binary("");
    for (place, (prefix, rows)) in looks.iter().enumerate() {
        let text = super::world::rows(*rows, 5).replace("\nr", &format!("\n{prefix}"));
        world.write(&format!("look{}.csv", place + 1), &text);
    }
    std::fs::remove_file(world.root().join("p.csv")).unwrap();
    world.quality.run = Some("cp look$MLGATE_LOOK.csv p.csv".into());
    world.quality.looks = 3;
    world.unsure = true;
    world
}

#[test]
fn rows_of_all_looks_count_together() {
    let world = world(&[("a", 60), ("b", 60), ("c", 60)]);
    let (evidence, _) = world.run();
    assert_eq!(evidence.faults, []);
    assert_eq!(find(&evidence.measurements, "quality.f1").n, Some(180));
    assert_eq!(find(&evidence.measurements, "quality.f1").source, "p.csv");
    assert!(evidence.notes.iter().any(|note| note.starts_with("measured 3 of at most 3 times")), "{evidence:?}");
    let inputs: Vec<&str> = evidence.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(inputs.len(), 3, "{inputs:?}");
    assert!(inputs[2].starts_with("p.csv: 03-"), "{inputs:?}");
    // What an earlier run left is not counted again.
    assert_eq!(find(&world.run().0.measurements, "quality.f1").n, Some(180));
}

#[test]
fn it_ends_when_the_gates_are_sure() {
    let mut world = world(&[("a", 60)]);
    world.unsure = false;
    let (evidence, _) = world.run();
    assert_eq!(find(&evidence.measurements, "quality.f1").n, Some(60));
    assert!(evidence.notes.iter().any(|note| note.starts_with("measured 1 of at most 3 times")), "{evidence:?}");
}

#[test]
fn the_same_rows_again_are_a_fault() {
    let found = world(&[("a", 60), ("a", 60)]).faults();
    assert!(found.contains("id"), "{found}");
    // The second look fails as a command: nothing is judged on the first alone.
    let found = world(&[("a", 60)]).faults();
    assert!(found.contains("exited with code"), "{found}");
}
