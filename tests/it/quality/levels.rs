//! Intervals at the levels that gates ask for are made from the rows, not stretched.

use super::world::{World, find, rows};
use mlgate::config::parse_gate;
use mlgate::model::{Baseline, StageKind, same_level};

fn world(gates: &[&str]) -> World {
    let mut world = World::binary(&rows(300, 7)).with("old.csv", &rows(300, 9)).baseline_file("old.csv");
    world.quality.gates = gates.iter().map(|gate| parse_gate(gate, Some(StageKind::Quality)).unwrap()).collect();
    world
}

#[test]
fn every_level_is_measured_for_both_models_and_for_their_difference() {
    let (evidence, baseline) = world(&["f1 within 3% of baseline at 99%", "recall[segment] >= 0.5"]).run();
    assert_eq!(evidence.faults, []);
    let f1 = find(&evidence.measurements, "quality.f1");
    let levels: Vec<f64> = f1.others.iter().map(|interval| interval.level).collect();
    assert!(levels.len() == 1 && same_level(levels[0], 0.99), "{levels:?}");
    let (usual, surer) = (f1.interval.unwrap(), f1.interval_at(0.99).unwrap());
    assert!(surer.low < usual.low && surer.high > usual.high);
    // Wilson's interval is not symmetric, so none that is only stretched would have these ends.
    let stretched = mlgate::stats::carried(f1.value, usual, 0.99);
    assert!((stretched.low - surer.low).abs() > 1e-6, "{stretched:?} {surer:?}");
    let Baseline::Known { measurements, .. } = baseline else { panic!("{baseline:?}") };
    assert!(find(&measurements, "quality.f1").interval_at(0.99).is_some());
    // Two slices share the error: 97.5 %. Nobody asks for it of anything else.
    let slice = find(&evidence.measurements, "quality.recall[segment=a]");
    assert!(slice.others.len() == 1 && slice.interval_at(0.975).is_some(), "{slice:?}");
    let others = evidence.measurements.iter().filter(|m| !m.others.is_empty()).map(|m| m.key());
    assert_eq!(others.count(), 3, "f1, and recall of two slices");
    let compared = evidence.comparisons.iter().filter(|c| c.id == "quality.f1" && c.slice.is_none());
    let levels: Vec<f64> = compared.map(|c| c.relative.unwrap().interval.unwrap().level).collect();
    assert!(levels.len() == 2 && same_level(levels[0], 0.95), "everybody's level comes first: {levels:?}");
    let accuracy = evidence.comparisons.iter().find(|c| c.id == "quality.accuracy").unwrap();
    assert!(accuracy.method.contains("Newcombe") && accuracy.method.contains("McNemar's exact p"), "{accuracy:?}");
}

#[test]
fn without_such_gates_nothing_is_measured_twice() {
    let (evidence, _) = world(&["f1 >= 0.5", "recall[segment=a] >= 0.5"]).run();
    assert!(evidence.measurements.iter().all(|m| m.others.is_empty()), "{evidence:?}");
    assert_eq!(evidence.comparisons.iter().filter(|c| c.id == "quality.f1" && c.slice.is_none()).count(), 1);
}
