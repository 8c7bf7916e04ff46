//! Profiles of tables, whole and in parts.

use super::*;
use std::fmt::Write as _;
use std::path::Path;

fn csv(rows: std::ops::Range<u32>) -> String {
    let mut text = "id,age,country,active,score,signup,nothing\n".to_string();
    for i in rows {
        let age = if i % 10 == 3 { String::new() } else { (20 + i * 7 % 50).to_string() };
        let score = if i % 100 == 1 { "NaN".to_string() } else { format!("{}", f64::from(i) / 8.0) };
        let country = ["JP", "US", "DE"][(i % 3) as usize];
        writeln!(text, "{i},{age},{country},{},{score},2024-01-0{},", i % 2 == 0, 1 + i % 9).unwrap();
    }
    text
}

fn profile(root: &Path, text: &str, private: &[&str]) -> Result<Profile, Fault> {
    std::fs::write(root.join("t.csv"), text).unwrap();
    let private: Vec<String> = private.iter().map(|name| name.to_string()).collect();
    of_table("t", &Table::open(root, "t.csv", None).unwrap(), &private)
}

#[test]
fn a_profile_tells_what_the_columns_hold() {
    let dir = tempfile::tempdir().unwrap();
    let found = profile(dir.path(), &csv(0..1000), &["country"]).unwrap();
    assert_eq!((found.rows, found.columns.len()), (1000, 7));
    let column = |name: &str| found.column(name).unwrap();
    let id = column("id");
    let numbers = id.numbers.as_ref().unwrap();
    assert_eq!((id.kind, id.count, id.nulls, numbers.min, numbers.max), (ColumnKind::Number, 1000, 0, 0.0, 999.0));
    assert!((numbers.mean - 499.5).abs() < 1e-9 && (numbers.deviation(1000) - 288.674_990_257_2).abs() < 1e-6);
    assert_eq!((numbers.quantiles[0], numbers.quantiles[100], numbers.quantiles[200]), (0.0, 499.5, 999.0));
    assert!((distinct(id) - 1000.0).abs() < 70.0 && id.values.is_empty() && id.others == 1000);
    let age = column("age");
    assert_eq!((age.nulls, age.count, age.others, distinct(age)), (100, 900, 0, 45.0));
    assert_eq!((column("score").not_finite, column("score").count), (10, 990));
    assert_eq!(column("active").values, [("false".to_string(), 500), ("true".to_string(), 500)]);
    assert_eq!(column("signup").kind, ColumnKind::Time);
    let country = column("country");
    assert_eq!((country.kind, country.nulls, country.count), (ColumnKind::Private, 0, 1000));
    assert!(country.values.is_empty() && country.registers.is_empty() && country.numbers.is_none());
    let nothing = column("nothing");
    assert_eq!((nothing.count, nothing.nulls, distinct(nothing)), (0, 1000, 0.0));
}

#[test]
fn no_rows_and_unknown_private_columns_are_faults() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(profile(dir.path(), "a,b\n", &[]).unwrap_err().why, "it has no rows");
    assert!(profile(dir.path(), "a,b\n1,2\n", &["c"]).unwrap_err().why.contains("no column \"c\""));
}

#[test]
fn parts_merge_into_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let whole = profile(dir.path(), &csv(0..3000), &[]).unwrap();
    let parts = [csv(0..700), csv(700..710), csv(710..3000)].map(|text| profile(dir.path(), &text, &[]).unwrap());
    let merged = parts[1..].iter().fold(parts[0].clone(), |all, part| merge(&all, part).unwrap());
    assert_eq!(merged.rows, 3000);
    for (found, wanted) in merged.columns.iter().zip(&whole.columns) {
        let counts = |c: &ColumnProfile| (c.count, c.nulls, c.not_finite, c.others, c.values.clone());
        assert_eq!(counts(found), counts(wanted), "{}", found.name);
        assert_eq!(found.registers, wanted.registers);
        let (Some(a), Some(b)) = (&found.numbers, &wanted.numbers) else { continue };
        assert_eq!((a.min, a.max), (b.min, b.max));
        assert!((a.mean - b.mean).abs() < 1e-6 * b.mean.abs().max(1.0));
        assert!((a.squares - b.squares).abs() < 1e-6 * b.squares);
        // Two merges: at most a step of 1 / 200 in rank.
        if found.name == "id" {
            let off = a.quantiles.iter().zip(&b.quantiles).map(|(a, b)| (a - b).abs() / 3000.0);
            assert!(off.fold(0.0, f64::max) <= 2.0 / 200.0);
        }
    }
    let other = profile(dir.path(), "a\n1\n", &[]).unwrap();
    assert!(merge(&whole, &other).is_err());
}
