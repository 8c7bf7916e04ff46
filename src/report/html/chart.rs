//! The charts of a record as SVG paths. A record may be a stranger's: what does not fit together is not drawn.

use super::axis::{self, Frame, Tick};
use crate::model::Unit;
use crate::record::wire::{Chart, Distribution};
use crate::report::matrix::Matrix;
use crate::report::text::{count, one_line};
use serde::Serialize;
use std::collections::BTreeMap;

/// Numbers in a column at most; a record of ours has fewer.
const MOST: usize = 1000;

#[derive(Default, Serialize)]
pub struct Drawing {
    title: String,
    caption: String,
    /// For those who cannot see it.
    summary: String,
    matrix: Option<Matrix>,
    x_label: &'static str,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    shapes: Vec<Shape>,
    dots: Vec<Dot>,
    legend: Vec<Legend>,
}

#[derive(Serialize)]
struct Shape {
    class: &'static str,
    path: String,
}

#[derive(Serialize)]
struct Dot {
    class: &'static str,
    x: f64,
    y: f64,
    r: f64,
    title: String,
}

#[derive(Serialize)]
struct Legend {
    side: &'static str,
    text: String,
}

/// One side's columns.
type Columns = BTreeMap<String, Vec<f64>>;

/// Columns of one length with finite numbers, or none of them.
fn columns<'a, const N: usize>(of: &'a Columns, names: [&str; N]) -> Option<[&'a [f64]; N]> {
    let mut found = [[].as_slice(); N];
    for (place, name) in found.iter_mut().zip(names) {
        *place = of.get(name)?;
    }
    let length = found.first()?.len();
    let fits = |column: &&[f64]| column.len() == length && column.iter().all(|number| number.is_finite());
    ((1..=MOST).contains(&length) && found.iter().all(fits)).then_some(found)
}

/// None for a chart that this version does not know, or that is none. `confusion` is the matrix of the same rows.
pub fn draw(chart: &Chart, confusion: Option<&Chart>) -> Option<Drawing> {
    let drawing = match chart.id.rsplit('.').next()? {
        "confusion_matrix" => Drawing {
            title: "Confusion matrix".into(),
            caption: "rows are true classes, columns predicted ones; in brackets: against the baseline".into(),
            matrix: Some(Matrix::of(chart)?),
            ..Drawing::default()
        },
        "roc_curve" => curve(chart, "ROC curve", ["false_positive_rate", "true_positive_rate"], confusion)?,
        "precision_recall_curve" => curve(chart, "Precision and recall", ["recall", "precision"], confusion)?,
        "calibration" => calibration(chart)?,
        "truth_by_prediction" => truth(chart)?,
        "residuals" => residuals(chart)?,
        _ => return None,
    };
    let rows = format!("{} rows", Unit::Count.show(chart.rows as f64));
    let caption = if drawing.caption.is_empty() { rows } else { format!("{rows}; {}", drawing.caption) };
    Some(Drawing { caption, ..drawing })
}

fn legend(has_baseline: bool) -> Vec<Legend> {
    let sides = [("ours", "candidate"), ("theirs", "baseline")];
    let shown = sides.into_iter().take(if has_baseline { 2 } else { 0 });
    shown.map(|(side, text)| Legend { side, text: text.into() }).collect()
}

fn curve(chart: &Chart, title: &str, names: [&str; 2], confusion: Option<&Chart>) -> Option<Drawing> {
    let frame = Frame::new((0.0, 1.0), (0.0, 1.0));
    let is_roc = names[0] == "false_positive_rate";
    let [x, y] = columns(&chart.candidate, names)?;
    let theirs = chart.baseline.as_ref().and_then(|of| columns(of, names));
    let mut shapes = Vec::new();
    if is_roc {
        shapes.push(Shape { class: "diagonal", path: frame.line(&[0.0, 1.0], &[0.0, 1.0]) });
    }
    let area = [frame.line(x, y), frame.drop_to_zero(x)].concat();
    shapes.push(Shape { class: "fill", path: area });
    shapes.extend(theirs.map(|[x, y]| Shape { class: "line theirs", path: frame.line(x, y) }));
    shapes.push(Shape { class: "line ours", path: frame.line(x, y) });
    let dots = confusion.and_then(|matrix| threshold(matrix, is_roc)).map(|(x, y)| {
        let title =
            format!("at the threshold: {} {}, {} {}", names[0], Unit::Score.show(x), names[1], Unit::Score.show(y));
        Dot { class: "spot ours", x: frame.x(x), y: frame.y(y), r: 4.0, title: title.replace('_', " ") }
    });
    let (caption, x_label) = match is_roc {
        true => ("true positive rate, upwards; the dot is the threshold", "false positive rate"),
        false => ("precision, upwards; the dot is the threshold", "recall"),
    };
    let summary = format!("a curve through {} points, {caption}, by {x_label}", x.len());
    let ticks = frame.shares();
    Some(Drawing {
        title: title.into(),
        caption: caption.into(),
        summary,
        x_label,
        x_ticks: ticks.0,
        y_ticks: ticks.1,
        shapes,
        dots: dots.into_iter().collect(),
        legend: legend(theirs.is_some()),
        ..Drawing::default()
    })
}

/// Where the predicted classes lie on the curve.
fn threshold(matrix: &Chart, is_roc: bool) -> Option<(f64, f64)> {
    let [rows] = columns(&matrix.candidate, ["rows"])?;
    let [right_no, alarm, miss, hit] = *rows else { return None };
    let (recall, precision) = (hit / (hit + miss), hit / (hit + alarm));
    let point = if is_roc { (alarm / (alarm + right_no), recall) } else { (recall, precision) };
    (point.0.is_finite() && point.1.is_finite()).then_some(point)
}

fn calibration(chart: &Chart) -> Option<Drawing> {
    let names = ["score", "positives", "low", "high", "rows"];
    let frame = Frame::new((0.0, 1.0), (0.0, 1.0));
    let [score, positives, low, high, rows] = columns(&chart.candidate, names)?;
    let most = rows.iter().copied().fold(0.0, f64::max).max(1.0);
    let mut shapes = vec![Shape { class: "diagonal", path: frame.line(&[0.0, 1.0], &[0.0, 1.0]) }];
    let width = 0.04;
    for (at, rows) in score.iter().zip(rows) {
        shapes.push(Shape { class: "rows", path: frame.column(at - width / 2.0, width, 0.18 * rows.max(0.0) / most) });
    }
    let theirs = chart.baseline.as_ref().and_then(|of| columns(of, names));
    shapes.extend(
        theirs.map(|[score, positives, ..]| Shape { class: "line theirs", path: frame.line(score, positives) }),
    );
    for ((at, low), high) in score.iter().zip(low).zip(high) {
        shapes.push(Shape { class: "whisker ours", path: frame.line(&[*at, *at], &[*low, *high]) });
    }
    shapes.push(Shape { class: "line ours", path: frame.line(score, positives) });
    let dots = score.iter().zip(positives).zip(rows).map(|((score, positives), rows)| {
        let show = |share: &f64| Unit::Share.show(*share);
        let title = format!("{} rows at {}: {} positive", Unit::Count.show(*rows), show(score), show(positives));
        Dot { class: "spot ours", x: frame.x(*score), y: frame.y(*positives), r: 3.5, title }
    });
    let ticks = frame.shares();
    Some(Drawing {
        title: "Calibration".into(),
        caption: "share of positives by score, with intervals; grey: where the rows are".into(),
        summary: format!("share of positives by mean score of {}", count(score.len(), "bin")),
        x_label: "score",
        x_ticks: ticks.0,
        y_ticks: ticks.1,
        dots: dots.collect(),
        shapes,
        legend: legend(theirs.is_some()),
        ..Drawing::default()
    })
}

fn truth(chart: &Chart) -> Option<Drawing> {
    let names = ["predicted", "low", "lower_quartile", "median", "upper_quartile", "high"];
    let ours = columns(&chart.candidate, names)?;
    let theirs = chart.baseline.as_ref().and_then(|of| columns(of, names));
    let numbers = |columns: &[&[f64]]| columns.iter().flat_map(|column| column.iter().copied()).collect::<Vec<_>>();
    let range = axis::range(numbers(&ours).into_iter().chain(theirs.iter().flat_map(|theirs| numbers(theirs))))?;
    let frame = Frame::new(range, range);
    let [predicted, low, lower, median, upper, high] = ours;
    let mut shapes = vec![
        Shape { class: "fill", path: frame.band(predicted, low, high) },
        Shape { class: "fill", path: frame.band(predicted, lower, upper) },
        Shape { class: "diagonal", path: frame.line(&[range.0, range.1], &[range.0, range.1]) },
    ];
    shapes.extend(theirs.iter().flat_map(|[predicted, low, _, median, _, high]| {
        [
            Shape { class: "rim theirs", path: frame.line(predicted, low) },
            Shape { class: "rim theirs", path: frame.line(predicted, high) },
            Shape { class: "line theirs", path: frame.line(predicted, median) },
        ]
    }));
    shapes.push(Shape { class: "line ours", path: frame.line(predicted, median) });
    Some(Drawing {
        title: "Truth by prediction".into(),
        caption: "median of the true values, upwards; tinted: the middle 50 % and 90 % of the rows".into(),
        summary: format!("quantiles of the truth of {} of neighbouring predictions", count(median.len(), "band")),
        x_label: "predicted",
        x_ticks: frame.x_ticks(),
        y_ticks: frame.y_ticks(),
        shapes,
        legend: legend(theirs.is_some()),
        ..Drawing::default()
    })
}

fn residuals(chart: &Chart) -> Option<Drawing> {
    let names = ["from", "share"];
    let [from, share] = columns(&chart.candidate, names)?;
    let theirs = chart.baseline.as_ref().and_then(|of| columns(of, names)).filter(|theirs| theirs[0] == from);
    let width = from.get(1)? - from[0];
    let tallest = share.iter().chain(theirs.iter().flat_map(|theirs| theirs[1])).copied().fold(0.0, f64::max);
    let frame = Frame::new((from[0], from.last()? + width), (0.0, tallest));
    let column = |(from, share): (&f64, &f64)| Shape { class: "column", path: frame.column(*from, width, *share) };
    let mut shapes: Vec<Shape> = from.iter().zip(share).map(column).collect();
    shapes.extend(theirs.map(|[from, share]| Shape { class: "rim theirs", path: frame.steps(from, width, share) }));
    if from[0] < 0.0 {
        shapes.push(Shape { class: "diagonal", path: frame.line(&[0.0, 0.0], &[0.0, tallest]) });
    }
    Some(Drawing {
        title: "Residuals".into(),
        caption: "true − predicted; share of rows, upwards".into(),
        summary: format!("shares of rows in {}", count(share.len(), "range")),
        x_label: "true − predicted",
        x_ticks: frame.x_ticks(),
        y_ticks: frame.y_share_ticks(),
        shapes,
        legend: legend(theirs.is_some()),
        ..Drawing::default()
    })
}

/// The two distributions of a column side by side, bar by bar.
pub fn distribution(of: &Distribution) -> Option<Drawing> {
    let Distribution { id, labels, reference, current } = of;
    let n = labels.len();
    if n == 0 || n > 60 || reference.len() != n || current.len() != n {
        return None;
    }
    let shares = |side: &[f64]| side.iter().map(|s| if s.is_finite() { s.clamp(0.0, 1.0) } else { 0.0 }).collect();
    let (reference, current): (Vec<f64>, Vec<f64>) = (shares(reference), shares(current));
    let tallest = reference.iter().chain(&current).copied().fold(0.0, f64::max).max(1e-9);
    let frame = Frame::new((0.0, n as f64), (0.0, tallest));
    let columns = |side: &[f64], at: f64, class: &'static str| -> Vec<Shape> {
        let column = |(i, share): (usize, &f64)| frame.column(i as f64 + at, 0.38, *share);
        side.iter().enumerate().map(column).map(|path| Shape { class, path }).collect()
    };
    let mut shapes = columns(&reference, 0.11, "before");
    shapes.extend(columns(&current, 0.51, "column"));
    let every = n.div_ceil(6);
    let tick = |(i, label): (usize, &String)| Tick::new(frame.x(i as f64 + 0.5), one_line(label, 9));
    Some(Drawing {
        title: one_line(id, 120),
        caption: "share of values".into(),
        summary: format!("shares of both sides in {}: {}", count(n, "bar"), one_line(&labels.join(", "), 300)),
        x_ticks: labels.iter().enumerate().step_by(every).map(tick).collect(),
        y_ticks: frame.y_share_ticks(),
        shapes,
        legend: vec![
            Legend { side: "theirs", text: "reference".into() },
            Legend { side: "ours", text: "current".into() },
        ],
        ..Drawing::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(id: &str, columns: &[(&str, &[f64])]) -> Chart {
        let candidate: Columns = columns.iter().map(|(name, values)| (name.to_string(), values.to_vec())).collect();
        Chart {
            id: id.into(),
            source: String::new(),
            rows: 4,
            labels: vec![],
            baseline: Some(candidate.clone()),
            candidate,
        }
    }

    #[test]
    fn every_chart_of_ours_is_drawn_with_its_baseline() {
        let line: &[f64] = &[0.0, 0.5, 1.0];
        for (id, names) in [
            ("quality.roc_curve", ["false_positive_rate", "true_positive_rate"].as_slice()),
            ("quality.precision_recall_curve", &["recall", "precision"]),
            ("quality.calibration", &["score", "positives", "low", "high", "rows"]),
            (
                "quality.truth_by_prediction",
                &["predicted", "low", "lower_quartile", "median", "upper_quartile", "high"],
            ),
            ("quality.residuals", &["from", "share"]),
        ] {
            let columns: Vec<(&str, &[f64])> = names.iter().map(|name| (*name, line)).collect();
            let drawing = draw(&chart(id, &columns), None).unwrap_or_else(|| panic!("{id}"));
            assert_eq!(drawing.legend.len(), 2, "{id}");
            assert!(drawing.shapes.iter().any(|shape| shape.class.contains("theirs")), "{id}");
            assert!(!drawing.x_ticks.is_empty() && !drawing.y_ticks.is_empty(), "{id}");
            assert!(draw(&chart(id, &columns[1..]), None).is_none(), "{id}: a column is missing");
        }
    }

    #[test]
    fn a_matrix_of_two_classes_gives_the_threshold() {
        let matrix = chart("quality.confusion_matrix", &[("rows", &[90.0, 10.0, 5.0, 15.0])]);
        assert_eq!(threshold(&matrix, true), Some((0.1, 0.75)));
        assert_eq!(threshold(&matrix, false), Some((0.75, 0.6)));
        assert_eq!(threshold(&chart("", &[("rows", &[1.0, 0.0, 0.0, 0.0])]), true), None, "no positive row");
        assert_eq!(threshold(&chart("", &[("rows", &[1.0; 9])]), true), None, "three classes");
    }

    #[test]
    fn what_does_not_fit_together_is_not_drawn() {
        let of = |x: &[f64], y: &[f64]| {
            draw(&chart("quality.roc_curve", &[("false_positive_rate", x), ("true_positive_rate", y)]), None).is_none()
        };
        assert!(of(&[], &[]) && of(&[0.0], &[0.0, 1.0]) && of(&[f64::NAN], &[0.0]) && of(&[0.0; 2000], &[0.0; 2000]));
        assert!(draw(&chart("quality.unheard_of", &[]), None).is_none());
        let sides = |reference: Vec<f64>| Distribution {
            id: "d".into(),
            labels: vec!["a".into()],
            reference,
            current: vec![1.0],
        };
        assert!(distribution(&sides(vec![])).is_none());
        assert!(distribution(&sides(vec![f64::INFINITY])).is_some());
    }
}
