use super::*;
use crate::data::values::Values;
use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
};
use std::sync::Arc;

fn keys_by(columns: Vec<ArrayRef>, packed: bool, nulls_equal: bool) -> Vec<Option<Key>> {
    let values: Vec<Values> = columns.iter().map(|c| Values::of(c).unwrap()).collect();
    let keys = Keys::new(columns[0].len(), columns.iter().zip(&values), false).unwrap();
    let packing = Packing::learn(&keys).filter(|_| packed);
    assert_eq!(packing.is_some(), packed);
    let mut found = Vec::new();
    keys.each(packing.as_ref(), nulls_equal, |_, key| found.push(key));
    found
}

fn keys(columns: Vec<ArrayRef>) -> Vec<Option<Key>> {
    keys_by(columns, false, false)
}

#[test]
fn equal_values_have_equal_keys_across_types() {
    let ints = keys(vec![Arc::new(Int32Array::from(vec![Some(1), None, Some(-3)]))]);
    let longs = keys(vec![Arc::new(Int64Array::from(vec![1, 2, -3]))]);
    let floats = keys(vec![Arc::new(Float64Array::from(vec![1.0, 1.5, -3.0, 18_446_744_073_709_551_616.0]))]);
    let unsigned = keys(vec![Arc::new(UInt64Array::from(vec![1, u64::MAX]))]);
    assert_eq!((ints[0], ints[2]), (longs[0], longs[2]));
    assert_eq!((floats[0], floats[2], unsigned[0]), (longs[0], longs[2], longs[0]));
    assert!(ints[1].is_none() && ints[0].is_some());
    assert!(unsigned[1] != floats[3] && matches!(floats[3], Some(Key::Wide(_))));
    let decimal = |scale, value| -> ArrayRef {
        Arc::new(Decimal128Array::from(vec![value]).with_precision_and_scale(10, scale).unwrap())
    };
    assert_eq!(keys(vec![decimal(2, 150)]), keys(vec![decimal(1, 15)]));
}

#[test]
fn nanoseconds_count_and_a_date_is_the_moment_it_begins() {
    let nanos = keys(vec![Arc::new(TimestampNanosecondArray::from(vec![5000, 5001]))]);
    let micros = keys(vec![Arc::new(TimestampMicrosecondArray::from(vec![5, 86_400_000_000]))]);
    let date = keys(vec![Arc::new(Date32Array::from(vec![1]))]);
    assert_eq!((nanos[0], date[0]), (micros[0], micros[1]));
    assert_ne!(nanos[0], nanos[1]);
}

#[test]
fn parts_do_not_run_into_each_other() {
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    assert_ne!(keys(vec![text("ab"), text("c")]), keys(vec![text("a"), text("bc")]));
    assert_ne!(keys(vec![text("a"), text("b")]), keys(vec![text("b"), text("a")]));
    assert_ne!(keys(vec![text("1")]), keys(vec![Arc::new(Int64Array::from(vec![1]))]));
    let zero = keys(vec![Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN, -f64::NAN]))]);
    assert_eq!((zero[0], zero[2]), (zero[1], zero[3]));
    assert_ne!(zero[0], zero[2]);
}

#[test]
fn packed_keys_are_as_different_as_the_rows() {
    let a = Int64Array::from(vec![Some(i64::MIN), Some(i64::MIN), Some(i64::MIN + 1), None, None]);
    let b = Int64Array::from(vec![Some(0), None, Some(0), Some(0), None]);
    let both: Vec<ArrayRef> = vec![Arc::new(a), Arc::new(b)];
    let found = keys_by(both.clone(), true, true);
    assert!(found.iter().all(|key| matches!(key, Some(Key::Narrow(_)))));
    let mut different = found.clone();
    different.dedup();
    assert_eq!(different.len(), 5);
    let without = keys_by(both, true, false);
    assert_eq!(without.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true, false, false]);
    let wide: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX]));
    keys_by(vec![wide.clone(), wide], false, false);
}

#[test]
fn a_value_outside_of_what_was_learned_still_has_its_own_key() {
    let first: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(Int64Array::from(vec![1, 2]))];
    let later: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(vec![i64::MAX, i64::MAX, 1])), Arc::new(Int64Array::from(vec![1, 2, i64::MIN]))];
    let values = |columns: &[ArrayRef]| columns.iter().map(|c| Values::of(c).unwrap()).collect::<Vec<_>>();
    let (one, two) = (values(&first), values(&later));
    let packing = Packing::learn(&Keys::new(2, first.iter().zip(&one), false).unwrap()).unwrap();
    let mut found = Vec::new();
    Keys::new(3, later.iter().zip(&two), false).unwrap().each(Some(&packing), false, |_, key| found.push(key.unwrap()));
    assert!(found.iter().all(|key| matches!(key, Key::Wide(_))));
    assert!(found[0] != found[1] && found[1] != found[2] && found[0] != found[2]);
}

/// Keys of every kind, written by two hands: bits, parts in memory and parts on disk count alike.
#[test]
fn stores_count_what_is_different_in_memory_and_on_disk() {
    for limit in [2000, 100_000, 1 << 30] {
        let budget = Arc::new(Budget::new(limit));
        let store = Store::new(&budget, 2);
        let mut hands = [store.writer(), store.writer()];
        let key = |i: u64| match i % 3 {
            0 => Key::Narrow(i),
            1 => Key::Narrow(mix(i)),
            _ => Key::Wide(u128::from(mix(i)) << 64 | u128::from(i)),
        };
        for i in 0..30_000 {
            store.add(&mut hands[(i % 2) as usize], key(i));
        }
        for i in [3, 9, 100, 101, 29_999] {
            store.add(&mut hands[0], key(i));
            store.add(&mut hands[1], key(i));
        }
        store.add(&mut hands[0], Key::Narrow(0));
        hands.into_iter().for_each(|hand| store.close(hand));
        let counted = store.count(2, true);
        assert_eq!(counted.distinct, 30_000, "{limit}");
        let repeated: Vec<u64> = (0..30_000).filter(|i| counted.contains(key(*i))).collect();
        assert_eq!(repeated, [0, 3, 9, 100, 101, 29_999], "{limit}");
        assert_eq!((budget.spilled() > 0, budget.fault()), (limit < 1 << 20, None));
    }
}

#[test]
fn keys_of_another_data_set_are_found_in_memory_and_on_disk() {
    for limit in [2000, 1 << 30] {
        let budget = Arc::new(Budget::new(limit));
        let store = Store::new(&budget, 2);
        let mut hand = store.writer();
        for i in 0..5000 {
            store.add(&mut hand, Key::Narrow(i));
            store.add(&mut hand, Key::Wide(u128::from(mix(i)) << 3));
        }
        store.close(hand);
        let known = Known::new(store);
        assert_eq!((known.in_memory(), known.is_empty()), (limit > 2000, false));
        let waiting = Store::beside(&known, &budget, 2);
        let mut hand = waiting.writer();
        let asked = [Key::Narrow(4999), Key::Narrow(5000), Key::Wide(u128::from(mix(7)) << 3), Key::Wide(1)];
        let mut here = 0;
        for key in asked.iter().chain(&asked) {
            match known.contains(*key) {
                Some(there) => here += u64::from(there),
                None => waiting.add(&mut hand, *key),
            }
        }
        waiting.close(hand);
        let (joined, some) = known.join(&waiting, true, 2);
        assert_eq!(here + joined, 4, "{limit}");
        assert!(some.iter().all(|key| [asked[0], asked[2]].contains(key)));
    }
}

#[test]
fn a_table_grows_and_holds_zero() {
    let mut table = KeyTable::<u64>::default();
    assert!(!table.contains(0) && !table.contains(1));
    table = KeyTable::for_keys(1);
    assert!((0..1000).all(|key| table.insert(key)) && !(0..1000).any(|key| table.insert(key)));
    assert!(table.len() == 1000 && (0..1000).all(|key| table.contains(key)) && !table.contains(1000));
}

/// What is held when memory ends is more than is written at once.
#[test]
fn a_long_run_goes_to_disk_in_parts_and_comes_back_whole() {
    let budget = Budget::new(5 << 20);
    let (mut blocks, mut other) = (Blocks::<u64>::default(), Blocks::<u64>::default());
    for block in 0..1500_u64 {
        blocks.push((block * 1000..block * 1000 + 1000).collect(), &budget);
        // Of another run, so that this one is not all of the file.
        if block % 400 == 399 {
            other.push(vec![7; 1000], &budget);
        }
    }
    assert!(budget.spilled() > 9 << 20, "{}", budget.spilled());
    let mut found = Vec::new();
    blocks.each(&budget, |key| found.push(key));
    assert_eq!(found.len(), blocks.len());
    found.sort_unstable();
    assert!(found.into_iter().eq(0..1_500_000));
    let mut sevens = 0;
    other.each(&budget, |key| sevens += u64::from(key == 7));
    assert_eq!(sevens, 3000);
}
