//! Outcomes → charts: the confusion matrix, the ROC and the precision-recall curve and the calibration of scores; of
//! numbers, the truth by what was predicted and the residuals. Texts have none.

use super::outcomes::{Classes, Outcomes, Predicted, Values};
use crate::model::{Chart, Series};
use crate::stats::calibration::Bins;
use crate::stats::curve::{self, Point, Steps};
use crate::stats::spread;
use std::collections::HashMap;

/// Points of a curve at most, and how far, of an axis, a point that is left out may lie from the line.
const POINTS: usize = 100;
const TOLERANCE: f64 = 0.002;
/// Classes of a confusion matrix at most; the rarest of more are folded into one.
const CLASSES: usize = 30;
const BANDS: usize = 20;
const RESIDUAL_BINS: usize = 24;

/// The charts of a model and, on the same axes, of the baseline. Charts that need what the rows lack, such as both
/// classes, are left out. `level` is that of the intervals, 0 to 1.
pub fn of(candidate: &Predicted, baseline: Option<&Predicted>, level: f64) -> Vec<Chart> {
    let chart = |name: &str, labels: Vec<String>, candidate_series: Series, baseline: Option<Series>| Chart {
        id: format!("quality.{name}"),
        source: candidate.source.clone(),
        rows: candidate.outcomes.len() as u64,
        labels,
        candidate: candidate_series,
        baseline,
    };
    let mut charts = Vec::new();
    match (&candidate.outcomes, baseline.map(|other| (other, &other.outcomes))) {
        (Outcomes::Classes(ours), other) => {
            let theirs = match other {
                Some((other, Outcomes::Classes(theirs))) => Some((other, theirs)),
                _ => None,
            };
            if let Some((labels, ours, theirs)) = confusion((candidate, ours), theirs) {
                charts.push(chart("confusion_matrix", labels, ours, theirs));
            }
            let mut theirs = theirs.map(|(other, theirs)| of_scores(other, theirs, level)).unwrap_or_default();
            for (name, series) in of_scores(candidate, ours, level) {
                let place = theirs.iter().position(|(other, _)| *other == name);
                let other = place.map(|place| theirs.swap_remove(place).1);
                charts.push(chart(name, Vec::new(), series, other));
            }
        }
        (Outcomes::Values(ours), other) => {
            let theirs = match other {
                Some((_, Outcomes::Values(theirs))) => Some(theirs),
                _ => None,
            };
            let of_baseline = theirs.map(quantiles);
            charts.push(chart("truth_by_prediction", Vec::new(), quantiles(ours), of_baseline));
            let (ours, theirs) = (residuals(ours), theirs.map(residuals));
            let sides = [Some(&ours), theirs.as_ref()].into_iter().flatten().map(Vec::as_slice);
            if let Some(range) = spread::common_range(sides) {
                let of_baseline = theirs.map(|residuals| histogram(&residuals, range));
                charts.push(chart("residuals", Vec::new(), histogram(&ours, range), of_baseline));
            }
        }
        _ => {}
    }
    charts
}

/// Four decimals: finer than a pixel.
fn rounded(values: impl Iterator<Item = f64>) -> Vec<f64> {
    values.map(|value| (value * 1e4).round() / 1e4).collect()
}

/// Numbers of any size, to five significant digits.
fn significant(values: impl Iterator<Item = f64>) -> Vec<f64> {
    values.map(|value| format!("{value:.4e}").parse().unwrap_or(value)).collect()
}

/// Labels, and the counts of rows by (true class, predicted class), row by row. Of the baseline by the names of the
/// candidate's classes; the two classes of a binary task are negative and positive, whatever they are called.
fn confusion(
    candidate: (&Predicted, &Classes),
    baseline: Option<(&Predicted, &Classes)>,
) -> Option<(Vec<String>, Series, Option<Series>)> {
    let Classes { classes, truth, predicted, .. } = candidate.1;
    let mut rows = vec![0_u64; classes.len()];
    for code in truth.iter().chain(predicted) {
        *rows.get_mut(*code as usize)? += 1;
    }
    let mut kept: Vec<usize> = (0..classes.len()).collect();
    if classes.len() > CLASSES {
        kept.sort_by_key(|class| (std::cmp::Reverse(rows[*class]), *class));
        kept.truncate(CLASSES - 1);
        kept.sort_unstable();
    }
    let mut labels: Vec<String> = kept.iter().map(|class| classes[*class].clone()).collect();
    let folded = classes.len() - kept.len();
    if folded > 0 {
        labels.push(format!("{folded} others"));
    }
    // By the place of each class.
    let counts = |places: &[usize], (predicted, of): (&Predicted, &Classes)| -> Series {
        let width = labels.len();
        let mut counts = vec![0.0; width * width];
        let weights = predicted.sampling.weights.as_deref();
        for (row, (truth, said)) in of.truth.iter().zip(&of.predicted).enumerate() {
            if let (Some(truth), Some(said)) = (places.get(*truth as usize), places.get(*said as usize)) {
                counts[truth * width + said] += weights.map_or(1.0, |weights| weights[row]);
            }
        }
        vec![("rows", counts)]
    };
    let mut places = vec![labels.len() - 1; classes.len()];
    for (place, class) in kept.iter().enumerate() {
        places[*class] = place;
    }
    let ours = counts(&places, candidate);
    let theirs = baseline.and_then(|other| {
        if candidate.1.binary && other.1.binary {
            return Some(counts(&[0, 1], other));
        }
        let by_name: HashMap<&String, usize> = classes.iter().zip(places.iter().copied()).collect();
        let place = |name| by_name.get(name).copied().or((folded > 0).then_some(labels.len() - 1));
        // A class that the candidate does not know has no place, and a matrix without it would not add up.
        let places: Option<Vec<usize>> = other.1.classes.iter().map(place).collect();
        places.map(|places| counts(&places, other))
    });
    Some((labels, ours, theirs))
}

/// What is drawn of the scores of a binary task, with intervals at a level.
fn of_scores(predicted: &Predicted, classes: &Classes, level: f64) -> Vec<(&'static str, Series)> {
    let Some(ranks) = classes.ranks().filter(|_| classes.binary) else { return Vec::new() };
    let mut all = Vec::new();
    if let Some(steps) = Steps::of(ranks, predicted.sampling.weights.as_deref()) {
        all.push(("roc_curve", curve_series(steps.roc(), ["false_positive_rate", "true_positive_rate"])));
        all.push(("precision_recall_curve", curve_series(steps.precision_recall(), ["recall", "precision"])));
    }
    if let Some(bins) = classes.binned(Bins::Width, &predicted.sampling) {
        let bins = bins.stated(level);
        let calibration = vec![
            ("score", rounded(bins.iter().map(|bin| bin.score))),
            ("positives", rounded(bins.iter().map(|bin| bin.hits))),
            ("low", rounded(bins.iter().map(|bin| bin.interval.low))),
            ("high", rounded(bins.iter().map(|bin| bin.interval.high))),
            ("rows", bins.iter().map(|bin| bin.rows as f64).collect()),
        ];
        all.push(("calibration", calibration));
    }
    all
}

fn curve_series(points: Vec<Point>, [x, y]: [&'static str; 2]) -> Series {
    let points = curve::thin(&points, POINTS, TOLERANCE);
    vec![(x, rounded(points.iter().map(|point| point.0))), (y, rounded(points.iter().map(|point| point.1)))]
}

fn quantiles(of: &Values) -> Series {
    let bands = spread::bands(&of.truth, &of.predicted, BANDS);
    let names = ["low", "lower_quartile", "median", "upper_quartile", "high"];
    let mut series = vec![("predicted", significant(bands.iter().map(|band| band.predicted)))];
    series.extend((0..).zip(names).map(|(at, name)| (name, significant(bands.iter().map(|band: &_| band.truth[at])))));
    series
}

fn residuals(of: &Values) -> Vec<f64> {
    of.truth.iter().zip(&of.predicted).map(|(truth, predicted)| truth - predicted).collect()
}

fn histogram(residuals: &[f64], range: (f64, f64)) -> Series {
    let width = (range.1 - range.0) / RESIDUAL_BINS as f64;
    let edges = (0..RESIDUAL_BINS).map(|bin| range.0 + width * bin as f64);
    let shares = spread::histogram(residuals, range, RESIDUAL_BINS);
    vec![("from", significant(edges)), ("share", significant(shares.into_iter()))]
}

#[cfg(test)]
mod tests {
    use super::super::outcomes::{Sampling, Scores, Shared};
    use super::*;

    fn predicted(outcomes: Outcomes) -> Predicted {
        let sampling = Sampling::default();
        Predicted {
            source: "p.csv".into(),
            outcomes,
            sampling,
            ids: None,
            slices: vec![],
            found: None,
            without: vec![],
            custom: vec![],
        }
    }

    fn classes(names: &[&str], truth: &[u32], said: &[u32], scores: Option<&[f64]>) -> Predicted {
        predicted(Outcomes::Classes(Classes {
            classes: names.iter().map(|name| name.to_string()).collect(),
            binary: scores.is_some(),
            truth: truth.to_vec(),
            predicted: said.to_vec(),
            scores: scores.map(|s| Scores { values: s.to_vec(), width: 1, epsilon: f64::EPSILON }),
            ks: Vec::new(),
            bins: 10,
            shared: Shared::default(),
        }))
    }

    fn column<'a>(series: &'a Series, name: &str) -> &'a [f64] {
        &series.iter().find(|(known, _)| *known == name).unwrap().1
    }

    #[test]
    fn a_confusion_matrix_has_its_baseline_by_name() {
        let ours = classes(&["cat", "dog", "fox"], &[0, 0, 1, 2], &[0, 1, 1, 2], None);
        let theirs = classes(&["fox", "cat"], &[0, 1, 1], &[1, 1, 0], None);
        let charts = of(&ours, Some(&theirs), 0.95);
        assert_eq!(charts.len(), 1);
        assert_eq!(charts[0].labels, ["cat", "dog", "fox"]);
        assert_eq!(column(&charts[0].candidate, "rows"), [1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        let theirs = charts[0].baseline.as_ref().unwrap();
        assert_eq!(column(theirs, "rows"), [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        let strange = classes(&["owl", "cat"], &[0], &[0], None);
        assert_eq!(of(&ours, Some(&strange), 0.95)[0].baseline, None);
    }

    #[test]
    fn the_rarest_of_many_classes_are_folded() {
        let names: Vec<String> = (0..40).map(|i| format!("c{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let truth: Vec<u32> = (0..40).flat_map(|class| vec![class; class as usize + 1]).collect();
        let charts = of(&classes(&names, &truth, &truth, None), None, 0.95);
        let chart = &charts[0];
        assert_eq!((chart.labels.len(), chart.labels[0].as_str(), chart.labels[29].as_str()), (30, "c11", "11 others"));
        let rows = column(&chart.candidate, "rows");
        assert_eq!(rows.iter().sum::<f64>(), truth.len() as f64);
        assert_eq!((rows[0], rows[899]), (12.0, 66.0));
    }

    #[test]
    fn scores_of_two_classes_make_curves_and_of_one_none() {
        let scored = |truth: &[u32]| classes(&["0", "1"], truth, &[0, 0, 1, 1], Some(&[0.1, 0.4, 0.6, 0.9]));
        let names = |charts: &[Chart]| charts.iter().map(|c| c.id.replace("quality.", "")).collect::<Vec<_>>();
        let charts = of(&scored(&[0, 1, 0, 1]), Some(&scored(&[0, 0, 1, 1])), 0.95);
        assert_eq!(names(&charts), ["confusion_matrix", "roc_curve", "precision_recall_curve", "calibration"]);
        assert_eq!(column(&charts[1].candidate, "true_positive_rate"), [0.0, 0.5, 0.5, 1.0, 1.0]);
        assert_eq!(column(charts[1].baseline.as_ref().unwrap(), "true_positive_rate"), [0.0, 1.0, 1.0]);
        assert_eq!(names(&of(&scored(&[1, 1, 1, 1]), None, 0.95)), ["confusion_matrix", "calibration"]);
    }

    #[test]
    fn numbers_are_drawn_on_the_baselines_axes() {
        let truth: Vec<f64> = (0..200).map(f64::from).collect();
        let off = |by: f64| {
            let said = truth.iter().map(|t| t + if *t % 2.0 == 0.0 { by } else { -by }).collect();
            predicted(Outcomes::Values(Values { truth: truth.clone(), predicted: said }))
        };
        let charts = of(&off(1.0), Some(&off(3.0)), 0.95);
        let residuals = &charts[1];
        let theirs = residuals.baseline.as_ref().unwrap();
        assert_eq!(column(&residuals.candidate, "from"), column(theirs, "from"));
        assert_eq!((column(theirs, "share")[0], column(&residuals.candidate, "share")[0]), (0.5, 0.0));
        assert_eq!(column(&charts[0].candidate, "median").len(), 8);
        assert!(charts.iter().flat_map(|c| &c.candidate).all(|(_, values)| values.iter().all(|v| v.is_finite())));
    }
}
