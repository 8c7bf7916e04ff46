//! Slices by bins and by conditions.

use super::world::{World, find};
use mlgate::config::SliceBy;
use mlgate::config::data_check::parse_condition;
use mlgate::model::Measurement;

/// 300 binary rows with an age from 10 to 79, null in every tenth, and a country.
fn people() -> String {
    let mut text = "id,y,p,segment,age,country\n".to_string();
    for i in 0..300 {
        let y = i % 2;
        let p = if (y == 1) == (i % 7 != 0) { 0.8 } else { 0.2 };
        let age = if i % 10 == 9 { String::new() } else { (10 + i * 7 % 70).to_string() };
        text.push_str(&format!("{i},{y},{p},s,{age},{}\n", if i % 4 == 0 { "DE" } else { "FR" }));
    }
    text
}

fn run(slices: Vec<SliceBy>) -> (Vec<Measurement>, Vec<String>) {
    let mut world = World::binary(&people());
    world.quality.predictions.as_mut().unwrap().slices = slices;
    let (evidence, _) = world.run();
    assert!(evidence.faults.is_empty(), "{:?}", evidence.faults);
    (evidence.measurements, evidence.notes)
}

/// The accuracy of those rows alone.
fn accuracy_of(keep: impl Fn(&[&str]) -> bool) -> (f64, u64) {
    let text = people();
    let mut lines = text.lines();
    let mut kept = format!("{}\n", lines.next().unwrap());
    for line in lines.filter(|line| keep(&line.split(',').collect::<Vec<_>>())) {
        kept.push_str(&format!("{line}\n"));
    }
    let mut world = World::binary(&kept);
    world.quality.predictions.as_mut().unwrap().slices.clear();
    let found = world.run().0.measurements;
    (find(&found, "quality.accuracy").value, find(&found, "quality.accuracy").n.unwrap())
}

#[test]
fn bins_hold_the_rows_from_their_edge_on() {
    let (found, notes) = run(vec![SliceBy::Bins { column: "age".into(), edges: vec![18.0, 30.5, 60.0] }]);
    let age = |row: &[&str]| row[4].parse::<f64>().ok();
    for (name, low, high) in
        [("below 18", 0.0, 18.0), ("18 to 30.5", 18.0, 30.5), ("30.5 to 60", 30.5, 60.0), ("60 and above", 60.0, 1e9)]
    {
        let slice = find(&found, &format!("quality.accuracy[age={name}]"));
        let alone = accuracy_of(|row| age(row).is_some_and(|age| low <= age && age < high));
        assert_eq!((slice.value, slice.n.unwrap()), alone, "{name}");
    }
    assert!(notes.iter().any(|note| note.contains("30 rows without a value of age")), "{notes:?}");
}

#[test]
fn quantiles_hold_as_many_rows_each() {
    let (found, _) = run(vec![SliceBy::Quantiles { column: "age".into(), bins: 3 }]);
    let sizes: Vec<u64> =
        found.iter().filter(|m| m.id == "quality.f1" && m.slice.is_some()).map(|m| m.n.unwrap()).collect();
    assert_eq!((sizes.len(), sizes.iter().sum::<u64>()), (3, 270));
    assert!(sizes.iter().all(|size| (80..=100).contains(size)), "{sizes:?}");
}

#[test]
fn a_condition_holds_the_rows_it_is_true_of() {
    let condition = parse_condition("country = 'DE' and age < 40").unwrap();
    let (found, _) = run(vec![SliceBy::Where { name: "young in DE".into(), condition }]);
    let slice = find(&found, "quality.accuracy[young in DE=true]");
    let alone = accuracy_of(|row| row[5] == "DE" && row[4].parse::<f64>().is_ok_and(|age| age < 40.0));
    assert_eq!((slice.value, slice.n.unwrap()), alone);
    assert!(slice.n.unwrap() > 10);
}

#[test]
fn what_makes_no_slices_is_a_fault() {
    let faults = |slices| {
        let mut world = World::binary(&people());
        world.quality.predictions.as_mut().unwrap().slices = slices;
        world.faults()
    };
    let condition = |text: &str| vec![SliceBy::Where { name: "x".into(), condition: parse_condition(text).unwrap() }];
    assert!(faults(condition("counrty = 'DE'")).contains("did you mean \"country\"?"));
    let found = faults(condition("country > 4"));
    assert!(found.contains("slice \"x\"") && found.contains("check the condition"), "{found}");
    let bins = |column: &str| vec![SliceBy::Bins { column: column.into(), edges: vec![1.0] }];
    assert!(faults(bins("country")).contains("column \"country\" is no number in 300 of 300 rows: rows 1 (DE)"));
    assert!(faults(bins("weight")).contains("no column \"weight\""));
}

#[test]
fn a_column_of_a_million_values_is_no_slice() {
    let mut text = "id,y,p,segment\n".to_string();
    for i in 0..12_000 {
        text.push_str(&format!("{i},{},0.5,user {i}\n", i % 2));
    }
    let faults = World::binary(&text).faults();
    assert!(faults.contains("more than 10000 distinct values, too many for slices"), "{faults}");
}
