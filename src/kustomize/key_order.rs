//! The order of keys in printed mappings.

use super::value::Value;
use std::cmp::Ordering;

/// A merge sort: the order of keys is not transitive for odd mixtures of digits and signs, on which the standard
/// library's sort may panic.
pub(crate) fn sorted(mut entries: Vec<&(String, Value)>) -> Vec<&(String, Value)> {
    if entries.len() < 2 {
        return entries;
    }
    let right = sorted(entries.split_off(entries.len() / 2));
    let left = sorted(entries);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if compare_keys(&a.0, &b.0) == Ordering::Greater { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

/// go-yaml's order of keys: letters after everything else, numbers by value.
fn compare_keys(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    for i in 0..a.len().min(b.len()) {
        if a[i] == b[i] {
            continue;
        }
        let (a_letter, b_letter) = (a[i].is_alphabetic(), b[i].is_alphabetic());
        if a_letter && b_letter {
            return a[i].cmp(&b[i]);
        }
        if a_letter || b_letter {
            return if b_letter { Ordering::Less } else { Ordering::Greater };
        }
        // A run of zeros is only a number's start when no other digit stands before it.
        let leading = |s: &[char]| s[..i].iter().rev().take_while(|c| c.is_ascii_digit()).any(|c| *c != '0');
        let start = i64::from((a[i] == '0' || b[i] == '0') && leading(&a));
        let run = |s: &[char]| {
            s[i..].iter().take_while(|c| c.is_ascii_digit()).fold((start, i), |(n, end), c| {
                (n.wrapping_mul(10).wrapping_add(i64::from(*c as u32 - '0' as u32)), end + 1)
            })
        };
        return run(&a).cmp(&run(&b)).then(a[i].cmp(&b[i]));
    }
    a.len().cmp(&b.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kustomize::value::Map;

    #[test]
    fn keys_are_ordered_as_go_yaml_orders_them() {
        let keys = ["b", "a10", "a9", "A", "a", "a-b", "_", "1", "10", "2", "a0", "é", ""];
        let map = Map(keys.iter().map(|k| (k.to_string(), Value::Int(0))).collect());
        let found: Vec<_> = sorted(map.0.iter().collect()).into_iter().map(|(k, _)| k.as_str()).collect();
        assert_eq!(found, ["", "_", "1", "2", "10", "A", "a", "a-b", "a0", "a9", "a10", "b", "é"]);
    }

    #[test]
    fn any_keys_can_be_sorted() {
        let parts = ["0", "1", "-", "x", " ", "9", "é"];
        let key = |n: usize| (0..4).map(|i| parts[n / 7usize.pow(i) % 7]).collect::<String>();
        let map = Map((0..2401).map(|n| (key(n * 1009 % 2401), Value::Null)).collect());
        assert_eq!(sorted(map.0.iter().collect()).len(), 2401);
    }
}
