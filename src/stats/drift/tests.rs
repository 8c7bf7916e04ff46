//! Against SciPy and Evidently, by tests/drift/expected.json, and the properties that no table holds.

use super::*;
use crate::stats::random::Random;
use serde_json::Value;

/// splitmix64, its upper 53 bits as a fraction: what tests/drift/make.py draws.
fn uniform(seed: u64, n: usize) -> Vec<f64> {
    (1..=n as u64)
        .map(|i| {
            let mut z = seed.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 * 2.0_f64.powi(-53)
        })
        .collect()
}

fn numbers_of(shape: &str, seed: u64, n: usize) -> Vec<f64> {
    let of = |u: f64| match shape {
        "uniform" => u,
        "shifted" => u + 0.05,
        "squared" => u * u,
        "far" => u + 10.0,
        "rounded" => (u * 8.0).floor(),
        "tenths" => (u * 100.0).floor() / 10.0,
        "few" => (u * 3.0).floor(),
        "constant" => 4.0,
        "signed" => (u - 0.5) * 1e6,
        "tiny" => u * 1e-9,
        _ => panic!("{shape}"),
    };
    let mut values: Vec<f64> = uniform(seed, n).into_iter().map(of).collect();
    sort(&mut values);
    values
}

fn expected() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/drift/expected.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn near(found: f64, wanted: f64, within: f64) -> bool {
    found == wanted || (found - wanted).abs() <= within * wanted.abs().max(1e-300)
}

#[test]
fn numbers_are_compared_as_scipy_and_evidently_do() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for case in expected()["numeric"].as_array().unwrap() {
        let size = |key: &str| case[key].as_u64().unwrap();
        let side = |key: &str, n: &str, seed| numbers_of(case[key].as_str().unwrap(), seed, size(n) as usize);
        let (a, b) = (side("reference", "n", size("seed")), side("current", "m", size("seed") + 1));
        let (a, b) = (Sorted::new(&a), Sorted::new(&b));
        let name = format!("{} {} {} {}", case["reference"], case["current"], size("n"), size("m"));
        for (method, key) in Method::ALL.iter().filter(|(method, _)| method.takes(Kind::Numeric)) {
            let found = numbers(*method, a, b).ok();
            let wanted = case[*key].as_f64();
            let score = found.map(|found| found.score()).filter(|score| score.is_finite());
            // Distances near 0 are differences of numbers near 1; p-values have to be right however small.
            let rounding = if method.is_test() { 0.0 } else { 1e-12 };
            let equal = match (score, wanted) {
                (Some(found), Some(wanted)) => near(found, wanted, 1e-9) || (found - wanted).abs() < rounding,
                (None, None) => true,
                _ => false,
            };
            seen += 1;
            if !equal {
                wrong.push(format!("{name} {key}: {score:?}, wanted {wanted:?}"));
            }
            if let (Some(found), Some(wanted)) = (found, case[format!("{key}_statistic")].as_f64())
                && !near(found.statistic, wanted, 1e-9)
            {
                wrong.push(format!("{name} {key} statistic: {}, wanted {wanted}", found.statistic));
            }
        }
    }
    assert!(seen > 100 && wrong.is_empty(), "{seen} seen\n{}", wrong.join("\n"));
}

#[test]
fn categories_are_compared_as_scipy_and_evidently_do() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for case in expected()["categorical"].as_array().unwrap() {
        let counts = |key: &str| case[key].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect::<Vec<_>>();
        let (a, b) = (counts("reference"), counts("current"));
        for (method, key) in Method::ALL.iter().filter(|(method, _)| method.takes(Kind::Categorical)) {
            let found = categories(*method, &a, &b).ok().map(|found| found.score()).filter(|score| score.is_finite());
            let wanted = case[*key].as_f64();
            // Evidently's z takes its p-value from 1, and so knows none below 1e-16.
            let rounding = if method.is_test() && *method != Method::Z { 0.0 } else { 1e-12 };
            let equal = match (found, wanted) {
                (Some(found), Some(wanted)) => near(found, wanted, 1e-9) || (found - wanted).abs() < rounding,
                (None, None) => true,
                // SciPy gives NaN where there is but one category, and so no way to differ.
                (Some(found), None) => a.len() == 1 && found == 1.0,
                _ => false,
            };
            seen += 1;
            if !equal {
                wrong.push(format!("{a:?} {b:?} {key}: {found:?}, wanted {wanted:?}"));
            }
        }
    }
    assert!(seen > 50 && wrong.is_empty(), "{seen} seen\n{}", wrong.join("\n"));
}

#[test]
fn p_values_are_adjusted_as_scipy_does() {
    let expected = &expected()["adjusted"];
    let list = |key: &str| expected[key].as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).collect::<Vec<_>>();
    let (p, wanted) = (list("p"), list("benjamini_hochberg"));
    assert!(p.len() > 10 && benjamini_hochberg(&p).iter().zip(&wanted).all(|(a, b)| near(*a, *b, 1e-12)));
    assert_eq!(bonferroni(&[0.01, 0.4, 0.6]), [0.03, 1.0, 1.0]);
    assert!(benjamini_hochberg(&[]).is_empty());
}

#[test]
fn names_and_thresholds_are_evidentlys() {
    for (method, name) in Method::ALL {
        assert_eq!((Method::parse(name), method.name()), (Some(method), name));
    }
    assert_eq!(Method::parse("kolmogorov"), None);
    assert_eq!(Method::choose(Kind::Numeric, 1000, 6), (Method::Ks, Kind::Numeric));
    assert_eq!(Method::choose(Kind::Numeric, 1001, 6), (Method::Wasserstein, Kind::Numeric));
    assert_eq!(Method::choose(Kind::Numeric, 1001, 5), (Method::JensenShannon, Kind::Categorical));
    assert_eq!(Method::choose(Kind::Categorical, 900, 2), (Method::Z, Kind::Categorical));
    assert_eq!(Method::choose(Kind::Numeric, 900, 3), (Method::ChiSquare, Kind::Categorical));
    let none = Compared { statistic: f64::NAN, p: None };
    assert_eq!(none.drifted(Method::Psi, 0.1), None, "not a number is no answer");
    assert_eq!(Compared { statistic: 0.1, p: None }.drifted(Method::Psi, 0.1), Some(true));
    assert_eq!(Compared { statistic: 9.0, p: Some(0.05) }.drifted(Method::Ks, 0.05), Some(true));
    assert_eq!(Compared { statistic: 9.0, p: Some(0.05) }.drifted(Method::ChiSquare, 0.05), Some(false));
}

#[test]
fn an_empty_side_is_no_answer() {
    let one = [1.0];
    for (method, _) in Method::ALL {
        assert!(numbers(method, Sorted::new(&[]), Sorted::new(&one)).is_err());
        assert!(categories(method, &[], &[]).is_err());
        assert!(categories(method, &[0, 0], &[1, 2]).is_err());
    }
}

#[test]
fn mmd_is_evidentlys() {
    let mut seen = 0;
    for case in expected()["mmd"].as_array().unwrap() {
        let size = |key: &str| case[key].as_u64().unwrap();
        let side = |rows: &str, seed: u64| uniform(seed, (size(rows) * size("columns")) as usize);
        let (a, mut b) = (side("n", size("seed")), side("m", size("seed") + 1));
        b.iter_mut().for_each(|value| *value += case["shift"].as_f64().unwrap());
        let [a, b] = [&a, &b].map(|values| Matrix::new(values, size("columns") as usize).unwrap());
        let (found, wanted) = (mmd(a, b).unwrap(), case["mmd"].as_f64().unwrap());
        assert!((found - wanted).abs() < 1e-12, "{case}: {found}");
        seen += 1;
    }
    assert!(seen >= 4);
}

#[test]
fn bins_hold_every_value_once_and_say_where_they_lie() {
    let (a, b) = (numbers_of("uniform", 1, 300), numbers_of("shifted", 2, 200));
    let found = binned(Sorted::new(&a), Sorted::new(&b));
    assert!(!found.by_value && found.edges.len() == found.reference.len() + 1);
    assert_eq!((found.reference.iter().sum::<u64>(), found.current.iter().sum::<u64>()), (300, 200));
    let (a, b) = ([1.0, 1.0, 2.0], [0.5, 2.0, 7.0]);
    let found = binned(Sorted::new(&a), Sorted::new(&b));
    assert_eq!((found.by_value, found.edges), (true, vec![0.5, 1.0, 2.0, 7.0]));
    assert_eq!((found.reference, found.current), (vec![0, 2, 1, 0], vec![1, 0, 1, 1]));
}

#[test]
fn texts_have_length_and_unknown_words() {
    let mut known = Vocabulary::default();
    known.add("Red, green & BLUE");
    assert_eq!((known.len(), characters("naïve")), (3, 5));
    assert_eq!(known.unknown_share("blue blue refund red"), Some(0.25));
    assert_eq!(known.unknown_share(" -- "), None);
}

/// The bounded walk against the plain one, which looks at every lattice point.
#[test]
fn exact_probabilities_are_those_of_all_paths() {
    for (n, m) in [(1_u64, 2_u64), (5, 3), (7, 12), (40, 41)] {
        for most in 1..=n * m {
            let mut row = vec![0.0_f64; m as usize + 1];
            for i in 0..=n {
                for j in 0..=m {
                    let (at, i_share) = (j as usize, i as f64 / (i + j).max(1) as f64);
                    let left = if j == 0 { 0.0 } else { row[at - 1] };
                    let above = i_share * row[at] + (1.0 - i_share) * left;
                    row[at] = match (i * m).abs_diff(j * n) {
                        off if off >= most => 1.0,
                        _ if i + j == 0 => 0.0,
                        _ => above,
                    };
                }
            }
            let (found, wanted) = (kolmogorov::two_samples(n, m, u128::from(most)), row[m as usize]);
            assert!(near(found, wanted, 1e-12), "{n} {m} {most}: {found}, wanted {wanted}");
        }
    }
}

#[test]
fn the_radix_sort_sorts() {
    let mut random = Random::seeded(3);
    for n in [0, 1, 4095, 4096, 100_000] {
        let mut values: Vec<f64> = (0..n).map(|_| f64::from_bits(random.bits())).filter(|v| !v.is_nan()).collect();
        values.extend([0.0, -0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE]);
        let mut wanted: Vec<f64> = values.iter().map(|v| v + 0.0).collect();
        wanted.sort_unstable_by(f64::total_cmp);
        sort(&mut values);
        assert!(values.iter().zip(&wanted).all(|(a, b)| a == b), "{n}");
        assert_eq!(values.len(), wanted.len());
    }
}

#[test]
fn embeddings_and_texts_are_told_apart_when_they_differ() {
    let mut random = Random::seeded(5);
    let mut cloud = |n: usize, shift: f64| -> Vec<f64> {
        (0..n * 8)
            .map(|i| (0..12).map(|_| random.uniform()).sum::<f64>() - 6.0 + if i % 8 == 0 { shift } else { 0.0 })
            .collect()
    };
    let (a, b, c) = (cloud(600, 0.0), cloud(700, 0.0), cloud(700, 2.0));
    let [a, b, c] = [&a, &b, &c].map(|values| Matrix::new(values, 8).unwrap());
    assert!(mmd(a, b).unwrap() < 0.002 && mmd(a, c).unwrap() > 0.015);
    let (same, other) = (domain_classifier(a, b).unwrap(), domain_classifier(a, c).unwrap());
    assert!((0.42..0.56).contains(&same) && other > 0.85, "{same} {other}");
    assert_eq!(domain_classifier(a, c), domain_classifier(a, c));
    assert!(mmd(a, Matrix::new(&[1.0, 2.0], 2).unwrap()).is_err());
    assert!(Matrix::new(&[1.0, f64::NAN], 2).is_err() && Matrix::new(&[1.0], 2).is_err());
    let constant = [3.0; 80];
    let constant = Matrix::new(&constant, 8).unwrap();
    assert_eq!(mmd(constant, constant), Ok(0.0));

    let words = ["red", "green", "blue", "seven", "stone", "river"];
    let mut text = |extra: &str| -> String {
        let some: Vec<&str> = (0..6).map(|_| words[random.below(6) as usize]).collect();
        format!("{} {extra}", some.join(" "))
    };
    let (a, b): (Vec<String>, Vec<String>) = (0..200).map(|_| (text(""), text(""))).unzip();
    let c: Vec<String> = (0..200).map(|i| text(if i % 3 == 0 { "" } else { "refund" })).collect();
    let refer = |texts: &'_ [String]| -> Vec<String> { texts.to_vec() };
    let [a, b, c] = [refer(&a), refer(&b), refer(&c)];
    let view = |texts: &'static [String]| -> Vec<&'static str> { texts.iter().map(String::as_str).collect() };
    let [a, b, c] = [a, b, c].map(|texts| view(Vec::leak(texts)));
    let (same, other) = (domain_classifier_words(&a, &b).unwrap(), domain_classifier_words(&a, &c).unwrap());
    assert!(same < 0.6 && other > 0.75, "{same} {other}");
}

/// By the definition: one step after another of both samples, in order.
fn area_by_definition(a: &[f64], b: &[f64]) -> f64 {
    let mut steps: Vec<(f64, f64)> = a.iter().map(|x| (*x, 1.0 / a.len() as f64)).collect();
    steps.extend(b.iter().map(|x| (*x, -1.0 / b.len() as f64)));
    steps.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (mut apart, mut area) = (0.0_f64, 0.0);
    for pair in steps.windows(2) {
        apart += pair[0].1;
        area += apart.abs() * (pair[1].0 - pair[0].0);
    }
    area
}

#[test]
fn the_area_between_two_samples_is_the_defined_one_however_they_lie() {
    let mut random = Random::seeded(19);
    let shapes: [fn(f64, f64) -> f64; 8] = [
        |u, _| u,
        |u, v| (u + v) * 1e6 - 3e5,
        |u, _| (u * 40.0).floor(),
        |u, v| if v < 0.3 { 7.0 } else { u * 20.0 },
        |u, _| 1e9 + u,
        // Nearly all in one bucket.
        |u, _| 1.0 / (u + 1e-9),
        |u, _| (u - 0.5) * 1e150,
        |_, _| -2.5,
    ];
    assert_eq!(wasserstein(&[-1.7e308], &[1.7e308]).statistic, f64::INFINITY);
    assert!(wasserstein(&[-1.7e308, 1.7e308, 0.0], &[1.7e308]).statistic.is_nan(), "its deviation is beyond numbers");
    for round in 0..400 {
        let shape = |random: &mut Random, shape: usize, n: usize| -> Vec<f64> {
            (0..n).map(|_| shapes[shape](random.uniform(), random.uniform())).collect()
        };
        let (n, m) = (1 + random.below(3000) as usize, 1 + random.below(3000) as usize);
        let of = random.below(8) as usize;
        let other = if round % 3 == 0 { random.below(8) as usize } else { of };
        let (a, mut b) = (shape(&mut random, of, n), shape(&mut random, other, m));
        if round % 2 == 0 {
            b.iter_mut().for_each(|x| *x += 0.02 * x.abs().min(10.0));
        }
        // Scaled by the reference's deviation alone.
        let found = wasserstein(&a, &b).statistic;
        let mean = a.iter().map(|x| x / n as f64).sum::<f64>();
        let spread = (a.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64).sqrt().max(0.001);
        let wanted = area_by_definition(&a, &b) / spread;
        let near = (found - wanted).abs() <= 1e-9 * wanted.abs().max(1e-3);
        assert!(
            near || (found.is_nan() && wanted.is_nan()) || found == wanted,
            "{round}: {found} for {wanted}, {of} and {other}, {n} and {m}"
        );
    }
}

#[test]
fn a_deviation_far_from_zero_keeps_its_digits() {
    let near: Vec<f64> = uniform(5, 50_000).into_iter().map(|u| (u * 4096.0).floor() / 64.0).collect();
    let far: Vec<f64> = near.iter().map(|x| x + 1e12).collect();
    assert!((spread(&near) / spread(&far) - 1.0).abs() < 1e-9, "{} {}", spread(&near), spread(&far));
}
